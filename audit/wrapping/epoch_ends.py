"""A tally that a framework's hooks close after every epoch."""

from __future__ import annotations

from typing import Any

from audit.errors import words_of
from audit.wrapping.safely import LONGEST, say


class EpochEnds:
    """Ends the epochs of a tally such as `audit.torch.GroupTally`; what breaks in it is a line on stderr.

    Parameters
    ----------
    tally
        Anything with ``epoch(number, part=...)``, or None. On every rank it is asked, as tables of ranks are added.
    """

    def __init__(self, tally: Any) -> None:
        self._tally = tally

    def begin(self) -> None:
        """Forget rows of before: of a sanity check, or of an evaluation that belongs to no epoch."""
        reset = getattr(self._tally, "reset", None)
        if reset is not None:
            self._safely(reset)

    def end(self, number: int) -> None:
        """End an epoch of the validation, counted from 0."""
        if self._tally is not None:
            self._safely(lambda: self._tally.epoch(number, part="validation"))

    @staticmethod
    def _safely(work: Any) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - what breaks in the auditor never reaches the training
            say(f"audit: the groups of an epoch are not counted: {words_of(error, LONGEST)}; training goes on")
