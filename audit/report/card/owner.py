"""What only the owner can say: of the model, or of the data where there is no model.

Must not: say anything in the owner's place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from audit.record.result import AuditResult
from audit.report.card.words import safe_text

SENTENCE_LENGTH = 1200
NOT_PROVIDED = "not provided (owner to fill)"
_BOTH_FIRST = (("name", "Name"), ("version", "Version"), ("owner", "Owner"), ("description", "Description"))
_BOTH_LAST = (("intended_use", "Intended use"), ("out_of_scope", "Out of scope"), ("licence", "Licence"))
MODEL_FIELDS = (*_BOTH_FIRST, *_BOTH_LAST)
DATASET_FIELDS = (*_BOTH_FIRST, ("url", "Address"), ("collected", "How it was collected"), ("period", "Period"),
                  *_BOTH_LAST)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OwnerField:
    """What only the owner can say; ``text`` is None where the owner did not."""

    label: str
    text: str | None


@dataclass(frozen=True, slots=True)
class OwnerWords:
    """Title of a card, and what the owner says."""

    eyebrow: str
    title: str
    version: str
    heading: str
    fields: tuple[OwnerField, ...]
    missing: int
    line: str


def owner_words(result: AuditResult) -> OwnerWords:
    """Of the model; of the data set where no model was audited."""
    config = result.question.config
    if _is_of_data(result):
        parts = [p.source for p in result.data if p.part == "train"]
        title = safe_text(PurePath(parts[0]).name) if parts else "Unnamed data"
        return _words("Data card", "The data, in its owner’s words", title, config.get("dataset"), DATASET_FIELDS)
    return _words("Audit card", "The model, in its owner’s words", "Unnamed model", config.get("model"), MODEL_FIELDS)


def _is_of_data(result: AuditResult) -> bool:
    """Whether rows were looked at, and no model was asked for."""
    config = result.question.config
    return bool(result.data) and not config.get("predictions") and not config.get("train")


def _words(
    eyebrow: str, heading: str, title: str, said: Mapping[str, Any] | None, wanted: Sequence[tuple[str, str]]
) -> OwnerWords:
    given = said or {}
    fields = tuple(
        OwnerField(label, safe_text(given[key], SENTENCE_LENGTH) if given.get(key) else None) for key, label in wanted
    )
    missing = sum(f.text is None for f in fields)
    return OwnerWords(
        eyebrow, fields[0].text or title, fields[1].text or "", heading, fields, missing, _line(missing, len(fields))
    )


def _line(missing: int, total: int) -> str:
    if not missing:
        return f"All {total} owner fields are provided."
    return f"{missing} of {total} owner fields {'is' if missing == 1 else 'are'} {NOT_PROVIDED}."
