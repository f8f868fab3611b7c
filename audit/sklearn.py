"""The audit in scikit-learn's own forms: a step that refuses data in ``fit``, and any estimator inside its audit.

>>> import numpy as np, pandas as pd
>>> from sklearn.linear_model import LogisticRegression
>>> from sklearn.pipeline import make_pipeline
>>> rows = pd.DataFrame({"x": np.arange(200.0), "sex": ["f", "m"] * 100})
>>> somebody = {"stage": "data", "metric": "representation", "compare": "lowest", "min": 0.3}
>>> gate = DataGate(groups=["sex"], gates=[somebody])
>>> gate.fit(rows, np.arange(200) % 4 // 2).result_.verdict
'pass'
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from audit.api import check
from audit.config.written_limits import Gates
from audit.errors import DataRefusedError, QuestionError, UndecidedWarning, printable
from audit.gates.before_training import describe_undecided
from audit.record.result import AuditResult
from audit.tables.arrays import name_attributes
from audit.tables.python_values import require_names
from audit.wrapping.estimator import Audited, NotAuditedWarning

__all__ = ["Audited", "DataGate", "NotAuditedWarning", "UndecidedWarning"]
LABEL = "y"


class DataGate(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Check the training data in a scikit-learn pipeline; rows pass unchanged.

    Parameters
    ----------
    groups
        Names of the group columns of ``X``; none where ``fit`` is given ``sensitive_features``.
    gates
        Limits, as in `audit.check`; those on data and checks can refuse.
    positive, classes, unit, strata, population, intersections, confidence
        As in `audit.check`; labels of more than two classes are several classes where none is said to be positive.
    insist
        Pass the rows on although a gate fails; ``result_`` says that it did.

    Attributes
    ----------
    result_ : AuditResult
        The audit of the rows that ``fit`` was given.
    """

    def __init__(
        self,
        groups: Sequence[str] | str = (),
        gates: Gates = (),
        *,
        positive: Any = None,
        classes: bool = False,
        unit: str | None = None,
        strata: Sequence[str] | str = (),
        population: Mapping[str, Mapping[str, float]] | None = None,
        intersections: int = 1,
        confidence: float = 0.95,
        insist: bool = False,
    ) -> None:
        self.groups = groups
        self.gates = gates
        self.positive = positive
        self.classes = classes
        self.unit = unit
        self.strata = strata
        self.population = population
        self.intersections = intersections
        self.confidence = confidence
        self.insist = insist

    def fit(self, X: Any, y: Any = None, *, sensitive_features: Any = None) -> Self:  # noqa: N803
        """Audit the rows.

        Parameters
        ----------
        X
            A frame with named columns.
        y
            Labels; without them only who is in the rows is looked at.
        sensitive_features
            A frame, mapping or named array of groups that are no features.

        Raises
        ------
        DataRefusedError
            When a gate fails; it carries the result.

        Warns
        -----
        UndecidedWarning
            When a gate is undecided, which is not passed either.
        """
        given = _to_columns(X)
        columns = dict(given)
        groups = list(require_names(self.groups, "groups"))
        if sensitive_features is not None:
            apart = name_attributes(sensitive_features, "sensitive_features")
            groups, columns = [*groups, *(g for g in apart if g not in groups)], {**columns, **apart}
        if y is not None:
            if LABEL in columns:
                raise QuestionError(f"column '{LABEL}' of X has a reserved name; rename the column")
            columns[LABEL] = y
        several = self.classes or (self.positive is None and _has_several_classes(y))
        self.result_ = self._check(columns, groups, labelled=y is not None, classes=several)
        self.n_features_in_ = len(given)
        self.feature_names_in_ = np.array(list(given), dtype=object)
        failed = [g for g in self.result_.gates if g.verdict == "fail"]
        if failed and not self.insist:
            raise DataRefusedError(f"training was not started: {failed[0].sentence}", self.result_)
        for sentence in describe_undecided(self.result_.gates):
            warnings.warn(sentence, UndecidedWarning, stacklevel=2)
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803
        """Return the rows as they are."""
        check_is_fitted(self, "result_")
        given = list(_to_columns(X))
        if given != list(self.feature_names_in_):
            stray = next((n for n in given if n not in self.feature_names_in_), None)
            raise QuestionError(
                f"columns differ from those of fit ({printable(stray) if stray else 'order or number'}); give the "
                "same columns"
            )
        return X

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns, as they came in."""
        del input_features
        check_is_fitted(self, "result_")
        known: np.ndarray = self.feature_names_in_
        return known

    def _check(
        self, columns: Mapping[str, Any], groups: Sequence[str], *, labelled: bool, classes: bool
    ) -> AuditResult:
        return check(
            columns,
            label=LABEL if labelled else None,
            positive=self.positive if labelled else None,
            classes=classes and labelled,
            groups=groups,
            unit=self.unit,
            strata=self.strata if labelled else (),
            population=self.population,
            intersections=self.intersections,
            confidence=self.confidence,
            gates=self.gates,
        )


def _has_several_classes(y: Any) -> bool:
    """Return whether scikit-learn takes labels for more than two classes; what it cannot take is refused later."""
    try:
        return y is not None and type_of_target(y) == "multiclass"
    except (TypeError, ValueError):
        return False


def _to_columns(rows: Any) -> dict[str, Any]:
    if not hasattr(rows, "columns"):
        raise QuestionError(f"X must be a frame with named columns, not {type(rows).__name__}")
    return name_attributes(rows, "X")
