"""DuckDB answers what Great Expectations answers: the same verdicts, counts and sentences, or it leaves it to it."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import random
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from commands import audit as command
from suites_at_random import Random

from audit.checks.expectations.answer import Expectation
from audit.checks.expectations.checks import answer_suite, read_suite, run_suite
from audit.checks.expectations.compare import translate
from audit.checks.expectations.run import ANSWERED
from audit.checks.expectations.suite import SHAPES, Suite, require_groups
from audit.cli import main
from audit.counting.columns import ask
from audit.errors import QuestionError
from audit.tables.open import open_frame, open_table
from audit.tables.table import Table

NOT_NULL = "expect_column_values_to_not_be_null"
DATA = {
    "acs_income": "ACSIncome_test", "adult": "adult_test", "bank_marketing": "bank_full", "compas": "compas_two_years_deidentified",
    "credit_default": "credit_card_clients", "german": "german_statlog", "hmda_boston": "loanapp_wooldridge",
    "law_school": "law_school_clean", "toronto_arrests": "arrests", "ucb_admissions": "ucb_admissions",
    "crows_pairs": "crows_pairs_anonymized", "fairface_labels": "fairface_label_val",
}  # fmt: skip
LARGE = 100_000


def odd(rows=160):
    """Every kind of column: holes, NaN, infinities, signed zeros, all scripts, and nothing at all."""
    dice = np.random.default_rng(3)

    def holed(values):
        found = pd.Series(values, dtype=object)
        found[dice.random(rows) < 0.2] = None
        return found

    texts = ["a", "Male", "é", "ß x", "x\ny", "12", "١٢", "", "yes\n", " M", "aa c", "İı", "日本", "a\x0bb", "O'Hara"]
    days = dice.integers(0, 9, rows)
    return pd.DataFrame(
        {
            "whole": dice.integers(-5, 20, rows),
            "holed": pd.array(holed(dice.integers(0, 9, rows)), dtype="Int64"),
            "wide": dice.integers(2**60, 2**62, rows),
            "float": dice.normal(0, 10, rows),
            "nan": np.where(dice.random(rows) < 0.3, np.nan, dice.integers(0, 5, rows) / 2),
            "inf": np.where(dice.random(rows) < 0.05, np.inf, dice.normal(0, 1, rows)),
            "zero": dice.choice([0.0, -0.0, 1.0], rows),
            "huge": dice.choice([1e200, -1e200, 3.0], rows),
            "text": dice.choice(texts, rows),
            "some text": holed(dice.choice(["a", "b", "Male"], rows)),
            "person": [f"p{i}" for i in range(rows)],
            "bool": dice.random(rows) < 0.5,
            "some bool": pd.array(holed(dice.random(rows) < 0.5), dtype="boolean"),
            "date": [dt.date(2020, 1, 1) + dt.timedelta(int(i)) for i in days],
            "time": pd.to_datetime("2020-01-01") + pd.to_timedelta(days, unit="h"),
            "decimal": [decimal.Decimal(int(i)) / 4 for i in days],
            "single": dice.normal(0, 1, rows).astype("float32"),
            "tiny": dice.integers(0, 100, rows).astype("int8"),
            "unsigned": dice.integers(0, 9, rows).astype("uint64"),
            "nothing": [None] * rows,
            "no number": np.full(rows, np.nan),
            "constant": np.full(rows, 2.5),
        }
    )


def readable(folder, asked):
    """Expectations that are not refused on sight."""
    found = []
    for expectation in asked:
        path = folder / "suite.json"
        path.write_text(json.dumps({"name": "s", "expectations": [expectation], "meta": {}}))
        try:
            found += read_suite(path).expectations
        except QuestionError:
            continue
    return Suite("s", "s", tuple(found))


def told(checks):
    return [replace(check, answered_by="") for check in checks]


def differing(suite, table, frame):
    """What the two answer differently, and who answered; the frame is the one that pandas has."""
    ours = answer_suite(suite, table)
    theirs = run_suite(suite, frame)
    pairs = zip(suite.expectations, told(ours), told(theirs), strict=True)
    who = Counter(check.answered_by.split(" ")[0] for check in ours)
    return [(e.type, dict(e.kwargs), a, b) for e, a, b in pairs if a != b], who


# The same as Great Expectations


@pytest.mark.parametrize("rows", [160, 0, 1, 2])
def test_odd_columns_are_answered_alike(tmp_path, rows):
    frame = odd().head(rows)
    suite = readable(tmp_path, Random(frame, seed=rows).suite(90 if rows == 160 else 40))
    different, who = differing(suite, open_frame(frame), frame)
    assert different == []
    assert who["duckdb"] > len(suite.expectations) / 6
    assert who["great-expectations"] > 0


@pytest.mark.parametrize("folder", DATA)
def test_real_data_is_answered_alike(tmp_path, shared, folder):
    path = shared / "data" / folder / f"{DATA[folder]}.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    frame = pd.read_parquet(path)
    suite = readable(tmp_path, Random(frame, seed=5).suite(8 if len(frame) > LARGE else 25))
    different, who = differing(suite, open_table(path), frame)
    assert different == []
    assert who["duckdb"] > 0


@pytest.mark.slow
def test_large_tables_take_other_ways_to_the_same_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(ask, "SMALL", 0)
    monkeypatch.setattr(ask, "FEW", 5)
    monkeypatch.setattr(ask, "SPARSEST", 10_000)
    monkeypatch.setattr(ask, "ROWS_A_PART", 50)
    frame = odd()
    dice = Random(frame, seed=11)
    asked = [
        dict(zip(("type", "kwargs"), make(), strict=True))
        for make in (dice.alone, dice.sets, dice.regex, dice.several)
        for _ in range(16)
    ]
    different, _ = differing(readable(tmp_path, asked), open_frame(frame), frame)
    assert different == []


def test_a_number_on_the_very_end_is_told_as_pandas_rounds_it(tmp_path):
    """Whole numbers are told exactly; where the order of adding up could decide, pandas is asked."""
    frame = pd.DataFrame({"whole": [1, 2, 4], "third": [0.1, 0.2, 0.3]})
    whole, third = float(frame.whole.mean()), float(frame.third.mean())
    kind = "expect_column_mean_to_be_between"
    asked = [
        {"type": kind, "kwargs": {"column": c, key: end, f"strict_{key[:3]}": strict}}
        for c, end in (("whole", whole), ("third", third))
        for key in ("min_value", "max_value")
        for strict in (True, False)
    ]
    suite = readable(tmp_path, asked)
    different, who = differing(suite, open_frame(frame), frame)
    assert different == []
    assert who == {"duckdb": 4, "great-expectations": 4}


def test_a_part_of_a_parquet_file_with_nan_and_null_is_read_as_pandas_reads_it(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = pa.table(
        {"x": pa.array([1.0, float("nan"), None, 1.0, -0.0, 0.0]), "y": pa.array(["a", "b", None, "a", "c", "c"])}
    )
    pq.write_table(rows, tmp_path / "d.parquet")
    asked = [
        {"type": t, "kwargs": {"column": "x", **more}}
        for t, more in (
            (NOT_NULL, {}), ("expect_column_values_to_be_unique", {}), ("expect_column_values_to_be_between", {"min_value": 0}),
            ("expect_column_unique_value_count_to_be_between", {"min_value": 2, "max_value": 2}), ("expect_column_max_to_be_between", {"max_value": 1}),
        )
    ] + [{"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": ["x", "y"]}}]  # fmt: skip
    path = tmp_path / "d.parquet"
    different, who = differing(readable(tmp_path, asked), open_table(path), pd.read_parquet(path))
    assert different == []
    assert who == {"duckdb": 6}


# Who answers


def test_aggregates_never_load_a_frame(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise AssertionError("a frame was loaded")

    monkeypatch.setattr(Table, "to_pandas", refused)
    monkeypatch.setattr("audit.checks.expectations.run.Great", refused)
    found = answer_suite(
        readable(tmp_path, [{"type": NOT_NULL, "kwargs": {"column": "holed", "mostly": 0.5}}]), open_frame(odd())
    )
    assert [(c.outcome, c.answered_by.split(" ")[0]) for c in found] == [("pass", "duckdb")]


def test_what_is_left_over_reads_the_columns_that_it_names(tmp_path, monkeypatch):
    asked = [
        {"type": "expect_column_values_to_be_increasing", "kwargs": {"column": "constant"}},
        {"type": NOT_NULL, "kwargs": {"column": "nan", "row_condition": 'col("whole") > 3', "condition_parser": "great_expectations"}},
        {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 1, "row_condition": "tiny > 300", "condition_parser": "pandas"}},
    ]  # fmt: skip
    frame, path, read = odd().drop(columns=["decimal"]), tmp_path / "t.parquet", []
    frame.to_parquet(path)
    suite, whole = readable(tmp_path, asked), pd.read_parquet(path)

    def recorded(path, columns):
        read.append(tuple(columns))
        return whole[list(columns)]

    monkeypatch.setattr(pd, "read_parquet", lambda path, columns=None: recorded(path, columns) if columns else whole)
    assert told(answer_suite(suite, open_table(path))) == told(run_suite(suite, whole))
    assert read == [("whole", "nan", "tiny", "constant")]


def test_an_expectation_over_nobody_is_undefined_whoever_answers(tmp_path):
    asked = [
        {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "nothing", "value_set": ["a"]}},
        {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "no number", "min_value": 0}},
    ]
    found = answer_suite(readable(tmp_path, asked), open_frame(odd()))
    assert {(c.outcome, c.answered_by.split(" ")[0]) for c in found} == {("undefined", "duckdb")}
    assert all(c.reason.startswith("none of ") and c.title.endswith(c.reason) for c in found)


def test_the_documentation_says_who_answers_what(root):
    text = (root / "docs" / "expectations.md").read_text()
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| `expect")
    ]
    said = {row[0].strip("`"): tuple(row[1:]) for row in rows}
    assert said == {name: (kind.of, kind.left or "nothing") for name, kind in ANSWERED.items()} | dict.fromkeys(
        SHAPES, ("the table's columns", "nothing")
    )


# Patterns


@pytest.mark.parametrize(
    "pattern",
    [r"^\d+$", r"\w", r"\W", r"\S\s", r"[^\w-]", r"[\d.]+", "^[A-Z]", "a$", "a|b$", r"\.", "^$", "x.y", r"^.{3,}$", "(?:a|e)", r"[]a]", r"\t|\n"],
)  # fmt: skip
def test_a_translated_pattern_finds_what_python_finds(pattern):
    import pyarrow as pa
    import pyarrow.compute as pc

    dice = random.Random(7)
    letters = "aebxyAZ09 .-_\n\t\x0b\x1c]é١৩日İßǅ²½\u2003\U0001d7d8"
    texts = ["".join(dice.choices(letters, k=dice.randint(0, 5))) for _ in range(3000)]
    found = pc.match_substring_regex(pa.array(texts), translate(pattern)).to_pylist()
    assert found == [bool(re.search(pattern, text)) for text in texts]


@pytest.mark.parametrize(
    "pattern",
    ["(?=a)", "(?i)a", r"(a)\1", r"\bM", "a$b", "($)", "a{,3}", "[[:alpha:]]", r"\Z", r"\x41", "[", "a++", "(?P<n>a)", "\0", r"[\b]", r"\é"],
)  # fmt: skip
def test_a_pattern_that_might_be_read_otherwise_is_left_over(pattern):
    assert translate(pattern) is None


# Groups


def in_group(check, name):
    """The same check by the name that it has in one group."""
    titles = {of: getattr(check, of).replace(check.name, name) for of in ("title", "plain_title")}
    return replace(check, name=name, answered_by="", **titles)


def test_every_group_is_answered_as_its_rows_alone(tmp_path):
    frame = odd().assign(sex=lambda f: f["some text"])
    table = open_frame(frame)
    suite = readable(tmp_path, Random(frame, seed=21).suite(24))
    rowwise = Suite(
        "s", "s", tuple(e for e in suite.expectations if e.type not in SHAPES and e.kwargs.get("column") != "absent")
    )
    ours = [c for c in answer_suite(rowwise, table, ("sex",)) if " where " in c.name]
    rows = frame
    names = ["Male", "a", "b", "missing"]
    parts = [rows[rows["sex"].isna()] if name == "missing" else rows[rows["sex"] == name] for name in names]
    theirs = [run_suite(rowwise, part) for part in parts]
    expected = [
        in_group(found[at], f"{found[at].name} where sex is {name}")
        for at in range(len(rowwise.expectations))
        for name, found in zip(names, theirs, strict=True)
    ]
    assert told(ours) == expected


def test_bins_and_groups_of_an_expectation_are_named(tmp_path):
    path = tmp_path / "suite.json"
    asked = [
        {"type": NOT_NULL, "kwargs": {"column": "some text"}, "meta": {"per_group": ["age"]}},
        {"type": "expect_column_to_exist", "kwargs": {"column": "age"}},
    ]
    path.write_text(json.dumps({"name": "s", "expectations": asked, "meta": {}}))
    frame = odd().assign(age=lambda f: f["nan"])
    found = answer_suite(read_suite(path), open_frame(frame), bins={"age": (1.0,)})
    assert [c.name.partition(" where ")[2] for c in found] == [
        "",
        "age is under 1",
        "age is 1 and over",
        "age is missing",
        "",
    ]
    whole, *groups, _ = [
        int(rows[1]) if (rows := re.search(r" of (\d+) values are unexpected", f"{c.title} {c.detail}")) else 0
        for c in found
    ]
    assert sum(groups) == whole == len(frame)


@pytest.mark.parametrize(
    ("expectation", "says"),
    [
        (Expectation(NOT_NULL, {"column": "a"}, per_group=("sexx",)), "no group column 'sexx'; did you mean 'sex'"),
        (Expectation("expect_column_to_exist", {"column": "a"}, per_group=("sex",)), "the same in every group"),
    ],
)
def test_a_group_that_cannot_be_asked_is_refused(expectation, says):
    with pytest.raises(QuestionError, match=says):
        require_groups(Suite("s", "suite.json", (expectation,)), ["sex"])


def test_groups_that_are_no_list_are_refused(tmp_path):
    path = tmp_path / "suite.json"
    path.write_text(
        json.dumps({"expectations": [{"type": NOT_NULL, "kwargs": {"column": "a"}, "meta": {"per_group": "sex"}}]})
    )
    with pytest.raises(QuestionError, match="must list group columns"):
        read_suite(path)


@pytest.mark.parametrize(("named", "code", "says"), [("sex", 0, "where sex is f"), ("sexx", 2, "did you mean 'sex'")])
def test_a_run_asks_every_group(tmp_path, capsys, named, code, says):
    pd.DataFrame({"sex": ["f", "m"] * 40, "y": [0, 1, 1, 0] * 20}).to_csv(tmp_path / "d.csv", index=False)
    asked = [{"type": NOT_NULL, "kwargs": {"column": "y"}, "severity": "warning"}]
    (tmp_path / "suite.json").write_text(json.dumps({"expectations": asked}))
    (tmp_path / "audit.toml").write_text(
        f'[data]\nsource = "d.csv"\nlabel = "y"\ngroups = ["sex"]\n[checks]\nsuite = "suite.json"\nper_group = ["{named}"]\n'
    )
    with pytest.raises(SystemExit) as ended:
        main(["run", str(tmp_path), "--store", str(tmp_path / "store"), "--json"])
    assert ended.value.code == code
    out = capsys.readouterr()
    assert says in out.out + out.err


def test_init_writes_a_suite_that_its_own_table_passes_and_others_may_fail(tmp_path):

    rows = pd.DataFrame({"sex": ["f", "m"] * 100, "hired": [0, 1, 1, 0] * 50, "years": range(200)})
    rows.to_parquet(tmp_path / "t.parquet")

    def audit(*words):
        return command(*words, cwd=tmp_path)

    assert audit("init", "t.parquet").returncode == 0
    said = (tmp_path / "audit.toml").read_text()
    assert 'suite = "suite.json"' in said
    done = audit("run", "audit.toml", "--json")
    asked = [c for c in json.loads(done.stdout)["checks"] if c["code"] == "DV100"]
    assert len(asked) > 5
    assert {c["outcome"] for c in asked} == {"pass"}
    rows.assign(sex=["x", "m"] * 100).to_parquet(tmp_path / "t.parquet")
    done = audit("run", "audit.toml", "--json")
    assert done.returncode == 1
    assert any(c["outcome"] == "fail" and "sex" in c["title"] for c in json.loads(done.stdout)["checks"])
