"""How many examples a property test draws: a third of them in `make test`, all of them in `make test-all`."""

from __future__ import annotations

import os

ALL = "EVENHAND_ALL_EXAMPLES" in os.environ
FEWEST = 25


def count_examples(examples: int) -> int:
    """Return how many of these examples are drawn now."""
    return examples if ALL else min(examples, max(FEWEST, examples // 3))
