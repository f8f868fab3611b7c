"""What compressed models cost and what their answers are compared with: the part of the document on resources.

A number that was not measured is None and has its reason, never 0. Files are named without their folders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from audit.record.energy import EnergyComponent


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorCount:
    """Operators of one kind that multiply weights, such as MatMul, and how many of them really are integer."""

    operator: str
    total: int
    """Operators of this kind in the graph that the engine runs."""
    integer: int
    """Of these, how many compute with integers."""
    stored_as_integer: int
    """Operators of this kind in the file whose weights are stored as integers, however they are computed."""
    runs_as: Mapping[str, int] = field(default_factory=dict)
    """Names in the graph that the engine runs, with how many there are of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Time of one call, seconds of a monotonic clock."""

    p50_s: float
    p95_s: float
    repetitions: int
    warm_up: int
    """Calls before the first one that was timed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnergy:
    """What the machine drew while a model answered again and again."""

    predictions: int
    """Rows that were answered meanwhile."""
    duration_s: float
    components: tuple[EnergyComponent, ...]
    """What each component drew, with its method; the whole machine, idle power included."""
    j_per_1000: float | None
    """Joules for 1,000 predictions: the sum of the components that have a reading; None where none has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolNoise:
    """Answers that differ between two passes of one model over the same rows, in another order and other batches."""

    rows: int
    changed: int
    batch: int
    """Rows a call of the first pass, whose answers are audited."""
    second_batch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelResources:
    """One model: its file, its operators, its time, its energy, and the noise of the tool."""

    name: str
    """Of the column of its answers."""
    file: str | None = None
    """Name of the file; None where only its answers were given."""
    digest: str | None = None
    """SHA-256 of its bytes, external weights included."""
    file_bytes: int | None = None
    zipped_bytes: int | None = None
    """The same bytes by DEFLATE at level 6, as zip and gzip do: what zeros save."""
    weights: int | None = None
    nonzero_weights: int | None = None
    """Weights that are not zero; a weight that is stored as an integer is zero at its zero point."""
    operators: tuple[OperatorCount, ...] = ()
    latency: Latency | None = None
    energy: CallEnergy | None = None
    noise: ToolNoise | None = None
    reason: str = ""
    """Why what is missing here was not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """Answers of one candidate that differ from the full model, among those of other seeds of the full recipe."""

    candidate: str
    rows: int
    churn: int
    """Answers that the candidate changes."""
    net_loss: int
    """Right answers lost less right answers gained; negative where more were gained."""
    seeds: Mapping[str, tuple[int, int]]
    """Churn and net loss of each seed."""
    churn_p: float
    """Share of the candidate and the seeds together that change at least as many answers; at least 1/(m+1)."""
    net_loss_p: float
    """The same for what is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Full model and candidates: what each costs, by which engine, and what retraining alone changes."""

    full: str
    """Name of the full model, the first of the models."""
    models: tuple[ModelResources, ...]
    engine: str | None = None
    """Name and version of what ran the models; None where nothing was run."""
    processor: str | None = None
    batch: int | None = None
    """Rows a call."""
    threads: int | None = None
    retraining: tuple[Retraining, ...] = ()
