"""Parts counted apart and measured together: the same document as from all rows, and nothing counted twice."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest
from commands import audit
from people import people

ASKED = ("--label", "label", "--score", "score", "--groups", "race,sex", "--weight", "w", "--intersections", "2")


@pytest.fixture
def days(tmp_path):
    frame = people(900, seed=2)
    for i in range(3):
        frame[i * 300 : (i + 1) * 300].to_parquet(tmp_path / f"day{i}.parquet")
    frame.to_parquet(tmp_path / "all.parquet")
    return tmp_path


def count(folder, name, *asked):
    return audit("count", name, "--into", "counts", *asked, cwd=folder)


FROM_BINS = {"roc_auc", "average_precision", "bpsn_auc", "bnsp_auc", "positive_average_equality_gap",
             "negative_average_equality_gap", "abroca", "expected_calibration_error",
             "calibration_error_square"}  # fmt: skip
"""Parts are counted into the same slices, the whole table by value where it has few."""


def estimates(document):
    kept = [e for e in document["estimates"] if e["metric"] not in FROM_BINS]
    return [{k: v for k, v in e.items() if k != "method"} for e in kept]


def test_the_sum_of_the_days_is_the_audit_of_all_rows(days):
    first = count(days, "day0.parquet", *ASKED)
    assert first.returncode == 0, first.stderr
    assert "Counted 300 rows of day0.parquet: counts holds 1 part." in first.stderr
    for i in (1, 2):
        assert count(days, f"day{i}.parquet").returncode == 0  # the folder knows the question
    summed = audit("measure", "counts", "--gate", "selection_rate ratio >= 0.8", "--json", cwd=days)
    whole = audit("model", "all.parquet", *ASKED, "--gate", "selection_rate ratio >= 0.8", "--json", cwd=days)
    assert summed.returncode == whole.returncode, summed.stderr
    one, other = json.loads(summed.stdout), json.loads(whole.stdout)
    assert estimates(one) == estimates(other)
    of_bins = [[e for e in d["estimates"] if e["metric"] in FROM_BINS] for d in (one, other)]
    assert [(e["metric"], e["compare"], e["by"], e["group"]) for e in of_bins[0]] == [
        (e["metric"], e["compare"], e["by"], e["group"]) for e in of_bins[1]
    ]
    assert any(e["by"] == ["race", "sex"] and e["value"] is not None for e in of_bins[0])
    assert one["gates"][0]["sentence"] == other["gates"][0]["sentence"]
    assert one["data"][0]["rows_read"] == 900
    run = next((days / "audit-runs").iterdir())
    assert audit("verify", run, cwd=days).returncode == 0


def test_a_part_counts_once(days):
    assert count(days, "day0.parquet", *ASKED).returncode == 0
    again = count(days, "day0.parquet")
    assert again.returncode == 2
    assert "day0.parquet is already in counts" in again.stderr


def test_another_question_is_refused_by_the_section_that_differs(days):
    count(days, "day0.parquet", *ASKED)
    other = count(days, "day1.parquet", "--label", "label", "--score", "score", "--groups", "race")
    assert other.returncode == 2
    assert "was counted with another configuration" in other.stderr
    assert len(list((days / "counts").glob("*.counts.json"))) == 1


def test_a_part_with_other_types_is_refused_by_its_column(days):
    count(days, "day0.parquet", *ASKED)
    pd.read_parquet(days / "day1.parquet").astype({"label": str}).to_parquet(days / "odd.parquet")
    odd = count(days, "odd.parquet")
    assert odd.returncode == 2
    assert "column 'label' is text, and integer in" in odd.stderr


def test_a_damaged_part_is_named_and_nothing_is_judged(days):
    count(days, "day0.parquet", *ASKED)
    count(days, "day1.parquet")
    part = sorted((days / "counts").glob("*.counts.json"))[1]
    text = part.read_text()
    at = text.index('"n": [') + 6
    part.write_text(text[:at] + str(9 - int(text[at])) + text[at + 1 :])
    measured = audit("measure", "counts", cwd=days)
    assert measured.returncode == 2
    assert part.name in measured.stderr
    assert "changed or damaged" in measured.stderr
    part.write_text(text[: len(text) // 2])
    assert part.name in audit("measure", "counts", cwd=days).stderr


def test_a_folder_without_counts_says_how_to_make_them(days):
    nothing = audit("measure", "nowhere", cwd=days)
    assert nothing.returncode == 2
    assert "audit count TABLE --into" in nothing.stderr
    unasked = count(days, "day0.parquet")
    assert unasked.returncode == 2
    assert "--label" in unasked.stderr


@pytest.mark.slow
def test_engines_may_take_turns(days):
    assert count(days, "day0.parquet", *ASKED, "--engine", "polars").returncode == 0
    assert count(days, "day1.parquet", "--engine", "pandas").returncode == 0
    assert count(days, "day2.parquet").returncode == 0
    summed = audit("measure", "counts", "--json", cwd=days)
    whole = audit("model", "all.parquet", *ASKED, "--json", cwd=days)
    assert estimates(json.loads(summed.stdout)) == estimates(json.loads(whole.stdout))


def test_a_policy_may_change_without_counting_again(days):
    count(days, "day0.parquet", *ASKED)
    strict = audit("measure", "counts", "--gate", "selection_rate difference <= 0.0001", cwd=days)
    assert strict.returncode in {1, 3}
    assert audit("measure", "counts", "--gate", "selection_rate difference <= 0.9", cwd=days).returncode == 0


def test_a_labelled_table_alone_is_counted_too(days):
    asked = ("--label", "label", "--groups", "sex", "--unit", "person")
    assert count(days, "day0.parquet", *asked).returncode == 0
    assert count(days, "day1.parquet").returncode == 0
    measured = audit("measure", "counts", "--gate", "base_rate difference <= 0.9", cwd=days)
    assert measured.returncode == 0, measured.stderr


@pytest.mark.slow
def test_the_benchmark_of_a_hundred_million_rows_in_small(root):
    # In a process of its own: a child's peak begins at what its parent holds, and a test run holds much.
    script = root / "tests" / "benchmarks" / "hundred_million.py"
    asked = ("--rows", "20000", "--parts", "3", "--weighted", "--json")
    done = subprocess.run([sys.executable, script, *asked], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["same"]
    assert found["rows"] == 60_000
    assert 0 < found["measuring"]["peak_mb"] < found["glob"]["peak_mb"] < 2048
