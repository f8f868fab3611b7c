"""Commands that end in every way a training can end, with their energy kept."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from audit.errors import QuestionError
from audit.system.command import Ended, run_command, to_exit_status

pytestmark = pytest.mark.usefixtures("heard")
ROOT = Path(__file__).resolve().parents[2]


def python(code: str) -> list[str]:
    return ["python", "-c", textwrap.dedent(code)]


def wait_for(condition, seconds: float = 20.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError, ValueError):
            found = condition()
            if found:
                return found
        time.sleep(0.02)
    raise TimeoutError(condition)


# --- one command ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "exit_code", "status"),
    [
        ("pass", 0, 0),
        ("raise SystemExit(7)", 7, 7),
        ("raise ValueError", 1, 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", -11, 139),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, 137),
        ("import ctypes; ctypes.string_at(0)", -11, 139),
    ],
)
def test_a_command_ends_as_it_would_alone(tmp_path, code, exit_code, status):
    ended = run_command(python(code), folder=tmp_path)
    assert (ended.exit_code, ended.signal_received) == (exit_code, None)
    assert to_exit_status(ended) == status
    assert 0 < ended.duration_s < 20


def test_a_signal_to_us_counts_before_the_childs_own_code():
    def status(exit_code, received):
        return to_exit_status(Ended(exit_code=exit_code, duration_s=1.0, signal_received=received))

    assert status(0, signal.SIGINT) == status(-2, signal.SIGINT) == status(1, signal.SIGINT) == 130
    assert status(-15, signal.SIGTERM) == 143
    assert status(-15, None) == 143


def test_python_is_the_interpreter_that_runs_us_and_the_folder_is_the_commands(tmp_path):
    code = "import sys, pathlib; pathlib.Path('out').write_text(sys.executable)"
    for name in ("python", "python3"):
        assert run_command([name, "-c", code], folder=tmp_path).exit_code == 0
        assert (tmp_path / "out").read_text() == sys.executable


def test_the_environment_is_ours_or_the_one_given(tmp_path, monkeypatch):
    monkeypatch.setenv("EVENHAND_SEEN", "ours")
    code = "import os, pathlib; pathlib.Path('out').write_text(os.environ.get('EVENHAND_SEEN', 'none'))"
    run_command(python(code), folder=tmp_path)
    assert (tmp_path / "out").read_text() == "ours"
    run_command(python(code), folder=tmp_path, env={"EVENHAND_SEEN": "given"})
    assert (tmp_path / "out").read_text() == "given"


def test_output_is_passed_on_untouched(tmp_path, capfd):
    code = (
        "import sys; sys.stdout.buffer.write(bytes([0xff, 0xfe, 10])); sys.stdout.write('out'); sys.stderr.write('err')"
    )
    run_command(python(code), folder=tmp_path)
    out, err = capfd.readouterr()
    assert "out" in out
    assert err == "err"


def test_quiet_stdout_goes_to_stderr(tmp_path, capfd):
    run_command(
        python("import sys; print('out'); sys.stdout.flush(); sys.stderr.write('err')"),
        folder=tmp_path,
        quiet_stdout=True,
    )
    assert capfd.readouterr() == ("", "out\nerr")


def test_stdin_is_inherited(tmp_path):
    script = "from audit.system.command import run_command; from pathlib import Path; run_command(['python', '-c', 'print(input()[::-1])'], folder=Path('.'))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        input="abc\n",
        capture_output=True,
        text=True,
    )
    assert done.stdout == "cba\n"


def test_a_child_that_outlives_its_parent_is_not_waited_for(tmp_path):
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(20)'])"
    assert run_command(python(code), folder=tmp_path).duration_s < 10


@pytest.mark.parametrize(
    ("command", "mend"),
    [
        (["no-such-command"], "'no-such-command'.*on PATH"),
        (["./no-such-file"], "no such file"),
        (["python train.py"], "each word on its own"),
        ("python train.py", "list of words"),
        ([], "empty"),
        ([""], "empty"),
        (["python", "a\0b"], "null character"),
        (["./plain.txt"], "not executable"),
        (["./no-interpreter"], "interpreter in its first line"),
    ],
)
def test_a_command_that_cannot_start_is_refused_by_name(tmp_path, command, mend):
    (tmp_path / "plain.txt").write_text("text")
    (tmp_path / "no-interpreter").write_text("#!/no/such/interpreter\n")
    (tmp_path / "no-interpreter").chmod(0o755)
    with pytest.raises(QuestionError, match=mend) as caught:
        run_command(command, folder=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_that_does_not_exist_is_refused_by_name(tmp_path):
    with pytest.raises(QuestionError, match="absent"):
        run_command(["python", "-c", ""], folder=tmp_path / "absent")


# --- signals -------------------------------------------------------------------------------------------------------


def signals():
    return [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]


def test_handlers_are_put_back(tmp_path):
    before = signals()
    run_command(python("pass"), folder=tmp_path)
    with pytest.raises(QuestionError):
        run_command(["no-such-command"], folder=tmp_path)
    assert signals() == before


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_sent_to_us_alone_reaches_the_child_once(tmp_path, number, status):
    code = f"""
        import pathlib, signal, sys, time
        got = []
        signal.signal({int(number)}, lambda n, f: got.append(n))
        pathlib.Path("ready").touch()
        end = time.monotonic() + 20
        while not got and time.monotonic() < end: time.sleep(0.01)
        time.sleep(0.3)
        pathlib.Path("got").write_text(str(got))
        sys.exit(9)
    """
    threading.Thread(target=lambda: (wait_for((tmp_path / "ready").exists), os.kill(os.getpid(), number))).start()
    ended = run_command(python(code), folder=tmp_path)
    assert (tmp_path / "got").read_text() == f"[{int(number)}]"
    assert (ended.exit_code, ended.signal_received) == (9, number)
    assert to_exit_status(ended) == status


def test_a_second_interrupt_kills_a_child_that_will_not_end(tmp_path):
    code = (
        "import pathlib, signal, time; signal.signal(2, signal.SIG_IGN); pathlib.Path('ready').touch(); time.sleep(60)"
    )

    def press():
        wait_for((tmp_path / "ready").exists)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.8)

    thread = threading.Thread(target=press)
    thread.start()
    ended = run_command(python(code), folder=tmp_path)
    thread.join()
    assert (ended.exit_code, ended.signal_received, to_exit_status(ended)) == (-9, signal.SIGINT, 130)
    assert ended.duration_s < 20


def test_ctrl_c_in_a_terminal_reaches_the_child_once(tmp_path):
    child = "import pathlib, signal, time\ngot = []\nsignal.signal(2, lambda n, f: got.append(n))\npathlib.Path('ready').touch()\nend = time.monotonic() + 20\nwhile not got and time.monotonic() < end: time.sleep(0.01)\ntime.sleep(0.5)\npathlib.Path('got').write_text(str(got))"
    parent = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pathlib import Path; from audit.system.command import *; sys.exit(to_exit_status(run_command(['python', '-c', {child!r}], folder=Path({str(tmp_path)!r}))))"
    master, slave = pty.openpty()
    run = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])",
            parent,
        ],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        wait_for((tmp_path / "ready").exists)
        os.write(master, b"\x03")
        status = run.wait(20)
        shown = os.read(master, 10_000) if select.select([master], [], [], 0)[0] else b""
    finally:
        run.kill()
        run.wait()
        os.close(master)
    assert (tmp_path / "got").read_text() == "[2]", shown
    assert status == 130, shown


def test_an_ignored_hangup_stays_ignored(tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        code = "import os, signal; os.kill(os.getppid(), signal.SIGHUP); raise SystemExit(signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN)"
        ended = run_command(python(code), folder=tmp_path)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (ended.exit_code, ended.signal_received) == (0, None)


def test_a_thread_other_than_the_main_one_may_run_a_command(tmp_path):
    ends = []
    thread = threading.Thread(target=lambda: ends.append(run_command(python("raise SystemExit(3)"), folder=tmp_path)))
    thread.start()
    thread.join()
    assert ends[0].exit_code == 3


# --- six abnormal ends, metered ------------------------------------------------------------------------------------

PARENT = """
import json, sys, time
from pathlib import Path
from audit.energy.meter import Meter
from audit.pipeline.run import run_metered_command
from audit.system.command import to_exit_status
folder = Path(sys.argv[1])
with Meter(country="USA", pue=1.2, record=folder / "energy.json", flush_s=1) as meter:
    (folder / "clock").write_text(repr(time.monotonic()))
    ended = run_metered_command(["python", "-c", sys.argv[2]], folder=folder, meter=meter)
energy = meter.energy()
(folder / "ended.json").write_text(json.dumps([ended.exit_code, ended.signal_received, energy.energy_kwh]))
sys.exit(to_exit_status(ended))
"""
BEGIN = """
import json, os, pathlib, signal, sys, time
pathlib.Path("pid").write_text(str(os.getpid()))
end = time.monotonic() + 20
while time.monotonic() < end and not any(r["energy_j"] for r in json.loads(pathlib.Path("energy.json").read_text())["energy"]["components"]):
    time.sleep(0.05)
"""
ENDS = {
    "exit 0": "pass",
    "exit 7": "sys.exit(7)",
    "exception": "raise ValueError('training')",
    "segfault": "os.kill(os.getpid(), signal.SIGSEGV)",
    "kill child": "time.sleep(60)",
    "term": "time.sleep(60)",
    "interrupt": "time.sleep(60)",
    "kill parent": "time.sleep(60)",
}


def joules(folder: Path) -> float:
    return sum(r["energy_j"] or 0 for r in json.loads((folder / "energy.json").read_text())["energy"]["components"])


def strike(name: str, folder: Path, parent: subprocess.Popen) -> float:
    """Wait until training has been metered, then end it from outside; returns the meter's age in seconds then."""
    wait_for(lambda: joules(folder) > 0)
    child = int((folder / "pid").read_text())
    if name == "kill parent":
        time.sleep(1.7)
    age_s = time.monotonic() - float((folder / "clock").read_text())
    if name == "kill child":
        os.kill(child, signal.SIGKILL)
    else:
        parent.send_signal({"term": signal.SIGTERM, "interrupt": signal.SIGINT, "kill parent": signal.SIGKILL}[name])
    parent.wait(30)
    if name == "kill parent":
        os.kill(child, signal.SIGKILL)
    return age_s


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    """All the ends at once: starting a meter is mostly waiting."""
    base = tmp_path_factory.mktemp("ends")
    running = {}
    for name, end in ENDS.items():
        folder = base / name.replace(" ", "_")
        folder.mkdir()
        with (folder / "log").open("wb") as log:
            command = [sys.executable, "-c", PARENT, str(folder), BEGIN + end]
            running[name] = (
                folder,
                subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log),
            )
    found = {}
    try:
        for name, (folder, parent) in running.items():
            age_s = strike(name, folder, parent) if "sleep(60)" in ENDS[name] else None
            found[name] = (folder, parent.wait(30), age_s)
    finally:
        for _, parent in running.values():
            parent.kill()
            parent.wait()
    return found


@pytest.mark.parametrize(
    ("name", "status", "exit_code", "received"),
    [
        ("exit 0", 0, 0, None),
        ("exit 7", 7, 7, None),
        ("exception", 1, 1, None),
        ("segfault", 139, -11, None),
        ("kill child", 137, -9, None),
        ("term", 143, -15, 15),
        ("interrupt", 130, -2, 2),
    ],
)
def test_every_end_keeps_its_energy_and_its_exit_code(ends, name, status, exit_code, received):
    folder, found, _ = ends[name]
    assert found == status, (folder / "log").read_text()
    ended = json.loads((folder / "ended.json").read_text())
    assert ended[:2] == [exit_code, received]
    document = json.loads((folder / "energy.json").read_text())
    assert document["phase"] is None
    assert document["energy"]["energy_kwh"] == ended[2] > 0
    train = [r for r in document["energy"]["components"] if r["phase"] == "train"]
    assert all(r["energy_j"] > 0 and r["method"] != "none" for r in train)
    log = (folder / "log").read_text()
    assert "codecarbon" not in log
    assert sorted(p.name for p in folder.iterdir()) == ["clock", "ended.json", "energy.json", "log", "pid"]


def test_killing_the_parent_loses_one_flush_at_most(ends):
    folder, found, age_s = ends["kill parent"]
    assert found == -9
    assert not (folder / "ended.json").exists()
    document = json.loads((folder / "energy.json").read_text())
    assert document["phase"] == "train"
    assert document["energy"]["energy_kwh"] > 0
    assert age_s - document["duration_s"] < 1.0 + 1.0  # the flush, and what a loaded machine needs to write it
    assert document["duration_s"] > 2
    train = [r for r in document["energy"]["components"] if r["phase"] == "train"]
    assert all(r["energy_j"] > 0 for r in train)
