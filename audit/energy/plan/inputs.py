"""What was asked becomes inputs: each number with its range, its source, and what is assumed where none was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from audit.energy.carbon import UNIT, find_grid
from audit.energy.plan import assumptions as a
from audit.energy.plan.assumptions import Assumption
from audit.energy.plan.devices import DEVICES, Device
from audit.energy.plan.numbers import Interval, choose_one, show_number
from audit.energy.plan.ranges import Input, Product
from audit.errors import QuestionError
from audit.record.result import Factor

DECLARED, AS_GIVEN = "declared", "as given"
PUE, GRID, POWER = "power usage effectiveness", "grid carbon intensity", "power of a device"
FLOPS, HOURS, UTILISATION, THROUGHPUT = "FLOPs", "device-hours", "utilisation of the peak (MFU)", "achieved throughput"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInputs:
    """Every number that was given, read; and the names."""

    numbers: Mapping[str, Interval]
    device: str | None
    country: str | None

    def get(self, name: str) -> Interval | None:
        """Return a number, or None where it was not given."""
        return self.numbers.get(name)

    def given(self, *names: str) -> tuple[str, ...]:
        """Return those of the names that were given."""
        return tuple(n for n in names if n in self.numbers or getattr(self, n, None) is not None)

    def hardware(self) -> Device | None:
        """Return the device by name, from the shipped table."""
        if self.device is None:
            return None
        return DEVICES[choose_one("device", self.device, dict(DEVICES))]


def make_declared(
    name: str, unit: str, number: Interval, *, trust: Assumption | None = None, narrow: str = ""
) -> Input:
    """Return a number that the caller gave: with its own range, else trusted as far as that kind of number is."""
    if number.ranged or trust is None:
        because = "the range was given" if number.ranged else ""
        return Input(
            name=name,
            unit=unit,
            basis="given",
            low=number.low,
            value=number.value,
            high=number.high,
            source=DECLARED,
            date=AS_GIVEN,
            because=because,
            narrow=narrow,
        )
    return _make_trusted(name, unit, number.value, trust, basis_source=(DECLARED, AS_GIVEN), narrow=narrow)


def _make_trusted(
    name: str, unit: str, value: float, trust: Assumption, *, basis_source: tuple[str, str], narrow: str
) -> Input:
    source, date = basis_source
    return Input(
        name=name,
        unit=unit,
        basis="given" if source == DECLARED else "table",
        low=value * trust.low,
        value=value,
        high=value * trust.high,
        source=source,
        date=date,
        range_source=trust.source,
        range_date=trust.date,
        because=trust.because,
        narrow=narrow,
    )


def _make_assumed(name: str, unit: str, what: Assumption, narrow: str) -> Input:
    """Return a number that was not given."""
    return Input(
        name=name,
        unit=unit,
        basis="assumed",
        low=what.low,
        value=what.value,
        high=what.high,
        source=what.source,
        date=what.date,
        because=what.because,
        narrow=narrow,
    )


def find_flops(asked: PlanInputs) -> Product | None:
    """Return FLOPs as given, or by 6ND; None where neither is possible."""
    if (number := asked.get("flops")) is not None:
        return Product((make_declared(FLOPS, "FLOP", number),))
    parameters, tokens = asked.get("parameters"), asked.get("tokens")
    if parameters is None or tokens is None:
        return None
    six = a.SIX_ND
    return Product(
        (
            make_declared("active parameters", "1", parameters),
            make_declared("training tokens", "1", tokens),
            Input(
                name="FLOP per parameter and token (6ND)",
                unit="FLOP",
                basis="formula",
                low=six.low,
                value=six.value,
                high=six.high,
                source=a.KAPLAN,
                date="2020-01",
                range_source=six.source,
                range_date=six.date,
                because=six.because,
                narrow="give flops as a profiler counts them",
            ),
        )
    )


def find_throughput(asked: PlanInputs) -> Product | None:
    """Return achieved FLOP/s of one device: as given, or a utilisation of its peak; None where no peak is known."""
    top = find_peak(asked)
    if (number := asked.get("throughput")) is not None:
        if top is not None and number.high > top.value:
            raise QuestionError(
                f"throughput {show_number(number.high)} FLOP/s is above the device's peak of "
                f"{show_number(top.value)} FLOP/s; give the achieved dense 16-bit FLOP/s of one device, or "
                "another peak_flops"
            )
        return Product((make_declared(THROUGHPUT, "FLOP/s", number),))
    if top is None:
        return None
    share = asked.get("mfu")
    how = "give throughput or mfu, measured on a short run"
    use = (
        _make_assumed(UTILISATION, "1", a.UTILISATION, how) if share is None else make_declared(UTILISATION, "1", share)
    )
    return Product((use, top))


def find_peak(asked: PlanInputs) -> Input | None:
    """Return peak FLOP/s of one device, where it is known."""
    device = asked.hardware()
    if (number := asked.get("peak_flops")) is not None:
        return make_declared("peak of a device", "FLOP/s", number)
    if device is None:
        return None
    return Input(
        name=f"peak of {device.title}",
        unit="FLOP/s",
        basis="table",
        low=device.peak_flops,
        value=device.peak_flops,
        high=device.peak_flops,
        source=device.source,
        date=device.date,
    )


def find_power(asked: PlanInputs) -> Input:
    """Return watts of one device: an average as given, or what the table knows of the device's draw."""
    if (number := asked.get("watts")) is not None:
        return make_declared(
            POWER, "W", number, trust=a.AVERAGE_POWER, narrow="give watts as a range that was measured"
        )
    device = asked.hardware()
    if device is None or device.draw is None:
        why = "no power is known" if device is None else f"the maker of {device.title} publishes no power"
        raise QuestionError(f"{why}; give watts (average of one device, its share of the host included)")
    draw = device.draw
    drawn = (f"published draw of {device.title}: {draw.source}", draw.date)
    limit = (f"board limit of {device.title}: {device.source}", device.date)
    source, date = limit if draw.value == device.board_w else drawn
    return Input(
        name=POWER,
        unit="W",
        basis="table",
        low=draw.low,
        value=draw.value,
        high=draw.high,
        source=source,
        date=date,
        range_source=draw.source,
        range_date=draw.date,
        because=draw.because,
        narrow="give watts, the average that was measured with the host's share",
    )


def find_site(asked: PlanInputs) -> Input | None:
    """Return the PUE as given; None where it was not."""
    number = asked.get("pue")
    return None if number is None else make_declared(PUE, "1", number)


def assume_site() -> Input:
    """Return the PUE where it was not given."""
    return _make_assumed(PUE, "1", a.SITE, "give pue, as the site's operator publishes it")


def find_electricity(asked: PlanInputs, measured: Factor | None = None) -> Input | None:
    """Return the grams per kWh: as given, of the country, or of the measured run; None where no grid is known."""
    if (number := asked.get("g_per_kwh")) is not None:
        return make_declared(
            GRID, UNIT, number, trust=a.DECLARED_GRID, narrow="give g_per_kwh as a range over the run's time"
        )
    found = find_grid(asked.country)
    factor = measured if found is None else found.factor
    if factor is None:
        return None
    return _make_trusted(
        GRID,
        UNIT,
        factor.value,
        a.COUNTRY_GRID,
        basis_source=(factor.source, factor.date),
        narrow="give g_per_kwh of the grid at the site",
    )
