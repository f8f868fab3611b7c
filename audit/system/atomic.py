"""Writing a file so that a reader finds the old one or the new one, never half of one.

The bytes go to a temporary file in the same folder, are forced to disk, and take the name in one step. Nothing
here decides what is written or where.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path

from audit.errors import StoreError, printable

SHOWN_PATH = 300
MENDS = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.EACCES: "permission denied; choose a folder that you may write to",
    errno.EPERM: "permission denied; choose a folder that you may write to",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENOENT: "its folder does not exist; create it first",
    errno.ENOTDIR: "a part of its path is not a folder; choose another path",
    errno.EISDIR: "a folder has that name; choose another name",
    errno.ELOOP: "its links lead in a circle; choose another path",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}

NO_FILE = "it is a device or a pipe; name a file"


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, atomically; line ends are written as they stand.

    Raises
    ------
    StoreError
        When the file cannot be written, or the text has no UTF-8 form. The old file is then still there.
    """
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise StoreError(
            f"cannot write {_quote_path(path)}: character {error.start} of the text is half of a surrogate "
            "pair, which UTF-8 cannot encode; correct the text"
        ) from error
    write_bytes(path, data)


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes atomically, with the permissions that the umask gives a new file.

    Raises
    ------
    StoreError
        When the file cannot be written. The old file is then still there, and no temporary one is left.
    """
    path = Path(path)
    spare = path.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        if not is_replaceable(path):
            raise StoreError(f"cannot write {_quote_path(path)}: {NO_FILE}")
        _write_new(spare, data)
        spare.replace(path)
        write_folder(path.parent)
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot write {_quote_path(path)}: {describe_failure(error)}") from error
    finally:
        _remove_quietly(spare)


def is_replaceable(path: Path) -> bool:
    """Return whether a name may be given to a new file: a device or a pipe would be gone for everybody.

    Raises
    ------
    OSError, ValueError
        When no file can have that name.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def create_text(path: Path, text: str) -> bool:
    """Write a new file, atomically; False where there is one of that name, which is then left as it is.

    Raises
    ------
    StoreError
        When the file cannot be written.
    """
    spare = path.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        _write_new(spare, text.encode("utf-8"))
        _link(spare, path)
        write_folder(path.parent)
    except FileExistsError:
        return False
    except OSError as error:
        raise StoreError(f"cannot write {_quote_path(path)}: {describe_failure(error)}") from error
    finally:
        _remove_quietly(spare)
    return True


def _write_new(path: Path, data: bytes) -> None:
    """Create a file that must not exist yet and force its bytes to disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _link(spare: Path, path: Path) -> None:
    """Give a file a name that must not be taken, in one step where the file system has links."""
    try:
        os.link(spare, path)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.ENOSYS}:
            raise
        if path.exists():
            raise FileExistsError(path) from None
        spare.replace(path)


def write_folder(folder: Path) -> None:
    """Force the new name to disk, where the file system knows how."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network and FUSE file systems cannot sync a folder; the file itself is on disk by now.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EBADF}:
            raise
    finally:
        os.close(descriptor)


def _remove_quietly(path: Path) -> None:
    """Remove a temporary file if it is still there."""
    try:
        path.unlink(missing_ok=True)
    except (OSError, ValueError):
        # The error that matters is the one already on its way; a folder that became unreadable has no other mend.
        return


def describe_failure(error: OSError | ValueError) -> str:
    """Return the cause and its mend in words."""
    if isinstance(error, OSError):
        return MENDS.get(error.errno or 0, f"{error.strerror or error}; choose another path")
    return "the path holds a null character; choose another path"


def _quote_path(path: Path) -> str:
    return f"'{printable(path, SHOWN_PATH)}'"
