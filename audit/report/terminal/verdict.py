"""The verdict on a terminal: its word, the sentence with the evidence, how many limits there are, and the exit code.

What was drawn stands here too. Must not: show a figure without how it is known, or a 0 for what was not measured.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import printable
from audit.estimate import figure_text
from audit.gates.headline import count_limits, count_waived, list_baseline_notes, list_notes, write_headline
from audit.gates.verdicts import exit_code
from audit.record.energy import CONTRACT_FACTOR, GRID_FACTOR, CarbonPerUnit, Energy
from audit.record.energy_text import (
    describe_measured_share,
    describe_unmeasured,
    format_energy,
    format_mass,
    format_volume,
    name_component,
    name_phase,
    name_unit,
    split_by_component,
)
from audit.record.result import AuditResult, name_verdict
from audit.record.store import BEFORE
from audit.report.terminal.limits import list_limits
from audit.report.terminal.lines import Line, describe_withheld, print_section, withhold

if TYPE_CHECKING:
    from rich.console import Console

    from audit.record.held import Unfinished

LIBRARY = "codecarbon "
"""Begins the source of a grid factor that comes from a table of countries."""
DECLARED_UNIT = "functional unit"
HEAD, UNDER = "Energy  ", " " * 8
NO_GRID = "not computed, because the grid is unknown; set [energy] country"


MOST_PATH = 4096
MEANING = {
    0: "every limit passed",
    1: "a limit failed",
    5: "training failed",
}
ALLOW = '[policy] insufficient = "warn"'
WAYS_OUT = (
    f"{ALLOW} or --allow-inconclusive allows it, [policy] least_rows excludes small groups, [data.merge] joins them"
)
"""What a person may declare where rows that would decide cannot be had."""


def print_verdict(
    result: AuditResult,
    console: Console,
    *,
    exit_zero: bool = False,
    code: int | None = None,
    named: bool = False,
    today: dt.date | None = None,
    folder: Path | None = None,
) -> None:
    """Print the verdict, the meaning of the exit code, and every limit.

    Parameters
    ----------
    result
        What is judged.
    console
        Where to.
    exit_zero
        Whether the command exits 0 whatever the verdict is.
    code
        Exit code of the command where it is not its verdict's, because it was interrupted.
    named
        Say which run was judged.
    today
        Day on which it is judged; that of the run where none is given.
    folder
        Of the run, where it has one.
    """
    shown = withhold(result, folder)
    own = find_exit_code(result, shown, code)
    print_section(console, describe_verdict(shown, exit_zero=exit_zero, code=own, today=today), apart=False)
    print_section(console, describe_withheld(result, shown), apart=False)
    print_section(console, list_limits(shown, console.width))
    if named:
        command = " ".join(printable(word, 100) for word in result.run.command) or "from Python"
        print_section(console, [Line("Run     ", f"{printable(result.run.id)}: {command}")])


def find_exit_code(result: AuditResult, shown: AuditResult, own: int | None) -> int | None:
    """Return the exit code of a command that is not that of the verdict it shows.

    Parameters
    ----------
    result, shown
        The record, by which a command exits whatever is withheld, and what is shown of it.
    own
        Code of a command that was interrupted.
    """
    if own is not None or shown.verdict == result.verdict:
        return own
    policy = dict(result.question.config.get("policy") or {})
    return exit_code(result.verdict, str(policy.get("insufficient", "fail")))


def describe_verdict(
    result: AuditResult, *, exit_zero: bool = False, code: int | None = None, today: dt.date | None = None
) -> Iterator[Line]:
    """Yield the verdict with its sentence, the tally of the limits, what the exit code means, and waivers that end."""
    word = name_verdict(result.verdict, interrupted=bool(result.run.interrupted))
    yield Line(f"{word}: ", write_headline(result), result.verdict, hang=2)
    meaning = _explain_exit_code(result, code)
    if exit_zero and not meaning.startswith("Exit code 0"):
        meaning = f"Exit code 0 (--exit-zero; otherwise {meaning.removeprefix('Exit code ').rstrip('.')})."
    tally = count_limits(result.gates) if len(result.gates) > 1 else ""
    yield Line("  ", f"{tally} {meaning}".lstrip())
    for sentence in (*list_notes(result, today), *list_baseline_notes(result)):
        yield Line("  ", sentence)


def _explain_exit_code(result: AuditResult, own: int | None = None) -> str:
    """Return what the exit code says; ``own`` where the command has one that is not that of its verdict."""
    policy = dict(result.question.config.get("policy") or {})
    code = exit_code(result.verdict, str(policy.get("insufficient", "fail")))
    if result.verdict == "incomplete":
        return _explain_incomplete(result, code if own is None else own)
    if result.verdict == "insufficient":
        allowed = f"an inconclusive limit is allowed ({ALLOW})"
        counted = f"an inconclusive limit counts as not passed ({WAYS_OUT})"
        return f"Exit code {code}: {counted if code else allowed}."
    if result.verdict == "not judged":
        return f"Exit code 0: {'no difference between groups was judged' if result.gates else 'nothing has passed'}."
    if result.verdict == "waived":
        return f"Exit code 0: {count_waived(result.gates)}."
    if result.verdict == "known":
        return f"Exit code 0: {_count_known(result)}."
    code = code if own is None else own
    other = {"undefined": "an undefined limit never passes", "withheld": "the verdict is withheld"}
    return f"Exit code {code}: {other.get(result.verdict) or MEANING[code]}."


def _explain_incomplete(result: AuditResult, code: int) -> str:
    """Return what the exit code of a run says that did not end as it should."""
    failed = next((c for c in result.run.exit_codes.values() if c != 0), None)
    if is_tracked(result) and failed is not None:
        return f"Exit code {failed if failed > 0 else 128 - failed}, from the command itself."
    if result.run.interrupted:
        return f"Exit code {code}: there is no result to judge."
    if result.run.ended and failed is None:
        return f"Exit code {code}: the audit is incomplete."
    return f"Exit code {code}: {MEANING[5]}."


def _count_known(result: AuditResult) -> str:
    """Return how many limits did not pass and are known from the baseline."""
    known = sum(g.verdict == "known" for g in result.gates)
    which = "did not pass in the baseline either and is not worse"
    if known > 1:
        which = "did not pass in the baseline either and are not worse"
    return f"{known} of {len(result.gates)} limits {which}"


def is_tracked(result: AuditResult) -> bool:
    """Return whether a command was metered and nothing else asked."""
    return result.run.command[1:2] == ("track",)


def print_unfinished(left: Unfinished, console: Console, *, gated: bool) -> None:
    """Print what a run that did not end has left."""
    sentence = f"Run {printable(left.id)} has no result: it was stopped or is still running."
    lines = [Line("INCOMPLETE: ", sentence, "incomplete", hang=2)]
    if gated:
        lines.append(Line("  ", "Exit code 5: there is no result to judge."))
    if (left.path / BEFORE).is_dir():
        said = f"the predictions from before training, in {printable(left.path / BEFORE, MOST_PATH)}"
        lines.append(Line("Kept    ", said, whole=True))
    print_section(console, lines, apart=False)
    if left.energy is None:
        print_section(console, [Line("Energy  ", f"not recorded in {printable(left.path, MOST_PATH)}")])
        return
    when = f"recorded {printable(left.written, 40)}" if left.written else "recorded"
    doing = f", during {printable(left.phase, 20)}" if left.phase else ""
    kept = Line("Kept    ", f"{when}{doing}, in {printable(left.path, MOST_PATH)}", whole=True)
    print_section(console, [*describe_energy(left.energy), kept])


# Energy and carbon as lines of a terminal: every figure with how it is known, and what it is made of.
def summarise_energy(energy: Energy | None) -> Iterator[Line]:
    """Yield energy and carbon in one line."""
    if energy is None:
        return
    if energy.energy_kwh is None:
        yield Line(HEAD, describe_unmeasured(energy))
        return
    known = f"{format_energy(energy.energy_kwh)} ({describe_measured_share(energy)})"
    yield Line(HEAD, f"{known}; {_summarise_carbon(energy)}")


def _summarise_carbon(energy: Energy) -> str:
    if energy.carbon_g is None:
        return f"carbon {NO_GRID}"
    factor = next((f for f in energy.factors if f.name == GRID_FACTOR), None)
    grid = "" if factor is None else f" ({_name_grid(factor.source)}, {printable(factor.date, 30)})"
    return f"{format_mass(energy.carbon_g)} CO2e{grid}"


def _name_grid(source: str) -> str:
    """Return of the source of a grid factor which grid it is: the last part of a library's name for it."""
    told = printable(source, 120).removesuffix(", location based")
    if not told.startswith(LIBRARY):
        return told
    return f"grid of {told.rsplit(', ', 1)[-1].split(' (')[0]}"


def explain_unmetered(result: AuditResult) -> Iterator[Line]:
    """Yield why a whole pipeline has no figure of energy: it trains nothing, and no meter was asked for."""
    trains = "train" in result.question.config
    if result.energy is None and result.run.command[1:2] == ("run",) and not trains:
        yield Line(HEAD, "not metered, because nothing was trained")


def describe_energy(energy: Energy | None) -> Iterator[Line]:
    """Yield what was drawn and how that is known, and what it means in carbon and water."""
    if energy is None:
        return
    if energy.energy_kwh is None:
        yield Line(HEAD, describe_unmeasured(energy))
        return
    known = describe_measured_share(energy)
    yield Line(HEAD, f"{format_energy(energy.energy_kwh)} ({known}){_describe_parts(energy)}")
    yield Line("Carbon  ", _describe_carbon(energy, known))
    if energy.carbon_market_g is not None:
        factor = _describe_factor(energy, CONTRACT_FACTOR)
        yield Line(UNDER, f"market-based (by contract): {format_mass(energy.carbon_market_g)} CO2e ({known}){factor}")
    if energy.embodied_g is not None:
        yield Line(UNDER, f"embodied (not in the total): {format_mass(energy.embodied_g)} CO2e")
    for row in (r for r in energy.sci if r.group is None and (r.operational_g is not None or r.kind == DECLARED_UNIT)):
        yield Line(UNDER, f"{_describe_unit(row)} ({known})")
    if energy.water_l is not None:
        yield Line("Water   ", f"{format_volume(energy.water_l)} ({known})")


def _describe_parts(energy: Energy) -> str:
    """Return components by their share, the most first, and phases and components of which nothing is known."""
    made = ", ".join(
        f"{name_component(p.component)} {figure_text(p.share, 'share')} ({p.method})"
        for p in split_by_component(energy)
    )
    metered = {c.phase for c in energy.components if c.energy_j is not None}
    blind = [c for c in energy.components if c.energy_j is None]
    phases = {c: name_phase(c.phase) for c in blind}
    silent = [
        f"everything {p}" if c.phase not in metered else f"{name_component(c.component)} {p}" for c, p in phases.items()
    ]
    missed = f"; not metered: {', '.join(dict.fromkeys(silent))}" if silent else ""
    return f"; {made}{missed}"


def _describe_carbon(energy: Energy, known: str) -> str:
    if energy.carbon_g is None:
        return NO_GRID
    return f"{format_mass(energy.carbon_g)} CO2e ({known}), location-based{_describe_factor(energy, GRID_FACTOR)}"


def _describe_factor(energy: Energy, name: str) -> str:
    """Return the factor with its source and date."""
    factor = next((f for f in energy.factors if f.name == name), None)
    if factor is None:
        return ""
    source = f"{printable(factor.source, 120).removesuffix(', location based')}, {printable(factor.date, 30)}"
    unit = printable(factor.unit, 30).replace("gCO2e", "g CO2e")
    return f", at {factor.value:.3g} {unit} from {source}"


def _describe_unit(row: CarbonPerUnit) -> str:
    """Return the carbon of one unit, called what it is."""
    unit = printable(name_unit(row), 60)
    if row.sci_g is not None:
        return f"{format_mass(row.sci_g)} CO2e per {unit}, by ISO/IEC 21031"
    if row.operational_g is not None:
        return f"{format_mass(row.operational_g)} CO2e per {unit}, operational; embodied carbon is not included"
    return f"{unit}: undefined, {printable(row.reason or 'no reason was recorded', 160)}"
