"""The command run as a person runs it, and the one run that it left."""

from __future__ import annotations

import os
import subprocess
import sys


def audit(*arguments, cwd, **more):
    command = [sys.executable, "-m", "audit", *map(str, arguments)]
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "100"}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, env=environment, **more)


def only_run(folder):
    (run,) = [p for p in (folder / "audit-runs").iterdir() if not p.name.startswith(".")]
    return run
