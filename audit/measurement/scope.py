"""What to measure, and the words for what is unusual about a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from audit.estimate import Estimate, Group, Stage
from audit.measurement.metrics.kinds import Everybody

SMALL, NO_GROUP, UNMEASURED, IS_LABEL = "small_group", "rows_without_group", "unmeasured_group", "group_equals_label"
LENT = ", at least with the spread that a larger group shows"
"""Method of comparisons of means, beside that of the groups' own intervals."""
FEW_CHANGED = "few_changed"
"""So few decisions changed that no direction is claimed."""
OWN = "own_metric"
"""A number that a user's own function returned; the document does not hold what would make it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What to measure: which columns are groups, how deep to cross them, against whom, how sure."""

    groups: tuple[str, ...]
    intersections: int = 1
    reference: Mapping[str, str] = field(default_factory=dict)
    """Reference level by group column; the largest group where none is named."""
    population: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Share of each level in the population the data should resemble, by group column."""
    confidence: float = 0.95
    compare_to: tuple[Everybody, ...] = ()
    """Whom each group is compared with beside the other groups."""
    harmful: bool = False
    """Whether being selected is bad for the person, so that adverse impact is of not being selected."""
    excluded: Mapping[tuple[str, ...], frozenset[Group]] = field(default_factory=dict)
    """Groups that take part in nothing, by their grouping: as if nobody of them had been counted."""

    metrics: frozenset[str] = frozenset()
    """Rates that are asked for, where not all of them are: of many copies of the same counts, which only limits read.

    Changes between two decisions are then measured for the crossing of all ``groups`` alone, without p-values and
    comparisons with the reference group: no limit rests on these, and they take most of the time.
    """

    compares: frozenset[str] = frozenset()
    """Comparisons of changes that limits rest on, where not all of them are asked for."""

    def asks(self, compare: str) -> bool:
        """Return whether a comparison of changes is asked for."""
        return not self.compares or compare in self.compares

    def without(self, by: tuple[str, ...]) -> frozenset[Group]:
        """Return the groups of a grouping that take part in nothing."""
        return self.excluded.get(by, frozenset())

    @property
    def tail(self) -> float:
        """Error on each side of an interval."""
        return (1 - self.confidence) / 2


# Some estimates that stand together: their names are known, and they are made when they are asked for. Whoever measures
# makes blocks; `Estimates`, which stands above every measurement, asks them.
@dataclass(slots=True, eq=False)
class Block:
    """Estimates of one stage and grouping, by the names of their metrics."""

    stage: Stage
    metrics: frozenset[str]
    by: tuple[str, ...]
    make: Callable[[], Sequence[Estimate]] | None
    """None once they are made, so that what they were made from is let go."""
    made: Sequence[Estimate] = ()
