"""SageMaker Clarify's library: its report before training, of each facet, by all of its metrics."""

import logging
import sys
import warnings

import pandas as pd
from answers import serve

warnings.filterwarnings("ignore")
from smclarify.bias.report import FacetColumn, LabelColumn, StageType, bias_report  # noqa: E402

logging.disable(logging.CRITICAL)


def reports(frame, facets):
    """Report of each facet."""
    label = LabelColumn("label", frame["label"], [1])
    office = frame["office"]
    return {
        facet: bias_report(frame, FacetColumn(facet), label, StageType.PRE_TRAINING, group_variable=office)
        for facet in facets
    }


def named(found):
    """Value by facet, level and metric."""
    return [
        [facet, level["value_or_threshold"], metric["name"], metric["value"]]
        for facet, levels in found.items()
        for level in levels
        for metric in level["metrics"]
    ]


if __name__ == "__main__":
    names = sys.argv[2].split(",")
    people = pd.read_parquet(sys.argv[1], columns=[*names, "office", "label"])
    serve(["smclarify", "pandas", "numpy"], lambda: reports(people, names), named)
