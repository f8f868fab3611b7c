"""Weights of a few bits, several of which share a byte.

Source: ``MatMulNBits``, ``MatMulBnb4`` and ``GatherBlockQuantized`` in docs/ContribOperators.md of ONNX Runtime 1.32.
Must not: run a model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

PACKED = {"MatMulNBits": 1, "MatMulBnb4": 1, "GatherBlockQuantized": 0}
"""Operators that take packed weights, and which of their inputs that is."""
WHOLE_BITS = (2, 4, 8)
"""Bits of weights that never reach into a second byte."""
MOST_BYTES = 1 << 20
"""Bytes that are unpacked at once: every weight takes eight bytes then."""


def count_packed(
    node: Any, packed: np.ndarray, zero: np.ndarray | None, groups: np.ndarray | None
) -> tuple[int, int | None]:
    """Count the weights that an operator holds packed, and those that are not zero.

    Parameters
    ----------
    node
        The operator.
    packed
        Bytes of its weights.
    zero
        Zero points, packed alike or as numbers; None for the middle of the range.
    groups
        Which zero point each input feature has, where features are not in order.

    Returns
    -------
    tuple[int, int | None]
        All weights without what fills the last block, and those that are not zero; None where the order of bits is one
        that only an engine knows.
    """
    asked = {a.name: int(a.i) for a in node.attribute}
    if node.op_type == "GatherBlockQuantized":
        bits = asked.get("bits", 4)
        return packed.size * (8 // bits), None
    total = asked["K"] * asked["N"]
    known = node.op_type == "MatMulNBits" and asked.get("bits", 4) in WHOLE_BITS
    if not known or asked.get("weight_prepacked", 0):
        return total, None
    return total, _count_blocks(asked, packed, zero, groups)


def _count_blocks(asked: dict[str, int], packed: np.ndarray, zero: np.ndarray | None, groups: np.ndarray | None) -> int:
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
