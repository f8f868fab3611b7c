"""What ours is asked in most benchmarks: all rates of the three attributes and their crossings, as a command would."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from benchmarks.people import GROUPS

from audit.axes import crossings
from audit.config.read import build
from audit.counting.backends.choose import count
from audit.counting.plan import Counted, Plan
from audit.cube import Cube
from audit.estimate import Estimate
from audit.gates.judge import Evidence, judge
from audit.gates.verdicts import worst_verdict
from audit.measurement.estimates import Estimates
from audit.measurement.grouping import grouping
from audit.measurement.measure import Scope, of_predictions
from audit.measurement.metrics.rates import RATES
from audit.measurement.rates.group_table import Figures
from audit.tables.open import open_table

PLAN = Plan(groups=GROUPS, intersections=3, label="label", prediction="prediction")
SCOPE = Scope(groups=GROUPS, intersections=3)
BYS = tuple(by for by in crossings(GROUPS, 3) if by)
RATE_NAMES = tuple(r.name for r in RATES)
CONFIG = build(
    {
        "data": {"label": "label", "groups": GROUPS, "intersections": 3},
        "predictions": {"source": "memory", "prediction": "prediction"},
        "gates": [
            {"metric": "selection_rate", "compare": "ratio", "by": ["race"], "min": 0.8},
            {"metric": "true_positive_rate", "compare": "difference", "by": ["sex"], "max": 0.1},
            {"metric": "false_positive_rate", "compare": "difference", "by": ["race", "sex"], "max": 0.1},
            {"metric": "accuracy", "compare": "difference", "by": ["race", "sex", "age"], "max": 0.2},
        ],
    },
    "the question",
)
STAGES = ("open", "count", "measure", "numbers of rates", "judge")


@dataclass(frozen=True)
class Audit:
    """A whole audit: seconds of each stage, and what came out."""

    seconds: tuple[float, ...]
    estimates: Estimates
    counted: Counted
    verdict: str


def audit_of(path: Path, made: Literal["arrays", "records", "none"] = "arrays") -> Audit:
    """Open, count, measure, with or without all numbers of rates, and judge, each on the clock."""
    clock = [time.perf_counter()]

    def lap() -> None:
        clock.append(time.perf_counter())

    table = open_table(path)
    lap()
    counted = count(table, PLAN)
    lap()
    estimates = of_predictions("classification", counted.by_kind, SCOPE)
    lap()
    if made == "arrays":
        figures(counted.cubes)
    elif made == "records":
        numbers(estimates, RATE_NAMES)
    lap()
    verdict = worst_verdict(judge(CONFIG, Evidence(estimates=estimates), dt.datetime.now(dt.UTC).date()))
    lap()
    return Audit(tuple(b - a for a, b in zip(clock, clock[1:], strict=False)), estimates, counted, verdict)


def numbers(estimates: Estimates, names: Iterable[str] | None = None) -> int:
    """How many numbers there are of some metrics, or of all; each is made, none of another metric's block."""
    if names is None:
        return sum(map(_told, estimates))
    return sum(_told(e) for name in names for by in ((), *BYS) for e in estimates.of("model", name, by))


def _told(e: Estimate) -> int:
    return (e.value is not None) + (e.low is not None) + (e.high is not None)


def figures(cubes: tuple[Cube, ...]) -> list[tuple[object, ...]]:
    """Every rate, difference, ratio and gap with its interval as arrays, before they are put into words."""
    return [_arrays(Figures(grouping(cubes, by, {}), RATES, SCOPE.tail)) for by in BYS]


def _arrays(of: Figures) -> tuple[object, ...]:
    return (
        of.together,
        of.single,
        of.differences,
        of.ratios,
        of.less_reference,
        of.over_reference,
        of.lowest,
        of.highest,
    )


def points(cubes: tuple[Cube, ...]) -> Mapping[tuple[str, ...], Mapping[str, np.ndarray]]:
    """Every rate of every group, without intervals, by grouping."""
    groupings = {by: grouping(cubes, by, {}) for by in BYS}
    return {by: {r.name: g.sample(r).p for r in RATES} for by, g in groupings.items()}


def named_points(cubes: tuple[Cube, ...]) -> dict[tuple[str, str, str], float]:
    """The same by grouping, group and rate, as a peer names them."""
    found = {}
    for by, rates in points(cubes).items():
        groups = grouping(cubes, by, {}).groups
        for name, values in rates.items():
            found |= {
                ("*".join(by), "|".join(map(str, g)), name): float(v) for g, v in zip(groups, values, strict=True)
            }
    return found


def furthest(ours: Mapping[Any, float], theirs: Mapping[Any, float], most: float) -> str:
    """How far two sets of numbers lie apart.

    Raises
    ------
    ArithmeticError
        When one has a number that the other has not, or two differ by more than is granted.
    """
    if ours.keys() != theirs.keys() or not ours:
        raise ArithmeticError(
            f"not the same numbers: {list(ours.keys() ^ theirs.keys())[:3]} ({len(ours)}, {len(theirs)})"
        )
    key = max(ours, key=lambda k: abs(ours[k] - theirs[k]))
    far = abs(ours[key] - theirs[key])
    if not far <= most:
        raise ArithmeticError(f"{key}: ours is {ours[key]!r}, theirs {theirs[key]!r}; no times are taken of other work")
    return f"{len(ours):,} numbers, at most {far:.1g} apart"
