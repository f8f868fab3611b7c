"""The reference of audit.toml lists every key, with an example that the key takes, and is the one that ships."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest
from pydantic import TypeAdapter

from audit.config import reference
from audit.config.read import load
from audit.config.sections import list_keys

ROOT = Path(__file__).resolve().parents[2]
KEYS = tuple(reference.list_reference())
SCHEMA = reference.make_schema()


def test_the_page_and_the_schema_are_those_of_the_code():
    """Regenerate both with: make schema"""
    assert (ROOT / "docs" / "audit-toml.md").read_text(encoding="utf-8") == reference.write_reference()
    shipped = json.loads((ROOT / "reports" / "schema" / "audit-toml-1.schema.json").read_text(encoding="utf-8"))
    assert shipped == SCHEMA


def test_every_option_is_a_key_of_the_reference():
    assert {(a.section, a.key) for a in list_keys()} <= {(k.section, k.name) for k in KEYS} | {
        ("data", "csv"),
        ("predictions", "csv"),
    }


@pytest.mark.parametrize("key", KEYS, ids=lambda k: f"{k.section}.{k.name}")
def test_every_key_says_what_it_does_and_takes_its_example(key):
    assert key.text.endswith(".")
    assert reference.describe_type(key.schema)
    value = tomllib.loads(f"it = {reference.EXAMPLES[f'{key.section}.{key.name}']}")["it"]
    read = TypeAdapter(key.field.rebuild_annotation()).validate_python(value)
    assert read != key.field.default, "an example that changes nothing explains nothing"


def test_the_shortest_file_is_read(tmp_path):
    (tmp_path / "audit.toml").write_text(reference.SHORTEST, encoding="utf-8")
    assert load(tmp_path / "audit.toml")[0].gates[0].min == 0.8


@pytest.mark.parametrize("pipeline", ["boston_mortgages", "census_torch", "census_edge"])
def test_an_editor_accepts_the_files_that_ship(pipeline):
    text = (ROOT / "pipelines" / pipeline / "audit.toml").read_text(encoding="utf-8")
    plain = json.loads(json.dumps(tomllib.loads(text), default=str))
    jsonschema.validate(plain, SCHEMA)


@pytest.mark.parametrize(
    "wrong", [{"data": {"lable": "y"}}, {"dta": {}}, {"policy": {"insufficient": "pass"}}, {"gates": {"metric": "x"}}]
)
def test_an_editor_marks_what_is_refused(wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)
