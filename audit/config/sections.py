"""Sections of audit.toml but for limits: closed, frozen, and strict about what a value is.

Must not: open a table, or import numpy; ``audit gate`` and ``--help`` pay for this module.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from operator import itemgetter
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StrictBool, model_validator

from audit.axes import Class, Task, is_same_class
from audit.config import options as o
from audit.config.merging import name_targets, refuse_crossings, refuse_merge
from audit.config.options import (
    COMMAS,
    EVERYWHERE,
    MOST_TOPS,
    OF_AUDITS,
    OF_MODELS,
    AskedKey,
    Command,
    CountedBy,
    Csv,
    Day,
    Door,
    Names,
    Number,
    Option,
    Place,
    Section,
    Text,
    _require_distinct,
    is_outside,
)
from audit.errors import no_such, printable
from audit.measurement.metrics.kinds import Everybody

UNASKED_THRESHOLD = 0.5
UNASKED_NEIGHBOURS = 5
SMALLEST_PUBLISHED = 10
"""Smallest count that is published where no other is asked for."""
UNASKED_TOP = (10,)


CSV_HELP = 'CSV dialect, such as "separator=;,decimal=,,encoding=latin-1".'


class Data(Section):
    """Rows before training, and what every stage shares: label, groups, weight, unit."""

    engine: Annotated[
        Literal["duckdb", "pandas", "polars", "spark"],
        Option(
            "Engine: duckdb (default), pandas, polars or spark.",
            o.FROM_FILES,
            place=50,
            metavar="ENGINE",
            elsewhere=True,
        ),
    ] = "duckdb"
    """What passes over the rows; every engine gives the same counts."""
    master: Annotated[
        Text | None,
        Option("Spark master, such as spark://host:7077; with --engine spark.", o.FROM_FILES, place=50, elsewhere=True),
    ] = None
    """Spark's master, such as spark://host:7077; this machine alone where none is named."""
    prepare: Annotated[Command | None, Option("Command that writes the table before it is read.", elsewhere=True)] = (
        None
    )
    source: Annotated[Text | None, Option("Table of training data.", elsewhere=True)] = None
    csv: Annotated[
        Csv | None, Option(CSV_HELP, ("data", "count", "check"), o.DIALECT, place=31, metavar="HOW", elsewhere=True)
    ] = None
    """How source and test are written, where they are CSV."""
    test: Annotated[
        Text | Annotated[Names, Field(min_length=1)] | None,
        Option("Test tables, checked for leaks and drift.", elsewhere=True),
    ] = None
    label: Annotated[
        Text | None,
        Option(
            "Column with the true outcome; optional where predictions are audited.", o.OF_TABLES, o.COLUMN, place=10
        ),
        Option("True outcomes, or relevance.", ("measure",), o.COLUMN, place=10, argument="y_true"),
    ] = None
    positive: Annotated[
        Class | None,
        Option(
            "Label or prediction that counts as positive; needed unless they are 0 and 1.",
            EVERYWHERE,
            o.CLASS,
            place=10,
        ),
    ] = None
    favourable: Annotated[
        Class | None,
        Option("Class that is good for the person; findings then say who is worse off.", OF_AUDITS, o.CLASS, place=10),
    ] = None
    """Class that is a benefit: the positive one, or another one, and then the positive one is a harm."""
    people: Annotated[Text | None, Option("What the rows are called, such as applicants.", elsewhere=True)] = None
    """Plural noun that sentences use for the people in the rows, such as applicants."""
    selected: Annotated[
        Text | None, Option("What the positive class does to them, such as approved.", elsewhere=True)
    ] = None
    """Participle that sentences use for the positive class, such as approved or flagged."""
    classes: Annotated[
        StrictBool | None,
        Option("Multiclass label: no class is the positive one.", o.OF_DATA, o.SWITCH, place=10),
    ] = None
    """The label is one of several classes, and none is the positive one; the task multiclass implies it."""
    groups: Annotated[
        Names, Option(f"Columns of protected attributes, {COMMAS}.", EVERYWHERE, o.NAMES, place=30, narrower=True)
    ] = ()
    """Columns of protected attributes: the groups that are compared."""
    intersections: Annotated[
        int,
        Field(ge=1, le=8, strict=True),
        Option(
            "Audit combinations of groups of up to this many columns.",
            EVERYWHERE,
            o.WHOLE_NUMBER,
            place=34,
            bounds=(1, 8),
            narrower=True,
        ),
    ] = 1
    unit: Annotated[
        Text,
        Option("Column with the person (or unit) id, if several rows share one.", EVERYWHERE, o.COLUMN, place=33),
    ] = "row"
    key: Annotated[
        Text | None, Option("Column that names a row in every run.", ("model",), o.COLUMN, place=33, elsewhere=True)
    ] = None
    """Column that names a row in every run, so that ``audit diff`` compares the same rows of two runs as pairs."""
    weight: Annotated[Text | None, Option("Column of sampling weights.", EVERYWHERE, o.COLUMN, place=32)] = None
    strata: Annotated[
        Names, Option(f"Columns to condition on, {COMMAS}.", o.OF_TABLES, o.NAMES, place=33, narrower=True)
    ] = ()
    """Columns within whose values groups are compared as well, such as the department that decides."""
    bins: Annotated[
        dict[str, tuple[Number, ...]],
        Option(
            "Bands of a numeric group column, such as age=18,25,40,65. May be repeated.", o.COMMANDS, o.BANDS, place=33
        ),
    ] = {}  # noqa: RUF012 - pydantic copies it
    """Inner edges of the bands into which a group column of numbers is cut; a band holds its lower edge."""
    merge: Annotated[
        dict[str, dict[Text, tuple[Class, ...]]],
        Option(
            "Levels that are joined before counting, such as race:Other=Asian,Inuit. May be repeated.",
            OF_AUDITS,
            o.MERGES,
            place=33,
        ),
    ] = {}  # noqa: RUF012 - pydantic copies it
    """Levels that are joined, by group column and new name: `[data.merge.race]` with `other = ["Asian", "Inuit"]`."""
    reference: Annotated[
        dict[str, dict[str, Number]],
        Option(
            "Share of each group in the population to compare with, by group column.",
            ("check",),
            o.SHARES,
            place=33,
            argument="population",
        ),
    ] = {}  # noqa: RUF012 - pydantic copies it
    reference_group: Annotated[
        dict[str, Class],
        Option(
            "Reference group, such as race=white (default: the largest).",
            OF_AUDITS,
            o.LEVELS,
            place=33,
            flag="--reference",
            argument="reference",
        ),
    ] = {}  # noqa: RUF012 - pydantic copies it
    """Level that the others are compared with, by group column; the largest group where none is named."""
    compare_to: Annotated[
        tuple[Everybody, ...],
        AfterValidator(_require_distinct),
        Option(
            "Also compare each group with overall, with rest (all other groups), or with both: overall,rest.",
            OF_AUDITS,
            o.NAMES,
            place=50,
            metavar="WHO",
            narrower=True,
        ),
    ] = ()
    """Whom each group is compared with beside the other groups: overall, rest, or both."""

    @property
    def is_benefit(self) -> bool | None:
        """Whether the positive class is good for the person; None where nobody said."""
        if self.favourable is None:
            return None
        return is_same_class(self.favourable, 1 if self.positive is None else self.positive)

    @property
    def merged(self) -> dict[str, dict[str, str]]:
        """New name of each level that is joined, by column."""
        return name_targets(self.merge)

    @property
    def tests(self) -> dict[str, str]:
        """Held-out tables by the name of their part."""
        if self.test is None or isinstance(self.test, str):
            return {} if self.test is None else {"test": self.test}
        return {f"test {number}": source for number, source in enumerate(self.test, 1)}

    @model_validator(mode="after")
    def _require_sense(self) -> Self:
        if self.master is not None and self.engine != "spark":
            raise ValueError(
                f"master is for engine spark, but engine is {self.engine}; set engine to spark, or remove master"
            )
        refuse_crossings(len(self.groups), self.intersections)
        for column, edges in self.bins.items():
            if not edges or any(a >= b for a, b in pairwise(edges)):
                raise ValueError(f"bins.{column} must have increasing edges, such as [18, 25, 40, 65]")
        for what, named in (
            ("bins", self.bins),
            ("merge", self.merge),
            ("reference", self.reference),
            ("reference_group", self.reference_group),
        ):
            stray = next((c for c in named if c not in self.groups), None)
            if stray is not None:
                raise ValueError(f"{what}: {no_such('group column', stray, self.groups)}")
        refuse_merge(self.merge, self.bins)
        for column, shares in self.reference.items():
            # Shares are decimals, and what is rounded may add up to a little more than 1.
            if not shares or any(not 0 <= s <= 1 for s in shares.values()) or sum(shares.values()) > 1 + 1e-6:
                raise ValueError(f"reference.{column} must hold shares between 0 and 1 with a sum of at most 1")
        return self


class Checks(Section):
    """What the data must satisfy before training."""

    suite: Annotated[Text | None, Option("Great Expectations suite (a JSON file).", ("data",), o.FILE)] = None
    per_group: Annotated[
        tuple[Text, ...],
        AfterValidator(_require_distinct),
        Option("Group columns: the suite also runs within each of their groups."),
    ] = ()

    @model_validator(mode="after")
    def _require_suite(self) -> Self:
        if self.per_group and self.suite is None:
            raise ValueError("per_group needs a suite; name it in [checks] suite, or remove per_group")
        return self


class Train(Section):
    """Command that trains, and the table of predictions that it must leave."""

    command: Command
    """Command that trains, run in the folder of the file."""
    predictions: Text
    """Table of predictions that the command writes, inside the folder of the file."""
    record_arguments: StrictBool = False
    """Keep the arguments of this command, and of [data] prepare, in audit.json, and not the names of options alone."""

    @model_validator(mode="after")
    def _require_inside(self) -> Self:
        if is_outside(self.predictions):
            raise ValueError(
                f"predictions names '{printable(self.predictions)}', which is outside the pipeline's folder; "
                "name a path inside it"
            )
        return self


class Predictions(Section):
    """Where the predictions lie and how they are read."""

    task: Annotated[
        Task, Option("classification (default), multiclass, regression, ranking or items.", OF_MODELS, metavar="TASK")
    ] = "classification"
    """A regression has a numeric label and prediction, multiclass one of several classes, a ranking lists of items."""
    source: Annotated[Text | None, Option("Table of predictions.", elsewhere=True)] = None
    """A table that already exists; a run with [train] names it there."""
    csv: Annotated[Csv | None, Option(CSV_HELP, ("model",), o.DIALECT, place=31, metavar="HOW", elsewhere=True)] = None
    """How it is written, where it is a CSV."""
    label: Annotated[Text | None, Option("Label column of this table, if its name differs from that in [data].")] = None
    """The data's label column where not named."""
    prediction: Annotated[
        Text | None,
        Option("Column of predicted classes, or of predicted numbers.", OF_MODELS, o.COLUMN, argument="y_pred"),
        Option("Column of predicted classes.", ("count",), o.COLUMN),
    ] = None
    against: Annotated[
        Text | None, CountedBy("pairs"), Option("Column of earlier decisions to compare with.", o.OF_PAIRS, o.COLUMN)
    ] = None
    """Column of earlier decisions about the same rows: what changed, and who lost by it."""
    score: Annotated[
        Text | None,
        Option("Column of scores.", OF_MODELS, o.COLUMN),
        Option("Column of scores between 0 and 1.", ("count",), o.COLUMN),
    ] = None
    threshold: Annotated[
        Number | Literal["median"],
        Option(
            "Scores at or above it are positive (default 0.5); median: above the median score.", OF_MODELS, o.THRESHOLD
        ),
        Option("Scores at or above it are positive (default 0.5).", ("count",), o.NUMBER),
    ] = UNASKED_THRESHOLD
    """A score at or above it is positive; with "median", a score above the median of all scored rows."""
    exact_auc: Annotated[
        bool,
        Field(strict=True),
        CountedBy("exact_auc"),
        Option("Exact ROC AUC and average precision, from scores sorted row by row.", OF_MODELS, o.SWITCH),
    ] = False
    """Sort all rows by score once, so that every AUC and the average precision are exact, not bounded by score bins."""
    features: Annotated[
        Names,
        CountedBy("neighbours"),
        Option(f"Feature columns for the flip test, {COMMAS}.", OF_MODELS, o.NAMES),
    ] = ()
    """Feature columns by which the flip test finds the nearest neighbours."""
    neighbours: Annotated[
        int,
        Field(ge=1, le=99, strict=True),
        Option("Number of nearest neighbours for the flip test (default 5; odd).", OF_MODELS, o.WHOLE_NUMBER),
    ] = UNASKED_NEIGHBOURS
    query: Annotated[
        Text | None, Option("Ranking: column with the list (query) id of each item.", OF_MODELS, o.COLUMN)
    ] = None
    """Of a ranking: the column that names the list an item is in; all rows are one list where none is named."""
    rank: Annotated[
        Text | None, Option("Ranking: column with the rank, 1 at the top; or use --score.", OF_MODELS, o.COLUMN)
    ] = None
    """Of a ranking: the column of places, 1 at the top; without it the score orders the items, the highest first."""
    top: Annotated[
        Annotated[tuple[Place, ...], Field(max_length=MOST_TOPS)] | None,
        CountedBy("ranking"),
        Option("Ranking: cut-offs k for skew and share, such as 10,50 (default 10).", OF_MODELS, o.PLACES),
    ] = None
    """Of a ranking: how many first places skew_at_k and share_at_k look at; 10 where none is named."""

    outcome: Annotated[
        Text | None,
        CountedBy("items"),
        Option("Items: column with the outcome (default outcome), as audit read writes it.", ("model",), o.COLUMN),
    ] = None

    @model_validator(mode="after")
    def _require_order(self) -> Self:
        if self.task == "items":
            object.__setattr__(self, "outcome", self.outcome or "outcome")
        if self.task == "ranking":
            _require_one_order(self)
            object.__setattr__(self, "top", UNASKED_TOP if self.top is None else self.top)
            return self
        named = next((k for k in ("query", "rank", "top") if getattr(self, k) is not None), None)
        if named is not None:
            raise ValueError(f'{named} is for rankings; set task = "ranking", or remove {named}')
        return self

    @model_validator(mode="after")
    def _require_decision(self) -> Self:
        if self.task in {"ranking", "items"}:
            return self
        what = {"regression": "a regression", "multiclass": "a multiclass task"}.get(self.task)
        if what and (self.score is not None or self.threshold != UNASKED_THRESHOLD):
            raise ValueError(f"{what} has no score and no threshold; name the column of predictions (prediction)")
        if what and self.prediction is None:
            raise ValueError(f"{what} needs predictions; name their column (prediction)")
        if self.exact_auc and self.score is None:
            raise ValueError("exact_auc needs scores; name their column (score), or remove exact_auc")
        if self.prediction is None and self.score is None:
            raise ValueError(
                "no predictions are named; name the column of predictions (prediction) or of scores (score)"
            )
        if self.threshold == "median" and (self.prediction is not None or self.score is None):
            raise ValueError('threshold = "median" needs scores; name their column (score), and remove prediction')
        if self.prediction is not None and self.prediction == self.score:
            raise ValueError(f"'{self.score}' is both prediction and score; name two different columns")
        return self

    @model_validator(mode="after")
    def _require_scores(self) -> Self:
        if self.threshold != UNASKED_THRESHOLD and self.score is None:
            raise ValueError("threshold needs scores; name their column (score), or remove threshold")
        return self

    @model_validator(mode="after")
    def _require_neighbours(self) -> Self:
        if self.features and self.task != "classification":
            raise ValueError("features are for the flip test, which needs two classes; remove features")
        if not self.features and self.neighbours != UNASKED_NEIGHBOURS:
            raise ValueError(
                "neighbours needs the flip test; name the feature columns (features), or remove neighbours"
            )
        if self.neighbours % 2 == 0:
            raise ValueError(f"neighbours = {self.neighbours} can tie; give an odd number")
        return self


def _require_one_order(asked: Predictions) -> None:
    """Refuse a ranking without an order, or with two."""
    if asked.prediction is not None or asked.threshold != UNASKED_THRESHOLD:
        raise ValueError(
            "a ranking has no prediction and no threshold; name the column of ranks (rank) or of scores (score)"
        )
    if (asked.rank is None) == (asked.score is None):
        raise ValueError(
            "a ranking needs one order; name the column of ranks (rank, 1 = top) or of scores (score), not both"
        )
    if asked.query is not None and asked.query in {asked.rank, asked.score}:
        raise ValueError(f"'{asked.query}' is both query and order; name two different columns")
    if asked.top is not None and (not asked.top or len(set(asked.top)) < len(asked.top)):
        raise ValueError("top needs at least one number, each once, such as [10, 50]")


class Policy(Section):
    """How sure one must be, and what not being sure means."""

    confidence: Annotated[
        Number, Field(ge=0.5, lt=1), Option("Confidence level of every interval (default 0.95).", OF_AUDITS, o.NUMBER)
    ] = 0.95
    insufficient: Annotated[
        Literal["fail", "warn"],
        Option(
            "Exit 0 instead of 3 where limits are inconclusive.", o.FROM_FILES, o.ALLOWED, flag="--allow-inconclusive"
        ),
    ] = "fail"
    """Whether an inconclusive limit counts as not passed (exit code 3), or only warns (0, and every page says so)."""
    least_rows: Annotated[
        int,
        Field(ge=0, strict=True),
        Option("Exclude groups with fewer rows from verdicts.", OF_AUDITS, o.WHOLE_NUMBER),
    ] = 0
    """Groups of which fewer rows stand behind a number are excluded from its limit, by name; 0 excludes none."""
    four_fifths: Annotated[
        bool,
        Field(strict=True),
        Option(
            "Fail on adverse impact: below 4/5 of the highest rate, p-value at most 1 - confidence.",
            OF_MODELS,
            o.SWITCH,
        ),
    ] = False

    @property
    def error(self) -> float:
        """Largest p-value that shows something, without the dust of the subtraction: 0.05, and not a hair above."""
        return round(1 - self.confidence, 12)


class BaselineSection(Section):
    """An earlier result: what is worse beyond chance fails, and what did not pass there either is known and warns."""

    result: Text
    """Its record: a path from the folder of this file, or the id of a run in the store."""
    until: Day | None = None
    """Last day on which limits that are known not to pass only warn; without it they never block again."""


ASKED: dict[str, tuple[type[Section], int]] = {
    "predictions": (Predictions, 20),
    "data": (Data, 30),
    "policy": (Policy, 40),
    "checks": (Checks, 60),
}
"""Sections that can be asked for outside a file, and where ``--help`` has their options."""


@cache
def list_keys() -> tuple[AskedKey, ...]:
    """Return every key of these sections with its option, in the order of ``--help``."""
    keys: list[tuple[int, AskedKey]] = []
    for section, (model, place) in ASKED.items():
        for key, info in model.model_fields.items():
            options = [mark for mark in info.metadata if isinstance(mark, Option)]
            keys += [(option.place or place, AskedKey(section, key, option)) for option in options]
    # Sorting is stable: those of one place stay as their fields stand.
    return tuple(key for _, key in sorted(keys, key=itemgetter(0)))


def find_keys(door: Door) -> dict[str, AskedKey]:
    """Return the keys that can be asked for at a door, by their names."""
    return {asked.key: asked for asked in list_keys() if door in asked.option.doors}
