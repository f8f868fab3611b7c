"""ONNX Runtime on the processor: a model opened, rows answered in batches, and the graph that it really runs.

What a model gives is read as classes: whole numbers and texts are classes as they stand, several numbers a row are
scores of classes 0, 1, … of which the highest answers, and one number a row needs a stated cutoff. Must not: guess a
cutoff, or take an answer that is not a number.
"""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.edge.features import Features, convert_feature
from audit.errors import MissingExtraError, QuestionError, SourceError, ValuesError, no_such, printable

if TYPE_CHECKING:
    import numpy as np

PROVIDER = "CPUExecutionProvider"
QUIET = 3
"""Errors of the engine only: what it warns of is about how graphs are saved."""
TYPES = {
    f"tensor({name})": {"float": "float32", "double": "float64"}.get(name, name)
    for name in ("float", "double", "float16", "int64", "int32", "uint8", "int8", "bool")
}
"""Types of inputs that rows of numbers can be given to, by the name of numpy."""
Feed = Mapping[str, "np.ndarray"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that is open."""

    name: str
    path: Path
    session: Any = field(repr=False)
    batch: int
    threads: int
    cutoff: float | None = None
    """From which number on the answer is 1, of a model that gives one number a row."""

    def feed(self, features: Features) -> Feed:
        """Return the inputs of all rows, each in the type that the model wants."""
        return _make_feed(self, features)


def _require_engine() -> Any:
    """Return ONNX Runtime.

    Raises
    ------
    MissingExtraError
        When it is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("onnxruntime", "onnx", error) from error
    return onnxruntime


def name_engine() -> str:
    """Return the engine with its version and where it computes."""
    return f"onnxruntime {_require_engine().__version__}, {PROVIDER}"


def name_processor() -> str:
    """Return the model of the processor, as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return printable(next(named, "") or platform.processor() or platform.machine(), 120)


def open_model(name: str, path: Path, *, batch: int, threads: int, cutoff: float | None = None) -> Model:
    """Open a model for calls of ``batch`` rows on ``threads`` threads.

    Raises
    ------
    SourceError
        When the engine cannot run it.
    QuestionError
        When the model is made for calls of another number of rows.
    """
    if not path.is_file():
        raise SourceError(f"no file '{printable(path)}'; name an ONNX model")
    session = _start(path, threads)
    for given in session.get_inputs():
        fixed = given.shape[0] if given.shape else None
        if isinstance(fixed, int) and fixed != batch:
            mend = "use --batch 1" if fixed == 1 else "export it with a free batch dimension"
            raise QuestionError(f"'{printable(path)}' answers {fixed} rows a call, not {batch}; {mend}")
    return Model(name=name, path=path, session=session, batch=batch, threads=threads, cutoff=cutoff)


def _start(path: Path, threads: int, save_to: Path | None = None) -> Any:
    """Start a session; with ``save_to``, write the graph that it runs."""
    engine = _require_engine()
    options = engine.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = QUIET
    if save_to is not None:
        options.optimized_model_filepath = str(save_to)
        # Weights beside the graph, so that one over 2 GB can be written.
        options.add_session_config_entry("session.optimized_model_external_initializers_file_name", "weights.bin")
    try:
        return engine.InferenceSession(str(path), options, providers=[PROVIDER])
    except _list_faults() as error:
        raise SourceError(f"'{printable(path)}' cannot be run by onnxruntime ({printable(error, 160)})") from error


def _list_faults() -> tuple[type[Exception], ...]:
    """List the errors of the engine, which share no base but Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    kinds = (getattr(state, name) for name in dir(state))
    of_engine = (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Exception))
    return (RuntimeError, ValueError, OSError, *of_engine)


def load_graph_as_run(path: Path) -> Any:
    """Load the graph that the engine runs on this processor, once it has joined and replaced operators."""
    import onnx

    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "as_run.onnx"
        _start(path, 1, saved)
        return onnx.load(saved, load_external_data=False)


def _make_feed(model: Model, features: Features) -> Feed:
    """Return the inputs of a model for all rows.

    A model with one input of rows by features gets them side by side; a model with an input for each feature gets each
    by its name.

    Raises
    ------
    QuestionError
        When the features do not fit the inputs.
    """
    import numpy as np

    inputs = model.session.get_inputs()
    strange = next((i for i in inputs if i.type not in TYPES), None)
    if strange is not None:
        raise QuestionError(
            f"{_name(model)}: input '{printable(strange.name)}' is {strange.type}; only numbers can be fed"
        )
    if len(inputs) == 1 and len(inputs[0].shape) == 2:
        _require_width(model, inputs[0].shape[1], len(features.columns))
        wanted = TYPES[inputs[0].type]
        each = [convert_feature(_name(model), name, column, wanted) for name, column in features.columns.items()]
        return {inputs[0].name: np.ascontiguousarray(np.column_stack(each))}
    return dict(_feed_by_name(model, inputs, features))


def _require_width(model: Model, width: Any, given: int) -> None:
    if isinstance(width, int) and width != given:
        raise QuestionError(
            f"{_name(model)} takes {width} features, and {given} are named; name those it was trained on"
        )


def _feed_by_name(model: Model, inputs: Sequence[Any], features: Features) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each input with the feature of its name, as a column where the model wants one."""
    import numpy as np

    for wanted in inputs:
        if wanted.name not in features.columns:
            raise QuestionError(f"{_name(model)}: {no_such('feature', wanted.name, features.columns)}")
        given = convert_feature(_name(model), wanted.name, features.columns[wanted.name], TYPES[wanted.type])
        column = np.ascontiguousarray(given)
        yield wanted.name, column.reshape(-1, 1) if len(wanted.shape) == 2 else column


def answer_rows(model: Model, feed: Feed, batch: int, order: np.ndarray | None = None) -> np.ndarray:
    """Answer all rows in batches.

    Parameters
    ----------
    model
        Who answers.
    feed
        Inputs of all rows.
    batch
        Rows a call; the last call has what is left.
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
    """
    import numpy as np

    laid = feed if order is None else {name: column[order] for name, column in feed.items()}
    given = np.concatenate([model.session.run(None, part)[0] for part in _split_rows(laid, batch)])
    answers = _read_answers(model, given)
    if order is None:
        return answers
    placed = np.empty_like(answers)
    placed[order] = answers
    return placed


def _split_rows(feed: Feed, batch: int) -> Iterator[dict[str, np.ndarray]]:
    """Yield the rows of a feed, ``batch`` at a time."""
    rows = len(next(iter(feed.values())))
    for start in range(0, rows, batch):
        yield {name: column[start : start + batch] for name, column in feed.items()}


def _read_answers(model: Model, given: np.ndarray) -> np.ndarray:
    """Return the class of each row from what a model gave for it.

    Raises
    ------
    QuestionError
        When one number a row has no cutoff, or a cutoff is of no use.
    ValuesError
        When a score is not a number.
    """
    import numpy as np

    flat: np.ndarray = given.reshape(len(given), -1)
    answers_classes = given.dtype.kind in "iubOUS"
    if model.cutoff is not None and (answers_classes or flat.shape[1] > 1):
        what = "classes" if answers_classes else f"{flat.shape[1]} scores"
        raise QuestionError(f"{_name(model)} gives {what} a row, for which a cutoff is of no use; remove the cutoff")
    if answers_classes:
        return _require_one(model, flat)
    unfit = int(np.isnan(flat).any(axis=1).sum())
    if unfit:
        raise ValuesError(
            f"{_name(model)} gives NaN for {unfit:,} of {len(flat):,} rows; such a model cannot be audited"
        )
    if flat.shape[1] > 1:
        best: np.ndarray = np.argmax(flat, axis=1)
        return best
    if model.cutoff is None:
        raise QuestionError(
            f"{_name(model)} gives one number a row; say from which on the answer is 1, with --cutoff 0 for logits or "
            "--cutoff 0.5 for probabilities"
        )
    return (flat[:, 0] >= model.cutoff).astype("int64")


def _require_one(model: Model, flat: np.ndarray) -> np.ndarray:
    """Return classes that stand as they are, one a row."""
    if flat.shape[1] != 1:
        raise QuestionError(
            f"{_name(model)} gives {flat.shape[1]} classes a row; its first output must be one answer a row"
        )
    return flat[:, 0].astype("int64") if flat.dtype.kind == "b" else flat[:, 0]


def _name(model: Model) -> str:
    return f"'{printable(model.path.name)}'"


def make_call(model: Model, feed: Feed) -> Callable[[], object]:
    """Return one call of the model on its first rows, repeated where there are fewer than a batch."""
    import numpy as np

    at = np.resize(np.arange(len(next(iter(feed.values())))), model.batch)
    rows = {name: np.ascontiguousarray(column[at]) for name, column in feed.items()}
    run = model.session.run

    def call() -> object:
        return run(None, rows)

    return call
