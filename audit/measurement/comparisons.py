"""One quantity of many groups with its comparisons: each group, the gap, the reference, the lowest and the highest.

Must not: know a metric's formula, read rows, or know a limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from audit.errors import printable
from audit.estimate import Estimate
from audit.measurement.grouping import Grouping
from audit.measurement.inference.intervals import Limits
from audit.measurement.inference.pairs import Extreme, Gap
from audit.measurement.metrics.kinds import Compare
from audit.measurement.scope import NO_GROUP, SMALL, UNMEASURED, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """What was found for every group of a grouping, and how its groups are compared; arrays over groups."""

    metric: str
    value: np.ndarray
    """NaN where it is undefined."""
    limits: Limits
    """NaN or infinite where there is no limit."""
    thin: np.ndarray
    method: Sequence[str]
    """Of each group's number."""
    how: str
    """Method behind comparisons."""
    why: Callable[[int], str]
    """Why a group's value is undefined."""
    df: np.ndarray | None = None
    top: float = 1.0
    """Largest difference that is possible."""
    gap: Callable[[], Gap] | None = None
    against: Callable[[int], Limits] | None = None
    extreme: Callable[[Literal["lowest", "highest"]], Extreme] | None = None


def estimates_of(found: Quantity, grouped: Grouping, scope: Scope, *, comparable: bool) -> list[Estimate]:
    """Each group, and where groups can be compared every comparison that the quantity has."""
    table = _Table(found, grouped, scope)
    each = list(table.each())
    if not comparable or not grouped.by:
        return each
    each += [table.gap(), *table.to_reference()] if found.gap is not None else []
    if found.extreme is not None:
        each += [table.extreme("lowest"), table.extreme("highest")]
    return each


def base(metric: str, grouped: Grouping, scope: Scope, **changes: Any) -> Estimate:
    """Estimate of a grouping; a limit that is not finite is none."""
    for side in ("low", "high"):
        if changes.get(side) is not None and not math.isfinite(changes[side]):
            changes[side] = None
    bounded = changes.get("low") is not None or changes.get("high") is not None
    confidence = scope.confidence if bounded else None
    return Estimate(stage="model", metric=metric, by=grouped.by, confidence=confidence, **changes)


def undefined(
    metric: str, grouped: Grouping, scope: Scope, reason: str, compare: Compare | None = None
) -> list[Estimate]:
    """A metric that no group has, or a comparison that cannot be made."""
    if compare is not None:
        n = float(grouped.rows.sum())
        return [base(metric, grouped, scope, compare=compare, n=n, status="undefined", reason=reason)]
    return [
        base(metric, grouped, scope, group=group, n=float(rows), status="undefined", reason=grouped.nobody(i) or reason)
        for i, (group, rows) in enumerate(zip(grouped.groups, grouped.rows, strict=True))
    ]


def named(grouped: Grouping, i: int) -> str:
    """Name of a group as people read it."""
    return " x ".join(printable(level) for level in grouped.groups[i])


def lonely(grouped: Grouping) -> str:
    """Why a grouping with fewer than two groups has no comparison."""
    have = f"only one group ({named(grouped, 0)})" if grouped.groups else "no group"
    return f"{have} has rows: nothing to compare; at least two groups are needed"


def flags_of(grouped: Grouping) -> tuple[str, ...]:
    """What is to be said of every comparison of a grouping."""
    return (NO_GROUP,) if grouped.missing_rows and grouped.by else ()


class _Table:
    """Estimates of one quantity."""

    def __init__(self, found: Quantity, grouped: Grouping, scope: Scope) -> None:
        self.found, self.g, self.scope = found, grouped, scope
        self.flags = flags_of(grouped)
        self.bounded = np.isfinite(found.limits.low) | np.isfinite(found.limits.high)
        self.uncertain = found.thin | ~self.bounded

    def _base(self, **changes: Any) -> Estimate:
        return base(self.found.metric, self.g, self.scope, **changes)

    def each(self) -> Iterator[Estimate]:
        """Every group by itself."""
        for i, group in enumerate(self.g.groups):
            common: dict[str, Any] = {"group": group, "n": float(self.g.rows[i])}
            value = float(self.found.value[i])
            if math.isnan(value):
                yield self._base(**common, status="undefined", reason=self.found.why(i))
                continue
            common |= {"value": value, "method": self.found.method[i], "flags": (SMALL,) * bool(self.uncertain[i])}
            if not self.bounded[i]:
                yield self._base(**common)
                continue
            df = None if self.found.df is None else float(self.found.df[i])
            low, high = float(self.found.limits.low[i]), float(self.found.limits.high[i])
            yield self._base(**common, low=min(low, value), high=max(high, value), degrees_of_freedom=df)

    def gap(self) -> Estimate:
        """Largest difference over all pairs of groups."""
        common: dict[str, Any] = {"compare": "difference", "n": float(self.g.rows.sum())}
        if len(self.g.groups) < 2 or self.found.gap is None:
            return self._base(**common, status="undefined", reason=lonely(self.g), flags=self.flags)
        found = self.found.gap()
        flags = self.flags + ((SMALL,) if self.uncertain.any() else ())
        bounds: dict[str, Any] = {}
        if found.low > 0 or found.high < self.found.top:
            high = min(found.high, self.found.top) if math.isfinite(found.high) else found.high
            bounds = {"low": found.low, "high": high, "low_pair": self._names(found.low_pair),
                      "high_pair": self._names(found.high_pair)}  # fmt: skip
        if found.value is None:
            flags = (*flags, UNMEASURED)
            return self._base(**common, **bounds, status="undefined", reason=self._unmeasured(), flags=flags)
        method = f"pairs rule on {self.found.how}" + ("" if bounds else "; a group has no interval")
        pair = self._names(found.pair)
        return self._base(**common, **bounds, value=found.value, pair=pair, method=method, flags=flags)

    def to_reference(self) -> Iterator[Estimate]:
        """Every group less the reference."""
        if len(self.g.groups) < 2 or self.found.against is None:
            return
        at = self.g.reference
        bounds = self.found.against(at)
        for i, group in enumerate(self.g.groups):
            if i == at:
                continue
            flags = self.flags + ((SMALL,) if self.uncertain[[i, at]].any() else ())
            common: dict[str, Any] = {"compare": "difference", "group": group, "reference": self.g.groups[at],
                                      "n": float(self.g.rows[i] + self.g.rows[at]), "flags": flags}  # fmt: skip
            empty = next((j for j in (i, at) if math.isnan(self.found.value[j])), None)
            if empty is not None:
                reason = f"not measured for {named(self.g, empty)} ({self.found.why(empty)})"
                yield self._base(**common, status="undefined", reason=reason)
                continue
            value, top = float(self.found.value[i] - self.found.value[at]), self.found.top
            low, high = (min(max(float(x[i]), -top), top) if self.bounded[[i, at]].all() else math.nan for x in bounds)
            yield self._base(**common, value=value, low=low, high=high, method=f"mover on {self.found.how}")

    def extreme(self, which: Literal["lowest", "highest"]) -> Estimate:
        """Lowest or highest group, with limits that hold for every group at once."""
        common: dict[str, Any] = {"compare": which, "n": float(self.g.rows.sum())}
        if not self.g.groups or self.found.extreme is None:
            return self._base(**common, status="undefined", reason=lonely(self.g), flags=self.flags)
        found = self.found.extreme(which)
        flags = self.flags + ((SMALL,) if self.uncertain.any() else ())
        common |= {"low": found.low, "high": found.high, **self.g.setters(found.low_group, found.high_group)}
        if found.value is None:
            flags = (*flags, UNMEASURED)
            return self._base(**common, status="undefined", reason=self._unmeasured(), flags=flags)
        ends = int(np.nanargmin(self.found.value)), int(np.nanargmax(self.found.value))
        method = f"{self.found.how}, corrected for {len(self.g.groups)} groups on the failing side"
        return self._base(**common, value=found.value, pair=self._names(ends), method=method, flags=flags)

    def _unmeasured(self) -> str:
        empty = [i for i in range(len(self.g.groups)) if math.isnan(self.found.value[i])]
        more = f" and {len(empty) - 3} more" if len(empty) > 3 else ""
        listed = ", ".join(named(self.g, i) for i in empty[:3])
        return f"not measured for {listed}{more} ({self.found.why(empty[0])})"

    def _names(self, pair: tuple[int, int]) -> tuple[Any, Any]:
        return self.g.groups[pair[0]], self.g.groups[pair[1]]


def largest_bounds(plain: Sequence[Estimate], corrected: Sequence[Estimate]) -> tuple[float, float]:
    """Limits of the largest absolute value: the lower one has looked at all, the upper one needs every one inside."""
    low = max(max(0.0, e.low or 0.0, -(e.high or 0.0)) for e in corrected)
    return low, max(max(abs(e.low or 0.0), abs(e.high or 0.0)) for e in plain)
