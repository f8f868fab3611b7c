"""A review in a real browser: what is seen has an address, is readable by everybody, and is fast."""

from __future__ import annotations

import concurrent.futures
import shutil
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
import sample_results
from schemas import find_schema

import audit
from audit.record.store import Store

pytest.importorskip("streamlit", reason="the extra evenhand[dashboard] is not installed")
from screens import SCREENS
from served_store import BOSTON, HOSTILE, PLAIN, answers, free_port, put, served, wait_for

pytestmark = pytest.mark.slow
PAIRED, SCORED = "20261124T070512Z-1a2b35", "20261124T080512Z-1a2b36"
EMPTY = "import streamlit as st\nst.set_page_config(layout='wide')\nst.title('Nothing')\n"
PATIENCE_MS = 30_000
CHOICES = (
    "run",
    "groups?by=sex&metric=false_positive_rate",
    "groups?order=lowest&search=bl&reference=white",
    "runs?sort=oldest",
)


def make_store(folder):
    store = Store(folder)
    put(store, PLAIN, sample_results.unjudged())
    put(store, HOSTILE, sample_results.hostile())
    put(store, BOSTON, sample_results.boston())
    rng = np.random.default_rng(1)
    y, race = rng.integers(0, 2, 900), rng.choice(["a", "b"], 900)
    changed = np.where(np.arange(900) < 60, 1 - y, y)
    put(store, PAIRED, audit.pairs(changed, y, y, groups={"race": race}))
    scores = np.clip(rng.normal(0.4 + 0.2 * y, 0.2), 0, 1).round(2)
    put(
        store, SCORED, audit.measure(y, score=scores, groups={"race": race}, gates=["selection_rate difference <= 0.1"])
    )
    store.begin("20261125T020512Z-1a2b99")
    store.commit("20261123T020512Z-1a2b98", {"audit.json": "{"})
    return store


@pytest.fixture(scope="module")
def dashboard_of_all_kinds(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with served(make_store(tmp_path_factory.mktemp("store")), home) as (_, port):
        assert wait_for(answers, port), (home / "stderr").read_text()
        yield port


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield made
        made.close()


def name_address(screen, run):
    """The address of a page; the verdict is the page of no name."""
    return f"{screen if screen != 'run' else ''}?run={run}"


def open_tab(browser, port, path, *, width=1280, scheme="light"):
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab.set_default_timeout(PATIENCE_MS)
    tab.goto(f"http://127.0.0.1:{port}/{path}")
    tab.wait_for_selector(".stMain h1")
    settle(tab)
    return tab


def settle(tab):
    """Wait until the server has said all that it has to say."""
    tab.wait_for_timeout(300)
    tab.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", state="attached")
    tab.wait_for_timeout(300)


@pytest.mark.parametrize("path", [*(name_address(screen, BOSTON) for screen in SCREENS), *CHOICES])
def test_an_address_opened_by_somebody_else_shows_the_same(dashboard_of_all_kinds, browser, path):
    first = open_tab(browser, dashboard_of_all_kinds, path)
    asked = parse_qsl(urlsplit(first.url).query)
    assert len({name for name, _ in asked}) == len(asked), "no parameter stands twice"
    assert {"run", "by", "metric"} <= {name for name, _ in asked}
    other = open_tab(browser, dashboard_of_all_kinds, first.url.rpartition("/")[2])
    assert other.inner_text(".stMain") == first.inner_text(".stMain")
    assert sorted(parse_qsl(urlsplit(other.url).query)) == sorted(asked)
    first.close()
    other.close()


def test_a_change_of_page_keeps_what_was_chosen(dashboard_of_all_kinds, browser):
    tab = open_tab(browser, dashboard_of_all_kinds, f"?run={BOSTON}&by=sex&metric=false_positive_rate")
    for title in ("Groups", "Data", "Compare", "Energy", "Evidence", "Runs", "Threshold", "Run"):
        tab.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True).click()
        tab.wait_for_url(f"**/{title.lower() if title != 'Run' else ''}?*")
        settle(tab)
        asked = parse_qsl(urlsplit(tab.url).query)
        assert dict(asked) | {"run": BOSTON, "by": "sex", "metric": "false_positive_rate"} == dict(asked)
        assert len({name for name, _ in asked}) == len(asked)
    tab.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_it_is_readable_by_everybody(dashboard_of_all_kinds, browser, screen, scheme):
    axe = Path(find_schema("axe.min.js")).read_text(encoding="utf-8")
    for run in (BOSTON, SCORED, PAIRED):
        tab = open_tab(browser, dashboard_of_all_kinds, name_address(screen, run), scheme=scheme)
        tab.evaluate(axe)
        found = tab.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []
        bare = (
            "[...document.querySelectorAll('.evenhand svg')].filter(s => !s.closest('[aria-hidden=true], [role=img]'))"
        )
        assert tab.evaluate(f"{bare}.length") == 0, "a drawing is hidden beside its text, or has a text of its own"
        tab.close()


@pytest.mark.parametrize("run", [BOSTON, HOSTILE, SCORED])
@pytest.mark.parametrize("screen", SCREENS)
def test_a_telephone_scrolls_down_only(dashboard_of_all_kinds, browser, screen, run):
    tab = open_tab(browser, dashboard_of_all_kinds, name_address(screen, run), width=390)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert tab.evaluate("document.querySelector('.stMain').scrollWidth") <= 390
    tab.close()


def test_a_link_of_the_table_of_runs_leads_to_the_run_in_the_same_tab(dashboard_of_all_kinds, browser):
    tab = open_tab(browser, dashboard_of_all_kinds, "runs")
    tab.locator(f"a[href*='{BOSTON}']").first.click()
    tab.wait_for_selector("text=credit-risk@example.org")
    assert f"/?run={BOSTON}" in tab.url
    assert tab.get_by_role("dialog").count() == 0, "no page was missing"
    assert len(tab.context.pages) == 1
    tab.close()


# Speed, beside an empty page of the same library on the same machine.
@pytest.fixture(scope="module")
def large_store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("large"))
    text = replace(sample_results.boston()).to_json()
    known = sample_results.boston().run.id
    for i in range(1000):
        run_id = f"202611{1 + i // 100:02d}T{i // 60 % 24:02d}{i % 60:02d}12Z-{i:06x}"
        store.commit(run_id, {"audit.json": text.replace(known, run_id, 1), "card.html": "<!doctype html><p>card"})
    return store


def time_until(tab, address, selector):
    begun = time.perf_counter()
    tab.goto(address)
    tab.wait_for_selector(selector)
    return time.perf_counter() - begun


def test_the_verdict_is_there_within_twice_an_empty_page(large_store, browser, tmp_path):
    empty, port = tmp_path / "empty.py", free_port()
    empty.write_text(EMPTY)
    command = [sys.executable, "-m", "streamlit", "run", str(empty), f"--server.port={port}", "--server.headless=true"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as other:
        try:
            with served(large_store, tmp_path) as (_, own):
                assert wait_for(answers, port)
                assert wait_for(answers, own)
                times = {"empty": [], "verdict": [], "chart": []}
                for _ in range(4):
                    for what, at, selector in (
                        ("empty", port, ".stMain h1"),
                        ("verdict", own, ".stMain .verdict .word"),
                        ("chart", own, ".stMain .verdict svg.plot"),
                    ):
                        tab = browser.new_page()
                        times[what].append(time_until(tab, f"http://127.0.0.1:{at}/", selector))
                        tab.close()
        finally:
            other.terminate()
    median = {what: float(np.median(found[1:])) for what, found in times.items()}
    assert median["verdict"] <= 2 * median["empty"], median
    assert median["chart"] <= 3 * median["empty"], median


def read_run(port, run_id):
    """Open a session as a browser does, without drawing: the time until the verdict of one run has come."""
    from websockets.sync.client import connect

    begun = time.perf_counter()
    urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60).read()
    with connect(f"ws://127.0.0.1:{port}/_stcore/stream", max_size=None, open_timeout=60) as stream:
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        asked = BackMsg()
        asked.rerun_script.query_string = f"run={run_id}"
        stream.send(asked.SerializeToString())
        told = b""
        while True:
            message = ForwardMsg.FromString(stream.recv(timeout=60))
            told += message.SerializeToString()
            if message.WhichOneof("type") == "script_finished":
                return time.perf_counter() - begun, told


@pytest.mark.parametrize(("sessions", "limit_s"), [(20, 2.0), (50, 4.0)])
def test_many_sessions_at_once_are_answered_and_none_is_mixed_up(large_store, tmp_path, sessions, limit_s):
    pytest.importorskip("websockets", reason="websockets is not installed")
    ids = [folder.name for folder in large_store.folders()]
    with served(large_store, tmp_path) as (_, port):
        assert wait_for(answers, port)
        read_run(port, ids[0])
        with concurrent.futures.ThreadPoolExecutor(sessions) as pool:
            found = list(pool.map(lambda i: read_run(port, ids[i % 30]), range(sessions)))
    for i, (_, told) in enumerate(found):
        assert f"Run {ids[i % 30]}".encode() in told
        assert not [other for other in ids[:30] if other != ids[i % 30] and f"Run {other}".encode() in told]
    assert float(np.quantile([taken for taken, _ in found], 0.95)) <= limit_s
