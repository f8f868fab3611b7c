"""What the training and the process beside it say to each other: one JSON object a line, over a pair of sockets.

A pipe would kill a training that has given SIGPIPE its default meaning; a socket can be told not to.

Must not: import anything heavy; every wrapped training pays for this module.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from collections.abc import Mapping
from typing import Any

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
        """Say something, within the patience.

        Raises
        ------
        ChannelClosedError
            When the other side is gone, or takes nothing in.
        """
        text = json.dumps(message, ensure_ascii=False, allow_nan=False) + "\n"
        data = memoryview(text.encode("utf-8", "surrogateescape"))
        try:
            while data:
                data = data[self._end.send(data, NO_SIGNAL) :]
        except OSError as error:
            raise ChannelClosedError(str(error)) from error

    def receive(self, within_s: float) -> dict[str, Any] | None:
        """The next message, or None when none came in time.

        Raises
        ------
        ChannelClosedError
            When the other side is gone.
        """
        until_s = time.monotonic() + within_s
        while b"\n" not in self._rest:
            left_s = until_s - time.monotonic()
            if not select.select([self._end], [], [], max(0.0, left_s))[0]:
                return None
            self._rest += self._more()
        line, self._rest = self._rest.split(b"\n", 1)
        found = json.loads(line)
        return found if isinstance(found, dict) else {}

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self._end.close()

    def _more(self) -> bytes:
        try:
            data = self._end.recv(AT_ONCE)
        except OSError as error:
            raise ChannelClosedError(str(error)) from error
        if not data:
            raise ChannelClosedError("the other side hung up")
        return data
