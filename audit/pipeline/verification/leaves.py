"""Two documents leaf by leaf: every place at which one says something else than the other.

Must not: know what a place means, but for the names by which a reader finds an estimate, a gate or a check.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from audit.errors import printable

TOLERANCE = 1e-9
"""Relative; another machine's arithmetic may differ in the last digits."""
NEAR_ZERO = 1e-12
"""Absolute; what is left where two equal rates are subtracted."""
LONGEST_SHOWN = 160
SAID_BY = ("stage", "metric", "compare", "by", "group", "reference", "outcome")
NAMED_BY: Mapping[str, tuple[str, ...]] = {
    "estimates": SAID_BY,
    "gates": ("name", "min", "max"),
    "checks": ("code", "title"),
    "data": ("part",),
    "cubes": ("name",),
}
"""Keys by which an item of a list is the same item in another document."""
ABSENT = "nothing"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place at which the document does not say what follows."""

    place: str
    """Dotted path, as in gates.0.sentence."""
    there: str
    follows: str
    of: str = ""
    """What the place speaks of, for people."""

    def __str__(self) -> str:
        named = f" ({self.of})" if self.of else ""
        return f"{self.place}{named}: recorded {self.there}, recomputed {self.follows}"


def find_differences(there: Any, follows: Any, place: str = "", of: str = "") -> Iterator[Difference]:
    """Yield differences of two plain values, each at its own place."""
    if there == follows:
        return
    if isinstance(there, dict) and isinstance(follows, dict):
        for key in dict.fromkeys((*there, *follows)):
            at = f"{place}.{printable(key)}" if place else printable(key)
            yield from find_differences(there.get(key, ABSENT), follows.get(key, ABSENT), at, of)
    elif isinstance(there, list) and isinstance(follows, list):
        yield from _compare_lists(there, follows, place, of)
    elif not _is_alike(there, follows):
        yield Difference(place, _show_leaf(there), _show_leaf(follows), of)


def _compare_lists(there: Sequence[Any], follows: Sequence[Any], place: str, of: str) -> Iterator[Difference]:
    keys = NAMED_BY.get(place)
    if keys is not None and [_name(t, keys) for t in there] != [_name(f, keys) for f in follows]:
        yield from _name_item(there, follows, place, keys)
        return
    if len(there) != len(follows):
        yield Difference(place, f"{len(there):,} items", f"{len(follows):,}", of)
    for at, (one, other) in enumerate(zip(there, follows, strict=False)):
        yield from find_differences(one, other, f"{place}.{at}", of if keys is None else _describe_leaf(one, keys))


def _name_item(there: Sequence[Any], follows: Sequence[Any], place: str, keys: Sequence[str]) -> Iterator[Difference]:
    """Yield differences of lists that do not name the same items in the same order."""
    left: dict[str, list[Any]] = {}
    for item in follows:
        left.setdefault(_name(item, keys), []).append(item)
    strange = 0
    for at, item in enumerate(there):
        same = left.get(_name(item, keys))
        if same:
            yield from find_differences(item, same.pop(0), f"{place}.{at}", _describe_leaf(item, keys))
        else:
            strange += 1
            yield Difference(f"{place}.{at}", _describe_leaf(item, keys), ABSENT)
    missing = list(chain.from_iterable(left.values()))
    for item in missing:
        yield Difference(place, ABSENT, _describe_leaf(item, keys))
    if not strange and not missing:
        yield Difference(place, "another order", "that of the counts")


def _name(item: Any, keys: Sequence[str]) -> str:
    return repr([item.get(key) for key in keys])


def _describe_leaf(item: Any, keys: Sequence[str]) -> str:
    """Return an item by what it speaks of, in short."""
    said = []
    for key in keys:
        value = item.get(key)
        parts = value if isinstance(value, list) else [value]
        if value:
            said.append(" x ".join("missing" if part is None else str(part) for part in parts))
    return printable(" ".join(said), LONGEST_SHOWN)


def _is_alike(there: Any, follows: Any) -> bool:
    """Return whether two leaves are the same but for the last digits of a fraction."""
    numbers = all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in (there, follows))
    if not numbers or (isinstance(there, int) and isinstance(follows, int)):
        return bool(there == follows)
    return math.isclose(there, follows, rel_tol=TOLERANCE, abs_tol=NEAR_ZERO)


def _show_leaf(value: Any) -> str:
    if isinstance(value, str):
        if value == ABSENT:
            return ABSENT
        return f"'{printable(value, LONGEST_SHOWN)}'"
    return "null" if value is None else printable(value, LONGEST_SHOWN)
