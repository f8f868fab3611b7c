"""Examples in docstrings say what happens: each is run as it stands."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "audit").rglob("*.py")
    if ">>>" in path.read_text() and path.name != "__init__.py"
)


@pytest.mark.parametrize("module", MODULES)
def test_examples_run_as_they_stand(module):
    outcome = doctest.testmod(import_module(module))
    assert outcome.attempted > 0 or "+SKIP" in Path(import_module(module).__file__).read_text()
    assert outcome.failed == 0


def test_there_are_examples():
    assert len(MODULES) > 20
