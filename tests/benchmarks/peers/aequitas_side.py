"""Aequitas: every rate of every group of seven columns, three of them attributes and four their crossings.

Its cheapest form: `Group.get_crosstabs` alone, without disparities; crossings are pasted together outside the clock.
"""

import itertools
import sys

import pandas as pd
from aequitas.group import Group
from answers import serve

NAMES = {
    "pprev": "selection_rate", "prev": "base_rate", "tpr": "true_positive_rate", "fpr": "false_positive_rate",
    "tnr": "true_negative_rate", "fnr": "false_negative_rate", "precision": "precision",
    "npv": "negative_predictive_value", "fdr": "false_discovery_rate", "for": "false_omission_rate", "accuracy": "accuracy",
}  # fmt: skip


def frame_of(path, groups):
    """Frame with a text column for every attribute and every crossing."""
    frame = pd.read_parquet(path, columns=[*groups, "label", "prediction"])
    frame = frame.astype(dict.fromkeys(groups, object))
    for size in range(2, len(groups) + 1):
        for by in itertools.combinations(groups, size):
            pasted = frame[by[0]]
            for name in by[1:]:
                pasted = pasted + "|" + frame[name]
            frame["*".join(by)] = pasted
    return frame.rename(columns={"prediction": "score", "label": "label_value"})


def named(crosstabs):
    """Value by grouping, group and rate."""
    rows = crosstabs.to_dict("records")
    return [
        [row["attribute_name"], row["attribute_value"], ours, row[theirs]]
        for row in rows
        for theirs, ours in NAMES.items()
    ]


if __name__ == "__main__":
    people = frame_of(sys.argv[1], sys.argv[2].split(","))
    columns = [c for c in people.columns if c not in {"score", "label_value"}]
    serve(["aequitas", "pandas", "numpy"], lambda: Group().get_crosstabs(people, attr_cols=columns)[0], named)
