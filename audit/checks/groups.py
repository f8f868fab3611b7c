"""Checks on the groups themselves, with stable codes; each is one function of what was counted.

Codes: DV001 rows without a group, DV002 look-alike group names, DV003 a group that equals the label,
DV004 combinations without rows, DV010 look-alike class names, DV011 predictions of a class that no label has,
DV014 declared categories without rows, DV015 groups named by a word that means missing, FM002 and FM003 predictions
that contradict their scores, FM004 and FM005 items of benchmarks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from audit.axes import DECIDED, ITEM_TASK, ITEM_TEMPLATE, LABEL, NEGATIVE, POSITIVE, PREDICTION, TEMPLATE, CubeKind
from audit.checks.code import NAME_LENGTH, Code, fill
from audit.checks.codes import (
    ASSUMED_THRESHOLD,
    DECISIONS,
    DOUBTED_BENCHMARK,
    MISREAD,
    NO_ROWS,
    SAME_AS_LABEL,
    SHARED_TEMPLATES,
    SIMILAR_CLASSES,
    SIMILAR_GROUPS,
    STRANGE_CLASSES,
    UNUSED_CATEGORIES,
    WITHOUT_GROUP,
    WORDS_FOR_MISSING,
)
from audit.config.schema import Config
from audit.config.sections import UNASKED_THRESHOLD
from audit.counting.plan import Counted, Plan
from audit.cube import Cube
from audit.errors import QuestionError, printable
from audit.estimate import Level, figure_text, named_group
from audit.gates.four_fifths import CODE as FOUR_FIFTHS
from audit.measurement.grouping import grouping
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.measurement.metrics.dataset import DATA_BASE_RATE
from audit.record.result import Check
from audit.tables.kinds import find_near_twins

SWAPPED = 0.9
"""Share of rows that disagree from which the direction is said to be swapped."""
CONCENTRATED = 1.5
"""A group is named where its share is so many times that of all rows."""
FEWEST = 10
"""Rows of a group that are spoken of; fewer could name a person on a card."""


SHOWN = 3
BENCHMARKS = {"crows_pairs": "CrowS-Pairs", "stereoset": "StereoSet"}
"""Benchmarks whose pairs Blodgett et al. (2021) have looked at, by the task that items have."""
SWAP = "Use 1 minus the score, or set the other class as the positive one."
MISSING_WORDS = (
    *("NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "NULL", "null", "(null)", "NaN", "nan", "NaT", "?", "\\N", "--"),
    *("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?"),
)
"""What programs write where nothing is known; a lone hyphen or "none" is a category too often."""


def check_groups(counted: Counted, plan: Plan, part: str) -> tuple[Check, ...]:
    """Return all checks of one part."""
    found: list[Check] = []
    for column in plan.groups:
        found += _check_column(counted, plan, column, part)
    found += [_check_crossing(counted, by, part) for by in plan.crossings if len(by) > 1]
    if plan.task == "items":
        return (*found, *_check_items(counted, plan))
    return (*found, *_check_classes(counted.cubes[0], plan, part)) if plan.classes else tuple(found)


def check_declared(counted: Counted, plan: Plan, part: str, declared: Mapping[str, Sequence[str]]) -> tuple[Check, ...]:
    """Return whether every level that a column declares has rows, of each column that declares levels.

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
        if cube is not None:
            found.append(_check_declared(column, part, levels, cube.axis(axes[column]).levels))
    return tuple(found)


def _check_declared(column: str, part: str, declared: Sequence[str], there: Sequence[Level]) -> Check:
    empty = [level for level in declared if level not in there]
    if not empty:
        return UNUSED_CATEGORIES.passed(part, f"{len(declared)} categories", columns=(column,))
    return UNUSED_CATEGORIES.found(part, columns=(column,), count=len(empty), levels=_quote(empty))


def _quote(names: Sequence[str]) -> str:
    """Return the first of some names in quotes, so that blanks at their ends are seen."""
    return ", ".join(repr(printable(n, NAME_LENGTH)) for n in names[:SHOWN]) + (" …" if len(names) > SHOWN else "")


def _check_column(counted: Counted, plan: Plan, column: str, part: str) -> list[Check]:
    found = [_check_missing_groups(counted, column, part), _check_twins(counted.cubes, column, part)]
    if plan.classes:
        from audit.measurement.rates.multiclass import class_grouping

        same = class_grouping(counted.cubes, (column,), {}).determined
        labels = f"{len(counted.cubes[0].axis(LABEL).levels)} classes"
        found.append(_make_disguise_check(column, part, "has one label only" if same else "", labels))
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
            found.append(_check_missing_words(column, part, words))
    return tuple(found)


def _check_missing_words(column: str, part: str, words: list[str]) -> Check:
    columns, count = (column,), len(words)
    title = fill(WORDS_FOR_MISSING, part, count=count, columns=printable(column), words=_quote(words))
    detail = f"{'it is' if count == 1 else 'they are'} compared like other groups"
    return MISREAD.found(part, detail, columns=columns, title=title, mend="Leave the cells of missing values empty.")


def _check_missing_groups(counted: Counted, column: str, part: str) -> Check:
    rows, read = counted.rows_without_group.get(column, 0), counted.rows_read
    if not rows:
        return WITHOUT_GROUP.passed(part, f"{read:,} rows", columns=(column,))
    said = {"all": f"{read:,}", "share": figure_text(rows / read, "share")}
    detail = "they are listed separately and not compared"
    return WITHOUT_GROUP.found(part, detail, columns=(column,), count=rows, **said)


def _check_twins(cubes: Sequence[Cube], column: str, part: str) -> Check:
    cube = next(c for c in cubes if column in c.names)
    levels = [level for level in cube.axis(column).levels if level is not None]
    return _judge_twins(SIMILAR_GROUPS, levels, part, (column,), "group")


def _judge_twins(code: Code, names: Sequence[str], part: str, columns: tuple[str, ...], what: str) -> Check:
    """Return whether some names look alike; the title has the first set of them, the detail the others."""
    twins = find_near_twins(names)
    if not twins:
        return code.passed(part, f"{len(names)} names", columns=columns)
    first, *further = twins
    also = "; ".join(f"{_quote(t.names)} differ only in {t.why}" for t in further[:SHOWN])
    detail = f"one {what} may have been split into several{also and f'; also {also}'}"
    return code.found(part, detail, columns=columns, why=first.why, names=_quote(first.names))


def _check_disguise(cubes: Sequence[Cube], column: str, part: str) -> Check:
    sample = grouping(cubes, (column,), {}).sample(DATA_BASE_RATE)
    rates = sample.p[sample.measured]
    same = len(rates) > 1 and bool(((rates == 0) | (rates == 1)).all()) and rates.min() != rates.max()
    return _make_disguise_check(column, part, "is all positive or all negative" if same else "", f"{len(rates)} groups")


def _make_disguise_check(column: str, part: str, found: str, looked_at: str) -> Check:
    if not found:
        return SAME_AS_LABEL.passed(part, looked_at, columns=(column,))
    detail = "it is the label under another name, or leaks it"
    return SAME_AS_LABEL.found(part, detail, columns=(column,), is_all=found)


def _check_classes(cube: Cube, plan: Plan, part: str) -> list[Check]:
    """Return checks on the names of several classes, and on predictions of what no label is."""
    from audit.measurement.rates.multiclass import classes_of

    names = classes_of(cube)
    found = [_judge_twins(SIMILAR_CLASSES, names, part, (), "class")]
    if plan.prediction is None:
        return found
    labels, predictions = cube.keep(LABEL), cube.keep(PREDICTION)
    rows = dict(zip(predictions.axis(PREDICTION).levels, predictions["n"].tolist(), strict=True))
    strange = [c for c in rows if c is not None and c not in labels.axis(LABEL).levels]
    if not strange:
        return [*found, STRANGE_CLASSES.passed(part, f"{len(names)} classes")]
    count = int(sum(rows[c] for c in strange))
    no_label = "is no row's label" if len(strange) == 1 else "are no row's labels"
    return [*found, STRANGE_CLASSES.found(part, count=count, classes=_quote(strange), is_no_label=no_label)]


def _check_crossing(counted: Counted, by: tuple[str, ...], part: str) -> Check:
    cube = next(c for c in counted.cubes if set(by) <= set(c.names))
    rows = cube.keep(*by)["n"]
    known = [[i for i, level in enumerate(cube.axis(name).levels) if level is not None] for name in by]
    for dim, keep in enumerate(known):
        rows = rows.take(keep, axis=dim)
    empty = int((rows == 0).sum())
    if not empty:
        return NO_ROWS.passed(part, f"{rows.size} combinations", columns=by)
    return NO_ROWS.found(part, columns=by, count=empty, all=f"{rows.size:,}")


# FM004: items of one template taken for independent; FM005: benchmarks whose pairs were found to be faulty.
def _check_items(counted: Counted, plan: Plan) -> Iterator[Check]:
    cubes = counted.further.get(CubeKind.TEMPLATES, ())
    if not cubes:
        return
    yield _check_templates(cubes[0], plan)
    there = [BENCHMARKS[level] for level in cubes[0].axis(ITEM_TASK).levels if level in BENCHMARKS]
    if there:
        yield DOUBTED_BENCHMARK.found("", _describe_votes(cubes[0]), tasks=" and ".join(there))
    else:
        known = (printable(level, NAME_LENGTH) for level in cubes[0].axis(ITEM_TASK).levels)
        yield DOUBTED_BENCHMARK.passed("", ", ".join(known))


def _check_templates(cube: Cube, plan: Plan) -> Check:
    items = int(cube["n"].sum())
    if ITEM_TEMPLATE not in cube.names:
        return SHARED_TEMPLATES.unanswered("", "undefined", "there are too many templates to count them by name")
    templates = cube.count_filled(ITEM_TASK, ITEM_TEMPLATE)
    if plan.unit == TEMPLATE or templates >= items:
        return SHARED_TEMPLATES.passed("", f"{items:,} items of {templates:,} templates")
    return SHARED_TEMPLATES.found("", items=f"{items:,}", templates=f"{templates:,}")


def _describe_votes(cube: Cube) -> str:
    """Describe how many sentences of StereoSet have a label that few annotators gave; empty where that is not known."""
    few, votes = int(cube["few_votes"].sum()), int(cube["votes"].sum())
    if not votes:
        return ""
    return f"{few:,} of {votes:,} related sentences have their label from at most 3 of 5 annotators"


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
        why = "scores do not lie between 0 and 1, and no threshold is set ([predictions] threshold)"
        return (DECISIONS.unanswered("", "not applicable", why),)
    said = {"score": printable(plan.score), "threshold": f"{plan.threshold:g}"}
    total, wrong = int(cubes[0]["n"].sum()), _count_contradicting(cubes[0])
    if not wrong:
        return (DECISIONS.passed("", f"{total:,} rows", prediction=printable(plan.prediction), **said),)
    said |= {"all": f"{total:,}", "share": figure_text(wrong / total, "share")}
    if wrong / total >= SWAPPED:
        detail = "nearly all: the direction of the score or the positive class is swapped"
        return (DECISIONS.found("", detail, count=wrong, mend=SWAP, **said),)
    detail = "rates rest on the prediction, metrics of scores on the score"
    where = "".join(f"; most often for {w}" for c in cubes for w in _find_concentrated(c, wrong, wrong / total))
    return (DECISIONS.found("", f"{detail}{where}", count=wrong, **said),)


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
    assumed = f"{asked.threshold:g}"
    detail = f"a score of at least {assumed} counts as a positive prediction"
    if not _has_scores_outside(counted):
        return (ASSUMED_THRESHOLD.passed("", detail, threshold=assumed),)
    low, high = counted.score_range or (None, None)
    where = "outside 0 to 1" if low is None or high is None else f"from {low:g} to {high:g}"
    if _judges_decisions(config):
        raise QuestionError(
            f"scores '{printable(asked.score)}' lie {where}, and the default threshold {asked.threshold:g} is "
            "for scores from 0 to 1; set the score from which a row is selected (--threshold or "
            "[predictions] threshold)"
        )
    return (ASSUMED_THRESHOLD.found("", detail, threshold=assumed),)


def _judges_decisions(config: Config) -> bool:
    """Return whether a limit rests on who is selected."""
    rules = config.gates or ()
    of_model = (CATALOGUE[r.metric] for r in rules if r.stage == "model" and r.metric in CATALOGUE)
    rule = any(r.stage == "checks" and r.metric == FOUR_FIFTHS for r in rules)
    return rule or config.policy.four_fifths or any("prediction" in entry.needs for entry in of_model)


def _has_scores_outside(counted: Counted) -> bool:
    if counted.score_range is not None:
        return counted.score_range[0] < 0 or counted.score_range[1] > 1
    return any(float(c["outside"].sum()) for c in counted.further.get(CubeKind.LOSSES, ()))


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
            each.append(
                (bad / rows, f"{named_group((level,), (name,))} ({figure_text(bad / rows, 'share')} of its rows)")
            )
    if each:
        yield max(each)[1]
