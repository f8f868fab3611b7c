"""Text of users and of records, as every format of CI takes it: without what controls a terminal or breaks XML."""

from __future__ import annotations

import json
import re

from audit.system.environment import CODES

# XML 1.0, production 2: no escape makes these characters legal, so they are taken out.
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
GONE = dict.fromkeys(CODES)
# Of actions/toolkit, packages/core/src/command.ts.
DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
PROPERTY = {**DATA, ":": "%3A", ",": "%2C"}
IN_DATA, IN_PROPERTY = str.maketrans(DATA), str.maketrans(PROPERTY)


def strip_controls(text: str) -> str:
    """Return text without control and bidi characters, and without what has no place in XML; line ends stay."""
    return ILLEGAL.sub("", text).translate(GONE)


def to_line(text: str) -> str:
    r"""Return text as one line, without control characters.

    >>> to_line("a\x1b[31m\n b\tc")
    'a[31m b c'
    """
    return " ".join(strip_controls(text).split())


def write_json(document: object) -> str:
    """Return a document as strict JSON, as every format of JSON is written; names stay as people wrote them."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def make_annotation(level: str, message: str, **properties: object) -> str:
    r"""Return one command of the log; what is in a name or a sentence begins no other.

    >>> make_annotation("error", "100%\n::x", title="a,b: c")
    '::error title=a%2Cb%3A c::100%25%0A::x'
    """
    told = ",".join(f"{key}={strip_controls(str(value).translate(IN_PROPERTY))}" for key, value in properties.items())
    return f"::{level}{' ' if told else ''}{told}::{strip_controls(message.translate(IN_DATA))}"
