"""From verdicts on copies to what was found: shares with their intervals, and the size from which a fault is found.

Must not: plant, or judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from audit.config.schema import GateRule
from audit.estimate import Group
from audit.faults.drill import FOUND_SHARE, Curve, DrilledGate, Point
from audit.faults.fault import Fault
from audit.faults.sentences import describe_curve, describe_drilled, list_warnings
from audit.measurement.inference.intervals import quantile, wilson
from audit.record.result import Gate, GateVerdict

REFUSED = "refused"
"""What becomes of a copy that the audit does not judge."""
VERDICTS = ("fail", "pass", "insufficient", "undefined", REFUSED)
TAIL = 0.025
"""Error on each side of the interval of a share of copies."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How often one limit was decided how, and what it reads where exactly the planted share is hit."""

    value: float | None
    counts: tuple[int, int, int, int, int]
    """Copies in which it fails, passes, is inconclusive, is undefined, is refused."""

    @property
    def is_failing(self) -> bool:
        """Return whether it fails in as many copies as make a fault found."""
        return self.counts[0] >= FOUND_SHARE * sum(self.counts)


class Ruling(NamedTuple):
    """What became of one limit in one copy."""

    verdict: str
    """One of `VERDICTS`."""
    value: float | None = None

    @classmethod
    def of(cls, gate: Gate) -> Ruling:
        """Return the ruling of a limit that was judged."""
        return cls(gate.verdict, None if gate.estimate is None else gate.estimate.value)


def tally_rulings(judged: Sequence[Sequence[Ruling]], expected: Sequence[Ruling]) -> list[Tally]:
    """Return the tally of each limit over all copies."""
    return [_tally((rulings[at].verdict for rulings in judged), one.value) for at, one in enumerate(expected)]


def _tally(verdicts: Iterable[str], value: float | None) -> Tally:
    found = dict.fromkeys(VERDICTS, 0)
    for verdict in verdicts:
        found[verdict] += 1
    fails, passes, inconclusive, undefined, refused = found.values()
    return Tally(value, (fails, passes, inconclusive, undefined, refused))


def make_point(size: float, tally: Tally) -> Point:
    """Return a size with the share of copies in which a limit fails, and its Wilson interval."""
    fails, passes, inconclusive, undefined, refused = tally.counts
    copies = float(sum(tally.counts))
    limits = wilson(np.array([fails / copies]), np.array([copies]), quantile(TAIL, np.array([np.inf])))
    return Point(
        size=size,
        value=tally.value,
        fails=fails,
        passes=passes,
        inconclusive=inconclusive,
        undefined=undefined,
        refused=refused,
        low=round(float(limits.low[0]), 12),
        high=round(float(limits.high[0]), 12),
    )


def find_least(points: Sequence[Point]) -> float | None:
    """Return the least size from which on a limit fails in enough copies, whatever larger size is planted."""
    found = None
    for point in reversed(points):
        if point.share < FOUND_SHARE:
            return found
        found = point.size
    return found


def make_curve(
    rule: GateRule,
    fault: Fault,
    by: tuple[str, ...],
    group: Group,
    tallies: Sequence[tuple[float, Tally]],
    planted_in: Literal["counts", "rows"] = "counts",
) -> Curve:
    """Return one fault in one place by its size, with its sentence."""
    points = tuple(make_point(size, tally) for size, tally in tallies)
    least = find_least(points)
    at = next((point for point in points if point.size == least), None)
    said = describe_curve(rule, fault, by, group, at, points[-1])
    return Curve(
        fault=fault.name, by=by, group=group, planted_in=planted_in, points=points, found_from=least, sentence=said
    )


def make_drilled(
    rule: GateRule, verdict: GateVerdict, zero: Tally, curves: tuple[Curve, ...], reason: str = ""
) -> DrilledGate:
    """Return a limit with what it finds."""
    point = make_point(0.0, zero)
    bare = _make_bare(rule, verdict, describe_drilled(rule, point, curves), reason)
    return replace(bare, without_fault=point, curves=curves, warnings=list_warnings(point, curves))


def make_refused(rule: GateRule, verdict: GateVerdict, reason: str) -> DrilledGate:
    """Return a limit that could not be drilled, and why."""
    return _make_bare(rule, verdict, f"It was not drilled: {reason}.", reason)


def _make_bare(rule: GateRule, verdict: GateVerdict, sentence: str, reason: str) -> DrilledGate:
    """Return a limit in whose copies nothing was planted."""
    return DrilledGate(
        name=rule.name,
        stage=rule.stage,
        metric=rule.metric,
        compare=rule.compare,
        by=rule.by or (),
        min=rule.min,
        max=rule.max,
        verdict=verdict,
        without_fault=None,
        curves=(),
        sentence=sentence,
        reason=reason,
    )
