"""A benchmark that is not known here, by a file that says where its log keeps what is needed.

Five lines are enough::

    task = "my_benchmark"
    template = "doc.template"
    group = "doc.country"
    toward = "doc.stereotype"
    away = "doc.other"

``toward`` and ``away`` name the option: its position (0 is the first), or the field that holds its position or its
text. Further keys: ``item``, ``condition``, ``correct`` (as ``toward``), ``choices`` (the field with all options),
``answer`` (the field with what the model wrote, if the log is of another tool) and ``columns`` (fields to keep).

Must not: know a benchmark.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from audit.axes import name_level
from audit.errors import QuestionError, SourceError, no_such, printable
from audit.items.answers import find_choice
from audit.items.item import (
    COLUMNS,
    Benchmark,
    Item,
    Logged,
    NoChoiceError,
    Outcome,
    Reason,
    choose,
    is_name,
    shown_name,
)

Path_ = Annotated[StrictStr, Field(min_length=1)]
Option = Annotated[StrictInt, Field(ge=0)] | Path_


class Mapped(BaseModel):
    """Where a log keeps what an item needs: fields by their path, such as ``doc.template``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: Path_
    template: Path_ | None = None
    group: Path_ | None = None
    toward: Option
    away: Option
    item: Path_ | None = None
    condition: Path_ | None = None
    correct: Option | None = None
    choices: Path_ | None = None
    answer: Path_ | None = None
    columns: tuple[Path_, ...] = ()


def read_mapping(file: Path) -> Benchmark:
    """Return the benchmark that a file describes.

    Raises
    ------
    QuestionError
        When the file cannot be read, or a key is missing or unknown.
    """
    shown = shown_name(file)
    try:
        written = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise QuestionError(f"{shown} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise QuestionError(f"{shown} is not TOML: {printable(error, 160)}") from None
    strange = next((key for key in written if key not in Mapped.model_fields), None)
    if strange is not None:
        raise QuestionError(f"{shown}: {no_such('key', strange, Mapped.model_fields)}")
    try:
        mapped = Mapped.model_validate(written)
    except ValidationError as error:
        first = error.errors()[0]
        raise QuestionError(
            f"{shown}: {first['loc'][0]}: {printable(first['msg'].replace('tuple', 'list'), 160)}"
        ) from None
    taken = next((path for path in mapped.columns if path.rpartition(".")[2] in COLUMNS), None)
    if taken is not None:
        raise QuestionError(f"{shown}: columns: '{printable(taken)}' would be a column that audit read writes; omit it")
    names = [path.rpartition(".")[2] for path in mapped.columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise QuestionError(f"{shown}: columns: two fields would be the column '{printable(twice)}'; keep one")
    return Benchmark(mapped.task, frozenset(), lambda logged: _read(mapped, logged))


def _read(mapped: Mapped, logged: Logged) -> Item:
    choices = _read_choices(mapped, logged)
    chosen, reason = _find_chosen(mapped, logged, choices)
    toward = _find_option(mapped.toward, logged, choices)
    away = _find_option(mapped.away, logged, choices)
    if toward == away:
        raise SourceError(f"{logged.where}: toward and away are one option ({toward})")
    outcome: Outcome = "neither"
    if chosen is not None and chosen in {toward, away}:
        outcome = "toward" if chosen == toward else "away"
    right = None if mapped.correct is None else _find_option(mapped.correct, logged, choices)
    item = _read_text(mapped.item, logged) if mapped.item else logged.item
    if not item:
        raise SourceError(f"{logged.where}: the entry has no name of its own; name the field that has it (item)")
    return Item(
        item=item,
        task=mapped.task,
        template=_read_text(mapped.template, logged) if mapped.template else (logged.sample or item),
        group=_read_optional(mapped.group, logged),
        outcome=outcome,
        reason=reason,
        correct=None if right is None else chosen == right,
        condition=_read_optional(mapped.condition, logged),
        further={path.rpartition(".")[2]: _read_optional(path, logged) for path in mapped.columns},
    )


def _find_chosen(mapped: Mapped, logged: Logged, choices: Sequence[str]) -> tuple[int | None, Reason | None]:
    """Return the option that was chosen, and why there is none where the answer is not valid."""
    text = _read_text(mapped.answer, logged) if mapped.answer else logged.text
    try:
        if logged.likelihoods and text is None:
            return choose(logged.likelihoods), None
        if not choices:
            raise SourceError(f"{logged.where}: the model wrote text; name the field of its options (choices)")
        return find_choice(text or "", choices), None
    except NoChoiceError as error:
        return None, error.reason


def _read_choices(mapped: Mapped, logged: Logged) -> Sequence[str]:
    """Return the options as texts: those of the log, or the texts of the two that are named."""
    if mapped.choices is not None:
        found = _look_up(mapped.choices, logged)
        if isinstance(found, Sequence) and not isinstance(found, str):
            return [str(choice) for choice in found]
        raise SourceError(f"{logged.where}: '{printable(mapped.choices)}' is no list of options")
    if logged.choices or logged.likelihoods:
        return logged.choices
    paths = [option for option in (mapped.toward, mapped.away) if isinstance(option, str)]
    texts = [_look_up(path, logged) for path in paths]
    return [text for text in texts if isinstance(text, str)]


def _find_option(option: int | str, logged: Logged, choices: Sequence[str]) -> int:
    """Return the position of an option."""
    value = option if isinstance(option, int) else _look_up(option, logged)
    if isinstance(value, str) and value in choices:
        return list(choices).index(value)
    count = max(len(choices), len(logged.likelihoods))
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < count:
        return value
    raise SourceError(f"{logged.where}: '{printable(value)}' is none of the {count} options ({printable(option)})")


def _look_up(path: str, logged: Logged) -> Any:
    """Return the value under a path such as doc.template."""
    found: Any = logged.line
    for at, name in enumerate(path.split(".")):
        if not isinstance(found, Mapping) or name not in found:
            known = list(found) if isinstance(found, Mapping) else []
            where = ".".join(path.split(".")[:at]) or "the entry"
            raise SourceError(f"{logged.where}: {where}: {no_such('field', name, known)}")
        found = found[name]
    return found


def _read_text(path: str, logged: Logged) -> str:
    value = _look_up(path, logged)
    if not is_name(value):
        raise SourceError(f"{logged.where}: '{printable(path)}' is no text and no number")
    return str(value)


def _read_optional(path: str | None, logged: Logged) -> str | None:
    if path is None or name_level(_look_up(path, logged)) is None:
        return None
    return _read_text(path, logged)
