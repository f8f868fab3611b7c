"""Random suites over any frame: every type that DuckDB answers, with arguments near what the rows hold, and far off."""

from __future__ import annotations

import math
import random

import numpy as np
import pandas as pd

ENDS = [-1, 0, 0.5, 1, 2, 3, 10, 17, 99.5, 1000, -7.25, 2**53, 2**53 + 2, 1e12]
TEXTS = ["", " ", "a", "Male", "é", "x\ny", "1", "yes"]
PATTERNS = [
    "^[A-Z]", "a", r"\d", r"^\d+$", r"\w+", r"\s", "^$", "e$", "[^a-z ]", "(a|b)c?", r"^.{3,}$", "é", "ß|ı", r"^[\w -]+$",
    r"\D", r"[^\s\d]", r"(?=a)", r"(a)\1", r"\bM", "(?i)male", "a{2,3}", r"\.", "^-?[0-9]+$", "M|F", "[", r"^\S+$", "x.y", "(?:a|e)$",
]  # fmt: skip
COLUMN_ENDS = [
    "expect_column_values_to_be_between", "expect_column_mean_to_be_between", "expect_column_min_to_be_between",
    "expect_column_max_to_be_between", "expect_column_sum_to_be_between", "expect_column_median_to_be_between",
    "expect_column_stdev_to_be_between", "expect_column_unique_value_count_to_be_between",
    "expect_column_proportion_of_unique_values_to_be_between", "expect_column_value_lengths_to_be_between",
    "expect_column_proportion_of_non_null_values_to_be_between",
]  # fmt: skip
COLUMN_SETS = [
    "expect_column_values_to_be_in_set", "expect_column_values_to_not_be_in_set", "expect_column_distinct_values_to_be_in_set",
    "expect_column_distinct_values_to_contain_set", "expect_column_distinct_values_to_equal_set",
    "expect_column_most_common_value_to_be_in_set",
]  # fmt: skip
COLUMN_ALONE = [
    "expect_column_values_to_not_be_null",
    "expect_column_values_to_be_null",
    "expect_column_values_to_be_unique",
]
REGEX = ["expect_column_values_to_match_regex", "expect_column_values_to_not_match_regex"]
REGEX_LIST = ["expect_column_values_to_match_regex_list", "expect_column_values_to_not_match_regex_list"]
SEVERAL = ["expect_compound_columns_to_be_unique", "expect_select_column_values_to_be_unique_within_record"]
ROWWISE = {*COLUMN_ALONE, *REGEX, *REGEX_LIST, *SEVERAL, *COLUMN_SETS[:2], COLUMN_ENDS[0], COLUMN_ENDS[9]}


class Random:
    """Suites of one frame, from one seed."""

    def __init__(self, frame: pd.DataFrame, seed: int) -> None:
        self.frame, self.dice = frame, random.Random(seed)
        self.columns = list(map(str, frame.columns))

    def suite(self, size: int) -> list[dict]:
        """So many expectations."""
        return [self.expectation() for _ in range(size)]

    def expectation(self) -> dict:
        """Any expectation."""
        make = self.dice.choice(
            [
                self.ends,
                self.ends,
                self.ends,
                self.sets,
                self.sets,
                self.alone,
                self.regex,
                self.several,
                self.table,
                self.lengths,
                self.quantiles,
            ]
        )
        kind, kwargs = make()
        if kind in ROWWISE and self.dice.random() < 0.4:
            kwargs["mostly"] = self.dice.choice([0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0, 1])
        return {
            "type": kind,
            "kwargs": kwargs,
            "severity": self.dice.choice(["critical", "warning", "info"]),
            "meta": {},
        }

    def column(self) -> str:
        return self.dice.choice(self.columns)

    def distinct(self, column: str) -> list:
        """Different values of a column, in their order; lists are not told apart."""
        try:
            return list(self.frame[column].dropna().unique())
        except TypeError:
            return []

    def values(self, column: str) -> list:
        """Some values of a column that JSON can hold."""
        known = self.frame[column].dropna()
        some = [known.iloc[self.dice.randrange(len(known))] for _ in range(8)] if len(known) else []
        plain = [v.item() if hasattr(v, "item") else v for v in some]
        return [v for v in plain if isinstance(v, (str, bool, int)) or (isinstance(v, float) and math.isfinite(v))]

    def number(self, column: str):
        """An end near the values of a column, or anywhere."""
        near = [v for v in self.values(column) if isinstance(v, (int, float)) and not isinstance(v, bool)]
        pool = near if near and self.dice.random() < 0.7 else ENDS
        return self.dice.choice(pool)

    def of_statistic(self, kind: str, column: str):
        """An end that is the very number, where it is one."""
        known = self.frame[column].dropna()
        if self.dice.random() < 0.3 and pd.api.types.is_numeric_dtype(known.dtype) and len(known):
            exact = {
                "mean": known.mean,
                "min": known.min,
                "max": known.max,
                "sum": known.sum,
                "median": known.median,
                "stdev": known.std,
            }
            word = kind.split("_")[2]
            with np.errstate(all="ignore"):
                value = float(exact[word]()) if word in exact else math.nan
            if math.isfinite(value):
                return value
        if "count" in kind or "proportion" in kind:
            distinct = len(self.distinct(column))
            return self.dice.choice(
                [distinct, distinct / max(1, len(known)), len(known) / max(1, len(self.frame)), 0.5, 1]
            )
        return self.number(column)

    def ends(self) -> tuple[str, dict]:
        kind, column = self.dice.choice(COLUMN_ENDS), self.column()
        found = sorted([self.of_statistic(kind, column), self.of_statistic(kind, column)])
        if self.dice.random() < 0.05:
            found.reverse()
        kwargs = {"column": column} | dict(zip(("min_value", "max_value"), found, strict=True))
        if self.dice.random() < 0.4:
            del kwargs[self.dice.choice(["min_value", "max_value"])]
        for strict in ("strict_min", "strict_max"):
            if self.dice.random() < 0.25:
                kwargs[strict] = True
        return kind, kwargs

    def sets(self) -> tuple[str, dict]:
        kind, column = self.dice.choice(COLUMN_SETS), self.column()
        members = self.values(column)
        if self.dice.random() < 0.3:
            members = members + self.dice.sample([*TEXTS], 2)
        if self.dice.random() < 0.3:
            members = members + self.dice.sample(ENDS, 2)
        if self.dice.random() < 0.1:
            members = [*members, self.dice.choice([True, False, None])]
        if self.dice.random() < 0.3:
            members = [v.item() if hasattr(v, "item") else v for v in self.distinct(column)[:300]]
            members = [v for v in members if isinstance(v, (str, int)) or (isinstance(v, float) and math.isfinite(v))]
        kwargs = {"column": column, "value_set": members}
        if "most_common" in kind and self.dice.random() < 0.5:
            kwargs["ties_okay"] = True
        return kind, kwargs

    def alone(self) -> tuple[str, dict]:
        return self.dice.choice(COLUMN_ALONE), {"column": self.column()}

    def regex(self) -> tuple[str, dict]:
        if self.dice.random() < 0.7:
            return self.dice.choice(REGEX), {"column": self.column(), "regex": self.dice.choice(PATTERNS)}
        kind = self.dice.choice(REGEX_LIST)
        kwargs = {"column": self.column(), "regex_list": self.dice.sample(PATTERNS, 2)}
        return kind, kwargs | ({"match_on": self.dice.choice(["any", "all"])} if "_not_" not in kind else {})

    def several(self) -> tuple[str, dict]:
        if len(self.columns) < 2:
            return self.alone()
        kwargs = {"column_list": self.dice.sample(self.columns, self.dice.choice([2, 2, min(3, len(self.columns))]))}
        if self.dice.random() < 0.5:
            kwargs["ignore_row_if"] = self.dice.choice(["all_values_are_missing", "any_value_is_missing", "never"])
        return self.dice.choice(SEVERAL), kwargs

    def lengths(self) -> tuple[str, dict]:
        return "expect_column_value_lengths_to_equal", {
            "column": self.column(),
            "value": self.dice.choice([0, 1, 4, 5, 6.0]),
        }

    def quantiles(self) -> tuple[str, dict]:
        column = self.column()
        shares = self.dice.sample([0, 0.05, 0.1, 0.25, 1 / 3, 0.5, 0.75, 0.9, 1], 2)
        ranges = [sorted([self.number(column), self.number(column)]) for _ in shares]
        if self.dice.random() < 0.3:
            ranges[0][self.dice.choice([0, 1])] = None
        return "expect_column_quantile_values_to_be_between", {
            "column": column,
            "quantile_ranges": {"quantiles": shares, "value_ranges": ranges},
        }

    def table(self) -> tuple[str, dict]:
        rows, width = len(self.frame), len(self.columns)
        some = self.dice.sample(self.columns, self.dice.randint(1, width))
        return self.dice.choice(
            [
                ("expect_table_row_count_to_equal", {"value": self.dice.choice([rows, rows + 1])}),
                ("expect_table_row_count_to_be_between", {"min_value": self.dice.choice([rows, rows + 1, 0])}),
                ("expect_table_column_count_to_equal", {"value": self.dice.choice([width, width + 1])}),
                ("expect_table_column_count_to_be_between", {"max_value": self.dice.choice([width, width - 1, 0])}),
                ("expect_table_columns_to_match_ordered_list", {"column_list": self.dice.choice([self.columns, some])}),
                (
                    "expect_table_columns_to_match_set",
                    {
                        "column_set": [*some, *self.dice.choice([[], ["absent"]])],
                        "exact_match": self.dice.choice([True, False]),
                    },
                ),
                ("expect_column_to_exist", {"column": self.dice.choice([*some, "absent"])}),
                ("expect_column_to_exist", {"column": some[0], "column_index": self.dice.choice([0, 1, width, -1])}),
                ("expect_column_values_to_be_unique", {"column": "absent"}),
            ]
        )


OF_TYPE = ["int64", "float64", "object", "str", "bool", "datetime64", "category", "Int64", "int", "date", "Timestamp"]
ZONES = ["2020-01-01T05:00:00+00:00", "2020-01-01T05:00:00", "2020-01-01", "2020-01-01T05:00:00+02:00"]


class RandomOfRows(Random):
    """What depends on the frame itself: conditions on rows, pairs, sums, divergences, types and times."""

    def expectation(self) -> dict:
        """Any expectation, half of them over some of the rows."""
        kind, kwargs = self.dice.choice(
            [self.pair, self.pair, self.total, self.of_type, self.divergence, self.times, self.ends, self.sets, self.alone,
             self.regex, self.quantiles, self.several]
        )()  # fmt: skip
        if self.dice.random() < 0.5:
            kwargs |= {"row_condition": self.condition(), "condition_parser": "pandas"}
        if kind in ROWWISE and self.dice.random() < 0.4:
            kwargs["mostly"] = self.dice.choice([0, 0.25, 0.5, 0.75, 0.9, 1])
        return {"type": kind, "kwargs": kwargs, "severity": "critical", "meta": {}}

    def condition(self, deep: int = 2) -> str:
        """A condition in the words of `pandas.DataFrame.query`."""
        if deep and self.dice.random() < 0.5:
            one, other = self.condition(deep - 1), self.condition(deep - 1)
            return self.dice.choice(
                [f"not ({one})", f"~({one})", f"({one}) and ({other})", f"({one}) | ({other})", f"({one}) != True"]
            )
        column = self.column()
        name = column if column.isidentifier() else f"`{column}`"
        value = self._spelled(column)
        return self.dice.choice(
            [f"{name} > {value}", f"{name} <= {value}", f"{name} == {value}", f"{name} != {value}", f"{name} in [{value}]",
             f"{name} not in [{value}]", f"{name}.isnull()", f"not {name}.isnull()", f"{name} != {name}", f"{name} == {name}"]
        )  # fmt: skip

    def _spelled(self, column: str) -> str:
        """A value of a column, or of another one, as Python writes it."""
        if self.dice.random() < 0.1:
            return self.dice.choice(['"2020-01-01"', "3", "True", '"a"', "0.5"])
        known = self.frame[column].dropna()
        if not len(known):
            return "1"
        value = known.iloc[self.dice.randrange(len(known))]
        if isinstance(value, pd.Timestamp) or type(value).__name__ == "date":
            return repr(str(value))
        return repr(value.item() if hasattr(value, "item") else value)

    def pair(self) -> tuple[str, dict]:
        kind = self.dice.choice(
            ["expect_column_pair_values_a_to_be_greater_than_b", "expect_column_pair_values_to_be_equal", "expect_column_pair_values_to_be_in_set"]
        )  # fmt: skip
        a, b = self.dice.choice([(self.column(), self.column()), self._alike()])
        kwargs: dict = {"column_A": a, "column_B": b}
        if kind.endswith("in_set"):
            firsts, seconds = self.values(a)[:2], self.values(b)[:2]
            kwargs["value_pairs_set"] = [list(p) for p in zip(firsts, seconds, strict=False)] or [[1, 1]]
        elif "greater" in kind and self.dice.random() < 0.5:
            kwargs["or_equal"] = True
        return kind, kwargs | self._ignored("neither", "both_values_are_missing", "either_value_is_missing")

    def _alike(self) -> tuple[str, str]:
        numbers = [c for c in self.columns if pd.api.types.is_numeric_dtype(self.frame[c].dtype)]
        return self.dice.choice(numbers), self.dice.choice(numbers)

    def _ignored(self, *ways: str) -> dict:
        found: dict = {} if self.dice.random() < 0.4 else {"ignore_row_if": self.dice.choice(ways)}
        return found | ({"mostly": self.dice.choice([0.1, 0.5, 0.9])} if self.dice.random() < 0.5 else {})

    def total(self) -> tuple[str, dict]:
        columns = list(dict.fromkeys(self._alike()))
        at = self.frame[columns].dropna()
        near = float(at.iloc[self.dice.randrange(len(at))].astype(float).sum()) if len(at) else 1.0
        kwargs = {"column_list": columns, "sum_total": near if math.isfinite(near) else 3}
        ways = ("never", "all_values_are_missing", "any_value_is_missing")
        return "expect_multicolumn_sum_to_equal", kwargs | self._ignored(*ways)

    def of_type(self) -> tuple[str, dict]:
        if self.dice.random() < 0.5:
            return "expect_column_values_to_be_of_type", {
                "column": self.column(),
                "type_": self.dice.choice([*OF_TYPE, str(self.frame[self.column()].dtype)]),
            }
        return "expect_column_values_to_be_in_type_list", {
            "column": self.column(),
            "type_list": self.dice.sample(OF_TYPE, 3),
        }

    def divergence(self) -> tuple[str, dict]:
        column = self._alike()[0]
        known = self.frame[column].dropna()
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
        middle = (low + high) / 2
        return "expect_column_kl_divergence_to_be_less_than", {
            "column": column,
            "partition_object": {"bins": [low - 1, middle, high + 1], "weights": [0.5, 0.5]},
            "threshold": self.dice.choice([0.01, 0.5, 3]),
        }

    def times(self) -> tuple[str, dict]:
        dated = [c for c in self.columns if any(word in c for word in ("when", "zone", "day"))] or self.columns
        kind = self.dice.choice(["expect_column_values_to_be_between", "expect_column_max_to_be_between"])
        return kind, {"column": self.dice.choice(dated), "min_value": self.dice.choice(ZONES)}
