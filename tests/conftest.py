from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
# Hundreds of tests start the command: where bytecode is not written, each start compiles the whole package anew, which
# is half of the time that a start takes. Bytecode lies in __pycache__, as of any program, and is ignored by git.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A CI that runs these tests is none that the commands under test run in.
for variable in ("GITHUB_ACTIONS", "GITHUB_WORKSPACE", "GITLAB_CI", "CI_PROJECT_DIR"):
    os.environ.pop(variable, None)

# A Java machine that lives for a few small tables spends most of its time on compiling for ones that it never sees.
os.environ.setdefault("SPARK_SUBMIT_OPTS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

SHARED = Path(os.environ.get("EVENHAND_SHARED", ROOT.parent / "shared"))


def pytest_collection_finish() -> None:
    """Keep what collection made out of garbage collection: a million objects that stay were looked through again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture(scope="session")
def shared() -> Path:
    if not (SHARED / "data").is_dir():
        pytest.skip("../shared with the real data sets is not here")
    return SHARED


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="module")
def heard() -> Iterator[None]:
    """Signals with the meaning that they have in a terminal: nohup and the background have some of them ignored, and what is started too."""
    usual = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
