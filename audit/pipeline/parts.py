"""Auditing a table in parts: each is counted where it lies, and the sum of the counts is measured.

Must not: keep a row; measure or judge.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from audit.config.read import build
from audit.config.schema import Config
from audit.counting.backends.choose import choose_engine, open_source
from audit.counting.backends.merge import merge_levels
from audit.counting.count import count_tallies, write_names_as_text
from audit.counting.parts import ENDING, list_part_names, note_begun, read_question, save_part, save_question
from audit.counting.plan import Plan
from audit.errors import SHOWN_CHOICES, QuestionError, SourceError, printable
from audit.pipeline.plans import plan_data, plan_predictions
from audit.pipeline.stages import Step
from audit.tables.addresses import hide_secrets, is_address
from audit.tables.files import is_counts, make_digests
from audit.tables.folders import find_parts
from audit.tables.formats.dialect import UNSAID, Dialect
from audit.tables.table import Table

COUNTED = ("data", "predictions")
"""Sections that say what is counted; a policy may be another one every time that the sum is measured."""


class Added(NamedTuple):
    """What one part added."""

    rows: int
    parts: int
    """Parts in the folder now."""


def add_part(
    source: str | Path,
    folder: Path,
    question: Config | None,
    engine: str | None,
    master: str | None,
    step: Step,
    dialect: Dialect = UNSAID,
) -> Added:
    """Count one part into a folder.

    Parameters
    ----------
    source
        Table of the part.
    folder
        Of counts; made where it does not exist.
    question
        What to count; None takes the question of the folder.
    engine, master
        Who counts this part; it makes no difference to the counts.
    step
        Shows what is being done.
    dialect
        How the part is written, where it is a CSV.

    Raises
    ------
    AuditError
        Nothing of the part is then in the folder.
    """
    if is_address(source):
        raise QuestionError(
            f"{printable(hide_secrets(source), 160)} is an address, which has no digest, so a second count of "
            "it would go unnoticed; fetch the file and name its path"
        )
    raw = _read_counted_sections(folder, question)
    config = build(raw, str(folder))
    plan = _plan_of(config)
    with note_begun(folder, str(source)):
        with step("Counting the part"):
            table = write_names_as_text(open_source(source, dialect=dialect), plan)
            counting: tuple[Any, str | None] = (engine or "duckdb", master)
            table = merge_levels(table, config.data.merged, *counting, whole=False)
            found = count_tallies(table, plan, choose_engine(*counting))
        save_question(folder, raw)
        save_part(folder, table, _read_digests(source, table), plan, found)
    return Added(found.crossings.rows, len(list(folder.glob(f"*{ENDING}"))))


def _read_digests(source: str | Path, table: Table) -> tuple[str, ...]:
    """Return the digest of each file of a part, so that none of them is counted again within another pattern."""
    parts = find_parts(source, None)
    if len(parts) == 1 and not parts[0].keys and table.digest is not None:
        return (table.digest,)
    whole, each = make_digests(parts)
    if whole != table.digest:
        raise SourceError(f"{printable(source)} changed while it was read; run again when nothing writes to it")
    return each


def _plan_of(config: Config) -> Plan:
    """Plan of a question about a part."""
    plan = plan_predictions(config) if config.predictions is not None else plan_data(config)
    if config.predictions is not None and config.data.strata:
        plan = replace(plan, strata=config.data.strata)
    return replace(plan, of_parts=True)


def require_parts(folder: Path, expected: int | None) -> int:
    """Return number of parts in a folder; another one than expected is refused, because a deleted part leaves no trace.

    Raises
    ------
    QuestionError
        Naming the parts that are there.
    """
    found = len(list(folder.glob(f"*{ENDING}")))
    if expected is not None and found != expected:
        names = list_part_names(folder)
        listed = ", ".join(map(printable, names[:SHOWN_CHOICES])) + (", …" if len(names) > SHOWN_CHOICES else "")
        mend = "count what is missing" if found < expected else "take out what does not belong"
        held = "1 part" if found == 1 else f"{found:,} parts"
        raise QuestionError(f"{printable(folder)} holds {held} ({listed or 'none'}), not {expected:,}; {mend}")
    return found


def read_counted_question(folder: Path) -> dict[str, Any]:
    """Return the plain question about the sum of a folder, with the folder in the place of rows."""
    if not is_counts(folder):
        raise QuestionError(
            f"{printable(folder)} is not a folder of counts; make one with audit count TABLE --into {printable(folder)}"
        )
    raw = read_question(folder)
    section = "predictions" if "predictions" in raw else "data"
    raw[section]["source"] = str(folder)
    return raw


def _read_counted_sections(folder: Path, question: Config | None) -> dict[str, Any]:
    """Return the part of a question that says what is counted, without the source of any part."""
    if question is None:
        if not is_counts(folder):
            raise QuestionError(
                f"{printable(folder)} has no configuration yet; the first part needs --label and --groups, or --config"
            )
        return read_question(folder)
    raw: dict[str, Any] = question.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    raw = {k: v for k, v in raw.items() if k in COUNTED}
    section = "predictions" if "predictions" in raw else "data"
    raw[section]["source"] = "a part"
    # Counts are handed on: what makes a part, and where, is nothing that they answer, and may hold a secret.
    for key in ("engine", "master", "prepare", "csv"):
        raw["data"].pop(key, None)
    raw[section].pop("csv", None)
    return raw
