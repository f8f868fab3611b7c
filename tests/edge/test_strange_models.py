"""Models that are not as expected: rows that fail, hidden numbers of rows a call, odd inputs and outputs, spoilt files."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import WIDTH, answer_by_hand, make_rows, make_weights, need_onnx, write_network

from audit.errors import QuestionError, SourceError, ValuesError

need_onnx()

from audit.edge.answers import answer_rows  # noqa: E402
from audit.edge.engine import open_model  # noqa: E402
from audit.edge.features import Features  # noqa: E402
from audit.edge.resources import answer_twice  # noqa: E402


def as_features(rows):
    return Features({f"f{at}": rows[:, at] for at in range(rows.shape[1])})


def opened(path, *, batch=1, **more):
    return open_model(path.stem, path, batch=batch, threads=1, **more)


ROWS = (("x", "FLOAT", ["n", WIDTH]),)


def write_model(path, nodes, *, given=ROWS, made=(("z", "FLOAT", None),), held=()):
    """Write any graph behind the first product of the network."""
    import onnx
    from onnx import helper, numpy_helper

    ends = [
        [helper.make_tensor_value_info(n, getattr(onnx.TensorProto, k), s) for n, k, s in each]
        for each in (given, made)
    ]
    first, second = make_weights()
    weights = [numpy_helper.from_array(np.asarray(v), n) for n, v in {"w1": first, "w2": second, **dict(held)}.items()]
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    graph = helper.make_graph([helper.make_node(*node[:3], **dict(node[3:])) for node in nodes], "g", *ends, weights)
    onnx.save(helper.make_model(graph, opset_imports=sets, ir_version=9), path)
    return path


NETWORK = (("MatMul", ["x", "w1"], ["a"]), ("Relu", ["a"], ["b"]), ("MatMul", ["b", "w2"], ["s"]))


def test_a_row_on_which_a_model_fails_is_named_with_its_input(tmp_path, capfd):
    """The table has three entries: the fourth row asks for a fifth one."""
    look = [("Cast", ["x"], ["i"], ("to", 7)), ("Gather", ["table", "i"], ["z"])]
    path = write_model(
        tmp_path / "look.onnx", look, given=[("x", "FLOAT", ["n", 1])], held={"table": np.arange(3, dtype="float32")}
    )
    features = Features({"age": np.array([0.0, 1.0, 2.0, 4.0])})
    said = (
        r"'look\.onnx' gives no answer for rows 3 to 4 at its input 'x' \(2 × 1 float32\): Gather: indices element out of "
        r"data bounds.*; name the features it was trained on, and the rows a call it was exported for \(--batch\)"
    )
    with pytest.raises(ValuesError, match=said):
        answer_twice(opened(path, batch=2, cutoff=0.5), features)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("rows", [1, 8])
def test_a_model_that_hides_its_rows_a_call_is_never_asked_for_others(tmp_path, rows):
    """Its shape promises any number of rows, and the last operator takes one number only."""
    reshape = [*NETWORK, ("Reshape", ["s", "shape"], ["z"])]
    path, features = write_model(tmp_path / "hides.onnx", reshape, held={"shape": [rows, 2]}), make_rows(21)
    answers, noise = answer_twice(opened(path, batch=rows), as_features(features))
    assert (answers == answer_by_hand(features)).all()
    assert (noise.changed, noise.second_batch) == (0, rows)


@pytest.mark.parametrize(("keep", "found"), [(1, "an array of 1 × 2"), (0, "an array of 2")])
def test_one_answer_for_several_rows_is_refused(tmp_path, keep, found):
    mean = [*NETWORK, ("ReduceMean", ["s"], ["z"], ("axes", [0]), ("keepdims", keep))]
    model = opened(write_model(tmp_path / "mean.onnx", mean), batch=4)
    with pytest.raises(
        QuestionError, match=f"'mean.onnx' gives {found} for 4 rows as its first output 'z', not one answer"
    ):
        answer_rows(model, model.feed(as_features(make_rows())), 4)


def test_a_first_output_that_is_no_array_is_refused_and_a_later_one_is_not_looked_at(tmp_path):
    import onnx
    from onnx import helper

    chances = helper.make_map_type_proto(onnx.TensorProto.INT64, helper.make_tensor_type_proto(1, []))
    mapped = helper.make_value_info("m", helper.make_sequence_type_proto(chances))
    zipped = ("ZipMap", ["s"], ["m"], ("domain", "ai.onnx.ml"), ("classlabels_int64s", [0, 1]))
    path = write_model(tmp_path / "map.onnx", [*NETWORK, zipped, ("ArgMax", ["s"], ["z"], ("axis", 1))], made=())
    for outputs in (["m"], ["z", "m"]):
        model = onnx.load(path)
        classes = helper.make_tensor_value_info("z", onnx.TensorProto.INT64, ["n", 1])
        model.graph.output.extend({"m": mapped, "z": classes}[name] for name in outputs)
        onnx.save(model, tmp_path / f"{outputs[0]}.onnx")
    with pytest.raises(QuestionError, match=r"gives seq\(map\(int64.*as its first output 'm'.*or without ZipMap"):
        opened(tmp_path / "m.onnx")
    rows, model = make_rows(), opened(tmp_path / "z.onnx")
    assert (answer_rows(model, model.feed(as_features(rows)), 7) == answer_by_hand(rows)).all()


def test_a_model_without_an_output_is_refused(tmp_path):
    with pytest.raises(QuestionError, match=r"none\.onnx' has no output; export it with its answers"):
        opened(write_model(tmp_path / "none.onnx", NETWORK, made=()))


def test_several_infinite_scores_are_no_answer(tmp_path):
    model = opened(
        write_model(tmp_path / "inf.onnx", [*NETWORK, ("Div", ["s", "none"], ["z"])], held={"none": [np.float32(0)]})
    )
    with pytest.raises(
        ValuesError, match=r"'inf\.onnx' gives several classes the same infinite score for \d+ of 400 rows"
    ):
        answer_rows(model, model.feed(as_features(make_rows())), 64)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            [("p", "FLOAT", ["n", 2]), ("q", "FLOAT", ["n", 4])],
            "input 'p' is n × 2; export it with one input of rows by",
        ),
        ([("x", "FLOAT", ["n", 1, WIDTH])], "input 'x' is n × 1 × 6; export it with one input of rows by features"),
        ([("p", "FLOAT", ["n"])], "no feature 'p'; .*; name it, or export it with one input"),
        (
            [("x", "STRING", ["n", WIDTH])],
            r"input 'x' is tensor\(string\), and only numbers can be fed; export it with",
        ),
        ([("x", "BFLOAT16", ["n", WIDTH])], r"input 'x' is tensor\(bfloat16\), and only numbers can be fed; export it"),
        ([], "takes no input, so that it gives every row one answer; export it with one input of rows by"),
    ],
)
def test_inputs_that_no_row_of_a_table_can_be_given_to_are_refused(tmp_path, given, said):
    model = opened(write_model(tmp_path / "odd.onnx", [("Identity", ["w1"], ["z"])], given=given))
    with pytest.raises(QuestionError, match=f"'odd.onnx':? {said}"):
        model.feed(as_features(make_rows()))


def test_an_input_of_unknown_shape_gets_the_features_side_by_side(tmp_path):
    rows = make_rows()
    model = opened(
        write_model(tmp_path / "any.onnx", [*NETWORK, ("Identity", ["s"], ["z"])], given=[("x", "FLOAT", None)])
    )
    assert (answer_rows(model, model.feed(as_features(rows)), 7) == answer_by_hand(rows)).all()


@pytest.mark.parametrize("kind", ["INT16", "UINT16", "UINT32", "UINT64"])
def test_every_type_of_whole_numbers_can_be_fed(tmp_path, kind):
    path = write_model(tmp_path / "same.onnx", [("Cast", ["x"], ["z"], ("to", 1))], given=[("x", kind, ["n", 1])])
    model = opened(path, cutoff=2.0)
    assert answer_rows(model, model.feed(Features({"age": np.array([1, 2, 300])})), 2).tolist() == [0, 1, 1]


def break_opset(model, _):
    model.opset_import[0].version = 99


def break_ir(model, _):
    model.ir_version = 99


def use_own_operator(model, _):
    model.graph.node[0].op_type, model.graph.node[0].domain = "Mine", "mine"
    model.opset_import.add(domain="mine", version=1)


def lose_weights(model, folder):
    import onnx

    onnx.save(model, folder / "any.onnx", save_as_external_data=True, location="apart.data", size_threshold=0)
    (folder / "apart.data").write_bytes(b"short")


@pytest.mark.parametrize(
    ("spoil", "mend"),
    [
        (break_opset, "Opset 99 is under development.*; export it with an older opset, or upgrade onnxruntime"),
        (break_ir, "Unsupported model IR version: 99.*; export it with an older opset, or upgrade onnxruntime"),
        (use_own_operator, "is not a registered function/op.*; export it with operators of ONNX alone"),
        (lose_weights, "; put the whole file of its weights beside it"),
    ],
)
def test_a_file_that_the_engine_does_not_open_says_what_to_do(tmp_path, spoil, mend, capfd):
    import onnx

    model = onnx.load(write_network(tmp_path / "full.onnx"))
    spoil(model, tmp_path)
    if spoil is not lose_weights:
        onnx.save(model, tmp_path / "any.onnx")
    with pytest.raises(SourceError, match=rf"any\.onnx' cannot be run by onnxruntime \(.*{mend}"):
        opened(tmp_path / "any.onnx")
    assert capfd.readouterr() == ("", "")
