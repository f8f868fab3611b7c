"""What no arithmetic on a document can show: places by name, each with the reason.

Must not: be short of one; what is neither compared nor named here would be taken for checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit.config.read import read_question
from audit.errors import printable
from audit.pipeline.verification.checks import ROWS, STRATA, held_out_parts, of_held_out, of_rows
from audit.pipeline.verification.follows import own_estimates
from audit.pipeline.verification.margins import is_loose, sums_for_intervals
from audit.pipeline.verification.tables import list_made
from audit.record.cubes import PREDICTIONS
from audit.record.result import AuditResult

MOST_NAMED = 30


@dataclass(frozen=True, slots=True)
class Uncovered:
    """Places that nothing in the document binds."""

    places: tuple[str, ...]
    """Dotted paths without the numbers of items; whatever lies under one of them is meant too."""
    why: str
    of: tuple[str, ...] = ()
    """The items of a list that are meant, where it is not all."""

    def __str__(self) -> str:
        more = len(self.of) - MOST_NAMED
        listed = ", ".join([*self.of[:MOST_NAMED], *([f"and {more} more"] if more > 0 else [])])
        return f"{', '.join(self.places)}{f' of {listed}' if listed else ''}: {self.why}"


def find_uncovered(result: AuditResult, *, named: bool = False, read: Sequence[str] = ()) -> tuple[Uncovered, ...]:
    """Return everything in a document that could be another without a contradiction in it.

    Parameters
    ----------
    named
        Whether the folder's name bears the id of the run out.
    read
        Parts of the data whose files were compared.
    """
    found = [
        *_run(result, named=named),
        *_find_data(result, read),
        *_find_checks(result),
        *_find_estimates(result),
        *_find_cubes(result),
    ]
    return (*found, *_find_energy(result), *_find_epochs(result), *_find_edge(result), *_find_baseline(result))


def _run(result: AuditResult, *, named: bool) -> Iterator[Uncovered]:
    if not named:
        yield Uncovered(("run.id",), "no folder of that name confirms it")
    run = result.run
    told = ("run.started", "run.finished", "run.version", "run.command", "run.code")
    yield Uncovered(told, "when and how it ran")
    if run.exit_codes or run.ended or run.interrupted:
        yield Uncovered(
            ("run.exit_codes", "run.ended", "run.interrupted"), "only whether the run finished without an error"
        )
    elif read_question(result).train is None:
        yield Uncovered(("run.interrupted",), "whether a signal reached a command that finished without an error")
    if (run.stopped_by or run.continued) and read_question(result).train is None:
        yield Uncovered(("run.stopped_by", "run.continued"), "only which limits on the data fail")


def _find_data(result: AuditResult, read: Sequence[str]) -> Iterator[Uncovered]:
    unread = tuple(printable(p.part) for p in result.data if p.part not in read)
    if unread:
        places = ("data.digest", "data.undigested", "data.columns")
        yield Uncovered(places, "give the table with --data FILE to compare them", unread)
    if result.data:
        yield Uncovered(("data.source",), "where the table was")
    if any(len(p.rows_excluded) for p in result.data):
        yield Uncovered(("data.rows_excluded",), "only their sum")
    if any(p.score_median is not None for p in result.data):
        yield Uncovered(("data.score_median",), "only that at most half of the rows lie above it")
    if held := held_out_parts(result):
        places = ("data.rows_used", "data.rows_excluded", "data.rows_without_group")
        yield Uncovered(
            places, "its counts are not kept; only that they add up", tuple(printable(p.part) for p in held)
        )


def _find_checks(result: AuditResult) -> Iterator[Uncovered]:
    rows = tuple(dict.fromkeys(printable(c.code) for c in of_rows(result.checks)))
    if result.data:
        yield Uncovered(("checks",), "which ones and what they found: that needs the rows", rows or ("rows",))
    if held := tuple(printable(c.heading) for c in of_held_out(result) if c.code not in {STRATA, ROWS}):
        told = ("outcome", "title", "plain_title", "detail", "reason", "answered_by")
        places = tuple(f"checks.{name}" for name in told)
        yield Uncovered(places, "the counts of a held-out part are not kept", held)


def _find_estimates(result: AuditResult) -> Iterator[Uncovered]:
    if own := tuple(dict.fromkeys(printable(e.metric) for e in own_estimates(result))):
        yield Uncovered(("estimates",), "returned by a function of your own: that needs the rows", own)


def _find_cubes(result: AuditResult) -> Iterator[Uncovered]:
    loose = tuple(printable(c.name) for c in result.cubes if is_loose(c))
    if loose:
        yield Uncovered(("cubes",), "only what estimates rest on", loose)
    for record in result.cubes:
        if not is_loose(record) and (sums := sums_for_intervals(record)):
            places = tuple(f"cubes.measures.{printable(name)}" for name in sums)
            yield Uncovered(places, "only as far as they affect a digit of an interval", (printable(record.name),))


def _find_energy(result: AuditResult) -> Iterator[Uncovered]:
    energy = result.energy
    if energy is None:
        return
    if energy.components:
        said = ("component", "phase", "method", "detail", "coverage", "device", "attribution")
        yield Uncovered(tuple(f"energy.components.{name}" for name in said), "what the meter reported for each row")
    if energy.factors:
        yield Uncovered(
            ("energy.factors.source", "energy.factors.date"), "source of the grid factor and of the site's overhead"
        )
    yield Uncovered(("energy.duration_s", "energy.note"), "duration and notes")


def _find_baseline(result: AuditResult) -> Iterator[Uncovered]:
    if result.baseline is not None:
        yield Uncovered(("baseline",), f"what run {printable(result.baseline.run, 40)} found: its own record says it")
    if result.adopted is not None:
        yield Uncovered(("adopted",), "who made it the baseline of later runs, and when")


def _find_edge(result: AuditResult) -> Iterator[Uncovered]:
    if result.edge is not None:
        yield Uncovered(("edge",), "what models cost, other candidates and seeds: that needs models and rows")
    if made := tuple(printable(name) for name in list_made(result, PREDICTIONS)):
        yield Uncovered(("data.columns",), "answers that models gave here: that needs the models", made)


def _find_epochs(result: AuditResult) -> Iterator[Uncovered]:
    if result.epochs:
        places = ("epochs.number", "epochs.part", "epochs.every", "epochs.counts", "epochs.rows_excluded")
        yield Uncovered(places, "what training reported; only that rows and counts add up")
    yield Uncovered(("epoch_notes",), "problems while epochs were written")
