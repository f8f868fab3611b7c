"""Limits on data checks, drilled in the table: duplicated and leaked rows are found by the checks that look for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from audit.config.read import load
from audit.faults.fault import choose_faults
from audit.pipeline.drill.run import DrillJob, drill, find_drill
from audit.pipeline.run import Job
from audit.pipeline.run import run as run_audit
from audit.record.store import Store

TOML = """
[data]
source = "train.csv"
test = "test.csv"
label = "y"
groups = ["race"]
[[gates]]
stage = "checks"
metric = "DV008"
max = 0
[[gates]]
stage = "checks"
metric = "DL001"
max = 0
[[gates]]
stage = "checks"
metric = "failed"
max = 0
"""


def make_part(seed, rows=120):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "race": rng.choice(["black", "white"], rows),
            "y": rng.integers(0, 2, rows),
            "income": np.round(rng.normal(50_000, 9_000, rows), 2),
            "debt": np.round(rng.normal(5_000, 900, rows), 2),
        }
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    make_part(1).to_csv(folder / "train.csv", index=False)
    make_part(2).to_csv(folder / "test.csv", index=False)
    (folder / "audit.toml").write_text(TOML)
    config, place = load(folder / "audit.toml")
    audited = run_audit(Job(config=config, folder=place, store=Store(folder / "store")))
    assert audited.folder is not None
    return folder, audited


def run(made, *faults):
    folder, audited = made
    chosen = choose_faults(faults, (0.5,))
    found = drill(DrillJob(result=audited.result, folder=audited.folder, faults=chosen, seeds=5, place=folder))
    return {gate.name: gate for gate in found.gates}


def test_duplicated_and_leaked_rows_are_found_by_their_own_check_and_not_by_the_other(made):
    gates = run(made, "duplicated", "leaked")
    curves = {name: {curve.fault: curve for curve in gate.curves} for name, gate in gates.items()}
    assert {gate.without_fault.fails for gate in gates.values()} == {0}
    assert curves["checks.DV008"]["duplicated"].found_from == 0.5
    assert curves["checks.DL001"]["leaked"].found_from == 0.5
    assert curves["checks.DV008"]["leaked"].found_from is None
    assert curves["checks.DV008"]["duplicated"].planted_in == "rows"
    blind = gates["checks.failed"]
    assert [warning.kind for warning in blind.warnings][:1] == ["finds_nothing"]
    assert "50% of the rows duplicated" in " ".join(warning.sentence for warning in blind.warnings)


def test_a_table_that_has_changed_is_refused_by_name(made):
    folder, _ = made
    kept = (folder / "train.csv").read_bytes()
    make_part(3).to_csv(folder / "train.csv", index=False)
    gates = run(made, "duplicated")
    (folder / "train.csv").write_bytes(kept)
    assert gates["checks.DV008"].reason == "train.csv has changed since the run checked it"


def test_a_drill_with_the_tables_serves_both_and_one_without_them_only_itself(made):
    folder, audited = made
    job = DrillJob(result=audited.result, folder=audited.folder, faults=choose_faults(("dropped",)), seeds=5)
    with_tables = replace(job, place=folder)
    drill(job)
    assert find_drill(job) is not None
    assert find_drill(with_tables) is None
    drill(with_tables)
    assert find_drill(with_tables) == find_drill(job) is not None


def test_without_the_table_it_is_said_what_is_needed(made):
    _, audited = made
    found = drill(DrillJob(result=audited.result, folder=audited.folder, faults=choose_faults(()), seeds=5))
    assert all("drill the audit.toml instead" in gate.sentence for gate in found.gates)
