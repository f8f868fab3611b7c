"""A drill on a terminal: how long the page is, what limits are called, and in which order they stand."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from sample_results import boston

from audit.config.read import read_question
from audit.faults.drill import Drill
from audit.faults.fault import FAULTS
from audit.faults.found import Tally, make_curve, make_drilled, make_refused
from audit.gates.judge import expand_rules
from audit.gates.verdicts import order_worst_first
from audit.pipeline.drill.counts import NO_METER, NO_ROWS_HERE
from audit.pipeline.drill.run import OWN_COLUMNS
from audit.record.result import name_verdict
from audit.report.terminal.drill import print_drill
from audit.report.terminal.limits import name_limit

RESULT = boston()
GROUPS = {"race": "hispanic", "sex": "female"}
QUIET = Tally(0.9, (0, 100, 0, 0, 0))
# What the six limits on groups of the demonstration do without a fault, and whether they have blind spots.
SHAPES = (
    (Tally(0.9, (98, 0, 2, 0, 0)), False),
    (Tally(0.9, (17, 0, 83, 0, 0)), False),
    (Tally(0.9, (28, 0, 72, 0, 0)), False),
    (Tally(0.1, (3, 0, 97, 0, 0)), False),
    (Tally(0.1, (0, 100, 0, 0, 0)), True),
    (QUIET, True),
)


def drill_everything():
    """Every limit of the sample, six of them as those of the demonstration come out, two not drilled."""
    gates, shapes = [], iter(SHAPES)
    for rule in expand_rules(read_question(RESULT)):
        if not rule.by:
            gates.append(make_refused(rule, "pass", NO_ROWS_HERE if rule.stage == "checks" else NO_METER))
            continue
        zero, has_blind_spots = next(shapes)
        gates.append(make_drilled(rule, "pass", zero, () if zero.is_failing else plant(rule, has_blind_spots)))
    asked = {"run": RESULT.run.id, "audit": "sha256:0", "version": "0", "seeds": 100, "seed": 0, "faults": ()}
    return Drill(**asked, gates=tuple(gates), notes=(OWN_COLUMNS,))


def plant(rule, has_blind_spots):
    group, value = tuple(GROUPS[name] for name in rule.by), 0.24 if rule.max is not None else 0.67
    found = make_curve(rule, FAULTS["withheld"], rule.by, group, [(0.15, Tally(value, (92, 0, 8, 0, 0)))])
    names = ("flipped", "renamed", "duplicated") if has_blind_spots else ()
    return (found, *(make_curve(rule, FAULTS[name], rule.by, group, [(1.0, QUIET)]) for name in names))


def show(drill=None, *, whole=False, width=80):
    written = io.StringIO()
    console = Console(file=written, width=width, color_system=None)
    print_drill(drill or drill_everything(), RESULT, Path("audit-runs/run"), console, whole=whole)
    return written.getvalue()


def test_eight_limits_stand_on_one_screen():
    lines = show().splitlines()
    assert len(drill_everything().gates) == 8
    assert len(lines) <= 40
    assert all(len(line) <= 80 for line in lines)


def test_limits_stand_as_elsewhere_on_a_terminal_the_worst_first():
    gates = order_worst_first(RESULT.gates)
    drill = drill_everything()
    verdicts = {gate.name: gate.verdict for gate in gates}
    page = show(replace(drill, gates=tuple(replace(gate, verdict=verdicts[gate.name]) for gate in drill.gates)))
    said = [f"{name_verdict(gate.verdict)}  {name_limit(gate)}, " for gate in gates if gate.estimate.by]
    places = [page.index(words) for words in (*said, "Not drilled")]
    assert places == sorted(places)
    assert "model." not in page


def test_all_names_every_fault_and_every_limit_as_audit_toml_does():
    page = " ".join(show(whole=True).split())
    assert "Hispanic renamed: not found up to 100% of its rows" in page
    for gate in order_worst_first(RESULT.gates):
        assert gate.name.startswith(("checks", "energy")) or f"name: {gate.name}" in page


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_width_breaks_a_mark(width):
    assert "! It passes in most copies" in show(width=width)
