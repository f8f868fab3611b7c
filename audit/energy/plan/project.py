"""From inputs to ranges: the products, their sums, and what dominates them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from audit.energy.plan import assumptions as a
from audit.energy.plan import calibration, inputs
from audit.energy.plan.eu_ai_act import judge_presumption
from audit.energy.plan.inputs import PlanInputs, make_declared
from audit.energy.plan.numbers import show_number
from audit.energy.plan.ranges import Input, Product, Range, Share, range_of, rank_shares
from audit.energy.plan.result import Method, Parts, Plan
from audit.energy.units import J_PER_KWH
from audit.errors import QuestionError, capitalise
from audit.record.result import AuditResult

S_PER_H = 3600.0
MACHINE = ("device", "devices", "watts", "peak_flops", "throughput", "mfu", "device_hours", "embodied_g_per_hour")
"""What a measured run says by itself."""
COMBINED = (
    "A plan is not a measurement, and the truth can lie outside. Ranges that were given or metered count in full; "
    "those that are assumed have causes of their own, and count together as the root of the sum of squares of their "
    "logarithms."
)
Products = tuple[Product, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What is to be done, as products; None where it is not known."""

    method: Method
    energy: Products
    """kWh of the devices, before PUE."""
    site: Input
    hours: Product | None = None
    flops: Product | None = None
    utilisation: Range | None = None
    grid: Input | None = None
    notes: tuple[str, ...] = ()


def project(asked: PlanInputs, measured: AuditResult | None) -> Plan:
    """Plan a question with parts that fit together."""
    work = _plan_work(asked) if measured is None else _calibrate_work(asked, measured)
    training = tuple(p.times(work.site) for p in work.energy)
    idle = _multiply_idle(asked, work.site)
    embodied = _multiply_embodied(asked, work.hours)
    grid = work.grid
    energy = _make_parts("kWh", training, idle, ())
    carbon = _make_parts(
        "g", _multiply_by_grid(training, grid), _multiply_by_grid(idle, grid), embodied, whole=grid is not None
    )
    energy_shares = rank_shares((*training, *idle))
    carbon_shares = (
        rank_shares((*_multiply_by_grid(training, grid), *_multiply_by_grid(idle, grid), *embodied)) if grid else ()
    )
    flops = None if work.flops is None else range_of((work.flops,), "FLOP")
    hours = None if work.hours is None else range_of((work.hours,), "h")
    used = _list_inputs((*training, *idle, *embodied, *_to_products(work.hours), *_to_products(work.flops)), grid)
    return Plan(
        method=work.method,
        energy_kwh=energy,
        carbon_g=carbon,
        flops=flops,
        device_hours=hours,
        duration_h=_derive_duration(asked, work.hours),
        utilisation=work.utilisation,
        energy_shares=energy_shares,
        carbon_shares=carbon_shares,
        dominates=_describe_dominant(energy_shares, carbon_shares, used),
        act=judge_presumption(flops),
        inputs=used,
        undefined=_list_reasons(asked, work),
        notes=(*work.notes, *_list_notes(work)),
    )


def _plan_work(asked: PlanInputs) -> _Work:
    """Return the work by device-hours where they are given, else by FLOPs over throughput."""
    speed, counted, number = inputs.find_throughput(asked), inputs.find_flops(asked), asked.get("device_hours")
    method: Method = "flops" if asked.get("flops") else "6nd"
    if number is not None:
        _refuse_speed(asked, counted)
        method, hours = "device-hours", Product((make_declared(inputs.HOURS, "h", number),))
        if counted is None and speed is not None:
            counted = hours.times(*speed.above).per(1 / S_PER_H)
    elif counted is not None and speed is not None:
        hours = counted.over(*speed.above).per(S_PER_H)
    else:
        raise QuestionError("FLOP alone give no time; give device, or throughput and watts, or device_hours")
    return _Work(
        method=method,
        energy=(hours.times(inputs.find_power(asked)).per(1000),),
        hours=hours,
        flops=counted,
        site=inputs.find_site(asked) or inputs.assume_site(),
        grid=inputs.find_electricity(asked),
        utilisation=_derive_utilisation(asked, hours, counted),
    )


def _refuse_speed(asked: PlanInputs, counted: Product | None) -> None:
    """Refuse a throughput beside FLOPs and device-hours, which say it already.

    A third number could only contradict them.
    """
    if counted is not None and (given := asked.given("throughput", "mfu")):
        raise QuestionError(f"device_hours and FLOP already determine {given[0]}; remove one of the three")


def _calibrate_work(asked: PlanInputs, measured: AuditResult) -> _Work:
    """Return the work by a measured run; FLOPs, where given, are for the EU AI Act alone."""
    if clash := asked.given(*MACHINE):
        raise QuestionError(
            f"{clash[0]} cannot be combined with a measured run, which has its own power; remove {clash[0]}"
        )
    done, total = asked.get("steps_done"), asked.get("steps_total")
    if done is None or total is None:
        raise QuestionError("a measured run needs steps_done and steps_total; give both in steps, tokens or epochs")
    scale = calibration.scale(done, total)
    return _Work(
        method="calibration",
        energy=tuple(Product((row, scale), divisor=J_PER_KWH) for row in calibration.list_components(measured)),
        flops=inputs.find_flops(asked),
        site=inputs.find_site(asked) or calibration.find_measured_site(measured),
        grid=inputs.find_electricity(asked, calibration.find_grid_factor(measured)),
        notes=calibration.list_caveats(measured),
    )


def _derive_utilisation(asked: PlanInputs, hours: Product, flops: Product | None) -> Range | None:
    """Return the share of the peak that hours and FLOPs mean together; more than all of it is refused."""
    peak = inputs.find_peak(asked)
    if peak is None or flops is None:
        return None
    speed = inputs.find_throughput(asked)
    if asked.get("device_hours") is None or speed is None:
        if speed is None:
            return None
        return range_of((speed.over(peak),), "1")
    found = range_of((flops.over(*hours.above, peak).per(S_PER_H),), "1")
    if found.low > 1:
        raise QuestionError(
            f"device_hours {show_number(hours.at('value'))} are too few: the FLOP in them are "
            f"{show_number(found.value)} of the devices' peak; give hours summed over all devices"
        )
    return found


def _multiply_idle(asked: PlanInputs, site: Input) -> Products:
    """Return the kWh while held, with PUE."""
    how = "give it as a range that was measured"
    if (number := asked.get("idle_kwh")) is not None:
        found = Product((make_declared("idle energy", "kWh", number, trust=a.AVERAGE_POWER, narrow=how),))
        return (found.times(site),)
    watts, hours = asked.get("idle_watts"), asked.get("idle_hours")
    if watts is None or hours is None:
        return ()
    power = make_declared("idle power of a device", "W", watts, trust=a.AVERAGE_POWER, narrow=how)
    return (Product((make_declared("idle device-hours", "h", hours), power), divisor=1000.0).times(site),)


def _multiply_embodied(asked: PlanInputs, hours: Product | None) -> Products:
    """Return grams of making the devices."""
    how = "give the range of a life-cycle assessment of these devices"
    if (number := asked.get("embodied_g")) is not None:
        return (Product((make_declared("embodied carbon", "g", number, trust=a.EMBODIED, narrow=how),)),)
    rate = asked.get("embodied_g_per_hour")
    if rate is None or hours is None:
        return ()
    return (hours.times(make_declared("embodied carbon of a device-hour", "g/h", rate, trust=a.EMBODIED, narrow=how)),)


def _multiply_by_grid(products: Products, grid: Input | None) -> Products:
    if grid is None:
        return ()
    return tuple(p.times(grid) for p in products)


def _make_parts(unit: str, training: Products, idle: Products, embodied: Products, *, whole: bool = True) -> Parts:
    """Return a quantity by its parts and their sum; no sum where the training's own part is not known."""
    known = {"training": training, "idle": idle, "embodied": embodied}
    ranges = {name: range_of(found, unit) if found else None for name, found in known.items()}
    holds = tuple(name for name, found in ranges.items() if found is not None) if whole else ()
    total = range_of((*training, *idle, *embodied), unit) if holds else None
    return Parts(**ranges, total=total, holds=holds)


def _derive_duration(asked: PlanInputs, hours: Product | None) -> Range | None:
    number = asked.get("devices")
    if number is None or hours is None:
        return None
    return range_of((hours.over(make_declared("devices", "1", number)),), "h")


def _to_products(product: Product | None) -> Products:
    return () if product is None else (product,)


def _list_inputs(products: Products, grid: Input | None) -> tuple[Input, ...]:
    """Return every input once, in the order in which it enters."""
    used = list(chain.from_iterable(p.inputs for p in products))
    if grid is not None:
        used.append(grid)
    return tuple({i.name: i for i in used}.values())


def _describe_dominant(energy: Sequence[Share], carbon: Sequence[Share], used: Sequence[Input]) -> str:
    """Return what most of the range comes from, why it is not known better, and the mend."""
    shares, what = (carbon, "carbon") if carbon else (energy, "energy")
    if not shares:
        return "Every input was given as exact."
    found = next(i for i in used if i.name == shares[0].name)
    then = f", then {shares[1].name} ({shares[1].share:.0%})" if len(shares) > 1 else ""
    why = f" {capitalise(found.because)}." if found.because else ""
    mend = f" To narrow it, {found.narrow}." if found.narrow else ""
    return f"What dominates the range of the {what}: {found.name} ({shares[0].share:.0%} of it){then}.{why}{mend}"


def _list_reasons(asked: PlanInputs, work: _Work) -> dict[str, str]:
    """Return why a quantity is not there."""
    held = bool(asked.given("idle_kwh", "idle_watts"))
    made = bool(asked.given("embodied_g", "embodied_g_per_hour"))
    calibrated = work.method == "calibration"
    reasons = {
        "carbon_g": (work.grid is not None, "no grid is known; give country or g_per_kwh"),
        "idle": (held, "not given (idle_kwh adds it)"),
        "embodied": (made, "not given (embodied_g adds it)"),
        "flops": (work.flops is not None, "not given (flops, or parameters and tokens)"),
        "device_hours": (work.hours is not None, "the measured run counts joules, not devices"),
        "duration_h": (
            bool(asked.given("devices")),
            "the measured run's machine is taken as it is" if calibrated else "not given (devices adds it)",
        ),
    }
    return {name: reason for name, (known, reason) in reasons.items() if not known}


def _list_notes(work: _Work) -> tuple[str, ...]:
    """Return what a reader of the numbers must know."""
    found = [COMBINED]
    if work.method == "6nd" or (work.flops is not None and any("6ND" in i.name for i in work.flops.above)):
        found.append(
            "6ND counts the forward and the backward pass, with the parameters that are active for a token; every "
            "epoch of the data counts."
        )
    if work.method == "device-hours" and work.flops is not None:
        found.append("The energy follows from the device-hours; the FLOPs are for the EU AI Act.")
    if work.flops is not None:
        found.append("The EU AI Act counts cumulative computation: earlier training of the same model comes on top.")
    if work.grid is not None:
        found.append("Carbon is location based; contracts for green electricity do not lower it.")
    return tuple(found)
