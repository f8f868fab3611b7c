"""Every way in which a training can end, under `audit track` and under `audit run`: its energy and its code are kept.

And the other way round: whatever happens to the audit, the training ends as it would alone, with the same result.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import io
import json
import os
import pty
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pytest
from commands import audit as run_command
from commands import begin, run_program

from audit.cli.app import main

pytestmark = pytest.mark.usefixtures("heard")
ROOT = Path(__file__).resolve().parents[2]
FLUSH_S = 5.0
TRAIN = """
import glob, hashlib, json, os, pathlib, signal, sys, time

def drawn():
    for record in glob.glob("audit-runs/.*.part/energy.json"):
        rows = json.loads(pathlib.Path(record).read_text())["energy"]["components"]
        if any(r["energy_j"] for r in rows if r["phase"] == "train"):
            return True
    return False

weights = hashlib.sha256()
for step in range(2000):
    weights.update(str(step).encode())
pathlib.Path("outcome").write_bytes(weights.digest())
pathlib.Path("pid").write_text(str(os.getpid()))
end = time.monotonic() + 30
while time.monotonic() < end and not drawn():
    time.sleep(0.05)
pathlib.Path("metered").touch()
"""
WAIT = "time.sleep(60)"
ENDS = {
    "exit 7": ("sys.exit(7)", 7, 7),
    "exception": ("raise ValueError('training')", 1, 1),
    "segfault": ("os.kill(os.getpid(), signal.SIGSEGV)", -11, 139),
    "ctrl-c": (WAIT, -2, 130),
    "term": (WAIT, -15, 143),
    "term group": (WAIT, -15, 143),
    "kill child": (WAIT, -9, 137),
    "kill audit": (WAIT, None, -9),
}
"""Name: how training ends, its own code, and what `audit track` ends with."""
STOPPED = {"ctrl-c": 130, "term": 143, "term group": 143, "kill audit": -9}
"""What `audit run` ends with where it was itself stopped; 5 otherwise."""
TOML = """
[data]
source = "train.csv"
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
by = ["sex"]
min = 0.8
"""
IN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "120"}


@dataclass
class Said:
    returncode: int
    stdout: str
    stderr: str


def audit(*arguments: object, cwd: Path) -> Said:
    """A command that only reads, in this process: starting one takes longer than what it does."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as end,
    ):
        main([str(a) for a in arguments])
    return Said(end.value.code, out.getvalue(), err.getvalue())


def wait_for(condition, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(condition)
        time.sleep(0.02)


def pipeline(folder: Path, body: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.csv").write_text("sex,hired\n" + "".join(f"{'fm'[i % 2]},{i // 2 % 2}\n" for i in range(200)))
    (folder / "train.py").write_text(TRAIN + body)
    (folder / "audit.toml").write_text(TOML)
    return folder


BOTH = [("track", name) for name in ENDS] + [("run", n) for n in ("ctrl-c", "term group", "kill child", "kill audit")]
"""Exits of `audit run` that are not here stand in tests/cli/test_app.py."""
COMMANDS = {"track": ["track", "--", "python", "train.py"], "run": ["run"]}


def ended(how: str, name: str, folder: Path) -> tuple[Path, int, str, float]:
    """Folder, exit code, what was said, and the clock when it was struck."""
    body = ENDS[name][0]
    pipeline(folder, body)
    if name == "ctrl-c":
        return _in_terminal([sys.executable, "-m", "audit", *COMMANDS[how]], folder)
    log = folder / "log"
    with log.open("wb") as file:
        process = begin(*COMMANDS[how], cwd=folder, env=environment(), stdout=file, stderr=file, session=True)
    struck = 0.0
    if body == WAIT:
        wait_for((folder / "metered").exists)
        child, struck = int((folder / "pid").read_text()), time.time()
        if name == "kill child":
            os.kill(child, signal.SIGKILL)
        elif name == "term group":
            os.killpg(process.pid, signal.SIGTERM)
        else:
            process.send_signal(signal.SIGTERM if name == "term" else signal.SIGKILL)
    code = process.wait(60)
    if name == "kill audit":
        os.kill(child, signal.SIGKILL)
    return folder, code, log.read_text(), struck


def _in_terminal(command: list[str], folder: Path) -> tuple[Path, int, str, float]:
    """The same in a terminal of its own, where somebody presses Ctrl-C."""
    master, slave = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", IN_TERMINAL, *command[1:]], cwd=folder, env=environment(),
                               stdin=slave, stdout=slave, stderr=slave, start_new_session=True)  # fmt: skip
    os.close(slave)
    said: list[bytes] = []

    def listen():
        with contextlib.suppress(OSError):
            while chunk := os.read(master, 10_000):
                said.append(chunk)

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        wait_for((folder / "metered").exists)
        struck = time.time()
        os.write(master, b"\x03")
        code = process.wait(60)
    finally:
        process.kill()
        process.wait()
        listener.join(10)
        os.close(master)
    return folder, code, b"".join(said).decode(errors="replace"), struck


@pytest.fixture(autouse=True)
def width(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    """All of them, a few at a time: starting is mostly waiting."""
    base = tmp_path_factory.mktemp("ends")
    with ThreadPoolExecutor(4) as pool:
        asked = {(how, name): pool.submit(ended, how, name, base / how / name.replace(" ", "_")) for how, name in BOTH}
        return {key: future.result() for key, future in asked.items()}


def alone() -> bytes:
    """What training leaves when nobody watches it."""
    weights = hashlib.sha256()
    for step in range(2000):
        weights.update(str(step).encode())
    return weights.digest()


@pytest.mark.parametrize(("how", "name"), BOTH)
def test_the_exit_code_is_by_the_contract_and_the_outcome_untouched(ends, how, name):
    folder, code, said, _ = ends[how, name]
    assert code == (ENDS[name][2] if how == "track" else STOPPED.get(name, 5)), said
    assert (folder / "outcome").read_bytes() == alone()
    assert "codecarbon" not in said


@pytest.mark.parametrize(("how", "name"), [k for k in BOTH if k[1] != "kill audit"])
def test_the_energy_and_the_childs_own_code_are_recorded(ends, how, name):
    folder, _, said, _ = ends[how, name]
    (run,) = (folder / "audit-runs").iterdir()
    assert not run.name.startswith("."), said
    document = json.loads((run / "audit.json").read_text())
    assert document["verdict"] == "incomplete"
    assert document["run"]["exit_codes"] == {"train": ENDS[name][1]}
    trained = [r for r in document["energy"]["components"] if r["phase"] == "train"]
    assert {r["component"] for r in trained} >= {"cpu", "ram"}
    assert all(r["energy_j"] > 0 and r["method"] != "none" for r in trained)
    assert document["energy"]["energy_kwh"] > 0
    judged = audit("gate", run, cwd=folder)
    assert (judged.returncode, judged.stdout.split(":")[0]) == (5, "INTERRUPTED" if name in STOPPED else "INCOMPLETE")


@pytest.mark.parametrize("how", COMMANDS)
def test_a_killed_audit_loses_one_flush_and_is_never_taken_for_a_result(ends, how):
    folder, _, _, struck = ends[how, "kill audit"]
    (left,) = (folder / "audit-runs").iterdir()
    record = json.loads((left / "energy.json").read_text())
    assert left.name.startswith(".")
    assert left.name.endswith(".part")
    written = dt.datetime.fromisoformat(record["written"]).timestamp()
    assert struck - written < FLUSH_S + 1 + 1  # whole seconds in the record, and a loaded machine
    assert record["phase"] == "train"
    assert sum(r["energy_j"] or 0 for r in record["energy"]["components"]) > 0
    run_id = left.name[1 : -len(".part")]
    for named in (left, folder / "audit-runs" / run_id, run_id, run_id[:20]):
        judged = audit("gate", named, cwd=folder)
        assert judged.returncode == 5, judged.stderr
        assert judged.stdout.startswith(f"INCOMPLETE: Run {run_id} has no result: it was stopped or is")
        assert " Wh (" in judged.stdout
        assert judged.stderr == ""
    document = json.loads(audit("gate", run_id, "--json", cwd=folder).stdout)
    assert (document["state"], document["energy"]) == ("incomplete", record["energy"])
    shown = audit("show", run_id, cwd=folder)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert " Wh (" in shown.stdout
    listed = audit("list", cwd=folder)
    assert "  incomplete  " in listed.stdout
    assert " Wh kept" in listed.stdout
    (row,) = json.loads(audit("list", "--json", cwd=folder).stdout)
    assert row["energy_kwh"] == record["energy"]["energy_kwh"]


def test_a_run_without_a_readable_record_is_incomplete_all_the_same(tmp_path):
    run_id = "20261124T020512Z-1a2b3c"
    left = tmp_path / "audit-runs" / f".{run_id}.part"
    left.mkdir(parents=True)
    for content in (
        None,
        "",
        "{",
        '{"energy": 1}',
        '{"energy": {"energy_kwh": "0"}}',
        '{"energy": {"energy_kwh": NaN}}',
    ):
        if content is not None:
            (left / "energy.json").write_text(content)
        judged = audit("gate", run_id, cwd=tmp_path)
        assert judged.returncode == 5
        assert "Energy  not recorded in " in judged.stdout
    assert audit("gate", "20261124T020512Z-ffffff", cwd=tmp_path).returncode == 2


# --- the audit itself in trouble ------------------------------------------------------------------------------------

TINY = """
import hashlib, pathlib, sys, time
weights = hashlib.sha256()
for step in range(2000):
    weights.update(str(step).encode())
pathlib.Path("outcome").write_bytes(weights.digest())
"""


def tracked(folder: Path, body: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "train.py").write_text(TINY + textwrap.dedent(body))
    return run_command("track", *arguments, "--", "python", "train.py", cwd=folder, env=environment())


def assert_unharmed(folder: Path, done: subprocess.CompletedProcess[str], code: int, why: str) -> None:
    assert done.returncode == code, done.stderr
    assert (folder / "outcome").read_bytes() == alone()
    (line,) = done.stderr.splitlines()
    assert line.startswith("audit: energy was not recorded (")
    assert why in line


@pytest.mark.parametrize("code", [0, 7])
def test_a_full_disk(tmp_path, code):
    (tmp_path / "train.py").write_text(f"{TINY}sys.exit({code})")
    limited = (  # bytes a file may have: the outcome fits, a record does not
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400)); from audit.cli import main; main()"
    )
    done = run_program(limited, "track", "--", "python", "train.py", cwd=tmp_path, env=environment())
    assert_unharmed(tmp_path, done, code, "cannot write")
    (left,) = (tmp_path / "audit-runs").iterdir()
    assert audit("gate", left, cwd=tmp_path).returncode == 5


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 32 KiB."""
    store = tmp_path / "small"
    store.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "none", store], capture_output=True).returncode != 0:
        pytest.skip("only root may mount a file system")
    yield store
    subprocess.run(["umount", "-l", store], check=True)


def test_a_full_store_on_a_disk_of_its_own(tmp_path, small_disk):
    with contextlib.suppress(OSError):
        (small_disk / "ballast").write_bytes(b"0" * 100_000)
    done = tracked(tmp_path, "sys.exit(7)", "--store", str(small_disk))
    assert_unharmed(tmp_path, done, 7, "No space left" if "No space" in done.stderr else "disk")


def test_a_store_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    assert_unharmed(tmp_path, tracked(tmp_path, "sys.exit(7)", "--store", "file/store"), 7, "cannot be written")
    printed = tracked(tmp_path, "sys.exit(7)", "--store", "file/store", "--json")
    assert_unharmed(tmp_path, printed, 7, "cannot be written")
    assert json.loads(printed.stdout)["run"]["exit_codes"] == {"train": 7}


def test_a_store_that_vanishes_and_cannot_come_back(tmp_path):
    body = """
    import shutil
    shutil.rmtree("stores")
    pathlib.Path("stores").write_text("in the way")
    sys.exit(7)
    """
    assert_unharmed(tmp_path, tracked(tmp_path, body, "--store", "stores/a"), 7, "cannot be written")


def test_a_store_that_vanishes_is_made_again(tmp_path):
    body = "import shutil; shutil.rmtree('audit-runs'); sys.exit(7)"
    done = tracked(tmp_path, body)
    assert (done.returncode, done.stderr) == (7, "")
    (run,) = (tmp_path / "audit-runs").iterdir()
    assert json.loads((run / "audit.json").read_text())["run"]["exit_codes"] == {"train": 7}


def test_a_defect_of_ours_while_concluding(tmp_path):
    """The card's template is broken while training runs: a defect that a real file shows."""
    shutil.copytree(ROOT / "audit", tmp_path / "copy" / "audit", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("reports", "pipelines", "dashboards"):
        shutil.copytree(ROOT / folder, tmp_path / "copy" / folder)
    (tmp_path / "copy" / "audit" / "report" / "card" / "render.py").write_text(
        "FILES = {'report': 'report.html'}\ndef render_several(*a, **k): raise ZeroDivisionError('ours')\n"
    )
    (tmp_path / "train.py").write_text(f"{TINY}sys.exit(7)")
    command = [sys.executable, "-m", "audit", "track", "--", "python", "train.py"]
    env = environment() | {"PYTHONPATH": str(tmp_path / "copy")}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert_unharmed(tmp_path, done, 7, "ZeroDivisionError: ours")
    (left,) = (tmp_path / "audit-runs").iterdir()
    judged = audit("gate", left, cwd=tmp_path)
    assert (judged.returncode, judged.stdout.split(":")[0]) == (5, "INCOMPLETE")


@contextlib.contextmanager
def open_full(stdout: str) -> Iterator[BinaryIO | None]:
    """A file that takes nothing; None for one that is closed before the interpreter starts, which a shell does."""
    if stdout == "closed":
        yield None
    elif stdout == "closed pipe":
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as file:
            yield file
    else:
        with Path(stdout).open("wb") as file:
            yield file


@pytest.mark.parametrize("stdout", ["/dev/full", "closed pipe", "closed"])
def test_a_stdout_that_takes_nothing(tmp_path, stdout):
    (tmp_path / "train.py").write_text(TINY + "sys.exit(7)")
    words, said = ["track", "--", "python", "train.py"], tmp_path / "said"
    with said.open("wb") as stderr, open_full(stdout) as full:
        if full is None:
            shell = shlex.join([sys.executable, "-m", "audit", *words]) + " >&-"
            command = ["bash", "-c", shell]
            code = subprocess.run(command, cwd=tmp_path, env=environment(), stderr=stderr, timeout=60).returncode
        else:
            code = begin(*words, cwd=tmp_path, env=environment(), stdout=full, stderr=stderr).wait()
    assert code == 7, said.read_text()
    assert (tmp_path / "outcome").read_bytes() == alone()


def test_a_failed_training_says_so_even_where_it_cannot_be_recorded(tmp_path):
    folder = pipeline(tmp_path, "")
    (folder / "train.py").write_text(TINY + "import shutil; shutil.rmtree('s'); open('s', 'w'); sys.exit(7)")
    done = run_command("run", "--store", "s/tore", cwd=folder, env=environment())
    assert done.returncode == 5, done.stderr
    assert "training ended with exit code 7, and the run was not recorded" in done.stderr
    assert (folder / "outcome").read_bytes() == alone()


def test_a_meter_that_hangs_on_pythons_lock_keeps_no_signal_from_the_training(tmp_path):
    """In a thread of the audit it would stop everything here; the training hears SIGTERM and ends as it likes."""
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "sitecustomize.py").write_text(
        "import ctypes, sys\nif any('audit.energy.instruments.probe' in w for w in sys.orig_argv): ctypes.PyDLL(None).sleep(999)\n"
    )
    (tmp_path / "train.py").write_text(
        TINY + "import signal\nsignal.signal(15, lambda n, f: sys.exit(9))\npathlib.Path('pid').touch()\ntime.sleep(60)"
    )
    env = environment() | {"PYTHONPATH": f"{tmp_path / 'path'}:{ROOT}"}
    process = begin("track", "--", "python", "train.py", cwd=tmp_path, env=env, session=True)
    wait_for((tmp_path / "pid").exists)
    struck = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    assert time.monotonic() - struck < 8, "the rest is the card, on a loaded machine"
    (run,) = (tmp_path / "audit-runs").iterdir()
    document = json.loads((run / "audit.json").read_text())
    assert document["run"]["exit_codes"] == {"train": 9}
    assert {r["method"] for r in document["energy"]["components"]} == {"none"}
