"""One file of counts: strict JSON that carries the digest of everything else in it, so that no damage goes unseen.

Must not: know what a question asks.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from audit.counting.count import Tallies
from audit.counting.crossings import Crossed
from audit.counting.kinds.score_bins import Bins
from audit.counting.kinds.scores import Scored
from audit.counting.tally import Tally, tally_of
from audit.counting.terms import Finer
from audit.errors import SourceError, printable

SCHEMA = "audit-counts/1"


def written(document: Mapping[str, Any]) -> str:
    """Text of a document with its schema and its digest."""
    document = {"schema": SCHEMA, **document}
    return json.dumps({"sha256": _digest(document), **document}, ensure_ascii=False)


def read_file(path: Path, wanted: Sequence[str]) -> dict[str, Any]:
    """Document of a file.

    Parameters
    ----------
    path
        Of a file that `written` made.
    wanted
        What its kind of file holds.

    Raises
    ------
    SourceError
        When it is missing, damaged, changed or of another kind.
    """
    shown = printable(path, 200)
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
        digest = document.pop("sha256")
        same = document.get("schema") == SCHEMA and _digest(document) == digest
    except OSError as error:
        raise SourceError(f"{shown} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise SourceError(f"{shown} is no file of counts ({printable(error, 80)}); count that part again") from None
    if not same:
        raise SourceError(f"{shown} was changed or damaged since it was written; count that part again")
    lacking = next((key for key in wanted if key not in document), None)
    if lacking is not None:
        raise SourceError(f"{shown} holds no {lacking}: it is another file of a folder of counts; take it out")
    found: dict[str, Any] = document
    return found


def tallies_record(tallies: Tallies) -> dict[str, Any]:
    """Plain form of what was counted."""
    scored = tallies.scored
    of_scores = None if scored is None else {
        "bins": list(scored.bins), "tallies": {name: _tally_record(t) for name, t in scored.tallies.items()}
    }  # fmt: skip
    crossings = [_tally_record(tally) for tally in tallies.crossings.tallies]
    return {"crossings": crossings, "rows_in_no_group": tallies.crossings.nowhere, "scored": of_scores}


def tallies_of(document: Mapping[str, Any], path: Path) -> Tallies:
    """What was counted, from its plain form.

    Raises
    ------
    SourceError
        When the form is none, or its columns are of different lengths.
    """
    try:
        scored = document["scored"]
        of_scores = None if scored is None else Scored(
            _bins(*scored["bins"]), {name: _tally(t) for name, t in scored["tallies"].items()}
        )  # fmt: skip
        crossings = tuple(_tally(record) for record in document["crossings"])
        return Tallies(Crossed(crossings, int(document["rows_in_no_group"])), of_scores)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(f"{printable(path)} is no file of counts ({printable(error, 80)}); count it again") from None


def _bins(low: float, width: float, slices: int, finer: Sequence[Sequence[Any]] = ()) -> Bins:
    """Bins of scores; those of older versions had no finer cuts."""
    return Bins(low, width, slices, tuple(Finer(*cut) for cut in finer))


def _digest(document: Mapping[str, Any]) -> str:
    body = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()


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
        "powers": tally.powers,
    }


def _value_record(value: Any) -> Any:
    return {"date": value.isoformat()} if isinstance(value, dt.date) else value


def _tally(record: Mapping[str, Any]) -> Tally:
    levels = [[_value(v) for v in of] for of in record["levels"]]
    columns = [[of[code] for code in codes] for of, codes in zip(levels, record["cells"], strict=True)]
    counts = {name: tuple(map(int, values)) for name, values in record["counts"].items()}
    totals = {name: tuple(map(int, values)) for name, values in record["totals"].items()}
    if len({*map(len, columns), *map(len, counts.values()), *map(len, totals.values())}) > 1:
        raise ValueError("sums and cells are of different lengths")
    found = tally_of(dict(zip(record["keys"], columns, strict=True)), counts, totals, dict(record["shifts"]))
    return replace(found, powers={name: int(power) for name, power in record.get("powers", {}).items()})


def _value(value: Any) -> Any:
    return dt.date.fromisoformat(value["date"]) if isinstance(value, dict) else value
