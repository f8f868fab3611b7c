"""Two decisions about the same rows: group x label x prediction x an earlier decision (x fold).

The earlier decision is one more key of the tables that are counted anyway, so that no further pass over the rows is
needed, and pairs add up over parts, ranks and engines as everything else does. Must not: know a metric, or an engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit.axes import AGAINST, LABEL, STRATUM, CubeKind
from audit.counting.crossings import Crossed
from audit.counting.cubes import count_values, make_cube, make_words, read_unlabelled, read_words
from audit.counting.kinds.kind import Cubes, Kind
from audit.counting.labels import (
    find_positive,
    is_missing,
    read_binary,
    read_predicted,
    refuse_missing,
    refuse_third_class,
)
from audit.counting.plan import Plan
from audit.counting.tally import Tally
from audit.counting.terms import REACHED
from audit.errors import QuestionError, printable
from audit.tables.table import Table


@dataclass(frozen=True, slots=True)
class Pairs:
    """Every row has an earlier decision beside its prediction."""

    against: str
    """Column of the earlier decision."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are read beside those of the plan."""
        return (self.against,)

    @property
    def classes(self) -> Mapping[str, str]:
        """Columns by the keys that they have in the tables of the crossings."""
        return {AGAINST: self.against}


def _ask(fields: Mapping[str, Any]) -> Pairs:
    return Pairs(fields["against"])


def _refuse(question: Pairs, _table: Table, plan: Plan) -> None:
    """Refuse an earlier decision that is another column of the question."""
    taken = {
        "label": plan.label,
        "prediction": plan.prediction,
        "score": plan.score,
        "weight": plan.weight,
        "unit": plan.unit,
    }
    role = next((role for role, column in taken.items() if column == question.against), None)
    if role is not None:
        raise QuestionError(
            f"earlier prediction '{printable(question.against)}' is also the {role}; name two different columns"
        )


def _read(question: Pairs, crossed: Crossed, plan: Plan) -> Cubes:
    """Read a cube of each crossing from the tables that hold label, prediction and earlier decision.

    Raises
    ------
    ValuesError
        When an earlier decision is missing, or is none of the classes.
    """
    # A table of which all values are read is read once, whatever crossings it holds.
    read = {id(tally): _read_table(tally, question, plan) for tally in crossed.tallies}
    cubes = []
    for by in plan.crossings:
        tally = crossed.holding(by)
        words = read[id(tally)]
        beside = [key for key in words if key not in {*plan.groups, STRATUM}]
        cubes.append(make_cube(tally, {key: words[key] for key in (*by, *beside)}, plan, leaving=(REACHED,)))
    return {CubeKind.PAIRS: tuple(cubes)}


def _read_table(tally: Tally, question: Pairs, plan: Plan) -> dict[str, Any]:
    """Return all keys of a table as words, the earlier decision among them."""
    readings = _read_earlier(tally, question, plan)
    raw = tally.levels[tally.place(AGAINST)]
    earlier = make_words(tally, AGAINST, [readings[None if is_missing(value) else value] for value in raw])
    return read_words(tally, plan) | {AGAINST: earlier}


def _read_earlier(tally: Tally, question: Pairs, plan: Plan) -> dict[Any, str]:
    """Return each raw earlier decision as 0 or 1, by the classes of the label, or of both decisions where none is."""
    values, role = count_values(tally, AGAINST), f"earlier prediction '{question.against}'"
    if plan.label is None and plan.prediction is not None:
        return read_unlabelled(tally, plan)[AGAINST]
    if plan.label is None:
        # Beside a score that a threshold cuts stands no class.
        refuse_missing(values, role)
        refuse_third_class(values, role)
        return read_binary(values, find_positive(values, plan.positive, role), role)
    labels, label = count_values(tally, LABEL), f"label '{plan.label}'"
    refuse_third_class(labels, label)
    return read_predicted(values, role, labels, label, find_positive(labels, plan.positive, label))


KIND = Kind(kind=CubeKind.PAIRS, ask=_ask, refuse=_refuse, read=_read, reason_against_parts="")
