"""Held-out predictions of a fitted estimator, judged together with what its fit has found."""

from __future__ import annotations

import secrets
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from audit._version import __version__
from audit.errors import QuestionError
from audit.pipeline.run import code_version, conclude, now, write
from audit.pipeline.stages import Findings, audit_model
from audit.record.result import AuditResult, Run
from audit.record.store import Store
from audit.tables.open import open_frame
from audit.wrapping.estimator_rows import PREDICTION, SCORE, Rows


def judged_with(audited: Any, rows: Rows, X: Any) -> AuditResult:  # noqa: N803
    """Audit of the predictions of a fitted `Audited`, with its fit's own.

    Raises
    ------
    InputError
        When nothing names a group, or the rows cannot be audited.
    """
    if not rows.groups:
        raise QuestionError("no groups are named; give [data] groups in config, or sensitive_features")
    score = _score(audited, rows, X)
    config = rows.judged(scored=score is not None)
    columns = dict(rows.columns) | {PREDICTION: audited.predict(X)} | ({} if score is None else {SCORE: score})
    found, started = _found(audited.audit_), now()
    audit_model(open_frame(columns, "the held-out rows"), config, found, nullcontext)
    store = None if audited.store is None else Store(Path(audited.store))
    fit = audited.audit_
    run = Run(
        id=f"memory-{secrets.token_hex(4)}" if store is None else store.new_run_id(),
        started=started, finished=now(), version=__version__, command=("python", type(audited.estimator_).__name__),
        code=code_version(rows.folder), **({} if fit is None else _of_fit(fit.run)),
    )  # fmt: skip
    # What was not whole of the fit is not whole of this either, and releases nothing.
    result = conclude(config, found, run, None if fit is None else fit.energy, failed=bool(run.ended))
    if store is not None:
        write(result, store)
    return result


def _of_fit(run: Run) -> dict[str, Any]:
    """How the fit went, which is on record with what is judged of it."""
    return {"exit_codes": run.exit_codes, "continued": run.continued, "ended": run.ended}


def _found(fit: AuditResult | None) -> Findings:
    """What the fit has found of its data."""
    if fit is None:
        return Findings()
    return Findings(data=list(fit.data), cubes=list(fit.cubes), estimates=fit.estimates, checks=list(fit.checks))


def _score(audited: Any, rows: Rows, X: Any) -> np.ndarray | None:  # noqa: N803
    """Probability of the positive class; None where there is none to score."""
    if rows.task != "classification" or not hasattr(audited, "predict_proba"):
        return None
    classes, positive = list(audited.classes_), rows.raw["data"].get("positive", 1)
    if len(classes) != 2 or positive not in classes:
        return None
    probability: np.ndarray = np.asarray(audited.predict_proba(X))[:, classes.index(positive)]
    return probability
