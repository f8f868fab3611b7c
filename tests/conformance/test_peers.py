"""Every intended disagreement with a peer, by name, on the table of its golden vector (docs/disagreements.md).

Fairlearn, DuckDB, Great Expectations, codecarbon and pandas run here on the very table. SageMaker Clarify, Aequitas,
AIF360 and fairpipe are not installed: for these only ours is held to the documented counter-example. A peer that mends
its ways makes its test fail, and then the document is what needs changing.
"""

from __future__ import annotations

import ast
import dataclasses
import gzip
import math
import re
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fl
from sklearn.neighbors import KNeighborsClassifier

import audit
from audit.conformance.run import run_vector
from audit.conformance.vectors import read
from audit.energy.carbon import find_grid
from audit.energy.meter import Meter
from audit.errors import QuestionError, SourceError
from audit.tables.open import open_table

GOLDEN = {v.id: v for v in read()}


@pytest.fixture
def ours():
    """Holds ours to a golden vector, and hands its table out for the peer."""

    def held(name):
        found = run_vector(GOLDEN[name])
        assert found.passed, found.detail
        return {k: np.array(v) for k, v in GOLDEN[name].input.rows().items()}

    return held


def theirs(metric, t, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return metric(t["label"], t["prediction"], sensitive_features=t["group"], **more)


# --- Fairlearn 0.15


def test_fairlearn_calls_the_true_positive_rate_of_nobody_zero(ours):
    t = ours("no-positives-perfect-model")
    assert theirs(fl.equalized_odds_difference, t) == 1.0
    only_b = t["group"] == "b"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert fl.true_positive_rate(t["label"][only_b], t["prediction"][only_b], pos_label=1) == 0.0
        assert fl.false_negative_rate(t["label"][only_b], t["prediction"][only_b], pos_label=1) == 0.0


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("probabilities-as-predictions", 0.0),
        ("missing-prediction", 0.0),
        ("yes-and-no-unsaid", 0.0),
        ("yes-and-no-said", 0.0),
        ("third-class", 0.75),
    ],
)
def test_fairlearn_gives_a_number_for_what_has_none(ours, name, number):
    t = ours(name)
    if name == "missing-prediction":
        t["prediction"] = t["prediction"].astype(float)
    assert theirs(fl.demographic_parity_difference, t) == number


def test_fairlearn_overflows_on_weights_of_32_bits(ours):
    t = ours("weights-over-2-31")
    weight = t["weight"].astype(np.int32)
    assert theirs(fl.demographic_parity_ratio, t, sample_weight=weight) < 0
    assert theirs(fl.demographic_parity_ratio, t, sample_weight=weight.astype(float)) == pytest.approx(2 / 3)
    result = audit.measure(t["label"], t["prediction"], groups={"g": t["group"]}, weight=weight)
    assert result.find("selection_rate", "ratio", by=["g"])[0].value == pytest.approx(2 / 3, abs=1e-12)


@pytest.mark.parametrize("runs", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_fairlearns_interval_of_the_gap_never_covers_the_true_zero(ours, runs):
    ours("eight-equal-groups")
    rng, group = np.random.default_rng(3), np.repeat([f"g{k}" for k in range(8)], 50)
    mine = 0
    for seed in range(runs):
        chosen = rng.integers(0, 2, 400)
        frame = fl.MetricFrame(
            metrics=fl.selection_rate, y_true=chosen, y_pred=chosen, sensitive_features=group,
            n_boot=50, ci_quantiles=[0.025, 0.975], random_state=seed,
        )  # fmt: skip
        assert frame.difference_ci()[0] > 0
        found = audit.measure(chosen, chosen, groups={"g": group}).find("selection_rate", "difference", by=["g"])[0]
        mine += found.low == 0
    assert mine >= runs - 1


def test_fairlearn_skips_a_crossing_without_rows(ours):
    t = ours("absent-crossing")
    frame = fl.MetricFrame(
        metrics=fl.selection_rate,
        y_true=t["label"],
        y_pred=t["prediction"],
        sensitive_features={"sex": t["sex"], "race": t["race"]},
    )
    assert math.isnan(frame.by_group["m", "y"])
    assert frame.difference() == 1.0


# --- SageMaker Clarify 0.5, Aequitas 1.1, AIF360, fairpipe 0.12: not installed, ours against the documented counter-example


def test_smclarify_drops_a_label_that_one_group_alone_has(ours):
    ours("label-in-one-group-only")


@pytest.mark.parametrize("name", ["nobody-selected", "infinite-disparity"])
def test_smclarify_calls_nothing_of_nothing_zero(ours, name):
    ours(name)


def test_smclarify_turns_the_sign_of_its_flip_test_round():
    g, x = np.repeat(["a", "b"], [12, 4]), np.zeros(16)
    d = np.r_[np.ones(12, dtype=int), 0, 0, 0, 1]
    found = audit.measure(d, d, groups={"g": g}, features={"x": x}, reference="a").find(
        "flip_test", by=["g"], group=["b"]
    )
    like = KNeighborsClassifier(5).fit(x[:12, None], d[:12]).predict(x[12:, None])
    theirs = ((d[12:] > like).sum() - (d[12:] < like).sum()) / 4  # FlipSet_pos less FlipSet_neg of its posttraining.py
    assert (found[0].value, theirs) == (0.75, -0.75)


@pytest.mark.parametrize("name", ["infinite-disparity", "labels-minus-one-and-one", "labels-minus-one-and-one-said"])
def test_aequitas_reports_an_infinite_disparity_as_ten_and_takes_any_label(ours, name):
    ours(name)


def test_aif360_counts_a_missing_group_as_unprivileged(ours):
    t = ours("missing-group")
    others = t["group"] != "a"
    assert t["prediction"][others].mean() - t["prediction"][~others].mean() == pytest.approx(-8 / 35)


@pytest.mark.parametrize("name", ["group-of-29-never-selected", "group-of-29-rarely-anybody"])
def test_fairpipe_leaves_out_a_group_of_29_that_is_never_selected(ours, name):
    ours(name)


def test_fairpipe_reads_the_group_na_as_missing(ours, tmp_path):
    """Its reader is pandas', which runs here; ours reads the same file."""
    t = ours("group-named-na")
    path = tmp_path / "t.csv"
    pd.DataFrame(t).to_csv(path, index=False)
    assert pd.read_csv(path).group.isna().sum() == 50
    result = audit.check(path, label="label", groups="group")
    assert result.data[0].rows_without_group == {}
    assert result.find("base_rate", by=["group"], group=["NA"])[0].value == 0.2


# --- DuckDB 2.0


def test_duckdb_reads_one_row_of_sixty_one_and_a_broken_checksum(tmp_path):
    rows = "group,y\n" + "a,1\nb,0\n" * 30
    long, packed = tmp_path / "long.csv", tmp_path / "broken.csv.gz"
    long.write_text(rows + "a,1,EXTRA\n")
    whole = gzip.compress(rows.encode())
    packed.write_bytes(whole[:-8] + b"\0\0\0\0" + whole[-4:])
    with duckdb.connect() as con:
        assert con.execute("SELECT count(*) FROM read_csv(?)", [str(long)]).fetchone() == (1,)
        assert con.execute("SELECT count(*) FROM read_csv(?)", [str(packed)]).fetchone() == (60,)
    with pytest.raises(SourceError, match="line 62 has 3 fields"):
        open_table(long)
    with pytest.raises(SourceError, match="gzip.*corrupt"):
        open_table(packed)


# --- Great Expectations 1.24


def validated(frame, expectation):
    """Its own answer, without us between."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
        asset = context.data_sources.add_pandas("p").add_dataframe_asset("a")
        batch = asset.add_batch_definition_whole_dataframe("b").get_batch({"dataframe": frame})
        return batch.validate(getattr(gx.expectations, expectation["class"])(**expectation["kwargs"]))


def checked(tmp_path, frame, kind, **kwargs):
    import json

    from audit.checks.expectations.checks import read_suite, run_suite

    path = tmp_path / "suite.json"
    path.write_text(json.dumps({"name": "s", "expectations": [{"type": kind, "kwargs": kwargs, "meta": {}}]}))
    return run_suite(read_suite(path), frame)[0]


@pytest.mark.parametrize("values", [[math.nan] * 5, []], ids=["all NaN", "no rows"])
def test_great_expectations_passes_an_empty_column(tmp_path, values):
    frame, between = (
        pd.DataFrame({"x": pd.Series(values, dtype=float)}),
        {"column": "x", "min_value": 0, "max_value": 1},
    )
    assert validated(frame, {"class": "ExpectColumnValuesToBeBetween", "kwargs": between}).success
    assert checked(tmp_path, frame, "expect_column_values_to_be_between", **between).outcome == "undefined"


def test_great_expectations_calls_its_own_exception_a_failure(tmp_path):
    """Its queries on DuckDB all raise; here is the same confusion on a frame, and ours asks it about frames alone."""
    frame, mean = pd.DataFrame({"x": ["text"] * 5}), {"column": "x", "min_value": 0}
    found = validated(frame, {"class": "ExpectColumnMeanToBeBetween", "kwargs": mean})
    assert found.success is False
    assert "raised_exception': True" in str(found.exception_info)
    check = checked(tmp_path, frame, "expect_column_mean_to_be_between", **mean)
    assert (check.outcome, check.detail[:26]) == ("error", "Great Expectations raised ")


# --- codecarbon 3.3

PEER = """
import os, signal, sys
from codecarbon import OfflineEmissionsTracker
tracker = OfflineEmissionsTracker(country_iso_code=sys.argv[1], output_dir=sys.argv[2], log_level="critical")
tracker.start()
END
final = tracker.stop() and tracker.final_emissions_data
print(final.emissions / final.energy_consumed * 1000, final.country_name)
"""
ENDS = {
    "XXX": "",
    "exception": "raise ValueError('training')",
    "signal": "os.kill(os.getpid(), signal.SIGTERM)",
    "crash": "os.kill(os.getpid(), signal.SIGSEGV)",
}


@pytest.fixture(scope="module")
def codecarbons(tmp_path_factory):
    """Its ends, all at once: starting is mostly waiting."""
    running = {}
    for name, end in ENDS.items():
        folder = tmp_path_factory.mktemp("peer")
        command = [sys.executable, "-c", PEER.replace("END", end), "XXX" if name == "XXX" else "FRA", str(folder)]
        running[name] = (
            folder,
            subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True),
        )
    return {
        name: (process.communicate(timeout=120)[0], process.returncode, folder)
        for name, (folder, process) in running.items()
    }


def test_codecarbon_takes_the_worlds_average_for_an_unknown_country(codecarbons):
    said, code, _ = codecarbons["XXX"]
    factor, country = said.split()[-2:]
    assert (code, round(float(factor), 3), country) == (0, 475.0, "None")
    with pytest.raises(QuestionError, match="alpha-3"):
        find_grid("XXX")
    named = find_grid("FRA")
    assert named.g_per_kwh > 0
    assert named.factor.source
    assert find_grid(None) is None


def test_codecarbon_has_no_field_for_how_energy_was_found():
    from codecarbon.output import EmissionsData

    names = {f.name for f in dataclasses.fields(EmissionsData)}
    assert not [n for n in names if any(w in n for w in ("measured", "estimate", "method", "instrument", "coverage"))]
    assert {"method", "detail", "coverage"} <= {f.name for f in dataclasses.fields(audit.record.energy.EnergyComponent)}


@pytest.mark.parametrize(("name", "code"), [("exception", 1), ("signal", -signal.SIGTERM), ("crash", -signal.SIGSEGV)])
def test_codecarbon_leaves_no_record_after_an_exception_a_signal_or_a_crash(codecarbons, name, code):
    """Ours: the flush of the meter here, every end of a child in test_process."""
    _, ended, folder = codecarbons[name]
    assert ended == code
    assert [p.name for p in folder.iterdir()] == []
    assert (codecarbons["XXX"][2] / "emissions.csv").is_file()


def test_our_meter_leaves_its_record_after_an_exception(tmp_path):
    record = tmp_path / "energy.json"
    with (
        pytest.raises(ValueError, match="training"),
        Meter(country="FRA", record=record) as meter,
        meter.phase("train"),
    ):
        raise ValueError("training")
    assert '"audit-energy-record/1"' in record.read_text()


# --- several classes


def test_scikit_learn_counts_the_recall_of_a_class_of_nobody_as_zero():
    from sklearn.metrics import recall_score

    groups = ["a"] * 6 + ["b"] * 6
    labels = ["x", "x", "y", "y", "z", "z", *["x"] * 3, *["y"] * 3]
    theirs = recall_score(labels[6:], labels[6:], average="macro", labels=["x", "y", "z"], zero_division=0.0)
    assert theirs == pytest.approx(2 / 3)
    found = audit.measure(labels, labels, groups={"g": groups}, task="multiclass")
    ours = found.find("macro_true_positive_rate", by=["g"], group=["b"])[0]
    assert ours.status == "undefined"
    assert "z" in ours.reason


# --- the document


def test_the_document_of_disagreements_names_every_test_and_every_vector(root):
    text = (root / "docs" / "disagreements.md").read_text()
    tree = ast.parse(Path(__file__).read_text())
    tests = {n.name for n in tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")}
    tests -= {n for n in tests if n.startswith("test_the_document_")}
    assert set(re.findall(r"`(test_\w+)`", text)) == tests
    named = {
        i for line in re.findall(r"^Vectors: (.+)", text, re.MULTILINE) for i in re.findall(r"`([a-z0-9-]+)`", line)
    }
    assert named == {v.id for v in GOLDEN.values() if v.kind == "peer's defect"}


def test_the_document_has_every_row_of_the_goal_list(root, shared):
    rows = re.findall(r"^\| ([^|]+) \|", (shared / "METRICS.md").read_text().split("## 6.")[1], re.MULTILINE)
    systems = [r.split()[0] for r in rows if r not in {"system", "---"} and not r.startswith("-")]
    document = re.findall(r"^\| \d+ \| ([^|]+) \|", (root / "docs" / "disagreements.md").read_text(), re.MULTILINE)
    assert [d.split()[0].casefold() for d in document] == [s.casefold() for s in systems]
