"""Text of users and of records, as every format of CI takes it: without what controls a terminal or breaks XML."""

from __future__ import annotations

import re

from audit.system.environment import CODES

# XML 1.0, production 2: no escape makes these characters legal, so they are taken out.
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
GONE = dict.fromkeys(CODES)


def strip_controls(text: str) -> str:
    """Return text without control and bidi characters, and without what has no place in XML; line ends stay."""
    return ILLEGAL.sub("", text).translate(GONE)


def to_line(text: str) -> str:
    r"""Return text as one line, without control characters.

    >>> to_line("a\x1b[31m\n b\tc")
    'a[31m b c'
    """
    return " ".join(strip_controls(text).split())
