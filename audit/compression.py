"""Compressed models from Python: the same audit as `audit edge`, of a frame or the path of a table.

It is `audit.compressed`, because `audit.edge` is the room of what is measured. Nothing is written to disk.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from audit._version import __version__
from audit.config.read import build
from audit.config.schema import LARGEST_LOSS
from audit.config.written_limits import Gates, find_deepest, read_rules
from audit.errors import QuestionError
from audit.record.result import AuditResult, Run
from audit.tables.python_values import describe_value, make_merge, make_plain, make_reference, require_names, to_plain

WHERE = "the configuration"


def compressed(
    frame: Any,
    *,
    against: str,
    candidates: str | Sequence[str],
    label: str,
    groups: str | Sequence[str] = (),
    models: Mapping[str, str | Path] | None = None,
    inputs: str | Sequence[str] = (),
    seeds: str | Sequence[str] = (),
    retrained: str | Sequence[str] | None = None,
    batch: int = 1,
    threads: int = 1,
    repetitions: int = 200,
    seconds: float = 3.0,
    cutoff: float | None = None,
    largest_loss: float = LARGEST_LOSS,
    positive: Any = None,
    favourable: Any = None,
    unit: str | None = None,
    reference: Any = None,
    merge: Any = None,
    confidence: float = 0.95,
    least_rows: int = 0,
    gates: Gates = (),
) -> AuditResult:
    """Audit compressed models against the full one: what they change, who loses by it, and what they cost.

    Parameters
    ----------
    frame
        Decisions, or the rows that models answer: a frame, a mapping of columns, or the path of a table.
    against
        The full model: its column of decisions, or its name in ``models``.
    candidates
        The compressed models, named alike. With several, the result is about the smallest that passes.
    label, groups, unit
        Names of columns.
    models, inputs
        ONNX file of each model by its name, and the columns that all of them see, in the order of training; with
        ``inputs`` every model is run here.
    seeds, retrained
        Decisions of other seeds of the full recipe, at least five; candidates that were trained again, all of them by
        default.
    batch, threads, repetitions, seconds
        Rows and threads of a call, calls that are timed, and how long each model is metered; 0 seconds for not at all.
    cutoff
        From which number on the answer is 1, of models that give one number a row.
    largest_loss
        Loss of accuracy of any group up to which a candidate passes, 0 to 1.
    positive, favourable, reference, merge, confidence, least_rows, gates
        As in `measure`.

    Returns
    -------
    AuditResult
        As of `measure`; ``edge`` holds what each model costs and what each candidate changes.

    Raises
    ------
    AuditError
        When any input is invalid.

    Examples
    --------
    >>> rows = {"y": [0, 1] * 500, "full": [0, 1] * 500, "int8": [1, 1] + [0, 1] * 499}
    >>> result = compressed(rows, against="full", candidates="int8", label="y")
    >>> result.edge.candidates[0].changed, result.verdict
    (1, 'pass')
    """
    given = dict(locals())
    columns, named = require_names(groups, "groups"), require_names(candidates, "candidates")
    if not named:
        raise QuestionError("candidates is empty; name the compressed models")
    rules = read_rules(make_plain(gates), "model")
    data = {key: to_plain(given[key]) for key in ("label", "positive", "favourable", "unit")}
    data |= {"groups": columns, "intersections": max(1, find_deepest(rules))}
    data |= {"reference_group": make_reference(reference, columns), "merge": make_merge(merge, columns)}
    raw: dict[str, Any] = {
        "data": _drop_unsaid(data),
        "predictions": {"source": "memory", "prediction": named[0], "against": to_plain(against)},
        "edge": _ask_models(given, named),
        "policy": {key: to_plain(given[key]) for key in ("least_rows", "confidence")},
    }
    return _audit_rows(frame, raw | ({"gates": rules} if rules else {}))


def _ask_models(given: Mapping[str, Any], named: Sequence[str]) -> dict[str, Any]:
    """Return the section on models."""
    names = {key: require_names(given[key], key) for key in ("inputs", "seeds", "retrained") if given[key] is not None}
    plain = ("batch", "threads", "repetitions", "seconds", "cutoff", "largest_loss")
    numbers = {key: to_plain(given[key]) for key in plain}
    models = {} if given["models"] is None else given["models"]
    if not isinstance(models, Mapping):
        raise QuestionError(f"models must be a mapping of names to ONNX files, not {describe_value(models)}")
    files = {str(name): str(path) for name, path in models.items()}
    ship = "smallest" if len(named) > 1 else "named"
    return _drop_unsaid({"candidates": named, "models": files, "ship": ship} | names | numbers)


def _drop_unsaid(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in asked.items() if value is not None and value != {}}


def _audit_rows(frame: Any, raw: Mapping[str, Any]) -> AuditResult:
    """Audit a table that is in memory or named by its path."""
    from audit.counting.backends.choose import open_source
    from audit.pipeline.edge import audit_compressed
    from audit.pipeline.run import conclude, now
    from audit.pipeline.stages import Findings
    from audit.tables.open import open_frame

    config, found, started = build(dict(raw), WHERE), Findings(), now()
    table = open_source(frame) if isinstance(frame, (str, Path)) else open_frame(frame, "the table")
    about = audit_compressed(table, Path(), config, found, nullcontext)
    run = Run(id=f"memory-{secrets.token_hex(4)}", started=started, finished=now(), version=__version__)
    return conclude(about, found, run)
