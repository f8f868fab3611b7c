"""The callback in LightGBM itself."""

from __future__ import annotations

from contextlib import suppress

import lightgbm
import numpy as np
import pytest
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
from audit.lightgbm import AuditCallback

PARAMETERS = {
    "objective": "binary", "num_leaves": 4, "seed": 3, "bagging_fraction": 0.8, "bagging_freq": 1, "verbosity": -1,
    "num_threads": 1, "deterministic": True,
}  # fmt: skip
TABLE = rows()
X, Y = TABLE[["x0", "x1"]].to_numpy(), TABLE["y"].to_numpy()


def predict(booster):
    return predicted(booster.predict(X) > 0.5)


def train(*callbacks, rounds=4, **more):
    return lightgbm.train(PARAMETERS, lightgbm.Dataset(X, Y), rounds, callbacks=list(callbacks), **more)


def breaks(env):
    if env.iteration == 1:
        raise TrainingBrokeError


def test_a_training_is_audited_and_its_booster_is_the_same(tmp_path):
    with AuditCallback(QUESTION, predictions=predict, data=TABLE, **options(tmp_path)) as callback:
        booster = train(callback)
        assert callback.run.result is None
    assert booster.model_to_string() == train().model_to_string()
    result = callback.run.result
    assert result.verdict == "pass"
    assert numbers(result) == numbers(alone(booster.predict(X) > 0.5))
    assert [p.part for p in result.data] == ["train", "predictions"]
    assert kept(tmp_path).to_json() == result.to_json()
    assert nothing_is_open()


def held():
    """Labels that half agree with those of the training, so that a few rounds are best."""
    random = np.random.default_rng(5)
    return lightgbm.Dataset(X, np.where(random.random(len(Y)) < 0.3, 1 - Y, Y))


@pytest.mark.parametrize("rounds", [200, 40])
def test_the_best_round_of_early_stopping_is_the_one_that_is_audited(tmp_path, rounds):
    stopping = lightgbm.early_stopping(3, verbose=False)
    with AuditCallback(QUESTION, predictions=predict, **options(tmp_path)) as callback:
        booster = train(callback, stopping, rounds=rounds, valid_sets=[held()])
    assert 0 < booster.best_iteration == booster.current_iteration() < rounds
    assert callback.run.result.verdict == "pass"
    assert numbers(callback.run.result) == numbers(alone(booster.predict(X) > 0.5))


def test_a_failing_gate_on_the_data_keeps_it_from_training(tmp_path):
    trained = []
    with (
        pytest.raises(DataRefusedError, match="training was not started: By sex, 'm' has a representation of"),
        AuditCallback(REFUSING, data=TABLE, **options(tmp_path)) as callback,
    ):
        train(callback, lambda env: trained.append(env.iteration))
    assert trained == []
    assert callback.run.result.run.stopped_by == ("data.representation.lowest.sex",)
    assert nothing_is_open()


def test_an_exception_is_on_record(tmp_path):
    with (
        pytest.raises(TrainingBrokeError),
        AuditCallback(QUESTION, predictions=predict, **options(tmp_path)) as callback,
    ):
        train(callback, breaks)
    assert callback.run.result.verdict == "incomplete"
    assert callback.run.result.run.ended == "training ended with TrainingBrokeError"
    assert nothing_is_open()


def test_half_a_training_whose_exception_was_swallowed_is_not_whole(tmp_path):
    with AuditCallback(QUESTION, predictions=predict, **options(tmp_path)) as callback, suppress(TrainingBrokeError):
        train(callback, breaks)
    assert callback.run.result.verdict == "incomplete"
    assert "the end of the training was not reported" in callback.run.result.run.ended


def test_an_exception_in_the_last_round_is_not_taken_for_the_end(tmp_path):
    with AuditCallback(QUESTION, predictions=predict, **options(tmp_path)) as callback, suppress(TrainingBrokeError):
        train(callback, breaks, rounds=2)
    assert callback.run.result.verdict == "incomplete"


def test_without_the_block_nothing_is_trained(tmp_path):
    trained = []
    with pytest.raises(QuestionError, match="train inside `with"):
        train(AuditCallback(QUESTION, **options(tmp_path)), lambda env: trained.append(1))
    assert trained == []
    assert not (tmp_path / "runs").exists()


def test_an_audit_that_is_active_is_used(tmp_path):
    with audit.training(QUESTION, **options(tmp_path)) as run, AuditCallback(predictions=predict) as callback:
        booster = train(callback)
        assert callback.run is run
    assert numbers(run.result) == numbers(alone(booster.predict(X) > 0.5))
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_within_an_audit_the_block_is_not_needed_for_the_data_alone(tmp_path):
    with audit.training(QUESTION, **options(tmp_path)) as run:
        run.predictions(predict(train(AuditCallback())))
    assert run.result.verdict == "pass"


@pytest.mark.parametrize("broken", [lambda _: 1 / 0, lambda _: {"y": [1]}, lambda _: None])
def test_a_broken_function_of_predictions_is_a_problem_and_no_exception(tmp_path, broken):
    with AuditCallback(QUESTION, predictions=broken, **options(tmp_path)) as callback:
        booster = train(callback)
    assert booster.model_to_string() == train().model_to_string()
    assert callback.run.result.verdict == "incomplete"
    assert callback.run.problems


def test_the_estimator_and_several_trainings_in_one_block_are_one_run(tmp_path):
    estimator = lightgbm.LGBMClassifier(n_estimators=3, num_leaves=4, n_jobs=1, verbosity=-1)
    with AuditCallback(QUESTION, predictions=predict, **options(tmp_path)) as callback:
        for _ in range(2):
            estimator.fit(X, Y, callbacks=[callback])
    assert callback.run.result.verdict == "pass"
    assert numbers(callback.run.result) == numbers(alone(estimator.booster_.predict(X) > 0.5))
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_cross_validation_is_one_training(tmp_path):
    seen = []
    with AuditCallback(QUESTION, predictions=seen.append, **options(tmp_path)) as callback:
        lightgbm.cv(PARAMETERS, lightgbm.Dataset(X, Y), 2, nfold=2, callbacks=[callback])
    assert len(seen[0].boosters) == 2


def test_only_its_own_framework_is_imported():
    assert not frameworks_beyond("lightgbm", "lightgbm")
    assert "pip install 'evenhand[lightgbm]'" in said_without("lightgbm", "lightgbm")
