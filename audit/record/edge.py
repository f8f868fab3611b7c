"""What compressed models cost and what their answers are compared with: the part of the document on resources.

A number that was not measured is None and has its reason, never 0. Files are named without their folders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from audit.estimate import Group
from audit.record.energy import EnergyComponent

EDGE = "edge."
"""How the names of verdicts on a compressed model begin, among those of limits."""
GateVerdict = Literal["pass", "fail", "insufficient", "undefined", "known", "waived", "withheld"]
Verdict = Literal[
    "pass", "fail", "insufficient", "undefined", "known", "waived", "withheld", "not judged", "incomplete"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorCount:
    """Operators of one kind that multiply weights, such as MatMul, and how many of them really are integer."""

    operator: str
    total: int
    """Operators of this kind in the graph that the engine runs."""
    integer: int
    """Of these, how many compute with integers."""
    may_be_integer: int = 0
    """Of the others, how many the engine may compute with integers or not, by its own choice."""
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
    """Joules for 1,000 predictions, of all components; None where one of them was not read, or only for a part."""
    reason: str = ""
    """Why there is no figure."""


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
    """Weights that are not zero; a weight that is stored as an integer is zero at its zero point. None also where
    weights are packed in a way that only an engine reads."""
    operators: tuple[OperatorCount, ...] = ()
    latency: Latency | None = None
    energy: CallEnergy | None = None
    noise: ToolNoise | None = None
    reason: str = ""
    """Why what is missing here was not measured."""

    @property
    def nonzero_share(self) -> float | None:
        """Share of the weights that are not zero; None where it is not known, or no weights are stored."""
        if not self.weights or self.nonzero_weights is None:
            return None
        return self.nonzero_weights / self.weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """Answers of one candidate that differ from the full model, among those of other seeds of the full recipe."""

    seeds: Mapping[str, tuple[int, int]]
    """Churn and net loss of each seed, in rows."""
    churn_p: float
    """Share of the candidate and the seeds together that change at least as many answers; at least 1/(m+1)."""
    net_loss_p: float
    """The same for what is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFlips:
    """Right answers that a candidate lost and gained against the full model, in one group or overall."""

    by: tuple[str, ...]
    group: Group
    n: int
    lost: int
    gained: int
    low: float | None = None
    """Interval of the net loss: accuracy of the full model less that of the candidate."""
    high: float | None = None
    p_value: float | None = None
    """Two-sided, of the net loss: exact McNemar test, or Student's t over folds where rows share a unit."""
    p_holm: float | None = None
    """The same, corrected by Holm for everybody and every group that is judged; None of a group that is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One compressed model, and what is judged of it."""

    name: str
    flips: tuple[GroupFlips, ...]
    """Overall first, then each group of each column; empty in what is published."""
    rows: int
    changed: int | None
    """Answers that differ from the full model's; None where that is withheld."""
    net_loss: int | None
    """Right answers lost less right answers gained, rows; None where that is withheld."""
    retraining: Retraining | None = None
    """None where no other seeds are named, or the candidate was not trained again."""
    sentences: tuple[str, ...] = ()
    """Churn and net loss in a sentence each; none in what is published with counts withheld."""
    limits: Verdict = "not judged"
    """The worst of the limits of the configuration."""
    verdict: Verdict = "not judged"
    """The worst of all: limits, churn and net loss."""

    @property
    def churn(self) -> float | None:
        """Share of the answers that differ from the full model's; None where it is withheld, or there are no rows."""
        return self.changed / self.rows if self.changed is not None and self.rows else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Full model and candidates: what each costs, by which engine, and what each changes."""

    full: str
    """Name of the full model."""
    models: tuple[ModelResources, ...]
    """The full model first."""
    candidates: tuple[Candidate, ...]
    largest_loss: float
    """Loss of accuracy up to which a candidate passes, 0 to 1."""
    smallest: str | None = None
    """The smallest candidate that passes; None where none does, or sizes are not known."""
    smallest_reason: str = ""
    """Why none is named."""
    engine: str | None = None
    """Name and version of what ran the models; None where nothing was run."""
    processor: str | None = None
    batch: int | None = None
    """Rows a call; None where nothing was run."""
    threads: int | None = None
