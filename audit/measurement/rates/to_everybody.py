"""Each group against everybody else, or against everybody: only where the question or a limit asks for it.

Everybody are the rows whose group is known; the rest are those of them that are in another group. Over all groups the
comparison furthest from equality counts, and the group is named: the largest absolute difference, or the ratio that is
furthest from 1 in either direction (a ratio above 1 counts as its reciprocal, as in Fairlearn). What such a limit does
not find are two groups far from each other on opposite sides of everybody: docs/decisions/0007.

Must not: read rows, know a limit, or leave a group out without a word.
"""

from __future__ import annotations

import math
from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np

from audit.estimate import Estimate
from audit.measurement.comparisons import AgainstAll, ToAll, reason_for_unmeasured
from audit.measurement.grouping import Grouping
from audit.measurement.inference.confusion import with_whole
from audit.measurement.inference.intervals import Limits
from audit.measurement.inference.mixtures import (
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

NAMES: dict[Everybody, str] = {"overall": "all groups together", "rest": "all other groups"}


class _Asked(NamedTuple):
    """One comparison of one metric, and the groups beside whom they are compared with."""

    metric: Measured
    kind: Kind
    who: Everybody
    sides: GroupAndOthers
    rest: GroupAndOthers


class EverybodyTable(RateTable):
    """Estimates of one grouping, with comparisons to everybody where they are asked for."""

    def _against_everybody(self, metric: Measured) -> list[Estimate]:
        whom = [who for who in EVERYBODY if who in self.scope.compare_to and who in metric.against]
        kinds = [kind for kind in KINDS if kind in metric.judged]
        if not whom or not kinds:
            return []
        if len(self.g.groups) < 2:
            return [self.too_few(metric.name, f"{kind}_to_{who}") for kind, who in product(kinds, whom)]
        stacked, groups = self.g.with_others().sample(metric), len(self.g.groups)
        rest = pair_with_others(stacked, groups, groups)
        whole = pair_with_others(stacked, groups, 2 * groups)
        found: list[Estimate] = []
        for kind in kinds:
            for who in whom:
                asked = _Asked(metric, kind, who, rest if who == "rest" else whole, rest)
                found += self.to_all(metric.name, ToAll(f"{kind}_to_{who}", partial(self._compare, asked)))
        return found

    def _compare(self, asked: _Asked) -> AgainstAll:
        """Return every group against whom it is compared with, then the furthest of them."""
        groups, tail, p, q = len(self.g.groups), self.scope.tail, asked.sides.group.p, asked.sides.other.p
        # With two groups, the two comparisons with the rest are one and the same.
        looks = 1 if groups == 2 and asked.who == "rest" else groups
        values = np.where(asked.rest.measured, asked.sides.value(asked.kind), np.nan)
        plain = self._limits(asked, tail)
        last, how = furthest(asked.kind, values, plain, self._limits(asked, tail / looks)), self._how(asked)
        gone = np.flatnonzero(~asked.rest.measured)
        zero = f"0/0: {asked.metric.title.lower()} is 0 overall"
        return AgainstAll(
            value=values,
            limits=plain,
            method=[how if math.isfinite(high) else f"{how}; no upper limit" for high in plain.high.tolist()],
            thin=asked.rest.thin,
            reason=partial(self._reason_for_group, asked),
            furthest=last,
            furthest_method=f"{how}, corrected for {looks} comparisons on the failing side",
            furthest_reason=self._reason_for_group(asked, int(gone[0])) if len(gone) else zero,
            is_bounded=last.value is not None or last.low > 0 or last.high < 1,
            sides=(p, q) if asked.kind == "ratio" else None,
        )

    def _limits(self, asked: _Asked, tail: float) -> Limits:
        if asked.who == "rest":
            return to_other(asked.rest, asked.kind, tail)
        if isinstance(asked.metric, Rate):
            return to_whole(asked.rest, self.g.shares(asked.metric.given.mask()), asked.kind, tail)
        sides = asked.sides
        if not self.g.folded:
            sides = sides._replace(r=with_whole(asked.metric.of, *self._four_of_all()))
        made, known = to_other(sides, asked.kind, tail), asked.rest.measured
        ends = (-1.0, 1.0) if asked.kind == "difference" else (0.0, math.inf)
        return Limits(np.where(known, made.low, ends[0]), np.where(known, made.high, ends[1]))

    def _four_of_all(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights and squared weights of TN, FP, FN, TP of every group."""
        w, w2 = ("w", "w2") if "w" in self.g.counts else ("n", "n")
        return _four(self.g, w), _four(self.g, w2)

    def _reason_for_group(self, asked: _Asked, i: int) -> str:
        """Say why a group has no comparison."""
        if not asked.rest.group.measured[i]:
            return reason_for_unmeasured(self.g, [i], self.g.nobody(i) or asked.metric.empty)
        if not asked.rest.measured[i]:
            return reason_for_unmeasured(self.g, [i], asked.metric.empty, "all but ")
        nothing = "0" if asked.sides.group.p[i] == 0 else "x"
        return f"{nothing}/0: {asked.metric.title.lower()} is 0 for {NAMES[asked.who]}"

    def _how(self, asked: _Asked) -> str:
        how = f"{'newcombe' if asked.kind == 'difference' else 'mover-r'} on {self._method()}"
        if asked.who == "rest":
            return how
        if isinstance(asked.metric, Rate):
            return f"{how} against the rest and the group's share"
        return f"{how}, correlated"


def _four(grouped: Grouping, measure: str) -> np.ndarray:
    counts = grouped.counts[measure].astype(float)
    return counts.reshape(len(grouped.groups), 4, -1)
