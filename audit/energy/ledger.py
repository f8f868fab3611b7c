"""Who drew what, in which phase, and how much of the phase the meter saw.

Pure book-keeping on cumulative joules and monotonic seconds that others read. A component that did not move is
unmeasured for that time, because no powered machine draws 0 J; it is never booked as 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from audit.energy.carbon import Grid
from audit.energy.site import Declared, Site
from audit.energy.totals import total_footprint
from audit.errors import printable
from audit.record.result import Energy, EnergyComponent, EnergyMethod

PHASE = "train"
"""The phase in which declared devices work."""


TOO_SOON_S = 0.1
"""A meter that did not move for less than this was asked too soon; for longer, it was blind."""
EXPECTED = ("cpu", "ram")
"""Components that every machine has, for when the meter could not say what there is."""
WHOLE_MACHINE = "whole machine, all processes, idle power included"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """How one component's joules come about."""

    component: str
    method: EnergyMethod
    detail: str
    device: str | None = None
    """Model of the processor or board, as the library names it; None where it cannot say."""
    idle_w: float | None = None
    """Power that the machine's idle component draws, measured or declared; None where that is not known."""
    constant_w: float | None = None
    """Power that is assumed at all times; None where it varies or is counted."""
    attribution: str = WHOLE_MACHINE
    """Whose joules these are, in words."""


@dataclass(slots=True)
class _Account:
    energy_j: float = 0.0
    covered_s: float = 0.0


class Ledger:
    """Joules by phase and component.

    Times are seconds on one monotonic clock, given by the caller. ``site`` holds every factor; ``pue`` and ``grid``
    alone are a site of which nothing else is declared.
    """

    def __init__(self, *, pue: float = 1.0, grid: Grid | None = None, site: Site | None = None) -> None:
        self._site = site or Site(pue=pue, grid=grid)
        self._closed_s: dict[str, float] = {}
        self._unread: list[tuple[str, float, float]] = []
        self._open: tuple[str, float] | None = None
        self._accounts: dict[tuple[str, str], _Account] = {}
        self._total_j: Mapping[str, float] = {}
        self._read_s: float | None = None

    @property
    def phase(self) -> str | None:
        """The phase that is running."""
        return None if self._open is None else self._open[0]

    @property
    def owing(self) -> bool:
        """Whether a phase is open, or closed without its last reading."""
        return self._open is not None or bool(self._unread)

    @property
    def read_s(self) -> float | None:
        """When the last reading that moved was booked."""
        return self._read_s

    def enter(self, phase: str, now_s: float) -> None:
        """Open a phase."""
        self._open = (phase, now_s)
        self._closed_s.setdefault(phase, 0.0)

    def leave(self, now_s: float, *, unread: bool = False) -> None:
        """Close the phase that is open; ``unread`` where its last reading is still to come and shall be divided."""
        if self._open is None:
            return
        phase, since_s = self._open
        self._closed_s[phase] += now_s - since_s
        if unread:
            self._unread.append((phase, since_s, now_s))
        self._open = None

    def book(self, total_j: Mapping[str, float], now_s: float, next_s: float | None = None) -> None:
        """Book what the components drew since the last reading; the first one is where counting starts.

        Parameters
        ----------
        total_j
            Joules since the start, by component.
        now_s
            The moment up to which they are counted.
        next_s
            From when the next reading counts; the time between is in neither.
        """
        from_s = now_s if next_s is None else next_s
        if self._read_s is None:
            self._total_j, self._read_s = dict(total_j), from_s
            self._unread.clear()
            return
        interval_s = now_s - self._read_s
        drawn_j = {name: total - self._total_j.get(name, total) for name, total in total_j.items()}
        moved = {name: joules for name, joules in drawn_j.items() if math.isfinite(joules) and joules > 0}
        if not moved and interval_s < TOO_SOON_S:
            return
        if interval_s > 0:
            self._attribute(moved, self._read_s, now_s)
        self._total_j, self._read_s = dict(total_j), from_s
        self._unread.clear()

    def _attribute(self, moved: Mapping[str, float], from_s: float, to_s: float) -> None:
        """Divide an interval by time among the phases that it touches, those that closed in it included."""
        spans = self._unread if self._open is None else [*self._unread, (*self._open, to_s)]
        for phase, since_s, until_s in spans:
            part_s = min(until_s, to_s) - max(since_s, from_s)
            if part_s > 0:
                self._share(phase, moved, part_s, to_s - from_s)

    def _share(self, phase: str, moved: Mapping[str, float], part_s: float, interval_s: float) -> None:
        """Give a phase its part of an interval."""
        for name, joules in moved.items():
            account = self._accounts.setdefault((phase, name), _Account())
            account.energy_j += joules * part_s / interval_s
            account.covered_s += part_s

    def energy(self, sources: Mapping[str, Source], now_s: float, *, missing: str, note: str) -> Energy:
        """Return the books so far.

        Parameters
        ----------
        sources
            How each component is measured, by component; empty when that is unknown.
        now_s
            The time up to which an open phase counts.
        missing
            Why a component has no joules, in words.
        note
            What a reader of the whole must know.
        """
        lengths_s = {
            p: s + (now_s - self._open[1] if self._open and self._open[0] == p else 0.0)
            for p, s in self._closed_s.items()
        }
        rows: list[EnergyComponent] = []
        for phase, length_s in lengths_s.items():
            metered = [self._make_row(phase, name, length_s, sources, missing) for name in sources or EXPECTED]
            rows += add_declared_rows(self._site.declared, phase, length_s, metered)
        duration_s = math.fsum(lengths_s.values()) if lengths_s else None
        notes = (note, *_describe_superseded(self._site.declared, rows), *self._find_strays(sources))
        return total_footprint(rows, duration_s, self._site, "; ".join(notes))

    def _find_strays(self, sources: Mapping[str, Source]) -> tuple[str, ...]:
        """Return components with a declared idle power, and without a meter."""
        strays = [c for c in self._site.idle_w if sources and c not in sources]
        if strays:
            return (f"idle_w names {', '.join(map(printable, strays))}, which no meter knows",)
        return ()

    def _make_row(
        self, phase: str, name: str, length_s: float, sources: Mapping[str, Source], missing: str
    ) -> EnergyComponent:
        """Return one component in one phase."""
        account, source = self._accounts.get((phase, name)), sources.get(name)
        if account is None or source is None:
            return EnergyComponent(
                component=name, phase=phase, energy_j=None, method="none", detail=missing, coverage=0.0
            )
        covered_s, energy_j = min(account.covered_s, length_s), account.energy_j
        if source.constant_w is not None:
            # A power that never changes draws joules for just the time that it covers.
            energy_j = min(energy_j, source.constant_w * length_s)
            covered_s = energy_j / source.constant_w
        coverage = min(1.0, covered_s / length_s) if length_s > 0 else None
        return EnergyComponent(
            component=name,
            phase=phase,
            energy_j=energy_j,
            method=source.method,
            detail=source.detail,
            coverage=coverage,
            device=source.device,
            idle_share=share_idle(self._site.idle_w.get(name, source.idle_w), covered_s, energy_j),
            attribution=source.attribution,
        )


def share_idle(idle_w: float | None, covered_s: float, energy_j: float) -> float | None:
    """Return the share of the joules that the idle component would have drawn in the same time, 0 to 1.

    Returns None where the idle power or the joules are unknown. A component that drew less than its idle power would
    have is all idle, and no more than all.
    """
    if idle_w is None or not energy_j > 0:
        return None
    return min(1.0, idle_w * covered_s / energy_j)


# Rows of devices that no library can read: a wattage that the owner declared, for the whole time of training.
#
# Only the phase train is counted: checking data and counting predictions do not use the accelerator, and what its
# idle hours draw is not the run's to declare. A device that a meter did read is never counted twice.
def add_declared_rows(
    declared: Iterable[Declared], phase: str, length_s: float, metered: Sequence[EnergyComponent]
) -> list[EnergyComponent]:
    """Return rows of a phase with those of the declared devices that no meter read.

    Parameters
    ----------
    declared
        Devices of which only the owner knows the power.
    phase
        The phase that the rows are of.
    length_s
        Wall time of the phase.
    metered
        Rows that a meter made, with joules or without.
    """
    if phase != PHASE or length_s <= 0:
        return list(metered)
    read = {row.component for row in metered if row.energy_j is not None}
    added = {d.component: make_declared_row(d, phase, length_s) for d in declared if d.component not in read}
    return [*(row for row in metered if row.component not in added), *added.values()]


def _describe_superseded(declared: Iterable[Declared], rows: Sequence[EnergyComponent]) -> Iterator[str]:
    """Yield what must be said of declared devices that are in no row."""
    counted = {row.component for row in rows if row.method == "declared"}
    metered = {row.component for row in rows if row.phase == PHASE and row.energy_j is not None}
    for component in (d.component for d in declared if d.component not in counted):
        why = "a meter read it" if component in metered else "nothing was trained"
        yield f"the declared power of {printable(component)} is not counted: {why}"


def make_declared_row(d: Declared, phase: str, length_s: float) -> EnergyComponent:
    """Return the row of a device that draws its declared power for all of a phase."""
    return EnergyComponent(
        component=d.component,
        phase=phase,
        energy_j=d.power_w * length_s,
        method="declared",
        detail=f"{d.power_w:g} W for the whole phase, by {d.source} ({d.date})",
        coverage=1.0,
        device=d.device,
        idle_share=None if d.idle_w is None else min(1.0, d.idle_w / d.power_w),
        attribution="the declared devices, idle power included",
    )
