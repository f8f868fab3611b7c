"""Metrics of scores: how well they order people, and whether they are probabilities.

Adding one means adding its record here and its arithmetic in `audit.measurement.scores`.
"""

from __future__ import annotations

import math

from audit.catalogue import GroupStatistic, Metric

_NEEDS = ("label", "score")
_TABLE = "Scores"
_INSTEAD = "the difference of roc_auc"

ROC_AUC = GroupStatistic(
    name="roc_auc",
    title="Area under the ROC curve",
    stage="model",
    needs=_NEEDS,
    judged=("difference",),
    against=("rest",),
    table=_TABLE,
    ideal="1, and equal over groups",
    text="P(score of a positive > score of a negative), ties half",
    source="Hanley and McNeil (1982), Radiology 143:29",
    caveat="from score bins: exact where each bin holds one value, otherwise within the bounds that are printed",
)
BRIER = GroupStatistic(
    name="brier_score",
    title="Brier score",
    stage="model",
    needs=_NEEDS,
    judged=(),
    instead=_INSTEAD,
    table=_TABLE,
    ideal="0, and equal over groups",
    text="mean of (score - label)^2",
    source="Brier (1950), Monthly Weather Review 78:1",
)
LOG_LOSS = GroupStatistic(
    name="log_loss",
    title="Log loss",
    stage="model",
    needs=_NEEDS,
    judged=(),
    instead=_INSTEAD,
    range=(0.0, math.inf),
    ideal="0, and equal over groups",
    text="mean of -ln(probability given to what happened)",
    source="Good (1952), Journal of the Royal Statistical Society B 14:107",
)
CALIBRATION_GAP = GroupStatistic(
    name="calibration_in_the_large",
    title="Calibration in the large",
    stage="model",
    needs=_NEEDS,
    judged=(),
    instead=_INSTEAD,
    table=_TABLE,
    range=(-1.0, 1.0),
    ideal="0",
    text="share of label = 1 less mean score",
    source="Van Calster et al. (2019), BMC Medicine 17:230",
    caveat="above 0 the scores are too low on the whole",
)
ECE = GroupStatistic(
    name="expected_calibration_error",
    title="Expected calibration error",
    stage="model",
    needs=_NEEDS,
    judged=(),
    instead=_INSTEAD,
    table=_TABLE,
    ideal="what a calibrated model of this size shows",
    text="sum over 10 score bins of share of rows times |label rate - mean score|",
    source="Naeini, Cooper and Hauskrecht (2015), AAAI; bias: Kumar, Liang and Ma (2019), NeurIPS",
    caveat="never 0 by chance alone: the mean of a calibrated model is printed with it",
)
SCORES: tuple[Metric, ...] = (ROC_AUC, BRIER, LOG_LOSS, CALIBRATION_GAP, ECE)
