"""Mean losses of probabilities, and whether they are too high or too low on the whole.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from audit.fairness.scores import BRIER, CALIBRATION_GAP, LOG_LOSS
from audit.grouping import Grouping
from audit.inference.means import LOSSES, Found, against, extreme, limits, mean_gap, measured
from audit.measurement.compared import EMPTY, Quantity, estimates_of, undefined
from audit.measurement.scope import Scope
from audit.value import Estimate

NO_WEIGHT = "0/0: all weights are 0"
HOW = "t interval of the mean"
NAMES: Mapping[str, str] = {
    BRIER.name: "squared_error",
    LOG_LOSS.name: "log_loss",
    CALIBRATION_GAP.name: "calibration",
}
"""Scale of each metric in `audit.inference.means`."""


def loss_estimates(grouped: Grouping, scope: Scope, why: str | None, *, comparable: bool) -> list[Estimate]:
    """Brier score, log loss and calibration in the large of every group, with their comparisons.

    Parameters
    ----------
    grouped
        Sums of losses by label, as the grouping lays them out.
    why
        Why scores are no probabilities; None where they may be.
    """
    found: list[Estimate] = []
    if why is not None:
        for metric in (BRIER, LOG_LOSS, CALIBRATION_GAP):
            found += undefined(metric.name, grouped, scope, why)
            for compare in metric.judged if comparable and grouped.by else ():
                found += undefined(metric.name, grouped, scope, why, compare)
        return found
    sums = _sums(grouped)
    for metric in (BRIER, LOG_LOSS, CALIBRATION_GAP):
        sample = measured(LOSSES[NAMES[metric.name]], sums, folds=grouped.folded)
        if metric is LOG_LOSS:
            sample = _possible(sample, sums)
        found += estimates_of(_quantity(metric.name, sample, grouped, sums, scope), grouped, scope,
                              comparable=comparable)  # fmt: skip
    return found


def _sums(grouped: Grouping) -> dict[str, np.ndarray]:
    """Sums over labels, shape (G, F), with those of label less probability."""
    # The grouping lays every measure out by prediction too, which these cubes do not have.
    by_label = {k: v[:, :, 0, :].astype(float) for k, v in grouped.counts.items()}
    by_label = {"w": by_label["n"], "w2": by_label["n"], "w4": by_label["n"]} | by_label
    sums = {k: v.sum(axis=1) for k, v in by_label.items()}
    w, w2 = by_label["w"][:, 1], by_label["w2"][:, 1]
    sums["calibration"] = w - sums["probability"]
    sums["calibration_w2"] = w2 - sums["probability_w2"]
    sums["calibration_w2x"] = w2 - 2 * by_label["probability_w2"][:, 1] + sums["probability_w2x"]
    for odd in (1, 3):
        of_negatives, of_positives = by_label[f"missing{odd}_w4"].swapaxes(0, 1)
        sums[f"calibration{odd}_w4"] = of_positives - of_negatives
    sums["calibration2_w4"], sums["calibration4_w4"] = sums["squared_error1_w4"], sums["squared_error2_w4"]
    return sums


def _possible(sample: Found, sums: Mapping[str, np.ndarray]) -> Found:
    """Without the groups in which something happened that was called impossible: their loss is infinite."""
    gone = sums["impossible"].sum(axis=1) > 0
    value, point, error = (np.where(gone, np.nan, v) for v in (sample.value, sample.point, sample.error))
    return sample._replace(value=value, point=point, error=error)


def _quantity(metric: str, sample: Found, grouped: Grouping, sums: Mapping[str, np.ndarray], scope: Scope) -> Quantity:
    known, how = np.isfinite(sample.error), _how(grouped)
    bounds = limits(sample, scope.tail)
    bounds = bounds._replace(
        low=np.where(known, bounds.low, np.nan), high=np.where(known, bounds.high, np.nan)
    )  # fmt: skip
    method = [how if known[i] else f"no interval: {_why_open(grouped, sums, i)}" for i in range(len(grouped.groups))]
    low, high = sample.scale.range
    return Quantity(
        metric=metric, value=sample.value, limits=bounds, thin=sample.thin, method=method, how=how,
        why=lambda i: _why(metric, grouped, sums, i), df=sample.df, top=high - low,
        gap=lambda: mean_gap(sample, scope.tail),
        against=lambda at: against(sample, at, scope.tail),
        extreme=None if metric == CALIBRATION_GAP.name else lambda which: extreme(sample, which, scope.tail),
    )  # fmt: skip


def _how(grouped: Grouping) -> str:
    if grouped.folded:
        return f"{HOW}, 100 folds of the unit"
    return f"{HOW}, effective n of the weights" if "w" in grouped.counts else HOW


def _why(metric: str, grouped: Grouping, sums: Mapping[str, np.ndarray], i: int) -> str:
    """Why a value is undefined."""
    impossible = float(sums["impossible"][i].sum())
    if metric == LOG_LOSS.name and impossible:
        return f"infinite: what was called impossible happened in {impossible:,.0f} rows"
    return NO_WEIGHT if grouped.rows[i] else EMPTY


def _why_open(grouped: Grouping, sums: Mapping[str, np.ndarray], i: int) -> str:
    """Why a value has no interval."""
    if grouped.rows[i] < 2:
        return "fewer than two rows"
    if grouped.folded and (sums["n"][i] > 0).sum() < 2:
        return "all rows share one fold of the unit"
    return "its rows do not differ, which says nothing of rows not seen"
