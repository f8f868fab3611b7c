"""``pytest --audit``: a test for each limit, the audit run once, and next to no cost for those who do not use it."""

from __future__ import annotations

import csv
import datetime as dt
import os
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import guide_data
import pytest
from commands import audit, run_program

DATA = """[data]
source = "rows.csv"
label = "hired"
groups = ["sex", "race", "area"]

[predictions]
source = "predictions.csv"
prediction = "predicted"
"""
TRAINED = DATA.replace(
    '[predictions]\nsource = "predictions.csv"',
    '[train]\ncommand = ["python", "train.py"]\npredictions = "predictions.csv"\n\n[predictions]',
)
FAILS = '\n[[gates]]\nmetric = "selection_rate"\ncompare = "ratio"\nby = ["sex"]\nmin = 0.8\n'
PASSES = FAILS.replace("sex", "race")
OPEN = '\n[[gates]]\nmetric = "accuracy"\ncompare = "difference"\nby = ["race"]\nmax = 0.01\n'
UNDEFINED = '\n[[gates]]\nmetric = "false_positive_rate"\ncompare = "difference"\nby = ["area"]\nmax = 0.9\n'
WAIVED = '\n[[gates]]\nmetric = "true_positive_rate"\ncompare = "difference"\nby = ["sex"]\nmax = 0.1\n'
WAIVER = f"""
[[waivers]]
gate = "model.true_positive_rate.difference.sex"
owner = "head of risk"
reason = "is retrained"
expires = {dt.date.today() + dt.timedelta(days=60)}
max_gap = 0.5
"""
TRAIN = 'from pathlib import Path\n\nwith open("trained", "a") as file:\n    file.write("x")\n{after}\n'
USES = "def test_verdict(audit_result):\n    assert audit_result.verdict == 'fail'\n"
BARE = ("-c", os.devnull, "-p", "no:cacheprovider")
NESTED = (
    "-p",
    "no:faulthandler",
    "-p",
    "no:threadexception",
    "-p",
    "no:unraisableexception",
    "--capture=no",
    "--import-mode=importlib",
)
"""What a pytest inside a pytest must leave as it is."""


def write_predictions(folder):
    with (folder / "rows.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["sex", "race", "area", "hired", "predicted"])
        for sex in "fm":
            chosen = sex == "m"
            # Who lives in the north was always hired, so there is no false positive rate for the north.
            for i in range(400):
                area = "north" if i % 8 in {2, 3} else "south"
                rows.writerow([sex, "ab"[i % 2], area, i // 2 % 2, int((i % 3 == 0) != chosen)])

    (folder / "predictions.csv").write_bytes((folder / "rows.csv").read_bytes())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_predictions(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    return tmp_path


def environment():
    """Plugins by name alone: where evenhand is installed, its own would be loaded twice."""
    return os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "200", "CI": "1"}


def start(folder, *arguments):
    words = [*BARE, "--rootdir", folder, "-p", "audit.pytest_plugin", *arguments]
    program = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"
    return run_program(program, *words, cwd=folder, env=environment())


def run_here(folder, capfd, *arguments):
    """Run pytest in this process; what it prints, and its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        patch.setenv("CI", "1")
        code = pytest.main([*BARE, *NESTED, "--rootdir", str(folder), "-p", "audit.pytest_plugin", *arguments])
    return int(code), capfd.readouterr().out


def test_each_verdict_is_an_outcome_with_its_sentence_and_its_line(folder):
    limits = FAILS + PASSES + OPEN + UNDEFINED + WAIVED + WAIVER
    (folder / "audit.toml").write_text(DATA + limits)
    (folder / "test_uses.py").write_text(USES)
    done = start(folder, "--audit", "audit.toml", "-rA", "--junit-xml", "j.xml", "-o", "junit_family=xunit1")
    assert done.returncode == 1, done.stdout + done.stderr
    ends = re.findall(r"^(FAILED|PASSED|ERROR|SKIPPED)(?: \[1\])? (\S+)(.*)$", done.stdout, re.MULTILINE)
    shown = {where.removeprefix("audit.toml::").rstrip(":"): (word, rest) for word, where, rest in ends}
    assert shown["model.selection_rate.ratio.sex"][0] == "FAILED"
    assert shown["model.selection_rate.ratio.sex"][1].startswith(
        " - By sex, 'f' has a lower selection rate than 'm': 33."
    )
    assert shown["model.selection_rate.ratio.race"][0] == "PASSED"
    assert shown["model.accuracy.difference.race"][0] == "FAILED"
    assert shown["model.accuracy.difference.race"][1].startswith(" - INCONCLUSIVE: By race, ")
    assert shown["model.false_positive_rate.difference.area"][0] == "ERROR"
    assert " - UNDEFINED: " in shown["model.false_positive_rate.difference.area"][1]
    assert "no rows with label 0" in shown["model.false_positive_rate.difference.area"][1]
    line = (DATA + limits).splitlines().index('metric = "true_positive_rate"')
    word, reason = shown[f"audit.toml:{line}"]
    assert word == "SKIPPED"
    assert reason.startswith(" WAIVED: By sex, ")
    assert "Waived by head of risk until " in reason
    assert shown["test_uses.py::test_verdict"][0] == "PASSED"
    assert (
        "FAIL: 5 limits: 1 fails, 1 undefined, 1 inconclusive, 1 waived, 1 passes. Report: audit-runs/" in done.stdout
    )
    assert "Traceback" not in done.stdout + done.stderr
    text = (folder / "audit.toml").read_text().splitlines()
    for case in ET.parse(folder / "j.xml").iter("testcase"):
        if case.get("file") == "audit.toml":
            at = int(case.get("line"))
            assert text[at] == "[[gates]]"
            assert case.get("name").split(".")[1] in text[at + 1]


def test_workers_run_the_audit_once(folder):
    (folder / "audit.toml").write_text(TRAINED + FAILS + PASSES + OPEN)
    (folder / "train.py").write_text(
        TRAIN.format(after='Path("predictions.csv").write_bytes(Path("rows.csv").read_bytes())')
    )
    (folder / "test_uses.py").write_text(USES)
    done = start(folder, "-p", "xdist.plugin", "-n", "2", "--audit", "audit.toml", "-q")
    assert (folder / "trained").read_text() == "x", done.stdout + done.stderr
    assert "2 failed, 2 passed" in done.stdout
    assert "FAIL: 3 limits: 1 fails, 1 inconclusive, 1 passes. Report: audit-runs/" in done.stdout
    assert len([run for run in (folder / "audit-runs").iterdir() if not run.name.startswith(".")]) == 1


def test_who_does_not_use_it_pays_nothing(root):
    """Nothing of ours but names, and under 5 ms; the fastest of three, because the machine does other things too."""
    program = "import pytest, sys; before = set(sys.modules); import audit.pytest_plugin; print(*sorted(set(sys.modules) - before))"
    took = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", program], cwd=root, capture_output=True, text=True, check=True
        )
        assert set(done.stdout.split()) <= {"audit", "audit._version", "audit.pytest_plugin"}
        lines = re.findall(r"^import time:\s*\d+ \|\s*(\d+) \| (audit\S*)$", done.stderr, re.MULTILINE)
        took.append(sum(int(us) for us, name in lines if name in {"audit", "audit.pytest_plugin"}))
        assert lines
    assert min(took) < 5000, took


def test_the_installed_package_announces_it(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"evenhand": "audit.pytest_plugin"}


@pytest.mark.parametrize("chosen", [["--collect-only", "-q"], ["-k", "nothing_of_this"]])
def test_nothing_is_trained_for_what_does_not_run(folder, capfd, chosen):
    (folder / "audit.toml").write_text(TRAINED + FAILS)
    (folder / "train.py").write_text(TRAIN.format(after=""))
    code, said = run_here(folder, capfd, "--audit", "audit.toml", *chosen)
    assert not (folder / "trained").exists()
    assert not (folder / "audit-runs").exists()
    assert ("audit.toml::model.selection_rate.ratio.sex" in said, code) == (
        chosen[0] != "-k",
        0 if chosen[0] != "-k" else 5,
    )


def test_one_limit_is_chosen_by_its_name(folder, capfd):
    (folder / "audit.toml").write_text(DATA + FAILS + PASSES)
    code, said = run_here(folder, capfd, "--audit", "audit.toml", "-k", "ratio.race or nothing", "-q")
    assert code == 0, said
    assert "1 passed, 1 deselected" in said
    code, said = run_here(folder, capfd, "--audit", "audit.toml", "audit.toml::model.selection_rate.ratio.sex", "-q")
    assert code == 1, said
    assert "1 failed" in said


def test_a_policy_may_let_an_inconclusive_limit_be(folder, capfd):
    (folder / "audit.toml").write_text(f'{DATA}\n[policy]\ninsufficient = "warn"\n{OPEN}')
    code, said = run_here(folder, capfd, "--audit", str(folder), "-rs")
    assert code == 0, said
    assert re.search(r"^SKIPPED \[1\] audit\.toml:\d+: INCONCLUSIVE: By race, ", said, re.MULTILINE)


def test_without_limits_nothing_is_judged(folder, capfd):
    (folder / "audit.toml").write_text(DATA)
    code, said = run_here(folder, capfd, "--audit", "audit.toml", "-rs")
    assert code == 0, said
    assert re.search(r"^SKIPPED \[1\] audit\.toml:1: NOT JUDGED: No limit is set\.", said, re.MULTILINE)
    assert re.search(r"^NOT JUDGED: No limit is set\. .* Report: audit-runs/", said, re.MULTILINE)


def test_limits_that_compare_no_groups_say_so(folder, capfd):
    (folder / "audit.toml").write_text(f'{DATA}\n[[gates]]\nstage = "checks"\nmetric = "failed"\nmax = 40\n')
    code, said = run_here(folder, capfd, "--audit", "audit.toml")
    assert code == 0, said
    assert re.search(r"^NOT JUDGED: .* so no difference between groups was judged\.", said, re.MULTILINE)


def test_a_wrong_configuration_is_an_error_of_the_collection(folder, capfd):
    (folder / "audit.toml").write_text(DATA + FAILS.replace("selection_rate", "selektion_rate"))
    code, said = run_here(folder, capfd, "--audit", "audit.toml")
    assert code == 2
    assert re.search(r"^ERROR audit\.toml - .*gates\[0\].*did you mean 'selection_rate'", said, re.MULTILINE)
    assert "Traceback" not in said
    assert "pytest_plugin.py" not in said


def test_a_file_that_is_not_there_is_a_wrong_use(folder, capfd):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        code = pytest.main([*BARE, *NESTED, "-p", "audit.pytest_plugin", "--audit", "audot.toml"])
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: --audit: no file" in capfd.readouterr().err


def test_other_tests_run_beside_the_limits(folder, capfd):
    """A file that is asked for beside its folder took the place of all else in there before pytest 9."""
    (folder / "audit.toml").write_text(DATA + FAILS)
    (folder / "test_other.py").write_text("def test_other():\n    pass\n")
    for arguments in ([], ["."], ["test_other.py"]):
        _, said = run_here(folder, capfd, *arguments, "--audit", "audit.toml", "--collect-only", "-q")
        listed = {line for line in said.splitlines() if "::" in line}
        assert listed == {"audit.toml::model.selection_rate.ratio.sex", "test_other.py::test_other"}, arguments


def test_an_audit_that_pytest_ignores_is_a_wrong_use(folder, capfd):
    (folder / "build").mkdir()
    (folder / "build" / "audit.toml").write_text(DATA + FAILS)
    (folder / "test_other.py").write_text("def test_other():\n    pass\n")
    code, _ = run_here(folder, capfd, "--audit", "build")
    assert code == pytest.ExitCode.USAGE_ERROR
    code, said = run_here(
        folder, capfd, "--audit", "build", "--collect-only", "-q", "test_other.py", "build/audit.toml"
    )
    assert code == 0
    assert "2 tests collected" in said


def test_workers_say_plainly_that_pytest_ignores_the_audit(folder):
    (folder / "build").mkdir()
    (folder / "build" / "audit.toml").write_text(DATA + FAILS)
    (folder / "test_other.py").write_text("def test_other():\n    pass\n")
    done = start(folder, "-p", "xdist.plugin", "-n", "2", "--audit", "build", "-q")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: --audit: 'build/audit.toml' is in a folder that pytest ignores; name it as an argument too" in (
        done.stdout + done.stderr
    )
    assert "INTERNALERROR" not in done.stdout + done.stderr


def test_a_failed_training_is_named(folder, capfd):
    (folder / "audit.toml").write_text(TRAINED + FAILS + PASSES)
    (folder / "train.py").write_text(TRAIN.format(after="raise SystemExit(9)"))
    (folder / "test_uses.py").write_text(USES)
    code, said = run_here(folder, capfd, "--audit", "audit.toml")
    assert code == 1
    why = "INCOMPLETE: Training ended with exit code 9, so nothing was judged."
    assert f"ERROR audit.toml::model.selection_rate.ratio.sex - {why}" in said
    assert f"ERROR audit.toml::model.selection_rate.ratio.race - {why}" in said
    assert f"ERROR test_uses.py::test_verdict - Failed: {why}" in said
    assert (folder / "trained").read_text() == "x"


def test_data_that_is_not_there_is_named_once_a_limit(folder, capfd):
    (folder / "audit.toml").write_text(DATA + FAILS)
    Path("predictions.csv").unlink()
    code, said = run_here(folder, capfd, "--audit", "audit.toml")
    assert code == 1
    assert re.search(r"^ERROR audit\.toml::model\.selection_rate\.ratio\.sex - .*predictions\.csv", said, re.MULTILINE)
    assert "pytest_plugin.py" not in said


def test_the_fixture_needs_the_option(folder, capfd):
    (folder / "test_uses.py").write_text(USES)
    code, said = run_here(folder, capfd, "-q")
    assert code == 1
    assert "audit_result needs an audit; run pytest --audit audit.toml" in said


def test_verdicts_on_compressed_models_are_one_test(folder, capfd):
    """Which model is judged is known after the run, so these have no test each; the worse verdict is the outcome."""
    table = guide_data.decisions(2000)
    table.to_parquet("decisions.parquet")
    (folder / "audit.toml").write_text("""[data]
label = "approved"
groups = ["race"]
[predictions]
source = "decisions.parquet"
prediction = "distilled"
against = "full"
[edge]
candidates = ["distilled"]
seeds = ["seed1", "seed2", "seed3", "seed4", "seed5"]
retrained = ["distilled"]
""")
    code, said = run_here(folder, capfd, "--audit", "audit.toml")
    assert code == 1, said
    assert re.search(r"^(FAILED|ERROR) audit\.toml::edge - ", said, re.MULTILINE), said
    assert re.search(r"^FAIL: 2 limits: ", said, re.MULTILINE), said


def test_what_is_known_from_the_baseline_is_skipped(folder, capfd):
    (folder / "audit.toml").write_text(DATA + FAILS)
    assert audit("run", cwd=folder).returncode == 1
    assert audit("baseline", "update", "latest", "--to", "main.json", cwd=folder).returncode == 0
    (folder / "audit.toml").write_text(f'{DATA}{FAILS}[baseline]\nresult = "main.json"\n')
    code, said = run_here(folder, capfd, "--audit", "audit.toml", "-rs")
    assert code == 0, said
    assert re.search(
        r"^SKIPPED \[1\] audit\.toml:\d+: KNOWN: By sex, .* Known since \d{4}-\d\d-\d\d: ", said, re.MULTILINE
    ), said
    assert re.search(r"^KNOWN: 1 limit\. Report: ", said, re.MULTILINE), said
