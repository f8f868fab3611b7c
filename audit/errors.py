"""Everything that can be wrong, as one tree.

::

    AuditError                 base of all; carries the exit code of the command
    ├── InputError             exit 2: something the user gave cannot be used; nothing was judged
    │   ├── SourceError        a file, table or column cannot be read as it stands
    │   ├── QuestionError      audit.toml or an argument asks for something impossible
    │   ├── MissingExtraError  a framework is not installed; an ImportError too
    │   └── ValuesError        the values themselves: labels, groups, weights, scores
    ├── StoreError             exit 2: the store or a result in it cannot be read or written
    ├── DataRefusedError          exit 1: a gate on the data fails, so that nothing is trained; carries the result
    └── TrainingError          exit 5: the training command itself failed

A message names the offender first, then the nearest valid choice, then the mend. It is one line. Messages stand in
terminals and logs that others read, so no address in them carries a user, a password or a query that signs.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any, Final

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


SHOWN_CHOICES = 8


class AuditError(Exception):
    """Base of every error this package raises on purpose."""

    exit_code = 4

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*(without_credentials(said) if isinstance(said, str) else said for said in arguments))


class InputError(AuditError):
    """Something the user gave cannot be used; nothing was judged."""

    exit_code = 2


class SourceError(InputError):
    """A file, table or column cannot be read as it stands."""


class QuestionError(InputError):
    """The configuration or an argument asks for something impossible."""


class MissingExtraError(InputError, ImportError):
    """A framework that this part of the package adapts to is not installed, or cannot be imported."""

    def __init__(self, module: str, extra: str, error: ImportError) -> None:
        super().__init__(f"{module} cannot be used ({printable(error, 160)}); pip install 'evenhand[{extra}]'")


class ValuesError(InputError):
    """Labels, predictions, groups, weights or scores that have no honest reading."""


class StoreError(AuditError):
    """The store, or a result in it, cannot be read or written."""

    exit_code = 2


class UndecidedWarning(UserWarning):
    """A training starts although a gate on the data is undecided, which the policy does not let pass."""


class DataRefusedError(AuditError):
    """A gate on the data, or on its checks, fails; nothing was trained.

    Attributes
    ----------
    result : AuditResult
        The audit that says why.
    """

    exit_code = 1

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result


class TrainingError(AuditError):
    """The training command failed; its own exit code is in the result."""

    exit_code = 5


LONGEST, LONGEST_PATH = 80, 400
"""Characters of a name, and of a path: its end says which file is meant."""


def printable(text: object, limit: int | None = None) -> str:
    """Text that is safe on any terminal or page: control and bidi characters escaped, length bounded.

    Parameters
    ----------
    text
        Anything; it is read through ``str``.
    limit
        Most characters kept (default 80, or 400 of a path); a longer text ends in an ellipsis.
    """
    if limit is None:
        limit = LONGEST_PATH if isinstance(text, PurePath) else LONGEST
    raw = str(text)
    shown = raw[: limit + 1]
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in shown)
    if raw.strip() == "":
        if raw == "":
            return "(empty)"
        return f"(blank: {len(raw)} characters)"
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def capitalise(text: str) -> str:
    """Return a text that begins with a capital; never of a group's name, which stays as it is.

    >>> capitalise("the whole of Asia")
    'The whole of Asia'
    """
    return text[:1].upper() + text[1:]


def no_such(kind: str, name: object, choices: Iterable[object]) -> str:
    """Sentence for a name that does not exist, with the nearest name that does."""
    return suggest(f"no {kind} '{printable(name)}'", name, choices)


def suggest(start: str, name: object, choices: Iterable[object]) -> str:
    """Sentence that begins by saying which name does not exist, with the nearest name that does."""
    known = [str(c) for c in choices]
    near = difflib.get_close_matches(str(name).casefold(), [k.casefold() for k in known], n=1, cutoff=0.5)
    if near:
        match = next(k for k in known if k.casefold() == near[0])
        return f"{start}; did you mean '{printable(match)}'?"
    listed = ", ".join(_listed(k) for k in known[:SHOWN_CHOICES]) or "none"
    more = f", … ({len(known)} in all)" if len(known) > SHOWN_CHOICES else ""
    return f"{start}; available: {listed}{more}"


def _listed(name: str) -> str:
    """A name among others; in quotes where blanks at its ends would not be seen."""
    if name == name.strip():
        return printable(name)
    return f"'{printable(name)}'"


def words_of(error: BaseException, limit: int = 200) -> str:
    """An error as one short line: its words, after its kind where it is not one of ours."""
    kind = "" if isinstance(error, AuditError) else f"{type(error).__name__}: "
    return printable(f"{kind}{error}", limit)


# What of a text may let somebody in: users and passwords of addresses, queries that sign, settings called a password.
#
# Which part of an address is a secret cannot always be told: a password with a slash in it makes a host of its first
# half. What cannot be told apart is left out whole, and an ellipsis stands in its place.
#
# Must not: change a text that holds nothing of this kind.
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
    if kept and asked is not None:
        return f"{host}{path}?{asked[1]}"
    return f"{host}{path}"


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
