"""The plain form: a table of items whose outcomes are known already.

Columns ``item`` and ``outcome`` (toward, away or neither); where known, ``task``, ``template``, ``group``, ``valid``
(0 where the answer could not be read; ``outcome`` is then neither, or empty), ``correct`` and ``condition``. All other
columns are kept, so that items may be grouped by them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.axes import name_level
from audit.errors import SourceError, no_such, printable
from audit.items.item import COLUMNS, OUTCOMES, Item, shown_name

if TYPE_CHECKING:
    from audit.tables.table import Table

NEEDED = ("item", "outcome")
KNOWN = (*NEEDED, "task", "template", "group", "valid", "correct", "condition")
TRUE, FALSE = {"1", "true"}, {"0", "false"}


def is_plain(columns: Sequence[str]) -> bool:
    """Return whether a table has the columns that the plain form needs."""
    return set(NEEDED) <= set(columns)


def read_plain(path: Path) -> Iterator[tuple[str, Item]]:
    """Yield each row of a table in the plain form, after its file and row.

    Raises
    ------
    SourceError
        When a column is missing, or a value is none that the form has, naming the row.
    """
    from audit.tables.open import open_table

    shown = shown_name(path)
    table = open_table(path)
    table.require(NEEDED)
    taken = next((name for name in table.columns if name in COLUMNS - set(KNOWN)), None)
    if taken is not None:
        raise SourceError(f"{shown}: column '{taken}' is one that audit read writes; rename it")
    for at, row in enumerate(_to_rows(_read_columns(table))):
        where = f"{shown}: row {at + 1}"
        yield where, _to_item(row, where)


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield each row of a table as it stands."""
    from audit.tables.open import open_table

    yield from _to_rows(_read_columns(open_table(path)))


def _to_rows(columns: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


def _read_columns(table: Table) -> dict[str, list[Any]]:
    """Return all columns in the order of the rows, which messages count."""
    import duckdb

    with table.reading(), duckdb.connect(":memory:") as con:
        view = table.scan(con, list(table.columns))
        found: dict[str, list[Any]] = con.sql(f"SELECT * FROM {view}").to_arrow_table().to_pydict()  # noqa: S608
    return found


def _to_item(row: Mapping[str, Any], where: str) -> Item:
    item, outcome = _text(row["item"]), _text(row["outcome"])
    if item is None:
        raise SourceError(f"{where} has no item")
    valid = _read_truth(row, "valid", where)
    if outcome is None and valid is False:
        outcome = "neither"
    if outcome not in OUTCOMES:
        raise SourceError(f"{where}: {no_such('outcome', outcome, OUTCOMES)}")
    if "template" in row and _text(row["template"]) is None:
        raise SourceError(f"{where} has no template, as which it would be independent; name it, or omit the column")
    if valid is False and outcome != "neither":
        raise SourceError(
            f"{where}: the answer is not valid, but its outcome is '{outcome}'; write neither, or nothing"
        )
    correct = _read_truth(row, "correct", where)
    if valid is False and correct:
        raise SourceError(f"{where}: the answer is not valid, but correct; write 0")
    return Item(
        item=item,
        task=_text(row.get("task")) or "items",
        template=_text(row.get("template")) or item,
        group=_text(row.get("group")),
        outcome=outcome,
        reason="unreadable" if valid is False else None,
        correct=correct,
        condition=_text(row.get("condition")),
        further={name: _text(value) for name, value in row.items() if name not in KNOWN},
    )


def _text(value: Any) -> str | None:
    return name_level(value)


def _read_truth(row: Mapping[str, Any], name: str, where: str) -> bool | None:
    value = row.get(name)
    said = (_text(value) or "").lower()
    if not said:
        return None
    if said in TRUE | FALSE:
        return said in TRUE
    raise SourceError(f"{where}: {name} is '{printable(value)}'; write 1 or 0")
