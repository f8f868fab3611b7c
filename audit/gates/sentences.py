"""The one plain sentence of a gate: who against whom, the gap, its interval, both n, the limit.

Must not: decide anything; it is given the verdict.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

from audit.config.limits import CHECKS
from audit.config.schema import GateRule
from audit.errors import printable
from audit.estimate import NAME_LENGTH, SAYS_NOTHING, Estimate, Group, interval_text, number, rows_text, told_apart
from audit.gates.decisive_groups import Around, Deciding, Held, Settled, find_deciding_pair
from audit.measurement.metrics.kinds import split_comparison
from audit.record.energy_text import SUBJECTS, UNITS, format_total
from audit.record.result import Run, Waiver

LONGEST_WORDS, MOST_HELD = 400, 3
MANY = 100
"""Rows of a group from which it is the rarer outcome that is too few, not the rows."""
UNCOMPARED = "No limit on groups was set, so nothing was judged between groups."
SMALL, FOLDS_DECIDE = "small_group", "folds_decide"
"""Flags: of an estimate of few rows; of one of a gate that other folds of the unit could turn, so near is the limit."""


def headline_of(verdict: str, sentence: str) -> str:
    """Return the sentence of the gate that decides, after a word on what was not asked to be judged."""
    return f"{UNCOMPARED} {sentence}" if verdict == "not judged" else sentence


def describe_waiver(waiver: Waiver, today: str) -> str:
    """Return who let a gate pass, until when, and the days that are left; dates in ISO 8601."""
    left = (dt.date.fromisoformat(waiver.expires) - dt.datetime.fromisoformat(today).date()).days
    days = "1 day is left" if left == 1 else f"{left} days are left"
    worst = "" if waiver.max_gap is None else f", up to {waiver.max_gap:g}"
    owner, reason = printable(waiver.owner, LONGEST_WORDS), printable(waiver.reason, LONGEST_WORDS).rstrip(".")
    return f"Waived by {owner} until {waiver.expires} ({days}){worst}: {reason}."


def describe_open_gate(name: str, verdict: str, sentence: str) -> str:
    """Return what is said where training starts although a gate on the data is not passed."""
    which = "insufficient, which the policy counts as not passed" if verdict == "insufficient" else verdict
    return f"training starts, and the audit will not pass: {printable(name, 160)} is {which}. {sentence}"


def describe_training(run: Run) -> tuple[str, ...]:
    """Return what gates on the data did to training, and what kept the audit from being whole."""
    said = []
    if run.stopped_by:
        named = _list_gates(run.stopped_by)
        said.append(f"Training was not started, because {named} on the data; --continue trains anyway.")
    if run.continued:
        named = _list_gates(run.continued)
        said.append(f"Training was started with --continue, although {named} on the data.")
    if run.ended:
        said.append(f"The audit is not whole: {printable(run.ended, 600)}.")
    return tuple(said)


def reason_for_no_number(stopped_by: Sequence[str]) -> str:
    """Return why there is no number, where gates on the data may have kept training from starting."""
    if not stopped_by:
        return "this run did not measure it"
    return f"nothing was trained, because {' and '.join(stopped_by)} failed"


def _list_gates(names: Sequence[str]) -> str:
    shown = " and ".join(printable(n) for n in names)
    return f"{shown} {'fails' if len(names) == 1 else 'fail'}"


def describe_gate(
    rule: GateRule, estimate: Estimate, verdict: str, around: Around, settled: Settled, title: str = ""
) -> str:
    """Return sentence of one gate: the pair whose interval decides it, with its numbers, and what is to be said beside.

    A limit on one check says by its ``title`` what that check asks.
    """
    subject = _name_subject(rule)
    limit = f"at most {rule.max:g}" if rule.max is not None else f"at least {rule.min:g}"
    if verdict == "undefined":
        return f"{subject} is undefined: {estimate.reason}; the limit is {limit}, and what is undefined never passes."
    if rule.stage in {"energy", "checks"}:
        return _total(rule, estimate, subject, limit, title)
    found = find_deciding_pair(rule, estimate, verdict, around)
    said = _Said(rule, estimate, around, found)
    beside = [said.decided(), _describe_crossing(verdict, limit)]
    beside += [said.settled_by(settled)] if verdict == "insufficient" else []
    beside += [said.over_all(), said.hidden(), _describe_left_out(estimate), _describe_near(estimate)]
    return f"{subject}{said.of_class()}: {'; '.join(part for part in beside if part)}."


class _Said:
    """Words for what decides one gate."""

    def __init__(self, rule: GateRule, estimate: Estimate, around: Around, found: Deciding | None) -> None:
        self.rule, self.estimate, self.around, self.found = rule, estimate, around, found
        self.like = estimate if found is None else found.like
        self.kind = split_comparison(estimate.compare)[0]
        groups = [e.group for e in around.each(self.like) if e.group is not None]
        named = [g for pair in (estimate.pair, found and found.pair) if pair for g in pair]
        self.write = told_apart([*groups, *named])

    def of_class(self) -> str:
        """Return the class that the deciding pair is of, and the rate, where one of several decides."""
        said = [] if self.like.outcome is None else [f"class {printable(self.like.outcome, NAME_LENGTH)}"]
        if self.like.metric != self.estimate.metric and self.like.outcome is None:
            said.append(self.like.metric.replace("_", " "))
        return f" ({', '.join(said)})" if said else ""

    def decided(self) -> str:
        """Return who decides, with what was found of them and the end of the interval that does it."""
        found = self.found
        if found is None:
            return self._value()
        return f"{self._groups(found.pair)}, {self._value()}" if found.extreme else self.of_the_pair(found)

    def of_the_pair(self, found: Deciding) -> str:
        """Return what was found of the pair that decides, and of no other group."""
        own = self._own(found)
        end = self.estimate.low if found.end == "low" else self.estimate.high
        begins = "from" if found.end == "low" else "up to"
        there = "no upper limit" if end is None else f"{begins} {number(end)}"
        return ", ".join(part for part in (self._groups(found.pair), own, there) if part)

    def settled_by(self, settled: Settled) -> str:
        """Return how much more data would settle it, and of whom."""
        if self.kind in {"lowest", "highest"}:
            return self._held(settled.held)
        return "" if settled.needed is None else f"about {settled.needed:.2g} times the data would settle it"

    def _held(self, held: Sequence[Held]) -> str:
        shown = held[:MOST_HELD]
        if not shown:
            return ""
        names = [self.write(h.estimate.group or ()) for h in shown]
        more = f" and {len(held) - len(shown)} more" if len(held) > len(shown) else ""
        rows = [f"{_round_up(h.rows):,}" for h in shown if math.isfinite(h.rows)]
        who = f"{'; '.join(names) if any(',' in n for n in names) else ', '.join(names)}{more}"
        verb = "holds" if len(held) == 1 else "hold"
        if len(rows) < len(shown):
            return f"{who} {verb} it open, too near the limit for 100 times the rows to settle it"
        them = "it" if len(held) == 1 else "them"
        times = f"{'up to ' if len(held) > 1 else ''}{max(h.factor for h in held):.2g} times as many"
        return f"{who} {verb} it open: about {', '.join(rows)} rows of {them} ({times}) would settle it"

    def over_all(self) -> str:
        """Return the groups with the lowest and the highest value, where others decide."""
        found, pair = self.found, self.estimate.pair
        if found is None or found.extreme:
            return ""
        if pair is None:
            return f"the comparison of all is undefined: {self.estimate.reason}" if self.estimate.reason else ""
        if self.kind in {"lowest", "highest"}:
            return f"the {self.kind} is {self._alone(pair[self.kind == 'highest'], self.estimate)}"
        other = self.like.outcome != self.estimate.outcome
        of = f" (class {printable(self.estimate.outcome, NAME_LENGTH)})" if other else ""
        ends = [self._alone(group, self.estimate) for group in dict.fromkeys(pair)]
        return f"over all groups{of}: {' against '.join(ends)}, {self._value()}"

    def hidden(self) -> str:
        """Say that score bins hide a value behind the gap."""
        groups = [g for pair in (self.estimate.pair, self.found and self.found.pair) if pair for g in pair]
        hides = any(SAYS_NOTHING in (getattr(self.around.rate(self.like, g), "method", "") or "") for g in groups)
        return "so many scores share a bin that the bins say next to nothing" if hides else ""

    def _groups(self, pair: tuple[Group, Group]) -> str:
        if pair[0] == pair[1]:
            return self._with_rate(pair[0], self.like)
        if self.kind in {"lowest", "highest"}:
            return self._with_rate(pair[self.kind == "highest"], self.like)
        return f"{self._with_rate(pair[0], self.like)} against {self._with_rate(pair[1], self.like)}"

    def _with_rate(self, group: Group, like: Estimate) -> str:
        rate = self.around.rate(like, group)
        if rate is None or rate.value is None:
            return self.write(group)
        against = f" against {self.write(rate.reference)}" if rate.reference else ""
        return f"{self.write(group)}{against} {number(rate.value)} ({rows_text(rate)})"

    def _alone(self, group: Group, like: Estimate) -> str:
        """Return an extreme group beside the pair that decides; one too small to judge, or too uniform, says so."""
        rate = self.around.rate(like, group)
        if rate is None or SMALL not in rate.flags:
            return self._with_rate(group, like)
        if rate.numerator is None or rate.rows is not None or rate.effective_n != rate.denominator:
            return f"{self._with_rate(group, like)}, too few to judge"
        hits, rows = rate.numerator, rate.denominator or 0.0
        which = " of the other outcome" if hits > rows / 2 else " of this outcome"
        return f"{hits:,.0f} of {rows:,.0f} of {self.write(group)}, too few{which if rows >= MANY else ''} to judge"

    def _own(self, found: Deciding) -> str:
        """Return what the estimates say of the deciding pair itself."""
        if self.kind in {"lowest", "highest"}:
            return ""
        if found.pair[0] == found.pair[1]:
            own = self.around.rate(found.like, found.pair[0], self.estimate.compare)
            if own is None or own.value is None:
                return ""
            return f"{self._what()} {number(own.value)}{_describe_ratio(own)}"
        low, high = self._value_of(found.like, found.pair[0]), self._value_of(found.like, found.pair[1])
        if low is None or high is None or (self.kind == "ratio" and high == 0):
            return ""
        return f"{self._what()} {number(low / high if self.kind == 'ratio' else high - low)}"

    def _value_of(self, like: Estimate, group: Group) -> float | None:
        rate = self.around.rate(like, group)
        return None if rate is None else rate.value

    def _what(self) -> str:
        named = {"largest": "largest gap", "between_groups": "value", None: "value"}
        return named.get(self.rule.compare) or str(self.rule.compare).replace("_", " ")

    def _value(self) -> str:
        """Return the value and interval that are judged."""
        e = self.estimate
        shown = "undefined," if e.value is None else f"{number(e.value)}{_describe_ratio(e)}"
        return f"{self._what()} {shown}{interval_text(e.low, e.high)}"


def describe_shown_gate(rule: GateRule, estimate: Estimate, verdict: str, around: Around, k: int) -> str | None:
    """Return the sentence of a gate of which only the deciding pair is shown, with its end; None where that is not."""
    found = find_deciding_pair(rule, estimate, verdict, around)
    if verdict == "undefined" or found is None or split_comparison(estimate.compare)[1] is not None:
        return None
    if any(rate is None or rate.value is None for rate in (around.rate(found.like, g) for g in found.pair)):
        return None
    said = _Said(rule, estimate, around, found)
    limit = f"at most {rule.max:g}" if rule.max is not None else f"at least {rule.min:g}"
    return (
        f"{_name_subject(rule)}{said.of_class()}: {said.of_the_pair(found)}; {_describe_crossing(verdict, limit)}; "
        f"the numbers of other groups are left out here, because they would give away counts under {k}."
    )


def describe_shown_extremes(estimate: Estimate, around: Around) -> str:
    """Return the lowest and the highest of the groups that are shown; nothing where fewer than two are."""
    each = sorted((e for e in around.each(estimate) if e.value is not None), key=lambda e: e.value or 0.0)
    if len(each) < 2:
        return ""
    write = told_apart([e.group or () for e in each])
    words = [f"{write(e.group or ())} {number(e.value)} ({rows_text(e)})" for e in (each[0], each[-1])]
    return f"; of the groups that are shown, {words[0]} is the lowest and {words[1]} the highest"


def _round_up(rows: float) -> int:
    """Return rows to two digits that count, upwards."""
    step = int(10 ** max(0, math.floor(math.log10(max(rows, 1.0))) - 1))
    return math.ceil(rows / step) * step


def _name_subject(rule: GateRule) -> str:
    if rule.stage == "energy":
        return SUBJECTS[rule.metric]
    if rule.stage == "checks" and rule.metric in CHECKS:
        return f"Number of checks that {rule.metric}"
    name = rule.metric.replace("_", " ")
    name = name[:1].upper() + name[1:]
    return f"{name} by {' x '.join(printable(b) for b in rule.by)}" if rule.by else name


def _total(rule: GateRule, estimate: Estimate, subject: str, limit: str, title: str) -> str:
    value = estimate.value if estimate.value is not None else estimate.low
    if rule.stage == "checks":
        undecided = f" and {estimate.reason}" if estimate.reason and estimate.status == "ok" else ""
        return _describe_checks(rule.metric, f"{value:g} of {estimate.n:g}", limit, undecided, title)
    unit = f" {UNITS[rule.metric]}" if UNITS[rule.metric] else ""
    return f"{subject}: {format_total(estimate)}; the limit is {limit}{unit}."


def _describe_checks(metric: str, share: str, limit: str, undecided: str, title: str) -> str:
    if metric in CHECKS:
        return f"{share} checks {'warned or ' if metric == 'warned' else ''}failed{undecided}; {limit} may."
    asks = f" ({title})" if title else ""
    return f"{printable(metric)}{asks} found something in {share} parts of the data{undecided}; {limit} may."


def _describe_ratio(estimate: Estimate) -> str:
    """Return both sides of a ratio with everybody, which says whether the group lies below or above."""
    if split_comparison(estimate.compare)[1] is None or estimate.numerator is None:
        return ""
    return f" ({number(estimate.numerator)} / {number(estimate.denominator)})"


def _describe_crossing(verdict: str, limit: str) -> str:
    if verdict == "fail":
        return f"the whole interval breaks the limit of {limit}"
    if verdict == "pass":
        return f"the whole interval keeps the limit of {limit}"
    return f"the interval crosses the limit of {limit}, so this data cannot tell"


def _describe_left_out(estimate: Estimate) -> str:
    return "rows without a group are left out" if "rows_without_group" in estimate.flags else ""


def _describe_near(estimate: Estimate) -> str:
    """Say that the same rows, with their units in other folds, might be judged otherwise."""
    return "so near the limit that other folds of the unit could turn it" if FOLDS_DECIDE in estimate.flags else ""
