"""JSON Schema of what the installed Great Expectations surely takes, made from its own models.

    python -m audit.checks.expectations.argument_schema > reports/schema/great-expectations/VERSION.json

What cannot be translated is left out, so that the library itself is asked: dates, parameters, conditions on rows,
and whatever a validator decides that is not written here. Must not: be imported where an audit runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain
from typing import Any, Literal, get_args, get_origin

from audit.checks.expectations.arguments import quietly
from audit.checks.expectations.suite import NOT_ARGUMENTS, known_types

ABOUT = ("id", "meta", "notes", "description", "rendered_content", "severity", "windows")
"""Fields of the library's own models that are no arguments in a suite."""
CONDITIONS = ("row_condition", "condition_parser")
EVERYWHERE = ("_transform_legacy_row_condition",)
"""Validators of every model, which speak of conditions only."""
FIELD_RULES: Mapping[str, Mapping[str, Any]] = {
    "_validate_value_set": {"minItems": 1},
    "_validate_regex_list": {"minItems": 1},
    "validate_like_pattern_list": {"minItems": 1},
    "_validate_column_list": {"minItems": 2},
    "validate_like_pattern_escape": {"minLength": 1, "maxLength": 1},
    "validate_quantile_ranges": {},
}
"""What a validator of one argument adds to its schema."""
RULES: Mapping[str, str] = {
    "check_min_val_or_max_val": "an end",
    "_validate_min_or_max_set": "an end",
    "_root_validate": "rising ends",
    "validate_quantile_ranges": "rising ranges",
}
"""Validators of several arguments, and what `audit.checks.expectations.sure_arguments` calls them."""
UNTOLD = ("gt", "lt", "multiple_of", "max_length", "regex")
"""Limits of a type that are not translated."""
NAMES: Mapping[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array"}
"""Types, bool before int, of which it is one."""


def argument_schema() -> dict[str, Any]:
    """Return the schema of every expectation that can be told, by type."""
    with quietly():
        from great_expectations.exceptions import GreatExpectationsError
        from great_expectations.expectations.registry import get_expectation_impl

        found = {}
        for kind in sorted(known_types()):
            try:
                schema = _describe_model(get_expectation_impl(kind))
            except GreatExpectationsError:  # a file of its folder that registers nothing
                continue
            if schema is not None:
                found[kind] = schema
        return found


def _describe_model(model: Any) -> dict[str, Any] | None:
    """Return the schema of a model; None where a validator, or an argument that it needs, is not understood."""
    roots = [v.__name__ for v in (*model.__pre_root_validators__, *(v for _, v in model.__post_root_validators__))]
    own = [name for name in roots if name not in EVERYWHERE]
    if any(name not in RULES for name in own):
        return None
    apart = {*ABOUT, *CONDITIONS, *NOT_ARGUMENTS}
    fields = {name: field for name, field in model.__fields__.items() if name not in apart}
    validators = {name: [v.func.__name__ for v in model.__validators__.get(name, ())] for name in fields}
    schemas = {name: _describe_field(field, validators[name]) for name, field in fields.items()}
    needed = sorted(name for name, field in fields.items() if field.required)
    if any(schemas[name] is None for name in needed):
        return None
    rules = sorted({RULES[name] for name in chain(own, *validators.values()) if name in RULES})
    known = {name: schema for name, schema in sorted(schemas.items()) if schema is not None}
    found: dict[str, Any] = {"type": "object", "properties": known, "required": needed, "additionalProperties": False}
    return found | ({"rules": rules} if rules else {})


def _describe_field(field: Any, validators: list[str]) -> dict[str, Any] | None:
    if any(name not in FIELD_RULES for name in validators):
        return None
    forms = _list_forms(field)
    for name in validators:
        size = FIELD_RULES[name]
        kind = "array" if "minItems" in size else "string"
        forms = [{**form, **size} if form.get("type") == kind else form for form in forms]
    if field.allow_none and forms:
        forms.append({"type": "null"})
    return _join_alternatives(forms)


def _join_alternatives(forms: list[dict[str, Any]]) -> dict[str, Any] | None:
    if len(forms) > 1:
        return {"anyOf": forms}
    return forms[0] if forms else None


def _list_forms(field: Any) -> list[dict[str, Any]]:
    """Return what a field surely takes, one schema for each alternative that can be told."""
    from pydantic.v1 import fields

    if field.shape in {fields.SHAPE_LIST, fields.SHAPE_SEQUENCE}:
        items = _describe_item(field.sub_fields[0])
        if items is None:
            return []
        return [{"type": "array", "items": items} if items else {"type": "array"}]
    if field.shape == fields.SHAPE_TUPLE and all(_describe_item(each) == {} for each in field.sub_fields):
        return [{"type": "array", "minItems": len(field.sub_fields), "maxItems": len(field.sub_fields)}]
    if field.shape != fields.SHAPE_SINGLETON:
        return []
    if field.sub_fields:
        return list(chain.from_iterable(map(_list_forms, field.sub_fields)))
    return _describe_type(field.type_, field.field_info)


def _describe_item(field: Any) -> dict[str, Any] | None:
    """Return the schema of the members of a list; empty where anything goes."""
    if field.type_ is Any and not field.sub_fields:
        return {}
    forms = _list_forms(field)
    return _join_alternatives([*forms, {"type": "null"}] if field.allow_none and forms else forms)


def _describe_type(kind: Any, info: Any) -> list[dict[str, Any]]:
    from pydantic.v1 import BaseModel

    if get_origin(kind) is Literal:
        named = [value for value in get_args(kind) if isinstance(value, str)]
        return [{"enum": named}] if named else []
    if not isinstance(kind, type) or any(getattr(kind, limit, None) is not None for limit in UNTOLD):
        return []
    if issubclass(kind, BaseModel):
        inner = _describe_inner_model(kind)
        return [] if inner is None else [inner]
    name = next((name for known, name in NAMES.items() if issubclass(kind, known)), None)
    if name is None:
        return []
    return [{"type": name, **_read_limits(name, kind, info)}]


def _read_limits(name: str, kind: Any, info: Any) -> dict[str, Any]:
    """Return the limits of a type, or of the field that it stands in."""
    if name == "string":
        if least := getattr(kind, "min_length", None) or info.min_length:
            return {"minLength": least}
        return {}
    ends = {"minimum": getattr(kind, "ge", None), "maximum": getattr(kind, "le", None)}
    return {key: value for key, value in ends.items() if value is not None}


def _describe_inner_model(model: Any) -> dict[str, Any] | None:
    """Return the schema of a model that is an argument; None where it checks more than its fields."""
    if model.__validators__ or model.__pre_root_validators__ or model.__post_root_validators__:
        return None
    schemas = {name: _describe_field(field, []) for name, field in model.__fields__.items()}
    if any(schema is None for schema in schemas.values()):
        return None
    needed = sorted(name for name, field in model.__fields__.items() if field.required)
    return {"type": "object", "properties": schemas, "required": needed}


def main() -> None:
    """Print the schema of the installed version."""
    print(json.dumps(argument_schema(), indent=1, sort_keys=True))  # noqa: T201 - the file's text


if __name__ == "__main__":
    main()
