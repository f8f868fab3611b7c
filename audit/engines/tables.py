"""Temporary thin reader: parquet and frames only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from audit.errors import SourceError, no_such

Kind = Literal["text", "integer", "float", "boolean", "date", "time", "other"]


def kind_of(t: Any) -> Kind:
    import pyarrow as pa

    if pa.types.is_dictionary(t):
        t = t.value_type
    if pa.types.is_boolean(t):
        return "boolean"
    if pa.types.is_integer(t):
        return "integer"
    if pa.types.is_floating(t):
        return "float"
    if pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_null(t) or pa.types.is_string_view(t):
        return "text"
    if pa.types.is_date(t):
        return "date"
    if pa.types.is_timestamp(t) or pa.types.is_time(t):
        return "time"
    return "other"


@dataclass(frozen=True)
class Table:
    name: str
    digest: str | None
    columns: Mapping[str, Kind]
    held: Any = None

    def require(self, names: Sequence[str]) -> None:
        for n in names:
            if n not in self.columns:
                raise SourceError(f"{self.name}: {no_such('column', n, self.columns)}")

    def scan(self, con: Any, names: Sequence[str]) -> str:
        if self.held is None:
            return "read_parquet('" + self.name + "')"
        con.register("held", self.held.select(list(names)))
        return "held"

    @contextmanager
    def reading(self) -> Iterator[None]:
        yield

    def to_pandas(self, names: Sequence[str] | None = None) -> Any:
        import pandas as pd

        return pd.read_parquet(self.name) if self.held is None else self.held.to_pandas()


def open_table(source: str | Path, *, folder: Path | None = None) -> Table:
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    path = Path(folder or ".") / source
    if not path.exists():
        raise SourceError(f"no {path}")
    if path.suffix == ".csv":
        held = pc.read_csv(path)
        return Table(str(path), "x", {f.name: kind_of(f.type) for f in held.schema}, held)
    schema = pq.read_schema(path)
    return Table(str(path), "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest(), {f.name: kind_of(f.type) for f in schema})


def open_frame(frame: Any, name: str = "the table") -> Table:
    import pandas as pd
    import pyarrow as pa

    held = pa.Table.from_pandas(pd.DataFrame(frame), preserve_index=False)
    return Table(name, None, {f.name: kind_of(f.type) for f in held.schema}, held)
