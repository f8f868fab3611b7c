"""Each benchmark in a process of its own: none inherits another's memory, and one that dies takes no figures with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.page import Benchmark, Result, Scale

RUN = Path(__file__).resolve().with_name("run.py")
FIGURES = ("rows", "ours", "theirs", "agreed", "told", "absent")


def apart(benchmark: Benchmark, scale: Scale, *, resume: bool) -> Result:
    """Figures of one benchmark, or what ended its process; those of a run that was cut off where they are wanted."""
    kept = kept_at(benchmark, scale)
    if not (resume and kept.exists()):
        kept.unlink(missing_ok=True)
        command = [sys.executable, str(RUN), "--only", benchmark.name, "--cache", str(scale.cache), "--keep"]
        done = subprocess.run([*command, *(["--quick"] if scale.quick else [])], check=False)
        if not kept.exists():
            how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
            return Result(benchmark, scale.rows(benchmark.rows), absent=f"its process ended with {how}", broken=True)
    return Result(benchmark, **json.loads(kept.read_text(encoding="utf-8")))


def keep(result: Result, scale: Scale) -> None:
    """Write figures down for the process that asked for them."""
    kept = kept_at(result.benchmark, scale)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps({name: getattr(result, name) for name in FIGURES}), encoding="utf-8")


def kept_at(benchmark: Benchmark, scale: Scale) -> Path:
    """Where figures lie between processes."""
    return scale.cache / "figures" / f"{benchmark.name}{'-quick' if scale.quick else ''}.json"
