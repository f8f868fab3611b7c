"""Rich subgroup fairness: how much a gap of a group matters, once it is weighed by the group's size.

Adding one means adding its record here and its rate in `audit.measurement.rates.subgroups`.
"""

from __future__ import annotations

from audit.measurement.metrics.kinds import GroupStatistic

_KEARNS = "Kearns, Neel, Roth and Wu (2018), ICML, PMLR 80:2564"
_CAVEAT = (
    "over the declared groups and crossings, not over all linear threshold functions as there; "
    "a small group weighs little, however badly it fares"
)

RICH_SUBGROUP = GroupStatistic(
    name="rich_subgroup_violation",
    title="Rich subgroup violation",
    stage="model",
    needs=("prediction",),
    judged=("largest",),
    gives_away="selection",
    range=(0.0, 0.25),
    ideal="0",
    text="largest over groups of (share of rows) * |selection rate of the group - selection rate of everybody|",
    source=f"{_KEARNS}, definition 2.3 (statistical parity subgroup fairness)",
    caveat=_CAVEAT,
)
RICH_SUBGROUP_FALSE_POSITIVE = GroupStatistic(
    name="rich_subgroup_false_positive_violation",
    title="Rich subgroup violation of false positives",
    stage="model",
    needs=("label", "prediction"),
    judged=("largest",),
    range=(0.0, 0.25),
    ideal="0",
    text="largest over groups of (share of rows in the group with label = 0) * |false positive rate of the group - "
    "false positive rate of everybody|",
    source=f"{_KEARNS}, definition 2.5 (false positive subgroup fairness)",
    caveat=_CAVEAT,
)
SUBGROUPS = (RICH_SUBGROUP, RICH_SUBGROUP_FALSE_POSITIVE)
