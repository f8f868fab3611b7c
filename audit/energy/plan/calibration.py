"""A short metered run as the measure of a long one: joules of its training, component by component.

What a component drew while the meter did not see it is unknown: at least nothing, at most twice its rate while it was
seen, and the central value takes it to have drawn the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from audit.energy.plan.assumptions import METHODS, SITE, STEPS_ALIKE, UPTIME
from audit.energy.plan.numbers import Interval, show_number
from audit.energy.plan.ranges import Input
from audit.errors import QuestionError, printable
from audit.record.energy import GRID_FACTOR
from audit.record.result import AuditResult, EnergyComponent, Factor, Run

PHASE = "train"
WHOLE = 0.9995
"""Coverage that a per cent with one digit cannot tell from all."""
PUE = "power usage effectiveness"


def list_components(measured: AuditResult) -> tuple[Input, ...]:
    """Return joules of the training phase, one input for each component that was metered.

    Raises
    ------
    QuestionError
        When no component has joules, or a coverage is not known.
    """
    rows = _select_rows(measured)
    known = tuple(_make_joules(row, measured.run) for row in rows if row.energy_j)
    if not known:
        raise QuestionError(
            f"run '{printable(measured.run.id)}' has no energy of the phase '{PHASE}'; measure a short "
            "training with audit track -- COMMAND or audit run, on a machine with an energy meter"
        )
    return known


def list_caveats(measured: AuditResult) -> tuple[str, ...]:
    """Return what the joules hold, in the meter's words, and which components have none."""
    names = dict.fromkeys(printable(row.component, 40) for row in _select_rows(measured) if not row.energy_j)
    said = "" if measured.energy is None else measured.energy.note
    held = (f"The measured run: {printable(said, 300)}.",) if said else ()
    missed = (f"Not metered in the measured run, so not in the plan: {', '.join(names)}.",) if names else ()
    return (*held, *missed)


def _select_rows(measured: AuditResult) -> tuple[EnergyComponent, ...]:
    if measured.energy is None:
        return ()
    return tuple(c for c in measured.energy.components if c.phase == PHASE)


def _make_joules(row: EnergyComponent, run: Run) -> Input:
    """Return one component, with the range that its method and its coverage leave."""
    drawn, seen, name = row.energy_j or 0.0, row.coverage, printable(row.component, 40)
    if not seen or not 0 < seen <= 1:
        raise QuestionError(
            f"component '{name}' of the measured run has joules but coverage {seen}; measure again: the "
            "metered share of the training is unknown"
        )
    trust = METHODS.get(row.method)
    if trust is None:
        raise QuestionError(
            f"component '{name}' has joules by method '{row.method}'; measure again with a known method"
        )
    unseen = drawn * (1 - seen) / seen
    device = f", {printable(row.device, 60)}" if row.device else ""
    return Input(
        name=f"energy of the measured run: {name}{device}",
        unit="J",
        basis="measured",
        low=drawn * trust.low,
        value=drawn + unseen,
        high=(drawn + 2 * unseen) * trust.high,
        source=f"run {printable(run.id, 60)}; {printable(row.detail or row.method, 120)}",
        range_source=trust.source,
        range_date=trust.date,
        date=printable(run.started[:10]),
        narrow="measure with a hardware counter, and for longer",
        because=trust.because + ("" if seen >= WHOLE else f"; {seen:.1%} of the phase was seen"),
    )


def scale(done: Interval, total: Interval) -> Input:
    """Return how many measured runs the whole is; only the steps that were not run are uncertain."""
    if total.low < done.high:
        raise QuestionError(
            f"steps_total {show_number(total.low)} is less than steps_done {show_number(done.high)}; steps_total "
            "counts the whole training, the measured steps included"
        )
    low, value, high = total.low / done.high, total.value / done.value, total.high / done.low
    return Input(
        name="whole over measured run",
        unit="1",
        basis="given",
        value=value,
        low=1 + (low - 1) * STEPS_ALIKE.low,
        high=1 + (high - 1) * STEPS_ALIKE.high,
        source=f"{show_number(total.value)} steps over {show_number(done.value)}",
        date="as given",
        range_source=STEPS_ALIKE.source,
        range_date=STEPS_ALIKE.date,
        because=STEPS_ALIKE.because if value > 1 else "",
        narrow="measure a longer run",
    )


def find_measured_site(measured: AuditResult) -> Input:
    """Return the PUE that the run counted with; 1 may be a site without overhead or one that was not declared."""
    found = next((f for f in _select_grid_factors(measured) if f.name == PUE), None)
    value = 1.0 if found is None else found.value
    undeclared = value == 1.0
    return Input(
        name=PUE,
        unit="1",
        basis="measured",
        low=value,
        value=value,
        high=SITE.high if undeclared else value,
        source="the measured run",
        date="as declared",
        range_source=UPTIME if undeclared else "",
        range_date="2024" if undeclared else "",
        because="the run counted no overhead of the site, which may only not have been declared" if undeclared else "",
        narrow="give pue",
    )


def find_grid_factor(measured: AuditResult) -> Factor | None:
    """Return the grid that the run counted with."""
    return next((f for f in _select_grid_factors(measured) if f.name == GRID_FACTOR), None)


def _select_grid_factors(measured: AuditResult) -> Iterator[Factor]:
    yield from () if measured.energy is None else measured.energy.factors
