"""JSON Schema of the document, made from the classes that write it, with what they say about their fields.

``python -m audit.record.schema`` prints the file that ships as ``reports/schema/audit-result-1.schema.json``.

Must not: be imported by what reads a result; a gate does not need it.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING, Any

from audit import estimate
from audit.record import cubes, energy, epochs, result
from audit.record.reader import make_result_adapter
from audit.record.result import SCHEMA

if TYPE_CHECKING:
    from pydantic import TypeAdapter

RECORDS = (result, cubes, epochs, energy, estimate)
"""Modules whose classes a document is made of."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def make_schema() -> dict[str, Any]:
    """Return the schema of what ``AuditResult.to_json`` writes."""
    return describe_document(make_result_adapter(), SCHEMA, RECORDS)


def describe_document(adapter: TypeAdapter[Any], name: str, modules: Sequence[ModuleType]) -> dict[str, Any]:
    """Return the schema of a document: every field is there, and no other.

    Parameters
    ----------
    adapter
        Of the class that is the document.
    name
        What the document calls its schema.
    modules
        Whose classes it is made of; the text under a field describes it.
    """
    schema = _with_enums_in_place(adapter.json_schema(mode="serialization"))
    said: dict[str, dict[str, str]] = {}
    for module in modules:
        said.update(read_docstrings(module))
    for definition in (schema, *schema["$defs"].values()):
        if "properties" in definition:
            _close(definition, said.get(definition["title"], {}))
    return {"$schema": DIALECT, "$id": name, **schema}


def _with_enums_in_place(schema: dict[str, Any]) -> dict[str, Any]:
    """Write the words of an enum where it is used, as those of a Literal stand there; definitions are objects alone."""
    enums = {name: d for name, d in schema["$defs"].items() if "enum" in d}
    objects = {name: d for name, d in schema["$defs"].items() if name not in enums}
    words = {f"#/$defs/{name}": {"enum": d["enum"], "type": d["type"]} for name, d in enums.items()}
    plain: dict[str, Any] = _replace_references({**schema, "$defs": objects}, words)
    return plain


def _replace_references(value: Any, words: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_replace_references(item, words) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("$ref") in words:
        return words[value["$ref"]]
    return {key: _replace_references(item, words) for key, item in value.items()}


def write_schema(schema: Mapping[str, Any] | None = None) -> str:
    """Return a schema as it is shipped; that of audit.json where none is given."""
    return json.dumps(make_schema() if schema is None else schema, indent=1, ensure_ascii=False) + "\n"


def _close(definition: dict[str, Any], descriptions: dict[str, str]) -> None:
    """Require every field, allow no other, and say what is known of each."""
    definition["additionalProperties"] = False
    definition["required"] = list(definition["properties"])
    for name, field in definition["properties"].items():
        field.pop("title", None)
        if name in descriptions:
            field["description"] = descriptions[name]


def read_docstrings(module: ModuleType) -> Iterator[tuple[str, dict[str, str]]]:
    """Read, class by class, the text that stands under each field."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef):
            texts: dict[str, str] = {}
            for field, after in pairwise(node.body):
                texts.update(_read_docstring(field, after))
            yield node.name, texts


def _read_docstring(field: ast.stmt, after: ast.stmt) -> Iterator[tuple[str, str]]:
    """Name and text, where a field is followed by a string."""
    if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(after, ast.Expr)):
        return
    if isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
        yield field.target.id, " ".join(inspect.cleandoc(after.value.value).split())


if __name__ == "__main__":
    sys.stdout.write(write_schema())
