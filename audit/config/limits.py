"""Which limits make sense: a bound that can never fail, or a metric that does not exist, is refused when it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from audit.errors import no_such

ENERGY = ("energy_kwh", "carbon_g")
CHECKS = ("failed",)
SIGNED = (
    "class_imbalance",
    "difference_in_proportions_of_labels",
    "conditional_demographic_disparity",
    "conditional_demographic_disparity_in_predicted_labels",
)
"""Judged by the largest absolute value over groups."""
DISTANCES = ("kl_divergence", "js_divergence", "lp_norm", "total_variation_distance", "ks_distance",
             "smoothed_empirical_differential_fairness")  # fmt: skip
"""Printed, and not judged: judge the difference in proportions of labels, which has an interval."""
OF_PREDICTIONS = (
    "ks_distance_of_predictions",
    "wasserstein_distance_of_predictions",
    "residual_correlation_ratio",
)
"""Printed, and not judged: judge the difference in mean prediction, or in mean error."""
OF_NUMBERS = {
    "mean_error": ("difference",),
    "mean_prediction": ("difference",),
    "mean_absolute_error": ("highest", "difference"),
    "root_mean_squared_error": ("highest", "difference"),
    "r2": ("lowest", "difference"),
}
"""Comparisons that a limit may ask of each metric of a regression; its numbers have the label's unit."""


def check_limits(
    stage: str, metric: str, compare: str | None, low: float | None, high: float | None, by: Sequence[str] | None
) -> str | None:
    """Comparison that a gate means, after every way to get it wrong has been refused.

    Raises
    ------
    ValueError
        Named by pydantic with the gate's place in the file.
    """
    if stage in {"energy", "checks"}:
        _plain(stage, metric, compare, low, high, by)
        return None
    entry = _entry(stage, metric)
    if metric in DISTANCES:
        raise ValueError(
            f"metric '{metric}' has no interval to judge by; judge difference_in_proportions_of_labels instead"
        )
    if metric in OF_PREDICTIONS:
        other = "mean_error" if metric == "residual_correlation_ratio" else "mean_prediction"
        raise ValueError(f"metric '{metric}' has no interval to judge by; judge the difference of {other} instead")
    if metric in OF_NUMBERS:
        return _of_numbers(metric, compare, low, high)
    fixed = getattr(entry, "compare", None)
    if fixed is not None and compare not in {None, fixed}:
        raise ValueError(f"metric '{metric}' is a {fixed} already; leave compare out")
    compare = fixed or compare or _meant(metric, low, high, by)
    if metric in SIGNED and compare != "largest":
        raise ValueError(
            f"metric '{metric}' is judged by its largest absolute value over groups; leave compare out and give max"
        )
    _bounds(metric, compare, low, high)
    return compare


def check_task(metric: str, task: str, where: str) -> None:
    """Refuse a limit on a metric that the task does not have.

    Raises
    ------
    ValueError
        Named by pydantic with the gate's place in the file.
    """
    needed = "regression" if metric in OF_NUMBERS else "classification"
    if task != needed:
        raise ValueError(f"{where}: '{metric}' is a metric of the task {needed}, but [predictions] task is {task}")


def _of_numbers(metric: str, compare: str | None, low: float | None, high: float | None) -> str:
    """Comparison of a regression's metric; limits are in the label's unit, so no range but the sign is known."""
    allowed = OF_NUMBERS[metric]
    if low is not None and high is not None:
        raise ValueError("gives min and max; write two gates, one for each")
    meant = compare or ("difference" if metric == "r2" and high is not None else allowed[0])
    if meant not in allowed:
        raise ValueError(f"metric '{metric}' is judged by its {' or '.join(allowed)}, not by its {meant}")
    if meant == "lowest":
        if low is None or low >= 1:
            raise ValueError(f"the lowest of {metric} is at most 1; give a min below 1, so that the gate can pass")
        return meant
    if high is None:
        raise ValueError(f"min = {low:g} cannot be asked of the {meant} of {metric}; 0 is fair, so give max")
    if high <= 0:
        raise ValueError(f"max = {high:g} must be above 0, in the unit of the label, so that the gate can pass")
    return meant


def _entry(stage: str, metric: str) -> Any:
    from audit.metrics import CATALOGUE, DATA_METRICS, MODEL_METRICS

    names = MODEL_METRICS if stage == "model" else DATA_METRICS
    if metric not in names:
        elsewhere = "" if metric not in CATALOGUE else f" (it belongs to another stage than '{stage}')"
        raise ValueError(no_such(f"{stage} metric", metric, names) + elsewhere)
    return CATALOGUE[metric]


def _meant(metric: str, low: float | None, high: float | None, by: Sequence[str] | None) -> str | None:
    """Without a comparison, a floor holds for the lowest group and a ceiling for the highest."""
    if by is not None and len(by) == 0:
        return None
    if metric in SIGNED:
        return "largest"
    if low is not None and high is not None:
        raise ValueError("gives min and max; write two gates, one for each")
    return "lowest" if low is not None else "highest"


def _bounds(metric: str, compare: str | None, low: float | None, high: float | None) -> None:
    wants_max = compare in {"difference", "highest", "largest"}
    wants_min = compare in {"ratio", "lowest"}
    if wants_max and low is not None:
        raise ValueError(f"min = {low:g} cannot be asked of the {compare} of {metric}; 0 is fair, so give max")
    if wants_min and high is not None:
        raise ValueError(f"max = {high:g} cannot be asked of the {compare} of {metric}; give min")
    if high is not None and not 0 <= high < 1:
        raise ValueError(
            f"max = {high:g} is outside the range [0, 1), so the gate could never {'fail' if high >= 1 else 'pass'}"
        )
    top = 1 if compare == "ratio" else 1 + 1e-12
    if low is not None and not 0 < low <= top:
        raise ValueError(
            f"min = {low:g} is outside the range (0, 1], so the gate could never {'fail' if low <= 0 else 'pass'}"
        )


def _plain(
    stage: str, metric: str, compare: str | None, low: float | None, high: float | None, by: Sequence[str] | None
) -> None:
    names = ENERGY if stage == "energy" else CHECKS
    if metric not in names:
        raise ValueError(no_such(f"{stage} metric", metric, names))
    if compare is not None or by:
        raise ValueError(f"a gate on {stage} compares no groups; leave compare and by out")
    if low is not None:
        raise ValueError(f"min = {low:g} cannot be asked of {metric}; give max")
    if high is None or high < 0:
        raise ValueError(f"max = {high} must be 0 or more, so that the gate can pass")
