"""JSON Lines, read strictly: one object a line, the same keys in each, each key of one type.

Must not: guess. A key that is missing is not a missing value (that is null), NaN is not JSON, and of two equal keys
neither is the right one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from audit.errors import SourceError, printable
from audit.system.strict_json import NotStrictError, make_decoder
from audit.tables.files import BOM
from audit.tables.formats.csv import refuse_encoding
from audit.tables.kinds import EXACT_INTEGER, make_range_error, refuse_names

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 50_000
LONGEST_LINE_BYTES = 2**24
FAMILIES: dict[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "nested",
    dict: "nested",
}
Row = dict[str, Any]


FAULTS: dict[str, str] = {
    "twice": "has the key '{}' twice (duplicate); keep one",
    "constant": "holds {}, which is not JSON; write null for a missing value",
    "infinite": "holds {}, which is too large for a number (it would be infinite)",
    "whole": "holds {}, a whole number beyond 64 bits; write it as text",
    "rounded": "holds {}, which would be rounded to another number; write it as text",
}
"""Ends of sentences about a line."""


def read_json_lines(data: bytes, shown: str) -> pa.Table:
    """Return the table of a JSON Lines file; nested values are kept as the bytes of their JSON.

    Raises
    ------
    SourceError
        When a line is not one whole object like the others, with its number.
    """
    import pyarrow as pa

    refuse_encoding(data, shown)
    rows = _read_rows(data, shown)
    reader = _Reader(shown)
    while some := list(islice(rows, ROWS_AT_ONCE)):
        reader.take(some)
    return pa.table(reader.columns())


def _read_rows(data: bytes, shown: str) -> Iterator[tuple[int, Row]]:
    """Yield objects with their line numbers."""
    at, number = len(BOM) if data.startswith(BOM) else 0, 0
    stop = at + len(data[at:].rstrip())
    if stop == at:
        raise SourceError(f"{shown} is empty (no lines); write the table again")
    strict = make_decoder(whole=True)
    while at < stop:
        end = data.find(b"\n", at, stop)
        end = stop if end < 0 else end
        number += 1
        if end - at > LONGEST_LINE_BYTES:
            raise SourceError(f"{shown}: line {number} is longer than {LONGEST_LINE_BYTES:,} bytes")
        yield number, _read_object(strict, data[at:end].strip(b" \t\r"), f"{shown}: line {number}", last=end == stop)
        at = end + 1


def _read_object(strict: json.JSONDecoder, line: bytes, where: str, *, last: bool) -> Row:
    if not line:
        raise SourceError(f"{where} is blank; write one object a line (JSON Lines)")
    try:
        value = strict.decode(line.decode())
    except NotStrictError as error:
        raise SourceError(f"{where} {FAULTS[error.fault].format(error.what)}") from None
    except json.JSONDecodeError as error:
        cut = "; the last line is truncated" if last else "; write one whole object a line (JSON Lines)"
        raise SourceError(f"{where} is not JSON ({error.msg} at character {error.colno}){cut}") from None
    except RecursionError:
        raise SourceError(f"{where} is nested too deeply; remove that value") from None
    if not isinstance(value, dict):
        raise SourceError(f"{where} is not a JSON object but {_name_type(value)}; write one object a line (JSON Lines)")
    return value


def _name_type(value: object) -> str:
    if isinstance(value, list):
        return "an array"
    return FAMILIES.get(type(value), "null")


class _Reader:
    """Columns as they grow, some rows at once; remembers what the first rows were like."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._names: list[str] = []
        self._family: dict[str, str] = {}
        self._arrays: dict[str, list[pa.Array]] = {}

    def take(self, rows: Sequence[tuple[int, Row]]) -> None:
        """Add rows, refusing the first that is unlike those before."""
        if not self._names:
            self._names = list(rows[0][1])
            refuse_names(self._names, self._shown)
            self._arrays = {name: [] for name in self._names}
        self._refuse_keys(rows)
        for name in self._names:
            values = [row[name] for _, row in rows]
            self._refuse_mix(name, values, rows)
            self._arrays[name].append(self._make_array(name, values, rows))

    def _refuse_keys(self, rows: Sequence[tuple[int, Row]]) -> None:
        wanted = dict.fromkeys(self._names).keys()
        for number, row in rows:
            if row.keys() != wanted:
                lost = next((n for n in self._names if n not in row), None)
                what = f"has no key '{printable(lost)}'" if lost is not None else _find_odd_key(row, wanted)
                raise SourceError(
                    f"{self._shown}: line {number} {what}; every line needs the same keys, "
                    "null where a value is missing"
                )

    def _refuse_mix(self, name: str, values: Sequence[Any], rows: Sequence[tuple[int, Row]]) -> None:
        families = {FAMILIES[t] for t in set(map(type, values)) if t is not type(None)}
        known = self._family.get(name)
        if not families or families == {known}:
            return
        first = known or next(FAMILIES[type(v)] for v in values if v is not None)
        self._family[name] = first
        for (number, _), value in zip(rows, values, strict=True):
            if value is not None and FAMILIES[type(value)] != first:
                raise SourceError(
                    f"{self._shown}: line {number} has {FAMILIES[type(value)]} under '{printable(name)}', "
                    f"which is {first} in the lines before (mixed types); make every value one type"
                )

    def _make_array(self, name: str, values: list[Any], rows: Sequence[tuple[int, Row]]) -> pa.Array:
        import pyarrow as pa

        if self._family.get(name) == "nested":
            values = [None if v is None else json.dumps(v, ensure_ascii=True).encode() for v in values]
            return pa.array(values, pa.binary())
        kinds = set(map(type, values))
        # Order matters: what Arrow says of a whole number that a fraction beside it would round names no line.
        if {int, float} <= kinds:
            self._refuse_rounding(name, values, rows)
        try:
            if float in kinds:
                return pa.array(values, pa.float64())
            return pa.array(values)
        except UnicodeEncodeError:
            number = next(n for (n, _), v in zip(rows, values, strict=True) if v is not None and _has_half_character(v))
            raise SourceError(
                f"{self._shown}: line {number} has half a character (a lone surrogate) under '{printable(name)}'"
            ) from None
        except (OverflowError, pa.ArrowInvalid):
            number = next(
                n for (n, _), v in zip(rows, values, strict=True) if v is not None and not -(2**63) <= v < 2**63
            )
            raise make_range_error(self._shown, name, f" (line {number})") from None

    def _refuse_rounding(self, name: str, values: Iterable[Any], rows: Sequence[tuple[int, Row]]) -> None:
        for (number, _), value in zip(rows, values, strict=True):
            if type(value) is int and abs(value) > EXACT_INTEGER:
                raise SourceError(
                    f"{self._shown}: line {number} has {value} under '{printable(name)}' beside fractions, "
                    "which would be rounded; write the column as text"
                )

    def columns(self) -> dict[str, pa.ChunkedArray]:
        """Return whole columns, each in the one type that all of its rows have."""
        import pyarrow as pa

        whole = {}
        for name, arrays in self._arrays.items():
            types = {a.type for a in arrays} - {pa.null()}
            # Whole numbers go along with fractions; a cast that would round one of them is refused by Arrow.
            dtype = pa.float64() if pa.float64() in types else next(iter(types), pa.null())
            try:
                whole[name] = pa.chunked_array([a.cast(dtype) for a in arrays], type=dtype)
            except pa.ArrowInvalid:
                raise SourceError(
                    f"{self._shown}: '{printable(name)}' has whole numbers beyond 2^53 beside fractions; "
                    "write it as text"
                ) from None
        return whole


def _find_odd_key(row: Row, wanted: Iterable[str]) -> str:
    odd = next(key for key in row if key not in set(wanted))
    return f"has a key '{printable(odd)}' that the lines before lack"


def _has_half_character(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)
