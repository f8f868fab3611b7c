"""A caller's arrays and frames, as named columns of one table; what cannot be lined up is refused.

Must not: measure, or read a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from audit.errors import QuestionError, ValuesError, printable
from audit.tables.frames import may_be_lazy
from audit.tables.python_values import describe_value


def name_attributes(groups: Any, what: str = "groups") -> dict[str, Any]:
    """Return columns by name, from a frame, a mapping or one named array; ``what`` is how messages call them."""
    if may_be_lazy(groups):
        groups = _collect_rows(groups, what)
    _refuse_no_columns(groups, what)
    if isinstance(groups, Mapping):
        return _name_columns(((k, v) for k, v in groups.items()), what)
    if hasattr(groups, "columns"):
        keys = list(getattr(groups, "column_names", groups.columns))
        return _name_columns(((key, _pick_column(groups, at, key)) for at, key in enumerate(keys)), what)
    name = getattr(groups, "name", None)
    return _name_columns(((what.removesuffix("s") if name is None else name, groups),), what)


def _pick_column(frame: Any, at: int, key: Any) -> Any:
    """Return a column by its place where frames have one, because a name may stand twice."""
    return frame.iloc[:, at] if hasattr(frame, "iloc") else frame[key]


def _name_columns(columns: Iterable[tuple[Any, Any]], what: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, values in columns:
        name = _require_text(key)
        if not name.strip():
            raise QuestionError(f"{what} has a column without a name; name it")
        if name in found:
            raise QuestionError(f"{what} has two columns named '{printable(name)}' (duplicate); rename one")
        found[name] = require_one_column(values, f"{what}: column '{printable(name)}'" if name != what else what)
    return found


def _refuse_no_columns(groups: Any, what: str) -> None:
    """Refuse what has no names, or no columns."""
    of = f"{what} must be a frame, a mapping of names to arrays, or one named array"
    if isinstance(groups, Mapping) or hasattr(groups, "columns"):
        return
    if groups is None or isinstance(groups, (str, bytes)) or not _has_length(groups):
        raise QuestionError(f"{of}, not {describe_value(groups)}")
    shape: tuple[int, ...] = getattr(groups, "shape", ())
    if len(shape) > 1 and shape[1] != 1:
        raise QuestionError(f"{of}; this array has the shape {shape}, and its columns have no names")
    inside = groups[0] if isinstance(groups, (list, tuple)) and groups else None
    if isinstance(inside, (list, tuple)) or len(getattr(inside, "shape", ())) > 0:
        raise QuestionError(f"{of}; this is a {type(groups).__name__} of columns without names")


def _has_length(value: Any) -> bool:
    try:
        len(value)
    except TypeError:
        return False
    return True


def require_one_column(values: Any, where: str) -> Any:
    """Return values as one column: an array of shape (n, 1) and a frame of one column have one reading.

    Raises
    ------
    QuestionError
        When they are no column at all.
    """
    if isinstance(values, (str, bytes, Mapping)) or not _has_length(values):
        raise QuestionError(f"{where} is {describe_value(values)}, not a column of values; give an array or a list")
    if hasattr(values, "columns"):
        keys = list(getattr(values, "column_names", values.columns))
        if len(keys) != 1:
            raise QuestionError(f"{where} is a frame of {len(keys)} columns; give one of them")
        return _pick_column(values, 0, keys[0])
    shape: tuple[int, ...] = getattr(values, "shape", ())
    if len(shape) == 2 and shape[1] == 1 and not hasattr(values, "toarray"):
        return values[:, 0]
    return values


def _collect_rows(frame: Any, what: str) -> Any:
    """Return rows of a lazy frame; anything else as it is."""
    from audit.tables.lazy import collect_rows, to_lazy

    lazy = to_lazy(frame)
    return frame if lazy is None else collect_rows(lazy, what)


def _require_text(name: object) -> str:
    """Return the name of a column as text."""
    return name if isinstance(name, str) else str(name)


def refuse_clash(attributes: Mapping[str, Any], roles: Mapping[str, Any]) -> None:
    """Refuse group columns that have the name of an argument."""
    if not attributes:
        raise QuestionError("groups names no column; name at least one")
    clash = next((n for n in attributes if n in roles), None)
    if clash is not None:
        raise QuestionError(f"group column '{clash}' has the name of an argument (reserved); rename the column")


def name_features(features: Any, taken: Mapping[str, Any]) -> dict[str, Any]:
    """Return feature columns by name; none of them may have the name of a group column or of an argument."""
    if features is None:
        return {}
    found = name_attributes(features, "features")
    if not found:
        raise QuestionError("features names no column; name at least one, or remove features")
    clash = next((n for n in found if n in taken), None)
    if clash is not None:
        raise QuestionError(f"feature '{printable(clash)}' has the name of a group or an argument; rename the column")
    return found


def refuse_misaligned(columns: Mapping[str, Any], of: Mapping[str, str]) -> None:
    """Refuse labelled arrays with different labels: by position or by label, one of the two readings is wrong.

    Parameters
    ----------
    columns
        Arrays by name.
    of
        The argument that a column is of, where it is not an argument itself.
    """

    def said(name: str) -> str:
        return " ".join(filter(None, (of.get(name), f"'{printable(name)}'")))

    first: tuple[str, Any] | None = None
    for name, values in columns.items():
        index = getattr(values, "index", None)
        if index is None or callable(index):
            continue
        if first is None:
            first = (name, index)
        elif len(index) != len(first[1]) or not index.equals(first[1]):
            raise ValuesError(
                f"{said(name)} and {said(first[0])} have different indexes; align them first "
                "(.reindex, or .to_numpy() if the order is the same)"
            )
    lengths = {n: len(v) for n, v in columns.items() if hasattr(v, "__len__")}
    if len(set(lengths.values())) > 1:
        (a, na), (b, nb) = next((p, q) for p in lengths.items() for q in lengths.items() if p[1] != q[1])
        raise ValuesError(f"{said(a)} has {na:,} rows and {said(b)} has {nb:,}; all must have the same length")
