"""JUnit: what each verdict becomes, valid by the strictest schema, read by another tool."""

from __future__ import annotations

from dataclasses import replace

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from sample_results import boston, hostile, single_small_group, unjudged
from schemas import find_schema

from audit.report.ci.registry import load_format
from audit.report.disclosure.publishable import publishable
from reports import report_of, stopped, write

KINDS = {
    "fail": Failure,
    "insufficient": Failure,
    "undefined": Error,
    "withheld": Error,
    "waived": Skipped,
    "known": Skipped,
}


@pytest.fixture(scope="module")
def schema():
    import xmlschema

    return xmlschema.XMLSchema(find_schema("junit-10.xsd"))


def with_policy(result, **policy):
    config = dict(result.question.config)
    return replace(result, question=replace(result.question, config=config | {"policy": policy}))


def every_verdict():
    """The whole run, and a limit of every verdict beside."""
    result = boston()
    gates = [replace(result.gates[0], verdict=verdict, name=f"model.x.{verdict}") for verdict in KINDS]
    return replace(result, gates=(*result.gates, *gates), verdict="fail")


RESULTS = {
    "boston": boston,
    "hostile": hostile,
    "no limit": unjudged,
    "withheld numbers": single_small_group,
    "every verdict": every_verdict,
    "incomplete": stopped,
}


@pytest.mark.parametrize("made", RESULTS.values(), ids=RESULTS)
def test_it_is_valid_and_counts_what_it_holds(made, schema):
    text = write("junit", made())
    schema.validate(text)
    suite = next(iter(JUnitXml.fromstring(text.encode())))
    cases = list(suite)
    held = [[type(outcome) for outcome in case.result] for case in cases]
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (
        len(cases),
        *(sum(kind in kinds for kinds in held) for kind in (Failure, Error, Skipped)),
    )


@pytest.mark.parametrize(
    "mutate",
    [
        lambda t: t.replace(' name="model.', ' called="model.', 1),
        lambda t: t.replace("<testcase ", '<testcase file="audit.toml" line="3" ', 1),
        lambda t: t.replace('name="evenhand" tests="8"', 'tests="8"'),
        lambda t: t.replace("<failure ", "<failed ").replace("</failure>", "</failed>"),
    ],
    ids=["test case without a name", "file and line", "suite without a name", "unknown outcome"],
)
def test_a_mutant_is_refused(mutate, schema):
    text = write("junit", boston())
    schema.validate(text)
    assert mutate(text) != text
    assert not schema.is_valid(mutate(text))


def test_each_verdict_becomes_what_a_reader_of_tests_expects():
    result = every_verdict()
    cases = {case.name: case for case in next(iter(JUnitXml.fromstring(write("junit", result).encode())))}
    for gate in publishable(result).gates:
        (outcome,) = cases[gate.name].result or [None]
        assert type(outcome) is KINDS.get(gate.verdict, type(None)), gate.name
        said = outcome.message if outcome is not None else cases[gate.name].system_out
        assert said.endswith(gate.sentence), "the sentence is the limit's own"


def test_a_policy_that_lets_inconclusive_pass_skips_it():
    result = with_policy(every_verdict(), insufficient="warn")
    cases = {case.name: case for case in next(iter(JUnitXml.fromstring(write("junit", result).encode())))}
    (outcome,) = cases["model.x.insufficient"].result
    assert type(outcome) is Skipped


def test_a_run_without_a_verdict_is_never_an_empty_list_of_tests():
    (case,) = next(iter(JUnitXml.fromstring(write("junit", stopped()).encode())))
    assert type(case.result[0]) is Error
    assert "exit code 3" in case.result[0].message
    (case,) = next(iter(JUnitXml.fromstring(write("junit", unjudged()).encode())))
    assert type(case.result[0]) is Skipped


def test_control_characters_are_gone_and_markup_is_text(schema):
    report = report_of(boston())
    gate = replace(report.limits[0].gate, sentence="\x08<i>\ufffe&amp;")
    limit = replace(report.limits[0], gate=gate, key="a\x00\x1b[31m\n<b>&\u202e\ud800")
    text = load_format("junit").write(replace(report, limits=(limit,)))
    schema.validate(text)
    (case,) = next(iter(JUnitXml.fromstring(text.encode())))
    assert case.name == "a[31m <b>&"
    assert case.result[0].message == "<i>&amp;"
