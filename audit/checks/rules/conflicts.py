"""DV009: rows that agree in every feature and are labelled differently more often than chance would label them.

People who look alike on record may differ in truth, so conflicts alone are no fault. But however labels depend on
features, two rows of the same features differ in label at most as often as two labels drawn from the labels of all
such rows (by Jensen's inequality). Conflicts beyond that say that one decision contradicts the other. Of features
that exactly two rows share, so that pairs are independent. See docs/decisions/0017.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from audit.checks.check import FALSE_ALARM, CheckKind
from audit.checks.code import NO_LABEL
from audit.checks.part import OpenPart, chance, several, share
from audit.counting.columns.repeats import Conflicts, conflicts, share_of
from audit.errors import printable
from audit.measurement.inference.contingency import at_least
from audit.record.result import Check

FEWEST_PAIRS = 20
"""Pairs of rows with the same features under which nothing is said."""
DISAGREE = (
    "Rows with equal features have different labels in {differ} of {count} pairs{in_part}; "
    "{expected} expected by chance"
)
MARGIN = 1.1
"""Conflicts over what chance would give, from which they matter."""


def _find_conflicts(looked: OpenPart) -> Iterator[Check]:
    label = looked.config.data.label
    why = _reason_against(looked)
    if label is None or why:
        yield CHECK.unanswered(looked.part, "not applicable", why)
        return
    features = [c for c in looked.columns if c not in {label, looked.config.data.weight}]
    found = conflicts(looked.scan, features, label, looked.rows)
    conflicting = found.conflicting * share_of(looked.rows) / looked.rows
    said = f"{share(conflicting)} of the rows have the same features as a row with another label"
    pairs = sum(found.twice.values())
    if pairs < FEWEST_PAIRS:
        few = f"only {several(pairs, 'pair')} of rows with equal features: too few to judge"
        few = few if pairs else "no pairs of rows with equal features"
        if conflicting:
            yield CHECK.unanswered(looked.part, "not applicable", f"{few}; {said}")
        else:
            yield CHECK.passed(looked.part, few)
        return
    yield _judge_pairs(found, looked.part, pairs, said)


def _judge_pairs(found: Conflicts, part: str, pairs: int, said: str) -> Check:
    differ = sum(n for (low, high), n in found.twice.items() if low != high)
    most = _expect_by_chance(found)
    p = at_least(differ, pairs, most)
    counts = {"differ": share(differ / pairs), "expected": share(most)}
    if p <= FALSE_ALARM and differ / pairs >= MARGIN * most:
        return CHECK.found(part, f"{said} ({chance(p)})", count=pairs, **counts)
    of_pairs = f"different labels in {counts['differ']} of {several(pairs, 'pair')}"
    return CHECK.passed(part, f"{of_pairs}; {counts['expected']} expected by chance; {said}")


def _reason_against(looked: OpenPart) -> str:
    """Return why labels cannot contradict each other; empty where they can."""
    asked, label = looked.config.predictions, looked.config.data.label
    if label is None:
        return NO_LABEL
    if asked is not None and asked.task in {"regression", "ranking"}:
        return "the label is a number, so labels differ in any case"
    if label not in looked.columns:
        return f"{printable(label)} holds no plain values"
    if len(looked.columns) < len(looked.table.columns):
        return "some columns hold lists, which cannot be compared"
    apart = {label, looked.config.data.weight, *looked.config.data.groups}
    if set(looked.columns) - apart:
        return ""
    return "there is no feature beside the groups (see DP002)"


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
    name="Conflicting labels",
    passes=("Rows with equal features disagree no more often than by chance{in_part}",),
    finds=(DISAGREE,),
    plain="Rows with equal features have different labels more often than by chance{in_part}",
    reason="a model cannot learn two labels for the same features, so its errors there are errors of the labels",
    reference="Northcutt, Jiang and Chuang (2021), Confident Learning, JAIR 70:1373",
    mend="Review these rows with the people who labelled them, and correct the wrong labels.",
    find=_find_conflicts,
)
