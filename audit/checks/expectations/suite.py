"""A Great Expectations suite, read from its JSON before anything runs.

Both shapes are read unchanged: that of GX 1.x (``name``, ``type``) and that of 0.18 (``expectation_suite_name``,
``expectation_type``). GX itself drops an expectation with a mistyped severity and goes on; here whatever is not
understood is refused, because an expectation that is never run looks like one that passed.

Must not: import great_expectations before the text has been found sound; touch data.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from audit.checks.expectations.answer import Expectation
from audit.errors import QuestionError, SourceError, no_such, printable
from audit.system import strict_json

LARGEST_BYTES = 10_000_000
SEVERITIES = ("critical", "warning", "info")
SUITE_KEYS = (
    "name",
    "expectations",
    "meta",
    "id",
    "notes",
    "suite_parameters",
    "expectation_suite_name",
    "data_asset_type",
    "evaluation_parameters",
    "ge_cloud_id",
)
EXPECTATION_KEYS = (
    "type",
    "kwargs",
    "severity",
    "meta",
    "id",
    "description",
    "notes",
    "rendered_content",
    "expectation_context",
    "expectation_type",
    "success_on_last_run",
    "ge_cloud_id",
)
NOT_ARGUMENTS = ("result_format", "catch_exceptions", "include_config", "batch_id", "auto", "profiler_config")
"""Older suites keep these among the arguments; none of them says what is expected."""
NEEDS_SQL = (
    "unexpected_rows_expectation",
    "expect_query_results_to_match_comparison",
    "expect_table_row_count_to_equal_other_table",
)
"""Types that ask a database."""
SHAPES = (
    "expect_column_to_exist",
    "expect_table_column_count_to_be_between",
    "expect_table_column_count_to_equal",
    "expect_table_columns_to_match_ordered_list",
    "expect_table_columns_to_match_set",
)
"""Types that speak of a table's columns, and of no row."""


@dataclass(frozen=True, slots=True)
class Suite:
    """Expectations in the order of their file; never empty."""

    name: str
    source: str
    expectations: tuple[Expectation, ...]


def read_suite(path: Path | str) -> Suite:
    """Return the suite of a JSON file, every expectation of which can be run.

    Parameters
    ----------
    path
        File of a suite as Great Expectations 1.x or 0.18 writes it.

    Raises
    ------
    SourceError
        The file is not there, cannot be read, or is not strict JSON.
    QuestionError
        The suite is empty, or an expectation in it is not one that could be run.
    """
    from audit.checks.expectations.arguments import require_arguments

    path = Path(path)
    shown = printable(path, 200)
    raw = _read_json(_read_text(path, shown), shown)
    suite = _read_expectations(raw, shown)
    for at, expectation in enumerate(suite.expectations):
        require_arguments(expectation, f"'{shown}': expectations[{at}]")
    return suite


def _read_text(path: Path, shown: str) -> str:
    try:
        return strict_json.read_text(path, LARGEST_BYTES, mark=True)
    except strict_json.NotStrictError as error:
        raise SourceError(f"suite '{shown}' {_explain_unfit(error, path)}") from error
    except OSError as error:
        raise SourceError(f"suite '{shown}' cannot be read: {error.strerror}") from error


def _explain_unfit(error: strict_json.NotStrictError, path: Path) -> str:
    """End of a sentence about a file that is no suite."""
    if error.fault in {"absent", "kind"}:
        problem = "is not a file" if path.exists() else "does not exist"
        return f"{problem}; name a suite of Great Expectations in [checks] suite"
    if error.fault == "large":
        return f"is larger than {LARGEST_BYTES:,} bytes; is it data?"
    return f"is not UTF-8 text (byte {error.what}); save it as UTF-8"


def _read_json(text: str, shown: str) -> Any:
    try:
        return strict_json.read_value(text)
    except strict_json.NotStrictError as error:
        raise SourceError(f"suite '{shown}': {error}") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SourceError(f"suite '{shown}' is not JSON: {error.msg} at {where}") from error
    except RecursionError as error:
        raise SourceError(f"suite '{shown}' is nested too deeply") from error


def _read_expectations(raw: Any, shown: str) -> Suite:
    where = f"'{shown}'"
    if not isinstance(raw, dict):
        raise QuestionError(f"{where} is not a suite; it needs an object with the key 'expectations'")
    _require_known(raw, SUITE_KEYS, where)
    listed = raw.get("expectations")
    if not isinstance(listed, list):
        raise QuestionError(f"{where} is not a suite; 'expectations' must be a list")
    if not listed:
        raise QuestionError(f"{where}: the suite has no expectations; add one")
    given = raw.get("suite_parameters") or raw.get("evaluation_parameters") or {}
    name = raw.get("name") or raw.get("expectation_suite_name") or Path(shown).stem
    each = [_read_expectation(item, given, f"{where}: expectations[{at}]") for at, item in enumerate(listed)]
    return Suite(name=str(name), source=shown, expectations=tuple(each))


def _read_expectation(raw: Any, given: Mapping[str, Any], where: str) -> Expectation:
    if not isinstance(raw, dict):
        raise QuestionError(f"{where} must be an object with 'type' and 'kwargs'")
    _require_known(raw, EXPECTATION_KEYS, where)
    names = {raw[key] for key in ("type", "expectation_type") if isinstance(raw.get(key), str)}
    if len(names) != 1:
        raise QuestionError(f"{where} must name one 'type', such as expect_column_values_to_not_be_null")
    (name,) = names
    if name not in known_types():
        raise QuestionError(f"{where}: {no_such('expectation', name, sorted(known_types()))}")
    kwargs = raw.get("kwargs") or {}
    if not isinstance(kwargs, dict):
        raise QuestionError(f"{where} ({name}): 'kwargs' must be an object")
    severity = raw.get("severity") or "critical"
    if severity not in SEVERITIES:
        raise QuestionError(f"{where} ({name}): {no_such('severity', severity, SEVERITIES)}")
    asked = {key: _fill_in(value, given, where) for key, value in kwargs.items() if key not in NOT_ARGUMENTS}
    per_group = _spread_over_groups(raw.get("meta") or {}, f"{where} ({name})")
    return Expectation(type=name, kwargs=asked, severity=severity, per_group=per_group)


def _spread_over_groups(meta: Any, where: str) -> tuple[str, ...]:
    """Group columns that the meta of an expectation names; Great Expectations leaves it untouched."""
    named = meta.get("per_group", []) if isinstance(meta, dict) else []
    if not isinstance(named, list) or not all(isinstance(c, str) and c for c in named):
        raise QuestionError(f'{where}: meta.per_group must list group columns, such as ["sex"]')
    return tuple(dict.fromkeys(named))


def _require_known(raw: Mapping[str, Any], keys: Iterable[str], where: str) -> None:
    stray = next((key for key in raw if key not in tuple(keys)), None)
    if stray is not None:
        raise QuestionError(f"{where}: {no_such('key', stray, keys)}")


def _fill_in(value: Any, given: Mapping[str, Any], where: str) -> Any:
    """Return a value with each ``$PARAMETER`` replaced by what the suite itself sets."""
    if isinstance(value, list):
        return [_fill_in(item, given, where) for item in value]
    if not isinstance(value, dict):
        return value
    if "$PARAMETER" not in value:
        return {key: _fill_in(item, given, where) for key, item in value.items()}
    name = value["$PARAMETER"]
    if not isinstance(name, str) or name not in given:
        raise QuestionError(f"{where}: nothing sets $PARAMETER '{printable(name)}'; write the value itself")
    return given[name]


@cache
def known_types() -> frozenset[str]:
    """Return the types of the installed Great Expectations, from the names of its files: importing it takes seconds."""
    from importlib.util import find_spec

    spec = find_spec("great_expectations")
    folders = (spec.submodule_search_locations if spec is not None else None) or ()
    files = (file for folder in folders for file in Path(folder, "expectations", "core").glob("*expect*.py"))
    return frozenset(file.stem for file in files)


def require_groups(suite: Suite, groups: Sequence[str]) -> None:
    """Refuse an expectation that is to be asked per group of what is no group column, or of the table's columns.

    Raises
    ------
    QuestionError
        Names the expectation and the nearest group column there is.
    """
    for at, expectation in enumerate(suite.expectations):
        where = f"'{suite.source}': expectations[{at}] ({expectation.type})"
        stray = next((c for c in expectation.per_group if c not in groups), None)
        if stray is not None:
            raise QuestionError(f"{where}: meta.per_group: {no_such('group column', stray, groups)}")
        if expectation.per_group and expectation.type in SHAPES:
            raise QuestionError(f"{where} is about columns, which are the same in every group; remove per_group")
