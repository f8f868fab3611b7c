"""Scores per group: order, loss and calibration, from bins and sums.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from audit.cube import Cube
from audit.errors import printable
from audit.fairness.scores import BRIER, CALIBRATION_GAP, ECE, LOG_LOSS, ROC_AUC
from audit.grouping import FOLD, LABEL, POSITIVE, SCORE
from audit.inference.auc import Placed, auc_gap, folded, limits, placed
from audit.inference.calibration import calibration
from audit.inference.intervals import quantile
from audit.measurement.everybody_scores import auc_against_rest
from audit.measurement.scope import NO_GROUP, SMALL, UNMEASURED, Scope
from audit.value import Estimate, Group, Level

CALIBRATION_BINS = 10
NO_PAIRS = "0/0: no rows with label = 1, or none with label = 0"
DELONG = "DeLong on score bins, wilson at its rows"
FEW_ROWS = 60
FEW_OF_A_LABEL = 15
"""Rows, and rows of the rarer label, under which the mean of a loss is marked; simulated in docs/inference.md."""
UNIT_NOTE = "no interval: rows share units, and this has no recipe for them"


def score_estimates(binned: Sequence[Cube], lost: Sequence[Cube], scope: Scope) -> tuple[Estimate, ...]:
    """Metrics of the scores for everybody and for every group of every attribute.

    Parameters
    ----------
    binned
        One cube for each attribute: attribute x label x score bin (x fold).
    lost
        One cube for each attribute: attribute x label, with sums of losses.
    """
    found: list[Estimate] = []
    for i, (bins, losses) in enumerate(zip(binned, lost, strict=True)):
        if i == 0:
            found += ScoreTable(bins, losses, scope, everybody=True).estimates()
        found += ScoreTable(bins, losses, scope).estimates()
    return tuple(found)


class ScoreTable:
    """Score metrics of one attribute, or of everybody."""

    def __init__(self, bins: Cube, losses: Cube, scope: Scope, *, everybody: bool = False) -> None:
        self.scope, attribute = scope, bins.names[0]
        self.by: tuple[str, ...] = () if everybody else (attribute,)
        if everybody:
            bins, losses = _one(bins, attribute), _one(losses, attribute)
        self.levels: tuple[Level, ...] = bins.axis(attribute).levels
        self.bins, self.losses = bins, losses
        self.edges = tuple(float(str(level)) for level in bins.axis(SCORE).levels)
        self.units = FOLD in bins.names
        self.order = [i for i, level in enumerate(self.levels) if level is not None or everybody]
        self.flags = (NO_GROUP,) if not everybody and None in self.levels else ()

    def estimates(self) -> list[Estimate]:
        """Every metric of every group."""
        found = self._auc()
        for metric, values in ((BRIER, "squared_error"), (LOG_LOSS, "log_loss")):
            found += [self._mean(metric.name, values, i) for i in range(len(self.levels))]
        found += [self._in_the_large(i) for i in range(len(self.levels))]
        return found + self._calibration()

    def group(self, i: int) -> Group:
        """Name of a group; nobody's where everybody is one."""
        return () if not self.by else (self.levels[i],)

    def _base(self, metric: str, i: int, **more: Any) -> Estimate:
        n = float(self.losses["n"][i].sum())
        confidence = None if more.get("low") is None else self.scope.confidence
        return Estimate(
            stage="model", metric=metric, by=self.by, group=self.group(i), n=n, confidence=confidence, **more
        )

    def placed_with_rests(self) -> Placed:
        """AUC of every group, then of everybody else of each in the same order."""
        return self._placed(self.order, rests=True)

    def _placed(self, which: Sequence[int], *, rests: bool = False) -> Placed:
        axes = (self.bins.names[0], LABEL, SCORE, *((FOLD,) if self.units else ()))
        cube = self.bins.keep(*axes)
        weighted = "w" in cube.measures
        w, w2 = (_by_label(cube, m)[list(which)] for m in (("w", "w2") if weighted else ("n", "n")))
        if rests:
            w, w2 = (np.concatenate([x, x.sum(axis=0, keepdims=True) - x]) for x in (w, w2))
        if not self.units:
            return placed(w[:, 1], w[:, 0], w2[:, 1], w2[:, 0])
        pos, neg = (np.moveaxis(w[:, y], -1, 0) for y in (1, 0))
        return folded(pos, neg, w2[:, 1].sum(axis=-1), w2[:, 0].sum(axis=-1))

    def _auc(self) -> list[Estimate]:
        every = self._placed(range(len(self.levels)))
        each = limits(every, self.scope.tail)
        found = []
        for i in range(len(self.levels)):
            if math.isnan(each.mid[i]):
                found.append(self._base(ROC_AUC.name, i, status="undefined", reason=NO_PAIRS))
                continue
            width = float(each.tie_high[i] - each.tie_low[i]) / 2
            exact = "exact" if width < 1e-12 else f"binned: the exact value lies within ±{width:.2g}"
            low, mid, high = (float(x[i]) for x in (each.low, each.mid, each.high))
            flags = (SMALL,) if each.thin[i] else ()
            method = f"{DELONG}; {exact}"
            found.append(self._base(ROC_AUC.name, i, value=mid, low=low, high=high, method=method, flags=flags))
        return found + ([self._auc_gap(), *auc_against_rest(self)] if self.by else [])

    def _auc_gap(self) -> Estimate:
        common: dict[str, Any] = {"stage": "model", "metric": ROC_AUC.name, "compare": "difference", "by": self.by}
        n = float(self.losses["n"][self.order].sum())
        if len(self.order) < 2:
            return Estimate(
                **common, n=n, status="undefined", reason="at least two groups are needed: nothing to compare"
            )
        every = self._placed(self.order)
        found, thin = auc_gap(every, self.scope.tail), limits(every, self.scope.tail).thin
        names = [self.group(i) for i in self.order]
        flags = self.flags + ((SMALL,) if thin.any() else ())
        bounds: dict[str, Any] = {"low": found.low, "high": found.high, "confidence": self.scope.confidence}
        if found.value is None:
            empty = [n for n, mid in zip(names, every.mid, strict=True) if math.isnan(mid)]
            reason = f"not measured for {', '.join(printable(g[0]) for g in empty[:3])} ({NO_PAIRS})"
            kept = bounds if found.low > 0 or found.high < 1 else {}
            return Estimate(**common, n=n, **kept, status="undefined", reason=reason, flags=(*flags, UNMEASURED))
        pair = (names[found.pair[0]], names[found.pair[1]])
        return Estimate(
            **common, n=n, **bounds, value=found.value, pair=pair, method=f"pairs rule on {DELONG}", flags=flags
        )

    def _improper(self) -> str | None:
        """Why scores are no probabilities; None where they may be."""
        outside = float(self.losses["outside"].sum())
        if not outside:
            return None
        return f"scores are no probabilities: {outside:,.0f} lie outside 0 to 1"

    def _total(self, measure: str, i: int) -> float:
        return float(self.losses[measure][i].sum())

    def _weights(self, i: int) -> tuple[float, float]:
        names = ("w", "w2") if "w" in self.losses.measures else ("n", "n")
        return self._total(names[0], i), self._total(names[1], i)

    def _rarer(self, i: int) -> float:
        """Effective rows of the rarer label."""
        names = ("w", "w2") if "w" in self.losses.measures else ("n", "n")
        w, w2 = (_by_label(self.losses, m)[i] for m in names)
        return float(np.divide(w**2, w2, out=np.zeros(2), where=w2 > 0).min())

    def _mean(self, name: str, measure: str, i: int) -> Estimate:
        w, w2 = self._weights(i)
        why = self._improper()
        if why is None and w <= 0:
            why = "0/0: no rows in this group"
        if why is None and name == LOG_LOSS.name and (impossible := self._total("impossible", i)):
            why = f"infinite: what was called impossible happened in {impossible:,.0f} rows"
        if why is not None:
            return self._base(name, i, status="undefined", reason=why)
        mean = self._total(measure, i) / w
        square = self._total(f"{measure}_w2x", i) - 2 * mean * self._total(f"{measure}_w2", i) + mean**2 * w2
        return self._with_interval(name, i, mean, max(square, 0.0) / w**2, w**2 / w2, low=0.0)

    def _in_the_large(self, i: int) -> Estimate:
        w, w2 = self._weights(i)
        why = self._improper() or ("0/0: no rows in this group" if w <= 0 else None)
        if why is not None:
            return self._base(CALIBRATION_GAP.name, i, status="undefined", reason=why)
        weight, weight2 = ("w", "w2") if "w" in self.losses.measures else ("n", "n")
        positive = (
            self.losses.axis(LABEL).levels.index(POSITIVE) if POSITIVE in self.losses.axis(LABEL).levels else None
        )
        y, y2, s_y = (
            0.0 if positive is None else float(self.losses[m][i, positive]) for m in (weight, weight2, "score_w2")
        )
        mean = (y - self._total("score", i)) / w
        square = y2 - 2 * s_y + self._total("score_w2x", i)
        cross = y2 - self._total("score_w2", i)
        variance = max(square - 2 * mean * cross + mean**2 * w2, 0.0) / w**2
        return self._with_interval(CALIBRATION_GAP.name, i, mean, variance, w**2 / w2, low=-1.0)

    def _with_interval(self, name: str, i: int, mean: float, variance: float, rows: float, low: float) -> Estimate:
        """Mean of a loss with a t interval at its effective rows."""
        if self.units or rows < 2:
            method = UNIT_NOTE if self.units else "no interval: fewer than two rows"
            return self._base(name, i, value=mean, method=method, flags=() if self.units else (SMALL,))
        half = float(quantile(self.scope.tail, np.array([rows - 1]))[0]) * math.sqrt(variance * rows / (rows - 1))
        flags = (SMALL,) if rows < FEW_ROWS or self._rarer(i) < FEW_OF_A_LABEL else ()
        return self._base(name, i, value=mean, low=max(low, mean - half), high=mean + half, effective_n=rows,
                          method="t interval of the mean", flags=flags)  # fmt: skip

    def _calibration(self) -> list[Estimate]:
        cube = self.bins.keep(self.bins.names[0], LABEL, SCORE)
        n = _by_label(cube, "w" if "w" in cube.measures else "n")
        scores = _by_label(cube, "score").sum(axis=1)
        squares = _by_label(cube, "w2" if "w2" in cube.measures else "n").sum(axis=1)
        at = np.clip((np.array(self.edges) * CALIBRATION_BINS + 1e-9).astype(int), 0, CALIBRATION_BINS - 1)
        total, labels, sums, squared = (_coarsened(x, at) for x in (n.sum(axis=1), n[:, 1], scores, squares))
        rows = np.divide(total**2, squared, out=np.zeros_like(total), where=squared > 0)
        found = calibration(total, labels, sums, rows)
        why = self._improper()
        estimates = []
        for i in range(len(self.levels)):
            if why is not None or math.isnan(found.ece[i]):
                reason = why or "0/0: no rows in this group"
                estimates.append(self._base(ECE.name, i, status="undefined", reason=reason))
                continue
            chance = f"no interval; a calibrated model of these rows shows {found.floor[i]:.3g} on average"
            method = UNIT_NOTE if self.units else chance
            estimates.append(self._base(ECE.name, i, value=float(found.ece[i]), method=method))
        return estimates


def _one(cube: Cube, attribute: str) -> Cube:
    """Everybody as the one level of an attribute."""
    return cube.merge(attribute, lambda _: None)


def _by_label(cube: Cube, measure: str) -> np.ndarray:
    """Array with exactly two labels on its second axis: negative, positive."""
    levels, values = cube.axis(LABEL).levels, cube[measure].astype(float)
    out = np.zeros((values.shape[0], 2, *values.shape[2:]))
    for at, level in enumerate(levels):
        out[:, int(level == POSITIVE)] = values[:, at]
    return out


def _coarsened(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    out = np.zeros((len(values), CALIBRATION_BINS))
    np.add.at(out.T, at, values.T)
    return out
