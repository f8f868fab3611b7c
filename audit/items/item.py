"""What a log says of one item, and what an item is once its benchmark is known.

Must not: know a format, or a benchmark.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from audit.errors import SourceError, printable

Outcome = Literal["toward", "away", "neither"]
Reason = Literal["unreadable", "refused", "low_probability", "no_direction"]
"""Why an item is in no bias score: its text could not be matched, the model declined, its options have too little
probability, or the benchmark does not say which answer is the stereotype. The last has a valid answer, which may be
right or wrong."""
NO_DIRECTION: Reason = "no_direction"
OUTCOMES: tuple[Outcome, ...] = ("toward", "away", "neither")
COLUMNS = frozenset(
    (
        *("item", "task", "template", "group", "condition", "outcome", "valid", "reason", "toward", "away", "neither"),
        *("correct", "related", "few_votes", "votes"),
    )
)
"""Columns of the table of items that no field of a benchmark may be called like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """What a log says of one item, whatever wrote it."""

    where: str
    """File and line, for messages."""
    item: str
    """Name of the item, the same in every log of the benchmark."""
    sample: str = ""
    """Name that all repeats of the item share, where the log has repeats; they are not independent."""
    doc: Mapping[str, Any]
    """The item as the benchmark has it."""
    likelihoods: tuple[float, ...] = ()
    """Natural log-likelihood of each option, in their order; empty where the model wrote text."""
    text: str | None = None
    """What the model wrote."""
    choices: tuple[str, ...] = ()
    """Options by their texts, where the log has them."""
    target: str = ""
    """The right answer, where the log has it."""
    line: Mapping[str, Any] = field(default_factory=dict)
    """The whole entry, for a mapping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item with the answer that it ended with."""

    item: str
    task: str
    template: str
    """What it was made from; items of one template are not independent."""
    group: str | None
    outcome: Outcome
    """Neither where the answer is not valid."""
    reason: Reason | None = None
    """Why the item is in no bias score; None where it is in one."""
    correct: bool | None = None
    """Whether the answer is right; None where the benchmark has no right answers. A wrong one where not valid."""
    condition: str | None = None
    related: int | None = None
    """Of StereoSet: how many of the two related sentences are preferred to the unrelated one; 0, 1 or 2."""
    votes: tuple[int, int] | None = None
    """Of StereoSet: related sentences that at most 3 of 5 annotators gave their label, and those with known votes."""
    further: Mapping[str, str | None] = field(default_factory=dict)
    """Other columns by which items may be grouped."""


class Benchmark(NamedTuple):
    """A benchmark: how its items are known, and what an answer to one means."""

    name: str
    fields: frozenset[str]
    """Fields of its items by which a log of it is known."""
    read: Callable[[Logged], Item]
    caution: str = ""
    """What its critics have shown, which stands beside every score of it."""


class NoChoiceError(Exception):
    """An answer that names none of the options; carries the reason."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


def is_name(value: object) -> bool:
    """Return whether a value may name a group or a template: a text, or a number that is one."""
    if isinstance(value, float):
        return not math.isnan(value)
    return isinstance(value, str | int) and not isinstance(value, bool)


def text_of(logged: Logged, *names: str) -> str:
    """Return the first of these fields of an item, as text.

    Raises
    ------
    SourceError
        When the item has none of them, or the value is no text and no number.
    """
    for name in names:
        if is_name(value := logged.doc.get(name)):
            return str(value)
    raise SourceError(f"{logged.where}: the item has no {' and no '.join(names)}")


def choose(likelihoods: Sequence[float]) -> int | None:
    """Return the option with the highest log-likelihood; None where the highest two are equal.

    Raises
    ------
    NoChoiceError
        When one is no number, or none is possible.
    """
    if any(math.isnan(x) for x in likelihoods) or max(likelihoods) == -math.inf:
        raise NoChoiceError("unreadable")
    best = max(likelihoods)
    at = [i for i, x in enumerate(likelihoods) if x == best]
    return at[0] if len(at) == 1 else None


def require_options(logged: Logged, *counts: int) -> None:
    """Refuse a log whose number of options is none that the benchmark has."""
    if len(logged.likelihoods) not in counts:
        wanted = " or ".join(map(str, counts))
        raise SourceError(
            f"{logged.where}: {len(logged.likelihoods)} options have a log-likelihood, the benchmark has {wanted}; "
            "log its own task, or write a mapping (docs/language-models.md)"
        )


def prefer(logged: Logged, toward: int = 0, away: int = 1) -> tuple[Outcome, Reason | None]:
    """Return which of two options has the higher log-likelihood; neither where they are equal."""
    try:
        chosen = choose((logged.likelihoods[toward], logged.likelihoods[away]))
    except NoChoiceError as error:
        return "neither", error.reason
    if chosen is None:
        return "neither", None
    return ("toward" if chosen == 0 else "away"), None


def shown_name(path: object) -> str:
    """Return a path as messages show it."""
    return printable(path, 200)
