"""Named fairness criteria: published names for comparisons of rates.

Adding a criterion is adding one record to `CRITERIA`; a gate may ask for it by name.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

from audit.measurement.metrics.kinds import Criterion, GroupStatistic, Metric

_KEARNS = "Kearns, Neel, Roth and Wu (2018), ICML, PMLR 80:2564"
_CAVEAT = (
    "over the declared groups and their combinations, not over all linear threshold functions as in "
    "the source; a small group weighs little, however large its gap"
)
_violation = partial(GroupStatistic, stage="model", judged=("largest",), range=(0.0, 0.25), ideal="0", caveat=_CAVEAT)
RICH_SUBGROUP = _violation(
    name="rich_subgroup_violation",
    title="Rich subgroup violation",
    needs=("prediction",),
    gives_away="selection",
    text="largest over groups of (share of rows) * |selection rate of the group - overall selection rate|",
    source=f"{_KEARNS}, definition 2.3 (statistical parity subgroup fairness)",
)
RICH_SUBGROUP_FALSE_POSITIVE = _violation(
    name="rich_subgroup_false_positive_violation",
    title="Rich subgroup violation of false positives",
    needs=("label", "prediction"),
    text="largest over groups of (share of rows in the group with label = 0) * |false positive rate of "
    "the group - overall false positive rate|",
    source=f"{_KEARNS}, definition 2.5 (false positive subgroup fairness)",
)
SUBGROUPS = (RICH_SUBGROUP, RICH_SUBGROUP_FALSE_POSITIVE)


_HARDT = "Hardt, Price and Srebro (2016)"
_BOTH = ("label", "prediction")

_CLARIFY: tuple[tuple[str, str, str, Literal["difference", "ratio"], str], ...] = (
    (
        "difference_in_positive_proportions_in_predicted_labels",
        "Difference in predicted proportions",
        "selection_rate",
        "difference",
        "DPPL",
    ),
    ("disparate_impact", "Disparate impact", "selection_rate", "ratio", "DI"),
    ("accuracy_difference", "Accuracy difference", "accuracy", "difference", "AD"),
    ("recall_difference", "Recall difference", "true_positive_rate", "difference", "RD"),
    ("specificity_difference", "Specificity difference", "true_negative_rate", "difference", "SD"),
    ("difference_in_acceptance_rates", "Difference in acceptance rates", "precision", "difference", "DAR"),
    (
        "difference_in_rejection_rates",
        "Difference in rejection rates",
        "negative_predictive_value",
        "difference",
        "DRR",
    ),
)
"""Clarify compares two groups; here the largest gap over all groups is taken, and the pair is named."""

_criterion = partial(Criterion, stage="model", needs=_BOTH)
_parity = partial(Criterion, stage="model", needs=("prediction",), rates=("selection_rate",), gives_away="selection")
_equalized_odds = partial(Criterion, stage="model", needs=_BOTH, rates=("true_positive_rate", "false_positive_rate"))
CRITERIA: tuple[Criterion, ...] = (
    _parity(
        name="demographic_parity_difference",
        title="Demographic parity difference",
        compare="difference",
        ideal="0",
        source="Agarwal et al. (2018), definition 1; Fairlearn",
    ),
    _parity(
        name="demographic_parity_ratio",
        title="Demographic parity ratio",
        compare="ratio",
        ideal="1",
        source="29 CFR 1607.4 D (four-fifths rule); Fairlearn",
    ),
    _criterion(
        name="equal_opportunity_difference",
        title="Equal opportunity difference",
        rates=("true_positive_rate",),
        compare="difference",
        ideal="0",
        source=f"{_HARDT}, definition 2.2",
    ),
    _equalized_odds(
        name="equalized_odds_difference",
        title="Equalized odds difference",
        compare="difference",
        ideal="0",
        source=f"{_HARDT}, definition 2.1; the larger of the two gaps, as in Fairlearn",
    ),
    _equalized_odds(
        name="equalized_odds_ratio",
        title="Equalized odds ratio",
        compare="ratio",
        ideal="1",
        source=f"{_HARDT}, definition 2.1; the smaller of the two ratios, as in Fairlearn",
    ),
    _equalized_odds(
        name="equalized_odds_difference_mean",
        title="Equalized odds difference, mean",
        compare="difference",
        aggregate="mean",
        ideal="0",
        source=f"{_HARDT}, definition 2.1; the mean of the two gaps, as in Fairlearn with agg='mean'",
        caveat="the two gaps may be between different pairs of groups; the pair of the larger gap is named",
    ),
    _criterion(
        name="average_odds_difference",
        title="Average odds difference",
        rates=("average_odds",),
        compare="difference",
        ideal="0",
        source="AI Fairness 360, ClassificationMetric.average_odds_difference",
        caveat="largest over all pairs of groups, without the sign; gaps of opposite sign cancel within a pair",
    ),
    *(
        Criterion(
            name=name,
            title=title,
            stage="model",
            needs=("prediction",) if rate == "selection_rate" else _BOTH,
            rates=(rate,),
            compare=compare,
            also=("multiclass",) if rate == "accuracy" else (),
            gives_away="selection" if rate == "selection_rate" else "confusion",
            ideal="1" if compare == "ratio" else "0",
            source=f"Amazon SageMaker Clarify, post-training metrics ({short})",
        )
        for name, title, rate, compare, short in _CLARIFY
    ),
)
METRICS: tuple[Metric, ...] = (*CRITERIA, *SUBGROUPS)
