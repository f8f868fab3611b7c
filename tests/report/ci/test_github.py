"""GitHub Actions: escapes to the byte, ten annotations at most, a summary that is never too long, outputs."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from sample_results import boston, plain_config, result_of

from audit.report.ci.formats.github import MOST_SUMMARY_BYTES, write_outputs, write_summary
from audit.report.ci.places import Place
from audit.report.ci.plain_text import make_annotation
from audit.report.ci.registry import list_formats, load_format
from reports import report_of, run_here, write

NAME = "a\n::error::x,y:%"


def with_names(name, sentence):
    """The report of one failed limit."""
    report = report_of(boston())
    first = report.limits[0]
    limit = replace(
        first, key=name, gate=replace(first.gate, sentence=sentence), place=Place(file="x,y:z%.toml", line=3)
    )
    return replace(report, limits=(limit,), waivers=())


def test_a_name_that_would_be_a_command_is_one_annotation_to_the_byte():
    assert load_format("github").write(with_names(NAME, f"By {NAME}\r\n100%")) == (
        "::error file=x%2Cy%3Az%25.toml,line=3,title=FAIL a%0A%3A%3Aerror%3A%3Ax%2Cy%3A%25"
        "::By a%0A::error::x,y:%25%0D%0A100%25\n"
    )


def test_a_percent_sign_is_escaped_first_and_control_characters_are_gone():
    assert make_annotation("warning", "%0A\x1b[31m\u202e") == "::warning::%250A[31m"


def test_the_worst_come_first_and_what_is_waived_is_no_error():
    lines = write("github", boston()).splitlines()
    assert [line.split("title=")[1].split(" ")[0] for line in lines] == ["FAIL", "UNDEFINED", *["INCONCLUSIVE"] * 2]
    assert all(line.startswith("::error ") for line in lines)
    assert "base_rate" not in "".join(lines)


@pytest.mark.parametrize(("many", "last"), [(10, None), (11, "and 1 more"), (40, "and 30 more")])
def test_ten_annotations_and_then_their_number(many, last):
    report = report_of(boston())
    limits = tuple(replace(report.limits[0], key=f"limit {at}") for at in range(many))
    lines = load_format("github").write(replace(report, limits=limits)).splitlines()
    assert sum(line.startswith("::") for line in lines) == 10
    assert [line for line in lines if not line.startswith("::")] == (
        [f"{last} in the summary of this step"] if last else []
    )


def test_outputs_hold_no_line_that_a_name_could_end():
    text = write_outputs(replace(report_of(boston()), card="a\nverdict=pass"))
    found = dict(re.findall(r"^([\w-]+)<<(end_[0-9a-f]{32})$", text, re.MULTILINE))
    values = {name: re.search(rf"{name}<<{end}\n(.*)\n{end}\n", text)[1] for name, end in found.items()}
    assert values == {
        "verdict": "fail",
        "exit-code": "1",
        "run": "20261124-091203-7f3a",
        "card": "a verdict=pass",
        "failed": "1",
        "undecided": "3",
        "waived": "1",
    }
    assert write_outputs(report_of(boston())) != write_outputs(report_of(boston()))


def many_groups(number):
    """A result with so many groups of 30, measured as any."""
    rng = np.random.default_rng(5)
    counts = {(f"group {at:06}",): tuple(int(n) for n in rng.integers(20, 40, 4)) for at in range(number)}
    gates = [{"metric": "selection_rate", "compare": "lowest", "by": ["unit"], "min": 0.4}]
    return result_of(("unit",), counts, config=plain_config(("unit",)) | {"gates": gates})


def test_a_summary_of_a_hundred_thousand_groups_is_whole_and_short():
    few = report_of(many_groups(200))
    (key, groups), *_ = few.list_groups()
    assert key == ("model", "selection_rate", "unit")
    assert "<summary>Selection rate by unit (200 groups)</summary>" in write_summary(few)
    # The same groups again and again, as measured: what is written does not depend on which they are.
    estimates = [replace(groups[at % 200], group=(f"group {at:06}",)) for at in range(100_000)]
    report = replace(few, result=replace(few.result, estimates=estimates))
    for most in (MOST_SUMMARY_BYTES, 20_000):
        page = write_summary(report, most)
        assert len(page.encode()) <= most
        assert page.count("<details>") == page.count("</details>")
        assert "Selection rate by unit (100,000 groups)" in page
        assert "The card has everything" in page
    formats = [found for found in map(load_format, list_formats()) if not found.only_on_change]
    assert max(len(found.write(report)) for found in formats) < 60_000


@pytest.fixture
def runner(tmp_path, monkeypatch):
    """A step of GitHub Actions."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    (tmp_path / "audit.json").write_text(boston().to_json())
    return tmp_path


def test_a_step_gets_annotations_summary_and_outputs_by_itself(runner, capsys):
    (runner / "summary.md").write_text("# before\n")
    assert run_here(runner, "gate", "audit.json") == 1
    out = capsys.readouterr().out
    assert sum(line.startswith("::error ") for line in out.splitlines()) == 4
    assert (runner / "summary.md").read_text().startswith("# before\n### ✕ FAIL")
    assert "verdict<<end_" in (runner / "output").read_text()


def test_what_people_read_cannot_command_the_runner(runner, capsys):
    assert run_here(runner, "gate", "audit.json") == 1
    lines = capsys.readouterr().out.splitlines()
    token = re.fullmatch(r"::stop-commands::([0-9a-f]{32})", lines[0])[1]
    end = lines.index(f"::{token}::")
    assert any(line.startswith("FAIL: ") for line in lines[1:end])
    assert all(line.startswith("::error ") for line in lines[end + 1 :])


def test_with_json_annotations_go_to_the_other_stream(runner, capsys):
    import json

    assert run_here(runner, "gate", "audit.json", "--json") == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["verdict"] == "fail"
    assert sum(line.startswith("::error ") for line in told.err.splitlines()) == 4


def test_a_full_summary_is_not_dropped_by_one_more(runner):
    (runner / "summary.md").write_text("x" * (MOST_SUMMARY_BYTES - 300))
    assert run_here(runner, "gate", "audit.json") == 1
    assert (runner / "summary.md").stat().st_size <= MOST_SUMMARY_BYTES


def test_a_summary_that_cannot_be_written_changes_no_exit_code(runner, capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(runner / "no" / "summary.md"))
    assert run_here(runner, "gate", "audit.json") == 1
    assert "could not be written" in capsys.readouterr().err


def test_bad_input_is_an_annotation_too(runner, capsys):
    assert run_here(runner, "gate", "nothing.json") == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("::error")]
    assert line.startswith("::error title=audit::")


def test_gitlab_gets_its_report_by_itself(tmp_path, monkeypatch):
    import json

    monkeypatch.setenv("GITLAB_CI", "true")
    (tmp_path / "audit.json").write_text(boston().to_json())
    assert run_here(tmp_path, "gate", "audit.json") == 1
    found = json.loads((tmp_path / "gl-code-quality-report.json").read_text())
    assert [set(one) for one in found] == [{"description", "check_name", "fingerprint", "severity", "location"}] * 4
    assert {one["severity"] for one in found} == {"critical", "major"}
    assert all(one["location"]["path"] and one["location"]["lines"]["begin"] >= 1 for one in found)
