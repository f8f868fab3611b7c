"""Where a limit is written: the file that sets it, and the line of its table there.

A line is never guessed. The text is read without its strings and comments, and if what is found there are not as many
tables as the TOML has, no limit has a line.

Must not: judge, or name a file that does not exist.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.config.read import DEFAULT_NAME, load
from audit.config.schema import Config, GateRule
from audit.errors import QuestionError
from audit.gates.judge import expand_rules
from audit.record.result import Gate, LimitKey, identify_limit
from audit.system.environment import find_checkout

# TOML 1.0: strings of several lines and of one, basic and literal, and comments.
OPAQUE = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}'
    r"|'''(?:[^']|'(?!''))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*",
    re.DOTALL,
)
NOT_LINE_END = re.compile(r"[^\n]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line of a file in the checkout."""

    file: str
    """Path from the root of the checkout, with slashes."""
    line: int | None = None
    """From 1; None where the file as a whole is meant."""


def find_limit_places(gates: Sequence[Gate], config: Path | None) -> list[Place | None]:
    """Return where each limit is written; None for a limit that no file sets.

    Parameters
    ----------
    gates
        Judged limits.
    config
        The audit.toml that set them, or its folder; where none is named, that of this folder counts for the limits
        that it sets in just this way.
    """
    file = Path(DEFAULT_NAME) if config is None else config
    file = file / DEFAULT_NAME if file.is_dir() else file
    where = name_in_checkout(file)
    if where is None:
        return [None] * len(gates)
    try:
        asked, _ = load(file)
        lines = find_rule_lines(file.read_text(encoding="utf-8-sig"), asked)
    except (OSError, QuestionError):
        return [None] * len(gates)
    return [_find_place(gate, where, lines, named=config is not None) for gate in gates]


def _find_place(gate: Gate, where: str, lines: Mapping[LimitKey, int | None], *, named: bool) -> Place | None:
    key = identify_limit(gate)
    if key in lines:
        return Place(file=where, line=lines[key])
    # A suite or the four-fifths rule sets a limit that has no table of its own.
    return Place(file=where) if named else None


def find_rule_lines(text: str, config: Config) -> dict[LimitKey, int | None]:
    """Return the line of each limit that a file sets, by name, min and max; a limit on every column stands once.

    Parameters
    ----------
    text
        The file.
    config
        What was read of it.
    """
    rules = config.gates or ()
    lines = find_table_lines(text, "gates")
    if len(lines) != len(rules):
        lines = [None] * len(rules)
    found: dict[LimitKey, int | None] = {}
    for rule, line in zip(rules, lines, strict=True):
        for each in expand_rules(_ask_only(config, rule)):
            found.setdefault(identify_limit(each), line)
    return found


def _ask_only(config: Config, rule: GateRule) -> Config:
    """Return the configuration with one limit alone, and without what sets limits beside it."""
    policy = config.policy.model_copy(update={"four_fifths": False})
    return config.model_copy(update={"gates": (rule,), "checks": None, "policy": policy})


def find_table_lines(text: str, name: str) -> list[int | None]:
    r"""Return the line, from 1, of each table of a list of tables at the top of a TOML text, in their order.

    Empty where the text cannot be read so; a caller compares the number with that of the tables.

    >>> find_table_lines("[[gates]]\nmin = 1\n# [[gates]]\n[[gates]]", "gates")
    [1, 4]
    >>> find_table_lines("gates = [\n  {min = 1},\n  {min = 2}]", "gates")
    [2, 3]
    """
    bare = OPAQUE.sub(lambda found: NOT_LINE_END.sub(" ", found[0]), text)
    starts = [m.start() for m in re.finditer(rf"^[ \t]*\[\[[ \t]*{name}[ \t]*\]\]", bare, re.MULTILINE)]
    starts = [bare.index("[", start) for start in starts] or _find_inline_tables(bare, name)
    return [bare.count("\n", 0, start) + 1 for start in starts]


def _find_inline_tables(bare: str, name: str) -> list[int]:
    """Return where the tables of an array of inline tables begin."""
    head = re.search(rf"^[ \t]*{name}[ \t]*=[ \t]*\[", bare, re.MULTILINE)
    if head is None or re.search(r"^[ \t]*\[", bare[: head.start()], re.MULTILINE):
        return []  # of another table, not at the top
    starts, depth = [], 1
    for at in range(head.end(), len(bare)):
        if bare[at] in "[{":
            if depth == 1 and bare[at] == "{":
                starts.append(at)
            depth += 1
        elif bare[at] in "]}":
            depth -= 1
        if depth == 0:
            break
    return starts


def name_in_checkout(file: Path) -> str | None:
    """Return the path of a file from the root of the checkout, with slashes; None where it is not in there.

    The root is the folder that GitHub or GitLab names, and the current one on any other machine.
    """
    if not file.is_file():
        return None
    path = os.path.relpath(file.resolve(), find_checkout())
    if path.startswith(os.pardir) or Path(path).is_absolute():
        return None
    return path.replace(os.sep, "/")
