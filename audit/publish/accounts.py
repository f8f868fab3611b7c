"""What was read, checked, drawn in energy and run: the plain accounts of a card.

Must not: add up what was not measured, or call an estimate a measurement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.publish.checking import sentence
from audit.publish.shapes import Table, TableRow
from audit.publish.words import BADGES, Badge, Cell, digest_text, percent, safe_text, words
from audit.result import SCHEMA, AuditResult, Check, Energy, EnergyComponent, Part
from audit.sentences import number, training_notes

OUTCOME_ORDER = ("fail", "error", "undefined", "warn", "waived", "pass", "not applicable")
MOST_COLUMNS = 30
"""Columns of one table that a card names; audit.json has all."""
LONGEST_DETAIL = 1200
METHODS = {
    "counter": "measured: hardware counter",
    "sampled": "measured: power sampled",
    "model": "estimated: model",
    "constant": "assumed: constant",
    "declared": "declared by the owner",
    "none": "not measured",
}


@dataclass(frozen=True, slots=True)
class PartView:
    """Account of one table that was read."""

    title: str
    sentence: str
    missing: str
    columns: str


@dataclass(frozen=True, slots=True)
class EnergyView:
    """Energy in one sentence and two tables."""

    sentence: str
    note: str
    components: Table | None
    factors: Table | None


def part_view(part: Part) -> PartView:
    """Rows read, used and left out, with the reasons."""
    left = sum(part.rows_excluded.values())
    why = "; ".join(f"{safe_text(reason)}: {n:,}" for reason, n in part.rows_excluded.items())
    sentence = f"Of {part.rows_read:,} rows read, {part.rows_used:,} were used and {left:,} left out"
    missing = "; ".join(
        f"{safe_text(column)}: {n:,} ({percent(n / part.rows_used) if part.rows_used else '0.0%'} of those used)"
        for column, n in part.rows_without_group.items()
        if n
    )
    return PartView(
        title=f"{safe_text(part.part).capitalize()} ({safe_text(part.source)})",
        sentence=f"{sentence} ({why}).{_cut(part)}" if why else f"{sentence}.{_cut(part)}",
        missing=f"Rows without a group, shown apart and compared with nobody: {missing}." if missing else "",
        columns=_columns(part),
    )


def _columns(part: Part) -> str:
    named = ", ".join(f"{safe_text(c.name, 60)} ({safe_text(c.kind)})" for c in part.columns[:MOST_COLUMNS])
    left = len(part.columns) - MOST_COLUMNS
    return f"{named} and {left:,} more" if left > 0 else named


def _cut(part: Part) -> str:
    """Where scores were cut, if that followed from them."""
    if part.score_median is None:
        return ""
    return f" A score above the median of all scores, {part.score_median:.10g}, counts as a positive prediction."


def check_rows(checks: Sequence[Check]) -> list[tuple[Badge, str, str, str, str]]:
    """Checks with their mends, what needs attention first."""
    ordered = sorted(checks, key=lambda c: OUTCOME_ORDER.index(c.outcome))
    return [(BADGES[c.outcome], safe_text(c.code), safe_text(c.title), _check_detail(c), _mend(c)) for c in ordered]


def _mend(check: Check) -> str:
    return safe_text(sentence(check.mend)) if check.mend else ""


def _check_detail(check: Check) -> str:
    by = "" if check.answered_by == "evenhand" else f" (answered by {safe_text(check.answered_by)})"
    detail = safe_text(check.detail, LONGEST_DETAIL) if check.detail else ""
    return f"{detail}{by}".strip()


def energy_view(energy: Energy | None) -> EnergyView:
    """What the run drew, by which method, and what turned it into grams."""
    if energy is None:
        return EnergyView("Energy was not metered in this audit, so nothing is said about it.", "", None, None)
    note = safe_text(energy.note).strip() if energy.note else ""
    return EnergyView(
        sentence=" ".join(s for s in (_total(energy), _carbon(energy), _share(energy)) if s),
        note=f"{note[:1].upper()}{note[1:]}." if note else "",
        components=_components(energy.components) if energy.components else None,
        factors=_factors(energy) if energy.factors else None,
    )


def _total(energy: Energy) -> str:
    if energy.energy_kwh is None:
        return "Energy: not measured."
    lasted = f" in {energy.duration_s:,.1f} s" if energy.duration_s is not None else ""
    return f"Energy: {number(energy.energy_kwh)} kWh{lasted}."


def _carbon(energy: Energy) -> str:
    if energy.carbon_g is not None:
        return f"Carbon: {number(energy.carbon_g)} g CO2 equivalent, location based."
    why = "the grid is not known" if energy.energy_kwh is not None else "there is no energy to convert"
    return f"Carbon: undefined, because {why}."


def _share(energy: Energy) -> str:
    if energy.measured_share is None:
        return ""
    return f"Hardware counters measured {percent(energy.measured_share)} of the energy; the rest is estimated."


def _components(components: Sequence[EnergyComponent]) -> Table:
    return Table(
        caption="Energy by component and phase",
        columns=("Component", "Phase", "Energy", "Method", "Time seen"),
        rows=tuple(TableRow(safe_text(c.component), _component_cells(c)) for c in components),
    )


def _component_cells(c: EnergyComponent) -> tuple[Cell, ...]:
    drawn = Cell("not measured", mark="undefined") if c.energy_j is None else Cell(f"{_figure(c.energy_j)} J")
    method = Cell(METHODS[c.method], note=safe_text(c.detail) if c.detail else "", numeric=False)
    seen = Cell("–", mark="none") if c.coverage is None else Cell(percent(c.coverage))
    return (words(safe_text(c.phase)), drawn, method, seen)


def _figure(value: float) -> str:
    """Number of a meter or a table, without decimals that it does not have."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"


def _factors(energy: Energy) -> Table:
    return Table(
        caption="Factors, with their source and date",
        columns=("Factor", "Value", "Source", "Date"),
        rows=tuple(
            TableRow(
                safe_text(f.name),
                (
                    Cell(f"{_figure(f.value)}{'' if f.unit == '1' else f' {safe_text(f.unit)}'}"),
                    words(safe_text(f.source)),
                    words(safe_text(f.date)),
                ),
            )
            for f in energy.factors
        ),
    )


def provenance(result: AuditResult) -> tuple[tuple[str, str], ...]:
    """Where the numbers come from and how a stranger finds them again."""
    run = result.run
    pairs = [
        ("Run", safe_text(run.id)),
        ("Started", _moment(run.started)),
        ("Finished", _moment(run.finished)),
        ("Made by", f"evenhand {safe_text(run.version)}"),
        ("Code", _code(result)),
        ("Command", safe_text(" ".join(run.command)) if run.command else "none; called from Python"),
        ("Exit codes", ", ".join(f"{safe_text(p)} {c}" for p, c in run.exit_codes.items()) or "no process was started"),
        *(("Training", safe_text(note)) for note in training_notes(run)),
        ("Question", safe_text(result.question.digest)),
        *((f"Data: {safe_text(p.part)}", digest_text(p)) for p in result.data),
        ("Document", f"{SCHEMA}; the counts behind every number are in audit.json"),
    ]
    return tuple(pairs)


def _moment(text: str) -> str:
    return safe_text(text).replace("T", " ").replace("Z", " UTC")


def _code(result: AuditResult) -> str:
    code = result.run.code
    if code is None:
        return "no git commit was found"
    changed = ", with uncommitted changes" if code.dirty else ""
    return f"git {safe_text(code.commit)}{changed}"
