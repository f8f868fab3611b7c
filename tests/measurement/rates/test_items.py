"""Scores of benchmarks meet what was published, and rest on templates."""

from __future__ import annotations

import csv
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from logs import DATA, crows_pair, likelihoods, read_bbq, read_stereoset, to_sample, write_samples

from audit.cli.app import main
from audit.items.read import read_logs, write_items

SYSTEMS = (
    *("gpt2", "gpt2-medium", "gpt2-large", "bert-base-cased", "bert-large-cased"),
    *("roberta-base", "roberta-large", "xlnet-base-cased", "xlnet-large-cased"),
)


def audit(folder, *options, code=0):
    """Return the record of an audit of items.parquet."""
    store = folder / "runs"
    words = ["model", str(folder / "items.parquet"), "--task", "items", "--store", str(store), *options]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == code
    newest = max(store.glob("*/audit.json"), key=lambda path: path.stat().st_mtime_ns)
    return json.loads(newest.read_text())


def find(record, metric, group=(), compare=None):
    (found,) = (
        e
        for e in record["estimates"]
        if e["metric"] == metric and (e.get("group") or []) == list(group) and e.get("compare") == compare
    )
    return found


def write(folder, samples):
    write_items(read_logs([write_samples(folder / "log.jsonl", samples)]), folder / "items.parquet")


def needs(name):
    if not (DATA / name).exists():
        pytest.skip(f"needs ../shared/data/{name}")


@pytest.mark.parametrize("system", SYSTEMS)
def test_published_scores_of_stereoset_are_met(tmp_path, system):
    needs("stereoset")
    write(tmp_path, read_stereoset(system))
    record = audit(tmp_path, "--groups", "group")
    with (DATA / "stereoset" / "published_scores.csv").open() as lines:
        published = {
            row["domain"]: row
            for row in csv.DictReader(lines)
            if row["model"] == system and row["task"] == "intrasentence"
        }
    for domain in ("race", "religion"):
        for metric, name in (("stereoset_lm", "lm"), ("stereoset_ss", "ss"), ("stereoset_icat", "icat")):
            value = find(record, metric, [domain])["value"]
            assert 100 * value == pytest.approx(float(published[domain][name]), abs=1e-6), (domain, name)
    if system == "gpt2":
        score = find(record, "stereoset_ss", ["race"])
        assert (round(100 * score["low"], 1), round(100 * score["high"], 1)) == (56.6, 64.1)
        assert find(record, "stereoset_ss", ["religion"])["degrees_of_freedom"] == 2
        assert find(record, "stereoset_icat", ["race"]).get("low") is None
        assert "423 of 2,082 related sentences" in json.dumps(record["checks"])
        assert "Blodgett" in json.dumps(record["checks"])


BBQ = {
    ("Age", "race"): (54.67, 29.78, 93.48, 1.16),
    ("Age", "arc"): (33.88, 48.94, 89.62, 3.32),
    ("Age", "qonly"): (30.34, 51.39, 34.58, 73.77),
    ("Religion", "race"): (65.00, 14.33, 88.00, 0.18),
    ("Religion", "arc"): (43.83, 24.50, 85.17, 3.53),
    ("Religion", "qonly"): (58.00, 21.33, 22.33, 50.79),
}
SCORES = ("ambiguous_accuracy", "ambiguous_bias", "disambiguated_accuracy", "disambiguated_bias")


@pytest.mark.parametrize(("category", "form"), BBQ)
def test_scores_of_unifiedqa_on_bbq_are_met_to_the_printed_digit(tmp_path, category, form):
    needs("bbq")
    write(tmp_path, read_bbq(category, form))
    record = audit(tmp_path, "--groups", "group")
    found = [round(100 * find(record, metric, [category])["value"], 2) for metric in SCORES]
    assert found == pytest.approx(BBQ[category, form], abs=1e-9)


def test_an_interval_of_bbq_rests_on_templates_unless_another_unit_is_named(tmp_path, capsys):
    needs("bbq")
    write(tmp_path, read_bbq("Age", "race"))
    score = find(audit(tmp_path, "--groups", "group"), "ambiguous_bias", ["Age"])
    assert score["low"] <= 0.17
    assert score["high"] >= 0.43
    capsys.readouterr()
    record = audit(tmp_path, "--groups", "group", "--unit", "item")
    score = find(record, "ambiguous_bias", ["Age"])
    assert (score["low"], score["high"]) == pytest.approx((0.271, 0.325), abs=0.004)
    assert "1,840 items of 25 templates taken for independent" in score["method"]
    assert "3,680 items come from 25 templates" in capsys.readouterr().out.replace("\n         ", " ").replace(
        "\n  ", " "
    )


def bbq(number, condition, answer, *, category="Age", template=None):
    doc = {
        "question_index": str(number if template is None else template),
        "question_polarity": "neg",
        "context_condition": condition,
        "category": category,
        "answer_info": {"ans0": ["a", "old"], "ans1": ["b", "young"], "ans2": ["c", "unknown"]},
        "additional_metadata": {"stereotyped_groups": ["old"]},
        "ans0": "first",
        "ans1": "second",
        "ans2": "Unknown",
        "label": 2 if condition == "ambig" else 1,
    }
    return to_sample(number, doc, [answer])


def test_all_answers_against_the_stereotype_are_minus_one_and_none_is_undefined(tmp_path):
    away = [bbq(i, "ambig", "second") for i in range(30)]
    unknown = [bbq(30 + i, "ambig", "Unknown", category="Religion") for i in range(30)]
    refused = [bbq(60 + i, "ambig", "I'm sorry, no.", category="SES") for i in range(30)]
    write(tmp_path, [*away, *unknown, *refused])
    record = audit(tmp_path, "--groups", "group")
    assert find(record, "ambiguous_bias", ["Age"])["value"] == -1.0
    for group in ("Religion", "SES"):
        score = find(record, "ambiguous_bias", [group])
        assert (score["value"], score["status"]) == (None, "undefined")
        assert "no items that ended toward or away" in score["reason"]
    assert find(record, "ambiguous_accuracy", ["Religion"])["value"] == 1.0
    assert find(record, "ambiguous_accuracy", ["SES"])["status"] == "undefined"
    rates = [find(record, "invalid_rate", [group])["value"] for group in ("Age", "Religion", "SES")]
    assert rates == [0.0, 0.0, 1.0]
    assert not [e for e in record["estimates"] if e["metric"] == "disambiguated_bias"]


def test_scores_are_arithmetic_on_counts_in_random_tables(tmp_path):
    """Against the plainest arithmetic, with answers that are not valid and every condition."""
    random = np.random.default_rng(5)
    said = ["first", "second", "Unknown", "purple"]
    for trial in range(3):
        folder = tmp_path / str(trial)
        folder.mkdir()
        samples = [
            bbq(
                i,
                str(random.choice(["ambig", "disambig"])),
                str(random.choice(said)),
                category=str(random.choice(["x", "y"])),
            )
            for i in range(300)
        ]
        write(folder, samples)
        record = audit(folder, "--groups", "group")
        for group in ("x", "y"):
            own = [
                (s["doc"]["context_condition"], s["filtered_resps"][0])
                for s in samples
                if s["doc"]["category"] == group
            ]
            answers = [answer for condition, answer in own if condition == "ambig" and answer != "purple"]
            score = (answers.count("first") - answers.count("second")) / len(answers)
            assert find(record, "ambiguous_bias", [group])["value"] == pytest.approx(score, abs=1e-12)
            accuracy = answers.count("Unknown") / len(answers)
            assert find(record, "ambiguous_accuracy", [group])["value"] == pytest.approx(accuracy, abs=1e-12)
            toward, away = answers.count("first"), answers.count("second")
            assert (1 - accuracy) * (2 * toward / (toward + away) - 1) == pytest.approx(score, abs=1e-12)
            invalid = sum(answer == "purple" for _, answer in own) / len(own)
            assert find(record, "invalid_rate", [group])["value"] == pytest.approx(invalid, abs=1e-12)
            every = [answer for _, answer in own]
            share = every.count("first") / (every.count("first") + every.count("second"))
            assert find(record, "stereotype_score", [group])["value"] == pytest.approx(share, abs=1e-12)


def test_without_groups_scores_are_of_all_items_and_the_column_of_groups_is_named(tmp_path, capsys):
    write(tmp_path, [crows_pair(i, -1 - i % 3, -2, "age" if i % 2 else "gender") for i in range(60)])
    record = audit(tmp_path)
    assert find(record, "stereotype_score")["value"] == 0.5
    assert "To compare groups, add --groups group\n" in capsys.readouterr().out
    audit(tmp_path, "--gate", "stereotype_score highest <= 0.6", code=2)
    assert "needs groups; name their columns in --groups" in capsys.readouterr().err


def test_a_score_may_be_judged_and_the_record_verifies(tmp_path, capsys):
    samples = [crows_pair(i, -1, -2 if i % 10 else -0.5, "age" if i < 200 else "gender") for i in range(400)]
    write(tmp_path, samples)
    record = audit(tmp_path, "--groups", "group", "--gate", "stereotype_score highest <= 0.6", code=1)
    assert record["verdict"] == "fail"
    assert find(record, "stereotype_score", [])["value"] == 0.9
    said = capsys.readouterr().out
    assert "FAIL" in said
    assert "stereotype score" in said.lower()
    (card,) = (tmp_path / "runs").glob("*/card.md")
    assert "Counts of items are not withheld: an item is no person." in card.read_text()
    assert "all of them have the same label" not in card.read_text()
    with pytest.raises(SystemExit) as ended:
        main(["verify", "latest", "--store", str(tmp_path / "runs")])
    assert ended.value.code == 0


def test_a_table_that_is_none_of_items_is_refused(tmp_path, capsys):
    rows = {
        "item": ["a", "a"],
        "task": ["t", "t"],
        "template": ["1", "2"],
        "group": ["g", "h"],
        "outcome": ["toward", "away"],
    }
    rows |= {name: pa.nulls(2, pa.int8()) for name in ("correct", "related", "few_votes", "votes")}
    rows |= {"condition": pa.nulls(2, pa.string())}
    broken = {
        "has several rows": rows,
        "no outcome 'yes'": rows | {"item": ["a", "b"], "outcome": ["yes", "away"]},
        "no column 'votes'": {k: v for k, v in rows.items() if k != "votes"},
    }
    for said, columns in broken.items():
        pq.write_table(pa.table(columns), tmp_path / "items.parquet")
        with pytest.raises(SystemExit) as ended:
            main(["model", str(tmp_path / "items.parquet"), "--task", "items", "--groups", "group"])
        assert ended.value.code == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--prediction", "toward"], "items have outcomes and no prediction"),
        (["--weight", "votes"], "items of a benchmark have no weight"),
        (["--groups", "outcome"], "'outcome' is the outcome and a group column"),
        (["--gate", "selection_rate ratio >= 0.8"], 'needs task = "classification", but --task is items'),
    ],
)
def test_what_items_do_not_have_is_refused(tmp_path, capsys, options, said):
    write(tmp_path, [crows_pair(i, -1, -2) for i in range(3)])
    words = ["model", str(tmp_path / "items.parquet"), "--task", "items", "--groups", "group", *options]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_pairs_that_share_no_template_have_wilson_intervals(tmp_path):
    """114 of 200: 50.1 to 63.7."""
    write(tmp_path, [crows_pair(i, -1, -2 if i < 114 else -0.5) for i in range(200)])
    record = audit(tmp_path, "--groups", "group")
    score = find(record, "stereotype_score", ["gender"])
    assert (round(score["low"], 3), round(score["high"], 3)) == (0.501, 0.637)
    assert score["method"] == "wilson"


def test_a_tie_is_neither_and_in_no_score(tmp_path):
    samples = [
        to_sample(i, crows_pair(i, 0, 0)["doc"], likelihoods(*pair))
        for i, pair in enumerate([(-1, -2), (-1, -1), (-2, -1)] * 10)
    ]
    write(tmp_path, samples)
    record = audit(tmp_path, "--groups", "group")
    assert find(record, "stereotype_score", ["gender"])["value"] == 0.5
    assert find(record, "neither_rate", ["gender"])["value"] == pytest.approx(1 / 3)


def test_two_models_are_compared_on_the_same_items(tmp_path, capsys):
    needs("stereoset")
    tables = {}
    for name, system in (("new", "gpt2-large"), ("old", "gpt2")):
        tables[name] = read_logs([write_samples(tmp_path / "log.jsonl", read_stereoset(system))]).to_arrow()
    new, old = tables["new"], tables["old"].select(["item", "toward"]).rename_columns(["item", "before"])
    pq.write_table(new.join(old, "item"), tmp_path / "both.parquet")
    words = [
        "pairs",
        str(tmp_path / "both.parquet"),
        "--prediction",
        "toward",
        "--against",
        "before",
        "--groups",
        "group",
    ]
    with pytest.raises(SystemExit):
        main([*words, "--unit", "template", "--store", str(tmp_path / "runs")])
    (path,) = (tmp_path / "runs").glob("*/audit.json")
    record = json.loads(path.read_text())
    assert find(record, "flips_up", ["race"])["numerator"] == 86
    assert find(record, "flips_down", ["race"])["numerator"] == 59
    capsys.readouterr()


def test_items_without_a_stereotype_count_for_accuracy_and_for_no_bias_score(tmp_path):
    rows = [("toward", 0), ("undirected", 1), ("undirected", 0), ("neither", 1), ("invalid", 0)]
    common = {"task": "bbq", "condition": "disambig", "related": None, "few_votes": None, "votes": None, "group": "g"}
    table = [
        common | {"item": str(at), "template": str(at), "outcome": outcome, "correct": correct}
        for at, (outcome, correct) in enumerate(rows)
    ]
    pq.write_table(pa.Table.from_pylist(table), tmp_path / "items.parquet")
    record = audit(tmp_path, "--groups", "group")
    found = {name: find(record, name, ["g"]) for name in MEASURED}
    assert {name: (e["value"], e["denominator"]) for name, e in found.items()} == MEASURED


MEASURED = {
    "disambiguated_accuracy": (0.5, 4),
    "stereotype_score": (1.0, 1),
    "neither_rate": (0.5, 2),
    "invalid_rate": (0.2, 5),
}
