"""Metrics of a numeric prediction against a numeric label.

Adding one means adding its record here and its arithmetic in `audit.measurement.regression.regression_table`.
"""

from __future__ import annotations

import math
from functools import partial

from audit.measurement.metrics.kinds import EVERYBODY, GroupStatistic, Metric

_NEEDS = ("label", "prediction")
_ANY = (-math.inf, math.inf)
_SIZE = (0.0, math.inf)
_AGARWAL = "Agarwal, Dudík and Wu (2019), ICML, Fair regression"

_error = partial(GroupStatistic, stage="model", task="regression", needs=_NEEDS, table="Errors")
MEAN_ERROR = _error(
    name="mean_error",
    title="Mean error",
    figure="amount",
    judged=("difference",),
    against=EVERYBODY,
    headline=True,
    range=_ANY,
    ideal="0 in every group",
    text="mean of prediction - label",
    source="Calders et al. (2013), ICDM, Controlling attribute effect in linear regression",
    caveat="above 0: predictions for the group are too high on average",
)
MEAN_ABSOLUTE_ERROR = _error(
    name="mean_absolute_error",
    title="Mean absolute error",
    worse="high",
    figure="amount",
    judged=("highest", "difference"),
    against=EVERYBODY,
    headline=True,
    range=_SIZE,
    ideal="0 in every group",
    text="mean of |prediction - label|",
    source="Willmott and Matsuura (2005), Climate Research 30:79",
)
ROOT_MEAN_SQUARED_ERROR = _error(
    name="root_mean_squared_error",
    title="Root mean squared error",
    worse="high",
    figure="amount",
    judged=("highest", "difference"),
    against=("rest",),
    range=_SIZE,
    ideal="0 in every group",
    text="square root of the mean of (prediction - label)^2",
    source=f"{_AGARWAL} (bounded group loss)",
)
R2 = _error(
    name="r2",
    title="R²",
    judged=("lowest", "difference"),
    against=("rest",),
    headline=True,
    range=(-math.inf, 1.0),
    ideal="1 in every group",
    text="1 - sum of (prediction - label)^2 / sum of (label - mean label of the group)^2",
    source="Kvålseth (1985), The American Statistician 39:279, equation 1",
    caveat="at equal errors lower for a group whose labels vary less",
)
_statistic = partial(GroupStatistic, stage="model", task="regression")
MEAN_PREDICTION = _statistic(
    name="mean_prediction",
    title="Mean prediction",
    figure="amount",
    needs=("prediction",),
    judged=("difference",),
    against=EVERYBODY,
    table="Predictions",
    range=_ANY,
    ideal="equal across groups",
    text="mean of the prediction",
    source="Calders et al. (2013), ICDM, Controlling attribute effect in linear regression",
)
_distance = partial(
    GroupStatistic,
    stage="model",
    task="regression",
    needs=("prediction",),
    judged=(),
    instead="the difference of mean_prediction",
    table="Predictions",
    ideal="0",
    caveat="from bins of the prediction: exact if each bin holds one value, otherwise within the bound beside it",
)
KS_PREDICTIONS = _distance(
    name="ks_distance_of_predictions",
    title="Kolmogorov-Smirnov distance of predictions",
    text="largest vertical distance between the distributions of the prediction in the group and in the reference",
    source=f"{_AGARWAL} (statistical parity)",
)
WASSERSTEIN_PREDICTIONS = _distance(
    name="wasserstein_distance_of_predictions",
    title="Wasserstein distance of predictions",
    figure="amount",
    range=_SIZE,
    text="area between the distributions of the prediction in the group and in the reference, in the label's unit",
    source="Chzhen et al. (2020), NeurIPS, Fair regression with Wasserstein barycenters",
)
CORRELATION_RATIO = _statistic(
    name="residual_correlation_ratio",
    title="Correlation ratio of error and group",
    needs=_NEEDS,
    judged=(),
    instead="the difference of mean_error",
    ideal="the value expected by chance",
    text="eta^2: between-group sum of squares of prediction - label, over the whole sum of squares",
    source="Kelley (1935), PNAS 21:554; Mary, Calauzènes and El Karoui (2019), ICML",
    caveat="above 0 even for equal groups; the value expected for equal groups is beside it",
)
PER_GROUP: tuple[GroupStatistic, ...] = (
    MEAN_ERROR,
    MEAN_ABSOLUTE_ERROR,
    ROOT_MEAN_SQUARED_ERROR,
    R2,
    MEAN_PREDICTION,
)
REGRESSION: tuple[Metric, ...] = (*PER_GROUP, KS_PREDICTIONS, WASSERSTEIN_PREDICTIONS, CORRELATION_RATIO)
METRICS: tuple[Metric, ...] = REGRESSION
