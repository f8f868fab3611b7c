"""Metrics of an order: who gets the places that are seen, and how good the order is for each group.

Adding one means adding its record here and its arithmetic in `audit.measurement.ranking.ranking_table`.
"""

from __future__ import annotations

import math
from functools import partial

from audit.measurement.metrics.kinds import GroupStatistic, Metric

_PLACE, _BOTH = ("place",), ("label", "place")
_TABLE = "Ranking"
_SINGH = "Singh and Joachims (2018), KDD, Fairness of exposure in rankings"
_GEYIK = "Geyik, Ambler and Kenthapadi (2019), KDD, Fairness-aware ranking in search and recommendation systems"
_INSTEAD = "the ratio of exposure"
_SIZE = (0.0, math.inf)

_of_place = partial(GroupStatistic, stage="model", task="ranking", needs=_PLACE)
EXPOSURE = _of_place(
    name="exposure",
    title="Exposure",
    judged=("ratio", "difference", "lowest", "highest"),
    table=_TABLE,
    headline=True,
    ideal="equal across groups",
    text="mean over the group's items of 1 / log2(1 + rank)",
    source=f"{_SINGH}, section 3",
    caveat="the discount models how often a rank is seen; tied items share the mean of their ranks",
)
_of_exposure = partial(GroupStatistic, stage="model", task="ranking", needs=_PLACE, judged=(), instead=_INSTEAD)
EXPOSURE_SHARE = _of_exposure(
    name="exposure_share",
    title="Share of exposure",
    figure="share",
    table=_TABLE,
    ideal="the group's share of items",
    text="exposure of the group's items over that of all items with a group",
    source=f"{_SINGH}, section 3",
)
RELATIVE_EXPOSURE = _of_exposure(
    name="relative_exposure",
    title="Share of exposure over share of items",
    range=_SIZE,
    ideal="1",
    text="share of exposure over share of items",
    source=f"{_SINGH}, section 4.1 (demographic parity)",
)
_of_relevance = partial(GroupStatistic, stage="model", task="ranking", needs=_BOTH, table=_TABLE)
EXPOSURE_OVER_RELEVANCE = _of_relevance(
    name="exposure_over_relevance",
    title="Exposure over relevance",
    judged=("ratio",),
    range=_SIZE,
    ideal="equal across groups",
    text="exposure of the group's items over their relevance, both summed over all lists",
    source=f"{_SINGH}, section 4.2 (disparate treatment ratio)",
    caveat="its ratio between groups is the disparate treatment ratio; meaningful only if the label measures merit",
)
SHARE_AT_K = _of_place(
    name="share_at_k",
    title="Share of the top k",
    figure="share",
    judged=(),
    instead="the lowest or highest skew_at_k",
    gives_away="selection",
    ideal="the group's share of the lists",
    text="share of the first k ranks of all lists held by items of the group",
    source=f"{_GEYIK}, section 3",
)
SKEW_AT_K = _of_place(
    name="skew_at_k",
    title="Skew at k",
    judged=("lowest", "highest", "difference"),
    gives_away="selection",
    table=_TABLE,
    headline=True,
    range=(-math.inf, math.inf),
    ideal="0",
    text="ln(the group's items in the top k over those that its share of each list would put there)",
    source=f"{_GEYIK}, section 3 (Skew@k; lowest and highest are MinSkew@k and MaxSkew@k)",
    caveat="the expected share is that of the list; undefined (ln 0) for a group without items in the top k",
)
NDCG = _of_relevance(
    name="ndcg",
    title="NDCG",
    judged=("difference", "ratio", "lowest", "highest"),
    headline=True,
    ideal="1 in every group",
    text="mean over lists of DCG / ideal DCG of the group's items alone, DCG = sum of relevance / log2(1 + rank)",
    source="Järvelin and Kekäläinen (2002), ACM TOIS 20:422; ties: McSherry and Najork (2008), ECIR",
    caveat="gain is the relevance itself; short lists score higher by chance alone, so a group with few "
    "items a list looks better; the value of a random order of the same items is beside it",
)
NDKL = _of_place(
    name="ndkl",
    title="NDKL (normalised discounted KL divergence)",
    judged=("between_groups",),
    range=_SIZE,
    ideal="0",
    text="mean over lists of the mean of KL(groups among the first i, groups in the list), weights 1 / log2(1 + i)",
    source=f"{_GEYIK}, section 3 (NDKL)",
    caveat="above 0 by chance, above all in short lists; natural logarithm",
)
INFEASIBLE_INDEX = _of_place(
    name="infeasible_index",
    title="Infeasible index",
    judged=(),
    instead="infeasible_share",
    range=_SIZE,
    ideal="0",
    text="mean over lists of the number of i whose first i items have fewer of a group than floor(its share × i)",
    source=f"{_GEYIK}, section 5 (InfeasibleIndex)",
    caveat="grows with the length of the lists",
)
INFEASIBLE_SHARE = _of_place(
    name="infeasible_share",
    title="Infeasible share of prefixes",
    figure="share",
    judged=("between_groups",),
    ideal="0",
    text="mean over lists of infeasible index / length of the list",
    source=f"{_GEYIK}, section 5 (InfeasibleIndex)",
)
PER_GROUP: tuple[GroupStatistic, ...] = (
    EXPOSURE,
    EXPOSURE_SHARE,
    RELATIVE_EXPOSURE,
    EXPOSURE_OVER_RELEVANCE,
    SHARE_AT_K,
    SKEW_AT_K,
    NDCG,
)
OF_LISTS: tuple[GroupStatistic, ...] = (NDKL, INFEASIBLE_INDEX, INFEASIBLE_SHARE)
RANKING: tuple[Metric, ...] = (*PER_GROUP, *OF_LISTS)
METRICS: tuple[Metric, ...] = RANKING
