"""A prediction column beside its own score: FM002 counts the rows in which they contradict each other."""

from __future__ import annotations

import json

import numpy as np
import pytest

import audit
from audit.cli.app import main


def asked(d, s, g, **more):
    y = np.arange(len(d)) % 2
    result = audit.measure(y, d, score=s, groups={"g": g}, **more)
    return next(c for c in result.checks if c.code == "FM002"), result


def rows(n=400, seed=0):
    rng = np.random.default_rng(seed)
    s = np.round(rng.uniform(size=n), 3)
    return (s >= 0.6).astype(int), s, rng.choice(["a", "b"], n)


def test_a_prediction_that_is_its_score_at_the_threshold_passes():
    d, s, g = rows()
    check, result = asked(d, s, g, threshold=0.6)
    assert (check.outcome, check.detail) == ("pass", "400 rows")
    assert check.title == "Every y_pred matches score ≥ 0.6"
    cube = next(c for c in result.cubes if c.name.startswith("predictions decided"))
    assert sum(cube.measures["n"]) == 400
    assert json.loads(result.to_json())


@pytest.mark.parametrize("threshold", [0.5, 0.55, 0.65, 0.9])
def test_rows_that_contradict_are_counted_as_a_loop_counts_them(threshold):
    d, s, g = rows()
    check, _ = asked(d, s, g, threshold=threshold)
    wrong = sum(int(p) != int(x >= threshold) for p, x in zip(d, s, strict=True))
    assert check.outcome == "warn"
    share = f"({wrong / 400:.1%})"
    assert check.title == f"{wrong:,} of 400 predictions {share} do not match score ≥ {threshold}"
    assert check.mend.startswith("Set the threshold that made the predictions")


def test_the_group_in_which_they_concentrate_is_named_unless_a_small_count_would_follow():
    d, s, g = rows()
    at_b = np.flatnonzero(g == "b")
    d[at_b[:60]] = 1 - d[at_b[:60]]
    check, _ = asked(d, s, g, threshold=0.6)
    assert f"most often for g 'b' ({60 / len(at_b):.1%} of its rows)" in check.detail
    d[np.flatnonzero(g == "a")[:3]] = 1 - d[np.flatnonzero(g == "a")[:3]]
    check, _ = asked(d, s, g, threshold=0.6)
    assert check.title.startswith("63 of 400")
    assert "most often" not in check.detail


def test_a_swapped_direction_is_said_as_such():
    d, s, g = rows()
    check, _ = asked(1 - d, s, g, threshold=0.6)
    assert check.outcome == "warn"
    assert "direction of the score or the positive class is swapped" in check.detail


def test_the_default_threshold_says_nothing_of_scores_that_are_no_probabilities():
    d, s, g = rows()
    check, _ = asked(d, 10 * s, g)
    assert check.outcome == "not applicable"
    check, _ = asked(d, 10 * s, g, threshold=6.0)
    assert check.outcome == "pass"


def test_with_one_of_the_two_there_is_nothing_to_contradict():
    d, s, g = rows()
    y = np.arange(400) % 2
    for more in ({"y_pred": d}, {"score": s}):
        assert "FM002" not in {c.code for c in audit.measure(y, groups={"g": g}, **more).checks}


def test_units_weights_and_missing_groups_change_no_count():
    d, s, g = rows()
    d[:50] = 1 - d[:50]
    g = np.where(np.arange(400) % 5 == 0, None, g)
    check, _ = asked(d, s, g, threshold=0.6, weight=np.ones(400), unit=np.arange(400) // 2)
    assert check.title.startswith("50 of 400")


def bare(s, **more):
    g = np.where(np.arange(len(s)) % 3, "a", "b")
    return audit.measure(np.arange(len(s)) % 2, score=s, groups={"g": g}, **more)


def cut_of(result):
    return [c for c in result.checks if c.code == "FM003"]


GATE = "selection_rate ratio >= 0.8"


@pytest.mark.parametrize(
    "more", [{"gates": GATE}, {"four_fifths": True}, {"gates": "true_positive_rate difference <= 0.1"}]
)
def test_decisions_of_scores_outside_0_to_1_are_not_judged_at_an_assumed_threshold(more):
    """Scores from 1 to 10 at the default of one half select everybody, which passed."""
    s = 1.0 + np.arange(3000) % 10
    with pytest.raises(
        audit.AuditError, match=r"scores 'score' lie from 1 to 10, and the default threshold 0.5 is .*--threshold"
    ):
        bare(s, **more)
    assert bare(s, threshold=5, **more).verdict != "not judged"
    assert bare(s, threshold=0.5, **more).verdict != "not judged"


def test_scores_of_any_range_are_measured_and_their_order_is_judged():
    s = 1.0 + np.arange(3000) % 10
    result = bare(s, gates="roc_auc difference <= 0.9")
    (check,) = cut_of(result)
    assert check.outcome == "warn"
    assert check.title == "Scores do not lie between 0 and 1, and no threshold is set; 0.5 is assumed"
    assert check.detail == "a score of at least 0.5 counts as a positive prediction"
    assert check.mend == "Set the threshold that decides ([predictions] threshold, or --threshold)."
    assert result.verdict == "pass"


def test_an_assumed_threshold_is_said_and_a_named_one_is_not():
    s = (np.arange(3000) % 10) / 10
    (check,) = cut_of(bare(s, gates=GATE))
    assert (check.outcome, check.title) == ("pass", "Scores lie between 0 and 1, so a threshold of 0.5 is assumed")
    assert not cut_of(bare(s, threshold=0.5))
    assert not cut_of(audit.measure(np.arange(3000) % 2, (s > 0.5).astype(int), groups={"g": ["a", "b"] * 1500}))


def test_the_terminal_says_which_threshold_was_assumed(tmp_path, capsys):
    table = tmp_path / "t.csv"
    table.write_text("g,y,s\n" + "".join(f"{'ab'[i % 2]},{i % 3 % 2},{i % 10 / 10}\n" for i in range(300)))
    line = ["model", str(table), "--label", "y", "--score", "s", "--groups", "g", "--store", str(tmp_path / "runs")]
    with pytest.raises(SystemExit):
        main(line)
    assert "a score of at least 0.5 counts as a positive prediction" in capsys.readouterr().out
    table.write_text(table.read_text().replace("0.9", "9"))
    with pytest.raises(SystemExit) as ended:
        main([*line, "--gate", GATE])
    assert ended.value.code == 2
    assert "--threshold" in capsys.readouterr().err
