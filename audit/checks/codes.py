"""Every code that a check may have, with what is to be known about it.

Must not: look at a row.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from audit.config.limits import CODE
from audit.config.schema import Config
from audit.errors import QuestionError, no_such
from audit.gates import four_fifths
from audit.record.result import CheckOutcome

UTS39 = "Unicode Technical Standard 39, section 4 (confusable detection)"
GUIDELINES = "29 CFR 1607.4 D and 1607.15 A(2) (EEOC Uniform Guidelines)"
DECLARED = "DV014"
"""Of what a column declares, which counts do not hold."""
THRESHOLD = "FM003"
"""Of the range of scores, and of who named a threshold, which counts do not hold either."""


__all__ = ["Code", "codes", "find_codes", "require_codes"]


def codes() -> tuple[Code, ...]:
    """Return all of them, in order."""
    from audit.checks.registry import kinds

    looked = (Code(k.code, k.title, k.reason, k.reference, k.mend) for k in kinds())
    return tuple(sorted((*COUNTED, *looked)))


def find_codes(names: Collection[str]) -> tuple[Code, ...]:
    """Return what is known of some codes, in order; unknown ones are left out.

    To know the code of a rule is to load every rule, so this is done only where one of them is asked for.
    """
    own = tuple(sorted(code for code in COUNTED if code.code in names))
    if len(own) == len(set(names)):
        return own
    return tuple(code for code in codes() if code.code in names)


def require_codes(config: Config) -> None:
    """Refuse a limit on a check that does not exist.

    Raises
    ------
    QuestionError
        With the nearest code.
    """
    named = [g.metric for g in config.gates or () if g.stage == "checks" and CODE.fullmatch(g.metric)]
    found = {code.code for code in find_codes(named)}
    strange = next((name for name in named if name not in found), None)
    if strange is not None:
        known = [code.code for code in codes()]
        raise QuestionError(f"gates: {no_such('check', strange, known)}; `audit checks` lists them")


class Code(NamedTuple):
    """One code."""

    code: str
    title: str
    reason: str
    reference: str
    mend: str


SUITE = "DV100"
"""Code of the expectations of a user's own suite."""

# Codes of the checks of what was counted anyway, with what is to be known about each.
#
# Must not: look at a row, or import what does; every audit of arrays pays for this module.
COUNTED = (
    Code(
        "DV001",
        "every row has a group",
        "rows without a group are compared with nobody, and may not be missing by chance",
        "Martinez-Plumed et al. (2019), Fairness and Missing Values",
        "find out why it was not asked or answered",
    ),
    Code(
        "DV002",
        "no two names of a group column look alike",
        "one group under two names is two small ones to an audit",
        UTS39,
        "make similar names one",
    ),
    Code(
        "DV003",
        "no group is the label in disguise",
        "a group that says the label leaks it, or is it under another name",
        "Kaufman et al. (2012), Leakage in data mining, ACM TKDD 6(4)",
        "leave the column out of the groups",
    ),
    Code(
        "DV004",
        "somebody is in every crossing",
        "of a crossing that holds nobody nothing can be said",
        "Asudeh, Jin and Jagadish (2019), Assessing and Remedying Coverage",
        "collect them, or say so on the card",
    ),
    Code(
        "DV005",
        "predictions carry the strata",
        "without them a model is not compared within strata",
        "Bickel, Hammel and O'Connell (1975), Science 187:398",
        "let training keep the columns",
    ),
    Code(
        "DV010",
        "no two classes look alike",
        "one class under two names is two to a model",
        UTS39,
        "make similar names one",
    ),
    Code(
        "DV011",
        "every predicted class is somebody's label",
        "of such a prediction nobody could be right",
        "Sokolova and Lapalme (2009), Information Processing and Management 45:427",
        "find out where the class comes from",
    ),
    Code(
        DECLARED,
        "every declared category has rows",
        "nothing can be measured for a category that has no rows",
        "Asudeh, Jin and Jagadish (2019), Assessing and Remedying Coverage",
        "collect rows of it, or take it off the declared categories",
    ),
    Code(
        SUITE,
        "an expectation of the user's own suite",
        "the user asked for it",
        "Great Expectations",
        "mend the rows that break it, or the expectation where it is the one that is wrong",
    ),
    Code(
        four_fifths.CODE,
        "no group is selected at under 4/5 of the highest rate",
        "adverse impact by the four-fifths rule",
        GUIDELINES,
        four_fifths.MEND,
    ),
    Code(
        "FM002",
        "predictions say what score and threshold say",
        "rates and scores would speak of two models",
        "Hernández-Orallo, Flach and Ferri (2012), JMLR 13:2813 (threshold choice)",
        "write both from one model",
    ),
    Code(
        THRESHOLD,
        "scores lie between 0 and 1 where nobody named a threshold",
        "who is selected would follow from a number that nobody chose",
        "Hernández-Orallo, Flach and Ferri (2012), JMLR 13:2813 (threshold choice)",
        "name the threshold that decides",
    ),
)
"""Checks of what was counted anyway."""


def mend_of(code: str, outcome: CheckOutcome) -> str:
    """Return how to mend what a check of this code found; nothing where it found no fault."""
    return next(c.mend for c in COUNTED if c.code == code) if outcome in {"warn", "fail"} else ""
