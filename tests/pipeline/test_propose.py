"""What `audit init` proposes: groups by the names of usual data sets, and no limits on ids."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from audit.pipeline.propose import look, propose_suite, write_proposal

ROWS = 400


def table(folder, **columns):
    rows = {"y": [0, 1] * (ROWS // 2), **columns}
    pd.DataFrame(rows).to_csv(folder / "t.csv", index=False)
    return folder / "t.csv"


NAMED = ["SEX", "MARRIAGE", "married", "MAR", "RAC1P", "applicant_race-1", "derived_sex", "personal_status",
         "foreign_worker", "HISP", "CIT", "NATIVITY", "maritalStatus", "country of birth", "age_cat", "Geschlecht",
         "Familienstand", "DIS", "is_female", "ageGroup"]  # fmt: skip
UNNAMED = ["trace", "package_category", "agency", "EDUCATION", "amount", "market", "summary", "sussex", "email_status"]


@pytest.mark.parametrize("name", NAMED)
def test_protected_columns_are_known_by_usual_names(tmp_path, name):
    assert look(table(tmp_path, **{name: ["1", "2", "3", "4"] * (ROWS // 4)}), tmp_path).group_names == (name,)


@pytest.mark.parametrize("name", UNNAMED)
def test_other_names_are_proposed_as_no_group(tmp_path, name):
    assert look(table(tmp_path, **{name: ["1", "2", "3", "4"] * (ROWS // 4)}), tmp_path).group_names == ()


@pytest.mark.parametrize("name", ["AGEP", "age", "applicant_age", "Age (years)"])
def test_ages_in_years_get_bands(tmp_path, name):
    seen = look(table(tmp_path, **{name: [18 + i % 60 for i in range(ROWS)]}), tmp_path)
    assert seen.ages == (name,)
    assert "[18, 25, 40, 65]" in write_proposal(seen)


def test_other_protected_numbers_get_no_bands_of_ages(tmp_path):
    seen = look(table(tmp_path, POBP=range(ROWS), race_share=[i / ROWS for i in range(ROWS)]), tmp_path)
    assert (seen.ages, seen.group_names) == ((), ())


@pytest.mark.parametrize("name", ["id", "person_id", "ID", "Unnamed: 0", "index", "Kundennummer"])
def test_ids_get_no_range(tmp_path, name):
    ruled = ranged(table(tmp_path, **{name: range(9, 9 + ROWS), "amount": range(ROWS)}))
    assert ruled == {"amount"}


def ranged(path):
    """Columns whose numbers the first suite bounds."""
    found = json.loads(propose_suite(path))["expectations"]
    return {e["kwargs"]["column"] for e in found if e["type"] == "expect_column_values_to_be_between"}


PUBLIC = {
    "credit_default/credit_card_clients": ("SEX", "MARRIAGE", "AGE"),
    "compas/compas_two_years_deidentified": ("race", "sex", "age_cat", "age"),
    "adult/adult_train": ("race", "sex", "marital-status", "age"),
    "acs_income/ACSIncome_test": ("RAC1P", "SEX", "MAR", "AGEP"),
    "hmda_boston/loanapp_wooldridge": ("black", "hispan", "white", "male", "married"),
}


@pytest.mark.parametrize("name", PUBLIC)
def test_public_tables(shared, tmp_path, name):
    path = shared / f"data/{name}.parquet"
    assert look(path, tmp_path).group_names == PUBLIC[name]
    if "compas" in name:
        assert "id" not in ranged(path)
        assert "priors_count" in ranged(path)
