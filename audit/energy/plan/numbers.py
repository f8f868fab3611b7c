"""Numbers as people write them (175B, 24.6e12, 40%, 0.3..0.45), and the refusal of what cannot be meant.

A bound here is no statistics: it is where a number can only be another unit's, and the message says which.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from audit.errors import QuestionError, no_such, printable

Given = float | str | tuple[float, float] | tuple[float, float, float]
"""A number; a text such as "175B" or "0.3..0.45"; low and high, with their geometric mean as centre; or all three."""
# A sign, digits that single underscores may part, a point, an exponent; then one letter or % as the unit.
NUMBER = re.compile(r"([+-]?(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([a-zA-Z%]?)", re.ASCII)
SUFFIX = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "b": 1e9, "G": 1e9, "g": 1e9, "T": 1e12, "t": 1e12, "P": 1e15}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a number can be, and what was meant where it is outside."""

    says: str
    """What it is, in words with its unit."""
    least: float
    most: float
    below: str = "write a larger number"
    above: str = "write a smaller number"
    share: bool = False
    """Whether a per cent sign is understood."""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Interval:
    """A number as it was given: with a range of its own, or without."""

    low: float
    value: float
    high: float

    @property
    def ranged(self) -> bool:
        """Whether a range was given."""
        return self.low < self.high


LIMITS = {
    "flops": Limit(
        says="floating point operations of the whole training",
        least=1e9,
        most=1e30,
        below="write 314e21 for 314 zettaFLOP",
    ),
    "parameters": Limit(says="active parameters", least=1e3, most=1e16, below="write 175B for 175 billion"),
    "tokens": Limit(
        says="training tokens, every epoch counted", least=1e3, most=1e18, below="write 300B for 300 billion"
    ),
    "device_hours": Limit(says="hours summed over devices", least=1e-4, most=1e12),
    "devices": Limit(says="devices used at the same time", least=1, most=1e8, whole=True),
    "watts": Limit(
        says="average watts of one device, its share of the host included",
        least=1,
        most=20_000,
        below="write watts, so 330 for 0.33 kW",
        above="write the watts of one device, not of all",
    ),
    "peak_flops": Limit(
        says="peak FLOP/s of one device",
        least=1e9,
        most=1e18,
        below="write FLOP/s, so 125T or 125e12 for 125 TFLOP/s",
        above="write it for one device",
    ),
    "throughput": Limit(
        says="achieved FLOP/s of one device",
        least=1e8,
        most=1e18,
        below="write FLOP/s, so 24.6T or 24.6e12 for 24.6 TFLOP/s",
        above="write it for one device",
    ),
    "mfu": Limit(
        says="share of the peak that is achieved",
        least=1e-4,
        most=1,
        share=True,
        above="write a share, so 0.4 or 40% for 40 per cent",
    ),
    "pue": Limit(
        says="power usage effectiveness of the site",
        least=1,
        most=5,
        below="a site draws at least what its machines draw, so write 1 or more",
        above="write the site's energy over its machines', such as 1.2",
    ),
    "g_per_kwh": Limit(
        says="location-based grams of CO2 equivalent per kWh",
        least=1,
        most=2000,
        below="write grams, so 429 for 0.429 kg, and state contracts for green electricity beside it",
        above="write grams per kWh, so 429 for 429 kg per MWh",
    ),
    "idle_kwh": Limit(says="kWh of idle devices, before PUE", least=0, most=1e12),
    "idle_watts": Limit(
        says="watts of one idle device",
        least=0,
        most=20_000,
        above="write the watts of one device",
    ),
    "idle_hours": Limit(says="idle hours, summed over devices", least=0, most=1e12),
    "embodied_g": Limit(says="embodied carbon, this run's share in grams of CO2e", least=0, most=1e15),
    "embodied_g_per_hour": Limit(
        says="embodied carbon per device hour in grams of CO2e",
        least=0,
        most=1e5,
        above="write the grams of one device and one hour",
    ),
    "steps_done": Limit(says="steps, tokens or epochs of the measured run", least=1e-9, most=1e30),
    "steps_total": Limit(says="steps, tokens or epochs of the full training", least=1e-9, most=1e30),
}
"""Every number that a plan takes, by the name of its argument and option."""


def read(name: str, given: Given | None) -> Interval | None:
    """Return a number within its limits.

    Raises
    ------
    QuestionError
        Names the argument, what it can be, and what to write.
    """
    if given is None:
        return None
    limit = LIMITS[name]
    parts = _split_parts(name, given, limit)
    for part in parts:
        _require(name, part, limit)
    return _make_interval(name, parts, limit)


def _split_parts(name: str, given: Given, limit: Limit) -> list[float]:
    if isinstance(given, str):
        return [_parse_number(name, text.strip(), limit) for text in given.split("..")]
    found = list(given) if isinstance(given, (tuple, list)) else [given]
    for part in found:
        if isinstance(part, bool) or not isinstance(part, (int, float)):
            raise QuestionError(f"{name} '{printable(given)}' is not a number; give {limit.says} as a number")
    return [float(part) for part in found]


def _parse_number(name: str, text: str, limit: Limit) -> float:
    match = NUMBER.fullmatch(text)
    unit = match.group(2) if match else ""
    if match is None or not (unit == "" or unit in SUFFIX or (unit == "%" and limit.share)):
        raise QuestionError(
            f"{name} '{printable(text)}' is not a number; write {limit.says} as digits such as 1300000, 1.3e6 "
            "or 1.3M (K, M, B, T and P; no unit, no comma), or a range such as 1M..2M"
        )
    value = float(match.group(1))
    if unit == "%":
        return value / 100
    return value * SUFFIX.get(unit, 1.0)


def _require(name: str, value: float, limit: Limit) -> None:
    if not math.isfinite(value):
        raise QuestionError(f"{name} {value} is not finite; give {limit.says}")
    if value < 0 and limit.least == 0:
        raise QuestionError(f"{name} {show_number(value)} is below 0; give 0 or more: {limit.says}")
    if value < 0 or (value == 0 and limit.least > 0):
        raise QuestionError(f"{name} {show_number(value)} is not above 0; give a number above 0: {limit.says}")
    if not limit.least <= value <= limit.most:
        mend = limit.below if value < limit.least else limit.above
        raise QuestionError(
            f"{name} {show_number(value)} is out of range; {limit.says} must be {show_number(limit.least)} to "
            f"{show_number(limit.most)}: {mend}"
        )
    if limit.whole and not value.is_integer():
        raise QuestionError(f"{name} {show_number(value)} is not a whole number; give the number of {limit.says}")


def _make_interval(name: str, parts: list[float], limit: Limit) -> Interval:
    if len(parts) == 1:
        return Interval(parts[0], parts[0], parts[0])
    if len(parts) > 3 or not parts[0] < parts[-1] or parts != sorted(parts):
        raise QuestionError(
            f"{name} '{'..'.join(show_number(p) for p in parts)}' is not a range; write low..high or "
            "low..central..high, increasing"
        )
    if limit.whole:
        raise QuestionError(f"{name} cannot be a range; give one whole number of {limit.says}")
    low, high = parts[0], parts[-1]
    return Interval(low, parts[1] if len(parts) == 3 else min(max(math.sqrt(low * high), low), high), high)


def choose_one(kind: str, name: str, choices: dict[str, object]) -> str:
    """Return the key of a table for a name as people write it: case, blanks and underscores do not matter."""
    key = name.strip().casefold().replace(" ", "-").replace("_", "-")
    if key not in choices:
        raise QuestionError(f"{no_such(kind, name, choices)}, or give watts and peak_flops instead")
    return key


def show_number(value: float) -> str:
    """Return the number as a message shows it."""
    if 1e-3 <= abs(value) < 1e6 or value == 0:
        return f"{value:,.6g}"
    return f"{value:.6g}"
