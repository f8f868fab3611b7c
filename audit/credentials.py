"""What of a text may let somebody in: users and passwords of addresses, queries that sign, settings called a password.

Which part of an address is a secret cannot always be told: a password with a slash in it makes a host of its first
half. What cannot be told apart is left out whole, and an ellipsis stands in its place.

Must not: change a text that holds nothing of this kind.
"""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "…"
SCHEME = re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]+):/+")
"""How an address begins; also with one slash, as a path makes of it. One letter alone is a drive."""
WORD = re.compile(r"[^\s'\"<>`]*")
HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]*\]|[^\s:=;(),&\[\]\\]*)(?::\d+)?")
"""A host, perhaps with a port; nothing else that stands where one should is shown."""
CUT = re.compile(r"[/?#]")
"""Where the host of an address ends."""
NESTED = re.compile(r"(?<![\w/:.])((?!mailto:)[A-Za-z][\w+.-]*):[^\s'\"/@][^\s'\"@]*@[^\s'\",;]*")
"""A user and a password, or an address of a database driver, that no slash announces."""
SETTING = re.compile(
    r"(?<![\w-])((?:\w*_)?(?:password|passwd|passphrase|pwd|secret|api_?key))\s*=\s*"
    r"(?:'[^']*'|\"[^\"]*\"|[^\s&;,'\")]+)",
    re.IGNORECASE,
)
OPEN_KEYS = frozenset(
    ("id", "ids", "type", "format", "version", "v", "lang", "page", "doi", "persistentid", "record", "dataset", "data",
     "name", "ref", "rev", "revision", "download", "file", "path", "sort", "order", "limit", "offset", "q", "query",
     "search")
)  # fmt: skip
"""Names in a query that catalogues find a dataset by; a value under any other may let somebody in."""
OPEN_VALUE = re.compile(r"(?:[^@;=%]|%(?!40|3[ABDabd])){0,100}")


def without_credentials(text: str) -> str:
    """A text with every address in it as it may be shown to anybody.

    >>> without_credentials("jdbc:postgresql://ada:tulip@db.example.org/t?password=tulip")
    'jdbc:postgresql://db.example.org/t'
    >>> without_credentials("see https://openml.org/search?type=data&id=1590")
    'see https://openml.org/search?type=data&id=1590'
    """
    said, at = [], 0
    for found in SCHEME.finditer(text):
        if found.start() < at:
            continue
        end = _end(text, found.end())
        address = text[found.start() : end]
        rest = address[len(found[0]) :].rstrip(".,:;!")
        tail = address[len(found[0]) + len(rest) :]
        said += [_plain(text[at : found.start()]), found[0], shown_rest(rest, query=True), tail]
        at = end
    return "".join([*said, _plain(text[at:])])


def shown_rest(rest: str, *, query: bool) -> str:
    """What follows ``scheme://`` as it may be shown: host and path, and a query only where nothing in it lets in.

    Parameters
    ----------
    query
        Whether a harmless query is kept.
    """
    cut = CUT.search(rest)
    netloc, tail = (rest, "") if cut is None else (rest[: cut.start()], rest[cut.start() :])
    user, _, host = netloc.rpartition("@")
    ported = host.startswith("[") or ":" in host
    if HOST.fullmatch(host) is None or (ported and "@" in tail):
        return HIDDEN
    path = re.split(r"[?#]", tail, maxsplit=1)[0]
    path = re.sub(r";[^/]*", "", path)
    asked = re.search(r"\?([^#]*)", tail)
    kept = asked is not None and query and not user and tail.startswith(f"{path}?") and _is_open(asked[1])
    return f"{host}{path}?{asked[1]}" if kept and asked is not None else f"{host}{path}"


def _is_open(query: str) -> bool:
    """Whether all values of a query stand under names that nobody keeps a secret under."""
    parts = [part.partition("=") for part in query.split("&") if part]
    return all(name.lower() in OPEN_KEYS and OPEN_VALUE.fullmatch(value) for name, _, value in parts)


def _end(text: str, start: int) -> int:
    """Where an address ends: with its word, or, where a password has blanks or quotes in it, after the last ``@``."""
    word = WORD.match(text, start)
    end = start if word is None else word.end()
    if HOST.fullmatch(CUT.split(text[start:end], maxsplit=1)[0].rpartition("@")[2]):
        return end
    following = SCHEME.search(text, end)
    last = text.rfind("@", start, len(text) if following is None else following.start())
    word = WORD.match(text, last + 1)
    return end if last < end or word is None else word.end()


def _plain(text: str) -> str:
    """A text between addresses, without what stands there as a password."""
    if "@" in text:
        text = NESTED.sub(rf"\1:{HIDDEN}", text)
    return SETTING.sub(rf"\1={HIDDEN}", text) if "=" in text else text
