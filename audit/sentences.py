"""The one plain sentence of a gate: who against whom, the gap, its interval, both n, the limit.

Must not: decide anything; it is given the verdict.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

from audit.catalogue import asks_of
from audit.config.limits import CHECKS
from audit.config.schema import GateRule
from audit.errors import printable
from audit.footprint_words import SUBJECTS, UNITS, energy_text
from audit.result import Run, Waiver
from audit.value import Estimate, Group

Find = Callable[[Estimate, Group], Estimate | None]
NAME_LENGTH, LONGEST_WORDS = 40, 400
UNCOMPARED = "No limit on groups was set, so nothing was judged between groups."
FOLDS_DECIDE = "folds_decide"
"""Flag of a gate's estimate that ends so near the limit that other folds of the unit could turn the verdict."""


def group_text(group: Group) -> str:
    """Group's name as people read it."""
    return " x ".join("(missing)" if level is None else printable(level, NAME_LENGTH) for level in group) or "everybody"


def number(value: float | None) -> str:
    """Three decimals, or a dash; small numbers keep three significant digits."""
    if value is None:
        return "–"
    return f"{value:.3g}" if 0 < abs(value) < 0.001 else f"{value:,.3f}"


def interval_text(low: float | None, high: float | None) -> str:
    """Interval in brackets; an open end is said."""
    if low is None and high is None:
        return ""
    return f" [{number(low)}, {number(high)}]" if high is not None else f" [{number(low)}, no upper limit]"


def headline_of(verdict: str, sentence: str) -> str:
    """Sentence of the gate that decides, after a word on what nobody asked to be judged."""
    return f"{UNCOMPARED} {sentence}" if verdict == "not judged" else sentence


def waived_text(waiver: Waiver, today: str) -> str:
    """Who let a gate pass, until when, and the days that are left; dates in ISO 8601."""
    left = (dt.date.fromisoformat(waiver.expires) - dt.datetime.fromisoformat(today).date()).days
    days = "1 day is left" if left == 1 else f"{left} days are left"
    worst = "" if waiver.max_gap is None else f", up to {waiver.max_gap:g}"
    owner, reason = printable(waiver.owner, LONGEST_WORDS), printable(waiver.reason, LONGEST_WORDS).rstrip(".")
    return f"Waived by {owner} until {waiver.expires} ({days}){worst}: {reason}."


def training_notes(run: Run) -> tuple[str, ...]:
    """What gates on the data did to training, and what kept the audit from being whole."""
    said = []
    if run.stopped_by:
        named = _listed_gates(run.stopped_by)
        said.append(f"Training was not started, because {named} on the data; --continue trains all the same.")
    if run.continued:
        named = _listed_gates(run.continued)
        said.append(f"Training was started with --continue, although {named} on the data.")
    if run.ended:
        said.append(f"The audit is not whole: {printable(run.ended, 600)}.")
    return tuple(said)


def unmeasured(stopped_by: Sequence[str]) -> str:
    """Why there is no number, where gates on the data may have kept training from starting."""
    if not stopped_by:
        return "this run did not measure it"
    return f"nothing was trained, because {' and '.join(stopped_by)} failed"


def _listed_gates(names: Sequence[str]) -> str:
    shown = " and ".join(printable(n) for n in names)
    return f"{shown} {'fails' if len(names) == 1 else 'fail'}"


def gate_sentence(rule: GateRule, estimate: Estimate, verdict: str, find: Find, needed: float | None) -> str:
    """Sentence of one gate."""
    subject = _subject(rule)
    limit = f"at most {rule.max:g}" if rule.max is not None else f"at least {rule.min:g}"
    if verdict == "undefined":
        return f"{subject} is undefined: {estimate.reason}; the limit is {limit}, and what is undefined never passes."
    if rule.stage in {"energy", "checks"}:
        return _total(rule, estimate, subject, limit)
    of_class = "" if estimate.outcome is None else f" (class {printable(estimate.outcome, NAME_LENGTH)})"
    head = f"{subject}{of_class}: {_who(estimate, find)}{_value(rule, estimate)}; {_crossing(verdict, limit)}"
    return f"{head}{_more_data(verdict, needed)}{_left_out(estimate)}{_near(estimate)}."


def _subject(rule: GateRule) -> str:
    if rule.stage == "energy":
        return SUBJECTS[rule.metric]
    name = rule.metric.replace("_", " ")
    name = name[:1].upper() + name[1:]
    return f"{name} by {' x '.join(printable(b) for b in rule.by)}" if rule.by else name


def _total(rule: GateRule, estimate: Estimate, subject: str, limit: str) -> str:
    value = estimate.value if estimate.value is not None else estimate.low
    if rule.stage == "checks":
        return _of_checks(rule.metric, f"{value:g} of {estimate.n:g}", limit)
    unit = f" {UNITS[rule.metric]}" if UNITS[rule.metric] else ""
    return f"{subject}: {energy_text(estimate)}; the limit is {limit}{unit}."


def _of_checks(metric: str, share: str, limit: str) -> str:
    if metric in CHECKS:
        return f"{share} checks {'warned or ' if metric == 'warned' else ''}failed; {limit} may."
    return f"{printable(metric)} found something in {share} parts of the data; {limit} may."


def _who(estimate: Estimate, find: Find) -> str:
    pair = estimate.pair or estimate.low_pair
    if pair is None:
        return ""
    if pair[0] == pair[1]:
        return f"{_with_rate(estimate, pair[0], find)}, "
    lower, higher = (_with_rate(estimate, group, find) for group in pair)
    if estimate.compare in {"lowest", "highest"}:
        return f"{lower if estimate.compare == 'lowest' else higher}, "
    return f"{lower} against {higher}, "


def _with_rate(estimate: Estimate, group: Group, find: Find) -> str:
    rate = find(estimate, group)
    if rate is None or rate.value is None:
        return group_text(group)
    n = rate.denominator if rate.denominator is not None else rate.n
    against = f" against {group_text(rate.reference)}" if rate.reference else ""
    return f"{group_text(group)}{against} {number(rate.value)} (n {n:,.0f})"


def _value(rule: GateRule, estimate: Estimate) -> str:
    what = {"largest": "largest gap", "between_groups": "value", None: "value"}.get(rule.compare) or str(
        rule.compare
    ).replace("_", " ")
    shown = f"{what} undefined, " if estimate.value is None else f"{what} {number(estimate.value)}{_over(estimate)}"
    return f"{shown}{interval_text(estimate.low, estimate.high)}"


def _over(estimate: Estimate) -> str:
    """Both sides of a ratio with everybody, which says whether the group lies below or above."""
    if asks_of(estimate.compare)[1] is None or estimate.numerator is None:
        return ""
    return f" ({number(estimate.numerator)} / {number(estimate.denominator)})"


def _crossing(verdict: str, limit: str) -> str:
    if verdict == "fail":
        return f"the whole interval breaks the limit of {limit}"
    if verdict == "pass":
        return f"the whole interval keeps the limit of {limit}"
    return f"the interval crosses the limit of {limit}, so this data cannot tell"


def _more_data(verdict: str, needed: float | None) -> str:
    if verdict != "insufficient" or needed is None:
        return ""
    return f"; about {needed:.2g} times the data would settle it"


def _left_out(estimate: Estimate) -> str:
    return "; rows without a group are left out" if "rows_without_group" in estimate.flags else ""


def _near(estimate: Estimate) -> str:
    """That the same rows, with their units in other folds, might be judged otherwise."""
    return "; so near the limit that other folds of the unit could turn it" if FOLDS_DECIDE in estimate.flags else ""
