"""What a metric is: one record from which its test, its row in ``audit metrics``, its label and its formula follow.

A `Rate` is ``P(event | given)`` over label and prediction; its formula text is printed from the masks that compute it
and cannot be wrong. A `GroupStatistic` is one pure function of two groups' counts. A `Criterion` is a published name
for a comparison of rates. Adding one means adding a record to the tuple of its module, and nothing else.

Must not: know that engines, files or limits exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from audit.errors import QuestionError, no_such
from audit.value import Stage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Compare = Literal["difference", "ratio", "lowest", "highest", "largest"]
Task = Literal["classification", "regression", "multiclass"]
Family = Literal["rows", "labels", "selection", "confusion", "flips"]
"""Counts of a group, from the fewest to all of label and prediction, and what its neighbours were given beside."""
CELLS = (("TN", "FP"), ("FN", "TP"))
"""Names of the cells of label (rows 0, 1) by prediction (columns 0, 1)."""


@dataclass(frozen=True, slots=True)
class Event:
    """A condition on (label, prediction)."""

    text: str
    holds: Callable[[bool, bool], bool]

    def mask(self) -> npt.NDArray[np.bool_]:
        """(2, 2) array: label by prediction."""
        import numpy as np

        return np.array([[self.holds(bool(y), bool(d)) for d in (0, 1)] for y in (0, 1)])


ANYBODY = Event("anybody", lambda _y, _d: True)
LABEL_POSITIVE = Event("label = 1", lambda y, _d: y)
LABEL_NEGATIVE = Event("label = 0", lambda y, _d: not y)
PREDICTED_POSITIVE = Event("prediction = 1", lambda _y, d: d)
PREDICTED_NEGATIVE = Event("prediction = 0", lambda _y, d: not d)
RIGHT = Event("prediction = label", lambda y, d: y == d)
WRONG = Event("prediction ≠ label", lambda y, d: y != d)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What is common to everything that is measured."""

    name: str
    title: str
    stage: Stage
    needs: tuple[str, ...]
    """Axes of the cube beside the groups."""
    task: Task = "classification"
    """Kind of prediction that it belongs to; said of the stage model only."""
    also: tuple[Task, ...] = ()
    """Further tasks in which it is one number a group, and may be judged."""
    judged: tuple[Compare, ...] = ("difference", "ratio", "lowest", "highest")
    """Comparisons that a limit may ask of it; empty where no interval exists."""
    instead: str = ""
    """What a limit should ask for where nothing of this can be judged."""
    gives_away: Family = "confusion"
    """Counts that follow for a group from its value."""
    table: str = ""
    """Heading of the table of groups on the card in which it stands; empty for the record alone."""
    headline: bool = False
    """Whether it stands in the few columns of a terminal."""
    range: tuple[float, float] = (0.0, 1.0)
    ideal: str
    """What a fair or perfect result looks like, in words."""
    source: str
    caveat: str = ""

    @property
    def formula(self) -> str:
        """Formula as text."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate(Metric):
    """``P(event | given)``."""

    event: Event
    given: Event = ANYBODY

    @property
    def formula(self) -> str:
        """Conditional probability, and the same in cells of the confusion table."""
        given = "" if self.given is ANYBODY else f" | {self.given.text}"
        return f"P({self.event.text}{given}) = {self.cells(self.hits)} / {self.cells(self.given.mask())}"

    @property
    def hits(self) -> npt.NDArray[np.bool_]:
        """(2, 2) mask of the numerator."""
        return self.event.mask() & self.given.mask()

    @property
    def empty(self) -> str:
        """Why the rate is undefined when its denominator is zero."""
        return f"0/0: no rows with {self.given.text}" if self.given is not ANYBODY else "0/0: no rows"

    @staticmethod
    def cells(mask: npt.NDArray[np.bool_]) -> str:
        """Sum of named cells, such as (TP + FN)."""
        names = [CELLS[y][d] for y in (1, 0) for d in (1, 0) if mask[y, d]]
        return names[0] if len(names) == 1 else f"({' + '.join(names)})" if len(names) < 4 else "n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic(Metric):
    """A smooth statistic of the confusion table that does not change when all its cells grow alike."""

    of: Callable[[Any, Any, Any, Any], Any]
    """Value from arrays of TN, FP, FN and TP; NaN where it is undefined."""
    support: Callable[[Any, Any, Any, Any], Any]
    """Rows that it rests on where all of them agree."""
    text: str
    empty: str
    """Why it is undefined where it is."""

    @property
    def formula(self) -> str:
        """Formula as its source prints it."""
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassStatistic(Metric):
    """A smooth statistic of the confusion table of K classes that does not change when all its cells grow alike.

    Its functions take tables of shape (..., K, K), label by prediction, and a mask of the K classes that some label of
    the whole data has.
    """

    of: Callable[[Any, Any], Any]
    """Value; NaN where it is undefined."""
    slope: Callable[[Any, Any], Any]
    """Change of the value with each cell, where it is defined."""
    support: Callable[[Any, Any], Any]
    """Rows of each of its parts, one a class where ``empty`` names one; it is undefined where one has none."""
    text: str
    empty: str
    """Why it is undefined where it is; ``{class}`` stands for the first class without rows."""

    @property
    def formula(self) -> str:
        """Formula as its source prints it."""
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstClass(Metric):
    """The worst comparison of a one-versus-rest rate over groups and over classes."""

    rate: str

    @property
    def formula(self) -> str:
        """Comparison of the rate in words."""
        return f"worst over classes of the comparison of {self.rate}, each class against all others"


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion(Metric):
    """A published name for comparisons of rates; with several rates the worst one counts."""

    rates: tuple[str, ...]
    compare: Literal["difference", "ratio"]

    @property
    def formula(self) -> str:
        """Comparison of rates in words."""
        what = f"{self.compare} of {' and of '.join(self.rates)} over groups"
        worst = "smallest" if self.compare == "ratio" else "largest"
        return f"{worst} {what}" if len(self.rates) > 1 else what


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupStatistic(Metric):
    """A statistic of one group against a reference group, made from their counts."""

    text: str

    @property
    def formula(self) -> str:
        """Formula as its source prints it."""
        return self.text


class Catalogue(Mapping[str, Metric]):
    """All metrics by name; immutable. A name that stands twice, or has no source, is refused."""

    def __init__(self, entries: Iterable[Metric]) -> None:
        self._entries: dict[str, Metric] = {}
        for entry in entries:
            if entry.name in self._entries:
                raise QuestionError(f"metric '{entry.name}' stands twice in the catalogue")
            if not entry.source:
                raise QuestionError(f"metric '{entry.name}' names no source")
            self._entries[entry.name] = entry

    def __getitem__(self, name: str) -> Metric:
        if name not in self._entries:
            raise QuestionError(no_such("metric", name, self._entries))
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries
