"""The standard streams as a command meets them anywhere: closed, full, or with a reader that has read enough.

What happens to a stream never changes what a command does or how it ends: a verdict keeps its exit code, and a metered
command runs. A reader that is gone is no error; a disk that is full is named once the work is done.

Must not: know what is written.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import TextIO

from audit.system.environment import hand_on_output

STANDARD = (0, 1, 2)
GONE = frozenset({errno.EPIPE, errno.ECONNRESET, errno.EBADF})
"""The reader is gone: no error of ours and nothing to tell."""


class _Sink(io.RawIOBase):
    """A file descriptor that takes every write; what could not be written is remembered instead of raised."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.lost: OSError | None = None
        self.asked = False
        """Whether anything was to be written."""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: object, /) -> int:
        """Write what the system takes; after a first failure nothing is tried again, or a text would have holes."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        self.asked = self.asked or len(view) > 0
        if self.lost is not None:
            return len(view)
        try:
            return os.write(self._descriptor, view)
        except OSError as error:
            self.lost = error
            return len(view)


class Streams:
    """Standard output and standard error while a command runs."""

    def __init__(self) -> None:
        self._sinks: dict[str, _Sink] = {}
        self.optional = False
        """Whether the exit code is another program's, which no text of ours may change."""
        self.judges = False
        """Whether the exit code is an answer, so that one may want it alone and close standard output."""
        self._closed = False

    @property
    def unwritten(self) -> OSError | None:
        """Why standard output is not whole; None where it is, where its reader has left, or where none was wanted."""
        sink = self._sinks.get("stdout")
        if self._closed and sink is not None and sink.asked and not self.judges:
            return OSError(errno.EBADF, "it is closed")
        lost = None if sink is None else sink.lost
        return None if lost is None or lost.errno in GONE else lost

    @contextlib.contextmanager
    def guard_output(self) -> Iterator[None]:
        """Write through sinks until the block ends; a stream that was replaced already is left alone."""
        _open_standard()
        before = {name: getattr(sys, name) for name in ("stdout", "stderr")}
        self._closed = before["stdout"] is None
        for name, descriptor in (("stdout", 1), ("stderr", 2)):
            if before[name] is None or before[name] is getattr(sys, f"__{name}__"):
                setattr(sys, name, self._open_sink(name, before[name], descriptor))
        try:
            yield
        finally:
            hand_on_output()
            for name, stream in before.items():
                setattr(sys, name, stream)

    def _open_sink(self, name: str, stream: TextIO | None, descriptor: int) -> TextIO:
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        sink = self._sinks[name] = _Sink(descriptor)
        # A character that an encoding lacks is written as its escape: no word of ours is worth a crash.
        errors = "backslashreplace" if stream is None or stream.errors == "strict" else stream.errors
        return io.TextIOWrapper(
            io.BufferedWriter(sink),
            encoding="utf-8" if stream is None else stream.encoding,
            errors=errors,
            line_buffering=name == "stderr" or sink.isatty(),
            write_through=name == "stderr",
        )


def _open_standard() -> None:
    """Put the null device where a standard descriptor is closed, or the next file that is opened would stand there."""
    for descriptor in STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDONLY if descriptor == 0 else os.O_WRONLY)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
            os.set_inheritable(descriptor, True)


class Interrupts:
    """Ctrl-C once, twice or more: one way out, whatever a library makes of the first."""

    def __init__(self) -> None:
        self.came = False
        self._over = False

    def end(self) -> bool:
        """Return whether an interrupt came; further ones break into nothing, because the command is over."""
        self._over = True
        return self.came

    @contextlib.contextmanager
    def note_first(self, *, last: bool) -> Iterator[None]:
        """Remember that an interrupt came, and raise it as Python does; a signal that is ignored stays ignored.

        Parameters
        ----------
        last
            Whether the process ends with the block: a further interrupt would then only break into its end.
        """
        try:
            before = signal.getsignal(signal.SIGINT)
            if before is signal.default_int_handler:
                signal.signal(signal.SIGINT, self._handle)
        except ValueError:  # signals are for the main thread alone
            yield
            return
        try:
            yield
        finally:
            if before is signal.default_int_handler:
                signal.signal(signal.SIGINT, signal.SIG_IGN if last else before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._over:
            return
        self.came = True
        signal.default_int_handler(number, frame)
