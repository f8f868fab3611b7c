"""What a question may not ask of a table: refused by name, before or right after the count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from audit.axes import MOST_GROUPS, RESERVED
from audit.counting.engine import Scan
from audit.counting.plan import Plan
from audit.errors import QuestionError, ValuesError, printable
from audit.tables.table import Table

LOOKED_AT_ROWS = 20_000
"""Rows looked at first, so that a score given as a group is refused before the whole table is read."""


MOST_CLASSES = 100
NUMERIC = ("integer", "float", "boolean")
FEW_LEVELS = 50
LONGEST_NAME = 2**16
"""Characters of a group or class; every number of it carries its name."""
NO_CLASS = ("date", "time", "other")
KINDS_IN_WORDS = {
    "date": "holds dates",
    "time": "holds times",
    "other": "holds nested or binary values (lists, structs), a type that cannot name a group",
}
KIND_MENDS = {
    "date": "make bands of it first, such as the birth decade",
    "time": "make bands of it first, such as the time of day",
    "other": "make one text or number of each",
}


def refuse_columns(table: Table, plan: Plan) -> None:
    """Refuse columns whose role or kind makes no sense."""
    for column in plan.groups:
        _refuse_group(table, plan, column)
    for column in plan.strata:
        _refuse_stratum(table, plan, column)
    for column in plan.bins:
        _refuse_bins(table, plan, column)
    _refuse_roles(table, plan)


def _refuse_roles(table: Table, plan: Plan) -> None:
    for role, name in (("weight", plan.weight), ("score", plan.score)):
        if name is not None and table.columns[name] not in NUMERIC:
            raise ValuesError(
                f"{table.name}: {role} '{printable(name)}' is {table.columns[name]}, not a number{_mend(table, name)}"
            )
    if plan.unit is not None and table.columns[plan.unit] not in {"integer", "text", "date"}:
        kind = table.columns[plan.unit]
        raise ValuesError(
            f"{table.name}: unit '{printable(plan.unit)}' is {kind}; use ids that are whole numbers or text"
        )
    further = (("earlier prediction", name) for name in plan.further_classes.values())
    for role, name in (("label", plan.label), ("prediction", plan.prediction), *further):
        if plan.task == "regression" or (plan.task == "ranking" and name is not None):
            _refuse_no_number(table, role, name)
        elif name is not None and table.columns[name] in NO_CLASS:
            kind = table.columns[name]
            raise ValuesError(
                f"{table.name}: {role} '{printable(name)}' {KINDS_IN_WORDS[kind]}; name a column of classes"
            )


def _refuse_no_number(table: Table, role: str, name: str | None) -> None:
    """Refuse what a regression cannot subtract."""
    kind = "missing" if name is None else table.columns[name]
    if kind in {"integer", "float"}:
        return
    said = KINDS_IN_WORDS.get(kind, f"is {kind}")
    mend = (
        "; make it a number, or ask for the task classification" if kind in {"text", "boolean"} else "; name a column"
    )
    seen = "" if name is None else _mend(table, name)
    raise ValuesError(f"{table.name}: {role} '{printable(name)}' {said}, not a number{seen or mend}")


def _mend(table: Table, name: str) -> str:
    """What would make a column of text one of numbers."""
    if table.columns[name] != "text":
        return ""
    return table.describe_mend(name)


def _refuse_stratum(table: Table, plan: Plan, column: str) -> None:
    shown = printable(column)
    if column in {*plan.groups, plan.label, plan.prediction, plan.score}:
        raise QuestionError(f"stratum '{shown}' is also a group, label or prediction; name another stratum")
    if table.columns[column] in NO_CLASS:
        kind = table.columns[column]
        raise ValuesError(f"{table.name}: stratum '{shown}' {KINDS_IN_WORDS[kind]}; {KIND_MENDS[kind]}")


def _refuse_bins(table: Table, plan: Plan, column: str) -> None:
    if column not in plan.groups:
        raise QuestionError(
            f"bins are given for '{printable(column)}', which is not a group column; add it to groups, or "
            "remove its bins"
        )
    if table.columns[column] not in {"integer", "float"}:
        kind = table.columns[column]
        raise ValuesError(f"{table.name}: column '{printable(column)}' is {kind}; remove its bins")


def _refuse_group(table: Table, plan: Plan, column: str) -> None:
    roles = {"label": plan.label, "prediction": plan.prediction, "weight": plan.weight, "score": plan.score}
    earlier = "earlier prediction" if column in plan.further_classes.values() else None
    taken = next((role for role, name in roles.items() if name == column), earlier)
    shown = printable(column)
    if taken:
        raise QuestionError(f"'{shown}' is both {taken} and group column; name another group column")
    if column in RESERVED:
        raise QuestionError(f"group column '{shown}' has a reserved name; rename the column")
    if plan.groups.count(column) > 1:
        raise QuestionError(f"group column '{shown}' is named twice; name it once")
    kind = table.columns[column]
    if kind in NO_CLASS:
        raise ValuesError(f"{table.name}: group column '{shown}' {KINDS_IN_WORDS[kind]}; {KIND_MENDS[kind]}")


def no_rows(table: str) -> ValuesError:
    """Error for a table without a single row."""
    return ValuesError(f"{table} has no rows, so there is nothing to audit")


def _suggest_bins(kind: str) -> str:
    if kind in {"integer", "float"}:
        return "cut it into bands ([data.bins])"
    return "merge its levels ([data.merge])"


def _refuse_levels(table: Table, plan: Plan, rows: int, levels: Mapping[str, int]) -> None:
    """Refuse an empty table, a group column that is an identifier, and a class column that is a score."""
    if rows == 0:
        raise no_rows(table.name)
    for column, count in levels.items():
        shown = printable(column)
        if column in {*plan.groups, *plan.strata}:
            role = "group column" if column in plan.groups else "stratum"
            if count > MOST_GROUPS or (count > FEW_LEVELS and count > rows / 2):
                mend = _suggest_bins(table.columns[column])
                raise ValuesError(
                    f"{table.name}: {role} '{shown}' has {count:,} different values in {rows:,} rows "
                    f"(too many levels to judge); {mend}, or remove it if it is an identifier"
                )
        elif count > MOST_CLASSES:
            role = "label" if column == plan.label else "prediction"
            role = "earlier prediction" if column in plan.further_classes.values() else role
            scored = role == "prediction" and not plan.classes
            hint = "; if it is a score, name it as the score and give a threshold" if scored else ""
            raise ValuesError(
                f"{table.name}: {role} '{shown}' has {count:,} different values, which are not classes{hint}"
            )


def refuse_long_names(table: Table, plan: Plan, column: str, values: Iterable[Any]) -> None:
    """Refuse a value that is a text of its own, and no name of a group or class."""
    longest = max((len(v) for v in values if isinstance(v, str)), default=0)
    if longest > LONGEST_NAME:
        role = "group column" if column in plan.groups else "column"
        raise ValuesError(
            f"{table.name}: {role} '{printable(column)}' has a value of {longest:,} characters, too long for "
            "a name; look for an unclosed quote, or remove the column"
        )


_SUMS = {
    "weight_missing": ("weight", "is missing (null or NaN)", "every row needs one"),
    "weight_infinite": ("weight", "is infinite", "weights must be finite"),
    "weight_negative": ("weight", "is negative", "weights must be 0 or more"),
    "score_missing": ("score", "is missing (null or NaN)", "drop or fill these rows yourself before the audit"),
    "score_infinite": ("score", "is infinite (inf)", "scores must be finite"),
    "label_missing": ("label", "is missing (null or NaN)", "drop or fill these rows yourself before the audit"),
    "label_infinite": ("label", "is infinite (inf)", "labels must be finite"),
    "prediction_missing": (
        "prediction",
        "is missing (null or NaN)",
        "drop these rows yourself, or let the model answer, before the audit",
    ),
    "prediction_infinite": ("prediction", "is infinite (inf)", "predictions must be finite"),
    "label_negative": ("label", "is negative", "relevance must be 0 or more"),
    "query_missing": ("query", "is missing (null)", "every item must say which list it is in"),
    "rank_missing": ("rank", "is missing (null or NaN)", "every item of a list needs a place"),
    "rank_broken": ("rank", "is not a whole number", "places are 1, 2, 3 … within each query"),
    "unit_missing": ("unit", "is missing (null)", "every row must say whose it is"),
}


NO_ROLES: Mapping[str, str | None] = {}


def refuse_sums(
    sums: Mapping[str, Any], plan: Plan, table: Table, further: Mapping[str, str | None] = NO_ROLES
) -> None:
    """Refuse weights, scores and units that no row may have; ``further`` are columns by roles that no plan has."""
    total = int(sums["n"].sum())
    if total == 0:
        raise no_rows(table.name)
    for key, (role, what, mend) in _SUMS.items():
        if key in sums and (bad := int(sums[key].sum())):
            name = further.get(role) or getattr(plan, role)
            raise ValuesError(f"{role} '{printable(name)}' {what} in {bad:,} of {total:,} rows; {mend}")


def look(scan: Scan, table: Table, plan: Plan) -> Mapping[str, int]:
    """Refuse by the first rows what has too many levels to be a group or a class, and tell how many each has."""
    classes: tuple[str | None, ...] = (plan.label, plan.prediction, *plan.further_classes.values())
    classes = () if plan.task in {"regression", "ranking"} else classes
    looked = [c for c in (*plan.groups, *plan.strata, *classes) if c is not None and c not in plan.bins]
    if not looked:
        return {}
    found = scan.look(looked, LOOKED_AT_ROWS)
    _refuse_levels(table, plan, found.rows, found.distinct)
    return found.distinct
