"""A store with its dashboard served, and what a browser or a stranger is answered."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace

BOSTON, HOSTILE, PLAIN = "20261124T050512Z-1a2b34", "20261124T030512Z-1a2b32", "20261124T020512Z-1a2b31"
WIDEST_S = 60


def put(store, run_id, result):
    result = replace(result, run=replace(result.run, id=run_id))
    return store.commit(run_id, {"audit.json": result.to_json(), "card.html": "<!doctype html><p>card", "card.md": "#"})


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def served(store, home):
    """The command as people start it; gives its process and port."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "audit",
        "dashboard",
        "--store",
        str(store.folder),
        "--port",
        str(port),
        "--no-browser",
    ]
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")} | {"HOME": str(home)}
    with (home / "stderr").open("w") as log, subprocess.Popen(command, env=environment, stderr=log) as server:
        try:
            yield server, port
        finally:
            if server.poll() is None:
                server.terminate()
                server.wait(30)


def answers(port):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with contextlib.suppress(OSError):
        return opener.open(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).read() == b"ok"
    return False


def wait_for(condition, port, most_s=WIDEST_S):
    deadline = time.monotonic() + most_s
    while time.monotonic() < deadline:
        if condition(port):
            return True
        time.sleep(0.2)
    return False
