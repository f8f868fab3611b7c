"""Frames as pandas makes them: of text files by its own readers, of frames in memory as they were handed in.

Must not: change a value, or make up for what pandas loses.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from audit.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from audit.tables.files import Part
    from audit.tables.table import HeldTable

BATCH_ROWS = 2**16


class UnlikePandasError(Exception):
    """There is no frame that pandas would read, or it is another table; the message says why."""


@contextmanager
def tell_pandas_errors() -> Iterator[None]:
    """Turn what pandas raises while it reads into an `UnlikePandasError`; its warnings are not passed on."""
    import pyarrow as pa

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (ValueError, TypeError, ArithmeticError, LookupError, NotImplementedError, pa.ArrowException) as error:
        raise UnlikePandasError(f"pandas cannot read it ({type(error).__name__})") from error


def read_by_pandas(table: HeldTable, names: Sequence[str]) -> pd.DataFrame:
    """Return chosen columns of a text file, an Arrow file or a frame, as pandas has them.

    Raises
    ------
    UnlikePandasError
        When pandas cannot read them, or reads another number of rows.
    SourceError
        When a file is another one by now.
    """
    with tell_pandas_errors():
        if table.texts:
            return join_frames(
                [_read_text(part, list(table.columns), names) for part in table.texts], names, table.rows
            )
        return join_frames([_read_given(table, names)], names, table.rows)


def join_frames(frames: Sequence[pd.DataFrame], names: Sequence[str], rows: int | None) -> pd.DataFrame:
    """Return one frame of the frames of all parts; of a single one its index is kept."""
    import pandas as pd

    whole = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    if rows is not None and len(whole) != rows:
        raise UnlikePandasError(f"pandas reads {len(whole):,} rows of it where there are {rows:,}")
    return whole[list(names)]


def _read_text(part: Part, columns: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
    """Return what `pandas.read_csv` or `pandas.read_json` makes of a file when it is told nothing about its columns."""
    import pandas as pd

    packing: Any = "gzip" if part.packed else None
    if part.format == "jsonl":
        frame = pd.read_json(part.path, lines=True, compression=packing)
        if len(frame.columns) == len(columns):
            frame.columns = pd.Index(_name_columns(frame, columns))
    else:
        said, mark = part.dialect, part.dialect.find_separator(part.format)
        frame = pd.read_csv(
            part.path, sep=mark, decimal=said.decimal, encoding=said.encoding, usecols=list(names), compression=packing
        )
    if part.has_changed():
        raise SourceError(f"{part.shown} changed while it was read; run again when nothing writes to it")
    return frame


def _name_columns(frame: pd.DataFrame, columns: Sequence[str]) -> Sequence[str]:
    """Return names of the columns as text; pandas takes those that look like numbers or dates for such."""
    found = list(map(str, frame.columns))
    return found if set(found) == set(columns) else columns


def _read_given(table: HeldTable, names: Sequence[str]) -> pd.DataFrame:
    """Return a frame as it was handed in, or what its own library or Arrow makes of it for pandas."""
    import pandas as pd

    made: pd.DataFrame
    given = table.given
    if isinstance(given, pd.DataFrame):
        at = [list(map(str, given.columns)).index(name) for name in names]
        return given.iloc[:, at].set_axis(list(names), axis=1)
    if isinstance(given, Mapping):
        by_name = {str(key): values for key, values in given.items()}
        return pd.DataFrame({name: _make_column(by_name[name]) for name in names})
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(given, polars.DataFrame):
        made = given.select(list(names)).to_pandas()
        return made
    made = table.held.select(list(names)).to_pandas()
    return made


def _make_column(values: Any) -> Any:
    import pandas as pd

    own = isinstance(values, (pd.Series, pd.Index)) or not hasattr(values, "to_pandas")
    return values if own else values.to_pandas()


def read_first_rows(path: Path, names: Sequence[str], most: int) -> pd.DataFrame:
    """Return the first rows of a Parquet file as pandas has them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        batches = list(islice(file.iter_batches(min(most, BATCH_ROWS), columns=list(names)), most // BATCH_ROWS + 1))
        columns = pa.schema([file.schema_arrow.field(name) for name in names], file.schema_arrow.metadata)
    made: pd.DataFrame = pa.Table.from_batches(batches, columns).slice(0, most).to_pandas()
    return made


def count_missing(paths: Sequence[Path], name: str) -> int | None:
    """Return rows without a value in a column of Parquet files, as their footers count them.

    None where one does not.
    """
    import pyarrow.parquet as pq

    missing = 0
    for path in paths:
        footer = pq.read_metadata(path)
        at = next((i for i in range(footer.num_columns) if footer.schema.column(i).path == name), None)
        if at is None:
            return None
        counts = [_count_nulls(footer.row_group(group).column(at)) for group in range(footer.num_row_groups)]
        if None in counts:
            return None
        missing += sum(n for n in counts if n is not None)
    return missing


def _count_nulls(column: Any) -> int | None:
    told = column.statistics
    if told is not None and told.has_null_count:
        return int(told.null_count)
    return None
