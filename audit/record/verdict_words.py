"""Words of a verdict as people read it; the keys of audit.json stay as they are."""

from __future__ import annotations

WORDS = {"insufficient": "inconclusive"}
"""Words that differ from the key."""


def name_verdict(verdict: str, *, interrupted: bool = False) -> str:
    """Return the word of a verdict in capital letters.

    Parameters
    ----------
    verdict
        As audit.json has it.
    interrupted
        Whether the run was stopped from outside.

    >>> name_verdict("insufficient"), name_verdict("not judged"), name_verdict("incomplete", interrupted=True)
    ('INCONCLUSIVE', 'NOT JUDGED', 'INTERRUPTED')
    """
    if verdict == "incomplete" and interrupted:
        return "INTERRUPTED"
    return WORDS.get(verdict, verdict).upper()
