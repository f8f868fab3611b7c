"""DB002: shares of groups that are not those of the population the model will meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from audit.checks.check import FALSE_ALARM, CheckKind
from audit.checks.part import OpenPart, chance, group
from audit.errors import printable
from audit.measurement.dataset.distances import ROUNDING
from audit.measurement.grouping import Grouping, grouping
from audit.measurement.inference.contingency import Fit, fit
from audit.record.result import Check

VARIATION = 0.05
"""Total variation that matters: one person in twenty would have to be of another group."""
UNDER = 0.8
"""Share in the data over share in the population that matters, however small the group."""


def _find_distance(looked: OpenPart) -> Iterator[Check]:
    population = looked.config.data.reference
    if not population and looked.train is None:
        about = f"groups of {looked.part} have the shares of the population"
        yield CHECK.outcome("not applicable", "no population is named ([data.reference])", about=about)
    for column, shares in population.items():
        about = f"{printable(column)} has the shares of the population in {looked.part}"
        found = grouping(looked.counted.cubes, (column,), {})
        why = _reason_against(found, shares)
        if why:
            yield CHECK.outcome("undefined", why, about=about)
        else:
            yield _compare_shares(found, column, shares, about, len(population))


def _reason_against(found: Grouping, shares: Mapping[str, float]) -> str:
    """Return why nothing can be compared; empty where it can."""
    nameless = next((level for (level,) in found.groups if str(level) not in shares), None)
    if nameless is not None:
        return f"the population names no share for {printable(nameless)}"
    if abs(sum(shares.values()) - 1) > ROUNDING:
        return f"the shares of the population sum to {sum(shares.values()):.6g}, not to 1"
    return "" if found.sizes()[0].sum() > 0 else "nobody is in any group"


def _compare_shares(found: Grouping, column: str, shares: Mapping[str, float], about: str, looks: int) -> Check:
    names = [*(str(level) for (level,) in found.groups)]
    names += [level for level, share in shares.items() if share > 0 and level not in names]
    expected = np.array([shares[name] for name in names])
    expected = expected / expected.sum()
    weights, squares = (np.zeros((len(names), x.shape[1])) for x in found.sizes())
    weights[: len(found.groups)], squares[: len(found.groups)] = found.sizes()
    share = weights.sum(axis=1) / weights.sum()
    intruder = next((n for n, e, s in zip(names, expected, share, strict=True) if e <= 0 < s), None)
    if intruder is not None:
        return CHECK.outcome("warn", f"{group(column, intruder)} has no share in the population", about=about)
    tested = _test_distance(found, weights, squares, expected)
    if tested is None:
        why = "one group only, or the folds of the unit are too few or all alike"
        return CHECK.outcome("undefined", why, about=about)
    ratio = np.where(expected > 0, share / np.where(expected > 0, expected, 1), 1.0)
    worst, variation = int(np.argmin(ratio)), float(np.abs(share - expected).sum() / 2)
    detail = (
        f"{group(column, names[worst])} is {share[worst]:.1%} here and {expected[worst]:.1%} there; "
        f"total variation {variation:.3f} ({chance(tested.p_value)})"
    )
    wide = variation >= VARIATION or ratio[worst] < UNDER
    return CHECK.outcome("warn" if wide and tested.p_value * looks <= FALSE_ALARM else "pass", detail, about=about)


def _test_distance(found: Grouping, weights: np.ndarray, squares: np.ndarray, expected: np.ndarray) -> Fit | None:
    possible = expected > 0
    if possible.sum() < 2:
        return None
    plain = "w" not in found.counts and not found.folded
    return fit(weights[possible], squares[possible], expected[possible], plain=plain, folds=found.folded)


CHECK = CheckKind(
    code="DB002",
    title="groups have the shares of the population",
    reason="who is rare in the data is learned worst, and every average speaks of the others",
    reference="Buolamwini and Gebru (2018), PMLR 81:77",
    mend="collect more of them, or weight rows to the population ([data] weight)",
    find=_find_distance,
)
