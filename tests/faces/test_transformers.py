"""The callback in the Trainer of Transformers itself."""

from __future__ import annotations

import os
import warnings
from contextlib import suppress

import pytest
import torch
from audited_training import (
    QUESTION,
    REFUSING,
    UNSAID,
    TrainingBrokeError,
    alone,
    frameworks_beyond,
    in_another_process,
    kept,
    nothing_is_open,
    numbers,
    options,
    predicted,
    rows,
    said_without,
)

import audit
from audit.errors import DataRefusedError, QuestionError

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
with warnings.catch_warnings():
    # Transformers and what it brings import names that they themselves call deprecated.
    warnings.simplefilter("ignore")
    from transformers import Trainer, TrainerCallback, TrainingArguments

    from audit.transformers import AuditCallback

# On a machine without an accelerator the loaders are asked to pin memory all the same.
pytestmark = pytest.mark.filterwarnings("ignore:.*pin_memory.*no accelerator")
TABLE = rows()
X = torch.tensor(TABLE[["x0", "x1"]].to_numpy())
Y = torch.tensor(TABLE["y"].to_numpy())
ROWS = [{"x": x, "labels": y} for x, y in zip(X, Y, strict=True)]


class Small(torch.nn.Module):
    """Two layers with dropout, so that training mode and random numbers matter."""

    def __init__(self, tally=None):
        super().__init__()
        torch.manual_seed(7)
        self.tally = tally
        self.layers = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Dropout(0.3), torch.nn.Linear(4, 2))

    def forward(self, x, labels=None):
        logits = self.layers(x)
        if self.tally is not None and not self.training:
            self.tally.update(len(x))
        return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}


def decided(model):
    return model.layers(X).argmax(dim=1)


def predict(model):
    assert not any(m.training for m in model.modules())
    assert not torch.is_grad_enabled()
    return predicted(decided(model))


class Breaks(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 3:
            raise TrainingBrokeError


def trainer(tmp_path, *callbacks, model=None, report_to="none", **more):
    arguments = TrainingArguments(
        output_dir=str(tmp_path / "out"), num_train_epochs=2, per_device_train_batch_size=200, report_to=report_to,
        save_strategy="no", logging_strategy="no", disable_tqdm=True, use_cpu=True, seed=4, learning_rate=0.1,
        per_device_eval_batch_size=200, **more,
    )  # fmt: skip
    return Trainer(
        model=model or Small(), args=arguments, train_dataset=ROWS, eval_dataset=ROWS, callbacks=list(callbacks)
    )


def weights(model):
    return {name: value.tolist() for name, value in model.state_dict().items()}


def trained(tmp_path, *callbacks, **more):
    engine = trainer(tmp_path, *callbacks, **more)
    engine.train()
    return engine.model


def test_a_training_is_audited_and_its_weights_are_the_same(tmp_path):
    callback = AuditCallback(QUESTION, predictions=predict, data=TABLE, **options(tmp_path))
    model = trained(tmp_path, callback)
    after, modes = torch.get_rng_state(), [m.training for m in model.modules()]
    plain = trained(tmp_path)
    assert weights(model) == weights(plain)
    assert torch.equal(after, torch.get_rng_state())
    assert modes == [m.training for m in plain.modules()]
    result = callback.run.result
    assert result.verdict == "pass"
    assert numbers(result) == numbers(alone(decided(model.eval())))
    assert [p.part for p in result.data] == ["train", "predictions"]
    assert kept(tmp_path).to_json() == result.to_json()
    assert nothing_is_open()


def test_a_failing_gate_on_the_data_keeps_it_from_training(tmp_path):
    callback = AuditCallback(REFUSING, data=TABLE, **options(tmp_path))
    model = Small()
    before = weights(model)
    with pytest.raises(DataRefusedError, match="training was not started: By sex, 'm' has a representation of"):
        trainer(tmp_path, callback, model=model).train()
    assert weights(model) == before
    assert callback.run.result.run.stopped_by == ("data.representation.lowest.sex",)
    assert kept(tmp_path).verdict == "fail"
    assert nothing_is_open()


def test_an_exception_in_the_block_is_on_record_at_once(tmp_path):
    with (
        pytest.raises(TrainingBrokeError),
        AuditCallback(QUESTION, predictions=predict, **options(tmp_path)) as callback,
    ):
        trainer(tmp_path, callback, Breaks()).train()
    assert callback.run.result.verdict == "incomplete"
    assert callback.run.result.run.ended == "training ended with TrainingBrokeError"
    assert nothing_is_open()


def test_an_exception_that_the_block_swallows_is_not_taken_for_the_end(tmp_path):
    with (
        AuditCallback(QUESTION, predictions=predict, **options(tmp_path)) as callback,
        suppress(TrainingBrokeError),
    ):
        trainer(tmp_path, callback, Breaks()).train()
    assert UNSAID in callback.run.result.run.ended


def test_an_exception_without_the_block_is_incomplete_when_the_trainer_is_gone(tmp_path):
    with suppress(TrainingBrokeError):
        trained(tmp_path, AuditCallback(QUESTION, predictions=predict, **options(tmp_path)), Breaks())
    assert nothing_is_open()
    assert UNSAID in kept(tmp_path).run.ended
    assert kept(tmp_path).verdict == "incomplete"


def test_an_exception_without_the_block_is_incomplete_when_another_training_begins(tmp_path):
    first = trainer(tmp_path, AuditCallback(QUESTION, predictions=predict, **options(tmp_path / "first")), Breaks())
    with pytest.raises(TrainingBrokeError):
        first.train()
    second = AuditCallback(QUESTION, predictions=predict, **options(tmp_path / "second"))
    trained(tmp_path, second)
    assert UNSAID in kept(tmp_path / "first").run.ended
    assert second.run.result.verdict == "pass"
    assert first is not None


@pytest.mark.slow  # the same end is asked of XGBoost in every run
def test_an_exception_that_ends_the_process_is_incomplete(tmp_path):
    script = """if True:
        from pathlib import Path
        from test_transformers import *
        trainer(Path("."), AuditCallback(QUESTION, store="runs", metered=False, predictions=predict), Breaks()).train()
    """
    done = in_another_process(script, tmp_path)
    assert done.returncode == 1
    assert "TrainingBrokeError" in done.stderr
    assert UNSAID in kept(tmp_path).run.ended, done.stderr


def test_an_audit_that_is_active_is_used(tmp_path):
    callback = AuditCallback(predictions=predict)
    with audit.training(QUESTION, **options(tmp_path)) as run:
        model = trained(tmp_path, callback)
        assert callback.run is run
        assert run.result is None
    assert numbers(run.result) == numbers(alone(decided(model.eval())))
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_without_a_question_and_an_audit_nothing_is_trained(tmp_path):
    with pytest.raises(QuestionError, match="no audit is active"):
        trained(tmp_path, AuditCallback())


@pytest.mark.parametrize("broken", [lambda _: 1 / 0, lambda _: {"y": [1]}])
def test_a_broken_function_of_predictions_is_a_problem_and_no_exception(tmp_path, broken):
    callback = AuditCallback(QUESTION, predictions=broken, **options(tmp_path))
    assert weights(trained(tmp_path, callback)) == weights(trained(tmp_path))
    assert callback.run.result.verdict == "incomplete"
    assert callback.run.problems


def test_other_ranks_do_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("transformers.TrainerState.is_world_process_zero", False)
    monkeypatch.setattr("transformers.Trainer.is_world_process_zero", lambda self: False)
    callback = AuditCallback(QUESTION, predictions=predict, **options(tmp_path))
    trained(tmp_path, callback)
    assert callback.run is None
    assert not (tmp_path / "runs").exists()


class Counts:
    """A tally of rows."""

    def __init__(self):
        self.rows, self.ended = 0, []

    def update(self, rows):
        self.rows += rows

    def reset(self):
        self.rows = 0

    def epoch(self, number, part="other"):
        self.ended.append((number, part, self.rows))
        self.rows = 0


def test_a_tally_is_closed_after_every_evaluation_of_the_training(tmp_path):
    tally = Counts()
    callback = AuditCallback(QUESTION, tally=tally, **options(tmp_path))
    engine = trainer(tmp_path, callback, model=Small(tally), eval_strategy="epoch")
    engine.evaluate()
    assert tally.ended == []
    engine.train()
    assert tally.ended == [(0, "validation", 400), (1, "validation", 400)]
    engine.evaluate()
    assert len(tally.ended) == 2


def test_a_broken_tally_does_not_reach_the_training(tmp_path, capfd):
    class Broken:
        def epoch(self, number, part):
            raise ZeroDivisionError

    callback = AuditCallback(QUESTION, predictions=predict, tally=Broken(), **options(tmp_path))
    more = {"eval_strategy": "epoch"}
    assert weights(trained(tmp_path, callback, **more)) == weights(trained(tmp_path, **more))
    assert "the groups of an epoch were not counted: ZeroDivisionError" in capfd.readouterr().err


def test_the_run_that_transformers_itself_starts_and_ends_in_mlflow_holds_the_audit(tmp_path, monkeypatch):
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    callback = AuditCallback(QUESTION, predictions=predict, **options(tmp_path))
    trained(tmp_path, callback, report_to="mlflow")
    assert mlflow.active_run() is None
    (run,) = mlflow.MlflowClient().search_runs(["0"])
    assert run.data.tags["audit.run"] == callback.run.result.run.id
    assert run.info.status == "FINISHED"


def test_only_its_own_framework_is_imported():
    assert not frameworks_beyond("transformers", "transformers")
    assert "pip install 'evenhand[transformers]'" in said_without("transformers", "transformers")
