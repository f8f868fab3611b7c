"""Auditing a table in parts: each is counted where it lies, and the sum of the counts is measured.

Must not: keep a row; measure or judge.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from audit.config.read import build
from audit.config.schema import Config
from audit.engines.address_names import is_address, public
from audit.engines.asking import tallied
from audit.engines.choice import engine_of
from audit.engines.counting import Plan
from audit.engines.counts import ENDING, read_question, save_part, save_question
from audit.engines.sources import is_counts
from audit.engines.tables import open_table
from audit.errors import QuestionError, printable
from audit.plans import data_plan, model_plan
from audit.stages import Step

COUNTED = ("data", "predictions")
"""Sections that say what is counted; a policy may be another one every time that the sum is measured."""


class Added(NamedTuple):
    """What one part added."""

    rows: int
    parts: int
    """Parts in the folder now."""


def add_part(
    source: str | Path, folder: Path, question: Config | None, engine: str | None, master: str | None, step: Step
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

    Raises
    ------
    AuditError
        Nothing of the part is then in the folder.
    """
    if is_address(source):
        raise QuestionError(
            f"{printable(public(source), 160)} is an address, whose bytes are not hashed, so it could be counted twice "
            "without a word; fetch the file first and name its path"
        )
    raw = _counted_sections(folder, question)
    config = build(raw, str(folder))
    plan = plan_of(config)
    with step("Counting the part"):
        table = open_table(source)
        found = tallied(engine_of(engine or "duckdb", master), table, plan)  # type: ignore[arg-type]
    save_question(folder, raw)
    save_part(folder, table, plan, found)
    return Added(found.crossings.rows, len(list(folder.glob(f"*{ENDING}"))))


def plan_of(config: Config) -> Plan:
    """Plan of a question about a part."""
    plan = model_plan(config) if config.predictions is not None else data_plan(config)
    if config.predictions is not None and config.data.strata:
        plan = replace(plan, strata=config.data.strata)
    return replace(plan, of_parts=True)


def counted_question(folder: Path) -> dict[str, Any]:
    """Plain question about the sum of a folder, with the folder in the place of rows."""
    if not is_counts(folder):
        raise QuestionError(
            f"{printable(folder)} is no folder of counts; make one with audit count TABLE --into {printable(folder)}"
        )
    raw = read_question(folder)
    section = "predictions" if "predictions" in raw else "data"
    raw[section]["source"] = str(folder)
    return raw


def _counted_sections(folder: Path, question: Config | None) -> dict[str, Any]:
    """The part of a question that says what is counted, without the source of any part."""
    if question is None:
        if not is_counts(folder):
            raise QuestionError(
                f"{printable(folder)} has no question yet; the first part needs --label and --groups, or --config"
            )
        return read_question(folder)
    raw: dict[str, Any] = question.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    raw = {k: v for k, v in raw.items() if k in COUNTED}
    section = "predictions" if "predictions" in raw else "data"
    raw[section]["source"] = "a part"
    for key in ("engine", "master"):
        raw["data"].pop(key, None)
    return raw
