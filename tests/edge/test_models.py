"""Models that the tests build and ONNX Runtime runs: sizes, weights, operators, answers, noise, latency, energy."""

from __future__ import annotations

import zlib

import numpy as np
import pyarrow as pa
import pytest
from small_models import (
    HIDDEN,
    WIDTH,
    answer_by_hand,
    make_rows,
    make_weights,
    need_onnx,
    quantise_dynamic,
    quantise_static,
    write_network,
)

from audit.edge.timing import measure_latencies
from audit.errors import QuestionError, SourceError, ValuesError

need_onnx()

from audit.edge.answers import answer_rows  # noqa: E402
from audit.edge.engine import open_model  # noqa: E402
from audit.edge.features import Features, read_features  # noqa: E402
from audit.edge.model_file import load_model, measure_size  # noqa: E402
from audit.edge.resources import Calls, answer_twice, describe_file, run_models  # noqa: E402
from audit.edge.weights import count_weights  # noqa: E402

ALL = (WIDTH + 2) * HIDDEN


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    full = write_network(folder / "full.onnx")
    pruned = [w * (np.abs(w) > np.quantile(np.abs(w), 0.9)) for w in make_weights()]
    return {
        "full": full,
        "dynamic": quantise_dynamic(full, folder / "dynamic.onnx"),
        "static": quantise_static(full, folder / "static.onnx", make_rows(seed=1)),
        "pruned": write_network(folder / "pruned.onnx", pruned),
    }


def as_features(rows):
    return Features({f"f{at}": rows[:, at] for at in range(rows.shape[1])})


def opened(path, *, batch=1, **more):
    return open_model(path.stem, path, batch=batch, threads=1, **more)


def test_bytes_are_those_of_the_file_and_zeros_save_only_where_it_is_zipped(models):
    full, pruned = measure_size(models["full"]), measure_size(models["pruned"])
    assert full.raw == models["full"].stat().st_size
    assert full.zipped == len(zlib.compress(models["full"].read_bytes(), 6)) - 6  # header and checksum of zlib
    assert pruned.raw == full.raw
    assert pruned.zipped < 0.7 * full.zipped
    assert full.digest != pruned.digest


def test_weights_of_an_external_file_belong_to_the_model(models, tmp_path):
    import onnx

    whole = onnx.load(models["full"])
    apart = tmp_path / "apart.onnx"
    onnx.save(whole, apart, save_as_external_data=True, location="apart.data", size_threshold=0)
    size = measure_size(apart)
    assert size.raw == apart.stat().st_size + (tmp_path / "apart.data").stat().st_size
    assert count_weights(load_model(apart)) == count_weights(load_model(models["full"]))
    (tmp_path / "apart.data").unlink()
    with pytest.raises(SourceError, match=r"apart\.onnx' is no ONNX model"):
        load_model(apart)


def test_weights_are_counted_alike_in_floats_and_in_integers(models):
    assert count_weights(load_model(models["full"])) == (ALL, ALL)
    total, nonzero = count_weights(load_model(models["pruned"]))
    assert total == ALL
    assert nonzero == sum(np.count_nonzero(np.abs(w) > np.quantile(np.abs(w), 0.9)) for w in make_weights())
    for kind in ("dynamic", "static"):
        total, nonzero = count_weights(load_model(models[kind]))
        assert total == ALL
        assert 0.9 * ALL < nonzero < ALL


def test_an_integer_weight_is_zero_at_its_zero_point():
    from onnx import TensorProto, helper, numpy_helper

    held = [
        numpy_helper.from_array(np.array([[7, 7, 0], [1, 7, 7]], "uint8"), "w"),
        numpy_helper.from_array(np.array(7, "uint8"), "zero"),
        numpy_helper.from_array(np.array(0.5, "float32"), "scale"),
    ]
    nodes = [helper.make_node("DequantizeLinear", ["w", "scale", "zero"], ["d"])]
    made = helper.make_tensor_value_info("d", TensorProto.FLOAT, [2, 3])
    model = helper.make_model(helper.make_graph(nodes, "g", [], [made], held))
    assert count_weights(model) == (6, 2)


@pytest.mark.parametrize(("kind", "integer", "stored"), [("full", 0, 0), ("dynamic", 2, 2), ("static", 2, 2)])
def test_operators_that_really_are_integer_are_those_that_the_engine_runs(models, kind, integer, stored):
    (found,) = describe_file(kind, models[kind]).operators
    assert (found.operator, found.total, found.integer, found.stored_as_integer) == ("MatMul", 2, integer, stored)
    assert sum(found.runs_as.values()) == 2


def test_weights_that_are_stored_as_integers_may_be_computed_as_floats(models, tmp_path):
    """Quantised weights beside activations in floats: the file promises integers, and nothing is computed in them."""
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(models["full"])
    first = make_weights()[0]
    scale = float(np.abs(first).max() / 127)
    model.graph.initializer.extend([
        numpy_helper.from_array(np.round(first / scale).astype("int8"), "q1"),
        numpy_helper.from_array(np.array(scale, "float32"), "s1"),
    ])  # fmt: skip
    model.graph.node.insert(0, helper.make_node("DequantizeLinear", ["q1", "s1"], ["d1"]))
    model.graph.node[1].input[1] = "d1"
    model.graph.initializer.remove(next(t for t in model.graph.initializer if t.name == "w1"))
    onnx.save(model, tmp_path / "weights_only.onnx")
    (found,) = describe_file("weights_only", tmp_path / "weights_only.onnx").operators
    assert (found.total, found.integer, found.stored_as_integer) == (2, 0, 1)


def test_answers_are_those_of_the_weights_at_any_batch_and_in_any_order(models):
    rows = make_rows()
    model = opened(models["full"])
    feed, expected = model.feed(as_features(rows)), answer_by_hand(rows)
    order = np.random.default_rng(3).permutation(len(rows))
    for batch in (1, 7, 1000):
        assert (answer_rows(model, feed, batch) == expected).all()
        assert (answer_rows(model, feed, batch, order) == expected).all()


def test_a_second_pass_changes_nothing_of_a_static_model_and_something_of_a_dynamic_one(models):
    features = as_features(make_rows(4000, seed=5))
    noise = {kind: answer_twice(opened(models[kind]), features)[1] for kind in models}
    assert {kind: found.changed for kind, found in noise.items() if kind != "dynamic"} == {
        "full": 0,
        "static": 0,
        "pruned": 0,
    }
    assert noise["dynamic"].changed > 0
    assert (noise["dynamic"].rows, noise["dynamic"].batch, noise["dynamic"].second_batch) == (4000, 1, 64)


def test_everything_is_measured_of_every_model(models):
    rows = make_rows(200)
    calls = Calls(batch=8, threads=1, repetitions=25, seconds=0)
    answers, found = run_models(models, as_features(rows), calls)
    assert list(found) == list(answers) == list(models)
    assert (answers["full"] == answer_by_hand(rows)).all()
    for resources in found.values():
        assert resources.latency is not None
        assert resources.latency.repetitions == 25
        assert 0 < resources.latency.p50_s <= resources.latency.p95_s
        assert resources.energy is None
        assert resources.reason == "energy was not asked for"


@pytest.mark.parametrize("fixed", [1, 8])
def test_a_model_for_some_rows_a_call_says_so_and_answers_every_row_in_calls_of_so_many(tmp_path, fixed):
    path, rows = write_network(tmp_path / "some.onnx", batch=fixed), make_rows(20)
    with pytest.raises(
        QuestionError, match=rf"some\.onnx' answers {fixed} rows a call, not 9; use --batch {fixed}, or ex"
    ):
        opened(path, batch=9)
    answers, noise = answer_twice(opened(path, batch=fixed), as_features(rows))
    assert (answers == answer_by_hand(rows)).all()
    assert (noise.changed, noise.batch, noise.second_batch) == (0, fixed, fixed)


def test_one_number_a_row_needs_a_stated_cutoff(tmp_path):
    path = write_network(tmp_path / "logit.onnx", last=1)
    rows = make_rows()
    feed = opened(path).feed(as_features(rows))
    with pytest.raises(QuestionError, match="one number a row; say from which on the answer is 1, with --cutoff 0"):
        answer_rows(opened(path), feed, 64)
    first, second = make_weights()
    logits = (np.maximum(rows @ first, 0) @ second)[:, 0]
    assert (answer_rows(opened(path, cutoff=0.0), feed, 64) == (logits >= 0)).all()


def test_a_row_without_an_answer_is_no_answer(tmp_path):
    first, second = make_weights()
    path = write_network(tmp_path / "broken.onnx", [first, second * np.float32("nan")])
    with pytest.raises(ValuesError, match=r"broken\.onnx' gives NaN for 400 of 400 rows"):
        answer_rows(opened(path), opened(path).feed(as_features(make_rows())), 64)


def write_sum(path, kind):
    """Write a model that answers the sum of its inputs, which are of one type."""
    import onnx
    from onnx import helper

    made = getattr(onnx.TensorProto, kind)
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=onnx.TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["f"], ["y"], keepdims=1),
    ]
    given, out = (
        helper.make_tensor_value_info(name, of, ["n", 1]) for name, of in (("x", made), ("y", onnx.TensorProto.FLOAT))
    )
    opset = helper.make_opsetid("", 13)
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [given], [out]), opset_imports=[opset]), path)
    return path


@pytest.mark.parametrize(
    ("kind", "values", "takes"),
    [
        ("INT64", [1.7, 2.0], "whole numbers from -9,223,372,036,854,775,808 to"),
        ("INT64", [float("nan"), 2.0], "and none missing"),
        ("INT64", [2.0**63, 2.0], "whole numbers from"),
        ("UINT8", [300, 2], "whole numbers from 0 to 255"),
        ("UINT8", [-1, 2], "whole numbers from 0 to 255"),
        ("BOOL", [2, 1], "whole numbers from 0 to 1"),
        ("FLOAT16", [1e6, 1.0], "numbers of at most 6.55e"),
    ],
)
def test_a_value_that_would_become_another_one_is_refused(tmp_path, kind, values, takes):
    model = opened(write_sum(tmp_path / "sum.onnx", kind))
    with pytest.raises(ValuesError, match=f"feature 'age': 1 of 2 values do not fit 'sum.onnx', which takes.*{takes}"):
        model.feed(Features({"age": np.array(values)}))
    assert model.feed(Features({"age": np.array([1.0, 0.0])}))["x"].tolist() == [[1], [0]]


def test_a_cutoff_is_for_models_that_give_one_number_and_refused_where_none_does(models, tmp_path):
    rows, calls = make_rows(), Calls(seconds=0, repetitions=20, cutoff=0.0)
    with pytest.raises(
        QuestionError, match="every model gives classes or several scores a row, for which a cutoff is of"
    ):
        run_models({"full": models["full"], "static": models["static"]}, as_features(rows), calls)
    logit = write_network(tmp_path / "logit.onnx", last=1)
    answers, _ = run_models({"full": models["full"], "logit": logit}, as_features(rows), calls)
    first, second = make_weights()
    assert (answers["full"] == answer_by_hand(rows)).all()
    assert (answers["logit"] == ((np.maximum(rows @ first, 0) @ second)[:, 0] >= 0)).all()


def test_features_have_to_fit(models):
    with pytest.raises(QuestionError, match="takes 6 features, and 5 are named"):
        opened(models["full"]).feed(as_features(make_rows()[:, :5]))
    held = pa.table({"age": [30, 40], "name": ["a", "b"], "x": [[1.0, 2.0], [3.0, 4.0]]})
    with pytest.raises(ValuesError, match="feature 'name' is string"):
        read_features(held, ["name"])
    found = read_features(held, ["age", "x"])
    assert {name: list(column) for name, column in found.columns.items()} == {
        "age": [30, 40],
        "x[0]": [1, 3],
        "x[1]": [2, 4],
    }


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        (
            [[1.0, 2.0], [3.0]],
            "feature 'x': 1 of 2 rows; row 2 has 1 numbers, and row 1 has 2; write lists of one length",
        ),
        ([[1.0, 2.0], None, None], "feature 'x': 2 of 3 rows; row 2 has no list; fill or remove such rows"),
        ([[], []], "feature 'x' is a column of empty lists"),
        ([["a"], ["b"]], "feature 'x' is string"),
        ([[[1]], [[2]]], "feature 'x' is list"),
        ([], "no rows; models answer rows"),
    ],
)
def test_lists_that_are_no_rows_of_numbers_are_refused(lists, said):
    with pytest.raises(ValuesError, match=said):
        read_features(pa.table({"x": lists}), ["x"])


def test_whole_numbers_in_lists_stay_what_they_are():
    most = 2**53 + 1
    found = read_features(pa.table({"x": [[most, 1], [2, None]]}), ["x"]).columns
    assert found["x[0]"].tolist() == [most, 2]
    assert np.isnan(found["x[1]"]).tolist() == [False, True]


@pytest.mark.parametrize("text", [b"", b"not a model at all", b"\x08\x09"])
def test_what_is_no_model_is_refused(tmp_path, text):
    file = tmp_path / "not.onnx"
    file.write_bytes(text)
    with pytest.raises(SourceError, match=r"not\.onnx' is no ONNX model"):
        load_model(file)
    for look in (load_model, opened):
        with pytest.raises(SourceError, match="no file"):
            look(tmp_path / "absent.onnx")


def test_latency_is_the_nearest_rank_of_a_monotonic_clock_and_models_take_turns():
    now, order = [0], []

    def spend(name, ns):
        def call():
            order.append(name)
            now[0] += ns

        return call

    taken = measure_latencies({"a": spend("a", 5), "b": spend("b", 9)}, 50, clock=lambda: now[0])
    assert (taken["a"].p50_s, taken["a"].p95_s) == (5e-9, 5e-9)
    assert (taken["b"].p50_s, taken["b"].repetitions, taken["b"].warm_up) == (9e-9, 50, 20)
    assert order.count("a") == order.count("b") == 70
    assert order[40:60] == ["a"] * 10 + ["b"] * 10
    rising = iter(range(1, 101))
    taken = measure_latencies({"a": spend_next(now, rising)}, 60, clock=lambda: now[0])
    assert (taken["a"].p50_s, taken["a"].p95_s) == (50e-9, 77e-9)


def spend_next(now, rising):
    def call():
        now[0] += next(rising)

    return call
