"""Rows of an estimator as the columns of one table, and the question that is asked of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import is_regressor
from sklearn.utils.multiclass import type_of_target

from audit.config.read import build
from audit.config.schema import Config
from audit.errors import QuestionError, printable
from audit.tables.arrays import name_attributes
from audit.tables.python_values import describe_value, require_names
from audit.wrapping.question import MEMORY, read_given

LABEL, PREDICTION, SCORE = "y", "y_pred", "y_score"
BEFORE = ("data", "checks", "energy")
"""Stages that can be judged when a fit is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Columns by name, and what is asked of them."""

    columns: Mapping[str, Any]
    groups: tuple[str, ...]
    folder: Path
    raw: Mapping[str, Any]
    """Sections of the question, of the data alone."""
    task: str
    label: str
    """Name of the column of labels."""

    @property
    def before(self) -> Config:
        """The question before and while the estimator is fitted: gates on the model wait for held-out rows."""
        gates = [g for g in self.raw.get("gates", ()) if g.get("stage", "model") in BEFORE]
        named = {k: v for k, v in self.raw.items() if k not in {"gates", "predictions", "train", "waivers"}}
        waivers = [w for w in self.raw.get("waivers", ()) if str(w.get("gate", "")).split(".")[0] in BEFORE]
        return build({**named, **({"gates": gates, "waivers": waivers} if gates else {})}, "the configuration")

    @property
    def rows(self) -> Mapping[str, Any]:
        """The table by the source that it stands for."""
        return {MEMORY: self.columns}

    def judged(self, *, scored: bool) -> Config:
        """Return the whole question, predictions included."""
        asked = {"task": self.task, "prediction": PREDICTION, **({"score": SCORE} if scored else {})}
        given = {k: v for k, v in dict(self.raw.get("predictions", {})).items() if k not in {"source", "label"}}
        kept = {k: v for k, v in self.raw.items() if k != "train"}
        predictions = {**asked, **given, "source": MEMORY, "label": self.label}
        data = dict(kept["data"])
        if self.task == "regression":
            data.pop("strata", None)
        return build({**kept, "data": data, "predictions": predictions}, "the configuration")


def make_rows(config: Any, estimator: Any, X: Any, y: Any, sensitive_features: Any) -> Rows:  # noqa: N803
    """Return columns of ``X``, of the groups and of the labels, under names that do not clash.

    Raises
    ------
    QuestionError
        When a name clashes, or the configuration is none.
    """
    raw, folder = _read_sections(config)
    data = dict(raw.get("data", {}))
    apart = {} if sensitive_features is None else name_attributes(sensitive_features, "sensitive_features")
    columns = {**name_features(X), **apart}
    groups = require_names(data.get("groups") or list(apart), "groups")
    label = str(data.pop("label", LABEL))
    task = "regression" if is_regressor(estimator) else "classification"
    if y is not None:
        if label in columns:
            raise QuestionError(f"column '{printable(label)}' of X has a reserved name; rename the column")
        columns[label] = y
        task = "multiclass" if task != "regression" and type_of_target(y) == "multiclass" else task
        if task != "regression":
            data["label"] = label
        if task == "multiclass":
            data["classes"] = True
    for name in ("source", "test", "prepare"):
        data.pop(name, None)
    raw = {**raw, "data": {**data, "groups": list(groups), "source": MEMORY}}
    return Rows(columns=columns, groups=groups, folder=folder, raw=raw, task=task, label=label)


def name_features(X: Any) -> dict[str, Any]:  # noqa: N803
    """Return columns of ``X`` by name.

    Those of a dense array are x0, x1 and so on, and a sparse one has none to look at.
    """
    if hasattr(X, "columns"):
        return name_attributes(X, "X")
    if hasattr(X, "toarray"):
        return {}
    array = np.asarray(X)
    if array.ndim != 2 or array.dtype.kind not in "biufUSO":
        return {}
    return {f"x{i}": array[:, i] for i in range(array.shape[1])}


def _read_sections(config: Any) -> tuple[dict[str, Any], Path]:
    """Return sections of a question, and where its paths start."""
    given, folder = read_given({} if config is None else config, "model")
    if isinstance(given, Config):
        return given.model_dump(mode="json", exclude_none=True, exclude_unset=True), folder
    for name in ("data", "predictions"):
        if not isinstance(given.get(name, {}), dict):
            raise QuestionError(f"config: {name} must be a table of keys, not {describe_value(given[name])}")
    waivers = given.get("waivers", [])
    if not isinstance(waivers, list) or not all(isinstance(w, dict) for w in waivers):
        raise QuestionError(f"config: waivers must be a list of tables, not {describe_value(waivers)}")
    return given, folder
