"""Kinds of counts are found by the files that count them."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

from audit.axes import CubeKind
from audit.counting import kinds
from audit.counting.kinds.kind import ask_kinds

FILES = [
    name
    for name in (module.name for module in pkgutil.iter_modules(kinds.__path__))
    if hasattr(importlib.import_module(f"audit.counting.kinds.{name}"), "KIND")
]


def test_every_file_counts_a_kind_of_its_own():
    kinds_of_files = [importlib.import_module(f"audit.counting.kinds.{name}").KIND.kind for name in FILES]
    assert len(FILES) >= 3
    assert len(set(kinds_of_files)) == len(FILES)
    assert set(kinds_of_files) < set(CubeKind)


def test_two_files_of_one_kind_are_refused():
    with pytest.raises(ValueError, match="two files of audit.counting.kinds count the kind ORDERED_PAIRS"):
        ask_kinds(["exact_auc", "exact_auc"], {})
