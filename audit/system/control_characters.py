"""Characters that command a terminal, and texts without them: what a document or a name holds never moves a cursor."""

from __future__ import annotations

KEPT = "\n\t"
BIDI = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)
CODES = {
    code: f"\\x{code:02x}"
    for code in (*range(0x20), *range(0x7F, 0xA0), *BIDI, 0x2028, 0x2029)
    if chr(code) not in KEPT
}
"""What moves, colours or turns round what stands beside it, and what is shown in its place."""
IN_JSON = {code: f"\\u{code:04x}" for code in CODES if code >= 0x7F}
"""The same for a document, in which those below are escaped already."""


def escape_controls(text: str) -> str:
    """Return text with every control character as its code, line ends and tabs excepted."""
    return text.translate(CODES)


def escape_document(text: str) -> str:
    """Return the JSON that says the same and commands no terminal either."""
    return text.translate(IN_JSON)
