"""A training inside its audit: what it says of a good run, and that nothing in the auditor ever reaches the training."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
from commands import audit as run_command

import audit
from audit.cli import main
from audit.errors import DataRefusedError, QuestionError, SourceError
from audit.record.store import Store
from audit.wrapping import wrap as wrapping
from audit.wrapping.sidecar.client import SidecarClient

pytestmark = pytest.mark.usefixtures("heard")
ROOT = Path(__file__).resolve().parents[2]
N = 400
QUESTION = {
    "data": {"label": "y", "groups": ["sex"]},
    "predictions": {"prediction": "p"},
    "gates": [{"stage": "model", "metric": "selection_rate", "compare": "ratio", "min": 0.8}],
}


def table(n: int = N) -> pd.DataFrame:
    """Everybody selected alike."""
    return pd.DataFrame(
        {"y": [1, 0, 0, 1] * (n // 4), "p": [1, 0, 1, 0] * (n // 4), "sex": ["f", "f", "m", "m"] * (n // 4)}
    )


def wrapped(tmp_path, question=QUESTION, **options):
    return audit.training(question, store=tmp_path / "runs", **{"metered": False, "quiet": True, **options})


# --- a good run ----------------------------------------------------------------------------------------------------


def test_predictions_in_memory_are_audited_as_measure_does(tmp_path):
    with wrapped(tmp_path) as run:
        assert run.result is None
        run.predictions(table())
    alone = audit.measure(table()["y"], table()["p"], groups=table()[["sex"]], gates=QUESTION["gates"])
    assert run.result.verdict == "pass" == alone.verdict
    assert [(e.metric, e.group, e.value, e.low) for e in run.result.estimates] == [
        (e.metric, e.group, e.value, e.low) for e in alone.estimates
    ]
    assert run.problems == ()
    assert audit.read_result(run.folder).run.exit_codes == {"train": 0}
    assert (run.folder / "card.html").is_file()


def test_a_file_of_configuration_and_the_table_that_the_block_leaves(tmp_path):
    (tmp_path / "audit.toml").write_text(
        '[data]\nlabel = "y"\ngroups = ["sex"]\nsource = "rows.csv"\n[predictions]\nprediction = "p"\nsource = "out.csv"\n'
    )
    table().to_csv(tmp_path / "rows.csv", index=False)
    with wrapped(tmp_path, tmp_path / "audit.toml") as run:
        table().to_csv(tmp_path / "out.csv", index=False)
    assert run.problems == ()
    assert [p.part for p in run.result.data] == ["train", "predictions"]
    assert {e.stage for e in run.result.estimates} == {"data", "model"}


def test_predictions_that_were_there_before_are_not_taken_for_new(tmp_path):
    question = {**QUESTION, "predictions": {"prediction": "p", "source": str(tmp_path / "out.csv")}}
    table().to_csv(tmp_path / "out.csv", index=False)
    with wrapped(tmp_path, question) as run:
        pass
    assert "was not changed by the training" in run.problems[0]
    assert run.result.verdict == "incomplete"


def test_rows_in_memory_are_checked_before_the_training(tmp_path):
    with wrapped(tmp_path, data=table().drop(columns="p"), test=table().drop(columns="p")) as run:
        run.predictions(table())
    assert [p.part for p in run.result.data] == ["train", "test", "predictions"]
    assert any(c.code == "DL001" for c in run.result.checks)


REFUSING = {
    "data": {"label": "y", "groups": ["sex"]},
    "gates": [{"stage": "data", "metric": "representation", "compare": "lowest", "min": 0.9}],
}


def test_a_gate_on_the_data_keeps_the_block_from_starting(tmp_path):
    began = False
    with (
        pytest.raises(DataRefusedError, match="training was not started: By sex, ") as caught,
        wrapped(tmp_path, REFUSING, data=table()),
    ):
        began = True
    assert not began
    assert caught.value.result.verdict == "fail"
    assert Store(tmp_path / "runs").load().run.stopped_by == ("data.representation.lowest.sex",)


def test_insisting_trains_all_the_same_and_is_on_record(tmp_path):
    with wrapped(tmp_path, REFUSING, data=table(), insist=True) as run:
        pass
    assert run.result.run.continued == ("data.representation.lowest.sex",)
    assert run.result.verdict == "fail"


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"data": {"grups": ["sex"]}}, "did you mean 'data.groups'"),
        (
            {
                **QUESTION,
                "waivers": [
                    {"gate": "model.nothing", "owner": "o", "reason": "r", "expires": "2027-01-01", "max_gap": 0.5}
                ],
            },
            "no gate",
        ),
        (7, "path of an audit.toml, or a mapping"),
        ("nowhere/audit.toml", "no file or folder 'nowhere/audit.toml'; name an audit.toml or its folder"),
    ],
)
def test_a_question_without_sense_is_refused_at_once(tmp_path, question, said):
    with pytest.raises(QuestionError, match=said):
        wrapped(tmp_path, question)
    assert not (tmp_path / "runs").exists()


def children() -> str:
    return "".join(p.read_text() for p in Path(f"/proc/{os.getpid()}/task").glob("*/children"))


def test_a_meter_that_was_started_for_nothing_is_not_left_behind(tmp_path):
    before = children()
    with pytest.raises(QuestionError):
        wrapped(tmp_path, 7, metered=True)
    never_entered = wrapped(tmp_path, metered=True)
    assert children() != before
    del never_entered
    gc.collect()
    assert children() == before
    assert not (tmp_path / "runs").exists()


def test_data_that_cannot_be_read_is_refused_before_the_training_and_leaves_nothing(tmp_path):
    question = {"data": {"label": "y", "groups": ["sex"], "source": str(tmp_path / "absent.csv")}}
    with pytest.raises(SourceError, match="absent"), wrapped(tmp_path, question):
        pytest.fail("the block began")
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_decorator_changes_nothing_of_the_function(tmp_path):
    @audit.trained(QUESTION, store=tmp_path / "runs", metered=False, quiet=True)
    def train(a, *, b=2):
        """Train."""
        wrapping.active().predictions(table())
        return a + b

    assert (train.__name__, train.__doc__) == ("train", "Train.")
    assert train(1, b=5) == 6
    first = train.run
    assert first.result.verdict == "pass"
    train(1)
    assert train.run is not first
    assert len(Store(tmp_path / "runs").runs()) == 2


def test_one_line_on_stderr_and_nothing_on_stdout(tmp_path, capfd):
    with wrapped(tmp_path, quiet=False) as run:
        run.predictions(table())
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("audit: PASS: By sex, ")
    assert err.count("\n") == 1
    assert str(run.folder) in err


def test_other_ranks_do_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    with wrapped(tmp_path) as run:
        run.predictions(table())
    assert run.result is None
    assert not (tmp_path / "runs").exists()
    assert "rank 1" in repr(run)
    monkeypatch.setenv("RANK", "0")
    with wrapped(tmp_path) as run:
        run.predictions(table())
    assert run.result.verdict == "pass"


def test_the_run_is_named_to_what_is_inside_and_forgotten_after(tmp_path, monkeypatch):
    monkeypatch.setenv("EVENHAND_RUN", "outer")
    with wrapped(tmp_path) as outer:
        assert os.environ["EVENHAND_RUN"] == str(outer.staging)
        with wrapped(tmp_path) as inner:
            assert wrapping.active() is inner
            assert os.environ["EVENHAND_RUN"] == str(inner.staging)
        assert wrapping.active() is outer
        assert os.environ["EVENHAND_RUN"] == str(outer.staging)
    assert os.environ["EVENHAND_RUN"] == "outer"
    assert wrapping.active() is None


def test_asking_for_it_imports_nothing_heavy():
    heavy = ["pandas", "numpy", "duckdb", "sklearn", "codecarbon", "jinja2", "fairlearn", "pyarrow"]
    code = f"import sys, audit; audit.training; audit.trained; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr


LOADED_BY_THE_END = """
import json, sys, pandas, audit
question = json.loads(sys.argv[1])
with audit.training(question, store=sys.argv[2], quiet=True) as run:
    if "predictions" in question:
        columns = {"y": [1, 0], "p": [1, 0], "s": [0.7, 0.2], "t": ["a", "a"], "sex": ["f", "m"]}
        run.predictions(pandas.DataFrame({name: values * 50 for name, values in columns.items()}))
    before = set(sys.modules)
assert not run.problems, run.problems
print(sorted(set(sys.modules) - before))
"""


@pytest.mark.parametrize(
    "question",
    [
        {},
        QUESTION,
        {"data": {"label": "y", "groups": ["sex"], "strata": ["t"]}, "predictions": {"prediction": "p"}},
        {"data": {"label": "y", "groups": ["sex"]}, "predictions": {"score": "s", "threshold": 0.5, "exact_auc": True}},
        {"data": {"label": "y", "groups": ["sex"]}, "predictions": {"score": "s", "threshold": "median"}},
        {"data": {"label": "y", "groups": ["sex"]}, "predictions": {"prediction": "s", "task": "regression"}},
        {"data": {"label": "y", "groups": ["sex"]}, "predictions": {"prediction": "p", "task": "multiclass"}},
    ],
    ids=["energy alone", "predictions", "strata", "scores", "median", "regression", "classes"],
)
def test_a_metered_training_waits_for_no_import_at_its_end(tmp_path, question):
    command = [sys.executable, "-c", LOADED_BY_THE_END, json.dumps(question), str(tmp_path)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


# --- what breaks in the auditor does not reach the training ---------------------------------------------------------


def test_an_exception_of_the_training_is_its_own(tmp_path):
    error = RuntimeError("mine")
    with pytest.raises(RuntimeError) as caught, wrapped(tmp_path) as run:
        raise error
    assert caught.value is error
    assert run.result.verdict == "incomplete"
    assert run.result.run.exit_codes == {"train": 1}
    assert "RuntimeError" in run.result.run.ended
    assert "mine" not in run.result.to_json()


@pytest.mark.parametrize("code", [0, None, 3, "said"])
def test_an_exit_of_the_training_is_its_own(tmp_path, code):
    run = wrapped(tmp_path)
    with pytest.raises(SystemExit) as caught, run:
        run.predictions(table()) or sys.exit(code)
    assert caught.value.code == code
    assert run.result.verdict == ("pass" if not code else "incomplete")


@pytest.mark.parametrize("frame", [None, {"y": [1]}, table().drop(columns="sex"), 7, table().assign(p=2)])
def test_predictions_that_cannot_be_audited_are_a_problem_and_no_exception(tmp_path, frame):
    with wrapped(tmp_path) as run:
        if frame is not None:
            run.predictions(frame)
    assert len(run.problems) == 1
    assert run.result.verdict == "incomplete"
    assert audit.read_result(run.folder).run.ended == run.problems[0]


def test_a_bug_in_the_auditor_is_a_problem_and_no_exception(tmp_path, monkeypatch):
    for broken in ("audit.pipeline.stages.audit_model", "audit.pipeline.run.conclude", "audit.pipeline.run.write"):
        with monkeypatch.context() as patched:
            patched.setattr(broken, lambda *_, **__: 1 / 0)
            with wrapped(tmp_path) as run:
                run.predictions(table())
        assert "ZeroDivisionError" in run.problems[0], broken


def test_a_run_that_could_not_be_concluded_stays_as_one_that_did_not_end(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("audit.pipeline.run.conclude", lambda *_, **__: 1 / 0)
    with wrapped(tmp_path, metered=True) as run:
        run.predictions(table())
    assert run.result is None
    (left,) = Store(tmp_path / "runs").runs()
    assert left.state == "incomplete"
    with pytest.raises(SystemExit, match="5"):
        main(["gate", left.id, "--store", str(tmp_path / "runs")])
    assert capsys.readouterr().out.startswith("INCOMPLETE")


def test_a_step_that_hangs_is_not_waited_for(tmp_path, monkeypatch):
    over = threading.Event()
    monkeypatch.setattr("audit.pipeline.stages.audit_model", lambda *_, **__: over.wait(60))
    began_s = time.monotonic()
    with wrapped(tmp_path, patience_s=0.3) as run:
        run.predictions(table())
    lasted_s = time.monotonic() - began_s
    over.set()
    assert lasted_s < 3
    assert "not done within 0.3 s" in run.problems[0]
    assert run.result.verdict == "incomplete"


def test_a_store_that_cannot_be_written_is_a_problem(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with wrapped(tmp_path, metered=True) as run:
        run.predictions(table())
    assert "cannot be written" in run.problems[0]
    assert run.folder is None
    assert run.result.find("selection_rate")


def test_a_store_that_vanishes_is_a_problem(tmp_path):
    import shutil

    with wrapped(tmp_path) as run:
        run.predictions(table())
        shutil.rmtree(tmp_path / "runs")
        (tmp_path / "runs").write_text("a file")
    assert run.folder is None
    assert run.problems
    assert run.result is not None


def test_a_forked_worker_that_leaves_the_block_concludes_nothing(tmp_path):
    script = f"""
        import os, sys, warnings
        import audit
        with audit.training({QUESTION!r}, store="runs", metered=False, quiet=True) as run:
            run.predictions({{"y": [1, 0] * 500, "p": [1, 0] * 500, "sex": ["f", "f", "m", "m"] * 250}})
            child = os.fork()
            if child:
                assert os.waitpid(child, 0)[1] == 0
        if not child:
            os._exit(0 if run.result is None and len(os.listdir("runs")) == 1 else 9)
        print(run.result.verdict)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.strip() == "pass", done.stderr
    assert len(list((tmp_path / "runs").iterdir())) == 1


# --- the process beside the training --------------------------------------------------------------------------------


@pytest.fixture
def beside(tmp_path):
    made = SidecarClient()
    made.begin({"config": {}, "staging": str(tmp_path), "folder": str(tmp_path), "parent": os.getpid(), "run": {}})
    yield made
    made.abandon()


def test_a_killed_meter_is_a_reason_and_no_signal(beside):
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        beside._process.kill()
        beside._process.wait()
        beside.enter("train")
        beside.leave()
        assert beside.stop() is None
    finally:
        signal.signal(signal.SIGPIPE, before)
    assert "process is gone" in beside.reason


def test_a_meter_that_hangs_is_waited_for_once_and_under_two_seconds(beside):
    os.kill(beside._process.pid, signal.SIGSTOP)
    began_s = time.monotonic()
    beside.ready()
    beside.enter("train")
    beside.leave()
    assert beside.stop() is None
    assert time.monotonic() - began_s < 2.5
    assert "did not answer" in beside.reason


def test_a_run_whose_meter_died_says_so_and_is_no_zero(tmp_path):
    with wrapped(tmp_path, metered=True) as run:
        run.predictions(table())
        run._recording._beside._process.kill()
    assert run.result.verdict == "pass"
    assert run.result.energy.energy_kwh is None
    assert "not measured" in run.result.energy.note


# --- six abnormal ends, in the block ---------------------------------------------------------------------------------

SCRIPT = """
import json, os, pathlib, signal, sys, time
import numpy as np
np.random.seed(7)
def wait():
    end = time.monotonic() + 25
    while time.monotonic() < end and not any(r["energy_j"] for p in pathlib.Path("runs").glob(".*.part/energy.json")
            for r in json.loads(p.read_text())["energy"]["components"]):
        time.sleep(0.05)
def train():
    WAIT
    weights = np.random.rand(1000)
    pathlib.Path("weights").write_bytes(weights.tobytes())
    pathlib.Path("pid").write_text(str(os.getpid()))
    END
"""
PLAIN = SCRIPT.replace("WAIT", "pass") + "train()\n"
WRAPPED = SCRIPT.replace("WAIT", "wait()") + "import audit\nwith audit.training({}, store='runs'):\n    train()\n"
ENDS = {
    "well": "pass",
    "exception": "raise ValueError('training')",
    "exit 7": "sys.exit(7)",
    "segfault": "os.kill(os.getpid(), signal.SIGSEGV)",
    "interrupt": "time.sleep(60)",
    "term": "time.sleep(60)",
    "kill": "time.sleep(60)",
}
SIGNALS = {"interrupt": signal.SIGINT, "term": signal.SIGTERM, "kill": signal.SIGKILL}


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    """Every end at once, plain and wrapped."""
    base, running = tmp_path_factory.mktemp("ends"), {}
    for name, end in ENDS.items():
        for kind, script in (("plain", PLAIN), ("wrapped", WRAPPED)):
            folder = base / f"{kind}-{name}".replace(" ", "_")
            folder.mkdir()
            with (folder / "log").open("wb") as log:
                command = [sys.executable, "-c", script.replace("END", end)]
                env = os.environ | {"PYTHONPATH": str(ROOT)}
                running[kind, name] = folder, subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    codes = {}
    try:
        for (kind, name), (folder, process) in running.items():
            if name in SIGNALS:
                until_s = time.monotonic() + 40
                while not (folder / "pid").exists() and time.monotonic() < until_s:
                    time.sleep(0.05)
                process.send_signal(SIGNALS[name])
            codes[kind, name] = folder, process.wait(60)
    finally:
        for _, process in running.values():
            process.kill()
            process.wait()
    return codes


def whole_run(folder: Path):
    """The one run of a store, once it is whole."""
    until_s = time.monotonic() + 20
    while time.monotonic() < until_s:
        runs = Store(folder / "runs").runs()
        if runs and runs[0].state == "complete":
            return Store(folder / "runs").load()
        time.sleep(0.1)
    return pytest.fail(f"no whole run: {(folder / 'log').read_text()}")


@pytest.mark.parametrize("name", ENDS)
def test_every_end_of_the_training_is_its_own_and_keeps_its_energy(ends, name):
    (plain, code), (folder, wrapped_code) = ends["plain", name], ends["wrapped", name]
    assert wrapped_code == code, (folder / "log").read_text()
    assert (folder / "weights").read_bytes() == (plain / "weights").read_bytes()
    result = whole_run(folder)
    assert result.verdict == ("not judged" if name == "well" else "incomplete")
    trained = [r for r in result.energy.components if r.phase == "train"]
    assert trained
    assert all(r.energy_j > 0 and r.coverage > 0.5 for r in trained)
    assert bool(result.run.ended) is (name != "well")


@pytest.mark.parametrize("name", ENDS)
def test_the_release_gate_says_incomplete(ends, name):
    folder, _ = ends["wrapped", name]
    whole_run(folder)
    done = run_command("gate", next((folder / "runs").glob("2*")), "--gate", "energy_kwh <= 1")
    assert done.returncode == (0 if name == "well" else 5), done.stdout + done.stderr
    if name != "well":
        assert "INCOMPLETE" in done.stdout


def test_nothing_of_ours_is_left_running(ends):
    for folder, _ in ends.values():
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                told = line.read_bytes()
            except OSError:
                continue
            assert str(folder).encode() not in told


def test_the_record_is_flushed_while_the_training_goes_on(tmp_path):
    with wrapped(tmp_path, metered=True) as run:
        until_s = time.monotonic() + 20
        record = run.staging / "energy.json"
        while time.monotonic() < until_s and not (record.exists() and json.loads(record.read_text())["duration_s"] > 6):
            time.sleep(0.2)
        document = json.loads(record.read_text())
    assert document["phase"] == "train"
    assert document["duration_s"] > 6
    assert sum(r["energy_j"] or 0 for r in document["energy"]["components"]) > 0
