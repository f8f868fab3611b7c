"""DV009: rows that agree in every feature and are labelled more differently than lots would label them.

People who look alike on record may differ in truth, so conflicts alone are no fault. But however labels depend on
features, two rows of the same features differ in label at most as often as two labels drawn from the labels of all
such rows (by Jensen's inequality). Conflicts beyond that say that one decision contradicts the other. Of features
that exactly two rows share, so that pairs are independent. See docs/decisions/0017.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from audit.checks.check import FALSE_ALARM, CheckKind
from audit.checks.part import OpenPart, chance, several
from audit.counting.columns.repeats import Conflicts, conflicts, share_of
from audit.measurement.inference.contingency import at_least
from audit.record.result import Check

FEWEST_PAIRS = 20
"""Pairs of rows with the same features under which nothing is said."""
MARGIN = 1.1
"""Conflicts over what lots would give, from which they matter."""


def _find_conflicts(looked: OpenPart) -> Iterator[Check]:
    label = looked.config.data.label
    about = f"rows of {looked.part} with the same features contradict each other no more than lots would"
    why = _reason_against(looked)
    if label is None or why:
        yield CHECK.outcome("not applicable", why or "no label", about=about)
        return
    features = [c for c in looked.columns if c not in {label, looked.config.data.weight}]
    found = conflicts(looked.scan, features, label, looked.rows)
    share = found.conflicting * share_of(looked.rows) / looked.rows
    said = f"{share:.2%} of the rows have the features of a row with another label"
    pairs = sum(found.twice.values())
    if pairs < FEWEST_PAIRS:
        few = f"features of exactly two rows: {pairs}, too few to judge"
        yield CHECK.outcome("pass" if not share else "not applicable", f"{said}; {few}", about=about)
        return
    differ = sum(n for (low, high), n in found.twice.items() if low != high)
    most = _expect_by_chance(found)
    p = at_least(differ, pairs, most)
    said += f"; of {several(pairs, 'pair')} of such rows {differ / pairs:.1%} differ, lots would give {most:.1%}"
    beyond = p <= FALSE_ALARM and differ / pairs >= MARGIN * most
    yield CHECK.outcome("warn" if beyond else "pass", f"{said} ({chance(p)})" if beyond else said, about=about)


def _reason_against(looked: OpenPart) -> str:
    """Return why labels cannot contradict each other; empty where they can."""
    asked, label = looked.config.predictions, looked.config.data.label
    if asked is not None and asked.task in {"regression", "ranking"}:
        return "labels are numbers, which differ as they should"
    if label not in looked.columns:
        return "no label"
    if len(looked.columns) < len(looked.table.columns):
        return "some columns hold lists, which are not compared"
    apart = {label, looked.config.data.weight, *looked.config.data.groups}
    return "" if set(looked.columns) - apart else "there is no feature besides the groups, which DP002 looks at"


def _expect_by_chance(found: Conflicts) -> float:
    """Return the chance that two labels drawn from those of all pairs differ."""
    labels: Counter[object] = Counter()
    for pair, n in found.twice.items():
        for label in pair:
            labels[label] += n
    total = sum(labels.values())
    return 1 - sum((n / total) ** 2 for n in labels.values())


CHECK = CheckKind(
    code="DV009",
    title="rows with the same features contradict each other no more than lots would",
    reason="a model cannot learn two answers to one question, and its errors there are the labels' own",
    reference="Northcutt, Jiang and Chuang (2021), Confident Learning, JAIR 70:1373",
    mend="look at these rows with who labelled them, and settle which label holds",
    find=_find_conflicts,
)
