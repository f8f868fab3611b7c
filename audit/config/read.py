"""From the text of audit.toml to a `Config`, with errors a person can act on."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from audit.config.schema import Config
from audit.errors import SCHEME, InputError, QuestionError, StoreError, no_such, printable, suggest
from audit.record.result import AuditResult

SECTIONS = "data|predictions|policy|checks"
KEY = re.compile(rf"\[(?:{SECTIONS})\] (\w+)( = true)?|(?<!['\w.])(?:{SECTIONS})\.(\w+)|(\[(?:{SECTIONS})\])")
"""A key, with a switch that is on; or a section alone. In quotes it is a user's own name, such as that of a column."""
BEGIN = re.compile(r"the (?:command line|configuration): ")
"""Where a message begins that is of no file."""
LIMIT = re.compile(r"^gates\[(\d+)\](?: \([^()]*\))?")
MEND = re.compile(r"\((\w+(?:, \w+)*)( = …)?\)")
"""What to give, in brackets at the end of a sentence."""


DEFAULT_NAME = "audit.toml"
LARGEST_BYTES = 1_000_000
IDLE_NEIGHBOURS = (
    "predictions.neighbours needs the flip test; name the feature columns (features), or remove neighbours"
)
SECRET = {"command", "prepare"}
"""Keys of commands, whose words are never repeated."""
MOST_NAMED = 3
A_DATE = "must be a date such as 2027-03-01"
FAULTS = {
    "tuple_type": 'must be a list, such as ["a", "b"]',
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "string_type": "must be text, in quotes",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "date_type": A_DATE,
    "date_parsing": A_DATE,
    "date_from_datetime_parsing": A_DATE,
    "date_from_datetime_inexact": A_DATE,
}
"""What a person is told for a fault that pydantic names in Python's words."""
SLIP = 0.8
"""Likeness from which an unknown key is a slip of its own section's, whatever other sections have."""


def load(path: Path) -> tuple[Config, Path]:
    """Return the configuration, and the folder that its paths are relative to.

    Parameters
    ----------
    path
        An audit.toml, or the folder in which one lies.

    Raises
    ------
    QuestionError
        Names the file and the key.
    """
    file = path / DEFAULT_NAME if path.is_dir() else path
    shown, lies = printable(path), printable(file)
    if SCHEME.match(str(path)):
        raise QuestionError(f"'{shown}' is an address, which is not downloaded; name a file or folder")
    if not file.exists():
        if path.is_dir():
            raise QuestionError(f"no {DEFAULT_NAME} in '{shown}'; write one with audit init TABLE")
        raise QuestionError(f"no file or folder '{shown}'; name an {DEFAULT_NAME} or its folder")
    if not file.is_file():
        raise QuestionError(f"'{lies}' is not a regular file; name an audit.toml")
    try:
        size = file.stat().st_size
        if size > LARGEST_BYTES:
            raise QuestionError(f"'{lies}' has {size:,} bytes; an audit.toml has at most {LARGEST_BYTES:,}")
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise QuestionError(f"'{lies}' is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise QuestionError(f"'{lies}' cannot be read: {error.strerror}") from error
    return parse(text, printable(file)), file.parent


def name_config(path: Path) -> str:
    """Return the name of the configuration that a path means, without its folder, which may be private."""
    return DEFAULT_NAME if path.is_dir() else path.name


def parse(text: str, name: str = DEFAULT_NAME) -> Config:
    """Return the configuration from TOML text."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise QuestionError(f"{name}: not valid TOML: {printable(error, 160)}") from error
    except RecursionError as error:
        raise QuestionError(f"{name}: nested too deeply") from error
    refuse_idle_neighbours(raw.get("predictions"), name)
    return build(raw, name)


def refuse_idle_neighbours(asked: Any, name: str) -> None:
    """Refuse a number of neighbours without features, be it the default: nothing would be made of it.

    A `Config` cannot tell a default that was asked for from one that was not, so this looks at what was written.

    Parameters
    ----------
    asked
        Section [predictions] as it was written.
    name
        Where it was written.
    """
    if isinstance(asked, Mapping) and asked.get("neighbours") is not None and not asked.get("features"):
        raise QuestionError(f"{name}: {IDLE_NEIGHBOURS}")


def build(raw: Mapping[str, Any], name: str = DEFAULT_NAME) -> Config:
    """Return the configuration from plain tables."""
    try:
        return Config.model_validate(dict(raw))
    except ValidationError as error:
        raise QuestionError(f"{name}: {_describe_error(error)}") from error


def _describe_error(error: ValidationError) -> str:
    """Describe the first thing that is wrong, in one line, with the number of the others."""
    found = error.errors(include_url=False)
    first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])
    more = _name_others([_describe_place(e["loc"]) for e in found if e is not first])
    where = _describe_place(first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{_describe_unknown_key(first['loc'])}{more}"
    if first["type"] == "missing":
        return f"{where} is missing{more}"
    if first["type"] == "literal_error":
        return f"{where}: {_describe_choice(first)}{more}"
    message = _describe_fault(first)
    # Words of a command may be secrets, also where they were written as one text.
    tells = first["type"] != "value_error" and not SECRET & set(first["loc"])
    shown = f" (it is {printable(repr(first['input']), 40)})" if tells else ""
    return f"{where}{': ' if where else ''}{printable(message, 300)}{shown}{more}"


def _name_others(places: Sequence[str]) -> str:
    """Return where else something is wrong."""
    if not places:
        return ""
    rest = len(places) - MOST_NAMED
    named = ", ".join(printable(place, 60) for place in places[:MOST_NAMED])
    return f" (also wrong: {named}{f' and {rest} more' if rest > 0 else ''})"


def _describe_fault(fault: ErrorDetails) -> str:
    """Describe what is wrong with a value, in the words of a file and not of Python."""
    said = FAULTS.get(fault["type"])
    if fault["type"] == "tuple_type" and isinstance(fault["input"], str) and not SECRET & set(fault["loc"]):
        return f"must be a list; write {fault['loc'][-1]} = {_write_list(fault['input'])}"
    if said is not None:
        return said.format(**fault.get("ctx", {}))
    message = fault["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _write_list(text: str) -> str:
    """Return a text as the list of TOML that it means; names of columns stand apart by commas, or by * as in a limit.

    >>> _write_list("race"), _write_list("race * sex")
    ('["race"]', '["race", "sex"]')
    """
    names = [name.strip() for name in re.split(r"[,*]", text) if name.strip()]
    return f"[{', '.join(json.dumps(printable(name), ensure_ascii=False) for name in names or ['…'])}]"


def _describe_choice(fault: ErrorDetails) -> str:
    """Describe a value that is none of those that a key may have."""
    choices = re.findall(r"'([^']*)'", fault["ctx"]["expected"])
    return suggest(f"{printable(repr(fault['input']), 40)} is not allowed", fault["input"], choices)


def _describe_unknown_key(loc: tuple[int | str, ...]) -> str:
    """Describe a key that does not exist where it stands, with the section in which it does."""
    where, key, siblings = _describe_place(loc), str(loc[-1]), _list_siblings(loc)
    slip = difflib.get_close_matches(key, [s.rpartition(".")[2] for s in siblings], n=1, cutoff=SLIP)
    if key in Config.model_fields and len(loc) > 1 and not slip:
        return f"no key '{printable(where)}'; write it as its own section, {_make_head(key, Config)}"
    holding = [head for head, model in _find_sections(Config) if key in model.model_fields]
    if slip or not holding:
        return no_such("key", where, siblings)
    return f"no key '{printable(where)}'; '{key}' belongs in {' or '.join(holding)}"


def _find_sections(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield sections by their heads, those within others after them."""
    inner = {k: m for k, f in model.model_fields.items() if (m := _find_model(f.annotation)) is not None}
    yield from ((_make_head(k, model, prefix), m) for k, m in inner.items())
    for key, within in inner.items():
        yield from _find_sections(within, f"{prefix}{key}.")


def _make_head(key: str, model: type[BaseModel], prefix: str = "") -> str:
    """Return the head of a section as a file has it."""
    kinds = {get_origin(a) for a in (model.model_fields[key].annotation, *get_args(model.model_fields[key].annotation))}
    named = f"{prefix}{key}.NAME" if dict in kinds else f"{prefix}{key}"
    return f"[[{named}]]" if tuple in kinds else f"[{named}]"


def _describe_place(loc: Iterable[int | str]) -> str:
    """Return the path in the file: gates[0].max."""
    out = ""
    for part in loc:
        if isinstance(part, int):
            out += f"[{part}]"
        elif part not in {"bool", "int", "float", "str"} and not part.startswith(("function-", "constrained-")):
            out += f".{part}" if out else str(part)
    return out


def _list_siblings(loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that may stand where the unknown one stands, with their path."""
    model: type[BaseModel] = Config
    for part in loc[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            model = _find_model(model.model_fields[part].annotation) or model
    prefix = _describe_place(loc[:-1])
    return [f"{prefix}.{k}" if prefix else k for k in model.model_fields]


def _find_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for a in get_args(annotation) if (m := _find_model(a)) is not None), None)


def read_question(result: AuditResult) -> Config:
    """Return the question of a document.

    Raises
    ------
    StoreError
        When it is no question that can be asked.
    """
    try:
        return build(result.question.config, f"configuration of {printable(result.run.id, 40)}")
    except QuestionError as error:
        raise StoreError(f"{error}; restore the original audit.json") from error


# Words about keys of audit.toml, in place of which options or arguments were written.
def translate(message: str, names: Mapping[str, str]) -> str:
    """Return a message in which keys are called as ``names`` has them.

    >>> translate("data.groups: names 'sex' twice; name them in [data] groups", {"groups": "--groups"})
    "--groups: names 'sex' twice; name them in --groups"
    >>> translate("say which one is positive (positive = …)", {"positive": "--positive"})
    'say which one is positive (--positive)'
    """

    def translate_key(found: re.Match[str]) -> str:
        key, on = found[1] or found[3] or found[4], found[2] or ""
        return names.get(f"{key}{on}") or (f"{names[key]}{on}" if key in names else found[0])

    return MEND.sub(lambda found: _translate_mend(found, names), KEY.sub(translate_key, message))


def _translate_mend(found: re.Match[str], names: Mapping[str, str]) -> str:
    keys = found[1].split(", ")
    if not all(key in names for key in keys):
        return found[0]
    called = ", ".join(names[key] for key in keys)
    if called.startswith("--"):
        return f"({called})"
    return f"({called}{found[2] or ''})"


@contextmanager
def translate_errors(names: Mapping[str, str], limits: Sequence[str] = ()) -> Iterator[None]:
    """Say what is wrong in other names than those of audit.toml.

    Parameters
    ----------
    names
        Options or arguments by the keys that they are.
    limits
        Limits as ``--gate`` was given them, in their order.
    """
    try:
        yield
    except InputError as error:
        said = BEGIN.sub("", translate(str(error), names), count=1)
        error.args = (LIMIT.sub(lambda found: _quote_limit(found, limits), said), *error.args[1:])
        raise


def _quote_limit(found: re.Match[str], limits: Sequence[str]) -> str:
    at = int(found[1])
    if at < len(limits):
        return f"--gate '{printable(limits[at])}'"
    return found[0]
