"""Tables at an address: read from a real server on loopback, and secrets that end up nowhere.

The reading tests need DuckDB's extension httpfs, which nothing here installs; the refusals need nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import audit
from object_store import serving
from people import people
from refusals import refused
from same_cubes import same

from audit.counting.backends.duckdb import DuckEngine
from audit.counting.count import count_cubes
from audit.counting.plan import Plan
from audit.errors import SourceError
from audit.tables.addresses import hide_secrets
from audit.tables.open import open_table
from audit.tables.remote import prepare_connection
from audit.tables.table import open_connection

PLAN = Plan(groups=("race", "sex"), intersections=2, label="label", score="score", weight="w", unit="person")
MODEL = ("--label", "label", "--prediction", "decision", "--groups", "sex", "--gate", "selection_rate ratio >= 0.1")
KEY, SECRET = "AKIAEXAMPLEKEY", "it's/a+secret"


def installed():
    try:
        with open_connection() as con:
            prepare_connection(con, "https://", "a test")
    except SourceError:
        return False
    return True


has_httpfs = pytest.mark.skipif(
    not installed(), reason="DuckDB's extension httpfs is not installed, and tests install nothing"
)
lacks_httpfs = pytest.mark.skipif(installed(), reason="DuckDB's extension httpfs is installed here")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def store(tmp_path):
    frame = people(1500, seed=4)
    folder = tmp_path / "served" / "bucket"
    folder.mkdir(parents=True)
    frame.to_parquet(folder / "people.parquet")
    for sex, part in frame.groupby("sex", dropna=False):
        for i in range(2):
            path = folder / "tree" / f"sex={sex}" / f"a%3Db=x {i}" / "part.parquet"
            path.parent.mkdir(parents=True)
            part[i::2].drop(columns="sex").to_parquet(path, index=False)
    (folder / "tree" / "_SUCCESS").touch()
    pq.write_table(pa.table({"x": [0]}), folder / "tree" / "_hidden.parquet")
    with serving(tmp_path / "served") as made:
        yield made


@pytest.fixture
def s3(store, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{store.host}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    return store


# --- without a network

REFUSED = {
    "csv": ("https://example.org/t.csv", r"t.csv is at an address, where Parquet alone is read.*fetch the file first"),
    "packed": ("https://example.org/t.parquet.gz", "Parquet alone"),
    "another scheme": ("ftp://example.org/t.parquet", r"none of the kinds that are read \(https, s3, gs, r2, hf\)"),
    "a file": ("file:///tmp/t.parquet", "fetch the file first and name its path"),
    "unprotected": ("http://example.org/t.parquet", "would be sent unencrypted; use https"),
    "a host that only looks local": ("http://127.0.0.1.example.org/t.parquet", "unencrypted"),
    "a password": ("https://me:hunter2@example.org/t.parquet", "^https://example.org/t.parquet is given with a user"),
    "keys in the address": ("s3://b/t.parquet?s3_secret_access_key=hunter2", "^s3://b/t.parquet is given with a question mark"),
    "a pattern on the web": ("https://example.org/*.parquet", "which https cannot list"),
    "no host": ("https://[hunter2/t.parquet", "cannot be parsed; correct its host"),
}  # fmt: skip


@pytest.mark.parametrize(("source", "says"), REFUSED.values(), ids=REFUSED)
def test_refused_before_anything_is_asked(source, says):
    assert "hunter2" not in refused(lambda: open_table(source), says)


@pytest.mark.parametrize("engine", ["pandas", "polars", "spark"])
def test_other_engines_are_refused_by_name(tmp_path, engine):
    done = audit("model", "s3://bucket/t.parquet", *MODEL, "--engine", engine, cwd=tmp_path)
    assert done.returncode == 2
    assert "which engine duckdb alone reads; use it instead of " + engine in done.stderr


@lacks_httpfs
@pytest.mark.parametrize(
    "source", ["s3://b/t.parquet", "gs://b/*.parquet", "https://example.org/t.parquet?sig=hunter2"]
)
def test_without_the_extension_the_error_says_how_to_install_it(tmp_path, source):
    done = audit("model", source, *MODEL, cwd=tmp_path)
    line = done.stderr.strip()
    assert (done.returncode, "\n" in line, "hunter2" in line) == (2, False, False)
    assert "needs DuckDB's extension httpfs, which is not installed" in line
    assert "python -c \"import duckdb; duckdb.sql('INSTALL httpfs')\"" in line
    assert f"pip install duckdb-extension-httpfs=={duckdb.__version__} (if" in line
    assert not (tmp_path / "audit-runs").exists() or not list((tmp_path / "audit-runs").iterdir())


def test_half_a_key_is_refused(monkeypatch):
    from audit.tables import remote

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    with duckdb.connect() as con, pytest.raises(SourceError, match="is set; set both or neither"):
        remote._give_credentials(con)


def test_a_part_at_an_address_is_not_counted(tmp_path):
    done = audit(
        "count", "https://e.org/t.parquet?s=hunter2", "--into", "c", "--label", "y", "--groups", "g", cwd=tmp_path
    )
    assert (done.returncode, "hunter2" in done.stderr) == (2, False)
    assert "https://e.org/t.parquet is an address, which has no digest" in done.stderr


def test_a_query_is_written_to_no_file(tmp_path):
    asked = ("--label", "y", "--groups", "g", "--write-config", "audit.toml")
    done = audit("data", "https://e.org/t.parquet?sig=hunter2", *asked, cwd=tmp_path)
    assert (done.returncode, "hunter2" in done.stderr) == (2, False)
    assert "may be a secret, so it is not written to a file" in done.stderr
    done = audit("data", "s3://b/t//x.parquet", *asked, cwd=tmp_path)
    assert done.returncode == 2
    assert not (tmp_path / "audit.toml").exists()


def test_what_is_public_of_an_address():
    assert hide_secrets("S3:/bucket/t.parquet") == "s3://bucket/t.parquet"
    assert hide_secrets("https://u:p@h:8/t.parquet?a=b#c") == "https://h:8/t.parquet"
    assert hide_secrets("folder/t?.parquet") == "folder/t?.parquet"
    assert hide_secrets("s3://b/t//x.parquet") == "s3://b/t//x.parquet", "two slashes name another object than one"


# --- over a wire


@has_httpfs
def test_the_same_counts_as_from_a_file(store):
    table = open_table(f"http://{store.host}/bucket/people.parquet")
    whole = open_table(store.folder / "bucket" / "people.parquet")
    assert (dict(table.columns), table.rows, table.digest) == (dict(whole.columns), whole.rows, None)
    same(count_cubes(table, PLAN, DuckEngine()), count_cubes(whole, PLAN, DuckEngine()))
    assert table.to_pandas().equals(whole.to_pandas())


@has_httpfs
def test_only_the_columns_that_are_asked_for_travel(store):
    rng = [os.urandom(60).hex() for _ in range(20_000)]
    pq.write_table(pa.table({"g": ["a", "b"] * 10_000, "long": rng}), store.folder / "t.parquet", compression="none")
    table = open_table(f"http://{store.host}/t.parquet")
    count_cubes(table, Plan(groups=("g",)), DuckEngine())
    assert store.body_bytes < (store.folder / "t.parquet").stat().st_size / 2


@has_httpfs
@pytest.mark.parametrize(
    "source", ["s3://bucket/people.parquet", "s3://bucket/tree/**/*.parquet", "s3:/bucket/tree/*/*/*.parquet"]
)
def test_an_object_store_with_the_credentials_of_the_environment(s3, source):
    table = open_table(source)
    whole = open_table(s3.folder / "bucket" / "people.parquet")
    assert table.rows == whole.rows == 1500
    same(count_cubes(table, PLAN, DuckEngine()), count_cubes(whole, PLAN, DuckEngine()))
    if "tree" in source:
        found = count_cubes(table, Plan(groups=("a=b",)), DuckEngine()).cubes[0]
        assert found.axes[0].levels == ("x 0", "x 1")
    signed = [headers.get("Authorization", "") for _, _, headers in s3.asked]
    assert all(f"Credential={KEY}/" in line and "/eu-west-3/s3/" in line for line in signed)
    assert not any(SECRET in str(asked) for asked in s3.asked)


@has_httpfs
def test_a_lake_with_a_log_is_refused(s3):
    log = s3.folder / "bucket" / "tree" / "_delta_log" / "0.json"
    log.parent.mkdir()
    log.write_text("{}")
    refused(lambda: open_table("s3://bucket/tree/**/*.parquet"), "s3://bucket/tree is a Delta Lake table")
    refused(lambda: open_table("s3://bucket/none/*.parquet"), "matches no file; correct the pattern")
    s3.refuses = 403
    refused(
        lambda: open_table("s3://bucket/none.parquet"),
        r"refuses it \(HTTP 403\); give credentials in AWS_ACCESS_KEY_ID",
    )


@has_httpfs
def test_credentials_go_when_the_environment_has_none(s3, monkeypatch):
    open_table("s3://bucket/people.parquet")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    s3.asked.clear()
    open_table("s3://bucket/people.parquet")
    assert not any("Authorization" in headers for _, _, headers in s3.asked)


@has_httpfs
def test_a_secret_that_duckdb_keeps_is_used(store, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    keep = (
        "import duckdb, sys\nfrom audit.tables.remote import _find_extension\ncon = duckdb.connect()\n"
        "con.execute(f'LOAD {_find_extension()}')\ncon.execute(sys.argv[1])"
    )
    options = f"TYPE s3, KEY_ID '{KEY}', SECRET 'x', REGION 'eu-west-3', ENDPOINT '{store.host}', USE_SSL false, URL_STYLE 'path'"
    done = subprocess.run(
        [sys.executable, "-c", keep, f"CREATE PERSISTENT SECRET kept ({options})"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    done = audit("model", "s3://bucket/people.parquet", *MODEL, cwd=tmp_path)
    assert done.returncode in {0, 1, 3}, done.stderr
    assert all(f"Credential={KEY}/" in headers.get("Authorization", "") for _, _, headers in store.asked)
    assert store.asked


@has_httpfs
def test_a_pipeline_may_name_an_address(s3, tmp_path):
    (tmp_path / "audit.toml").write_text(
        '[data]\nsource = "s3://bucket/tree/**/*.parquet"\nlabel = "label"\ngroups = ["sex", "race"]\n'
    )
    done = audit("run", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["data"][0]["rows_read"] == 1500
    assert document["question"]["config"]["data"]["source"] == "s3://bucket/tree/**/*.parquet"
    assert not any(word in done.stdout + done.stderr for word in (KEY, SECRET))


@has_httpfs
def test_a_file_that_changes_while_it_is_read(store):
    path = store.folder / "bucket" / "people.parquet"
    table = open_table(f"http://{store.host}/bucket/people.parquet")

    def write_within():
        with table.reading():
            os.utime(path, (1, 1))

    refused(write_within, "people.parquet changed while it was read")


BROKEN = {
    "nothing there": ("no.parquet", None, r"/no.parquet cannot be read: there is nothing \(HTTP 404\)"),
    "not allowed": (
        "bucket/people.parquet",
        403,
        "does not hand it out; check the address, or give credentials in AWS_ACCESS_KEY_ID",
    ),
    "a bad day": ("bucket/people.parquet", 501, "cannot be read: the server "),
    "a web page": ("page", None, "it is no Parquet file"),
    "two columns of a name": ("twice.parquet", None, "two columns that differ only in case"),
}


@has_httpfs
@pytest.mark.parametrize(("name", "refuses", "says"), BROKEN.values(), ids=BROKEN)
def test_what_goes_wrong_is_told_without_the_signature(store, name, refuses, says):
    (store.folder / "page").write_text("<html>" * 100)
    pq.write_table(pa.table({"Race": [1], "race": [2]}), store.folder / "twice.parquet")
    store.refuses = refuses
    line = refused(lambda: open_table(f"http://{store.host}/{name}?X-Amz-Signature=hunter2"), says)
    assert "hunter2" not in line


@has_httpfs
def test_no_server(store):
    refused(lambda: open_table("http://127.0.0.1:9/t.parquet?sig=hunter2"), "no server answers")


@has_httpfs
def test_a_signature_ends_up_nowhere(store, tmp_path):
    asked = f"http://{store.host}/bucket/people.parquet?X-Amz-Signature=hunter2&next=a//b"
    done = audit("model", asked, *MODEL, "--json", cwd=tmp_path)
    assert done.returncode in {0, 1, 3}, done.stderr
    assert any(path.endswith("?X-Amz-Signature=hunter2&next=a//b") for _, path, _ in store.asked)
    files = [p for p in (tmp_path / "audit-runs").rglob("*") if p.is_file()]
    assert {p.name for p in files} >= {"audit.json", "card.html", "card.md"}
    assert not [p for p in files if b"hunter2" in p.read_bytes()]
    assert "hunter2" not in done.stdout + done.stderr
    document = json.loads(done.stdout)
    place = f"http://{store.host}/bucket/people.parquet"
    assert document["question"]["config"]["predictions"]["source"] == place
    assert document["run"]["command"] == ["audit", "model", place]
    part = document["data"][0]
    assert (part["digest"], part["undigested"]) == (
        None,
        "the rows were read at an address, and their bytes were not hashed",
    )
    card = next(p for p in files if p.name == "card.md").read_text()
    assert "no digest: the rows were read at an address, and their bytes were not hashed" in card
    assert audit("verify", files[0].parent, cwd=tmp_path).returncode == 0
