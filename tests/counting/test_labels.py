"""Classes that are text stay text: every pair of columns is held to a slow obvious oracle, in every engine and file."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from commands import audit as command
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from property_tests import count_examples, some_now
from sklearn.dummy import DummyClassifier

import audit
from audit.counting.backends.choose import count
from audit.counting.count import write_names_as_text
from audit.counting.labels import find_positive, name_classes, read_predicted
from audit.counting.plan import Plan
from audit.errors import AuditError, InputError, QuestionError, ValuesError
from audit.sklearn import Audited, DataGate
from audit.tables.open import open_frame, open_table
from audit.torch import GroupTally

HERE = ("duckdb", "pandas", "polars")
SEVERAL = Plan(groups=("g",), label="y", prediction="p", classes=True, task="multiclass")
TEXTS = ["01", "1", "1.0", "2", "2+", "02", "1E5", "100000", "1e5", "-0", "0", "+1", "NaN", "inf", "True", "true",
         "False", "x", "", "1E50", "1E51", "9007199254740993", "9007199254740992", "0.5", ".5", "1."]  # fmt: skip
ODD = [" 1", "1 ", "١", "１"]  # noqa: RUF001 - digits of other scripts are what is tested
COLUMNS = st.one_of(
    st.lists(st.sampled_from(TEXTS), min_size=8, max_size=8),
    st.lists(st.sampled_from([*TEXTS[:8], *ODD]), min_size=8, max_size=8),
    st.lists(st.sampled_from(["0", "1", "2", "3"]), min_size=8, max_size=8),
    st.lists(st.sampled_from([0, 1, 2, 100_000, 2**53, 2**53 + 1, -1]), min_size=8, max_size=8),
    st.lists(st.sampled_from([0.0, 1.0, 2.0, 100_000.0, -0.0]), min_size=8, max_size=8),
    st.lists(st.booleans(), min_size=8, max_size=8),
)


# The oracle: what a person with pencil and paper would say of two columns


def number(text):
    """The number that a text is, in ASCII digits and without blanks; None where it is none."""
    plain = text.isascii() and not set(text) - set("0123456789+-.eE")
    try:
        return Decimal(text) if plain else None
    except ArithmeticError:
        return None


def reading(value, other):
    """What a value is when it stands beside a column of which ``other`` is one value."""
    if not isinstance(value, str) or isinstance(other, str):
        return value
    if isinstance(other, bool) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    found = number(value)
    if found is None or (isinstance(other, bool) and found not in {0, 1}):
        return value
    if found == found.to_integral_value():
        return int(found) if isinstance(other, int) else float(found)
    return float(found)


def refused(y, p, readings):
    """Whether two columns have no reading that both agree on."""
    kinds = {type(y[0]), type(p[0])}
    if any(len(set(read.values())) < len(read) for read in readings):
        return True  # two spellings would be one class
    if kinds in ({bool, int}, {bool, float}) and any(v not in {0, 1} for v in [*y, *p]):
        return True
    if kinds == {str}:
        loose = [{number(v.strip()) or v.strip().lower() if number(v.strip()) != 0 else 0 for v in of} for of in (y, p)]
        return not set(y) & set(p) and bool(loose[0] & loose[1])
    if str not in kinds:
        return False
    at = 0 if isinstance(y[0], str) else 1
    texts, others = (y, p)[at], (p, y)[at]
    left = [t for t in texts if isinstance(readings[at][t], str)]
    return any(t in ODD for t in texts) or bool(left and not set(readings[at].values()) & set(others))


def oracle(y, p):
    """Rows by the two readings of each, or None where the columns must be refused."""
    readings = [{v: reading(v, p[0]) for v in y}, {v: reading(v, y[0]) for v in p}]
    found = [[read[v] for v in of] for read, of in zip(readings, (y, p), strict=True)]
    floats = [v for of in found for v in of if isinstance(v, float)]
    no_class = any(v != int(v) or abs(v) >= 2**53 for v in floats)
    if refused(y, p, readings) or no_class:
        return None
    return Counter(zip(*found, strict=True))


def shape(pairs):
    """How often each label meets each prediction, whatever the classes are called, and how often both are one."""
    right = sum(n for (a, b), n in pairs.items() if a == b)
    rows, columns = Counter(), Counter()
    for (a, b), n in pairs.items():
        rows[a] += n
        columns[b] += n
    classes = {v for pair in pairs for v in pair}
    return right, len(classes), sorted(pairs.values()), sorted(rows.values()), sorted(columns.values())


def counted(table, plan, engine="duckdb"):
    """Rows by class of label and of prediction."""
    found = count(table, plan, engine).cubes[0].keep("label", "prediction")
    axes = [found.axis(name).levels for name in ("label", "prediction")]
    return Counter({(axes[0][i], axes[1][j]): int(n) for (i, j), n in np.ndenumerate(found["n"]) if n})


def agrees(table, plan, wanted, engine="duckdb"):
    if wanted is None:
        with pytest.raises(ValuesError, match=r"label|prediction"):
            counted(table, plan, engine)
    else:
        assert shape(counted(table, plan, engine)) == shape(wanted)


def frame_of(y, p):
    return pd.DataFrame({"y": pd.Series(y), "p": pd.Series(p), "g": ["a", "b"] * (len(y) // 2)})


@settings(max_examples=count_examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(COLUMNS, COLUMNS)
@example(["01", "1"] * 4, ["1", "1"] * 4)
@example(["01", "1"] * 4, [1, 1] * 4)
@example(["01", "2"] * 4, [1, 2] * 4)
@example(["1E5", "2"] * 4, [100_000, 2] * 4)
@example([True, False] * 4, ["True", "False"] * 4)
@example([True, False] * 4, ["True", "true"] * 4)
@example([2**53, 2**53 + 1] * 4, ["9007199254740993", "9007199254740992"] * 4)
@example(["1E50", "1E51"] * 4, ["1E50", "1E50"] * 4)
def test_two_columns_are_compared_as_the_oracle_says_by_every_engine(y, p):
    table, wanted = open_frame(frame_of(y, p)), oracle(y, p)
    for engine in HERE:
        agrees(table, SEVERAL, wanted, engine)


@settings(max_examples=count_examples(60), deadline=None)
@given(COLUMNS, COLUMNS, st.data())
def test_one_of_two_classes_is_compared_as_the_oracle_says(y, p, data):
    """With a positive class: what is counted as right is what the oracle calls equal, or it is refused by name."""
    positive = data.draw(st.sampled_from(y))
    table, wanted = open_frame(frame_of(y, p)), oracle(y, p)
    try:
        found = counted(table, Plan(groups=("g",), label="y", prediction="p", positive=positive))
    except ValuesError as error:
        assert "label 'y'" in str(error) or "prediction 'p'" in str(error)  # noqa: PT017 - all that it may be
        return
    assert wanted is not None or len({*y, *p}) == 1 or {type(y[0]), type(p[0])} <= {int, float, bool}
    for (label, prediction), n in found.items():
        mine = [(a == positive, reading(b, y[0]) == reading(positive, p[0])) for a, b in zip(y, p, strict=True)]
        assert mine.count((label == "1", prediction == "1")) == n


# Files


CELLS = st.sampled_from(["01", "1", "2", "02", "1.0", "1E5", "100000", "1e5", "0", "-0", "2+", "x"])


@settings(max_examples=count_examples(80), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELLS, CELLS), min_size=8, max_size=8))
@example([("01", "1"), ("1", "1"), ("2", "2"), ("1", "1")] * 2)
@example([("1E5", "1E5"), ("100000", "1E5"), ("1", "1"), ("1", "1")] * 2)
@example([("1E50", "1E51"), ("1E51", "1E51")] * 4)
@example([("01", "1"), ("02", "2")] * 4)
@example([("1", "01")] * 6 + [("0", "01"), ("-0", "01")])
def test_in_a_csv_both_columns_are_text_where_one_is(tmp_path, rows):
    (tmp_path / "t.csv").write_text("y,p,g\n" + "".join(f"{y},{p},{'ab'[i % 2]}\n" for i, (y, p) in enumerate(rows)))
    table = write_names_as_text(open_table(tmp_path / "t.csv"), SEVERAL)
    kinds, columns = [table.columns[c] for c in "yp"], list(zip(*rows, strict=True))
    for kind, cells in zip(kinds, columns, strict=True):
        if kind != "text":  # numbers only where each is written in one way, without an exponent
            assert len(set(map(Decimal, cells))) == len(set(cells))
            assert not set("eE") & set("".join(cells))
    assert set(kinds) != {"text", "integer"}
    as_typed = {"text": str, "integer": int, "float": float}
    y, p = (list(map(as_typed[kind], cells)) for kind, cells in zip(kinds, columns, strict=True))
    agrees(table, SEVERAL, oracle(y, p))


@pytest.mark.parametrize("ending", some_now(["csv", "parquet", "tsv", "arrow", "jsonl"], 2))
@pytest.mark.parametrize("engine", HERE)
def test_codes_stay_apart_in_every_file_and_engine(tmp_path, ending, engine):
    rows = [("01", "1", "f"), ("1", "1", "f"), ("2", "2", "m"), ("1", "1", "m")] * 50
    frame = pd.DataFrame(rows, columns=["y", "p", "g"])
    path = tmp_path / f"t.{ending}"
    {"csv": lambda: frame.to_csv(path, index=False), "tsv": lambda: frame.to_csv(path, index=False, sep="\t"),
     "parquet": lambda: frame.to_parquet(path), "arrow": lambda: frame.to_feather(path),
     "jsonl": lambda: frame.to_json(path, orient="records", lines=True)}[ending]()  # fmt: skip
    gate = ("--gate", "accuracy difference <= 0.1")
    done = command("model", path, "--task", "multiclass", "--label", "y", "--prediction", "p", "--groups", "g", *gate,
                   "--engine", engine, "--json", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 1, done.stderr
    found = {e["group"][0]: e["value"] for e in json.loads(done.stdout)["estimates"]
             if e["metric"] == "accuracy" and e["by"] and e["compare"] is None}  # fmt: skip
    assert found == {"f": 0.5, "m": 1.0}


FORMS = {
    "list": list,
    "object": lambda v: np.array(v, dtype=object),
    "numpy text": np.array,
    "category": lambda v: pd.Series(v, dtype="category"),
    "pandas string": lambda v: pd.Series(v, dtype="string"),
    "arrow-backed": lambda v: pd.Series(v, dtype=pd.ArrowDtype(pa.string())),
    "large string": lambda v: pa.array(v, pa.large_string()),
    "dictionary": lambda v: pa.array(v).dictionary_encode(),
    "string view": lambda v: pa.array(v).cast(pa.string_view()),
    "polars": pl.Series,
    "polars categorical": lambda v: pl.Series(v, dtype=pl.Categorical),
    "polars enum": lambda v: pl.Series(v, dtype=pl.Enum(sorted(set(v)))),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_text_is_text_in_every_form_of_a_column(form):
    y, p = ["0", "1", "2+", "01"] * 10, ["0", "1", "1", "1"] * 10
    result = audit.measure(form(y), form(p), groups={"g": ["a", "b"] * 20}, task="multiclass")
    found = {e.group[0]: e.value for e in result.find("accuracy", by=["g"]) if e.group and e.compare is None}
    assert found == {"a": 0.5, "b": 0.5}
    assert {e.outcome for e in result.estimates} - {None} == {"0", "1", "01", "2+"}


def test_an_object_column_of_two_types_is_refused_by_its_rows():
    with pytest.raises(InputError, match=r"'y_true' mixes types: row 0 holds '1' \(str\) and row 1 holds 1 \(int\)"):
        audit.measure(pd.Series(["1", 1] * 5), ["1", "1"] * 5, groups={"g": ["a", "b"] * 5}, positive="1")


# The positive class


def rates(result):
    return {e.group[0]: e.value for e in result.find("selection_rate", by=["g"]) if e.group and e.compare is None}


POSITIVE = {
    "text of a text": (["01", "1"], ["01", "1"], "01", {"a": 1, "b": 0}),
    "the other text": (["01", "1"], ["01", "1"], "1", {"a": 0, "b": 1}),
    "a number for one text": (["01", "02"], ["01", "02"], 1, {"a": 1, "b": 0}),
    "a number for the text of a float": (["1.0", "0.0"], ["1.0", "0.0"], 1, {"a": 1, "b": 0}),
    "text for a number": ([1, 0], [1, 0], "1", {"a": 1, "b": 0}),
    "zeros before a number": ([1, 0], [1, 0], "01", {"a": 1, "b": 0}),
    "text for a truth value": ([True, False], [True, False], "TRUE", {"a": 1, "b": 0}),
    "truth for a word": (["True", "False"], ["True", "False"], True, {"a": 1, "b": 0}),
    "truth beside a word": ([True, False], ["True", "False"], None, {"a": 1, "b": 0}),
    "a word beside truth": (["true", "false"], [True, False], "true", {"a": 1, "b": 0}),
    "text beside a float": (["1", "0"], [1.0, 0.0], None, {"a": 1, "b": 0}),
    "truth beside numbers": ([True, False], [1, 0], None, {"a": 1, "b": 0}),
    "truth beside their text": ([True, False], ["1", "0"], None, {"a": 1, "b": 0}),
    "numbers as text": (["1", "0"], ["1", "0"], None, {"a": 1, "b": 0}),
    "floats as text": (["1.0", "0.0"], ["1.0", "0.0"], None, {"a": 1, "b": 0}),
    "one class in the labels": (["1", "1"], ["1", "0"], None, {"a": 1, "b": 0}),
    "exponents": (["1E5", "100000"], ["1E5", "100000"], "1E5", {"a": 1, "b": 0}),
    "exact beyond doubles": ([2**53, 2**53 + 1], ["9007199254740992", "9007199254740993"], 2**53, {"a": 1, "b": 0}),
}


@pytest.mark.parametrize(("y", "p", "positive", "wanted"), POSITIVE.values(), ids=POSITIVE)
def test_the_positive_class_is_the_one_that_was_meant(y, p, positive, wanted):
    assert rates(audit.measure(y * 20, p * 20, groups={"g": ["a", "b"] * 20}, positive=positive)) == wanted


REFUSED = {
    "a number for two texts": (["01", "1"], ["01", "1"], 1, "label 'y_true' is text, and positive = 1 may mean '01' or '1'"),
    "another spelling": (["0", "1"], ["0", "1"], "1.0", "no positive class '1.0'; did you mean '1'"),
    "codes need a word": (["00", "01"], ["00", "01"], None, "label 'y_true' has the values '00', '01', not 0 and 1; set the positive one"),
    "two spellings beside a number": (["01", "1"], [1, 1], "01", "label 'y_true' is text, and its '01' and '1' mean the same class among the numbers of prediction 'y_pred'"),
    "two spellings in the prediction": ([0, 1], ["1", "01"], None, "prediction 'y_pred' is text, and its '01' and '1' mean the same class"),
    "another text": (["0", "1"], ["0", "1.0"], None, "holds '1.0', which is not a value of the label \\(available: '0', '1'\\); both columns are text"),
    "words and numbers": (["yes", "no"], [1, 0], "yes", "label 'y_true' holds the text 'no' and prediction 'y_pred' the number 0"),
    "truth and words": ([True, False], ["yes", "no"], None, "prediction 'y_pred' holds the text 'no' and label 'y_true' the truth value false"),
    "truth and numbers": ([True, False], [0, 2], None, "label 'y_true' holds truth values and prediction 'y_pred' the number 2"),
    "a blank": ([0, 1], ["0", " 1"], None, "prediction 'y_pred' holds ' 1', which is not how the number 1"),
    "a blank after a word": (["yes", "no"], ["yes ", "no"], "yes", "holds 'yes ', which is not a value of the label \\(available: 'no', 'yes'\\)"),
    "a blank in the listing": ([" >50K", " <=50K"], [" >50K", " <=50K"], "rich", "available: ' <=50K', ' >50K'"),
}  # fmt: skip


@pytest.mark.parametrize(("y", "p", "positive", "says"), REFUSED.values(), ids=REFUSED)
def test_what_has_two_readings_is_refused_by_name(y, p, positive, says):
    with pytest.raises(ValuesError, match=says) as caught:
        audit.measure(y * 20, p * 20, groups={"g": ["a", "b"] * 20}, positive=positive)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ('"01"', 1, ""),
        ('"1"', 1, ""),
        ("1", 2, "positive = 1 may mean '01' or '1'"),
        ("true", 2, "positive = true may mean '01' or '1'"),
    ],
)
def test_a_positive_class_in_a_file_keeps_its_type(tmp_path, said, code, words):
    rows = [("01", "01", "f"), ("1", "1", "m")] * 40
    (tmp_path / "t.csv").write_text("y,p,g\n" + "".join(",".join(r) + "\n" for r in rows))
    (tmp_path / "audit.toml").write_text(
        f'[data]\nlabel = "y"\npositive = {said}\ngroups = ["g"]\n[predictions]\nsource = "t.csv"\nprediction = "p"\n'
        '[[gates]]\nmetric = "selection_rate"\ncompare = "ratio"\nmin = 0.8\n'
    )
    done = command("run", cwd=tmp_path)
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr


@pytest.mark.parametrize(("positive", "says"), [("01", "no positive class '01'; did you mean '1'"), ("1", "")])
def test_a_part_without_zeros_is_read_as_the_others(tmp_path, positive, says):
    """In a CSV, 01 is not 1: where no row of a part has the positive class, 1 does not take its place."""
    (tmp_path / "t.csv").write_text("y,g\n" + "1,a\n2,b\n" * 30)
    done = command("data", "t.csv", "--label", "y", "--positive", positive, "--groups", "g", cwd=tmp_path)
    assert done.returncode == (2 if says else 0), done.stderr
    assert says in done.stderr


# Groups, strata and parts


def test_groups_and_strata_of_a_csv_are_the_texts_that_it_holds(tmp_path):
    rows = "".join(f"{i % 2},{i // 2 % 2},{('1E5', '100000')[i % 2]},{('1.0', '1')[i // 4 % 2]}\n" for i in range(80))
    (tmp_path / "t.csv").write_text("y,p,g,s\n" + rows)
    result = audit.check(str(tmp_path / "t.csv"), label="y", groups=["g"], strata=["s"], reference="1E5")
    assert {e.group[0] for e in result.find("representation", by=["g"]) if e.group} == {"1E5", "100000"}
    plan = Plan(groups=("g",), label="y", prediction="p", strata=("s",))
    found = count(write_names_as_text(open_table(tmp_path / "t.csv"), plan), plan).further["within strata"]
    assert found[0].axis("stratum").levels == ("1", "1.0")


def test_numbers_stay_numbers_where_they_are_computed_with(tmp_path):
    (tmp_path / "t.csv").write_text("y,p,w,age,s\n" + "1,1,1E0,1E1,0.5\n0,1,1.0,10,5e-1\n0,0,2,30,.25\n" * 10)
    result = command("model", "t.csv", "--label", "y", "--score", "s", "--groups", "age", "--bins", "age=20",
                     "--weight", "w", "--json", cwd=tmp_path)  # fmt: skip
    assert result.returncode == 0, result.stderr
    named = {tuple(e["group"] or ()) for e in json.loads(result.stdout)["estimates"] if e["by"] == ["age"]}
    assert named >= {("[-inf, 20)",), ("[20, inf)",)}


@pytest.mark.parametrize("together", [True, False], ids=["a pattern", "counted apart"])
@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_a_part_whose_codes_have_no_zeros_is_of_the_same_column(tmp_path, together, order):
    a = [("01", "1", "f"), ("1", "1", "f"), ("2", "2", "m"), ("1", "1", "m")] * 20
    b = [("1", "1", "f"), ("2", "1", "f"), ("2", "2", "m"), ("1", "1", "m")] * 20
    for name, rows in zip(order, (a, b), strict=True):
        (tmp_path / f"{name}.csv").write_text("y,p,g\n" + "".join(",".join(r) + "\n" for r in rows))
    (tmp_path / "audit.toml").write_text(
        '[data]\nlabel = "y"\ngroups = ["g"]\n[predictions]\nsource = "[ab].csv"\ntask = "multiclass"\nprediction = "p"\n'
    )
    if together:
        done = command("model", "[ab].csv", "--config", "audit.toml", "--json", cwd=tmp_path)
    else:
        for i, name in enumerate("ab"):
            part = command("count", f"{name}.csv", "--into", "c", *(("--config", "audit.toml") * (not i)), cwd=tmp_path)
            assert part.returncode == 0, part.stderr
        done = command("measure", "c", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = {tuple(e["group"]): e["value"] for e in json.loads(done.stdout)["estimates"]
             if e["metric"] == "accuracy" and e["compare"] is None}  # fmt: skip
    assert found == {(): 0.75, ("f",): 0.5, ("m",): 1.0}


def test_parts_of_typed_files_keep_their_types(tmp_path):
    frame = frame_of(["0", "1"] * 20, [0, 1] * 20)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.assign(y=frame.y.astype(int), p=1 - frame.p).to_parquet(tmp_path / "b.parquet")
    asked = ("--label", "y", "--prediction", "p", "--groups", "g")
    assert command("count", "a.parquet", "--into", "c", *asked, cwd=tmp_path).returncode == 0
    done = command("count", "b.parquet", "--into", "c", cwd=tmp_path)
    assert (done.returncode, "column 'y' is integer, and text in" in done.stderr) == (2, True)


# scikit-learn and PyTorch


def test_a_gate_on_data_and_an_audited_estimator_take_codes_as_they_are():
    x = pd.DataFrame({"x": np.arange(60.0), "g": ["a", "b"] * 30})
    for y in (["0", "1", "2+"] * 20, ["01", "1", "2"] * 20):
        gate = DataGate(groups=["g"]).fit(x, y)
        assert {e.outcome for e in gate.result_.estimates} >= set(y)
        model = Audited(DummyClassifier(strategy="constant", constant="1"), {"data": {"groups": ["g"]}}).fit(x, y)
        assert model.audit(x, y).find("accuracy", by=())[0].value == pytest.approx(1 / 3)


def test_labels_that_are_missing_are_refused_by_a_gate_on_data():
    with pytest.raises(ValuesError, match="label 'y' is missing"):
        DataGate(groups=["g"]).fit(pd.DataFrame({"g": ["a", "b"] * 5}), np.array(["0", None] * 5, dtype=object))


def test_a_tally_names_classes_as_an_audit_of_the_rows_does():
    codes, sex = torch.tensor([0, 1, 2, 1] * 5), torch.tensor([0, 1] * 10)
    for names in (["01", "1", "2"], [1, 2, 3], np.array([1.0, 2.0, 4.0])):
        tally = GroupTally({"g": ["a", "b"]}, classes=list(names))
        tally.update({"g": sex}, codes, prediction=codes.flip(0))
        y, p = (np.array(list(names))[c.numpy()] for c in (codes, codes.flip(0)))
        rows = audit.measure(y, p, groups={"g": np.array(["a", "b"])[sex.numpy()]}, task="multiclass")
        assert tally.result().estimates == rows.estimates
    for names in ([1, "1", 2], [1, "1"], [1.0, "1", "2"], [True, "true", "x"]):
        with pytest.raises(QuestionError, match="two or more different names"):
            GroupTally({"g": ["a", "b"]}, classes=names)


WILD = [*TEXTS, *ODD, "1e999", "1e-999", "9" * 400, f"{'9' * 300}.{'9' * 300}e299", "-", "e5", ".", "1e", 1, 1.5, 1e300,
        float("inf"), -1, 2**63, True]  # fmt: skip


@pytest.mark.parametrize("a", WILD, ids=lambda v: str(v)[:12])
def test_whatever_stands_in_two_columns_only_our_own_errors_come_out(a):
    for b in WILD:
        more = "1" if isinstance(b, str) else b
        with suppress(AuditError):
            name_classes({"label 'y'": {a: 2}, "prediction 'p'": {b: 1, more: 1}})
        for c in (a, b, "1", True, None):
            with suppress(AuditError):
                positive = find_positive({a: 2}, c, "label 'y'")
                read_predicted({b: 2}, "prediction 'p'", {a: 2}, "label 'y'", positive)


@pytest.mark.parametrize(
    ("labels", "predictions"),
    [(["01", "02", "03"], ["1", "2", "3"]), (["Yes", "No", "Maybe"], ["yes", "no", "maybe "])],
)
def test_classes_that_are_only_spelled_in_another_way_are_refused_where_none_is_common(labels, predictions, tmp_path):
    with pytest.raises(audit.AuditError, match="have no class in common"):
        audit.measure(labels * 20, predictions * 20, groups={"g": ["a", "b", "b"] * 20}, task="multiclass")
    one_is_common = [*predictions[:2], labels[2]]
    assert audit.measure(labels * 20, one_is_common * 20, groups={"g": ["a", "b", "b"] * 20}, task="multiclass")


def test_wholly_other_classes_are_not_taken_for_other_spellings():
    result = audit.measure(
        ["a", "b", "c"] * 20, ["x", "y", "z"] * 20, groups={"g": ["k", "l", "l"] * 20}, task="multiclass"
    )
    assert {e.value for e in result.find("accuracy", by=["g"]) if e.compare is None} == {0.0}
