from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Hundreds of tests start the command: where bytecode is not written, each start compiles the whole package anew, which
# is half of the time that a start takes. Bytecode lies in __pycache__, as of any program, and is ignored by git.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

SHARED = Path(os.environ.get("EVENHAND_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    if not (SHARED / "data").is_dir():
        pytest.skip("../shared with the real data sets is not here")
    return SHARED


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT
