"""What most of the nearest neighbours of each row were given.

Neighbours are found in a k-d tree of the different rows, whose distances are sums of squared differences and no
rearrangement of them. Rows that lie equally far (to `TIE`) share the places that are left among the k, so that the
order of the rows decides nothing. Must not: know a group, a metric, or where rows came from.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Votes = npt.NDArray[np.int64]
TIE, TINY = 1e-9, 1e-12
"""Share of a distance, and distance, within which two of them are the same."""
AT_ONCE = 2_000
NO, YES, NEITHER = 0, 1, 2


class _Reference(NamedTuple):
    """Different rows of the reference with how often each is there, and how often with a positive prediction."""

    tree: Any
    rows: Votes
    positive: Votes


def majorities(members: Points, reference: Points, positive: npt.NDArray[np.bool_], k: int) -> Votes:
    """Majority of the k nearest rows of the reference, for each member: 0, 1, or 2 where there is none.

    Parameters
    ----------
    members, reference
        Shape (m, d) and (r, d), r at least k.
    positive
        Shape (r,): predictions of the reference.
    k
        An odd number.
    """
    from sklearn.neighbors import KDTree

    points, which = np.unique(reference, axis=0, return_inverse=True)
    rows = np.bincount(which.ravel(), minlength=len(points))
    ones = np.bincount(which.ravel()[positive], minlength=len(points))
    known = _Reference(KDTree(points), rows, ones)
    asked, back = np.unique(members, axis=0, return_inverse=True)
    parts = [_votes(known, asked[i : i + AT_ONCE], k) for i in range(0, len(asked), AT_ONCE)]
    return np.concatenate(parts)[back.ravel()]


def _votes(known: _Reference, asked: Points, k: int) -> Votes:
    near = min(k + 1, len(known.rows))
    distance, at = known.tree.query(asked, k=near)
    filled = np.cumsum(known.rows[at], axis=1) >= k
    last = distance[np.arange(len(asked)), filled.argmax(axis=1)]
    found = _counted(known, at, distance, last[:, None], k)
    # Where the row after the k-th lies as far as it, there may be more of them.
    for i in np.flatnonzero((distance[:, -1] <= _outer(last)) & (near < len(known.rows))):
        all_at, all_distance = known.tree.query_radius(asked[i : i + 1], r=_outer(last[i]), return_distance=True)
        found[i] = _counted(known, all_at[0], all_distance[0], last[i], k)
    return found


def _outer(distance: Any) -> Any:
    return distance * (1 + TIE) + TINY


def _counted(known: _Reference, at: Votes, distance: Points, last: Any, k: int) -> Votes:
    """Majority of those nearer than the k-th, and of those as far as it in the places that are left."""
    tied = (distance <= _outer(last)) & (distance >= last * (1 - TIE) - TINY)
    inside = (distance <= _outer(last)) & ~tied
    rows, ones = known.rows[at], known.positive[at]
    nearer, nearer_ones = (rows * inside).sum(axis=-1), (ones * inside).sum(axis=-1)
    far, far_ones = (rows * tied).sum(axis=-1), (ones * tied).sum(axis=-1)
    twice = 2 * (nearer_ones * far + (k - nearer) * far_ones) - k * far
    votes: Votes = np.where(twice > 0, YES, np.where(twice < 0, NO, NEITHER))
    return votes
