"""Evenhand: the audit that every training run carries.

>>> import audit
>>> result = audit.measure([1, 1, 0, 0], [1, 0, 0, 0], groups={"sex": ["f", "m", "f", "m"]})
>>> result.verdict
'not judged'

Heavy libraries load when something is measured, not when this is imported.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from audit.api import check, measure
    from audit.evidence.store import read_result
    from audit.result import AuditResult
    from audit.value import Estimate
    from audit.wrapping.around import trained, training

__version__ = "0.1.0"

_LAZY = {
    "AuditResult": "audit.result",
    "Estimate": "audit.value",
    "check": "audit.api",
    "measure": "audit.api",
    "read_result": "audit.evidence.store",
    "trained": "audit.wrapping.around",
    "training": "audit.wrapping.around",
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
    "measure",
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
