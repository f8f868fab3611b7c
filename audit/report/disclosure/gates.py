"""Gates as they may be published: limit, verdict where it tells nothing hidden, numbers of groups that are shown.

And what a result says of where it was made, without folders, users and values of commands.

Must not: name a number of a group that is left out, or what only such a group could have set.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from audit.config.limits import CHECKS
from audit.config.schema import GateRule
from audit.errors import capitalise, printable, without_credentials
from audit.estimate import Estimate, Group, grouping_text, limit_text
from audit.gates import four_fifths
from audit.gates.decisive_groups import Settled, end_of, find_held_back, pair_at
from audit.gates.judge import is_broken
from audit.gates.small_groups import describe_excluded, find_each, find_least_rows, without_counts
from audit.gates.words.sentences import (
    describe_gate,
    describe_shown_extremes,
    describe_shown_gate,
    describe_waiver,
    reason_for_no_number,
)
from audit.gates.words.voice import name_limited
from audit.gates.words.wording import NEUTRAL, Wording
from audit.measurement.find import Beside
from audit.measurement.metrics.catalogue import figure_of
from audit.record.baseline import Baseline, BaselineGate
from audit.record.result import AuditResult, Check, Gate, Part, Run, identify_limit
from audit.system.recorded_command import drop_path, record_words, strip_folder
from audit.tables.addresses import strip_place

TRACKED = 3
"""Words of `audit track --` before those of the command."""
MET = {"fail": "is not met", "pass": "is met", "insufficient": "is inconclusive"}
"""What an interval says of a limit, where its numbers are withheld."""


def drop_numbers(
    gate: Gate, estimate: Estimate, shown: Estimate, around: Beside, k: int, wording: Wording = NEUTRAL
) -> Gate:
    """Gate whose estimate is withheld.

    Parameters
    ----------
    estimate, shown
        What was judged, and its empty place.
    around
        The estimates that are shown.
    k
        Smallest count that is published.
    wording
        Words of the question.
    """
    waived = f" {describe_waiver(gate.waiver, estimate)}" if gate.waiver and gate.verdict == "waived" else ""
    return replace(
        _drop_limits(gate), estimate=shown, sentence=f"{_sentence(gate, estimate, shown, around, k, wording)}{waived}"
    )


def _sentence(gate: Gate, estimate: Estimate, shown: Estimate, around: Beside, k: int, wording: Wording) -> str:
    """The pair that decides where it is shown; otherwise that it is not, and who is shown."""
    rule, found = _rule(gate, estimate), _describe_found(gate)
    decided = describe_shown_gate(rule, estimate, found, around, k, wording)
    if decided is not None:
        return decided
    by = f"By {grouping_text(estimate.by)}, " if estimate.by else ""
    figure = figure_of(estimate.metric, estimate.compare)
    most, bound = gate.max is not None, gate.limit
    limit = f"at {'most' if most else 'least'} {limit_text(bound or 0.0, figure)}"
    withheld = (
        f"The numbers that decide are withheld to protect groups with counts under {k}; the internal report has them."
    )
    said = f"{by}the limit on {name_limited(rule)}, {limit}, {MET.get(found, 'is undefined')}. {withheld}"
    return f"{capitalise(said)} {describe_shown_extremes(shown, around)}".rstrip()


def say_again(gate: Gate, estimate: Estimate, whole: Beside, around: Beside, wording: Wording) -> Gate:
    """Gate whose estimate is shown, with a sentence that names no number of any other group that is withheld.

    Parameters
    ----------
    estimate
        What was judged.
    whole, around
        The estimates of the record, and those that are shown.
    """
    rule, found = _rule(gate, estimate), _describe_found(gate)
    before = describe_gate(rule, estimate, found, whole, _find_settled(gate, whole), wording)
    after = describe_gate(rule, estimate, found, around, _find_settled(gate, around), wording)
    if gate.sentence.startswith(before):
        return replace(gate, sentence=after + gate.sentence.removeprefix(before))
    # A document of an older version says it in other words.
    waived = f" {describe_waiver(gate.waiver, estimate)}" if gate.waiver and gate.verdict == "waived" else ""
    return replace(gate, sentence=after + waived)


def _find_settled(gate: Gate, around: Beside) -> Settled:
    estimate = gate.estimate
    if estimate is None or _describe_found(gate) != "insufficient":
        return Settled()
    held = estimate.compare in {"lowest", "highest"}
    return Settled(gate.needed_n, find_held_back(_rule(gate, estimate), estimate, around) if held else ())


def rests_on_shown_groups(gate: Gate, estimate: Estimate, around: Beside) -> bool:
    """Whether a limit excludes groups and all others that it reads are shown, so that it follows from these."""
    without = {e.group for e in gate.excluded}
    each = [e for e in find_each(_rule(gate, estimate), around.estimates) if e.group not in without]
    return bool(without) and bool(each) and all(e.status != "suppressed" for e in each)


def hide_counts(gate: Gate, result: AuditResult, k: int) -> Gate:
    """Gate that names whom the policy excludes, without the rows behind them, which are few."""
    if k <= 1 or not gate.excluded:
        return gate
    least = find_least_rows(result.question.config)
    said = describe_excluded(gate.excluded, least, counts=False)
    hidden = without_counts(gate, least)
    if said in hidden.sentence:
        return hidden
    return replace(hidden, sentence=f"{hidden.sentence} {said}")


def drop_findings(gate: Gate, checks: Sequence[Check], untold: Collection[Check], k: int) -> Gate:
    """A limit on checks of which some keep what they found to themselves: without its count, or its verdict either.

    The verdict stays where what the others found breaks the limit by itself. Any other one, and whether a waiver
    holds, follows from what is not told.

    Parameters
    ----------
    checks
        As they are shown.
    untold
        Those of them whose outcome is left out.
    k
        Smallest count that is published.
    """
    estimate = gate.estimate
    if estimate is None or estimate.stage != "checks":
        return gate
    from audit.gates.check_counts import count_checks, is_counted

    if not any(is_counted(c, estimate.metric) for c in untold):
        return gate
    told = count_checks(checks, estimate.metric)
    why = f"it would reveal labels of groups whose labels are withheld to protect counts under {k}"
    subject = f"Number of checks that {estimate.metric}" if estimate.metric in CHECKS else printable(estimate.metric)
    limit = f"the limit is at most {gate.max:g}" if gate.max is not None else f"the limit is at least {gate.min:g}"
    gone = Estimate(stage="checks", metric=estimate.metric, status="suppressed", reason=why)
    if is_broken(gate.min, gate.max, told.low, told.high) and gate.waiver is None:
        said = f"the findings that are shown are beyond the limit already; the total is withheld, because {why}"
        return replace(_drop_limits(gate), estimate=gone, sentence=f"{subject}: {said}; {limit}.")
    said = f"the verdict is withheld here, because {why}; the internal report has it"
    return replace(
        _drop_limits(gate), verdict="withheld", waiver=None, estimate=gone, sentence=f"{subject}: {said}; {limit}."
    )


def drop_names(run: Run, gates: Sequence[Gate]) -> tuple[Run, tuple[Gate, ...]]:
    """The run, and gates that say nothing was trained, without the names of gates whose verdict is withheld."""
    withheld = {g.name for g in gates if g.verdict == "withheld"}
    stopped = tuple(n for n in run.stopped_by if n not in withheld)
    continued = tuple(n for n in run.continued if n not in withheld)
    if (stopped, continued) == (run.stopped_by, run.continued):
        return run, tuple(gates)
    before, after = reason_for_no_number(run.stopped_by), reason_for_no_number(stopped)
    said = (
        replace(
            g,
            sentence=g.sentence.replace(before, after),
            estimate=g.estimate
            and replace(g.estimate, reason=g.estimate.reason and g.estimate.reason.replace(before, after)),
        )
        for g in gates
    )
    return replace(run, stopped_by=stopped, continued=continued), tuple(said)


def _drop_limits(gate: Gate) -> Gate:
    return replace(gate, low=None, high=None, needed_n=None, p_value=None, p_holm=None, p_benjamini_hochberg=None)


def find_deciding_groups(gate: Gate) -> tuple[Group, ...]:
    """The pair that decides a gate, whoever has waived it; nobody where it names no groups."""
    estimate = gate.estimate
    if estimate is None:
        return ()
    return pair_at(estimate, end_of(_rule(gate, estimate), _describe_found(gate))) or ()


def _rule(gate: Gate, estimate: Estimate) -> GateRule:
    """The rule that a gate was made of."""
    return GateRule.model_construct(
        stage=estimate.stage,
        metric=estimate.metric,
        compare=estimate.compare,
        by=estimate.by,
        min=gate.min,
        max=gate.max,
    )


def _describe_found(gate: Gate) -> str:
    """What the interval says of the limit, whoever has waived it."""
    if gate.verdict != "waived":
        return gate.verdict
    return "fail" if is_broken(gate.min, gate.max, gate.low, gate.high) else "insufficient"


# Limits beside a baseline: hidden as limits are, and what is said of the baseline as its own card shows it.
def set_baseline_aside(gate: Gate) -> Gate:
    """Return a gate as its limit alone judges it; `put_baseline_back` is the way back."""
    change = gate.change
    if change is None:
        return gate
    from audit.gates.words.against_baseline import drop_standing

    return replace(gate, verdict=gate.alone, sentence=drop_standing(gate.sentence, change))


def put_baseline_back(shown: Gate, gate: Gate, baseline: Baseline | None) -> Gate:
    """Return a gate as it may be published, with its verdict beside the baseline.

    Parameters
    ----------
    shown
        The limit alone, gone over.
    gate
        The same as it was judged.
    baseline
        What it was compared with, whose numbers are named where the card of the baseline names them too.
    """
    change = shown.change
    if change is None or baseline is None or shown.verdict == "withheld":
        return replace(shown, change=None)
    from audit.gates.words.against_baseline import add_standing

    before = next((b for b in baseline.gates if identify_limit(b) == identify_limit(gate)), None)
    if before is None or not _are_numbers_shown(shown, before):
        bare = replace(change, value=None, low=None, high=None, detectable=None, sentence=change.plain_sentence)
        change = replace(bare, p_worse=None, p_worse_holm=None, p_better=None, p_better_holm=None)
    return replace(shown, verdict=gate.verdict, sentence=add_standing(shown.sentence, change), change=change)


def _are_numbers_shown(shown: Gate, before: BaselineGate) -> bool:
    """Return whether the cards of both runs show the number of a limit, and the group that its change names."""
    estimate = shown.estimate
    if not before.published or estimate is None or estimate.status != "ok":
        return False
    from audit.gates.words.against_baseline import find_first_to_move

    first = find_first_to_move(shown, before)
    # Of several rates, the group that is named may be none of those whose gap is shown.
    several = len({(rate.metric, rate.outcome) for rate in before.rates}) > 1
    return first is None or not several or first.group in (estimate.pair or ())


def repeat_checks(gate: Gate, checks: Sequence[Check], shown: Sequence[Check]) -> Gate:
    """Return a limit on checks whose sentence says of the four-fifths rule no more than the shown check does."""
    sentence = gate.sentence
    for check, bare in zip(checks, shown, strict=True):
        if check != bare and check.code == four_fifths.CODE:
            sentence = sentence.replace(four_fifths.describe_first(check), four_fifths.describe_first(bare))
    return replace(gate, sentence=sentence)


def drop_places(result: AuditResult) -> AuditResult:
    """Return the result with names of files in the place of paths, and commands without their values."""
    energy = result.energy
    return replace(
        result,
        run=_drop_run_places(result.run),
        question=replace(result.question, config=_drop_address(result.question.config)),
        data=tuple(map(_drop_part_place, result.data)),
        checks=tuple(map(_drop_check_places, result.checks)),
        energy=None if energy is None else replace(energy, note=drop_path(energy.note)),
        epoch_notes=tuple(map(drop_path, result.epoch_notes)),
    )


def _drop_run_places(run: Run) -> Run:
    words, kept = run.command, TRACKED if run.command[1:2] == ("track",) else 2
    # What follows a command of our own are paths; what follows `audit track --` is anything.
    said = record_words(words[kept:]) if kept == TRACKED else tuple(map(strip_folder, words[kept:]))
    return replace(run, command=(*map(strip_folder, words[:kept]), *said), ended=drop_path(run.ended))


def _drop_address(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the question; of where its data can be had, an address without what may be a secret."""
    said = (config.get("dataset") or {}).get("url")
    if not said:
        return config
    return {**config, "dataset": {**config["dataset"], "url": without_credentials(said)}}


def _drop_part_place(part: Part) -> Part:
    return replace(part, source=strip_place(part.source))


def _drop_check_places(check: Check) -> Check:
    return replace(
        check,
        title=drop_path(check.title),
        plain_title=drop_path(check.plain_title),
        detail=drop_path(check.detail),
        reason=drop_path(check.reason),
        mend=drop_path(check.mend),
    )
