"""Counts of the same rows in several cubes: what they share must be the same in all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from audit.axes import FOLD, LABEL, NEGATIVE, POSITIVE, CubeKind
from audit.cube import Cube
from audit.errors import printable
from audit.pipeline.verification.counts import kinds_of
from audit.record.cubes import COUNTED_PARTS, CubeRecord, name_cube
from audit.record.result import AuditResult

SAME_ROWS = (CubeKind.CROSSINGS, CubeKind.STRATA, CubeKind.DECIDED, CubeKind.SCORES, CubeKind.ORDERED_PAIRS)
"""Kinds that hold every row of their part, those without a group too."""
ROWS = ("n", "w", "w2")
"""Measures of the rows themselves; any other may be summed from another origin."""
TOLERANCE = 1e-9
FOR_INTERVALS = re.compile(r"_w2x?$|(?:^|_)w4$")


def is_loose(record: CubeRecord) -> bool:
    """Return whether some cells of a cube are in no other one: those of lists, and of numbers by their size."""
    if record.kind is CubeKind.SCORES:
        return all(axis.name != LABEL for axis in record.axes)
    return record.kind in {CubeKind.LISTS, CubeKind.GAINS, CubeKind.PLACES}


def sums_for_intervals(record: CubeRecord) -> tuple[str, ...]:
    """Return sums with powers of weights, which intervals alone need; with folds of a unit hardly any is used."""
    return tuple(name for name in record.measures if FOR_INTERVALS.search(name))


def margins_amiss(result: AuditResult) -> Iterator[str]:
    """Yield cubes whose sums over what they share are not the same, and folds that are none."""
    for part in COUNTED_PARTS:
        kinds = kinds_of(result, part)
        for cube in kinds.get(CubeKind.ORDERED_PAIRS, ()):
            if not _do_pairs_add_up(cube):
                yield f"cubes: the ordered pairs of {part} are incomplete: '{printable(' x '.join(cube.names))}'"
        cubes = [(kind, cube) for kind in SAME_ROWS for cube in kinds.get(kind, ())]
        yield from (f"cubes: a fold of {part} is no number" for _, cube in cubes if not _has_numbered_folds(cube))
        for at, (kind, cube) in enumerate(cubes):
            if any(_is_in_conflict(cube, other) for _, other in cubes[:at]):
                named = name_cube(part, kind, [printable(" x ".join(cube.names))])
                yield f"cubes: '{named}' has other rows than the cubes before it"


def _do_pairs_add_up(cube: Cube) -> bool:
    """Return whether pairs won by positives and the rest are all pairs of a group."""
    rows, below = (cube["w"] if "w" in cube.measures else cube["n"]), cube["below"]
    if LABEL not in cube.names or cube.axis(LABEL).levels != (NEGATIVE, POSITIVE):
        return True
    at = cube.names.index(LABEL)
    every = np.prod(rows, axis=at, dtype=float)
    return bool(np.allclose(below.sum(axis=at), every, rtol=TOLERANCE, atol=TOLERANCE)) and _do_above_add_up(cube, at)


def _do_above_add_up(cube: Cube, label: int) -> bool:
    """Return whether each pair of rows stands one way round: of two labels once, of one label half each way.

    Negatives have no precision, and rows that lack a group have nobody above them.
    """
    if not {"precision", "negatives_above", "positives_above"} <= set(cube.measures):
        return True
    if np.take(cube["precision"], 0, axis=label).any():
        return False
    whole = [cube[m].sum() for m in ("negatives_above", "positives_above")]
    for name in cube.names[:-1]:
        cube = cube.drop(name, None)
    at = tuple(range(len(cube.names) - 1))
    above = np.stack([cube[m].sum(axis=at) for m in ("negatives_above", "positives_above")], axis=-1)
    if not np.allclose(above.sum(axis=0), whole, rtol=TOLERANCE, atol=TOLERANCE):
        return False
    rows = (cube["w"] if "w" in cube.measures else cube["n"]).sum(axis=at).astype(float)
    return bool(np.allclose(above + above.T, np.outer(rows, rows), rtol=TOLERANCE, atol=TOLERANCE))


def _has_numbered_folds(cube: Cube) -> bool:
    return FOLD not in cube.names or all((level or "").isdigit() for level in cube.axis(FOLD).levels)


def _is_in_conflict(one: Cube, other: Cube) -> bool:
    shared = [name for name in one.names if name in other.names]
    measures = [m for m in ROWS if m in one.measures and m in other.measures]
    return any(not _is_same(_sum_margin(one, shared, m), _sum_margin(other, shared, m)) for m in measures)


def _sum_margin(cube: Cube, names: list[str], measure: str) -> Mapping[tuple[Any, ...], float]:
    """Sum of a measure by the levels of some axes, where there are rows."""
    kept = cube.keep(*names) if names else cube.over(*cube.names)
    at = np.argwhere(kept["n"] > 0) if names else np.zeros((1, 0), dtype=np.intp)
    levels = [a.levels for a in kept.axes]
    return {tuple(levels[i][j] for i, j in enumerate(cell)): float(kept[measure][tuple(cell)]) for cell in at}


def _is_same(one: Mapping[tuple[Any, ...], float], other: Mapping[tuple[Any, ...], float]) -> bool:
    if one.keys() != other.keys():
        return False
    pairs = np.array([(one[key], other[key]) for key in one], dtype=float).reshape(-1, 2)
    return bool(np.allclose(pairs[:, 0], pairs[:, 1], rtol=TOLERANCE, atol=TOLERANCE))
