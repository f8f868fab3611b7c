"""The dashboard: its pages over real stores, the server that shows them, and both together in a real browser."""

from __future__ import annotations

import ast
import re
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace

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
from audit.record.energy_text import format_energy
from audit.record.store import Store

pytest.importorskip("streamlit", reason="the extra evenhand[dashboard] is not installed")
from screens import APP, SCREENS, list_html, open_screen, read_screen
from served_store import BOSTON, HOSTILE, PLAIN, answers, put, served, wait_for


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    put(store, PLAIN, sample_results.unjudged())
    put(store, HOSTILE, sample_results.hostile())
    put(store, BOSTON, sample_results.boston())
    return store


def test_it_opens_on_the_verdict_of_the_newest_run(filled, monkeypatch):
    at = open_screen(filled, monkeypatch)
    assert not at.exception
    shown = read_screen(at)
    assert shown.index(" Fail ") < shown.index("By race, black has a lower selection rate than white: 51.3% (n 197)")
    assert "51.3% (n 197) v. 79.7% (n 1,681), ratio 0.64 (95% interval 0.56 to 0.75)" in shown
    assert at.query_params["run"] == BOSTON
    assert at.query_params["by"] == "race", "it opens on the attribute that fails"


def test_limits_say_what_was_found_in_their_own_unit(filled, monkeypatch):
    shown = read_screen(open_screen(filled, monkeypatch))
    assert "Selection rate by race limit at least 0.8 In words" in shown
    assert "0.644 [0.556, 0.751]" in shown
    assert "limit at most 20 points" in shown
    assert re.search(r"; about [\d.]+ times as many rows would decide", shown)
    assert re.search(r"\d+\.\d points \[\d+\.\d, \d+\.\d\]", shown)
    for gate in sample_results.boston().gates:
        assert gate.name in shown


def test_runs_are_told_apart_by_model_verdict_and_time(filled, monkeypatch):
    at = open_screen(filled, monkeypatch)
    options = at.sidebar.selectbox("run").options
    assert options[0] == "boston-mortgages 1.0 · Fail · 2026-11-24 09:12 UTC · 1a2b34"
    assert len(set(options)) == len(options) == 3
    assert at.sidebar.markdown[-1].value.endswith("visible on this machine only.")


def test_the_table_of_runs_says_in_words_what_decided_and_what_was_drawn(filled, monkeypatch):
    at = open_screen(filled, monkeypatch, "runs", run=BOSTON)
    assert not at.exception
    shown, result = read_screen(at), sample_results.boston()
    (gate,) = [g for g in result.gates if g.verdict == "fail"][:1]
    assert f"Selection rate by race, {gate.estimate.compare}: " in shown
    assert format_energy(result.energy.energy_kwh) in shown
    limits = at.selectbox("limit")
    assert len(set(limits.options)) == len(limits.options) == len(result.gates)
    assert limits.value in {g.name for g in result.gates}
    assert f"{limits.options[0]} in each run of boston-mortgages" in shown


@pytest.mark.parametrize("screen", SCREENS)
def test_every_page_keeps_the_choices_and_says_them_in_its_address(filled, monkeypatch, screen):
    at = open_screen(filled, monkeypatch, screen, run=BOSTON, by="sex", metric="false_positive_rate")
    assert not at.exception
    assert {k: v for k, v in dict(at.query_params).items() if k in {"run", "by", "metric"}} == {
        "run": BOSTON,
        "by": "sex",
        "metric": "false_positive_rate",
    }
    other = next(s for s in SCREENS if s != screen)
    at.switch_page(f"screens/{other}.py").run()
    assert not at.exception
    assert [at.sidebar.selectbox(key).value for key in ("run", "by", "metric")] == [
        BOSTON,
        "sex",
        "false_positive_rate",
    ]


@pytest.mark.parametrize("asked", ["<b>nowhere</b>", "../../../etc/passwd", "/etc/passwd", ".", "latest"])
def test_a_link_to_no_run_says_so_and_its_address_is_mended(filled, monkeypatch, asked):
    at = open_screen(filled, monkeypatch, run=asked, by="nothing", metric="nothing")
    assert f"There is no run {asked} in this store; the newest complete one is shown." in read_screen(at)
    assert (at.query_params["run"], at.query_params["by"]) == (BOSTON, "race")


def test_another_run_opens_on_what_decided_it_until_a_person_chose(filled, monkeypatch):
    at = open_screen(filled, monkeypatch)
    at.sidebar.selectbox("run").set_value(HOSTILE).run()
    assert at.sidebar.selectbox("by").value == "group"
    at.sidebar.selectbox("run").set_value(BOSTON).run()
    at.sidebar.selectbox("by").set_value("sex").run()
    at.sidebar.selectbox("run").set_value(PLAIN).run()
    assert at.sidebar.selectbox("by").value == "sex"


def test_every_rate_check_and_joule_is_there(filled, monkeypatch):
    result = sample_results.boston()
    data = read_screen(open_screen(filled, monkeypatch, "data"))
    for check in result.checks:
        assert check.title in data
    assert "1,993 rows read, 1,989 used, 4 excluded" in data
    energy = read_screen(open_screen(filled, monkeypatch, "energy"))
    assert "(89.6% measured by energy counters, the rest estimated)" in energy
    assert "not measured" in energy
    assert "the driver offers no counter" in energy
    groups = read_screen(open_screen(filled, monkeypatch, "groups"))
    for estimate in result.find("selection_rate", by=["race"]):
        value, low, high = (f"{100 * number:.1f}" for number in (estimate.value, estimate.low, estimate.high))
        assert f"{value}% [{low}, {high}] n {estimate.denominator:,.0f}" in groups


def test_groups_can_be_searched_sorted_compared_and_saved(filled, monkeypatch):
    at = open_screen(filled, monkeypatch, "groups", run=BOSTON)
    shown = read_screen(at)
    assert shown.index(
        "Selection rate by race: lowest black 51.3% (n 197), highest white 79.7% (n 1,681)"
    ) < shown.index("limit at")
    at.selectbox("reference").set_value("white").run()
    assert "Difference to white" in read_screen(at)
    assert re.search(r"−28\.\d points \[−\d+\.\d, −\d+\.\d\]", read_screen(at))
    at.text_input("search").set_value("bla").run()
    assert "1 of 3 groups fits the search." in read_screen(at)
    at.text_input("search").set_value("nobody is called so").run()
    assert "No group fits the search. Clear it to see all groups." in read_screen(at)
    assert "has a value to draw" not in read_screen(at)
    at.text_input("search").set_value("").run()
    assert "the search" not in read_screen(at).replace("Search groups", "")
    at.text_input("search").set_value("").run()
    at.toggle("all").set_value(True).run()
    assert "Rates by race (95% interval; n = denominator)" in read_screen(at)
    table = at.selectbox("group").set_value("black").run()
    assert not table.exception
    rates = sample_results.boston().find("true_positive_rate", by=["race"])
    right = next(e for e in rates if e.group == ("black",) and e.compare is None)
    assert f"Label positive {right.numerator:.0f} {right.denominator - right.numerator:.0f}" in read_screen(at)


def test_no_comment_of_the_code_is_on_the_page_and_no_token_in_its_address(filled, monkeypatch):
    at = open_screen(filled, monkeypatch, token="")
    assert "token" not in at.query_params
    for file in (APP, *(APP.parent / "screens").glob("*.py")):
        stray = [node for node in ast.parse(file.read_text()).body[1:] if isinstance(node, ast.Expr)]
        assert [ast.unparse(node) for node in stray] == ["main()"], (
            "Streamlit writes what stands by itself onto the page"
        )
    assert dashboard.SETTINGS["runner.magicEnabled"] == "false"


@pytest.mark.parametrize("screen", SCREENS)
def test_hostile_names_are_text(filled, monkeypatch, screen):
    at = open_screen(filled, monkeypatch, screen, run=HOSTILE)
    assert not at.exception
    made = "".join(list_html(at))
    assert "<script" not in made.replace("&lt;script", "")
    assert "\u202e" not in made
    assert "\n\n" not in made.replace("\n \n", ""), "a blank line would end the HTML, and names would be Markdown"
    if screen == "groups":
        assert "<script>alert(1)</script>" in read_screen(at)


def test_an_incomplete_run_is_named_and_is_not_where_a_reader_lands(tmp_path, monkeypatch):
    store = Store(tmp_path / "s")
    put(store, PLAIN, sample_results.boston())
    store.begin(BOSTON)
    at = open_screen(store, monkeypatch)
    assert at.sidebar.selectbox("run").value == PLAIN
    at.sidebar.selectbox("run").set_value(BOSTON).run()
    assert not at.exception
    assert at.title[0].value == "Incomplete"
    assert "it has no result: it was stopped or is still running" in read_screen(at)
    runs = read_screen(open_screen(store, monkeypatch, "runs", run=BOSTON))
    assert "Incomplete" in runs


@pytest.mark.parametrize("text", ["", "{", '{"schema": "audit-result/2"}'])
def test_a_damaged_run_is_shown_as_damaged(tmp_path, monkeypatch, text):
    store = Store(tmp_path / "s")
    store.commit(BOSTON, {"audit.json": text})
    at = open_screen(store, monkeypatch)
    assert not at.exception
    assert at.title[0].value == "Damaged"
    assert len(at.error[0].value) > 30


def test_damage_below_the_headline_is_said_by_its_place(tmp_path, monkeypatch):
    store = Store(tmp_path / "s")
    file = put(store, BOSTON, sample_results.boston()) / "audit.json"
    file.write_text(file.read_text().replace('"rows_read": 1993', '"rows_read": "1993"'))
    at = open_screen(store, monkeypatch)
    assert not at.exception
    assert at.title[0].value == "This run cannot be read"
    assert "data.0.rows_read" in read_screen(at)


@pytest.mark.parametrize("made", [True, False])
def test_an_empty_store_says_what_to_do_next(tmp_path, monkeypatch, made):
    store = Store(tmp_path / "s")
    if made:
        store.folder.mkdir()
    at = open_screen(store, monkeypatch)
    assert not at.exception
    assert at.title[0].value == "No runs yet"
    said = f"There are no runs in {store.folder}. Create one with `audit run DIR`, or try `audit demo`"
    assert said in read_screen(at)


def test_a_store_that_is_a_file(tmp_path, monkeypatch):
    (tmp_path / "s").write_text("")
    at = open_screen(Store(tmp_path / "s"), monkeypatch)
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


def read_luminance(colour):
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colours_of_the_theme_can_be_read(theme):
    colours = {k.rpartition(".")[2]: v for k, v in dashboard.SETTINGS.items() if k.startswith(f"theme.{theme}.")}
    grounds = [colours["backgroundColor"], colours["secondaryBackgroundColor"]]
    inks = [v for k, v in colours.items() if k.endswith(("textColor", "TextColor"))]
    pairs = [(ink, ground, 4.5) for ink in inks for ground in grounds]
    # What is chosen stands in white on the primary colour, which itself is seen on the ground (3 to 1).
    pairs += [("#ffffff", colours["primaryColor"], 4.5), *((colours["primaryColor"], g, 3.0) for g in grounds)]
    for one, other, least in pairs:
        dark, light = sorted((read_luminance(one), read_luminance(other)))
        assert (light + 0.05) / (dark + 0.05) >= least, (one, other)


@pytest.mark.parametrize(
    ("result", "screen", "said"),
    [
        (without_energy, "energy", "Energy was not metered"),
        (failed_training, "run", "Training ended with exit code 3, so nothing was judged. The record so far is kept."),
        (without_energy, "data", "No check was run."),
        (sample_results.single_small_group, "data", "The training data were not audited in this run."),
        (sample_results.single_small_group, "groups", "Hollow dot: too few rows to judge alone."),
        (sample_results.single_small_group, "groups", "◌ = too few rows to judge alone."),
        (sample_results.single_small_group, "run", "All counts are shown"),
        (nothing_metered, "energy", "Energy: not measured."),
        (many_groups, "groups", "25 of 150 groups are on this page."),
        (sample_results.undefined_rates, "groups", "no rows with label 0"),
        (sample_results.undefined_rates, "groups", "1 of 3 groups has no value; the table says why."),
        (sample_results.boston, "evidence", "model.base_rate.difference.race"),
        (sample_results.single_small_group, "evidence", "No limit is waived."),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_what_is_not_known_is_said(tmp_path, monkeypatch, result, screen, said):
    store = Store(tmp_path / "s")
    put(store, BOSTON, result())
    asked = {"metric": "false_positive_rate"} if result is sample_results.undefined_rates else {}
    at = open_screen(store, monkeypatch, screen, **asked)
    assert not at.exception
    assert said in read_screen(at)


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
        tab.on("dialog", lambda d: (errors.append(f"dialog {d.message}"), d.dismiss()))
        tab.on(
            "request",
            lambda r: (
                hosts.add(re.sub(r"^\w+:(//)?([^/]*).*", r"\2", r.url)) if r.url.startswith(("http", "ws")) else None
            ),
        )
        expect = sync_api.expect
        # A page of its own as the first one that a fresh server is asked for has once been run without the others.
        tab.goto(f"http://127.0.0.1:{port}/groups?run={BOSTON}&by=sex")
        expect(tab.get_by_text("Selection rate by sex: lowest").first).to_be_visible(timeout=90_000)
        tab.goto(f"http://127.0.0.1:{port}/")
        expect(
            tab.get_by_text("By race, black has a lower selection rate than white: 51.3% (n 197)").first
        ).to_be_visible(timeout=90_000)
        expect(tab.locator("svg.plot.strip").first).to_be_visible()
        assert f"run={BOSTON}" in tab.url
        tab.screenshot(path=str(tmp_path / "verdict.png"), full_page=True)
        tab.get_by_role("link", name="Energy").click()
        expect(tab.get_by_text("(89.6% measured by energy counters, the rest estimated)").first).to_be_visible()
        assert f"energy?run={BOSTON}" in tab.url
        tab.goto(f"http://127.0.0.1:{port}/groups?run={HOSTILE}")
        expect(tab.get_by_text("difference 17.5 points [1.4, 29.9]").first).to_be_visible(timeout=30_000)
        # What the page itself brings has a source; a script that came out of a name would carry its own text.
        assert tab.evaluate("[...document.scripts].filter(s => s.text.includes('alert(')).length") == 0
        assert tab.evaluate("document.querySelectorAll('main img[src=x], a[href^=javascript]').length") == 0
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
    at = open_screen(store, monkeypatch)
    assert not at.exception
    shown = read_screen(at)
    assert "By race, black lost accuracy: 40 of 200 decisions changed (40 newly wrong, 0 newly right)" in shown
    assert shown.index("How many decisions changed from the earlier ones") < shown.index("Changed decisions by race")


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
    at = open_screen(store, monkeypatch)
    assert not at.exception
    shown = read_screen(at)
    assert "Compressed models Smallest model that passes: int8." in shown
    assert "Candidates against the full model full" in shown
    assert "900 of 6,000 changed (15.0%), net loss 900" in shown
    assert "What each model costs" not in shown
    assert "Not measured: no model file is named, so that only its answers are known." in shown
