"""A process that has the command loaded, and forks a child for each run of it: a real process without a second of imports.

Reads one JSON list a request from its socket, with the file descriptors of the child's streams; answers with how it ended.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
import warnings
from importlib import import_module

LOADED = (
    "audit.cli.app", "audit.cli.job", "audit.cli.audit", "audit.cli.results", "audit.cli.init", "audit.pipeline.run",
    "audit.counting.backends.duckdb", "audit.report.card.render", "pyarrow.csv", "scipy.special",
)  # fmt: skip
"""What an audit of a table imports; nothing of it starts a thread or reads the surroundings of the process."""


def become_the_command(words: list[str], folder: str, surroundings: dict[str, str], streams: list[int]) -> None:
    """Run the command in this process, as ``python -m audit`` does, and never return."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(surroundings)
    sys.path[0] = folder
    sys.argv = [sys.modules["audit"].__file__.replace("__init__", "__main__"), *words]
    import_module("audit.cli").main()


def answer(asked: socket.socket) -> bool:
    """Start what one message asks for, and say how it ended; return whether there may be another."""
    message, streams, *_ = socket.recv_fds(asked, 1 << 20, 3)
    if not message:
        return False
    child = os.fork()
    if not child:
        asked.close()
        become_the_command(*json.loads(message), streams)
    for stream in streams:
        os.close(stream)
    asked.sendall(str(child).encode())
    _, status = os.waitpid(child, 0)
    asked.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    return True


def main() -> None:
    """Load the command once, and serve until the socket is closed."""
    # NumPy's own threads are known to survive a fork; Python 3.12 warns of every thread.
    warnings.simplefilter("ignore", DeprecationWarning)
    for name in LOADED:
        import_module(name)
    for ending in ("html", "md"):
        templates = import_module("audit.report.card.render").make_environment(ending)
        for name in templates.list_templates():
            templates.get_template(name)
    gc.collect()
    gc.freeze()  # children then share these pages instead of copying them
    asked = socket.socket(fileno=int(sys.argv[1]))
    while answer(asked):
        pass


if __name__ == "__main__":
    main()
