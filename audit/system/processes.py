"""A process of our own beside the user's: the very package that asks, on the same Python, whatever surrounds it.

Must not: import anything heavy; every wrapped training starts one before anything else.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from audit.system.environment import RUN

HOME = Path(__file__).resolve().parents[2]
CODE = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); import audit; sys.path.pop(0); "
    "from importlib import import_module; sys.exit(import_module(sys.argv[1]).main(*sys.argv[2:]))"
)
"""Only this package is taken from the folder that it lies in; ``-P`` keeps the run's own folder out."""
NOT_PASSED_ON = ("SUDO_ASKPASS", "SSH_ASKPASS", "PYTHONWARNINGS", RUN)
"""What could ask a person for a password, turn a library's warning into an exception, or name somebody's run."""


def start_own_process(module: str, *arguments: str, stdin: int) -> subprocess.Popen[bytes]:
    """Start ``main(*arguments)`` of a module of this package, in a session of its own and deaf to the terminal.

    What is sent to the training's group does not reach it, and what it prints is thrown away.

    Parameters
    ----------
    module
        Its full name.
    stdin
        File that it has as its standard input.

    Raises
    ------
    OSError, ValueError
        When the system refuses.
    """
    command = [sys.executable, "-P", "-c", CODE, str(HOME), module, *arguments]
    return subprocess.Popen(
        command,
        cwd="/",
        env=_filter_environment(os.environ),
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def end(process: subprocess.Popen[bytes], within_s: float) -> None:
    """End a process that `start_own_process` has started, and all that it started; wait for it, but not for long."""
    kill(process)
    with suppress(subprocess.TimeoutExpired):
        process.wait(within_s)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End it now: it leads a session of its own."""
    with suppress(ProcessLookupError, PermissionError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def _filter_environment(base: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in base.items() if name not in NOT_PASSED_ON}
