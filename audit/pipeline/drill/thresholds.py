"""What rates and limits would be at another threshold, from the recorded counts of scores.

Must not: read rows, or call it the audited model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from audit.axes import CubeKind
from audit.config.read import read_question
from audit.config.schema import Config
from audit.cube import Cube
from audit.estimate import Estimate, Group
from audit.gates.judge import expand_rules
from audit.measurement.scores.thresholds import RATES, Thresholds, decide_again, find_thresholds
from audit.pipeline.drill.counts import Looked, find_score_counts
from audit.pipeline.records import measure_grouping
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
    scores = find_score_counts(result, by)
    if scores is None:
        return None
    kept = scores.keep(*by)
    groups = zip(product(*(axis.levels for axis in kept.axes)), kept["n"].ravel().tolist(), strict=True)
    thresholds = find_thresholds(scores, by, [group for group, n in groups if n and None not in group])
    stated = asked.prediction is None and asked.threshold != "median"
    return Scored(config, by, scores, thresholds, float(asked.threshold) if stated else None)


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
    rules = tuple(
        rule
        for rule in expand_rules(scored.config)
        if rule.stage == "model" and (rule.by or ()) == scored.by and rule.metric in SHOWN
    )
    if not rules:
        return []
    return Looked(config=scored.config, stage="model", by=scored.by, rules=rules, kinds=kinds).judge(kinds)
