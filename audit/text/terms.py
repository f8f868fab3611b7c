"""Words that name a group, in slots: what stands in one slot may stand in the place of its like.

A file has an attribute and slots; each slot has, for each group, one word or several that mean the same::

    attribute = "gender"

    [[slots]]
    female = ["mother", "mom"]
    male = ["father", "dad"]

A word with its own group alone is exchanged with no other. Must not: read a text.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

from audit.errors import QuestionError, SourceError, no_such, printable
from audit.text.grammar import GENDERED, PRONOUNS

MARKS = "\u0300-\u036f"
"""Accents that stand after their letter, so that it is another letter."""
WORD = re.compile(r"[^\W\d_]+(?:[-'’ ][^\W\d_]+)*\.?")
GENDERS = frozenset({"gender", "sex", "female", "male", "woman", "man", "women", "men", "feminine", "masculine"})
"""Names of attributes and groups whose words take other pronouns."""
Slot = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a word stands among the terms."""

    slot: int
    group: str
    at: int


@dataclass(frozen=True)
class Terms:
    """Words of one attribute."""

    attribute: str
    slots: tuple[Slot, ...]
    name: str
    """File that they are from."""

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """Groups, in the order of the file."""
        return tuple(dict.fromkeys(chain.from_iterable(self.slots)))

    @cached_property
    def places(self) -> Mapping[str, Sequence[Place]]:
        """Where each word stands, by the word in lower case; pronouns stand in several slots."""
        found: dict[str, list[Place]] = {}
        for number, slot in enumerate(self.slots):
            for group, words in slot.items():
                for at, word in enumerate(words):
                    found.setdefault(word.lower(), []).append(Place(number, group, at))
        return found

    @cached_property
    def names(self) -> frozenset[str]:
        """Words that are written with a capital in the file, in lower case: a capital inside a sentence is theirs."""
        words = chain.from_iterable(chain.from_iterable(slot.values() for slot in self.slots))
        return frozenset(word.lower() for word in words if word[:1].isupper())

    @cached_property
    def is_gender(self) -> bool:
        """Whether an exchange changes which pronouns fit: by the words, the name of the attribute, or its groups."""
        named = {self.attribute.lower(), *map(str.lower, self.groups)}
        return not named.isdisjoint(GENDERS) or any(GENDERED.fullmatch(word) for word in self.places)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What finds the words: whole ones only, the longest first."""
        words = sorted(self.places, key=len, reverse=True)
        listed = "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in words)
        return re.compile(rf"(?<!\w)(?:{listed})(?![\w{MARKS}])", re.IGNORECASE)

    def find_between(self, place: Place, to: str) -> str | None:
        """Return the word of another group in the same place of the slot; None where the slot has no such group.

        Where that group has fewer words, they are gone through again.
        """
        words = self.slots[place.slot].get(to)
        return words[place.at % len(words)] if words else None

    def find_within(self, place: Place) -> str:
        """Return the next word of the same group; the word itself where the slot has no other."""
        words = self.slots[place.slot][place.group]
        return words[(place.at + 1) % len(words)]


def read_terms(file: Path) -> Terms:
    """Return the words of a file.

    Raises
    ------
    QuestionError
        When the file is no list of terms, or a word names two groups.
    """
    shown = printable(file, 200)
    try:
        written = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SourceError(f"{shown} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise QuestionError(f"{shown} is not TOML: {printable(error, 160)}") from None
    strange = next((key for key in written if key not in {"attribute", "slots"}), None)
    if strange is not None:
        raise QuestionError(f"{shown}: {no_such('key', strange, ('attribute', 'slots'))}")
    attribute, slots = written.get("attribute"), written.get("slots")
    if not isinstance(attribute, str) or not attribute:
        raise QuestionError(f'{shown} names no attribute; write attribute = "gender"')
    if not isinstance(slots, list) or not slots:
        raise QuestionError(f"{shown} has no words; write [[slots]] with the words of each group")
    terms = Terms(attribute, tuple(_read_slot(slot, f"{shown}: slot {i}") for i, slot in enumerate(slots, 1)), shown)
    _refuse_ambiguous(terms)
    return terms


def _read_slot(slot: object, where: str) -> Slot:
    if not isinstance(slot, dict) or len(slot) < 2:
        raise QuestionError(f'{where} needs the words of at least two groups, such as female = ["she"]')
    return {group: _read_words(words, f"{where}, {printable(group)}") for group, words in slot.items()}


def _read_words(words: object, where: str) -> tuple[str, ...]:
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise QuestionError(f'{where} is no list of words; write ["she"]')
    strange = next((word for word in words if not WORD.fullmatch(word)), None)
    if strange is not None:
        raise QuestionError(f"{where}: '{printable(strange)}' is no word; write letters, with hyphens or blanks inside")
    if len({word.lower() for word in words}) < len(words):
        raise QuestionError(f"{where} has a word twice; keep one")
    return tuple(words)


def _refuse_ambiguous(terms: Terms) -> None:
    """Refuse a word that names two groups, or stands in two slots and is none of the pronouns whose use tells which."""
    if len(terms.groups) < 2:
        raise QuestionError(f"{terms.name} has one group; an exchange needs two")
    for word, places in terms.places.items():
        groups = {place.group for place in places}
        if len(groups) > 1:
            raise QuestionError(f"{terms.name}: '{printable(word)}' names {' and '.join(sorted(groups))}; keep one")
        if len(places) > 1 and word not in PRONOUNS:
            raise QuestionError(f"{terms.name}: '{printable(word)}' stands in two slots; keep one")
