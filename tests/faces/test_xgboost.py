"""The callback in XGBoost itself."""

from __future__ import annotations

import copy
import pickle
from contextlib import suppress

import numpy as np
import pytest
import xgboost
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
from xgboost.callback import EarlyStopping, TrainingCallback

import audit
from audit.errors import DataRefusedError, QuestionError
from audit.xgboost import AuditCallback

PARAMETERS = {"max_depth": 2, "objective": "binary:logistic", "seed": 3, "subsample": 0.8, "nthread": 1}


@pytest.fixture(scope="module")
def matrix():
    table = rows()
    return xgboost.DMatrix(table[["x0", "x1"]], table["y"])


@pytest.fixture
def predict(matrix):
    return lambda booster: predicted(booster.predict(matrix) > 0.5)


def train(matrix, *callbacks, rounds=4, **more):
    return xgboost.train(PARAMETERS, matrix, rounds, callbacks=list(callbacks), verbose_eval=False, **more)


class Breaks(TrainingCallback):
    def after_iteration(self, model, epoch, evals_log):
        raise TrainingBrokeError


def test_a_training_is_audited_and_its_booster_is_the_same(tmp_path, matrix, predict):
    callback = AuditCallback(QUESTION, predictions=predict, data=rows(), **options(tmp_path))
    booster = train(matrix, callback)
    assert booster.save_raw() == train(matrix).save_raw()
    result = callback.run.result
    assert result.verdict == "pass"
    assert numbers(result) == numbers(alone(booster.predict(matrix) > 0.5))
    assert [p.part for p in result.data] == ["train", "predictions"]
    assert callback.run.problems == ()
    assert kept(tmp_path).to_json() == result.to_json()
    assert nothing_is_open()


def test_a_callback_serves_again(tmp_path, matrix, predict):
    callback = AuditCallback(QUESTION, predictions=predict, **options(tmp_path))
    train(matrix, callback)
    first = callback.run
    train(matrix, callback)
    assert callback.run is not first
    assert {first.result.verdict, callback.run.result.verdict} == {"pass"}
    assert len(list((tmp_path / "runs").glob("[!.]*"))) == 2


def test_a_failing_gate_on_the_data_keeps_it_from_training(tmp_path, matrix):
    seen = []

    class Sees(TrainingCallback):
        def after_iteration(self, model, epoch, evals_log):
            seen.append(epoch)

    callback = AuditCallback(REFUSING, data=rows(), **options(tmp_path))
    with pytest.raises(DataRefusedError, match="training was not started: By sex, 'm' has a representation of"):
        train(matrix, Sees(), callback)
    assert seen == []
    assert callback.run.result.run.stopped_by == ("data.representation.lowest.sex",)
    assert nothing_is_open()


def test_an_exception_in_the_block_is_on_record_at_once(tmp_path, matrix, predict):
    with (
        pytest.raises(TrainingBrokeError),
        AuditCallback(QUESTION, predictions=predict, **options(tmp_path)) as callback,
    ):
        train(matrix, callback, Breaks())
    assert callback.run.result.verdict == "incomplete"
    assert callback.run.result.run.ended == "training ended with TrainingBrokeError"
    assert callback.run.result.run.exit_codes == {"train": 1}
    assert nothing_is_open()


def test_an_exception_without_the_block_is_incomplete_when_the_booster_is_gone(tmp_path, matrix, predict):
    callback = AuditCallback(QUESTION, predictions=predict, **options(tmp_path))
    with suppress(TrainingBrokeError):
        train(matrix, callback, Breaks())
    assert nothing_is_open()
    assert UNSAID in kept(tmp_path).run.ended
    assert kept(tmp_path).verdict == "incomplete"
    assert kept(tmp_path).run.exit_codes == {}
    train(matrix, callback)
    assert callback.run.result.verdict == "pass"


def test_an_exception_without_the_block_is_incomplete_when_another_training_begins(tmp_path, matrix, predict):
    with pytest.raises(TrainingBrokeError) as holds_the_booster:
        train(matrix, AuditCallback(QUESTION, predictions=predict, **options(tmp_path / "first")), Breaks())
    second = AuditCallback(QUESTION, predictions=predict, **options(tmp_path / "second"))
    train(matrix, second)
    assert holds_the_booster.value is not None
    assert UNSAID in kept(tmp_path / "first").run.ended
    assert second.run.result.verdict == "pass"


@pytest.mark.parametrize("metered", [False, True])
def test_an_exception_that_ends_the_process_is_incomplete(tmp_path, metered):
    script = f"""if True:
        import xgboost
        from audited_training import *
        from test_xgboost import Breaks, train
        from audit.xgboost import AuditCallback
        table = rows()
        train(xgboost.DMatrix(table[["x0"]], table["y"]), AuditCallback(QUESTION, store="runs", metered={metered}), Breaks())
    """
    done = in_another_process(script, tmp_path)
    assert done.returncode == 1
    assert "TrainingBrokeError" in done.stderr
    assert UNSAID in kept(tmp_path).run.ended, done.stderr
    assert kept(tmp_path).verdict == "incomplete"
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_an_audit_that_is_active_is_used(tmp_path, matrix, predict):
    callback = AuditCallback(predictions=predict)
    with audit.training(QUESTION, **options(tmp_path)) as run:
        booster = train(matrix, callback)
        assert callback.run is run
        assert run.result is None
    assert numbers(run.result) == numbers(alone(booster.predict(matrix) > 0.5))
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_without_a_question_and_an_audit_nothing_is_trained(matrix):
    with pytest.raises(QuestionError, match="no audit is active"):
        train(matrix, AuditCallback())


@pytest.mark.parametrize("broken", [lambda _: 1 / 0, lambda _: {"y": [1]}, lambda _: None])
def test_a_broken_function_of_predictions_is_a_problem_and_no_exception(tmp_path, matrix, broken):
    callback = AuditCallback(QUESTION, predictions=broken, **options(tmp_path))
    assert train(matrix, callback).save_raw() == train(matrix).save_raw()
    assert callback.run.result.verdict == "incomplete"
    assert callback.run.problems


def test_a_bug_in_the_auditor_does_not_reach_the_training(tmp_path, matrix, monkeypatch, capfd):
    for broken in (
        "audit.record.store.Store.begin", "audit.wrapping.steps.Recording.leave_training", "audit.pipeline.run.conclude",
    ):  # fmt: skip
        with monkeypatch.context() as patched:
            patched.setattr(broken, lambda *_, **__: 1 / 0)
            assert train(matrix, AuditCallback(QUESTION, **options(tmp_path, quiet=False))).num_boosted_rounds() == 4
        assert "ZeroDivisionError" in capfd.readouterr().err, broken
    assert nothing_is_open()


def test_what_cannot_be_audited_is_refused_before_anything_trains(tmp_path):
    with pytest.raises(QuestionError, match="did you mean 'data.groups'"):
        AuditCallback({"data": {"grups": ["sex"]}})
    unnamed = {"data": {"label": "y", "groups": ["sex"]}}
    with pytest.raises(QuestionError, match=r"no \[predictions\]"):
        AuditCallback(unnamed, predictions=lambda _: None)


def test_other_ranks_do_nothing(tmp_path, matrix, predict, monkeypatch):
    monkeypatch.setattr("xgboost.collective.get_rank", lambda: 1)
    callback = AuditCallback(QUESTION, predictions=predict, **options(tmp_path))
    train(matrix, callback)
    assert callback.run is None
    assert not (tmp_path / "runs").exists()


def test_the_model_that_early_stopping_keeps_is_the_one_that_is_audited(tmp_path, matrix, predict, capfd):
    def stopping(save_best):
        return EarlyStopping(rounds=1, save_best=save_best, metric_name="logloss", data_name="held", min_delta=0.05)

    last = AuditCallback(QUESTION, predictions=predict, **options(tmp_path))
    more = {"rounds": 60, "evals": [(matrix, "held")], "custom_metric": None}
    best = train(matrix, stopping(True), last, **more)
    assert best.num_boosted_rounds() < 60
    assert numbers(last.run.result) == numbers(alone(best.predict(matrix) > 0.5))
    assert "must stand last" not in capfd.readouterr().err
    train(matrix, AuditCallback(QUESTION, predictions=predict, **options(tmp_path)), stopping(True), **more)
    assert "must stand last" in capfd.readouterr().err


def test_cross_validation_is_one_training(tmp_path, matrix):
    seen = []
    callback = AuditCallback(QUESTION, predictions=seen.append, **options(tmp_path))
    xgboost.cv(PARAMETERS, matrix, 2, nfold=2, callbacks=[callback], seed=1)
    assert len(seen[0].cvfolds) == 2


def test_the_estimator_is_cloned_fitted_and_stored_as_without_it(tmp_path):
    from sklearn.base import clone

    table = rows()
    predict = lambda booster: predicted(booster.inplace_predict(table[["x0", "x1"]]) > 0.5)  # noqa: E731
    callback = AuditCallback(QUESTION, predictions=predict, data=table, **options(tmp_path))
    model = clone(xgboost.XGBClassifier(n_estimators=3, n_jobs=1, callbacks=[callback]))
    model.fit(table[["x0", "x1"]], table["y"])
    mine = model.callbacks[0]
    assert mine is not callback
    assert mine.run.result.verdict == "pass"
    assert numbers(mine.run.result) == numbers(alone(model.predict(table[["x0", "x1"]])))
    stored = pickle.dumps(model)
    assert b"sex" not in stored
    again = pickle.loads(stored)
    assert np.array_equal(again.predict(table[["x0", "x1"]]), model.predict(table[["x0", "x1"]]))


def test_a_callback_out_of_a_file_says_that_it_audits_nothing(tmp_path, matrix, capfd):
    again = pickle.loads(pickle.dumps(AuditCallback(QUESTION, predictions=lambda _: None, **options(tmp_path))))
    train(matrix, again)
    assert "audits nothing" in capfd.readouterr().err
    assert again.run is None
    assert copy.deepcopy(again) is not again


def test_a_block_in_which_nothing_trains_says_so(tmp_path, capfd):
    with AuditCallback(QUESTION, **options(tmp_path)):
        pass
    assert "no training began" in capfd.readouterr().err


def test_draws_while_predicting_do_not_shift_what_follows(tmp_path, matrix, predict):
    import random

    def drawing(booster):
        random.random(), np.random.rand()  # noqa: NPY002 - the global state is what must not be shifted
        return predict(booster)

    def states():
        numpy = np.random.get_state()  # noqa: NPY002 - the same
        return random.getstate(), numpy[1].tolist(), numpy[2]

    before = states()
    train(matrix, AuditCallback(QUESTION, predictions=drawing, **options(tmp_path)))
    assert states() == before


def test_only_its_own_framework_is_imported():
    assert not frameworks_beyond("xgboost", "xgboost")
    assert said_without("xgboost", "xgboost").startswith("True audit.xgboost cannot be used")
    assert "pip install 'evenhand[xgboost]'" in said_without("xgboost", "xgboost")
