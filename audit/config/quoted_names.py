"""Names of columns in one text, as options and limits write them; a name that holds the separator is quoted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from audit.errors import QuestionError, printable

QUOTED = r'"(?:[^"]|"")*"'


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
