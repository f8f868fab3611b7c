"""Make ``train.parquet`` and ``validation.parquet`` from a table of ACSIncome that you name.

``EVENHAND_CENSUS=/path/to/ACSIncome.parquet`` or ``--data PATH`` names it; nothing is fetched. The table has the
columns of the task ACSIncome of folktables (Ding et al. 2021), as Parquet or CSV. Codes of race and sex become words; a
code that is none stays missing. A fifth of the rows, drawn with a fixed seed, is held out.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).resolve().parent
SOURCE = "EVENHAND_CENSUS"
SEED = 2018
HELD_OUT = 0.2
RICH_USD = 50_000

RACES = (
    "white",
    "black",
    "american indian",
    "alaska native",
    "american indian or alaska native, tribe not told apart",
    "asian",
    "native hawaiian or pacific islander",
    "some other race",
    "two or more races",
)
"""RAC1P 1 to 9 of the Public Use Microdata Sample; some copies of ACSIncome count from 0."""
SEXES = {1: "male", 2: "female"}
COLUMNS = {
    "age_years": "AGEP",
    "hours_a_week": "WKHP",
    "schooling": "SCHL",
    "occupation": "OCCP",
    "place_of_birth": "POBP",
    "class_of_worker": "COW",
    "marital_status": "MAR",
}
"""Features by the name of their source column."""


def source() -> Path:
    """The table that the user named."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", default=os.environ.get(SOURCE), help=f"table of ACSIncome; {SOURCE} by default")
    named = asked.parse_args().data
    if not named:
        sys.exit(
            f"prepare.py: no table is named; set {SOURCE} to a table of ACSIncome (parquet or csv), or give --data"
        )
    path = Path(named).expanduser()
    if not path.is_file():
        sys.exit(f"prepare.py: there is no file '{path}'; set {SOURCE} to a table of ACSIncome (parquet or csv)")
    return path


def read(path: Path) -> pd.DataFrame:
    """The table, with the columns that are needed."""
    needed = [*COLUMNS.values(), "RAC1P", "SEX", "PINCP"]
    people = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    absent = [c for c in needed if c not in people.columns]
    if absent:
        sys.exit(f"prepare.py: '{path.name}' has no column {', '.join(absent)}; it must be a table of ACSIncome")
    return people[needed]


def race_of(codes: pd.Series) -> pd.Series:
    """Words for the codes of race, which count from 0 or from 1."""
    from_zero, from_one = bool((codes == 0).any()), bool((codes == len(RACES)).any())
    if from_zero == from_one:
        sys.exit("prepare.py: RAC1P holds 0 and 9, or neither, so it cannot be told whether white is 0 or 1")
    words = {i + from_one: name for i, name in enumerate(RACES)}
    return codes.map(words)


def rich(income: pd.Series) -> pd.Series:
    """Whether somebody earned more than 50,000 dollars: as the table says it, or from the dollars."""
    if income.isna().any():
        sys.exit("prepare.py: PINCP is missing in some rows; a table of ACSIncome has it in all")
    decided = income.isin([0, 1]).all()
    return (income if decided else income > RICH_USD).astype("int64")


def people_of(table: pd.DataFrame) -> pd.DataFrame:
    """Protected attributes, label and features; one row is one person."""
    features = {new: table[old] for new, old in COLUMNS.items()}
    sex, race = table["SEX"].map(SEXES), race_of(table["RAC1P"])
    return pd.DataFrame({"sex": sex, "race": race, "over_50k": rich(table["PINCP"]), **features})


def main() -> None:
    """Read, name, split, write."""
    people = people_of(read(source()))
    held_out = np.random.default_rng(SEED).random(len(people)) < HELD_OUT
    for name, part in (("train", people[~held_out]), ("validation", people[held_out])):
        spare = FOLDER / f"{name}.tmp"
        part.to_parquet(spare, index=False)
        spare.replace(FOLDER / f"{name}.parquet")
        print(f"{len(part):,} people: {name}.parquet")


if __name__ == "__main__":
    main()
