"""The style of the code, measured: each limit is what holds today, and may only be drawn tighter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from house.measures import measure

import audit

PACKAGE = Path(audit.__file__).parent
AT_MOST = {
    "file lines, max": 500,
    "file lines, p90": 325,
    "function lines, median": 6,
    "function lines, p90": 15,
    "function lines, p99": 27,
    "nesting, p99": 3,
    "nesting, max": 5,
    "module functions that are a past participle, %": 2.3,
    "public functions and classes per kloc": 22.5,
    "private functions used once, %": 68.5,
    "conditional expressions per kloc": 27.2,
    "nested conditional expressions": 0,
    "tuples from comprehensions per kloc": 0,
    "double comprehensions per kloc": 0.8,
    "fmt: skip": 4,
}
AT_LEAST = {
    "annotated functions, %": 100,
    "public items documented, %": 99.5,
    "module functions that begin with a verb, %": 74,
    "comment lines per kloc": 8,
}
EMPTY_NAMES = re.compile(
    r"def (_said|_why|_find|_named|_one|_of|_told|told|shown|_shown|_each|_whole|_found|_judged|_compared|_counted|_same)\("
)


@pytest.fixture(scope="module")
def measured():
    return measure(PACKAGE)


@pytest.mark.parametrize("name", AT_MOST)
def test_it_is_at_most(measured, name):
    assert measured[name] <= AT_MOST[name]


@pytest.mark.parametrize("name", AT_LEAST)
def test_it_is_at_least(measured, name):
    assert measured[name] >= AT_LEAST[name]


def test_no_function_has_a_name_that_says_nothing():
    found = [
        f"{path.relative_to(PACKAGE)}: {match[1]}"
        for path in PACKAGE.rglob("*.py")
        for match in EMPTY_NAMES.finditer(path.read_text())
    ]
    assert not found
