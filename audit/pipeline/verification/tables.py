"""Tables of a run against the digests and columns that its document gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from audit.config.read import read_question
from audit.counting.backends.choose import open_source
from audit.errors import SourceError, printable
from audit.pipeline.verification.leaves import find_differences
from audit.record.cubes import PREDICTIONS
from audit.record.result import AuditResult, Part
from audit.tables.formats.dialect import UNSAID, make_dialect
from audit.tables.table import Table


@dataclass(frozen=True, slots=True)
class Compared:
    """What became of the tables that were given."""

    amiss: tuple[str, ...]
    read: tuple[str, ...]
    """Parts whose table was found."""


def compare_tables(result: AuditResult, sources: Sequence[str]) -> Compared:
    """Compare tables with the parts of a result.

    Parameters
    ----------
    sources
        Files, folders, or patterns of files, as the run was given them.

    Raises
    ------
    SourceError
        When a table cannot be read.
    """
    amiss: list[str] = []
    read: list[str] = []
    for source in sources:
        table = _open_tables(result, source)
        same = [p for p in result.data if p.digest is not None and p.digest == table.digest]
        read += [p.part for p in same]
        amiss += [] if same else [_find_strange(source, table, result.data)]
        amiss += chain.from_iterable(_compare_columns(result, part, table) for part in same)
    return Compared(tuple(amiss), tuple(dict.fromkeys(read)))


def _open_tables(result: AuditResult, source: str) -> Table:
    """Return a table, read as one of the run was."""
    config = result.question.config
    said = [(config.get(section) or {}).get("csv") for section in ("data", "predictions")]
    dialects = [make_dialect(csv) for csv in said if csv] or [UNSAID]
    for dialect in dialects[:-1]:
        with suppress(SourceError):
            return open_source(source, dialect=dialect)
    text = Path(source).suffix.lower() not in {".parquet", ".pq", ".arrow", ".feather", ".jsonl"}
    return open_source(source, dialect=dialects[-1] if text else UNSAID)


def _find_strange(source: str, table: Table, parts: Sequence[Part]) -> str:
    """Return a sentence for a table that is none of the run's."""
    has = f"has digest {table.digest}" if table.digest else f"has no digest ({table.undigested})"
    there = "; ".join(f"{printable(p.part)} has {p.digest or f'none ({printable(p.undigested)})'}" for p in parts)
    lacks = f"'{printable(source, 160)}' {has}, which is not a table of this run"
    return f"data.digest: {lacks}: {there or 'it read no table'}"


def _compare_columns(result: AuditResult, part: Part, table: Table) -> Iterator[str]:
    at = [p.part for p in result.data].index(part.part)
    kept = [c for c in part.columns if c.name not in list_made(result, part.part)]
    told = [{"name": c.name, "kind": c.kind} for c in kept]
    follows = [{"name": c.name, "kind": table.columns[c.name]} for c in kept if c.name in table.columns]
    yield from (str(d) for d in find_differences(told, follows, f"data.{at}.columns", part.part))


def list_made(result: AuditResult, part: str) -> tuple[str, ...]:
    """List the columns of a part that the run made itself, by models that it ran: no table of the run has them."""
    edge = read_question(result).edge if result.edge is not None else None
    return edge.computed if edge is not None and part == PREDICTIONS else ()
