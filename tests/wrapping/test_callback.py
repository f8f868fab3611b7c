"""Callbacks that are shared by threads, copied by searches, or two in one list: each training is audited or told of."""

from __future__ import annotations

import asyncio
import copy
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from audited_training import QUESTION, nothing_is_open
from joblib.externals.loky import get_reusable_executor
from property_tests import some_now
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

import audit
from audit.lightgbm import AuditCallback as OfLightGBM
from audit.record.store import Store
from audit.wrapping import wrap as wrapping
from audit.xgboost import AuditCallback as OfXGBoost

X = np.random.default_rng(0).normal(size=(60, 2))
Y = (X[:, 0] > 0).astype(int)
FRAME = pd.DataFrame({"y": Y, "sex": ["f", "m"] * 30})
THREADS = 4


def of_xgboost(store, **more):
    def predict(booster):
        return FRAME.assign(p=(booster.predict(xgboost.DMatrix(X)) > 0.5).astype(int))

    return OfXGBoost(QUESTION, data=FRAME, store=store, metered=False, predictions=predict, **more)


def of_lightgbm(store, **more):
    def predict(booster):
        return FRAME.assign(p=(booster.predict(X) > 0.5).astype(int))

    return OfLightGBM(QUESTION, data=FRAME, store=store, metered=False, predictions=predict, **more)


def boost(*callbacks):
    return xgboost.train(
        {"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(X, Y), 2, callbacks=list(callbacks)
    )


def grow(*callbacks):
    quiet = {"objective": "binary", "verbosity": -1, "num_threads": 1}
    return lightgbm.train(quiet, lightgbm.Dataset(X, Y), 3, callbacks=list(callbacks))


def states(store):
    return [run.state for run in Store(store).runs()]


def ends(store):
    return {Store(store).load(run.id).run.ended for run in Store(store).runs()}


@pytest.mark.parametrize("trainings", some_now([24, 100], 1))
@pytest.mark.parametrize("shared", [True, False], ids=["shared", "own"])
def test_trainings_of_four_threads_are_audited_each(tmp_path, capfd, shared, trainings):
    one = of_xgboost(tmp_path) if shared else None
    with ThreadPoolExecutor(THREADS) as pool:
        done = [pool.submit(boost, one or of_xgboost(tmp_path)) for _ in range(trainings)]
        assert all(future.result() is not None for future in done)
    said = capfd.readouterr().err
    assert states(tmp_path) == ["complete"] * trainings
    assert said.count("\naudit: ") + said.startswith("audit: ") == trainings
    assert nothing_is_open()


@pytest.mark.parametrize("trainings", some_now([12, 50], 1))
def test_blocks_of_four_threads_around_one_callback_are_audited_each(tmp_path, capfd, trainings):
    one = of_lightgbm(tmp_path)

    def job(_):
        with one:
            grow(one)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(job, range(trainings)))
    assert states(tmp_path) == ["complete"] * trainings
    assert ends(tmp_path) == {""}
    assert "Error" not in capfd.readouterr().err


def test_threads_within_one_block_have_a_run_each_and_each_training_is_told_of(tmp_path, capfd):
    with of_lightgbm(tmp_path) as one, ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: grow(one), range(20)))
    said = capfd.readouterr().err
    audits, told = len(states(tmp_path)), said.count("is in the run that the block has begun")
    assert audits + told == 20
    assert 1 <= audits <= THREADS
    assert ends(tmp_path) == {""}
    with of_lightgbm(tmp_path / "later") as later:
        grow(later)
    assert later.run.result.verdict == "pass"


@pytest.mark.parametrize(("new", "train"), [(of_xgboost, boost), (of_lightgbm, grow)], ids=["xgboost", "lightgbm"])
def test_a_thread_that_broke_off_takes_no_later_audit_with_it(tmp_path, new, train):
    def breaks(*_):
        raise ValueError("of the training")

    class Breaks(xgboost.callback.TrainingCallback):
        after_iteration = breaks

    def broken():
        with pytest.raises(ValueError, match="of the training"):
            train(one, Breaks() if train is boost else breaks)

    one = new(tmp_path / "broken")
    with one:
        thread = threading.Thread(target=broken)
        thread.start()
        thread.join()
    later = new(tmp_path / "later")
    with later:
        train(later)
    assert later.run.result.verdict == "pass"
    assert nothing_is_open()
    assert [Store(tmp_path / "broken").load().verdict] == ["incomplete"]


@pytest.mark.parametrize(("new", "train"), [(of_xgboost, boost), (of_lightgbm, grow)], ids=["xgboost", "lightgbm"])
def test_two_callbacks_of_one_list_make_one_audit_and_say_so(tmp_path, capfd, new, train):
    with new(tmp_path) as first, new(tmp_path) as second:
        train(first, second, first)
    said = capfd.readouterr().err
    assert states(tmp_path) == ["complete"]
    assert ends(tmp_path) == {""}
    assert said.count("another callback already") == 1
    assert "no training began" not in said
    assert first.run is second.run


@pytest.mark.parametrize(("new", "model"), [(of_xgboost, xgboost.XGBClassifier)], ids=["xgboost"])
def test_copies_of_a_callback_are_known_to_its_block(tmp_path, capfd, new, model):
    with new(tmp_path) as one:
        clone(model(n_estimators=2, n_jobs=1, callbacks=[one])).fit(X, Y)
    assert one.run.result.verdict == "pass"
    cross_val_score(model(n_estimators=2, n_jobs=1, callbacks=[copy.copy(one)]), X, Y, cv=3)
    assert states(tmp_path) == ["complete"] * 4
    assert "no training began" not in capfd.readouterr().err


@pytest.fixture
def fresh_workers():
    """Workers that write to the stderr of this test; joblib keeps those of an earlier one."""
    get_reusable_executor().shutdown(wait=True)


@pytest.mark.usefixtures("fresh_workers")
@pytest.mark.parametrize("jobs", [1, 2])
def test_every_training_of_a_search_is_audited_or_told_of(tmp_path, capfd, jobs):
    with of_xgboost(tmp_path) as one:
        model = xgboost.XGBClassifier(n_estimators=2, n_jobs=1, callbacks=[one])
        search = GridSearchCV(model, {"max_depth": [1, 2]}, cv=2, n_jobs=jobs, error_score="raise").fit(X, Y)
    assert search.best_estimator_ is not None
    said = capfd.readouterr().err
    audits = states(tmp_path)
    assert audits == ["complete"] * len(audits)
    assert len(audits) + said.count("was saved with a model") == 5
    assert "no training began" not in said
    assert nothing_is_open()


@pytest.mark.usefixtures("fresh_workers")
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_search_over_lightgbm_within_a_block_raises_nothing(tmp_path, capfd, jobs):
    with of_lightgbm(tmp_path) as one:
        model = lightgbm.LGBMClassifier(n_estimators=2, n_jobs=1, verbosity=-1)
        GridSearchCV(model, {"max_depth": [1, 2]}, cv=2, n_jobs=jobs, error_score="raise").fit(X, Y, callbacks=[one])
    said = capfd.readouterr().err
    told = said.count("was saved with a model") + said.count("is in the run that the block has begun")
    assert len(states(tmp_path)) + told == 5
    assert one.run.result.verdict == "pass"


def test_what_is_active_is_so_in_its_own_thread_and_task(tmp_path):
    question = {"data": {"label": "y", "groups": ["sex"]}}
    seen = []

    async def one(name):
        with audit.training(question, data=FRAME, store=tmp_path / name, metered=False, quiet=True) as run:
            await asyncio.sleep(0.05)
            seen.append(wrapping.active() is run)

    async def both():
        await asyncio.gather(one("a"), one("b"))

    asyncio.run(both())
    with audit.training(question, data=FRAME, store=tmp_path / "c", metered=False, quiet=True) as run:
        thread = threading.Thread(target=lambda: seen.append(wrapping.active() is None))
        thread.start()
        thread.join()
        seen.append(wrapping.active() is run)
    assert seen == [True] * 4
    assert wrapping.active() is None
    assert "EVENHAND_RUN" not in os.environ


def test_a_callback_without_a_question_says_in_another_thread_that_it_audits_nothing(tmp_path, capfd):
    question = {"data": {"label": "y", "groups": ["sex"]}}
    with (audit.training(question, data=FRAME, store=tmp_path, metered=False, quiet=True),
          ThreadPoolExecutor(1) as pool):  # fmt: skip
        assert pool.submit(boost, OfXGBoost()).result() is not None
    assert "started in another thread" in capfd.readouterr().err
