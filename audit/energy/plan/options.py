"""The question of a plan: what may be given together, and what each combination lacks."""

from __future__ import annotations

from audit.energy.plan.inputs import PlanInputs
from audit.energy.plan.numbers import LIMITS, Given, read
from audit.energy.plan.project import project
from audit.energy.plan.result import Plan
from audit.errors import QuestionError
from audit.record.result import AuditResult

ONE_OF = (
    ("flops", "parameters", "give flops, or parameters and tokens"),
    ("throughput", "mfu", "give the one that was measured"),
    ("country", "g_per_kwh", "give the grid at the site, or the country"),
    ("idle_kwh", "idle_watts", "give idle_kwh, or idle_watts and idle_hours"),
    ("embodied_g", "embodied_g_per_hour", "give the total, or the factor"),
)
TOGETHER = (
    ("parameters", "tokens"),
    ("idle_watts", "idle_hours"),
    ("steps_done", "steps_total"),
)


def plan(
    *,
    flops: Given | None = None,
    parameters: Given | None = None,
    tokens: Given | None = None,
    device_hours: Given | None = None,
    measured: AuditResult | None = None,
    steps_done: Given | None = None,
    steps_total: Given | None = None,
    device: str | None = None,
    devices: Given | None = None,
    watts: Given | None = None,
    peak_flops: Given | None = None,
    throughput: Given | None = None,
    mfu: Given | None = None,
    pue: Given | None = None,
    country: str | None = None,
    g_per_kwh: Given | None = None,
    idle_kwh: Given | None = None,
    idle_watts: Given | None = None,
    idle_hours: Given | None = None,
    embodied_g: Given | None = None,
    embodied_g_per_hour: Given | None = None,
) -> Plan:
    """Return energy and carbon of a training run, as ranges, before it runs.

    The work is given in one of four ways; every number may be a range of its own: ``(300, 400)`` or ``"300..400"``.

    Parameters
    ----------
    flops
        Floating point operations of the whole training.
    parameters, tokens
        Instead: active parameters N and training tokens D, for 6ND, which counts the forward and the backward pass
        (Kaplan et al., arXiv 2001.08361, section 2.1).
    device_hours
        Or: hours summed over devices. FLOPs given with them answer the EU AI Act only, and are held against the peak.
    measured, steps_done, steps_total
        Or: a short metered run, how much of the work it did, and the whole in the same unit.
    device, devices
        Name in `audit.energy.plan.devices`, and how many work at the same time.
    watts
        Average W of one device with its share of the host; the board's limit with a wide range where it is not given.
    peak_flops, throughput, mfu
        FLOP/s of one device: its peak, what it achieves, or the share of the peak. Without the last two, a
        utilisation of 13 to 57% is assumed.
    pue
        Power usage effectiveness of the site, 1 or more.
    country, g_per_kwh
        ISO 3166-1 alpha-3 code, or grams of CO2 equivalent per kWh at the site, location based.
    idle_kwh, idle_watts, idle_hours
        Energy of devices that are held and do not train, before PUE; or W of one device and device-hours.
    embodied_g, embodied_g_per_hour
        Grams of making the devices, this run's part; or per hour of one device.

    Raises
    ------
    QuestionError
        Names what is impossible, missing or contradictory, and what to write.

    Examples
    --------
    >>> found = plan(parameters="405B", tokens="15.6T", device="h100", pue=1.1)
    >>> found.act.answer, found.energy_kwh.total.high > 4 * found.energy_kwh.total.low
    ('yes', True)
    """
    given = {name: value for name, value in locals().items() if name in LIMITS and value is not None}
    numbers = {name: number for name, value in given.items() if (number := read(name, value)) is not None}
    asked = PlanInputs(numbers=numbers, device=device, country=country)
    _refuse_contradictions(asked)
    if measured is None:
        _refuse_gaps(asked)
    return project(asked, measured)


def _refuse_contradictions(asked: PlanInputs) -> None:
    for one, other, mend in ONE_OF:
        if len(asked.given(one, other)) == 2:
            raise QuestionError(f"{one} and {other} mean the same; {mend}")
    for pair in TOGETHER:
        found = asked.given(*pair)
        if len(found) == 1:
            (lacking,) = set(pair) - set(found)
            raise QuestionError(f"{found[0]} needs {lacking}; give both")


def _refuse_gaps(asked: PlanInputs) -> None:
    """Refuse what says nothing of the work, and a share of nothing."""
    if asked.given("steps_done"):
        raise QuestionError("steps_done needs a measured run; name its audit.json, or remove the steps")
    if not asked.given("flops", "parameters", "device_hours"):
        raise QuestionError(
            "no inputs; give flops; parameters and tokens; device_hours; or a measured run with steps_done "
            "and steps_total"
        )
    if asked.given("mfu") and not asked.given("device", "peak_flops"):
        raise QuestionError("mfu needs the peak; give device or peak_flops too")
