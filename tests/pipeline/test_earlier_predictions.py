"""Nothing that a user has is lost: what lies where training leaves its predictions, and whatever else a command writes."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest
import sample_results as samples
from commands import begin
from property_tests import crossed_now, some_now

from audit.cli import main
from audit.config.read import build
from audit.errors import AuditError, InputError, QuestionError, SourceError
from audit.pipeline.run import Job, run
from audit.record.store import BEFORE, Store
from audit.report.card.render import render

ROWS = "g,y,p\n" + "a,0,0\na,1,1\nb,0,1\nb,1,1\n" * 50
OLD = "g,y,p\n" + "a,1,0\nb,1,0\n" * 30
FRESH = f"open('p.csv', 'w').write({ROWS!r})"


def question(command, predictions="p.csv", **data):
    return {
        "data": {"source": "data.csv", "label": "y", "groups": ["g"], **data},
        "train": {"command": [sys.executable, "-c", command], "predictions": predictions},
        "predictions": {"prediction": "p"},
    }


@pytest.fixture
def here(tmp_path):
    (tmp_path / "data.csv").write_text(ROWS)
    return tmp_path


def audited(here, command=FRESH, predictions="p.csv", **data):
    raw = question(command, predictions, **data)
    return run(Job(config=build(raw), folder=here, store=Store(here / "runs")))


def ended(*words):
    """Exit code of a command."""
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    return caught.value.code or 0


def contents(here):
    """Every file but those of the store."""
    return {str(p.relative_to(here)): p.read_text() for p in here.rglob("*") if p.is_file() and "runs" not in p.parts}


# --- a place that holds something else is refused, and nothing is started


def link(here):
    (here / "p.csv").symlink_to("data.csv")


def hard_link(here):
    os.link(here / "data.csv", here / "p.csv")


def folder_of_it(here):
    (here / "all").mkdir()
    (here / "data.csv").rename(here / "all" / "data.csv")
    (here / "data.csv").symlink_to("all/data.csv")


def suite(here):
    (here / "suite.json").write_text('{"expectations": []}')


READ = {
    "the data": ("data.csv", {}, None),
    "another spelling": ("./out/../data.csv", {}, lambda here: (here / "out").mkdir()),
    "a link": ("p.csv", {}, link),
    "a hard link": ("p.csv", {}, hard_link),
    "one of a pattern": ("p.csv", {"source": "*.csv"}, lambda here: (here / "p.csv").write_text(ROWS)),
    "held-out rows": ("t.csv", {"test": "t.csv"}, lambda here: (here / "t.csv").write_text(ROWS)),
    "one of two held out": ("t.csv", {"test": ["s.csv", "t.csv"]}, lambda here: [(here / f"{n}.csv").write_text(ROWS) for n in "st"]),
    "a folder that holds the data": ("all", {}, folder_of_it),
    "the whole pipeline": (".", {}, None),
    "a script": ("train.py", {}, lambda here: (here / "train.py").write_text("pass")),
    "the question": ("audit.toml", {}, lambda here: (here / "audit.toml").write_text("[data]")),
    "notes": ("README.md", {}, lambda here: (here / "README.md").write_text("mine")),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_a_place_that_holds_something_else_is_refused_before_anything_starts(here, case):
    predictions, data, make = READ[case]
    if make is not None:
        make(here)
    before = contents(here)
    with pytest.raises(QuestionError, match="training would overwrite"):
        audited(here, "open('began', 'w')", predictions, **data)
    assert contents(here) == before


def test_the_suite_is_refused_as_a_place(here):
    suite(here)
    raw = question(FRESH, "suite.json") | {"checks": {"suite": "suite.json"}}
    with pytest.raises(QuestionError, match=r"what \[checks\] suite reads"):
        run(Job(config=build(raw), folder=here, store=Store(here / "runs")))


def test_data_that_prepare_makes_where_predictions_would_lie_is_refused_too(here):
    (here / "d").mkdir()
    (here / "prepare.py").write_text("import os\nos.link('data.csv', 'd/train.csv')\nos.link('data.csv', 'p.csv')\n")
    before = contents(here)
    with pytest.raises(QuestionError, match=r"what \[data\] source reads"):
        audited(here, "open('began', 'w')", source="d/*.csv", prepare=[sys.executable, "prepare.py"])
    assert contents(here) == before | {"d/train.csv": ROWS, "p.csv": ROWS}


# --- an old file is told from a new one

TOUCHED = (
    "import os; os.utime('p.csv')",
    "import os; os.utime('p.csv', (1e9, 1e9))",
    "import os; os.utime('p.csv', (4e9, 4e9))",
    "import pathlib; pathlib.Path('p.csv').touch()",
    "import os; os.system('touch p.csv')",
    "import os; os.chmod('p.csv', 0o600); os.rename('p.csv', 'q'); os.rename('q', 'p.csv'); os.utime('p.csv')",
)
"""What gives a file another time of change without a word written to it."""


def test_a_new_file_of_the_very_same_bytes_is_new(here):
    (here / "p.csv").write_text(ROWS)
    assert audited(here).result.data[-1].rows_read == 200
    assert contents(here) == {"data.csv": ROWS, "p.csv": ROWS}


@pytest.mark.skipif(sys.platform != "linux", reason="only this kernel tells a new time from new bytes")
def test_a_part_of_a_folder_that_was_only_touched_is_old(here):
    (here / "out").mkdir()
    for name in ("1.csv", "2.csv"):
        (here / "out" / name).write_text(OLD)
    with pytest.raises(SourceError, match=r"out/2\.csv existed before training and was not changed by it"):
        audited(here, f"import os; open('out/1.csv', 'w').write({ROWS!r}); os.utime('out/2.csv')", "out")


@pytest.mark.parametrize("mode", ["w", "r+"])
def test_the_same_bytes_written_in_place_are_new(here, mode):
    """A training with a seed writes them again."""
    (here / "p.csv").write_text(ROWS)
    assert audited(here, f"open('p.csv', {mode!r}).write({ROWS!r})").result.data[-1].rows_read == 200


@pytest.mark.parametrize(
    "command",
    some_now(
        ["pass", "import os; os.chmod('p.csv', 0o600)", *TOUCHED, "open('p.csv', 'a')", "open('p.csv').read()"], 5
    ),
)
def test_a_file_that_training_left_as_it_was_is_not_audited(here, command):
    (here / "p.csv").write_text(OLD)
    with pytest.raises(SourceError, match=r"without writing 'p\.csv'.*existed before and was not changed"):
        audited(here, command)
    assert contents(here) == {"data.csv": ROWS, "p.csv": OLD}
    assert list((here / "runs").iterdir()) == []


def test_rows_added_to_an_old_file_are_not_audited_with_it(here):
    (here / "p.csv").write_text(OLD)
    with pytest.raises(SourceError, match="it may have rows of an earlier run"):
        audited(here, "open('p.csv', 'a').write('a,1,1\\n' * 9)")
    assert (here / "p.csv").read_text() == OLD
    assert OLD + "a,1,1\n" * 9 in contents(here).values()


@pytest.mark.parametrize("old", ["", "g,y,p\n", OLD], ids=["empty", "a header", "rows"])
def test_any_old_file_may_be_written_anew(here, old):
    (here / "p.csv").write_text(old)
    assert audited(here).result.data[-1].rows_read == 200


def test_a_writing_within_one_tick_of_a_coarse_clock_is_seen(here):
    (here / "p.csv").write_text(ROWS)
    other = ROWS.replace("b,0,1", "b,0,0")
    tick = "import os; s = os.stat('p.csv'); "
    audited(here, f"{tick}open('p.csv', 'r+').write({other!r}); os.utime('p.csv', ns=(s.st_atime_ns, s.st_mtime_ns))")
    assert (here / "p.csv").read_text() == other


# --- the last good predictions outlive a training that fails

HARM = {
    "untouched": "pass",
    "cut off": "open('p.csv', 'w').write('half')",
    "renamed over": "open('q', 'w').write('half'); os.replace('q', 'p.csv')",
    "removed": "os.remove('p.csv')",
    "moved away": "os.rename('p.csv', 'elsewhere.csv')",
    "a folder now": "os.remove('p.csv'); os.mkdir('p.csv'); open('p.csv/half', 'w').write('half')",
}
ENDS = {"a code": "raise SystemExit(3)", "killed": "os.kill(os.getpid(), 9)", "an exception": "1 / 0"}


@pytest.mark.parametrize(("harm", "end"), crossed_now(HARM, ENDS))
def test_after_a_training_that_fails_the_old_predictions_are_there_as_they_were(here, harm, end):
    (here / "p.csv").write_text(OLD)
    (here / "p.csv").chmod(0o640)
    at_ns = (here / "p.csv").stat().st_mtime_ns
    done = audited(here, f"import os; {HARM[harm]}; {ENDS[end]}")
    assert done.exit_code == 5
    found = (here / "p.csv").stat()
    assert ((here / "p.csv").read_text(), found.st_mtime_ns, found.st_mode & 0o777) == (OLD, at_ns, 0o640)
    assert ("half" in contents(here).values()) == ("half" in HARM[harm]), "what training left is kept too"
    assert not list(done.folder.glob(f"{BEFORE}*"))


def test_a_training_that_ends_well_and_leaves_nothing_costs_no_predictions(here):
    (here / "p.csv").write_text(OLD)
    with pytest.raises(SourceError, match="without writing 'p.csv'"):
        audited(here, "import os; os.remove('p.csv')")
    assert (here / "p.csv").read_text() == OLD


def test_a_link_and_what_it_leads_to_are_put_back(here):
    (here / "out").mkdir()
    (here / "out" / "real.csv").write_text(OLD)
    (here / "p.csv").symlink_to("out/real.csv")
    cut, replaced = "open('p.csv', 'w').write('half')", "open('q', 'w').write('half'); os.replace('q', 'p.csv')"
    for command in (cut, replaced):
        assert audited(here, f"import os; {command}; raise SystemExit(1)").exit_code == 5
        assert (here / "p.csv").readlink() == Path("out/real.csv")
        assert (here / "out" / "real.csv").read_text() == OLD


def test_a_folder_of_predictions_is_put_back(here):
    (here / "out" / "deep").mkdir(parents=True)
    parts = {"out/1.csv": OLD, "out/deep/1.csv": ROWS}
    for name, text in parts.items():
        (here / name).write_text(text)
    assert audited(here, "import shutil; shutil.rmtree('out'); raise SystemExit(1)", "out").exit_code == 5
    assert contents(here) == {"data.csv": ROWS, **parts}


def test_what_cannot_be_kept_is_not_trained_over(here, monkeypatch):
    (here / "p.csv").write_text(OLD)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("audit.pipeline.earlier_predictions.shutil.copy2", full)
    with pytest.raises(SourceError, match=r"old 'p\.csv'.*cannot be kept.*No space left"):
        audited(here, "open('began', 'w')")
    assert contents(here) == {"data.csv": ROWS, "p.csv": OLD}


def test_what_cannot_be_put_back_stays_with_the_run_and_the_training_has_failed(here, monkeypatch):
    (here / "p.csv").write_text(OLD)
    monkeypatch.setattr(
        "audit.pipeline.earlier_predictions._move_aside",
        lambda *_: (_ for _ in ()).throw(OSError(13, "Permission denied")),
    )
    with pytest.raises(AuditError, match="cannot be put back") as caught:
        audited(here, f"{HARM['cut off']}; raise SystemExit(1)")
    assert caught.value.exit_code == 5
    assert [p.read_text() for p in (here / "runs").glob(f".*/{BEFORE}/*")] == [OLD]


def test_a_killed_audit_has_lost_nothing_and_says_where_it_is(here, capsys):
    (here / "p.csv").write_text(OLD)
    from audit.config.write import to_toml

    raw = question("import time; open('p.csv', 'w').write('half'); time.sleep(60)")
    (here / "audit.toml").write_text(to_toml(raw))
    child = begin("run", ".", "--store", "runs", cwd=here, session=True)
    deadline = time.monotonic() + 60
    while (here / "p.csv").read_text() != "half" and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    (staging,) = (here / "runs").glob(".*.part")
    assert [p.read_text() for p in (staging / BEFORE).iterdir()] == [OLD]
    with pytest.raises(SystemExit):
        main(["show", str(staging)])
    assert BEFORE in "".join(capsys.readouterr().out.split())


# --- what other commands write


@pytest.fixture
def recorded(tmp_path):
    (tmp_path / "audit.json").write_text(samples.boston().to_json())
    return tmp_path


@pytest.mark.parametrize("style", ["md", "html"])
def test_a_card_is_written_over_an_earlier_one(recorded, style):
    for _ in range(2):
        assert ended("card", recorded, "--format", style, "--output", recorded / "card") == 0
    assert (recorded / "card").read_text() == render(samples.boston(), style)


@pytest.mark.parametrize("text", ["", "# My model, audited with evenhand\n", ROWS])
def test_a_card_is_written_over_nothing_else(recorded, text, capsys):
    (recorded / "README.md").write_text(text)
    assert ended("card", recorded, "--output", recorded / "README.md") == 2
    assert (recorded / "README.md").read_text() == text
    assert "is not overwritten" in capsys.readouterr().err


def test_a_card_is_not_written_over_the_record_nor_a_fifo_nor_through_a_link(recorded):
    os.mkfifo(recorded / "pipe")
    (recorded / "mine").write_text("mine")
    (recorded / "link").symlink_to("mine")
    before = (recorded / "audit.json").read_text()
    for name in ("audit.json", "pipe", "link", "."):
        assert ended("card", recorded, "--output", recorded / name) == 2
    assert (recorded / "pipe").is_fifo()
    assert ((recorded / "audit.json").read_text(), (recorded / "mine").read_text()) == (before, "mine")


def test_neither_a_question_nor_a_suite_nor_a_pipeline_is_written_over(here, monkeypatch):
    monkeypatch.chdir(here)
    for name in ("audit.toml", "suite.json", "boston_mortgages"):
        (here / name).write_text("mine")
    assert ended("init", "data.csv") == 2
    assert ended("data", "data.csv", "--label", "y", "--groups", "g", "--write-config", "audit.toml") == 2
    assert ended("demo") == 2
    assert {n: t for n, t in contents(here).items() if t == "mine"}.keys() == {"audit.toml", "suite.json", "boston_mortgages"}  # fmt: skip
    assert ended("init", "data.csv", "--output", "other.toml") == 0
    assert (here / "suite.json").read_text() == "mine"


def test_counting_into_a_folder_leaves_what_is_in_it(here, monkeypatch):
    monkeypatch.chdir(here)
    (here / "kept").mkdir()
    (here / "kept" / "notes.txt").write_text("mine")
    assert ended("count", "data.csv", "--label", "y", "--groups", "g", "--into", "kept") == 0
    assert ended("count", "data.csv", "--into", "kept") == 2
    assert (here / "kept" / "notes.txt").read_text() == "mine"


# --- an old file is kept until a new one stands


NO_TABLE = {
    "nothing in it": "open('p.csv', 'w')",
    "no text": r"open('p.csv', 'wb').write(b'\xff\x00junk')",
    "other columns": r"open('p.csv', 'w').write('a,b\n1,2\n')",
    "no rows": r"open('p.csv', 'w').write('g,y,p\n')",
    "an empty folder": "import os; os.remove('p.csv'); os.mkdir('p.csv')",
}


@pytest.mark.parametrize("leaves", NO_TABLE.values(), ids=NO_TABLE)
def test_what_is_no_table_of_predictions_does_not_replace_the_old_one(here, leaves):
    (here / "p.csv").write_text(OLD)
    said = []
    with pytest.raises(InputError):
        run(Job(config=build(question(leaves)), folder=here, store=Store(here / "runs"), say=said.append))
    assert (here / "p.csv").read_text() == OLD
    (kept,) = here.glob("p.csv.failed-*")
    assert any(f"those of this training are kept as '{kept.name}'" in sentence for sentence in said)
    assert not [p for p in (here / "runs").iterdir() if p.is_dir()]


def test_a_folder_that_training_made_a_file_of_is_put_back(here):
    (here / "out" / "deep").mkdir(parents=True)
    parts = {"out/1.csv": OLD, "out/deep/1.csv": ROWS}
    for name, text in parts.items():
        (here / name).write_text(text)
    harm = "import shutil; shutil.rmtree('out'); open('out', 'w').write('half'); raise SystemExit(1)"
    assert audited(here, harm, "out").exit_code == 5
    (kept,) = here.glob("out.failed-*")
    assert contents(here) == {"data.csv": ROWS, **parts, kept.name: "half"}


@pytest.mark.parametrize("predictions", ["runs", "runs/p.csv", "./runs/../runs/x/audit.json", "link/p.csv"])
def test_the_store_is_no_place_for_predictions(here, predictions):
    (here / "runs").mkdir()
    (here / "link").symlink_to("runs")
    with pytest.raises(QuestionError, match="is in the store of runs"):
        audited(here, "open('began', 'w')", predictions)
    assert contents(here) == {"data.csv": ROWS}
