"""What a drill found: the document that lies beside the record of the run whose limits were drilled.

It holds shares and sizes, never rows. It belongs to one record, whose digest it names; beside another it is not read.
Must not: import numpy, plant, or judge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from audit.errors import StoreError, printable
from audit.estimate import Group, Stage
from audit.record.result import DOCUMENT, GateVerdict
from audit.record.serialize import make_adapter, to_lines, to_plain
from audit.system import strict_json

DRILL = "drill.json"
SCHEMA: Final = "audit-drill/1"
LARGEST_BYTES = 64 * 1024 * 1024
FOUND_SHARE = 0.8
"""Share of copies in which a limit has to fail for a fault to be found."""
QUIET_SHARE = 0.05
"""Share of copies without a fault in which a limit that passes may fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One size of a fault: how a limit was decided in each copy."""

    size: float
    """Share of what the fault says, or an amount in the units of the score; 0 without a fault."""
    value: float | None
    """What the limit reads where exactly this share is hit, in its own unit; None where that is undefined."""
    fails: int
    passes: int
    inconclusive: int
    undefined: int
    refused: int = 0
    """Copies that the audit refuses to judge: exit code 2, with an error that says what is wrong."""
    low: float
    """Wilson interval (95%) of the share of copies in which it fails."""
    high: float

    @property
    def copies(self) -> int:
        """Return how many copies were judged."""
        return self.fails + self.passes + self.inconclusive + self.undefined + self.refused

    @property
    def share(self) -> float:
        """Return the share of copies in which the limit fails."""
        return self.fails / self.copies if self.copies else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One fault in one place, by its size."""

    fault: str
    by: tuple[str, ...]
    group: Group
    """Where it was planted; empty of all rows."""
    planted_in: Literal["counts", "rows"]
    points: tuple[Point, ...]
    """Sizes above 0, rising."""
    found_from: float | None
    """Least size from which the limit fails in enough copies, at this and every larger size; None where at none."""
    sentence: str

    @property
    def found_at(self) -> Point | None:
        """Return the point of the least size that is found."""
        return next((point for point in self.points if point.size == self.found_from), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """What a reader has to know before they rely on a limit."""

    kind: Literal["fails_already", "fails_without_fault", "finds_nothing", "blind_spots"]
    mark: str
    """Some words that stand beside the limit where its sentences are folded."""
    sentence: str = ""
    """Empty where the sentence of the limit says it; then no mark is shown either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrilledGate:
    """One limit: what it says without a fault, and which faults it finds."""

    name: str
    stage: Stage
    metric: str
    compare: str | None
    by: tuple[str, ...]
    min: float | None = None
    max: float | None = None
    verdict: GateVerdict
    """On the data as they are, before any waiver."""
    without_fault: Point | None
    """None where the limit could not be drilled."""
    curves: tuple[Curve, ...]
    sentence: str
    warnings: tuple[Caution, ...] = ()
    reason: str = ""
    """Why it could not be drilled, or not by every fault."""

    @property
    def limit(self) -> float | None:
        """Return the one bound that there is."""
        return self.max if self.max is not None else self.min


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A fault that was asked for, wherever it could be planted."""

    fault: str
    sizes: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """All limits of one run, drilled."""

    run: str
    """Id of the run."""
    audit: str
    """SHA-256 of its audit.json."""
    version: str
    """Of evenhand."""
    seeds: int
    """Copies of each size."""
    seed: int
    faults: tuple[Asked, ...]
    found_share: float = FOUND_SHARE
    gates: tuple[DrilledGate, ...]
    notes: tuple[str, ...] = ()
    schema: Literal["audit-drill/1"] = SCHEMA

    def to_json(self) -> str:
        """Return strict JSON, ``schema`` first, a line for each limit."""
        plain: dict[str, Any] = to_plain(self)
        return "\n".join(to_lines({"schema": plain.pop("schema"), **plain}))


def digest_document(folder: Path) -> str:
    """Return the SHA-256 of the record in a folder."""
    try:
        return f"sha256:{hashlib.sha256((folder / DOCUMENT).read_bytes()).hexdigest()}"
    except OSError as error:
        raise StoreError(f"'{printable(folder / DOCUMENT, 200)}' cannot be read: {error.strerror}") from error


def read_drill(folder: Path) -> Drill | None:
    """Return the drill that belongs to the record in a folder; None where none lies there, or one of another record.

    Raises
    ------
    StoreError
        When a drill.json lies there that no drill wrote.
    """
    file = folder / DRILL
    if not file.is_file() or not (folder / DOCUMENT).is_file():
        return None
    try:
        text = strict_json.read_text(file, LARGEST_BYTES)
        raw = strict_json.read_value(text)
        found = _read(raw, text)
    except (ValueError, RecursionError, OSError) as error:
        shown = printable(file, 200)
        raise StoreError(f"'{shown}' is not a drill: {printable(error, 160)}; run audit drill again") from error
    return found if found.audit == digest_document(folder) else None


def _read(raw: Mapping[str, Any], text: str) -> Drill:
    if not isinstance(raw, dict) or raw.get("schema") != SCHEMA:
        raise ValueError(f"its schema is not {SCHEMA}")
    drill: Drill = make_adapter(Drill).validate_json(text, strict=True)
    return drill
