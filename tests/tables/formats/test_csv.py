"""The strict reader: what is refused, by what words, and that what is accepted comes back cell by cell."""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import gzip
import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import uuid

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples
from refusals import refused

from audit.errors import SourceError
from audit.tables.formats.csv import read_csv
from audit.tables.open import open_frame, open_table

ROWS = "group,y\n" + "a,1\nb,0\n" * 30


def cells(table, *names):
    """Rows as an engine reads them."""
    names = names or tuple(table.columns)
    with duckdb.connect() as con, table.reading():
        listed = ", ".join('"' + n.replace('"', '""') + '"' for n in names)
        return con.execute(f"SELECT {listed} FROM {table.scan(con, names)}").fetchall()


def column(values, name="x"):
    """Kind and cells of one column of a frame."""
    table = open_frame({name: values})
    return table.columns[name], [row[0] for row in cells(table)]


def put(folder, name, data):
    """Write a file; what takes long to make is made here, and not by every worker that collects it."""
    path, data = folder / name, data() if callable(data) else data
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def parquet_bytes(columns, **options):
    sink = io.BytesIO()
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), sink, **options)
    return sink.getvalue()


def arrow_bytes(columns, *, stream=False):
    sink, table = io.BytesIO(), pa.table(columns)
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=2):
            writer.write_batch(batch)
    return sink.getvalue()


PARQUET = parquet_bytes({"group": ["a", "b"] * 30, "y": [1, 0] * 30})
PACKED = gzip.compress(ROWS.encode())

TEXT_REFUSED = {
    "0 bytes": ("t.csv", b"", "empty"),
    "only a byte order mark": ("t.csv", b"\xef\xbb\xbf", "empty"),
    "only blank lines": ("t.csv", "\n\n", "empty"),
    "a row too long": ("t.csv", ROWS + "a,1,EXTRA\n", "line 62 has 3 fields .* 2 columns"),
    "a row too short": ("t.csv", "a,b\n1,2\n3\n", "line 3 has 1 field "),
    "a row too short after a cell of two lines": ("t.csv", 'a,b\n"x\ny",2\n3\n', "line 4 has 1 field "),
    "a row cut off": ("t.csv", "a,b,c\n1,2,3\n4,5", "line 3 has 2 fields"),
    "a blank line in the middle": ("t.csv", "a,b\n1,2\n\n3,4\n", "line 3 is blank"),
    "a blank line beside one in a cell": ("t.csv", 'a,b\n"1\n\nx",2\n\n3,4\n', "line 5 is blank"),
    "a blank line in one column": ("t.csv", "a\n1\n\n2\n", "line 3 is blank"),
    "doubled carriage returns": ("t.csv", "a,b\r\r\n1,2\r\r\n", "line 2 is blank"),
    "two columns of one name": ("t.csv", "a,b,a\n1,2,3\n", "two columns named 'a' \\(duplicate\\)"),
    "a column without a name": ("t.csv", "a,,c\n1,2,3\n", "column 2 has an empty name"),
    "the index of a frame": ("t.csv", ",a\n0,1\n", "column 1 has an empty name.*index=False"),
    "a NUL byte": ("t.csv", b"a,b\n1,\x002\n", "NUL byte at byte 6 \\(line 2\\)"),
    "latin-1": ("t.csv", "a,b\n1,Ni\u00f1o\n".encode("latin-1"), "not UTF-8.*byte 8 \\(line 2\\)"),
    "half a character at the end": ("t.csv", "a,b\n1,ñ".encode()[:-1], "not UTF-8.*byte 6"),
    "UTF-16": ("t.csv", ROWS.encode("utf-16"), "UTF-16.*save it as UTF-8"),
    "UTF-16 without a mark": ("t.csv", ROWS.encode("utf-16-le"), "UTF-16.*save it as UTF-8"),
    "UTF-32": ("t.csv", ROWS.encode("utf-32"), "UTF-32.*save it as UTF-8"),
    "a quote that is never closed": ("t.csv", 'a,b\n1,2\n"3,4\n5,6\n', "quote opened in line 3 is not closed"),
    "a quote inside a bare cell": ("t.csv", 'a,b\n5" pipe,1\n', "stray quote in line 2"),
    "text after a closing quote": ("t.csv", 'a,b\n"x"y,1\n', "stray quote in line 2"),
    "a space before a quote": ("t.csv", 'a,b\n1, "x"\n', "stray quote in line 2"),
    "semicolons": ("t.csv", "a;b\n1;0,5\n", "columns are separated by semicolons, and commas are parsed; .*, or save the table with commas \\(and decimal points\\)$"),
    "tabs": ("t.csv", "a\tb\n1\t2\n", "columns are separated by tabs, and commas are parsed; .*\\(and decimal points\\), or name it .tsv$"),
    "commas in a .tsv": ("t.tsv", "a,b\n1,2\n", "columns are separated by commas, and tabs are parsed; .*, or save the table with tabs"),
    "a header without end": ("t.csv", b"a" * 2**23, "line 1 is longer"),
    "a row without end": ("t.csv", b"a,b\n1," + b"x" * (2**25) + b"\n2,3\n", "longer than"),
    "truncated gzip": ("t.csv.gz", PACKED[:-9], "gzip.*truncated"),
    "gzip without its end": ("t.csv.gz", PACKED[:-1], "gzip.*truncated"),
    "gzip with a wrong checksum": ("t.csv.gz", PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], "gzip.*corrupt"),
    "gzip with bytes after it": ("t.csv.gz", PACKED + b"rest", "gzip.*corrupt"),
    "gzip of zeros": ("t.csv.gz", lambda: gzip.compress(b"\0" * 2**28, 1), "200 times|NUL"),
    "a bomb": ("t.csv.gz", lambda: gzip.compress(b"a,b\n" * 2**26, 9), "200 times"),
    "gzip of nothing": ("t.csv.gz", gzip.compress(b""), "empty"),
    "gzip in gzip": ("t.csv.gz", gzip.compress(PACKED), "unpacked\\) is not in csv format but gzip"),
    "Parquet in gzip": ("t.csv.gz", gzip.compress(PARQUET), "is not in csv format but a Parquet"),
    ".gz that is none": ("t.csv.gz", ROWS, "not gzip"),
    "gzip without .gz": ("t.csv", PACKED, "but gzip"),
    "Parquet": ("t.csv", PARQUET, "but a Parquet file"),
    "Arrow": ("t.csv", arrow_bytes({"a": [1]}), "but an Arrow file"),
    "a pickle": ("t.csv", pickle.dumps({"a": 1}), "a pickle, which can run code"),
    "an old pickle": ("t.csv", b"cposix\nsystem\n(S'true'\ntR.", "a pickle, which can run code"),
    "a workbook": ("t.csv", b"PK\x03\x04" + b"\x01" * 300, "zip archive or an Excel workbook"),
    "a web page": ("t.csv", "\n<!DOCTYPE html><html><body>404</body></html>", "a web page"),
    "JSON": ("t.csv", '{"a": 1}\n', "but JSON.*\\.jsonl"),
    "Git LFS": ("t.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    "zstd": ("t.csv", b"\x28\xb5\x2f\xfd" + b"\x01" * 40, "zstd; unpack"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "data", "says"), TEXT_REFUSED.values(), ids=TEXT_REFUSED)
def test_text_refused(tmp_path, name, data, says):
    path = put(tmp_path, name, data)
    assert name in refused(lambda: open_table(path), says)


JSON_REFUSED = {
    "nothing": (b"", "empty"),
    "blanks": (" \n \n", "empty"),
    "NaN": ('{"a": 1}\n{"a": NaN}\n', "line 2 holds NaN"),
    "infinity": ('{"a": -Infinity}\n', "line 1 holds -Infinity"),
    "a number that is infinite": ('{"a": 1e999}\n', "line 1 holds 1e999"),
    "two equal keys": ('{"a": 1}\n{"a": 1, "a": 2}\n', "line 2 has the key 'a' twice"),
    "two equal keys inside": ('{"a": {"b": 1, "b": 2}}\n', "line 1 has the key 'b' twice"),
    "a key that is missing": ('{"a": 1, "b": 2}\n{"a": 1}\n', "line 2 has no key 'b'"),
    "a key more": ('{"a": 1}\n{"a": 1, "b": 2}\n', "line 2 has a key 'b'"),
    "text among numbers": ('{"a": 1}\n{"a": null}\n{"a": "1"}\n', "line 3 has text under 'a', which is a number"),
    "true among numbers": ('{"a": 1}\n{"a": true}\n', "line 2 has true or false under 'a'"),
    "an object among texts": ('{"a": "x"}\n{"a": {}}\n', "line 2 has nested under 'a'"),
    "the last line cut off": ('{"a": 1}\n{"a": 2', "line 2 is not JSON.*truncated"),
    "a line cut off": ('{"a": 1}\n{"a":\n{"a": 2}\n', "line 2 is not JSON.*one whole object a line"),
    "a blank line": ('{"a": 1}\n\n{"a": 2}\n', "line 2 is blank"),
    "an array": ('[{"a": 1}, {"a": 2}]\n', "an array; write one object a line"),
    "a number": ("7\n", "not a JSON object but a number"),
    "two objects in a line": ('{"a": 1} {"a": 2}\n', "line 1 is not JSON"),
    "an object over lines": ('{\n"a": 1\n}\n', "line 1 is not JSON"),
    "CSV": (ROWS, "line 1 is not JSON"),
    "no keys": ("{}\n{}\n", "no columns"),
    "an empty key": ('{"": 1}\n', "empty name"),
    "half a character": ('{"a": "x"}\n{"a": "\\ud800"}\n', "line 2 has half a character"),
    "too large a number": ('{"a": 1}\n{"a": 18446744073709551616}\n', "whole number beyond 64 bits"),
    "far too large a number": ('{"a": ' + "9" * 5000 + "}\n", "line 1 holds 999.* beyond 64 bits"),
    "just too large a number": ('{"a": 1}\n{"a": 9223372036854775808}\n', "beyond 64 bits \\(line 2\\)"),
    "a fraction beside a large number": ('{"a": 0.5}\n{"a": 9007199254740993}\n', "line 2 has 9007199254740993"),
    "deep nesting": ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}\n", "nested too deeply"),
    "latin-1": ('{"a": "ñ"}\n'.encode("latin-1"), "not UTF-8"),
    "a pickle": (pickle.dumps([1]), "a pickle"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "says"), JSON_REFUSED.values(), ids=JSON_REFUSED)
def test_json_lines_refused(tmp_path, data, says):
    path = put(tmp_path, "t.jsonl", data)
    assert "t.jsonl" in refused(lambda: open_table(path), says)


def test_numbers_that_round_are_refused_across_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("audit.tables.formats.jsonl.ROWS_AT_ONCE", 2)
    lines = [{"a": 2**53 + 1}, {"a": 1}, {"a": 0.5}]
    path = put(tmp_path, "t.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    refused(lambda: open_table(path), "beyond 2\\^53 beside fractions")
    path = put(tmp_path, "t.jsonl", "".join(json.dumps(line) + "\n" for line in [*lines[1:], {"a": None}]))
    assert cells(open_table(path)) == [(1.0,), (0.5,), (None,)]


def encrypted(folder):
    return put(folder, "t.parquet", b"PARE" + PARQUET[4:-4] + b"PARE")


FILES_REFUSED = {
    "Parquet without its footer": (lambda d: put(d, "t.parquet", PARQUET[:-10]), "truncated Parquet"),
    "Parquet of noise": (lambda d: put(d, "t.parquet", b"PAR1\x15" + b"\0" * 99 + b"PAR1"), "damaged.*Parquet"),
    "text named .parquet": (lambda d: put(d, "t.parquet", ROWS), "not a Parquet file"),
    "a pickle named .parquet": (lambda d: put(d, "t.parquet", pickle.dumps(1)), "a pickle"),
    "encrypted Parquet": (encrypted, "encrypted Parquet"),
    "Parquet without columns": (lambda d: put(d, "t.parquet", parquet_bytes(pa.table({}))), "no columns"),
    "Parquet with two columns of a name": (lambda d: put(d, "t.parquet", parquet_bytes(pa.table([[1], [2]], names=["a", "a"]))), "duplicate"),
    "Arrow without its footer": (lambda d: put(d, "t.arrow", arrow_bytes({"a": [1, 2, 3]})[:-10]), "truncated Arrow"),
    "an Arrow stream cut off": (lambda d: put(d, "t.arrow", arrow_bytes({"a": [1, 2, 3]}, stream=True)[:-8]), "without its end mark"),
    "an Arrow stream that ends early": (lambda d: put(d, "t.arrow", arrow_bytes({"a": [1, 2, 3]}, stream=True) + arrow_bytes({"a": [4]}, stream=True)), "end mark"),
    "text named .feather": (lambda d: put(d, "t.feather", ROWS), "not an Arrow file"),
    "an unknown ending": (lambda d: put(d, "t.txt", ROWS), "ends in '.txt'.*\\.csv"),
    "a pickle": (lambda d: put(d, "t.pkl", pickle.dumps(1)), "a pickle, which can run code"),
    "packed Parquet": (lambda d: put(d, "t.parquet.gz", gzip.compress(PARQUET)), "compressed with gzip, which is supported for csv, tsv and jsonl only; decompress it"),
    "a missing file": (lambda d: d / "t.csv", "no such file: .*t.csv; its folder has no tables; correct the path"),
    "a file in a missing folder": (lambda d: d / "no" / "t.csv", "its folder does not exist"),
    "a file in a file": (lambda d: put(d, "x.csv", ROWS) / "t.csv", "not a folder"),
    "a folder": (lambda d: d, "is a folder without tables; name a folder of Parquet files"),
    "a device": (lambda d: "/dev/zero", "not a regular file but a device"),
    "too long a name": (lambda d: d / ("x" * 300 + ".csv"), "cannot be opened"),
    "a pattern without files": (lambda d: d / "*.csv", "matches no file"),
    "nothing": (lambda d: "", "is not a file name"),
    "a NUL in the name": (lambda d: "a\0.csv", "is not a file name"),
    "https": (lambda d: "https://example.org/t.csv", "downloads nothing: fetch the file first"),
    "azure": (lambda d: "az://bucket/t.parquet", "downloads nothing"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "says"), FILES_REFUSED.values(), ids=FILES_REFUSED)
def test_files_refused(tmp_path, make, says):
    source = make(tmp_path)
    refused(lambda: open_table(source), says)


def test_the_nearest_file_is_named(tmp_path):
    put(tmp_path, "train.csv", ROWS)
    put(tmp_path, "notes.txt", "x")
    refused(lambda: open_table("trian.csv", folder=tmp_path), "did you mean 'train.csv'")


def test_a_fifo_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "t.csv")
    refused(lambda: open_table(tmp_path / "t.csv"), "not a regular file but a FIFO")


def test_links_are_followed_once_and_loops_are_refused(tmp_path):
    put(tmp_path, "real.csv", ROWS)
    (tmp_path / "good.csv").symlink_to("real.csv")
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    (tmp_path / "gone.csv").symlink_to("nothing.csv")
    assert open_table(tmp_path / "good.csv").rows == 60
    refused(lambda: open_table(tmp_path / "loop.csv"), "cannot be opened.*link")
    refused(lambda: open_table(tmp_path / "gone.csv"), "a link to a file that does not exist")


def test_no_permission(tmp_path):
    if os.getuid() == 0:
        tmp_path.chmod(0o755)
    put(tmp_path, "t.csv", ROWS).chmod(0)
    code = "import os\nfrom audit.tables.open import open_table\nos.getuid() or os.setuid(65534)\nopen_table('t.csv')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert "SourceError: t.csv cannot be read: Permission denied; make it readable" in done.stderr.splitlines()[-1]


# --- what is accepted


def test_a_plain_file_and_its_digest(tmp_path):
    path = put(tmp_path, "t.csv", ROWS)
    table = open_table("t.csv", folder=tmp_path)
    assert (table.name, table.rows) == ("t.csv", 60)
    assert table.columns == {"group": "text", "y": "integer"}
    assert table.digest == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert cells(table)[:2] == [("a", 1), ("b", 0)]


VARIANTS = {
    "a byte order mark": ("t.csv", b"\xef\xbb\xbf" + ROWS.encode()),
    "carriage returns": ("t.csv", ROWS.replace("\n", "\r\n")),
    "only carriage returns": ("t.csv", ROWS.replace("\n", "\r")),
    "no newline at the end": ("t.csv", ROWS[:-1]),
    "blank lines at the end": ("t.csv", ROWS + "\n\n"),
    "gzip": ("t.csv.gz", PACKED),
    "gzip in members": ("t.csv.gz", gzip.compress(ROWS[:20].encode()) + gzip.compress(ROWS[20:].encode())),
    "tabs": ("t.tsv", ROWS.replace(",", "\t")),
    "large letters": ("T.CSV", ROWS),
    "all quoted": ("t.csv", "".join(",".join(f'"{c}"' for c in r.split(",")) + "\n" for r in ROWS.split())),
    "Parquet": ("t.parquet", PARQUET),
    "Arrow": ("t.arrow", arrow_bytes({"group": ["a", "b"] * 30, "y": [1, 0] * 30})),
    "an Arrow stream": ("t.arrows", arrow_bytes({"group": ["a", "b"] * 30, "y": [1, 0] * 30}, stream=True)),
    "JSON Lines": ("t.jsonl", "".join(f'{{"group": "{r[0]}", "y": {r[2]}}}\n' for r in ROWS.split()[1:])),
    "JSON Lines in gzip": ("t.ndjson.gz", gzip.compress("".join(f'{{"y": {r[2]}, "group": "{r[0]}"}}\r\n' for r in ROWS.split()[1:]).encode())),
}  # fmt: skip


@pytest.mark.parametrize(("name", "data"), VARIANTS.values(), ids=VARIANTS)
def test_the_same_rows_in_every_format(tmp_path, name, data):
    table = open_table(put(tmp_path, name, data))
    assert dict(table.columns) == {"group": "text", "y": "integer"}
    assert table.rows == 60
    assert cells(table, "group", "y") == [("a", 1), ("b", 0)] * 30
    assert table.to_pandas(["y", "group"]).to_numpy().tolist() == [[1, "a"], [0, "b"]] * 30


WRITTEN = {
    "integers": (["0", "-7", "12"], "integer", [0, -7, 12]),
    "a missing integer": (["1", "", "2"], "integer", [1, None, 2]),
    "ids beyond 2^53": (["9007199254740992", "9007199254740993"], "integer", [2**53, 2**53 + 1]),
    "the largest integer": (["9223372036854775807"], "integer", [2**63 - 1]),
    "ids beyond 64 bits": (["9223372036854775808", "1"], "text", ["9223372036854775808", "1"]),
    "leading zeros": (["007", "12"], "text", ["007", "12"]),
    "leading zeros of fractions": (["00.5", "1.5"], "text", ["00.5", "1.5"]),
    "fractions": (["0.1", "-2.5e-3", "1", ".5", "3."], "float", [0.1, -0.0025, 1.0, 0.5, 3.0]),
    "an overflow": (["1e999", "1"], "text", ["1e999", "1"]),
    "an id beside a fraction": (["9007199254740993", "0.5"], "text", ["9007199254740993", "0.5"]),
    "plus signs": (["+1", "2"], "text", ["+1", "2"]),
    "spaces": ([" 1", "2"], "text", [" 1", "2"]),
    "decimal commas": (['"0,5"', '"1,5"'], "text", ["0,5", "1,5"]),
    "thousands": (['"1,000"', "2"], "text", ["1,000", "2"]),
    "underscores": (["1_000", "2"], "text", ["1_000", "2"]),
    "hexadecimals": (["0x10", "2"], "text", ["0x10", "2"]),
    "other digits": (["\u0661", "2"], "text", ["\u0661", "2"]),
    "nan and inf": (["nan", "inf", "1.5"], "text", ["nan", "inf", "1.5"]),
    "truth": (["true", "false", ""], "boolean", [True, False, None]),
    "Truth": (["True", "False"], "boolean", [True, False]),
    "truth in two ways": (["true", "FALSE"], "text", ["true", "FALSE"]),
    "truth and numbers": (["true", "1"], "text", ["true", "1"]),
    "yes and no": (["yes", "no"], "text", ["yes", "no"]),
    "words for nothing": (["NA", "None", "null", "nan"], "text", ["NA", "None", "null", "nan"]),
    "missing and empty": (["", '""', "x"], "text", [None, "", "x"]),
    "quoted numbers": (['"1"', "2"], "integer", [1, 2]),
    "dates": (["2026-01-02"], "text", ["2026-01-02"]),
    "a number and one word": (["1", "2", "x"], "text", ["1", "2", "x"]),
    "nothing at all": (["", ""], "text", [None, None]),
    "a cell of several lines": (['"a\r\n\n""b"""'], "text", ['a\r\n\n"b"']),
    "emoji and bidi": (["👩‍🦰", "\u202eabc"], "text", ["👩‍🦰", "\u202eabc"]),
}  # fmt: skip


@pytest.mark.parametrize(("written", "kind", "read"), WRITTEN.values(), ids=WRITTEN)
def test_a_column_has_a_type_only_when_every_cell_has(tmp_path, written, kind, read):
    table = open_table(put(tmp_path, "t.csv", "x,k\n" + "".join(f"{w},k\n" for w in written)))
    assert table.columns["x"] == kind
    assert [r[0] for r in cells(table, "x")] == read


def test_a_header_alone_opens_with_no_rows(tmp_path):
    for text in ("a,b", "a,b\n", "a,b\r\n"):
        table = open_table(put(tmp_path, "t.csv", text))
        assert (table.rows, list(table.columns)) == (0, ["a", "b"])
        assert cells(table) == []


def test_odd_headers(tmp_path):
    table = open_table(put(tmp_path, "t.csv", 'PAR1,"a ""b"", c","x\ny",ORC\n1,2,3,4\n'))
    assert list(table.columns) == ["PAR1", 'a "b", c', "x\ny", "ORC"]
    assert cells(table) == [(1, 2, 3, 4)]


def test_a_large_file_is_cut_at_no_block(tmp_path, monkeypatch):
    monkeypatch.setattr("audit.tables.formats.csv.STEP_BYTES", 7)
    rows = [(f"ñ{i}", f'"{i}"\n', str(i)) for i in range(500)]
    text = io.StringIO()
    csv.writer(text).writerows([("a", "b", "c"), *rows])
    table = open_table(put(tmp_path, "t.csv", text.getvalue()))
    assert cells(table) == [(a, b, int(c)) for a, b, c in rows]
    bad = text.getvalue().replace("ñ499", 'ñ"499')
    refused(lambda: open_table(put(tmp_path, "u.csv", bad)), "stray quote in line 1000")


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(max_examples=count_examples(60), deadline=None)
@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(TEXTS, min_size=n, max_size=n), min_size=1, max_size=8)), st.sampled_from([",", "\t"]), st.sampled_from(["\n", "\r\n"]))  # fmt: skip
def test_quoted_text_comes_back(rows, separator, newline):
    names = [f"c{i}" for i in range(len(rows[0]))]
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, delimiter=separator, lineterminator=newline).writerows([names, *rows])
    table = read_csv(text.getvalue().encode(), separator, "t")
    assert [list(r.values()) for r in table.to_pylist()] == rows


@settings(max_examples=count_examples(150), deadline=None)
@given(st.text(st.sampled_from('a,"\n\r1'), max_size=30))
def test_what_is_read_is_what_a_strict_reader_reads(body):
    """Against Python's own strict reader: the same cells, or a refusal; never other cells."""
    try:
        table = read_csv(("x,y\n" + body).encode(), ",", "t")
    except SourceError:
        return
    expected = [row for row in csv.reader(io.StringIO(body, newline=""), strict=True) if row]
    assert [[v or "" for v in r.values()] for r in table.to_pylist()] == expected


@settings(max_examples=count_examples(40), deadline=None)
@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), st.floats(allow_nan=False, allow_infinity=False), TEXTS, st.booleans()), min_size=1, max_size=6))  # fmt: skip
def test_json_lines_come_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("json") / "t.jsonl"
    path.write_text("".join(json.dumps(dict(zip("ifsb", r, strict=True))) + "\n" for r in rows))
    table = open_table(path)
    assert cells(table) == rows
    assert table.columns["f"] == "float"


def test_nested_json_is_of_another_kind(tmp_path):
    table = open_table(put(tmp_path, "t.jsonl", '{"a": [1, "x"], "b": 1}\n{"a": {"k": null}, "b": 2}\n'))
    assert table.columns == {"a": "other", "b": "integer"}


def test_a_frame_written_by_pandas_comes_back(tmp_path):
    frame = pd.DataFrame(
        {"s": ["a", None, "ñ,\n"], "i": [1, 2, 2**60], "f": [0.1, np.nan, 1e-300], "b": [True, False, True]}
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_feather(tmp_path / "t.feather")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True, double_precision=15)
    expected = [("a", 1, 0.1, True), (None, 2, None, False), ("ñ,\n", 2**60, 1e-300, True)]
    for name in ("t.csv", "t.tsv", "t.parquet", "t.feather"):
        assert cells(open_table(tmp_path / name)) == expected, name
    assert [r[:2] for r in cells(open_table(tmp_path / "t.jsonl"))] == [r[:2] for r in expected]


# --- Parquet


def test_every_arrow_type_has_the_kind_that_the_engine_sees(tmp_path):
    when = dt.datetime(2026, 1, 2, 3, 4, 5)
    columns = {
        "text": (pa.array(["a"]), "text", "a"), "large": (pa.array(["a"], pa.large_string()), "text", "a"),
        "category": (pa.array(["a"]).dictionary_encode(), "text", "a"), "view": (pa.array(["a"], pa.string_view()), "text", "a"),
        "null": (pa.nulls(1), "text", None), "uuid": (pa.array([b"a" * 16], pa.uuid()), "text", "61616161-6161-6161-6161-616161616161"),
        "tiny": (pa.array([255], pa.uint8()), "integer", 255), "huge": (pa.array([2**64 - 1], pa.uint64()), "integer", 2**64 - 1),
        "half": (pa.array([0.5], pa.float16()), "float", 0.5), "double": (pa.array([0.1]), "float", 0.1),
        "money": (pa.array([decimal.Decimal("0.10")], pa.decimal128(18, 2)), "float", 0.1),
        "whole": (pa.array([decimal.Decimal(2**60)], pa.decimal128(38, 0)), "integer", 2**60),
        "truth": (pa.array([True]), "boolean", True), "day": (pa.array([when.date()]), "date", when.date()),
        "stamp": (pa.array([when]), "time", when), "hour": (pa.array([when.time()]), "time", when.time()),
        "list": (pa.array([[1]]), "other", [1]), "bytes": (pa.array([b"\xff"]), "other", b"\xff"),
    }  # fmt: skip
    held = pa.table({name: c[0] for name, c in columns.items()})
    (tmp_path / "t.parquet").write_bytes(parquet_bytes(held))
    (tmp_path / "t.arrow").write_bytes(arrow_bytes(held))
    for table in (open_table(tmp_path / "t.parquet"), open_table(tmp_path / "t.arrow"), open_frame(held)):
        assert dict(table.columns) == {name: c[1] for name, c in columns.items()}
        assert dict(zip(columns, cells(table)[0], strict=True)) == {name: c[2] for name, c in columns.items()}


def test_parquet_is_streamed_and_never_held(tmp_path):
    pq.write_table(pa.table({"x": range(10)}), tmp_path / "t.parquet")
    with duckdb.connect() as con:
        assert "read_parquet" in open_table(tmp_path / "t.parquet").scan(con, ["x"])


@pytest.mark.parametrize(
    "name", ["a*b.parquet", "[x].parquet", "a?.parquet", "it's.parquet", 'q"q.parquet', "a{b,c}.parquet"]
)
def test_odd_file_names_are_no_patterns(tmp_path, name):
    for other in ("aXb.parquet", "x.parquet", "aX.parquet", "ab.parquet"):
        pq.write_table(pa.table({"x": ["other"]}), tmp_path / other)
    pq.write_table(pa.table({"x": [name]}), tmp_path / name)
    assert cells(open_table(tmp_path / name)) == [(name,)]


def test_a_file_named_by_itself_has_its_own_columns_alone(tmp_path):
    (tmp_path / "sex=f").mkdir()
    pq.write_table(pa.table({"x": [1]}), tmp_path / "sex=f" / "t.parquet")
    table = open_table("sex=f/t.parquet", folder=tmp_path)
    assert dict(table.columns) == {"x": "integer"}
    with duckdb.connect() as con:
        assert con.sql(f"FROM {table.scan(con, ['x'])}").columns == ["x"]


def test_columns_that_sql_cannot_tell_apart_are_refused_when_asked_for(tmp_path):
    held = pa.table({"Race": ["a"], "race": ["b"], "y": [1]})
    pq.write_table(held, tmp_path / "t.parquet")
    for table in (open_table(tmp_path / "t.parquet"), open_frame(held)):
        assert cells(table, "y") == [(1,)]
        refused(lambda table=table: table.require(["race"]), "'race' and 'Race' differ only in case")
        refused(lambda table=table: cells(table, "race"), "differ only in case")


def test_decimals_that_a_double_would_round_are_refused(tmp_path):
    held = pa.table({"d": pa.array([decimal.Decimal("123456789012345.67")], pa.decimal128(20, 2)), "y": [1]})
    pq.write_table(held, tmp_path / "t.parquet")
    for table in (open_table(tmp_path / "t.parquet"), open_frame(held)):
        assert cells(table, "y") == [(1,)]
        refused(lambda table=table: cells(table, "d"), "'d' holds numbers of more than 15 digits")
    huge = pa.table({"d": pa.array([decimal.Decimal(2**70)], pa.decimal128(38, 0))})
    refused(lambda: cells(open_frame(huge)), "beyond 64 bits")
    (tmp_path / "h.parquet").write_bytes(parquet_bytes(huge))
    refused(lambda: cells(open_table(tmp_path / "h.parquet")), "h.parquet cannot be read")


def test_what_a_database_writes_comes_back(tmp_path):
    path = tmp_path / "t.parquet"
    with duckdb.connect() as con:
        con.execute("CREATE TYPE sex AS ENUM ('f', 'm')")
        con.execute(
            "COPY (SELECT 'f'::sex AS e, '00000000-0000-0000-0000-000000000001'::uuid AS u, 1.5 AS d, "
            f"sum(1) AS s, interval 1 day AS i) TO '{path}'"
        )
    table = open_table(path)
    assert dict(table.columns) == {"e": "text", "u": "text", "d": "float", "s": "float", "i": "other"}
    assert cells(table, "e", "u", "d", "s") == [("f", "00000000-0000-0000-0000-000000000001", 1.5, 1.0)]


def test_damage_that_only_reading_finds_names_the_file(tmp_path):
    sound = parquet_bytes(
        {"x": [str(uuid.UUID(int=i**5)) for i in range(5000)]}, compression="zstd", use_dictionary=False
    )
    assert len(sound) > 20_000
    path = put(tmp_path, "t.parquet", sound[:2000] + b"\xff" * 8000 + sound[10_000:])
    table = open_table(path)
    refused(lambda: cells(table), "t.parquet cannot be read.*damaged")
    refused(table.to_pandas, "t.parquet cannot be read")


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, name):
    path = put(tmp_path, name, PARQUET if name == "t.parquet" else arrow_bytes({"x": [1]}))
    table = open_table(path)

    def write_within():
        with table.reading():
            os.utime(path, ns=(1, 1))

    refused(write_within, "changed while it was read")


def test_errors_of_our_own_are_not_blamed_on_the_file():
    table = open_frame({"x": [1]})
    with duckdb.connect() as con, pytest.raises(duckdb.BinderException), table.reading():
        con.execute("SELECT nothing_like_this")


# --- several files


def test_parts_are_one_table(tmp_path):
    texts = {"p2.csv": "y,x\n3,c\n", "p1.csv": "x,y\na,1\nb,2\n"}
    for name, text in texts.items():
        put(tmp_path, name, text)
    table = open_table("p*.csv", folder=tmp_path)
    assert cells(table, "x", "y") == [("a", 1), ("b", 2), ("c", 3)]
    assert table.digest == f"sha256:{hashlib.sha256((texts['p1.csv'] + texts['p2.csv']).encode()).hexdigest()}"
    assert table.name == "p*.csv"


def test_parts_of_whole_and_broken_numbers_are_fractions(tmp_path):
    for i, (a, b) in enumerate([("1", ""), ("0.5", "7")]):
        put(tmp_path, f"p{i}.csv", f"a,b\n{a},{b}\n")
        put(tmp_path, f"p{i}.jsonl", f'{{"a": {a}, "b": {b or "null"}}}\n')
        number = int(a) if a == "1" else float(a)
        pq.write_table(pa.table({"b": pa.array([int(b) if b else None]), "a": [number]}), tmp_path / f"p{i}.parquet")
    for ending in ("csv", "jsonl", "parquet"):
        table = open_table(f"p*.{ending}", folder=tmp_path)
        assert dict(sorted(table.columns.items())) == {"a": "float", "b": "integer"}, ending
        assert cells(table, "a", "b") == [(1.0, None), (0.5, 7)], ending
        assert table.rows == 2


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "arrow"])
def test_parts_that_differ_are_refused_by_name(tmp_path, ending):
    def write(name, columns):
        frame = pd.DataFrame(columns)
        {"csv": lambda p: frame.to_csv(p, index=False), "jsonl": lambda p: frame.to_json(p, orient="records", lines=True),
         "parquet": frame.to_parquet, "arrow": frame.to_feather}[ending](tmp_path / f"{name}.{ending}")  # fmt: skip

    write("p1", {"x": [1], "y": [1]})
    write("p2", {"x": ["one"], "y": [1]})
    write("q1", {"x": [1], "y": [1]})
    write("q2", {"x": [1]})
    write("r1", {"x": [1]})
    write("r2", {"x": [1], "z": [1]})
    refused(
        lambda: open_table(f"p*.{ending}", folder=tmp_path),
        f"p2.{ending}: column 'x' is text but in .*p1.{ending} it is integer",
    )
    for pattern, lost, lacking in (("q*", "y", "q2"), ("r*", "z", "r1")):
        table = open_table(f"{pattern}.{ending}", folder=tmp_path)
        assert (list(table.columns), table.rows) == (["x"], 2)
        refused(lambda t=table, c=lost: t.require((c,)), f"{lacking}.{ending} has no column '{lost}'")


def test_parts_of_two_formats_are_refused(tmp_path):
    put(tmp_path, "p1.csv", ROWS)
    put(tmp_path, "p2.parquet", PARQUET)
    refused(lambda: open_table("p*", folder=tmp_path), "p2.parquet is parquet but .*p1.csv is csv")


# --- names


def test_a_column_that_is_not_there(tmp_path):
    table = open_table(put(tmp_path, "t.csv", "race,y\na,1\n"))
    refused(lambda: table.require(["rcae"]), "t.csv: no column 'rcae'; did you mean 'race'")
    refused(lambda: cells(table, "rcae"), "did you mean 'race'")
    with duckdb.connect() as con:
        assert con.execute(f"SELECT count(*) FROM {table.scan(con, [])}").fetchone() == (1,)


def test_two_scans_of_two_tables_on_one_connection():
    one, two = open_frame({"x": [1]}), open_frame({"x": [2]})
    with duckdb.connect() as con:
        a, b = one.scan(con, ["x"]), two.scan(con, ["x"])
        assert con.execute(f"SELECT a.x, b.x FROM {a} AS a, {b} AS b").fetchall() == [(1, 2)]


def test_a_table_cannot_be_changed():
    table = open_frame({"x": [1]})
    with pytest.raises(AttributeError):
        table.name = "other"


# --- frames

MISSING = [None, float("nan"), np.nan, pd.NA, pd.NaT, np.datetime64("NaT"), decimal.Decimal("NaN")]


@pytest.mark.parametrize("missing", MISSING, ids=lambda m: f"{type(m).__name__}")
def test_every_kind_of_missing_is_missing(missing):
    assert column(["a", missing, "b"]) == ("text", ["a", None, "b"])
    assert column(pd.Series(["a", missing], dtype=object)) == ("text", ["a", None])
    assert column([missing, missing]) == ("text", [None, None])


COLUMNS = {
    "booleans": (np.array([True, False]), "boolean", [True, False]),
    "NumPy booleans in a list": ([np.bool_(True), False], "boolean", [True, False]),
    "booleans with a gap": (pd.array([True, None], dtype="boolean"), "boolean", [True, None]),
    "integers beyond 2^53": (np.array([2**53, 2**53 + 1]), "integer", [2**53, 2**53 + 1]),
    "integers with a gap": (pd.array([2**60 + 1, None], dtype="Int64"), "integer", [2**60 + 1, None]),
    "integers in a list with a gap": ([2**60 + 1, None], "integer", [2**60 + 1, None]),
    "large unsigned integers": ([2**64 - 1], "integer", [2**64 - 1]),
    "small integers": (np.array([1, 2], np.int8), "integer", [1, 2]),
    "NumPy integers in a list": ([np.int32(1), 2], "integer", [1, 2]),
    "other byte order": (np.array([1, 2], ">i4"), "integer", [1, 2]),
    "a range": (range(3), "integer", [0, 1, 2]),
    "floats": (np.array([0.5, np.nan]), "float", [0.5, None]),
    "halves": (np.array([0.5], np.float16), "float", [0.5]),
    "infinity": ([np.inf, 1.0], "float", [np.inf, 1.0]),
    "NaN in a nullable column": (pd.arrays.FloatingArray(np.array([np.nan, 1.0]), np.array([False, False])), "float", [None, 1.0]),
    "whole and broken numbers": ([1, 2.5], "float", [1.0, 2.5]),
    "decimals": ([decimal.Decimal("0.10"), decimal.Decimal("2.5")], "float", [0.1, 2.5]),
    "text": (np.array(["a", "b"]), "text", ["a", "b"]),
    "NumPy text in a list": ([np.str_("a")], "text", ["a"]),
    "empty text and NUL": (["", "y\0z"], "text", ["", "y\0z"]),
    "words for nothing": (["NA", "None", "nan"], "text", ["NA", "None", "nan"]),
    "string dtype": (pd.Series(["a", pd.NA], dtype="string"), "text", ["a", None]),
    "Arrow dtype": (pd.Series(["a", None], dtype="string[pyarrow]"), "text", ["a", None]),
    "Arrow integers": (pd.Series([1, None], dtype="int64[pyarrow]"), "integer", [1, None]),
    "categories": (pd.Categorical(["b", None, "a"], categories=["z", "b", "a"]), "text", ["b", None, "a"]),
    "categories of integers": (pd.Series([3, 1]).astype("category"), "integer", [3, 1]),
    "categories of intervals": (pd.cut(pd.Series([1, 9]), [0, 5, 10]), "text", ["(0, 5]", "(5, 10]"]),
    "no categories": (pd.Categorical([None, None]), "text", [None, None]),
    "intervals": (pd.arrays.IntervalArray.from_breaks([0, 1]), "text", ["(0, 1]"]),
    "periods": (pd.period_range("2020-01", periods=1, freq="M"), "text", ["2020-01"]),
    "sparse": (pd.Series(pd.arrays.SparseArray([0, 1])), "integer", [0, 1]),
    "masked": (np.ma.array([1, 2], mask=[False, True]), "integer", [1, None]),
    "masked objects": (np.ma.array(["a", "b"], mask=[False, True], dtype=object), "text", ["a", None]),
    "dates": ([dt.date(2020, 1, 2), None], "date", [dt.date(2020, 1, 2), None]),
    "times": (pd.Series(pd.to_datetime(["2020-01-02", None])), "time", [dt.datetime(2020, 1, 2), None]),
    "bytes": ([b"a"], "other", [b"a"]),
    "lists": ([["a"], None], "other", [["a"], None]),
    "arrays": ([np.array([1])], "other", [[1]]),
    "dicts": ([{"a": 1}], "other", [{"a": 1}]),
    "uuids": ([uuid.UUID(int=1)], "text", ["00000000-0000-0000-0000-000000000001"]),
    "polars": (pl.Series(["a", None]), "text", ["a", None]),
    "polars categories": (pl.Series(["a", None], dtype=pl.Categorical), "text", ["a", None]),
    "polars NaN": (pl.Series([float("nan"), 1.0]), "float", [None, 1.0]),
    "Arrow": (pa.array([1, None]), "integer", [1, None]),
    "Arrow dictionaries": (pa.chunked_array([pa.array(["a", None]).dictionary_encode()]), "text", ["a", None]),
    "Arrow runs": (pa.RunEndEncodedArray.from_arrays([2], ["a"]), "text", ["a", "a"]),
    "an index": (pd.Index(["a", "b"]), "text", ["a", "b"]),
    "no rows": ([], "text", []),
}  # fmt: skip


@pytest.mark.parametrize(("values", "kind", "read"), COLUMNS.values(), ids=COLUMNS)
def test_a_column_of_a_frame(values, kind, read):
    assert column(values) == (kind, read)


COLUMNS_REFUSED = {
    "1 and '1'": ([1, "1"], "column 'x' mixes types: row 0 holds 1 \\(int\\) and row 1 holds '1' \\(str\\)"),
    "text and a number after a gap": (["a", None, 2.0], "row 0 .* row 2 holds 2.0 \\(float\\)"),
    "true and 1": ([True, 1], "mixes types"),
    "dates and times": ([dt.date(2020, 1, 2), dt.datetime(2020, 1, 2)], "mixes types"),
    "decimals and floats": ([decimal.Decimal(1), 1.5], "mixes types"),
    "a list and a text": ([["a"], "a"], "mixes types"),
    "objects in an array": (np.array([1, "1"], dtype=object), "mixes types"),
    "objects in a series": (pd.Series([1, "1"]), "mixes types"),
    "objects in categories": (pd.Categorical([1, "1"]), "mixes types"),
    "bytes and text": ([b"a", "a"], "mixes types"),
    "a number that would be rounded": ([2**53 + 1, 0.5], "would be rounded, 9007199254740993 in row 0"),
    "a number beyond 64 bits": ([1, 2**64], "beyond 64 bits \\(row 1\\)"),
    "negative beside large": ([-1, 2**64 - 1], "beyond 64 bits"),
    "complex": (np.array([1j]), "complex"),
    "complex in a list": ([1j], "complex"),
    "two dimensions": (np.ones((3, 2)), "shape \\(3, 2\\)"),
    "one number": (np.array(1), "shape \\(\\)"),
    "a scalar": (1, "int, not a column"),
    "a text": ("abc", "str, not a column"),
    "a set": ({1, 2}, "not a column"),
    "a generator": ((i for i in range(3)), "not a column"),
    "None": (None, "not a column"),
    "half a character": (["a", "\ud800"], "cannot be read"),
    "objects": ([object()], "objects of type object \\(row 0\\)"),
    "a structured array": (np.zeros(2, dtype=[("a", int)]), "structured"),
    "a frame": (pd.DataFrame({"a": [1]}), "column 'x'"),
}  # fmt: skip


@pytest.mark.parametrize(("values", "says"), COLUMNS_REFUSED.values(), ids=COLUMNS_REFUSED)
def test_columns_refused(values, says):
    message = refused(lambda: open_frame({"x": values}), says)
    assert "'x'" in message


def frames():
    rows = {"g": ["a", None], "y": [1, 0]}
    held = pa.table(rows)
    yield "mapping", rows
    yield "pandas", pd.DataFrame(rows)
    yield "polars", pl.DataFrame(rows)
    yield "lazy polars", pl.DataFrame(rows).lazy()
    yield "Arrow", held
    yield "batch", held.to_batches()[0]
    yield "reader", held.to_reader()


@pytest.mark.parametrize("frame", [pytest.param(f, id=n) for n, f in frames()])
def test_every_frame(frame):
    table = open_frame(frame, "rows")
    rows = None if isinstance(frame, pl.LazyFrame) else 2  # a query is not run before its columns are asked for
    assert (table.name, table.digest, table.rows) == ("rows", None, rows)
    assert dict(table.columns) == {"g": "text", "y": "integer"}
    assert cells(table) == [("a", 1), (None, 0)]


def test_a_relation_of_a_database():
    with duckdb.connect() as con:
        assert cells(open_frame(con.sql("SELECT 'a' AS g, 1 AS y"))) == [("a", 1)]


FRAMES_REFUSED = {
    "two columns of one name": (lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns named 'a' \\(duplicate\\)"),
    "1 and '1' as names": (lambda: pd.DataFrame([[1, 2]], columns=[1, "1"]), "duplicate"),
    "names of two levels": (lambda: pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "several levels"),
    "an empty name": (lambda: {"": [1]}, "empty name"),
    "NUL in a name": (lambda: {"a\0": [1]}, "NUL"),
    "lengths": (lambda: {"a": [1, 2], "b": [1]}, "column 'b' has 1 rows and 'a' has 2"),
    "indexes": (lambda: {"a": pd.Series([1, 2]), "b": [1, 2], "c": pd.Series([1, 2], index=[1, 0])}, "'c' and 'a' have different indexes"),
    "no columns": (dict, "no columns"),
    "an array": (lambda: np.ones((2, 2)), "ndarray, not a table"),
    "rows": (lambda: [{"a": 1}], "list, not a table"),
    "a path": (lambda: "t.csv", "str, not a table"),
    "nothing": (lambda: None, "NoneType, not a table"),
    "polars objects": (lambda: pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}), "cannot be read|objects"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "says"), FRAMES_REFUSED.values(), ids=FRAMES_REFUSED)
def test_frames_refused(make, says):
    frame = make()
    assert "rows" in refused(lambda: open_frame(frame, "rows"), says)


def test_equal_indexes_are_fine_however_odd():
    index = [5, 5, 1]
    table = open_frame({"a": pd.Series([1, 2, 3], index=index), "b": pd.Series([4, 5, 6], index=index)})
    assert cells(table) == [(1, 4), (2, 5), (3, 6)]


def test_to_pandas_keeps_what_is_exact():
    table = open_frame({"i": [2**60 + 1, None], "b": [True, None], "s": ["a", None], "f": [0.5, None]})
    frame = table.to_pandas()
    assert list(frame.columns) == ["i", "b", "s", "f"]
    assert frame["i"].tolist() == [2**60 + 1, pd.NA]
    assert frame["b"].tolist() == [True, pd.NA]
    assert frame["s"].isna().tolist() == [False, True]
    assert frame["f"].dtype == float


def test_opening_reads_nothing_heavy_before_it_must():
    code = "import sys, audit.tables.table; print(*(m for m in sys.modules if m in {'pandas', 'numpy', 'pyarrow', 'duckdb', 'narwhals'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
