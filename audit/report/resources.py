"""Compressed models in words: what each costs, how it was called, what it changes, and the smallest that passes.

Must not: measure, or show a number without how it came about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from audit.errors import printable
from audit.estimate import figure_text, join_words
from audit.record.edge import CallEnergy, Candidate, Edge, Latency, ModelResources, OperatorCount, ToolNoise
from audit.record.energy_text import format_figure, name_component
from audit.record.result import AuditResult, name_verdict

T = TypeVar("T")
NOT_MEASURED = "not measured"
METHODS = {
    "counter": "measured",
    "sampled": "measured from samples",
    "model": "estimated",
    "constant": "assumed",
    "declared": "declared",
}
LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class ModelWords:
    """What one model costs, in words; each says so where it was not measured."""

    name: str
    size: str
    zipped: str
    weights: str
    """Weights that are not zero, and their share."""
    operators: str
    latency: str
    energy: str
    noise: str


def describe_model(model: ModelResources) -> ModelWords:
    """Return what one model costs."""
    return ModelWords(
        name=printable(model.name, LONGEST_NAME),
        size=_show(model.file_bytes, "{:,}".format),
        zipped=_show(model.zipped_bytes, "{:,}".format),
        weights=_describe_weights(model),
        operators="; ".join(map(_describe_operators, model.operators)) or _say_none(model),
        latency=_show(
            model.latency, lambda latency: f"p50 {write_time(latency.p50_s)}, p95 {write_time(latency.p95_s)}"
        ),
        energy=_show(model.energy, _describe_joules),
        noise=_show(model.noise, lambda noise: f"{noise.changed:,} of {noise.rows:,}"),
    )


def _show(value: T | None, write: Callable[[T], str]) -> str:
    return NOT_MEASURED if value is None else write(value)


def _describe_weights(model: ModelResources) -> str:
    if model.weights is None:
        return NOT_MEASURED
    if model.weights == 0:
        return "none stored"
    if model.nonzero_weights is None:
        return f"not known of {model.weights:,}"
    return f"{model.nonzero_weights:,} of {model.weights:,} ({figure_text(model.nonzero_share, 'share')})"


def _describe_operators(found: OperatorCount) -> str:
    """Return how many operators of one kind really are integer.

    >>> _describe_operators(OperatorCount(operator="MatMul", total=48, integer=0, stored_as_integer=48))
    '0 of 48 MatMul are integer (48 store integers and compute with floats)'
    >>> _describe_operators(OperatorCount(operator="MatMul", total=8, integer=0, may_be_integer=8, stored_as_integer=8))
    '0 to 8 of 8 MatMul are integer (for 8 the engine chooses by the processor)'
    """
    chosen = found.may_be_integer
    floating = max(0, found.stored_as_integer - found.integer - chosen)
    beside = []
    if chosen:
        beside.append(f"for {chosen} the engine chooses by the processor")
    if floating:
        beside.append(_say_floating(floating))
    counted = f"{found.integer} to {found.integer + chosen}" if chosen else f"{found.integer}"
    told = f" ({'; '.join(beside)})" if beside else ""
    return f"{counted} of {found.total} {found.operator} are integer{told}"


def _say_floating(operators: int) -> str:
    if operators == 1:
        return "1 stores integers and computes with floats"
    return f"{operators} store integers and compute with floats"


def _say_none(model: ModelResources) -> str:
    return NOT_MEASURED if model.file is None else "none that multiplies weights"


def write_time(seconds: float) -> str:
    """Return a short time in the unit in which it is a short number.

    >>> write_time(9.5e-6), write_time(0.0123), write_time(2.0)
    ('9.50 µs', '12.3 ms', '2.00 s')
    """
    for unit, size in (("µs", 1e-6), ("ms", 1e-3)):
        if seconds < 1000 * size:
            return f"{format_figure(seconds / size)} {unit}"
    return f"{format_figure(seconds)} s"


def _describe_joules(energy: CallEnergy) -> str:
    """Return joules for 1,000 predictions, with the basis of every component; or why there are none."""
    if energy.j_per_1000 is None:
        return f"{NOT_MEASURED}: {printable(energy.reason, 160)}"
    return f"{format_figure(energy.j_per_1000)} J for 1,000 predictions ({_list_basis(energy)})"


def _list_basis(energy: CallEnergy) -> str:
    return ", ".join(
        f"{name_component(c.component)} {METHODS[c.method]}" for c in energy.components if c.energy_j is not None
    )


def describe_basis(edge: Edge) -> str:
    """Return how the joules of each model came about; empty where there are none."""
    known = [(m.name, m.energy) for m in edge.models if m.energy is not None and m.energy.j_per_1000 is not None]
    if not known:
        return ""
    basis = _say_alike([(name, _list_basis(energy)) for name, energy in known])
    return f"J for 1,000 predictions: the whole machine, idle power included ({basis})"


def describe_calls(edge: Edge) -> str:
    """Return how models were called, by which engine and on which processor; empty where none was run."""
    if edge.engine is None or edge.batch is None or edge.threads is None:
        return ""
    timed = [(m.name, _describe_timing(m.latency)) for m in edge.models if m.latency is not None]
    calls = f", {_say_alike(timed)}" if timed else ""
    machine = printable(edge.processor or "processor unknown", 80)
    return f"Rows a call: {edge.batch:,}, threads: {edge.threads}{calls}; {printable(edge.engine, 80)}; {machine}"


def _describe_timing(latency: Latency) -> str:
    return f"{latency.repetitions:,} timed calls after {latency.warm_up} to warm up"


def describe_noise(edge: Edge) -> str:
    """Return what the noise of the tool is, of each model; empty where no model was run."""
    told = [(m.name, _describe_second_pass(m.noise)) for m in edge.models if m.noise is not None]
    if not told:
        return ""
    return f"Noise of the tool: answers that differ when the same rows come in another order, {_say_alike(told)}"


def _describe_second_pass(noise: ToolNoise) -> str:
    if noise.second_batch == noise.batch:
        return f"again {noise.batch:,} a call"
    return f"{noise.second_batch:,} a call instead of {noise.batch:,}"


def describe_missing(edge: Edge) -> str:
    """Return why numbers of models were not measured; empty where all were."""
    return _say_alike([(m.name, printable(m.reason, 160)) for m in edge.models if m.reason], of=len(edge.models))


def _say_alike(told: Sequence[tuple[str, str]], of: int | None = None) -> str:
    """Return what is said of models: once where it is the same of all of them, else with the names of each.

    >>> _say_alike([("full", "64 a call"), ("int8", "64 a call")])
    '64 a call'
    >>> _say_alike([("full", "64 a call"), ("int8", "again 1 a call"), ("small", "64 a call")])
    'full and small: 64 a call; int8: again 1 a call'
    >>> _say_alike([("int8", "no energy")], of=2)
    'int8: no energy'
    """
    named: dict[str, list[str]] = {}
    for name, words in told:
        named.setdefault(words, []).append(printable(name, LONGEST_NAME))
    if len(named) == 1 and of in {None, len(told)}:
        return told[0][1]
    return "; ".join(f"{join_words(names)}: {words}" for words, names in named.items())


def describe_candidate(candidate: Candidate) -> str:
    """Return what one candidate changes; its verdict stands beside it."""
    if candidate.changed is None or candidate.net_loss is None:
        return f"counts withheld, of {candidate.rows:,} answers"
    share = "undefined" if candidate.churn is None else figure_text(candidate.churn, "share")
    net = f"net loss {candidate.net_loss:,}" if candidate.net_loss > 0 else f"net gain {-candidate.net_loss:,}"
    if candidate.net_loss == 0:
        net = "no net change"
    return f"{candidate.changed:,} of {candidate.rows:,} changed ({share}), {net}"


def list_candidates(edge: Edge) -> Iterator[tuple[str, str, str]]:
    """Yield the key of the verdict, its word and the sentence of every candidate."""
    for candidate in edge.candidates:
        said = f"{printable(candidate.name, LONGEST_NAME)}: {describe_candidate(candidate)}"
        yield candidate.verdict, name_verdict(candidate.verdict), said


def describe_smallest(edge: Edge, judged: str | None) -> str:
    """Return the smallest candidate that passes, or why none is named; and which the verdict is about if another."""
    about = ""
    if judged is not None and judged != edge.smallest and len(edge.candidates) > 1:
        about = f" The verdict is about {printable(judged, LONGEST_NAME)}."
    if edge.smallest is None:
        return f"Smallest model that passes: {edge.smallest_reason}.{_advise_files(edge)}{about}"
    size = next((m.file_bytes for m in edge.models if m.name == edge.smallest), None)
    shown = "" if size is None else f" ({size:,} bytes)"
    return f"Smallest model that passes: {printable(edge.smallest, LONGEST_NAME)}{shown}.{about}"


def _advise_files(edge: Edge) -> str:
    """Return how sizes become known where they are not; empty where another thing is missing."""
    return " Name the files of models (--model-file, [edge.models])." if "no file of" in edge.smallest_reason else ""


def find_judged(result: AuditResult) -> str | None:
    """Return the candidate that the verdict is about."""
    name = (result.question.config.get("predictions") or {}).get("prediction")
    return None if name is None else str(name)
