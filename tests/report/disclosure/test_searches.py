"""What searches for what to withhold came to, kept beside a record: used, never trusted beyond it, never different."""

from __future__ import annotations

import json
import re
import shutil

import pytest
import sample_results
from stored_results import NEW, of_run

import audit
from audit.cli import main
from audit.pipeline.run import write
from audit.record.reader import read_result
from audit.record.store import Store
from audit.report.disclosure import hide, steady
from audit.report.disclosure.publishable import publishable
from audit.report.disclosure.searches import SEARCHES, Searches, read_searches

COUNTS = {
    ("black", "female"): (160, 40, 60, 250),
    ("black", "male"): (260, 180, 160, 840),
    ("hispanic", "female"): (40, 13, 15, 160),
    ("hispanic", "male"): (130, 12, 11, 590),
    ("white", "female"): (120, 130, 120, 2590),
    ("white", "male"): (5, 3, 2, 11),
}

PAIRS = {
    "x": (300, 20, 20, 60, 60, 20, 20, 300),
    "y": (300, 2, 20, 60, 60, 20, 20, 300),
    "z": (90, 20, 20, 60, 60, 20, 20, 90),
    "none": (7, 0, 3, 2, 0, 5, 1, 30),
}
"""Rows by label, new and earlier decision."""


def make_crossed(gates=("selection_rate ratio >= 0.8",)):
    groups = {"race": [], "sex": []}
    labels, predictions = [], []
    for (race, sex), four in COUNTS.items():
        for at, n in enumerate(four):
            groups["race"] += [race] * n
            groups["sex"] += [sex] * n
            labels += [at // 2] * n
            predictions += [at % 2] * n
    return audit.measure(labels, predictions, groups=groups, intersections=2, gates=list(gates))


def make_pairs():
    """Two decisions about the same people, of which some counts are small."""
    rows = {name: [] for name in ("group", "y", "new", "earlier")}
    for group, eight in PAIRS.items():
        for at, n in enumerate(eight):
            for name, level in zip(rows, (group, at // 4, at // 2 % 2, at % 2), strict=True):
                rows[name] += [level] * n
    return audit.measure(rows["y"], rows["new"], groups={"group": rows["group"]}, against=rows["earlier"])


@pytest.fixture(scope="module", params=[make_crossed, make_pairs], ids=["crossed", "pairs"])
def recorded(request, tmp_path_factory):
    return write(of_run(request.param(), NEW), Store(tmp_path_factory.mktemp("kept") / "audit-runs"))


@pytest.fixture
def copied(recorded, tmp_path):
    return shutil.copytree(recorded, tmp_path / "audit-runs" / recorded.name)


@pytest.fixture
def searched(monkeypatch):
    """What was searched for, anew, from now on."""
    seen = []
    for room, name in ((hide, "_find_hidden"), (hide, "_find_hidden_pairs"), (steady, "_is_the_same")):
        search = getattr(room, name)
        monkeypatch.setattr(room, name, lambda *a, name=name, search=search, **k: seen.append(name) or search(*a, **k))
    return seen


def change(folder, old, new):
    file = folder / SEARCHES
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def said_of(folder, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(folder)])
    told = capsys.readouterr()
    return ended.value.code, told.out + told.err


def test_nothing_is_searched_for_twice_and_the_same_is_withheld(recorded, searched):
    result = read_result(recorded)
    anew = publishable(result)
    assert "_find_hidden" in searched
    searched.clear()
    assert publishable(result, searches=read_searches(recorded)) == anew
    assert not searched


def test_another_k_is_another_search(recorded, searched):
    result = read_result(recorded)
    assert publishable(result, 7, read_searches(recorded)) == publishable(result, 7)
    assert "_find_hidden" in searched


def test_what_a_limit_is_about_is_part_of_what_is_asked(searched, tmp_path):
    """Limits that are judged again may spare other groups."""
    folder = write(of_run(make_crossed(), NEW), Store(tmp_path))
    other = make_crossed(gates=())
    searched.clear()
    assert publishable(other, searches=read_searches(folder)) == publishable(other)
    assert "_find_hidden" in searched


def test_beside_another_record_nothing_of_it_is_used(copied, searched):
    (copied / "audit.json").write_text((copied / "audit.json").read_text() + "\n")
    publishable(read_result(copied), searches=read_searches(copied))
    assert "_find_hidden" in searched


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"code": "', '"code": "0'),
        ("audit-withholding/1", "audit-withholding/2"),
        ('"searches": {', '"searches": ['),
        ("[[", "[[99999, "),
        ("[[", "[[-1, "),
        ("[[", "[[true, "),
        (": [[", ": [[], [["),
        ("]]", "]"),
    ],
)
def test_what_no_run_writes_is_not_used(copied, old, new):
    result = read_result(copied)
    change(copied, old, new)
    assert publishable(result, searches=read_searches(copied)) == publishable(result)


def test_it_holds_digests_and_places_alone(recorded):
    kept = json.loads((recorded / SEARCHES).read_text())
    assert kept.keys() == {"schema", "code", "searches"}
    assert all(re.fullmatch("[0-9a-f]{32}", asked) for asked in kept["searches"])
    groups = {(e.by, e.group) for e in read_result(recorded).estimates if e.group is not None}
    places = [i for found in kept["searches"].values() for places in found for i in places]
    assert set(map(type, places)) == {int}
    assert max(places) <= len(groups)


def test_without_the_record_no_count_can_be_guessed_and_tried(recorded):
    """The digest of a question is one of its record too."""
    result, kept = read_result(recorded), read_searches(recorded)
    guessed = Searches("")
    publishable(result, searches=guessed)
    assert not guessed.asked.keys() & kept.known.keys()


def test_verify_searches_again_and_compares(copied, capsys):
    code, said = said_of(copied, capsys)
    assert code == 0, said
    kept = json.loads((copied / SEARCHES).read_text())["searches"]
    shown = next(asked for asked, found in kept.items() if len(found) > 1 and any(found))
    change(copied, f'"{shown}": {json.dumps(kept[shown])}', f'"{shown}": {json.dumps([[] for _ in kept[shown]])}')
    code, said = said_of(copied, capsys)
    assert code == 1
    assert f"{SEARCHES} does not match what this record withholds; remove it" in said
    (copied / SEARCHES).unlink()
    assert said_of(copied, capsys)[0] == 0


def test_verify_finds_what_was_added(copied, capsys):
    change(copied, '"searches": {', '"searches": {\n"0123456789abcdef0123456789abcdef": [[1]],')
    assert said_of(copied, capsys)[0] == 1


def test_where_nothing_is_withheld_nothing_is_kept(tmp_path):
    counts = {(level,): (400, 120, 150, 330) for level in "abc"}
    folder = write(of_run(sample_results.result_of(("race",), counts), NEW), Store(tmp_path))
    assert not (folder / SEARCHES).exists()


def test_a_group_that_nobody_knows_is_never_taken_for_another():
    """Places are those of the groups that were asked about, so a longer list is refused."""
    keys = ((), ()), (("a",), ("x",))
    kept = Searches("r")
    kept.find_hidden("asked", ("rows",), keys, lambda: [[keys[1]]])
    again = Searches("r", kept.asked)
    assert again.find_hidden("asked", ("rows",), keys, list) == {"rows": {keys[1]}}
    assert again.find_hidden("asked", ("rows",), keys[:1], lambda: [[]]) == {"rows": frozenset()}
