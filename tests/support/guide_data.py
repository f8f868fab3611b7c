"""The tables that README and the guide speak of, with the names that they use."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from audit.pipeline.substitution import write_swapped

SEED = 20261130
CONFIG = {
    "data": {"label": "approved", "groups": ["race", "sex"]},
    "predictions": {"source": "predictions.parquet", "prediction": "predicted"},
}
AUDIT_TOML = """[data]
source = "train.parquet"
label = "approved"
groups = ["race", "sex"]

[predictions]
source = "predictions.parquet"
prediction = "predicted"

[[gates]]
metric = "selection_rate"
compare = "ratio"
min = 0.8
"""
TRAIN = "print('training')\n"
TERMS = """attribute = "gender"

[[slots]]
female = ["Mary", "Anna", "Joan"]
male = ["John", "Paul", "Mark"]

[[slots]]
female = ["she"]
male = ["he"]
"""
PRELUDE = """
import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import audit

frame = pd.read_parquet("train.parquet")
predicted = pd.read_parquet("predictions.parquet")
y_true, y_pred, score = predicted.approved, predicted.predicted, predicted.score
y_new = (score >= 0.45).astype(int)
X, y, sex = frame.drop(columns=["approved"]), frame.approved, frame.sex
groups = frame[["race", "sex"]]
X_numbers = frame[["age", "income"]]
drop_text = FunctionTransformer(lambda table: table[["age", "income"]])
model = LogisticRegression()
network = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Flatten(0))
rows = torch.tensor(X_numbers.to_numpy(), dtype=torch.float32) / 100_000
codes = torch.tensor((sex == "male").to_numpy().astype(int))
batches = [(rows, torch.tensor(y.to_numpy()), codes)]
"""
"""What a reader of the pages has already: the tables above, read."""


def people(rows: int, seed: int) -> pd.DataFrame:
    """Applicants whose approvals differ by race, with a model that learned it."""
    rng = np.random.default_rng(seed)
    race = rng.choice(["white", "black", "asian", "native"], rows, p=[0.55, 0.3, 0.1, 0.05])
    frame = pd.DataFrame({"race": race, "sex": rng.choice(["female", "male"], rows)})
    frame["age"] = rng.integers(18, 80, rows)
    frame["income"] = np.round(rng.lognormal(10.5, 0.4, rows), 2)
    frame["person_id"] = np.arange(rows)
    frame["department"] = rng.choice(["north", "south"], rows)
    merit = rng.random(rows) - np.where(race == "black", 0.1, 0.0)
    frame["approved"] = (merit > 0.35).astype(int)
    frame["score"] = np.round(np.clip(merit + rng.normal(0, 0.15, rows), 0, 1), 3)
    frame["predicted"] = (frame.score >= 0.5).astype(int)
    frame["predicted_v0"] = (frame.score >= 0.55).astype(int)
    frame["predicted_v1"] = (frame.score >= np.where(race == "black", 0.45, 0.5)).astype(int)
    return frame


def write(folder: Path) -> Path:
    """Write every table and file that the pages name into a folder, and return it."""
    train, test = people(3_000, SEED), people(1_500, SEED + 1)
    given = ["race", "sex", "age", "income", "approved"]
    train[given].to_parquet(folder / "train.parquet")
    test[given].to_parquet(folder / "test.parquet")
    train.to_parquet(folder / "predictions.parquet")
    for day, rows in {"monday": train[:1_500], "tuesday": train[1_500:]}.items():
        rows.to_parquet(folder / f"{day}.parquet")
    for year in (2023, 2024):
        place = folder / "warehouse" / f"year={year}"
        place.mkdir(parents=True)
        people(1_000, SEED + year)[given].to_parquet(place / "part-0.parquet")
    train[given].to_csv(folder / "office.csv", sep=";", decimal=",", encoding="latin-1", index=False)
    (folder / "audit.toml").write_text(AUDIT_TOML, encoding="utf-8")
    (folder / "train.py").write_text(TRAIN, encoding="utf-8")
    _write_benchmark(folder)
    _write_prompts(folder)
    return folder


def _write_benchmark(folder: Path) -> None:
    """Write a log of 600 pairs in the form of CrowS-Pairs, of two kinds, with three answers that are no number."""
    rng = np.random.default_rng(SEED)
    lines = []
    for number in range(600):
        kind = "gender" if number % 3 else "age"
        more = rng.normal(-40, 3) + (0.8 if kind == "gender" else 0.2)
        less = rng.normal(-40, 3)
        doc = {"sent_more": f"more {number}", "sent_less": f"less {number}", "bias_type": kind}
        answers = [["nan" if number % 200 == 7 else f"{more:.4f}", "False"], [f"{less:.4f}", "False"]]
        line = {"doc_id": number, "doc": doc, "filtered_resps": answers, "filter": "none", "doc_hash": f"{number:064x}"}
        lines.append(json.dumps(line) + "\n")
    (folder / "samples_crows_pairs_english_2026.jsonl").write_text("".join(lines), encoding="utf-8")


def _write_prompts(folder: Path) -> None:
    """Write prompts with names, and what a model decided on each of their arms."""
    verbs = (
        "applied",
        "asked",
        "called",
        "came",
        "paid",
        "wrote",
        "moved",
        "left",
        "stayed",
        "returned",
        "signed",
        "won",
    )
    names = ("Mary", "Anna", "Joan", "John", "Paul", "Mark")
    texts = [
        f"{name} {verb} because {'she' if name in names[:3] else 'he'} had to." for verb in verbs for name in names
    ]
    (folder / "prompts.csv").write_text("text\n" + "".join(f"{text}\n" for text in (*texts, "I gave her books.")))
    (folder / "terms.toml").write_text(TERMS, encoding="utf-8")
    written, rng = folder / "written.csv", np.random.default_rng(SEED)
    write_swapped(folder / "prompts.csv", folder / "terms.toml", written)
    decided = pd.read_csv(written)
    written.unlink()
    yes = 0.55 + 0.25 * (decided.to == "male") + rng.normal(0, 0.1, len(decided))
    decided["decision"] = (yes > 0.6).astype(int)
    decided.to_csv(folder / "decided.csv", index=False)
