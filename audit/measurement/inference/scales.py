"""Scales of means, root mean squares and R2: the statistic of sums, its variance, and the way back to its value.

Must not: see rows, names or limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from audit.measurement.inference.intervals import Floats

_MOMENTS = {
    "squared_error": ("squared_error_1_w4", "squared_error_2_w4", "squared_error_3_w4", "squared_error_4_w4"),
    "log_loss": ("log_loss_1_w4", "log_loss_2_w4", "log_loss_3_w4", "log_loss_4_w4"),
    "calibration": ("missing_1_w4", "squared_error_1_w4", "missing_3_w4", "squared_error_2_w4"),
}
"""Sums of the first four powers of each size, with fourth powers of weights."""
_RANGES = {"squared_error": (0.0, 1.0), "log_loss": (0.0, np.inf), "calibration": (-1.0, 1.0)}


FLAT = 1e-12
"""Share of the sum of squares under which a variance is rounding."""
UNSEEN = 2.0
"""Square of the error of the row that was not seen, in squares of the largest one."""
FARTHEST = 1e6
"""Squared distance of a group's mean label from the origin, in its variances, up to which fourth powers keep digits."""
Sums = Mapping[str, Floats]


class Scale(NamedTuple):
    """The scale on which an interval is symmetric: the statistic there, and the way back to its value."""

    point: Callable[[Sums], Floats]
    variance: Callable[[Sums], Floats]
    """Linearised variance of ``point`` for independent rows; NaN where rows do not differ."""
    back: Callable[[Floats], Floats]
    range: tuple[float, float]
    resting: Callable[[Sums], Floats] | None = None
    """How many rows carry the variance, of a skewed quantity; with few of them, Student's t has few degrees."""
    more: Callable[[Sums], Sums] | None = None
    """The sums with one large row that was not seen, for the limit on the side where a sample falls short."""
    marked_by: Callable[[Sums], Floats] | None = None
    """As ``resting``, of a mean whose interval stays Student's plain one: few of them only mark it."""
    lends: Literal["value", "log", "spread"] | None = None
    """What a larger group lends: its spread over the value, the same where points are logs, or as it stands."""
    falls: bool = False
    """Whether values fall where points rise."""
    sizes: Scale | None = None
    """Mean size of the rows, of a mean of signed ones."""


def _over(numerator: Floats, denominator: Floats) -> Floats:
    """Return the quotient; NaN where the denominator is not above 0."""
    out: Floats = np.where(denominator > 0, numerator / np.where(denominator > 0, denominator, 1.0), np.nan)
    return out


def _spread_of_labels(t: Sums) -> Floats:
    """Return the weighted sum of squares of the labels about their mean; 0 where it is rounding."""
    square: Floats = t["yy"] - np.nan_to_num(_over(t["y"] ** 2, t["w"]))
    return np.where(square > FLAT / 10 * t["yy"], square, 0.0)


def _mean_of(name: str) -> Scale:
    """Return the scale of a plain mean of what the sums call by this name."""

    def point(t: Sums) -> Floats:
        return _over(t[name], t["w"])

    def variance(t: Sums) -> Floats:
        mean = point(t)
        # sum of w^2 (x - mean)^2 over (sum w)^2, multiplied out; what is small beside its largest part is rounding.
        square = t[f"{name}_w2x"] - 2 * mean * t[f"{name}_w2"] + mean**2 * t["w2"]
        return np.where(square > FLAT * t[f"{name}_w2x"], square / t["w"] ** 2, np.nan)

    bottom = 0.0 if name == "absolute" else -np.inf
    return Scale(point, variance, lambda x: x, (bottom, np.inf))


def _resting_of(name: str, moments: tuple[str, str, str, str]) -> Callable[[Sums], Floats]:
    """Return a function for (sum of w^2 d^2)^2 / sum of w^4 d^4, d = x - mean: Kish's n, less where few rows decide.

    Of signed errors only sizes are held to all powers: exact where all lie on one side, else the most that it can be.
    """

    def resting(t: Sums) -> Floats:
        m, (one, two, three, four) = _over(t[name], t["w"]), (t[k] for k in moments)
        size = np.abs(m)
        # sum of w^4 (|x| - |mean|)^4, multiplied out.
        fourth = four - 4 * size * three + 6 * m**2 * two - 4 * size**3 * one + m**4 * t["w4"]
        square = t[f"{name}_w2x"] - 2 * m * t[f"{name}_w2"] + m**2 * t["w2"]
        return np.where(fourth > FLAT * four, square**2 / fourth, t["w2"] ** 2 / t["w4"])

    return resting


def _more(name: str, moments: tuple[str, str, str, str], unseen: float) -> Callable[[Sums], Sums]:
    """Return a function that adds one row of usual weight, of the size that dominates the highest powers."""

    def more(t: Sums) -> Sums:
        largest = np.nan_to_num(_over(t[moments[3]], t[moments[2]]))
        w = np.nan_to_num(_over(t["w2"], t["w"]))
        size = unseen * largest
        added = {name: w * size, f"{name}_w2": w**2 * size, f"{name}_w2x": (w * size) ** 2}
        added |= {k: w**4 * size**power for power, k in enumerate(moments, 1)}
        return {**t, **{k: t[k] + v for k, v in added.items()}}

    return more


def _log_mean_square(t: Sums) -> Floats:
    return np.log(_over(t["square"], t["w"]))


def _log_mean_square_variance(t: Sums) -> Floats:
    # Delta method: log(a) varies as a does, over a^2.
    return _mean_of("square").variance(t) / _over(t["square"], t["w"]) ** 2


def _log_unexplained(t: Sums) -> Floats:
    return np.log(_over(t["square"], _spread_of_labels(t)))


def _log_unexplained_variance(t: Sums) -> Floats:
    """Return the variance of log(A / B), A the mean square error and B the labels' variance."""
    ratio, m = _over(t["square"], _spread_of_labels(t)), _over(t["y"], t["w"])
    # Delta method: a row moves the log by (e^2 - A / B d^2) / A, with e its error and d its label less the mean; the
    # sum of w^2 times the square of that, multiplied out.
    crossed = t["square_y2_w2"] - 2 * m * t["square_y1_w2"] + m**2 * t["square_w2"]
    fourth = t["y4_w2"] - 4 * m * t["y3_w2"] + 6 * m**2 * t["y2_w2"] - 4 * m**3 * t["y1_w2"] + m**4 * t["w2"]
    square = t["square_w2x"] - 2 * ratio * crossed + ratio**2 * fourth
    near = m**2 * t["w"] < FARTHEST * _spread_of_labels(t)
    return np.where(near & (square > FLAT * t["square_w2x"]), square / t["square"] ** 2, np.nan)


_SQUARES = ("size2_w4", "size4_w4", "size6_w4", "size8_w4")
_SIZES = ("size1_w4", "size2_w4", "size3_w4", "size4_w4")
_ABSOLUTE = _mean_of("absolute")._replace(
    resting=_resting_of("absolute", _SIZES), more=_more("absolute", _SIZES, UNSEEN**0.5), lends="value"
)
MEANS: Mapping[str, Scale] = {
    "error": _mean_of("error")._replace(marked_by=_resting_of("error", _SIZES), lends="spread", sizes=_ABSOLUTE),
    "absolute": _ABSOLUTE,
    "prediction": _mean_of("prediction")._replace(lends="spread"),
}
ROOT_MEAN_SQUARE = Scale(
    _log_mean_square,
    _log_mean_square_variance,
    lambda x: np.exp(x / 2),
    (0.0, np.inf),
    _resting_of("square", _SQUARES),
    _more("square", _SQUARES, UNSEEN),
    lends="log",
)
EXPLAINED = ROOT_MEAN_SQUARE._replace(
    point=_log_unexplained,
    variance=_log_unexplained_variance,
    back=lambda x: 1 - np.exp(x),
    range=(-np.inf, 1.0),
    falls=True,
)


LOSSES: dict[str, Scale] = {
    name: _mean_of(name)._replace(range=_RANGES[name], resting=_resting_of(name, moments), lends="value")
    for name, moments in _MOMENTS.items()
}


LOSSES["calibration"] = LOSSES["calibration"]._replace(
    lends="spread", sizes=_mean_of("missing")._replace(lends="value")
)
