"""A gap over everybody beside the gap within strata: values by hand, error by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from audit.measurement.dataset.reversal import reversal


def counted(g, s, y, strata, fold=None, folds=1):
    out = np.zeros((2, strata, 2, folds))
    np.add.at(out, (g, s, y, np.zeros(len(g), int) if fold is None else fold), 1)
    return out


def test_values_are_those_of_the_definition():
    rng = np.random.default_rng(0)
    g, s, y = rng.integers(0, 2, 900), rng.integers(0, 4, 900), rng.integers(0, 2, 900)
    found = reversal(*[counted(g, s, y, 4)] * 2, folded=False)
    within = 0.0
    for stratum in range(4):
        here = s == stratum
        share = [(g[here & (y == label)] == 1).mean() for label in (0, 1)]
        within += here.mean() * (share[0] - share[1])
    assert found.gap == pytest.approx(y[g == 0].mean() - y[g == 1].mean())
    assert found.within == pytest.approx(within)
    assert found.compared == 1


def test_strata_that_compare_nobody_are_left_out():
    w = np.zeros((2, 3, 2, 1))
    w[:, 0] = 25.0
    w[0, 1, 1], w[1, 2] = 60.0, 20.0
    found = reversal(w, w, folded=False)
    assert found.within == 0
    assert found.compared == pytest.approx(100 / 200)
    assert reversal(w[:, 1:], w[:, 1:], folded=False) is None


@pytest.mark.parametrize("clustered", [False, True])
def test_p_values_keep_their_promise(clustered):
    """No gap, and strata that have nothing to do with it: a p is at most 5% in about 5% of samples.

    The change within strata then moves only by the square of chance, so that its p errs on the careful side.
    """
    rng, found = np.random.default_rng(1), []
    for _ in range(400):
        times = 5 if clustered else 1
        g, s, y, fold = (np.repeat(rng.integers(0, k, 400), times) for k in (2, 3, 2, 100))
        w = counted(g, s, y, 3, fold, 100) if clustered else counted(g, s, y, 3)
        each = reversal(w, w, folded=clustered)
        found.append([each.p_gap, each.p_within, each.p_change])
    gap, within, change = (np.array(found) <= 0.05).mean(axis=0)
    assert (gap, within) == (pytest.approx(0.05, abs=0.03), pytest.approx(0.05, abs=0.03))
    assert change <= 0.08
