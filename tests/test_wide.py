"""Time and memory grow with the columns, and the number of crossings is known before anything is counted."""

from __future__ import annotations

import os
import subprocess
import sys
from math import comb

import numpy as np
import pandas as pd
import pytest

import audit
from audit.config.sections import MOST_GROUPINGS, groupings
from audit.data import looked
from audit.engines.kinds import clashing
from audit.errors import AuditError

KINDS = ("few", "many", "text", "holes", "id", "constant", "empty", "proxy", "told", "truth", "nan", "email")


def mixed(columns, rows=300, seed=7):
    """A table of columns of every kind, some of which a check has to name."""
    draw = np.random.default_rng(seed)
    g, y = draw.choice(["a", "b", "c"], rows), draw.integers(0, 2, rows)
    made = {
        "few": lambda i: draw.integers(0, 5, rows),
        "many": lambda i: draw.normal(size=rows),
        "text": lambda i: draw.choice(["x", "y", "Z", "z "], rows),
        "holes": lambda i: np.where(
            draw.random(rows) < np.where(g == "a", 0.4, 0.1), np.nan, draw.integers(0, 9, rows)
        ),
        "id": lambda i: [f"{i}-{j}" for j in range(rows)],
        "constant": lambda i: np.full(rows, 3),
        "empty": lambda i: np.full(rows, None, dtype=object),
        "proxy": lambda i: np.where(draw.random(rows) < 0.95, g, "d"),
        "told": lambda i: np.where(draw.random(rows) < 0.97, y, 1 - y),
        "truth": lambda i: draw.random(rows) < 0.5,
        "nan": lambda i: np.where(draw.random(rows) < 0.3, np.nan, draw.normal(size=rows)),
        "email": lambda i: [f"p{j}@example.org" for j in range(rows)],
    }
    frame = pd.DataFrame({f"{KINDS[i % len(KINDS)]} {i}": made[KINDS[i % len(KINDS)]](i) for i in range(columns)})
    frame.insert(columns // 2, "g", g)
    frame.insert(columns // 3, "y", y)
    return frame


@pytest.mark.parametrize("unit", [None, "few 0"])
def test_a_table_that_is_read_in_blocks_says_what_it_says_read_whole(monkeypatch, unit):
    train, test = mixed(34), mixed(34, seed=8)
    asked = {"label": "y", "positive": 1, "groups": ["g", "text 2"], "test": test, "unit": unit}
    monkeypatch.setattr(looked, "WIDE", 10**9)
    whole = audit.check(train, **asked)
    monkeypatch.setattr(looked, "WIDE", 20)
    monkeypatch.setattr(looked, "BLOCK", 1 if unit is None else 7)
    assert audit.check(train, **asked).checks == whole.checks
    found = {c.code for c in whole.checks if c.outcome == "warn"}
    assert {"DB001", "DB005", "DL003", "DP003", "DV007", "DV012"} <= found


@pytest.mark.parametrize("file", ["t.csv", "t.parquet"])
def test_a_wide_table_takes_little_memory(tmp_path, file):
    """300 columns took 2 GB when all of them were profiled in one query; a process has 200 MB before it reads any."""
    draw = np.random.default_rng(3)
    frame = pd.DataFrame(draw.integers(0, 9, (200, 300)), columns=[f"x{i}" for i in range(300)])
    frame = frame.assign(g=np.resize(["a", "b"], 200), y=draw.integers(0, 2, 200))
    frame.to_csv(tmp_path / file, index=False) if file == "t.csv" else frame.to_parquet(tmp_path / file)
    command = [sys.executable, "-m", "audit", "data", file, "--label", "y", "--groups", "g"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as child:
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    assert used.ru_maxrss < 450_000


def test_a_long_look_says_which_check_it_is_at(tmp_path):
    from contextlib import contextmanager

    from audit.config.read import build
    from audit.engines.tables import open_frame
    from audit.stages import Findings, audit_parts

    seen = []

    @contextmanager
    def step(what):
        seen.append(what)
        yield

    config = build({"data": {"source": "t", "label": "y", "positive": 1, "groups": ["g"]}})
    audit_parts(open_frame(mixed(12)), {}, config, Findings(), step)
    told = [what for what in seen if what.startswith("Looking at train, check ")]
    assert told[0].startswith("Looking at train, check 1 of ")
    assert told[-1] == f"Looking at train, check {len(told)} of {len(told)}, 14 columns"


def test_names_that_differ_in_case_are_found_in_one_pass():
    assert clashing(["a", "b", "B", "c", "C", "ç"]) == {"b": "B", "B": "b", "c": "C", "C": "c"}
    assert clashing(["x", "X", "X "]) == {"x": "X", "X": "x"}
    assert set(clashing(["aa", "AA", "aA"])) == {"aa", "AA", "aA"}


@pytest.mark.parametrize(("columns", "ways"), [(30, 8), (30, 3), (1001, 1), (100, 2), (46, 2)])
def test_too_many_groupings_are_refused_by_number_with_the_mend(columns, ways):
    every = sum(comb(columns, k) for k in range(1, ways + 1))
    groups = pd.DataFrame({f"g{i}": ["a", "b"] * 5 for i in range(columns)})
    with pytest.raises(AuditError) as error:
        audit.measure([0, 1] * 5, [1, 0] * 5, groups=groups, intersections=ways)
    said = str(error.value)
    assert f"{every:,} groupings, more than 1,000" in said
    most = int(said.split("at most ")[1].split()[0].replace(",", ""))
    assert groupings(most, ways) <= MOST_GROUPINGS < groupings(most + 1, ways)
    if ways > 1 and columns < MOST_GROUPINGS:
        less = int(said.split("set intersections to ")[1].split()[0])
        assert groupings(columns, less) <= MOST_GROUPINGS < groupings(columns, less + 1)


@pytest.mark.parametrize("command", ["data", "model"])
def test_crossings_are_refused_before_the_table_is_opened(tmp_path, command):
    names = ",".join(f"g{i}" for i in range(30))
    more = ["--prediction", "p"] if command == "model" else []
    words = [command, "absent.csv", "--label", "y", "--groups", names, "--intersections", "8", *more]
    done = subprocess.run([sys.executable, "-m", "audit", *words], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "8,656,936 groupings" in done.stderr, "absent" in done.stderr) == (2, True, False)
    assert "set intersections to 2 (465 groupings), or name at most 9 columns" in " ".join(done.stderr.split())
