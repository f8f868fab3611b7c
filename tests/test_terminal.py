"""What a person reads: the verdict first, every group with its n, plain without a terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
import sample_results
from rich.console import Console

from audit.publish.terminal import summary


def printed(result, width=80, **more):
    out = io.StringIO()
    summary(result, Console(file=out, width=width, highlight=False), **more)
    return out.getvalue()


def test_the_first_line_is_the_verdict_and_who_against_whom():
    text = printed(sample_results.boston())
    head = " ".join(text.split("\nExit code")[0].split())
    assert head.startswith(
        "FAIL: Selection rate by race: black 0.513 (n 197) against white 0.797 (n 1,681), ratio 0.644 [0.556, 0.751]"
    )
    assert "at least 0.8" in head
    assert "Exit code 1: a gate failed." in text


def test_nothing_judged_says_so_first():
    text = printed(sample_results.unjudged())
    assert text.startswith("NOT JUDGED: no gate was asked for.")
    assert "nothing has passed" in text


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_no_line_is_wider_than_the_terminal(width):
    assert max(map(len, printed(sample_results.boston(), width).splitlines())) <= width


def test_small_groups_and_rows_without_a_group_stay_in_the_table():
    text = printed(sample_results.boston(), 100)
    assert "(sex missing)" in text
    assert "15*" in text
    assert "too few to judge" in text
    assert "15 (0.8%) have no sex" in text


def test_energy_says_how_it_was_found_and_for_which_grid():
    text = " ".join(printed(sample_results.boston(), 100).split())
    assert "kWh" in text
    assert "measured by a counter" in text
    assert "grid 369" in text


def test_an_energy_that_was_not_measured_is_never_a_zero():
    result = sample_results.boston()
    unmeasured = replace(result.energy, energy_kwh=None, carbon_g=None, note="no meter answered")
    text = printed(replace(result, energy=unmeasured))
    assert "not measured: no meter answered" in text
    assert "0 kWh" not in text


def test_the_last_line_is_the_next_command():
    text = printed(sample_results.boston(), folder=Path("audit-runs/x"), next_command="audit dashboard")
    assert text.rstrip().splitlines()[-1].split(maxsplit=1) == ["Next", "audit dashboard"]
    assert "audit-runs/x/card.html" in text


def test_names_from_the_data_cannot_steer_the_terminal():
    text = printed(sample_results.hostile())
    assert "\x1b" not in text
    assert all(c.isprintable() or c == "\n" for c in text)


def test_without_a_terminal_there_is_no_colour():
    assert "\x1b[" not in printed(sample_results.boston())


def test_a_gate_that_is_not_settled_says_how_much_more_data_would_settle_it():
    result = sample_results.boston()
    gates = tuple(replace(g, needed_n=2.6) if g.verdict == "insufficient" else g for g in result.gates)
    assert "about 2.6 times the data" in " ".join(printed(replace(result, gates=gates), 120).split())
