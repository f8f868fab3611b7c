"""The command run as a person runs it, and the one run that it left."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock

STARTING = Lock()
SERVER = Path(__file__).with_name("command_server.py")


@cache
def _start_server(*loaded: str) -> socket.socket:
    """Start the process that forks the commands of this process of tests, and return the socket to ask it by."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    handle = theirs.fileno()
    command = [sys.executable, str(SERVER), str(handle), *loaded]
    server = subprocess.Popen(command, pass_fds=[handle], stdin=subprocess.DEVNULL)
    theirs.close()

    def end():
        ours.close()
        server.wait(timeout=10)

    atexit.register(end)
    return ours


@dataclass(frozen=True)
class Started:
    """A process that was asked for: what a `subprocess.Popen` of it would answer."""

    pid: int
    answers: socket.socket

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, timeout: float = 60) -> int:
        """Return how it ended, once; it is killed where it has not ended until then."""
        with self.answers:
            self.answers.settimeout(timeout)
            try:
                return int(self.answers.recv(32))
            except TimeoutError:
                os.kill(self.pid, signal.SIGKILL)
                self.answers.settimeout(10)
                self.answers.recv(32)
                raise


def start(
    words: Sequence[str],
    streams: Sequence[int],
    *,
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    program: str | None = None,
    session: bool = False,
    loaded: Sequence[str] = (),
) -> Started:
    """Start the command, or a program of Python with these words, forked from a process that has it loaded.

    A start takes 0.05 s instead of 1 s. Where the start itself is the subject (imports, what the interpreter finds its
    streams to be, signals while it starts), start ``python -m audit`` instead.

    Parameters
    ----------
    words
        What stands behind the name of the command, or of the program.
    streams
        Its standard input, output and error.
    env
        All of its surroundings.
    session
        Whether it leads a session of its own, and hears the signals of a terminal, whatever this process ignores.
    loaded
        Modules that the process has loaded beside the package; none of them may start a thread when it is imported.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    asked = {
        "words": list(words),
        "program": program,
        "folder": str(cwd or Path.cwd()),
        "surroundings": dict(os.environ if env is None else env),
        "session": session,
    }
    with STARTING:
        server = _start_server(*loaded)
    with theirs:
        socket.send_fds(server, [json.dumps(asked).encode()], [*streams, theirs.fileno()])
    return Started(int(ours.recv(32)), ours)


def begin(*arguments, stdout=None, stderr=None, env=None, **asked) -> Started:
    """Start the command and leave it running, with files for what it prints; nothing is heard of it without them."""
    surroundings = os.environ | {"NO_COLOR": "1", "COLUMNS": "100"} | (env or {})
    with Path(os.devnull).open("r+b") as nothing:
        streams = [stream.fileno() for stream in (nothing, stdout or nothing, stderr or nothing)]
        return start(list(map(str, arguments)), streams, env=surroundings, **asked)


def _run(words, *, input="", timeout, text=True, **asked) -> subprocess.CompletedProcess:  # noqa: A002
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(input.encode())
        given.seek(0)
        code = start(words, [given.fileno(), out.fileno(), err.fileno()], **asked).wait(timeout)
        printed = [_read(stream, text) for stream in (out, err)]
    return subprocess.CompletedProcess(words, code, *printed)


def audit(*arguments, env=None, timeout=120, **asked) -> subprocess.CompletedProcess:
    """Run the command in a process of its own; `start` says when that is not enough."""
    words = [os.fsdecode(word) if isinstance(word, bytes) else str(word) for word in arguments]
    surroundings = os.environ | {"NO_COLOR": "1", "COLUMNS": "100"} | (env or {})
    return _run(words, env=surroundings, timeout=timeout, **asked)


def run_program(program, *words, env=None, timeout=120, **asked) -> subprocess.CompletedProcess:
    """Run a program of Python, as ``python -c`` does, in a process of its own that has the package loaded already."""
    return _run(list(map(str, words)), program=program, env=os.environ | (env or {}), timeout=timeout, **asked)


def _read(stream, text: bool) -> str | bytes:
    stream.seek(0)
    return stream.read().decode() if text else stream.read()


def only_run(folder):
    (run,) = [p for p in (folder / "audit-runs").iterdir() if not p.name.startswith(".")]
    return run
