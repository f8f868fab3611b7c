"""What `make test` draws, and what it leaves to `make test-all`: examples of property tests, and values of a parameter."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest

ALL = "EVENHAND_ALL_EXAMPLES" in os.environ
FEWEST = 25


def count_examples(examples: int) -> int:
    """Return how many of these examples are drawn now."""
    return examples if ALL else min(examples, max(FEWEST, examples // 3))


def some_now(values: Iterable[Any], now: int) -> list[Any]:
    """Return the values of one parameter, of which all but the first are left to `make test-all`."""
    return [value if i < now else pytest.param(value, marks=pytest.mark.slow) for i, value in enumerate(values)]
