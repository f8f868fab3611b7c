"""What an exchanged identity changes: between less within, with intervals over templates.

Of each text the decision on the original, on the text with another identity (between) and on the text with another word
of the same identity (within) is known. What changes within is noise of wording: a template that reacts to any new word
reacts to a new name too. So the effect is a mean over texts of the difference, and texts of one template are one
observation.

Must not: read rows, or know a limit.

References
----------
Cochran (1977), Sampling Techniques, section 9A.2 (ratio to size: means of clusters of unequal size).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from audit.measurement.inference.intervals import quantile

Floats = npt.NDArray[np.float64]


class Mean(NamedTuple):
    """A mean over texts with its interval over templates."""

    value: float
    low: float | None
    high: float | None
    reason: str = ""
    """Why it has no interval, where it has none."""


class Effect(NamedTuple):
    """What the exchange of one group's words for another's changes."""

    texts: int
    templates: int
    between: float
    """Mean size of the change when the identity is exchanged; of yes or no, the share of decisions that change."""
    within: float
    """The same when another word of the same identity is put."""
    effect: Mean
    """Between less within."""
    shift: Mean
    """Mean decision with the other identity less that with another word of the same one."""


def measure_effect(
    original: Floats, between: Floats, within: Floats, template: npt.NDArray[np.intp], tail: float
) -> Effect:
    """Return what an exchange changes.

    Parameters
    ----------
    original, between, within
        Shape (n,): decision on each text of each arm, 0 or 1 or a number.
    template
        Shape (n,): number of the template of each text.
    tail
        Error on each side of an interval.
    """
    changed = np.abs(between - original), np.abs(within - original)
    return Effect(
        texts=len(original),
        templates=len(np.unique(template)),
        between=float(changed[0].mean()),
        within=float(changed[1].mean()),
        effect=mean_over_templates(changed[0] - changed[1], template, tail),
        shift=mean_over_templates(between - within, template, tail),
    )


def mean_over_templates(values: Floats, template: npt.NDArray[np.intp], tail: float) -> Mean:
    """Return the mean over texts, with Student's t interval over templates.

    >>> mean_over_templates(np.array([1.0, 0.0, 1.0, 0.0]), np.array([0, 0, 1, 1]), 0.025).reason
    'the templates do not differ'
    """
    value = float(values.mean())
    _, at = np.unique(template, return_inverse=True)
    sums, sizes = np.bincount(at, weights=values), np.bincount(at)
    count = len(sums)
    if count < 2:
        return Mean(value, None, None, "one template")
    # Linearised variance of a ratio of two sums over templates (Cochran 1977, 9A.2).
    variance = count / (count - 1) * float(((sums - value * sizes) ** 2).sum()) / len(values) ** 2
    if variance <= 1e-24:
        return Mean(value, None, None, "the templates do not differ")
    reach = float(quantile(tail, np.array([count - 1.0]))[0]) * math.sqrt(variance)
    return Mean(value, value - reach, value + reach)
