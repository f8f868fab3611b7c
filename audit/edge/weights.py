"""Weights of an ONNX model: how many it has, and how many are not zero, however they are stored.

Must not: run a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from audit.edge.model_file import list_graphs, list_nodes
from audit.edge.packed import PACKED, count_packed
from audit.errors import SourceError, printable

if TYPE_CHECKING:
    import numpy as np

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
    "QAttention": {3, 4, 6, 7},
    "DynamicQuantizeLSTM": {8, 9, 10, 11},
    "MatMulNBits": {2, 3, 4},
    "MatMulBnb4": {2},
    "GatherBlockQuantized": {2, 3},
    "QLinearAdd": {1, 2, 4, 5, 6, 7},
    "QLinearMul": {1, 2, 4, 5, 6, 7},
    "QLinearSigmoid": {1, 2, 3, 4},
    "QLinearLeakyRelu": {1, 2, 3, 4},
    "QLinearSoftmax": {1, 2, 3, 4},
    "QLinearAveragePool": {1, 2, 3, 4},
    "QLinearGlobalAveragePool": {1, 2, 3, 4},
}
"""Inputs of an operator that are scales, zero points or places in them, and so no weights of the model."""
ZERO_POINTS = {
    "DequantizeLinear": {0: 2},
    "MatMulInteger": {0: 2, 1: 3},
    "ConvInteger": {1: 3},
    "QLinearMatMul": {0: 2, 3: 5},
    "QLinearConv": {3: 5},
    "QGemm": {0: 2, 3: 5},
    "MatMulIntegerToFloat": {0: 4, 1: 5},
    "DynamicQuantizeMatMul": {1: 3},
    "QAttention": {1: 7},
    "DynamicQuantizeLSTM": {1: 9, 2: 11},
    "GatherBlockQuantized": {0: 3},
}
"""Of an input that holds integer weights, the input that says which integer means zero."""
ROWS = {("MatMulInteger", 0), ("QLinearMatMul", 0), ("MatMulIntegerToFloat", 0)}
"""Left factors, whose zero points are one a row."""
CHANNELS_FIRST = ("ConvInteger", "QLinearConv", "DynamicQuantizeLSTM")
"""Operators whose zero points belong to the first axis of their weights."""
COEFFICIENTS = ("coefficients", "support_vectors")
"""Weights that linear models and support vector machines keep as lists of numbers."""


@dataclass(slots=True)
class _Stored:
    """A tensor as it is stored, with who takes it."""

    tensor: Any
    """Dense or sparse."""
    uses: list[_Use] = field(default_factory=list)


class _Use(NamedTuple):
    """An operator that takes a stored tensor."""

    node: Any
    at: int
    """Which of its inputs it is."""
    visible: Mapping[str, _Stored]
    """Every stored tensor that the operator can name."""

    def is_given(self, at: int) -> bool:
        """Return whether the operator has another input, stored or worked out."""
        return at < len(self.node.input) and bool(self.node.input[at])

    def find(self, at: int) -> Any:
        """Return another input of the operator where it is stored, or None."""
        name = self.node.input[at] if at < len(self.node.input) else ""
        return self.visible[name].tensor if name in self.visible else None


def count_weights(model: Any) -> tuple[int, int | None]:
    """Count the weights of a model, and those that are not zero.

    Weights are its stored tensors of one dimension or more; scales, zero points and shapes (64-bit integers) are none.
    A weight that is stored as an integer is zero where it equals its zero point. Several weights that are packed into
    one byte are several weights.

    Returns
    -------
    tuple[int, int | None]
        All weights, and those that are not zero; None where only an engine knows: by the packing, or by a zero point
        that the model works out.

    Raises
    ------
    SourceError
        When a zero point does not fit its weights.
    """
    scales = {node.output[1] for node in list_nodes(model) if node.op_type == "DynamicQuantizeLinear"}
    counted = [_count_stored(stored, scales) for stored in _list_stored(model)]
    counted += [_count_listed(attribute) for node in list_nodes(model) for attribute in node.attribute]
    total, known = sum(n for n, _ in counted), [nonzero for _, nonzero in counted if nonzero is not None]
    return total, sum(known) if len(known) == len(counted) else None


def _count_listed(attribute: Any) -> tuple[int, int]:
    """Count the weights that an operator keeps as a list."""
    listed = attribute.floats if attribute.name in COEFFICIENTS else ()
    return len(listed), sum(value != 0 for value in listed)


def _list_stored(model: Any) -> Iterator[_Stored]:
    """Yield every stored tensor of a model, with its uses; a name is known in its graph and in the graphs inside."""
    yield from _walk(model.graph, {})
    for function in model.functions:
        yield from _walk(function, {})


def _walk(graph: Any, outer: Mapping[str, _Stored]) -> Iterator[_Stored]:
    own = dict(_name_stored(graph))
    visible = {**outer, **own}
    inside: list[_Stored] = []
    for node in graph.node:
        for at, name in enumerate(node.input):
            if name in visible:
                visible[name].uses.append(_Use(node, at, visible))
        for inner in list_graphs(node):
            inside += _walk(inner, visible)
    yield from (*own.values(), *inside)


def _name_stored(graph: Any) -> Iterator[tuple[str, _Stored]]:
    """Yield the tensors of one graph or function by the names by which operators know them."""
    for tensor in getattr(graph, "initializer", ()):
        yield tensor.name, _Stored(tensor)
    for sparse in getattr(graph, "sparse_initializer", ()):
        yield sparse.values.name, _Stored(sparse)
    for node in graph.node:
        if node.op_type == "Constant":
            yield from ((node.output[0], _Stored(tensor)) for tensor in _list_constants(node))


def _list_constants(node: Any) -> Iterator[Any]:
    from onnx import TensorProto, helper

    for attribute in node.attribute:
        if attribute.HasField("t"):
            yield attribute.t
        if attribute.HasField("sparse_tensor"):
            yield attribute.sparse_tensor
        if attribute.name == "value_floats":
            yield helper.make_tensor("", TensorProto.FLOAT, [len(attribute.floats)], attribute.floats)


def _count_stored(stored: _Stored, scales: AbstractSet[str]) -> tuple[int, int | None]:
    """Count the weights of one tensor, and those that are not zero; ``scales`` are those that the model works out."""
    from onnx import TensorProto

    tensor, uses = stored.tensor, stored.uses
    kind = getattr(tensor, "values", tensor).data_type
    if not tensor.dims or kind in {TensorProto.INT64, TensorProto.STRING}:
        return 0, 0
    if any(_is_scale(use, scales) for use in uses):
        return 0, 0
    packing = next((use for use in uses if PACKED.get(use.node.op_type) == use.at), None)
    values = _read_values(tensor)
    if packing is not None and values.dtype.kind == "u":
        beside = {at: found for at in range(len(packing.node.input)) if (found := packing.find(at)) is not None}
        return count_packed(packing.node, values, {at: _read_values(found) for at, found in beside.items()})
    for use in uses:
        place = ZERO_POINTS.get(use.node.op_type, {}).get(use.at, len(use.node.input))
        zero = use.find(place)
        if zero is not None:
            return values.size, _count_nonzero(values, _read_values(zero), use)
        if use.is_given(place):
            return values.size, None
    return values.size, _count_nonzero(values, None, None)


def _is_scale(use: _Use, scales: AbstractSet[str]) -> bool:
    """Return whether a tensor is a scale or a zero point: by its place, or as it multiplies a scale of activations."""
    name = use.node.op_type
    return use.at in SCALES.get(name, ()) or (name == "Mul" and not scales.isdisjoint(use.node.input))


def _read_values(tensor: Any) -> np.ndarray:
    """Return a stored tensor as an array that counts like numbers; a sparse one with its zeros."""
    import numpy as np
    from onnx import numpy_helper

    if hasattr(tensor, "indices"):
        return _make_dense(tensor)
    values: np.ndarray = numpy_helper.to_array(tensor)
    # Types that numpy has not, such as bfloat16 and 4-bit integers, are exact as float32.
    return values if values.dtype.kind in "iufbc" else values.astype(np.float32)


def _make_dense(sparse: Any) -> np.ndarray:
    """Return a sparse tensor with its zeros; its places are numbers in the flat tensor, or one row each."""
    import numpy as np
    from onnx import numpy_helper

    values, places = numpy_helper.to_array(sparse.values), numpy_helper.to_array(sparse.indices)
    dense = np.zeros(tuple(sparse.dims), values.dtype)
    dense[np.unravel_index(places, dense.shape) if places.ndim == 1 else tuple(places.T)] = values
    return dense


def _count_nonzero(values: np.ndarray, zero: np.ndarray | None, use: _Use | None) -> int:
    """Count the values that differ from their zero point."""
    import numpy as np

    if zero is None or use is None or not np.any(zero):
        return int(np.count_nonzero(values))
    try:
        return int(np.count_nonzero(values != _lay_along(values, zero, use)))
    except (ValueError, IndexError):
        name = printable(use.node.input[use.at])
        raise SourceError(f"the zero point of weights '{name}' does not fit them; export the model again") from None


def _lay_along(values: np.ndarray, zero: np.ndarray, use: _Use) -> np.ndarray:
    """Return the zero points in a shape that fits the weights: of all, of each channel, or of each block."""
    import numpy as np

    if zero.size == 1:
        return zero.reshape(())
    axis, block = _find_axis(use), _read_attribute(use.node, "block_size", 0)
    if block and zero.ndim == values.ndim:
        length = values.shape[axis]
        return np.repeat(zero, block, axis=axis).take(np.arange(length), axis=axis)
    if use.node.op_type == "DynamicQuantizeLSTM" and zero.ndim == 2:
        return zero[:, None, :]
    if zero.ndim > 1:
        return zero
    shape = [1] * values.ndim
    shape[axis] = zero.size
    return zero.reshape(shape)


def _find_axis(use: _Use) -> int:
    """Return the axis of the weights to which one zero point a channel belongs."""
    name = use.node.op_type
    if name == "DequantizeLinear":
        return _read_attribute(use.node, "axis", 1)
    if name == "GatherBlockQuantized":
        return _read_attribute(use.node, "quantize_axis", 1)
    if name in CHANNELS_FIRST or (name == "QGemm" and _read_attribute(use.node, "transB", 0)):
        return 0
    return -2 if (name, use.at) in ROWS else -1


def _read_attribute(node: Any, name: str, default: int) -> int:
    """Return a whole number of an operator."""
    return next((int(a.i) for a in node.attribute if a.name == name), default)
