"""Two results side by side: which verdicts changed, and which rates changed beyond chance.

Must not: judge; a change is no verdict.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from audit.errors import QuestionError, printable
from audit.estimate import Estimate, Group, cell_interval, cell_text, group_text
from audit.measurement.metrics.catalogue import figure_of
from audit.record.frame import fill_frame, list_levels, name_columns, write_by, write_group
from audit.record.result import RUN_ID, AuditResult, Gate, name_verdict

Key = tuple[str, str, str | None, tuple[str, ...], Group]
FIELDS = ("stage", "metric", "by", "group", "outcome", "old", "new", "change", "low", "high", "beyond_chance")
"""Columns of the table of a comparison, beside those of the groups."""
MOST_CHANGES = 12
LABELS = "base_rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateChange:
    """One limit in both results; None where a result has no such limit."""

    name: str
    old: Gate | None
    new: Gate | None

    @property
    def same(self) -> bool:
        """Whether the verdict is the same."""
        return self.old is not None and self.new is not None and self.old.verdict == self.new.verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChange:
    """One group's rate in both results, with the interval of its change."""

    old: Estimate
    new: Estimate
    low: float
    high: float

    @property
    def value(self) -> float:
        """New less old."""
        return (self.new.value or 0.0) - (self.old.value or 0.0)

    @property
    def beyond_chance(self) -> bool:
        """Whether 0 lies outside the interval of the change."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Comparison:
    """What changed from one result to another.

    It shows itself in a notebook; ``print`` gives what ``audit diff`` says, and `to_frame` the rates as a table.
    """

    old: AuditResult
    new: AuditResult
    gates: tuple[GateChange, ...]
    rates: tuple[RateChange, ...]
    """Every rate that both measured, the largest change first."""
    only_old: tuple[str, ...]
    only_new: tuple[str, ...]
    """Groups that one of the two alone measured."""
    independent: bool
    """Whether the two are known to rest on different tables. If not, the intervals allow for any dependence."""

    @property
    def beyond(self) -> tuple[RateChange, ...]:
        """Rates that changed beyond chance."""
        return tuple(c for c in self.rates if c.beyond_chance)

    def to_frame(self) -> Any:
        """Return the rates as a pandas frame, one row each, with columns as `AuditResult.to_frame` names them."""
        names = name_columns((c.old for c in self.rates), FIELDS)
        at = FIELDS.index("group") + 1
        rows = [_list_fields(change, names) for change in self.rates]
        return fill_frame(rows, (*FIELDS[:at], *names.values(), *FIELDS[at:]), ("old", "new", "change", "low", "high"))

    def __repr__(self) -> str:
        changed = sum(not gate.same for gate in self.gates)
        limits = f"{changed} of {len(self.gates)} verdicts changed"
        return f"Comparison: {write_verdicts(self)}, {limits}, {_count_rates(self)}"

    def __str__(self) -> str:
        return "\n".join(describe_comparison(self))

    def _repr_html_(self) -> str:
        from audit.report.notebook.changes import render_comparison

        return render_comparison(self)


def compare(old: AuditResult, new: AuditResult) -> Comparison:
    """Compare two results of the same configuration, or of two that share groups.

    Parameters
    ----------
    old, new
        Results of `measure`, `check` or `read_result`.

    Returns
    -------
    Comparison
        Limits whose verdict changed and rates that changed, with an interval each. Where the two do not rest on two
        different files, the interval holds whatever the two have in common.

    Raises
    ------
    QuestionError
        When one of the two is no result.

    Examples
    --------
    >>> import audit
    >>> races = {"race": ["a", "b"] * 40}
    >>> old = audit.measure([1, 1, 0, 0] * 20, [1, 0, 0, 0] * 20, groups=races)
    >>> new = audit.measure([1, 1, 0, 0] * 20, [1, 1, 0, 0] * 20, groups=races)
    >>> found = audit.compare(old, new)
    >>> len(found.gates), found.rates[0].value
    (0, 1.0)
    """
    sides: tuple[tuple[str, object], ...] = (("old", old), ("new", new))
    for which, given in sides:
        if not isinstance(given, AuditResult):
            kind = printable(type(given).__name__, 40)
            raise QuestionError(f"{which} must be a result, not {kind}; audit.read_result(path) reads a recorded one")
    names = dict.fromkeys((*(g.name for g in old.gates), *(g.name for g in new.gates)))
    gates = tuple(GateChange(name=n, old=_find_gate(old, n), new=_find_gate(new, n)) for n in names)
    before, after = _collect_rates(old), _collect_rates(new)
    independent = _are_independent(old, new)
    moved = [measure_change(before[k], after[k], independent=independent) for k in before if k in after]
    return Comparison(
        old=old,
        new=new,
        gates=gates,
        rates=tuple(sorted(moved, key=lambda c: -abs(c.value))),
        only_old=tuple(dict.fromkeys(_name_rate(e) for k, e in before.items() if k not in after)),
        only_new=tuple(dict.fromkeys(_name_rate(e) for k, e in after.items() if k not in before)),
        independent=independent,
    )


def describe_comparison(found: Comparison, most: int = MOST_CHANGES) -> Iterator[str]:
    """Yield the lines of a comparison for people."""
    yield f"{name_runs(found)}{write_verdicts(found)}"
    yield from describe_question(found)
    for gate in found.gates:
        word = "same" if gate.same else "CHANGED"
        yield f"  {word:<8} {printable(gate.name)}: {describe_gate(gate.old)} -> {describe_gate(gate.new)}"
    yield count_changes(found)
    for change in found.beyond[:most]:
        rate, old, new, moved = list_words(change)
        yield f"  {rate}: {old} -> {new}, {moved}"
    if len(found.beyond) > most:
        yield f"  {len(found.beyond) - most} more"
    yield from describe_unshared(found)


def name_runs(found: Comparison) -> str:
    """Return both runs; nothing where they are in memory, because nobody can look there for an id."""
    ids = [result.run.id for result in (found.old, found.new)]
    if all(RUN_ID.fullmatch(run_id) is None for run_id in ids):
        return ""
    return f"{' -> '.join(map(printable, ids))}: "


def write_verdicts(found: Comparison) -> str:
    """Return both verdicts, as people read them."""
    return " -> ".join(name_verdict(result.verdict) for result in (found.old, found.new))


def describe_question(found: Comparison) -> Iterator[str]:
    """Yield that the two do not come from one configuration."""
    if found.old.question.digest != found.new.question.digest:
        yield "The two runs have different configurations; only what both measured is compared."


def count_changes(found: Comparison) -> str:
    """Return how many rates changed, and what their intervals assume of the rows."""
    assumed = "treating the two runs as independent samples"
    if not found.independent:
        shared = "read the same file" if _share_a_file(found.old, found.new) else "may share rows"
        assumed = f"the two runs {shared}; the intervals allow for any dependence between them"
    return f"{_count_rates(found)} ({assumed})"


def _count_rates(found: Comparison) -> str:
    return f"{len(found.beyond)} of {len(found.rates)} rates changed beyond chance"


def list_words(change: RateChange) -> tuple[str, str, str, str]:
    """Return whose rate changed, the old and the new rate, and the change with its sign and interval."""
    own, apart = figure_of(change.old.metric), figure_of(change.old.metric, "difference")
    sign = "+" * (change.value > 0)
    moved = f"{sign}{cell_text(change.value, apart)} {cell_interval(change.low, change.high, apart)}"
    return _name_rate(change.old), cell_text(change.old.value, own), cell_text(change.new.value, own), moved


def describe_unshared(found: Comparison) -> Iterator[str]:
    """Yield the rates that only one of the two has."""
    for what, names in (("only in the first", found.only_old), ("only in the second", found.only_new)):
        if names:
            more = f"; {len(names) - 3} more" * (len(names) > 3)
            yield f"{what}: {'; '.join(names[:3])}{more}"


def describe_gate(gate: Gate | None) -> str:
    """Return verdict and value of a limit in one of the results."""
    if gate is None:
        return "no such limit"
    e = gate.estimate
    if e is None or e.value is None:
        return f"{name_verdict(gate.verdict)} (undefined)"
    return f"{name_verdict(gate.verdict)} ({cell_text(e.value, figure_of(e.metric, e.compare))})"


def _name_rate(estimate: Estimate) -> str:
    """Return whose rate it is, in words."""
    group = "overall"
    if estimate.by:
        group = f"{write_by(estimate.by)} {group_text(estimate.group or ())}"
    of_class = estimate.outcome and f", class {printable(estimate.outcome, 30)}"
    name = printable(estimate.metric.replace("_", " "))
    return f"{name}, {printable(group, 160)}{of_class or ''} ({estimate.stage})"


def _list_fields(change: RateChange, names: dict[str, str]) -> dict[str, Any]:
    """Return a row of the table."""
    e = change.old
    return {
        "stage": e.stage,
        "metric": e.metric,
        "by": write_by(e.by),
        "group": write_group(e.by, e.group),
        **dict(list_levels(e, names)),
        "outcome": e.outcome,
        "old": e.value,
        "new": change.new.value,
        "change": change.value,
        "low": change.low,
        "high": change.high,
        "beyond_chance": change.beyond_chance,
    }


def _find_gate(result: AuditResult, name: str) -> Gate | None:
    return next((g for g in result.gates if g.name == name), None)


def _list_digests(result: AuditResult) -> Sequence[str | None]:
    return [part.digest for part in result.data]


def _are_independent(old: AuditResult, new: AuditResult) -> bool:
    """Return whether every table of the two is known, and none is in both; rows in memory may be the same.

    Rows that are named by a key may be the same too, and so may those of groups whose labels agree to the row.
    """
    digests = (*_list_digests(old), *_list_digests(new))
    known = bool(digests) and None not in digests and not _share_a_file(old, new)
    keys = [(result.question.config.get("data") or {}).get("key") for result in (old, new)]
    same_key = keys[0] is not None and keys[0] == keys[1]
    return known and not same_key and not _have_the_same_labels(old, new)


def _have_the_same_labels(old: AuditResult, new: AuditResult) -> bool:
    """Return whether all groups have as many rows and as many positive labels in both."""
    counted = [
        {(e.by, e.group): (e.n, e.numerator) for e in result.estimates.about(LABELS) if e.compare is None}
        for result in (old, new)
    ]
    return len(counted[0]) > 1 and counted[0] == counted[1]


def _share_a_file(old: AuditResult, new: AuditResult) -> bool:
    return bool({d for d in _list_digests(old) if d} & {d for d in _list_digests(new) if d})


def _collect_rates(result: AuditResult) -> dict[Key, Estimate]:
    """Collect the rates of groups that have an interval from counts."""
    return {
        (e.stage, e.metric, e.outcome, e.by, e.group or ()): e
        for e in result.estimates
        if e.compare is None
        and e.reference is None
        and e.numerator is not None
        and e.value is not None
        and e.effective_n
    }


def measure_change(old: Estimate, new: Estimate, *, independent: bool) -> RateChange:
    """Measure how far one rate lies from another, from the intervals that documents hold.

    Where the two may rest on the same rows, the interval allows for any dependence between them.
    """
    value = (new.value or 0.0) - (old.value or 0.0)
    # Newcombe (1998), method 10: what lies below the new rate adds in squares to what lies above the old one. Of rates
    # that may depend on each other, it adds as it is: no correlation makes the deviation of a difference larger than
    # the sum of both deviations.
    power = 2.0 if independent else 1.0
    low = value - _add(_measure_down(new), _measure_up(old), power)
    high = value + _add(_measure_up(new), _measure_down(old), power)
    return RateChange(old=old, new=new, low=low, high=high)


def _add(one: float, other: float, power: float) -> float:
    return math.pow(math.pow(one, power) + math.pow(other, power), 1 / power)


def _measure_down(rate: Estimate) -> float:
    return (rate.value or 0.0) - (rate.low or 0.0)


def _measure_up(rate: Estimate) -> float:
    return (rate.high or 0.0) - (rate.value or 0.0)
