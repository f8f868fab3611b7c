"""Checks of the data before training, found in the folder of rules: no other file names them."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from audit.checks import rules
from audit.checks.check import CheckKind

__all__ = ["kinds"]


@cache
def kinds() -> tuple[CheckKind, ...]:
    """Return all checks, by code."""
    names = [module.name for module in iter_modules(rules.__path__)]
    found: list[CheckKind] = [import_module(f"{rules.__name__}.{name}").CHECK for name in names]
    return tuple(sorted(found, key=lambda kind: kind.code))
