"""The catalogue of everything that can be measured, gathered from the modules that define it."""

from __future__ import annotations

from typing import Any

from audit.measurement.metrics.adverse import ADVERSE
from audit.measurement.metrics.benefits import BENEFITS, BETWEEN
from audit.measurement.metrics.confusion import STATISTICS
from audit.measurement.metrics.criteria import CRITERIA, SUBGROUPS
from audit.measurement.metrics.dataset import DATASET
from audit.measurement.metrics.kinds import Catalogue, Metric
from audit.measurement.metrics.multiclass import MULTICLASS, WORST_BASE_RATE
from audit.measurement.metrics.neighbours import FLIPS
from audit.measurement.metrics.other_names import OtherName
from audit.measurement.metrics.ranking import RANKING
from audit.measurement.metrics.rates import RATES
from audit.measurement.metrics.regression import REGRESSION
from audit.measurement.metrics.scores import SCORES

CATALOGUE = Catalogue(
    (
        *DATASET,
        *RATES,
        *STATISTICS,
        *BENEFITS,
        *BETWEEN,
        *SCORES,
        *FLIPS,
        *REGRESSION,
        *MULTICLASS,
        *RANKING,
        *ADVERSE,
        *CRITERIA,
        *SUBGROUPS,
    )
)
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
