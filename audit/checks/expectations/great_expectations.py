"""Great Expectations itself, asked on a pandas frame; no value of the data leaves.

Its lists of unexpected values, its observed minima and maxima and its exception messages quote the data, and are never
passed on. Must not: write a file, reach a network, or print.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from audit.checks.expectations.answer import ABOUT_TYPE, Answer, Expectation, Unknown
from audit.checks.expectations.arguments import build_object
from audit.checks.expectations.suite import NEEDS_SQL
from audit.errors import no_such, printable

if TYPE_CHECKING:
    import pandas as pd

SQL = "asks a database in SQL; tables are checked in memory here, so it cannot be answered"
OLD_TEXT = "text is of type str since pandas 3, and was of type object before: name str in the suite"
ABOUT_NULLS = (
    "expect_column_values_to_not_be_null",
    "expect_column_values_to_be_null",
    "expect_column_proportion_of_non_null_values_to_be_between",
)
"""Here rows without a value are somebody."""


class Great:
    """A frame that Great Expectations is asked about, inside `expectations.arguments.quietly`."""

    def __init__(self, frame: pd.DataFrame) -> None:
        import great_expectations as gx

        self.frame = frame
        self.name = f"great-expectations {gx.__version__}"
        self._batch = _make_batch(frame)

    def answer(self, expectation: Expectation) -> Answer | Unknown | str:
        """Answer, or why there is none, or the sentence of the error."""
        if expectation.type in NEEDS_SQL:
            return SQL
        absent = next((c for c in expectation.columns if c not in self.frame.columns), None)
        if absent is not None:
            return no_such("column", absent, self.frame.columns)
        found = _validate(expectation, self._batch)
        if isinstance(found, str):
            kinds = ", ".join(f"{printable(c)} is {self.frame[c].dtype}" for c in expectation.columns)
            return f"Great Expectations raised {found}{f'; {kinds}' if kinds else ''}{_advise(expectation, self.frame)}"
        if not found["success"] and _asks_for_old_text(expectation, self.frame):
            return Unknown(OLD_TEXT)
        return _read(found, _count_people(expectation, found["result"], self.frame, self._batch))


def _advise(expectation: Expectation, frame: pd.DataFrame) -> str:
    """Say how to write ends that Great Expectations can compare with dates or times, where that is at fault."""
    column = expectation.kwargs.get("column")
    if column is None or not any(isinstance(expectation.kwargs.get(end), str) for end in ("min_value", "max_value")):
        return ""
    form = _form_of_ends(frame[column])
    if form is None:
        return ""
    return f"; write its ends as {form}, which Great Expectations compares with this column"


def _form_of_ends(values: pd.Series[Any]) -> str | None:
    if values.dtype.kind == "M":
        if getattr(values.dtype, "tz", None) is not None:
            return "2024-01-31T00:00:00+00:00"
        return "2024-01-31T00:00:00"
    known = values.dropna()
    first = known.iloc[0] if values.dtype == object and len(known) else None
    return "2024-01-31" if type(first) is dt.date else None


def _make_batch(frame: pd.DataFrame) -> Any:
    """Return the whole frame in a context that lives in memory only."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    asset = context.data_sources.add_pandas("frame").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("all rows").get_batch({"dataframe": frame})


def _validate(expectation: Expectation, batch: Any) -> Mapping[str, Any] | str:
    """Return the result of one expectation, or the name of what it raised.

    One at a time: results of a whole suite come back in another order, and one that raises can take others with it.
    """
    from great_expectations.exceptions import GreatExpectationsError

    broke = (GreatExpectationsError, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
    try:
        found: dict[str, Any] = batch.validate(build_object(expectation), result_format="BASIC").to_json_dict()
    except broke as error:
        return type(error).__name__
    return _find_exception(found.get("exception_info")) or found


def _find_exception(info: Any) -> str | None:
    """Name of the exception, if one was raised anywhere in the report, which has two shapes."""
    if not isinstance(info, Mapping):
        return None
    if not info.get("raised_exception"):
        return next((name for name in map(_find_exception, info.values()) if name), None)
    lines = str(info.get("exception_traceback") or "").strip().splitlines()
    heads = [line.split(":")[0].rsplit(".", 1)[-1] for line in lines if line and not line[0].isspace()]
    named = [head for head in heads if head.isidentifier() and head.endswith(("Error", "Exception"))]
    outer = [name for name in named if name != "MetricResolutionError"]
    return (outer or named or ["an exception"])[-1]


def _asks_for_old_text(expectation: Expectation, frame: pd.DataFrame) -> bool:
    """Return whether text is asked for under the name of its type before pandas 3, which no column has now."""
    if expectation.type not in ABOUT_TYPE or str(frame[expectation.kwargs["column"]].dtype) != "str":
        return False
    named = {expectation.kwargs.get("type_"), *(expectation.kwargs.get("type_list") or ())}
    return bool(named & {"object", "object_", "O"})


def _count_people(expectation: Expectation, result: Mapping[str, Any], frame: pd.DataFrame, batch: Any) -> int | None:
    """Return rows that the expectation could speak of; None where it speaks of something else than rows."""
    total = result.get("element_count")
    if total is not None:
        return int(total) - int(result.get("missing_count") or 0)
    if not expectation.columns or expectation.type in ABOUT_TYPE:
        return None
    if len(frame) == 0:
        return 0
    # Statistics of a column come without counts; the rows under the same condition are asked for.
    kept = {k: v for k, v in expectation.kwargs.items() if k in {"column", "row_condition", "condition_parser"}}
    rows = _validate(Expectation("expect_column_values_to_not_be_null", kept), batch)
    if isinstance(rows, str):
        return None
    counted = rows["result"]
    null = 0 if expectation.type in ABOUT_NULLS else int(counted["unexpected_count"])
    return int(counted["element_count"]) - null


def _find_observed(observed: Any) -> int | str | None:
    """Return what was seen: a number, a word, or how many values where these are listed."""
    if isinstance(observed, list):
        return len(observed)
    return observed if isinstance(observed, (int, str)) else None


def _read(found: Mapping[str, Any], people: int | None) -> Answer:
    """Return the counts of a report, and nothing else of it."""
    result = found["result"]
    total, observed = result.get("element_count"), result.get("observed_value")
    apart = result.get("details", {}).get("mismatched")
    listed = isinstance(apart, Mapping)
    return Answer(
        success=bool(found["success"]),
        people=people,
        looked_at=None if total is None else int(total),
        unexpected=int(result.get("unexpected_count") or 0),
        missing=int(result.get("missing_count") or 0),
        observed=_find_observed(observed),
        absent=tuple(apart.get("missing", ())) if listed else (),
        strange=tuple(apart.get("unexpected", ())) if listed else (),
        listed=listed,
    )
