"""The same audit from Python: arrays and frames in, a result object out. Nothing is written to disk."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from audit import __version__
from audit.arrays import attributes as attributes_of
from audit.arrays import plain, reference_of, refuse_clash, refuse_misaligned
from audit.config.read import build
from audit.config.schema import Config
from audit.errors import QuestionError
from audit.result import AuditResult, Run
from audit.value import Estimate

Y_TRUE, Y_PRED, SCORE, WEIGHT, UNIT = "y_true", "y_pred", "score", "weight", "unit"


def measure(
    y_true: Any,
    y_pred: Any = None,
    *,
    groups: Any,
    task: str = "classification",
    score: Any = None,
    threshold: float = 0.5,
    exact_auc: bool = False,
    weight: Any = None,
    unit: Any = None,
    positive: Any = None,
    reference: Any = None,
    intersections: int = 1,
    confidence: float = 0.95,
    gates: Sequence[Mapping[str, Any]] = (),
    metrics: Mapping[str, Callable[..., float]] | None = None,
) -> AuditResult:
    """Audit predictions, or labels alone, per group.

    Parameters
    ----------
    y_true
        Labels, shape (n,).
    y_pred
        Predicted classes, shape (n,). Without them, ``score`` and ``threshold`` decide; without both, only the
        labels are audited. For a regression, numbers.
    groups
        A frame, a mapping of names to arrays, or one named array: who each row is.
    task
        ``classification``, or ``regression`` for numeric labels and predictions.
    score, threshold
        Finite scores, shape (n,); one at or above the threshold is a positive prediction where there is no ``y_pred``.
    exact_auc
        Sort all rows by score once, so that ``roc_auc`` is exact and not bounded by what score bins hide.
    weight
        Finite weights, not negative, shape (n,).
    unit
        Whom each row belongs to, shape (n,); every row is its own where none is given.
    positive
        The class that counts as positive; needed unless labels are 0 and 1.
    reference
        Group that the others are compared with: a level, or a mapping of column to level. The largest by default.
    intersections, confidence
        Audit crossings of up to this many group columns; how sure every interval is.
    gates
        Limits to judge, as the tables of ``[[gates]]`` in audit.toml.
    metrics
        Your own functions ``f(y_true, y_pred)`` by name, called per group through Fairlearn's MetricFrame; with
        weights they get ``sample_weight``. Their values carry no interval and cannot be judged.

    Returns
    -------
    AuditResult
        With ``estimates``, ``checks``, ``gates``, ``verdict``, ``to_frame()``, ``to_json()``.

    Raises
    ------
    AuditError
        Whatever is wrong with the input; nothing is only a warning.

    Examples
    --------
    >>> result = measure([1, 1, 0, 0], [1, 0, 0, 0], groups={"sex": ["f", "m", "f", "m"]})
    >>> result.find("selection_rate", by=["sex"], group=["f"])[0].value
    0.5
    """
    named = {Y_TRUE: y_true, Y_PRED: y_pred, SCORE: score, WEIGHT: weight, UNIT: unit}
    roles = {k: v for k, v in named.items() if v is not None}
    attributes = attributes_of(groups)
    refuse_clash(attributes, roles)
    columns = {**roles, **attributes}
    refuse_misaligned(columns)
    names = tuple(attributes)
    data: dict[str, Any] = {
        "label": Y_TRUE,
        "groups": names,
        "intersections": intersections,
        "positive": positive,
        "weight": WEIGHT if weight is not None else None,
        "unit": UNIT if unit is not None else "row",
        "reference_group": reference_of(reference, names),
    }
    asked = None
    if y_pred is not None or score is not None or exact_auc or task != "classification":
        asked = {
            "source": "memory",
            "task": task,
            "prediction": None if y_pred is None else Y_PRED,
            "score": None if score is None else SCORE,
            "threshold": threshold,
            "exact_auc": exact_auc or None,
        }
    result = _audit(columns, _config(data, asked, confidence, gates))
    if not metrics:
        return result
    own = _own(metrics, roles, attributes, intersections)
    return replace(result, estimates=(*result.estimates, *own))


def _own(
    metrics: Mapping[str, Callable[..., float]],
    roles: Mapping[str, Any],
    attributes: Mapping[str, Any],
    intersections: int,
) -> tuple[Estimate, ...]:
    from audit.engines.levels import level_text
    from audit.engines.tables import open_frame
    from audit.own_metrics import own_estimates

    predicted = roles.get(Y_PRED, roles.get(SCORE))
    if predicted is None:
        raise QuestionError("metrics need predictions; give y_pred or score")
    frame = open_frame(attributes).to_pandas()
    levels = {c: [level_text(v) for v in frame[c].astype(object)] for c in attributes}
    return own_estimates(metrics, roles[Y_TRUE], predicted, levels, roles.get(WEIGHT), intersections)


def check(
    frame: Any,
    *,
    label: str | None = None,
    positive: Any = None,
    groups: str | Sequence[str],
    weight: str | None = None,
    unit: str | None = None,
    strata: str | Sequence[str] = (),
    reference: Any = None,
    population: Mapping[str, Mapping[str, float]] | None = None,
    intersections: int = 1,
    confidence: float = 0.95,
    gates: Sequence[Mapping[str, Any]] = (),
) -> AuditResult:
    """Check a table before training: who is in it, how labels differ by group.

    Parameters
    ----------
    frame
        A frame of pandas, polars or Arrow, a mapping of columns, or the path of a table.
    label, weight, unit
        Names of columns.
    positive
        The label that counts as positive; needed unless labels are 0 and 1.
    groups
        Names of the group columns.
    strata
        Names of the columns within which conditional metrics compare.
    reference
        As in `measure`.
    population
        Share of each level in the population to compare with, by group column.
    intersections, confidence, gates
        As in `measure`.
    """
    names = (groups,) if isinstance(groups, str) else tuple(groups)
    data = {
        "label": label,
        "positive": plain(positive),
        "groups": names,
        "weight": weight,
        "unit": unit or "row",
        "strata": (strata,) if isinstance(strata, str) else tuple(strata),
        "reference_group": reference_of(reference, names),
        "reference": dict(population or {}),
        "intersections": intersections,
    }
    return _audit(frame, _config(data, None, confidence, gates))


def _audit(rows: Any, config: Config) -> AuditResult:
    from pathlib import Path

    from audit.engines.tables import open_frame, open_table
    from audit.run import conclude, now
    from audit.stages import Findings, audit_model, audit_table

    found, started = Findings(), now()
    table = open_table(rows) if isinstance(rows, (str, Path)) else open_frame(rows)
    stage = audit_table if config.predictions is None else audit_model
    stage(table, config, found, lambda _: nullcontext())
    run = Run(id=f"memory-{secrets.token_hex(4)}", started=started, finished=now(), version=__version__)
    return conclude(config, found, run)


def _config(
    data: Mapping[str, Any], asked: Mapping[str, Any] | None, confidence: float, gates: Sequence[Mapping[str, Any]]
) -> Config:
    raw: dict[str, Any] = {
        "data": {k: plain(v) for k, v in data.items() if v is not None},
        "policy": {"confidence": confidence},
    }
    if asked is not None:
        raw["predictions"] = {k: v for k, v in asked.items() if v is not None}
    else:
        raw["data"]["source"] = "memory"
    if gates:
        raw["gates"] = [dict(g) for g in gates]
    return build(raw, "the question")
