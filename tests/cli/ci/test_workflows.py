"""The files for CI run as they are written, in a clean clone, and come to what the table of docs/ci.md says.

A step that uses an action of others is not run; the folder and the interpreter that it would make are there already.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from commands import audit

from audit.cli.ci.files import SHIPPED

CONFIG = """[data]
label = "hired"
groups = ["sex"]

[train]
command = ["python", "train.py"]
predictions = "predictions.csv"

[predictions]
prediction = "predicted"

[[gates]]
metric = "selection_rate"
compare = "ratio"
min = 0.8
"""
TRAIN = """import csv

with open("predictions.csv", "w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["sex", "hired", "predicted"])
    rows.writerows([("f", i // 2 % 2, int(i % 4 < {women})) for i in range({rows})])
    rows.writerows([("m", i // 2 % 2, int(i % 4 < 2)) for i in range({rows})])
"""
CASES = {
    "pass": (CONFIG, TRAIN.format(women=2, rows=4000)),
    "fail": (CONFIG, TRAIN.format(women=1, rows=4000)),
    "inconclusive": (CONFIG, TRAIN.format(women=2, rows=40)),
    "a typo in audit.toml": (CONFIG.replace("selection_rate", "selektion_rate"), TRAIN.format(women=2, rows=40)),
    "the training fails": (CONFIG, "raise SystemExit(9)\n"),
}
LIMIT = "file=audit.toml,line=12,title="
ANNOTATED = {
    "pass": [],
    "fail": [f"{LIMIT}FAIL"],
    "inconclusive": [f"{LIMIT}INCONCLUSIVE"],
    "a typo in audit.toml": ["title=audit"],
    "the training fails": ["title=INCOMPLETE", f"{LIMIT}UNDEFINED"],
}
"""Where each annotation stands, and its title up to the name of the limit."""
NORMAL = "fail"
"""Case that is run each time; the others take as long, and run with `make test-all`."""
EACH = [case if case == NORMAL else pytest.param(case, marks=pytest.mark.slow) for case in CASES]
ANNOTATION = re.compile(r"^::error (.*?)::(.*)$", re.MULTILINE)


class Ran(NamedTuple):
    """What a job came to."""

    code: int
    """Exit code of the first step that failed."""
    log: str
    summary: str
    outputs: str
    folder: Path


@pytest.fixture
def clone(tmp_path):
    """Write a repository, and return a clean clone of it."""

    def make(case):
        here, there = tmp_path / "written", tmp_path / "clone"
        here.mkdir()
        config, train = CASES[case]
        (here / "audit.toml").write_text(config)
        (here / "train.py").write_text(train)
        git = ["git", "-C", str(here), "-c", "user.name=a", "-c", "user.email=a@b.c"]
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"], ["clone", "-q", ".", str(there)]):
            subprocess.run([*git, *words], check=True)
        return there

    return make


def surroundings(folder, **more):
    """Variables of a runner: the interpreter of the tests first, and no registry to ask."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return kept | {"PATH": path, "PIP_NO_INDEX": "1", "PIP_QUIET": "2", "NO_COLOR": "1"} | more


def run_steps(steps, folder, inputs=None):
    """Run the scripts of a job in GitHub's shell, with its files."""
    beside = folder.parent
    files = {name: beside / name.lower() for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_ENV")}
    for file in files.values():
        file.write_text("")
    env = surroundings(folder, GITHUB_ACTIONS="true", CI="true", GITHUB_WORKSPACE=str(folder))
    env |= {name: str(file) for name, file in files.items()}
    code, log = 0, ""
    for step in steps:
        if "run" not in step or (code != 0 and "if" not in step):
            continue
        script = beside / "step.sh"
        script.write_text(step["run"])
        # As in "Workflow syntax for GitHub Actions", jobs.<job_id>.steps[*].shell.
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail"] if step.get("shell") == "bash" else ["bash", "-e"]
        own = {name: fill(value, inputs) for name, value in step.get("env", {}).items()}
        done = subprocess.run(
            [*shell, str(script)], cwd=folder, env=env | own, timeout=300, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        code, log = code or done.returncode, log + done.stdout
    summary, outputs = (files[name].read_text() for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"))
    return Ran(code, log, summary, outputs, folder)


def fill(value, inputs):
    """Put the inputs of an action into a value."""
    return re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: inputs[found[1]], str(value))


def read_table(root):
    """The table of docs/ci.md: what a run comes to, by case."""
    rows = re.findall(
        r"^\| (.+?) \| (\d) \| (.+?) \| (.+?) \| (.+?) \|$", (root / "docs/ci.md").read_text(), re.MULTILINE
    )
    return {case: (int(code), annotations, summary, files) for case, code, annotations, summary, files in rows}


def describe(ran):
    """What a run came to, in the words of the table."""
    found = len(ANNOTATION.findall(ran.log))
    report = ran.folder / "audit-report"
    files = sorted(path.name for path in report.iterdir()) if report.is_dir() else []
    annotations = {0: "none", 1: "1 error"}.get(found, f"{found} errors")
    return ran.code, annotations, "yes" if ran.summary else "no", ", ".join(f"`{name}`" for name in files) or "none"


def test_the_table_has_each_case(root):
    assert set(read_table(root)) == set(CASES)


@pytest.mark.parametrize("case", EACH)
def test_the_workflow_comes_to_what_the_table_says(root, clone, case):
    steps = yaml.safe_load((root / SHIPPED / "github-audit.yml").read_text())["jobs"]["audit"]["steps"]
    ran = run_steps(steps, clone(case))
    assert describe(ran) == read_table(root)[case], ran.log
    found = ANNOTATION.findall(ran.log)
    assert [properties.partition(" model.")[0] for properties, _ in found] == ANNOTATED[case]
    assert all(said for _, said in found)
    if case == "a typo in audit.toml":
        assert "did you mean 'selection_rate'?" in ran.log
    elif case == "the training fails":
        assert "Training ended with exit code 9, so nothing was judged." in ran.log


@pytest.mark.slow
def test_the_four_lines_of_the_page_are_enough(root, clone):
    first = re.search(r"^```yaml\n(.*?)^```$", (root / "docs/ci.md").read_text(), re.MULTILINE | re.DOTALL)[1]
    assert len(first.splitlines()) == 4
    ran = run_steps(yaml.safe_load(first), clone("fail"))
    assert (ran.code, len(ANNOTATION.findall(ran.log))) == (1, 1), ran.log


@pytest.mark.slow
@pytest.mark.parametrize("config", ["audit.toml", "-strange $(touch pwned)/audit.toml"])
def test_the_action_takes_its_inputs_as_text(root, clone, config):
    folder = clone("fail")
    if config != "audit.toml":
        (folder / config).parent.mkdir()
        for name in ("audit.toml", "train.py"):
            shutil.move(folder / name, (folder / config).parent / name)
    action = yaml.safe_load((root / "action.yml").read_text())
    inputs = {name: str(given["default"]) for name, given in action["inputs"].items()}
    inputs |= {"config": config, "requirement": "evenhand", "reports": "junit=j.xml\n\nmarkdown=$(touch pwned).md\n"}
    ran = run_steps(action["runs"]["steps"], folder, inputs)
    assert ran.code == 1, ran.log
    assert (folder / "j.xml").exists()
    assert (folder / "$(touch pwned).md").exists()
    assert not list(folder.rglob("pwned"))
    assert re.search(r"^verdict<<(\S+)\nfail\n\1$", ran.outputs, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize(("case", "code", "allowed"), [("fail", 1, False), ("inconclusive", 3, True)])
def test_gitlab_warns_where_nothing_can_be_decided(root, clone, case, code, allowed):
    folder = clone(case)
    job = yaml.safe_load((root / SHIPPED / "gitlab-ci.yml").read_text())["audit"]
    script = folder.parent / "script.sh"
    script.write_text("\n".join(job["script"]))
    env = surroundings(folder, GITLAB_CI="true", CI="true", CI_PROJECT_DIR=str(folder))
    done = subprocess.run(["bash", "-e", str(script)], cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stdout + done.stderr
    assert (code in job["allow_failure"]["exit_codes"]) == allowed
    for place in job["artifacts"]["reports"].values():
        assert (folder / place).stat().st_size > 0


@pytest.mark.slow
def test_pre_commit_refuses_the_push(root, clone):
    folder = clone("fail")
    shutil.copy(root / SHIPPED / "pre-commit-config.yaml", folder / ".pre-commit-config.yaml")
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    env = surroundings(folder, PRE_COMMIT_HOME=str(folder.parent / "home"))
    words = [sys.executable, "-m", "pre_commit", "run", "--hook-stage", "pre-push", "--all-files"]
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL: By sex, 'f' has a lower selection rate than 'm'" in " ".join(done.stdout.split())


@pytest.mark.slow
def test_the_stage_of_dvc_leaves_numbers(root, clone):
    folder = clone("fail")
    stage = yaml.safe_load((root / SHIPPED / "dvc.yaml").read_text())["stages"]["audit"]
    done = subprocess.run(
        ["bash", "-c", stage["cmd"]], cwd=folder, env=surroundings(folder), capture_output=True, timeout=300
    )
    assert done.returncode == 1
    for metrics in stage["metrics"]:
        for place in metrics:
            assert (folder / place).stat().st_size > 0


def test_what_ends_a_command_is_an_annotation_in_github_and_nowhere_else(tmp_path):
    (tmp_path / "audit.toml").write_text(CASES["a typo in audit.toml"][0])
    plain = audit("run", cwd=tmp_path, env={"GITHUB_ACTIONS": ""})
    inside = audit("run", cwd=tmp_path, env={"GITHUB_ACTIONS": "true"})
    assert (plain.returncode, inside.returncode) == (2, 2)
    assert plain.stderr.startswith("audit: audit.toml: gates[0]")
    assert "::error" not in plain.stderr
    assert inside.stderr == f"{plain.stderr}::error title=audit::{plain.stderr.removeprefix('audit: ')}"
