"""Limits as people write them: a text, a table, or a list of these, made into the tables of ``[[gates]]``.

Must not: know which limits make sense; `audit.config.limits` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, get_args

from audit.config.limits import ENERGY, is_of_checks
from audit.config.options import QUOTED, split_names
from audit.errors import QuestionError, no_such, printable
from audit.measurement.metrics.catalogue import figure_of
from audit.measurement.metrics.kinds import Compare
from audit.record.energy import MEASURED_SHARE

Gates = str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]
# The stage, the metric, how groups are compared, the columns they are of, and the limit; the number is read later.
RULE = re.compile(
    rf"\s*(?:(?P<stage>data|model)\.)?(?P<metric>[A-Za-z_0-9]+)(?:\s+(?P<compare>{'|'.join(get_args(Compare))}))?"
    rf"(?:\s+by\s+(?P<by>(?:{QUOTED}|[^<>=])+?))?\s*(?P<sign><=|>=)\s*(?P<limit>\S+)\s*"
)
COMPARISONS: tuple[str, ...] = get_args(Compare)
RULE_SHAPE = "METRIC [COMPARISON] [by COLUMN*COLUMN] >= NUMBER"
FORMS = f'write each as "{RULE_SHAPE}" (or <=), or as a table such as {{"metric": "accuracy", "min": 0.7}}'
SIGNS = ("<=", ">=")
COMMA = re.compile(r"[0-9]+,[0-9]+%?")
POINTS = re.compile(r"\s*([0-9.]+)\s*(?:%|percent|points?|percentage points?|pp)\s*")
"""A limit in words or with a blank before its sign; the number goes before a percent sign."""
SIGN = re.compile(r"[<>=!≤≥]+")


def read_rule(text: str, stage: str, where: str = "--gate") -> dict[str, Any]:
    """Return a gate from words, such as ``selection_rate ratio by race >= 0.8``.

    Parameters
    ----------
    text
        The words.
    stage
        What a metric of data and models is taken to be of.
    where
        How messages call it.

    Raises
    ------
    QuestionError
        When it is no such sentence.
    """
    found = RULE.fullmatch(text)
    said = f"{where} '{printable(text)}'"
    if found is None:
        raise QuestionError(f"{said} cannot be read; {_explain_slip(text)}")
    metric = found["metric"]
    rule: dict[str, Any] = {"stage": found["stage"] or _choose_stage(metric, stage), "metric": metric}
    if found["compare"]:
        rule["compare"] = found["compare"]
    if found["by"]:
        rule["by"] = split_names(found["by"], "*,", said)
    is_share = metric == MEASURED_SHARE or figure_of(metric, found["compare"]) in {"share", "points", "ratio"}
    rule["min" if found["sign"] == ">=" else "max"] = _read_limit(found["limit"], said, is_share=is_share)
    return rule


def _read_limit(text: str, said: str, *, is_share: bool) -> float:
    """Return the number of a limit; of a share, of points and of a ratio it may be in percent."""
    number = text.removesuffix("%")
    try:
        if number == text:
            return float(text)
        limit = float(Decimal(number) / 100)
    except (ValueError, InvalidOperation):
        mend = f"; write a decimal point: {text.replace(',', '.')}" if COMMA.fullmatch(text) else ""
        raise QuestionError(f"{said}: '{printable(text)}' is not a number{mend}") from None
    if not is_share:
        raise QuestionError(f"{said}: '{printable(text)}' is a share, and this metric is none; write a number")
    return limit


def _explain_slip(text: str) -> str:
    """Return what is wrong in a limit that cannot be read, and what may be written."""
    sign = SIGN.search(text)
    after = POINTS.fullmatch(text[sign.end() :]) if sign is not None else None
    if sign is not None and after is not None:
        return f'write {after[1]}% for {after[0].strip()}, as in "{text[: sign.start()].strip()} {sign[0]} {after[1]}%"'
    if sign is not None and sign[0] not in SIGNS:
        return f"'{sign[0]}' is not an operator; available: {', '.join(SIGNS)}"
    words = text[: sign.start()].split() if sign is not None else []
    if len(words) == 2 and words[1] not in COMPARISONS:
        return no_such("comparison", words[1], COMPARISONS)
    return f'write it as "{RULE_SHAPE}" (or <=), where COMPARISON is one of: {", ".join(COMPARISONS)}'


def read_rules(gates: Any, stage: str, where: str = "gates") -> list[dict[str, Any]]:
    """Return gates from what Python has: a text, a mapping, or an iterable of these; nothing is no gate.

    Raises
    ------
    QuestionError
        Naming the gate that is none of these.
    """
    if gates is None:
        return []
    if isinstance(gates, (str, Mapping)):
        return [_to_rule(gates, stage, where)]
    if isinstance(gates, (bytes, bytearray)) or not isinstance(gates, Iterable):
        from audit.tables.python_values import describe_value

        raise QuestionError(f"{where} must be a list of limits, not {describe_value(gates)}; {FORMS}")
    return [_to_rule(gate, stage, f"{where}[{at}]") for at, gate in enumerate(gates)]


def find_deepest(rules: Iterable[Mapping[str, Any]]) -> int:
    """Return how many columns the limits cross at most."""
    return max((len(by) for r in rules if isinstance(by := r.get("by"), (list, tuple))), default=1)


def _to_rule(gate: Any, stage: str, where: str) -> dict[str, Any]:
    if isinstance(gate, str):
        return read_rule(gate, stage, where)
    if isinstance(gate, Mapping):
        return {str(key): value for key, value in gate.items()}
    from audit.tables.python_values import describe_value

    raise QuestionError(f"{where} is {describe_value(gate)}, which is not a limit (a gate); {FORMS}")


def _choose_stage(metric: str, stage: str) -> str:
    if metric in ENERGY:
        return "energy"
    return "checks" if is_of_checks(metric) else stage
