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
        When a column is not of numbers.
    """
    columns: dict[str, np.ndarray] = {}
    for name in names:
        columns |= _read_column(name, held.column(name))
    return Features(columns)


def _read_column(name: str, column: Any) -> dict[str, np.ndarray]:
    """Return a column as numbers, with missing ones as NaN; a column of lists as one column for each place."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_fixed_size_list(column.type) or pa.types.is_list(column.type):
        rows = np.array(column.to_pylist(), dtype=np.float64)
        return {f"{name}[{at}]": rows[:, at] for at in range(rows.shape[1])}
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type)):
        raise ValuesError(f"feature '{printable(name)}' is {column.type}; models are given columns of numbers")
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    return {name: column.to_numpy()}


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
