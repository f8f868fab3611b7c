"""The store: one folder a run, whole or not there.

A run is written beside its place and renamed into it, so a reader never sees half a run; what a killed run leaves is a
folder whose name begins with a dot and ends in ``.part``, listed as incomplete with the energy that was recorded.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from audit.errors import StoreError, no_such, printable
from audit.evidence.atomic import write_text
from audit.evidence.reader import DOCUMENT, json_schema, read_result
from audit.result import AuditResult

__all__ = ["Entry", "Store", "json_schema", "read_result"]

RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}")
LATEST = "latest"


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
        self.folder = folder

    def new_run_id(self) -> str:
        """Identifier that sorts by time and that no two runs share."""
        return f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"

    def begin(self, run_id: str) -> Path:
        """Folder for what a run writes while it goes on."""
        staging = self._staging(run_id)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            staging.mkdir()
        except OSError as error:
            where = printable(self.folder, 200)
            raise StoreError(
                f"the store '{where}' cannot be written: {error.strerror}; name another with --store"
            ) from error
        return staging

    def commit(self, run_id: str, files: Mapping[str, str]) -> Path:
        """Publish a run, all of it or nothing.

        Raises
        ------
        StoreError
            When the disk refuses, or a run of that id is there already.
        """
        staging, final = self._staging(run_id), self.folder / run_id
        if not staging.is_dir():
            self.begin(run_id)
        if final.exists():
            raise StoreError(f"run '{run_id}' is in the store already; a run is never overwritten")
        for name, text in files.items():
            write_text(staging / name, text)
        try:
            staging.rename(final)
        except OSError as error:
            raise StoreError(
                f"run '{run_id}' cannot be published in '{printable(self.folder, 200)}': {error.strerror}"
            ) from error
        return final

    def runs(self) -> tuple[Entry, ...]:
        """Every run, newest first; damaged and incomplete ones are named as such."""
        if not self.folder.is_dir():
            return ()
        found = (self._entry(path) for path in self.folder.iterdir() if path.is_dir() and not path.is_symlink())
        return tuple(sorted((e for e in found if e is not None), key=lambda e: e.id, reverse=True))

    def load(self, name: str = LATEST) -> AuditResult:
        """Result of a run by its id, the start of its id, or ``latest``."""
        return read_result(self.path(name))

    def path(self, name: str = LATEST) -> Path:
        """Folder of a run."""
        entries = [e for e in self.runs() if e.state == "complete"]
        if not entries:
            raise StoreError(f"no complete run in the store '{printable(self.folder, 200)}'; `audit run DIR` makes one")
        if name == LATEST:
            return entries[0].path
        matching = [e for e in entries if e.id.startswith(name)] if name else []
        if len(matching) == 1:
            return matching[0].path
        if matching:
            raise StoreError(f"'{printable(name)}' is the start of {len(matching)} runs; give more of the id")
        raise StoreError(no_such("run", name, (e.id for e in entries)))

    def _staging(self, run_id: str) -> Path:
        if not RUN_ID.fullmatch(run_id):
            raise StoreError(f"'{printable(run_id)}' is no run id")
        return self.folder / f".{run_id}.part"

    def _entry(self, path: Path) -> Entry | None:
        if path.name.startswith(".") and path.name.endswith(".part") and RUN_ID.fullmatch(path.name[1:-5]):
            return Entry(id=path.name[1:-5], path=path, state="incomplete", reason="it did not end, or goes on still")
        if not RUN_ID.fullmatch(path.name):
            return None
        return self._complete(path)

    @staticmethod
    def _complete(path: Path) -> Entry:
        """Headline of a run, without validating all of it: a list of thousands must be quick."""
        try:
            raw = json.loads((path / DOCUMENT).read_bytes())
            model = (raw["question"]["config"].get("model") or {}).get("name")
            return Entry(id=path.name, path=path, state="complete", verdict=str(raw["verdict"]),
                         started=str(raw["run"]["started"]), model=model)  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"its {DOCUMENT} cannot be read ({type(error).__name__})"
            return Entry(id=path.name, path=path, state="damaged", reason=reason)
