"""DV008: rows that are there more than once, where coincidence does not explain them.

Identical rows are no fault in themselves: people of few recorded traits coincide, and the more so the commoner they
are. Copies are told from coincidences by their surroundings. Of the rows that agree with another in every column but
one, some agree in the last column too. Coincidence makes that about as frequent where few rows agree as where many
do; a copied row agrees with its copy in everything however lonely it is. So the share of full agreement among sets of
few rows that are otherwise alike is held against the share among pairs of larger sets, in turn for the columns of the
most values; a copy shows in each of them. See docs/decisions/0017.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from audit.axes import name_level
from audit.checks.check import FALSE_ALARM, CheckKind
from audit.checks.part import OpenPart, chance, group, several
from audit.counting.columns.repeats import MANY, Repeats, Surroundings, repeats, share_of, surroundings
from audit.estimate import Level
from audit.measurement.inference.contingency import at_least
from audit.record.result import Check
from audit.tables.kinds import name_bands

MOST_FREE = 3
"""Columns that are left out in turn."""
FEWEST_SETS, FEWEST_PAIRS = 20, 30
"""Otherwise alike sets, and pairs of larger ones, under which a share says little."""
MOST_SAID = 3
LONELY = 3
"""Rows from which otherwise alike ones are many."""
INFORMATIVE = 0.5
"""Agreement by coincidence from which a column tells no copy."""
ODDS = 2.0
"""Agreement over coincidence, where the excess is least: 1.1 to 1.7 in clean tables, 2.8 with 1% of the rows copied."""
OF_ALL, OF_GROUP = 0.0025, 0.05
"""Copies that matter, as a share of all rows and of a group's."""


class _Copies(NamedTuple):
    """Sets of rows that agree beyond coincidence."""

    share: float
    """Of the rows."""
    odds: float
    p: float


def _find_repeated_rows(looked: OpenPart) -> Iterator[Check]:
    about = f"no rows of {looked.part} are there twice beyond coincidence"
    other = frozenset(looked.table.columns).difference(looked.columns)
    if other or looked.rows < 2:
        why = f"{several(len(other), 'column')} of lists or structures cannot be compared" if other else "no two rows"
        yield CHECK.outcome("not applicable", why, about=about)
        return
    found = repeats(looked.scan, looked.columns, {c: looked.key(c) for c in looked.config.data.groups}, looked.rows)
    again = sum(r.rows for r in found if r.times > 1)
    if not again:
        yield CHECK.outcome(
            "pass", f"{several(looked.rows, 'row')}, no two identical{_describe_part(looked)}", about=about
        )
        return
    twins = (
        f"{again * share_of(looked.rows) / looked.rows:.1%} of the rows have an identical one{_describe_part(looked)}"
    )
    whole = [f"every row is there {k} times"] if (k := _count_times(found)) else _find_whole_groups(looked, found)
    if whole:
        yield CHECK.outcome("warn", f"{twins}: nearly {'; '.join(whole[:MOST_SAID])}", about=about)
        return
    yield _judge_by_surroundings(looked, about, twins)


def _find_whole_groups(looked: OpenPart, found: Sequence[Repeats]) -> list[str]:
    """Return groups of which nearly every row is there a few times."""
    said = []
    for at, by in enumerate(looked.config.data.groups):
        rows: dict[Level, list[Repeats]] = defaultdict(list)
        for r in found:
            rows[_name_level(looked, by, r.group[at])].append(r)
        times = {level: _count_times(each) for level, each in rows.items() if level is not None}
        said += [f"every row of {group(by, level)} is there {k} times" for level, k in times.items() if k]
    return said


def _name_level(looked: OpenPart, by: str, value: object) -> Level:
    bins = looked.config.data.bins
    return name_level(value, name_bands(bins[by]) if by in bins else None)


def _describe_part(looked: OpenPart) -> str:
    one_of = share_of(looked.rows)
    return "" if one_of == 1 else f" (estimated from one in {one_of} combinations of values)"


def _count_times(found: Sequence[Repeats]) -> int:
    """Return how often nearly every combination occurs, where that is a few times; 0 otherwise."""
    times = {k: sum(r.combinations for r in found if r.times == k) for k in range(1, MANY)}
    all_of = sum(r.combinations for r in found)
    most = max(times, key=lambda k: times[k])
    return most if most > 1 and all_of >= FEWEST_SETS and times[most] >= 0.9 * all_of else 0


def _judge_by_surroundings(looked: OpenPart, about: str, twins: str) -> Check:
    groups = looked.config.data.groups
    by = {c: looked.key(c) for c in groups}
    asked = [
        (c, surroundings(looked.scan, looked.columns, c, {g: k for g, k in by.items() if g != c}, looked.rows))
        for c in _find_most_varied(looked)
    ]
    informative = [(c, found) for c, found in asked if _expect_coincidence(looked, c, found) <= INFORMATIVE]
    judged = [
        copies for c, found in informative if (copies := _find_copies(looked, c, found, found, looked.rows)) is not None
    ]
    if not judged:
        why = f"{twins}; the columns hold too few values to tell copies from coincidences"
        return CHECK.outcome("not applicable", why, about=about)
    least = min(judged, key=lambda c: c.share)
    said = []
    if _exceeds_chance(least, OF_ALL, 1):
        said = [f"copies of about {least.share:.1%} ({chance(least.p)})"]
    said += _find_groups(looked, informative)
    if said:
        return CHECK.outcome("warn", f"{twins}; more than coincidence: {'; '.join(said)}", about=about)
    return CHECK.outcome("pass", f"{twins}, no more than coincidence explains", about=about)


def _find_most_varied(looked: OpenPart) -> list[str]:
    several_values = [c for c, p in looked.profiles.items() if p.distinct > 1]
    return sorted(several_values, key=lambda c: (-looked.profiles[c].distinct, c))[: MOST_FREE + 1]


def _expect_coincidence(looked: OpenPart, column: str, found: Sequence[Surroundings]) -> float:
    """Share of pairs in large sets that agree in the last column too; of any two rows where such pairs are few."""
    pairs = sum(s.pairs for s in found if s.size >= LONELY)
    if pairs >= FEWEST_PAIRS:
        return sum(s.pairs_alike for s in found if s.size >= LONELY) / pairs
    joint = looked.joint(column)
    return 0.0 if joint is None else float(((joint.n / joint.n.sum()) ** 2).sum())


def _find_copies(
    looked: OpenPart, column: str, of: Sequence[Surroundings], beside: Sequence[Surroundings], rows: int
) -> _Copies | None:
    """Return the agreement of small sets beyond coincidence; None where there are too few of them."""
    small = [s for s in of if s.size < LONELY]
    sets, alike = sum(s.count for s in small), sum(s.alike for s in small)
    if sets < FEWEST_SETS:
        return None
    rate = max(_expect_coincidence(looked, column, beside), 1 / max(looked.profiles[column].distinct, 2))
    odds = (alike + 0.5) / (sets - alike + 0.5) * (1 - rate) / rate
    return _Copies(max(0.0, alike - rate * sets) * share_of(looked.rows) / rows, odds, at_least(alike, sets, rate))


def _exceeds_chance(copies: _Copies, share: float, looks: int) -> bool:
    return copies.share >= share and copies.odds >= ODDS and copies.p * looks <= FALSE_ALARM


def _find_groups(looked: OpenPart, asked: Sequence[tuple[str, Sequence[Surroundings]]]) -> list[str]:
    """Return groups whose rows are there again far more often than coincidence and the other groups explain."""
    worst: list[tuple[float, str]] = []
    for at, by in enumerate(looked.config.data.groups):
        cube = next(c for c in looked.counted.cubes if by in c.names).keep(by)
        rows = {x: n for x, n in zip(cube.axis(by).levels, cube["n"].tolist(), strict=True) if x is not None}
        for level, n in rows.items():
            others = [(column, found) for column, found in asked if column != by]
            each = [_judge_group(looked, column, found, (at, by, level), max(1, n)) for column, found in others]
            judged = [copies for copies in each if copies is not None]
            if judged and all(_exceeds_chance(c, OF_GROUP, len(rows)) for c in judged):
                least = min(judged, key=lambda c: c.share)
                again = f"{group(by, level)} is there again for about {least.share:.0%} of its rows"
                worst.append((-least.share, f"{again} ({chance(least.p)})"))
    return [text for _, text in sorted(worst)[:MOST_SAID]]


def _judge_group(
    looked: OpenPart, free: str, found: Sequence[Surroundings], where: tuple[int, str, Level], rows: int
) -> _Copies | None:
    """Return the agreement in one group, beside that in all others."""
    at, by, level = where
    groups = looked.config.data.groups
    place = at - (free in groups[:at])
    inside = [_name_level(looked, by, s.group[place]) == level for s in found]
    mine = [s for s, own in zip(found, inside, strict=True) if own]
    others = [s for s, own in zip(found, inside, strict=True) if not own]
    return _find_copies(looked, free, mine, others, rows)


CHECK = CheckKind(
    code="DV008",
    title="no rows are there twice beyond coincidence",
    reason="a row that is there twice counts twice, and may lie on both sides of a split",
    reference="Barz and Denzler (2020), Do we train on test data?, Journal of Imaging 6:41",
    mend="find the join or the append that repeated rows, and keep one of each",
    find=_find_repeated_rows,
)
