"""What people see when a command ends, kept whole: at three widths, through a pipe, on a terminal, and without colour."""

from __future__ import annotations

import io
import os
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import sample_results
from listed_runs import FUTURE, asked
from rich.cells import cell_len
from stored_results import NEW, OLD, put

import audit
from audit.cli.console import PlainConsole
from audit.energy.plan.options import plan
from audit.estimate import cell_interval, cell_text, quoted_level
from audit.measurement.metrics.catalogue import figure_of
from audit.record.store import Store
from audit.report.terminal.groupings import DATA_RATES
from audit.report.terminal.plan import print_plan
from audit.report.terminal.summary import Ending, print_summary

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "screens"
UPDATE = "EVENHAND_UPDATE_GOLDEN"
FOLDER = Path("audit-runs/20261124T020512Z-1a2b3c")
WIDTHS = (60, 80, 120)
CODE = re.compile(r"\x1b\[([0-9;]*)m")
ROWS = 720


def binary():
    """A whole run with every verdict, crossings, missing and small groups."""
    return sample_results.boston()


def data():
    """Tables alone: labels and groups, and no model."""
    config = sample_results.boston_config()
    config = {key: config[key] for key in ("data",)}
    return sample_results.result_of(
        ("race", "sex"), sample_results.BOSTON, config=config, intersections=2, stages=("data",),
        population={"race": {"white": 0.81, "black": 0.10, "hispanic": 0.05, "asian": 0.04}},
        checks=sample_results.boston_checks(),
    )  # fmt: skip


def classes():
    """Several classes, and a gate on the worst of them."""
    at = np.arange(ROWS)
    y, p = at % 3, np.where(at % 7 < 2, (at + at // 7) % 3, at % 3)
    names = np.array(["walk", "bus|x", "<b>car"])
    rules = ["worst_class_true_positive_rate difference <= 0.15", "macro_f1 >= 0.5"]
    return audit.measure(names[y], names[p], groups={"region": np.array(["north", "south", "west"])[at * 5 // 4 % 3]},
                         task="multiclass", gates=rules)  # fmt: skip


def numbers():
    """A regression whose errors differ by a factor of a thousand, with a small group."""
    at = np.arange(ROWS)
    region = np.where(at < 4, "few", np.array(["north", "south"])[at // 3 % 2])
    y = 50.0 + at % 17
    p = y + (at % 11 - 5) * np.where(region == "south", 1000.0, 1.0)
    groups = {"region": region, "sex": np.array(["f", "m"])[at % 2]}
    return audit.measure(y, p, groups=groups, task="regression", intersections=2, gates=["mean_error difference <= 1"])


def names():
    """Names that are long, wide, hostile or missing, and more groups than a screen shows."""
    long = "Bosnia and Herzegovina, Republika Srpska"
    regions = ("女性女性女性女性女性女性女", long, sample_results.HOSTILE, "[bold]x[/]", None, "e\u0301te\u0301",
               *(f"region {i:02d}" for i in range(6)))  # fmt: skip
    counts = {(r, s): (40 + i, 12, 3 * i, 30 + i) for i, r in enumerate(regions) for s in ("f", "m")}
    return sample_results.result_of(("region", "sex"), counts, intersections=2)


RESULTS = {made.__name__: made for made in (binary, data, classes, numbers, names)}
PLANS = {
    "plan": {"flops": "314e21", "device": "v100", "devices": "10000", "throughput": "24.6T", "watts": "330", "pue": "1.1",
                 "g_per_kwh": "429"},
    "plan-whole": {"parameters": "70B", "tokens": "15T", "device": "h100", "devices": "512", "mfu": "0.3..0.45", "country": "FRA",
                       "idle_watts": "90", "idle_hours": "2000", "embodied_g_per_hour": "20..40", "pue": "1.2"},
    "plan-short": {"device_hours": "3.5", "device": "a100", "watts": "250..400"},
}  # fmt: skip
SCREENS = (*RESULTS, *PLANS)


@cache
def subject(name):
    return plan(**PLANS[name]) if name in PLANS else RESULTS[name]()


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    """The folder of the run, with the documents that the last lines name."""
    monkeypatch.chdir(tmp_path)
    FOLDER.mkdir(parents=True)
    for document in ("report.html", "card.html"):
        (FOLDER / document).touch()


def screen(name, width, encoding="utf-8", *, whole=False, **more):
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding)
    console = PlainConsole(file=out, width=width, legacy_windows=False, **more)
    if name in PLANS:
        print_plan(subject(name), console)
    else:
        ending = Ending(folder=FOLDER, next_command="audit dashboard", more="audit show --all")
        print_summary(subject(name), console, ending, whole=whole)
    out.flush()
    return raw.getvalue().decode(encoding)


def through_a_pipe(name, width):
    return screen(name, width, _environ={})


def compare(name, text):
    """Regenerate with: EVENHAND_UPDATE_GOLDEN=1 pytest tests/report/terminal/test_screens.py"""
    file = GOLDEN / f"{name}.txt"
    if os.environ.get(UPDATE):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), f"{file.name} differs; look at it, then set {UPDATE}=1 to accept"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_as_it_was(name, width):
    text = through_a_pipe(name, width)
    assert "\x1b" not in text
    compare(f"{name}-{width}", text)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SCREENS)
def test_a_terminal_adds_codes_and_no_character(name, width):
    plain = through_a_pipe(name, width)
    coloured = screen(name, width, force_terminal=True, color_system="standard", _environ={"TERM": "xterm"})
    bare = screen(name, width, force_terminal=True, color_system="standard", _environ={"NO_COLOR": "1"})
    assert CODE.sub("", coloured) == CODE.sub("", bare) == plain
    assert "\x1b" in coloured
    assert not any(30 <= int(code or 0) <= 107 for codes in CODE.findall(bare) for code in codes.split(";"))
    if width == 80:
        compare(f"{name}-colour", CODE.sub(lambda found: f"<{found[1]}>", coloured))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SCREENS)
def test_a_terminal_of_ascii_has_the_same_lines(name, width):
    plain, poor = through_a_pipe(name, width), screen(name, width, encoding="ascii", _environ={})
    assert len(poor.splitlines()) >= len(plain.splitlines())
    assert poor.isascii()
    if width == 80:
        compare(f"{name}-ascii", poor)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", RESULTS)
def test_everything_is_as_it_was(name, width):
    text = screen(name, width, whole=True, _environ={})
    assert len(text) > len(through_a_pipe(name, width))
    if width == 80 and name == "binary":
        compare(f"{name}-all", text)


@pytest.mark.parametrize("width", [20, 40, *WIDTHS, 97, 200])
@pytest.mark.parametrize("name", RESULTS)
def test_every_number_is_whole_at_every_width(name, width):
    result, text = subject(name), screen(name, width, whole=True, _environ={})
    stage = "data" if name == "data" else "model"
    here = [e for e in result.estimates if e.stage == stage and len(e.by) == 1 and e.group and not e.of_one_class]
    values = [e for e in here if (e.compare, e.reference) == (None, None)]
    values = [e for e in values if stage == "model" or e.metric in DATA_RATES]
    assert len({e.group for e in values}) > 1
    for e in values:
        if e.value is not None:
            figure = figure_of(e.metric)
            assert f"{cell_text(e.value, figure)} {cell_interval(e.low, e.high, figure)}".rstrip() in text


@pytest.mark.parametrize(
    ("name", "narrowest"),
    [("binary", 46), ("data", 46), ("names", 46), ("numbers", 60), ("classes", 52), *((p, 60) for p in PLANS)],
)
def test_no_row_of_a_table_is_wider_than_the_terminal(name, narrowest):
    for width in (narrowest, narrowest + 1, 60, 71, 80, 97, 120, 200):
        lines = through_a_pipe(name, width).splitlines()
        assert [line for line in lines if cell_len(line) > width and ".html" not in line] == []


@pytest.mark.parametrize("width", [40, 42, *WIDTHS, 200])
def test_names_are_told_whole_so_that_no_two_groups_read_the_same(width):
    table = screen("names", width, whole=True, _environ={}).split("Model results by region × sex (n = denominator)\n")[
        1
    ]
    told = []
    for row in re.split(r"\n  [*…] |\n\n|\n +rows ", table)[0].splitlines()[1:]:
        if row.startswith("    "):
            told[-1] += row
        else:
            told.append(re.split(r" {2,}[0-9]+  [0-9]", row[2:])[0])
    groups = list(dict.fromkeys(e.group for e in subject("names").estimates if e.by == ("region", "sex") and e.group))
    assert len(set(map(squeeze, told))) == len(told) == len(groups)
    for name, (region, sex) in zip(told, groups, strict=True):
        assert squeeze(name).endswith(squeeze(f"× sex {quoted_level(sex)}"))
        assert squeeze(name).startswith(squeeze(quoted_level(region) if region else "region missing"))


def squeeze(text):
    return "".join(text.split())


@pytest.fixture
def store(tmp_path):
    kept = Store(tmp_path / "kept")
    result = sample_results.boston()
    for run_id, name, version in ((FUTURE, "boston-mortgages", "1.0"), (OLD, "m" * 60, "1.1-candidate")):
        named = {**result.question.config, "model": {"name": name, "version": version}}
        run = replace(result.run, id=run_id)
        put(kept, run_id, replace(result, run=run, question=replace(result.question, config=named)))
    put(kept, NEW, replace(sample_results.unjudged(), run=replace(sample_results.unjudged().run, id=NEW)))
    return kept


@pytest.mark.parametrize("width", WIDTHS)
def test_the_list_of_runs_is_as_it_was(store, width, capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    code, text, _ = asked(capfd, "list", "--store", store.folder)
    assert code == 0
    compare("list", text)
