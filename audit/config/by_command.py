"""What one command takes of an audit.toml that asks more than it does, so that one file gives one verdict.

What would be judged and cannot be is refused; what only says how a whole run comes about is left, and named.

Must not: read a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from audit.config.schema import Config
from audit.config.sections import list_keys
from audit.errors import QuestionError, printable

ELSEWHERE = frozenset(asked.key for asked in list_keys() if asked.option.elsewhere)
"""Keys of where rows lie and what reads them, which change no number."""
NARROWER = frozenset(asked.key for asked in list_keys() if asked.option.narrower)
"""Keys of which a question may ask less than was counted."""
COUNTED = ("data", "predictions", "checks", "energy")
"""Sections that say what is counted, and so hold of what was counted before."""
WHOLE = "use audit run, which judges the whole file"


def require_judged(config: Config, stages: Sequence[str], command: str, where: str) -> None:
    """Refuse limits of a file that a command does not judge: its verdict would not be that of the file.

    Raises
    ------
    QuestionError
        Naming the first of them.
    """
    stray = [f"limit '{gate.name}'" for gate in config.gates or () if gate.stage not in stages]
    if "checks" not in stages and config.checks is not None and config.checks.suite is not None:
        stray.append("[checks] suite")
    if "model" not in stages and config.policy.four_fifths:
        stray.append("[policy] four_fifths")
    stray += [f"the waiver of '{w.gate}'" for w in config.waivers if w.gate.split(".", maxsplit=1)[0] not in stages]
    if stray:
        more = f" (and {len(stray) - 1} more)" if len(stray) > 1 else ""
        raise QuestionError(f"{where}: {printable(stray[0], 160)}{more} cannot be judged by {command}; {WHOLE}")


def find_left_keys(config: Config, stage: str, *, tests: bool) -> tuple[str, ...]:
    """Return the keys of a file that a command for one table leaves out, of those that change no verdict.

    Parameters
    ----------
    config
        The whole file.
    stage
        ``data`` or ``model``.
    tests
        Whether held-out tables were named in place of those of the file.
    """
    data = config.data
    keys = {
        "[data] prepare": data.prepare is not None,
        "[data] source": stage == "model" and data.source is not None,
        "[data] test": data.test is not None and (stage == "model" or not tests),
        "[train]": config.train is not None,
        "[predictions]": stage == "data" and config.predictions is not None,
        "[energy]": bool(config.energy.model_fields_set),
        "[edge]": config.edge is not None,
    }
    return tuple(key for key, is_left in keys.items() if is_left)


def require_same(asked: Config, counted: Mapping[str, Any], where: str) -> None:
    """Refuse a policy, where its file asks another question than the one that was counted.

    Parameters
    ----------
    asked
        The file that holds the policy.
    counted
        The question of the record, as plain tables.

    Raises
    ------
    QuestionError
        Naming the first key that differs.
    """
    plain = asked.model_dump(mode="json", exclude_none=True, exclude_unset=True)
    for section in COUNTED:
        there = counted.get(section) or {}
        for key, value in plain.get(section, {}).items():
            if key in ELSEWHERE or _is_within(key, value, there.get(key)):
                continue
            raise QuestionError(
                f"{where}: [{section}] {key} = {printable(value, 60)}, but the run was counted with "
                f"{printable(there[key], 60) if key in there else 'none'}; run again, or remove the key"
            )


def _is_within(key: str, asked: Any, counted: Any) -> bool:
    """Return whether what was counted holds what is asked."""
    if asked == counted or (not asked and counted is None):
        return True
    if counted is None or key not in NARROWER:
        return False
    return asked <= counted if isinstance(asked, int) else set(asked) <= set(counted)
