"""A result read back from its document, strictly: what does not fit the schema is refused by its place.

Must not: import numpy or pandas; the gate pays for this module.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from audit.errors import StoreError, printable
from audit.result import SCHEMA, AuditResult

DOCUMENT = "audit.json"
LARGEST_BYTES = 512 * 1024 * 1024


def read_result(path: str | Path) -> AuditResult:
    """Result of a run.

    Parameters
    ----------
    path
        An audit.json, or the folder in which one lies.

    Raises
    ------
    StoreError
        Names the file and the place in it.
    """
    file = Path(path)
    file = file / DOCUMENT if file.is_dir() else file
    shown = printable(file, 200)
    if not file.is_file():
        raise StoreError(f"no result at '{shown}'; name an {DOCUMENT} or the folder of a run (`audit list` shows them)")
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise StoreError(f"'{shown}' is larger than {LARGEST_BYTES:,} bytes, which no result is")
        raw = json.loads(file.read_bytes(), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"'{shown}' is not a result: {printable(error, 160)}") from error
    except OSError as error:
        raise StoreError(f"'{shown}' cannot be read: {error.strerror}") from error
    return from_document(raw, shown)


def from_document(raw: Any, name: str) -> AuditResult:
    """Result from parsed JSON."""
    version = raw.get("schema") if isinstance(raw, dict) else None
    if version != SCHEMA:
        raise StoreError(f"'{name}' has schema {printable(version)}; this version reads {SCHEMA}")
    try:
        return _adapter().validate_python(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(p) for p in first["loc"])
        raise StoreError(f"'{name}' is not a valid result: {place}: {printable(first['msg'], 120)}") from error


def json_schema() -> dict[str, Any]:
    """JSON Schema of the document, made from the classes that write it."""
    schema = _adapter().json_schema(mode="serialization")
    for definition in (schema, *schema.get("$defs", {}).values()):
        if definition.get("type") == "object" and "properties" in definition:
            definition["additionalProperties"] = False
            definition["required"] = list(definition["properties"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **schema}


@cache
def _adapter() -> TypeAdapter[AuditResult]:
    return TypeAdapter(AuditResult)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [k for k, _ in pairs]
        raise ValueError(f"key '{next(n for n in names if names.count(n) > 1)}' stands twice")
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number")
