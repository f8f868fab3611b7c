"""Whether files are written to while somebody watches: a new time of change alone says nothing of that.

The kernel tells (inotify), where there is one that does; elsewhere, and on disks of other machines, it cannot be known.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

MODIFIED, OVERFLOWED = 0x2, 0x4000
"""IN_MODIFY, which a file that is emptied gets too, and IN_Q_OVERFLOW of ``sys/inotify.h``."""
HEADER = struct.Struct("iIII")
CHUNK_BYTES = 2**16
SHARED = frozenset({0x6969, 0x517B, 0xFF534D42, 0xFE534D42, 0x01021997, 0x65735546, 0x47504653, 0x00C36400})
"""Magic numbers of NFS, SMB, 9P, FUSE, GPFS and Ceph: what another machine writes there is not told."""
OVERLAY = 0x794C7630


class Watch:
    """A look at some files, from the moment it is made until it is closed."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._descriptor = -1
        self._names: dict[int, Path] = {}
        self._written: set[Path] = set()
        self._blind = False
        if sys.platform == "linux":
            self._begin(list(paths))

    def is_untouched(self, path: Path) -> bool:
        """Return whether no byte of a file can have been written; False where that cannot be known."""
        self._read()
        return not self._blind and path in self._names.values() and path not in self._written

    def close(self) -> None:
        """Stop watching."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()

    def _begin(self, paths: list[Path]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        try:
            self._descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except AttributeError:
            return
        for path in paths if self._descriptor >= 0 else ():
            if not _is_told(libc, path):
                continue
            wanted = libc.inotify_add_watch(self._descriptor, os.fsencode(path), MODIFIED)
            # Two names of one file have one number: what is written under either is written to both.
            if wanted >= 0 and wanted not in self._names:
                self._names[wanted] = path

    def _read(self) -> None:
        while self._descriptor >= 0:
            try:
                told = os.read(self._descriptor, CHUNK_BYTES)
            except BlockingIOError:
                return
            at = 0
            while at < len(told):
                number, mask, _, length = HEADER.unpack_from(told, at)
                at += HEADER.size + length
                self._blind = self._blind or bool(mask & OVERFLOWED)
                if mask & MODIFIED and number in self._names:
                    self._written.add(self._names[number])


def _is_told(libc: ctypes.CDLL, path: Path) -> bool:
    """Return whether the kernel sees all that is written to a file."""
    buffer = ctypes.create_string_buffer(512)
    if libc.statfs(os.fsencode(path), buffer) != 0:
        return False
    magic = ctypes.c_ulong.from_buffer(buffer).value & 0xFFFFFFFF
    return magic not in SHARED and (magic != OVERLAY or _is_upper(path))


def _is_upper(path: Path) -> bool:
    """Return whether a file lies in the container's own layer, where one of its image goes when written to."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
