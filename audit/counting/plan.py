"""What an engine is asked, and what it answers.

The plan is the fewest cubes that serve a question; an engine passes over the rows once and returns them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain, combinations
from typing import Literal, Protocol, runtime_checkable

from audit.axes import CubeKind, Task
from audit.cube import Cube

FOLDS = 100
"""Folds of the unit; 20 would widen a rate's interval by 6%, 500 would narrow it by 1%."""


class Question(Protocol):
    """What is asked of one kind of count; a frozen dataclass."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it reads beside those of the plan."""
        ...


@runtime_checkable
class ClassQuestion(Question, Protocol):
    """A question of columns of classes, which are counted beside label and prediction, in the same pass."""

    @property
    def classes(self) -> Mapping[str, str]:
        """Columns by the keys that they have in the tables of the crossings."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Columns to count, and the crossings of group columns that are needed at their finest."""

    groups: tuple[str, ...]
    task: Task = "classification"
    """A regression has a numeric label and prediction, which are summed instead of counted; a ranking has places."""
    classes: bool = False
    """Labels and predictions are counted as the classes that they name; none is the positive one."""
    intersections: int = 1
    label: str | None = None
    positive: object = None
    """Label that counts as positive; None takes 1 of {0, 1} and refuses anything else."""
    favourable: object = None
    """Label that is good for the person, where somebody said; no count depends on it, but it has to be there."""
    prediction: str | None = None
    score: str | None = None
    threshold: float | Literal["median"] = 0.5
    """Where there is a score and no prediction, score >= threshold is a positive prediction."""
    median: float | None = None
    """Median that the threshold was made of; see `audit.counting.kinds.median`."""
    weight: str | None = None
    unit: str | None = None
    """Column that names whom a row belongs to; None where every row is its own."""
    bins: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    of_parts: bool = False
    """Whether the table is a part of a whole, so that nothing may depend on what this part happens to hold."""
    strata: tuple[str, ...] = ()
    """Columns whose joint value is the stratum within which conditional metrics compare."""
    kinds: Mapping[CubeKind, Question] = field(default_factory=dict)
    """What is asked of further kinds of counts, each in the words of its own file in `audit.counting.kinds`."""

    @property
    def crossings(self) -> tuple[tuple[str, ...], ...]:
        """Largest crossings needed; every smaller one is a sum over one of these."""
        return tuple(combinations(self.groups, min(self.intersections, len(self.groups))))

    @property
    def predicts(self) -> bool:
        """Whether the rows carry a prediction, given or made from a score."""
        return self.prediction is not None or self.score is not None

    @property
    def further_classes(self) -> Mapping[str, str]:
        """Columns of classes that kinds count beside label and prediction, by their keys."""
        asked = (question for question in self.kinds.values() if isinstance(question, ClassQuestion))
        return dict(chain.from_iterable(question.classes.items() for question in asked))

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are read, each once."""
        roles = (self.label, self.prediction, self.score, self.weight, self.unit)
        further = chain.from_iterable(question.columns for question in self.kinds.values())
        named = (*self.groups, *self.strata, *roles, *further)
        return tuple(dict.fromkeys(c for c in named if c is not None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Cubes and the account of rows: read = used + the sum of excluded."""

    cubes: tuple[Cube, ...]
    """One for each crossing of the plan."""
    further: Mapping[CubeKind, tuple[Cube, ...]] = field(default_factory=dict)
    """Cubes of every other kind."""
    rows_read: int
    rows_excluded: Mapping[str, int]
    rows_without_group: Mapping[str, int]
    median: float | None = None
    """Median of the scores, where they were cut there."""
    score_range: tuple[float, float] | None = None
    """Lowest and highest score; None where none were read, or parts were counted elsewhere."""
    weight_unit: int = 0
    """Power of two in which weights are counted: not 0 where doubles would not hold what is made of them."""

    @property
    def by_kind(self) -> Mapping[CubeKind, tuple[Cube, ...]]:
        """All cubes by kind."""
        return {CubeKind.CROSSINGS: self.cubes, **{kind: cubes for kind, cubes in self.further.items() if cubes}}

    @property
    def rows_used(self) -> int:
        """Rows that entered at least one group."""
        return self.rows_read - sum(self.rows_excluded.values())
