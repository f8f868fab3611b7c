"""From the options of a command line to the same closed question that audit.toml makes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from audit.config.quoted_names import pair, split
from audit.config.read import build, load
from audit.config.schema import Config
from audit.config.written_limits import deepest, rule_of
from audit.errors import QuestionError, printable
from audit.tables.addresses import resolve_from
from audit.tables.formats.dialect import make_dialect

HERE = "the command line"
JUDGED = {"data": ("data", "checks"), "model": ("model",)}
"""Stages of the limits that a command for one table can judge."""
JUDGING = ("gates", "waivers", "policy")
"""Sections that say what is judged of what was counted."""
TAKEN = ("model", "dataset", "data", "policy", "predictions", "ll144", "publish")
MEDIAN = "median"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the options of ``audit data`` and ``audit model`` said."""

    table: str | Path
    tests: Sequence[str | Path] = ()
    suite: Path | None = None
    csv: str | None = None
    label: str | None = None
    positive: str | None = None
    classes: bool | None = None
    task: str | None = None
    prediction: str | None = None
    score: str | None = None
    threshold: str | None = None
    exact_auc: bool = False
    features: Sequence[str] | None = None
    neighbours: int | None = None
    query: str | None = None
    rank: str | None = None
    top: Sequence[str] | None = None
    groups: Sequence[str] | None = None
    weight: str | None = None
    unit: str | None = None
    strata: Sequence[str] | None = None
    bins: Sequence[str] | None = None
    reference: Sequence[str] | None = None
    intersections: int | None = None
    confidence: float | None = None
    four_fifths: bool = False
    engine: str | None = None
    master: str | None = None
    compare_to: Sequence[str] | None = None
    gates: Sequence[str] | None = None
    judged: bool = True
    """Whether the limits of a file are asked for, and not only what is counted."""


def question(asked: Asked, stage: Literal["data", "model"], config: Path | None) -> Config:
    """Question of one command, from its options or from an audit.toml."""
    if config is not None:
        return _from_file(asked, stage, config)
    if asked.threshold is not None and asked.score is None and asked.prediction is not None:
        raise QuestionError("--threshold reads scores; name their column (--score), or leave --threshold out")
    rules = [rule_of(text, stage) for text in asked.gates or ()]
    csv = None if asked.csv is None else make_dialect(asked.csv).table
    data: dict[str, Any] = {
        "engine": asked.engine,
        "master": asked.master,
        "label": asked.label,
        "positive": asked.positive,
        "classes": asked.classes or None,
        "groups": split(asked.groups, "--groups"),
        "weight": asked.weight,
        "unit": asked.unit,
        "strata": split(asked.strata, "--strata") or None,
        "bins": {k: [_number(v, "--bins") for v in vs.split(",")] for k, vs in _pairs(asked.bins, "--bins").items()}
        or None,
        "reference_group": _pairs(asked.reference, "--reference") or None,
        "compare_to": split(asked.compare_to) or None,
        "intersections": max(asked.intersections or 1, deepest(rules)),
    }
    raw: dict[str, Any] = {"data": _given(data)}
    if stage == "data":
        raw["data"] |= _given({"source": str(asked.table), "csv": csv})
        raw |= {} if asked.suite is None else {"checks": {"suite": str(asked.suite)}}
        _held_out(raw, asked)
    else:
        named = {"task": asked.task, "prediction": asked.prediction, "score": asked.score,
                 "threshold": _threshold(asked.threshold), "features": split(asked.features, "--features") or None,
                 "neighbours": asked.neighbours, "query": asked.query, "rank": asked.rank,
                 "top": [_whole(k, "--top") for k in split(asked.top)] or None,
                 "exact_auc": asked.exact_auc or None, "csv": csv}  # fmt: skip
        raw["predictions"] = {"source": str(asked.table), **_given(named)}
    policy = {"confidence": asked.confidence, "four_fifths": asked.four_fifths or None}
    if _given(policy):
        raw["policy"] = _given(policy)
    if rules:
        raw["gates"] = rules
    return build(raw, HERE)


def _held_out(raw: dict[str, Any], asked: Asked) -> None:
    """Tables that are compared with the first one."""
    if asked.tests:
        raw["data"]["test"] = str(asked.tests[0]) if len(asked.tests) == 1 else [str(t) for t in asked.tests]


def relative(config: Config, folder: Path) -> dict[str, Any]:
    """Configuration as plain tables, its sources written from where the file will lie."""
    plain: dict[str, Any] = config.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    for section, key in (("data", "source"), ("data", "test"), ("predictions", "source")):
        named = plain.get(section, {}).get(key)
        if isinstance(named, str):
            plain[section][key] = resolve_from(named, folder)
        elif named is not None:
            plain[section][key] = [resolve_from(name, folder) for name in named]
    if (suite := plain.get("checks", {}).get("suite")) is not None:
        plain["checks"]["suite"] = os.path.relpath(suite, folder)
    return plain


def _threshold(text: str | None) -> float | str | None:
    return text if text is None or text == MEDIAN else _number(text, f"--threshold (or {MEDIAN})")


def policy_of(path: Path, counted: Mapping[str, Any], sections: Sequence[str]) -> dict[str, Any]:
    """Sections of a file with which what was counted before is judged anew.

    Raises
    ------
    QuestionError
        When the file asks another question than the one that was counted.
    """
    from audit.config.by_command import require_same
    from audit.gates.judge import written_out

    asked, _ = load(path)
    require_same(asked, counted, str(path))
    plain = asked.model_dump(mode="json", exclude_none=True) | {"gates": written_out(asked)}
    return {section: plain[section] for section in sections if plain.get(section)}


def _from_file(asked: Asked, stage: Literal["data", "model"], path: Path) -> Config:
    given = [
        f"--{k.replace('_', '-')}"
        for k in Asked.__slots__
        if k not in {"table", "tests", "gates", "judged"} and getattr(asked, k)
    ]
    if given or asked.gates:
        raise QuestionError(
            f"--config says the whole question; leave {(given or ['--gate'])[0]} out, or leave --config out"
        )
    config, folder = load(path)
    if asked.judged:
        from audit.config.by_command import require_judged

        require_judged(config, JUDGED[stage], f"audit {stage}", printable(path))
    raw = config.model_dump(mode="json", exclude_none=True)
    raw = {k: v for k, v in raw.items() if k in {*TAKEN, *(("gates", "waivers") if asked.judged else ())}}
    for key in ("source", "test", "prepare"):
        raw["data"].pop(key, None)
    if stage == "data":
        raw.pop("predictions", None)
        raw["data"]["source"] = str(asked.table)
        _held_out(raw, asked)
        if config.checks is not None and config.checks.suite is not None:
            suite = str(folder.resolve() / config.checks.suite)
            raw["checks"] = config.checks.model_dump(mode="json", exclude_unset=True) | {"suite": suite}
    elif "predictions" not in raw:
        raise QuestionError(f"'{printable(path)}' has no [predictions], so it asks nothing of a model")
    else:
        raw["predictions"]["source"] = str(asked.table)
    return build(raw, str(path))


def _given(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in raw.items() if v is not None}


def _pairs(texts: Sequence[str] | None, option: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts or ():
        name, value = pair(text, option)
        if name in pairs:
            raise QuestionError(f"{option} names '{printable(name)}' twice; give it once")
        pairs[name] = value
    return pairs


def _whole(text: str, where: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise QuestionError(f"{where}: '{printable(text)}' is not a whole number") from None


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise QuestionError(f"{where}: '{printable(text)}' is not a number") from None
