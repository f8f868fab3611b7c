"""The store and the strict reader: whole or not there, and refused by place or read without loss."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
import threading
import time
from dataclasses import fields, is_dataclass, replace

import jsonschema
import pytest
import sample_results
from stored_results import NEW, OLD, of_run, put

from audit.cli import main
from audit.errors import StoreError
from audit.measurement.estimates import Estimates
from audit.record import reader, schema
from audit.record.reader import read_result
from audit.record.result import SCHEMA, AuditResult
from audit.record.store import Store

SAMPLES = ("boston", "unjudged", "undefined_rates", "single_small_group", "hostile")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "audit-runs")


@pytest.fixture(scope="module")
def document():
    return json.loads(sample_results.boston().to_json())


def test_ids_sort_by_time_and_differ(store):
    ids = [store.new_run_id() for _ in range(50)]
    assert len(set(ids)) == 50
    assert all(re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", i) for i in ids)
    assert [i[:16] for i in ids] == sorted(i[:16] for i in ids)


@pytest.mark.parametrize("name", SAMPLES)
def test_what_goes_in_comes_out(store, name):
    result = of_run(getattr(sample_results, name)(), NEW)
    folder = put(store, NEW, result)
    assert sorted(p.name for p in folder.iterdir()) == ["audit.json", "card.html", "card.md"]
    found = store.load()
    assert found == read_result(folder) == read_result(folder / "audit.json")
    assert found.to_json() == result.to_json()
    assert isinstance(found.estimates, Estimates)
    assert not list(store.folder.glob(".*"))


def test_a_run_is_never_overwritten(store):
    put(store, NEW)
    before = (store.folder / NEW / "audit.json").read_bytes()
    with pytest.raises(StoreError, match="exists and is not overwritten"):
        put(store, NEW, sample_results.boston())
    assert (store.folder / NEW / "audit.json").read_bytes() == before
    (store.folder / OLD).mkdir()
    with pytest.raises(StoreError, match="exists and is not overwritten"):
        put(store, OLD)
    assert not list((store.folder / OLD).iterdir())


def test_of_many_writers_of_one_id_one_wins_and_its_run_is_whole(store):
    outcomes = []

    def write(model):
        try:
            put(
                store,
                NEW,
                replace(
                    sample_results.unjudged(),
                    question=replace(sample_results.unjudged().question, config={"model": {"name": model}}),
                ),
            )
            outcomes.append("ok")
        except StoreError:
            outcomes.append("refused")

    writers = [threading.Thread(target=write, args=(f"m{i}",)) for i in range(6)]
    for w in writers:
        w.start()
    for w in writers:
        w.join()
    assert outcomes.count("ok") == 1
    assert store.load(NEW).run.id == NEW


def test_a_reader_never_sees_half_a_run(store):
    seen, done = [], threading.Event()

    def watch():
        while not done.is_set():
            seen.extend(e.state for e in store.runs())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for i in range(12):
        put(store, f"20261124T0205{i:02d}Z-1a2b3c", sample_results.unjudged())
    done.set()
    watcher.join()
    assert "damaged" not in seen
    assert {e.state for e in store.runs()} == {"complete"}


def test_a_killed_run_stays_visible_as_incomplete(store):
    put(store, OLD)
    code = f"""
import os, signal
from pathlib import Path
from audit.record.store import Store
folder = Store(Path({str(store.folder)!r})).begin({NEW!r})
(folder / 'energy.json').write_text('{{}}')
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    newest, oldest = store.runs()
    assert (newest.id, newest.state, newest.verdict) == (NEW, "incomplete", None)
    assert newest.started == "2026-11-24T02:05:12Z"
    assert (newest.path / "energy.json").is_file()
    assert (oldest.id, oldest.state, oldest.verdict) == (OLD, "complete", "not judged")
    assert store.load().run.id == OLD, "latest is the newest run that ended"
    with pytest.raises(StoreError, match="incomplete"):
        store.load(NEW)


def test_begin_then_commit_keeps_what_the_run_wrote(store):
    folder = store.begin(NEW)
    (folder / "energy.json").write_text("{}")
    with pytest.raises(StoreError, match="already exists"):
        store.begin(NEW)
    assert (put(store, NEW) / "energy.json").read_text() == "{}"


def test_runs_by_prefix_and_by_name(store):
    put(store, OLD)
    put(store, NEW, sample_results.boston())
    assert store.load("latest").run.id == NEW
    assert store.load("20261123").run.id == OLD
    with pytest.raises(StoreError, match="matches 2 runs; add characters"):
        store.load("202611")
    with pytest.raises(StoreError, match="did you mean '20261124T020512Z-1a2b3c'"):
        store.load("20261124T020512Z-1a2b3d")
    for name in ("", "../x", "\u202e", "latest "):
        with pytest.raises(StoreError) as caught:
            store.load(name)
        assert str(caught.value).isprintable()


def test_an_entry_says_what_a_list_needs(store):
    put(store, NEW, sample_results.boston())
    (entry,) = store.runs()
    assert (entry.id, entry.state, entry.verdict, entry.model) == (NEW, "complete", "fail", "boston-mortgages")
    assert entry.started == "2026-11-24T09:12:03Z"
    assert entry.path == store.folder / NEW


DAMAGE = {
    "no document": lambda f: f.unlink(),
    "empty": lambda f: f.write_text(""),
    "cut off": lambda f: f.write_bytes(f.read_bytes()[:-200]),
    "not json": lambda f: f.write_text("hello }"),
    "not utf-8": lambda f: f.write_bytes(b'{"schema": "\xff"}'),
    "a list": lambda f: f.write_text("[{}]  }"),
    "deep": lambda f: f.write_text('{"schema": ' + "[" * 100_000 + "}"),
    "newer": lambda f: f.write_text(f.read_text().replace(SCHEMA, "audit-result/2")),
    "no such verdict": lambda f: f.write_text(f.read_text().replace('"verdict": "not judged"', '"verdict": "great"')),
    "of another run": lambda f: f.write_text(f.read_text().replace(NEW, OLD)),
    "question is a list": lambda f: f.write_text(f.read_text().replace('"config": {', '"config": [], "x": {')),
    "a folder": lambda f: (f.unlink(), f.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_run_is_listed_with_its_reason_and_never_passed_over(store, damage):
    put(store, OLD)
    damage(put(store, NEW) / "audit.json")
    newest, oldest = store.runs()
    assert (newest.id, newest.state, oldest.state) == (NEW, "damaged", "complete")
    assert newest.reason.isprintable()
    assert len(newest.reason) > 10
    with pytest.raises(StoreError):
        store.load()
    assert store.load(OLD).run.id == OLD


def swapped(store):
    """Folder of a run that holds the document of another."""
    good = put(store, OLD)
    bad = put(store, NEW, sample_results.boston())
    (bad / "audit.json").write_bytes((good / "audit.json").read_bytes())
    return bad


WAYS = {
    "the folder": lambda bad: bad,
    "the document": lambda bad: bad / "audit.json",
    "a link of any name to the folder": lambda bad: link(bad.parent.parent / "latest", bad),
    "a link of the run's name to another folder": lambda bad: link(bad.parent.parent / NEW, bad.parent / OLD),
    "a roundabout path": lambda bad: bad / ".." / NEW,
}


def link(name, target):
    name.symlink_to(target, target_is_directory=True)
    return name


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("command", ["gate", "verify", "card", "show", "diff"])
def test_a_document_in_the_folder_of_another_run_is_damaged_by_path_as_by_id(store, capsys, command, way):
    named = way(swapped(store))
    if command in {"show", "diff"}:
        named, more = NEW, ("--store", str(store.folder))
    else:
        more = ()
    with pytest.raises(SystemExit) as ended:
        main([command, str(named), *more])
    assert ended.value.code == 2
    assert f"audit.json of another run, '{OLD}'; restore the folder" in capsys.readouterr().err


def test_a_folder_whose_name_is_no_run_may_hold_any(store, tmp_path):
    folder = put(store, NEW)
    for name in ("artefact", "20261124", f"{OLD} (1)"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "audit.json").write_bytes((folder / "audit.json").read_bytes())
        assert read_result(tmp_path / name).run.id == NEW
    (folder.parent / OLD).mkdir()
    kept = folder.parent / OLD / "of-tuesday.json"
    kept.write_bytes((folder / "audit.json").read_bytes())
    assert read_result(kept).run.id == NEW, "only a document under its own name is that of its folder"


def test_a_headline_that_does_not_stand_first_is_found_all_the_same(store):
    folder = put(store, NEW, sample_results.boston())
    whole = json.loads((folder / "audit.json").read_text())
    (folder / "audit.json").write_text(json.dumps(dict(reversed(list(whole.items())))))
    (entry,) = store.runs()
    assert (entry.state, entry.verdict) == ("complete", "fail")


def test_the_newest_runs_alone(store):
    put(store, OLD)
    put(store, NEW)
    assert [e.id for e in store.runs(1)] == [NEW]
    assert [e.id for e in store.runs()] == [e.id for e in store.runs(5)] == [NEW, OLD]


def test_what_is_no_run_is_not_listed(store):
    put(store, NEW)
    (store.folder / "notes").mkdir()
    (store.folder / "20261124T020512Z-1a2b3d").write_text("a file")
    (store.folder / "20261125T020512Z-1a2b3c").symlink_to(store.folder / NEW)
    assert [e.id for e in store.runs()] == [NEW]


def test_a_store_that_is_none(tmp_path):
    assert Store(tmp_path / "absent").runs() == ()
    with pytest.raises(StoreError, match="make one with audit run"):
        Store(tmp_path / "absent").load()
    (tmp_path / "file").write_text("")
    for use in (Store(tmp_path / "file").runs, lambda: Store(tmp_path / "file").begin(NEW)):
        with pytest.raises(StoreError, match="--store"):
            use()


@pytest.mark.parametrize("name", ["../out", "a/b", "", ".hidden", "a\n", "x\0"])
def test_only_plain_file_names(store, name):
    with pytest.raises(StoreError, match="is not a plain file name"):
        store.commit(NEW, {name: ""})
    assert store.runs() == ()


@pytest.mark.parametrize("run_id", ["../x", "latest", "", NEW + "0"])
def test_only_run_ids(store, run_id):
    with pytest.raises(StoreError, match="is not a run id"):
        store.commit(run_id, {})


def test_a_list_of_many_runs_reads_heads_only(store):
    text = of_run(sample_results.boston(), NEW).to_json()
    for i in range(60):
        run_id = f"20261124T0206{i:02d}Z-1a2b3c"
        store.commit(run_id, {"audit.json": text.replace(NEW, run_id)})
    began = time.process_time()
    assert {e.state for e in store.runs()} == {"complete"}
    listed_s = time.process_time() - began
    began = time.process_time()
    for _ in range(6):
        json.loads(text)
    assert listed_s < 10 * (time.process_time() - began), "slower than parsing every document whole"


def changed(document, change):
    out = copy.deepcopy(document)
    change(out)
    return json.dumps(out)


REFUSED = {
    "text for a number": (lambda d: d["data"][0].update(rows_read="12"), "data.0.rows_read"),
    "text for a rate": (lambda d: d["estimates"][3].update(value="0.5"), "estimates.3.value"),
    "a fraction of a row": (lambda d: d["data"][0].update(rows_read=1.5), "data.0.rows_read"),
    "true for a number": (lambda d: d["estimates"][0].update(value=True), "estimates.0.value"),
    "unknown key": (lambda d: d.update(rows=[]), "rows: no such field"),
    "unknown key inside": (
        lambda d: d["gates"][1]["estimate"].update(pvalue=0.1),
        "gates.1.estimate.pvalue: no such field",
    ),
    "no id": (lambda d: d["run"].pop("id"), "run.id"),
    "no such verdict": (lambda d: d.update(verdict="great"), "verdict"),
    "no such outcome": (lambda d: d["checks"][0].update(outcome="fine"), "checks.0.outcome"),
    "null for a table": (lambda d: d.update(gates=None), "gates"),
    "object for a list": (lambda d: d.update(estimates={}), "estimates"),
}


@pytest.mark.parametrize(("change", "place"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused_by_its_place(tmp_path, document, change, place):
    file = tmp_path / "audit.json"
    file.write_text(changed(document, change))
    with pytest.raises(StoreError, match=re.escape(place)) as caught:
        read_result(file)
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)


BROKEN = {
    "a key twice": (
        '{"schema": "audit-result/1", "verdict": "fail", "verdict": "pass"}',
        "key 'verdict' is twice in one object",
    ),
    "NaN": ('{"schema": NaN}', "NaN is not a JSON number"),
    "Infinity": ('{"schema": -Infinity}', "-Infinity is not a JSON number"),
    "a number without end": ('{"schema": 1e999}', "1e999"),
    "nothing": ("", "not a record"),
    "a list": ("[]", "has no schema"),
    "another document": ('{"name": "x"}', "has no schema"),
    "newer": ('{"schema": "audit-result/2"}', "this version reads audit-result/1"),
    "schema is a list": ('{"schema": []}', "this version reads audit-result/1"),
    "deep": ('{"schema": ' + "[" * 100_000, "not a record"),
    "control characters": ('{"schema": "\\u202e\\u0007"}', r"\x202e\x07"),
    "a long integer": ('{"schema": ' + "9" * 5000 + "}", "not a record"),
}


@pytest.mark.parametrize(("text", "said"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_result_is_said_in_one_line(tmp_path, text, said):
    file = tmp_path / "audit.json"
    file.write_text(text)
    with pytest.raises(StoreError, match=re.escape(said)) as caught:
        read_result(file)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_bytes_that_are_no_text(tmp_path):
    file = tmp_path / "audit.json"
    file.write_bytes(b'{"schema": "\xff\xfe"}')
    with pytest.raises(StoreError, match="byte 12 is not UTF-8"):
        read_result(file)


def test_half_a_surrogate_pair_is_refused(tmp_path, document):
    file = tmp_path / "audit.json"
    file.write_text(changed(document, lambda d: d["run"].update(version="\ud800")))
    with pytest.raises(StoreError, match="not a valid record"):
        read_result(file)


def test_size_is_bounded(tmp_path, monkeypatch):
    file = tmp_path / "audit.json"
    file.write_text(" " * 2000)
    monkeypatch.setattr(reader, "LARGEST_BYTES", 1000)
    with pytest.raises(StoreError, match=r"2,000 bytes, more than the 1,000"):
        read_result(file)


def test_no_result_there(tmp_path):
    for path in (tmp_path, tmp_path / "audit.json"):
        with pytest.raises(StoreError, match="name an audit.json"):
            read_result(path)


def test_an_older_document_without_an_optional_field_is_read(document):
    old = json.loads(json.dumps(document))
    for estimate in old["estimates"]:
        del estimate["high_pair"]
    assert reader.read_text(json.dumps(old), "x").estimates[0].high_pair is None


def test_the_shipped_schema_is_the_generated_one(root):
    assert (root / "reports" / "schema" / "audit-result-1.schema.json").read_text() == schema.write_schema(), (
        "run `make schema`"
    )


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_fit_the_schema(name):
    jsonschema.Draft202012Validator(schema.make_schema()).validate(
        json.loads(getattr(sample_results, name)().to_json())
    )


@pytest.mark.parametrize("change", [v[0] for v in REFUSED.values()], ids=REFUSED)
def test_the_schema_refuses_what_the_reader_refuses(document, change):
    validator = jsonschema.Draft202012Validator(schema.make_schema())
    assert not validator.is_valid(json.loads(changed(document, change)))


def test_the_schema_is_closed_complete_and_described():
    made = schema.make_schema()
    jsonschema.Draft202012Validator.check_schema(made)
    objects = {d["title"]: d for d in (made, *made["$defs"].values())}
    for name, definition in objects.items():
        assert definition["additionalProperties"] is False, name
        assert definition["required"] == list(definition["properties"]), name
        assert definition["description"], name
    assert list(made["properties"])[-1] == "schema" or "schema" in made["properties"]
    assert objects["EnergyComponent"]["properties"]["coverage"]["description"].startswith(
        "Share of the phase's wall time"
    )
    assert (
        objects["Estimate"]["properties"]["pair"]["description"]
        == "Lowest and highest group of a comparison over all groups."
    )


def test_every_class_of_a_result_is_in_the_schema():
    seen = set()

    def visit(value):
        if is_dataclass(value):
            seen.add(type(value).__name__)
            for f in fields(value):
                visit(getattr(value, f.name))
        elif isinstance(value, tuple):
            for one in value:
                visit(one)

    visit(sample_results.boston())
    assert seen - {"AuditResult"} <= set(schema.make_schema()["$defs"])
    assert {"Estimate", "Gate", "Energy", "CubeRecord", "Waiver"} <= seen
    assert AuditResult.__doc__ in schema.make_schema()["description"]


def test_reading_a_result_loads_nothing_heavy(tmp_path):
    file = tmp_path / "audit.json"
    file.write_text(sample_results.boston().to_json())
    code = (
        "import sys, time; from audit.record.reader import read_result; "
        f"read_result({str(file)!r}); print(*(m for m in sys.modules if '.' not in m))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"numpy", "pandas", "duckdb", "pyarrow", "jinja2", "rich", "typer"}
