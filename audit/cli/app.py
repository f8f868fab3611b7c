"""All commands in one app, and the one place where an error becomes a line and an exit code.

Must not: import anything heavy before a command needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from audit._version import __version__
from audit.cli.streams import Interrupts, Streams
from audit.errors import AuditError, printable, without_credentials
from audit.system.environment import INTERRUPTED, escape_controls, find_ci, hand_on_output, leave_interrupted

INTERNAL_ERROR = 4
OUTPUT_LOST = 74
STRAY = "Got unexpected extra argument"
"""How Click begins what it says of a word that no argument takes."""
STOPPED = "interrupted (Ctrl-C); the command did not finish"
"""EX_IOERR of sysexits.h: all went well, but what was printed is not whole."""
JUDGING = frozenset(
    {"run", "data", "model", "measure", "track", "gate", "verify", "conform", "demo", "init", "count", "prune"}
    | {"read", "score", "pairs", "edge", "baseline"}
)
"""Commands that answer by their exit code, or by what they do to files; all others answer by what they print."""

HOMES = {
    **dict.fromkeys(("run", "data", "model", "track"), "audit"),
    "pairs": "pairing.pairs",
    "edge": "pairing.edge",
    "baseline": "ci.baseline",
    **dict.fromkeys(("count", "measure"), "parts"),
    **dict.fromkeys(("gate", "card", "list", "prune", "show", "diff", "verify", "dashboard"), "results"),
    **dict.fromkeys(("metrics", "checks", "conform"), "results"),
    "report": "ci.report",
    **dict.fromkeys(("plan", "init", "demo"), "init"),
    "read": "pairing.read",
    "score": "pairing.score",
    "swap": "pairing.swap",
    "drill": "ci.drill",
}
"""Module of each command, in the order of the help."""
PLAIN: dict[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False, "rich_markup_mode": None}


class _Commands(Mapping[str, Any]):
    """Commands by name; their module is loaded when one of them is looked for, so that none pays for the others."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made |= _make_commands(HOMES[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(HOMES)

    def __len__(self) -> int:
        return len(HOMES)


def _make_commands(home: str) -> dict[str, Any]:
    """Return the commands of one module."""
    made = typer.Typer(**PLAIN)
    for command in import_module(f"{__package__}.{home}").COMMANDS:
        made.command(**command.settings)(command.function)
    return dict(typer.main.get_group(made).commands)


class _Group(TyperGroup):
    """The app, whose commands are made when they are looked for."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**(settings | {"commands": _Commands()}))


app = typer.Typer(
    name="audit",
    cls=_Group,
    no_args_is_help=True,
    **PLAIN,
    help="Audit a training run: data checks, metrics by group, energy, limits and a card. Nothing is sent anywhere.",
    epilog="Exit codes: 0 every limit passed or is waived, or nothing was judged between groups; 1 a limit failed; "
    "2 bad input, nothing was judged; 3 a limit is inconclusive or undefined; 4 internal error; 5 the training "
    "failed; 74 standard output or the record could not be written in full; 130, 143 interrupted, terminated.",
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"evenhand {__version__}")
        raise typer.Exit


@app.callback()
def _begin(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    del version
    if isinstance(context.obj, Streams):
        context.obj.judges = context.invoked_subcommand in JUDGING


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit by the table of the contract."""
    streams, interrupts = Streams(), Interrupts()
    with streams.guard_output():
        with interrupts.note_first(last=arguments is None):
            try:
                code = _run(arguments, streams, interrupts)
            except KeyboardInterrupt:  # a second one broke into the answer to the first
                interrupts.end()
                code = _say(STOPPED, INTERRUPTED)
        hand_on_output()
        code = _report_lost_output(streams, code)
    if code == INTERRUPTED and arguments is None:
        leave_interrupted()
    sys.exit(code)


def _run(arguments: list[str] | None, streams: Streams, interrupts: Interrupts) -> int:
    """Run a command, say in one line what it ended in, and return its exit code."""
    try:
        code = app(args=arguments, standalone_mode=False, prog_name="audit", obj=streams)
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001 - the last door: an exit code, no result
        # A library may turn an interrupt into an error of its own; the first one decides.
        if interrupts.end() or isinstance(error, (KeyboardInterrupt, typer.Abort)):
            return _say(STOPPED, INTERRUPTED)
        return _report_error(error)
    if interrupts.end() and code == INTERRUPTED:  # typer makes a silent exit of an interrupt
        return _say(STOPPED, INTERRUPTED)
    return code if isinstance(code, int) else 0


def _report_error(error: BaseException) -> int:
    """Say what a command ended in."""
    if isinstance(error, AuditError):
        return _say(str(error), error.exit_code)
    if isinstance(error, SystemExit):
        said = f"internal error: a library stopped the program with {error.code!r}; nothing was judged"
        return _say(said, INTERNAL_ERROR)
    return _report_unexpected(error)


def _report_lost_output(streams: Streams, code: int) -> int:
    """Return the exit code where standard output could not be written; a verdict other than a pass keeps its own."""
    lost = streams.unwritten
    if lost is None:
        return code
    said = f"standard output could not be written: {lost.strerror or type(lost).__name__}; the text there is incomplete"
    return _say(said, code if streams.optional else code or OUTPUT_LOST)


def _report_unexpected(error: BaseException) -> int:
    """Report an error that is not ours: Click's usage errors explain themselves, all else is a defect and says so."""
    if hasattr(error, "exit_code") and hasattr(error, "show"):
        if hasattr(error, "message"):
            said = _explain_option(error) or _explain_stray(str(error.message))
            error.message = escape_controls(without_credentials(said))
            _annotate(error.message)
        error.show()
        return int(error.exit_code)
    if os.environ.get("EVENHAND_TRACEBACK"):
        raise error
    return _say(
        f"internal error: {type(error).__name__}: {printable(error, 300)}; this is a bug in evenhand, not in your data "
        "(EVENHAND_TRACEBACK=1 shows where)",
        INTERNAL_ERROR,
    )


def _explain_option(error: BaseException) -> str:
    """Return where a key of audit.toml is asked that no command has as an option; empty for all else."""
    from audit.config.sections import list_keys

    name = getattr(error, "option_name", None)
    if not isinstance(name, str) or not hasattr(error, "possibilities"):
        return ""
    asked = [key for key in list_keys() if key.flag == name]
    if not asked or any(key.option.doors for key in asked):
        return ""
    error.possibilities = None  # they are only spelled alike
    keys = " or ".join(f"[{key.section}] {key.key}" for key in asked)
    return f"No such option: {name}; it is a key of audit.toml alone: {keys}"


def _explain_stray(message: str) -> str:
    """Return a usage error with what was meant where a word is left over."""
    if not message.startswith(STRAY):
        return message
    return f"{message}; names of several columns are separated by commas, such as --groups race,sex"


def _say(message: str, code: int) -> int:
    line = escape_controls(without_credentials(" ".join(message.split("\n"))))
    print(f"audit: {line}", file=sys.stderr)  # noqa: T201 - the one door to the terminal for errors
    _annotate(line)
    return code


def _annotate(line: str) -> None:
    """Say it to GitHub Actions too, where a step that fails without an annotation is a puzzle."""
    if find_ci() != "github":
        return
    from audit.report.ci.plain_text import make_annotation

    print(make_annotation("error", line, title="audit"), file=sys.stderr)  # noqa: T201 - see above
