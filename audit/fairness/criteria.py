"""Named fairness criteria: published names for comparisons of rates.

Adding a criterion is adding one record to `CRITERIA`; a gate may ask for it by name.
"""

from __future__ import annotations

from audit.catalogue import Criterion

_HARDT = "Hardt, Price and Srebro (2016)"
_BOTH = ("label", "prediction")

CRITERIA: tuple[Criterion, ...] = (
    Criterion(
        name="demographic_parity_difference",
        title="Demographic parity difference",
        stage="model",
        needs=("prediction",),
        rates=("selection_rate",),
        compare="difference",
        ideal="0",
        source="Agarwal et al. (2018), definition 1; Fairlearn",
    ),
    Criterion(
        name="demographic_parity_ratio",
        title="Demographic parity ratio",
        stage="model",
        needs=("prediction",),
        rates=("selection_rate",),
        compare="ratio",
        ideal="1",
        source="29 CFR 1607.4 D (four-fifths rule); Fairlearn",
    ),
    Criterion(
        name="equal_opportunity_difference",
        title="Equal opportunity difference",
        stage="model",
        needs=_BOTH,
        rates=("true_positive_rate",),
        compare="difference",
        ideal="0",
        source=f"{_HARDT}, definition 2.2",
    ),
    Criterion(
        name="equalized_odds_difference",
        title="Equalized odds difference",
        stage="model",
        needs=_BOTH,
        rates=("true_positive_rate", "false_positive_rate"),
        compare="difference",
        ideal="0",
        source=f"{_HARDT}, definition 2.1; the larger of the two gaps, as in Fairlearn",
    ),
    Criterion(
        name="equalized_odds_ratio",
        title="Equalized odds ratio",
        stage="model",
        needs=_BOTH,
        rates=("true_positive_rate", "false_positive_rate"),
        compare="ratio",
        ideal="1",
        source=f"{_HARDT}, definition 2.1; the smaller of the two ratios, as in Fairlearn",
    ),
)
