"""Every rate of a binary decision: ``P(event | given)`` over (label, prediction).

Adding a rate is adding one record to `RATES`.
"""

from __future__ import annotations

from functools import partial

from audit.measurement.metrics.kinds import (
    LABEL_NEGATIVE,
    LABEL_POSITIVE,
    PREDICTED_NEGATIVE,
    PREDICTED_POSITIVE,
    RIGHT,
    WRONG,
    Metric,
    Rate,
)

_CONFUSION = "Fawcett (2006), Pattern Recognition Letters 27:861, figure 1"
_BOTH = ("label", "prediction")
_EQUAL = "equal across groups"
_TABLE = "Rates"

_rate = partial(Rate, stage="model", needs=_BOTH)
BASE_RATE = _rate(
    name="base_rate",
    title="Base rate",
    event=LABEL_POSITIVE,
    gives_away="labels",
    table=_TABLE,
    ideal=_EQUAL,
    source="Barocas, Hardt and Narayanan (2023), Fairness and Machine Learning, chapter 3",
    caveat="describes the labels, which may themselves be biased",
)
SELECTION_RATE = Rate(
    name="selection_rate",
    title="Selection rate",
    stage="model",
    needs=("prediction",),
    event=PREDICTED_POSITIVE,
    gives_away="selection",
    table=_TABLE,
    headline=True,
    ideal=_EQUAL,
    source="29 CFR 1607.16 (EEOC Uniform Guidelines, 'selection rate')",
    caveat="ignores the label: equal selection can hide unequal errors",
)
RATES: tuple[Rate, ...] = (
    SELECTION_RATE,
    BASE_RATE,
    _rate(
        name="true_positive_rate",
        title="True positive rate",
        event=PREDICTED_POSITIVE,
        given=LABEL_POSITIVE,
        table=_TABLE,
        headline=True,
        ideal="1 in every group",
        source="Hardt, Price and Srebro (2016), definition 2.2",
    ),
    _rate(
        name="false_positive_rate",
        title="False positive rate",
        event=PREDICTED_POSITIVE,
        given=LABEL_NEGATIVE,
        table=_TABLE,
        headline=True,
        ideal="0 in every group",
        source="Hardt, Price and Srebro (2016), definition 2.1",
    ),
    _rate(
        name="true_negative_rate",
        title="True negative rate",
        event=PREDICTED_NEGATIVE,
        given=LABEL_NEGATIVE,
        ideal="1 in every group",
        source=_CONFUSION,
    ),
    _rate(
        name="false_negative_rate",
        title="False negative rate",
        worse="high",
        event=PREDICTED_NEGATIVE,
        given=LABEL_POSITIVE,
        ideal="0 in every group",
        source=_CONFUSION,
    ),
    _rate(
        name="precision",
        title="Precision",
        event=LABEL_POSITIVE,
        given=PREDICTED_POSITIVE,
        table=_TABLE,
        ideal="1 in every group",
        source="Chouldechova (2017), Big Data 5:153, definition 2 (predictive parity)",
    ),
    _rate(
        name="negative_predictive_value",
        title="Negative predictive value",
        event=LABEL_NEGATIVE,
        given=PREDICTED_NEGATIVE,
        ideal="1 in every group",
        source=_CONFUSION,
    ),
    _rate(
        name="false_discovery_rate",
        title="False discovery rate",
        worse="high",
        event=LABEL_NEGATIVE,
        given=PREDICTED_POSITIVE,
        ideal="0 in every group",
        source=_CONFUSION,
    ),
    _rate(
        name="false_omission_rate",
        title="False omission rate",
        worse="high",
        event=LABEL_POSITIVE,
        given=PREDICTED_NEGATIVE,
        ideal="0 in every group",
        source=_CONFUSION,
    ),
    _rate(
        name="accuracy",
        title="Accuracy",
        event=RIGHT,
        also=("multiclass",),
        table=_TABLE,
        headline=True,
        ideal="1 in every group",
        source=_CONFUSION,
    ),
    _rate(
        name="error_rate",
        title="Error rate",
        worse="high",
        event=WRONG,
        also=("multiclass",),
        ideal="0 in every group",
        source=_CONFUSION,
    ),
)
METRICS: tuple[Metric, ...] = RATES
