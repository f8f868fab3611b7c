"""Compressed models on a terminal: a row of resources for each, what each candidate changes, the smallest that passes.

Must not: measure, or judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from rich.cells import cell_len, set_cell_size

from audit.errors import printable
from audit.estimate import figure_text
from audit.gates.headline import write_headline
from audit.record.edge import Edge, ModelResources, OperatorCount
from audit.record.energy_text import format_figure
from audit.record.result import AuditResult
from audit.report.resources import (
    describe_basis,
    describe_calls,
    describe_missing,
    describe_model,
    describe_noise,
    describe_smallest,
    find_judged,
    list_candidates,
    write_time,
)
from audit.report.terminal.lines import Line

T = TypeVar("T")
COLUMNS = ("bytes", "zipped", "non-zero", "integer", "p50", "p95", "J/1,000", "noise")
"""What a row has behind the name of its model."""
NONE = "-"
LONGEST_NAME, LONGEST_SENTENCE = 24, 1200
VERDICT = 14


def list_models(result: AuditResult, *, whole: bool = False) -> Iterator[Line]:
    """Yield the table of resources, how models were called, and what candidates change; nothing where there is none.

    Parameters
    ----------
    result
        What compressed models cost and change stands in its ``edge``.
    whole
        Every number of each model with its unit and its basis, and every sentence.
    """
    edge = result.edge
    if edge is None:
        return
    if any(model.file is not None for model in edge.models):
        yield from _make_table(edge)
    else:
        yield Line("Models", whole=True)
    missing = describe_missing(edge)
    why = f"Not measured (-): {missing}" if missing else ""
    for said in (describe_calls(edge), describe_noise(edge), describe_basis(edge), why):
        if said:
            yield Line("  ", said)
    yield from _list_candidates(result, edge, whole=whole)
    yield Line("  ", describe_smallest(edge, find_judged(result)))
    if whole:
        yield from _list_everything(edge)


def _list_candidates(result: AuditResult, edge: Edge, *, whole: bool) -> Iterator[Line]:
    """Yield what each candidate changes, why one does not pass, and of the judged one what no headline says."""
    judged, headline = find_judged(result), write_headline(result)
    for candidate, (verdict, word, said) in zip(edge.candidates, list_candidates(edge), strict=True):
        yield Line(f"  {word:<{VERDICT}}", said, verdict)
        explained = whole or verdict != "pass" or candidate.name == judged
        for sentence in candidate.sentences if explained else ():
            if whole or candidate.name != judged or sentence not in headline:
                yield Line(" " * (2 + VERDICT), printable(sentence, LONGEST_SENTENCE))


def _make_table(edge: Edge) -> Iterator[Line]:
    """Yield the rows of resources, their columns right-aligned."""
    rows = [_list_cells(model) for model in edge.models]
    names = [printable(model.name, LONGEST_NAME) for model in edge.models]
    wide = [max(len(head), *(cell_len(row[at]) for row in rows)) for at, head in enumerate(COLUMNS)]
    first = max(len("Models") - 2, *map(cell_len, names)) + 2
    yield Line(set_cell_size("Models", first) + _lay(COLUMNS, wide), whole=True)
    for name, row in zip(names, rows, strict=True):
        yield Line(set_cell_size(f"  {name}", first) + _lay(row, wide), whole=True)


def _lay(cells: tuple[str, ...], wide: list[int]) -> str:
    return "".join(" " * (width - cell_len(cell) + 1) + cell for cell, width in zip(cells, wide, strict=True))


def _list_cells(model: ModelResources) -> tuple[str, ...]:
    """Return the cells of one model; what was not measured is a dash, and the lines below say why."""
    return (
        _show(model.file_bytes, "{:,}".format),
        _show(model.zipped_bytes, "{:,}".format),
        _show(model.nonzero_share, lambda share: figure_text(share, "share")),
        ", ".join(map(_count_integer, model.operators)) or NONE,
        _show(model.latency, lambda latency: write_time(latency.p50_s)),
        _show(model.latency, lambda latency: write_time(latency.p95_s)),
        _show(model.energy, lambda energy: _show(energy.j_per_1000, format_figure)),
        _show(model.noise, lambda noise: f"{noise.changed:,}"),
    )


def _count_integer(found: OperatorCount) -> str:
    """Return how many operators are integer: a range where the engine chooses."""
    most = found.integer + found.may_be_integer
    counted = f"{found.integer}" if most == found.integer else f"{found.integer}-{most}"
    return f"{counted}/{found.total} {found.operator}"


def _show(value: T | None, write: Callable[[T], str]) -> str:
    return NONE if value is None else write(value)


def _list_everything(edge: Edge) -> Iterator[Line]:
    """Yield every number of each model with its unit and its basis."""
    for model in edge.models:
        words = describe_model(model)
        told = (
            f"{words.size} bytes, zipped {words.zipped}; non-zero weights {words.weights}; {words.operators}; "
            f"latency {words.latency}; energy {words.energy}; noise {words.noise}"
        )
        yield Line(f"  {words.name}: ", told, hang=4)
