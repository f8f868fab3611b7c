"""The reference of audit.toml, for people and for editors, made from the classes that read the file.

``python -m audit.config.reference`` prints docs/audit-toml.md; with ``--schema`` it prints
``reports/schema/audit-toml-1.schema.json``, by which an editor completes keys and marks mistakes.

Must not: be imported by what reads a file; an audit does not need it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from audit.config import energy, options, schema, sections
from audit.config.options import Option, Section
from audit.config.schema import Config
from audit.config.sections import list_keys
from audit.record.schema import DIALECT, read_docstrings

SCHEMA = "urn:evenhand:audit-toml:1"
SHORTEST = """[data]
label = "approved"
groups = ["race"]

[predictions]
source = "predictions.parquet"
prediction = "predicted"

[[gates]]
metric = "selection_rate"
compare = "ratio"
min = 0.8
"""
"""A file that runs; a test reads it."""
HEAD = f"""# audit.toml, key by key

This page is generated from the code (`make schema`), so it lists every key. A key or a section that is not here is an
error: a setting that is not read must not look as if it were. `audit init TABLE` writes a first file; every command
that audits writes one with `--write-config audit.toml`.

```toml
{SHORTEST}```

Paths are relative to the file. For completion in an editor, put
`#:schema audit-toml-1.schema.json` on the first line and the file
[reports/schema/audit-toml-1.schema.json](../reports/schema/audit-toml-1.schema.json) beside it.
"""
LISTS = {"gates": "One table for each limit.", "waivers": "One table for each waiver."}
"""Sections that are written in double brackets, once for each entry."""


class Key(NamedTuple):
    """One key of one section."""

    section: str
    """As it stands in brackets; `data.csv` for a table within a table."""
    name: str
    field: FieldInfo
    schema: Mapping[str, Any]
    """Its JSON Schema, references resolved."""
    text: str
    """What it does."""


def make_schema() -> dict[str, Any]:
    """Return the JSON Schema of audit.toml: no key beside those that are read."""
    made = Config.model_json_schema()
    classes: list[type[BaseModel]] = [Config, *_list_sections().values()]
    by_class = {c.__name__: c for c in classes}
    for definition in (made, *made["$defs"].values()):
        for name, info in by_class[definition["title"]].model_fields.items():
            definition["properties"][name]["description"] = _describe_field(definition["title"], name, info)
    return {"$schema": DIALECT, "$id": SCHEMA, **_without_null(made), "title": "audit.toml"}


def _without_null(value: Any) -> Any:
    """Return a schema without the null that Python has and TOML has not."""
    if isinstance(value, list):
        return [_without_null(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {k: _without_null(v) for k, v in value.items() if k != "anyOf" and not (k == "default" and v is None)}
    choices = [_without_null(choice) for choice in value.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        return {**choices[0], **kept}
    return {**kept, "anyOf": choices} if choices else kept


def _list_sections() -> dict[str, type[BaseModel]]:
    """Return every section of audit.toml by its name in brackets, tables within tables behind the one they are in."""
    # The classes of some sections stand below Config in their file, so that pydantic knows their names only now.
    Config.model_rebuild()
    found: dict[str, type[BaseModel]] = {}
    for name, info in Config.model_fields.items():
        found |= _list_nested(name, _find_section(info))
    return found


def _list_nested(name: str, section: type[BaseModel]) -> dict[str, type[BaseModel]]:
    found = {name: section}
    for key, info in section.model_fields.items():
        inner = _find_section(info, optional=True)
        if inner is not None:
            place = f"{name}.{key}.NAME" if "dict" in str(info.annotation) else f"{name}.{key}"
            found |= _list_nested(place, inner)
    return found


def _find_section(info: FieldInfo, *, optional: bool = False) -> Any:
    """Return the class of a section within an annotation, in a list or a table of them too."""
    waiting: list[Any] = [info.annotation]
    while waiting:
        here = waiting.pop()
        if isinstance(here, type) and issubclass(here, Section):
            return here
        waiting.extend(get_args(here))
    if optional:
        return None
    raise TypeError(f"{info.annotation} holds no section")


def list_reference() -> Iterator[Key]:
    """Yield every key that holds a value, section by section."""
    for name, section in _list_sections().items():
        made = section.model_json_schema()
        for key, info in section.model_fields.items():
            if _find_section(info, optional=True) is None:
                text = _describe_field(section.__name__, key, info)
                yield Key(name, key, info, _resolve(made["properties"][key], made), text)


def _resolve(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema with the definition that it refers to in its place."""
    place = schema.get("$ref")
    if place is None:
        return schema
    definition: Mapping[str, Any] = whole["$defs"][place.rpartition("/")[2]]
    return {**definition, **{k: v for k, v in schema.items() if k != "$ref"}}


@cache
def _read_texts() -> dict[str, dict[str, str]]:
    """Return what stands under each field, by section; pydantic would read it at every start of every command."""
    texts: dict[str, dict[str, str]] = {}
    for module in (options, sections, energy, schema):
        texts.update(read_docstrings(module))
    return texts


def _describe_field(section: str, name: str, info: FieldInfo) -> str:
    """Return what a key does: the docstring below it, or what ``--help`` says of its option."""
    option = next((mark.help for mark in info.metadata if isinstance(mark, Option)), "")
    return _read_texts().get(section, {}).get(name, option)


# What a key takes, in words: from its JSON Schema, so that words and schema cannot differ.
TYPES = {"string": "text", "boolean": "true or false", "integer": "whole number", "number": "number"}
INNER = {"array": ("items", "list"), "object": ("additionalProperties", "table")}
BOUNDS = (("minimum", "at least"), ("exclusiveMinimum", "above"), ("maximum", "at most"), ("exclusiveMaximum", "below"))


def describe_type(schema: Mapping[str, Any]) -> str:
    """Return what values a schema allows."""
    choices = [s for s in schema.get("anyOf", ()) if s.get("type") != "null"]
    if choices:
        return " or ".join(dict.fromkeys(map(describe_type, choices)))
    if "enum" in schema or "const" in schema:
        return ", ".join(f'"{word}"' for word in schema.get("enum", [schema.get("const")]))
    kind = str(schema.get("type"))
    inner, several = INNER.get(kind, ("", ""))
    if several:
        return f"{several} of {describe_type(schema.get(inner, {})) or 'values'}"
    words = "date" if schema.get("format") == "date" else TYPES.get(kind, "")
    bounds = " and ".join(f"{said} {schema[bound]:,g}" for bound, said in BOUNDS if bound in schema)
    return f"{words} {bounds}".strip()


def _describe_default(key: Key) -> str:
    """Return what holds where the key is not given."""
    if key.field.is_required():
        return "must be given"
    value = key.schema.get("default")
    if value is None or value in ([], {}):
        return "none"
    return _write_value(value)


def _write_value(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def write_reference() -> str:
    """Return docs/audit-toml.md."""
    keys = list(list_reference())
    parts = [HEAD]
    for name, section in _list_sections().items():
        parts.append("\n".join(_write_section(name, section, [k for k in keys if k.section == name])))
    return "\n".join(parts)


def _write_section(name: str, section: type[BaseModel], keys: list[Key]) -> Iterator[str]:
    brackets = f"[[{name}]]" if name in LISTS else f"[{name}]"
    yield f"## `{brackets}`\n"
    yield " ".join(filter(None, [" ".join((section.__doc__ or "").split()), LISTS.get(name, "")])) + "\n"
    yield "| key | takes | default | what it does | example |"
    yield "|---|---|---|---|---|"
    for key in keys:
        example = f"`{key.name} = {EXAMPLES[f'{name}.{key.name}']}`"
        cells = (f"`{key.name}`", describe_type(key.schema), _describe_default(key), _explain(key), example)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""


def _explain(key: Key) -> str:
    """Return what a key does, and the option and the argument that ask for it elsewhere."""
    asked = [a for a in list_keys() if (a.section, a.key) == (key.section, key.name)]
    flags = dict.fromkeys(f"`{a.flag}`" for a in asked if {"data", "model", "count"} & {*a.option.doors})
    option = f" Option {', '.join(flags)}." if flags else ""
    return f"{key.text}{option}"


CSV = {"separator": '";"', "decimal": '","', "encoding": '"latin-1"'}
EXAMPLES: Mapping[str, str] = {
    "model.name": '"credit-default"',
    "model.version": '"2.1"',
    "model.owner": '"Risk team, risk@example.org"',
    "model.intended_use": '"Decide which applications a person reviews"',
    "model.out_of_scope": '"Loans to companies"',
    "model.description": '"Gradient boosting on 24 features"',
    "model.licence": '"Apache-2.0"',
    "dataset.name": '"Applications 2025"',
    "dataset.version": '"2025-12"',
    "dataset.owner": '"Data office, data@example.org"',
    "dataset.description": '"All applications that were decided in 2025"',
    "dataset.url": '"https://example.org/applications"',
    "dataset.collected": '"Exported from the application form"',
    "dataset.period": '"January to December 2025"',
    "dataset.intended_use": '"Training of credit models"',
    "dataset.out_of_scope": '"Marketing"',
    "dataset.licence": '"internal"',
    "data.engine": '"polars"',
    "data.master": '"spark://host:7077"',
    "data.prepare": '["python", "prepare.py"]',
    "data.source": '"train.parquet"',
    "data.test": '["test.parquet", "test-2025.parquet"]',
    "data.label": '"approved"',
    "data.positive": '"yes"',
    "data.favourable": '"yes"',
    "data.people": '"applicants"',
    "data.selected": '"approved"',
    "data.classes": "true",
    "data.groups": '["race", "sex"]',
    "data.intersections": "2",
    "data.unit": '"person_id"',
    "data.key": '"application_id"',
    "data.weight": '"weight"',
    "data.strata": '["department"]',
    "data.bins": "{ age = [25, 40, 65] }",
    "data.merge": '{ race = { other = ["Asian", "Native American"] } }',
    "data.reference": "{ sex = { female = 0.51, male = 0.49 } }",
    "data.reference_group": '{ race = "white" }',
    "data.compare_to": '["overall"]',
    **{f"data.csv.{key}": value for key, value in CSV.items()},
    "checks.suite": '"expectations.json"',
    "checks.per_group": '["sex"]',
    "train.command": '["python", "train.py"]',
    "train.predictions": '"predictions.parquet"',
    "train.record_arguments": "true",
    "predictions.task": '"regression"',
    "predictions.source": '"predictions.parquet"',
    "predictions.label": '"repaid"',
    "predictions.prediction": '"predicted"',
    "predictions.score": '"score"',
    "predictions.threshold": "0.75",
    "predictions.exact_auc": "true",
    "predictions.features": '["income", "age"]',
    "predictions.against": '"approved_v1"',
    "predictions.neighbours": "7",
    "predictions.query": '"search_id"',
    "predictions.rank": '"place"',
    "predictions.top": "[10, 50]",
    "predictions.outcome": '"outcome"',
    **{f"predictions.csv.{key}": value for key, value in CSV.items()},
    "energy.meter": '"zeus"',
    "energy.country": '"FRA"',
    "energy.pue": "1.2",
    "energy.pue_source": '"Operator of the site"',
    "energy.pue_date": '"2025"',
    "energy.market_g_per_kwh": "12",
    "energy.market_source": '"Contract with the supplier"',
    "energy.market_date": '"2025"',
    "energy.water_l_per_kwh": "1.8",
    "energy.water_source": '"Operator of the site"',
    "energy.water_date": '"2025"',
    "energy.offsite_water_l_per_kwh": "3.1",
    "energy.offsite_water_source": '"World Resources Institute"',
    "energy.offsite_water_date": '"2020"',
    "energy.idle_w": "{ cpu = 35, ram = 20 }",
    "energy.functional_unit": '"loan application"',
    "energy.functional_units": "1000000",
    "energy.declared.NAME.watts": "170",
    "energy.declared.NAME.device": '"TPU v4"',
    "energy.declared.NAME.source": '"Jouppi et al. (2023)"',
    "energy.declared.NAME.date": '"2023"',
    "energy.declared.NAME.idle_watts": "55",
    "energy.embodied.total_g": "1500000",
    "energy.embodied.source": '"Sheet of the manufacturer"',
    "energy.embodied.date": '"2024-05-01"',
    "energy.embodied.lifetime_s": "126144000",
    "energy.embodied.lifetime_years": "4",
    "energy.embodied.reserved_share": "0.125",
    "edge.candidates": '["int8_static", "distilled"]',
    "edge.models": '{ full = "full.onnx", int8_static = "int8_static.onnx" }',
    "edge.inputs": '["age", "income"]',
    "edge.seeds": '["seed1", "seed2", "seed3", "seed4", "seed5"]',
    "edge.retrained": '["distilled"]',
    "edge.batch": "64",
    "edge.threads": "4",
    "edge.repetitions": "1000",
    "edge.seconds": "10",
    "edge.cutoff": "0.5",
    "edge.ship": '"smallest"',
    "edge.largest_loss": "0.005",
    "ll144.auditor": '"Example Audits Ltd"',
    "ll144.data_explanation": '"Decisions of the tool in New York City"',
    "ll144.data_from": "2025-01-01",
    "ll144.data_to": "2025-12-31",
    "ll144.distribution_date": "2025-01-01",
    "ll144.justification": '"Fewer than 2% of the applicants"',
    "publish.k": "5",
    "publish.terminal": '"withhold"',
    "policy.confidence": "0.9",
    "policy.insufficient": '"warn"',
    "policy.four_fifths": "true",
    "policy.least_rows": "30",
    "gates.stage": '"data"',
    "gates.metric": '"selection_rate"',
    "gates.compare": '"ratio"',
    "gates.by": '["race"]',
    "gates.min": "0.8",
    "gates.max": "0.1",
    "baseline.result": '"main.json"',
    "baseline.until": "2027-03-01",
    "waivers.gate": '"model.selection_rate.ratio.race"',
    "waivers.owner": '"Head of risk"',
    "waivers.reason": '"Retrained in March"',
    "waivers.expires": "2027-03-01",
    "waivers.max_gap": "0.7",
}
"""One value of each key as it is written in the file; a test reads each of them as the key does."""


if __name__ == "__main__":
    if "--schema" in sys.argv[1:]:
        sys.stdout.write(json.dumps(make_schema(), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(write_reference())
