"""What this process and one of our own beside it say to each other: one JSON object a line, over a pair of sockets.

A pipe would kill a training that has given SIGPIPE its default meaning; a socket can be told not to.

Must not: import anything heavy; every wrapped training pays for this module.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from typing import Any

from audit.system.processes import start_own_process

NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)
AT_ONCE = 65_536


class ChannelClosedError(Exception):
    """The other side is gone."""


class Channel:
    """One end of the pair."""

    def __init__(self, end: socket.socket, patience_s: float) -> None:
        self._end = end
        self._end.settimeout(patience_s)
        if hasattr(socket, "SO_NOSIGPIPE"):
            self._end.setsockopt(socket.SOL_SOCKET, socket.SO_NOSIGPIPE, 1)
        self._rest = b""

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a whole message, within the patience.

        Raises
        ------
        ChannelClosedError
            When the other side is gone, or takes nothing in.
        ValueError
            When the message holds a number that JSON has no word for; nothing is sent then.
        """
        # In ASCII even half a character of a path that is no UTF-8 goes over and comes back as it was.
        data = json.dumps(message, allow_nan=False).encode("ascii") + b"\n"
        try:
            self._end.sendall(data, NO_SIGNAL)
        except OSError as error:
            raise ChannelClosedError(str(error)) from error

    def receive(self, within_s: float | None = None) -> dict[str, Any] | None:
        """Return the next message, or None when none came in time; wait for as long as it takes without a time.

        Raises
        ------
        ChannelClosedError
            When the other side is gone.
        ValueError
            When a line is not JSON.
        """
        until_s = None if within_s is None else time.monotonic() + within_s
        while b"\n" not in self._rest:
            left_s = None if until_s is None else max(0.0, until_s - time.monotonic())
            if not self._has_more(left_s):
                return None
            self._rest += self._read_more()
        line, self._rest = self._rest.split(b"\n", 1)
        found = json.loads(line)
        return found if isinstance(found, dict) else {}

    def listen(self, parent: int, look_s: float) -> Iterator[dict[str, Any] | None]:
        """Yield each message, and None after each look without one, until no other side is left.

        That is when the other side has hung up, or when this process has another parent: a fork of the one that
        asked may hold its end open.
        """
        while True:
            try:
                message = self.receive(look_s)
            except (ChannelClosedError, ValueError):
                return
            if message is None and os.getppid() != parent:
                return
            yield message

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self._end.close()

    def _has_more(self, within_s: float | None) -> bool:
        # Not select.select: it refuses a file number above 1023, and a training may have so many files open.
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        return bool(poll.poll(None if within_s is None else within_s * 1000))

    def _read_more(self) -> bytes:
        try:
            data = self._end.recv(AT_ONCE)
        except OSError as error:
            raise ChannelClosedError(str(error)) from error
        if not data:
            raise ChannelClosedError("the other process ended")
        return data


def start_with_channel(module: str, *arguments: str, patience_s: float) -> tuple[subprocess.Popen[bytes], Channel]:
    """Start ``main(*arguments)`` of a module of this package; return its process and our end of the pair.

    Raises
    ------
    OSError, ValueError
        When the system refuses.
    """
    ours, theirs = socket.socketpair()
    channel = Channel(ours, patience_s)
    with theirs:
        try:
            return start_own_process(module, *arguments, stdin=theirs.fileno()), channel
        except (OSError, ValueError):
            channel.close()
            raise


def take_channel(patience_s: float) -> Channel:
    """Return the channel to the process that started this one, as `start_with_channel` does.

    It is kept for ourselves: what a library prints or starts sees no stdin and no stdout.
    """
    end = socket.socket(fileno=os.dup(0))
    # A second number that is never closed: Python closes sockets while it still shuts down, and the other side would
    # hear of an end whose exit code is not there yet.
    os.dup(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return Channel(end, patience_s)
