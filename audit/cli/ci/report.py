"""Reports for continuous integration: as an option of every command that prints a verdict, and of a recorded run.

What cannot be written is refused before anything is audited. In GitHub Actions and GitLab CI the report that they read
is written by itself; on any other machine nothing is, unless it is asked for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.cli import options as o
from audit.cli.console import say
from audit.cli.named_runs import explain_defects, load_by_name, resolve_name
from audit.cli.options import Command
from audit.errors import QuestionError, StoreError, printable, words_of
from audit.report.ci.registry import list_formats, load_format
from audit.system.environment import DEFAULT_STORE, find_ci, today

if TYPE_CHECKING:
    from audit.record.result import AuditResult
    from audit.report.ci.ci_report import CiReport, Format

CARD = "card.html"


@dataclass(frozen=True, slots=True)
class AskedReport:
    """A report that is to be written."""

    format: str
    path: Path | None
    """File; None where the text belongs into the log."""
    is_asked: bool = True
    """Whether a person asked for it; one that a CI gets by itself never changes an exit code."""


def read_reports(texts: Sequence[str] | None) -> tuple[AskedReport, ...]:
    """Return the reports to write: those that are asked for, and the one of the CI that this runs in.

    Raises
    ------
    QuestionError
        When there is no such format, or one is asked for twice in one place.
    StoreError
        When a file cannot be written, or is no report of ours.
    """
    asked = [_read_report(text) for text in texts or ()]
    for report in asked:
        if report.path is not None:
            _require_writable(report.path, load_format(report.format))
    _require_apart(asked)
    ci = find_ci()
    if ci is not None and not any(report.format == ci for report in asked):
        asked.append(AskedReport(ci, _find_path(load_format(ci), None), is_asked=False))
    return tuple(asked)


def _require_apart(asked: Sequence[AskedReport]) -> None:
    """Refuse two reports in one place; links are followed."""
    seen: dict[Path | None, AskedReport] = {}
    for report in asked:
        place = None if report.path is None else report.path.resolve()
        other = seen.setdefault(place, report)
        if other is report:
            continue
        if other.format == report.format:
            raise QuestionError(f"--report {report.format} is given twice for the same place; give it once")
        raise QuestionError(
            f"the {other.format} and the {report.format} report would be one file, '{printable(report.path, 200)}'; "
            "name two"
        )


def _read_report(text: str) -> AskedReport:
    name, equals, path = text.partition("=")
    chosen = load_format(name.strip())
    if equals and path in {"", "-"}:
        raise QuestionError(
            f"--report {chosen.name}={path} names no file; name one, or print it with audit report RUN --format "
            f"{chosen.name}"
        )
    return AskedReport(chosen.name, _find_path(chosen, path or None))


def require_baseline(reports: Sequence[AskedReport], *, compared: bool) -> None:
    """Refuse a report of changes where nothing is compared, before anything is audited.

    Raises
    ------
    QuestionError
        Naming the report.
    """
    stray = next((asked.format for asked in reports if load_format(asked.format).only_on_change), None)
    if stray is not None and not compared:
        raise QuestionError(
            f"the {stray} report shows what changed against a baseline, and there is none; name one in [baseline] "
            "result or with --baseline, or use the markdown report"
        )


def _find_path(chosen: Format, path: str | None) -> Path | None:
    if path is None:
        return Path(chosen.file) if chosen.file else None
    return Path(path)


def _require_writable(path: Path, chosen: Format) -> None:
    """Refuse a file that cannot be written, or that holds anything but an earlier report.

    Raises
    ------
    StoreError
        Naming the file.
    """
    from audit.system import atomic

    shown = printable(path, 200)
    try:
        fits = atomic.is_replaceable(path)
    except NotADirectoryError as error:
        raise StoreError(f"'{printable(path.parent, 200)}' is no folder; name another") from error
    except (OSError, ValueError) as error:
        reason = atomic.describe_failure(error)
        raise StoreError(f"the {chosen.name} report cannot be written to '{shown}': {reason}") from error
    if path.is_dir():
        raise StoreError(f"'{shown}' is a folder; name a file for the {chosen.name} report")
    if not fits:
        raise StoreError(f"the {chosen.name} report cannot be written to '{shown}': {atomic.NO_FILE}")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not os.access(folder, os.W_OK):
        raise StoreError(
            f"the {chosen.name} report cannot be written to '{shown}': permission denied; name another file"
        )
    if not path.is_file():
        return
    there = path.read_bytes()
    if there and not chosen.ours.search(there.decode("utf-8", "replace")):
        raise StoreError(
            f"'{shown}' exists and is no {chosen.name} report, so it is not overwritten; name another file"
        )


def _write_over(path: Path, text: str, chosen: Format) -> None:
    """Write a report into its file, whose folder is made; through a link, so that the link stays one."""
    from audit.system import atomic

    _require_writable(path, chosen)
    file = path.resolve()
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_text(file, text)


def write_reports(
    reports: Sequence[AskedReport],
    result: AuditResult,
    *,
    config: Path | None,
    folder: Path | None,
    json: bool,
    code: int | None = None,
) -> bool:
    """Write reports of a result, and return whether all that were asked for are there.

    Parameters
    ----------
    reports
        What to write.
    result
        The record.
    config
        The audit.toml that set its limits, where one did.
    folder
        Where the run lies, where it is kept.
    json
        Whether standard output carries the record, so that lines of the log go to standard error.
    code
        Exit code of the command where it is not its verdict's, because it was interrupted.
    """
    if not reports:
        return True
    report = _make_report(result, folder, config)
    report = report if code is None else replace(report, code=code)
    if any(asked.format == "github" for asked in reports):
        _tell_github(report)
    # Each is written, whatever became of those before it.
    lost = [asked for asked in reports if not _write_report(asked, report, json=json)]
    return not any(asked.is_asked for asked in lost)


def _make_report(result: AuditResult, folder: Path | None, config: Path | None) -> CiReport:
    """Return the report of a result as it reads today, with the card of its run where there is one."""
    from audit.report.ci.ci_report import make_ci_report
    from audit.report.disclosure.searches import read_searches

    card = None if folder is None else folder / CARD
    there = card is not None and card.is_file()
    searches = read_searches(folder)
    return make_ci_report(result, today(), config=config, card=card if there else None, searches=searches)


def _tell_github(report: CiReport) -> None:
    """Add to the files that GitHub Actions names: the summary of the step, and its outputs."""
    from audit.report.ci.formats import github

    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        there = Path(summary)
        left = github.MOST_SUMMARY_BYTES - (there.stat().st_size if there.is_file() else 0)
        _append(Path(summary), github.write_summary(report, left))
    if outputs := os.environ.get("GITHUB_OUTPUT"):
        _append(Path(outputs), github.write_outputs(report))


def _append(path: Path, text: str) -> None:
    """Add to a file; where that cannot be done it is said, and nothing else changes."""
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        say(f"audit: {printable(path, 200)} could not be written: {error.strerror}", err=True)


def _write_report(asked: AskedReport, report: CiReport, *, json: bool) -> bool:
    """Write one report; what goes wrong is said, and costs neither the others nor the verdict."""
    chosen = load_format(asked.format)
    text = chosen.write(report)
    if chosen.only_on_change and not text:
        say(f"No limit changed against the baseline, so no {chosen.name} report was written.", err=True)
        return True
    if asked.path is None:
        (sys.stderr if json else sys.stdout).write(text)
        return True
    try:
        _write_over(asked.path, text, chosen)
    except (StoreError, OSError) as error:
        say(f"audit: the {chosen.name} report was not written: {words_of(error)}", err=True)
        return False
    say(f"Wrote {printable(asked.path, 200)} ({chosen.name})", err=True)
    return True


def report(
    result: o.RunName = "latest",
    style: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help=f"{', '.join(list_formats())}.")
    ] = "markdown",
    output: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="File to write (default: stdout); overwrites a report, but no other file."
        ),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="The audit.toml that set the limits: findings name its lines."),
    ] = None,
    store: o.StorePath = Path(DEFAULT_STORE),
) -> None:
    """Print the report of a run for CI, small counts withheld."""
    from audit.config.read import load

    chosen = load_format(style)
    if output is not None:
        _require_writable(output, chosen)
    if policy is not None:
        load(policy)
    found, folder = load_by_name(resolve_name(result, store), store)
    require_baseline([AskedReport(chosen.name, None)], compared=found.baseline is not None)
    with explain_defects(found):
        text = chosen.write(_make_report(found, folder, policy))
    if chosen.only_on_change and not text:
        say(f"No limit changed against the baseline, so there is no {chosen.name} report.", err=True)
        return
    if output is None:
        sys.stdout.write(text)
    else:
        _write_over(output, text, chosen)


COMMANDS = (Command(report, {"name": "report"}),)
