"""The catalogue of everything that can be measured, gathered from the modules that define it."""

from __future__ import annotations

from audit.catalogue import Catalogue
from audit.fairness.criteria import CRITERIA
from audit.fairness.dataset import DATASET
from audit.fairness.rates import RATES

CATALOGUE = Catalogue((*DATASET, *RATES, *CRITERIA))
DATA_METRICS = ("representation", "base_rate", "class_imbalance", "difference_in_proportions_of_labels")
MODEL_METRICS = tuple(r.name for r in (*RATES, *CRITERIA))
ENERGY_METRICS = ("energy_kwh", "carbon_g")
CHECK_METRICS = ("failed",)
