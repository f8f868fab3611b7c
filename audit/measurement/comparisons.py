"""How groups are compared: each by itself, the gap, the reference, the lowest and the highest, everybody.

Whatever is measured hands over a `Quantity` with its comparisons; rates, which are many, bound their arrays at once and
take from here what an estimate looks like. Must not: know a metric's formula, read rows, or know a limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from audit.errors import printable
from audit.estimate import Estimate, Group, Stage, band_text, join_first
from audit.measurement.grouping import Grouping
from audit.measurement.inference.intervals import Floats, Limits
from audit.measurement.inference.mixtures import Furthest
from audit.measurement.inference.pairs import Extreme, Gap, Kind
from audit.measurement.metrics.kinds import Compare
from audit.measurement.scope import NO_GROUP, SMALL, UNMEASURED, Scope

End = Literal["lowest", "highest"]
ENDS: tuple[End, ...] = ("lowest", "highest")
NO_TWO_GROUPS = "at least two groups with rows are needed: nothing to compare"
if TYPE_CHECKING:
    from audit.measurement.inference.means import MeanSample

OPEN_SIDES = {"low": "; no lower limit", "high": "; no upper limit"}
PAIRS_RULE = "pairs rule, {}"
CORRECTED = "corrected for {} groups on the failing side"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPairs:
    """How two groups of a quantity are compared; arrays over groups."""

    kind: Kind = "difference"
    value: Floats
    """On the scale on which one group is taken off another; NaN where it is undefined."""
    uncertain: np.ndarray
    """Groups that are thin, or have no limits."""
    how: str
    """Method behind the limits of two groups."""
    gap: Callable[[], Gap] | None = None
    """Largest difference or smallest ratio over all pairs; None where it is not said."""
    against: Callable[[int], Limits] | None = None
    """Limits of every group against the one at a position; None where it is not said."""
    top: float = 1.0
    """Largest difference that is possible, or 1 for a ratio: an interval from 0 to there says nothing."""
    always: bool = False
    """Whether a gap that has a value has an interval too, even one that says nothing."""
    back: Callable[[float], float] = float
    """From the scale of ``value`` to that of the comparison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """The lowest or the highest group of a quantity."""

    which: End
    find: Callable[[], Extreme]
    how: str
    exact: str = ""
    """Method where its limits are exact; empty where they never are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstAll:
    """Every group against everybody else or against everybody, and the furthest of them; arrays over groups."""

    value: Floats
    """Not finite where it is undefined."""
    limits: Limits
    method: Sequence[str]
    thin: np.ndarray
    reason: Callable[[int], str]
    """Why a group has no comparison."""
    furthest: Furthest
    furthest_method: str
    furthest_reason: str
    """Why there is none, where there is none."""
    is_bounded: bool
    """Whether the limits of the furthest say anything."""
    sides: tuple[Floats, Floats] | None = None
    """Numerators and denominators of ratios."""


class ToAll(NamedTuple):
    """A comparison with everybody else or with everybody, for which two groups are needed."""

    compare: str
    find: Callable[[], AgainstAll]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """What was found for every group of a grouping, and how its groups are compared; arrays over groups."""

    metric: str
    value: Floats
    """NaN where it is undefined."""
    limits: Limits
    """NaN or infinite where there is no limit."""
    thin: np.ndarray
    method: Sequence[str]
    """Of each group's number."""
    reason: Callable[[int], str]
    """Why a group's value is undefined."""
    no_ratio: str = ""
    """Why a ratio is undefined where every group has a value."""
    df: Floats | None = None
    denominator: Floats | None = None
    comparisons: Sequence[GroupPairs | Ends | ToAll] = ()
    """In the order of the document."""
    note: str = ""
    """What else every method of a comparison has to say."""
    flags: tuple[str, ...] = ()
    """What is to be said of every estimate."""


def mean_limits(sample: MeanSample, tail: float) -> Limits:
    """Return the limits of each group's mean; NaN where its error is not known."""
    from audit.measurement.inference.means import limits

    made, known = limits(sample, tail), np.isfinite(sample.error)
    return Limits(np.where(known, made.low, np.nan), np.where(known, made.high, np.nan))


def mean_pairs(sample: MeanSample, how: str, tail: float, **more: Any) -> GroupPairs:
    """Return how the means of two groups are compared; ``more`` as in `GroupPairs`."""
    from audit.measurement.inference.means import against, mean_gap

    common: dict[str, Any] = {
        "value": sample.value,
        "uncertain": sample.thin | ~np.isfinite(sample.error),
        "how": f"mover on {how}",
        "gap": lambda: mean_gap(sample, tail),
        "against": lambda at: against(sample, at, tail),
    }
    return GroupPairs(**common | more)


def mean_ends(sample: MeanSample, which: End, how: str, tail: float) -> Ends:
    """Return the lowest or the highest mean."""
    from audit.measurement.inference.means import extreme

    return Ends(which=which, find=lambda: extreme(sample, which, tail), how=how)


def base(metric: str, grouped: Grouping, scope: Scope, *, stage: Stage = "model", **changes: Any) -> Estimate:
    """Return an estimate of a grouping; a limit that is not finite is none."""
    for side in ("low", "high"):
        if changes.get(side) is not None and not math.isfinite(changes[side]):
            changes[side] = None
    bounded = changes.get("low") is not None or changes.get("high") is not None
    confidence = scope.confidence if bounded else None
    return Estimate(stage=stage, metric=metric, by=grouped.by, confidence=confidence, **changes)


def _describe_open_sides(changes: dict[str, Any]) -> dict[str, Any]:
    """Return what is said of an estimate, with a word in its method on the one limit that is no number."""
    endless = [side for side in OPEN_SIDES if changes.get(side) is not None and not math.isfinite(changes[side])]
    if changes.get("method") and len(endless) == 1:
        changes["method"] += OPEN_SIDES[endless[0]]
    if "high" in endless:
        changes.pop("high_pair", None)
    return changes


def undefined(
    metric: str, grouped: Grouping, scope: Scope, reason: str, compare: Compare | None = None
) -> list[Estimate]:
    """Return a metric that no group has, or a comparison that cannot be made."""
    if compare is not None:
        n = float(grouped.rows.sum())
        return [base(metric, grouped, scope, compare=compare, n=n, status="undefined", reason=reason)]
    return [
        base(metric, grouped, scope, group=group, n=float(rows), status="undefined", reason=grouped.nobody(i) or reason)
        for i, (group, rows) in enumerate(zip(grouped.groups, grouped.rows, strict=True))
    ]


def group_label(grouped: Grouping, i: int) -> str:
    """Return the name of a group as people read it."""
    return " x ".join(printable(band_text(level)) for level in grouped.groups[i])


def reason_for_too_few_groups(grouped: Grouping) -> str:
    """Say why a grouping with fewer than two groups has no comparison."""
    have = f"only one group ({group_label(grouped, 0)})" if grouped.groups else "no group"
    return f"{have} has rows: nothing to compare; at least two are needed"


def reason_for_unmeasured(grouped: Grouping, gone: Sequence[int], reason: str | None, of: str = "") -> str:
    """Say which groups a comparison lacks; ``of`` stands before their names, and the reason is that of the first."""
    listed = join_first([group_label(grouped, i) for i in gone[:3]], len(gone))
    why = f" ({reason})" if reason else ""
    return f"not measured for {of}{listed}{why}"


def describe_rows(how: str, *, folded: bool, weighted: bool) -> str:
    """Return a method with what rows it takes for independent."""
    if folded:
        return f"{how}, 100 folds of the unit"
    return f"{how}, effective n of the weights" if weighted else how


def comparison_flags(grouped: Grouping) -> tuple[str, ...]:
    """Return what is to be said of every comparison of a grouping."""
    return (NO_GROUP,) if grouped.missing_rows and grouped.by else ()


def join_flags(parts: Sequence[Estimate]) -> tuple[str, ...]:
    """Return the flags of several estimates, each once."""
    return tuple(dict.fromkeys(chain.from_iterable(part.flags for part in parts)))


def largest_of(each: Sequence[Estimate], corrected: Sequence[Estimate], against: Group | None = None) -> dict[str, Any]:
    """Return value, limits, pair and method of the largest absolute value; the lower limit has looked at all of them.

    Parameters
    ----------
    each, corrected
        The same numbers with limits at the error of one, and at that of one among all that are looked at.
    against
        The reference, where the numbers are comparisons with it, so that the lower of the two stands first.
    """
    worst = max(each, key=lambda e: abs(e.value or 0.0))
    # Fail has looked at all of them, pass needs every one inside (Berger 1982).
    surest, widest = max(corrected, key=_find_nearest), max(each, key=_find_furthest)
    pair = _pair_with(worst, against)
    ends = {"low_pair": (surest, _find_nearest(surest)), "high_pair": (widest, _find_furthest(widest))}
    looked = "groups" if against is None else "comparisons"
    return {
        "value": abs(worst.value or 0.0),
        "low": _find_nearest(surest),
        "high": _find_furthest(widest),
        "pair": pair,
        # An end that another group sets says whose it is: few rows may have the largest value, and show nothing.
        **{name: _pair_with(e, against) for name, (e, end) in ends.items() if end and e.group != worst.group},
        "method": f"{worst.method}, corrected for {len(each)} {looked} on the failing side",
    }


def _find_nearest(e: Estimate) -> float:
    """Return the least absolute value within the limits."""
    return max(0.0, e.low or 0.0, -(e.high or 0.0))


def _find_furthest(e: Estimate) -> float:
    """Return the largest absolute value within the limits."""
    return max(abs(e.low or 0.0), abs(e.high or 0.0))


def _pair_with(e: Estimate, against: Group | None) -> tuple[Group, Group]:
    """Return the group of a value, twice or with the reference; the lower of the two first."""
    group = e.group or ()
    pair = (group, group if against is None else against)
    return pair if (e.value or 0.0) >= 0 else pair[::-1]


class Comparisons:
    """Estimates of the groups of one grouping, by themselves and compared."""

    outcome: str | None = None
    """Class that all of it is of, where it is one class against all others."""
    says_open_sides = False
    """Whether the method says which limit is missing, where only one is a number."""

    def __init__(self, grouped: Grouping, scope: Scope, stage: Stage = "model", *, comparable: bool = True) -> None:
        self.g, self.scope, self.stage = grouped, scope, stage
        self.comparable = comparable and bool(grouped.by)

    @cached_property
    def flags(self) -> tuple[str, ...]:
        """What is to be said of every comparison."""
        return comparison_flags(self.g)

    @cached_property
    def n(self) -> float:
        """Rows of all groups."""
        return float(self.g.rows.sum())

    def base(self, metric: str, **changes: Any) -> Estimate:
        """Return an estimate of this grouping and stage; a limit that is not finite is none."""
        changes = _describe_open_sides(changes) if self.says_open_sides else changes
        return base(metric, self.g, self.scope, stage=self.stage, outcome=self.outcome, **changes)

    def estimates_of(self, found: Quantity) -> list[Estimate]:
        """Return each group, and where groups can be compared every comparison that the quantity has."""
        made = [self.of_group(found, i) for i in range(len(self.g.groups))]
        for compared in found.comparisons if self.comparable else ():
            if isinstance(compared, GroupPairs):
                made += [*self.over_pairs(found, compared), *self.to_reference(found, compared)]
            elif isinstance(compared, Ends):
                made.append(self.at_end(found, compared))
            else:
                made += self.to_all(found.metric, compared)
        return made

    def of_group(self, found: Quantity, i: int) -> Estimate:
        """Return one group by itself, or why it has no value."""
        common: dict[str, Any] = {"group": self.g.groups[i], "n": float(self.g.rows[i])}
        if math.isnan(found.value[i]):
            return self.base(found.metric, **common, status="undefined", reason=found.reason(i), flags=found.flags)
        return self.with_limits(found, i, **common, flags=found.flags)

    def with_limits(self, found: Quantity, i: int, *, flags: tuple[str, ...], **common: Any) -> Estimate:
        """Return one value with its interval where it has one."""
        value, low, high = float(found.value[i]), float(found.limits.low[i]), float(found.limits.high[i])
        bounded = math.isfinite(low) or math.isfinite(high)
        if bounded:
            common |= {"low": min(low, value), "high": max(high, value)}
            common["degrees_of_freedom"] = None if found.df is None else float(found.df[i])
        if found.denominator is not None:
            common["denominator"] = float(found.denominator[i])
        flags = (*flags, SMALL) if found.thin[i] or not bounded else flags
        return self.base(found.metric, **common, value=value, method=found.method[i], flags=flags)

    def too_few(self, metric: str, compare: str, flags: tuple[str, ...] = ()) -> Estimate:
        """Return the comparison of a grouping that has fewer than two groups."""
        reason = reason_for_too_few_groups(self.g)
        flags = (*self.flags, *flags)
        return self.base(metric, compare=compare, n=self.n, status="undefined", reason=reason, flags=flags)

    def over_pairs(self, found: Quantity, pairs: GroupPairs) -> Iterator[Estimate]:
        """Yield the largest difference or smallest ratio over all pairs of groups."""
        if pairs.gap is None:
            return
        if len(self.g.groups) < 2:
            yield self.too_few(found.metric, pairs.kind, found.flags)
            return
        gap = pairs.gap()
        bounded = gap.low > 0 or gap.high < pairs.top or (pairs.always and gap.value is not None)
        flags = (*self.flags, *found.flags, *((SMALL,) if pairs.uncertain.any() else ()))
        method = f"{PAIRS_RULE.format(pairs.how)}{'' if bounded else '; a group has no interval'}{found.note}"
        reason = self.reason_for_gap(found, pairs.value) if gap.value is None else ""
        yield self.gap_estimate(
            found.metric, pairs.kind, gap, bounded=bounded, method=method, reason=reason, flags=flags
        )

    def gap_estimate(
        self,
        metric: str,
        kind: Kind,
        gap: Gap,
        *,
        bounded: bool,
        method: str,
        reason: str,
        flags: tuple[str, ...],
        **more: Any,
    ) -> Estimate:
        """Return a gap with the pairs of groups that set its limits, or why it has no value."""
        more |= {"compare": kind, "n": self.n}
        if bounded:
            more |= {"low": gap.low, "high": gap.high}
            more |= {"low_pair": self.pair(gap.low_pair), "high_pair": self.pair(gap.high_pair)}
        if gap.value is None:
            return self.base(metric, **more, status="undefined", reason=reason, flags=(*flags, UNMEASURED))
        return self.base(metric, **more, value=gap.value, pair=self.pair(gap.pair), method=method, flags=flags)

    def to_reference(self, found: Quantity, pairs: GroupPairs) -> Iterator[Estimate]:
        """Yield every other group against the reference."""
        if pairs.against is None or len(self.g.groups) < 2:
            return
        at, bounds = self.g.reference, pairs.against(self.g.reference)
        for i in (i for i in range(len(self.g.groups)) if i != at):
            flags = (*self.flags, *found.flags, *((SMALL,) if pairs.uncertain[[i, at]].any() else ()))
            common = self.with_reference(i, at) | {"compare": pairs.kind, "flags": flags}
            empty = next((j for j in (i, at) if math.isnan(pairs.value[j])), None)
            if empty is not None:
                reason = reason_for_unmeasured(self.g, [empty], found.reason(empty))
                yield self.base(found.metric, **common, status="undefined", reason=reason)
                continue
            if math.isinf(pairs.value[at]):
                reason = f"the value of {group_label(self.g, at)} is 0: there is no ratio to it"
                yield self.base(found.metric, **common, status="undefined", reason=reason)
                continue
            value, low, high = pairs.value[i] - pairs.value[at], float(bounds.low[i]), float(bounds.high[i])
            open_ = not math.isfinite(low) and not math.isfinite(high)
            method = f"{'no interval: one of the two has none' if open_ else pairs.how}{found.note}"
            yield self.base(found.metric, **common, value=pairs.back(value), low=low, high=high, method=method)

    def with_reference(self, i: int, at: int) -> dict[str, Any]:
        """Return what is common to all that is said of a group and a reference."""
        n = float(self.g.rows[i] + self.g.rows[at])
        return {"group": self.g.groups[i], "reference": self.g.groups[at], "n": n}

    def at_end(self, found: Quantity, ends: Ends) -> Estimate:
        """Return the lowest or highest group, with limits that hold for every group at once."""
        if not self.g.groups:
            return self.too_few(found.metric, ends.which, found.flags)
        uncertain = found.thin | ~(np.isfinite(found.limits.low) | np.isfinite(found.limits.high))
        flags = (*self.flags, *found.flags, *((SMALL,) if uncertain.any() else ()))
        extreme = ends.find()
        if extreme.value is None:
            reason = self.reason_for_gap(found, found.value)
            return self.end_estimate(found.metric, ends.which, extreme, reason=reason, flags=flags)
        lowest_highest = int(np.nanargmin(found.value)), int(np.nanargmax(found.value))
        how = ends.exact if extreme.exact and ends.exact else ends.how
        method = f"{how}, {CORRECTED.format(len(self.g.groups))}{found.note}"
        return self.end_estimate(found.metric, ends.which, extreme, lowest_highest, method=method, flags=flags)

    def end_estimate(
        self,
        metric: str,
        which: End,
        found: Extreme,
        ends: tuple[int, int] | None = None,
        *,
        flags: tuple[str, ...],
        method: str = "",
        reason: str = "",
    ) -> Estimate:
        """Return the lowest or highest group with the groups that set its limits, or why it has no value."""
        common: dict[str, Any] = {"compare": which, "low": found.low, "high": found.high, "n": self.n}
        common |= self.g.setters(found.low_group, found.high_group)
        if found.value is None or ends is None:
            return self.base(metric, **common, status="undefined", reason=reason, flags=(*flags, UNMEASURED))
        return self.base(metric, **common, value=found.value, pair=self.pair(ends), method=method, flags=flags)

    def to_all(self, metric: str, asked: ToAll) -> Iterator[Estimate]:
        """Yield every group against everybody or everybody else, then the furthest."""
        if len(self.g.groups) < 2:
            yield self.too_few(metric, asked.compare)
            return
        compared = asked.find()
        for i, known in enumerate(np.isfinite(compared.value).tolist()):
            flags = (*self.flags, SMALL) if compared.thin[i] else self.flags
            common: dict[str, Any] = {"compare": asked.compare, "group": self.g.groups[i], "n": self.n, "flags": flags}
            if not known:
                yield self.base(metric, **common, status="undefined", reason=compared.reason(i))
                continue
            if compared.sides is not None:
                common |= {"numerator": float(compared.sides[0][i]), "denominator": float(compared.sides[1][i])}
            common |= {"low": float(compared.limits.low[i]), "high": float(compared.limits.high[i])}
            yield self.base(metric, **common, value=float(compared.value[i]), method=compared.method[i])
        yield self._furthest(metric, asked.compare, compared)

    def _furthest(self, metric: str, compare: str, compared: AgainstAll) -> Estimate:
        found, flags = compared.furthest, (*self.flags, *((SMALL,) if compared.thin.any() else ()))
        common: dict[str, Any] = {"compare": compare, "n": self.n}
        if compared.is_bounded:
            common |= {"low": found.low, "high": found.high, **self.g.setters(found.low_group, found.high_group)}
        if found.value is None:
            reason, flags = compared.furthest_reason, (*flags, UNMEASURED)
            return self.base(metric, **common, status="undefined", reason=reason, flags=flags)
        if compared.sides is not None:
            lower, higher = sorted(float(side[found.group]) for side in compared.sides)
            common |= {"numerator": lower, "denominator": higher}
        pair = self.pair((found.group, found.group))
        return self.base(metric, **common, value=found.value, pair=pair, method=compared.furthest_method, flags=flags)

    def pair(self, at: tuple[int, int]) -> tuple[Group, Group]:
        """Return two groups by their positions."""
        return self.g.groups[at[0]], self.g.groups[at[1]]

    def reason_for_gap(self, found: Quantity, value: Floats) -> str:
        """Say why a comparison over all groups has no value."""
        gone = [i for i in range(len(self.g.groups)) if math.isnan(value[i])]
        if not gone:
            return found.no_ratio
        return reason_for_unmeasured(self.g, gone, found.reason(gone[0]))
