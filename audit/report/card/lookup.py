"""Estimates of one stage of a result, looked up by name and group.

Must not: format, or leave anything out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from audit.estimate import Estimate, Group, Stage
from audit.record.result import AuditResult, Gate

By = tuple[str, ...]


@dataclass(frozen=True)
class EstimateIndex:
    """Estimates of one stage, looked up by name and group."""

    result: AuditResult
    stage: Stage
    k: int = 1
    """Smallest count that is published; 1 where nothing is withheld."""
    index: dict[tuple[str, str | None, By, Group | None], Estimate] = field(init=False)
    sizes: dict[tuple[By, Group], float] = field(init=False)

    def __post_init__(self) -> None:
        found = {
            (e.metric, e.compare, e.by, e.group): e
            for e in reversed(self.result.estimates)
            if e.stage == self.stage and (e.outcome is None or not e.of_one_class)
        }
        sizes = {(b, g or ()): e.n for (_, c, b, g), e in found.items() if c is None and e.n is not None}
        object.__setattr__(self, "index", found)
        object.__setattr__(self, "sizes", sizes)

    def groupings(self) -> list[By]:
        """Return the groupings in the order of the document, without that of all rows."""
        return [by for by in dict.fromkeys([e.by for e in self.result.estimates if e.stage == self.stage]) if by]

    def groups(self, by: By) -> list[Group]:
        """Return the groups of one grouping, then the rows without one."""
        found = dict.fromkeys(
            [
                e.group
                for e in self.result.estimates
                if e.stage == self.stage and e.by == by and e.compare is None and e.group is not None
            ]
        )
        return sorted(found, key=lambda g: None in g)

    def rate(self, metric: str, by: By, group: Group) -> Estimate | None:
        """Return the rate of one group; all rows are the group of no column."""
        found = self.index.get((metric, None, by, group))
        return found or (self.index.get((metric, None, (), None)) if not by else None)

    def overall(self, metric: str) -> Estimate | None:
        """Return the rate of all rows."""
        return self.rate(metric, (), ())

    def classes(self) -> list[str]:
        """Return the classes that are measured one against all others, in order."""
        return list(
            dict.fromkeys(
                [
                    e.outcome
                    for e in self.result.estimates
                    if e.stage == self.stage and e.outcome is not None and e.of_one_class
                ]
            )
        )

    def of_classes(self, metric: str, by: By) -> dict[tuple[Group | None, str], Estimate]:
        """Return the rates of each class in each group of a grouping."""
        return {
            (e.group, e.outcome): e
            for e in self.result.estimates
            if (e.stage, e.metric, e.compare, e.by) == (self.stage, metric, None, by) and e.outcome is not None
        }

    def gap(self, metric: str, compare: str, by: By) -> Estimate | None:
        """Return the comparison over all groups."""
        return self.index.get((metric, compare, by, None))

    def rows(self, by: By, group: Group) -> float | None:
        """Return the rows of a group; None where they are left out."""
        return self.sizes.get((by, group))

    def gates(self, by: By) -> list[Gate]:
        """Return the gates on this grouping."""
        return [g for g in self.result.gates if g.estimate and g.estimate.stage == self.stage and g.estimate.by == by]
