"""The command that exchanges identities in texts, and measures what that changes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.cli.console import say
from audit.cli.options import Command

if TYPE_CHECKING:
    from audit.measurement.inference.intervals import MeanOfUnits
    from audit.pipeline.substitution import Compared, Written

SHOWN_ROWS = 5


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
    on each row: the effect is what changes between less what changes within.
    """
    from audit.errors import QuestionError
    from audit.pipeline.substitution import measure_swapped, write_swapped

    if decision is not None and terms is None and into is None:
        _print_effects(measure_swapped(table, decision))
        return
    if decision is not None or terms is None or into is None:
        raise QuestionError("give --terms and --into to write swapped texts, or --decision to measure their decisions")
    _print_written(write_swapped(table, terms, into, text, template), into)


def _print_written(written: Written, into: Path) -> None:
    say(
        f"{written.exchanged:,} of {written.texts:,} texts exchanged, of {written.templates:,} templates; "
        f"{written.rows:,} rows in {into}"
    )
    reasons = Counter(left.reason for left in written.left)
    for reason, count in reasons.most_common():
        rows = [f"{left.row:,}" for left in written.left if left.reason == reason][:SHOWN_ROWS]
        more = ", …" if count > SHOWN_ROWS else ""
        say(f"  {count:,} not exchanged: {reason} (row{'s' if count > 1 else ''} {', '.join(rows)}{more})")
    say(f"Next    decide on every row of {into}, then audit swap DECIDED --decision COLUMN")


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


def _write(mean: MeanOfUnits, *, shares: bool) -> str:
    """Return a difference with its interval, or why it has none; in points where decisions are yes or no."""
    value = f"{100 * mean.value:+.1f} points" if shares else f"{mean.value:+.4g}"
    if mean.low is None or mean.high is None:
        return f"{value} (no interval: {'the templates do not differ' if mean.alike else 'one template'})"
    ends = [f"{100 * end:+.1f}" if shares else f"{end:+.4g}" for end in (mean.low, mean.high)]
    return f"{value} (95% interval {' to '.join(ends)})"


COMMANDS = (Command(swap, {"name": "swap"}),)
