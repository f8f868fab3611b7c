"""What searches for what to hide came to, kept beside a record so that whoever reads it need not search again.

A search is a function of the counts, of k and of what limits are about, and takes longer than all that a report shows.
What it came to is kept under a digest of everything that it rests on, the record and this code among it: it is read
where the very same is asked, and searched for anew otherwise. The file holds digests and places in lists, no name and
no count. `audit verify` searches again and compares.

Must not: search, or decide what is asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from audit._version import __version__
from audit.measurement.metrics.kinds import Family
from audit.record.result import DOCUMENT
from audit.report.disclosure.small_cells import Key

SEARCHES = "withholding.json"
SCHEMA = "audit-withholding/1"
LARGEST_BYTES = 16 * 1024 * 1024
CODE = ("report/disclosure", "measurement")
"""Rooms whose code a search rests on."""
Places = list[list[int]]


class Searches:
    """What searches came to, by the digest of what was asked.

    Parameters
    ----------
    record
        Digest of the document whose groups are searched for; empty where it has no file.
    known
        What earlier searches came to.
    """

    def __init__(self, record: str = "", known: Mapping[str, Any] | None = None) -> None:
        self.record = record
        self.known = known or {}
        self.asked: dict[str, Places] = {}
        """What was asked so far, and what it came to."""

    def find_hidden(
        self,
        asked: object,
        families: Sequence[Family],
        keys: Sequence[Key],
        search: Callable[[], Iterable[Iterable[Key]]],
    ) -> dict[Family, frozenset[Key]]:
        """Return who is hidden of each family, as a search among ``keys`` finds it.

        Parameters
        ----------
        asked
            All that the search rests on, in an order that is always the same.
        families
            What ``search`` finds groups of, in its order.
        keys
            All groups, in the order of what was asked.
        search
            Finds who is hidden of each family.
        """
        digest = self._digest(asked)
        found: Any = self.known.get(digest)
        if not _is_choice(found, len(families), len(keys)):
            at = {key: i for i, key in enumerate(keys)}
            found = [sorted(at[key] for key in hidden) for hidden in search()]
        self.asked[digest] = found
        return {family: frozenset(keys[i] for i in places) for family, places in zip(families, found, strict=True)}

    def decide(self, asked: object, search: Callable[[], bool]) -> bool:
        """Return whether a search says yes."""
        digest = self._digest(asked)
        found = self.known.get(digest)
        if found not in ([[0]], [[1]]):
            found = [[int(search())]]
        self.asked[digest] = found
        return found == [[1]]

    @property
    def is_worth_keeping(self) -> bool:
        """Return whether anything is withheld; where nothing is, a search ends before it begins."""
        return any(map(any, self.asked.values()))

    def to_json(self) -> str:
        """Return what was asked as JSON, a line each."""
        lines = ",\n".join(f'"{asked}": {json.dumps(found)}' for asked, found in self.asked.items())
        return f'{{\n"schema": "{SCHEMA}",\n"code": "{digest_code()}",\n"searches": {{\n{lines}\n}}\n}}\n'

    def _digest(self, asked: object) -> str:
        # With the record in it, nobody without the record can guess counts and try them.
        text = f"{digest_code()} {self.record} {asked!r}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _is_choice(found: Any, sets: int, keys: int) -> bool:
    """Return whether this is so many lists of places among so many groups."""
    if not isinstance(found, list) or len(found) != sets or not all(isinstance(places, list) for places in found):
        return False
    return all(type(i) is int and 0 <= i < keys for places in found for i in places)


def read_searches(folder: Path | None) -> Searches:
    """Return what is kept beside the record in a folder: nothing where other code wrote it, or it cannot be read."""
    if folder is None or not (folder / SEARCHES).is_file():
        return Searches()
    from audit.system import strict_json

    try:
        found = strict_json.read_value(strict_json.read_text(folder / SEARCHES, LARGEST_BYTES))
        record = digest_record((folder / DOCUMENT).read_bytes())
    except (ValueError, RecursionError, OSError):
        return Searches()
    if not isinstance(found, dict) or (found.get("schema"), found.get("code")) != (SCHEMA, digest_code()):
        return Searches()
    known = found.get("searches")
    return Searches(record, known if isinstance(known, dict) else {})


def digest_record(document: bytes) -> str:
    """Return the digest of a document."""
    return hashlib.sha256(document).hexdigest()


@cache
def digest_code() -> str:
    """Return a digest of the code that a search rests on, so that what a mended search finds is never an old one's."""
    root = Path(__file__).parents[2]
    digest = hashlib.sha256(__version__.encode())
    for room in CODE:
        for file in sorted((root / room).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()
