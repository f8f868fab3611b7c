"""A table of made-up people, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pandas as pd


def people(n=2000, seed=1):
    rng = np.random.default_rng(seed)
    race = rng.choice(["black", "white", "asian"], n, p=[0.3, 0.5, 0.2]).astype(object)
    race[rng.random(n) < 0.03] = None
    return pd.DataFrame(
        {
            "race": race,
            "sex": rng.choice(["f", "m"], n),
            "age": rng.integers(15, 80, n),
            "label": rng.integers(0, 2, n),
            "decision": rng.integers(0, 2, n),
            "score": rng.random(n).round(3),
            "w": rng.exponential(size=n).round(4),
            "person": rng.integers(0, n // 5, n),
            "earlier": rng.integers(0, 2, n),
        }
    )
