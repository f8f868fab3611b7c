"""What `audit.training` costs a run beside the meter: all else that happens before the block and after it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.page import AtMost, Benchmark, Scale, Section, Sides

CHILD = """
import json, sys, time
from collections import Counter
import audit
from audit.wrapping.sidecar import client

spent = Counter()

def timed(name):
    real = getattr(client.SidecarClient, name)
    def wrapped(self, *args):
        began = time.perf_counter()
        if name == "__init__":
            self.began = began
        try:
            return real(self, *args)
        finally:
            spent[name] += time.perf_counter() - (self.began if name == "ready" else began)
    setattr(client.SidecarClient, name, wrapped)

for name in ("__init__", "ready", "leave", "stop"):
    timed(name)

def run():
    spent.clear()
    began = time.perf_counter()
    with audit.training({}, store=sys.argv[1], quiet=True) as one:
        inside = time.perf_counter()
        time.sleep(0.3)
        left = time.perf_counter()
    ended = time.perf_counter()
    assert one.result.verdict == "not judged" and not one.problems
    assert one.result.energy.energy_kwh > 0
    meter = spent["ready"] + spent["leave"] + spent["stop"]
    return (inside - began) + (ended - left) - meter

print(json.dumps([run(), run()]))
"""
"""A run that does nothing, twice in a process. The meter's start is from the start of its process until it is ready."""


@contextmanager
def _runs(which: int) -> Iterator[Sides]:
    with tempfile.TemporaryDirectory() as folder:

        def go() -> float:
            command = [sys.executable, "-c", CHILD, folder]
            path = os.pathsep.join(filter(None, (str(_root()), os.environ.get("PYTHONPATH", ""))))
            done = subprocess.run(
                command, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": path}
            )
            return float(json.loads(done.stdout)[which])

        yield Sides(go)


def _root() -> str:
    from pathlib import Path

    return str(Path(__file__).resolve().parents[2])


@contextmanager
def _first(scale: Scale, rows: int) -> Iterator[Sides]:
    del scale, rows
    with _runs(0) as sides:
        yield sides


@contextmanager
def _later(scale: Scale, rows: int) -> Iterator[Sides]:
    del scale, rows
    with _runs(1) as sides:
        yield sides


SECTION = Section(
    "Around a training",
    "What `with audit.training(...)` adds to a run that does nothing, beyond the start and the end of its meter: the question, the "
    "store, the verdict, the document and its cards.",
    (
        Benchmark(
            name="wrapper-first", ours="first run of a process", theirs="nothing", rows=0, sides=_first,
            demand=AtMost(0.05, "s"), note="With all that is imported for it; most of that while the meter starts.",
        ),
        Benchmark(
            name="wrapper-later", ours="later run of a process", theirs="nothing", rows=0, sides=_later,
            demand=AtMost(0.05, "s"),
        ),
    ),
)  # fmt: skip
