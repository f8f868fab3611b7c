"""GroupTally against one bincount, fairlearn, scikit-learn and the audit of the same rows; in one process and in several."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
from commands import run_program
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples
from torch.utils._python_dispatch import TorchDispatchMode

import audit
from audit.counting.cells import MOST_CELLS, Cells
from audit.errors import QuestionError, ValuesError
from audit.pipeline.verify import describe_differences
from audit.torch import GroupTally

SEX = ["female", "male"]
RACE = ["white", "black", "asian", "other"]
GROUPS = {"sex": SEX, "race": RACE}
N = 1003
"""Not a multiple of any batch: the last one is short."""


@pytest.fixture(scope="module")
def rows():
    g = torch.Generator().manual_seed(6)
    return {
        "sex": torch.randint(-1, 2, (N,), generator=g),
        "race": torch.randint(-1, 4, (N,), generator=g),
        "label": torch.randint(0, 2, (N,), generator=g),
        "logits": torch.randn(N, generator=g),
        "many": torch.randn(N, 5, generator=g),
        "class": torch.randint(0, 5, (N,), generator=g),
    }


def fed(tally, rows, given, label="label", batch=64, valid=None):
    for i in range(0, len(rows["sex"]), batch):
        s = slice(i, i + batch)
        more = {} if valid is None else {"valid": valid[s]}
        tally.update(
            {n: rows[n][s] for n in tally.cells.groups}, rows[label][s], **{k: v[s] for k, v in given.items()}, **more
        )
    return tally


def words(codes, names):
    return np.array([*names, None], dtype=object)[codes.numpy()]


def named(rows):
    return {"sex": words(rows["sex"], SEX), "race": words(rows["race"], RACE)}


def total(tally):
    account = tally.account()
    return account.rows_used + sum(account.rows_excluded.values())


# The same as the audit of the rows


@pytest.mark.parametrize("kind", ["logits", "probability", "prediction", "two columns"])
@pytest.mark.parametrize("intersections", [1, 2])
def test_the_result_is_that_of_the_rows(rows, kind, intersections):
    z = rows["logits"]
    p = z.sigmoid()
    given = {
        "logits": {"logits": z[:, None]},
        "probability": {"probability": p},
        "prediction": {"prediction": (p >= 0.5).long()},
        "two columns": {"logits": torch.stack([-z, z], dim=1)},
    }[kind]
    result = fed(GroupTally(GROUPS), rows, given).result(intersections=intersections)
    y_pred = (p.double() >= 0.5).int().numpy()
    oracle = audit.measure(rows["label"].numpy(), y_pred, groups=named(rows), intersections=intersections)
    assert result.estimates == oracle.estimates
    assert result.checks == oracle.checks
    assert list(result.cubes) == list(oracle.cubes)
    mine, theirs = result.data[0], oracle.data[0]
    assert (mine.rows_read, mine.rows_used, mine.rows_excluded, mine.rows_without_group) == (
        theirs.rows_read, theirs.rows_used, theirs.rows_excluded, theirs.rows_without_group,
    )  # fmt: skip
    assert describe_differences(result) == ()


def test_several_classes_are_those_of_the_rows(rows):
    names = [f"c{i}" for i in range(5)]
    tally = fed(GroupTally(GROUPS, classes=names), rows, {"logits": rows["many"]}, label="class")
    label, prediction = (np.array(names)[t.numpy()] for t in (rows["class"], rows["many"].argmax(1)))
    oracle = audit.measure(label, prediction, groups=named(rows), task="multiclass")
    assert tally.result().estimates == oracle.estimates
    assert (
        fed(GroupTally(GROUPS, classes=names), rows, {"prediction": rows["many"].argmax(1)}, label="class")
        .result()
        .estimates
        == oracle.estimates
    )


def test_gates_reference_and_confidence_are_asked_as_of_the_rows(rows):
    asked = {
        "gates": [{"metric": "selection_rate", "compare": "ratio", "by": ["sex"], "min": 0.8}],
        "reference": {"sex": "male", "race": "black"}, "confidence": 0.9, "compare_to": "rest",
    }  # fmt: skip
    result = fed(GroupTally(GROUPS), rows, {"logits": rows["logits"]}).result(**asked)
    oracle = audit.measure(
        rows["label"].numpy(), (rows["logits"].sigmoid() >= 0.5).int().numpy(), groups=named(rows), **asked
    )
    assert result.verdict == oracle.verdict != "not judged"
    assert result.gates == oracle.gates
    assert result.estimates == oracle.estimates


def test_fairlearn_and_scikit_learn_agree(rows):
    from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
    from sklearn.metrics import accuracy_score, confusion_matrix

    result = fed(GroupTally(GROUPS), rows, {"logits": rows["logits"]}).result()
    y, p = rows["label"].numpy(), (rows["logits"].sigmoid() >= 0.5).int().numpy()
    known = rows["race"].numpy() >= 0
    race = words(rows["race"], RACE)[known]
    metrics = {
        "selection_rate": selection_rate, "true_positive_rate": true_positive_rate,
        "false_positive_rate": false_positive_rate, "accuracy": accuracy_score,
    }  # fmt: skip
    frame = MetricFrame(metrics=metrics, y_true=y[known], y_pred=p[known], sensitive_features=race)
    for metric in metrics:
        for group, value in frame.by_group[metric].items():
            assert result.find(metric, by=["race"], group=[group])[0].value == pytest.approx(value, abs=1e-12)
    cube = fed(GroupTally(GROUPS), rows, {"logits": rows["logits"]}).cube().keep("race", "label", "prediction")
    for race_ in RACE:
        assert (cube.at("race", race_)["n"] == confusion_matrix(y[known][race == race_], p[known][race == race_])).all()


# One bincount


codes = st.integers(-4, 6)


@settings(max_examples=count_examples(60), deadline=None)
@given(
    st.lists(st.tuples(codes, codes, st.integers(-2, 4), st.integers(-2, 4), st.booleans()), min_size=0, max_size=60),
    st.integers(1, 17),
)
def test_any_codes_are_counted_once_as_one_bincount_counts_them(table, batch):
    sex, race, label, prediction, valid = (
        torch.tensor(c, dtype=torch.int64) for c in (zip(*table, strict=True) if table else ([],) * 5)
    )
    rows = {"sex": sex, "race": race, "label": label}
    tally = fed(GroupTally(GROUPS), rows, {"prediction": prediction}, batch=batch, valid=valid.bool())
    places = [
        (sex.clamp(-2, 2) + 2, 5), (race.clamp(-2, 4) + 2, 7), (label.clamp(-1, 2) + 1, 4), (prediction.clamp(-1, 2) + 1, 5),
    ]  # fmt: skip
    key = torch.zeros(len(table), dtype=torch.int64)
    for place, size in places:
        key = key * size + place
    key = torch.where(valid.bool(), key, 5 * 7 * 4 * 5)
    assert torch.equal(tally.table, torch.bincount(key, minlength=5 * 7 * 4 * 5 + 1))
    account = tally.account()
    assert account.rows_read == len(table)
    fine = valid.bool() & (sex.clamp(-1, 1) == sex) & (race.clamp(-1, 3) == race)
    fine &= (label.clamp(0, 1) == label) & (prediction.clamp(0, 1) == prediction)
    assert int(account.cube["n"].sum()) == int(fine.sum())
    assert account.unread == int((valid.bool() & ~fine).sum())


@settings(max_examples=count_examples(60), deadline=None)
@given(
    st.lists(st.floats(width=32), min_size=1, max_size=40),
    st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9]),
    st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.float16]),
)
def test_a_score_is_cut_as_whoever_reads_it_from_a_file_cuts_it(values, threshold, dtype):
    score = torch.tensor(values, dtype=torch.float64).to(dtype)
    score[0] = threshold  # the nearest of its type, which may lie below
    n = len(score)
    tally = GroupTally({"sex": SEX}, threshold=threshold)
    tally.update({"sex": torch.zeros(n, dtype=torch.int64)}, torch.zeros(n, dtype=torch.int64), probability=score)
    exact = score.double().numpy()
    inside = (exact >= 0) & (exact <= 1)
    account = tally.account()
    assert account.cube.keep("prediction")["n"].tolist() == [
        int((inside & (exact < threshold)).sum()), int((exact[inside] >= threshold).sum()),
    ]  # fmt: skip
    assert account.rows_excluded.get("prediction or score is NaN", 0) == int(np.isnan(exact).sum())
    assert account.rows_read == n


def test_a_float32_below_its_threshold_is_no_positive_prediction():
    score = torch.tensor([0.7])
    assert bool((score >= 0.7).all()), "torch itself rounds the threshold to the type of the scores"
    tally = GroupTally({"sex": SEX}, threshold=0.7)
    tally.update({"sex": torch.tensor([0])}, torch.tensor([1]), probability=score)
    frame = pd.DataFrame({"y": [1], "s": score.double().numpy(), "g": ["female"]})
    oracle = audit.measure(frame["y"], score=frame["s"], threshold=0.7, groups={"sex": frame["g"]})
    assert tally.cube().keep("prediction")["n"].tolist() == [1, 0]
    assert oracle.find("selection_rate", by=())[0].value == 0


# What cannot be read


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.int16, torch.int8])
def test_wild_codes_stay_in_the_table_and_are_reported(dtype):
    info = torch.iinfo(dtype)
    wild = torch.tensor([info.min, info.max, -2, 2, 0, -1], dtype=dtype)
    fine = torch.zeros(6, dtype=torch.int64)
    tally = GroupTally({"sex": SEX, "race": RACE})
    guard = torch.zeros(4096, dtype=torch.int64)
    tally.update({"sex": wild, "race": fine}, fine, prediction=fine)
    tally.update({"sex": fine, "race": fine}, wild, prediction=fine)
    tally.update({"sex": fine, "race": fine}, fine, prediction=wild)
    account = tally.account()
    assert account.rows_excluded == {
        "code of 'sex' is none of -1 to 1": 4,
        "label is none of the 2 classes": 5,
        "prediction is none of the 2 classes, or a score not between 0 and 1": 5,
    }
    assert account.rows_read == 18
    assert account.rows_without_group == {"sex": 1}
    assert int(guard.sum()) == 0
    with pytest.raises(ValuesError, match=r"14 of 18 rows could not be read .*incomplete=True"):
        tally.result()
    result = tally.result(incomplete=True)
    assert result.data[0].rows_excluded == account.rows_excluded
    assert result.data[0].rows_used == 4


@pytest.mark.parametrize("classes", [2, 5])
def test_logits_that_are_not_numbers_are_counted_apart_by_group(classes):
    nan, inf = float("nan"), float("inf")
    z = torch.randn(6, classes) if classes > 2 else torch.tensor([nan, inf, -inf, 0.0, nan, 1.0])
    if classes > 2:
        z[0, 3] = z[4, 0] = nan
        z[1] = inf
    tally = GroupTally({"sex": SEX}, classes=classes)
    tally.update({"sex": torch.tensor([0, 0, 0, 1, 1, 1])}, torch.zeros(6, dtype=torch.int64), logits=z)
    account = tally.account()
    assert account.rows_excluded == {"prediction or score is NaN": 2}
    assert account.cube.keep("sex")["n"].tolist() == [2, 2, 0]


def test_logits_given_as_probabilities_are_not_read_as_such():
    tally = GroupTally({"sex": SEX})
    tally.update(
        {"sex": torch.zeros(4, dtype=torch.int8)}, torch.ones(4), probability=torch.tensor([-3.0, 2.0, 1.0, 0.0])
    )
    assert tally.account().unread == 2
    with pytest.raises(ValuesError, match="a score not between 0 and 1: 2"):
        tally.result()


def test_labels_that_are_floating_point_are_whole_or_not_read():
    tally = GroupTally({"sex": SEX})
    label = torch.tensor([0.0, 1.0, 0.5, float("nan"), float("inf"), -1.0])
    tally.update({"sex": torch.zeros(6, dtype=torch.uint8)}, label, logits=torch.zeros(6))
    account = tally.account()
    assert account.rows_excluded == {"label is none of the 2 classes": 4}
    assert account.cube.keep("label")["n"].tolist() == [1, 1]


def test_rows_that_fill_up_a_batch_weigh_nothing(rows):
    valid = torch.arange(N) % 5 > 0
    tally = fed(GroupTally(GROUPS), rows, {"logits": rows["logits"]}, valid=valid)
    without = fed(GroupTally(GROUPS), {k: v[valid] for k, v in rows.items()}, {"logits": rows["logits"][valid]})
    assert torch.equal(tally.table[:-1], without.table[:-1])
    assert tally.account().rows_excluded["only fills up a batch (not valid)"] == int((~valid).sum())
    assert tally.result().estimates == without.result().estimates
    as_numbers = fed(GroupTally(GROUPS), rows, {"logits": rows["logits"]}, valid=valid.float()[:, None])
    assert torch.equal(as_numbers.table, tally.table)


def test_steps_that_are_passed_over_are_said(rows):
    tally = fed(GroupTally(GROUPS, every=4), rows, {"logits": rows["logits"]}, batch=100)
    counted = torch.cat([torch.arange(i, min(i + 100, N)) for i in range(0, N, 400)])
    direct = fed(GroupTally(GROUPS), {k: v[counted] for k, v in rows.items()}, {"logits": rows["logits"][counted]})
    assert torch.equal(tally.table, direct.table)
    result = tally.result()
    assert result.data[0].rows_excluded["in a step that was not sampled (1 of 4 is)"] == N - len(counted)
    assert result.data[0].rows_read == N
    assert tally.epoch(1).every == 4


# Score bins


@pytest.mark.parametrize("bins", [10, [0.2, 0.9], 1])
def test_score_bins_cut_at_the_threshold_decide_alike(rows, bins):
    tally = fed(GroupTally(GROUPS, bins=bins, threshold=0.35), rows, {"logits": rows["logits"]})
    plain = fed(GroupTally(GROUPS, threshold=0.35), rows, {"logits": rows["logits"]})
    assert (tally.cube()["n"] == plain.cube()["n"]).all()
    assert tally.result().estimates == plain.result().estimates
    if bins == 1:
        return
    cube = tally.cube("score")
    cuts = tally.cells.cuts
    assert 0.35 in cuts
    score = rows["logits"].sigmoid().double().numpy()
    assert (
        cube.keep("score")["n"].tolist()
        == np.bincount(np.searchsorted(cuts, score, side="right"), minlength=len(cuts) + 1).tolist()
    )
    assert len(cube.axis("score").levels) == len(cuts) + 1


def test_score_bins_refuse_what_has_no_score(rows):
    tally = GroupTally({"sex": SEX}, bins=10)
    one = torch.zeros(1, dtype=torch.int64)
    with pytest.raises(QuestionError, match="counts score bins; give probability or logits"):
        tally.update({"sex": one}, one, prediction=one)
    with pytest.raises(QuestionError, match=r"logits\[:, 1\] - logits\[:, 0\]"):
        tally.update({"sex": one}, one, logits=torch.zeros(1, 2))
    with pytest.raises(QuestionError, match="no score bins were counted"):
        GroupTally({"sex": SEX}).cube("score")


# Inside a loop


class Recorder(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind", ["logits", "many", "prediction"])
def test_nothing_asks_the_device_for_a_value(rows, kind):
    """A tensor on the meta device has no values: whatever would wait for one raises."""
    groups = {
        "sex": torch.zeros(64, dtype=torch.int64, device="meta"),
        "race": torch.zeros(64, dtype=torch.int32, device="meta"),
    }
    label = torch.zeros(64, dtype=torch.int64, device="meta")
    given = {"logits": {"logits": torch.zeros(64, device="meta")}, "many": {"logits": torch.zeros(64, 5, device="meta")},
             "prediction": {"prediction": label}}[kind]  # fmt: skip
    tally = GroupTally(GROUPS, classes=5 if kind == "many" else 2, device="meta")
    with Recorder() as recorder:
        tally.update(groups, label, **given, valid=torch.ones(64, dtype=torch.bool, device="meta"))
        with pytest.raises(RuntimeError):
            label.sum().item()
        del recorder.seen[-2:]
        assert tally.table.device.type == "meta"
    waiting = ("_local_scalar_dense", "nonzero", "masked_select", "bincount", "unique", "index.Tensor", "equal")
    assert not [op for op in recorder.seen if any(w in op for w in waiting)]


def test_the_work_does_not_grow_with_the_number_of_groups():
    def ops(levels):
        tally = GroupTally({"g": [f"g{i}" for i in range(levels)]})
        zero = torch.zeros(8, dtype=torch.int64)
        tally.update({"g": zero}, zero, logits=torch.zeros(8))
        with Recorder() as recorder:
            for _ in range(32):
                tally.update({"g": zero}, zero, logits=torch.zeros(8))
            _ = tally.table
        return len(recorder.seen)

    assert ops(2) == ops(500) <= 32 * 5 + 30


def test_what_becomes_of_a_batch_afterwards_changes_nothing(rows):
    """Loaders that reuse their buffers, and graphs that write into them, must not change what was counted."""
    whole = fed(GroupTally(GROUPS), rows, {"logits": rows["logits"]}, batch=59)
    tally, buffer = (
        GroupTally(GROUPS),
        {k: torch.empty(59, dtype=rows[k].dtype) for k in ("sex", "race", "label", "logits")},
    )
    for i in range(0, N, 59):
        n = min(59, N - i)
        for name, kept in buffer.items():
            kept[:n].copy_(rows[name][i : i + n])
        tally.update({g: buffer[g][:n] for g in GROUPS}, buffer["label"][:n], logits=buffer["logits"][:n])
    for kept in buffer.values():
        kept.zero_()
    assert torch.equal(tally.table, whole.table)


def test_batches_of_many_forms_in_one_epoch_are_all_counted(rows):
    tally, plain = GroupTally(GROUPS), GroupTally(GROUPS)
    p = rows["logits"].sigmoid()
    for i, batch in enumerate(torch.arange(N).split(41)):
        groups = {g: rows[g][batch].to([torch.int64, torch.int8, torch.int32][i % 3]) for g in GROUPS}
        label = rows["label"][batch]
        given = [
            {"logits": rows["logits"][batch][:, None]}, {"probability": p[batch].requires_grad_()},
            {"prediction": (p[batch] >= 0.5).float()}, {"logits": torch.stack([-rows["logits"][batch], rows["logits"][batch]], 1)},
        ][i % 4]  # fmt: skip
        valid = {"valid": torch.ones(len(batch), dtype=torch.int8)} if i % 5 == 0 else {}
        tally.update(groups, label.float() if i % 2 else label, **given, **valid)
    fed(plain, rows, {"logits": rows["logits"]})
    assert torch.equal(tally.table, plain.table)


def test_a_training_step_is_the_same_with_and_without(rows):
    def trained(tally):
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        x = torch.randn(N, 3, generator=torch.Generator().manual_seed(1))
        for i in range(0, N, 64):
            z = model(x[i : i + 64])[:, 0]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(z, rows["label"][i : i + 64].float())
            if tally is not None:
                tally.update({n: rows[n][i : i + 64] for n in GROUPS}, rows["label"][i : i + 64], logits=z)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return [p.detach().clone() for p in model.parameters()], torch.random.get_rng_state()

    (plain, state), (counted, after) = trained(None), trained(GroupTally(GROUPS))
    assert all(torch.equal(a, b) for a, b in zip(plain, counted, strict=True))
    assert torch.equal(state, after)


def test_inference_mode_autocast_and_half_numbers_change_nothing(rows):
    plain = fed(GroupTally(GROUPS), rows, {"logits": rows["logits"].bfloat16()})
    with torch.inference_mode():
        inside = fed(GroupTally(GROUPS), rows, {"logits": rows["logits"].bfloat16()})
    inside.update({n: rows[n] for n in GROUPS}, rows["label"], logits=rows["logits"])  # outside of it again
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        cast = fed(GroupTally(GROUPS), rows, {"logits": rows["logits"].bfloat16()})
    assert torch.equal(plain.table, cast.table)
    assert int(inside.table.sum()) == 2 * N
    exact = rows["logits"].bfloat16().float().sigmoid() >= 0.5
    assert plain.cube().keep("prediction")["n"][1] == int(exact.sum())


def test_an_empty_batch_and_another_shape(rows):
    tally = GroupTally({"sex": SEX})
    nothing = torch.zeros(0, dtype=torch.int64)
    tally.update({"sex": nothing}, nothing, logits=torch.zeros(0))
    with pytest.raises(ValuesError, match="no rows were counted; call update for every batch before result"):
        tally.result()
    two = {n: rows[n][:6].reshape(2, 3) for n in ("sex", "label")}
    tally.update({"sex": two["sex"]}, two["label"], probability=rows["logits"][:6].sigmoid().reshape(3, 2).T)
    flat = GroupTally({"sex": SEX})
    flat.update(
        {"sex": rows["sex"][:6]}, rows["label"][:6], probability=rows["logits"][:6].sigmoid()[[0, 2, 4, 1, 3, 5]]
    )
    assert torch.equal(tally.table, flat.table)


def test_what_does_not_fit_is_refused_by_name(rows):
    tally, zero = GroupTally(GROUPS), torch.zeros(3, dtype=torch.int64)
    both = {"sex": zero, "race": zero}
    with pytest.raises(QuestionError, match="no group 'race'; there is sex, rase|did you mean 'rase'"):
        tally.update({"sex": zero, "rase": zero}, zero, prediction=zero)
    with pytest.raises(QuestionError, match="give exactly one of logits, probability and prediction"):
        tally.update(both, zero, prediction=zero, logits=torch.zeros(3))
    with pytest.raises(QuestionError, match="give exactly one of logits, probability and prediction"):
        tally.update(both, zero)
    with pytest.raises(ValuesError, match="group 'sex' has 2 values and the labels 3"):
        tally.update({"sex": zero[:2], "race": zero}, zero, prediction=zero)
    with pytest.raises(ValuesError, match="group 'sex' is torch.float32; give codes"):
        tally.update({"sex": zero.float(), "race": zero}, zero, prediction=zero)
    with pytest.raises(ValuesError, match="logits are torch.int64"):
        tally.update(both, zero, logits=zero)
    with pytest.raises(ValuesError, match=r"logits of shape \(3, 4\) for 3 labels of 2 classes; they must be \(3, 2\)"):
        tally.update(both, zero, logits=torch.zeros(3, 4))
    with pytest.raises(ValuesError, match="are for two classes; this tally has 4"):
        GroupTally(GROUPS, classes=4).update(both, zero, probability=torch.zeros(3))
    assert int(tally.table.sum()) == 0, "a refused batch leaves nothing behind"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({},), "groups names no attribute"),
        (({"sex": "female"},), "needs the names of its codes"),
        (({"sex": ["a", "a"]},), "the name 'a' twice"),
        (({"sex": []},), "has no name"),
        (({"label": ["a"]},), "reserved"),
        (({"sex": [str(i) for i in range(MOST_CELLS)]},), "more than 1,000,000; merge levels of 'sex'"),
        (({"sex": SEX}, 1), "two or more different names"),
        (({"sex": SEX}, ["a", "b", "a"]), "two or more different names"),
    ],
)
def test_a_table_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(QuestionError, match=message):
        Cells(*arguments)


@pytest.mark.parametrize(
    "asked",
    [
        {"threshold": 0},
        {"threshold": 1.5},
        {"bins": [0.5, 2]},
        {"bins": 0},
        {"every": 0},
        {"every": 1.5},
        {"classes": 3, "bins": 4},
    ],
)
def test_a_cut_that_cannot_be_is_refused(asked):
    with pytest.raises(QuestionError):
        GroupTally({"sex": SEX}, **asked)


# Checkpoints


def test_a_restart_within_an_epoch_goes_on_where_it_was(rows, tmp_path):
    whole = fed(GroupTally(GROUPS, every=2), rows, {"logits": rows["logits"]})
    first = GroupTally(GROUPS, every=2)
    cut = 64 * 7  # an odd number of steps: the next one is passed over
    fed(first, {k: v[:cut] for k, v in rows.items()}, {"logits": rows["logits"][:cut]})
    torch.save({"tally": first.state_dict()}, tmp_path / "checkpoint.pt")
    first.update({n: rows[n] for n in GROUPS}, rows["label"], logits=rows["logits"])  # lost with its process
    second = GroupTally(GROUPS, every=2)
    second.load_state_dict(torch.load(tmp_path / "checkpoint.pt", weights_only=True)["tally"])
    fed(second, {k: v[cut:] for k, v in rows.items()}, {"logits": rows["logits"][cut:]})
    assert torch.equal(second.table, whole.table)
    assert second.result().estimates == whole.result().estimates
    assert second.account().rows_read == N


def test_a_state_of_another_question_is_refused(rows):
    state = fed(GroupTally(GROUPS), rows, {"logits": rows["logits"]}).state_dict()
    for other, what in (
        (GroupTally({"sex": SEX, "race": RACE[::-1]}), "groups"),
        (GroupTally(GROUPS, threshold=0.4), "cuts"),
        (GroupTally(GROUPS, every=3), "every"),
        (GroupTally(GROUPS, classes=3), "classes"),
    ):
        with pytest.raises(QuestionError, match=f"counted with {what} ="):
            other.load_state_dict(state)
    with pytest.raises(QuestionError, match="rank 0 of 4, this is rank 0 of 1"):
        GroupTally(GROUPS).load_state_dict(state | {"ranks": 4})
    with pytest.raises(QuestionError, match="version"):
        GroupTally(GROUPS).load_state_dict({k: v for k, v in state.items() if k != "version"})


# Several processes


RANK = """
import json, sys, torch, torch.distributed as dist, warnings
warnings.simplefilter("error")
from audit.torch import GroupTally
rank, world, file, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=world)
rows = torch.load(sys.argv[5], weights_only=True)
data = list(range(len(rows["sex"])))

def tally_of(ranks):
    # as DistributedSampler deals them: padded to a common length with rows from the front, every so-many-th to a rank
    tally = new()
    if rank not in ranks:
        return tally
    padded = data + data[: -len(data) % len(ranks)]
    mine = torch.tensor(padded[ranks.index(rank) :: len(ranks)])
    valid = torch.arange(len(mine)) * len(ranks) + ranks.index(rank) < len(data)
    for i in range(0, len(mine), 100):
        at = mine[i : i + 100]
        tally.update({n: rows[n][at] for n in ("sex", "race")}, rows["label"][at], logits=rows["logits"][at], valid=valid[i : i + 100])
    return tally

def new(state=None):
    tally = GroupTally({"sex": ["female", "male"], "race": ["white", "black", "asian", "other"]})
    if state is not None:
        tally.load_state_dict(state)
    return tally

def n(tally):
    return tally.account().cube["n"].tolist()

found = {}
for kind, ranks in {"all busy": range(world), "one idle": range(world - 1)}.items():
    tally = tally_of(list(ranks))
    account = tally.account()
    found[kind] = {
        "once": account.cube["n"].tolist(), "twice": n(tally), "merged": n(new(tally.state_dict(merged=True))),
        "own": n(new(tally.state_dict())), "padded": account.rows_excluded.get("only fills up a batch (not valid)", 0),
        "mine": int(tally.table.sum()), "read": account.rows_read,
        "rate": tally.result().find("selection_rate", by=["sex"], group=["male"])[0].value,
        "epoch": tally.epoch(0, kind).rows_read, "left": int(tally.table.sum()),
    }
json.dump(found, open(f"{out}.{rank}", "w"))
dist.destroy_process_group()
"""


@pytest.mark.parametrize("world", [2, 3])
def test_ranks_together_are_one_process_exactly(rows, tmp_path, world):
    torch.save({k: rows[k] for k in ("sex", "race", "label", "logits")}, tmp_path / "rows.pt")
    run = tmp_path / "run"
    run.mkdir()
    env = {"EVENHAND_RUN": str(run), "OMP_NUM_THREADS": "1"}
    command = [str(world), str(tmp_path / "store"), str(tmp_path / "out"), str(tmp_path / "rows.pt")]
    loaded = ["torch", "torch.distributed"]
    with ThreadPoolExecutor(world) as pool:
        asked = [pool.submit(run_program, RANK, rank, *command, env=env, loaded=loaded) for rank in range(world)]
        ended = [one.result() for one in asked]
    assert [one.returncode for one in ended] == [0] * world, [one.stderr for one in ended]
    alone = fed(GroupTally(GROUPS), rows, {"logits": rows["logits"]})
    one = alone.account().cube["n"].tolist()
    rate = alone.result().find("selection_rate", by=["sex"], group=["male"])[0].value
    each = [json.loads((tmp_path / f"out.{rank}").read_text()) for rank in range(world)]
    for kind, busy in {"all busy": world, "one idle": world - 1}.items():
        for found in (e[kind] for e in each):
            assert found["once"] == found["twice"] == one, "merging twice must not double"
            assert found["merged"] == found["own"] == one
            assert found["padded"] == -N % busy
            assert found["read"] == found["epoch"] == N + (-N % busy)
            assert found["rate"] == rate
            assert found["left"] == 0
        assert sum(e[kind]["mine"] for e in each) == N + (-N % busy)
        assert sum(e[kind]["mine"] == 0 for e in each) == world - busy
    assert len([line for line in (run / "epochs.jsonl").read_text().splitlines() if line]) == 2, "one rank writes"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_is_never_waited_for(rows):
    on = {k: v.cuda() for k, v in rows.items()}
    tally = fed(GroupTally(GROUPS), on, {"logits": on["logits"]})  # what is made once is made now
    tally.reset()
    torch.cuda.set_sync_debug_mode("error")
    try:
        fed(tally, on, {"logits": on["logits"]})
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert tally.cube()["n"].tolist() == fed(GroupTally(GROUPS), rows, {"logits": rows["logits"]}).cube()["n"].tolist()


def test_an_earlier_model_beside_the_new_one_is_the_audit_of_the_pairs(rows):
    earlier = torch.where(torch.arange(N) % 11 == 0, 1 - rows["label"], rows["label"])
    tally = GroupTally(GROUPS, against=True)
    fed(tally, rows, {"logits": rows["logits"], "against": earlier})
    p = (rows["logits"].sigmoid() >= 0.5).int().numpy()
    asked = {"gates": ["net_change <= 0.2"], "intersections": 2}
    whole = audit.pairs(p, earlier.numpy(), rows["label"].numpy(), groups=named(rows), **asked)
    found = tally.result(**asked)
    assert found.estimates == whole.estimates
    assert [c.measures for c in found.cubes] == [c.measures for c in whole.cubes]
    state = GroupTally(GROUPS, against=True)
    state.load_state_dict(tally.state_dict())
    assert torch.equal(state.table, tally.table)
    assert {axis.name for axis in fed(tally, rows, {"logits": rows["logits"], "against": earlier}).epoch(2).counts.axes} == {
        "sex", "race", "label", "prediction",
    }  # fmt: skip


def test_an_earlier_prediction_that_is_missing_or_no_class_is_refused_or_told(rows):
    one = {"logits": rows["logits"]}
    with pytest.raises(QuestionError, match="this tally counts earlier predictions; give against"):
        fed(GroupTally(GROUPS, against=True), rows, one)
    with pytest.raises(
        QuestionError, match="this tally counts no earlier predictions; make the tally with against=True"
    ):
        fed(GroupTally(GROUPS), rows, one | {"against": rows["label"]})
    with pytest.raises(QuestionError, match="against is for two classes"):
        GroupTally(GROUPS, classes=5, against=True)
    with pytest.raises(ValuesError, match="against has 3 values"):
        GroupTally({"sex": SEX}, against=True).update(
            {"sex": rows["sex"][:4]}, rows["label"][:4], prediction=rows["label"][:4], against=rows["label"][:3]
        )
    strange = torch.where(torch.arange(N) < 7, 2, rows["label"])
    tally = fed(GroupTally(GROUPS, against=True), rows, one | {"against": strange})
    assert tally.account().rows_excluded["earlier prediction is none of the 2 classes"] == 7
    with pytest.raises(QuestionError, match="make the tally with the same arguments"):
        GroupTally(GROUPS).load_state_dict(tally.state_dict())
