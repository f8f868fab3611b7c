"""Limits meet estimates: verdicts, and nothing else.

A gate compares the stored interval with the limit, so a stranger can judge again from the document alone, without
the data and without numpy. FAIL when the whole interval breaks the limit, PASS when the whole interval keeps it,
insufficient when it does neither. What is undefined never passes; it may still fail when the measured groups alone
break the limit.

Must not: count, measure, or know how an interval was made.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from audit.config.schema import Config, GateRule
from audit.errors import QuestionError, no_such, printable
from audit.estimate import Estimate
from audit.gates.decisive_groups import Held, Settled, find_held_back
from audit.gates.four_fifths import check_again, describe_first, find_deciding_check
from audit.gates.small_groups import (
    NO_COUNTS,
    Remeasure,
    describe_excluded,
    find_group_names,
    find_small_groups,
    reason_for_few_groups,
)
from audit.gates.verdicts import worst_verdict
from audit.gates.words.sentences import describe_gate, reason_for_no_number
from audit.gates.words.voice import FOLDS_DECIDE
from audit.gates.words.wording import NEUTRAL, Wording, read_wording
from audit.measurement.estimates import Estimates
from audit.measurement.find import Beside
from audit.measurement.inference.sample_size import LARGEST_FACTOR
from audit.measurement.metrics.catalogue import compares_decisions
from audit.measurement.metrics.kinds import split_comparison
from audit.measurement.scope import FEW_CHANGED
from audit.record.baseline import Baseline
from audit.record.edge import Edge
from audit.record.energy_text import estimate_total
from audit.record.result import AuditResult, Check, Energy, ExcludedGroup, Gate, GateVerdict, identify_limit

NEAR = 0.15
"""Of the way from an estimate to the end of its interval; nearer to the limit, other folds could turn the verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What there is to judge."""

    estimates: Estimates
    checks: Sequence[Check] = ()
    energy: Energy | None = None
    judged: Sequence[Gate] = ()
    """Gates of an earlier judgement of the same evidence; what they say of needed data is not worked out again."""

    stopped_by: Sequence[str] = ()
    """Gates on the data that kept training from starting."""

    remeasure: Remeasure | None = None
    """Measures a grouping again without the groups that the policy excludes; None where it excludes none."""

    edge: Edge | None = None
    """What compressed models change; None where none is audited."""

    baseline: Baseline | None = None
    """The earlier result that limits are compared with; None where there is none."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "estimates", Estimates.listed(self.estimates))

    def find(self, rule: GateRule) -> Estimate | None:
        """Return the estimate that a rule speaks of."""
        if rule.stage == "checks":
            from audit.gates.check_counts import count_checks

            return count_checks(self.checks, rule.metric)
        if rule.stage == "energy":
            return estimate_total(self.energy, rule.metric)
        by = rule.by or ()
        asked = self.estimates.of(rule.stage, rule.metric, by)
        found = (e for e in asked if e.compare == rule.compare and not e.of_one_class)
        return next((e for e in found if not by or e.group is None), None)

    def needed_before(self, rule: GateRule, estimate: Estimate) -> Gate | None:
        """Return the same gate on the same estimate as it was judged before, if it was not settled then either."""
        same = (g for g in self.judged if identify_limit(g) == identify_limit(rule))
        return next((g for g in same if (g.alone, g.estimate) == ("insufficient", estimate)), None)


def judge(config: Config, evidence: Evidence, today: dt.date) -> tuple[Gate, ...]:
    """Return the verdict on every gate of the policy.

    Raises
    ------
    QuestionError
        When a waiver cannot stand; see `require_waived`.
    """
    require_waived(config, today)
    least, wording = config.policy.least_rows, read_wording(config)
    gates = _with_p_values([_judge_rule(r, evidence, least, wording) for r in expand_rules(config)], evidence)
    judged = (*_apply_waivers(gates, config, today), *_judge_edge(config, evidence))
    if evidence.baseline is None:
        return judged
    from audit.gates.baseline import settle

    return settle(judged, evidence.baseline, config, evidence.estimates, evidence.checks, today, judged=evidence.judged)


def _judge_edge(config: Config, evidence: Evidence) -> tuple[Gate, ...]:
    """Return the verdicts on the compressed model that the predictions are of."""
    if evidence.edge is None or config.predictions is None or config.predictions.prediction is None:
        return ()
    from audit.gates.compressed import find_edge_limits, judge_edge

    return judge_edge(evidence.edge, evidence.estimates, config.predictions.prediction, find_edge_limits(config))


def require_waived(config: Config, today: dt.date) -> None:
    """Refuse a waiver of no gate or of several, that ends too late, or whose worst value bounds nothing.

    Raises
    ------
    QuestionError
        With the gate, and what may be written instead.
    """
    if not config.waivers:
        return
    from audit.gates.waivers import require_bounded

    rules = expand_rules(config)
    for waiver in config.waivers:
        meant = [rule for rule in rules if rule.name == waiver.gate]
        if not meant:
            raise QuestionError(f"waivers: {no_such('gate', waiver.gate, [rule.name for rule in rules])}")
        if len(meant) > 1:
            raise QuestionError(
                f"waivers: '{printable(waiver.gate)}' is the name of {len(meant)} limits, and a waiver is for one; "
                "remove the other limits of that name, or the waiver"
            )
        require_bounded(waiver, meant[0], today)


def _apply_waivers(gates: Sequence[Gate], config: Config, today: dt.date) -> Sequence[Gate]:
    if not config.waivers:
        return gates
    from audit.gates.waivers import apply_waiver

    waivers = {w.gate: w for w in config.waivers}
    return [apply_waiver(g, waivers.get(g.name), today) for g in gates]


def _with_p_values(gates: Sequence[Gate], evidence: Evidence) -> Sequence[Gate]:
    """Return gates with how surprising each failure is, alone and among all gates of the policy."""
    before = {_identify(g): g for g in evidence.judged}
    same = [before.get(_identify(g)) for g in gates]
    if all(s is not None for s in same) and len(before) == len(gates):
        kept = [s for s in same if s is not None]
        return [
            replace(g, p_value=s.p_value, p_holm=s.p_holm, p_benjamini_hochberg=s.p_benjamini_hochberg)
            for g, s in zip(gates, kept, strict=True)
        ]
    if not any(g.estimate is not None and g.estimate.compare in {"difference", "ratio"} for g in gates):
        return gates
    from audit.gates.p_values import add_p_values

    return add_p_values(gates, evidence.estimates)


def _identify(gate: Gate) -> tuple[object, ...]:
    """Return what makes two gates one: name and limit, and whom they compare."""
    return *identify_limit(gate), gate.excluded


def expand_rules(config: Config) -> tuple[GateRule, ...]:
    """Return rules with their grouping written out, and that of a suite or of four fifths: no check may fail."""
    rules: list[GateRule] = []
    for rule in config.gates or ():
        if rule.stage in {"model", "data"} and rule.by is None:
            rules += [rule.model_copy(update={"by": (column,)}) for column in config.data.groups]
        else:
            rules.append(rule)
    suite = config.checks is not None and config.checks.suite is not None
    if (suite or config.policy.four_fifths) and not any(r.stage == "checks" for r in rules):
        rules.append(GateRule(stage="checks", metric="failed", max=0.0))
    return tuple(dict.fromkeys(rules))


def write_rules_out(config: Config) -> list[dict[str, Any]]:
    """Return gates as plain tables with their groupings, so that they mean the same beside other groups."""
    own = [rule for rule in expand_rules(config) if rule.stage != "checks" or rule in (config.gates or ())]
    return [rule.model_dump(mode="json", exclude_none=True) for rule in own]


def judge_again(result: AuditResult, config: Config, today: dt.date, remeasure: Remeasure | None = None) -> AuditResult:
    """Return the same result judged anew; a waiver may have run out since.

    Parameters
    ----------
    result, config, today
        What is judged, by which policy, on which day.
    remeasure
        Measures a grouping again without the groups that the policy excludes, from the counts of the result.

    Raises
    ------
    QuestionError
        When the policy asks for another confidence than the intervals of the result have.
    """
    asked = config.policy.confidence
    other = next((e.confidence for e in result.estimates if e.confidence not in {None, asked}), None)
    if other is not None:
        raise QuestionError(
            f"policy.confidence is {asked:g}, but the result holds intervals of {other:g}; "
            "judge by the same confidence, or run again"
        )
    checks = check_again(result.checks, result.estimates, config, remeasure)
    evidence = Evidence(
        estimates=result.estimates,
        checks=checks,
        energy=result.energy,
        judged=result.gates,
        stopped_by=result.run.stopped_by,
        remeasure=remeasure,
        edge=result.edge,
        baseline=result.baseline,
    )
    gates = judge(config, evidence, today)
    failed = any(code != 0 for code in result.run.exit_codes.values())
    whole = not failed and result.verdict != "incomplete"
    verdict = worst_verdict(gates, four_fifths=config.policy.four_fifths) if whole else "incomplete"
    return replace(result, checks=checks, gates=gates, verdict=verdict)


def _judge_rule(rule: GateRule, evidence: Evidence, least: int, wording: Wording) -> Gate:
    excluded = find_small_groups(rule, evidence.estimates, least)
    if not excluded:
        return _judge_evidence(rule, evidence, reason_for_no_number(evidence.stopped_by), wording)
    gate = _judge_evidence(rule, *_leave_out(rule, evidence, excluded, least), wording)
    said = f"{gate.sentence} {describe_excluded(excluded, least)}"
    if split_comparison(rule.compare)[1] is not None:
        said += " Whom each group is compared with is counted without them."
    return replace(gate, excluded=excluded, sentence=said)


def _leave_out(
    rule: GateRule, evidence: Evidence, excluded: Sequence[ExcludedGroup], least: int
) -> tuple[Evidence, str]:
    """Return the evidence on the groups that are left, and why there is none where there is none."""
    left = len(find_group_names(rule, evidence.estimates)) - len(excluded)
    if left < 2:
        return replace(evidence, estimates=Estimates()), reason_for_few_groups(least, left)
    if evidence.remeasure is None:
        return replace(evidence, estimates=Estimates()), NO_COUNTS
    without = frozenset(e.group for e in excluded)
    measured = evidence.remeasure(rule.stage, rule.by or (), without)
    return replace(evidence, estimates=measured), reason_for_no_number(evidence.stopped_by)


def _judge_evidence(rule: GateRule, evidence: Evidence, reason: str, wording: Wording = NEUTRAL) -> Gate:
    """Return the verdict on one limit; ``reason`` says why there is no number, where there is none."""
    gate = _decide_rule(rule, evidence, reason)
    estimate, around, settled = gate.estimate, Beside(evidence.estimates), Settled()
    if estimate is None:
        return gate
    if _is_decided_by_folds(rule, estimate):
        estimate = replace(estimate, flags=(*estimate.flags, FOLDS_DECIDE))
    if gate.verdict == "insufficient":
        settled = _find_what_settles(rule, estimate, evidence, around)
    said = _describe(rule, estimate, gate.verdict, evidence.checks)
    said = said or describe_gate(rule, estimate, gate.verdict, around, settled, wording)
    return replace(gate, estimate=estimate, sentence=said, needed_n=settled.needed)


def decide(rule: GateRule, evidence: Evidence, least: int = 0) -> Gate:
    """Return what `judge` finds of one limit, without sentence, p-value and waiver: of many copies of the counts."""
    excluded = find_small_groups(rule, evidence.estimates, least)
    if excluded:
        return _decide_rule(rule, *_leave_out(rule, evidence, excluded, least))
    return _decide_rule(rule, evidence, reason_for_no_number(evidence.stopped_by))


def _decide_rule(rule: GateRule, evidence: Evidence, reason: str) -> Gate:
    """Return the estimate that a limit speaks of, and the verdict on it; nothing is said yet."""
    found = evidence.find(rule)
    if found is None:
        asked: dict[str, Any] = {"stage": rule.stage, "metric": rule.metric, "compare": rule.compare}
        found = Estimate(**asked, by=rule.by or (), status="undefined", reason=reason)
    low, high = _find_bounds(found)
    verdict = _decide(rule, found, low, high)
    gate = Gate(name=rule.name, verdict=verdict, sentence="", min=rule.min, max=rule.max, estimate=found)
    return replace(gate, low=low, high=high)


def _describe(rule: GateRule, estimate: Estimate, verdict: GateVerdict, checks: Sequence[Check]) -> str:
    """Return the sentence of a limit on checks or on the footprint; an empty one of any other limit."""
    if rule.stage not in {"energy", "checks"}:
        return ""
    from audit.gates.words.totals import describe_checks, describe_energy

    if rule.stage == "energy":
        return describe_energy(rule, estimate)
    check = find_deciding_check(checks, rule.metric, verdict)
    first = "" if check is None else describe_first(check)
    return first + describe_checks(rule, estimate, verdict, checks)


def _find_bounds(estimate: Estimate) -> tuple[float | None, float | None]:
    """Return the interval that a verdict rests on; a total that is no sample is its own interval."""
    if estimate.low is None and estimate.high is None and estimate.stage in {"energy", "checks"}:
        return estimate.value, estimate.value
    return estimate.low, estimate.high


def is_broken(least: float | None, most: float | None, low: float | None, high: float | None) -> bool:
    """Return whether the whole interval from low to high breaks a limit of at least, or at most, so much."""
    return (most is not None and low is not None and low > most) or (
        least is not None and high is not None and high < least
    )


def _is_decided_by_folds(rule: GateRule, estimate: Estimate) -> bool:
    """Return whether an end of an interval from folds lies so near the limit that other folds could cross it."""
    if estimate.value is None or "folds of the unit" not in (estimate.method or ""):
        return False
    ends = [end for end in (estimate.low, estimate.high) if end is not None]
    limits = [limit for limit in (rule.min, rule.max) if limit is not None]
    return any(abs(end - limit) <= NEAR * abs(end - estimate.value) for end in ends for limit in limits)


def _decide(rule: GateRule, estimate: Estimate, low: float | None, high: float | None) -> GateVerdict:
    if is_broken(rule.min, rule.max, low, high):
        return "fail"
    if estimate.value is None or estimate.status != "ok":
        return "undefined"
    keeps = (rule.max is None or (high is not None and high <= rule.max)) and (
        rule.min is None or (low is not None and low >= rule.min)
    )
    return "pass" if keeps else "insufficient"


def _find_what_settles(rule: GateRule, estimate: Estimate, evidence: Evidence, around: Beside) -> Settled:
    """Return what would settle an open gate; the groups that hold it open are looked for once."""
    held = find_held_back(rule, estimate, around) if rule.compare in {"lowest", "highest"} else ()
    is_planned = held and not any(FEW_CHANGED in h.estimate.flags for h in held)
    if compares_decisions(rule.metric) and not is_planned:
        # An exact test decides about few changed decisions, and a gap rests on two groups: no plan knows these.
        return Settled(None, held)
    return Settled(_compute_needed(rule, estimate, evidence, held), held)


def _compute_needed(rule: GateRule, estimate: Estimate, evidence: Evidence, held: Sequence[Held]) -> float | None:
    """Return how many times the data would settle the gate; None where no amount within reach does."""
    before = evidence.needed_before(rule, estimate)
    if before is not None:
        return before.needed_n
    if rule.compare in {"lowest", "highest"}:
        factor = max((h.factor for h in held), default=math.inf)
        return None if factor > LARGEST_FACTOR else factor
    limit = rule.max if rule.compare == "difference" else rule.min
    if limit is None or rule.compare not in {"difference", "ratio"}:
        return None
    each = [
        e
        for e in evidence.estimates.of(estimate.stage, estimate.metric, estimate.by)
        if e.compare is None and e.value is not None and e.effective_n and None not in (e.group or ())
    ]
    if len(each) < 2:
        return None
    import numpy as np

    from audit.measurement.inference.sample_size import needed

    tail = (1 - (estimate.confidence or 0.95)) / 2
    found = needed(
        np.array([e.value for e in each], dtype=float),
        np.array([e.effective_n for e in each], dtype=float),
        limit,
        rule.compare,
        tail,
    )
    if found.verdict == "unsettleable":
        return None
    return max(1.0, found.factor)
