"""Grams of CO2 equivalent per kilowatt-hour, by country, from the table that codecarbon ships.

A country without a figure is refused; the world's average never stands in for it. Nothing here asks the network.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import importlib.util
import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from audit.errors import QuestionError, no_such, printable
from audit.record.energy import GRID_FACTOR, Factor

TABLE = Path("data", "private_infra", "global_energy_mix.json")
UNIT = "gCO2e/kWh"
NOT_ISO = {"UK": "GBR", "EL": "GRC"}
"""Codes in everyday use that ISO 3166-1 does not give to these countries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The electricity of one country, location based."""

    country: str
    """ISO 3166-1 alpha-3."""
    g_per_kwh: float
    factor: Factor
    """The same figure with its source and the year it stands for."""


def find_grid(country: str | None) -> Grid | None:
    """Return the grid of a country, or None where no country is named and so no carbon can be computed.

    Parameters
    ----------
    country
        ISO 3166-1 alpha-3 code in capitals, such as ``"FRA"``.

    Raises
    ------
    QuestionError
        When the code is not one of the table's, or the table has no usable figure for it.
    """
    if country is None:
        return None
    table, version = _read_table()
    row = table.get(country)
    if row is None:
        raise QuestionError(_explain_country(country, table))
    value = row.get("carbon_intensity")
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value) or value <= 0:
        raise QuestionError(
            f"no grid factor for country '{country}' ({printable(row.get('country_name'))}): codecarbon "
            f"{version} has no figure for it; name the country of the machine's grid, or remove country from "
            "[energy]"
        )
    factor = Factor(
        name=GRID_FACTOR,
        value=float(value),
        unit=UNIT,
        source=f"codecarbon {version}, {TABLE.name}, {country} ({row.get('country_name')}), location based",
        date=str(row.get("year", "not stated")),
    )
    return Grid(country=country, g_per_kwh=float(value), factor=factor)


@cache
def _read_table() -> tuple[dict[str, dict[str, Any]], str]:
    """Return the shipped table by alpha-3 code, and codecarbon's version, read without importing codecarbon."""
    spec = importlib.util.find_spec("codecarbon")
    if spec is None or not spec.submodule_search_locations:
        raise QuestionError(
            "country needs codecarbon, which is not installed; install it, or remove country from [energy]"
        )
    path = Path(spec.submodule_search_locations[0]) / TABLE
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise QuestionError(
            f"codecarbon's table of grid factors cannot be read from '{printable(path, 300)}'; reinstall "
            "codecarbon, or remove country from [energy]"
        ) from error
    return table, importlib.metadata.version("codecarbon")


def _explain_country(country: str, table: dict[str, dict[str, Any]]) -> str:
    """Return the refusal of a code, with the code that was probably meant."""
    text = str(country).strip()
    meant = text.upper() if text.upper() in table else _find_by_alpha_2(text) or _find_by_name(text, table)
    rule = "country is an ISO 3166-1 alpha-3 code, such as 'USA'"
    if meant in table:
        name = table[meant].get("country_name")
        return f"no country '{printable(country)}'; did you mean '{meant}' ({printable(name)})? {rule}"
    return f"{no_such('country', country, table)}; {rule}"


def _find_by_alpha_2(code: str) -> str | None:
    """Return alpha-3 code for an alpha-2 one, where the list of countries is at hand."""
    if len(code) != 2:
        return None
    try:
        import pycountry
    except ImportError:  # codecarbon brings it; an older codecarbon does not
        return NOT_ISO.get(code.upper())
    found = pycountry.countries.get(alpha_2=code.upper())
    if found is None:
        return NOT_ISO.get(code.upper())
    return str(found.alpha_3)


def _find_by_name(name: str, table: dict[str, dict[str, Any]]) -> str | None:
    """Return the code of the country with the nearest English name; three letters are a code, never a name."""
    if len(name) <= 3:
        return None
    codes = {str(row.get("country_name", "")).casefold(): code for code, row in table.items()}
    near = difflib.get_close_matches(name.casefold(), codes, n=1, cutoff=0.75)
    return codes[near[0]] if near else None
