"""`--report` on commands that judge, and `audit report`: what is written where, and what is refused before."""

from __future__ import annotations

import json
import os
import re

import pytest
from junitparser import JUnitXml
from sample_results import boston, single_small_group

from audit.report.ci.registry import list_formats, load_format
from reports import run_here


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "audit.json").write_text(boston().to_json())
    return tmp_path


def test_several_reports_of_a_judged_run(recorded, capsys):
    assert run_here(recorded, "gate", "audit.json", "--report", "junit", "--report", "markdown=new/comment.md") == 1
    assert len(list(next(iter(JUnitXml.fromfile(str(recorded / "audit-junit.xml")))))) == 8
    assert (recorded / "new" / "comment.md").read_text().startswith("<!-- evenhand -->")
    told = capsys.readouterr()
    assert told.err.splitlines() == ["Wrote audit-junit.xml (junit)", "Wrote new/comment.md (markdown)"]
    # Written anew over its own kind.
    assert run_here(recorded, "gate", "audit.json", "--report", "junit", "--report", "markdown=new/comment.md") == 1


def test_without_a_ci_not_a_byte_is_added(recorded, capsys, monkeypatch):
    assert run_here(recorded, "gate", "audit.json") == 1
    plain = capsys.readouterr()
    monkeypatch.setenv("GITHUB_ACTIONS", "false")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(recorded / "summary.md"))
    assert run_here(recorded, "gate", "audit.json") == 1
    assert capsys.readouterr() == plain
    assert sorted(path.name for path in recorded.iterdir()) == ["audit.json"]


def test_the_record_on_stdout_stays_json(recorded, capsys):
    assert run_here(recorded, "gate", "audit.json", "--json", "--report", "junit") == 1
    assert json.loads(capsys.readouterr().out)["verdict"] == "fail"


def test_every_format_is_in_the_guide(root):
    said = re.search(r"^`--report FORMAT.*$", (root / "docs" / "ci.md").read_text(), re.MULTILINE)[0]
    assert set(list_formats()) <= set(re.findall(r"`([a-z]+)`", said))


@pytest.mark.parametrize("name", [name for name in list_formats() if not load_format(name).only_on_change])
def test_a_recorded_run_is_reported_later(recorded, capsys, name):
    assert run_here(recorded, "report", "audit.json", "--format", name) == 0
    printed = capsys.readouterr().out
    assert printed
    assert run_here(recorded, "report", "audit.json", "--format", name, "--out", "written") == 0
    assert (recorded / "written").read_text() == printed
    assert run_here(recorded, "report", "audit.json", "--format", name, "--out", "written") == 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["junit2"], "no report format 'junit2'; did you mean 'junit'?"),
        (["junit="], "names no file"),
        (["junit=-"], "print it with audit report RUN --format junit"),
        (["junit=audit.json"], "is no junit report, so it is not overwritten"),
        (["junit=audit.json/x.xml"], "'audit.json' is no folder"),
        (["junit=."], "is a folder"),
        (["junit", "junit"], "twice"),
        (["junit=x", "sarif=./x"], "the junit and the sarif report would be one file, 'x'; name two"),
        (["junit=" + "x" * 300], "the name is too long"),
        (["junit=a\0b"], "null character"),
        (["junit=audit.json/x/y.xml"], "is no folder"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_judged(recorded, capsys, asked, said):
    words = [word for one in asked for word in ("--report", one)]
    code = run_here(recorded, "gate", "audit.json", *words)
    told = capsys.readouterr()
    assert code in {2, 4}
    assert said in told.err
    assert not told.out
    assert sorted(path.name for path in recorded.iterdir()) == ["audit.json"]


def test_a_pipe_and_a_device_stay_what_they_are(recorded, capsys):
    os.mkfifo(recorded / "it")
    for words in (("gate", "audit.json", "--report", "junit=it"), ("report", "audit.json", "--out", "it")):
        assert run_here(recorded, *words) in {2, 4}
        assert "device or a pipe; name a file" in capsys.readouterr().err
    assert (recorded / "it").is_fifo()


def test_a_configuration_that_is_not_there_is_refused_and_not_passed_over(recorded, capsys):
    assert run_here(recorded, "report", "audit.json", "--format", "sarif", "--config", "typo.toml") == 2
    assert "typo.toml" in capsys.readouterr().err


def test_a_link_to_nowhere_gets_its_file_and_one_in_a_circle_is_refused(recorded, capsys):
    (recorded / "link").symlink_to("new/x.xml")
    assert run_here(recorded, "gate", "audit.json", "--report", "junit=link") == 1
    assert "<testsuites" in (recorded / "new" / "x.xml").read_text()
    (recorded / "circle").symlink_to("circle")
    assert run_here(recorded, "gate", "audit.json", "--report", "junit=circle") in {2, 4}
    assert "its links lead in a circle" in capsys.readouterr().err


def test_a_report_that_is_lost_costs_a_pass_and_not_another_verdict(tmp_path, capsys, monkeypatch):
    from audit.errors import StoreError
    from audit.system import atomic

    def refuse(path, text):
        raise StoreError("the disk is full")

    monkeypatch.setattr(atomic, "write_text", refuse)
    for made, code in ((boston, 1), (single_small_group, 74)):
        (tmp_path / "audit.json").write_text(made().to_json())
        rules = () if made is boston else ("--gate", "selection_rate ratio >= 0.01")
        assert run_here(tmp_path, "gate", "audit.json", *rules, "--report", "junit") == code
        assert "the junit report was not written: the disk is full" in capsys.readouterr().err


def write_rows(folder):
    rows = [f"{'ab'[at % 2]},{int(at % 5 > 1)},{int(at % 2 == 0 or at % 3 == 0)}" for at in range(400)]
    (folder / "rows.csv").write_text("race,y,p\n" + "\n".join(rows) + "\n")


MODEL = ("model", "rows.csv", "--label", "y", "--prediction", "p", "--groups", "race")
LIMIT = "selection_rate difference <= 0.1"


def test_an_audit_by_a_file_names_the_line_and_one_by_options_names_none(recorded, capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    write_rows(recorded)
    assert run_here(recorded, *MODEL, "--gate", LIMIT, "--report", "sarif") == 1
    (told,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::error")]
    assert told.startswith("::error title=FAIL model.selection_rate.difference.race::By race, ")
    (first,) = json.loads((recorded / "audit.sarif").read_text())["runs"][0]["results"]
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "rows.csv"
    assert run_here(recorded, *MODEL, "--gate", LIMIT, "--write-config", "audit.toml") == 1
    capsys.readouterr()
    assert run_here(recorded, "model", "rows.csv", "--config", "audit.toml", "--report", "sarif") == 1
    line = (recorded / "audit.toml").read_text().splitlines().index("[[gates]]") + 1
    (told,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::error")]
    assert told.startswith(f"::error file=audit.toml,line={line},title=FAIL model.selection_rate.difference.race::")
    (again,) = json.loads((recorded / "audit.sarif").read_text())["runs"][0]["results"]
    assert again["locations"][0]["physicalLocation"]["region"] == {"startLine": line}
    assert again["partialFingerprints"] == first["partialFingerprints"]


def test_a_training_that_fails_is_told_too(recorded, capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(recorded / "output"))
    write_rows(recorded)
    (recorded / "audit.toml").write_text(
        '[data]\nsource = "rows.csv"\nlabel = "y"\ngroups = ["race"]\n[train]\ncommand = ["false"]\n'
        'predictions = "p.csv"\n[predictions]\nprediction = "p"\n[[gates]]\nmetric = "selection_rate"\n'
        'compare = "difference"\nmax = 0.1\n'
    )
    assert run_here(recorded, "run", ".", "--report", "junit") == 5
    assert any(line.startswith("::error title=INCOMPLETE::") for line in capsys.readouterr().out.splitlines())
    assert "\nincomplete\n" in (recorded / "output").read_text()
    cases = list(next(iter(JUnitXml.fromfile(str(recorded / "audit-junit.xml")))))
    assert "exit code 1" in cases[0].result[0].message


def test_a_run_that_was_stopped_has_the_exit_code_of_the_signal(recorded):
    from dataclasses import replace

    from audit.cli.ci.report import AskedReport
    from audit.cli.job import report_result

    run = replace(boston().run, interrupted="SIGTERM", exit_codes={"train": -15})
    stopped = replace(boston(), run=run, gates=(), verdict="incomplete")
    asked = (AskedReport("metrics", recorded / "m.json"),)
    assert report_result(asked, stopped, 143, config=None, folder=None, json=False) == 143
    assert json.loads((recorded / "m.json").read_text())["evenhand"]["exit_code"] == 143


def test_each_candidate_is_told_by_name_in_the_log_and_has_no_file(recorded, capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(recorded / "summary.md"))
    write_rows(recorded)
    head, *rows = (recorded / "rows.csv").read_text().splitlines()
    more = (f"{row},{row[-1]},{at % 2}" for at, row in enumerate(rows))
    (recorded / "rows.csv").write_text("\n".join([f"{head},q,old", *more]) + "\n")
    words = ("pairs", "rows.csv", "--label", "y", "--groups", "race", "--against", "old", "--prediction", "p,q")
    code = run_here(recorded, *words, "--gate", LIMIT)
    lines = capsys.readouterr().out.splitlines()
    assert code == 1
    titles = [line.partition("::error title=")[2].partition("::")[0] for line in lines if line.startswith("::error")]
    assert titles == [f"FAIL model.selection_rate.difference.race ({name} against old)" for name in "pq"]
    summary = (recorded / "summary.md").read_text().splitlines()
    assert [line for line in summary if line.startswith("### ")] == [
        "### ✕ FAIL: p against old",
        "### ✕ FAIL: q against old",
    ]
    assert run_here(recorded, *words, "--gate", LIMIT, "--report", "junit") == 2
    assert "--report takes one --prediction" in capsys.readouterr().err
