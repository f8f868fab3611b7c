"""What is to be known of every check, for people: the list of `audit checks`, and the page docs/data-checks.md.

``python -m audit.checks.reference`` prints the page; it is written by ``make schema``.

Must not: look at a row.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from textwrap import wrap

from audit.checks.code import MANY_OR_ONE, Code
from audit.checks.codes import codes
from audit.errors import capitalise

NAME_WIDTH, LEAST_WIDTH = 32, 60
PLACES = {
    "Part": "The training data",
    "part": "the training data",
    "Test": "Test",
    "in_part": "",
    "columns": "race",
    "by": "race and sex",
    "of": "groups and label",
    "people": "rows",
    "is_no_label": "is no row's label",
}
"""What stands in the places of a title that do not depend on what was found; the others show their name."""
OF_CODES = {
    "DL002": {"columns": "person_id"},
    "DP002": {"columns": "race × sex"},
    "DV003": {"columns": "status"},
    "DV004": {"columns": "race × sex"},
}
FAMILIES = {
    "DB": "Bias",
    "DL": "Leakage",
    "DP": "Privacy",
    "DV": "Validity",
    "FM": "Model",
}
HEAD = """# Data checks

What every code means. `audit checks` prints the list, `audit checks DL001` one entry, `--json` all of it for programs.

A check passes, finds something (a warning, or a failure where a limit or your suite asks for it), or has no answer: it
is *not applicable* where the table has nothing that it could look at, and *undefined* where the data cannot answer it.
Each outcome has its own title. Braces stand for what was found. Where a card withholds groups and numbers, it shows a
title without them. A limit on checks is set with `--gate "failed <= 0"`, `"warned <= 3"`, or a code: `"DL001 <= 0"`.

<!-- Written by `make schema`; edit the texts beside the code of each check. -->
"""


def describe_code(code: Code) -> dict[str, object]:
    """Return one check as `audit checks --json` prints it."""
    return {
        "code": code.code,
        "title": code.name,
        "reason": code.reason,
        "reference": code.reference,
        "mend": code.mend,
        "name": code.name,
        "passes": list(code.passes),
        "finds": list(code.finds),
    }


def list_codes(found: Sequence[Code], width: int) -> Iterator[str]:
    """Yield lines of code, name and what to do, in columns."""
    rest = max(width, LEAST_WIDTH) - NAME_WIDTH - len("DB001") - 4
    for code in found:
        cells = (code.code,), wrap(code.name, NAME_WIDTH), wrap(code.mend, rest, break_on_hyphens=False)
        for first, name, mend in zip_longest(*cells, fillvalue=""):
            yield f"{first:<5}  {name:<{NAME_WIDTH}}  {mend}".rstrip()


def explain_code(code: Code, width: int) -> Iterator[str]:
    """Yield all that is to be known of one check, in lines of at most a width."""
    yield f"{code.code}  {code.name}"
    facts = [("Pass", _show_title(title, code.code)) for title in code.passes]
    facts += [("Finding", _show_title(title, code.code)) for title in code.finds]
    facts += [("Why", capitalise(code.reason)), ("Source", code.reference), ("What to do", code.mend)]
    for what, text in facts:
        yield from wrap(text, max(width, LEAST_WIDTH), initial_indent=f"  {what + ':':<13}", subsequent_indent=" " * 15)


def _show_title(title: str, code: str = "") -> str:
    """Return a title for several, with the names of its places.

    >>> _show_title("{count} [columns|column] of {part} [are|is] empty: {named}")
    '{count} columns of the training data are empty: {named}'
    """
    chosen = MANY_OR_ONE.sub(lambda found: found[1], title)
    places = PLACES | OF_CODES.get(code, {})
    return re.sub(r"\{(\w+)\}", lambda found: places.get(found[1], found[0]), chosen)


def write_page() -> str:
    """Return docs/data-checks.md."""
    every = codes()
    parts = [HEAD]
    for family, name in FAMILIES.items():
        parts.append(f"## {name}\n")
        parts += ["\n".join(_write_code(code)) for code in every if code.code.startswith(family)]
    return "\n".join(parts)


def _write_code(code: Code) -> Iterator[str]:
    yield f"### {code.code} {code.name}\n"
    yield f"{capitalise(code.reason)}.\n"
    yield from (f"- Pass: {_show_title(title, code.code)}" for title in code.passes)
    yield from (f"- Finding: {_show_title(title, code.code)}" for title in code.finds)
    yield f"- What to do: {code.mend}"
    yield f"- Source: {code.reference}\n"


if __name__ == "__main__":
    sys.stdout.write(write_page())
