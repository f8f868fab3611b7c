"""A tool in an environment of its own, which times itself and answers in JSON."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.page import Absent, Scale

HERE = Path(__file__).resolve().parent / "peers"


@dataclass(frozen=True)
class Peer:
    """A running peer: what it computed at the start, and how to have it compute that again."""

    process: subprocess.Popen[str]
    versions: str
    values: Any

    def go(self) -> float:
        """Seconds that one go took inside of the peer's process."""
        return float(_ask(self.process)["seconds"])


@contextmanager
def peer(scale: Scale, name: str, *arguments: str | Path) -> Iterator[Peer]:
    """Start a peer's side, and end it.

    Raises
    ------
    Absent
        When its environment was not built.
    """
    python = scale.root / f".venv-peer-{name}" / "bin" / "python"
    if not python.exists():
        raise Absent(f"{name} has no environment here; `make .venv-peer-{name}/.done` builds it")
    command = [str(python), str(HERE / f"{name}_side.py"), *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        first = _read(process)
        yield Peer(process, first["versions"], first["values"])
    finally:
        process.stdin.close()
        process.wait(timeout=60)
        process.stdout.close()


def _ask(process: subprocess.Popen[str]) -> Any:
    process.stdin.write("go\n")
    process.stdin.flush()
    return _read(process)


def _read(process: subprocess.Popen[str]) -> Any:
    line = process.stdout.readline()
    if not line:
        raise ChildProcessError(f"{process.args[1]} ended with {process.wait()} before it answered")
    return json.loads(line)
