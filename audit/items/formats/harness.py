"""Samples of lm-evaluation-harness: ``samples_TASK_DATE.jsonl``, written with ``--log_samples``.

One line an item: doc_id, doc (the item), target, resps, filtered_resps, filter, doc_hash and the metrics. Numbers
stand there as text. Source: lm_eval/loggers/evaluation_tracker.py and lm_eval/evaluator.py, versions 0.4.0 to 0.4.9.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from audit.errors import SourceError, printable
from audit.items.item import Logged, shown_name
from audit.items.log_files import MOST_UNPACKED_BYTES, is_packed, make_size_error, open_log, read_object

LONGEST_LINE_BYTES = 2**26
TORN = "; the last line is truncated: the run may have been stopped"
FIELDS = ("doc", "filtered_resps")
"""Fields that every line has."""


def read_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each line of a JSON Lines file as an object, after its file and number, without holding the file.

    Raises
    ------
    SourceError
        When a line is not one whole object, naming it.
    """
    shown, number, size = shown_name(path), 0, 0
    with open_log(path) as file:
        while line := file.readline(LONGEST_LINE_BYTES + 1):
            number, size = number + 1, size + len(line)
            if is_packed(path) and size > MOST_UNPACKED_BYTES:
                raise make_size_error(path, MOST_UNPACKED_BYTES)
            where = f"{shown}: line {number}"
            _refuse_line(line, where)
            yield where, read_object(line, where, "" if line.endswith(b"\n") else TORN)
    if not number:
        raise SourceError(f"{shown} is empty (no lines); write the log again")


def _refuse_line(line: bytes, where: str) -> None:
    """Refuse what is no line of a log before it is read as JSON."""
    if len(line) > LONGEST_LINE_BYTES:
        raise SourceError(f"{where} is longer than {LONGEST_LINE_BYTES:,} bytes")
    if not line.strip():
        raise SourceError(f"{where} is blank; the log is damaged, write it again")
    if line.strip() == b"[":
        # Versions 0.4.0 to 0.4.2 wrote one list over many lines, under the same name.
        raise SourceError(f"{where} begins a list; write one object a line (jq -c '.[]'), and read that file")


def is_sample(line: Mapping[str, Any]) -> bool:
    """Return whether a line is a sample of the harness."""
    return all(name in line for name in FIELDS)


class HarnessLog:
    """The samples of one file, read line by line; lines that cannot be of one run are refused."""

    def __init__(self) -> None:
        self._filter: tuple[str, object] | None = None
        self._numbers: dict[object, tuple[str, object]] = {}

    def to_logged(self, where: str, line: Mapping[str, Any]) -> Logged:
        """Return what a line says.

        Raises
        ------
        SourceError
            When it is no sample, or of another filter or another version of the task than the lines before.
        """
        lacking = next((name for name in FIELDS if name not in line), None)
        if lacking is not None:
            raise SourceError(f"{where} has no '{lacking}': it is not a sample of the lines before; the log is mixed")
        doc = line["doc"]
        if not isinstance(doc, Mapping):
            raise SourceError(f"{where}: 'doc' is not an object")
        self._require_like(where, line)
        likelihoods, text = _read_responses(line["filtered_resps"], where)
        return Logged(
            where=where,
            item=_name_item(where, line),
            doc=doc,
            likelihoods=likelihoods,
            text=text,
            target=str(line.get("target", "")),
            line=line,
        )

    def _require_like(self, where: str, line: Mapping[str, Any]) -> None:
        """Refuse a line of another filter, and one that gives the number of an item to another item."""
        first, filtered = self._filter = self._filter or (where, line.get("filter"))
        if line.get("filter") != filtered:
            raise SourceError(
                f"{where}: filter '{printable(line.get('filter'))}', but {first} has '{printable(filtered)}'; "
                "keep the lines of one filter"
            )
        number, name = str(line.get("doc_id")), line.get("doc_hash")
        if "doc_id" not in line:
            return
        before, known = self._numbers.setdefault(number, (where, name))
        if known != name:
            raise SourceError(
                f"{where}: item {printable(number)} is another item than at {before}; the log mixes two tasks, or two "
                "versions of one; read each by itself"
            )


def _name_item(where: str, line: Mapping[str, Any]) -> str:
    """Return the hash of the item, or its number where the log has no hash."""
    for name in ("doc_hash", "doc_id"):
        value = line.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            return str(value)
    raise SourceError(f"{where}: the item has no doc_hash and no doc_id")


def _read_responses(responses: Any, where: str) -> tuple[tuple[float, ...], str | None]:
    """Return log-likelihoods of options, or the text that was written.

    Raises
    ------
    SourceError
        When there is neither.
    """
    if not isinstance(responses, Sequence) or isinstance(responses, str) or not responses:
        raise SourceError(f"{where}: 'filtered_resps' holds no answer")
    if len(responses) == 1 and isinstance(responses[0], str):
        return (), responses[0]
    if len(responses) == 1 and isinstance(responses[0], list) and list(map(type, responses[0])) == [str]:
        return (), str(responses[0][0])
    return tuple(_read_likelihood(response, where) for response in responses), None


def _read_likelihood(response: Any, where: str) -> float:
    """Return the log-likelihood of one option: a number, or the first of [likelihood, is greedy]."""
    value = response[0] if isinstance(response, list) and response else response
    value = value[0] if isinstance(value, list) and value else value
    try:
        number = float("" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        raise SourceError(f"{where}: '{printable(value)}' is no log-likelihood") from None
    # A probability or a sign that was lost would turn every choice around.
    if number > 0 and not math.isnan(number):
        raise SourceError(f"{where}: log-likelihood {number:g} is above 0; log-likelihoods are logarithms of shares")
    return number
