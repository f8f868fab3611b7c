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
    for code in found:
        assert re.fullmatch(r"(DV|DB|DL|DP|FM)\d{3}", code.code)
        assert all(len(text) > 10 for text in (code.title, code.reason, code.reference, code.mend)), code.code


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
    with pytest.raises(SystemExit):
        main(["checks", "DL01"])
    assert "no check 'DL01'; did you mean" in capsys.readouterr().err
