"""Every section and key of audit.toml. An unknown key is an error: a setting that is not read must not look as if.

Must not: open a table, or import numpy; ``audit gate`` and ``--help`` pay for this module.
"""

from __future__ import annotations

import datetime as dt
import math
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from audit.catalogue import Compare, Task
from audit.config.limits import check_limits, check_task
from audit.value import Stage

Text = Annotated[str, StringConstraints(strict=True, min_length=1, strip_whitespace=True)]
Command = Annotated[tuple[Text, ...], Field(min_length=1)]
Class = bool | int | float | str
UNASKED_THRESHOLD = 0.5


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"must be a number, not {_kind(value)}")  # noqa: TRY004 - pydantic collects ValueError
    return float(value)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"must be a finite number, not {value}")
    return value


def _kind(value: object) -> str:
    names = {bool: "true or false", str: "text", list: "a list", dict: "a table", type(None): "nothing"}
    return f"{names.get(type(value), type(value).__name__)} ({value!r:.40})"


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise ValueError(f"names '{twice}' twice")
    return names


Number = Annotated[float, BeforeValidator(_number), AfterValidator(_finite)]
Names = Annotated[tuple[Text, ...], AfterValidator(_distinct)]


class Section(BaseModel):
    """Closed and frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelInfo(Section):
    """Who answers for the model; printed on the card."""

    name: Text | None = None
    version: Text | None = None
    owner: Text | None = None
    intended_use: Text | None = None
    out_of_scope: Text | None = None
    description: Text | None = None
    licence: Text | None = None


class Data(Section):
    """Rows before training, and what every stage shares: label, groups, weight, unit."""

    prepare: Command | None = None
    source: Text | None = None
    test: Text | None = None
    label: Text | None = None
    positive: Class | None = None
    groups: Names = ()
    intersections: Annotated[int, Field(ge=1, le=8, strict=True)] = 1
    unit: Text = "row"
    weight: Text | None = None
    strata: Names = ()
    bins: dict[str, tuple[Number, ...]] = {}
    reference: dict[str, dict[str, Number]] = {}
    """Share of each level in the population to compare with, by group column."""
    reference_group: dict[str, Class] = {}
    """Level that the others are compared with, by group column; the largest group where none is named."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for column, edges in self.bins.items():
            if not edges or any(a >= b for a, b in pairwise(edges)):
                raise ValueError(f"bins.{column} must be rising edges, such as [18, 25, 40, 65]")
        for what, named in (
            ("bins", self.bins),
            ("reference", self.reference),
            ("reference_group", self.reference_group),
        ):
            stray = next((c for c in named if c not in self.groups), None)
            if stray is not None:
                raise ValueError(f"{what} names '{stray}', which is not in groups {list(self.groups)}")
        for column, shares in self.reference.items():
            if not shares or any(not 0 <= s <= 1 for s in shares.values()) or sum(shares.values()) > 1 + 1e-6:
                raise ValueError(f"reference.{column} must hold shares between 0 and 1 with a sum of at most 1")
        return self


class Checks(Section):
    """What the data must satisfy before training."""

    suite: Text | None = None


class Train(Section):
    """Command that trains, and the table of predictions that it must leave."""

    command: Command
    predictions: Text


class Predictions(Section):
    """Where the predictions lie and how they are read."""

    task: Task = "classification"
    """A regression has a numeric label and a numeric prediction."""
    source: Text | None = None
    """A table that already exists; a run with [train] names it there."""
    label: Text | None = None
    """The data's label column where not named."""
    prediction: Text | None = None
    score: Text | None = None
    threshold: Number = UNASKED_THRESHOLD

    @model_validator(mode="after")
    def _decides(self) -> Self:
        if self.task == "regression" and (self.score is not None or self.threshold != UNASKED_THRESHOLD):
            raise ValueError(
                "a regression has neither score nor threshold; name the column of predictions (prediction)"
            )
        if self.task == "regression" and self.prediction is None:
            raise ValueError("name the column of predictions (prediction); a regression needs one")
        if self.prediction is None and self.score is None:
            raise ValueError(
                "name the column of predictions (prediction), or of scores with a threshold (score, threshold)"
            )
        if self.prediction is not None and self.prediction == self.score:
            raise ValueError(f"prediction and score are the same column '{self.score}'")
        return self


class EnergySection(Section):
    """Where the electricity comes from."""

    country: Text | None = None
    pue: Annotated[Number, Field(ge=1, le=5)] = 1.0


class Policy(Section):
    """How sure one must be, and what not being sure means."""

    confidence: Annotated[Number, Field(ge=0.5, lt=1)] = 0.95
    insufficient: Literal["fail", "warn"] = "fail"


class GateRule(Section):
    """One limit."""

    stage: Stage = "model"
    metric: Text
    compare: Compare | None = None
    by: Names | None = None
    """Columns whose crossing is compared; every group column in turn where not named."""
    min: Number | None = None
    max: Number | None = None

    @model_validator(mode="before")
    @classmethod
    def _bounded(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and raw.get("min") is None and raw.get("max") is None:
            raise ValueError("has no limit; give min or max as a number")
        return raw

    @model_validator(mode="after")
    def _possible(self) -> Self:
        compare = check_limits(self.stage, self.metric, self.compare, self.min, self.max, self.by)
        object.__setattr__(self, "compare", compare)
        return self

    @property
    def name(self) -> str:
        """Stage, metric, comparison and grouping, as the estimate it judges is called."""
        parts = [self.stage, self.metric, self.compare, "*".join(self.by or ())]
        return ".".join(p for p in parts if p)


class WaiverRule(Section):
    """Somebody's decision, with a name and a date, to let a gate pass that did not."""

    gate: Text
    owner: Text
    reason: Text
    expires: dt.date
    max_gap: Number | None = None


class Config(Section):
    """The whole question."""

    model: ModelInfo | None = None
    data: Data = Data()
    checks: Checks | None = None
    train: Train | None = None
    predictions: Predictions | None = None
    energy: EnergySection = EnergySection()
    policy: Policy = Policy()
    gates: tuple[GateRule, ...] | None = None
    waivers: tuple[WaiverRule, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.gates is not None and not self.gates:
            raise ValueError("gates: the list is empty, so nothing would be judged; add a gate or leave the key out")
        _whole_predictions(self)
        _whole_gates(self)
        return self

    @property
    def predictions_source(self) -> str | None:
        """Table of predictions, wherever it is named."""
        if self.predictions is None:
            return None
        return self.train.predictions if self.train is not None else self.predictions.source

    @property
    def predictions_label(self) -> str | None:
        """Label column of the predictions table."""
        return None if self.predictions is None else (self.predictions.label or self.data.label)

    @property
    def unit(self) -> str | None:
        """Column that names whom a row belongs to; None where every row is its own."""
        return None if self.data.unit == "row" else self.data.unit


def _whole_predictions(config: Config) -> None:
    asked = config.predictions
    if config.train is not None and asked is None:
        raise ValueError("train: [predictions] is missing; it names the columns of the table that training leaves")
    if asked is None:
        return
    if config.train is not None and asked.source is not None:
        raise ValueError("predictions.source: [train] predictions already names the table; give one of the two")
    if config.predictions_source is None:
        raise ValueError("predictions: no table is named; give [predictions] source or [train] predictions")
    if config.predictions_label is None:
        raise ValueError("predictions: no label; name it in [predictions] or [data]")
    if asked.task == "regression":
        _whole_regression(config)
    if config.predictions_label in {asked.prediction, asked.score}:
        raise ValueError(
            f"predictions: label and prediction are the same column '{config.predictions_label}', "
            "which would always look perfect"
        )


def _whole_regression(config: Config) -> None:
    if config.data.positive is not None:
        raise ValueError("data.positive: a regression has no positive class; leave positive out")
    if config.data.strata:
        raise ValueError("data.strata: a regression is not compared within strata; leave strata out")


def _whole_gates(config: Config) -> None:
    for at, gate in enumerate(config.gates or ()):
        where = f"gates[{at}] ({gate.name})"
        if gate.stage == "model" and config.predictions is None:
            raise ValueError(f"{where} judges a model, but there is no [predictions]")
        if gate.stage == "model" and config.predictions is not None:
            check_task(gate.metric, config.predictions.task, where)
        if gate.stage in {"data", "checks"} and config.data.source is None:
            raise ValueError(f"{where} judges data, but [data] names no source")
        _whole_grouping(config, where, gate)


def _whole_grouping(config: Config, where: str, gate: GateRule) -> None:
    if gate.stage in {"energy", "checks"}:
        return
    if gate.by is None and not config.data.groups:
        raise ValueError(f"{where} compares groups, but [data] groups names none")
    if gate.metric.startswith("conditional_") and not config.data.strata:
        raise ValueError(f"{where} compares within strata; name them in [data] strata")
    for column in gate.by or ():
        if column not in config.data.groups:
            raise ValueError(f"{where}: by names '{column}', which is not in [data] groups {list(config.data.groups)}")
    if len(gate.by or ()) > config.data.intersections:
        raise ValueError(f"{where}: by crosses {len(gate.by or ())} columns; set [data] intersections to at least that")
