"""Great Expectations itself, made quiet, and what it says to the arguments of an expectation.

The library takes seconds to import and may log, warn, draw progress bars or (older versions) report usage; `quietly`
is the one door to it. Nothing here sees data.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from audit.checks.expectations.answer import Expectation
from audit.checks.expectations.sure_arguments import surely_taken
from audit.errors import QuestionError, no_such, printable

TELEMETRY = {"GX_ANALYTICS_ENABLED": "False", "DO_NOT_TRACK": "1", "POSTHOG_DISABLED": "1"}
"""Read by Great Expectations when it is imported."""
LOGGERS = ("great_expectations", "py.warnings")
SILENT = logging.CRITICAL + 1


@contextmanager
def quietly() -> Iterator[None]:
    """Great Expectations without log lines, warnings or telemetry; the process is left as it was."""
    before = {name: os.environ.get(name) for name in TELEMETRY}
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    os.environ.update(TELEMETRY)
    for name in LOGGERS:
        logging.getLogger(name).setLevel(SILENT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _import_without_spark()
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _import_without_spark() -> None:
    """Import the library as if PySpark were not there: it would load it for nothing, and PySpark can end the process.

    Without grpc, pyspark.sql.connect calls ``sys.exit(0)`` in a program that has no file, which is an exit code that
    says that every gate passed.
    """
    if "great_expectations" in sys.modules or "pyspark" in sys.modules:
        return
    sys.modules["pyspark"] = None  # type: ignore[assignment] # what the import system takes for a module that is absent
    try:
        import great_expectations  # noqa: F401
    finally:
        del sys.modules["pyspark"]


def build_object(expectation: Expectation) -> Any:
    """Return the library's own object. To be called within `quietly`."""
    import great_expectations  # noqa: F401 - importing it registers the expectations
    from great_expectations.expectations.registry import get_expectation_impl

    made = get_expectation_impl(expectation.type)
    return made(**expectation.kwargs, severity=expectation.severity)


def require_arguments(expectation: Expectation, where: str) -> None:
    """Refuse arguments that the expectation does not take, or lacks.

    Raises
    ------
    QuestionError
        Names the place in the suite, the argument and the nearest one there is.
    """
    if surely_taken(expectation):
        return
    with quietly():
        from great_expectations.exceptions import GreatExpectationsError

        try:
            build_object(expectation)
        except GreatExpectationsError as error:
            raise QuestionError(
                f"{where} ({expectation.type}) cannot be run by the installed Great Expectations; remove it"
            ) from error
        except (ValueError, TypeError) as error:
            raise QuestionError(f"{where} ({expectation.type}): {_describe_complaint(expectation, error)}") from error


def _describe_complaint(expectation: Expectation, error: ValueError | TypeError) -> str:
    """Return the first complaint of the library's validation, as one of our sentences."""
    found = getattr(error, "errors", None)
    if found is None:
        return printable(str(error).splitlines()[0], 200)
    first = found()[0]
    name = str(first["loc"][0])
    if first["type"] == "value_error.extra":
        return no_such("argument", name, _list_arguments(expectation))
    if first["type"] == "value_error.missing":
        return f"argument '{printable(name)}' is missing"
    message = printable(first["msg"], 200)
    if name == "__root__":
        return message
    return f"argument '{printable(name)}': {message}"


def _list_arguments(expectation: Expectation) -> list[str]:
    from great_expectations.expectations.registry import get_expectation_impl

    made = get_expectation_impl(expectation.type)
    return [*made.domain_keys, *made.success_keys]
