"""Arguments from Python as plain values: numpy's scalars, levels of groups, lists of names; what is none is refused.

Every refusal names the argument. Must not: look at rows.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Any

from audit.axes import MISSING_TYPES, name_level
from audit.errors import QuestionError, no_such, printable

NAMED_BY_TEXT = {"Interval", "Period", "UUID"}
"""Types of levels that are read as the text that names them, as a column of them is."""


def describe_value(value: Any) -> str:
    """Return a value that was not expected, with its type."""
    return f"a {type(value).__name__} ({printable(repr(value), 40)})"


def to_plain(value: Any) -> Any:
    """Return Python's own scalar for one of numpy, a number of another library, or an array without dimensions."""
    if isinstance(value, (bool, int, float, str)) and type(value).__module__ == "builtins":
        return value
    if isinstance(value, str):
        return str(value)
    if getattr(value, "shape", None) == () and callable(getattr(value, "item", None)):
        return value.item()
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, (numbers.Real, Decimal)):
        return float(value)
    return value


def make_plain(value: Any) -> Any:
    """Return tables and lists with all that is in them made plain; keys are text, as in a file."""
    if isinstance(value, Mapping):
        return {_name_key(k): make_plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [make_plain(v) for v in value]
    if type(value).__module__ == "numpy" and getattr(value, "shape", ()) != ():
        return make_plain(value.tolist())
    return to_plain(value)


def _name_key(key: Any) -> str:
    return key if type(key) is str else str(name_level(to_plain(key)))


def require_level(value: Any, where: str) -> bool | int | float | str:
    """Return the level of a column, or a class: a truth value, a number or text.

    Raises
    ------
    QuestionError
        When it is missing, or no level.
    """
    found = to_plain(value)
    if type(found).__name__ in MISSING_TYPES or (isinstance(found, float) and math.isnan(found)):
        raise QuestionError(f"{where} is missing ({printable(repr(value), 40)}); name a value of the column")
    if type(found).__name__ in NAMED_BY_TEXT:
        return str(found)
    if isinstance(found, (bool, int, float, str)):
        return found
    raise QuestionError(f"{where} must be text, a number or a truth value, not {describe_value(value)}")


def name(value: Any, where: str) -> str:
    """Return the name of one column; a whole number is one, as frames without names have them."""
    found = to_plain(value)
    if isinstance(found, bool) or not isinstance(found, (str, int)):
        raise QuestionError(f"{where} must be the name of a column, not {describe_value(value)}")
    text = str(found)
    if not text.strip():
        raise QuestionError(f"{where} is an empty name; give the name of a column")
    return text


def require_names(value: Any, where: str) -> tuple[str, ...]:
    """Return names of columns, from one or from any list of them, each once."""
    if isinstance(to_plain(value), (str, int)):
        return (name(value, where),)
    if value is None or isinstance(value, (bytes, bytearray, Mapping)) or not isinstance(value, Iterable):
        raise QuestionError(f"{where} must be the name of a column, or a list of names, not {describe_value(value)}")
    given = sorted(value, key=repr) if isinstance(value, AbstractSet) else list(_require_list(value, where))
    found = tuple(name(v, f"{where}[{i}]") for i, v in enumerate(given))
    twice = next((n for n in found if found.count(n) > 1), None)
    if twice is not None:
        raise QuestionError(f"{where} names '{printable(twice)}' twice; name it once")
    return found


def _require_list(value: Iterable[Any], where: str) -> Iterable[Any]:
    """Refuse an array of several dimensions, and a frame, which is iterated over as its names."""
    if len(getattr(value, "shape", ())) > 1 or hasattr(value, "columns"):
        raise QuestionError(f"{where} must be a list of names, not {describe_value(value)}")
    return value


def _require_mapping(value: Any, where: str, of: str) -> Mapping[Any, Any]:
    """Return a mapping, or a Series of pandas, which names its values by its index."""
    if isinstance(value, Mapping):
        return value
    if hasattr(value, "to_dict") and hasattr(value, "index") and not hasattr(value, "columns"):
        return dict(value.to_dict())
    raise QuestionError(f"{where} must be {of}, not {describe_value(value)}")


def make_reference(reference: Any, groups: tuple[str, ...]) -> dict[str, Any]:
    """Return the reference level by column, from a level or a mapping."""
    if reference is None:
        return {}
    if isinstance(reference, Mapping):
        found = {name(k, "reference"): require_level(v, f"reference['{printable(k)}']") for k, v in reference.items()}
        _require_columns("reference", found, groups)
        return found
    if not groups:
        raise QuestionError("reference needs groups; give groups too")
    if len(groups) != 1:
        raise QuestionError(f"reference must name a level for each of {list(groups)}, such as {{'{groups[0]}': …}}")
    return {groups[0]: require_level(reference, "reference")}


def make_population(population: Any, groups: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Return the share of each level by column, its levels as text; they are named as the column holds them."""
    if population is None:
        return {}
    of = "a mapping of group columns to shares, such as {'sex': {'f': 0.5, 'm': 0.5}}"
    found = {}
    for column, given in _require_mapping(population, "population", of).items():
        where = f"population['{printable(column)}']"
        shares: dict[str, float] = {}
        for key, value in _require_mapping(given, where, "a mapping of levels to shares").items():
            text = str(name_level(require_level(key, where)))
            if text in shares:
                raise QuestionError(f"{where} names '{printable(text)}' twice; give each level one share")
            shares[text] = _share(value, f"{where}['{printable(text)}']")
        if not shares or sum(shares.values()) > 1 + 1e-6:
            raise QuestionError(f"{where} holds shares with a sum of {sum(shares.values()):g}; it must be at most 1")
        found[name(column, "population")] = shares
    _require_columns("population", found, groups)
    return found


def make_merge(merge: Any, groups: tuple[str, ...]) -> dict[str, dict[str, list[str]]]:
    """Return the levels that are joined under each new name, by column; they are named as the column holds them."""
    if merge is None:
        return {}
    of = "a mapping of group columns to new names, such as {'race': {'other': ['Asian', 'Inuit']}}"
    found = {}
    for column, given in _require_mapping(merge, "merge", of).items():
        where = f"merge['{printable(column)}']"
        lists = _require_mapping(given, where, "a mapping of new names to lists of levels")
        found[name(column, "merge")] = {
            name(new, where): [str(name_level(require_level(level, where))) for level in _list_levels(levels, where)]
            for new, levels in lists.items()
        }
    _require_columns("merge", found, groups)
    return found


def _list_levels(levels: Any, where: str) -> list[Any]:
    if isinstance(levels, (str, bytes, Mapping)) or not isinstance(levels, Iterable):
        raise QuestionError(f"{where} must list levels, such as ['Asian', 'Inuit'], not {describe_value(levels)}")
    return list(levels)


def _share(value: Any, where: str) -> float:
    found = to_plain(value)
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 <= found <= 1:
        raise QuestionError(f"{where} must be a share between 0 and 1, not {describe_value(value)}")
    return float(found)


def _require_columns(where: str, columns: Iterable[str], groups: Sequence[str]) -> None:
    stray = next((c for c in columns if c not in groups), None)
    if stray is not None:
        raise QuestionError(f"{where}: {no_such('group column', stray, groups)}")


def require_callables(metrics: Any) -> Mapping[str, Callable[..., Any]]:
    """Return functions by name."""
    if metrics is None:
        return {}
    if not isinstance(metrics, Mapping):
        raise QuestionError(f"metrics must be a mapping of names to functions, not {describe_value(metrics)}")
    for key, function in metrics.items():
        if not isinstance(key, str) or not callable(function):
            raise QuestionError(
                f"metrics: {printable(repr(key), 40)} must be a name with a function, not {describe_value(function)}"
            )
    return metrics


def make_policy(confidence: Any, four_fifths: Any, least_rows: Any) -> dict[str, Any]:
    """Return section [policy], without what was not asked for."""
    asked = {} if four_fifths is False else {"four_fifths": to_plain(four_fifths)}
    return {"confidence": to_plain(confidence), "least_rows": to_plain(least_rows), **asked}
