"""Running a command as it would run without us: same folder, same terminal, same signals, same end.

The child stays in our process group, so that Ctrl-C in a terminal reaches it once, from the terminal. Signals
that were sent to us alone are passed on. Nothing here reads what the child prints.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from audit.errors import QuestionError, printable
from audit.system.environment import hand_on_output, is_lost
from audit.system.recorded_command import record_words

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAME_PRESS_S = 0.5
"""Two interrupts closer than this are one: some supervisors signal the process and then its group."""
STDERR = 2
SHELL = "/bin/sh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    exit_code: int
    """As the system reports it; negative for the signal that ended the child."""
    duration_s: float
    signal_received: int | None
    """First signal that reached us, not the child, while it ran."""

    @property
    def interrupted(self) -> str:
        """Name of the signal that reached us; empty where none did."""
        if self.signal_received is None:
            return ""
        return signal.Signals(self.signal_received).name

    @property
    def whole(self) -> bool:
        """Whether the command did what it set out to do, as far as its end tells."""
        return self.exit_code == 0 and self.signal_received is None


def run_command(
    command: Sequence[str],
    *,
    folder: Path,
    quiet_stdout: bool = False,
    env: Mapping[str, str] | None = None,
) -> Ended:
    """Run a command to its end and say how it ended.

    SIGINT, SIGTERM and SIGHUP that reach us are passed on to the child, and we wait for it; a second Ctrl-C
    kills it. In a thread other than the main one no signal is handled here.

    Parameters
    ----------
    command
        The program and its arguments. ``python`` and ``python3`` are the interpreter that runs this.
    folder
        The child's working folder.
    quiet_stdout
        Send what the child prints to our stderr, because our stdout carries the result. Where our stderr could not be
        written, its disk being full, the child's words are dropped: they would end it, and its work is what matters.
    env
        The child's whole environment; ours when None.

    Raises
    ------
    QuestionError
        When the command cannot be started at all.
    """
    words = _require_words(command)
    if not Path(folder).is_dir():
        raise QuestionError(
            f"no folder '{printable(folder, 300)}' to run '{_quote_program(words[0])}' in; name an existing folder"
        )
    hand_on_output()
    relay = _Relay()
    started_s = time.monotonic()
    with relay.listen():
        child = _start(words, Path(folder), _choose_output(quiet_stdout=quiet_stdout), env)
        relay.attach(child)
        exit_code = child.wait()
    return Ended(exit_code=exit_code, duration_s=time.monotonic() - started_s, signal_received=relay.first)


def to_exit_status(ended: Ended) -> int:
    """Return the exit status in the shell's convention: 128 + signal where one ended the child or reached us."""
    if ended.signal_received is not None:
        return 128 + ended.signal_received
    if ended.exit_code < 0:
        return 128 - ended.exit_code
    return ended.exit_code


class _Relay:
    """Passes signals on to one child; remembers the first."""

    def __init__(self) -> None:
        self.first: int | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._interrupted_s: float | None = None

    @contextlib.contextmanager
    def listen(self) -> Iterator[None]:
        """Handle the signals until the block ends; a signal that is ignored stays ignored (nohup)."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before: dict[int, Any] = {}
        try:
            for wanted in PASSED_ON:
                if signal.getsignal(wanted) is not signal.SIG_IGN:
                    before[wanted] = signal.signal(wanted, self._handle)
            yield
        finally:
            for number, handler in before.items():
                # None is a handler that was not installed from Python and cannot be put back by it.
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def attach(self, child: subprocess.Popen[bytes]) -> None:
        """Name the child; what came before it existed is passed on now."""
        self._child = child
        for number in self._early:
            self._send(number)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.first is None:
            self.first = number
        if self._child is None:
            self._early.append(number)
        elif number == signal.SIGINT:
            self._interrupt()
        else:
            self._send(number)

    def _interrupt(self) -> None:
        """Let the child end as it likes at the first Ctrl-C; kill it at the second."""
        now_s = time.monotonic()
        if self._interrupted_s is None:
            self._interrupted_s = now_s
            # A terminal sends Ctrl-C to the whole group: a second one would break into the child's own clean-up.
            if not _is_in_foreground():
                self._send(signal.SIGINT)
        elif now_s - self._interrupted_s > SAME_PRESS_S:
            self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._child is not None:
                self._child.send_signal(number)


def _is_in_foreground() -> bool:
    """Return whether our process group is the one that the terminal's keys signal."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _quote_program(program: str) -> str:
    """Return a program as an error names it; of a whole command in one text, without its values."""
    parts = program.split()
    return printable(program if len(parts) == 1 and "=" not in program else " ".join(record_words(parts)))


def _require_words(command: Sequence[str]) -> list[str]:
    """Return the command as it is started, refused where no system could start it."""
    if isinstance(command, str):
        raise QuestionError(f"command '{_quote_program(command)}' is one string; write it as a list of words")
    words = [str(word) for word in command]
    if not words or not words[0].strip():
        raise QuestionError('the command is empty; write it as a list of words, such as ["python", "train.py"]')
    if any("\0" in word for word in words):
        raise QuestionError(f"command '{_quote_program(words[0])}' holds a null character; remove it")
    if words[0] in {"python", "python3"}:
        words[0] = sys.executable
    return words


class _Output(NamedTuple):
    """Where a child's words go; None is where ours go."""

    stdout: int | None = None
    stderr: int | None = None


def _choose_output(*, quiet_stdout: bool) -> _Output:
    if quiet_stdout and is_lost(sys.stderr):
        return _Output(subprocess.DEVNULL, subprocess.DEVNULL)
    return _Output(STDERR if quiet_stdout else None)


def _start(words: list[str], folder: Path, output: _Output, env: Mapping[str, str] | None) -> subprocess.Popen[bytes]:
    """Start the child, or say why it cannot be started."""
    out, err = output
    try:
        try:
            return subprocess.Popen(words, cwd=folder, stdout=out, stderr=err, env=env)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            # A script without a first line is the shell's, as it is for env, nice and timeout (execvp).
            found = words[0] if "/" in words[0] else shutil.which(words[0], path=(env or os.environ).get("PATH"))
            words = [SHELL, found or words[0], *words[1:]]
            return subprocess.Popen(words, cwd=folder, stdout=out, stderr=err, env=env)
    except OSError as error:
        raise QuestionError(
            f"cannot run '{_quote_program(words[0])}' in '{printable(folder, 300)}': {_describe_mend(words[0], error)}"
        ) from error


def _describe_mend(program: str, error: OSError) -> str:
    """Return what is wrong with the command, and its mend."""
    if error.errno == errno.ENOENT and len(program.split()) > 1:
        return 'no such command; write each word on its own, such as ["python", "train.py"]'
    if error.errno == errno.ENOENT and "/" not in program:
        return "no such command on PATH; correct the name, give its path, or install it"
    if error.errno == errno.ENOENT:
        return "no such file, or the interpreter in its first line does not exist; correct the path"
    if error.errno == errno.EACCES:
        return "it is not executable; run 'chmod +x' on it or name its interpreter, such as \"python\", first"
    return f"{error.strerror or error}; correct the command"
