"""Standard streams and interrupts as commands meet them: closed, full, without a reader; never another exit code."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time

import pytest
from property_tests import crossed_now

AUDIT = f"{shlex.quote(sys.executable)} -m audit"
MODEL = f"{AUDIT} model t.csv --label y --prediction p --groups g --gate 'selection_rate ratio >= %s'"
COMMANDS = {
    "model that passes": (MODEL % 0.5, 0),
    "model that fails": (MODEL % 0.9, 1),
    "gate": (f"{AUDIT} gate kept/%s --store kept", 0),
    "metrics": (f"{AUDIT} metrics", 0),
    "track": (f"{AUDIT} track -- sh -c 'exit 7'", 7),
    "a table that is not there": (f"{AUDIT} data nowhere.csv --label y --groups g", 2),
}
EVERY = {
    "data": (f"{AUDIT} data t.csv --label y --groups g", 0),
    "model": (MODEL % 0.5, 0),
    "run": (f"{AUDIT} run .", 0),
    "card": (f"{AUDIT} card kept/%s", 0),
    "list": (f"{AUDIT} list --store kept", 0),
    "show": (f"{AUDIT} show --store kept", 0),
    "diff": (f"{AUDIT} diff latest latest --store kept", 0),
    "verify": (f"{AUDIT} verify kept/%s", 0),
    "pairs": (f"{AUDIT} pairs t.csv --label y --prediction p --against old --groups g", 0),
    "read": (f"{AUDIT} read items.csv --into made-$$.parquet", 0),
    "items": (f"{AUDIT} model items.parquet --task items --groups group", 0),
    "swap": (f"{AUDIT} swap prompts.csv --terms terms.toml --into made-$$.csv", 0),
    "report": (f"{AUDIT} report kept/%s --format markdown", 0),
    "baseline": (f"{AUDIT} baseline update kept/%s --to made-$$.json", 0),
    "drill": (f"{AUDIT} drill kept/%s --faults withheld --sizes 0.5 --seeds 5", 0),
    "checks": (f"{AUDIT} checks", 0),
    "conform": (f"{AUDIT} conform", 0),
    "plan": (f"{AUDIT} plan --parameters 7B --tokens 1T --device h100 --country FRA", 0),
    "init": (f"{AUDIT} init t.csv --output made-$$.toml", 0),
    "help": (f"{AUDIT} --help", 0),
    "version": (f"{AUDIT} --version", 0),
} | COMMANDS
PRINTING = {"swap", "report", "drill", "card", "list", "show", "diff", "checks", "plan", "help", "version", "metrics"}
STREAMS = {
    "stdout closed": "%s >&-",
    "stderr closed": "%s 2>&-",
    "all three closed": "%s <&- >&- 2>&-",
    "one line is read": "%s | head -1 >/dev/null; exit ${PIPESTATUS[0]}",
    "nobody reads": "%s 2>&1 | true; exit ${PIPESTATUS[0]}",
    "stderr full": "%s 2>/dev/full",
    "no HOME": "unset HOME; %s",
    "LANG is C": "LC_ALL=C LANG=C %s",
}
TOML = """
[data]
source = "t.csv"
label = "y"
groups = ["g"]
[predictions]
source = "t.csv"
prediction = "p"
[[gates]]
metric = "selection_rate"
compare = "ratio"
min = 0.5
"""
TERMS = """
attribute = "gender"
[[slots]]
female = ["Mary", "Anna"]
male = ["John", "Paul"]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a table whose ratio of selection rates is surely between .5 and .9, and one kept run."""
    folder = tmp_path_factory.mktemp("streams")
    rows = [
        f"{g},{i % 2},{int(i % 10 < chosen)},{int(i % 9 < chosen)}"
        for g, chosen in (("a", 5), ("b", 4))
        for i in range(4000)
    ]
    (folder / "t.csv").write_text("g,y,p,old\n" + "\n".join(rows) + "\n")
    (folder / "audit.toml").write_text(TOML)
    items = [f"mine,i{i},t{i // 5},{'ab'[i % 2]},{('toward', 'away', 'neither')[i % 3]}" for i in range(100)]
    (folder / "items.csv").write_text("task,item,template,group,outcome\n" + "\n".join(items) + "\n")
    assert shell(f"{AUDIT} read items.csv --into items.parquet", folder).returncode == 0
    (folder / "prompts.csv").write_text("text\n" + "".join(f"Mary said yes {i}.\n" for i in range(9)))
    (folder / "terms.toml").write_text(TERMS)
    assert shell(f"{MODEL % 0.5} --store kept", folder).returncode == 0
    return folder


def shell(line, folder):
    environment = {k: v for k, v in os.environ.items() if k != "EVENHAND_TRACEBACK"} | {"COLUMNS": "100"}
    (kept,) = [p.name for p in (folder / "kept").glob("2*")] or [""] if (folder / "kept").is_dir() else [""]
    line = line.replace("kept/%s", f"kept/{kept}")
    return subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=60, env=environment)


def holds(command, code, stream, folder):
    done = shell(STREAMS[stream] % command, folder)
    assert done.returncode in {code, 141} if "|" in STREAMS[stream] else done.returncode == code, done.stderr
    for never in ("internal error", "nothing was judged", "Traceback", "Exception ignored"):
        assert never not in done.stderr
    if "|" in STREAMS[stream] and code in {0, 7} and "track" not in command:
        assert not done.stderr


@pytest.mark.parametrize(("name", "stream"), crossed_now(["model that fails", "track"], STREAMS))
def test_no_stream_changes_how_a_command_ends(name, stream, place):
    holds(*COMMANDS[name], stream, place)


@pytest.mark.slow
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("name", EVERY)
def test_no_stream_changes_how_any_command_ends(name, stream, place):
    command, code = EVERY[name]
    holds(command, 74 if name in PRINTING and "closed" in stream and "stderr" not in stream else code, stream, place)


@pytest.mark.parametrize("line", ["show --store kept", "show --store kept --json", "list --store kept", "--version"])
def test_what_is_printed_for_its_own_sake_is_missed_where_stdout_is_closed(line, place):
    done = shell(f"{AUDIT} {line} >&-", place)
    assert done.returncode == 74
    assert "standard output could not be written: it is closed" in done.stderr


def test_a_full_disk_behind_stderr_ends_no_training_that_prints(place, tmp_path):
    """Preparation and training print more than a pipe holds; their words are dropped, their work is not."""
    (tmp_path / "t.csv").write_text((place / "t.csv").read_text())
    talk = "print('words ' * 20000, flush=True)"
    train = f"{talk}; import sys; print('more', file=sys.stderr); import shutil; shutil.copy('t.csv', 'p.csv')"
    words = [f'[data]\nprepare = ["python", "-c", "{talk}"]\nsource = "t.csv"\nlabel = "y"\ngroups = ["g"]\n',
             f'[train]\ncommand = ["python", "-c", "{train}"]\npredictions = "p.csv"\n[predictions]\nprediction = "p"\n']  # fmt: skip
    (tmp_path / "audit.toml").write_text("".join(words))
    done = shell(f"{AUDIT} run . 2>/dev/full", tmp_path)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("NOT JUDGED: ")
    heard = shell(f"{AUDIT} run .", tmp_path)
    assert heard.stdout.startswith("NOT JUDGED: ")
    assert heard.stderr.count("words ") == 40000


def test_a_verdict_needs_no_stdout(place):
    assert shell(f"{MODEL % 0.5} --json >&-", place).returncode == 0
    assert shell(f"{MODEL % 0.9} --json >&-", place).returncode == 1
    assert shell(f"{AUDIT} show --store kept --json | true; exit ${{PIPESTATUS[0]}}", place).returncode in {0, 141}


def test_a_reader_that_leaves_hears_nothing_and_changes_nothing(place):
    holds(*COMMANDS["gate"], "one line is read", place)
    holds(*COMMANDS["metrics"], "nobody reads", place)


def test_a_full_disk_is_named_and_the_run_is_kept(place):
    done = shell(f"{MODEL % 0.5} --json --store full >/dev/full", place)
    assert done.returncode == 74
    assert "No space left on device" in done.stderr
    assert "defect" not in done.stderr
    assert list((place / "full").glob("2*/audit.json"))
    assert shell(f"{MODEL % 0.9} --json >/dev/full", place).returncode == 1
    assert shell(f"{AUDIT} track -- sh -c 'exit 0' >/dev/full", place).returncode == 0


def test_a_command_that_is_metered_runs_without_stderr(place):
    assert shell(f"{AUDIT} track -- sh -c 'echo ran >ran; exit 7' 2>&-", place).returncode == 7
    assert (place / "ran").read_text() == "ran\n"


@pytest.mark.parametrize(
    "broken",
    [
        "from audit.cli import app; app._run = lambda *_: exec('raise KeyboardInterrupt'); app.main()",
        "sys.meta_path.insert(0, Broken()); from audit.cli import main; sys.modules.pop('audit.cli.app', 0); main()",
    ],
    ids=["at work", "at the start"],
)
def test_an_interrupt_that_breaks_into_executed_text_ends_as_any_other(broken, tmp_path):
    """Python remembers such an interrupt of a module, and would end by the signal whatever exit code is asked for."""
    finder = "import sys\nclass Broken:\n def find_spec(self, name, *_):\n  if name == 'audit.cli.app': exec('raise KeyboardInterrupt')\n"
    (tmp_path / "broken.py").write_text(finder + broken)
    done = subprocess.run([sys.executable, "-m", "broken"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "audit: interrupted (Ctrl-C); the command did not finish\n")


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("presses", [1, 2, 5])
def test_interrupts_end_in_one_sentence(presses, tmp_path):
    (tmp_path / "audit.toml").write_text(
        TOML.replace('source = "t.csv"\nprediction', "prediction")
        + f'[train]\ncommand = ["{sys.executable}", "-c", "open(\'begun\', \'w\'); import time; time.sleep(60)"]\n'
        'predictions = "p.csv"\n'
    )
    (tmp_path / "t.csv").write_text("g,y,p\n" + "a,0,0\na,1,1\nb,0,0\nb,1,1\n" * 50)
    command = [sys.executable, "-m", "audit", "run", "."]
    child = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             start_new_session=True)  # fmt: skip
    until = time.monotonic() + 40
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    for _ in range(presses):
        os.killpg(child.pid, signal.SIGINT)
        time.sleep(0.2)
    said = " ".join(child.communicate(timeout=40)[0].split())
    assert child.returncode == 130
    assert len(re.findall(r"audit: interrupted \(Ctrl-C\)|(?<!interrupted \()Ctrl-C", said)) == 1
    for never in ("internal error", "the training itself failed", "code -2"):
        assert never not in said


def test_a_second_interrupt_may_break_into_the_answer_to_the_first(monkeypatch, capsys):
    from audit.cli import app as door
    from audit.cli.streams import Interrupts

    ends = []

    def end(self):
        ends.append(self)
        if len(ends) == 1:
            raise KeyboardInterrupt
        return True

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Interrupts, "end", end)
    monkeypatch.setattr(door, "app", interrupted)
    with pytest.raises(SystemExit) as left:
        door.main(["list"])
    assert left.value.code == 130
    assert capsys.readouterr().err.count("interrupted (Ctrl-C)") == 1


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_preparation_that_is_stopped_is_no_fault_of_the_data(number, code, tmp_path):
    prepare = f'prepare = ["{sys.executable}", "-c", "open(\'begun\', \'w\'); import time; time.sleep(60)"]\n'
    (tmp_path / "audit.toml").write_text(TOML.replace("[data]\n", f"[data]\n{prepare}"))
    (tmp_path / "t.csv").write_text("g,y,p\n" + "a,0,0\na,1,1\nb,0,0\nb,1,1\n" * 50)
    command = [sys.executable, "-m", "audit", "run", "."]
    child = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
    until = time.monotonic() + 40
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    os.killpg(child.pid, number)
    said = child.communicate(timeout=40)[1]
    assert child.returncode == code, said
    assert "prepare" not in said
    assert said.count("audit: interrupted") == (number == signal.SIGINT)


@pytest.mark.usefixtures("heard")
def test_an_interrupt_that_a_library_turned_into_its_own_error_is_one_all_the_same(monkeypatch, capsys):
    from audit.cli import app

    def interrupted(**_):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        except KeyboardInterrupt as error:
            raise RuntimeError("query interrupted") from error

    monkeypatch.setattr(app, "app", interrupted)
    with pytest.raises(SystemExit) as ended:
        app.main([])
    assert ended.value.code == 130
    assert capsys.readouterr().err == "audit: interrupted (Ctrl-C); the command did not finish\n"


EARLY = """
import os, signal, sys
class Pressed:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Pressed())
from audit.cli import main
main(["checks"])
"""


@pytest.mark.usefixtures("heard")
def test_an_interrupt_before_the_command_is_loaded_is_one_sentence_too(root):
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", EARLY], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (
        130,
        "",
        "audit: interrupted (Ctrl-C); the command did not finish\n",
    )
    silent = subprocess.run(
        ["bash", "-c", f"{shlex.quote(sys.executable)} -c {shlex.quote(EARLY)} 2>&-"], env=environment
    )
    assert silent.returncode == 130
