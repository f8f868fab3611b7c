"""A report as Markdown, in sections that are shown whole or not at all, so that a page never ends within a table.

Must not: judge, or say of a limit what its own sentence does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit.estimate import Estimate
from audit.gates.headline import count_limits, count_rest
from audit.report.card.limits import LimitView, make_limit_views
from audit.report.card.words import (
    BADGES,
    clean_text,
    escape_inline,
    make_estimate_cell,
    make_title,
    name_group,
)
from audit.report.ci.ci_report import CiReport

MARK = "<!-- evenhand -->"
"""First line of a comment, by which that of before is found."""
MOST_COMMENT_BYTES = 60_000
"""GitHub refuses a comment of more than 65,536 characters."""
LONGEST_SENTENCE = 1200
MOST_GROUPS = 5_000
"""Rows of a table of groups; one with more is named and not built."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page."""

    title: str
    """What a reader is told where it is not shown."""
    text: str
    """Markdown; empty where it would be too long in any case."""


def write_page(sections: Sequence[Section], most_bytes: int) -> str:
    """Return the sections that fit, in their order, and at the end the titles of those that do not."""
    kept, gone, used = [], [], 0
    # Room for the titles of what is not shown, however many there are.
    room = most_bytes - sum(len(escape_inline(s.title).encode()) + 2 for s in sections) - 200
    for section in sections:
        size = len(section.text.encode("utf-8", "replace")) + 2
        if section.text and used + size <= room:
            kept.append(section.text)
            used += size
        else:
            gone.append(escape_inline(section.title))
    if gone:
        kept.append(f"Not shown, because this page would be too long: {'; '.join(gone)}. The card has everything.")
    return "\n\n".join(kept) + "\n"


def write_head(report: CiReport) -> Section:
    """Return the verdict with its sentence, and how many limits there are of each verdict."""
    shape = BADGES[report.result.verdict].shape
    whose = f": {report.decisions}" if report.decisions else ""
    lines = [f"### {shape} {escape_inline(f'{report.word}{whose}')}", write_sentence(report.headline)]
    tally = f"{count_limits(report.result.gates)} " if len(report.limits) > 1 else ""
    lines.append(escape_inline(f"{tally}Exit code {report.code}."))
    lines += [write_sentence(note) for note in report.notes]
    return Section("verdict", "\n\n".join(lines))


def write_sentence(text: str) -> str:
    """Return a sentence as Markdown that nothing in it can break, cut where it is too long."""
    return escape_inline(clean_text(text, LONGEST_SENTENCE))


def write_waivers(report: CiReport) -> Iterator[Section]:
    """Yield what is said of waivers; nothing where none applies."""
    if report.waivers:
        yield Section("waivers", "\n".join(f"- {write_sentence(said)}" for said in report.waivers))


def write_limits(report: CiReport, most: int) -> Iterator[Section]:
    """Yield a table of the limits, the worst first, and the sentence of each that did not pass.

    Parameters
    ----------
    report
        What is shown.
    most
        Rows; of further limits it is said how many ended how.
    """
    views = make_limit_views(report.result)
    if not views:
        return
    rows = ["| | what is limited | found | limit |", "|---|---|---|---|", *map(_write_row, views[:most])]
    if len(views) > most:
        rest = count_rest([limit.gate for limit in report.limits[most:]])
        rows.append(f"\n{escape_inline(f'and {rest}')}")
    yield Section(f"{len(views)} limit{'s' * (len(views) != 1)}", "\n".join(rows))
    # The sentence of the headline stands above the table.
    told = [limit.gate.sentence in report.headline for limit in report.limits]
    open_ones = [view for view, is_told in zip(views[:most], told, strict=False) if view.is_open and not is_told]
    if open_ones:
        said = (f"- **{escape_inline(view.badge.word)}** {write_sentence(view.sentence)}" for view in open_ones)
        yield Section("sentences of limits that did not pass", "\n".join(said))


def _write_row(view: LimitView) -> str:
    found = " ".join(part for part in (view.found, view.interval) if part)
    cells = (f"{view.badge.shape} {view.badge.word}", view.title, found, view.limit)
    return f"| {' | '.join(map(escape_inline, cells))} |"


def write_groups(report: CiReport) -> Iterator[Section]:
    """Yield a folded table of groups for each metric and grouping that a limit is on."""
    for (_, metric, by), groups in report.list_groups():
        yield _write_table(f"{make_title(metric)} by {by}", groups)


def _write_table(title: str, groups: Sequence[Estimate]) -> Section:
    named = f"{title} ({len(groups):,} groups)"
    if len(groups) > MOST_GROUPS:
        return Section(named, "")
    rows = [f"| {' | '.join(map(escape_inline, _list_cells(e)))} |" for e in groups]
    head = f"<details><summary>{escape_inline(named)}</summary>\n\n| group | found | rows |\n|---|---|---|\n"
    return Section(named, f"{head}{chr(10).join(rows)}\n\n</details>")


def _list_cells(estimate: Estimate) -> tuple[str, str, str]:
    cell = make_estimate_cell(estimate)
    found = " ".join(part for part in (cell.text, cell.interval) if part)
    return name_group(estimate.by, estimate.group), found, cell.note


def write_foot(report: CiReport) -> Section:
    """Return which run this is, and what is withheld."""
    run = report.result.run
    withheld = f" Counts under {report.k}, and numbers that would reveal them, are withheld." if report.k > 1 else ""
    said = f"Run {clean_text(run.id)}, evenhand {clean_text(run.version)}.{withheld}"
    return Section("run", f"<sub>{escape_inline(said)}</sub>")
