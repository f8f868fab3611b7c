"""Prometheus and DVC: numbers that other tools read, none of them NaN, and none where there is none."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sample_results import boston, hostile, single_small_group, undefined_rates, unjudged

from audit.report.ci.registry import load_format
from reports import report_of, write

RESULTS = [boston, hostile, unjudged, single_small_group, undefined_rates]


def samples(text):
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def leaves(tree):
    for value in tree.values():
        if isinstance(value, dict):
            yield from leaves(value)
        else:
            yield value


@pytest.mark.parametrize("made", RESULTS)
def test_prometheus_reads_every_line_once(made):
    text = write("prometheus", made())
    found = samples(text)
    assert len(found) == sum(not line.startswith("#") for line in text.splitlines())
    assert len({(s.name, tuple(sorted(s.labels.items()))) for s in found}) == len(found)


@pytest.mark.parametrize("mutate", [lambda t: t.replace('"} ', "} ", 1), lambda t: t.replace("} 0.", "} 0,", 1)])
def test_a_mutant_is_refused(mutate):
    text = write("prometheus", boston())
    assert mutate(text) != text
    with pytest.raises(ValueError, match=r".*"):
        samples(mutate(text))


def test_numbers_are_those_of_the_published_record():
    report = report_of(boston())
    found = {
        (s.labels["gate"], s.labels["bound"]): s.value
        for s in samples(write("prometheus", boston()))
        if s.name == "evenhand_limit"
    }
    told = json.loads(write("metrics", boston()))["limits"]
    for limit in report.limits:
        gate = limit.gate
        values = {"value": gate.estimate.value, "low": gate.low, "high": gate.high, "min": gate.min, "max": gate.max}
        for bound, value in values.items():
            assert found.get((limit.key, bound)) == value
            assert told[limit.key].get(bound) == value
        assert told[limit.key]["verdict"] == gate.verdict


@pytest.mark.parametrize("made", RESULTS)
def test_a_leaf_is_a_finite_number_or_a_word(made):
    def refuse(word):
        raise AssertionError(word)

    told = json.loads(write("metrics", made()), parse_constant=refuse)
    assert all(isinstance(leaf, (int, float, str)) for leaf in leaves(told))


def test_what_is_withheld_has_no_number():
    whole = single_small_group()
    assert {e.group for e in report_of(whole).result.estimates if e.status == "suppressed"} >= {("few",)}
    found = [s for s in samples(write("prometheus", whole)) if s.name == "evenhand_estimate"]
    named = {s.labels["group"] for s in found}
    assert named
    assert "few" not in named
    groups = json.loads(write("metrics", whole))["groups"]["model"]["selection_rate"]["race"]
    assert set(groups) == named


def test_groups_that_look_alike_are_two():
    report = report_of(boston())
    (key, groups), *_ = report.list_groups()
    long = "x" * 70
    alike = [replace(groups[0], group=(f"{long}{at}",)) for at in range(2)]
    changed = replace(report, result=replace(report.result, estimates=alike))
    names = json.loads(load_format("metrics").write(changed))["groups"]["model"][key[1]]["race"]
    assert len(names) == 2
    found = [s for s in samples(load_format("prometheus").write(changed)) if s.name == "evenhand_estimate"]
    assert len({s.labels["group"] for s in found}) == 2


def test_groupings_that_look_alike_are_two():
    report = report_of(boston())
    (key, _), *_ = report.list_groups()
    limit = next(one for one in report.limits if one.gate.estimate.by)
    columns = [("x" * 70 + end,) for end in "ab"]
    found = [replace(e, by=by) for by in columns for e in report.result.estimates.of(key[0], key[1], ("race",))]
    gates = [replace(limit.gate, estimate=replace(found[0], compare="ratio", by=by)) for by in columns]
    limits = tuple(replace(limit, gate=gate, key=str(at)) for at, gate in enumerate(gates))
    changed = replace(report, limits=limits, result=replace(report.result, estimates=found))
    assert len(json.loads(load_format("metrics").write(changed))["groups"]["model"][key[1]]) == 2
    lines = load_format("prometheus").write(changed).splitlines()
    assert len({line.rsplit(" ", 1)[0] for line in lines}) == len(lines)
