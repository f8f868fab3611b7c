"""A flat table of counts that a device can keep, and what each of its cells means.

A row has one cell: the code of each attribute, of its label and of its prediction (or score bin) are the digits of a
number of mixed radix. Each digit has places of its own for what cannot be read, so that no value of any row can point
outside the table and no row is lost: below the first code, above the last, unknown group, NaN. One last cell takes the
rows that only fill up a batch. Must not: import torch, or know where the rows came from.

>>> cells = Cells({"sex": ("female", "male")})
>>> cells.shape, cells.padded
((5, 4, 5), 100)
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from audit.axes import AGAINST, FOLD, LABEL, NEGATIVE, POSITIVE, PREDICTION, SCORE, STRATUM, nowhere
from audit.cube import Axis, Cube
from audit.errors import QuestionError, no_such, printable
from audit.estimate import Level

BELOW, UNKNOWN = 0, 1
"""First places of an attribute: a code under -1, and -1, which says that the group is not known."""
FIRST_LEVEL, FIRST_CLASS = 2, 1
"""Place of code 0 among an attribute's places, and among those of labels, predictions and bins."""
MOST_CELLS, MOST_BINS = 1_000_000, 1000
RESERVED = frozenset({AGAINST, LABEL, PREDICTION, SCORE, FOLD, STRATUM})


@dataclass(frozen=True, slots=True)
class Account:
    """Counts of a table and where every row went: read = used + the sum of excluded."""

    cube: Cube
    """Groups (x earlier prediction) x label x prediction, or x score where scores were binned.

    It has a level for every name that was given.
    """
    rows_read: int
    rows_excluded: Mapping[str, int]
    rows_without_group: Mapping[str, int]
    unread: int
    """Rows whose group code, label or prediction could not be read; they are excluded, each under its reason."""

    @property
    def rows_used(self) -> int:
        """Rows that entered at least one group."""
        return self.rows_read - sum(self.rows_excluded.values())


class Cells:
    """Which cell a row has.

    Parameters
    ----------
    groups
        Names of each attribute's codes, in the order of the codes: code 0 is the first name.
    classes
        Names of the classes, or how many there are; of two, the second is the positive one.
    cuts
        Where scores from 0 to 1 are cut, rising; none where classes are counted. A score on a cut belongs above it.
    threshold
        The cut from which on a score is a positive prediction.
    against
        Whether every row has the class of an earlier prediction too.

    Raises
    ------
    QuestionError
        When names are missing, double or reserved, or there would be too many cells.
    """

    def __init__(
        self,
        groups: Mapping[str, Sequence[str]],
        classes: int | Sequence[str] = 2,
        cuts: Sequence[float] = (),
        threshold: float | None = None,
        *,
        against: bool = False,
    ) -> None:
        self.against = against
        self.groups = {str(name): _require_levels(str(name), levels) for name, levels in groups.items()}
        if not self.groups:
            raise QuestionError("groups names no attribute; give {'sex': ['female', …]}")
        self.classes = _classes(classes)
        self.cuts, self.threshold = tuple(float(c) for c in cuts), threshold
        _refuse_cuts(self.cuts, threshold, len(self.classes))
        sizes = [len(levels) + 3 for levels in self.groups.values()]
        earlier = (len(self.classes) + 2,) if against else ()
        self.shape = (*sizes, *earlier, len(self.classes) + 2, self.width + 3)
        self.padded = math.prod(self.shape)
        """Cell of rows that only fill up a batch; the last one."""
        if self.padded > MOST_CELLS:
            widest = max(self.groups, key=lambda name: len(self.groups[name]))
            raise QuestionError(
                f"{' x '.join(map(printable, self.groups))} x label x prediction makes {self.padded:,} cells, more "
                f"than {MOST_CELLS:,}; merge levels of '{printable(widest)}', take fewer bins, or use a second tally"
            )
        strides = [math.prod(self.shape[i + 1 :]) for i in range(len(self.shape))]
        self.strides = dict(zip(self.groups, strides, strict=False))
        """Weight of each attribute's code in the number of the cell."""
        self.label_stride = strides[-2]
        self.against_stride = strides[-3] if against else 0
        self.offset = FIRST_LEVEL * sum(self.strides.values())
        self.offset += FIRST_CLASS * (self.label_stride + self.against_stride)
        """Added once, so that codes need not be shifted one by one; the prediction comes as a place already."""

    @property
    def width(self) -> int:
        """Classes that can be predicted, or score bins."""
        return len(self.cuts) + 1 if self.cuts else len(self.classes)

    @property
    def binned(self) -> bool:
        """Whether score bins are counted beyond the decision itself."""
        return len(self.cuts) > 1

    @property
    def nan(self) -> int:
        """Place of a prediction that is not a number."""
        return self.width + 2

    def plain(self) -> dict[str, Any]:
        """What the cells mean, as plain values: two tables can be added only if this is the same."""
        return {
            "groups": {name: list(levels) for name, levels in self.groups.items()},
            "classes": list(self.classes),
            "cuts": list(self.cuts),
            "threshold": self.threshold,
            **({AGAINST: True} if self.against else {}),
        }

    def account(self, table: np.ndarray, further: Mapping[str, int] | None = None) -> Account:
        """Counts in words.

        Parameters
        ----------
        table
            Whole numbers, one a cell, the padded rows last.
        further
            Rows that were left out before they were counted, by reason.
        """
        n, padded = table[: self.padded].astype(np.int64).reshape(self.shape), int(table[self.padded])
        excluded: dict[str, int] = {}
        for axis, (what, places) in enumerate(self._unreadable()):
            for place, reason in places.items():
                _note(excluded, reason or what, int(n.take(place, axis=axis).sum()))
            n = np.delete(n, list(places), axis=axis)
        unread = sum(excluded.values())
        _note(excluded, "only fills up a batch (not valid)", padded)
        for reason, rows in (further or {}).items():
            _note(excluded, reason, rows)
        cube, read = self._cube(n), int(n.sum()) + sum(excluded.values())
        _note(excluded, nowhere(tuple(self.groups)), int(n[(0,) * len(self.groups)].sum()))
        without = {name: int(n.take(0, axis=i).sum()) for i, name in enumerate(self.groups)}
        return Account(cube, read, excluded, {k: v for k, v in without.items() if v}, unread)

    def decided(self, cube: Cube) -> Cube:
        """The cube with score bins merged at the threshold."""
        if SCORE not in cube.names:
            return cube
        at = self.cuts.index(self.threshold if self.threshold is not None else 0.0) + 1
        below = set(cube.axis(SCORE).levels[:at])
        merged = cube.merge(SCORE, lambda level: NEGATIVE if level in below else POSITIVE)
        axes = [Axis(PREDICTION, a.levels) if a.name == SCORE else a for a in merged.axes]
        return Cube(axes, merged.measures)

    def _unreadable(self) -> list[tuple[str, dict[int, str]]]:
        """Places of each axis that no row should be at, with the reason where it is not the axis's own."""
        found: list[tuple[str, dict[int, str]]] = [
            (f"code of '{printable(name)}' is none of -1 to {len(levels) - 1}", {BELOW: "", len(levels) + 2: ""})
            for name, levels in self.groups.items()
        ]
        last = len(self.classes)
        if self.against:
            found.append((f"earlier prediction is none of the {last} classes", {BELOW: "", last + 1: ""}))
        found.append((f"label is none of the {last} classes", {BELOW: "", last + 1: ""}))
        what = f"prediction is none of the {last} classes"
        if self.cuts:
            what = "score is not between 0 and 1" if self.binned else f"{what}, or a score not between 0 and 1"
        found.append((what, {BELOW: "", self.width + 1: "", self.nan: "prediction or score is NaN"}))
        return found

    def _cube(self, n: np.ndarray) -> Cube:
        axes = [Axis(name, (None, *levels)) for name, levels in self.groups.items()]
        earlier = (Axis(AGAINST, self.classes),) if self.against else ()
        axes += [*earlier, Axis(LABEL, self.classes), self._outcome()]
        cube = Cube(axes, {"n": n})
        for name in (*self.groups, *(a.name for a in earlier), LABEL, *(() if self.binned else (PREDICTION,))):
            cube = cube.merge(name, _keep_level)
        return cube

    def _outcome(self) -> Axis:
        if not self.binned:
            return Axis(PREDICTION, self.classes)
        ends = (0.0, *self.cuts, 1.0)
        texts = [f"[{low!r}, {high!r})" for low, high in pairwise(ends)]
        return Axis(SCORE, (*texts[:-1], texts[-1][:-1] + "]"))


def read_cuts(threshold: float, bins: int | Sequence[float] | None) -> tuple[float, ...]:
    """Where scores are cut: into equal bins, or at what is given; the threshold is always a cut."""
    if isinstance(bins, int):
        if not 1 <= bins <= MOST_BINS:
            raise QuestionError(f"bins is {bins}; give 1 to {MOST_BINS:,}, or where scores are cut")
        return tuple(sorted({threshold, *(i / bins for i in range(1, bins))}))
    return tuple(sorted({threshold, *(bins or ())}))


def _keep_level(level: Level) -> Level:
    """Every level by itself: merging then only puts them into the order of all cubes, with missing last."""
    return level


def _note(excluded: dict[str, int], reason: str, rows: int) -> None:
    if rows:
        excluded[reason] = excluded.get(reason, 0) + rows


def _require_levels(attribute: str, levels: Sequence[str]) -> tuple[str, ...]:
    shown = printable(attribute)
    if attribute in RESERVED:
        raise QuestionError(f"group '{shown}' has a reserved name; rename the attribute")
    if isinstance(levels, str) or not all(level and str(level) == level for level in levels):
        raise QuestionError(
            f"group '{shown}' needs the names of its codes, a list of texts in their order, such as ['female', 'male']"
        )
    names = tuple(levels)
    if len(set(names)) < len(names) or not names:
        what = f"the name '{printable(Counter(names).most_common(1)[0][0])}' twice" if names else "no name"
        raise QuestionError(f"group '{shown}' has {what}; every code needs a name of its own")
    return names


def _classes(classes: int | Sequence[str]) -> tuple[str, ...]:
    names = tuple(map(str, range(classes)) if isinstance(classes, int) else map(_class_name, classes))
    if len(names) < 2 or len(set(names)) < len(names):
        raise QuestionError(f"classes are {list(names)[:6]}; give two or more different names, or how many there are")
    return (NEGATIVE, POSITIVE) if len(names) == 2 else names


def _class_name(of: Any) -> str:
    """Name of a class as an audit of its rows has it: 1 and 1.0 are "1", and text is what it is."""
    plain = of.item() if hasattr(of, "item") else of
    if isinstance(plain, float) and plain.is_integer():
        plain = int(plain)
    if isinstance(plain, bool):
        return str(plain).lower()
    return str(plain)


def _refuse_cuts(cuts: Sequence[float], threshold: float | None, classes: int) -> None:
    if not cuts:
        return
    if classes != 2:
        raise QuestionError(f"threshold and bins are for two classes, not {classes}; remove them")
    wrong = next((c for c in cuts if not 0 < c < 1), None)
    if wrong is not None or any(a >= b for a, b in pairwise(cuts)):
        raise QuestionError("threshold and bins must be numbers between 0 and 1, rising; without 0 and 1")
    if threshold not in cuts:
        raise QuestionError(no_such("cut", threshold, cuts))
