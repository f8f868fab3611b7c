"""The workflow that comments on a pull request, run as written; GitHub's own client is played by recorded answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest
import yaml

from audit.cli.ci.files import SHIPPED

HEAD = "a" * 40
NEWEST = ({"number": 7, "head": {"sha": HEAD}},)
GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >> "$CALLS"
case "$*" in
  *"/artifacts"*) answer=$ARTIFACTS ;;
  "run download"*) cp -r "$KEPT" audit-report; exit ;;
  *"/pulls -f"*) answer=$PULLS ;;
  "api --paginate"*) answer=$COMMENTS ;;
  *) exit ;;
esac
while [ "$1" != --jq ]; do shift; done
jq -r "$2" <<< "$answer"
"""
"""Answers as the API gives them, filtered by the real jq as the real client does."""


@pytest.fixture
def post(root, tmp_path):
    if shutil.which("jq") is None:
        pytest.skip("jq, which filters as GitHub's client does, is not here")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gh").write_text(GH)
    (tmp_path / "bin" / "gh").chmod(0o755)
    (step,) = yaml.safe_load((root / SHIPPED / "github-audit-comment.yml").read_text())["jobs"]["comment"]["steps"]
    (tmp_path / "step.sh").write_text(step["run"])

    def run(text="FAIL", pulls=NEWEST, comments=(), artifacts=("audit-report",), ran=False, **said):
        work, kept = tmp_path / "work", tmp_path / "kept"
        for folder in (work, kept):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        if text is not None:
            (kept / "comment.md").write_bytes(text if isinstance(text, bytes) else text.encode())
        if ran:
            (kept / "junit.xml").write_text("<testsuites/>")
        (tmp_path / "calls").write_text("")
        answers = {
            "ARTIFACTS": json.dumps({"artifacts": [{"name": name} for name in artifacts]}),
            "PULLS": json.dumps(pulls), "COMMENTS": json.dumps(comments), "KEPT": str(kept), "CALLS": str(tmp_path / "calls"),
        }  # fmt: skip
        event = {name: value for name, value in step["env"].items() if "${{" in value}
        assert set(event) == {"GH_TOKEN", "GH_REPO", "RUN_ID", "HEAD_SHA", "HEAD_BRANCH", "HEAD_OWNER"}
        event |= {
            "GH_REPO": "team/model",
            "RUN_ID": "5",
            "HEAD_SHA": HEAD,
            "HEAD_BRANCH": "b",
            "HEAD_OWNER": "o",
        } | said
        path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-e", str(tmp_path / "step.sh")], cwd=work, env=event | answers | {"PATH": path},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        body = (work / "body.md").read_text() if (work / "body.md").exists() else None
        return [line for line in (tmp_path / "calls").read_text().splitlines() if "--method P" in line], body

    return run


OURS = {"id": 31, "user": {"login": "github-actions[bot]"}, "body": "<!-- evenhand -->\nPASS"}
THEIRS = {"id": 30, "user": {"login": "somebody"}, "body": "<!-- evenhand -->\nPASS"}


def test_the_first_report_is_a_comment_and_the_next_one_edits_it(post):
    assert post(comments=(THEIRS,))[0] == [
        "api --method POST repos/team/model/issues/7/comments -F body=@body.md --silent"
    ]
    assert post(comments=(THEIRS, OURS))[0] == [
        "api --method PATCH repos/team/model/issues/comments/31 -F body=@body.md --silent"
    ]


@pytest.mark.parametrize(
    "given",
    [{"artifacts": ()}, {"artifacts": ("audit-report-2",)}, {"text": None}, {"text": ""}, {"pulls": ()},
     {"pulls": ({"number": 7, "head": {"sha": "b" * 40}},)}],
    ids=["no report", "another artefact", "no comment", "empty", "no pull request", "an older commit"],
)  # fmt: skip
def test_nothing_is_posted_where_nothing_is_to_be_said(post, given):
    assert post(**given)[0] == []


def test_a_change_that_is_gone_is_taken_back(post):
    """A comment on change is not written where nothing changed; one of before would stay and be wrong."""
    calls, body = post(text=None, ran=True, comments=(OURS,))
    assert calls == ["api --method PATCH repos/team/model/issues/comments/31 -F body=@body.md --silent"]
    assert (
        body
        == "<!-- evenhand -->\nThe newest run lists no limit that changed against the baseline. Its log has the verdict.\n"
    )
    assert post(text=None, ran=True)[0] == []


def test_what_a_fork_writes_is_text(post, tmp_path):
    """Its branch starts nothing, its report notifies nobody, is bounded, and is valid UTF-8."""
    calls, body = post(
        text="@team $(touch pwned) `touch pwned` \u00e9" + "x" * 200_000,
        HEAD_BRANCH="$(touch pwned)`touch pwned`;touch pwned",
    )
    assert len(calls) == 1
    assert body.startswith("<!-- evenhand -->\n&#64;team $(touch pwned)")
    assert len(body) < 65_536
    assert not list(tmp_path.rglob("pwned"))
    for long in ("@" * 60_000, "a" + "\u00e9" * 60_000):
        calls, body = post(text=long)
        assert len(calls) == 1
        assert 59_000 < len(body.encode()) < 65_536
    assert post(text=b"\xff\xfe ok")[1] == "<!-- evenhand -->\n ok"
