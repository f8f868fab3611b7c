"""What a model answers: all rows in calls of equal length, and the class of each row.

What a model gives is read as classes: whole numbers and texts are classes as they stand, several numbers a row are
scores of classes 0, 1, … of which the highest answers, and one number a row needs a stated cutoff. Must not: guess a
cutoff, or take an answer that is not a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from audit.edge.engine import Model, quote_name
from audit.edge.faults import list_faults, quote_fault
from audit.edge.inputs import Feed
from audit.errors import QuestionError, ValuesError, printable

if TYPE_CHECKING:
    import numpy as np

LONGEST = 160
CLASSES = "iubOUS"
"""Kinds of numpy that are classes as they stand: whole numbers, truth values and texts."""


class _Call(NamedTuple):
    """Rows of one call."""

    rows: int
    """Rows that are asked about; the others repeat them, so that every call has as many."""
    feed: Feed
    where: str
    """Which rows of the table these are, in a refusal."""


def answer_rows(model: Model, feed: Feed, batch: int, order: np.ndarray | None = None) -> np.ndarray:
    """Answer all rows in batches.

    Parameters
    ----------
    model
        Who answers.
    feed
        Inputs of all rows.
    batch
        Rows a call. Where fewer are left for the last one, it repeats these: a model may take one number of rows
        only, and one that scales its activations by the whole batch scales them alike.
    order
        Order in which rows are put into batches; as they stand by default.

    Returns
    -------
    numpy.ndarray
        The class of every row, in the order of ``feed``.

    Raises
    ------
    ValuesError
        When a row has no answer.
    QuestionError
        When what the model gives is not one answer a row.
    """
    import numpy as np

    laid = feed if order is None else {name: column[order] for name, column in feed.items()}
    calls = _split_rows(laid, batch, shuffled=order is not None)
    given = np.concatenate([_answer_call(model, call) for call in calls])
    answers = _read_answers(model, given)
    if order is None:
        return answers
    placed = np.empty_like(answers)
    placed[order] = answers
    return placed


def _split_rows(feed: Feed, batch: int, *, shuffled: bool) -> Iterator[_Call]:
    """Yield the rows of a feed, ``batch`` at a time."""
    total = _count_rows(feed)
    for start in range(0, total, batch):
        part = {name: column[start : start + batch] for name, column in feed.items()}
        rows = min(batch, total - start)
        where = f"row {start + 1:,}" if rows == 1 else f"rows {start + 1:,} to {start + rows:,}"
        yield _Call(rows, _repeat_to(part, batch), "rows in another order" if shuffled else where)


def _count_rows(feed: Feed) -> int:
    return len(next(iter(feed.values())))


def _repeat_to(feed: Feed, batch: int) -> Feed:
    """Return the first ``batch`` rows of a feed, repeated where there are fewer."""
    import numpy as np

    rows = _count_rows(feed)
    if rows == batch:
        return feed
    at = np.resize(np.arange(rows), batch)
    return {name: np.ascontiguousarray(column[at]) for name, column in feed.items()}


def _answer_call(model: Model, call: _Call) -> np.ndarray:
    """Return the first output of one call, a row for each row that is asked about."""
    batch = _count_rows(call.feed)
    try:
        given: np.ndarray = model.session.run([model.output], dict(call.feed))[0]
    except list_faults() as error:
        shapes = ", ".join(f"'{printable(name)}' ({_describe_shape(part)})" for name, part in call.feed.items())
        raise ValuesError(
            f"{quote_name(model.path)} gives no answer for {call.where} at its input {printable(shapes, LONGEST)}: "
            f"{quote_fault(error)}; name the features it was trained on, and the rows a call it was exported for "
            "(--batch)"
        ) from error
    if given.ndim == 0 or len(given) != batch:
        found = "one number" if given.ndim == 0 else f"an array of {' × '.join(map(str, given.shape))}"
        raise QuestionError(
            f"{quote_name(model.path)} gives {found} for {batch:,} rows as its first output "
            f"'{printable(model.output)}', not one answer a row; export it with a free batch dimension, and with its "
            "answers first"
        )
    return given[: call.rows]


def _describe_shape(part: np.ndarray) -> str:
    return f"{' × '.join(f'{size:,}' for size in part.shape)} {part.dtype}"


def can_answer(model: Model, feed: Feed, batch: int) -> bool:
    """Return whether a model answers a call of so many rows, the first of a feed."""
    try:
        model.session.run([model.output], dict(_repeat_to(feed, batch)))
    except list_faults():
        return False
    return True


def takes_cutoff(model: Model, feed: Feed) -> bool:
    """Return whether a model gives one number a row, which a cutoff makes a class of."""
    given = _answer_call(model, next(_split_rows(feed, model.batch, shuffled=False)))
    return given.dtype.kind not in CLASSES and given.size == len(given)


def _read_answers(model: Model, given: np.ndarray) -> np.ndarray:
    """Return the class of each row from what a model gave for it.

    Raises
    ------
    QuestionError
        When one number a row has no cutoff.
    ValuesError
        When a score is not a number.
    """
    import numpy as np

    flat: np.ndarray = given.reshape(len(given), -1)
    if given.dtype.kind in CLASSES:
        return _require_one(model, flat)
    _require_numbers(model, flat)
    if flat.shape[1] > 1:
        best: np.ndarray = np.argmax(flat, axis=1)
        return best
    if model.cutoff is None:
        raise QuestionError(
            f"{quote_name(model.path)} gives one number a row; say from which on the answer is 1, with --cutoff 0 for "
            "logits or --cutoff 0.5 for probabilities"
        )
    return (flat[:, 0] >= model.cutoff).astype("int64")


def _require_numbers(model: Model, flat: np.ndarray) -> None:
    """Refuse scores of which none is the highest: NaN, or several that are infinite."""
    import numpy as np

    if flat.shape[1] == 0:
        raise QuestionError(f"{quote_name(model.path)} gives no number for a row; export it with scores or classes")
    unfit = int(np.isnan(flat).any(axis=1).sum())
    if unfit:
        raise ValuesError(
            f"{quote_name(model.path)} gives NaN for {unfit:,} of {len(flat):,} rows; such a model cannot be audited"
        )
    highest = flat.max(axis=1, keepdims=True)
    tied = int((np.isinf(highest[:, 0]) & ((flat == highest).sum(axis=1) > 1)).sum())
    if tied:
        raise ValuesError(
            f"{quote_name(model.path)} gives several classes the same infinite score for {tied:,} of {len(flat):,} "
            "rows, so that none is the highest; such a model cannot be audited"
        )


def _require_one(model: Model, flat: np.ndarray) -> np.ndarray:
    """Return classes that stand as they are, one a row."""
    if flat.shape[1] != 1:
        raise QuestionError(
            f"{quote_name(model.path)} gives {flat.shape[1]} classes a row; its first output must be one answer a row"
        )
    return flat[:, 0].astype("int64") if flat.dtype.kind == "b" else flat[:, 0]


def make_call(model: Model, feed: Feed) -> Callable[[], object]:
    """Return one call of the model on its first rows, repeated where there are fewer than a batch."""
    rows = dict(_repeat_to({name: column[: model.batch] for name, column in feed.items()}, model.batch))
    run = model.session.run

    def call() -> object:
        return run(None, rows)

    return call
