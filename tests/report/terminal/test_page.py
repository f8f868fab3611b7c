"""The short form stays on one page, however many limits there are and however long names are."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

import audit
from audit.report.terminal.summary import MOST_LINES, Ending, print_summary

RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy", "false_negative_rate")
TWENTY = [f"{rate} {said}" for rate in RATES for said in ("difference <= 0.1", "ratio >= 0.8", "difference <= 0.6", "ratio >= 0.1")]  # fmt: skip
ROWS = 1200


def judged(names, gates, columns=2):
    """A result in which the first group of the first column is selected far more often than the others."""
    rng = np.random.default_rng(0)
    groups = {f"g{at}": [str(name) for name in rng.choice(names, ROWS)] for at in range(columns)}
    favoured = np.array(groups["g0"]) == names[0]
    predicted = (rng.random(ROWS) < 0.25 + 0.5 * favoured).astype(int)
    return audit.measure(rng.integers(0, 2, ROWS), predicted, groups=groups, gates=gates)


def page(result):
    out = io.StringIO()
    ending = Ending(next_command="audit dashboard", more="audit show --all", option="--verbose")
    print_summary(result, Console(file=out, width=80, color_system=None), ending)
    return out.getvalue()


LONG = [f"{'the same beginning of every name ' * 6}{end}" for end in "abcdefgh"]
PAGES = {
    "twenty limits": (["black", "white", "asian"], TWENTY, 4),
    "many groups": ([f"level {i}" for i in range(12)], TWENTY, 2),
    "names of 200 characters": (LONG, TWENTY[:4], 2),
    "both": (LONG, TWENTY, 3),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_at_most_40_lines_of_80_columns(name):
    text = page(judged(*PAGES[name]))
    assert len(text.splitlines()) <= MOST_LINES
    assert max(map(len, text.splitlines())) <= 80


def test_what_fails_is_never_folded_away_without_its_number():
    result = judged(*PAGES["both"])
    text = " ".join(page(result).split())
    failing = sum(gate.verdict == "fail" for gate in result.gates)
    shown = text.count(" FAIL ")
    assert 0 < shown < failing
    assert f" and {failing - shown} more that fail, " in text
    assert "(audit show --all or --verbose)" in text


def test_names_that_differ_at_their_end_differ_on_the_page():
    rows = page(judged(*PAGES["names of 200 characters"])).partition("Model results")[2].splitlines()
    names = [row[:30] for row in rows if row.startswith("  g0 ")]
    assert len(set(names)) == len(names) > 2
    assert all("…" in name for name in names)
