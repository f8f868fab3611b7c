"""Compressed models from rows to verdicts: people of the census, and models that the tests build and run."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from small_models import (
    draw_labels,
    make_rows,
    make_weights,
    need_onnx,
    quantise_dynamic,
    quantise_static,
    write_network,
)

from audit.config.read import build
from audit.errors import QuestionError
from audit.gates.headline import suggest_next, write_headline
from audit.gates.verdicts import choose_smallest
from audit.pipeline.run import Job, run
from audit.record.edge import Candidate, Edge, ModelResources
from audit.record.reader import read_text
from audit.record.store import Store
from audit.report.card.render import render
from audit.report.disclosure.publishable import publishable
from audit.report.terminal.summary import print_summary

FACTS = {
    "int8_dynamic": {"": (134, 118), "0": (100, 99), "1": (12, 9), "5": (11, 5), "7": (4, 2), "8": (6, 2)},
    "int8_static": {"": (184, 173), "0": (149, 138), "1": (12, 17), "5": (11, 10), "7": (4, 4), "8": (6, 3)},
    "distilled": {"": (1166, 912), "0": (914, 716), "1": (102, 98), "5": (80, 42), "7": (29, 23), "8": (28, 20)},
    "seed1": {"": (1435, 1529), "0": (1124, 1181), "1": (132, 161), "5": (78, 81), "7": (52, 53), "8": (37, 34)},
    "seed2": {"": (2270, 2198), "0": (1929, 1826), "1": (132, 176), "5": (98, 95), "7": (56, 56), "8": (44, 29)},
    "seed3": {"": (1622, 1705), "0": (1319, 1371), "1": (142, 168), "5": (83, 80), "7": (35, 45), "8": (32, 27)},
}
"""Right answers lost and gained against the full model, of 60,000 people, overall and by race."""
SIZES = {"": 60_000, "0": 46_792, "1": 5_319, "5": 3_498, "7": 2_283, "8": 1_508}


def audit_edge(tmp_path, source, prediction, *, groups=("race",), label="y", least_rows=100, **edge):
    raw = {
        "data": {"label": label, "positive": 1, "groups": list(groups)},
        "predictions": {"source": str(source), "prediction": prediction, "against": "full"},
        "edge": edge,
        "policy": {"least_rows": least_rows},
    }
    config = build(raw, "a test")
    return run(Job(config=config, folder=tmp_path, store=Store(tmp_path / "store"), metered=False))


@pytest.fixture(scope="module")
def census(shared, tmp_path_factory):
    source = shared / "data" / "edge_acs" / "predictions.parquet"
    candidates = ["int8_static", "int8_dynamic", "distilled", "seed1", "seed2", "seed3"]
    folder = tmp_path_factory.mktemp("census")
    every = audit_edge(folder, source, "int8_static", candidates=candidates).result.edge
    judged = audit_edge(
        folder,
        source,
        "distilled",
        candidates=["int8_static", "int8_dynamic", "distilled"],
        retrained=["distilled"],
        seeds=["seed1", "seed2", "seed3"],
        least_rows=500,
    )
    return {c.name: c for c in every.candidates}, judged.result


@pytest.mark.parametrize("name", FACTS)
def test_every_cell_of_the_table_of_the_census(census, name):
    found = {(f.group[0] if f.by else ""): f for f in census[0][name].flips}
    for group, (lost, gained) in FACTS[name].items():
        assert (found[group].n, found[group].lost, found[group].gained) == (SIZES[group], lost, gained)


def test_integers_accuse_nobody(census):
    for name in ("int8_static", "int8_dynamic"):
        candidate = next(c for c in census[1].edge.candidates if c.name == name)
        assert candidate.verdict == "pass"
    smallest = min(f.p_value for name in ("int8_static", "int8_dynamic") for f in census[0][name].flips if f.n >= 100)
    assert math.floor(100 * smallest) == 21


def test_a_distilled_model_changes_less_than_a_seed_and_loses_accuracy(census):
    result = census[1]
    churn, loss = (next(g for g in result.gates if g.name == f"edge.{k}.distilled") for k in ("churn", "net_loss"))
    assert churn.verdict == "pass"
    assert churn.sentence == (
        "distilled changes 2,078 of 60,000 answers (3.5%), fewer than every seed of the full recipe changes (2,964 to "
        "4,468 of 60,000). The limit is the seed that changed most (4,468 of 60,000). At least five seeds are needed to know what training again changes (3 named)."
    )
    assert loss.verdict == "fail"
    assert loss.sentence.startswith("distilled loses accuracy against full: overall 0.4 points (1,166 right answers")
    assert "race '5' 1.1 points (80 right answers lost and 42 gained, n 3,498" in loss.sentence
    assert "'1'" not in loss.sentence
    assert (result.verdict, result.edge.smallest) == ("fail", None)
    flips = next(c for c in result.edge.candidates if c.name == "distilled").flips
    asian = next(f for f in flips if f.group == ("5",))
    assert round(asian.p_value, 4) == 0.0007
    assert flips[0].p_value < 3.5e-8


def test_no_seed_loses_accuracy(census):
    for seed in ("seed1", "seed2", "seed3"):
        assert census[0][seed].verdict != "fail"


def test_five_seeds_need_no_excuse_and_a_rank_says_how_low_it_can_go(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"race": ["a", "b"] * 1000, "y": rng.integers(0, 2, 2000)})
    table["full"] = table["y"]
    for at in range(5):
        table[f"s{at}"] = np.where(rng.random(2000) < 0.02, 1 - table["full"], table["full"])
    table["small"] = np.where(rng.random(2000) < 0.2, 1 - table["full"], table["full"])
    table.to_parquet(tmp_path / "p.parquet")
    result = audit_edge(tmp_path, tmp_path / "p.parquet", "small", seeds=[f"s{at}" for at in range(5)]).result
    churn = next(g for g in result.gates if g.name == "edge.churn.small")
    assert churn.verdict == "insufficient"
    assert "more than every seed" in churn.sentence
    assert "is at least 1/(m + 1), here 0.167, which cannot decide at 0.05" in churn.sentence
    assert "At least five" not in churn.sentence


def test_a_model_named_like_a_column_is_refused_before_it_runs(tmp_path):
    pd.DataFrame({"race": ["a", "b"], "y": [0, 1], "x": [0.0, 1.0], "full": 1}).to_parquet(tmp_path / "p.parquet")
    files = {"full": "full.onnx", "small": "small.onnx"}
    with pytest.raises(QuestionError, match="the table has a column 'full' already; give the model's file another"):
        audit_edge(tmp_path, tmp_path / "p.parquet", "small", models=files, inputs=["x"])


def test_copies_of_one_seed_are_no_five_seeds(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"race": ["a", "b"] * 1000, "y": rng.integers(0, 2, 2000)})
    table["full"] = table["small"] = table["y"]
    for at in range(2):
        table[f"s{at}"] = np.where(rng.permutation(2000) < 40, 1 - table["full"], table["full"])
    table["s2"] = table["s0"]
    table.to_parquet(tmp_path / "p.parquet")
    with pytest.raises(QuestionError, match="seeds 's0' and 's2' give the same answer in every row"):
        audit_edge(tmp_path, tmp_path / "p.parquet", "small", seeds=["s0", "s1", "s2"])
    result = audit_edge(tmp_path, tmp_path / "p.parquet", "small", seeds=["s0", "s1"]).result
    churn = next(g for g in result.gates if g.name == "edge.churn.small")
    assert "than every seed of the full recipe changes (40 of 2,000)" in churn.sentence


def test_one_page_never_names_a_loss_and_denies_it(tmp_path):
    """7 of 7 changed answers of a group lost: shown by the test of models over all groups, not by that of pairs."""
    table = pd.DataFrame({"race": np.repeat(["a", "b", "c"], [211, 185, 204]), "y": 1, "full": 1, "small": 1})
    table.loc[[*range(4), *range(211, 218), *range(396, 400)], "small"] = 0
    table.loc[[599, 210], ["y", "full", "small"]] = [0, 0, 1]
    table.to_parquet(tmp_path / "p.parquet")
    result = audit_edge(tmp_path, tmp_path / "p.parquet", "small").result
    said = write_headline(result)
    assert "loses accuracy against full: overall" in said
    assert "No group" not in said


def test_the_same_model_loses_nothing_and_passes(tmp_path):
    table = pd.DataFrame({"race": ["a", "b"] * 1000, "y": [0, 1, 1, 0] * 500, "full": [0, 1] * 1000})
    table.assign(same=table["full"]).to_parquet(tmp_path / "p.parquet")
    audited = audit_edge(tmp_path, tmp_path / "p.parquet", "same")
    (candidate,) = audited.result.edge.candidates
    assert (candidate.changed, candidate.net_loss, candidate.verdict) == (0, 0, "pass")
    assert (audited.result.verdict, audited.exit_code) == ("pass", 0)


def test_too_few_people_to_know_are_no_pass(tmp_path):
    table = pd.DataFrame({"race": ["a", "b"] * 60, "y": [1] * 120, "full": [1] * 120, "small": [0] * 5 + [1] * 115})
    table.to_parquet(tmp_path / "p.parquet")
    audited = audit_edge(tmp_path, tmp_path / "p.parquet", "small")
    assert (audited.result.verdict, audited.exit_code) == ("insufficient", 3)
    assert "the largest accepted loss is 1 point" in audited.result.gates[0].sentence


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    need_onnx()
    folder = tmp_path_factory.mktemp("models")
    rows = make_rows(3000, seed=7)
    full = write_network(folder / "full.onnx")
    quantise_dynamic(full, folder / "dynamic.onnx")
    quantise_static(full, folder / "static.onnx", make_rows(seed=1))
    first, second = make_weights()
    write_network(folder / "broken.onnx", [first, -second])
    label = draw_labels(rows, seed=1)
    table = pd.DataFrame(rows, columns=[f"f{at}" for at in range(rows.shape[1])])
    table.assign(y=label, race=np.where(np.arange(len(rows)) % 3, "a", "b")).to_parquet(folder / "rows.parquet")
    return folder


def test_models_are_run_where_their_features_are_named(models):
    audited = audit_edge(
        models,
        models / "rows.parquet",
        "broken",
        candidates=["broken", "dynamic", "static"],
        models={name: f"{name}.onnx" for name in ("full", "broken", "dynamic", "static")},
        inputs=[f"f{at}" for at in range(6)],
        seconds=0,
        repetitions=20,
        ship="smallest",
        largest_loss=0.02,
    )
    edge = audited.result.edge
    assert {c.name: c.verdict for c in edge.candidates} == {"broken": "fail", "dynamic": "pass", "static": "pass"}
    assert edge.smallest == "static" if edge.models[3].file_bytes < edge.models[2].file_bytes else "dynamic"
    assert audited.result.question.config["predictions"]["prediction"] == edge.smallest
    assert {m.name: m.noise.changed > 0 for m in edge.models} == {
        "full": False,
        "broken": False,
        "dynamic": True,
        "static": False,
    }
    assert edge.engine.startswith("onnxruntime ")
    assert read_text(audited.result.to_json(), "it").edge == edge
    for page in (render(audited.result, "html"), render(publishable(audited.result, 10), "md")):
        assert "Compressed models" in page
        assert "2 of 2 MatMul are integer" in page


def test_no_small_count_of_changed_answers_is_published(tmp_path):
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"race": rng.choice(["a", "b"], 4000), "y": rng.integers(0, 2, 4000)})
    table["full"] = table["y"]
    table["small"] = table["full"].where(~table.index.isin([5, 6, 7]), 1 - table["full"])
    table.to_parquet(tmp_path / "p.parquet")
    shown = publishable(audit_edge(tmp_path, tmp_path / "p.parquet", "small").result, 10)
    (candidate,) = shown.edge.candidates
    assert (candidate.flips, candidate.changed, candidate.net_loss) == ((), None, None)
    assert all(g.estimate is None for g in shown.gates if g.name.startswith("edge."))


def write_losers(folder, *, rare=0):
    """Write decisions that lose 40 right answers of group a and gain 10, beside a group of few rows."""
    table = pd.DataFrame({"race": ["a"] * 1000 + ["b"] * 1000 + ["c"] * rare, "y": 1, "full": 1, "small": 1})
    table.loc[:39, "small"] = 0
    table.loc[40:49, "full"] = 0
    table.to_parquet(folder / "p.parquet")
    return folder / "p.parquet"


def test_p_values_are_corrected_for_those_that_are_judged_and_for_no_others(tmp_path):
    result = audit_edge(tmp_path, write_losers(tmp_path, rare=30), "small", least_rows=100).result
    flips = {f.group: f for f in result.edge.candidates[0].flips}
    assert flips[("c",)].p_holm is None
    assert flips[("a",)].p_holm == pytest.approx(3 * flips[("a",)].p_value)
    gate = next(g for g in result.gates if g.name == "edge.net_loss.small")
    assert "p-values are corrected by Holm for 3 tests, overall and by group." in gate.sentence


@pytest.mark.parametrize("largest_loss", [0.01, 0.5])
def test_the_limit_of_a_loss_is_the_accepted_one_whatever_the_verdict(tmp_path, largest_loss):
    source = write_losers(tmp_path)
    for name in ("small", "full_again"):
        pd.read_parquet(source).assign(full_again=1).to_parquet(source)
        result = audit_edge(tmp_path, source, name, largest_loss=largest_loss).result
        gate = next(g for g in result.gates if g.name == f"edge.net_loss.{name}")
        assert gate.verdict == ("fail" if name == "small" else "pass")
        assert gate.max == largest_loss


def test_answers_with_weights_are_refused_because_losses_are_rows(tmp_path):
    raw = {
        "data": {"label": "y", "weight": "w"},
        "predictions": {"source": "p.parquet", "prediction": "small", "against": "full"},
        "edge": {},
    }
    with pytest.raises(QuestionError, match=r"weight: lost and gained answers of compressed models are counted in row"):
        build(raw, "a test")


def test_no_model_is_the_smallest_where_the_size_of_one_that_passes_is_unknown():
    sized = tuple(ModelResources(name=name, file_bytes=size) for name, size in (("full", 9), ("a", 8), ("b", None)))
    judged = tuple(Candidate(name=name, flips=(), rows=9, changed=0, net_loss=0, verdict="pass") for name in ("a", "b"))
    edge = Edge(full="full", models=sized, candidates=judged, largest_loss=0.01)
    assert choose_smallest(edge, "fail") == (None, "not known, because no file of b is named, which passes")
    known = (*sized[:2], ModelResources(name="b", file_bytes=7))
    assert choose_smallest(replace(edge, models=known), "fail") == ("b", "")


def test_no_small_half_of_what_a_seed_changes_is_published(tmp_path):
    """Of 45 changed answers with a net loss of 35, 5 were gained: neither the pair nor the sentence is published."""
    table = pd.DataFrame({"race": ["a", "b"] * 1000, "y": 1, "full": 1})
    table.loc[:199, "full"] = 0
    for at, (name, lost) in enumerate({"small": 50, "s0": 40, "s1": 60, "s2": 60, "s3": 60, "s4": 60}.items()):
        table[name] = table["full"]
        first = 200 + 100 * at
        table.loc[first : first - 1 + lost, name] = 0
        table.loc[: 4 if name == "s0" else 39, name] = 1
    table.to_parquet(tmp_path / "p.parquet")
    result = audit_edge(tmp_path, tmp_path / "p.parquet", "small", seeds=[f"s{at}" for at in range(5)]).result
    assert "(45 to 100 of 2,000)" in next(g for g in result.gates if g.name == "edge.churn.small").sentence
    shown = publishable(result, 10)
    gate = next(g for g in shown.gates if g.name == "edge.churn.small")
    assert (shown.edge.candidates[0].retraining, gate.max) == (None, None)
    assert gate.sentence.startswith(
        "small: churn was judged; the numbers that decide are withheld to protect groups under 10"
    )
    for page in ("html", "md"):
        assert "45 to 100" not in render(shown, page)


def test_a_full_model_has_to_be_named(tmp_path):
    raw = {"data": {"label": "y"}, "predictions": {"source": "p.parquet", "prediction": "small"}, "edge": {}}
    with pytest.raises(QuestionError, match=r"name the full model in \[predictions\] against"):
        build(raw, "a test")


def test_whom_a_policy_leaves_out_is_named_on_every_page(tmp_path):
    rng = np.random.default_rng(4)
    table = pd.DataFrame({"race": np.repeat(["a", "b", "c", "d"], [3000, 3000, 200, 90])})
    table["y"] = table["full"] = rng.integers(0, 2, len(table))
    for name, share in (("full", 0.01), ("small", 0.01), ("s0", 0.05), ("s1", 0.05)):
        table[name] = np.where(rng.random(len(table)) < share, 1 - table["y"], table["y"])
    table.to_parquet(tmp_path / "p.parquet")
    asked = {"least_rows": 300, "seeds": ["s0", "s1"], "largest_loss": 0.1}
    result = audit_edge(tmp_path, tmp_path / "p.parquet", "small", **asked).result
    assert result.verdict == "pass"
    left_out = "Excluded, fewer than 300 rows ([policy] least_rows):"
    shown = show_on_terminal(result)
    assert f"{left_out} race 'c' (n 200), race 'd' (n 90). Nothing is known of them." in shown
    most = max(churn for churn, _ in result.edge.candidates[0].retraining.seeds.values())
    assert f"The limit is the seed that changed most ({most} of 6,290). At least five seeds are needed" in shown
    page = publishable(result, 10)
    sentence = next(g.sentence for g in page.gates if g.name == "edge.net_loss.small")
    assert sentence.endswith(f"{left_out} race 'c', race 'd'. Nothing is known of them.")
    overall = next(e for e in page.estimates.of("model", "churn", ()) if e.compare is None)
    assert overall.status == "suppressed"
    assert page.edge.candidates[0].changed is None


def test_a_small_group_that_cannot_be_judged_says_how_it_is_left_out_or_joined(tmp_path):
    rng = np.random.default_rng(5)
    table = pd.DataFrame({"race": np.repeat(["a", "b", "c"], [8000, 8000, 120]), "y": rng.integers(0, 2, 16120)})
    for name in ("full", "first", "second"):
        table[name] = np.where(rng.random(len(table)) < 0.01, 1 - table["y"], table["y"])
    table.to_parquet(tmp_path / "p.parquet")
    asked = {"candidates": ["first", "second"], "ship": "smallest"}
    result = audit_edge(tmp_path, tmp_path / "p.parquet", "first", **asked).result
    assert result.verdict == "insufficient"
    exclude = "exclude small groups (--least-rows 130, [policy] least_rows)"
    assert f"Audit more rows, {exclude}, or join them (--merge, [data.merge])." in result.gates[0].sentence
    assert "--least-rows" in suggest_next(result)
    assert "--merge" in suggest_next(result)
    assert "waiver" not in suggest_next(result)
    assert "The verdict is about first." in show_on_terminal(result)
    left_out = audit_edge(tmp_path, tmp_path / "p.parquet", "first", least_rows=130, **asked).result
    assert left_out.verdict == "pass"
    shown = show_on_terminal(left_out)
    assert "Name the files of models (--model-file, [edge.models]). The verdict is about first." in shown


def show_on_terminal(result):
    out = io.StringIO()
    print_summary(result, Console(file=out, width=100, color_system=None))
    return " ".join(out.getvalue().split())
