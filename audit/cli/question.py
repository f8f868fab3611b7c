"""From the options of a command line to the same closed question that audit.toml makes."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from audit.cli.options import FLAGS, Given
from audit.config.read import build, load, refuse_idle_neighbours
from audit.config.schema import Config
from audit.config.sections import find_keys
from audit.config.written_limits import find_deepest, read_rule
from audit.errors import QuestionError, printable
from audit.tables.addresses import resolve_from

HERE = "the command line"
NAME_ALONE = re.compile(r"\w+")
"""What could be the name of a column and has no ending of a file."""
JUDGED = {"data": ("data", "checks"), "model": ("model",)}
"""Stages of the limits that a command for one table can judge."""
JUDGING = ("gates", "waivers", "policy", "baseline")
"""Sections that say what is judged of what was counted."""
TAKEN = ("model", "dataset", "data", "policy", "predictions", "ll144", "publish")


def ask(given: Given, config: Path | None) -> Config:
    """Return the question of one command, from its options or from an audit.toml."""
    if config is None:
        return _ask_in_options(given)
    return _ask_by_file(given, config)


def _ask_in_options(given: Given) -> Config:
    asked = given.asked
    decided = given.stage == "data" or asked.get("prediction") is not None
    if decided and asked.get("threshold") is not None and asked.get("score") is None:
        raise QuestionError("--threshold needs scores; name their column with --score, or remove --threshold")
    rules = [read_rule(text, given.stage) for text in given.gates]
    raw: dict[str, Any] = {"data": {}}
    for key, option in find_keys(given.stage).items():
        if (value := option.read(asked.get(key))) is not None:
            raw.setdefault(option.section, {})[key] = value
    raw["data"]["intersections"] = max(raw["data"].get("intersections", 1), find_deepest(rules))
    _name_tables(raw, given)
    refuse_idle_neighbours(raw.get("predictions"), HERE)
    return build(raw | ({"gates": rules} if rules else {}), HERE)


def _name_tables(raw: dict[str, Any], given: Given) -> None:
    """Put the tables of the command where the file would have named them."""
    if given.stage == "model":
        raw.setdefault("predictions", {})["source"] = given.table
        return
    raw["data"]["source"] = given.table
    _refuse_stray_names(given)
    if given.tests:
        raw["data"]["test"] = given.tests[0] if len(given.tests) == 1 else list(given.tests)


def _refuse_stray_names(given: Given) -> None:
    """Refuse a test table that is no file and reads like a second name of a list of columns."""
    groups: Sequence[str] = given.asked.get("groups") or ()
    for name in given.tests if groups else ():
        if NAME_ALONE.fullmatch(name) and not Path(name).exists():
            shown = printable(name)
            raise QuestionError(
                f"no file '{shown}'; names of several columns are separated by commas: --groups "
                f"{printable(groups[-1])},{shown}"
            )


def make_relative(config: Config, folder: Path) -> dict[str, Any]:
    """Return the configuration as plain tables, its sources written from where the file will lie."""
    plain: dict[str, Any] = config.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    for section, key in (("data", "source"), ("data", "test"), ("predictions", "source")):
        named = plain.get(section, {}).get(key)
        if isinstance(named, str):
            plain[section][key] = resolve_from(named, folder)
        elif named is not None:
            plain[section][key] = [resolve_from(name, folder) for name in named]
    for name, model in plain.get("edge", {}).get("models", {}).items():
        plain["edge"]["models"][name] = os.path.relpath(model, folder)
    if (suite := plain.get("checks", {}).get("suite")) is not None:
        plain["checks"]["suite"] = os.path.relpath(suite, folder)
    if Path(named := plain.get("baseline", {}).get("result", "")).is_file():
        plain["baseline"]["result"] = os.path.relpath(named, folder)
    return plain


def read_policy(path: Path, counted: Mapping[str, Any], sections: Sequence[str]) -> dict[str, Any]:
    """Return the sections of a file with which what was counted before is judged anew.

    Raises
    ------
    QuestionError
        When the file asks another question than the one that was counted.
    """
    from audit.config.by_command import require_same
    from audit.gates.judge import write_rules_out

    asked, folder = load(path)
    require_same(asked, counted, str(path))
    plain = asked.model_dump(mode="json", exclude_none=True) | {"gates": write_rules_out(asked)}
    _place_baseline(plain, folder)
    return {section: plain[section] for section in sections if plain.get(section)}


def _place_baseline(plain: dict[str, Any], folder: Path) -> None:
    """Name the baseline of a file from here; what is no file beside it is a run of the store."""
    named = plain.get("baseline")
    if named and (folder / named["result"]).exists():
        plain["baseline"] = named | {"result": os.path.relpath(folder / named["result"])}


def _ask_by_file(given: Given, path: Path) -> Config:
    options = [FLAGS[key] for key, value in given.asked.items() if value]
    if options or given.gates:
        raise QuestionError(f"{(options or ['--gate'])[0]} cannot be combined with --config; remove one of them")
    config, folder = load(path)
    if given.judged:
        from audit.config.by_command import require_judged

        require_judged(config, JUDGED[given.stage], f"audit {given.stage}", printable(path))
    taken = {*TAKEN, *(("gates", "waivers", "baseline") if given.judged else ())}
    raw = {k: v for k, v in config.model_dump(mode="json", exclude_none=True).items() if k in taken}
    for key in ("source", "test", "prepare"):
        raw["data"].pop(key, None)
    _place_baseline(raw, folder)
    if given.stage == "data":
        raw.pop("predictions", None)
        if config.checks is not None and config.checks.suite is not None:
            suite = str(folder.resolve() / config.checks.suite)
            raw["checks"] = config.checks.model_dump(mode="json", exclude_unset=True) | {"suite": suite}
    elif "predictions" not in raw:
        raise QuestionError(f"'{printable(path)}' has no [predictions], which audit model needs; add the section")
    _name_tables(raw, given)
    return build(raw, str(path))
