"""Two counts held to each other, to the last digit."""

from __future__ import annotations

import numpy as np

from audit.axes import CubeKind

EXACT = {"n", "w", "w2", "score", "outside", "impossible"}


def same(one, other, rel=0.0):
    """Every cube of two counts, cell by cell."""
    assert one.rows_read == other.rows_read
    assert one.rows_excluded == other.rows_excluded
    assert one.rows_without_group == other.rows_without_group
    assert one.by_kind.keys() == other.by_kind.keys()
    for kind in one.by_kind:
        for a, b in zip(one.by_kind[kind], other.by_kind[kind], strict=True):
            assert a.axes == b.axes
            assert a.measures.keys() == b.measures.keys()
            for name in a.measures:
                rounded = (kind == CubeKind.LOSSES and name not in EXACT) or (rel > 0.0 and "square" in name)
                if rounded:
                    np.testing.assert_allclose(a[name], b[name], rtol=1e-12, atol=1e-12, err_msg=f"{kind} {name}")
                else:
                    assert np.array_equal(a[name], b[name]), (kind, a, name)
