"""The other end of `benchmarks.peer`: compute once, then again for every line on standard input.

Runs in a peer's own environment, on whatever Python that has; imports nothing of ours.
"""

import gc
import json
import os
import platform
import sys
import time
from importlib import metadata


def serve(packages, work, values):
    """Answer with versions and values, then with the seconds of each go.

    ``values`` turns what ``work`` returns into JSON, outside the clock. Whatever a peer prints goes to standard error.
    """
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    named = ", ".join(f"{p} {metadata.version(p)}" for p in packages)
    _say(out, {"versions": f"{named}, on Python {platform.python_version()}", "values": values(work())})
    for _ in sys.stdin:
        gc.collect()
        start = time.perf_counter()
        work()
        _say(out, {"seconds": time.perf_counter() - start})


def _say(out, answer):
    out.write(json.dumps(answer) + "\n")
    out.flush()
