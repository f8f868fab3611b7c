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

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain, product
from math import isqrt, prod
from types import MappingProxyType

from audit.estimate import Group, Level
from audit.measurement.metrics.kinds import OF_PAIRS, Family
from audit.report.disclosure import pair_cells
from audit.report.disclosure.attack import (
    SYSTEMS,
    Page,
    Relation,
    Secret,
    count_values,
    find_told,
    list_guarded,
)
from audit.report.disclosure.choose import Choice, choose_hidden
from audit.report.disclosure.searches import Searches
from audit.report.disclosure.small_cells import (
    BELOW,
    EVERYBODY,
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
TRIES = (8, 1)
"""Attacks on one family of two decisions, whose cells are many: of single attributes, and with crossings."""
STRICTEST = 2
"""Last of the levels at which more is hidden for secrets that are told all the same."""
UNKNOWNS = 1_000
"""Counts of a crossing as deep as attributes go, beyond which crossings are not attacked."""


def find_hidden(
    counts: Counts,
    k: int,
    spared: Spared = NOBODY,
    *,
    total_known: bool = False,
    searches: Searches | None = None,
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
    searches
        What earlier searches came to.
    """
    if k <= 1 or not any(map(any, list_cells(counts))):
        return {family: frozenset() for family in FAMILIES}
    fixed = tuple((by, tuple(groups.items())) for by, groups in counts.items())
    named = tuple(frozenset(spared.get(family, {}).items()) for family in FAMILIES)
    asked = ("hidden", fixed, k, tuple(sorted(each, key=repr) for each in named), total_known)
    return (searches or Searches()).find_hidden(
        asked, FAMILIES, _list_keys(counts), lambda: _find_hidden(fixed, k, named, total_known)
    )


def find_hidden_pairs(
    counts: Counts,
    k: int,
    gone: Mapping[Family, AbstractSet[Key]],
    spared: Spared = NOBODY,
    searches: Searches | None = None,
) -> dict[Family, frozenset[Key]]:
    """Groups to hide of two decisions about the same rows, by family.

    Parameters
    ----------
    counts
        Rows by label, new and earlier decision of every group.
    k
        Smallest count that is published.
    gone
        Who is hidden of the new decisions, by family.
    spared
        Groups that are hidden for another's sake last of all.
    searches
        What earlier searches came to.
    """
    if k <= 1 or not any(map(any, list_cells(counts))):
        return {family: frozenset() for family in OF_PAIRS}
    fixed = tuple((by, tuple(groups.items())) for by, groups in counts.items())
    named = tuple(frozenset(spared.get(family, {}).items()) for family in OF_PAIRS)
    hidden = tuple(frozenset(gone[family]) for family in FAMILIES)
    before = [sorted(each, key=repr) for each in hidden]
    asked = ("pairs", fixed, k, before, tuple(sorted(each, key=repr) for each in named))
    keys = tuple(dict.fromkeys((*_list_keys(counts), *chain.from_iterable(before))))
    return (searches or Searches()).find_hidden(
        asked, OF_PAIRS, keys, lambda: _find_hidden_pairs(fixed, k, hidden, named)
    )


def _list_keys(counts: Counts) -> tuple[Key, ...]:
    """Everybody and every group, in the order of the counts."""
    keys = [EVERYBODY]
    for by, groups in counts.items():
        keys += [(by, group) for group in groups]
    return tuple(dict.fromkeys(keys))


@lru_cache(maxsize=64)
def _find_hidden_pairs(
    fixed: tuple[tuple[By, tuple[tuple[Group, Cells], ...]], ...],
    k: int,
    gone: tuple[frozenset[Key], ...],
    named: tuple[frozenset[tuple[Key, float]], ...],
) -> tuple[frozenset[Key], ...]:
    """Of each family of two decisions, who is hidden; the cards of a run, in several formats, ask the same."""
    spared = dict(zip(OF_PAIRS, map(dict, named), strict=True))
    pairs = {by: dict(groups) for by, groups in fixed}
    pairs = pairs if () in pairs else {(): _everybody(pairs), **pairs}
    counts = {by: {g: pair_cells.drop_earlier(eight) for g, eight in groups.items()} for by, groups in pairs.items()}
    found: dict[Family, set[Key]] = {family: set(keys) for family, keys in zip(FAMILIES, gone, strict=True)}
    found |= {family: set() for family in OF_PAIRS}
    hiding = _Hiding(pairs, make_law(counts, k), spared, total_known=False, found=found)
    for family in OF_PAIRS:
        hiding.hide(family)
    return tuple(frozenset(found[family]) for family in OF_PAIRS)


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
    given_up: bool = False
    """Whether no choice protected the crossings of a family; of two decisions none is then looked for again."""
    without_pairs: dict[int, Mapping[Secret, int]] = field(default_factory=dict)
    """Of so many groups that are looked at: values that secrets have where no count of two decisions is shown."""

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
        width = {"rows": 1, "labels": self._classes, "selection": self._classes}.get(family, self._width)
        small = len(self.single) * width < UNKNOWNS
        if not self._protect(family, self.single, tuple(self._totals(1)), self.single, small=small):
            found |= {key for key in self.single if self._loss(key, family)}
        if self.crossed:
            given_up = family in OF_PAIRS and self.given_up
            before, unknown = set(found), len(self.single) + len(self.crossed) + self._depth
            small = unknown * width < UNKNOWNS
            deeper = tuple(self._deepest()) if small else ()
            keys = (*self.single, *self.crossed, *dict.fromkeys(chain.from_iterable(r.parts for r in deeper)))
            relations = (*self._totals(9), *deeper)
            if given_up or not self._protect(family, keys, relations, self.crossed, small=small):
                self.given_up = True
                found.intersection_update(before)
                self._whole_crossings(family)
                self._below_totals(family, keys, relations, small=small)

    @property
    def _width(self) -> int:
        return len(next(list_cells(self.counts)))

    @property
    def _classes(self) -> int:
        return isqrt(self._width)

    def _hides_itself(self, key: Key, family: Family) -> bool:
        if family == "rows":
            return None not in key[1] and bool(self._secrets(key, family))
        if len(key[0]) > 1 and None in key[1]:
            return True
        if family in OF_PAIRS:
            return self._tells_secret(key, family)
        return bool(self._secrets(key, family))

    def _tells_secret(self, key: Key, family: Family) -> bool:
        """Whether some secret of two decisions follows from what is told of a group, if this family is told too."""
        cells = self.counts[key[0]][key[1]]
        shown = [each for each in SYSTEMS[family] if each == family or key not in self.found[each]]
        secret = [(each, at) for each in list_guarded(family) for at in self._secrets(key, each)]
        return any(pair_cells.is_told(each, at, cells, shown) for each, at in secret)

    def _covers_nobody(self, key: Key) -> bool:
        """Whether hiding a row protects no group, since the total over the groups is known without it."""
        return self.total_known and (not key[0] or key[1] == (None,))

    def _secrets(self, key: Key, family: Family) -> tuple[int, ...]:
        return self.law.secrets(self.counts[key[0]][key[1]], family)

    def _guarded(self, keys: Sequence[Key], family: Family) -> Iterator[Secret]:
        """Secrets of everybody who has a group."""
        guarded = list_guarded(family)
        for key in keys:
            if self.page.four(key) is not None and None not in key[1]:
                for each in guarded:
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
        hidden = [s for s in secrets if s.key in found]
        targets, level = list(dict.fromkeys(s.key for s in told or hidden)), 0
        attacks = math.inf if family not in OF_PAIRS else TRIES[keys is not self.single]
        while level <= STRICTEST and attacks > 0:
            before, attacks = len(found), attacks - 1
            barred = {t: self._barred(family, level, t, relations, loss.keys() - still) for t in targets}
            choice = choose_hidden(Choice(keys, relations, targets, found, still, barred, loss), self.until)
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
            if four is None:
                return False
            told = family_cells(four, family)[: pair_cells.TOLD.get(family)]
            # Of two decisions one count may give way where another is 0, such as no gains beside losses.
            return not any(told) if family in {"changed", "lost_gained", "up_down"} else 0 in told
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
        """Hide every crossing that holds a secret, or of an attribute with hidden groups; all of two decisions."""
        found = self.found[family]
        if family in OF_PAIRS:
            found |= set(self.crossed)
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
            # Where all crossings of two decisions are hidden, that tells of none whether its counts are small.
            open_ = self._find_open(family, keys, relations, small_told=family not in OF_PAIRS)
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

    def _find_open(
        self, family: Family, keys: Sequence[Key], relations: Sequence[Relation], *, small_told: bool = True
    ) -> list[Secret]:
        """Secrets that are told by what is shown now."""
        secrets, known = tuple(self._guarded(keys, family)), self._count_without_pairs(family, keys, relations)
        page = replace(self.page, small_told=small_told)
        open_ = find_told(page, family, keys, relations, secrets, self.until, known)
        if not small_told or family not in OF_PAIRS:
            return open_
        bare = replace(self.page, small_told=False)
        if not open_:
            # What a group tells of itself excuses nothing that the numbers of others tell.
            return find_told(bare, family, keys, relations, secrets, self.until, known)
        # Which counts are small may tell others even where nothing of the family is shown. A reader is not told it.
        nothing = replace(self.page, hidden={**self.found, family: set(keys)})
        anyway = find_told(nothing, family, keys, relations, open_, self.until, known)
        still = find_told(bare, family, keys, relations, anyway, self.until, known)
        return [secret for secret in open_ if secret not in anyway or secret in still]

    def _count_without_pairs(
        self, family: Family, keys: Sequence[Key], relations: Sequence[Relation]
    ) -> Mapping[Secret, int]:
        """Return the values of secrets that have few where no count of two decisions is shown: no fewer may be left."""
        if family not in OF_PAIRS:
            return {}
        if len(keys) not in self.without_pairs:
            nothing = {**self.found, **dict.fromkeys(OF_PAIRS, frozenset(keys))}
            page = replace(self.page, hidden=nothing, small_told=False)
            secrets = tuple(self._guarded(keys, family))
            self.without_pairs[len(keys)] = count_values(page, family, keys, relations, secrets, self.until)
        return self.without_pairs[len(keys)]

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
