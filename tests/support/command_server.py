"""A process that has the command loaded, and forks a child for each run of it: a real process without a second of imports.

Reads one JSON object a request from its socket, with the file descriptors of the child's streams and of a socket of its
own, on which it answers with the child's process id and later with how it ended.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import sys
import warnings
from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import Any

LOADED = (
    "audit.cli.app", "audit.cli.job", "audit.cli.audit", "audit.cli.results", "audit.cli.init", "audit.pipeline.run",
    "audit.counting.backends.duckdb", "audit.report.card.render", "pyarrow.csv", "scipy.special",
)  # fmt: skip
"""What an audit of a table imports; nothing of it starts a thread or reads the surroundings of the process."""
AS_IN_A_TERMINAL = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
}


def become_what_is_asked(asked: dict[str, Any], streams: list[int]) -> None:
    """Run the command in this process, as ``python -m audit`` does, or a program, as ``python -c``; never return."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    if asked["session"]:
        os.setsid()
        for number, handler in AS_IN_A_TERMINAL.items():
            signal.signal(number, handler)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["surroundings"])
    sys.path[:1] = [asked["folder"], *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    if asked["program"] is None:
        sys.argv = [sys.modules["audit"].__file__.replace("__init__", "__main__"), *asked["words"]]
        import_module("audit.cli").main()
    sys.argv = ["-c", *asked["words"]]
    sys.modules["__main__"] = ModuleType("__main__")
    exec(compile(asked["program"], "<string>", "exec"), vars(sys.modules["__main__"]))  # noqa: S102 - it is a test's own
    sys.exit()


def answer(server: socket.socket, running: selectors.BaseSelector) -> bool:
    """Start what one message asks for, and have its end looked out for; return whether there may be another."""
    message, handles, *_ = socket.recv_fds(server, 1 << 20, 4)
    if not message:
        return False
    *streams, reply = handles
    child = os.fork()
    if not child:
        running.close()
        server.close()
        os.close(reply)
        become_what_is_asked(json.loads(message), streams)
    for stream in streams:
        os.close(stream)
    os.write(reply, str(child).encode())
    running.register(os.pidfd_open(child), selectors.EVENT_READ, (child, reply))
    return True


def tell_end(ended: selectors.SelectorKey, running: selectors.BaseSelector) -> None:
    """Say how a child ended to the one that asked for it."""
    child, reply = ended.data
    running.unregister(ended.fd)
    os.close(ended.fd)
    _, status = os.waitpid(child, 0)
    with suppress(BrokenPipeError):  # where whoever asked has given it up
        os.write(reply, str(os.waitstatus_to_exitcode(status)).encode())
    os.close(reply)


def serve(server: socket.socket) -> None:
    """Answer until the socket is closed, whatever is still running."""
    with selectors.DefaultSelector() as running:
        running.register(server, selectors.EVENT_READ)
        while True:
            for ready, _ in running.select():
                if ready.fileobj is not server:
                    tell_end(ready, running)
                elif not answer(server, running):
                    return


def main() -> None:
    """Load the command once, and what is named beside it, and serve."""
    # NumPy's own threads are known to survive a fork; Python 3.12 warns of every thread.
    warnings.simplefilter("ignore", DeprecationWarning)
    handle, *further = sys.argv[1:]
    for name in (*LOADED, *further):
        import_module(name)
    for ending in ("html", "md"):
        templates = import_module("audit.report.card.render").make_environment(ending)
        for name in templates.list_templates():
            templates.get_template(name)
    gc.collect()
    gc.freeze()  # children then share these pages instead of copying them
    serve(socket.socket(fileno=int(handle)))


if __name__ == "__main__":
    main()
