"""audit.toml: every way to get it wrong is named, and what is read is what was written."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.config.read import load, parse
from audit.config.write import to_toml, write_new
from audit.errors import QuestionError

WHOLE = """
[model]
name = "boston-mortgages"
version = "1.0"
owner = "credit-risk@example.org"
intended_use = "a study"
out_of_scope = "decisions"

[data]
prepare = ["python", "prepare.py"]
source = "train.parquet"
test = "test.parquet"
label = "approve"
positive = 1
groups = ["race", "sex", "age"]
intersections = 2
unit = "row"
weight = "w"
strata = ["department"]
[data.bins]
age = [18, 25, 40, 65]
[data.reference.race]
white = 0.81

[checks]
suite = "expectations.json"

[train]
command = ["python", "train.py"]
predictions = "predictions.parquet"

[predictions]
label = "approve"
prediction = "prediction"
score = "score"
threshold = 0.5

[energy]
country = "USA"
pue = 1.2

[policy]
confidence = 0.95
insufficient = "fail"

[[gates]]
stage = "model"
metric = "selection_rate"
compare = "ratio"
by = ["race"]
min = 0.8

[[waivers]]
gate = "model.selection_rate.ratio.race"
owner = "somebody"
reason = "a plan is under way"
expires = 2027-03-01
max_gap = 0.75
"""


def test_the_whole_contract_is_read():
    config = parse(WHOLE)
    assert config.gates[0].name == "model.selection_rate.ratio.race"
    assert config.unit is None
    assert config.predictions_source == "predictions.parquet"
    assert config.waivers[0].expires.isoformat() == "2027-03-01"


WRONG = {
    "unknown key": (
        'label = "approve"\npositive',
        'lable = "approve"\npositive',
        r"data\.lable.*did you mean 'data\.label'",
    ),
    "key of another section": (
        'score = "score"',
        'score = "score"\npositive = 1',
        r"no key 'predictions\.positive'; 'positive' belongs in \[data\]$",
    ),
    "key of two other sections": ("pue = 1.2", 'label = "y"', r"'label' belongs in \[data\] or \[predictions\]$"),
    "key of a list of sections": ("confidence = 0.95", "max_gap = 0.5", r"'max_gap' belongs in \[\[waivers\]\]$"),
    "key of a section of names": ("pue = 1.2", "watts = 9", r"'watts' belongs in \[energy\.declared\.NAME\]$"),
    "key above all sections": (
        "[model]",
        "positive = 1\n[model]",
        r"no key 'positive'; 'positive' belongs in \[data\]",
    ),
    "section within another": (
        "confidence = 0.95",
        "publish = 5",
        r"no key 'policy\.publish'; write it as its own section, \[publish\]",
    ),
    "slip beside a key elsewhere": (
        'prediction = "prediction"',
        'predictions = "prediction"',
        r"did you mean 'predictions\.prediction'",
    ),
    "unknown section": ("[[gates]]", "[[gate]]", r"'gate'.*'gates'"),
    "limit as text": ("min = 0.8", 'min = "0.8"', r"gates\[0\]\.min.*number.*text"),
    "limit infinite": ("min = 0.8", "min = inf", r"gates\[0\]\.min.*finite"),
    "limit nan": ("min = 0.8", "min = nan", r"gates\[0\]\.min.*finite"),
    "limit true": ("min = 0.8", "min = true", r"gates\[0\]\.min.*number"),
    "no limit": ("min = 0.8", "", r"gates\[0\].*min or max"),
    "text for a list of groups": (
        'groups = ["race", "sex", "age"]',
        'groups = "race"',
        r'groups: must be a list; write groups = \["race"\] \(it is .race',
    ),
    "a combination as text": (
        'by = ["race"]',
        'by = "race*sex"',
        r'gates\[0\]\.by: must be a list; write by = \["race", "sex"\] \(it is .race\*sex.\)$',
    ),
    "two that are wrong": (
        'by = ["race"]',
        'by = "race"\nmin = 0.8\n[[gates]]\nmetric = "accuracy"\nby = "sex"',
        r'write by = \["race"\] \(it is .race.\) \(also wrong: gates\[1\]\.by\)$',
    ),
    "a list of whole numbers": (
        'groups = ["race", "sex", "age"]',
        "groups = 1",
        r'groups: must be a list, such as \["a", "b"\] \(it is 1',
    ),
    "not one of the values": (
        "threshold = 0.5",
        'threshold = 0.5\ntask = "rank"',
        r"task: 'rank' is not allowed; did you mean 'ranking'\?",
    ),
    "a share above its range": (
        "confidence = 0.95",
        "confidence = 2",
        r"policy\.confidence: must be below 1 \(it is 2\)",
    ),
    "limit that cannot fail": ("min = 0.8", "min = 0", r"gates\[0\].*range.*never fail"),
    "limit that cannot pass": ("min = 0.8", "min = 1.5", r"gates\[0\].*range.*never pass"),
    "difference that cannot fail": (
        'compare = "ratio"\nby = ["race"]\nmin = 0.8',
        'compare = "difference"\nby = ["race"]\nmax = 1.5',
        r"range.*never fail",
    ),
    "wrong side": (
        "min = 0.8",
        "max = 0.8",
        r"the ratio of selection_rate needs min \(>=\), not max = 0\.8: 1 means equal groups",
    ),
    "unknown metric": ('metric = "selection_rate"', 'metric = "demografic_parity"', r"demografic_parity"),
    "unknown comparison": ('compare = "ratio"', 'compare = "ration"', r"compare.*'ratio'"),
    "unknown group": ('by = ["race"]', 'by = ["rcae"]', r"no group column 'rcae'; did you mean 'race'\?"),
    "too deep": ('by = ["race"]', 'by = ["race", "sex", "age"]', r"intersections"),
    "label is prediction": (
        'prediction = "prediction"',
        'prediction = "approve"',
        r"'approve' is both label and prediction; name two different columns",
    ),
    "duplicate key": ('source = "train.parquet"', 'source = "a"\nsource = "b"', r"TOML"),
    "text for a list": ('by = ["race"]', 'by = "race"', r"gates\[0\]\.by"),
    "group twice": ('groups = ["race", "sex", "age"]', 'groups = ["race", "race", "age"]', r"'race' twice"),
    "falling bins": ("[18, 25, 40, 65]", "[18, 40, 25]", r"increasing edges"),
    "bins of no group": (
        "age = [18, 25, 40, 65]",
        "height = [1, 2]",
        r"bins: no group column 'height'; available: race, sex, age",
    ),
    "share over one": ("white = 0.81", "white = 1.81", r"shares between 0 and 1"),
    "confidence 95": ("confidence = 0.95", "confidence = 95", r"confidence"),
    "pue under one": ("pue = 1.2", "pue = 0.5", r"pue"),
    "empty command": ('command = ["python", "train.py"]', "command = []", r"train\.command"),
    "no predictions": (
        '[predictions]\nlabel = "approve"\nprediction = "prediction"\nscore = "score"\nthreshold = 0.5',
        "",
        r"\[predictions\] is missing",
    ),
    "waiver without owner": ('owner = "somebody"', "", r"waivers\[0\]\.owner is missing"),
    "waiver with a text date": ("expires = 2027-03-01", 'expires = "someday"', r"waivers\[0\]\.expires"),
    "waiver until a moment": ("expires = 2027-03-01", "expires = 2027-03-01T00:00:00+14:00", "must be a date such as"),
    "waiver until a number": (
        "expires = 2027-03-01",
        "expires = 1804377600",
        r"must be a date such as .*it is 18043776",
    ),
    "unknown policy": ('insufficient = "fail"', 'insufficient = "pass"', r"policy\.insufficient"),
}


@pytest.mark.parametrize(("old", "new", "says"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_in_one_line(old, new, says):
    assert old in WHOLE
    with pytest.raises(QuestionError, match=f"(?i){says}") as caught:
        parse(WHOLE.replace(old, new, 1))
    assert "\n" not in str(caught.value)


def test_an_empty_list_of_gates_is_no_policy():
    with pytest.raises(QuestionError, match="gates.*empty"):
        parse('gates = []\n[data]\nsource = "a.csv"\ngroups = ["sex"]')


def test_environment_variables_are_never_put_into_texts(monkeypatch):
    monkeypatch.setenv("EVENHAND_SECRET", "hunter2")
    assert parse(WHOLE.replace("a study", "${EVENHAND_SECRET}")).model.intended_use == "${EVENHAND_SECRET}"


@pytest.mark.parametrize("metric", ["class_imbalance", "difference_in_proportions_of_labels"])
def test_a_signed_statistic_is_judged_by_its_largest_value(metric):
    gate = f'[[gates]]\nstage = "data"\nmetric = "{metric}"\nby = ["sex"]\nmax = 0.2'
    config = parse(f'[data]\nsource = "a.csv"\nlabel = "y"\ngroups = ["sex"]\n{gate}')
    assert config.gates[0].name == f"data.{metric}.largest.sex"


def test_a_missing_file_and_a_folder_without_one(tmp_path):
    with pytest.raises(QuestionError, match=r"no audit\.toml.*audit init"):
        load(tmp_path)
    with pytest.raises(QuestionError, match=r"no file or folder '.*nothing\.toml'; name an audit\.toml or its folder"):
        load(tmp_path / "nothing.toml")
    with pytest.raises(QuestionError, match=r"'.*/deep/nothing\.toml'; name an audit\.toml"):
        load(tmp_path / ("x" * 80) / "deep" / "nothing.toml")


def test_a_file_that_is_not_utf8(tmp_path):
    (tmp_path / "audit.toml").write_bytes(b'[model]\nname = "Ni\xf1o"\n')
    with pytest.raises(QuestionError, match="UTF-8"):
        load(tmp_path)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.one_of(
    st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), texts
)
tables = st.dictionaries(texts, st.one_of(scalars, st.lists(scalars, max_size=3)), max_size=4)


@given(st.dictionaries(texts, st.one_of(scalars, tables, st.lists(tables, min_size=1, max_size=3)), max_size=5))
def test_what_is_written_reads_back_the_same(document):
    assert tomllib.loads(to_toml(document)) == document


def test_a_file_is_never_overwritten(tmp_path):
    write_new(tmp_path / "audit.toml", {"data": {"label": "y"}})
    with pytest.raises(QuestionError, match="exists and is not overwritten; choose another name"):
        write_new(tmp_path / "audit.toml", {"data": {"label": "z"}})
    assert "y" in (tmp_path / "audit.toml").read_text()
