"""What stands beside an estimate in a document: the groups' own values, and the comparisons of which it is the worst.

Must not: judge, or put a number into words.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.estimate import WORST_CLASS, Estimate, Group
from audit.measurement.estimates import Estimates
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.measurement.metrics.kinds import Criterion


class Beside:
    """The estimates of one document, by what they say of the same thing."""

    def __init__(self, estimates: Estimates) -> None:
        self.estimates = estimates

    def rate(self, like: Estimate, group: Group, compare: str | None = None) -> Estimate | None:
        """The value of one group behind a comparison, or that group's own comparison."""
        wanted = (compare, group, like.outcome)
        of = (e for e in self._of(like) if (e.compare, e.group, e.outcome) == wanted)
        return next(of, None)

    def each(self, like: Estimate) -> Sequence[Estimate]:
        """Values of all groups behind a comparison, rows without a group left out."""
        return [
            e for e in self._of(like)
            if e.compare is None and e.outcome == like.outcome and e.group is not None and None not in e.group
        ]  # fmt: skip

    def parts(self, like: Estimate) -> Sequence[Estimate]:
        """Comparisons of which one is the worst: of each class, or of each rate of a criterion."""
        if like.metric.startswith(WORST_CLASS):
            return [
                e for e in self._of(like) if e.compare == like.compare and e.group is None and e.outcome is not None
            ]
        entry = CATALOGUE.get(like.metric)
        rates = entry.rates if isinstance(entry, Criterion) else ()
        found = (e for rate in rates for e in self.estimates.of(like.stage, rate, like.by))
        return [e for e in found if e.compare == like.compare and e.group is None and e.outcome == like.outcome]

    def _of(self, like: Estimate) -> Sequence[Estimate]:
        return self.estimates.of(like.stage, like.metric.removeprefix(WORST_CLASS), like.by)
