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

[[slots]]
female = ["her"]
male = ["him"]

[[slots]]
female = ["her"]
male = ["his"]

[[slots]]
female = ["hers"]
male = ["his"]
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


def decisions(rows: int) -> pd.DataFrame:
    """Decisions of a full model, of other seeds of its recipe, and of two compressed models."""
    rng, table = np.random.default_rng(SEED), people(rows, SEED + 2)
    table = table[["race", "sex", "age", "income", "approved"]]
    chance = {"full": 0.1, **{f"seed{at}": 0.1 for at in range(1, 6)}}
    for name, wrong in chance.items():
        table[name] = np.where(rng.random(rows) < wrong, 1 - table.approved, table.approved)
    # As many answers that were right change as that were wrong: nine of ten are right.
    unsure = np.where(table.full == table.approved, 0.002, 0.018)
    table["int8"] = np.where(rng.random(rows) < unsure, 1 - table.full, table.full)
    lost = (rng.random(rows) < np.where(table.race == "black", 0.06, 0.01)) & (table.full == table.approved)
    table["distilled"] = np.where(lost, 1 - table.full, table.full)
    return table


def write_models(folder: Path) -> None:
    """Write a full model of two numbers, and one with integer weights."""
    from onnx import TensorProto, helper, numpy_helper, save
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    rows = np.array([[age, income] for age in (20, 60) for income in (20_000, 60_000)], dtype="float32")

    class Once(CalibrationDataReader):
        left = iter([{"x": rows}])

        def get_next(self):
            return next(self.left, None)

    weights = numpy_helper.from_array(np.array([[-1e-2, 1e-2], [-1e-5, 1e-5]], dtype="float32"), "w")
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 2])
    made = helper.make_tensor_value_info("z", TensorProto.FLOAT, ["rows", 2])
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["z"])], "full", [given], [made], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    save(model, folder / "full.onnx")
    quantize_static(folder / "full.onnx", folder / "int8.onnx", Once())


def write(folder: Path) -> Path:
    """Write every table and file that the pages name into a folder, and return it."""
    decisions(6_000).to_parquet(folder / "decisions.parquet")
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
