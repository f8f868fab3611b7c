"""What of a difference over groups is noise: printed beside it, and never in a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from audit.estimate import Group
from audit.measurement.inference.effective import Sample
from audit.measurement.inference.spread import spread

MOST_GROUPS = 50
"""Beyond, the floor would cost more than the audit, and nobody reads it."""
METHODS = {
    "noise_floor": "mean gap of equal groups of these sizes",
    "noise_corrected_difference": "sqrt(max(0, gap^2 - floor^2)), corrected for noise, not unbiased",
    "between_group_variance": "unbiased and signed; at or below 0 there is no spread beyond noise",
}


def noise_of(sample: Sample, groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Fields of the estimates that say how much of a gap equal groups would show."""
    if not 2 <= len(groups) <= MOST_GROUPS or not sample.measured.all():
        return []
    found = spread(sample.p, sample.n, r=sample.r)
    values = (found.floor, found.corrected, found.variance)
    pair = (groups[int(np.argmin(sample.p))], groups[int(np.argmax(sample.p))])
    return [
        {"compare": compare, "value": value, "pair": pair, "method": method}
        for (compare, method), value in zip(METHODS.items(), values, strict=True)
        if value is not None
    ]
