"""One ``audit model`` of 300 rows, watched: which of our modules it loads, how often they call, and where a call climbs.

``python tests/house/walk.py`` prints the three.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROWS = 300
COMMAND = ("model", "people.csv", "--label", "label", "--prediction", "prediction", "--groups", "sex,race", "--gate",
           "selection_rate ratio >= 0.8")  # fmt: skip
WATCHED = """
import atexit, json, sys
from collections import Counter

calls = Counter()

def watch(frame, event, argument):
    if event == "call":
        back = frame.f_back
        calls[back.f_globals.get("__name__", "") if back else "", frame.f_globals.get("__name__", "")] += 1

def tell():
    sys.setprofile(None)
    ours = sorted(m for m in sys.modules if m == "audit" or m.startswith("audit."))
    between = [[a, b, n] for (a, b), n in calls.items() if b.startswith("audit")]
    with open(sys.argv[1], "w") as out:
        json.dump({"loaded": ours, "calls": between}, out)

atexit.register(tell)
from audit.cli import main
sys.setprofile(watch)
sys.exit(main(sys.argv[2:]))
"""


@dataclass(frozen=True)
class Walk:
    """What one run of the command did."""

    loaded: tuple[str, ...]
    """Our modules in memory at its end."""
    calls: dict[tuple[str, str], int]
    """Calls into one of our modules, by the module that calls and the one that is called."""


def walk(folder: Path) -> Walk:
    """Run the command on a table that is the same every time, and return what it did."""
    lines = [f"{'fm'[i % 2]},{'abc'[i % 3]},{(i * 7) % 2},{(i * 5) % 3 % 2}" for i in range(ROWS)]
    (folder / "people.csv").write_text("\n".join(["sex,race,label,prediction", *lines]) + "\n")
    seen = folder / "seen.json"
    words = [sys.executable, "-c", WATCHED, str(seen), *COMMAND]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1, 3}, done.stderr
    found = json.loads(seen.read_text())
    return Walk(tuple(found["loaded"]), {(a, b): n for a, b, n in found["calls"]})


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        seen = walk(Path(place))
    sys.stdout.write(f"modules loaded {len(seen.loaded)}\ncalls of ours {sum(seen.calls.values())}\n")
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from house.test_imports import rank

    for caller, called in sorted(seen.calls):
        if caller.startswith("audit.") and called.startswith("audit.") and rank(called) > rank(caller):
            sys.stdout.write(f"climbs: {caller} > {called}\n")
