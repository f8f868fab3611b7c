"""Great Expectations suites over a table: each expectation becomes one check, and no value of the data leaves.

Aggregates are answered by DuckDB from one scan, all of a suite together; every other expectation runs in Great
Expectations itself on a pandas frame of the columns that it names. Each may be asked in every group as well. What Great
Expectations calls a success over nobody (no rows, or none with a value) is ``undefined`` here, what it calls a failure
because something raised is ``error``. Rows are never sampled.

Must not: write a file, reach a network, or print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from audit.checks.expectations.arguments import quietly
from audit.checks.expectations.propose import starting_suite
from audit.checks.expectations.suite import Suite, read_suite
from audit.record.result import Check

if TYPE_CHECKING:
    import pandas as pd

    from audit.tables.table import Table

__all__ = ["Suite", "answer_suite", "read_suite", "run_suite", "starting_suite"]


def run_suite(suite: Suite, frame: pd.DataFrame) -> tuple[Check, ...]:
    """Let Great Expectations answer every expectation on a frame in memory.

    Parameters
    ----------
    suite
        As read by `read_suite`.
    frame
        The table; it is not changed.

    Returns
    -------
    tuple of Check
        Code ``DV100``, in the order of the suite; ``fail`` for a critical failure, ``warn`` for one of severity
        warning or info, ``error`` when the expectation could not be run, ``undefined`` when there was nobody to run
        it on.
    """
    from audit.checks.expectations.great_expectations import Great
    from audit.checks.expectations.run import AskedExpectation, Place, by_great

    place = Place(rows=len(frame))
    asked = [AskedExpectation(e, place) for e in suite.expectations]
    with quietly():
        by_great(asked, Great(frame))
    return tuple(a.check() for a in asked)


def answer_suite(
    suite: Suite, table: Table, per_group: Sequence[str] = (), bins: Mapping[str, Sequence[float]] | None = None
) -> tuple[Check, ...]:
    """Return one check for each expectation, and one for each group that it is asked of.

    Parameters
    ----------
    suite
        As read by `read_suite`.
    table
        An open table; only the columns that the suite names are read.
    per_group
        Columns in each group of which every expectation is asked as well, beside those that it names itself.
    bins
        Inner edges of the bins by which a column of numbers is grouped.

    Returns
    -------
    tuple of Check
        As of `run_suite`, the groups of an expectation after it. ``answered_by`` says who answered.
    """
    from audit.checks.expectations.run import Answering
    from audit.counting.terms import Band, Column

    keys: dict[str, Column | Band] = {c: Band(c, tuple(edges)) for c, edges in (bins or {}).items()}
    answering = Answering(suite, table, keys, tuple(per_group))
    answering.ask_duckdb()
    answering.ask_great_expectations()
    return tuple(a.check() for a in chain.from_iterable(answering.asked))
