"""What a wrapped training is asked: a file, a mapping, or rows in memory, made into one question."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.config.read import build, load
from audit.config.schema import Config
from audit.config.written_limits import read_rules
from audit.errors import QuestionError
from audit.estimate import Stage
from audit.system.environment import DEFAULT_STORE, STORE, today
from audit.tables.python_values import describe_value, make_plain
from audit.wrapping.sidecar.client import SidecarClient

MEMORY, MEMORY_TEST = "memory", "memory test"


@dataclass(slots=True, kw_only=True)
class WrappedQuestion:
    """The question, where its paths start, and rows that were handed over in place of files."""

    config: Config
    folder: Path
    store: Path | None
    """None where nothing is kept."""
    rows: Mapping[str, Any]
    """Frames by the source that they stand for."""
    handed: Any = None
    """Predictions."""
    beside: SidecarClient | None = None
    """The process of the meter, where it was started before anything else was looked at."""


def make_question(config: Any, data: Any, test: Any, store: str | Path | None) -> WrappedQuestion:
    """Return the question of a wrapped training.

    Raises
    ------
    QuestionError
        When it makes no sense.
    """
    if test is not None and data is None:
        raise QuestionError("test rows were given without data; give both, or name files in [data]")
    rows = {MEMORY: data} if data is not None else {}
    if test is not None:
        rows[MEMORY_TEST] = test
    given, folder = read_given(config)
    question = given if isinstance(given, Config) else build(_with_sources(given, rows), "the configuration")
    if rows:
        sources = {"source": MEMORY, "test": MEMORY_TEST if MEMORY_TEST in rows else None, "prepare": None}
        question = question.model_copy(update={"data": question.data.model_copy(update=sources)})
    if question.edge is not None:
        raise QuestionError("[edge] is for audit run and audit edge; remove it, or use one of them")
    if question.baseline is not None:
        raise QuestionError(
            "[baseline] is for audit run; remove it, and compare the run when it is recorded: audit gate RUN --baseline"
        )
    from audit.gates.judge import require_waived

    # Refused now and not when the training is over.
    require_waived(question, today())
    kept = store if store is not None else os.environ.get(STORE, DEFAULT_STORE)
    if not isinstance(kept, (str, os.PathLike)):
        raise QuestionError(f"store must be the path of a folder, not {describe_value(kept)}")
    return WrappedQuestion(config=question, folder=folder, store=Path(kept).absolute(), rows=rows)


def read_given(config: Any, stage: Stage | None = None) -> tuple[Config | dict[str, Any], Path]:
    """Return a question as it was given, as plain copies where it is a mapping, and where its paths start.

    Parameters
    ----------
    config
        Path, mapping or question.
    stage
        Of limits that are written as text; that of the model where predictions are asked for.

    Raises
    ------
    QuestionError
        When it is neither, nor a path, or the file says nothing that can be asked.
    """
    if isinstance(config, Config):
        return config, Path()
    if isinstance(config, Mapping):
        raw: dict[str, Any] = make_plain(config)
        if rules := read_rules(raw.get("gates"), stage or ("model" if "predictions" in raw else "data")):
            raw["gates"] = rules
        return raw, Path()
    if isinstance(config, (str, os.PathLike)):
        return load(Path(config))
    raise QuestionError(f"config is {describe_value(config)}; give the path of an audit.toml, or a mapping")


def _with_sources(raw: dict[str, Any], rows: Mapping[str, Any]) -> dict[str, Any]:
    """Return sections that name the tables in memory as their sources."""
    data, predictions = raw.get("data", {}), raw.get("predictions")
    if rows and isinstance(data, dict):
        raw["data"] = {**data, "source": MEMORY}
    if isinstance(predictions, dict) and "train" not in raw:
        predictions.setdefault("source", MEMORY)
    return raw
