"""Bias that is in the data before any model exists.

Shares and base rates are `Rate` records over the label alone; the two statistics of a group against a reference are
written from these. a is the reference (advantaged) group, d the other, n a count, q a share of positive labels.
"""

from __future__ import annotations

from dataclasses import dataclass

from audit.catalogue import ANYBODY, LABEL_POSITIVE, GroupStatistic, Metric, Rate

_CLARIFY = "Hardt et al. (2021), Amazon SageMaker Clarify, KDD 2021; Clarify pre-training metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share(Rate):
    """A group's share of all rows whose group is known."""

    @property
    def formula(self) -> str:
        """Share in words: its denominator is not the group's."""
        return "n of the group / n of all groups"


REPRESENTATION = Share(
    name="representation",
    title="Representation",
    stage="data",
    needs=(),
    event=ANYBODY,
    ideal="the group's share of the population the model will meet",
    source="Buolamwini and Gebru (2018), PMLR 81:77",
    caveat="share of all rows whose group is known",
)
DATA_BASE_RATE = Rate(
    name="base_rate",
    title="Base rate",
    stage="data",
    needs=("label",),
    event=LABEL_POSITIVE,
    ideal="equal over groups",
    source="Barocas, Hardt and Narayanan (2023), chapter 3",
    caveat="describes the labels, which may themselves be biased",
)
CLASS_IMBALANCE = GroupStatistic(
    name="class_imbalance",
    title="Class imbalance",
    stage="data",
    needs=(),
    range=(-1.0, 1.0),
    ideal="0",
    text="(n_a - n_d) / (n_a + n_d)",
    source=f"{_CLARIFY} (CI)",
)
LABEL_GAP = GroupStatistic(
    name="difference_in_proportions_of_labels",
    title="Difference in proportions of labels",
    stage="data",
    needs=("label",),
    range=(-1.0, 1.0),
    ideal="0",
    text="q_a - q_d",
    source=f"{_CLARIFY} (DPL)",
)
DATASET: tuple[Metric, ...] = (REPRESENTATION, CLASS_IMBALANCE, LABEL_GAP)
