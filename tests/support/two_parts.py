"""Checks of two parts of a table, as a run with `[data] test` makes them, without files."""

from __future__ import annotations

from contextlib import nullcontext

from audit.config.read import build
from audit.counting.backends.choose import count
from audit.pipeline.plans import plan_data
from audit.pipeline.stages import check_rows
from audit.tables.open import open_frame


def checks_of(train, test, **data):
    config = build({"data": {"source": "memory", **data}}, "the question")
    parts = {"train": open_frame(train), "test": open_frame(test)}
    counts = {name: count(table, plan_data(config), "duckdb", None) for name, table in parts.items()}
    return check_rows(parts, config, counts, lambda _: nullcontext())


def of(checks, code, part=None):
    (found,) = [c for c in checks if c.code == code and (part is None or part == c.part)]
    return found
