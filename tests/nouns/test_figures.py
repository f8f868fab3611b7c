"""Figures and names of groups as people read them: never rounded onto a limit, never two groups under one name."""

from __future__ import annotations

import random

import pytest

from audit.estimate import (
    cell_interval,
    cell_text,
    figure_text,
    grouping_text,
    interval_words,
    limit_text,
    named_group,
    p_text,
    quoted_level,
    told_apart,
)
from audit.measurement.metrics.catalogue import CATALOGUE, figure_of


@pytest.mark.parametrize(
    ("value", "figure", "sentence", "cell"),
    [
        (0.6751, "share", "67.5%", "67.5%"),
        (0.2362, "points", "23.6 points", "23.6 points"),
        (0.7412, "ratio", "0.74", "0.741"),
        (0.77777, "score", "0.778", "0.778"),
        (-0.8, "amount", "−0.800", "−0.800"),
        (123456.7, "amount", "123,457", "123,457"),
        (0.0, "share", "0.0%", "0.0%"),
        (1.0, "share", "100.0%", "100.0%"),
        (None, "share", "–", "–"),
        (0.04321, "p", "0.043", "0.043"),
        (1e-9, "p", "< 0.001", "< 0.001"),
        (-0.00000001, "score", "−0.00000001", "−0.00000001"),
    ],
)
def test_a_figure_is_written_by_its_kind(value, figure, sentence, cell):
    assert figure_text(value, figure) == sentence
    assert cell_text(value, figure) == cell


@pytest.mark.parametrize(
    ("value", "figure", "limit", "text"),
    [
        (0.7996, "ratio", 0.8, "0.7996"),
        (0.80001, "ratio", 0.8, "0.80001"),
        (0.8, "ratio", 0.8, "0.80"),
        (0.10004, "points", 0.1, "10.004 points"),
        (0.1, "points", 0.1, "10.0 points"),
        (0.9996, "share", None, "99.96%"),
        (0.9999, "share", None, "99.99%"),
        (0.0002, "share", None, "0.02%"),
        (0.0004, "share", None, "0.04%"),
        (0.69999, "share", 0.7, "69.999%"),
    ],
)
def test_a_rounded_figure_neither_reaches_nor_crosses_a_limit(value, figure, limit, text):
    assert figure_text(value, figure, limit=limit) == text


def test_no_rounding_crosses_a_limit_on_any_of_many_figures():
    draw = random.Random(7)  # noqa: S311 - no secret
    for _ in range(2_000):
        limit = round(draw.random(), 2)
        value = min(1.0, max(0.0, limit + draw.choice([-1, 1]) * 10 ** draw.uniform(-9, -1)))
        for figure, scale in (("share", 100), ("points", 100), ("ratio", 1), ("score", 1)):
            for text in (figure_text(value, figure, limit=limit), cell_text(value, figure, limit=limit)):
                shown = float(text.removesuffix(" points").rstrip("%"))
                assert (shown > limit * scale + 1e-12) == (value > limit), (value, limit, text)
                assert (shown < limit * scale - 1e-12) == (value < limit), (value, limit, text)


@pytest.mark.parametrize(
    ("low", "high", "figure", "more", "text"),
    [
        (0.160, 0.306, "points", {"limit": 0.1}, "95% interval 16 to 31 points"),
        (0.103, 0.306, "points", {"limit": 0.1}, "95% interval 10.3 to 30.6 points"),
        (0.101, 0.306, "points", {"limit": 0.1}, "95% interval 10.1 to 30.6 points"),
        (0.0, 0.0299, "points", {}, "95% interval 0.0 to 3.0 points"),
        (0.607, 0.737, "share", {}, "95% interval 61% to 74%"),
        (0.665, 0.824, "ratio", {"limit": 0.8}, "95% interval 0.67 to 0.82"),
        (0.665, 0.7999, "ratio", {"limit": 0.8}, "95% interval 0.6650 to 0.7999"),
        (None, 0.6312, "ratio", {}, "95% interval up to 0.63"),
        (0.714, None, "share", {"confidence": 0.9}, "90% interval from 71.4%"),
        (1.1, 1.3, "amount", {"limit": 1.0}, "95% interval 1.10 to 1.30"),
        (0.2352, 0.4, "points", {"value": 0.2358}, "95% interval 23.5 to 40.0 points"),
        (None, None, "ratio", {}, ""),
    ],
)
def test_an_interval_in_a_sentence(low, high, figure, more, text):
    assert interval_words(low, high, figure, **more) == text


def test_an_interval_in_a_table_has_no_unit_and_says_that_an_end_is_open():
    assert cell_interval(0.160, 0.306, "points") == "[16.0, 30.6]"
    assert cell_interval(0.102, 0.8, "points", limit=0.1) == "[10.2, 80.0]"
    assert cell_interval(0.10002, 0.8, "points", limit=0.1) == "[10.002, 80.0]"
    assert cell_interval(None, 0.4, "share") == "[–, 40.0]"
    assert cell_interval(0.4, None, "ratio") == "[0.400, no upper limit]"
    assert cell_interval(None, None, "ratio") == ""


def test_a_limit_keeps_every_digit_that_it_was_given():
    assert [limit_text(x, "points") for x in (0.1, 0.07, 0.125)] == ["10 points", "7 points", "12.5 points"]
    assert [limit_text(0.8, "ratio"), limit_text(0.85, "share"), limit_text(2500.0, "amount")] == [
        "0.8",
        "85%",
        "2,500",
    ]
    assert p_text(0.05) == "0.050"


def test_what_kind_a_figure_is_stands_in_the_catalogue():
    shares = {m.name for m in CATALOGUE.values() if m.figure == "share"}
    assert {"selection_rate", "accuracy", "base_rate", "representation", "worst_class_precision"} < shares
    assert not shares & {"f1", "brier_score", "log_loss", "mean_error", "ndcg", "matthews_correlation"}
    assert all(m.range == (0.0, 1.0) for m in CATALOGUE.values() if m.figure == "share")
    assert figure_of("equalized_odds_difference", "difference") == "points"
    assert figure_of("demographic_parity_ratio", "ratio") == "ratio"
    assert figure_of("roc_auc", "difference_to_overall") == "score"
    assert figure_of("mean_error", "difference") == "amount"
    assert figure_of("adverse_impact_p", "corrected") == "p"
    assert figure_of("cost_of_errors", "difference") == "score"


@pytest.mark.parametrize(
    ("level", "text"),
    [("2", "'2'"), ("-1.5", "'-1.5'"), ("1,000", "'1,000'"), ("f", "'f'"), ("ab", "'ab'"), ("black", "black"), (" x ", "' x '")],
)  # fmt: skip
def test_a_level_that_reads_as_a_number_or_a_letter_is_quoted(level, text):
    assert quoted_level(level) == text


def test_a_group_outside_its_sentence_is_named_with_its_columns():
    assert named_group(("2",), ("SEX",)) == "SEX '2'"
    assert named_group(("black", "f"), ("race", "sex")) == "black × sex 'f'"
    assert named_group((None, "1"), ("race", "SEX")) == "(missing) × SEX '1'"
    assert named_group((), ()) == "overall"
    assert grouping_text(("race", "sex")) == "race × sex"


def test_names_that_differ_in_blanks_or_case_stay_apart_beside_quoted_codes():
    write = told_apart([("Male",), (" Male",), ("2",), ("other",)], quoted_level)
    assert [write((level,)) for level in ("Male", " Male", "2", "other")] == ["'Male'", "' Male'", "'2'", "other"]
