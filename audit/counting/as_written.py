"""Columns of a CSV as they are written, where they are names and not numbers.

The reader makes numbers of a column in which all cells look like one. As a class, a group or a stratum it is text to
whoever wrote it: beside a column of text, or where two spellings of one number are in it. Must not: change a number.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from audit.axes import AGAINST, LABEL, PREDICTION, STRATUM, CubeKind
from audit.counting.count import Tallies
from audit.counting.plan import Plan
from audit.counting.tally import Tally
from audit.tables.kinds import Kind
from audit.tables.table import HeldTable, Table

WHOLE = re.compile(r"0|-?[1-9][0-9]*")
"""Whole numbers as a CSV has them in a column of numbers."""


def write_names_as_text(table: Table, plan: Plan) -> Table:
    """Table in which what the plan takes for names is text where that is how the file has it."""
    if not isinstance(table, HeldTable) or table.written is None:
        return table
    chosen = tuple(dict.fromkeys(c for c in _as_text(table, plan) if c in table.columns))
    return _with_text(table, chosen) if chosen else table


def find_whole_texts(table: Table, plan: Plan) -> list[str]:
    """Names in columns of whole numbers that were text in the file: the number says how it was written."""
    if not isinstance(table, HeldTable) or table.written is None:
        return []
    return sorted({c for c in _names(plan) if table.columns[c] == "integer"} - {plan.weight, plan.score, plan.unit})


def spell_as_text(tallies: Tallies, plan: Mapping[str, Any], names: Container[str]) -> Tallies:
    """Counts in which the values of some columns of whole numbers are text.

    Parameters
    ----------
    tallies
        Of one part.
    plan
        What it was counted by, as JSON has it.
    names
        Columns of groups, strata and classes.
    """
    of_key = {LABEL: plan["label"], PREDICTION: plan["prediction"], **{c: c for c in plan["groups"]}}
    of_key |= {f"{STRATUM}{i}": c for i, c in enumerate(plan["strata"])}
    if (pairs := plan.get("kinds", {}).get(CubeKind.PAIRS)) is not None:
        of_key[AGAINST] = pairs["against"]

    def one(tally: Tally) -> Tally:
        keyed = zip(tally.keys, tally.levels, strict=True)
        return replace(tally, levels=tuple(_texts(of) if of_key.get(key) in names else of for key, of in keyed))

    crossings = tallies.crossings._replace(tallies=tuple(map(one, tallies.crossings.tallies)))
    scored = tallies.scored
    if scored is not None:
        scored = scored._replace(tallies={name: one(tally) for name, tally in scored.tallies.items()})
    return Tallies(crossings, scored)


def _texts(levels: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(None if v is None else str(v) for v in levels)


def _names(plan: Plan) -> tuple[str, ...]:
    groups = (c for c in plan.groups if c not in plan.bins)
    return (*groups, *plan.strata, *_classes(plan))


def _classes(plan: Plan) -> tuple[str, ...]:
    if plan.task not in {"classification", "multiclass"}:
        return ()
    return tuple(c for c in (plan.label, plan.prediction, *plan.further_classes.values()) if c is not None)


def _as_text(table: HeldTable, plan: Plan) -> Iterator[str]:
    written, classes = table.written or {}, _classes(plan)
    yield from (c for c in _names(plan) if c in written)
    positive = plan.positive
    spelled = isinstance(positive, str) and WHOLE.fullmatch(positive) is None
    if spelled or any(c in written or table.columns.get(c) == "text" for c in classes):
        yield from (c for c in classes if table.columns.get(c) == "integer")


def _with_text(table: HeldTable, names: tuple[str, ...]) -> Table:
    import pyarrow as pa

    held, written = table.held, dict(table.written or {})
    for name in names:
        text = written.pop(name, None)
        column = held[name].cast(pa.string()) if text is None else text
        held = held.set_column(held.column_names.index(name), name, column)
    columns: dict[str, Kind] = {c: "text" if c in names else kind for c, kind in table.columns.items()}
    return replace(table, held=held, columns=columns, written=written)
