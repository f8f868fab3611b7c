"""Several classes on cards, terminals and dashboards, and what must not be told of small counts."""

from __future__ import annotations

import io
import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from commands import audit as run_command
from rich.console import Console

import audit
from audit.pipeline.verify import describe_differences
from audit.report.card.render import render
from audit.report.disclosure.hide import find_hidden
from audit.report.disclosure.publishable import publishable
from audit.report.disclosure.small_cells import FAMILIES, by_label, by_prediction, family_cells, list_given_away
from audit.report.terminal.summary import print_summary

K, WIDTH = 10, 3
NAMES = ("a", "b")


def masks(family, width=WIDTH):
    """Sums of cells that publishing a family tells, as arrays over label by prediction."""
    grid, one = np.indices((width, width)), np.eye(width, dtype=bool)
    rows, columns = ([axis == i for i in range(width)] for axis in grid)
    sides = {"rows": [np.ones((width, width))], "labels": rows, "selection": columns}
    if family in sides:
        return [m.astype(float).ravel() for m in sides[family]]
    return [m.astype(float).ravel() for i in range(width)
            for m in (rows[i] & columns[i], rows[i] & ~columns[i], columns[i] & ~rows[i], ~rows[i] & ~columns[i])
            if one[i, i]]  # fmt: skip


def tables(seed):
    """Random crossing of two attributes with cells of three classes; every third has missing levels."""
    rng = np.random.default_rng(seed)
    levels = [[f"{name}{i}" for i in range(rng.integers(2, 4))] for name in NAMES]
    if seed % 3 == 0:
        levels[-1].append(None)
    found = {}
    for group in itertools.product(*levels):
        scale = rng.choice([0, 3, 12, 60], p=[0.05, 0.15, 0.3, 0.5])
        cells = rng.poisson(scale, size=9) * (rng.random(9) < rng.choice([0.6, 1.0]))
        found[group] = tuple(int(x) for x in cells)
    return found


def counted(finest):
    counts = {}
    for size in range(3):
        for at in itertools.combinations(range(2), size):
            groups = counts.setdefault(tuple(NAMES[i] for i in at), {})
            for group, cells in finest.items():
                key = tuple(group[i] for i in at)
                groups[key] = tuple(x + y for x, y in zip(groups.get(key, (0,) * 9), cells, strict=True))
    return counts


def functional(by, group, atoms, mask):
    where = [NAMES.index(name) for name in by]
    return np.outer([tuple(f[i] for i in where) == group for f in atoms], mask).ravel().astype(float)


@pytest.mark.parametrize("seed", range(45))
def test_no_small_count_follows_from_what_is_published(seed):
    """Linear algebra as the adversary, who knows that a sum of 0 has no parts; each wrong cell is a secret too."""
    finest = tables(seed)
    counts, atoms = counted(finest), list(finest)
    flat = np.array([finest[a] for a in atoms], dtype=float).ravel()
    gone = find_hidden(counts, K)
    known = np.array([
        functional(by, group, atoms, mask)
        for family in FAMILIES
        for by, groups in counts.items()
        for group in groups
        if (by, group) not in gone[family] and not (None in group and len(by) > 1)
        for mask in masks(family)
    ])  # fmt: skip
    zero = {int(i) for row in known if row @ flat == 0 for i in np.flatnonzero(row)}
    known = np.vstack([known, *[np.eye(len(flat))[i] for i in zero]])
    _, sizes, directions = np.linalg.svd(known, full_matrices=False)
    space = directions[sizes > 1e-9]
    for by, groups in counts.items():
        for group, cells in groups.items():
            if None in group:
                continue
            secrets = [m for f in FAMILIES for m in masks(f) if 0 < m @ np.array(cells) < K]
            secrets += [np.eye(9)[i] for i, n in enumerate(cells) if 0 < n < K]
            for mask in secrets:
                secret = functional(by, group, atoms, mask)
                unexplained = secret - space.T @ (space @ secret)
                assert np.abs(unexplained).max() > 1e-6, f"{mask} of {by}={group} follows from the published numbers"


def test_the_adversary_of_that_test_can_win():
    """A wrong cell of 3 with all counts of single classes large: nobody but the bridge tells."""
    cells = (50, 0, 0, 3, 50, 12, 20, 14, 50)
    ones = [n for i in range(3) for n in family_cells_of(cells, i)]
    assert all(n == 0 or n >= K for n in ones)
    assert 3 in list_given_away(cells)
    assert find_hidden({("g",): {("x",): cells, ("y",): (50,) * 9}}, K)["confusion"]
    assert list_given_away((50, 11, 3, 3, 50, 12, 20, 14, 50)).count(3) == 0


def family_cells_of(cells, i):
    label, prediction, hit = by_label(cells)[i], by_prediction(cells)[i], cells[4 * i]
    return hit, label - hit, prediction - hit, sum(cells) - label - prediction + hit


@pytest.mark.parametrize("seed", range(20))
def test_wrong_cells_that_follow_are_those_that_linear_algebra_finds(seed):
    rng = np.random.default_rng(seed)
    width = int(rng.integers(3, 6))
    cells = rng.integers(1, 9, (width, width)) * (rng.random((width, width)) < 0.4)
    flat = cells.ravel().astype(float)
    known = np.array([m for f in FAMILIES for m in masks(f, width)])
    zero = {int(i) for row in known if row @ flat == 0 for i in np.flatnonzero(row)}
    known = np.vstack([known, *[np.eye(width * width)[i] for i in zero]])
    _, sizes, directions = np.linalg.svd(known, full_matrices=False)
    space = directions[sizes > 1e-9]
    follow = [i for i in range(width * width) if i % (width + 1) and (space[:, i] ** 2).sum() > 1 - 1e-9 and flat[i]]
    told = list_given_away(tuple(int(x) for x in flat))[4 * width :]
    assert sorted(n for n in told if n) == sorted(int(flat[i]) for i in follow)


def test_two_classes_are_hidden_as_ever():
    four = (3, 12, 40, 50)
    assert family_cells(four, "confusion") == four
    assert family_cells(four, "labels") == (15, 90)
    assert family_cells(four, "selection") == (43, 62)


def decided(n=4000, seed=0, few=0.0, unlike=0.3):
    rng = np.random.default_rng(seed)
    names = ["walk", "bus|x", "<b>car"]
    y, g = rng.choice(names, n, p=[0.5, 0.3, 0.2]), rng.choice(["north", "south", "west"], n)
    p = np.where(rng.random(n) < 1 - unlike, y, rng.choice(names, n))
    g = np.where(rng.random(n) < few, "few", g)
    rules = [{"metric": "worst_class_true_positive_rate", "compare": "difference", "max": 0.15},
             {"metric": "macro_f1", "min": 0.5}]  # fmt: skip
    return audit.measure(y, p, groups={"region": g}, task="multiclass", gates=rules), y, p, g


def test_a_card_shows_the_worst_class_and_who_was_taken_for_whom():
    result, y, p, g = decided()
    for form, bus in (("html", "bus|x"), ("md", r"bus\|x")):
        page = render(result, form)
        assert "Worst of 3 classes, each against all others, by region" in page
        assert "Macro true positive rate" in page
        assert "Confusion table of north (rows: labels; columns: predictions)" in page
        assert bus in page
        assert "<b>car" not in page
        assert str(((y == "walk") & (p == "walk") & (g == "north")).sum()) in page


@pytest.mark.parametrize("style", ["html", "md"])
def test_no_confusion_table_is_published_where_one_of_its_counts_is_small(style):
    result, *_ = decided(few=0.004)
    public = publishable(result)
    assert public.cubes == ()
    page = render(result, style)
    assert "Withheld, because a count in one of them is small" in page
    few = [e for e in public.estimates if e.group == ("few",)]
    assert {e.status for e in few} == {"suppressed"}
    assert {e.outcome for e in few if e.metric == "precision" and e.compare is None} == {"walk", "bus|x", "<b>car"}
    worst = [e for e in public.estimates if e.metric.startswith("worst_class") and e.status == "suppressed"]
    assert worst
    assert all(e.outcome is None for e in worst)


def test_where_one_class_of_a_group_is_hidden_all_are():
    result, *_ = decided(few=0.01)
    public = publishable(result)
    status = {}
    for e in public.estimates:
        if e.of_one_class and e.compare is None and e.group:
            status.setdefault((e.metric, e.group), set()).add(e.status == "suppressed")
    assert all(len(found) == 1 for found in status.values())
    assert any(found == {True} for found in status.values())
    assert any(found == {False} for found in status.values())


def test_more_than_eight_classes_are_for_the_record():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 9, 3000)
    result = audit.measure(y, np.where(rng.random(3000) < 0.5, y, rng.integers(0, 9, 3000)),
                           groups={"g": rng.choice(["x", "y"], 3000)}, task="multiclass")  # fmt: skip
    assert "There are 9 classes, too many for tables of both; audit.json has them." in render(result, "html")
    assert publishable(result, 1).cubes == ()


def test_a_terminal_names_the_worst_class():
    result, *_ = decided()
    console = Console(width=100, record=True, file=io.StringIO())
    print_summary(result, console)
    text = console.export_text()
    assert "macro F1" in text
    assert "worst class: true positive rate by region: " in text


def test_a_card_of_labels_shows_their_shares():
    _, y, _, g = decided()
    result = audit.check({"y": y, "g": g}, label="y", groups="g", classes=True)
    page = render(result, "html")
    assert "Share of each label by g" in page
    assert "Total variation distance of labels" in page


def test_the_dashboard_draws_several_classes(tmp_path, monkeypatch):
    testing = pytest.importorskip("streamlit.testing.v1")
    from audit.cli import dashboard
    from audit.record.store import Store
    from audit.system.environment import find_asset

    result, *_ = decided()
    run_id = "20261124T050512Z-1a2b34"
    result = replace(result, run=replace(result.run, id=run_id))
    page = "<!doctype html><p>card"
    Store(tmp_path).commit(run_id, {"audit.json": result.to_json(), "card.html": page, "card.md": "#"})
    monkeypatch.setenv(dashboard.STORE_VARIABLE, str(tmp_path))
    page = testing.AppTest.from_file(str(find_asset("dashboards/app.py")), default_timeout=60)
    page.query_params["run"] = run_id
    page.run()
    assert not page.exception
    options = page.sidebar.selectbox("metric").options
    assert "Macro F1" in options
    assert "Selection rate" not in options


def command(*words, cwd):
    return run_command(*words, cwd=cwd, env={"COLUMNS": "120"})


@pytest.mark.slow
def test_the_command_line_asks_the_same(tmp_path):
    import pandas as pd

    _, y, p, g = decided(1500)
    pd.DataFrame({"y": y, "p": p, "g": g}).to_csv(tmp_path / "t.csv", index=False)
    question = ("--label", "y", "--groups", "g")
    rule = "worst_class_selection_rate difference <= 0.3"
    model = command("model", "t.csv", *question, "--prediction", "p", "--task", "multiclass", "--gate", rule,
                    "--write-config", "audit.toml", "--json", cwd=tmp_path)  # fmt: skip
    assert model.returncode == 0, model.stderr
    document = json.loads(model.stdout)
    assert document["gates"][0]["estimate"]["outcome"] in set(y)
    assert 'task = "multiclass"' in (tmp_path / "audit.toml").read_text()
    again = command("model", "t.csv", "--config", "audit.toml", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    run = next((tmp_path / "audit-runs").rglob("audit.json")).parent
    checked = command("verify", str(run), cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    data = command("data", "t.csv", *question, "--classes", cwd=tmp_path)
    assert data.returncode == 0, data.stderr
    assert "worst_class_base_rate ratio >= 0.8" in data.stdout
    wrong = command("data", "t.csv", *question, "--classes", "--positive", "walk", cwd=tmp_path)
    assert (wrong.returncode, "has no positive class" in wrong.stderr) == (2, True)


def test_a_whole_run_of_several_classes_is_one_question(tmp_path):
    import pandas as pd

    _, y, p, g = decided(1500)
    pd.DataFrame({"y": y, "p": p, "g": g}).to_parquet(tmp_path / "t.parquet")
    (tmp_path / "audit.toml").write_text(
        '[data]\nsource = "t.parquet"\nlabel = "y"\ngroups = ["g"]\n'
        '[predictions]\nsource = "t.parquet"\ntask = "multiclass"\nprediction = "p"\n'
        '[[gates]]\nstage = "data"\nmetric = "worst_class_base_rate"\ncompare = "difference"\nmax = 0.2\n'
    )
    done = command("run", ".", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    from audit.record.reader import read_text

    assert not describe_differences(read_text(done.stdout, "stdout"))
