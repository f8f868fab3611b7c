"""Files that once hung, grew without bound, merged two groups into one or broke the audit itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audit.cli import main
from audit.tables.kinds import find_near_twins

MOST_MB, MOST_S = 1000, 10
BIG = 2**53
ROWS = [("ab"[i % 2], i % 4 // 2, int((i % 2 == 0) == (i % 5 != 0))) for i in range(60)]


def text(rows=ROWS):
    return "".join(f"{','.join(map(str, row))}\n" for row in [("group", "y_true", "y_pred"), *rows])


def arguments(command, path, store, *more):
    prediction = ["--prediction", "y_pred"] if command == "model" else []
    asked = ["--label", "y_true", "--groups", "group", *prediction, *more]
    return [command, str(path), *asked, "--store", str(store), "--json"]


def child(command, path, store):
    """Exit code, messages, CPU seconds and largest memory (MB) of the command as a process of its own."""
    errors, most_kb = store.parent / "errors", 0
    began = time.monotonic()
    with errors.open("wb") as sink:
        running = subprocess.Popen(
            [sys.executable, "-m", "audit", *arguments(command, path, store)], stdout=subprocess.DEVNULL, stderr=sink
        )
        while not (ended := os.wait4(running.pid, os.WNOHANG))[0]:
            most_kb = max(most_kb, peak_kb(running.pid))
            time.sleep(0.01)
        _, status, used = ended
    running.returncode = os.waitstatus_to_exitcode(status)
    assert time.monotonic() - began < 6 * MOST_S
    return running.returncode, errors.read_text(), used.ru_utime + used.ru_stime, most_kb / 1024


def peak_kb(pid):
    """Largest memory of a process up to now; what wait tells would include its parent's, from before the exec."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def found(capsys, command, path, store, *more):
    """The document of a command that came to an end."""
    with pytest.raises(SystemExit) as ended:
        main(arguments(command, path, store, *more))
    out, err = capsys.readouterr()
    assert ended.value.code in {0, 3, None}, err
    return json.loads(out)


def rates(document, metric="base_rate"):
    """Value by the name of each group."""
    return {
        e["group"][0]: e["value"]
        for e in document["estimates"]
        if e["metric"] == metric and e["by"] == ["group"] and e["group"] and e["compare"] is None
    }


def sparse(path, head, size):
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)


FILES = {
    "a hole of 64 GB that begins as Parquet": ("x.parquet", lambda p: sparse(p, b"PAR1\x15", 2**36), "footer"),
    "a hole of 0.9 GB after a table": ("x.csv", lambda p: sparse(p, text().encode(), 9 * 10**8), "NUL byte at byte"),
    "a cell of 10 MB as a group": (
        "x.csv",
        lambda p: p.write_text(f"{text()}{'a' * 10**7},1,1\n"),
        "too long for a name",
    ),
}


@pytest.mark.parametrize("command", ["data", "model"])
@pytest.mark.parametrize(("name", "write", "says"), FILES.values(), ids=FILES)
def test_refused_soon_and_small(tmp_path, command, name, write, says):
    write(tmp_path / name)
    code, errors, cpu_s, mb = child(command, tmp_path / name, tmp_path / "store")
    assert code == 2
    assert says in errors
    assert errors.count("\n") == 1
    assert cpu_s < MOST_S
    assert mb < MOST_MB


@pytest.mark.parametrize("command", ["data", "model"])
@pytest.mark.parametrize("ending", ["", ".0", "."])
def test_numbers_of_people_beyond_2_to_53_stay_apart(tmp_path, capsys, command, ending):
    """As doubles both are 2**53, which made one group of two with the mean of their rates."""
    rows = [(f"{BIG + (g == 'b')}{ending}", y, p) for g, y, p in ROWS]
    (tmp_path / "x.csv").write_text(text(rows))
    document = found(capsys, command, tmp_path / "x.csv", tmp_path / "store")
    assert set(rates(document)) == {f"{BIG}{ending}", f"{BIG + 1}{ending}"}


@pytest.mark.parametrize("command", ["data", "model"])
def test_numbers_of_people_beyond_2_to_53_are_refused_in_json(tmp_path, capsys, command):
    """A number of JSON has one type, so that it cannot stay text; one of two people would be counted as the other."""
    lines = [f'{{"g": {BIG + (g == "b")}.0, "y": {y}, "y_pred": {p}}}' for g, y, p in ROWS]
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    with pytest.raises(SystemExit, match="2"):
        main(arguments(command, tmp_path / "x.jsonl", tmp_path / "store"))
    said = capsys.readouterr().err
    assert f"holds {BIG + 1}.0, which would be rounded to another number; write it as text" in said


def test_large_amounts_that_are_doubles_are_numbers_still(tmp_path, capsys):
    """What a program prints of a double is that double, so nothing is rounded and a weight may be one."""
    weights = [repr(float(BIG + 2 * i)) if i % 2 else "1.2345678901234567e+22" for i in range(60)]
    rows = [(*row, weight) for row, weight in zip(ROWS, weights, strict=True)]
    (tmp_path / "x.csv").write_text(text(rows).replace("y_pred\n", "y_pred,w\n"))
    document = found(capsys, "model", tmp_path / "x.csv", tmp_path / "store", "--weight", "w")
    assert document["data"][0]["rows_used"] == 60


@pytest.mark.parametrize("unseen", ["\u200b", "\u00ad", "\u2060", "\ufe0f", "\u034f", "\u202e"])
def test_names_that_differ_in_what_is_not_drawn_are_twins(unseen):
    (twins,) = find_near_twins(["a", f"a{unseen}", "b"])
    assert (twins.names, twins.why) == (("a", f"a{unseen}"), "characters that are not seen")


TASKS = {
    "units": ("data", ["--unit", "q"]),
    "strata": ("data", ["--strata", "q"]),
    "classes": ("data", ["--classes"]),
    "weights": ("data", ["--weight", "s"]),
    "decisions": ("model", ["--strata", "q", "--score", "s", "--unit", "q"]),
    "multiclass": ("model", ["--task", "multiclass"]),
    "four fifths": ("model", ["--four-fifths", "--compare-to", "overall,rest"]),
}


@pytest.mark.parametrize(("command", "more"), TASKS.values(), ids=TASKS)
def test_a_group_column_in_which_nobody_is_breaks_nothing(tmp_path, capsys, command, more):
    columns = {"group": pa.nulls(60), "y_true": [0, 1, 1, 0] * 15, "y_pred": [0, 1, 1, 1] * 15,
               "q": ["a", "b", "c"] * 20, "s": [0.1, 0.9, 0.5] * 20}  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    document = found(capsys, command, tmp_path / "x.parquet", tmp_path / "store", *more)
    assert document["data"][0]["rows_without_group"] == {"group": 60}
    assert any(c["code"] == "DV001" and c["outcome"] == "warn" for c in document["checks"])
    gaps = [e for e in document["estimates"] if e["compare"] in {"difference", "ratio"} and e["by"]]
    assert gaps
    assert all(e["status"] == "undefined" and e["reason"] for e in gaps)


def test_parts_in_one_of_which_nobody_has_a_group(tmp_path, capsys):
    whole = {"y_true": [0, 1, 1, 0] * 15, "q": ["a", "b", "c"] * 20}
    for name, groups in (("none", pa.nulls(60, pa.string())), ("some", pa.array(["a", "b"] * 30))):
        pq.write_table(pa.table({"group": groups, **whole}), tmp_path / f"{name}.parquet")
    for train, test in (("none", "some"), ("some", "none")):
        files = [str(tmp_path / f"{name}.parquet") for name in (train, test)]
        document = found(capsys, "data", files[0], tmp_path / "store", files[1])
        assert {c["code"] for c in document["checks"]} >= {"DB004", "DB007"}
