"""The null of retraining: what another seed of the full recipe changes, beside what a candidate changes.

A retrained model (distilled, or fine-tuned after pruning) differs from the full one even where nothing is compressed.
Its churn and its net loss are ranked among those of other seeds: with m seeds, a share of the ranks cannot go under
1/(m + 1). Must not: read rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from audit.record.edge import Retraining


class Flips(NamedTuple):
    """Right answers lost and gained against the full model."""

    lost: int
    gained: int

    @property
    def churn(self) -> int:
        """Answers that changed, where right and wrong are all that there is."""
        return self.lost + self.gained

    @property
    def net_loss(self) -> int:
        """Right answers lost less right answers gained."""
        return self.lost - self.gained


def rank_among_seeds(changed: Flips, seeds: Mapping[str, Flips]) -> Retraining:
    """Rank a candidate's churn and net loss among those of other seeds of the full recipe.

    Parameters
    ----------
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
    >>> found = rank_among_seeds(Flips(1_166, 912), {"s1": Flips(1_435, 1_529)})
    >>> found.seeds, found.churn_p, found.net_loss_p
    ({'s1': (2964, -94)}, 1.0, 0.5)
    """
    of_seeds = {name: (flips.churn, flips.net_loss) for name, flips in seeds.items()}
    return Retraining(
        seeds=of_seeds,
        churn_p=_rank(changed.churn, [churn for churn, _ in of_seeds.values()]),
        net_loss_p=_rank(changed.net_loss, [loss for _, loss in of_seeds.values()]),
    )


def _rank(found: int, others: list[int]) -> float:
    """Return the share of the ranks at or above one: 1/(m + 1) where it is above all others."""
    return (1 + sum(other >= found for other in others)) / (1 + len(others))
