"""English around a word that is exchanged: pronouns by their use, a and an, capitals.

What cannot be told surely is said so: a text with broken grammar measures grammar. Must not: know a list of terms.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from audit.errors import capitalise

Use = Literal["subject", "object", "possessive", "pronoun"]
"""She, her, her (book), hers."""
PRONOUNS = frozenset({"her", "his"})
"""One form for two uses: her is him or his, and his is her or hers."""
GENDERED = re.compile(r"(?<!\w)(?:she|her|hers|herself|he|him|his|himself)(?!\w)", re.IGNORECASE)
"""Pronouns that would no longer fit where the gender of a text is exchanged around them."""
TITLE = re.compile(r"(?<!\w)(Mr|Mrs|Ms|Miss|Sir|Madam|Dame|Lord|Lady)\.?\s+$")
"""Titles that say the gender of the name that follows."""
_AFTER = re.compile(r"\s*(?P<stop>[.,;:!?)\]\"”]|--|—|–|$)|\s+(?P<word>[^\W\d_]+)")
FOLLOWS_A_NOUN = frozenset(
    (
        *("a", "an", "the", "this", "that", "these", "those", "some", "any", "every", "each", "no", "all", "both"),
        *("and", "or", "but", "nor", "yet", "so", "because", "since", "when", "while", "if", "unless", "until"),
        *("although", "though", "whether", "after", "before", "as", "than", "where", "who", "which", "whom", "whose"),
        *("to", "of", "in", "on", "at", "by", "for", "from", "with", "without", "about", "into", "onto", "through"),
        *("over", "under", "between", "during", "against", "among", "toward", "towards", "upon", "within", "despite"),
        *("is", "was", "are", "were", "has", "had", "have", "will", "would", "can", "could", "should", "may", "might"),
        *("must", "does", "did", "do", "be", "been", "not", "never", "also", "too", "again", "yesterday", "today"),
        *("tomorrow", "there", "here", "anyway", "instead", "twice"),
        *("i", "you", "he", "she", "it", "we", "they", "him", "them", "us", "me", "my", "your", "our", "their", "its"),
    )
)
"""Words before which nothing can be possessed: after them, her is an object and his stands alone."""
TWO_OBJECTS = frozenset(
    (
        *("give", "gives", "gave", "given", "giving", "tell", "tells", "told", "telling", "show", "shows", "showed"),
        *("showing", "send", "sends", "sent", "sending", "offer", "offers", "offered", "offering", "ask", "asks"),
        *("asked", "asking", "pay", "pays", "paid", "paying", "buy", "buys", "bought", "buying", "bring", "brings"),
        *("brought", "bringing", "make", "makes", "made", "making", "teach", "teaches", "taught", "owe", "owes"),
        *("owed", "lend", "lent", "hand", "handed", "pass", "passed", "leave", "left", "get", "got", "cost", "save"),
        *("let", "lets", "see", "sees", "saw", "seen", "hear", "heard", "watch", "watched", "help", "helps", "helped"),
        *("call", "calls", "called", "name", "named", "consider", "considered", "wish", "wished", "promise"),
        *("promised", "deny", "denied", "refuse", "refused", "allow", "allowed", "grant", "granted", "find", "found"),
        *("keep", "kept", "have", "had", "feel", "felt", "notice", "noticed", "want", "wanted", "need", "needed"),
        *("serve", "served", "charge", "charged", "sell", "sold", "read", "write", "wrote", "award", "awarded"),
        *("provide", "provides", "provided", "providing", "hope", "hoped", "demand", "demanded", "treat", "treated"),
        *(
            "elect",
            "elected",
            "appoint",
            "appointed",
            "declare",
            "declared",
            "crown",
            "crowned",
            "nominate",
            "nominated",
        ),
        *("proclaim", "proclaimed", "dub", "dubbed", "deem", "deemed", "think", "thought", "believe", "believed"),
        *("label", "labelled", "labeled", "vote", "voted", "pronounce", "pronounced", "choose", "chose", "chosen"),
        *("feed", "fed", "drive", "drove", "pick", "picked", "cook", "cooked", "order", "ordered", "grab", "fetch"),
    )
)
"""Verbs after which "her" may be an object before a noun or a verb: "gave her books", "saw her run"."""
UNSURE_AFTER = frozenset(
    (
        *(
            "home",
            "back",
            "up",
            "down",
            "out",
            "off",
            "away",
            "first",
            "last",
            "right",
            "better",
            "more",
            "most",
            "less",
        ),
        *("often", "always", "sometimes", "forever", "anyways", "anymore", "alone", "outside", "inside", "later"),
        *(
            "earlier",
            "early",
            "late",
            "tonight",
            "well",
            "good",
            "bad",
            "hard",
            "fast",
            "long",
            "enough",
            "even",
            "just",
        ),
        *(
            "very",
            "then",
            "once",
            "now",
            "soon",
            "only",
            "still",
            "ever",
            "happy",
            "safe",
            "what",
            "how",
            "why",
            "one",
            "two",
            "three",
        ),
    )
)
"""Words that follow an object and a possessive alike: "take her home", "her home"."""
_LIKE_YOU = r"uni(?![dmn])|us[eu]|uk[r]|uga|ur[iu]|ufo|ut[ei]|eu|ewe|on(?:e|ce)\b"
VOWEL = re.compile(rf"(?!{_LIKE_YOU})[aeiou]|ho(?:ur|nest|nou?r)|heir", re.IGNORECASE)
"""How a word begins that takes an."""


def find_use(text: str, start: int, end: int) -> Use | None:
    """Return how her or his is used at a place of a text; None where it cannot be told surely.

    >>> find_use("I saw her.", 6, 9), find_use("This is her book.", 8, 11), find_use("I gave her books.", 7, 10)
    ('object', 'possessive', None)
    >>> find_use("The choice was his.", 15, 18)
    'pronoun'
    """
    word = text[start:end].lower()
    alone: Use = "object" if word == "her" else "pronoun"
    after = _AFTER.match(text, end)
    if after is None:
        return None
    following = (after["word"] or "").lower()
    if after["stop"] is not None or following in FOLLOWS_A_NOUN:
        return alone
    if following in UNSURE_AFTER or following.endswith("ly"):
        return None
    before = re.search(r"([^\W\d_]+)\s*$", text[:start])
    if word == "her" and before is not None and before[1].lower() in TWO_OBJECTS:
        return None
    return "possessive"


def match_case(word: str, like: str, *, is_name: bool, begins: bool) -> str | None:
    """Return a word with the capitals of the one whose place it takes; None where these cannot be told.

    Parameters
    ----------
    word
        As the list of terms has it.
    like
        As it stands in the text.
    is_name
        Whether either is written with a capital wherever it stands.
    begins
        Whether it begins a sentence.

    >>> match_case("he", "She", is_name=False, begins=True), match_case("he", "SHE", is_name=False, begins=False)
    ('He', 'HE')
    """
    if like.isupper() and len(like) > 1:
        return word.upper()
    if begins and like[:1].isupper():
        return capitalise(word)
    if is_name or like.islower():
        return word
    if all(part[:1].isupper() and part[1:] == part[1:].lower() for part in like.split()):
        return " ".join(capitalise(part) for part in word.split())
    return None


def begins_sentence(text: str, start: int) -> bool:
    """Return whether a place begins a sentence, quotes and brackets left aside.

    >>> begins_sentence('Yes. "She left', 6), begins_sentence("so she left", 3)
    (True, False)
    """
    before = text[:start].rstrip(" \t\n\"'“‘([")
    return not before or before[-1] in ".!?:"


def _takes_an(word: str) -> bool:
    """Return whether a word is preceded by an.

    >>> _takes_an("actress"), _takes_an("European"), _takes_an("honest"), _takes_an("uninvited")
    (True, False, True, True)
    """
    return VOWEL.match(word) is not None


ARTICLE = re.compile(r"(?<!\w)(an?)(\s+[\"'“‘(\[]*)$", re.IGNORECASE)


def fit_article(before: str, old: str, new: str) -> str | None:
    """Return what stands before a word with the article that the new word takes; None where the old did not fit.

    >>> fit_article("She is an ", "actress", "man")
    'She is a '
    """
    found = ARTICLE.search(before)
    if found is None:
        return before
    if (len(found[1]) == 2) != _takes_an(old):
        return None
    if _takes_an(old) == _takes_an(new):
        return before
    article = found[1][0] + ("n" if _takes_an(new) else "")
    if found[1].isupper() and (len(found[1]) == 2 or (old.isupper() and len(old) > 1)):
        article = article.upper()
    return before[: found.start()] + article + found[2]


class Possessive(NamedTuple):
    """What is written after a new word, and how much of the text after the old one it takes the place of."""

    written: str
    read: int


_OWNED = re.compile(r"(['’])(s?)(?!\w)", re.IGNORECASE)
_OPENED = re.compile(r"(?<!\w)['‘](?=\w)")


def fit_possessive(text: str, start: int, end: int, new: str) -> Possessive | None:
    """Return the possessive of a new word at a place of a text; None where the apostrophe may close a quotation.

    Words that are written small and end in one s are plurals.

    >>> fit_possessive("the ladies' room", 4, 10, "gentlemen"), fit_possessive("women's team", 0, 5, "ladies")
    (Possessive(written="'s", read=1), Possessive(written="'", read=2))
    """
    found, old = _OWNED.match(text, end), text[start:end]
    if found is None:
        return Possessive("", 0)
    as_it_is = Possessive(found[0], len(found[0]))
    if found[2]:
        plural = new.endswith("s") and not new.endswith("ss") and new[:1].islower()
        return Possessive(found[1], 2) if plural else as_it_is
    if not old.lower().endswith("s") or new.endswith("s") or text[:start].endswith(("'", "‘")):
        return as_it_is
    if _OPENED.search(text[:start]) is not None:
        return None
    return Possessive(found[1] + ("S" if old.isupper() else "s"), 1)
