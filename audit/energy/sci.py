"""Software Carbon Intensity, ISO/IEC 21031:2024: SCI = (E x I + M) per R.

E is the energy of the run in kWh with PUE, I the location-based intensity of the grid, M the run's share of the
embodied carbon, R the number of functional units. Offsets and contracts for electricity do not enter. Without M there
is no intensity by the standard, and what is left is called operational carbon.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from audit.errors import QuestionError
from audit.estimate import Estimate
from audit.measurement.estimates import Estimates
from audit.record.result import CarbonPerUnit, Energy, Part

PER_PREDICTIONS = 1000
NOT_EMBODIED = "embodied carbon is not included, so this is no software carbon intensity; declare [energy.embodied]"
NO_GRID = "the grid is not known; set [energy] country"


def compute_embodied_g(total_g: float, *, reserved_s: float, lifetime_s: float, reserved_share: float) -> float:
    """Return M = TE x (TiR / EL) x (RR / ToR), in grams of CO2 equivalent.

    Parameters
    ----------
    total_g
        TE: what making the machine emitted.
    reserved_s
        TiR: seconds for which the machine was reserved.
    lifetime_s
        EL: seconds that it is expected to serve.
    reserved_share
        RR / ToR: share of the machine's resources that were reserved.

    Examples
    --------
    >>> round(compute_embodied_g(1_500_000, reserved_s=7200, lifetime_s=4 * 365 * 86_400, reserved_share=1 / 8), 6)
    10.702055
    """
    _require(lifetime_s=lifetime_s)
    return total_g * (reserved_s / lifetime_s) * reserved_share


def compute_sci_g(operational: float, embodied: float, units: float) -> float:
    """Return grams of CO2 equivalent per functional unit, (O + M) / R, where O = E x I.

    >>> round(compute_sci_g(720.0, 10.702055, 10_000), 8)
    0.07307021
    """
    _require(units=units)
    return (operational + embodied) / units


def _require(**named: float) -> None:
    for name, value in named.items():
        if not (math.isfinite(value) and value > 0):
            raise QuestionError(f"{name} {value} is not above 0; give a number above 0")


def compute_carbon_per_unit(
    energy: Energy, *, unit: tuple[str, float] | None, predictions: int | None, accuracies: Iterable[Estimate] = ()
) -> tuple[CarbonPerUnit, ...]:
    """Return carbon of the run for each unit that it served.

    A correct prediction of group g costs what the run spent on the predictions of g, which is g's share n_g / N of all
    N predictions, divided by the number of them that are right. With c_g = n_g x accuracy of g this is
    (O + M) x (n_g / N) / c_g = (O + M) / N / accuracy of g: the carbon of one prediction divided by the accuracy.
    It is undefined where the accuracy is undefined or 0. Its interval is that of the accuracy, turned over; it says
    nothing of how sure the energy is.

    Parameters
    ----------
    energy
        Totals of the run.
    unit
        Name and number of the declared functional units.
    predictions
        N, the rows of the predictions table, those without a label included; None where none was audited.
    accuracies
        Accuracy of each group.
    """
    found = []
    if unit is not None:
        found.append(_fill_row(energy, CarbonPerUnit(kind="functional unit", unit=unit[0], units=unit[1]), unit[1]))
    if predictions:
        row = CarbonPerUnit(kind="predictions", unit="1,000 predictions", units=predictions / PER_PREDICTIONS)
        found.append(_fill_row(energy, row, predictions / PER_PREDICTIONS))
        one = _fill_row(energy, CarbonPerUnit(kind="correct prediction", unit="correct prediction"), predictions)
        found += [_scale_to_group(one, accuracy) for accuracy in accuracies]
    return tuple(found)


def with_units(
    energy: Energy,
    *,
    unit: tuple[str, float] | None,
    data: Iterable[Part],
    estimates: Estimates,
    groups: Sequence[str],
) -> Energy:
    """Return the energy with its carbon per unit; predictions and accuracies are those of the audit."""
    predictions = next((part.rows_read for part in data if part.part == "predictions"), None)
    accuracies = _find_accuracies(estimates, groups)
    return replace(
        energy, sci=compute_carbon_per_unit(energy, unit=unit, predictions=predictions, accuracies=accuracies)
    )


def _fill_row(energy: Energy, row: CarbonPerUnit, units: float) -> CarbonPerUnit:
    """Return the row with its parts; the whole where both are known."""
    operational, embodied = energy.carbon_g, energy.embodied_g
    if operational is None:
        missing = "no energy was measured" if energy.energy_kwh is None else NO_GRID
        return replace(row, embodied_g=None if embodied is None else embodied / units, reason=missing)
    parted = replace(row, operational_g=operational / units)
    if embodied is None:
        return replace(parted, reason=NOT_EMBODIED)
    return replace(parted, embodied_g=embodied / units, sci_g=compute_sci_g(operational, embodied, units))


def _scale_to_group(one: CarbonPerUnit, accuracy: Estimate) -> CarbonPerUnit:
    """Return a correct prediction of one group, from what one prediction costs."""
    row = replace(one, by=accuracy.by, group=accuracy.group)
    if not accuracy.value:
        why = accuracy.reason or "its accuracy is undefined" if accuracy.value is None else "no prediction is correct"
        return replace(row, operational_g=None, embodied_g=None, sci_g=None, reason=why)
    whole = one.operational_g if one.sci_g is None else one.sci_g
    return replace(
        row,
        operational_g=_divide(one.operational_g, accuracy.value),
        embodied_g=_divide(one.embodied_g, accuracy.value),
        sci_g=_divide(one.sci_g, accuracy.value),
        low=_divide(whole, accuracy.high),
        high=_divide(whole, accuracy.low),
    )


def _divide(grams: float | None, accuracy: float | None) -> float | None:
    return None if grams is None or not accuracy else grams / accuracy


def _find_accuracies(estimates: Estimates, groups: Sequence[str]) -> Iterator[Estimate]:
    """Yield the accuracy of each group of single columns.

    That of a crossing follows from its own accuracy in the same way.
    """
    for column in groups:
        for e in estimates.of("model", "accuracy", (column,)):
            if e.group is not None and (e.compare, e.reference, e.outcome) == (None, None, None):
                yield e
