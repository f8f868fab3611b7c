"""The bias audit of NYC Local Law 144: the rule's own numbers, what must be said, and the adverse impact table of a card."""

from __future__ import annotations

import random
import re
import shutil

import pytest
from card_page import Page, contrast, palette

import audit
from audit.config.read import parse
from audit.errors import QuestionError
from audit.report.card.render import FILES, FORMATS, find_formats, make_environment, render
from audit.report.disclosure.publishable import publishable
from audit.report.ll144 import format_ratio
from audit.system.environment import find_asset

SEX = {"Male": (92, 50), "Female": (76, 34)}
RACE = {"Hispanic": (28, 18), "White": (40, 15), "Black": (32, 16), "NH/PI": (8, 5), "Asian": (24, 10)}
"""Applicants, and those above the median: the counts of the rule's example; 36 people of 168 are in other categories."""
ALL_SHARE = {"Hispanic": 642, "White": 375, "Black": 500, "NH/PI": 625, "Asian": 417}


def example(**more):
    """The rule's example of scoring rates, row by row."""
    rng = random.Random(1)
    pools = []
    for side in (1, 0):
        known = [g for g, (n, k) in RACE.items() for _ in range(k if side else n - k)]
        pool = known + [None] * (84 - len(known))
        rng.shuffle(pool)
        pools.append(pool)
    rows = [(s, i < k) for s, (n, k) in SEX.items() for i in range(n)]
    race = [pools[0].pop() if above else pools[1].pop() for _, above in rows]
    score = [60 + i % 7 if above else 10 + i % 40 for i, (_, above) in enumerate(rows)]
    groups = {"sex": [s for s, _ in rows], "race": race}
    return audit.measure(
        [int(a) for _, a in rows], score=score, threshold="median", groups=groups, intersections=2, **more
    )


def line(text, category):
    """Cells of one row of a Markdown report."""
    found = next(x for x in text.splitlines() if x.startswith(f"| {category} |"))
    return [c.strip() for c in found.strip("|").split("|")]


@pytest.fixture(scope="module")
def report():
    return render(example(), "ll144-md", k=1)


@pytest.mark.parametrize(
    ("category", "rate", "ratio"),
    [("Male", "54.3%", "1.00"), ("Female", "44.7%", "0.82"), ("Hispanic", "64.3%", "1.00"), ("White", "37.5%", "0.58"),
     ("Black", "50.0%", "0.78"), ("NH/PI", "62.5%", "0.97"), ("Asian", "41.7%", "0.65")],
)  # fmt: skip
def test_the_example_of_the_rule_from_its_own_counts(report, category, rate, ratio):
    """6 RCNY 5-301. 18 of 28 is 64.29%: the rule prints 64.2, which is cut off where we round."""
    n, above = {**SEX, **RACE}[category]
    cells = line(report, category)
    assert cells[1].startswith(f"{n} (")
    assert cells[2] == str(above)
    assert cells[3].startswith(f"{rate} [")
    assert cells[4].startswith(ratio)


@pytest.mark.parametrize(
    ("category", "rate", "ratio"),
    [("Hispanic", "64.2%", "1.00"), ("White", "37.5%", "0.58"), ("Black", "50.0%", "0.78"), ("NH/PI", "62.5%", "0.97"),
     ("Asian", "41.7%", "0.65")],
)  # fmt: skip
def test_the_printed_rates_give_the_printed_ratios(category, rate, ratio):
    g = [name for name in ALL_SHARE for _ in range(1000)]
    y = [int(i < k) for k in ALL_SHARE.values() for i in range(1000)]
    cells = line(render(audit.measure(y, y, groups={"race": g}), "ll144-md"), category)
    assert cells[3].startswith(rate)
    assert cells[4].startswith(ratio)


def test_what_the_rule_asks_to_be_said_is_said(report):
    assert "median score of the whole sample" in report
    assert "race: 36 of unknown category, listed separately and in no ratio" in report
    assert "sex: 0 of unknown category" in report
    assert "168 assessed" in report
    assert "This report has: sex; race; sex × race." in report
    assert "The rule sets no limit for an impact ratio" in report
    assert line(report, "race missing")[4].startswith("–")
    assert report.count("*not provided*") == 5
    assert not re.search(r"LL144 pass|[Cc]ompliant", report)


def test_what_only_the_owner_knows_comes_from_audit_toml():
    config = parse(
        """
        [data]
        label = "y"
        groups = ["sex"]
        [predictions]
        source = "x"
        prediction = "p"
        [ll144]
        auditor = "An Auditor"
        data_explanation = "Applications of one year"
        data_from = 2025-01-01
        data_to = 2025-12-31
        distribution_date = 2026-02-01
        justification = "too few to say anything"
        """
    )
    from dataclasses import replace

    from audit.pipeline.records import record_question

    text = render(replace(example(), question=record_question(config)), "ll144-md", k=1)
    for said in ("An Auditor", "Applications of one year", "2025-01-01 to 2025-12-31", "2026-02-01", "too few to say"):
        assert said in text
    assert "not provided" not in text
    with pytest.raises(QuestionError, match=r"no key 'll144\.audtor'; did you mean 'll144\.auditor'"):
        parse('[ll144]\naudtor = "x"')


def test_a_category_under_two_per_cent_is_shown_and_marked_and_its_weight_is_said():
    counts = {"a": (600, 300), "b": (500, 220), "few": (12, 12)}
    g = [name for name, (n, _) in counts.items() for _ in range(n)]
    y = [int(i < k) for n, k in counts.values() for i in range(n)]
    text = render(audit.measure(y, y, groups={"race": g}), "ll144-md")
    assert line(text, "few")[1] == "12 (1.1%; under 2%)"
    assert text.count("Under 2%: the rule allows excluding the category from the ratios.") == 1
    assert line(text, "few")[4].startswith("1.00 (highest")
    assert line(text, "b")[4].startswith("0.44")
    assert "under 2% excluded, a would be the highest, and the ratios: b 0.88." in text
    assert "2%:" not in line(text, "a")[1]


def test_small_counts_are_left_out_until_they_are_asked_for(report):
    kept = render(example(), "ll144-md")
    assert "| NH/PI |" not in kept
    assert re.search(r"ithheld to protect groups under 10: .* numbers, among them all of .*NH/PI", kept)
    assert "audit card RESULT --format ll144 --k 1 shows them" in kept
    assert "Every category is shown, however small." in report
    assert "withheld" not in report.lower()


def test_who_has_the_highest_rate_is_not_said_where_that_group_is_left_out():
    counts = {"a": (200, 90), "b": (150, 60), "tiny": (2, 2), "small": (9, 4)}
    g = [name for name, (n, _) in counts.items() for _ in range(n)]
    y = [int(i < k) for n, k in counts.values() for i in range(n)]
    shown = publishable(audit.measure(y, y, groups={"race": g}))
    for e in shown.estimates:
        if e.metric.startswith(("adverse", "selection_short")):
            assert ("tiny",) not in {e.reference, *(e.pair or ())}
    text = render(audit.measure(y, y, groups={"race": g}), "ll144-md")
    assert "highest)" not in text
    assert "tiny" not in next(c.detail for c in shown.checks if c.code == "FM001")


def test_results_without_selection_rates_are_refused_by_name():
    regression = audit.measure([1.0, 2, 3, 4], [1.0, 2, 3, 5], groups={"g": list("aabb")}, task="regression")
    labels = audit.check({"g": list("aabb"), "y": [0, 1, 0, 1]}, label="y", groups="g")
    for result in (regression, labels):
        with pytest.raises(QuestionError, match="format ll144 needs selection rates, and this run has none"):
            render(result, "ll144")
    from dataclasses import replace

    old = example()
    old = replace(old, estimates=tuple(e for e in old.estimates if e.metric != "adverse_impact_ratio"))
    with pytest.raises(QuestionError, match="too old to have them; run the audit again"):
        render(old, "ll144")


def test_one_attribute_says_that_the_crossing_is_missing():
    text = render(audit.measure([0, 1] * 40, [0, 1] * 40, groups={"sex": ["f", "m", "m", "f"] * 20}), "ll144-md")
    assert "No combinations are included; set [data] intersections = 2" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.8157, "0.82"), (0.7962, "0.796"), (0.79996, "0.79996"), (0.8, "0.80"), (0.9962, "0.996"), (1.0, "1.00"), (0.0, "0.00"),
     (0.99999999, "under 1.00"), (1.006, "1.01")],
)  # fmt: skip
def test_a_ratio_is_never_rounded_up_to_one_or_to_four_fifths(value, text):
    assert format_ratio(value) in {text, f"{value:.6f}"}
    if value < 1:
        assert not format_ratio(value).startswith("1")


def test_weights_and_units_are_said():
    y, g = [0, 1, 1, 0] * 50, ["f", "m", "m", "f"] * 25 + ["m", "f", "f", "m"] * 25
    text = render(
        audit.measure(y, y, groups={"sex": g}, weight=[1.0, 2.0] * 100, unit=list(range(100)) * 2), "ll144-md", k=1
    )
    assert "Rates are weighted by weight" in text
    assert "Rows with the same unit are not independent" in text


# ----- formats


def test_a_format_is_one_file_that_says_so(tmp_path, monkeypatch):
    assert {"html", "md", "ll144", "ll144-md"} <= set(FORMATS)
    assert set(FILES) <= set(FORMATS)
    from audit.report.card import render as card

    for file in find_asset("reports/templates").glob("*.*"):
        shutil.copy(file, tmp_path)
    (tmp_path / "line.md.j2").write_text("{# format line from card #}\n{{ card.badge.word | inline }}\n")
    monkeypatch.setattr(card, "find_asset", lambda _: tmp_path)
    find_formats.cache_clear()
    card.make_environment.cache_clear()
    try:
        assert render(example(), "line") == "Not judged\n"
    finally:
        monkeypatch.undo()
        find_formats.cache_clear()
        card.make_environment.cache_clear()
    with pytest.raises(QuestionError, match="no card format 'll-144'; did you mean 'll144'"):
        render(example(), "ll-144")


def test_the_command_prints_it(tmp_path, capsys):
    from audit.cli import main

    (tmp_path / "audit.json").write_text(example().to_json())
    with pytest.raises(SystemExit) as done:
        main(["card", str(tmp_path), "--format", "ll144-md", "--k", "1"])
    assert done.value.code == 0
    assert line(capsys.readouterr().out, "Female")[4].startswith("0.82")
    with pytest.raises(SystemExit) as done:
        main(["card", str(tmp_path), "--format", "ll145"])
    assert done.value.code == 2


# ----- the page


@pytest.fixture(scope="module")
def page():
    return Page(render(example(), "ll144", k=1))


def test_the_page_is_whole_and_loads_nothing(page):
    assert (page.faults, page.open) == ([], [])
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == len(page.all("main")) == 1
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert not {t for t, _ in page.elements} & {"script", "link", "img", "iframe", "form"}
    assert all(not {"src", "href"} & set(a) for _, a in page.elements)
    levels = [int(t[1]) for t, _ in page.elements if re.fullmatch(r"h[1-6]", t)]
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))
    assert len(page.all("caption")) == len(page.all("table")) == 3
    assert "Female 76 45.2% 34 44.7% [34.1%, 55.9%] 0.82" in page.words
    assert len(render(example(), "ll144", k=1).encode()) < 500_000
    assert not re.search("[\U0001f300-\U0001faff]", page.words)


def test_its_colours_are_those_of_the_card():
    own = find_asset("reports/templates/ll144.html.j2").read_text(encoding="utf-8")
    assert not re.search(r"#[0-9a-f]{3,6}\b", own)
    css = make_environment("html").get_template("card.css").render()
    for scheme in (":root", "prefers-color-scheme: dark"):
        colours = palette(css, scheme)
        for ink in ("ink", "muted", "insufficient"):
            assert contrast(colours[ink], colours["paper"]) >= 4.5


def test_names_from_outside_stay_text():
    bad = "<script>alert(1)</script>|x"
    text = audit.measure([0, 1] * 40, [0, 1] * 40, groups={bad: [bad, "m", "m", bad] * 20})
    assert Page(render(text, "ll144")).faults == []
    assert "script" not in {t for t, _ in Page(render(text, "ll144")).elements}
    assert "<script" not in render(text, "ll144-md")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_does_not_scroll_sideways_in_a_real_browser(tmp_path, width, scheme):
    sync = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no browser is installed")
    file = tmp_path / "report.html"
    file.write_text(render(example(), "ll144", k=1), encoding="utf-8")
    with sync.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        seen = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        asked = []
        seen.on("request", lambda request: asked.append(request.url))
        seen.goto(file.as_uri())
        assert seen.evaluate("document.documentElement.scrollWidth") <= width
        assert asked == [file.as_uri()]
        browser.close()


# ----- the table of an ordinary card


def table_of(result, **more):
    text = render(result, "md", **more)
    return text[text.index("**Adverse impact") :] if "**Adverse impact" in text else ""


def people(counts):
    g = [name for name, (n, _) in counts.items() for _ in range(n)]
    return g, [int(i < k) for n, k in counts.values() for i in range(n)]


def test_a_card_speaks_of_adverse_impact_where_it_matters():
    g, y = people({"a": (400, 240), "b": (400, 236)})
    assert table_of(audit.measure(y, y, groups={"race": g})) == ""
    assert "Adverse impact ratio" not in render(audit.measure(y, y, groups={"race": g}), "md")
    judged = [{"metric": "demographic_parity_difference", "max": 0.2}, {"metric": "accuracy", "min": 0.1}]
    assert table_of(audit.measure(y, y, groups={"race": g}, gates=judged[:1]))
    assert table_of(audit.measure(y, y, groups={"race": g}, gates=judged[1:])) == ""
    g, y = people({"a": (400, 240), "b": (400, 150)})
    found = table_of(audit.measure(y, y, groups={"race": g}))
    assert found.startswith(
        "**Adverse impact (four-fifths rule) by race, against 'a', which has the highest selection rate**"
    )
    assert "0.625" in line(found, "b")[1]
    assert "below 0.8" in line(found, "b")[1]
    assert line(found, "b")[4] == "45.0"
    assert "p-values are corrected for all pairs of groups" in found
    assert "Adverse impact ratio" in render(audit.measure(y, y, groups={"race": g}), "md")


def test_a_small_group_stays_left_out_of_the_table():
    g, y = people({"a": (400, 240), "b": (400, 150), "few": (6, 2), "less": (9, 5)})
    found = table_of(audit.measure(y, y, groups={"race": g}))
    shown = found.split("Largest gaps")[0]
    assert "| few |" not in shown
    assert "Withheld to protect groups under 10: 8 of 12 numbers, among them all of few, less." in shown
    open_ = table_of(audit.measure(y, y, groups={"race": g}), k=1).split("Largest gaps")[0]
    assert "| few |" in open_
    assert "ithheld" not in open_
