"""The dashboard opens on a verdict, says what is wrong with a store, and draws in a real browser without an error."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace

import pytest
import sample_results

from audit.assets import asset
from audit.dashboard import serve
from audit.errors import QuestionError
from audit.evidence.store import Store

pytest.importorskip("streamlit")
import pathlib

from streamlit.testing.v1 import AppTest  # noqa: E402


def publish(folder, result):
    store = Store(folder)
    run_id = store.new_run_id()
    store.begin(run_id)
    named = replace(result, run=replace(result.run, id=run_id))
    return store.commit(run_id, {"audit.json": named.to_json(), "card.html": "", "card.md": ""})


@pytest.fixture
def app(tmp_path, monkeypatch):
    monkeypatch.setenv("EVENHAND_STORE", str(tmp_path / "runs"))
    return lambda: AppTest.from_file(str(asset("dashboards/app.py")), default_timeout=60)


def words(at):
    return "\n".join(e.value for e in (*at.title, *at.markdown, *at.caption, *at.warning, *at.info)).replace("\\", "")


def test_it_opens_on_the_newest_verdict(app, tmp_path):
    publish(tmp_path / "runs", sample_results.boston())
    at = app().run()
    assert not at.exception
    assert "Fail" in at.title[0].value
    assert "black 0.513 (n 197) against white 0.797 (n 1,681)" in words(at)
    assert len(at.dataframe[0].value) == len(sample_results.boston().gates)


def test_every_rate_and_grouping_can_be_drawn(app, tmp_path):
    publish(tmp_path / "runs", sample_results.boston())
    at = app().run()
    for metric in at.selectbox(key="model-rate").options:
        at.selectbox(key="model-rate").set_value(metric.replace(" ", "_")).run()
        assert not at.exception, metric
    for grouping in (("race",), ("sex",), ("race", "sex")):
        at.selectbox(key="model-by").set_value(grouping).run()
        assert not at.exception, grouping


def test_a_link_leads_to_its_run_and_an_unknown_one_says_so(app, tmp_path):
    older = publish(tmp_path / "runs", sample_results.unjudged())
    publish(tmp_path / "runs", sample_results.boston())
    at = app()
    at.query_params["run"] = older.name
    assert "Not judged" in at.run().title[0].value
    lost = app()
    lost.query_params["run"] = "../../etc/passwd"
    assert "There is no run" in words(lost.run())


def test_an_empty_store_says_what_to_do(app):
    at = app().run()
    assert at.title[0].value == "No runs yet"
    assert "audit run" in words(at)


def test_damaged_and_incomplete_runs_are_named(app, tmp_path):
    (publish(tmp_path / "runs", sample_results.boston()) / "audit.json").write_text('{"verdict": ')
    at = app().run()
    assert "Damaged" in at.title[0].value
    store = Store(tmp_path / "runs")
    run_id = store.new_run_id()
    store.begin(run_id)
    begun = app()
    begun.query_params["run"] = run_id
    assert "Incomplete" in begun.run().title[0].value


@pytest.mark.parametrize(
    "make", [sample_results.unjudged, sample_results.undefined_rates, sample_results.hostile], ids=lambda f: f.__name__
)
def test_every_kind_of_result_is_drawn(app, tmp_path, make):
    publish(tmp_path / "runs", make())
    at = app().run()
    assert not at.exception
    assert "<script" not in "\n".join(e.value for e in at.markdown if e.allow_html)


def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(QuestionError, match="is taken; name another with --port"):
            serve(tmp_path, port=taken.getsockname()[1], open_browser=False)


@pytest.fixture
def server(tmp_path):
    """The dashboard as the command starts it, over one run."""
    publish(tmp_path / "runs", sample_results.boston())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "audit",
        "dashboard",
        "--store",
        str(tmp_path / "runs"),
        "--port",
        str(port),
        "--no-browser",
    ]
    environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()} | {"HOME": str(tmp_path)}
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 60
    while True:
        try:
            if opener.open(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).read() == b"ok":
                break
        except OSError:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.2)
    yield port
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(timeout=30)


def listening(port):
    """Addresses that a port is bound to, from the kernel's own tables."""
    wanted = f":{port:04X}"
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with pathlib.Path(table).open() as file:
            rows = [line.split() for line in file.readlines()[1:]]
        found |= {row[1].split(":")[0] for row in rows if row[1].endswith(wanted) and row[3] == "0A"}
    return found


def test_a_real_browser_shows_the_verdict_without_an_error(server, tmp_path):
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("EVENHAND_NEED_BROWSER"):
            pytest.fail("chromium is not installed, and this run needs it")
        pytest.skip("chromium is not installed")
    from playwright.sync_api import expect, sync_playwright

    assert listening(server) == {"0100007F"}, "only 127.0.0.1 may be listened on"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        page = browser.new_page(viewport={"width": 1280, "height": 1500})
        errors, hosts = [], set()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        page.goto(f"http://127.0.0.1:{server}")
        expect(page.get_by_role("heading", name="Fail")).to_be_visible(timeout=60_000)
        expect(page.get_by_text("against white 0.797")).to_be_visible()
        expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()
        page.screenshot(path=os.environ.get("EVENHAND_SCREENSHOT", tmp_path / "dashboard.png"))
        browser.close()
    assert not errors
    assert hosts == {f"127.0.0.1:{server}"}
