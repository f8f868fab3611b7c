"""A result read back from its document, strictly: what does not fit the schema is refused by its place.

A number written as text, a key that stands twice, an unknown key, NaN and Infinity are refused, never repaired. A
field with a default may be absent, because an older evenhand may not have known it.

Must not: import numpy or pandas; the gate pays for this module.
"""

from __future__ import annotations

import json
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from audit.axes import CubeKind
from audit.errors import QuestionError, StoreError, printable
from audit.record.cubes import COUNTED_PARTS, CubeRecord
from audit.record.result import DOCUMENT, RUN_ID, SCHEMA, AuditResult, Energy
from audit.record.serialize import make_adapter, to_lines
from audit.system import strict_json

if TYPE_CHECKING:
    pass

T = TypeVar("T")
LARGEST_BYTES = 512 * 1024 * 1024
SHOWN_PATH = 200
UNFIT = (ArithmeticError, AttributeError, LookupError, RuntimeError, StopIteration, TypeError, ValueError)
"""What arithmetic raises on a document that fits the schema and that no run wrote."""


def read_result(path: str | PathLike[str] | None = None) -> AuditResult:
    """Return the result of a run.

    Parameters
    ----------
    path
        An audit.json, or the folder in which one lies.

    Raises
    ------
    QuestionError
        When no path is given.
    StoreError
        Names the file and the place in it, or the run whose folder holds the document of another.
    """
    if not isinstance(path, (str, PathLike)):
        raise QuestionError(f"path must be an audit.json or a run folder, not {printable(repr(path), 40)}")
    file = Path(path)
    shown = printable(file, SHOWN_PATH)
    try:
        file = file / DOCUMENT if file.is_dir() else file
        shown = printable(file, SHOWN_PATH)
        text = _read_document(file, shown)
        folders = find_run_folders(file)
    except OSError as error:
        raise StoreError(f"'{shown}' cannot be read: {error.strerror}; name a record that you may read") from error
    result = read_text(text, shown)
    if other := next((name for name in folders if name != result.run.id), None):
        raise StoreError(f"'{shown}' lies in the folder of run '{other}' and is {describe_other_run(result.run.id)}")
    return result


def find_run_folders(file: Path) -> tuple[str, ...]:
    """Find the runs in the folder of which a document lies, by the name that was given and by where its links lead.

    A folder of any other name, as of a downloaded artefact, is bound to no run.
    """
    if file.name != DOCUMENT:
        return ()
    names = dict.fromkeys((file.parent.name, file.resolve().parent.name))
    return tuple(name for name in names if RUN_ID.fullmatch(name))


def describe_other_run(run_id: str) -> str:
    """Describe a document that lies in the folder of another run, and the mend."""
    return f"the {DOCUMENT} of another run, '{printable(run_id, 40)}'; restore the folder"


def read_text(text: str, name: str) -> AuditResult:
    """Read a result from the text of its document; ``name`` is what an error calls it."""
    try:
        raw = strict_json.read_value(text)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"'{name}' is not a record: {printable(error, 160)}") from error
    _require_schema(raw, name)
    try:
        result = make_result_adapter().validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = printable(".".join(str(p) for p in first["loc"]) or "the record", 160)
        unknown = first["type"] == "unexpected_keyword_argument"
        said = f"no such field in {SCHEMA}" if unknown else printable(first["msg"], 160)
        raise StoreError(f"'{name}' is not a valid record: {place}: {said}") from error
    return replace(result, cubes=tuple(map(_with_kind, result.cubes)))


def _with_kind(record: CubeRecord) -> CubeRecord:
    """Fill in part and kind of a cube from its name, where a document was written before it had them."""
    if record.part is not None or record.kind is not None:
        return record
    part, _, kind = record.name.partition(":")[0].partition(" ")
    if part not in COUNTED_PARTS or kind not in list(CubeKind):
        return record
    return replace(record, part=part, kind=CubeKind(kind))


def write_without_kinds(result: AuditResult) -> str:
    """Write a document as it was written before cubes had a part and a kind."""
    plain = result.to_dict()
    of_epochs = [epoch["counts"] for epoch in plain["epochs"] if epoch["counts"] is not None]
    for cube in (*plain["cubes"], *of_epochs):
        del cube["part"], cube["kind"]
    return "\n".join(to_lines(plain))


def read_energy(plain: Any) -> Energy | None:
    """Read energy from its plain form; None where it is none."""
    if plain is None:
        return None
    try:
        energy: Energy = make_adapter(Energy).validate_json(json.dumps(plain, allow_nan=False), strict=True)
    except (ValidationError, ValueError, TypeError, RecursionError):
        return None
    return energy


def make_result_adapter() -> TypeAdapter[AuditResult]:
    """Return what pydantic makes of a whole document."""
    return make_adapter(AuditResult)


def _read_document(file: Path, shown: str) -> str:
    """Read the text of a document of bounded size."""
    try:
        return strict_json.read_text(file, LARGEST_BYTES)
    except strict_json.NotStrictError as error:
        raise StoreError(_describe_unfit(error, shown)) from error


def _describe_unfit(error: strict_json.NotStrictError, shown: str) -> str:
    """Describe a file that is no document."""
    if error.fault == "absent":
        return f"no result at '{shown}'; name an {DOCUMENT} or the folder of a run (`audit list` shows them)"
    if error.fault == "kind":
        return f"'{shown}' is not a regular file; restore the {DOCUMENT}"
    if error.fault == "large":
        return f"'{shown}' has {error.what} bytes, more than the {LARGEST_BYTES:,} that a result may have"
    return f"'{shown}' is not a record: {error}"


def _require_schema(raw: Any, name: str) -> None:
    """Refuse a document of another kind or another version."""
    version = raw.get("schema") if isinstance(raw, dict) else None
    if version is None:
        raise StoreError(f'\'{name}\' is not a record: it has no schema; a record begins with "schema": "{SCHEMA}"')
    if version != SCHEMA:
        raise StoreError(
            f"'{name}' has schema '{printable(version)}'; this version reads {SCHEMA}; install the version of "
            "evenhand that wrote it"
        )
