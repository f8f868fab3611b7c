"""What each model costs, and what it answers: file, operators, noise of the tool, latency and energy.

A dynamic integer model scales its activations by the whole batch, so that an answer hangs on the rows beside it. Every
model therefore answers twice, the second time in another order and other batches: what differs is noise of the tool,
and cannot be blamed on compression.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from audit.edge.answers import answer_rows, can_answer, make_call, takes_cutoff
from audit.edge.engine import Model, load_graph_as_run, open_model
from audit.edge.features import Features
from audit.edge.inputs import Feed
from audit.edge.model_file import load_model, measure_size
from audit.edge.operators import count_operators
from audit.edge.timing import measure_energy, measure_latencies
from audit.edge.weights import count_weights
from audit.errors import QuestionError
from audit.record.edge import ModelResources, ToolNoise

if TYPE_CHECKING:
    import numpy as np

SEED = 20261130
"""Of the other order, so that two runs shuffle alike."""
OTHER_BATCH = 64
"""Rows a call of the second pass, where the first has another number."""
NO_FILE = "no model file is named, so that only its answers are known"
NOT_RUN = "the model was not run: its inputs are not named"
NO_ENERGY = "energy was not asked for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """How models are called."""

    batch: int = 1
    """Rows a call, as on the device."""
    threads: int = 1
    repetitions: int = 200
    """Calls of each model that are timed."""
    seconds: float = 3.0
    """How long each model is metered; 0 for not at all."""
    cutoff: float | None = None
    """From which number on the answer is 1, of models that give one number a row."""


def describe_file(name: str, path: Path | None) -> ModelResources:
    """Describe a model by its file: bytes, weights and operators.

    Parameters
    ----------
    name
        What the model is called.
    path
        Its file; None where only its answers are known.
    """
    if path is None:
        return ModelResources(name=name, reason=NO_FILE)
    stored = load_model(path)
    # First, because the engine refuses what is malformed.
    operators = count_operators(load_graph_as_run(path), stored)
    size = measure_size(path)
    weights, nonzero = count_weights(stored)
    return ModelResources(
        name=name,
        file=path.name,
        digest=size.digest,
        file_bytes=size.raw,
        zipped_bytes=size.zipped,
        weights=weights,
        nonzero_weights=nonzero,
        operators=operators,
        reason=NOT_RUN,
    )


def run_models(
    paths: Mapping[str, Path], features: Features, calls: Calls
) -> tuple[dict[str, np.ndarray], dict[str, ModelResources]]:
    """Run every model over the same rows, and measure what it costs.

    Parameters
    ----------
    paths
        File of each model.
    features
        What all models see.
    calls
        How they are called.

    Returns
    -------
    tuple[dict[str, numpy.ndarray], dict[str, ModelResources]]
        The class of every row and the resources, both by model.

    Raises
    ------
    AuditError
        When a model cannot be run or does not answer, or a cutoff is of no use to any.
    """
    models = {name: _open(name, path, calls) for name, path in paths.items()}
    if calls.cutoff is not None:
        _require_use(models, features)
    answers: dict[str, np.ndarray] = {}
    found: dict[str, ModelResources] = {}
    for name, model in models.items():
        answers[name], noise = answer_twice(model, features)
        found[name] = replace(describe_file(name, paths[name]), noise=noise)
    return answers, _add_costs(models, features, found, calls)


def _open(name: str, path: Path, calls: Calls) -> Model:
    return open_model(name, path, batch=calls.batch, threads=calls.threads, cutoff=calls.cutoff)


def _require_use(models: Mapping[str, Model], features: Features) -> None:
    """Refuse a cutoff that no model has a use for."""
    if not any(takes_cutoff(model, model.feed(features)) for model in models.values()):
        raise QuestionError(
            "every model gives classes or several scores a row, for which a cutoff is of no use; remove the cutoff"
        )


def _add_costs(
    models: Mapping[str, Model], features: Features, found: Mapping[str, ModelResources], calls: Calls
) -> dict[str, ModelResources]:
    """Return the resources with latency and energy."""
    made = {name: make_call(model, model.feed(features)) for name, model in models.items()}
    latencies = measure_latencies(made, calls.repetitions)
    costed = {}
    for name, call in made.items():
        energy = measure_energy(call, calls.batch, calls.seconds) if calls.seconds > 0 else None
        reason = NO_ENERGY if energy is None else energy.reason
        costed[name] = replace(found[name], latency=latencies[name], energy=energy, reason=reason)
    return costed


def answer_twice(model: Model, features: Features) -> tuple[np.ndarray, ToolNoise]:
    """Answer all rows as the device would, and again in another order and other batches.

    Returns
    -------
    tuple[numpy.ndarray, ToolNoise]
        The answers of the first pass, whose batch is that of the question, and how many differ in the second.
    """
    import numpy as np

    feed = model.feed(features)
    answers = answer_rows(model, feed, model.batch)
    second = _choose_second_batch(model, feed)
    order = np.random.default_rng(SEED).permutation(features.rows)
    again = answer_rows(model, feed, second, order)
    changed = int(np.count_nonzero(answers != again))
    return answers, ToolNoise(rows=features.rows, changed=changed, batch=model.batch, second_batch=second)


def _choose_second_batch(model: Model, feed: Feed) -> int:
    """Choose how many rows a call has in the second pass: the same where the model takes one number of rows only."""
    other = OTHER_BATCH if model.batch != OTHER_BATCH else 1
    return other if can_answer(model, feed, other) else model.batch
