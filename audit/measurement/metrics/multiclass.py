"""Metrics of a decision between several classes that one class against all others does not give.

The rates of one class against all others are those of `rates`. Here are the averages over classes, and the worst class
of a rate. Adding one is adding a record to `MACRO` or to `WORST`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from audit.estimate import WORST_CLASS
from audit.measurement.metrics.confusion import divide
from audit.measurement.metrics.kinds import ClassStatistic, Compare, Family, Metric, WorstClass

if TYPE_CHECKING:
    import numpy as np

    from audit.measurement.inference.intervals import Floats

    Mask = np.ndarray

_BOTH = ("label", "prediction")
_TABLE = "Rates"
_SOKOLOVA = "Sokolova and Lapalme (2009), Information Processing and Management 45:427, table 3"
PER_CLASS = (
    "selection_rate",
    "base_rate",
    "true_positive_rate",
    "false_positive_rate",
    "true_negative_rate",
    "false_negative_rate",
    "precision",
    "negative_predictive_value",
    "false_discovery_rate",
    "false_omission_rate",
    "f1",
)
"""Binary metrics that are measured of each class against all others."""


def _hits(x: Floats) -> tuple[Floats, Floats, Floats]:
    """Return rows of each class that are hit, missed, and called so wrongly: TP, FN, FP."""
    import numpy as np

    tp: Floats = np.diagonal(x, axis1=-2, axis2=-1)
    return tp, x.sum(axis=-1) - tp, x.sum(axis=-2) - tp


def _mean_of(a: int, b: int, c: int, x: Floats, counted: Mask) -> Floats:
    """Return the mean over the counted classes of a TP / (a TP + b FN + c FP)."""
    tp, fn, fp = _hits(x)
    mean: Floats = divide(a * tp, a * tp + b * fn + c * fp)[..., counted].mean(axis=-1)
    return mean


def _slope_of(a: int, b: int, c: int, x: Floats, counted: Mask) -> Floats:
    import numpy as np

    tp, fn, fp = _hits(x)
    square = (a * tp + b * fn + c * fp) ** 2
    share = counted / max(counted.sum(), 1)
    # Derivatives of a TP / (a TP + b FN + c FP) by TP, FN and FP, by the quotient rule.
    hit = divide(a * (b * fn + c * fp), square) * share
    missed = divide(-a * b * tp, square) * share
    called = divide(-a * c * tp, square) * share
    slope = missed[..., :, None] + called[..., None, :]
    at = np.arange(x.shape[-1])
    slope[..., at, at] = hit
    known: Floats = np.nan_to_num(slope)
    return known


def _recall(x: Floats, labelled: Mask) -> Floats:
    return _mean_of(1, 1, 0, x, labelled)


def _recall_slope(x: Floats, labelled: Mask) -> Floats:
    return _slope_of(1, 1, 0, x, labelled)


def _labels(x: Floats, labelled: Mask) -> Floats:
    """Return rows of each label; of a class that no label has none are needed."""
    import numpy as np

    rows: Floats = np.where(labelled, x.sum(axis=-1), np.inf)
    return rows


def _every(labelled: Mask) -> Mask:
    every: Mask = labelled | True
    return every


def _precision(x: Floats, labelled: Mask) -> Floats:
    return _mean_of(1, 0, 1, x, _every(labelled))


def _precision_slope(x: Floats, labelled: Mask) -> Floats:
    return _slope_of(1, 0, 1, x, _every(labelled))


def _predictions(x: Floats, _labelled: Mask) -> Floats:
    rows: Floats = x.sum(axis=-2)
    return rows


def _f1(x: Floats, labelled: Mask) -> Floats:
    return _mean_of(2, 1, 1, x, _every(labelled))


def _f1_slope(x: Floats, labelled: Mask) -> Floats:
    return _slope_of(2, 1, 1, x, _every(labelled))


def _either(x: Floats, _labelled: Mask) -> Floats:
    tp, fn, fp = _hits(x)
    return tp + fn + fp


def _margins(x: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return rows, rows by label, rows by prediction, and rows that are right."""
    tp, _, _ = _hits(x)
    return x.sum(axis=(-2, -1)), x.sum(axis=-1), x.sum(axis=-2), tp.sum(axis=-1)


def _correlation(x: Floats, _labelled: Mask) -> Floats:
    import numpy as np

    s, t, p, c = _margins(x)
    spread = np.sqrt(s**2 - (p**2).sum(axis=-1)) * np.sqrt(s**2 - (t**2).sum(axis=-1))
    return divide(c * s - (p * t).sum(axis=-1), np.where(_apart(x, _labelled).min(axis=-1) > 0, spread, 0.0))


def _correlation_slope(x: Floats, _labelled: Mask) -> Floats:
    import numpy as np

    s, t, p, c = _margins(x)
    s, c = s[..., None, None], c[..., None, None]
    top = c * s - (p * t).sum(axis=-1)[..., None, None]
    of_p = s**2 - (p**2).sum(axis=-1)[..., None, None]
    of_t = s**2 - (t**2).sum(axis=-1)[..., None, None]
    row, column = t[..., :, None], p[..., None, :]
    d_top = s * np.eye(x.shape[-1]) + c - t[..., None, :] - p[..., :, None]
    root = np.sqrt(of_p) * np.sqrt(of_t)
    slope: Floats = divide(d_top, root) - divide(top, root) * (divide(s - column, of_p) + divide(s - row, of_t))
    return np.nan_to_num(slope)


def _apart(x: Floats, _labelled: Mask) -> Floats:
    """Return rows that are not of the most frequent label, and not of the most frequent prediction."""
    import numpy as np

    s, t, p, _ = _margins(x)
    return np.stack([s - t.max(axis=-1), s - p.max(axis=-1)], axis=-1)


_statistic = partial(ClassStatistic, stage="model", task="multiclass", needs=_BOTH, ideal="1 in every group")
MACRO: tuple[ClassStatistic, ...] = (
    _statistic(
        name="macro_true_positive_rate",
        title="Macro true positive rate",
        figure="share",
        table=_TABLE,
        headline=True,
        of=_recall,
        slope=_recall_slope,
        support=_labels,
        text="mean over classes of TP / (TP + FN), each class against all others",
        empty="0/0: no rows with label = {class}",
        source=f"{_SOKOLOVA} (recall, macro); for two classes the balanced accuracy",
        caveat="over the classes among the labels; undefined for a group without rows of one of them",
    ),
    _statistic(
        name="macro_precision",
        title="Macro precision",
        figure="share",
        table=_TABLE,
        of=_precision,
        slope=_precision_slope,
        support=_predictions,
        text="mean over classes of TP / (TP + FP), each class against all others",
        empty="0/0: no rows with prediction = {class}",
        source=f"{_SOKOLOVA} (precision, macro)",
        caveat="undefined for a group in which one class is never predicted",
    ),
    _statistic(
        name="macro_f1",
        title="Macro F1",
        table=_TABLE,
        headline=True,
        of=_f1,
        slope=_f1_slope,
        support=_either,
        text="mean over classes of 2 TP / (2 TP + FP + FN), each class against all others",
        empty="0/0: no rows with label = {class} or prediction = {class}",
        source="Opitz and Burst (2019), arXiv 1911.03347 (arithmetic mean over individual F1 scores)",
        caveat="depends on the base rates",
    ),
    _statistic(
        name="multiclass_matthews_correlation",
        title="Matthews correlation (several classes)",
        range=(-1.0, 1.0),
        judged=("difference", "lowest", "highest"),
        of=_correlation,
        slope=_correlation_slope,
        support=_apart,
        text="(c s - sum of p_k t_k) / sqrt((s^2 - sum of p_k^2) (s^2 - sum of t_k^2)); s rows, c right, t labels, "
        "p predictions of class k",
        empty="0/0: label or prediction is the same in every row",
        source="Gorodkin (2004), Computational Biology and Chemistry 28:367 (R_K; for two classes Matthews 1975)",
        caveat="depends on the base rates",
    ),
)


def _worst(rate: str, needs: tuple[str, ...], ideal: str, gives_away: Family, *more: Compare) -> WorstClass:
    return WorstClass(
        name=f"{WORST_CLASS}{rate}",
        title=f"Worst class: {rate.replace('_', ' ')}",
        stage="model",
        task="multiclass",
        needs=needs,
        rate=rate,
        judged=("difference", "ratio", *more),
        gives_away=gives_away,
        ideal=ideal,
        source=f"largest gap over groups and classes of {rate}, in one-versus-rest as in {_SOKOLOVA}",
        caveat="the interval that decides a failure allows for all classes and all pairs of groups",
    )


WORST_BASE_RATE = _worst("base_rate", ("label",), "equal across groups", "labels")
WORST: tuple[WorstClass, ...] = (
    _worst("selection_rate", ("prediction",), "equal across groups", "selection"),
    WORST_BASE_RATE,
    _worst("true_positive_rate", _BOTH, "1 in every group", "confusion", "lowest"),
    _worst("false_positive_rate", _BOTH, "0 in every group", "confusion", "highest"),
    _worst("false_negative_rate", _BOTH, "0 in every group", "confusion", "highest"),
    _worst("precision", _BOTH, "1 in every group", "confusion", "lowest"),
)
MULTICLASS = (*MACRO, *WORST)
METRICS: tuple[Metric, ...] = MULTICLASS
