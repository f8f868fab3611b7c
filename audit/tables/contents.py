"""What a file is by its first bytes. It only names things; nothing here opens or unpacks them."""

from __future__ import annotations

import re

PARQUET, ARROW, GZIP = "a Parquet file", "an Arrow file", "gzip"
BOM = b"\xef\xbb\xbf"
NO_TEXT = rb"[\x00-\x08\x0e-\x1f\x7f-\xff]"
"""Bytes that a header of columns does not hold, so that a column may be named PAR1 or ORC."""
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
        (rb"%PDF-", "a PDF document; the table itself is needed"),
        (rb"\x89PNG|\xff\xd8\xff|GIF8[79]a", "a picture; the table itself is needed"),
        (rb"\x7fELF|MZ\x90", "a program; the table itself is needed"),
        (rb"version https://git-lfs", "a Git LFS pointer, not the data; run `git lfs pull` first"),
        (
            rb"(?:\xef\xbb\xbf)?\s*(?i:<!doctype|<html|<head|<\?xml|<svg)",
            "a web page or XML (HTML); the download may have failed: fetch the table itself",
        ),
    )
)
JSON = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:\{\s*"|\{\s*\}|\[\s*[\[{])')


def is_gzip(head: bytes) -> bool:
    """Whether bytes begin a gzip file."""
    return head.startswith(b"\x1f\x8b")


def content_of(head: bytes) -> str | None:
    r"""Name of what bytes begin, with its mend; None for plain text and for anything unknown.

    >>> content_of(b"PAR1\x15")
    'a Parquet file'
    """
    return next((what for pattern, what in SIGNATURES if pattern.match(head)), None)


def is_json(head: bytes) -> bool:
    """Whether text begins as JSON does."""
    return JSON.match(head) is not None
