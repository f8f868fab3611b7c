"""Every check has a title for each outcome, made by a real table: word for word."""

from __future__ import annotations

import pytest
from every_outcome import CASES, show

from audit.checks.codes import codes

SENTENCES = {
    "DB001": (
        "x is missing in 25.0% of black and 0.0% of the other groups",
        "No group of the training data has clearly more or fewer missing values",
        "Missing values by group: not applicable, no groups are set ([data] groups)",
    ),
    "DB002": (
        "black is 33.3% of the training data and 50.0% of the population",
        "Shares of race are close to the population's",
        "Group shares against the population: not applicable, no population is set ([data.reference])",
    ),
    "DB003": (
        "Label rates differ by race in the training data: positive for 25.0% of black and 50.0% of white",
        "No large difference in label rates by race in the training data",
        "Label rates by group: not applicable, no label is set ([data] label)",
    ),
    "DB004": (
        "The gap between women and men reverses within field: +24.0 points between rates overall, −6.2 within (conditional disparity)",
        "No gap between groups reverses within strata",
        "Gaps that reverse within strata (Simpson's paradox): not applicable, it needs a label of two classes",
    ),
    "DB005": (
        "1 column may act as a proxy for race: district (Cramér's V 0.98)",
        "No column is strongly associated with race in the training data",
        "Possible proxies, race: not applicable, there is no other column",
    ),
    "DB006": (
        "1 of 11 combinations of groups and label has fewer than 30 rows",
        "Every combination of groups and label has at least 30 rows",
        "Rows per combination of groups and label: not applicable, no groups are set ([data] groups)",
    ),
    "DB007": (
        "Groups differ between the training and test data: x of black",
        "No large change of groups between the training and test data",
        "Groups in training and test data (drift): not applicable, no groups are set ([data] groups)",
    ),
    "DL001": (
        "50 of 200 rows of the test data are also in the training data; a random split would share about 19",
        "Test and training data share no more rows than a random split would",
        "Rows shared by training and test data: undefined, the tables have no column in common, except row numbers",
    ),
    "DL002": (
        "50 of 50 values of person in the test data are also in the training data (50 rows)",
        "No person is in both training and test data",
        (
            "People shared by training and test data: not applicable, no column with the person is set ([data] unit), so each "
            "row counts as a person of its own"
        ),
    ),
    "DL003": (
        (
            "1 column reveals the label in the training data: decided (informedness 1.00; 0 is guessing, 1 certainty; the "
            "label under another name)"
        ),
        "No column beside the groups reveals the label in the training data",
        "Columns that reveal the label: not applicable, no label is set ([data] label)",
    ),
    "DP001": (
        "1 of 3 published groups has fewer than 10 rows",
        "Every published group has at least 10 rows",
        "Small groups, on the card and combined (k-anonymity): not applicable, no groups are set ([data] groups)",
    ),
    "DP002": (
        "In 1 of 2 groups of race, all rows have the same label",
        "Every group of race has at least two labels",
        "Groups with a single label (l-diversity): not applicable, no label is set ([data] label)",
    ),
    "DP003": (
        "1 column of the training data looks like a direct identifier: contact",
        "No column of the training data looks like a direct identifier",
        "Direct identifiers: undefined, no column has a value",
    ),
    "DV001": (
        "race is missing in 15 of 600 rows (2.5%) of the training data",
        "Every row of the training data has a value for race",
        None,
    ),
    "DV002": (
        "Names of race differ only in white space: ' black', 'black'",
        "The names of race are distinct",
        None,
    ),
    "DV003": (
        "race determines the label: every group is all positive or all negative",
        "race does not determine the label",
        None,
    ),
    "DV004": (
        "1 of 4 combinations of race × sex has no rows",
        "Every combination of race × sex has rows",
        None,
    ),
    "DV005": (
        "The predictions lack field, so groups are not compared within strata",
        "The predictions contain the strata",
        None,
    ),
    "DV006": (
        "The test data differ from the training data: x is missing, age is text (a whole number in the training data)",
        "The test data have the columns, types and categories of the training data",
        None,
    ),
    "DV007": (
        "1 column of the training data is constant: country; 1 is empty: income",
        "No column of the training data is constant or empty",
        None,
    ),
    "DV008": (
        "About 0.7% of the rows of the training data are duplicates",
        "The training data contain no more identical rows than chance explains",
        "Duplicate rows: not applicable, there are no two rows",
    ),
    "DV009": (
        "Rows with equal features have different labels in 100.0% of 40 pairs; 50.0% expected by chance",
        "Rows with equal features disagree no more often than by chance",
        "Conflicting labels: not applicable, no label is set ([data] label)",
    ),
    "DV010": (
        "Class names differ only in case or white space in the predictions: 'Yes', 'yes'",
        "The class names are distinct in the predictions",
        None,
    ),
    "DV011": (
        "40 predictions are 'perhaps', which is no row's label",
        "Every predicted class occurs among the labels",
        None,
    ),
    "DV012": (
        "city has 1 set of names that differ only in case or white space (120 rows)",
        "The category names of the training data are distinct",
        "Similar category names: not applicable, no column of text has few categories",
    ),
    "DV013": (
        "1 column of the training data cannot be read exactly and was not checked: tags",
        "Every column of the training data can be read exactly",
        None,
    ),
    "DV014": (
        "1 declared category of race has no rows: 'other'",
        "Every declared category of race has rows",
        None,
    ),
    "DV015": (
        "2 columns of the training data hold values that are not read as what they mean",
        "Missing values and numbers of the training data are written as such",
        None,
    ),
    "DV100": (
        "expect_column_values_to_be_between (x) does not hold: 33 of 600 values are unexpected",
        "expect_column_values_to_be_between (x) holds",
        "expect_column_values_to_be_between (x): undefined, the table has no rows",
    ),
    "FM001": (
        "Four-fifths rule, race: black is selected at 0.500 of the rate of white, below 0.8",
        "Four-fifths rule, race: no group is below 0.8 of the highest selection rate",
        "Four-fifths rule, race: not applicable, there are no two groups with rows",
    ),
    "FM002": (
        "93 of 600 predictions (15.5%) do not match score ≥ 0.75",
        "Every y_pred matches score ≥ 0.75",
        (
            "Predictions against scores: not applicable, scores do not lie between 0 and 1, and no threshold is set "
            "([predictions] threshold)"
        ),
    ),
    "FM003": (
        "Scores do not lie between 0 and 1, and no threshold is set; 0.5 is assumed",
        "Scores lie between 0 and 1, so a threshold of 0.5 is assumed",
        None,
    ),
    "FM004": (
        "40 items come from 4 templates, and their intervals take them for independent",
        "Intervals allow for items that share a template",
        "Items of shared templates: undefined, there are too many templates to count them by name",
    ),
    "FM005": (
        "Many pairs of CrowS-Pairs are no meaningful contrasts of a stereotype (Blodgett et al., 2021)",
        "No published criticism of the benchmark is known here",
        None,
    ),
}
"""What is printed of a finding, of a pass, and where there is no answer."""
OUTCOMES = ({"warn", "fail"}, {"pass"}, {"not applicable", "undefined"})


def test_no_check_is_forgotten():
    assert [code.code for code in codes()] == list(CASES)
    assert list(SENTENCES) == list(CASES)


@pytest.mark.parametrize("code", SENTENCES)
def test_each_outcome_says_what_was_found(code):
    known = next(c for c in codes() if c.code == code)
    for case, sentence, outcomes in zip(CASES[code], SENTENCES[code], OUTCOMES, strict=True):
        assert (case is None) == (sentence is None)
        if case is None:
            continue
        found = case()
        assert found.title == sentence
        assert found.outcome in outcomes
        assert found.mend == "" or outcomes is OUTCOMES[0]
        assert found.title not in found.detail
        assert found.name == (known.name if code != "DV100" else "expect_column_values_to_be_between (x)")
        assert (found.reason == "") == (outcomes is not OUTCOMES[2])


def test_a_finding_can_be_said_without_groups_and_numbers():
    for code in SENTENCES:
        found = CASES[code][0]()
        plain = found.plain_title or found.title
        shown = plain.replace(found.name, "").replace("≥ 0.75", "").replace("fewer than 10", "").replace("than 30", "")
        shown = shown.replace("between 0 and 1", "")
        assert not any(mark.isdigit() for mark in shown), plain
        assert not any(group in plain for group in ("black", "white", "women", "other groups", "perhaps")), plain


def test_they_can_be_printed_once_in_all_outcomes():
    said = "\n".join(show())
    assert said.count("\nD") + said.startswith("D") + said.count("\nFM") == len(codes())
    assert "  PASS  No column of the training data is constant or empty\n      3 columns\n" in said
