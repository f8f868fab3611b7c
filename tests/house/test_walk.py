"""What one audit loads and calls; the limits are what was reached, and only ever go down."""

from __future__ import annotations

import pytest
from house.test_imports import rank
from house.walk import Walk, walk

MOST_LOADED = 151
MOST_CALLS = 91_000
CLIMBS = {
    ("audit.measurement.inference.confusion", "audit.measurement.metrics.benefits"),
    ("audit.measurement.inference.confusion", "audit.measurement.metrics.confusion"),
    ("audit.measurement.inference.rising", "audit.measurement.metrics.benefits"),
}
"""The formula of a metric, handed to what bounds it. One that is no longer needed fails."""
NOT_NEEDED = ("audit.checks.rules", "audit.energy", "audit.measurement.ranking", "audit.measurement.scores")
"""Rooms that a question about predictions of two classes has nothing to do with."""


@pytest.fixture(scope="module")
def walked(tmp_path_factory) -> Walk:
    """One audit of 300 predictions, by the command."""
    return walk(tmp_path_factory.mktemp("walk"))


def test_an_audit_loads_what_it_needs(walked):
    assert not [module for module in walked.loaded if module.startswith(NOT_NEEDED)]
    assert len(walked.loaded) <= MOST_LOADED


def test_an_audit_makes_few_calls(walked):
    assert sum(walked.calls.values()) <= MOST_CALLS


def test_no_room_calls_a_later_one(walked):
    ours = {pair for pair in walked.calls if all(name.startswith("audit.") for name in pair)}
    assert {(caller, called) for caller, called in ours if rank(called) > rank(caller)} == CLIMBS
