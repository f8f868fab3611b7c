"""The document again, from what it gives: the question, the counts, the joules, and what only the rows could tell.

Everything else of a document follows, and is made here by the functions that made it in the run. Must not: look at
anything that follows; `select_given` has taken it out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from audit.axes import CubeKind
from audit.config.read import read_question
from audit.config.schema import Config
from audit.counting.plan import Counted
from audit.energy.recount import recount_energy, strip_totals
from audit.errors import StoreError, printable
from audit.estimate import Estimate
from audit.gates.before_training import judge_before_training
from audit.gates.judge import Evidence, judge
from audit.gates.verdicts import worst_verdict
from audit.measurement.estimates import Estimates
from audit.measurement.measure import contradictions, of_data, of_predictions
from audit.measurement.scope import OWN
from audit.pipeline.edge import follow_flips
from audit.pipeline.plans import make_scope, plan_data, plan_predictions
from audit.pipeline.records import digest_of, remeasure_from
from audit.pipeline.verification.checks import before_training, of_held_out, of_rows
from audit.pipeline.verification.checks import of_predictions as checks_of_predictions
from audit.pipeline.verification.counts import canonical, counted_of, part_of
from audit.record.cubes import PREDICTIONS, TRAIN
from audit.record.result import AuditResult, Check, Question, Run


def select_given(result: AuditResult) -> AuditResult:
    """Return the result without anything that follows from the rest of it."""
    return replace(
        result,
        question=Question(digest="", config=result.question.config),
        verdict="not judged",
        estimates=Estimates.listed(own_estimates(result)),
        checks=(*of_rows(result.checks), *of_held_out(result)),
        energy=strip_totals(result.energy),
        gates=(),
    )


def own_estimates(result: AuditResult) -> list[Estimate]:
    """Return values of functions of a user's own, which no count gives."""
    return [e for e in result.estimates if OWN in e.flags]


@dataclass(slots=True)
class _Made:
    """What follows from the counts so far."""

    estimates: Estimates = field(default_factory=Estimates)
    before: list[Check] = field(default_factory=list)
    """Checks of the data, which training waits for."""
    checks: list[Check] = field(default_factory=list)


def follow(there: AuditResult) -> AuditResult:
    """Return the whole document that follows from what is given of it.

    Raises
    ------
    StoreError
        When nothing can be measured of what is given.
    """
    config = read_question(there)
    train, predictions = _count_part(there, config)
    made = _follow_data(there, config, train)
    run = _run(there, config, made, _finished_on(there))
    if predictions is not None:
        _follow_predictions(there, config, predictions, made)
    estimates = made.estimates + tuple(there.estimates)
    energy = recount_energy(there.energy, config, there.data, estimates)
    edge = None if there.edge is None else follow_flips(there.edge, config, estimates)
    evidence = Evidence(
        estimates=estimates,
        checks=made.checks,
        energy=energy,
        stopped_by=run.stopped_by,
        remeasure=remeasure_from(config, there.cubes),
        edge=edge,
        baseline=there.baseline,
    )
    gates = judge(config, evidence, _finished_on(there))
    counted = {TRAIN: train, PREDICTIONS: predictions}
    return replace(
        there,
        run=run,
        question=Question(digest=digest_of(there.question.config), config=there.question.config),
        verdict=worst_verdict(gates, four_fifths=config.policy.four_fifths)
        if is_whole(there, config)
        else "incomplete",
        data=tuple(part_of(part, counted.get(part.part)) for part in there.data),
        cubes=tuple(map(canonical, there.cubes)),
        estimates=estimates,
        checks=tuple(made.checks),
        energy=energy,
        gates=gates,
        edge=edge,
    )


def is_whole(result: AuditResult, config: Config) -> bool:
    """Return whether all that a run started ended well; a command that is only tracked may do so on a signal."""
    run = result.run
    stopped = bool(run.interrupted) and config.train is not None
    return not run.ended and not stopped and not any(run.exit_codes.values())


def _finished_on(result: AuditResult) -> dt.date:
    """Return the day on which a run ended, by which its waivers are judged.

    Raises
    ------
    StoreError
        When that is no time.
    """
    return _time(result.run.finished, "run.finished").date()


def times_amiss(result: AuditResult) -> Iterator[str]:
    """Yield a run that ended before it began."""
    if _time(result.run.started, "run.started") > _time(result.run.finished, "run.finished"):
        yield f"run: it started {result.run.started} and finished {result.run.finished}, which is earlier"


def _time(text: str, place: str) -> dt.datetime:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise StoreError(f"{place}: '{printable(text)}' is not a time; restore the original audit.json") from error
    if found.tzinfo is not None:
        return found
    return found.replace(tzinfo=dt.UTC)


def _count_part(there: AuditResult, config: Config) -> tuple[Counted | None, Counted | None]:
    return counted_of(there, TRAIN, plan_data(config)), counted_of(there, PREDICTIONS, plan_predictions(config))


def _follow_data(there: AuditResult, config: Config, train: Counted | None) -> _Made:
    """Return what is measured and checked before training."""
    plan, made = plan_data(config), _Made()
    if train is not None:
        labelled = plan.label is not None
        made.estimates += of_data(train.by_kind, make_scope(config), labelled=labelled, classes=plan.classes)
    made.before = before_training(there, train, plan)
    made.checks = list(made.before)
    return made


def _follow_predictions(there: AuditResult, config: Config, counted: Counted, made: _Made) -> None:
    """Add what is measured and checked of the predictions."""
    plan = plan_predictions(config)
    if counted.further.get(CubeKind.STRATA):
        plan = replace(plan, strata=config.data.strata)
    found = of_predictions(plan.task, counted.by_kind, make_scope(config))
    made.estimates += found
    made.checks += checks_of_predictions(there, counted, plan, found, config)


def _run(there: AuditResult, config: Config, made: _Made, today: dt.date) -> Run:
    """Return the run with the gates on the data that failed before training, and whether it trained all the same."""
    run = there.run
    if not run.stopped_by and not run.continued and config.train is None:
        return run
    remeasure = remeasure_from(config, there.cubes)
    evidence = Evidence(estimates=made.estimates, checks=made.before, remeasure=remeasure, baseline=there.baseline)
    failed = judge_before_training(config, evidence, today).failed
    if run.continued or (run.exit_codes and not run.stopped_by):
        return replace(run, stopped_by=(), continued=failed)
    return replace(run, stopped_by=failed, continued=())


def find_contradicting(there: AuditResult) -> Sequence[str]:
    """Return counts of the same predictions that cannot all be right."""
    config = read_question(there)
    predictions = counted_of(there, PREDICTIONS, plan_predictions(config))
    if predictions is None:
        return ()
    return contradictions(predictions.by_kind, make_scope(config))
