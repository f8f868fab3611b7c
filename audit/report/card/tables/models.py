"""Tables of compressed models: what each costs, and what each candidate changes.

Must not: measure, or judge.
"""

from __future__ import annotations

from dataclasses import dataclass

from audit.errors import capitalise
from audit.record.edge import Edge
from audit.record.result import name_verdict
from audit.report.card.shapes import Table, TableRow
from audit.report.card.words import clean_text, make_text_cell
from audit.report.resources import (
    describe_calls,
    describe_candidate,
    describe_missing,
    describe_model,
    describe_noise,
    describe_smallest,
)

LONGEST, LONGEST_SENTENCES = 300, 1600


@dataclass(frozen=True, slots=True)
class ModelsView:
    """Compressed models of a page."""

    sentence: str
    """The smallest candidate that passes."""
    tables: tuple[Table, ...]
    notes: tuple[str, ...]


def make_models_view(edge: Edge, judged: str | None) -> ModelsView:
    """Return the tables of all models and of all candidates."""
    missing = describe_missing(edge)
    notes = (describe_calls(edge), describe_noise(edge), f"Not measured: {missing}" if missing else "")
    return ModelsView(
        sentence=describe_smallest(edge, judged),
        # Where no file is known, the note says so once.
        tables=(_make_candidates_table(edge), *([_make_resources_table(edge)] if _knows_files(edge) else [])),
        notes=tuple(f"{capitalise(clean_text(note, LONGEST_SENTENCES))}." for note in notes if note),
    )


def _knows_files(edge: Edge) -> bool:
    return any(model.file is not None for model in edge.models)


def _make_candidates_table(edge: Edge) -> Table:
    """Return what each candidate changes, and why it has its verdict where that may be shown."""
    rows, explained = [], any(c.sentences for c in edge.candidates)
    for c in edge.candidates:
        cells = [make_text_cell(name_verdict(c.verdict).capitalize()), make_text_cell(describe_candidate(c))]
        if explained:
            cells.append(make_text_cell(clean_text(" ".join(c.sentences), LONGEST_SENTENCES)))
        rows.append(TableRow(clean_text(c.name, LONGEST), tuple(cells)))
    columns = ("Candidate", "Verdict", "Answers", "Why") if explained else ("Candidate", "Verdict", "Answers")
    caption = f"Candidates against the full model {clean_text(edge.full, LONGEST)}"
    return Table(caption=caption, columns=columns, rows=tuple(rows))


def _make_resources_table(edge: Edge) -> Table:
    heads = ("Model", "Bytes", "Zipped", "Non-zero weights", "Integer operators", "Latency", "Energy", "Tool noise")
    rows = []
    for model in edge.models:
        w = describe_model(model)
        cells = (w.size, w.zipped, w.weights, w.operators, w.latency, w.energy, w.noise)
        rows.append(TableRow(clean_text(w.name, LONGEST), tuple(make_text_cell(cell) for cell in cells)))
    return Table(caption="What each model costs", columns=heads, rows=tuple(rows))
