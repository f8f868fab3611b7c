"""The conformance kit: golden vectors with what must come out, run through the public interface.

A vector is a small table as counts, a question, and the expected estimates with their source and tolerance. Its file is
plain JSON, so that any other system can be held to the same numbers; the shapes are the classes here:

- ``input.cells`` has one row a cell, named by ``input.columns``; the last column, ``n``, says how many rows it stands for.
- A question with a ``prediction`` or a ``score`` is one to `audit.measure` (stage "model"), any other one to
  `audit.check` (stage "data").
- An expected estimate is found by stage, metric, compare, by, group and reference. Each of ``value``, ``low``, ``high``
  and ``n`` that is given must come out within ``tolerance``. ``status: "undefined"`` demands no number, and a reason that
  contains the given words. ``verdict`` lists what the gates may say; ``refused`` demands an error with these words.

Must not: compute a metric, or accept a vector that expects nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from audit import api
from audit.assets import asset
from audit.errors import AuditError, QuestionError, SourceError, printable
from audit.result import AuditResult
from audit.value import Estimate, Group, Stage

SHIPPED = "reports/conformance/vectors.json"
SCHEMA = "evenhand-vectors/1"
COUNT = "n"
LARGEST_BYTES = 16 * 1024 * 1024
MOST_ROWS = 1_000_000
Scalar = bool | int | float | str | None
Kind = Literal["published number", "worked example", "peer's defect"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one vector."""

    id: str
    title: str
    passed: bool
    detail: str
    """What differs; where nothing does, what was compared."""


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
        """Columns with every cell repeated as often as it counts."""
        return {
            name: [value for cell in self.cells for value in [cell[i]] * int(cell[-1] or 0)]
            for i, name in enumerate(self.columns[:-1])
        }


class Question(_Strict):
    """What is asked of the table, by names of its columns."""

    groups: tuple[str, ...] = Field(min_length=1)
    label: str | None = None
    prediction: str | None = None
    score: str | None = None
    weight: str | None = None
    unit: str | None = None
    strata: tuple[str, ...] = ()
    positive: Scalar = None
    threshold: float = 0.5
    reference: Mapping[str, Scalar] = Field(default_factory=dict)
    intersections: int = 1
    confidence: float = 0.95
    gates: tuple[dict[str, Any], ...] = ()

    @property
    def of_model(self) -> bool:
        """Whether predictions are audited, and not the labels alone."""
        return self.prediction is not None or self.score is not None

    def names(self) -> tuple[str, ...]:
        """Every column that is asked for."""
        roles = (self.label, self.prediction, self.score, self.weight, self.unit)
        return (*self.groups, *self.strata, *(r for r in roles if r is not None))


class Expected(_Strict):
    """One estimate that must come out."""

    stage: Stage
    metric: str
    compare: str | None = None
    by: tuple[str, ...] = ()
    group: Group | None = None
    reference: Group | None = None
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
        """What may be compared, by field."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}

    def __str__(self) -> str:
        where = ",".join(f"{b}={printable(g)}" for b, g in zip(self.by, self.group or (), strict=False))
        return ".".join(p for p in (self.stage, self.metric, self.compare) if p) + f"[{where}]"


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
    verdict: tuple[str, ...] = ()
    refused: str = ""

    @model_validator(mode="after")
    def _can_be_asked(self) -> Vector:
        absent = next((n for n in self.question.names() if n not in self.input.columns[:-1]), None)
        if absent is not None:
            raise ValueError(f"the question names '{printable(absent)}', which is no column of the input")
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
    """Vectors of a file; the shipped ones where none is named.

    Raises
    ------
    SourceError
        The file cannot be read, or is no strict JSON.
    QuestionError
        It holds something that is no vector; the place is named.
    """
    file = asset(SHIPPED) if path is None else Path(path)
    shown = printable(file, 200)
    text = _text(file, shown)
    try:
        json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"'{shown}' is not strict JSON: {printable(error, 160)}") from None
    try:
        return Vectors.model_validate_json(text).vectors
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = printable(".".join(str(p) for p in first["loc"]) or "the document", 160)
        raise QuestionError(f"'{shown}' holds no valid vectors: {place}: {printable(first['msg'], 200)}") from None


def run(vectors: Path | None = None) -> tuple[Outcome, ...]:
    """Run every vector of a file through `audit.measure` or `audit.check`.

    Parameters
    ----------
    vectors
        A file of vectors; the shipped ones where none is named.

    Returns
    -------
    tuple of Outcome
        In the order of the file.
    """
    return tuple(outcome(v) for v in read(vectors))


def outcome(vector: Vector) -> Outcome:
    """What comes of one vector."""
    try:
        found = ask(vector)
    except AuditError as error:
        right = bool(vector.refused) and vector.refused in str(error)
        return Outcome(vector.id, vector.title, right, f"refused: {error}")
    wrong = [f"not refused; {vector.refused!r} was expected"] if vector.refused else list(_differences(vector, found))
    return Outcome(vector.id, vector.title, not wrong, "; ".join(wrong) or _compared(vector))


def table(outcomes: Sequence[Outcome] | None = None) -> str:
    """One line a vector, then the sum; runs the shipped vectors where no outcomes are given."""
    shown = run() if outcomes is None else tuple(outcomes)
    width = max((len(o.id) for o in shown), default=0)
    lines = [f"{'ok    ' if o.passed else 'FAILED'}  {o.id:<{width}}  {o.detail}" for o in shown]
    return "\n".join([*lines, f"{sum(o.passed for o in shown)} of {len(shown)} vectors came out as expected"])


def ask(vector: Vector) -> AuditResult:
    """Result for the table and the question of a vector."""
    q, rows = vector.question, vector.input.rows()
    common: dict[str, Any] = {
        "positive": q.positive,
        "reference": dict(q.reference) or None,
        "intersections": q.intersections,
        "confidence": q.confidence,
        "gates": q.gates,
    }
    if not q.of_model:
        return api.check(rows, label=q.label, groups=q.groups, weight=q.weight, unit=q.unit, strata=q.strata, **common)
    roles = {"y_pred": q.prediction, "score": q.score, "weight": q.weight, "unit": q.unit}
    columns = {role: rows[name] for role, name in roles.items() if name is not None}
    groups = {name: rows[name] for name in q.groups}
    return api.measure(rows[str(q.label)], groups=groups, threshold=q.threshold, **columns, **common)


def _differences(vector: Vector, found: AuditResult) -> Iterator[str]:
    if vector.verdict and found.verdict not in vector.verdict:
        yield f"the verdict is {found.verdict}, expected {' or '.join(vector.verdict)}"
    for expected in vector.expected:
        same = [e for e in found.estimates if _meant(expected, e)]
        if len(same) != 1:
            yield f"{expected}: {len(same)} such estimates, expected one"
        else:
            yield from _unlike(expected, same[0])


def _meant(expected: Expected, found: Estimate) -> bool:
    same = ("stage", "metric", "compare", "by", "group")
    return all(getattr(expected, f) == getattr(found, f) for f in same) and (
        expected.reference is None or expected.reference == found.reference
    )


def _unlike(expected: Expected, found: Estimate) -> Iterator[str]:
    if found.status != expected.status:
        yield f"{expected} is {_shown(found.value)} ({found.status}), expected {expected.status}"
        return
    if expected.reason_contains not in (found.reason or ""):
        yield f"{expected}: the reason is '{found.reason}', expected words are '{expected.reason_contains}'"
    if expected.pair is not None and expected.pair != found.pair:
        yield f"{expected} is between {found.pair}, expected {expected.pair}"
    for name, want in expected.numbers().items():
        got = getattr(found, name)
        if want is not None and (got is None or not math.isclose(got, want, rel_tol=0, abs_tol=expected.tolerance)):
            yield f"{expected}: {name} is {_shown(got)}, expected {want:.10g} ± {expected.tolerance:g}"


def _compared(vector: Vector) -> str:
    count = sum(1 if e.status == "undefined" else sum(v is not None for v in e.numbers().values())
                for e in vector.expected) + bool(vector.verdict)  # fmt: skip
    return f"{count} as expected ({vector.kind})"


def _shown(value: float | None) -> str:
    return "no number" if value is None else f"{value:.10g}"


def _text(file: Path, shown: str) -> str:
    """Text of a file of bounded size."""
    try:
        if not file.is_file():
            raise SourceError(f"'{shown}' is no file; name a JSON file of vectors")
        if file.stat().st_size > LARGEST_BYTES:
            raise SourceError(f"'{shown}' is larger than {LARGEST_BYTES:,} bytes; vectors are small tables of counts")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise SourceError(f"'{shown}' cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise SourceError(f"'{shown}' is not UTF-8; save it as UTF-8") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [k for k, _ in pairs]
    twice = next((k for k in keys if keys.count(k) > 1), None)
    if twice is not None:
        raise ValueError(f"the key '{printable(twice)}' stands twice in one object")
    return dict(pairs)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
