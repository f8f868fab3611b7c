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
from audit.checks.code import fill
from audit.checks.part import OpenPart, chance, name_group, several, share
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
COPIES = "About {share} of the rows of {part} are duplicates"
GROUP_COPIES = "About {share} of the rows of {group} in {part} are duplicates"
WHOLE = "Nearly every row of {part} is there {times} times"
WHOLE_GROUP = "Nearly every row of {group} in {part} is there {times} times"
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
    other = frozenset(looked.table.columns).difference(looked.columns)
    if other or looked.rows < 2:
        lists = f"{several(len(other), 'column')} with lists or structures cannot be compared"
        yield CHECK.unanswered(looked.part, "not applicable", lists if other else "there are no two rows")
        return
    found = repeats(looked.scan, looked.columns, {c: looked.key(c) for c in looked.config.data.groups}, looked.rows)
    again = sum(r.rows for r in found if r.times > 1)
    if not again:
        detail = f"{several(looked.rows, 'row')}, no two identical{_describe_part(looked)}"
        yield CHECK.passed(looked.part, detail)
        return
    identical = share(again * share_of(looked.rows) / looked.rows)
    twins = f"{identical} of the rows have an identical one{_describe_part(looked)}"
    if times := _count_times(found):
        yield CHECK.found(looked.part, twins, title=fill(WHOLE, looked.part, times=times))
    elif whole := _find_whole_groups(looked, found):
        titles = [fill(WHOLE_GROUP, looked.part, group=group, times=k) for group, k in whole.items()]
        yield CHECK.found(looked.part, "; ".join([twins, *titles[1:MOST_SAID]]), title=titles[0])
    else:
        yield _judge_by_surroundings(looked, twins)


def _find_whole_groups(looked: OpenPart, found: Sequence[Repeats]) -> dict[str, int]:
    """Return groups of which nearly every row is there a few times, and how often."""
    whole: dict[str, int] = {}
    for at, by in enumerate(looked.config.data.groups):
        rows: dict[Level, list[Repeats]] = defaultdict(list)
        for r in found:
            rows[_name_level(looked, by, r.group[at])].append(r)
        times = {level: _count_times(each) for level, each in rows.items() if level is not None}
        whole |= {name_group(by, level): k for level, k in times.items() if k}
    return whole


def _name_level(looked: OpenPart, by: str, value: object) -> Level:
    bins = looked.config.data.bins
    return name_level(value, name_bands(bins[by]) if by in bins else None)


def _describe_part(looked: OpenPart) -> str:
    one_of = share_of(looked.rows)
    if one_of == 1:
        return ""
    return f" (estimated from one in {one_of} combinations of values)"


def _count_times(found: Sequence[Repeats]) -> int:
    """Return how often nearly every combination occurs, where that is a few times; 0 otherwise."""
    times = {k: sum(r.combinations for r in found if r.times == k) for k in range(1, MANY)}
    all_of = sum(r.combinations for r in found)
    most = max(times, key=lambda k: times[k])
    if most > 1 and all_of >= FEWEST_SETS and times[most] >= 0.9 * all_of:
        return most
    return 0


def _judge_by_surroundings(looked: OpenPart, twins: str) -> Check:
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
        why = f"the columns have too few values to distinguish copies from chance; {twins}"
        return CHECK.unanswered(looked.part, "not applicable", why)
    least = min(judged, key=lambda c: c.share)
    said = [(fill(COPIES, looked.part, share=share(least.share)), least.p)] if _exceeds_chance(least, OF_ALL, 1) else []
    said += _find_groups(looked, informative)
    if not said:
        return CHECK.passed(looked.part, twins)
    (title, p), *further = said
    details = [f"{twins} ({chance(p)})", *(f"{text} ({chance(p)})" for text, p in further)]
    return CHECK.found(looked.part, "; ".join(details), title=title)


def _find_most_varied(looked: OpenPart) -> list[str]:
    several_values = [c for c, p in looked.profiles.items() if p.distinct > 1]
    return sorted(several_values, key=lambda c: (-looked.profiles[c].distinct, c))[: MOST_FREE + 1]


def _expect_coincidence(looked: OpenPart, column: str, found: Sequence[Surroundings]) -> float:
    """Share of pairs in large sets that agree in the last column too; of any two rows where such pairs are few."""
    pairs = sum(s.pairs for s in found if s.size >= LONELY)
    if pairs >= FEWEST_PAIRS:
        return sum(s.pairs_alike for s in found if s.size >= LONELY) / pairs
    joint = looked.joint(column)
    if joint is None:
        return 0.0
    return float(((joint.n / joint.n.sum()) ** 2).sum())


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


def _find_groups(looked: OpenPart, asked: Sequence[tuple[str, Sequence[Surroundings]]]) -> list[tuple[str, float]]:
    """Return groups whose rows are there again far more often than coincidence and the other groups explain."""
    worst: list[tuple[float, str, float]] = []
    for at, by in enumerate(looked.config.data.groups):
        cube = next(c for c in looked.counted.cubes if by in c.names).keep(by)
        rows = {x: n for x, n in zip(cube.axis(by).levels, cube["n"].tolist(), strict=True) if x is not None}
        for level, n in rows.items():
            others = [(column, found) for column, found in asked if column != by]
            each = [_judge_group(looked, column, found, (at, by, level), max(1, n)) for column, found in others]
            judged = [copies for copies in each if copies is not None]
            if judged and all(_exceeds_chance(c, OF_GROUP, len(rows)) for c in judged):
                least = min(judged, key=lambda c: c.share)
                said = {"group": name_group(by, level), "share": share(least.share)}
                worst.append((-least.share, fill(GROUP_COPIES, looked.part, **said), least.p))
    return [(text, p) for _, text, p in sorted(worst)[:MOST_SAID]]


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
    name="Duplicate rows",
    passes=("{Part} contain no more identical rows than chance explains",),
    finds=(COPIES, GROUP_COPIES, WHOLE, WHOLE_GROUP),
    plain="Rows of {part} are duplicates",
    reason="a duplicate row counts twice, and its copies may be in both training and test data",
    reference="Barz and Denzler (2020), Do we train on test data?, Journal of Imaging 6:41",
    mend="Find the join or append that repeated rows, and keep one copy of each.",
    find=_find_repeated_rows,
)
