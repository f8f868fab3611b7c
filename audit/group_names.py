"""Names of groups as people read them: those that look alike are quoted, or spelled out.

Must not: shorten two names to one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

from audit.errors import printable
from audit.estimate import Group

NAME_LENGTH = 40
Level = str | None
Name = Callable[[Level], str]


def group_text(group: Group, name: Name | None = None) -> str:
    """Group's name as people read it; a level with a blank at its end is quoted."""
    return " x ".join("(missing)" if level is None else (name or level_text)(level) for level in group) or "everybody"


def level_text(level: Level) -> str:
    """Level as people read it."""
    shown = printable(level, NAME_LENGTH)
    return shown if level is None or not level.strip() or level == level.strip() else f"'{shown}'"


def told_apart(groups: Sequence[Group]) -> Callable[[Group], str]:
    """How each of these groups is written, so that no two look alike.

    >>> write = told_apart([("Male",), (" Male",), ("female",)])
    >>> write((" Male",)), write(("Male",)), write(("female",))
    ("' Male'", "'Male'", 'female')
    """
    kin: dict[str, set[str]] = {}
    for level in {level for group in groups for level in group if level is not None}:
        kin.setdefault(_looks(level), set()).add(level)
    written = {level: _written(alike) for alike in kin.values() if len(alike) > 1 for level in alike}
    return lambda group: group_text(group, lambda level: written.get(level or "", level_text)(level))


def _looks(level: str) -> str:
    """What is left of a name for a reader in a hurry: its start, without blanks, case and forms of one letter."""
    return "".join(unicodedata.normalize("NFKC", level).casefold().split())[: NAME_LENGTH - 2]


def _written(alike: set[str]) -> Name:
    """Quotes where they tell names apart; otherwise every unusual character by its code, at any length."""
    quoted = {f"'{printable(level, NAME_LENGTH)}'" for level in alike}
    seen = {unicodedata.normalize("NFKC", text) for text in quoted}
    if len(seen) == len(alike):
        return lambda level: f"'{printable(level, NAME_LENGTH)}'"
    return ascii
