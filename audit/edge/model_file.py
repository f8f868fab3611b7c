"""What the file of an ONNX model holds: bytes, weights, and the operators that multiply them.

Must not: run a model.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.errors import MissingExtraError, SourceError, printable

if TYPE_CHECKING:
    import numpy as np

CHUNK = 1 << 20
ZIP_LEVEL = 6
"""Default level of zip and gzip."""
SCALES = {
    "DequantizeLinear": {1, 2},
    "QuantizeLinear": {1, 2},
    "MatMulInteger": {2, 3},
    "ConvInteger": {2, 3},
    "QLinearMatMul": {1, 2, 4, 5, 6, 7},
    "QLinearConv": {1, 2, 4, 5, 6, 7},
    "QGemm": {1, 2, 4, 5, 7, 8},
    "MatMulIntegerToFloat": {2, 3, 4, 5},
    "DynamicQuantizeMatMul": {2, 3},
    "MatMulNBits": {2, 3, 4},
}
"""Inputs of an operator that are scales and zero points, and so no weights of the model."""
ZERO_POINTS = {
    "DequantizeLinear": {0: 2},
    "MatMulInteger": {1: 3},
    "ConvInteger": {1: 3},
    "QLinearMatMul": {3: 5},
    "QLinearConv": {3: 5},
    "QGemm": {3: 5},
    "MatMulIntegerToFloat": {1: 5},
    "DynamicQuantizeMatMul": {1: 3},
}
"""Of an input that holds integer weights, the input that says which integer means zero."""


@dataclass(frozen=True, slots=True)
class _FileSize:
    """Size of a model's file with its external weights, and the digest of all its bytes."""

    raw: int
    zipped: int
    digest: str


def load_model(path: Path) -> Any:
    """Load an ONNX model with all its weights.

    Raises
    ------
    MissingExtraError
        When onnx is not installed.
    SourceError
        When the file is no ONNX model, or lacks its weights.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise MissingExtraError("onnx", "onnx", error) from error
    if not path.is_file():
        raise SourceError(f"no file '{printable(path)}'; name an ONNX model")
    try:
        model = onnx.load(path)
    except (DecodeError, OSError, ValueError, onnx.checker.ValidationError) as error:
        raise SourceError(f"'{printable(path)}' is no ONNX model ({printable(error, 120)}); export it again") from error
    if not model.graph.node:
        raise SourceError(f"'{printable(path)}' is no ONNX model (it has no operators); export it again")
    return model


def measure_size(path: Path) -> _FileSize:
    """Measure a model's file and the files of its external weights, raw and zipped, in bytes."""
    raw = zipped = 0
    digest = hashlib.sha256()
    for file in (path, *_list_external_files(path)):
        packer = zlib.compressobj(ZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)  # as zip: no header of zlib
        with file.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                raw += len(chunk)
                digest.update(chunk)
                zipped += len(packer.compress(chunk))
        zipped += len(packer.flush())
    return _FileSize(raw, zipped, f"sha256:{digest.hexdigest()}")


def _list_external_files(path: Path) -> tuple[Path, ...]:
    """List the files beside a model that hold its weights."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    names = {
        entry.value
        for tensor in _list_tensors(model)
        for entry in tensor.external_data
        if tensor.data_location == onnx.TensorProto.EXTERNAL and entry.key == "location"
    }
    return tuple(path.parent / name for name in sorted(names))


def count_weights(model: Any) -> tuple[int, int]:
    """Count the weights of a model, and those that are not zero.

    Weights are its stored tensors of one dimension or more; scales, zero points and shapes (64-bit integers) are none.
    A weight that is stored as an integer is zero where it equals its zero point.

    Returns
    -------
    tuple[int, int]
        All weights, and those that are not zero.
    """
    from onnx import TensorProto, numpy_helper

    named = {tensor.name: tensor for tensor in _list_tensors(model)}
    roles = [role for node in list_nodes(model) for role in _list_roles(node)]
    helpers = {name for name, helps, _ in roles if helps}
    zeros = {name: zero for name, _, zero in roles if zero}
    total = nonzero = 0
    for name, tensor in named.items():
        if name in helpers or not tensor.dims or tensor.data_type in {TensorProto.INT64, TensorProto.STRING}:
            continue
        values = numpy_helper.to_array(tensor)
        zero = named.get(zeros.get(name, ""))
        total += values.size
        nonzero += _count_nonzero(values, None if zero is None else numpy_helper.to_array(zero))
    return total, nonzero


def _count_nonzero(values: np.ndarray, zero: np.ndarray | None) -> int:
    """Count the values that differ from their zero point; one for each channel is along the axis that it fits."""
    import numpy as np

    plain = values.astype(np.float32) if values.dtype.kind not in "iufb" else values
    if zero is None or not np.any(zero):
        return int(np.count_nonzero(plain))
    if zero.size == 1:
        return int(np.count_nonzero(plain != zero.reshape(())))
    axis = next(i for i, length in enumerate(plain.shape) if length == zero.size)
    shape = [1] * plain.ndim
    shape[axis] = zero.size
    return int(np.count_nonzero(plain != zero.reshape(shape)))


def _list_roles(node: Any) -> Iterator[tuple[str, bool, str]]:
    """Yield each input of an operator: its name, whether it is a scale or a zero point, and its own zero point."""
    scales, zeros = SCALES.get(node.op_type, set()), ZERO_POINTS.get(node.op_type, {})
    for at, name in enumerate(node.input):
        zero = zeros.get(at, len(node.input))
        yield name, at in scales, node.input[zero] if zero < len(node.input) else ""


def list_nodes(model: Any) -> Iterator[Any]:
    """Yield every operator of a model, in its branches and functions too."""
    yield from _walk(model.graph.node)
    for function in model.functions:
        yield from _walk(function.node)


def _walk(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        yield node
        for graph in _list_graphs(node):
            yield from _walk(graph.node)


def _list_graphs(node: Any) -> Iterator[Any]:
    """Yield the graphs inside an operator: branches and bodies of loops."""
    for attribute in node.attribute:
        yield from ([attribute.g] if attribute.HasField("g") else [])
        yield from attribute.graphs


def _list_tensors(model: Any) -> Iterator[Any]:
    """Yield every stored tensor: of graphs, and of operators that are constants."""
    yield from model.graph.initializer
    for node in list_nodes(model):
        for graph in _list_graphs(node):
            yield from graph.initializer
        if node.op_type == "Constant":
            yield from (_name_constant(node, a.t) for a in node.attribute if a.HasField("t"))


def _name_constant(node: Any, tensor: Any) -> Any:
    """Return the tensor of a constant under the name by which other operators know it."""
    named = type(tensor)()
    named.CopyFrom(tensor)
    named.name = node.output[0]
    return named
