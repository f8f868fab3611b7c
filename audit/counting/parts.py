"""Counts of parts, kept in a folder: days, shards and ranks are audited together without their rows.

`question.json` holds the question that every part answers; each part is one file of raw cells with exact sums, so that
the folder gives, to the last digit, what one count of all rows would. While a part is being counted a note lies beside
them; it stays where the process is lost, and nothing is measured before that part is counted again. Must not: hold a
row; add what answers another question, what is damaged, or what was counted already.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, NoReturn

from audit.counting.count import Tallies, find_whole_texts, make_cubes, refuse_kinds_of_parts, spell_as_text
from audit.counting.crossings import MOST_CELLS, Crossed, explain_too_many
from audit.counting.kinds.score_bins import Bins
from audit.counting.kinds.scores import Scored
from audit.counting.plan import Counted, Plan
from audit.counting.tally import Tally, TooManyCellsError, make_tally
from audit.counting.terms import Finer
from audit.errors import QuestionError, SourceError, StoreError, printable
from audit.system.atomic import create_text, write_text
from audit.tables.files import QUESTION, is_counts
from audit.tables.kinds import Kind
from audit.tables.table import Table

if TYPE_CHECKING:
    import duckdb

SCHEMA = "audit-counts/1"


ENDING, BEGUN = ".counts.json", ".begun"
POLICY_KEYS = ("positive", "task")
"""What may differ between counting and measuring: it is read from the counts, not counted."""
FORMER_KEYS = ("exact_auc", "features", "neighbours", "reference", "query", "rank", "top")
"""What a plan of older versions held of kinds that do not add up over parts, of which none was ever asked of one."""
NAME_DIGITS = 24
"""Hex digits of the digest of its rows that a part is named by."""


class Kept(NamedTuple):
    """One part as it was kept."""

    path: Path
    source: str
    """Name of the table that was counted."""
    files: tuple[str, ...]
    """Digest of each of its files."""
    columns: Mapping[str, Kind]
    plan: Mapping[str, Any]
    tallies: Tallies
    written: frozenset[str]
    """Columns of whole numbers that were text before the reader of a CSV took them for numbers."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CountedParts(Table):
    """A folder of counts in the place of rows."""

    rows_here: ClassVar[bool] = False
    kept: tuple[Kept, ...] = field(default=(), repr=False)

    def scan(self, con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> str:
        """Refuse: there are no rows to pass over."""
        del con, names
        raise QuestionError(f"{printable(self.name)} holds counts, not rows; name the table itself")

    def count(self, plan: Plan) -> Counted:
        """Cubes of all parts together.

        Raises
        ------
        QuestionError
            When the counts of a part answer another question.
        SourceError
            When all parts together make too many cells.
        """
        refuse_kinds_of_parts(plan)
        asked = _to_plain_plan(replace(plan, of_parts=True))
        for part in self.kept:
            _refuse_other_question(part, asked)
            _refuse_other_bins(part, self.kept[0])
        whole = self.kept[0].tallies
        for part in self.kept[1:]:
            whole += part.tallies
            for tally in whole.crossings.tallies:
                self._refuse_crowd(tally, plan)
        return make_cubes(whole, plan)

    def _refuse_crowd(self, whole: Tally, plan: Plan) -> None:
        if len(whole) > MOST_CELLS:
            levels = {key: len(of) for key, of in zip(whole.keys, whole.levels, strict=True)}
            raise explain_too_many(TooManyCellsError(MOST_CELLS, levels), self, plan)


@contextmanager
def note_begun(folder: Path, source: str) -> Iterator[None]:
    """Note that a part is being counted; it goes when the count ends, also in a refusal, and stays when it is lost.

    Raises
    ------
    StoreError
        When the folder cannot be written to.
    """
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the folder {printable(folder)}: {error.strerror}; choose another") from None
    note = folder / f"{_note_of(source)}{BEGUN}"
    write_text(note, _write_document({"begun": {"source": Path(source).name}}))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)
        if made:
            with suppress(OSError):  # not empty: the part is in it
                folder.rmdir()


def save_question(folder: Path, question: Mapping[str, Any]) -> None:
    """Keep the question of a new folder; a folder that has one keeps it, and another question is refused.

    Raises
    ------
    QuestionError
        When the folder's question is another one.
    """
    if not is_counts(folder) and create_text(folder / QUESTION, _write_document({"question": question})):
        return
    before = read_question(folder)
    if before != question:
        differing = next((k for k in {*before, *question} if before.get(k) != question.get(k)), "question")
        raise QuestionError(
            f"{printable(folder)} was counted with another configuration ([{differing}] differs); remove the "
            "options, or count into another folder"
        )


def read_question(folder: Path) -> dict[str, Any]:
    """Question that the parts of a folder answer."""
    found: dict[str, Any] = _read_file(folder / QUESTION, ("question",))["question"]
    return found


def save_part(folder: Path, table: Table, files: Sequence[str], plan: Plan, tallies: Tallies) -> Path:
    """Keep the counts of one part under the digest of its rows, with that of each of its files.

    Raises
    ------
    SourceError
        When rows of the same bytes were counted already, or the columns are of other kinds than those before.
    """
    if table.digest is None:
        raise QuestionError(
            f"{printable(table.name)} has no digest, so a second count of it would go unnoticed; write it to a file"
        )
    path = folder / _name_of(table.digest)
    if path.exists():
        raise SourceError(f"{printable(table.name)} is already in {printable(folder)}; name another part")
    columns = {c: table.columns[c] for c in plan.columns}
    other = next(iter(sorted(folder.glob(f"*{ENDING}"))), None)
    texts, plain = find_whole_texts(table, plan), _to_plain_plan(plan)
    part = {"source": Path(table.name).name, "digest": table.digest, "files": list(files)}
    if other is not None:
        new = Kept(path, Path(table.name).name, tuple(files), columns, plain, tallies, frozenset(texts))
        _refuse_kinds(printable(table.name), new, _read_part(other))
    record = {"part": part, "columns": columns, "written": texts, "plan": plain, **to_tallies_record(tallies)}
    write_text(path, _write_document(record))
    return path


def open_counts(name: str, folder: Path) -> CountedParts:
    """Table whose rows were counted before.

    Raises
    ------
    SourceError
        When there is no part, or one is unfinished, damaged, of other columns, or there twice; it is named.
    """
    shown = printable(name)
    _refuse_unfinished(folder, shown)
    paths = sorted(folder.glob(f"*{ENDING}"))
    if not paths:
        raise SourceError(f"{shown} holds no counts yet; add a part: audit count TABLE --into {shown}")
    kept = _with_text([_read_part(path) for path in paths])
    for part in kept[1:]:
        _refuse_kinds(_describe_part(part), part, kept[0])
    _refuse_twice(kept)
    digest = hashlib.sha256("".join(sorted(chain.from_iterable(part.files for part in kept))).encode()).hexdigest()
    return CountedParts(name=name, digest=f"sha256:{digest}", columns=kept[0].columns, kept=kept)


def list_part_names(folder: Path) -> list[str]:
    """Names of the tables whose counts are in a folder, sorted."""
    return sorted(str(_read_file(path, ("part",))["part"]["source"]) for path in folder.glob(f"*{ENDING}"))


def _to_plain_plan(plan: Plan) -> dict[str, Any]:
    """Plan as JSON has it."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(plan), default=str))
    return found


def _name_of(digest: str) -> str:
    return f"{digest.removeprefix('sha256:')[:NAME_DIGITS]}{ENDING}"


def _note_of(source: str) -> str:
    """Name of the note of a source; counting it again takes over the note of a lost process."""
    return hashlib.sha256(str(Path(source).absolute()).encode("utf-8", "surrogateescape")).hexdigest()[:NAME_DIGITS]


def _describe_part(part: Kept) -> str:
    return f"{printable(part.path)} (of {printable(part.source)})"


def _read_part(path: Path) -> Kept:
    document = _read_file(path, ("part", "columns", "plan", "crossings", "scored"))
    part = document["part"]
    if not isinstance(part, dict) or not isinstance(document["plan"], dict) or not {"source", "digest"} <= part.keys():
        raise SourceError(f"{printable(path)} is not a file of counts; count that part again")
    if path.name != _name_of(part["digest"]):
        raise SourceError(
            f"{printable(path)} holds the counts of {printable(part['source'])}, whose name is "
            f"{_name_of(part['digest'])}; rename it, or delete it if that file exists too"
        )
    return Kept(
        path,
        part["source"],
        tuple(part.get("files", [part["digest"]])),
        document["columns"],
        document["plan"],
        read_tallies(document, path),
        frozenset(document.get("written", ())),
    )


def _refuse_unfinished(folder: Path, shown: str) -> None:
    note = next(iter(sorted(folder.glob(f"*{BEGUN}"))), None)
    if note is None:
        return
    source = printable(_read_file(note, ("begun",))["begun"]["source"])
    raise SourceError(
        f"{shown}: counting {source} has not finished; wait for it, or, if its process is gone, count it "
        f"again or delete {printable(note, 200)}"
    )


def _refuse_other_question(part: Kept, asked: Mapping[str, Any]) -> None:
    key = next((k for k in part.plan if k not in {*POLICY_KEYS, *FORMER_KEYS} and asked.get(k) != part.plan[k]), None)
    if key is not None:
        now, before = printable(asked.get(key), 80), printable(part.plan[key], 80)
        raise QuestionError(
            f"{_describe_part(part)} was counted with {key} = {before}, not {now}; count that part again with "
            "the configuration of the folder, or remove it"
        )


def _refuse_other_bins(part: Kept, other: Kept) -> None:
    bins = part.tallies.scored and part.tallies.scored.bins
    others = other.tallies.scored and other.tallies.scored.bins
    if bins != others:
        old, new = (part, other) if bins is None or (others is not None and not bins.finer) else (other, part)
        raise QuestionError(
            f"{_describe_part(old)} was counted by an older version, whose score bins differ from those of "
            f"{_describe_part(new)}; count that part again, or remove it"
        )


def _with_text(kept: Sequence[Kept]) -> tuple[Kept, ...]:
    """Parts of a CSV with the text of whole numbers, in columns that are text in another part."""
    texts = {column for part in kept for column, kind in part.columns.items() if kind == "text"}
    return tuple(_spell_part(part, texts & part.written) for part in kept)


def _spell_part(part: Kept, names: AbstractSet[str]) -> Kept:
    if not names:
        return part
    columns: dict[str, Kind] = {c: "text" if c in names else kind for c, kind in part.columns.items()}
    return part._replace(
        columns=columns, tallies=spell_as_text(part.tallies, part.plan, names), written=part.written - names
    )


def _refuse_kinds(shown: str, part: Kept, other: Kept) -> None:
    """Refuse columns of other kinds; whole numbers go with fractions where a column is a number, and not a name."""
    numbers = {part.plan["weight"], part.plan["score"], *part.plan["bins"]}
    for column, kind in part.columns.items():
        before = other.columns.get(column, "missing")
        integral = part if kind == "integer" else other
        is_written = column in integral.written and {kind, before} == {
            "integer",
            "text",
        }
        if kind != before and not is_written and not (column in numbers and {kind, before} == {"integer", "float"}):
            raise SourceError(
                f"{shown}: column '{printable(column)}' is {kind}, and {before} in {_describe_part(other)}; give "
                "all parts the same types"
            )


def _refuse_twice(kept: Sequence[Kept]) -> None:
    """Refuse rows that two parts hold: a file by itself, and within a pattern of files."""
    holder: dict[str, Kept] = {}
    for part in kept:
        for file in part.files:
            other = holder.setdefault(file, part)
            if other is not part:
                raise SourceError(
                    f"{_describe_part(part)} and {_describe_part(other)} hold rows of the same file; delete one of them"
                )


# One file of counts: strict JSON that carries the digest of everything else in it, so that no damage goes unseen.
#
# Must not: know what a question asks.
def _write_document(document: Mapping[str, Any]) -> str:
    """Text of a document with its schema and its digest."""
    document = {"schema": SCHEMA, **document}
    return json.dumps({"sha256": _digest(document), **document}, ensure_ascii=False)


def _read_file(path: Path, wanted: Sequence[str]) -> dict[str, Any]:
    """Document of a file.

    Parameters
    ----------
    path
        Of a file that `_write_document` made.
    wanted
        What its kind of file holds.

    Raises
    ------
    SourceError
        When it is missing, damaged, changed or of another kind.
    """
    shown = printable(path, 200)
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
        digest = document.pop("sha256")
        same = document.get("schema") == SCHEMA and _digest(document) == digest
    except OSError as error:
        raise SourceError(f"{shown} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise SourceError(f"{shown} is not a file of counts ({printable(error, 80)}); count that part again") from None
    if not same:
        raise SourceError(f"{shown} was changed or damaged; count that part again")
    lacking = next((key for key in wanted if key not in document), None)
    if lacking is not None:
        raise SourceError(f"{shown} has no {lacking}, so it is not a file of counts; remove it")
    found: dict[str, Any] = document
    return found


def to_tallies_record(tallies: Tallies) -> dict[str, Any]:
    """Plain form of what was counted."""
    scored = tallies.scored
    of_scores = (
        None
        if scored is None
        else {"bins": list(scored.bins), "tallies": {name: _tally_record(t) for name, t in scored.tallies.items()}}
    )
    crossings = [_tally_record(tally) for tally in tallies.crossings.tallies]
    return {"crossings": crossings, "rows_in_no_group": tallies.crossings.nowhere, "scored": of_scores}


def read_tallies(document: Mapping[str, Any], path: Path) -> Tallies:
    """What was counted, from its plain form.

    Raises
    ------
    SourceError
        When the form is none, or its columns are of different lengths.
    """
    try:
        scored = document["scored"]
        of_scores = (
            None
            if scored is None
            else Scored(_bins(*scored["bins"]), {name: _tally(t) for name, t in scored["tallies"].items()})
        )
        crossings = tuple(_tally(record) for record in document["crossings"])
        return Tallies(Crossed(crossings, int(document["rows_in_no_group"])), of_scores)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(
            f"{printable(path)} is not a file of counts ({printable(error, 80)}); count it again"
        ) from None


def _bins(low: float, width: float, slices: int, finer: Sequence[Sequence[Any]] = ()) -> Bins:
    """Bins of scores; those of older versions had no finer cuts."""
    return Bins(low, width, slices, tuple(Finer(*cut) for cut in finer))


def _digest(document: Mapping[str, Any]) -> str:
    body = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _tally_record(tally: Tally) -> dict[str, Any]:
    return {
        "keys": tally.keys,
        "levels": [[_value_record(v) for v in of] for of in tally.levels],
        "cells": [codes.tolist() for codes in tally.codes],
        "counts": {name: values.tolist() for name, values in tally.counts.items()},
        "totals": {name: [str(t) for t in values] for name, values in tally.totals.items()},
        "shifts": tally.shifts,
        "powers": tally.powers,
    }


def _value_record(value: Any) -> Any:
    if not isinstance(value, dt.date):
        return value
    return {"date": value.isoformat()}


def _tally(record: Mapping[str, Any]) -> Tally:
    levels = [[_value(v) for v in of] for of in record["levels"]]
    columns = [[of[code] for code in codes] for of, codes in zip(levels, record["cells"], strict=True)]
    counts = {name: tuple(map(int, values)) for name, values in record["counts"].items()}
    totals = {name: tuple(map(int, values)) for name, values in record["totals"].items()}
    if len({*map(len, columns), *map(len, counts.values()), *map(len, totals.values())}) > 1:
        raise ValueError("sums and cells are of different lengths")
    found = make_tally(dict(zip(record["keys"], columns, strict=True)), counts, totals, dict(record["shifts"]))
    return replace(found, powers={name: int(power) for name, power in record.get("powers", {}).items()})


def _value(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return dt.date.fromisoformat(value["date"])
