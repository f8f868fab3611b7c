"""Where shipped files lie: in a wheel under ``audit/_assets``, in a checkout at the repository's root.

Must not: read or write them.
"""

from __future__ import annotations

from pathlib import Path

from audit.errors import AuditError, printable

PACKAGE = Path(__file__).resolve().parents[1]
PLACES = (PACKAGE / "_assets", PACKAGE.parent)
"""The wheel first; a checkout has no ``_assets``."""


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
