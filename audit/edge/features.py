"""What models are shown: columns of numbers, each in the type that a model wants, and none changed by it.

Must not: run a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit.errors import ValuesError, printable

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Features:
    """What models see, one column for each feature in the order of the question."""

    columns: Mapping[str, np.ndarray]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values())))


def read_features(held: pa.Table, names: Sequence[str]) -> Features:
    """Read the features of all rows.

    Parameters
    ----------
    held
        Rows in memory.
    names
        Columns of numbers, in the order in which the models were trained; or one column of lists.

    Raises
    ------
    ValuesError
        When a column is not of numbers, its lists are not equally long, or there are no rows.
    """
    if held.num_rows == 0:
        raise ValuesError("no rows; models answer rows, so name a table that has some")
    columns: dict[str, np.ndarray] = {}
    for name in names:
        columns |= _read_column(name, held.column(name))
    return Features(columns)


def _read_column(name: str, column: Any) -> dict[str, np.ndarray]:
    """Return a column as numbers, with missing ones as NaN; a column of lists as one column for each place."""
    if _is_list(column.type):
        places = _split_lists(name, column)
        return {f"{name}[{at}]": _to_numbers(name, place) for at, place in enumerate(places)}
    return {name: _to_numbers(name, column.combine_chunks())}


def _is_list(kind: pa.DataType) -> bool:
    import pyarrow as pa

    known: bool = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return known


def _split_lists(name: str, column: Any) -> list[pa.Array]:
    """Return the column of each place of lists that are all equally long.

    Raises
    ------
    ValuesError
        When a list is missing, empty, or of another length than the first.
    """
    import numpy as np
    import pyarrow.compute as pc

    lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False).astype(float)
    missing = np.isnan(lengths)
    if missing.any():
        raise ValuesError(
            f"{_locate(name, missing)} has no list; fill or remove such rows, since every model needs one"
        )
    other = lengths != lengths[0]
    if other.any():
        raise ValuesError(
            f"{_locate(name, other)} has {lengths[other][0]:.0f} numbers, and row 1 has {lengths[0]:.0f}; write lists "
            "of one length"
        )
    width = int(lengths[0])
    if width == 0:
        raise ValuesError(f"feature '{printable(name)}' is a column of empty lists; name a column of numbers")
    values = pc.list_flatten(column).combine_chunks()
    return [values.take(np.arange(at, len(values), width)) for at in range(width)]


def _locate(name: str, unfit: np.ndarray) -> str:
    """Return how many rows of a feature are unfit, and the first of them."""
    return f"feature '{printable(name)}': {int(unfit.sum()):,} of {len(unfit):,} rows; row {int(unfit.argmax()) + 1:,}"


def _to_numbers(name: str, column: pa.Array) -> np.ndarray:
    """Return numbers as they are, missing ones as NaN.

    Raises
    ------
    ValuesError
        When they are no numbers.
    """
    import pyarrow as pa

    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise ValuesError(
            f"feature '{printable(name)}' is {kind}; models are given columns of numbers, so write it as numbers"
        )
    if pa.types.is_boolean(kind):
        column = column.cast(pa.uint8())
    numbers: np.ndarray = column.to_numpy(zero_copy_only=False)
    return numbers


def convert_feature(model: str, name: str, column: np.ndarray, wanted: str) -> np.ndarray:
    """Return a feature in the type that a model wants.

    Parameters
    ----------
    model
        What the model is called in a refusal.
    name, column
        The feature and its values, one a row.
    wanted
        Type of the input, by the name of numpy.

    Raises
    ------
    ValuesError
        When a value would become another one: missing or a fraction for whole numbers, or out of range.
    """
    import numpy as np

    kind = np.dtype(wanted)
    if kind.kind == "f":
        with np.errstate(over="ignore"):
            lost = np.isfinite(column) & ~np.isfinite(column.astype(kind))
        takes = f"numbers of at most {np.finfo(kind).max:.3g}"
    else:
        low, high = (0, 1) if kind.kind == "b" else (int(np.iinfo(kind).min), int(np.iinfo(kind).max))
        # Less than high + 1, because 2^63 - 1 itself is no float.
        lost = ~((column >= low) & (column < high + 1) & (np.floor(column) == column))
        takes = f"whole numbers from {low:,} to {high:,}, and none missing"
    unfit = int(np.count_nonzero(lost))
    if unfit:
        raise ValuesError(
            f"feature '{printable(name)}': {unfit:,} of {len(column):,} values do not fit {model}, which takes {takes}"
        )
    return column.astype(kind)
