"""Sections of audit.toml but for limits: closed, frozen, and strict about what a value is.

Must not: open a table, or import numpy; ``audit gate`` and ``--help`` pay for this module.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from audit.catalogue import Task

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
    exact_auc: Annotated[bool, Field(strict=True)] = False
    """Sort all rows by score once, so that roc_auc is exact and not bounded by what score bins hide."""

    @model_validator(mode="after")
    def _decides(self) -> Self:
        if self.task == "regression" and (self.score is not None or self.threshold != UNASKED_THRESHOLD):
            raise ValueError(
                "a regression has neither score nor threshold; name the column of predictions (prediction)"
            )
        if self.task == "regression" and self.prediction is None:
            raise ValueError("name the column of predictions (prediction); a regression needs one")
        if self.exact_auc and self.score is None:
            raise ValueError("exact_auc needs scores to sort by; name their column (score), or leave exact_auc out")
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
