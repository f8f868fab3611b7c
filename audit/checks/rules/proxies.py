"""DB005: columns that may act as proxies for a group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan, sqrt

from audit.checks.association import cramers_v, table_of
from audit.checks.check import CheckKind
from audit.checks.code import NAME_LENGTH
from audit.checks.part import MOST_CELLS, OpenPart, describe_unweighted, list_unchecked
from audit.errors import printable
from audit.estimate import figure_text, join_first
from audit.record.result import Check

LARGE = 0.5
"""Effect size w that Cohen (1988) calls large; w is V times the root of the values on the shorter side less one."""
MOST_DISTINCT = 50_000
"""Values of a column beyond which it is not counted."""
MOST_NAMED = 5
MEASURE = "Cramér's V "


@dataclass(frozen=True, slots=True)
class _Proxy:
    """How strongly one column is associated with a group."""

    column: str
    strength: float
    """Cramer's V, corrected for bias."""
    effect: float
    """Cohen's w."""


def _find_proxies(looked: OpenPart) -> Iterator[Check]:
    data = looked.config.data
    apart = {data.label, data.weight, looked.config.unit}
    others = [c for c in looked.columns if c not in apart]
    for group in data.groups:
        columns = [c for c in others if c != group]
        if columns:
            yield _judge_proxies(looked, group, columns)
        else:
            yield CHECK.unanswered(looked.part, "not applicable", "there is no other column", columns=(group,))


def _judge_proxies(looked: OpenPart, group: str, columns: list[str]) -> Check:
    many = [c for c in columns if looked.profiles[c].distinct > MOST_DISTINCT]
    found = [p for c in columns if c not in many and (p := _measure_proxy(looked, group, c)) is not None]
    crowded = [c for c in columns if c not in many and looked.joint(group, c) is None]
    left = list_unchecked(many, f"more than {MOST_DISTINCT:,} values")
    left += list_unchecked(crowded, f"more than {MOST_CELLS:,} combinations with the group")
    left += describe_unweighted(looked)
    if not found:
        why = f"no column has values that could be compared with it{left}"
        return CHECK.unanswered(looked.part, "undefined", why, columns=(group,))
    ranked = sorted(found, key=lambda p: (-p.strength, p.column))
    strong = [p for p in ranked if p.effect >= LARGE]
    if not strong:
        return CHECK.passed(looked.part, f"strongest: {_list_proxies(ranked)}{left}", columns=(group,))
    weak = [p for p in ranked if p not in strong]
    weaker = f"; weaker: {_list_proxies(weak)}" if weak else ""
    detail = f"large effects, Cohen's w at least {LARGE:g}{weaker}{left}"
    return CHECK.found(looked.part, detail, columns=(group,), count=len(strong), proxies=_list_proxies(strong))


def _list_proxies(proxies: Sequence[_Proxy]) -> str:
    """Return columns with their strength, which is named once."""
    names = (MEASURE, *("" for _ in proxies))
    named = [
        f"{printable(p.column, NAME_LENGTH)} ({name}{figure_text(p.strength, 'ratio', limit=1)})"
        for name, p in zip(names, proxies[:MOST_NAMED], strict=False)
    ]
    return join_first(named, len(proxies))


def _measure_proxy(looked: OpenPart, group: str, column: str) -> _Proxy | None:
    joint = looked.joint(group, column)
    table = None if joint is None else table_of(joint, column, group)
    strength = float("nan") if table is None else cramers_v(table)
    if table is None or isnan(strength):
        return None
    sides = min(int((table.sum(axis=axis) > 0).sum()) for axis in (0, 1))
    return _Proxy(column, strength, strength * sqrt(sides - 1))


CHECK = CheckKind(
    code="DB005",
    name="Possible proxies",
    passes=("No column is strongly associated with {columns} in {part}",),
    finds=("{count} [columns|column] may act as [proxies|a proxy] for {columns}{in_part}: {proxies}",),
    plain="Columns may act as proxies for {columns}{in_part}",
    reason="a model that is not given a group can still treat it differently through columns that go with it",
    reference="Bergsma (2013), J. Korean Stat. Soc. 42(3) for the number; Cohen (1988) for what is large",
    mend="Check whether the model needs each column, and audit by this group even if it is not a feature.",
    find=_find_proxies,
)
