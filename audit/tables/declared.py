"""Levels that a column declares, whether rows have them or not: categories of pandas, enums of polars, dictionaries.

A frame that was filtered keeps the categories of the rows that are gone, so such a level is noted and not a group.
Must not: read rows.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from audit.tables.levels import level_text

if TYPE_CHECKING:
    import pyarrow as pa


def declared_levels(given: Any, held: pa.Table, name: str) -> tuple[str, ...]:
    """Declared levels of one column as text; none where it declares none."""
    values = _column(given, name)
    categories = getattr(getattr(values, "dtype", None), "categories", None)
    if categories is None and values is not None and type(values).__module__.partition(".")[0] != "pyarrow":
        return ()
    if categories is None:
        return _of_dictionary(held, name)
    # A categorical of polars has those of the whole process, which nobody declared for the column; an enum has its own.
    pandas = sys.modules.get("pandas")
    of_pandas = pandas is not None and isinstance(values.dtype, pandas.CategoricalDtype)
    return _texts(categories) if of_pandas or type(values.dtype).__name__ == "Enum" else ()


def _column(given: Any, name: str) -> Any:
    """The column as it was handed in; None where rows come from a file, or a frame of Arrow."""
    if isinstance(given, Mapping):
        return next((v for key, v in given.items() if str(key) == name), None)
    if type(given).__module__.partition(".")[0] not in {"pandas", "polars"}:
        return None
    at = [str(c) for c in given.columns].index(name)
    return given.iloc[:, at] if hasattr(given, "iloc") else given.to_series(at)


def _of_dictionary(held: pa.Table, name: str) -> tuple[str, ...]:
    import pyarrow as pa

    column = held.column(name)
    if not pa.types.is_dictionary(column.type):
        return ()
    return _texts(level for chunk in column.chunks for level in chunk.dictionary.to_pylist())


def _texts(levels: Iterable[Any]) -> tuple[str, ...]:
    texts = (level_text(_plain(level)) for level in levels)
    return tuple(dict.fromkeys(text for text in texts if text is not None))


def _plain(level: Any) -> Any:
    return level.item() if getattr(level, "shape", None) == () and hasattr(level, "item") else level
