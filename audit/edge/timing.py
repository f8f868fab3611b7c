"""Latency and energy of calls that are made again and again.

Times are of a monotonic clock. Models take turns, so that a machine that slows down slows all of them. Energy is what
the house's meter reads of the whole machine while one model answers without a pause.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence

from audit.energy.meter import Meter
from audit.energy.totals import SEEN
from audit.record.edge import CallEnergy, Latency
from audit.record.energy import EnergyComponent
from audit.record.energy_text import name_component

ROUNDS = 5
"""Turns of each model."""
WARM_UP = 20
"""Calls before the first that is timed: the first calls allocate memory and choose kernels."""
READY_S = 30.0
"""Longest that a model waits for the meter, so that none answers unmetered: no training waits here."""
Call = Callable[[], object]


def measure_latencies(
    calls: Mapping[str, Call], repetitions: int, clock: Callable[[], int] = time.perf_counter_ns
) -> dict[str, Latency]:
    """Time every call ``repetitions`` times, in turns of equal length.

    Parameters
    ----------
    calls
        One call of each model.
    repetitions
        Calls of each model that are timed, at least 20 so that there is a 95th percentile.
    clock
        Monotonic nanoseconds.

    Returns
    -------
    dict[str, Latency]
        Seconds a call, by model.
    """
    for call in calls.values():
        for _ in range(WARM_UP):
            call()
    taken: dict[str, list[int]] = {name: [] for name in calls}
    share = math.ceil(repetitions / ROUNDS)
    for turn in range(ROUNDS):
        for name, call in calls.items():
            taken[name] += _time_calls(call, min(share, repetitions - turn * share), clock)
    return {name: _summarise(times) for name, times in taken.items()}


def _time_calls(call: Call, times: int, clock: Callable[[], int]) -> list[int]:
    """Return the nanoseconds of each of several calls."""
    taken = []
    for _ in range(times):
        began = clock()
        call()
        taken.append(clock() - began)
    return taken


def _summarise(taken_ns: Sequence[int]) -> Latency:
    return Latency(
        p50_s=_find_percentile(taken_ns, 0.50) / 1e9,
        p95_s=_find_percentile(taken_ns, 0.95) / 1e9,
        repetitions=len(taken_ns),
        warm_up=WARM_UP,
    )


def _find_percentile(values: Sequence[int], share: float) -> int:
    """Return the smallest value that at least a share of the values does not exceed (nearest rank).

    >>> _find_percentile([4, 1, 3, 2], 0.5), _find_percentile(range(1, 21), 0.95)
    (2, 19)
    """
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def measure_energy(call: Call, batch: int, seconds: float, make_meter: Callable[[], Meter] = Meter) -> CallEnergy:
    """Meter the whole machine while a model answers for some seconds.

    Parameters
    ----------
    call
        One call of the model.
    batch
        Rows a call.
    seconds
        How long it answers; the meter is read at both ends.
    make_meter
        What reads the hardware.
    """
    with make_meter() as meter:
        meter.wait_ready(READY_S)
        with meter.phase("audit"):
            began = time.monotonic()
            done = _repeat(call, began + seconds)
            lasted = time.monotonic() - began
    components = tuple(row for row in meter.energy().components if row.phase == "audit")
    reason = _find_gap(components)
    drawn_j = math.fsum(row.energy_j or 0.0 for row in components)
    return CallEnergy(
        predictions=done * batch,
        duration_s=lasted,
        components=components,
        j_per_1000=None if reason else 1000 * drawn_j / (done * batch),
        reason=reason,
    )


def _find_gap(components: Sequence[EnergyComponent]) -> str:
    """Return why joules would be those of a part alone; empty where every component was read for the whole time."""
    if not components:
        return "no component of this machine could be metered"
    for row in components:
        if row.energy_j is None:
            return f"{name_component(row.component)} {row.detail or 'not measured'}"
        if row.coverage is not None and row.coverage < SEEN:
            return f"{name_component(row.component)} was read for {row.coverage:.0%} of the time; give more --seconds"
    return ""


def _repeat(call: Call, until_s: float) -> int:
    """Call until a monotonic time, and return how often; at least once."""
    done = 0
    while True:
        call()
        done += 1
        if time.monotonic() >= until_s:
            return done
