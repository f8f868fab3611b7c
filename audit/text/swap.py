"""The same text with another identity, and with another word of the same identity, which should change nothing.

Three arms: the original, between (the words of one group in place of another's) and within (another word of the same
group: a placebo). The effect of an identity is what changes between, less what changes within. A text that cannot be
exchanged surely is named with its reason, not exchanged wrongly.

Must not: guess grammar, or measure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Literal, NamedTuple

from audit.text.grammar import GENDERED, TITLE, begins_sentence, find_use, fit_article, fit_possessive, match_case
from audit.text.terms import Place, Terms

Arm = Literal["original", "between", "within"]
ARMS: tuple[Arm, ...] = ("original", "between", "within")
BLANK = "___"
"""What stands in a template in place of a word of the terms."""
_USES = {
    ("her", "object"): ("him", "them"),
    ("her", "possessive"): ("his", "their"),
    ("his", "possessive"): ("her", "their"),
    ("his", "pronoun"): ("hers", "theirs"),
}
"""By which other words the slot of a use is known."""
_PLURAL = {"they"}
"""Words that another form of the verb would have to follow."""


class UnsureError(Exception):
    """A text that cannot be exchanged surely, with the reason."""


class _Hit(NamedTuple):
    """A word of the terms in a text."""

    start: int
    end: int
    place: Place
    alone: bool
    """Whether it may stand in one slot only."""


class Variant(NamedTuple):
    """A text of one arm."""

    arm: Arm
    to: str | None
    """Group that its words are of; that of the original within."""
    text: str


class Exchange(NamedTuple):
    """A text and what became of it."""

    group: str
    template: str
    """The text with its words left blank: what its variants share."""
    variants: tuple[Variant, ...]


def exchange(text: str, terms: Terms) -> Exchange:
    """Return a text with its variants: one between for each other group, and one within.

    Raises
    ------
    UnsureError
        With the reason for which it has none.
    """
    if not text.strip():
        raise UnsureError("no text")
    hits = _find_hits(text, terms)
    group, *more = dict.fromkeys(hit.place.group for hit in hits)
    if more:
        raise UnsureError(f"words of several groups ({', '.join((group, *more))})")
    others = [name for name in terms.groups if name != group]
    between = [(name, _replace_all(text, hits, terms, _between(terms, name))) for name in others]
    within = _replace_all(text, hits, terms, lambda hit: terms.find_within(hit.place))
    if within == text:
        raise UnsureError("no other word of the same group, so there is no placebo")
    made = [Variant("between", name, changed) for name, changed in between]
    variants = (Variant("original", group, text), *made, Variant("within", group, within))
    return Exchange(group, _blank(text, hits), variants)


def _find_hits(text: str, terms: Terms) -> list[_Hit]:
    hits = []
    for found in terms.pattern.finditer(text):
        _refuse_compound(text, found, terms)
        _refuse_verb(text, found, terms)
        _refuse_title(text, found, terms)
        word = re.sub(r"\s+", " ", found[0]).lower()
        places = terms.places[word]
        hits.append(_Hit(found.start(), found.end(), _choose_place(text, found, places, terms), len(places) == 1))
    if not hits:
        raise UnsureError("no word of the terms")
    for found in GENDERED.finditer(text) if terms.is_gender else ():
        # Beside a word that is exchanged it would no longer fit: "John lost her keys" measures grammar.
        if found[0].lower() not in terms.places:
            raise UnsureError(f"the terms have no '{found[0].lower()}', which would no longer fit")
    return hits


def _refuse_compound(text: str, found: re.Match[str], terms: Terms) -> None:
    """Refuse a word inside a compound, such as non-white or O'John, and a proper name, such as White House."""
    around = text[found.start() - 1 : found.start()] + text[found.end() : found.end() + 1]
    if "-" in around or re.search(r"\w['’]$", text[: found.start()]):
        raise UnsureError(f"'{found[0]}' stands in a compound")
    if found[0].lower() in terms.names or not found[0][:1].isupper() or found[0].isupper():
        return
    following = re.match(r"\s+([^\W\d_])", text[found.end() :])
    preceding = re.search(r"([^\W\d_])[^\W\d_]+\s+$", text[: found.start()])
    if preceding is not None and begins_sentence(text, preceding.start()):
        preceding = None
    proper = any(beside is not None and beside[1].isupper() for beside in (preceding, following))
    if proper and not begins_sentence(text, found.start()):
        raise UnsureError(f"'{found[0]}' may be part of a name")


def _refuse_title(text: str, found: re.Match[str], terms: Terms) -> None:
    """Refuse a name after a title of its gender that the terms lack: "Mrs John" measures grammar."""
    title = TITLE.search(text, 0, found.start()) if terms.is_gender else None
    if title is not None and not {title[1].lower(), title[0].strip().lower()} & set(terms.places):
        raise UnsureError(f"the terms have no '{title[0].strip()}', which would no longer fit")


_AFTER_A_VERB = re.compile(
    r"\s+(?:(?:the|an?|this|that|these|those|my|your|his|her|its|our|their|all|each|every|any|he|she|they|we|i)\s+\w"
    r"|(?:it|them|him|us|me|you|up|out|off|down)\b)",
    re.IGNORECASE,
)
"""What follows Mark or Will where these are verbs."""


def _refuse_verb(text: str, found: re.Match[str], terms: Terms) -> None:
    """Refuse a name that may be another word: written small, or first in a sentence as a verb, as in "Mark the box"."""
    if found[0].lower() not in terms.names:
        return
    if found[0][:1].islower():
        raise UnsureError(f"'{found[0]}' is a name without its capital, or another word")
    if begins_sentence(text, found.start()) and _AFTER_A_VERB.match(text, found.end()):
        raise UnsureError(f"'{found[0]}' may be a verb")


def _choose_place(text: str, found: re.Match[str], places: Sequence[Place], terms: Terms) -> Place:
    """Return where a word stands among the terms; of her and his, by its use."""
    word = found[0].lower()
    known = [key for key in _USES if key[0] == word]
    if not known:
        return places[0]
    use = find_use(text, found.start(), found.end())
    if use is None:
        raise UnsureError(f"the use of '{found[0]}' is not certain")
    like = _USES[(word, use)]
    for place in places:
        others = set(map(str.lower, chain.from_iterable(terms.slots[place.slot].values())))
        if others & set(like):
            return place
    raise UnsureError(f"the terms have no word for '{found[0]}' as {use}")


def _between(terms: Terms, to: str) -> Callable[[_Hit], str]:
    def choose(hit: _Hit) -> str:
        word = terms.find_between(hit.place, to)
        if word is None:
            own = terms.slots[hit.place.slot][hit.place.group][hit.place.at]
            raise UnsureError(f"the terms have no word of {to} for '{own}'")
        return word

    return choose


def _replace_all(text: str, hits: Sequence[_Hit], terms: Terms, choose: Callable[[_Hit], str]) -> str:
    """Return a text with other words, their capitals and articles fitted."""
    made, at = "", 0
    for hit in hits:
        old, new = text[hit.start : hit.end], choose(hit)
        if new.lower() == old.lower():
            made, at = made + text[at : hit.end], hit.end
            continue
        if {new.lower(), old.lower()} & _PLURAL:
            raise UnsureError(f"'{old}' and '{new}' take other forms of the verb")
        is_name = new.lower() in terms.names or old.lower() in terms.names
        cased = match_case(new, old, is_name=is_name, begins=begins_sentence(text, hit.start))
        before = fit_article(made + text[at : hit.start], old, new)
        if cased is None or before is None:
            raise UnsureError(f"the {'capitals of' if cased is None else 'article before'} '{old}' cannot be fitted")
        owned = fit_possessive(text, hit.start, hit.end, new)
        if owned is None:
            raise UnsureError(f"the apostrophe after '{old}' may be a possessive or a quotation mark")
        made, at = before + cased + owned.written, hit.end + owned.read
    return made + text[at:]


def _blank(text: str, hits: Sequence[_Hit]) -> str:
    """Return the text with its words left blank, and no article that depends on them."""
    made, at = "", 0
    for hit in hits:
        before = text[at : hit.start]
        made, at = made + re.sub(r"(?<!\w)([Aa])[Nn](\s+[\"'“‘(\[]*)$", r"\1\2", before) + BLANK, hit.end
    return made + text[at:]


class Left(NamedTuple):
    """A row that was not exchanged."""

    row: int
    """Counted from 1."""
    reason: str


def exchange_rows(
    rows: Sequence[Mapping[str, Any]], terms: Terms, column: str = "text", template: str | None = None
) -> Iterator[dict[str, Any] | Left]:
    """Yield a row for each arm of each text, or why a text has none.

    Parameters
    ----------
    rows
        With the text, and whatever else is to be kept.
    column
        Name of the text.
    template
        Column with the template that texts were made from; what is left of the text without its words where none is.
    """
    for number, row in enumerate(rows, 1):
        text = row[column]
        try:
            found = exchange(text if isinstance(text, str) else "", terms)
        except UnsureError as error:
            yield Left(number, str(error))
            continue
        made_from = found.template if template is None else str(row[template])
        own = {"item": f"{number}", "template": made_from, "group": found.group}
        for variant in found.variants:
            yield {**row, **own, "arm": variant.arm, "to": variant.to, column: variant.text}
