"""What a training says of its groups while it is audited: the file, what is read of it, the document, the card."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples

import audit
from audit.config.read import build
from audit.counting.cells import Cells
from audit.errors import QuestionError
from audit.estimate import cell_text
from audit.pipeline.run import Job, run
from audit.pipeline.track import track
from audit.pipeline.verify import describe_differences
from audit.record.cubes import to_cube
from audit.record.epochs import FILE, MOST_DRAWN, RUN, choose_epochs, log_epoch, make_epoch, measure_rates, read_epochs
from audit.record.reader import read_text
from audit.record.result import AuditResult
from audit.record.store import Store
from audit.report.card.render import render
from audit.report.disclosure.publishable import publishable

SEXES = ("female", "male")
LEVELS = {"sex": SEXES, "race": ("black", "white")}


def rows_of(seed, n=2000):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "sex": rng.choice(SEXES, n), "race": rng.choice(["black", "white"], n, p=[0.1, 0.9]),
        "label": rng.integers(0, 2, n), "prediction": rng.integers(0, 2, n),
    })  # fmt: skip


def account_of(rows, levels=LEVELS, classes=2):
    cells = Cells(levels, classes)
    table = np.zeros(cells.padded + 1, dtype=np.int64)
    key = rows["prediction"].to_numpy() + 1 + cells.label_stride * (rows["label"].to_numpy() + 1)
    for name, stride in cells.strides.items():
        key = key + stride * (pd.Categorical(rows[name], categories=levels[name]).codes.astype(int) + 2)
    np.add.at(table, key, 1)
    return cells.account(table)


def recorded(number, part, account, **more):
    """Record of what a tally counted."""
    excluded = account.rows_excluded
    return make_epoch(number, part, account.cube, rows_read=account.rows_read, rows_excluded=excluded, **more)


def point(number, rows=None, part="validation", **more):
    account = account_of(rows_of(number) if rows is None else rows)
    return recorded(number, part, account, **more)


# The rates of an epoch


@pytest.mark.parametrize("seed", range(3))
def test_the_rates_of_an_epoch_are_those_of_an_audit_of_its_rows(seed):
    rows = rows_of(seed)
    rows.loc[rows.index[:30], "race"] = None
    found = measure_rates(point(1, rows))
    oracle = audit.measure(rows["label"], rows["prediction"], groups=rows[["sex", "race"]])
    for e in found:
        there = oracle.find(e.metric, by=e.by) if not e.by else oracle.find(e.metric, by=e.by, group=e.group)
        assert e in there
    assert {e.metric for e in found} == {"selection_rate", "true_positive_rate", "false_positive_rate", "accuracy"}
    assert {(e.by, e.group) for e in found if e.by} == {
        (("sex",), ("female",)), (("sex",), ("male",)), (("race",), ("black",)), (("race",), ("white",)), (("race",), (None,)),
    }  # fmt: skip
    assert all(e.low <= e.value <= e.high and e.n for e in found)


def test_the_accuracy_of_several_classes_is_that_of_an_audit_of_its_rows():
    rng = np.random.default_rng(0)
    rows = rows_of(0).assign(label=rng.integers(0, 4, 2000), prediction=rng.integers(0, 4, 2000))
    account = account_of(rows, {"sex": SEXES}, classes=4)
    found = measure_rates(recorded(1, "validation", account), 0.9)
    oracle = audit.measure(rows["label"], rows["prediction"], groups=rows[["sex"]], task="multiclass", confidence=0.9)
    assert len(found) == 3
    assert all(e in oracle.find("accuracy", by=e.by) for e in found)


# The file


def test_outside_an_audit_nothing_is_written(tmp_path, monkeypatch, capfd):
    monkeypatch.delenv(RUN, raising=False)
    monkeypatch.chdir(tmp_path)
    assert not log_epoch(point(1))
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_what_is_written_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setenv(RUN, str(tmp_path))
    written = [point(i, part=part) for part in ("validation", "test") for i in (1, 2, 3)]
    for epoch in written:
        assert log_epoch(epoch)
    assert read_epochs(tmp_path) == (tuple(written), ())
    for line in (tmp_path / FILE).read_text().split("\n"):
        json.loads(line or "0")


def test_no_file_is_no_epoch(tmp_path):
    assert read_epochs(tmp_path) == ((), ())
    assert read_epochs(tmp_path / "nowhere") == ((), ())


@settings(max_examples=count_examples(40), deadline=None)
@given(st.integers(1, 10_000))
def test_a_file_that_is_cut_anywhere_keeps_what_is_whole(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("cut")
    written = [point(i, rows_of(i, 20)) for i in (1, 2, 3)]
    for epoch in written:
        log_epoch(epoch, str(folder))
    whole = (folder / FILE).read_bytes()
    cut = min(cut, len(whole))
    (folder / FILE).write_bytes(whole[:-cut])
    found, notes = read_epochs(folder)
    lines = whole[:-cut].split(b"\n")
    full = [line for line in whole.split(b"\n") if line]
    intact = [line for line in lines if line in full]
    assert len(found) == len(intact)
    assert found == tuple(written[: len(found)])
    assert len(notes) == len([line for line in lines if line]) - len(intact)
    log_epoch(written[2], str(folder))  # after a restart the torn line stays apart
    assert written[2] in read_epochs(folder)[0]


def test_an_epoch_that_is_logged_again_is_replaced_and_that_is_said(tmp_path):
    first, again, other = point(3), point(3, rows_of(77)), point(4)
    for epoch in (first, other, again):
        log_epoch(epoch, str(tmp_path))
    assert read_epochs(tmp_path) == ((again, other), ("epoch 3 of validation was logged again; the later one stands",))


def broken(**changes):
    plain = json.loads(json.dumps(audit.record.serialize.to_plain(point(1))))
    return json.dumps(plain | changes)


def cubes(**changes):
    counts = json.loads(broken())["counts"]
    return broken(counts=counts | changes)


@pytest.mark.parametrize(
    "line",
    [
        "no json", "[]", "null", '{"number": 1}', broken(number=-1), broken(number="1"), broken(number=1.5), broken(extra=1),
        broken(counts=None), broken(every=0), '{"number": NaN}', "[" * 5000, broken()[:-1] + ', "number": 2}',
        cubes(cells=[[0, 0, 0]], measures={"n": [1]}), cubes(cells=[[9, 0, 0, 0]], measures={"n": [1]}),
        cubes(cells=[[-1, 0, 0, 0]], measures={"n": [1]}), cubes(cells=[[0, 0, 0, 0]], measures={"n": [-3]}),
        cubes(cells=[[0, 0, 0, 0]], measures={"n": [0.5]}), cubes(cells=[[0, 0, 0, 0]] * 2, measures={"n": [1, 1]}),
        cubes(cells=[[0, 0, 0, 0]], measures={"n": [1, 2]}), cubes(measures={}), cubes(axes=[]),
    ],
)  # fmt: skip
def test_a_line_that_is_no_epoch_is_left_out_and_said(tmp_path, line):
    log_epoch(point(1), str(tmp_path))
    with (tmp_path / FILE).open("a") as file:
        file.write(f"\n{line}\n")
    log_epoch(point(2), str(tmp_path))
    found, notes = read_epochs(tmp_path)
    assert [e.number for e in found] == [1, 2]
    assert len(notes) == 1
    assert re.fullmatch(r"line \d+ of epochs.jsonl is not an epoch and was excluded", notes[0])


def test_a_file_of_another_kind_is_said_and_nothing_breaks(tmp_path):
    (tmp_path / FILE).write_bytes(b"\xff\xfe\x00garbage")
    assert read_epochs(tmp_path)[0] == ()
    assert "cannot be read" in read_epochs(tmp_path)[1][0] or "no epoch" in read_epochs(tmp_path)[1][0]
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    assert read_epochs(tmp_path)[0] == ()
    assert len(read_epochs(tmp_path)[1]) == 1


@pytest.mark.parametrize("where", ["nowhere", "file", "full"])
def test_a_folder_that_cannot_be_written_costs_one_line_and_never_the_training(tmp_path, monkeypatch, capfd, where):
    folder = tmp_path / where
    if where == "file":
        folder.write_text("")
    if where == "full":
        folder.mkdir()
        (folder / FILE).symlink_to("/dev/full")
    monkeypatch.setenv(RUN, str(folder))
    assert not log_epoch(point(1))
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("audit: epoch 1 of validation is not kept: ")
    assert "training goes on" in err


@pytest.mark.parametrize(
    ("number", "part"), [(-1, "validation"), (1.5, "validation"), (True, "validation"), (1, " "), (1, "x" * 81)]
)
def test_an_epoch_without_a_number_or_a_name_is_refused(number, part):
    account = account_of(rows_of(0))
    with pytest.raises(QuestionError):
        recorded(number, part, account)


# The run


HERE = Path(__file__).parent
TRAIN = """
import json, os, sys
import pandas as pd
sys.path[:0] = {tests!r}
from test_epochs import point, rows_of
from audit.record.epochs import log_epoch
for number in (1, 2, 3):
    log_epoch(point(number))
if len(sys.argv) > 1:
    sys.stdout.flush()
    os.kill(os.getpid(), int(sys.argv[1]))
rows_of(3).to_csv("p.csv", index=False)
"""


def job(folder, *words):
    (folder / "train.py").write_text(TRAIN.format(tests=[str(HERE), str(HERE.parent / "support")]))
    raw = {
        "data": {"label": "label", "groups": ["sex", "race"], "intersections": 2},
        "train": {"command": [sys.executable, "train.py", *words], "predictions": "p.csv"},
        "predictions": {"prediction": "prediction"},
    }
    return Job(config=build(raw), folder=folder, store=Store(folder / "store"))


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    return run(job(tmp_path_factory.mktemp("run")))


def test_a_run_carries_the_epochs_of_its_training(audited):
    result = audited.result
    assert result.epochs == tuple(point(i) for i in (1, 2, 3))
    assert result.epoch_notes == ()
    last, predictions = to_cube(result.epochs[-1].counts), to_cube(result.cubes[-1])
    assert (last.drop("sex", None).drop("race", None)["n"] == predictions["n"]).all()
    for e in result.epochs[-1].measured():
        assert e in result.find(e.metric, by=e.by)


def test_the_document_keeps_them_and_reads_them_again(audited):
    text = (audited.folder / "audit.json").read_text()
    read = read_text(text, "audit.json")
    assert read.epochs == audited.result.epochs
    assert describe_differences(read) == ()
    old = json.loads(text)
    del old["epochs"], old["epoch_notes"]
    assert read_text(json.dumps(old), "an older document").epochs == ()


def test_a_training_that_is_killed_leaves_the_epochs_that_it_ended(tmp_path):
    killed = run(job(tmp_path, "9"))
    assert killed.exit_code != 0
    assert killed.result.verdict == "incomplete"
    assert killed.result.epochs == tuple(point(i) for i in (1, 2, 3))


def test_track_carries_them_too_and_hides_the_folder_of_an_outer_run(tmp_path, monkeypatch):
    monkeypatch.setenv(RUN, str(tmp_path / "outer"))
    one = job(tmp_path)
    asked = replace(one, config=build({"energy": {}}))
    tracked = track([sys.executable, "train.py"], asked)
    assert tracked.exit_code == 0
    assert len(tracked.result.epochs) == 3
    assert not (tmp_path / "outer").exists()
    assert os.environ[RUN] == str(tmp_path / "outer")


# The card


def test_the_card_draws_a_line_for_every_group(audited):
    page = (audited.folder / "card.html").read_text()
    section = page[page.index("Results by group during training") : page.index('id="data"')]
    assert section.count('<svg class="plot panel"') == 4 * 4
    assert section.count('class="line"') == section.count('class="whole"') == 16
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for e in audited.result.epochs[-1].measured():
        assert cell_text(e.value, "share") in section
    text = (audited.folder / "card.md").read_text()
    assert "<details><summary>Results by group during training</summary>" in text
    assert "By sex, on validation" in text
    assert re.search(r"was \d+\.\d%", text)


def test_a_card_without_epochs_says_nothing_of_them(audited):
    bare = replace(audited.result, epochs=())
    for form in ("html", "md"):
        assert "during training" not in render(bare, form)
    noted = replace(audited.result, epochs=(), epoch_notes=("line 3 of epochs.jsonl is cut off and was left out",))
    for form in ("html", "md"):
        assert "line 3 of epochs.jsonl is cut off" in render(noted, form).replace("\\", "")


@pytest.mark.parametrize("seed", range(4))
def test_what_is_left_out_of_an_epoch_is_left_out_of_the_predictions_of_the_same_rows(seed):
    """Otherwise the one would give away what the other hides."""
    rows = rows_of(seed, 260)
    result = audit.measure(rows["label"], rows["prediction"], groups=rows[["sex", "race"]], intersections=2)
    shown = publishable(replace(result, epochs=(point(1, rows),)))
    assert shown.epochs[0].counts is None
    statuses = []
    for e in shown.epochs[0].rates:
        there = shown.find(e.metric, by=e.by) if not e.by else shown.find(e.metric, by=e.by, group=e.group)
        assert e in there
        statuses.append(e.status)
    assert "suppressed" in statuses
    assert "ok" in statuses


def test_a_group_of_few_rows_has_no_line_and_no_number(audited):
    rows = pd.concat([rows_of(1)[lambda t: t["race"] == "white"], rows_of(2)[lambda t: t["race"] == "black"].head(7)])
    result = replace(audited.result, epochs=(point(1, rows), point(2, rows)))
    black = [e for epoch in publishable(result).epochs for e in epoch.rates if e.group == ("black",)]
    assert len(black) == 8
    assert all(
        (e.status, e.value, e.n, e.numerator, e.denominator) == ("suppressed", None, None, None, None) for e in black
    )
    page = render(result, "html")
    section = page[page.index("Results by group during training") : page.index('id="data"')]
    assert not re.search(r'class="label"[^>]*>black<', section)
    assert "withheld to protect groups under 10; a line is broken there" in section
    everything = publishable(result, 1).epochs[0]
    assert "suppressed" not in {e.status for e in everything.rates}


def test_of_many_epochs_an_even_choice_is_drawn_and_said(audited):
    many = tuple(replace(point(1), number=i) for i in range(1000)) + tuple(
        replace(point(1), number=i, part="test") for i in range(3)
    )
    picked = choose_epochs(many)
    assert [e.number for e in picked if e.part == "test"] == [0, 1, 2]
    numbers = [e.number for e in picked if e.part == "validation"]
    assert (len(numbers), numbers[0], numbers[-1]) == (MOST_DRAWN, 0, 999)
    assert len(set(numbers)) == MOST_DRAWN
    page = render(replace(audited.result, epochs=many), "html")
    assert "40 of 1,000 epochs are drawn" in page
    assert len(page) < 500_000


def test_a_sample_is_said_and_a_strange_name_is_safe(audited):
    epoch = point(1, part="<script>alert(1)</script>", every=5)
    for form in ("html", "md"):
        page = render(replace(audited.result, epochs=(epoch,)), form)
        assert "<script" not in page
        assert "Only one of 5 steps was counted" in page


def test_a_group_that_comes_and_goes_breaks_its_line(audited):
    whole = rows_of(1)
    without = whole[whole["race"] == "white"]
    epochs = (point(1, whole), point(2, without), point(3, whole))
    page = render(replace(audited.result, epochs=epochs), "html")
    lines = re.findall(r'class="line" d="([^"]+)"', page[page.index("Results by group during training") :])
    assert [line for line in lines if line.count("M") == 2 and "h0.01" in line]


def test_results_are_results(audited):
    assert isinstance(audited.result, AuditResult)
    assert audited.result.epochs[0].measured().of("model", "accuracy", ("sex",))
