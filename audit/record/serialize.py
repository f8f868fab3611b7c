"""From records to strict JSON and back: plain dicts and lists, a text with a line for each, adapters that read them.

Must not: know what a record means.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from audit.estimate import Estimate
from audit.measurement.estimates import Estimates

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """Return the plain form of a value. What most values are is asked first: a document holds 100,000s of them."""
    kind = type(value)
    if kind in _ITSELF:
        return value
    if kind is float or isinstance(value, float):
        return _require_finite(value)
    if kind is tuple or kind is list or isinstance(value, (tuple, list, Estimates)):
        return [v if type(v) in _ITSELF else to_plain(v) for v in value]
    if kind in _FIELDS or (is_dataclass(value) and not isinstance(value, type)):
        return {name: to_plain(getattr(value, name)) for name in _list_fields(value)}
    if kind is dict or isinstance(value, Mapping):
        return {str(k): to_plain(v) for k, v in value.items()}
    return str(value) if isinstance(value, str) else value


_ITSELF = frozenset({str, int, bool, type(None)})


def _list_fields(value: Any) -> tuple[str, ...]:
    """List the fields of a record; its class is asked once."""
    kind = type(value)
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(f.name for f in fields(value))
    return _FIELDS[kind]


_FIELDS: dict[type, tuple[str, ...]] = {}


def to_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield a document with a line for each member and each item of a list: to be read, searched and compared."""
    yield "{"
    for at, (key, value) in enumerate(document.items()):
        comma = "," if at + 1 < len(document) else ""
        if isinstance(value, list) and value:
            yield f" {_to_json(key)}: ["
            yield ",\n".join(f"  {_to_json(item)}" for item in value)
            yield f" ]{comma}"
        else:
            yield f" {_to_json(key)}: {_to_json(value)}{comma}"
    yield "}"


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _require_finite(value: float) -> float | int:
    if not math.isfinite(value):
        raise ValueError("a record cannot hold NaN or Infinity; write undefined instead")
    if value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


@cache
def make_adapter(record: type[T]) -> TypeAdapter[T]:
    """Return what pydantic makes of a class of records, closed to keys that it and its parts do not have."""
    from pydantic import ConfigDict, TypeAdapter

    for part in (*_find_parts(record), Estimate):
        part.__pydantic_config__ = ConfigDict(extra="forbid")
    return TypeAdapter(record)


def _find_parts(record: Any) -> Iterator[Any]:
    """Yield the classes of records that an annotation names, at any depth."""
    if isinstance(record, type) and is_dataclass(record):
        yield record
        for hint in get_type_hints(record).values():
            yield from _find_parts(hint)
    for argument in get_args(record):
        yield from _find_parts(argument)
