"""A suite says what Great Expectations says on the frame that pandas reads, whatever the file; or that it cannot know."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from great_itself import great
from property_tests import some_now
from suites_at_random import RandomOfRows

from audit.checks.expectations.answer import Expectation
from audit.checks.expectations.checks import answer_suite, read_suite
from audit.checks.expectations.run import named_in
from audit.counting.columns.as_pandas import reading_of
from audit.errors import QuestionError, SourceError
from audit.tables.open import open_frame, open_table

NOT_NULL = "expect_column_values_to_not_be_null"
OF_TYPE = "expect_column_values_to_be_of_type"
IN_SET = "expect_column_values_to_be_in_set"
COUNT = re.compile(r"^([\d,]+) of ([\d,]+) values are unexpected")
NOBODY = re.compile(r"^(the table has no rows|none of [\d,]+ rows (has a value|meets its condition with a value))$")


def holed(dice, values, share=0.25):
    return [None if dice.random() < share else v for v in values]


def rows_of(seed=0, rows=60):
    """Columns on which pandas has a mind of its own: holes in whole numbers and truth values, zones, dates, odd names."""
    dice = np.random.default_rng(seed)
    whole = [int(v) for v in dice.integers(-3, 9, rows)]
    hours = [dt.datetime(2020, 1, 1) + dt.timedelta(hours=int(h)) for h in dice.integers(0, 40, rows)]  # noqa: DTZ001
    flags = [bool(v) for v in dice.random(rows) < 0.5]
    texts = [str(v) for v in dice.choice(["a", "b", "Male"], rows)]
    berlin = pa.timestamp("us", "Europe/Berlin")
    columns = {
        "whole": pa.array(whole), "income": pa.array(holed(dice, whole)), "tiny": pa.array(holed(dice, whole), pa.int8()),
        "big": pa.array(holed(dice, [2**53 + v for v in whole])), "a b": pa.array(holed(dice, [v / 4 for v in whole])),
        "x[1]": pa.array(whole), 'it\'s "q"': pa.array(holed(dice, texts)), "text": pa.array(texts),
        "flag": pa.array(flags), "some flag": pa.array(holed(dice, flags)), "none": pa.nulls(rows, pa.int64()), "null": pa.nulls(rows),
        "when": pa.array(holed(dice, hours)), "zone": pa.array(hours, berlin), "day": pa.array([h.date() for h in hours]),
        "cat": pa.array(holed(dice, texts)).dictionary_encode(), "dec": pa.array([decimal.Decimal(v) / 4 for v in whole]),
        "lasted": pa.array(holed(dice, [h - hours[0] for h in hours])), "list": pa.array([[v] for v in whole]),
        "single": pa.array([v / 3 for v in whole], pa.float32()), "wide": pa.array(holed(dice, [abs(v) for v in whole]), pa.uint64()),
    }  # fmt: skip
    return pa.table(columns)


def texts_of(seed=0, rows=60):
    """Columns of a text file that pandas takes for something else than they are written."""
    dice = np.random.default_rng(seed)
    whole = [int(v) for v in dice.integers(0, 9, rows)]
    return pd.DataFrame(
        {
            "whole": whole, "income": pd.array(holed(dice, whole), "Int64"), "a b": [v / 4 for v in whole],
            "zip": [f"0{v}" for v in whole], "word": holed(dice, dice.choice(["NA", "null", "x", "None"], rows)),
            "yes": dice.choice(["True", "TRUE", "true"], rows), "some flag": pd.array(holed(dice, [v > 4 for v in whole]), "boolean"),
            'it\'s "q"': dice.choice(["a,b", 'c"d', " e "], rows), "x[1]": [f"{v}.0" for v in whole], "plus": [f"+{v}" for v in whole],
            "third": dice.random(rows) / 3, "day": [f"2020-01-0{1 + v}" for v in whole], "inf": dice.choice(["inf", "1"], rows), "none": [None] * rows,
        }
    )  # fmt: skip


def nullable():
    """A frame of pandas that Arrow would not give back as it is."""
    frame = rows_of(3).drop_columns(["dec", "list"]).to_pandas()
    kept = {"income": "Int64", "some flag": "boolean", "a b": "Float64", "text": "object", "cat": "category"}
    objects = pd.Series([1, 2.5, None] * 20, dtype=object)
    return frame.astype(kept).assign(objects=objects, parts=frame.whole.astype("Int8")).set_index(frame.index * 2)


def _csv(folder):
    texts_of(1).to_csv(folder / "t.csv", index=False)
    return open_table(folder / "t.csv"), pd.read_csv(folder / "t.csv")


def _tsv(folder):
    texts_of(2).to_csv(folder / "t.tsv.gz", index=False, sep="\t")
    return open_table(folder / "t.tsv.gz"), pd.read_csv(folder / "t.tsv.gz", sep="\t")


def _json(folder):
    path = folder / "t.jsonl"
    texts_of(3).assign(created_at=1_600_000_000, flag=True).to_json(path, orient="records", lines=True)
    return open_table(path), pd.read_json(path, lines=True)


def _parquet(folder):
    pq.write_table(rows_of(4), folder / "t.parquet")
    return open_table(folder / "t.parquet"), pd.read_parquet(folder / "t.parquet")


def _parquet_of_pandas(folder):
    nullable().drop(columns="objects").to_parquet(folder / "t.parquet")
    return open_table(folder / "t.parquet"), pd.read_parquet(folder / "t.parquet")


def _parts(folder):
    for name, seed in (("a", 5), ("b", 6)):
        pq.write_table(rows_of(seed, 40), folder / f"{name}.parquet")
    frames = [pd.read_parquet(folder / f"{name}.parquet") for name in "ab"]
    return open_table(folder / "*.parquet"), pd.concat(frames, ignore_index=True)


def _feather(folder):
    pa.feather.write_feather(rows_of(7), folder / "t.feather")
    return open_table(folder / "t.feather"), pd.read_feather(folder / "t.feather")


def _pandas(_):
    return open_frame(nullable()), nullable()


def _arrow(_):
    return open_frame(rows_of(8)), rows_of(8).to_pandas()


def _polars(_):
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(rows_of(9).drop_columns(["null"]))
    return open_frame(frame), frame.to_pandas()


def _lazy(_):
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(rows_of(10).drop_columns(["null"]))
    return open_frame(frame.lazy()), frame.to_pandas()


def _mapping(_):
    columns = {"whole": [1, 2, 3, 4], "income": [1, None, 3, 4], "flag": [True, None, False, True], "text": ("a", None, "b", "b"),
               "some": np.array([1.5, np.nan, 2, 3]), "a b": pd.Series([1, 2, 3, 4])}  # fmt: skip
    return open_frame(columns), pd.DataFrame(columns)


SOURCES = [_csv, _tsv, _json, _parquet, _parquet_of_pandas, _parts, _feather, _pandas, _arrow, _polars, _lazy, _mapping]


def asked_of(folder, drawn):
    """Expectations that are not refused on sight."""
    path, found = folder / "suite.json", []
    for each in drawn:
        path.write_text(json.dumps({"name": "s", "expectations": [each], "meta": {}}, default=str))
        try:
            found += read_suite(path).expectations
        except (QuestionError, SourceError):
            continue
    return found


def disagreements(expectations, table, frame):
    """Expectations whose outcome or count is another one than Great Expectations' own."""
    from audit.checks.expectations.suite import Suite

    ours = answer_suite(Suite("s", "s", tuple(expectations)), table)
    theirs = great(frame, [(e.type, dict(e.kwargs)) for e in expectations])
    wrong = []
    for e, check, (outcome, count) in zip(expectations, ours, theirs, strict=True):
        nobody = check.outcome == "undefined" and (NOBODY.search(check.reason) or "since pandas 3" in check.reason)
        told = COUNT.match(check.detail)
        same = outcome == check.outcome and (told is None or int(told[1].replace(",", "")) == (count or 0))
        if not (same or nobody):
            wrong.append(
                (
                    e.type,
                    dict(e.kwargs),
                    (check.outcome, check.detail or check.reason, check.answered_by),
                    (outcome, count),
                )
            )
    return wrong


@pytest.mark.parametrize("source", some_now(SOURCES, 3))
def test_a_suite_is_answered_as_on_the_frame_that_pandas_reads(tmp_path, source):
    table, frame = source(tmp_path)
    expectations = asked_of(tmp_path, RandomOfRows(frame, seed=len(source.__name__)).suite(70))
    assert len(expectations) > 35
    assert disagreements(expectations, table, frame) == []


@pytest.mark.parametrize("source", some_now([_parquet, _csv, _pandas, _parts], 1))
def test_every_group_is_answered_as_those_rows_of_the_frame(tmp_path, source):
    table, frame = source(tmp_path)
    by = "whole"
    drawn = asked_of(tmp_path, RandomOfRows(frame, seed=31).suite(12))
    levels = sorted(frame[by].unique())
    from audit.checks.expectations.suite import Suite

    found = [c for c in answer_suite(Suite("s", "s", tuple(drawn)), table, (by,)) if " where " in c.title]
    assert len(found) == len(drawn) * len(levels)
    for at, level in enumerate(levels):
        mine = found[at :: len(levels)]
        theirs = great(frame[frame[by] == level], [(e.type, dict(e.kwargs)) for e in drawn])
        said = [
            c.outcome if not NOBODY.search(c.reason) else outcome for c, (outcome, _) in zip(mine, theirs, strict=True)
        ]
        assert said == [outcome for outcome, _ in theirs]  # fmt: skip


def test_every_dtype_is_the_one_that_pandas_reads(tmp_path):
    """Read for an expectation that is left over, of each format; of each column beside another one."""
    for source in SOURCES:
        folder = tmp_path / source.__name__
        folder.mkdir()
        table, frame = source(folder)
        reading = reading_of(table)
        assert list(reading.columns) == list(map(str, frame.columns))
        names = list(reading.columns)[1:]
        reading.prepare(names, ())
        pd.testing.assert_frame_equal(reading.frame(names), frame.set_axis(list(reading.columns), axis=1)[names])
        (tmp_path / "done").touch()


# What differs between the audit's own reading and pandas'


def test_words_that_pandas_takes_for_nothing_are_missing_in_a_suite_and_words_in_the_audit(tmp_path):
    (tmp_path / "t.csv").write_text("zip,word\n01,NA\n02,x\n03,y\n")
    table = open_table(tmp_path / "t.csv")
    assert table.columns == {"zip": "text", "word": "text"}
    asked = [
        Expectation(NOT_NULL, {"column": "word"}),
        Expectation(OF_TYPE, {"column": "zip", "type_": "int64"}),
        Expectation(IN_SET, {"column": "zip", "value_set": [1, 2, 3]}),
    ]
    assert disagreements(asked, table, pd.read_csv(tmp_path / "t.csv")) == []


def test_a_pattern_over_whole_numbers_with_a_missing_one_sees_what_pandas_writes(tmp_path):
    """Of 1 with a missing value beside it pandas has 1.0, in which no pattern of digits alone is found."""
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"i": [1, 2, None], "j": [1, 2, 3]}), path)
    kind = "expect_column_values_to_match_regex"
    asked = [Expectation(kind, {"column": c, "regex": r"^\d+$"}) for c in ("i", "j")]
    assert disagreements(asked, open_table(path), pd.read_parquet(path)) == []
    assert [outcome for outcome, _ in great(pd.read_parquet(path), [(e.type, e.kwargs) for e in asked])] == [
        "fail",
        "pass",
    ]


@pytest.mark.parametrize("statistics", [True, False])
def test_missing_whole_numbers_are_found_with_or_without_statistics_in_the_file(tmp_path, statistics):
    path = tmp_path / "t.parquet"
    rows = pa.table({"i": [2**53 + 1, 2**53 + 3, None, 2**53], "j": [1, 2, 3, 4]})
    pq.write_table(rows, path, write_statistics=statistics, row_group_size=2)
    asked = [
        Expectation("expect_column_unique_value_count_to_be_between", {"column": "i", "min_value": 3}),
        Expectation("expect_column_values_to_be_unique", {"column": "i"}),
        Expectation(IN_SET, {"column": "i", "value_set": [2**53]}),
        Expectation("expect_column_sum_to_be_between", {"column": "j", "min_value": 10, "max_value": 10}),
    ]
    assert disagreements(asked, open_table(path), pd.read_parquet(path)) == []


def test_an_index_that_pandas_wrote_is_no_column_of_the_suite(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": [1, 2]}, index=["x", "y"]).to_parquet(path)
    asked = [
        Expectation("expect_table_column_count_to_equal", {"value": 1}),
        Expectation("expect_table_columns_to_match_ordered_list", {"column_list": ["a"]}),
        Expectation(IN_SET, {"column": "a", "value_set": [1], "row_condition": "index == 'x'", "condition_parser": "pandas"}),
    ]  # fmt: skip
    assert disagreements(asked, open_table(path), pd.read_parquet(path)) == []


def test_categories_that_no_row_has_are_counted_as_pandas_counts_them():
    frame = pd.DataFrame({"c": pd.Categorical(["u", "v", "v"], categories=["u", "v", "w"])})
    asked = [
        Expectation("expect_column_distinct_values_to_equal_set", {"column": "c", "value_set": ["u", "v"]}),
        Expectation("expect_column_distinct_values_to_contain_set", {"column": "c", "value_set": ["w"]}),
        Expectation("expect_column_most_common_value_to_be_in_set", {"column": "c", "value_set": ["v"]}),
    ]
    assert disagreements(asked, open_frame(frame), frame) == []


def test_what_folders_say_is_undefined_with_the_mend(tmp_path):
    for sex in ("f", "m"):
        (tmp_path / "t" / f"sex={sex}").mkdir(parents=True)
        pq.write_table(pa.table({"y": [0, 1]}), tmp_path / "t" / f"sex={sex}" / "p.parquet")
    from audit.checks.expectations.suite import Suite

    asked = (
        Expectation(IN_SET, {"column": "sex", "value_set": ["f", "m"]}),
        Expectation(IN_SET, {"column": "y", "value_set": [0, 1]}),
        Expectation("expect_column_values_to_be_increasing", {"column": "y"}),
    )
    found = answer_suite(Suite("s", "s", asked), open_table(tmp_path / "t"), ("sex",))
    assert {c.outcome for c in found if "(sex)" in c.title} == {"undefined"}
    assert "write it into the files as a column" in next(c.reason for c in found if "(sex)" in c.title)
    assert [c.outcome for c in found if "(y)" in c.title] == ["pass"] * 3 + ["fail", "pass", "pass"]


def test_a_file_that_pandas_cannot_read_leaves_the_suite_undefined_and_says_so(tmp_path):
    (tmp_path / "t.jsonl").write_text('\ufeff{"a": 1}\n{"a": 2}\n', encoding="utf-8")
    table = open_table(tmp_path / "t.jsonl")
    with pytest.raises(ValueError, match="Expected"):
        pd.read_json(tmp_path / "t.jsonl", lines=True)
    from audit.checks.expectations.suite import Suite

    asked = (Expectation(NOT_NULL, {"column": "a"}), Expectation("expect_column_to_exist", {"column": "a"}))
    found = answer_suite(Suite("s", "s", asked), table)
    assert [c.outcome for c in found] == ["undefined", "pass"]
    assert found[0].reason.startswith("pandas cannot read it")


def test_a_text_file_that_changes_before_pandas_reads_it_is_refused(tmp_path):
    from audit.checks.expectations.suite import Suite

    (tmp_path / "t.csv").write_text("a\n1\n")
    table = open_table(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("a\n1\n2\n")
    with pytest.raises(SourceError, match="changed while it was read"):
        answer_suite(Suite("s", "s", (Expectation(NOT_NULL, {"column": "a"}),)), table)


@pytest.mark.parametrize(
    ("column", "form"),
    [("when", "2024-01-31T00:00:00,"), ("zone", "2024-01-31T00:00:00+00:00,"), ("day", "2024-01-31,")],
)
def test_an_end_that_cannot_be_compared_comes_with_the_form_that_can(column, form):
    """The form that the message names is one that Great Expectations answers."""
    from audit.checks.expectations.suite import Suite

    table, frame = open_frame(rows_of(1)), rows_of(1).to_pandas()
    kind = "expect_column_values_to_be_between"
    other = "2019-01-01" if column == "when" else "2019-01-01T00:00:00"
    (check,) = answer_suite(Suite("s", "s", (Expectation(kind, {"column": column, "min_value": other}),)), table)
    assert check.outcome == "error"
    assert f"write its ends as {form}" in check.detail
    assert great(frame, [(kind, {"column": column, "max_value": form.rstrip(",")})])[0][0] == "pass"


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        ("income > 3", {"income"}), ('`it\'s "q"` == 1', {'it\'s "q"'}), (None, set()), ("r\\u00e9 > 1", {"income", 'it\'s "q"', "ré", "a"}),
        ({"type": "comparison", "column": {"name": "ré"}}, {"income", 'it\'s "q"', "ré", "a"}), ({"column": {"name": "a"}, "n": 3}, {"a"}), (["a", {"b": "income"}], {"a", "income"}),
    ],
)  # fmt: skip
def test_columns_of_a_condition_are_found_however_they_are_spelled(condition, named):
    assert named_in(condition, ["income", 'it\'s "q"', "ré", "a"]) >= named
