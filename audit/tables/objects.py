"""Columns of Python objects: one type each, or a refusal that names the first two rows that differ."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from audit.axes import MISSING_TYPES
from audit.errors import SourceError, printable
from audit.tables.kinds import EXACT_INTEGER

if TYPE_CHECKING:
    import pyarrow as pa

ARROW_ERRORS = (TypeError, ValueError, OverflowError, NotImplementedError, OSError)
"""What Arrow and NumPy raise on values that they cannot take; UnicodeError is a ValueError."""
FAMILIES: tuple[tuple[tuple[type, ...], str], ...] = (
    ((str,), "text"),
    ((bool,), "boolean"),
    ((int,), "integer"),
    ((float,), "float"),
    ((complex,), "complex"),
    ((decimal.Decimal,), "decimal"),
    ((dt.datetime,), "time"),
    ((dt.date,), "date"),
    ((dt.time,), "hour"),
    ((dt.timedelta,), "duration"),
    ((bytes, bytearray), "bytes"),
    ((list, tuple, dict), "nested"),
    ((uuid.UUID,), "uuid"),
)
NUMPY_FAMILIES = {
    "b": "boolean",
    "i": "integer",
    "u": "integer",
    "f": "float",
    "c": "complex",
    "M": "time",
    "m": "duration",
}
NAMED_BY_TEXT = {"uuid", "Interval", "Period"}
"""Values that are read as the text that names them."""


def shorten_reason(error: BaseException) -> str:
    """Return the reason of a foreign error, short and on one line."""
    return printable((str(error).splitlines() or [type(error).__name__])[0], 120)


def to_object_array(values: Iterable[Any], where: str) -> pa.Array:
    """Return the Arrow array of Python objects of one type; None, NaN, NA and NaT are missing.

    Raises
    ------
    SourceError
        When types are mixed, or are none that a table holds.
    """
    clean = [None if _is_missing(v) else v for v in values]
    types = {t: _name_family(t) for t in set(map(type, clean)) if t is not type(None)}
    families = set(types.values())
    if families == {"integer", "float"}:
        _refuse_rounding(clean, where)
    elif len(families) > 1:
        raise _make_mixed_error(clean, types, where)
    return _make_array(clean, families, where)


def _is_missing(value: Any) -> bool:
    if type(value).__name__ in MISSING_TYPES:
        return True
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if isinstance(value, (float, decimal.Decimal)) or (kind in "fMm" and kind and getattr(value, "ndim", 1) == 0):
        return bool(value != value)  # noqa: PLR0124 (only a missing value differs from itself)
    return False


def _name_family(t: type) -> str:
    """Return the word for values of a type that may stand in one column."""
    known = next((word for types, word in FAMILIES if issubclass(t, types)), None)
    if known is not None:
        return known
    kind = getattr(getattr(t, "dtype", None), "kind", None)
    if kind is None and t.__module__ == "numpy":
        import numpy as np

        kind = np.dtype(t).kind if issubclass(t, np.generic) else None
    if kind in NUMPY_FAMILIES:
        return NUMPY_FAMILIES[kind]
    return "nested" if t.__name__ == "ndarray" else t.__name__


def _make_mixed_error(values: Sequence[Any], types: dict[type, str], where: str) -> SourceError:
    first = next(i for i, v in enumerate(values) if v is not None)
    word = types[type(values[first])]
    other = next(i for i, v in enumerate(values) if v is not None and types[type(v)] != word)
    return SourceError(
        f"{where} mixes types: row {first} holds {_describe_value(values[first])} and row {other} holds "
        f"{_describe_value(values[other])} (rows counted from 0); make every value one type"
    )


def _describe_value(value: Any) -> str:
    return f"{printable(repr(value), 40)} ({type(value).__name__})"


def _refuse_rounding(values: Sequence[Any], where: str) -> None:
    large = next(
        (i for i, v in enumerate(values) if _name_family(type(v)) == "integer" and abs(int(v)) > EXACT_INTEGER), None
    )
    if large is not None:
        raise SourceError(
            f"{where} mixes fractions with a whole number that would be rounded, {values[large]} in row {large}; "
            "make it whole numbers or text"
        )


def _make_array(values: list[Any], families: set[str], where: str) -> pa.Array:
    import pyarrow as pa

    if not families:
        return pa.array(values, pa.string())
    if "complex" in families:
        raise SourceError(f"{where} holds complex numbers, which have no order; give real ones")
    if families <= NAMED_BY_TEXT:
        return pa.array([None if v is None else str(v) for v in values], pa.string())
    if families == {"integer"}:
        return _make_integers(values, where)
    if "float" in families:
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    known = {word for _, word in FAMILIES} | {"nested"}
    if not families <= known:
        first = next(i for i, v in enumerate(values) if v is not None)
        raise SourceError(
            f"{where} holds objects of type {next(iter(families))} (row {first}); write them as text, or "
            "remove the column"
        )
    return pa.array(values)


def _make_integers(values: list[Any], where: str) -> pa.Array:
    import pyarrow as pa

    plain = [None if v is None else int(v) for v in values]
    for dtype in (pa.int64(), pa.uint64()):
        try:
            return pa.array(plain, dtype)
        except (OverflowError, pa.ArrowInvalid):
            continue
    row = next(i for i, v in enumerate(plain) if v is not None and not -(2**63) <= v < 2**63)
    raise SourceError(f"{where} holds a whole number beyond 64 bits (row {row}); write the column as text")
