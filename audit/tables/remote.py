"""Tables at an address: Parquet in an object store or on the web, read by DuckDB's extension httpfs.

Only what a user names is asked for, and nothing is installed. Credentials come from the environment, or from secrets
that DuckDB keeps. Must not: show, keep or record what an address carries beside its place (user, password, query).
"""

from __future__ import annotations

import base64
import importlib.util
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from audit.errors import AuditError, SourceError
from audit.tables.addresses import Address, is_local
from audit.tables.files import ENDINGS
from audit.tables.folders import LOGS, WILD, is_hidden, make_log_error, read_keys, refuse_other_keys, strip_keys
from audit.tables.formats.parquet import ParquetTable, quote_literal, refuse_both, unite_columns
from audit.tables.table import Table, open_connection, quote_identifier

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

AMAZON = {"s3", "s3a", "s3n"}
SECRET = "evenhand_s3"  # noqa: S105 - the name of a secret, not one
KEY, KEY_SECRET, ENDPOINT = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"
OPTIONS = {
    "KEY_ID": (KEY,),
    "SECRET": (KEY_SECRET,),
    "SESSION_TOKEN": ("AWS_SESSION_TOKEN",),
    "REGION": ("AWS_REGION", "AWS_DEFAULT_REGION"),
}
CREDENTIALS = f"give credentials in {KEY} and {KEY_SECRET} (s3), or as a secret of DuckDB (CREATE PERSISTENT SECRET)"


SCHEMES = ("https", "s3", "gs", "r2", "hf")
STORES = {"s3", "s3a", "s3n", "gs", "gcs", "r2", "hf"}
"""Schemes in which DuckDB lists what a pattern matches."""
MOST_PARTS = 1_000
"""Each costs a few requests before a row is read."""
UNDIGESTED = "the rows were read at an address, and their bytes were not hashed"
FETCH = "fetch the file first and name its path"
STATUSES = {
    0: f"the server does not hand it out; check the address, or {CREDENTIALS}",
    400: "the server does not understand (HTTP 400); check AWS_REGION and the address",
    401: f"the server wants credentials (HTTP 401); {CREDENTIALS}",
    403: f"the server refuses it (HTTP 403); {CREDENTIALS}",
    404: "there is nothing (HTTP 404); check the address",
}
REASONS = {
    "resolve": "there is no such host; check the address and the network",
    "connect": "no server answers; check the address and the network",
    "timeout": "the server is too slow; try again, or " + FETCH,
    "magic bytes": "it is no Parquet file; Parquet alone is read at an address",
    "memory": "it needs more memory than there is",
}
"""By a word of DuckDB's message, which holds the whole address and is never shown."""


class _RemoteFile(NamedTuple):
    """One file at an address."""

    place: str
    shown: str
    keys: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class _AddressTable(ParquetTable):
    """Rows in Parquet files at an address."""

    found: tuple[_RemoteFile, ...] = field(repr=False)
    stamps: Sequence[Any] = field(repr=False)
    """Size and time of each file when it was opened."""

    def scan(self, con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> str:
        """Return the subquery that streams the chosen columns, on a connection that can reach them."""
        prepare_connection(con, self.found[0].place, self._title)
        return super().scan(con, names)

    def select(self, con: duckdb.DuckDBPyConnection, listed: Mapping[str, str], read: Sequence[str]) -> str:
        """Return the subquery of expressions, on a connection that can reach their columns."""
        prepare_connection(con, self.found[0].place, self._title)
        return super().select(con, listed, read)

    def read_schemas(self) -> Sequence[pa.Schema]:
        """Return columns of each file, with what Arrow and pandas wrote about them."""
        with open_connection() as con:
            prepare_connection(con, self.found[0].place, self._title)
            return [_read_full_schema(con, one) for one in self.found]

    def read_frames_by_pandas(self, names: Sequence[str], most: int | None = None) -> Iterator[pd.DataFrame]:
        """Yield what `pandas.read_parquet` would make of each file, or of so many rows, if it could reach it."""
        import pyarrow as pa

        with duckdb.connect(":memory:") as con:  # one that keeps rows in their order
            con.execute("SET TimeZone = 'UTC'")
            prepare_connection(con, self.found[0].place, self._title)
            listed = ", ".join(map(quote_identifier, names))
            for one in self.found:
                stored = _read_full_schema(con, one)
                fields = pa.schema([stored.field(name) for name in names], stored.metadata)
                some = "" if most is None else f" LIMIT {most}"
                query = f"SELECT {listed} FROM read_parquet({_list_folders([one])}, hive_partitioning = false){some}"  # noqa: S608
                yield con.sql(query).to_arrow_table().cast(fields).to_pandas()

    def count_missing_in_footers(self, name: str) -> int | None:
        """Return None: nothing is fetched for this; the rows are asked."""
        del name
        return None

    @contextmanager
    def reading(self, *complaints: type[Exception]) -> Iterator[None]:
        """Turn what goes wrong into an error that names the place alone, and refuse files that changed meanwhile."""
        with _tell_errors(self._title, *complaints):
            yield
            with open_connection() as con:
                prepare_connection(con, self.found[0].place, self._title)
                same = _read_stamps(con, self.found) == self.stamps
        if not same:
            raise SourceError(f"{self._title} changed while it was read; run again when nothing writes to it")

    @property
    def _placed(self) -> Sequence[tuple[str, str, Mapping[str, str | None]]]:
        return [(one.place, one.place, dict(one.keys)) for one in self.found]


def open_address(source: str | Path, engine: str) -> Table:
    """Return the table at an address, or at all addresses that a pattern matches.

    Raises
    ------
    SourceError
        When it is not Parquet, cannot be reached, or the extension is not installed.
    """
    address = Address.read(source)
    _refuse_form(address, engine)
    with open_connection() as con, _tell_errors(address.title):
        prepare_connection(con, address.place, address.title)
        found = _find_files(con, address)
        seen = unite_columns([(one.shown, _read_schema(con, one)) for one in found])
        (rows,) = con.execute(f"SELECT sum(num_rows) FROM parquet_file_metadata({_list_folders(found)})").fetchall()[0]  # noqa: S608
        stamps = _read_stamps(con, found)
    keys = [key for key, _ in found[0].keys]
    refuse_both(keys, seen.kinds, found[0].shown)
    return _AddressTable(
        name=address.title,
        digest=None,
        undigested=UNDIGESTED,
        columns={**seen.kinds, **dict.fromkeys(keys, "text")},
        rows=int(rows),
        casts=seen.casts,
        limits=seen.limits,
        lacking=seen.lacking,
        found=found,
        stamps=stamps,
    )


def _refuse_form(address: Address, engine: str) -> None:
    """Refuse what an address says before anything is asked of a network."""
    shown, scheme = address.title, address.scheme
    if scheme not in {*SCHEMES, *STORES, "http"}:
        raise SourceError(
            f"{shown} is an address of none of the kinds that are read ({', '.join(SCHEMES)}); an audit downloads "
            f"nothing else: {FETCH}"
        )
    if scheme == "http" and not is_local(address.host):
        raise SourceError(f"{shown} would be sent unencrypted; use https://, or {FETCH}")
    if address.user or (address.query and scheme in STORES):
        what = "a user or password" if address.user else "a question mark, which may carry credentials"
        raise SourceError(f"{shown} is given with {what}, which would be kept in the shell history; {CREDENTIALS}")
    ending = ENDINGS.get(Path(address.path).suffix.lower(), "parquet")
    if ending != "parquet" or address.path.lower().endswith(".gz"):
        raise SourceError(
            f"{shown} is at an address, where Parquet alone is read, and an audit downloads nothing: {FETCH}"
        )
    if engine != "duckdb":
        raise SourceError(f"{shown} is an address, which engine duckdb alone reads; use it instead of {engine}")
    if WILD.search(address.path) and scheme not in STORES:
        raise SourceError(f"{shown} is a pattern, which https cannot list; name one file")


def _find_files(con: duckdb.DuckDBPyConnection, address: Address) -> tuple[_RemoteFile, ...]:
    """Return files at an address; those that a pattern matches with what their folders say."""
    if not WILD.search(address.path):
        return (_RemoteFile(address.place, address.title),)
    query = f"SELECT file FROM glob({quote_literal(address.place)}) ORDER BY file LIMIT {MOST_PARTS + 1}"  # noqa: S608
    listed = [str(place) for (place,) in con.execute(query).fetchall()]
    if len(listed) > MOST_PARTS:
        raise SourceError(f"{address.title} matches more than {MOST_PARTS:,} files; write fewer, larger files")
    fixed = address.before(WILD)
    seen = [place for place in listed if not any(map(is_hidden, place.removeprefix(fixed).split("/")))]
    if not seen:
        raise SourceError(
            f"{address.title} matches no file; correct the pattern (names that begin with _ or . are excluded)"
        )
    found = tuple(_with_keys(place) for place in seen)
    _refuse_logs(con, {fixed.rstrip("/"), *(_find_base(one) for one in found)})
    refuse_other_keys([(one.shown, one.keys) for one in found])
    return found


def _with_keys(place: str) -> _RemoteFile:
    """Return the file with what the folders right above it say."""
    shown = Address.read(place).title
    if WILD.search(place) or "#" in place:
        raise SourceError(f"{shown} has a pattern character in its name (* ? [ #); rename it")
    return _RemoteFile(place, shown, read_keys(place.split("/")[3:-1], shown))


def _find_base(one: _RemoteFile) -> str:
    """Return the folder in which the first ``key=value`` folder of a file lies."""
    return "/".join(strip_keys(one.place.split("/")[:-1]))


def _refuse_logs(con: duckdb.DuckDBPyConnection, folders: set[str]) -> None:
    for folder in sorted(folders):
        for name, what in LOGS.items():
            query = f"SELECT file FROM glob({quote_literal(f'{folder}/{name}/*')}) LIMIT 1"  # noqa: S608
            if con.execute(query).fetchall():
                raise make_log_error(Address.read(folder).title, what)


def _list_folders(found: Sequence[_RemoteFile]) -> str:
    return f"[{', '.join(quote_literal(one.place) for one in found)}]"


def _read_schema(con: duckdb.DuckDBPyConnection, one: _RemoteFile) -> pa.Schema:
    """Return columns of one file, under the names that it gives them."""
    rows = f"read_parquet({_list_folders([one])}, hive_partitioning = false)"
    schema = con.sql(f"SELECT * FROM {rows} LIMIT 0").to_arrow_table().schema  # noqa: S608
    query = f"SELECT name, coalesce(num_children, 0) FROM parquet_schema({quote_literal(one.place)})"  # noqa: S608
    names = _list_top_columns(con.execute(query).fetchall())
    if names != schema.names:
        odd = next((n for n in names if n not in schema.names), names[-1])
        raise SourceError(f"{one.shown} has two columns that differ only in case, or not at all, such as '{odd}'")
    return schema


def _read_full_schema(con: duckdb.DuckDBPyConnection, one: _RemoteFile) -> pa.Schema:
    """Return columns of a file as Arrow reads them; where no writer of Arrow made it, as DuckDB does."""
    import pyarrow as pa

    query = f"SELECT decode(key), value FROM parquet_kv_metadata({quote_literal(one.place)})"  # noqa: S608
    written = dict(con.execute(query).fetchall()).get("ARROW:schema")
    if written is None:
        return _read_schema(con, one)
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(written)))


def _list_top_columns(elements: Sequence[tuple[str, int]]) -> list[str]:
    """Return names of columns in the flat schema of Parquet, where what is nested follows what it is nested in."""
    names, open_ = [], [1]
    for name, children in elements:
        while open_[-1] == 0:
            open_.pop()
        if len(open_) == 2:
            names.append(name)
        open_[-1] -= 1
        open_.append(children)
    return names


def _read_stamps(con: duckdb.DuckDBPyConnection, found: Sequence[_RemoteFile]) -> Sequence[Any]:
    """Return the size and time of each file, without its bytes."""
    query = f"SELECT size, CAST(last_modified AS VARCHAR) FROM read_blob({_list_folders(found)}) ORDER BY filename"  # noqa: S608
    stamps: list[Any] = con.execute(query).fetchall()
    return stamps


@contextmanager
def _tell_errors(shown: str, *complaints: type[Exception]) -> Iterator[None]:
    """Turn what DuckDB says into one line without the address that it was given, which may carry a secret."""
    import pyarrow as pa

    try:
        yield
    except AuditError:
        raise
    except (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException) as error:
        raise RuntimeError(f"a query on {shown} failed: {type(error).__name__}") from None
    except (duckdb.Error, pa.ArrowException, OSError, *complaints) as error:
        raise SourceError(f"{shown} cannot be read: {_reason_for_error(error)}") from None


def _reason_for_error(error: BaseException) -> str:
    if isinstance(error, duckdb.HTTPException):
        code = int(getattr(error, "status_code", 0))
        return STATUSES.get(code, f"the server answers HTTP {code}; try again, or {FETCH}")
    known = next((reason for word, reason in REASONS.items() if word in str(error).lower()), None)
    return known or f"{type(error).__name__}; it may be damaged or no Parquet file: {FETCH}"


# DuckDB's extension httpfs: loaded where it is installed, and given the credentials of the environment.
#
# Must not: install anything; print or keep a credential.
def prepare_connection(con: duckdb.DuckDBPyConnection, place: str, shown: str) -> None:
    """Make a connection able to read an address.

    Raises
    ------
    SourceError
        When the extension is not installed, saying how to install it; or when the environment says half of a key.
    """
    try:
        con.execute("SET autoinstall_known_extensions = false")
        con.execute(f"LOAD {_find_extension()}")
    except duckdb.Error:
        version = duckdb.__version__
        raise SourceError(
            f"{shown} needs DuckDB's extension httpfs, which is not installed and is never downloaded by an "
            "audit; run python -c \"import duckdb; duckdb.sql('INSTALL httpfs')\", or pip install "
            f"duckdb-extension-httpfs=={version} (if there is one for this DuckDB), or fetch the file and "
            "name its path"
        ) from None
    if place.partition(":")[0] in AMAZON:
        _give_credentials(con)


def _find_extension() -> str:
    """Return what to load: the file of the Python package if it is for this DuckDB, else what DuckDB has installed."""
    spec = importlib.util.find_spec("duckdb_extension_httpfs")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        file = Path(folder) / "extensions" / f"v{duckdb.__version__}" / "httpfs.duckdb_extension"
        if file.is_file():
            return quote_literal(str(file))
    return "httpfs"


def _give_credentials(con: duckdb.DuckDBPyConnection) -> None:
    """Give DuckDB the credentials of the environment, for this process alone; what it keeps itself is left as it is."""
    values = {o: next((v for n in names if (v := os.environ.get(n))), None) for o, names in OPTIONS.items()}
    given = {option: value for option, value in values.items() if value is not None}
    if ("KEY_ID" in given) != ("SECRET" in given):
        raise SourceError(f"only one of {KEY} and {KEY_SECRET} is set; set both or neither")
    options = [f"{option} {quote_literal(value)}" for option, value in given.items()] + _read_endpoint()
    try:
        con.execute(f"DROP TEMPORARY SECRET IF EXISTS {SECRET}")
        if options:
            con.execute(f"CREATE TEMPORARY SECRET {SECRET} (TYPE s3, {', '.join(options)})")
    except duckdb.Error as error:
        kind = type(error).__name__  # its words hold the credentials
        raise SourceError(f"DuckDB does not take the credentials of the environment ({kind}); check AWS_*") from None


def _read_endpoint() -> list[str]:
    text = os.environ.get(ENDPOINT)
    if not text:
        return []
    endpoint = Address.read(text if "://" in text else f"https://{text}")
    if endpoint.user or endpoint.query or endpoint.path.strip("/") or endpoint.scheme not in {"http", "https"}:
        raise SourceError(f"{ENDPOINT} is not a plain address; write one such as https://minio.example.org:9000")
    ssl = str(endpoint.scheme == "https").lower()
    return [f"ENDPOINT {quote_literal(endpoint.host)}", f"USE_SSL {ssl}", "URL_STYLE 'path'"]
