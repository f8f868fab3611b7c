"""Where limits stand in the text of an audit.toml, so that a report can point at the line."""

from __future__ import annotations

import re
import tomllib

from audit.config.schema import Config, GateRule

HEAD = re.compile(r"""\s*\[\[\s*(?:gates|"gates"|'gates')\s*\]\]""")
"""A line that may begin a limit; one inside a text of several lines only looks like it."""
KEY = re.compile(r"""\s*(?:gates|"gates"|'gates')\s*=""")
"""The same where all limits are written in one list."""


def find_gate_lines(text: str) -> tuple[int, ...]:
    r"""Return the line at which each limit begins, in their order; lines count from 1.

    Parameters
    ----------
    text
        A valid audit.toml.

    >>> find_gate_lines("[[gates]]\nmetric = 'accuracy'\nmin = 0.7\n[[gates]]\nmetric = 'f1'\nmin = 0.5\n")
    (1, 4)
    """
    lines = text.splitlines(keepends=True)
    found = [at for at, line in enumerate(lines, 1) if HEAD.match(line) and _is_whole("".join(lines[: at - 1]))]
    if found:
        return tuple(found)
    listed = (at for at, line in enumerate(lines, 1) if KEY.match(line) and _is_whole("".join(lines[: at - 1])))
    return (first,) * len(tomllib.loads(text)["gates"]) if (first := next(listed, 0)) else ()


def _is_whole(text: str) -> bool:
    """Return whether the text before a line ends outside every text and list."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def find_line(rule: GateRule, config: Config, lines: tuple[int, ...]) -> int:
    """Return the line of a limit; 1 for one that no table of its own asks for, such as that of a suite.

    Parameters
    ----------
    rule
        A limit of the configuration, with its grouping written out.
    config, lines
        The configuration, and where its limits begin.
    """
    for written, line in zip(config.gates or (), lines, strict=False):
        if rule in {written, written.model_copy(update={"by": rule.by}) if written.by is None else written}:
            return line
    return 1
