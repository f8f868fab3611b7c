"""Runs by their names, the order in which they were published, what is listed, and what may be cleared away."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import sample_results
from listed_runs import FUTURE, asked
from property_tests import crossed_now
from stored_results import NEW, OLD, put

from audit.errors import StoreError
from audit.record import store as order
from audit.record.store import BEFORE, Store
from audit.system.atomic import write_text


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "audit-runs")


# --- the order of publishing


def test_the_latest_is_the_last_published_whatever_the_clock_says(store):
    for run_id in (FUTURE, OLD, NEW):
        put(store, run_id)
    assert [e.id for e in store.runs()] == [NEW, OLD, FUTURE]
    assert store.load().run.id == NEW
    assert [e.id for e in store.runs(1)] == [NEW]


def test_where_ids_tell_the_order_no_file_does(store):
    for run_id in (OLD, NEW, FUTURE):
        put(store, run_id)
    assert [p.name for p in store.folder.iterdir() if p.name.startswith(".")] == []
    assert [e.id for e in store.runs()] == [FUTURE, NEW, OLD]


def test_a_run_that_was_copied_here_is_not_the_latest(store):
    put(store, NEW)
    put(store, OLD)
    (store.folder / OLD).rename(store.folder / FUTURE)
    assert [e.id for e in store.runs()] == [NEW, FUTURE]


def test_two_that_begin_the_order_at_once(store):
    for run_id in (FUTURE, NEW):
        put(store, run_id)
    order.note_published(store.folder, OLD, [])
    (store.folder / order.ORDER_FILE).write_text(f"\n{NEW}\n\n{FUTURE}\n\n{NEW}\n\n{OLD}\n")
    assert list(order.read_publication_order(store.folder)) == [NEW, FUTURE, OLD]


def test_a_run_that_did_not_end_stands_by_when_it_began(store):
    put(store, OLD)
    store.begin(NEW)
    put(store, FUTURE)
    assert [e.id for e in store.runs()] == [FUTURE, NEW, OLD]
    assert store.load().run.id == FUTURE


def test_of_many_that_publish_at_once_all_are_noted(store):
    ids = [f"2026112{n % 10}T020512Z-{n:06x}" for n in range(24)]
    threads = [threading.Thread(target=put, args=(store, run_id)) for run_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {e.id for e in store.runs()} == set(ids)
    assert set(order.read_publication_order(store.folder)) <= set(ids)


@pytest.mark.parametrize("what", ["half a line", "bytes", "a pipe", "a folder"])
def test_a_damaged_order_costs_the_order_alone(store, what):
    put(store, OLD)
    file = store.folder / order.ORDER_FILE
    if what == "a pipe":
        os.mkfifo(file)
    elif what == "a folder":
        file.mkdir()
    else:
        file.write_bytes(f"{NEW[:9]}".encode() if what == "half a line" else b"\xff\x00" * 99)
    assert [e.id for e in store.runs()] == [OLD]
    if what in {"half a line", "bytes"}:
        put(store, NEW)
        assert store.load().run.id == NEW
    else:
        with pytest.raises(StoreError, match="cannot be published"):
            put(store, NEW)


def test_a_published_name_is_forced_to_disk(store, monkeypatch):
    synced, before = [], os.fsync

    def noted(descriptor):
        synced.append(
            (str(Path(f"/proc/self/fd/{descriptor}").readlink()), sorted(p.name for p in store.folder.iterdir()))
        )
        before(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    put(store, NEW)
    folder, there = synced[-1]
    assert folder == str(store.folder)
    assert NEW in there, "after the rename"
    assert (str(store.folder.parent), []) in synced, "the new folder of the store too"


# --- names


@pytest.mark.parametrize(
    ("command", "named"),
    crossed_now(["gate", "card", "show", "verify", "diff"], ["latest", NEW, NEW[:8], NEW[:17], "path", "document"]),
)
def test_every_command_takes_every_name(store, capfd, command, named):
    from audit.pipeline.run import write

    result = sample_results.unjudged()
    put(store, OLD)
    write(replace(result, run=replace(result.run, id=NEW)), store)
    place = {"path": store.folder / NEW, "document": store.folder / NEW / "audit.json"}.get(named, named)
    code, out, err = asked(capfd, command, place, "--store", store.folder)
    assert code in ({0, 1} if command == "verify" else {0}), (out, err)
    assert "no result at" not in err
    assert "no run" not in err


@pytest.mark.parametrize("command", ["card", "verify"])
@pytest.mark.parametrize("named", [(), ("latest",)])
def test_the_run_published_last_is_taken_where_none_is_named(store, capfd, command, named):
    put(store, NEW)
    put(store, OLD)
    code, out, err = asked(capfd, command, *named, "--store", store.folder)
    assert f"run {OLD}, the latest in {store.folder}\n" in err
    assert code in ({0, 1} if command == "verify" else {0}), err
    assert out == asked(capfd, command, OLD, "--store", store.folder)[1]


def test_what_is_judged_has_to_be_named(store, capfd):
    put(store, OLD)
    code, out, err = asked(capfd, "gate", "--store", store.folder)
    assert (code, out) == (2, "")
    assert "RUN is missing" in err
    assert "`audit gate latest`" in err


@pytest.mark.parametrize("command", ["card", "verify"])
def test_an_empty_store_has_no_latest(store, capfd, command):
    code, _, err = asked(capfd, command, "--store", store.folder)
    assert (code, "no complete run in the store" in err) == (2, True)


def test_a_start_of_two_ids_and_of_none(store, capfd):
    put(store, OLD)
    put(store, NEW)
    code, _, err = asked(capfd, "gate", "202611", "--store", store.folder)
    assert (code, "matches 2 runs; add characters" in err) == (2, True)
    code, _, err = asked(capfd, "card", "2031", "--store", store.folder)
    assert code == 2
    assert "no run '2031'" in err


def test_what_is_no_start_of_an_id_is_a_path(store, capfd):
    code, _, err = asked(capfd, "show", "nowhere/audit.json", "--store", store.folder)
    assert (code, "no result at 'nowhere/audit.json'" in err) == (2, True)


# --- the list


def versioned(store, run_id, version, commit=None):
    result = sample_results.boston()
    config = {**result.question.config, "model": {"name": "m" * 60, "version": version}}
    run = replace(result.run, id=run_id)
    put(store, run_id, replace(result, run=run, question=replace(result.question, config=config)))


def test_the_list_cuts_no_id_and_tells_versions_commits_and_headlines(store, capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    versioned(store, OLD, "1.0")
    versioned(store, NEW, "1.1-candidate")
    _, out, _ = asked(capfd, "list", "--store", store.folder)
    lines = out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [NEW, OLD]
    assert max(map(len, lines)) <= 80
    assert "1.1-candidate" in lines[1]
    commit = sample_results.boston().run.code.commit
    assert commit[:7] in lines[1]
    assert " fail " in lines[1]
    assert " race 0.64 " in lines[1]
    _, out, _ = asked(capfd, "list", "--json", "--store", store.folder)
    failed = next(g for g in sample_results.boston().gates if g.verdict == "fail")
    assert [run["headline"] for run in json.loads(out)] == [failed.sentence] * 2
    _, out, _ = asked(capfd, "list", "--json", "--store", store.folder)
    first = json.loads(out)[0]
    assert (first["model_version"], first["commit"], first["headline"]) == (
        "1.1-candidate",
        f"{commit[:7]}*",
        failed.sentence,
    )


def test_what_the_list_passes_over_is_counted_and_named(store, capfd):
    folder = put(store, OLD)
    folder.rename(store.folder / f"run-{OLD}")
    (store.folder / NEW).symlink_to(f"run-{OLD}")
    _, out, _ = asked(capfd, "list", "--store", store.folder)
    assert "2 folders or links hold results, but their names are no run id" in out
    assert f"run-{OLD}" in out
    assert "No runs" not in out


@pytest.mark.parametrize("to", ["nowhere", "audit-runs"])
def test_a_store_that_is_a_link_to_nothing(store, capfd, to):
    store.folder.symlink_to(to)
    code, _, err = asked(capfd, "list", "--store", store.folder)
    assert code == 2
    assert "link" in err


@pytest.mark.parametrize(
    ("command", "what"), crossed_now(["list", "show", "gate", "verify", "card"], ["a pipe", "a socket", "a device"])
)
def test_what_is_no_regular_file_is_refused_at_once(store, capfd, monkeypatch, command, what):
    folder = put(store, NEW)
    file = folder / "audit.json"
    file.unlink()
    if what == "a pipe":
        os.mkfifo(file)
    elif what == "a socket":
        with monkeypatch.context() as there, socket.socket(socket.AF_UNIX) as bound:
            there.chdir(folder)
            bound.bind("audit.json")
    else:
        file.symlink_to("/dev/zero")
    started_s = time.monotonic()
    code, out, err = asked(capfd, command, *([] if command == "list" else [NEW]), "--store", store.folder)
    assert time.monotonic() - started_s < 5
    assert (code, "damaged" in out) == (0, True) if command == "list" else (code, "regular file" in err) == (2, True)


CONTROL = "\x1b]0;owned\x07\x9b31m\u202e\x7f"


@pytest.mark.parametrize(
    ("command", "json_too"), crossed_now(["list", "show", "gate", "verify", "card", "diff"], [False, True])
)
def test_no_control_character_of_a_document_reaches_a_terminal(store, capfd, command, json_too):
    """Every text of the document at once, and one at a time where one is refused."""
    folder = put(store, NEW, sample_results.boston())
    put(store, OLD, sample_results.boston())
    file = folder / "audit.json"
    text = file.read_text()
    hostile = json.dumps(CONTROL)[1:-1]
    for old in (
        "2026-11-24T",
        "boston",
        "black",
        "white",
        "grid",
        '"sentence": "',
        '"detail": "',
        '"reason": "',
        '"title": "',
    ):
        file.write_text(text.replace(old, old + hostile))
        words = [command, *([] if command == "list" else [NEW]), *([OLD] if command == "diff" else [])]
        if json_too and command in {"list", "show", "gate"}:
            words.append("--json")
        _, out, err = asked(capfd, *words, "--store", store.folder)
        for character in CONTROL:
            if not character.isprintable():
                assert character not in out + err, (old, hex(ord(character)))


# --- clearing away


def test_prune_takes_what_did_not_end_and_nothing_else(store, capfd):
    put(store, OLD)
    (store.folder / f".{NEW}.part").mkdir()
    (store.folder / "notes").mkdir()
    (store.folder / ".part").mkdir()
    _, out, _ = asked(capfd, "prune", "--store", store.folder)
    assert f"removed {NEW}: it has no result" in out
    assert "1 removed, 1 left in the store" in out
    assert sorted(p.name for p in store.folder.iterdir() if p.is_dir()) == [".part", OLD, "notes"]


def test_prune_leaves_what_goes_on_and_what_holds_the_only_predictions(store, capfd):
    begin = f"Store(Path({str(store.folder)!r})).begin({NEW!r})"
    code = f"from pathlib import Path; import time; from audit.record.store import Store; {begin}; print(1, flush=True)"
    (store.folder / f".{OLD}.part" / BEFORE).mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", f"{code}; time.sleep(60)"], stdout=subprocess.PIPE) as running:
        running.stdout.readline()
        _, out, _ = asked(capfd, "prune", "--store", store.folder)
        assert f"kept {NEW}: it is still running" in out
        assert f"kept {OLD}: it holds the predictions from before" in out
        running.send_signal(signal.SIGKILL)
        running.wait()
    _, out, _ = asked(capfd, "prune", "--store", store.folder)
    assert f"removed {NEW}: it has no result" in out
    assert (store.folder / f".{OLD}.part" / BEFORE).is_dir()


def test_a_process_may_prune_beside_its_own_run(store, capfd):
    store.begin(NEW)
    asked(capfd, "prune", "--store", store.folder)
    assert (store.folder / f".{NEW}.part").is_dir()
    put(store, NEW)
    assert store.load().run.id == NEW


def days_ago(days, of=1):
    return f"{dt.datetime.now(dt.UTC) - dt.timedelta(days=days):%Y%m%dT%H%M%SZ}-{of:06x}"


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        (["--keep", "2"], 2),
        (["--keep", "9"], 4),
        (["--older-than", "90d"], 2),
        (["--older-than", "12w", "--keep", "3"], 3),
        (["--older-than", "900h"], 1),
        (["--older-than", "90d", "--keep", "1"], 2),
        ([], 4),
    ],
)
@pytest.mark.parametrize("dry", [False, True])
def test_prune_by_rule(store, capfd, rules, left, dry):
    ids = [days_ago(days) for days in (200, 100, 40, 1)]
    for run_id in ids:
        put(store, run_id)
    _, out, _ = asked(capfd, "prune", *rules, *(["--dry-run"] if dry else []), "--store", store.folder)
    assert [e.id for e in store.runs()] == (ids if dry else ids[4 - left :])[::-1]
    for gone in ids[: 4 - left]:
        assert f"{'would remove' if dry else 'removed'} {gone}: " in out
    assert f"{left} left in the store" in out


@pytest.mark.parametrize("age", ["90", "x", "-1d", "1e3d", "9999999d", ""])
def test_an_age_that_is_none(store, capfd, age):
    put(store, OLD)
    code, _, err = asked(capfd, "prune", f"--older-than={age}", "--store", store.folder)
    assert (code, "90d" in err) == (2, True)
    assert store.load().run.id == OLD


def test_prune_of_a_store_that_is_not_there(tmp_path, capfd):
    code, out, _ = asked(capfd, "prune", "--store", tmp_path / "none")
    assert (code, "0 removed" in out) == (0, True)


# --- a store that refuses


@pytest.mark.parametrize(("minimum", "code", "word"), [(0.5, 74, "PASS"), (1, 1, "FAIL")])
def test_a_store_that_is_full_costs_the_record_and_not_the_verdict(tmp_path, monkeypatch, capfd, minimum, code, word):
    import audit.record.store as stores

    def full(path, text):
        if path.name == "audit.json":
            raise StoreError(f"cannot write '{path}': the disk is full")
        write_text(path, text)

    monkeypatch.setattr(stores, "write_text", full)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("g,y,p\n" + "a,0,0\na,1,1\nb,0,0\nb,1,1\n" * 200 + "a,1,1\n" * 400)
    words = ("model", "t.csv", "--label", "y", "--prediction", "p", "--groups", "g")
    ended, out, err = asked(capfd, *words, "--gate", f"selection_rate ratio >= {minimum}")
    assert ended == code
    assert word in out
    assert "but not kept: cannot write" in err
    ended, out, _ = asked(capfd, *words, "--gate", f"selection_rate ratio >= {minimum}", "--json")
    assert (ended, json.loads(out)["verdict"]) == (code, word.lower())
