"""DP003, columns that name a person."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from looking_at import found

from audit.checks.rules.direct_identifiers import named_kind

N = 300


def one(**columns):
    (check,) = found("DP003", pd.DataFrame({"n": range(N), **columns}))
    return check


def luhn(number):
    digits = [int(d) for d in str(number)][::-1]
    return (10 - sum(sum(divmod(2 * d, 10)) if i % 2 == 0 else d for i, d in enumerate(digits)) % 10) % 10


def iban(number):
    body = f"{number:018d}"
    return f"DE{98 - int(body + '131400') % 97:02d}{body}"


CARDS = [f"4{i:014d}{luhn(f'4{i:014d}')}" for i in range(N)]
SHAPED = {
    "e-mail addresses": [f"ann.{i}@example.org" for i in range(N)],
    "phone numbers": [f"+49 30 1234{i:04d}" for i in range(N)],
    "bank accounts (IBAN)": [iban(37040044053201300 + i) for i in range(N)],
    "payment cards": CARDS,
    "social security numbers": [f"{100 + i}-12-{i:04d}" for i in range(N)],
    "IP addresses": [f"10.0.{i // 250}.{i % 250}" for i in range(N)],
    "addresses of profiles": [f"https://www.linkedin.com/in/ann-{i}" for i in range(N)],
    "coordinates": [f"52.{5000 + i}, 13.{4000 + i}" for i in range(N)],
}


@pytest.mark.parametrize("kind", SHAPED)
def test_values_are_known_by_their_shape(kind):
    check = one(x=SHAPED[kind])
    assert check.outcome == "warn"
    assert f"x: {kind} in 100.0% of its values" in check.detail
    assert SHAPED[kind][7] not in check.detail


def test_a_few_addresses_among_other_texts_are_found():
    assert "e-mail addresses in 2.0%" in one(x=["none"] * 294 + SHAPED["e-mail addresses"][:6]).detail


def test_card_numbers_written_as_numbers_are_found_and_other_long_numbers_are_not():
    assert "payment cards" in one(x=[int(c) for c in CARDS]).detail
    assert one(x=[4_000_000_000_000_000 + 7 * i for i in range(N)]).outcome == "pass"


def test_what_fails_its_check_digit_is_no_account_and_no_card():
    wrong = [c[:-1] + str((int(c[-1]) + 1) % 10) for c in CARDS]
    assert "payment" not in one(x=wrong).detail
    assert "IBAN" not in one(x=["DE00" + f"{i:018d}" for i in range(N)]).detail


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("FirstName", "names of persons"),
        ("applicant_last_name", "names of persons"),
        ("E-Mail", "e-mail addresses"),
        ("SSN", "national or tax numbers"),
        ("date_of_birth", "dates of birth"),
        ("Latitude", "coordinates"),
        ("IBAN", "bank accounts or cards"),
    ],
)
def test_names_of_columns_are_read(column, kind):
    assert named_kind(column) == kind


@pytest.mark.parametrize(
    "column",
    [
        "native-country",
        "surname_length_unknown"[8:],
        "lat_pulldowns",
        "ip_rating",
        "race",
        "name",
        "phone_owner",
        "description",
    ],
)
def test_other_names_are_not(column):
    assert named_kind(column) is None


def test_a_text_of_its_own_for_everybody_is_named_but_not_the_unit():
    texts = [f"a note about case {i}" for i in range(N)]
    assert "x: nearly every value is different" in one(x=texts).detail
    (check,) = found("DP003", pd.DataFrame({"x": texts}), unit="x")
    assert check.outcome == "pass"


AMOUNTS = {
    "points": lambda i: f"{i // 9 % 40 * 37 + i:,}.{i % 100:02d}".replace(",", "_").replace(".", ",").replace("_", "."),
    "commas": lambda i: f"{4321 * i:,}",
    "euros": lambda i: f"€ {1234.5 * i:,.2f}",
    "codes": lambda i: f"{1234.5 * i:,.2f} USD",
}


@pytest.mark.parametrize("written", AMOUNTS.values(), ids=AMOUNTS)
def test_amounts_written_as_text_name_nobody(written):
    check = one(betrag=[written(i) for i in range(N)])
    assert (check.outcome, check.detail) == ("pass", "2 columns")


@pytest.mark.parametrize("text", [lambda i: f"{100_000 + i}", lambda i: f"123.{i // 100 + 100}.{i % 100 + 200}"])
def test_numbers_of_one_length_are_no_amounts(text):
    assert "x: nearly every value is different" in one(x=[text(i) for i in range(N)]).detail


@pytest.mark.parametrize("name", ["id", "ID", "customer_id", "PatientID", "uuid", "Kundennummer", "case no"])
def test_an_id_of_its_own_for_everybody_is_named(name):
    assert (
        one(**{name: range(7, 7 + N)}).detail
        == f"{name}: an id by the column's name, and nearly every value is different"
    )
    (check,) = found("DP003", pd.DataFrame({name: range(N)}), unit=name)
    assert check.outcome == "pass"


def test_an_id_that_many_share_and_a_word_that_ends_in_id_are_none():
    assert one(shop_id=[i % 9 for i in range(N)], paid=range(N), idle=range(N)).outcome == "pass"


def test_plain_columns_are_silent():
    check = one(date=[f"2020-01-{1 + i % 28:02d}" for i in range(N)], band=["25-34", "35-44", "45+"] * 100,
                amount=np.linspace(0, 1, N), version=["1.2.3"] * N)  # fmt: skip
    assert (check.outcome, check.detail) == ("pass", "5 columns")


def test_a_table_without_any_value_is_undefined():
    (check,) = found("DP003", pd.DataFrame({"x": pd.Series([None] * 5, dtype="float64")}))
    assert check.outcome == "undefined"


@pytest.mark.parametrize("name", ["adult/adult_train", "acs_income/ACSIncome_test", "german/german_statlog",
                                  "bank_marketing/bank_full", "credit_default/credit_card_clients",
                                  "law_school/law_school_clean", "hmda_boston/loanapp_wooldridge"])  # fmt: skip
def test_public_tables_are_silent(shared, name):
    assert found("DP003", shared / f"data/{name}.parquet")[0].outcome == "pass"
