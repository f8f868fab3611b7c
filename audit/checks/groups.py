"""Checks on the groups themselves, with stable codes; each is one function of what was counted.

Codes: DV001 rows without a group, DV002 look-alike group names, DV003 a group that is the label in disguise,
DV004 crossings in which nobody is, DV010 look-alike class names, DV011 predictions of a class that no label has,
DV014 declared categories without rows, DV015 groups named by a word that means missing, FM002 and FM003 predictions
that contradict their scores.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from audit.axes import DECIDED, LABEL, NEGATIVE, POSITIVE, PREDICTION, CubeKind
from audit.checks.codes import DECLARED, THRESHOLD, mend_of
from audit.checks.labels_told import DISGUISE
from audit.config.schema import Config
from audit.config.sections import UNASKED_THRESHOLD
from audit.counting.plan import Counted, Plan
from audit.cube import Cube
from audit.errors import QuestionError, printable
from audit.gates.four_fifths import CODE as FOUR_FIFTHS
from audit.measurement.grouping import grouping
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.measurement.metrics.dataset import DATA_BASE_RATE
from audit.record.result import Check, CheckOutcome
from audit.tables.lookalikes import Twins, find_near_twins

SWAPPED = 0.9
"""Share of rows that disagree from which the direction is said to be swapped."""
CONCENTRATED = 1.5
"""A group is named where its share is so many times that of all rows."""
FEWEST = 10
"""Rows of a group that are spoken of; fewer could name a person on a card."""


SHOWN = 3
MISSING_WORDS = (
    *("NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "NULL", "null", "(null)", "NaN", "nan", "NaT", "?", "\\N", "--"),
    *("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?"),
)
"""What programs write where nothing is known; a lone hyphen or "none" is a category too often."""


def check_groups(counted: Counted, plan: Plan, part: str) -> tuple[Check, ...]:
    """Return all checks of one part."""
    found = [
        replace(check, columns=(column,))
        for column in plan.groups
        for check in _check_column(counted, plan, column, part)
    ]
    found += [replace(_check_crossing(counted, by, part), columns=by) for by in plan.crossings if len(by) > 1]
    found += _check_classes(counted.cubes[0], plan, part) if plan.classes else []
    return tuple(replace(check, part=part) for check in found)


def check_declared(counted: Counted, plan: Plan, part: str, declared: Mapping[str, Sequence[str]]) -> tuple[Check, ...]:
    """Check levels that a column declares and no row has; nothing for a column that declares only what rows have.

    Parameters
    ----------
    counted, plan, part
        As for all checks of the groups.
    declared
        Levels by column, as text.
    """
    axes = {c: c for c in plan.groups if c not in plan.bins}
    if plan.classes and plan.label is not None:
        axes[plan.label] = LABEL
    found = []
    for column, levels in declared.items():
        cube = next((c for c in counted.cubes if axes.get(column) in c.names), None)
        empty = [] if cube is None else [n for n in levels if n not in cube.axis(axes[column]).levels]
        if empty:
            found.append(replace(_check_declared(column, part, empty), part=part, columns=(column,)))
    return tuple(found)


def _check_declared(column: str, part: str, empty: Sequence[str]) -> Check:
    named = ", ".join(repr(printable(level, 40)) for level in empty[:SHOWN]) + (" …" if len(empty) > SHOWN else "")
    title = f"every category that {printable(column)} declares has rows in {part}"
    detail = f"{printable(column)} declares {named}, of which there are no rows, so nothing can be measured for it"
    return _check(DECLARED, title, "warn", detail)


def _check_column(counted: Counted, plan: Plan, column: str, part: str) -> list[Check]:
    found = [_check_missing_groups(counted, column, part), _check_twins(counted.cubes, column, part)]
    if plan.classes:
        from audit.measurement.rates.multiclass import class_grouping

        same = class_grouping(counted.cubes, (column,), {}).determined
        found.append(
            _make_disguise_check(
                column, part, same, "of one label only", len(counted.cubes[0].axis(LABEL).levels), "labels"
            )
        )
    elif plan.label is not None and plan.task == "classification":
        found.append(_check_disguise(counted.cubes, column, part))
    return found


def check_missing_words(counted: Counted, plan: Plan, part: str) -> tuple[Check, ...]:
    """Return a check for each group column that has a group named by a word that means missing; none for the others.

    Such a group is compared as any other: somebody may be called so.

    Parameters
    ----------
    counted, plan, part
        As for all checks of the groups.
    """
    found = []
    for column in (c for c in plan.groups if c not in plan.bins):
        cube = next((c for c in counted.cubes if column in c.names), None)
        levels = () if cube is None else cube.axis(column).levels
        words = [level for level in levels if level is not None and level.strip() in MISSING_WORDS]
        if words:
            found.append(replace(_check_missing_words(column, part, words), part=part, columns=(column,)))
    return tuple(found)


def _check_missing_words(column: str, part: str, words: list[str]) -> Check:
    named = ", ".join(repr(printable(word, 40)) for word in words)
    title = f"no group of {printable(column)} is named by a word that means missing in {part}"
    detail = f"{named} means missing where programs write it, and is compared here as a group"
    mend = "leave cells without a value empty"
    return Check(code="DV015", title=title, outcome="warn", severity="warning", detail=detail, mend=mend)


def _check(code: str, title: str, outcome: Literal["pass", "warn"], detail: str) -> Check:
    mend = mend_of(code, outcome)
    return Check(code=code, title=title, outcome=outcome, severity="warning", detail=detail, mend=mend)


def _check_missing_groups(counted: Counted, column: str, part: str) -> Check:
    rows = counted.rows_without_group.get(column, 0)
    share = rows / counted.rows_read
    title = f"every row of {part} has a {printable(column)}"
    detail = (
        f"{rows:,} of {counted.rows_read:,} rows ({share:.1%}) have none; they are shown apart and compared with nobody"
    )
    return _check("DV001", title, "warn" if rows else "pass", detail if rows else f"{counted.rows_read:,} rows")


def _check_twins(cubes: Sequence[Cube], column: str, part: str) -> Check:
    cube = next(c for c in cubes if column in c.names)
    levels = [level for level in cube.axis(column).levels if level is not None]
    twins = find_near_twins(levels)
    title = f"no two names of {printable(column)} look alike in {part}"
    if not twins:
        return _check("DV002", title, "pass", f"{len(levels)} names")
    return _check("DV002", title, "warn", f"{_describe_twins(twins)}: one group may have been split into several")


def _check_disguise(cubes: Sequence[Cube], column: str, part: str) -> Check:
    sample = grouping(cubes, (column,), {}).sample(DATA_BASE_RATE)
    rates = sample.p[sample.measured]
    same = len(rates) > 1 and bool(((rates == 0) | (rates == 1)).all()) and rates.min() != rates.max()
    return _make_disguise_check(column, part, same, "all positive or all negative", len(rates), "groups")


def _make_disguise_check(column: str, part: str, same: bool, what: str, count: int, of: str) -> Check:
    title = f"{printable(column)} is not the label in disguise in {part}"
    detail = f"every group is {what}: the column is the label under another name, or leaks it"
    return _check(DISGUISE, title, "warn" if same else "pass", detail if same else f"{count} {of}")


def _check_classes(cube: Cube, plan: Plan, part: str) -> list[Check]:
    """Return checks on the names of several classes, and on predictions of what no label is."""
    from audit.measurement.rates.multiclass import classes_of

    twins, count = find_near_twins(classes_of(cube)), len(classes_of(cube))
    title = f"no two classes look alike in {part}"
    found = [_check("DV010", title, "pass", f"{count} classes")]
    if twins:
        detail = f"{_describe_twins(twins)}: one class may have been split into several"
        found = [_check("DV010", title, "warn", detail)]
    if plan.prediction is None:
        return found
    labels, predictions = cube.keep(LABEL), cube.keep(PREDICTION)
    rows = dict(zip(predictions.axis(PREDICTION).levels, predictions["n"].tolist(), strict=True))
    strange = [c for c in rows if c not in labels.axis(LABEL).levels]
    named = ", ".join(printable(c, 40) for c in strange[:SHOWN]) + (" …" if len(strange) > SHOWN else "")
    detail = f"{sum(rows[c] for c in strange):,} predictions are of {named}, which no label is: nobody could be right"
    title = f"every predicted class is the label of somebody in {part}"
    return [*found, _check("DV011", title, "warn" if strange else "pass", detail if strange else f"{count} classes")]


def _describe_twins(twins: Sequence[Twins]) -> str:
    return "; ".join(
        f"{', '.join(repr(printable(n, 40)) for n in t.names[:SHOWN])} differ only in {t.why}" for t in twins[:SHOWN]
    )


def _check_crossing(counted: Counted, by: tuple[str, ...], part: str) -> Check:
    cube = next(c for c in counted.cubes if set(by) <= set(c.names))
    rows = cube.keep(*by)["n"]
    known = [[i for i, level in enumerate(cube.axis(name).levels) if level is not None] for name in by]
    for dim, keep in enumerate(known):
        rows = rows.take(keep, axis=dim)
    empty = int((rows == 0).sum())
    title = f"somebody is in every crossing of {' x '.join(map(printable, by))} in {part}"
    detail = f"{empty} of {rows.size} crossings hold nobody, so nothing can be said of them"
    return _check("DV004", title, "warn" if empty else "pass", detail if empty else f"{rows.size} crossings")


# FM002: a prediction column that says otherwise than the score and the threshold beside it; FM003: no threshold
# named.
#
# Rates rest on the prediction and metrics of scores on the score; where the two contradict each other they speak of
# two models. Must not: say which of the two is right.
def check_scores(counted: Counted, plan: Plan) -> tuple[Check, ...]:
    """Return whether prediction and score say the same; nothing where only one of them is given."""
    cubes = counted.further.get(CubeKind.DECIDED, ())
    if not cubes:
        return ()
    if plan.threshold == UNASKED_THRESHOLD and any(
        float(c["outside"].sum()) for c in counted.further.get(CubeKind.LOSSES, ())
    ):
        detail = f"scores are no probabilities, and the threshold is {plan.threshold:g}; name the one that was used"
        return (_make_decision_check(plan, "not applicable", detail),)
    total, wrong = int(cubes[0]["n"].sum()), _count_contradicting(cubes[0])
    if not wrong:
        return (_make_decision_check(plan, "pass", f"{total:,} rows"),)
    share = wrong / total
    said = f"{wrong:,} of {total:,} rows ({share:.1%}) are predicted otherwise than score and threshold say"
    if share >= SWAPPED:
        mend = (
            "nearly all: the direction of the score or the positive class is swapped; give 1 - score, or name the other"
        )
        return (_make_decision_check(plan, "warn", f"{said}; {mend}"),)
    where = "".join(f", most often where {w}" for c in cubes for w in _find_concentrated(c, wrong, share))
    mend = (
        "rates rest on the prediction and metrics of scores on the score; name the threshold that made the predictions"
    )
    return (_make_decision_check(plan, "warn", f"{said}{where}; {mend}"),)


def check_threshold(counted: Counted, config: Config) -> tuple[Check, ...]:
    """Check scores that were cut at a threshold which was not named; nothing where one was, or predictions decide.

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
    if not _has_scores_outside(counted):
        return (_make_threshold_check(title, "pass", f"{cut} (assumed)"),)
    low, high = counted.score_range or (None, None)
    where = "outside 0 to 1" if low is None or high is None else f"from {low:g} to {high:g}"
    if judges_decisions(config):
        raise QuestionError(
            f"scores '{printable(asked.score)}' lie {where}, and the default threshold {asked.threshold:g} is "
            "for scores from 0 to 1; set the score from which a row is selected (--threshold or "
            "[predictions] threshold)"
        )
    return (_make_threshold_check(title, "warn", f"{cut} (assumed), but scores do not lie between 0 and 1"),)


def judges_decisions(config: Config) -> bool:
    """Return whether a limit rests on who is selected."""
    rules = config.gates or ()
    of_model = (CATALOGUE[r.metric] for r in rules if r.stage == "model" and r.metric in CATALOGUE)
    rule = any(r.stage == "checks" and r.metric == FOUR_FIFTHS for r in rules)
    return rule or config.policy.four_fifths or any("prediction" in entry.needs for entry in of_model)


def _has_scores_outside(counted: Counted) -> bool:
    if counted.score_range is not None:
        return counted.score_range[0] < 0 or counted.score_range[1] > 1
    return any(float(c["outside"].sum()) for c in counted.further.get(CubeKind.LOSSES, ()))


def _make_threshold_check(title: str, outcome: CheckOutcome, detail: str) -> Check:
    mend = mend_of(THRESHOLD, outcome)
    return Check(code=THRESHOLD, title=title, outcome=outcome, severity="warning", detail=detail, mend=mend)


def _make_decision_check(plan: Plan, outcome: CheckOutcome, detail: str) -> Check:
    title = f"{printable(plan.prediction)} is {printable(plan.score)} at or above {plan.threshold:g}"
    mend = mend_of("FM002", outcome)
    return Check(code="FM002", title=title, outcome=outcome, severity="warning", detail=detail, mend=mend)


def _count_contradicting(cube: Cube) -> int:
    """Return rows whose prediction is not what their score decides."""
    pairs = ((NEGATIVE, POSITIVE), (POSITIVE, NEGATIVE))
    levels = [cube.axis(name).levels for name in (PREDICTION, DECIDED)]
    there = [pair for pair in pairs if pair[0] in levels[0] and pair[1] in levels[1]]
    return sum(int(cube.at(PREDICTION, p).at(DECIDED, d)["n"].sum()) for p, d in there)


def _find_concentrated(cube: Cube, wrong: int, share: float) -> Iterator[str]:
    """Yield the group in which most rows disagree, if far more than of all and without giving a small count away."""
    if len(cube.axes) < 3:
        return
    name, each = cube.names[0], []
    for level in cube.axis(cube.names[0]).levels:
        one = cube.at(name, level)
        rows, bad = int(one["n"].sum()), _count_contradicting(one)
        rest = wrong - bad
        told = min(bad, rows - bad or FEWEST, rest or FEWEST) >= FEWEST
        if level is not None and told and bad >= CONCENTRATED * share * rows:
            each.append((bad / rows, f"{printable(name)} is {printable(level)} ({bad / rows:.1%} of its rows)"))
    if each:
        yield max(each)[1]
