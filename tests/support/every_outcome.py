"""A small table for each outcome of each check: one in which it finds something, one in which not, one without answer.

``python tests/support/every_outcome.py`` prints them all as people read them.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from two_parts import checks_of

import audit
from audit.checks.codes import codes
from audit.checks.expectations.checks import run_suite
from audit.checks.expectations.suite import read_suite
from audit.cli import main
from audit.items.read import read_logs, write_items
from audit.record.reader import read_result
from audit.record.result import Check

N = 600
ROWS = np.arange(N)
RACE = np.where(ROWS % 3 == 0, "black", "white")
HIRED = ROWS // 3 % 2
RNG = np.random.default_rng(7)
SCORE = np.round(RNG.uniform(size=N), 3)
X = RNG.normal(size=N)
COLUMNS = {"race": RACE, "x": X, "hired": HIRED}
ASKED = {"label": "hired", "groups": ["race"]}
Case = Callable[[], Check]


def frame(rows: int = N, **columns: object) -> pd.DataFrame:
    """Hired by race: alike in both groups, which are in every column."""
    return pd.DataFrame(COLUMNS | columns).head(rows)


def look(code: str, table: pd.DataFrame, at: int = 0, **asked: object) -> Check:
    """Check one table."""
    return [c for c in audit.check(table, **(ASKED | asked)).checks if c.code == code][at]


def compare(code: str, train: pd.DataFrame, test: pd.DataFrame, **asked: object) -> Check:
    """Check a test table beside what is learned from."""
    return next(c for c in checks_of(train, test, **(ASKED | asked)) if c.code == code and c.part == "test")


def measure(code: str, *predictions: object, groups: object = None, **asked: object) -> Check:
    """Check predictions."""
    result = audit.measure(HIRED, *predictions, groups=groups or {"race": RACE}, **asked)
    return next(c for c in result.checks if c.code == code)


def run(code: str, table: pd.DataFrame, more: str = "") -> Check:
    """Check a table of predictions in a file, as `audit run` does."""
    with tempfile.TemporaryDirectory() as folder:
        table.to_csv(Path(folder) / "p.csv", index=False)
        toml = f'[data]\nlabel = "hired"\ngroups = ["race"]\n{more}[predictions]\nsource = "p.csv"\nprediction = "p"\n'
        (Path(folder) / "audit.toml").write_text(toml)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            main(["run", folder, "--store", f"{folder}/runs"])
        (found,) = Path(folder).glob("runs/*/audit.json")
        result = read_result(found)
    return next(c for c in result.checks if c.code == code)


def expect(table: pd.DataFrame, kind: str, **arguments: object) -> Check:
    """Ask one expectation."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "suite.json"
        path.write_text(json.dumps({"name": "s", "meta": {}, "expectations": [{"type": kind, "kwargs": arguments}]}))
        return run_suite(read_suite(path), table)[0]


SIMPSON = [
    ("women", "arts", 400, 120), ("women", "science", 100, 80), ("men", "arts", 100, 20), ("men", "science", 400, 300),
]  # fmt: skip
REVERSED = pd.DataFrame(
    [(g, s, y) for g, s, n, k in SIMPSON for y in [1] * k + [0] * (n - k)], columns=["sex", "field", "hired"]
)
AGES = RNG.integers(17, 90, 4000)
PEOPLE = pd.DataFrame(
    {
        "race": RNG.choice(["black", "white"], 4000),
        "hired": RNG.integers(0, 2, 4000),
        "age": AGES,
        "job": np.where(AGES < 22, RNG.integers(0, 8, 4000), RNG.integers(0, 300, 4000)),
        "hours": np.where(RNG.random(4000) < 0.6, 40, RNG.integers(5, 80, 4000)),
    }
)
"""Ages, hours and jobs that depend on each other, so that common people coincide."""
TWINS = pd.DataFrame(
    {"race": np.resize(["black", "black", "white", "white"], 80), "x": ROWS[:80] // 2, "hired": ROWS[:80] % 2}
)
ID = {"person": [f"p{i}" for i in ROWS]}
CATEGORIES = pd.Categorical(RACE, ["black", "white", "other"])
WORDS = ["yes", "no", "maybe"]
CLASSES = np.resize(WORDS, N)


def of_items(code: str, rows: int, templates: int, *options: str, task: str = "bbq") -> Check:
    """Check items of a benchmark, as `audit model` does."""
    with tempfile.TemporaryDirectory() as folder:
        at = np.arange(rows)
        columns = {"item": at, "task": task, "template": at % templates, "group": "g", "outcome": "toward"}
        pd.DataFrame(columns).to_csv(Path(folder) / "plain.csv", index=False)
        write_items(read_logs([Path(folder) / "plain.csv"]), Path(folder) / "items.parquet")
        words = ["model", f"{folder}/items.parquet", "--task", "items", "--groups", "group", *options]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            main([*words, "--store", f"{folder}/runs"])
        (found,) = Path(folder).glob("runs/*/audit.json")
        result = read_result(found)
    return next(c for c in result.checks if c.code == code)


def of_classes(code: str, labels: object, predictions: object) -> Check:
    """Check predictions of several classes."""
    result = audit.measure(labels, predictions, groups={"race": RACE}, task="multiclass")
    return next(c for c in result.checks if c.code == code)


MADE: dict[str, tuple[Case, Case, Case | None]] = {
    "DB001": (
        lambda: look("DB001", frame(x=np.where((RACE == "black") & (ROWS % 4 == 0), np.nan, X))),
        lambda: look("DB001", frame()),
        lambda: look("DB001", frame(), groups=()),
    ),
    "DB002": (
        lambda: look("DB002", frame(), population={"race": {"black": 0.5, "white": 0.5}}),
        lambda: look("DB002", frame(), population={"race": {"black": 0.33, "white": 0.67}}),
        lambda: look("DB002", frame()),
    ),
    "DB003": (
        lambda: look("DB003", frame(hired=np.where(RACE == "black", ROWS // 3 % 4 == 0, HIRED).astype(int))),
        lambda: look("DB003", frame()),
        lambda: look("DB003", frame(), label=None),
    ),
    "DB004": (
        lambda: look("DB004", REVERSED, groups=["sex"], strata=["field"]),
        lambda: look("DB004", frame(field=np.resize(["arts", "science"], N)), strata=["field"]),
        lambda: look("DB004", frame(), label=None),
    ),
    "DB005": (
        lambda: look("DB005", frame(district=np.where(ROWS % 29 == 0, "north", np.where(RACE == "black", "east", "west")))),
        lambda: look("DB005", frame()),
        lambda: look("DB005", frame()[["race", "hired"]]),
    ),
    "DB006": (
        lambda: look("DB006", frame(race=np.where(ROWS < 12, "other", RACE))),
        lambda: look("DB006", frame()),
        lambda: look("DB006", frame(), groups=()),
    ),
    "DB007": (
        lambda: compare("DB007", frame(), frame(x=X + (RACE == "black"))),
        lambda: compare("DB007", frame(), frame()),
        lambda: compare("DB007", frame(), frame(), groups=[]),
    ),
    "DL001": (
        lambda: compare("DL001", frame(), pd.concat([frame().head(50), frame(x=X + 9).head(150)])),
        lambda: compare("DL001", frame(), frame(x=X + 9)),
        lambda: compare("DL001", frame()[["x"]], frame()[["race"]], label=None, groups=[]),
    ),
    "DL002": (
        lambda: compare("DL002", frame(**ID), frame(**ID).iloc[500:550], unit="person"),
        lambda: compare("DL002", frame(**ID).head(500), frame(**ID).tail(100), unit="person"),
        lambda: compare("DL002", frame(), frame()),
    ),
    "DL003": (
        lambda: look("DL003", frame(decided=np.where(HIRED == 1, "letter", "none"))),
        lambda: look("DL003", frame()),
        lambda: look("DL003", frame(), label=None),
    ),
    "DP001": (
        lambda: look("DP001", frame(race=np.where(ROWS < 7, "other", RACE))),
        lambda: look("DP001", frame()),
        lambda: look("DP001", frame(), groups=()),
    ),
    "DP002": (
        lambda: look("DP002", frame(hired=np.where(RACE == "black", 0, HIRED))),
        lambda: look("DP002", frame()),
        lambda: look("DP002", frame(), label=None),
    ),
    "DP003": (
        lambda: look("DP003", frame(contact=[f"p{i}@example.org" for i in ROWS])),
        lambda: look("DP003", frame()),
        lambda: look("DP003", pd.DataFrame({"race": [None] * 40, "hired": [None] * 40}, dtype=object), label=None),
    ),
    "DV001": (
        lambda: look("DV001", frame(race=np.where(ROWS % 40 == 0, None, RACE))),
        lambda: look("DV001", frame()),
        None,
    ),
    "DV002": (
        lambda: look("DV002", frame(race=np.where(ROWS % 6 == 0, " black", RACE))),
        lambda: look("DV002", frame()),
        None,
    ),
    "DV003": (
        lambda: look("DV003", frame(hired=np.where(RACE == "black", 0, 1))),
        lambda: look("DV003", frame()),
        None,
    ),
    "DV004": (
        lambda: look("DV004", frame(sex=np.where(RACE == "black", "men", np.resize(["women", "men"], N))),
                     groups=["race", "sex"], intersections=2),
        lambda: look("DV004", frame(sex=np.resize(["women", "men"], N)), groups=["race", "sex"], intersections=2),
        None,
    ),
    "DV005": (
        lambda: run("DV005", frame(p=HIRED), 'strata = ["field"]\n'),
        lambda: run("DV005", frame(p=HIRED, field=np.resize(["arts", "science"], N)), 'strata = ["field"]\n'),
        None,
    ),
    "DV006": (
        lambda: compare("DV006", frame(age=ROWS % 40), frame(age="old").drop(columns="x")),
        lambda: compare("DV006", frame(), frame()),
        None,
    ),
    "DV007": (
        lambda: look("DV007", frame(country="NZ", income=np.full(N, np.nan))),
        lambda: look("DV007", frame()),
        None,
    ),
    "DV008": (
        lambda: look("DV008", pd.concat([PEOPLE, PEOPLE.head(120)])),
        lambda: look("DV008", PEOPLE),
        lambda: look("DV008", frame().head(1), label=None, groups=()),
    ),
    "DV009": (
        lambda: look("DV009", TWINS),
        lambda: look("DV009", frame()),
        lambda: look("DV009", frame(), label=None),
    ),
    "DV010": (
        lambda: of_classes("DV010", np.resize([*WORDS, "Yes"], N), CLASSES),
        lambda: of_classes("DV010", CLASSES, CLASSES),
        None,
    ),
    "DV011": (
        lambda: of_classes("DV011", CLASSES, np.where(ROWS < 40, "perhaps", CLASSES)),
        lambda: of_classes("DV011", CLASSES, CLASSES),
        None,
    ),
    "DV012": (
        lambda: look("DV012", frame(city=np.resize(["Lyon", "Oslo", "oslo", "Lyon", "Oslo"], N))),
        lambda: look("DV012", frame(city=np.resize(["Lyon", "Oslo"], N)), groups=()),
        lambda: look("DV012", frame(race=ROWS % 2)),
    ),
    "DV013": (
        lambda: look("DV013", frame(tags=[[1, 2]] * N)),
        lambda: look("DV013", frame()),
        None,
    ),
    "DV014": (
        lambda: look("DV014", frame(race=CATEGORIES)),
        lambda: look("DV014", frame(race=pd.Categorical(RACE))),
        None,
    ),
    "DV015": (
        lambda: look("DV015", frame(city=np.resize(["Lyon", "NA", "Oslo"], N), income=[f"{i + 1:,}" for i in ROWS * 100])),
        lambda: look("DV015", frame()),
        None,
    ),
    "DV100": (
        lambda: expect(frame(x=ROWS), "expect_column_values_to_be_between", column="x", min_value=0, max_value=566),
        lambda: expect(frame(x=ROWS), "expect_column_values_to_be_between", column="x", min_value=0, max_value=599),
        lambda: expect(frame(0, x=ROWS), "expect_column_values_to_be_between", column="x", min_value=0, max_value=599),
    ),
    "FM001": (
        lambda: measure("FM001", np.where(RACE == "black", ROWS // 3 % 4 == 0, HIRED).astype(int)),
        lambda: measure("FM001", HIRED),
        lambda: measure("FM001", HIRED, groups={"race": np.full(N, "white")}),
    ),
    "FM002": (
        lambda: measure("FM002", (SCORE >= 0.6).astype(int), score=SCORE, threshold=0.75),
        lambda: measure("FM002", (SCORE >= 0.75).astype(int), score=SCORE, threshold=0.75),
        lambda: measure("FM002", (SCORE >= 0.6).astype(int), score=SCORE * 10),
    ),
    "FM003": (
        lambda: measure("FM003", score=SCORE * 10),
        lambda: measure("FM003", score=SCORE),
        None,
    ),
    "FM004": (
        lambda: of_items("FM004", 40, 4, "--unit", "item"),
        lambda: of_items("FM004", 40, 4),
        lambda: of_items("FM004", 20_001, 20_001),
    ),
    "FM005": (
        lambda: of_items("FM005", 40, 4, task="crows_pairs"),
        lambda: of_items("FM005", 40, 4),
        None,
    ),
}  # fmt: skip


CASES = {code: tuple(case and cache(case) for case in cases) for code, cases in MADE.items()}
"""Each is found once, however often it is looked at."""


def show() -> Iterator[str]:
    """Yield every check in its outcomes, as a list of checks has it."""
    for code in codes():
        yield f"{code.code}  {code.name}"
        for case in CASES[code.code]:
            if case is None:
                yield "  NOT APPLICABLE  (this check always has an answer)"
                continue
            found = case()
            detail = f"\n      {found.detail}" if found.detail else ""
            mend = f"\n      What to do: {found.mend}" if found.mend else ""
            yield f"  {found.outcome.upper()}  {found.title}{detail}{mend}"
        yield ""


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in show())
