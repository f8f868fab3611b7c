"""DB004: a gap between groups that turns its sign within strata (Simpson's paradox), or that only appears there.

The gap over everybody, and its change within strata, have to be more than chance, for all pairs and columns looked at
together. The gap within strata need not be: at Berkeley it is small, and that it is not the gap over everybody is what
has to be known. See docs/decisions/0017. A gap that only appears within strata is masked by where groups are found:
there the gap within and its change have to be more than chance, and the gap over everybody is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from audit.axes import FOLD, LABEL, STRATUM, CubeKind, reference_at
from audit.checks.check import FALSE_ALARM, CheckKind
from audit.checks.part import MOST_LEVELS, OpenPart, chance, group, list_names, several
from audit.cube import Cube
from audit.estimate import Level
from audit.measurement.dataset.reversal import Reversal, reversal
from audit.measurement.grouping import two_levels
from audit.record.result import Check

GAP = 0.01
"""Smallest gap over everybody that matters: one point."""
LEAST = 30
"""Rows of a group, or the sum of their weights, under which nothing is said of it."""
COMPARED = 0.8
"""Share of a pair's rows that has to lie in strata with both groups and both labels."""
MASKED = 0.02
"""Smallest disparity within strata that matters where there is none over everybody."""
MOST_SAID = 3


class _Pair(NamedTuple):
    by: str
    group: Level
    reference: Level
    within: tuple[str, ...]
    found: Reversal


def _find_reversals(looked: OpenPart) -> Iterator[Check]:
    if looked.train is not None:
        return
    plan = looked.plan
    about = f"no gap between groups of {looked.part} turns its sign within strata"
    if plan.label is None or plan.classes or not plan.groups:
        yield CHECK.outcome("not applicable", "needs groups and a label of two classes", about=about)
        return
    pairs = [
        pair
        for by, cubes in _count_by_strata(looked).items()
        for cube in cubes
        for pair in _pair_with_reference(cube, by, looked)
    ]
    if not pairs:
        yield CHECK.outcome("not applicable", "no strata in which two groups can be compared", about=about)
        return
    turned = [p for p in pairs if p.found.turned and abs(p.found.gap) >= GAP]
    turned.sort(key=lambda p: -abs(p.found.gap))
    sure = [p for p in turned if max(p.found.p_gap, p.found.p_change) * len(pairs) <= FALSE_ALARM]
    sure += [p for p in pairs if p not in sure and _is_masked(p.found, len(pairs))]
    looks = f"{several(len(pairs), 'pair')} of groups within {list_names(_choose_columns(pairs))}"
    if sure:
        more = f"; {len(sure) - MOST_SAID} more" if len(sure) > MOST_SAID else ""
        yield CHECK.outcome("warn", "; ".join(map(_describe_reversal, sure[:MOST_SAID])) + more, about=about)
    else:
        by_chance = f"; as chance may have it, {_describe_reversal(turned[0])}" if turned else ""
        yield CHECK.outcome("pass", f"{looks}{by_chance}", about=about)


def _is_masked(found: Reversal, looks: int) -> bool:
    """Return whether there is a gap within strata, and none that chance could not make over everybody."""
    unseen = abs(found.gap) < GAP or found.p_gap * looks > FALSE_ALARM
    return unseen and abs(found.within) >= MASKED and max(found.p_within, found.p_change) * looks <= FALSE_ALARM


def _count_by_strata(looked: OpenPart) -> Mapping[tuple[str, ...], Sequence[Cube]]:
    """Group x stratum x label by the columns that make the strata: the declared ones, or each of few values in turn."""
    data = looked.config.data
    if data.strata:
        return {data.strata: looked.counted.further[CubeKind.STRATA]}
    roles = {data.label, data.weight, looked.config.unit}
    few = [c for c, p in looked.profiles.items() if 2 <= p.distinct <= MOST_LEVELS and c not in roles]
    return {(c,): looked.crossed(c) for c in few}


def _pair_with_reference(cube: Cube, within: tuple[str, ...], looked: OpenPart) -> Iterator[_Pair]:
    """Yield each group of one column against its reference."""
    by = cube.names[0]
    if by in within:
        return
    folds = (FOLD,) if FOLD in cube.names else ()
    known = two_levels(cube.drop(by, None).keep(by, STRATUM, LABEL, *folds), LABEL)
    levels = known.axis(by).levels
    if len(levels) < 2:
        return
    rows = known["n"].reshape(len(levels), -1).sum(axis=1)
    at = reference_at((by,), tuple((level,) for level in levels), rows, looked.scope.reference)
    w = _list_folds(known, "w" if known.weighted else "n", folds)
    w2 = _list_folds(known, "w2" if known.weighted else "n", folds)
    size = w.reshape(len(levels), -1).sum(axis=1)
    for i, level in enumerate(levels):
        if i == at or min(size[i], size[at]) < LEAST:
            continue
        found = reversal(w[[at, i]], w2[[at, i]], folded=bool(folds))
        if found is not None and found.compared >= COMPARED:
            yield _Pair(by, level, levels[at], within, found)


def _list_folds(cube: Cube, measure: str, folds: tuple[str, ...]) -> np.ndarray:
    out = cube[measure].astype(float)
    return out if folds else out[..., None]


def _choose_columns(pairs: Sequence[_Pair]) -> list[str]:
    return list(dict.fromkeys(" x ".join(p.within) for p in pairs))


def _describe_reversal(pair: _Pair) -> str:
    """Describe a group beside its reference; both numbers have the sign of its estimates, above 0 if it fares worse."""
    found, whose, other = pair.found, group(pair.by, pair.group), group(pair.by, pair.reference)
    strata = list_names([" x ".join(pair.within)])
    return (
        f"{whose} beside {other}: {found.gap:+.4f} of positive labels over everybody ({chance(found.p_gap)}), "
        f"against {whose if found.gap > 0 else other}; within {strata} {found.within:+.4f} "
        f"(conditional demographic disparity, {chance(found.p_within)}), against {whose if found.within > 0 else other}"
    )


CHECK = CheckKind(
    code="DB004",
    title="no gap between groups turns its sign within strata",
    reason="a gap over everybody may be one of where groups are found, and mending it would widen the one within",
    reference="Bickel, Hammel and O'Connell (1975), Science 187:398",
    mend="decide which comparison is fair here, and name the strata ([data] strata) so that both are shown",
    find=_find_reversals,
)
