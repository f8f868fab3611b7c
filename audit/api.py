"""The same audit from Python: arrays and frames in, a result object out. Nothing is written to disk."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, Literal, get_args, overload

from audit._version import __version__
from audit.axes import Task
from audit.config.merging import name_targets
from audit.config.options import CLASS, COLUMN, DIALECT, LEVELS, MERGES, NAMES, SHARES, AskedKey, Door, Reading
from audit.config.read import build, refuse_idle_neighbours, translate_errors
from audit.config.schema import Config
from audit.config.sections import UNASKED_THRESHOLD, find_keys
from audit.config.written_limits import Gates, find_deepest, read_rules
from audit.errors import QuestionError, SourceError, ValuesError, printable
from audit.estimate import Estimate
from audit.record.result import AuditResult, Run
from audit.tables.arrays import name_attributes as attributes_of
from audit.tables.arrays import name_features, refuse_clash, refuse_misaligned, require_one_column
from audit.tables.formats.dialect import UNSAID, make_dialect
from audit.tables.python_values import (
    describe_value,
    make_merge,
    make_plain,
    make_population,
    make_reference,
    name,
    require_callables,
    require_level,
    require_names,
    to_plain,
)

Y_TRUE, Y_PRED, SCORE, WEIGHT, UNIT = "y_true", "y_pred", "score", "weight", "unit"
WORDS: Mapping[Door, dict[str, str]] = {
    "measure": {"classes = true": 'task="multiclass"', "[predictions]": f"{Y_PRED} or {SCORE}"},
    "check": {"classes = true": "classes=True", "[predictions]": "prediction here, only in audit.measure"},
}
"""What is no argument of a function, in the words of its arguments."""
READERS: Mapping[Reading, Callable[[Any, str], Any]] = {
    COLUMN: name,
    CLASS: require_level,
    NAMES: require_names,
    DIALECT: lambda csv, _: make_dialect(csv).table,
}


def measure(
    y_true: Any = None,
    y_pred: Any = None,
    *,
    groups: Any = None,
    task: str = "classification",
    against: Any = None,
    score: Any = None,
    threshold: float | Literal["median"] | None = None,
    exact_auc: bool = False,
    features: Any = None,
    neighbours: int | None = None,
    query: Any = None,
    rank: Any = None,
    top: Sequence[int] | None = None,
    weight: Any = None,
    unit: Any = None,
    positive: Any = None,
    favourable: Any = None,
    reference: Any = None,
    merge: Any = None,
    intersections: int = 1,
    confidence: float = 0.95,
    compare_to: str | Sequence[str] = (),
    gates: Gates = (),
    four_fifths: bool = False,
    least_rows: int = 0,
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
    against
        Earlier decisions about the same rows, shape (n,), of the same two classes: what changed, and who lost.
    score, threshold
        Finite scores, shape (n,); one at or above the threshold, 0.5 by default, is a positive prediction where there
        is no ``y_pred``. With ``"median"``, one above the median of all scores.
    exact_auc
        Sort all rows by score once, so that every AUC, ``average_precision`` and ``abroca`` are exact and not bounded
        by what score bins hide. Of more than 4 million rows, 50 groups, or 20 million rows times other groups,
        ``abroca`` keeps these bounds and says so.
    features, neighbours
        What makes two rows alike, as ``groups`` is given: numbers, text or truth values. With them there is a flip test
        against the nearest neighbours in the reference group: 5, or another odd number of them.
    query, rank, top
        Of a ranking: the list that each item is in, shape (n,), all in one by default; its place, 1 at the top, or a
        ``score`` instead; and how many first places `skew_at_k` looks at, [10] by default.
    weight
        Finite weights, not negative, shape (n,).
    unit
        Whom each row belongs to, shape (n,); every row is its own where none is given.
    positive
        The class that counts as positive; needed unless labels are 0 and 1.
    favourable
        The class that is good for the person, so that sentences say who is worse off: the positive one, or another one
        where the positive one is a harm. Adverse impact is then of not being in the positive class.
    reference
        Group that the others are compared with: a level as the column holds it, or a mapping of column to level. The
        largest by default.
    merge
        Levels that are joined before anything is counted, by group column and new name, such as
        ``{"race": {"other": ["Asian", "Inuit"]}}``; ``reference`` then names the new ones.
    intersections, confidence
        Audit crossings of up to this many group columns; how sure every interval is.
    compare_to
        Whom each group is compared with beside the other groups: ``overall``, ``rest``, or both.
    gates
        Limits to judge: one or a list, each as the command writes it (``"selection_rate ratio >= 0.8"``) or as a table
        of ``[[gates]]`` in audit.toml.
    four_fifths
        Whether adverse impact by any group column, under 4/5 and significant, fails the audit.
    least_rows
        Groups of which fewer rows stand behind a number are excluded from its limit, by name; 0 excludes none.
    metrics
        Your own functions ``f(y_true, y_pred)`` by name, called per group through Fairlearn's MetricFrame; with
        weights they get ``sample_weight``. Their values carry no interval and cannot be judged; where one raises for
        a group, it is undefined there.

    Returns
    -------
    AuditResult
        It shows itself in a notebook and in print, and has ``verdict``, ``gates``, ``checks``, ``estimates``,
        ``find()``, ``plot()``, ``to_frame()`` and ``to_json()``.

    Raises
    ------
    AuditError
        When any input is invalid.

    Examples
    --------
    >>> result = measure([1, 1, 0, 0], [1, 0, 0, 0], groups={"sex": ["f", "m", "f", "m"]})
    >>> result.find("selection_rate", by=["sex"], group=["f"])[0].value
    0.5
    """
    given = dict(locals())
    decided = y_pred is not None or score is not None or rank is not None
    if str(task) == "items":  # an array has no truth value
        raise QuestionError(
            "items are audited as a table, with their templates: audit model items.parquet --task items"
        )
    if y_true is None and (task in {"regression", "multiclass"} or not (decided or task == "ranking")):
        raise QuestionError(
            "y_true is missing; give the labels (only y_pred, score and a ranking are audited without labels)"
        )
    columns_of_rows = [key.argument for key in find_keys("measure").values() if key.option.reads is COLUMN]
    roles = {k: require_one_column(given[k], f"'{k}'") for k in columns_of_rows if given[k] is not None}
    if groups is None:
        raise QuestionError('groups are missing; give the group of each row, such as groups={"sex": [...]}, or a frame')
    attributes = attributes_of(groups)
    refuse_clash(attributes, roles)
    alike = name_features(features, {**roles, **attributes})
    columns = {**roles, **attributes, **alike}
    refuse_misaligned(columns, {**dict.fromkeys(attributes, "groups"), **dict.fromkeys(alike, "features")})
    own, crossed = require_callables(metrics), to_plain(intersections)
    named = {role: role for role in roles} | {"groups": tuple(attributes), "features": tuple(alike)}
    sections = _fill_sections("measure", given, {argument: value for argument, value in named.items() if value})
    with translate_errors(_name_arguments("measure")):
        sections["predictions"] = _complete_predictions(sections["predictions"], task)
    _refuse_limits_on(own, gates)
    with translate_errors(_name_arguments("measure")):
        result = _audit(columns, _build_question(sections, gates))
    if not own:
        return result
    merged = name_targets(sections["data"].get("merge", {}))
    return replace(result, estimates=result.estimates + _measure_own(own, roles, attributes, crossed, merged))


@overload
def pairs(
    y_pred: Mapping[str, Any], against: Any, y_true: Any = None, *, groups: Any = None, **asked: Any
) -> dict[str, AuditResult]: ...
@overload
def pairs(y_pred: Any, against: Any, y_true: Any = None, *, groups: Any = None, **asked: Any) -> AuditResult: ...
def pairs(
    y_pred: Any, against: Any, y_true: Any = None, *, groups: Any = None, **asked: Any
) -> AuditResult | dict[str, AuditResult]:
    """Compare two decisions about the same rows: what changed, who lost by it, and how sure that is.

    Parameters
    ----------
    y_pred
        New decisions, shape (n,); or several candidates, a mapping of names to such decisions.
    against
        Earlier decisions, shape (n,).
    y_true
        Labels, shape (n,); without them it is measured who is selected more or less often than before.
    groups, **asked
        As in `measure`: ``unit``, ``weight``, ``gates``, ….

    Returns
    -------
    AuditResult
        As of `measure`, with what changed beside it: ``churn``, ``net_change``, ``selection_rate_change``, …. Of
        several candidates, one result each by its name.

    Raises
    ------
    AuditError
        When any input is invalid.

    Examples
    --------
    >>> result = pairs([1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 0, 1], groups={"sex": ["f", "f", "m", "m"]})
    >>> result.find("net_change", by=["sex"], group=["f"])[0].value
    0.5
    """
    if y_pred is None or against is None:
        raise QuestionError("y_pred or against is missing; give both decisions about each row")
    if not isinstance(y_pred, Mapping):
        return measure(y_true, y_pred, groups=groups, against=against, **asked)
    if not y_pred or not all(isinstance(key, str) for key in y_pred):
        raise QuestionError("y_pred holds no candidate by name; write {'name': decisions}, with one about each row")
    if lacking := next((key for key, new in y_pred.items() if new is None), None):
        raise QuestionError(f"y_pred: candidate '{printable(lacking)}' has no decisions; give one about each row")
    found = {}
    for candidate, new in y_pred.items():
        try:
            found[candidate] = measure(y_true, new, groups=groups, against=against, **asked)
        except (QuestionError, SourceError, ValuesError) as error:
            raise type(error)(f"y_pred, candidate '{printable(candidate)}': {error}") from error
    return found


def _name_arguments(door: Door) -> dict[str, str]:
    """Return the arguments of a function by what they are in audit.toml."""
    return {key: asked.argument for key, asked in find_keys(door).items()} | WORDS[door]


def _fill_sections(door: Door, given: Mapping[str, Any], named: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the sections of the question, filled by the names of the arguments.

    Parameters
    ----------
    door
        `measure` or `check`; an argument that is as the function's signature has it asks nothing.
    given
        All arguments.
    named
        Names of columns, for arguments that hold their values.
    """
    unasked = inspect.signature(measure if door == "measure" else check).parameters
    sections: dict[str, dict[str, Any]] = {"data": {}, "predictions": {}, "policy": {}}
    for key, asked in find_keys(door).items():
        argument = asked.argument
        if argument in named:
            sections[asked.section][key] = named[argument]
        elif given[argument] is not unasked[argument].default:
            groups = sections["data"].get("groups", ())
            sections[asked.section][key] = _read_argument(asked, given[argument], groups)
    return sections


def _read_argument(asked: AskedKey, given: Any, groups: tuple[str, ...]) -> Any:
    """Return the value of a key from what an argument was given."""
    if asked.option.reads is LEVELS:
        return make_reference(given, groups)
    if asked.option.reads is SHARES:
        return make_population(given, groups)
    if asked.option.reads is MERGES:
        return make_merge(given, groups)
    read = READERS.get(asked.option.reads)
    return given if read is None else read(given, asked.argument)


def _complete_predictions(asked: dict[str, Any], task: Any) -> dict[str, Any]:
    """Return section [predictions] of the question about arrays; empty where labels alone are looked at."""
    if not isinstance(task, str):
        raise QuestionError(f"task must be one of {', '.join(get_args(Task))}, not {describe_value(task)}")
    if (
        "threshold" in asked
        and SCORE not in asked
        and (task == "classification" or to_plain(asked["threshold"]) == UNASKED_THRESHOLD)
    ):
        raise QuestionError("threshold needs scores; give score, or remove threshold")
    refuse_idle_neighbours(asked, "the configuration")
    if task == "classification" and not set(asked) - {"task"}:
        return {}
    top = asked.get("top")
    return {"source": "memory", "task": task, **asked, "top": [top] if isinstance(to_plain(top), int) else top}


def _refuse_limits_on(own: Mapping[str, Any], gates: Any) -> None:
    """Refuse a limit on a user's own metric, whose values carry no interval."""
    named = (rule.get("metric") for rule in read_rules(make_plain(gates), "model"))
    stray = next((name for name in named if isinstance(name, str) and name in own), None)
    if stray is not None:
        raise QuestionError(
            f"gates: '{stray}' is a metric of your own, which has no interval and cannot be judged; set the limit on a "
            "metric of the catalogue (`audit metrics`)"
        )


def _measure_own(
    metrics: Mapping[str, Callable[..., float]],
    roles: Mapping[str, Any],
    attributes: Mapping[str, Any],
    intersections: int,
    merged: Mapping[str, Mapping[str, str]],
) -> tuple[Estimate, ...]:
    from audit.axes import name_level
    from audit.measurement.own_metrics import own_estimates
    from audit.tables.open import open_frame

    predicted = roles.get(Y_PRED, roles.get(SCORE))
    if Y_TRUE not in roles:
        raise QuestionError("metrics need labels; give y_true")
    if predicted is None:
        raise QuestionError("metrics need predictions; give y_pred or score")
    frame = open_frame(attributes).to_pandas()
    levels = {c: [name_level(v) for v in frame[c].astype(object)] for c in attributes}
    for c, names in merged.items():
        levels[c] = [None if level is None else names.get(level, level) for level in levels[c]]
    return own_estimates(metrics, roles[Y_TRUE], predicted, levels, roles.get(WEIGHT), intersections)


def check(
    frame: Any = None,
    *,
    test: Any = None,
    label: str | None = None,
    positive: Any = None,
    favourable: Any = None,
    classes: bool = False,
    groups: str | Sequence[str] = (),
    weight: str | None = None,
    unit: str | None = None,
    strata: str | Sequence[str] = (),
    reference: Any = None,
    population: Mapping[str, Mapping[Any, float]] | None = None,
    merge: Any = None,
    intersections: int = 1,
    confidence: float = 0.95,
    compare_to: str | Sequence[str] = (),
    gates: Gates = (),
    least_rows: int = 0,
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
    favourable
        As in `measure`.
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
    merge, intersections, confidence, compare_to, gates, least_rows
        As in `measure`.
    csv
        How a CSV that is named by its path is written, such as ``"separator=;,decimal=,,encoding=latin-1"``.

    Returns
    -------
    AuditResult
        As of `measure`, with the checks of the data in ``checks``.

    Raises
    ------
    AuditError
        When any input is invalid.

    Examples
    --------
    >>> people = {"sex": ["f", "m"] * 60, "income": range(120), "hired": [0, 1, 1, 1] * 30}
    >>> result = check(people, label="hired", groups=["sex"])
    >>> [check.code for check in result.checks if check.outcome == "warn"]
    ['DB003', 'DB006', 'DP002']
    """
    if frame is None:
        raise QuestionError("frame is missing; give the table or its path")
    sections = _fill_sections("check", dict(locals()), {})
    data = sections["data"]
    idle = next(
        (key for key in ("positive", "favourable", "strata") if data.get(key) not in (None, ()) and label is None), None
    )
    if idle is not None:
        raise QuestionError(f"{idle} needs a label; name its column (label), or remove {idle}")
    data["engine"] = _find_engine(frame)
    with translate_errors(_name_arguments("check")):
        return _audit(frame, _build_question(sections, gates), test, _list_named_columns(data))


def _list_named_columns(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns that arguments name, with the first argument that names each."""
    unit = data.get("unit", "row")
    named = {} if unit == "row" else {unit: "unit"}
    named |= {data[key]: key for key in ("weight", "label") if key in data}
    return named | dict.fromkeys(data.get("strata", ()), "strata") | dict.fromkeys(data.get("groups", ()), "groups")


def _audit(rows: Any, config: Config, test: Any = None, named: Mapping[str, str] | None = None) -> AuditResult:
    from pathlib import Path

    from audit.counting.backends.choose import open_source
    from audit.pipeline.run import conclude, now
    from audit.pipeline.stages import Findings, audit_model, audit_parts
    from audit.tables.open import open_frame
    from audit.tables.table import Table

    found, started = Findings(), now()
    dialect = UNSAID if config.data.csv is None else config.data.csv.dialect

    def open_part(given: Any, shown: str) -> Table:
        table = open_source(given, dialect=dialect) if isinstance(given, (str, Path)) else open_frame(given, shown)
        for column, argument in (named or {}).items():
            try:
                table.require((column,))
            except SourceError as error:
                raise SourceError(f"{argument}: {error}") from None
        return table

    table = open_part(rows, "the table")
    if config.predictions is None:
        parts = {} if test is None else {"test": open_part(test, "the test data")}
        audit_parts(table, parts, config, found, nullcontext)
    else:
        audit_model(table, config, found, nullcontext)
    run = Run(id=f"memory-{secrets.token_hex(4)}", started=started, finished=now(), version=__version__)
    return conclude(config, found, run)


def _find_engine(frame: Any) -> str | None:
    """Return the engine that alone can count a frame, or None where any can."""
    from audit.tables.frames import may_be_lazy

    if not may_be_lazy(frame):
        return None
    from audit.tables.lazy import is_spark

    return "spark" if is_spark(frame) else None


def _build_question(sections: Mapping[str, Mapping[str, Any]], gates: Any) -> Config:
    """Return the question that filled sections and limits ask."""
    predictions = {k: make_plain(v) for k, v in sections["predictions"].items() if v is not None}
    rules = read_rules(make_plain(gates), "model" if predictions else "data")
    data = {k: make_plain(v) for k, v in sections["data"].items() if v is not None}
    crossed = data.setdefault("intersections", 1)
    if type(crossed) is int and crossed >= 1:
        data["intersections"] = max(crossed, find_deepest(rules))
    raw: dict[str, Any] = {"data": data, "policy": {k: to_plain(v) for k, v in sections["policy"].items()}}
    if predictions:
        raw["predictions"] = predictions
    else:
        data["source"] = "memory"
    return build(raw | ({"gates": rules} if rules else {}), "the configuration")
