"""AIF360: the confusion rates of every group of each attribute, one `ClassificationMetric` a group."""

import logging
import sys
import warnings

import pandas as pd
from answers import serve

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)  # it warns of every optional package that is not there
from aif360.datasets import BinaryLabelDataset  # noqa: E402
from aif360.metrics import ClassificationMetric  # noqa: E402

NAMES = {
    "TPR": "true_positive_rate", "TNR": "true_negative_rate", "FPR": "false_positive_rate", "FNR": "false_negative_rate",
    "PPV": "precision", "NPV": "negative_predictive_value", "FDR": "false_discovery_rate", "FOR": "false_omission_rate",
    "ACC": "accuracy",
}  # fmt: skip


def datasets(path, groups):
    """Labels and predictions as data sets of numbers, and the levels behind the numbers."""
    frame = pd.read_parquet(path, columns=[*groups, "label", "prediction"])
    levels = {g: sorted(frame[g].unique()) for g in groups}
    for g in groups:
        frame[g] = frame[g].map({level: i for i, level in enumerate(levels[g])}).astype(float)
    true = frame.drop(columns="prediction")
    predicted = frame.drop(columns="label").rename(columns={"prediction": "label"})
    made = [
        BinaryLabelDataset(df=d, label_names=["label"], protected_attribute_names=groups) for d in (true, predicted)
    ]
    return made, levels


def measures(made, levels):
    """Rates of each group."""
    found = []
    for attribute, names in levels.items():
        for i, level in enumerate(names):
            others = [{attribute: j} for j in range(len(names)) if j != i]
            metric = ClassificationMetric(*made, unprivileged_groups=others, privileged_groups=[{attribute: i}])
            rates = metric.performance_measures(privileged=True)
            rates["ACC"] = metric.accuracy(privileged=True)
            found.append((attribute, level, rates))
    return found


def named(found):
    """Value by grouping, group and rate."""
    return [
        [attribute, level, ours, float(rates[theirs])]
        for attribute, level, rates in found
        for theirs, ours in NAMES.items()
    ]


if __name__ == "__main__":
    both, of = datasets(sys.argv[1], sys.argv[2].split(","))
    serve(["aif360", "pandas", "numpy"], lambda: measures(both, of), named)
