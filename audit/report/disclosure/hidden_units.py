"""Carbon of a correct prediction, left out of what is published wherever the accuracy is: one gives the other away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from audit.estimate import Estimate
from audit.measurement.estimates import Estimates
from audit.record.result import CarbonPerUnit, Energy
from audit.report.card.words import LEFT_OUT


def shown_energy(energy: Energy | None, shown: Estimates) -> Energy | None:
    """Energy without the carbon of a correct prediction of a group whose accuracy is left out: it gives that away."""
    if energy is None or not energy.sci:
        return energy
    known = {row.by: shown.of("model", "accuracy", row.by) for row in energy.sci if row.by}
    return replace(energy, sci=tuple(_unit(row, known.get(row.by, ())) for row in energy.sci))


def _unit(row: CarbonPerUnit, accuracies: Sequence[Estimate]) -> CarbonPerUnit:
    if row.group is None:
        return row
    plain = (e for e in accuracies if e.group == row.group and (e.compare, e.reference, e.outcome) == (None,) * 3)
    accuracy = next(plain, None)
    if accuracy is not None and accuracy.status != "suppressed":
        return row
    why = accuracy.reason if accuracy is not None else "its accuracy is not in the record"
    return CarbonPerUnit(kind=row.kind, unit=row.unit, by=row.by, group=row.group, reason=f"{LEFT_OUT}: {why}")
