from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import warnings

import pandas as pd
import pytest

from audit.checks.expectations.checks import read_suite, run_suite, starting_suite
from audit.errors import QuestionError, SourceError

SECRET = "Ada Lovelace 1815"
NOT_NULL = "expect_column_values_to_not_be_null"
IN_SET = "expect_column_values_to_be_in_set"


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "age": [31.0, 45.0, 99.0, None],
            "race": ["a", "b", "b", None],
            "name": [SECRET] * 4,
            "empty": [None] * 4,
            "mixed": pd.Series(["a", "b", None, 1], dtype=object),
        }
    )


def expect(kind, severity="critical", **kwargs):
    return {"type": kind, "kwargs": kwargs, "severity": severity, "meta": {}}


def suite_file(tmp_path, *expectations, **more):
    path = tmp_path / "suite.json"
    path.write_text(json.dumps({"name": "s", "expectations": list(expectations), "meta": {}, **more}))
    return path


def checks(tmp_path, frame, *expectations, **more):
    return run_suite(read_suite(suite_file(tmp_path, *expectations, **more)), frame)


def one(tmp_path, frame, kind, severity="critical", **kwargs):
    (check,) = checks(tmp_path, frame, expect(kind, severity, **kwargs))
    return check


# Reading


def test_a_suite_of_1_x_is_read_whole_and_in_order(tmp_path):
    path = suite_file(
        tmp_path, expect(NOT_NULL, "warning", column="age", mostly=0.9), expect(IN_SET, column="race", value_set=["a"])
    )
    suite = read_suite(path)
    assert suite.name == "s"
    assert [(e.type, e.severity, e.columns) for e in suite.expectations] == [
        (NOT_NULL, "warning", ("age",)),
        (IN_SET, "critical", ("race",)),
    ]


def test_a_suite_of_0_18_is_read_unchanged(tmp_path, frame):
    path = tmp_path / "old.json"
    old = {
        "expectation_type": NOT_NULL,
        "kwargs": {"column": "name", "result_format": "COMPLETE", "catch_exceptions": False},
        "meta": {},
    }
    path.write_text(
        json.dumps(
            {
                "expectation_suite_name": "old",
                "ge_cloud_id": None,
                "data_asset_type": None,
                "evaluation_parameters": {},
                "expectations": [old],
                "meta": {"great_expectations_version": "0.18.8"},
            }
        )
    )
    suite = read_suite(path)
    assert suite.name == "old"
    assert [c.outcome for c in run_suite(suite, frame)] == ["pass"]


def test_what_the_library_itself_writes_is_read(tmp_path, frame):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx
    written = gx.ExpectationSuite(
        name="w", expectations=[gx.expectations.ExpectColumnValuesToNotBeNull(column="name", severity="info")]
    )
    path = tmp_path / "w.json"
    path.write_text(json.dumps(written.to_json_dict()))
    (check,) = run_suite(read_suite(path), frame)
    assert (check.outcome, check.severity) == ("pass", "info")


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("{", SourceError, "not JSON"),
        ("", SourceError, "not JSON"),
        ('{"name": "a", "name": "b", "expectations": []}', SourceError, "key 'name' is twice in one object"),
        ('{"expectations": [{"type": "x", "kwargs": {"a": NaN}}]}', SourceError, "NaN"),
        ("[" * 100_000, SourceError, "nested too deeply"),
        ("[]", QuestionError, "is not a suite"),
        ('{"name": "a"}', QuestionError, "must be a list"),
        ('{"name": "a", "expectations": []}', QuestionError, "has no expectations; add one"),
        ('{"name": "a", "expectations": {}}', QuestionError, "must be a list"),
        ('{"name": "a", "expectation": []}', QuestionError, "did you mean 'expectations'"),
        ('{"expectations": [3]}', QuestionError, r"expectations\[0\]"),
        ('{"expectations": [{"kwargs": {}}]}', QuestionError, "must name one 'type'"),
        ('{"expectations": [{"type": "expect_column_value_to_be_in_set", "kwargs": {}}]}', QuestionError, "did you mean 'expect_column_values_to_be_in_set'"),
        ('{"expectations": [{"type": "NOT_NULL", "kwarg": {}}]}', QuestionError, "did you mean 'kwargs'"),
        ('{"expectations": [{"type": "NOT_NULL", "kwargs": {"column": "a"}, "severity": "warnin"}]}', QuestionError, "did you mean 'warning'"),
        ('{"expectations": [{"type": "NOT_NULL", "kwargs": {"colunm": "a", "column": "a"}}]}', QuestionError, "did you mean 'column'"),
        ('{"expectations": [{"type": "NOT_NULL", "kwargs": {}}]}', QuestionError, "argument 'column' is missing"),
        ('{"expectations": [{"type": "NOT_NULL", "kwargs": {"column": "a", "mostly": 1.5}}]}', QuestionError, "mostly"),
        ('{"expectations": [{"type": "expect_column_values_to_be_between", "kwargs": {"column": "a"}}]}', QuestionError, "cannot both be None"),
        ('{"expectations": [{"type": "NOT_NULL", "kwargs": {"column": {"$PARAMETER": "c"}}}]}', QuestionError, r"nothing sets \$PARAMETER 'c'"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(tmp_path, text, error, says):
    path = tmp_path / "suite.json"
    path.write_text(text.replace("NOT_NULL", NOT_NULL))
    with pytest.raises(error, match=says) as caught:
        read_suite(path)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    assert "suite.json" in str(caught.value)


@pytest.mark.parametrize(
    "kind", ["expect_multicolumn_values_to_be_unique", "expect_column_chisquare_test_p_value_to_be_greater_than"]
)
def test_a_type_that_is_shipped_but_cannot_be_run_is_refused(tmp_path, kind):
    path = suite_file(tmp_path, expect(kind, column="a"))
    with pytest.raises(QuestionError, match="cannot be run by the installed Great Expectations"):
        read_suite(path)


def test_a_file_that_is_not_there_and_one_that_is_not_text(tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        read_suite(tmp_path / "absent.json")
    with pytest.raises(SourceError, match="not a file"):
        read_suite(tmp_path)
    (tmp_path / "latin.json").write_bytes(b'{"name": "\xe9"}')
    with pytest.raises(SourceError, match="not UTF-8"):
        read_suite(tmp_path / "latin.json")


def test_a_parameter_that_the_suite_sets_is_filled_in(tmp_path, frame):
    between = expect("expect_table_row_count_to_equal", value={"$PARAMETER": "rows"})
    (check,) = checks(tmp_path, frame, between, suite_parameters={"rows": 4})
    assert check.outcome == "pass"


def test_a_typo_is_refused_without_importing_great_expectations(tmp_path):
    path = suite_file(tmp_path, expect("expect_column_values_to_not_be_nul", column="a"))
    code = (
        "import sys\nfrom audit.checks.expectations.checks import read_suite\n"
        f"try: read_suite({str(path)!r})\nexcept Exception as e: print(e)\n"
        "print({'great_expectations', 'pandas', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
    assert "did you mean 'expect_column_values_to_not_be_null'" in done.stdout


# Outcomes


def test_failures_keep_their_severity(tmp_path, frame):
    found = checks(tmp_path, frame, *(expect(NOT_NULL, s, column="age") for s in ("critical", "warning", "info")))
    assert [(c.outcome, c.severity) for c in found] == [("fail", "critical"), ("warn", "warning"), ("warn", "info")]


def test_a_check_says_who_answered_and_counts(tmp_path, frame):
    from importlib.metadata import version

    check = one(tmp_path, frame, IN_SET, column="race", value_set=["a"], mostly=0.5)
    assert check.code == "DV100"
    assert check.name == "expect_column_values_to_be_in_set (race)"
    assert check.answered_by == f"great-expectations {version('great-expectations')}"
    assert check.title == f"{check.name} does not hold: 2 of 3 values are unexpected"
    assert check.detail == "at least 50% must be as expected; 1 missing value is not counted"
    assert check.outcome == "fail"


def test_mostly_is_honoured(tmp_path, frame):
    assert one(tmp_path, frame, NOT_NULL, column="age", mostly=0.75).outcome == "pass"
    assert one(tmp_path, frame, NOT_NULL, column="age", mostly=0.76).outcome == "fail"


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("expect_column_mean_to_be_between", {"column": "name", "min_value": 0}),
        ("expect_column_values_to_be_between", {"column": "name", "min_value": 0}),
        ("expect_column_values_to_match_regex", {"column": "name", "regex": "("}),
        ("expect_column_values_to_be_between", {"column": "age", "min_value": 5, "max_value": 1}),
        ("expect_column_pair_values_to_be_equal", {"column_A": "race", "column_B": "mixed"}),
        (IN_SET, {"column": "race", "value_set": ["a"], "row_condition": "nobody > 3", "condition_parser": "pandas"}),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "select * from {batch}"}),
    ],
)  # fmt: skip
def test_what_raises_is_an_error_and_never_a_failure(tmp_path, frame, kind, kwargs):
    check = one(tmp_path, frame, kind, **kwargs)
    assert check.outcome == "error"
    assert "Ada" not in check.title + check.detail


def test_an_error_names_what_was_raised_and_the_kind_of_the_column(tmp_path, frame):
    check = one(tmp_path, frame, "expect_column_mean_to_be_between", column="name", min_value=0)
    assert check.reason == f"Great Expectations raised TypeError; name is {frame['name'].dtype}"
    flat = one(tmp_path, frame, "expect_column_values_to_be_between", column="age", min_value=5, max_value=1)
    assert "raised ValueError; age is float64" in flat.reason
    assert (flat.title, flat.detail) == (f"{flat.name}: could not be run", flat.reason)


def test_a_column_that_is_not_there_is_an_error_with_the_nearest_name(tmp_path, frame):
    single = one(tmp_path, frame, IN_SET, column="rcae", value_set=["a"])
    assert (single.outcome, single.reason) == ("error", "no column 'rcae'; did you mean 'race'?")
    pair = one(tmp_path, frame, "expect_column_pair_values_to_be_equal", column_A="race", column_B="nmae")
    assert (pair.outcome, pair.reason) == ("error", "no column 'nmae'; did you mean 'name'?")
    several = one(tmp_path, frame, "expect_compound_columns_to_be_unique", column_list=["race", "agee"])
    assert (several.outcome, several.reason) == ("error", "no column 'agee'; did you mean 'age'?")


def test_asking_whether_a_column_is_there_is_a_question_and_not_an_error(tmp_path, frame):
    assert one(tmp_path, frame, "expect_column_to_exist", column="agee").outcome == "fail"
    assert one(tmp_path, frame, "expect_column_to_exist", column="age").outcome == "pass"
    check = one(tmp_path, frame, "expect_table_columns_to_match_set", column_set=["age", "weight"])
    assert check.outcome == "fail"
    assert "missing weight" in check.detail


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        (IN_SET, {"column": "empty", "value_set": ["a"]}),
        ("expect_column_sum_to_be_between", {"column": "empty", "min_value": -1}),
        ("expect_column_mean_to_be_between", {"column": "empty", "min_value": 0}),
        ("expect_column_unique_value_count_to_be_between", {"column": "empty", "max_value": 5}),
        ("expect_column_distinct_values_to_be_in_set", {"column": "empty", "value_set": ["a"]}),
        ("expect_column_values_to_be_of_type", {"column": "empty", "type_": "str"}),
        (IN_SET, {"column": "race", "value_set": ["a"], "row_condition": "age > 200", "condition_parser": "pandas"}),
        ("expect_column_sum_to_be_between", {"column": "age", "min_value": -1, "row_condition": "age > 200", "condition_parser": "pandas"}),
    ],
)  # fmt: skip
def test_an_expectation_over_nobody_is_undefined(tmp_path, frame, kind, kwargs):
    check = one(tmp_path, frame, kind, **kwargs)
    assert check.outcome == "undefined"
    assert check.title == f"{check.name}: undefined, {check.reason}"


def test_nulls_are_somebody_where_nulls_are_asked_for(tmp_path, frame):
    assert one(tmp_path, frame, NOT_NULL, column="empty").outcome == "fail"
    assert one(tmp_path, frame, "expect_column_values_to_be_null", column="empty").outcome == "pass"
    proportion = "expect_column_proportion_of_non_null_values_to_be_between"
    assert one(tmp_path, frame, proportion, column="empty", min_value=0.5).outcome == "fail"


def test_a_table_without_rows_passes_nothing_but_its_shape(tmp_path, frame):
    found = checks(
        tmp_path,
        frame.iloc[:0],
        expect(NOT_NULL, column="age"),
        expect(IN_SET, column="race", value_set=["a"]),
        expect("expect_column_sum_to_be_between", column="age", min_value=-1),
        expect("expect_compound_columns_to_be_unique", column_list=["race", "age"]),
        expect("expect_table_row_count_to_equal", value=0),
        expect("expect_column_to_exist", column="age"),
    )
    assert [c.outcome for c in found] == ["undefined"] * 4 + ["pass"] * 2


def test_results_stand_in_the_order_of_the_suite_also_when_some_raise_or_repeat(tmp_path, frame):
    asked = [
        expect(NOT_NULL, column="age"),
        expect(IN_SET, column="absent", value_set=["a"]),
        expect(NOT_NULL, column="name"),
        expect("expect_column_mean_to_be_between", column="name", min_value=0),
        expect(NOT_NULL, column="name"),
        expect("expect_table_row_count_to_equal", value=5),
    ]
    found = checks(tmp_path, frame, *asked)
    assert [c.outcome for c in found] == ["fail", "error", "pass", "error", "pass", "fail"]
    assert [c.title.split(" ")[0] for c in found] == [a["type"] for a in asked]


@pytest.mark.parametrize("asked", [{"type_": "object"}, {"type_list": ["int64", "object"]}])
def test_the_old_name_of_text_is_neither_right_nor_wrong_since_pandas_3(tmp_path, frame, asked):
    """Great Expectations says no where it said yes before pandas was renewed, of the same data."""
    kind = f"expect_column_values_to_be_{'of_type' if 'type_' in asked else 'in_type_list'}"
    check = one(tmp_path, frame, kind, column="name", **asked)
    assert (check.outcome, "name str in the suite" in check.reason) == ("undefined", True)
    assert one(tmp_path, frame, kind, column="age", **asked).outcome == "fail"


def test_text_is_of_the_type_that_pandas_calls_it(tmp_path, frame):
    assert one(tmp_path, frame, "expect_column_values_to_be_of_type", column="name", type_="str").outcome == "pass"
    assert one(tmp_path, frame, "expect_column_values_to_be_of_type", column="age", type_="str").outcome == "fail"


# Privacy and quiet


def test_no_value_of_the_data_leaves(tmp_path, frame):
    found = checks(
        tmp_path,
        frame,
        expect(IN_SET, column="name", value_set=["x"]),
        expect("expect_column_distinct_values_to_be_in_set", column="name", value_set=["x"]),
        expect("expect_column_most_common_value_to_be_in_set", column="name", value_set=["x"]),
        expect("expect_column_values_to_be_between", column="name", min_value=1),
        expect("expect_column_mean_to_be_between", column="name", min_value=1),
        expect("expect_column_max_to_be_between", column="age", max_value=3),
        expect("expect_compound_columns_to_be_unique", column_list=["name", "race"]),
        expect("expect_column_pair_values_to_be_equal", column_A="name", column_B="race"),
        expect("expect_column_values_to_be_dateutil_parseable", column="name"),
        expect("expect_column_values_to_be_json_parseable", column="name"),
    )
    assert {c.outcome for c in found} <= {"fail", "error"}
    for check in found:
        assert not any(word in check.title + check.detail + check.reason for word in ("Ada", "Lovelace", "1815", "99"))


def test_a_hostile_column_name_is_made_printable(tmp_path):
    name = "a\u202eb\n"
    check = one(tmp_path, pd.DataFrame({name: [1]}), NOT_NULL, column=name)
    assert check.outcome == "pass"
    assert check.title.isprintable()


def test_the_frame_is_not_changed(tmp_path, frame):
    before = frame.copy(deep=True)
    checks(
        tmp_path,
        frame,
        expect(NOT_NULL, column="age"),
        expect("expect_column_mean_to_be_between", column="name", min_value=0),
    )
    pd.testing.assert_frame_equal(frame, before)


def test_nothing_is_printed_written_or_left_behind(tmp_path):
    """In its own process, with every warning an error, no home to write to, and no network to reach."""
    path = suite_file(
        tmp_path,
        expect(NOT_NULL, column="a"),
        expect(IN_SET, column="b", value_set=["x"]),
        expect("expect_column_mean_to_be_between", column="b", min_value=0),
    )
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    code = (
        "import os, socket\n"
        "def refused(*a, **k): raise SystemExit('network')\n"
        "socket.socket.connect = socket.getaddrinfo = refused\n"
        "import pandas as pd\nfrom audit.checks.expectations.checks import read_suite, run_suite\n"
        "before = dict(os.environ)\n"
        f"found = run_suite(read_suite({str(path)!r}), pd.DataFrame({{'a': [1, None], 'b': ['x', 'y']}}))\n"
        "assert dict(os.environ) == before\n"
        "print(*(c.outcome for c in found))"
    )
    env = {**os.environ, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=work, env=env
    )
    assert done.stdout == "fail fail error\n"
    assert done.stderr == ""
    assert done.returncode == 0
    assert not list(work.iterdir())
    assert not list(home.iterdir())


def test_the_logging_of_the_process_is_left_as_it_was(tmp_path, frame, caplog):
    logger = logging.getLogger("great_expectations")
    before = logger.level
    with caplog.at_level(logging.DEBUG):
        one(tmp_path, frame, "expect_column_mean_to_be_between", column="name", min_value=0)
    assert logger.level == before
    assert not [r for r in caplog.records if r.name.startswith("great_expectations") and r.levelno >= logging.WARNING]


# A first suite


def test_the_starting_suite_is_passed_by_its_data_and_not_by_broken_data(tmp_path):
    rows = 60
    data = pd.DataFrame(
        {
            "sex": ["f", "m", None] * (rows // 3),
            "income": [1000.0 + i for i in range(rows)],
            "person": [f"p{i}" for i in range(rows)],
            "flag": [0, 1] * (rows // 2),
            "ok": [True, False] * (rows // 2),
            "nothing": [None] * rows,
        }
    )
    said = starting_suite(data)
    path = tmp_path / "first.json"
    path.write_text(json.dumps(said, allow_nan=False))
    suite = read_suite(path)
    assert {c.outcome for c in run_suite(suite, data)} == {"pass"}
    assert "p17" not in path.read_text()
    assert "1059" not in path.read_text()
    broken = data.assign(sex="x", income=-1e9, flag=None).head(5)
    wrong = {c.name: c.outcome for c in run_suite(suite, broken) if c.outcome != "pass"}
    assert wrong == {
        "expect_table_row_count_to_be_between": "fail",
        "expect_column_values_to_be_in_set (sex)": "fail",
        "expect_column_values_to_be_between (income)": "warn",
        "expect_column_values_to_not_be_null (flag)": "fail",
        "expect_column_values_to_be_in_set (flag)": "undefined",
    }


@pytest.mark.parametrize(
    "column",
    [[0.0], [-3.5], [5e-324], [1e300, -1e300], [float("inf"), 1.0], [[1], [2]], [None], [0.1] * 50, [2**62] * 9, pd.to_datetime(["2024-01-01"])],
    ids=str,
)  # fmt: skip
def test_the_starting_suite_of_an_odd_column_is_strict_json_that_it_passes(tmp_path, column):
    data = pd.DataFrame({"c": column})
    path = tmp_path / "first.json"
    path.write_text(json.dumps(starting_suite(data), allow_nan=False))
    assert {c.outcome for c in run_suite(read_suite(path), data)} <= {"pass"}
