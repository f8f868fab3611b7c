"""What a training run says of its groups, epoch by epoch, and the curves that follow.

While a run is audited, ``EVENHAND_RUN`` names the folder that it writes to; training adds one line of counts to a file
in it after every epoch. Must not: stop the training, whatever becomes of the file; import torch; measure.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from audit.axes import LABEL, PREDICTION
from audit.errors import QuestionError, printable
from audit.estimate import Estimate
from audit.measurement.estimates import Estimates
from audit.record.cubes import CubeRecord, record_cube, to_cube
from audit.record.serialize import make_adapter, to_plain
from audit.system.environment import RUN

if TYPE_CHECKING:
    from audit.cube import Cube

FILE: Final = "epochs.jsonl"
LARGEST_BYTES = 64 * 1024 * 1024
MOST_NOTES, LONGEST_NAME = 20, 80
MOST_DRAWN = 40
"""Epochs of a part whose rates are published; with more, an even choice of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """Counts of one part of the data after one epoch of training. read = used + the sum of excluded."""

    number: int
    part: str
    counts: CubeRecord | None
    """Groups x label x prediction; None in what is published, which has the rates instead."""
    rows_read: int
    rows_excluded: Mapping[str, int] = field(default_factory=dict)
    every: int = 1
    """Only the first of so many steps was counted; 1 where all were."""
    rates: tuple[Estimate, ...] = ()

    def measured(self, confidence: float = 0.95) -> Estimates:
        """Return the rates of everybody and of each group, with intervals and n."""
        if self.counts is None:
            return Estimates.listed(self.rates)
        return measure_rates(self, confidence)


def make_epoch(
    number: int, part: str, decided: Cube, *, rows_read: int, rows_excluded: Mapping[str, int], every: int = 1
) -> Epoch:
    """Record of an epoch.

    Raises
    ------
    QuestionError
        When the number is no whole number from 0 on, or the part has no name.
    """
    if type(number) is not int or number < 0:
        raise QuestionError(f"epoch is {printable(number)}; give a whole number, 0 or more")
    if not str(part).strip() or len(str(part)) > LONGEST_NAME:
        raise QuestionError(f"part is {printable(part)}; name the rows that were counted, such as validation")
    counts = record_cube(f"epoch: {' x '.join(decided.names)}", decided)
    return Epoch(
        number=number,
        part=str(part),
        counts=counts,
        rows_read=rows_read,
        rows_excluded=dict(rows_excluded),
        every=every,
    )


def log_epoch(epoch: Epoch, folder: str | None = None) -> bool:
    """Add a line to the file of the run that is being audited; whether it was added.

    Outside an audit nothing is written. A file that cannot be written costs one line on stderr, never the training.

    Parameters
    ----------
    folder
        Of the run; that of the training around, or ``EVENHAND_RUN``, where none is given.
    """
    from audit.system.current_run import find_folder_here

    folder = folder or find_folder_here() or os.environ.get(RUN)
    if not folder:
        return False
    # The leading line end parts this line from one that was torn.
    line = f"\n{json.dumps(to_plain(epoch), ensure_ascii=True, allow_nan=False)}\n".encode()
    try:
        _append_line(Path(folder) / FILE, line)
    except OSError as error:
        said = f"audit: epoch {epoch.number} of {printable(epoch.part)} is not kept: {error.strerror}; training goes on"
        print(said, file=sys.stderr, flush=True)  # noqa: T201 - there is nobody else to say it
        return False
    return True


def _append_line(path: Path, line: bytes) -> None:
    """Add a line in one write, or raise."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        if os.write(descriptor, line) != len(line):
            raise OSError(0, "only a part of the line could be written (is the disk full?)")
    finally:
        os.close(descriptor)


def read_epochs(folder: Path) -> tuple[tuple[Epoch, ...], tuple[str, ...]]:
    """Read the epochs that a run logged, by part and number, and what is to be said of them; never raise.

    Of an epoch that was logged again, as after a restart, the later stands.
    """
    from audit.system import strict_json

    path = folder / FILE
    if not path.exists():
        return (), ()
    try:
        lines = strict_json.read_text(path, LARGEST_BYTES).split("\n")
    except (OSError, ValueError) as error:
        return (), (f"the epochs that training logged cannot be read: {printable(error, 160)}",)
    notes: list[str] = []
    found: dict[tuple[str, int], Epoch] = {}
    for at, line in enumerate(lines):
        if not line.strip():
            continue
        epoch = _read_line(line)
        if epoch is None:
            cut = at == len(lines) - 1
            notes.append(f"line {at + 1} of {FILE} is {'cut off' if cut else 'not an epoch'} and was excluded")
            continue
        if (epoch.part, epoch.number) in found:
            notes.append(f"epoch {epoch.number} of {printable(epoch.part)} was logged again; the later one stands")
        found[epoch.part, epoch.number] = epoch
    parts = list(dict.fromkeys(part for part, _ in found))
    return tuple(found[key] for key in sorted(found, key=lambda k: (parts.index(k[0]), k[1]))), _limit_notes(notes)


def _limit_notes(notes: list[str]) -> tuple[str, ...]:
    unlike = list(dict.fromkeys(notes))
    more = len(unlike) - MOST_NOTES
    return tuple(unlike if more <= 0 else [*unlike[:MOST_NOTES], f"and {more} more of this kind"])


def _read_line(line: str) -> Epoch | None:
    """Read the epoch of a line; None where it is none."""
    from audit.system import strict_json

    try:
        strict_json.read_value(line)
        epoch: Epoch = make_adapter(Epoch).validate_json(line, strict=True)
    except (ValueError, RecursionError):
        return None
    if epoch.counts is not None and not epoch.rates and _is_possible(epoch, epoch.counts):
        return epoch
    return None


def _is_possible(epoch: Epoch, record: CubeRecord) -> bool:
    """Return whether counts can be what they say: whole numbers in cells that there are, as many as there were rows."""
    names = [axis.name for axis in record.axes]
    shape = [len(axis.levels) for axis in record.axes]
    n = record.measures.get("n", ())
    right = names[-2:] == [LABEL, PREDICTION] and len(names) > 2 and set(record.measures) == {"n"}
    inside = len(n) == len(record.cells) == len(set(record.cells)) and all(
        len(cell) == len(shape) and all(0 <= i < size for i, size in zip(cell, shape, strict=True))
        for cell in record.cells
    )
    whole = all(value > 0 and float(value).is_integer() for value in n)
    unique = len(set(names)) == len(names) and all(len(set(a.levels)) == len(a.levels) for a in record.axes)
    return right and inside and whole and unique and epoch.number >= 0 and epoch.every >= 1


def find_faults(epoch: Epoch) -> Iterator[str]:
    """Yield why the record of an epoch cannot be one, in words."""
    if epoch.counts is None or epoch.rates or not _is_possible(epoch, epoch.counts):
        yield f"epochs: epoch {epoch.number} of {printable(epoch.part)} holds no counts that a training could have made"
        return
    counted = int(sum(epoch.counts.measures["n"]))
    if epoch.rows_read != counted + sum(epoch.rows_excluded.values()):
        yield (
            f"epochs: epoch {epoch.number} of {printable(epoch.part)} read {epoch.rows_read:,} rows, "
            f"and counts and exclusions make {counted + sum(epoch.rows_excluded.values()):,}"
        )


def choose_epochs(epochs: Sequence[Epoch], most: int = MOST_DRAWN) -> list[Epoch]:
    """Choose at most so many epochs of each part, evenly spaced, the first and the last among them."""
    found: list[Epoch] = []
    for part in dict.fromkeys(epoch.part for epoch in epochs):
        every = [epoch for epoch in epochs if epoch.part == part]
        steps = min(most, len(every)) - 1
        found += [every[round(i * (len(every) - 1) / max(steps, 1))] for i in range(steps + 1)]
    return found


def list_groups(epoch: Epoch) -> tuple[str, ...]:
    """List the attributes by which an epoch was counted."""
    if epoch.counts is None:
        return ()
    return tuple(axis.name for axis in epoch.counts.axes[:-2])


def measure_rates(epoch: Epoch, confidence: float = 0.95, by: Iterable[tuple[str, ...]] | None = None) -> Estimates:
    """Measure the rates of everybody and of each group after an epoch, from its counts.

    Parameters
    ----------
    confidence
        How sure every interval is.
    by
        Groupings; everybody and each attribute by itself where none are given.
    """
    if epoch.counts is None or not epoch.counts.cells:
        return Estimates()
    from audit.measurement.epochs import measure_epoch

    return measure_epoch(to_cube(epoch.counts), list_groups(epoch), confidence, by)


def make_environment(folder: Path, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a training that logs its epochs to the folder of a run."""
    return {**(os.environ if base is None else base), RUN: str(folder.absolute())}
