"""A caller's arrays and frames, as named columns of one table; what cannot be lined up is refused.

Must not: measure, or read a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audit.engines.frames import may_be_lazy
from audit.errors import QuestionError, ValuesError, printable


def attributes(groups: Any, what: str = "groups") -> dict[str, Any]:
    """Columns by name, from a frame, a mapping or one named array; ``what`` is how messages call them."""
    if groups is None or isinstance(groups, str):
        raise QuestionError(
            f"{what} must be a frame, a mapping of names to arrays, or one named array, not {type(groups).__name__}"
        )
    if may_be_lazy(groups):
        groups = _collected(groups, what)
    if isinstance(groups, Mapping):
        return {text(k): v for k, v in groups.items()}
    if hasattr(groups, "columns"):
        keys = list(getattr(groups, "column_names", groups.columns))
        names = [text(c) for c in keys]
        twice = next((n for n in names if names.count(n) > 1), None)
        if twice is not None:
            raise QuestionError(f"{what} has two columns named '{printable(twice)}' (duplicate); rename one")
        return {n: groups[c] for n, c in zip(names, keys, strict=True)}
    name = getattr(groups, "name", None)
    return {text(name) if name is not None else what.removesuffix("s"): groups}


def _collected(frame: Any, what: str) -> Any:
    """Rows of a lazy frame; anything else as it is."""
    from audit.engines.lazy import collected, lazy_of

    lazy = lazy_of(frame)
    return frame if lazy is None else collected(lazy, what)


def text(name: object) -> str:
    """Name of a column as text."""
    return name if isinstance(name, str) else str(name)


def refuse_clash(attributes: Mapping[str, Any], roles: Mapping[str, Any]) -> None:
    """Refuse group columns that have the name of an argument."""
    if not attributes:
        raise QuestionError("groups names no column: there is nothing to compare")
    clash = next((n for n in attributes if n in roles), None)
    if clash is not None:
        raise QuestionError(f"group column '{clash}' has the name of an argument (reserved); rename the column")


def features_of(features: Any, taken: Mapping[str, Any]) -> dict[str, Any]:
    """Feature columns by name; none of them may have the name of a group column or of an argument."""
    if features is None:
        return {}
    found = attributes(features, "features")
    if not found:
        raise QuestionError("features names no column: there is nothing by which rows are alike; leave it out")
    clash = next((n for n in found if n in taken), None)
    if clash is not None:
        raise QuestionError(f"feature '{printable(clash)}' has the name of a group or an argument; rename the column")
    return found


def refuse_misaligned(columns: Mapping[str, Any]) -> None:
    """Refuse labelled arrays whose labels differ: by position or by label, one of the two readings is wrong."""
    first: tuple[str, Any] | None = None
    for name, values in columns.items():
        index = getattr(values, "index", None)
        if index is None or callable(index):
            continue
        if first is None:
            first = (name, index)
        elif len(index) != len(first[1]) or not index.equals(first[1]):
            raise ValuesError(
                f"'{printable(name)}' and '{printable(first[0])}' have different indexes; align them first "
                "(.reindex, or .to_numpy() if the order is the same)"
            )
    lengths = {n: len(v) for n, v in columns.items() if hasattr(v, "__len__")}
    if len(set(lengths.values())) > 1:
        (a, na), (b, nb) = next((p, q) for p in lengths.items() for q in lengths.items() if p[1] != q[1])
        raise ValuesError(
            f"'{printable(a)}' has {na:,} rows and '{printable(b)}' has {nb:,}; all must have the same length"
        )


def reference_of(reference: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Reference level by column, from a level or a mapping."""
    if reference is None:
        return {}
    if isinstance(reference, Mapping):
        return {text(k): plain(v) for k, v in reference.items()}
    if len(names) != 1:
        raise QuestionError(f"reference must name a level for each of {list(names)}, such as {{'{names[0]}': …}}")
    return {names[0]: plain(reference)}


def plain(value: Any) -> Any:
    """Python's own scalar for one of numpy."""
    return value.item() if hasattr(value, "item") and not hasattr(value, "__len__") else value
