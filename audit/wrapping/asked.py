"""What a wrapped training is asked: a file, a mapping, or rows in memory, made into one question."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.config.read import build, load
from audit.config.schema import Config
from audit.errors import QuestionError, printable
from audit.wrapping.beside import Beside

DEFAULT_STORE = "audit-runs"
MEMORY, MEMORY_TEST = "memory", "memory test"


@dataclass(slots=True, kw_only=True)
class Asked:
    """The question, where its paths start, and rows that were handed over in place of files."""

    config: Config
    folder: Path
    store: Path | None
    """None where nothing is kept."""
    rows: Mapping[str, Any]
    """Frames by the source that they stand for."""
    handed: Any = None
    """Predictions."""
    beside: Beside | None = None
    """The process of the meter, where it was started before anything else was looked at."""


def asked_of(config: Any, data: Any, test: Any, store: str | Path | None) -> Asked:
    """The question of a wrapped training.

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
    if isinstance(config, Config):
        question, folder = config, Path()
    elif isinstance(config, Mapping):
        question, folder = build(_with_sources(config, rows), "the question"), Path()
    elif isinstance(config, (str, os.PathLike)):
        question, folder = load(Path(config))
    else:
        raise QuestionError(f"config is of type {type(config).__name__}; give the path of an audit.toml, or a mapping")
    if rows:
        sources = {"source": MEMORY, "test": MEMORY_TEST if MEMORY_TEST in rows else None, "prepare": None}
        question = question.model_copy(update={"data": question.data.model_copy(update=sources)})
    _judgeable(question)
    kept = store if store is not None else os.environ.get("EVENHAND_STORE", DEFAULT_STORE)
    return Asked(config=question, folder=folder, store=Path(kept).absolute(), rows=rows)


def _with_sources(raw: Mapping[str, Any], rows: Mapping[str, Any]) -> dict[str, Any]:
    """Sections whose tables are in memory name them so."""
    out: dict[str, Any] = {name: dict(s) if isinstance(s, Mapping) else s for name, s in raw.items()}
    data, predictions = out.get("data", {}), out.get("predictions")
    if rows and isinstance(data, dict):
        out["data"] = {**data, "source": MEMORY}
    if isinstance(predictions, dict) and "train" not in out:
        predictions.setdefault("source", MEMORY)
    return out


def _judgeable(config: Config) -> None:
    """Refuse now what could only be refused when the training is over."""
    from audit.errors import no_such
    from audit.gates import expanded

    names = [rule.name for rule in expanded(config)]
    for waiver in config.waivers:
        if waiver.gate not in names:
            raise QuestionError(f"waivers: {no_such('gate', printable(waiver.gate), names)}")
