"""The line of each limit in audit.toml: found, or not named; never guessed."""

from __future__ import annotations

from contextlib import chdir

import pytest

from audit.config.read import parse
from audit.report.ci.places import Place, find_limit_places, find_rule_lines, find_table_lines, name_in_checkout

HEAD = """
[data]
source = "t.csv"
label = "y"
groups = ["race", "sex"]
[predictions]
source = "t.csv"
prediction = "p"
"""
MANY = '''[[gates]]  # the first
metric = "selection_rate"
compare = "ratio"
min = 0.8
[model]
description = """
[[gates]]
a "" b \\""" c
"""
owner = '[[gates]]' # [[gates]]
intended_use = \'\'\'
[[gates]]
\'\'\'
  [[ gates ]]
  metric = "selection_rate"
  compare = "difference"
  by = ["sex"]
  max = 0.1
'''


def test_a_limit_on_every_column_has_one_line_and_strings_and_comments_hold_none():
    text = HEAD + MANY
    found = find_rule_lines(text, parse(text))
    lines = text.splitlines()
    assert {key[0]: lines[line - 1].strip() for key, line in found.items()} == {
        "model.selection_rate.ratio.race": "[[gates]]  # the first",
        "model.selection_rate.ratio.sex": "[[gates]]  # the first",
        "model.selection_rate.difference.sex": "[[ gates ]]",
    }


def test_inline_tables_have_the_lines_on_which_they_begin():
    text = (
        'gates = [\n  {metric = "selection_rate", compare = "ratio", by = ["race"], min = 0.8},\n'
        '  {metric = "selection_rate", compare = "ratio", by = ["sex"], min = 0.8}]\n'
    ) + HEAD
    assert list(find_rule_lines(text, parse(text)).values()) == [2, 3]


@pytest.mark.parametrize("text", ['[["gates"]]\n', "[x]\ngates = [{min = 1}]\n", "[other.gates]\n"])
def test_what_cannot_be_read_has_no_line(text):
    assert find_table_lines(text, "gates") == []


def test_as_many_lines_as_tables_or_none():
    text = HEAD + MANY.replace("[[ gates ]]", '[["gates"]]')
    assert set(find_rule_lines(text, parse(text)).values()) == {None}


def test_a_file_outside_the_checkout_is_not_named(tmp_path, monkeypatch):
    inside, outside = tmp_path / "repo" / "a", tmp_path / "audit.toml"
    inside.mkdir(parents=True)
    outside.write_text("")
    (inside / "audit.toml").write_text("")
    with chdir(inside):
        assert name_in_checkout(inside / "audit.toml") == "audit.toml"
        assert name_in_checkout(outside) is None
        assert name_in_checkout(inside / "none.toml") is None
        monkeypatch.setenv("GITHUB_WORKSPACE", str(inside.parent))
        assert name_in_checkout(inside / "audit.toml") == "a/audit.toml"


def test_a_file_that_is_not_named_places_only_limits_that_it_sets_so(tmp_path):
    from sample_results import result_of

    text = HEAD + MANY.split("[model]", maxsplit=1)[0]
    (tmp_path / "audit.toml").write_text(text)
    counts = {("a",): (40, 12, 15, 33), ("b",): (35, 20, 10, 55)}
    gates = [{"metric": "selection_rate", "compare": "ratio", "by": ["race"], "min": least} for least in (0.8, 0.7)]
    config = {
        "data": {"label": "y", "groups": ["race"]},
        "predictions": {"source": "m", "prediction": "p"},
        "gates": gates,
    }
    judged = result_of(("race",), counts, config=config).gates
    with chdir(tmp_path):
        at = Place(file="audit.toml", line=text[: text.index("[[gates]]")].count("\n") + 1)
        assert find_limit_places(judged, None) == [at, None]
        assert find_limit_places(judged, tmp_path) == [at, Place(file="audit.toml")]
