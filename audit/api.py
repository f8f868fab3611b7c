"""The same audit from Python: arrays and frames in, a result object out. Nothing is written to disk."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, Literal, get_args

from audit._version import __version__
from audit.axes import Task
from audit.config.doors import said_as
from audit.config.read import build
from audit.config.schema import Config
from audit.config.written_limits import Gates, deepest, rules_of
from audit.errors import QuestionError, SourceError
from audit.estimate import Estimate
from audit.record.result import AuditResult, Run
from audit.tables.arrays import name_attributes as attributes_of
from audit.tables.arrays import name_features, refuse_clash, refuse_misaligned, require_one_column
from audit.tables.formats.dialect import UNSAID, make_dialect
from audit.tables.python_values import (
    describe_value,
    make_plain,
    make_policy,
    make_population,
    make_reference,
    name,
    require_callables,
    require_level,
    require_names,
    to_plain,
)

Y_TRUE, Y_PRED, SCORE, WEIGHT, UNIT = "y_true", "y_pred", "score", "weight", "unit"
QUERY, RANK = "query", "rank"
PREDICTED = {"prediction": Y_PRED, "score": SCORE, "query": QUERY, "rank": RANK}
"""Keys of [predictions] and the arguments that are their columns."""
SAME = ("positive", "strata", "groups", "weight", "unit", "intersections", "compare_to", "confidence")
ARGUMENTS: Mapping[str, str] = {
    **{key: key for key in (*SAME, "threshold", "exact_auc", "features", "neighbours", "top", "task", "four_fifths")},
    **PREDICTED,
    "label": Y_TRUE,
    "reference_group": "reference",
    "classes = true": 'task="multiclass"',
    "[predictions]": f"{Y_PRED} or {SCORE}",
}
"""Arguments of `measure` by what they are in audit.toml."""
CHECKED: Mapping[str, str] = {
    **{key: key for key in (*SAME, "label", "classes", "csv")},
    "classes = true": "classes=True",
    "reference": "population",
    "reference_group": "reference",
    "[predictions]": "prediction here, only in audit.measure",
}
"""Arguments of `check` by what they are in audit.toml."""
UNASKED: Mapping[str, Any] = {"threshold": None, "exact_auc": False, "neighbours": 5, "top": None}


def measure(
    y_true: Any = None,
    y_pred: Any = None,
    *,
    groups: Any = None,
    task: str = "classification",
    score: Any = None,
    threshold: float | Literal["median"] | None = None,
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
    gates: Gates = (),
    four_fifths: bool = False,
    metrics: Mapping[str, Callable[..., float]] | None = None,
) -> AuditResult:
    """Audit predictions, or labels alone, per group.

    Parameters
    ----------
    y_true
        Labels, shape (n,) or (n, 1), as all columns. Without them it is measured of decisions who is selected, and
        what compares decisions with labels is not. For a ranking, relevance, which may be left out.
    y_pred
        Predicted classes, shape (n,). Without them, ``score`` and ``threshold`` decide; without both, only the
        labels are audited. For a regression, numbers.
    groups
        A frame, a mapping of names to arrays, or one named array: who each row is.
    task
        ``classification``; ``multiclass`` for labels and predictions of several classes, none of which is the positive
        one; ``regression`` for numeric labels and predictions; or ``ranking`` for items in lists.
    score, threshold
        Finite scores, shape (n,); one at or above the threshold, 0.5 by default, is a positive prediction where there
        is no ``y_pred``. With ``"median"``, one above the median of all scores.
    exact_auc
        Sort all rows by score once, so that every AUC, ``average_precision`` and ``abroca`` are exact and not bounded
        by what score bins hide. Of more than 4 million rows, 50 groups, or 20 million rows times other groups,
        ``abroca`` keeps these bounds and says so.
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
        Group that the others are compared with: a level as the column holds it, or a mapping of column to level. The
        largest by default.
    intersections, confidence
        Audit crossings of up to this many group columns; how sure every interval is.
    compare_to
        Whom each group is compared with beside the other groups: ``overall``, ``rest``, or both.
    gates
        Limits to judge: one or a list, each as the command writes it (``"selection_rate ratio >= 0.8"``) or as a table
        of ``[[gates]]`` in audit.toml.
    four_fifths
        Whether adverse impact by any group column, under 4/5 and significant, fails the audit.
    metrics
        Your own functions ``f(y_true, y_pred)`` by name, called per group through Fairlearn's MetricFrame; with
        weights they get ``sample_weight``. Their values carry no interval and cannot be judged; where one raises for
        a group, it is undefined there.

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
    decided = y_pred is not None or score is not None or rank is not None
    if y_true is None and (task in {"regression", "multiclass"} or not (decided or task == "ranking")):
        raise QuestionError(
            "labels are missing: give y_true; only decisions (y_pred, or score) and a ranking are audited without"
        )
    named = {Y_TRUE: y_true, Y_PRED: y_pred, SCORE: score, WEIGHT: weight, UNIT: unit, QUERY: query, RANK: rank}
    roles = {k: require_one_column(v, f"'{k}'") for k, v in named.items() if v is not None}
    if groups is None:
        raise QuestionError('groups are missing: give who each row is, such as groups={"sex": [...]}, or a frame')
    attributes = attributes_of(groups)
    refuse_clash(attributes, roles)
    alike = name_features(features, {**roles, **attributes})
    columns = {**roles, **attributes, **alike}
    refuse_misaligned(columns, {**dict.fromkeys(attributes, "groups"), **dict.fromkeys(alike, "features")})
    own, crossed = require_callables(metrics), to_plain(intersections)
    data = _data(roles, tuple(attributes), crossed, positive, reference, compare_to)
    further = {"threshold": threshold, "exact_auc": exact_auc, "neighbours": neighbours, "top": top}
    asked = _predictions(roles, task, tuple(alike), {k: v for k, v in further.items() if v is not UNASKED[k]})
    with said_as(ARGUMENTS):
        result = _audit(columns, _config(data, asked, gates, make_policy(confidence, four_fifths)))
    if not own:
        return result
    return replace(result, estimates=result.estimates + _own(own, roles, attributes, crossed))


def _data(
    roles: Mapping[str, Any],
    groups: tuple[str, ...],
    intersections: Any,
    positive: Any,
    reference: Any,
    compare_to: Any,
) -> dict[str, Any]:
    """Section [data] of the question about arrays."""
    return {
        "label": Y_TRUE if Y_TRUE in roles else None,
        "groups": groups,
        "intersections": intersections,
        "positive": None if positive is None else require_level(positive, "positive"),
        "weight": WEIGHT if WEIGHT in roles else None,
        "unit": UNIT if UNIT in roles else "row",
        "reference_group": make_reference(reference, groups),
        "compare_to": require_names(compare_to, "compare_to"),
    }


def _predictions(
    roles: Mapping[str, Any], task: Any, alike: tuple[str, ...], further: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Section [predictions] of the question; None where labels alone are looked at."""
    if not isinstance(task, str):
        raise QuestionError(f"task must be one of {', '.join(get_args(Task))}, not {describe_value(task)}")
    if (
        "threshold" in further
        and SCORE not in roles
        and (task == "classification" or to_plain(further["threshold"]) == 0.5)
    ):
        raise QuestionError("threshold reads scores, and there are none; give score, or leave threshold out")
    if not {Y_PRED, SCORE, QUERY, RANK} & set(roles) and not alike and not further and task == "classification":
        return None
    named = {key: column for key, column in PREDICTED.items() if column in roles}
    asked = {"source": "memory", "task": task, **named, "features": alike, **further}
    if isinstance(to_plain(asked.get("top")), int):
        asked["top"] = [asked["top"]]
    return asked


def _own(
    metrics: Mapping[str, Callable[..., float]],
    roles: Mapping[str, Any],
    attributes: Mapping[str, Any],
    intersections: int,
) -> tuple[Estimate, ...]:
    from audit.measurement.own_metrics import own_estimates
    from audit.tables.kinds import name_level
    from audit.tables.open import open_frame

    predicted = roles.get(Y_PRED, roles.get(SCORE))
    if Y_TRUE not in roles:
        raise QuestionError("metrics need labels; give y_true")
    if predicted is None:
        raise QuestionError("metrics need predictions; give y_pred or score")
    frame = open_frame(attributes).to_pandas()
    levels = {c: [name_level(v) for v in frame[c].astype(object)] for c in attributes}
    return own_estimates(metrics, roles[Y_TRUE], predicted, levels, roles.get(WEIGHT), intersections)


def check(
    frame: Any = None,
    *,
    test: Any = None,
    label: str | None = None,
    positive: Any = None,
    classes: bool = False,
    groups: str | Sequence[str] = (),
    weight: str | None = None,
    unit: str | None = None,
    strata: str | Sequence[str] = (),
    reference: Any = None,
    population: Mapping[str, Mapping[Any, float]] | None = None,
    intersections: int = 1,
    confidence: float = 0.95,
    compare_to: str | Sequence[str] = (),
    gates: Gates = (),
    csv: str | Mapping[str, str] | None = None,
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
        Names of the group columns; without them, the rows are checked and no groups are compared.
    strata
        Names of the columns within which conditional metrics compare.
    reference
        As in `measure`.
    population
        Share of each level in the population to compare with, by group column; levels as the column holds them.
    intersections, confidence, compare_to, gates
        As in `measure`.
    csv
        How a CSV that is named by its path is written, such as ``"separator=;,decimal=,,encoding=latin-1"``.
    """
    if frame is None:
        raise QuestionError("frame is missing: give the table, or its path")
    columns, within = require_names(groups, "groups"), require_names(strata, "strata")
    of_label = {"positive": positive is not None, "strata": bool(within)}
    idle = next((k for k, given in of_label.items() if given and label is None), None)
    if idle is not None:
        raise QuestionError(f"{idle} is about the label; name its column (label), or leave {idle} out")
    data = {
        "label": None if label is None else name(label, "label"),
        "positive": None if positive is None else require_level(positive, "positive"),
        "classes": None if classes is False else classes,
        "groups": columns,
        "weight": None if weight is None else name(weight, "weight"),
        "unit": "row" if unit is None else name(unit, "unit"),
        "strata": within,
        "reference_group": make_reference(reference, columns),
        "reference": make_population(population, columns),
        "intersections": intersections,
        "compare_to": require_names(compare_to, "compare_to"),
        "engine": _engine_of(frame),
        "csv": None if csv is None else make_dialect(csv).table,
    }
    with said_as(CHECKED):
        return _audit(frame, _config(data, None, gates, make_policy(confidence, False)), test, _named(data))


def _named(data: Mapping[str, Any]) -> dict[str, str]:
    """Columns that arguments name, with the first argument that names each."""
    named = {data["unit"]: "unit"} if data["unit"] != "row" else {}
    named |= {data[k]: k for k in ("weight", "label") if data[k] is not None}
    return named | dict.fromkeys(data["strata"], "strata") | dict.fromkeys(data["groups"], "groups")


def _audit(rows: Any, config: Config, test: Any = None, named: Mapping[str, str] | None = None) -> AuditResult:
    from pathlib import Path

    from audit.pipeline.run import conclude, now
    from audit.pipeline.sources import open_source
    from audit.pipeline.stages import Findings, audit_model, audit_parts
    from audit.tables.open import open_frame
    from audit.tables.table import Table

    found, started = Findings(), now()
    dialect = UNSAID if config.data.csv is None else config.data.csv.dialect

    def opened(given: Any, shown: str) -> Table:
        table = open_source(given, dialect=dialect) if isinstance(given, (str, Path)) else open_frame(given, shown)
        for column, argument in (named or {}).items():
            try:
                table.require((column,))
            except SourceError as error:
                raise SourceError(f"{argument}: {error}") from None
        return table

    table = opened(rows, "the table")
    if config.predictions is None:
        parts = {} if test is None else {"test": opened(test, "the test part")}
        audit_parts(table, parts, config, found, nullcontext)
    else:
        audit_model(table, config, found, nullcontext)
    run = Run(id=f"memory-{secrets.token_hex(4)}", started=started, finished=now(), version=__version__)
    return conclude(config, found, run)


def _engine_of(frame: Any) -> str | None:
    """Engine that alone can count a frame."""
    from audit.tables.frames import may_be_lazy

    if not may_be_lazy(frame):
        return None
    from audit.tables.lazy import is_spark

    return "spark" if is_spark(frame) else None


def _config(data: Mapping[str, Any], asked: Mapping[str, Any] | None, gates: Any, policy: Mapping[str, Any]) -> Config:
    rules = rules_of(make_plain(gates), "data" if asked is None else "model")
    raw: dict[str, Any] = {"data": {k: make_plain(v) for k, v in data.items() if v is not None}, "policy": policy}
    crossed = raw["data"].setdefault("intersections", 1)
    if type(crossed) is int and crossed >= 1:
        raw["data"]["intersections"] = max(crossed, deepest(rules))
    if asked is not None:
        raw["predictions"] = {k: make_plain(v) for k, v in asked.items() if v is not None}
    else:
        raw["data"]["source"] = "memory"
    return build(raw | ({"gates": rules} if rules else {}), "the question")
