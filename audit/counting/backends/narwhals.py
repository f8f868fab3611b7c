"""Narwhals: the same questions asked of pandas, polars and PySpark, in one spelling.

Whole numbers of 64 bits are all that these have in common, so an exact total is summed in three pieces of 30 bits.
Must not: know a metric, a limit, or load rows into Python.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import reduce
from operator import add, mul, sub
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw

from audit.counting.engine import Falling, Levels, Scan
from audit.counting.tally import LIMBS, Tally, TooManyCellsError, make_tally
from audit.counting.terms import (
    Band,
    Banded,
    Binary,
    Column,
    Constant,
    Every,
    Extent,
    Fold,
    Highest,
    Key,
    Lowest,
    Number,
    Passes,
    Rows,
    Size,
    Slice,
    Steps,
    Sum,
    Surprise,
    Term,
    Test,
    Total,
)
from audit.errors import QuestionError, printable
from audit.tables.files import Part
from audit.tables.formats.parquet import list_keys, name_file_column
from audit.tables.kinds import Kind, make_rounding_error
from audit.tables.table import Table

if TYPE_CHECKING:
    import polars as pl

PLAIN: Mapping[Kind, Any] = {"text": nw.String, "float": nw.Float64, "integer": nw.Int64}
"""Type in which every engine sees a kind of column, whatever its width or encoding in the file."""


ONE = "evenhand_one"
"""Key of a question without keys."""
PIECES = range(len(LIMBS))


class NarwhalsScan:
    """Rows of one frame that Narwhals understands."""

    def __init__(self, frame: nw.LazyFrame[Any]) -> None:
        self.frame = frame

    def tally(self, keys: Mapping[str, Key], sums: Mapping[str, Sum], shifts: Mapping[str, int], most: int) -> Tally:
        """Sums by cell: one group-by."""
        names = [f"k{i}" for i in range(len(keys))] or [ONE]
        spelled = [_key_expression(key) for key in keys.values()] or [nw.lit(1)]
        pieces = {f"s{i}": wanted for i, wanted in enumerate(sums.values())}
        columns = [e.alias(n) for n, e in zip(names, spelled, strict=True)]
        for (at, wanted), name in zip(pieces.items(), sums, strict=True):
            columns.append(_row_expression(wanted, shifts.get(name, 0)).alias(at))
        frame = self._folded(keys.values()).select(*columns)
        totals = [at for at, wanted in pieces.items() if isinstance(wanted, Total)]
        grouped = _in_pieces(frame, totals).group_by(*names).agg(*_sums(pieces))
        held = grouped.head(most + 1).collect("pyarrow").to_native()
        if held.num_rows > most:
            raise TooManyCellsError(most, {k: len(held.column(n).unique()) for k, n in zip(keys, names, strict=False)})
        found = {name: _values(held.column(name)) for name in held.column_names}
        cells = {key: found[name] for key, name in zip(keys, names, strict=False)}
        counts = {n: found[at] for (at, w), n in zip(pieces.items(), sums, strict=True) if isinstance(w, Rows)}
        exact = {n: _joined(found, at) for (at, w), n in zip(pieces.items(), sums, strict=True) if isinstance(w, Total)}
        return make_tally(cells, counts, exact, {name: shifts.get(name, 0) for name in exact})

    def tallies(
        self,
        keys: Mapping[str, Key],
        each: Sequence[Sequence[str]],
        sums: Mapping[str, Sum],
        shifts: Mapping[str, int],
        most: int,
    ) -> list[Tally]:
        """Sums by cell of several tables: a group-by each."""
        return [self.tally({name: keys[name] for name in chosen}, sums, shifts, most) for chosen in each]

    def summary(self, sums: Mapping[str, Sum]) -> dict[str, float | None]:
        """Rows, lowest and highest of the whole table."""
        columns, found = [], []
        for i, wanted in enumerate(sums.values()):
            if isinstance(wanted, Rows):
                columns.append(_row_expression(wanted, 0).alias(f"s{i}"))
                found.append(nw.col(f"s{i}").sum())
            elif isinstance(wanted, (Lowest, Highest)):
                value = _term_expression(wanted.of)
                kept = value.is_finite()
                if isinstance(wanted, Lowest) and wanted.when is not None:
                    kept &= _test_expression(wanted.when)
                columns.append(nw.when(kept).then(value).alias(f"s{i}"))
                found.append(nw.col(f"s{i}").min() if isinstance(wanted, Lowest) else nw.col(f"s{i}").max())
        answer = self.frame.select(*columns).select(*found).collect("pyarrow").to_native().to_pylist()[0]
        return dict(zip(sums, answer.values(), strict=True))

    def look(self, columns: Sequence[str], rows: int) -> Levels:
        """How many different values the columns have among the first so many rows."""
        first = self.frame.select(*(nw.col(c).alias(f"c{i}") for i, c in enumerate(columns))).head(rows)
        asked = [nw.len().alias("rows")]
        for i in range(len(columns)):
            asked += [nw.col(f"c{i}").n_unique().alias(f"n{i}"), nw.col(f"c{i}").is_null().any().alias(f"m{i}")]
        (seen,) = first.select(*asked).collect("pyarrow").to_native().to_pylist()
        distinct = {c: int(seen[f"n{i}"] or 0) - bool(seen[f"m{i}"]) for i, c in enumerate(columns)}
        return Levels(int(seen["rows"]), distinct)

    def few(self, of: Term, most: int) -> bool:
        """Whether a term has at most so many different values."""
        found = self.frame.select(_term_expression(of).alias("v")).unique().head(most + 1).collect("pyarrow")
        return len(found) <= most

    def falling(self, keys: Mapping[str, Key], of: Term, extent: Extent, weight: Term | None, rows: int) -> Falling:
        """Refuse: a frame is asked for sums, never for its rows."""
        del keys, of, extent, weight, rows
        raise QuestionError("exact_auc needs engine duckdb; remove exact_auc or engine")

    def _folded(self, keys: Sequence[Key] | Any) -> nw.LazyFrame[Any]:
        """The frame with the fold of its unit, where a key asks for it."""
        fold = next((key for key in keys if isinstance(key, Fold)), None)
        return self.frame if fold is None else _with_fold(self.frame, fold)


OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {"+": add, "-": sub, "*": mul}


def _with_fold(frame: nw.LazyFrame[Any], fold: Fold) -> nw.LazyFrame[Any]:
    """Frame with a column of the fold; no expression of Narwhals hashes alike on all engines."""
    if frame.implementation.is_pyspark() or frame.implementation.is_pyspark_connect():
        from pyspark.sql import functions as f

        digits = f.substring(f.md5(f.col(_backticked(fold.unit)).cast("string")), 1, 8)
        native = frame.to_native().withColumn(_fold_name(fold), f.conv(digits, 16, 10).cast("long") % fold.folds)
        folded: nw.LazyFrame[Any] = nw.from_native(native)
        return folded
    units = frame.select(fold.unit).unique().collect("pyarrow").to_native().column(fold.unit).to_pylist()
    numbers = {unit: fold_of(unit, fold.folds) for unit in units if unit is not None}
    column = nw.col(fold.unit).replace_strict(list(numbers), list(numbers.values()), return_dtype=nw.Int64)
    if not numbers:
        return frame
    return frame.with_columns(column.alias(_fold_name(fold)))


def fold_of(unit: object, folds: int) -> int:
    """Fold of one unit, as every engine computes it."""
    return int(hashlib.md5(str(unit).encode(), usedforsecurity=False).hexdigest()[:8], 16) % folds


def _fold_name(fold: Fold) -> str:
    """Name of the column that holds the fold."""
    return f"fold of {fold.unit}"


def _term_expression(term: Term) -> nw.Expr:
    """Expression of a number."""
    match term:
        case Number(name):
            return nw.col(name).cast(nw.Float64)
        case Banded():
            return _near(term)
        case Constant(constant):
            return nw.lit(constant)
        case Binary(sign, left, right):
            combined: nw.Expr = OPERATORS[sign](_term_expression(left), _term_expression(right))
            return combined
        case Size(of):
            return _term_expression(of).abs()
        case Surprise(of):
            value = _term_expression(of)
            return nw.when(value > 0).then(value).otherwise(1.0).log() * -1.0
        case _:
            raise NotImplementedError(type(term).__name__)


def _near(term: Banded) -> nw.Expr:
    """Values divided by the power of two of their band."""
    value = nw.col(term.name).cast(nw.Float64)
    bands = [reduce(mul, factors, value) for factors in term.factors]
    found = bands[0]
    for edge, near in zip(term.edges, bands[1:], strict=True):  # rising: the last that holds is the band
        found = nw.when(value >= edge).then(near).otherwise(found)
    return found


def _test_expression(test: Test | Every) -> nw.Expr:
    """Condition on a row, never missing itself."""
    if isinstance(test, Every):
        return nw.all_horizontal(*(_test_expression(one) for one in test.tests), ignore_nulls=False)
    if isinstance(test.of, str):
        return nw.col(test.of).is_null()
    value = _term_expression(test.of)
    if test.is_ == "missing":
        return missing(value)
    if test.is_ == "infinite":
        return ~missing(value) & ~value.is_finite()
    compared = {
        "below": value < test.value,
        "above": value > test.value,
        "at least": value >= test.value,
        "at most": value <= test.value,
    }[test.is_]
    return ~missing(value) & compared


def missing(value: nw.Expr) -> nw.Expr:
    """Whether a number is null or NaN."""
    return value.is_null() | value.is_nan().fill_null(value=True)


def _key_expression(key: Key) -> nw.Expr:
    """Expression to group by."""
    match key:
        case Column(name):
            return nw.col(name)
        case Band(name, edges):
            value = nw.col(name).cast(nw.Float64)
            steps = nw.sum_horizontal(*((value >= edge).cast(nw.Int64) for edge in edges))
            return nw.when(~missing(value)).then(steps)
        case Passes(name, threshold):
            return nw.col(name).cast(nw.Float64) >= threshold
        case Fold():
            return nw.col(_fold_name(key))
        case Slice() | Steps():
            return _slice(key)
        case _:
            return _term_expression(key.of)


def _slice(key: Slice | Steps) -> nw.Expr:
    """Number of the slice, and of the finer cuts at or below the value."""
    at = (_term_expression(key.of) - key.low) * key.per_unit
    found = nw.min_horizontal(at.floor(), nw.lit(float(key.slices - 1)))
    for start, scale, first, last in key.finer if isinstance(key, Steps) else ():
        step = nw.min_horizontal(((at - start) * scale).floor(), nw.lit(float(last)))
        found = found + nw.max_horizontal(step, nw.lit(float(first)))
    return found.cast(nw.Int64)


def _row_expression(wanted: Sum, shift: int) -> nw.Expr:
    """What one row adds to a sum: a whole number of rows, or a value on the grid of its total."""
    if isinstance(wanted, Rows):
        if wanted.when is None:
            return nw.lit(1)
        return _test_expression(wanted.when).cast(nw.Int64)
    if isinstance(wanted, Total):
        return _term_expression(wanted.of) * (2.0**shift)
    raise NotImplementedError(type(wanted).__name__)


def _in_pieces(frame: nw.LazyFrame[Any], totals: Sequence[str]) -> nw.LazyFrame[Any]:
    """Frame with every total cut into pieces whose 64-bit sums make it up; step by step, or engines repeat the work."""
    if not totals:
        return frame
    frame = frame.with_columns(*(nw.col(at).abs().alias(f"{at}_left") for at in totals))
    for i, (divisor, _) in enumerate(LIMBS):
        frame = frame.with_columns(*((nw.col(f"{at}_left") / divisor).floor().alias(f"{at}_{i}") for at in totals))
        rest = ((nw.col(f"{at}_left") - nw.col(f"{at}_{i}") * divisor).alias(f"{at}_left") for at in totals)
        frame = frame.with_columns(*rest)
    signs = {at: nw.when(nw.col(at) < 0).then(-1).otherwise(1) for at in totals}
    whole = [(nw.col(f"{at}_{i}").cast(nw.Int64) * signs[at]).alias(f"{at}_{i}") for at in totals for i in PIECES]
    return frame.with_columns(*whole)


def _sums(pieces: Mapping[str, Sum]) -> list[nw.Expr]:
    names: list[str] = []
    for at, wanted in pieces.items():
        names += [at] if isinstance(wanted, Rows) else [f"{at}_{i}" for i in PIECES]
    return [nw.col(name).sum() for name in names]


def _joined(found: Mapping[str, Sequence[Any]], at: str) -> tuple[int, ...]:
    """Whole numbers from the sums of their pieces."""
    columns = [found[f"{at}_{i}"] for i in PIECES]
    return tuple(
        sum((piece or 0) << place for piece, (_, place) in zip(pieces, LIMBS, strict=True))
        for pieces in zip(*columns, strict=True)
    )


def _values(column: Any) -> list[Any]:
    """Values of an Arrow column, each different text held once."""
    import pyarrow as pa

    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return list(column.to_pylist())
    coded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    words = coded.dictionary.to_pylist()
    return [words[i] for i in coded.indices.to_pylist()]


def _backticked(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


# pandas and polars on this machine. Tables are opened and refused as for every engine; here their rows become a frame
# of the engine's own.
class FrameEngine:
    """Counts in pandas or polars."""

    def __init__(self, name: Literal["pandas", "polars"]) -> None:
        self.name = name

    @contextmanager
    def scan(self, table: Table, columns: Sequence[str]) -> Iterator[NarwhalsScan]:
        """Open some columns of a table for reading."""
        with table.reading(), self._broken(table):
            native = table.to_pandas(columns) if self.name == "pandas" else _polars(table, columns)
            found = NarwhalsScan(plain(nw.from_native(native).lazy(), table, columns))
            refuse_rounding(found, table, columns)
            yield found

    def _broken(self, table: Table) -> AbstractContextManager[None]:
        """Turn polars' own complaints into one that names the table."""
        if self.name == "pandas":
            return table.reading()
        from narwhals.exceptions import NarwhalsError
        from polars.exceptions import PolarsError

        return table.reading(PolarsError, NarwhalsError)


def plain(frame: nw.LazyFrame[Any], table: Table, columns: Sequence[str]) -> nw.LazyFrame[Any]:
    """Frame whose columns have the one type of their kind."""
    schema = frame.collect_schema()
    chosen = list(dict.fromkeys(columns))
    named = {c: _write_names(c, table.merged[c], text=schema[c] == nw.String) for c in chosen if table.merged.get(c)}
    wanted = {c: PLAIN[table.columns[c]] for c in chosen if table.columns[c] in PLAIN and c not in named}
    casts = [
        named.get(c, nw.col(c).cast(dtype) if c in wanted and schema[c] != (dtype := wanted[c]) else nw.col(c))
        for c in chosen
    ]
    return frame.select(*casts) if casts else frame


def _write_names(column: str, names: Mapping[Any, str], *, text: bool) -> nw.Expr:
    """Names of a column's values; of text that has its names already, the same again."""
    value = nw.col(column)
    named: nw.Expr = value if text else nw.lit(None, nw.String)
    for old, new in names.items():
        if not text or (isinstance(old, str) and old != new):
            named = nw.when(value == old).then(nw.lit(new)).otherwise(named)
    return named.alias(column)


def refuse_rounding(scan: Scan, table: Table, columns: Sequence[str]) -> None:
    """Refuse decimals so large that doubles round them."""
    limited = [c for c in dict.fromkeys(columns) if c in table.limits]
    if not limited:
        return
    largest = scan.summary({c: Highest(Size(Number(c))) for c in limited})
    for column, size in largest.items():
        if size is not None and size >= table.limits[column]:
            raise make_rounding_error(printable(table.name), column)


def _polars(table: Table, columns: Sequence[str]) -> pl.LazyFrame:
    """Rows as polars reads them: Parquet lazily, everything else from the Arrow table that was read strictly."""
    import polars as pl

    held = table.take_held_rows(columns)
    if held is not None:
        return pl.DataFrame(held).lazy()
    chosen, keys = list(dict.fromkeys(columns)), list_keys(table.parts)
    file = name_file_column(table.columns) if set(keys) & set(chosen) else None
    read = (_scanned(files, keys, file) for files in table.group_by_types())
    return pl.concat([plain(nw.from_native(some), table, columns).to_native() for some in read])


def _scanned(files: Sequence[Part], keys: Sequence[str], file: str | None) -> pl.LazyFrame:
    """Files of the same types, with what their folders say."""
    import polars as pl

    paths = [os.fspath(part.path.absolute()) for part in files]
    frame = pl.scan_parquet(paths, glob=False, hive_partitioning=False, include_file_paths=file)
    for key in keys if file is not None else ():
        said = [dict(part.keys)[key] for part in files]
        frame = frame.with_columns(pl.col(file).replace_strict(paths, said, return_dtype=pl.String).alias(key))
    return frame
