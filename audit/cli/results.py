"""Commands that read what was recorded: gate, card, list, show, verify, dashboard, metrics, conform."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.cli import options as o
from audit.cli.console import put, say
from audit.cli.job import ask_baseline, ask_reports, fence_log, report_result
from audit.cli.listing import listing, prune
from audit.cli.named_runs import explain_defects, load_by_name, print_unfinished, resolve_name
from audit.cli.options import Command
from audit.cli.verify import verify
from audit.system.environment import DEFAULT_STORE, today

if TYPE_CHECKING:
    from audit.record.result import AuditResult

HERE = Path(DEFAULT_STORE)
INCOMPLETE = 5
UNNAMED = (
    "RUN is missing: name the run to judge, such as `audit gate latest`, a run id or its first characters, or an "
    "audit.json"
)
"""A verdict of whatever run happens to be the last one would let a pipeline pass by another's run."""


def gate(
    result: o.JudgedRun = "",
    policy: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Judge by the limits of this audit.toml instead.")
    ] = None,
    rule: o.Gates = None,
    report: o.Reports = None,
    allow_inconclusive: o.AllowInconclusive = False,
    baseline: o.BaselineName = None,
    store: o.StorePath = HERE,
    json: o.AsJson = False,
    exit_zero: o.ExitZero = False,
) -> None:
    """Judge a recorded run again.

    Uses its record only; the exit code is that of the verdict.
    """
    from audit.cli.ci.baseline import judge_now
    from audit.cli.console import PlainConsole
    from audit.errors import QuestionError
    from audit.gates.verdicts import exit_code
    from audit.pipeline.records import record_question
    from audit.report.terminal.verdict import print_verdict

    if not result:
        raise QuestionError(UNNAMED)
    reports = ask_reports(report)
    if print_unfinished(result, store, json=json, gated=True):
        raise typer.Exit(INCOMPLETE)
    found, folder = load_by_name(result, store)
    config = _choose_question(found, policy, rule)
    config = config.allowing_inconclusive() if allow_inconclusive else config
    config = ask_baseline(config, baseline, Path(), reports)
    with explain_defects(found):
        judged = judge_now(found, config, baseline, store, renamed=policy is not None)
    if json:
        put(judged.to_json())
    code = exit_code(judged.verdict, config.policy.insufficient)
    excused = exit_zero and code in {1, 3}
    with explain_defects(found):
        # What is said of the exit code is said of the policy that was applied, which may not be the recorded one.
        applied = replace(judged, question=record_question(config))
        with fence_log(json=json):
            console = PlainConsole(stderr=json)
            print_verdict(applied, console, exit_zero=excused, named=True, today=today(), folder=folder)
        code = report_result(reports, applied, 0 if excused else code, config=policy, folder=folder, json=json)
    raise typer.Exit(code)


def _choose_question(found: AuditResult, path: Path | None, rules: list[str] | None) -> Any:
    """Return the question of the result, with other gates where they are given."""
    from audit.cli.question import JUDGING, read_policy
    from audit.config.read import build, read_question
    from audit.config.written_limits import read_rule

    recorded = read_question(found)
    if path is None and not rules:
        return recorded
    raw = dict(found.question.config)
    if path is not None:
        other = read_policy(path, raw, JUDGING)
        raw = {k: v for k, v in raw.items() if k not in JUDGING} | other
    if rules:
        stage = "model" if "predictions" in raw else "data"
        raw = {k: v for k, v in raw.items() if k != "waivers"} | {"gates": [read_rule(r, stage) for r in rules]}
    return build(raw, str(path or "the configuration of the run"))


def card(
    result: o.RunName = "latest",
    style: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="html or md; croissant (dataset description); ll144 or ll144-md (NYC Local Law 144).",
        ),
    ] = "md",
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File to write (default: stdout); overwrites a card, but no other file."),
    ] = None,
    k: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Withhold counts under N (default: [publish] k of the run, or 10)."),
    ] = None,
    store: o.StorePath = HERE,
) -> None:
    """Print the card of a run, with small counts withheld."""
    from audit.faults.drill import read_drill
    from audit.report.card.render import render, write_over
    from audit.report.disclosure.searches import read_searches
    from audit.system.environment import escape_controls

    found, folder = load_by_name(resolve_name(result, store), store)
    with explain_defects(found):
        text = render(found, style, k, read_drill(folder), read_searches(folder))
    if output is None:
        sys.stdout.write(escape_controls(text))
    else:
        write_over(output, text)


def show(
    run: o.RunName = "latest",
    store: o.StorePath = HERE,
    json: o.AsJson = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Print everything: all rates, checks, p-values, sources and digests.")
    ] = False,
) -> None:
    """Show the summary of a recorded run."""
    from audit.cli.console import PlainConsole
    from audit.cli.job import find_store_option
    from audit.report.terminal.summary import Ending, print_summary

    if print_unfinished(run, store, json=json, gated=False):
        return
    found, folder = load_by_name(run, store)
    if json:
        put(found.to_json())
        return
    with explain_defects(found):
        named = f"{shlex.quote(run)}{find_store_option(store)}"
        every = f"audit show {named} --all"
        following = f"audit gate {named}" if everything else f"All numbers: {every}"
        ending = Ending(folder=folder, next_command=following, more=every)
        print_summary(found, PlainConsole(), ending, whole=everything)


def diff(
    old: o.RunName,
    new: o.RunName = "latest",
    store: o.StorePath = HERE,
) -> None:
    """Compare two runs.

    Shows which verdicts changed, and which rates changed beyond chance.
    """
    from audit.record.compare import compare, describe_comparison
    from audit.report.terminal.lines import withhold

    (before, _), (after, _) = load_by_name(old, store), load_by_name(new, store)
    with explain_defects(before, after):
        rows = _describe_rows(before, after)
        before, after = withhold(before), withhold(after)
        said = list(describe_comparison(compare(before, after)))
    say("\n".join((*said, *rows)))


def _describe_rows(before: AuditResult, after: AuditResult) -> list[str]:
    """Return what changed row by row, where both runs name their rows; or why it cannot be said."""
    from audit.errors import InputError
    from audit.gates.words.changed import describe_change
    from audit.pipeline.two_runs.paired_runs import can_be_paired, describe_pairing, pair_runs
    from audit.report.terminal.lines import withhold

    if not can_be_paired(before, after):
        return []
    try:
        paired = pair_runs(before, after)
    except InputError as error:
        return [f"Not compared row by row: {error}"]
    return [f"{describe_pairing(paired)}: {describe_change(withhold(paired.result))}"]


def dashboard(
    store: o.StorePath = HERE,
    port: Annotated[int | None, typer.Option(metavar="N", help="Port on this machine (default: a free one).")] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Show the store in a browser, on this machine only."""
    from audit.cli.dashboard import serve

    raise typer.Exit(serve(store, port=port, open_browser=browser))


def metrics(
    name: Annotated[str | None, typer.Argument(help="Metric to explain (default: all).")] = None,
    json: o.AsJson = False,
) -> None:
    """List the metrics, or explain one.

    Each with formula, range, ideal and source; names of other libraries included.
    """
    import json as codec

    from audit.errors import QuestionError
    from audit.measurement.metrics.catalogue import CATALOGUE, describe_metric, describe_other_name, no_such_metric
    from audit.measurement.metrics.other_names import OTHER_NAMES

    rows = [describe_metric(m) for m in CATALOGUE.values()] + [describe_other_name(o) for o in OTHER_NAMES.values()]
    if name is not None and not (rows := [row for row in rows if row["name"] == name]):
        raise QuestionError(no_such_metric(name, (*CATALOGUE, *OTHER_NAMES)))
    if json:
        # JSON has no infinity: a side without a bound is null.
        plain = [row | {"range": [b if abs(b) < float("inf") else None for b in row["range"]]} for row in rows]
        sys.stdout.write(codec.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        return
    for row in rows:
        typer.echo(f"{row['name']}  ({row['stage']})")
        typer.echo(f"    {row['title']}: {row['formula']}")
        typer.echo(
            f"    range {row['range'][0]:g} to {row['range'][1]:g}; ideal: {row['ideal']}; source: {row['source']}"
        )
        if row["caveat"]:
            typer.echo(f"    note: {row['caveat']}")


def checks(
    code: Annotated[str | None, typer.Argument(help="Check code to explain (default: all).")] = None,
    json: o.AsJson = False,
) -> None:
    """List the data checks, or explain one.

    Each with its code, why it matters, its source and what to do.
    """
    import json as codec
    from shutil import get_terminal_size

    from audit.checks.codes import codes
    from audit.checks.reference import describe_code, explain_code, list_codes
    from audit.errors import QuestionError, no_such

    found = [c for c in codes() if code is None or c.code == code.upper()]
    if not found:
        raise QuestionError(no_such("check", code, [c.code for c in codes()]))
    if json:
        sys.stdout.write(codec.dumps([describe_code(c) for c in found], indent=1, ensure_ascii=False) + "\n")
        return
    width = get_terminal_size().columns
    typer.echo("\n".join(list_codes(found, width) if code is None else explain_code(found[0], width)))


def conform(
    file: Annotated[Path | None, typer.Argument(help="File of test vectors (default: the shipped ones).")] = None,
    json: o.AsJson = False,
) -> None:
    """Run the conformance tests.

    Published figures and worked examples are recomputed and compared.
    """
    import json as codec
    from dataclasses import asdict

    from audit.conformance.run import run, table

    outcomes = run(file)
    if json:
        sys.stdout.write(codec.dumps([asdict(found) for found in outcomes], indent=1, ensure_ascii=False) + "\n")
    else:
        typer.echo(table(outcomes))
    raise typer.Exit(0 if all(found.passed for found in outcomes) else 1)


COMMANDS = (
    Command(gate, {"name": "gate"}),
    Command(card, {"name": "card"}),
    Command(listing, {"name": "list"}),
    Command(prune, {"name": "prune"}),
    Command(show, {"name": "show"}),
    Command(diff, {"name": "diff"}),
    Command(verify, {"name": "verify"}),
    Command(dashboard, {"name": "dashboard"}),
    Command(metrics, {"name": "metrics"}),
    Command(checks, {"name": "checks"}),
    Command(conform, {"name": "conform"}),
)
