"""How a key of audit.toml is asked outside the file: as an option of a command, as an argument of Python.

Must not: know which keys there are, or how a command line is parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from audit.axes import MEDIAN
from audit.config.quoted_names import pair, split
from audit.errors import QuestionError, printable
from audit.tables.formats.dialect import make_dialect

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
    return {name: [_to_number(edge, flag) for edge in edges.split(",")] for name, edges in pairs.items()} or None


def _to_places(texts: Sequence[str], flag: str) -> list[int] | None:
    return [_to_whole_number(text, flag) for text in split(texts, flag)] or None


def _to_threshold(given: str | float, flag: str) -> float | str:
    if given == MEDIAN:
        return given
    return _to_number(given, f"{flag} (or {MEDIAN})")


def _to_number(text: str | float, where: str) -> float:
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
MERGES = Reading(list[str], _keep)
"""Levels that are joined by new name and column, which no command line asks for."""
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
