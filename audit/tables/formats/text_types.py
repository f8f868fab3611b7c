"""Numbers and truth values in text columns: a column has a type only when every cell in it is written as that type.

Leading zeros, plus signs, thousands separators and decimal commas stay text, and so do numbers that a type would round.
How a whole number was written follows from it. Of fractions with few values it is kept where it does not: what is a
number as a weight may be text as a class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Literal

from audit.errors import SourceError, printable
from audit.tables.kinds import EXACT_INTEGER

if TYPE_CHECKING:
    import pyarrow as pa

Written = Literal["text", "integer", "float", "boolean"]
# The whole cell, in the syntax of RE2, by which Arrow matches: its end is \z, which Python writes \Z. No leading zero:
# such a cell is a code, and stays text.
INTEGER = r"\A(?:0|-?[1-9][0-9]*)\z"
# Digits with or without a point, or a point with digits, and an exponent; nan and inf are words.
FLOAT = r"\A-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?\z"
# One spelling a column: a mixture is text.
TRUTHS = (r"\A(?:true|false)\z", r"\A(?:True|False)\z", r"\A(?:TRUE|FALSE)\z")
# What is written in digits alone, leading zeros included.
CODES = r"\A[-+]?[0-9]+\z"
EXPONENT = "[eE]"
SPELLED_OUT = r"\A-?[0-9]+\.[0-9]*\z"
LOOKED_AT_ROWS = 1000
FEW = 256
"""Different texts up to which a column of fractions may be one of classes or groups."""


def type_columns(
    parts: Sequence[tuple[str, pa.Table]], decimal: str = "."
) -> tuple[pa.Table, dict[str, pa.ChunkedArray]]:
    """Return one table of all parts, each column in the type that all of its cells are written in.

    Parameters
    ----------
    parts
        Columns of text, all of the same names.
    decimal
        What stands before the places of a fraction.

    Returns
    -------
    table
        Typed columns.
    written
        Text of the columns of fractions whose numbers do not say how they were written.

    Raises
    ------
    SourceError
        When a column is of one kind in one part and of another in the next.
    """
    import pyarrow as pa

    names = parts[0][1].column_names
    whole = parts[0][1] if len(parts) == 1 else pa.concat_tables([part.select(names) for _, part in parts])
    typed = {name: _type_column(name, whole[name], parts, decimal) for name in names}
    floats = [n for n in names if pa.types.is_floating(typed[n].type)]
    odd = [n for n in floats if any(_is_odd(_write_with_point(part[n], decimal)) for _, part in parts)]
    return pa.table(typed), {name: whole[name] for name in odd}


def _type_column(
    name: str, column: pa.ChunkedArray, parts: Sequence[tuple[str, pa.Table]], decimal: str
) -> pa.ChunkedArray:
    for kind in _list_candidates(name, parts, decimal):
        read = _read(column, kind, decimal)
        if read is not None:
            return read
    return column


def _is_odd(column: pa.ChunkedArray) -> bool:
    """Return whether some of the few numbers of a column are written with an exponent, or one of them in two ways."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(pc.unique(column.slice(0, LOOKED_AT_ROWS))) > FEW or len(texts := pc.unique(column)) > FEW:
        return False
    numbers = pc.add(texts.cast(pa.float64()), 0.0)  # -0 and 0 are one number, and Arrow tells them apart
    twice = len(pc.unique(numbers)) < len(texts)
    return twice or bool(pc.any(pc.match_substring_regex(texts, EXPONENT)).as_py())


def _list_candidates(name: str, parts: Sequence[tuple[str, pa.Table]], decimal: str) -> tuple[Written, ...]:
    """Return types to try, the narrowest first.

    All parts must be written in the same one, whole numbers also as float.
    """
    if len(parts) == 1:
        return ("integer", "boolean", "float")
    found = {shown: kind for shown, part in parts if (kind := _find_written_type(part[name], decimal)) is not None}
    # Order matters: whole numbers go along with fractions, codes make text of whole numbers, and all else is refused.
    if set(found.values()) == {"integer", "float"}:
        return ("float",)
    texts = [part[name] for shown, part in parts if found.get(shown) == "text"]
    if set(found.values()) == {"integer", "text"} and all(_do_all_match(column, CODES) for column in texts):
        return ()  # codes with leading zeros, of which one part happens to have none
    refuse_unlike(name, found)
    return tuple(dict.fromkeys(found.values()))


def refuse_unlike(name: str, found: Mapping[str, str]) -> None:
    """Refuse a column of different kinds in different parts, naming the part."""
    first = next(iter(found), None)
    other = next((shown for shown, kind in found.items() if first is not None and kind != found[first]), None)
    if first is not None and other is not None:
        raise SourceError(
            f"{other}: column '{printable(name)}' is {found[other]} but in {first} it is {found[first]}; "
            "parts of one table need the same columns of the same kinds"
        )


def find_common_columns(parts: Sequence[tuple[str, Sequence[str]]]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return columns that all parts have, in the order of the first, and of each other column a part that lacks it.

    Raises
    ------
    SourceError
        When there is none that all have.
    """
    first, names = parts[0]
    common = tuple(n for n in names if all(n in others for _, others in parts[1:]))
    every = dict.fromkeys(chain.from_iterable(others for _, others in parts))
    lacking = {n: next(shown for shown, others in parts if n not in others) for n in every if n not in common}
    if not common:
        shown, odd = next((shown, n) for shown, others in parts[1:] for n in others if n not in names)
        raise SourceError(
            f"{shown} has a column '{printable(odd)}', which {first} lacks, and no column is in all parts; "
            "parts of one table need the same columns"
        )
    return common, lacking


def _find_written_type(column: pa.ChunkedArray, decimal: str = ".") -> Written | None:
    """Return the type that all cells are written in; None where all are missing."""
    if column.null_count == len(column):
        return None
    kinds: tuple[Written, ...] = ("integer", "boolean", "float")
    return next((kind for kind in kinds if _read(column, kind, decimal) is not None), "text")


def _write_with_point(column: pa.ChunkedArray, decimal: str) -> pa.ChunkedArray:
    """Return fractions with a point, where they are written with something else.

    What had a point before has a comma then.
    """
    import pyarrow.compute as pc

    if decimal == ".":
        return column
    # A point of the text gives way first, so that it is not taken for the one that stands before the places.
    apart = pc.replace_substring(column, ".", "\0")
    return pc.replace_substring(pc.replace_substring(apart, decimal, "."), "\0", decimal)


def _read(column: pa.ChunkedArray, kind: Written, decimal: str = ".") -> pa.ChunkedArray | None:
    """Return the column in a type, or None where a cell is not written in it or would be rounded."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.null_count == len(column) or kind == "text":
        return None
    if kind == "boolean":
        return pc.equal(pc.ascii_lower(column), "true") if any(_do_all_match(column, t) for t in TRUTHS) else None
    if kind == "float":
        column = _write_with_point(column, decimal)
    if not _do_all_match(column, INTEGER if kind == "integer" else FLOAT):
        return None
    try:
        read = column.cast(pa.int64() if kind == "integer" else pa.float64())
    except pa.ArrowInvalid:
        return None
    return read if kind == "integer" or _is_exact(column, read) else None


def _do_all_match(column: pa.ChunkedArray, pattern: str) -> bool:
    import pyarrow.compute as pc

    return all(
        pc.all(pc.match_substring_regex(some, pattern)).as_py() is not False
        # The first rows are asked by themselves: most columns that do not match show it there.
        for some in (column.slice(0, LOOKED_AT_ROWS), column)
    )


def _is_exact(column: pa.ChunkedArray, read: pa.ChunkedArray) -> bool:
    """Return whether no number overflows, no whole number is rounded, and none written with a point."""
    import pyarrow.compute as pc

    if not pc.all(pc.is_finite(read)).as_py():
        return False
    large = pc.unique(column.filter(pc.greater_equal(pc.abs(read), float(EXACT_INTEGER))))
    if pc.any(pc.match_substring_regex(large, INTEGER)).as_py():
        return False
    spelled = large.filter(pc.match_substring_regex(large, SPELLED_OUT)).drop_null().to_pylist()
    if not spelled:
        return True
    from audit.system.strict_json import may_lose_digits

    return not any(map(may_lose_digits, spelled))
