"""Great Expectations suites over a table: each expectation becomes one check, and no value of the data leaves.

What Great Expectations calls a success over nobody (no rows, or none with a value) is ``undefined`` here, what it
calls a failure because something raised is ``error``. Only counts are reported: its lists of unexpected values, its
observed minima and maxima and its exception messages quote the data, and are never passed on.

Must not: write a file, reach a network, or print.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from audit.data.arguments import built, quietly
from audit.data.first_suite import starting_suite
from audit.data.suites import Expectation, Suite, read_suite
from audit.errors import no_such, printable
from audit.result import Check, CheckOutcome

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CODE", "Suite", "read_suite", "run_suite", "starting_suite"]

CODE = "DV100"
NEEDS_SQL = (
    "unexpected_rows_expectation",
    "expect_query_results_to_match_comparison",
    "expect_table_row_count_to_equal_other_table",
)
ABOUT_TYPE = (
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_in_type_list",
    "expect_column_type_to_be",
)
ABOUT_NULLS = (
    "expect_column_values_to_not_be_null",
    "expect_column_values_to_be_null",
    "expect_column_proportion_of_non_null_values_to_be_between",
)
"""Here rows without a value are somebody."""
SHOWN = 5


def run_suite(suite: Suite, frame: pd.DataFrame) -> tuple[Check, ...]:
    """One check for each expectation, in the order of the suite.

    Parameters
    ----------
    suite
        As read by `read_suite`.
    frame
        The table; it is not changed.

    Returns
    -------
    tuple of Check
        Code ``DV100``; ``fail`` for a critical failure, ``warn`` for one of severity warning or info, ``error``
        when the expectation could not be run, ``undefined`` when there was nobody to run it on.
    """
    with quietly():
        import great_expectations as gx

        batch = _batch(frame)
        return tuple(_check(e, frame, batch, gx.__version__) for e in suite.expectations)


def _batch(frame: pd.DataFrame) -> Any:
    """The whole frame in a context that lives in memory only."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    asset = context.data_sources.add_pandas("frame").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("all rows").get_batch({"dataframe": frame})


def _check(expectation: Expectation, frame: pd.DataFrame, batch: Any, version: str) -> Check:
    outcome, detail = _answer(expectation, frame, batch)
    if outcome == "fail" and expectation.severity != "critical":
        outcome = "warn"
    return Check(
        code=CODE,
        title=expectation.title,
        outcome=outcome,
        severity=expectation.severity,
        detail=detail,
        answered_by=f"great-expectations {version}",
    )


def _answer(expectation: Expectation, frame: pd.DataFrame, batch: Any) -> tuple[CheckOutcome, str]:
    if expectation.type in NEEDS_SQL:
        return "error", "asks a database in SQL; tables are checked in memory here, so it cannot be answered"
    absent = next((c for c in expectation.columns if c not in frame.columns), None)
    if absent is not None:
        return "error", no_such("column", absent, frame.columns)
    found = _validated(_of_today(expectation, frame), batch)
    if isinstance(found, str):
        kinds = ", ".join(f"{printable(c)} is {frame[c].dtype}" for c in expectation.columns)
        return "error", f"Great Expectations raised {found}{f'; {kinds}' if kinds else ''}"
    people = _people(expectation, found["result"], frame, batch)
    if people == 0:
        return "undefined", _nobody(expectation, found["result"], len(frame))
    return ("pass" if found["success"] else "fail"), _counts(expectation, found, people)


def _validated(expectation: Expectation, batch: Any) -> Mapping[str, Any] | str:
    """Result of one expectation, or the name of what it raised.

    One at a time: results of a whole suite come back in another order, and one that raises can take others with it.
    """
    from great_expectations.exceptions import GreatExpectationsError

    broke = (GreatExpectationsError, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
    try:
        found: dict[str, Any] = batch.validate(built(expectation), result_format="BASIC").to_json_dict()
    except broke as error:
        return type(error).__name__
    return _raised(found.get("exception_info")) or found


def _raised(info: Any) -> str | None:
    """Name of the exception, if one was raised anywhere in the report, which has two shapes."""
    if not isinstance(info, Mapping):
        return None
    if not info.get("raised_exception"):
        return next((name for name in map(_raised, info.values()) if name), None)
    lines = str(info.get("exception_traceback") or "").strip().splitlines()
    heads = [line.split(":")[0].rsplit(".", 1)[-1] for line in lines if line and not line[0].isspace()]
    named = [head for head in heads if head.isidentifier() and head.endswith(("Error", "Exception"))]
    outer = [name for name in named if name != "MetricResolutionError"]
    return (outer or named or ["an exception"])[-1]


def _of_today(expectation: Expectation, frame: pd.DataFrame) -> Expectation:
    """Text columns were of dtype ``object`` before pandas 3 and are ``str`` now; suites written then still hold."""
    column = expectation.kwargs.get("column")
    if expectation.type not in ABOUT_TYPE or str(frame[column].dtype) != "str":
        return expectation
    asked = dict(expectation.kwargs)
    if asked.get("type_") in {"object", "object_", "O"}:
        asked["type_"] = "str"
    if "object" in (asked.get("type_list") or ()):
        asked["type_list"] = [*asked["type_list"], "str"]
    return Expectation(expectation.type, asked, expectation.severity)


def _people(expectation: Expectation, result: Mapping[str, Any], frame: pd.DataFrame, batch: Any) -> int | None:
    """Rows that the expectation could speak of; None where it speaks of something else than rows."""
    total = result.get("element_count")
    if total is not None:
        return int(total) - int(result.get("missing_count") or 0)
    if not expectation.columns or expectation.type in ABOUT_TYPE:
        return None
    if len(frame) == 0:
        return 0
    # Statistics of a column come without counts; the rows under the same condition are asked for.
    kept = {k: v for k, v in expectation.kwargs.items() if k in {"column", "row_condition", "condition_parser"}}
    rows = _validated(Expectation("expect_column_values_to_not_be_null", kept), batch)
    if isinstance(rows, str):
        return None
    counted = rows["result"]
    null = 0 if expectation.type in ABOUT_NULLS else int(counted["unexpected_count"])
    return int(counted["element_count"]) - null


def _nobody(expectation: Expectation, result: Mapping[str, Any], rows: int) -> str:
    if rows == 0:
        return "the table has no rows, so nothing can be said"
    if expectation.kwargs.get("row_condition") and not result.get("element_count"):
        return f"none of {rows:,} rows meets its condition with a value, so nothing can be said"
    return f"none of {rows:,} rows has a value, so nothing can be said"


def _counts(expectation: Expectation, found: Mapping[str, Any], people: int | None) -> str:
    """What was found, in counts."""
    result = found["result"]
    unexpected, missing = int(result.get("unexpected_count") or 0), int(result.get("missing_count") or 0)
    if result.get("element_count") is not None:
        left = f"; {missing:,} without a value left out" if missing else ""
        return f"{unexpected:,} of {people:,} unexpected{_allowed(expectation)}{left}"
    if people is None:
        return _of_table(expectation, found)
    if unexpected:
        return f"{unexpected:,} unexpected among the distinct values of {people:,} rows"
    return f"{_said(found)}, over {people:,} rows"


def _of_table(expectation: Expectation, found: Mapping[str, Any]) -> str:
    observed = found["result"].get("observed_value")
    if expectation.type.startswith("expect_table_row_count"):
        return f"{int(observed or 0):,} rows"
    if expectation.type.startswith("expect_table_column"):
        return _columns(found)
    if expectation.type in ABOUT_TYPE:
        return f"the column is of type {printable(observed)}"
    return _said(found)


def _said(found: Mapping[str, Any]) -> str:
    return "as expected" if found["success"] else "not as expected"


def _allowed(expectation: Expectation) -> str:
    mostly = expectation.kwargs.get("mostly")
    return "" if mostly in {None, 1} else f" (at least {100 * mostly:.4g}% of them must be as expected)"


def _columns(found: Mapping[str, Any]) -> str:
    """Names of columns are no values, and what a person needs to mend the table."""
    observed = found["result"].get("observed_value")
    count = observed if isinstance(observed, int) else len(observed or ())
    told = found["result"].get("details", {}).get("mismatched")
    if not isinstance(told, Mapping):
        return f"{count:,} columns, {_said(found)}"
    parts = [
        f"{what} {', '.join(printable(name) for name in told[what][:SHOWN])}"
        for what in ("missing", "unexpected")
        if told.get(what)
    ]
    return f"{count:,} columns; {'; '.join(parts)}"
