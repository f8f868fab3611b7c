"""A first audit.toml from a look at a table: proposals with their reasons, for a person to read and correct.

Must not: decide silently; every guess stands in the file as a comment.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from audit.axes import name_level
from audit.config.sections import SMALLEST_PUBLISHED
from audit.config.write import to_toml
from audit.errors import printable
from audit.pipeline.sources import open_source
from audit.tables.addresses import resolve_from
from audit.tables.connection import open_connection, quote_identifier
from audit.tables.formats.dialect import UNSAID, Dialect
from audit.tables.table import Table

LABEL_WORDS = re.compile(
    r"label|target|outcome|approv|default|recid|hired|admit|income|y_true|^y$|^class$|churn|fraud|granted|accepted|readmit",
    re.IGNORECASE,
)
PREDICTION_WORDS = re.compile(r"pred|y_hat|yhat|decision|^high$", re.IGNORECASE)
SCORE_WORDS = re.compile(r"score|prob|risk|likelihood", re.IGNORECASE)
PERSONS = "(?:applicant|borrower|client|cust|customer|driver|employee|patient|person|user)"
ORIGIN = "nationalit|citizen|country_of_birth|(?:native|birth).?country|country.?birth|place_of_birth"
FAMILY = "marit|marri|(?:civil|family|personal).?status|familienstand"
AGE = 2
GROUP_WORDS = tuple(
    re.compile(words)
    for words in (
        r"(?<![a-z])race|ethnic|^rac1p$|^(?:black|white|asian|hisp|latin\w*)$|hispan|caste(?![a-z])",
        r"(?<![a-z])sex|gender|^(?:is_?)?(?:male|female)$|geschlecht",
        rf"^age(?:p|s|yrs|years)?(?![a-z])|(?<![a-z])age_?(?:group|band|cat|cls)|{PERSONS}_?age(?![a-z])|^alter$",
        rf"{ORIGIN}|^(?:pobp|cit)$|nativity|language|religio|foreign.?work|foreigner|immigra|staatsang",
        rf"disab|handicap|behinder|^dis$|orientation|skin|{FAMILY}|^mar$|pregnan|veteran",
    )
)
"""Words for protected attributes in names of columns, those that laws name most often first.

They are spelled as in the tables of Adult, COMPAS, German credit, credit default, HMDA and the census (ACS).
"""
NUMBERS = {"integer", "float"}
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|[\s.-]+")
"""Where a name begins a word, or parts two."""
MOST_LEVELS, LOOKED_AT_ROWS = 30, 200_000
POSITIVE_WORDS = re.compile(r"^(?:1|yes|y|true|approved|accepted|hired|granted|good|positive|>50k)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ColumnLook:
    """One column: its kind and its few values, or None where there are many."""

    name: str
    kind: str
    levels: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Look:
    """What a table seems to hold."""

    source: str
    label: ColumnLook | None
    positive: str | None
    prediction: ColumnLook | None
    score: str | None
    groups: tuple[ColumnLook, ...]
    ages: tuple[str, ...]
    dialect: Dialect = UNSAID

    @property
    def of_data(self) -> bool:
        """Whether the table holds rows to learn from, and no predictions."""
        return self.prediction is None and self.score is None

    @property
    def group_names(self) -> tuple[str, ...]:
        """Columns that are proposed as groups; ages are cut into bands."""
        return (*(g.name for g in self.groups), *self.ages)

    @property
    def lines(self) -> tuple[str, ...]:
        """What was seen, for people."""
        groups = ", ".join(map(printable, self.group_names)) or "none seen; name them yourself"
        label = f"{printable(self.label.name)}, positive {printable(self.positive)}" if self.label else "none seen"
        made = self.prediction.name if self.prediction else self.score
        return (
            f"label:      {label}",
            f"prediction: {printable(made) if made else 'none seen, so only the data is audited'}",
            f"groups:     {groups}",
        )


def look(path: str | Path, folder: Path, dialect: Dialect = UNSAID) -> Look:
    """Look at the first rows of a table and guess each column's role."""
    source = resolve_from(path, folder)
    table = open_source(path, dialect=dialect)
    seen = [_look_at_column(table, name) for name in table.columns]
    binary = [s for s in seen if s.levels is not None and len(s.levels) == 2]
    predictions = [s for s in binary if PREDICTION_WORDS.search(s.name)]
    labels = [s for s in binary if LABEL_WORDS.search(s.name) and s not in predictions]
    prediction = predictions[0] if predictions else None
    label = labels[0] if labels else None
    scores = [s.name for s in seen if s.levels is None and s.kind == "float" and SCORE_WORDS.search(s.name)]
    named = sorted(
        (s for s in seen if _is_protected(s.name) and s not in {label, prediction}), key=lambda s: _rank(s.name)
    )
    groups = tuple(s for s in named if s.levels is not None and len(s.levels) > 1)
    ages = tuple(s.name for s in named if s.levels is None and s.kind in NUMBERS and _rank(s.name) == AGE)
    return Look(source, label, _guess_positive(label), prediction, scores[0] if scores else None, groups, ages, dialect)


def _rank(name: str) -> int:
    snake = CAMEL.sub("_", name).casefold()
    return next((i for i, words in enumerate(GROUP_WORDS) if words.search(snake)), len(GROUP_WORDS))


def _is_protected(name: str) -> bool:
    return _rank(name) < len(GROUP_WORDS)


def _look_at_column(table: Table, name: str) -> ColumnLook:
    with open_connection() as con, table.reading():
        source = table.scan(con, [name])
        rows = con.execute(
            f"SELECT DISTINCT c FROM (SELECT {quote_identifier(name)} AS c FROM {source} LIMIT {LOOKED_AT_ROWS}) "  # noqa: S608
            f"WHERE c IS NOT NULL LIMIT {MOST_LEVELS + 1}"
        ).fetchall()
    few = len(rows) <= MOST_LEVELS and table.columns[name] not in {"other", "date", "time"}
    texts = (name_level(row[0]) for row in rows)
    levels = tuple(sorted(text for text in texts if text is not None)) if few else None
    return ColumnLook(name, table.columns[name], levels)


def _guess_positive(label: ColumnLook | None) -> str | None:
    if label is None or label.levels is None:
        return None
    return next((v for v in label.levels if POSITIVE_WORDS.match(v.strip())), label.levels[-1])


def propose_suite(path: str | Path, dialect: Dialect = UNSAID) -> str:
    """Return a suite of expectations, as JSON: what the first rows satisfy, widened for those to come."""
    from audit.checks.expectations.propose import starting_suite
    from audit.counting.columns.as_pandas import reading_of

    rows = reading_of(open_source(path, dialect=dialect)).first(LOOKED_AT_ROWS)
    return json.dumps(starting_suite(rows), indent=1, ensure_ascii=False) + "\n"


def write_proposal(seen: Look, suite: str | None = None) -> str:
    """Return a commented audit.toml; ``suite`` is the name of the file of expectations beside it."""
    parts = [HEAD, _write_data(seen), _write_checks(suite), _write_predictions(seen), PUBLISH, _write_gates(seen)]
    return "\n".join(p for p in parts if p)


HEAD = """\
# What to audit, and by which limits. Proposed from a look at the table: read every line before you trust it.
# `audit run` on this file does the audit; an unknown key is an error, so a typo is never silently ignored.

[model]                        # who answers for it; printed on the card
name = "unnamed"
# owner = "who to write to"
# intended_use = "what decisions it may support"
# out_of_scope = "what it must not be used for"
"""

PUBLISH = f"""\
[publish]
k = {SMALLEST_PUBLISHED}                         # cards leave out counts under it, and what would give them away
"""


def _write_data(seen: Look) -> str:
    names = seen.group_names
    lines = ["[data]"]
    if seen.prediction is None and seen.score is None:
        lines += [f"source = {_quote(seen.source)}", *_write_csv(seen)]
    if seen.label is not None:
        levels = ", ".join(printable(v, 30) for v in seen.label.levels or ())
        positive = _write_class(seen.label, seen.positive)
        lines.append(f"label = {_quote(seen.label.name)}          # its values: {levels}")
        lines.append(f"positive = {positive}          # the good or decisive outcome: check this")
    else:
        lines.append('# label = "…"                # no column of two values looks like an outcome: name it')
    if names:
        lines.append(f"groups = [{', '.join(map(_quote, names))}]")
    else:
        lines.append('# groups = ["…"]             # no column looks like a protected attribute: name them')
    lines += [
        f"intersections = {min(2, max(1, len(names)))}              # crossings of up to this many groups",
        '# unit = "person_id"         # if several rows belong to one person; otherwise intervals are too narrow',
        '# weight = "w"               # if rows carry weights',
    ]
    if seen.ages:
        lines += ["", "[data.bins]", *(f"{to_toml({n: [18, 25, 40, 65]}).strip()}" for n in seen.ages)]
    return "\n".join(lines) + "\n"


def _write_checks(suite: str | None) -> str:
    if suite is None:
        return ""
    return (
        f"[checks]                       # Great Expectations, proposed from these rows: meant for the next ones\n"
        f"suite = {_quote(suite)}\n"
    )


def _write_csv(seen: Look) -> list[str]:
    """Return how the table is written, where it is not as everywhere."""
    table = ", ".join(f"{key} = {_quote(value)}" for key, value in seen.dialect.table.items())
    return [f"csv = {{ {table} }}"] if table else []


def _write_predictions(seen: Look) -> str:
    if seen.prediction is None and seen.score is None:
        return ""
    lines = ["[predictions]", f"source = {_quote(seen.source)}", *_write_csv(seen)]
    if seen.prediction is not None:
        lines.append(f"prediction = {_quote(seen.prediction.name)}")
    else:
        lines += [
            f"score = {_quote(seen.score or '')}",
            "threshold = 0.5              # a score at or above it is positive",
        ]
    return "\n".join(lines) + "\n"


def _write_gates(seen: Look) -> str:
    if not (seen.groups or seen.ages) or seen.label is None:
        return "# [[gates]] follow once label and groups are named.\n"
    model = seen.prediction is not None or seen.score is not None
    name = seen.groups[0].name if seen.groups else seen.ages[0]
    gate = {
        "stage": "model" if model else "data",
        "metric": "selection_rate" if model else "base_rate",
        "compare": "ratio",
        "by": [name],
        "min": 0.8,
    }
    return "# The four-fifths rule (29 CFR 1607.4 D) as a first limit; choose yours.\n" + to_toml({"gates": [gate]})


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _write_class(label: ColumnLook, positive: str | None) -> str:
    if label.kind in {"integer", "boolean", "float"} and positive is not None:
        return positive
    return _quote(positive or "")
