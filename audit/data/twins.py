"""Names that look alike and split one group into two: case, spaces, Unicode forms, letters of another script."""

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


@dataclass(frozen=True, slots=True)
class Twins:
    """Names that would be one after tidying, and what they differ in."""

    names: tuple[str, ...]
    why: str


def near_twins(names: Iterable[str]) -> tuple[Twins, ...]:
    """Sets of names that are alike once case, spaces, Unicode form and look-alike letters are set aside."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in sorted(set(names)):
        alike[_skeleton(name)].append(name)
    return tuple(Twins(tuple(found), _why(found)) for found in alike.values() if len(found) > 1)


def _tidy(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).split())


def _skeleton(name: str) -> str:
    return _tidy(name).translate(_LOOKALIKES).casefold()


def _why(names: list[str]) -> str:
    if len({n.strip() for n in names}) == 1 or len({" ".join(n.split()) for n in names}) == 1:
        return "white space"
    if len({_tidy(n) for n in names}) == 1:
        return "Unicode form"
    return (
        "case or white space" if len({_tidy(n).casefold() for n in names}) == 1 else "look-alike (confusable) letters"
    )
