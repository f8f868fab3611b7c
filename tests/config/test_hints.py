"""What people write on a command line at first: understood, or refused with what to write."""

from __future__ import annotations

import pandas as pd
import pytest
from commands import audit

from audit.cli.options import Given
from audit.cli.question import ask
from audit.config.written_limits import read_rule
from audit.errors import QuestionError
from audit.estimate import band_text, level_text, quoted_level

ROWS = 360


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    here = tmp_path_factory.mktemp("hints")
    pd.DataFrame(
        {
            "race": ["a", "b", "c"] * (ROWS // 3),
            "sex": ["f", "m"] * (ROWS // 2),
            "age": [18 + i % 60 for i in range(ROWS)],
            "y": [int(i % 7 < 3) for i in range(ROWS)],
            "p": [int(i % 5 < 2) for i in range(ROWS)],
        }
    ).to_csv(here / "t.csv", index=False)
    return here


def run(folder, *arguments):
    return audit(*arguments, cwd=folder, env={"COLUMNS": "80"})


def test_levels_are_joined_on_the_command_line():
    asked = ask(Given("data", "t.csv", {"label": "y", "groups": ["race"], "merge": ["race:Other=a,b", 'race:"x: y"="c"']}), None)  # fmt: skip
    assert asked.data.merge == {"race": {"Other": ("a", "b"), "x: y": ("c",)}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("race=a,b", "--merge 'race=a,b' cannot be read; write COLUMN:NEW=LEVEL,LEVEL"),
        ("race:Other=", "--merge 'race:Other=' cannot be read"),
        ("sex:Other=a", "no group column 'sex'"),
    ],
)
def test_levels_that_cannot_be_joined_are_refused_with_the_form(text, said):
    with pytest.raises(QuestionError, match=said):
        ask(Given("data", "t.csv", {"label": "y", "groups": ["race"], "merge": [text]}), None)


def test_joined_levels_are_counted_together(folder):
    done = run(folder, "model", "t.csv", "--label", "y", "--prediction", "p", "--groups", "race", "--merge", "race:Other=a,b")  # fmt: skip
    assert "  race Other        240" in done.stdout
    assert "Joined  race: 'Other' joins 'a', 'b'" in done.stdout


@pytest.mark.parametrize("command", [("data", "t.csv", "--label", "y"), ("model", "t.csv", "--prediction", "p")])
def test_names_separated_by_blanks_name_the_comma(folder, command):
    done = run(folder, *command, "--groups", "race", "sex")
    assert done.returncode == 2
    assert "names of several columns are separated by commas" in done.stderr
    assert "--groups race,sex" in done.stderr


def test_a_limit_in_percent_is_understood():
    assert read_rule("selection_rate ratio >= 80%", "model")["min"] == 0.8
    assert read_rule("selection_rate difference <= 7%", "model")["max"] == 0.07
    assert read_rule("measured_share >= 50%", "model")["min"] == 0.5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("selection_rate ratio >= 0,8", "'0,8' is not a number; write a decimal point: 0.8"),
        ("selection_rate difference <= 10 points", 'write 10% for 10 points, as in "selection_rate difference <= 10%"'),
        ("energy_kwh <= 5%", "'5%' is a share, and this metric is none; write a number"),
        ("mean_error difference <= 5%", "'5%' is a share, and this metric is none"),
        ("selection_rate ratio >= x%", "'x%' is not a number"),
    ],
)
def test_a_limit_that_is_no_number_says_what_to_write(text, said):
    with pytest.raises(QuestionError) as refused:
        read_rule(text, "model")
    assert said in str(refused.value)


def test_a_column_of_many_numbers_hints_at_bands(folder):
    done = run(folder, "model", "t.csv", "--label", "y", "--prediction", "p", "--groups", "age")
    assert "Bands   age is a number with 60 groups; --bins age=EDGE,EDGE cuts it into bands" in done.stdout


def test_bands_are_read_as_people_say_them(folder):
    named = ["[-inf, 30)", "[30, 45)", "[65, inf)", "[0.5, 1.5)", "[30, 31)", "[-5, 0)"]
    assert list(map(band_text, named)) == [
        "under 30",
        "30 to under 45",
        "65 and over",
        "0.5 to under 1.5",
        "30 to under 31",
        "-5 to under 0",
    ]
    assert (level_text("[30, 45)"), quoted_level("[30, 45)"), band_text("[a, b)")) == (
        "30 to under 45",
        "30 to under 45",
        "[a, b)",
    )
    done = run(folder, "model", "t.csv", "--label", "y", "--prediction", "p", "--groups", "age", "--bins", "age=30,45,65", "--gate", "selection_rate ratio >= 80%")  # fmt: skip
    report = max(folder.glob("audit-runs/*/report.html"))
    for page in (
        done.stdout,
        report.read_text(encoding="utf-8"),
        report.with_name("card.md").read_text(encoding="utf-8"),
    ):
        assert "30 to under 45" in page
        assert "-inf" not in page
    assert '"[-inf, 30)"' in report.with_name("audit.json").read_text(encoding="utf-8")
