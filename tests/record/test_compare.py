"""Two results side by side, and a result as a table for pandas."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sample_results as samples
from card_page import Page

import audit
from audit.record.compare import Comparison


def decide(seed, cut, **more):
    rng = np.random.default_rng(seed)
    groups = np.resize(["a", "b"], 800)
    y, score = rng.integers(0, 2, 800), rng.random(800) * np.where(groups == "a", 0.8, 1.0)
    return audit.measure(y, (score >= cut).astype(int), groups={"race": groups}, **more)


def of_file(result, digest):
    return replace(result, data=tuple(replace(part, digest=digest) for part in result.data))


def distances(e):
    return e.value - e.low, e.high - e.value


def change_of(found, metric, group):
    return next(c for c in found.rates if c.old.metric == metric and c.old.group == group)


def test_rates_of_different_files_are_compared_as_independent_samples():
    old, new = of_file(decide(1, 0.5), "sha256:1"), of_file(decide(2, 0.3), "sha256:2")
    found = audit.compare(old, new)
    change = change_of(found, "selection_rate", ("a",))
    (down, _), (_, up) = distances(change.new), distances(change.old)
    assert change.low == pytest.approx(change.value - math.hypot(down, up))
    assert found.independent
    assert "treating the two runs as independent samples" in str(found)


@pytest.mark.parametrize("digest", [None, "sha256:1"])
def test_rates_of_rows_that_may_be_the_same_allow_for_any_dependence(digest):
    """New decisions that are the opposite of the old depend on them as far as can be: the spread of both adds."""
    frame = {"race": np.resize(["a", "b"], 800)}
    y, p = np.resize([0, 1, 1], 800), np.resize([0, 1, 0, 0, 1], 800)
    old, new = (of_file(audit.measure(y, d, groups=frame), digest) for d in (p, 1 - p))
    change = change_of(audit.compare(old, new), "selection_rate", ("a",))
    wide = (change.high - change.low) / 2
    assert wide == pytest.approx(change.old.high - change.old.low)
    said = str(audit.compare(old, new))
    assert not any(words in said for words in ("independent", "different people"))
    assert ("may share rows" if digest is None else "read the same file") in said


def test_a_result_is_as_it_was_beside_itself():
    found = audit.compare(samples.boston(), samples.boston())
    assert not found.beyond
    assert all(gate.same for gate in found.gates)
    assert repr(found).startswith("Comparison: FAIL -> FAIL, 0 of 8 verdicts changed, 0 of ")


def test_it_says_in_print_and_in_a_notebook_what_changed():
    gates = ["selection_rate ratio >= 0.8"]
    old, new = decide(1, 0.5, gates=gates), decide(1, 0.05, gates=gates)
    found = audit.compare(old, new)
    assert isinstance(found, Comparison)
    lines = str(found).splitlines()
    gate = next(line for line in lines if "model.selection_rate.ratio.race" in line)
    assert gate.startswith("  CHANGED  ")
    assert " -> PASS (0.9" in gate
    change = change_of(found, "selection_rate", ("a",))
    said = next(line for line in lines if line.startswith("  selection rate, race a (model): "))
    assert (
        f": {100 * change.old.value:.1f}% -> {100 * change.new.value:.1f}%, +{100 * change.value:.1f} points [" in said
    )
    page = Page(found._repr_html_())
    assert page.faults == []
    assert not {t for t, _ in page.elements} & {"html", "style", "script", "link"}
    assert "-> PASS" in page.words
    assert f"+{100 * change.value:.1f} points [" in page.words


def test_runs_of_a_store_are_named_and_those_in_memory_are_not():
    found = audit.compare(decide(1, 0.5), decide(2, 0.3))
    assert "memory" not in str(found) + found._repr_html_()
    first, second = "20261130T014322Z-2207f7", "20261130T020810Z-f5e2b1"
    old, new = (replace(r, run=replace(r.run, id=i)) for r, i in ((found.old, first), (found.new, second)))
    recorded = audit.compare(old, new)
    assert str(recorded).startswith(f"{first} -> {second}: NOT JUDGED -> NOT JUDGED")
    assert f"{first} -> {second}: NOT JUDGED" in Page(recorded._repr_html_()).words


def test_a_verdict_is_called_as_people_read_it():
    old = replace(samples.unjudged(), verdict="insufficient")
    assert "INCONCLUSIVE -> NOT JUDGED" in str(audit.compare(old, samples.unjudged()))


def test_other_configurations_and_groups_are_said():
    frame = {"race": np.resize(["a", "b", "c"], 300)}
    y = np.resize([0, 1], 300)
    other = audit.measure(y, y, groups=frame, gates=["selection_rate ratio >= 0.5"])
    found = audit.compare(decide(1, 0.5), other)
    assert "The two runs have different configurations; only what both measured is compared." in str(found)
    assert "no such limit -> PASS" in str(found)
    assert "only in the second: selection rate, race c (model)" in str(found)
    assert any("race c" in name for name in found.only_new)
    assert "only in the second" in Page(found._repr_html_()).words


def test_its_table_has_a_row_for_each_rate():
    found = audit.compare(samples.boston(), samples.boston())
    frame = found.to_frame()
    assert len(frame) == len(found.rates)
    row = frame[(frame.metric == "selection_rate") & (frame.group == "black x female") & (frame.stage == "model")]
    assert row[["race", "sex", "change", "beyond_chance"]].to_numpy().tolist() == [["black", "female", 0.0, False]]
    empty = audit.compare(samples.boston(), replace(samples.boston(), estimates=())).to_frame()
    assert list(empty.columns)[:4] == ["stage", "metric", "by", "group"]
    assert empty.empty


@pytest.mark.parametrize("given", ["run", None, 3])
def test_what_is_no_result_is_refused_by_name(given):
    with pytest.raises(audit.QuestionError, match=r"new must be a result, not \w+; audit.read_result\(path\) reads"):
        audit.compare(samples.boston(), given)
    with pytest.raises(audit.QuestionError, match="old must be a result"):
        audit.compare(given, samples.boston())


# ----- a result as a table


def test_a_table_is_flat():
    frame = samples.boston().to_frame()
    assert len(frame) == len(samples.boston().estimates)
    for name in frame:
        kinds = {type(value) for value in frame[name].dropna()}
        assert kinds <= {str} or kinds <= {float}, name


def test_every_number_stands_beside_its_group():
    result = samples.boston()
    frame = result.to_frame()
    for e, row in zip(result.estimates, frame.itertuples(), strict=True):
        assert (e.stage, e.metric, e.status) == (row.stage, row.metric, row.status)
        for name in ("value", "low", "high", "n", "numerator", "denominator"):
            assert getattr(row, name) == getattr(e, name) or (getattr(e, name) is None and pd.isna(getattr(row, name)))
        named = dict(zip(e.by, e.group or (), strict=False))
        for column in ("race", "sex"):
            wanted = named.get(column) or ("(missing)" if column in named else None)
            assert getattr(row, column) == wanted or (wanted is None and pd.isna(getattr(row, column)))


def test_groups_are_found_as_pandas_users_look_for_them():
    frame = samples.boston().to_frame()
    rates = frame[frame["compare"].isna() & (frame.stage == "model") & (frame.metric == "selection_rate")]
    wide = rates[rates.by == "race x sex"].pivot(index="race", columns="sex", values="value")
    assert wide.loc["black", "female"] == pytest.approx(27 / 51)
    assert rates[rates.group == "overall"].by.tolist() == [""]
    assert rates[rates.group == "black x female"].n.tolist() == [51]
    assert rates[(rates.by == "sex") & (rates.sex == "(missing)")].n.tolist() == [15]


def test_a_comparison_of_all_groups_has_no_group_and_names_its_pair():
    frame = samples.boston().to_frame()
    apart = frame[(frame.metric == "selection_rate") & (frame["compare"] == "ratio") & (frame.by == "race")]
    of_all = apart[apart.group.isna()]
    assert of_all.pair.tolist() == ["black v. white"]
    assert of_all.race.isna().all()


def test_a_group_column_that_is_called_like_a_column_of_the_table_says_so():
    y = np.resize([0, 1, 1], 90)
    frame = audit.measure(y, y, groups={"n": np.resize(["1", "2"], 90), "value": np.resize(["u", "v"], 90)}).to_frame()
    assert set(frame["n (group)"].dropna()) == {"1", "2"}
    assert set(frame["value (group)"].dropna()) == {"u", "v"}
    assert frame.n.dtype == "float64"


def test_an_undefined_number_is_missing_and_has_its_reason():
    frame = samples.undefined_rates().to_frame()
    south = frame[(frame.metric == "false_positive_rate") & (frame.group == "south") & frame["compare"].isna()]
    assert south.value.isna().all()
    assert south.reason.str.contains("no rows with label").all()
