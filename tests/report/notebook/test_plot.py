"""One metric by group as a chart: what is drawn, what is said, what is refused."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
import sample_results as samples

import audit

if importlib.util.find_spec("altair") is None:
    pytest.skip("the extra evenhand[plot] is not installed", allow_module_level=True)


def drawn(chart):
    """Return the chart as Vega-Lite, and the rows that its groups are drawn from."""
    spec = chart.to_dict()
    named = spec["layer"][-1]["data"]["name"]
    return spec, spec["datasets"][named]


def marks(spec):
    return [layer["mark"]["type"] for layer in spec["layer"]]


def scale_of(spec):
    return next(layer["encoding"]["x"]["scale"]["domain"] for layer in spec["layer"] if "x2" in layer["encoding"])


def test_every_group_has_its_dot_its_interval_and_its_words():
    result = samples.boston()
    spec, rows = drawn(result.plot("selection_rate", by="race"))
    estimates = [e for e in result.find("selection_rate", by="race") if e.group]
    assert [(r["value"], r["low"], r["high"]) for r in rows] == [(e.value, e.low, e.high) for e in estimates]
    assert rows[0]["group"] == "black\n51.3% [44.3, 58.2]  n 197"
    assert spec["title"]["text"] == "Selection rate by race"
    assert "95% interval" in spec["title"]["subtitle"][0]


def test_it_has_a_text_alternative_with_every_number():
    spec, rows = drawn(samples.boston().plot("selection_rate", by="race"))
    assert spec["description"].startswith("Selection rate by race. black: 51.3% [44.3, 58.2], n 197; ")
    assert all(row["said"] in spec["description"] for row in rows)
    assert "overall 7" in spec["description"]


def test_overall_and_limits_are_lines():
    spec, _ = drawn(samples.boston().plot("selection_rate", by="race"))
    texts = [row["text"] for data in spec["datasets"].values() for row in data if "text" in row]
    assert texts[0].startswith("overall ")
    assert len(texts) == 3, "and the two limits on the selection rate by race"
    assert {"limit at 63.7%: 0.8 × the highest", "limit: 45.0%"} < set(texts), "each says where it lies, as on the card"
    assert marks(spec).count("text") == 3


def test_the_axis_is_the_range_of_the_data():
    result = samples.boston()
    low, high = scale_of(drawn(result.plot("true_positive_rate", by="sex"))[0])
    rates = [e for e in result.find("true_positive_rate", by="sex") if e.low is not None]
    assert 0 < min(e.low for e in rates) - low < 0.1
    assert max(e.high for e in rates) <= high <= 1


def test_a_dot_of_few_rows_is_hollow_and_the_chart_says_what_that_means():
    spec, rows = drawn(samples.single_small_group().plot("selection_rate"))
    assert [r["few"] for r in rows] == [False, False, False, True]
    assert "Hollow dot: too few rows to judge alone." in spec["title"]["subtitle"][0]
    assert "too few rows to judge alone" in rows[-1]["said"]
    plain, _ = drawn(samples.unjudged().plot("selection_rate"))
    assert "Hollow" not in plain["title"]["subtitle"][0]


def test_an_undefined_value_is_named_without_a_dot():
    _, rows = drawn(samples.undefined_rates().plot("false_positive_rate"))
    south = next(row for row in rows if row["group"].startswith("south"))
    assert south["value"] is None
    assert "undefined" in south["said"]
    assert "no rows with label" in south["said"]


def test_a_crossing_and_rows_without_a_group():
    _, rows = drawn(samples.boston().plot("selection_rate", by=["sex", "race"]))
    names = [row["group"].partition("\n")[0] for row in rows]
    assert "black × female" in names
    assert names[-1] == "white × (missing)"
    _, rows = drawn(samples.boston().plot("selection_rate", by="sex"))
    assert rows[-1]["group"].startswith("sex missing\n")


def test_scores_regression_classes_and_data():
    rng = np.random.default_rng(7)
    y, s, g = rng.integers(0, 2, 400), rng.random(400), {"g": np.resize(["a", "b"], 400)}
    spec, rows = drawn(audit.measure(y, score=s, groups=g).plot("roc_auc"))
    assert spec["title"]["text"].endswith("by g")
    assert "[0." in rows[0]["group"]
    spec, rows = drawn(audit.measure(y + s, s, groups=g, task="regression").plot("mean_error"))
    assert rows[0]["value"] < 0
    assert scale_of(spec)[1] < 0, "a scale of negative errors is not stretched to 0"
    classes = np.resize(["x", "y", "z"], 400)
    result = audit.measure(classes, classes, groups=g, task="multiclass")
    spec, _ = drawn(result.plot("true_positive_rate", outcome="y"))
    assert spec["title"]["text"] == "True positive rate by g, class y"
    with pytest.raises(audit.QuestionError, match="name one in outcome; available: x, y, z"):
        result.plot("true_positive_rate")
    spec, _ = drawn(samples.boston().plot("base_rate", by="race", stage="data"))
    assert spec["title"]["text"] == "Base rate by race in the training data"


def test_names_that_look_alike_are_two_rows():
    y, g = np.resize([0, 1, 1, 0], 80), np.resize(["Male", " Male"], 80)
    _, rows = drawn(audit.measure(y, y, groups={"sex": g}).plot("selection_rate"))
    assert sorted(row["group"].partition("\n")[0] for row in rows) == ["' Male'", "'Male'"]


def test_of_too_many_groups_the_largest_are_drawn():
    counts = {(f"r{i:03d}",): (30 + i, 12, 15, 33) for i in range(150)}
    spec, rows = drawn(samples.result_of(("region",), counts).plot("selection_rate"))
    assert len(rows) == 40
    assert rows[-1]["group"].startswith("r149")
    assert "The 40 largest of 150 groups." in spec["title"]["subtitle"][0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"metric": "selection_rte", "by": "race"}, "did you mean 'selection_rate'?"),
        ({"metric": "selection_rate", "by": "rac"}, "did you mean 'race'?"),
        ({"metric": "selection_rate"}, "by is missing; name a group column, or several to cross; available: race, sex"),
        ({"metric": "selection_rate", "by": "race", "stage": "modell"}, "no stage 'modell'; did you mean 'model'?"),
        ({"metric": "equalized_odds_difference", "by": "race"}, "plot true_positive_rate or false_positive_rate"),
        ({"metric": "roc_auc", "by": "race"}, "roc_auc was not measured for these groups; available: accuracy"),
        ({"metric": "class_imbalance", "by": "race"}, "class_imbalance has no value for each group by itself; available"),
        ({"metric": 3}, "metric must be the name of a metric, not 3"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_by_name(arguments, said):
    with pytest.raises(audit.QuestionError) as error:
        samples.boston().plot(**arguments)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_without_altair_it_says_what_to_install():
    code = (
        "import sys; sys.modules['altair'] = None\n"
        "import audit\n"
        "result = audit.measure([1, 0], [1, 0], groups={'g': ['a', 'b']})\n"
        "try:\n    result.plot('selection_rate')\n"
        "except audit.InputError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "altair cannot be used" in done.stdout, done.stderr
    assert "pip install 'evenhand[plot]'" in done.stdout


@pytest.mark.parametrize(
    ("favourable", "labels"),
    [
        (1, ["limit at 40.0%: 0.8 × the highest", "limit at 30.0%: 20 points below the highest"]),
        (0, ["limit at 37.5%: the lowest / 0.8", "limit at 50.0%: 20 points above the lowest"]),
    ],
)
def test_limit_lines_of_a_harm_are_upper_bounds(favourable, labels):
    groups = ["a"] * 100 + ["b"] * 100
    chosen = [1] * 30 + [0] * 70 + [1] * 50 + [0] * 50
    gates = ["selection_rate ratio >= 0.8", "selection_rate difference <= 0.2"]
    result = audit.measure(chosen, chosen, groups={"g": groups}, gates=gates, favourable=favourable)
    drawn = result.plot("selection_rate", by="g").to_dict()["description"]
    assert all(label in drawn for label in labels), drawn
