"""The library behind a meter, chosen by its name; only that one is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

from audit.energy.instruments.instrument import Instrument, MeterName
from audit.errors import QuestionError, no_such


def instrument_by_name(name: str) -> Instrument:
    """Instrument by the name of the library behind it, in this very process.

    Raises
    ------
    QuestionError
        When there is none of that name.
    """
    if name not in get_args(MeterName):
        raise QuestionError(no_such("meter", name, get_args(MeterName)))
    makers: Mapping[str, Callable[[], Instrument]] = {"codecarbon": _codecarbon, "zeus": _zeus}
    return makers[name]()


def _codecarbon() -> Instrument:
    from audit.energy.instruments.codecarbon import Codecarbon

    return Codecarbon()


def _zeus() -> Instrument:
    from audit.energy.instruments.zeus import Zeus

    return Zeus()
