"""What a file is by its first bytes. It only names things; nothing here opens or unpacks them."""

from __future__ import annotations

import re

GZIP = b"\x1f\x8b"
SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "a Parquet file"),
    (b"PARE", "an encrypted Parquet file; write it without encryption for the audit (it is never decrypted here)"),
    (b"ARROW1", "an Arrow file"),
    (b"\xff\xff\xff\xff", "an Arrow file"),
    (b"FEA1", "a Feather file of version 1; write it as version 2 (pyarrow.feather does)"),
    (GZIP, "gzip"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook; export the sheet as CSV (UTF-8)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook; export the sheet as CSV (UTF-8)"),
    (b"BZh", "bzip2; unpack it first"),
    (b"\xfd7zXZ", "xz; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "zstd; unpack it first"),
    (b"\x04\x22\x4d\x18", "lz4; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"Rar!", "a rar archive; unpack it first"),
    (b"\x93NUMPY", "a NumPy array; write it as Parquet with named columns"),
    (b"\x89HDF", "an HDF5 file; write the table as Parquet"),
    (b"SQLite format 3\0", "an SQLite database; export the table as CSV or Parquet"),
    (b"Obj\x01", "an Avro file; write it as Parquet"),
    (b"ORC", "an ORC file; write it as Parquet"),
    (b"RDX", "an R workspace; write the table as CSV or Parquet"),
    (b"$FL2", "an SPSS file; export it as CSV"),
    (b"<stata_dta>", "a Stata file; export it as CSV"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"version https://git-lfs", "a Git LFS pointer, not the data; run `git lfs pull` first"),
)
MARKUP = re.compile(rb"\s*(?:<!doctype|<html|<head|<\?xml|<svg)", re.IGNORECASE)
JSON = re.compile(rb'\s*(?:\{\s*"|\{\s*\}|\[\s*[\[{])')
PICKLE = re.compile(rb"\x80[\x02-\x05]|(?:c(?:os|posix|nt|builtins|__builtin__|subprocess|sys)\n)")
OLD_ORC_NEEDS = 3


def is_gzip(head: bytes) -> bool:
    """Whether bytes begin a gzip file."""
    return head.startswith(GZIP)


def content_of(head: bytes) -> str | None:
    """Name of what bytes begin, with its mend; None for plain text and for anything unknown.

    >>> content_of(b"PAR1")
    'a Parquet file'
    """
    if PICKLE.match(head):
        return "a pickle, which can run code when it is loaded; write the table as Parquet or CSV"
    if head[257:262] == b"ustar":
        return "a tar archive; unpack it first"
    for signature, what in SIGNATURES:
        if head.startswith(signature):
            return what
    if MARKUP.match(head.removeprefix(b"\xef\xbb\xbf")):
        return "a web page or XML (HTML); the download may have failed, fetch the table itself"
    return None


def is_json(head: bytes) -> bool:
    """Whether text begins as JSON does."""
    return JSON.match(head.removeprefix(b"\xef\xbb\xbf")) is not None
