"""Rich subgroup violations of every crossing, and of all of them together.

With f a group's share of the denominators, the violation is ``w f (1 - f) |p_g - p_rest|``, w being the share of all
rows that are denominators: 1 for selection, the share with label 0 for false positives. Each of the three has limits
of its own, whose distances are squared and added. The failing side is corrected for all groups that were looked at.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from audit.estimate import Estimate, Group
from audit.measurement.comparisons import NO_TWO_GROUPS
from audit.measurement.grouping import Grouping
from audit.measurement.inference.intervals import Floats, Limits
from audit.measurement.inference.mixtures import (
    HALF,
    Furthest,
    furthest,
    pair_with_others,
    recovered,
    rich_violation,
    to_other,
)
from audit.measurement.inference.pairs import guarded
from audit.measurement.metrics.criteria import RICH_SUBGROUP, RICH_SUBGROUP_FALSE_POSITIVE
from audit.measurement.metrics.kinds import GroupStatistic, Rate
from audit.measurement.metrics.rates import BASE_RATE, RATES
from audit.measurement.scope import NO_GROUP, SMALL, UNMEASURED, Block, Scope

_RATE = {m.name: m for m in RATES}
OF: tuple[tuple[GroupStatistic, Rate], ...] = (
    (RICH_SUBGROUP, _RATE["selection_rate"]),
    (RICH_SUBGROUP_FALSE_POSITIVE, _RATE["false_positive_rate"]),
)
METHOD = "newcombe against the rest, wilson of the shares"


class _Violations(NamedTuple):
    """Signed violations of the groups of one crossing, or of several; arrays over groups."""

    names: tuple[tuple[str, Group], ...]
    """Columns and levels of each."""
    value: Floats
    plain: Limits
    corrected: Limits
    thin: np.ndarray
    measured: np.ndarray


def subgroup_blocks(groupings: Sequence[Grouping], scope: Scope, *, labelled: bool = True) -> Iterator[Block]:
    """Largest violation of every crossing, then of everything that was declared.

    Parameters
    ----------
    groupings
        Every crossing, that of no column left out.
    labelled
        Whether rows have a label, which false positives need.
    """
    every = sum(len(g.groups) for g in groupings)
    for metric, rate in (of for of in OF if labelled or "label" not in of[1].needs):
        for g in groupings:
            looks = 1 if len(g.groups) == 2 else len(g.groups)
            yield _block(metric, rate, g.by, [g], scope, looks)
        if groupings:
            yield _block(metric, rate, (), groupings, scope, every)


def _block(
    metric: GroupStatistic, rate: Rate, by: tuple[str, ...], groupings: Sequence[Grouping], scope: Scope, looks: int
) -> Block:
    return Block("model", frozenset({metric.name}), by, lambda: [_largest(metric, rate, by, groupings, scope, looks)])


def _largest(
    metric: GroupStatistic,
    rate: Rate,
    by: tuple[str, ...],
    groupings: Sequence[Grouping],
    scope: Scope,
    looks: int,
) -> Estimate:
    common: dict[str, Any] = {
        "stage": "model",
        "metric": metric.name,
        "compare": "largest",
        "by": by,
        "n": float(max(g.rows.sum() for g in groupings)),
        "flags": (NO_GROUP,) if any(g.missing_rows for g in groupings) else (),
    }
    if max(len(g.groups) for g in groupings) < 2:
        return Estimate(**common, status="undefined", reason=NO_TWO_GROUPS)
    each = _join([_violations(rate, g, scope.tail, looks) for g in groupings if len(g.groups) > 1])
    if not each.measured.any():
        return Estimate(**common, status="undefined", reason=rate.empty)
    last = furthest("difference", each.value, each.plain, each.corrected)
    return _estimate(common, each, last, scope, looks)


def _violations(rate: Rate, g: Grouping, tail: float, looks: int) -> _Violations:
    count, stacked = len(g.groups), g.with_others()
    sides, share = pair_with_others(stacked.sample(rate), count, count), g.shares(rate.given.mask())
    weight, _ = _denominators(rate, stacked, tail)
    gap = np.where(sides.measured, sides.value("difference"), 0.0)
    f = np.where(share.measured, share.p, 0.0)

    def bounds(error: float) -> Limits:
        shares = guarded(share, error)
        made = recovered(
            rich_violation,
            (gap, f, np.full(count, weight)),
            (to_other(sides, "difference", error), shares, _denominators(rate, stacked, error)[1]),
            peak=HALF,
        )
        # Where one side has no rows the gap could be anything, but only times what its share can be.
        most = np.clip(HALF, shares.low, shares.high)
        most = most * (1 - most)
        low = np.where(sides.measured, made.low, -most)
        high = np.where(sides.measured, made.high, most)
        return Limits(low, high)

    names = tuple((" x ".join(g.by), group) for group in g.groups)
    return _Violations(
        names, rich_violation(gap, f, weight), bounds(tail), bounds(tail / looks), sides.thin, sides.measured
    )


def _denominators(rate: Rate, stacked: Grouping, tail: float) -> tuple[float, Limits]:
    """Share of all rows that the rate is about, with its limits."""
    if rate.given.mask().all():
        return 1.0, Limits(np.ones(1), np.ones(1))
    positive = stacked.sample(BASE_RATE)
    limits = guarded(positive, tail)
    return 1 - float(positive.p[-1]), Limits(1 - limits.high[-1:], 1 - limits.low[-1:])


def _join(parts: Sequence[_Violations]) -> _Violations:
    def limits(which: str) -> Limits:
        return Limits(*(np.concatenate([getattr(getattr(p, which), side) for p in parts]) for side in ("low", "high")))

    value = np.concatenate([p.value for p in parts])
    thin = np.concatenate([p.thin for p in parts])
    measured = np.concatenate([p.measured for p in parts])
    names = tuple(chain.from_iterable(p.names for p in parts))
    return _Violations(names, value, limits("plain"), limits("corrected"), thin, measured)


def _estimate(common: dict[str, Any], each: _Violations, found: Furthest, scope: Scope, looks: int) -> Estimate:
    deciding = (found.group, found.low_group, found.high_group)
    columns, group = each.names[found.group]
    flags = common.pop("flags")
    flags += (SMALL,) if any(each.thin[i] for i in deciding) else ()
    flags += () if each.measured.all() else (UNMEASURED,)
    where = "" if common["by"] else f"; the group is one by {columns}"
    sides = (("low", deciding[1]), ("high", deciding[2])) if common["by"] else ()
    pairs: dict[str, Any] = {f"{side}_pair": (each.names[i][1],) * 2 for side, i in sides}
    return Estimate(
        **common,
        **pairs,
        value=found.value,
        low=found.low,
        high=min(found.high, 0.25),
        confidence=scope.confidence,
        pair=(group, group),
        flags=flags,
        method=f"{METHOD}, corrected for {looks} groups on the failing side{where}",
    )
