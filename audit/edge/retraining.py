"""The null of retraining: what another seed of the full recipe changes, beside what a candidate changes.

A retrained model (distilled, or fine-tuned after pruning) differs from the full one even where nothing is compressed.
Its churn and its net loss are ranked among those of other seeds: with m seeds, a share of the ranks cannot go under
1/(m + 1). Must not: read rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from audit.record.edge import Retraining

FEWEST_SEEDS = 5
"""Seeds under which the range of retraining is not known: three seeds of one recipe changed 4.9% to 7.4%."""


class Flips(NamedTuple):
    """Right answers lost and gained against the full model."""

    lost: int
    gained: int


def rank_among_seeds(candidate: str, rows: int, changed: Flips, seeds: Mapping[str, Flips]) -> Retraining:
    """Rank a candidate's churn and net loss among those of other seeds of the full recipe.

    Parameters
    ----------
    candidate
        Name of the compressed model.
    rows
        People that both models answered for.
    changed
        Answers of the candidate that flipped.
    seeds
        The same of each other seed, against the same full model.

    Returns
    -------
    Retraining
        With both ranks as shares: (1 + seeds at least as high) / (1 + seeds).

    Examples
    --------
    >>> found = rank_among_seeds("small", 60_000, Flips(1_166, 912), {"s1": Flips(1_435, 1_529)})
    >>> found.churn, found.net_loss, found.churn_p, found.net_loss_p
    (2078, 254, 1.0, 0.5)
    """
    churn, loss = sum(changed), changed.lost - changed.gained
    of_seeds = {name: (sum(flips), flips.lost - flips.gained) for name, flips in seeds.items()}
    return Retraining(
        candidate=candidate,
        rows=rows,
        churn=churn,
        net_loss=loss,
        seeds=of_seeds,
        churn_p=_rank(churn, [seed for seed, _ in of_seeds.values()]),
        net_loss_p=_rank(loss, [seed for _, seed in of_seeds.values()]),
    )


def _rank(found: int, others: list[int]) -> float:
    """Return the share of the ranks at or above one: 1/(m + 1) where it is above all others."""
    return (1 + sum(other >= found for other in others)) / (1 + len(others))
