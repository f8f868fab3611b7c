"""The summary on a terminal: verdict first, nothing broken, nothing hidden without a word, readable without colour."""

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

from audit.gates.judge import judge_again
from audit.report.terminal.summary import MOST_LINES, Ending, describe_in_a_line, print_summary
from audit.report.terminal.verdict import print_verdict

MORE = "audit show --all"
SAMPLES = ("boston", "unjudged", "undefined_rates", "single_small_group", "hostile")


def shown(result, width=80, *, whole=False, encoding=None, **ending):
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None)
    print_summary(result, console, Ending(**({"next_command": "audit dashboard", "more": MORE} | ending)), whole=whole)
    return out.getvalue()


def flat(text):
    return " ".join(text.split())


@pytest.fixture(scope="module")
def boston():
    return sample_results.boston()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A run's folder with both documents, as a relative path."""
    monkeypatch.chdir(tmp_path)
    made = Path("audit-runs/20261124T020512Z-1a2b3c")
    made.mkdir(parents=True)
    for name in ("report.html", "card.html"):
        (made / name).touch()
    return made


def with_energy(result, **changes):
    return replace(result, energy=replace(result.energy, **changes))


def table_of(text, title):
    return text.split(f"\n{title} ")[1].split("\n\n")[0]


# --- the verdict ----------------------------------------------------------------------------------------------------


def test_the_verdict_comes_first_with_the_sentence_of_the_limit_that_decides(boston):
    text = shown(boston)
    assert text.startswith("FAIL: ")
    gate = next(g for g in boston.gates if g.verdict == "fail")
    assert flat(text).startswith(
        f"FAIL: {flat(gate.sentence)} 8 limits: 1 fails, 1 undefined, 2 inconclusive, 1 waived, "
    )
    assert "3 pass. Exit code 1: a limit failed." in flat(text)
    assert all(line.startswith("  ") for line in text.split("\n\n")[0].splitlines()[1:])


def test_nothing_judged_is_said_first_and_is_no_pass():
    lines = shown(sample_results.unjudged()).splitlines()
    assert lines[0] == "NOT JUDGED: No limit was set. The numbers below are measurements, not passes."
    assert lines[1] == "  Exit code 0: nothing has passed."


def test_one_limit_is_not_counted():
    text = shown(sample_results.single_small_group(40))
    assert "1 limits" not in text
    assert "limits:" not in text


@pytest.mark.parametrize(
    ("verdict", "policy", "said"),
    [
        ("pass", "fail", "Exit code 0: every limit passed."),
        ("insufficient", "warn", 'Exit code 0: an inconclusive limit is allowed ([policy] insufficient = "warn").'),
        (
            "insufficient",
            "fail",
            'Exit code 3: an inconclusive limit counts as not passed ([policy] insufficient = "warn" or --allow-in',
        ),
        ("undefined", "warn", "Exit code 3: an undefined limit never passes."),
        ("waived", "fail", "Exit code 0: 1 of 8 limits did not pass and is waived."),
        ("incomplete", "fail", "Exit code 5: training failed."),
    ],
)
def test_the_exit_code_is_explained(boston, verdict, policy, said):
    config = dict(boston.question.config) | {"policy": {"insufficient": policy}}
    result = replace(boston, verdict=verdict, question=replace(boston.question, config=config))
    assert said in flat(shown(result))


def test_an_inconclusive_verdict_is_called_so():
    result = sample_results.single_small_group(40)
    gate = replace(result.gates[0], verdict="insufficient")
    text = shown(replace(result, gates=(gate,), verdict="insufficient"))
    assert text.startswith("INCONCLUSIVE: ")
    assert "INSUFFICIENT" not in text


def test_exit_zero_says_what_the_code_would_have_been(boston):
    said = flat(shown(boston, exit_zero=True))
    assert "Exit code 0 (--exit-zero; otherwise 1: a limit failed)." in said


@pytest.mark.parametrize(
    ("ended", "word", "said"),
    [
        ({"exit_codes": {"train": 3}}, "INCOMPLETE", "Training ended with exit code 3, so nothing was judged."),
        ({"exit_codes": {"train": -9}}, "INCOMPLETE", "Training was killed (SIGKILL, often out of memory), so"),
        ({"exit_codes": {"train": 0}, "ended": "no meter"}, "INCOMPLETE", "Exit code 5: the audit is incomplete."),
        ({"exit_codes": {"train": -2}, "interrupted": "SIGINT"}, "INTERRUPTED", "Stopped with Ctrl-C during training"),
    ],
)
def test_a_run_that_did_not_end_well_says_how_it_ended(boston, ended, word, said):
    text = shown(replace(boston, run=replace(boston.run, **ended), verdict="incomplete"))
    assert text.startswith(f"{word}: ")
    assert said in flat(text)
    assert "The record so far is kept." in flat(text)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (7, "The command ended with exit code 7, so nothing was judged. The record so far is kept."),
        (-15, "Exit code 143, from the command itself."),
    ],
)
def test_a_tracked_command_keeps_its_own_exit_code(boston, own, said):
    run = replace(boston.run, command=("audit", "track", "--", "python"), exit_codes={"train": own})
    assert said in flat(shown(replace(boston, run=run, verdict="incomplete")))


def test_a_verdict_in_one_line_names_energy_and_document(boston, folder):
    said = describe_in_a_line(boston, folder)
    assert said.startswith("FAIL: ")
    assert "energy: 0.760 Wh (89.6% measured by energy counters, the rest estimated)" in said
    assert f"report: {folder}/report.html" in said
    assert "\n" not in said


# --- limits ---------------------------------------------------------------------------------------------------------


def test_every_limit_has_its_numbers_in_columns_the_worst_first(boston):
    text = shown(boston, 100)
    rows = text.split("\nLimits ")[1].split("\n\n")[0].splitlines()
    assert rows[0].split() == ["found", "[95%", "interval]", "limit"]
    start = rows[1].index("64.4") if "64.4" in rows[1] else rows[1].index("0.644")
    assert rows[1][start:].split("min")[0].split() == ["0.644", "[0.556,", "0.751]"]
    assert [row.split("  ")[1] for row in rows[1:] if row[2] != " "] == [
        "FAIL", "UNDEFINED", "INCONCLUSIVE", "INCONCLUSIVE", "WAIVED", "PASS", "PASS", "PASS",
    ]  # fmt: skip
    said = flat(text)
    for limit in (
        "FAIL selection rate by race 0.644 [0.556, 0.751] min 0.8",
        "UNDEFINED representation by race (data) undefined min 0.5 ",
        "INCONCLUSIVE lowest selection rate by race 51.3% [44.3, 59.6] min 45%",
        "INCONCLUSIVE equal opportunity difference by race 19.3 [9.8, 28.0] max 20 points",
        "WAIVED base rate by race 23.3 [15.7, 30.3] max 15 points",
        "PASS energy 0.760 Wh, 89.6% measured max 10 Wh",
        "PASS failed checks 0 of 5 max 0",
    ):
        assert limit in said


def test_on_a_narrow_terminal_the_numbers_stand_under_the_name(boston):
    rows = shown(boston, 60).split("\nLimits\n")[1].split("\n\n")[0].splitlines()
    assert rows[0] == "  FAIL          selection rate by race"
    assert rows[1] == "                0.644 [0.556, 0.751], min 0.8"


def test_limits_for_which_there_is_no_room_are_counted_by_verdict(boston):
    gates = tuple(replace(boston.gates[1], verdict="pass", name=f"model.g{i}") for i in range(20))
    many = replace(boston, gates=(boston.gates[0], *gates))
    text = shown(many)
    listed = text.count("\n  PASS ")
    assert 2 <= listed < 12
    assert f"and {20 - listed} more that pass (audit show --all)" in text
    assert " more that pass" not in shown(many, whole=True)


def test_everything_names_limits_as_waivers_do_with_their_p_values(boston):
    text = flat(shown(boston, whole=True))
    for gate in boston.gates:
        assert f"name: {gate.name}" in text
        assert flat(gate.sentence) in text
    assert "one-sided p-value < 0.001; Holm-corrected 0.005" in text


# --- results by group -----------------------------------------------------------------------------------------------


def test_every_group_of_an_attribute_with_its_rows_and_as_many_rates_as_fit(boston):
    unjudged = replace(boston, gates=())
    for width, rates in ((80, 2), (100, 3), (130, 4)):
        table = table_of(shown(unjudged, width), "Model results")
        head = table.splitlines()[0]
        named = [r for r in ("selection rate", "true positive rate", "false positive rate", "accuracy") if r in head]
        assert len(named) == rates
        assert table.count("selection rate") == 1, "a table is never split"
        for group, n in (("black", "197"), ("hispanic", "111"), ("white", "1,681")):
            assert re.search(rf"^  race {group} +{n}  ", table, re.MULTILINE)
        assert re.search(r"^  overall +1,989  ", table, re.MULTILINE)
        for estimate in boston.find("selection_rate", by=["race"]):
            if estimate.group and estimate.compare is None:
                assert f"{100 * estimate.value:.1f}% [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]" in table


def test_a_rate_that_a_limit_is_on_is_among_those_that_fit(boston):
    gate = next(g for g in boston.gates if "lowest" in g.name)
    estimate = boston.find("accuracy", "lowest", by=["race"], stage="model")[0]
    judged = replace(boston, gates=(replace(gate, estimate=estimate, verdict="fail"),))
    assert "accuracy" in table_of(shown(judged), "Model results").splitlines()[0]


def test_rows_without_a_group_are_a_row_with_count_and_share(boston):
    text = shown(boston)
    assert re.search(r"^  sex missing \(0\.8%\) +15  ", table_of(text, "Model results"), re.MULTILINE)
    assert "sex is missing in 15 (0.8%)" in flat(shown(boston, whole=True))


def test_small_groups_stay_and_are_marked_where_their_own_denominator_is_small(boston):
    table = table_of(shown(boston), "Model results")
    assert "* too few rows to judge alone (fewer than 5 events or non-events)" in table
    assert "93.3% [70.2, 98.8]*" in table
    assert not re.search(r"female .*\*", table)
    assert "too few" not in table_of(shown(sample_results.unjudged()), "Model results")


def test_of_combinations_the_pair_that_a_limit_is_about_is_shown_and_the_others_are_counted(boston):
    assert "not shown: 9 combinations by race × sex (audit show --all)" in shown(boston)
    config = dict(boston.question.config)
    limit = {"stage": "model", "metric": "selection_rate", "compare": "ratio", "by": ["race", "sex"], "min": 0.8}
    from audit.config.read import build

    judged = judge_again(boston, build(config | {"gates": [limit], "waivers": []}, "test"), sample_results.TODAY)
    text = shown(judged)
    assert re.search(r"^  black × male +144 ", text, re.MULTILINE)
    assert re.search(r"^  white × male +1,374 ", text, re.MULTILINE)
    assert "not shown: 7 combinations by race × sex (audit show --all)" in text


def test_an_undefined_rate_is_never_a_number():
    lines = shown(sample_results.undefined_rates(), 100).splitlines()
    row = next(line for line in lines if line.startswith("  region south"))
    assert row.split()[2] == "42"
    assert "undefined" in row


def test_many_groups_are_counted_not_cut_in_silence():
    counts = {(f"region {i:03d}",): (30, 12, 15, 33) for i in range(200)}
    result = sample_results.result_of(("region",), counts)
    text = shown(result)
    kept = len(re.findall(r"^  region region", text, re.MULTILINE))
    assert f"not shown: {200 - kept} groups by region (audit show --all)" in text
    assert len(text.splitlines()) <= MOST_LINES
    assert len(re.findall(r"^  region region", shown(result, whole=True), re.MULTILINE)) >= 200


def test_groups_that_a_limit_is_about_are_never_among_those_not_shown():
    counts = {(f"r{i:03d}",): (30, 12, 15, 33) for i in range(200)} | {
        ("r150",): (60, 12, 60, 12),
        ("r170",): (1, 60, 1, 60),
    }
    config = sample_results.plain_config(("region",)) | {
        "gates": [{"stage": "model", "metric": "selection_rate", "compare": "ratio", "by": ["region"], "min": 0.8}]
    }
    text = shown(sample_results.result_of(("region",), counts, config=config))
    assert re.search(r"^  region r150 ", text, re.MULTILINE)
    assert re.search(r"^  region r170 ", text, re.MULTILINE)


def test_a_group_that_is_a_number_stands_with_its_column_in_quotes():
    text = shown(sample_results.result_of(("SEX",), {("1",): (40, 12, 15, 33), ("2",): (35, 20, 10, 55)}))
    assert re.search(r"^  SEX '1' +100  ", text, re.MULTILINE)


def test_the_data_stage_alone_shows_base_rates_and_representation(boston):
    only = replace(boston, estimates=tuple(e for e in boston.estimates if e.stage == "data"))
    table = table_of(shown(only, 80), "Training data")
    assert "base rate" in table
    assert "representation" in table
    assert "Model results" not in shown(only)


def test_everything_has_a_table_a_grouping_with_every_rate_and_its_denominator(boston):
    text = shown(boston, 120, whole=True)
    for title in (
        "Model results by race ",
        "Model results by race × sex ",
        "Model results overall ",
        "Training data by sex ",
    ):
        assert f"\n{title}(n = denominator)\n" in text
    for estimate in boston.estimates:
        if (estimate.stage, estimate.metric, estimate.compare) == ("model", "precision", None) and estimate.by == (
            "race",
        ):
            assert f"{100 * estimate.value:.1f}%" in text
            assert f"n {estimate.denominator:,.0f}" in text
    assert (
        "positive labels by race: black 67.5% v. white 90.8%, 23.3 points apart (95% interval 16 to 30 points)"
        in flat(text)
    )


# --- data checks, rows, energy, documents ---------------------------------------------------------------------------


def test_rows_used_and_excluded_with_reasons(boston):
    said = "train 1,993 read, 1,989 used, excluded: label is missing: 3, weight is zero: 1; predictions 1,993 read"
    assert said in flat(shown(boston))
    assert "predictions: 1,993 rows read, 1,989 used, excluded: label is missing: 3" in flat(shown(boston, whole=True))


def test_few_findings_say_at_once_what_to_do(boston):
    found = next(c for c in boston.checks if c.outcome == "warn")
    for result in (boston, replace(boston, gates=())):
        text = flat(shown(result))
        assert f"Data checks: 1 warning, 4 pass; 1 not applicable DV001 {found.title} What to do: " in text
        assert flat(found.mend)[1:].rstrip(".") in text
        assert boston.checks[1].title not in text


def test_what_to_do_is_told_once_for_checks_of_one_code(boston):
    alike = tuple(replace(boston.checks[0], title=f"sex is missing in {part}") for part in ("train", "test"))
    other = replace(boston.checks[0], code="DV002", mend="merge the names")
    text = flat(shown(replace(boston, checks=(alike[0], other, alike[1]))))
    assert text.count("What to do:") == 2
    assert text.index("missing in test") < text.index("What to do:") < text.index("DV002")


def test_a_code_that_is_shown_is_never_called_not_shown(boston):
    warning = boston.checks[0]
    many = tuple(replace(warning, code="DP001", title=f"finding {i}") for i in range(7))
    text = shown(replace(boston, gates=(), checks=many))
    seen = text.count("\n  DP001  ")
    assert 0 < seen < 7
    assert f"7 warnings ({7 - seen} more DP001 not shown)" in flat(text)


def test_of_many_findings_the_worst_are_shown_and_the_others_named_by_code(boston):
    warning = boston.checks[0]
    many = (
        *(replace(warning, code=code) for code in ("DP001", "DP001", "DV001", "DB006", "DB003", "FM001")),
        replace(warning, code="DV100", outcome="fail", title="expect a to be unique"),
        *boston.checks[1:],
    )
    text = shown(replace(boston, gates=(), checks=many))
    assert "Data checks: 1 failed, 6 warnings (DB006, DV001, DP001 not shown), 4 pass; 1 not applicable " in flat(text)
    assert "\n  DV100  Failed: expect a to be unique\n  FM001  " in text
    assert "What to do" not in text
    everything = shown(replace(boston, checks=many), whole=True)
    assert everything.count("DP001") == 2
    assert "not shown" not in everything
    assert "\n  DV002  Pass: The names of race are distinct: 3 names\n" in everything
    assert "What to do: " in everything


def test_energy_is_one_line_and_everything_names_components_methods_and_grid(boston):
    assert (
        "Energy 0.760 Wh (89.6% measured by energy counters, the rest estimated); 0.281 g CO2e (grid of USA, 2023)"
        in flat(shown(boston))
    )
    text = flat(shown(boston, whole=True))
    known = "89.6% measured by energy counters, the rest estimated"
    assert (
        f"Energy 0.760 Wh ({known}); CPU 89.6% (counter), RAM 6.2% (constant), CPU 4.2% (model); not metered: GPU in training"
        in text
    )
    assert f"Carbon 0.281 g CO2e ({known}), location-based, at 369 g CO2e/kWh from codecarbon 3.3.2" in text
    assert f"market-based (by contract): 0 g CO2e ({known})" in text
    assert "embodied (not in the total): 40.7 mg CO2e" in text
    assert "2023" in text


def test_energy_that_is_not_known_is_said_and_never_0(boston):
    unknown = with_energy(boston, carbon_g=None, factors=())
    assert "carbon not computed, because the grid is unknown; set [energy] country" in flat(shown(unknown))
    assert "Carbon not computed, because the grid is unknown" in flat(shown(unknown, whole=True))
    text = shown(with_energy(boston, energy_kwh=None, carbon_g=None, note="no meter on this machine"))
    assert "Energy  not measured: no meter on this machine" in text
    assert "0 Wh (" not in text
    assert "Wh (measured share unknown)" in flat(shown(with_energy(boston, measured_share=None)))
    assert "Wh (estimated, not measured)" in flat(shown(with_energy(boston, measured_share=0.0)))
    assert "Wh (measured by energy counters)" in flat(shown(with_energy(boston, measured_share=1.0)))
    sampled = with_energy(boston, measured_share=0.25, sampled_share=0.5)
    said = "Wh (25.0% measured by energy counters, 50.0% by sampled power, the rest estimated)"
    assert said in flat(shown(sampled))
    assert "Energy" not in shown(replace(boston, gates=(), energy=None))


def test_both_documents_are_named_with_whom_they_are_for(boston, folder):
    *_, report, card, last = shown(boston, folder=folder).splitlines()
    assert report == f"Report  {folder}/report.html (internal)"
    assert card == f"Card    {folder}/card.html (to publish)"
    assert last == "Next    audit dashboard"
    (folder / "report.html").unlink()
    assert "Report" not in shown(boston, folder=folder)
    assert "Next" not in shown(boston, next_command=None)
    assert "Card" not in shown(boston)


# --- what is withheld ----------------------------------------------------------------------------------------------


def test_a_terminal_withholds_what_the_card_withholds_where_that_is_asked_for(boston):
    config = dict(boston.question.config) | {"publish": {"terminal": "withhold"}}
    asked = replace(boston, question=replace(boston.question, config=config))
    text = flat(shown(asked))
    assert re.search(
        r"Withheld as on the card, to protect groups under 10: [\d,]+ of [\d,]+ numbers \(\[publish\]", text
    )
    assert "Withheld" not in shown(boston)
    everything = shown(asked, whole=True)
    assert re.search(r"white × sex missing +withheld +withheld", everything)
    assert re.search(r"white × sex missing +11 ", shown(boston, whole=True))
    out = io.StringIO()
    print_verdict(asked, Console(file=out, width=80, color_system=None))
    assert "Withheld as on the card" in out.getvalue()


@pytest.mark.parametrize("variable", ["GITHUB_ACTIONS", "GITLAB_CI"])
def test_the_log_of_a_ci_withholds_what_the_card_withholds(boston, monkeypatch, variable):
    monkeypatch.setenv(variable, "true")
    assert re.search(
        r"Withheld as on the card, to protect groups under 10: [\d,]+ of [\d,]+ numbers \(this is the log of a CI; "
        r"\[publish\] k sets the size\)\.",
        flat(shown(boston)),
    )
    assert re.search(r"white × sex missing +withheld +withheld", shown(boston, whole=True))
    config = dict(boston.question.config) | {"publish": {"k": 1}}
    public = replace(boston, question=replace(boston.question, config=config))
    assert "Withheld" not in shown(public)
    assert re.search(r"white × sex missing +11 ", shown(public, whole=True))


# --- any terminal ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("width", [60, 80, 97, 120, 200])
def test_no_line_is_wider_than_the_terminal_or_ends_in_space(name, width, whole):
    for line in shown(getattr(sample_results, name)(), width, whole=whole).splitlines():
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
        "\x1b[1mNOT JUDGED: \x1b[0mNo limit was set. The numbers below are measurements, not passes."
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
    rows = [line for line in text.splitlines() if line.startswith("  性別")]
    assert len(rows) == 3
    assert len({cell_len(r[: r.index("%")]) for r in rows}) == 1


def test_a_path_is_never_broken(boston, folder):
    deep = folder.absolute() / ("very-long-folder-name-" * 6)
    deep.mkdir()
    (deep / "card.html").touch()
    command = f"audit dashboard --store {deep.parent}"
    lines = shown(boston, 60, folder=deep, next_command=command).splitlines()
    assert lines[-2:] == [f"Card    {deep}/card.html (to publish)", f"Next    {command}"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_of_any_encoding_is_served(encoding):
    names = {("été – “x”",): (40, 12, 15, 33), ("女性" * 30,): (35, 20, 10, 55)}
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding)
    print_summary(sample_results.result_of(("g",), names), Console(file=out, width=80))
    out.flush()
    text = raw.getvalue().decode(encoding)
    assert "NOT JUDGED" in text
    assert ("été" in text) == (encoding != "ascii")


def test_the_verdict_alone_says_which_run_was_judged(boston):
    out = io.StringIO()
    print_verdict(boston, Console(file=out, width=160), named=True)
    assert out.getvalue().endswith(f"\n\nRun     {boston.run.id}: audit run pipelines/boston\n")
    (line,) = [row for row in out.getvalue().splitlines() if row.startswith("  FAIL ")]
    assert "min 0.8" in line


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
    assert done.stderr.startswith("FAIL: ")
    assert not set(done.stdout.split()) & {"numpy", "pandas", "duckdb", "pyarrow", "jinja2", "great_expectations"}


def test_a_check_that_a_terminal_withholds_is_called_withheld(boston):
    gone = replace(boston.checks[0], code="DV003", outcome="withheld", mend="", detail="withheld here, because …")
    text = flat(shown(replace(boston, checks=(*boston.checks[1:], gone)), whole=True))
    assert "1 withheld" in text
    assert f"Withheld: {gone.title}" in text
    assert "ndefined: " not in text.partition("Data checks")[2].partition("Rows")[0]
