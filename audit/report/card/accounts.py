"""What was read, checked and run: the plain accounts of a card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from audit.checks.codes import find_codes
from audit.config.merging import describe_merge, find_merge
from audit.errors import capitalise
from audit.estimate import figure_text, join_first
from audit.gates.headline import describe_training, list_baseline_notes
from audit.record.result import SCHEMA, AuditResult, Check, Part
from audit.report.card.words import BADGES, Badge, clean_text, describe_digest

SENTENCE_LENGTH = 1200
_BOTH_FIRST = (("name", "Name"), ("version", "Version"), ("owner", "Owner"), ("description", "Description"))
_BOTH_LAST = (("intended_use", "Intended use"), ("out_of_scope", "Out of scope"), ("licence", "Licence"))
MODEL_FIELDS = (*_BOTH_FIRST, *_BOTH_LAST)
DATASET_FIELDS = (
    *_BOTH_FIRST,
    ("url", "Address"),
    ("collected", "How it was collected"),
    ("period", "Period"),
    *_BOTH_LAST,
)


PARTS = {"train": "Training data", "test": "Test data", "predictions": "Predictions"}
OUTCOME_ORDER = ("fail", "error", "undefined", "insufficient", "warn", "waived", "pass", "withheld", "not applicable")
FAMILIES = ("DL", "FM", "DB", "DV", "DP")
"""Findings about leaks and about groups come before those about the shape of the tables and about small groups."""
MOST_COLUMNS = 30
"""Columns of one table that a card names; audit.json has all."""
LONGEST_DETAIL = 1200


@dataclass(frozen=True, slots=True)
class PartView:
    """Account of one table that was read."""

    title: str
    sentence: str
    missing: str
    columns: str


def make_part_view(part: Part) -> PartView:
    """Return how many rows of a table were read, used and excluded, with the reasons."""
    why = "; ".join(f"{clean_text(reason)}: {n:,}" for reason, n in part.rows_excluded.items())
    sentence = f"{part.rows_read:,} rows read, all used."
    if part.rows_used != part.rows_read:
        left = sum(part.rows_excluded.values())
        sentence = (
            f"{part.rows_read:,} rows read, {part.rows_used:,} used, {left:,} excluded{f' ({why})' if why else ''}."
        )
    return PartView(
        title=f"{_name_part(part.part)} ({clean_text(part.source)})",
        sentence=f"{sentence}{_describe_threshold(part)}",
        missing=_describe_missing_groups(part),
        columns=_list_columns(part),
    )


def _name_part(part: str) -> str:
    """Return what a table is: Training data, Test data, Predictions."""
    return PARTS.get(part, clean_text(part).capitalize())


def _describe_missing_groups(part: Part) -> str:
    """Return how many rows have no value for a group column."""
    missing = [
        f"{clean_text(column)} is missing in {n:,} rows ({_format_share(n, part.rows_used)})"
        for column, n in part.rows_without_group.items()
        if n
    ]
    if not missing:
        return ""
    return f"{'; '.join(missing)}. They are listed separately and not compared."


def _format_share(rows: int, used: int) -> str:
    if used:
        return figure_text(rows / used, "share")
    return "0.0%"


def _list_columns(part: Part) -> str:
    named = [f"{clean_text(c.name, 60)} ({clean_text(c.kind)})" for c in part.columns[:MOST_COLUMNS]]
    return join_first(named, len(part.columns))


def _describe_threshold(part: Part) -> str:
    """Return at which score decisions begin, where that followed from the scores themselves."""
    if part.score_median is None:
        return ""
    return f" A score above the median of all scores ({part.score_median:.10g}) counts as a positive prediction."


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check."""

    badge: Badge
    code: str
    title: str
    detail: str
    mend: str
    """What to do; empty where no fault was found."""
    reason: str
    """Why such a finding matters; empty of a code that is not known."""
    reference: str


def make_check_views(checks: Sequence[Check]) -> tuple[CheckView, ...]:
    """Return every check with what its code means; what needs attention comes first."""
    known = {c.code: c for c in list_codes(checks)}
    nothing = _CodeView("", "", "", "")
    return tuple(
        CheckView(badge, code, title, detail, mend, (c := known.get(code, nothing)).reason, c.reference)
        for badge, code, title, detail, mend in list_checks(checks)
    )


def list_checks(checks: Sequence[Check]) -> list[tuple[Badge, str, str, str, str]]:
    """Return badge, code, title, detail and what to do of every check; what needs attention comes first."""
    ordered = sorted(checks, key=lambda c: (OUTCOME_ORDER.index(c.outcome), _rank_family(c.code)))
    return [
        (BADGES[c.outcome], clean_text(c.code), clean_text(c.title), _describe_check(c), _describe_mend(c))
        for c in ordered
    ]


def _rank_family(code: str) -> int:
    family = code[:2]
    if family in FAMILIES:
        return FAMILIES.index(family)
    return len(FAMILIES)


def _describe_mend(check: Check) -> str:
    if check.mend:
        return f"{clean_text(capitalise(check.mend)).rstrip('.')}."
    return ""


def _describe_check(check: Check) -> str:
    by = ""
    if check.answered_by != "evenhand":
        by = f" (answered by {clean_text(check.answered_by)})"
    detail = ""
    if check.detail:
        detail = clean_text(check.detail, LONGEST_DETAIL)
    return f"{detail}{by}".strip()


def list_provenance(result: AuditResult) -> tuple[tuple[str, str], ...]:
    """Return where the numbers come from, so that a stranger finds them again."""
    run = result.run
    pairs = [
        ("Run", clean_text(run.id)),
        ("Started", _format_moment(run.started)),
        ("Finished", _format_moment(run.finished)),
        ("Produced by", f"evenhand {clean_text(run.version)}"),
        ("Code", _describe_code(result)),
        ("Command", clean_text(" ".join(run.command)) if run.command else "none (called from Python)"),
        (
            "Exit codes",
            ", ".join(f"{clean_text(p)} {c}" for p, c in run.exit_codes.items()) or "no process was started",
        ),
        *(("Training", clean_text(note)) for note in describe_training(run)),
        *(("Baseline", clean_text(note)) for note in list_baseline_notes(result)),
        ("Configuration digest", clean_text(result.question.digest)),
        *((_name_part(p.part), describe_digest(p)) for p in result.data),
        *(("Joined levels", clean_text(said)) for said in describe_merge(find_merge(result.question.config))),
        ("Record", f"{SCHEMA}; audit.json has the counts behind every number"),
    ]
    return tuple(pairs)


def _format_moment(text: str) -> str:
    return clean_text(text).replace("T", " ").replace("Z", " UTC")


def _describe_code(result: AuditResult) -> str:
    code = result.run.code
    if code is None:
        return "no git commit found"
    changed = ", with uncommitted changes" if code.dirty else ""
    return f"git {clean_text(code.commit)}{changed}"


# What only the owner can say: of the model, or of the data where there is no model.
#
# Must not: say anything in the owner's place.
@dataclass(frozen=True, slots=True)
class _OwnerField:
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
    fields: tuple[_OwnerField, ...]
    missing: int
    line: str


def collect_owner_words(result: AuditResult) -> OwnerWords:
    """Return what the owner says of the model, or of the data set where no model was audited."""
    config = result.question.config
    if _is_of_data(result):
        parts = [p.source for p in result.data if p.part == "train"]
        title = "Unnamed data"
        if parts:
            title = clean_text(PurePath(parts[0]).name)
        return _collect_words("dataset", "About the data", title, config.get("dataset"), DATASET_FIELDS)
    return _collect_words("model", "About the model", "Unnamed model", config.get("model"), MODEL_FIELDS)


def _is_of_data(result: AuditResult) -> bool:
    """Return whether rows were looked at and no model was asked for."""
    config = result.question.config
    return bool(result.data) and not config.get("predictions") and not config.get("train")


def _collect_words(
    section: str, heading: str, title: str, said: Mapping[str, Any] | None, wanted: Sequence[tuple[str, str]]
) -> OwnerWords:
    given = said or {}
    fields = tuple(
        _OwnerField(label, clean_text(given[key], SENTENCE_LENGTH) if given.get(key) else None) for key, label in wanted
    )
    missing = sum(f.text is None for f in fields)
    return OwnerWords(
        "Data card" if section == "dataset" else "Audit card",
        fields[0].text or title,
        fields[1].text or "",
        heading,
        fields,
        missing,
        _describe_missing(missing, section),
    )


def _describe_missing(missing: int, section: str) -> str:
    if not missing:
        return "Owner information complete."
    return (
        f"Owner information missing ({missing} {'field' if missing == 1 else 'fields'}): add [{section}] to audit.toml."
    )


# What the codes of checks mean, for readers who meet them for the first time.
#
# Must not: say anything of what was found.
@dataclass(frozen=True, slots=True)
class _CodeView:
    """One code."""

    code: str
    title: str
    reason: str
    reference: str


def list_codes(checks: Iterable[Check]) -> tuple[_CodeView, ...]:
    """Return every known code among these checks, once and in order."""
    return tuple(
        _CodeView(*(clean_text(text) for text in (c.code, c.name, capitalise(c.reason), c.reference)))
        for c in find_codes({c.code for c in checks})
    )
