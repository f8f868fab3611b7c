"""Words about keys of audit.toml, for somebody who wrote options instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from audit.errors import InputError

OPTIONS = {
    **{key: f"--{key.replace('_', '-')}" for key in (
        "label", "positive", "classes", "task", "prediction", "score", "threshold", "exact_auc", "features",
        "neighbours", "query", "rank", "top", "groups", "weight", "unit", "strata", "bins", "reference",
        "intersections", "confidence", "four_fifths", "engine", "master", "compare_to", "suite", "csv",
    )},
    "reference_group": "--reference",
}  # fmt: skip
KEY = re.compile(r"\[(?:data|predictions|policy|checks)\] (\w+)|\b(?:data|predictions|policy|checks)\.(\w+)")
MEND = re.compile(r"\((\w+(?:, \w+)*)(?: = …)?\)")


def in_options(message: str) -> str:
    """A message in which keys that are options are called so.

    >>> in_options("say which one is positive (positive = …)")
    'say which one is positive (--positive)'
    >>> in_options("the command line: data.groups: names 'sex' twice; name them in [data] groups")
    "the command line: --groups: names 'sex' twice; name them in --groups"
    """
    return MEND.sub(_mended, KEY.sub(lambda m: OPTIONS.get(m[1] or m[2], m[0]), message))


def _mended(found: re.Match[str]) -> str:
    names = found[1].split(", ")
    return f"({', '.join(OPTIONS[n] for n in names)})" if all(n in OPTIONS for n in names) else found[0]


@contextmanager
def said_in_options(*, asked: bool) -> Iterator[None]:
    """Say what is wrong in options, where these asked."""
    try:
        yield
    except InputError as error:
        if asked:
            error.args = (in_options(str(error)), *error.args[1:])
        raise
