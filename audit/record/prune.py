"""Clearing a store: what runs left that did not end, and old runs by rule; each is named, and why.

Must not: remove what goes on still, what cannot be rebuilt (predictions of before a training), or anything that is no
run of the store.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from audit.errors import StoreError, printable
from audit.record.held import find_run_id, is_held
from audit.record.store import BEFORE, Store


@dataclass(frozen=True, slots=True)
class Pruned:
    """What became of one run, in words."""

    id: str
    path: Path
    removed: bool
    why: str


def prune(
    store: Store, *, keep: int | None = None, older_than: dt.timedelta | None = None, dry: bool = False
) -> Iterator[Pruned]:
    """Remove what did not end, and runs that all given rules let go.

    Parameters
    ----------
    keep
        Runs that stay, counted from the one published last.
    older_than
        Age from which a run may go.
    dry
        Say it alone.

    Raises
    ------
    StoreError
        When the disk refuses; what was removed until then is gone.
    """
    now, whole = dt.datetime.now(dt.UTC), 0
    for folder in store.folders():
        if folder.name.startswith("."):
            yield _remove_unfinished(folder, dry=dry)
            continue
        whole += 1
        reasons = []
        if keep is not None:
            reasons += [f"not among the latest {keep:,}"] if whole > keep else [""]
        if older_than is not None:
            age = now - _read_start(folder)
            reasons += [f"{age.days:,} days old"] if age > older_than else [""]
        if reasons and all(reasons):
            _remove(folder, store, dry=dry)
            yield Pruned(folder.name, folder, removed=True, why=" and ".join(reasons))


def _remove_unfinished(folder: Path, *, dry: bool) -> Pruned:
    """Remove what a run left that did not end; one that goes on stays."""
    if (folder / BEFORE).exists():
        why = f"it holds the predictions from before its training, perhaps the only copy; move them from {folder}"
        return Pruned(find_run_id(folder), folder, removed=False, why=why)
    held = is_held(folder)
    if held or held is None:
        why = "it is still running" if held else "it may still be running (this disk cannot show it); remove it by hand"
        return Pruned(find_run_id(folder), folder, removed=False, why=why)
    _delete(folder, dry=dry)
    return Pruned(find_run_id(folder), folder, removed=True, why="it has no result")


def _remove(folder: Path, store: Store, *, dry: bool) -> None:
    """Remove a published run, under another name first, so that no list of the store shows half of it."""
    if dry:
        return
    aside = store.folder / f".{folder.name}.part"
    try:
        folder.rename(aside)
    except OSError as error:
        raise _make_error(folder, error) from error
    _delete(aside, dry=False)


def _delete(folder: Path, *, dry: bool) -> None:
    if dry:
        return
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise _make_error(folder, error) from error


def _make_error(folder: Path, error: OSError) -> StoreError:
    return StoreError(f"'{printable(folder, 200)}' cannot be removed: {error.strerror}; correct its permissions")


def _read_start(folder: Path) -> dt.datetime:
    return dt.datetime.strptime(find_run_id(folder)[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
