"""What of a command is recorded: the program, its script, and the names of options; never a value.

A value may be a password, a token or an address with a signature, which cannot be told from outside. What is left out
is an ellipsis. The values are recorded only where a question asks for it (``[train] record_arguments``).

Must not: guess that a value is harmless.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from audit.errors import HIDDEN

# Only what fully matches is recorded; a value may be a secret, so all else is left out. In turn: a program's name, a
# long option with its value, a short one, and a setting.
PROGRAM = re.compile(r"\w[\w.+-]{0,59}")
LONG = re.compile(r"(--[A-Za-z][A-Za-z0-9_.-]{0,59})(=.*)?", re.DOTALL)
SHORT = re.compile(r"(-[A-Za-z])(.*)", re.DOTALL)
SETTING = re.compile(r"([A-Za-z_]\w{0,59})=(.+)", re.DOTALL)
"""A variable of the environment before a program, as ``env`` takes it."""
SCRIPT = re.compile(r"(?:[A-Za-z]:)?[\w.+~/\\-]*\w\.(?:py|pyz|ipynb|R|r|Rmd|jl|sh|bash|pl|rb|js|mjs|ts|lua|m)")
QUOTED = re.compile(r"(?P<quote>['\"])(?P<path>(?:/|~/|[A-Za-z]:[\\/])[^'\"]*)(?P=quote)")
BARE = re.compile(r"(?<![\w.:/\\~-])(?:~?/|[A-Za-z]:[\\/])(?:[^\s'\"/\\:;,()]+[\\/])+(?=[^\s'\"/\\:;,()])")
"""Folders of an absolute path, as its last part follows; not those of an address, which has them after its host."""
MODULE = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*")
PYTHON = re.compile(r"(?:python|pypy)[\w.]*")
"""A program after whose ``-m`` the name of a module stands."""
WITHOUT_VALUE = (
    (PYTHON, re.compile(r"-[bBdEhiIOPqsSuvVx]+")),
    (re.compile(r"(?:ba|da|z|k)?sh"), re.compile(r"-[abefhkmnptuvxBCEHPT]+")),
)
"""Programs whose script may follow short options that take no value; after any other option, a word is its value."""


def record_words(words: Sequence[str]) -> tuple[str, ...]:
    """Return a command without its values; of what is recorded already, the same again.

    >>> record_words(["/home/ada/bin/python3", "src/train.py", "--lr", "0.1", "--token=tulip", "-ptulip", "t.csv"])
    ('python3', 'train.py', '--lr', '…', '--token=…', '-p…', '…')
    """
    return tuple(_merge_left_out(_record_each(words)))


def make_readable(word: str) -> str:
    r"""Return a word of a command as a document can hold it: bytes that are no UTF-8 as their codes.

    >>> make_readable("a\udcff")
    'a\\xff'
    """
    return word.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def strip_folder(path: str) -> str:
    r"""Return the last part of a path written on any system: the folder it lies in is private.

    >>> strip_folder("/home/ada/merger/t.csv"), strip_folder("C:\\Users\\ada\\t.csv"), strip_folder("data/")
    ('t.csv', 't.csv', 'data')
    """
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1] or path[:1]


def _record_each(words: Sequence[str]) -> Iterator[str]:
    at, program = 0, ""
    # Settings of the environment come before the program, perhaps after ``env``, which is none itself.
    while at < len(words) and program in {"", "env"}:
        program = strip_folder(words[at])
        setting = SETTING.fullmatch(words[at])
        if setting is None and words[at].startswith("-"):
            break
        yield program if PROGRAM.fullmatch(program) and not setting else _record_setting(setting)
        program, at = ("env" if setting else program), at + 1
    before, told, plain = program, False, True
    for word in words[at:]:
        shown = _find_option(word)
        if shown == HIDDEN and not told and _is_code(word, before, program, plain=plain):
            shown, told = strip_folder(word), True
        yield shown
        # After its script, or code on its line, whatever a program is given is a value.
        told, plain, before = told or word == "-c", plain and shown != HIDDEN, word


def _record_setting(setting: re.Match[str] | None) -> str:
    return HIDDEN if setting is None else f"{setting[1]}={HIDDEN}"


def _find_option(word: str) -> str:
    """Return the name of an option; nothing of any other word."""
    if word == "--":
        return word
    long, short = LONG.fullmatch(word), SHORT.fullmatch(word)
    if long is not None:
        return f"{long[1]}={HIDDEN}" if long[2] else long[1]
    if short is not None:
        return f"{short[1]}{HIDDEN}" if short[2] else short[1]
    return HIDDEN


def _is_code(word: str, before: str, program: str, *, plain: bool) -> bool:
    """Return whether a word is a script, which no option asks for, or a module that Python is told to run at once."""
    if before == "-m":
        return plain and bool(PYTHON.fullmatch(program) and MODULE.fullmatch(word))
    if before.startswith("-") and before != "--":
        known = (options for name, options in WITHOUT_VALUE if name.fullmatch(program))
        return bool(SCRIPT.fullmatch(word)) and any(options.fullmatch(before) for options in known)
    return bool(SCRIPT.fullmatch(word))


def _merge_left_out(words: Iterator[str]) -> Iterator[str]:
    """Yield words, those left out one after another as one: their number is theirs too."""
    before = ""
    for word in words:
        if not word == before == HIDDEN:
            yield word
        before = word


def drop_path(text: str) -> str:
    """Return a text with the last parts of absolute paths alone.

    >>> drop_path("cannot write '/home/ada lovelace/x.csv' nor /srv/merger/y.csv; see https://example.org/a/b")
    "cannot write 'x.csv' nor y.csv; see https://example.org/a/b"
    """
    quoted = QUOTED.sub(lambda found: f"{found['quote']}{strip_folder(found['path'])}{found['quote']}", text)
    return BARE.sub("", quoted)
