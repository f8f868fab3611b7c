"""Tables of offices: other separators, decimal commas and encodings are said in one option, which a refusal prints."""

from __future__ import annotations

import contextlib
import json
import re
import shlex

import numpy as np
import pandas as pd
import pytest
from commands import audit as run_command
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples, some_now

import audit
from audit.errors import AuditError, QuestionError, SourceError
from audit.tables.formats.dialect import Dialect, decode_text, make_dialect, suggest_option
from audit.tables.open import open_table

RNG = np.random.default_rng(5)
N = 200
NAMES, TOWNS = RNG.choice(["Männer", "Frauen"], N), RNG.choice(["Köln", "Łódź", "Brno"], N)
FRAME = pd.DataFrame({"wer": NAMES, "ja": RNG.integers(0, 2, N), "punkte": RNG.random(N).round(3), "ort": TOWNS})
ASKED = ("--label", "ja", "--score", "punkte", "--groups", "wer")
WRITTEN = {
    "office": (";", ",", "cp1250"), "tabs": ("\t", ",", "utf-8"), "bars": ("|", ".", "utf-8"), "wide": (";", ",", "utf-16"),
    "marked": (";", ".", "utf-8-sig"), "comma": (",", ".", "cp1250"),
}  # fmt: skip


def run(*words, cwd):
    return run_command(*words, cwd=cwd, env={"COLUMNS": "80"})


def save(path, separator, decimal, encoding, frame=FRAME):
    frame.to_csv(path, sep=separator, decimal=decimal, encoding=encoding, index=False)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_table_is_read_as_its_owner_says(tmp_path, name):
    separator, decimal, encoding = WRITTEN[name]
    save(tmp_path / "t.csv", separator, decimal, encoding)
    table = open_table(tmp_path / "t.csv", dialect=Dialect(separator, decimal, encoding))
    assert dict(table.columns) == {"wer": "text", "ja": "integer", "punkte": "float", "ort": "text"}
    pd.testing.assert_frame_equal(table.to_pandas(), FRAME, check_dtype=False)


@pytest.mark.parametrize("name", some_now(["office", "wide", "tabs", "bars"], 1))
def test_what_a_refusal_prints_reads_the_file(tmp_path, name):
    separator, decimal, _ = WRITTEN[name]
    frame = FRAME.assign(ort=np.where(TOWNS == "Łódź", "Zürich", TOWNS))
    save(tmp_path / "t.csv", separator, decimal, "latin-1" if name == "office" else WRITTEN[name][2], frame)
    frame.to_csv(tmp_path / "plain.csv", index=False)
    refused = run("model", "t.csv", *ASKED, cwd=tmp_path)
    assert refused.returncode == 2
    option = re.search(r'--csv "[^"]+"', refused.stderr)[0]
    said = run("model", "t.csv", *ASKED, *shlex.split(option), "--json", "--write-config", "a.toml", cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    folder = max((tmp_path / "audit-runs").glob("2*"), key=lambda kept: kept.stat().st_ctime_ns)
    plain = run("model", "plain.csv", *ASKED, "--json", cwd=tmp_path)
    assert json.loads(said.stdout)["estimates"] == json.loads(plain.stdout)["estimates"]
    again = run("run", "a.toml", "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["estimates"] == json.loads(plain.stdout)["estimates"]
    assert run("verify", str(folder), "--data", "t.csv", cwd=tmp_path).returncode == 0


def test_decimal_commas_that_nobody_spoke_of_are_refused_where_numbers_are_needed(tmp_path):
    save(tmp_path / "t.csv", ";", ",", "utf-8")
    refused = run("model", "t.csv", *ASKED, "--csv", "separator=;", cwd=tmp_path)
    assert refused.returncode == 2
    assert '--csv "separator=;,decimal=,"' in refused.stderr
    with pytest.raises(AuditError, match="percent signs"):
        audit.measure([0, 1] * 10, score=["34%", "5%"] * 10, groups={"g": ["a", "b"] * 10})


def test_a_point_is_no_decimal_where_commas_are(tmp_path):
    (tmp_path / "t.csv").write_text("a;b;c\n1.234;1,5;7\n2.500;2;8\n")
    table = open_table(tmp_path / "t.csv", dialect=make_dialect("separator=;,decimal=,"))
    assert dict(table.columns) == {"a": "text", "b": "float", "c": "integer"}


def test_python_takes_the_same(tmp_path):
    save(tmp_path / "t.csv", ";", ",", "cp1250")
    how = {"separator": ";", "decimal": ",", "encoding": "cp1250"}
    want = audit.check(FRAME, label="ja", groups="wer").estimates
    assert audit.check(tmp_path / "t.csv", label="ja", groups="wer", csv=how).estimates == want
    assert audit.check(str(tmp_path / "t.csv"), label="ja", groups="wer", csv=make_dialect(how).text).estimates == want


def test_a_suite_is_answered_on_what_pandas_reads_of_such_a_file(tmp_path):
    save(tmp_path / "t.csv", ";", ",", "cp1250")
    suite = {"name": "s", "meta": {}, "expectations": [
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "punkte", "min_value": 0, "max_value": 1}},
        {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "ort", "value_set": ["Köln", "Łódź", "Brno"]}},
    ]}  # fmt: skip
    (tmp_path / "s.json").write_text(json.dumps(suite))
    said = run("data", "t.csv", "--label", "ja", "--groups", "wer", "--csv", "separator=;,decimal=,,encoding=cp1250", "--suite",
               "s.json", "--json", cwd=tmp_path)  # fmt: skip
    assert [c["outcome"] for c in json.loads(said.stdout)["checks"] if c["code"] == "DV100"] == ["pass", "pass"]


def test_parts_are_counted_and_a_first_file_is_written_in_the_same_way(tmp_path):
    save(tmp_path / "t.csv", ";", ",", "latin-1", FRAME.assign(ort="Köln"))
    how = ("--csv", "separator=;,decimal=,,encoding=latin-1")
    assert (
        run("count", "t.csv", "--into", "week", "--label", "ja", "--groups", "wer", *how, cwd=tmp_path).returncode == 0
    )
    assert run("measure", "week", "--parts", "1", cwd=tmp_path).returncode == 0
    assert run("init", "t.csv", *how, cwd=tmp_path).returncode == 0
    assert 'csv = { separator = ";", decimal = ",", encoding = "latin-1" }' in (tmp_path / "audit.toml").read_text()


@pytest.mark.parametrize(("text", "says"), [
    ("", "cannot be read"), ("semicolon", "cannot be read"), ("sep=;", "did you mean 'separator'"), ("separator=;;", "one character"),
    ("separator=a", "not a letter"), ('separator="', "quote"), ("decimal=x", "one character"), ("decimal=;", "a point or a comma"),
    ("separator=,,decimal=,", "both ','"), ("encoding=latn-1", "did you mean 'latin-1'"), ("encoding=hex", "not a text encoding"),
    ("encoding=rot13", "not a text encoding"), ("separator=;,separator=;", "twice"), ("separator=€", "ASCII"),
])  # fmt: skip
def test_what_is_no_dialect_is_refused_by_name(text, says):
    with pytest.raises(QuestionError) as error:
        make_dialect(text)
    assert says in str(error.value)


def test_a_file_that_the_encoding_would_garble_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    for written, said, says in (("utf-8", "latin-1", "is UTF-8 text"), ("cp1252", "latin-1", "encoding=cp1252"),
                                ("utf-8", "utf-16", "does not begin"), ("latin-1", "utf-8", "encoding=latin-1"),
                                ("latin-1", "ascii", "cannot be decoded")):  # fmt: skip
        path.write_bytes(f"g,y\nMänner,{'–' if written == 'cp1252' else '1'}\nFrauen,0\n".encode(written))
        with pytest.raises(SourceError) as error:
            open_table(path, dialect=Dialect(encoding=said))
        assert says in str(error.value)
    FRAME.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(SourceError, match="is parquet"):
        open_table(tmp_path / "t.parquet", dialect=Dialect(";"))


@settings(max_examples=count_examples(100), deadline=None)
@given(
    st.sampled_from([";", "\t", "|", ","]), st.sampled_from([".", ","]), st.sampled_from(["utf-8", "latin-1", "utf-16"])
)
def test_every_dialect_is_read_back_from_its_text(separator, decimal, encoding):
    if separator == decimal:
        return
    dialect = Dialect(separator, decimal, encoding)
    assert make_dialect(dialect.text) == dialect
    assert make_dialect(dialect.table) == dialect


@settings(max_examples=count_examples(100), deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_break_the_hint(data):
    option = suggest_option(data, Dialect(), "csv")
    assert option is None or "--csv" in option
    for encoding in ("latin-1", "cp1252", "utf-16", "shift_jis"):
        with contextlib.suppress(SourceError):
            decode_text(data, Dialect(encoding=encoding), "t.csv").decode()


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl", "arrow"])
def test_a_file_with_more_columns_than_asked_for_is_no_reason_to_refuse(tmp_path, ending):
    write = {"csv": lambda f, p: f.to_csv(p, index=False), "parquet": lambda f, p: f.to_parquet(p),
             "jsonl": lambda f, p: f.to_json(p, orient="records", lines=True),
             "arrow": lambda f, p: f.to_feather(p)}[ending]  # fmt: skip
    write(FRAME, tmp_path / f"a.{ending}")
    write(FRAME.assign(neu=1)[["neu", *FRAME.columns]], tmp_path / f"b.{ending}")
    found = audit.check(str(tmp_path / f"*.{ending}"), label="ja", groups="wer")
    assert found.data[0].rows_read == 2 * N
    whole = audit.check(pd.concat([FRAME, FRAME], ignore_index=True), label="ja", groups="wer")
    assert found.estimates == whole.estimates
    note = next(c for c in found.checks if c.code == "DV013")
    assert note.outcome == "warn"
    assert "neu" in note.detail
    assert "not in every file" in note.detail
    with pytest.raises(SourceError, match=r"a\.\w+ has no column 'neu'"):
        audit.check(str(tmp_path / f"*.{ending}"), label="ja", groups="neu")
