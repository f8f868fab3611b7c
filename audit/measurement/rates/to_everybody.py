"""Each group against everybody else, or against everybody: only where the question or a limit asks for it.

Everybody are the rows whose group is known; the rest are those of them that are in another group. Over all groups the
comparison furthest from equality counts, and the group is named: the largest absolute difference, or the ratio that is
furthest from 1 in either direction (a ratio above 1 counts as its reciprocal, as in Fairlearn). What such a limit does
not find are two groups far from each other on opposite sides of everybody: docs/decisions/0007.

Must not: read rows, know a limit, or leave a group out without a word.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from audit.estimate import Estimate
from audit.measurement.grouping import Grouping
from audit.measurement.inference.confusion import with_whole
from audit.measurement.inference.intervals import Limits
from audit.measurement.inference.mixtures import (
    Furthest,
    GroupAndOthers,
    furthest,
    pair_with_others,
    to_other,
    to_whole,
)
from audit.measurement.inference.pairs import Kind
from audit.measurement.metrics.kinds import EVERYBODY, Everybody, Rate
from audit.measurement.rates.group_table import KINDS, Measured
from audit.measurement.rates.rate_table import RateTable
from audit.measurement.scope import SMALL, UNMEASURED

NAMES: dict[Everybody, str] = {"overall": "everybody", "rest": "everybody else"}


class _Asked(NamedTuple):
    """One comparison of one metric: its name, both sides, and the limits at any tail."""

    metric: Measured
    kind: Kind
    who: Everybody
    sides: GroupAndOthers
    values: np.ndarray

    @property
    def compare(self) -> str:
        return f"{self.kind}_to_{self.who}"


class EverybodyTable(RateTable):
    """Estimates of one grouping, with comparisons to everybody where they are asked for."""

    def _against_everybody(self, metric: Measured) -> list[Estimate]:
        whom = [who for who in EVERYBODY if who in self.scope.compare_to and who in metric.against]
        kinds = [kind for kind in KINDS if kind in metric.judged]
        if not whom or not kinds:
            return []
        if len(self.g.groups) < 2:
            return [self._lonely(metric.name, f"{kind}_to_{who}") for kind in kinds for who in whom]
        stacked = self.g.with_others().sample(metric)
        groups = len(self.g.groups)
        rest = pair_with_others(stacked, groups, groups)
        whole = pair_with_others(stacked, groups, 2 * groups)
        found: list[Estimate] = []
        for kind in kinds:
            for who in whom:
                sides = rest if who == "rest" else whole
                values = np.where(rest.measured, sides.value(kind), np.nan)
                asked = _Asked(metric, kind, who, sides, values)
                found += self._compared(asked, rest)
        return found

    def _compared(self, asked: _Asked, rest: GroupAndOthers) -> list[Estimate]:
        """Every group, then the furthest of them."""
        groups = len(self.g.groups)
        # With two groups, the two comparisons with the rest are one and the same.
        looks = 1 if groups == 2 and asked.who == "rest" else groups
        plain, corrected = (self._limits(asked, rest, self.scope.tail / n) for n in (1, looks))
        each = [self._one(asked, rest, plain, i) for i in range(groups)]
        return [*each, self._furthest(asked, rest, furthest(asked.kind, asked.values, plain, corrected), looks)]

    def _limits(self, asked: _Asked, rest: GroupAndOthers, tail: float) -> Limits:
        if asked.who == "rest":
            return to_other(rest, asked.kind, tail)
        if isinstance(asked.metric, Rate):
            return to_whole(rest, self.g.shares(asked.metric.given.mask()), asked.kind, tail)
        sides = asked.sides
        if not self.g.folded:
            sides = sides._replace(r=with_whole(asked.metric.of, *self._four_of_all()))
        made = to_other(sides, asked.kind, tail)
        ends = (-1.0, 1.0) if asked.kind == "difference" else (0.0, math.inf)
        known = rest.measured
        return Limits(np.where(known, made.low, ends[0]), np.where(known, made.high, ends[1]))

    def _four_of_all(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights and squared weights of TN, FP, FN, TP of every group."""
        w, w2 = ("w", "w2") if "w" in self.g.counts else ("n", "n")
        return _four(self.g, w), _four(self.g, w2)

    def _one(self, asked: _Asked, rest: GroupAndOthers, limits: Limits, i: int) -> Estimate:
        common: dict[str, Any] = {
            "compare": asked.compare,
            "group": self.g.groups[i],
            "n": float(self.g.rows.sum()),
            "flags": self.flags + ((SMALL,) if rest.thin[i] else ()),
        }
        p, q = float(asked.sides.group.p[i]), float(asked.sides.other.p[i])
        if not rest.measured[i]:
            return self.base(asked.metric.name, **common, status="undefined", reason=self._why_not(asked, rest, i))
        if asked.kind == "ratio" and q == 0:
            reason = f"{'0' if p == 0 else 'x'}/0: {asked.metric.title.lower()} is 0 for {NAMES[asked.who]}"
            return self.base(asked.metric.name, **common, status="undefined", reason=reason)
        low, high = float(limits.low[i]), float(limits.high[i])
        ratio = asked.kind == "ratio"
        return self.base(
            asked.metric.name,
            **common,
            value=float(asked.values[i]),
            low=low,
            high=high if math.isfinite(high) else None,
            numerator=p if ratio else None,
            denominator=q if ratio else None,
            method=self._said(asked) + ("" if math.isfinite(high) else "; no upper limit"),
        )

    def _why_not(self, asked: _Asked, rest: GroupAndOthers, i: int) -> str:
        if not rest.group.measured[i]:
            reason = self.g.nobody(i) or asked.metric.empty
            return f"not measured for {self._named(i)} ({reason})"
        return f"not measured for everybody but {self._named(i)} ({asked.metric.empty})"

    def _furthest(self, asked: _Asked, rest: GroupAndOthers, found: Furthest, looks: int) -> Estimate:
        metric, name = asked.metric, self.g.groups
        flags = self.flags + ((SMALL,) if rest.thin.any() else ())
        common: dict[str, Any] = {"compare": asked.compare, "n": float(self.g.rows.sum())}
        says_nothing = found.value is None and found.low <= 0 and found.high >= 1
        if not says_nothing:
            common |= {"low": found.low, "high": found.high, **self.g.setters(found.low_group, found.high_group)}
        if found.value is None:
            undefined = next((i for i in range(len(name)) if not rest.measured[i]), None)
            reason = f"0/0: {metric.title.lower()} is 0 for everybody"
            if undefined is not None:
                reason = self._why_not(asked, rest, undefined)
            flags = (*flags, UNMEASURED)
            return self.base(metric.name, **common, status="undefined", reason=reason, flags=flags)
        ends = sorted((float(asked.sides.group.p[found.group]), float(asked.sides.other.p[found.group])))
        ratio = asked.kind == "ratio"
        return self.base(
            metric.name,
            **common,
            value=found.value,
            pair=(name[found.group], name[found.group]),
            numerator=ends[0] if ratio else None,
            denominator=ends[1] if ratio else None,
            method=f"{self._said(asked)}, corrected for {looks} comparisons on the failing side",
            flags=flags,
        )

    def _said(self, asked: _Asked) -> str:
        name = "newcombe" if asked.kind == "difference" else "mover-r"
        through = ""
        if asked.who == "overall":
            through = " against the rest and the group's share" if isinstance(asked.metric, Rate) else ", correlated"
        return f"{name} on {self._method()}{through}"


def _four(grouped: Grouping, measure: str) -> np.ndarray:
    counts = grouped.counts[measure].astype(float)
    return counts.reshape(len(grouped.groups), 4, -1)
