"""ONNX Runtime on the processor: a model opened, and the graph that it really runs.

Must not: answer rows.
"""

from __future__ import annotations

import platform
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit.edge.faults import choose_mend, list_faults, quote_fault
from audit.edge.features import Features
from audit.edge.inputs import Feed, make_feed
from audit.errors import MissingExtraError, QuestionError, SourceError, printable

PROVIDER = "CPUExecutionProvider"
SILENT = 4
"""The engine prints nothing: what it refuses is said in our own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that is open."""

    name: str
    path: Path
    session: Any = field(repr=False)
    output: str
    """Name of its first output, which is its answer."""
    batch: int
    threads: int
    cutoff: float | None = None
    """From which number on the answer is 1, of a model that gives one number a row."""

    def feed(self, features: Features) -> Feed:
        """Return the inputs of all rows, each in the type that the model wants."""
        return make_feed(quote_name(self.path), self.session.get_inputs(), features)


def quote_name(path: Path) -> str:
    """Return what a model is called in a refusal."""
    return f"'{printable(path.name)}'"


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
        When the model is made for calls of another number of rows, or its first output is no array.
    """
    if not path.is_file():
        raise SourceError(f"no file '{printable(path)}'; name an ONNX model")
    session = _start(path, threads)
    for given in session.get_inputs():
        fixed = given.shape[0] if given.shape else None
        if isinstance(fixed, int) and fixed != batch:
            raise QuestionError(
                f"'{printable(path)}' answers {fixed:,} rows a call, not {batch:,}; use --batch {fixed}, or export it "
                "with a free batch dimension"
            )
    output = _find_output(path, session)
    return Model(name=name, path=path, session=session, output=output, batch=batch, threads=threads, cutoff=cutoff)


def _find_output(path: Path, session: Any) -> str:
    """Return the name of a model's first output, which has to be an array."""
    output = next(iter(session.get_outputs()), None)
    if output is None:
        raise QuestionError(f"'{printable(path)}' has no output; export it with its answers")
    if not output.type.startswith("tensor("):
        raise QuestionError(
            f"'{printable(path)}' gives {printable(output.type)} as its first output '{printable(output.name)}', not "
            "an array of answers; export it with its classes first, or without ZipMap"
        )
    return str(output.name)


def _start(path: Path, threads: int, save_to: Path | None = None) -> Any:
    """Start a session; with ``save_to``, write the graph that it runs."""
    engine = _require_engine()
    options = engine.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = SILENT
    if save_to is not None:
        options.optimized_model_filepath = str(save_to)
        # Weights beside the graph, so that one over 2 GB can be written.
        options.add_session_config_entry("session.optimized_model_external_initializers_file_name", "weights.bin")
    try:
        return engine.InferenceSession(str(path), options, providers=[PROVIDER])
    except list_faults() as error:
        raise SourceError(
            f"'{printable(path)}' cannot be run by onnxruntime ({quote_fault(error)}); {choose_mend(error)}"
        ) from error


def load_graph_as_run(path: Path) -> Any:
    """Load the graph that the engine runs on this processor, once it has joined and replaced operators."""
    import onnx

    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "as_run.onnx"
        _start(path, 1, saved)
        return onnx.load(saved, load_external_data=False)
