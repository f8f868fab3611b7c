"""Counts of two decisions about the same people, and which of them follow from what is told of a group.

The cells of a group are its rows by label, new and earlier decision, 2 x 2 x 2 in one line. Of these four families are
told beside those of label and prediction: how many decisions changed; how many right answers were lost and gained; how
many decisions went up and down; and all cells. From them and from the rates of the new decisions follow those of the
earlier ones too, how many were right both times, and the like: a count that follows is as much a secret as one that is
told.

Must not: decide what to hide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import product

from audit.measurement.metrics.kinds import OF_PAIRS, Family

Cells = tuple[int, ...]
Mask = tuple[int, ...]
"""1 for every cell that a count is the sum of."""
WIDTH = 8
"""Cells of a group; no table of K x K classes has so many."""
PLACES = tuple(product((0, 1), repeat=3))
"""Label, new and earlier decision of each cell."""
SMALLEST_STEP = 1e-6
"""What is taken for 0 of a linear programme whose unknowns reach 1."""


def _mask(holds: Callable[[int, int, int], bool]) -> Mask:
    return tuple(int(holds(*place)) for place in PLACES)


def _combine(*at: int) -> tuple[Mask, ...]:
    """Return a mask for every combination of these of label, new and earlier decision."""
    wanted = product((0, 1), repeat=len(at))
    return tuple(_mask(lambda *place, own=own: tuple(place[i] for i in at) == own) for own in wanted)


@cache
def list_masks() -> Mapping[Family, tuple[Mask, ...]]:
    """Return the counts of each family as masks: those that are told, then those that may follow."""
    stayed = (
        _mask(lambda y, new, earlier: new == earlier == y),
        _mask(lambda y, new, earlier: new == earlier != y),
    )
    return {
        "rows": _combine(),
        "labels": _combine(0),
        "selection": _combine(1),
        "confusion": _combine(0, 1),
        "changed": (_mask(lambda _y, new, earlier: new != earlier), _mask(lambda _y, new, earlier: new == earlier)),
        "lost_gained": (
            _mask(lambda y, new, earlier: earlier == y != new),
            _mask(lambda y, new, earlier: new == y != earlier),
            *stayed,
        ),
        "up_down": (
            _mask(lambda _y, new, earlier: new > earlier),
            _mask(lambda _y, new, earlier: new < earlier),
            _mask(lambda _y, new, earlier: bool(new and earlier)),
            _mask(lambda _y, new, earlier: not (new or earlier)),
            *_combine(2),
            *_combine(0, 2),
        ),
        "flips_by_label": _combine(0, 1, 2),
    }


TOLD: Mapping[Family, int] = {"lost_gained": 2, "up_down": 2}
"""How many counts of a family are told; all of one that is not named here."""


def list_counts(cells: Cells, family: Family) -> tuple[int, ...]:
    """Return the counts of a family, in the order of its masks."""
    return tuple(_sum(cells, mask) for mask in list_masks()[family])


def list_told(family: Family) -> tuple[Mask, ...]:
    """Return the masks of the counts that a family tells."""
    return list_masks()[family][: TOLD.get(family)]


def count_parts(cells: Cells, family: Family) -> int:
    """Return into how many parts that hold somebody a family splits the people of a group."""
    told = [_sum(cells, mask) for mask in list_told(family)]
    return sum(n > 0 for n in (*told, sum(cells) - sum(told)))


def count_alike(cells: Cells, family: Family, at: int) -> int:
    """Return among how many people a count of 0 tells the label of everybody else; 0 where it tells no label."""
    mask = list_masks()[family][at]
    labels = {place[0] for place, n in zip(PLACES, mask, strict=True) if n}
    if len(labels) > 1:
        return 0
    half = WIDTH // 2
    other = (*mask[half:], *mask[:half])
    return _sum(cells, mask) + _sum(cells, other)


def drop_earlier(cells: Cells) -> Cells:
    """Return the rows by label and new decision.

    >>> drop_earlier((1, 2, 3, 4, 5, 6, 7, 8))
    (3, 7, 11, 15)
    """
    return list_counts(cells, "confusion")


def is_told(family: Family, at: int, cells: Cells, shown: Sequence[Family]) -> bool:
    """Return whether a count of a group follows from the families that are told of this group.

    It depends on which cells hold nobody, and on no count.

    Parameters
    ----------
    family, at
        The count.
    cells
        Rows by label, new and earlier decision.
    shown
        Families that are told.
    """
    return _follows(list_masks()[family][at], tuple(n == 0 for n in cells), tuple(shown))


@lru_cache(maxsize=4096)
def _follows(mask: Mask, empty: tuple[bool, ...], shown: tuple[Family, ...]) -> bool:
    """Return whether no other table tells the same: whether no way out of this one changes the count."""
    import numpy as np
    from scipy.optimize import linprog

    told = np.array([m for family in shown for m in list_told(family)], dtype=float).reshape(-1, WIDTH)
    bounds = [(0.0 if nobody else -1.0, 1.0) for nobody in empty]
    for sign in (1.0, -1.0):
        found = linprog(sign * np.array(mask), A_eq=told, b_eq=np.zeros(len(told)), bounds=bounds)
        if found.fun is None or found.fun < -SMALLEST_STEP:
            return False
    return True


def _sum(cells: Cells, mask: Mask) -> int:
    return sum(n for n, held in zip(cells, mask, strict=True) if held)


EVERY: tuple[Family, ...] = ("rows", "labels", "selection", "confusion", *OF_PAIRS)
"""All families of a page of two decisions, in the order in which they are hidden."""
