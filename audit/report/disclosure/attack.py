"""The reader as adversary: which values each hidden count may have, given everything that is published together.

Every total with its parts is an equation, what is shown is known, and counts are whole numbers. The adversary is told
more than a page tells: for every hidden group whether it is hidden for its own sake, and which of its counts are small,
unless of so few people some count is small however they are split. What is decided from the shown numbers and from this
alone is decided alike for all tables that agree in them, so that the decision itself tells nothing more.

Values are found as witnesses: whole tables that give the same page. What no witness was found for counts as told.

Must not: decide what to hide.

References
----------
Fischetti and Salazar (2001), Management Science 47:1008 (attacker problems of cell suppression).
Davis (1987), Artificial Intelligence 32:281 (propagation of limits).
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from audit.measurement.metrics.kinds import OF_PAIRS, Family
from audit.report.disclosure import pair_cells
from audit.report.disclosure.small_cells import (
    Cells,
    Counts,
    Key,
    Law,
    by_label,
    by_prediction,
    family_cells,
    family_masks,
    list_cells,
)

if TYPE_CHECKING:
    import numpy as np

VALUES = 3
"""A secret must have so many possible values: of two, each is next to its neighbour."""
ROUNDS = 4
"""Solutions that look at all secrets together, before each is looked at by itself."""
PASSES = 6
"""Times that limits are taken from all equations; more would find little more, and what is missed is solved for."""
NODES = 200
"""Branches after which a search for a witness is given up."""
Place = tuple[Key, int]
"""Whose count, and which of those that the system counts."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A total and its parts."""

    total: Key
    parts: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Secret:
    """One count that must not be told: the sum of some places of a group."""

    key: Key
    family: Family
    at: int


@dataclass(frozen=True, slots=True)
class Page:
    """What is hidden of each family, of a table of which all else is shown."""

    counts: Counts
    law: Law
    hidden: Mapping[Family, Container[Key]]
    small_told: bool = True
    """Whether it is told which counts of two decisions are small, of those that are hidden."""

    def four(self, key: Key) -> Cells | None:
        """Counts of a group; None where nothing of it is counted, as of a deeper crossing than is published."""
        return self.counts.get(key[0], {}).get(key[1])


SYSTEMS: Mapping[Family, tuple[Family, ...]] = {
    "rows": ("rows",),
    "labels": ("rows", "labels"),
    "selection": ("rows", "selection"),
    "confusion": ("rows", "labels", "selection", "confusion"),
    "changed": pair_cells.EVERY[:5],
    "lost_gained": pair_cells.EVERY[:6],
    "up_down": pair_cells.EVERY[:7],
    "flips_by_label": pair_cells.EVERY,
}
"""Families that are looked at together; labels and predictions alone never tell of each other."""


def list_guarded(family: Family) -> tuple[Family, ...]:
    """Return the families of which no secret may follow where these are told.

    Counts of two decisions tell of each other in many ways, so that all are guarded from the first on.
    """
    return pair_cells.EVERY if family in OF_PAIRS else SYSTEMS[family]


class _System:
    """Equations and limits of the hidden counts of some groups."""

    def __init__(self, page: Page, family: Family, keys: Sequence[Key], relations: Sequence[Relation]) -> None:
        self.page, self.family = page, family
        self.at: dict[Place, int] = {}
        self.rows: list[tuple[dict[int, int], float, float]] = []
        self.whole = max(map(sum, list_cells(page.counts)), default=0)
        self.largest = dict(self._largest())
        self.nobody = (0,) * len(next(list_cells(page.counts)))
        self.width = len(self._projected(self.nobody))
        for key in keys:
            if self._open(key):
                for i in range(self.width):
                    self.at[key, i] = len(self.at)
        for key in keys:
            if (key, 0) in self.at and page.four(key) is not None:
                self._limit(key)
        for relation in relations:
            self._add(relation)

    def _projected(self, four: Cells) -> Cells:
        if self.family == "rows":
            return (sum(four),)
        return {"labels": by_label, "selection": by_prediction}.get(self.family, lambda all_: all_)(four)

    def _open(self, key: Key) -> bool:
        """Whether anything of a group is unknown."""
        four = self.page.four(key)
        if four is None or (self.family == "confusion" and len(four) > 4 and any(four)):
            return True
        if self.family in {"changed", "lost_gained", "up_down"}:
            return any(four)  # not all of its cells are told
        return any(four) and any(key in self.page.hidden[f] for f in SYSTEMS[self.family])

    def mask(self, four: Cells, family: Family, at: int) -> tuple[int, ...]:
        """The places that a count of a family is the sum of."""
        if self.family == "rows" or family == "rows":
            return (1,) * self.width
        if self.family in OF_PAIRS:
            return family_masks(four, family)[at]
        if self.family in {"labels", "selection"}:
            return tuple(int(i == at) for i in range(self.width))
        return family_masks(four, family)[at]

    def sum_of(self, key: Key, mask: Sequence[int]) -> dict[int, int]:
        """Unknowns of a sum of places."""
        return {self.at[key, i]: n for i, n in enumerate(mask) if n}

    def _limit(self, key: Key) -> None:
        """What is known of one group: what is shown of it, and limits of what is hidden."""
        four = self.page.four(key) or ()
        for family in SYSTEMS[self.family]:
            counts = family_cells(four, family)
            hidden = key in self.page.hidden[family]
            if hidden and family in OF_PAIRS and not self.page.small_told:
                continue
            told = counts[: pair_cells.TOLD.get(family)]
            limits = self._limits(key, four, family, counts) if hidden else [(n, n) for n in told]
            for at, (low, high) in enumerate(limits):
                if low > 0 or high < self.whole:
                    self.rows.append((self.sum_of(key, self.mask(four, family, at)), low, high))

    def _limits(self, key: Key, four: Cells, family: Family, counts: Cells) -> Iterator[tuple[int, int]]:
        k = self.page.law.k
        secret = bool(self.page.law.secrets(four, family))
        there = [n for i, n in enumerate(counts) if n or (secret and self.page.law.zero(four, family, i))]
        parts = pair_cells.count_parts(four, family) if family in OF_PAIRS else len(there)
        few = secret and family != "rows" and sum(four) < k * parts
        for i, n in enumerate(counts):
            if i >= pair_cells.TOLD.get(family, i + 1):
                yield min(n, 1), k - 1 if 0 < n < k else self.whole  # what may follow is told where it is small alone
                continue
            least = 0 if secret and (n == 0 or few or self.page.law.zero(four, family, i)) else min(n, 1)
            if few:
                yield least if family == "selection" and n else 0, self.whole
            elif n >= k:
                least, most = self.largest.get(key, (k, self.whole)) if family == "rows" else (k, self.whole)
                yield max(k, least), most
            else:
                yield least, k - 1 if secret else 0

    def _largest(self) -> Iterator[tuple[Key, tuple[int, int]]]:
        """Least and most rows of hidden groups: the largest group is named where it is shown."""
        gone = self.page.hidden["rows"]
        for by, groups in self.page.counts.items():
            rows = {(by, group): sum(four) for group, four in groups.items() if None not in group}
            if not by or not rows:
                continue
            largest = max(rows, key=lambda key: rows[key])
            if largest in gone:
                yield largest, (max((n for key, n in rows.items() if key not in gone), default=0), self.whole)
            else:
                yield from ((key, (0, rows[largest])) for key in rows if key in gone)

    def _add(self, relation: Relation) -> None:
        keys = [(relation.total, -1), *((part, 1) for part in relation.parts)]
        if not any((key, 0) in self.at for key, _ in keys):
            return
        for i in range(self.width):
            terms: dict[int, int] = {}
            known = 0
            for key, sign in keys:
                if (key, i) in self.at:
                    terms[self.at[key, i]] = sign
                else:
                    known += sign * self._projected(self.page.four(key) or self.nobody)[i]
            self.rows.append((terms, -known, -known))


class _Witnesses:
    """Tables that give the same page, and between which values they hold each secret."""

    def __init__(self, system: _System, secrets: Sequence[Secret], until: float = math.inf) -> None:
        import numpy as np
        from scipy.optimize import Bounds, LinearConstraint
        from scipy.sparse import csr_array

        self.size, self.until = len(system.at), until
        entries = [(i, j, n) for i, (terms, _, _) in enumerate(system.rows) for j, n in terms.items()]
        rows, columns, values = zip(*entries, strict=True) if entries else ((), (), ())
        matrix = csr_array((values, (rows, columns)), shape=(len(system.rows), self.size))
        low = [row[1] for row in system.rows]
        high = [row[2] for row in system.rows]
        self.constraints = LinearConstraint(matrix, low, high)
        self.bounds = Bounds(0, system.whole)
        self.sums = np.zeros((len(secrets), self.size))
        self.low, self.high = [], []
        for row, secret in zip(self.sums, secrets, strict=True):
            four = system.page.four(secret.key) or ()
            for i, n in system.sum_of(secret.key, system.mask(four, secret.family, secret.at)).items():
                row[i] = n
            true = family_cells(four, secret.family)[secret.at]
            self.low.append(true)
            self.high.append(true)

        least, most = _ends(system)
        self.most = self.sums @ (np.array(most) - np.array(least)) + 1
        """No secret has more values than this, for what each equation says by itself."""

    def values(self, at: int) -> int:
        """How many values a secret may have, as far as is known."""
        return int(self.high[at] - self.low[at] + 1)

    def look(self, towards: np.ndarray) -> None:
        """Find the table that goes furthest in a direction, while there is time."""
        import numpy as np
        from scipy.optimize import milp

        if time.monotonic() > self.until:
            return
        found = milp(
            -towards,
            integrality=np.ones(self.size),
            bounds=self.bounds,
            constraints=self.constraints,
            options={"node_limit": NODES, **limit_time(self.until)},
        )
        if found.x is None:
            return
        for i, value in enumerate(np.rint(self.sums @ np.rint(found.x))):
            self.low[i], self.high[i] = min(self.low[i], int(value)), max(self.high[i], int(value))


def limit_time(until: float) -> dict[str, float]:
    """The option of SciPy's solver that ends it at a monotonic second; nothing where there is no end."""
    return {} if until == math.inf else {"time_limit": max(until - time.monotonic(), 0.01)}


def _ends(system: _System) -> tuple[list[float], list[float]]:
    """Lowest and highest value of each unknown that follow from equations taken one by one."""
    low, high = [0.0] * len(system.at), [float(system.whole)] * len(system.at)
    for _ in range(PASSES):
        before = (*low, *high)
        for terms, least, most in system.rows:
            ends = {j: (n * low[j], n * high[j]) if n > 0 else (n * high[j], n * low[j]) for j, n in terms.items()}
            smallest, largest = sum(a for a, _ in ends.values()), sum(b for _, b in ends.values())
            for j, n in terms.items():
                a, b = least - (largest - ends[j][1]), most - (smallest - ends[j][0])
                low[j], high[j] = max(low[j], a if n > 0 else -b), min(high[j], b if n > 0 else -a)
        if before == (*low, *high):
            break
    return low, high


def find_told(
    page: Page,
    family: Family,
    keys: Sequence[Key],
    relations: Sequence[Relation],
    secrets: Sequence[Secret],
    until: float = math.inf,
    known: Mapping[Secret, int] = MappingProxyType({}),
) -> list[Secret]:
    """Secrets of which the page leaves fewer than `VALUES` values, though hiding more could leave more.

    Parameters
    ----------
    page
        What is shown.
    family
        The family that is looked at, with those that it contains.
    keys, relations
        The groups that are looked at, and their totals.
    secrets
        What must not follow.
    until
        Monotonic second at which searching ends: what no witness was found for by then counts as told.
    known
        Values of secrets that have fewer whatever is hidden here: the page may leave no fewer than these.
    """
    if not secrets:
        return []
    open_ = count_values(page, family, keys, relations, secrets, until, known)
    return [secret for secret in open_ if _own(page, family, secret) > open_[secret]]


def count_values(
    page: Page,
    family: Family,
    keys: Sequence[Key],
    relations: Sequence[Relation],
    secrets: Sequence[Secret],
    until: float = math.inf,
    known: Mapping[Secret, int] = MappingProxyType({}),
) -> dict[Secret, int]:
    """Return how many values the page leaves to each secret that has fewer than `VALUES`, or than are known."""
    most = min(VALUES, page.law.k - 1)
    enough = [min(most, known.get(secret, most)) for secret in secrets]
    return _narrow(_Witnesses(_System(page, family, keys, relations), secrets, until), secrets, enough)


def _narrow(found: _Witnesses, secrets: Sequence[Secret], enough: Sequence[int]) -> dict[Secret, int]:
    """Secrets with too few values, and how many each has."""
    for n in range(ROUNDS):
        left = [i for i in range(len(secrets)) if found.values(i) < enough[i] <= found.most[i]]
        if not left:
            break
        signs = [1 if n < 2 else _sign(secrets[i], n // 2) for i in left]
        found.look((-1) ** n * sum(sign * found.sums[i] for sign, i in zip(signs, left, strict=True)))
    for i in range(len(secrets)):
        for sign in (1, -1):
            if found.values(i) < enough[i] <= found.most[i]:
                found.look(sign * found.sums[i])
    return {secret: found.values(i) for i, secret in enumerate(secrets) if found.values(i) < enough[i]}


def _sign(secret: Secret, n: int) -> int:
    return 1 if hashlib.sha256(repr((secret, n)).encode()).digest()[0] % 2 else -1


def _own(page: Page, family: Family, secret: Secret) -> int:
    """Values that a secret may have for all that is said of its own group alone, at most `VALUES`."""
    enough = min(VALUES, page.law.k - 1)
    found = _Witnesses(_System(page, family, [secret.key], ()), [secret])
    left = _narrow(found, [secret], [enough])
    return left.get(secret, enough)
