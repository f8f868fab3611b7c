"""Checks of the data before training: each module here holds one, as ``CHECK``, and no other file names it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from audit.data.kinds import CheckKind

__all__ = ["kinds"]


@cache
def kinds() -> tuple[CheckKind, ...]:
    """All checks, by code."""
    found: list[CheckKind] = [import_module(f"{__name__}.{module.name}").CHECK for module in iter_modules(__path__)]
    return tuple(sorted(found, key=lambda kind: kind.code))
