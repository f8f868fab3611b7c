"""Logs of Inspect, as JSON or as ``.eval`` (a zip of JSON), read without Inspect.

A log has a header (eval, status) and samples: id, epoch, input, choices, target, output, scores, metadata. An item is
named by its id, and by its epoch beyond the first. Source: inspect_ai/log/_log.py and log/_recorders/eval.py.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from audit.errors import SourceError, printable
from audit.items.item import Logged, shown_name
from audit.items.log_files import open_log, read_object

MOST_SAMPLE_BYTES = 2**28
MOST_JSON_BYTES = 2**31
DAMAGED = "; the log is damaged"
HEADERS = ("header.json", "_journal/start.json", "start.json")
"""Where a zip keeps what the run was, newest version first; a run that was stopped has no header."""


class InspectHeader(NamedTuple):
    """What a log says of its run."""

    task: str
    version: str
    status: str
    samples: int | None
    """How many samples the run has, where the log says it."""
    invalidated: bool = False
    """Whether somebody marked samples as not valid, so that they are to be run again."""


def _is_inspect(document: Mapping[str, Any]) -> bool:
    """Return whether a JSON document is a log of Inspect."""
    return isinstance(document.get("eval"), Mapping) and "status" in document


Known = Callable[["InspectHeader", str], None]
"""What looks at the header of a log before its samples are read."""


def read_zip(path: Path, look: Known) -> Iterator[Logged]:
    """Yield the samples of an ``.eval`` file, one at a time.

    Raises
    ------
    SourceError
        When the file is damaged, or the run did not finish.
    """
    shown = shown_name(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            header = next((name for name in HEADERS if name in names), None)
            if header is None:
                raise SourceError(f"{shown} has no {HEADERS[0]}: it is no log of Inspect")
            about = _read_header(_read_member(archive, header, shown), shown)
            look(about, shown)
            samples = sorted(name for name in names if name.startswith("samples/") and name.endswith(".json"))
            _require_whole(about, len(samples), shown)
            for name in samples:
                yield to_logged(_read_member(archive, name, shown), f"{shown}: {printable(name)}")
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise SourceError(f"{shown} is damaged ({printable(error)}); write the log again") from error
    except NotImplementedError as error:
        raise SourceError(
            f"{shown} is compressed in a way that Python {printable(error)} cannot read; "
            "`inspect log convert --to json` writes it as JSON"
        ) from error
    except RuntimeError as error:
        # zipfile has no error of its own for a member that is encrypted.
        raise SourceError(f"{shown} cannot be unpacked ({printable(error)}); write the log again") from error
    except OSError as error:
        raise SourceError(f"{shown} cannot be read ({error.strerror or printable(error)})") from error


def _read_member(archive: zipfile.ZipFile, name: str, shown: str) -> dict[str, Any]:
    where = f"{shown}: {printable(name)}"
    if archive.getinfo(name).file_size > MOST_SAMPLE_BYTES:
        raise SourceError(f"{where} is larger than {MOST_SAMPLE_BYTES:,} bytes")
    return read_object(archive.read(name), where, DAMAGED)


def read_json(path: Path, look: Known) -> Iterator[Logged]:
    """Yield the samples of a log that is one JSON document.

    Raises
    ------
    SourceError
        When it is damaged, no log of Inspect, or the run did not finish.
    """
    shown = shown_name(path)
    with open_log(path) as file:
        data = file.read(MOST_JSON_BYTES + 1)
    if len(data) > MOST_JSON_BYTES:
        raise SourceError(f"{shown} is larger than {MOST_JSON_BYTES:,} bytes; write it as .eval")
    document = read_object(data, shown, DAMAGED)
    if not _is_inspect(document):
        raise SourceError(f"{shown} is no log of Inspect (no 'eval' and 'status')")
    about = _read_header(document, shown)
    look(about, shown)
    samples = document.get("samples")
    if not isinstance(samples, Sequence) or isinstance(samples, str) or not samples:
        raise SourceError(f"{shown} holds no samples; write the log with its samples")
    _require_whole(about, len(samples), shown)
    for number, sample in enumerate(samples, 1):
        where = f"{shown}: sample {number}"
        if not isinstance(sample, Mapping):
            raise SourceError(f"{where} is not an object")
        yield to_logged(sample, where)


def _read_header(document: Mapping[str, Any], shown: str) -> InspectHeader:
    """Return what a log says of its run."""
    about = document.get("eval")
    if not isinstance(about, Mapping):
        raise SourceError(f"{shown} has no 'eval': it is no log of Inspect")
    results = document.get("results")
    samples = results.get("total_samples") if isinstance(results, Mapping) else None
    return InspectHeader(
        str(about.get("task", "")),
        str(about.get("task_version", "")),
        str(document.get("status", "started")),
        samples if isinstance(samples, int) else None,
        document.get("invalidated") is True,
    )


def _require_whole(header: InspectHeader, samples: int, shown: str) -> None:
    """Refuse the log of a run that did not finish, or that holds fewer samples than it had."""
    if header.status != "success":
        raise SourceError(
            f"{shown}: the run of {printable(header.task)} has status '{printable(header.status)}', so items are "
            "missing; finish it (inspect eval-retry)"
        )
    if header.invalidated:
        raise SourceError(f"{shown}: samples were invalidated; run them again (inspect eval-retry)")
    if header.samples is not None and samples < header.samples:
        raise SourceError(f"{shown} holds {samples:,} of {header.samples:,} samples; write the log with all of them")


def to_logged(sample: Mapping[str, Any], where: str) -> Logged:
    """Return what one sample says."""
    name, epoch = sample.get("id"), sample.get("epoch")
    epoch = 1 if epoch is None else epoch
    if isinstance(name, bool) or not isinstance(name, str | int):
        raise SourceError(f"{where} has no id")
    if isinstance(epoch, bool) or not isinstance(epoch, int):
        raise SourceError(f"{where}: epoch is '{printable(epoch)}', which is no whole number")
    metadata = sample.get("metadata")
    choices = sample.get("choices")
    target = sample.get("target", "")
    return Logged(
        where=where,
        item=str(name) if epoch == 1 else f"{name}, epoch {epoch}",
        sample=str(name),
        doc=dict(metadata) if isinstance(metadata, Mapping) else {},
        text=_find_answer(sample),
        choices=tuple(map(str, choices)) if isinstance(choices, list) else (),
        target=str(target[0]) if isinstance(target, list) and target else str(target),
        line=sample,
    )


def _find_answer(sample: Mapping[str, Any]) -> str:
    """Return the answer that the scorer read, or all that the model wrote."""
    scores = sample.get("scores")
    for score in scores.values() if isinstance(scores, Mapping) else ():
        answer = score.get("answer") if isinstance(score, Mapping) else None
        if isinstance(answer, str) and answer.strip():
            return answer
    output = sample.get("output")
    if not isinstance(output, Mapping):
        return ""
    completion = output.get("completion")
    if isinstance(completion, str):
        return completion
    # Older logs have no completion of their own, but the text of the first choice.
    choices = output.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, Mapping) else None
    content = message.get("content") if isinstance(message, Mapping) else None
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return " ".join(str(part.get("text", "")) for part in parts if isinstance(part, Mapping))
