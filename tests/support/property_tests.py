"""What `make test` draws, and what it leaves to `make test-all`: examples of property tests, and values of a parameter."""

from __future__ import annotations

import itertools
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


def crossed_now(first: Iterable[Any], second: Iterable[Any]) -> list[Any]:
    """Return each pair of values of two parameters, of which a diagonal, with every value in it, is not left to `make test-all`."""
    a, b = list(first), list(second)
    now = {(i % len(a), i % len(b)) for i in range(max(len(a), len(b)))}
    return [
        pytest.param(x, y, marks=() if (i, j) in now else pytest.mark.slow)
        for (i, x), (j, y) in itertools.product(enumerate(a), enumerate(b))
    ]
