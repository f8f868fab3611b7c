"""PySpark: the same questions on a cluster; Parquet is read where it lies.

The session is made for one table and ended with it, so that a cluster is free while a model trains. Must not: move rows
to this machine; wait for a cluster that is not there; take an answer from which a part is missing.
"""

from __future__ import annotations

import re
import socket
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import narwhals as nw

from audit.counting.backends.narwhals import NarwhalsScan, plain, refuse_rounding
from audit.errors import QuestionError, SourceError, printable
from audit.tables.files import Part
from audit.tables.formats.parquet import list_keys
from audit.tables.lazy import SparkTable
from audit.tables.table import Table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOCAL = "local[*]"
STANDALONE, DEFAULT_PORT = "spark://", 7077
KNOCK_S, WITHOUT_WORKERS_S, POLL_S = 5.0, 45.0, 1.0
"""Patience with a master that does not answer, and with a cluster that has no worker."""
INFERENCE = "spark.sql.sources.partitionColumnTypeInference.enabled"
ESCAPE = re.compile("%([0-9A-Fa-f]{2})")
GLOB = "\\*?[]{}"
QUIET = """rootLogger.level = error
rootLogger.appenderRef.err.ref = err
appender.err.type = Console
appender.err.name = err
appender.err.target = SYSTEM_ERR
appender.err.layout.type = PatternLayout
appender.err.filter.only.type = ThresholdFilter
appender.err.filter.only.level = fatal
"""
SHUFFLED = "16"
"""Tasks that add up the cells of all workers: Spark's 200 are for tables, and cells are few."""


class SparkEngine:
    """Counts on a Spark cluster, or on this machine where no master is named."""

    name = "spark"

    def __init__(self, master: str | None = None) -> None:
        self.master = master or LOCAL

    @contextmanager
    def scan(self, table: Table, columns: Sequence[str]) -> Iterator[NarwhalsScan]:
        """Open some columns of a table for reading; a frame is counted by its own session."""
        if isinstance(table, SparkTable):
            master = str(table.frame.to_native().sparkSession.conf.get("spark.master", ""))
            with _complaints(table) as failures, _watched(table.frame.to_native().sparkSession, master, failures):
                yield _narrowed([table.frame], table, columns)
            return
        if not table.parts or table.parts[0].format != "parquet":
            raise SourceError(
                f"{printable(table.name)}: engine spark reads Parquet; write the table as Parquet, or use duckdb"
            )
        with (
            session(self.master) as spark,
            _complaints(table) as failures,
            _watched(spark, self.master, failures),
            _folders_as_text(spark),
        ):
            yield _narrowed(
                [nw.from_native(_rows(spark, table, files)) for files in table.group_by_types()], table, columns
            )


def _narrowed(frames: Sequence[nw.LazyFrame[Any]], table: Table, columns: Sequence[str]) -> NarwhalsScan:
    """Chosen columns of all frames, each in the one type of its kind."""
    found = NarwhalsScan(nw.concat([plain(some, table, columns) for some in frames]))
    refuse_rounding(found, table, columns)
    return found


@contextmanager
def _folders_as_text(spark: SparkSession) -> Iterator[None]:
    """Have Spark read what folders say as it stands, and not as numbers or dates that it looks like."""
    before = spark.conf.get(INFERENCE)
    spark.conf.set(INFERENCE, "false")
    try:
        yield
    finally:
        spark.conf.set(INFERENCE, before)


def _rows(spark: SparkSession, table: Table, files: Sequence[Part]) -> Any:
    """Frame of some parts, with what their folders say; those of one base are read together."""
    bases: dict[Path | None, list[Part]] = {}
    for part in files:
        bases.setdefault(part.base, []).append(part)
    frames = []
    for base, parts in bases.items():
        reader = spark.read if base is None else spark.read.option("basePath", _spelled(base, ""))
        frames.append(reader.parquet(*(_spelled(part.path, GLOB) for part in parts)))
    frame = reduce(lambda one, other: one.unionByName(other), frames)
    for key in list_keys(files):
        said = _said_otherwise(table, key)
        frame = frame.replace(said, subset=[key]) if said else frame
    return frame


def _spelled(path: Path, special: str) -> str:
    """Path as Hadoop takes it: no percent signs for other characters, and a backslash before what makes a pattern."""
    return "file://" + "".join(f"\\{c}" if c in special else c for c in str(path.absolute()))


def _said_otherwise(table: Table, key: str) -> dict[str, str]:
    """What Spark makes of a folder's name and what it says, where these differ: Spark reads no UTF-8 in escapes."""
    found: dict[str, str] = {}
    for part in table.parts:
        keys = [name for name, _ in part.keys]
        folder = part.path.parts[len(part.path.parts) - 1 - len(keys) + keys.index(key)]
        raw, value = folder.partition("=")[2], dict(part.keys)[key]
        read = ESCAPE.sub(lambda found: chr(int(found[1], 16)), raw)
        if value is not None and found.setdefault(read, value) != value:
            raise SourceError(f"{part.shown}: Spark cannot separate its folder from another one; use engine duckdb")
    return {read: value for read, value in found.items() if read != value}


@contextmanager
def session(master: str) -> Iterator[SparkSession]:
    """Session of a master; one that runs already is used and left running.

    Raises
    ------
    QuestionError
        When PySpark is not installed.
    SourceError
        When no master answers.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PySpark warns of every pandas that is newer than itself
            from pyspark.sql import SparkSession
    except ImportError:
        raise QuestionError("engine spark needs PySpark and Java 17; pip install 'evenhand[spark]'") from None
    running = SparkSession.getActiveSession()
    if running is not None:
        yield running
        return
    _knock(master)
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spark = _builder(SparkSession.builder, master, Path(folder)).getOrCreate()
        try:
            yield spark
        finally:
            spark.stop()


def _builder(builder: Any, master: str, folder: Path) -> Any:
    log = folder / "log4j2.properties"
    log.write_text(QUIET, encoding="utf-8")
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": SHUFFLED,
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={log.as_uri()}",
    }
    if not master.startswith(STANDALONE) or _is_here(master):
        settings |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    builder = builder.appName("evenhand").master(master)
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder


def _addresses(master: str) -> list[tuple[str, int]]:
    """Host and port of every standalone master."""
    found = []
    for one in master.removeprefix(STANDALONE).split(","):
        host, _, port = one.rpartition(":")
        found.append((host or one, int(port) if host and port.isdigit() else DEFAULT_PORT))
    return found


def _is_here(master: str) -> bool:
    return all(host in {"127.0.0.1", "localhost", "::1"} for host, _ in _addresses(master))


def _knock(master: str) -> None:
    """Refuse a standalone master that does not answer; Spark itself would try for minutes."""
    if not master.startswith(STANDALONE):
        return
    for host, port in _addresses(master):
        with suppress(OSError), socket.create_connection((host, port), timeout=KNOCK_S):
            return
    raise SourceError(f"no Spark master answers at {printable(master, 120)}; start it, or correct [data] master")


@contextmanager
def _complaints(table: Table) -> Iterator[list[str]]:
    """Turn what Spark raises into one line that names the table; a reason found by the watch goes first."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    found: list[str] = []
    try:
        yield found
    except (PySparkException, Py4JError) as error:
        reason = found[0] if found else _reason(str(error))
        shown = printable(table.name, 160)
        raise SourceError(f"{shown} could not be counted by Spark; nothing was counted: {reason}") from error


def _reason(text: str) -> str:
    """First line of Spark's message that says something, with the file where it names one."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("\tat ")]
    about = next((line for line in lines if "parquet" in line.lower() and "file:" in line), "")
    first = lines[0] if lines else "no reason given"
    return printable(about or first, 200)


@contextmanager
def _watched(spark: SparkSession, master: str, failures: list[str]) -> Iterator[None]:
    """Cancel the jobs of a cluster that has had no worker for a while; Spark itself would wait for ever."""
    if not master.startswith(STANDALONE):
        yield
        return
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(spark, failures, done), daemon=True)
    watch.start()
    try:
        yield
    finally:
        done.set()
        watch.join(timeout=2 * POLL_S)


def _watch(spark: SparkSession, failures: list[str], done: threading.Event) -> None:
    alone_s = 0.0
    while not done.wait(POLL_S):
        with suppress(Exception):  # a session that is ending answers nothing; the main thread says why
            workers = len(spark.sparkContext._jsc.sc().statusTracker().getExecutorInfos()) - 1  # noqa: SLF001
            alone_s = 0.0 if workers > 0 else alone_s + POLL_S
            if alone_s >= WITHOUT_WORKERS_S:
                failures[:] = [f"the cluster has had no worker for {alone_s:.0f} s; start workers and run again"]
                spark.sparkContext.cancelAllJobs()
