"""Whatever is wrong with an argument from Python is an AuditError that names it; what has one honest reading is read so."""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from commands import audit as command
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples
from sklearn.linear_model import LogisticRegression

import audit
from audit.config.options import pair, split_names
from audit.config.written_limits import read_rule, read_rules
from audit.errors import AuditError, QuestionError, ValuesError
from audit.sklearn import Audited, DataGate

N = 40
Y, P = np.tile([0, 1], N // 2), np.tile([0, 1, 1, 0], N // 4)
G, S = np.repeat(["a", "b"], N // 2), np.linspace(0, 1, N)
FRAME = pd.DataFrame({"y": Y, "g": G, "x": S})
RATIO = "selection_rate ratio >= 0.8"


def run(*words, cwd):
    return command(*words, cwd=cwd, env={"COLUMNS": "80"})


class Column:
    """An object with a length that numpy can take apart."""

    def __array__(self, *args, **kwargs):
        return Y

    def __len__(self):
        return N


WRONG = (
    None, 5, 3.5, "x", "", b"x", True, float("nan"), float("inf"), -1, 10**400, [], (), {}, {"a"}, object(), len, int,
    np.float32(0.5), np.int64(7), np.bool_(True), np.array(3), np.array([]), np.zeros((N, 2)), np.zeros((1, N)),
    np.zeros((N, 1, 1)), np.array([1 + 2j] * N), np.array([None] * N), np.arange(N) * 0.1, pd.DataFrame(),
    pd.DataFrame(np.zeros((N, 2)), columns=["a", "a"]), pd.Series([], dtype=float), pd.Series(pd.cut(np.arange(N), 3)),
    pd.Series(pd.date_range("2020", periods=N)), pd.Interval(0, 1), pd.NaT, pd.NA, dt.date(2020, 1, 1),
    decimal.Decimal("0.5"), pl.DataFrame({"a": Y.tolist()}), pa.table({"a": Y.tolist()}), range(3), Column(),
    pd.MultiIndex.from_arrays([Y, P]), [[1, 2]] * N, [1, "a"] * (N // 2), [{}] * N, {"a": Y}, {"a": None}, {None: 1},
    {1: Y, "1": Y}, {"x": {"a": 0.5}}, {"g": {"a": 2}}, {"g": None}, [None], ["x", "x"], [["g"]], np.array(["zz"]),
    bytearray(b"ab"), "\x00", np.rec.array([(1, 2)] * N, dtype=[("u", int), ("v", int)]),
    [{"metric": "x"}], [{"metric": ["accuracy"], "min": 0.1}], [{1: 2}], "accuracy >= x", "no gate", [["accuracy"]],
    {"metric": "recall_score_group_min", "compare": [1], "min": 0.5}, "selection_rate ratio by zz >= .8",
)  # fmt: skip
MEASURED = ("y_true", "y_pred", "groups", "task", "score", "threshold", "exact_auc", "features", "neighbours", "query",
            "rank", "top", "weight", "unit", "positive", "reference", "intersections", "confidence", "compare_to", "gates",
            "four_fifths", "metrics")  # fmt: skip
CHECKED = ("test", "label", "positive", "classes", "groups", "weight", "unit", "strata", "reference", "population",
           "intersections", "confidence", "compare_to", "gates")  # fmt: skip
CALLED = {"groups": "group", "features": "feature", "strata": "strat"}
"""What a message about one column of them says."""
"""What a message about a reference says: the column, and the group that it has not."""


def measured(name, value):
    asked = {"y_true": Y, "y_pred": P, "groups": {"g": G}}
    if name in {"threshold", "exact_auc"}:
        asked = {"y_true": Y, "score": S, "groups": {"g": G}}
    if name in {"query", "rank", "top"}:
        asked = {"y_true": Y, "groups": {"g": G}, "task": "ranking"} | ({} if name == "rank" else {"score": S})
    return audit.measure(**(asked | {name: value}))


def checked(name, value):
    return audit.check(FRAME, **({"label": "y", "groups": ["g"]} | {name: value}))


@pytest.mark.parametrize("name", MEASURED)
@pytest.mark.parametrize("call", [measured, checked], ids=["measure", "check"])
def test_whatever_is_wrong_is_an_audit_error_that_names_the_argument(call, name):
    if call is checked and name not in CHECKED:
        name = CHECKED[MEASURED.index(name) % len(CHECKED)]
    for value in WRONG:
        try:
            call(name, value)
        except AuditError as error:
            text = str(error)
            named = CALLED.get(name, name) in text or (name == "test" and isinstance(value, str))
            assert named, f"{name}={value!r}: {text}"
            assert "\n" not in text


@settings(max_examples=count_examples(60), deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.binary(max_size=3),
        lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=3) | st.integers(), x, max_size=3),
        max_leaves=6,
    ),
    st.sampled_from(["gates", "reference", "compare_to", "top", "threshold", "intersections", "groups", "task"]),
)
def test_any_tree_of_values_is_taken_or_refused(value, name):
    with contextlib.suppress(AuditError):
        measured(name, value)


@pytest.mark.parametrize("given", [[RATIO], RATIO, {"metric": "selection_rate", "compare": "ratio", "min": 0.8},
                                   ({"metric": "selection_rate", "compare": "ratio", "min": np.float32(0.75)},),
                                   np.array([RATIO]), pd.Series([RATIO])], ids=range(6))  # fmt: skip
def test_gates_are_taken_in_every_form(given):
    result = audit.measure(Y, P, groups={"g": G}, gates=given)
    assert [g.name for g in result.gates] == ["model.selection_rate.ratio.g"]


def test_a_text_that_crosses_columns_asks_for_the_crossing_as_the_command_does():
    groups = {"g": G, "h, i": np.tile(["u", "v"], N // 2)}
    result = audit.measure(Y, P, groups=groups, gates='selection_rate difference by g*"h, i" <= 0.9')
    assert result.gates[0].estimate.by == ("g", "h, i")
    result = audit.check(FRAME, label="y", groups="g", gates=["base_rate ratio by g >= 0.5", "DV007 <= 0"])
    assert [g.name.split(".")[0] for g in result.gates] == ["data", "checks"]


def test_forms_of_a_gate_that_are_none_are_named_by_their_place():
    for gates, says in (
        ([RATIO, None], "gates[1]"),
        (5, "gates must be a list"),
        ([RATIO, 3.5], "gates[1] is a float"),
    ):
        with pytest.raises(QuestionError) as error:
            read_rules(gates, "model")
        assert says in str(error.value)
        assert "METRIC" in str(error.value)


@pytest.mark.parametrize("shaped", [lambda a: a.reshape(-1, 1), lambda a: pd.DataFrame({"c": a}),
                                    lambda a: pl.DataFrame({"c": a.tolist()}), lambda a: pa.table({"c": a.tolist()})],
                         ids=["array", "pandas", "polars", "arrow"])  # fmt: skip
def test_one_column_has_one_reading(shaped):
    want = audit.measure(Y, P, score=S, weight=S + 1, unit=np.arange(N), groups={"g": G}, features={"x": S})
    got = audit.measure(shaped(Y), shaped(P), score=shaped(S), weight=shaped(S + 1), unit=shaped(np.arange(N)),
                        groups={"g": shaped(G)}, features={"x": shaped(S)})  # fmt: skip
    assert got.estimates == want.estimates
    with pytest.raises(QuestionError, match="'y_true' is a frame of 2 columns"):
        audit.measure(pd.DataFrame({"a": Y, "b": P}), P, groups={"g": G})


@pytest.mark.parametrize("number", [np.float32(0.25), np.float16(0.25), np.float64(0.25), np.array(0.25),
                                    decimal.Decimal("0.25")], ids=lambda n: type(n).__name__)  # fmt: skip
def test_numbers_of_other_libraries_are_numbers(number):
    result = audit.measure(
        Y, score=S, groups={"g": G}, threshold=number, intersections=np.int8(1), confidence=np.float64(0.9)
    )
    assert result.find("selection_rate", by="g", group="a")[0].value == (S[:20] >= 0.25).mean()
    assert result.find("selection_rate", by="g", group="a")[0].confidence == 0.9


LEVELS = {
    "whole": [1, 2], "truth": [True, False], "text": ["u", "v"], "numpy": list(np.array([1, 2])), "fraction": [1.5, 2.0],
    "interval": list(pd.interval_range(0, 2)), "period": list(pd.period_range("2020", periods=2, freq="Y")),
}  # fmt: skip


@pytest.mark.parametrize("kind", LEVELS)
def test_levels_are_named_as_the_column_holds_them(kind):
    first, second = LEVELS[kind]
    column = pd.Series([first] * 25 + [second] * 15, name="k")
    frame = pd.DataFrame({"y": Y, "k": column})
    shares = {first: 0.625, second: 0.375}
    result = audit.check(frame, label="y", groups=["k"], population={"k": shares}, reference=first)
    assert next(c for c in result.checks if c.code == "DB002").outcome == "pass"
    assert result.find("representation", by="k", group=[second])[0].numerator == 15
    assert result.find("base_rate", "difference", by="k", group=[second])[0].reference is not None
    assert audit.measure(Y, P, groups=column, reference={"k": first}).find("accuracy", by="k", group=[first])
    counted = audit.check(frame, label="y", groups="k", population={"k": column.value_counts(normalize=True)})
    assert next(c for c in counted.checks if c.code == "DB002").outcome == "pass"


def test_a_level_named_twice_or_not_there_is_refused():
    for population, says in (({"g": {"1": 0.5, 1: 0.5}}, "names '1' twice"), ({"gg": {"a": 1}}, "did you mean 'g'"),
                             ({"g": {"a": "half"}}, "population['g']['a']"), ({"g": {None: 0.5}}, "is missing"),
                             ({"g": {"a": 0.9, "b": 0.9}}, "sum of 1.8"), ({"g": 1}, "population['g']")):  # fmt: skip
        with pytest.raises(QuestionError) as error:
            audit.check(FRAME, label="y", groups="g", population=population)
        assert says in str(error.value)
    for reference, says in (
        ({"h": "a"}, "reference: no group column 'h'"),
        (None, None),
        (["a"], "reference must be text"),
    ):
        if says is not None:
            with pytest.raises(QuestionError) as error:
                audit.measure(Y, P, groups={"g": G}, reference=reference)
            assert says in str(error.value)


@pytest.mark.parametrize("wrong", [{"metric": "selection_rat"}, {"compare": "ratoi"}, {"by": ["SXE"]}, {"by": "SXE"},
                                   {"stage": "modle"}, {"by": "SEX", "group": "ff"}, {"group": "ff"}, {"by": ["SEX", "SEX"]},
                                   {"metric": 5}, {"metric": ["x"]}, {"by": 5}, {"compare": ["ratio"]}, {"by": {"SEX": 1}},
                                   {"by": "SEX", "group": ["f", "m"]}, {"by": ["SEX", "AGE"]}], ids=str)  # fmt: skip
def test_find_refuses_a_name_that_is_none(wrong):
    result = audit.measure(Y, P, groups={"SEX": ["f"] * 20 + ["m"] * 20, "AGE": ["o", "y"] * 20})
    with pytest.raises(QuestionError):
        result.find(**({"metric": "selection_rate"} | wrong))


def test_find_takes_one_name_as_text_and_any_order():
    result = audit.measure(Y, P, groups={"SEX": [1] * 20 + [2] * 20, "AGE": ["o", "y"] * 20}, intersections=2)
    assert result.find("selection_rate", "ratio", by="SEX") == result.find("selection_rate", "ratio", by=["SEX"])
    assert result.find("selection_rate", by="SEX", group=1) == result.find("selection_rate", by=["SEX"], group=("1",))
    assert result.find("selection_rate", by="SEX", group=np.int64(1))[0].group == ("1",)
    assert result.find("recall", by=["AGE", "SEX"], group=["o", 2])[0].group == ("2", "o")
    assert result.find("roc_auc") == ()
    assert result.find("skew_at_10") == ()
    with pytest.raises(QuestionError, match="did you mean 'selection_rate'"):
        result.find("selection_rat")
    with pytest.raises(QuestionError, match="intersections = 2"):
        audit.measure(Y, P, groups={"a": G, "b": P}).find("accuracy", by=["a", "b"])


def test_an_option_without_effect_is_refused():
    for more, says in (({"threshold": 0.5}, "threshold"), ({"top": [5]}, "top"), ({"neighbours": 7}, "neighbours"),
                       ({"exact_auc": True}, "exact_auc"), ({"query": G}, "query")):  # fmt: skip
        with pytest.raises(QuestionError) as error:
            audit.measure(Y, P, groups={"g": G}, **more)
        assert says in str(error.value)
        with pytest.raises(QuestionError):
            audit.measure(Y, groups={"g": G}, **more)


@pytest.mark.parametrize("column", [
    pd.Categorical(["a", "c"] * 20, ["a", "c", "zeta"]),
    pd.Series(["a", "c"] * 20, dtype=pd.CategoricalDtype(["zeta", "c", "a"], ordered=True)),
    pl.Series(["a", "c"] * 20, dtype=pl.Enum(["a", "c", "zeta"])),
    pa.DictionaryArray.from_arrays(pa.array([0, 1] * 20), pa.array(["a", "c", "zeta"])),
], ids=["categories", "series", "enum", "dictionary"])  # fmt: skip
def test_a_declared_level_without_rows_leaves_a_note(column):
    for result, where in (
        (audit.measure(Y, P, groups={"g": column}), " in the predictions"),
        (audit.check({"y": Y, "g": column}, label="y", groups="g"), ""),
    ):
        notes = [c for c in result.checks if c.code == "DV014"]
        (note,) = notes
        assert (note.title, note.outcome) == (f"1 declared category of g has no rows{where}: 'zeta'", "warn")
    whole = audit.measure(Y, P, groups={"g": pd.Categorical(["a", "c"] * 20)})
    assert [c.outcome for c in whole.checks if c.code == "DV014"] == ["pass"]


def test_a_declared_class_and_a_held_out_part_leave_notes_too():
    label = pd.Categorical(["x", "y"] * 20, ["x", "y", "z"])
    result = audit.measure(label, label, groups={"g": G}, task="multiclass")
    assert ["'z'" in c.title for c in result.checks if c.code == "DV014"] == [True]
    train = FRAME.assign(g=pd.Categorical(G, ["a", "b"]))
    test = FRAME.assign(g=pd.Categorical(["a"] * N, ["a", "b"]))
    result = audit.check(train, test=test, label="y", groups="g")
    said = {c.part: c.title for c in result.checks if c.code == "DV014"}
    assert said == {
        "train": "Every declared category of g has rows",
        "test": "1 declared category of g has no rows in the test data: 'b'",
    }


def test_several_classes_of_which_one_occurs_are_measured():
    result = audit.measure(["x"] * 4, ["x"] * 4, groups={"g": ["a", "b"] * 2}, task="multiclass")
    assert [e.value for e in result.find("accuracy", by="g") if e.group and e.compare is None] == [1.0, 1.0]
    assert (
        audit.check({"y": ["x"] * 4, "g": ["a", "b"] * 2}, label="y", groups="g", classes=True).verdict == "not judged"
    )


def test_a_metric_that_raises_in_one_group_is_undefined_there():
    g = np.array(["few"] * 3 + ["rest"] * (N - 3))
    result = audit.measure(Y, P, groups={"g": g}, metrics={"mine": lambda a, b: 1 / (len(a) - 3)})
    few = result.find("mine", by="g", group="few")[0]
    assert (few.status, few.value) == ("undefined", None)
    assert "ZeroDivisionError" in few.reason
    assert result.find("mine", by="g", group="rest")[0].value == pytest.approx(1 / (N - 6))
    assert "few" in result.find("mine", "difference", by="g")[0].reason


def test_what_is_wrong_with_held_out_rows_says_so():
    with pytest.raises(ValuesError, match="test data: label 'y': no positive class '1'; available: 0, 7"):
        audit.check(FRAME, test=FRAME.assign(y=np.where(Y == 1, 7, 0)), label="y", groups="g", positive=1)


def test_names_in_a_text_are_quoted_where_they_hold_the_separator():
    assert split_names('"age, years", sex ,"a ""b"""') == ["age, years", "sex", 'a "b"']
    assert split_names('5" disk,x') == ['5" disk', "x"]
    assert pair('"a=b"=1', "--bins") == ("a=b", "1")
    assert read_rule('selection_rate ratio by "a*b" * "c<=d" >= 0.5', "model")["by"] == ["a*b", "c<=d"]
    for text in ('"open', '"a"b'):
        with pytest.raises(QuestionError):
            split_names(text)


@settings(max_examples=count_examples(200), deadline=None)
@given(st.lists(st.text(st.characters(blacklist_categories=["Cs", "Cc", "Z"]), min_size=1), min_size=1, max_size=4))
def test_any_names_can_be_quoted(names):
    assert split_names(",".join('"' + n.replace('"', '""') + '"' for n in names)) == names


def test_the_command_is_told_of_options_and_a_file_of_its_keys(tmp_path):
    (tmp_path / "t.csv").write_text("g,y\n" + "a,yes\na,no\nb,yes\nb,no\n" * 30)
    said = run("data", "t.csv", "--label", "y", "--groups", "g", cwd=tmp_path)
    assert said.returncode == 2
    assert "(--positive)" in said.stderr
    config = '[data]\nsource = "t.csv"\nlabel = "y"\npositive = "yes"\ngroups = ["g"]\n'
    for gate, says in (('[gates]\nmetric = "base_rate"\nmin = 0.5\n', "[[gates]]"),
                       ('[[gates]]\nmetric = "base_rate"\nminn = 0.5\n', "no key 'gates[0].minn'"),
                       ('[waivers]\ngate = "x"\n', "[[waivers]]")):  # fmt: skip
        (tmp_path / "audit.toml").write_text(config + gate)
        said = run("run", "audit.toml", cwd=tmp_path)
        assert said.returncode == 2
        assert says in said.stderr


def test_a_column_with_a_comma_is_named_on_the_command_line(tmp_path):
    frame = pd.DataFrame({"y": Y, "p": P, "age, years": np.repeat(["old", "young"], 20), "sex": ["f", "m"] * 20})
    frame.to_csv(tmp_path / "t.csv", index=False)
    said = run("model", "t.csv", "--label", "y", "--prediction", "p", "--groups", '"age, years",sex', "--reference",
               '"age, years"=old', "--gate", 'selection_rate ratio by "age, years"*sex >= 0.1', "--json", cwd=tmp_path)  # fmt: skip
    assert said.returncode in {0, 1, 3}, said.stderr
    assert json.loads(said.stdout)["gates"][0]["name"] == "model.selection_rate.ratio.age, years*sex"


@pytest.mark.parametrize("config", [5, [], {"data": 5}, {1: 2}, {"gates": 5}, {"gates": [None]}, {"data": {"groups": 5}},
                                    {"predictions": 5}, {"waivers": 5}, {"waivers": [5]}, len], ids=str)  # fmt: skip
def test_a_question_of_the_wrong_kind_is_an_audit_error_wherever_it_is_given(tmp_path, config):
    with pytest.raises(AuditError):
        Audited(LogisticRegression(), config).fit(FRAME[["x"]], Y, sensitive_features=FRAME.g)
    with pytest.raises(AuditError), audit.training(config, store=tmp_path, data=FRAME, metered=False, quiet=True):
        pass


@pytest.mark.parametrize("wrong", [{"groups": 5}, {"groups": None}, {"groups": ["g", "g"]}, {"groups": "g", "gates": 5},
                                   {"groups": "g", "population": 5}, {"groups": "g", "unit": 1.5}], ids=repr)  # fmt: skip
def test_a_gate_in_a_pipeline_refuses_arguments_by_name(wrong):
    with pytest.raises(AuditError):
        DataGate(**wrong).fit(FRAME[["x", "g"]], Y)


def test_limits_as_text_work_in_every_place(tmp_path):
    gate = DataGate(groups="g", gates="base_rate ratio >= 0.1").fit(FRAME[["x", "g"]], Y)
    assert gate.result_.gates[0].name == "data.base_rate.ratio.g"
    model = Audited(LogisticRegression(), {"gates": "accuracy >= 0.1"}).fit(FRAME[["x"]], Y, sensitive_features=FRAME.g)
    assert model.audit(FRAME[["x"]], Y, sensitive_features=FRAME.g).gates[0].name == "model.accuracy.lowest.g"
    question = {"data": {"label": "y", "groups": np.array(["g"])}, "predictions": {"prediction": "y_"}, "gates": RATIO}
    with audit.training(question, store=tmp_path, metered=False, quiet=True) as run_:
        run_.predictions(FRAME.assign(y_=P))
    assert run_.result.gates[0].name == "model.selection_rate.ratio.g"


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: audit.measure(Y, P), "groups are missing"),
        (audit.measure, "y_true is missing"),
        (audit.check, "frame is missing"),
        (audit.training, "config is"),
        (audit.trained()(print), "config is"),
        (audit.read_result, "path must be"),
        (lambda: audit.read_result(5), "path must be"),
        (lambda: audit.measure(Y, P, groups={"g": G}).find(), "metric must be"),
    ],
    ids=[
        "no groups",
        "no labels",
        "no frame",
        "no config",
        "no config of a function",
        "no path",
        "a number as path",
        "no metric",
    ],
)
def test_an_argument_that_is_left_out_is_an_audit_error_too(call, named):
    with pytest.raises(QuestionError, match=named):
        call()


def test_a_table_is_checked_as_the_readme_writes_it():
    assert audit.check(FRAME, test=FRAME).checks


def test_a_reference_without_groups_is_refused_and_not_an_index_error():
    with pytest.raises(QuestionError, match="reference needs groups; give groups too"):
        audit.check({"y": [0, 1]}, label="y", reference="f")
