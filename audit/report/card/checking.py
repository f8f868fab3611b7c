"""What the codes of a card mean, for somebody who meets them for the first time.

Must not: say anything of what was found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from audit.checks.codes import codes
from audit.record.result import Check
from audit.report.card.words import safe_text


@dataclass(frozen=True, slots=True)
class CodeView:
    """One code."""

    code: str
    title: str
    reason: str
    reference: str


def codes_of(checks: Iterable[Check]) -> tuple[CodeView, ...]:
    """Every known code among these checks, once and in order."""
    named = {c.code for c in checks}
    if not named:
        # To know every code is to load every check, which a training that checked nothing would wait for.
        return ()
    return tuple(
        CodeView(*(safe_text(text) for text in (c.code, sentence(c.title), sentence(c.reason), c.reference)))
        for c in codes()
        if c.code in named
    )


def sentence(text: str) -> str:
    """Text that begins like a sentence."""
    return f"{text[:1].upper()}{text[1:]}"
