"""Every check that is made has a code that is explained, and no code means two things."""

from __future__ import annotations

import json
import re

import pytest

from audit.checks.codes import codes
from audit.cli import main


def test_no_code_means_two_things_and_nothing_is_left_unsaid():
    found = codes()
    assert len({c.code for c in found}) == len(found)
    assert len({c.name for c in found}) == len(found)
    for code in found:
        assert re.fullmatch(r"(DV|DB|DL|DP|FM)\d{3}", code.code)
        texts = (code.name, code.plain, code.reason, code.reference, code.mend, *code.passes, *code.finds)
        assert code.passes, code.code
        assert code.finds, code.code
        assert all(len(text) > 10 for text in texts), code.code


def test_a_finding_never_has_the_title_of_a_pass():
    passes = {title for code in codes() for title in code.passes}
    assert not passes & {title for code in codes() for title in (*code.finds, code.plain)}


SHOWN_ANYWHERE = {
    "part",
    "Part",
    "test",
    "Test",
    "in_part",
    "columns",
    "people",
    "of",
    "score",
    "threshold",
    "expectation",
}
"""What a title may name on every page: tables, columns, and what was asked."""


@pytest.mark.parametrize("code", codes(), ids=lambda code: code.code)
def test_the_plain_title_and_that_of_a_pass_name_nothing_that_was_found(code):
    for title in (code.plain, *code.passes):
        assert set(re.findall(r"\{(\w+)\}", title)) <= SHOWN_ANYWHERE | {"by", "prediction"}


@pytest.mark.parametrize("code", codes(), ids=lambda code: code.code)
def test_reasons_and_advice_are_written_alike(code):
    assert code.name[0].isupper()
    assert not code.name.endswith(".")
    assert not code.reason[:2].istitle()
    assert not code.reason.endswith(".")
    assert code.mend[0].isupper()
    assert code.mend.endswith(".")


def test_every_code_in_the_package_is_explained(root):
    known = {c.code for c in codes()}
    used = {
        code
        for path in (root / "audit").rglob("*.py")
        for code in re.findall(r'"((?:DV|DB|DL|DP|FM)\d{3})"', path.read_text())
    }
    assert used == known


def test_they_are_printed(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["checks", "dl001", "--json"])
    assert ended.value.code == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["code"] == "DL001"
    assert list(found)[:5] == ["code", "title", "reason", "reference", "mend"]
    assert found["title"] == found["name"] == "Rows shared by training and test data"
    assert len(found["finds"]) == 2
    with pytest.raises(SystemExit):
        main(["checks", "DL01"])
    assert "no check 'DL01'; did you mean" in capsys.readouterr().err


def test_the_list_has_code_name_and_what_to_do_in_columns(capsys):
    with pytest.raises(SystemExit):
        main(["checks"])
    said = capsys.readouterr().out
    assert all(len(line) <= 80 for line in said.splitlines())
    assert [line[:5] for line in said.splitlines() if line[:5].strip()] == [c.code for c in codes()]
    first = said.splitlines()[:3]
    assert [line[7:39].strip() for line in first] == ["Missing values by group", "", ""]
    assert " ".join(line[41:] for line in first) == codes()[0].mend


def test_one_check_is_explained_whole(capsys):
    with pytest.raises(SystemExit):
        main(["checks", "dv007"])
    said = capsys.readouterr().out
    assert said.splitlines()[:3] == [
        "DV007  Constant or empty columns",
        "  Pass:        No column of the training data is constant or empty",
        "  Finding:     {count} columns of the training data are constant: {named}",
    ]
    assert all(len(line) <= 80 for line in said.splitlines())
    assert "  What to do:  Drop the column, or find the join or filter that lost its values.\n" in said


def test_the_page_is_that_of_the_code(root):
    """Regenerate it with: make schema"""
    from audit.checks.reference import write_page

    page = (root / "docs" / "data-checks.md").read_text(encoding="utf-8")
    assert page == write_page()
    for code in codes():
        for text in (code.name, code.mend, code.reference):
            assert text in page
