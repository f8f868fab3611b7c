"""The benchmarks at sizes at which nothing can be said of speed: they run, compare before they time, and hide nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from benchmarks import apart, asked, bootstrap, crossings, people, projection, whole
from benchmarks.page import (
    Absent,
    AtMost,
    Benchmark,
    Faster,
    Result,
    Scale,
    Section,
    Sides,
    Within,
    compared,
    measured,
    row_of,
    section,
)
from benchmarks.peer import peer
from benchmarks.run import SECTIONS, machine, page, run
from property_tests import some_now

ROWS = 3000
EVERY = [b for s in SECTIONS for b in s.benchmarks]
ALONE = ("whole-decode", "whole-group", "count-group", "whole-gates", "whole-everything", "whole-linear", "intervals-bootstrap",
         "intervals-worded", "intervals-multinomial", "auc-frame", "auc-parquet", "tally-share", "tally-absolute",
         "own-run")  # fmt: skip
PEERS = {"aequitas": "points-aequitas", "smclarify": "dataset-clarify", "aif360": "points-aif360"}


@pytest.fixture(scope="module")
def scale(tmp_path_factory, root):
    return Scale(quick=True, cache=tmp_path_factory.mktemp("tables"), root=root)


def named(name):
    return next(b for b in EVERY if b.name == name)


def at(name, scale):
    b = named(name)
    return measured(Benchmark(**{f: getattr(b, f) for f in b.__dataclass_fields__} | {"rows": ROWS}), scale)


@pytest.mark.parametrize("name", some_now(ALONE, 4))
def test_what_needs_no_peer_runs_after_both_sides_agreed(name, scale):
    found = at(name, scale)
    assert len(found.ours) == len(found.theirs) == 1
    assert min(*found.ours, *found.theirs) > 0
    assert (
        "apart" in found.agreed
        or "the same" in found.agreed
        or name in {"whole-linear", "whole-gates", "whole-everything"}
    )


def test_memory_is_what_a_child_grew_by(scale):
    found = whole.grown(people.people(scale.cache, ROWS))
    assert 1 < found.mb < 500
    assert 0 <= found.library_mb <= found.mb


@pytest.mark.parametrize(("name", "benchmark"), PEERS.items())
def test_a_peer_times_itself_in_its_own_environment(name, benchmark, scale, root):
    if not (root / f".venv-peer-{name}" / "bin" / "python").exists():
        pytest.skip(f"{name} has no environment here; `make bench` builds it")
    found = at(benchmark, scale)
    assert len(found.theirs) == 1
    assert name in found.agreed


def test_a_peer_that_is_not_here_is_said_and_not_left_out(scale, tmp_path):
    elsewhere = Scale(quick=True, cache=scale.cache, root=tmp_path)
    for benchmark in PEERS.values():
        found = at(benchmark, elsewhere)
        assert "no environment here" in found.absent
        assert "**not run**" in row_of(found)[3]
    with pytest.raises(Absent, match=r"make \.venv-peer-aequitas"), peer(elsewhere, "aequitas"):
        pass


def test_cells_of_all_groupings_are_those_of_grouping_sets(scale):
    import duckdb

    path = people.wide(scale.cache, ROWS)
    ours = crossings.cells(asked.count(asked.open_table(path), crossings.PLAN).cubes)
    theirs = {tuple(map(str, r[:-1])): float(r[-1]) for r in duckdb.sql(crossings.query(path)).fetchall()}
    assert {k: v for k, v in ours.items() if v} == theirs
    assert len(crossings.BYS) == 92


def test_the_table_is_written_once_in_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(people, "CHUNK", 1000)
    path = people.scored(tmp_path, 2500)
    before = path.stat().st_mtime_ns
    assert people.scored(tmp_path, 2500) == path
    assert path.stat().st_mtime_ns == before
    assert asked.open_table(path).rows == 2500
    assert [p.name for p in tmp_path.iterdir()] == ["scored-2500.parquet"]


def test_both_bootstraps_of_rows_have_one_distribution():
    rng = np.random.default_rng(1)
    codes = rng.integers(0, bootstrap.CELLS, 5000).astype(np.int16)
    rows, cells = (draw(codes, 400, rng) for draw in (bootstrap.of_rows, bootstrap.of_cells))
    seen = np.bincount(codes, minlength=bootstrap.CELLS)
    for drawn in (rows, cells):
        assert (drawn.sum(axis=1) == codes.size).all()
        assert drawn.mean(axis=0) == pytest.approx(seen, abs=5 * np.sqrt(seen.max() / 400))
        assert drawn.var(axis=0).mean() == pytest.approx(seen.mean(), rel=0.05)


def test_limits_of_the_bootstrap_are_near_the_closed_forms(scale):
    path = people.people(scale.cache, 100_000)
    counted = asked.count(asked.open_table(path), asked.PLAN)
    found = asked.of_predictions("classification", counted.by_kind, asked.SCOPE)
    ours = [e for e in found.of("model", "selection_rate", ("race",)) if e.compare is None and e.group is not None]
    cube = counted.cubes[0]
    codes = np.repeat(np.arange(bootstrap.CELLS), cube["n"].ravel())
    assert cube.names == (*people.GROUPS, "label", "prediction")
    bounds = bootstrap.bounds(bootstrap.of_cells(codes, 1000, np.random.default_rng(1)))["race",].rates
    assert bounds[0, :, 0] == pytest.approx([e.low for e in ours], abs=1e-3)
    assert bounds[1, :, 0] == pytest.approx([e.high for e in ours], abs=1e-3)


def test_other_numbers_are_not_timed():
    assert asked.furthest({("a",): 0.5}, {("a",): 0.5}, 0.0).startswith("1 numbers")
    with pytest.raises(ArithmeticError, match="other work"):
        asked.furthest({("a",): 0.5}, {("a",): 0.5 + 1e-6}, 1e-9)
    with pytest.raises(ArithmeticError, match="other work"):
        asked.furthest({("a",): 0.5}, {("a",): float("nan")}, 1e-9)
    with pytest.raises(ArithmeticError, match="not the same numbers"):
        asked.furthest({("a",): 0.5}, {("b",): 0.5}, 1e-9)


def result(demand, ours, theirs, unit="s"):
    b = Benchmark(name="x", ours="a", theirs="b", rows=1, sides=lambda *_: None, demand=demand, unit=unit)
    return Result(b, 1, ours, theirs)


@pytest.mark.parametrize(
    ("demand", "ours", "theirs", "missed"),
    [
        (Faster(4), [1.0, 9.0], [4.0, 9.0], False),
        (Faster(4), [1.0], [3.9], True),
        (Within(1.5, 0.05), [1.55], [1.0], False),
        (Within(1.5, 0.05), [1.56], [1.0], True),
        (Within(0.15), [0.16], [1.0], True),
        (None, [9.0], [1.0], False),
    ],
)
def test_a_demand_that_is_missed_is_printed_as_missed(demand, ours, theirs, missed):
    found = result(demand, ours, theirs)
    assert found.missed == missed
    assert ("**missed**" in row_of(found)) == missed


def test_of_memory_the_worst_go_counts():
    assert result(AtMost(64, "MB"), [63.0, 65.0], [], "MB").missed
    assert not result(AtMost(64, "MB"), [63.0, 63.5], [], "MB").missed


def test_sides_take_turns_after_a_warm_up_that_is_not_counted(scale):
    order = []

    def side(name, values):
        def go():
            order.append(name)
            return values.pop(0)

        return go

    @contextmanager
    def sides(scale, rows):
        yield Sides(side("A", [99.0, 1.0, 2.0]), side("B", [99.0, 3.0, 4.0]))

    b = Benchmark(name="x", ours="a", theirs="b", rows=1, sides=sides, repeats=2)
    found = measured(b, Scale(quick=False, cache=scale.cache, root=scale.root))
    assert order == list("ABABAB")
    assert (found.ours, found.theirs) == ([1.0, 2.0], [3.0, 4.0])
    assert (found.least, found.middle) == ((1.0, 3.0), (1.5, 3.5))


def test_ratios_read_in_words():
    assert compared(1.0, 4.0) == "4 × faster"
    assert compared(4.0, 1.0) == "4 × as long"
    assert compared(1.0, float("nan")) == "–"


def test_the_projection_is_arithmetic_on_marginal_speeds():
    speed = projection.Speed("DuckDB", (1_000_000, 0.5), (10_000_000, 2.3), 2)
    assert speed.rows_per_core_s == pytest.approx(2_500_000)
    assert projection.project([], Scale(quick=True, cache=None, root=None)).startswith("Needs the figures")


def test_a_quick_page_says_that_it_is_one(scale):
    told = Section("Topic", "Text.", [named("whole-linear")])
    told = run([told], scale, lambda b: measured(b, scale))[0]
    text = page([told], scale, machine())
    assert "quick run on few rows" in text
    assert section(told) in text
    assert "| `whole-linear` |" in text


def test_what_dies_takes_no_figures_with_it(tmp_path, root, monkeypatch):
    alone = Scale(quick=True, cache=tmp_path, root=root)
    found = apart.apart(named("crossings-sets"), alone, resume=False)
    assert (found.benchmark.name, len(found.ours), len(found.theirs), found.broken) == ("crossings-sets", 1, 1, False)
    assert apart.apart(named("crossings-sets"), alone, resume=True) == found
    killed = tmp_path / "killed.py"
    killed.write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.setattr(apart, "RUN", killed)
    died = apart.apart(named("crossings-sets"), alone, resume=False)
    assert died.broken
    assert "signal 9" in row_of(died)[3]


def test_a_name_that_does_not_exist_is_answered_with_the_nearest(root):
    command = [sys.executable, str(root / "tests" / "benchmarks" / "run.py"), "--quick", "--only", "whole-decod"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "whole-decode" in done.stderr


def test_the_page_has_a_row_for_each_benchmark(root):
    text = (root / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert [b.name for b in EVERY if f"| {b.name} |" not in text] == []
    assert [b.name for b in EVERY if b.demand and f"| `{b.name}` |" not in text] == []
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == [s.heading for s in SECTIONS]
    assert "quick run" not in text
