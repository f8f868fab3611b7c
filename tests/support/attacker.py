"""A reader who solves for hidden counts with whole numbers, written apart from the code that hides them.

The unknowns are the people of each crossing of all attributes by label and prediction; what a card shows are equations
over them. A count is told where its largest and its smallest possible value are the same.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from audit.report.disclosure.hide import find_hidden

OUTCOMES = ((0, 0), (0, 1), (1, 0), (1, 1))
"""Label and prediction of the four counts of a group."""
FAMILY_SUMS = {
    "rows": (lambda y, p: True,),
    "labels": (lambda y, p: y == 0, lambda y, p: y == 1),
    "selection": (lambda y, p: p == 0, lambda y, p: p == 1),
    "confusion": tuple((lambda y, p, a=a, b=b: (y, p) == (a, b)) for a, b in OUTCOMES),
}


def summed(finest, names, depth, width=4):
    """Every grouping up to a depth as it is published, from the counts of the finest crossing."""
    counts = {}
    for size in range(depth + 1):
        for at in itertools.combinations(range(len(names)), size):
            groups = counts.setdefault(tuple(names[i] for i in at), {})
            for group, four in finest.items():
                key = tuple(group[i] for i in at)
                groups[key] = tuple(x + y for x, y in zip(groups.get(key, (0,) * width), four, strict=True))
    return counts


class Attacker:
    """What follows from a card of these counts."""

    def __init__(self, finest, names, depth, k, gone=None):
        self.finest, self.names, self.k = finest, names, k
        self.counts = summed(finest, names, depth)
        self.gone = find_hidden(self.counts, k) if gone is None else gone
        shown = [
            (self._row(by, group, sum_), self._value(by, group, sum_))
            for family, sums in FAMILY_SUMS.items()
            for by, groups in self.counts.items()
            for group in groups
            if (by, group) not in self.gone[family] and not (None in group and len(by) > 1)
            for sum_ in sums
        ]
        values = [n for _, n in shown]
        self.known = LinearConstraint(csr_array(np.array([row for row, _ in shown])), values, values)

    def secrets(self):
        """Counts that must not be told: small ones, and a 0 that tells the label of everybody else."""
        several = (
            len({y for four in self.counts[()].values() for (y, _), n in zip(OUTCOMES, four, strict=True) if n}) > 1
        )
        for family, sums in FAMILY_SUMS.items():
            for by, groups in self.counts.items():
                for group in groups:
                    if None not in group:
                        yield from self._of(family, by, group, sums, several)

    def _of(self, family, by, group, sums, several):
        four = dict(zip(OUTCOMES, self.counts[by][group], strict=True))
        for at, sum_ in enumerate(sums):
            n = self._value(by, group, sum_)
            others = self.counts[by][group] if family == "labels" else [four[y, OUTCOMES[at][1]] for y in (0, 1)]
            alike = several and family in {"labels", "confusion"} and n == 0 and 0 < sum(others) < 10 * self.k
            if 0 < n < self.k or alike:
                yield family, by, group, sum_, n

    def told(self):
        """Secrets that follow, each with its value."""
        return [secret[:3] + secret[4:] for secret in self.secrets() if self._follows(*secret)]

    def _follows(self, family, by, group, sum_, n):
        row = self._row(by, group, sum_)
        ends = [self._end(row, sign) for sign in (1, -1)]
        assert ends[0] <= n <= ends[1]
        return ends[0] == ends[1]

    def _end(self, row, sign):
        found = milp(sign * row, integrality=np.ones(len(row)), constraints=self.known, bounds=Bounds(0, 1e6))
        assert found.success, found.message
        return round(sign * found.fun)

    def _row(self, by, group, sum_):
        where = [self.names.index(name) for name in by]
        inside = [tuple(f[i] for i in where) == group for f in self.finest]
        return np.outer(inside, [sum_(y, p) for y, p in OUTCOMES]).ravel().astype(float)

    def _value(self, by, group, sum_):
        return sum(n for (y, p), n in zip(OUTCOMES, self.counts[by][group], strict=True) if sum_(y, p))
