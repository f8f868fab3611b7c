"""Everything that a document says again from its counts and its question, compared leaf by leaf with what stands there.

A stranger needs neither the data nor our word: estimates, verdicts, sentences and accounts of rows are arithmetic on
the counts. What is not, is named by `verification.uncovered`. A forgery of counts and of all that follows from them
contradicts nothing, and is not found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit._version import __version__
from audit.config.read import read_question
from audit.config.schema import Config
from audit.errors import AuditError, StoreError, words_of
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.pipeline.verification.checks import codes_amiss
from audit.pipeline.verification.counts import parts_amiss, sums_amiss
from audit.pipeline.verification.follows import (
    find_contradicting,
    follow,
    is_whole,
    own_estimates,
    select_given,
    times_amiss,
)
from audit.pipeline.verification.leaves import Difference, find_differences
from audit.pipeline.verification.margins import margins_amiss
from audit.record.epochs import find_faults
from audit.record.reader import UNFIT, find_run_folders, write_without_kinds
from audit.record.result import AuditResult

__all__ = [
    "Difference",
    "Verified",
    "compare_writing",
    "describe_differences",
    "find_contradictions",
    "find_unlike_leaves",
    "follow_document",
    "verify_document",
]


@dataclass(frozen=True, slots=True)
class Verified:
    """What recomputing a recorded run found."""

    wrong: tuple[str, ...]
    """A sentence for all that does not follow from the counts; none where everything does."""
    cards: tuple[str, ...]
    """Cards beside the record that were compared with it."""
    unchecked: tuple[str, ...]
    """What nothing in the record determines."""


def verify_document(result: AuditResult, file: Path, sources: Sequence[str] = ()) -> Verified:
    """Recompute a recorded run from its counts, and compare what lies beside it and the tables that are named.

    Raises
    ------
    StoreError
        When nothing can be measured of it.
    """
    from audit.pipeline.verification.cards import cards_amiss, cards_beside, searches_amiss
    from audit.pipeline.verification.tables import compare_tables
    from audit.pipeline.verification.uncovered import find_uncovered

    tables = compare_tables(result, sources)
    wrong = [*describe_differences(result), *compare_writing(result, file), *tables.amiss]
    beside = cards_beside(result, file)
    wrong += [*searches_amiss(result, file), *cards_amiss(result, file.parent, beside)] if not wrong else []
    left = find_uncovered(result, named=bool(find_run_folders(file)), read=tables.read) if not wrong else ()
    return Verified(tuple(wrong), tuple(beside), tuple(map(str, left)))


def describe_differences(result: AuditResult) -> tuple[str, ...]:
    """Return sentences for all that does not follow from what the document gives; none where everything does.

    Raises
    ------
    StoreError
        When nothing can be measured of it.
    """
    return (*map(str, find_unlike_leaves(result, follow_document(result))), *find_contradictions(result))


def follow_document(result: AuditResult) -> AuditResult:
    """Return the document that follows from what is given of it.

    Raises
    ------
    StoreError
        When nothing can be measured of it.
    """
    with _measuring():
        follows = follow(select_given(result))
        # Nothing is made before it is asked for, and what cannot be made shall be told here.
        follows.to_dict()
    return follows


def find_unlike_leaves(result: AuditResult, follows: AuditResult) -> tuple[Difference, ...]:
    """Return every leaf of a document that is not that of another one."""
    return tuple(find_differences(result.to_dict(), follows.to_dict()))


@contextmanager
def _measuring() -> Iterator[None]:
    """Call what cannot be measured a damaged document; counts whose squares leave the floating numbers are none."""
    import numpy as np

    try:
        with np.errstate(over="raise"):
            yield
    except StoreError:
        raise
    except (AuditError, *UNFIT) as error:
        said = words_of(error, 160)
        raise StoreError(
            f"its counts and configuration cannot be measured: {said}; restore the original audit.json"
        ) from error


def find_contradictions(result: AuditResult) -> tuple[str, ...]:
    """Return sentences for what of the given cannot be true together."""
    with _measuring():
        return tuple(_find_contradictions(result, read_question(result)))


def compare_writing(result: AuditResult, file: Path) -> tuple[str, ...]:
    """Return a sentence where a file is not, byte for byte, how a document is written that says the same.

    What nothing else binds may then have been changed with it; of a document of another version nothing is said.
    """
    if result.run.version != __version__:
        return ()
    text = file.read_text(encoding="utf-8").strip()
    if text in {result.to_json().strip(), write_without_kinds(result).strip()}:
        return ()
    return (f"{file.name}: its text is not as a run writes it, so it was changed after the run",)


def _find_contradictions(result: AuditResult, config: Config) -> Iterator[str]:
    yield from times_amiss(result)
    yield from parts_amiss(result, config, is_whole(result, config) and not result.run.stopped_by)
    yield from sums_amiss(result)
    yield from margins_amiss(result)
    yield from codes_amiss(result)
    yield from find_contradicting(result)
    yield from _cut(result, config)
    for epoch in result.epochs:
        yield from find_faults(epoch)
    for name in dict.fromkeys(e.metric for e in own_estimates(result) if e.metric in CATALOGUE or e.stage != "model"):
        yield f"estimates: {name} is a metric of the catalogue, not a function of a user"


def _cut(result: AuditResult, config: Config) -> Iterator[str]:
    """Yield whether scores were cut at their median where that was asked: strictly above it lies at most half."""
    if config.predictions is None or config.predictions.threshold != "median":
        return
    part = next((p for p in result.data if p.part == "predictions"), None)
    if part is not None and part.score_median is None:
        yield "the record lacks the median of the scores"
    everybody = next((e for e in result.find("selection_rate", by=()) if e.value is not None), None)
    if everybody is not None and (everybody.value or 0.0) > 0.5:
        yield f"{everybody.value:.3g} of the rows lie above the median, more than half"
