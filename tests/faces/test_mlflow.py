"""The audit in MLflow itself, in a store of files."""

from __future__ import annotations

import json
import math
import string
import sys
from dataclasses import replace

import pytest
from audited_training import (
    QUESTION,
    REFUSING,
    TrainingBrokeError,
    in_another_process,
    numbers,
    options,
    predicted,
    rows,
    said_without,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples

import audit
from audit.errors import DataRefusedError, QuestionError
from audit.mlflow import list_numbers, log, to_key
from audit.record.result import Energy
from audit.wrapping import safely

mlflow = pytest.importorskip("mlflow")

STRANGE = ["a/b", "..", "", "É ü", "x=y", "x+y", "a.b", "0" * 300, "–" * 200, "a b"]


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    """A store of files, which this version keeps for those who ask."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    yield mlflow.MlflowClient()
    while mlflow.active_run() is not None:
        mlflow.end_run()


def measured(gates=QUESTION["gates"], groups=None, **more):
    table = predicted(rows()["x0"] > 0)
    return audit.measure(
        table["y"], table["p"], groups=table[["sex"]] if groups is None else groups, gates=gates, **more
    )


def test_document_cards_and_numbers_are_logged(store):
    result = measured()
    with mlflow.start_run() as active:
        assert log(result) == active.info.run_id
    found = store.get_run(active.info.run_id).data
    gate = result.gates[0]
    at = "audit/gate/model.selection_rate.ratio.sex"
    assert found.metrics[f"{at}/value"] == gate.estimate.value
    assert found.metrics[f"{at}/low"] == gate.low
    assert found.metrics[f"{at}/high"] == gate.high
    rates = {e.group[0]: e.value for e in result.find("selection_rate", by=["sex"]) if e.compare is None}
    assert set(rates) == {"f", "m"}
    for sex, rate in rates.items():
        assert found.metrics[f"audit/rate/model.selection_rate/sex/{sex}"] == rate
    assert found.tags["audit.verdict"] == "pass"
    assert found.tags["audit.run"] == result.run.id
    assert found.tags["audit.gate.model.selection_rate.ratio.sex"] == "pass"
    kept = {a.path for a in store.list_artifacts(active.info.run_id, "audit")}
    assert kept == {"audit/audit.json", "audit/card.html", "audit/card.md"}
    text = mlflow.artifacts.load_text(f"{active.info.artifact_uri}/audit/audit.json")
    assert json.loads(text) == json.loads(result.to_json())


def test_what_has_no_value_is_a_tag_with_its_reason_and_no_number(store):
    gate = [{"stage": "model", "metric": "true_positive_rate", "compare": "ratio", "min": 0.8}]
    result = audit.measure([0, 0] * 50, [1, 0] * 50, groups={"sex": ["f", "f", "m", "m"] * 25}, gates=gate)
    with mlflow.start_run() as active:
        log(result)
    found = store.get_run(active.info.run_id).data
    assert result.verdict == "undefined"
    assert not [key for key in found.metrics if key.startswith(("audit/gate", "audit/energy"))]
    assert found.tags["audit/gate/model.true_positive_rate.ratio.sex/value/undefined"]
    assert found.tags["audit/rate/model.true_positive_rate/sex/f/undefined"]
    assert found.tags["audit/energy/energy_kwh/undefined"] == "not metered"
    assert all(math.isfinite(value) for value in found.metrics.values())


def test_energy_is_logged_and_what_is_not_known_of_it_is_not_0(store):
    result = replace(measured(), energy=Energy(energy_kwh=0.25, measured_share=0.5, note="no grid is named"))
    with mlflow.start_run() as active:
        log(result)
    found = store.get_run(active.info.run_id).data
    assert found.metrics["audit/energy/energy_kwh"] == 0.25
    assert found.metrics["audit/energy/measured_share"] == 0.5
    assert "audit/energy/carbon_g" not in found.metrics
    assert found.tags["audit/energy/carbon_g/undefined"] == "no grid is named"


def test_small_groups_are_left_out_as_on_the_card(store):
    table = predicted(rows()["x0"] > 0)
    table.loc[:3, "sex"] = "rare"
    with mlflow.start_run() as active:
        log(measured(groups=table[["sex"]]))
    found = store.get_run(active.info.run_id).data
    assert "audit/rate/model.selection_rate/sex/rare" not in found.metrics
    assert "audit/rate/model.selection_rate/sex/rare/undefined" in found.tags


def test_groups_of_any_name_have_keys_of_their_own(store):
    names = [STRANGE[i % len(STRANGE)] for i in range(400)]
    gates = [{**QUESTION["gates"][0], "by": [by]} for by in ("a*b", "a x b")]
    result = measured(gates=gates, groups={"a*b": names, "a x b": names})
    with mlflow.start_run() as active:
        log(result)
    found = store.get_run(active.info.run_id).data
    rates = [e for e in result.find("selection_rate") if e.compare is None and e.group]
    keys = [key for key in (*found.metrics, *found.tags) if key.startswith("audit/rate/")]
    assert len(rates) == 2 * len(STRANGE) == len(keys)
    assert len([key for key in found.tags if key.startswith("audit.gate.")]) == 2


def test_crossings_and_missing_groups_take_no_other_ones_place(store):
    table = {"g": ["a x b", "a", "missing", None] * 200, "h": ["c", "b x c", "c", "c"] * 200}
    gates = [{**QUESTION["gates"][0], "by": by} for by in (["g"], ["g", "h"])]
    with mlflow.start_run() as active:
        log(audit.measure([1, 0] * 400, [1, 0] * 400, groups=table, gates=gates, intersections=2))
    found = store.get_run(active.info.run_id).data
    keys = [key for key in (*found.metrics, *found.tags) if key.startswith("audit/rate/")]
    assert len([key for key in keys if "/g/" in key]) == 4
    assert len([key for key in keys if "/g x h/" in key]) >= 3


@settings(max_examples=count_examples(300), deadline=None)
@given(st.text(max_size=300), st.text(alphabet=string.printable, max_size=300))
def test_any_name_is_one_that_mlflow_takes(one, other):
    from mlflow.utils.validation import _validate_metric_name

    for text in (one, other):
        _validate_metric_name(f"audit/rate/{to_key(text)}/{to_key(text)}")
        assert len(to_key(text).encode()) < 100
    assert (to_key(one) == to_key(other)) is (one == other)


def test_hundreds_of_numbers_and_reasons_are_logged(store):
    groups = [f"group {i:03}" for i in range(250)]
    table = {"g": [groups[i % 250] for i in range(5000)]}
    result = audit.measure([1, 0] * 2500, [1, 0] * 2500, groups=table, gates=[{**QUESTION["gates"][0], "by": ["g"]}])
    with mlflow.start_run() as active:
        log(result)
    found = store.get_run(active.info.run_id).data
    assert len([key for key in (*found.metrics, *found.tags) if key.startswith("audit/rate/")]) == 250


def test_without_a_run_nothing_is_logged_and_none_is_started(tmp_path):
    with pytest.raises(QuestionError, match="no MLflow run is active"):
        log(measured())
    assert not list((tmp_path / "mlruns").glob("*/*/meta.yaml"))


def test_a_run_may_be_named_and_a_client_given(store):
    run = store.create_run("0")
    assert log(measured(), run_id=run.info.run_id, client=store, artifact_path="a") == run.info.run_id
    assert {a.path for a in store.list_artifacts(run.info.run_id)} == {"a"}


# --- by itself, at the end of a training ----------------------------------------------------------------------------


def train(tmp_path, question=QUESTION, **more):
    with audit.training(question, **options(tmp_path, **more)) as run:
        run.predictions(predicted(rows()["x0"] > 0))
    return run


def test_a_training_logs_to_the_active_run(store, tmp_path):
    with mlflow.start_run() as active:
        run = train(tmp_path)
    found = store.get_run(active.info.run_id).data
    assert found.tags["audit.run"] == run.result.run.id
    assert found.metrics["audit/gate/model.selection_rate.ratio.sex/value"] == run.result.gates[0].estimate.value


def test_a_run_that_ended_before_the_training_did_is_still_the_one(store, tmp_path):
    with mlflow.start_run() as active, audit.training(QUESTION, **options(tmp_path)) as run:
        run.predictions(predicted(rows()["x0"] > 0))
        mlflow.end_run()
    assert store.get_run(active.info.run_id).data.tags["audit.verdict"] == "pass"
    assert store.get_run(active.info.run_id).info.status == "FINISHED"


@pytest.mark.parametrize("end", ["breaks", "refused"])
def test_an_audit_that_is_not_whole_or_refuses_is_logged_too(store, tmp_path, end):
    with mlflow.start_run() as active:
        if end == "breaks":
            with pytest.raises(TrainingBrokeError), audit.training(QUESTION, **options(tmp_path)):
                raise TrainingBrokeError
        else:
            with pytest.raises(DataRefusedError):
                train(tmp_path, REFUSING, data=rows())
    expected = {"breaks": "incomplete", "refused": "fail"}[end]
    assert store.get_run(active.info.run_id).data.tags["audit.verdict"] == expected


def test_without_an_active_run_a_training_starts_none(store, tmp_path):
    train(tmp_path)
    assert store.search_runs(["0"]) == []


def test_a_store_that_cannot_be_written_costs_a_line(tmp_path, capfd, monkeypatch):
    with mlflow.start_run():
        monkeypatch.setattr("mlflow.MlflowClient.log_batch", lambda *_, **__: 1 / 0)
        run = train(tmp_path, quiet=False)
    assert "not logged to MLflow: ZeroDivisionError" in capfd.readouterr().err
    assert run.result.verdict == "pass"
    assert run.problems == ()


def test_a_server_that_hangs_is_not_waited_for(tmp_path, capfd, monkeypatch):
    import threading

    over = threading.Event()
    with mlflow.start_run():
        monkeypatch.setattr("mlflow.MlflowClient.log_batch", lambda *_, **__: over.wait(60))
        run = train(tmp_path, quiet=False, patience_s=1.5)
    over.set()
    assert "not done within 1.5 s" in capfd.readouterr().err
    assert run.result.verdict == "pass"
    assert safely.work_within(5, "it", lambda: 1).value == 1


def test_mlflow_is_never_imported_unasked(tmp_path):
    script = """if True:
        import sys, audit, audit.mlflow
        with audit.training({"data": {"label": "y", "groups": ["g"]}}, store="runs", metered=False, quiet=True) as run:
            pass
        print(run.result.verdict, "mlflow" in sys.modules)
    """
    done = in_another_process(script, tmp_path)
    assert done.stdout.split() == ["not", "judged", "False"], done.stderr


def test_a_broken_library_has_no_run(tmp_path, monkeypatch):
    class Broken:
        def active_run(self):
            raise ZeroDivisionError

    monkeypatch.setitem(sys.modules, "mlflow", Broken())
    assert numbers(train(tmp_path).result)


def test_without_mlflow_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ImportError, match=r"pip install 'evenhand\[mlflow\]'"):
        log(measured())
    assert said_without("mlflow", "mlflow") == ""


def test_headline_names_each_number_once():
    keys = [
        key for key, _, _ in list_numbers(measured(gates=[*QUESTION["gates"], {**QUESTION["gates"][0], "min": 0.5}]))
    ]
    assert len(keys) == len(set(keys))
    rates = [key for key in keys if key.startswith("audit/rate")]
    assert len(rates) == len(set(rates)) == 2
