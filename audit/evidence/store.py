"""The store: one folder a run, whole or not there.

A run is written beside its place and renamed into it, so a reader never sees half a run. What a killed run leaves is a
folder whose name begins with a dot and ends in ``.part``; it is listed as incomplete, and the energy that was recorded
lies in it.

Must not: know what a result means; it keeps documents and reads their first lines.
"""

from __future__ import annotations

import codecs
import datetime as dt
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from audit.errors import StoreError, no_such, printable
from audit.evidence.atomic import write_text
from audit.evidence.reader import DOCUMENT, RUN_ID, of_another, read_result
from audit.result import SCHEMA, AuditResult, Verdict

__all__ = ["RUN_ID", "Entry", "Store", "read_result"]

STAGING = re.compile(r"\.([0-9]{8}T[0-9]{6}Z-[0-9a-f]{6})\.part")
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
RECORD = "energy.json"
"""The energy so far, which the meter keeps in the folder of a run while it goes on."""
BEFORE = "predictions-before-training"
"""Copies of the predictions that lay there before training, in the folder of a run while training goes on."""
LATEST = "latest"
HEAD_BYTES, TAIL_BYTES = 65_536, 64
HEADLINE = frozenset({"schema", "run", "question", "verdict"})
"""Members that stand first in a document, by the contract's order."""
UNFINISHED = "it did not end, or goes on still"
SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One run as the store lists it."""

    id: str
    path: Path
    state: Literal["complete", "incomplete", "damaged"]
    verdict: str | None = None
    started: str | None = None
    model: str | None = None
    reason: str = ""
    """Why it is not complete."""


class Store:
    """Folder of runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def new_run_id(self) -> str:
        """Identifier that sorts by time and that no two runs share."""
        return f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"

    def begin(self, run_id: str) -> Path:
        """Folder for what a run writes while it goes on.

        Raises
        ------
        StoreError
            When the disk refuses, or a run of that id has begun already.
        """
        staging = self._staging(run_id)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            staging.mkdir()
        except OSError as error:
            if isinstance(error, FileExistsError) and staging.exists():
                raise StoreError(f"run '{run_id}' has begun already in '{self._shown}'; ask for a new id") from error
            raise StoreError(
                f"the store '{self._shown}' cannot be written: {error.strerror}; name another with --store"
            ) from error
        return staging

    def commit(self, run_id: str, files: Mapping[str, str]) -> Path:
        """Publish a run, all of it or nothing.

        Parameters
        ----------
        run_id
            Of a run that has begun, or of a new one.
        files
            Text by file name.

        Raises
        ------
        StoreError
            When the disk refuses, or a run of that id is there already.
        """
        staging, final = self._staging(run_id), self.folder / run_id
        wrong = next((name for name in files if not FILE_NAME.fullmatch(name)), None)
        if wrong is not None:
            raise StoreError(f"'{printable(wrong)}' is no plain file name; a run holds files such as {DOCUMENT}")
        if os.path.lexists(final):
            raise StoreError(f"run '{run_id}' is in the store already; a run is never overwritten, so ask for a new id")
        if not staging.is_dir():
            self.begin(run_id)
        for name, text in files.items():
            write_text(staging / name, text)
        try:
            staging.rename(final)
        except OSError as error:
            raise StoreError(
                f"run '{run_id}' cannot be published in '{self._shown}': {error.strerror}; it lies in '{staging.name}'"
            ) from error
        return final

    def unfinished(self, name: str) -> Path | None:
        """Folder of the one run of that id, or start of an id, that did not end; None where that names another."""
        found = [p for p in self._folders() if name and name != LATEST and _id(p).startswith(name)]
        return found[0] if len(found) == 1 and found[0].name.startswith(".") else None

    def runs(self, most: int | None = None) -> tuple[Entry, ...]:
        """Every run, or the newest ``most``, newest first; damaged and incomplete ones are named as such."""
        return tuple(_listed(p) if not p.name.startswith(".") else _unfinished(p) for p in self._folders()[:most])

    def load(self, name: str = LATEST) -> AuditResult:
        """Result of a run by its id, the start of its id, or ``latest``."""
        return read_result(self.path(name))

    def path(self, name: str = LATEST) -> Path:
        """Folder of a run.

        Raises
        ------
        StoreError
            When there is none, it did not end, or the name fits several. A damaged run is never passed over for an
            older one.
        """
        matching = [p for p in self._folders() if name in {LATEST, _id(p)} or (name and _id(p).startswith(name))]
        whole = [p for p in matching if not p.name.startswith(".")]
        if (name == LATEST and whole) or len(whole) == 1:
            return whole[0]
        if whole:
            raise StoreError(f"'{printable(name)}' is the start of {len(whole)} runs; give more of the id")
        if matching and name != LATEST:
            raise StoreError(f"run '{_id(matching[0])}' is incomplete: {UNFINISHED}")
        ids = [p.name for p in self._folders() if not p.name.startswith(".")]
        if not ids:
            raise StoreError(f"no complete run in the store '{self._shown}'; `audit run DIR` makes one")
        raise StoreError(no_such("run", name, ids))

    @property
    def _shown(self) -> str:
        return printable(self.folder, 200)

    def _staging(self, run_id: str) -> Path:
        if not RUN_ID.fullmatch(run_id):
            raise StoreError(f"'{printable(run_id)}' is no run id; it looks like 20261124T020512Z-1a2b3c")
        return self.folder / f".{run_id}.part"

    def _folders(self) -> list[Path]:
        """Folders of runs, whole or not, newest first."""
        try:
            if not self.folder.exists():
                return []
            found = [p for p in self.folder.iterdir() if _is_run(p.name) and p.is_dir() and not p.is_symlink()]
        except OSError as error:
            raise StoreError(
                f"the store '{self._shown}' cannot be read: {error.strerror}; name another with --store"
            ) from error
        return sorted(found, key=_id, reverse=True)


def _is_run(name: str) -> bool:
    return bool(RUN_ID.fullmatch(name) or STAGING.fullmatch(name))


def _id(path: Path) -> str:
    staged = STAGING.fullmatch(path.name)
    return staged[1] if staged else path.name


def _time_of(run_id: str) -> str:
    """When a run began, from its id."""
    d = run_id
    return f"{d[:4]}-{d[4:6]}-{d[6:8]}T{d[9:11]}:{d[11:13]}:{d[13:16]}"


def _unfinished(path: Path) -> Entry:
    """A run that was killed, or goes on still."""
    return Entry(id=_id(path), path=path, state="incomplete", started=_time_of(_id(path)), reason=UNFINISHED)


def _listed(path: Path) -> Entry:
    """A run by the head of its document, without validating all of it: a list of thousands must be quick."""
    try:
        head = _headline(path / DOCUMENT)
        reason = _wrong(head, path.name)
        if not reason:
            name = (head["question"]["config"].get("model") or {}).get("name")
            return Entry(id=path.name, path=path, state="complete", verdict=head["verdict"],
                         started=str(head["run"]["started"]), model=None if name is None else str(name))  # fmt: skip
    except OSError as error:
        reason = f"its {DOCUMENT} cannot be read: {error.strerror}"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        reason = f"its {DOCUMENT} is cut off or was changed by another hand"
    return Entry(id=path.name, path=path, state="damaged", started=_time_of(path.name), reason=reason)


def _wrong(head: Mapping[str, Any], run_id: str) -> str:
    """Why a head is not that of the run in whose folder it lies; empty where it is."""
    if head["schema"] != SCHEMA:
        return f"its schema is '{printable(head['schema'])}'; this version reads {SCHEMA}"
    if head["verdict"] not in get_args(Verdict):
        return f"its verdict is '{printable(head['verdict'])}', which is none"
    return f"it holds {of_another(head['run']['id'])}" if head["run"]["id"] != run_id else ""


def _headline(file: Path) -> dict[str, Any]:
    """First members of a document; all of it is read only where they do not stand first."""
    with file.open("rb") as document:
        head = document.read(HEAD_BYTES)
        size = document.seek(0, os.SEEK_END)
        document.seek(max(0, size - TAIL_BYTES))
        if not document.read().rstrip().endswith(b"}"):
            raise ValueError("cut off")
        try:
            return _members(codecs.getincrementaldecoder("utf-8")().decode(head))
        except ValueError:
            document.seek(0)
            return _members(document.read().decode("utf-8"))


def _members(text: str) -> dict[str, Any]:
    """Members of a JSON object up to the last of the headline."""
    found: dict[str, Any] = {}
    decode, at = json.JSONDecoder().raw_decode, text.index("{") + 1
    while True:
        key, at = decode(text, _next(text, at))
        found[key], at = decode(text, _next(text, text.index(":", at) + 1))
        if found.keys() >= HEADLINE:
            return found
        at = text.index(",", at) + 1


def _next(text: str, at: int) -> int:
    """Place of the next character that is no space."""
    space = SPACE.match(text, at)
    return at if space is None else space.end()
