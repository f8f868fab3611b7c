"""What is hidden: every secret, and as little besides as protects them all.

Families are gone through one after the other, since what contains something hidden is hidden too. Of each, groups of
single attributes come first, with the overall row and the rows of which a group is missing; then combinations of
groups, which never cost a group of a single attribute. What to hide is chosen (below) and then attacked (`attack`):
where a secret is told all the same, more is hidden besides, never something else instead. What is given up first is
the overall row and rows with a missing group, then combinations, then groups of single attributes, and last of all
groups that a limit is about: those of a limit that passes before those of one that does not. A page that is too large
to be attacked, or takes too long, shows only combinations without any secret, of attributes of which nothing is hidden.

Must not: know what an estimate, a gate or a page is.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, product
from math import isqrt, prod
from types import MappingProxyType

from audit.estimate import Group, Level
from audit.measurement.metrics.kinds import Family
from audit.report.disclosure.attack import Page, Relation, Secret, find_told, limit_time
from audit.report.disclosure.small_cells import (
    BELOW,
    FAMILIES,
    By,
    Cells,
    Counts,
    Key,
    Law,
    family_cells,
    list_cells,
    make_law,
)

NODES = 2000
"""Branches after which the best choice so far is taken."""
LARGEST = 3_000
"""Secrets times groups; more are not chosen among."""
WIDE, NEAR = 400, 0.1
"""Unknowns of a choice from which on it may cost this share more than the least: the last tenth takes most of the time,
and among so many groups no reader sees it."""
SECONDS = 30.0
"""Longest that one page may take. Ordinary pages take under a second, and cards are the same on every machine; beyond
this more is hidden, which is safe."""


CROSSED, SINGLE, FIRST, NAMED = 1.0, 50.0, 90.0, 5_000.0
"""What a reader loses with a group of a crossing, of a single attribute, the first one of it, with which comparisons
go too, and one that a limit is about, times how much that limit needs it."""
LITTLE = 1.0
"""What a reader loses with everybody's row, or with that of people without a group."""
Spared = Mapping[Family, Mapping[Key, float]]
"""Groups by family that a limit is about, and how much it needs each: 1 where it passes, more where it does not."""
NOBODY: Spared = MappingProxyType({})
STRICTEST = 2
"""Last of the levels at which more is hidden for secrets that are told all the same."""
UNKNOWNS = 1_000
"""Counts of a crossing as deep as attributes go, beyond which crossings are not attacked."""


def find_hidden(
    counts: Counts, k: int, spared: Spared = NOBODY, *, total_known: bool = False
) -> dict[Family, frozenset[Key]]:
    """Groups to hide, by family.

    Parameters
    ----------
    counts
        Rows by label and prediction of every group.
    k
        Smallest count that is published.
    spared
        Groups that are hidden for another's sake last of all.
    total_known
        Whether the total over the groups is known whatever is hidden: shares of the first places add up to 1.
    """
    if k <= 1 or not any(map(any, list_cells(counts))):
        return {family: frozenset() for family in FAMILIES}
    fixed = tuple((by, tuple(groups.items())) for by, groups in counts.items())
    named = tuple(frozenset(spared.get(family, {}).items()) for family in FAMILIES)
    return dict(zip(FAMILIES, _find_hidden(fixed, k, named, total_known), strict=True))


@lru_cache(maxsize=64)
def _find_hidden(
    fixed: tuple[tuple[By, tuple[tuple[Group, Cells], ...]], ...],
    k: int,
    named: tuple[frozenset[tuple[Key, float]], ...],
    total_known: bool,
) -> tuple[frozenset[Key], ...]:
    """Of each family, who is hidden; the cards of a run, in several formats, ask the same."""
    counts = {by: dict(groups) for by, groups in fixed}
    counts = counts if () in counts else {(): _everybody(counts), **counts}
    hiding = _Hiding(counts, make_law(counts, k), dict(zip(FAMILIES, map(dict, named), strict=True)), total_known)
    for family in FAMILIES:
        hiding.hide(family)
    return tuple(frozenset(hiding.found[family] | hiding.aside[family]) for family in FAMILIES)


@dataclass
class _Hiding:
    """What has been hidden so far, of which families."""

    counts: Counts
    law: Law
    spared: Spared
    total_known: bool
    found: dict[Family, set[Key]] = field(default_factory=lambda: {family: set() for family in FAMILIES})
    aside: dict[Family, set[Key]] = field(default_factory=lambda: {family: set() for family in FAMILIES})
    """Everybody's row and rows without a group that are hidden, but hide nothing, since the total is known."""

    def __post_init__(self) -> None:
        keys: list[Key] = []
        for by, groups in self.counts.items():
            keys += [(by, group) for group, four in groups.items() if any(four)]
        self.single = [key for key in keys if len(key[0]) < 2]
        self.crossed = [key for key in keys if len(key[0]) > 1]
        self.page = Page(self.counts, self.law, self.found)
        self.until = time.monotonic() + SECONDS

    def hide(self, family: Family) -> None:
        """Hide what must be hidden of one family."""
        found = self.found[family]
        secret = {key for key in (*self.single, *self.crossed) if self._hides_itself(key, family)}
        self.aside[family] = {key for key in secret if self._covers_nobody(key)}
        found |= secret - self.aside[family]
        for below in BELOW[family]:
            found |= self.found[below]
        width = {"rows": 1, "labels": self._classes, "selection": self._classes}.get(family, self._classes**2)
        small = len(self.single) * width < UNKNOWNS
        if not self._protect(family, self.single, tuple(self._totals(1)), self.single, small=small):
            found |= {key for key in self.single if self._loss(key, family)}
        if self.crossed:
            before, unknown = set(found), len(self.single) + len(self.crossed) + self._depth
            small = unknown * width < UNKNOWNS
            deeper = tuple(self._deepest()) if small else ()
            keys = (*self.single, *self.crossed, *dict.fromkeys(chain.from_iterable(r.parts for r in deeper)))
            relations = (*self._totals(9), *deeper)
            if not self._protect(family, keys, relations, self.crossed, small=small):
                found.intersection_update(before)
                self._whole_crossings(family)
                self._below_totals(family, keys, relations, small=small)

    @property
    def _classes(self) -> int:
        return isqrt(len(next(list_cells(self.counts))))

    def _hides_itself(self, key: Key, family: Family) -> bool:
        if family == "rows":
            return None not in key[1] and bool(self._secrets(key, family))
        return (len(key[0]) > 1 and None in key[1]) or bool(self._secrets(key, family))

    def _covers_nobody(self, key: Key) -> bool:
        """Whether hiding a row protects no group, since the total over the groups is known without it."""
        return self.total_known and (not key[0] or key[1] == (None,))

    def _secrets(self, key: Key, family: Family) -> tuple[int, ...]:
        return self.law.secrets(self.counts[key[0]][key[1]], family)

    def _guarded(self, keys: Sequence[Key], family: Family) -> Iterator[Secret]:
        """Secrets of everybody who has a group."""
        for key in keys:
            if self.page.four(key) is not None and None not in key[1]:
                for each in (*BELOW[family], family):
                    yield from (Secret(key, each, at) for at in self._secrets(key, each))

    def _protect(
        self,
        family: Family,
        keys: Sequence[Key],
        relations: Sequence[Relation],
        able: Sequence[Key],
        *,
        small: bool,
        told: Sequence[Secret] = (),
    ) -> bool:
        """Hide more of those who are able until no secret is told, of those named first; whether that came about."""
        secrets = tuple(self._guarded(keys, family))
        found = self.found[family]
        if not secrets:
            return True
        if not small:
            return False
        loss = {key: loss for key in able if (loss := self._loss(key, family))}
        still = {key for key in keys if self._still(key, family)}
        targets, level = list(dict.fromkeys(s.key for s in told or secrets)), 0
        while level <= STRICTEST:
            before = len(found)
            barred = {t: self._barred(family, level, t, relations, loss.keys() - still) for t in targets}
            choice = _choose_hidden(_Choice(keys, relations, targets, found, still, barred, loss), self.until)
            if choice is None:
                return False
            more, without = choice
            found |= more
            if level in {0, STRICTEST}:
                found |= {key for key in loss if any(key[0] == other[0] for other in without)}
            open_ = self._find_open(family, keys, relations)
            if not open_:
                return True
            targets = list(dict.fromkeys(s.key for s in open_))
            level = level + 1 if len(found) == before else max(level, 1)
        return False

    def _barred(
        self, family: Family, level: int, target: Key, relations: Sequence[Relation], able: AbstractSet[Key]
    ) -> set[Key]:
        """Who is hidden and did not suffice: first those without a secret, then everybody.

        Along a total of the target in which nobody else is left to be hidden, there is no other way.
        """
        if level == 0:
            return set()
        found = self.found[family]
        spent = {key for key in found if level == STRICTEST or not self._secrets_of(key, family)}
        for relation in relations:
            around = {relation.total, *relation.parts}
            if target in around and not around & able - found - {target}:
                spent -= around
        return spent

    def _secrets_of(self, key: Key, family: Family) -> bool:
        return any(self._secrets(key, each) for each in (*BELOW[family], family))

    def _still(self, key: Key, family: Family) -> bool:
        """Who cannot give way: a group with a count of 0 that is no secret, and the few without one."""
        four = self.page.four(key)
        if four is None or not self._secrets_of(key, family):
            return four is not None and 0 in family_cells(four, family)
        return None in key[1]

    def _loss(self, key: Key, family: Family) -> float:
        """What a reader loses with a group; 0 where it cannot be hidden."""
        by, group = key
        if by not in self.counts or self._covers_nobody(key) or (family == "rows" and (not by or None in group)):
            return 0.0
        if need := self.spared.get(family, {}).get(key):
            return NAMED * need
        if len(by) > 1:
            return CROSSED
        if not by or None in group:
            return LITTLE
        if any(other[0] == by and None not in other[1] for other in self.found[family]):
            return SINGLE
        return FIRST

    def _totals(self, deepest: int) -> Iterator[Relation]:
        """Every published total with the parts one attribute splits it into."""
        for by in self.counts:
            if not 0 < len(by) <= deepest:
                continue
            for i in range(len(by)):
                above = by[:i] + by[i + 1 :]
                parts: dict[Group, list[Key]] = {}
                for group, four in self.counts[by].items():
                    if any(four):
                        parts.setdefault(group[:i] + group[i + 1 :], []).append((by, group))
                yield from (Relation((above, g), tuple(p)) for g, p in parts.items() if g in self.counts.get(above, {}))

    @property
    def _deeper(self) -> tuple[str, ...]:
        """All attributes that are crossed, where their common crossing is not published; else nothing."""
        names = tuple(dict.fromkeys(chain.from_iterable(by for by, _ in self.crossed)))
        if any(set(by) == set(names) for by in self.counts):
            return ()
        return names

    @property
    def _depth(self) -> int:
        return prod(map(len, self._levels())) if self._deeper else 0

    def _levels(self) -> list[list[Level]]:
        return [[g[0] for g, four in self.counts[(name,)].items() if any(four)] for name in self._deeper]

    def _deepest(self) -> Iterator[Relation]:
        """Every crossing that is published as a total of the one of all attributes, which is not."""
        names, levels = self._deeper, self._levels()
        if not names:
            return
        for by in dict.fromkeys(by for by, _ in self.crossed):
            at = [names.index(name) for name in by]
            parts: dict[Group, list[Key]] = {}
            for group in product(*levels):
                parts.setdefault(tuple(group[i] for i in at), []).append((names, group))
            yield from (Relation((by, g), tuple(p)) for g, p in parts.items())

    def _whole_crossings(self, family: Family) -> None:
        """Hide every crossing that holds a secret, or of an attribute of which something is hidden."""
        found = self.found[family]
        for by in sorted((by for by in self.counts if len(by) > 1), key=len):
            keys = [(by, group) for group, four in self.counts[by].items() if any(four)]
            held = any(s.family == family for s in self._guarded(keys, family))
            gone = any(set(other) < set(by) and None not in group for other, group in found if other)
            if held or gone:
                found |= set(keys)

    def _below_totals(self, family: Family, keys: Sequence[Key], relations: Sequence[Relation], *, small: bool) -> None:
        """Hide single attributes too, where crossings follow from them because so many others hold nobody."""
        found, everybody = self.found[family], (*self.single, *self.crossed)
        if small:
            open_ = self._find_open(family, keys, relations)
            safe = not open_ or self._protect(family, keys, relations, everybody, small=True, told=open_)
        else:
            while peeled := self._peeled(family, relations):
                before = len(found)
                names = set(chain.from_iterable(by for by, _ in peeled))
                found |= {key for key in self.single if set(key[0]) & names and self._loss(key, family)}
                if len(found) == before:
                    break
            safe = not peeled
        if not safe:
            found |= {key for key in everybody if self._loss(key, family)}

    def _find_open(self, family: Family, keys: Sequence[Key], relations: Sequence[Relation]) -> list[Secret]:
        """Secrets that are told by what is shown now."""
        return find_told(self.page, family, keys, relations, tuple(self._guarded(keys, family)), self.until)

    def _peeled(self, family: Family, relations: Sequence[Relation]) -> set[Key]:
        """Crossings with a secret that follow from totals of which nothing else is hidden, one after the other."""
        unknown = set(self.found[family])
        while alone := {left.pop() for r in relations if len(left := unknown & {r.total, *r.parts}) == 1}:
            unknown -= alone
        secret = {s.key for s in self._guarded(self.crossed, family) if s.family == family}
        return secret & (self.found[family] - unknown)


def _everybody(counts: Counts) -> dict[Group, Cells]:
    """Everybody, as the groups of one attribute and those without one."""
    groups = next(groups for groups in counts.values() if any(any(four) for four in groups.values()))
    return {(): tuple(sum(column) for column in zip(*groups.values(), strict=True))}


# Which groups are hidden beside secrets at the least loss.
#
# A secret is protected against a sum where it could be larger while other hidden counts are smaller, along every
# total that is published: a flow through hidden groups. The groups are chosen that leave such a flow for each secret
# and whose loss together is least. What decides is who is a secret, whose counts include a 0, names, and what the
# reader loses; no count does, so that the choice tells none.
#
# Must not: know a count, or judge whether a flow is wide enough.
#
# References
# ----------
# Kelly, Golden and Assad (1992), Networks 22:397 (cell suppression: protection by flows).
@dataclass(frozen=True, slots=True)
class _Choice:
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


def _choose_hidden(choice: _Choice, until: float = math.inf) -> tuple[set[Key], list[Key]] | None:
    """Who is hidden besides, and the secrets for which no choice leaves a flow; None where there are too many.

    Parameters
    ----------
    choice
        Among whom is chosen, for whom.
    until
        Monotonic second at which it is given up.
    """
    program = _Program(choice)
    if len(program.choice.secrets) * len(program.moving) > LARGEST or time.monotonic() > until:
        return None
    for at, secret in enumerate(choice.secrets):
        program.protect(at, secret)
    return program.solved(until)


class _Program:
    """The choice as a mixed integer program: who is hidden, a flow for each secret, and who goes without one."""

    def __init__(self, choice: _Choice) -> None:
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
