"""`audit track` leaves a command as it runs alone, and says what it drew and little else."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
import sample_results
from commands import audit
from property_tests import crossed_now
from rich.console import Console

from audit.cli import main
from audit.gates.headline import describe_training
from audit.record.result import Energy, EnergyComponent
from audit.record.store import Store
from audit.report.card.energy import make_energy_view
from audit.report.card.render import render
from audit.report.terminal.summary import describe_energy, print_summary


def tracked(folder, *words, options=(), env=None):
    return audit("track", "--store", "runs", *options, "--", *words, cwd=folder, env=env, text=False)


def document(folder):
    (file,) = folder.glob("runs/2*/audit.json")
    return json.loads(file.read_text())


SCRIPTS = {"no first line": "exit 6\n", "comments alone": "# a script\n\nexit 6\n", "several lines": "x=6\nexit $x\n"}


@pytest.mark.parametrize(("text", "how"), crossed_now(SCRIPTS.values(), ["./job", "path", "PATH"]))
def test_a_script_without_a_first_line_is_the_shells(tmp_path, text, how):
    (tmp_path / "job").write_text(f'touch "$1"\n{text}')
    (tmp_path / "job").chmod(0o755)
    word = {"./job": "./job", "path": str(tmp_path / "job"), "PATH": "job"}[how]
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    alone = subprocess.run(["env", word, "a b"], cwd=tmp_path, env=os.environ | env, check=False).returncode
    (tmp_path / "a b").unlink()
    done = tracked(tmp_path, word, "a b", env=env)
    assert done.returncode == alone == 6, done.stderr
    assert (tmp_path / "a b").exists()
    assert document(tmp_path)["run"]["command"][-2:] == ["job", "…"]


@pytest.mark.parametrize(
    ("options", "word"),
    crossed_now([(), ("--record-arguments",)], [b"\xff\xfea", b"caf\xe9", b"\xed\xb3\xbf", b"--x=\x80", "é".encode()]),
)
def test_bytes_that_are_not_utf_8_reach_the_command_and_the_run_is_kept(tmp_path, options, word):
    code = "import os, sys; sys.stdout.buffer.write(os.fsencode(sys.argv[1])); sys.exit(5)"
    done = tracked(tmp_path, sys.executable, "-c", code, word, options=options)
    assert done.returncode == 5
    assert done.stdout.startswith(word)
    assert b"not recorded" not in done.stderr
    kept = document(tmp_path)["run"]["command"][-1]
    assert kept == word.decode("utf-8", "backslashreplace") if options else "…" in kept


def test_it_leads_with_the_energy(tmp_path):
    done = tracked(tmp_path, sys.executable, "-c", "import time; time.sleep(1)")
    said = done.stdout.decode()
    assert done.returncode == 0
    assert said.startswith("Energy  "), said
    assert "NOT JUDGED" not in said
    done = tracked(tmp_path, sys.executable, "-c", "raise SystemExit(7)")
    said = done.stdout.decode()
    assert said.startswith("Energy  "), said
    assert "The command ended with exit code 7" in said
    assert "Exit code 7, from the command itself" in said


def component(phase, **fields):
    return EnergyComponent(component="cpu", phase=phase, energy_j=None, method="none", **fields)


UNTRAINED = Energy(components=(component("validate"), component("audit")), note="whole machine; not measured")
READY = "not measured: the meter was not ready yet"
UNMEASURED = {
    "nothing trained": (UNTRAINED, "not measured: nothing was trained, and the meter had no reading"),
    "no account": (
        Energy(note="not measured: the meter broke"),
        "not measured: the meter broke",
    ),
    "no word": (Energy(), "not measured: no meter answered"),
    "too short": (
        Energy(components=(component("train", detail=READY), component("audit", detail=READY)), note="whole machine"),
        "not measured: the meter was not ready yet",
    ),
}


@pytest.mark.parametrize("name", UNMEASURED)
def test_what_was_not_measured_is_said_once_and_in_a_line(name):
    energy, said = UNMEASURED[name]
    assert [line.body for line in describe_energy(energy)] == [said]
    view = make_energy_view(energy)
    for text in (view.sentence, view.note):
        assert text.lower().count("not measured: not measured") == 0
    assert not view.note.lower().startswith("not measured")


def test_energy_where_nothing_trained_is_one_line_of_a_card():
    result = replace(sample_results.unjudged(), energy=UNTRAINED)
    text = render(result, "md")
    section = text.partition("Energy and carbon")[2].partition("\n## ")[0]
    assert section.strip() == "Energy: not measured: nothing was trained, and the meter had no reading."
    console = Console(record=True, width=100, file=io.StringIO())
    print_summary(result, console)
    assert console.export_text().count("not measured") == 1


TABLE = "g,y,p\n" + "a,0,0\na,1,1\nb,0,0\nb,1,1\n" * 50
OF_DATA = '[data]\nsource = "t.csv"\nlabel = "y"\ngroups = ["g"]\n'
OF_MODEL = '[data]\nlabel = "y"\ngroups = ["g"]\n[predictions]\nsource = "t.csv"\nprediction = "p"\n'


@pytest.mark.parametrize("asked", [OF_DATA, OF_MODEL], ids=["data", "predictions"])
def test_a_run_that_trains_nothing_is_metered_on_request_alone(tmp_path, capfd, asked):
    (tmp_path / "t.csv").write_text(TABLE)
    for energy in ("", "[energy]\npue = 1.2\n"):
        (tmp_path / "audit.toml").write_text(asked + energy)
        with pytest.raises(SystemExit):
            main(["run", str(tmp_path), "--store", str(tmp_path / "runs")])
        said, found = capfd.readouterr().out, Store(tmp_path / "runs").load().energy
        assert ("Energy  not metered, because nothing was trained" in said) == (not energy)
        assert (found is None) == (not energy)
        rule = "data.base_rate" if asked == OF_DATA else "selection_rate"
        assert f"add [[gates]] to audit.toml, such as {rule} ratio >= 0.8" in said


def test_a_measured_run_without_training_keeps_its_figures():
    found = sample_results.boston().energy
    parts = tuple(replace(c, phase="audit") for c in found.components)
    assert make_energy_view(replace(found, components=parts)).components is not None


def test_the_note_on_a_training_that_was_stopped():
    run = replace(sample_results.boston().run, stopped_by=("data.base_rate.ratio.race",))
    assert any(note.endswith("--continue trains anyway.") for note in describe_training(run))
