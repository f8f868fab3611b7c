"""Verdicts beside an earlier result: what is worse beyond chance fails, and what failed before already is known.

A limit fails that is worse than in the baseline at the error of the policy, corrected by Holm for all limits that are
compared. One that did not pass in the baseline either and is not worse is known: it warns and does not block, until
the day that the policy names. All other verdicts are those of the limits alone. Must not: count rows, or read a file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from audit.config.schema import Config, GateRule
from audit.config.sections import BaselineSection
from audit.estimate import WORST_CLASS, Estimate
from audit.gates.check_counts import FOUND, is_counted
from audit.gates.small_groups import find_each
from audit.gates.words.against_baseline import add_standing, describe_standing
from audit.measurement.estimates import Estimates
from audit.measurement.metrics.catalogue import CATALOGUE, compares_decisions
from audit.measurement.metrics.kinds import Criterion
from audit.record.baseline import Baseline, BaselineGate, BaselineRate, Change, Moved
from audit.record.result import AuditResult, Check, Gate, GateVerdict, identify_limit

if TYPE_CHECKING:
    from audit.measurement.rates.gap_changes import Before, Rates, Reading

OPEN = ("fail", "insufficient")
TOTALS = ("energy", "checks")
NO_INTERVAL = "a total of one run has no interval, so that no chance can be allowed for"
NO_NUMBER = "one of the two results has no number"
OTHER_KIND = "it has no counterpart in the baseline"
FEWEST_FOR_HOLM = 1
READINGS: Mapping[str | None, Reading] = {
    "difference": "difference",
    "ratio": "ratio",
    "lowest": "lowest",
    "highest": "highest",
}
"""What a limit reads of the rates of groups, by its comparison; others are not compared by rates."""


class _Tested(NamedTuple):
    """What a comparison found; without p-values the reason."""

    p_worse: float | None = None
    p_better: float | None = None
    reason: str = ""
    detectable: float | None = None


@dataclass(frozen=True, slots=True)
class _Pair:
    """One limit in both results."""

    gate: Gate
    before: BaselineGate | None
    tested: _Tested


@dataclass(frozen=True, slots=True)
class _Beside:
    """What every limit is settled by."""

    baseline: Baseline
    config: Config
    checks: Sequence[Check]
    today: dt.date

    @property
    def until(self) -> dt.date | None:
        """Last day on which what is known only warns; None where there is none."""
        return None if self.config.baseline is None else self.config.baseline.until

    @property
    def is_over(self) -> bool:
        """Whether what is known blocks again."""
        return self.until is not None and self.today > self.until


def settle(
    gates: Sequence[Gate],
    baseline: Baseline,
    config: Config,
    estimates: Estimates,
    checks: Sequence[Check],
    today: dt.date,
    judged: Sequence[Gate] = (),
) -> tuple[Gate, ...]:
    """Return gates with the verdicts that they have beside a baseline.

    Parameters
    ----------
    gates
        Judged by their limits alone.
    baseline, config
        What they are compared with, and the policy.
    estimates, checks
        What the gates rest on.
    today
        Day of the verdict.
    judged
        The same gates as they were compared with this baseline before: a comparison is not worked out twice.
    """
    earlier = {identify_limit(g): g for g in baseline.gates}
    known = {identify_limit(g): g for g in judged}
    pairs = []
    for gate in gates:
        before, same = earlier.get(identify_limit(gate)), known.get(identify_limit(gate))
        tested = _recall(gate, same) or _test(gate, before, estimates, config)
        pairs.append(_Pair(gate, before, tested))
    worse = _correct([pair.tested.p_worse for pair in pairs])
    better = _correct([pair.tested.p_better for pair in pairs])
    beside = _Beside(baseline, config, checks, today)
    return tuple(_settle_one(pair, (w, b), beside) for pair, w, b in zip(pairs, worse, better, strict=True))


def find_changed(gates: Iterable[Gate]) -> tuple[Gate, ...]:
    """Return gates that moved beyond chance, or whose verdict by the limit alone changed; the worse ones first."""
    found = [g for g in gates if g.change is not None and _has_changed(g.change)]
    return tuple(sorted(found, key=lambda g: ("worse", "same", "not compared", "better").index(_read_moved(g))))


def find_refused(gates: Iterable[Gate]) -> list[Gate]:
    """Return gates that stand worse than in the baseline: worse beyond chance, or no longer passed."""
    return [g for g in gates if g.change is not None and (g.change.moved == "worse" or _begins_to_fail(g))]


def _begins_to_fail(gate: Gate) -> bool:
    change = gate.change
    if change is None or change.since is not None:
        return False
    # Where the policy lets it pass, what was inconclusive is not known, and it begins nothing either.
    return change.alone in {*OPEN, "undefined"} and {change.alone, change.before} != {"insufficient"}


def _read_moved(gate: Gate) -> Moved:
    return "not compared" if gate.change is None else gate.change.moved


def _has_changed(change: Change) -> bool:
    return change.moved in {"worse", "better"} or change.before != change.alone


def _recall(gate: Gate, same: Gate | None) -> _Tested | None:
    """Return what was found before of the same gate on the same estimate."""
    if same is None or same.change is None or same.estimate != gate.estimate:
        return None
    change = same.change
    return _Tested(change.p_worse, change.p_better, change.reason, change.detectable)


def _correct(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p-values corrected by Holm for the limits that are compared; one that cannot be cannot be wrong either."""
    known = [p for p in p_values if p is not None]
    if len(known) <= FEWEST_FOR_HOLM:
        return list(p_values)
    from audit.measurement.inference.corrections import holm

    adjusted = iter(holm(known))
    return [None if p is None else next(adjusted) for p in p_values]


def _settle_one(pair: _Pair, corrected: tuple[float | None, float | None], beside: _Beside) -> Gate:
    gate, before = pair.gate, pair.before
    moved = _name_move(pair.tested, corrected, beside.config.policy.error)
    known = before is not None and moved != "worse" and _is_known(gate, before, beside, moved)
    change = _make_change(pair, corrected, moved, known=known)
    told = replace(gate, verdict=_choose_verdict(gate, moved, known=known, ended=beside.is_over))
    describe = partial(describe_standing, told, change, beside.baseline, beside.until, beside.today)
    change = replace(change, sentence=describe(), plain_sentence=describe(numbers=False))
    return replace(told, sentence=add_standing(gate.sentence, change), change=change)


def _make_change(pair: _Pair, corrected: tuple[float | None, float | None], moved: Moved, *, known: bool) -> Change:
    """Return how a limit stands against the baseline, before anything is said of it."""
    before, tested = pair.before, pair.tested
    old = before or BaselineGate(name=pair.gate.name, verdict="not judged")
    return Change(
        alone=pair.gate.verdict,
        sentence="",
        before=None if before is None else before.verdict,
        moved=moved,
        reason=tested.reason,
        value=old.value,
        low=old.low,
        high=old.high,
        p_worse=tested.p_worse,
        p_worse_holm=corrected[0],
        p_better=tested.p_better,
        p_better_holm=corrected[1],
        since=old.since if known else None,
        detectable=tested.detectable,
    )


def _name_move(tested: _Tested, corrected: tuple[float | None, float | None], error: float) -> Moved:
    if tested.p_worse is None:
        return "not compared"
    if corrected[0] is not None and corrected[0] <= error:
        return "worse"
    return "better" if corrected[1] is not None and corrected[1] <= error else "same"


def _choose_verdict(gate: Gate, moved: Moved, *, known: bool, ended: bool) -> GateVerdict:
    """Return the verdict: a waiver is a decision about this limit and stands, and what is undefined is no change."""
    if moved == "worse" and gate.verdict in {"pass", *OPEN}:
        return "fail"
    return "known" if known and not ended else gate.verdict


def _is_known(gate: Gate, before: BaselineGate, beside: _Beside, moved: Moved) -> bool:
    """Return whether a limit does not pass and did not pass in the baseline either."""
    if gate.verdict == "undefined":
        return before.verdict == "undefined"
    blocking = ("fail", "insufficient") if beside.config.policy.insufficient == "fail" else ("fail",)
    blocked = before.verdict in blocking
    if gate.verdict not in OPEN or not blocked:
        return False
    return moved != "not compared" or _is_no_larger(gate, before, beside.checks)


def _is_no_larger(gate: Gate, before: BaselineGate, checks: Sequence[Check]) -> bool:
    """Return whether a number that chance is not told of is no worse at all; of checks, that none is new."""
    estimate = gate.estimate
    if estimate is not None and estimate.stage == "checks":
        return set(_list_findings(checks, estimate.metric)) <= set(before.findings or ())
    value = None if estimate is None else estimate.value
    if value is None or before.value is None:
        return False
    return value >= before.value if gate.min is not None else value <= before.value


def _list_findings(checks: Sequence[Check], metric: str) -> tuple[str, ...]:
    """Return what counts against a limit on checks: each with its code, its table and its columns."""
    outcomes = FOUND.get(metric, FOUND["warned"])
    found = [c for c in checks if is_counted(c, metric) and c.outcome in outcomes]
    return tuple(dict.fromkeys(" ".join((c.code, c.part, *c.columns)).strip() for c in found))


# What is compared.
def _test(gate: Gate, before: BaselineGate | None, estimates: Estimates, config: Config) -> _Tested:
    estimate = gate.estimate
    if before is None or estimate is None:
        return _Tested(reason=OTHER_KIND)
    if estimate.stage in TOTALS:
        return _Tested(reason=NO_INTERVAL)
    if None in {estimate.value, before.value} or estimate.status != "ok":
        return _Tested(reason=NO_NUMBER)
    tested = _test_rates(gate, before, estimates, config) or _test_intervals(gate, before, config)
    # Where a group is gone, a smaller gap is no gain: it may have been the one that was worst off.
    there = {(e.metric, e.outcome, e.group) for e in _collect_rates(gate, estimates)}
    is_whole = all((r.metric, r.outcome, r.group) in there for r in before.rates)
    return tested if is_whole else tested._replace(p_better=None)


def _test_rates(gate: Gate, before: BaselineGate, estimates: Estimates, config: Config) -> _Tested | None:
    """Compare the rates behind a limit; None where it is on none, or where there are too many groups."""
    each, reading = _collect_rates(gate, estimates), _find_reading(gate)
    if reading is None or not each or not before.rates:
        return None
    from audit.measurement.rates.gap_changes import MOST_GROUPS, find_detectable, test_worse

    if max(len(each), len(before.rates)) > MOST_GROUPS:
        return None
    now, old = _make_rates([_keep_rate(e) for e in each]), _make_rates(before.rates)
    sides = _pair_rates(each, before, now, old)
    least = find_detectable(now, sides[0], reading, config.policy.error)
    p_values = test_worse(now, sides[0], reading), test_worse(old, sides[1], reading)
    return _Tested(*p_values, detectable=least)


def _make_rates(rates: Sequence[BaselineRate]) -> Rates:
    import numpy as np

    from audit.measurement.rates.gap_changes import Rates

    blocks = list(dict.fromkeys((r.metric, r.outcome) for r in rates))
    df = [np.inf if r.degrees_of_freedom is None else r.degrees_of_freedom for r in rates]
    return Rates(
        np.array([r.value for r in rates], dtype=float),
        np.array([r.effective_n for r in rates], dtype=float),
        np.array(df, dtype=float),
        np.array([blocks.index((r.metric, r.outcome)) for r in rates], dtype=np.intp),
    )


def _pair_rates(each: Sequence[Estimate], before: BaselineGate, now: Rates, old: Rates) -> tuple[Before, Before]:
    """Return the rates of the baseline beside those of now, and the other way round."""
    import numpy as np

    from audit.measurement.rates.gap_changes import Before

    at = {(e.metric, e.outcome, e.group): i for i, e in enumerate(each)}
    same = np.array([at.get((r.metric, r.outcome, r.group), -1) for r in before.rates], dtype=np.intp)
    back = np.full(len(each), -1, dtype=np.intp)
    back[same[same >= 0]] = np.flatnonzero(same >= 0)
    known = all(r.r is not None for r, i in zip(before.rates, same, strict=True) if i >= 0)
    paired = before.sampling == "paired" and known
    dependent = before.sampling != "independent" and not paired
    r = np.array([rate.r or 0.0 for rate in before.rates]) if paired else None
    r_back = None if r is None else np.where(back >= 0, r[back], 0.0)
    return Before(old, same, r, dependent), Before(now, back, r_back, dependent)


def _test_intervals(gate: Gate, before: BaselineGate, config: Config) -> _Tested:
    """Compare two values by their intervals, as far as these reach towards each other."""
    from audit.measurement.rates.gap_changes import test_interval_worse

    sides = _reach(gate.estimate.value if gate.estimate else None, gate.low, gate.high, floor=gate.min is not None)
    others = _reach(before.value, before.low, before.high, floor=gate.min is not None)
    if sides is None or others is None:
        return _Tested(reason=NO_NUMBER)
    z = NormalDist().inv_cdf((1 + config.policy.confidence) / 2)
    dependent = before.sampling != "independent"
    value, down, up = sides
    old, old_down, old_up = others
    return _Tested(
        test_interval_worse((value, down), (old, old_up), z, dependent=dependent),
        test_interval_worse((-value, up), (-old, old_down), z, dependent=dependent),
    )


def _reach(
    value: float | None, low: float | None, high: float | None, *, floor: bool
) -> tuple[float, float, float] | None:
    """Return a value of which more is worse, and how far its interval reaches down and up."""
    if value is None or low is None or high is None:
        return None
    return (-value, high - value, value - low) if floor else (value, value - low, high - value)


def _find_reading(gate: Gate) -> Reading | None:
    """Return what a limit reads of rates; None where it reads something else."""
    e = gate.estimate
    if e is None or compares_decisions(e.metric) or e.reference is not None:
        return None
    entry = CATALOGUE.find(e.metric)
    if isinstance(entry, Criterion) and entry.aggregate == "mean":
        return None
    if e.compare is None:
        return "lowest" if gate.min is not None else "highest"
    return READINGS.get(e.compare)


def _collect_rates(gate: Gate, estimates: Estimates) -> list[Estimate]:
    """Return the rates of groups that a limit reads; none where it reads something else, or one is not measured."""
    e = gate.estimate
    if e is None or _find_reading(gate) is None:
        return []
    without = {x.group for x in gate.excluded}
    if e.compare is None:
        each = [e]
    else:
        rule = GateRule.model_construct(stage=e.stage, metric=e.metric, compare=e.compare, by=e.by)
        each = [x for x in find_each(rule, estimates) if x.reference is None and x.group not in without]
        each = [x for x in each if x.of_one_class or not e.metric.startswith(WORST_CLASS)]
    whole = all(x.value is not None and x.numerator is not None and x.effective_n for x in each)
    return each if whole else []


# What a later result is compared with.
def keep_gates(result: AuditResult) -> tuple[BaselineGate, ...]:
    """Return the limits of a result as far as a later one needs them."""
    day = result.run.finished[:10]
    return tuple(_keep_gate(gate, result, day) for gate in result.gates)


def _keep_gate(gate: Gate, result: AuditResult, day: str) -> BaselineGate:
    alone = gate.alone
    since = None if gate.change is None else gate.change.since
    e = gate.estimate
    of_checks = e is not None and e.stage == "checks"
    return BaselineGate(
        name=gate.name,
        verdict=alone,
        min=gate.min,
        max=gate.max,
        value=None if e is None else e.value,
        low=gate.low,
        high=gate.high,
        since=None if alone in {"pass", "waived"} else since or day,
        rates=tuple(map(_keep_rate, _collect_rates(gate, result.estimates))),
        findings=_list_findings(result.checks, e.metric) if e is not None and of_checks else None,
    )


def _keep_rate(e: Estimate) -> BaselineRate:
    return BaselineRate(
        metric=e.metric,
        group=e.group or (),
        value=e.value or 0.0,
        effective_n=e.effective_n or 0.0,
        degrees_of_freedom=e.degrees_of_freedom,
        outcome=e.outcome,
    )


def name_baseline(config: Config, named: str) -> Config:
    """Return a question that is compared with this baseline."""
    until = None if config.baseline is None else config.baseline.until
    return config.model_copy(update={"baseline": BaselineSection(result=named, until=until)})
