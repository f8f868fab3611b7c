"""audit.toml as a frozen, closed question: what is asked, of which columns, judged by which limits."""

from audit.config.energy import EnergySection
from audit.config.owners import DatasetInfo, ModelInfo
from audit.config.read import DEFAULT_NAME, load, parse
from audit.config.schema import Config, GateRule, WaiverRule
from audit.config.sections import Checks, Data, Policy, Predictions, Train

__all__ = [
    "DEFAULT_NAME",
    "Checks",
    "Config",
    "Data",
    "DatasetInfo",
    "EnergySection",
    "GateRule",
    "ModelInfo",
    "Policy",
    "Predictions",
    "Train",
    "WaiverRule",
    "load",
    "parse",
]
