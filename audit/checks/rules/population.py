"""DB002: shares of groups that are not those of the population the model will meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from audit.checks.check import FALSE_ALARM, CheckKind
from audit.checks.code import fill
from audit.checks.part import OpenPart, chance, name_group, share
from audit.errors import printable
from audit.measurement.dataset.distances import ROUNDING
from audit.measurement.grouping import Grouping, grouping
from audit.measurement.inference.contingency import Fit, fit
from audit.record.result import Check

VARIATION = 0.05
"""Total variation that matters: one person in twenty would have to be of another group."""
UNDER = 0.8
"""Share in the data over share in the population that matters, however small the group."""
FAR = "{group} is {here} of {part} and {there} of the population"
STRANGE = "{group} occurs in {part} and has no share in the population of {column}"


def _find_distance(looked: OpenPart) -> Iterator[Check]:
    population = looked.config.data.reference
    if not population and looked.train is None:
        yield CHECK.unanswered(looked.part, "not applicable", "no population is set ([data.reference])")
    for column, shares in population.items():
        found = grouping(looked.counted.cubes, (column,), {})
        why = _reason_against(found, shares)
        if why:
            yield CHECK.unanswered(looked.part, "undefined", why, columns=(column,))
        else:
            yield _compare_shares(found, looked.part, column, shares, len(population))


def _reason_against(found: Grouping, shares: Mapping[str, float]) -> str:
    """Return why nothing can be compared; empty where it can."""
    nameless = next((level for (level,) in found.groups if str(level) not in shares), None)
    if nameless is not None:
        return f"no share of the population is set for '{printable(nameless)}'"
    if abs(sum(shares.values()) - 1) > ROUNDING:
        return f"the shares of the population add up to {sum(shares.values()):.6g}, not to 1"
    return "" if found.sizes()[0].sum() > 0 else "no row has a group"


def _compare_shares(found: Grouping, part: str, column: str, shares: Mapping[str, float], looks: int) -> Check:
    names = [*(str(level) for (level,) in found.groups)]
    names += [level for level, of in shares.items() if of > 0 and level not in names]
    expected = np.array([shares[name] for name in names])
    expected = expected / expected.sum()
    own, own_squares = found.sizes()
    weights = np.zeros((len(names), own.shape[1]))
    squares = np.zeros((len(names), own_squares.shape[1]))
    weights[: len(found.groups)], squares[: len(found.groups)] = own, own_squares
    here = weights.sum(axis=1) / weights.sum()
    intruder = next((n for n, e, s in zip(names, expected, here, strict=True) if e <= 0 < s), None)
    if intruder is not None:
        title = fill(STRANGE, part, group=name_group(column, intruder), column=printable(column))
        return CHECK.found(part, columns=(column,), title=title)
    tested = _test_distance(found, weights, squares, expected)
    if tested is None:
        why = "there is one group only, or too few separate people"
        return CHECK.unanswered(part, "undefined", why, columns=(column,))
    ratio = np.where(expected > 0, here / np.where(expected > 0, expected, 1), 1.0)
    worst, variation = int(np.argmin(ratio)), float(np.abs(here - expected).sum() / 2)
    said = {"group": name_group(column, names[worst]), "here": share(here[worst]), "there": share(expected[worst])}
    detail = f"{share(variation)} of rows would have to change group to match it ({chance(tested.p_value)})"
    wide = variation >= VARIATION or ratio[worst] < UNDER
    if wide and tested.p_value * looks <= FALSE_ALARM:
        return CHECK.found(part, detail, columns=(column,), **said)
    return CHECK.passed(part, f"{fill(FAR, part, **said)}; {detail}", columns=(column,))


def _test_distance(found: Grouping, weights: np.ndarray, squares: np.ndarray, expected: np.ndarray) -> Fit | None:
    possible = expected > 0
    if possible.sum() < 2:
        return None
    plain = "w" not in found.counts and not found.folded
    return fit(weights[possible], squares[possible], expected[possible], plain=plain, folds=found.folded)


CHECK = CheckKind(
    code="DB002",
    name="Group shares against the population",
    passes=("Shares of {columns} are close to the population's{in_part}",),
    finds=(FAR, STRANGE),
    plain="Shares of {columns} in {part} differ from the population's",
    reason="models fit small groups worst, and averages hide it",
    reference="Buolamwini and Gebru (2018), PMLR 81:77",
    mend="Collect more rows of the under-represented groups, or weight rows to the population ([data] weight).",
    find=_find_distance,
)
