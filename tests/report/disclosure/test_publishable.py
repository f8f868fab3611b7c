from __future__ import annotations

import datetime as dt
import html
import io
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sample_results as samples
from rich.console import Console

import audit
from audit.axes import CubeKind
from audit.config.read import build
from audit.cube import from_cells
from audit.errors import QuestionError
from audit.estimate import number
from audit.gates.judge import judge_again
from audit.report.disclosure.publishable import publishable
from audit.report.disclosure.small_cells import find_small_in_kind

K = 10


def by_group(result, metric, by, compare=None):
    return {
        e.group: e
        for e in result.estimates
        if e.metric == metric and e.by == by and e.compare == compare and e.stage == "model"
    }


def test_a_small_group_is_left_out_with_a_reason_and_without_its_n():
    few = by_group(publishable(samples.single_small_group(6)), "selection_rate", ("race",))[("few",)]
    assert (few.status, few.value, few.low, few.n, few.numerator) == ("suppressed", None, None, None, None)
    assert few.reason == "to protect groups under 10"


@pytest.mark.parametrize("n", [4, 6, 9])
def test_one_hidden_group_takes_another_with_it_whose_choice_says_nothing_of_its_size(n):
    groups = by_group(publishable(samples.single_small_group(n)), "selection_rate", ("race",))
    gone = {g for g, e in groups.items() if e.status == "suppressed"}
    assert ("few",) in gone
    assert len(gone) > 1
    assert len({groups[g].reason for g in gone}) == 1, "the reason must not tell which of them is small"


def test_a_comparison_that_names_a_hidden_group_and_its_gate_lose_their_numbers_but_not_the_verdict():
    private = samples.single_small_group(6)
    gate, before = publishable(private).gates[0], private.gates[0]
    assert gate.verdict == before.verdict
    assert (gate.low, gate.high, gate.needed_n, gate.estimate.value) == (None, None, None, None)
    for value in (before.low, before.high, before.estimate.value):
        assert number(value) not in gate.sentence
    assert "few" not in gate.sentence
    assert "at least 0.8" in gate.sentence


def test_a_cell_under_k_hides_the_rates_that_would_tell_it_and_keeps_the_others():
    public = publishable(samples.boston())
    hispanic = by_group(public, "selection_rate", ("race",))[("hispanic",)]
    assert (hispanic.value, hispanic.n) == (pytest.approx(77 / 111), 111)
    assert by_group(public, "true_positive_rate", ("race",))[("hispanic",)].status == "suppressed"


def test_rows_without_a_group_keep_their_count():
    public = publishable(
        samples.result_of(("sex",), {("f",): (40, 12, 15, 33), ("m",): (35, 20, 10, 55), (None,): (1, 1, 0, 1)})
    )
    missing = by_group(public, "selection_rate", ("sex",))[(None,)]
    assert (missing.status, missing.n) == ("suppressed", 3)
    assert by_group(public, "selection_rate", ("sex",))[("f",)].status == "ok"


def test_k_of_one_publishes_every_number_and_no_k_publishes_the_cubes():
    private = samples.boston()
    public = publishable(private, 1)
    assert public.estimates == private.estimates
    assert public.gates == private.gates
    assert public.cubes == ()


def test_what_stays_is_unchanged():
    private = samples.boston()
    public = publishable(private)
    for before, after in zip(private.estimates, public.estimates, strict=True):
        assert after is before or after.status == "suppressed"


def test_k_must_be_a_count():
    with pytest.raises(QuestionError, match="k must be a whole number of at least 1, not 0"):
        publishable(samples.unjudged(), 0)


def test_estimates_without_counts_behind_them_are_left_out():
    public = publishable(replace(samples.unjudged(), cubes=()))
    assert {e.status for e in public.estimates} == {"suppressed"}


@pytest.mark.parametrize("style", ["html", "md"])
def test_no_number_of_a_hidden_group_is_on_the_card(style):
    from audit.report.card.render import render

    text = render(samples.single_small_group(7), style)
    plain = [html.unescape(re.sub(r"<[^>]*>", " ", line)) for line in text.splitlines()]
    assert not [line for line in plain if re.match(r"\W*few\b.*\d", line)]
    assert any(re.search(r"withheld to protect groups under 10: 8 of 16 numbers, among them all of 'c', few", line, re.IGNORECASE)
               for line in plain)  # fmt: skip


def test_a_distance_to_a_reference_that_is_left_out_is_left_out():
    """Base rate of m less the difference to s would be the base rate of s: 3 of 40."""
    import audit

    y = [1] * 3 + [0] * 37 + [1] * 50 + [0] * 50 + [1] * 30 + [0] * 70
    result = audit.measure(y, groups={"g": ["s"] * 40 + ["m"] * 100 + ["k"] * 100}, reference="s")
    shown = publishable(result)
    assert {shown.find("base_rate", by=["g"], group=[g])[0].status for g in "mk"} == {"ok"}
    assert shown.find("base_rate", by=[])[0].status == "suppressed"
    assert shown.find("base_rate", by=["g"], group=["s"])[0].status == "suppressed"
    for metric in ("difference_in_proportions_of_labels", "kl_divergence", "lp_norm"):
        assert {e.status for e in shown.find(metric, by=["g"]) if e.group} == {"suppressed"}


@pytest.mark.parametrize("style", ["html", "md"])
def test_a_card_says_what_it_cannot_protect(style):
    from audit.report.card.render import render

    said = " ".join(render(samples.boston(), style).split())
    assert "Not protected: two cards of overlapping data can be subtracted from each other" in said
    assert "a member of a group who knows the others can work out more than a stranger" in said


def test_labels_of_a_small_group_that_are_all_one_are_left_out_and_of_a_large_one_shown():
    for rows, status in ((15, "suppressed"), (99, "suppressed"), (100, "ok")):
        y = [0, 1] * 150 + [0, 1, 1] * 100 + [1] * rows
        g = ["a"] * 300 + ["b"] * 300 + ["alike"] * rows
        shown = publishable(audit.measure(y, groups={"g": g}))
        assert shown.find("base_rate", by=["g"], group=["alike"])[0].status == status


def test_a_card_names_no_group_of_one_label_and_no_labels_of_a_hidden_one():
    rows = [("a", i % 2) for i in range(300)] + [("b", i % 3 == 0) for i in range(300)] + [("alike", 1)] * 40
    frame = pd.DataFrame({"g": [g for g, _ in rows], "y": [int(y) for _, y in rows]})
    private = audit.check(frame, label="y", groups="g")
    said = {c.code: c for c in publishable(private).checks}
    within = {c.code: c for c in private.checks}
    assert "alike (40 rows)" in within["DP002"].detail
    assert within["DB003"].title.endswith(": positive for 33.3% of g 'b' and 100.0% of alike")
    assert said["DB003"].outcome == within["DB003"].outcome
    assert said["DB003"].title == "Label rates differ by g in the training data, or one label is rare"
    assert said["DP002"].title == "Groups with a single label (l-diversity), g"
    for code in ("DP002", "DB003"):
        assert said[code].detail.startswith("withheld here, because the ")
        assert "alike" not in said[code].title + said[code].plain_title
    why = "no strata in which two groups can be compared"
    assert said["DB004"] == within["DB004"]
    assert (said["DB004"].outcome, said["DB004"].reason) == ("not applicable", why)
    assert publishable(private, 1).checks == private.checks


def test_no_sentence_and_no_outcome_tells_labels_of_a_group_whose_labels_are_hidden():
    frame = pd.DataFrame({"g": ["a"] * 300 + ["b"] * 40, "y": [0] * 300 + [1] * 40, "x": [i % 7 for i in range(340)]})
    private = audit.check(frame, label="y", groups="g")
    shown = publishable(private)
    hidden = {e.group: e.status for e in shown.estimates if (e.metric, e.compare, e.by) == ("base_rate", None, ("g",))}
    assert hidden == {("a",): "ok", ("b",): "suppressed"}
    within, said = ({(c.code, c.columns): c for c in r.checks} for r in (private, shown))
    for code, heading in (
        ("DV003", "Groups that equal the label, g"),
        ("DP002", "Groups with a single label (l-diversity), g"),
        ("DL003", "Columns that reveal the label, g"),
    ):
        check = said[code, ("g",)]
        assert within[code, ("g",)].outcome == "warn"
        assert (check.outcome, check.title, check.plain_title, check.mend) == ("withheld", heading, "", "")
        assert check.detail.startswith("withheld here, because the result would reveal labels")
    (inside,), (outside,) = ([c for c in r.checks if c.code == "DB006"] for r in (private, shown))
    assert "g 'b' × y '0'" in inside.detail
    assert outside.title == "Some combinations of groups and label have fewer than 30 rows"
    assert outside.detail.startswith("withheld here, because the numbers would reveal")
    beside = "DL003", ()
    assert said[beside] == within[beside]
    assert publishable(private, 1).checks == private.checks


def test_what_is_hidden_does_not_depend_on_what_was_found():
    """One of b has the other label, so that DV003 and DP002 find nothing, which is not said either; nothing of h is hidden."""
    frame = pd.DataFrame({"g": ["a"] * 300 + ["b"] * 40 + ["c"] * 260, "h": (["u"] * 2 + ["v"]) * 200})
    frame["y"] = [0, 1] * 150 + [1] * 39 + [0] + [0, 1] * 130
    private = audit.check(frame, label="y", groups=["g", "h"])
    for result, outcome in ((private, "pass"), (publishable(private), "withheld")):
        said = {(c.code, *c.columns): c.outcome for c in result.checks if c.code in {"DV003", "DP002"}}
        assert said == {
            ("DV003", "g"): outcome,
            ("DV003", "h"): "pass",
            ("DP002", "g"): outcome,
            ("DP002", "h"): "pass",
        }


def labelled(odd, gates):
    """Labels of b are hidden: all of its 40 have one label, but for the odd ones. Nothing of h is hidden."""
    frame = pd.DataFrame({"g": ["a"] * 300 + ["b"] * 40 + ["c"] * 260, "h": (["u"] * 2 + ["v"]) * 200})
    frame["y"] = [0, 1] * 150 + [1] * (40 - odd) + [0] * odd + [0, 1] * 130
    return audit.check(frame, label="y", groups=["g", "h"], gates=gates)


def test_cards_of_tables_that_differ_only_in_what_was_found_have_the_same_titles():
    """Labels of b are hidden, whether all of its 40 people have one label, or all but one."""
    shown = [publishable(labelled(odd, [])).checks for odd in (0, 1)]
    private = [labelled(odd, []).checks for odd in (0, 1)]
    differ = [
        (a, b)
        for a, b in zip(*private, strict=True)
        if (a.title, a.outcome, a.detail) != (b.title, b.outcome, b.detail)
    ]
    assert {a.code for a, _ in differ} >= {"DB003", "DP002"}
    for one, other in zip(*shown, strict=True):
        if one.detail.startswith("withheld here") and one.outcome == other.outcome:
            assert one == other
    for check in (c for checks in shown for c in checks if c.detail.startswith("withheld here")):
        assert not re.search(r"\d+\.\d|'b'", f"{check.title} {check.plain_title} {check.reason}")


def test_a_document_of_before_says_no_more_than_one_of_today():
    """Its checks say neither their part nor their columns: whatever might tell hidden labels is left out."""
    today = labelled(0, [])
    older = replace(today, checks=tuple(replace(c, part="", columns=(), name="", plain_title="") for c in today.checks))
    codes = {"DV003", "DP002", "DL003"}
    assert {c.outcome for c in publishable(older).checks if c.code in codes} == {"withheld"}


def on_checks(metric, most):
    return {"stage": "checks", "metric": metric, "max": most}


@pytest.mark.parametrize(("gate", "verdicts"), [
    (on_checks("DP002", 0), ("fail", "pass")), (on_checks("DP002", 1), ("pass", "pass")),
    (on_checks("DV003", 0), ("pass", "pass")), (on_checks("DL003", 0), ("pass", "pass")),
    (on_checks("warned", 2), ("fail", "pass")),
])  # fmt: skip
def test_a_limit_tells_nothing_of_a_check_that_is_withheld(gate, verdicts):
    """Its count and verdict would: whatever was found, one page is published."""
    from audit.report.card.render import render

    private = [labelled(odd, [gate]) for odd in (0, 1)]
    assert tuple(r.verdict.replace("not judged", "pass") for r in private) == verdicts
    shown = [publishable(r) for r in private]
    assert shown[0].gates == shown[1].gates
    assert [(r.verdict, r.gates[0].verdict) for r in shown] == [("withheld", "withheld")] * 2
    found = shown[0].gates[0]
    assert (found.estimate.value, found.estimate.n, found.low, found.high) == (None, None, None, None)
    assert re.search(
        r"the verdict is withheld here, because .*; the internal report has it; the limit is at most \d", found.sentence
    )
    for style in ("html", "md"):
        said = " ".join(render(private[0], style).split())
        assert "Withheld" in said
        assert "1 limit: its verdict is withheld." in said
    assert publishable(private[0], 1).gates == private[0].gates


@pytest.mark.parametrize(("odd", "said"), [(0, "Exit code 1: the verdict"), (1, "Exit code 0: the verdict")])
def test_a_log_that_withholds_a_verdict_says_the_exit_code_of_the_command(odd, said, monkeypatch):
    from audit.report.terminal.verdict import print_verdict

    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    out = io.StringIO()
    print_verdict(labelled(odd, [on_checks("DP002", 0)]), Console(file=out, width=200, color_system=None))
    assert out.getvalue().startswith("WITHHELD: ")
    assert f"{said} is withheld." in out.getvalue()


def test_a_limit_whose_checks_are_all_shown_keeps_its_count():
    for gate in (on_checks("DB001", 0), on_checks("failed", 0)):
        private = labelled(0, [gate])
        assert publishable(private).gates == private.gates
        assert publishable(private).verdict == private.verdict


def test_a_limit_that_is_broken_by_what_is_shown_fails_on_the_card_without_its_count():
    """Two codes are found of columns whose labels are all shown, more than one may: nothing follows of the others."""
    private = labelled(0, [on_checks("warned", 0)])
    gate = publishable(private).gates[0]
    assert sum(c.outcome == "warn" for c in publishable(private).checks) > 0
    assert (gate.verdict, publishable(private).verdict) == ("fail", "fail")
    assert (gate.low, gate.estimate.value) == (None, None)
    assert "the findings that are shown are beyond the limit already; the total is withheld" in gate.sentence
    assert f"{private.gates[0].estimate.value:g} of" not in gate.sentence


def test_a_failure_that_is_shown_is_the_verdict_beside_one_that_is_withheld():
    private = labelled(
        0, [on_checks("DP002", 0), {"stage": "data", "metric": "base_rate", "compare": "ratio", "min": 0.9}]
    )
    shown = publishable(private)
    assert [g.verdict for g in shown.gates] == ["withheld", "fail", *(g.verdict for g in private.gates[2:])]
    assert shown.verdict == "fail"


def test_a_waiver_does_not_tell_what_is_withheld():
    """Only a limit that is broken is waived."""
    waiver = {"gate": "checks.DP002", "owner": "o", "reason": "r", "expires": "2026-12-24", "max_gap": 1}
    private = [labelled(odd, [on_checks("DP002", 0)]) for odd in (0, 1)]
    waived = [judge_again(r, build(r.question.config | {"waivers": [waiver]}), dt.date(2026, 11, 24)) for r in private]
    assert [r.gates[0].verdict for r in waived] == ["waived", "pass"]
    shown = [publishable(r) for r in waived]
    assert shown[0].gates == shown[1].gates
    assert shown[0].gates[0].waiver is None


def test_training_that_a_withheld_limit_stopped_does_not_name_it():
    private = labelled(0, [])
    limits = [on_checks("DP002", 0), {"metric": "selection_rate", "compare": "ratio", "min": 0.8}]
    asked = {"predictions": {"source": "p.csv", "label": "y", "prediction": "p"}, "gates": limits}
    run = replace(private.run, stopped_by=("checks.DP002",), continued=("checks.DP002",))
    config = private.question.config
    config = build(config | asked | {"data": config["data"] | {"source": "t.csv"}})
    stopped = judge_again(replace(private, run=run), config, dt.date(2026, 11, 24))
    assert "nothing was trained, because checks.DP002 failed" in stopped.gates[1].sentence
    shown = publishable(stopped)
    assert (shown.run.stopped_by, shown.run.continued) == ((), ())
    assert [g.verdict for g in shown.gates] == ["withheld", "undefined", "undefined"]
    for gate in shown.gates[1:]:
        assert "DP002" not in gate.sentence + gate.estimate.reason
        assert "this run did not measure it" in gate.sentence
        assert gate.estimate.reason == "this run did not measure it"


def test_a_card_does_not_say_how_many_have_a_prediction_that_it_hides():
    """Three predictions of a class that is nobody's label: DV011 counts them."""
    for strange, hides in ((3, True), (30, False)):
        y = ["a", "b", "c"] * 100
        p = ["z"] * strange + y[strange:]
        private = audit.measure(y, p, groups={"g": ["u", "v"] * 150}, task="multiclass")
        (within,), (said,) = ([c for c in r.checks if c.code == "DV011"] for r in (private, publishable(private)))
        assert within.title == f"{strange} predictions are 'z', which is no row's label"
        assert said.outcome == within.outcome == "warn"
        assert said.title == ("Some predictions are a class that is no row's label" if hides else within.title)
        assert said.detail.startswith("withheld here, because the numbers would reveal") == hides


def test_the_question_says_the_smallest_count_of_its_cards():
    from audit.config.read import build
    from audit.report.card.render import render

    private = samples.boston()
    for k in (1, 5):
        asked = replace(private.question, config=private.question.config | {"publish": {"k": k}})
        result = replace(private, question=asked)
        assert publishable(result).estimates == publishable(private, k).estimates
        assert render(result, "md") == render(private, "md", k)
        assert render(result, "md", 10) == render(private, "md")
    with pytest.raises(QuestionError, match="k"):
        build({"data": {"source": "t.csv"}, "publish": {"k": 0}})


def test_a_small_count_of_a_further_kind_hides_its_group_and_what_it_follows_from():
    """Where the kind is told of everybody too, one group is the total less the others, so that all of them go."""
    cells, n = [("a", "0", "1"), ("a", "1", "1"), ("b", "0", "1"), ("b", "1", "0")], np.array([40, 3, 50, 60])
    cube = from_cells(("g", "prediction", "majority"), cells, {"n": n})
    record = replace(samples.record_of("predictions", cube), kind=CubeKind.NEIGHBOURS)
    assert find_small_in_kind([record], [("g",)], 10) == {(("g",), ("a",))}
    assert find_small_in_kind([record], [(), ("g",)], 10) == {(("g",), ("a",)), (("g",), ("b",)), ((), ())}
    assert find_small_in_kind([record], [(), ("g",)], 3) == frozenset()


def test_a_function_of_ones_own_is_left_out_where_a_group_is_small():
    """A gap that names two groups asks the catalogue what the metric is, and it has none of that name."""
    groups = ["a"] * 196 + ["b"] * 198 + ["c"] * 6
    y, p = np.arange(400) % 2, np.arange(400) % 3 % 2
    result = audit.measure(y, p, groups={"g": groups}, metrics={"mine": lambda a, b: float(np.mean(a == b))})
    shown = publishable(result).find("mine", "difference", by="g")
    assert [e.status for e in shown] == ["suppressed"]
