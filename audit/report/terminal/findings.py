"""Data checks on a terminal: what was found, first; those that passed as a number.

Must not: hide that there are more findings than are shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from audit.errors import printable
from audit.record.result import Check
from audit.report.terminal.lines import Line, lay_section

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

MOST_FINDINGS = 3
LONGEST_TITLE, LONGEST_DETAIL = 400, 800
ORDER = ("fail", "error", "undefined", "insufficient", "warn", "waived")
"""Outcomes that are findings, the worst first."""
COUNTED = {
    "fail": ("failed", "failed"),
    "error": ("could not run", "could not run"),
    "undefined": ("undefined", "undefined"),
    "insufficient": ("inconclusive", "inconclusive"),
    "warn": ("warning", "warnings"),
    "waived": ("waived", "waived"),
    "pass": ("pass", "pass"),
    "not applicable": ("not applicable", "not applicable"),
}
"""How outcomes are counted, one and several."""
SAID = {
    "fail": "Failed: ",
    "error": "Could not run: ",
    "undefined": "Undefined: ",
    "insufficient": "Inconclusive: ",
    "waived": "Waived: ",
    "pass": "Pass: ",
    "not applicable": "Not applicable: ",
}
"""What stands before a check that is no warning."""
FAMILIES = ("DL", "FM", "DB", "DV", "DP")
"""Warnings about leaks and about groups come before those about the shape of the tables and about small groups."""


def lay_findings(console: Console, checks: Sequence[Check], *, whole: bool, room: int = 0) -> list[Text]:
    """Return how many checks found something and what; what to do where the findings are few, or all is asked for.

    Parameters
    ----------
    console
        Where to.
    checks
        All of a run.
    whole
        Every finding with its numbers, and every check that passed.
    room
        Lines for which there is room; at least one finding is shown, and where they are few all of them.
    """
    written: list[Text] = []
    for form in (
        _Form(MOST_FINDINGS, detail=True),
        *(_Form(most, detail=whole) for most in range(MOST_FINDINGS, 0, -1)),
    ):
        written = lay_section(console, _list_findings(checks, form, whole=whole))
        if whole or len(written) <= room:
            break
    return written


class _Form(NamedTuple):
    """How many findings are shown, and whether few of them with their numbers."""

    most: int
    detail: bool


def _list_findings(checks: Sequence[Check], form: _Form, *, whole: bool) -> Iterator[Line]:
    if not checks:
        return
    found = sorted((c for c in checks if c.outcome in ORDER), key=_rank)
    shown = found if whole or len(found) <= MOST_FINDINGS else _choose(found, form.most)
    yield Line("Data checks: ", _count(checks, [c for c in found if c not in shown], whole=whole), hang=2)
    advise = whole or len(found) <= MOST_FINDINGS
    for _, alike in groupby(shown, key=lambda c: (c.outcome, c.code, c.mend)):
        yield from _list_alike(tuple(alike), advise=advise, detail=advise and form.detail)
    if whole:
        for check in (c for c in checks if c.outcome not in ORDER):
            yield _describe(check, detail=True)


def _rank(check: Check) -> tuple[int, int, str]:
    family = check.code[:2]
    of_family = FAMILIES.index(family) if family in FAMILIES else len(FAMILIES)
    return ORDER.index(check.outcome), of_family, check.code


def _choose(found: Sequence[Check], most: int) -> list[Check]:
    """Return the findings of the short form: the worst, and among equals one of each code before a second one."""
    seen: Counter[tuple[str, str]] = Counter()
    ranked = []
    for check in found:
        again = seen[check.outcome, check.code]
        ranked.append(((ORDER.index(check.outcome), again, _rank(check)), check))
        seen[check.outcome, check.code] += 1
    ranked.sort(key=lambda pair: pair[0])
    return sorted((check for _, check in ranked[:most]), key=_rank)


def _count(checks: Sequence[Check], hidden: Sequence[Check], *, whole: bool) -> str:
    found: Counter[str] = Counter(c.outcome for c in checks)
    told = []
    for outcome in COUNTED:
        n = found[outcome]
        if n and (whole or outcome != "not applicable" or len(found) == 1):
            codes = dict.fromkeys(printable(c.code, 20) for c in hidden if c.outcome == outcome)
            beside = f" ({', '.join(codes)} not shown)" if codes else ""
            told.append(f"{n:,} {COUNTED[outcome][n > 1]}{beside}")
    return ", ".join(told)


def _list_alike(checks: Sequence[Check], *, advise: bool, detail: bool) -> Iterator[Line]:
    """Yield findings of one code and outcome, and what to do about them once."""
    for check in checks:
        yield _describe(check, detail=detail)
    if advise and checks[0].mend:
        mend = printable(checks[0].mend, LONGEST_DETAIL)
        yield Line(" " * 9, f"What to do: {mend[:1].upper()}{mend[1:].rstrip('.')}.")


def _describe(check: Check, *, detail: bool) -> Line:
    head = f"  {printable(check.code, 20):<5}  "
    title = printable(check.title, LONGEST_TITLE)
    numbers = f": {printable(check.detail, LONGEST_DETAIL)}" if detail and check.detail else ""
    # A title that gives a reason for there being no answer says so itself.
    said = "" if check.reason else SAID.get(check.outcome, "")
    return Line(head, f"{said}{title}{numbers}", check.outcome)
