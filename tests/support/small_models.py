"""Small ONNX models that tests build themselves: a network of two layers, whole, quantised and pruned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

WIDTH, HIDDEN = 6, 16


def need_onnx():
    """Skip where the extra is not installed."""
    for package in ("onnx", "onnxruntime"):
        pytest.importorskip(package, reason="pip install 'evenhand[onnx]'", exc_type=ImportError)


def make_rows(n=400, seed=0):
    return np.random.default_rng(seed).normal(size=(n, WIDTH)).astype("float32")


def make_weights(seed=0):
    rng = np.random.default_rng(seed)
    return [
        rng.normal(size=(WIDTH, HIDDEN)).astype("float32"),
        rng.normal(size=(HIDDEN, 2)).astype("float32"),
    ]


def write_network(path, weights=None, *, batch="batch", last=2):
    """Write rows of numbers -> MatMul -> Relu -> MatMul -> scores of two classes, or one number."""
    from onnx import TensorProto, helper, numpy_helper, save

    first, second = make_weights() if weights is None else weights
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "w2"], ["z"]),
    ]
    held = [numpy_helper.from_array(first, "w1"), numpy_helper.from_array(second[:, :last].copy(), "w2")]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, WIDTH])
    made = helper.make_tensor_value_info("z", TensorProto.FLOAT, [batch, last])
    graph = helper.make_graph(nodes, "network", [given], [made], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    save(model, path)
    return Path(path)


def quantise_dynamic(path, into):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(path, into, weight_type=QuantType.QInt8)
    return Path(into)


def quantise_static(path, into, rows):
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.left = iter([{"x": rows}])

        def get_next(self):
            return next(self.left, None)

    kinds = {"activation_type": QuantType.QInt8, "weight_type": QuantType.QInt8}
    quantize_static(path, into, Reader(), quant_format=QuantFormat.QDQ, **kinds)
    return Path(into)


def answer_by_hand(rows, weights=None):
    first, second = make_weights() if weights is None else weights
    return (np.maximum(rows @ first, 0) @ second).argmax(1)


def draw_labels(rows, seed=0):
    """Labels that follow the network loosely: where it is unsure, a changed answer is as often newly right as wrong."""
    first, second = make_weights()
    scores = np.maximum(rows @ first, 0) @ second
    chance = 1 / (1 + np.exp((scores[:, 0] - scores[:, 1]) / 10))
    return (np.random.default_rng(seed).random(len(rows)) < chance).astype("int64")
