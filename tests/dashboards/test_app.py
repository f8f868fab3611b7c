"""The dashboard: the page over real stores, the server that shows it, and both together in a real browser."""

from __future__ import annotations

import ast
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import sample_results

import audit
from audit.cli import dashboard
from audit.config.read import build
from audit.errors import QuestionError
from audit.pipeline.run import Job, run
from audit.record.store import Store

pytest.importorskip("streamlit", reason="the extra evenhand[dashboard] is not installed")
from served_store import BOSTON, HOSTILE, PLAIN, WIDEST_S, answers, put, served, wait_for
from streamlit.testing.v1 import AppTest  # noqa: E402

APP = Path(__file__).resolve().parents[2] / "dashboards" / "app.py"


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    put(store, PLAIN, sample_results.unjudged())
    put(store, HOSTILE, sample_results.hostile())
    put(store, BOSTON, sample_results.boston())
    return store


def page(store, monkeypatch, run=None):
    monkeypatch.setenv(dashboard.STORE_VARIABLE, str(store.folder))
    at = AppTest.from_file(str(APP), default_timeout=WIDEST_S)
    if run is not None:
        at.query_params["run"] = run
    return at.run()


def written(at):
    """All text of the page, escapes of Markdown taken away."""
    blocks = [
        b for kind in ("title", "markdown", "caption", "error", "warning", "success", "info") for b in at.get(kind)
    ]
    tables = [str(cell) for t in at.table for cell in [*t.value.columns, *t.value.to_numpy().ravel()]]
    return (
        re.sub(r"\\([^A-Za-z0-9])", r"\1", "\n".join([*(b.value for b in blocks), *tables]))
        .replace("\xa0", " ")
        .replace("\u2060", "")
    )


def test_it_opens_on_the_verdict_of_the_newest_run(filled, monkeypatch):
    at = page(filled, monkeypatch)
    assert not at.exception
    assert at.title[0].value.endswith("Fail")
    assert "51.3% (n 197) v. 79.7% (n 1,681), ratio 0.64 (95% interval 0.56 to 0.75)" in written(at)
    assert at.error[0].value.startswith("**By race, black has a lower selection rate than white"), (
        "the sentence stands in the box of a failure"
    )
    assert at.query_params["run"] == BOSTON


def test_limits_say_what_was_found_in_their_own_unit(filled, monkeypatch):
    (table,) = (t.value for t in page(filled, monkeypatch).table if "Limit on" in t.value.columns)
    rows = [re.sub(r"\\(.)", r"\1", " | ".join(row)) for row in table.to_numpy()]
    race = next(row for row in rows if "model.selection_rate.ratio.race" in row)
    assert "0.644 [0.556, 0.751] | at least 0.8" in race
    equal = next(row for row in rows if "equal_opportunity_difference" in row)
    assert re.search(r"\d+\.\d points \[\d+\.\d, \d+\.\d\] \| at most 20 points", equal)
    needed = [text for text in table["Rows needed"] if text]
    assert needed
    assert all(re.fullmatch(r"about \d+(\\\.\d+)? times as many", text) for text in needed)


def test_runs_of_one_model_are_told_apart_by_what_decided_them(filled, monkeypatch):
    at = page(filled, monkeypatch)
    captions = [re.sub(r"\\(.)", r"\1", text) for text in at.sidebar.radio[0].proto.captions]
    assert captions[0] == "boston-mortgages 1.0  \nrace 0.64, 2026-11-24 09:12 UTC"
    assert at.sidebar.caption[-1].value.endswith("Visible on this machine only.")
    assert at.sidebar.caption[-1].value.startswith("3 runs in ")


def test_every_gate_check_rate_and_joule_is_there(filled, monkeypatch):
    at = page(filled, monkeypatch)
    text, result = written(at), sample_results.boston()
    for gate in result.gates:
        assert gate.name in text
    for check in result.checks:
        assert check.title in text
    for estimate in (*result.find("selection_rate", by=["race"]), *result.find("base_rate", by=["race"], stage="data")):
        value, low, high = (f"{100 * number:.1f}" for number in (estimate.value, estimate.low, estimate.high))
        assert f"{value}% [{low}, {high}] (n {estimate.denominator:,.0f})" in text
    assert "(89.6% measured by energy counters, the rest estimated)" in text
    assert "not measured (the driver offers no counter)" in text
    assert "1,993 rows read, 1,989 used, 4 excluded" in text
    assert "undefined (no row of the data is asian)" in text


def charts(at):
    return [json.loads(c.proto.spec) for c in at.get("vega_lite_chart")]


def test_the_drawing_has_intervals_and_the_line_of_the_gate(filled, monkeypatch):
    model, data, _ = charts(page(filled, monkeypatch))
    marks = [layer["mark"]["type"] for layer in model["layer"]]
    assert marks.count("point") == 1
    assert marks.count("rule") == 3, "one for the intervals, one for each of the two limits"
    assert marks.count("text") == 2, "a limit has its name"
    assert [layer["mark"]["type"] for layer in data["layer"]] == ["rule", "point"]
    (whisker,) = [layer for layer in data["layer"] if layer["mark"]["type"] == "rule"]
    assert (whisker["encoding"]["x"]["field"], whisker["encoding"]["x2"]["field"]) == ("low", "high")


def test_another_grouping_and_rate_can_be_chosen(filled, monkeypatch):
    at = page(filled, monkeypatch)
    at.selectbox("model-by").set_value(("sex",)).run()
    assert not at.exception
    assert "Rates by sex (95% interval; n = denominator)" in written(at)
    assert "sex missing" in written(at)
    at.selectbox("model-rate").set_value("false_positive_rate").run()
    assert not at.exception


def test_a_link_leads_to_its_run_and_choosing_changes_the_link(filled, monkeypatch):
    at = page(filled, monkeypatch, PLAIN)
    assert at.title[0].value.endswith("Not judged")
    assert at.sidebar.radio[0].value == PLAIN
    at.sidebar.radio[0].set_value(BOSTON).run()
    assert at.query_params["run"] == BOSTON
    assert at.title[0].value.endswith("Fail")


def test_a_link_to_no_run_says_so(filled, monkeypatch):
    at = page(filled, monkeypatch, "<b>nowhere</b>")
    assert "There is no run <b>nowhere</b> in this store" in written(at)
    assert at.title[0].value.endswith("Fail")


def test_no_comment_of_the_code_is_on_the_page_and_no_token_in_its_address(filled, monkeypatch):
    monkeypatch.setenv(dashboard.STORE_VARIABLE, str(filled.folder))
    at = AppTest.from_file(str(APP), default_timeout=WIDEST_S)
    at.query_params["token"] = ""
    at.run()
    assert "token" not in at.query_params
    first = next(block for block in at.main.children.values() if block.type != "html")
    assert first.value == at.main.caption[0].value, "nothing stands above the name of the run"
    stray = [node for node in ast.parse(APP.read_text()).body[1:] if isinstance(node, ast.Expr)]
    assert [ast.unparse(node) for node in stray] == ["main()"], "Streamlit writes what stands by itself onto the page"
    assert dashboard.SETTINGS["runner.magicEnabled"] == "false"


def test_two_runs_of_one_verdict_and_model_are_two_options(filled, monkeypatch):
    options = page(filled, monkeypatch).sidebar.radio[0].options
    assert len(set(options)) == len(options) == 3


MARKDOWN = re.compile(r"(?<!\\)[\[\]<>`*_$|]")


def test_hostile_names_are_text(filled, monkeypatch):
    at = page(filled, monkeypatch, HOSTILE)
    assert not at.exception
    text = written(at)
    assert "<script>alert(1)</script>" in text
    assert "\u202e" not in text
    assert "[link](javascript:alert(1))" in text, "shown, not linked"
    cells = [str(cell) for t in at.table for cell in t.value.to_numpy().ravel()]
    for cell in cells:
        assert not MARKDOWN.search(re.sub(r"^:\w+\[.*?\](?= )", "", cell)), cell
    for option in (*at.sidebar.radio[0].options, at.error[0].value):
        assert not re.search(r"(?<!\\)<", option), option


def test_an_incomplete_run_is_shown_as_incomplete(tmp_path, monkeypatch):
    store = Store(tmp_path / "s")
    put(store, PLAIN, sample_results.boston())
    store.begin(BOSTON)
    at = page(store, monkeypatch)
    assert not at.exception
    assert at.title[0].value.endswith("Incomplete")
    assert "it has no result: it was stopped or is still running" in written(at)
    at.sidebar.radio[0].set_value(PLAIN).run()
    assert at.title[0].value.endswith("Fail")


@pytest.mark.parametrize("text", ["", "{", '{"schema": "audit-result/2"}'])
def test_a_damaged_run_is_shown_as_damaged(tmp_path, monkeypatch, text):
    store = Store(tmp_path / "s")
    store.commit(BOSTON, {"audit.json": text})
    at = page(store, monkeypatch)
    assert not at.exception
    assert at.title[0].value.endswith("Damaged")
    assert len(at.error[0].value) > 30


def test_damage_below_the_headline_is_said_by_its_place(tmp_path, monkeypatch):
    store = Store(tmp_path / "s")
    file = put(store, BOSTON, sample_results.boston()) / "audit.json"
    file.write_text(file.read_text().replace('"rows_read": 1993', '"rows_read": "1993"'))
    at = page(store, monkeypatch)
    assert not at.exception
    assert at.title[0].value == "This run cannot be read"
    assert "data.0.rows_read" in written(at)


@pytest.mark.parametrize("made", [True, False])
def test_an_empty_store_says_what_to_do_next(tmp_path, monkeypatch, made):
    store = Store(tmp_path / "s")
    if made:
        store.folder.mkdir()
    at = page(store, monkeypatch)
    assert not at.exception
    assert at.title[0].value == "No runs yet"
    assert f"There are no runs in {store.folder}. Create one with `audit run DIR`, or try `audit demo`" in written(at)


def test_a_store_that_is_a_file(tmp_path, monkeypatch):
    (tmp_path / "s").write_text("")
    at = page(Store(tmp_path / "s"), monkeypatch)
    assert not at.exception
    assert at.title[0].value == "The store cannot be read"


def without_energy():
    return replace(sample_results.boston(), energy=None, checks=(), gates=(), verdict="not judged")


def failed_training():
    found = sample_results.boston()
    return replace(found, verdict="incomplete", estimates=(), cubes=(), run=replace(found.run, exit_codes={"train": 3}))


def nothing_metered():
    found = sample_results.boston()
    parts = tuple(replace(c, energy_j=None, method="none") for c in found.energy.components)
    return replace(
        found, energy=replace(found.energy, components=parts, energy_kwh=None, carbon_g=None, measured_share=None)
    )


def many_groups():
    return sample_results.result_of(("region",), {(f"r{i:03d}",): (30, 12, 15, 33) for i in range(150)})


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (without_energy, "Energy was not metered"),
        (failed_training, "Training ended with exit code 3, so nothing was judged. The record so far is kept."),
        (without_energy, "No checks were run."),
        (sample_results.single_small_group, "The training data were not audited in this run."),
        (sample_results.single_small_group, "Hollow dot: too few rows to judge alone."),
        (sample_results.single_small_group, "All counts are shown here; the card withholds small ones."),
        (nothing_metered, "Energy: not measured."),
        (many_groups, "40 of 150 groups are drawn."),
        (sample_results.undefined_rates, "undefined (no rows with label 0)"),
        (sample_results.single_small_group, "◌ = too few rows to judge alone."),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_what_is_not_known_is_said(tmp_path, monkeypatch, result, said):
    store = Store(tmp_path / "s")
    put(store, BOSTON, result())
    at = page(store, monkeypatch)
    assert not at.exception
    assert said in written(at)


def test_a_busy_port_is_an_error_that_names_it(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(QuestionError, match=rf"port {port} on 127\.0\.0\.1 is taken; give another --port"):
            dashboard.serve(tmp_path, port=port, open_browser=False)


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_a_port_that_does_not_exist(tmp_path, port):
    with pytest.raises(QuestionError, match="is not valid; give --port a number from 1024 to 65535"):
        dashboard.serve(tmp_path, port=port, open_browser=False)


def test_without_the_extra_it_says_what_to_install(tmp_path):
    code = (
        "import sys, importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'streamlit' else find(name, *a)\n"
        "from audit.cli import main\n"
        f"main(['dashboard', '--store', {str(tmp_path)!r}])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "needs streamlit; pip install 'evenhand[dashboard]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_when_the_command_ends_no_server_is_left(filled, tmp_path, number):
    with served(filled, tmp_path) as (server, port):
        assert wait_for(answers, port), (tmp_path / "stderr").read_text()
        server.send_signal(number)
        assert server.wait(30) == (143 if number == signal.SIGTERM else 0)
        assert wait_for(lambda p: not answers(p), port, 10)
    assert "on this machine only" in (tmp_path / "stderr").read_text()


def test_in_a_browser(filled, tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    errors, hosts = [], set()
    with served(filled, tmp_path) as (_, port), sync_api.sync_playwright() as playwright:
        assert wait_for(answers, port), (tmp_path / "stderr").read_text()
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        tab = browser.new_page(viewport={"width": 1280, "height": 1500})
        tab.on("pageerror", lambda e: errors.append(str(e)))
        tab.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        tab.on("dialog", lambda d: (errors.append(f"dialog {d.message}"), d.dismiss()))
        tab.on(
            "request",
            lambda r: (
                hosts.add(re.sub(r"^\w+:(//)?([^/]*).*", r"\2", r.url)) if r.url.startswith(("http", "ws")) else None
            ),
        )
        tab.goto(f"http://127.0.0.1:{port}/")
        expect = sync_api.expect
        expect(tab.get_by_text("By race, black has a lower selection rate than white: 51.3% (n 197)")).to_be_visible(
            timeout=90_000
        )
        expect(tab.get_by_role("heading", level=1)).to_contain_text("Fail")
        expect(tab.get_by_test_id("stVegaLiteChart").first).to_be_visible(timeout=30_000)
        expect(tab.get_by_role("radio", checked=True)).to_have_count(1)
        assert f"run={BOSTON}" in tab.url
        tab.screenshot(path=str(tmp_path / "verdict.png"), full_page=True)
        tab.get_by_role("tab", name="Energy").click()
        expect(tab.get_by_text("(89.6% measured by energy counters, the rest estimated)").first).to_be_visible()
        tab.screenshot(path=str(tmp_path / "energy.png"), full_page=True)
        tab.goto(f"http://127.0.0.1:{port}/?run={HOSTILE}")
        expect(tab.get_by_text("a difference of 17.5 points (95% interval 1.4 to 29.9 points)").first).to_be_visible(
            timeout=30_000
        )
        # What the page itself brings has a source; a script that came out of a name would carry its own text.
        assert tab.evaluate("[...document.scripts].filter(s => s.text.includes('alert(')).length") == 0
        assert tab.evaluate("document.querySelectorAll('main img[src=x], a[href^=javascript]').length") == 0
        expect(tab.get_by_role("radio", checked=True)).to_have_count(1)
        tab.set_viewport_size({"width": 390, "height": 844})
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        browser.close()
    assert errors == []
    assert hosts == {f"127.0.0.1:{port}"}
    assert (tmp_path / "verdict.png").stat().st_size > 20_000


def test_changed_decisions_are_drawn_and_told(tmp_path, monkeypatch):
    y = np.resize([0, 1], 600)
    new = np.where(np.arange(600) < 40, 1 - y, y)
    store = Store(tmp_path)
    put(store, BOSTON, audit.pairs(new, y, y, groups={"race": np.repeat(["black", "white"], [200, 400])}))
    at = page(store, monkeypatch)
    assert not at.exception
    assert "By race, black lost accuracy: 40 of 200 decisions changed (40 newly wrong, 0 newly right)" in written(at)
    assert "Changed decisions by race" in written(at)
    bars = json.loads(at.get("vega_lite_chart")[-1].proto.spec)
    assert bars["encoding"]["x"]["axis"]["labelExpr"].startswith('{"-48.5": "20%", "-24.25": "10%", "0": "0%"')


def test_compressed_models_are_shown_as_the_report_shows_them(tmp_path, monkeypatch):
    y = np.resize([0, 1], 6000)
    rows = {"race": np.repeat(["black", "white"], 3000), "y": y, "full": y}
    for name, changes in {"int8": 4, "pruned": 900, "seed1": 40, "seed2": 50}.items():
        rows[name] = np.where(np.arange(6000) < changes, 1 - y, y)
    pa.parquet.write_table(pa.table(rows), tmp_path / "p.parquet")
    asked = {
        "data": {"label": "y", "groups": ["race"]},
        "predictions": {"source": "p.parquet", "prediction": "int8", "against": "full"},
        "edge": {"candidates": ["int8", "pruned"], "seeds": ["seed1", "seed2"], "ship": "smallest"},
    }
    store = Store(tmp_path / "store")
    run(Job(config=build(asked, "a test"), folder=tmp_path, store=store, metered=False))
    at = page(store, monkeypatch)
    assert not at.exception
    shown = written(at)
    assert "**Compressed models.** Smallest model that passes: int8." in shown
    assert "Candidates against the full model full" in shown
    assert "900 of 6,000 changed (15.0%), net loss 900" in shown
    assert "What each model costs" not in shown
    assert "Not measured: no model file is named, so that only its answers are known." in shown
