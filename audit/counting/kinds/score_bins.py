"""How scores are put into bins: single values, or equal slices of their range that are cut further where rows crowd.

Every cut divides a slice in halves, quarters and so on, so that where a slice ends and a cut begins is the same double
on every engine, and every cut lies inside one slice. Parts of a whole cannot know where rows crowd: scores from
0 to 1 have the same fine cuts near both ends in every part, and only what is crowded in all of them together is told
finely. Must not: know a metric, or an engine.

>>> bins = Bins(0.0, 0.25, 4, (Finer(1.0, 2.0, 0, 1),))
>>> [bins.text(number) for number in bins.cuts]
['[0.0, 0.25)', '[0.25, 0.375)', '[0.375, 0.5)', '[0.5, 0.75)', '[0.75, 1.0)']
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from audit.axes import LABEL, SCORE
from audit.counting.tally import Tally
from audit.counting.terms import Finer, Key, Slice, Steps, Term, Value

NEAR_0, NEAR_1, HALVINGS = 51, 39, 3
"""Halvings of a slice down to which there are fine cuts near 0 and near 1, and from one step of cuts to the next."""
CROWDED, CROWDED_STILL, LEFT = 0.05, 0.015, 0.0075
"""Share of pairs of two labels that slices may hide of a group, that bins may once slices are cut, and what is left."""
LEAST_ROWS = 10
"""Rows of each label from which a group is looked at: with fewer, a pair by chance is a large share of all."""
MOST_HALVINGS, NARROWEST = 8, 8.0
"""Halvings of a crowded bin at once, and how many doubles lie in the narrowest."""


class Bins(NamedTuple):
    """How scores are put into bins."""

    low: float
    width: float
    slices: int
    """0 where every value is a bin of its own."""
    finer: tuple[Finer, ...] = ()

    @property
    def cuts(self) -> Mapping[int, tuple[float, float]]:
        """Ends of every bin by its number, counted in slices."""
        return _cuts(self)

    def key(self, score: Term) -> Key:
        """Key of the bin of a score."""
        if not self.slices:
            return Value(score)
        if not self.finer:
            return Slice(score, self.low, 1 / self.width, self.slices)
        return Steps(score, self.low, 1 / self.width, self.slices, self.finer)

    @property
    def cut_slices(self) -> frozenset[int]:
        """Equal slices that are cut further."""
        return _cut_slices(self)

    def numbers_of(self, other: Bins, hidden: Mapping[int, float]) -> dict[int, float]:
        """Those of some bins of ``other`` that are bins here too, by their number here."""
        at = {ends: number for number, ends in self.cuts.items()}
        return {at[ends]: share for ends, share in ((other.cuts[n], v) for n, v in hidden.items()) if ends in at}

    def slice_of(self, number: int) -> int:
        """Equal slice that holds a bin."""
        return math.floor(self.cuts[number][0])

    def text(self, raw: Any, *, whole: bool = False) -> str:
        """Name of a bin: its value, or its edges; ``whole`` tells the slice that it lies in."""
        if not self.slices:
            return repr(float(raw))
        first, last = self.cuts[raw]
        first, last = (math.floor(first), math.floor(first) + 1) if whole else (first, last)
        first = int(first) if first == int(first) else first
        last = int(last) if last == int(last) else last
        return f"[{self.low + self.width * first!r}, {self.low + self.width * last!r})"

    def with_ends(self, last: int) -> Bins:
        """The same with fine cuts near 0 and 1, between which scores lie; ``last`` is the number of cuts of a step."""
        inner = (last + 1) // 2**HALVINGS
        near_0 = (
            Finer(0.0, 2.0**k, inner - 1 if k < NEAR_0 else 0, last) for k in range(HALVINGS, NEAR_0 + 1, HALVINGS)
        )
        near_1 = (
            Finer(float(self.slices), 2.0**k, -last - 1, -inner if k < NEAR_1 else -1)
            for k in range(HALVINGS, NEAR_1 + 1, HALVINGS)
        )
        return self._replace(finer=(*near_0, *near_1))

    def with_cut(self, hidden: Mapping[int, float]) -> Bins:
        """The same with some bins cut further, the more the more they hide, where doubles leave room."""
        found = []
        for number, share in hidden.items():
            first, last = self.cuts[number]
            ends = [self.low + self.width * end for end in (first, last)]
            cut = min(max(math.ceil(math.log2(share * len(hidden) / LEFT)), 1), MOST_HALVINGS)
            step = (last - first) / 2.0**cut
            if self.width * step > NARROWEST * math.ulp(max(map(abs, ends))) and 1 / step < math.inf:
                found.append(Finer(first, 1 / step, 0, 2**cut - 1))
        return self._replace(finer=(*self.finer, *found))


@lru_cache(maxsize=8)
def _cuts(bins: Bins) -> dict[int, tuple[float, float]]:
    steps = Counter[float](map(float, range(1, bins.slices)))
    for finer in bins.finer:
        steps.update(finer.at + k / finer.scale for k in range(finer.first + 1, finer.last + 1))
    found, number = {}, sum(finer.first for finer in bins.finer)
    for first, last in pairwise((0.0, *sorted(steps), float(bins.slices))):
        number += steps[first]
        found[number] = (first, last)
    return found


@lru_cache(maxsize=8)
def _cut_slices(bins: Bins) -> frozenset[int]:
    return frozenset(math.floor(first) for first, last in _cuts(bins).values() if last - first < 1)


def find_crowded(bins: Bins, tallies: Iterable[Tally], *, slices: bool) -> dict[int, float]:
    """Bins (or equal slices) that hide much of the order of some group's rows, and how much; the fullest first.

    Groups are everybody and those of single columns. Crossings, of fewer rows, share many bins by chance; they are
    measured in the bins that their columns ask for, and their bounds say what these hide.

    Parameters
    ----------
    bins
        Of the tallies.
    tallies
        Rows by groups, label and bin.
    slices
        Whether bins are taken together by the equal slices that they lie in.
    """
    each: list[dict[int, float]] = []
    for tally in (t.sorted() for t in tallies):  # doubles are summed in an order that depends on values alone
        numbers = [bins.slice_of(v) if slices else v for v in tally.levels[tally.place(SCORE)]]
        known = sorted(set(numbers))
        places = {v: i for i, v in enumerate(known)}
        at = np.array([places[v] for v in numbers], dtype=np.intp)[tally.codes[tally.place(SCORE)]]
        for rows, weight in _by_group(tally, at, len(known)):
            each += [dict(zip(known, hidden.tolist(), strict=True)) for hidden in _measure_hidden(rows, weight)]
    if max((sum(hidden.values()) for hidden in each), default=0.0) <= (CROWDED if slices else CROWDED_STILL):
        return {}
    most: dict[int, float] = {}
    for hidden in each:
        most |= {number: max(share, most.get(number, 0.0)) for number, share in _find_fullest(hidden)}
    return dict(sorted(most.items(), key=lambda item: (-item[1], item[0])))


def _by_group(tally: Tally, at: np.ndarray, bins: int) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Rows and weights of everybody and the groups of each single column, by label and bin; shape (labels, bins)."""
    label, labels = tally.codes[tally.place(LABEL)], len(tally.levels[tally.place(LABEL)])
    n, nobody = tally.array("n").astype(float), np.zeros(len(tally), dtype=np.intp)
    w = tally.array("w") if "w" in tally.totals else n
    for key in (None, *tally.keys[: tally.place(LABEL)]):
        group, groups = (
            (nobody, 1) if key is None else (tally.codes[tally.place(key)], len(tally.levels[tally.place(key)]))
        )
        shape = (groups, labels, bins)
        both = np.zeros((2, groups * labels * bins))
        for out, values in zip(both, (n, w), strict=True):
            np.add.at(out, np.ravel_multi_index((group, label, at), shape), values)
        yield from zip(*both.reshape(2, *shape), strict=True)


def _measure_hidden(rows: np.ndarray, weight: np.ndarray) -> Iterator[np.ndarray]:
    """Share that each bin hides of the order of the rows of one group: of all pairs, and of those near the top."""
    for label in range(len(rows)):
        if min(rows[label].sum(), rows.sum() - rows[label].sum()) < LEAST_ROWS:
            continue
        own, other = weight[label], weight.sum(axis=0) - weight[label]
        if not own.sum() > 0 or not other.sum() > 0:
            continue
        above = np.cumsum((own + other)[::-1])[::-1]
        share = own / own.sum()
        yield share * other / other.sum()
        yield share * np.divide(other, above, out=np.zeros_like(other), where=above > 0)


def _find_fullest(hidden: Mapping[int, float]) -> Iterator[tuple[int, float]]:
    """The fullest bins without which little is hidden; none where no more is than may be."""
    left = sum(hidden.values())
    if left <= CROWDED_STILL:
        return
    for number, share in sorted(hidden.items(), key=lambda item: (-item[1], item[0])):
        if left <= LEFT:
            return
        left -= share
        yield number, share


def name_bins(bins: Bins, tallies: Sequence[Tally], *, finely: bool = True) -> tuple[list[Tally], dict[Any, str]]:
    """Tallies in which only crowded slices are told finely, and the name of each of their bins.

    Parameters
    ----------
    bins
        Of the tallies.
    tallies
        Rows by groups, label and bin.
    finely
        Whether crowded slices are; otherwise every slice is told whole.
    """
    numbers = sorted({v for t in tallies for v in t.levels[t.place(SCORE)]})
    if not bins.finer:
        return list(tallies), {v: bins.text(v) for v in numbers}
    fine = set(find_crowded(bins, tallies, slices=True)) if finely else set()
    first: dict[int, int] = {}
    places = {v: v if bins.slice_of(v) in fine else first.setdefault(bins.slice_of(v), v) for v in numbers}
    texts = {v: bins.text(v, whole=bins.slice_of(v) not in fine) for v in set(places.values())}
    return [t.coarser(SCORE, places) for t in tallies], texts
