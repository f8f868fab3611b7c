"""From what a model wrote to the option that it names; what names none is never taken for one.

Must not: know a benchmark.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from audit.items.item import NoChoiceError

UNKNOWN = (
    "unknown",
    "cannot answer",
    "cant answer",
    "cannot be answered",
    "cant be determined",
    "cannot be determined",
    "cannot determine",
    "cant determine",
    "not known",
    "not enough info",
    "not enough information",
    "not answerable",
    "undetermined",
    "dont know",
    "do not know",
    "cannot know",
    "cant know",
)
"""Ways to say that the text does not tell, as BBQ and the harnesses have them; without punctuation."""
DENIALS = frozenset(
    (
        *(
            "not",
            "no",
            "nor",
            "neither",
            "never",
            "none",
            "nobody",
            "without",
            "cannot",
            "cant",
            "wont",
            "isnt",
            "wasnt",
        ),
        *(
            "arent",
            "werent",
            "dont",
            "doesnt",
            "didnt",
            "hasnt",
            "havent",
            "wouldnt",
            "shouldnt",
            "couldnt",
            "unlikely",
        ),
        *("instead", "rather", "except", "unless", "if", "whether", "false", "incorrect", "wrong"),
    )
)
"""Words beside which the name of an option does not choose it; without punctuation."""
REFUSAL = re.compile(
    r"(im |i am )?(really |very )?(sorry|unable|not able|not comfortable)\b"
    r"|i (cannot|cant|can not|wont|will not|must decline|decline)\b|as an ai\b|as a language model\b"
)
"""How a refusal begins, without punctuation."""
_LEAD = r"(?:(?:the\s+)?(?:answer|option|choice)\b\s*(?:is)?\s*:?\s*)"
LETTER = re.compile(rf"{_LEAD}?[(\[]?([a-z])[)\].:]?", re.IGNORECASE)
"""All of a text that is a letter."""
LETTERED = re.compile(rf"\b(?i:{_LEAD})[(\[]?([A-Z])\b[)\]]?\W*$|^\s*[(\[]?([A-Z])[)\].:]\s")
"""A text that ends in the answer's letter, or begins with one."""
_BARE = str.maketrans("", "", string.punctuation + "’‘“”")


def simplify(text: str) -> str:
    """Return text in lower case, without punctuation, the article at its start, and runs of blanks.

    >>> simplify("The grandfather.")
    'grandfather'
    """
    words = text.lower().translate(_BARE).split()
    return " ".join(words[1:] if words[:1] == ["the"] and len(words) > 1 else words)


def is_unknown(text: str) -> bool:
    """Return whether a text says that the answer is not known."""
    said = simplify(text)
    return any(re.search(rf"\b{words}\b", said) for words in UNKNOWN)


def find_choice(text: str, choices: Sequence[str], unknown: int | None = None) -> int:
    """Return the position of the option that a text names.

    The option itself, its letter, a way to say that it is not known, or a text in which exactly one option stands.

    Parameters
    ----------
    text
        What the model wrote.
    choices
        Options in the order of their letters.
    unknown
        Position of the option that says that the answer is not known, where there is one.

    Raises
    ------
    NoChoiceError
        ``refused`` or ``unreadable``.
    """
    said, options = simplify(text), [simplify(choice) for choice in choices]
    if options.count(said) == 1:
        return options.index(said)
    letter = _find_letter(text, len(choices))
    if letter is not None:
        return letter
    named = [i for i, option in enumerate(options) if option and re.search(rf"\b{re.escape(option)}\b", said)]
    says_unknown = unknown is not None and is_unknown(text)
    if len(named) == 1 and not says_unknown and not _denies(said, options[named[0]]):
        return named[0]
    if unknown is not None and says_unknown and not set(named) - {unknown}:
        return unknown
    raise NoChoiceError("refused" if not named and REFUSAL.match(said) else "unreadable")


def _denies(said: str, option: str) -> bool:
    """Return whether a text holds a word of denial beside the option: "not the grandfather" chooses no grandfather."""
    return not DENIALS.isdisjoint(set(said.split()) - set(option.split()))


def _find_letter(text: str, count: int) -> int | None:
    """Return the position that a letter names, where the text is one, or begins or ends with one."""
    whole = LETTER.fullmatch(text.strip())
    found = whole[1] if whole else None
    if found is None:
        part = LETTERED.search(text.strip())
        found = (part[1] or part[2]) if part else None
    if found is None:
        return None
    at = ord(found.upper()) - ord("A")
    return at if at < count else None
