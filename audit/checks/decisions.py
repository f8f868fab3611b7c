"""FM002: a prediction column that says otherwise than the score and the threshold beside it; FM003: no threshold named.

Rates rest on the prediction and metrics of scores on the score; where the two contradict each other they speak of two
models. Must not: say which of the two is right.
"""

from __future__ import annotations

from collections.abc import Iterator

from audit.axes import DECIDED, LOSSES, NEGATIVE, POSITIVE, PREDICTION
from audit.checks.counted_codes import THRESHOLD, mend_of
from audit.config.schema import Config
from audit.config.sections import UNASKED_THRESHOLD
from audit.counting.plan import Counted, Plan
from audit.cube import Cube
from audit.errors import QuestionError, printable
from audit.gates.four_fifths import CODE as FOUR_FIFTHS
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.record.result import Check, CheckOutcome

SWAPPED = 0.9
"""Share of rows that disagree from which the direction is said to be swapped."""
CONCENTRATED = 1.5
"""A group is named where its share is so many times that of all rows."""
FEWEST = 10
"""Rows of a group that are spoken of; fewer are nobody's business on a card."""


def score_checks(counted: Counted, plan: Plan) -> tuple[Check, ...]:
    """Whether prediction and score say the same; nothing where only one of them is given."""
    cubes = counted.further.get(DECIDED, ())
    if not cubes:
        return ()
    if plan.threshold == UNASKED_THRESHOLD and any(float(c["outside"].sum()) for c in counted.further.get(LOSSES, ())):
        detail = f"scores are no probabilities, and the threshold is {plan.threshold:g}; name the one that was used"
        return (_check(plan, "not applicable", detail),)
    total, wrong = int(cubes[0]["n"].sum()), _contradicting(cubes[0])
    if not wrong:
        return (_check(plan, "pass", f"{total:,} rows"),)
    share = wrong / total
    said = f"{wrong:,} of {total:,} rows ({share:.1%}) are predicted otherwise than score and threshold say"
    if share >= SWAPPED:
        mend = (
            "nearly all: the direction of the score or the positive class is swapped; give 1 - score, or name the other"
        )
        return (_check(plan, "warn", f"{said}; {mend}"),)
    where = "".join(f", most often where {w}" for c in cubes for w in _concentrated(c, wrong, share))
    mend = (
        "rates rest on the prediction and metrics of scores on the score; name the threshold that made the predictions"
    )
    return (_check(plan, "warn", f"{said}{where}; {mend}"),)


def threshold_check(counted: Counted, config: Config) -> tuple[Check, ...]:
    """Where scores were cut though nobody named a threshold; nothing where one was named, or predictions decide.

    Raises
    ------
    QuestionError
        When decisions are judged, and no threshold was named for scores that do not lie between 0 and 1.
    """
    asked = config.predictions
    if asked is None or asked.task != "classification" or asked.prediction is not None or asked.score is None:
        return ()
    if "threshold" in asked.model_fields_set:
        return ()
    title, cut = (
        "scores lie between 0 and 1 where nobody named a threshold",
        f"decisions are scores of at least {asked.threshold:g}",
    )
    if not _lie_outside(counted):
        return (_named(title, "pass", f"{cut} (assumed)"),)
    low, high = counted.score_range or (None, None)
    where = "outside 0 to 1" if low is None or high is None else f"from {low:g} to {high:g}"
    if judges_decisions(config):
        raise QuestionError(
            f"scores '{printable(asked.score)}' lie {where}, and no threshold was named; {asked.threshold:g} would be "
            "assumed of scores between 0 and 1 alone. Say at which score somebody is selected: --threshold, or "
            "threshold in [predictions]"
        )
    return (_named(title, "warn", f"{cut} (assumed), but scores do not lie between 0 and 1"),)


def judges_decisions(config: Config) -> bool:
    """Whether a limit rests on who is selected."""
    rules = config.gates or ()
    of_model = (CATALOGUE[r.metric] for r in rules if r.stage == "model" and r.metric in CATALOGUE)
    rule = any(r.stage == "checks" and r.metric == FOUR_FIFTHS for r in rules)
    return rule or config.policy.four_fifths or any("prediction" in entry.needs for entry in of_model)


def _lie_outside(counted: Counted) -> bool:
    if counted.score_range is not None:
        return counted.score_range[0] < 0 or counted.score_range[1] > 1
    return any(float(c["outside"].sum()) for c in counted.further.get(LOSSES, ()))


def _named(title: str, outcome: CheckOutcome, detail: str) -> Check:
    mend = mend_of(THRESHOLD, outcome)
    return Check(code=THRESHOLD, title=title, outcome=outcome, severity="warning", detail=detail, mend=mend)


def _check(plan: Plan, outcome: CheckOutcome, detail: str) -> Check:
    title = f"{printable(plan.prediction)} is {printable(plan.score)} at or above {plan.threshold:g}"
    mend = mend_of("FM002", outcome)
    return Check(code="FM002", title=title, outcome=outcome, severity="warning", detail=detail, mend=mend)


def _contradicting(cube: Cube) -> int:
    """Rows whose prediction is not what their score decides."""
    pairs = ((NEGATIVE, POSITIVE), (POSITIVE, NEGATIVE))
    levels = [cube.axis(name).levels for name in (PREDICTION, DECIDED)]
    there = [pair for pair in pairs if pair[0] in levels[0] and pair[1] in levels[1]]
    return sum(int(cube.at(PREDICTION, p).at(DECIDED, d)["n"].sum()) for p, d in there)


def _concentrated(cube: Cube, wrong: int, share: float) -> Iterator[str]:
    """The group in which most of its rows disagree, if that is far more than of all and gives no small count away."""
    if len(cube.axes) < 3:
        return
    name, each = cube.names[0], []
    for level in cube.axis(cube.names[0]).levels:
        one = cube.at(name, level)
        rows, bad = int(one["n"].sum()), _contradicting(one)
        rest = wrong - bad
        told = min(bad, rows - bad or FEWEST, rest or FEWEST) >= FEWEST
        if level is not None and told and bad >= CONCENTRATED * share * rows:
            each.append((bad / rows, f"{printable(name)} is {printable(level)} ({bad / rows:.1%} of its rows)"))
    if each:
        yield max(each)[1]
