"""Frames with rows that are not made yet: queries of polars and others, and PySpark's, which stay on their cluster.

Must not: make a column that no question names; bring Spark's rows to this machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals as nw

from audit.errors import QuestionError, SourceError, printable
from audit.tables.frames import may_be_lazy
from audit.tables.kinds import find_exact_limit, find_kind, is_fraction, refuse_names, to_plain_table
from audit.tables.table import Table, name_merged, register_view

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True, eq=False)
class LazyTable(Table):
    """A query; the columns of a question are made when they are asked for, and kept."""

    lazy: ClassVar[bool] = True
    frame: nw.LazyFrame[Any] = field(repr=False)
    made: dict[tuple[str, ...], pa.Table] = field(default_factory=dict, repr=False)
    """What was made before, by the names of its columns: a query need not give the same rows twice."""

    def scan(self, con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> str:
        """Return the name of a view of the chosen columns, registered on the connection."""
        return register_view(con, self.take_held_rows(names))

    def take_held_rows(self, names: Sequence[str]) -> pa.Table:
        """Return chosen columns, each in the plainest type that says the same."""
        chosen = tuple(self._choose(names))
        if chosen not in self.made:
            self.made[chosen] = to_plain_table(self.take_raw_rows(chosen), self._title)
        return name_merged(self.made[chosen], self.merged)

    def take_raw_rows(self, names: Sequence[str]) -> pa.Table:
        """Return chosen columns as the query gives them, made now."""
        return _collect_arrow(self.frame.select(*self._choose(names)), self._title)

    def read_frame_by_pandas(self, made: pa.Table) -> pd.DataFrame:
        """Return what the query's own library, or Arrow, makes of its rows for pandas."""
        if self.frame.implementation.is_polars():
            import polars as pl

            made = pl.DataFrame(made)
        frame: pd.DataFrame = made.to_pandas()
        return frame


@dataclass(frozen=True, kw_only=True, eq=False)
class SparkTable(Table):
    """A PySpark frame, counted by its own session where its rows lie."""

    rows_here: ClassVar[bool] = False
    frame: nw.LazyFrame[Any] = field(repr=False)

    def scan(self, con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> str:
        """Return the name of a view of the chosen columns, registered on the connection."""
        del con, names
        raise QuestionError(
            f"{self._title} is a PySpark frame, whose rows stay on the cluster; write the frame as Parquet "
            "and name its path"
        )


def to_lazy(frame: Any) -> nw.LazyFrame[Any] | None:
    """Return the frame if it is a lazy one that Narwhals understands."""
    found = nw.from_native(frame, pass_through=True)
    return found if isinstance(found, nw.LazyFrame) else None


def is_spark(frame: Any) -> bool:
    """Return whether something is a PySpark frame."""
    found = to_lazy(frame) if may_be_lazy(frame) else None
    return found is not None and _is_of_spark(found)


def make_lazy_table(name: str, frame: nw.LazyFrame[Any]) -> Table:
    """Return the table of a lazy frame, of which only the schema is looked at.

    Raises
    ------
    SourceError
        When the query cannot be made.
    """
    if _is_of_spark(frame):
        return _make_spark_table(name, frame)
    schema = _collect_arrow(frame.head(0), name).schema
    refuse_names(schema.names, printable(name))
    return LazyTable(name=name, digest=None, columns={f.name: find_kind(f) for f in schema}, frame=frame)


def collect_rows(frame: nw.LazyFrame[Any], name: str) -> pa.Table:
    """Return all rows of a lazy frame, which must not be Spark's.

    Raises
    ------
    QuestionError
        When it is.
    SourceError
        When the query cannot be made.
    """
    if _is_of_spark(frame):
        raise QuestionError(
            f"{printable(name)} is a PySpark frame, whose rows stay on their cluster; give the whole frame to "
            "audit.check, or write it as Parquet and run audit model PATH --engine spark"
        )
    return _collect_arrow(frame, name)


def _is_of_spark(frame: nw.LazyFrame[Any]) -> bool:
    return bool(frame.implementation.is_pyspark() or frame.implementation.is_pyspark_connect())


def _collect_arrow(frame: nw.LazyFrame[Any], name: str) -> pa.Table:
    """Return rows of a query as an Arrow table."""
    import duckdb
    import pyarrow as pa
    from narwhals.exceptions import NarwhalsError

    complaints = [duckdb.Error, pa.ArrowException, NarwhalsError, OSError]
    if frame.implementation.is_polars():
        from polars.exceptions import PolarsError

        complaints.append(PolarsError)
    try:
        return frame.collect("pyarrow").to_native()
    except tuple(complaints) as error:
        first = printable((str(error).splitlines() or [type(error).__name__])[0], 160)
        raise SourceError(f"{printable(name)}: its query fails ({first}); correct it") from error


def _make_spark_table(name: str, frame: nw.LazyFrame[Any]) -> Table:
    fields = [_to_arrow_field(f) for f in frame.to_native().schema.fields]
    refuse_names([f.name for f in fields], printable(name))
    limits = {f.name: find_exact_limit(f.type.scale) for f in fields if is_fraction(f.type)}
    kinds = {f.name: find_kind(f) for f in fields}
    return SparkTable(name=name, digest=None, columns=kinds, limits=limits, frame=frame)


def _to_arrow_field(of: Any) -> pa.Field:
    """Return Arrow's field of one of Spark's; what Arrow has no type for can be no group and no number either."""
    import pyarrow as pa
    from pyspark.errors import PySparkException
    from pyspark.sql.pandas.types import to_arrow_type

    try:
        return pa.field(of.name, to_arrow_type(of.dataType))
    except PySparkException:
        return pa.field(of.name, pa.binary())
