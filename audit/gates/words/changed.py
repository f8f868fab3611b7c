"""The first sentence where two decisions about the same rows are compared: who lost, how many changed, net, how sure.

Must not: decide anything, or import numpy; ``audit gate`` pays for this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from audit.estimate import (
    CROSSED,
    FEWEST_CHANGED,
    Estimate,
    Group,
    count_rows,
    counted_text,
    figure_text,
    grouping_text,
    interval_words,
    join_words,
    p_words,
    quoted_level,
    told_apart,
)
from audit.measurement.scope import FEW_CHANGED
from audit.record.result import AuditResult

CHURN, LOST, GAINED, NET = "churn", "negative_flips", "positive_flips", "net_change"
UP, DOWN, RATE = "flips_up", "flips_down", "selection_rate_change"
FELL, ROSE = "the selection rate fell by", "the selection rate rose by"
CANNOT_TELL = "too few changes to show a direction"


class _Told:
    """Numbers of the pairs of one grouping, as sentences need them."""

    def __init__(self, result: AuditResult, by: tuple[str, ...]) -> None:
        self.result, self.by = result, by
        self.labelled = bool(result.estimates.of("model", NET, by))
        self.net = NET if self.labelled else RATE

    @cached_property
    def names(self) -> Callable[[Group], str]:
        """Names of the groups, which no two share."""
        groups = [e.group for e in self.result.estimates.of("model", CHURN, self.by) if e.group is not None]
        return told_apart(groups, quoted_level, CROSSED)

    @property
    def groups(self) -> list[Estimate]:
        """Net change of every known group, withheld ones included."""
        each = self.result.estimates.of("model", self.net, self.by)
        return [e for e in each if e.compare is None and e.group and None not in e.group]

    @property
    def withheld(self) -> list[Estimate]:
        """Empty places of groups whose net change must not be shown."""
        return [e for e in self.groups if e.status == "suppressed"]

    def find(self, metric: str, group: Group, compare: str | None = None) -> Estimate | None:
        """Return the number of a group; None where there is none, or it is withheld."""
        each = self.result.estimates.of("model", metric, self.by)
        return next((e for e in each if (e.group, e.compare) == (group, compare) and e.value is not None), None)

    def is_measured(self) -> bool:
        """Return whether any group has a net change."""
        return any(e.value is not None for e in self.groups)

    def count(self, group: Group) -> str:
        """Return how many decisions changed, and which way: in rows, or in percent where rows have weights."""
        ways = ((LOST, "newly wrong"), (GAINED, "newly right")) if self.labelled else ((UP, "up"), (DOWN, "down"))
        changed, each = self.find(CHURN, group), [(self.find(metric, group), said) for metric, said in ways]
        if changed is None or any(e is None for e, _ in each):
            return ""
        told = ", ".join(f"{counted_text(e)} {said}" for e, said in each if e is not None)
        return f"{counted_text(changed)} of {count_rows(changed):,.0f} decisions changed ({told})"

    def weigh(self, group: Group) -> str:
        """Return the net change with how sure it is."""
        net, p = self.find(self.net, group), self.find(self.net, group, "p_value")
        if net is None or net.value is None:
            return ""
        low, high = (net.low, net.high) if net.value >= 0 else (_turn(net.high), _turn(net.low))
        sure = [interval_words(low, high, "points", confidence=net.confidence)]
        if FEW_CHANGED in net.flags:
            sure.append(CANNOT_TELL)
        elif p is not None:
            sure.append(p_words(p.value))
        return f"{self._name_net(net.value)} ({'; '.join(part for part in sure if part)})"

    def _name_net(self, net: float) -> str:
        if not net:
            return "no net change"
        less, more = ("a net gain of accuracy of", "a net loss of accuracy of") if self.labelled else (FELL, ROSE)
        return f"{(less, more)[net > 0]} {figure_text(abs(net), 'points')}"


def describe_change(result: AuditResult) -> str:
    """Return who lost, how many decisions changed, the net of it and how sure that is.

    Of compressed models the limit says who lost, by tests of its own that also look at everybody: two corrections side
    by side may name a loss and deny it.
    """
    losers = () if result.edge is not None else tuple(_list_losers(result))
    said = [*losers, _sum_up(_Told(result, ()))]
    return " ".join(part for part in said if part)


def _sum_up(told: _Told) -> str:
    said = ", ".join(part for part in (told.count(()), told.weigh(())) if part)
    churn = told.find(CHURN, ())
    turned = churn is not None and churn.value == 1 and count_rows(churn) >= FEWEST_CHANGED
    check = " Every decision changed: check that both columns write the classes alike." * turned
    return f"Overall, {said}.{check}" * bool(said)


def _list_losers(result: AuditResult) -> Iterator[str]:
    """Yield of each column the group that lost, where one surely did; or that none is shown to have."""
    columns = [by for by in result.estimates.groupings if len(by) == 1]
    told = {by: _Told(result, by) for by in columns}
    sure = {by: losers for by in columns if (losers := _find_losers(told[by]))}
    for by, losers in sure.items():
        said = ", ".join(part for part in (told[by].count(losers[0]), told[by].weigh(losers[0])) if part)
        name = told[by].names(losers[0])
        who = f"{name} lost accuracy"
        if not told[by].labelled:
            most = " most" * _is_largest(told[by], losers[0])
            who = f"the selection rate of {name} changed{most}"
        what = "lost accuracy" if told[by].labelled else "changed"
        others = f"{_count_others(told[by], losers, what)}{_count_withheld(told[by])}"
        yield f"By {grouping_text(by)}, {who}: {said}{others}."
    yield from (_name_most_changed(told[by]) for by in columns if not told[by].labelled)
    if not sure and all(told[by].labelled for by in columns):
        withheld = [by for by in columns if told[by].withheld and not told[by].is_measured()]
        shown = [by for by in columns if by not in withheld and told[by].is_measured()]
        if shown:
            parts = "".join(_count_withheld(told[by]) for by in shown)
            yield f"No group by {' or '.join(map(grouping_text, shown))} is shown to have lost accuracy{parts}."
        if withheld:
            yield f"Whether a group by {' or '.join(map(grouping_text, withheld))} lost accuracy is withheld."


def _name_most_changed(told: _Told) -> str:
    """Return in which group the largest share of decisions changed, and whether groups are shown to differ.

    Of a page that must not show all groups, among those that it shows: nothing follows of the others.
    """
    by = f"By {grouping_text(told.by)}"
    each = told.result.estimates.of("model", CHURN, told.by)
    own = [e for e in each if e.compare is None and e.group and None not in e.group]
    groups = {e.group or (): e for e in own if e.value is not None}
    ranked = {group: e for group, e in groups.items() if FEW_CHANGED not in e.flags}
    hidden = sum(e.status == "suppressed" for e in own)
    if hidden and len(groups) < 2:
        return f"{by}, whose decisions changed most is withheld."
    if len(groups) < 2 or not (hidden or any(e.value for e in groups.values())):
        return ""
    among = " among the groups that are shown" * bool(hidden)
    left = _say_withheld(hidden, told.by)
    if not ranked:
        return f"{by}, too few decisions changed{among} to say whose changed most{left}."
    most = max(e.value or 0.0 for e in ranked.values())
    first = [group for group, e in ranked.items() if e.value == most]
    shown = ranked[first[0]]
    sure = interval_words(shown.low, shown.high, "share", confidence=shown.confidence)
    of = f"{figure_text(most, 'share')} of {count_rows(shown):,.0f}"
    said = f"{by},{among and among + ','} decisions changed most for {join_words(list(map(told.names, first)))}: {of}"
    differ = _say_alike(each)
    unranked = any((e.value or 0.0) >= most for group, e in groups.items() if group not in ranked)
    few = f"; groups with fewer than {FEWEST_CHANGED} changed decisions are not ranked" * unranked
    return f"{said} ({sure}){differ}{few}{left}."


def _say_alike(each: Sequence[Estimate]) -> str:
    """Return that groups are not shown to differ in how many decisions changed; nothing where they are."""
    gap = next((e for e in each if e.compare == "difference" and e.group is None), None)
    if gap is not None and gap.status == "suppressed":
        return ""
    alike = gap is None or gap.low is None or gap.low <= 0
    return "; that groups differ is not shown" * alike


def _count_withheld(told: _Told) -> str:
    """Return of how many groups the net change is withheld; nothing where there are none."""
    return _say_withheld(len(told.withheld), told.by)


def _say_withheld(n: int, by: tuple[str, ...]) -> str:
    if not n:
        return ""
    return f"; {n} group{'s' * (n > 1)} by {grouping_text(by)} {('is', 'are')[n > 1]} withheld"


def _is_withheld(told: _Told) -> bool:
    """Return whether numbers are missing because a page must not show them: nothing follows from their absence."""
    return any(e.status == "suppressed" for e in told.result.estimates.of("model", told.net, told.by))


def _find_losers(told: _Told) -> tuple[Group, ...]:
    """Return groups whose loss is sure even after looking at all groups, the largest loss first."""
    compare = "highest" if told.labelled else "largest"
    each = told.result.estimates.of("model", told.net, told.by)
    found = next((e for e in each if e.compare == compare and e.group is None), None)
    groups = told.groups
    if found is None or not groups:
        return ()
    if found.status == "suppressed":
        # Which group has the highest is withheld with it: those that are shown have their own test.
        pair, confidence = None, next((e.confidence for e in groups if e.confidence is not None), None)
    elif found.value is None or found.low is None or found.low <= 0:
        return ()
    else:
        pair, confidence = found.low_pair or found.pair, found.confidence
    most = (1 - (confidence or 0.95)) / len(groups)
    sure = [e for e in groups if (pair is not None and e.group == pair[1]) or _is_shown(told, e, most)]
    return tuple(e.group or () for e in sorted(sure, key=lambda e: -abs(e.value or 0.0)))


def _is_shown(told: _Told, net: Estimate, most: float) -> bool:
    """Return whether a group has a loss, or without labels a change, whose p is at most so much."""
    p = told.find(told.net, net.group or (), "p_value")
    if p is None or p.value is None or net.value is None or FEW_CHANGED in net.flags:
        return False
    clear = (net.low or 0.0) > 0 or (not told.labelled and (net.high or 0.0) < 0)
    return clear and p.value <= most


def _is_largest(told: _Told, group: Group) -> bool:
    """Return whether no group changed more; False where a page does not show them all."""
    each = told.result.estimates.of("model", told.net, told.by)
    sizes = {e.group: abs(e.value) for e in each if e.compare is None and e.group and e.value is not None}
    return not _is_withheld(told) and sizes.get(group) == max(sizes.values())


def _count_others(told: _Told, losers: tuple[Group, ...], what: str) -> str:
    """Return how many other groups surely lost too; nothing where there are none."""
    others = len(losers) - 1
    if not others:
        return ""
    least = "at least " * _is_withheld(told)
    return f"; {least}{others} other group{'s' * (others > 1)} {what} too"


def _turn(end: float | None) -> float | None:
    return None if end is None else -end
