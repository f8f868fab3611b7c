"""A benchmark that is not known is read by a mapping of five lines."""

from __future__ import annotations

import pytest
from logs import likelihoods, to_sample, write_inspect, write_samples

from audit.errors import QuestionError, SourceError
from audit.items.read import read_logs

FIVE = 'task = "mine"\ntemplate = "doc.t"\ngroup = "doc.g"\ntoward = 0\naway = 1\n'


def read_one(folder, mapping, sample):
    file = folder / "mapping.toml"
    file.write_text(mapping)
    (item,) = read_logs([write_samples(folder / "log.jsonl", [sample])], mapping=file).items
    return item


def test_five_lines_are_enough_for_options_with_likelihoods(tmp_path):
    item = read_one(tmp_path, FIVE, to_sample(0, {"t": "a", "g": "x"}, likelihoods(-2, -1, -3)))
    assert (item.task, item.template, item.group, item.outcome, item.correct) == ("mine", "a", "x", "away", None)


def test_options_are_named_by_their_text_and_answers_are_text(tmp_path):
    mapping = (
        'task = "mine"\ngroup = "doc.g"\ntoward = "doc.bad"\naway = "doc.good"\nchoices = "doc.all"\n'
        'correct = "doc.right"\ncolumns = ["doc.g"]\n'
    )
    doc = {"g": "x", "bad": "the nurse", "good": "the doctor", "all": ["the doctor", "the nurse", "nobody"], "right": 2}
    answers = {
        "The nurse.": "toward",
        "I think the doctor": "away",
        "nobody": "neither",
        "the doctor or the nurse": None,
    }
    for text, outcome in answers.items():
        item = read_one(tmp_path, mapping, to_sample(0, doc, [text]))
        assert (item.outcome, item.reason) == (outcome or "neither", None if outcome else "unreadable"), text
        assert item.correct is (text == "nobody")


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        (FIVE + 'columns = ["doc.outcome"]\n', "'doc.outcome' would be a column that audit read writes"),
        (FIVE + 'columns = ["doc.t", "meta.t"]\n', "two fields would be the column 't'"),
        (FIVE + "grup = 1\n", "no key 'grup'; did you mean 'group'"),
        (FIVE.replace("away = 1\n", ""), "away: Field required"),
        (FIVE.replace("doc.t", "doc.temp"), "line 1: doc: no field 'temp'"),
        (FIVE.replace("away = 1", "away = 0"), "toward and away are one option"),
        (FIVE.replace("away = 1", "away = 7"), "'7' is none of the 2 options"),
        ("task = ", "is not TOML"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(tmp_path, mapping, said):
    with pytest.raises((QuestionError, SourceError), match=said):
        read_one(tmp_path, mapping, to_sample(0, {"t": "a", "g": "x"}, likelihoods(-2, -1)))


def test_a_task_and_a_mapping_are_not_both_given(tmp_path):
    with pytest.raises(QuestionError, match="--task and --mapping"):
        read_logs([], task="bbq", mapping=tmp_path)


def test_repeats_of_an_item_share_a_template(tmp_path):
    mapping = tmp_path / "mapping.toml"
    mapping.write_text('task = "mine"\ntoward = 0\naway = 1\n')
    common = {"input": "?", "choices": ["m", "l"], "target": "A", "metadata": {}, "output": {"completion": "A"}}
    samples = [common | {"id": name, "epoch": epoch} for name in "xy" for epoch in (1, 2, 3)]
    table = read_logs([write_inspect(tmp_path / "log.json", samples)], mapping=mapping)
    assert (len(table.items), table.templates) == (6, 2)
    (item,) = read_logs(
        [write_inspect(tmp_path / "one.json", [common | {"id": 1, "epoch": None}])], mapping=mapping
    ).items
    assert item.item == "1"


def test_a_group_that_is_no_number_is_missing_and_a_mark_of_utf8_is_no_statement(tmp_path):
    """Python writes NaN into JSON; as a text it would be a group of its own."""
    item = read_one(tmp_path, "\ufeff" + FIVE, to_sample(0, {"t": "a", "g": float("nan")}, likelihoods(-2, -1)))
    assert item.group is None
    with pytest.raises(SourceError, match=r"'doc.t' is no text and no number"):
        read_one(tmp_path, FIVE, to_sample(0, {"t": float("nan"), "g": "x"}, likelihoods(-2, -1)))
    with pytest.raises(QuestionError, match="columns: Input should be a valid list"):
        read_one(tmp_path, FIVE + 'columns = "doc.g"\n', to_sample(0, {"t": "a", "g": "x"}, likelihoods(-2, -1)))
