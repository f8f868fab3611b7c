"""DV015: words that mean missing, infinities, numbers that are written as text, and the index of a data frame.

Nothing of it is read as what it means, so a model learns a category "NA", and no check of numbers sees "1,020".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import product
from typing import NamedTuple

from audit.checks.check import CheckKind
from audit.checks.code import NAME_LENGTH
from audit.checks.codes import MISREAD
from audit.checks.groups import MISSING_WORDS
from audit.checks.part import OpenPart, list_names, several
from audit.checks.rules.direct_identifiers import INDEX
from audit.checks.written_numbers import NUMBERS, NUMERIC, PLAIN
from audit.config.schema import Config
from audit.counting.columns.profile import Profile
from audit.errors import capitalise, printable
from audit.estimate import join_words
from audit.record.result import Check
from audit.tables.table import quote_identifier

CELLS, FEWEST_ROWS = 20_000_000, 2_000
"""Cells that are looked at, and rows of each column at least."""
SHOWN = 3
MISSED, ENDLESS = "has words for missing", "is infinite"
AS_TEXT, INDEXED = "has numbers written as text", "is the index of a data frame"
"""What is found, each with a mend of its own."""


def _find_misread_values(looked: OpenPart) -> Iterator[Check]:
    texts = [c for c, p in looked.profiles.items() if p.kind == "text" and p.present]
    rows = min(looked.rows, max(FEWEST_ROWS, CELLS // max(1, len(texts))))
    found = {c: why for c, p in looked.profiles.items() if (why := _read_profile(c, p)) is not None}
    floats = [c for c, p in looked.profiles.items() if p.kind == "float" and p.present]
    for some in looked.some_at_a_time(floats):
        found |= _find_infinities(looked, some)
    for some in looked.some_at_a_time(texts):
        found |= _find_in_texts(looked, some, rows)
    only = f"; {rows:,} of {looked.rows:,} rows were checked" if rows < looked.rows and texts else ""
    if not found:
        yield CHECK.passed(looked.part, f"{several(len(looked.profiles), 'column')}{only}")
        return
    said = [f"{printable(c, NAME_LENGTH)} {why}" for c, why in list(found.items())[:SHOWN]]
    more = f"; also {list_names(list(found)[SHOWN:])}" if len(found) > SHOWN else ""
    advice = _advise(list(found.values()), looked.config)
    yield CHECK.found(looked.part, f"{'; '.join(said)}{more}{only}", count=len(found), mend=advice)


def _advise(found: Sequence[str], config: Config) -> str:
    """Return what to do about what was found, and no more."""
    comma = config.data.csv is not None and config.data.csv.dialect.decimal == ","
    mends = {
        (MISSED, ENDLESS): "leave the cells of missing values empty",
        (AS_TEXT,): f"write plain numbers with a decimal {'comma' if comma else 'point'}",
        (INDEXED,): "write the table without its index",
    }
    asked = [mend for signs, mend in mends.items() if any(sign in why for sign, why in product(signs, found))]
    said = join_words(asked)
    return f"{capitalise(said)}."


def _read_profile(column: str, profile: Profile) -> str | None:
    """Return what the ends of a column of numbers say."""
    ends = [end for end in (profile.low, profile.high) if end is not None]
    rising = profile.kind == "integer" and profile.missing == 0 and ends in ([0, profile.rows - 1], [1, profile.rows])
    if rising and INDEX.fullmatch(column) and profile.distinct > 0.9 * profile.rows:
        return f"{INDEXED}, which numbers the rows"
    return None


def _find_infinities(looked: OpenPart, columns: Sequence[str]) -> Mapping[str, str]:
    """Return columns of numbers that hold infinities, from one pass over their rows."""
    asked = ", ".join(f"count(*) FILTER (isinf(CAST({quote_identifier(c)} AS DOUBLE)))" for c in columns)
    scan = looked.narrow(columns)
    counts = scan.ask(f"SELECT {asked} FROM {scan.source}")[0]  # noqa: S608
    rows = zip(columns, map(int, counts), strict=True)
    return {column: f"{ENDLESS} in {several(count, 'row')}" for column, count in rows if count}


def _find_in_texts(looked: OpenPart, columns: Sequence[str], rows: int) -> Mapping[str, str]:
    """Return what is found in some columns of text; only what begins like a number is compared with written numbers."""
    words = ", ".join("'" + word.replace("'", "''") + "'" for word in MISSING_WORDS)
    conditions = ("{v} <> ''", f"{{v}} IN ({words})", "{v} <> '' AND {v} < ':'")
    seen = {c: _Seen(*counts) for c, counts in _count_rows(looked, columns, rows, conditions).items()}
    numeric = [c for c, s in seen.items() if s.numeric and s.numeric >= NUMERIC * (s.present - s.missing)]
    shapes = [f"regexp_full_match({{v}}, '{shape}')" for shape in (PLAIN, *NUMBERS.values())]
    written = _count_rows(looked, numeric, rows, shapes) if numeric else {}
    found = {c: _reason_for_misreading(s, *written.get(c, (0,) * len(shapes))) for c, s in seen.items()}
    return {c: why for c, why in found.items() if why is not None}


class _Seen(NamedTuple):
    """Rows of one column: with text, with a word that means missing, with what begins as a number does."""

    present: int
    missing: int
    numeric: int


def _count_rows(
    looked: OpenPart, columns: Sequence[str], rows: int, conditions: Sequence[str]
) -> Mapping[str, tuple[int, ...]]:
    """Return the rows of each column of which each condition on ``{v}`` holds, from one pass over the first rows."""
    asked = [f"count(*) FILTER ({c.replace('{v}', f'trim(c{at})')})" for at in range(len(columns)) for c in conditions]
    named = ", ".join(f"{quote_identifier(column)} AS c{at}" for at, column in enumerate(columns))
    scan = looked.narrow(columns)
    answers = scan.ask(f"SELECT {', '.join(asked)} FROM (SELECT {named} FROM {scan.source} LIMIT {rows})")[0]  # noqa: S608
    width = len(conditions)
    return {c: tuple(int(n or 0) for n in answers[at * width :][:width]) for at, c in enumerate(columns)}


def _reason_for_misreading(seen: _Seen, plain: int, *written: int) -> str | None:
    said = [f"{MISSED} in {several(seen.missing, 'row')}"] if seen.missing else []
    marks = [mark for mark, count in zip(NUMBERS, written, strict=True) if count]
    rest = seen.present - seen.missing
    if marks and plain + max(written) >= NUMERIC * max(1, rest):
        said.append(f"{AS_TEXT}, with {marks[0]}")
    elif seen.missing and plain and plain >= NUMERIC * rest:
        said.append("has numbers otherwise")
    return " and ".join(said) or None


CHECK = CheckKind(**asdict(MISREAD), find=_find_misread_values)
