"""A drill of recorded counts: sizes are recovered by another way, curves rise, and a stopped drill goes on to the byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
from sample_results import BOSTON

import audit
from audit.config.read import read_question
from audit.errors import InputError, QuestionError, StoreError
from audit.faults.drill import DRILL, read_drill
from audit.faults.fault import choose_faults
from audit.faults.plant import Planting
from audit.faults.schema import write_drill_schema
from audit.pipeline.drill import keep
from audit.pipeline.drill.counts import find_looked
from audit.pipeline.drill.run import DrillJob, drill, find_drill

GATES = ("selection_rate difference <= 0.4", "true_positive_rate difference <= 0.3", "selection_rate ratio >= 0.5")


def make_rows():
    """One row an application, as the counts of the sample say."""
    rows = []
    for (race, sex), four in BOSTON.items():
        for at, n in enumerate(four):
            rows += [(race, sex or "unknown", at // 2, at % 2)] * n
    return pd.DataFrame(rows, columns=["race", "sex", "label", "prediction"])


ROWS = make_rows()


def measure(rows, groups=("race",), gates=GATES, **asked):
    return audit.measure(rows["label"], rows["prediction"], groups=rows[list(groups)], gates=gates, **asked)


def keep_in(folder, result):
    folder.mkdir(exist_ok=True)
    (folder / "audit.json").write_text(result.to_json())
    return folder


def run(folder, result, faults=("withheld",), sizes=(0.1, 0.3, 0.6), seeds=20, **asked):
    chosen = choose_faults(faults, sizes)
    return drill(DrillJob(result=result, folder=keep_in(folder, result), faults=chosen, seeds=seeds, **asked))


def gate_of(found, name):
    return next(gate for gate in found.gates if gate.name == name)


def curve_of(gate, group, fault="withheld"):
    return next(curve for curve in gate.curves if curve.group == group and curve.fault == fault)


def gap(rows, column="prediction"):
    rates = rows.groupby("race")[column].mean()
    return rates.max() - rates.min()


def test_the_planted_size_is_recovered_from_rows_that_are_drawn_by_pandas(tmp_path):
    found = run(tmp_path / "run", measure(ROWS))
    points = curve_of(gate_of(found, "model.selection_rate.difference.race"), ("black",)).points
    rng = np.random.default_rng(7)
    for point in points:
        gaps = []
        for _ in range(100):
            rows = ROWS.copy()
            withheld = (rows["race"] == "black") & (rng.random(len(rows)) < point.size)
            rows.loc[withheld, "prediction"] = 0
            gaps.append(gap(rows))
        assert abs(np.mean(gaps) - point.value) < 4 * np.std(gaps) / np.sqrt(len(gaps))


def test_flipped_labels_are_recovered_from_rows_that_are_drawn_by_numpy(tmp_path):
    found = run(tmp_path / "run", measure(ROWS), faults=("flipped",))
    for point in curve_of(gate_of(found, "model.true_positive_rate.difference.race"), ("black",), "flipped").points:
        rng, gaps = np.random.default_rng(11), []
        for _ in range(100):
            flips = (ROWS["race"] == "black").to_numpy() & (rng.random(len(ROWS)) < point.size)
            label = np.where(flips, 1 - ROWS["label"], ROWS["label"])
            gaps.append(gap(ROWS[label == 1]))
        # A rate of a drawn number of rows, and the largest of three gaps, are a little off their expected counts.
        assert abs(np.mean(gaps) - point.value) < 4 * np.std(gaps) / np.sqrt(len(gaps)) + 0.005


@pytest.mark.parametrize(
    ("fault", "change"),
    [
        ("dropped", lambda rows: rows[rows["race"] != "black"]),
        ("renamed", lambda rows: rows.replace({"race": {"black": "black (renamed)"}})),
        ("missing", lambda rows: rows.replace({"race": {"black": None}})),
        ("duplicated", lambda rows: pd.concat([rows, rows])),
        ("withheld", lambda rows: rows.assign(prediction=rows["prediction"].where(rows["race"] != "black", 0))),
        ("flipped", lambda rows: rows.assign(label=rows["label"].where(rows["race"] != "black", 1 - rows["label"]))),
    ],
)
def test_a_fault_of_the_largest_size_is_judged_as_an_audit_of_the_changed_rows(fault, change):
    result, changed = measure(ROWS), measure(change(ROWS))
    looked, refused = find_looked(result, read_question(result))
    assert not refused
    known = {gate.name: gate for gate in changed.gates}
    by, group = ((), ()) if fault == "duplicated" else (("race",), ("black",))
    for one in looked:
        planted = one.plant(one.kinds, Planting(fault=fault, by=by, group=group, size=1.0), np.random.default_rng(0))
        for gate in one.judge(planted):
            wanted = known[gate.name]
            assert gate.verdict == wanted.verdict
            assert (gate.low, gate.high) == pytest.approx((wanted.low, wanted.high))
            assert gate.estimate.value == pytest.approx(wanted.estimate.value)


def test_curves_rise_and_without_a_fault_a_limit_that_passes_is_silent(tmp_path):
    found = run(tmp_path / "run", measure(ROWS), sizes=(0.1, 0.3, 0.5, 0.7), seeds=40)
    for gate in found.gates:
        assert gate.verdict == "pass"
        assert gate.without_fault.share <= 0.05
        shares = [gate.without_fault.share, *(point.share for point in curve_of(gate, ("black",)).points)]
        assert all(after >= before - 0.1 for before, after in pairwise(shares))
        assert shares[-1] == 1.0
        assert curve_of(gate, ("black",)).found_from is not None


def test_a_limit_that_fails_already_is_said_plainly_and_not_drilled(tmp_path):
    found = run(tmp_path / "run", measure(ROWS, gates=("selection_rate difference <= 0.05",)))
    (gate,) = found.gates
    assert gate.curves == ()
    assert gate.sentence == "Without a fault it fails in 20 of 20 copies, so no fault was planted."


def test_a_limit_that_reads_no_labels_is_given_no_flipped_ones(tmp_path):
    found = run(tmp_path / "run", measure(ROWS), faults=("flipped",))
    assert gate_of(found, "model.selection_rate.difference.race").curves == ()
    assert gate_of(found, "model.true_positive_rate.difference.race").curves


def test_a_reference_group_that_is_gone_is_refused_as_an_audit_refuses_it(tmp_path):
    result = measure(ROWS, reference={"race": "black"})
    found = run(tmp_path / "run", result, faults=("dropped",), sizes=(1.0,))
    (point,) = curve_of(found.gates[0], ("black",), "dropped").points
    assert (point.refused, point.value) == (20, None)
    with pytest.raises(QuestionError, match="no group 'black'"):
        measure(ROWS[ROWS["race"] != "black"], reference={"race": "black"})


def test_missing_labels_and_predictions_are_refused_as_an_audit_refuses_them(tmp_path):
    result = measure(ROWS, gates=GATES[1:2])
    found = run(tmp_path / "run", result, faults=("unlabelled", "unpredicted"), sizes=(0.5,), seeds=5)
    (gate,) = found.gates
    for fault, column in (("unlabelled", "label"), ("unpredicted", "prediction")):
        curve = curve_of(gate, ("black",), fault)
        assert [(point.refused, point.fails) for point in curve.points] == [(5, 0)]
        assert curve.sentence.endswith(" black missing: refused, the audit stops with exit code 2.")
        rows = ROWS.astype({column: "Int64"})
        rows.loc[rows["race"].eq("black").idxmax(), column] = pd.NA
        with pytest.raises(InputError, match="missing"):
            measure(rows, gates=GATES[1:2])
    assert "The audit refuses missing labels and missing predictions (exit code 2)." in found.notes


def test_a_missing_score_is_refused_too():
    score = np.linspace(0.01, 0.99, len(ROWS))
    score[7] = np.nan
    with pytest.raises(InputError, match="missing"):
        audit.measure(ROWS["label"], score=score, groups=ROWS[["race"]], gates=GATES[:1])


def test_groups_that_the_policy_leaves_out_are_left_out_of_copies(tmp_path):
    result = measure(ROWS, least_rows=150)
    found = run(tmp_path / "run", result, sizes=(0.3,), seeds=5)
    gate = gate_of(found, "model.selection_rate.difference.race")
    assert gate.without_fault.value == next(g for g in result.gates if g.name == gate.name).estimate.value
    assert gate.without_fault.copies == 5


def test_units_are_drawn_by_folds(tmp_path):
    rows = pd.concat([ROWS.assign(person=np.arange(len(ROWS)))] * 3)
    result = measure(rows, unit=rows["person"])
    found = run(tmp_path / "run", result, sizes=(0.3,), seeds=5)
    assert any("folds of the unit" in note for note in found.notes)
    assert found.gates[0].without_fault.copies == 5


def test_a_drill_that_was_stopped_goes_on_to_the_byte(tmp_path, monkeypatch):
    monkeypatch.setattr(keep, "EVERY_S", 0.0)
    result, said = measure(ROWS), []

    def stop(words):
        said.append(words)
        if len(said) == 5:
            raise KeyboardInterrupt

    run(tmp_path / "whole", result)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped", result, say=stop)
    assert not (tmp_path / "stopped" / DRILL).exists()
    assert (tmp_path / "stopped" / keep.PART).exists()
    run(tmp_path / "stopped", result)
    assert (tmp_path / "stopped" / DRILL).read_bytes() == (tmp_path / "whole" / DRILL).read_bytes()
    assert not (tmp_path / "stopped" / keep.PART).exists()


def test_cells_of_another_drill_are_not_taken(tmp_path, monkeypatch):
    result = measure(ROWS)
    folder = keep_in(tmp_path / "run", result)
    (folder / keep.PART).write_text('{"question": {"seed": 99}, "cells": {"x": [[1, 2]]}}')
    assert keep.Kept.open(folder, {"seed": 0}).cells == {}
    (folder / keep.PART).write_text("{")
    assert keep.Kept.open(folder, {"seed": 0}).cells == {}


KILLED = """
import os, signal, sys
from pathlib import Path
from audit.faults.fault import choose_faults
from audit.faults.schema import write_drill_schema
from audit.pipeline.drill import keep
from audit.pipeline.drill.run import DrillJob, drill, find_drill
from audit.record.reader import read_result
keep.EVERY_S, folder, said = 0.0, Path(sys.argv[1]), []
def kill(words):
    said.append(words)
    if len(said) == 6:
        os.kill(os.getpid(), signal.SIGKILL)
drill(DrillJob(result=read_result(folder), folder=folder, faults=choose_faults(["withheld"], (0.1, 0.3, 0.6)), seeds=20, say=kill))
"""


@pytest.mark.slow
def test_a_drill_that_was_killed_goes_on_to_the_byte(tmp_path):
    result = measure(ROWS)
    run(tmp_path / "whole", result)
    folder = keep_in(tmp_path / "killed", result)
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder)], timeout=120, env=os.environ, check=False)
    assert done.returncode == -9
    assert (folder / keep.PART).exists()
    run(folder, result)
    assert (folder / DRILL).read_bytes() == (tmp_path / "whole" / DRILL).read_bytes()


def test_a_drill_is_read_beside_its_own_record_alone(tmp_path):
    result = measure(ROWS)
    made = run(tmp_path / "run", result)
    assert read_drill(tmp_path / "run") == made
    keep_in(tmp_path / "run", replace(result, run=replace(result.run, version="other")))
    assert read_drill(tmp_path / "run") is None
    (tmp_path / "run" / DRILL).write_text('{"schema": "audit-drill/2"}')
    with pytest.raises(StoreError, match="audit drill again"):
        read_drill(tmp_path / "run")


@pytest.fixture(scope="module")
def drilled(tmp_path_factory):
    """A small drill of one limit, and how it was asked for."""
    result, folder = measure(ROWS, gates=GATES[:1]), tmp_path_factory.mktemp("drilled")
    chosen = choose_faults(("withheld",), (0.3,))
    job = DrillJob(result=result, folder=keep_in(folder, result), faults=chosen, seeds=5)
    return job, drill(job)


def test_a_drill_of_the_same_options_is_read(drilled):
    job, made = drilled
    assert find_drill(job) == made


@pytest.mark.parametrize(
    "other",
    [
        {"seeds": 6},
        {"seed": 1},
        {"faults": choose_faults(("withheld",), (0.4,))},
        {"faults": choose_faults(("dropped",))},
    ],
)
def test_a_drill_of_other_options_is_not_read(drilled, other):
    job, _ = drilled
    assert find_drill(replace(job, **other)) is None


def test_a_drill_of_another_version_or_record_or_none_at_all_is_not_read(drilled, tmp_path):
    job, made = drilled
    elsewhere = replace(job, folder=keep_in(tmp_path, job.result))
    for written in (replace(made, version="0"), replace(made, audit="sha256:0")):
        (tmp_path / DRILL).write_text(written.to_json())
        assert find_drill(elsewhere) is None
    (tmp_path / DRILL).write_text("{")
    assert find_drill(elsewhere) is None
    (tmp_path / DRILL).write_text(made.to_json())
    assert find_drill(elsewhere) == made


def test_the_schema_that_ships_is_that_of_a_drill(drilled):
    root = Path(__file__).parents[3]
    written = (root / "reports/schema/audit-drill-1.schema.json").read_text()
    assert written == write_drill_schema(), "make schema writes it again"
    document = json.loads(drilled[1].to_json())
    jsonschema.validate(document, json.loads(written))
    document["gates"][0]["curves"][0]["points"][0]["fails"] = "many"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json.loads(written))


@pytest.mark.parametrize("seeds", [0, 4, 10_001])
def test_too_few_and_too_many_copies_are_refused(tmp_path, seeds):
    with pytest.raises(QuestionError, match="--seeds"):
        run(tmp_path / "run", measure(ROWS), seeds=seeds)


def test_a_run_without_limits_is_refused(tmp_path):
    with pytest.raises(QuestionError, match="no limits to drill"):
        run(tmp_path / "run", measure(ROWS, gates=()))


def test_what_counts_do_not_hold_is_said(tmp_path):
    score = np.linspace(0.01, 0.99, len(ROWS))
    result = audit.measure(
        ROWS["label"], ROWS["prediction"], score=score, groups=ROWS[["race"]], gates=("brier_score difference <= 0.5",)
    )
    (gate,) = run(tmp_path / "run", result).gates
    assert gate.without_fault is None
    assert gate.sentence.startswith("It was not drilled")


def test_lowered_scores_withhold_selections_that_the_threshold_makes(tmp_path):
    rng = np.random.default_rng(5)
    score = np.round(
        np.where(ROWS["prediction"] == 1, rng.uniform(0.5, 1, len(ROWS)), rng.uniform(0, 0.5, len(ROWS))), 2
    )
    result = audit.measure(
        ROWS["label"], score=score, groups=ROWS[["race"]], gates=("selection_rate difference <= 0.4",)
    )
    found = run(tmp_path / "run", result, faults=("scores",), sizes=(0.1, 0.2))
    for point in curve_of(found.gates[0], ("black",), "scores").points:
        lowered = np.where(ROWS["race"] == "black", np.round(score - point.size, 12), score) >= 0.5
        assert point.value == pytest.approx(gap(ROWS.assign(prediction=lowered)), abs=1e-9)


def measure_errors(rows, gates=("mean_error difference <= 0.5",), **asked):
    return audit.measure(
        rows["label"], rows["prediction"], groups=rows[["race"]], gates=gates, task="regression", **asked
    )


@pytest.fixture(scope="module")
def predicted():
    """Numeric labels and predictions of two groups without a difference."""
    rng = np.random.default_rng(8)
    label = rng.normal(10.0, 3.0, 900)
    race = np.repeat(["black", "white"], [200, 700])
    return pd.DataFrame({"race": race, "label": label, "prediction": label + rng.normal(0.0, 1.5, 900)})


def test_raised_predictions_are_those_of_raised_rows(predicted, tmp_path):
    result = measure_errors(predicted, gates=("mean_error difference <= 0.5", "mean_prediction difference <= 2"))
    found = run(tmp_path / "run", result, faults=("raised",), sizes=(0.5,), seeds=5)
    spread = (predicted["prediction"] - predicted["label"]).std(ddof=0)
    for gate in found.gates:
        for point in curve_of(gate, ("black",), "raised").points:
            raised = predicted["prediction"] + np.where(predicted["race"] == "black", point.size * spread, 0.0)
            wanted = next(
                g
                for g in measure_errors(predicted.assign(prediction=raised)).estimates
                if (g.metric, g.compare, g.by) == (gate.metric, "difference", ("race",))
            )
            assert point.value == pytest.approx(wanted.value)


def test_a_limit_on_mean_errors_is_silent_without_a_fault_and_finds_one(predicted, tmp_path):
    found = run(tmp_path / "run", measure_errors(predicted), faults=("raised",), sizes=(1.0,), seeds=10)
    (gate,) = found.gates
    assert gate.without_fault.fails == 0
    assert curve_of(gate, ("black",), "raised").points[-1].share == 1.0
    assert "predictions for black raised by 100% of the standard deviation of all errors" in gate.sentence


@pytest.mark.slow
def test_a_limit_on_mean_errors_fails_as_often_as_on_drawn_rows(predicted, tmp_path):
    found = run(tmp_path / "run", measure_errors(predicted), faults=("raised",), sizes=(0.5,), seeds=60)
    (first,) = curve_of(found.gates[0], ("black",), "raised").points
    rng, fails = np.random.default_rng(4), 0
    spread = (predicted["prediction"] - predicted["label"]).std(ddof=0)
    for _ in range(60):
        rows = predicted.sample(len(predicted), replace=True, random_state=rng.integers(2**31))
        raised = rows["prediction"] + np.where(rows["race"] == "black", 0.5 * spread, 0.0)
        fails += measure_errors(rows.assign(prediction=raised)).gates[0].verdict == "fail"
    # Two binomial shares of 60 copies each: four standard errors of their difference at a half.
    assert abs(first.share - fails / 60) < 4 * (0.5 / 60) ** 0.5


def test_of_a_regression_other_sums_are_not_drilled_and_named(predicted, tmp_path):
    found = run(tmp_path / "run", measure_errors(predicted, gates=("mean_absolute_error highest <= 5",)))
    assert (
        found.gates[0].reason
        == "no copies are drawn of its sums; of a regression mean_error and mean_prediction are drilled"
    )


@pytest.mark.slow
def test_a_drill_of_compas_is_silent_without_a_fault_and_finds_what_pandas_plants(shared, tmp_path):
    """ProPublica's two-year scores: false positive rates of two races, and a tighter limit that fails already."""
    rows = pd.read_parquet(shared / "data/compas/compas_two_years_deidentified.parquet")
    rows = rows[rows["race"].isin(["African-American", "Caucasian"])]
    rows = rows.assign(label=rows["two_year_recid"], prediction=(rows["decile_score"] >= 5).astype(int))
    wide, tight = "false_positive_rate difference <= 0.4", "selection_rate difference <= 0.05"
    result = measure(rows, gates=(wide, tight))
    found = run(tmp_path / "run", result, faults=("withheld",), sizes=(0.1, 0.3, 0.5, 0.7, 1.0), seeds=100)
    passing = gate_of(found, "model.false_positive_rate.difference.race")
    assert passing.verdict == "pass"
    assert passing.without_fault.fails <= 5
    points = curve_of(passing, ("Caucasian",)).points
    shares = [passing.without_fault.share, *(point.share for point in points)]
    assert all(after >= before - 0.1 for before, after in pairwise(shares))
    rng = np.random.default_rng(17)
    for point in points:
        gaps = []
        for _ in range(30):
            withheld = (rows["race"] == "Caucasian") & (rng.random(len(rows)) < point.size)
            negative = rows.assign(prediction=rows["prediction"].where(~withheld, 0))[rows["label"] == 0]
            gaps.append(gap(negative))
        assert abs(np.mean(gaps) - point.value) < 4 * np.std(gaps) / np.sqrt(len(gaps)) + 1e-9
    assert gate_of(found, "model.selection_rate.difference.race").warnings[0].kind == "fails_already"
