"""What is measured of an order, as quotients of sums over lists, and the words for what cannot be measured.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from audit.measurement.grouping import NO_ROWS
from audit.measurement.inference.lists import (
    least_error,
    log_quotient,
    of_lists,
    quotient,
    random_exposure,
    random_places,
    survives,
)
from audit.measurement.inference.means import MeanSample
from audit.measurement.inference.scales import Scale
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.measurement.metrics.kinds import Metric
from audit.measurement.metrics.ranking import (
    EXPOSURE,
    EXPOSURE_OVER_RELEVANCE,
    EXPOSURE_SHARE,
    INFEASIBLE_INDEX,
    INFEASIBLE_SHARE,
    NDCG,
    NDKL,
    RELATIVE_EXPOSURE,
    SHARE_AT_K,
    SKEW_AT_K,
)

Sums = Mapping[str, np.ndarray]
NO_RELEVANCE = "1/0: nothing in this group is relevant"
NO_LIST = "0/0: no list in which anything of this group is relevant"
ONE_EACH = "every list holds one group only, so there is no order of groups"
NO_MEMBERS = "0/0: no list has an item with a group"


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """One metric of all groups of one grouping."""

    metric: Metric
    scale: Scale
    sums: Sums
    """Arrays of groups by folds."""
    rows: str
    """What a group has of its own: items, or lists."""
    logs: Scale
    """The same on the scale of ratios."""
    why: Callable[[int], str | None]
    """Why it is undefined for a group."""
    by_chance: Callable[[int], str] = lambda _: ""
    """What a random order of one list would show, where that is known exactly."""
    least: np.ndarray | None = None
    """Least standard error that is believed where few lists speak, as a part of the value."""
    of_everybody: float | None = None
    """Value that everybody has by definition."""
    said: str = ""
    """What else its method has to say."""
    said_of: Callable[[int], str] = lambda _: ""
    """What else it has to say of a group."""
    counts_lists: bool = False

    def sample(self, scale: Scale | None = None) -> MeanSample:
        """Values of all groups with what their intervals need, on the metric's own scale or on another."""
        return of_lists(scale or self.scale, self.sums, self.rows, self.least)

    def is_whole(self, i: int) -> bool:
        """Whether something of a group is left without any one fold."""
        return bool(survives(self.scale, self.sums)[i])


@dataclass(frozen=True)
class Lists:
    """Sums over whole lists by fold: of all of them, and of those with somebody of one grouping."""

    every: Sums
    own: Sums

    @property
    def count(self) -> int:
        """Lists in all."""
        return int(self.every["n"].sum())

    @property
    def tied(self) -> bool:
        """Whether items share places somewhere."""
        return bool(self.every["tied"].sum())

    def statistics(self) -> Iterator[Statistic]:
        """Yield what is measured of whole lists."""
        n, mixed = int(self.own["n"].sum()), int(self.own["mixed"].sum())
        why = None if mixed else ONE_EACH
        if not n:
            why = NO_MEMBERS
        said = f"; {n - mixed:,} of {n:,} lists hold one group only and count as 0" if n > mixed else ""
        every = (
            (NDKL, "ndkl", np.inf),
            (INFEASIBLE_INDEX, "infeasible", np.inf),
            (INFEASIBLE_SHARE, "infeasible_share", 1.0),
        )
        for metric, name, top in every:
            yield Statistic(
                metric=metric,
                scale=quotient((name,), ("n",), top),
                logs=log_quotient((name,), ("n",)),
                sums=self.own,
                rows="n",
                why=lambda _: why,
                said=said,
            )


def statistics(sums: Sums, gains: Sums | None) -> Iterator[Statistic]:
    """What is measured of each group, in the catalogue's order.

    Parameters
    ----------
    sums
        Over items by group and fold; ``all_`` of those with a group, ``places_`` of everybody.
    gains
        Over lists by group and fold; None without relevance.
    """
    n = sums["n"].sum(axis=1)
    empty: Callable[[int], str | None] = lambda i: None if n[i] else NO_ROWS  # noqa: E731 - said three times below
    least = least_error(sums)
    yield _of_items(EXPOSURE, sums, ("exposure",), ("n",), empty, 1.0, least=least, by_chance=_chance_of_exposure(sums))
    yield _of_items(EXPOSURE_SHARE, sums, ("exposure",), ("all_exposure",), empty, 1.0, of_everybody=1.0, least=least)
    both = ("exposure", "all_n"), ("n", "all_exposure")
    yield _of_items(RELATIVE_EXPOSURE, sums, *both, empty, np.inf, of_everybody=1.0, least=least)
    if gains is not None:
        why: Callable[[int], str | None] = lambda i: NO_RELEVANCE if n[i] else NO_ROWS  # noqa: E731
        yield _of_items(EXPOSURE_OVER_RELEVANCE, sums, ("exposure",), ("relevance",), why, np.inf)
    for k in sorted(int(name.removeprefix("top_")) for name in sums if name.startswith("top_")):
        yield from _at_k(k, sums, empty)
    if gains is not None:
        yield _of_gains(gains)


def _of_items(
    metric: Metric,
    sums: Sums,
    upper: tuple[str, ...],
    lower: tuple[str, ...],
    why: Callable[[int], str | None],
    top: float,
    **more: object,
) -> Statistic:
    made = {"scale": quotient(upper, lower, top), "logs": log_quotient(upper, lower)}
    return Statistic(metric=metric, sums=sums, rows="n", why=why, **made, **more)  # type: ignore[arg-type]


def _at_k(k: int, sums: Sums, empty: Callable[[int], str | None]) -> Iterator[Statistic]:
    """Share of the first k places, and its log against what the share of each list would give."""
    top, expected = f"top_{k}", f"expected_{k}"
    held, wanted = sums[top].sum(axis=1), sums[expected].sum(axis=1)

    def nobody(i: int) -> str | None:
        said = f"ln 0: no item of this group is in the top {k}, where {wanted[i]:.3g} are expected"
        return empty(i) or (None if held[i] > 0 else said)

    def chance(i: int) -> str:
        mean, spread = random_places(float(sums["places_n"][i].sum()), sums["n"][i].sum(), k)
        return f"; a random order puts {mean:.3g} ± {spread:.2g} of this group into the top {k}, here are {held[i]:.3g}"

    share = CATALOGUE[SHARE_AT_K.name.replace("_k", f"_{k}")]
    skew = CATALOGUE[SKEW_AT_K.name.replace("_k", f"_{k}")]
    places = (top,), (f"places_{top}",)
    yield _of_items(share, sums, *places, empty, 1.0, of_everybody=1.0, by_chance=chance)
    logs = log_quotient((top,), (expected,))
    yield Statistic(
        metric=skew, scale=logs, logs=logs, sums=sums, rows="n", why=nobody, of_everybody=0.0, by_chance=chance
    )


def _of_gains(gains: Sums) -> Statistic:
    lists, graded = gains["n"].sum(axis=1), gains["graded"].sum(axis=1)
    alone = bool((gains["alone"] == gains["n"]).all())
    left = int((lists - graded).sum())
    said = "; whole lists, each of one group" if alone else "; lists restricted to the group's items"
    said += f"; {left:,} without relevance excluded" if left else ""

    def random(i: int) -> str:
        return f"; a random order of the same items shows {gains['random'][i].sum() / graded[i]:.3g}"

    return Statistic(
        metric=NDCG,
        scale=quotient(("ndcg",), ("graded",), 1.0),
        logs=log_quotient(("ndcg",), ("graded",)),
        said_of=random,
        sums=gains,
        rows="graded",
        why=lambda i: NO_LIST if lists[i] else NO_ROWS,
        said=said,
        counts_lists=True,
    )


def _chance_of_exposure(sums: Sums) -> Callable[[int], str]:
    def chance(i: int) -> str:
        n, items = int(sums["places_n"][i].sum()), float(sums["n"][i].sum())
        if not 0 < items < n:
            return ""
        mean, spread = random_exposure(n, items)
        return f"; a random order shows {mean:.3g} ± {spread:.2g}"

    return chance
