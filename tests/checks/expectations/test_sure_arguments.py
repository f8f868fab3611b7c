"""Arguments of expectations are checked without the library where it surely takes them, and by the library otherwise."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from importlib.metadata import version

import pandas as pd
import pytest
from suites_at_random import Random, RandomOfRows

from audit.checks.expectations.answer import Expectation
from audit.checks.expectations.argument_schema import argument_schema
from audit.checks.expectations.arguments import build_object, quietly
from audit.checks.expectations.checks import read_suite
from audit.checks.expectations.run import ANSWERED
from audit.checks.expectations.suite import known_types
from audit.checks.expectations.sure_arguments import FOLDER, surely_taken
from audit.errors import QuestionError

KEPT = f"{FOLDER}/{version('great-expectations')}.json"
ODD = ("", " ", "a", "%", "ab", "2024-01-01", "any", "both_values_are_missing", "iqr", True, False, None, 0, 1, -1, 0.5, 1.5, 3.0, 10**400,
       [], [1], [1, "a"], ["a", "b"], [["a", 1]], [["a"]], [None, None], [[1, 2, 3]], {}, {"$PARAMETER": "x"},
       {"quantiles": [0.5], "value_ranges": [[1, 2]]}, {"quantiles": [0.5], "value_ranges": [[2, 1]]},
       {"quantiles": [0.1, 0.5], "value_ranges": [[1, 2]]}, {"quantiles": [0.5], "value_ranges": [[None, 2]], "more": 1})  # fmt: skip


@pytest.fixture(scope="module")
def kept(root):
    path = root / KEPT
    if not path.is_file():
        pytest.skip(f"no schema of this version is kept; `make schema` writes {KEPT}")
    return json.loads(path.read_text())


def library_takes(expectation):
    try:
        build_object(expectation)
    except Exception:  # noqa: BLE001 - whatever it raises, it did not take them
        return False
    return True


def test_the_schema_that_is_kept_is_what_the_library_s_own_models_say(kept):
    assert kept == argument_schema(), "run `make schema`"


def fitting(dice, schema):
    """Some value that a schema allows."""
    one = dice.choice(schema["anyOf"]) if "anyOf" in schema else schema
    if "enum" in one:
        return dice.choice(one["enum"])
    least = one.get("minItems", one.get("minLength", 0))
    match one.get("type"):
        case "object":
            names = {*one["required"], *dice.sample(sorted(one["properties"]), dice.randint(0, len(one["properties"])))}
            return {name: fitting(dice, one["properties"][name]) for name in sorted(names)}
        case "array":
            size = dice.randint(least, one.get("maxItems", least + 2))
            return [fitting(dice, one.get("items", {})) for _ in range(size)]
        case "string":
            return "a" * dice.randint(least, one.get("maxLength", least + 2))
        case "number" | "integer" | "boolean" | "null" as kind:
            low, high = one.get("minimum", -5), one.get("maximum", 2**53)
            return {
                "null": None,
                "boolean": dice.random() < 0.5,
                "number": dice.uniform(low, high),
                "integer": dice.randint(int(low), int(high)),
            }[kind]
    return dice.choice(ODD)


def test_every_argument_that_is_surely_taken_is_taken_by_the_library(kept):
    """What the schemas allow, whole and with one argument of any kind at all."""
    dice, taken = random.Random(20261130), []
    names = sorted({name for model in kept.values() for name in model["properties"]})
    with quietly():
        for kind, model in kept.items():
            for _ in range(60):
                given = fitting(dice, model)
                if dice.random() < 0.6:
                    given[dice.choice([*model["properties"], *names])] = dice.choice(ODD)
                expectation = Expectation(kind, given)
                if surely_taken(expectation):
                    taken.append(kind)
                    assert library_takes(expectation), expectation
    assert set(taken) == set(kept)
    assert len(taken) > 1000


@pytest.mark.parametrize("maker", [Random, RandomOfRows])
def test_suites_at_random_are_surely_taken_or_left_to_the_library(kept, maker):
    frame = pd.DataFrame(
        {"n": [1.0, 2.5, None, 4.0], "i": [1, 2, 3, 4], "t": ["a", "b", None, "Male"], "day": ["2020-01-01"] * 4}
    )
    suite = json.loads(json.dumps(maker(frame, 5).suite(300)))
    each = [Expectation(e["type"], e["kwargs"], e["severity"]) for e in suite]
    sure = [e for e in each if surely_taken(e)]
    with quietly():
        assert [e for e in sure if not library_takes(e)] == []
        left = [e for e in each if e not in sure and "row_condition" not in e.kwargs and library_takes(e)]
    # Dates, numbers beyond 2^53, parts of a divergence, and fractions as ends of a count.
    assert len(left) < len(each) / 4


def test_every_expectation_that_duckdb_answers_can_be_surely_taken(kept):
    assert set(ANSWERED) <= set(kept)
    assert set(kept) <= known_types()


def test_a_version_that_no_schema_is_kept_of_is_asked_itself(monkeypatch):
    asked = Expectation("expect_column_values_to_not_be_null", {"column": "a"})
    monkeypatch.setattr("audit.checks.expectations.sure_arguments._find_installed_version", lambda: "1.0.0")
    assert not surely_taken(asked)


def test_arguments_that_are_not_sure_are_refused_in_the_library_s_own_words(tmp_path):
    path = tmp_path / "s.json"
    path.write_text(
        json.dumps(
            {"expectations": [{"type": "expect_column_values_to_be_between", "kwargs": {"column": "a", "min_valu": 1}}]}
        )
    )
    with pytest.raises(QuestionError, match="no argument 'min_valu'; did you mean 'min_value'"):
        read_suite(path)


def test_a_suite_that_duckdb_answers_never_imports_the_library(kept, tmp_path):
    frame = pd.DataFrame({"n": [1.0, 2.5, None, 4.0], "t": ["a", "b", "a", "b"], "y": [0, 1, 0, 1]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    suite = [{"type": "expect_column_values_to_be_between", "kwargs": {"column": "n", "min_value": 0, "max_value": 9}},
             {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "t", "value_set": ["a", "b"]}},
             {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 2, "max_value": 8}},
             {"type": "expect_column_quantile_values_to_be_between",
              "kwargs": {"column": "n", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, 9]]}}}]  # fmt: skip
    (tmp_path / "s.json").write_text(json.dumps({"expectations": suite}))
    code = ("import sys\nfrom audit.cli import main\n"
            "try: main(['data', 't.csv', '--label', 'y', '--groups', 't', '--suite', 's.json', '--json'])\n"
            "except SystemExit: pass\nprint('great_expectations' in sys.modules, file=sys.stderr)")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    found = [c for c in json.loads(done.stdout)["checks"] if c["code"] == "DV100"]
    assert [c["outcome"] for c in found] == ["pass"] * 4
    assert done.stderr.splitlines()[-1] == "False"
