"""Users' own metrics: any ``f(y_true, y_pred, sample_weight=…)`` in scikit-learn's form, per group.

Fairlearn's MetricFrame takes the groups apart and calls the function; what it returns is printed without an interval,
because nothing is known of the function. Must not: judge; a gate needs an interval.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from audit.axes import crossings
from audit.errors import QuestionError, ValuesError, printable
from audit.estimate import Estimate
from audit.measurement.comparisons import Comparisons, reason_for_unmeasured
from audit.measurement.grouping import NO_ROWS, Grouping
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.measurement.scope import OWN, Scope

Function = Callable[..., float]
NO_RATIO = "a ratio needs values of one sign, and one above 0"
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def own_estimates(
    metrics: Mapping[str, Function],
    y_true: Any,
    y_pred: Any,
    groups: Mapping[str, list[str | None]],
    weight: Any = None,
    intersections: int = 1,
) -> tuple[Estimate, ...]:
    """Values of users' functions for everybody, every group and every crossing, with their gaps.

    Parameters
    ----------
    metrics
        Functions by name.
    y_true, y_pred
        Arrays of shape (n,), handed to the functions as they are.
    groups
        Level of every row by column; None where it is missing.
    weight
        Handed to the functions as ``sample_weight``.
    intersections
        Crossings of up to this many columns.
    """
    for name in metrics:
        if not NAME.fullmatch(name):
            raise QuestionError(
                f"metrics: '{printable(name)}' is not a valid name; use lower case letters, digits and underscores"
            )
        if name in CATALOGUE:
            raise QuestionError(f"metrics: '{name}' is a metric of the catalogue; choose another name")
    found: list[Estimate] = []
    for name, function in metrics.items():
        tried = _Tried(function)
        for by in crossings(tuple(groups), intersections):
            found += _of_grouping(name, tried, by, y_true, y_pred, groups, weight)
        if tried.raised and len(tried.raised) == tried.calls:
            raise ValuesError(f"metrics: '{name}' {_what(tried.raised[0])} for every group; correct the function")
    return tuple(found)


class _Tried:
    """A function that keeps its errors in the place of its values: what breaks in a group is undefined there."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self.__name__ = getattr(function, "__name__", "own")
        self.calls = 0
        self.raised: list[Exception] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        try:
            return self._function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - undefined with this reason; a function that never works is refused
            self.raised.append(error)
            return _Raised(error)


@dataclass(frozen=True, slots=True)
class _Raised:
    """What stands where a function raised."""

    error: Exception


def _what(error: Exception) -> str:
    return f"raised {type(error).__name__}: {printable(error, 160)}"


def _of_grouping(
    name: str, function: _Tried, by: tuple[str, ...], y_true: Any, y_pred: Any, groups: Mapping[str, Any], weight: Any
) -> Iterator[Estimate]:
    import numpy as np
    import pandas as pd
    from fairlearn import __version__ as version
    from fairlearn.metrics import MetricFrame

    frame = pd.DataFrame({c: groups[c] for c in by} or {"everybody": ["everybody"] * len(y_true)}, dtype=object)
    known = frame.notna().all(axis=1).to_numpy()
    if not known.any():
        return
    parameters = {} if weight is None else {"sample_params": {"sample_weight": np.asarray(weight, dtype=float)[known]}}
    try:
        values = MetricFrame(
            metrics=function,
            y_true=np.asarray(y_true)[known],
            y_pred=np.asarray(y_pred)[known],
            sensitive_features=frame[known].reset_index(drop=True),
            **parameters,
        ).by_group
    except Exception as error:
        raise ValuesError(f"metrics: '{name}' {_what(error)}; correct the function") from error
    sizes = frame[known].value_counts().to_dict()
    levels = list(product(*(sorted(set(frame[known][c])) for c in frame.columns)))
    rows = np.array([float(sizes.get(level, 0)) for level in levels])
    each_group = tuple(level if by else () for level in levels)
    counts = {"n": rows.reshape(-1, 1, 1, 1)}
    table = Comparisons(Grouping(by, each_group, counts, reference=0, missing_rows=0.0), Scope(groups=by))
    method = f"own function through fairlearn {version}, no interval"
    each = [_of_group(table, name, i, level, values, method) for i, level in enumerate(levels)]
    yield from each
    if by and len(each) > 1:
        yield from _gaps(table, name, each, method)


def _of_group(table: Comparisons, name: str, i: int, level: tuple[str, ...], values: Any, method: str) -> Estimate:
    n = float(table.g.rows[i])
    common: dict[str, Any] = {"group": table.g.groups[i], "n": n, "flags": (OWN,)}
    if not n:
        return table.base(name, **common, status="undefined", reason=NO_ROWS)
    raw = values.loc[level if len(level) > 1 else level[0]]
    if isinstance(raw, _Raised):
        return table.base(name, **common, status="undefined", reason=f"the function {_what(raw.error)}")
    try:
        value = float(raw)
    except (TypeError, ValueError):
        raise ValuesError(f"metrics: '{name}' returned a {type(raw).__name__}; return one number") from None
    if not math.isfinite(value):
        return table.base(name, **common, status="undefined", reason=f"the function returned {value}")
    return table.base(name, **common, value=value, method=method)


def _gaps(table: Comparisons, name: str, each: list[Estimate], method: str) -> Iterator[Estimate]:
    """Yield the largest difference and the smallest ratio, without limits."""
    gone = [i for i, e in enumerate(each) if e.value is None]
    values = [e.value or 0.0 for e in each]
    low, high = min(values), max(values)
    undefined = reason_for_unmeasured(table.g, gone, each[gone[0]].reason) if gone else ""
    no_ratio = undefined or (NO_RATIO if low < 0 or not high else "")
    for kind, reason in (("difference", undefined), ("ratio", no_ratio)):
        common: dict[str, Any] = {"compare": kind, "n": table.n, "flags": (OWN,)}
        if reason:
            yield table.base(name, **common, status="undefined", reason=reason)
            continue
        value, pair = high - low if kind == "difference" else low / high, (values.index(low), values.index(high))
        yield table.base(name, **common, value=value, pair=table.pair(pair), method=method)
