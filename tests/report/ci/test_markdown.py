"""The comment: short, safe, cut by whole sections, and without what the card withholds."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from sample_results import HOSTILE, boston, hostile, single_small_group, unjudged

from audit.report.ci.registry import load_format
from audit.report.ci.sections import Section, write_page
from audit.report.disclosure.publishable import publishable
from reports import report_of, write


def test_the_verdict_comes_first_and_every_limit_has_a_row():
    result = boston()
    text = write("markdown", result)
    lines = text.splitlines()
    assert lines[0] == "<!-- evenhand -->"
    assert lines[2] == "### ✕ FAIL"
    assert sum(line.startswith("| ") and "---" not in line for line in lines) == 1 + len(result.gates)
    shown = publishable(result)
    open_ones = [gate for gate in shown.gates if gate.verdict != "pass"]
    plain = re.sub(r"\\(.)|<[^>]*>", r"\1", text).replace("&lt;", "<")
    assert all(gate.sentence in plain for gate in open_ones)


def test_what_the_card_withholds_is_in_no_comment():
    result = single_small_group()
    whole = {gate.sentence for gate in result.gates}
    text = write("markdown", result)
    assert not any(sentence in text for sentence in whole)
    assert "withheld to protect groups" in text
    assert "Counts under 10" in text


def test_names_begin_nothing():
    text = write("markdown", hostile())
    assert "<script" not in text
    assert HOSTILE not in text
    assert "\u202e" not in text
    assert text.count("\n### ") == 1


def test_a_name_links_no_issue_and_notifies_nobody():
    report = report_of(boston())
    gate = replace(report.result.gates[0], sentence="By team, #12 and @ada differ; see owner/repo#7")
    text = load_format("markdown").write(replace(report, result=replace(report.result, gates=(gate,))))
    assert "#<!-- -->12 and @<!-- -->ada" in text
    assert "repo#<!-- -->7" in text


def test_without_a_limit_it_says_so():
    text = write("markdown", unjudged())
    assert "NOT JUDGED" in text
    assert "below" not in text, "there is no number below"


@pytest.mark.parametrize("most", [300, 700, 1000, 5000])
def test_a_section_is_whole_or_named(most):
    sections = [Section(f"part {at}", f"{at}" * 150) for at in range(6)]
    page = write_page(sections, most)
    assert len(page.encode()) <= max(most, 300)
    for section in sections:
        assert (section.text in page) != (section.title in page)


def test_many_limits_are_counted_and_the_worst_are_shown():
    result = boston()
    many = tuple(replace(result.gates[at % 8], name=f"model.x{at}") for at in range(200))
    report = report_of(replace(result, gates=many))
    text = write("markdown", replace(result, gates=many))
    assert len(text.encode()) < 60_000
    assert "and " in text
    assert report.limits[0].gate.verdict == "fail"
