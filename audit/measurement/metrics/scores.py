"""Metrics of scores: how well they order people, and whether they are probabilities.

Adding one means adding its record here and its arithmetic in the room
`audit.measurement.scores`, where `scores` gathers it.
"""

from __future__ import annotations

import math
from functools import partial

from audit.measurement.metrics.kinds import GroupStatistic, Metric

_NEEDS = ("label", "score")
_TABLE, _OTHERS = "Scores", "Scores compared with the other groups"
_FROM_BINS = "from score bins: exact if each bin holds one value, otherwise within the bounds beside it"
_BORKAN = "Borkan et al. (2019), WWW Companion, Nuanced metrics for measuring unintended bias"

_score = partial(GroupStatistic, stage="model", needs=_NEEDS)
ROC_AUC = _score(
    name="roc_auc",
    title="ROC AUC",
    judged=("lowest", "difference"),
    against=("rest",),
    table=_TABLE,
    ideal="1 in every group",
    text="P(score of a positive > score of a negative), ties half",
    source="Hanley and McNeil (1982), Radiology 143:29",
    caveat=_FROM_BINS,
)
AVERAGE_PRECISION = _score(
    name="average_precision",
    title="Average precision",
    judged=("lowest", "difference"),
    table=_TABLE,
    ideal="1",
    text="mean over rows with label = 1 of P(label = 1 | score at least theirs)",
    source="Manning, Raghavan and Schütze (2008), Introduction to Information Retrieval, section 8.4",
    caveat=f"rises with the base rate, so equally good groups with different base rates differ; {_FROM_BINS}",
)
BRIER = _score(
    name="brier_score",
    title="Brier score",
    worse="high",
    judged=("highest", "difference"),
    table=_TABLE,
    ideal="0 in every group",
    text="mean of (score - label)^2",
    source="Brier (1950), Monthly Weather Review 78:1",
)
LOG_LOSS = _score(
    name="log_loss",
    title="Log loss",
    worse="high",
    judged=("highest", "difference"),
    range=(0.0, math.inf),
    ideal="0 in every group",
    text="mean of -ln(probability given to the true class)",
    source="Good (1952), Journal of the Royal Statistical Society B 14:107",
)
CALIBRATION_GAP = _score(
    name="calibration_in_the_large",
    title="Calibration in the large",
    judged=("difference",),
    table=_TABLE,
    range=(-1.0, 1.0),
    ideal="0",
    text="share of label = 1 less mean score",
    source="Van Calster et al. (2019), BMC Medicine 17:230",
    caveat="above 0: scores are too low on average",
)
_calibration_error = partial(
    GroupStatistic, stage="model", needs=_NEEDS, judged=(), instead="the difference of calibration_in_the_large"
)
ECE = _calibration_error(
    name="expected_calibration_error",
    title="Expected calibration error",
    table=_TABLE,
    ideal="the value expected for a calibrated model",
    text="sum over 10 score bins of share of rows times |label rate - mean score|",
    source="Naeini, Cooper and Hauskrecht (2015), AAAI; bias: Kumar, Liang and Ma (2019), NeurIPS",
    caveat="above 0 even for a calibrated model; the value expected for a calibrated model is beside it",
)
CALIBRATION_SQUARE = _calibration_error(
    name="calibration_error_square",
    title="Squared calibration error (noise removed)",
    range=(-1.0, 1.0),
    ideal="0",
    text="sum over 10 score bins of share of rows times (label rate - mean score)^2, less what chance alone adds",
    source="Kumar, Liang and Ma (2019), NeurIPS, Verified uncertainty calibration, section 4",
    caveat="corrected for noise and signed: at or below 0 there is no miscalibration beyond noise",
)
_auc_beside_others = partial(
    GroupStatistic,
    stage="model",
    needs=_NEEDS,
    judged=("lowest",),
    table=_OTHERS,
    ideal="1 in every group",
    source=_BORKAN,
)
BPSN_AUC = _auc_beside_others(
    name="bpsn_auc",
    title="BPSN AUC",
    text="P(score of a positive of the other groups > score of a negative of the group), ties half",
    caveat=f"background positive, subgroup negative: low if the group's negatives get too high scores; {_FROM_BINS}",
)
BNSP_AUC = _auc_beside_others(
    name="bnsp_auc",
    title="BNSP AUC",
    text="P(score of a positive of the group > score of a negative of the other groups), ties half",
    caveat=f"background negative, subgroup positive: low if the group's positives get too low scores; {_FROM_BINS}",
)
_equality_gap = partial(
    GroupStatistic, stage="model", needs=_NEEDS, judged=(), range=(-0.5, 0.5), ideal="0", source=_BORKAN
)
POSITIVE_GAP = _equality_gap(
    name="positive_average_equality_gap",
    title="Average equality gap of positives",
    instead="the lowest of bnsp_auc",
    text="P(score of a positive of the group > score of a positive of the other groups) - 1/2, ties half",
    caveat="above 0: the group's positives get higher scores than those of the other groups",
)
NEGATIVE_GAP = _equality_gap(
    name="negative_average_equality_gap",
    title="Average equality gap of negatives",
    instead="the lowest of bpsn_auc",
    text="P(score of a negative of the group > score of a negative of the other groups) - 1/2, ties half",
    caveat="above 0: the group's negatives get higher scores than those of the other groups",
)
ABROCA = _score(
    name="abroca",
    title="ABROCA",
    judged=(),
    instead="the difference of roc_auc",
    table=_OTHERS,
    ideal="the value expected for equal groups",
    text="integral over false positive rates of |true positive rate of the group - that of the reference|",
    source="Gardner, Brooks and Baker (2019), LAK, Evaluating the fairness of predictive student models",
    caveat="above 0 even for equal groups; the value expected for equal groups is beside it",
)
SCORES: tuple[Metric, ...] = (
    ROC_AUC,
    AVERAGE_PRECISION,
    BRIER,
    LOG_LOSS,
    CALIBRATION_GAP,
    ECE,
    CALIBRATION_SQUARE,
    BPSN_AUC,
    BNSP_AUC,
    POSITIVE_GAP,
    NEGATIVE_GAP,
    ABROCA,
)
METRICS: tuple[Metric, ...] = SCORES
