"""A result in a notebook and in print: the verdict, the checks, the gaps and the groups, worst first."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sample_results as samples
from card_page import Page

import audit


def applications():
    """One thousand applications, of which those of b are granted more often; five rows have no sex."""
    rng = np.random.default_rng(20261130)
    race = np.resize(["a", "b"], 1_000)
    frame = pd.DataFrame({"race": race, "sex": np.resize(["f", "m", "m"], 1_000), "x": rng.random(1_000)})
    frame.loc[:4, "sex"] = None
    return frame.assign(y=(rng.random(1_000) < np.where(race == "a", 0.2, 0.8)).astype(int))


def checked():
    return audit.check(applications(), label="y", groups=["race", "sex"])


def measured(**more):
    frame = applications()
    return audit.measure(frame.y, frame.y, groups=frame[["race", "sex"]], intersections=2, **more)


def page_of(result):
    return Page(result._repr_html_())


@pytest.mark.parametrize("make", [samples.boston, samples.hostile, samples.unjudged, samples.undefined_rates, checked])
def test_it_stands_on_its_own(make):
    page = page_of(make())
    assert page.faults == []
    assert not {t for t, _ in page.elements} & {"html", "style", "script", "link", "img"}
    assert not any("class" in attrs or "id" in attrs for _, attrs in page.elements), "nothing that a theme could style"


def test_the_verdict_comes_first_and_every_limit_follows_in_words():
    result = samples.boston()
    words = page_of(result).words
    assert words.startswith("✕ FAIL: ")
    assert all(" ".join(gate.sentence.split()) in words for gate in result.gates)


def test_limits_are_in_the_order_of_their_verdicts():
    html = samples.boston()._repr_html_()
    table = html[html.index("Limits") : html.index("Largest gaps")]
    words = re.findall(r"[✕◇∅◐✓] (\w+)", table)
    order = {"Fail": 0, "Undefined": 1, "Inconclusive": 2, "Insufficient": 2, "Waived": 3, "Pass": 4}
    assert len(words) == len(samples.boston().gates)
    assert [order[w] for w in words] == sorted(order[w] for w in words)


def test_a_check_of_data_shows_its_findings_before_anything_else():
    result = checked()
    found = [c for c in result.checks if c.outcome == "warn"]
    assert {"DB003", "DV001"} <= {c.code for c in found}
    words = page_of(result).words
    for check in found:
        assert check.code in words
        assert check.title in words
        assert check.detail in words
        assert f"What to do: {check.mend[0].upper()}" in words
    assert words.index("Data checks that need attention") < words.index("Largest gaps between groups")
    assert f"{len(found)} warnings" in words


def test_gaps_name_both_groups_with_their_rows_and_the_largest_comes_first():
    rows = re.findall(r"<tr>(.*?)</tr>", measured()._repr_html_().split("Largest gaps")[1].split("</table>")[0])
    texts = [" ".join(Page(row).text) for row in rows[1:]]
    apart = measured().find("selection_rate", "difference", by="race")[0]
    low, high = measured().find("selection_rate", by="race")
    assert texts[0].startswith("Selection rate by race")
    assert f"'a' {100 * low.value:.1f}% (n 500)" in texts[0]
    assert f"'b' {100 * high.value:.1f}% (n 500)" in texts[0]
    assert f"{100 * apart.value:.1f} points [{100 * apart.low:.1f}, {100 * apart.high:.1f}]" in texts[0]
    sizes = [float(re.search(r"([\d.]+) points", text)[1]) for text in texts]
    assert sizes == sorted(sizes, reverse=True)


def test_a_gap_that_cannot_be_known_comes_before_those_that_can():
    rows = samples.undefined_rates()._repr_html_().split("Largest gaps")[1].split("</table>")[0]
    assert Page(rows).words.index("undefined") < Page(rows).words.index("points")


def test_rows_without_a_group_and_what_is_undefined_are_named():
    words = page_of(measured()).words
    assert "sex missing" in words
    assert "undefined" in page_of(samples.undefined_rates()).words
    assert "no rows with label" in page_of(samples.undefined_rates()).words


def test_groups_of_few_rows_say_so():
    assert re.search(r"few \d+\.\d% \(n \d+, few rows\)", page_of(samples.single_small_group()).words)
    assert "too few rows to judge alone" in page_of(samples.single_small_group()).words


def test_numbers_never_wrap_and_wide_tables_scroll_inside():
    page = page_of(samples.boston())
    cells = [attrs["style"] for tag, attrs in page.elements if tag in {"td", "th"}]
    assert all("nowrap" in style or "white-space: normal" in style for style in cells)
    boxes = [attrs for tag, attrs in page.elements if tag == "div" and "overflow-x: auto" in attrs.get("style", "")]
    assert len(boxes) == len(page.all("table"))


def test_of_many_groups_the_largest_are_shown_and_the_rest_is_counted():
    counts = {(f"r{i:03d}",): (30 + i, 12, 15, 33) for i in range(150)}
    words = page_of(samples.result_of(("region",), counts)).words
    assert "r149" in words
    assert "120 smaller groups are not shown; result.to_frame() has them." in words


def test_whom_the_policy_excludes_and_which_levels_are_joined_is_said():
    rng = np.random.default_rng(3)
    race = np.array(["a"] * 300 + ["b"] * 300 + ["c"] * 20 + ["d"] * 12)
    y = rng.integers(0, 2, len(race))
    gates = ["selection_rate ratio >= 0.8"]
    small = audit.measure(y, y, groups={"race": race}, least_rows=30, gates=gates)
    assert (
        "Excluded, fewer than 30 rows: 'c', 'd' from selection rate by race ([policy] least_rows)"
        in page_of(small).words
    )
    assert "  Excluded, fewer than 30 rows: 'c', 'd' from selection rate by race ([policy]\n    least_rows)\n" in str(
        small
    )
    joined = audit.measure(y, y, groups={"race": race}, merge={"race": {"other": ["c", "d"]}}, gates=gates)
    assert "Joined levels: race: 'other' joins 'c', 'd'" in page_of(joined).words
    assert "Excluded" not in page_of(joined).words


def test_own_metrics_are_shown_by_their_name():
    result = measured(metrics={"my_share": lambda y, p: float(np.mean(p))})
    assert "my_share" in page_of(result).words


# ----- in print


def test_one_line_says_the_verdict_the_limits_and_the_findings():
    result = checked()
    n = sum(c.outcome == "warn" for c in result.checks)
    run = sum(c.outcome != "not applicable" for c in result.checks)
    assert run < len(result.checks)
    said = f"{run} checks ({n} warnings: DB003, DB006, DV001, …)"
    assert repr(result) == f"AuditResult: NOT JUDGED, no limits, {len(result.estimates)} estimates, {said}"


def test_one_line_counts_the_limits():
    line = repr(samples.boston())
    assert line.startswith("AuditResult: FAIL, ")
    assert "8 limits" in line
    assert "\n" not in line


def test_one_check_is_one_check():
    one = replace(samples.unjudged(), checks=samples.boston().checks[:1])
    assert repr(one).endswith("1 check (1 warning: DV001)")
    assert repr(samples.unjudged()).endswith("0 checks")


@pytest.mark.parametrize("make", [samples.boston, samples.hostile, samples.unjudged, checked, measured])
def test_print_fits_one_screen(make):
    lines = str(make()).splitlines()
    assert len(lines) <= 25
    assert max(map(len, lines)) <= 80
    assert all(line.isprintable() for line in lines)


def test_print_shows_verdict_limits_gaps_and_findings():
    lines = str(samples.boston()).splitlines()
    assert lines[0].startswith("FAIL: ")
    assert "Limits" in lines
    gaps = lines[lines.index("Largest gaps between groups") + 1 :]
    assert re.match(r"  \d+\.\d points \[\d+\.\d, \d+\.\d\] +\w", gaps[0])
    assert any(line.startswith("  DV001  ") for line in lines)
    assert lines[-1] == "All numbers: result.to_frame(); pages: result.report(path), result.card(path)"


# ----- in a browser


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("make", [samples.boston, samples.hostile, checked], ids=lambda f: f.__name__)
def test_no_notebook_scrolls_sideways_and_no_number_is_split(tmp_path, make, width):
    sync = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    file = tmp_path / "page.html"
    file.write_text(f"<!doctype html><meta charset=utf-8>{make()._repr_html_()}", encoding="utf-8")
    with sync.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        view = browser.new_page(viewport={"width": width, "height": 900})
        view.goto(file.as_uri())
        wide = view.evaluate("document.documentElement.scrollWidth")
        lines = view.evaluate(
            "[...document.querySelectorAll('td, th')].filter(c => getComputedStyle(c).whiteSpace === 'nowrap')"
            ".map(c => { const r = document.createRange(); r.selectNodeContents(c.firstChild);"
            " return r.getClientRects().length; })"
        )
        browser.close()
    assert wide <= width
    assert lines
    assert set(lines) <= {0, 1}, "a number stands in one line; what is folded has none"


def test_print_cuts_no_gap_and_no_limit():
    groups = ["African American or Black", "White", "American Indian and Alaska Native"] * 200
    chosen = [int(i % 3 == 1 or i % 7 < 2) for i in range(len(groups))]
    result = audit.measure(chosen, chosen, groups={"ethnic_origin": groups}, gates=["selection_rate ratio >= 0.8", "accuracy lowest >= 0.5"])  # fmt: skip
    said = str(result)
    assert len(said.splitlines()) <= 25
    assert max(map(len, said.splitlines())) <= 80
    assert " …" not in said
    assert "Selection rate by ethnic_origin: " in " ".join(said.split())


def compressed():
    rows = pd.DataFrame({"race": np.repeat(["a", "b"], 1000), "y": np.resize([0, 1], 2000)}).assign(full=lambda f: f.y)
    for name, changed in {"int8": 2, "pruned": 300}.items():
        rows[name] = np.where(np.arange(2000) < changed, 1 - rows.y, rows.y)
    return audit.compressed(rows, against="full", candidates=["int8", "pruned"], label="y", groups="race")


def test_compressed_models_are_shown_in_a_notebook_and_in_print():
    result = compressed()
    page = page_of(result)
    assert page.faults == []
    for said in (
        "Candidates against the full model full",
        "300 of 2,000 changed (15.0%), net loss 300",
        "Smallest model that passes: int8.",
        "Not measured: no model file is named, so that only its answers are known.",
    ):
        assert said in page.words
    printed = str(result)
    assert "Compressed models\n  Smallest model that passes: int8.\n  PASS          int8: 2 of 2,000 changed" in printed
    assert "  FAIL          pruned: 300 of 2,000 changed (15.0%), net loss 300" in printed
    assert len(printed.splitlines()) <= 25
    assert "Compressed models" not in str(checked())
