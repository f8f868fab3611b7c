"""What a drill has finished so far, kept in the folder of the run, so that one that was stopped goes on.

Must not: hold anything that a second drill of the same record would not find again to the byte.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit.faults.found import VERDICTS, Tally
from audit.system import strict_json
from audit.system.atomic import write_text

PART = "drill.part.json"
EVERY_S = 1.0
"""Between two writings; a drill that is killed loses no more than this."""
LARGEST_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Kept:
    """Finished cells by their keys."""

    file: Path
    question: Mapping[str, Any]
    """What was drilled; cells of another question are not taken."""
    cells: dict[str, list[Tally]] = field(default_factory=dict)
    written: float = 0.0
    """When the file was last written, by a clock that only goes forward."""

    @classmethod
    def open(cls, folder: Path, question: Mapping[str, Any]) -> Kept:
        """Return what an earlier drill of the same question finished; nothing where there is none that can be read.

        Parameters
        ----------
        folder
            Of the run.
        question
            What every cell depends on beside its own key: the record, the number of copies, the seed and the version.
        """
        kept = cls(folder / PART, question)
        try:
            raw = strict_json.read_value(strict_json.read_text(kept.file, LARGEST_BYTES))
            if raw["question"] == dict(question):
                kept.cells = {key: [_read(one) for one in tallies] for key, tallies in raw["cells"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            kept.cells = {}
        return kept

    def add(self, key: str, tallies: list[Tally]) -> None:
        """Keep a finished cell; the file is written at most once in `EVERY_S` seconds."""
        self.cells[key] = tallies
        if time.monotonic() - self.written >= EVERY_S:
            self.write()

    def write(self) -> None:
        """Write what is finished, all of it or as it was.

        Raises
        ------
        StoreError
            When the folder of the run cannot be written.
        """
        cells = {key: [[one.value, *one.counts] for one in tallies] for key, tallies in self.cells.items()}
        text = json.dumps({"question": dict(self.question), "cells": cells}, allow_nan=False)
        write_text(self.file, text)
        self.written = time.monotonic()

    def remove(self) -> None:
        """Remove the file, once the drill is written."""
        self.file.unlink(missing_ok=True)


def _read(one: Sequence[Any]) -> Tally:
    value, *counts = one
    if len(counts) != len(VERDICTS) or not all(type(n) is int and n >= 0 for n in counts):
        raise ValueError("a cell is no tally")
    fails, passes, inconclusive, undefined, refused = counts
    return Tally(None if value is None else float(value), (fails, passes, inconclusive, undefined, refused))
