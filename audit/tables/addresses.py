"""What an address says, and what of it may be shown: its place, and never a user, a password or a query.

Must not: ask a network.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from audit.errors import HOST, QuestionError, SourceError, printable, shown_rest, without_credentials

# A scheme of RFC 3986, of two letters at least: C:/ is a drive of Windows.
ADDRESS = re.compile(r"^([a-z][a-z0-9+.-]+):/+", re.IGNORECASE)
"""Also with one slash, as a path makes of it."""
SHOWN = 160
LOCAL = {"127.0.0.1", "localhost", "[::1]"}


def is_address(source: object) -> bool:
    """Return whether a source is an address and no path.

    >>> is_address("s3://bucket/t.parquet"), is_address("folder/t.parquet")
    (True, False)
    """
    return ADDRESS.match(str(source)) is not None


def hide_secrets(source: str | Path) -> str:
    """Return the source as it may be recorded and shown: of an address its place alone.

    >>> hide_secrets("https://me:secret@example.org/t.parquet?signature=secret")
    'https://example.org/t.parquet'
    >>> hide_secrets("https://me:sec/ret@example.org/t.parquet")
    'https://…'
    """
    if is_address(source):
        return Address.read(source).plain
    return without_credentials(os.fspath(source))


def strip_place(source: str | Path) -> str:
    """Return a source by its file alone, or by its pattern: the folder or host it lies in is private.

    >>> strip_place("/home/ada/merger/t.csv"), strip_place("/home/ada/*/t.csv"), strip_place("s3://merger/t.csv?key=secret")
    ('t.csv', '*/t.csv', 't.csv')
    """
    parts = [part for part in re.split(r"[\\/]", hide_secrets(source)) if part]
    wild = next((at for at, part in enumerate(parts) if re.search(r"[*?\[]", part)), len(parts) - 1)
    return "/".join(parts[wild:]) or os.fspath(source)[:1]


def resolve_from(source: str | Path, folder: Path) -> str:
    """Return the source as a file in a folder says it.

    Raises
    ------
    QuestionError
        When it is an address that carries more than its place, which may be a secret.
    """
    if not is_address(source):
        return os.path.relpath(source, folder)
    address = Address.read(source)
    if address.place != address.plain:
        raise QuestionError(
            f"{address.title} is given with a query or user, which may be a secret, so it is not written to a "
            "file; write the file yourself, or use an address without it"
        )
    return address.place


def is_local(host: str) -> bool:
    """Return whether a host, with or without a port, is this machine."""
    return re.sub(r":\d+$", "", host) in LOCAL


@dataclass(frozen=True, slots=True)
class Address:
    """An address in its parts."""

    place: str = field(repr=False)
    """All of it, for DuckDB alone."""
    scheme: str
    host: str
    path: str
    user: bool
    query: bool

    @classmethod
    def read(cls, source: str | Path) -> Address:
        """Return parts of an address.

        Raises
        ------
        SourceError
            When it is none.
        """
        text = ADDRESS.sub(lambda found: f"{found[1].lower()}://", os.fspath(source))
        try:
            parts = urlsplit(text)
        except ValueError:
            raise SourceError("the address cannot be parsed; correct its host") from None
        host = parts.netloc.rpartition("@")[2]
        # A password with a slash in it makes a host of its first half.
        user = "@" in parts.netloc or HOST.fullmatch(host) is None
        return cls(text, parts.scheme, host, parts.path, user=user, query=bool(parts.query or parts.fragment))

    @property
    def plain(self) -> str:
        """Its place alone."""
        return f"{self.scheme}://{shown_rest(self.place.partition('://')[2], query=False)}"

    @property
    def title(self) -> str:
        """Its place alone, fit for a message."""
        return printable(self.plain, SHOWN)

    def before(self, wild: re.Pattern[str]) -> str:
        """Return the folder from which a pattern is read, with its slash."""
        found = wild.search(self.path)
        fixed = self.path[: found.start()] if found else self.path
        return f"{self.scheme}://{self.host}{fixed.rpartition('/')[0]}/"
