"""Errors against errors, and how evenly benefits are spread: statistics of the confusion table without an upper bound.

Adding one is adding one record to `BENEFITS`: what lies between 0 and 1, and how the value rises with it. The benefit
of a person is prediction - label + 1: 0 for a false negative, 2 for a false positive, 1 for everybody else.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from audit.measurement.metrics.confusion import divide, sum_without_true_negatives
from audit.measurement.metrics.kinds import (
    LABEL_POSITIVE,
    WRONG,
    Compare,
    GroupStatistic,
    Metric,
    Rate,
    Rising,
    Statistic,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit.measurement.inference.intervals import Floats

_BOTH = ("label", "prediction")
_SIZE = (0.0, math.inf)
_TABLE = "Balance of errors, benefits"
_CLARIFY = "Amazon SageMaker Clarify, post-training metrics"
_SPEICHER = "Speicher et al. (2018), KDD, section 2"
_NOBODY = "0/0: no rows, or every row is a false negative, so that there is no benefit"


def _odds(p: Floats) -> Floats:
    """Return ``p / (1 - p)``."""
    import numpy as np

    out: Floats = np.full(np.shape(p), np.inf)
    return np.divide(p, 1 - np.asarray(p), out=out, where=np.asarray(p) < 1)


def _identity(p: Floats) -> Floats:
    return p


def _half_odds(p: Floats) -> Floats:
    return _odds(p) / 2


def _root_odds(p: Floats) -> Floats:
    import numpy as np

    return np.sqrt(_odds(p))


def _minus_log_rest(p: Floats) -> Floats:
    """Return ``-ln(1 - p)``."""
    import numpy as np

    out: Floats = np.full(np.shape(p), -np.inf)
    return 0.0 - np.log1p(-np.asarray(p), out=out, where=np.asarray(p) < 1)


def _share(first: Floats, second: Floats) -> Floats:
    """Return ``first / (first + second)``; NaN where both are 0."""
    return divide(first, first + second)


def _actual_of_predicted(_tn: Floats, fp: Floats, fn: Floats, tp: Floats) -> Floats:
    return _share(tp + fn, tp + fp)


def _actual_of_rejected(tn: Floats, fp: Floats, fn: Floats, _tp: Floats) -> Floats:
    return _share(tn + fp, tn + fn)


def _not_true_positive(tn: Floats, fp: Floats, fn: Floats, _tp: Floats) -> Floats:
    return tn + fp + fn


def _rows(tn: Floats, fp: Floats, fn: Floats, tp: Floats) -> Floats:
    return tn + fp + fn + tp


def _of_benefit(function: Callable[[Any, Any, Any], Any]) -> Callable[..., Any]:
    """Return a statistic of mean benefit, share of false positives and of false negatives; NaN without any benefit."""

    def of(tn: Floats, fp: Floats, fn: Floats, tp: Floats) -> Floats:
        import numpy as np

        rows, benefit = tn + fp + fn + tp, tn + tp + 2 * fp
        known = np.asarray(benefit) > 0
        n = np.where(known, rows, 1.0)
        mean = np.where(known, benefit, 1.0) / n
        twice = np.where(known, fp, 0.0) / n
        none = np.where(known, fn, 0.0) / n
        found: Floats = np.where(known, function(mean, twice, none), np.nan)
        return found

    return of


def _spread(mean: Floats, twice: Floats, none: Floats) -> Floats:
    """Return the variance of the benefit over its mean square: v^2 / (1 + v^2), v the coefficient of variation."""
    import numpy as np

    return np.maximum(0.0, 1 - mean**2 / (1 - none + 3 * twice))


def _theil(mean: Floats, twice: Floats, _none: Floats) -> Floats:
    """Return ``1 - exp(-T)``."""
    import numpy as np

    return np.maximum(0.0, 1 - mean * np.exp(-2 * twice * math.log(2) / mean))


def _deviation(mean: Floats, twice: Floats, none: Floats) -> Floats:
    """Return ``1 - exp(-L)``: the geometric mean of the benefit falls short of the mean by this share."""
    import numpy as np

    return np.where(none > 0, 1.0, np.maximum(0.0, 1 - np.exp2(twice) / mean))


def _atkinson(mean: Floats, twice: Floats, none: Floats) -> Floats:
    """Return the shortfall of the mean of order 1/2: the square of the mean root."""
    import numpy as np

    return np.clip(1 - (1 - none - twice + math.sqrt(2) * twice) ** 2 / mean, 0.0, 1.0)


_below = partial(Statistic, stage="model", needs=_BOTH, text="", ideal="", source=_SPEICHER)
"""What lies between 0 and 1 behind a value, under the same name."""
_rising = partial(Rising, stage="model", needs=_BOTH)


def _conditional(
    *,
    name: str,
    title: str,
    cells: str,
    of: Callable[..., Any],
    support: Callable[..., Any],
    outcome: int,
    done: str,
    short: str,
) -> Rising:
    """Return the ratio of two shares of the same rows."""
    neither = f"label = {outcome} or prediction = {outcome}"
    return _rising(
        name=name,
        title=title,
        range=_SIZE,
        judged=("highest", "difference", "ratio"),
        table=_TABLE,
        below=_below(
            name=name, title=title, of=of, support=support, empty=f"0/0: no rows with {neither}", capped=False
        ),
        rises=_odds,
        text=cells,
        infinite=f"x/0: no rows with prediction = {outcome}, but some with label = {outcome}",
        ideal="1 in every group",
        source=f"{_CLARIFY} ({short})",
        caveat=f"below 1: predicted {done} more often than labelled {done}",
    )


def _inequality(
    *,
    name: str,
    title: str,
    of: Callable[..., Any],
    rises: Callable[[Any], Any],
    text: str,
    judged: tuple[Compare, ...] = ("highest", "difference"),
    table: str = "",
    source: str = _SPEICHER,
    span: tuple[float, float] = _SIZE,
    **more: Any,
) -> Rising:
    """Return how unevenly benefits are spread."""
    return _rising(
        name=name,
        title=title,
        range=span,
        judged=judged,
        table=table,
        below=_below(name=name, title=title, of=_of_benefit(of), support=_rows, empty=_NOBODY),
        rises=rises,
        text=f"{text}, b = prediction - label + 1",
        ideal="0",
        source=source,
        **more,
    )


TREATMENT_EQUALITY = _rising(
    name="treatment_equality",
    title="Treatment equality (false negatives per false positive)",
    range=_SIZE,
    judged=("highest", "difference", "ratio"),
    table=_TABLE,
    below=Rate(
        name="treatment_equality",
        title="Treatment equality (false negatives per false positive)",
        stage="model",
        needs=_BOTH,
        event=LABEL_POSITIVE,
        given=WRONG,
        ideal="",
        source=_CLARIFY,
    ),
    rises=_odds,
    text="FN / FP",
    infinite="x/0: there are false negatives, but no false positives",
    ideal="equal across groups",
    source=f"Berk et al. (2021), Sociological Methods and Research 50:3; {_CLARIFY} (TE)",
    caveat="shows which error is more frequent, not how many errors there are",
)
CONDITIONAL_ACCEPTANCE = _conditional(
    name="conditional_acceptance",
    title="Conditional acceptance",
    cells="(TP + FN) / (TP + FP)",
    of=_actual_of_predicted,
    support=sum_without_true_negatives,
    outcome=1,
    done="positive",
    short="DCA: reference less group",
)
CONDITIONAL_REJECTION = _conditional(
    name="conditional_rejection",
    title="Conditional rejection",
    cells="(TN + FP) / (TN + FN)",
    of=_actual_of_rejected,
    support=_not_true_positive,
    outcome=0,
    done="negative",
    short="DCR: group less reference",
)
ENTROPY = _inequality(
    name="generalized_entropy_index",
    title="Generalised entropy of benefits",
    of=_spread,
    rises=_half_odds,
    text="mean of ((b / mean b)^2 - 1) / 2",
    table=_TABLE,
)
THEIL = _inequality(
    name="theil_index",
    title="Theil index of benefits",
    of=_theil,
    source=f"Theil (1967), Economics and Information Theory; {_SPEICHER}",
    rises=_minus_log_rest,
    text="mean of (b / mean b) ln(b / mean b)",
)
MEAN_LOG_DEVIATION = _inequality(
    name="mean_log_deviation",
    title="Mean log deviation of benefits",
    of=_deviation,
    rises=_minus_log_rest,
    text="-mean of ln(b / mean b)",
    judged=(),
    instead="theil_index",
    infinite="infinite: a row has no benefit (a false negative)",
    open="no interval: one false negative makes it infinite, and a sample without one does not exclude it",
    caveat="AIF360 divides it by the mean benefit once more",
)
ATKINSON = _inequality(
    name="atkinson_index",
    title="Atkinson index of benefits",
    of=_atkinson,
    rises=_identity,
    text="1 - (mean of b^(1/2))^2 / mean b",
    source="Atkinson (1970), Journal of Economic Theory 2:244; LiFT (Vasudevan and Kenthapadi 2020)",
    span=(0.0, 1.0),
    caveat="aversion 1/2; with aversion 1 it is 1 if there is a false negative",
)
VARIATION = _inequality(
    name="coefficient_of_variation",
    title="Coefficient of variation of benefits",
    of=_spread,
    rises=_root_odds,
    text="standard deviation of b / mean b",
    caveat="AIF360 returns it times the square root of 2",
)
BENEFITS: tuple[Rising, ...] = (
    TREATMENT_EQUALITY,
    CONDITIONAL_ACCEPTANCE,
    CONDITIONAL_REJECTION,
    ENTROPY,
    THEIL,
    MEAN_LOG_DEVIATION,
    ATKINSON,
    VARIATION,
)


def _between_groups(*, name: str, title: str, text: str) -> GroupStatistic:
    return GroupStatistic(
        name=name,
        title=title,
        stage="model",
        needs=_BOTH,
        judged=(),
        instead="the difference of selection_rate or of error_rate",
        range=_SIZE,
        ideal="the value expected by chance",
        text=f"{text}, m the group's mean of b = prediction - label + 1, weighted by size",
        source=f"{_SPEICHER} (between-group term)",
        caveat="above 0 even for equal groups; the value expected for equal groups is beside it",
    )


BETWEEN_ENTROPY = _between_groups(
    name="between_group_generalized_entropy_index",
    title="Generalised entropy of benefits between groups",
    text="mean of ((m / mean b)^2 - 1) / 2",
)
BETWEEN_THEIL = _between_groups(
    name="between_group_theil_index",
    title="Theil index of benefits between groups",
    text="mean of (m / mean b) ln(m / mean b)",
)
BETWEEN: tuple[Metric, ...] = (BETWEEN_ENTROPY, BETWEEN_THEIL)
METRICS: tuple[Metric, ...] = (*BENEFITS, *BETWEEN)
