"""Rates of one grouping: what its groups are called, their rows, a cell a rate, and which of them a short table keeps.

Must not: print; let two groups read the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain

from audit.errors import printable
from audit.estimate import (
    NAME_LENGTH,
    WORST_CLASS,
    Estimate,
    Group,
    cell_interval,
    cell_text,
    figure_text,
    level_text,
    quoted_level,
    told_apart,
)
from audit.gates.verdicts import WORST_FIRST
from audit.measurement.metrics.catalogue import CATALOGUE, figure_of
from audit.measurement.metrics.kinds import OF_PAIRS, Criterion
from audit.record.result import AuditResult, Gate

By = tuple[str, ...]
OVERALL: By = ()
DATA_RATES = ("base_rate", "representation")
MOST_CROSSED = 2
"""Groups that a short table keeps of a combination of attributes: the pair that a limit on it is about."""
SMALL = "small_group"


class Grouping:
    """Rates of one grouping of one stage."""

    def __init__(self, result: AuditResult, stage: str, by: By, rates: Sequence[str]) -> None:
        self.by = by
        self.cells: dict[tuple[Group, str], Estimate] = {
            (e.group, rate): e
            for rate in rates
            for e in result.estimates.of(stage, rate, by)
            if (e.compare, e.reference) == (None, None) and e.group is not None and not e.of_one_class
        }
        present = {metric for _, metric in self.cells}
        self.rates = tuple(r for r in rates if r in present)
        self.groups: list[Group] = list(dict.fromkeys(group for group, _ in self.cells))
        self.rows: dict[Group, float] = {}
        """Rows of each group, which every rate of it may draw on; none where they are withheld."""
        for (group, _), e in self.cells.items():
            if e.n is not None:
                self.rows[group] = max(self.rows.get(group, 0.0), e.n)
        self._write, self._length = told_apart(self.groups, quoted_level), NAME_LENGTH

    def shorten(self, length: int) -> None:
        """Write columns and levels in so many characters from now on, no two levels alike."""
        self._length = length
        self._write = told_apart(self.groups, partial(quoted_level, length=length), length=length)

    def name(self, group: Group) -> str:
        """Return the name of a row; rows without a group say which share of all they are."""
        return " × ".join(self._name_level(group, at) for at in range(len(group))) or "overall"

    def _name_level(self, group: Group, at: int) -> str:
        level, column = group[at], printable(self.by[at], self._length)
        if level is None:
            return f"{column} missing{self._describe_share(group) if len(group) == 1 else ''}"
        # Levels of several columns stand without these where they speak for themselves.
        bare = len(group) > 1 and quoted_level(level) == level_text(level)
        if bare:
            return self._write((level,))
        return f"{column} {self._write((level,))}"

    def _describe_share(self, group: Group) -> str:
        total = sum(self.rows.values())
        known = len(self.rows) == len(self.groups) and total > 0
        if not known:
            return ""
        return f" ({figure_text(self.rows[group] / total, 'share')})"

    def write_cell(self, group: Group, rate: str, *, with_n: bool = False) -> str:
        """Return a rate with its interval, and with the rows of its denominator where that is asked for."""
        e = self.cells.get((group, rate))
        if e is None:
            return "–"
        if e.value is None:
            return {"suppressed": "withheld"}.get(e.status, "undefined")
        figure = figure_of(rate)
        few = "*" if SMALL in e.flags else ""
        interval = cell_interval(e.low, e.high, figure)
        under = e.denominator if e.rows is None else e.rows
        n = f" n {under:,.0f}" if with_n and under is not None else ""
        return f"{cell_text(e.value, figure)} {interval}".rstrip() + few + n


def list_groupings(result: AuditResult, stage: str, rates: Sequence[str]) -> list[Grouping]:
    """Return groupings that have any of some rates: single attributes first, then their combinations."""
    each = (Grouping(result, stage, by, rates) for by in sorted(result.estimates.groupings, key=len) if by)
    return [grouping for grouping in each if grouping.groups]


def list_rates(result: AuditResult, stage: str) -> list[str]:
    """Return the rates of a stage in the order of the catalogue; those of a user's own come last."""
    there = sorted(result.estimates.metrics)
    known = [m.name for m in CATALOGUE.among(there)]
    every = [*known, *(name for name in there if name not in known)]
    if stage == "model":
        return [name for name in every if not name.startswith(WORST_CLASS)]
    return list(DATA_RATES)


def choose_rates(result: AuditResult, stage: str) -> list[str]:
    """Return the rates of the short form, first those that limits are on, the worst limit first."""
    judged = chain.from_iterable(_list_rates_behind(gate) for gate in _order(result.gates, stage))
    named = [m for m in CATALOGUE.among(result.estimates.metrics) if m.headline]
    # What changed is what was asked, where two decisions are compared.
    headlines = tuple(m.name for m in sorted(named, key=lambda m: m.gives_away not in OF_PAIRS))
    main = headlines if stage == "model" else DATA_RATES
    return list(dict.fromkeys([*judged, *main]))


def _list_rates_behind(gate: Gate) -> tuple[str, ...]:
    """Return the rates that a limit is on, each with a value a group."""
    metric = gate.estimate.metric if gate.estimate is not None else ""
    entry = CATALOGUE.find(metric)
    return entry.rates if isinstance(entry, Criterion) else (metric,)


def _order(gates: Sequence[Gate], stage: str) -> list[Gate]:
    """Return the limits of a stage, the worst first."""
    of_stage = [gate for gate in gates if gate.estimate is not None and gate.estimate.stage == stage]
    return sorted(of_stage, key=lambda gate: WORST_FIRST.index(gate.verdict))


def choose_groups(found: Sequence[Grouping], result: AuditResult, stage: str, room: int) -> Mapping[By, list[Group]]:
    """Return which groups of each grouping are shown: of a combination the pair that a limit is about.

    Parameters
    ----------
    found
        All groupings.
    result
        With the limits.
    stage
        model or data.
    room
        Groups for which there is room; where single attributes have more, each gives up some.
    """
    named = {grouping.by: _list_named(result.gates, stage, grouping) for grouping in found}
    crossed = {g.by: named[g.by][:MOST_CROSSED] for g in found if len(g.by) > 1}
    single = [g for g in found if len(g.by) == 1]
    left = max(room - sum(map(len, crossed.values())), 2 * len(single))
    allotted = dict.fromkeys((g.by for g in single), 0)
    while left > 0 and (growing := [g for g in single if allotted[g.by] < len(g.groups)]):
        for grouping in growing[:left]:
            allotted[grouping.by] += 1
        left -= len(growing)
    kept = {g.by: _keep(g, named[g.by], allotted[g.by]) for g in single}
    return {g.by: sorted(kept.get(g.by, crossed.get(g.by, [])), key=g.groups.index) for g in found}


def _list_named(gates: Sequence[Gate], stage: str, grouping: Grouping) -> list[Group]:
    """Return the groups that limits on a grouping are about, the worst limit first."""
    about = [e for gate in _order(gates, stage) if (e := gate.estimate) is not None and e.by == grouping.by]
    pairs = chain.from_iterable(e.pairs for e in about)
    return [group for group in dict.fromkeys(chain.from_iterable(pairs)) if group in grouping.groups]


def _keep(grouping: Grouping, named: Sequence[Group], most: int) -> list[Group]:
    """Return so many groups: those that limits are about, rows without a group, the extremes, then the others."""
    if most >= len(grouping.groups):
        return grouping.groups
    missing = [group for group in grouping.groups if None in group]
    return list(dict.fromkeys([*named, *missing, *_list_extremes(grouping), *grouping.groups]))[:most]


def _list_extremes(grouping: Grouping) -> Iterator[Group]:
    """Yield the groups with the lowest and the highest value of the first rate."""
    first = grouping.rates[0]
    values = {g: e.value for (g, rate), e in grouping.cells.items() if rate == first and e.value is not None}
    if values:
        yield min(values, key=lambda g: values[g])
        yield max(values, key=lambda g: values[g])
