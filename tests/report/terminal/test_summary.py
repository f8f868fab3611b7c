"""The summary on a terminal: verdict first, nothing broken, nothing hidden, readable without colour."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sample_results
from rich.cells import cell_len
from rich.console import Console

from audit.report.terminal.summary import print_summary, print_verdict

FOLDER = Path("audit-runs/20261124T020512Z-1a2b3c")
SAMPLES = ("boston", "unjudged", "undefined_rates", "single_small_group", "hostile")


def shown(result, width=80, **kwargs):
    out = io.StringIO()
    print_summary(
        result,
        Console(file=out, width=width, color_system=None),
        **({"folder": FOLDER, "next_command": "audit dashboard"} | kwargs),
    )
    return out.getvalue()


def flat(text):
    return " ".join(text.split())


@pytest.fixture(scope="module")
def boston():
    return sample_results.boston()


def with_energy(result, **changes):
    return replace(result, energy=replace(result.energy, **changes))


def test_the_first_line_is_the_verdict_in_one_sentence(boston):
    lines = shown(boston).splitlines()
    assert lines[0].startswith("FAIL: ")
    sentence = flat(" ".join(lines[:3]))
    for told in (
        "black 0.513 (n 197)",
        "white 0.797 (n 1,681)",
        "ratio 0.644 [0.556, 0.751]",
        "breaks the limit of at least 0.8",
    ):
        assert told in sentence
    assert lines[3] == "Exit code 1: a gate failed."


def test_nothing_judged_is_said_first_and_is_no_pass():
    lines = shown(sample_results.unjudged()).splitlines()
    assert lines[0] == "NOT JUDGED: no gate was asked for."
    assert lines[1] == "Exit code 0: nothing was judged, so nothing has passed."


def test_the_last_line_is_the_one_next_command(boston):
    *_, card, last = shown(boston).splitlines()
    assert card == f"Card    {FOLDER}/card.html"
    assert last == "Next    audit dashboard"
    assert "Next" not in shown(boston, next_command=None)
    assert "Card" not in shown(boston, folder=None)


def test_every_gate_with_value_interval_and_limit(boston):
    text = flat(shown(boston))
    for gate in boston.gates:
        assert gate.name in text
    assert "FAIL model.selection_rate.ratio.race 0.644 [0.556, 0.751], limit at least 0.8" in text
    assert "UNDEFINED data.representation.ratio.race undefined: nobody in the data is asian; limit at least 0.5" in text
    assert (
        text.index("FAIL model")
        < text.index("UNDEFINED data")
        < text.index("INSUFFICIENT model")
        < text.index("PASS model")
    )


def test_an_insufficient_gate_says_how_much_data_is_needed():
    result = sample_results.single_small_group(40)
    gate = replace(result.gates[0], verdict="insufficient", needed_n=3.21)
    text = flat(shown(replace(result, gates=(gate,), verdict="insufficient")))
    assert "about 3.2 times the data would settle it" in text
    assert "Exit code 3:" in text


@pytest.mark.parametrize(
    ("verdict", "policy", "said"),
    [
        ("pass", "fail", "Exit code 0: every gate passed."),
        ("insufficient", "warn", "Exit code 0: insufficient evidence, which the policy allows."),
        ("insufficient", "fail", "Exit code 3: undefined or insufficient evidence"),
        ("undefined", "warn", "Exit code 3: undefined or insufficient evidence"),
        ("incomplete", "fail", "Exit code 5: the training itself failed."),
    ],
)
def test_the_exit_code_is_explained(boston, verdict, policy, said):
    config = dict(boston.question.config) | {"policy": {"insufficient": policy}}
    result = replace(boston, verdict=verdict, question=replace(boston.question, config=config))
    assert said in flat(shown(result))


@pytest.mark.parametrize(
    ("own", "said"), [(7, "Exit code 7: the command's own"), (-15, "Exit code 143: the command's own")]
)
def test_a_tracked_command_keeps_its_own_exit_code(boston, own, said):
    run = replace(boston.run, command=("audit", "track", "--", "python"), exit_codes={"train": own})
    text = shown(replace(boston, run=run, verdict="incomplete"))
    assert said in text
    assert f"ended with code {own}" in text


def table_of(text, title):
    return text.split(title)[1].split("\n\n")[0]


def test_every_group_with_n_and_every_main_rate(boston):
    for width in (80, 100, 130):
        table = table_of(shown(boston, width), "By race, the model")
        for rate in ("selection rate", "true positive rate", "false positive rate", "accuracy"):
            assert rate in table
        for group, n in (("black", "197"), ("hispanic", "111"), ("white", "1,681")):
            assert re.search(rf"^  {group} +{n}  ", table, re.MULTILINE)
        for estimate in boston.find("accuracy", by=["race"]):
            assert f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]" in table


def test_rows_without_a_group_are_a_row_with_count_and_share(boston):
    text = shown(boston)
    assert re.search(r"^  \(sex missing, 0\.8%\) +15  ", table_of(text, "By sex, the model"), re.MULTILINE)
    assert "15 (0.8%) have no sex" in flat(text)


def test_small_groups_stay_and_are_marked_where_their_own_denominator_is_small(boston):
    table = table_of(shown(boston), "By sex, the model")
    assert "* too few rows, or too few of the rarer outcome, to judge by itself" in table
    assert "0.933 [0.702, 0.988]*" in table
    assert not re.search(r"female .*\*", table)
    assert "too few" not in table_of(shown(boston), "By race, the model")


def test_an_undefined_rate_is_never_a_number():
    row = next(
        line
        for line in shown(sample_results.undefined_rates()).splitlines()
        if line.startswith("  south") and "undefined" in line
    )
    assert row.split()[:3] == ["south", "42", "undefined"]


def test_many_groups_are_counted_not_cut_in_silence():
    counts = {(f"region {i:03d}",): (30, 12, 15, 33) for i in range(200)}
    text = shown(sample_results.result_of(("region",), counts))
    assert "… and 188 more groups; the card has them" in text
    assert len(text.splitlines()) < 60


def test_the_data_stage_alone_shows_base_rates_and_representation(boston):
    only = replace(boston, estimates=tuple(e for e in boston.estimates if e.stage == "data"))
    table = table_of(shown(only, 80), "By race, the data")
    assert "base rate" in table
    assert "representation" in table
    assert "By race, the model" not in shown(only)


def test_rows_used_and_left_out_with_reasons(boston):
    assert "predictions: of these 1,993, used 1,989, left out 4 (label is missing: 3, weight is zero: 1)" in flat(
        shown(boston)
    )


def test_checks_that_did_not_pass_are_named(boston):
    text = flat(shown(boston))
    assert "Checks 6 run: 1 warn, 4 pass, 1 not applicable" in text
    assert "WARN DV001 every row of train has a sex: 15 of 1,993 rows" in text
    assert "to mend: find out why it was not asked or answered" in text
    assert "no two names of race look alike" not in text
    many = tuple(replace(boston.checks[0], outcome="fail", code=f"DV{i}") for i in range(9))
    assert "… and 4 more (DV5, DV6, DV7, DV8); the card has them all" in shown(replace(boston, checks=many))


def test_a_mend_is_told_once_for_checks_of_one_code(boston):
    alike = tuple(replace(boston.checks[0], title=f"every row of {part} has a sex") for part in ("train", "test"))
    other = replace(boston.checks[0], code="DV002", mend="make similar names one")
    text = flat(shown(replace(boston, checks=(alike[0], other, alike[1]))))
    assert text.count("to mend: find out why") == 1
    assert text.index("every row of test") < text.index("to mend: find out why") < text.index("DV002")


def test_energy_names_share_methods_and_grid(boston):
    text = flat(shown(boston))
    assert (
        "Energy 0.000760 kWh (measured: 89.6% by energy counters); cpu 89.6% (counter), ram 6.2% (constant), cpu 4.2% (model); not metered: gpu in train"
        in text
    )
    assert (
        "Carbon 0.281 g CO2e (measured: 89.6% by energy counters), location based, at 369 gCO2e/kWh from codecarbon 3.3.2"
        in text
    )
    assert "market based, beside it: 0 g CO2e (measured: 89.6% by energy counters), by contract" in text
    assert "2023" in text


def test_energy_that_is_not_known_is_said_and_never_0(boston):
    assert "unknown grid, so no grams" in shown(with_energy(boston, carbon_g=None, factors=()))
    text = shown(with_energy(boston, energy_kwh=None, carbon_g=None, note="no meter on this machine"))
    assert "not measured: no meter on this machine" in text
    assert "kWh," not in text
    assert "kWh (measured share unknown)" in flat(shown(with_energy(boston, measured_share=None)))
    assert "kWh (none of it measured)" in flat(shown(with_energy(boston, measured_share=0.0)))
    assert "kWh (measured: 100.0% by energy counters)" in flat(shown(with_energy(boston, measured_share=1.0)))
    sampled = with_energy(boston, measured_share=0.25, sampled_share=0.5)
    assert "kWh (measured: 25.0% by energy counters, 50.0% by sampled power)" in flat(shown(sampled))
    assert "Energy" not in shown(replace(boston, energy=None))


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("width", [60, 80, 97, 120, 200])
def test_no_line_is_wider_than_the_terminal_or_ends_in_space(name, width):
    for line in shown(getattr(sample_results, name)(), width).splitlines():
        assert cell_len(line) <= width, line
        assert line == line.rstrip()


@pytest.mark.parametrize("name", SAMPLES)
def test_plain_where_there_is_no_terminal(name):
    text = shown(getattr(sample_results, name)())
    assert "\x1b" not in text
    assert all(c.isprintable() for c in text.replace("\n", ""))


def test_only_the_status_is_coloured_never_a_group_of_that_name():
    result = sample_results.result_of(("mood",), {("fail",): (40, 12, 15, 33), ("pass",): (35, 20, 10, 55)})
    out = io.StringIO()
    print_summary(result, Console(file=out, width=80, force_terminal=True, color_system="standard", no_color=False))
    assert [line for line in out.getvalue().splitlines() if "\x1b" in line] == [
        "\x1b[1mNOT JUDGED: \x1b[0mno gate was asked for."
    ]


def test_hostile_names_stay_on_their_line():
    text = shown(sample_results.hostile())
    assert "\u202e" not in text
    assert "\\x202e" in text
    assert "a|b\\x0d\\x0a| c" in text
    markup = sample_results.result_of(("g",), {("[bold red]x[/]",): (40, 12, 15, 33), ("[/nope]",): (35, 20, 10, 55)})
    assert "[bold red]x[/]" in shown(markup)
    assert "[/nope]" in shown(markup)


def test_wide_characters_keep_the_columns():
    counts = {("女性",): (40, 12, 15, 33), ("men",): (35, 20, 10, 55), ("e\u0301te\u0301",): (35, 20, 10, 55)}
    text = shown(sample_results.result_of(("性別",), counts))
    rows = [line for line in text.splitlines() if re.match(r"  (女性|men|e\u0301)", line)]
    assert len(rows) == 6
    assert len({cell_len(r[: r.index(" 0.")]) for r in rows}) == 1


def test_a_path_is_never_broken(boston):
    deep = Path("/tmp") / ("very-long-folder-name-" * 6) / "audit-runs" / FOLDER.name
    command = f"audit dashboard --store {deep.parent}"
    lines = shown(boston, 60, folder=deep, next_command=command).splitlines()
    assert lines[-2:] == [f"Card    {deep}/card.html", f"Next    {command}"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_of_any_encoding_is_served(encoding):
    names = {("été – “x”",): (40, 12, 15, 33), ("女性" * 30,): (35, 20, 10, 55)}
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding)
    print_summary(sample_results.result_of(("g",), names), Console(file=out, width=80), folder=Path("/tmp/é"))
    out.flush()
    text = raw.getvalue().decode(encoding)
    assert "NOT JUDGED" in text
    assert ("été" in text) == (encoding != "ascii")


def test_gates_stand_on_one_line_where_they_fit():
    result = sample_results.single_small_group(40)
    out = io.StringIO()
    print_verdict(result, Console(file=out, width=160))
    (line,) = [row for row in out.getvalue().splitlines() if "model.selection_rate.ratio.race" in row]
    assert "limit at least 0.8" in line


def test_the_summary_loads_nothing_heavy(tmp_path, boston):
    file = tmp_path / "audit.json"
    file.write_text(boston.to_json())
    code = (
        "import sys; from audit.record.reader import read_result; from audit.report.terminal.summary import print_summary; "
        f"from rich.console import Console; print_summary(read_result({str(file)!r}), Console(stderr=True)); "
        "print(*(m for m in sys.modules if '.' not in m))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | {"NO_COLOR": "1"}
    )
    assert "FAIL: Selection rate by race" in done.stderr
    assert not set(done.stdout.split()) & {"numpy", "pandas", "duckdb", "pyarrow", "jinja2", "great_expectations"}
