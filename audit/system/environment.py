"""What a run finds around it and tells those inside it: variables, where runs and shipped files lie, its streams."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sys
from pathlib import Path
from typing import Final, Literal, NoReturn, TextIO

from audit.errors import AuditError, printable

KEPT = "\n\t"
BIDI = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)
CODES = {
    code: f"\\x{code:02x}"
    for code in (*range(0x20), *range(0x7F, 0xA0), *BIDI, 0x2028, 0x2029)
    if chr(code) not in KEPT
}
"""What moves, colours or turns round what stands beside it, and what is shown in its place."""
IN_JSON = {code: f"\\u{code:04x}" for code in CODES if code >= 0x7F}
"""The same for a document, in which those below are escaped already."""


PACKAGE = Path(__file__).resolve().parents[1]
PLACES = (PACKAGE / "_assets", PACKAGE.parent)
"""Where shipped files lie. The wheel first; a checkout has no ``_assets``."""
RUN: Final = "EVENHAND_RUN"
"""Folder of the run that is going on; what trains inside it may add to what is kept there."""
STORE: Final = "EVENHAND_STORE"
"""Folder that keeps every run."""
DEFAULT_STORE: Final = "audit-runs"

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ended: 128 + SIGINT, as in any shell."""


def today() -> dt.date:
    """Return the present day in UTC, by which waivers end and verdicts are given everywhere."""
    return dt.datetime.now(dt.UTC).date()


def find_asset(relative: str) -> Path:
    """Return the path of a shipped file or folder, such as ``reports/templates``.

    Raises
    ------
    AuditError
        When neither the wheel nor the checkout has it, or the path leads out of both.
    """
    for place in PLACES:
        path = place / relative
        if path.exists() and path.resolve().is_relative_to(place):
            return path
    raise AuditError(f"no shipped file '{printable(relative)}': the installation is incomplete; reinstall evenhand")


# Continuous integration that the command runs in, as its own variables say it.
def find_ci() -> Literal["github", "gitlab"] | None:
    """Return which CI this process runs in; None where it runs in none that is known.

    Sources: "Variables reference" of GitHub Actions, "Predefined CI/CD variables reference" of GitLab.
    """
    if os.environ.get("GITHUB_ACTIONS") == "true":
        return "github"
    return "gitlab" if os.environ.get("GITLAB_CI") == "true" else None


def find_checkout() -> Path:
    """Return the root of the checkout: the folder that a CI names, if this one lies in it, or this one."""
    here = Path.cwd()
    for variable in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        if (named := os.environ.get(variable)) and here.is_relative_to(root := Path(named).resolve()):
            return root
    return here


# Our own standard output and standard error: what they hold back, and texts that command no terminal.
def hand_on_output() -> None:
    """Hand on what is held; a stream that is closed, full or gone is left as it is."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()


def leave_interrupted() -> NoReturn:
    """End the process with the exit code of an interrupt.

    Where the interrupt broke into text that Python executes, as the making of a dataclass, Python ends by the signal
    whatever exit code is asked for (``exit_sigint`` in Modules/main.c, bpo-1054041).
    """
    hand_on_output()
    os._exit(INTERRUPTED)


def is_lost(stream: TextIO) -> bool:
    """Return whether something could not be written to a stream before, as the command line's own streams remember."""
    return getattr(getattr(getattr(stream, "buffer", None), "raw", None), "lost", None) is not None


# Characters that command a terminal, and texts without them: what a document or a name holds never moves a cursor.
def escape_controls(text: str) -> str:
    """Return text with every control character as its code, line ends and tabs excepted."""
    return text.translate(CODES)


def escape_document(text: str) -> str:
    """Return the JSON that says the same and commands no terminal either."""
    return text.translate(IN_JSON)
