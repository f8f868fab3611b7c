"""Sentences of limits that compare no groups: on the checks of the data, and on the footprint of the run.

Must not: decide anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from audit.config.limits import CHECKS
from audit.config.schema import GateRule
from audit.errors import capitalise, printable
from audit.estimate import Estimate, figure_text, join_first, limit_text
from audit.gates.check_counts import FOUND
from audit.gates.words.wording import NOT_RUN, select_run
from audit.record.energy import MEASURED_SHARE
from audit.record.result import Check

MOST_CODES = 5
OF_TWO_TABLES = ("DL001", "DL002", "DB007", "DV006")
"""Checks that are asked once a held-out table; any other is asked once a column, a crossing or a table."""
NEVER = "an undefined limit never passes"
SCALES: Mapping[str, tuple[tuple[float, float, str], ...]] = {
    "energy_kwh": ((1.0, 1.0, "kWh"), (0.0, 1e-3, "Wh")),
    "carbon_g": (
        (1e6, 1e6, "t CO2e"),
        (1e3, 1e3, "kg CO2e"),
        (0.1, 1.0, "g CO2e"),
        (1e-4, 1e-3, "mg CO2e"),
        (0.0, 1e-6, "µg CO2e"),
    ),
    "water_l": ((0.1, 1.0, "l"), (1e-4, 1e-3, "ml"), (0.0, 1e-6, "µl")),
}
"""Units of a total, the largest first: from which value on, what one of it is in the unit of the record, its name."""
SAME_SCALE = {"carbon_market_g": "carbon_g", "embodied_g": "carbon_g", "sci_g": "carbon_g"}
SAYS = {
    "energy_kwh": "The run used {total}",
    "carbon_g": "The run caused {total}",
    "carbon_market_g": "The run caused {total} (market-based)",
    "embodied_g": "The embodied carbon of the run is {total}",
    "water_l": "The run used {total} of water",
    "sci_g": "The software carbon intensity is {total} per unit",
}
MISSING = {
    "energy_kwh": "No energy was measured",
    MEASURED_SHARE: "No energy was measured",
    "carbon_g": "No carbon was computed",
    "carbon_market_g": "No market-based carbon was computed",
    "embodied_g": "No embodied carbon was computed",
    "water_l": "No water was computed",
    "sci_g": "No software carbon intensity was computed",
}
UNMEASURED = "none of it measured"
"""How the record says that all of the energy is an estimate."""


def describe_checks(rule: GateRule, estimate: Estimate, verdict: str, checks: Sequence[Check]) -> str:
    """Return the sentence of a limit on checks.

    Parameters
    ----------
    rule, estimate, verdict
        The limit, how many were counted, and how that was judged.
    checks
        All of the run.
    """
    limit = limit_text(rule.max or 0.0, "amount")
    found = estimate.value if estimate.value is not None else estimate.low
    if found is None:
        return f"{capitalise(estimate.reason or 'no check was run')}. The limit is {limit}; {NEVER}."
    if verdict in {"undefined", "insufficient"}:
        return f"{_describe_open(rule.metric, estimate)}; the limit is {limit}."
    if rule.metric in CHECKS:
        apart = len(checks) - len(select_run(checks))
        return (
            f"{_count_found(rule.metric, found, estimate.n or 0.0, apart, _list_codes(rule.metric, checks))}{limit})."
        )
    return f"{_describe_places(rule.metric, found, estimate.n or 0.0)} (limit {limit})."


def _count_found(metric: str, found: float, n: float, apart: int, codes: str) -> str:
    """Return how many of the checks that were run found something; those that do not apply stand apart."""
    verb, beside = "warned or failed" if metric == "warned" else "failed", f"{apart:,} {NOT_RUN}; " * bool(apart)
    if not found:
        return f"No check {verb} ({n:,.0f} run; {beside}limit "
    return f"{found:,.0f} of {n:,.0f} checks {verb} ({codes}; {beside}limit "


def _list_codes(metric: str, checks: Sequence[Check]) -> str:
    codes = list(dict.fromkeys(c.code for c in checks if c.outcome in FOUND[metric]))
    return join_first([printable(code) for code in codes[:MOST_CODES]], len(codes))


def _describe_places(code: str, found: float, n: float) -> str:
    where = "table" if code in OF_TWO_TABLES else "place"
    if not found:
        return f"{printable(code)} has no finding in {n:,.0f} {where}{'' if n == 1 else 's'}"
    if n == 1:
        return f"{printable(code)} has findings in the one {where} where it was run"
    return f"{printable(code)} has findings in {found:,.0f} of {n:,.0f} {where}s"


def _describe_open(metric: str, estimate: Estimate) -> str:
    """Return which checks leave a count open, and between which numbers it lies."""
    low, high = estimate.low or 0.0, estimate.high or 0.0
    said = estimate.reason or "the count is open"
    of = f"{low:,.0f} or {high:,.0f}" if high - low == 1 else f"between {low:,.0f} and {high:,.0f}"
    verb = {"failed": "failed", "warned": "warned or failed"}.get(metric, "have findings")
    return f"{capitalise(said)}, so {of} {verb}"


def describe_energy(rule: GateRule, estimate: Estimate) -> str:
    """Return the sentence of a limit on the footprint of a run."""
    limit = rule.max if rule.max is not None else (rule.min or 0.0)
    asked = f"at {'most' if rule.max is not None else 'least'} {_write_total(rule.metric, limit)}"
    if estimate.value is None:
        return f"{MISSING[rule.metric]} ({estimate.reason}). The limit is {asked}; {NEVER}."
    if rule.metric == MEASURED_SHARE:
        share = figure_text(estimate.value, "share", limit=limit)
        return f"{share} of the energy was measured; the limit is {asked}."
    total = SAYS[rule.metric].format(total=_write_total(rule.metric, estimate.value, limit=limit))
    known = "all of it estimated" if estimate.method == UNMEASURED else estimate.method
    return f"{total}{f', {known}' if known else ''}; the limit is {asked}."


def _write_total(metric: str, value: float, *, limit: float | None = None) -> str:
    """Return a total in the unit in which it is a short number; a limit, which stands alone, with all its digits.

    >>> _write_total("energy_kwh", 0.0000198, limit=0.01), _write_total("energy_kwh", 0.01), _write_total("carbon_g", 0)
    ('0.0198 Wh', '10 Wh', '0 g CO2e')
    """
    if metric == MEASURED_SHARE:
        return limit_text(value, "share")
    steps = SCALES[SAME_SCALE.get(metric, metric)]
    _, unit, name = next(step for step in steps if abs(value) >= step[0])
    if not value:
        unit, name = next((scale, of) for _, scale, of in steps if scale == 1.0)
    if limit is None:
        return f"{limit_text(value / unit, 'amount')} {name}"
    return f"{figure_text(value / unit, 'amount', limit=limit / unit)} {name}"
