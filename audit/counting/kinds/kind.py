"""What a kind of count is: one file in the folder of kinds, found by the name that the field has which asks for it.

Must not: know an engine; a metric.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Generic, NamedTuple, TypeVar

from audit.axes import CubeKind
from audit.counting import kinds as folder
from audit.counting.crossings import Crossed
from audit.counting.engine import Scan
from audit.counting.plan import Counted, Plan, Question
from audit.counting.terms import Extent
from audit.cube import Cube
from audit.tables.table import Table

Q = TypeVar("Q", bound=Question)
Cubes = Mapping[CubeKind, tuple[Cube, ...]]


class OpenTable(NamedTuple):
    """Rows that are open for reading, and what is known of them before a kind is counted."""

    scan: Scan
    table: Table
    plan: Plan
    extents: Mapping[str, Extent]
    """Smallest and largest value of each column that is summed."""
    labels: Mapping[Any, str] | None
    """Reading of each raw label as 0 or 1; None where none is given, or labels are no two classes."""
    found: Counted
    """What was counted so far."""


def _refuse_nothing(_question: Any, _table: Table, _plan: Plan) -> None:
    return


def _count_nothing(_question: Any, _opened: OpenTable) -> Cubes:
    return {}


def _read_nothing(_question: Any, _crossed: Crossed, _plan: Plan) -> Cubes:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[Q]):
    """A kind of count beside the crossings, which every question has."""

    kind: CubeKind
    """By which its question stands in a plan; of several the first."""
    ask: Callable[[Mapping[str, Any]], Q]
    """Its question, from the fields of [data] and [predictions] by name."""
    refuse: Callable[[Q, Table, Plan], None] = _refuse_nothing
    """Refuse columns that cannot be what the question takes them for, before any row is read."""
    count: Callable[[Q, OpenTable], Cubes] = _count_nothing
    """Count its cubes beside the crossings."""
    read: Callable[[Q, Crossed, Plan], Cubes] = _read_nothing
    """Read its cubes from the tables of the crossings, in which its classes stand (`ClassQuestion`)."""
    count_all: Callable[[Q, Table, Plan], Counted] | None = None
    """Count everything in place of the crossings, where rows are no labels and predictions."""
    reason_against_parts: str
    """Why it does not add up over the parts of a table, and the mend; empty where it does."""


def ask_kinds(names: Iterable[str], fields: Mapping[str, Any]) -> dict[CubeKind, Question]:
    """Return the question of each kind that is asked for, in the order in which kinds are counted.

    Parameters
    ----------
    names
        Files in the folder of kinds.
    fields
        Of [data] and [predictions], by name.

    Raises
    ------
    ValueError
        When two files say that they count the same kind, because one of them would be lost.
    """
    kinds: list[Kind[Any]] = [import_module(f"{folder.__name__}.{name}").KIND for name in names]
    twice = [kind.name for kind, files in Counter(kind.kind for kind in kinds).items() if files > 1]
    if twice:
        raise ValueError(f"two files of {folder.__name__} count the kind {twice[0]}")
    order = list(CubeKind)
    return {kind.kind: kind.ask(fields) for kind in sorted(kinds, key=lambda kind: order.index(kind.kind))}


def find_asked_kinds(plan: Plan) -> Iterator[tuple[Kind[Any], Question]]:
    """Yield each kind that a plan asks for, with its question, which lies in the same file."""
    for question in plan.kinds.values():
        yield import_module(type(question).__module__).KIND, question


def count_kinds(opened: OpenTable) -> Counted:
    """Return what was counted so far and the cubes of all kinds that the plan asks for."""
    for kind, question in find_asked_kinds(opened.plan):
        further = {**opened.found.further, **kind.count(question, opened)}
        opened = opened._replace(found=replace(opened.found, further=further))
    return opened.found
