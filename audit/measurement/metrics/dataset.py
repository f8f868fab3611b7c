"""Bias that is in the data before any model exists.

Shares and base rates are `Rate` records over the label alone; the two statistics of a group against a reference are
written from these. a is the reference (advantaged) group, d the other, n a count, q a share of positive labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

from audit.measurement.metrics.kinds import ANYBODY, LABEL_POSITIVE, GroupStatistic, Metric, Rate

_CLARIFY = "Hardt et al. (2021), Amazon SageMaker Clarify, KDD 2021; Clarify pre-training metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share(Rate):
    """A group's share of all rows with a known group."""

    @property
    def formula(self) -> str:
        """Share in words: its denominator is not the group's."""
        return "n of the group / n of all groups"


REPRESENTATION = Share(
    name="representation",
    title="Representation",
    stage="data",
    needs=(),
    judged=("ratio", "lowest", "highest"),
    against=(),
    event=ANYBODY,
    gives_away="rows",
    ideal="the group's share of the population that the model is used for",
    source="Buolamwini and Gebru (2018), PMLR 81:77",
    caveat="share of all rows whose group is known",
)
DATA_BASE_RATE = Rate(
    name="base_rate",
    title="Base rate",
    stage="data",
    needs=("label",),
    event=LABEL_POSITIVE,
    gives_away="labels",
    ideal="equal across groups",
    source="Barocas, Hardt and Narayanan (2023), chapter 3",
    caveat="describes the labels, which may themselves be biased",
)
_gap = partial(GroupStatistic, stage="data", judged=("largest",), range=(-1.0, 1.0), ideal="0")
CLASS_IMBALANCE = _gap(
    name="class_imbalance",
    title="Class imbalance",
    needs=(),
    gives_away="rows",
    text="(n_a - n_d) / (n_a + n_d)",
    source=f"{_CLARIFY} (CI)",
)
LABEL_GAP = _gap(
    name="difference_in_proportions_of_labels",
    title="Difference in proportions of labels",
    figure="points",
    needs=("label",),
    gives_away="labels",
    text="q_a - q_d",
    source=f"{_CLARIFY} (DPL)",
)
_BINARY = "over all labels (label = 1 and label ≠ 1 where one is positive)"
_distance = partial(
    GroupStatistic, stage="data", needs=("label",), judged=(), instead="difference_in_proportions_of_labels", ideal="0"
)
KL = _distance(
    name="kl_divergence",
    title="Kullback-Leibler divergence of labels",
    range=(0.0, math.inf),
    text=f"sum of P_a ln(P_a / P_d) {_BINARY}",
    source=f"{_CLARIFY} (KL)",
    caveat="infinite, so undefined, if only the reference group has a label",
)
JS = _distance(
    name="js_divergence",
    title="Jensen-Shannon divergence of labels",
    range=(0.0, math.log(2)),
    text=f"(KL(P_a, M) + KL(P_d, M)) / 2 with M = (P_a + P_d) / 2, {_BINARY}",
    source=f"{_CLARIFY} (JS)",
)
LP = _distance(
    name="lp_norm",
    title="Euclidean distance of labels",
    range=(0.0, math.sqrt(2)),
    text=f"sqrt(sum of (P_a - P_d)^2) {_BINARY}",
    source=f"{_CLARIFY} (LP)",
)
TVD = _distance(
    name="total_variation_distance",
    title="Total variation distance of labels",
    text=f"half the sum of |P_a - P_d| {_BINARY}",
    source=f"{_CLARIFY} (TVD)",
)
KS = _distance(
    name="ks_distance",
    title="Largest gap in the share of one label",
    text=f"largest |P_a - P_d| {_BINARY}",
    source=f"{_CLARIFY} (KS)",
    caveat="named after Kolmogorov and Smirnov, but not a distance of distribution functions",
)
SMOOTHED_EDF = _distance(
    name="smoothed_empirical_differential_fairness",
    title="Smoothed empirical differential fairness",
    range=(0.0, math.inf),
    text="largest |ln(r_i / r_j)| over groups and labels, r = (n_label + 1) / (n + 2)",
    source="Foulds et al. (2020), ICDE, equation 5",
)
_conditional = partial(
    GroupStatistic,
    judged=("largest",),
    range=(-1.0, 1.0),
    ideal="0",
    caveat="a share without rows counts as 0, as in Clarify, and is flagged",
)
CONDITIONAL_LABELS = _conditional(
    name="conditional_demographic_disparity",
    title="Conditional demographic disparity of labels",
    stage="data",
    needs=("label", "stratum"),
    text="mean over strata, weighted by size, of (share of label ≠ 1) - (share of label = 1)",
    source=f"Wachter, Mittelstadt and Russell (2021), section 5; {_CLARIFY} (CDDL)",
)
CONDITIONAL_PREDICTIONS = _conditional(
    name="conditional_demographic_disparity_in_predicted_labels",
    title="Conditional demographic disparity of predictions",
    stage="model",
    needs=("prediction", "stratum"),
    text="mean over strata, weighted by size, of (share of prediction = 0) - (share of prediction = 1)",
    source=f"Wachter, Mittelstadt and Russell (2021), section 5; {_CLARIFY} (CDDPL)",
)
_LIFT = "Vasudevan and Kenthapadi (2020), CIKM, LiFT"
_POPULATION = "the ratio of representation"
_from_population = partial(GroupStatistic, stage="data", needs=(), judged=(), instead=_POPULATION, gives_away="rows")
SKEW = _from_population(
    name="skew",
    title="Skew against the population",
    range=(-math.inf, math.inf),
    ideal="0",
    text="ln(share of the group in the data / its share in the population)",
    source=_LIFT,
    caveat="not smoothed; undefined (minus infinity) for a group without rows",
)
POPULATION_TV = _from_population(
    name="population_total_variation",
    title="Total variation from the population",
    ideal="the value expected for a sample from the population",
    text="half the sum of |share in the data - share in the population|",
    source=_LIFT,
    caveat="above 0 even for a sample from the population; the value expected for such a sample is beside it",
)
POPULATION_CHI_SQUARE = _from_population(
    name="population_chi_square",
    title="Chi-square against the population",
    range=(0.0, math.inf),
    ideal="its degrees of freedom, or less",
    text="sum of (observed - expected)^2 / expected over groups",
    source="Pearson (1900), Philosophical Magazine 50:157; weights and units: Rao and Scott (1981), JASA 76:221",
    caveat="grows with the rows: a small p-value says that the shares differ, not that they differ much",
)
DATASET: tuple[Metric, ...] = (
    REPRESENTATION,
    SKEW,
    POPULATION_TV,
    POPULATION_CHI_SQUARE,
    CLASS_IMBALANCE,
    LABEL_GAP,
    KL,
    JS,
    LP,
    TVD,
    KS,
    SMOOTHED_EDF,
    CONDITIONAL_LABELS,
    CONDITIONAL_PREDICTIONS,
)
METRICS: tuple[Metric, ...] = DATASET
