"""What the tests of the callbacks ask of every framework."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
from commands import run_program

import audit
from audit.record.store import Store
from audit.wrapping import wrap as wrapping

ROOT = Path(__file__).resolve().parents[2]
SEEN = (ROOT, ROOT / "tests" / "support", ROOT / "tests" / "faces")
"""Where another process finds the package, and what the tests share."""
N = 400
QUESTION = {
    "data": {"label": "y", "groups": ["sex"]},
    "predictions": {"prediction": "p"},
    "gates": [{"stage": "model", "metric": "selection_rate", "compare": "ratio", "min": 0.01}],
}
REFUSING = {
    "data": {"label": "y", "groups": ["sex"]},
    "predictions": {"prediction": "p"},
    "gates": [{"stage": "data", "metric": "representation", "compare": "lowest", "min": 0.9}],
}
UNSAID = "the end of the training was not reported"


class TrainingBrokeError(Exception):
    """Of the training's own."""


def rows() -> pd.DataFrame:
    """People of two sexes with two numbers that tell their label, with noise."""
    random = np.random.default_rng(11)
    x = random.normal(size=(N, 2)).astype(np.float32)
    y = (x[:, 0] + 0.5 * random.normal(size=N) > 0).astype(int)
    return pd.DataFrame({"x0": x[:, 0], "x1": x[:, 1], "y": y, "sex": np.where(random.random(N) < 0.5, "f", "m")})


def predicted(decisions) -> pd.DataFrame:
    """The table that is handed over."""
    return rows()[["y", "sex"]].assign(p=np.asarray(decisions).astype(int))


def options(tmp_path, **more):
    return {"store": tmp_path / "runs", "metered": False, "quiet": True, **more}


def alone(decisions) -> audit.AuditResult:
    """The audit of the predictions by themselves."""
    table = predicted(decisions)
    return audit.measure(table["y"], table["p"], groups=table[["sex"]], gates=QUESTION["gates"])


def numbers(result):
    return [(e.metric, e.compare, e.group, e.value, e.low, e.high) for e in result.estimates if e.stage == "model"]


def kept(tmp_path) -> audit.AuditResult:
    """The one run of the store, once it is whole."""
    until_s = time.monotonic() + 20
    while time.monotonic() < until_s:
        runs = Store(tmp_path / "runs").runs()
        if runs and runs[0].state == "complete":
            return Store(tmp_path / "runs").load()
        time.sleep(0.02)
    raise AssertionError(list((tmp_path / "runs").iterdir()))


def nothing_is_open():
    """Whatever was open when the last object went is closed, and the process is as it was."""
    gc.collect()
    for thread in threading.enumerate():
        if thread.name == "audit":
            thread.join(20)
    return wrapping.active() is None and "EVENHAND_RUN" not in os.environ


def in_another_process(script: str, tmp_path) -> subprocess.CompletedProcess:
    return run_program(script, cwd=tmp_path, env={"PYTHONPATH": os.pathsep.join(map(str, SEEN)), "HF_HUB_OFFLINE": "1"})


def frameworks_beyond(module: str, framework: str) -> set[str]:
    """Frameworks that an adapter imports beside its own and what that imports.

    Its own is loaded here already, and takes seconds in a new process: so all of ours and every other framework is
    forgotten instead, the adapter imported anew, and what was loaded put back.
    """
    import_module(framework)
    others = {"lightning", "pytorch_lightning", "transformers", "xgboost", "lightgbm", "mlflow"} - {
        framework.partition(".")[0]
    }
    loaded = dict(sys.modules)
    try:
        for name in loaded:
            if name.partition(".")[0] in {"audit", *others}:
                del sys.modules[name]
        import_module(f"audit.{module}")
        assert sys.modules[f"audit.{module}"] is not loaded.get(f"audit.{module}")
        return others & set(sys.modules)
    finally:
        sys.modules.clear()
        sys.modules.update(loaded)


def said_without(module: str, framework: str) -> str:
    """What is raised where a framework is not installed."""
    script = (
        f"import sys; sys.modules[{framework!r}] = None\n"
        f"import audit\ntry:\n    import audit.{module}\n"
        "except ImportError as error:\n    print(isinstance(error, audit.InputError), error)"
    )
    done = run_program(script)
    assert done.returncode == 0, done.stderr
    return done.stdout
