"""The first lines of a run's document, and its gates, without reading the rest: a list of thousands must be quick.

Must not: take what stands there for valid; to show or to judge a run, all of it is read.
"""

from __future__ import annotations

import codecs
import json
import mmap
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

from audit.errors import printable
from audit.estimate import figure_text
from audit.record.held import UNFINISHED, find_run_id
from audit.record.reader import describe_other_run
from audit.record.result import DOCUMENT, SCHEMA, Verdict

# A headline with a question of usual length lies in the head; the tail shows whether the document was cut off.
HEAD_BYTES, TAIL_BYTES = 65_536, 64
HEADLINE = frozenset({"schema", "run", "question", "verdict"})
"""Members that stand first in a document, by the contract's order."""
GATES, END = b'\n "gates": [', b"\n ]"
"""How the gates of a document begin and end; each has a line."""
ENERGY = b'\n "energy": '
"""How the line of a document begins that says what the run drew."""
WITHHELD = b'"terminal": "withhold"'
"""How a document says that a terminal withholds what a card withholds."""
SHORT = 7
"""Characters of a commit, as git shortens one."""
# White space of JSON (RFC 8259, section 2).
SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One run as the store lists it."""

    id: str
    path: Path
    state: Literal["complete", "incomplete", "damaged"]
    verdict: str | None = None
    started: str | None = None
    model: str | None = None
    model_version: str | None = None
    commit: str | None = None
    """Of the code that was audited, with a star where something in it was not committed."""
    reason: str = ""
    """Why it is not complete."""


def _read_time(run_id: str) -> str:
    """Read from its id when a run began."""
    d = run_id
    return f"{d[:4]}-{d[4:6]}-{d[6:8]}T{d[9:11]}:{d[11:13]}:{d[13:16]}"


def make_unfinished_entry(path: Path) -> Entry:
    """Make the entry of a run that was killed, or goes on still."""
    return Entry(
        id=find_run_id(path), path=path, state="incomplete", started=_read_time(find_run_id(path)), reason=UNFINISHED
    )


def read_entry(path: Path) -> Entry:
    """Read a run by the head of its document, without validating all of it: a list of thousands must be quick."""
    try:
        head = _read_headline(path / DOCUMENT)
        reason = _describe_wrong_head(head, path.name)
        if not reason:
            return _make_entry(path, head)
    except OSError as error:
        reason = f"its {DOCUMENT} cannot be read: {error.strerror or error}"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        reason = f"its {DOCUMENT} is cut off or was changed by another hand"
    return Entry(id=path.name, path=path, state="damaged", started=_read_time(path.name), reason=reason)


def _make_entry(path: Path, head: Mapping[str, Any]) -> Entry:
    model = head["question"]["config"].get("model") or {}
    return Entry(
        id=path.name,
        path=path,
        state="complete",
        verdict=head["verdict"],
        started=str(head["run"]["started"]),
        model=_to_text(model.get("name")),
        model_version=_to_text(model.get("version")),
        commit=_describe_commit(head["run"].get("code")),
    )


def _to_text(value: Any) -> str | None:
    return None if value is None else str(value)


def _describe_commit(code: Mapping[str, Any] | None) -> str | None:
    if code is None:
        return None
    changed = "*" if code["dirty"] else ""
    return f"{code['commit'][:SHORT]}{changed}"


def find_gate_sentence(path: Path, verdict: str | None) -> str | None:
    """Find the sentence of the first gate with a run's verdict, from the end of its document, or None."""
    said = _find_gate(path, verdict).get("sentence")
    return said if isinstance(said, str) else None


def is_withheld(path: Path) -> bool:
    """Return whether the configuration of a run withholds small counts on a terminal, read without the whole document.

    A text in the document that looks like the key counts too: rather withheld than shown.
    """
    try:
        with _open_regular(path / DOCUMENT) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            return held.find(WITHHELD) >= 0
    except (OSError, ValueError):
        return False


def find_gate_figure(path: Path, verdict: str | None) -> str | None:
    """Find the groups and the value of the first gate with a run's verdict, such as race 0.74, or None."""
    # A list of runs is quick without the catalogue.
    from audit.measurement.metrics.catalogue import figure_of

    try:
        e = _find_gate(path, verdict)["estimate"]
        figure = figure_of(str(e["metric"]), e.get("compare"))
        by = " x ".join(printable(column, 30) for column in e.get("by", ()))
        return f"{by} {figure_text(float(e['value']), figure)}".strip()
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _find_gate(path: Path, verdict: str | None) -> Mapping[str, Any]:
    """Find the first gate with a run's verdict; nothing where the document holds none that can be read."""
    return next((gate for gate in read_gates(path) if gate.get("verdict") == verdict), {})


def read_gates(path: Path) -> tuple[Mapping[str, Any], ...]:
    """Read the gates of a run as its document has them, without the rest; none where they cannot be read."""
    try:
        with _open_regular(path / DOCUMENT) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            at = held.rfind(GATES)
            end = held.find(END, at)
            text = held[at + len(GATES) : end] if -1 < at < end else b""
        gates = json.loads(b"[" + text + b"]")
    except (OSError, ValueError, RecursionError):
        return ()
    return tuple(gate for gate in gates if isinstance(gate, Mapping))


def find_energy_kwh(path: Path) -> float | None:
    """Find what a run drew, from its document without the rest; None where nothing was metered or it cannot be read."""
    try:
        with _open_regular(path / DOCUMENT) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            at = held.rfind(ENERGY)
            line = held[at + len(ENERGY) : held.find(b"\n", at + 1)] if at > -1 else b"null"
        found = json.loads(line.rstrip(b",\r"))
        return float(found["energy_kwh"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def _open_regular(file: Path) -> BinaryIO:
    """Open a document; what is no regular file, such as a pipe that would hang, is never waited for."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("it is not a regular file")
    return os.fdopen(descriptor, "rb")


def _describe_wrong_head(head: Mapping[str, Any], run_id: str) -> str:
    """Describe how a document's head differs from its folder's run, or return an empty string."""
    if head["schema"] != SCHEMA:
        return f"its schema is '{printable(head['schema'])}'; this version reads {SCHEMA}"
    if head["verdict"] not in get_args(Verdict):
        return f"its verdict is '{printable(head['verdict'])}', which is none"
    if head["run"]["id"] == run_id:
        return ""
    return f"it holds {describe_other_run(head['run']['id'])}"


def _read_headline(file: Path) -> dict[str, Any]:
    """Read the first members of a document; all of it only where they do not stand first."""
    with _open_regular(file) as document:
        head = document.read(HEAD_BYTES)
        size = document.seek(0, os.SEEK_END)
        document.seek(max(0, size - TAIL_BYTES))
        if not document.read().rstrip().endswith(b"}"):
            raise ValueError("cut off")
        try:
            return _read_members(codecs.getincrementaldecoder("utf-8")().decode(head))
        except ValueError:
            document.seek(0)
            return _read_members(document.read().decode("utf-8"))


def _read_members(text: str) -> dict[str, Any]:
    """Read the members of a JSON object up to the last of the headline."""
    found: dict[str, Any] = {}
    decode, at = json.JSONDecoder().raw_decode, text.index("{") + 1
    while True:
        key, at = decode(text, _skip_spaces(text, at))
        found[key], at = decode(text, _skip_spaces(text, text.index(":", at) + 1))
        if found.keys() >= HEADLINE:
            return found
        at = text.index(",", at) + 1


def _skip_spaces(text: str, at: int) -> int:
    """Return the place of the next character that is no space."""
    space = SPACE.match(text, at)
    return at if space is None else space.end()
