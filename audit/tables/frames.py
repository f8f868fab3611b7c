"""Frames and arrays in memory as an Arrow table, without a guess about types.

Must not: coerce. A column of 1 and "1" is refused with the rows at fault, because libraries read it differently.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from audit.errors import SourceError, printable
from audit.tables.kinds import refuse_names
from audit.tables.objects import ARROW_ERRORS, shorten_reason, to_object_array

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

LAZY = ("polars", "pyspark", "duckdb", "_duckdb", "dask", "ibis", "sqlframe", "narwhals")
"""Libraries that have lazy frames; objects of others are not looked at by Narwhals first."""
TAKEN = "a frame of pandas, polars, Arrow or PySpark, or a mapping of column names to arrays"


def may_be_lazy(frame: Any) -> bool:
    """Return whether an object comes from a library that has lazy frames."""
    return type(frame).__module__.partition(".")[0] in LAZY


def to_arrow(frame: Any, shown: str) -> pa.Table:
    """Return the Arrow table of a frame or a mapping of columns.

    Raises
    ------
    SourceError
        Naming the column that cannot be read, and its row where there is one.
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(frame, pandas.DataFrame):
        return _read_columns([(c, frame.iloc[:, i]) for i, c in enumerate(frame.columns)], shown)
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(frame, polars.DataFrame):
        return _read_columns([(c, frame[c]) for c in frame.columns], shown)
    if isinstance(frame, Mapping):
        _refuse_unaligned(frame, shown)
        return _read_columns(list(frame.items()), shown)
    return _read_arrow(frame, shown)


def _read_columns(columns: list[tuple[Any, Any]], shown: str) -> pa.Table:
    import pyarrow as pa

    names = [_name(key, shown) for key, _ in columns]
    refuse_names(names, shown)
    arrays = [
        _to_column(values, f"{shown}: column '{printable(n)}'") for n, (_, values) in zip(names, columns, strict=True)
    ]
    for name, array in zip(names, arrays, strict=True):
        if len(array) != len(arrays[0]):
            raise SourceError(
                f"{shown}: column '{printable(name)}' has {len(array):,} rows and '{printable(names[0])}' has "
                f"{len(arrays[0]):,}; all columns must have the same length"
            )
    return pa.table(dict(zip(names, arrays, strict=True)))


def _name(key: Any, shown: str) -> str:
    if isinstance(key, tuple):
        raise SourceError(f"{shown}: column name {printable(key)} has several levels; give the columns plain names")
    return str(key)


def _refuse_unaligned(columns: Mapping[Any, Any], shown: str) -> None:
    """Refuse series with different labels: by position or by label, one of the two readings is wrong."""
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return
    series = [(name, v) for name, v in columns.items() if isinstance(v, pandas.Series)]
    for name, values in series[1:]:
        first, known = series[0]
        if len(values) == len(known) and not values.index.equals(known.index):
            raise SourceError(
                f"{shown}: '{printable(name)}' and '{printable(first)}' have different indexes (index); align them "
                "first (.reindex, or .to_numpy() if the order is the same)"
            )


def _read_arrow(frame: Any, shown: str) -> pa.Table:
    """Return the table of anything that speaks Arrow, or that Narwhals can make speak it."""
    import pyarrow as pa

    try:
        if isinstance(frame, pa.Table):
            return frame
        if isinstance(frame, pa.RecordBatchReader):
            return frame.read_all()
        if isinstance(frame, (str, bytes)) or not hasattr(frame, "__arrow_c_stream__"):
            return _read_narwhals(frame, shown)
        return pa.table(frame)
    except (*ARROW_ERRORS, RuntimeError) as error:
        raise SourceError(
            f"{shown} ({_name_type(frame)}) cannot be read as a table: {shorten_reason(error)}; give {TAKEN}"
        ) from None


def _read_narwhals(frame: Any, shown: str) -> pa.Table:
    import narwhals as nw

    try:
        native = nw.from_native(frame)
    except TypeError:
        raise SourceError(f"{shown} is {_name_type(frame)}, not a table; give {TAKEN}") from None
    return native.to_arrow()


def _name_type(value: Any) -> str:
    return f"a {type(value).__module__}.{type(value).__qualname__}".replace("builtins.", "")


def _to_column(values: Any, where: str) -> pa.ChunkedArray | pa.Array:
    """Return the Arrow array of one column, missing values as null.

    Raises
    ------
    SourceError
        When it is not one column of one type.
    """
    import pyarrow as pa

    try:
        return _read_column(values, where)
    except (*ARROW_ERRORS, pa.ArrowException) as error:
        raise SourceError(
            f"{where} ({_name_type(values)}) cannot be read: {shorten_reason(error)}; convert it, or remove it"
        ) from None


def _read_column(values: Any, where: str) -> pa.ChunkedArray | pa.Array:
    import pyarrow as pa

    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    if isinstance(values, (list, tuple, range)):
        return to_object_array(values, where)
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(values, (pandas.Series, pandas.Index)):
        values = values.array
    if pandas is not None and isinstance(values, pandas.api.extensions.ExtensionArray):
        return _read_pandas(values, where)
    return _read_foreign(values, where)


def _read_foreign(values: Any, where: str) -> pa.ChunkedArray | pa.Array:
    """Return the column of any library that speaks Arrow or NumPy."""
    import pyarrow as pa

    several = isinstance(values, (str, bytes, Mapping, set, frozenset))
    if several or not hasattr(values, "__len__") or hasattr(values, "columns"):
        raise SourceError(f"{where} is {_name_type(values)}, not a column of values; give an array or a list")
    if str(getattr(values, "dtype", "")) == "Object":  # polars hands out addresses, not objects, as Arrow
        return to_object_array(values.to_list(), where)
    if hasattr(values, "__arrow_c_stream__"):
        return pa.chunked_array(values)
    return _read_numpy(_to_numpy(values, where), where)


def _to_numpy(values: Any, where: str) -> Any:
    import numpy as np

    if isinstance(values, np.ndarray):
        return values
    if not hasattr(values, "__array__"):
        raise SourceError(f"{where} is {_name_type(values)}, not a column of values; give an array or a list")
    return np.asarray(values)


def _read_pandas(values: Any, where: str) -> pa.ChunkedArray | pa.Array:
    import pandas as pd
    import pyarrow as pa

    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _read_categories(values, where)
    if isinstance(dtype, pd.SparseDtype):
        return _read_numpy(values.to_dense(), where)
    if isinstance(dtype, (pd.IntervalDtype, pd.PeriodDtype)):
        return to_object_array(values.astype(object), where)
    if isinstance(dtype, pd.ArrowDtype):
        return pa.chunked_array([pa.array(values)]) if len(values) == 0 else values.__arrow_array__()
    if type(values).__name__ == "NumpyExtensionArray":
        return _read_numpy(values.to_numpy(), where)
    return pa.array(values, from_pandas=True)


def _read_categories(values: Any, where: str) -> pa.Array:
    import pyarrow as pa

    if len(values.categories) == 0:
        return pa.nulls(len(values), pa.string())
    names = _to_column(values.categories, where)
    if isinstance(names, pa.ChunkedArray):
        names = names.combine_chunks()
    codes = pa.array(values.codes, pa.int64(), mask=values.codes < 0)
    return names.take(codes)


def _read_numpy(values: Any, where: str) -> pa.ChunkedArray | pa.Array:
    import numpy as np
    import pyarrow as pa

    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        mend = "; flatten it (.ravel())" if values.size == max(values.shape, default=0) and values.ndim else ""
        raise SourceError(f"{where} has the shape {values.shape}, but a column has one dimension{mend}")
    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    values = np.asarray(values)
    if values.dtype.kind == "c":
        raise SourceError(f"{where} holds complex numbers, which have no order; give real ones")
    if values.dtype.kind == "O":
        given = values.tolist()
        if mask is not None:
            given = [None if hidden else value for value, hidden in zip(values, mask, strict=True)]
        return to_object_array(given, where)
    if values.dtype.kind == "V":
        raise SourceError(f"{where} is a structured array; give each of its fields as a column")
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    return pa.array(values, mask=mask, from_pandas=True)


def to_pandas(held: pa.Table) -> pd.DataFrame:
    """Return the pandas frame in which missing whole numbers and truth values turn nothing into floats or objects."""
    import pandas as pd
    import pyarrow as pa

    nullable = {pa.bool_(): pd.BooleanDtype(), pa.uint64(): pd.UInt64Dtype()}
    wide = pd.Int64Dtype()

    def exact(dtype: pa.DataType) -> Any:
        return nullable.get(dtype, wide if pa.types.is_integer(dtype) else None)

    columns = zip(held.column_names, held.columns, strict=True)
    return pd.DataFrame({n: c.to_pandas(types_mapper=exact if c.null_count else None) for n, c in columns})
