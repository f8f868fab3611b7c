"""Counts of parts, kept in a folder: days, shards and ranks are audited together without their rows.

`question.json` holds the question that every part answers; each part is one file of raw cells with exact sums, so that
the folder gives, to the last digit, what one count of all rows would. Must not: hold a row; add what answers another
question, what is damaged, or what was counted already.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from audit.engines.asking import Tallies, cubes_of
from audit.engines.blocks import Crossed
from audit.engines.counting import Counted, Plan
from audit.engines.kinds import Kind
from audit.engines.scores import Bins, Scored
from audit.engines.sources import QUESTION, is_counts
from audit.engines.tables import Table
from audit.engines.tally import Tally, tally_of
from audit.errors import QuestionError, SourceError, printable
from audit.evidence.atomic import write_text

if TYPE_CHECKING:
    import duckdb

ENDING, SCHEMA = ".counts.json", "audit-counts/1"
POLICY_KEYS = ("positive", "task")
"""What may differ between counting and measuring: it is read from the counts, not counted."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CountedParts(Table):
    """A folder of counts in the place of rows."""

    plan: Mapping[str, Any] = field(default_factory=dict, repr=False)
    tallies: tuple[Tallies, ...] = field(default=(), repr=False)

    def scan(self, con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> str:
        """Refuse: there are no rows to pass over."""
        del con, names
        raise QuestionError(f"{printable(self.name)} holds counts, not rows; this needs the rows themselves")

    def count(self, plan: Plan) -> Counted:
        """Cubes of all parts together.

        Raises
        ------
        QuestionError
            When the counts answer another question.
        """
        asked = plain_plan(replace(plan, of_parts=True))
        for key, was in self.plan.items():
            if key not in POLICY_KEYS and asked[key] != was:
                now, before = printable(asked[key], 80), printable(was, 80)
                raise QuestionError(
                    f"{printable(self.name)} was counted with {key} = {before}, and {now} is asked; count the "
                    "parts again with the new question"
                )
        return cubes_of(reduce(add, self.tallies), plan)


def save_question(folder: Path, question: Mapping[str, Any]) -> None:
    """Keep the question of a new folder; a folder that has one keeps it, and another question is refused.

    Raises
    ------
    QuestionError
        When the folder's question is another one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not is_counts(folder):
        write_text(folder / QUESTION, _written({"schema": SCHEMA, "question": question}))
        return
    before = read_question(folder)
    if before != question:
        differing = next((k for k in {*before, *question} if before.get(k) != question.get(k)), "question")
        raise QuestionError(
            f"{printable(folder)} answers another question ([{differing}] differs); leave the options out, or count "
            "into another folder"
        )


def read_question(folder: Path) -> dict[str, Any]:
    """Question that the parts of a folder answer."""
    found: dict[str, Any] = _read(folder / QUESTION)["question"]
    return found


def save_part(folder: Path, table: Table, plan: Plan, tallies: Tallies) -> Path:
    """Keep the counts of one part under the digest of its rows.

    Raises
    ------
    SourceError
        When rows of the same bytes were counted already, or the columns are of other kinds than those before.
    """
    if table.digest is None:
        raise QuestionError(f"{printable(table.name)} has no digest, so it could be counted twice without a word")
    path = folder / f"{table.digest.removeprefix('sha256:')[:24]}{ENDING}"
    if path.exists():
        raise SourceError(f"{printable(table.name)} was counted into {printable(folder)} already; rows count once")
    kinds = {c: table.columns[c] for c in plan.columns}
    _refuse_kinds(folder, table.name, kinds)
    document = {
        "schema": SCHEMA,
        "part": {"source": Path(table.name).name, "digest": table.digest},
        "columns": kinds,
        "plan": plain_plan(plan),
        "crossings": [_tally_record(tally) for tally in tallies.crossings.tallies],
        "rows_in_no_group": tallies.crossings.nowhere,
        "scored": None if tallies.scored is None else _scored_record(tallies.scored),
    }
    write_text(path, _written(document))
    return path


def open_counts(name: str, folder: Path) -> CountedParts:
    """Table whose rows were counted before.

    Raises
    ------
    SourceError
        When there is no part, or one is damaged or of another question; it is named.
    """
    paths = sorted(folder.glob(f"*{ENDING}"))
    if not paths:
        raise SourceError(
            f"{printable(name)} holds no counts yet; add a part: audit count TABLE --into {printable(name)}"
        )
    documents = [(path, _read(path)) for path in paths]
    first_path, first = documents[0]
    for path, document in documents[1:]:
        for key in ("plan", "columns"):
            if document[key] != first[key]:
                raise SourceError(
                    f"{printable(path)} and {printable(first_path)} differ in {key}; count one of them again"
                )
    digest = hashlib.sha256("".join(sorted(d["part"]["digest"] for _, d in documents)).encode()).hexdigest()
    return CountedParts(
        name=name,
        digest=f"sha256:{digest}",
        columns=first["columns"],
        plan=first["plan"],
        tallies=tuple(_tallies(document, path) for path, document in documents),
    )


def plain_plan(plan: Plan) -> dict[str, Any]:
    """Plan as JSON has it."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(plan), default=str))
    return found


def _refuse_kinds(folder: Path, name: str, kinds: Mapping[str, Kind]) -> None:
    other = next(iter(sorted(folder.glob(f"*{ENDING}"))), None)
    if other is None:
        return
    before = _read(other)["columns"]
    for column, kind in kinds.items():
        if before.get(column) != kind:
            raise SourceError(
                f"{printable(name)}: column '{printable(column)}' is {kind}, and {before.get(column, 'missing')} in "
                f"{printable(other.name)}; parts of one table have the same types"
            )


def _written(document: Mapping[str, Any]) -> str:
    """Document with the digest of everything else in it."""
    body = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True)
    return json.dumps({"sha256": hashlib.sha256(body.encode()).hexdigest(), **document}, ensure_ascii=False)


def _read(path: Path) -> dict[str, Any]:
    shown = printable(path, 200)
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
        digest = document.pop("sha256")
        body = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True)
    except OSError as error:
        raise SourceError(f"{shown} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise SourceError(f"{shown} is no file of counts ({printable(error, 80)}); count that part again") from None
    if document.get("schema") != SCHEMA or hashlib.sha256(body.encode()).hexdigest() != digest:
        raise SourceError(f"{shown} was changed or damaged since it was written; count that part again")
    found: dict[str, Any] = document
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _tally_record(tally: Tally) -> dict[str, Any]:
    return {
        "keys": tally.keys,
        "levels": [[_value_record(v) for v in of] for of in tally.levels],
        "cells": [codes.tolist() for codes in tally.codes],
        "counts": {name: values.tolist() for name, values in tally.counts.items()},
        "totals": {name: [str(t) for t in values] for name, values in tally.totals.items()},
        "shifts": tally.shifts,
    }


def _value_record(value: Any) -> Any:
    return {"date": value.isoformat()} if isinstance(value, dt.date) else value


def _scored_record(scored: Scored) -> dict[str, Any]:
    return {"bins": list(scored.bins), "tallies": {name: _tally_record(t) for name, t in scored.tallies.items()}}


def _tallies(document: Mapping[str, Any], path: Path) -> Tallies:
    try:
        scored = document["scored"]
        of_scores = None if scored is None else Scored(
            Bins(*scored["bins"]), {name: _tally(t) for name, t in scored["tallies"].items()}
        )  # fmt: skip
        crossings = tuple(_tally(record) for record in document["crossings"])
        return Tallies(Crossed(crossings, int(document["rows_in_no_group"])), of_scores)
    except (LookupError, TypeError, ValueError) as error:
        raise SourceError(f"{printable(path)} is no file of counts ({printable(error, 80)}); count it again") from None


def _tally(record: Mapping[str, Any]) -> Tally:
    levels = [[_value(v) for v in of] for of in record["levels"]]
    columns = [[of[code] for code in codes] for of, codes in zip(levels, record["cells"], strict=True)]
    return tally_of(
        dict(zip(record["keys"], columns, strict=True)),
        record["counts"],
        {name: tuple(map(int, values)) for name, values in record["totals"].items()},
        record["shifts"],
    )


def _value(value: Any) -> Any:
    return dt.date.fromisoformat(value["date"]) if isinstance(value, dict) else value
