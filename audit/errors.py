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
from collections.abc import Iterable
from typing import Any

from audit.credentials import without_credentials

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


def printable(text: object, limit: int = 80) -> str:
    """Text that is safe on any terminal or page: control and bidi characters escaped, length bounded.

    Parameters
    ----------
    text
        Anything; it is read through ``str``.
    limit
        Most characters kept; a longer text ends in an ellipsis.
    """
    raw = str(text)
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in raw[: limit + 1])
    if raw.strip() == "":
        return "(empty)" if raw == "" else f"(blank: {len(raw)} characters)"
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def no_such(kind: str, name: object, choices: Iterable[object]) -> str:
    """Sentence for a name that does not exist, with the nearest name that does."""
    known = [str(c) for c in choices]
    start = f"no {kind} '{printable(name)}'"
    near = difflib.get_close_matches(str(name).casefold(), [k.casefold() for k in known], n=1, cutoff=0.5)
    if near:
        match = next(k for k in known if k.casefold() == near[0])
        return f"{start}; did you mean '{printable(match)}'?"
    listed = ", ".join(_listed(k) for k in known[:SHOWN_CHOICES]) or "none"
    more = f", … ({len(known)} in all)" if len(known) > SHOWN_CHOICES else ""
    return f"{start}; there is {listed}{more}"


def _listed(name: str) -> str:
    """A name among others; in quotes where blanks at its ends would not be seen."""
    return printable(name) if name == name.strip() else f"'{printable(name)}'"


def words_of(error: BaseException, limit: int = 200) -> str:
    """An error as one short line: its words, after its kind where it is not one of ours."""
    kind = "" if isinstance(error, AuditError) else f"{type(error).__name__}: "
    return printable(f"{kind}{error}", limit)
