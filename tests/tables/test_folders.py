"""Folders of Parquet files: what their names say is a column of text, the same for every engine, or refused by name."""

from __future__ import annotations

import hashlib
import json
import os
import shutil

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import spark_cluster
from commands import audit
from people import people
from refusals import refused
from same_cubes import same

from audit.counting.backends.choose import choose_engine
from audit.counting.backends.duckdb import DuckEngine
from audit.counting.count import count_cubes
from audit.counting.plan import Plan
from audit.tables import folders
from audit.tables.open import open_table

DEFAULT = "__HIVE_DEFAULT_PARTITION__"
PLANS = {
    "group": Plan(groups=("year", "sex"), intersections=2, label="label", prediction="decision"),
    "stratum": Plan(groups=("race",), label="label", prediction="decision", strata=("year", "site")),
    "group alone": Plan(groups=("site",)),
    "label": Plan(groups=("race", "site"), label="hired", prediction="decision"),
    "unit": Plan(groups=("site",), label="label", score="score", weight="w", unit="year"),
    "no folder asked": Plan(groups=("race",), label="label", prediction="decision"),
}


def put(path, columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        pq.write_table(pa.table(columns) if isinstance(columns, dict) else columns, file)
    return path


def rows(table):
    """Rows as DuckDB reads them, as many as the footers say."""
    names = list(table.columns)
    with duckdb.connect() as con, table.reading():
        found = con.execute(
            f"SELECT {', '.join(quoted(n) for n in names)} FROM {table.scan(con, names)} ORDER BY ALL"
        ).fetchall()
    assert len(found) == table.rows
    return found


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    """Rows in folders as Spark writes them, with what it leaves beside them, and the same rows in one file."""
    root = tmp_path_factory.mktemp("warehouse is here")
    frame = people(1200, seed=5)
    frame["year"] = [["2023", "2024", "007"][i % 3] for i in range(len(frame))]
    frame["site"] = [["Zürich", None, "a=b/c d", "NULL"][i % 4] for i in range(len(frame))]
    frame["hired"] = [str(i % 2) for i in range(len(frame))]
    frame.to_parquet(root / "rows.parquet")
    written = {"Zürich": "Zürich", None: DEFAULT, "a=b/c d": "a%3Db%2Fc d", "NULL": "NULL"}
    for (year, site, hired), part in frame.groupby(["year", "site", "hired"], dropna=False):
        name = written[None if pd.isna(site) else site]
        folder = root / "tree" / f"year={year}" / f"site={name}" / f"hired={hired}"
        held = part.drop(columns=["year", "site", "hired"])
        for i, some in enumerate((held[: len(held) // 2], held[len(held) // 2 :])):
            put(folder / f"part-{i}.snappy.parquet", pa.Table.from_pandas(some, preserve_index=False))
        (folder / ".part-2.snappy.parquet.inprogress").write_bytes(b"half")
    (root / "tree" / "_SUCCESS").touch()
    put(root / "tree" / "_temporary" / "0" / "part-0.parquet", {"x": [1]})
    return root


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
@pytest.mark.parametrize("source", ["tree", "tree/**/*.parquet", "tree/year=*", "tree/*/*/*/*"])
def test_folders_count_as_the_same_rows_in_one_file(warehouse, source, plan):
    table, whole = open_table(source, folder=warehouse), open_table("rows.parquet", folder=warehouse)
    assert table.rows == whole.rows == 1200
    assert {table.columns[c] for c in ("year", "site", "hired")} == {"text"}
    counted = count_cubes(table, plan, DuckEngine())
    same(counted, count_cubes(whole, plan, DuckEngine()))
    if source == "tree":
        for engine in ("pandas", "polars"):
            same(count_cubes(table, plan, choose_engine(engine)), counted)


def test_spark_reads_folders_as_the_others_do(tmp_path, warehouse):
    spark_cluster.require()
    from audit.counting.backends.spark import INFERENCE, session

    shutil.copytree(warehouse / "tree", tmp_path / "eu" / "it's [all] {here}")
    for path in sorted((tmp_path / "eu").rglob("site=Zürich")):
        path.rename(path.with_name("site=Z%C3%BCrich"))  # as Arrow, polars and DuckDB write it
    shutil.copytree(tmp_path / "eu", tmp_path / "us")
    with session("local[2]") as spark:
        before = spark.conf.get(INFERENCE)
        table = open_table(tmp_path)  # two bases
        found = count_cubes(table, PLANS["group"], choose_engine("spark", "local[2]"))
        same(found, count_cubes(table, PLANS["group"], DuckEngine()), rel=1e-12)
        assert found.rows_read == 2400
        assert spark.conf.get(INFERENCE) == before


def test_values_are_names_whatever_they_look_like(tmp_path):
    said = {"007": "007", "1e3": "1e3", "2024-01-01": "2024-01-01", "true": "true", "NULL": "NULL", "null": "null",
            "a%3Db": "a=b", "a%2Fb": "a/b", "100%25": "100%", "5%": "5%", "a+b": "a+b", "x=y": "x=y", "A": "A", "a": "a",
            "Z%C3%BCrich": "Zürich", "it's": "it's", "[q]*?{z}": "[q]*?{z}", '"': '"', DEFAULT: None}  # fmt: skip
    for i, name in enumerate(said):
        put(tmp_path / "t" / f"k={name}" / "f.parquet", {"i": [i]})
    found = dict(rows(open_table("t", folder=tmp_path)))
    assert found == dict(enumerate(said.values()))
    plan = Plan(groups=("k",))
    table = open_table("t", folder=tmp_path)
    for engine in ("pandas", "polars"):
        same(count_cubes(table, plan, choose_engine(engine)), count_cubes(table, plan, DuckEngine()))


def test_keys_are_undone_too_and_may_begin_with_an_underscore(tmp_path):
    put(tmp_path / "t" / "_a%20b=1" / "f.parquet", {"evenhand file": ["x"]})
    assert rows(open_table("t", folder=tmp_path)) == [("x", "1")]


def test_a_flat_folder_is_its_files(tmp_path):
    put(tmp_path / "t.parquet" / "part-0.parquet", {"x": [1]})
    put(tmp_path / "t.parquet" / "more" / "part-1.parquet", {"x": [2]})
    (tmp_path / "t.parquet" / "_SUCCESS").touch()
    for source in ("t.parquet", "t.parquet/", "*.parquet", "**/*.parquet"):
        table = open_table(source, folder=tmp_path)
        assert dict(table.columns) == {"x": "integer"}
        assert rows(table) == [(1,), (2,)], source


@pytest.mark.parametrize("source", ["w/year=2024", "w/year=2024/*.parquet", "w/year=2024/**"])
def test_a_key_that_the_source_names_itself_is_a_column(tmp_path, source):
    put(tmp_path / "run=9" / "w" / "year=2024" / "f.parquet", {"x": [1]})
    put(tmp_path / "run=9" / "w" / "year=2023" / "f.parquet", {"x": [2]})
    table = open_table(source, folder=tmp_path / "run=9")
    assert list(table.columns) == ["x", "year"]
    assert rows(table) == [(1, "2024")]


def test_what_a_pattern_does_not_say_is_left_out_as_spark_does(tmp_path):
    put(tmp_path / "a.parquet", {"x": [1]})
    put(tmp_path / "_b.parquet", {"x": [2]})
    assert rows(open_table("*.parquet", folder=tmp_path)) == [(1,)]
    assert rows(open_table("_*.parquet", folder=tmp_path)) == [(2,)]
    (tmp_path / "a.parquet").unlink()
    refused(lambda: open_table("*.parquet", folder=tmp_path), "matches no file.*begin with _ or . are matched only")


@pytest.mark.parametrize("writer", ["arrow", "polars", "duckdb", "pandas"])
def test_what_others_write_comes_back(tmp_path, writer):
    frame = pd.DataFrame({"x": range(6), "k": ["a b", "Zürich", "é=/%", "a b", "1", "01"]})
    root = tmp_path / "t"
    if writer == "arrow":
        pq.write_to_dataset(pa.Table.from_pandas(frame), root, partition_cols=["k"])
    elif writer == "pandas":
        frame.to_parquet(root, partition_cols=["k"])
    elif writer == "polars":
        pl = pytest.importorskip("polars")
        pl.DataFrame(frame.to_dict("list")).write_parquet(pl.PartitionBy(root, key="k", include_key=False), mkdir=True)
    else:
        with duckdb.connect() as con:
            con.execute(f"COPY (FROM frame) TO '{root}' (FORMAT parquet, PARTITION_BY (k))")
    assert rows(open_table(root)) == sorted(frame.itertuples(index=False, name=None))


# --- digests


def test_where_a_file_lies_is_in_the_digest_when_it_is_data(tmp_path):
    data = put(tmp_path / "a" / "k=1" / "f.parquet", {"x": [1]}).read_bytes()
    put(tmp_path / "b" / "k=2" / "other name.parquet", {"x": [1]})
    put(tmp_path / "c" / "k=1" / "other name.parquet", {"x": [1]})
    put(tmp_path / "d" / "f.parquet", {"x": [1]})
    a, b, c, d = (open_table(tmp_path / name).digest for name in "abcd")
    plain = f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert open_table(tmp_path / "a" / "k=1" / "f.parquet").digest == d == plain
    assert a == c
    assert len({a, b, d}) == 3
    assert a == open_table("a/**/*.parquet", folder=tmp_path).digest


def test_equal_days_are_counted_once_each(tmp_path):
    for day in (1, 2):
        put(tmp_path / "w" / f"day={day}" / "f.parquet", {"g": ["a", "b"] * 20, "y": [1, 0, 0, 1] * 10})
    asked = ("--label", "y", "--groups", "g,day")
    first = audit("count", "w/day=1", "--into", "counts", *asked, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert audit("count", "w/day=2", "--into", "counts", cwd=tmp_path).returncode == 0
    again = audit("count", "w/day=2", "--into", "counts", cwd=tmp_path)
    assert (again.returncode, "already" in again.stderr) == (2, True)
    summed, whole = (
        json.loads(audit(*command, "--json", cwd=tmp_path).stdout)
        for command in (("measure", "counts"), ("data", "w", *asked))
    )
    assert summed["data"][0]["rows_read"] == whole["data"][0]["rows_read"] == 80
    assert summed["estimates"] == whole["estimates"]


# --- what is refused


def two(first, second, columns=None, other=None):
    def make(folder):
        put(folder / "w" / first / "f.parquet", columns or {"x": [1]})
        put(folder / "w" / second / "g.parquet", other or columns or {"x": [2]})

    return make


def linked(folder):
    put(folder / "w" / "k=1" / "f.parquet", {"x": [1]})
    (folder / "w" / "latest").symlink_to("k=1")


def hard_linked(folder):
    os.link(put(folder / "w" / "k=1" / "f.parquet", {"x": [1]}), folder / "w" / "k=1" / "g.parquet")


def beside(name, data=b"x,y\n1,2\n"):
    def make(folder):
        put(folder / "w" / "k=1" / "f.parquet", {"x": [1]})
        path = folder / "w" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)

    return make


REFUSED = {
    "a key that the first lacks": (two("a=1", "b=1"), "g.parquet lies in folders of the keys b but .*f.parquet in folders of the keys a"),
    "another key more": (two("a=1", "a=2/b=1"), "keys a/b but .* in folders of the keys a; use the same keys for all parts$"),
    "another order": (two("a=1/b=1", "b=2/a=2"), "keys b/a but .* a/b"),
    "no key": (two("a=1", "b"), "g.parquet lies in no key=value folder but"),
    "keys that differ in case": (two("Year=1", "year=2"), "keys year but .* Year .they differ only in case"),
    "a key twice": (two("a=1/A=2", "a=1/A=3"), "lies in two folders of the key 'a'"),
    "a column that stands in the files": (two("x=1", "x=2"), "has a column 'x', and its folder says 'x' too; rename"),
    "one that differs in case": (two("X=1", "X=2"), "has a column 'x', and its folder says 'X' too"),
    "no value": (two("a=1", "a="), "'a=', a key=value folder without a value.*__HIVE_DEFAULT"),
    "no name": (two("=1", "=2"), "'=1', a key=value folder without a key"),
    "a NUL": (two("a=%00", "a=1"), "holds a NUL"),
    "no UTF-8": (two("a=%FF", "a=1"), "is not UTF-8"),
    "no UTF-8 at all": (lambda d: put(d / "w" / "a=\udcff" / "f.parquet", {"x": [1]}), "is not UTF-8"),
    "another format": (beside("k=1/notes.csv"), "notes.csv is csv but .*f.parquet is parquet"),
    "no table": (beside("README"), "README has no ending"),
    "a file that is empty": (beside("k=1/e.parquet", b""), "e.parquet is empty"),
    "other columns": (two("a=1", "a=2", {"x": [1]}, {"y": [1]}), "has a column 'y', which"),
    "other kinds": (two("a=1", "a=2", {"x": [1]}, {"x": ["t"]}), "column 'x' is text but in"),
    "texts alone": (lambda d: ((d / "w").mkdir(), (d / "w" / "t.csv").write_text("x\n1\n")), r"w is a folder of csv files, and a folder is read as Parquet; name its files, such as '.*w/\*.csv'"),
    "nothing": (lambda d: (d / "w" / "k=1").mkdir(parents=True), "is a folder without tables"),
    "nothing but marks": (lambda d: ((d / "w").mkdir(), (d / "w" / "_SUCCESS").touch()), "is a folder without tables"),
    "a link to a folder": (linked, "latest is a link to a folder, whose rows may be in .* twice"),
    "a file twice": (hard_linked, "are one file by a link; name it once"),
    "Delta Lake": (beside("_delta_log/0.json", b"{}"), "is a Delta Lake table, whose log says which files are current, and some may hold deleted rows; write its current rows as Parquet$"),
    "Hudi": (beside(".hoodie/x", b"x"), "Apache Hudi"),
    "a Spark stream": (beside("_spark_metadata/0", b"v1"), "Spark stream"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "says"), REFUSED.values(), ids=REFUSED)
def test_refused(tmp_path, make, says):
    make(tmp_path)
    refused(lambda: open_table(tmp_path / "w"), says)


def test_a_pattern_in_a_table_with_a_log_is_refused_too(tmp_path):
    beside("_delta_log/0.json", b"{}")(tmp_path)
    for source in ("w/**/*.parquet", "w/k=1/*.parquet", "w/k=1", "*/k=*"):
        refused(lambda source=source: open_table(source, folder=tmp_path), "is a Delta Lake table")
    put(tmp_path / "ice" / "data" / "k=1" / "f.parquet", {"x": [1]})
    (tmp_path / "ice" / "metadata").mkdir()
    (tmp_path / "ice" / "metadata" / "v1.metadata.json").write_text("{}")
    refused(lambda: open_table("ice/data", folder=tmp_path), "is an Apache Iceberg table")


def test_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "MOST_PARTS", 2)
    for i in range(3):
        put(tmp_path / "w" / f"k={i}" / "f.parquet", {"x": [1]})
    refused(lambda: open_table("w", folder=tmp_path), "w names 3 files, more than 2; write fewer, larger files")
    refused(lambda: open_table("w/*/*", folder=tmp_path), "names 3 files, more than 2")


@pytest.mark.skipif(os.getuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_read_is_not_left_out(tmp_path):
    put(tmp_path / "w" / "k=1" / "f.parquet", {"x": [1]})
    put(tmp_path / "w" / "k=2" / "f.parquet", {"x": [1]}).parent.chmod(0)
    refused(lambda: open_table("w", folder=tmp_path), "k=2 cannot be read: Permission denied")


# --- from the command


def test_a_label_that_folders_say_is_read_as_text_is(warehouse, tmp_path):
    asked = ("--label", "hired", "--groups", "sex", "--gate", "base_rate ratio >= 0.5", "--json")
    tree, whole = (
        audit("data", str(warehouse / name), *asked, cwd=tmp_path / name.partition(".")[0])
        for name in ("tree", "rows.parquet")
        if not (tmp_path / name.partition(".")[0]).mkdir()
    )
    assert (tree.returncode, whole.returncode) == (0, 0), tree.stderr
    assert json.loads(tree.stdout)["estimates"] == json.loads(whole.stdout)["estimates"]
    weighed = audit("data", str(warehouse / "tree"), *asked, "--weight", "year", cwd=tmp_path)
    assert (weighed.returncode, "'year' is text, not a number" in weighed.stderr) == (2, True)


def test_a_pipeline_may_leave_a_folder_but_no_part_of_an_earlier_one(tmp_path):
    (tmp_path / "train.py").write_text(
        "import pandas as pd, os, sys\n"
        "rows = pd.DataFrame({'y': [1, 0] * 40, 'p': [1, 1, 0, 0] * 20, 'g': ['a', 'b'] * 40, 'k': ['1', '2', '2', '2'] * 20})\n"
        "rows = rows[rows.k == '1'] if os.path.exists('half') else rows\n"
        "rows.to_parquet('out', partition_cols=['k'], basename_template='part-{i}.parquet', existing_data_behavior='overwrite_or_ignore')\n"
    )
    (tmp_path / "audit.toml").write_text(
        '[data]\nlabel = "y"\ngroups = ["g"]\n[train]\ncommand = ["python", "train.py"]\npredictions = "out"\n'
        '[predictions]\nprediction = "p"\n'
    )
    first = audit("run", "--json", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["data"][0]["rows_read"] == 80
    assert audit("run", cwd=tmp_path).returncode == 0  # every part is written anew
    (tmp_path / "half").touch()
    stale = audit("run", cwd=tmp_path)
    assert stale.returncode == 2
    assert (
        "k=2/part-0.parquet existed before training and was not changed by it; let training empty the folder first"
        in stale.stderr.splitlines()[-1]
    )
