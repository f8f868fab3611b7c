"""Comparisons over all groups that are the same whatever a withheld group counts, within reason.

A gap between black and white, or its interval, says that a third group lies between them. So it is shown only where it
is the same for several values of what is withheld. Which values those are must not follow from the true one: the values
that a group may have, for what is shown of it and of which of its counts are small, are parted into blocks of three to
five, and the comparison is measured again for each value of the true block. Whoever sees it, or sees that it is
withheld, learns the block at most.

Must not: decide what else is hidden.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product

from audit.estimate import Estimate, Group, Stage
from audit.measurement.metrics.kinds import Family
from audit.report.disclosure.attack import VALUES
from audit.report.disclosure.searches import Searches
from audit.report.disclosure.small_cells import BELOW, By, Cells, Key, Law, by_label, by_prediction, family_cells

MOST_HIDDEN = 2
"""Groups of one grouping that are varied together; where more are hidden, no comparison of all is shown."""
TURNS = (1, -1, -1, 1)
"""How rows by label and prediction change where the sums by label and by prediction stay."""
Figures = Mapping[tuple[str, str | None, str | None], Estimate]
Fixed = tuple[tuple[Group, Cells], ...]


def is_steady(
    estimate: Estimate,
    family: Family,
    groups: Mapping[Group, Cells],
    hidden: Mapping[Family, Collection[Key]],
    law: Law,
    searches: Searches | None = None,
) -> bool:
    """Whether a comparison over all groups is the same for several values of each group that is hidden.

    Parameters
    ----------
    estimate
        A comparison that names no group by itself.
    family
        The counts behind its metric.
    groups
        Rows by label and prediction of each group.
    hidden
        Who is hidden, by family.
    law
        Which counts are small.
    searches
        What earlier searches came to.
    """
    gone = [g for g, four in groups.items() if (estimate.by, g) in hidden[family] and None not in g and any(four)]
    below = [f for f in BELOW[family] if f == "rows" or family == "confusion"]
    if family == "rows" or len(gone) > MOST_HIDDEN or any((estimate.by, g) in hidden[f] for g in gone for f in below):
        return False
    others = [list(list_alike(groups[group], family, law)) for group in gone]
    if any(len(each) < VALUES for each in others):
        return False
    question = ("steady", estimate, family, tuple(groups.items()), gone, law)
    return (searches or Searches()).decide(question, lambda: _is_the_same(estimate, groups, gone, others))


def _is_the_same(
    estimate: Estimate, groups: Mapping[Group, Cells], gone: Sequence[Group], others: Sequence[Sequence[Cells]]
) -> bool:
    """Whether a comparison stays with all counts that the hidden groups may have."""
    asked, sure = (estimate.metric, estimate.compare, estimate.outcome), estimate.confidence or 0.95
    for cells in product(*others):
        changed = {**groups, **dict(zip(gone, cells, strict=True))}
        if _measure(estimate.by, tuple(changed.items()), estimate.stage, sure).get(asked) != estimate:
            return False
    return True


def list_alike(four: Cells, family: Family, law: Law) -> Iterator[Cells]:
    """Rows by label and prediction with other counts of a family, of the block that holds the true ones.

    >>> list(list_alike((17, 9, 8, 77), "confusion", Law(10, labels_differ=True)))
    [(17, 9, 8, 77), (18, 8, 7, 78), (19, 7, 6, 79)]
    """
    if len(four) > len(TURNS):
        return
    counts = family_cells(four, family)
    signs = TURNS if family == "confusion" else (1, -1)
    small = law.secrets(four, family)
    low, high = -math.inf, math.inf
    for i, (n, sign) in enumerate(zip(counts, signs, strict=True)):
        least, most = _bound_count(n, law.k, small=i in small)
        ends = sorted((sign * (least - n), sign * (most - n)))
        low, high = max(low, ends[0]), min(high, ends[1])
    blocks = (int(high - low) + 1) // VALUES
    if not blocks:
        return
    at = min(-int(low) // VALUES, blocks - 1)
    first = int(low) + at * VALUES
    for step in range(first, int(high) + 1 if at == blocks - 1 else first + VALUES):
        yield _move(four, family, step)


def _bound_count(n: int, k: int, *, small: bool) -> tuple[float, float]:
    """Return between what a reader knows a count to lie: a secret is small, every other at least k, and 0 stays 0."""
    if n == 0:
        return 0, 0
    return (1, k - 1) if small else (k, math.inf)


def _move(four: Cells, family: Family, step: int) -> Cells:
    """The counts, one family of them changed; of labels and predictions alone the other is not looked at."""
    if family == "confusion":
        return tuple(n + sign * step for n, sign in zip(four, TURNS, strict=True))
    first, second = by_label(four) if family == "labels" else by_prediction(four)
    if family == "labels":
        return (first + step, 0, second - step, 0)
    return (first + step, second - step, 0, 0)


@lru_cache(maxsize=128)
def _measure(by: By, groups: Fixed, stage: Stage, confidence: float) -> Figures:
    """All comparisons over the groups of these counts, as a run measures them."""
    import numpy as np

    from audit.cube import from_cells
    from audit.measurement.measure import Scope, data_estimates, model_estimates

    outcomes = ("label",) if stage == "data" else ("label", "prediction")
    places = [(str(at // 2), str(at % 2))[: len(outcomes)] for at in range(len(TURNS))]
    filled = {(*group, *places[at]): n for group, four in groups for at, n in enumerate(four) if n}
    cube = from_cells((*by, *outcomes), list(filled), {"n": np.array(list(filled.values()))})
    scope = Scope(groups=by, intersections=len(by), confidence=confidence)
    found = data_estimates([cube], scope) if stage == "data" else model_estimates([cube], scope)
    return {
        (e.metric, e.compare, e.outcome): e for e in found if e.by == by and e.group is None and e.reference is None
    }
