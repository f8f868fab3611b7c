"""DP003: columns that name a person outright: addresses, numbers, names, or a text of its own for everybody.

A column is named by what its name says and by what its values look like; no value is ever shown.
"""

from __future__ import annotations

from collections.abc import Iterator

from audit.checks.check import CheckKind
from audit.checks.identifiers import SHAPES, amounts_sql, is_named_id, named_kind, shares_sql
from audit.checks.part import OpenPart
from audit.checks.written_numbers import NUMERIC
from audit.counting.columns.profile import Profile
from audit.errors import printable
from audit.record.result import Check

MOST_ROWS = 500_000
"""Rows whose values are looked at."""
UNIQUE, FEWEST = 0.9, 100
"""Share of different texts from which everybody has one of their own, and rows below which nothing is said."""
LONG_NUMBER = 1e12
"""Smaller whole numbers are no payment cards."""
MOST_NAMED = 6


def _find(looked: OpenPart) -> Iterator[Check]:
    about = f"no column of {looked.part} names a person outright"
    held = {c: p for c, p in looked.profiles.items() if p.present}
    if not held:
        yield CHECK.outcome("undefined", "no column has a value", about=about)
        return
    found = {c: why for c, p in held.items() if (why := _why(looked, c, p)) is not None}
    only = f"; {MOST_ROWS:,} of {looked.rows:,} rows were looked at" if looked.rows > MOST_ROWS else ""
    if not found:
        yield CHECK.outcome("pass", f"{len(held)} columns{only}", about=about)
        return
    named = "; ".join(f"{printable(c)}: {why}" for c, why in list(found.items())[:MOST_NAMED])
    more = f"; and {len(found) - MOST_NAMED} columns more" if len(found) > MOST_NAMED else ""
    yield CHECK.outcome("warn", f"{named}{more}{only}", about=about)


def _why(looked: OpenPart, column: str, profile: Profile) -> str | None:
    """Why a column names persons; None where it does not seem to."""
    seen = _looks(looked, column, profile)
    if seen is not None:
        return seen
    said = named_kind(column)
    if said is not None and profile.distinct > 2:
        return f"{said}, by its name"
    if profile.distinct < UNIQUE * profile.present or column in {looked.config.unit, looked.config.data.label}:
        return None
    if is_named_id(column) and profile.distinct > 2:
        return "an id by its name, and nearly every value is another one"
    alone = profile.kind == "text" and profile.rows >= FEWEST
    return "nearly every value is another one" if alone and not _is_of_amounts(looked, column) else None


def _is_of_amounts(looked: OpenPart, column: str) -> bool:
    """Whether the texts are amounts, written as no reader takes for numbers: hardly two persons have the same."""
    scan = looked.narrow([column])
    values, marked, numbers, differ = scan.ask(amounts_sql(column, scan.source, MOST_ROWS))[0]
    return bool(marked) and numbers >= NUMERIC * values and bool(differ)


def _looks(looked: OpenPart, column: str, profile: Profile) -> str | None:
    """What the values look like."""
    number = profile.kind == "integer"
    if profile.kind != "text" and not (number and (profile.high or 0) >= LONG_NUMBER):
        return None
    scan = looked.narrow([column])
    values, *shapes = scan.ask(shares_sql(column, scan.source, MOST_ROWS, number=number))[0]
    shares = [((n or 0) / (values or 1), shape) for n, shape in zip(shapes, SHAPES, strict=True)]
    share, name = max(((share, shape.name) for share, shape in shares if share >= shape.least), default=(0.0, ""))
    return f"{name} in {share:.1%} of its values" if name else None


CHECK = CheckKind(
    code="DP003",
    title="no column names a person outright",
    reason="a table that names people is personal data in full, and a model may learn the names by heart",
    reference="GDPR Art. 4(1) and 5(1)(c); ISO/IEC 20889:2018, direct identifiers",
    mend="leave the column out, or put a keyed pseudonym in its place, before the table goes further",
    find=_find,
)
