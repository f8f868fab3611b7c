"""DB004: a gap between groups that turns its sign within strata (Simpson's paradox), or that only appears there.

The gap over everybody, and its change within strata, have to be more than chance, for all pairs and columns looked at
together. The gap within strata need not be: at Berkeley it is small, and that it is not the gap over everybody is what
has to be known. See docs/decisions/0017. A gap that only appears within strata is masked by where groups are found:
there the gap within and its change have to be more than chance, and the gap over everybody is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from audit.axes import CubeKind
from audit.checks.check import FALSE_ALARM, CheckKind
from audit.checks.code import NO_GROUPS, fill
from audit.checks.part import MOST_LEVELS, OpenPart, chance, list_names, name_group, several
from audit.cube import Cube
from audit.estimate import Level, figure_text, grouping_text
from audit.measurement.dataset.reversal import Reversal, compare_within_strata
from audit.record.result import Check

GAP = 0.01
"""Smallest gap over everybody that matters: one point."""
MASKED = 0.02
"""Smallest disparity within strata that matters where there is none over everybody."""
MOST_SAID = 3
MEASURED = "{overall} between rates overall, {within} within (conditional disparity)"
REVERSES = f"The gap between {{group}} and {{reference}} reverses within {{strata}}: {MEASURED}"
MASKED_GAP = f"A gap between {{group}} and {{reference}} shows only within {{strata}}: {MEASURED}"


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
    if plan.label is None or plan.classes or not plan.groups:
        why = NO_GROUPS if not plan.groups else "it needs a label of two classes"
        yield CHECK.unanswered(looked.part, "not applicable", why)
        return
    pairs: list[_Pair] = []
    for by, cubes in _count_by_strata(looked).items():
        for cube in cubes:
            pairs += _pair_with_reference(cube, by, looked)
    if not pairs:
        yield CHECK.unanswered(looked.part, "not applicable", "no strata in which two groups can be compared")
        return
    turned = [p for p in pairs if p.found.turned and abs(p.found.gap) >= GAP]
    turned.sort(key=lambda p: -abs(p.found.gap))
    sure = [p for p in turned if max(p.found.p_gap, p.found.p_change) * len(pairs) <= FALSE_ALARM]
    masked = [p for p in pairs if p not in sure and _is_masked(p.found, len(pairs))]
    looks = f"{several(len(pairs), 'pair')} of groups within {list_names(_choose_columns(pairs))}"
    if sure or masked:
        yield _describe_found(looked.part, sure, masked)
    else:
        by_chance = f"; not beyond chance: {_say(REVERSES, turned[0])}" if turned else ""
        yield CHECK.passed(looked.part, f"{looks}{by_chance}")


def _describe_found(part: str, sure: Sequence[_Pair], masked: Sequence[_Pair]) -> Check:
    """Return the widest pair as the title, its p-values and the next pairs as the detail."""
    pairs = [*((REVERSES, p) for p in sure), *((MASKED_GAP, p) for p in masked)]
    (template, first), further = pairs[0], pairs[1:]
    detail = [_describe_pair(first), *(_say(*pair) for pair in further[: MOST_SAID - 1])]
    if len(pairs) > MOST_SAID:
        detail.append(f"{len(pairs) - MOST_SAID} more")
    return CHECK.found(part, "; ".join(detail), columns=(first.by,), title=_say(template, first))


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
    if by not in within:
        for group, reference, found in compare_within_strata(cube, looked.scope.reference):
            yield _Pair(by, group, reference, within, found)


def _choose_columns(pairs: Sequence[_Pair]) -> list[str]:
    return list(dict.fromkeys(" x ".join(p.within) for p in pairs))


def _say(template: str, pair: _Pair) -> str:
    """Name a pair; both numbers have the sign of its estimates, above 0 if the group has fewer positive labels."""
    return fill(
        template,
        "train",
        group=name_group(pair.by, pair.group),
        reference=name_group(pair.by, pair.reference),
        strata=grouping_text(pair.within),
        overall=_format_signed(pair.found.gap),
        within=_format_signed(pair.found.within).removesuffix(" points"),
    )


def _describe_pair(pair: _Pair) -> str:
    whose = name_group(pair.by, pair.group)
    return (
        f"above 0, labels are less often positive for {whose}; "
        f"overall is the difference of rates ({chance(pair.found.p_gap)}), "
        f"within is the conditional demographic disparity ({chance(pair.found.p_within)})"
    )


def _format_signed(gap: float) -> str:
    return f"{'+' * (gap > 0)}{figure_text(gap, 'points')}"


CHECK = CheckKind(
    code="DB004",
    name="Gaps that reverse within strata (Simpson's paradox)",
    passes=("No gap between groups reverses within strata",),
    finds=(REVERSES, MASKED_GAP),
    plain="A gap between groups reverses within strata, or shows only there",
    reason="an overall gap may come from where groups are found, and closing it could widen the gap within strata",
    reference="Bickel, Hammel and O'Connell (1975), Science 187:398",
    mend="Decide which comparison is fair here, and name the strata ([data] strata) so that both are shown.",
    find=_find_reversals,
)
