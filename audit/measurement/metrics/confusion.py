"""Statistics of the confusion table that are no conditional probability.

Adding one is adding one record to `STATISTICS`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from audit.measurement.metrics.kinds import Metric, Statistic

if TYPE_CHECKING:
    from audit.measurement.inference.intervals import Floats

_BOTH = ("label", "prediction")


def divide(numerator: Floats, denominator: Floats) -> Floats:
    """Return the quotient; NaN where the denominator is not above 0."""
    import numpy as np

    shape = np.broadcast_shapes(np.shape(numerator), np.shape(denominator))
    out: Floats = np.full(shape, np.nan)
    return np.divide(numerator, denominator, out=out, where=np.asarray(denominator) > 0)


def _balanced_accuracy(tn: Floats, fp: Floats, fn: Floats, tp: Floats) -> Floats:
    return (divide(tp, tp + fn) + divide(tn, tn + fp)) / 2


def _f1(_tn: Floats, fp: Floats, fn: Floats, tp: Floats) -> Floats:
    return divide(2 * tp, 2 * tp + fp + fn)


def _matthews(tn: Floats, fp: Floats, fn: Floats, tp: Floats) -> Floats:
    import numpy as np

    margins = np.sqrt(tp + fp) * np.sqrt(tp + fn) * np.sqrt(tn + fp) * np.sqrt(tn + fn)
    return divide(tp * tn - fp * fn, margins)


def _average_odds(tn: Floats, fp: Floats, fn: Floats, tp: Floats) -> Floats:
    return (divide(tp, tp + fn) + divide(fp, fp + tn)) / 2


def _rarer_label(tn: Floats, fp: Floats, fn: Floats, tp: Floats) -> Floats:
    import numpy as np

    return np.minimum(tn + fp, fn + tp)


def sum_without_true_negatives(_tn: Floats, fp: Floats, fn: Floats, tp: Floats) -> Floats:
    """Return the rows that are anything but true negatives."""
    return tp + fp + fn


def _rarest_margin(tn: Floats, fp: Floats, fn: Floats, tp: Floats) -> Floats:
    import numpy as np

    return np.minimum(np.minimum(tn + fp, fn + tp), np.minimum(tn + fn, fp + tp))


_statistic = partial(Statistic, stage="model", needs=_BOTH)
STATISTICS: tuple[Statistic, ...] = (
    _statistic(
        name="balanced_accuracy",
        title="Balanced accuracy",
        figure="share",
        of=_balanced_accuracy,
        support=_rarer_label,
        text="(TP / (TP + FN) + TN / (TN + FP)) / 2",
        empty="0/0: no rows with label = 1, or none with label = 0",
        ideal="1 in every group",
        source="Brodersen et al. (2010), ICPR, section 2",
    ),
    _statistic(
        name="f1",
        title="F1",
        of=_f1,
        support=sum_without_true_negatives,
        text="2 TP / (2 TP + FP + FN)",
        empty="0/0: no rows with label = 1 or prediction = 1",
        ideal="1 in every group",
        source="van Rijsbergen (1979), Information Retrieval, chapter 7",
        caveat="ignores true negatives, and depends on the base rate",
    ),
    _statistic(
        name="matthews_correlation",
        title="Matthews correlation",
        range=(-1.0, 1.0),
        judged=("difference", "lowest", "highest"),
        of=_matthews,
        support=_rarest_margin,
        text="(TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN))",
        empty="0/0: label or prediction is the same in every row",
        ideal="1 in every group",
        source="Matthews (1975), Biochimica et Biophysica Acta 405:442",
        caveat="depends on the base rate",
    ),
    _statistic(
        name="average_odds",
        title="Average odds",
        figure="share",
        judged=("difference",),
        of=_average_odds,
        support=_rarer_label,
        text="(TP / (TP + FN) + FP / (FP + TN)) / 2",
        empty="0/0: no rows with label = 1, or none with label = 0",
        ideal="equal across groups",
        source="Bellamy et al. (2019), IBM Journal of Research and Development 63:4 (AI Fairness 360)",
        caveat="its difference from the reference group is the average odds difference of AI Fairness 360, in "
        "which gaps of true and of false positive rates cancel if their signs differ",
    ),
)
METRICS: tuple[Metric, ...] = STATISTICS
