"""The eight metrics of Clarify on the training part of Adult, beside their formulas written out, for race and for sex."""

from __future__ import annotations

import math

import pandas as pd
import pytest

import audit


def formulas(frame, column, group, reference, strata):
    """METRICS section 1, of one group and the reference; the one within strata is of the group against all others."""
    a, d = (frame[frame[column] == level].income == ">50K" for level in (reference, group))
    p, q = a.mean(), d.mean()
    middle = (p + q) / 2

    def kl(x, y):
        return sum(u * math.log(u / v) for u, v in ((x, y), (1 - x, 1 - y)))

    within = 0.0
    for _, rows in frame.groupby(strata):
        yes = rows.income == ">50K"
        here = rows[column] == group
        share = [here[mask].mean() if mask.any() else 0.0 for mask in (~yes, yes)]
        within += len(rows) * (share[0] - share[1]) / len(frame)
    return {
        "class_imbalance": (len(a) - len(d)) / (len(a) + len(d)),
        "difference_in_proportions_of_labels": p - q,
        "kl_divergence": kl(p, q),
        "js_divergence": (kl(p, middle) + kl(q, middle)) / 2,
        "lp_norm": math.sqrt(2) * abs(p - q),
        "total_variation_distance": abs(p - q),
        "ks_distance": abs(p - q),
        "conditional_demographic_disparity": within,
    }


@pytest.mark.parametrize("column", ["race", "sex"])
def test_all_eight_equal_their_formulas(shared, column):
    frame = pd.read_parquet(shared / "data" / "adult" / "adult_train.parquet")
    found = audit.check(frame, label="income", positive=">50K", groups=column, strata="workclass")
    reference = frame[column].value_counts().idxmax()
    for group in sorted(set(frame[column]) - {reference}):
        for name, expected in formulas(frame, column, group, reference, frame["workclass"].fillna("(missing)")).items():
            (estimate,) = [e for e in found.find(name, by=[column], group=[group], stage="data") if e.value is not None]
            assert estimate.value == pytest.approx(expected, abs=1e-9), (column, group, name)
