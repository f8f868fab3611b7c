"""What lay where training is to leave its predictions: never taken for new, and never lost.

Nothing is removed or moved before training. The old files stay where they are, and a copy of them lies with the record
of the run while training goes on, so that one that crashes, is stopped or leaves nothing costs no predictions: what it
changed is put back, and its own halves are kept beside. Whoever kills the auditor finds the copy in what the run left.

Must not: remove or change a file that it has not written itself.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from audit.config.schema import Config
from audit.errors import QuestionError, SourceError, StoreError, TrainingError, printable
from audit.record.store import BEFORE
from audit.system.file_watch import Watch
from audit.tables.addresses import hide_secrets, is_address
from audit.tables.files import ENDINGS
from audit.tables.folders import find_parts, is_hidden

SHOWN = 160
CHUNK_BYTES = 2**20
Stamp = tuple[int, int, int, int]


def read_stamps(place: Path) -> dict[Path, Stamp]:
    """Return a file, or each of a folder, and what is another when it was written anew; none where there is nothing."""
    paths = [place] if place.is_file() else (p for p in place.rglob("*") if not is_hidden(p.name) and p.is_file())
    return {path: _read_stamp(path) for path in paths}


def require_apart(config: Config, folder: Path, store: Path | None) -> None:
    """Refuse a place of predictions that holds something else: training would write over it.

    Raises
    ------
    QuestionError
        When it is, holds, or lies in what the question reads, by any name or link, is a file that is no table, or is,
        or lies in, the store.
    """
    if config.train is None:
        return
    place, named = folder / config.train.predictions, printable(config.train.predictions, SHOWN)
    if place.is_file() and not {ending.lower() for ending in place.suffixes} & set(ENDINGS):
        raise QuestionError(
            f"[train] predictions '{named}' exists and is not a table, and training would overwrite it; name "
            f"a file that ends in one of {', '.join(ENDINGS)}"
        )
    for what, path in _read(config, folder):
        if _is_same_place(place, path):
            raise QuestionError(
                f"[train] predictions '{named}' is, or contains, what {what} reads, and training would overwrite "
                "it; name another file"
            )
    if store is not None and (_is_same_place(place, store) or _is_same_place(store, place)):
        raise QuestionError(
            f"[train] predictions '{named}' is in the store of runs ('{printable(store, SHOWN)}'), where "
            "training would overwrite records; name another file"
        )


def _read(config: Config, folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield every file that a question reads, and the key that names it."""
    yield "the audit itself (its audit.toml)", folder / "audit.toml"
    yield "the whole pipeline", folder
    named = {"[data] source": config.data.source}
    named |= {f"[data] test ('{printable(hide_secrets(source))}')": source for source in config.data.tests.values()}
    for what, source in named.items():
        for path in _find_files(source, folder):
            yield what, path
    if config.checks is not None and config.checks.suite is not None:
        yield "[checks] suite", folder / config.checks.suite


def _find_files(source: str | None, folder: Path) -> Iterator[Path]:
    """Yield files of a source, and itself; what is not there yet, or is no table, is refused where it is read."""
    if source is None or is_address(source):
        return
    yield folder / source
    with suppress(SourceError):
        yield from (part.path for part in find_parts(source, folder))


def _is_same_place(place: Path, path: Path) -> bool:
    """Return whether a file is the place, or lies in it: by name, by a link, or on a disk that tells no case."""
    for at in (path, *path.resolve().parents):
        with suppress(OSError, ValueError):
            if at.resolve() == place.resolve() or at.samefile(place):
                return True
    return False


@dataclass(frozen=True, slots=True)
class Earlier:
    """What lay in a place before training, and its copy."""

    place: Path
    link: Path | None
    """Where the place led, where it is a link."""
    stamps: Mapping[Path, Stamp]
    copies: Path
    watch: Watch

    @classmethod
    def keep(cls, place: Path, staging: Path) -> Earlier:
        """Copy what lies in a place into the folder of the run.

        Raises
        ------
        SourceError
            When it cannot be copied; nothing was trained then.
        """
        found = read_stamps(place.resolve())
        kept = cls(place, _link_or_copy(place), found, staging / BEFORE, Watch(found))
        try:
            for at, path in enumerate(kept.stamps):
                kept.copies.mkdir(exist_ok=True)
                shutil.copy2(path, kept._copy(at))
        except OSError as error:
            kept.discard()
            raise SourceError(
                f"the old '{printable(place.name, SHOWN)}' ([train] predictions) cannot be kept during training: "
                f"{error.strerror}; free space, make it readable, or move it away"
            ) from error
        return kept

    def refuse_old(self) -> None:
        """Refuse predictions of before in what training has left.

        Raises
        ------
        SourceError
            When there are none, a file was left as it was, or rows were added to it.
        """
        if not self.place.exists():
            raise make_left_none_error(self.place.name)
        for at, (path, before) in enumerate(self.stamps.items()):
            if not path.is_file():
                continue
            now = _read_stamp(path)
            # A clock that is too coarse to tell a second writing from the first is not believed: the bytes are. Neither
            # is a time that was set to another while nobody wrote.
            same = now == before or (now[:3] == before[:3] and self.watch.is_untouched(path))
            if same and _is_continuation(path, self._copy(at)):
                raise _make_untouched_error(path, self.place)
            if now[2] > before[2] and _has_rows(self._copy(at)) and _is_continuation(path, self._copy(at)):
                raise SourceError(
                    f"[train] predictions: {_name(path, self.place)} begins with the file from before training, so it "
                    "may have rows of an earlier run; let training write a new file, or move the old one away"
                )

    def put_back(self, *, failed: bool) -> tuple[Path, ...]:
        """Undo what a training that left no predictions did to those of before.

        Returns
        -------
        tuple of Path
            What it left in their place, under the names by which it is kept beside them.

        Raises
        ------
        TrainingError, StoreError
            When the disk refuses; the copies are then where they were. The first where training itself failed.
        """
        try:
            return tuple(self._put_back(f".failed-{self.copies.parent.name.strip('.').removesuffix('.part')}"))
        except OSError as error:
            kind = TrainingError if failed else StoreError
            raise kind(
                f"the predictions of before training cannot be put back: {error.strerror}; their copies are in "
                f"'{printable(self.copies, SHOWN)}'"
            ) from error

    def _put_back(self, ending: str) -> Iterator[Path]:
        if self.link is not None and _link_or_copy(self.place) != self.link:
            yield from _move_aside(self.place, ending)
            self.place.symlink_to(self.link)
        for at, (path, before) in enumerate(self.stamps.items()):
            if path.is_file() and _read_stamp(path)[:3] == before[:3] and _is_continuation(path, self._copy(at)):
                shutil.copystat(self._copy(at), path)
                continue
            above = next(folder for folder in path.parents if os.path.lexists(folder))
            if not above.is_dir():
                yield from _move_aside(above, ending)
            path.parent.mkdir(parents=True, exist_ok=True)
            spare = path.with_name(f".{path.name}{ending}")
            shutil.copy2(self._copy(at), spare)
            yield from _move_aside(path, ending)
            spare.replace(path)

    def discard(self) -> None:
        """Take the copies away, once they are not needed."""
        self.watch.close()
        shutil.rmtree(self.copies, ignore_errors=True)

    def _copy(self, at: int) -> Path:
        return self.copies / f"{at}-{list(self.stamps)[at].name[-200:]}"


def make_left_none_error(source: str) -> SourceError:
    """Return the error for a training that ended well without a table of predictions."""
    return SourceError(
        f"training finished without writing '{printable(hide_secrets(source))}' ([train] predictions); "
        "write the table of predictions there"
    )


def _make_untouched_error(old: Path, place: Path) -> SourceError:
    if place.is_dir():
        return SourceError(
            f"[train] predictions: {_name(old, place)} existed before training and was not changed by it; let "
            "training empty the folder first"
        )
    return SourceError(
        f"training finished without writing '{printable(place.name, SHOWN)}' ([train] predictions): a "
        "file of that name existed before and was not changed; write the table of predictions there"
    )


def _name(path: Path, place: Path) -> str:
    """Return a file of the predictions, from the folder in which they lie."""
    real = place.resolve()
    inside = path.relative_to(real.parent) if path.is_relative_to(real.parent) else Path(path.name)
    return printable(inside, SHOWN)


def _read_stamp(path: Path) -> Stamp:
    at = path.stat()
    return (at.st_dev, at.st_ino, at.st_size, at.st_mtime_ns)


def _link_or_copy(place: Path) -> Path | None:
    return place.readlink() if place.is_symlink() else None


def _move_aside(path: Path, ending: str) -> Iterator[Path]:
    """Give what a training left a name of its own."""
    if os.path.lexists(path):
        yield path.rename(path.with_name(f"{path.name}{ending}"))


def _is_continuation(path: Path, copy: Path) -> bool:
    """Return whether a file begins with all bytes of a copy."""
    with path.open("rb") as one, copy.open("rb") as other:
        while chunk := other.read(CHUNK_BYTES):
            if one.read(len(chunk)) != chunk:
                return False
    return True


def _has_rows(path: Path) -> bool:
    """Return whether more than one line, the header, stands in a file."""
    with path.open("rb") as file:
        file.readline()
        return bool(file.readline())
