"""Which operators really are integer: of the graph that the engine runs, and not of what a file promises.

Must not: run a model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from audit.edge.model_file import list_nodes, list_tensors
from audit.record.edge import OperatorCount

PACKED = ("MatMulNBits", "MatMulBnb4", "MatMulFpQ4")
"""Operators whose weights are stored in few bits and multiplied as floats."""
FUSED = ("FusedMatMul", "FusedGemm", "FusedMatMulActivation", "TransposeMatMul", "GemmFastGelu", "SparseToDenseMatMul")
"""What ONNX Runtime makes of a product and what stands beside it."""
FLOAT: Mapping[str, str] = {
    **dict.fromkeys(("MatMul", "Gemm", *FUSED, *PACKED), "MatMul"),
    **dict.fromkeys(("Conv", "ConvTranspose", "DeformConv", "FusedConv", "NhwcConv", "NhwcFusedConv"), "Conv"),
    **dict.fromkeys(("Attention", "PackedAttention"), "Attention"),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), "LSTM, GRU or RNN"),
    **dict.fromkeys(("LinearClassifier", "LinearRegressor", "SVMClassifier", "SVMRegressor"), "linear models and SVMs"),
}
"""Operators that multiply weights as floats, by the kind that they count as."""
INTEGER: Mapping[str, str] = {
    **dict.fromkeys(
        ("MatMulInteger", "MatMulInteger16", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "QLinearMatMul", "QGemm"),
        "MatMul",
    ),
    **dict.fromkeys(("ConvInteger", "QLinearConv"), "Conv"),
    "QAttention": "Attention",
    "DynamicQuantizeLSTM": "LSTM, GRU or RNN",
}
"""Operators of ONNX and of ONNX Runtime that multiply weights as integers."""
DEQUANTISE = "DequantizeLinear"
MOVES = ("Transpose", "Reshape", "Identity", "Squeeze", "Unsqueeze", "Cast")
"""Operators that lay weights otherwise, and compute nothing with them."""
WEIGHTS = dict.fromkeys(("LSTM", "GRU", "RNN"), 3)
"""How many of the first inputs may be weights, where these are not two."""
ALLOWS_INTEGERS = 4
"""Accuracy level of a packed product from which on the engine may round its activations to 8 bits and multiply
integers, where this processor has a kernel for it (docs/ContribOperators.md of ONNX Runtime, MatMulNBits)."""


def count_operators(run: Any, stored: Any) -> tuple[OperatorCount, ...]:
    """Count the operators that multiply weights, and those of them that are integer.

    Parameters
    ----------
    run
        Graph that the engine runs, once it has joined operators.
    stored
        Graph of the file.

    Returns
    -------
    tuple[OperatorCount, ...]
        One for each kind that the graph has.
    """
    names = Counter(node.op_type for node in list_nodes(run))
    weights, chosen = _count_stored(stored), _count_chosen(run)
    kinds = dict.fromkeys((*FLOAT.values(), *INTEGER.values()))
    return tuple(_count_kind(kind, names, chosen[kind], weights[kind]) for kind in kinds if _select(kind, names))


def _select(kind: str, names: Mapping[str, int]) -> dict[str, int]:
    """Return the operators of one kind, by name."""
    return {name: n for name, n in sorted(names.items()) if FLOAT.get(name, INTEGER.get(name)) == kind}


def _count_kind(kind: str, names: Mapping[str, int], chosen: int, stored: int) -> OperatorCount:
    found = _select(kind, names)
    integer = sum(n for name, n in found.items() if name in INTEGER)
    return OperatorCount(
        operator=kind,
        total=sum(found.values()),
        integer=integer,
        may_be_integer=chosen,
        stored_as_integer=stored,
        runs_as=found,
    )


def _count_chosen(model: Any) -> Counter[str]:
    """Count the operators with which the engine may compute in integers or not, by kind."""
    return Counter(
        FLOAT[node.op_type]
        for node in list_nodes(model)
        if node.op_type in PACKED and any(a.name == "accuracy_level" and a.i == ALLOWS_INTEGERS for a in node.attribute)
    )


def _count_stored(model: Any) -> Counter[str]:
    """Count the operators of a file whose weights are stored as integers, by kind."""
    nodes = list(list_nodes(model))
    held = _list_integers(model)
    dequantised: set[str] = set()
    for node in nodes:
        # Operators stand in the order in which they run.
        if (node.op_type == DEQUANTISE and node.input[0] in held) or (
            node.op_type in MOVES and dequantised & set(node.input[:1])
        ):
            dequantised.add(node.output[0])
    found: Counter[str] = Counter()
    for node in nodes:
        packed = node.op_type in INTEGER or node.op_type in PACKED
        # A bias is stored as an integer too; the weights are among the first inputs.
        if packed or (node.op_type in FLOAT and dequantised & set(node.input[: WEIGHTS.get(node.op_type, 2)])):
            found[INTEGER.get(node.op_type) or FLOAT[node.op_type]] += 1
    return found


def _list_integers(model: Any) -> set[str]:
    """List the names under which a file stores integers: in its graphs, and as constants."""
    from onnx import TensorProto

    held = set()
    for tensor in list_tensors(model):
        if TensorProto.DataType.Name(tensor.data_type).startswith(("INT", "UINT")):
            held.add(tensor.name)
    for node in list_nodes(model):
        of_integers = [a.t.data_type for a in node.attribute if node.op_type == "Constant" and a.HasField("t")]
        if any(TensorProto.DataType.Name(kind).startswith(("INT", "UINT")) for kind in of_integers):
            held.add(node.output[0])
    return held - {""}
