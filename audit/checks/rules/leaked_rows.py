"""DL001: rows of another part that are rows of train too, more than a random split of the same rows explains.

Tables of few categories have many equal rows by nature, and a fair split sends some of them to either side. So the
number of rows that have a twin in train is set against what a random split of all these rows into parts of these sizes
would leave: for every set of c equal rows, one of N in the part with probability m / N, all but those that the part has
to itself. Mean and variance of that follow from the sizes of the sets alone. `docs/decisions/0015` has the formulas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import lgamma
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from audit.axes import name_level
from audit.checks.check import CheckKind
from audit.checks.code import NAME_LENGTH, fill
from audit.checks.part import OpenPart, name_group, several, share
from audit.config.sections import SMALLEST_PUBLISHED as K
from audit.counting.backends.sql import key_sql
from audit.counting.columns.repeats import fingerprint_sql
from audit.errors import printable
from audit.estimate import Level
from audit.record.result import Check
from audit.tables.kinds import name_bands

SHARED = (
    "{shared} of {rows} rows of the {test} data are also in the training data; "
    "a random split would share about {expected}"
)
ALL_SHARED = "All {rows} rows of the {test} data are also in the training data"
MOST_SAID = 4
"""Groups of one column that are named."""


FAR = 4.0
"""Standard deviations above a random split; reached by chance in 3 of 100,000 splits where counts are not tiny."""
RARE = 3e-5
"""The same as a chance."""
IDS = {"index", "id", "uuid", "guid", "rowid", "row", "unnamed", "key", "nr", "no"}
"""Words of a column's name that say it numbers rows."""
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Split:
    """Equal rows in both parts: ``sets`` sets with ``train`` and ``part`` rows each."""

    train: Numbers
    part: Numbers
    sets: Numbers

    @property
    def size(self) -> Numbers:
        """Rows of one set."""
        return self.train + self.part

    @property
    def rows(self) -> tuple[float, float]:
        """Rows of train and of the part."""
        return float(self.sets @ self.train), float(self.sets @ self.part)

    @property
    def found(self) -> float:
        """Rows of the part that have a twin in train."""
        return float(self.sets @ np.where(self.train > 0, self.part, 0.0))

    def by_chance(self) -> tuple[float, float]:
        """Return the mean and standard deviation of `found` over all random splits into parts of these sizes."""
        train, part = self.rows
        n, share, c = train + part, part / (train + part), self.size
        alone = np.array([_chance_that_all_are_in_part(size, part, n) for size in c])
        mean = c * share - c * alone
        # Per set and independent of each other; then given that the part has just so many rows (regression on them).
        square = c * share * (1 - share) + (c * share) ** 2 - c * c * alone
        spread = float(self.sets @ (square - mean**2))
        shared = float(self.sets @ (square - mean * c * share))
        variance = spread - shared**2 / (n * share * (1 - share))
        return float(self.sets @ mean), float(np.sqrt(max(variance, 0.0)))

    @property
    def chance_of_halves(self) -> float:
        """Chance that a random split halves every set, as these parts do; 1 where they do not."""
        if (self.train != self.part).any():
            return 1.0
        halves = sum(n * _log_choose(2 * a, a) for a, n in zip(self.train, self.sets, strict=True))
        return float(np.exp(halves - _log_choose(sum(self.rows), self.rows[0])))


def _chance_that_all_are_in_part(size: float, part: float, n: float) -> float:
    """Return the chance that all rows of a set are in the part."""
    if size <= part:
        return float(np.exp(_log_choose(n - size, part - size) - _log_choose(n, part)))
    return 0.0


def _log_choose(n: float, k: float) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _find_leaked_rows(looked: OpenPart) -> Iterator[Check]:
    if looked.train is None:
        return
    numbered = _find_row_numbers(looked, looked.train)
    shared = [c for c in looked.columns if c in looked.train.columns and c not in numbered]
    if not shared:
        why = "the tables have no column in common, except row numbers"
        yield CHECK.unanswered(looked.part, "undefined", why)
        return
    if not looked.rows or not looked.train.rows:
        yield CHECK.unanswered(looked.part, "undefined", "one of the tables has no rows")
        return
    besides = f", without {', '.join(map(printable, numbered))}" if numbered else ""
    key = fingerprint_sql({c: (looked.table.columns[c], looked.train.table.columns[c]) for c in shared})
    where = f"compared in all {several(len(shared), 'shared column')}{besides}"
    judged = _judge_split(_split(looked, looked.train, key), where, looked.part)
    whose = _describe_leaked_groups(looked, looked.train, key) if judged.outcome == "warn" else ()
    yield replace(judged, detail="; ".join(filter(None, (judged.detail, *whose))))


def _judge_split(split: Split, where: str, of: str) -> Check:
    train, part = split.rows
    expected, deviation = split.by_chance()
    if split.chance_of_halves < RARE:
        return CHECK.found(of, where, title=fill(ALL_SHARED, of, rows=f"{part:,.0f}"))
    spread = f"give or take {2 * deviation:,.0f}"
    beyond = split.found - expected
    said = {"shared": f"{split.found:,.0f}", "rows": f"{part:,.0f}", "expected": f"{expected:,.0f}"}
    if deviation == 0 or beyond < FAR * deviation:
        return CHECK.passed(of, f"{fill(SHARED, of, **said)}, {spread}; {where}")
    fraction = part / (train + part)
    # Of the copies themselves a random split would have left 2 f (1 - f) on two sides.
    copied = beyond / (1 - 2 * fraction * (1 - fraction))
    return CHECK.found(of, f"{spread}; about {min(copied, split.found):,.0f} were copied; {where}", **said)


def _split(looked: OpenPart, train: OpenPart, key: str) -> Split:
    both = " UNION ALL ".join(
        f"SELECT {key}, {there} AS there FROM {part.scan.source}"  # noqa: S608
        for part, there in ((train, 0), (looked, 1))
    )
    sets = f"SELECT count(*) - sum(there) AS a, sum(there) AS b FROM ({both}) GROUP BY fa, fb"  # noqa: S608
    found = looked.scan.ask(f"SELECT a, b, count(*) FROM ({sets}) GROUP BY a, b")  # noqa: S608
    a, b, n = np.array([[float(v) for v in row] for row in found]).T
    return Split(a, b, n)


def _find_row_numbers(looked: OpenPart, train: OpenPart) -> list[str]:
    """Return columns that number the rows: a copy may have another one, and no fair row has the same one."""
    return [
        c
        for c, p in looked.profiles.items()
        if p.kind in {"integer", "text"}
        and c in train.profiles
        and IDS & set(c.casefold().replace("_", " ").replace("-", " ").replace(":", " ").split())
        and all(q.distinct > 0.9 * q.present for q in (p, train.profiles[c]))
    ]


CHECK = CheckKind(
    code="DL001",
    name="Rows shared by training and test data",
    passes=("{Test} and training data share no more rows than a random split would",),
    finds=(SHARED, ALL_SHARED),
    plain="{Test} and training data share more rows than a random split would",
    reason="test results on rows seen in training are too good",
    reference="Kapoor & Narayanan (2023), Leakage and the reproducibility crisis, Patterns 4(9), L1.4",
    mend="Remove the shared rows from one side, and split before rows are copied or resampled.",
    find=_find_leaked_rows,
)


# Whose rows leaked: the rows of a part that are in train too, by group.
#
# What is said here is published. A count under k, of leaked rows or of the others, is never named, nor what would
# give it away by subtraction from the sum over all groups.
class Leaked(NamedTuple):
    """Rows of one group, and how many of them are in train too."""

    level: Level
    leaked: int
    rows: int

    @property
    def small(self) -> bool:
        """Whether one of the two counts behind it must not be named."""
        return 0 < self.leaked < K or 0 < self.rows - self.leaked < K


def _describe_leaked_groups(looked: OpenPart, train: OpenPart, key: str) -> tuple[str, ...]:
    """Return a sentence for each group column, the group that is hit most first.

    Parameters
    ----------
    looked, train
        The part, and what is learned from.
    key
        Two columns ``fa`` and ``fb`` that are equal where rows are (`fingerprint_sql`).
    """
    groups = looked.config.data.groups
    return tuple(describe_groups(by, _count_by_group(looked, train, key, by)) for by in groups)


def describe_groups(by: str, groups: Sequence[Leaked]) -> str:
    """Return what may be said of the groups of one column.

    >>> describe_groups("sex", [Leaked("f", 40, 100), Leaked("m", 20, 100)])
    "sex 'f' 40 of 100 (40.0%), sex 'm' 20 of 100 (20.0%)"
    >>> describe_groups("sex", [Leaked("f", 40, 100), Leaked("m", 20, 100), Leaked("x", 3, 30), Leaked("y", 2, 30)])
    "sex 'f' 40 of 100 (40.0%); fewer than 10, or withheld to protect such a count, in 3 groups of sex"
    >>> describe_groups("sex", [Leaked("f", 80, 100), Leaked("m", 3, 100)])
    "most in sex 'f'; fewer than 10, or withheld to protect such a count, in 2 groups of sex"
    """
    hidden = _hide_groups(groups)
    named = sorted((g for g in groups if g.leaked and g not in hidden), key=lambda g: (-g.leaked / g.rows, g.rows))
    said = [", ".join(_describe_group(by, g) for g in named[:MOST_SAID])] if named else []
    most = max((g for g in groups if g.leaked and not g.small), key=lambda g: g.leaked / g.rows, default=None)
    if most is not None and most in hidden:
        said.insert(0, f"most in {_name_groups(by, most)}")
    column = printable(by, NAME_LENGTH)
    if len(named) > MOST_SAID:
        said.append(f"less in {several(len(named) - MOST_SAID, 'group')} of {column}")
    if hidden:
        whose = f"{several(len(hidden), 'group')} of {column}"
        said.append(f"fewer than {K}, or withheld to protect such a count, in {whose}")
    return "; ".join(said)


def _describe_group(by: str, of: Leaked) -> str:
    return f"{_name_groups(by, of)} {of.leaked:,} of {of.rows:,} ({share(of.leaked / of.rows)})"


def _name_groups(by: str, of: Leaked) -> str:
    if of.level is None:
        return f"{printable(by, NAME_LENGTH)} missing"
    return name_group(by, of.level)


def _hide_groups(groups: Sequence[Leaked]) -> set[Leaked]:
    """Return groups that are not told: small counts, and further ones until these do not follow from the sum."""
    hidden = [g for g in groups if g.small]
    rest = sorted((g for g in groups if not g.small and g.leaked), key=lambda g: g.leaked)
    while hidden and rest and (len(hidden) == 1 or _can_be_computed(hidden)):
        hidden.append(rest.pop(0))
    return set(hidden)


def _can_be_computed(hidden: Sequence[Leaked]) -> bool:
    """Return whether a small count of all these together follows from the sums over everybody."""
    leaked, rows = sum(g.leaked for g in hidden), sum(g.rows for g in hidden)
    return Leaked(None, leaked, rows).small


def _count_by_group(looked: OpenPart, train: OpenPart, key: str, by: str) -> list[Leaked]:
    sql = (
        f"WITH mine AS (SELECT {key_sql(looked.key(by))} AS g, {key} FROM {looked.scan.source}), "  # noqa: S608
        f"twins AS (SELECT DISTINCT fa, fb FROM (SELECT {key} FROM {train.scan.source}) "
        "SEMI JOIN (SELECT DISTINCT fa, fb FROM mine) USING (fa, fb)) "
        "SELECT g, count(twins.fa), count(*) FROM mine LEFT JOIN twins USING (fa, fb) GROUP BY g"
    )
    bins = looked.config.data.bins
    bands = name_bands(bins[by]) if by in bins else None
    rows: Mapping[Level, list[int]] = {}
    for value, leaked, n in looked.scan.ask(sql):
        before = rows.get(level := name_level(value, bands), [0, 0])
        rows = {**rows, level: [before[0] + int(leaked), before[1] + int(n)]}
    return [Leaked(level, *counts) for level, counts in rows.items()]
