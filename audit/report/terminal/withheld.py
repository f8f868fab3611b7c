"""What a terminal withholds where the configuration asks for it: the same as the card."""

from __future__ import annotations

from collections.abc import Iterator

from audit.record.result import AuditResult
from audit.report.terminal.lines import Line


def is_withheld(result: AuditResult) -> bool:
    """Return whether the configuration of a run withholds small counts on a terminal too."""
    return (result.question.config.get("publish") or {}).get("terminal") == "withhold"


def withhold(result: AuditResult) -> AuditResult:
    """Return the result as a terminal may show it: whole, unless [publish] terminal is withhold."""
    if not is_withheld(result):
        return result
    from audit.report.disclosure.publishable import publishable

    return publishable(result)


def describe_withheld(result: AuditResult, shown: AuditResult) -> Iterator[Line]:
    """Yield in one line that numbers are withheld, and how many."""
    if not is_withheld(result):
        return
    from audit.report.disclosure.publishable import find_k

    gone = sum(e.status == "suppressed" for e in shown.estimates)
    yield Line(
        "  ",
        f"Withheld as on the card, to protect groups under {find_k(result)}: {gone:,} of {len(shown.estimates):,} "
        'numbers ([publish] terminal = "withhold").',
    )
