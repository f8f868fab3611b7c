"""Which operators really are integer: of the graph that the engine runs, and not of what a file promises.

Must not: run a model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from audit.edge.model_file import list_nodes
from audit.record.edge import OperatorCount

PACKED = ("MatMulNBits", "MatMulBnb4", "MatMulFpQ4")
"""Operators whose weights are stored in few bits and multiplied as floats."""
FUSED = ("FusedMatMul", "FusedGemm", "FusedMatMulActivation", "TransposeMatMul", "GemmFloat8", "GemmFastGelu")
"""What ONNX Runtime makes of a product and what stands beside it."""
FLOAT: Mapping[str, str] = {
    **dict.fromkeys(("MatMul", "Gemm", *FUSED, *PACKED), "MatMul"),
    **dict.fromkeys(("Conv", "ConvTranspose", "FusedConv", "NhwcConv", "NhwcFusedConv"), "Conv"),
    **dict.fromkeys(("Attention", "PackedAttention"), "Attention"),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), "LSTM, GRU or RNN"),
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
    weights = _count_stored(stored)
    kinds = dict.fromkeys((*FLOAT.values(), *INTEGER.values()))
    return tuple(_count_kind(kind, names, weights[kind]) for kind in kinds if _select(kind, names))


def _select(kind: str, names: Mapping[str, int]) -> dict[str, int]:
    """Return the operators of one kind, by name."""
    return {name: n for name, n in sorted(names.items()) if FLOAT.get(name, INTEGER.get(name)) == kind}


def _count_kind(kind: str, names: Mapping[str, int], stored: int) -> OperatorCount:
    found = _select(kind, names)
    integer = sum(n for name, n in found.items() if name in INTEGER)
    return OperatorCount(
        operator=kind, total=sum(found.values()), integer=integer, stored_as_integer=stored, runs_as=found
    )


def _count_stored(model: Any) -> Counter[str]:
    """Count the operators of a file whose weights are stored as integers, by kind."""
    nodes = list(list_nodes(model))
    held = {tensor.name for tensor in model.graph.initializer}
    held |= {output for node in nodes if node.op_type == "Constant" for output in node.output}
    dequantised = {node.output[0] for node in nodes if node.op_type == DEQUANTISE and node.input[0] in held}
    found: Counter[str] = Counter()
    for node in nodes:
        packed = node.op_type in INTEGER or node.op_type in PACKED
        # A bias is stored as an integer too; the weights are the second input, or the first of a product.
        if packed or (node.op_type in FLOAT and dequantised & set(node.input[:2])):
            found[INTEGER.get(node.op_type) or FLOAT[node.op_type]] += 1
    return found
