"""What an exchanged identity changes: between less within, with intervals over templates.

Of each text the decision on the original, on the text with another identity (between) and on the text with another word
of the same identity (within) is known. What changes within is noise of wording: a template that reacts to any new word
reacts to a new name too. So the effect is a mean over texts of the difference, and texts of one template are one
observation.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from audit.measurement.inference.intervals import Floats, MeanOfUnits, bound_mean


class Effect(NamedTuple):
    """What the exchange of one group's words for another's changes."""

    texts: int
    templates: int
    between: float
    """Mean size of the change when the identity is exchanged; of yes or no, the share of decisions that change."""
    within: float
    """The same when another word of the same identity is put."""
    effect: MeanOfUnits
    """Between less within."""
    shift: MeanOfUnits
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
        effect=bound_mean(changed[0] - changed[1], template, tail),
        shift=bound_mean(between - within, template, tail),
    )
