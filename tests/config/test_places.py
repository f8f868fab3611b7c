"""The line of audit.toml at which a limit begins."""

from __future__ import annotations

import pytest

from audit.config.places import find_gate_lines, find_line
from audit.config.read import parse
from audit.gates.judge import expand_rules

GATE = '[[gates]]\nmetric = "accuracy"\nmin = 0.7\n'
DATA = '[data]\nlabel = "y"\ngroups = ["a", "b"]\n[predictions]\nsource = "p.csv"\nprediction = "p"\n'


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ()),
        (GATE + GATE, (1, 4)),
        ("\n# [[gates]]\n" + GATE, (3,)),
        ('[model]\nintended_use = """\n[[gates]]\n"""\n' + GATE, (5,)),
        ("[model]\nintended_use = '''\ngates = 1\n'''\n", ()),
        (' [[ "gates" ]] # why\nmetric = "accuracy"\nmin = 0.7\n', (1,)),
        ('\ngates = [\n  {metric = "accuracy", min = 0.7},\n  {metric = "f1", min = 0.7},\n]\n', (2, 2)),
        (GATE.replace("\n", "\r\n") * 2, (1, 4)),
    ],
    ids=["none", "two", "comment", "inside text", "key inside text", "quoted", "one list", "line ends of Windows"],
)
def test_limits_are_found_where_they_begin(text, lines):
    assert find_gate_lines(text) == lines


def test_a_limit_on_every_column_stands_on_one_line():
    text = DATA + GATE.replace("min", 'compare = "ratio"\nmin') + GATE.replace("0.7", '0.6\nby = ["b"]')
    config = parse(text)
    lines = find_gate_lines(text)
    assert [(rule.name, find_line(rule, config, lines)) for rule in expand_rules(config)] == [
        ("model.accuracy.ratio.a", 7),
        ("model.accuracy.ratio.b", 7),
        ("model.accuracy.lowest.b", 11),
    ]


def test_a_limit_that_no_table_asks_for_is_about_the_file():
    config = parse(f"{DATA}[policy]\nfour_fifths = true\n")
    (rule,) = expand_rules(config)
    assert (rule.name, find_line(rule, config, ())) == ("checks.failed", 1)
