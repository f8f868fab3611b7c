"""Whether Great Expectations surely takes the arguments of an expectation, without importing it.

The library takes seconds to import. A JSON Schema that `argument_schema` made from the models of one version says what
that version takes for sure; of anything else, and of any other version, the library itself is asked, so that a refusal
is always its own. Must not: import great_expectations, refuse anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from audit.checks.expectations.answer import Expectation
from audit.errors import AuditError
from audit.system import strict_json
from audit.system.environment import find_asset

FOLDER = "reports/schema/great-expectations"
LARGEST_BYTES = 1_000_000
LARGEST_WHOLE = 2**53
"""Whole numbers beyond it are not the same as doubles; the library is asked what it makes of them."""


def surely_taken(expectation: Expectation) -> bool:
    """Return whether the installed Great Expectations takes these arguments; False also where that is not known."""
    model = _read_models(_find_installed_version()).get(expectation.type)
    return (
        model is not None
        and _is_valid(expectation.kwargs, model)
        and all(RULES[name](expectation.kwargs) for name in model.get("rules", ()))
    )


@lru_cache(maxsize=1)
def _read_models(of: str | None) -> Mapping[str, Mapping[str, Any]]:
    """Return the schema of each expectation of a version; none of a version that no schema is kept of."""
    if of is None:
        return {}
    try:
        path = find_asset(f"{FOLDER}/{of}.json")
    except AuditError:
        return {}
    found: dict[str, Mapping[str, Any]] = strict_json.read_value(strict_json.read_text(path, LARGEST_BYTES))
    return found


@cache
def _find_installed_version() -> str | None:
    try:
        return version("great-expectations")
    except PackageNotFoundError:
        return None


def _is_valid(value: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether a value satisfies a schema of the few keywords that are written here."""
    if "anyOf" in schema:
        return any(_is_valid(value, one) for one in schema["anyOf"])
    if "enum" in schema:
        return isinstance(value, str) and value in schema["enum"]
    return "type" not in schema or TYPES[schema["type"]](value, schema)


def _is_text(value: Any, schema: Mapping[str, Any]) -> bool:
    return isinstance(value, str) and _is_within(len(value), schema, "Length")


def _is_number(value: Any, schema: Mapping[str, Any]) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    if isinstance(value, int) and abs(value) > LARGEST_WHOLE:
        return False
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    return math.isfinite(value) and bool(low <= value <= high)


def _is_list(value: Any, schema: Mapping[str, Any]) -> bool:
    items = schema.get("items", {})
    return (
        isinstance(value, list) and _is_within(len(value), schema, "Items") and all(_is_valid(v, items) for v in value)
    )


def _is_object(value: Any, schema: Mapping[str, Any]) -> bool:
    known, needed = schema["properties"], schema.get("required", ())
    if not isinstance(value, Mapping) or any(key not in value for key in needed):
        return False
    return all(key in known and _is_valid(item, known[key]) for key, item in value.items())


def _is_within(size: int, schema: Mapping[str, Any], what: str) -> bool:
    return bool(schema.get(f"min{what}", 0) <= size <= schema.get(f"max{what}", size))


TYPES: Mapping[str, Callable[[Any, Mapping[str, Any]], bool]] = {
    "string": _is_text,
    "number": _is_number,
    "integer": lambda value, schema: isinstance(value, int) and _is_number(value, schema),
    "boolean": lambda value, _: isinstance(value, bool),
    "null": lambda value, _: value is None,
    "array": _is_list,
    "object": _is_object,
}


def _has_an_end(given: Mapping[str, Any]) -> bool:
    return any(given.get(end) is not None for end in ("min_value", "max_value"))


def _has_rising_ends(given: Mapping[str, Any]) -> bool:
    low, high = given.get("min_value"), given.get("max_value")
    return low is None or high is None or low <= high


def _has_rising_ranges(given: Mapping[str, Any]) -> bool:
    """Return a range of each quantile, the lower end first."""
    asked = given["quantile_ranges"]
    ranges: Sequence[Sequence[float | None]] = asked["value_ranges"]
    rising = all(None in each or each == sorted(v for v in each if v is not None) for each in ranges)
    return rising and len(asked["quantiles"]) == len(ranges)


RULES: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "an end": _has_an_end,
    "rising ends": _has_rising_ends,
    "rising ranges": _has_rising_ranges,
}
"""What a schema cannot say: conditions on several arguments, by the name that the schema calls them."""
