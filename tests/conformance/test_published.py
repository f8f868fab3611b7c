"""Numbers that others have published must come out, from the data that they used."""

from __future__ import annotations

import pandas as pd
import pytest

import audit


@pytest.fixture(scope="module")
def loans(shared):
    frame = pd.read_parquet(shared / "data" / "hmda_boston" / "loanapp_wooldridge.parquet")
    frame["race"] = frame[["white", "black", "hispan"]].idxmax(axis=1)
    return frame


def test_boston_mortgages_as_in_wooldridge_chapter_7(loans):
    result = audit.check(loans[["race", "approve"]], label="approve", positive=1, groups="race", reference="white")
    for group, rate, n in (("white", 0.908, 1681), ("hispan", 0.766, 111), ("black", 0.675, 197)):
        found = result.find("base_rate", by=["race"], group=[group])[0]
        assert round(found.value, 3) == rate
        assert found.n == n
    for group, ratio in (("hispan", 0.843), ("black", 0.743)):
        assert round(result.find("base_rate", "ratio", by=["race"], group=[group])[0].value, 3) == ratio


@pytest.fixture(scope="module")
def compas(shared):
    frame = pd.read_parquet(shared / "data" / "compas" / "compas_two_years_deidentified.parquet")
    high = frame.score_text.isin(["Medium", "High"]).astype(int)
    return audit.measure(frame.two_year_recid, high, groups=frame[["race", "sex"]], intersections=2)


@pytest.mark.parametrize(
    ("metric", "group", "percent"),
    [
        ("false_positive_rate", "African-American", 44.85),
        ("false_positive_rate", "Caucasian", 23.45),
        ("false_negative_rate", "African-American", 27.99),
        ("false_negative_rate", "Caucasian", 47.72),
    ],
)
def test_compas_as_in_propublica_2016(compas, metric, group, percent):
    assert round(100 * compas.find(metric, by=["race"], group=[group])[0].value, 2) == percent


def test_compas_keeps_chouldechovas_identity_to_the_last_digit(compas):
    def rate(metric, group):
        return compas.find(metric, by=["race"], group=[group])[0].value

    for group in ("African-American", "Caucasian", "Hispanic"):
        p, ppv, fnr = rate("base_rate", group), rate("precision", group), rate("false_negative_rate", group)
        assert rate("false_positive_rate", group) == pytest.approx(p / (1 - p) * (1 - ppv) / ppv * (1 - fnr), abs=1e-12)


def test_adult_as_recomputed(shared):
    frame = pd.read_parquet(shared / "data" / "adult" / "adult_train.parquet")
    positive = next(v for v in frame.income.unique() if v.strip() == ">50K")
    result = audit.check(frame, label="income", positive=positive, groups=["sex"])
    rates = {e.group[0].strip(): e.value for e in result.find("base_rate", by=["sex"])}
    assert rates == pytest.approx({"Female": 0.109461, "Male": 0.305737}, abs=5e-7)
    assert result.find("base_rate", "difference", by=["sex"])[0].value == pytest.approx(0.196276, abs=5e-7)
    assert min(e.value for e in result.find("base_rate", "ratio", by=["sex"])) == pytest.approx(0.358023, abs=5e-7)
    assert result.find("class_imbalance", by=["sex"])[0].value == pytest.approx(0.338411, abs=5e-7)


def test_clarifys_own_test_vector():
    frame = {"sex": ["a"] * 868 + ["d"] * 32, "y": [1] * 608 + [0] * 260 + [1] * 28 + [0] * 4}
    result = audit.check(frame, label="y", groups="sex", reference="d")
    published = {
        "class_imbalance": -0.928889,
        "difference_in_proportions_of_labels": 0.174539,
        "kl_divergence": 0.085433,
        "js_divergence": 0.023326,
        "lp_norm": 0.246836,
        "total_variation_distance": 0.174539,
        "ks_distance": 0.174539,
    }
    found = {name: result.find(name, by=["sex"], group=["a"])[0].value for name in published}
    assert found == pytest.approx(published, abs=5e-7)


@pytest.mark.parametrize(("edge", "expected"), [(26, -0.149448), (25, -0.128550)])
def test_german_credit_by_age_is_exact_at_the_edge(shared, edge, expected):
    frame = pd.read_parquet(shared / "data" / "german" / "german_statlog.parquet")
    groups = pd.Series((frame.a13 >= edge).map({True: "older", False: "younger"}), name="age")
    result = audit.check(
        {"age": groups, "credit": frame.credit}, label="credit", positive=1, groups="age", reference="older"
    )
    found = result.find("base_rate", "difference", by=["age"], group=["younger"])[0]
    assert found.value == pytest.approx(expected, abs=5e-7)


def test_berkeley_admissions_in_sum(shared):
    frame = pd.read_parquet(shared / "data" / "ucb_admissions" / "ucb_admissions.parquet")
    result = audit.check(frame, label="Admit", positive="Admitted", groups="Gender", weight="Freq", reference="Male")
    rates = {e.group[0]: e.value for e in result.find("base_rate", by=["Gender"])}
    assert rates == pytest.approx({"Male": 0.4452, "Female": 0.3035}, abs=5e-5)
    assert result.find("difference_in_proportions_of_labels", by=["Gender"])[0].value == pytest.approx(0.1416, abs=1e-4)


def test_berkeley_admissions_within_departments_turn_the_sign(shared):
    """Bickel, Hammel and O'Connell (1975): the gap against women is one of departments."""
    frame = pd.read_parquet(shared / "data" / "ucb_admissions" / "ucb_admissions.parquet")
    people = frame.loc[frame.index.repeat(frame.Freq)].reset_index(drop=True)
    for rows, weight in ((people, None), (frame, "Freq")):
        result = audit.check(
            rows, label="Admit", positive="Admitted", groups="Gender", strata="Dept", weight=weight, reference="Male"
        )
        found = result.find("conditional_demographic_disparity", by=["Gender"], group=["Female"])[0]
        assert found.value == pytest.approx(-0.0193, abs=5e-5)
        assert not found.flags


def test_the_example_of_the_rule_of_local_law_144():
    """6 RCNY 5-301: selection rates 54.3% and 44.7% give an impact ratio of 0.82."""
    groups = ["Male"] * 1390 + ["Female"] * 1181
    y = [1] * 755 + [0] * 635 + [1] * 528 + [0] * 653
    result = audit.measure(y, y, groups={"sex": groups}, reference="Male")
    found = result.find("selection_rate", "ratio", by=["sex"], group=["Female"])[0]
    assert round(found.value, 2) == 0.82
