"""The comment on change: each limit that moved or whose verdict changed, and nothing at all where none did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reports import run_here

TOML = """
[data]
label = "y"
groups = ["race"]
[predictions]
source = "p.parquet"
prediction = "p"
{more}
[[gates]]
metric = "selection_rate"
compare = "difference"
max = 0.1
[[gates]]
metric = "selection_rate"
compare = "lowest"
min = 0.2
"""
BASELINE = '[baseline]\nresult = "main.json"\n'


def write_table(folder, low, high=0.7, rows=400, seed=1):
    races = np.repeat(["black", "white"], rows)
    predicted = np.concatenate([np.arange(rows) < low * rows, np.arange(rows) < high * rows]).astype(int)
    y = np.random.default_rng(seed).integers(0, 2, 2 * rows)
    pd.DataFrame({"race": races, "y": y, "p": predicted}).to_parquet(folder / "p.parquet")


@pytest.fixture
def place(tmp_path):
    """A baseline of which one limit fails."""
    write_table(tmp_path, 0.5)
    (tmp_path / "audit.toml").write_text(TOML.format(more=""))
    assert run_here(tmp_path, "run") == 1
    assert run_here(tmp_path, "baseline", "update", "latest", "--to", "main.json", "--by", "Ada") == 0
    (tmp_path / "audit.toml").write_text(TOML.format(more=BASELINE))
    return tmp_path


def comment(place, capsys, *more) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run_here(place, "run", "--report", "comment=c.md", *more)
    file = place / "c.md"
    return code, file.read_text() if file.exists() else "", capsys.readouterr().err


def test_without_a_change_there_is_no_file_and_that_is_said(place, capsys):
    write_table(place, 0.49, seed=2)
    code, text, err = comment(place, capsys)
    assert (code, text) == (0, "")
    assert "No limit changed against the baseline, so no comment report was written." in err


def test_a_file_of_before_stays_where_it_is(place, capsys):
    (place / "c.md").write_text("<!-- evenhand -->\nof before\n")
    assert "of before" in comment(place, capsys)[1]


def test_each_limit_that_changed_has_its_sentence_the_worse_first(place, capsys):
    write_table(place, 0.15, seed=2)
    code, text, _ = comment(place, capsys)
    assert code == 1
    lines = [line for line in text.splitlines() if line]
    assert lines[0] == "<!-- evenhand -->"
    assert lines[1].startswith("### 2 limits changed against the baseline of 20")
    assert lines[2].startswith("- **Worse: failed in the baseline, still fails.** Worse than in the baseline of 20")
    assert "it was 20.0 points (95% interval 13 to 26 points) and is 55.0 points" in lines[2]
    assert "black has a lower selection rate than white" in lines[2]
    assert lines[3].startswith("- **Worse: passed in the baseline, fails now.** Worse than")
    assert "Verdict of the run: FAIL. Exit code 1." in lines


def test_what_is_better_is_told_too_and_asks_for_a_new_baseline(place, capsys):
    write_table(place, 0.7, rows=3000)
    code, text, _ = comment(place, capsys)
    assert code == 0
    assert "- **Better: failed in the baseline, passes now.** By race, " in text
    assert "audit baseline update" in text


def test_what_is_better_and_does_not_pass_yet_is_told_in_words_and_asks_for_a_new_baseline(place, capsys):
    write_table(place, 0.57, rows=3000)
    code, text, _ = comment(place, capsys)
    assert code == 0
    assert "- **Better: failed in the baseline, still fails (known, so it does not block).** By race, " in text
    assert "make this run the baseline (audit baseline update)." in text


def test_a_limit_that_is_met_and_worse_says_why_it_blocks(place, capsys):
    write_table(place, 0.35)
    code, text, _ = comment(place, capsys)
    assert code == 1
    assert "- **Worse: passed in the baseline, still passes, but it blocks because it is worse.** Worse than" in text


def test_a_limit_that_is_taken_away_is_a_change(place, capsys):
    asked = place / "audit.toml"
    asked.write_text(asked.read_text().rpartition("[[gates]]")[0])
    _, text, _ = comment(place, capsys)
    assert "**no longer set** model.selection_rate.lowest.race, at least 0.2: it was PASS there." in text


def test_without_a_baseline_it_is_refused_before_anything_is_audited(place, capsys):
    (place / "audit.toml").write_text(TOML.format(more=""))
    runs = sorted((place / "audit-runs").iterdir())
    code, text, err = comment(place, capsys)
    assert (code, text) == (2, "")
    assert "the comment report shows what changed against a baseline, and there is none" in err
    assert sorted((place / "audit-runs").iterdir()) == runs
    assert run_here(place, "report", "latest", "--format", "comment") == 2
    assert run_here(place, "gate", "latest", "--report", "comment=c.md") == 2
    assert run_here(place, "gate", "latest", "--report", "comment=c.md", "--baseline", "main.json") == 0
    assert not (place / "c.md").exists()


def test_a_known_failure_is_a_warning_in_ci_and_skipped_in_junit(place, capsys):
    assert run_here(place, "run", "--report", "junit=j.xml", "--report", "github") == 0
    assert "::warning " in capsys.readouterr().out
    told = Path(place / "j.xml").read_text()
    assert '<skipped message="KNOWN: By race, black' in told
    assert "<failure" not in told
