"""Who does what to whom, in words: what the rows and the positive class are called, and whether that class is good.

Nothing here is good or bad unless the question says so ([data] favourable).

Must not: decide anything, or import numpy; ``audit gate`` pays for this module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.axes import is_same_class, name_level
from audit.config.schema import Config
from audit.errors import printable
from audit.estimate import NAME_LENGTH, WORST_CLASS
from audit.measurement.metrics.catalogue import CATALOGUE, lower_title
from audit.measurement.metrics.kinds import (
    ANYBODY,
    LABEL_NEGATIVE,
    LABEL_POSITIVE,
    PREDICTED_NEGATIVE,
    PREDICTED_POSITIVE,
    Rate,
)
from audit.record.result import Check

OVERALL, REST = "overall", "all other groups"
"""Whom a group is compared with where that is no other group."""
SELECTED, FLAGGED, LABELLED = "selected", "flagged", "positive"
"""Of the positive class, where the question has no word for it; of one that is a harm, `FLAGGED`."""
SOUNDED = "AEFHILMNORSX"
"""Letters whose names begin with a vowel."""
BASE_RATE = "share of positive labels"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Words of one question."""

    benefit: bool | None = None
    """Whether the positive class is good for the person; None where nobody said."""
    people: str = ""
    selected: str = ""
    positive: str = "1"
    label: str = ""
    """Column of labels, in whose unit errors of a regression are."""

    @property
    def negative(self) -> str:
        """The other label, where that follows from the positive one."""
        return {"1": "0", "true": "false"}.get(self.positive, f"other than {self.positive}")

    @property
    def done(self) -> str:
        """What the positive class does to a person."""
        return self.selected or (FLAGGED if self.benefit is False else SELECTED)


NEUTRAL = Wording()


def read_wording(question: Config | Mapping[str, Any]) -> Wording:
    """Return the words of a question, or of one that a document holds."""
    if isinstance(question, Config):
        data, asked = dict(question.data), dict(question.predictions or {})
    else:
        data, asked = dict(question.get("data") or {}), dict(question.get("predictions") or {})
    positive, favourable = data.get("positive"), data.get("favourable")
    positive = 1 if positive is None else positive
    return Wording(
        benefit=None if favourable is None else is_same_class(favourable, positive),
        people=_read_word(data.get("people")),
        selected=_read_word(data.get("selected")),
        positive=printable(str(name_level(positive)), NAME_LENGTH),
        label=_read_word(asked.get("label") or data.get("label")),
    )


def _read_word(word: str | None) -> str:
    return printable(word, NAME_LENGTH) if word else ""


def name_metric(metric: str) -> str:
    """Return a metric's name inside a sentence; names of people and short forms keep their capitals.

    >>> name_metric("true_positive_rate"), name_metric("brier_score"), name_metric("f1")
    ('true positive rate', 'Brier score', 'F1')
    """
    bare = metric.removeprefix(WORST_CLASS)
    entry = CATALOGUE.find(bare)
    if entry is None:
        return printable(bare.replace("_", " "), NAME_LENGTH)
    if bare == "base_rate":
        return BASE_RATE
    return lower_title(entry.title)


def with_article(name: str) -> str:
    """Return a name after a or an, by how it is spoken.

    >>> with_article("accuracy"), with_article("F1"), with_article("ROC AUC"), with_article("share of labels")
    ('an accuracy', 'an F1', 'a ROC AUC', 'a share of labels')
    """
    first = name.split(maxsplit=1)[0]
    spelled = not first[1:].islower() and not first.startswith("ROC") and len(first) > 1
    return f"{'an' if (first[0] in SOUNDED and spelled) or first[0].lower() in 'aeio' else 'a'} {name}"


def is_worse_high(metric: str, wording: Wording) -> bool:
    """Return whether the group with the higher value fares worse; by what is good for the person where that is said."""
    entry = CATALOGUE.find(metric.removeprefix(WORST_CLASS))
    if entry is None:
        return False
    if wording.benefit is not None and isinstance(entry, Rate) and _is_of_outcome(entry):
        return (entry.event in {PREDICTED_POSITIVE, LABEL_POSITIVE}) != wording.benefit
    return entry.worse == "high"


def _is_of_outcome(entry: Rate) -> bool:
    """Return whether a rate says how often a group is given the outcome, whatever its labels are."""
    given = entry.given in {ANYBODY, LABEL_POSITIVE, LABEL_NEGATIVE}
    return given and entry.event in {PREDICTED_POSITIVE, PREDICTED_NEGATIVE, LABEL_POSITIVE}


def describe_opening(
    metric: str, worse: str, better: str, wording: Wording, *, higher: bool, stage: str = "model"
) -> str:
    """Return who is compared with whom.

    Parameters
    ----------
    metric
        What is compared.
    worse, better
        Names of the groups, the one that fares worse first; the second may be `OVERALL` or `REST`.
    wording
        Of the question.
    higher
        Whether the first has the higher value.
    stage
        Of the estimate; what is said of the data says so.
    """
    said = "" if wording.benefit is None else _describe_outcome(metric, worse, better, wording, higher=higher)
    more = "higher" if higher else "lower"
    place = " in the training data" if stage == "data" else ""
    has = "have" if worse == REST else "has"
    return (said or f"{worse} {has} a {more} {name_metric(metric)} than {better}") + place


def _describe_outcome(metric: str, worse: str, better: str, wording: Wording, *, higher: bool) -> str:
    """Return how often the outcome befalls the two groups; nothing where the metric is of something else."""
    entry = CATALOGUE.find(metric)
    often = f"{'more' if higher else 'less'} often than"
    are = "are" if wording.people else "is"
    who, other = _with_people(worse, wording), _with_people(better, wording)
    if not isinstance(entry, Rate) or entry.event not in {PREDICTED_POSITIVE, LABEL_POSITIVE}:
        return ""
    if entry.event is LABEL_POSITIVE:
        labelled = f"{who} {are} labelled {wording.selected or LABELLED} {often} {better}"
        return labelled if entry.given is ANYBODY else ""
    if entry.given is ANYBODY:
        return f"{who} {are} {wording.done} {often} {other}"
    if entry.given not in {LABEL_POSITIVE, LABEL_NEGATIVE}:
        return ""
    label = wording.positive if entry.given is LABEL_POSITIVE else wording.negative
    return f"among {wording.people or 'rows'} with label {label}, {worse} {are} {wording.done} {often} {better}"


def _with_people(group: str, wording: Wording) -> str:
    if not wording.people or group == REST:
        return group
    if group == OVERALL:
        return f"{wording.people} overall"
    return f"{group} {wording.people}"


# How many checks ended how, in words.
NOT_RUN = "not applicable"
"""Outcome of a check that has nothing to look at here: it was not run, and no count takes it for one that was."""
COUNTED: Mapping[str, tuple[str, str]] = {
    "fail": ("failed", "failed"),
    "error": ("could not run", "could not run"),
    "undefined": ("undefined", "undefined"),
    "insufficient": ("inconclusive", "inconclusive"),
    "warn": ("warning", "warnings"),
    "waived": ("waived", "waived"),
    "pass": ("pass", "pass"),
    "withheld": ("withheld", "withheld"),
    NOT_RUN: (NOT_RUN, NOT_RUN),
}
"""How outcomes are counted, one and several, in the order in which they are told."""


def select_run(checks: Sequence[Check]) -> list[Check]:
    """Return the checks that were run: those that had something to look at."""
    return [c for c in checks if c.outcome != NOT_RUN]


def count_outcomes(
    outcomes: Iterable[str], words: Mapping[str, tuple[str, str]] = COUNTED, beside: Mapping[str, str] | None = None
) -> str:
    """Return how many checks ended how; those that do not apply stand apart, because they were not run.

    Parameters
    ----------
    outcomes
        Of each check.
    words
        How an outcome is counted, one and several; an outcome without words is not told.
    beside
        What is said of an outcome after its number.

    >>> count_outcomes(["pass", "warn", "pass", "not applicable"])
    '1 warning, 2 pass; 1 not applicable'
    """
    found, said = Counter(outcomes), beside or {}
    told = {o: f"{found[o]:,} {several[found[o] > 1]}{said.get(o, '')}" for o, several in words.items() if found[o]}
    apart = told.pop(NOT_RUN, "")
    return "; ".join(part for part in (", ".join(told.values()), apart) if part)
