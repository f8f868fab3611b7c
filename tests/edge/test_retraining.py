"""The null of retraining, and joules of calls: arithmetic that needs no model."""

from __future__ import annotations

import time

import pytest

from audit.edge.retraining import Flips, rank_among_seeds
from audit.edge.timing import measure_energy
from audit.energy.instruments.instrument import Reading
from audit.energy.ledger import Source
from audit.energy.meter import Meter
from audit.gates.compressed import FEWEST_SEEDS

SEEDS = {"seed1": Flips(1_435, 1_529), "seed2": Flips(2_270, 2_198), "seed3": Flips(1_622, 1_705)}
"""Of 60,000 people of the census, three other seeds of the full recipe against it."""


def test_a_distilled_model_changes_less_than_another_seed_and_loses_more():
    distilled = Flips(1_166, 912)
    found = rank_among_seeds(distilled, SEEDS)
    assert (distilled.churn, distilled.net_loss) == (2_078, 254)
    assert found.seeds == {"seed1": (2_964, -94), "seed2": (4_468, 72), "seed3": (3_327, -83)}
    assert found.churn_p == 1
    assert found.net_loss_p == 1 / 4


@pytest.mark.parametrize("m", [1, 3, 5, 19])
def test_a_rank_cannot_go_under_one_in_all(m):
    seeds = {f"s{at}": Flips(10, 10) for at in range(m)}
    found = rank_among_seeds(Flips(500, 0), seeds)
    assert found.churn_p == found.net_loss_p == 1 / (m + 1)


def test_a_tie_is_no_surprise():
    assert rank_among_seeds(Flips(10, 10), {"s": Flips(10, 10)}).churn_p == 1
    assert FEWEST_SEEDS == 5


class Steady:
    """Hardware that draws ten watts of its processor by a counter, and has no reading of its memory."""

    def __init__(self, watts):
        self.watts, self.reason, self.began = watts, None, None

    def start(self):
        self.began = time.monotonic()

    def read(self):
        if self.watts is None:
            return None
        now = time.monotonic()
        source = Source(component="cpu", method="counter", detail="a steady counter")
        drawn = {"cpu": self.watts * (now - self.began)}
        return Reading(total_j=drawn, sources={"cpu": source}, version="steady 1", began_s=now, ended_s=now)

    def stop(self):
        self.began = None

    def abandon(self):
        return False


def test_joules_are_those_of_the_meter_for_a_thousand_predictions():
    def call():
        time.sleep(0.01)

    found = measure_energy(call, 8, 0.3, lambda: Meter(instrument=Steady(10.0)))
    calls = found.predictions / 8
    assert 5 <= calls <= 30
    (row,) = found.components
    assert (row.component, row.method) == ("cpu", "counter")
    assert row.energy_j > 1  # ten watts for at least 0.3 s, of which the meter may see only a part on a busy machine
    assert found.j_per_1000 == pytest.approx(1000 * row.energy_j / found.predictions)


def test_joules_that_no_meter_read_are_none_and_never_nought():
    found = measure_energy(lambda: None, 1, 0.05, lambda: Meter(instrument=Steady(None)))
    assert found.predictions > 0
    assert found.j_per_1000 is None
    assert {row.energy_j for row in found.components} == {None}
