"""DB006: crossings of groups and label in which too few people are to say, or learn, anything.

Only the most general ones are named: where few are of one group, all of its crossings follow (maximal uncovered
patterns). A crossing that the shares of its groups leave that small is no surprise; the largest gaps come first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations, product
from math import prod
from typing import NamedTuple

import numpy as np

from audit.axes import name_level
from audit.checks.check import CheckKind
from audit.checks.code import NO_GROUPS
from audit.checks.part import Joint, OpenPart, several
from audit.estimate import named_group
from audit.record.result import Check
from audit.tables.kinds import name_bands

LEAST_ROWS = 30
"""Rows from which a crossing can be spoken of: the uncertainty of a rate is then at most 18 points."""
MOST_WAYS = 3
"""Columns of groups that are crossed; the label comes on top."""
MOST_SAID = 3
MOST_PATTERNS = 100_000

Pattern = tuple[tuple[int, int], ...]
"""Positions of columns with positions of their levels."""


class _Table(NamedTuple):
    columns: tuple[str, ...]
    levels: tuple[list[str], ...]
    rows: np.ndarray
    """Rows by the level of every column."""


def _find_gaps(looked: OpenPart) -> Iterator[Check]:
    if looked.train is not None:
        return
    plan = looked.plan
    columns = (*plan.groups, *((plan.label,) if plan.label is not None and plan.label not in plan.groups else ()))
    of = f"groups{' and label' * bool(plan.label)}"
    joint = looked.joint(*columns) if plan.groups else None
    table = None if joint is None else _count_crossings(joint, looked.config.data.bins)
    if table is None or not table.rows.size:
        why = NO_GROUPS if not plan.groups else "no row has a group, or the groups have too many levels"
        yield CHECK.unanswered(looked.part, "not applicable", why)
        return
    thin, count = _find_uncovered(table, MOST_WAYS + (plan.label is not None))
    if not thin:
        yield CHECK.passed(looked.part, several(count, "combination"), of=of)
        return
    thin.sort(key=lambda p: (-_expect_rows(table, p), p))
    named = "; ".join(_describe_gaps(table, p) for p in thin[:MOST_SAID])
    more = f" and {len(thin) - MOST_SAID} more" if len(thin) > MOST_SAID else ""
    detail = f"{named}{more}; narrower ones within them are not counted"
    yield CHECK.found(looked.part, detail, count=len(thin), all=f"{count:,}", of=of)


def _count_crossings(joint: Joint, bins: Mapping[str, tuple[float, ...]]) -> _Table | None:
    """Return rows by known levels; None where there are too many crossings."""
    texts = [[name_level(v, name_bands(bins[c]) if c in bins else None) for v in joint.level(c)] for c in joint.columns]
    levels = tuple(sorted({t for t in column if t is not None}) for column in texts)
    if prod(len(x) + 1 for x in levels) > MOST_PATTERNS:
        return None
    rows = np.zeros([len(x) for x in levels], dtype=np.int64)
    places = [{t: i for i, t in enumerate(x)} for x in levels]
    for cell, n in zip(zip(*texts, strict=True), joint.n.tolist(), strict=True):
        if None not in cell:
            rows[tuple(place[t] for place, t in zip(places, cell, strict=True))] += n
    return _Table(joint.columns, levels, rows)


def _find_uncovered(table: _Table, ways: int) -> tuple[list[Pattern], int]:
    """Return the most general crossings with too few rows, and how many crossings were looked at."""
    thin: list[Pattern] = []
    known: set[Pattern] = set()
    count, width = 0, len(table.columns)
    for size in range(1, min(ways, width) + 1):
        for by in combinations(range(width), size):
            rows = table.rows.sum(axis=tuple(i for i in range(width) if i not in by))
            count += rows.size
            for at in product(*(range(n) for n in rows.shape)):
                pattern = tuple(zip(by, at, strict=True))
                if rows[at] < LEAST_ROWS and not _is_within(pattern, known):
                    thin.append(pattern)
                    known.add(pattern)
    return thin, count


def _is_within(pattern: Pattern, known: set[Pattern]) -> bool:
    """Return whether something more general is thin already."""
    return any(part in known for size in range(1, len(pattern)) for part in combinations(pattern, size))


def _expect_rows(table: _Table, pattern: Pattern) -> float:
    """Return rows that there would be if columns had nothing to do with each other."""
    whole = float(table.rows.sum())
    shares = [table.rows.take(level, axis=column).sum() / whole for column, level in pattern]
    return whole * float(np.prod(shares)) if len(pattern) > 1 else 0.0


def _describe_gaps(table: _Table, pattern: Pattern) -> str:
    return named_group(tuple(table.levels[c][level] for c, level in pattern), [table.columns[c] for c, _ in pattern])


CHECK = CheckKind(
    code="DB006",
    name="Rows per combination of groups and label",
    passes=(f"Every combination of {{of}} has at least {LEAST_ROWS} rows",),
    finds=(f"{{count}} of {{all}} combinations of {{of}} [have|has] fewer than {LEAST_ROWS} rows",),
    plain=f"Some combinations of {{of}} have fewer than {LEAST_ROWS} rows",
    reason="a model cannot learn what it has hardly seen, and an audit cannot measure how well it does there",
    reference="Asudeh, Jin and Jagadish (2019), Assessing and Remedying Coverage, ICDE (maximal uncovered patterns)",
    mend="Collect more rows for them, or state on the card that the model was not tested for them.",
    find=_find_gaps,
)
