"""Runs that are joined by a key: false alarms of equal models about the same people, and power at the planned size.

Decisions are drawn person by person as counts: a share of the people is decided anew, all others as before. The
correlation is estimated from each pair of runs, as it is of real ones.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from audit.axes import AGAINST, LABEL, PREDICTION
from audit.cube import Axis, Cube
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.measurement.rates.gap_changes import Before, Rates, bound_worsening, find_detectable
from audit.measurement.rates.same_rows import correlate_rates

READINGS = ("difference", "ratio", "lowest", "highest")
RATES = ("selection_rate", "true_positive_rate")
PEOPLE = {
    "a gap of two groups": ([0.4, 0.6], [400] * 2),
    "a gap of two rare rates": ([0.03, 0.1], [400] * 2),
    "six equal groups": ([0.3] * 6, [200] * 6),
    "uneven groups": (np.linspace(0.2, 0.6, 6), np.linspace(60, 900, 6).astype(int)),
}
PLANS = {
    "a gap": ([0.5, 0.6], [500] * 2),
    "no gap": ([0.5, 0.5], [500] * 2),
    "three groups": ([0.675, 0.775, 0.911], [197, 111, 1681]),
}
MOVED = (0.02, 0.1, 0.5)
"""Shares of the people about whom both models decide by themselves."""


def make_chances(p, moved, lost=0.0, gained=0.0):
    """Chances of new x earlier decision in a group whose earlier rate is p; who loses is drawn from all selected."""
    same = np.array([[1 - p, 0.0], [0.0, p]])
    alone = np.outer([1 - p, p], [1 - p, p])
    chances = (1 - moved) * same + moved * alone
    change = np.array([[1 - gained / (1 - p), lost / p], [gained / (1 - p), 1 - lost / p]])
    return change @ chances


def draw_runs(rng, chances, rows, metric):
    """Return the rates of two runs, and the correlation of each group's rate with itself."""
    counts = np.array([_draw_group(rng, each, n) for each, n in zip(chances, rows, strict=True)])
    names = tuple(map(str, range(len(rows))))
    axes = [Axis("group", names), *(Axis(name, ("0", "1")) for name in (LABEL, PREDICTION, AGAINST))]
    found = correlate_rates(Cube(axes, {"n": counts}), CATALOGUE[metric], ("group",))
    kept = counts[:, 1] if metric == "true_positive_rate" else counts.sum(axis=1)
    new, old = (_make_rates(kept.sum(axis=axis)) for axis in (2, 1))
    return new, Before(old, np.arange(len(rows)), np.array([found[name,] for name in names]))


def _draw_group(rng, chances, n):
    """Return counts of label x new x earlier decision; of 2 n people, half have the label by chance."""
    drawn = rng.multinomial(2 * n, np.concatenate([chances.ravel(), chances.ravel()]) / 2)
    return drawn.reshape(2, 2, 2)


def _make_rates(counts):
    n = counts.sum(axis=1).astype(float)
    return Rates(counts[:, 1] / n, n, np.full(len(n), np.inf), np.zeros(len(n), dtype=int))


def count_worse(p, rows, moved, reading, metric, pairs, lost=0.0, seed=1):
    rng, p = np.random.default_rng(seed), np.asarray(p, dtype=float)
    worst, rises = int(p.argmax() if reading == "highest" else p.argmin()), reading == "highest"
    chances = [make_chances(share, moved) for share in p]
    chances[worst] = make_chances(p[worst], moved, *((0.0, lost) if rises else (lost, 0.0)))
    runs = (draw_runs(rng, chances, rows, metric) for _ in range(pairs))
    return sum(bound_worsening(new, before, reading, 0.05) > 0 for new, before in runs) / pairs


def plan(p, rows, moved, reading):
    """Return the size that is planned beside a run that decided as an equal model would."""
    rows, p = np.asarray(rows, dtype=float), np.asarray(p, dtype=float)
    exact = Rates(p, 2 * rows, np.full(len(p), np.inf), np.zeros(len(p), dtype=int))
    r = np.full(len(p), 1 - moved)
    return find_detectable(exact, Before(exact, np.arange(len(p)), r), reading, 0.05)


def test_decisions_that_are_drawn_are_as_alike_as_they_are_meant_to_be():
    chances = make_chances(0.4, 0.1)
    assert chances.sum(axis=0) == pytest.approx([0.6, 0.4])
    assert chances.sum(axis=1) == pytest.approx([0.6, 0.4])
    assert (chances[1, 1] - 0.16) / 0.24 == pytest.approx(0.9)
    assert make_chances(0.4, 0.1, lost=0.05).sum(axis=1) == pytest.approx([0.65, 0.35])
    _, before = draw_runs(np.random.default_rng(1), [chances] * 2, [20_000] * 2, "selection_rate")
    assert before.r == pytest.approx([0.9, 0.9], abs=0.01)


@pytest.mark.parametrize("metric", RATES)
def test_equal_models_about_the_same_people_are_seldom_called_worse(metric):
    # Of 300, 23 or more would have a chance of 1 in 100 at an error of .05.
    assert count_worse(*PEOPLE["a gap of two groups"], 0.1, "difference", metric, pairs=300) <= 23 / 300


def test_a_worsening_of_the_planned_size_is_found_among_the_same_people():
    p, rows = PLANS["a gap"]
    planned = plan(p, rows, 0.1, "difference")
    assert 0.03 < planned < 0.1
    assert count_worse(p, rows, 0.1, "difference", "selection_rate", 300, lost=planned) >= 0.87
    assert count_worse(p, rows, 0.1, "difference", "selection_rate", 300, lost=planned / 3) < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("metric", RATES)
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("moved", MOVED)
@pytest.mark.parametrize("case", PEOPLE)
def test_of_a_thousand_pairs_of_equal_models_five_in_a_hundred_are_called_worse_at_most(case, moved, reading, metric):
    found = count_worse(*PEOPLE[case], moved, reading, metric, pairs=1000, seed=2)
    assert found <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 1000)


@pytest.mark.slow
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("moved", MOVED)
@pytest.mark.parametrize("case", PLANS)
def test_a_worsening_of_the_planned_size_is_found_in_nine_of_ten_pairs(case, moved, reading):
    p, rows = PLANS[case]
    planned = plan(p, rows, moved, reading)
    assert planned is not None
    found = count_worse(p, rows, moved, reading, "selection_rate", pairs=1000, lost=planned, seed=3)
    assert found >= 0.9 - 2 * math.sqrt(0.09 / 1000)
