"""Starting the dashboard: Streamlit in a process of its own, on loopback, without telemetry.

Must not: import streamlit; what the command needs is only that it is installed.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from audit.errors import QuestionError, printable
from audit.system.environment import STORE, find_asset
from audit.system.guard import SECRET_VARIABLE

HOST = "127.0.0.1"
FIRST_PORT, LAST_PORT = 8501, 65535
STORE_VARIABLE = STORE
PATIENCE_S = 60.0
SETTINGS = {
    "runner.magicEnabled": "false",
    "server.address": HOST,
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "server.enableCORS": "true",
    "server.enableXsrfProtection": "true",
    "browser.gatherUsageStats": "false",
    "browser.serverAddress": HOST,
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
    "global.developmentMode": "false",
    "theme.light.primaryColor": "#1f5c6e",
    "theme.light.backgroundColor": "#fbfaf7",
    "theme.light.secondaryBackgroundColor": "#f3f1eb",
    "theme.light.textColor": "#1d2226",
    "theme.light.redTextColor": "#96291c",
    "theme.light.orangeTextColor": "#755000",
    "theme.light.greenTextColor": "#1d6340",
    "theme.light.blueTextColor": "#464b85",
    "theme.light.violetTextColor": "#575166",
    "theme.light.grayTextColor": "#575e65",
    "theme.dark.primaryColor": "#2f7f94",
    "theme.dark.backgroundColor": "#14171a",
    "theme.dark.secondaryBackgroundColor": "#21262b",
    "theme.dark.textColor": "#e8e6e1",
    "theme.dark.redTextColor": "#f29b8e",
    "theme.dark.orangeTextColor": "#e3bb6c",
    "theme.dark.greenTextColor": "#8bd0a7",
    "theme.dark.blueTextColor": "#afb6f0",
    "theme.dark.violetTextColor": "#bfb8cf",
    "theme.dark.grayTextColor": "#a9adb2",
    "theme.font": "sans-serif",
}
QUIET = {"STREAMLIT_CLIENT_SHOW_ERROR_LINKS": "false"}
"""Settings that an older Streamlit does not know as flags: no links to other people's sites beside an error."""


def serve(store: Path, *, port: int | None = None, open_browser: bool = True) -> int:
    """Serve the store until it is interrupted, and return the exit code of the server.

    Raises
    ------
    QuestionError
        When the extra is not installed, or the port is taken.
    """
    if importlib.util.find_spec("streamlit") is None:
        raise QuestionError("the dashboard needs streamlit; pip install 'evenhand[dashboard]'")
    chosen, token = _find_port(port), secrets.token_urlsafe(24)
    address = f"http://{HOST}:{chosen}/?token={token}"
    flags = [f"--{name}={value}" for name, value in SETTINGS.items()]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(find_asset("dashboards/serve.py")),
        f"--server.port={chosen}",
        *flags,
    ]
    environment = os.environ | QUIET | {STORE_VARIABLE: str(store.resolve()), SECRET_VARIABLE: token}
    print(f"Dashboard: {address} (on this machine only). Stop it with Ctrl-C.", file=sys.stderr, flush=True)  # noqa: T201
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as server, _end_with(server) as ended:
        if open_browser:
            threading.Thread(target=_open, args=(address, chosen, server), daemon=True).start()
        code = _wait(server)
    return 128 + ended[0] if ended else code


def _wait(server: subprocess.Popen[bytes]) -> int:
    """Wait for the server and return its exit code; Ctrl-C is how people end it, so that is 0."""
    try:
        return server.wait()
    except KeyboardInterrupt:
        server.terminate()
        server.wait()
        return 0


@contextmanager
def _end_with(server: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """End the server when this process is told to end, so that none is left serving; the signals that came."""
    came: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        server.terminate()

    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _find_port(asked: int | None) -> int:
    """Return the port that is asked for, or the first free one from 8501 on."""
    if asked is not None and not 1 <= asked <= LAST_PORT:
        raise QuestionError(f"port {printable(asked)} is not valid; give --port a number from 1024 to {LAST_PORT}")
    why = ""
    for port in [asked] if asked is not None else range(FIRST_PORT, FIRST_PORT + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
                continue
            return port
    raise QuestionError(f"port {asked or FIRST_PORT} on {HOST} {why}; give another --port")


def _open(address: str, port: int, server: subprocess.Popen[bytes]) -> None:
    """Open a browser as soon as the server answers."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                webbrowser.open(address)
                return
        time.sleep(0.2)
