"""Time and memory grow with the columns, and the number of crossings is known before anything is counted."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager, nullcontext
from math import comb

import numpy as np
import pandas as pd
import pytest
from commands import audit as run_command

import audit
from audit.checks import part as looked
from audit.config.merging import MOST_GROUPINGS, count_groupings
from audit.config.read import build
from audit.counting.columns import held_columns
from audit.errors import AuditError
from audit.pipeline.stages import Findings, audit_parts
from audit.tables.kinds import find_clashes
from audit.tables.open import open_frame, open_table
from audit.tables.table import open_connection

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


def test_columns_of_a_file_stand_beside_each_other_as_in_its_rows(monkeypatch, tmp_path):
    """They are read by several queries, of several files and row groups: rows must not change places between them."""
    rows = np.arange(60_000)
    frame = pd.DataFrame({f"c{i}": rows for i in range(6)} | {f"t{i}": rows.astype(str) for i in range(2)})
    for part in range(3):
        frame[part * 20_000 : (part + 1) * 20_000].to_parquet(tmp_path / f"{part}.parquet", row_group_size=3_000)
    monkeypatch.setattr(held_columns, "MOST_COLUMNS", 2)
    table = open_table(tmp_path / "*.parquet")
    with open_connection() as con:
        held = held_columns.held_columns(con, table, list(frame.columns))
        assert con.execute("SELECT current_setting('preserve_insertion_order')").fetchone() == (False,)
    assert held.to_pandas().astype(frame.dtypes).equals(frame)


@pytest.mark.parametrize("most", [7_000, 12_000])
def test_columns_that_are_too_large_to_hold_are_not_held(monkeypatch, tmp_path, most):
    """200 rows of two columns are 6,400 bytes, and 50 texts of 100 bytes 5,000 more."""
    frame = pd.DataFrame({"n": np.arange(200), "t": ["x" * 100 if i % 4 == 0 else "" for i in range(200)]})
    frame.to_parquet(tmp_path / "t.parquet")
    monkeypatch.setattr(held_columns, "MOST_BYTES", most)
    with open_connection() as con:
        held = held_columns.held_columns(con, open_table(tmp_path / "t.parquet"), ["n", "t"])
    assert (held is not None) == (most > 200 * 2 * 16 + 5_000)


def test_a_wide_file_says_what_it_says_streamed(monkeypatch, tmp_path):
    frame = mixed(34, rows=200)
    frame["day"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(len(frame)) % 9, unit="D")
    frame["kind"] = pd.Categorical(np.resize(["k", "l"], len(frame)))
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=50)
    found = []
    for most in (-1, 10**9):
        monkeypatch.setattr(held_columns, "MOST_BYTES", most)
        for wide in (20, 10**9):
            monkeypatch.setattr(looked, "WIDE", wide)
            found.append(_looked_at(tmp_path / "t.parquet"))
    assert found[0] == found[1] == found[2] == found[3]


def test_rows_beside_which_folders_say_something_are_not_held(monkeypatch, tmp_path):
    for day in "ab":
        (tmp_path / f"w/day={day}").mkdir(parents=True)
        mixed(34, rows=200, seed=ord(day)).to_parquet(tmp_path / f"w/day={day}/t.parquet", row_group_size=50)
    found = []
    for wide in (20, 10**9):
        monkeypatch.setattr(looked, "WIDE", wide)
        found.append(_looked_at(tmp_path / "w"))
    assert found[0] == found[1]


def _looked_at(path):
    config = build({"data": {"source": str(path), "label": "y", "positive": 1, "groups": ["g"]}})
    findings = Findings()
    audit_parts(open_table(path), {}, config, findings, nullcontext)
    return findings.checks


# Not ru_maxrss, which begins at what the parent held.
PEAK = """
import sys
from audit.cli.app import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code
    print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")), file=sys.stderr)
    sys.exit(code)
"""


@pytest.mark.parametrize("file", ["t.csv", "t.parquet"])
def test_a_wide_table_takes_little_memory(tmp_path, file):
    """300 columns took 2 GB when all of them were profiled in one query; a process has 200 MB before it reads any."""
    draw = np.random.default_rng(3)
    frame = pd.DataFrame(draw.integers(0, 9, (200, 300)), columns=[f"x{i}" for i in range(300)])
    frame = frame.assign(g=np.resize(["a", "b"], 200), y=draw.integers(0, 2, 200))
    frame.to_csv(tmp_path / file, index=False) if file == "t.csv" else frame.to_parquet(tmp_path / file)
    command = [sys.executable, "-c", PEAK, "data", file, "--label", "y", "--groups", "g"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert int(done.stderr.splitlines()[-1]) < 450_000


def test_a_long_look_says_which_check_it_is_at(tmp_path):
    seen = []

    @contextmanager
    def step(what):
        seen.append(what)
        yield

    config = build({"data": {"source": "t", "label": "y", "positive": 1, "groups": ["g"]}})
    audit_parts(open_frame(mixed(12)), {}, config, Findings(), step)
    told = [what for what in seen if what.startswith("Checking train, check ")]
    assert told[0].startswith("Checking train, check 1 of ")
    assert told[-1] == f"Checking train, check {len(told)} of {len(told)}, 14 columns"


def test_names_that_differ_in_case_are_found_in_one_pass():
    assert find_clashes(["a", "b", "B", "c", "C", "ç"]) == {"b": "B", "B": "b", "c": "C", "C": "c"}
    assert find_clashes(["x", "X", "X "]) == {"x": "X", "X": "x"}
    assert set(find_clashes(["aa", "AA", "aA"])) == {"aa", "AA", "aA"}


@pytest.mark.parametrize(("columns", "ways"), [(30, 8), (30, 3), (1001, 1), (100, 2), (46, 2)])
def test_too_many_groupings_are_refused_by_number_with_the_mend(columns, ways):
    every = sum(comb(columns, k) for k in range(1, ways + 1))
    groups = pd.DataFrame({f"g{i}": ["a", "b"] * 5 for i in range(columns)})
    with pytest.raises(AuditError) as error:
        audit.measure([0, 1] * 5, [1, 0] * 5, groups=groups, intersections=ways)
    said = str(error.value)
    assert f"{every:,} groupings, more than 1,000" in said
    most = int(said.split("at most ")[1].split()[0].replace(",", ""))
    assert count_groupings(most, ways) <= MOST_GROUPINGS < count_groupings(most + 1, ways)
    if ways > 1 and columns < MOST_GROUPINGS:
        less = int(said.split("set intersections to ")[1].split()[0])
        assert count_groupings(columns, less) <= MOST_GROUPINGS < count_groupings(columns, less + 1)


@pytest.mark.parametrize("command", ["data", "model"])
def test_crossings_are_refused_before_the_table_is_opened(tmp_path, command):
    names = ",".join(f"g{i}" for i in range(30))
    more = ["--prediction", "p"] if command == "model" else []
    words = [command, "absent.csv", "--label", "y", "--groups", names, "--intersections", "8", *more]
    done = run_command(*words, cwd=tmp_path)
    assert (done.returncode, "8,656,936 groupings" in done.stderr, "absent" in done.stderr) == (2, True, False)
    assert "set intersections to 2 (465 groupings), or name at most 9 columns" in " ".join(done.stderr.split())
