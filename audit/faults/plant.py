"""Copies of counts: another sample of the same people, and the same with a fault of known size.

A fault is a share of rows that leave their cells and come back elsewhere, or not at all. Which rows are hit is drawn;
with `take_expected` the share itself is taken, which gives what a fault does on average.

Must not: know a metric or a limit, or read rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audit.axes import BAND, FOLD, LABEL, NEGATIVE, NUMBER, POSITIVE, PREDICTION, SCORE
from audit.cube import Cube
from audit.estimate import Group, Level
from audit.faults.means import MEANS, holds_means, move_means, shift_means

Array = npt.NDArray[np.float64]
Take = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From rows and the chance of each to be hit: how many of them are."""
COUNTS = frozenset({"n", "w", "w2"})
"""Measures of which a share of the rows takes a share."""
RENAMED = "{} (renamed)"


def draw_with(rng: np.random.Generator) -> Take:
    """Return what draws how many rows are hit, each of them by itself."""

    def take(rows: np.ndarray, chance: np.ndarray) -> np.ndarray:
        return rng.binomial(rows, chance)

    return take


def take_expected(rows: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Return how many rows are hit on average."""
    expected: np.ndarray = rows * chance
    return expected


def can_be_copied(cube: Cube) -> bool:
    """Return whether all that was counted is rows and their weights, or sums of which means follow."""
    return set(cube.measures) <= COUNTS or holds_means(cube)


def resample(cube: Cube, rng: np.random.Generator) -> Cube:
    """Return another sample of the same size: cells drawn by their shares, or whole folds where units were folded.

    Weights of a cell are taken to be equal, because their spread within it was not counted.
    """
    if FOLD in cube.names:
        folds = len(cube.axis(FOLD).levels)
        chosen = rng.integers(0, folds, folds)
        at = cube.position(FOLD)
        return Cube(cube.axes, {name: values.take(chosen, axis=at) for name, values in cube.measures.items()})
    rows = cube["n"]
    total = int(rows.sum())
    if not total:
        return cube
    drawn = _scale(cube, rng.multinomial(total, rows.ravel() / total).reshape(rows.shape))
    return move_means(drawn, rng) if holds_means(cube) else drawn


def _scale(cube: Cube, rows: np.ndarray) -> Cube:
    """Return the cube with other rows in its cells, and as much less or more of every weight."""
    share = np.divide(rows, cube["n"], out=np.zeros(rows.shape), where=cube["n"] > 0)
    return Cube(cube.axes, {name: rows if name == "n" else values * share for name, values in cube.measures.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Planting:
    """One fault in one place."""

    fault: str
    by: tuple[str, ...] = ()
    group: Group = ()
    """Of the columns ``by``; of no column it is all rows."""
    size: float = 0.0
    lost: Mapping[str, float] | None = None
    """Of lowered scores: the chance of a selected row with each label to fall under the threshold."""
    amount: float = 0.0
    """Of raised predictions: by how much, in their own unit."""

    def plant(self, cube: Cube, take: Take) -> Cube:
        """Return the counts with the fault in them."""
        return self._occupy(_PLANTS[self.fault](self, cube, take))

    def hit(self, cube: Cube, take: Take, chance: np.ndarray | float | None = None) -> Cube:
        """Return the rows of the group that are hit, as a cube of their own."""
        asked = np.asarray(self.size if chance is None else chance, dtype=float)
        return _scale(cube, take(cube["n"], np.where(self.covers(cube), asked, 0.0)))

    def covers(self, cube: Cube) -> np.ndarray:
        """Return which cells are those of the group; all of them where no column is named."""
        covered = np.zeros(cube["n"].shape, dtype=bool)
        where: list[slice | int] = [slice(None)] * covered.ndim
        for name, level in zip(self.by, self.group, strict=True):
            where[cube.position(name)] = cube.axis(name).levels.index(level)
        covered[tuple(where)] = True
        return covered

    def _occupy(self, cube: Cube) -> Cube:
        """Return the counts without levels of group columns that no row has, as a count of the rows would give them."""
        for name in (name for name in self.by if name in cube.names):
            rows = dict(zip(cube.axis(name).levels, cube.keep(name)["n"].tolist(), strict=True))
            for level in [level for level, n in rows.items() if not n]:
                cube = cube.drop(name, level)
        return cube


def _withhold(fault: Planting, cube: Cube, take: Take) -> Cube:
    if PREDICTION not in cube.names:
        return cube
    hit = fault.hit(cube, take, _on_level(cube, PREDICTION, POSITIVE, fault.size))
    return less(cube, hit) + hit.merge(PREDICTION, _to_negative)


def _flip(fault: Planting, cube: Cube, take: Take) -> Cube:
    if LABEL not in cube.names:
        return cube
    levels: tuple[Level, ...] = cube.axis(LABEL).levels
    if set(levels) <= {NEGATIVE, POSITIVE}:
        levels = (NEGATIVE, POSITIVE)
    following = dict(zip(levels, (*levels[1:], levels[0]), strict=True))
    hit = fault.hit(cube, take)
    return less(cube, hit) + hit.merge(LABEL, following.__getitem__)


def _drop(fault: Planting, cube: Cube, take: Take) -> Cube:
    return less(cube, fault.hit(cube, take))


def _rename(fault: Planting, cube: Cube, take: Take) -> Cube:
    return _call(fault, cube, take, RENAMED.format(fault.group[0]))


def _lose_name(fault: Planting, cube: Cube, take: Take) -> Cube:
    return _call(fault, cube, take, None)


def _call(fault: Planting, cube: Cube, take: Take, new: Level) -> Cube:
    """Return the counts with rows of the group under another name in its first column."""
    old = fault.group[0]
    hit = fault.hit(cube, take)
    return less(cube, hit) + hit.merge(fault.by[0], lambda level: new if level == old else level)


def _lose_label(fault: Planting, cube: Cube, take: Take) -> Cube:
    return _lose_value(fault, cube, take, LABEL)


def _lose_prediction(fault: Planting, cube: Cube, take: Take) -> Cube:
    return _lose_value(fault, cube, take, PREDICTION)


def _lose_value(fault: Planting, cube: Cube, take: Take, axis: str) -> Cube:
    if axis not in cube.names:
        return cube
    hit = fault.hit(cube, take)
    return less(cube, hit) + hit.merge(axis, _to_missing)


def _duplicate(fault: Planting, cube: Cube, take: Take) -> Cube:
    return cube + fault.hit(cube, take)


def _lower(fault: Planting, cube: Cube, take: Take) -> Cube:
    if SCORE in cube.names:
        # A shift moves every row; nothing is drawn.
        hit = fault.hit(cube, take_expected, 1.0)
        whole = Cube(hit.axes, {name: values.astype(cube[name].dtype) for name, values in hit.measures.items()})
        return less(cube, whole) + whole.merge(SCORE, find_lowered(cube.axis(SCORE).levels, fault.size).__getitem__)
    if PREDICTION not in cube.names or not fault.lost:
        return cube
    hit = fault.hit(cube, take, _on_level(cube, PREDICTION, POSITIVE, 1.0) * _by_label(cube, fault.lost))
    return less(cube, hit) + hit.merge(PREDICTION, _to_negative)


def _raise(fault: Planting, cube: Cube, take: Take) -> Cube:
    # A shift moves every row; nothing is drawn.
    del take
    amounts = np.where(fault.covers(cube), fault.amount, 0.0)
    return shift_means(cube, dict.fromkeys(MEANS, amounts))


def _to_negative(level: Level) -> Level:
    del level
    return NEGATIVE


def _to_missing(level: Level) -> Level:
    del level
    return None


_PLANTS: Mapping[str, Callable[[Planting, Cube, Take], Cube]] = {
    "withheld": _withhold,
    "flipped": _flip,
    "scores": _lower,
    "raised": _raise,
    "dropped": _drop,
    "missing": _lose_name,
    "renamed": _rename,
    "unlabelled": _lose_label,
    "unpredicted": _lose_prediction,
    "duplicated": _duplicate,
}
"""How each fault is planted."""


def less(cube: Cube, part: Cube) -> Cube:
    """Return the counts without those of a part of them."""
    return Cube(cube.axes, {name: values - part[name] for name, values in cube.measures.items()})


def _along(cube: Cube, name: str, values: np.ndarray) -> np.ndarray:
    shape = [1] * len(cube.axes)
    shape[cube.position(name)] = -1
    return values.reshape(shape)


def _on_level(cube: Cube, name: str, level: str, chance: float) -> np.ndarray:
    """Return the chance of each cell where only rows of one level are hit."""
    return _along(cube, name, np.array([chance if one == level else 0.0 for one in cube.axis(name).levels]))


def _by_label(cube: Cube, chances: Mapping[str, float]) -> np.ndarray:
    if LABEL not in cube.names:
        return np.array(chances.get("", 0.0))
    return _along(cube, LABEL, np.array([chances.get(str(level), 0.0) for level in cube.axis(LABEL).levels]))


def find_lowered(levels: tuple[Level, ...], shift: float) -> dict[Level, Level]:
    """Return the bin into which each bin of scores falls that is lowered; the lowest holds what falls out of all."""
    starts = np.array([read_start(level) for level in levels])
    # A bin stands for its lower edge; rounding keeps 0.3 - 0.1 from falling a hair under 0.2.
    places = np.searchsorted(starts, np.round(starts - shift, 12), side="right") - 1
    return {level: levels[max(int(at), 0)] for level, at in zip(levels, places, strict=True)}


def read_start(level: Level) -> float:
    """Return the lower edge of a bin, or the one value that it holds.

    >>> read_start("0.25"), read_start("[0.25, 0.5)"), read_start("[-inf, 0)")
    (0.25, 0.25, -inf)
    """
    text = level or ""
    found = NUMBER.fullmatch(text) or BAND.match(text)
    return float(found[1]) if found else float("nan")


def find_lost(scores: Cube, by: tuple[str, ...], group: Group, shift: float, threshold: float) -> dict[str, float]:
    """Return, by label, the share of the selected rows of a group whose score falls under the threshold.

    Parameters
    ----------
    scores
        Rows by groups, label and bin of the score.
    shift
        By how much every score of the group is lowered.
    threshold
        Least score that is selected.
    """
    cube = scores.keep(*by, LABEL, SCORE)
    for name, level in zip(by, group, strict=True):
        cube = cube.at(name, level)
    starts = np.array([read_start(level) for level in cube.axis(SCORE).levels])
    selected = starts >= threshold
    falls = selected & (np.round(starts - shift, 12) < threshold)
    found = {}
    for at, label in enumerate(cube.axis(LABEL).levels):
        rows = cube["n"][at]
        of = float(rows[selected].sum())
        found[str(label)] = float(rows[falls].sum()) / of if of else 0.0
    return found
