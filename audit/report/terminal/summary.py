"""What a person reads when a command ends: the verdict first, then the groups, then energy, then what to do next.

Every line is a head and a body; the body is wrapped under its own start, except what people copy (paths, commands).

Must not: judge, measure, or rely on colour or on a character that the terminal cannot show; every status is a word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from audit.errors import printable
from audit.estimate import group_text, interval_text, number
from audit.gates.four_fifths import CODE as FOUR_FIFTHS_RULE
from audit.gates.judge import WORST_FIRST, exit_code, find_deciding_gate
from audit.gates.sentences import describe_training, headline_of
from audit.record.energy import CONTRACT_FACTOR, GRID_FACTOR
from audit.record.energy_text import (
    describe_measured_share,
    describe_unmeasured,
    format_figure,
    format_mass,
    format_share,
    format_total,
    format_volume,
    split_by_component,
)
from audit.record.result import AuditResult, CarbonPerUnit, Check, Energy, Gate, Part
from audit.record.store import BEFORE
from audit.report.terminal.tables import Line, make_group_tables, to_encoding

if TYPE_CHECKING:
    from rich.console import Console

    from audit.record.store import Unfinished

DECLARED_UNIT = "functional unit"
UNDER = " " * 8
"""Head of a line that goes on under another."""


MEANING = {
    0: "every gate passed",
    1: "a gate failed",
    3: "undefined or insufficient evidence, which the policy does not allow",
    5: "the training itself failed",
}
STOPPED = {"SIGINT": "stopped with Ctrl-C", "SIGTERM": "stopped with SIGTERM", "SIGHUP": "the terminal was closed"}
"""How a run was stopped from outside, by the name of the signal."""
WAY_OUT = {
    "insufficient": '; [policy] insufficient = "warn" in audit.toml would allow it',
    "undefined": "; no policy allows what is undefined",
}
"""What an exit code says further, by verdict."""
STYLE = {
    "pass": "green",
    "fail": "bold red",
    "insufficient": "yellow",
    "undefined": "magenta",
    "waived": "cyan",
    "not judged": "bold",
    "incomplete": "bold red",
    "warn": "yellow",
    "error": "magenta",
}
MOST_CHECKS, MOST_PATH, SHORTEST_NAME = 5, 4096, 12
LONGEST_DETAIL, LONGEST_RULE = 160, 800
"""Characters of what a check found; the four-fifths rule is told whole, for its reason stands behind the numbers."""
NARROWEST = 40


def print_summary(
    result: AuditResult,
    console: Console,
    *,
    folder: Path | None = None,
    next_command: str | None = None,
    exit_zero: bool = False,
    code: int | None = None,
) -> None:
    """Print a whole result for people.

    Parameters
    ----------
    result
        The private record.
    console
        Where to; its width and encoding are kept.
    folder
        Folder of the run, to name its card.
    next_command
        The one thing to do next.
    exit_zero
        Whether the command exits 0 whatever the verdict is.
    code
        Exit code of the command where it is not its verdict's, because it was interrupted.
    """
    metered = _is_tracked(result)
    if metered:
        _print_tracked(result, console, code)
    else:
        print_verdict(result, console, exit_zero=exit_zero, code=code)
    audited = any(e.stage == "model" for e in result.estimates)
    data = _describe_data_gaps(result) if audited else make_group_tables(result, "data", console)
    for lines in (
        make_group_tables(result, "model", console),
        data,
        (*_describe_rows(result.data), *_describe_threshold(result.checks)),
        _list_checks(result.checks),
        () if metered else (*describe_energy(result.energy), *_explain_unmetered(result)),
        _list_next_steps(folder, next_command),
    ):
        print_section(console, lines)


def _explain_unmetered(result: AuditResult) -> Iterator[Line]:
    """Yield why a whole pipeline has no figure of energy: it trains nothing, and no meter was asked for."""
    trains = "train" in result.question.config
    if result.energy is None and result.run.command[1:2] == ("run",) and not trains:
        yield Line(
            "Energy  ", "not metered, because nothing is trained; [energy] in audit.toml asks for it all the same"
        )


def _is_tracked(result: AuditResult) -> bool:
    """Return whether a command was metered and nothing else asked."""
    return result.run.command[1:2] == ("track",)


def _print_tracked(result: AuditResult, console: Console, code: int | None) -> None:
    """Print what a command drew, which is what was asked; how it ended, where that was not well."""
    for line in list(describe_energy(result.energy)) or [Line("Energy  ", "not recorded")]:
        _print_line(console, line)
    if result.verdict != "not judged":
        _print_line(console, Line(""))
        print_verdict(result, console, code=code)


def describe_in_a_line(result: AuditResult, folder: Path | None) -> str:
    """Return verdict, energy and the place of the card in one line."""
    energy = " ".join(line.body for line in list(describe_energy(result.energy))[:1])
    where = ""
    if folder is not None:
        where = f"card: {printable(folder / 'card.html', MOST_PATH)}"
    said = (f"{result.verdict}: {_describe_verdict(result)}", energy, where)
    return " · ".join(part.rstrip(".") for part in said if part)


def print_verdict(result: AuditResult, console: Console, *, exit_zero: bool = False, code: int | None = None) -> None:
    """Print the verdict, the meaning of the exit code, and every gate; ``code`` where it is not that of the verdict."""
    _print_line(console, Line(f"{result.verdict.upper()}: ", _describe_verdict(result), result.verdict))
    meaning = _explain_exit_code(result, code)
    if exit_zero and not meaning.startswith("Exit code 0"):
        meaning = f"Exit code 0, as --exit-zero asks; without it {meaning.removeprefix('Exit code ')}"
    _print_line(console, Line("", meaning))
    for sentence in describe_training(result.run):
        _print_line(console, Line("", sentence))
    print_section(console, _list_gates(result.gates, console.width))


def print_unfinished(left: Unfinished, console: Console, *, gated: bool) -> None:
    """Print what a run that did not end has left."""
    _print_line(console, Line("INCOMPLETE: ", f"run {printable(left.id)} did not end, or goes on still.", "incomplete"))
    if gated:
        _print_line(console, Line("", "Exit code 5: there is nothing to judge, so nothing may be released on it."))
    if (left.path / BEFORE).is_dir():
        said = f"the predictions that lay there before training, in {printable(left.path / BEFORE, MOST_PATH)}"
        _print_line(console, Line("Kept    ", said, whole=True))
    if left.energy is None:
        print_section(
            console, [Line("Energy  ", f"nothing of it was written down in {printable(left.path, MOST_PATH)}")]
        )
        return
    print_section(console, describe_energy(left.energy))
    when = "written down"
    if left.written:
        when = f"written down {printable(left.written, 40)}"
    doing = ""
    if left.phase:
        doing = f", during {printable(left.phase, 20)}"
    _print_line(console, Line("Kept    ", f"{when}{doing}, in {printable(left.path, MOST_PATH)}", whole=True))


def _describe_verdict(result: AuditResult) -> str:
    if result.verdict == "incomplete":
        if result.run.interrupted:
            return (
                f"{STOPPED[result.run.interrupted]} while the training went on; what was recorded until then is kept."
            )
        code = next((c for c in result.run.exit_codes.values() if c != 0), None)
        if code is None:
            return "the run is not whole, so it was not judged; what was recorded is kept."
        return f"the command ended with code {code}; what was recorded until then is kept."
    gate = find_deciding_gate(result.gates)
    if gate is None:
        return "no gate was asked for."
    return headline_of(result.verdict, gate.sentence)


def _explain_exit_code(result: AuditResult, own: int | None = None) -> str:
    """Return what the exit code says; ``own`` where the command has one that is not that of its verdict."""
    policy = dict(result.question.config.get("policy") or {})
    code = exit_code(result.verdict, str(policy.get("insufficient", "fail")))
    if result.verdict == "incomplete":
        return _explain_incomplete(result, code if own is None else own)
    if code == 0 and result.verdict == "insufficient":
        return "Exit code 0: insufficient evidence, which the policy allows."
    if result.verdict == "not judged":
        between = " between groups" if result.gates else ""
        return f"Exit code 0: nothing was judged{between}, so nothing has passed."
    if result.verdict == "waived":
        return f"Exit code 0: {_count_waived(result.gates)}."
    return f"Exit code {code}: {MEANING[code]}{WAY_OUT.get(result.verdict, '')}."


def _explain_incomplete(result: AuditResult, code: int) -> str:
    """Return what the exit code of a run says that did not end as it should."""
    failed = next((c for c in result.run.exit_codes.values() if c != 0), None)
    if _is_tracked(result) and failed is not None:
        return f"Exit code {failed if failed > 0 else 128 - failed}: the command's own, passed through."
    if result.run.interrupted:
        return f"Exit code {code}: the run was interrupted, so there is nothing to judge or to release."
    if result.run.ended and failed is None:
        return f"Exit code {code}: an audit that is not whole releases nothing."
    return f"Exit code {code}: {MEANING[code]}."


def _count_waived(gates: Sequence[Gate]) -> str:
    """Return how many gates did not pass and are waived."""
    waived = sum(g.verdict == "waived" for g in gates)
    one = waived == 1
    return f"{waived} of {len(gates)} gates {'is' if one else 'are'} waived and {'has' if one else 'have'} not passed"


def _list_gates(gates: Sequence[Gate], width: int) -> Iterator[Line]:
    """Yield every gate: one line where all fit, otherwise the numbers under the name."""
    if not gates:
        return
    yield Line("Gates")
    ordered = sorted(gates, key=lambda g: WORST_FIRST.index(g.verdict))
    found = [_describe_gate(g) for g in ordered]
    room = max(cell_len(printable(g.name)) for g in gates) + 2
    for gate, text in zip(ordered, found, strict=True):
        head = f"  {gate.verdict.upper():<14}"
        if 16 + room + max(map(cell_len, found)) <= width:
            yield Line(head, set_cell_size(printable(gate.name), room) + text, gate.verdict)
        else:
            yield Line(head, printable(gate.name, max(width - 16, SHORTEST_NAME)), gate.verdict, whole=True)
            yield Line(" " * 16, text)


def _describe_gate(gate: Gate) -> str:
    """Return value, interval and limit of a gate."""
    limit = f"limit at least {gate.min:g}" if gate.min is not None else f"limit at most {gate.max:g}"
    more = ""
    if gate.needed_n:
        more = f"; about {gate.needed_n:.2g} times the data would settle it"
    e = gate.estimate
    if e is None or e.value is None:
        why = "not measured"
        if e is not None:
            why = printable(e.reason or "no reason was recorded", 160)
        return f"undefined: {why}; {limit}"
    if e.stage == "checks":
        return f"{e.value:g}, {limit}"
    if e.stage == "energy":
        return f"{format_total(e)}, {limit}"
    interval = "" if e.low is None and e.high is None else interval_text(gate.low, gate.high)
    return f"{number(e.value)}{interval}, {limit}{more}"


def _describe_data_gaps(result: AuditResult) -> Iterator[Line]:
    """Yield one line a grouping: how far the labels themselves differ."""
    for gap in (e for e in result.find("base_rate", "difference", stage="data") if e.group is None):
        said = f"base rate by {' x '.join(printable(b, 30) for b in gap.by)}: "
        if gap.value is None or gap.pair is None:
            said += f"undefined, {printable(gap.reason, 160)}"
        elif gap.value == 0:
            said += f"equal{interval_text(gap.low, gap.high)}"
        else:
            lower, higher = map(group_text, gap.pair)
            said += f"{lower} below {higher} by {number(gap.value)}{interval_text(gap.low, gap.high)}"
        yield Line("Data    ", said)


def _describe_rows(parts: Sequence[Part]) -> Iterator[Line]:
    """Yield of each part how many rows were read, used and left out, and why."""
    for part in parts:
        left = sum(part.rows_excluded.values())
        why = ", ".join(f"{printable(reason)}: {rows:,}" for reason, rows in part.rows_excluded.items())
        out = ", left out none"
        if left:
            out = f", left out {left:,} ({why})"
        read = max(part.rows_read, 1)
        without = "".join(
            f"; {rows:,} ({rows / read:.1%}) have no {printable(column, 40)}"
            for column, rows in part.rows_without_group.items()
        )
        yield Line("Rows    ", f"{part.part}: of these {part.rows_read:,}, used {part.rows_used:,}{out}{without}")


def _describe_threshold(checks: Sequence[Check]) -> Iterator[Line]:
    """Yield at which score decisions begin, where no option named it."""
    for check in checks:
        if check.code == "FM003" and check.outcome == "pass":
            yield Line("Cut     ", check.detail)


def _list_checks(checks: Sequence[Check]) -> Iterator[Line]:
    if not checks:
        return
    counts = ", ".join(f"{n} {outcome}" for outcome, n in Counter(c.outcome for c in checks).items())
    yield Line("Checks  ", f"{len(checks)} run: {counts}")
    order = ("fail", "error", "undefined", "insufficient", "warn", "waived")
    bad = sorted((c for c in checks if c.outcome in order), key=lambda c: (order.index(c.outcome), c.code))
    for _, alike in groupby(bad[:MOST_CHECKS], key=lambda c: (c.outcome, c.code, c.mend)):
        yield from _list_alike(tuple(alike))
    if len(bad) > MOST_CHECKS:
        rest = dict.fromkeys(printable(c.code, 20) for c in bad[MOST_CHECKS:])
        yield Line("  ", f"… and {len(bad) - MOST_CHECKS} more ({', '.join(rest)}); the card has them all")


def _list_alike(checks: Sequence[Check]) -> Iterator[Line]:
    """Yield checks of one code and outcome, and their mend once."""
    for check in checks:
        most = LONGEST_RULE if check.code == FOUR_FIFTHS_RULE else LONGEST_DETAIL
        detail = f": {printable(check.detail, most)}" if check.detail else ""
        said = f"{printable(check.code, 20)}  {printable(check.title, 120)}{detail}"
        yield Line(f"  {f'{check.outcome.upper()} ':<10}", said, check.outcome)
    if checks[0].mend:
        yield Line(" " * 12, f"to mend: {printable(checks[0].mend, 160)}")


def _list_next_steps(folder: Path | None, next_command: str | None) -> Iterator[Line]:
    if folder is not None:
        yield Line("Card    ", printable(folder / "card.html", MOST_PATH), whole=True)
    if next_command:
        yield Line("Next    ", printable(next_command, MOST_PATH), whole=True)


def print_section(console: Console, lines: Iterable[Line]) -> None:
    """Print lines after an empty one; nothing where there are none."""
    written = list(lines)
    while written and written[-1] == Line(""):
        written.pop()
    for line in [Line(""), *written] if written else []:
        _print_line(console, line)


def _print_line(console: Console, line: Line) -> None:
    """Print one line, wrapped under the start of its body; the status is the only thing in colour."""
    head, body = to_encoding(console, line.head, row=line.whole), Text(to_encoding(console, line.body, row=line.whole))
    indent = cell_len(head)
    room = max(console.width, NARROWEST) - indent
    first, *rest = [body] if line.whole or not line.body else list(body.wrap(console, room))
    starts = [(head, STYLE.get(line.status, "")), *[(" " * indent, "")] * len(rest)]
    for start, text in zip(starts, [first, *rest], strict=True):
        whole = Text.assemble(start, text)
        whole.rstrip()
        console.print(whole, highlight=False, soft_wrap=True)


# Energy and carbon as lines of a terminal: every figure with its measured share, and what it is made of.
#
# Must not: show a figure without how it is known, or a 0 for what was not measured.
def describe_energy(energy: Energy | None) -> Iterator[Line]:
    """Yield what was drawn and how that is known, and what it means in carbon and water."""
    if energy is None:
        return
    if energy.energy_kwh is None:
        yield Line("Energy  ", describe_unmeasured(energy))
        return
    yield Line(
        "Energy  ",
        f"{format_figure(energy.energy_kwh)} kWh ({describe_measured_share(energy)}){_describe_parts(energy)}",
    )
    yield Line("Carbon  ", _describe_carbon(energy))
    if energy.carbon_market_g is not None:
        known = f"{format_mass(energy.carbon_market_g)} CO2e ({describe_measured_share(energy)})"
        yield Line(UNDER, f"market based, beside it: {known}, by contract{_describe_factor(energy, CONTRACT_FACTOR)}")
    if energy.embodied_g is not None:
        yield Line(UNDER, f"embodied, apart: {format_mass(energy.embodied_g)} CO2e for making the machine")
    for row in (r for r in energy.sci if r.group is None and (r.operational_g is not None or r.kind == DECLARED_UNIT)):
        yield Line(UNDER, f"{_describe_unit(row)} ({describe_measured_share(energy)})")
    if energy.water_l is not None:
        yield Line("Water   ", f"{format_volume(energy.water_l)} ({describe_measured_share(energy)})")


def _describe_parts(energy: Energy) -> str:
    """Return components by their share, the most first, and phases and components of which nothing is known."""
    made = ", ".join(
        f"{printable(p.component, 30)} {format_share(p.share)} ({p.method})" for p in split_by_component(energy)
    )
    metered = {c.phase for c in energy.components if c.energy_j is not None}
    blind = [c for c in energy.components if c.energy_j is None]
    phases = {c: printable(c.phase, 20) for c in blind}
    silent = [p if c.phase not in metered else f"{printable(c.component, 30)} in {p}" for c, p in phases.items()]
    missed = ""
    if silent:
        missed = f"; not metered: {', '.join(dict.fromkeys(silent))}"
    return f"; {made}{missed}"


def _describe_carbon(energy: Energy) -> str:
    if energy.carbon_g is None:
        return "unknown grid, so no grams: name it with [energy] country"
    known = f"{format_mass(energy.carbon_g)} CO2e ({describe_measured_share(energy)})"
    return f"{known}, location based{_describe_factor(energy, GRID_FACTOR)}"


def _describe_factor(energy: Energy, name: str) -> str:
    """Return the factor with its source and date."""
    factor = next((f for f in energy.factors if f.name == name), None)
    if factor is None:
        return ""
    source = f"{printable(factor.source, 120).removesuffix(', location based')}, {printable(factor.date, 30)}"
    return f", at {factor.value:.3g} {printable(factor.unit, 30)} from {source}"


def _describe_unit(row: CarbonPerUnit) -> str:
    """Return the carbon of one unit, called what it is."""
    unit = printable(row.unit, 60)
    if row.sci_g is not None:
        return f"{format_mass(row.sci_g)} CO2e per {unit}, by ISO/IEC 21031"
    if row.operational_g is not None:
        return f"{format_mass(row.operational_g)} CO2e for each {unit}, operational; embodied carbon is not included"
    return f"{unit}: undefined, {printable(row.reason or 'no reason was recorded', 160)}"
