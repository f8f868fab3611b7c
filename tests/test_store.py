"""The store: a run is there whole or not at all, and what is damaged is named and never hides the others."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import jsonschema
import pytest
import sample_results

from audit.errors import StoreError
from audit.evidence.store import Store, json_schema, read_result

SAMPLES = [sample_results.boston, sample_results.unjudged, sample_results.undefined_rates, sample_results.hostile]


def files(result):
    return {"audit.json": result.to_json(), "card.html": "<!doctype html>", "card.md": "# card"}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


def publish(store, result=None):
    run_id = store.new_run_id()
    store.begin(run_id)
    return store.commit(run_id, files(result or sample_results.boston()))


@pytest.mark.parametrize("make", SAMPLES, ids=lambda f: f.__name__)
def test_a_document_reads_back_as_the_same_result(tmp_path, make):
    result = make()
    (tmp_path / "audit.json").write_text(result.to_json())
    again = read_result(tmp_path)
    assert again == result
    assert again.to_json() == result.to_json()


@pytest.mark.parametrize("make", SAMPLES, ids=lambda f: f.__name__)
def test_every_document_is_valid_by_the_shipped_schema(root, make):
    schema = json.loads((root / "reports" / "schema" / "audit-result-1.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(make().to_json(), parse_constant=pytest.fail)
    jsonschema.validate(document, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document | {"more": 1}, schema)


def test_the_shipped_schema_is_the_one_that_the_code_makes(root):
    shipped = json.loads((root / "reports" / "schema" / "audit-result-1.schema.json").read_text())
    assert shipped == json_schema(), "run `make schema`"


def test_keys_stand_in_the_order_of_the_contract():
    document = sample_results.boston().to_dict()
    assert list(document) == [
        "schema",
        "run",
        "question",
        "verdict",
        "data",
        "cubes",
        "estimates",
        "checks",
        "energy",
        "gates",
    ]


DAMAGE = {
    "no JSON": (lambda t: t[:-40], "not a result"),
    "key twice": (lambda t: t.replace('"verdict"', '"verdict": "pass", "verdict"', 1), "stands twice"),
    "NaN": (lambda t: t.replace('"verdict": "fail"', '"verdict": NaN', 1), "NaN"),
    "unknown key": (lambda t: t.replace('"schema"', '"extra": 1, "schema"', 1), "extra"),
    "another version": (lambda t: t.replace("audit-result/1", "audit-result/9", 1), "audit-result/9"),
    "wrong type": (lambda t: t.replace('"verdict": "fail"', '"verdict": "splendid"', 1), "verdict"),
    "a list": (lambda _: "[]", "schema"),
    "empty": (lambda _: "", "not a result"),
    "deep": (lambda _: "[" * 100_000, "not a result"),
}


@pytest.mark.parametrize(("damage", "says"), DAMAGE.values(), ids=DAMAGE)
def test_a_document_that_is_no_result_is_refused_by_its_place(tmp_path, damage, says):
    text = sample_results.boston().to_json()
    changed = damage(text)
    assert changed != text
    (tmp_path / "audit.json").write_text(changed)
    with pytest.raises(StoreError, match=says) as caught:
        read_result(tmp_path)
    assert "\n" not in str(caught.value)


def test_runs_are_listed_newest_first_and_loaded_by_the_start_of_their_id(store):
    paths = [publish(store) for _ in range(3)]
    assert [e.id for e in store.runs()] == sorted((p.name for p in paths), reverse=True)
    assert all(e.verdict == "fail" and e.model for e in store.runs())
    assert store.load(paths[0].name) == store.load("latest")
    assert store.load(paths[1].name[:-1]) is not None
    with pytest.raises(StoreError, match="no run 'nothing'"):
        store.load("nothing")
    with pytest.raises(StoreError, match="is the start of 3 runs"):
        store.load("2")


def test_an_empty_store_says_what_makes_a_run(store):
    assert store.runs() == ()
    with pytest.raises(StoreError, match="audit run"):
        store.load()


def test_damaged_incomplete_and_foreign_folders_hide_nothing(store, tmp_path):
    good = publish(store)
    (publish(store) / "audit.json").write_text("{")
    store.begin(store.new_run_id())
    (store.folder / "notes").mkdir()
    pathlib.Path(store.folder / "20260101T000000Z-abcdef").symlink_to(tmp_path)
    states = sorted(e.state for e in store.runs())
    assert states == ["complete", "damaged", "incomplete"]
    assert store.load("latest") == read_result(good)


def test_a_run_is_never_overwritten(store):
    path = publish(store)
    store.begin(path.name)
    with pytest.raises(StoreError, match="never overwritten"):
        store.commit(path.name, {"audit.json": "{}"})
    assert read_result(path)


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "", ".", "20261124T000000Z-zzzzzz"])
def test_a_run_id_is_no_path(store, name):
    with pytest.raises(StoreError):
        store.begin(name)
    with pytest.raises(StoreError):
        store.load(name)


WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
import sample_results
from audit.evidence.store import Store
from pathlib import Path
store, result = Store(Path(sys.argv[1])), sample_results.unjudged()
for _ in range(int(sys.argv[3])):
    run_id = store.new_run_id()
    store.begin(run_id)
    store.commit(run_id, {"audit.json": result.to_json(), "card.md": "x" * 100_000})
"""


def writer(store, count):
    tests = os.path.dirname(sample_results.__file__)
    return subprocess.Popen([sys.executable, "-c", WRITER, str(store.folder), tests, str(count)])


def test_many_writers_into_one_store_lose_nothing(store):
    writers = [writer(store, 10) for _ in range(4)]
    assert [w.wait(timeout=60) for w in writers] == [0] * 4
    assert [e.state for e in store.runs()] == ["complete"] * 40


def test_a_writer_killed_at_any_moment_leaves_no_half_run(store):
    import time

    for delay_s in (0.6, 0.7, 0.8, 0.9, 1.0, 1.1):
        process = writer(store, 10_000)
        time.sleep(delay_s)
        process.kill()
        process.wait()
    entries = store.runs()
    assert not [e for e in entries if e.state == "damaged"]
    for entry in entries:
        if entry.state == "complete":
            assert read_result(entry.path).verdict == "not judged"
            assert (entry.path / "card.md").stat().st_size == 100_000
