"""How a group's raw value is written: the same words whatever file, frame or engine it came from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from audit.estimate import Level


def level_text(value: Any, bands: Sequence[str] | None = None) -> Level:
    """Name of a raw value; None for a missing one, and the band's name where the value is a band's number."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if bands is not None:
        return bands[int(value)]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def band_texts(edges: Sequence[float]) -> tuple[str, ...]:
    """Names of the bands between edges, the open ones at both ends included.

    >>> band_texts((18, 25))
    ('[-inf, 18)', '[18, 25)', '[25, inf)')
    """
    ends = ["-inf", *(f"{e:.12g}" for e in edges), "inf"]
    return tuple(f"[{low}, {high})" for low, high in pairwise(ends))
