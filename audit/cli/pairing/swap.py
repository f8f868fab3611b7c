"""The command that exchanges identities in texts, and measures what that changes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.cli.console import say
from audit.cli.options import Command

if TYPE_CHECKING:
    from audit.measurement.inference.intervals import MeanOfUnits
    from audit.pipeline.substitution import Compared, Written
    from audit.text.swap import Left

SHOWN_REASONS, SHOWN_ROWS = 10, 5


def swap(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE", show_default=False, help="Table of prompts, or with the decisions on each arm."
        ),
    ],
    terms: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="TOML file with the words of each group (docs/language-models.md)."),
    ] = None,
    into: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File to write, .parquet or .csv; never overwrites a file.")
    ] = None,
    text: Annotated[str, typer.Option(metavar="COLUMN", help="Column with the text.")] = "text",
    template: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column with the template that texts were made from.")
    ] = None,
    decision: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Measure: column with the decision on each arm.")
    ] = None,
) -> None:
    """Exchange identities in texts, and measure the effect.

    With --terms and --into, writes each text three times: as it is, with the words of another group (between), and with
    other words of the same group (within, the placebo). With --decision, reads that table back once a model has decided
    on each row: the effect is what changes between less what changes within. With --into as well, writes what audit
    pairs can record and judge.
    """
    from audit.errors import QuestionError
    from audit.pipeline.substitution import measure_swapped, write_exchanges, write_swapped

    if decision is not None and terms is None:
        # What is written is refused before anything is said of it.
        count = None if into is None else write_exchanges(table, decision, into)
        _print_effects(measure_swapped(table, decision))
        if count is not None:
            _print_exchanges(count, into)
        return
    if decision is not None or terms is None or into is None:
        raise QuestionError("give --terms and --into to write swapped texts, or --decision to measure their decisions")
    _print_written(write_swapped(table, terms, into, text, template), into)


def _print_written(written: Written, into: Path) -> None:
    say(
        f"{written.exchanged:,} of {written.texts:,} texts exchanged, of {written.templates:,} templates; "
        f"{written.rows:,} rows in {into}"
    )
    _print_left(written.left, written.texts)
    say(f"Next    decide on every row of {into}, then audit swap DECIDED --decision COLUMN")


def _print_left(left: Sequence[Left], of: int) -> None:
    """Say how many texts are not exchanged, with the reasons that most of them share and their first rows."""
    rows: dict[str, list[str]] = {}
    for each in left:
        rows.setdefault(each.reason, []).append(f"{each.row:,}")
    if left:
        say(f"{len(left):,} of {of:,} texts {'is' if len(left) == 1 else 'are'} not exchanged:")
    often = sorted(rows.items(), key=lambda reason: -len(reason[1]))
    for reason, at in often[:SHOWN_REASONS]:
        more = ", …" if len(at) > SHOWN_ROWS else ""
        say(f"  {len(at):,}: {reason} (row{'s' if len(at) > 1 else ''} {', '.join(at[:SHOWN_ROWS])}{more})")
    if len(often) > SHOWN_REASONS:
        others = sum(len(at) for _, at in often[SHOWN_REASONS:])
        say(f"  {others:,}: {len(often) - SHOWN_REASONS} other reasons")


def _print_effects(effects: tuple[Compared, ...]) -> None:
    for found in effects:
        e = found.effect
        say(f"{found.group} to {found.to}: {e.texts:,} texts of {e.templates:,} templates")
        if found.shares:
            say(f"  changed between {e.between:.1%}, within {e.within:.1%}")
        else:
            say(f"  mean change between {e.between:.4g}, within {e.within:.4g}")
        say(f"  effect (between less within) {_write(e.effect, shares=found.shares)}")
        say(f"  shift (decision with {found.to} less {found.group}) {_write(e.shift, shares=found.shares)}")


def _print_exchanges(count: int, into: Path | None) -> None:
    say(f"{count:,} exchanges in {into}, a row each")
    say(
        f"Next    audit pairs {into} --prediction changed_between --against changed_within --groups exchange "
        "--unit template"
    )


def _write(mean: MeanOfUnits, *, shares: bool) -> str:
    """Return a difference with its interval, or why it has none; in points where decisions are yes or no."""
    value = f"{100 * mean.value:+.1f} points" if shares else f"{mean.value:+.4g}"
    if mean.low is None or mean.high is None:
        return f"{value} (no interval: {'the templates do not differ' if mean.alike else 'one template'})"
    ends = [f"{100 * end:+.1f}" if shares else f"{end:+.4g}" for end in (mean.low, mean.high)]
    return f"{value} (95% interval {' to '.join(ends)})"


COMMANDS = (Command(swap, {"name": "swap"}),)
