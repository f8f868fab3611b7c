"""What a kind of count is, and which there are: each is one file in the folder of kinds, and found there.

Must not: know an engine; a metric.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Generic, NamedTuple, TypeVar

from audit.axes import CubeKind
from audit.counting import kinds as folder
from audit.counting.engine import Scan
from audit.counting.plan import Counted, Plan, Question
from audit.counting.terms import Extent
from audit.cube import Cube
from audit.errors import QuestionError
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[Q]):
    """A kind of count beside the crossings, which every question has."""

    kind: CubeKind
    """By which its question stands in a plan; kinds are counted in the order of `CubeKind`."""
    ask: Callable[[Mapping[str, Any]], Q | None]
    """Its question, from the fields of [data] and [predictions] by name; None where it is not asked for."""
    refuse: Callable[[Q, Table, Plan], None] = _refuse_nothing
    """Refuse columns that cannot be what the question takes them for, before any row is read."""
    count: Callable[[Q, OpenTable], Cubes]
    reason_against_parts: str
    """Why it does not add up over the parts of a table, and the mend; empty where it does."""


@cache
def counting_kinds() -> tuple[Kind[Any], ...]:
    """Return all kinds that a question may ask for, in the order in which they are counted."""
    modules = [import_module(f"{folder.__name__}.{module.name}") for module in iter_modules(folder.__path__)]
    found: list[Kind[Any]] = [module.KIND for module in modules if hasattr(module, "KIND")]
    order = list(CubeKind)
    return tuple(sorted(found, key=lambda kind: order.index(kind.kind)))


def ask_kinds(fields: Mapping[str, Any]) -> dict[CubeKind, Question]:
    """Return the questions of all kinds that are asked for."""
    asked = {kind.kind: kind.ask(fields) for kind in counting_kinds()}
    return {kind: question for kind, question in asked.items() if question is not None}


def asked_kinds(plan: Plan) -> Iterator[tuple[Kind[Any], Question]]:
    """Yield each kind that a plan asks for, with its question."""
    for kind in counting_kinds():
        if kind.kind in plan.kinds:
            yield kind, plan.kinds[kind.kind]


def refuse_kinds_of_parts(plan: Plan) -> None:
    """Refuse a plan that asks for what does not add up over the parts of a table."""
    for kind, _ in asked_kinds(plan):
        if kind.reason_against_parts:
            raise QuestionError(kind.reason_against_parts)


def count_kinds(opened: OpenTable) -> Counted:
    """Return what was counted so far and the cubes of all kinds that the plan asks for."""
    for kind, question in asked_kinds(opened.plan):
        further = {**opened.found.further, **kind.count(question, opened)}
        opened = opened._replace(found=replace(opened.found, further=further))
    return opened.found
