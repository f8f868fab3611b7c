"""Mean losses of probabilities, and whether they are too high or too low on the whole.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from audit.estimate import Estimate
from audit.measurement.comparisons import (
    Comparisons,
    End,
    Quantity,
    describe_rows,
    mean_ends,
    mean_limits,
    mean_pairs,
    undefined,
)
from audit.measurement.grouping import NO_ROWS, Grouping
from audit.measurement.inference.intervals import Limits
from audit.measurement.inference.means import MeanSample, against, measured
from audit.measurement.inference.scales import LOSSES
from audit.measurement.metrics.scores import BRIER, CALIBRATION_GAP, LOG_LOSS
from audit.measurement.scope import LENT, Scope

FEW_ROWS = 60
FEW_OF_A_LABEL = 15
"""Rows, and rows of the rarer label, under which the mean of a loss is marked; simulated in docs/inference.md."""
HOW = "t interval of the mean"
NAMES: Mapping[str, str] = {
    BRIER.name: "squared_error",
    LOG_LOSS.name: "log_loss",
    CALIBRATION_GAP.name: "calibration",
}
"""Scale of each metric in `audit.measurement.inference.means`."""


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
    sums, few = _sums(grouped), _few(grouped)
    for metric in (BRIER, LOG_LOSS, CALIBRATION_GAP):
        sample = measured(LOSSES[NAMES[metric.name]], sums, folds=grouped.folded)
        sample = sample._replace(thin=sample.thin | few)
        if metric is LOG_LOSS:
            sample = _possible(sample, sums)
        table = Comparisons(grouped, scope, comparable=comparable)
        found += table.estimates_of(_quantity(metric.name, sample, grouped, sums, scope))
    return found


def _sums(grouped: Grouping) -> dict[str, np.ndarray]:
    """Sums over labels, shape (G, F), with those of label less probability."""
    # The grouping lays every measure out by prediction too, which these cubes do not have.
    by_label = {k: v[:, :, 0, :].astype(float) for k, v in grouped.counts.items()}
    by_label = {"w": by_label["n"], "w2": by_label["n"], "w4": by_label["n"]} | by_label
    sums = {k: v.sum(axis=1) for k, v in by_label.items()}
    w, w2 = by_label["w"][:, 1], by_label["w2"][:, 1]
    sums["calibration"] = w - sums["score"]
    sums["calibration_w2"] = w2 - sums["score_w2"]
    for name in ("", "_w2"):
        score = by_label[f"score{name}"]
        sums[f"missing{name}"] = (w2 if name else w) - score[:, 1] + score[:, 0]
    sums["calibration_w2x"] = sums["missing_w2x"] = w2 - 2 * by_label["score_w2"][:, 1] + sums["score_w2x"]
    return sums


def _few(grouped: Grouping) -> np.ndarray:
    """Groups with few effective rows, or few of a label."""
    weighted = "w" in grouped.counts
    w = grouped.counts["w" if weighted else "n"].sum(axis=(2, 3)).astype(float)
    w2 = grouped.counts["w2" if weighted else "n"].sum(axis=(2, 3)).astype(float)
    rows = _kish(w.sum(axis=1), w2.sum(axis=1))
    few: np.ndarray = (rows < FEW_ROWS) | (_kish(w, w2).min(axis=1) < FEW_OF_A_LABEL)
    return few


def _kish(w: np.ndarray, w2: np.ndarray) -> np.ndarray:
    effective: np.ndarray = np.divide(w**2, w2, out=np.zeros_like(w), where=w2 > 0)
    return effective


def _possible(sample: MeanSample, sums: Mapping[str, np.ndarray]) -> MeanSample:
    """Without the groups in which something happened that was called impossible: their loss is infinite."""
    gone = sums["impossible"].sum(axis=1) > 0
    value, error = np.where(gone, np.nan, sample.value), np.where(gone, np.nan, sample.error)
    return sample._replace(value=value, point=np.where(gone, np.nan, sample.point), error=error)


def _quantity(
    metric: str, sample: MeanSample, grouped: Grouping, sums: Mapping[str, np.ndarray], scope: Scope
) -> Quantity:
    known, how, tail = np.isfinite(sample.error), _how(grouped), scope.tail
    top = sample.scale.range[1] - sample.scale.range[0]
    method = [
        how if known[i] else f"no interval: {_reason_without_limits(grouped, sums, i)}"
        for i in range(len(grouped.groups))
    ]

    def between(at: int) -> Limits:
        """Limits of possible differences from the reference; none where one of the two has none."""
        made = (np.clip(x, -top, top) for x in against(sample, at, tail))
        return Limits(*(np.where(known & known[at], x, np.nan) for x in made))

    ends: tuple[End, ...] = () if metric == CALIBRATION_GAP.name else ("lowest", "highest")
    return Quantity(
        metric=metric,
        value=sample.value,
        limits=mean_limits(sample, tail),
        thin=sample.thin,
        method=method,
        reason=lambda i: _reason_for_loss(metric, grouped, sums, i),
        df=sample.df,
        comparisons=[
            mean_pairs(sample, how + LENT, tail, top=top, against=between),
            *(mean_ends(sample, which, how + LENT, tail) for which in ends),
        ],
    )


def _how(grouped: Grouping) -> str:
    return describe_rows(HOW, folded=grouped.folded, weighted="w" in grouped.counts)


def _reason_for_loss(metric: str, grouped: Grouping, sums: Mapping[str, np.ndarray], i: int) -> str:
    """Why a value is undefined."""
    impossible = float(sums["impossible"][i].sum())
    if metric == LOG_LOSS.name and impossible:
        return f"infinite: what was called impossible happened in {impossible:,.0f} rows"
    return grouped.nobody(i) or NO_ROWS


def _reason_without_limits(grouped: Grouping, sums: Mapping[str, np.ndarray], i: int) -> str:
    """Why a value has no interval."""
    if grouped.rows[i] < 2:
        return "fewer than two rows"
    if grouped.folded and (sums["n"][i] > 0).sum() < 2:
        return "all rows share one fold of the unit"
    return "its rows do not differ, which says nothing of rows not seen"
