"""The catalogue of everything that can be measured, gathered from the modules that define it."""

from __future__ import annotations

from typing import Any

from audit.catalogue import Catalogue, Metric
from audit.fairness.adverse import ADVERSE
from audit.fairness.benefits import BENEFITS, BETWEEN
from audit.fairness.criteria import CRITERIA
from audit.fairness.dataset import DATASET
from audit.fairness.flips import FLIPS
from audit.fairness.multiclass import MULTICLASS, WORST_BASE_RATE
from audit.fairness.names import OtherName
from audit.fairness.ranking import RANKING
from audit.fairness.rates import RATES
from audit.fairness.regression import REGRESSION
from audit.fairness.scores import SCORES
from audit.fairness.statistics import STATISTICS
from audit.fairness.subgroups import SUBGROUPS

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


def described(metric: Metric) -> dict[str, Any]:
    """Row of the catalogue as plain values."""
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


def described_name(other: OtherName) -> dict[str, Any]:
    """Another library's name as plain values: the row of its metric, and what it asks of it."""
    return described(CATALOGUE[other.metric]) | {
        "name": other.name,
        "title": f"Other name for {other.meaning}",
        "source": other.source,
        "metric": other.metric,
        "compare": other.compare,
    }
