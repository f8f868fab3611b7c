"""DataGate: a step of a scikit-learn pipeline that refuses before anything is trained."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import audit
from audit.errors import DataRefusedError, QuestionError
from audit.sklearn import DataGate

FAIR = {"stage": "data", "metric": "base_rate", "compare": "ratio", "min": 0.8}


class Trained(LogisticRegression):
    """Remembers whether it was ever asked to learn."""

    fitted = False

    def fit(self, *rows, **more):
        type(self).fitted = True
        return super().fit(*rows, **more)


def rows(positive_f, positive_m, n=1000):
    y = np.concatenate([np.arange(n) < positive_f * n, np.arange(n) < positive_m * n]).astype(int)
    frame = pd.DataFrame({"x": np.random.default_rng(1).random(2 * n), "sex": ["f"] * n + ["m"] * n})
    return frame, y


def pipeline(**more):
    Trained.fitted = False
    encoder = make_column_transformer((OneHotEncoder(), ["sex"]), remainder="passthrough")
    return make_pipeline(DataGate(groups=["sex"], gates=[FAIR], **more), encoder, Trained())


def test_fair_rows_are_passed_on_as_they_are():
    X, y = rows(0.5, 0.5)
    made = pipeline().fit(X, y)
    assert made[0].result_.verdict == "pass"
    assert made[0].transform(X) is X
    assert list(made[0].get_feature_names_out()) == ["x", "sex"]
    assert made.predict(X).shape == y.shape


def test_unfair_rows_are_refused_before_anything_is_trained():
    X, y = rows(0.3, 0.6)
    said = (
        "training was not started: By sex, 'f' has a lower share of positive labels than 'm' in the training data: "
        r"30\.0% \(n 1,000\) v\. 60\.0% \(n 1,000\), ratio 0\.50 "
    )
    with pytest.raises(DataRefusedError, match=said) as caught:
        pipeline().fit(X, y)
    assert not Trained.fitted
    assert caught.value.exit_code == 1
    assert caught.value.result.verdict == "fail"


def test_who_insists_trains_and_keeps_the_verdict():
    X, y = rows(0.3, 0.6)
    made = pipeline(insist=True).fit(X, y)
    assert Trained.fitted
    assert made[0].result_.verdict == "fail"


def test_it_agrees_with_check():
    X, y = rows(0.3, 0.6)
    direct = audit.check(X.assign(y=y), label="y", groups="sex", gates=[FAIR])
    assert pipeline(insist=True).fit(X, y)[0].result_.estimates == direct.estimates


def test_groups_may_be_no_features():
    X, y = rows(0.3, 0.6)
    gate = DataGate(gates=[FAIR])
    with pytest.raises(DataRefusedError):
        gate.fit(X[["x"]], y, sensitive_features=X["sex"])


def test_it_is_cloned_and_takes_other_frames():
    X, y = rows(0.5, 0.5)
    gate = clone(DataGate(groups="sex", gates=[FAIR], confidence=0.9))
    assert gate.get_params()["confidence"] == 0.9
    frame = pl.from_pandas(X)
    assert gate.fit(frame, y).transform(frame) is frame


def test_what_cannot_be_checked_is_refused_by_name():
    X, y = rows(0.5, 0.5)
    with pytest.raises(QuestionError, match="X must be a frame with named columns, not ndarray"):
        DataGate(groups="sex").fit(X.to_numpy(), y)
    with pytest.raises(NotFittedError):
        DataGate(groups="sex").transform(X)
    with pytest.raises(QuestionError, match="columns differ from those of fit"):
        DataGate(groups="sex").fit(X, y).transform(X[["sex", "x"]])
    with pytest.raises(audit.SourceError, match="no column 'sexx'; did you mean 'sex'"):
        DataGate(groups="sexx").fit(X, y)
