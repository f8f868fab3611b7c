"""A scikit-learn estimator inside its audit: data before ``fit``, energy during it, predictions when asked."""

from __future__ import annotations

import inspect
import secrets
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from audit._version import __version__
from audit.errors import QuestionError
from audit.pipeline.run import code_version, conclude, now, write
from audit.pipeline.stages import Findings, audit_model
from audit.record.result import AuditResult, Run
from audit.record.store import Store
from audit.tables.open import open_frame
from audit.wrapping.estimator_rows import PREDICTION, SCORE, Rows, make_rows
from audit.wrapping.question import WrappedQuestion
from audit.wrapping.training import PATIENCE_S, Training

if TYPE_CHECKING:
    pass


F = TypeVar("F", bound=Callable[..., Any])


class NotAuditedWarning(UserWarning):
    """Nothing names a group, so that nothing was audited."""


def _has(name: str) -> Callable[[F], F]:
    """Offer a method only where the wrapped estimator does."""

    def check(self: Audited) -> bool:
        getattr(self.estimator_ if hasattr(self, "estimator_") else self.estimator, name)
        return True

    offer: Callable[[F], F] = available_if(check)
    return offer


class Audited(MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """An estimator that audits its every ``fit`` and what it predicts.

    Parameters
    ----------
    estimator
        Any scikit-learn estimator; a clone of it is fitted.
    config
        Path of an audit.toml, or a mapping of the same sections. ``[data] groups`` names columns of ``X`` or of
        ``sensitive_features``; without them all columns of ``sensitive_features`` are groups.
    store
        Folder that keeps each audit; none by default, because a search over parameters fits many times.
    metered
        Whether a process beside this one meters the energy of each fit; its start takes about two seconds.
    insist
        Fit although a gate on the data fails; ``audit_`` says so.
    patience_s
        Seconds that one step of the audit may hold up a fit before it is given up.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.
    audit_ : AuditResult or None
        The audit of the rows that ``fit`` was given, and the energy; None where nothing names a group.

    Notes
    -----
    What a model says of the rows it has learned from is not evidence, so ``fit`` judges no gate on the model:
    ``audit(X, y)`` does, on rows that were held out. With scikit-learn's metadata routing ask for the groups by
    ``set_fit_request(sensitive_features=True)``.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = pd.DataFrame({"x": np.arange(200.0)})
    >>> y, sex = np.arange(200) % 4 // 2, pd.Series(["f", "m"] * 100, name="sex")
    >>> model = Audited(LogisticRegression()).fit(X, y, sensitive_features=sex)
    >>> model.audit(X, y, sensitive_features=sex).find("selection_rate", by=["sex"], group=["f"])[0].n
    100.0
    """

    def __init__(
        self,
        estimator: Any,
        config: Any = None,
        *,
        store: str | Path | None = None,
        metered: bool = False,
        insist: bool = False,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.estimator = estimator
        self.config = config
        self.store = store
        self.metered = metered
        self.insist = insist
        self.patience_s = patience_s

    def fit(self, X: Any, y: Any = None, *, sensitive_features: Any = None, **params: Any) -> Self:  # noqa: N803
        """Check the rows, then fit.

        Parameters
        ----------
        X, y
            As the estimator takes them.
        sensitive_features
            A frame, mapping or named array of groups that are no features.
        **params
            Passed to the estimator's ``fit``; routed, where metadata routing is enabled.

        Raises
        ------
        DataRefusedError
            When a gate on the data fails; nothing was fitted.
        InputError
            When the question or the groups cannot be used.
        """
        if get_config()["enable_metadata_routing"]:
            params = dict(process_routing(self, "fit", **params).estimator.fit)
        # Nothing of the audit may change what is fitted, so the estimator gets X and y as they came.
        estimator, rows = clone(self.estimator), self._make_rows(X, y, sensitive_features)
        if rows is None:
            self.audit_ = None
            _fit_estimator(estimator, X, y, params)
        else:
            asked = WrappedQuestion(config=rows.before, folder=rows.folder, store=self._store(), rows=rows.rows)
            options = {"insist": self.insist, "metered": self.metered, "patience_s": self.patience_s}
            with Training(asked, quiet=True, **options) as run:  # type: ignore[arg-type]
                _fit_estimator(estimator, X, y, params)
            self.audit_ = run.result
        self.estimator_ = estimator
        for name in ("classes_", "n_features_in_", "feature_names_in_"):
            if hasattr(estimator, name):
                setattr(self, name, getattr(estimator, name))
        return self

    def audit(self, X: Any, y: Any, *, sensitive_features: Any = None) -> AuditResult:  # noqa: N803
        """Audit what the fitted estimator predicts for rows that it has not learned from.

        Parameters
        ----------
        X, y, sensitive_features
            As for ``fit``, of rows that were held out.

        Returns
        -------
        AuditResult
            With every gate judged: on these predictions, and on the data and the energy of ``fit``.

        Raises
        ------
        InputError
            When nothing names a group, or the rows cannot be audited.
        """
        check_is_fitted(self, "estimator_")

        return _judge_rows(self, make_rows(self.config, self.estimator_, X, y, sensitive_features), X)

    @_has("predict")
    def predict(self, X: Any, **params: Any) -> Any:  # noqa: N803
        """Predict as the fitted estimator does."""
        return self._fitted().predict(X, **params)

    @_has("predict_proba")
    def predict_proba(self, X: Any, **params: Any) -> Any:  # noqa: N803
        """Return probabilities of the fitted estimator."""
        return self._fitted().predict_proba(X, **params)

    @_has("predict_log_proba")
    def predict_log_proba(self, X: Any, **params: Any) -> Any:  # noqa: N803
        """Return log probabilities of the fitted estimator."""
        return self._fitted().predict_log_proba(X, **params)

    @_has("decision_function")
    def decision_function(self, X: Any, **params: Any) -> Any:  # noqa: N803
        """Return the decision function of the fitted estimator."""
        return self._fitted().decision_function(X, **params)

    @_has("transform")
    def transform(self, X: Any, **params: Any) -> Any:  # noqa: N803
        """Transform as the fitted estimator does."""
        return self._fitted().transform(X, **params)

    @_has("transform")
    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:  # noqa: N803
        """Fit, audited, and transform the same rows."""
        return self.fit(X, y, **params).transform(X)

    @_has("get_feature_names_out")
    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Return names of the columns that the fitted estimator gives out."""
        return self._fitted().get_feature_names_out(input_features)

    @_has("set_output")
    def set_output(self, *, transform: Any = None) -> Self:
        """Choose the container that the estimator gives out."""
        for estimator in (self.estimator, getattr(self, "estimator_", None)):
            if estimator is not None:
                estimator.set_output(transform=transform)
        return self

    @_has("score")
    def score(self, X: Any, y: Any = None, **params: Any) -> float:  # noqa: N803
        """Return the score of the fitted estimator."""
        return float(self._fitted().score(X, y, **params))

    def get_metadata_routing(self) -> Any:
        """Return who takes what: groups are ours where they are asked for, the rest goes to the estimator."""
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return MetadataRouter(owner=self).add_self_request(self).add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import get_tags

        return get_tags(self.estimator)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")

    def _fitted(self) -> Any:
        check_is_fitted(self, "estimator_")
        return self.estimator_

    def _store(self) -> Path | None:
        return None if self.store is None else Path(self.store).absolute()

    def _make_rows(self, X: Any, y: Any, sensitive_features: Any) -> Rows | None:  # noqa: N803
        """Return what is audited; None, with a warning, where nothing names a group."""
        rows = make_rows(self.config, self.estimator, X, y, sensitive_features)
        if rows.groups:
            return rows
        warnings.warn(
            "nothing is audited: no groups are named; set [data] groups in config, or give sensitive_features to fit",
            NotAuditedWarning,
            stacklevel=3,
        )
        return None


def _fit_estimator(estimator: Any, X: Any, y: Any, params: Mapping[str, Any]) -> None:  # noqa: N803
    """Fit; without labels where the estimator takes none."""
    if y is None and "y" not in inspect.signature(estimator.fit).parameters:
        estimator.fit(X, **params)
    else:
        estimator.fit(X, y, **params)


__all__ = ["Audited", "NotAuditedWarning"]


# Held-out predictions of a fitted estimator, judged together with what its fit has found.
def _judge_rows(audited: Any, rows: Rows, X: Any) -> AuditResult:  # noqa: N803
    """Audit of the predictions of a fitted `Audited`, with its fit's own.

    Raises
    ------
    InputError
        When nothing names a group, or the rows cannot be audited.
    """
    if not rows.groups:
        raise QuestionError("no groups are named; set [data] groups in config, or give sensitive_features")
    score = _score(audited, rows, X)
    config = rows.judged(scored=score is not None)
    columns = dict(rows.columns) | {PREDICTION: audited.predict(X)} | ({} if score is None else {SCORE: score})
    found, started = _find_in_fit(audited.audit_), now()
    audit_model(open_frame(columns, "the held-out rows"), config, found, nullcontext)
    store = None if audited.store is None else Store(Path(audited.store))
    fit = audited.audit_
    run = Run(
        id=f"memory-{secrets.token_hex(4)}" if store is None else store.new_run_id(),
        started=started,
        finished=now(),
        version=__version__,
        command=("python", type(audited.estimator_).__name__),
        code=code_version(rows.folder),
        **({} if fit is None else _describe_fit(fit.run)),
    )
    # What was not whole of the fit is not whole of this either, and releases nothing.
    result = conclude(config, found, run, None if fit is None else fit.energy, failed=bool(run.ended))
    if store is not None:
        write(result, store)
    return result


def _describe_fit(run: Run) -> dict[str, Any]:
    """Return how the fit went, which is on record with what is judged of it."""
    return {"exit_codes": run.exit_codes, "continued": run.continued, "ended": run.ended}


def _find_in_fit(fit: AuditResult | None) -> Findings:
    """Return what the fit has found of its data."""
    if fit is None:
        return Findings()
    return Findings(data=list(fit.data), cubes=list(fit.cubes), estimates=fit.estimates, checks=list(fit.checks))


def _score(audited: Any, rows: Rows, X: Any) -> np.ndarray | None:  # noqa: N803
    """Return the probability of the positive class; None where there is none to score."""
    if rows.task != "classification" or not hasattr(audited, "predict_proba"):
        return None
    classes, positive = list(audited.classes_), rows.raw["data"].get("positive", 1)
    if len(classes) != 2 or positive not in classes:
        return None
    probability: np.ndarray = np.asarray(audited.predict_proba(X))[:, classes.index(positive)]
    return probability
