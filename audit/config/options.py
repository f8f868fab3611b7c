"""How a key of audit.toml is asked, in the file and outside: as an option of a command, as an argument of Python.

Beside it stand the kinds of values that a key takes, and names in one text.

Must not: know which keys there are, or how a command line is parsed.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictStr,
    StringConstraints,
    model_validator,
)

from audit.axes import MEDIAN
from audit.errors import QuestionError, printable
from audit.tables.formats.dialect import Dialect, make_dialect

Text = Annotated[str, StringConstraints(strict=True, min_length=1, strip_whitespace=True)]
Command = Annotated[tuple[Text, ...], Field(min_length=1)]
LARGEST_TOP, MOST_TOPS = 1_000_000, 8
Place = Annotated[int, Field(ge=1, le=LARGEST_TOP, strict=True)]


QUOTED = r'"(?:[^"]|"")*"'
"""A name that holds what would end it, as a CSV quotes it."""
DAY = re.compile(r"\d{4}-\d\d-\d\d")
MERGED = re.compile(
    rf"\s*(?P<column>{QUOTED}|[^:=\"]+?)\s*:\s*(?P<new>{QUOTED}|[^=\"]+?)\s*=(?P<levels>.*\S.*)", re.DOTALL
)
"""Levels that a command line joins; a name that holds a colon or an equals sign is quoted."""
Door = Literal["data", "model", "count", "check", "measure"]
"""Where a question can be asked without a file: three commands, and two functions of Python."""
COMMANDS: tuple[Door, ...] = ("data", "model", "count")
OF_TABLES: tuple[Door, ...] = (*COMMANDS, "check")
"""Doors that are given a table, and name its columns."""
EVERYWHERE: tuple[Door, ...] = (*OF_TABLES, "measure")
OF_AUDITS: tuple[Door, ...] = ("data", "model", "check", "measure")
FROM_FILES: tuple[Door, ...] = ("data", "model")
OF_DATA: tuple[Door, ...] = ("data", "check")
OF_MODELS: tuple[Door, ...] = ("model", "measure")
OF_PAIRS: tuple[Door, ...] = ("model", "count", "measure")
COMMAS = "separated by commas (quote a name that contains one: '\"age, years\",sex')"


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a shell hands over for an option, and the value of the key that is made of it."""

    kind: Any
    to_value: Callable[[Any, str], Any]
    """From what was given and the name of the option; None where it says nothing."""
    metavar: str | None = None
    """What ``--help`` calls the value."""


def _keep(given: Any, _: str) -> Any:
    return given


def _switch_on(given: bool, _: str) -> bool | None:
    return given or None


def _split_names(texts: Sequence[str], flag: str) -> list[str] | None:
    return split(texts, flag) or None


def _to_levels(texts: Sequence[str], flag: str) -> dict[str, str] | None:
    pairs: dict[str, str] = {}
    for text in texts:
        name, value = pair(text, flag)
        if name in pairs:
            raise QuestionError(f"{flag} names '{printable(name)}' twice; give it once")
        pairs[name] = value
    return pairs or None


def _to_bands(texts: Sequence[str], flag: str) -> dict[str, list[float]] | None:
    pairs = _to_levels(texts, flag) or {}
    return {name: [_read_number(edge, flag) for edge in edges.split(",")] for name, edges in pairs.items()} or None


def _to_merges(texts: Sequence[str], flag: str) -> dict[str, dict[str, list[str]]] | None:
    merged: dict[str, dict[str, list[str]]] = {}
    for text in texts:
        found = MERGED.fullmatch(text)
        if found is None:
            raise QuestionError(f"{flag} '{printable(text)}' cannot be read; write COLUMN:NEW=LEVEL,LEVEL")
        column, new = _unquote_name(found["column"]), _unquote_name(found["new"])
        lists = merged.setdefault(column, {})
        if new in lists:
            raise QuestionError(f"{flag} names '{printable(column)}:{printable(new)}' twice; list all its levels once")
        lists[new] = split_names(found["levels"], where=flag)
    return merged or None


def _unquote_name(text: str) -> str:
    name = text.strip()
    return name[1:-1].replace('""', '"').strip() if name.startswith('"') else name


def _to_places(texts: Sequence[str], flag: str) -> list[int] | None:
    return [_to_whole_number(text, flag) for text in split(texts, flag)] or None


def _to_threshold(given: str | float, flag: str) -> float | str:
    if given == MEDIAN:
        return given
    return _read_number(given, f"{flag} (or {MEDIAN})")


def _read_number(text: str | float, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise QuestionError(f"{where}: '{printable(text)}' is not a number") from None


def _to_whole_number(text: str, where: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise QuestionError(f"{where}: '{printable(text)}' is not a whole number") from None


TEXT = Reading(str, _keep, "TEXT")
COLUMN = Reading(str, _keep, "COLUMN")
"""One column, by its name; in Python also its values."""
CLASS = Reading(str, _keep, "VALUE")
WHOLE_NUMBER = Reading(int, _keep, "N")
NUMBER = Reading(float, _keep, "NUMBER")
SWITCH = Reading(bool, _switch_on)
ALLOWED = Reading(bool, lambda given, _: "warn" if given else None)
"""A switch that lets pass what would otherwise not."""
FILE = Reading(Path, lambda path, _: str(path), "FILE")
DIALECT = Reading(str, lambda text, _: make_dialect(text).table, "HOW")
THRESHOLD = Reading(str, _to_threshold, "NUMBER")
NAMES = Reading(list[str], _split_names, "COLUMNS")
PLACES = Reading(list[str], _to_places, "N,N")
LEVELS = Reading(list[str], _to_levels, "COLUMN=GROUP")
"""A level by column, such as ``race=white``."""
BANDS = Reading(list[str], _to_bands, "COLUMN=EDGES")
MERGES = Reading(list[str], _to_merges, "COLUMN:NEW=LEVELS")
"""Levels that are joined under a new name, such as ``race:Other=Asian,Inuit``."""
SHARES = Reading(list[str], _keep)
"""Shares of levels by column, which no command line asks for."""


@dataclass(frozen=True, slots=True)
class Option:
    """How one key is asked."""

    help: str
    """What ``--help`` says of it."""
    doors: tuple[Door, ...] = ()
    """Where it can be asked; nowhere but in a file by default."""
    reads: Reading = TEXT
    place: int | None = None
    """Where ``--help`` has it: the smallest first, those of one place as their fields stand; that of its section."""
    flag: str | None = None
    """Name on a command line, where it is not that of the key."""
    argument: str | None = None
    """Name in Python, where it is not that of the key."""
    metavar: str | None = None
    bounds: tuple[int, int] | None = None
    """Of a number: what a command line takes at all."""
    elsewhere: bool = False
    """Whether it says where rows lie or what reads them, so that two audits of one question may differ in it."""
    narrower: bool = False
    """Whether a policy may ask less of it than was counted."""


@dataclass(frozen=True, slots=True)
class CountedBy:
    """Says of a field that its value asks for a kind of count, and in which file of `audit.counting.kinds` that is."""

    kind: str


@dataclass(frozen=True, slots=True)
class AskedKey:
    """A key of audit.toml with the option that asks for it."""

    section: str
    key: str
    option: Option

    @property
    def flag(self) -> str:
        """The option as it is written on a command line."""
        return self.option.flag or f"--{self.key.replace('_', '-')}"

    @property
    def argument(self) -> str:
        """The argument as a function of Python has it."""
        return self.option.argument or self.key

    def read(self, given: Any) -> Any:
        """Return the value of the key from what the command line was given; None where that is nothing."""
        if given is None:
            return None
        return self.option.reads.to_value(given, self.flag)


# Names of columns in one text, as options and limits write them; a name that holds the separator is quoted.
def split_names(text: str, separators: str = ",", where: str = "") -> list[str]:
    """Return names in order; one in double quotes may hold anything, a quote in it doubled, as in a CSV.

    >>> split_names('race, "age, years",sex')
    ['race', 'age, years', 'sex']
    """
    mark = re.escape(separators)
    # A quoted name, then what wrongly follows it, up to the separator or the end.
    one = re.compile(rf"\s*(?P<quoted>{QUOTED})?(?P<plain>[^{mark}]*)(?:[{mark}]|\Z)")
    names, at = [], 0
    while at < len(text) and (found := one.match(text, at)) is not None:
        names.append(_unquote(found["quoted"], found["plain"].strip(), text, where))
        at = found.end()
    return [name for name in names if name]


def _unquote(quoted: str | None, rest: str, text: str, where: str) -> str:
    begun = f"{where} " if where else ""
    if quoted is not None and rest:
        raise QuestionError(
            f"{begun}'{printable(text)}' cannot be read: {printable(rest)} follows a closing quote; quote the "
            'whole name, and double each quote in it ("")'
        )
    if quoted is not None:
        return quoted[1:-1].replace('""', '"').strip()
    if rest.startswith('"'):
        raise QuestionError(f"{begun}'{printable(text)}' cannot be read: a quote is not closed; close it")
    return rest


def split(texts: Sequence[str] | None, where: str = "") -> list[str]:
    """Return names from an option that may be repeated and may hold several."""
    names: list[str] = []
    for text in texts or ():
        names += split_names(text, where=where)
    return names


def pair(text: str, where: str) -> tuple[str, str]:
    """Name and value of ``COLUMN=VALUE``; a name with an equals sign is quoted."""
    found = re.fullmatch(rf"\s*(?:({QUOTED})\s*|([^=]+))=(.+)", text, re.DOTALL)
    if found is None or not (found[1] or found[2]).strip() or not found[3].strip():
        raise QuestionError(f"{where} '{printable(text)}' cannot be read; write COLUMN=VALUE")
    name = found[1][1:-1].replace('""', '"') if found[1] else found[2]
    return name.strip(), found[3].strip()


# What a value of audit.toml may be, and what every section is: closed and frozen.
def _to_number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"must be a number, not {_describe_kind(value)}")  # noqa: TRY004 - pydantic collects ValueError
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"must fit a double, and has {len(str(value)):,} digits; write a smaller number") from None


def _require_finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"must be a finite number, not {value}")
    return value


def _describe_kind(value: object) -> str:
    names = {bool: "true or false", str: "text", list: "a list", dict: "a table", type(None): "nothing"}
    return f"{names.get(type(value), type(value).__name__)} ({value!r:.40})"


def _require_distinct(names: tuple[Any, ...]) -> tuple[Any, ...]:
    seen: set[Any] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"names '{name}' twice; name it once")
        seen.add(name)
    return names


def is_outside(path: str) -> bool:
    """Return whether a path written on any system is absolute, or leads out of the folder that it starts from."""
    depth = 0
    for part in path.replace("\\", "/").split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return True
    return PurePosixPath(path).is_absolute() or bool(PureWindowsPath(path).anchor)


def _require_day(raw: Any) -> Any:
    """Refuse a moment and a number: which day they are depends on where one is."""
    if isinstance(raw, dt.datetime) or not (isinstance(raw, dt.date) or (isinstance(raw, str) and DAY.fullmatch(raw))):
        raise ValueError(f"must be a date such as 2027-03-01 (it is {printable(str(raw), 40)})")
    return raw


Number = Annotated[float, BeforeValidator(_to_number), AfterValidator(_require_finite)]
Day = Annotated[dt.date, BeforeValidator(_require_day)]


Names = Annotated[tuple[Text, ...], AfterValidator(_require_distinct)]


class Section(BaseModel):
    """Closed and frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Csv(Section):
    """How the CSV of an office is written: what is not said is as everywhere, a comma, a point and UTF-8."""

    separator: StrictStr | None = None
    """One character; ``tab`` is one too. A comma, or the tab of a .tsv, where none is named."""
    decimal: StrictStr | None = None
    """What stands before the places of a fraction: a point, or a comma."""
    encoding: StrictStr | None = None
    """Encoding of the text, such as latin-1; UTF-8 where not given."""

    @model_validator(mode="after")
    def _require_dialect(self) -> Self:
        try:
            _ = self.dialect
        except QuestionError as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def dialect(self) -> Dialect:
        """The same, checked."""
        return make_dialect(self.model_dump(exclude_none=True))
