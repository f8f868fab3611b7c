"""The fast subset of what docs/inference.md reports, against the same bounds; and the page that cards link to."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from simulations import (
    crowded,
    crowds,
    errors,
    floors,
    folds,
    gaps,
    losses,
    needed_data,
    net_changes,
    predictive,
    rates,
    scores,
    thin,
    units,
)
from simulations.page import Demand, Scale, Section, answer, at_least, at_most, table
from simulations.run import SIMULATIONS, page, updated

from audit.measurement.inference import means, pairs
from audit.measurement.inference.effective import folded
from audit.measurement.inference.intervals import quantile
from audit.measurement.inference.paired import net as paired
from audit.measurement.inference.paired import predictive as picked
from audit.measurement.inference.sample_size import needed

MODULES = (
    crowded,
    crowds,
    errors,
    floors,
    folds,
    gaps,
    losses,
    needed_data,
    net_changes,
    predictive,
    rates,
    scores,
    thin,
    units,
)
FAST = Scale(fast=True)
ANCHORS = (
    "One rate", "Differences and ratios", "Gaps over groups", "Rows that share a person, and weights", "Crossed units",
    "Noise floor", "Needed data", "AUC", "Crowded scores", "Calibration", "Many gates", "More than sixteen groups", "Another hash",
    "People with more rows", "Thin groups", "Losses of scores", "Errors of a prediction",
    "Net changes of paired answers", "Changes of predictive values",
)  # fmt: skip


@pytest.fixture(scope="module")
def sections():
    return {simulate: simulate(FAST) for simulate in SIMULATIONS}


@pytest.mark.parametrize("simulate", SIMULATIONS, ids=lambda s: s.__name__)
def test_every_bound_holds_on_the_fast_subset(sections, simulate):
    broken = [d for d in sections[simulate].demands if not d.held]
    assert not broken


def test_the_fast_subset_asks_what_the_full_run_asks(sections, root):
    text = (root / "docs" / "inference.md").read_text(encoding="utf-8")
    asked = [d.what for s in sections.values() for d in s.demands]
    assert len(asked) >= 25
    assert [what for what in asked if f"| {what} |" not in text] == []


def test_the_page_has_every_anchor_that_cards_link_to(sections, root):
    text = (root / "docs" / "inference.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [s.heading for s in sections.values()]
    assert set(ANCHORS) == {s.heading for s in sections.values()}
    assert "the full run" in text
    for link in re.findall(r"\]\(#([a-z-]+)\)", text):
        assert link in {re.sub(r"[^a-z ]", "", h.lower()).replace(" ", "-") for h in ANCHORS}


def test_the_page_of_a_fast_run_says_so(sections):
    assert "(the fast subset" in page(list(sections.values()), FAST)


def test_one_section_is_written_anew_and_the_rest_of_the_page_stays():
    first, second = (Section(h, f"{h} as it was.\n", [at_most(f"{h}: errors", 0.01, 0.05, None)]) for h in ("A", "B"))
    whole = page([first, second], FAST)
    assert updated(whole, first) == updated(whole, second) == whole
    assert updated(page([first], FAST), second) == whole
    anew = Section("A", "A as it is.\n", [at_most("A: errors", 0.02, 0.05, None), at_most("A: more", 0.0, 0.05, None)])
    assert updated(whole, anew) == page([anew, second], FAST)


def test_a_point_gate_fails_equal_groups_where_the_rule_does_not():
    found = gaps.verdicts(gaps.np.full(8, 0.5), (50,), "ratio", 0.8, 1000, gaps.generator(1))
    assert found.point_fails > 0.9
    assert found.fails < 0.05


def test_rows_of_one_person_taken_for_independent_would_not_cover():
    found = units.simulate(units.Design(200, 0.3, 0.8, "equal", crossed=False), 400, gaps.generator(2))
    assert found.naive[0] < 0.7
    assert found.covers[0] > 0.92


def test_a_bound_that_is_missed_is_said_to_be_missed():
    assert not at_most("x", 0.08, 0.05, 4000).held
    assert at_most("x", 0.055, 0.05, 4000).held
    assert not at_least("x", 0.929, 0.93, None).held
    assert not at_least("x", 0.91, 0.93, 4000).held


def test_yes_is_said_only_of_a_figure_that_keeps_its_bound():
    assert answer(at_least("x", 0.795, 0.8, 1000)) == "**no**, within two Monte-Carlo errors of it"
    assert answer(at_most("x", 0.055, 0.05, 4000)).startswith("**no**")
    assert answer(Demand("x", "at least 0.930", "0.9225 ± 0.0042", held=True)).startswith("**no**")
    assert answer(at_least("x", 0.93, 0.93, None)) == "yes"
    assert answer(Demand("x", "0", "0 of 3,000", held=True)) == "yes"


def too_sure(*counts):
    found = folded(*counts)
    return replace(found, n=2 * found.n)


def normal_limits(side, tail):
    reach = quantile(tail, side.df) * side.variance**0.5
    return side.total - reach, side.total + reach


def in_haste(*asked):
    found = needed(*asked)
    return found._replace(factor=0.8 * found.factor)


WRONG = (
    (pairs, "quantile", lambda *asked: 0.8 * quantile(*asked), rates.two_rates, "coverage of a difference"),
    (thin, "guarded", pairs.single, thin.thin_groups, "5 to 900 rows"),
    (units, "folded", too_sure, units.shared, "10 rows a person: coverage"),
    (floors, "between_variance", lambda p, n, *_: p.var(axis=-1, ddof=1), floors.noise, "signed between-group variance"),
    (needed_data, "needed", in_haste, needed_data.power, "power at the needed size"),
    (crowds, "needed", in_haste, crowds.crowds, "32 and 64 groups: power"),
    (folds, "NEAR", 0.0, folds.reseeded, "another hash"),
    (errors, "SCALES", {k: v._replace(more=None) for k, v in errors.SCALES.items()}, errors.errors, "errors of a prediction"),
    (paired, "SPREAD_FOLDS", 0.0, net_changes.net_changes, "net change with units"),
    (picked, "_bound_sum", normal_limits, predictive.predictive_changes, "change of precision, independent rows"),
    (picked, "_weigh_folds", lambda made, *_: made, predictive.predictive_changes, "change of precision with units"),
    (means, "quantile", lambda *asked: 0.8 * quantile(*asked), losses.losses, "losses of scores"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("where", "name", "other", "simulate", "missed"), WRONG, ids=lambda x: getattr(x, "__name__", None)
)
def test_a_recipe_that_is_wrong_misses_its_bound(monkeypatch, where, name, other, simulate, missed):
    monkeypatch.setattr(where, name, other)
    broken = [d.what for d in simulate(FAST).demands if not d.held]
    assert any(what.startswith(missed) for what in broken)


def test_a_rule_of_the_package_that_looks_at_pairs_uncorrected_is_not_simulated_as_if_it_were(monkeypatch):
    uncorrected = gaps.gap
    monkeypatch.setattr(gaps, "gap", lambda s, *asked: uncorrected(s, *asked, looks=2 / len(s.p) / (len(s.p) - 1)))
    for simulate in (gaps.gates, units.shared):
        with pytest.raises(ArithmeticError, match="differ from pairs.gap"):
            simulate(FAST)


def test_exact_coverage_of_one_cell_worked_by_hand():
    # one row each, both rates a half: every outcome's interval contains 0 and a ratio of 1
    assert rates.coverage(1, 1, 0.5, 0.0)[:2] == pytest.approx((1.0, 1.0))


def test_tables_are_markdown():
    assert table(("a", "b"), [(1, 0.5), ("x", float("nan"))]) == "| a | b |\n| --- | ---: |\n| 1 | 0.500 |\n| x | – |\n"


def test_the_modules_of_the_page_are_all_run():
    assert {s.__module__ for s in SIMULATIONS} == {m.__name__ for m in MODULES}
