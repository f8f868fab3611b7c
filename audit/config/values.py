"""What a value of audit.toml may be, and what every section is: closed and frozen.

Must not: know a key.
"""

from __future__ import annotations

import math
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictStr,
    StringConstraints,
    model_validator,
)

from audit.errors import QuestionError
from audit.tables.formats.dialect import Dialect, make_dialect

Text = Annotated[str, StringConstraints(strict=True, min_length=1, strip_whitespace=True)]
Command = Annotated[tuple[Text, ...], Field(min_length=1)]
LARGEST_TOP, MOST_TOPS = 1_000_000, 8


def _to_number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"must be a number, not {_describe_kind(value)}")  # noqa: TRY004 - pydantic collects ValueError
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"must fit a double, and has {len(str(value)):,} digits; write a smaller number") from None


def _require_finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"must be a finite number, not {value}")
    return value


def _describe_kind(value: object) -> str:
    names = {bool: "true or false", str: "text", list: "a list", dict: "a table", type(None): "nothing"}
    return f"{names.get(type(value), type(value).__name__)} ({value!r:.40})"


def _require_distinct(names: tuple[Any, ...]) -> tuple[Any, ...]:
    seen: set[Any] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"names '{name}' twice; name it once")
        seen.add(name)
    return names


def is_outside(path: str) -> bool:
    """Return whether a path written on any system is absolute, or leads out of the folder that it starts from."""
    depth = 0
    for part in path.replace("\\", "/").split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return True
    return PurePosixPath(path).is_absolute() or bool(PureWindowsPath(path).anchor)


Number = Annotated[float, BeforeValidator(_to_number), AfterValidator(_require_finite)]
Place = Annotated[int, Field(ge=1, le=LARGEST_TOP, strict=True)]
Names = Annotated[tuple[Text, ...], AfterValidator(_require_distinct)]


class Section(BaseModel):
    """Closed and frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Csv(Section):
    """How the CSV of an office is written: what is not said is as everywhere, a comma, a point and UTF-8."""

    separator: StrictStr | None = None
    """One character; ``tab`` is one too. A comma, or the tab of a .tsv, where none is named."""
    decimal: StrictStr | None = None
    """What stands before the places of a fraction: a point, or a comma."""
    encoding: StrictStr | None = None
    """Encoding of the text, such as latin-1; UTF-8 where not given."""

    @model_validator(mode="after")
    def _require_dialect(self) -> Self:
        try:
            _ = self.dialect
        except QuestionError as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def dialect(self) -> Dialect:
        """The same, checked."""
        return make_dialect(self.model_dump(exclude_none=True))
