"""Which groups' counts must stay unpublished: small ones, and those that would give small ones away.

What is published about a group is a family of counts: its rows; rows by label; rows by prediction; rows by both. Of
several classes the last are the counts of each class against all others; where one is to be hidden, all classes are.
A family is small when one of its counts is in 1..k-1. A small family is hidden, and then everything along the totals
is looked at again: a total less the groups that are shown must leave two hidden groups or more, whose sum is not
small itself. Where it leaves less, another group is hidden too, until nothing changes. Then all totals are looked at
together, as equations; where a small count still follows from them, more is hidden in the same way. Which group is
hidden for another's sake depends on names and on what is published anyway, never on counts: who knows that it is always
the smallest one learns from it how small the other is.

A group in which everybody has one label tells the label of everybody who is known to be in it. Below `ALIKE` times k
rows its labels are hidden as if they were small; in a large one the rate is a finding about the group.

Rows whose group is missing are not a group of people. Their number is always published; what was decided about them
is hidden when there are fewer than k, and no other group is hidden for their sake. Rows that miss only one attribute
of a crossing have a group in the other, and are protected like one.

Must not: know what an estimate, a gate or a page is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from audit.catalogue import Family
from audit.cube import sort_key
from audit.publish.confusions import Cells, by_label, by_prediction, given_away
from audit.publish.solving import Equation, solved
from audit.result import Axis, CubeRecord
from audit.value import Group, Level

FAMILIES: tuple[Family, ...] = ("rows", "labels", "selection", "confusion")
"""Families whose totals are published. What the neighbours of a group were given is a number of that group alone."""
BELOW: Mapping[Family, tuple[Family, ...]] = {
    "rows": (),
    "labels": ("rows",),
    "selection": ("rows",),
    "confusion": ("rows", "labels", "selection"),
    "flips": ("rows", "labels", "selection", "confusion"),
}
"""Families that a family contains: where one of these is hidden, it is hidden too."""
NOBODY: Cells = (0, 0, 0, 0)
ALIKE = 10
"""Times k: rows under which a group of one label is left out (homogeneity attack, Machanavajjhala et al. 2007)."""
By = tuple[str, ...]
Key = tuple[By, Group]
Counts = Mapping[By, Mapping[Group, Cells]]
EVERYBODY: Key = ((), ())


@dataclass(frozen=True, slots=True)
class Relation:
    """A total and its parts; ``rest`` are the rows of the total that are in no part."""

    total: Key
    parts: tuple[Key, ...]
    rest: Cells


def family_cells(four: Cells, family: Family) -> tuple[int, ...]:
    """Counts that publishing a family gives away."""
    if family == "rows":
        return (sum(four),)
    if family in {"confusion", "flips"}:
        return given_away(four)
    return by_label(four) if family == "labels" else by_prediction(four)


def safe(four: Cells, family: Family, k: int) -> bool:
    """Whether no count of the family is in 1..k-1."""
    return all(count == 0 or count >= k for count in family_cells(four, family))


def of_one_label(four: Cells, k: int) -> bool:
    """Whether everybody of a group that is not large has the same label."""
    rows = sum(four)
    return k > 1 and 0 < rows < ALIKE * k and rows in by_label(four)


def hidden(
    counts: Counts, k: int, spared: Container[Key] = (), *, labelled: bool = True
) -> dict[Family, frozenset[Key]]:
    """Groups to hide, by family.

    Parameters
    ----------
    counts
        Rows by label and prediction of every group.
    k
        Smallest count that is published.
    spared
        Groups that are hidden for another's sake last of all: what is published names them anyway.
    labelled
        Whether there are labels, and not one place for all rows.
    """
    relations = tuple(_relations(counts))
    found: dict[Family, frozenset[Key]] = {}
    for family in FAMILIES:
        start = {key for key, four in _each(counts) if _small(key, four, family, k)}
        alike = {key for key, four in _each(counts) if family == "labels" and labelled and of_one_label(four, k)}
        start |= alike
        start |= {key for below in BELOW[family] for key in found[below]}
        small = {(by, group) for (by, group), four in _each(counts) if None not in group and not safe(four, family, k)}
        small |= {key for key in alike if None not in key[1]}
        found[family] = frozenset(_protected(start, small, _Hiding(relations, counts, family, k, spared)))
    return found


def group_counts(records: Iterable[CubeRecord], wanted: Iterable[By]) -> dict[By, dict[Group, Cells]]:
    """Rows by label and prediction of every group of the wanted groupings, missing levels included."""
    cubes = tuple(records)
    classes = classes_of(cubes)
    found: dict[By, dict[Group, Cells]] = {}
    for by in wanted:
        holding = [c for c in cubes if set(by) <= {a.name for a in c.axes}]
        if holding:
            found[by] = _summed(min(holding, key=lambda c: len(c.cells)), by, classes)
    return found


def small_flips(records: Iterable[CubeRecord], k: int) -> frozenset[Key]:
    """Groups with a count of prediction by neighbours' majority in 1..k-1; both metrics together give it away."""
    found: dict[tuple[Key, int, int], int] = {}
    for record in records:
        names = [a.name for a in record.axes]
        at = names.index("prediction"), names.index("majority")
        for cell, n in zip(record.cells, record.measures["n"], strict=True):
            where: Key = ((names[0],), (record.axes[0].levels[cell[0]],))
            of = (where, cell[at[0]], cell[at[1]])
            found[of] = found.get(of, 0) + int(n)
    return frozenset(where for (where, _, _), n in found.items() if n < k)


def banded(placed: Sequence[CubeRecord]) -> Iterator[list[CubeRecord]]:
    """Items by band of places as counts by prediction: for each band, whether an item is in it.

    Between two numbers of first places lies a band, and who subtracts one from the other learns its count.
    """
    bands = dict.fromkeys(level for c in placed for a in c.axes if a.name == "prediction" for level in a.levels)
    for band in bands:
        yield [replace(c, axes=tuple(_in_band(a, band) for a in c.axes)) for c in placed]


def _in_band(axis: Axis, band: Level) -> Axis:
    if axis.name != "prediction":
        return axis
    return replace(axis, levels=tuple("1" if level == band else "0" for level in axis.levels))


def _summed(record: CubeRecord, by: By, classes: Sequence[Level]) -> dict[Group, Cells]:
    names = [a.name for a in record.axes]
    at = [names.index(name) for name in by]
    label, prediction = (names.index(n) if n in names else None for n in ("label", "prediction"))
    totals: dict[Group, list[int]] = {}
    for cell, n in zip(record.cells, record.measures["n"], strict=True):
        levels = [axis.levels[i] for axis, i in zip(record.axes, cell, strict=True)]
        counts = totals.setdefault(tuple(levels[i] for i in at), [0] * len(classes) ** 2)
        row, column = (0 if i is None else classes.index(levels[i]) for i in (label, prediction))
        counts[row * len(classes) + column] += int(n)
    return {group: tuple(counts) for group, counts in totals.items()}


def classes_of(records: Iterable[CubeRecord]) -> tuple[Level, ...]:
    """Classes of labels and predictions; 0 and 1 where one is positive, or where there are none."""
    found = {
        level: None
        for record in records
        for axis in record.axes
        if axis.name in {"label", "prediction"}
        for level in axis.levels
    }
    return ("0", "1") if set(found) <= {"0", "1"} else tuple(sorted(found, key=sort_key))


def _each(counts: Counts) -> Iterator[tuple[Key, Cells]]:
    for by, groups in counts.items():
        for group, four in groups.items():
            yield (by, group), four


def _small(key: Key, four: Cells, family: Family, k: int) -> bool:
    """Whether a group is to be hidden for its own sake."""
    if None in key[1]:
        return family != "rows" and 0 < sum(four) < k
    return not safe(four, family, k)


def _relations(counts: Counts) -> Iterator[Relation]:
    """Every published total with the parts one attribute splits it into."""
    for by in counts:
        for i in range(len(by)):
            above = by[:i] + by[i + 1 :]
            for group in counts.get(above, {}):
                if None not in group:
                    yield _relation(counts, by, i, (above, group))


def _relation(counts: Counts, by: By, i: int, total: Key) -> Relation:
    parts = tuple((by, group) for group in counts[by] if None not in group and group[:i] + group[i + 1 :] == total[1])
    if len(by) == 1:
        return Relation(total, parts, NOBODY)
    known, whole = _sum(counts[b][g] for b, g in parts), counts[total[0]][total[1]]
    rest = tuple(a - b for a, b in zip(whole, known, strict=True)) if any(known) else whole
    return Relation(total, parts, rest)


@dataclass(frozen=True, slots=True)
class _Hiding:
    """Hiding of one family of counts along the totals that are published."""

    relations: tuple[Relation, ...]
    counts: Counts
    family: Family
    k: int
    spared: Container[Key]

    def rows(self, key: Key) -> int:
        return sum(self.counts[key[0]][key[1]])

    def first(self, keys: Iterable[Key]) -> Key | None:
        """The one to hide among groups still shown: by name, and those that are to be spared last."""
        return min(keys, key=lambda key: (key in self.spared, len(key[0]), _shuffled(key)), default=None)


def _shuffled(key: Key) -> str:
    """A place among other names that nobody chose."""
    return hashlib.sha256(repr(key).encode()).hexdigest()


def _protected(start: set[Key], small: set[Key], hiding: _Hiding) -> set[Key]:
    """The start and whatever must go with it, until no small group follows from all that is shown."""
    found = _settled(start, hiding)
    while True:
        told = solved([_equation(r, found, hiding) for r in hiding.relations])
        if told is None:
            # Too large to prove safe: only the single attributes are shown, whose one total has been looked at.
            return found | {(by, group) for by in hiding.counts if len(by) > 1 for group in hiding.counts[by]}
        given_away = small & told
        more = _more(given_away, found, hiding)
        if not given_away or more is None:
            return found
        found = _settled(found | {more}, hiding)


def _equation(relation: Relation, found: set[Key], hiding: _Hiding) -> Equation:
    """What one total tells: its hidden parts, and the rows in no part, which nothing shows."""
    return Equation(
        total=relation.total if relation.total in found else None,
        parts=tuple(key for key in relation.parts if key in found and hiding.rows(key)),
        free=hiding.family != "rows" and any(relation.rest),
    )


def _more(given_away: set[Key], found: set[Key], hiding: _Hiding) -> Key | None:
    """A group still shown beside those given away; else beside any hidden one; else a total above them."""
    for near in (given_away, found):
        touching = [r for r in hiding.relations if near & {r.total, *r.parts}]
        for keys in ((key for r in touching for key in r.parts), (r.total for r in touching)):
            more = hiding.first(key for key in keys if key not in found and hiding.rows(key))
            if more is not None:
                return more
    return None


def _settled(start: set[Key], hiding: _Hiding) -> set[Key]:
    """The start and whatever must go with it; each pass adds a group or ends."""
    found, changed = set(start), True
    while changed:
        changed = False
        for relation in hiding.relations:
            while (victim := _victim(relation, found, hiding)) is not None:
                found.add(victim)
                changed = True
    return found


def _victim(relation: Relation, found: set[Key], hiding: _Hiding) -> Key | None:
    """Next group to hide so that the total gives nothing small away; None where it does not."""
    unknown = [key for key in relation.parts if key in found and hiding.rows(key)]
    next_ = hiding.first(key for key in relation.parts if key not in found and hiding.rows(key))
    # How many rows have no value is a fact about the data's quality; what was decided about them is not.
    rest = NOBODY if hiding.family == "rows" else relation.rest
    if relation.total in found:
        return None if unknown or any(rest) else next_
    if not unknown and safe(rest, hiding.family, hiding.k):
        return None
    union = _sum([*(hiding.counts[b][g] for b, g in unknown), rest])
    several = len(unknown) + any(rest) >= 2
    if several and (safe(union, hiding.family, hiding.k) or next_ is None):
        return _told_by_the_largest(relation, unknown, found, hiding)
    return next_ or relation.total


def _told_by_the_largest(relation: Relation, unknown: list[Key], found: set[Key], hiding: _Hiding) -> Key | None:
    """The largest group shown, where it is told by a name that the other of two hidden ones is not larger.

    The largest group is the one that others are compared with, and is named. With a small count from 1 to k-1 beside
    it, the other hidden group may be larger or not; which of the two holds would narrow the small count down.
    """
    if hiding.family != "rows" or relation.total[0] or len(unknown) != 2:
        return None
    shown = [key for key in relation.parts if key not in found and hiding.rows(key)]
    largest = max(shown, key=lambda key: (hiding.rows(key), _shuffled(key)), default=None)
    both = sum(hiding.rows(key) for key in unknown)
    return largest if largest is not None and both - hiding.k < hiding.rows(largest) < both else None


def _sum(each: Iterable[Cells]) -> Cells:
    somebody = [cells for cells in each if any(cells)]
    return tuple(sum(column) for column in zip(*somebody, strict=True)) or NOBODY
