"""Names that look alike and split one group into two: case, spaces, Unicode, other scripts, what is not drawn."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

_LOOKALIKES = str.maketrans(
    "аеорсухіјѕһԁԛԝԍвнкмтзбАВЕЅІЈКМНОРСТУХҮԌԜαοϲνρτυικΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹ‐‑‒–—−’‘",
    "aeopcyxijshdqwgbhkmt36abesijkmhopctyxygwaocvptuikabezhikmnoptyxc------''",
)
"""Letters of Cyrillic and Greek, and dashes and quotes, by the ASCII character they are drawn like (Unicode TR39)."""


_FILLERS, _VARIANTS = (0x34F, 0x115F, 0x1160, 0x3164, 0xFFA0), (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
_UNDRAWN = frozenset(map(chr, (*_FILLERS, *_VARIANTS)))
"""Characters beside those of category Cf that are ignorable by default (Unicode, DerivedCoreProperties)."""


@dataclass(frozen=True, slots=True)
class Twins:
    """Names that would be one after tidying, and what they differ in."""

    names: tuple[str, ...]
    why: str


def find_near_twins(names: Iterable[str]) -> tuple[Twins, ...]:
    """Return sets of names that are alike once case, spaces, Unicode form and look-alike letters are set aside."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in sorted(set(names)):
        alike[_make_skeleton(name)].append(name)
    return tuple(Twins(tuple(found), _reason_for_twins(found)) for found in alike.values() if len(found) > 1)


def _tidy(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).split())


def _make_skeleton(name: str) -> str:
    return _tidy(_strip_unseen(name)).translate(_LOOKALIKES).casefold()


def _strip_unseen(name: str) -> str:
    """Return what of a name is drawn: no joiners, soft hyphens, directions or variants."""
    return "".join(c for c in name if unicodedata.category(c) != "Cf" and c not in _UNDRAWN)


def _reason_for_twins(names: list[str]) -> str:
    if len({_strip_unseen(n) for n in names}) == 1:
        return "characters that are not seen"
    if len({n.strip() for n in names}) == 1 or len({" ".join(n.split()) for n in names}) == 1:
        return "white space"
    if len({_tidy(n) for n in names}) == 1:
        return "Unicode form"
    if len({_tidy(n).casefold() for n in names}) == 1:
        return "case or white space"
    return "look-alike (confusable) letters"
