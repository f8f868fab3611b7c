"""Names that other libraries give to a comparison of a metric that is measured here anyway.

A limit may use them, `AuditResult.find` knows them and ``audit metrics`` lists them; they add no estimate. Adding one
is adding one row to `_ROWS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from audit.measurement.metrics.kinds import Compare

_FAIRLEARN, _AIF360, _CLARIFY = "Fairlearn", "AIF360", "Amazon SageMaker Clarify"
_SKLEARN, _BOOSTING = "scikit-learn", "XGBoost; LightGBM"
_BOTH = f"{_AIF360}; {_FAIRLEARN}"
_GAP: tuple[Literal["difference", "ratio"], ...] = ("difference", "ratio")


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherName:
    """A name with the metric and comparison that it means."""

    name: str
    metric: str
    compare: Compare | None
    """None where the name is that of the metric itself, whatever is asked of it."""
    source: str

    @property
    def meaning(self) -> str:
        """What it stands for, in words."""
        if self.compare:
            return f"{self.compare} of {self.metric}"
        return self.metric


_ROWS: tuple[tuple[str, str, Compare | None, str], ...] = (
    ("statistical_parity_difference", "selection_rate", "difference", _AIF360),
    *(
        (f"{rate}_{kind}", rate, kind, _AIF360)
        for rate in ("error_rate", "false_omission_rate", "false_discovery_rate")
        for kind in _GAP
    ),
    *(
        (f"{rate}_{kind}", rate, kind, _BOTH)
        for rate in ("false_positive_rate", "false_negative_rate")
        for kind in _GAP
    ),
    *((f"{rate}_{kind}", rate, kind, _FAIRLEARN) for rate in ("selection_rate", "true_negative_rate") for kind in _GAP),
    ("true_positive_rate_difference", "true_positive_rate", "difference", _BOTH),
    ("true_positive_rate_ratio", "true_positive_rate", "ratio", _FAIRLEARN),
    ("equal_opportunity_ratio", "true_positive_rate", "ratio", _FAIRLEARN),
    *((f"accuracy_score_{kind}", "accuracy", kind, _FAIRLEARN) for kind in _GAP),
    *((f"zero_one_loss_{kind}", "error_rate", kind, _FAIRLEARN) for kind in _GAP),
    ("accuracy_score_group_min", "accuracy", "lowest", _FAIRLEARN),
    ("balanced_accuracy_score_group_min", "balanced_accuracy", "lowest", _FAIRLEARN),
    ("f1_score_group_min", "f1", "lowest", _FAIRLEARN),
    ("precision_score_group_min", "precision", "lowest", _FAIRLEARN),
    ("recall_score_group_min", "true_positive_rate", "lowest", _FAIRLEARN),
    ("zero_one_loss_group_max", "error_rate", "highest", _FAIRLEARN),
    ("positive_predictive_value", "precision", None, _AIF360),
    ("recall", "true_positive_rate", None, _AIF360),
    ("sensitivity", "true_positive_rate", None, _AIF360),
    ("specificity", "true_negative_rate", None, _AIF360),
    ("generalized_entropy_error", "generalized_entropy_index", None, f"{_AIF360} (aif360.sklearn)"),
    ("difference_in_conditional_acceptance", "conditional_acceptance", "difference", f"{_CLARIFY} (DCA)"),
    ("difference_in_conditional_rejection", "conditional_rejection", "difference", f"{_CLARIFY} (DCR)"),
    ("treatment_equality_difference", "treatment_equality", "difference", f"{_CLARIFY} (TE)"),
    ("accuracy_score", "accuracy", None, _SKLEARN),
    ("balanced_accuracy_score", "balanced_accuracy", None, _SKLEARN),
    ("precision_score", "precision", None, _SKLEARN),
    ("recall_score", "true_positive_rate", None, _SKLEARN),
    ("f1_score", "f1", None, _SKLEARN),
    ("zero_one_loss", "error_rate", None, _SKLEARN),
    ("matthews_corrcoef", "matthews_correlation", None, _SKLEARN),
    ("roc_auc_score", "roc_auc", None, _SKLEARN),
    ("average_precision_score", "average_precision", None, _SKLEARN),
    ("brier_score_loss", "brier_score", None, _SKLEARN),
    ("r2_score", "r2", None, _SKLEARN),
    ("auc", "roc_auc", None, _BOOSTING),
    ("mae", "mean_absolute_error", None, _BOOSTING),
    ("rmse", "root_mean_squared_error", None, _BOOSTING),
)
ABBREVIATIONS: Mapping[str, tuple[str, ...]] = {
    "acc": ("accuracy",),
    "bacc": ("balanced_accuracy",),
    "tpr": ("true_positive_rate",),
    "hit_rate": ("true_positive_rate",),
    "fpr": ("false_positive_rate",),
    "fnr": ("false_negative_rate",),
    "tnr": ("true_negative_rate",),
    "ppv": ("precision",),
    "npv": ("negative_predictive_value",),
    "fdr": ("false_discovery_rate",),
    "for": ("false_omission_rate",),
    "mcc": ("matthews_correlation",),
    "sr": ("selection_rate",),
    "dp": ("demographic_parity_difference", "demographic_parity_ratio"),
    "dpd": ("demographic_parity_difference",),
    "dpr": ("demographic_parity_ratio",),
    "spd": ("statistical_parity_difference",),
    "eo": ("equal_opportunity_difference", "equalized_odds_difference"),
    "eod": ("equal_opportunity_difference", "equalized_odds_difference"),
    "aod": ("average_odds_difference",),
    "di": ("disparate_impact",),
    "air": ("adverse_impact_ratio",),
    "ece": ("expected_calibration_error",),
    "ap": ("average_precision",),
    "dpl": ("difference_in_proportions_of_labels",),
    "kl": ("kl_divergence",),
    "js": ("js_divergence",),
    "ks": ("ks_distance",),
    "tvd": ("total_variation_distance",),
}
"""Abbreviations in use; they name no metric, and messages say which one they mean."""

OTHER_NAMES: Mapping[str, OtherName] = {
    name: OtherName(name=name, metric=metric, compare=compare, source=source) for name, metric, compare, source in _ROWS
}
