"""How many weights a model has, however they are stored: in integers, in halves of a byte, sparse, in branches."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from small_models import need_onnx, write_network

from audit.errors import SourceError

need_onnx()

import onnx  # noqa: E402
import onnx.reference  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from audit.edge.model_file import list_tensors, load_model  # noqa: E402
from audit.edge.resources import describe_file  # noqa: E402
from audit.edge.weights import SCALES, ZERO_POINTS, count_weights  # noqa: E402
from audit.report.resources import describe_model  # noqa: E402


def make(nodes, held=(), *, sparse=(), given=(), made=(("z", "FLOAT", None),), functions=(), opset=21):
    ends = [
        [helper.make_tensor_value_info(n, getattr(TensorProto, k), s) for n, k, s in each] for each in (given, made)
    ]
    graph = helper.make_graph(nodes, "g", *ends, list(held), sparse_initializer=list(sparse))
    sets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=sets, ir_version=10, functions=list(functions))


def hold(name, values, kind=None):
    return numpy_helper.from_array(np.asarray(values) if kind is None else np.asarray(values, kind), name)


def pack(bits, values):
    """Return bytes that hold numbers of some bits, the lowest bits first, by arithmetic."""
    each = 8 // bits
    return sum(values[..., at::each].astype("uint8") << (bits * at) for at in range(each)).astype("uint8")


def make_packed(bits, *, zero, inputs=40, outputs=6, block=16, level=0, seed=0):
    """Return a product of packed weights, with a row for each output; the last block is filled with other numbers."""
    rng, blocks = np.random.default_rng(seed), -(-inputs // block)
    middle = 2 ** (bits - 1)
    values = rng.integers(middle - 1, middle + 2, (outputs, blocks * block)).astype("uint8")
    held = [
        hold("B", pack(bits, values).reshape(outputs, blocks, block * bits // 8)),
        hold("scales", np.full(outputs * blocks, 0.5, "float32")),
    ]
    names = ["x", "B", "scales"]
    if zero == "packed":
        zeros = rng.integers(middle - 1, middle + 2, (outputs, -(-blocks * bits // 8) * (8 // bits))).astype("uint8")
        held.append(hold("zeros", pack(bits, zeros).reshape(-1)))
    elif zero == "float":
        held.append(hold("zeros", rng.integers(middle - 1, middle + 2, outputs * blocks).astype("float32")))
    names += ["zeros"] if zero else [""]
    asked = {"K": inputs, "N": outputs, "bits": bits, "block_size": block, "accuracy_level": level}
    node = helper.make_node("MatMulNBits", names, ["z"], domain="com.microsoft", **asked)
    return make([node], held, given=[("x", "FLOAT", ["n", inputs])], made=[("z", "FLOAT", ["n", outputs])])


def run_identity(model, inputs):
    """Return the weights that the engine computes with: a row of ones and zeros gives each."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.eye(inputs, dtype="float32")})[0]


@pytest.mark.parametrize(("bits", "zero"), [(4, None), (4, "packed"), (4, "float"), (8, None), (8, "packed")])
def test_packed_weights_are_as_many_as_the_engine_computes_with(bits, zero):
    model = make_packed(bits, zero=zero)
    as_run = run_identity(model, 40)
    assert 0 < np.count_nonzero(as_run) < as_run.size
    assert count_weights(model) == (as_run.size, np.count_nonzero(as_run))


def test_two_bits_are_read_as_four_and_eight_are():
    """The engine has no kernel for every processor here, so that the arithmetic of the test decides."""
    model = make_packed(2, zero=None, inputs=32)
    stored = numpy_helper.to_array(model.graph.initializer[0])
    values = np.stack([stored >> shift & 3 for shift in (0, 2, 4, 6)], axis=-1)
    assert count_weights(model) == (32 * 6, np.count_nonzero(values != 2))


@pytest.mark.parametrize("quant_type", [0, 1])
@pytest.mark.parametrize(("inputs", "outputs", "block"), [(32, 4, 16), (33, 3, 16), (17, 5, 32)])
def test_floats_of_four_bits_are_zero_where_the_engine_computes_with_zero(quant_type, inputs, outputs, block):
    rng, total = np.random.default_rng(quant_type), inputs * outputs
    largest = (np.arange(-(-total // block)) % 3 > 0).astype("float32")
    held = [hold("B", rng.integers(0, 256, -(-total // 2)).astype("uint8")), hold("absmax", largest)]
    asked = {"K": inputs, "N": outputs, "block_size": block, "quant_type": quant_type}
    node = helper.make_node("MatMulBnb4", ["x", "B", "absmax"], ["z"], domain="com.microsoft", **asked)
    model = make([node], held, given=[("x", "FLOAT", ["n", inputs])], made=[("z", "FLOAT", ["n", outputs])])
    as_run = run_identity(model, inputs)
    assert 0 < np.count_nonzero(as_run) < total
    assert count_weights(model) == (total, np.count_nonzero(as_run))


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("zero", [False, True])
def test_packed_rows_of_an_embedding_are_zero_where_the_engine_gives_zero(bits, zero):
    import onnxruntime

    rng, words, each, block = np.random.default_rng(bits), 6, 8 // bits, 16
    middle, width, blocks = 2 ** (bits - 1), 24 * (8 // bits), -(-24 * (8 // bits) // block)
    near = lambda *shape: pack(bits, rng.integers(middle - 1, middle + 2, shape).astype("uint8"))  # noqa: E731
    held = [hold("B", near(words, width)), hold("scales", np.ones((words, blocks), "float32"))]
    held += [hold("zeros", near(words, -(-blocks // each) * each))] if zero else []
    asked = {"bits": bits, "block_size": block, "quantize_axis": 1, "gather_axis": 0}
    names = ["B", "x", "scales", "zeros"][: 3 + zero]
    node = helper.make_node("GatherBlockQuantized", names, ["z"], domain="com.microsoft", **asked)
    model = make([node], held, given=[("x", "INT64", ["n"])])
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    as_run = session.run(None, {"x": np.arange(words)})[0]
    assert as_run.shape == (words, width)
    assert 0 < np.count_nonzero(as_run) < as_run.size
    assert count_weights(model) == (as_run.size, np.count_nonzero(as_run))


def test_weights_whose_zero_only_an_engine_knows_are_counted_and_not_called_zero_or_not():
    table = hold("B", np.zeros((4, 16)), "uint8")
    first = helper.make_node("GatherBlockQuantized", ["B", "x", "s"], ["z"], domain="com.microsoft", quantize_axis=0)
    assert count_weights(make([first], [table])) == (128, None)
    given = helper.make_node("DequantizeLinear", ["B", "scale", "zero"], ["z"])
    assert count_weights(make([given], [table], given=[("zero", "UINT8", [])])) == (64, None)
    packed = make_packed(4, zero="packed")
    packed.graph.initializer.remove(next(t for t in packed.graph.initializer if t.name == "zeros"))
    assert count_weights(packed) == (240, None)


@pytest.mark.parametrize(
    ("level", "told"),
    [
        (0, "0 of 1 MatMul are integer (1 stores integers and computes"),
        (4, "0 to 1 of 1 MatMul are integer (for 1 the"),
    ],
)
def test_packed_weights_are_integer_only_where_the_engine_may_not_choose(tmp_path, level, told):
    onnx.save(make_packed(4, zero=None, level=level), tmp_path / "packed.onnx")
    found = describe_file("packed", tmp_path / "packed.onnx")
    (product,) = found.operators
    assert (product.total, product.integer, product.may_be_integer, product.stored_as_integer) == (1, 0, level // 4, 1)
    assert describe_model(found).operators.startswith(told)
    assert describe_model(found).weights.endswith(" of 240 (67.1%)")


def test_a_sparse_tensor_has_all_its_weights_and_those_that_are_not_zero():
    flat = helper.make_sparse_tensor(hold("w", [1.5, 0.0, -2.0], "float32"), hold("", [1, 4, 7]), [3, 4])
    pairs = helper.make_sparse_tensor(hold("v", [3.0], "float32"), hold("", [[1, 1]]), [2, 5])
    model = make([helper.make_node("MatMul", ["w", "v"], ["z"])], sparse=[flat, pairs])
    assert count_weights(model) == (12 + 10, 2 + 1)


@pytest.mark.parametrize(("axis", "expected"), [(0, 2), (1, 4), (-1, 4)])
def test_a_zero_point_of_each_channel_belongs_to_its_axis_in_a_square_of_weights(axis, expected):
    values = np.array([[1, 1, 1], [1, 2, 2], [3, 2, 3]])
    held = [hold("w", values, "int8"), hold("s", [1.0] * 3, "float32"), hold("zero", [1, 2, 3], "int8")]
    model = make([helper.make_node("DequantizeLinear", ["w", "s", "zero"], ["z"], axis=axis)], held)
    (dequantised,) = onnx.reference.ReferenceEvaluator(model).run(None, {})
    assert np.count_nonzero(dequantised) == expected
    assert count_weights(model) == (9, expected)


def test_a_zero_point_of_each_block_belongs_to_its_block():
    values = np.arange(12).reshape(4, 3) % 4
    held = [
        hold("w", values, "uint8"),
        hold("s", np.ones((2, 3)), "float32"),
        hold("zero", [[0, 1, 2], [3, 0, 1]], "uint8"),
    ]
    model = make([helper.make_node("DequantizeLinear", ["w", "s", "zero"], ["z"], axis=0, block_size=2)], held)
    (dequantised,) = onnx.reference.ReferenceEvaluator(model).run(None, {})
    assert count_weights(model) == (12, np.count_nonzero(dequantised))


@pytest.mark.parametrize("kind", [TensorProto.INT4, TensorProto.UINT4, TensorProto.FLOAT8E4M3FN, TensorProto.BFLOAT16])
def test_types_that_numpy_has_not_are_counted_by_their_value(kind):
    held = [helper.make_tensor("w", kind, [5], [0, 1, 2, 0, 3])]
    assert count_weights(make([helper.make_node("Identity", ["w"], ["z"])], held)) == (5, 3)


def test_a_product_and_a_convolution_have_their_channels_where_the_engine_has_them():
    values = np.array([[7, 7], [9, 7]])
    zeros = [hold("a", 0, "uint8"), hold("b", [7, 9], "uint8"), hold("w", values, "uint8")]
    product = make([helper.make_node("MatMulInteger", ["x", "w", "a", "b"], ["z"])], zeros)
    assert count_weights(product) == (4, 3)
    left = make([helper.make_node("MatMulInteger", ["w", "x", "b"], ["z"])], zeros[1:])
    assert count_weights(left) == (4, 1)
    kernels = [*zeros[:2], hold("w", values.reshape(2, 1, 1, 2), "uint8")]
    assert count_weights(make([helper.make_node("ConvInteger", ["x", "w", "a", "b"], ["z"])], kernels)) == (4, 1)


def test_a_zero_point_that_does_not_fit_is_refused():
    held = [hold("w", [[1, 2]], "int8"), hold("s", [1.0], "float32"), hold("zero", [1, 2, 3], "int8")]
    model = make([helper.make_node("DequantizeLinear", ["w", "s", "zero"], ["z"])], held)
    with pytest.raises(SourceError, match="the zero point of weights 'w' does not fit them"):
        count_weights(model)


def make_branches():
    """Return a model whose two branches and whose function call different weights by the same name."""
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node("MatMul", ["x", "w"], [name])],
            name,
            [],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)],
            [hold("w", np.full((2, width), width - 2), "float32")],
        )
        for name, width in (("then", 2), ("else", 3))
    }
    body = [
        helper.make_node("Constant", [], ["w"], value=hold("", [[1.0], [0.0]], "float32")),
        helper.make_node("MatMul", ["a", "w"], ["b"]),
    ]
    own = helper.make_function("own", "Product", ["a"], ["b"], body, [helper.make_opsetid("", 21)])
    nodes = [
        helper.make_node("If", ["c"], ["y"], **branches),
        helper.make_node("Product", ["x"], ["z"], domain="own"),
        helper.make_node("Constant", [], ["listed"], value_floats=[1.0, 0.0, 2.0]),
    ]
    given = [("c", "BOOL", []), ("x", "FLOAT", [1, 2])]
    return make(nodes, given=given, functions=[own])


def test_weights_of_one_name_in_two_branches_and_a_function_are_all_weights():
    assert count_weights(make_branches()) == (4 + 6 + 2 + 3, 0 + 6 + 1 + 2)


def test_every_tensor_is_found_that_onnx_finds_itself(tmp_path):
    from onnx.external_data_helper import _get_all_tensors

    for model in (make_branches(), make_packed(4, zero="packed")):
        of_onnx, ours = (
            Counter(t.SerializeToString() for t in find(model)) for find in (_get_all_tensors, list_tensors)
        )
        assert ours == of_onnx
    file = tmp_path / "apart.onnx"
    onnx.save(make_branches(), file, save_as_external_data=True, location="apart.data", size_threshold=0)
    assert count_weights(load_model(file)) == count_weights(make_branches())


def test_scales_and_zero_points_are_those_of_the_schemas_of_onnx_and_of_the_engine():
    from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema

    schemas = {s.name: [i.name.lower() for i in s.inputs] for s in get_all_operator_schema() if s.name in SCALES}
    assert set(schemas) == set(SCALES)
    for name, inputs in schemas.items():
        helps = {at for at, given in enumerate(inputs) if "scale" in given or "zero_point" in given}
        assert SCALES[name] == helps | {at for at, given in enumerate(inputs) if given in {"g_idx", "absmax"}}, name
        assert all("zero_point" in inputs[zero] for zero in ZERO_POINTS.get(name, {}).values()), name


def test_linear_models_keep_their_weights_in_lists():
    node = helper.make_node("LinearClassifier", ["x"], ["z", "p"], domain="ai.onnx.ml", coefficients=[1.0, 0.0, -2.0])
    assert count_weights(make([node])) == (3, 2)


@pytest.mark.parametrize(("kind", "stored"), [("int8", 1), ("float8", 0)])
def test_weights_that_are_moved_before_they_are_multiplied_are_stored_as_integers(tmp_path, kind, stored):
    values = np.ones((6, 4))
    weights = hold("q", values, "int8")
    if kind == "float8":
        weights = helper.make_tensor("q", TensorProto.FLOAT8E4M3FN, values.shape, values.ravel())
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "s"], ["d"]),
        helper.make_node("Transpose", ["d"], ["t"]),
        helper.make_node("MatMul", ["x", "t"], ["z"]),
    ]
    held = [weights, hold("s", 0.5, "float32")]
    model = make(nodes, held, given=[("x", "FLOAT", ["n", 4])], made=[("z", "FLOAT", ["n", 6])])
    onnx.save(model, tmp_path / "moved.onnx")
    (found,) = describe_file("moved", tmp_path / "moved.onnx").operators
    assert (found.total, found.integer, found.stored_as_integer) == (1, 0, stored)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("kind", ["QInt8", "QUInt8"])
def test_scales_that_multiply_those_of_activations_are_no_weights(tmp_path, per_channel, kind):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    full = write_network(tmp_path / "full.onnx")
    quantize_dynamic(full, tmp_path / "int8.onnx", weight_type=getattr(QuantType, kind), per_channel=per_channel)
    total, nonzero = count_weights(load_model(tmp_path / "int8.onnx"))
    assert total == count_weights(load_model(full))[0]
    assert 0.9 * total < nonzero <= total
