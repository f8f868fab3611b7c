"""Every code that a check may have, with what is to be known about it.

Must not: look at a row.
"""

from __future__ import annotations

from audit.data.checks import kinds
from audit.data.counted_codes import COUNTED, Code

__all__ = ["Code", "codes"]


def codes() -> tuple[Code, ...]:
    """All of them, in order."""
    looked = (Code(k.code, k.title, k.reason, k.reference, k.mend) for k in kinds())
    return tuple(sorted((*COUNTED, *looked)))
