"""Files that are ready to copy: the official checkers take them and refuse mutants, and `audit init --ci` writes them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from check_jsonschema.cli import main as check_jsonschema
from click.testing import CliRunner
from pre_commit.main import main as pre_commit
from typer.testing import CliRunner as TyperRunner

from audit.cli.app import app
from audit.cli.ci.files import FILES, SHIPPED
from audit.system.environment import find_asset

ACTION, HOOKS = "action.yml", ".pre-commit-hooks.yaml"
AUDIT, COMMENT, GITLAB, PRE_COMMIT = (
    f"{SHIPPED}/{name}"
    for name in ("github-audit.yml", "github-audit-comment.yml", "gitlab-ci.yml", "pre-commit-config.yaml")
)
WORKFLOWS = (AUDIT, COMMENT)
PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40}")
ALLOWED = {AUDIT: {"contents": "read"}, COMMENT: {"actions": "read", "pull-requests": "write"}}
"""All that a workflow may do, in whichever place it says so."""


def accepts(schema, text, folder):
    """Whether the official checker takes a text; none of its schemas is downloaded."""
    if schema in {"validate-manifest", "validate-config"}:
        (folder / "hooks.yaml").write_text(text)
        return pre_commit([schema, str(folder / "hooks.yaml")]) == 0
    (folder / "file.yml").write_text(text)
    done = CliRunner().invoke(check_jsonschema, ["--builtin-schema", schema, str(folder / "file.yml")])
    assert done.exit_code in {0, 1}, done.output
    return done.exit_code == 0


CHECKED = [
    ("vendor.github-actions", ACTION, "using: composite", "using: composit"),
    ("vendor.github-actions", ACTION, "      shell: bash\n", ""),
    *((schema, file, old, new)
      for file in WORKFLOWS
      for schema, old, new in [("vendor.github-workflows", "runs-on:", "run-on:"),
                               ("vendor.github-workflows", "permissions:\n", "permissions: all\nx:\n"),
                               ("custom.github-workflows-require-timeout", "    timeout-minutes:", "    # timeout-minutes:")]
      if old in Path(__file__).resolve().parents[3].joinpath(file).read_text()),
    ("vendor.gitlab-ci", GITLAB, "exit_codes: [3]", "exit_codes: [three]"),
    ("vendor.gitlab-ci", GITLAB, "when: always", "when: ever"),
    ("validate-manifest", HOOKS, "language: python", "language: pithon"),
    ("validate-config", PRE_COMMIT, "repo: local", "repository: local"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "file", "old", "new"), CHECKED)
def test_the_official_checker_takes_it_and_no_mutant(root, tmp_path, capsys, schema, file, old, new):
    text = (root / file).read_text()
    assert old in text
    assert accepts(schema, text, tmp_path)
    assert not accepts(schema, text.replace(old, new), tmp_path)


def read_jobs(text):
    """Jobs of a workflow, or the steps of an action as one."""
    document = yaml.safe_load(text)
    return list(document["jobs"].values()) if "jobs" in document else [document["runs"]]


def find_faults(file, text):
    """What no schema knows: text of others inside a script, an action that may change, rights that are not needed."""
    document = yaml.safe_load(text)
    for job in read_jobs(text):
        for step in job["steps"]:
            if "${{" in step.get("run", ""):
                yield f"an expression inside a script: {step['run']}"
            if "uses" in step and not PINNED.fullmatch(step["uses"]):
                yield f"an action that may change: {step['uses']}"
            if "workflow_run" in document.get(True, ()) and "checkout" in step.get("uses", "") + step.get("run", ""):
                yield "the head of a pull request is checked out where a token can write"
        if file in WORKFLOWS:
            rights = {**(document.get("permissions", {"all": "write"})), **job.get("permissions", {})}
            if not rights.items() <= ALLOWED[file].items():
                yield f"rights that are not needed: {rights}"


@pytest.mark.parametrize("file", [ACTION, *WORKFLOWS])
def test_nothing_of_others_runs_and_no_right_is_too_many(root, file):
    assert not list(find_faults(file, (root / file).read_text()))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (ACTION, '"${REQUIREMENT:-', '"${{ inputs.requirement }}${REQUIREMENT:-'),
        (AUDIT, "3d3c42e5aac5ba805825da76410c181273ba90b1", "v7"),
        (AUDIT, "permissions:\n  contents: read\n", ""),
        (AUDIT, "contents: read", "contents: write"),
        (COMMENT, "    steps:\n", f"    steps:\n      - uses: actions/checkout@{'0' * 40}\n"),
        (COMMENT, "      actions: read", "      contents: write"),
    ],
)
def test_a_fault_that_is_planted_is_found(root, file, old, new):
    text = (root / file).read_text()
    assert old in text
    assert list(find_faults(file, text.replace(old, new)))


def init(*arguments):
    return TyperRunner().invoke(app, ["init", *arguments])


@pytest.mark.parametrize("ci", FILES)
def test_init_writes_what_ships_and_overwrites_nothing(tmp_path, monkeypatch, ci):
    monkeypatch.chdir(tmp_path)
    done = init("--ci", ci)
    assert done.exit_code == 0
    assert "There is no audit.toml here yet" in done.output
    for shipped, place in FILES[ci].items():
        assert Path(place).read_text() == find_asset(f"{SHIPPED}/{shipped}").read_text()
        assert place in done.output
    kept = list(FILES[ci].values())[-1]
    Path(kept).write_text("mine")
    for place in list(FILES[ci].values())[:-1]:
        Path(place).unlink()
    refused = init("--ci", ci)
    assert "exists and is not overwritten" in str(refused.exception)
    assert Path(kept).read_text() == "mine"
    assert sorted(p for p in FILES[ci].values() if Path(p).exists()) == [kept], "all or none"


@pytest.mark.parametrize("there", [".github", ".github/workflows"])
def test_init_refuses_what_is_no_folder_by_name(tmp_path, monkeypatch, there):
    monkeypatch.chdir(tmp_path)
    Path(there).parent.mkdir(exist_ok=True)
    Path(there).symlink_to("nowhere")
    assert f"'{there}' is no folder" in str(init("--ci", "github").exception)


def test_init_writes_both_where_a_table_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("sex,hired\n" + "f,1\nm,0\nf,0\nm,1\n" * 50)
    done = init("t.csv", "--ci", "gitlab", "--label", "hired")
    assert done.exit_code == 0, done.exception
    assert Path("audit.toml").exists()
    assert "They audit as audit.toml says." in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--ci", "githup"], "no CI 'githup'; did you mean 'github'?"),
        ([], "no table is named; give its path, or --ci github for the files of a CI"),
        (["--ci", "github", "--label", "y"], "--label is about a table, and none is named"),
    ],
)
def test_init_says_what_is_wrong(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    done = init(*arguments)
    assert said in str(done.exception)
    assert not list(tmp_path.iterdir())
