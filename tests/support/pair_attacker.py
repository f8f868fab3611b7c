"""A reader of a card of two decisions who solves for hidden counts, written apart from the code that hides them.

The unknowns are the people of each crossing of all attributes by label, new and earlier decision. What a card shows are
equations over them: the rates of the new decisions, how many decisions changed, lost and gained, went up and down, and
the changes by label. A count is told where its largest and its smallest possible value are the same.
"""

from __future__ import annotations

import itertools

import numpy as np
from attacker import summed
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from audit.report.disclosure.hide import find_hidden, find_hidden_pairs

PLACES = list(itertools.product((0, 1), repeat=3))
"""Label, new and earlier decision of the eight counts of a group."""
SHOWN = {
    "rows": ["True"],
    "labels": ["y == 0", "y == 1"],
    "selection": ["d == 0", "d == 1"],
    "confusion": [f"(y, d) == {each}" for each in itertools.product((0, 1), repeat=2)],
    "changed": ["d != e"],
    "lost_gained": ["e == y != d", "d == y != e"],
    "up_down": ["d > e", "d < e"],
    "flips_by_label": [f"(y, d, e) == {each}" for each in PLACES],
}
"""What a card tells of each family, in label y, new decision d and earlier decision e."""
BESIDE = [
    "d == e", "e == 0", "e == 1", "d == e == y", "d == e != y", "d == e == 0", "d == e == 1",
    *(f"(y, e) == {each}" for each in itertools.product((0, 1), repeat=2)),
]  # fmt: skip
"""What a reader may be after beside what is shown: the rates of the earlier decisions, and what did not change."""


OTHER_EARLIER = [PLACES.index((y, d, 1 - e)) for y, d, e in PLACES]


def mask(rule):
    return np.array([bool(eval(rule, {}, {"y": y, "d": d, "e": e})) for y, d, e in PLACES], dtype=float)  # noqa: S307


MASKS = {rule: mask(rule) for rule in {*itertools.chain(*SHOWN.values()), *BESIDE}}


def find_gone(counts, k):
    """All that is hidden of a card of these counts."""
    new = {by: {g: tuple(MASKS_OF_NEW @ np.array(c)) for g, c in groups.items()} for by, groups in counts.items()}
    new = {by: {g: tuple(map(int, c)) for g, c in groups.items()} for by, groups in new.items()}
    gone = find_hidden(new, k)
    return {**gone, **find_hidden_pairs(counts, k, gone)}


MASKS_OF_NEW = np.array([MASKS[rule] for rule in SHOWN["confusion"]])


class PairAttacker:
    """What follows from a card of these counts, eight a group."""

    def __init__(self, finest, names, depth, k, gone=None):
        self.finest, self.names, self.k = finest, names, k
        self.counts = summed(finest, names, depth, width=8)
        self.gone = find_gone(self.counts, k) if gone is None else gone
        shown = [
            (self._row(by, group, rule), self._value(by, group, rule))
            for family, rules in SHOWN.items()
            for by, groups in self.counts.items()
            for group in groups
            if (by, group) not in self.gone[family] and not (None in group and len(by) > 1)
            for rule in rules
        ]
        values = [n for _, n in shown]
        self.known = LinearConstraint(csr_array(np.array([row for row, _ in shown])), values, values)

    def secrets(self):
        """Counts from 1 to k - 1 of groups, and a 0 that tells the label of everybody else of the same decisions."""
        several = len({y for (y, _, _), n in zip(PLACES, self.counts[()][()], strict=True) if n}) > 1
        for by, groups in self.counts.items():
            for group in groups:
                if None not in group:
                    yield from self._of(by, group, several)

    def _of(self, by, group, several):
        for rule, own in MASKS.items():
            n = self._value(by, group, rule)
            one_label = not (own[:4].any() and own[4:].any()) and rule not in SHOWN["labels"]
            alike = several and one_label and n == 0 and self._is_alike(by, group, rule, own)
            if 0 < n < self.k or alike:
                yield by, group, rule, n

    def _is_alike(self, by, group, rule, own):
        """Whether so few people have these decisions and one label that it is protected.

        Not where it follows already from the new decision, which nobody of the other label has: that is a finding.
        """
        finding = rule in SHOWN["flips_by_label"] and self.counts[by][group] @ np.maximum(own, own[OTHER_EARLIER]) == 0
        return not finding and 0 < self.counts[by][group] @ np.roll(own, 4) < 10 * self.k

    def told(self):
        """Secrets that follow, each with its value."""
        return [secret for secret in self.secrets() if self._follows(*secret)]

    def _follows(self, by, group, rule, n):
        row = self._row(by, group, rule)
        # Most secrets have another value in the first direction that is tried.
        return self._end(row, 1, n) and self._end(row, -1, n)

    def _end(self, row, sign, n):
        found = milp(sign * row, integrality=np.ones(len(row)), constraints=self.known, bounds=Bounds(0, 1e6))
        assert found.success, found.message
        assert round(found.fun) <= sign * n
        return round(sign * found.fun) == n

    def _row(self, by, group, rule):
        where = [self.names.index(name) for name in by]
        inside = [tuple(f[i] for i in where) == group for f in self.finest]
        return np.outer(inside, MASKS[rule]).ravel()

    def _value(self, by, group, rule):
        return int(np.array(self.counts[by][group]) @ MASKS[rule])
