"""Options by the keys of audit.toml that they are."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from audit.config.doors import said_as

OPTIONS = {
    **{key: f"--{key.replace('_', '-')}" for key in (
        "label", "positive", "classes", "task", "prediction", "score", "threshold", "exact_auc", "features",
        "neighbours", "query", "rank", "top", "groups", "weight", "unit", "strata", "bins", "reference",
        "intersections", "confidence", "four_fifths", "engine", "master", "compare_to", "suite", "csv",
    )},
    "reference_group": "--reference",
    "classes = true": "--classes",
}  # fmt: skip


def said_in_options(*, asked: bool) -> AbstractContextManager[None]:
    """Say what is wrong in options, where these asked."""
    return said_as(OPTIONS) if asked else nullcontext()
