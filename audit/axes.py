"""Names of axes, levels and kinds of cubes: what counting and measurement share beside the cube itself.

Must not: import a room.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, Literal

from audit.errors import QuestionError, printable, suggest
from audit.estimate import Group, Level

if TYPE_CHECKING:
    import numpy as np

NUMBER = re.compile(r"([-+]?[0-9]{1,300}(?:\.[0-9]{1,300})?(?:[eE][-+]?[0-9]{1,3})?)")
BAND = re.compile(r"\[(-inf|[-+]?[0-9.e+]{1,40}), ")
Task = Literal["classification", "regression", "multiclass", "ranking", "items"]
Class = bool | int | float | str
"""A class as a question names it."""
MEDIAN: Final = "median"
"""Threshold that is the median of all scores."""
MISSING_TYPES = frozenset({"NoneType", "NAType", "NaTType"})
"""Types of a missing value, by name: those of pandas need no import to be known."""
MOST_LAID_OUT = 20_000_000
"""Cells of one cube, empty ones included: 160 MB for each measure."""
LABEL, PREDICTION, FOLD, STRATUM, SCORE = "label", "prediction", "fold", "stratum", "score"
ORIGIN = "label_origin"
"""Axis of one level: what labels and predictions of a regression are summed from."""
MAJORITY, NEAREST = "majority", "nearest"
"""What most of a row's nearest neighbours in the reference are predicted; how many are asked, an axis of one level."""
NEGATIVE, POSITIVE = "0", "1"
UNIT = "weight_unit"
"""Axis of one level: the power of two in which weights are counted, where doubles would not hold them as they are."""
EVEN = "even"
"""Level of rows whose neighbours have no majority, because several lie equally far."""
GROUPING = "grouping"
"""Axis of whole lists: the columns whose groups are looked at, as a JSON list."""
AGAINST = "against"
"""Axis of earlier decisions about the same rows, with which the predictions are compared."""
DECIDED = "decided"
"""Axis of decisions that a threshold makes of scores, beside given predictions."""
OTHER = "other_group"
"""Axis of the second group of a pair, its levels as JSON."""
ITEM_OUTCOME, ITEM_CONDITION, ITEM_CORRECT = "item_outcome", "item_condition", "item_correct"
"""Axes of items of a benchmark: which answer each ended with, in which condition, and whether it is right."""
ITEM_TASK, ITEM_TEMPLATE, ITEM_UNIT = "item_task", "item_template", "item_unit"
"""Axes of templates: their benchmark, their name, and the unit that intervals rest on, an axis of one level."""
TOWARD, AWAY, NEITHER, INVALID, UNDIRECTED = "toward", "away", "neither", "invalid", "undirected"
"""How an item ends; invalid without an answer that could be read, undirected where no answer is the stereotype."""
OUTCOMES = (TOWARD, AWAY, NEITHER, INVALID, UNDIRECTED)
TEMPLATE = "template"
"""Column of the table of items that names what an item was made from; its unit unless another is named."""
RESERVED = frozenset(
    (
        *(LABEL, PREDICTION, FOLD, STRATUM, SCORE, ORIGIN, MAJORITY, NEAREST, DECIDED, AGAINST),
        *(ITEM_OUTCOME, ITEM_CONDITION, ITEM_CORRECT, ITEM_TASK, ITEM_TEMPLATE, ITEM_UNIT),
    )
)
"""Names of axes that no group column may have: by them what was counted is told from who was counted."""
MOST_PAIRED, MOST_KEPT, MOST_COMPARED = 50, 4_000_000, 20_000_000
"""Groups of which all pairs are compared; of exact curves also rows, and rows times other groups."""
MOST_GROUPS = 2000
"""Groups of one grouping; the pairs rule looks at all pairs, and a reader at none of so many."""


class CubeKind(StrEnum):
    """What a cube counts, by the word that the record has for it, in the order of measurement."""

    CROSSINGS = ""
    """Rows by groups, label and prediction: one cube for each largest crossing, which every question has."""
    STRATA = "within strata"
    """The same by one group column, split by the strata within which conditional metrics compare."""
    DECIDED = "decided"
    """Given predictions beside what the threshold makes of the scores."""
    SCORES = "scores"
    """Rows by label and bin of their score; of a regression, rows by bin of their label and of their prediction."""
    LOSSES = "losses"
    """Sums of what a score loses against its label: Brier score, log loss, calibration."""
    ORDERED_PAIRS = "ordered pairs"
    """Pairs of a positive and a negative that exact scores put in the right order."""
    ORDERED_AREAS = "ordered areas"
    """Areas between the exact ROC curves of two groups."""
    NEIGHBOURS = "flips"
    """Predictions by what most of the nearest neighbours in the reference group are predicted."""
    PAIRS = "pairs"
    """Rows by groups, label, prediction and an earlier decision about the same row."""
    LISTS = "lists"
    """Of a ranking: whole lists by grouping."""
    PLACES = "places"
    """Of a ranking: items by group and by the places that they hold."""
    GAINS = "gains"
    """Of a ranking: lists by group, with what each group gains in them."""
    TEMPLATES = "templates"
    """Of items of a benchmark: items by group and by the template that they were made from."""


def nowhere(groups: Sequence[str]) -> str:
    """Reason for which a row enters no group: it has no value of any of these columns."""
    return f"no value in {' or '.join(groups)}"


def crossings(groups: Sequence[str], order: int) -> Iterator[tuple[str, ...]]:
    """Everybody, then every attribute, then every crossing up to ``order`` ways."""
    for size in range(min(order, len(groups)) + 1):
        yield from combinations(groups, size)


def reference_at(by: tuple[str, ...], groups: tuple[Group, ...], rows: np.ndarray, named: Mapping[str, str]) -> int:
    """Declared reference where every attribute has one, otherwise the largest group."""
    if by and all(name in named for name in by):
        wanted = tuple(named[name] for name in by)
        if wanted not in groups:
            missing = next(n for n in by if not any(g[by.index(n)] == named[n] for g in groups))
            choices = sorted({str(g[by.index(missing)]) for g in groups})
            raise QuestionError(
                suggest(f"reference: {missing} has no group '{printable(named[missing])}'", named[missing], choices)
            )
        return groups.index(wanted)
    return int(rows.argmax()) if len(groups) else 0


def sort_key(level: Level) -> tuple[int, float, str]:
    """Order of levels: numbers by size, then text, then missing."""
    if level is None:
        return (2, 0.0, "")
    number = NUMBER.fullmatch(level) or BAND.match(level)
    if number:
        return (0, float(number.group(1)), level)
    return (1, 0.0, level)


# How a group's raw value is written: the same words whatever file, frame or engine it came from.
def name_level(value: Any, bands: Sequence[str] | None = None) -> Level:
    """Return the name of a raw value; None for a missing one, the band's where the value is a band's number."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if bands is not None:
        return bands[int(value)]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def is_same_class(one: Class, other: Class) -> bool:
    """Return whether two words name one class: texts as they are written, anything else by its value.

    >>> is_same_class("1", 1), is_same_class(True, 1), is_same_class("01", "1")
    (True, True, False)
    """
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    return _read_class(one) == _read_class(other)


def _read_class(value: Class) -> float | str:
    if isinstance(value, str) and value.casefold() in {"true", "false"}:
        return float(value.casefold() == "true")
    try:
        return float(value)
    except ValueError:
        return str(value)
