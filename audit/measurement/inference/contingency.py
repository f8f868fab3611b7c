"""Whether samples have the same shares of several categories, and whether two rates are one; also for shared units.

Must not: know a category's name, or decide anything.

References
----------
Pearson (1900), Philosophical Magazine 50:157. Cochran (1954), Biometrics 10:417 (small expected counts). Rao and Scott
(1981), JASA 76:221 (first-order correction). Fisher (1935), Journal of the Royal Statistical Society 98:39.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from audit.measurement.inference.effective import folded
from audit.measurement.inference.intervals import Floats
from audit.measurement.inference.two_rates import fisher, inverted_p

LEAST_ROWS = 1e-9
FEW_EXPECTED = 10.0
"""Expected rows under which categories are taken as one. Five, enough at p = .05, doubles the false alarms at .0002."""


class Shift(NamedTuple):
    """How far two samples lie apart, and how surprising that is."""

    variation: float
    """Half the sum of the differences of shares, 0 to 1."""
    p_value: float


def shift(first: Floats, second: Floats) -> Shift | None:
    """Two samples over the same categories; None where one of them is empty.

    Categories of which fewer than ten rows are expected in a sample are taken as one for the p-value.

    Parameters
    ----------
    first, second
        Rows by category and fold, shapes (K, F) and (K, F'); one fold where rows are independent.
    """
    counts = np.stack([first.sum(axis=1), second.sum(axis=1)]).astype(float)
    if counts.sum(axis=1).min() <= 0:
        return None
    shares = counts / counts.sum(axis=1, keepdims=True)
    variation = float(np.abs(shares[0] - shares[1]).sum() / 2)
    rows = np.array([_worth(sample) for sample in (first, second)])
    return Shift(variation, _same(_lumped(shares * rows[:, None])))


def rates_apart(hits: Floats, rows: Floats) -> float | None:
    """Two-sided p of two rates being one; None where one of them is of nobody.

    Parameters
    ----------
    hits, rows
        Shape (2, F): events and rows of both by fold; one fold where rows are independent.
    """
    total, events = rows.sum(axis=1), hits.sum(axis=1)
    if total.min() <= 0:
        return None
    if rows.shape[1] == 1:
        return fisher(float(events[0]), float(total[0]), float(events[1]), float(total[1]))
    found = float(inverted_p(folded(hits.T.astype(float), rows.T.astype(float), total.astype(float)), 1)[0])
    return None if np.isnan(found) else found


def at_least(hits: int, trials: int, rate: float) -> float:
    """Chance of so many hits or more in independent trials of one rate."""
    if hits <= 0:
        return 1.0
    from scipy.special import bdtrc

    return float(bdtrc(hits - 1, trials, min(max(rate, 0.0), 1.0)))


def _worth(sample: Floats) -> float:
    """Independent rows that a sample is worth: its rows over the mean design effect of its shares."""
    rows = float(sample.sum())
    if sample.shape[1] == 1 or len(sample) < 2:
        return rows
    total = np.broadcast_to(sample.sum(axis=0), sample.shape)
    each = folded(sample.T.astype(float), total.T.astype(float), np.full(len(sample), rows))
    effect = (1 - each.p) * rows / np.maximum(each.n, LEAST_ROWS)
    return rows / max(1.0, float(effect.sum() / (len(sample) - 1)))


def _lumped(counts: Floats) -> Floats:
    """The same with all categories of small expectation as one."""
    expected = counts.sum(axis=0) * counts.sum(axis=1).min() / counts.sum()
    few = expected < FEW_EXPECTED
    if few.sum() < 2:
        return counts
    return np.concatenate([counts[:, ~few], counts[:, few].sum(axis=1, keepdims=True)], axis=1)


def _same(counts: Floats) -> float:
    from scipy.special import chdtrc

    filled = counts[:, counts.sum(axis=0) > 0]
    if filled.shape[1] < 2:
        return 1.0
    expected = np.outer(filled.sum(axis=1), filled.sum(axis=0)) / filled.sum()
    return float(chdtrc(filled.shape[1] - 1, ((filled - expected) ** 2 / expected).sum()))
