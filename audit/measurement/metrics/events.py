"""Conditions on label and prediction: what a rate counts, and of whom.

Must not: import numpy before a mask is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

CELLS = (("TN", "FP"), ("FN", "TP"))
"""Names of the cells of label (rows 0, 1) by prediction (columns 0, 1)."""


@dataclass(frozen=True, slots=True)
class Event:
    """A condition on (label, prediction)."""

    text: str
    holds: Callable[[bool, bool], bool]

    def mask(self) -> npt.NDArray[np.bool_]:
        """Return a (2, 2) array, not to be written to: label by prediction."""
        return _mask(self.holds)


@cache
def _mask(holds: Callable[[bool, bool], bool]) -> npt.NDArray[np.bool_]:
    """Return the mask of a condition, asked of it once."""
    import numpy as np

    made = np.array([[holds(bool(y), bool(d)) for d in (0, 1)] for y in (0, 1)])
    made.flags.writeable = False
    return made


ANYBODY = Event("anybody", lambda _y, _d: True)
LABEL_POSITIVE = Event("label = 1", lambda y, _d: y)
LABEL_NEGATIVE = Event("label = 0", lambda y, _d: not y)
PREDICTED_POSITIVE = Event("prediction = 1", lambda _y, d: d)
PREDICTED_NEGATIVE = Event("prediction = 0", lambda _y, d: not d)
RIGHT = Event("prediction = label", lambda y, d: y == d)
WRONG = Event("prediction ≠ label", lambda y, d: y != d)
