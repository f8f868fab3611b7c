"""An estimator inside its audit is the estimator still, and says of its groups what `audit.measure` says."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import check_estimator

import audit
from audit.errors import DataRefusedError, QuestionError
from audit.record.store import Store
from audit.sklearn import Audited, NotAuditedWarning

N = 600


def random_state():
    """Of the generator that every library shares."""
    return np.random.get_state()[1].copy()  # noqa: NPY002 - that it is left alone is the point


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(3)
    sex = pd.Series(rng.choice(["f", "m"], N), name="sex")
    X = pd.DataFrame({"a": rng.normal(size=N), "b": rng.normal(size=N)})
    y = (X["a"] + 0.5 * (sex == "m") + rng.normal(size=N) > 0).astype(int)
    return X, y, sex


ESTIMATORS = [
    LogisticRegression(),
    Ridge(),
    StandardScaler(),
    *(
        pytest.param(estimator, marks=pytest.mark.slow)
        for estimator in (
            RandomForestClassifier(n_estimators=3, random_state=0),
            DecisionTreeRegressor(random_state=0),
            KMeans(n_clusters=3, n_init=1, random_state=0),
        )
    ),
]


@pytest.mark.filterwarnings("ignore")  # scikit-learn's own checks provoke its warnings on purpose
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_it_passes_the_checks_that_the_estimator_passes(estimator):
    def failed(one):
        found = check_estimator(one, on_fail=None, on_skip=None)
        return {f["check_name"]: str(f["exception"])[:200] for f in found if f["status"] == "failed"}

    alone = failed(estimator)
    assert {k: v for k, v in failed(Audited(estimator)).items() if k not in alone} == {}


def test_the_estimator_is_fitted_as_it_would_be_alone(rows):
    X, y, sex = rows
    alone, inside = LogisticRegression().fit(X, y), Audited(LogisticRegression())
    state = random_state()
    inside.fit(X, y, sensitive_features=sex)
    assert np.array_equal(random_state(), state)
    assert np.array_equal(inside.estimator_.coef_, alone.coef_)
    assert np.array_equal(inside.predict(X), alone.predict(X))
    assert inside.score(X, y) == alone.score(X, y)
    assert list(inside.feature_names_in_) == ["a", "b"]
    assert not hasattr(inside, "transform")


def test_the_fit_is_an_audit_of_the_data_and_judges_no_gate_on_the_model(rows):
    X, y, sex = rows
    gates = [
        {"stage": s, "metric": m, "compare": "ratio", "min": 0.1}
        for s, m in (("data", "base_rate"), ("model", "selection_rate"))
    ]
    model = Audited(LogisticRegression(), {"gates": gates}).fit(X, y, sensitive_features=sex)
    assert [g.name for g in model.audit_.gates] == ["data.base_rate.ratio.sex"]
    checked = audit.check({"a": X["a"], "b": X["b"], "sex": sex, "y": y}, label="y", groups=["sex"])
    assert [(e.metric, e.group, e.value) for e in model.audit_.estimates] == [
        (e.metric, e.group, e.value) for e in checked.estimates
    ]
    assert [(c.code, c.outcome) for c in model.audit_.checks] == [(c.code, c.outcome) for c in checked.checks]


def test_held_out_rows_are_audited_as_measure_does_with_every_gate(rows):
    X, y, sex = rows
    gates = [
        {"stage": s, "metric": m, "compare": "ratio", "min": 0.1}
        for s, m in (("data", "base_rate"), ("model", "selection_rate"))
    ]
    model = Audited(LogisticRegression(), {"gates": gates}).fit(X[:400], y[:400], sensitive_features=sex[:400])
    held = slice(400, None)
    found = model.audit(X[held], y[held], sensitive_features=sex[held])
    alone = audit.measure(
        y[held], model.predict(X[held]), score=model.predict_proba(X[held])[:, 1], groups={"sex": sex[held]}
    )
    mine = [(e.metric, e.group, e.value, e.low) for e in found.estimates if e.stage == "model"]
    assert mine == [(e.metric, e.group, e.value, e.low) for e in alone.estimates]
    assert [g.name for g in found.gates] == ["data.base_rate.ratio.sex", "model.selection_rate.ratio.sex"]
    assert [p.part for p in found.data] == ["train", "predictions"]


def test_groups_may_be_columns_of_the_features(rows):
    X, y, sex = rows
    both = X.assign(sex=(sex == "m").astype(int))
    model = Audited(LogisticRegression(), {"data": {"groups": ["sex"]}}).fit(both, y)
    assert model.audit(both, y).find("accuracy", by=["sex"], group=["1"])[0].n == (sex == "m").sum()


@pytest.mark.parametrize(
    ("estimator", "labels", "metric"),
    [
        (Ridge(), lambda x: x["a"] * 2, "mean_absolute_error"),
        (LogisticRegression(), lambda x: pd.cut(x["a"], [-9, -0.5, 0.5, 9], labels=["low", "mid", "high"]).astype(str), "accuracy"),
        (LogisticRegression(), lambda x: np.where(x["a"] > 0, "yes", "no"), "true_positive_rate"),
    ],
)  # fmt: skip
def test_the_task_follows_from_estimator_and_labels(rows, estimator, labels, metric):
    X, _, sex = rows
    y = labels(X)
    question = {"data": {"positive": "yes"}} if metric == "true_positive_rate" else {}
    model = Audited(estimator, question).fit(X, y, sensitive_features=sex)
    assert model.audit(X, y, sensitive_features=sex).find(metric, by=["sex"])


def test_a_question_may_name_the_label_of_a_regression(rows):
    X, _, sex = rows
    model = Audited(Ridge(), {"data": {"label": "price"}}).fit(X, X["a"] * 2, sensitive_features=sex)
    found = model.audit(X, X["a"] * 2, sensitive_features=sex)
    assert found.find("mean_absolute_error", by=["sex"])
    assert found.question.config["predictions"]["label"] == "price"


def test_what_was_not_whole_of_the_fit_releases_nothing(rows, monkeypatch):
    X, y, sex = rows
    with monkeypatch.context() as patched:
        patched.setattr("audit.pipeline.stages.check_data", lambda *_, **__: 1 / 0)
        model = Audited(LogisticRegression()).fit(X, y, sensitive_features=sex)
    found = model.audit(X, y, sensitive_features=sex)
    assert model.audit_.verdict == found.verdict == "incomplete"
    assert "ZeroDivisionError" in found.run.ended


def test_a_refused_fit_fits_nothing(rows):
    X, y, sex = rows
    gate = {"stage": "data", "metric": "representation", "compare": "lowest", "min": 0.9}
    model = Audited(LogisticRegression(), {"gates": [gate]})
    with pytest.raises(DataRefusedError, match="training was not started: By sex, "):
        model.fit(X, y, sensitive_features=sex)
    assert not hasattr(model, "estimator_")
    assert (
        Audited(LogisticRegression(), {"gates": [gate]}, insist=True).fit(X, y, sensitive_features=sex).audit_.verdict
        == "fail"
    )


def test_without_groups_it_warns_and_the_audit_refuses(rows):
    X, y, _ = rows
    model = Audited(LogisticRegression())
    with pytest.warns(NotAuditedWarning, match="no groups are named"):
        model.fit(X, y)
    assert model.audit_ is None
    with pytest.raises(QuestionError, match="no groups are named"):
        model.audit(X, y)


@pytest.mark.parametrize("config", [7, {"dta": {}}, "nowhere"])
def test_a_question_without_sense_is_refused(rows, config):
    X, y, sex = rows
    with pytest.raises(QuestionError):
        Audited(LogisticRegression(), config).fit(X, y, sensitive_features=sex)


def test_it_works_in_a_pipeline(rows):
    X, y, sex = rows
    pipe = Pipeline([("scale", StandardScaler()), ("model", Audited(LogisticRegression()))])
    pipe.fit(X, y, model__sensitive_features=sex)
    assert pipe["model"].audit_.find("base_rate", by=["sex"])
    assert pipe.score(X, y) == make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y).score(X, y)


def test_it_works_in_a_grid_search_with_routed_groups(rows):
    X, y, sex = rows
    grid = {"estimator__C": [0.01, 1.0]}
    with config_context(enable_metadata_routing=True):
        inside = Audited(LogisticRegression().set_fit_request(sample_weight=True)).set_fit_request(
            sensitive_features=True
        )
        search = GridSearchCV(inside, grid, cv=3)
        search.fit(X, y, sensitive_features=sex, sample_weight=np.ones(N))
        assert search.best_estimator_.audit_.find("base_rate", by=["sex"])
        scores = cross_val_score(inside, X, y, params={"sensitive_features": sex, "sample_weight": np.ones(N)}, cv=3)
    alone = GridSearchCV(LogisticRegression(), {"C": [0.01, 1.0]}, cv=3).fit(X, y)
    assert search.cv_results_["mean_test_score"].tolist() == alone.cv_results_["mean_test_score"].tolist()
    assert scores.shape == (3,)


def test_it_clones_and_a_fitted_one_travels(rows):
    X, y, sex = rows
    model = Audited(LogisticRegression(C=3.0), {"policy": {"confidence": 0.9}})
    twin = clone(model)
    assert twin.get_params()["estimator__C"] == 3.0
    assert twin.config == model.config
    model.fit(X, y, sensitive_features=sex)
    back = pickle.loads(pickle.dumps(model))
    assert back.audit_.to_json() == model.audit_.to_json()
    assert np.array_equal(back.predict(X), model.predict(X))


def test_energy_is_metered_where_asked_and_both_audits_are_kept(rows, tmp_path, monkeypatch):
    X, y, sex = rows
    monkeypatch.setattr("audit.wrapping.sidecar.client.PATIENCE_S", 30.0)  # a loaded machine starts the meter late
    model = Audited(LogisticRegression(), store=tmp_path, metered=True).fit(X, y, sensitive_features=sex)
    found = model.audit(X, y, sensitive_features=sex)
    assert {r.phase for r in model.audit_.energy.components} == {"validate", "train"}
    assert replace(found.energy, sci=()) == model.audit_.energy
    assert [e.state for e in Store(tmp_path).runs()] == ["complete", "complete"]


def test_without_a_store_nothing_is_left_on_disk(rows, tmp_path, monkeypatch):
    X, y, sex = rows
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(tmp_path)
    model = Audited(LogisticRegression(), metered=True).fit(X, y, sensitive_features=sex)
    assert model.audit_.energy is not None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("container", [np.asarray, lambda x: x.to_numpy().tolist()])
def test_arrays_and_lists_have_groups_apart(rows, container):
    X, y, sex = rows
    model = Audited(LogisticRegression()).fit(container(X), y, sensitive_features=sex)
    assert model.audit(container(X), y, sensitive_features=sex).find("accuracy", by=["sex"])


def test_sparse_features_are_not_looked_at_but_groups_are(rows):
    from scipy.sparse import csr_array

    X, y, sex = rows
    model = Audited(LogisticRegression()).fit(csr_array(X.to_numpy()), y, sensitive_features=sex)
    assert model.audit_.find("base_rate", by=["sex"])
