"""The audit in MLflow: document and cards as artifacts, headline numbers as metrics. Extra ``evenhand[mlflow]``.

`audit.training` and the callbacks do it by themselves where MLflow is imported and a run of it is active. What has no
value is a tag with its reason, never a 0. Metrics and tags leave out what the card leaves out; ``audit.json`` is the
whole record, with the counts of small groups. Must not: import MLflow unless `log` is called, start a run, or end one.
"""

from __future__ import annotations

import hashlib
import re
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from audit.errors import MissingExtraError, QuestionError, printable
from audit.estimate import Estimate, Level
from audit.record.result import AuditResult, Gate

__all__ = ["log"]
BATCH = 100
"""Most tags that a server takes at once; of metrics it takes more."""
LONGEST_REASON = 1000
LONGEST_PART_BYTES = 60
Number = tuple[str, float | None, str]
"""Key, value, and why there is none."""


def log(result: AuditResult, *, run_id: str | None = None, client: Any = None, artifact_path: str = "audit") -> str:
    """Log an audit to a run of MLflow: ``audit.mlflow.log(audit.read_result(folder))``.

    Parameters
    ----------
    result
        The audit.
    run_id
        Of the run; the active one where none is given.
    client
        A ``mlflow.MlflowClient``; one of the process's own tracking store where none is given.
    artifact_path
        Folder of the artifacts ``audit.json``, ``card.html`` and ``card.md``.

    Returns
    -------
    str
        The run's id.

    Raises
    ------
    MissingExtraError
        When MLflow is not installed.
    QuestionError
        When no run is active and none is given; none is started.
    """
    try:
        import mlflow
    except ImportError as error:
        raise MissingExtraError("audit.mlflow", "mlflow", error) from error
    from mlflow.entities import Metric, RunTag

    from audit.report.card.render import render
    from audit.report.disclosure.publishable import publishable

    run_id = run_id or find_active_run_id()
    if run_id is None:
        raise QuestionError("no MLflow run is active; log inside `with mlflow.start_run():`, or give run_id")
    client = client or mlflow.MlflowClient()
    shown, now_ms = publishable(result), int(time.time() * 1000)
    numbers = list(list_numbers(shown))
    metrics = [Metric(key, value, now_ms, 0) for key, value, _ in numbers if value is not None]
    tags = [RunTag(*tag) for tag in (*_list_verdicts(shown), *_list_reasons(numbers))]
    for at in range(0, max(len(metrics), len(tags)), BATCH):
        client.log_batch(run_id, metrics=metrics[at : at + BATCH], tags=tags[at : at + BATCH])
    client.log_text(run_id, result.to_json(), f"{artifact_path}/audit.json")
    for form in ("html", "md"):
        client.log_text(run_id, render(result, form), f"{artifact_path}/card.{form}")
    return run_id


def find_active_run_id() -> str | None:
    """Return the id of the run that is active in this thread, where MLflow is imported; it never imports it."""
    mlflow = sys.modules.get("mlflow")
    try:
        active = mlflow.active_run() if mlflow is not None else None
        if active is None:
            return None
        return str(active.info.run_id)
    except Exception:  # noqa: BLE001 - a library that is broken or half imported has no run, and harms none
        return None


def list_numbers(result: AuditResult) -> Iterator[Number]:
    """Yield the numbers that are looked at first: of the gates, of the groups that they are about, of the energy.

    Parameters
    ----------
    result
        What may be published of it.
    """
    for name, gate in _name_gates(result):
        yield from _list_gate_numbers(name, gate)
    seen: set[tuple[Any, ...]] = set()
    for gate in result.gates:
        about = gate.estimate
        if about is None or (key := (about.stage, about.metric, about.by, about.outcome)) in seen:
            continue
        seen.add(key)
        rates = (e for e in result.estimates.of(about.stage, about.metric, about.by) if e.group and e.compare is None)
        yield from (_make_group_number(e) for e in rates if about.outcome in {None, e.outcome})
    yield from _list_energy_numbers(result)


def _name_gates(result: AuditResult) -> Iterator[tuple[str, Gate]]:
    """Yield gates under names of their own: two limits on one number have the same."""
    seen: dict[str, int] = {}
    for gate in result.gates:
        name = to_key(gate.name.replace("*", " x "))
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name}-{seen[name]}"), gate


def _list_gate_numbers(name: str, gate: Gate) -> Iterator[Number]:
    about = gate.estimate
    reason = gate.sentence if about is None else about.reason or gate.sentence
    yield f"audit/gate/{name}/value", None if about is None else about.value, reason
    for bound, value in (("low", gate.low), ("high", gate.high)):
        yield f"audit/gate/{name}/{bound}", value, f"no interval: {reason}"


def _make_group_number(estimate: Estimate) -> Number:
    metric = f"{estimate.stage}.{estimate.metric}" + (f" of {estimate.outcome}" if estimate.outcome else "")
    key = "/".join(("audit/rate", to_key(metric), _join_levels(estimate.by), _join_levels(estimate.group or ())))
    return key, estimate.value, estimate.reason or estimate.status


def _list_energy_numbers(result: AuditResult) -> Iterator[Number]:
    energy = result.energy
    why = "not metered"
    if energy is not None:
        why = energy.note or "not measured"
    for name in ("energy_kwh", "carbon_g", "measured_share"):
        yield f"audit/energy/{name}", getattr(energy, name, None), why


def _join_levels(levels: Sequence[Level]) -> str:
    """Return levels as one part of a key, also where one of them reads as two, or as what stands for a missing one."""
    shown = to_key(" x ".join("missing" if level is None else level for level in levels))
    plain = all(level is not None and " x " not in level for level in levels)
    if plain:
        return shown
    return f"{shown}-{_make_digest(repr(levels))}"


def to_key(text: str) -> str:
    """Return one part of a key that MLflow takes: letters, digits, spaces, and ``_ - .``; a change adds a digest.

    >>> to_key("selection_rate"), to_key("a/b"), to_key("..")
    ('selection_rate', 'a_b-c14cdd', '..-5ec1f7')
    """
    # A name of a file on some stores, which holds 255 bytes.
    short = re.sub(r"[^\w.\- ]", "_", text).encode()[:LONGEST_PART_BYTES].decode(errors="ignore")
    same = short == text and short.strip(". ") != ""
    if same:
        return short
    return f"{short}-{_make_digest(text)}"


def _make_digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]


def _list_verdicts(result: AuditResult) -> Iterator[tuple[str, str]]:
    yield "audit.verdict", result.verdict
    yield "audit.run", result.run.id
    for name, gate in _name_gates(result):
        yield f"audit.gate.{name}", gate.verdict


def _list_reasons(numbers: list[Number]) -> Iterator[tuple[str, str]]:
    for key, value, why in numbers:
        if value is None:
            yield f"{key}/undefined", printable(why, LONGEST_REASON)
