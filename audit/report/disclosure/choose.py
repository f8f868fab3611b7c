"""Which groups are hidden beside secrets at the least loss.

A secret is protected against a sum where it could be larger while other hidden counts are smaller, along every
total that is published: a flow through hidden groups. The groups are chosen that leave such a flow for each secret
and whose loss together is least. What decides is who is a secret, whose counts include a 0, names, and what the
reader loses; no count does, so that the choice tells none.

Must not: know a count, or judge whether a flow is wide enough.

References
----------
Kelly, Golden and Assad (1992), Networks 22:397 (cell suppression: protection by flows).
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from audit.report.disclosure.attack import Relation, limit_time
from audit.report.disclosure.small_cells import Key

NODES = 2000
"""Branches after which the best choice so far is taken."""
LARGEST = 3_000
"""Secrets times groups; more are not chosen among."""
WIDE, NEAR = 400, 0.1
"""Unknowns of a choice from which on it may cost this share more than the least: the last tenth takes most of the time,
and among so many groups no reader sees it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Among whom is chosen, for whom."""

    keys: Sequence[Key]
    """Everybody who counts somebody."""
    relations: Sequence[Relation]
    secrets: Sequence[Key]
    hidden: Collection[Key]
    """Who is hidden already."""
    still: Collection[Key]
    """Who cannot give way: shown whatever happens, or with a count of 0."""
    barred: Mapping[Key, Collection[Key]]
    """For each secret who did not suffice, and is no way for its flow."""
    loss: Mapping[Key, float]
    """What a reader loses with each that may be hidden."""


def choose_hidden(choice: Choice, until: float = math.inf) -> tuple[set[Key], list[Key]] | None:
    """Who is hidden besides, and the secrets for which no choice leaves a flow; None where there are too many.

    Parameters
    ----------
    choice
        Among whom is chosen, for whom.
    until
        Monotonic second at which it is given up.
    """
    if not choice.secrets:
        return set(), []
    program = _Program(choice)
    if len(program.choice.secrets) * len(program.moving) > LARGEST or time.monotonic() > until:
        return None
    for at, secret in enumerate(choice.secrets):
        program.protect(at, secret)
    return program.solved(until)


class _Program:
    """The choice as a mixed integer program: who is hidden, a flow for each secret, and who goes without one."""

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        self.free = {
            key: i for i, key in enumerate(k for k in choice.keys if k in choice.loss and k not in choice.hidden)
        }
        self.moving = [k for k in choice.keys if k not in choice.still and (k in choice.hidden or k in choice.loss)]
        self.without = len(self.free) + len(choice.secrets) * (len(self.moving) + 1)
        """Place of the first secret among those that may go without a flow."""
        self.entries: list[tuple[int, int, float]] = []
        self.limits: list[tuple[float, float]] = []

    def _add(self, terms: Mapping[int, float], low: float, high: float) -> None:
        self.entries.extend((len(self.limits), place, x) for place, x in terms.items())
        self.limits.append((low, high))

    def protect(self, at: int, secret: Key) -> None:
        """One more of a secret, and one less of others along every total, through whoever is hidden."""
        first = len(self.free) + at * (len(self.moving) + 1)
        barred = self.choice.barred[secret]
        flow = {key: first + i for i, key in enumerate(self.moving) if key not in barred}
        flow[secret] = first + len(self.moving)
        self._add({flow[secret]: 1, self.without + at: 1}, 1, 1)
        for relation in self.choice.relations:
            terms = {flow[part]: 1.0 for part in relation.parts if part in flow}
            if relation.total in flow:
                terms[flow[relation.total]] = -1.0
            if terms:
                self._add(terms, 0, 0)
        for key in self.free.keys() & flow.keys():
            self._add({flow[key]: 1, self.free[key]: -1}, -math.inf, 0)
            self._add({flow[key]: -1, self.free[key]: -1}, -math.inf, 0)

    def solved(self, until: float) -> tuple[set[Key], list[Key]] | None:
        """The choice of least loss, or the best that is found until then."""
        import numpy as np
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_array

        size, total = len(self.free), self.without + len(self.choice.secrets)
        rows, places, values = zip(*self.entries, strict=True)
        matrix = csr_array((values, (rows, places)), shape=(len(self.limits), total))
        losses = _losses(list(self.free), self.choice.loss)
        cost, low, whole = np.zeros(total), np.zeros(total), np.zeros(total)
        cost[:size], cost[self.without :] = losses, 2 * sum(losses) + 1
        low[size : self.without] = -1
        whole[:size] = 1
        found = milp(
            cost,
            integrality=whole,
            bounds=Bounds(low, 1),
            constraints=LinearConstraint(matrix, *map(np.array, zip(*self.limits, strict=True))),
            options={"node_limit": NODES, "mip_rel_gap": NEAR if total > WIDE else 0, **limit_time(until)},
        )
        if found.x is None:
            return None
        without = [s for i, s in enumerate(self.choice.secrets) if found.x[self.without + i] > 0.5]
        return {key for key, i in self.free.items() if found.x[i] > 0.5}, without


def _losses(free: Sequence[Key], loss: Mapping[Key, float]) -> list[float]:
    """Losses, of which no two are the same: among equals the order of names that nobody chose decides."""
    rank = {key: i for i, key in enumerate(sorted(free, key=_shuffle_key))}
    return [loss[key] * (1 + rank[key] / (1000 + 10 * len(free))) for key in free]


def _shuffle_key(key: Key) -> str:
    """A place among other names that nobody chose."""
    return hashlib.sha256(repr(key).encode()).hexdigest()
