"""FM001, the four-fifths rule of the Uniform Guidelines (29 CFR 1607.4 D), as one check a group column.

A difference is practical where the ratio to the highest rate is under 4/5, and statistical where its p, corrected for
having chosen the highest group, is at most what the policy's confidence leaves. Both together are adverse impact. Where
somebody asks for a verdict, a group passes only if the interval of its ratio lies between 4/5 and 5/4; anything else is
undecided, as is adverse impact on a group under 2% of the rows. Everything is read from the estimates of a document, so
that a stranger, or another policy, can check again without the counts. See docs/decisions/0006, 0039 and 0046.

Must not: measure, or import numpy; ``audit gate`` pays for this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from statistics import NormalDist

from audit.config.schema import Config, GateRule
from audit.errors import printable
from audit.estimate import (
    CROSSED,
    Estimate,
    Group,
    cell_text,
    count_rows,
    figure_text,
    interval_words,
    p_text,
    quoted_level,
    rows_text,
    told_apart,
    total_text,
)
from audit.gates.small_groups import (
    NO_COUNTS,
    Remeasure,
    describe_excluded,
    find_group_names,
    find_small_groups,
    reason_for_few_groups,
)
from audit.gates.words.voice import tidy_reason
from audit.gates.words.wording import Wording, read_wording
from audit.measurement.estimates import Estimates
from audit.measurement.metrics.adverse import (
    ADVERSE,
    CORRECTED,
    FEW_EXPECTED,
    FOUR_FIFTHS,
    IMPACT_P,
    IMPACT_RATIO,
    IMPACT_Z,
    IN_WEIGHTS,
    NOT_SELECTED,
    ONE_DECIDES,
    SHORTFALL,
    UNDER_FOUR_FIFTHS,
    UNDER_TWO_PERCENT,
)
from audit.measurement.metrics.rates import SELECTION_RATE
from audit.record.result import Check, CheckOutcome

CODE, NAME = "FM001", "Four-fifths rule"
MEND = "Find out which step of the procedure causes the difference, and whether it is needed."
MORE = "Look at more decisions, such as those of a longer time, as the Guidelines ask where numbers are small."
UNASKED, ASKED = "info", "critical"
MOST_NAMED, FEW_ROWS = 3, 30
READ = (SELECTION_RATE.name, *(m.name for m in ADVERSE))
"""Metrics that the rule reads."""
ORDER: tuple[CheckOutcome, ...] = ("fail", "undefined", "insufficient", "warn", "pass")
MENDS: Mapping[CheckOutcome, str] = {"fail": MEND, "warn": MEND, "insufficient": MORE}


@dataclass(frozen=True, slots=True)
class Compared:
    """One group against the highest, as the document holds it."""

    ratio: Estimate
    p: Estimate | None
    z: Estimate | None
    short: Estimate | None
    surprising: float
    judged: bool
    """Whether somebody asks for a verdict; otherwise what was found is told as it stands."""

    @property
    def practical(self) -> bool:
        """Whether the ratio is under four fifths."""
        return UNDER_FOUR_FIFTHS in self.ratio.flags

    @property
    def statistical(self) -> bool:
        """Whether the corrected p is at most the error that the policy allows."""
        return self.p is not None and self.p.value is not None and self.p.value <= self.surprising

    @property
    def is_open(self) -> bool:
        """Whether the interval leaves it open that this group, or the one that came out highest, is under 4/5."""
        return _may_be_under(self.ratio) or self.ratio.high is None or self.ratio.high * FOUR_FIFTHS > 1

    @property
    def outcome(self) -> CheckOutcome:
        """What it means for this group; one under 2% cannot fail, and what is found of it is no pass either."""
        if self.ratio.value is None or self.p is None or self.p.value is None:
            return "undefined"
        adverse = self.practical and self.statistical
        if adverse and not self.is_small:
            return "fail"
        if self.judged and (adverse if self.is_small else self.is_open):
            return "insufficient"
        return "warn" if self.practical or self.statistical else "pass"

    @property
    def is_small(self) -> bool:
        """Whether the group is under 2% of the rows, so that the Guidelines ask no determination of it."""
        return UNDER_TWO_PERCENT in self.ratio.flags


def _may_be_under(ratio: Estimate) -> bool:
    """Return whether an interval leaves it open that the ratio is under four fifths."""
    return ratio.low is None or ratio.low < FOUR_FIFTHS


def _name_check(column: str) -> str:
    """Return how every title of the check of one group column begins, and all of one that tells no number."""
    return f"Four-fifths rule, {printable(column)}"


def rests_on(estimate: Estimate) -> bool:
    """Return whether a check of the rule says something that this estimate says."""
    return estimate.stage == "model" and estimate.metric in READ


def check_four_fifths(estimates: Estimates, config: Config, remeasure: Remeasure | None = None) -> tuple[Check, ...]:
    """Return one check for each group column; none where no class is predicted.

    Parameters
    ----------
    estimates, config
        What was measured, and the policy.
    remeasure
        Measures a column again without the groups that the policy excludes; None where it excludes none.
    """
    if config.predictions is None or config.predictions.task != "classification":
        return ()
    columns = {c: _list_read(estimates, c) for c in config.data.groups}
    measured = any(e.metric == IMPACT_RATIO.name for e in chain.from_iterable(columns.values()))
    if not config.policy.four_fifths and not measured:
        return ()
    return tuple(_check_remaining(here, c, config, estimates, remeasure) for c, here in columns.items())


def check_again(
    checks: Sequence[Check], estimates: Estimates, config: Config, remeasure: Remeasure | None = None
) -> tuple[Check, ...]:
    """Return checks of a document with those of this rule made anew by a policy."""
    return (*(c for c in checks if c.code != CODE), *check_four_fifths(estimates, config, remeasure))


def _check_remaining(
    here: Sequence[Estimate], column: str, config: Config, estimates: Estimates, remeasure: Remeasure | None
) -> Check:
    """Return the check of one column over the groups that the policy does not exclude."""
    least, rule = config.policy.least_rows, GateRule(metric=SELECTION_RATE.name, compare="ratio", by=(column,), min=0.8)
    excluded = find_small_groups(rule, estimates, least)
    if not excluded:
        return _check_column(here, column, config)
    left = len(find_group_names(rule, estimates)) - len(excluded)
    said = describe_excluded(excluded, least).removesuffix(".")
    if left < 2 or remeasure is None:
        why = NO_COUNTS if left >= 2 else reason_for_few_groups(least, left)
        severity = ASKED if config.policy.four_fifths else UNASKED
        return Check(
            code=CODE,
            name=NAME,
            title=f"{_name_check(column)}: cannot be computed",
            outcome="undefined",
            severity=severity,
            detail=f"{why}. {said}",
            columns=(column,),
        )
    found = remeasure("model", (column,), frozenset(e.group for e in excluded))
    check = _check_column(_list_read(found, column), column, config)
    return replace(check, detail=f"{check.detail}. {said}")


def _list_read(estimates: Estimates, column: str) -> list[Estimate]:
    """Return the estimates of one column that the rule rests on."""
    return list(chain.from_iterable(estimates.of("model", name, (column,)) for name in READ))


def _check_column(here: Sequence[Estimate], column: str, config: Config) -> Check:
    asked = config.policy.four_fifths
    voice = _Voice(here, read_wording(config), asked=asked)
    outcome, title, detail = _compare_groups(
        here, 1 - config.policy.confidence, voice, judged=asked or _is_limited(config)
    )
    if not asked:
        # What nobody asked for informs, and fails nothing.
        softer: Mapping[CheckOutcome, CheckOutcome] = {"fail": "warn"}
        outcome = "not applicable" if _is_alone(here) else softer.get(outcome, outcome)
    reason = "there are no two groups with rows" if outcome == "not applicable" else ""
    title = f"{outcome}, {reason}" if reason else title
    severity, mend = ASKED if asked else UNASKED, MENDS.get(outcome, "")
    title = f"{_name_check(column)}: {title}"
    return Check(
        code=CODE,
        name=NAME,
        title=title,
        plain_title=_name_check(column),
        outcome=outcome,
        severity=severity,
        detail=detail,
        mend=mend,
        columns=(column,),
        reason=reason,
    )


def describe_first(check: Check) -> str:
    """Return what the sentence of a limit begins with that this check decides."""
    return f"{check.title}: {check.detail.rstrip('.')}. "


def find_deciding_check(checks: Sequence[Check], metric: str, verdict: str) -> Check | None:
    """Return the check of the rule that decides a limit on checks; None where another does, or the rule is not asked.

    Parameters
    ----------
    checks
        All of a run.
    metric
        What is limited: ``failed``, ``warned``, or a code.
    verdict
        Of that limit.
    """
    counted = [c for c in checks if c.code == CODE and metric in {CODE, "warned", "failed"}]
    counted = [c for c in counted if c.detail and (c.severity == ASKED or metric != "failed")]
    broken: tuple[CheckOutcome, ...] = ("fail",) if metric == "failed" else ("fail", "warn")
    open_: dict[str, tuple[CheckOutcome, ...]] = {
        "fail": broken,
        "insufficient": ("insufficient",),
        "undefined": ("undefined",),
    }
    may = [c for c in counted if c.outcome in open_.get(verdict, ORDER)]
    return min(may, key=lambda c: ORDER.index(c.outcome), default=None)


def _is_limited(config: Config) -> bool:
    """Return whether a gate names the check, which asks for a verdict too."""
    return any(rule.stage == "checks" and rule.metric == CODE for rule in config.gates or ())


def _compare_groups(
    here: Sequence[Estimate], surprising: float, voice: _Voice, *, judged: bool
) -> tuple[CheckOutcome, str, str]:
    """Return the outcome, what the title says, and the detail."""
    unknown = "cannot be computed"
    lowest = next((e for e in here if (e.metric, e.compare) == (IMPACT_RATIO.name, "lowest")), None)
    if lowest is None:
        return "undefined", unknown, "this run did not measure it"
    ratios = [e for e in here if e.metric == IMPACT_RATIO.name and e.group is not None]
    each = [_compare_group(e, here, surprising, judged=judged) for e in ratios]
    if not each:
        return "undefined", unknown, tidy_reason(lowest.reason)
    outcome = min((c.outcome for c in each), key=ORDER.index)
    worst = sorted(each, key=lambda c: (ORDER.index(c.outcome), c.ratio.value or 0.0))
    named = [c for c in worst if c.outcome != "pass"] or worst[:1]
    said = [voice.describe_group(c) for c in named[:MOST_NAMED]]
    said += [f"and {len(named) - MOST_NAMED} more groups"] if len(named) > MOST_NAMED else []
    if judged and outcome in {"warn", "pass"} and _may_be_under(lowest := _find_lowest_asked(lowest, ratios, here)):
        outcome = "insufficient"
        ends = "below 0.8" if lowest.low is None else f"as low as {_write_ratio(lowest.low)}, which is below 0.8"
        said.append(f"inconclusive, because between two of the other groups the ratio may be {ends}")
    told = min(named, key=lambda c: (not c.practical, c.is_small))
    return outcome, voice.title(outcome, told), f"{'; '.join(said)}. {voice.note()}"


def _find_lowest_asked(lowest: Estimate, ratios: Sequence[Estimate], here: Sequence[Estimate]) -> Estimate:
    """Return the lowest ratio between any two groups; without groups under 2%, of which no determination is asked.

    Another group than the one that came out highest may be the highest, with a ratio to it under four fifths.
    """
    few = {e.group for e in ratios if UNDER_TWO_PERCENT in e.flags}
    if not few or not _may_be_under(lowest):
        return lowest
    from audit.gates.p_values import sample_of  # numpy, which few documents need here
    from audit.measurement.inference.pairs import gap

    rates = [e for e in here if (e.metric, e.compare, e.reference) == (SELECTION_RATE.name, None, None)]
    sample = sample_of([e for e in rates if e.group not in {None, *few} and None not in (e.group or ())])
    if sample is None:
        return replace(lowest, low=None)
    if NOT_SELECTED in lowest.flags:
        sample = replace(sample, p=1 - sample.p, numerator=sample.denominator - sample.numerator)
    tail = (1 - (lowest.confidence or 0.95)) / 2
    return replace(lowest, low=1.0 if len(sample.p) < 2 else gap(sample, "ratio", tail).low)


def _is_alone(here: Sequence[Estimate]) -> bool:
    """Return whether there is no other group to compare with."""
    rates = [e for e in here if (e.metric, e.compare, e.reference) == (SELECTION_RATE.name, None, None)]
    return sum(None not in (e.group or ()) for e in rates) < 2


def _compare_group(ratio: Estimate, here: Sequence[Estimate], surprising: float, *, judged: bool) -> Compared:
    same = {(e.metric, e.compare): e for e in here if e.group == ratio.group and e.reference == ratio.reference}
    return Compared(
        ratio,
        same.get((IMPACT_P.name, CORRECTED)),
        same.get((IMPACT_Z.name, None)),
        same.get((SHORTFALL.name, None)),
        surprising,
        judged,
    )


class _Voice:
    """Words for one group column: of being selected, or, where that is a harm, of not being selected."""

    def __init__(self, here: Sequence[Estimate], wording: Wording, *, asked: bool) -> None:
        self.asked = asked
        rates = (e for e in here if (e.metric, e.compare, e.reference) == (SELECTION_RATE.name, None, None))
        self.rates = {e.group: e for e in rates if e.group is not None}
        self.turned = any(NOT_SELECTED in e.flags for e in here)
        self.done = wording.done
        self.name = told_apart(list(self.rates), quoted_level, CROSSED)

    def title(self, outcome: CheckOutcome, worst: Compared) -> str:
        """Return what was found, in one clause."""
        group, highest = self.name(worst.ratio.group or ()), self.name(worst.ratio.reference or ())
        if worst.ratio.value is None or outcome == "undefined":
            return "cannot be computed for every group"
        few = [self._count_few(g or ()) for g in (worst.ratio.group, worst.ratio.reference)]
        group, highest = group + few[0], highest + few[1]
        if any(few) and (of_large := self._title_of_large(group, highest, worst)):
            return of_large
        ratio = _write_ratio(worst.ratio.value)
        at = f"{group} is {self.done} at {ratio} of the rate of {highest}"
        if self.turned:
            at = f"the rate of not being {self.done} of {group} is {ratio} of that of {highest}"
        if worst.practical:
            return f"{at}, below 0.8{', but the data cannot decide' if outcome == 'insufficient' else ''}"
        if outcome == "insufficient":
            return f"the data cannot decide whether a group is below 0.8 of {self._highest()}"
        if outcome == "warn":
            return f"the rates of {group} and {highest} differ, at a ratio of {ratio}, not below 0.8"
        return f"no group is below 0.8 of {self._highest()}"

    def _title_of_large(self, group: str, highest: str, worst: Compared) -> str:
        """Return what was found among groups of enough rows, where the rule compares smaller ones; else empty."""
        known = {g: self._favoured(e.value) for g, e in self.rates.items() if e.value is not None and None not in g}
        large = {g: rate for g, rate in known.items() if not self._count_few(g)}
        if len(large) < 2 or not max(large.values()):
            return ""
        low, high = min(large, key=lambda g: large[g]), max(large, key=lambda g: large[g])
        ratio, what = large[low] / large[high], f"not {self.done}" if self.turned else self.done
        side = "below" if ratio < FOUR_FIFTHS else "not below"
        return (
            f"of groups of at least {FEW_ROWS} rows, {self.name(low)} is {what} at {_write_ratio(ratio)} of the rate "
            f"of {self.name(high)}, {side} 0.8; of all groups, {group} at {_write_ratio(worst.ratio.value or 0.0)} of "
            f"{highest}"
        )

    def _favoured(self, rate: float) -> float:
        return 1 - rate if self.turned else rate

    def _count_few(self, group: Group) -> str:
        """Return the rows of a group, where they are so few that its rate says little."""
        rate = self.rates.get(group)
        rows = FEW_ROWS if rate is None else count_rows(rate)
        return f" (n {rows:,.0f})" if rows < FEW_ROWS else ""

    def _highest(self) -> str:
        if not self.turned:
            return "the highest selection rate"
        return f"the highest rate of not being {self.done}"

    def note(self) -> str:
        """Return what is to be known of every finding."""
        turned = f"The rule is applied to the rate of not being {self.done}. " if self.turned else ""
        differ = f"{turned}Statistically significant means that the rates differ, not that the ratio is below 0.8; "
        if self.asked:
            return f"{differ}the rule asks for a ratio below 0.8 and rates that differ, not for a whole interval below"
        return f"{differ}only a limit judges that"

    def describe_group(self, found: Compared) -> str:
        """Return one group against the highest: both rates, their ratio, how surprising that is, and any exception."""
        ratio = found.ratio
        who = self._write_rate(ratio.group or ())
        if ratio.value is None or found.p is None or found.p.value is None:
            return f"{who}: undefined ({tidy_reason(ratio.reason or 'no p-value was recorded')})"
        interval = interval_words(
            ratio.low, ratio.high, "ratio", confidence=ratio.confidence, limit=FOUR_FIFTHS, value=ratio.value
        )
        side = "below 0.8" if found.practical else "not below 0.8"
        first = f"{who} v. {self._write_rate(ratio.reference or ())}, ratio {_write_ratio(ratio.value)}"
        first += f" ({interval}), {side}" if interval else f", {side}"
        differ = "the rates differ" if found.statistical else "the rates may differ by chance"
        said = [first, f"{differ} (corrected p-value {p_text(found.p.value)}{_describe_deviations(found)})"]
        said += _describe_exceptions(found)
        if found.short is not None and found.short.value:
            said.append(f"shortfall {_describe_selections(found.short)}")
        return "; ".join(said)

    def _write_rate(self, group: Group) -> str:
        rate = self.rates.get(group)
        if rate is None or rate.value is None:
            return self.name(group)
        value = 1 - rate.value if self.turned else rate.value
        text = figure_text(value, "share")
        return f"{self.name(group)} {f'not {self.done} ' if self.turned else ''}{text} ({rows_text(rate)})"


def _write_ratio(ratio: float) -> str:
    """Return a ratio to three decimals, never rounded onto four fifths."""
    return cell_text(ratio, "ratio", limit=FOUR_FIFTHS)


def _describe_deviations(found: Compared) -> str:
    """Say how many standard deviations, where they mean something; they are of one pair, and may differ from p."""
    z = found.z
    if z is None or z.value is None or FEW_EXPECTED in z.flags:
        return ""
    alone = NormalDist().inv_cdf(1 - found.surprising / 2)
    if (abs(z.value) > alone) == found.statistical:
        return f", {abs(z.value):.1f} standard deviations"
    return f", which decides, not the {abs(z.value):.1f} standard deviations of this pair alone"


def is_weighted(total: Estimate) -> bool:
    """Return whether a total counts weights instead of rows."""
    return IN_WEIGHTS in (total.method or "")


def _describe_selections(short: Estimate) -> str:
    """Return how many selections are missing; of weighted rows it is a total of weights, and called so."""
    value = short.value or 0.0
    if is_weighted(short):
        return f"a weighted total of {total_text(value)}"
    if value >= 1:
        return "about 1 person" if value < 1.5 else f"about {value:,.0f} people"
    return "under 1 person"


def _describe_exceptions(found: Compared) -> list[str]:
    said = []
    if found.outcome == "insufficient" and found.is_small:
        said.append("under 2% of the rows, for which no determination is asked, so it is not judged and has not passed")
    elif found.is_small and found.outcome != "pass":
        said.append("not judged: under 2% of the rows, so no determination is asked")
    elif found.outcome == "insufficient" and not found.practical:
        said.append("inconclusive, because its interval is not wholly between 0.8 and 1.25")
    if found.practical and not found.statistical:
        undecided = "inconclusive, because it " if found.outcome == "insufficient" else ""
        said.append(f"{undecided}may be chance, which the Guidelines allow for in small numbers")
    elif found.statistical and not found.practical:
        said.append("smaller differences may be adverse impact where they are significant")
    return said + (["one selection more would reach 0.8"] if ONE_DECIDES in found.ratio.flags else [])
