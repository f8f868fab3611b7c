"""`--report` on commands that judge, and `audit report`: what is written where, and what is refused before."""

from __future__ import annotations

import json

import pytest
from junitparser import JUnitXml
from sample_results import boston, single_small_group

from audit.report.ci.registry import list_formats
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


@pytest.mark.parametrize("name", list_formats())
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
