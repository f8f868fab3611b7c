"""A file of a table on disk: what it is, and its bytes; `audit.tables.folders` finds the files of a source.

Nothing is followed that could hang or run code: a FIFO and a pickle are refused by name.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from audit.errors import SourceError, no_such, printable
from audit.tables.formats.dialect import UNSAID, Dialect

PARQUET, ARROW, GZIP = "a Parquet file", "an Arrow file", "gzip"
BOM = b"\xef\xbb\xbf"
NO_TEXT = rb"[\x00-\x08\x0e-\x1f\x7f-\xff]"
"""Bytes that a header of columns does not hold, so that a column may be named PAR1 or ORC."""
# By the first bytes, the first that matches: encrypted Parquet (PARE) and a pickle by its protocol or, of protocol 0,
# by the module that it loads.
SIGNATURES: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern), what)
    for pattern, what in (
        (rb"PAR1" + NO_TEXT, PARQUET),
        (rb"PARE" + NO_TEXT, "an encrypted Parquet file; it is never decrypted here: write it without encryption"),
        (rb"ARROW1\0|\xff\xff\xff\xff", ARROW),
        (rb"FEA1\0", "a Feather file of version 1; write it as version 2"),
        (rb"\x1f\x8b", GZIP),
        (rb"\x80[\x02-\x05]", "a pickle, which can run code when it is loaded; write the table as Parquet or CSV"),
        (
            rb"c(?:os|posix|nt|builtins|__builtin__|subprocess|sys)\n",
            "a pickle, which can run code when it is loaded; write the table as Parquet or CSV",
        ),
        (rb"PK\x03\x04", "a zip archive or an Excel workbook; export the sheet as CSV in UTF-8"),
        (rb"PK\x05\x06", "an empty zip archive"),
        (rb"\xd0\xcf\x11\xe0", "an old Excel workbook; export the sheet as CSV in UTF-8"),
        (rb"BZh[1-9]1AY&SY", "bzip2; unpack it first"),
        (rb"\xfd7zXZ", "xz; unpack it first"),
        (rb"\x28\xb5\x2f\xfd", "zstd; unpack it first"),
        (rb"\x04\x22\x4d\x18", "lz4; unpack it first"),
        (rb"7z\xbc\xaf", "a 7z archive; unpack it first"),
        (rb"Rar!\x1a", "a rar archive; unpack it first"),
        (rb"(?s:.{257})ustar", "a tar archive; unpack it first"),
        (rb"\x93NUMPY", "a NumPy array; write it as Parquet with named columns"),
        (rb"\x89HDF", "an HDF5 file; write the table as Parquet"),
        (rb"SQLite format 3\0", "an SQLite database; export the table as CSV or Parquet"),
        (rb"Obj\x01", "an Avro file; write it as Parquet"),
        (rb"ORC" + NO_TEXT, "an ORC file; write it as Parquet"),
        (rb"RD[XAB][23]\n", "an R workspace; write the table as CSV or Parquet"),
        (rb"\$FL2@\(#\)", "an SPSS file; export it as CSV"),
        (rb"<stata_dta>", "a Stata file; export it as CSV"),
        (rb"%PDF-", "a PDF; name the table itself"),
        (rb"\x89PNG|\xff\xd8\xff|GIF8[79]a", "a picture; the table itself is needed"),
        (rb"\x7fELF|MZ\x90", "a program; the table itself is needed"),
        (rb"version https://git-lfs", "a Git LFS pointer, not the data; run `git lfs pull` first"),
        (
            rb"(?:\xef\xbb\xbf)?\s*(?i:<!doctype|<html|<head|<\?xml|<svg)",
            "a web page or XML (HTML); the download may have failed: fetch the table itself",
        ),
    )
)
# After a mark of UTF-8 and blanks: an object with a key, an empty one, or a list of lists or objects. A header of a
# CSV does not begin so.
JSON = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:\{\s*"|\{\s*\}|\[\s*[\[{])')


Format = Literal["csv", "tsv", "parquet", "arrow", "jsonl"]
ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
TEXTS: tuple[Format, ...] = ("csv", "tsv", "jsonl")
MOST_TEXT_BYTES = 2**30
BOMB_BYTES, BOMB_RATIO = 2**27, 200
"""Text that unpacks to more bytes than this, and to this many times its packed size, is no table."""
CHUNK_BYTES = 2**22
QUESTION = "question.json"
"""What a folder of counts says that it answers; see `audit.counting.parts`."""
HEAD_BYTES = 512
SHOWN_PATH = 160


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a source, as it was when it was opened."""

    path: Path
    shown: str
    format: Format
    packed: bool
    stamp: tuple[int, ...]
    keys: tuple[tuple[str, str | None], ...] = ()
    """What the ``key=value`` folders above it say: columns of the table, None for a missing value."""
    base: Path | None = None
    """Folder in which the first of these folders lies."""
    dialect: Dialect = UNSAID
    """How it is written, where it is a CSV."""

    def has_changed(self) -> bool:
        """Return whether the file is another one now."""
        try:
            return _make_stamp(self.path.stat()) != self.stamp
        except OSError:
            return True


def is_counts(path: Path) -> bool:
    """Return whether a path is a folder of counts; what cannot be a path at all is none."""
    try:
        return (path / QUESTION).is_file()
    except (OSError, ValueError):
        return False


def look(path: Path, shown: str) -> Part:
    """Refuse whatever is not a regular file of a known format, before a byte of it is read as data."""
    found = _read_stat(path, shown)
    if not stat.S_ISREG(found.st_mode):
        raise SourceError(
            f"{shown} is not a regular file but {_describe_device(found.st_mode)}; copy the rows to a file first"
        )
    if found.st_size == 0:
        raise SourceError(f"{shown} is empty (0 bytes); write the table again")
    head = _read_head(path, shown)
    given, packed = _read_ending(path, shown, head)
    _refuse_content(head, given, shown, packed=packed)
    return Part(path, shown, given, packed, _make_stamp(found))


def _read_stat(path: Path, shown: str) -> os.stat_result:
    try:
        return path.stat()
    except FileNotFoundError:
        raise SourceError(_describe_missing(path, shown)) from None
    except NotADirectoryError:
        raise SourceError(f"{shown} does not exist; a part of the path is a file, not a folder") from None
    except OSError as error:
        raise SourceError(f"{shown} cannot be opened: {error.strerror}; check the path and its links") from None


def _describe_missing(path: Path, shown: str) -> str:
    if path.is_symlink():
        return f"{shown} is a link to a file that does not exist; correct the link, or name the file itself"
    try:
        beside = sorted(p.name for p in path.parent.iterdir() if p.is_file() and p.suffix.lower() in {*ENDINGS, ".gz"})
    except FileNotFoundError:
        return f"no file {shown}, and its folder does not exist; correct the path"
    except OSError as error:
        return f"{shown} cannot be opened: {error.strerror}; check the path"
    if not beside:
        return f"no such file: {shown}; its folder has no tables; correct the path"
    return no_such("file", path.name, beside).replace("; available: ", "; files here: ")


def _describe_device(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a FIFO (pipe)"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def _make_stamp(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _read_head(path: Path, shown: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise make_unopened_error(shown, error) from None


def make_unopened_error(shown: str, error: OSError) -> SourceError:
    """Return the error for a file that the system does not let us read."""
    mend = "; make it readable for this user" if isinstance(error, PermissionError) else ""
    return SourceError(f"{shown} cannot be read: {error.strerror or 'input error'}{mend}")


def _read_ending(path: Path, shown: str, head: bytes) -> tuple[Format, bool]:
    """Return the format by the file's ending, and whether it is packed with gzip."""
    name = path.name.lower()
    packed = name.endswith(".gz")
    ending = Path(name.removesuffix(".gz")).suffix
    given = ENDINGS.get(ending)
    if given is None:
        content = _describe_content(head)
        if content is not None and content not in {PARQUET, ARROW, GZIP}:
            raise SourceError(f"{shown} is {content}")
        what = f" and holds {content}" if content else ""
        known = ", ".join(ENDINGS)
        ends = f"ends in '{printable(ending)}'" if ending else "has no ending"
        raise SourceError(f"{shown} {ends}{what}; supported: {known}; text formats also with .gz")
    if packed and given not in TEXTS:
        raise SourceError(
            f"{shown} is compressed with gzip, which is supported for csv, tsv and jsonl only; decompress it"
        )
    return given, packed


def _refuse_content(head: bytes, given: Format, shown: str, *, packed: bool) -> None:
    """Refuse a file with bytes that say something else than its ending."""
    if packed and not _is_gzip(head):
        raise SourceError(f"{shown} ends in .gz but is not gzip; correct its ending")
    content = GZIP if packed else _describe_content(head)
    good = GZIP if packed else {"parquet": PARQUET, "arrow": ARROW}.get(given)
    if content is None and good is None and given != "jsonl" and _is_json(head):
        content = "JSON; name it .jsonl if it holds one object a line"
    if content == good:
        return
    if content is None:
        raise SourceError(
            f"{shown} is not {good}: its first bytes (magic) are different; correct its ending, or write it again"
        )
    mend = "" if ";" in content else "; correct its ending"
    raise SourceError(f"{shown} is not in {given} format but {content}{mend}")


def read_text(part: Part, digest: hashlib._Hash, room: int) -> bytes:
    """Return whole text of a part, unpacked, at most ``room`` bytes; the file's own bytes go into the digest.

    Raises
    ------
    SourceError
        When the text is too large to be held, or the packing is broken.
    """
    if part.path.stat().st_size > room:
        raise _make_size_error(part.shown)
    try:
        raw = _read(part)
    except OSError as error:
        raise make_unopened_error(part.shown, error) from None
    digest.update(raw)
    text = _unpack(raw, part.shown, room) if part.packed else raw
    if part.packed:
        _refuse_content(text[:HEAD_BYTES], part.format, f"{part.shown} (unpacked)", packed=False)
    return text


def _read(part: Part) -> bytes:
    """Return the file's bytes; of one that no text could be, those up to its first NUL, which the parser names."""
    with part.path.open("rb") as file:
        if not part.packed and part.path.stat().st_size > CHUNK_BYTES:
            seen = 0
            while chunk := file.read(CHUNK_BYTES):
                if 0 in chunk:
                    file.seek(0)
                    return file.read(seen + chunk.index(0) + 1)
                seen += len(chunk)
            file.seek(0)
        return file.read()


def _make_size_error(shown: str) -> SourceError:
    return SourceError(
        f"{shown} holds more than {MOST_TEXT_BYTES:,} bytes of text; write it as Parquet, which is streamed"
    )


def _unpack(raw: bytes, shown: str, room: int) -> bytes:
    """Return every member of a gzip file; sizes and checksums are verified."""
    out, size, rest = [], 0, raw
    while rest:
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            chunk, rest = _unpack_member(member, rest, shown)
            size += len(chunk)
            if size > room:
                raise _make_size_error(shown)
            if size > BOMB_BYTES and size > BOMB_RATIO * len(raw):
                raise SourceError(f"{shown} expands to more than {BOMB_RATIO} times its size; decompress it first")
            out.append(chunk)
        rest = member.unused_data.lstrip(b"\0")
    return b"".join(out)


def _unpack_member(member: zlib._Decompress, rest: bytes, shown: str) -> tuple[bytes, bytes]:
    try:
        chunk = member.decompress(rest, CHUNK_BYTES)
    except zlib.error as error:
        raise SourceError(f"{shown}: the gzip data is corrupt ({error}); compress the file again") from None
    if not chunk and not member.eof and not member.unconsumed_tail:
        raise SourceError(f"{shown}: the gzip data is truncated (it ends too early); copy the file again")
    return chunk, member.unconsumed_tail


def make_digest(parts: Sequence[Part]) -> str:
    """Return SHA-256 over the bytes of all parts, in their sorted order; where folders are columns, they are in it."""
    return make_digests(parts)[0]


def make_digests(parts: Sequence[Part]) -> tuple[str, tuple[str, ...]]:
    """Return SHA-256 over the bytes of all parts, and of each part by itself."""
    digest, each = hashlib.sha256(), []
    for part in parts:
        own = hashlib.sha256()
        if part.keys:
            digest.update(json.dumps([part.keys, part.stamp[2]]).encode() + b"\n")
        try:
            with part.path.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    digest.update(chunk)
                    if len(parts) > 1:
                        own.update(chunk)
        except OSError as error:
            raise make_unopened_error(part.shown, error) from None
        each.append(f"sha256:{(own if len(parts) > 1 else digest).hexdigest()}")
    return f"sha256:{digest.hexdigest()}", tuple(each)


# What a file is by its first bytes. It only names things; nothing here opens or unpacks them.
def _is_gzip(head: bytes) -> bool:
    """Return whether bytes begin a gzip file."""
    return head.startswith(b"\x1f\x8b")


def _describe_content(head: bytes) -> str | None:
    r"""Return the name of what bytes begin, with its mend; None for plain text and for anything unknown.

    >>> _describe_content(b"PAR1\x15")
    'a Parquet file'
    """
    return next((what for pattern, what in SIGNATURES if pattern.match(head)), None)


def _is_json(head: bytes) -> bool:
    """Return whether text begins as JSON does."""
    return JSON.match(head) is not None
