"""Every code that a check may have, with what is to be known about it.

Must not: look at a row.
"""

from __future__ import annotations

from audit.checks.counted_codes import COUNTED, Code
from audit.checks.registry import kinds
from audit.config.limits import CODE
from audit.config.schema import Config
from audit.errors import QuestionError, no_such

__all__ = ["Code", "codes", "require_codes"]


def codes() -> tuple[Code, ...]:
    """All of them, in order."""
    looked = (Code(k.code, k.title, k.reason, k.reference, k.mend) for k in kinds())
    return tuple(sorted((*COUNTED, *looked)))


def require_codes(config: Config) -> None:
    """Refuse a limit on a check that does not exist.

    Raises
    ------
    QuestionError
        With the nearest code.
    """
    known = [code.code for code in codes()]
    for gate in config.gates or ():
        if gate.stage == "checks" and CODE.fullmatch(gate.metric) and gate.metric not in known:
            raise QuestionError(f"gates: {no_such('check', gate.metric, known)}; `audit checks` lists them")
