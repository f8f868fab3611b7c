"""Whose rows leaked: the rows of a part that are in train too, by group.

What is said here is published. A count under k, of leaked rows or of the others, is never named, nor what would give it
away by subtraction from the sum over all groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from audit.checks.naming import NAME_LENGTH, group, several
from audit.checks.part import OpenPart
from audit.config.sections import SMALLEST_PUBLISHED as K
from audit.counting.backends.sql import key_sql
from audit.errors import printable
from audit.estimate import Level
from audit.tables.levels import band_texts, level_text

MOST_SAID = 4
"""Groups of one column that are named."""


class Leaked(NamedTuple):
    """Rows of one group, and how many of them are in train too."""

    level: Level
    leaked: int
    rows: int

    @property
    def small(self) -> bool:
        """Whether one of the two counts behind it must not be named."""
        return 0 < self.leaked < K or 0 < self.rows - self.leaked < K


def leaked_by_group(looked: OpenPart, train: OpenPart, key: str) -> tuple[str, ...]:
    """A sentence for each group column, the group that is hit most first.

    Parameters
    ----------
    looked, train
        The part, and what is learned from.
    key
        Two columns ``fa`` and ``fb`` that are equal where rows are (`fingerprint_sql`).
    """
    groups = looked.config.data.groups
    return tuple(told(by, _counted(looked, train, key, by)) for by in groups)


def told(by: str, groups: Sequence[Leaked]) -> str:
    """What may be said of the groups of one column.

    >>> told("sex", [Leaked("f", 40, 100), Leaked("m", 20, 100)])
    'sex = f 40 of 100 (40.0%), sex = m 20 of 100 (20.0%)'
    >>> told("sex", [Leaked("f", 40, 100), Leaked("m", 20, 100), Leaked("x", 3, 30), Leaked("y", 2, 30)])
    'sex = f 40 of 100 (40.0%); fewer than 10, or not told to protect such a count, in 3 groups of sex'
    >>> told("sex", [Leaked("f", 80, 100), Leaked("m", 3, 100)])
    'most in sex = f; fewer than 10, or not told to protect such a count, in 2 groups of sex'
    """
    hidden = _hidden(groups)
    named = sorted((g for g in groups if g.leaked and g not in hidden), key=lambda g: (-g.leaked / g.rows, g.rows))
    said = [", ".join(_said(by, g) for g in named[:MOST_SAID])] if named else []
    most = max((g for g in groups if g.leaked and not g.small), key=lambda g: g.leaked / g.rows, default=None)
    if most is not None and most in hidden:
        said.insert(0, f"most in {_whom(by, most)}")
    column = printable(by, NAME_LENGTH)
    if len(named) > MOST_SAID:
        said.append(f"less in {several(len(named) - MOST_SAID, 'group')} of {column}")
    if hidden:
        whose = f"{several(len(hidden), 'group')} of {column}"
        said.append(f"fewer than {K}, or not told to protect such a count, in {whose}")
    return "; ".join(said)


def _said(by: str, of: Leaked) -> str:
    return f"{_whom(by, of)} {of.leaked:,} of {of.rows:,} ({of.leaked / of.rows:.1%})"


def _whom(by: str, of: Leaked) -> str:
    return f"{printable(by, NAME_LENGTH)} missing" if of.level is None else group(by, of.level)


def _hidden(groups: Sequence[Leaked]) -> set[Leaked]:
    """Groups that are not told: small counts, and further ones until these do not follow from the sum."""
    hidden = [g for g in groups if g.small]
    rest = sorted((g for g in groups if not g.small and g.leaked), key=lambda g: g.leaked)
    while hidden and rest and (len(hidden) == 1 or _follows(hidden)):
        hidden.append(rest.pop(0))
    return set(hidden)


def _follows(hidden: Sequence[Leaked]) -> bool:
    """Whether a small count of all these together follows from the sums over everybody."""
    leaked, rows = sum(g.leaked for g in hidden), sum(g.rows for g in hidden)
    return Leaked(None, leaked, rows).small


def _counted(looked: OpenPart, train: OpenPart, key: str, by: str) -> list[Leaked]:
    sql = (
        f"WITH mine AS (SELECT {key_sql(looked.key(by))} AS g, {key} FROM {looked.scan.source}), "  # noqa: S608
        f"twins AS (SELECT DISTINCT fa, fb FROM (SELECT {key} FROM {train.scan.source}) "
        "SEMI JOIN (SELECT DISTINCT fa, fb FROM mine) USING (fa, fb)) "
        "SELECT g, count(twins.fa), count(*) FROM mine LEFT JOIN twins USING (fa, fb) GROUP BY g"
    )
    bins = looked.config.data.bins
    bands = band_texts(bins[by]) if by in bins else None
    rows: Mapping[Level, list[int]] = {}
    for value, leaked, n in looked.scan.ask(sql):
        before = rows.get(level := level_text(value, bands), [0, 0])
        rows = {**rows, level: [before[0] + int(leaked), before[1] + int(n)]}
    return [Leaked(level, *counts) for level, counts in rows.items()]
