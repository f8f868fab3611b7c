"""Every number on the page of groups is that of audit.json to the printed digit, over all groupings and metrics."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import sample_results

import audit
from audit.measurement.metrics.catalogue import figure_of
from audit.report.card.render import make_environment
from audit.report.dashboard.choices import list_choices
from audit.report.dashboard.groups import Asked, make_groups_view

NUMBER = re.compile(r"[−-]?\d[\d,]*(?:\.\d+)?")
ROW = re.compile(r"<tr[^>]*><th scope=\"row\">(.*?)</th>(.*?)</tr>", re.DOTALL)


def several_classes():
    rng = np.random.default_rng(3)
    y, p = rng.integers(0, 3, 600), rng.integers(0, 3, 600)
    return audit.measure(y, p, groups={"g": rng.choice(["a", "b"], 600)}, task="multiclass")


def regression():
    rng = np.random.default_rng(4)
    y = rng.normal(size=500)
    return audit.measure(y, y + rng.normal(size=500), groups={"g": rng.choice(["a", "b"], 500)}, task="regression")


def parse(text):
    """Return what numbers of a text say, and how many digits each has after the point."""
    found = [n.replace("−", "-").replace(",", "") for n in NUMBER.findall(text)]
    return [(float(n), len(n.partition(".")[2])) for n in found]


@pytest.mark.parametrize("made", [sample_results.boston, sample_results.hostile, several_classes, regression])
def test_every_number_of_every_group_is_that_of_the_record(made):
    result = made()
    choices, record = list_choices(result), json.loads(result.to_json())
    known = {
        (e["metric"], tuple(e["by"]), tuple(e["group"])): e
        for e in record["estimates"]
        if e["group"] and (e["stage"], e["compare"], e["reference"], e["outcome"]) == (choices.stage, None, None, None)
    }
    template = make_environment("html").get_template("dashboard/tables.html.j2")
    compared = 0
    for name, by in choices.groupings.items():
        for metric in choices.metrics[name]:
            view = make_groups_view(result, choices, by, metric, Asked())
            there = [e for key, e in known.items() if key[:2] == (metric, by)]
            drawn = ROW.findall(template.render(tables=[view.table], id="t"))
            assert len(drawn) == len(there)
            scale = 100.0 if figure_of(metric) in {"share", "points"} else 1.0
            # Rows without a group stand last.
            for (_, cells), e in zip(drawn, sorted(there, key=lambda e: None in e["group"]), strict=True):
                cell = cells.rpartition("<td")[2]
                value = re.search(r'<span class="v">(.*?)</span>', cell, re.DOTALL)[1]
                if e["value"] is None:
                    assert "undefined" in value
                    continue
                expected = [e["value"], *(end for end in (e["low"], e["high"]) if end is not None)]
                interval = re.search(r'<span class="i">(.*?)</span>', cell, re.DOTALL)
                said = [*parse(value)[:1], *(parse(interval[1]) if interval else [])]
                assert len(said) == len(expected) or not interval
                for (number, digits), of in zip(said, expected, strict=False):
                    assert abs(number - scale * of) <= 0.5000001 * 10.0**-digits
                    compared += 1
    assert compared > 20


@pytest.mark.parametrize("unit", [False, True])
def test_a_comparison_joins_both_intervals_and_allows_for_people_that_groups_share(unit):
    rng = np.random.default_rng(5)
    y, p, g = rng.integers(0, 2, 400), rng.integers(0, 2, 400), np.repeat(["a", "b"], [120, 280])
    result = audit.measure(y, p, groups={"g": g}, **({"unit": np.arange(400) % 90} if unit else {}))
    view = make_groups_view(result, list_choices(result), ("g",), "selection_rate", Asked(reference=("a",)))
    one, other = (next(e for e in result.estimates if e.metric == "selection_rate" and e.group == (k,)) for k in "ab")
    # Newcombe (1998), method 10: distances are squared and added; where rows may be of one person, added as they are.
    power = 1.0 if unit else 2.0
    apart = other.value - one.value
    low = apart - ((other.value - other.low) ** power + (one.high - one.value) ** power) ** (1 / power)
    high = apart + ((other.high - other.value) ** power + (one.value - one.low) ** power) ** (1 / power)
    cell = view.table.rows[1].cells[-1]
    numbers = [n for n, _ in (*parse(cell.text)[:1], *parse(cell.interval))]
    assert numbers == pytest.approx([100 * apart, 100 * low, 100 * high], abs=0.0501)
