"""What rates and limits would be at another threshold, from the recorded counts of scores.

Must not: read rows, or call it the audited model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

from audit.axes import LABEL, SCORE, CubeKind
from audit.config.read import read_question
from audit.config.schema import Config
from audit.cube import Cube
from audit.estimate import Estimate, Group
from audit.gates.judge import Evidence, decide, expand_rules
from audit.measurement.estimates import Estimates
from audit.measurement.scores.thresholds import RATES, Thresholds, decide_again, find_thresholds
from audit.pipeline.records import measure_grouping
from audit.record.cubes import to_cube
from audit.record.result import AuditResult, Gate

SHOWN = frozenset((*RATES, "accuracy"))


@dataclass(frozen=True, slots=True)
class Scored:
    """The counts of scores of a run by one attribute, and what every threshold would select."""

    config: Config
    by: tuple[str, ...]
    scores: Cube
    thresholds: Thresholds
    threshold: float | None
    """The audited one; None where it followed from the scores, or predictions were given beside them."""


@dataclass(frozen=True, slots=True)
class _Supposed:
    """What the counts would say at other thresholds."""

    rates: tuple[Estimate, ...]
    """Selection rate, true and false positive rate and accuracy of every group, and of all rows."""
    gates: tuple[Gate, ...]
    """The limits on the attribute that such counts can decide."""


def find_scored(result: AuditResult, by: tuple[str, ...]) -> Scored | None:
    """Return the counts of scores by one attribute; None where the run has none, or has several classes."""
    config = read_question(result)
    asked = config.predictions
    if asked is None or asked.score is None or config.classes or not by:
        return None
    for record in result.cubes:
        if record.kind is CubeKind.SCORES and {*by, LABEL, SCORE} <= {axis.name for axis in record.axes}:
            scores = to_cube(record)
            thresholds = find_thresholds(scores, by, _list_groups(scores, by))
            stated = asked.prediction is None and asked.threshold != "median"
            return Scored(config, by, scores, thresholds, float(asked.threshold) if stated else None)
    return None


def suppose(scored: Scored, cuts: Mapping[Group, float], otherwise: float) -> _Supposed:
    """Return rates and limits as they would be with other thresholds.

    Parameters
    ----------
    cuts
        Least score that is selected of a group.
    otherwise
        The same of every other group.
    """
    decided = decide_again(scored.scores, scored.by, cuts, otherwise)
    kinds = {CubeKind.CROSSINGS: (decided,)}
    rates = [*_measure(scored, kinds, ()), *_measure(scored, kinds, scored.by)]
    return _Supposed(tuple(rates), tuple(_judge(scored, kinds)))


def _measure(scored: Scored, kinds: Mapping[CubeKind, tuple[Cube, ...]], by: tuple[str, ...]) -> list[Estimate]:
    found = measure_grouping(scored.config, "model", kinds, by, metrics=SHOWN)
    of_groups = (e for e in found if e.compare is None and e.reference is None and e.metric in SHOWN)
    return [e for e in of_groups if (e.group is not None) == bool(by)]


def _judge(scored: Scored, kinds: Mapping[CubeKind, tuple[Cube, ...]]) -> list[Gate]:
    """Return the verdicts on rates of label and prediction; limits on scores do not change with a threshold."""
    rules = [
        rule
        for rule in expand_rules(scored.config)
        if rule.stage == "model" and (rule.by or ()) == scored.by and rule.metric in SHOWN
    ]
    if not rules:
        return []
    metrics = frozenset(rule.metric for rule in rules)

    def measure(stage: str, by: tuple[str, ...], without: frozenset[Group]) -> Estimates:
        del stage
        return measure_grouping(scored.config, "model", kinds, by, without, metrics)

    estimates = measure_grouping(scored.config, "model", kinds, scored.by, metrics=metrics)
    evidence = Evidence(estimates=estimates, remeasure=measure)
    # A waiver accepts what the audited model does, and nothing else.
    return [replace(decide(rule, evidence, scored.config.policy.least_rows), waiver=None) for rule in rules]


def _list_groups(scores: Cube, by: tuple[str, ...]) -> list[Group]:
    """Return the groups that have rows, without those that lack a value."""
    kept = scores.keep(*by)
    groups = product(*(axis.levels for axis in kept.axes))
    return [group for group, n in zip(groups, kept["n"].ravel().tolist(), strict=True) if n and None not in group]
