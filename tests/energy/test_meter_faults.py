"""Faults in the meter, each in real processes: no prompt, no wait over two seconds, no crash, and never a false 0.

What can be made real is: mounts in a namespace of their own hold the counters, a library for graphics boards and a
sudo stand on the path, limits fill the disk. What cannot (a library that hangs, a Mac, a clock set back) is put into
the process of the meter, and only there, by a ``sitecustomize`` on its path.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from audit.energy.meter import ANSWER_S, END_S, START_S

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 2.0
BUSY_S = 1.5
"""What a machine that runs other tests adds to the time of starting processes and writing files."""

RUN = """
import json, resource, sys, time
from pathlib import Path
began = time.monotonic()
from audit.energy.meter import Meter
from audit.pipeline.run import run_metered_command
from audit.system.command import to_exit_status
loaded = time.monotonic()
with Meter(country="FRA", record=Path("energy.json"), flush_s=0.3) as meter:
    ended = run_metered_command(["python", "train.py"], folder=Path("."), meter=meter)
energy = meter.energy()
waited_s = time.monotonic() - loaded - ended.duration_s
rows = [[r.component, r.phase, r.energy_j, r.method, r.detail, r.coverage] for r in energy.components]
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
Path("told.json").write_text(json.dumps(
    {"exit_code": ended.exit_code, "waited_s": waited_s, "rows": rows, "note": energy.note,
     "kwh": energy.energy_kwh, "share": energy.measured_share, "seen_s": energy.duration_s, "trained_s": ended.duration_s}))
sys.exit(to_exit_status(ended))
"""
FORKING = RUN.replace(
    "    ended = run_metered_command",
    """    import os
    with meter.phase("audit"):
        end = time.monotonic() + 20
        while meter.energy().energy_kwh is None and time.monotonic() < end:
            time.sleep(0.05)
        forked = os.fork()
        if not forked:
            meter.energy()
    if not forked:
        Path("forked").write_text(json.dumps(meter.energy().energy_kwh))
        raise SystemExit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]) == 3
    ended = run_metered_command""",
)
TRAIN = """
import json, os, pathlib, sys, time
def metered():
    try:
        return any(r["energy_j"] for r in json.loads(pathlib.Path("energy.json").read_text())["energy"]["components"])
    except OSError:
        return False
end = time.monotonic() + {patience_s}
while not metered() and time.monotonic() < end:
    time.sleep(0.05)
{body}
time.sleep({seconds})
pathlib.Path("outcome").write_bytes(bytes(range(256)))
sys.exit(7)
"""
ONLY_IN_THE_METER = """
import sys
if any("audit.energy.instruments.probe" in word for word in sys.orig_argv):
    {body}
"""
BOARDS = '''
"""A library for two graphics boards; the second is pulled out once the file "gone" is there."""
import os, time
class NVMLError(Exception): ...
class NVMLError_NotSupported(NVMLError): ...
NVML_TEMPERATURE_GPU = 0
class Memory: total = used = free = 1
def here(board):
    if board == 1 and os.path.exists(os.environ["GONE"]):
        raise NVMLError("GPU is lost")
def nvmlInit(): ...
def nvmlDeviceGetCount(): return 2
def nvmlDeviceGetHandleByIndex(i): return i
def nvmlDeviceGetTotalEnergyConsumption(board): here(board); return int(time.monotonic() * 100_000)
def nvmlDeviceGetPowerUsage(board): here(board); return 100_000
def nvmlDeviceGetName(board): return "Test Board"
def nvmlDeviceGetUUID(board): return f"GPU-{board}"
def nvmlDeviceGetMemoryInfo(board): return Memory
def nvmlDeviceGetEnforcedPowerLimit(board): return 300_000
def nvmlDeviceGetUtilizationRates(board): return type("U", (), {"gpu": 1})
'''
SUDO = """#!/bin/sh
printf '%s\n' "$*" >> "$ASKED"
if (: < /dev/tty) 2>/dev/null; then echo terminal >> "$ASKED"; fi
if [ "$1" != -n ]; then printf 'Password:' > /dev/tty; sleep 60; fi
if [ -n "$ALLOWED" ]; then shift; exec "$@"; fi
echo "sudo: a password is required" >&2
exit 1
"""
POWERMETRICS = """#!/bin/sh
while [ $# -gt 0 ]; do if [ "$1" = -o ]; then out=$2; fi; shift; done
[ "$out" = /dev/null ] || printf 'CPU Power: 4000 mW\\nGPU Power: 1000 mW\\n' > "$out"
"""
MAC = """
    import codecarbon.core.powermetrics as power, codecarbon.core.resource_tracker as found
    def cli(self): self._system, self._cli = "darwin", "powermetrics"
    power.ApplePowermetrics._setup_cli = cli
    power.ApplePowermetrics.__init__.__defaults__ = (".", 1, 50, "powermetrics_log.txt")
    found.ResourceTracker._try_platform_cpu_backend = (
        lambda self: power.is_powermetrics_available() and self._setup_powermetrics())
"""
TRACKER = "import codecarbon; T = codecarbon.OfflineEmissionsTracker; "
CLOCK = """
import time
real, began = time.time, time.monotonic()
time.time = lambda: real() - (3600 if time.monotonic() - began > 1.5 else 0)
"""


@dataclass
class Fault:
    """What is wrong on the machine of one run."""

    meter: str = ""
    """Code that breaks the process of the meter."""
    site: str = ""
    """Code that breaks every process."""
    files: dict[str, str] = field(default_factory=dict)
    programs: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    counter: bool | None = None
    """Whether the machine has an energy counter; as it is where None."""
    mounts: str = ""
    train: str = ""
    seconds: float = 2.0
    script: str = RUN
    bytes_a_file: int | None = None
    terminal: bool = False
    unprivileged: bool = False
    exact: bool = False
    """Whether joules are compared, so that the run has to wait as long as a loaded machine makes it."""


WRAPS = """
energy = pathlib.Path("sys/class/powercap/intel-rapl/subsystem/intel-rapl:0/energy_uj")
for joules in STEPS:
    time.sleep(0.8)
    energy.write_text(str(joules * 1_000_000))
time.sleep(0.5)
"""
HANG = "lambda self, *a, **k: __import__('time').sleep(999)"
HANG_WITH_THE_LOCK = "lambda self, *a, **k: __import__('ctypes').PyDLL(None).sleep(999)"
LATER = "first = T.flush; calls = []; T.flush = lambda self: (calls.append(1), first(self) if len(calls) < 4 else ({})(self))[1]"

FAULTS = {
    "nothing wrong": Fault(exact=True),
    "no rapl": Fault(counter=False),
    "unreadable rapl": Fault(counter=True, mounts="chmod 000 sys/class/powercap/intel-rapl/subsystem/intel-rapl:0/energy_uj",
                             unprivileged=True),
    "broken rapl": Fault(counter=True, mounts="cd sys/class/powercap/intel-rapl/subsystem/intel-rapl:0 && rm energy_uj && mkdir energy_uj"),
    "rapl gone": Fault(exact=True, counter=True, train=WRAPS.replace("STEPS", "(91, 92)") + "energy.unlink(); time.sleep(2)"),
    "counter wraps": Fault(exact=True, counter=True, train=WRAPS.replace("STEPS", "(94, 98, 3, 8)")),
    "counter wraps twice": Fault(exact=True, counter=True, train=WRAPS.replace("STEPS", "(195 % 100, 296 % 100)")),
    "nvml gone": Fault(exact=True, files={"path/pynvml.py": BOARDS}, programs={"nvidia-smi": "#!/bin/sh\n"}, env={"GONE": "gone"},
                       train="time.sleep(2); pathlib.Path('gone').touch()"),
    "password": Fault(meter=MAC, programs={"sudo": SUDO, "powermetrics": POWERMETRICS}, terminal=True,
                      env={"ASKED": "asked", "ALLOWED": "", "SUDO_ASKPASS": "/bin/askpass"}),
    "no password needed": Fault(exact=True, meter=MAC, programs={"sudo": SUDO, "powermetrics": POWERMETRICS}, terminal=True,
                                env={"ASKED": "asked", "ALLOWED": "1"}),
    "lock held": Fault(env={"TMPDIR": "."}),
    "unknown cpu": Fault(mounts="printf 'processor : 0\\nmodel name : Ψ \\033[31m9000\\n' > cpu; mount --bind cpu /proc/cpuinfo"),
    "no cpu named": Fault(mounts="printf 'processor : 0\\n' > cpu; mount --bind cpu /proc/cpuinfo", seconds=5),
    "clock back": Fault(exact=True, site=CLOCK),
    "disk full": Fault(bytes_a_file=600, seconds=5),
    "fork": Fault(script=FORKING),
    "hang at start": Fault(meter=f"{TRACKER}T.start = {HANG}"),
    "hang at start with the lock": Fault(meter=f"{TRACKER}T.start = {HANG_WITH_THE_LOCK}"),
    "hang at import": Fault(meter="import time; time.sleep(999)"),
    "hang later": Fault(meter=TRACKER + LATER.format(HANG)),
    "hang later with the lock": Fault(meter=TRACKER + LATER.format(HANG_WITH_THE_LOCK)),
    "exception at start": Fault(meter=f"{TRACKER}T.start = lambda self: 1 / 0"),
    "exception later": Fault(meter=TRACKER + LATER.format("lambda self: 1 / 0")),
    "exit": Fault(meter=f"{TRACKER}T.start = lambda self: sys.exit(3)"),
    "crash later": Fault(meter=TRACKER + LATER.format("lambda self: __import__('ctypes').string_at(0)")),
    "no codecarbon": Fault(meter="sys.modules['codecarbon'] = None"),
}  # fmt: skip
HANGS = [name for name in FAULTS if name.startswith("hang")]
NOTHING = [
    "hang at start",
    "hang at start with the lock",
    "hang at import",
    "exception at start",
    "exit",
    "no codecarbon",
]
"""Faults with which nothing at all is measured."""


def prepared(folder: Path, fault: Fault) -> None:
    """Lay out everything that a run finds."""
    patient = "import audit.energy.meter as m; m.START_S = m.ANSWER_S = 30.0\n"
    patience_s = 0 if folder.name.replace("_", " ") in NOTHING or fault.bytes_a_file else 20
    train = TRAIN.format(body=fault.train, seconds=fault.seconds, patience_s=patience_s)
    files = {"run.py": (patient if fault.exact else "") + fault.script, "train.py": train, **fault.files}
    files["path/sitecustomize.py"] = fault.site + (ONLY_IN_THE_METER.format(body=fault.meter) if fault.meter else "")
    files |= {f"bin/{name}": text for name, text in fault.programs.items()}
    if fault.counter:
        zone = "sys/class/powercap/intel-rapl/subsystem/intel-rapl:0"
        files |= {
            f"{zone}/name": "package-0",
            f"{zone}/max_energy_range_uj": "100000000",
            f"{zone}/energy_uj": "90000000",
        }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for program in fault.programs:
        (folder / "bin" / program).chmod(0o755)
    (folder / "sys" / "class").mkdir(parents=True, exist_ok=True)


def command_of(fault: Fault) -> list[str]:
    """The run, in a namespace where the machine has to look different."""
    command = [sys.executable, "run.py"]
    if fault.bytes_a_file is not None:
        command = ["prlimit", f"--fsize={fault.bytes_a_file}:unlimited", *command]
    mounts = "mount --bind sys/class /sys/class; " if fault.counter is not None else ""
    if not mounts and not fault.mounts:
        return command
    # Root reads everything, unless it gives up the right to.
    plain = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command] if fault.unprivileged else command
    return ["unshare", "--mount", "sh", "-ec", f'{mounts}({fault.mounts or "true"}); exec "$@"', "sh", *plain]


@dataclass
class Told:
    """What a run said."""

    folder: Path
    code: int
    said: str
    total_s: float

    def __getattr__(self, name: str) -> object:
        return json.loads((self.folder / "told.json").read_text())[name]

    def row(self, component: str, phase: str = "train") -> dict[str, object]:
        rows = [r for r in self.rows if r[:2] == [component, phase]]
        return dict(zip(("component", "phase", "energy_j", "method", "detail", "coverage"), rows[0], strict=True))


def run(folder: Path, fault: Fault) -> Told:
    """One run, in a terminal of its own where the fault wants one."""
    prepared(folder, fault)
    env = os.environ | {"PYTHONPATH": f"{folder / 'path'}:{ROOT}", "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    env |= {
        name: str(folder / value) if name in {"GONE", "ASKED", "TMPDIR"} else value for name, value in fault.env.items()
    }
    master, slave = pty.openpty()
    enter = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
    command = command_of(fault)
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", enter, *command] if fault.terminal else command,
        cwd=folder, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    said: list[bytes] = []

    def listen() -> None:
        with contextlib.suppress(OSError):
            while chunk := os.read(master, 10_000):
                said.append(chunk)

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        code = process.wait(60)
    finally:
        process.kill()
        process.wait()
        listener.join(10)
        os.close(master)
    return Told(folder, code, b"".join(said).decode(errors="replace"), time.monotonic() - began)


def can_mount() -> bool:
    tools = all(shutil.which(tool) for tool in ("unshare", "setpriv", "mount"))
    return tools and subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """All of them, a few at a time."""
    base = tmp_path_factory.mktemp("faults")
    mountable = can_mount()
    holder = "import codecarbon, sys; t = codecarbon.OfflineEmissionsTracker(allow_multiple_runs=False, country_iso_code='FRA', save_to_file=False); print(flush=True); sys.stdin.read()"
    (base / "lock_held").mkdir()
    held = subprocess.Popen([sys.executable, "-c", holder], env=os.environ | {"TMPDIR": str(base / "lock_held")},
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # fmt: skip
    held.stdout.readline()
    try:
        with ThreadPoolExecutor(5) as pool:
            asked = {
                name: pool.submit(run, base / name.replace(" ", "_"), fault)
                for name, fault in FAULTS.items()
                if mountable or not (fault.mounts or fault.counter is not None)
            }
            yield {name: future.result() for name, future in asked.items()}
    finally:
        held.communicate()


@pytest.fixture
def told(runs, request):
    if request.param not in runs:
        pytest.skip("mounting in a namespace takes root")
    return runs[request.param]


def of(*names: str):
    return pytest.mark.parametrize("told", names, indirect=True, ids=lambda n: n)


@of(*FAULTS)
def test_the_run_ends_as_it_would_alone(told):
    """Its code, its result, nothing said, nothing awaited for over two seconds, nothing left running or lying about."""
    assert told.code == 7, told.said
    assert (told.folder / "outcome").read_bytes() == bytes(range(256))
    assert told.said == ""
    if not FAULTS[told.folder.name.replace("_", " ")].exact and told.folder.name != "fork":
        assert told.waited_s < LIMIT_S + BUSY_S
    assert told.exit_code == 7
    assert not list(told.folder.rglob("*.tmp"))
    assert not [p for p in told.folder.rglob("*") if "codecarbon" in p.name and p.name != ".codecarbon.lock"]


def test_two_seconds_are_all_that_a_run_waits():
    assert START_S + ANSWER_S + END_S <= LIMIT_S


@of(*FAULTS)
def test_never_a_0_where_it_means_unmeasured(told):
    assert told.rows
    for component, phase, energy_j, method, detail, coverage in told.rows:
        assert (energy_j is None) == (method == "none"), (component, phase)
        assert energy_j is None or energy_j > 0
        assert detail
        assert coverage is None or 0 <= coverage <= 1
        assert (energy_j is None) <= (coverage == 0)
    assert (told.kwh is None) == all(r[2] is None for r in told.rows)
    json.loads((told.folder / "told.json").read_text(), parse_constant=pytest.fail)


@of(*NOTHING)
def test_where_nothing_is_measured_the_reason_stands_in_words(told):
    assert told.kwh is None
    assert told.share is None
    reason = {
        "hang": "did not answer in time",
        "exception": "ZeroDivisionError",
        "exit": "exit code 3",
        "no": "codecarbon",
    }[told.folder.name.split("_")[0]]
    assert all(reason in r[4] and "\n" not in r[4] for r in told.rows), told.rows
    assert reason in told.note


@of("hang later", "hang later with the lock", "exception later", "crash later")
def test_what_was_measured_before_it_broke_is_kept(told):
    assert told.kwh > 0
    assert all(r[2] > 0 and r[5] < 0.95 for r in told.rows)
    said = {"hang": "did not answer in time", "exception": "ZeroDivisionError", "crash": "signal 11"}
    assert said[told.folder.name.split("_")[0]] in told.note
    record = json.loads((told.folder / "energy.json").read_text())
    assert record["energy"]["energy_kwh"] == told.kwh


@of(*HANGS)
def test_a_meter_that_hangs_is_ended(told):
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(told.folder) not in left
    assert told.waited_s < LIMIT_S + BUSY_S


@of("no rapl", "unreadable rapl")
def test_without_a_readable_counter_the_processor_is_a_model_and_says_so(told):
    cpu = told.row("cpu")
    assert cpu["method"] == "model"
    assert "no readable counter" in cpu["detail"]
    assert told.share == 0


@of("broken rapl")
def test_a_counter_that_gives_no_number_is_unmeasured(told):
    cpu = told.row("cpu")
    assert (cpu["energy_j"], cpu["method"], cpu["coverage"]) == (None, "none", 0)
    assert "; not measured, so not in the total: CPU in training; " in told.note
    assert told.row("ram")["energy_j"] > 0


@of("rapl gone")
def test_a_counter_that_goes_away_lowers_the_time_seen(told):
    cpu, ram = told.row("cpu"), told.row("ram")
    assert cpu["method"] == "counter"
    assert cpu["energy_j"] == pytest.approx(2, rel=1e-6)
    assert cpu["coverage"] < ram["coverage"]


@of("counter wraps")
def test_a_counter_that_starts_again_is_counted_on(told):
    cpu = told.row("cpu")
    assert (cpu["method"], cpu["energy_j"]) == ("counter", pytest.approx(18, rel=1e-6))
    assert 0 < told.share < 1


@of("counter wraps twice")
def test_a_counter_that_starts_again_twice_between_readings_cannot_be_told(told):
    """It stood at 90, 195 and 296 J of a counter of 100: seen are 95 and 96, and 200 J are nobody's.

    A reading every five seconds makes that impossible on a real one: 262 kJ at 1 kW take over four minutes.
    """
    assert told.row("cpu")["energy_j"] == pytest.approx(6, rel=1e-6)


@of("nvml gone")
def test_a_board_that_is_lost_is_never_0_watts_beside_another(told):
    gpu, ram = told.row("gpu"), told.row("ram")
    assert gpu["method"] == "sampled"
    assert "Test Board" in gpu["detail"]
    assert 0.05 < gpu["coverage"] < ram["coverage"]
    assert gpu["energy_j"] / (gpu["coverage"] * told.seen_s) == pytest.approx(200, rel=0.25), "two boards of 100 W"
    assert "GPU is lost" in told.note


@of("password", "no password needed")
def test_nobody_is_asked_for_a_password(told):
    asked = (told.folder / "asked").read_text().splitlines()
    assert asked
    assert all(line.startswith("-n powermetrics") for line in asked), asked


@of("password")
def test_without_the_right_to_ask_the_model_stands_in(told):
    assert told.row("cpu")["method"] == "model"


@of("no password needed")
def test_with_the_right_power_is_sampled_and_is_apples_estimate(told):
    for component in ("cpu", "gpu"):
        found = told.row(component)
        assert found["method"] == "sampled"
        assert "as Apple estimates it" in found["detail"]
    assert told.row("cpu")["energy_j"] == pytest.approx(4 * told.row("gpu")["energy_j"], rel=0.25)


@of("lock held")
def test_another_codecarbon_does_not_matter(told):
    assert (told.folder / ".codecarbon.lock").exists()
    assert told.row("cpu")["energy_j"] > 0


@of("unknown cpu", "no cpu named")
def test_a_processor_that_nobody_knows_is_named_and_guessed_for(told):
    cpu = told.row("cpu")
    assert cpu["method"] == "model"
    assert " W assumed for " in cpu["detail"]
    assert "\x1b" not in cpu["detail"]
    if told.folder.name == "unknown_cpu":
        assert "Ψ \\x1b[31m9000" in cpu["detail"]


@of("clock back")
def test_a_clock_that_is_set_back_moves_no_joule(told, runs):
    still = runs["nothing wrong"]
    for component in ("cpu", "ram"):
        ours, theirs = told.row(component), still.row(component)
        assert ours["coverage"] > 0
        assert theirs["energy_j"] > 0
    watts = [r["energy_j"] / r["coverage"] / t.seen_s for t in (told, still) for r in [t.row("ram")]]
    assert watts[0] == pytest.approx(watts[1], rel=0.25)
    assert 0 < told.seen_s < 30


@of("disk full")
def test_a_full_disk_costs_the_record_and_not_the_energy(told):
    assert told.kwh > 0
    assert "the energy record is not on disk" in told.note


@of("fork")
def test_a_fork_leaves_meter_and_record_to_its_parent(told):
    assert json.loads((told.folder / "forked").read_text()) is not None
    record = json.loads((told.folder / "energy.json").read_text())
    assert record["energy"]["energy_kwh"] == told.kwh
    assert record["phase"] is None
    assert {r[1] for r in told.rows} == {"audit", "train"}
    assert told.row("ram", "audit")["energy_j"] > 0


def test_the_process_of_the_meter_ends_with_whoever_asked(tmp_path):
    """A parent that is killed can tell nobody; its meter finds out by itself, and at once."""
    code = textwrap.dedent("""
        import os, signal, sys, time
        from audit.energy.instruments.isolated import IsolatedInstrument
        meter = IsolatedInstrument()
        meter.start()
        while meter.read() is None: time.sleep(0.05)
        print(meter._process.pid, flush=True)
        if os.fork() == 0: time.sleep(30)  # holds the pipe open
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)},
                            stdout=subprocess.PIPE, text=True, start_new_session=True)  # fmt: skip
    try:
        probe = int(done.stdout.readline())
        assert done.wait(30) == -9
        end = time.monotonic() + 5
        while Path(f"/proc/{probe}/cmdline").exists() and Path(f"/proc/{probe}/cmdline").read_bytes():
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        os.killpg(done.pid, 9)
        done.stdout.close()
