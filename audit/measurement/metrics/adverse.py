"""Adverse impact of a selection, as the Uniform Guidelines on Employee Selection Procedures ask for it.

Every group is compared with the group that has the highest selection rate in the same data. Adding one means adding
its record here and its arithmetic in `audit.measurement.rates.adverse`.
"""

from __future__ import annotations

import math
from functools import partial

from audit.measurement.metrics.kinds import GroupStatistic, Metric

TABLE = "Adverse impact (four-fifths rule)"
CORRECTED = "corrected"
FOUR_FIFTHS = 0.8
"""Ratio of selection rates under which a difference is practical."""
"""Comparison of a p that allows for having chosen the highest group."""
UNDER_FOUR_FIFTHS, UNDER_TWO_PERCENT = "under_four_fifths", "under_2_percent"
ONE_DECIDES = "one_selection_decides"
"""One selection moved from the highest group to this one would reach four fifths (Questions and Answers, no. 21)."""
FEW_EXPECTED = "few_expected"
"""Of standard deviations: a cell of the table in which too few are expected for the normal approximation."""
_NEEDS = ("prediction",)
_INSTEAD = "the lowest of adverse_impact_ratio"
_GUIDELINES = "29 CFR 1607.4 D (EEOC Uniform Guidelines)"

_impact = partial(GroupStatistic, stage="model", needs=_NEEDS, gives_away="selection", table=TABLE)
IMPACT_RATIO = _impact(
    name="adverse_impact_ratio",
    title="Adverse impact ratio",
    figure="ratio",
    judged=("lowest",),
    ideal="1; the Guidelines speak of adverse impact below 4/5",
    text="selection rate of the group / selection rate of the group with the highest",
    source=f"{_GUIDELINES}; EEOC (1979), Questions and Answers, 44 FR 11996, nos. 11 and 12",
    caveat="the highest group is chosen from the same data, so every ratio is too low on average; the "
    "interval of the lowest ratio allows for all pairs",
)
_unjudged = partial(
    GroupStatistic, stage="model", needs=_NEEDS, judged=(), instead=_INSTEAD, gives_away="selection", table=TABLE
)
IMPACT_Z = _unjudged(
    name="adverse_impact_z",
    title="Difference (standard deviations)",
    range=(-math.inf, 0.0),
    ideal="0; beyond 2 or 3, chance is an unlikely explanation",
    text="(rate of the group - highest rate) / sqrt(P (1 - P) (1/n + 1/n of the highest)), P the rate of both together",
    source="Hazelwood School District v. United States (1977), 433 U.S. 299, notes 14 and 17; "
    "Castaneda v. Partida (1977), 430 U.S. 482, note 17",
    caveat="not corrected for the choice of the highest group; where the p-value disagrees, the p-value decides",
)
IMPACT_P = _unjudged(
    name="adverse_impact_p",
    title="p-value",
    figure="p",
    ideal="above 0.05",
    text="two-sided p-value of equal selection in the group and in the group with the highest rate",
    source=f"{_GUIDELINES} ('statistically significant'); Fisher (1935), The Logic of Inductive Inference, "
    "JRSS 98:39 (exact test)",
    caveat="its comparison 'corrected' allows for the choice of the highest group among all pairs (Bonferroni)",
)
SHORTFALL = _unjudged(
    name="selection_shortfall",
    title="Shortfall (people)",
    figure="amount",
    range=(0.0, math.inf),
    ideal="0",
    text="rows of the group x rate of the group and the highest group together - selected in the group",
    source="Hazelwood School District v. United States (1977), 433 U.S. 299, note 17 (expected and observed number)",
)
NOT_SELECTED = "of_not_selected"
"""Of adverse impact: it is that of not being selected, because being selected is a harm."""
IN_WEIGHTS = "in sums of weights"
"""Said by the method of a value that is no number of rows."""
ADVERSE: tuple[GroupStatistic, ...] = (IMPACT_RATIO, IMPACT_Z, IMPACT_P, SHORTFALL)
METRICS: tuple[Metric, ...] = ADVERSE
