"""Weights of a few bits, several of which share a byte.

Source: ``MatMulNBits``, ``MatMulBnb4`` and ``GatherBlockQuantized`` in docs/ContribOperators.md of ONNX Runtime 1.32.
Must not: run a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Beside = Mapping[int, np.ndarray]

PACKED = {"MatMulNBits": 1, "MatMulBnb4": 1, "GatherBlockQuantized": 0}
"""Operators that take packed weights, and which of their inputs that is."""
WHOLE_BITS = (2, 4, 8)
"""Bits of weights that never reach into a second byte."""
ZERO_PLACES = (3, 4)
"""Inputs of these operators that hold zero points, and which of them a feature has."""
BNB_ZEROS = {0: (0, 8), 1: (7,)}
"""Codes of 0 in the tables of FP4 and NF4: onnxruntime/contrib_ops/cpu/quantization/blockwise_quant_block_bnb4.h."""
MOST_BYTES = 1 << 20
"""Bytes that are unpacked at once: every weight takes eight bytes then."""


def count_packed(node: Any, packed: np.ndarray, beside: Beside) -> tuple[int, int | None]:
    """Count the weights that an operator holds packed, and those that are not zero.

    Parameters
    ----------
    node
        The operator.
    packed
        Bytes of its weights.
    beside
        Its other inputs that are stored, by their place: scales, zero points (packed alike, or as numbers), and which
        zero point each input feature has where features are not in order.

    Returns
    -------
    tuple[int, int | None]
        All weights without what fills the last block, and those that are not zero; None where the order of bits, or
        the zero point, is one that only an engine knows.
    """
    asked = {a.name: int(a.i) for a in node.attribute}
    elsewhere = any(name and at in ZERO_PLACES and at not in beside for at, name in enumerate(node.input))
    if node.op_type == "GatherBlockQuantized":
        bits = asked.get("bits", 4)
        known = not elsewhere and asked.get("quantize_axis", 1) in {-1, packed.ndim - 1}
        return packed.size * (8 // bits), _count_gathered(asked, packed, beside) if known else None
    total = asked["K"] * asked["N"]
    if node.op_type == "MatMulBnb4":
        known = asked["quant_type"] in BNB_ZEROS
        return total, _count_bnb(asked, packed, beside.get(2)) if known else None
    known = node.op_type == "MatMulNBits" and asked.get("bits", 4) in WHOLE_BITS
    if not known or elsewhere or asked.get("weight_prepacked", 0):
        return total, None
    return total, _count_blocks(asked, packed, beside.get(3), beside.get(4))


def _count_gathered(asked: Mapping[str, int], packed: np.ndarray, beside: Beside) -> int:
    """Count the weights of an embedding that differ from their zero point, which belongs to a block of a row."""
    import numpy as np

    bits, block = asked.get("bits", 4), asked.get("block_size", 128)
    rows = packed.reshape(-1, packed.shape[-1])
    length = rows.shape[1] * (8 // bits)
    blocks = -(-length // block)
    zeros = _read_zeros(beside.get(3), bits, len(rows), blocks)
    place, step, found = np.arange(length) // block, max(1, MOST_BYTES // rows.shape[1]), 0
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        found += int(np.count_nonzero(_unpack(rows[part], bits) != zeros[part][:, place]))
    return found


def _count_bnb(asked: Mapping[str, int], packed: np.ndarray, largest: np.ndarray | None) -> int:
    """Count the weights that are not the code of 0, in blocks of which the largest weight is not 0.

    The first of two weights stands in the upper half of a byte.
    """
    import numpy as np

    block, total = asked["block_size"], asked["K"] * asked["N"]
    halves = np.stack([packed.reshape(-1) >> 4, packed.reshape(-1) & 15], axis=1).reshape(-1)[:total]
    nonzero = ~np.isin(halves, BNB_ZEROS[asked["quant_type"]])
    if largest is not None:
        nonzero &= np.repeat(largest.reshape(-1) != 0, block)[:total]
    return int(np.count_nonzero(nonzero))


def _count_blocks(
    asked: Mapping[str, int], packed: np.ndarray, zero: np.ndarray | None, groups: np.ndarray | None
) -> int:
    """Count the weights of a product that differ from their zero point: a row for each output, in blocks of inputs."""
    import numpy as np

    bits, block = asked.get("bits", 4), asked["block_size"]
    inputs, outputs = asked["K"], asked["N"]
    blocks = -(-inputs // block)
    rows = packed.reshape(outputs, -1)
    place = np.arange(inputs) // block if groups is None else groups
    zeros = _read_zeros(zero, bits, outputs, blocks)
    step, found = max(1, MOST_BYTES // rows.shape[1]), 0
    for start in range(0, outputs, step):
        values = _unpack(rows[start : start + step], bits)[:, :inputs]
        found += int(np.count_nonzero(values != zeros[start : start + step][:, place]))
    return found


def _read_zeros(zero: np.ndarray | None, bits: int, outputs: int, blocks: int) -> np.ndarray:
    """Return the zero point of each block of each output."""
    import numpy as np

    if zero is None:
        return np.full((outputs, blocks), 2 ** (bits - 1))
    if zero.dtype.kind == "u":
        return _unpack(zero.reshape(outputs, -1), bits)[:, :blocks]
    return zero.reshape(outputs, blocks)


def _unpack(packed: np.ndarray, bits: int) -> np.ndarray:
    """Return the numbers of some bits that rows of bytes hold, the lowest bits first."""
    import numpy as np

    if bits == 8:
        return packed
    each = np.unpackbits(packed, axis=1, bitorder="little")
    whole = each.shape[1] // bits * bits
    weights: np.ndarray = each[:, :whole].reshape(len(packed), -1, bits) @ (1 << np.arange(bits))
    return weights
