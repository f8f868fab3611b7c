"""What every sentence of a gate on groups is made of: names of groups, numbers, the limit, and what stands beside it.

Must not: decide anything; it is given the verdict.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from audit.config.schema import GateRule
from audit.errors import capitalise, printable
from audit.estimate import (
    CROSSED,
    NAME_LENGTH,
    SAYS_NOTHING,
    WORST_CLASS,
    Estimate,
    Figure,
    Group,
    count_rows,
    figure_text,
    grouping_text,
    interval_words,
    join_first,
    join_words,
    limit_text,
    quoted_level,
    rows_text,
    told_apart,
)
from audit.gates.decisive_groups import Around, Settled, find_deciding_pair
from audit.gates.words.wording import Wording, name_metric
from audit.measurement.metrics.catalogue import CATALOGUE, figure_of
from audit.measurement.metrics.kinds import Criterion, split_comparison
from audit.measurement.scope import FEW_CHANGED

MANY = 100
"""Rows of a group from which it is the rarer outcome that is too few, not the rows."""
MOST_UNMEASURED = 3
FEW_EVENTS = 5
"""Rows of the rarer outcome under which a group is small."""
SMALL, FOLDS_DECIDE, NO_GROUP = "small_group", "folds_decide", "rows_without_group"
"""Flags: of an estimate of few rows; of a gate that other folds of the unit could turn; of rows without a group."""
CLOSE = "The result is so close to the limit that another random grouping of people could change the verdict."
HIDDEN = "So many scores share one bin that the bins say next to nothing about this value."


class Side(NamedTuple):
    """One of the two that are compared."""

    name: str
    value: float | None
    rows: str
    """What its value rests on, such as n 197."""


class Voice:
    """Words for one gate."""

    def __init__(self, rule: GateRule, estimate: Estimate, verdict: str, around: Around, wording: Wording) -> None:
        self.rule, self.estimate, self.verdict, self.around, self.wording = rule, estimate, verdict, around, wording
        self.found = find_deciding_pair(rule, estimate, verdict, around)
        self.like = estimate if self.found is None else self.found.like
        self.kind, self.everybody = split_comparison(estimate.compare)
        self.limit = rule.max if rule.max is not None else (rule.min or 0.0)
        self.figure: Figure = figure_of(estimate.metric, estimate.compare)
        self.metric = (self.like.metric or estimate.metric).removeprefix(WORST_CLASS)
        groups = [e.group for e in around.each(self.like) if e.group is not None]
        named = [g for pair in (estimate.pair, self.found and self.found.pair) if pair for g in pair]
        against = [e.reference for e in around.each(self.like) if e.reference is not None]
        self.name = told_apart([*groups, *named, *against], quoted_level, CROSSED)
        """A group as this sentence calls it."""

    @property
    def by(self) -> str:
        """What the sentence begins with."""
        if not self.estimate.by:
            return ""
        return f"By {grouping_text(self.estimate.by)}, "

    @property
    def place(self) -> str:
        """Which rows a comparison of the data is of."""
        if self.estimate.stage == "data":
            return " in the training data"
        return ""

    @property
    def in_class(self) -> str:
        """Which class is spoken of, where it is one of several."""
        if self.like.outcome is None:
            return ""
        return f" in class '{printable(self.like.outcome, NAME_LENGTH)}'"

    @property
    def covers_all(self) -> bool:
        """Whether the numbers in the sentence are those of the comparison of all groups."""
        return self.estimate.value is not None and (self.found is None or self.found.extreme)

    def write_figure(self, value: float | None) -> str:
        """Return a value that is compared with the limit."""
        return figure_text(value, self.figure, limit=self.limit)

    def write_rows(self, rate: Estimate) -> str:
        """Return what a value rests on; of a ranking these are items."""
        entry = CATALOGUE.find(self.metric)
        return rows_text(rate) + (" items" if entry is not None and entry.task in {"ranking", "items"} else "")

    def write_number(self, group: Group) -> str:
        """Return the value of a group with its rows."""
        rate = self.around.rate(self.like, group)
        own = figure_of(self.metric)
        limit = self.limit if own == self.figure else None
        value = figure_text(None if rate is None else rate.value, own, limit=limit)
        if rate is None:
            return value
        return f"{value} ({self.write_rows(rate)})"

    def write_interval(self, low: float | None, high: float | None, value: float | None = None) -> str:
        """Return an interval of what is limited."""
        confidence = self.estimate.confidence
        return interval_words(low, high, self.figure, confidence=confidence, limit=self.limit, value=value)

    def write_limit(self) -> str:
        """Return at most, or at least, how much."""
        return f"at {'most' if self.rule.max is not None else 'least'} {limit_text(self.limit, self.figure)}"

    @property
    def unit(self) -> str:
        """The unit of amounts: that of the label, by the name of its column."""
        if self.figure == "amount" and self.wording.label:
            return f", in the unit of {self.wording.label}"
        return ""

    @property
    def limited(self) -> str:
        """What the limit is on, where that is not what the sentence compares: a criterion is of several rates."""
        named = isinstance(CATALOGUE.find(self.estimate.metric), Criterion)
        if not named:
            return ""
        return f" on the {name_metric(self.estimate.metric)}"

    def place_limit(self, settled: Settled) -> str:
        """Return the limit, where it lies, and how many rows would decide."""
        if self.verdict in {"fail", "pass"}:
            side = f", and the whole interval is {self._side()}" if self.covers_all and self.has_interval else ""
            return f"The limit{self.limited} is {self.write_limit()}{side}."
        if not self.has_interval:
            return f"The limit{self.limited} is {self.write_limit()}; there is no interval, so the data cannot decide."
        bare = limit_text(self.limit, self.figure)
        needed = self.write_needed(settled)
        rest = f"lies inside the interval, so the data cannot decide{needed and f'; {needed}'}"
        return f"The limit of {bare}{self.limited} {rest}."

    @property
    def has_interval(self) -> bool:
        """Whether there is an interval at all."""
        return self.estimate.low is not None or self.estimate.high is not None

    def _side(self) -> str:
        if self.verdict == "pass":
            return "within it" if self.rule.max is not None else "above it"
        return "above it" if self.rule.max is not None else "below it"

    def write_needed(self, settled: Settled) -> str:
        """Return how many times as many rows would decide; nothing where no amount within reach does."""
        if settled.needed is None:
            return ""
        stay = "rates" if figure_of(self.metric) == "share" else "values"
        return f"about {write_times(settled.needed)} as many rows would, if the {stay} stay as they are"

    def write_undefined(self) -> str:
        """Return what has no number, and why."""
        tail = f"The limit is {self.write_limit()}; an undefined limit never passes."
        nobody = [e for e in self.around.each(self.like) if e.value is None and e.status == "undefined"]
        reasons = {tidy_reason(e.reason) for e in nobody}
        if len(reasons) == 1:
            subject = f"the {name_metric(self.metric)} of {self._list_groups(nobody)}"
            return f"{capitalise(self.by + subject)} is undefined: {reasons.pop()}. {tail}"
        subject = name_limited(self.rule)
        return f"{capitalise(self.by + subject)} is undefined: {tidy_reason(self.estimate.reason)}. {tail}"

    def _list_groups(self, rates: Sequence[Estimate]) -> str:
        named = [self.name(e.group or ()) for e in rates[:MOST_UNMEASURED]]
        if len(rates) > MOST_UNMEASURED:
            return f"{join_first(named, len(rates))} groups"
        return join_words(named)

    def list_beside(self) -> Iterator[str]:
        """Yield what is to be said after the limit, of groups and of rows."""
        yield self._describe_unmeasured()
        groups = [g for pair in (self.estimate.pair, self.found and self.found.pair) if pair for g in pair]
        rates = [self.around.rate(self.like, g) for g in groups]
        yield self._describe_few_changes({g: r for g, r in zip(groups, rates, strict=True) if r is not None})
        yield HIDDEN if any(r is not None and SAYS_NOTHING in (r.method or "") for r in rates) else ""
        yield _describe_uncompared(self.estimate, self.around) if NO_GROUP in self.estimate.flags else ""
        yield CLOSE if FOLDS_DECIDE in self.estimate.flags else ""

    def _describe_few_changes(self, rates: Mapping[Group, Estimate]) -> str:
        """Say of groups in which so few decisions changed that no limit on what changed can fail by them."""
        few = [self.name(group) for group, rate in rates.items() if FEW_CHANGED in rate.flags]
        if self.verdict != "insufficient" or not few:
            return ""
        return f"Fewer than 6 decisions of {join_words(few)} changed, too few to show a direction."

    def _describe_unmeasured(self) -> str:
        """Say of groups without a number that the others alone are beyond the limit."""
        if self.verdict != "fail" or self.estimate.value is not None:
            return ""
        nobody = [e for e in self.around.each(self.like) if e.value is None]
        reasons = {tidy_reason(e.reason) for e in nobody}
        if len(reasons) != 1:
            return "Some groups have no value; the other groups alone are beyond the limit."
        have = f"{'has' if len(nobody) == 1 else 'have'} no value ({reasons.pop()})"
        return f"{self._list_groups(nobody)} {have}; the other groups alone are beyond the limit."


def name_limited(rule: GateRule) -> str:
    """Return what a gate limits, such as the ratio of the selection rate."""
    name, kind = name_metric(rule.metric), split_comparison(rule.compare)[0]
    named = isinstance(CATALOGUE.find(rule.metric), Criterion)
    if kind in {"difference", "ratio"} and not named:
        return f"the {kind} of the {name}"
    return f"the {name}"


def _describe_uncompared(estimate: Estimate, around: Around) -> str:
    """Return how many rows are in no comparison because they have no value for a group column."""
    columns = " or ".join(printable(c, NAME_LENGTH) for c in estimate.by) or "a group column"
    rows = around.count_missing(estimate)
    if not rows:
        return f"Rows without a value for {columns} are not compared."
    if rows == 1:
        return f"1 row without a value for {columns} is not compared."
    return f"{rows:,.0f} rows without a value for {columns} are not compared."


def describe_few(rate: Estimate) -> str:
    """Return why a group is too small to judge alone."""
    rows, hits = count_rows(rate), rate.numerator
    if rows < MANY:
        return "too few rows to decide anything"
    if hits is None or rate.rows is not None or rate.effective_n != rate.denominator:
        return "too few independent rows to judge alone"
    return f"fewer than {FEW_EVENTS} rows have {'the other' if hits > rows / 2 else 'this'} outcome"


def describe_rows_rested_on(rates: Sequence[tuple[str, Estimate]]) -> str:
    """Return on how few rows a verdict rests, where groups that decide are small.

    Parameters
    ----------
    rates
        Name and value of each small group.
    """
    few = [f"{_write_rows_of(count_rows(rate))} of {name}" for name, rate in rates if count_rows(rate) < MANY]
    said = [f"This rests on {join_words(few)}."] if few else []
    said += [f"Of {name}, {describe_few(rate)}." for name, rate in rates if count_rows(rate) >= MANY]
    return " ".join(said)


def _write_rows_of(rows: float) -> str:
    """Return a number of rows.

    >>> _write_rows_of(1), _write_rows_of(1200)
    ('1 row', '1,200 rows')
    """
    return f"{rows:,.0f} {'row' if rows == 1 else 'rows'}"


def tidy_reason(reason: str | None) -> str:
    """Return why there is no number, without the quotient that it would be.

    >>> tidy_reason("0/0: no rows with label = 0")
    'no rows with label 0'
    """
    said = (reason or "no reason was recorded").replace("0/0: ", "").replace("x/0: ", "")
    return said.replace("label = ", "label ").replace("prediction = ", "prediction ").rstrip(".")


def write_times(factor: float) -> str:
    """Return how many times as many, to two digits.

    >>> write_times(1.003), write_times(3.81), write_times(4.0), write_times(51.2)
    ('1.1 times', '3.8 times', '4 times', '51 times')
    """
    if factor >= 9.95:
        return f"{factor:,.0f} times"
    return f"{max(factor, 1.1):.1f}".removesuffix(".0") + " times"


def round_up(rows: float) -> int:
    """Return rows to two digits that count, upwards."""
    step = int(10 ** max(0, math.floor(math.log10(max(rows, 1.0))) - 1))
    return math.ceil(rows / step) * step
