from __future__ import annotations

import html
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
import sample_results as samples
from card_page import Page, contrast, palette

import audit
from audit.errors import AuditError, capitalise
from audit.report.card.accounts import collect_owner_words
from audit.report.card.charts import Scale, make_scale
from audit.report.card.render import escape_inline, make_environment, render
from audit.report.card.view import make_card_view, write_headline
from audit.system.environment import find_asset

FORMATS = ("html", "md")
GOLDEN = Path(__file__).resolve().parents[2] / "golden"
UPDATE = "EVENHAND_UPDATE_GOLDEN"
SAMPLES = (samples.boston, samples.unjudged, samples.undefined_rates, samples.single_small_group, samples.hostile)


@pytest.fixture(scope="module", params=SAMPLES, ids=lambda f: f.__name__)
def page(request):
    return Page(render(request.param(), "html"))


@pytest.fixture(scope="module")
def boston():
    return Page(render(samples.boston(), "html"))


# ----- golden files


@pytest.mark.parametrize("style", FORMATS)
@pytest.mark.parametrize("sample", [samples.boston, samples.unjudged], ids=lambda f: f.__name__)
def test_cards_are_as_they_were(sample, style):
    """Regenerate with: EVENHAND_UPDATE_GOLDEN=1 pytest tests/report/card/test_render.py -k as_they_were"""
    file = GOLDEN / f"{sample.__name__}.{style}"
    text = render(sample(), style)
    if os.environ.get(UPDATE):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), f"{file.name} differs; look at it, then set {UPDATE}=1 to accept"


@pytest.mark.parametrize("style", FORMATS)
def test_rendering_twice_gives_the_same_bytes(style):
    assert render(samples.boston(), style) == render(samples.boston(), style)


# ----- the page as a document


def test_every_element_is_closed_and_every_id_is_used_once(page):
    assert page.faults == []
    assert page.open == []
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attrs in page.elements:
        for name in attrs.get("aria-labelledby", "").split():
            assert name in ids


def test_the_page_has_a_language_a_title_and_one_heading(page):
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("title")) >= 1
    assert len(page.all("h1")) == 1
    levels = [int(t[1]) for t, _ in page.elements if re.fullmatch(r"h[1-6]", t)]
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))


def test_the_page_loads_nothing_and_runs_nothing(page):
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert not {t for t, _ in page.elements} & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    for _, attrs in page.elements:
        assert not {a for a in attrs if a.startswith("on") or a in {"src", "xlink:href", "action"}}
        assert attrs.get("href", "#").startswith("#")


def test_the_styles_load_nothing():
    css = make_environment("html").get_template("card.css").render()
    assert not re.search(r"url\(|@import|@font-face|expression", css)


def test_tables_say_what_they_are_and_what_heads_them(page):
    tables = len(page.all("table"))
    assert tables >= 1
    assert len(page.all("caption")) == tables
    assert all(th.get("scope") in {"row", "col", "rowgroup"} for th in page.all("th"))


def test_every_number_of_a_drawing_stands_beside_it_in_words(boston):
    assert len([a for a in boston.all("svg") if "plot" in a.get("class", "")]) >= 8
    # A drawing is hidden from readers of the text, or says in words what it shows.
    assert all(a.get("role") == "img" or a.get("aria-hidden") == "true" for a in boston.all("svg"))
    assert "black 51.3% [44.3, 58.2] n 197" in boston.words
    assert "limit at 63.7%: 0.8 × the highest" in boston.words


def test_wide_tables_scroll_in_their_own_box_that_the_keyboard_reaches(page):
    boxes = [a for t, a in page.elements if t == "div" and a.get("class") == "scroll"]
    assert boxes
    assert all(b["tabindex"] == "0" and b["role"] == "region" and b["aria-labelledby"] for b in boxes)


@pytest.mark.parametrize("groups", [3, 300])
def test_pages_stay_under_500_kb(groups):
    counts = {(f"group {i:04}",): (40 + i % 7, 12, 15 + i % 5, 33) for i in range(groups)}
    text = render(samples.result_of(("place",), counts), "html")
    assert len(text.encode()) < 500_000
    if groups > 100:
        assert "60 of 300 groups are shown" in text


def test_many_groupings_stay_under_500_kb():
    import itertools

    counts = dict.fromkeys(itertools.product(*[[f"{c}{i}" for i in range(4)] for c in "abcd"]), (20, 12, 14, 21))
    text = render(samples.result_of(("a", "b", "c", "d"), counts, intersections=3), "html")
    assert len(text.encode()) < 500_000


# ----- what it says


def test_the_verdict_comes_first_and_in_one_sentence(boston):
    start = boston.words.index("version 1.0")
    assert boston.words[start:].startswith(
        "version 1.0 Owner credit-risk@example.org Audited 2026-11-24 Rows 1,993 read, 1,989 used Fail By race, black has a lower selection"
    )


def test_every_verdict_is_a_word(boston):
    for word in ("Fail", "Pass", "Inconclusive", "Undefined", "Waived"):
        assert word in boston.words


def test_fields_that_only_the_owner_knows_are_counted_and_marked(boston):
    assert boston.words.count("Owner information missing (3 fields): add [model] to audit.toml.") == 2
    assert [f.label for f in collect_owner_words(samples.boston()).fields if f.text is None] == [
        "Description",
        "Out of scope",
        "Licence",
    ]


def test_where_there_is_no_model_the_card_is_of_the_data():
    import audit

    rows = {"g": ["a", "b"] * 20, "y": [0, 1, 1, 0] * 10}
    found = audit.check(rows, label="y", groups="g")
    page = Page(render(found, "html"))
    assert "Data card" in page.words
    assert "About the data" in page.words
    assert "Unnamed model" not in page.words
    said = {"name": "Forty rows", "licence": "CC0", "collected": "made up"}
    asked = {**found.question.config, "dataset": said}
    words = collect_owner_words(replace(found, question=replace(found.question, config=asked)))
    assert (words.title, words.missing) == ("Forty rows", 7)
    assert [f.text for f in words.fields if f.text] == ["Forty rows", "made up", "CC0"]


def test_nothing_judged_is_never_called_a_pass():
    page = Page(render(samples.unjudged(), "html"))
    assert "Not judged" in page.words
    assert "not passes" in write_headline(samples.unjudged())
    assert "is-pass" not in page.all("div")[0].get("class", "")


def test_a_run_that_did_not_finish_says_so():
    from dataclasses import replace

    result = samples.boston()
    failed = replace(result, verdict="incomplete", run=replace(result.run, exit_codes={"train": -9}))
    assert write_headline(failed) == (
        "Training was killed (SIGKILL, often out of memory), so nothing was judged. The record so far is kept."
    )
    assert "Incomplete" in Page(render(failed, "html")).words


def test_undefined_is_a_word_with_its_reason_and_never_a_number():
    for style in FORMATS:
        assert "undefined no rows with label 0" in re.sub(
            r"<[^>]*>|[()]", "", render(samples.undefined_rates(), style, 1)
        )


def test_small_groups_stay_and_rows_without_a_group_have_a_row_of_their_own():
    text = render(samples.boston(), "md")
    row = next(line for line in text.splitlines() if line.startswith("| sex missing "))
    assert row.startswith("| sex missing | 15 (0.8%) |")
    # All 15 have the label 1, and one of them was not selected, which a card does not tell of so few people.
    assert not re.search(r"\d\.\d", row.partition(") |")[2])


def test_rows_are_accounted_for(boston):
    assert "1,993 rows read, 1,989 used, 4 excluded (label is missing: 3; weight is zero: 1)." in boston.words
    assert "sex is missing in 15 rows (0.8%). They are listed separately and not compared." in boston.words


def test_energy_names_its_methods_factors_and_what_is_missing(boston):
    for said in (
        "measured: energy counter",
        "estimated: model",
        "assumed: constant",
        "not measured",
        "The run used 0.760 Wh in 27.4 s (89.6% measured by energy counters, the rest estimated): 0.281 g CO2e, location-based.",
        "Most of it, 89.6%, is CPU: measured by an energy counter.",
        "369.473 gCO2e/kWh",
        "global_energy_mix.json",
        "2023",
        "not measured, so not in the total: GPU in training",
        "never instead of it",
    ):
        assert said in boston.words


def test_energy_that_was_not_metered_is_not_zero():
    assert "Energy was not metered" in render(samples.unjudged(), "md")


def test_a_card_says_where_it_comes_from(boston):
    for said in (
        "20261124-091203-7f3a",
        "sha256:5eed",
        "git 4c1d0e9a7b3f5d2c8e6a1b0f9d8c7e6a5b4f3d2c, with uncommitted changes",
        "evenhand 0.1.0",
    ):
        assert said in boston.words


def test_formulas_come_from_the_catalogue(boston):
    from audit.measurement.metrics.catalogue import CATALOGUE

    assert CATALOGUE["true_positive_rate"].formula in boston.words


def test_limits_are_drawn_where_they_are():
    view = make_card_view(samples.boston(), 1)
    race = next(g for g in view.model if g.title == "By race")
    chart = race.charts[0]
    assert [line.text for line in chart.limits] == ["limit at 63.7%: 0.8 × the highest", "limit: 45.0%"]
    assert [tick.text for tick in (chart.ticks[0], chart.ticks[-1])] == ["0%", "100%"]
    scale = Scale(0.0, 1.0, 0.2, "share")
    assert chart.limits[0].x == scale.at(0.8 * 1339 / 1681)
    assert all(c.ticks == chart.ticks for c in race.charts), "drawings of one kind share an axis"
    strips = [limit.strip for limit in view.limits.every if limit.strip]
    assert len(strips) == 5
    ratio = strips[0]
    assert ratio.limit.text == "at least 0.8"
    assert ratio.place.high < ratio.limit.x
    assert ratio.keeps == (ratio.limit.x, round(100 - ratio.limit.x, 2))


def test_an_axis_is_as_close_as_round_numbers_allow():
    for values, figure, texts in (
        ([0.675, 0.92], "share", ["60%", "70%", "80%", "90%", "100%"]),
        ([-0.13, 0.31], "points", ["−20", "−10", "0", "10", "20", "30", "40"]),
        ([0.74, 0.8, 1.0], "ratio", ["0.70", "0.75", "0.80", "0.85", "0.90", "0.95", "1.00"]),
        ([1200.0, 5300.0], "amount", ["1,000", "2,000", "3,000", "4,000", "5,000", "6,000"]),
        ([0.5, 0.5], "share", ["45%", "46%", "47%", "48%", "49%", "50%", "51%", "52%", "53%", "54%", "55%"]),
        ([], "score", ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
    ):
        scale = make_scale(values, figure)
        found = [tick.text for tick in scale.make_ticks()]
        assert len(found) <= 6, (values, found)
        assert all(scale.low <= v <= scale.high for v in values)
        if len(texts) <= 6:
            assert found == texts
    assert make_scale([0.97, 0.999], "share").high == pytest.approx(1.0)


# ----- names from outside


@pytest.mark.parametrize(
    "text", [render(samples.hostile(), "html"), samples.hostile()._repr_html_()], ids=["card", "notebook"]
)
def test_hostile_names_stay_text_in_html(text):
    page = Page(text)
    assert page.faults == []
    assert not {t for t, _ in page.elements} & {"script", "img", "b"}
    assert "<script>alert(1)</script>" in page.words
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f]", text)


def test_hostile_names_stay_text_in_markdown():
    text = render(samples.hostile(), "md")
    assert "<script" not in text
    assert "<img" not in text
    assert not re.search(r"(?<!\\)\]\(", text)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f]", text)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda f: f.__name__)
def test_markdown_tables_have_equal_rows(sample):
    lines = render(sample(), "md").splitlines()
    width = None
    for line in lines:
        if not line.startswith("|"):
            width = None
            continue
        bars = len(re.findall(r"(?<!\\)\|", line))
        assert width in {None, bars}, line
        width = bars


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", "a\\|b"),
        ("*x*", "\\*x\\*"),
        ("snake_case", "snake_case"),
        ("_x_", "\\_x\\_"),
        ("[a](b)", "[a\\](b)"),
        ("<b>", "&lt;b>"),
        (">= 0.8", "\\>= 0.8"),
        ('add --gate "churn <= 0.1 >= 0"', 'add --gate "churn <= 0.1 >= 0"'),
        ("p < 0.001 </b>", "p < 0.001 &lt;/b>"),
        ("&lt;= <?x", "&amp;lt;= &lt;?x"),
        ("--> <!--", "\\--> &lt;!--"),
        ("# x", "\\# x"),
        ("a\n\n# b", "a # b"),
        ("[0.1, 0.2]", "[0.1, 0.2]"),
    ],
)
def test_markdown_escapes(text, shown):
    assert escape_inline(text) == shown


# ----- colours


TONES = ("fail", "pass", "insufficient", "undefined", "waived")
TEXT_PAIRS = [
    *((ink, ground) for ink in ("ink", "muted") for ground in ("paper", "card", "faint")),
    *((tone, f"{tone}-tint") for tone in TONES),
    *(("ink", f"{tone}-tint") for tone in TONES),
    ("insufficient", "paper"),
    ("fail", "card"),
    ("fail", "paper"),
    *((accent, ground) for accent in ("accent", "internal-accent") for ground in ("paper", "card", "faint", "shade")),
    *(("muted", ground) for ground in ("shade", "fail-tint")),
    ("internal", "internal-tint"),
]


@pytest.mark.parametrize("scheme", [":root", "prefers-color-scheme: dark", "@media print"])
@pytest.mark.parametrize(("text", "ground"), TEXT_PAIRS)
def test_text_is_readable_on_its_ground(scheme, text, ground):
    colours = palette(make_environment("html").get_template("card.css").render(), scheme)
    assert contrast(colours[text], colours[ground]) >= 4.5


def test_every_colour_is_a_named_one():
    css = make_environment("html").get_template("card.css").render()
    used = set(re.findall(r"var\(--([a-z-]+)\)", css))
    for scheme in (":root", "prefers-color-scheme: dark"):
        assert used <= set(palette(css, scheme))
    rules = re.sub(r":root \{[^}]*\}", "", css)
    assert not re.search(r"#[0-9a-f]{3,6}\b", rules)


def test_contrast_is_the_one_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)


# ----- files and places


def test_a_person_writes_report_and_card_where_they_like(tmp_path):
    result = samples.boston()
    assert result.report(tmp_path / "r.html") == tmp_path / "r.html"
    assert result.card(str(tmp_path / "c.html"), k=5) == tmp_path / "c.html"
    assert result.card(tmp_path / "c.md") == tmp_path / "c.md"
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == render(result, "report")
    assert (tmp_path / "c.html").read_text(encoding="utf-8") == render(result, "html", 5)
    assert (tmp_path / "c.md").read_text(encoding="utf-8") == render(result, "md")
    result.card(tmp_path / "c.html")
    with pytest.raises(AuditError, match=r"as .html or .md, not as 'c.pdf'"):
        result.card(tmp_path / "c.pdf")
    (tmp_path / "mine.html").write_text("mine")
    with pytest.raises(AuditError, match="is not a card or report"):
        result.report(tmp_path / "mine.html")
    with pytest.raises(AuditError, match="is a card, so no report is written over it"):
        result.report(tmp_path / "c.html")
    with pytest.raises(AuditError, match="is a report, so no card is written over it"):
        result.card(tmp_path / "r.html")


def test_an_asset_that_is_not_there_is_an_error_by_name():
    with pytest.raises(AuditError, match="no shipped file 'reports/none'"):
        find_asset("reports/none")
    with pytest.raises(AuditError, match="no shipped file"):
        find_asset("../../etc/passwd")


@pytest.mark.parametrize("style", FORMATS)
def test_codes_are_explained_where_they_are_met(style):
    from audit.checks.codes import codes

    known = {c.code: c for c in codes()}
    result = samples.boston()
    strange = replace(result.checks[0], code="DV999", mend="")
    words = html.unescape(" ".join(render(replace(result, checks=(*result.checks, strange)), style).split()))
    for code in ("DV001", "DV002", "DV003", "DV100"):
        assert capitalise(known[code].reason) in words
        assert known[code].reference in words
    assert capitalise(known["DB001"].reason) not in words
    assert "Find out why the value is missing: not asked, or not answered." in words


def test_without_labels_no_column_is_about_labels():
    shown = render(audit.check({"g": ["a"] * 500 + ["b"] * 700}, groups="g"), "md", None)
    assert "Class imbalance compares 'b' (the reference group)" in shown
    assert "proportions of labels" not in shown


def test_groups_that_are_alike_are_not_set_against_themselves():
    decided = [1] * 100
    shown = render(audit.measure(decided, decided, groups={"g": ["a"] * 50 + ["b"] * 50}), "md", None)
    assert "| Selection rate | all equal |" in shown
    assert "a to a" not in shown
    assert "e-" not in "".join(line for line in shown.splitlines() if "by chance)" in line)
