"""The same audit from Python: arrays and frames in, a result object out. Nothing is written to disk."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from audit import __version__
from audit.config.read import build
from audit.config.schema import Config
from audit.errors import QuestionError, ValuesError, printable
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
    attributes = _attributes(groups)
    _refuse_clash(attributes, roles)
    columns = {**roles, **attributes}
    _refuse_misaligned(columns)
    names = tuple(attributes)
    data: dict[str, Any] = {
        "label": Y_TRUE,
        "groups": names,
        "intersections": intersections,
        "positive": positive,
        "weight": WEIGHT if weight is not None else None,
        "unit": UNIT if unit is not None else "row",
        "reference_group": _reference(reference, names),
    }
    asked = None
    if y_pred is not None or score is not None or task != "classification":
        asked = {
            "source": "memory",
            "task": task,
            "prediction": None if y_pred is None else Y_PRED,
            "score": None if score is None else SCORE,
            "threshold": threshold,
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
        "positive": _plain(positive),
        "groups": names,
        "weight": weight,
        "unit": unit or "row",
        "strata": (strata,) if isinstance(strata, str) else tuple(strata),
        "reference_group": _reference(reference, names),
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
        "data": {k: _plain(v) for k, v in data.items() if v is not None},
        "policy": {"confidence": confidence},
    }
    if asked is not None:
        raw["predictions"] = {k: v for k, v in asked.items() if v is not None}
    else:
        raw["data"]["source"] = "memory"
    if gates:
        raw["gates"] = [dict(g) for g in gates]
    return build(raw, "the question")


def _attributes(groups: Any) -> dict[str, Any]:
    """Group columns by name, from a frame, a mapping or one named array."""
    if groups is None or isinstance(groups, str):
        raise QuestionError(
            f"groups must be a frame, a mapping of names to arrays, or one named array, not {type(groups).__name__}"
        )
    if isinstance(groups, Mapping):
        return {_text(k): v for k, v in groups.items()}
    if hasattr(groups, "columns"):
        keys = list(getattr(groups, "column_names", groups.columns))
        names = [_text(c) for c in keys]
        twice = next((n for n in names if names.count(n) > 1), None)
        if twice is not None:
            raise QuestionError(f"groups has two columns named '{printable(twice)}' (duplicate); rename one")
        return {n: groups[c] for n, c in zip(names, keys, strict=True)}
    name = getattr(groups, "name", None)
    return {_text(name) if name is not None else "group": groups}


def _text(name: object) -> str:
    return name if isinstance(name, str) else str(name)


def _refuse_clash(attributes: Mapping[str, Any], roles: Mapping[str, Any]) -> None:
    if not attributes:
        raise QuestionError("groups names no column: there is nothing to compare")
    clash = next((n for n in attributes if n in roles), None)
    if clash is not None:
        raise QuestionError(f"group column '{clash}' has the name of an argument (reserved); rename the column")


def _refuse_misaligned(columns: Mapping[str, Any]) -> None:
    """Refuse labelled arrays whose labels differ: by position or by label, one of the two readings is wrong."""
    first: tuple[str, Any] | None = None
    for name, values in columns.items():
        index = getattr(values, "index", None)
        if index is None or callable(index):
            continue
        if first is None:
            first = (name, index)
        elif len(index) != len(first[1]) or not index.equals(first[1]):
            raise ValuesError(
                f"'{printable(name)}' and '{printable(first[0])}' have different indexes; align them first "
                "(.reindex, or .to_numpy() if the order is the same)"
            )
    lengths = {n: len(v) for n, v in columns.items() if hasattr(v, "__len__")}
    if len(set(lengths.values())) > 1:
        (a, na), (b, nb) = next((p, q) for p in lengths.items() for q in lengths.items() if p[1] != q[1])
        raise ValuesError(
            f"'{printable(a)}' has {na:,} rows and '{printable(b)}' has {nb:,}; all must have the same length"
        )


def _reference(reference: Any, names: tuple[str, ...]) -> dict[str, Any]:
    if reference is None:
        return {}
    if isinstance(reference, Mapping):
        return {_text(k): _plain(v) for k, v in reference.items()}
    if len(names) != 1:
        raise QuestionError(f"reference must name a level for each of {list(names)}, such as {{'{names[0]}': …}}")
    return {names[0]: _plain(reference)}


def _plain(value: Any) -> Any:
    """Python's own scalar for one of numpy."""
    return value.item() if hasattr(value, "item") and not hasattr(value, "__len__") else value
