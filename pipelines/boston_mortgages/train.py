"""Train a model of the lenders' decisions and leave ``predictions.parquet`` for the audit.

A logistic regression that sees neither race nor sex. Each application is scored by models that were trained on other
applications only (ten folds), so that no row is judged by a model that has seen its own answer; its score is the mean
over five such rounds, so that the verdict does not hang on how the folds happened to fall.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDER = Path(__file__).resolve().parent
APPLICATIONS = FOLDER / "applications.parquet"
PREDICTIONS = FOLDER / "predictions.parquet"

GROUPS = ["race", "sex"]
LABEL = "approve"
THRESHOLD = 0.75
"""Approved from this score on: the round number at which the model approves as many as the lenders did."""
FOLDS = 10
ROUNDS = 5
SEED = 1996


def model() -> Pipeline:
    """Medians for what is missing, one scale for all, logistic regression."""
    return make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True),
        StandardScaler(),
        LogisticRegression(max_iter=1000),
    )


def scores(features: pd.DataFrame, label: pd.Series) -> np.ndarray:
    """Probability of approval of every application, by models that have not seen it."""
    rounds = []
    for seed in range(SEED, SEED + ROUNDS):
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        rounds.append(cross_val_predict(model(), features, label, cv=folds, method="predict_proba")[:, 1])
    return np.mean(rounds, axis=0)


def predictions(table: pd.DataFrame) -> pd.DataFrame:
    """Groups and label of every application beside its out-of-fold score and decision."""
    features = table.drop(columns=[*GROUPS, LABEL]).astype("float64")
    score = scores(features, table[LABEL])
    return table[[*GROUPS, LABEL]].assign(prediction=(score >= THRESHOLD).astype("int64"), score=score)


def main() -> None:
    """Train, write, say what came out."""
    table = pd.read_parquet(APPLICATIONS)
    print(
        f"Training on {len(table):,} applications, {table.shape[1] - 3} features, without race and sex", file=sys.stderr
    )
    made = predictions(table)
    spare = PREDICTIONS.with_suffix(".tmp")
    made.to_parquet(spare, index=False)
    spare.replace(PREDICTIONS)
    auc = roc_auc_score(made[LABEL], made["score"])
    print(f"Out of fold: AUC {auc:.3f}, {ROUNDS} rounds of {FOLDS} folds, seed {SEED}", file=sys.stderr)
    print(
        f"Approved by the lenders {made[LABEL].mean():.1%}, by the model {made['prediction'].mean():.1%}",
        file=sys.stderr,
    )
    print(f"Predictions: {PREDICTIONS.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
