"""The two documents of a result: which is which, what each shows, and how long a reader needs."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import sample_results as samples
from card_page import Page

import audit
from audit.report.card.render import FILES, render

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCREEN_PX, MOST_SCREENS, MOST_WORDS = 900, 5, 1200
COUNT_WORDS = """() => {
  let words = 0;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    if (texts.currentNode.parentElement.checkVisibility()) words += (texts.currentNode.data.match(/\\S+/g) || []).length;
  }
  return words;
}"""


@pytest.fixture(scope="module")
def pages():
    return {style: Page(render(samples.boston(), style)) for style in ("report", "html")}


def test_every_run_keeps_a_report_and_a_card_in_two_formats():
    assert FILES == {"report": "report.html", "html": "card.html", "md": "card.md"}


def test_the_report_says_at_first_sight_that_it_is_internal(pages):
    report, card = pages["report"].words, pages["html"].words
    assert report.startswith("INTERNAL: boston-mortgages 1.0 · Fail · internal report Internal: contains small counts.")
    assert pages["report"].all("body")[0]["class"] == "internal"
    assert "nternal: contains small counts" not in card
    assert "class" not in pages["html"].all("body")[0]


def test_the_report_withholds_nothing_and_the_card_says_what_it_withholds(pages):
    hidden = samples.single_small_group()
    report, card = (Page(render(hidden, style)).words for style in ("report", "html"))
    assert "Every count is shown." in report
    assert "□" not in report
    assert "withheld" not in report.lower()
    assert "numbers are withheld to protect groups under 10" in card
    # One line a table, and no row of which nothing could be shown.
    assert len(re.findall("ithheld to protect groups under 10:", card)) >= 1
    assert render(hidden, "report", 50) == render(hidden, "report"), "k is of what is published"


def test_both_documents_have_one_structure(pages):
    of_report, of_card = ([a["id"] for a in p.all("h2")] for p in pages.values())
    assert of_report == of_card == ["limits", "model", "data", "checks", "energy", "method", "record"]
    for page in pages.values():
        linked = [a["href"] for a in page.all("a")]
        assert linked == [f"#{name}" for name in of_card], "contents lead to each section"


def test_a_reader_meets_verdict_picture_step_owner_and_date_before_anything_else(pages):
    for page in pages.values():
        top = page.words[: page.words.index("Limits Results Data")]
        for said in ("Fail", "8 limits: 1 fails", "What to do", "credit-risk@example.org", "2026-11-24", "black 51.3%"):
            assert said in top, said


def test_fields_that_the_owner_left_empty_are_one_line(pages):
    for page in pages.values():
        assert "not provided" not in page.words
        assert "Owner information missing (3 fields): add [model] to audit.toml." in page.words


def test_a_passing_result_names_its_limits_and_the_next_step():
    counts = {("a",): (90, 10, 20, 80), ("b",): (90, 10, 21, 79)}
    config = samples.plain_config(("g",)) | {
        "gates": [{"stage": "model", "metric": "selection_rate", "compare": "difference", "max": 0.3}]
    }
    words = Page(render(samples.result_of(("g",), counts, config=config), "html")).words
    assert "1 limit: it passes." in words
    assert "Audit again when the model or the data change." in words


@pytest.fixture(scope="module")
def browser():
    sync = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no browser is installed")
    with sync.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


def opened(browser, tmp_path, text, width=1280, **more):
    file = tmp_path / "page.html"
    file.write_text(text, encoding="utf-8")
    view = browser.new_page(viewport={"width": width, "height": SCREEN_PX}, **more)
    view.goto(file.as_uri())
    return view


@pytest.mark.slow
@pytest.mark.parametrize("style", ["report", "html"])
def test_folded_it_is_read_in_a_minute(browser, tmp_path, style):
    view = opened(browser, tmp_path, render(samples.boston(), style))
    assert view.evaluate("document.documentElement.scrollHeight") <= MOST_SCREENS * SCREEN_PX
    assert view.evaluate(COUNT_WORDS) <= MOST_WORDS
    folded = view.evaluate(COUNT_WORDS)
    view.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert view.evaluate(COUNT_WORDS) > 3 * folded, "nothing is lost: the rest opens"


@pytest.mark.slow
def test_print_opens_what_is_folded(browser, tmp_path):
    view = opened(browser, tmp_path, render(samples.boston(), "html"))
    folded = view.evaluate(COUNT_WORDS)
    view.emulate_media(media="print")
    printed = view.evaluate(COUNT_WORDS)
    view.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert folded < printed == view.evaluate(COUNT_WORDS)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("style", ["report", "html"])
@pytest.mark.parametrize("sample", [samples.boston, samples.hostile], ids=lambda f: f.__name__)
def test_no_page_scrolls_sideways_in_a_real_browser(browser, tmp_path, sample, style, width, scheme):
    view = opened(browser, tmp_path, render(sample(), style), width, color_scheme=scheme)
    said, asked = [], []
    view.on("console", lambda message: said.append(message.text))
    view.on("request", lambda request: asked.append(request.url))
    view.reload()
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    view.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    assert (said, asked) == ([], [view.url])


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("style", ["report", "html"])
def test_axe_finds_no_fault(browser, tmp_path, style, width, scheme):
    """Runs where EVENHAND_AXE names an axe.min.js (npm package axe-core); contrast is computed in test_render."""
    axe = os.environ.get("EVENHAND_AXE")
    if axe is None:
        pytest.skip("EVENHAND_AXE names no axe.min.js")
    page = render(samples.boston(), style)
    view = opened(browser, tmp_path, page, width, color_scheme=scheme, bypass_csp=True)
    view.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    view.evaluate(Path(axe).read_text(encoding="utf-8"))
    found = view.evaluate(f"async () => (await axe.run(document, {{runOnly: {RULES}}})).violations.map(v => v.id)")
    assert found == []


def test_results_with_findings_of_few_checks_say_at_once_what_to_do():
    result = samples.boston()
    found = [c for c in result.checks if c.outcome not in {"pass", "not applicable"}]
    page = render(replace(result, checks=tuple(found[:1])), "html")
    assert len(re.findall('class="step">What to do: ', page)) == sum(bool(c.mend) for c in found[:1])


@pytest.mark.parametrize(("weights", "said"), [([3, 4], True), ([1.5, 4.1], False), ([1, 1], False), ([0.5, 1], False)])
def test_weights_that_look_like_counts_of_people_say_that_n_counts_rows(tmp_path, weights, said):
    chosen = [0, 0, 1, 1] * 50
    result = audit.measure(chosen, chosen, groups={"g": ["a", "b"] * 100}, weight=weights * 100)
    result.report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "n counts rows" in page
    assert ("All sums of weights are whole numbers, 3.5 a row in the mean" in page) is said
