"""DB005: columns that stand in for a group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan, sqrt

from audit.checks.association import cramers_v, table_of
from audit.checks.check import CheckKind
from audit.checks.part import MOST_CELLS, OpenPart, left_out
from audit.errors import printable
from audit.record.result import Check

LARGE = 0.5
"""Effect size w that Cohen (1988) calls large; w is V times the root of the values on the shorter side less one."""
MOST_DISTINCT = 50_000
"""Values of a column beyond which it is not counted."""
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Proxy:
    """How far one column stands in for a group."""

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
        about = f"no column of {looked.part} stands in for {printable(group)}"
        if columns:
            yield _judge_proxies(looked, group, columns, about)
        else:
            yield CHECK.outcome("not applicable", "there is no other column", about=about)


def _judge_proxies(looked: OpenPart, group: str, columns: list[str], about: str) -> Check:
    many = [c for c in columns if looked.profiles[c].distinct > MOST_DISTINCT]
    found = [p for c in columns if c not in many and (p := _measure_proxy(looked, group, c)) is not None]
    crowded = [c for c in columns if c not in many and looked.joint(group, c) is None]
    left = left_out(many, f"of more than {MOST_DISTINCT:,} values not looked at")
    left += left_out(crowded, f"of more than {MOST_CELLS:,} values joint with the group not looked at")
    if not found:
        detail = f"no column and no group of more than one value could be counted{left}"
        return CHECK.outcome("undefined", detail, about=about)
    ranked = sorted(found, key=lambda p: (-p.strength, p.column))
    named = ", ".join(f"{printable(p.column)} {p.strength:.2f}" for p in ranked[:MOST_NAMED])
    more = f" and {len(ranked) - MOST_NAMED} weaker" if len(ranked) > MOST_NAMED else ""
    strong = [p for p in ranked if p.effect >= LARGE]
    said = f"Cramer's V of the strongest: {named}{more}{left}"
    if not strong:
        return CHECK.outcome("pass", said, about=about)
    one = "column is" if len(strong) == 1 else "columns are"
    return CHECK.outcome("warn", f"{len(strong)} {one} a large effect (w >= {LARGE:g}). {said}", about=about)


def _measure_proxy(looked: OpenPart, group: str, column: str) -> Proxy | None:
    joint = looked.joint(group, column)
    table = None if joint is None else table_of(joint, column, group)
    strength = float("nan") if table is None else cramers_v(table)
    if table is None or isnan(strength):
        return None
    sides = min(int((table.sum(axis=axis) > 0).sum()) for axis in (0, 1))
    return Proxy(column, strength, strength * sqrt(sides - 1))


CHECK = CheckKind(
    code="DB005",
    title="no column stands in for a group",
    reason="a model that is not shown a group still treats it apart, by what goes with it",
    reference="Bergsma (2013), J. Korean Stat. Soc. 42(3) for the number; Cohen (1988) for what is large",
    mend="ask of each whether the decision needs it, and audit the model by the group, shown or not",
    find=_find_proxies,
)
