"""Stores and addresses that nobody means well, or that are large: what the dashboard does with them.

Other sites, other names of this machine and the token: tests/system/test_guard.py. That no word is sent elsewhere, and that many
readers are not mixed up: test_app.py and test_review.py.
"""

from __future__ import annotations

import json
import shutil
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
import sample_results

from audit.cli import dashboard
from audit.record.store import Store

pytest.importorskip("streamlit", reason="the extra evenhand[dashboard] is not installed")
from screens import SCREENS, list_html, open_screen, read_screen
from served_store import BOSTON, HOSTILE, PLAIN, answers, put, served, wait_for

LONG = "<img src=x onerror=alert(1)> [a](javascript:alert(1)) " * 200
ODD = {
    "page": "999",
    "order": "zzz",
    "threshold": "abc",
    "reference": "nobody",
    "sort": "zzz",
    "verdict": "zzz",
    "with": "zzz",
    "limit": "zzz",
    "pin": "../..",
    "group": "zzz",
    "fp": "-1",
    "fn": "nan",
    "way": "zzz",
    "rows": "zzz",
    "strange": "1",
}
FRESH_S = 1.1
MOST_S = 0.15


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "s")


def many_groups():
    return sample_results.result_of(("region",), {(f"r{i:03d}",): (30, 12, 15, 33) for i in range(500)})


@pytest.mark.parametrize("screen", ["groups", "threshold", "compare", "runs"])
def test_values_that_an_address_has_wrong_fall_back(store, monkeypatch, screen):
    put(store, PLAIN, many_groups())
    put(store, BOSTON, sample_results.boston())
    at = open_screen(store, monkeypatch, screen, run=PLAIN, by="zzz", metric="zzz", **ODD)
    assert not at.exception
    asked = dict(at.query_params)
    assert {k: asked[k] for k in ("run", "by", "metric")} == {"run": PLAIN, "by": "region", "metric": "selection_rate"}
    # What belongs to a widget of the page is mended by Streamlit in the browser; nothing else is left.
    own = {w.key for kind in ("selectbox", "multiselect", "number_input", "select_slider") for w in at.get(kind)}
    assert set(asked) <= own | {"run", "by", "metric"}
    assert "strange" not in asked


@pytest.mark.parametrize("screen", ["run", "compare", "evidence", "runs"])
def test_names_of_ten_thousand_characters(store, monkeypatch, screen):
    result = sample_results.boston()
    config = {**result.question.config, "model": {"name": LONG, "version": LONG, "owner": LONG}}
    for run_id in (PLAIN, BOSTON):
        put(store, run_id, replace(result, question=replace(result.question, config=config)))
    at = open_screen(store, monkeypatch, screen)
    assert not at.exception
    assert "<img" not in "".join(list_html(at))
    assert max(map(len, at.sidebar.selectbox("run").options)) < 250


@pytest.mark.parametrize("screen", ["run", "runs", "evidence"])
def test_a_store_of_only_damaged_and_unfinished_runs(store, monkeypatch, screen):
    store.commit(BOSTON, {"audit.json": "{"})
    store.begin(PLAIN)
    at = open_screen(store, monkeypatch, screen, by="race")
    assert not at.exception
    assert "Damaged" in read_screen(at)
    assert ("Incomplete" in read_screen(at)) == (screen == "runs")


@pytest.mark.parametrize("screen", ["run", "evidence", "compare", "runs"])
def test_a_run_that_is_removed_while_it_is_open(store, monkeypatch, screen):
    put(store, PLAIN, sample_results.boston())
    folder = put(store, BOSTON, sample_results.boston())
    at = open_screen(store, monkeypatch, screen)
    shutil.rmtree(folder)
    assert not at.run().exception, "the list of runs is a second old, and the run is gone"
    time.sleep(FRESH_S)
    at.run()
    assert not at.exception
    assert at.query_params["run"] == PLAIN
    assert f"There is no run {BOSTON} in this store" in read_screen(at)


def test_a_run_that_is_replaced_while_it_is_open(store, monkeypatch):
    put(store, PLAIN, sample_results.boston())
    folder = put(store, BOSTON, sample_results.boston())
    at = open_screen(store, monkeypatch, "evidence")
    (folder / "audit.json").write_text((store.folder / PLAIN / "audit.json").read_text())
    at.run()
    assert not at.exception
    assert f"lies in the folder of run '{BOSTON}' and is" in read_screen(at), "nothing of the old run is shown"
    time.sleep(FRESH_S)
    assert f"it holds the audit.json of another run, '{PLAIN}'" in read_screen(at.run())


def test_a_run_that_is_published_while_another_is_read_is_seen_and_changes_nothing(store, monkeypatch):
    put(store, PLAIN, sample_results.boston())
    at = open_screen(store, monkeypatch, "groups", by="sex")
    before = read_screen(at).replace("1 run in s", "2 runs in s")
    put(store, BOSTON, sample_results.hostile())
    time.sleep(FRESH_S)
    at.run()
    assert len(at.sidebar.selectbox("run").options) == 2
    assert read_screen(at) == before


def test_links_lead_out_of_no_store(store, monkeypatch, tmp_path):
    put(store, PLAIN, sample_results.boston())
    folder = put(store, HOSTILE, sample_results.boston())
    (store.folder / BOSTON).symlink_to(put(Store(tmp_path / "elsewhere"), BOSTON, sample_results.boston()))
    secret = tmp_path / "secret"
    secret.write_text("of somebody else")
    (folder / "card.html").unlink()
    (folder / "card.html").symlink_to(secret)
    at = open_screen(store, monkeypatch, "evidence", run=HOSTILE)
    assert not at.exception
    assert len(at.sidebar.selectbox("run").options) == 2
    assert [b.proto.label for b in at.get("download_button")] == ["Card as Markdown", "Record (audit.json)"]
    assert "Card is not offered: it is a link, which may lead out of the store." in read_screen(at)


def test_five_hundred_groups_are_searched_and_paged(store, monkeypatch):
    put(store, BOSTON, many_groups())
    at = open_screen(store, monkeypatch, "groups", page="20")
    assert at.number_input("page").value == 20
    assert "r499 " in read_screen(at)
    assert "r001 " not in read_screen(at)
    at.text_input("search").set_value("R1").run()
    assert not at.exception
    assert (at.number_input("page").value, at.number_input("page").max) == (1, 4)
    at.text_input("search").set_value("none has this").run()
    assert not at.exception
    assert "No group fits the search. Clear it to see all groups." in read_screen(at)


@pytest.mark.parametrize("screen", ["run", "data"])
def test_a_record_that_no_run_wrote_is_named_and_breaks_no_page(store, monkeypatch, screen):
    file = put(store, BOSTON, sample_results.boston()) / "audit.json"
    record = json.loads(file.read_text())
    for estimate in record["estimates"]:
        estimate["value"] = 1e308
    file.write_text(json.dumps(record, indent=1))
    at = open_screen(store, monkeypatch, screen)
    assert not at.exception
    assert "This run cannot be shown" in read_screen(at)
    assert f"the record of {BOSTON} was changed after the run: " in read_screen(at)


def test_nothing_of_how_an_error_came_about_is_shown():
    """What a page that breaks shows, what is sent to the makers of Streamlit, and who is answered."""
    assert dashboard.SETTINGS["client.showErrorDetails"] == "none"
    assert dashboard.SETTINGS["browser.gatherUsageStats"] == "false"
    assert dashboard.SETTINGS["server.address"] == "127.0.0.1"


def ask(port, path):
    """Ask for a path as it stands; a library would make it plain first."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: line.recv(65_536), b""))


def list_listening(port):
    """The addresses at which somebody listens on a port, as the kernel writes them."""
    lines = [f for name in ("tcp", "tcp6") for f in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return {f.split()[1].split(":")[0] for f in lines if f.split()[1].endswith(f":{port:04X}") and f.split()[3] == "0A"}


@pytest.mark.slow
def test_a_served_store_gives_no_file_away(store, tmp_path):
    put(store, BOSTON, sample_results.boston())
    with served(store, tmp_path) as (_, port):
        assert wait_for(answers, port), (tmp_path / "stderr").read_text()
        if Path("/proc/net/tcp").exists():
            assert list_listening(port) == {"0100007F"}, "127.0.0.1 alone"
        for route in ("", "static/", "media/", "app/static/", "component/x/", "_stcore/component/x/", "_stcore/media/"):
            for way in ("../" * 12, "..%2f" * 12, "%2e%2e/" * 12, "/", "..\\" * 12):
                for file in ("etc/passwd", f"{store.folder}/{BOSTON}/audit.json".lstrip("/")):
                    told = ask(port, f"/{route}{way}{file}")
                    assert b"root:" not in told
                    assert b"audit-result/" not in told


@pytest.mark.slow
def test_ten_thousand_runs(store, monkeypatch):
    result = sample_results.single_small_group()
    text, known = result.to_json(), result.run.id
    for i in range(10_000):
        run_id = f"202611{1 + i // 1000:02d}T{i // 60 % 24:02d}{i % 60:02d}12Z-{i:06x}"
        folder = store.folder / run_id
        folder.mkdir(parents=True)
        (folder / "audit.json").write_text(text.replace(known, run_id, 1))
    begun = time.perf_counter()
    at = open_screen(store, monkeypatch, "runs", page="400")
    assert time.perf_counter() - begun < 5
    assert "10,000 runs." in read_screen(at)
    assert "20261101T000012Z-000000" in read_screen(at)
    for screen in SCREENS:
        at = open_screen(store, monkeypatch, screen)
        assert not at.exception
        times = []
        for _ in range(3):
            begun = time.process_time()
            at.run()
            times.append(time.process_time() - begun)
        assert min(times) <= MOST_S, (screen, times)
