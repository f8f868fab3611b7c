"""DL003, a column that tells the label."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from looking_at import asked, found

from audit.checks.rules import label_leakage
from audit.config.read import build

N = 2000
RNG = np.random.default_rng(11)
Y = (RNG.random(N) < 0.1).astype(int)


def one(label="y", positive=None, **columns):
    rows = pd.DataFrame({"y": Y, "noise": RNG.normal(size=N), **columns})
    more = {} if positive is None else {"positive": positive}
    (check,) = found("DL003", rows, label=label, groups=(), **more)
    return check


def test_noise_ids_and_many_values_are_silent():
    check = one(id=np.arange(N), code=[f"c{i // 2}" for i in RNG.permutation(N)], town=RNG.integers(0, 400, N))
    assert check.outcome == "pass"
    assert "columns; the highest is " in check.detail


def test_a_column_that_knows_is_named_also_where_positives_are_rare():
    noisy = np.where(RNG.random(N) < 0.02, 1 - Y, Y)
    check = one(decided_at=np.where(noisy == 1, "late", "early"))
    assert check.outcome == "warn"
    assert check.title.startswith("1 column reveals the label in the training data: decided_at (informedness 0.9")
    assert "late" not in check.title + check.detail


def test_columns_of_which_only_the_missing_values_are_looked_at_are_named(monkeypatch):
    monkeypatch.setattr(label_leakage, "MOST_DISTINCT", 1_500)
    ids = {name: [f"{name}{i}" for i in range(N)] for name in ("case", "note")}
    left = "; 3 columns not checked (more than 1,500 values; only whether one is missing): noise, case, note"
    assert one(x=RNG.integers(0, 3, N), **ids).detail.endswith(f"; 0 is guessing, 1 certainty){left}")
    check = one(**ids)
    assert (check.outcome, check.reason.endswith(left)) == ("undefined", True)


def test_a_number_that_knows_is_named():
    assert "amount" in one(amount=Y * 5000 + RNG.normal(size=N) * 100).title
    assert one(amount=Y * 5000 + RNG.normal(size=N) * 100).outcome == "warn"


def test_the_label_under_another_name_is_named():
    named = "outcome2 (informedness 1.00; 0 is guessing, 1 certainty; the label under another name)"
    assert named in one(outcome2=np.where(Y == 1, "yes", "no")).title


def test_a_name_alone_is_no_finding():
    assert one(label_target_outcome=RNG.normal(size=N)).outcome == "pass"


def test_missing_values_that_tell_are_named():
    check = one(closed=[f"note {i}" if y else None for i, y in enumerate(Y)])
    assert "closed (informedness 1.00; 0 is guessing, 1 certainty" in check.title
    assert check.outcome == "warn"


def test_several_classes_are_told_apart():
    classes = RNG.choice(["a", "b", "c"], N)
    rows = pd.DataFrame({"y": classes, "x": np.where(RNG.random(N) < 0.05, "b", classes), "z": RNG.normal(size=N)})
    (check,) = found("DL003", rows, label="y", classes=True, groups=())
    assert check.outcome == "warn"
    assert check.title.startswith("1 column reveals the label in the training data: x (informedness 0.9")


def test_a_numeric_label_is_told_by_its_copy():
    y = RNG.normal(size=N)
    rows = pd.DataFrame({"y": y, "euro": y * 1.17, "near": y + RNG.normal(size=N), "g": RNG.choice(["a", "b"], N)})
    config = build(
        {"data": {"source": "m", "label": "y", "groups": ["g"]},
         "predictions": {"source": "p", "task": "regression", "prediction": "p"}}, "a test")  # fmt: skip
    check, of_groups = asked("DL003", {"train": rows}, config)
    assert (of_groups.title, of_groups.outcome) == ("No group column reveals the label in the training data", "pass")
    assert check.outcome == "warn"
    assert "euro (informedness 1.00" in check.title
    assert "near" not in check.title


def test_group_columns_have_a_check_of_their_own():
    """A card may have to leave out what it finds; that another column tells the label is said there all the same."""
    rows = pd.DataFrame({"y": Y, "decided": np.where(Y == 1, "late", "early"), "g": np.where(Y == 1, "a", "b")})
    others, groups = found("DL003", rows, label="y", groups=["g"])
    scale = "(informedness 1.00; 0 is guessing, 1 certainty; the label under another name)"
    assert others.title == f"1 column reveals the label in the training data: decided {scale}"
    assert groups.title == f"1 group column reveals the label in the training data: g {scale}"
    assert (groups.outcome, groups.columns, others.columns) == ("warn", ("g",), ())
    (alone,) = found("DL003", rows[["y", "g"]], label="y", groups=["g"])
    assert alone == groups


def test_no_label_and_no_other_column_are_not_applicable():
    rows = pd.DataFrame({"y": Y})
    assert found("DL003", rows)[0].outcome == "not applicable"
    assert found("DL003", rows, label="y")[0].outcome == "not applicable"


def test_too_few_rows_are_undefined():
    rows = pd.DataFrame({"y": [0, 1, 0, 1], "x": [0, 1, 0, 1]})
    assert found("DL003", rows, label="y")[0].outcome == "undefined"


def test_a_column_without_any_value_is_passed_over():
    assert one(empty=pd.Series([None] * N, dtype="float64")).outcome == "pass"


CLEAN = [
    ("adult/adult_train", "income", ">50K"),
    ("acs_income/ACSIncome_test", "PINCP", None),
    ("german/german_statlog", "credit", 1),
    ("bank_marketing/bank_full", "y", "yes"),
    ("credit_default/credit_card_clients", "default payment", None),
    ("law_school/law_school_clean", "pass_bar", None),
]


@pytest.mark.parametrize(("name", "label", "positive"), CLEAN)
def test_public_tables_are_silent(shared, name, label, positive):
    more = {} if positive is None else {"positive": positive}
    (check,) = found("DL003", shared / f"data/{name}.parquet", label=label, **more)
    assert check.outcome == "pass"


def test_what_compas_wrote_down_afterwards_is_named(shared):
    (check,) = found("DL003", shared / "data/compas/compas_two_years_deidentified.parquet", label="two_year_recid")
    assert check.outcome == "warn"
    assert "is_recid" in check.title
    assert re.search(r"r_offense_date \([^)]*; by whether it has a value\)", check.title)


def test_the_second_label_of_the_boston_loans_is_named(shared):
    (check,) = found("DL003", shared / "data/hmda_boston/loanapp_wooldridge.parquet", label="approve")
    assert "reject (1.00; the label under another name)" in check.title
