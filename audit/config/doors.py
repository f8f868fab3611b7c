"""Words about keys of audit.toml, in place of which options or arguments were written.

Must not: know which options or arguments there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from audit.errors import InputError, printable

SECTIONS = "data|predictions|policy|checks"
KEY = re.compile(rf"\[(?:{SECTIONS})\] (\w+)( = true)?|(?<!['\w.])(?:{SECTIONS})\.(\w+)|(\[(?:{SECTIONS})\])")
"""A key, with a switch that is on; or a section alone. In quotes it is a user's own name, such as that of a column."""

BEGIN = re.compile(r"the (?:command line|configuration): ")
"""Where a message begins that is of no file."""
LIMIT = re.compile(r"^gates\[(\d+)\](?: \([^()]*\))?")
MEND = re.compile(r"\((\w+(?:, \w+)*)( = …)?\)")
"""What to give, in brackets at the end of a sentence."""


def translate(message: str, names: Mapping[str, str]) -> str:
    """Return a message in which keys are called as ``names`` has them.

    >>> translate("data.groups: names 'sex' twice; name them in [data] groups", {"groups": "--groups"})
    "--groups: names 'sex' twice; name them in --groups"
    >>> translate("say which one is positive (positive = …)", {"positive": "--positive"})
    'say which one is positive (--positive)'
    """

    def translate_key(found: re.Match[str]) -> str:
        key, on = found[1] or found[3] or found[4], found[2] or ""
        return names.get(f"{key}{on}") or (f"{names[key]}{on}" if key in names else found[0])

    return MEND.sub(lambda found: _translate_mend(found, names), KEY.sub(translate_key, message))


def _translate_mend(found: re.Match[str], names: Mapping[str, str]) -> str:
    keys = found[1].split(", ")
    if not all(key in names for key in keys):
        return found[0]
    called = ", ".join(names[key] for key in keys)
    if called.startswith("--"):
        return f"({called})"
    return f"({called}{found[2] or ''})"


@contextmanager
def translate_errors(names: Mapping[str, str], limits: Sequence[str] = ()) -> Iterator[None]:
    """Say what is wrong in other names than those of audit.toml.

    Parameters
    ----------
    names
        Options or arguments by the keys that they are.
    limits
        Limits as ``--gate`` was given them, in their order.
    """
    try:
        yield
    except InputError as error:
        said = BEGIN.sub("", translate(str(error), names), count=1)
        error.args = (LIMIT.sub(lambda found: _quote_limit(found, limits), said), *error.args[1:])
        raise


def _quote_limit(found: re.Match[str], limits: Sequence[str]) -> str:
    at = int(found[1])
    if at < len(limits):
        return f"--gate '{printable(limits[at])}'"
    return found[0]
