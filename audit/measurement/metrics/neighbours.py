"""Metrics of what would change with the group: each member beside its nearest neighbours in the reference.

Adding one means adding its record here and its arithmetic in `audit.measurement.rates.neighbours`.
"""

from __future__ import annotations

from functools import partial

from audit.axes import CubeKind
from audit.measurement.metrics.kinds import GroupStatistic, Metric

_NEEDS = ("prediction", "majority")
_SOURCE = (
    "Amazon SageMaker Clarify, post-training bias (FT), 5 neighbours; idea: Black, Yeom and Fredrikson (2020), FAccT"
)
_CAVEAT = "neighbours are treated as fixed; another sample would have others"

_flips = partial(
    GroupStatistic,
    stage="model",
    needs=_NEEDS,
    judged=("largest",),
    gives_away=CubeKind.NEIGHBOURS,
    table="Flip test",
    ideal="0",
    source=_SOURCE,
)
FLIP_TEST = _flips(
    name="flip_test",
    title="Flip test",
    range=(-1.0, 1.0),
    text="(F+ - F-) / n of a group: F+ members predicted 0 whose nearest neighbours in the reference are mostly "
    "predicted 1, F- the opposite",
    caveat=f"above 0: the group is predicted positive less often than similar rows of the reference group; {_CAVEAT}",
)
FLIP_RATE = _flips(
    name="flip_rate",
    title="Flip rate",
    figure="share",
    text="(F+ + F-) / n of a group, F+ and F- as in the flip test",
    caveat=f"can be above 0 for a model that does not use the group; {_CAVEAT}",
)
FLIPS = (FLIP_TEST, FLIP_RATE)
METRICS: tuple[Metric, ...] = FLIPS
