"""The same audit from Python: arrays and frames in, a result object out. Nothing is written to disk."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, Literal

from audit import __version__
from audit.arrays import attributes as attributes_of
from audit.arrays import features_of, plain, reference_of, refuse_clash, refuse_misaligned
from audit.config.read import build
from audit.config.schema import Config
from audit.errors import QuestionError
from audit.result import AuditResult, Run
from audit.value import Estimate

Y_TRUE, Y_PRED, SCORE, WEIGHT, UNIT = "y_true", "y_pred", "score", "weight", "unit"
QUERY, RANK = "query", "rank"


def measure(
    y_true: Any = None,
    y_pred: Any = None,
    *,
    groups: Any,
    task: str = "classification",
    score: Any = None,
    threshold: float | Literal["median"] = 0.5,
    exact_auc: bool = False,
    features: Any = None,
    neighbours: int = 5,
    query: Any = None,
    rank: Any = None,
    top: Sequence[int] | None = None,
    weight: Any = None,
    unit: Any = None,
    positive: Any = None,
    reference: Any = None,
    intersections: int = 1,
    confidence: float = 0.95,
    compare_to: str | Sequence[str] = (),
    gates: Sequence[Mapping[str, Any]] = (),
    four_fifths: bool = False,
    metrics: Mapping[str, Callable[..., float]] | None = None,
) -> AuditResult:
    """Audit predictions, or labels alone, per group.

    Parameters
    ----------
    y_true
        Labels, shape (n,). For a ranking, relevance, which may be left out.
    y_pred
        Predicted classes, shape (n,). Without them, ``score`` and ``threshold`` decide; without both, only the
        labels are audited. For a regression, numbers.
    groups
        A frame, a mapping of names to arrays, or one named array: who each row is.
    task
        ``classification``; ``multiclass`` for labels and predictions of several classes, none of which is the positive
        one; ``regression`` for numeric labels and predictions; or ``ranking`` for items in lists.
    score, threshold
        Finite scores, shape (n,); one at or above the threshold is a positive prediction where there is no ``y_pred``.
        With ``"median"``, one above the median of all scores.
    exact_auc
        Sort all rows by score once, so that every AUC and ``average_precision`` are exact and not bounded by what
        score bins hide; ``abroca`` stays binned, and says so.
    features, neighbours
        What makes two rows alike, as ``groups`` is given: numbers, text or truth values. With them there is a flip test
        against the nearest neighbours in the reference group, an odd number of them.
    query, rank, top
        Of a ranking: the list that each item is in, shape (n,), all in one by default; its place, 1 at the top, or a
        ``score`` instead; and how many first places `skew_at_k` looks at, [10] by default.
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
    compare_to
        Whom each group is compared with beside the other groups: ``overall``, ``rest``, or both.
    gates
        Limits to judge, as the tables of ``[[gates]]`` in audit.toml.
    four_fifths
        Whether adverse impact by any group column, under 4/5 and significant, fails the audit.
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
    if y_true is None and task != "ranking":
        raise QuestionError("labels are missing: give y_true; only a ranking does without")
    named = {Y_TRUE: y_true, Y_PRED: y_pred, SCORE: score, WEIGHT: weight, UNIT: unit, QUERY: query, RANK: rank}
    roles = {k: v for k, v in named.items() if v is not None}
    attributes = attributes_of(groups)
    refuse_clash(attributes, roles)
    alike = features_of(features, {**roles, **attributes})
    columns = {**roles, **attributes, **alike}
    refuse_misaligned(columns)
    names = tuple(attributes)
    data: dict[str, Any] = {
        "label": None if y_true is None else Y_TRUE,
        "groups": names,
        "intersections": intersections,
        "positive": positive,
        "weight": WEIGHT if weight is not None else None,
        "unit": UNIT if unit is not None else "row",
        "reference_group": reference_of(reference, names),
        "compare_to": (compare_to,) if isinstance(compare_to, str) else tuple(compare_to),
    }
    asked = None
    if y_pred is not None or score is not None or rank is not None or alike or exact_auc or task != "classification":
        asked = {
            "source": "memory",
            "task": task,
            "prediction": None if y_pred is None else Y_PRED,
            "score": None if score is None else SCORE,
            "threshold": threshold,
            "exact_auc": exact_auc or None,
            "features": tuple(alike),
            "neighbours": neighbours,
            "query": None if query is None else QUERY,
            "rank": None if rank is None else RANK,
            "top": None if top is None else tuple(plain(k) for k in top),
        }
    result = _audit(columns, _config(data, asked, confidence, gates, four_fifths=four_fifths))
    if not metrics:
        return result
    own = _own(metrics, roles, attributes, intersections)
    return replace(result, estimates=result.estimates + own)


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
    if Y_TRUE not in roles:
        raise QuestionError("metrics need labels; give y_true")
    if predicted is None:
        raise QuestionError("metrics need predictions; give y_pred or score")
    frame = open_frame(attributes).to_pandas()
    levels = {c: [level_text(v) for v in frame[c].astype(object)] for c in attributes}
    return own_estimates(metrics, roles[Y_TRUE], predicted, levels, roles.get(WEIGHT), intersections)


def check(
    frame: Any,
    *,
    test: Any = None,
    label: str | None = None,
    positive: Any = None,
    classes: bool = False,
    groups: str | Sequence[str],
    weight: str | None = None,
    unit: str | None = None,
    strata: str | Sequence[str] = (),
    reference: Any = None,
    population: Mapping[str, Mapping[str, float]] | None = None,
    intersections: int = 1,
    confidence: float = 0.95,
    compare_to: str | Sequence[str] = (),
    gates: Sequence[Mapping[str, Any]] = (),
) -> AuditResult:
    """Check a table before training: who is in it, how labels differ by group.

    Parameters
    ----------
    frame
        A frame of pandas, polars or Arrow, a mapping of columns, or the path of a table. Of a lazy frame only the
        columns that are named are made. A PySpark frame is counted by its own session, in several passes: cache one
        that is dear to make.
    test
        Rows that are held out, in the same forms: looked at for leaks and for drift.
    label, weight, unit
        Names of columns.
    positive
        The label that counts as positive; needed unless labels are 0 and 1.
    classes
        Whether the label is one of several classes, none of which is the positive one.
    groups
        Names of the group columns.
    strata
        Names of the columns within which conditional metrics compare.
    reference
        As in `measure`.
    population
        Share of each level in the population to compare with, by group column.
    intersections, confidence, compare_to, gates
        As in `measure`.
    """
    names = (groups,) if isinstance(groups, str) else tuple(groups)
    data = {
        "label": label,
        "positive": plain(positive),
        "classes": classes or None,
        "groups": names,
        "weight": weight,
        "unit": unit or "row",
        "strata": (strata,) if isinstance(strata, str) else tuple(strata),
        "reference_group": reference_of(reference, names),
        "reference": dict(population or {}),
        "intersections": intersections,
        "compare_to": (compare_to,) if isinstance(compare_to, str) else tuple(compare_to),
        "engine": _engine_of(frame),
    }
    return _audit(frame, _config(data, None, confidence, gates), test)


def _audit(rows: Any, config: Config, test: Any = None) -> AuditResult:
    from pathlib import Path

    from audit.engines.tables import open_frame, open_table
    from audit.run import conclude, now
    from audit.stages import Findings, audit_model, audit_parts

    found, started = Findings(), now()
    table = open_table(rows) if isinstance(rows, (str, Path)) else open_frame(rows)
    if config.predictions is None:
        parts = (
            {} if test is None else {"test": open_table(test) if isinstance(test, (str, Path)) else open_frame(test)}
        )
        audit_parts(table, parts, config, found, nullcontext)
    else:
        audit_model(table, config, found, nullcontext)
    run = Run(id=f"memory-{secrets.token_hex(4)}", started=started, finished=now(), version=__version__)
    return conclude(config, found, run)


def _engine_of(frame: Any) -> str | None:
    """Engine that alone can count a frame."""
    from audit.engines.frames import may_be_lazy

    if not may_be_lazy(frame):
        return None
    from audit.engines.lazy import is_spark

    return "spark" if is_spark(frame) else None


def _config(
    data: Mapping[str, Any],
    asked: Mapping[str, Any] | None,
    confidence: float,
    gates: Sequence[Mapping[str, Any]],
    *,
    four_fifths: bool = False,
) -> Config:
    raw: dict[str, Any] = {
        "data": {k: plain(v) for k, v in data.items() if v is not None},
        "policy": {"confidence": confidence, **({"four_fifths": four_fifths} if four_fifths else {})},
    }
    if asked is not None:
        raw["predictions"] = {k: v for k, v in asked.items() if v is not None}
    else:
        raw["data"]["source"] = "memory"
    if gates:
        raw["gates"] = [dict(g) for g in gates]
    return build(raw, "the question")
