"""A first audit.toml from a look at a table: proposals with their reasons, for a person to read and correct.

Must not: decide silently; every guess stands in the file as a comment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from audit.axes import name_level
from audit.config.sections import SMALLEST_PUBLISHED
from audit.config.write import to_toml
from audit.counting.backends.choose import open_source
from audit.counting.refusals import no_rows
from audit.errors import QuestionError, ValuesError, no_such, printable
from audit.estimate import join_first, join_words
from audit.pipeline.proposed_label import (
    NUMBERS,
    Candidates,
    ColumnLook,
    find_groups,
    guess_positive,
    is_adverse,
    is_outcome,
    is_protected,
    leave_out,
    list_few_values,
    rank_labels,
)
from audit.tables.addresses import resolve_from
from audit.tables.formats.dialect import UNSAID, Dialect
from audit.tables.table import Table, open_connection, quote_identifier

if TYPE_CHECKING:
    import duckdb

PREDICTION_WORDS = re.compile(r"pred|y_hat|yhat|decision|^high$", re.IGNORECASE)
WEIGHT_NAME = re.compile(r"^(?:freq|frequency|weights?|sample_weight|fnlwgt|pwgtp|perwt)$", re.IGNORECASE)
SCORE_WORDS = re.compile(r"score|prob|risk|likelihood", re.IGNORECASE)
MOST_LEVELS, LOOKED_AT_ROWS, MOST_SHOWN = 30, 200_000, 5
READ_TOGETHER = 64
"""Columns that are read in one pass over the first rows."""
MISSING_MEND = "fill or drop these rows before the audit, because that changes every rate"
NO_LABEL = "not found; no column but the groups has two values"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a table seems to hold."""

    source: str
    label: ColumnLook | None
    """Named by a person, or clear; None where neither."""
    positive: str | None
    """Of the label; of the predictions where no label is used."""
    candidates: Candidates
    """Columns that may be the label."""
    prediction: ColumnLook | None
    score: str | None
    groups: tuple[ColumnLook, ...]
    ages: tuple[str, ...]
    weight: str | None = None
    """Column whose name says that it holds weights, or counts of rows."""
    dialect: Dialect = UNSAID
    favourable: str | None = None
    """Value of the label that is good for the person, as somebody said; never guessed."""
    table: Table = field(repr=False)
    earlier: tuple[str, ...] = ()
    """Other columns of two values that are named like predictions."""
    columns: tuple[ColumnLook, ...] = ()
    """All columns but predictions and scores, in the order of the table."""
    flaw: str | None = None
    """Why the likely label is not used, in a sentence; None where there is no reason against it."""

    @property
    def of_data(self) -> bool:
        """Whether the table holds rows to learn from, and no predictions."""
        return self.prediction is None and self.score is None

    @property
    def group_names(self) -> tuple[str, ...]:
        """Columns that are proposed as groups; ages are cut into bands."""
        return (*(g.name for g in self.groups), *self.ages)

    @property
    def limited(self) -> str | None:
        """Metric of the limit between groups; None where there is nothing to compare."""
        if not self.group_names or (self.of_data and self.label is None):
            return None
        return "base_rate" if self.of_data else "selection_rate"

    @property
    def lines(self) -> tuple[str, ...]:
        """What was seen, for people."""
        return (
            f"label:      {_describe_label(self)}",
            f"prediction: {_describe_prediction(self)}",
            f"groups:     {_describe_groups(self)}",
            f"limits:     {_describe_limit(self)}",
        )


def _describe_label(seen: Look) -> str:
    if seen.flaw is not None:
        others = _list_names(seen.candidates.list_others(seen.candidates.clear))
        return f"not used: {_describe_flaw(seen)}" + (f"; other candidates: {others}" if others else "")
    others = _list_names(seen.candidates.list_others(seen.label))
    if seen.label is None:
        return f"not certain; candidates: {others}; name it with --label" if others else NO_LABEL
    good = "" if seen.favourable is None else f", favourable {printable(seen.favourable)}"
    said = f"{printable(seen.label.name)}, positive {printable(seen.positive)}{good}: check them"
    return f"{said}; other candidates: {others}" if others else said


def _describe_flaw(seen: Look) -> str:
    """Return why the likely label is not used, and what is audited without it."""
    return f"{seen.flaw}" + ("" if seen.of_data else "; until then the file audits the decisions alone")


def _describe_prediction(seen: Look) -> str:
    """Return where the predictions are; without a label, also which of them is positive."""
    made = seen.prediction.name if seen.prediction else seen.score
    if made is None:
        return "not found, so only the data are audited"
    also = f"; also named like one: {_list_names(seen.earlier)} (audit pairs --against)" if seen.earlier else ""
    if seen.prediction is None or seen.label is not None:
        return f"{printable(made)}{also}"
    return f"{printable(made)}, positive {printable(seen.positive)}: check it{also}"


def _describe_groups(seen: Look) -> str:
    """Return the groups, and columns that may name groups although their names do not say so."""
    named = ", ".join(map(printable, seen.group_names)) or "not found; name them in [data] groups"
    few = _describe_few(seen)
    return f"{named}; also few values: {few}" if few else named


def _describe_few(seen: Look) -> str:
    few = list_few_values(seen.columns, seen.group_names)
    return join_first([f"{printable(c.name)} ({len(c.levels or ())})" for c in few[:MOST_SHOWN]], len(few))


def _describe_limit(seen: Look) -> str:
    if seen.limited is None:
        return "none, so nothing is judged between groups; the file says how to add one"
    return f"{seen.limited} ratio >= 0.8 by {', '.join(map(printable, seen.group_names))}; choose yours"


def _list_names(names: Sequence[str]) -> str:
    return join_first([printable(name) for name in names[:MOST_SHOWN]], len(names))


def look(path: str | Path, folder: Path, dialect: Dialect = UNSAID) -> Look:
    """Look at the first rows of a table and guess each column's role.

    Raises
    ------
    ValuesError
        When the table has no rows, or a prediction is missing: no audit.toml for it would run.
    """
    source = resolve_from(path, folder)
    table = open_source(path, dialect=dialect)
    if table.rows == 0:
        raise no_rows(table.name)
    seen = _look_at_columns(table)
    prediction = next((s for s in seen if s.is_binary and PREDICTION_WORDS.search(s.name)), None)
    scores = [s.name for s in seen if s.levels is None and s.kind == "float" and SCORE_WORDS.search(s.name)]
    made = {*scores, *(s.name for s in seen if PREDICTION_WORDS.search(s.name))}
    left = [s for s in seen if s.name not in made]
    candidates = rank_labels([s for s in left if not is_protected(s.name)], left[-1].name if left else "")
    groups, ages = find_groups(seen, prediction)
    flaw = _find_single_value(left) if not candidates.columns else None
    if candidates.clear is not None:
        flaw = _find_flaw(table, candidates.clear)
    label = candidates.clear if flaw is None else None
    _refuse_missing_predictions(table, prediction.name if prediction else next(iter(scores), None))
    return Look(
        source=source,
        table=table,
        columns=tuple(left),
        earlier=tuple(s.name for s in seen if s.name in made and s.is_binary and s != prediction),
        flaw=flaw,
        label=label,
        positive=guess_positive(label or prediction),
        candidates=candidates,
        prediction=prediction,
        score=scores[0] if scores else None,
        groups=groups,
        ages=ages,
        weight=next((s.name for s in seen if s.kind in NUMBERS and WEIGHT_NAME.search(s.name)), None),
        dialect=dialect,
    )


def choose_label(seen: Look, name: str, positive: str | None = None) -> Look:
    """Return what was seen with the label that a person names.

    Raises
    ------
    QuestionError
        When no column of two values has that name, or the label has no such value.
    ValuesError
        When rows lack the label.
    """
    columns = {c.name: c for c in (*seen.candidates.columns, *(g for g in seen.groups if g.is_binary))}
    if name not in columns:
        raise _make_label_error(seen, name, columns)
    flaw = _find_flaw(seen.table, columns[name])
    if flaw is not None:
        raise ValuesError(f"label {flaw}")
    left = leave_out(seen.groups, name)
    return choose_positive(replace(seen, label=columns[name], groups=left, flaw=None), positive)


def _make_label_error(seen: Look, name: str, columns: Mapping[str, ColumnLook]) -> QuestionError:
    """Return the error for a label that has not two values, or is no column."""
    shown = printable(name)
    meant = next((c for c in seen.columns if c.name == name), None)
    if meant is None:
        return QuestionError(no_such("column of two values", name, columns or [c.name for c in seen.columns]))
    others = f"available: {_list_names(list(columns)) or 'none'}"
    if meant.levels is not None and len(meant.levels) < 2:
        return QuestionError(f"label {_describe_single_value(meant)}; name a column of two values, {others}")
    values = f"{len(meant.levels)} values" if meant.levels else f"more than {MOST_LEVELS} values"
    return QuestionError(
        f"label '{shown}' has {values}, and audit init proposes limits for a label of two ({others}); run it "
        f"without --label, and write label = {_quote(name)} and classes = true under [data] of the file"
    )


def _find_flaw(table: Table, label: ColumnLook) -> str | None:
    """Return why an audit would refuse a label, looking at every row; None where it would not."""
    shown, missing, rows = f"'{printable(label.name)}'", *_count_missing(table, label.name)
    if missing:
        return f"{shown} is missing in {missing:,} of {rows:,} rows; {MISSING_MEND}"
    if rows > LOOKED_AT_ROWS and _count_levels(table, label.name) > len(label.levels or ()):
        return f"{shown} has more than two values, the further ones after row {LOOKED_AT_ROWS:,}; correct these rows"
    return None


def _find_single_value(columns: Sequence[ColumnLook]) -> str | None:
    """Return what is wrong with a column named like an outcome that has one value; None where there is none."""
    single = (c for c in columns if c.levels is not None and len(c.levels) < 2 and is_outcome(c.name))
    return next((f"{_describe_single_value(c)}; name another column with --label" for c in single), None)


def _describe_single_value(column: ColumnLook) -> str:
    if not column.levels:
        return f"'{printable(column.name)}' has no value in the first {LOOKED_AT_ROWS:,} rows"
    value = printable(column.levels[0], 30)
    return (
        f"'{printable(column.name)}' has one value, '{value}', in the first {LOOKED_AT_ROWS:,} rows, "
        "so no rate of it differs between groups"
    )


def _refuse_missing_predictions(table: Table, name: str | None) -> None:
    """Refuse a column of predictions or scores that some rows lack."""
    if name is None:
        return
    missing, rows = _count_missing(table, name)
    if missing:
        raise ValuesError(
            f"prediction '{printable(name)}' is missing in {missing:,} of {rows:,} rows; drop these rows yourself, "
            "or let the model answer, then run audit init again"
        )


def _count_missing(table: Table, name: str) -> tuple[int, int]:
    """Return rows without a value in a column (null or NaN), and all rows."""
    column = quote_identifier(name)
    absent = f"{column} IS NULL" + (f" OR isnan({column})" if table.columns[name] == "float" else "")
    missing, rows = _ask_for_row(table, name, f"count(*) FILTER (WHERE {absent}), count(*)")
    return missing, rows


def _count_levels(table: Table, name: str) -> int:
    return int(_ask_for_row(table, name, f"count(DISTINCT {quote_identifier(name)})")[0])


def _ask_for_row(table: Table, name: str, listed: str) -> tuple[int, ...]:
    with open_connection() as con, table.reading():
        row: tuple[int, ...] = con.execute(f"SELECT {listed} FROM {table.scan(con, [name])}").fetchall()[0]  # noqa: S608
        return row


def choose_positive(seen: Look, positive: str | None) -> Look:
    """Return what was seen with the positive class that a person names, or a guess: of the label, or the prediction."""
    judged = seen.label or seen.prediction
    if positive is None or judged is None:
        return replace(seen, positive=guess_positive(judged))
    levels = judged.levels or ()
    if positive not in levels:
        raise QuestionError(no_such(f"value of '{printable(judged.name)}'", positive, levels))
    return replace(seen, positive=positive)


def choose_favourable(seen: Look, favourable: str | None) -> Look:
    """Return what was seen with the value of the label that a person calls good for whom it is about."""
    if favourable is None:
        return seen
    if seen.label is None:
        raise QuestionError("--favourable is a value of the label, which is not certain; name it with --label")
    levels = seen.label.levels or ()
    if favourable not in levels:
        raise QuestionError(no_such(f"value of '{printable(seen.label.name)}'", favourable, levels))
    return replace(seen, favourable=favourable)


def _look_at_columns(table: Table) -> list[ColumnLook]:
    """Return what each column holds in the first rows; columns are read together, because opening a file costs more."""
    names, seen = list(table.columns), []
    for at in range(0, len(names), READ_TOGETHER):
        together = names[at : at + READ_TOGETHER]
        with open_connection() as con, table.reading():
            source = table.scan(con, together)
            listed = ", ".join(map(quote_identifier, together))
            con.execute(f"CREATE TEMP TABLE first AS SELECT {listed} FROM {source} LIMIT {LOOKED_AT_ROWS}")  # noqa: S608
            seen += [_look_at_column(con, name, table.columns[name]) for name in together]
            con.execute("DROP TABLE first")
    return seen


def _look_at_column(con: duckdb.DuckDBPyConnection, name: str, kind: str) -> ColumnLook:
    column = quote_identifier(name)
    rows = con.execute(
        f"SELECT DISTINCT {column} FROM first WHERE {column} IS NOT NULL LIMIT {MOST_LEVELS + 1}"  # noqa: S608
    ).fetchall()
    few = len(rows) <= MOST_LEVELS and kind not in {"other", "date", "time"}
    texts = (name_level(row[0]) for row in rows)
    levels = tuple(sorted(text for text in texts if text is not None)) if few else None
    return ColumnLook(name, kind, levels)


def propose_suite(path: str | Path, dialect: Dialect = UNSAID) -> str:
    """Return a suite of expectations, as JSON: what the first rows satisfy, widened for those to come."""
    from audit.checks.expectations.propose import starting_suite
    from audit.counting.columns.as_pandas import reading_of

    rows = reading_of(open_source(path, dialect=dialect)).first(LOOKED_AT_ROWS)
    return json.dumps(starting_suite(rows), indent=1, ensure_ascii=False) + "\n"


def write_proposal(seen: Look, suite: str | None = None) -> str:
    """Return a commented audit.toml; ``suite`` is the name of the file of expectations beside it."""
    parts = [HEAD, _write_data(seen), _write_checks(suite), _write_predictions(seen), PUBLISH]
    parts += [POLICY, _write_gates(seen)]
    return "\n".join(p for p in parts if p)


HEAD = """\
# What to audit, and by which limits. Proposed from a look at the table: check every line.
# `audit run` with this file runs the audit. An unknown key is an error, so a typing mistake is never ignored.

[model]                        # printed on the card
# name = "…"
# owner = "who to write to"
# intended_use = "which decisions it may support"
# out_of_scope = "what it must not be used for"
"""

POLICY = """\
[policy]
# least_rows = 30              # excludes groups with fewer rows from verdicts, by name
# insufficient = "warn"        # an inconclusive limit exits 0 instead of 3
"""

PUBLISH = f"""\
[publish]
k = {SMALLEST_PUBLISHED}                         # cards withhold counts below it, and numbers that would reveal them
"""


def _write_data(seen: Look) -> str:
    names = seen.group_names
    lines = ["[data]"]
    if seen.of_data:
        lines += [f"source = {_quote(seen.source)}", *_write_csv(seen)]
    lines += _write_label(seen)
    if names:
        lines.append(f"groups = [{', '.join(map(_quote, names))}]")
    else:
        lines.append('# groups = ["…"]             # no column looks like a protected attribute: name them')
    few = _describe_few(seen)
    lines += [f"# other columns of few values, which may name groups: {few}"] if few else []
    lines += [
        f"intersections = {min(2, max(1, len(names)))}              # combinations of up to this many group columns",
        '# unit = "person_id"         # if several rows belong to one person; otherwise intervals are too narrow',
        f"# weight = {_quote(seen.weight or 'w')}         # if rows carry sampling weights; n stays the number of rows",
    ]
    if seen.ages:
        lines += ["", "[data.bins]", *(f"{to_toml({n: [18, 25, 40, 65]}).strip()}" for n in seen.ages)]
    return "\n".join(lines) + "\n"


def _write_label(seen: Look) -> list[str]:
    """Return the label, its positive class, and what else they could be."""
    others = _list_names(seen.candidates.list_others(seen.label))
    if seen.label is None:
        found = f"the true outcome; candidates: {others}" if others else NO_LABEL
        reason = found if seen.flaw is None else _describe_flaw(seen)
        return [f'# label = "…"                # {reason}', *_write_positive_decision(seen)]
    name, levels = seen.label.name, ", ".join(printable(v, 30) for v in seen.label.levels or ())
    lines = [f"label = {_quote(name)}          # its values: {levels}"]
    lines += [f"# other candidates for the label: {others}"] if others else []
    outcomes = _list_names([n for n in seen.candidates.outcomes if n != name])
    lines += [f"# a model must not use another outcome as a feature: {outcomes}"] if outcomes else []
    lines.append(
        f"positive = {_write_class(seen.label, seen.positive)}          # {_describe_positive(seen)}: check this"
    )
    return [*lines, _write_favourable(seen)]


def _write_positive_decision(seen: Look) -> list[str]:
    """Return which prediction is positive where no label says it; nothing where there are none."""
    if seen.prediction is None:
        return []
    said = _write_class(seen.prediction, seen.positive)
    return [f"positive = {said}          # the value of {_quote(seen.prediction.name)} counted as positive: check this"]


def _write_favourable(seen: Look) -> str:
    """Return which outcome is good for the person; a place to say it, where nobody has."""
    if seen.label is None or seen.favourable is None:
        return "# favourable = …             # the outcome that is good for the person; sentences follow it"
    said = _write_class(seen.label, seen.favourable)
    return f"favourable = {said}               # the outcome that is good for the person; sentences follow it"


def _describe_positive(seen: Look) -> str:
    """Return what the positive class is; of a harm, never that it is good."""
    if seen.label is not None and is_adverse(seen.label.name, seen.positive):
        return "the outcome counted as positive; its name sounds like a harm to the person"
    return "the outcome counted as positive (e.g. approved)"


def _write_checks(suite: str | None) -> str:
    if suite is None:
        return ""
    return (
        "[checks]                       # Great Expectations, made from these rows: they test the next ones\n"
        f"suite = {_quote(suite)}\n"
    )


def _write_csv(seen: Look) -> list[str]:
    """Return how the table is written, where it is not as everywhere."""
    table = ", ".join(f"{key} = {_quote(value)}" for key, value in seen.dialect.table.items())
    return [f"csv = {{ {table} }}"] if table else []


def _write_predictions(seen: Look) -> str:
    if seen.of_data:
        return ""
    lines = ["[predictions]", f"source = {_quote(seen.source)}", *_write_csv(seen)]
    if seen.prediction is not None:
        lines.append(f"prediction = {_quote(seen.prediction.name)}")
        lines += [
            f"# against = {_quote(name)}         # if it holds the earlier decisions" for name in seen.earlier[:1]
        ]
    else:
        lines += [
            f"score = {_quote(seen.score or '')}",
            "threshold = 0.5              # a score at or above it is positive",
        ]
    return "\n".join(lines) + "\n"


def _write_gates(seen: Look) -> str:
    stage, metric = ("data", "base_rate") if seen.of_data else ("model", "selection_rate")
    limit = to_toml({"gates": [{"stage": stage, "metric": metric, "compare": "ratio", "min": 0.8}]})
    if seen.limited is None:
        absent = (seen.of_data and seen.label is None, "the label"), (not seen.group_names, "groups")
        missing = join_words([what for is_absent, what in absent if is_absent])
        asked = "".join(f"# {line}\n" for line in limit.splitlines())
        return (
            "# No limit on groups is set, so no difference between groups is judged. "
            f"Name {missing} above, then add one:\n{asked}"
        )
    what = "positive labels" if seen.of_data else "positive decisions"
    return (
        f"# A first limit, for each group column: the lowest rate of {what} is at least 0.8 of the highest\n"
        "# (the ratio of the four-fifths rule, 29 CFR 1607.4 D). Choose yours; `audit metrics` lists the metrics.\n"
        f"{limit}"
    )


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _write_class(label: ColumnLook, positive: str | None) -> str:
    if label.kind in {"integer", "boolean", "float"} and positive is not None:
        return positive
    return _quote(positive or "")
