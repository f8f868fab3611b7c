"""What a person reads when a command ends: the verdict first, then the groups, then energy, then what to do next.

Must not: compute a number, or rely on colour; every status is a word.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import printable
from audit.gates import WORST_FIRST, deciding, exit_code
from audit.result import AuditResult, Check, Gate
from audit.sentences import group_text, interval_text, number
from audit.value import Estimate

if TYPE_CHECKING:
    from rich.console import Console

MEANING = {
    0: "every gate passed",
    1: "a gate failed",
    3: "undefined or insufficient evidence",
    5: "the training itself failed",
}
STYLE = {"pass": "green", "fail": "bold red", "insufficient": "yellow", "undefined": "magenta", "waived": "cyan",
         "not judged": "bold", "incomplete": "bold red", "warn": "yellow", "error": "magenta"}  # fmt: skip
MODEL_RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")
DATA_RATES = ("base_rate", "representation")
MOST_GROUPS, MOST_CHECKS, NAME_WIDTH, CELL_WIDTH = 12, 5, 26, 22
INDENT = "  "


def summary(
    result: AuditResult, console: Console, *, folder: Path | None = None, next_command: str | None = None
) -> None:
    """Print a whole result for people."""
    verdict_lines(result, console)
    audited = any(e.stage == "model" for e in result.estimates)
    told = _data_gaps(result) if audited else _groupings(result, "data", console.width)
    model = _groupings(result, "model", console.width)
    for lines in (model, told, _rows(result), _checks(result.checks), _energy(result)):
        _section(console, lines)
    ending = [f"Card    {folder / 'card.html'}"] if folder is not None else []
    ending += [f"Next    {next_command}"] if next_command else []
    _section(console, ending)


def verdict_lines(result: AuditResult, console: Console) -> None:
    """Print the verdict in a sentence, what the exit code means, and every gate."""
    policy = dict(result.question.config.get("policy") or {})
    code = exit_code(result.verdict, str(policy.get("insufficient", "fail")))
    word = result.verdict.upper()
    _wrapped(console, f"{word}: ", _headline(result), STYLE[result.verdict])
    meaning = (
        "insufficient evidence, which the policy allows"
        if code == 0 and result.verdict == "insufficient"
        else MEANING[code]
    )
    if result.verdict == "not judged":
        meaning = "nothing was judged, so nothing has passed"
    _line(console, f"Exit code {code}: {meaning}.")
    _section(console, _gates(result.gates))


def _headline(result: AuditResult) -> str:
    if result.verdict == "incomplete":
        code = next((c for c in result.run.exit_codes.values() if c != 0), None)
        return f"the command ended with code {code}; what was recorded until then is kept."
    gate = deciding(result.gates)
    return "no gate was asked for." if gate is None else gate.sentence


def _gates(gates: Sequence[Gate]) -> Iterator[str]:
    if gates:
        yield "Gates"
    for gate in sorted(gates, key=lambda g: WORST_FIRST.index(g.verdict)):
        estimate = gate.estimate
        value = _value(estimate)
        value = (
            f"{estimate.value:g}"
            if estimate is not None and estimate.metric == "failed" and estimate.value is not None
            else value
        )
        limit = f"at least {gate.min:g}" if gate.min is not None else f"at most {gate.max:g}"
        bounds = "" if estimate is None or estimate.low is None else interval_text(gate.low, gate.high)
        more = f"  (about {gate.needed_n:.2g} times the data would settle it)" if gate.needed_n else ""
        yield f"{INDENT}{gate.verdict.upper():<13}{printable(gate.name)}"
        yield f"{INDENT}{'':<13}{value}{bounds}, {limit}{more}"


def _value(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return "undefined"
    return f"{estimate.value:g}" if estimate.stage == "checks" else number(estimate.value)


def _groupings(result: AuditResult, stage: str, width: int) -> Iterator[str]:
    rates = MODEL_RATES if stage == "model" else DATA_RATES
    for by in dict.fromkeys(e.by for e in result.estimates if e.stage == stage and e.by):
        yield from _grouping(result, stage, by, rates[: max(1, (width - NAME_WIDTH - 10) // CELL_WIDTH)])
        yield ""


def _data_gaps(result: AuditResult) -> Iterator[str]:
    """One line a grouping: how far the labels themselves differ."""
    gaps = [e for e in result.find("base_rate", "difference", stage="data") if e.group is None]
    for gap in gaps:
        by = " x ".join(printable(b, 30) for b in gap.by)
        if gap.value is None or gap.pair is None:
            yield f"Data    base rate by {by}: undefined, {gap.reason}"
            continue
        lower, higher = map(group_text, gap.pair)
        if gap.value == 0:
            yield f"Data    base rate by {by}: equal{interval_text(gap.low, gap.high)}"
            continue
        value = f"{number(gap.value)}{interval_text(gap.low, gap.high)}"
        yield f"Data    base rate by {by}: {lower} below {higher} by {value}"


def _grouping(result: AuditResult, stage: str, by: tuple[str, ...], rates: Sequence[str]) -> Iterator[str]:
    here = [
        e for e in result.estimates if e.stage == stage and e.by == by and e.compare is None and e.reference is None
    ]
    cells = {(e.group, e.metric): e for e in here if e.group is not None}
    groups = list(
        dict.fromkeys(e.group for e in here if e.group is not None and any((e.group, r) in cells for r in rates))
    )
    title = f"By {' x '.join(printable(b, 30) for b in by)}, {'the data' if stage == 'data' else 'the model'}"
    heads = "".join(f"{rate.replace('_', ' '):<{CELL_WIDTH}}" for rate in rates)
    yield f"{title}"
    yield f"{INDENT}{'':<{NAME_WIDTH}}{'n':>8}  {heads}".rstrip()
    for group in groups[:MOST_GROUPS]:
        found = [cells.get((group, rate)) for rate in rates]
        n = next((e.n for e in found if e is not None), 0.0) or 0.0
        few = "*" if any(e is not None and "small_group" in e.flags for e in found) else " "
        name = f"({by[0]} missing)" if group == (None,) else group_text(group)
        row = "".join(f"{_cell(e):<{CELL_WIDTH}}" for e in found)
        yield f"{INDENT}{printable(name, NAME_WIDTH - 1):<{NAME_WIDTH}}{n:>8,.0f}{few} {row}".rstrip()
    if any("small_group" in e.flags for e in cells.values() if e.metric in rates):
        yield f"{INDENT}* too few to judge by itself"
    if len(groups) > MOST_GROUPS:
        yield f"{INDENT}… and {len(groups) - MOST_GROUPS} more groups; the card has them all"


def _cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    if estimate.value is None:
        return "undefined"
    return f"{number(estimate.value)}{interval_text(estimate.low, estimate.high)}"


def _rows(result: AuditResult) -> Iterator[str]:
    for part in result.data:
        out = "".join(f"; {rows:,} left out: {printable(why)}" for why, rows in part.rows_excluded.items())
        without = "".join(
            f"; {rows:,} ({rows / max(part.rows_read, 1):.1%}) have no {printable(c)}"
            for c, rows in part.rows_without_group.items()
        )
        yield f"Rows    {part.part}: of {part.rows_read:,} read, {part.rows_used:,} used{without}{out}"


def _checks(checks: Sequence[Check]) -> Iterator[str]:
    if not checks:
        return
    outcomes = dict.fromkeys(c.outcome for c in checks)
    counts = ", ".join(f"{sum(c.outcome == o for c in checks)} {o}" for o in outcomes)
    yield f"Checks  {len(checks)} run: {counts}"
    bad = [c for c in checks if c.outcome not in {"pass", "not applicable"}]
    for check in bad[:MOST_CHECKS]:
        said = f"{printable(check.title)}: {printable(check.detail, 160)}"
        yield f"{INDENT}{check.outcome.upper():<10}{check.code}  {said}"
    if len(bad) > MOST_CHECKS:
        yield f"{INDENT}… and {len(bad) - MOST_CHECKS} more; the card has them all"


def _energy(result: AuditResult) -> Iterator[str]:
    energy = result.energy
    if energy is None:
        return
    if energy.energy_kwh is None:
        yield f"Energy  not measured: {energy.note or 'no meter answered'}"
        return
    carbon = "carbon unknown, because no grid was named ([energy] country)"
    grid = next((f for f in energy.factors if "CO2" in f.unit), None)
    if energy.carbon_g is not None and grid is not None:
        carbon = f"{energy.carbon_g:.3g} g CO2e (grid {grid.value:.3g} {grid.unit}, {grid.source}, {grid.date})"
    yield f"Energy  {energy.energy_kwh:.3g} kWh, {carbon}"
    share = energy.measured_share or 0.0
    metered = [c for c in energy.components if c.energy_j is not None]
    methods = ", ".join(dict.fromkeys(f"{c.component}: {c.method}" for c in metered))
    phases = dict.fromkeys(c.phase for c in energy.components)
    silent = [p for p in phases if not any(c.phase == p for c in metered)]
    missed = f"; {', '.join(silent)}: not metered" if silent else ""
    yield f"{'':<8}{share:.0%} measured by a counter; {methods}{missed}"


def _section(console: Console, lines: Iterable[str]) -> None:
    written = list(lines)
    while written and not written[-1]:
        written.pop()
    if not written:
        return
    _line(console, "")
    for line in written:
        word = line.split(maxsplit=1)[0].lower() if line.startswith(INDENT) and line.strip() else ""
        _wrapped(console, "", line, STYLE.get(word, ""))


def _wrapped(console: Console, lead: str, text: str, style: str) -> None:
    """Print text wrapped under its own start, its first word in the style."""
    margin = len(lead) or (
        len(text) - len(text.lstrip()) + 8 if text.startswith((INDENT, "Energy", "Rows", "Checks", "Data")) else 0
    )
    lines = textwrap.wrap(
        lead + text, max(console.width, 40), subsequent_indent=" " * min(margin, 15), drop_whitespace=True,
        break_long_words=True, break_on_hyphens=False, replace_whitespace=False,
    ) or [""]  # fmt: skip
    first, *rest = lines
    word, gap, tail = first.strip().partition(" ")
    start = first[: len(first) - len(first.lstrip())]
    console.print(start, end="", markup=False)
    console.print(word, style=style or None, end="", markup=False, soft_wrap=True)
    _line(console, gap + tail)
    for line in rest:
        _line(console, line)


def _line(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
