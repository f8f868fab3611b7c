"""What names of columns say: which is the outcome, when that is clear, and which are protected attributes.

Must not: read a table, or ask anybody.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

TARGET_NAME = re.compile(
    r"^(?:label|target|y|y_true|class|outcome|ground_?truth|gold|income|pincp|two_year_recid)$", re.IGNORECASE
)
"""Names that mean the column to be predicted, or that of a usual data set."""
OUTCOME_WORDS = re.compile(
    r"label|target|outcome|approv|default|recid|hired|admit|admission|income|churn|fraud|granted|accepted|reject|"
    r"denied|readmit|releas|pass_|passed|promot|repaid|delinq|dropout|subscrib|convict",
    re.IGNORECASE,
)
ADVERSE_WORDS = re.compile(
    r"default|recid|churn|fraud|reject|denied|denial|readmit|delinq|dropout|arrest|convict|violat|bankrupt|attrition|"
    r"charge.?off|complaint|lawsuit|death|died|deceased|mortality|overdue|relaps|disease|diagnos|cancer|"
    r"(?<![a-z])(?:fail|late|risk)",
    re.IGNORECASE,
)
"""Names of outcomes whose positive class is a harm to the person as a rule; a person confirms it."""
POSITIVE_WORDS = re.compile(
    r"^(?:1|yes|y|true|t|approved|accepted|admitted|hired|granted|passed|good|positive|>50k)$", re.IGNORECASE
)
PERSONS = "(?:applicant|borrower|client|cust|customer|driver|employee|patient|person|user)"
ORIGIN = "nationalit|citizen|country_of_birth|(?:native|birth).?country|country.?birth|place_of_birth"
FAMILY = "marit|marri|(?:civil|family|personal).?status|familienstand"
AGE = 2
GROUP_WORDS = tuple(
    re.compile(words)
    for words in (
        r"(?<![a-z])race|ethnic|^rac1p$|^(?:black|white|asian|hisp|latin\w*)$|hispan|caste(?![a-z])",
        r"(?<![a-z])sex|gender|^(?:is_?)?(?:male|female)$|geschlecht",
        rf"^age(?:p|s|yrs|years)?(?![a-z])|(?<![a-z])age_?(?:group|band|cat|cls)|{PERSONS}_?age(?![a-z])|^alter$",
        rf"{ORIGIN}|^(?:pobp|cit)$|nativity|language|religio|foreign.?work|foreigner|immigra|staatsang",
        rf"disab|handicap|behinder|^dis$|orientation|skin|{FAMILY}|^mar$|pregnan|veteran",
    )
)
"""Words for protected attributes in names of columns, those that laws name most often first.

They are spelled as in the tables of Adult, COMPAS, German credit, credit default, HMDA and the census (ACS).
"""
NUMBERS = {"integer", "float"}
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|[\s.-]+")
"""Where a name begins a word, or parts two."""
TARGET, NAMED, LAST, LEAD = 4, 3, 2, 2
"""Points for the name of a target, a word of an outcome and the last place; points by which a first one is clear."""


@dataclass(frozen=True, slots=True)
class ColumnLook:
    """One column: its kind and its few values, or None where there are many."""

    name: str
    kind: str
    levels: tuple[str, ...] | None

    @property
    def is_binary(self) -> bool:
        """Whether it has two values."""
        return self.levels is not None and len(self.levels) == 2


@dataclass(frozen=True, slots=True)
class Candidates:
    """Columns of two values that may be the label."""

    columns: tuple[ColumnLook, ...]
    """The most likely first."""
    points: tuple[int, ...]

    @property
    def clear(self) -> ColumnLook | None:
        """The most likely one, where its name speaks of an outcome and no other is nearly as likely."""
        if not self.columns or self.points[0] < NAMED:
            return None
        if len(self.points) > 1 and self.points[0] - self.points[1] < LEAD:
            return None
        return self.columns[0]

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Names of the candidates that are named like an outcome."""
        return tuple(c.name for c in self.columns if is_outcome(c.name))

    def list_others(self, label: ColumnLook | None) -> tuple[str, ...]:
        """Return names of all candidates but the label."""
        return tuple(column.name for column in self.columns if label is None or column.name != label.name)


def rank_labels(columns: Sequence[ColumnLook], last: str) -> Candidates:
    """Return the columns of two values, the most likely label first.

    Parameters
    ----------
    columns
        That are neither a prediction nor a protected attribute.
    last
        Name of the last column of the table, where labels usually are.
    """
    binary = [c for c in columns if c.is_binary]
    rated = sorted(((_rate(c.name, last), c) for c in binary), key=lambda pair: -pair[0])
    return Candidates(tuple(c for _, c in rated), tuple(points for points, _ in rated))


def _rate(name: str, last: str) -> int:
    at_the_end = LAST if name == last else 0
    if TARGET_NAME.search(name):
        return TARGET + at_the_end
    return at_the_end + (NAMED if OUTCOME_WORDS.search(name) else 0)


def is_outcome(name: str) -> bool:
    """Return whether the name of a column speaks of an outcome."""
    return bool(TARGET_NAME.search(name) or OUTCOME_WORDS.search(name))


def guess_positive(label: ColumnLook | None) -> str | None:
    """Return the value that is counted as positive, for a person to check."""
    if label is None or label.levels is None:
        return None
    return next((v for v in label.levels if POSITIVE_WORDS.match(v.strip())), label.levels[-1])


def is_adverse(name: str, positive: str | None) -> bool:
    """Return whether the name of an outcome, or its positive class, speaks of a harm."""
    return bool(ADVERSE_WORDS.search(name) or ADVERSE_WORDS.search(positive or ""))


def _rank_attribute(name: str) -> int:
    """Return the place of a protected attribute in `GROUP_WORDS`; their number where the name speaks of none."""
    snake = CAMEL.sub("_", name).casefold()
    return next((i for i, words in enumerate(GROUP_WORDS) if words.search(snake)), len(GROUP_WORDS))


def is_protected(name: str) -> bool:
    """Return whether the name of a column speaks of a protected attribute."""
    return _rank_attribute(name) < len(GROUP_WORDS)


def find_groups(
    seen: Sequence[ColumnLook], prediction: ColumnLook | None
) -> tuple[tuple[ColumnLook, ...], tuple[str, ...]]:
    """Return protected columns of few values, and ages that are to be cut into bands."""
    named = sorted((s for s in seen if is_protected(s.name) and s != prediction), key=lambda s: _rank_attribute(s.name))
    groups = tuple(s for s in named if s.levels is not None and len(s.levels) > 1)
    if any(_rank_attribute(g.name) == AGE for g in groups):
        return groups, ()  # there are bands of age already
    return groups, tuple(
        s.name for s in named if s.levels is None and s.kind in NUMBERS and _rank_attribute(s.name) == AGE
    )


def leave_out(groups: Sequence[ColumnLook], name: str) -> tuple[ColumnLook, ...]:
    """Return the groups without the column of that name."""
    return tuple(g for g in groups if g.name != name)


def list_few_values(columns: Sequence[ColumnLook], without: Collection[str]) -> tuple[ColumnLook, ...]:
    """Return columns of text with 3 to 30 values, which may name groups although their names do not say so."""
    few = (c for c in columns if c.kind == "text" and c.levels is not None and len(c.levels) > 2)
    return tuple(c for c in few if c.name not in without and not is_outcome(c.name))
