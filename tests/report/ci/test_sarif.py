"""SARIF: valid by its schema, read by sarif-tools, and only what somebody has to act on."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from contextlib import chdir
from dataclasses import replace

import jsonschema
import pytest
from sample_results import boston, boston_config, hostile, single_small_group, unjudged
from schemas import find_schema

from audit.config.write import write_new
from audit.report.ci.ci_report import make_fingerprint
from audit.report.ci.registry import load_format
from reports import report_of, stopped, write


@pytest.fixture(scope="module")
def validator():
    with pathlib.Path(find_schema("sarif-2.1.0.json")).open(encoding="utf-8") as file:
        schema = json.load(file)
    return jsonschema.validators.validator_for(schema)(schema)


def read(result, **more):
    return json.loads(write("sarif", result, **more))


@pytest.mark.parametrize("made", [boston, hostile, unjudged, single_small_group, stopped])
def test_it_is_valid(made, validator):
    document = read(made())
    assert not list(validator.iter_errors(document))
    (run,) = document["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["locations"]


@pytest.mark.parametrize(
    "mutate",
    [
        lambda run: run["results"][0].update(level="bad"),
        lambda run: run["results"][0].pop("message"),
        lambda run: run["results"][0]["locations"][0].update(line=3),
        lambda run: run["tool"]["driver"].pop("name"),
        lambda run: run["results"][0]["partialFingerprints"].update(value=0.3),
    ],
    ids=["level", "message", "stray key", "driver", "fingerprint"],
)
def test_a_mutant_is_refused(mutate, validator):
    document = read(boston())
    mutate(document["runs"][0])
    assert list(validator.iter_errors(document))


def test_only_what_must_be_acted_on_is_a_result():
    report = report_of(boston())
    (run,) = read(boston())["runs"]
    assert [r["ruleId"] for r in run["results"]] == [limit.key for limit in report.acted_on]
    verdicts = {limit.key: limit.gate.verdict for limit in report.limits}
    assert {verdicts[r["ruleId"]] for r in run["results"]} == {"fail", "undefined", "insufficient"}
    assert [r["level"] for r in run["results"]].count("error") == 1
    config = dict(boston().question.config) | {"policy": {"insufficient": "warn"}}
    lenient = replace(boston(), question=replace(boston().question, config=config))
    assert {verdicts[r["ruleId"]] for r in read(lenient)["runs"][0]["results"]} == {"fail", "undefined"}


def test_an_incomplete_run_is_a_result_so_that_no_alert_is_closed_by_it():
    (run,) = read(stopped())["runs"]
    assert [r["ruleId"] for r in run["results"]] == ["audit.run"]
    assert run["invocations"] == [{"executionSuccessful": False, "exitCode": 5}]


def test_a_result_stands_at_its_line_or_nowhere(tmp_path):
    with chdir(tmp_path):
        assert all("physicalLocation" not in r["locations"][0] for r in read(boston())["runs"][0]["results"])
        config = boston_config()
        config["waivers"][0]["expires"] = "2027-03-01"
        write_new(tmp_path / "audit.toml", config)
        lines = (tmp_path / "audit.toml").read_text().splitlines()
        results = read(boston(), config=tmp_path / "audit.toml")["runs"][0]["results"]
        for result in results:
            physical = result["locations"][0]["physicalLocation"]
            assert physical["artifactLocation"] == {"uri": "audit.toml", "uriBaseId": "%SRCROOT%"}
            at = physical["region"]["startLine"]
            assert lines[at - 1] == "[[gates]]"
            metric = result["ruleId"].split(".")[1]
            assert any(f'"{metric}"' in line for line in lines[at : at + 4])
        assert len({r["locations"][0]["physicalLocation"]["region"]["startLine"] for r in results}) == len(results)


def test_limits_of_options_stand_at_the_table_where_it_is_in_the_checkout(tmp_path):
    with chdir(tmp_path):
        (tmp_path / "boston").mkdir()
        (tmp_path / "boston" / "predictions.parquet").touch()
        (first, *_) = read(boston())["runs"][0]["results"]
    where = first["locations"][0]["physicalLocation"]
    assert where == {"artifactLocation": {"uri": "boston/predictions.parquet", "uriBaseId": "%SRCROOT%"}}


def test_a_fingerprint_knows_the_limit_and_not_the_value():
    report = report_of(boston())
    gate = report.limits[0].gate
    other = replace(gate, estimate=replace(gate.estimate, value=0.1), low=0.05, high=0.2, sentence="another number")
    changed = replace(report, limits=(replace(report.limits[0], gate=other), *report.limits[1:]))
    for name in ("sarif", "gitlab"):
        texts = [json.loads(load_format(name).write(one)) for one in (report, changed)]
        found = [t["runs"][0]["results"] if name == "sarif" else t for t in texts]
        key = "partialFingerprints" if name == "sarif" else "fingerprint"
        before, after = ([finding[key] for finding in one] for one in found)
        assert before == after
        assert found[0] != found[1]
        assert len({json.dumps(one) for one in before}) == len(before)
    assert make_fingerprint("a") != make_fingerprint("b")


def test_two_limits_of_one_name_are_two_findings():
    gates = boston().gates
    same = (gates[0], replace(gates[0], min=0.9), *gates[1:])
    report = report_of(replace(boston(), gates=same))
    assert [limit.key for limit in report.limits][:2] == [gates[0].name, f"{gates[0].name} (2)"]


def test_sarif_tools_read_it_and_name_what_is_new(tmp_path):
    whole = read(boston())
    old = json.loads(json.dumps(whole))
    del old["runs"][0]["results"][0]
    for name, document in (("old", old), ("new", whole)):
        (tmp_path / f"{name}.sarif").write_text(json.dumps(document))
    command = [sys.executable, "-m", "sarif"]
    done = subprocess.run([*command, "summary", "new.sarif"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "error: 1" in done.stdout
    assert "warning: 3" in done.stdout
    done = subprocess.run([*command, "diff", "old.sarif", "new.sarif"], cwd=tmp_path, capture_output=True, text=True)
    assert "model.selection_rate.ratio.race" in done.stdout
