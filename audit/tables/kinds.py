"""What a column holds, in seven words, and each Arrow column in the plainest type that says the same.

Must not: change a value. Dictionaries, runs and views are decoded, NaN becomes missing; a number that would be rounded
is refused.
"""

from __future__ import annotations

import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, Literal

from audit.axes import name_level
from audit.errors import SourceError, printable

if TYPE_CHECKING:
    import pyarrow as pa

_LOOKALIKES = str.maketrans(
    "аеорсухіјѕһԁԛԝԍвнкмтзбАВЕЅІЈКМНОРСТУХҮԌԜαοϲνρτυικΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹ‐‑‒–—−’‘",
    "aeopcyxijshdqwgbhkmt36abesijkmhopctyxygwaocvptuikabezhikmnoptyxc------''",
)
"""Letters of Cyrillic and Greek, and dashes and quotes, by the ASCII character they are drawn like (Unicode TR39)."""
_FILLERS, _VARIANTS = (0x34F, 0x115F, 0x1160, 0x3164, 0xFFA0), (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
_UNDRAWN = frozenset(map(chr, (*_FILLERS, *_VARIANTS)))
"""Characters beside those of category Cf that are ignorable by default (Unicode, DerivedCoreProperties)."""


Kind = Literal["text", "integer", "float", "boolean", "date", "time", "other"]
EXACT_DIGITS = 15
"""Decimal digits that a double always gives back; more may be rounded."""
EXACT_INTEGER = 2**53
TEXT_EXTENSIONS = {"arrow.uuid", "arrow.json"}
ENCODED = ("dictionary", "run_end_encoded")


def find_kind(field: pa.Field) -> Kind:
    """Return the kind of a column; what no engine can group or add up is ``other``."""
    import pyarrow as pa

    dtype, extension = field.type, _find_extension(field)
    if extension is not None:
        return "text" if extension in TEXT_EXTENSIONS else "other"
    if any(getattr(pa.types, f"is_{e}")(dtype) for e in ENCODED):
        return find_kind(pa.field(field.name, dtype.value_type))
    is_a = pa.types
    tests: tuple[tuple[Kind, bool], ...] = (
        ("boolean", is_a.is_boolean(dtype)),
        ("integer", is_a.is_integer(dtype) or is_whole(dtype)),
        ("float", is_a.is_floating(dtype) or is_fraction(dtype)),
        ("text", is_text(dtype) or is_a.is_null(dtype)),
        ("date", is_a.is_date(dtype)),
        ("time", is_a.is_temporal(dtype) and not is_a.is_interval(dtype)),
    )
    return next((kind for kind, true in tests if true), "other")


def _find_extension(field: pa.Field) -> str | None:
    """Return the name of an extension type, also of one that is not registered here."""
    named = getattr(field.type, "extension_name", None)
    if named is None and field.metadata:
        named = field.metadata.get(b"ARROW:extension:name", b"").decode("utf-8", "replace") or None
    return None if named is None else str(named)


def is_text(dtype: pa.DataType) -> bool:
    """Return whether a type is one of Arrow's spellings of text."""
    import pyarrow as pa

    return bool(pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype))


def is_whole(dtype: pa.DataType) -> bool:
    """Return whether a type is a decimal without places."""
    import pyarrow as pa

    return bool(pa.types.is_decimal(dtype) and dtype.scale == 0 and dtype.precision <= 38)


def is_fraction(dtype: pa.DataType) -> bool:
    """Return whether a type is a decimal with places."""
    import pyarrow as pa

    return bool(pa.types.is_decimal(dtype) and dtype.scale > 0)


def refuse_names(names: Sequence[str], shown: str) -> None:
    """Refuse column names that are empty, twice there, or impossible to write in a query."""
    if not names:
        raise SourceError(f"{shown} has no columns; a table needs at least one")
    seen: set[str] = set()
    for position, name in enumerate(names, 1):
        if not name.strip():
            raise SourceError(
                f"{shown}: column {position} has an empty name; name it, or remove it (for the index of a frame: "
                "write the file with index=False)"
            )
        if "\0" in name:
            raise SourceError(f"{shown}: the name of column {position} holds a NUL character; rename it")
        if name in seen:
            raise SourceError(f"{shown} has two columns named '{printable(name)}' (duplicate); rename one")
        seen.add(name)


def find_clashes(names: Iterable[str]) -> dict[str, str]:
    """Return names of which another one differs only in case, each with that one; SQL would read one for the other."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(name.lower(), []).append(name)
    clashes: dict[str, str] = {}
    for first, *others in alike.values():
        if others:
            clashes[first] = others[0]
            clashes |= dict.fromkeys(others, first)
    return clashes


def make_rounding_error(shown: str, name: str) -> SourceError:
    """Return the error for numbers that a double cannot give back."""
    return SourceError(
        f"{shown}: column '{printable(name)}' holds numbers of more than {EXACT_DIGITS} digits, which would be "
        "rounded; write it with fewer digits, as double, or as text"
    )


def find_exact_limit(scale: int) -> float:
    """Return the size up to which decimals of that many places are exact as doubles."""
    if scale <= EXACT_DIGITS:
        return float(10 ** (EXACT_DIGITS - scale))
    return 10.0 ** (EXACT_DIGITS - scale)


def to_plain_table(table: pa.Table, shown: str) -> pa.Table:
    """Return a table with columns that any engine reads alike."""
    import pyarrow as pa

    columns = [_to_plain_column(table.column(i), field, shown) for i, field in enumerate(table.schema)]
    return pa.table(dict(zip(table.column_names, columns, strict=True)))


def _to_plain_column(column: pa.ChunkedArray, field: pa.Field, shown: str) -> pa.ChunkedArray:
    import pyarrow as pa

    dtype = column.type
    if any(getattr(pa.types, f"is_{e}")(dtype) for e in ENCODED):
        decoded = _decode(column)
        return _to_plain_column(decoded, pa.field(field.name, decoded.type), shown)
    if is_whole(dtype):
        return _read_whole(column, field.name, shown)
    if is_fraction(dtype):
        return _read_fraction(column, field.name, shown)
    if pa.types.is_floating(dtype):
        return _drop_nan(column)
    return _to_text(column) if find_kind(field) == "text" else column


def _to_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    if isinstance(column.type, pa.BaseExtensionType):
        return pa.chunked_array([pa.array([None if v is None else str(v) for v in column.to_pylist()], pa.string())])
    if pa.types.is_string(column.type):
        return column
    return column.cast(pa.large_string())


def _decode(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    inner = column.type.value_type
    if pa.types.is_run_end_encoded(column.type):
        return pa.chunked_array([pc.run_end_decode(chunk) for chunk in column.chunks], type=inner)
    dtype = pa.large_string() if is_text(inner) else inner  # text of many rows outgrows 32-bit offsets
    chunks = [chunk.dictionary.cast(dtype).take(chunk.indices) for chunk in column.chunks]
    return pa.chunked_array(chunks, type=dtype)


def _read_whole(column: pa.ChunkedArray, name: str, shown: str) -> pa.ChunkedArray:
    import pyarrow as pa

    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        raise make_range_error(shown, name) from None


def make_range_error(shown: str, name: str, where: str = "") -> SourceError:
    """Return the error for whole numbers that no integer type holds."""
    return SourceError(
        f"{shown}: column '{printable(name)}' holds a whole number beyond 64 bits{where}; write the column as text"
    )


def _read_fraction(column: pa.ChunkedArray, name: str, shown: str) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    read = column.cast(pa.float64())
    largest: Any = pc.max(pc.abs(read)).as_py()
    if largest is not None and largest >= find_exact_limit(column.type.scale):
        raise make_rounding_error(shown, name)
    return read


def _drop_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return floats with NaN as missing, at least in single precision."""
    import pyarrow as pa
    import pyarrow.compute as pc

    read = column.cast(pa.float32()) if pa.types.is_float16(column.type) else column
    nan = pc.is_nan(read)
    if pc.any(nan).as_py():
        return pc.if_else(nan, pa.scalar(None, read.type), read)
    return read


def name_bands(edges: Sequence[float]) -> tuple[str, ...]:
    """Return names of the bands between edges, the open ones at both ends included.

    >>> name_bands((18, 25))
    ('[-inf, 18)', '[18, 25)', '[25, inf)')
    """
    ends = ["-inf", *(f"{e:.12g}" for e in edges), "inf"]
    return tuple(f"[{low}, {high})" for low, high in pairwise(ends))


# Levels that a column declares, whether rows have them or not: categories of pandas, enums of polars, dictionaries.
#
# A frame that was filtered keeps the categories of the rows that are gone, so such a level is noted and not a group.
# Must not: read rows.
def find_declared_levels(given: Any, held: pa.Table, name: str) -> tuple[str, ...]:
    """Return declared levels of one column as text; none where it declares none."""
    values = _find_column(given, name)
    categories = getattr(getattr(values, "dtype", None), "categories", None)
    if categories is None and values is not None and type(values).__module__.partition(".")[0] != "pyarrow":
        return ()
    if categories is None:
        return _list_dictionary(held, name)
    # A categorical of polars has those of the whole process, which nobody declared for the column; an enum has its own.
    pandas = sys.modules.get("pandas")
    of_pandas = pandas is not None and isinstance(values.dtype, pandas.CategoricalDtype)
    if of_pandas or type(values.dtype).__name__ == "Enum":
        return _name_levels(categories)
    return ()


def _find_column(given: Any, name: str) -> Any:
    """Return the column as it was handed in; None where rows come from a file, or a frame of Arrow."""
    if isinstance(given, Mapping):
        return next((v for key, v in given.items() if str(key) == name), None)
    if type(given).__module__.partition(".")[0] not in {"pandas", "polars"}:
        return None
    at = [str(c) for c in given.columns].index(name)
    if hasattr(given, "iloc"):
        return given.iloc[:, at]
    return given.to_series(at)


def _list_dictionary(held: pa.Table, name: str) -> tuple[str, ...]:
    import pyarrow as pa

    column = held.column(name)
    if not pa.types.is_dictionary(column.type):
        return ()
    return _name_levels(chain.from_iterable(chunk.dictionary.to_pylist() for chunk in column.chunks))


def _name_levels(levels: Iterable[Any]) -> tuple[str, ...]:
    texts = (name_level(_to_plain_level(level)) for level in levels)
    return tuple(dict.fromkeys(text for text in texts if text is not None))


def _to_plain_level(level: Any) -> Any:
    if getattr(level, "shape", None) == () and hasattr(level, "item"):
        return level.item()
    return level


# Names that look alike and split one group into two: case, spaces, Unicode, other scripts, what is not drawn.
@dataclass(frozen=True, slots=True)
class Twins:
    """Names that would be one after tidying, and what they differ in."""

    names: tuple[str, ...]
    why: str


def find_near_twins(names: Iterable[str]) -> tuple[Twins, ...]:
    """Return sets of names that are alike once case, spaces, Unicode form and look-alike letters are set aside."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in sorted(set(names)):
        alike[_make_skeleton(name)].append(name)
    return tuple(Twins(tuple(found), _reason_for_twins(found)) for found in alike.values() if len(found) > 1)


def _tidy(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).split())


def _make_skeleton(name: str) -> str:
    return _tidy(_strip_unseen(name)).translate(_LOOKALIKES).casefold()


def _strip_unseen(name: str) -> str:
    """Return what of a name is drawn: no joiners, soft hyphens, directions or variants."""
    return "".join(c for c in name if unicodedata.category(c) != "Cf" and c not in _UNDRAWN)


def _reason_for_twins(names: list[str]) -> str:
    if len({_strip_unseen(n) for n in names}) == 1:
        return "characters that are not seen"
    if len({n.strip() for n in names}) == 1 or len({" ".join(n.split()) for n in names}) == 1:
        return "white space"
    if len({_tidy(n) for n in names}) == 1:
        return "Unicode form"
    if len({_tidy(n).casefold() for n in names}) == 1:
        return "case or white space"
    return "look-alike (confusable) letters"
