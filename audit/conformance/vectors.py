"""Golden vectors as a file: the shapes of a vector, and its strict reading.

Plain JSON, so that any other system can be held to the same numbers:

- ``input.cells`` has one row a cell, named by ``input.columns``; the last column, ``n``, counts the rows that it is.
- A question with a ``prediction`` or a ``score`` is one to `audit.measure` (stage "model"), any other one to
  `audit.check` (stage "data").
- An expected estimate is found by stage, metric, compare, by, group, reference and outcome (the class). Each of
  ``value``, ``low``, ``high`` and ``n`` that is given must come out within ``tolerance``. ``status: "undefined"``
  demands no number, and a reason with the given words in it. ``verdict`` lists what the gates may say; ``refused``
  demands an error with these words.

Must not: compute anything, or accept a vector that expects nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from audit.axes import Task
from audit.errors import QuestionError, SourceError, printable
from audit.estimate import Group, Stage
from audit.record.result import Verdict
from audit.system import strict_json
from audit.system.environment import find_asset

SHIPPED = "reports/conformance/vectors.json"
COUNT = "n"
LARGEST_BYTES = 16 * 1024 * 1024
MOST_ROWS = 1_000_000
Scalar = bool | int | float | str | None
Kind = Literal["published number", "worked example", "peer's defect"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Cells(_Strict):
    """A table as counts."""

    columns: tuple[str, ...] = Field(min_length=2)
    cells: tuple[tuple[Scalar, ...], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _counts(self) -> Cells:
        if self.columns[-1] != COUNT or len(set(self.columns)) < len(self.columns):
            raise ValueError(f"columns must be different and end in '{COUNT}'")
        for i, cell in enumerate(self.cells):
            if len(cell) != len(self.columns):
                raise ValueError(f"cell {i} has {len(cell)} values, there are {len(self.columns)} columns")
            if type(cell[-1]) is not int or cell[-1] < 0:
                raise ValueError(f"cell {i}: '{COUNT}' must be a whole number, not negative")
        if sum(int(c[-1] or 0) for c in self.cells) > MOST_ROWS:
            raise ValueError(f"the cells stand for more than {MOST_ROWS:,} rows")
        return self

    def rows(self) -> dict[str, list[Scalar]]:
        """Return columns with every cell repeated as often as it counts."""
        return {
            name: [value for cell in self.cells for value in [cell[i]] * int(cell[-1] or 0)]
            for i, name in enumerate(self.columns[:-1])
        }


class Question(_Strict):
    """What is asked of the table, by names of its columns."""

    groups: tuple[str, ...] = Field(min_length=1)
    task: Task = "classification"
    label: str | None = None
    prediction: str | None = None
    against: str | None = None
    score: str | None = None
    classes: bool = False
    query: str | None = None
    rank: str | None = None
    top: tuple[int, ...] | None = None
    weight: str | None = None
    unit: str | None = None
    strata: tuple[str, ...] = ()
    positive: Scalar = None
    threshold: float | Literal["median"] = 0.5
    reference: Mapping[str, Scalar] = Field(default_factory=dict)
    intersections: int = 1
    confidence: float = 0.95
    gates: tuple[dict[str, Any], ...] = ()

    @property
    def of_model(self) -> bool:
        """Whether predictions are audited, and not the labels alone."""
        return any(role is not None for role in (self.prediction, self.score, self.rank))

    def names(self) -> tuple[str, ...]:
        """Return every column that is asked for."""
        roles = (self.label, self.prediction, self.against, self.score, self.query, self.rank, self.weight, self.unit)
        return (*self.groups, *self.strata, *(r for r in roles if r is not None))


class Expected(_Strict):
    """One estimate that must come out."""

    stage: Stage
    metric: str
    compare: str | None = None
    by: tuple[str, ...] = ()
    group: Group | None = None
    reference: Group | None = None
    outcome: str | None = None
    pair: tuple[Group, Group] | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: float | None = None
    tolerance: float = Field(default=0.0, ge=0)
    status: Literal["ok", "undefined"] = "ok"
    reason_contains: str = ""

    @model_validator(mode="after")
    def _says_something(self) -> Expected:
        if self.status == "undefined" and (self.value is not None or not self.reason_contains):
            raise ValueError("an undefined estimate has no value, and 'reason_contains' says why")
        if self.status == "ok" and (self.reason_contains or all(v is None for v in self.numbers().values())):
            raise ValueError("an estimate that is expected has a value, low, high or n, and no reason")
        return self

    def numbers(self) -> dict[str, float | None]:
        """Return what may be compared, by field."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}

    def __str__(self) -> str:
        where = ",".join(f"{b}={printable(g)}" for b, g in zip(self.by, self.group or (), strict=False))
        return ".".join(printable(p) for p in (self.stage, self.metric, self.compare) if p) + f"[{where}]"


class Vector(_Strict):
    """A table, a question, and what must come out."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,79}$")
    title: str = Field(min_length=1)
    source: str = Field(min_length=1)
    kind: Kind
    note: str = ""
    input: Cells
    question: Question
    expected: tuple[Expected, ...] = ()
    verdict: tuple[Verdict, ...] = ()
    refused: str = ""

    @model_validator(mode="after")
    def _can_be_asked(self) -> Vector:
        absent = next((n for n in self.question.names() if n not in self.input.columns[:-1]), None)
        if absent is not None:
            raise ValueError(f"the question names '{printable(absent)}', which is not a column of the input")
        if self.question.task != "classification" and not self.question.of_model:
            raise ValueError(f"a question of the task {self.question.task} names a prediction, a score or a rank")
        if self.question.of_model and (self.question.strata or self.question.label is None):
            raise ValueError("a question about predictions has a label, and no strata")
        if bool(self.refused) == bool(self.expected or self.verdict):
            raise ValueError("a vector expects estimates or a verdict, or it is refused: one of the two")
        return self


class Vectors(_Strict):
    """The whole file."""

    schema_: Literal["evenhand-vectors/1"] = Field(alias="schema")
    about: str = ""
    vectors: tuple[Vector, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique(self) -> Vectors:
        ids = [v.id for v in self.vectors]
        twice = next((i for i in ids if ids.count(i) > 1), None)
        if twice is not None:
            raise ValueError(f"the id '{twice}' stands twice")
        return self


def read(path: Path | None = None) -> tuple[Vector, ...]:
    """Return vectors of a file; the shipped ones where none is named.

    Raises
    ------
    SourceError
        The file cannot be read, or is no strict JSON.
    QuestionError
        It holds something that is no vector; the place is named.
    """
    file = find_asset(SHIPPED) if path is None else Path(path)
    shown = printable(file, 200)
    text = _read_text(file, shown)
    try:
        strict_json.read_value(text, infinite=True)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"'{shown}' is not strict JSON: {printable(error, 160)}") from None
    try:
        return Vectors.model_validate_json(text).vectors
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = printable(".".join(str(p) for p in first["loc"]) or "the document", 160)
        raise QuestionError(f"'{shown}' holds no valid vectors: {place}: {printable(first['msg'], 200)}") from None


def _read_text(file: Path, shown: str) -> str:
    """Return the text of a file of bounded size."""
    try:
        return strict_json.read_text(file, LARGEST_BYTES)
    except OSError as error:
        raise SourceError(f"'{shown}' cannot be read: {error.strerror}") from error
    except strict_json.NotStrictError as error:
        said = {
            "absent": "is no file; name a JSON file of vectors",
            "kind": "is no file; name a JSON file of vectors",
            "large": f"is larger than {LARGEST_BYTES:,} bytes; vectors are small tables of counts",
        }
        raise SourceError(f"'{shown}' {said.get(error.fault, 'is not UTF-8; save it as UTF-8')}") from None
