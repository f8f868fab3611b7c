"""Formats of CI reports, found in their folder: no other file names them. A format is loaded when it is written."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from audit.errors import QuestionError, no_such
from audit.report.ci import formats

if TYPE_CHECKING:
    from audit.report.ci.ci_report import Format


def list_formats() -> list[str]:
    """Return the names of all formats, in order."""
    return sorted(module.name for module in iter_modules(formats.__path__))


def load_format(name: str) -> Format:
    """Return a format by its name.

    Raises
    ------
    QuestionError
        When there is none; it names the nearest.
    """
    if name not in list_formats():
        raise QuestionError(no_such("report format", name, list_formats()))
    found: Format = import_module(f"{formats.__name__}.{name}").FORMAT
    return found
