"""The store: one folder a run, whole or not there.

A run is written beside its place and renamed into it, so a reader never sees half a run. What a killed run leaves is a
folder whose name begins with a dot and ends in ``.part``; it is listed as incomplete, and the energy that was recorded
lies in it.

Must not: know what a result means; it keeps documents and reads their first lines.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import secrets
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import StoreError, no_such, printable
from audit.record import held
from audit.record.held import STAGING, UNFINISHED, Unfinished, find_run_id, read_unfinished
from audit.record.result import DOCUMENT, RUN_ID, AuditResult
from audit.system.atomic import write_folder, write_text

if TYPE_CHECKING:
    from audit.record.heads import Entry


ORDER_FILE = ".order"
LARGEST_ORDER_BYTES = 2**28


# Names that mean the same file on every system and lead into no other folder.
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
BEFORE = "predictions-before-training"
"""Copies of the predictions that lay there before training, in the folder of a run while training goes on."""
LATEST = "latest"


class Store:
    """Folder of runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def new_run_id(self) -> str:
        """Return an identifier that sorts by time and that no two runs share."""
        return f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"

    def begin(self, run_id: str) -> Path:
        """Begin a run and return the folder for what it writes while it goes on.

        Raises
        ------
        StoreError
            When the disk refuses, or a run of that id has begun already.
        """
        staging = self._staging(run_id)
        try:
            if not self.folder.is_dir():
                self.folder.mkdir(parents=True, exist_ok=True)
                write_folder(self.folder.parent)
            staging.mkdir()
        except OSError as error:
            if isinstance(error, FileExistsError) and staging.exists():
                raise StoreError(f"run '{run_id}' already exists in '{self._place}'; use a new id") from error
            raise StoreError(
                f"the store '{self._place}' cannot be written: {error.strerror}; name another with --store"
            ) from error
        held.hold(staging)
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
            raise StoreError(f"'{printable(wrong)}' is not a plain file name; a run has files such as {DOCUMENT}")
        if os.path.lexists(final):
            raise StoreError(f"run '{run_id}' exists and is not overwritten; use a new id")
        if not staging.is_dir():
            self.begin(run_id)
        for name, text in files.items():
            write_text(staging / name, text)
        try:
            note_published(self.folder, run_id, (p.name for p in self.folder.iterdir() if RUN_ID.fullmatch(p.name)))
            staging.rename(final)
            write_folder(self.folder)
        except OSError as error:
            raise StoreError(
                f"run '{run_id}' cannot be published in '{self._place}': {error.strerror}; it was left in "
                f"'{staging.name}'"
            ) from error
        held.let_go(staging)
        return final

    def find_unfinished(self, name: str) -> Path | None:
        """Find the folder of the one run of that id, or start of an id, that did not end, or None."""
        found = [p for p in self.folders() if name and name != LATEST and find_run_id(p).startswith(name)]
        if len(found) == 1 and found[0].name.startswith("."):
            return found[0]
        return None

    def runs(self, most: int | None = None) -> tuple[Entry, ...]:
        """Return every run, or the newest ``most``, newest first; damaged and incomplete ones are named as such."""
        from audit.record.heads import make_unfinished_entry, read_entry

        return tuple(
            read_entry(p) if not p.name.startswith(".") else make_unfinished_entry(p) for p in self.folders()[:most]
        )

    def passed_over(self) -> tuple[str, ...]:
        """Return the names of what holds a document and is no run of this store: folders of other names, and links."""
        try:
            found = [p for p in self.folder.iterdir() if not p.name.startswith(".") or p.is_symlink()]
        except OSError:
            return ()
        strange = (p for p in found if not RUN_ID.fullmatch(p.name) or p.is_symlink())
        return tuple(sorted(p.name for p in strange if (p / DOCUMENT).exists()))

    def find(self, named: str) -> Path:
        """Find a document or the folder of a run, by its path, its id, the start of its id, or ``latest``.

        Raises
        ------
        StoreError
            When it is no path and names no run, or several.
        """
        path = Path(named)
        plain = path.name == named and not path.suffix and bool(self.folders())
        if named != LATEST and (os.path.lexists(path) or not plain):
            return path
        return self.path(named)

    def load(self, name: str = LATEST) -> AuditResult:
        """Load the result of a run by its id, the start of its id, or ``latest``."""
        from audit.record.reader import read_result

        return read_result(self.path(name))

    def path(self, name: str = LATEST) -> Path:
        """Return the folder of a run.

        Raises
        ------
        StoreError
            When there is none, it did not end, or the name fits several. A damaged run is never passed over for an
            older one.
        """
        matching = [
            p for p in self.folders() if name in {LATEST, find_run_id(p)} or (name and find_run_id(p).startswith(name))
        ]
        whole = [p for p in matching if not p.name.startswith(".")]
        if (name == LATEST and whole) or len(whole) == 1:
            return whole[0]
        if whole:
            raise StoreError(f"run id '{printable(name)}' matches {len(whole)} runs; add characters")
        if matching and name != LATEST:
            raise StoreError(f"run '{find_run_id(matching[0])}' is incomplete: {UNFINISHED}")
        ids = [p.name for p in self.folders() if not p.name.startswith(".")]
        if not ids:
            raise StoreError(
                f"no complete run in the store '{self._place}'; make one with audit run, or name another store "
                "with --store"
            )
        raise StoreError(no_such("run", name, ids))

    @property
    def _place(self) -> str:
        return printable(self.folder, 200)

    def _staging(self, run_id: str) -> Path:
        if not RUN_ID.fullmatch(run_id):
            raise StoreError(f"'{printable(run_id)}' is not a run id; write one such as 20261124T020512Z-1a2b3c")
        return self.folder / f".{run_id}.part"

    def folders(self) -> list[Path]:
        """Return the folders of runs, whole or not, newest first: as published, or by id where that is not noted."""
        try:
            if not os.path.lexists(self.folder):
                return []
            if self.folder.is_symlink() and not self.folder.exists():
                raise StoreError(
                    f"the store '{self._place}' is a broken link; correct it, or name another with --store"
                )
            with os.scandir(self.folder) as there:
                found = [Path(e.path) for e in there if _is_run(e.name) and e.is_dir(follow_symlinks=False)]
        except OSError as error:
            raise StoreError(
                f"the store '{self._place}' cannot be read: {error.strerror}; name another with --store"
            ) from error
        return _sort_runs(found, read_publication_order(self.folder))


def _is_run(name: str) -> bool:
    return bool(RUN_ID.fullmatch(name) or STAGING.fullmatch(name))


def _sort_runs(found: list[Path], places: Mapping[str, int]) -> list[Path]:
    """Sort runs, the last published first; one that did not end stands before the first that began earlier."""
    whole = [p for p in found if not p.name.startswith(".")]
    ordered = sorted(whole, key=lambda p: (places.get(p.name, -1), p.name), reverse=True)
    for left in sorted((p for p in found if p.name.startswith(".")), key=find_run_id):
        at = next((i for i, p in enumerate(ordered) if find_run_id(p) < find_run_id(left)), len(ordered))
        ordered.insert(at, left)
    return ordered


# In which order runs were published, so that no clock decides which is the latest.
#
# Ids tell it, until a run is published after one with a later id: a clock went back, or a long run ended after a
# short one that began later. From then on every run has a line in a file of the store. Runs without one, which were
# copied here, come before all others.
def note_published(store: Path, run_id: str, there: Iterable[str]) -> None:
    """Write down that a run is about to take its place, where its id does not tell.

    A run that never takes it is passed over when the order is read.

    Parameters
    ----------
    there
        Ids of the runs that are published.

    Raises
    ------
    OSError
        When the disk refuses, or something else has the name.
    """
    known = sorted(there)
    noted = os.path.lexists(store / ORDER_FILE)
    if not noted and (not known or run_id > known[-1]):
        return
    lines = "".join(f"\n{one}\n" for one in (*(() if noted else known), run_id))
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(store / ORDER_FILE, flags, 0o666)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileExistsError(0, f"'{ORDER_FILE}' is not a regular file")
        # One call: lines of two processes never mix. What a full disk cut off is ended by the next line.
        os.write(descriptor, lines.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_publication_order(store: Path) -> Mapping[str, int]:
    """Place of each run that was noted; the largest is the last. Of what cannot be read, none."""
    file = store / ORDER_FILE
    try:
        if not file.is_file() or file.stat().st_size > LARGEST_ORDER_BYTES:
            return {}
        lines = file.read_bytes().decode("ascii", "replace").split()
    except OSError:
        return {}
    found: dict[str, int] = {}
    for run_id in lines:
        # Two that begin the file at once both write down who is there; the first word of each counts.
        found.setdefault(run_id, len(found))
    return found


def find_unfinished(named: Path, store: Path) -> Unfinished | None:
    """Find the run that did not end, where one is meant; None where the name is that of anything else.

    Parameters
    ----------
    named
        A folder, the place where the folder of the run would lie had it ended, or an id or the start of one.
    store
        Where an id is looked for.
    """
    if named.exists():
        if named.is_dir() and STAGING.fullmatch(named.resolve().name):
            return read_unfinished(named)
        return None
    beside = named.with_name(f".{named.name}.part") if named.name else named
    if STAGING.fullmatch(beside.name) and beside.is_dir():
        return read_unfinished(beside)
    found = Store(store).find_unfinished(named.name) if named.name == str(named) else None
    return None if found is None else read_unfinished(found)
