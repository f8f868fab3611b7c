"""Swapped texts are written, decided on, and measured: between less within, over templates."""

from __future__ import annotations

import math

import numpy as np
import pyarrow.parquet as pq
import pytest

import audit
from audit.cli.app import main
from audit.errors import SourceError, ValuesError
from audit.measurement.inference.intervals import bound_mean
from audit.pipeline.substitution import measure_swapped, write_exchanges, write_swapped

TERMS = """
attribute = "gender"
[[slots]]
female = ["Mary", "Anna"]
male = ["John", "Paul"]
"""


def write(folder, texts):
    (folder / "terms.toml").write_text(TERMS)
    (folder / "prompts.csv").write_text("text,source\n" + "".join(f"{text},s\n" for text in texts))
    return write_swapped(folder / "prompts.csv", folder / "terms.toml", folder / "swapped.parquet")


def run(*words):
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, words)))
    return ended.value.code


def decide(folder, decision):
    rows = pq.read_table(folder / "swapped.parquet").to_pylist()
    columns = "item,template,group,arm,to,decision\n"
    lines = "".join(f"{r['item']},{r['template']},{r['group']},{r['arm']},{r['to']},{decision(r)}\n" for r in rows)
    (folder / "decided.csv").write_text(columns + lines)
    return folder / "decided.csv"


def test_texts_are_written_with_their_arms_and_what_was_left_out_is_counted(tmp_path, capsys):
    written = write(tmp_path, ["Mary came.", "John came.", "Nobody came.", "Anna left."])
    assert (written.texts, written.exchanged, written.templates, written.rows) == (4, 3, 2, 9)
    assert [(left.row, left.reason) for left in written.left] == [(3, "no word of the terms")]
    rows = pq.read_table(tmp_path / "swapped.parquet").to_pylist()
    assert [(r["item"], r["arm"], r["to"], r["text"], r["source"]) for r in rows[:3]] == [
        ("1", "original", "female", "Mary came.", "s"),
        ("1", "between", "male", "John came.", "s"),
        ("1", "within", "female", "Anna came.", "s"),
    ]
    words = ["swap", tmp_path / "prompts.csv", "--terms", tmp_path / "terms.toml", "--into", tmp_path / "o.csv"]
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, words)))
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "3 of 4 texts exchanged, of 2 templates; 9 rows in" in said
    assert "1 of 4 texts is not exchanged:\n  1: no word of the terms (row 3)\n" in said


def test_a_column_of_templates_is_told_how_it_is_named(tmp_path):
    (tmp_path / "terms.toml").write_text(TERMS)
    table = tmp_path / "prompts.csv"
    table.write_text("text,template,group\nMary came.,t1,g\n")
    into = tmp_path / "o.csv"
    with pytest.raises(SourceError, match="column 'template' is one .*; rename it, or add --template template$"):
        write_swapped(table, tmp_path / "terms.toml", into)
    with pytest.raises(SourceError, match="column 'group' is one that audit swap writes; rename it$"):
        write_swapped(table, tmp_path / "terms.toml", into, template="template")
    table.write_text("text,template\nMary came.,t1\n")
    assert write_swapped(table, tmp_path / "terms.toml", into, template="template").exchanged == 1


def test_a_model_that_reacts_to_any_name_has_no_effect(tmp_path, capsys):
    write(tmp_path, [f"{name} {verb}." for name in ("Mary", "John") for verb in ("came", "left", "sat", "ran")])
    # It says yes to the first name of each list alone: what changes between changes within as well.
    table = decide(tmp_path, lambda r: int(r["arm"] == "original"))
    for found in measure_swapped(table, "decision"):
        assert (found.effect.between, found.effect.within, found.effect.effect.value) == (1.0, 1.0, 0.0)
        assert (found.effect.texts, found.effect.templates) == (4, 4)
        assert found.effect.effect.alike
    with pytest.raises(SystemExit) as ended:
        main(["swap", str(table), "--decision", "decision"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "female to male: 4 texts of 4 templates" in said
    assert "effect (between less within) +0.0 points (no interval: the templates do not differ)" in said


def test_an_effect_is_between_less_within_with_an_interval_over_templates(tmp_path):
    write(tmp_path, [f"Mary {verb}." for verb in "abcdefghij"])
    table = decide(tmp_path, lambda r: int(r["to"] == "male" and r["template"] < "___ f"))
    (found,) = measure_swapped(table, "decision")
    assert (found.effect.between, found.effect.within) == (0.5, 0.0)
    # Mean .5 of ten templates of one text: t with 9 degrees of freedom, deviation sqrt(10/36).
    reach = 2.2621571628 * math.sqrt(10 * 0.25 / 9) / math.sqrt(10)
    assert found.effect.effect.low == pytest.approx(0.5 - reach, abs=1e-9)
    assert found.effect.effect.high == pytest.approx(0.5 + reach, abs=1e-9)
    assert found.effect.shift.value == 0.5


def test_decisions_that_are_numbers_are_told_in_their_own_unit(tmp_path, capsys):
    write(tmp_path, [f"Mary {verb}." for verb in "abcd"])
    table = decide(tmp_path, lambda r: 250 if r["to"] == "male" else 200)
    with pytest.raises(SystemExit):
        main(["swap", str(table), "--decision", "decision"])
    said = capsys.readouterr().out
    assert "mean change between 50, within 0" in said
    assert "effect (between less within) +50 (" in said
    assert "%" not in said.replace("95%", "")
    assert "points" not in said


def test_an_effect_is_recorded_and_judged_as_the_change_between_two_decisions(tmp_path, capsys):
    """What `audit pairs` measures of the written rows is the effect and the shift that `audit swap` prints."""
    write(tmp_path, [f"{name} {verb}." for name in ("Mary", "John") for verb in "abcdefghij"])
    table = decide(tmp_path, lambda r: int(r["to"] == "male" and r["template"] < "___ g"))
    into = tmp_path / "exchanges.parquet"
    run("swap", table, "--decision", "decision", "--into", into)
    assert "20 exchanges in" in capsys.readouterr().out
    found = {f"{c.group} to {c.to}": c.effect for c in measure_swapped(table, "decision")}
    for columns, part in ((("changed_between", "changed_within"), "effect"), (("between", "within"), "shift")):
        new, earlier = (pq.read_table(into)[name].to_pylist() for name in columns)
        result = audit.pairs(new, earlier, groups={"exchange": pq.read_table(into)["exchange"].to_pylist()})
        for exchange, effect in found.items():
            (change,) = result.find("selection_rate_change", by=["exchange"], group=[exchange])
            assert change.value == getattr(effect, part).value
    words = ["pairs", into, "--prediction", "changed_between", "--against", "changed_within", "--groups", "exchange"]
    limit = ["--unit", "template", "--gate", "selection_rate_change <= 0.1", "--store", tmp_path / "runs"]
    # Ten texts an exchange decide nothing about a limit of ten points.
    assert run(*words, *limit) == 3
    assert run("swap", table, "--decision", "decision", "--into", into) == 2
    assert "exists and is not overwritten" in capsys.readouterr().err


def test_decisions_that_are_numbers_are_not_written_as_pairs(tmp_path):
    write(tmp_path, ["Mary came.", "John left."])
    table = decide(tmp_path, lambda r: 250)
    with pytest.raises(ValuesError, match="'decision' holds numbers; audit pairs compares decisions of yes and no"):
        write_exchanges(table, "decision", tmp_path / "e.parquet")
    assert not (tmp_path / "e.parquet").exists()


def test_words_among_numbers_are_no_decisions_of_one_scale(tmp_path):
    write(tmp_path, ["Mary came.", "John left."])
    table = decide(tmp_path, lambda r: 300 if r["arm"] == "between" else "yes")
    with pytest.raises(ValuesError, match="holds 'yes' and the number 300; write all as yes and no, or all as numbers"):
        measure_swapped(table, "decision")
    table = decide(tmp_path, lambda r: 0 if r["arm"] == "between" else "yes")
    assert measure_swapped(table, "decision")[0].shares


def test_a_text_without_its_template_is_refused(tmp_path):
    (tmp_path / "terms.toml").write_text(TERMS)
    (tmp_path / "prompts.csv").write_text("text,made\nMary came.,t\nMary left.,\n")
    with pytest.raises(SourceError, match="row 2 has no template"):
        write_swapped(tmp_path / "prompts.csv", tmp_path / "terms.toml", tmp_path / "s.csv", template="made")


def test_templates_of_unequal_size_are_clusters():
    values, template = np.array([1.0, 1.0, 1.0, 0.0, 0.0]), np.array([0, 0, 0, 1, 2])
    found = bound_mean(values, template, 0.025)
    residuals = np.array([3 - 0.6 * 3, -0.6, -0.6])
    error = math.sqrt(3 / 2 * float((residuals**2).sum())) / 5
    assert found.high - found.value == pytest.approx(4.302652729911275 * error, abs=1e-9)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text.replace("within", "placebo"), "no arm 'placebo'"),
        (lambda text: "\n".join(text.splitlines()[:-1]) + "\n", "item 2 has no row whose arm is within; decide every arm"),
        (
            lambda text: "\n".join(line for line in text.splitlines() if not line.startswith("1,") or "between" not in line),
            "item 1 has no row whose arm is between",
        ),
        (lambda text: text + text.splitlines()[-1] + "\n", "item 2 has the arm within twice"),
        (lambda text: text.replace(",1\n", ",\n", 1), "decision 'None' is neither yes or no"),
        (lambda text: text.replace("decision", "answer"), "no column 'decision'"),
    ],
)  # fmt: skip
def test_a_table_without_an_arm_or_a_decision_is_refused(tmp_path, damage, said):
    write(tmp_path, ["Mary came.", "John left."])
    table = decide(tmp_path, lambda r: 1)
    table.write_text(damage(table.read_text()))
    with pytest.raises((SourceError, ValuesError), match=said):
        measure_swapped(table, "decision")


def test_an_effect_that_varies_by_template_around_0_is_rarely_found():
    """25 templates of 20 texts: about one interval in twenty lies beside 0; over texts it is more than one in five."""
    random, template, beside, naive = np.random.default_rng(3), np.repeat(np.arange(25), 20), 0, 0
    for _ in range(1000):
        lean = np.repeat(random.normal(0, 0.2, 25), 20)
        values = (random.random(500) < 0.2 + np.maximum(lean, 0)).astype(float)
        values -= random.random(500) < 0.2 + np.maximum(-lean, 0)
        found = bound_mean(values, template, 0.025)
        beside += not found.low <= 0 <= found.high
        naive += abs(values.mean()) > 1.96 * values.std() / math.sqrt(500)
    assert beside / 1000 < 0.07
    assert naive / 1000 > 0.2
