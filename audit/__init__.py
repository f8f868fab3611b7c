"""Evenhand audits every training run: data checks, metrics by group, energy, limits and a card.

>>> import audit
>>> result = audit.measure([1, 1, 0, 0], [1, 0, 0, 0], groups={"sex": ["f", "m", "f", "m"]})
>>> result.verdict
'not judged'

Everything loads when it is first used, not when this is imported: pytest imports this package in every run, for its
plugin.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from audit._version import __version__

if TYPE_CHECKING:
    from audit.api import check, measure, pairs
    from audit.compression import compressed
    from audit.energy.plan.options import plan
    from audit.errors import (
        AuditError,
        DataRefusedError,
        InputError,
        QuestionError,
        SourceError,
        StoreError,
        TrainingError,
        ValuesError,
    )
    from audit.estimate import Estimate
    from audit.record.compare import compare
    from audit.record.reader import read_result
    from audit.record.result import AuditResult
    from audit.wrapping.wrap import trained, training

_ERRORS = (
    "AuditError",
    "DataRefusedError",
    "InputError",
    "QuestionError",
    "SourceError",
    "StoreError",
    "TrainingError",
    "ValuesError",
)
_LAZY = {
    **dict.fromkeys(_ERRORS, "audit.errors"),
    "AuditResult": "audit.record.result",
    "Estimate": "audit.estimate",
    "check": "audit.api",
    "compare": "audit.record.compare",
    "compressed": "audit.compression",
    "measure": "audit.api",
    "pairs": "audit.api",
    "plan": "audit.energy.plan.options",
    "read_result": "audit.record.reader",
    "trained": "audit.wrapping.wrap",
    "training": "audit.wrapping.wrap",
}

__all__ = [
    "AuditError",
    "AuditResult",
    "DataRefusedError",
    "Estimate",
    "InputError",
    "QuestionError",
    "SourceError",
    "StoreError",
    "TrainingError",
    "ValuesError",
    "__version__",
    "check",
    "compare",
    "compressed",
    "measure",
    "pairs",
    "plan",
    "read_result",
    "trained",
    "training",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'audit' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
