"""What every command says of itself, byte for byte.

Regenerate with: EVENHAND_UPDATE_GOLDEN=1 pytest tests/cli/test_help.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import typer
from commands import audit as run_command

from audit.cli import audit, init, parts, results
from audit.cli.app import HOMES, app

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "help"
COMMANDS = sorted(typer.main.get_command(app).commands)
WIDTH = {"COLUMNS": "100", "NO_COLOR": "1"}


def help_of(*command):
    done = run_command(*command, "--help")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_reads_as_before(command):
    said, golden = help_of(*command.split()), GOLDEN / f"{command or 'audit'}.txt"
    if os.environ.get("EVENHAND_UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(said)
    assert said == golden.read_text()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_summary_is_one_short_sentence_that_is_never_cut(command):
    first = typer.main.get_command(app).commands[command].help.split("\n\n")[0].strip()
    assert first.endswith(".")
    assert len(first) < 58
    assert first in (GOLDEN / "audit.txt").read_text()


def test_every_golden_file_is_of_a_command():
    assert {path.stem for path in GOLDEN.iterdir()} == {"audit", *COMMANDS}


@pytest.mark.parametrize("module", [audit, parts, results, init])
def test_a_command_is_found_in_its_module_and_nowhere_else(module):
    home = module.__name__.rpartition(".")[2]
    own = [command.settings["name"] for command in module.COMMANDS]
    assert own == [name for name, where in HOMES.items() if where == home]
