"""Scores, counted into bins with the sums that their losses need: one pass for each crossing of group columns.

A bin is a single value where there are few, and an equal slice of the range otherwise, cut further where rows crowd;
where the scores are probabilities the range is 0 to 1, and only then have they losses. Must not: know a metric, or an
engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, islice
from math import prod
from typing import Any, NamedTuple

import numpy as np

from audit.axes import FOLD, LABEL, MOST_LAID_OUT, POSITIVE, SCORE, name_level
from audit.counting.crossings import MOST_CELLS, explain_too_many, refuse_large
from audit.counting.engine import Scan
from audit.counting.kinds.score_bins import Bins, find_crowded, name_bins
from audit.counting.plan import Plan
from audit.counting.tally import Tally, TooManyCellsError
from audit.counting.terms import (
    Column,
    Constant,
    Extent,
    Key,
    Number,
    Rows,
    Sum,
    Surprise,
    Term,
    Test,
    Total,
    fold_key,
    group_key,
    weights,
)
from audit.counting.weighing import count_weighed_once
from audit.cube import Cube, from_cells
from audit.errors import QuestionError, ValuesError, printable
from audit.estimate import Level
from audit.tables.kinds import name_bands
from audit.tables.table import Table

MOST_VALUES, SLICES, SLICES_WITH_FOLDS = 200, 200, 50
MOST_CROSSED = 60_000
"""Cells of a crossing beyond which single columns are counted; a document must stay one that can be read."""


class _Fine(NamedTuple):
    cuts: int
    """Of one step near 0 and 1."""
    bins: int
    """That are cut at once."""


FINE, FINE_WITH_FOLDS, FINE_OF_PARTS = _Fine(31, 24), _Fine(15, 8), 63
MOST_PASSES = 5
"""Times that crowded bins are cut and counted again."""
FINER_OF_PARTS = 4
"""Times as many cells as a document may have that are counted of a part, whose bins are told together later."""
ONE, LEAST = Constant(1.0), Constant(2.0**-40)
"""What is added to probabilities whose surprise is taken to powers, so that their exact sums keep their digits."""
OF_A_LABEL = re.compile(r"(squared_error|log_loss|missing|impossible)[01]")
"""Begin of the name of a sum that holds for rows of one label."""
BINS = "bins"
SKEWED = {"squared_error": (1, 2, 3, 4), "log_loss": (1, 2, 3, 4), "missing": (1, 3)}
"""Powers that are summed with fourth powers of weights: a few rows may carry most of a loss's variance.

``missing`` is 1 less what was given to the truth; its even powers are those of the squared error.
"""


class Scored(NamedTuple):
    """Scores of one table as tallies, one for each crossing that was counted, by any name."""

    bins: Bins
    tallies: Mapping[str, Tally]

    def in_unit(self, unit: int) -> Scored:
        """The same with weights counted in units of ``2**unit``."""
        return self._replace(tallies={name: tally.in_unit(unit) for name, tally in self.tallies.items()})

    def __add__(self, other: object) -> Scored:
        if not isinstance(other, Scored):
            return NotImplemented
        if self.bins != other.bins:
            raise QuestionError("scores of two parts were put into other bins; count both again with one version")
        both = [name for name in self.tallies if name in other.tallies]
        return Scored(self.bins, {name: self.tallies[name] + other.tallies[name] for name in both})


def count_scores(scan: Scan, table: Table, plan: Plan, extents: Mapping[str, Extent]) -> Scored:
    """Rows and sums of losses by groups, raw label and score bin (and fold).

    Parameters
    ----------
    scan, table
        Open rows, and what refusals call them.
    plan
        With a score and a label. Crossings that make too many cells are left to single columns; of parts both are
        counted, as what is too many is known of their sum alone.
    extents
        Of weights and scores.

    Raises
    ------
    SourceError
        When even single columns make too many cells.
    """
    asked = _Asked(scan, table, plan, extents, _bins(scan, Number(plan.score or ""), extents[plan.score or ""], plan))
    binned = _count_binned(asked)
    for _ in range(0 if plan.of_parts else MOST_PASSES):
        finer = _cut(asked, list(binned.values()))
        again = None if finer is None else _count_finely(finer, binned)
        if finer is None or again is None:
            break
        asked, binned = finer, again
    found = {f"{BINS} of {' x '.join(by)}": tally for by, tally in binned.items()}
    for what, sums in (("losses", _losses(plan, proper=asked.proper)), ("powers", _powers(plan, proper=asked.proper))):
        found |= {f"{what} of {' x '.join(by)}": asked.within(by, sums, bins=False) for by in binned}
    return Scored(asked.bins, found)


def _count_binned(asked: _Asked) -> dict[tuple[str, ...], Tally]:
    """Score bins of every crossing, or of single columns where these have too many cells; both of a part."""
    plan, binned = asked.plan, _count_crossings(asked)
    if not binned or (plan.of_parts and plan.intersections > 1):
        binned |= {(c,): asked.within((c,), _counts(plan), bins=True) for c in plan.groups}
    return binned


def _cut(asked: _Asked, binned: Sequence[Tally]) -> _Asked | None:
    """The same question with crowded bins cut; None where there are none, or doubles leave no room."""
    bins, fine = asked.bins, FINE_WITH_FOLDS if asked.plan.unit is not None else FINE
    slices = set(find_crowded(bins, binned, slices=True)) if bins.slices else set()
    if not slices:
        return None
    if not bins.finer and asked.proper:
        finer = bins.with_ends(fine.cuts)
        if slices <= set(finer.cut_slices):
            return asked._replace(bins=finer)
        bins = finer if slices & set(finer.cut_slices) else bins
    hidden = {
        n: v for n, v in find_crowded(asked.bins, binned, slices=False).items() if asked.bins.slice_of(n) in slices
    }
    finer = bins.with_cut(dict(islice(bins.numbers_of(asked.bins, hidden).items(), fine.bins)))
    return asked._replace(bins=finer) if finer != asked.bins else None


def _count_finely(asked: _Asked, before: Mapping[tuple[str, ...], Tally]) -> dict[tuple[str, ...], Tally] | None:
    """Finer bins of the same groups; None where they make too many cells, or with the empty ones between them."""
    try:
        found = {by: asked.tally(by, _counts(asked.plan), most=_most(by), bins=True) for by in before}
    except TooManyCellsError:
        return None
    return found if _fit(found.values()) else None


def _fit(tallies: Iterable[Tally]) -> bool:
    """Whether cubes of these hold them with all empty cells."""
    return all(prod(map(len, tally.levels)) <= MOST_LAID_OUT for tally in tallies)


def _count_crossings(asked: _Asked) -> dict[tuple[str, ...], Tally]:
    """Score bins of every crossing; none where one of several columns has too many cells."""
    found: dict[tuple[str, ...], Tally] = {}
    for by in asked.plan.crossings:
        if len(by) < 2:
            found[by] = asked.within(by, _counts(asked.plan), bins=True)
            continue
        try:
            most = MOST_CROSSED * (FINER_OF_PARTS if asked.plan.of_parts else 1)
            found[by] = asked.tally(by, _counts(asked.plan), most=most, bins=True)
        except TooManyCellsError:
            return {}
    return found


def make_score_cubes(
    scored: Scored, plan: Plan, labels: Mapping[Any, str]
) -> tuple[tuple[Cube, ...], tuple[Cube, ...]]:
    """Counts by groups, label and score bin (and fold), and sums of losses by groups and label (and fold).

    Parameters
    ----------
    scored
        Of the whole table.
    plan
        That it answers.
    labels
        Reading of each raw label.
    """
    found = {_groups(tally): tally for tally in scored.tallies.values() if SCORE in tally.keys}
    binned: dict[tuple[str, ...], Tally] = {}
    texts: dict[Any, str] = {}
    asked = plan.crossings
    for asked in (plan.crossings, tuple(combinations(plan.groups, 1))):
        if all(by in found for by in asked):
            tallies, texts = name_bins(scored.bins, [found[by] for by in asked])
            if not _fit(tallies):
                tallies, texts = name_bins(scored.bins, [found[by] for by in asked], finely=False)
            binned = dict(zip(asked, tallies, strict=True))
            if all(len(tally) <= _most(by) for by, tally in binned.items()):
                break
    lost = []
    for by in asked:
        same = [t for t in scored.tallies.values() if SCORE not in t.keys and _groups(t) == by]
        parts = [_cube(t, plan, by, labels, texts) for t in same]
        lost.append(Cube(parts[0].axes, {k: v for cube in parts for k, v in cube.measures.items()}))
    return tuple(_cube(binned[by], plan, by, labels, texts) for by in asked), tuple(lost)


def name_group_levels(values: Sequence[Any], name: str, plan: Plan) -> list[Level]:
    """Names of the raw values of a group column."""
    bands = name_bands(plan.bins[name]) if name in plan.bins else None
    return [name_level(v, bands) for v in values]


def _most(by: Sequence[str]) -> int:
    return MOST_CROSSED if len(by) > 1 else MOST_CELLS


def _groups(tally: Tally) -> tuple[str, ...]:
    return tally.keys[: tally.keys.index(LABEL)]


def _bins(scan: Scan, score: Term, extent: Extent, plan: Plan) -> Bins:
    slices, (low, high) = SLICES_WITH_FOLDS if plan.unit is not None else SLICES, extent
    if plan.of_parts and not 0 <= low <= high <= 1:
        raise ValuesError(
            f"score '{printable(plan.score)}' runs from {low:g} to {high:g}; parts are counted into the same bins only "
            "if scores lie between 0 and 1: give probabilities"
        )
    if not plan.of_parts and scan.few(score, MOST_VALUES):
        return Bins(0.0, 0.0, 0)
    low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
    bins = Bins(low, (high - low) / slices, slices)
    if not plan.of_parts:
        return bins
    return bins.with_ends(FINE_WITH_FOLDS.cuts if plan.unit is not None else FINE_OF_PARTS)


class _Asked(NamedTuple):
    """Scores of one table, to be counted by some groups."""

    scan: Scan
    table: Table
    plan: Plan
    extents: Mapping[str, Extent]
    bins: Bins

    @property
    def proper(self) -> bool:
        """Whether scores may be probabilities; only then have they losses."""
        low, high = self.extents[self.plan.score or ""]
        return 0 <= low <= high <= 1

    def within(self, by: Sequence[str], sums: Mapping[str, Sum], *, bins: bool) -> Tally:
        """The same, with a refusal in the words of the question."""
        try:
            return self.tally(by, sums, most=MOST_CELLS, bins=bins)
        except TooManyCellsError as error:
            raise explain_too_many(error, self.table, self.plan, fewer=len(by) > 1) from None

    def tally(self, by: Sequence[str], sums: Mapping[str, Sum], *, most: int, bins: bool) -> Tally:
        """Sums by groups, raw label (score bin) and fold."""
        keys: dict[str, Key] = {**{c: group_key(c, self.plan) for c in by}, LABEL: Column(self.plan.label or "")}
        keys |= {SCORE: self.bins.key(Number(self.plan.score or ""))} if bins else {}
        # Of probabilities any table has the same grid, so that a row adds the same to each part as to the whole.
        extents = {**self.extents, self.plan.score or "": (0.0, 1.0)} if self.proper else self.extents
        return count_weighed_once(self.scan, {**keys, **fold_key(self.plan)}, sums, extents, self.plan, most)


def _weight(plan: Plan) -> Term | None:
    return None if plan.weight is None else Number(plan.weight)


def _counts(plan: Plan) -> dict[str, Sum]:
    """Rows, weights and scores."""
    return weights(plan) | {"score": Total(_times(_weight(plan), 1, Number(plan.score or "")))}


def _losses(plan: Plan, *, proper: bool) -> dict[str, Sum]:
    """Rows, weights, and the first moments of each loss, for either label."""
    score, weight = Number(plan.score or ""), _weight(plan)
    sums = weights(plan) | {
        "below": Rows(Test(score, "below", 0.0)),
        "above": Rows(Test(score, "above", 1.0)),
        "impossible0": Rows(Test(score, "at least", 1.0)),
        "impossible1": Rows(Test(score, "at most", 0.0)),
    }
    if not proper:
        return sums
    losses: dict[str, Term] = {"score": score}
    for at, missing in enumerate((score, ONE - score)):
        losses |= {f"squared_error{at}": missing * missing, f"log_loss{at}": Surprise(score if at else ONE - score)}
    for name, loss in losses.items():
        sums[name] = Total(_times(weight, 1, loss))
        sums[f"{name}_w2"] = Total(_times(weight, 2, loss))
        sums[f"{name}_w2x"] = Total(_times(weight, 2, loss * loss))
    return sums


def _powers(plan: Plan, *, proper: bool) -> dict[str, Sum]:
    """Powers of each loss with fourth powers of weights, for either label."""
    score, weight = Number(plan.score or ""), _weight(plan)
    sums: dict[str, Sum] = {"n": Rows()}
    if not proper:
        return sums
    sums |= {} if weight is None else {"w4": Total(_power(weight, 4))}
    for at, (missing, given) in enumerate(((score, ONE - score), (ONE - score, score))):
        sizes = {"squared_error": missing * missing, "log_loss": Surprise(given + LEAST), "missing": missing}
        for name, powers in SKEWED.items():
            sums |= {f"{name}{at}_{k}_w4": Total(_times(weight, 4, _power(sizes[name], k))) for k in powers}
    return sums


def _times(weight: Term | None, power: int, of: Term) -> Term:
    return of if weight is None else _power(weight, power) * of


def _power(term: Term, times: int) -> Term:
    if times % 2 == 0:
        half = _power(term, times // 2)
        return half * half
    return term if times == 1 else _power(term, times - 1) * term


def _cube(tally: Tally, plan: Plan, by: Sequence[str], labels: Mapping[Any, str], bins: Mapping[Any, str]) -> Cube:
    tally = tally.sorted()
    levels: dict[str, Sequence[Level]] = {name: name_group_levels(tally.column(name), name, plan) for name in by}
    levels[LABEL] = [labels[v] for v in tally.column(LABEL)]
    if SCORE in tally.keys:
        levels[SCORE] = [bins[v] for v in tally.column(SCORE)]
    if plan.unit is not None:
        levels[FOLD] = [str(v) for v in tally.column(FOLD)]
    measures = _of_label(tally.arrays(), levels[LABEL])
    refuse_large({name: list(dict.fromkeys(of)) for name, of in levels.items()}, plan)
    return from_cells(list(levels), list(zip(*levels.values(), strict=True)), measures)


def _of_label(values: Mapping[str, np.ndarray], labels: Sequence[Level]) -> dict[str, np.ndarray]:
    """Sums of every cell for the label that it has."""
    positive = np.array([label == POSITIVE for label in labels], dtype=bool)
    kept = {k: v for k, v in values.items() if not OF_A_LABEL.match(k) and k not in {"below", "above"}}
    for name in (k for k in values if OF_A_LABEL.match(k)):
        plain = OF_A_LABEL.sub(r"\1", name)
        kept[plain] = np.where(
            positive, values[OF_A_LABEL.sub(r"\g<1>1", name)], values[OF_A_LABEL.sub(r"\g<1>0", name)]
        )
    if "below" in values:
        kept["outside"] = (values["below"] + values["above"]).astype(np.float64)
        kept["impossible"] = kept["impossible"].astype(np.float64)
    return kept
