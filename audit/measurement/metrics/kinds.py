"""What a metric is: one record from which its test, its row in ``audit metrics``, its label and its formula follow.

A `Rate` is ``P(event | given)`` over label and prediction; its formula text is printed from the masks that compute it
and cannot be wrong. A `GroupStatistic` is one pure function of two groups' counts. A `Criterion` is a published name
for a comparison of rates. Adding one means adding a record to the tuple of its module, and nothing else.

Must not: know that engines, files or limits exist, or import numpy before a mask is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any, Literal, get_args

from audit.axes import CubeKind, Task
from audit.estimate import Figure, Stage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Compare = Literal[
    "difference",
    "ratio",
    "lowest",
    "highest",
    "largest",
    "between_groups",
    "difference_to_overall",
    "ratio_to_overall",
    "difference_to_rest",
    "ratio_to_rest",
]
Everybody = Literal["overall", "rest"]
"""Whom a group may be compared with beside another group: everybody whose group is known, with or without it."""
EVERYBODY: tuple[Everybody, ...] = get_args(Everybody)
Family = Literal[
    "rows",
    "labels",
    "selection",
    "confusion",
    "changed",
    "lost_gained",
    "up_down",
    "flips_by_label",
]
"""Counts of a group, from the fewest to all of label and prediction; then those of two decisions about one row."""
OF_PAIRS: tuple[Family, ...] = ("changed", "lost_gained", "up_down", "flips_by_label")
"""Counts of two decisions: how many changed; lost and gained right answers; ups and downs; the last by label."""
AT_K = re.compile(r"([a-z_]+_at_)([1-9][0-9]{0,8})")
"""Name of a metric of the first k places, such as skew_at_10; its record stands under skew_at_k."""


CELLS = (("TN", "FP"), ("FN", "TP"))
"""Names of the cells of label (rows 0, 1) by prediction (columns 0, 1)."""


@dataclass(frozen=True, slots=True)
class Event:
    """A condition on (label, prediction)."""

    text: str
    holds: Callable[[bool, bool], bool]

    def mask(self) -> npt.NDArray[np.bool_]:
        """Return a (2, 2) array, not to be written to: label by prediction."""
        return _mask(self.holds)


@cache
def _mask(holds: Callable[[bool, bool], bool]) -> npt.NDArray[np.bool_]:
    """Return the mask of a condition, asked of it once."""
    import numpy as np

    made = np.array([[holds(bool(y), bool(d)) for d in (0, 1)] for y in (0, 1)])
    made.flags.writeable = False
    return made


ANYBODY = Event("anybody", lambda _y, _d: True)
LABEL_POSITIVE = Event("label = 1", lambda y, _d: y)
LABEL_NEGATIVE = Event("label = 0", lambda y, _d: not y)
PREDICTED_POSITIVE = Event("prediction = 1", lambda _y, d: d)
PREDICTED_NEGATIVE = Event("prediction = 0", lambda _y, d: not d)
RIGHT = Event("prediction = label", lambda y, d: y == d)
WRONG = Event("prediction ≠ label", lambda y, d: y != d)


@cache
def split_comparison(compare: str | None) -> tuple[str | None, Everybody | None]:
    """Return difference or ratio, and with whom; None in place of whom where the comparison is between groups.

    >>> split_comparison("ratio_to_rest")
    ('ratio', 'rest')
    >>> split_comparison("lowest")
    ('lowest', None)
    """
    for everybody in EVERYBODY:
        if compare is not None and compare.endswith(f"_to_{everybody}"):
            return compare.removesuffix(f"_to_{everybody}"), everybody
    return compare, None


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
    against: tuple[Everybody, ...] = ()
    """Whom each group is compared with when that is asked, by every difference and ratio that may be judged."""
    instead: str = ""
    """What a limit should ask for where nothing of this can be judged."""
    gives_away: Family | CubeKind = "confusion"
    """Counts that follow for a group from its value; those of a kind of cube come beside label and prediction."""
    table: str = ""
    """Heading of the table of groups on the card in which it stands; empty for the record alone."""
    headline: bool = False
    """Whether it stands in the few columns of a terminal."""
    range: tuple[float, float] = (0.0, 1.0)
    figure: Figure = "score"
    """How its value is written for people; that of a comparison follows from it."""
    worse: Literal["low", "high"] = "low"
    """Which of two groups a sentence names first, unless the question says which outcome is good for a person."""
    ideal: str
    """What a fair or perfect result looks like, in words."""
    source: str
    caveat: str = ""

    @property
    def formula(self) -> str:
        """Formula as text."""
        raise NotImplementedError

    @property
    def limits(self) -> tuple[str, ...]:
        """Comparisons that a limit may ask of it, those with everybody included."""
        kinds = [c for c in self.judged if c in {"difference", "ratio"}]
        return (*self.judged, *(f"{kind}_to_{who}" for kind in kinds for who in self.against))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate(Metric):
    """``P(event | given)``."""

    against: tuple[Everybody, ...] = EVERYBODY
    figure: Figure = "share"
    event: Event
    given: Event = ANYBODY

    @property
    def formula(self) -> str:
        """Conditional probability, and the same in cells of the confusion table."""
        given = "" if self.given is ANYBODY else f" | {self.given.text}"
        return f"P({self.event.text}{given}) = {_name_cells(self.event, self.given)} / {_name_cells(self.given)}"

    @property
    def hits(self) -> npt.NDArray[np.bool_]:
        """(2, 2) mask of the numerator."""
        return self.event.mask() & self.given.mask()

    @property
    def empty(self) -> str:
        """Why the rate is undefined when its denominator is zero."""
        if self.given is not ANYBODY:
            return f"0/0: no rows with {self.given.text}"
        return "0/0: no rows"


def _name_cells(*events: Event) -> str:
    """Return the sum of the cells in which all events hold, such as (TP + FN)."""
    places = product((True, False), repeat=2)
    names = [CELLS[y][d] for y, d in places if all(event.holds(y, d) for event in events)]
    if len(names) == 1:
        return names[0]
    return f"({' + '.join(names)})" if len(names) < 4 else "n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic(Metric):
    """A smooth statistic of the confusion table that does not change when all its cells grow alike."""

    against: tuple[Everybody, ...] = EVERYBODY
    of: Callable[[Any, Any, Any, Any], Any]
    """Value from arrays of TN, FP, FN and TP; NaN where it is undefined."""
    support: Callable[[Any, Any, Any, Any], Any]
    """Rows that it rests on where all of them agree."""
    text: str
    empty: str
    """Why it is undefined where it is."""
    capped: bool = True
    """Whether it is worth at most the rows that it is made of, whatever its variance says."""

    @property
    def formula(self) -> str:
        """Formula as its source prints it."""
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Rising(Metric):
    """A function that rises with a rate or statistic between 0 and 1, and may be infinite at 1.

    Its limits are those of what lies below, carried over; so every interval that holds there holds here.
    """

    below: Rate | Statistic
    rises: Callable[[Any], Any]
    """Value from an array between 0 and 1; infinite where there is no number."""
    text: str
    infinite: str = ""
    """Why it is undefined where it would be infinite."""
    open: str = ""
    """Why it carries no interval; empty where it does."""

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

    figure: Figure = "share"
    rate: str

    @property
    def formula(self) -> str:
        """Comparison of the rate in words."""
        return f"worst over classes of the comparison of {self.rate}, each class against all others"


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion(Metric):
    """A published name for comparisons of rates; with several rates the worst one counts, or their mean."""

    figure: Figure = "share"
    """That of its rates."""
    rates: tuple[str, ...]
    compare: Literal["difference", "ratio"]
    aggregate: Literal["worst", "mean"] = "worst"

    @property
    def formula(self) -> str:
        """Comparison of rates in words."""
        what = f"{self.compare} of {' and of '.join(self.rates)} over groups"
        if self.aggregate == "mean":
            return f"mean of {what}"
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


@cache
def at_k(name: str) -> int | None:
    """Return the k in a metric's name, such as 10 of skew_at_10; None where there is none."""
    found = AT_K.fullmatch(name)
    return int(found[2]) if found else None
