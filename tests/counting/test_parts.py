"""What can be wrong with parts: each is refused by name, and nothing is half counted."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import redirect_stderr, redirect_stdout

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import begin, run_program
from people import people
from same_cubes import same

from audit.cli import main
from audit.counting.backends.choose import choose_engine
from audit.counting.count import count_cubes
from audit.counting.parts import BEGUN, ENDING, note_begun
from audit.counting.plan import Plan
from audit.errors import SourceError
from audit.tables.open import open_table

ASKED = ("--label", "label", "--prediction", "decision", "--groups", "race,sex", "--weight", "w")


@pytest.fixture
def days(tmp_path):
    for i in range(3):
        people(400, seed=i).to_parquet(tmp_path / f"day{i}.parquet")
    return tmp_path


@pytest.fixture
def counted(days):
    for i in range(2):
        assert count(days, f"day{i}.parquet", *ASKED).returncode == 0
    return days


def audit(*arguments, cwd):
    """The command in this process: starting a hundred Pythons would take minutes."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(cwd), redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    return subprocess.CompletedProcess(arguments, ended.value.code, out.getvalue(), err.getvalue())


def count(folder, name, *asked):
    return audit("count", name, "--into", "counts", *asked, cwd=folder)


def files(folder):
    return sorted(p.name for p in (folder / "counts").iterdir()) if (folder / "counts").exists() else []


def measured(folder, *more):
    return audit("measure", "counts", *more, "--json", cwd=folder)


def refused(done):
    """Words of a refusal: one line on stderr, and no document."""
    assert done.returncode == 2, done.stderr
    assert not done.stdout
    (line,) = [line for line in done.stderr.splitlines() if not line.endswith(" …")]  # steps, on a slow machine
    return line


def rows_read(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["data"][0]["rows_read"]


def spoil(path, how):
    data = path.read_bytes()
    if how == "gone":
        path.unlink()
    elif how == "cut off":
        path.write_bytes(data[: len(data) // 2])
    elif how == "scrambled":
        path.write_bytes(data[:200] + bytes(len(data) // 2) + data[200 + len(data) // 2 :])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
        path.mkdir()


@pytest.mark.parametrize("how", ["gone", "cut off", "scrambled", "empty", "a folder"])
def test_a_part_that_cannot_be_read_is_named_and_leaves_nothing(counted, how):
    before = files(counted)
    spoil(counted / "day2.parquet", how)
    assert "day2.parquet" in refused(count(counted, "day2.parquet"))
    assert files(counted) == before
    assert rows_read(measured(counted)) == 800


def test_a_first_part_that_cannot_be_read_leaves_no_folder(days):
    spoil(days / "day0.parquet", "cut off")
    refused(count(days, "day0.parquet", *ASKED))
    assert not (days / "counts").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: f.drop(columns="sex"), "day2.parquet: no column 'sex'"),
        (lambda f: f.astype({"label": str}), "column 'label' is text, and integer in"),
        (lambda f: f.assign(sex=pd.Timestamp("2026-01-01").date()), "group column 'sex' holds dates"),
        (lambda f: f.assign(sex=f.sex == "f"), "column 'sex' is boolean, and text in"),
        (lambda f: f.assign(w=f.w.astype(str)), "weight 'w' is text, not a number"),
        (lambda f: f.assign(w=-1.0), "weight 'w' is negative in 400 of 400 rows"),
    ],
    ids=["column missing", "label as text", "dates", "truth values", "weight as text", "negative weight"],
)
def test_a_part_of_another_shape_is_refused_by_its_column(counted, change, says):
    before = files(counted)
    change(pd.read_parquet(counted / "day2.parquet")).to_parquet(counted / "day2.parquet")
    assert says in refused(count(counted, "day2.parquet"))
    assert files(counted) == before


def test_whole_and_broken_weights_are_numbers_both(counted):
    frame = pd.read_parquet(counted / "day2.parquet").assign(w=2)
    frame.to_parquet(counted / "day2.parquet")
    assert count(counted, "day2.parquet").returncode == 0
    assert rows_read(measured(counted)) == 1200


def test_counts_of_another_question_are_named_with_what_differs(counted):
    other = audit("count", "day2.parquet", "--into", "others", *ASKED[:4], "--groups", "race", cwd=counted)
    assert other.returncode == 0, other.stderr
    (stray,) = (counted / "others").glob(f"*{ENDING}")
    shutil.copy(stray, counted / "counts")
    says = refused(measured(counted))
    assert stray.name in says
    assert "of day2.parquet" in says
    (counted / "counts" / stray.name).unlink()
    assert rows_read(measured(counted)) == 800


def test_counts_of_another_threshold_are_never_added(days):
    asked = ("--label", "label", "--score", "score", "--groups", "sex")
    for i, (name, threshold) in enumerate((("counts", "0.5"), ("counts", "0.5"), ("others", "0.7"))):
        done = audit("count", f"day{i}.parquet", "--into", name, *asked, "--threshold", threshold, cwd=days)
        assert done.returncode == 0, done.stderr
    (stray,) = (days / "others").glob(f"*{ENDING}")
    shutil.copy(stray, days / "counts")
    assert "was counted with threshold = 0.7, not 0.5; count that part again" in refused(measured(days))


def test_a_copy_under_another_name_does_not_count_twice(counted):
    part = next((counted / "counts").glob(f"*{ENDING}"))
    shutil.copy(part, part.with_name(f"copy{ENDING}"))
    assert f"whose name is {part.name}" in refused(measured(counted))


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_file_counts_once_also_within_a_pattern(days, ending):
    for i in range(3):
        pd.read_parquet(days / f"day{i}.parquet").to_csv(days / f"day{i}.csv", index=False)
    assert count(days, f"day[01].{ending}", *ASKED).returncode == 0
    assert count(days, f"day[12].{ending}").returncode == 0
    says = refused(measured(days))
    assert f"(of day[01].{ending})" in says
    assert f"(of day[12].{ending})" in says
    assert "rows of the same file" in says


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("part", lambda t: t.replace('"label"', '"lable"', 1), "changed or damaged"),
        ("part", lambda t: t[: len(t) // 2], "is not a file of counts"),
        ("part", lambda t: "", "is not a file of counts"),
        ("part", lambda t: "[1, 2]", "is not a file of counts"),
        ("part", lambda t: t.replace("audit-counts/1", "audit-counts/9"), "changed or damaged"),
        ("question.json", lambda t: t.replace("race", "age"), "changed or damaged"),
        ("question.json", lambda t: t[:40], "is not a file of counts"),
    ],
    ids=["edited", "cut off", "empty", "a list", "schema", "question edited", "question cut off"],
)
def test_a_file_of_counts_that_was_touched_is_named(counted, name, change, says):
    path = counted / "counts" / name if name != "part" else next((counted / "counts").glob(f"*{ENDING}"))
    path.write_text(change(path.read_text()))
    said = refused(measured(counted))
    assert path.name in said
    assert says in said


def test_files_of_a_folder_are_not_taken_for_each_other(counted):
    part = next((counted / "counts").glob(f"*{ENDING}"))
    question = counted / "counts" / "question.json"
    kept = question.read_text()
    shutil.copy(question, part.with_name(f"question{ENDING}"))
    assert "has no part, so it is not a file of counts; remove it" in refused(measured(counted))
    part.with_name(f"question{ENDING}").unlink()
    shutil.copy(part, question)
    assert "has no question, so it is not a file of counts; remove it" in refused(measured(counted))
    question.write_text(kept)
    assert rows_read(measured(counted)) == 800


def test_a_part_that_was_deleted_is_missed_where_their_number_is_known(counted):
    assert rows_read(measured(counted, "--parts", "2")) == 800
    next((counted / "counts").glob(f"*{ENDING}")).unlink()
    says = refused(measured(counted, "--parts", "2"))
    assert "counts holds 1 part (day" in says
    assert "not 2; count what is missing" in says
    alone = measured(counted)
    assert "Summed 1 part of counts." in alone.stderr


def test_a_worker_that_is_lost_leaves_nothing_half_counted(days):
    """Killed at many moments: a part is wholly there or not at all, and the one that was lost is named."""
    assert count(days, "day0.parquet", *ASKED).returncode == 0
    lost = 0
    for wait_s in (0.02, 0.05, 0.1, 0.15, 0.25):
        child = begin("count", "day1.parquet", "--into", "counts", cwd=days)
        time.sleep(wait_s)
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGKILL)
        child.wait()
        whole = len(list((days / "counts").glob(f"*{ENDING}")))
        if list((days / "counts").glob(f"*{BEGUN}")):
            lost += 1
            assert (
                "counting day1.parquet has not finished; wait for it, or, if its process is gone, count it again"
                in refused(measured(days))
            )
        else:
            assert rows_read(measured(days)) == 400 * whole
    again = count(days, "day1.parquet")
    assert again.returncode == 0 or "is already in counts" in again.stderr
    assert rows_read(measured(days, "--parts", "2")) == 800


def test_the_note_of_a_lost_worker_names_the_part_until_it_is_counted_again(days):
    assert count(days, "day0.parquet", *ASKED).returncode == 0
    code = (
        "import os, signal; from pathlib import Path; from audit.counting.parts import note_begun\n"
        "with note_begun(Path('counts'), 'day1.parquet'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    run_program(code, cwd=days)
    says = refused(measured(days))
    assert "counting day1.parquet has not finished; wait for it, or, if its process is gone, count it again" in says
    (note,) = (days / "counts").glob(f"*{BEGUN}")
    assert note.name in says
    assert count(days, "day2.parquet").returncode == 0
    refused(measured(days))
    assert count(days, "day1.parquet").returncode == 0
    assert rows_read(measured(days)) == 1200


def test_processes_may_count_into_one_folder_at_the_same_time(tmp_path):
    for i in range(6):
        people(300, seed=i).to_parquet(tmp_path / f"day{i}.parquet")
    with (tmp_path / "said").open("wb") as said:
        children = [
            begin("count", f"day{i}.parquet", "--into", "counts", *ASKED, cwd=tmp_path, stderr=said)
            for i in (*range(6), 0)
        ]
    codes = [child.wait(120) for child in children]
    assert codes[1:6] == [0] * 5, (tmp_path / "said").read_text()
    assert 0 in (codes[0], codes[6])
    assert rows_read(measured(tmp_path, "--parts", "6")) == 1800
    whole = audit("model", "day*.parquet", *ASKED, "--json", cwd=tmp_path)
    assert json.loads(measured(tmp_path).stdout)["estimates"] == json.loads(whole.stdout)["estimates"]


def test_of_two_first_questions_one_is_kept(days):
    from audit.counting.parts import read_question, save_question
    from audit.errors import QuestionError

    (days / "counts").mkdir()
    save_question(days / "counts", {"data": {"label": "label"}})
    save_question(days / "counts", {"data": {"label": "label"}})
    with pytest.raises(QuestionError, match=r"\[data\] differs"):
        save_question(days / "counts", {"data": {"label": "other"}})
    assert read_question(days / "counts") == {"data": {"label": "label"}}
    assert files(days) == ["question.json"]


def test_a_full_disk_leaves_the_parts_before_it(counted):
    before = files(counted)
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))\n"
        "from audit.cli import main; main(['count', 'day2.parquet', '--into', 'counts'])"
    )
    full = run_program(code, cwd=counted)
    assert "cannot write" in refused(full)
    assert files(counted) == before
    assert rows_read(measured(counted)) == 800


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_named(days):
    days.chmod(0o500)
    try:
        assert "cannot make the folder" in refused(count(days, "day0.parquet", *ASKED))
    finally:
        days.chmod(0o700)


def test_a_file_in_the_place_of_the_folder_is_named(days):
    (days / "counts").write_text("not a folder")
    assert "counts" in refused(count(days, "day0.parquet", *ASKED))
    assert (days / "counts").read_text() == "not a folder"


def test_a_note_goes_with_a_refusal(tmp_path):
    def refuse():
        with note_begun(tmp_path / "counts", "day.parquet"):
            assert list((tmp_path / "counts").glob(f"*{BEGUN}"))
            raise SourceError("no")

    with pytest.raises(SourceError):
        refuse()
    assert not (tmp_path / "counts").exists()


def table_of(seed):
    return pa.Table.from_pandas(people(300, seed), preserve_index=False)


def changed(table, column, values):
    return table.set_column(table.column_names.index(column), column, values)


ODD = {
    "column missing": (lambda t: t.drop_columns(["sex"]), "part-1.parquet has no column 'sex'"),
    "label as text": (
        lambda t: changed(t, "label", t["label"].cast("string")),
        "part-1.parquet: column 'label' is text",
    ),
    "dates": (lambda t: changed(t, "sex", pa.nulls(300, "int32").fill_null(1).cast("date32")), "column 'sex' is date"),
    "truth values": (lambda t: changed(t, "label", t["label"].cast("bool")), "column 'label' is boolean"),
}
ALIKE = {
    "column too many": lambda t: t.append_column("more", t["sex"]),
    "column that nobody asks for": lambda t: t.drop_columns(["sex"]),
    "narrow": lambda t: changed(t, "label", t["label"].cast("int8")),
    "fractions": lambda t: changed(t, "label", t["label"].cast("float64")),
    "single precision": lambda t: changed(t, "w", t["w"].cast("float32")),
    "dictionary": lambda t: changed(t, "race", t["race"].dictionary_encode()),
    "other order": lambda t: t.select(t.column_names[::-1]),
    "only missing": lambda t: changed(t, "race", pa.nulls(300)),
    "decimal": lambda t: changed(t, "label", t["label"].cast(pa.decimal128(19, 0))),
}
ENGINES = ("duckdb", "pandas", "polars")
PLAN = Plan(
    groups=("race", "age"), label="label", prediction="decision", weight="w", unit="person", bins={"age": (20, 40)}
)


def glob_of(folder, first, second):
    pq.write_table(first, folder / "part-0.parquet")
    pq.write_table(second, folder / "part-1.parquet")
    return folder / "part-*.parquet"


@pytest.mark.parametrize(("change", "says"), ODD.values(), ids=ODD)
def test_a_file_of_a_pattern_that_differs_is_named(tmp_path, change, says):
    with pytest.raises(SourceError, match=says):
        open_table(glob_of(tmp_path, table_of(0), change(table_of(1))), digested=False).require(("sex", "label"))


@pytest.mark.parametrize("flip", [False, True], ids=["second", "first"])
@pytest.mark.parametrize("change", ALIKE.values(), ids=ALIKE)
def test_files_that_say_the_same_in_other_types_are_read_alike_by_every_engine(tmp_path, change, flip):
    both = (table_of(0), change(table_of(1)))
    table = open_table(glob_of(tmp_path, *(both[::-1] if flip else both)))
    expected = count_cubes(table, PLAN, choose_engine("duckdb"))
    assert expected.rows_read == 600
    for engine in ENGINES[1:]:
        same(count_cubes(table, PLAN, choose_engine(engine)), expected)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_damaged_page_is_refused_by_every_engine(tmp_path, engine):
    people(20_000).to_parquet(tmp_path / "people.parquet")
    data = bytearray((tmp_path / "people.parquet").read_bytes())
    data[100:60_000] = bytes(59_900)
    (tmp_path / "people.parquet").write_bytes(data)
    with pytest.raises(SourceError, match=r"people.parquet cannot be read .*write it again"):
        count_cubes(open_table(tmp_path / "people.parquet"), PLAN, choose_engine(engine))
