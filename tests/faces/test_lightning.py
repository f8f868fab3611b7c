"""The callback in Lightning itself."""

from __future__ import annotations

import pickle
import warnings

import pytest
import torch
from audited_training import (
    QUESTION,
    REFUSING,
    TrainingBrokeError,
    alone,
    frameworks_beyond,
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

with warnings.catch_warnings():
    # Lightning and what it brings import names that they themselves call deprecated.
    warnings.simplefilter("ignore")
    from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything

    from audit.lightning import AuditCallback

pytestmark = [
    # A handful of rows, one process: advice on workers, logging intervals and devices is not about the audit.
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:.*but have no .val_dataloader"),
    pytest.mark.filterwarnings("ignore:Found 1 module.* in eval mode"),
    pytest.mark.filterwarnings("ignore:.*smaller than the logging interval.*"),
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec.*:FutureWarning"),
]
TABLE = rows()
X = torch.tensor(TABLE[["x0", "x1"]].to_numpy())
Y = torch.tensor(TABLE["y"].to_numpy())


class Small(LightningModule):
    """Two layers with dropout, so that training mode and random numbers matter."""

    def __init__(self, broken=False, tally=None):
        super().__init__()
        self.broken, self.tally = broken, tally
        self.layers = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Dropout(0.3), torch.nn.Linear(4, 1))
        self.frozen = torch.nn.BatchNorm1d(2).eval()

    def forward(self, x):
        return self.layers(x).squeeze(1)

    def training_step(self, batch, at):
        if self.broken and at == 2:
            raise TrainingBrokeError
        return torch.nn.functional.binary_cross_entropy_with_logits(self(batch[0]), batch[1].float())

    def validation_step(self, batch, at):
        if self.tally is not None:
            self.tally.update(len(batch[0]))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.3)


def loader(shuffle=True):
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), batch_size=50, shuffle=shuffle)


def predict(module):
    assert not any(m.training for m in module.modules())
    assert not torch.is_grad_enabled()
    return predicted(torch.cat([module(x) for x, _ in loader(shuffle=False)]) > 0)


def trainer(tmp_path, *callbacks, **more):
    return Trainer(
        accelerator="cpu", max_epochs=2, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path, callbacks=list(callbacks), **more,
    )  # fmt: skip


def fit(tmp_path, *callbacks, module=None, held=False, **more):
    seed_everything(4, verbose=False)
    module = module or Small()
    trainer(tmp_path, *callbacks, **more).fit(module, loader(), loader(shuffle=False) if held else None)
    return module


def weights(module):
    return {name: value.tolist() for name, value in module.state_dict().items()}


def test_a_training_is_audited_and_its_weights_are_the_same(tmp_path):
    callback = AuditCallback(QUESTION, predictions=predict, data=TABLE, **options(tmp_path))
    module = fit(tmp_path, callback)
    after, modes = torch.get_rng_state(), [m.training for m in module.modules()]
    plain = fit(tmp_path)
    assert weights(module) == weights(plain)
    assert torch.equal(after, torch.get_rng_state())
    assert modes == [m.training for m in plain.modules()]
    result = callback.run.result
    assert result.verdict == "pass"
    assert numbers(result) == numbers(alone(module.eval()(X) > 0))
    assert [p.part for p in result.data] == ["train", "predictions"]
    assert kept(tmp_path).to_json() == result.to_json()
    assert nothing_is_open()


def test_a_failing_gate_on_the_data_keeps_it_from_training(tmp_path):
    callback = AuditCallback(REFUSING, data=TABLE, **options(tmp_path))
    seed_everything(4, verbose=False)
    module = Small()
    before = weights(module)
    with pytest.raises(DataRefusedError, match="training was not started: By sex, 'm' has a representation of"):
        trainer(tmp_path, callback).fit(module, loader())
    assert weights(module) == before
    assert callback.run.result.run.stopped_by == ("data.representation.lowest.sex",)
    assert kept(tmp_path).verdict == "fail"
    assert nothing_is_open()


def test_an_exception_of_the_training_is_its_own_and_on_record(tmp_path):
    callback = AuditCallback(QUESTION, predictions=predict, **options(tmp_path))
    with pytest.raises(TrainingBrokeError):
        fit(tmp_path, callback, module=Small(broken=True))
    assert callback.run.result.verdict == "incomplete"
    assert callback.run.result.run.ended == "training ended with TrainingBrokeError"
    assert nothing_is_open()


class Interrupts(Callback):
    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        raise KeyboardInterrupt


def test_an_interrupt_is_on_record(tmp_path):
    import signal

    callback = AuditCallback(QUESTION, predictions=predict, **options(tmp_path))
    handler = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises((SystemExit, KeyboardInterrupt)):
            fit(tmp_path, callback, Interrupts())
    finally:
        signal.signal(signal.SIGINT, handler)
    assert callback.run.result.run.exit_codes == {"train": -2}


def test_an_audit_that_is_active_is_used(tmp_path):
    callback = AuditCallback(predictions=predict)
    with audit.training(QUESTION, **options(tmp_path)) as run:
        module = fit(tmp_path, callback)
        assert callback.run is run
        assert run.result is None
    assert numbers(run.result) == numbers(alone(module.eval()(X) > 0))
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_without_a_question_and_an_audit_nothing_is_trained(tmp_path):
    with pytest.raises(QuestionError, match="no audit is active"):
        fit(tmp_path, AuditCallback())


@pytest.mark.parametrize("broken", [lambda _: 1 / 0, lambda _: {"y": [1]}])
def test_a_broken_function_of_predictions_is_a_problem_and_no_exception(tmp_path, broken):
    callback = AuditCallback(QUESTION, predictions=broken, **options(tmp_path))
    assert weights(fit(tmp_path, callback)) == weights(fit(tmp_path))
    assert callback.run.result.verdict == "incomplete"
    assert callback.run.problems


def test_the_table_that_training_leaves_is_audited(tmp_path):
    class Leaves(Callback):
        def on_fit_end(self, trainer, pl_module):
            predicted(pl_module.eval()(X) > 0).to_csv(tmp_path / "out.csv", index=False)

    question = {**QUESTION, "predictions": {"prediction": "p", "source": str(tmp_path / "out.csv")}}
    callback = AuditCallback(question, **options(tmp_path))
    fit(tmp_path, Leaves(), callback)
    assert callback.run.result.verdict == "pass"


def test_other_ranks_do_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "global_rank", 1)
    callback = AuditCallback(QUESTION, predictions=predict, **options(tmp_path))
    fit(tmp_path, callback)
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


def test_a_tally_is_closed_after_every_epoch_without_the_sanity_check(tmp_path):
    tally = Counts()
    module = fit(
        tmp_path, AuditCallback(QUESTION, tally=tally, **options(tmp_path)), module=Small(tally=tally), held=True
    )
    assert tally.ended == [(0, "validation", 400), (1, "validation", 400)]
    trainer(tmp_path, AuditCallback(tally=tally)).validate(module, loader(shuffle=False), verbose=False)
    assert len(tally.ended) == 2


def test_a_broken_tally_does_not_reach_the_training(tmp_path, capfd):
    class Broken:
        def epoch(self, number, part):
            raise ZeroDivisionError

    callback = AuditCallback(QUESTION, predictions=predict, tally=Broken(), **options(tmp_path))
    assert weights(fit(tmp_path, callback, held=True)) == weights(fit(tmp_path, held=True))
    assert "the groups of an epoch were not counted: ZeroDivisionError" in capfd.readouterr().err


def test_a_checkpoint_knows_nothing_of_the_audit(tmp_path):
    callback = AuditCallback(QUESTION, predictions=predict, data=TABLE, **options(tmp_path))
    engine = trainer(tmp_path, callback)
    engine.fit(Small(), loader())
    engine.save_checkpoint(tmp_path / "checkpoint")
    assert b"AuditCallback" not in (tmp_path / "checkpoint").read_bytes()
    assert len(pickle.dumps(callback)) < 200


def test_only_its_own_framework_is_imported():
    assert not frameworks_beyond("lightning", "lightning.pytorch")
    assert "pip install 'evenhand[lightning]'" in said_without("lightning", "lightning")
