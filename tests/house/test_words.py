"""No sentence that people read holds a word of the list "Never": in messages, titles, help, templates and pages.

What is read: every literal of `audit` and `dashboards` that reads like a sentence (docstrings, which only programmers
read, are left aside, but for those of commands, which the golden files of ``--help`` hold), and the text of every
template.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEVER = {
    "a judgement of law": r"compliant|certified|LL144 pass|AI Act ready",
    "a promise": r"guarantees?|ensures? fairness|proves? fairness",
    "a verdict in itself": r"unbiased|bias-free|discriminat\w+|(?:is|are) safe",
    "settle": r"settle[sd]?|settling",
    "insufficient evidence": r"insufficient evidence",
    "left out (withheld, excluded)": r"left out|leaves? (?:\S+ ){0,3}out\b|leaving \S+ out",
    "a limit kept or broken": r"(?:keep|break)s? (?:the|a|its|every) limit|limits? (?:is|are) (?:kept|broken)",
    "mend (correct)": r"mend(?:s|ed|ing)?",
    "stand in for (act as a proxy)": r"stand(?:s|ing)? in for",
    "tell (show, decide)": r"tells?|told|telling",
    "lots (chance)": r"lots",
    "talk (messages)": r"talks?",
    "question (configuration)": r"questions?",
    "document (record)": r"documents?",
    "crossing (combination of groups)": r"crossings?|crossed|crosses",
    "everybody (overall)": r"everybody(?:'s)?|everyone",
    "nobody, somebody (no rows, a person)": r"nobody(?:'s)?|somebody(?:'s)?|anybody(?:'s)?",
    "not whole (incomplete)": r"not whole|isn't whole",
    "a word that belittles": r"simply|just|easily|obviously|please|sorry|unfortunately",
    "an exclamation mark": r"\w!(?=$|\s)",
}
PATTERNS = {name: re.compile(rf"(?<![\w.-])(?:{words})(?![\w-])", re.IGNORECASE) for name, words in NEVER.items()}
SENTENCE = re.compile(r"[A-Za-z]{2,}[,;:]? [a-z(]+|[a-z]+[,;:] ")
"""What reads like words of a sentence, and not like a name, a path or a pattern."""
OF_PROGRAMS = re.compile(r"\\[bwsd]|\(\?|SELECT |CREATE |FROM |<\w+|\bimport ", re.ASCII)
"""Patterns, SQL and markup."""
MARKUP = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<(?:style|script)\b.*?</(?:style|script)>|<[^>]*>", re.DOTALL)


class Found(NamedTuple):
    """A word of the list, where it stands."""

    place: str
    name: str
    text: str


EXCEPTIONS: dict[tuple[str, str], str] = {
    ("audit/measurement/metrics/adverse.py", "Questions and Answers"): "title of the source",
    ("audit/tables/remote.py", "a question mark"): "the sign ?",
    ("audit/conformance/vectors.py", "question"): "a key of the vectors",
    ("audit/conformance/vectors.py", "the document"): "place of a fault in a file of vectors, which is no record",
}
"""Words that may stand all the same, by file and text, with the reason."""
TEXTS = sorted(
    [
        *(ROOT / "audit").rglob("*.py"),
        *(ROOT / "dashboards").rglob("*.py"),
        *(ROOT / "reports" / "templates").glob("*.j2"),
        *(ROOT / "tests" / "golden" / "help").glob("*.txt"),
    ]
)


def find_docstrings(tree: ast.AST) -> set[int]:
    """Literals that are statements of their own: docstrings of modules, classes, functions and constants."""
    return {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)}


def read_literals(path: Path) -> Iterator[str]:
    """Every literal that reads like a sentence; the parts of an f-string one by one."""
    tree = ast.parse(path.read_text())
    aside = find_docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in aside:
            text = node.value
            if SENTENCE.search(text) and not OF_PROGRAMS.search(text):
                yield text


def read_template(path: Path) -> str:
    """Text of a template, without its markup."""
    return " ".join(MARKUP.sub(" ", path.read_text()).split())


def find_words(place: str, text: str) -> Iterator[Found]:
    """Words of the list in a text."""
    for name, pattern in PATTERNS.items():
        for hit in pattern.finditer(text):
            yield Found(place, name, " ".join(text[max(0, hit.start() - 60) : hit.end() + 60].split()))


@cache
def search_file(path: Path) -> list[Found]:
    """Words of the list in a file, those that are excepted among them."""
    place = path.relative_to(ROOT).as_posix()
    if path.suffix == ".py":
        texts: Iterable[str] = read_literals(path)
    else:
        texts = [" ".join(path.read_text().split()) if path.suffix == ".txt" else read_template(path)]
    return [found for text in texts for found in find_words(place, text)]


def is_excepted(found: Found) -> bool:
    return any(found.place == place and said in found.text for place, said in EXCEPTIONS)


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_sentence_holds_a_word_of_the_list(path):
    wrong = [found for found in search_file(path) if not is_excepted(found)]
    assert not wrong, "\n".join(f"{name}: … {text} …" for _, name, text in wrong)


def test_every_exception_is_needed():
    found = [f for path in TEXTS for f in search_file(path)]
    assert [e for e in EXCEPTIONS if not any(f.place == e[0] and e[1] in f.text for f in found)] == []


def test_a_word_of_the_list_is_found_where_people_read_it(tmp_path):
    code = tmp_path / "code.py"
    code.write_text(
        'def f(x):\n    """Nobody reads this."""\n    raise ValueError(f"the {x} is left out; mend it")\n'
        'PATTERN = r"\\bnobody is here\\b"\nKEY = "crossings"\n'
    )
    said = list(read_literals(code))
    assert [f.name for text in said for f in find_words("code.py", text)] == [
        "left out (withheld, excluded)",
        "mend (correct)",
    ]
    template = tmp_path / "page.j2"
    template.write_text('{# everybody #}<p class="mend">For {{ everybody }}, everybody</p>{% if settle %}')
    assert read_template(template) == "For , everybody"
