"""Which limits make sense: a bound that can never fail, or a metric that does not exist, is refused when it is read."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from audit.errors import no_such
from audit.estimate import WORST_CLASS
from audit.measurement.metrics.kinds import Metric, split_comparison
from audit.measurement.metrics.other_names import OTHER_NAMES
from audit.record.energy import MEASURED_SHARE

ENERGY = ("energy_kwh", "carbon_g", "carbon_market_g", "embodied_g", "water_l", "sci_g", MEASURED_SHARE)
CHECKS = ("failed", "warned")
# As the codes of checks are written: two letters of the family, three digits.
CODE = re.compile(r"[A-Z]{2}[0-9]{3}")
"""A check of the data by its code is a metric of the checks too: how many parts it was found in."""
MACROS = {
    "balanced_accuracy": "macro_true_positive_rate",
    "f1": "macro_f1",
    "matthews_correlation": "multiclass_matthews_correlation",
}
"""Metrics of two classes by name, with what they become for several."""


def is_of_checks(metric: str) -> bool:
    """Return whether a limit speaks of checks: of how many failed or warned, or of one by its code."""
    return metric in CHECKS or bool(CODE.fullmatch(metric))


def translate_metric(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the gate in our own words, where it names its metric as another library does.

    Raises
    ------
    ValueError
        When it asks for another comparison than that name means.
    """
    name = rule.get("metric")
    other = OTHER_NAMES.get(name.strip()) if isinstance(name, str) and rule.get("stage", "model") == "model" else None
    if other is None:
        return rule
    compare = rule.get("compare")
    if other.compare is not None and compare not in (None, other.compare):
        raise ValueError(f"'{other.name}' is already the {other.meaning}; remove compare")
    return {**rule, "metric": other.metric, "compare": other.compare or compare}


def check_limits(
    stage: str, metric: str, compare: str | None, low: float | None, high: float | None, by: Sequence[str] | None
) -> str | None:
    """Return the comparison that a gate means, after every way to get it wrong has been refused.

    Raises
    ------
    ValueError
        Named by pydantic with the gate's place in the file.
    """
    if stage in {"energy", "checks"}:
        _check_total(stage, metric, compare, low, high, by)
        return None
    entry = _find_metric(stage, metric)
    if metric.endswith("_at_k"):
        raise ValueError(f"metric '{metric}' needs the number k; write {metric[:-1]}10, for example")
    if not entry.judged:
        task = "" if entry.task == "classification" else f' (task = "{entry.task}")'
        raise ValueError(f"metric '{metric}'{task} has no interval and cannot be judged; use {entry.instead}")
    if math.inf in entry.range or -math.inf in entry.range:
        meant = _choose_unbounded(entry, compare, low, high)
        # Of everybody there is one value and nothing to compare: its ceiling is no highest of several.
        alone = compare is None and meant in {"lowest", "highest"} and by is not None and not by
        _require_groups(stage, metric, None if alone else meant, by)
        return None if alone else meant
    fixed = getattr(entry, "compare", None)
    if fixed is not None and compare not in {None, fixed}:
        raise ValueError(f"metric '{metric}' is already a {fixed}; remove compare")
    compare = fixed or compare or _choose_comparison(entry, low, high, by)
    _require_groups(stage, metric, compare, by)
    if compare is not None and compare not in (entry.judged if fixed else entry.limits):
        raise ValueError(f"metric '{metric}' has no {compare}; available: {_describe_comparisons(entry)}")
    _check_bounds(entry, compare, low, high)
    return compare


def _require_groups(stage: str, metric: str, compare: str | None, by: Sequence[str] | None) -> None:
    """Refuse a comparison of no groups; the largest over all crossings of a model's is one without a grouping."""
    if by is None or by or compare is None or (stage, compare) == ("model", "largest"):
        return
    raise ValueError(
        f"by = [] names no groups, but the {compare} of {metric} compares groups; name columns in by, or remove by"
    )


def _describe_comparisons(entry: Metric) -> str:
    """Describe the comparisons by which a metric is judged."""
    if entry.judged == ("largest",):
        return "its largest absolute value over groups (remove compare and give max)"
    return ", ".join(entry.limits)


def check_task(metric: str, task: str, where: str) -> None:
    """Refuse a limit on a metric that the task does not have.

    Raises
    ------
    ValueError
        Named by pydantic with the gate's place in the file.
    """
    entry = _find_metric("model", metric)
    if task not in {entry.task, *entry.also}:
        instead = f"; use {_name_over_classes(entry)}" if task == "multiclass" and _name_over_classes(entry) else ""
        raise ValueError(
            f"{where}: '{metric}' needs task = \"{entry.task}\", but [predictions] task is {task}{instead}"
        )


def check_label(stage: Literal["data", "model"], metric: str, where: str, *, labelled: bool) -> None:
    """Refuse a limit on a metric of labels, or of decisions beside labels, where no label is named.

    Raises
    ------
    ValueError
        Named by pydantic with the gate's place in the file.
    """
    entry = _find_metric(stage, metric)
    if labelled or entry.task != "classification" or "label" not in entry.needs:
        return
    mend = "name its column ([data] label)"
    if stage == "model":
        mend += ", or use selection_rate"
    raise ValueError(f"{where}: '{metric}' needs a label; {mend}")


def check_earlier(metric: str, where: str, *, named: bool) -> None:
    """Refuse a limit on what changed, where no earlier decisions are named.

    Raises
    ------
    ValueError
        Named by pydantic with the gate's place in the file.
    """
    if not named and "against" in _find_metric("model", metric).needs:
        raise ValueError(f"{where} needs earlier decisions; name their column in [predictions] against")


def check_classes(metric: str, where: str, *, several: bool) -> None:
    """Refuse a limit on data that needs a positive label where there is none, or several classes where there are not.

    Raises
    ------
    ValueError
        Named by pydantic with the gate's place in the file.
    """
    over_classes = metric.startswith(WORST_CLASS)
    if over_classes and not several:
        raise ValueError(f"{where}: '{metric}' is for several classes; set [data] classes = true")
    if several and not over_classes and "label" in _find_metric("data", metric).needs:
        raise ValueError(
            f"{where}: '{metric}' needs a positive class, and the label has several classes; use worst_class_base_rate"
        )


def _name_over_classes(entry: Metric) -> str:
    """Return what speaks of several classes where a metric speaks of two, or an empty string."""
    from audit.measurement.metrics.catalogue import is_of_stage

    if entry.name in MACROS:
        return MACROS[entry.name]
    names = (f"{WORST_CLASS}{rate}" for rate in getattr(entry, "rates", (entry.name,)))
    return " and ".join(n for n in names if is_of_stage(n, "model"))


def _choose_unbounded(entry: Metric, compare: str | None, low: float | None, high: float | None) -> str:
    """Return the comparison of a metric without a range; only the sign of its limits can be wrong."""
    metric, allowed = entry.name, entry.limits
    if low is not None and high is not None:
        raise ValueError("has both min and max; write two limits, one for each")
    ceiling = "highest" if "highest" in allowed else "difference"
    meant = compare or (ceiling if allowed[0] == "lowest" and high is not None else allowed[0])
    if meant not in allowed:
        raise ValueError(f"metric '{metric}' has no {meant}; available: {', '.join(allowed)}")
    if meant == "ratio":
        _check_bounds(entry, meant, low, high)
        return meant
    if meant == "lowest":
        # Groups share out one list, so that the lowest of a quantity without a top is 0 where all are equal.
        top = 0 if math.isinf(entry.range[1]) else entry.range[1]
        if low is None or low >= top:
            raise ValueError(
                f"the lowest {metric} is at most {top:g}; give a min below {top:g}, so that the limit can pass"
            )
        return meant
    if high is None:
        raise ValueError(f"the {meant} of {metric} needs max (<=), not min = {low:g}{_describe_equality(meant)}")
    if high <= 0:
        unit = ", in the unit of the label" if entry.task == "regression" else ""
        raise ValueError(f"max = {high:g} must be above 0{unit}, so that the limit can pass")
    return meant


def _find_metric(stage: str, metric: str) -> Metric:
    from audit.measurement.metrics.catalogue import CATALOGUE, is_of_stage, metric_names, no_such_metric

    if is_of_stage(metric, stage):
        return CATALOGUE[metric]
    _refuse_other_stage(stage, metric)
    names = metric_names("model" if stage == "model" else "data")
    raise ValueError(no_such_metric(metric, (*names, *OTHER_NAMES) if stage == "model" else names))


def _refuse_other_stage(stage: str, metric: str) -> None:
    """Refuse a metric that exists, but is measured elsewhere."""
    from audit.measurement.metrics.catalogue import CATALOGUE

    if metric in ENERGY or is_of_checks(metric):
        own, of, command = ("energy", "energy", "") if metric in ENERGY else ("checks", "the data checks", "")
    elif metric in CATALOGUE:
        own = CATALOGUE[metric].stage
        of, command = ("the training data", "data") if own == "data" else ("predictions", "model")
    else:
        return
    if own != stage:
        use = f"use audit {command}, or " if command else ""
        raise ValueError(f"'{metric}' is a metric of {of}; {use}set stage = \"{own}\" in audit.toml")


def _choose_comparison(entry: Metric, low: float | None, high: float | None, by: Sequence[str] | None) -> str | None:
    """Return what a limit without a comparison means: a floor is of the lowest group, a ceiling of the highest."""
    if entry.judged[0] in {"largest", "between_groups"}:
        return entry.judged[0]
    if by is not None and len(by) == 0:
        return None
    if low is not None and high is not None:
        raise ValueError("has both min and max; write two limits, one for each")
    return "lowest" if low is not None else "highest"


def _check_bounds(entry: Metric, compare: str | None, low: float | None, high: float | None) -> None:
    metric, kind = entry.name, split_comparison(compare)[0]
    wants_max = kind in {"difference", "highest", "largest", "between_groups"}
    wants_min = kind in {"ratio", "lowest"}
    if wants_max and low is not None:
        raise ValueError(f"the {compare} of {metric} needs max (<=), not min = {low:g}{_describe_equality(kind)}")
    if wants_min and high is not None:
        raise ValueError(f"the {compare} of {metric} needs min (>=), not max = {high:g}{_describe_equality(kind)}")
    # A gap has no sign; a value of groups or of everybody may have one.
    least = min(0.0, entry.range[0]) if kind in {None, "lowest", "highest"} else 0.0
    if high is not None and not least <= high < 1:
        raise ValueError(
            f"max = {high:g} is outside the range [{least:g}, 1), so the limit could never "
            f"{'fail' if high >= 1 else 'pass'}"
        )
    top = 1 if kind == "ratio" else 1 + 1e-12
    if low is not None and not least < low <= top:
        raise ValueError(
            f"min = {low:g} is outside the range ({least:g}, 1], so the limit could never "
            f"{'fail' if low <= least else 'pass'}"
        )


def _describe_equality(kind: str | None) -> str:
    """Describe what a comparison is where groups are equal; empty for one that is no comparison of groups."""
    return {"difference": ": 0 means equal groups", "ratio": ": 1 means equal groups"}.get(kind or "", "")


def _check_total(
    stage: str, metric: str, compare: str | None, low: float | None, high: float | None, by: Sequence[str] | None
) -> None:
    names = ENERGY if stage == "energy" else CHECKS
    if metric not in names and not (stage == "checks" and CODE.fullmatch(metric)):
        _refuse_other_stage(stage, metric)
        also = "; or a check code, such as DL001 (audit checks lists them)" if stage == "checks" else ""
        raise ValueError(no_such(f"{stage} metric", metric, names) + also)
    if compare is not None or by:
        raise ValueError(f"a limit on {stage} compares no groups; remove compare and by")
    if metric == MEASURED_SHARE:
        if high is not None or low is None or not 0 < low <= 1:
            raise ValueError(f"{metric} needs min (>=), above 0 and at most 1, and no max")
        return
    if low is not None:
        raise ValueError(f"{metric} needs max (<=), not min = {low:g}")
    if high is None or high < 0:
        raise ValueError(f"max = {high} must be 0 or more, so that the limit can pass")
