"""Counts behind what is published of groups, and which of them are secrets.

What is published about a group is a family of counts: its rows; rows by label; rows by prediction; rows by both. Of
several classes the last are the counts of each class against all others; where one is to be hidden, all classes are.
A count from 1 to k-1 is a secret.

A group in which everybody has one label tells the label of everybody who is known to be in it, and so do the people of
one prediction who all have one label, whose predictive value is 0 or 1. Below `ALIKE` times k people the count of the
other label, which is 0, is a secret as if it were small; of more people it is a finding.

Rows whose group is missing are not a group of people, for nobody is recognised by a value that is not there. Their
number is always published; what was decided about them is hidden when it is a secret, and no group is hidden for their
sake. Rows that miss only one attribute of a crossing have a group in the other, and are protected like one.

Must not: decide what to hide, or know what an estimate, a gate or a page is.

References
----------
Machanavajjhala et al. (2007), l-diversity, ACM TKDD 1(1) (the attack by homogeneity).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import isqrt

from audit.axes import AGAINST, FOLD, LABEL, NEGATIVE, PREDICTION, RESERVED, CubeKind, sort_key
from audit.estimate import Group, Level
from audit.measurement.metrics.kinds import Family
from audit.record.cubes import Axis, CubeRecord
from audit.report.disclosure import pair_cells

Cells = tuple[int, ...]
"""Rows by label and prediction, K x K in one line; for two classes TN, FP, FN, TP. Of two decisions about the same
rows eight, as `pair_cells` has them."""
Node = tuple[str, int]


FAMILIES: tuple[Family, ...] = ("rows", "labels", "selection", "confusion")
"""Families whose totals are published."""
BELOW: Mapping[Family, tuple[Family, ...]] = {
    "rows": (),
    "labels": ("rows",),
    "selection": ("rows",),
    "confusion": ("rows", "labels", "selection"),
    "changed": ("rows",),
    "lost_gained": ("rows", "changed"),
    "up_down": ("rows", "changed"),
    "flips_by_label": ("rows", "labels", "selection", "confusion", "changed", "lost_gained", "up_down"),
}
"""Families that a family contains: where one of these is hidden, it is hidden too."""
ALIKE = 10
"""Times k: people of one label below which the label of each is a secret."""
By = tuple[str, ...]
Key = tuple[By, Group]
Counts = Mapping[By, Mapping[Group, Cells]]
EVERYBODY: Key = ((), ())


def list_cells(counts: Counts) -> Iterator[Cells]:
    """Yield the rows by label and prediction of every group of every grouping."""
    for groups in counts.values():
        yield from groups.values()


def family_cells(four: Cells, family: Family) -> tuple[int, ...]:
    """Counts that publishing a family gives away."""
    if len(four) == pair_cells.WIDTH:
        return pair_cells.list_counts(four, family)
    if family == "rows":
        return (sum(four),)
    if family == "confusion":
        return list_given_away(four)
    return by_label(four) if family == "labels" else by_prediction(four)


def family_masks(four: Cells, family: Family) -> tuple[tuple[int, ...], ...]:
    """What is summed over rows by label and prediction for each of `family_cells`."""
    if len(four) == pair_cells.WIDTH:
        return pair_cells.list_masks()[family]
    width = isqrt(len(four))
    if family == "rows":
        return ((1,) * len(four),)
    if family == "confusion":
        return _functionals(four)
    places = [divmod(i, width)[family == "selection"] for i in range(len(four))]
    return tuple(tuple(int(place == j) for place in places) for j in range(width))


@dataclass(frozen=True, slots=True)
class Law:
    """What is a secret."""

    k: int
    labels_differ: bool
    """Whether there is more than one label; where all have one, no group tells more of anybody."""

    def secrets(self, four: Cells, family: Family) -> tuple[int, ...]:
        """Places of the secrets among the counts of a family."""
        counts = family_cells(four, family)
        return tuple(
            i
            for i, n in enumerate(counts)
            if 0 < n < self.k or (n == 0 and self.zero(four, family, i) and (family != "labels" or sum(four) in counts))
        )

    def zero(self, four: Cells, family: Family, at: int) -> bool:
        """Whether a count of 0 is a secret where no other label is left: then everybody of these has one label."""
        if self.k <= 1 or not self.labels_differ:
            return False
        if len(four) == pair_cells.WIDTH:
            return 0 < pair_cells.count_alike(four, family, at) < ALIKE * self.k
        if family not in {"labels", "confusion"}:
            return False
        if family == "labels":
            return 0 < sum(four) < ALIKE * self.k
        width = isqrt(len(four))
        if width > 2 and (at >= 4 * width or at % 4 != 2):
            return False
        return 0 < by_prediction(four)[at % 2 if width == 2 else at // 4] < ALIKE * self.k


def make_law(counts: Counts, k: int) -> Law:
    """The law for the labels that there are."""
    seen: set[int] = set()
    for four in list_cells(counts):
        seen.update(at for at, n in enumerate(by_label(four)) if n)
    return Law(k, labels_differ=len(seen) > 1)


def group_counts(records: Iterable[CubeRecord], wanted: Iterable[By]) -> dict[By, dict[Group, Cells]]:
    """Rows by label and prediction of every group of the wanted groupings, missing levels included."""
    cubes = tuple(records)
    classes = find_classes(cubes)
    found: dict[By, dict[Group, Cells]] = {}
    for by in wanted:
        holding = [c for c in cubes if set(by) <= {a.name for a in c.axes}]
        if holding:
            found[by] = _sum_groups(min(holding, key=lambda c: len(c.cells)), by, classes)
    return found


def pair_counts(records: Sequence[CubeRecord], counts: Counts) -> dict[By, dict[Group, Cells]] | None:
    """Rows by label, new and earlier decision of every group that is counted; None where they are not those rows."""
    found: dict[By, dict[Group, Cells]] = {}
    for by, groups in counts.items():
        own = _count_pairs(records, by)
        eights = {group: own.pop(group, (0,) * pair_cells.WIDTH) for group in groups}
        if any(map(any, own.values())) or any(pair_cells.drop_earlier(eights[g]) != four for g, four in groups.items()):
            return None
        found[by] = eights
    return found


def _count_pairs(records: Iterable[CubeRecord], by: By) -> dict[Group, Cells]:
    """Rows by label, new and earlier decision of every group of one grouping, an axis that is not there as all 0."""
    found: dict[Group, list[int]] = {}
    for group, cells in _cells_by_group(records, by, (LABEL, PREDICTION, AGAINST)).items():
        # A level that is neither 0 nor 1 has no place, and what it counts is missed by who compares.
        own = {tuple(level or NEGATIVE for level in place): n for place, n in cells.items()}
        found[group] = [own.get(tuple(map(str, place)), 0) for place in pair_cells.PLACES]
    return {group: tuple(eight) for group, eight in found.items()}


def families_within(given_away: Family | CubeKind) -> tuple[Family, ...]:
    """Return the families that what is given away contains, itself included; a kind of cube contains all."""
    return FAMILIES if isinstance(given_away, CubeKind) else (given_away, *BELOW[given_away])


def find_small_in_kind(records: Sequence[CubeRecord], bys: Collection[By], k: int) -> frozenset[Key]:
    """Find the groups that cubes of one kind give away: those with a count from 1 to k-1 of what was counted beside.

    Where the kind is told of everybody too, a group follows from the total and the others, and all of a grouping go.

    Parameters
    ----------
    records
        All cubes of the kind.
    bys
        Groupings of its estimates.
    """
    found: set[Key] = set()
    for by in bys:
        counts = _cells_by_group(records, by)
        small = {group for group, cells in counts.items() if any(0 < n < k for n in cells.values())}
        gone = counts.keys() if small and () in bys else small
        found |= {(by, group) for group in gone}
    return frozenset(found)


def _cells_by_group(records: Iterable[CubeRecord], by: By, beside: Sequence[str] = ()) -> dict[Group, dict[Group, int]]:
    """Count rows by group and by what is no group, folds summed out, from the smallest cube that holds a grouping.

    Only some axes that are no groups may be asked for, in an order; one that is not there has the level None.
    """
    holding = [c for c in records if set(by) <= {a.name for a in c.axes}]
    if not holding:
        return {}
    record = min(holding, key=lambda c: len(c.cells))
    names = [a.name for a in record.axes]
    who = [names.index(name) for name in by]
    asked = beside or [name for name in names if name in RESERVED - {FOLD}]
    what = [names.index(name) if name in names else None for name in asked]
    found: dict[Group, dict[Group, int]] = {}
    for cell, n in zip(record.cells, record.measures["n"], strict=True):
        levels = [axis.levels[at] for axis, at in zip(record.axes, cell, strict=True)]
        cells = found.setdefault(tuple(levels[i] for i in who), {})
        key = tuple(None if i is None else levels[i] for i in what)
        cells[key] = cells.get(key, 0) + int(n)
    return found


def split_into_bands(placed: Sequence[CubeRecord]) -> Iterator[list[CubeRecord]]:
    """Items by band of places as counts by prediction: for each band, whether an item is in it.

    Between two numbers of first places lies a band, and who subtracts one from the other learns its count.
    """
    for band in _list_levels(placed, {"prediction"}):
        yield [replace(c, axes=tuple(_in_band(a, band) for a in c.axes)) for c in placed]


def _in_band(axis: Axis, band: Level) -> Axis:
    if axis.name != "prediction":
        return axis
    return replace(axis, levels=tuple("1" if level == band else "0" for level in axis.levels))


def _sum_groups(record: CubeRecord, by: By, classes: Sequence[Level]) -> dict[Group, Cells]:
    names = [a.name for a in record.axes]
    at = [names.index(name) for name in by]
    label = names.index("label") if "label" in names else None
    prediction = names.index("prediction") if "prediction" in names else None
    totals: dict[Group, list[int]] = {}
    for cell, n in zip(record.cells, record.measures["n"], strict=True):
        levels = [axis.levels[i] for axis, i in zip(record.axes, cell, strict=True)]
        counts = totals.setdefault(tuple(levels[i] for i in at), [0] * len(classes) ** 2)
        row = 0 if label is None else classes.index(levels[label])
        column = 0 if prediction is None else classes.index(levels[prediction])
        counts[row * len(classes) + column] += int(n)
    return {group: tuple(counts) for group, counts in totals.items()}


def find_classes(records: Iterable[CubeRecord]) -> tuple[Level, ...]:
    """Classes of labels and predictions; 0 and 1 where one is positive, or where there are none."""
    found = _list_levels(records, {"label", "prediction"})
    return ("0", "1") if set(found) <= {"0", "1"} else tuple(sorted(found, key=sort_key))


def _list_levels(records: Iterable[CubeRecord], names: Collection[str]) -> Collection[Level]:
    """Return the levels of all axes of these names, each once, in order."""
    found: dict[Level, None] = {}
    for axis in chain.from_iterable(record.axes for record in records):
        if axis.name in names:
            found.update(dict.fromkeys(axis.levels))
    return found


# Counts of a confusion table: those of each class against all others, and which others follow from these.
#
# What is published of several classes is the right answers of each class, its rows by label and its rows by
# prediction. From these a wrong answer follows wherever only one way is left to fill its cell in: where the cell lies
# on no cycle of rows and columns that still have wrong answers. Such a cell is given away like any other count.
#
# Must not: know what an estimate or a page is.
#
# References
# ----------
# Gusfield (1988), SIAM Journal on Computing 17:552 (a cell of a table follows from its margins where it is a bridge).
def by_label(cells: Cells) -> Cells:
    """Rows of each label."""
    width = isqrt(len(cells))
    return tuple(sum(cells[i * width : (i + 1) * width]) for i in range(width))


def by_prediction(cells: Cells) -> Cells:
    """Rows of each prediction."""
    width = isqrt(len(cells))
    return tuple(sum(cells[j::width]) for j in range(width))


def list_given_away(cells: Cells) -> Cells:
    """Counts of each class against all others, and the wrong answers that follow from them."""
    width, whole = isqrt(len(cells)), sum(cells)
    if width == 2:
        return cells
    found: list[int] = []
    for at, (label, prediction) in enumerate(zip(by_label(cells), by_prediction(cells), strict=True)):
        hit = cells[at * width + at]
        found += [hit, label - hit, prediction - hit, whole - label - prediction + hit]
    return (*found, *(cells[i * width + j] for i, j in _find_following(cells, width)))


def _functionals(cells: Cells) -> tuple[Cells, ...]:
    """For each of `list_given_away`, 1 where a cell is part of it."""
    width = isqrt(len(cells))
    places = [divmod(i, width) for i in range(len(cells))]
    if width == 2:
        return tuple(tuple(int(a == b) for b in places) for a in places)
    found: list[Cells] = []
    for at in range(width):
        for label, prediction in ((True, True), (True, False), (False, True), (False, False)):
            found.append(tuple(int((i == at) == label and (j == at) == prediction) for i, j in places))
    return (*found, *(tuple(int(a == b) for b in places) for a in _find_following(cells, width)))


def _find_following(cells: Cells, width: int) -> Iterator[tuple[int, int]]:
    """Label and prediction of each wrong cell that its row and column sums determine."""
    hits = cells[:: width + 1]
    rows = [i for i, (n, hit) in enumerate(zip(by_label(cells), hits, strict=True)) if n > hit]
    columns = [j for j, (n, hit) in enumerate(zip(by_prediction(cells), hits, strict=True)) if n > hit]
    near: dict[Node, list[Node]] = {("row", i): [("column", j) for j in columns if j != i] for i in rows}
    near |= {("column", j): [("row", i) for i in rows if i != j] for j in columns}
    for one, other in _bridges(near):
        row, column = (one, other) if one[0] == "row" else (other, one)
        yield row[1], column[1]


def _bridges(near: Mapping[Node, list[Node]]) -> Iterator[tuple[Node, Node]]:
    """Edges of a graph that lie on no cycle."""
    seen: dict[Node, int] = {}
    lowest: dict[Node, int] = {}
    for start in near:
        if start in seen:
            continue
        seen[start] = lowest[start] = len(seen)
        stack: list[tuple[Node, Node | None, Iterator[Node]]] = [(start, None, iter(near[start]))]
        while stack:
            node, before, rest = stack[-1]
            after = next(rest, None)
            if after is None:
                stack.pop()
                if before is not None:
                    lowest[before] = min(lowest[before], lowest[node])
                    if lowest[node] > seen[before]:
                        yield before, node
            elif after in seen:
                lowest[node] = min(lowest[node], seen[after]) if after != before else lowest[node]
            else:
                seen[after] = lowest[after] = len(seen)
                stack.append((after, node, iter(near[after])))
