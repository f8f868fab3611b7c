"""audit.toml from plain tables. A JSON string without escapes beyond TOML's is a TOML string."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from audit.errors import QuestionError, printable

# Bare keys of TOML 1.0; all others are quoted.
BARE = re.compile(r"[A-Za-z0-9_-]+")


def write_new(path: Path, tables: Mapping[str, Any]) -> None:
    """Write a configuration; a file that is there already is never touched."""
    save_new(path, to_toml(tables))


def require_new(path: Path) -> None:
    """Refuse a place where no new file can be written, before anything is made that would go there.

    Raises
    ------
    QuestionError
        When something has that name already, or its folder does not exist.
    """
    if os.path.lexists(path):
        raise _make_exists_error(path)
    if not path.parent.is_dir():
        raise QuestionError(f"'{printable(path)}' cannot be written: its folder does not exist; create it first")


def _make_exists_error(path: Path) -> QuestionError:
    return QuestionError(f"'{printable(path)}' exists and is not overwritten; choose another name")


def save_new(path: Path, text: str) -> None:
    """Write a text file that does not exist yet."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise _make_exists_error(path) from None
    except OSError as error:
        raise QuestionError(f"'{printable(path)}' cannot be written: {error.strerror}") from error


def to_toml(tables: Mapping[str, Any]) -> str:
    """Return TOML text of tables that hold scalars, lists, tables, or lists of tables.

    >>> print(to_toml({"data": {"label": "y", "groups": ["sex"]}, "gates": [{"metric": "accuracy", "min": 0.7}]}))
    [data]
    label = "y"
    groups = ["sex"]
    <BLANKLINE>
    [[gates]]
    metric = "accuracy"
    min = 0.7
    <BLANKLINE>
    """
    return "\n\n".join("\n".join(block) for block in _make_blocks(tables, ())) + "\n"


def _make_blocks(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[list[str]]:
    flat = [f"{_write_key(k)} = {_write_value(v)}" for k, v in table.items() if not _is_nested(v)]
    if flat or (path and not table):
        yield [f"[{'.'.join(map(_write_key, path))}]", *flat] if path else flat
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _make_blocks(value, (*path, key))
        elif _is_nested(value):
            for entry in value:
                lines = [f"{_write_key(k)} = {_write_value(v)}" for k, v in entry.items()]
                yield [f"[[{'.'.join(map(_write_key, (*path, key)))}]]", *lines]


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, (list, tuple)) and bool(value) and all(isinstance(v, Mapping) for v in value)
    )


def _write_key(key: str) -> str:
    return key if BARE.fullmatch(key) else _write_text(key)


def _write_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_write_value(v) for v in value)}]"
    if isinstance(value, str):
        return _write_text(value)
    raise QuestionError(f"a value of type {type(value).__name__} cannot be written to audit.toml")


def _write_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
