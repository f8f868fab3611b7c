"""Every code that a check may have, with its titles and what is to be known about it.

Must not: look at a row.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from audit.checks.code import DISGUISE, Code
from audit.config.limits import CODE
from audit.config.schema import Config
from audit.errors import QuestionError, no_such, printable
from audit.gates import four_fifths
from audit.record.result import Check

UTS39 = "Unicode Technical Standard 39, section 4 (confusable detection)"
GUIDELINES = "29 CFR 1607.4 D and 1607.15 A(2) (EEOC Uniform Guidelines)"
SUITE, DECLARED = "DV100", "DV014"
"""Of the user's own suite, and of what a column declares, which counts do not hold."""
THRESHOLD = "FM003"
"""Of the range of scores, and of who named a threshold, which counts do not hold either."""


__all__ = ["Code", "codes", "find_codes", "require_codes"]


def codes() -> tuple[Code, ...]:
    """Return all of them, in order."""
    from audit.checks.registry import kinds

    return tuple(sorted((*COUNTED, *kinds()), key=lambda code: code.code))


def find_codes(names: Collection[str]) -> tuple[Code, ...]:
    """Return what is known of some codes, in order; unknown ones are skipped.

    To know the code of a rule is to load every rule, so this is done only where one of them is asked for.
    """
    own = tuple(sorted((code for code in COUNTED if code.code in names), key=lambda code: code.code))
    if len(own) == len(set(names)):
        return own
    return tuple(code for code in codes() if code.code in names)


def require_codes(config: Config) -> None:
    """Refuse a limit on a check that does not exist.

    Raises
    ------
    QuestionError
        With the nearest code.
    """
    named = [g.metric for g in config.gates or () if g.stage == "checks" and CODE.fullmatch(g.metric)]
    found = {code.code for code in find_codes(named)}
    strange = next((name for name in named if name not in found), None)
    if strange is not None:
        known = [code.code for code in codes()]
        raise QuestionError(f"gates: {no_such('check', strange, known)}; `audit checks` lists them")


# Checks of what was counted anyway.
#
# Must not: look at a row, or import what does; every audit of arrays pays for this module.
WITHOUT_GROUP = Code(
    code="DV001",
    name="Rows without a group",
    passes=("Every row of {part} has a value for {columns}",),
    finds=("{columns} is missing in {count} of {all} rows ({share}) of {part}",),
    plain="{columns} is missing in some rows of {part}",
    reason="rows without a group are not compared, and their values may not be missing by chance",
    reference="Martinez-Plumed et al. (2019), Fairness and Missing Values",
    mend="Find out why the value is missing: not asked, or not answered.",
)
SIMILAR_GROUPS = Code(
    code="DV002",
    name="Similar group names",
    passes=("The names of {columns} are distinct{in_part}",),
    finds=("Names of {columns} differ only in {why}{in_part}: {names}",),
    plain="Some names of {columns} differ only in spelling{in_part}",
    reason="one group under two names is audited as two small ones",
    reference=UTS39,
    mend="Merge the names that mean the same group.",
)
SAME_AS_LABEL = Code(
    code=DISGUISE,
    name="Groups that equal the label",
    passes=("{columns} does not determine the label{in_part}",),
    finds=("{columns} determines the label{in_part}: every group {is_all}",),
    plain="{columns} determines the label{in_part}",
    reason="a group column that determines the label leaks it, or is the label under another name",
    reference="Kaufman et al. (2012), Leakage in data mining, ACM TKDD 6(4)",
    mend="Remove the column from the groups, or find out how the label got into it.",
)
NO_ROWS = Code(
    code="DV004",
    name="Combinations without rows",
    passes=("Every combination of {columns} has rows{in_part}",),
    finds=("{count} of {all} combinations of {columns} [have|has] no rows{in_part}",),
    plain="Some combinations of {columns} have no rows{in_part}",
    reason="nothing can be measured for a combination that has no rows",
    reference="Asudeh, Jin and Jagadish (2019), Assessing and Remedying Coverage",
    mend="Collect rows for it, or state on the card that it was not audited.",
)
STRATA = Code(
    code="DV005",
    name="Strata in the predictions",
    passes=("The predictions contain the strata",),
    finds=("The predictions lack {lacking}, so groups are not compared within strata",),
    plain="The predictions lack strata, so groups are not compared within them",
    reason="an overall gap may come from where groups are found, which only a comparison within strata shows",
    reference="Bickel, Hammel and O'Connell (1975), Science 187:398",
    mend="Write the strata columns into the table of predictions.",
)
SIMILAR_CLASSES = Code(
    code="DV010",
    name="Similar class names",
    passes=("The class names are distinct{in_part}",),
    finds=("Class names differ only in {why}{in_part}: {names}",),
    plain="Some class names differ only in spelling{in_part}",
    reason="one class under two names is two classes to a model",
    reference=UTS39,
    mend="Merge the names that mean the same class.",
)
STRANGE_CLASSES = Code(
    code="DV011",
    name="Predicted classes that no row has",
    passes=("Every predicted class occurs among the labels",),
    finds=("{count} [predictions are|prediction is] {classes}, which {is_no_label}",),
    plain="Some predictions are a class that is no row's label",
    reason="such a prediction cannot be right for any row",
    reference="Sokolova and Lapalme (2009), Information Processing and Management 45:427",
    mend="Find out where the class comes from: a typo, or a class absent from these rows.",
)
UNUSED_CATEGORIES = Code(
    code=DECLARED,
    name="Declared categories without rows",
    passes=("Every declared category of {columns} has rows{in_part}",),
    finds=("{count} declared [categories|category] of {columns} [have|has] no rows{in_part}: {levels}",),
    plain="Declared categories of {columns} have no rows{in_part}",
    reason="nothing can be measured for a category that has no rows",
    reference="Asudeh, Jin and Jagadish (2019), Assessing and Remedying Coverage",
    mend="Collect rows for it, or remove it from the declared categories.",
)
WORDS_FOR_MISSING = "{count} [groups|group] of {columns} [have|has] a name that usually means missing{in_part}: {words}"
MISREAD = Code(
    code="DV015",
    name="Values that are not read as what they mean",
    passes=("Missing values and numbers of {part} are written as such",),
    finds=(
        "{count} [columns|column] of {part} [hold|holds] values that are not read as what they mean",
        WORDS_FOR_MISSING,
    ),
    plain="Some values of {part} are not read as what they mean",
    reason="a word such as NA becomes a category, and a number such as 1,020 or 34% is text to every check",
    reference="ISO 8000-8:2015, syntactic quality; Tidy Data (Wickham 2014), JSS 59(10)",
    mend="Leave the cells of missing values empty, write plain numbers with a decimal point, and write the table "
    "without its index.",
)
"""Of values as they are written; the rule that reads rows has it, and so has the check of group names."""
EXPECTATION = Code(
    code=SUITE,
    name="Expectation of your suite",
    passes=("{expectation} holds",),
    finds=(
        "{expectation} does not hold: {unexpected} of {all} values are unexpected",
        "{expectation} does not hold",
    ),
    plain="{expectation} does not hold",
    reason="your suite expects it",
    reference="Great Expectations",
    mend="Correct the rows that break it, or the expectation if it is wrong.",
)
NOT_SELECTED = (
    "Four-fifths rule, {columns}: the rate of not being {selected} of {group} is {ratio} of that of {highest}, "
    "below 0.8"
)
RULE = Code(
    code=four_fifths.CODE,
    name=four_fifths.NAME,
    passes=("Four-fifths rule, {columns}: no group is below 0.8 of the highest selection rate",),
    finds=(
        "Four-fifths rule, {columns}: {group} is selected at {ratio} of the rate of {highest}, below 0.8",
        NOT_SELECTED,
        "Four-fifths rule, {columns}: the rates of {group} and {highest} differ, at a ratio of {ratio}, not below 0.8",
    ),
    plain="Four-fifths rule, {columns}",
    reason="selection rates far below the highest are evidence of adverse impact",
    reference=GUIDELINES,
    mend=four_fifths.MEND,
)
DECISIONS = Code(
    code="FM002",
    name="Predictions against scores",
    passes=("Every {prediction} matches {score} ≥ {threshold}",),
    finds=("{count} of {all} predictions ({share}) do not match {score} ≥ {threshold}",),
    plain="Some predictions do not match {score} ≥ {threshold}",
    reason="rates of the predictions and metrics of the scores would describe two models",
    reference="Hernández-Orallo, Flach and Ferri (2012), JMLR 13:2813 (threshold choice)",
    mend="Set the threshold that made the predictions, or write both columns from one model.",
)
ASSUMED_THRESHOLD = Code(
    code=THRESHOLD,
    name="Scores without a threshold",
    passes=("Scores lie between 0 and 1, so a threshold of {threshold} is assumed",),
    finds=("Scores do not lie between 0 and 1, and no threshold is set; {threshold} is assumed",),
    plain="Scores do not lie between 0 and 1, and no threshold is set",
    reason="who is selected would depend on a number that was never chosen",
    reference="Hernández-Orallo, Flach and Ferri (2012), JMLR 13:2813 (threshold choice)",
    mend="Set the threshold that decides ([predictions] threshold, or --threshold).",
)
SHARED_TEMPLATES = Code(
    code="FM004",
    name="Items of shared templates",
    passes=("Intervals allow for items that share a template",),
    finds=("{items} items come from {templates} templates, and their intervals take them for independent",),
    plain="Items that share templates are taken for independent",
    reason="items of one template rise and fall together, so intervals over items are too narrow",
    reference="Parrish et al. (2022), Findings of ACL (25 templates a category); Cochran (1977), chapter 9",
    mend="Remove unit, or set it to template: items of one template are then one observation.",
)
DOUBTED_BENCHMARK = Code(
    code="FM005",
    name="Known faults of the benchmark",
    passes=("No published criticism of the benchmark is known here",),
    finds=("Many pairs of {tasks} are no meaningful contrasts of a stereotype (Blodgett et al., 2021)",),
    plain="Many pairs of the benchmark are no meaningful contrasts of a stereotype",
    reason="a score is evidence of no more than the pairs that it is made of",
    reference="Blodgett, Lopez, Olteanu, Sim and Wallach (2021), ACL, Stereotyping Norwegian Salmon",
    mend="Read the pairs that decide the score, and do not rest a decision on it alone.",
)
COUNTED = (
    *(WITHOUT_GROUP, SIMILAR_GROUPS, SAME_AS_LABEL, NO_ROWS, STRATA, SIMILAR_CLASSES, STRANGE_CLASSES),
    *(UNUSED_CATEGORIES, EXPECTATION, RULE, DECISIONS, ASSUMED_THRESHOLD),
    *(SHARED_TEMPLATES, DOUBTED_BENCHMARK),
)
"""Checks of what was counted anyway, by code."""


def make_strata_check(absent: Sequence[str]) -> Check:
    """Check that the predictions carry the strata, or name those that they lack."""
    if not absent:
        return STRATA.passed("predictions")
    return STRATA.found("predictions", lacking=", ".join(printable(c) for c in absent))
