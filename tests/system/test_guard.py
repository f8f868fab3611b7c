"""Who may see the dashboard: names, sites, frames, other users, and that its server calls nobody."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import shutil
import socket
import time
from pathlib import Path

import pytest
import sample_results
from served_store import BOSTON, answers, put, served, wait_for

from audit.record.store import Store
from audit.system import guard

pytest.importorskip("streamlit", reason="the extra evenhand[dashboard] is not installed")

HERE = ("127.0.0.1", 8501)
WEBSOCKET = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "streamlit"}  # fmt: skip
SPY = """
import os, socket
log = os.environ["CALLS"]
def tell(what, to):
    host = str(to[0] if isinstance(to, tuple) else to)
    if not host.startswith(("127.", "/")) and host not in {"localhost", "::1", "", "None"}:
        with open(log, "a") as file: file.write(f"{what} {host}\\n")
class Told(socket.socket):
    def connect(self, to): tell("connect", to); return super().connect(to)
    def connect_ex(self, to): tell("connect", to); return super().connect_ex(to)
    def sendto(self, *a): tell("send", a[-1]); return super().sendto(*a)
socket.socket, info, name = Told, socket.getaddrinfo, socket.gethostbyname
def getaddrinfo(host, *a, **k): tell("look up", (host,)); return info(host, *a, **k)
def gethostbyname(host): tell("look up", (host,)); return name(host)
socket.getaddrinfo, socket.gethostbyname = getaddrinfo, gethostbyname
"""


def asked(*, headers=(), query="", path="/", kind="http", client=None, token="tulip"):
    """What a guarded server answers: the status, its headers, and whether the server behind was asked."""
    told, reached = [], []

    async def server(scope, receive, send):
        reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-frame-options", b"ALLOWALL")]})
        await send({"type": "http.response.body", "body": b"private"})

    async def send(message):
        told.append(message)

    scope = {"type": kind, "path": path, "query_string": query.encode(), "client": client, "server": HERE,
             "headers": [(k.encode(), v.encode()) for k, v in headers]}  # fmt: skip
    asyncio.run(guard.Guard(server, token)(scope, None, send))
    status = 403 if told[0]["type"] == "websocket.close" else told[0]["status"]
    return status, dict(told[0].get("headers", ())), bool(reached)


OWN = ("host", "127.0.0.1:8501")
COOKIE = ("cookie", "other=1; evenhand-8501=tulip")


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("headers", "in_"),
    [
        ([OWN], True),
        ([("host", "LocalHost:9000")], True),
        ([("host", "[::1]")], True),
        ([OWN, ("origin", "http://127.0.0.1:8501")], True),
        ([], False),
        ([OWN, OWN], False),
        ([("host", "evil.example:8501")], False),
        ([("host", "127.0.0.1.evil.example")], False),
        ([("host", "localhost.")], False),
        ([("host", "127.0.0.1:8501@evil.example")], False),
        ([("host", "0.0.0.0:8501")], False),
        ([("host", "127.0.0.1:8501\n")], False),
        ([OWN, ("origin", "http://evil.example")], False),
        ([OWN, ("origin", "null")], False),
        ([OWN, ("origin", "https://127.0.0.1:8501")], False),
        ([OWN, ("origin", "http://127.0.0.1:3000")], False),
        ([("host", "evil.example"), ("origin", "http://evil.example")], False),
    ],
)
def test_names_and_sites(headers, in_, kind):
    """With the token, so that the name alone decides."""
    status, _, reached = asked(headers=[*headers, COOKIE], kind=kind)
    assert (status, reached) == ((200, True) if in_ else (403, False))


def test_the_token_of_the_address_is_taken_out_of_it_and_kept_in_a_cookie():
    status, headers, reached = asked(headers=[OWN], query="run=a%26b&token=tulip&x=")
    assert (status, reached) == (303, False)
    assert headers[b"location"] == b"/?run=a%26b&x="
    assert headers[b"set-cookie"] == b"evenhand-8501=tulip; Path=/; HttpOnly; SameSite=Strict"
    status, headers, _ = asked(headers=[OWN], query="token=tulip", path="//evil.example/x")
    assert headers[b"location"] == b"/evil.example/x", "no other site is led to"


@pytest.mark.parametrize("query", ["", "token=", "token=tuli", "token=tulip2", "Token=tulip", "token=t%C3%BClip"])
@pytest.mark.parametrize("cookie", ["", "evenhand-8501=tuli", "evenhand-8502=tulip", "a=\x7f;;=", "evenhand-8501="])
def test_without_the_token_another_user_sees_nothing(query, cookie):
    status, headers, reached = asked(headers=[OWN, ("cookie", cookie)], query=query, client=("127.0.0.1", 1))
    assert (status, reached) == (403, False)
    assert headers[b"x-frame-options"] == b"DENY"
    assert asked(headers=[OWN, ("cookie", cookie)], query=query, kind="websocket")[0] == 403


def test_whether_it_lives_is_no_secret():
    assert asked(headers=[OWN], path=guard.HEALTH)[0] == 200
    assert asked(headers=[("host", "evil.example")], path=guard.HEALTH)[0] == 403


def test_no_answer_is_framed_by_others_whatever_the_server_says():
    _, headers, _ = asked(headers=[OWN, COOKIE])
    assert headers[b"x-frame-options"] == b"DENY"
    assert headers[b"content-security-policy"] == b"frame-ancestors 'none'"
    assert headers[b"referrer-policy"] == b"no-referrer"


def test_whom_the_system_knows_is_let_in_without_a_cookie(monkeypatch):
    """A browser would send it to every port of this machine, and so to servers of other users."""
    monkeypatch.setattr(guard, "is_own", lambda client, server: True)
    status, headers, reached = asked(headers=[OWN])
    assert (status, reached) == (200, True)
    assert b"set-cookie" not in headers


@pytest.mark.skipif(not guard.CONNECTIONS.exists(), reason="this system does not list its connections")
def test_the_owner_of_a_connection_is_told_from_others(tmp_path, monkeypatch):
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as client,
    ):
        accepted, _ = listening.accept()
        ends = (client.getsockname(), accepted.getsockname())
        assert guard.is_own(*ends)
        lines = guard.CONNECTIONS.read_text()
        accepted.close()
    assert not guard.is_own(*ends), "it is over"
    uid = str(os.getuid())
    monkeypatch.setattr(guard, "_ask_kernel", lambda client, server: None)
    for changed in (re.sub(rf"( 0{{8}}) +{uid} ", r"\1  4711 ", lines), "", lines.replace(" 01 ", " 06 ")):
        (tmp_path / "tcp").write_text(changed)
        monkeypatch.setattr(guard, "CONNECTIONS", tmp_path / "tcp")
        assert not guard.is_own(*ends)
    assert not guard.is_own(None, HERE)
    assert not guard.is_own(("::1", 1), HERE)


@pytest.mark.skipif(not guard.CONNECTIONS.exists(), reason="this system does not list its connections")
def test_the_kernel_says_whose_one_connection_is():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert guard._ask_kernel(("127.0.0.1", 1), listening.getsockname()) is None, "nobody is connected from there"
        with socket.create_connection(listening.getsockname()) as client:
            accepted, _ = listening.accept()
            ends = (client.getsockname(), accepted.getsockname())
            assert guard._ask_kernel(*ends) == os.getuid()
            accepted.close()
        assert guard._ask_kernel(*ends) is None, "it is over"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A dashboard whose server tells whom it calls: its port, its token, the calls, and its words."""
    home = tmp_path_factory.mktemp("home")
    store = Store(home / "store")
    put(store, BOSTON, sample_results.boston())
    (home / "site").mkdir()
    (home / "site" / "sitecustomize.py").write_text(SPY)
    with pytest.MonkeyPatch.context() as set_:
        set_.setenv("PYTHONPATH", str(home / "site"))
        set_.setenv("CALLS", str(home / "calls"))
        with served(store, home) as (_, port):
            assert wait_for(answers, port), (home / "stderr").read_text()
            yield port, home


def status(port, path, **headers):
    """Status of a request with just these headers."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    line.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        line.putheader(name.replace("_", "-"), value)
    line.endheaders()
    found = line.getresponse().status
    line.close()
    return found


def test_a_foreign_name_gets_nothing_of_the_running_server(running):
    port, home = running
    upgrade = {k.replace("-", "_"): v for k, v in WEBSOCKET.items()}
    own, foreign = f"127.0.0.1:{port}", f"evil.example:{port}"
    assert status(port, "/_stcore/stream", Host=own, Origin=f"http://{own}", **upgrade) == 101
    for path in ("/", "/_stcore/metrics", "/_stcore/health", "/_stcore/host-config", "/media/x", "/static/x"):
        assert status(port, path, Host=foreign) == 403
    assert status(port, "/_stcore/stream", Host=foreign, Origin=f"http://{foreign}", **upgrade) == 403
    assert status(port, "/_stcore/stream", Host=own, Origin="http://evil.example", **upgrade) == 403
    time.sleep(3)
    assert not (home / "calls").exists(), (home / "calls").read_text()


def test_the_address_that_is_printed_has_a_token_of_its_own(running):
    port, home = running
    token = re.search(rf"http://127\.0\.0\.1:{port}/\?token=([\w-]{{32}}) ", (home / "stderr").read_text())[1]
    assert status(port, f"/?token={token}", Host=f"127.0.0.1:{port}") == 303


CONTRAST = """() => {
  const lin = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const lum = c => .2126 * lin(c[0]) + .7152 * lin(c[1]) + .0722 * lin(c[2]);
  const parse = s => { const m = s.match(/[\\d.]+/g).map(Number); return [m[0], m[1], m[2], m[3] ?? 1]; };
  const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const found = [];
  for (const e of document.querySelectorAll('p, h1, h2, h3, td, th, label, span, li, button')) {
    const text = [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.textContent.trim()).join(' ').trim();
    if (!text || !e.getClientRects().length || /material|icon/i.test(e.className + e.dataset.testid)) continue;
    let ground = [255, 255, 255, 1], chain = [], opacity = 1;
    for (let n = e; n; n = n.parentElement) {
      const s = getComputedStyle(n); chain.unshift(parse(s.backgroundColor)); opacity *= +s.opacity; }
    for (const c of chain) ground = over(c, ground);
    const ink = parse(getComputedStyle(e).color); ink[3] *= opacity;
    const a = lum(over(ink, ground)), b = lum(ground);
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) found.push(ratio.toFixed(2) + ' ' + text.slice(0, 60));
  }
  return found;
}"""
EDGES = """() => [...document.querySelector('table').querySelectorAll('th, td')]
  .filter(e => e.textContent.trim()).map(e => Math.round(e.getBoundingClientRect().right))"""


def browser_of(playwright, *arguments):
    return playwright.chromium.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-dev-shm-usage", *arguments]
    )


@pytest.fixture(scope="module")
def playing():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if shutil.which("chromium") is None:
        pytest.skip("no chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        yield playwright


def test_a_browser_under_a_foreign_name_gets_no_data(running, playing):
    """As after DNS rebinding: the name leads here, and a page of it asks what it may ask."""
    port, home = running
    browser = browser_of(playing, "--host-resolver-rules=MAP evil.example 127.0.0.1")
    tab = browser.new_page()
    tab.goto(f"http://evil.example:{port}/")
    tab.wait_for_timeout(2_000)
    assert "black" not in tab.content()
    assert tab.evaluate("fetch('/_stcore/metrics').then(r => r.status)") == 403
    opened = """new Promise(told => { const line = new WebSocket(`ws://${location.host}/_stcore/stream`, ['streamlit']);
        line.onopen = () => told('open'); line.onerror = () => told('refused'); })"""
    assert tab.evaluate(opened) == "refused"
    browser.close()
    assert not (home / "calls").exists(), (home / "calls").read_text()


PAGES = {
    "20261120T050512Z-1a2b30": sample_results.boston,
    "20261121T050512Z-1a2b31": sample_results.hostile,
    "20261122T050512Z-1a2b32": sample_results.unjudged,
    "20261123T050512Z-1a2b33": sample_results.undefined_rates,
    "20261124T050512Z-1a2b34": sample_results.single_small_group,
}
UNFINISHED = "20261127T050512Z-1a2b37"


@pytest.mark.parametrize(
    "shown",
    [[*list(PAGES)[:2], UNFINISHED], pytest.param(list(PAGES)[2:], marks=pytest.mark.slow)],
    ids=["the usual", "the odd"],
)
def test_every_text_can_be_read_and_a_phone_shows_what_was_found(tmp_path, playing, shown):
    store = Store(tmp_path / "store")
    for run_id, made in PAGES.items():
        put(store, run_id, made())
    store.begin(UNFINISHED)
    with served(store, tmp_path) as (_, port):
        assert wait_for(answers, port), (tmp_path / "stderr").read_text()
        browser = browser_of(playing)
        tabs = {run_id: browser.new_page(viewport={"width": 1280, "height": 1500}) for run_id in shown}
        for run_id, tab in tabs.items():  # they load side by side
            tab.goto(f"http://127.0.0.1:{port}/?run={run_id}")
        for run_id, tab in tabs.items():
            tab.wait_for_selector("h1", timeout=60_000)
            for _ in range(10):  # what is drawn anew fades for a moment
                tab.wait_for_timeout(1_500)
                if not (low := tab.evaluate(CONTRAST)):
                    break
            assert low == [], run_id
            tab.close()
        tab = browser.new_page(viewport={"width": 390, "height": 844})
        tab.goto(f"http://127.0.0.1:{port}/groups?run={shown[0]}")
        tab.wait_for_selector("table", timeout=60_000)
        tab.wait_for_timeout(2_000)
        assert max(tab.evaluate(EDGES)) <= 391
        browser.close()


NAMES = ("http://evil.example/a", "www.evil.example", "WWW.evil.example", "a@evil.example", "<https://evil.example>",
         "mailto:a@evil.example", "xmpp:a@evil.example", "[x](//evil.example)", "ftp://evil.example")  # fmt: skip


def test_no_name_becomes_a_link(tmp_path, playing):
    """In a real browser, whose Markdown makes links of what looks like an address, escaped or not."""
    store = Store(tmp_path / "store")
    result = sample_results.result_of(("g",), {(name,): (30, 12, 15, 33) for name in NAMES})
    put(store, BOSTON, result)
    with served(store, tmp_path) as (_, port):
        assert wait_for(answers, port), (tmp_path / "stderr").read_text()
        browser = browser_of(playing)
        tab = browser.new_page(viewport={"width": 1280, "height": 1500})
        tab.goto(f"http://127.0.0.1:{port}/groups")
        tab.wait_for_selector("table", timeout=60_000)
        tab.wait_for_timeout(2_000)
        shown = tab.evaluate("document.body.innerText").replace("\u2060", "")
        assert tab.evaluate("[...document.querySelectorAll('a')].map(a => a.href).filter(h => /evil/.test(h))") == []
        browser.close()
    for name in NAMES:
        assert name in shown, name


def test_the_guard_is_what_is_shipped():
    from audit.system.environment import find_asset

    text = Path(find_asset("dashboards/serve.py")).read_text()
    assert "Middleware(Guard" in text
    assert json.dumps(sorted(name.decode() for name, _ in guard.HEADERS)).count("frame") == 1
