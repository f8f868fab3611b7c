"""A sentence names what decides: the pair whose interval breaks or keeps the limit, with the numbers of the estimates."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pytest

import audit
from audit.config.read import build
from audit.estimate import figure_text, told_apart
from audit.gates.judge import judge_again
from audit.gates.verdicts import exit_code
from audit.measurement.metrics.catalogue import figure_of
from audit.report.card.view import write_headline
from audit.report.disclosure.publishable import publishable

GROUPS = ("ant", "bee", "cow", "dog", "elk")
LIMITS = {
    "classification": (
        ("selection_rate", "difference", "max", 0.1), ("selection_rate", "ratio", "min", 0.8), ("accuracy", "ratio", "min", 0.9),
        ("true_positive_rate", "lowest", "min", 0.4), ("false_positive_rate", "highest", "max", 0.5),
        ("selection_rate", "ratio_to_overall", "min", 0.8), ("selection_rate", "difference_to_rest", "max", 0.1),
        ("equalized_odds_difference", None, "max", 0.2), ("demographic_parity_ratio", None, "min", 0.8),
    ),
    "multiclass": (
        ("accuracy", "difference", "max", 0.1), ("accuracy", "lowest", "min", 0.4),
        ("worst_class_true_positive_rate", "difference", "max", 0.2), ("worst_class_true_positive_rate", "lowest", "min", 0.1), ("worst_class_selection_rate", "ratio", "min", 0.5),
        ("macro_f1", "difference", "max", 0.1),
    ),
    "regression": (
        ("mean_error", "difference", "max", 0.3), ("mean_absolute_error", "highest", "max", 0.9),
        ("root_mean_squared_error", "difference", "max", 0.3),
    ),
    "ranking": (("exposure", "ratio", "min", 0.8), ("exposure", "difference", "max", 0.1)),
}  # fmt: skip


def drawn(task, seed):
    """A table of groups of 4 to 900 rows whose outcomes differ, and its gates."""
    rng = np.random.default_rng(seed)
    sizes = rng.choice([4, 12, 30, 90, 300, 900], len(GROUPS))
    sizes[rng.integers(len(GROUPS))] = 900
    g = np.repeat(GROUPS, sizes)
    base = np.repeat(rng.uniform(0.1, 0.8, len(GROUPS)), sizes)
    u, n = rng.random(len(g)), len(g)
    gates = []
    for metric, compare, side, limit in LIMITS[task]:
        gates.append({"metric": metric, "by": ["g"], side: limit} | ({"compare": compare} if compare else {}))
    if task == "classification":
        y, p, more = (rng.random(n) < 0.5).astype(int), (u < base).astype(int), {"positive": 1}
    elif task == "multiclass":
        y = rng.choice(["x", "y", "z"], n)
        p, more = np.where(u < base, y, rng.choice(["x", "y", "z"], n)), {}
    elif task == "regression":
        y = rng.normal(size=n)
        p, more = y + rng.normal(size=n) * (0.5 + base) + base, {}
    else:
        y, p, more = None, None, {"score": u + base, "query": np.arange(n) % 40}
    return audit.measure(y, p, groups={"g": g}, task=task, gates=gates, **more)


def deciding_pair(gate):
    """The pair of the end that decides, read from the document alone."""
    e, ceiling = gate.estimate, gate.max is not None
    end = "low" if ceiling == (gate.verdict == "fail") else "high"
    return end, getattr(e, f"{end}_pair") or e.pair


@pytest.mark.parametrize("task", LIMITS)
@pytest.mark.parametrize("seed", range(12))
def test_the_sentence_names_the_deciding_pair_with_the_numbers_of_the_estimates(task, seed):
    result = drawn(task, seed)
    assert exit_code(result.verdict) == max((exit_code(g.verdict) for g in result.gates), key=[0, 3, 1].index)
    for gate in result.gates:
        if gate.verdict == "undefined":
            continue
        assert_named(gate, result)


def assert_named(gate, result):
    """The sentence names the pair, with the numbers of the estimates, and says where the limit lies."""
    _, pair = deciding_pair(gate)
    # Where a small group keeps a limit open, or several do, those stand in the sentence that can decide.
    closest = gate.verdict == "insufficient" and (
        "no pair is shown" in gate.sentence or gate.estimate.compare in {"lowest", "highest"}
    )
    named = re.findall("|".join(GROUPS), gate.sentence)
    wanted = {level for group in pair for level in group}
    if not closest:
        assert wanted <= set(named), gate.sentence
    rates = {
        (e.group or ("",))[0]: e for e in result.estimates if e.compare is None and e.metric == rate_of(gate, result)
    }
    for level in wanted if not closest and not gate.estimate.metric.startswith("worst_class_") else ():
        value, n = rates[level].value, rates[level].denominator or rates[level].n
        shown = figure_text(value, figure_of(rates[level].metric), limit=None)
        exact = figure_text(value, figure_of(rates[level].metric), limit=gate.max if gate.max is not None else gate.min)
        assert any(f"{text} (" in gate.sentence or f"{text} for" in gate.sentence for text in (shown, exact)), (
            level,
            gate,
        )
        assert f"n {n:,.0f}" in gate.sentence, gate.sentence
    tail = {
        "fail": "The limit", "pass": "and the whole interval is|in every group|The limit",
        "insufficient": "lies inside|keeps? this open|no pair is shown|its 95% interval|too few rows",
    }  # fmt: skip
    assert re.search(tail[gate.verdict], gate.sentence), gate.sentence
    assert "  " not in gate.sentence, gate.sentence
    assert gate.sentence.endswith("."), gate.sentence


def rate_of(gate, result):
    """The rate whose values stand in the sentence: of a criterion that of the part that set the end."""
    name = gate.estimate.metric.removeprefix("worst_class_")
    parts = {
        "demographic_parity_ratio": ["selection_rate"],
        "equalized_odds_difference": ["true_positive_rate", "false_positive_rate"],
    }
    return next(
        (r for r in parts.get(name, [name]) if figure_of(r) and r.replace("_", " ") in gate.sentence),
        parts.get(name, [name])[0],
    )


def table(counts, **more):
    g = np.repeat(list(counts), [n for _, n in counts.values()])
    p = np.concatenate([[1] * k + [0] * (n - k) for k, n in counts.values()])
    return audit.measure(p, p, groups={"g": g}, positive=1, **more)


RATIO = {"metric": "selection_rate", "compare": "ratio", "min": 0.8}


def test_a_tiny_extreme_stands_beside_the_pair_that_decides_and_proves_nothing():
    counts = {"a": (0, 5), "b": (268, 3105), "c": (270, 2400), "d": (260, 1490)}
    (gate,) = table(counts, gates=[RATIO]).gates
    assert gate.verdict == "fail"
    assert gate.sentence == (
        "By g, 'b' has a lower selection rate than 'd': 8.6% (n 3,105) v. 17.4% (n 1,490), ratio 0.49 (95% interval up "
        "to 0.61). The limit is at least 0.8. The lowest rate is that of 'a', 0.0% (n 5): too few rows to decide "
        "anything."
    )


def test_of_a_large_group_it_is_the_rarer_outcome_that_is_too_few():
    """Of 1,395 people who were all selected it is not they who are too few."""
    (gate,) = table({"a": (1395, 1395), "b": (5819, 5819)}, gates=[RATIO]).gates
    assert gate.verdict == "pass"
    assert "Of 'a', fewer than 5 rows have the other outcome." in gate.sentence
    assert "too few rows" not in gate.sentence


def test_a_pair_that_is_the_extreme_and_decides_is_named_once():
    (gate,) = table({"a": (100, 1000), "b": (300, 1000), "c": (200, 1000)}, gates=[RATIO]).gates
    assert gate.sentence == (
        "By g, 'a' has a lower selection rate than 'b': 10.0% (n 1,000) v. 30.0% (n 1,000), ratio 0.33 (95% interval "
        "0.27 to 0.43). The limit is at least 0.8, and the whole interval is below it."
    )


@pytest.mark.parametrize("floor", [True, False])
def test_a_limit_on_every_group_names_those_that_hold_it_open_and_their_rows(floor):
    counts = {"a": (37_012, 46_792), "b": (9_300, 11_500), "c": (27, 33), "d": (59, 73), "e": (77, 94)}
    if not floor:
        counts = {g: (n - k, n) for g, (k, n) in counts.items()}
    limit = {"min": 0.75} if floor else {"max": 0.25}
    result = table(counts, gates=[{"metric": "selection_rate", "by": ["g"], **limit}])
    (gate,) = result.gates
    assert gate.verdict == "insufficient"
    held = gate.sentence.split("). ")[1].split(" keep this open")[0]
    assert set(re.findall("'([a-e])'", held)) == {"c", "d", "e"}
    assert re.search(
        r"About [\d,]+, [\d,]+ and [\d,]+ rows of them would decide \(up to \d+ times as many\)", gate.sentence
    )
    assert 1 < gate.needed_n < 20


def test_so_many_rows_settle_a_limit_on_the_lowest_in_four_of_five_samples():
    counts, limit = {"a": (8_000, 10_000), "b": (48, 60)}, 0.7
    gate = {"metric": "selection_rate", "by": ["g"], "min": limit}
    (judged,) = table(counts, gates=[gate]).gates
    assert judged.verdict == "insufficient"
    rows = int(re.search(r"About ([\d,]+) rows of 'b' would decide", judged.sentence)[1].replace(",", ""))
    rng = np.random.default_rng(20261130)
    z, n = 1.959964, rows
    p = rng.binomial(n, 0.8, 4000) / n
    low = (p + z**2 / (2 * n) - z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))) / (1 + z**2 / n)
    assert 0.75 < (low >= limit).mean() < 0.9
    assert rows > 60


def test_one_group_beyond_the_limit_is_enough_to_settle_it():
    counts = {"a": (700, 1000), "b": (18, 40), "c": (14, 25)}
    (judged,) = table(counts, gates=[{"metric": "selection_rate", "by": ["g"], "min": 0.5}]).gates
    assert judged.verdict == "insufficient"
    assert re.search(
        r"45.0% \('b', n 40\): its 95% interval ends at 60.2%, above the limit of 50%.* About [\d,]+ rows of 'b' would",
        judged.sentence,
    )


@pytest.mark.parametrize(
    ("levels", "written"),
    [
        (["Male", " Male"], ["'Male'", "' Male'"]),
        (["Male", "male"], ["'Male'", "'male'"]),
        (["a b", "a  b"], ["'a b'", "'a  b'"]),
        (["Jos\u00e9", "Jose\u0301"], ["'Jos\\xe9'", "'Jose\\u0301'"]),
        (["f", "m"], ["f", "m"]),
        (["m "], ["'m '"]),
    ],
)
def test_names_that_look_alike_are_told_apart(levels, written):
    write = told_apart([(level,) for level in levels])
    assert [write((level,)) for level in levels] == written


def test_long_names_with_one_beginning_are_told_apart():
    levels = ["x" * 60 + end for end in "ab"]
    write = told_apart([(level,) for level in levels])
    assert [write((level,)) for level in levels] == [f"'{'x' * 13}…{'x' * 25}{end}'" for end in "ab"]


def test_long_names_are_cut_to_the_place_where_they_differ():
    levels = ["a" * 60 + middle + "b" * 90 for middle in ("north", "south")]
    write = told_apart([(level,) for level in levels], length=24)
    assert [write((level,)) for level in levels] == [
        "'aaaaaaaa…aaaaaaaanorthb…'",
        "'aaaaaaaa…aaaaaaaasouthb…'",
    ]


def test_long_names_that_differ_in_what_no_reader_sees_are_written_by_codes():
    levels = ["x" * 200 + "\u0301", "x" * 200 + "\u0300"]
    write = told_apart([(level,) for level in levels])
    assert len({write((level,)) for level in levels}) == 2


def test_the_headline_of_a_card_names_the_deciding_pair_where_it_is_shown():
    counts = {"a": (0, 5), "b": (268, 3_105), "c": (150, 1_000), "d": (520, 2_980)}
    result = table(counts, gates=[RATIO])
    assert result.verdict == "fail"
    shown = publishable(result)
    assert {
        e.group[0] for e in shown.find("selection_rate", by=["g"]) if e.compare is None and e.value is not None
    } >= {"b", "d"}
    said = write_headline(shown)
    assert said.startswith(
        "By g, 'b' has a lower selection rate than 'd': 8.6% (n 3,105) v. 17.4% (n 2,980), ratio 0.49 (95% interval up"
    )
    assert "'a'" not in said
    assert "(n 5)" not in said
    assert "The numbers of other groups are withheld to protect groups under 10" in said


def test_the_headline_of_a_card_names_the_pair_that_decides_because_another_group_is_hidden():
    counts = {"a": (0, 5), "b": (268, 3_105), "c": (270, 2_400), "d": (260, 1_490)}
    said = write_headline(publishable(table(counts, gates=[RATIO])))
    assert "'b' has a lower selection rate than 'd': 8.6% (n 3,105) v. 17.4% (n 1,490), ratio 0.49" in said
    assert "2,400" not in said


def test_the_card_of_a_gate_that_is_waived_names_its_pair_too():
    counts = {"a": (1, 5), "b": (268, 3_105), "c": (270, 2_400), "d": (260, 1_490)}
    failing = table(counts, gates=[RATIO])
    day = dt.datetime.fromisoformat(failing.run.finished).date()
    waiver = {"gate": failing.gates[0].name, "owner": "o", "reason": "r", "expires": str(day + dt.timedelta(days=90)),
              "max_gap": 0.3}  # fmt: skip
    private = judge_again(failing, build({**failing.question.config, "waivers": [waiver]}, "a policy"), day)
    assert private.gates[0].verdict == "waived"
    said = publishable(private).gates[0].sentence
    assert "8.6% (n 3,105) v. 17.4% (n 1,490)" in said
    assert said.endswith(f"Waived by o until {day + dt.timedelta(days=90)}, as far as 0.3: r.")


def test_the_headline_of_a_card_names_who_is_shown_where_the_pair_is_not():
    counts = {"a": (0, 5), "b": (100, 1_000), "c": (270, 1_500), "d": (270, 1_450), "e": (8, 8)}
    private = table(counts, gates=[RATIO])
    said = write_headline(publishable(private))
    assert "the limit on the ratio of the selection rate, at least 0.8, is " in said.lower()
    assert "are withheld to protect groups with counts under 10; the internal report has them." in said
    assert "(n 5)" not in said
