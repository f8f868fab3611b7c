"""The catalogue of everything that can be measured, gathered from the modules that define it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from audit.measurement import metrics
from audit.measurement.metrics.kinds import Catalogue, Metric
from audit.measurement.metrics.multiclass import WORST_BASE_RATE
from audit.measurement.metrics.other_names import OtherName

PRINTED = (
    "dataset",
    "rates",
    "confusion",
    "benefits",
    "scores",
    "neighbours",
    "regression",
    "multiclass",
    "ranking",
    "adverse",
    "criteria",
)
"""Files in the order in which their records are printed; of any other file they come last."""


def _find_metrics() -> Iterator[Metric]:
    """Yield the records of every file beside this one that has some."""
    others = sorted(found.name for found in iter_modules(metrics.__path__) if found.name not in PRINTED)
    for name in (*PRINTED, *(name for name in others if name != __name__.rpartition(".")[2])):
        yield from getattr(import_module(f"{metrics.__name__}.{name}"), "METRICS", ())


CATALOGUE = Catalogue(_find_metrics())
DATA_METRICS = ("base_rate", WORST_BASE_RATE.name, *(m.name for m in CATALOGUE.values() if m.stage == "data"))
MODEL_METRICS = tuple(m.name for m in CATALOGUE.values() if m.stage == "model")
CHECK_METRICS = ("failed",)


def describe_metric(metric: Metric) -> dict[str, Any]:
    """Return the row of the catalogue as plain values."""
    return {
        "name": metric.name,
        "title": metric.title,
        "stage": metric.stage,
        "formula": metric.formula,
        "needs": list(metric.needs),
        "range": list(metric.range),
        "ideal": metric.ideal,
        "source": metric.source,
        "caveat": metric.caveat,
    }


def describe_other_name(other: OtherName) -> dict[str, Any]:
    """Return the another library's name as plain values: the row of its metric, and what it asks of it."""
    return describe_metric(CATALOGUE[other.metric]) | {
        "name": other.name,
        "title": f"Other name for {other.meaning}",
        "source": other.source,
        "metric": other.metric,
        "compare": other.compare,
    }
