"""One table of options: what a command, a function of Python and audit.toml call a key is said once."""

from __future__ import annotations

import inspect
import itertools

import pytest
import typer

import audit
from audit.cli.app import app
from audit.cli.init import NUMBERS
from audit.cli.options import Given
from audit.cli.question import ask
from audit.config.options import COMMANDS, Option
from audit.config.sections import ASKED, find_keys
from audit.energy.plan.options import plan
from audit.errors import QuestionError
from audit.sklearn import DataGate

FIELDS = [(section, key) for section, (model, _) in ASKED.items() for key in model.model_fields]
OF_VERDICTS = ("gate", "config", "baseline", "report", "store", "json", "exit_zero", "verbose")
OWN = {
    "measure": {"gates", "metrics"},
    "check": {"frame", "test", "gates"},
    "data": {"table", "tests", *OF_VERDICTS, "write_config"},
    "model": {"table", *OF_VERDICTS, "write_config"},
    "count": {"table", "into", "config", "engine", "master"},
}
"""What each is given beside keys of the table."""


@pytest.mark.parametrize(("section", "key"), FIELDS)
def test_every_key_says_what_it_is_and_has_one_option_a_door(section, key):
    options = [o for o in ASKED[section][0].model_fields[key].metadata if isinstance(o, Option)]
    assert options, f"[{section}] {key} has no option, so no help"
    assert all(o.help.endswith(".") and o.help[:-1] for o in options)
    doors = list(itertools.chain.from_iterable(o.doors for o in options))
    assert len(doors) == len(set(doors))


@pytest.mark.parametrize("function", [audit.measure, audit.check])
def test_a_function_takes_what_the_table_says_and_by_default_asks_the_same(function):
    parameters = inspect.signature(function).parameters
    keys = find_keys(function.__name__)
    assert {k.argument for k in keys.values()} | OWN[function.__name__] == set(parameters)
    for key, asked in keys.items():
        default = parameters[asked.argument].default
        assert default in (None, False, ASKED[asked.section][0].model_fields[key].default), key


@pytest.mark.parametrize("door", COMMANDS)
def test_a_command_takes_what_the_table_says(door):
    shown = {p.name: p for p in typer.main.get_command(app).commands[door].params if p.name != "help"}
    assert set(find_keys(door)) | OWN[door] == set(shown)
    for key, asked in find_keys(door).items():
        assert shown[key].opts == [asked.flag]


@pytest.mark.parametrize(
    ("door", "name"), [*((d, "flag") for d in COMMANDS), ("check", "argument"), ("measure", "argument")]
)
def test_no_two_keys_of_a_door_have_one_name(door, name):
    names = [getattr(asked, name) for asked in find_keys(door).values()]
    assert len(names) == len(set(names))


def test_the_step_in_a_pipeline_asks_as_check_does():
    assert set(inspect.signature(DataGate).parameters) - {"insist"} <= set(inspect.signature(audit.check).parameters)


def test_a_plan_is_asked_for_what_its_function_takes():
    assert list(NUMBERS) == list(inspect.signature(plan).parameters)


def test_an_option_that_cannot_be_read_is_named():
    with pytest.raises(QuestionError, match=r"--compare-to '\"rest' cannot be read"):
        find_keys("model")["compare_to"].read(['"rest'])


def test_a_threshold_without_scores_is_refused_when_a_part_is_counted():
    """It was left out without a word, and labels alone were counted."""
    with pytest.raises(
        QuestionError, match="--threshold needs scores; name their column with --score, or remove --threshold"
    ):
        ask(Given("data", "t.csv", {"label": "y", "threshold": 0.3}, judged=False), None)


@pytest.mark.parametrize("stage", ["data", "model"])
@pytest.mark.parametrize(("key", "value"), [("prediction", "p"), ("groups", ["g"]), ("classes", True)])
def test_an_option_beside_a_file_is_refused_by_name_whatever_the_file_asks(tmp_path, stage, key, value):
    (tmp_path / "audit.toml").write_text('[data]\nlabel = "y"\n')
    asked = {"label": None, "exact_auc": False, key: value}
    with pytest.raises(QuestionError, match=f"--{key} cannot be combined with --config; remove one of them"):
        ask(Given(stage, "t.csv", asked, judged=False), tmp_path / "audit.toml")
