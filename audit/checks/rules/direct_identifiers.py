"""DP003: columns that identify a person directly: addresses, numbers, names, or a text of its own for everybody.

A column is named by what its name says and by what its values look like; no value is ever shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from audit.checks.check import CheckKind
from audit.checks.code import NAME_LENGTH
from audit.checks.part import OpenPart, list_names, several
from audit.checks.part import share as percent
from audit.checks.written_numbers import NUMBERS, NUMERIC, PLAIN
from audit.counting.columns.profile import Profile
from audit.errors import printable
from audit.record.result import Check
from audit.tables.table import quote_identifier

OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
SITES = "(facebook|twitter|x|instagram|linkedin|github|tiktok|reddit|t|youtube|vk|xing|orcid)"
PROFILE = (
    rf"https?://([^/ @]+:?[^/ @]*@[^ ]+|(www\.)?{SITES}\.[a-z]+/[^ ]+|"
    r"[^ ]*/(user|users|u|profile|people)/[^ ]+)"
)
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+")
# One number in ten has the check digit of a card, so half of a column's values must have it.
LUHN = (
    "list_sum([CASE WHEN i % 2 = 1 THEN d WHEN d > 4 THEN 2 * d - 9 ELSE 2 * d END FOR d, i IN "
    "[CAST(c AS INTEGER) FOR c IN string_split(reverse(regexp_replace(v, '[ -]', '', 'g')), '')]]) % 10 = 0"
)
IBAN = (
    "list_reduce([CAST(CASE WHEN c BETWEEN '0' AND '9' THEN ord(c) - 48 ELSE ord(c) - 55 END AS INTEGER) FOR c IN "
    "string_split(substr(replace(v, ' ', ''), 5) || substr(v, 1, 4), '')], "
    "lambda a, d: (a * CASE WHEN d > 9 THEN 100 ELSE 10 END + d) % 97) = 1"
)
NAMED = (
    ("e-mail addresses", {("email",), ("e", "mail"), ("mail",)}),
    ("phone numbers", {("phone",), ("telephone",), ("mobile", "number"), ("fax",), ("msisdn",), ("handy",)}),
    ("names of persons", {("first", "name"), ("last", "name"), ("full", "name"), ("firstname",), ("lastname",),
                          ("surname",), ("forename",), ("fullname",), ("maiden", "name"), ("given", "name"),
                          ("family", "name"), ("middle", "name"), ("nachname",), ("vorname",), ("applicant", "name"),
                          ("customer", "name"), ("patient", "name"), ("person", "name"), ("username",),
                          ("user", "name"), ("login",)}),
    ("national or tax numbers", {("ssn",), ("social", "security"), ("passport",), ("national", "id"), ("tax", "id"),
                                 ("nino",), ("cpf",), ("dni",), ("pesel",), ("bsn",), ("aadhaar",), ("steuernummer",),
                                 ("driver", "license"), ("driving", "licence"), ("license", "plate"), ("nhs", "number"),
                                 ("personnummer",), ("codice", "fiscale")}),
    ("bank accounts or cards", {("iban",), ("account", "number"), ("card", "number"), ("credit", "card", "number"),
                                ("cc", "number"), ("pan",)}),
    ("IP or device addresses", {("ip",), ("ip", "address"), ("mac", "address"), ("device", "id"), ("imei",)}),
    ("street addresses", {("street",), ("street", "address"), ("home", "address"), ("postal", "address"),
                          ("address",)}),
    ("dates of birth", {("dob",), ("birth", "date"), ("date", "of", "birth"), ("birthdate",), ("birthday",)}),
    ("coordinates", {("latitude",), ("longitude",), ("lat",), ("lon",), ("lng",), ("gps",), ("geolocation",)}),
)  # fmt: skip
SINGLE = {"pan", "ip", "mail", "lat", "lon", "lng", "login", "street", "address", "phone", "handy", "fax"}
"""Words that mean what they mean only where the name has no other; ``lat`` in ``lat_pulldowns`` is no latitude."""
IDS = {"id", "ids", "identifier", "uuid", "guid"}
"""Last words of names of columns that number persons or rows, as do the compounds below."""
ID_NUMBERS = re.compile(
    r"(customer|client|patient|member|employee|applicant|person|case|student|policy) ?(no|nr|number)|"
    "(kunden|patienten|mitglieds|personal|matrikel|vertrags|antrags|fall)(nummer|nr)"
)
INDEX = re.compile(r"Unnamed: \d+|index|level_\d+|__index_level_\d+__")
"""Names that pandas gives to a column that numbers the rows."""
CURRENCIES = "(€|[$]|£|¥|EUR|USD|GBP|CHF|JPY)"


MOST_ROWS = 500_000
"""Rows whose values are looked at."""
UNIQUE, FEWEST = 0.9, 100
"""Share of different texts from which everybody has one of their own, and rows below which nothing is said."""
LONG_NUMBER = 1e12
"""Smaller whole numbers are no payment cards."""
MOST_NAMED = 6


def _find_identifiers(looked: OpenPart) -> Iterator[Check]:
    held = {c: p for c, p in looked.profiles.items() if p.present}
    if not held:
        yield CHECK.unanswered(looked.part, "undefined", "no column has a value")
        return
    found = {c: why for c, p in held.items() if (why := _reason_for_identifier(looked, c, p)) is not None}
    only = f"; {MOST_ROWS:,} of {looked.rows:,} rows were checked" if looked.rows > MOST_ROWS else ""
    if not found:
        yield CHECK.passed(looked.part, f"{several(len(held), 'column')}{only}")
        return
    reasons = "; ".join(f"{printable(c, NAME_LENGTH)}: {why}" for c, why in list(found.items())[:MOST_NAMED])
    named = list_names(list(found), MOST_NAMED)
    yield CHECK.found(looked.part, f"{reasons}{only}", count=len(found), named=named)


def _reason_for_identifier(looked: OpenPart, column: str, profile: Profile) -> str | None:
    """Return why a column names persons; None where it does not seem to."""
    seen = _recognize_values(looked, column, profile)
    if seen is not None:
        return seen
    said = named_kind(column)
    if said is not None and profile.distinct > 2:
        return f"{said}, by the column's name"
    if profile.distinct < UNIQUE * profile.present or column in {looked.config.unit, looked.config.data.label}:
        return None
    if is_named_id(column) and profile.distinct > 2:
        return "an id by the column's name, and nearly every value is different"
    alone = profile.kind == "text" and profile.rows >= FEWEST
    if alone and not _is_of_amounts(looked, column):
        return "nearly every value is different"
    return None


def _is_of_amounts(looked: OpenPart, column: str) -> bool:
    """Return whether texts are amounts that no reader takes for numbers: hardly two persons have the same."""
    scan = looked.narrow([column])
    values, marked, numbers, differ = scan.ask(_amounts_sql(column, scan.source, MOST_ROWS))[0]
    return bool(marked) and numbers >= NUMERIC * values and bool(differ)


def _recognize_values(looked: OpenPart, column: str, profile: Profile) -> str | None:
    """Return what the values look like."""
    number = profile.kind == "integer"
    if profile.kind != "text" and not (number and (profile.high or 0) >= LONG_NUMBER):
        return None
    scan = looked.narrow([column])
    values, *shapes = scan.ask(_shares_sql(column, scan.source, MOST_ROWS, number=number))[0]
    shares = [((n or 0) / (values or 1), shape) for n, shape in zip(shapes, SHAPES, strict=True)]
    share, name = max(((share, shape.name) for share, shape in shares if share >= shape.least), default=(0.0, ""))
    if not name:
        return None
    return f"{name} in {percent(share)} of its values"


CHECK = CheckKind(
    code="DP003",
    name="Direct identifiers",
    passes=("No column of {part} looks like a direct identifier",),
    finds=(
        "{count} [columns|column] of {part} [look like direct identifiers|looks like a direct identifier]: {named}",
    ),
    plain="Columns of {part} look like direct identifiers",
    reason="a table with direct identifiers is personal data in full, and a model may memorise them",
    reference="GDPR Art. 4(1) and 5(1)(c); ISO/IEC 20889:2018, direct identifiers",
    mend="Drop the column, or replace it with a keyed pseudonym, before you share the table.",
    find=_find_identifiers,
)


# What a direct identifier looks like: by the words of a column's name, and by the shape of its values.
#
# Must not: see a value; shapes are conditions that DuckDB counts.
@dataclass(frozen=True, slots=True)
class Shape:
    """Values of one kind of identifier: a pattern of the whole value, and what else holds of it."""

    name: str
    pattern: str
    """RE2, of the value without white space at its ends."""
    digits: str = ""
    """SQL that a value of the pattern fulfils, with ``v`` for the value."""
    numbers: bool = False
    """Whether a whole number may be one."""
    least: float = 0.01
    """Share of a column's values that makes it a finding; fewer are slips, or look so by chance."""

    def sql(self) -> str:
        """Return a condition on ``v``."""
        fits = f"regexp_full_match(v, '{self.pattern}')"
        if not self.digits:
            return fits
        return f"CASE WHEN {fits} THEN {self.digits} ELSE false END"


SHAPES = (
    Shape("e-mail addresses", r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"),
    Shape("phone numbers", r"(\+[1-9][0-9 ().-]{6,18}[0-9])|(\(?[2-9][0-9]{2}\)?[ .-][2-9][0-9]{2}[ .-][0-9]{4})"),
    Shape("bank accounts (IBAN)", r"[A-Z]{2}[0-9]{2} ?([A-Z0-9]{4} ?){2,7}[A-Z0-9]{0,4}", IBAN, least=0.1),
    Shape("payment cards", r"[3-6][0-9]{3}([ -]?[0-9]{4}){2}[ -]?[0-9]{3,7}", LUHN, numbers=True, least=0.5),
    Shape("social security numbers", r"[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}", "substr(v, 1, 3) NOT IN ('000', '666')"),
    Shape("IP addresses", rf"({OCTET}\.){{3}}{OCTET}|([0-9a-fA-F]{{1,4}}:){{7}}[0-9a-fA-F]{{1,4}}|"
          r"([0-9a-fA-F]{1,4}:){2,6}(:[0-9a-fA-F]{1,4}){1,5}"),
    Shape("addresses of profiles", PROFILE),
    Shape("coordinates", r"[-+]?[0-9]{1,2}\.[0-9]{3,}[,; ] ?[-+]?[0-9]{1,3}\.[0-9]{3,}"),
)  # fmt: skip


def is_named_id(column: str) -> bool:
    """Return whether a column's name says that it numbers persons or rows."""
    words = [w.casefold() for w in WORDS.findall(column)]
    return bool(words) and (words[-1] in IDS or words == ["id", "nr"] or bool(ID_NUMBERS.fullmatch(" ".join(words))))


def named_kind(column: str) -> str | None:
    """Return the kind of identifier that a column's name speaks of."""
    words = tuple(w.casefold() for w in WORDS.findall(column))
    for kind, phrases in NAMED:
        for phrase in phrases:
            if phrase[0] in SINGLE and len(phrase) == 1 and words != phrase:
                continue
            if any(words[i : i + len(phrase)] == phrase for i in range(len(words))):
                return kind
    return None


def _shares_sql(column: str, source: str, rows: int, *, number: bool) -> str:
    """Query of one row: values looked at, and how many are of each of `SHAPES`; a value is matched once."""
    value = "CAST(c AS VARCHAR)" if number else "trim(c)"
    shapes = ", ".join(f"sum(n) FILTER ({shape.sql()})" if shape.numbers or not number else "0" for shape in SHAPES)
    return f"SELECT sum(n), {shapes} FROM {_count_values_sql(column, source, rows, value)}"  # noqa: S608


def _amounts_sql(column: str, source: str, rows: int) -> str:
    """Query of one row: values looked at, written amounts, these and plain numbers, whether lengths differ.

    Amounts differ in length; what is an id by its length ("123.456.789") is none.
    """
    money, forms = f"({CURRENCIES} ?)?({{}})( ?{CURRENCIES})?", (*NUMBERS.values(), PLAIN)
    marked = f"regexp_full_match(v, '{money.format('|'.join(forms))}') AND NOT regexp_full_match(v, '{PLAIN}')"
    return (
        f"SELECT sum(n), sum(n) FILTER ({marked}), sum(n) FILTER ({marked} OR regexp_full_match(v, '{PLAIN}')), "  # noqa: S608
        f"min(length(v)) < max(length(v)) FROM {_count_values_sql(column, source, rows, 'trim(c)')}"
    )


def _count_values_sql(column: str, source: str, rows: int, value: str) -> str:
    """Return different values of the first rows as ``v``, and how many rows have each as ``n``."""
    some = f"(SELECT {quote_identifier(column)} AS c FROM {source} LIMIT {rows})"  # noqa: S608
    counted = f"SELECT {value} AS v, count(*) AS n FROM {some} WHERE c IS NOT NULL GROUP BY 1"  # noqa: S608
    return f"(SELECT * FROM ({counted}) WHERE v <> '')"  # noqa: S608
