"""The command for two decisions about the same rows: pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from audit.cli import options as o
from audit.cli.audit import audit_table, say_in_options
from audit.cli.job import HERE, ask_reports, fence_log, make_job, report_result
from audit.cli.options import Command, Given

WORST_FIRST = (1, 3, 0)
"""Exit codes of verdicts; any other code is worse than all of them."""


@o.with_options("model")
def pairs(
    table: Annotated[str, typer.Argument(metavar="TABLE", help=f"Both decisions. {o.TABLE}")],
    *,
    prediction: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column of new decisions; several are compared one by one."),
    ] = None,
    gate: o.Gates = None,
    config: o.ConfigPath = None,
    write_config: o.WriteConfig = None,
    report: o.Reports = None,
    baseline: o.BaselineName = None,
    store: o.StorePath = HERE,
    json: o.AsJson = False,
    exit_zero: o.ExitZero = False,
    verbose: o.Verbose = False,
    **asked: Any,
) -> None:
    """Compare two decisions about the same rows.

    What changed, who lost, how sure: --prediction names the new decision, --against the earlier one.
    """
    from audit.config.options import split
    from audit.config.read import load
    from audit.errors import QuestionError, printable

    if config is None and asked["against"] is None:
        raise QuestionError("--against is missing; name the column of the earlier decisions")
    if config is not None and getattr(load(config)[0].predictions, "against", None) is None:
        raise QuestionError(
            f"'{printable(config)}' has no [predictions] against; name the column of the earlier decisions"
        )
    candidates = split(prediction, "--prediction")
    asked |= {"prediction": candidates[0] if candidates else None}
    given = Given("model", table, asked, gates=gate or (), command="pairs", baseline=baseline)
    if len(candidates) < 2:
        reports = ask_reports(report)
        audit_table(given, config, write_config, store, reports, json=json, exit_zero=exit_zero, verbose=verbose)
        return
    alone = {
        "--config": config,
        "--write-config": write_config,
        "--json": json,
        "--report": report,
        "--baseline": baseline,
    }
    if stray := [flag for flag, value in alone.items() if value]:
        raise QuestionError(f"{stray[0]} takes one --prediction, and {len(candidates)} are given; name one of them")
    if twice := [name for name in candidates if candidates.count(name) > 1]:
        raise QuestionError(f"--prediction names '{printable(twice[0])}' twice; name each candidate once")
    _compare_each(given, candidates, store, exit_zero=exit_zero)


def _compare_each(given: Given, candidates: Sequence[str], store: Path, *, exit_zero: bool) -> None:
    """Audit each candidate against the same earlier decisions, show each verdict, and exit by the worst."""
    from audit.cli.console import PlainConsole
    from audit.cli.question import ask
    from audit.counting.backends.choose import open_source
    from audit.pipeline.run import run as run_audit
    from audit.report.terminal.verdict import print_verdict
    from audit.tables.addresses import strip_place

    codes, console = [], PlainConsole()
    with say_in_options(given, asked=True):
        # Before the first is audited and stored.
        config = ask(given, None)
        dialect, engine = config.dialect(given.table), config.data.engine
        open_source(given.table, digested=False, engine=engine, dialect=dialect).require(candidates)
    # One file cannot hold the reports of several; a log can, in which each names its candidate.
    logged = [report for report in ask_reports(None) if report.path is None]
    for name in candidates:
        own = replace(given, asked={**given.asked, "prediction": name})
        with say_in_options(own, asked=True):
            config = ask(own, None)
            job = make_job(
                config, Path(), store, ("audit", given.command, strip_place(given.table)), json=False, metered=False
            )
            audited = run_audit(job)
        forgiven = exit_zero and audited.exit_code in {1, 3}
        with fence_log(json=False):
            console.print(f"{name} against {given.asked['against']}", markup=False, highlight=False)
            print_verdict(audited.result, console, exit_zero=forgiven, named=True, folder=audited.folder)
            console.print()
        report_result(logged, audited.result, 0, config=None, folder=audited.folder, json=False)
        codes.append(0 if forgiven else audited.exit_code)
    raise typer.Exit(min(codes, key=lambda code: WORST_FIRST.index(code) if code in WORST_FIRST else -1))


COMMANDS = (Command(pairs, {"name": "pairs"}),)
