"""What a result says of where it was made, taken out before strangers read it: folders, users, values of commands.

Must not: change a number, or hide that something was left out of a command.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from audit.errors import without_credentials
from audit.record.result import AuditResult, Check, Part, Run
from audit.system.recorded_command import record_words, strip_folder
from audit.tables.addresses import strip_place

QUOTED = re.compile(r"(?P<quote>['\"])(?P<path>(?:/|~/|[A-Za-z]:[\\/])[^'\"]*)(?P=quote)")
BARE = re.compile(r"(?<![\w.:/\\~-])(?:~?/|[A-Za-z]:[\\/])(?:[^\s'\"/\\:;,()]+[\\/])+(?=[^\s'\"/\\:;,()])")
"""Folders of an absolute path, as its last part follows; not those of an address, which has them after its host."""
TRACKED = 3
"""Words of `audit track --` before those of the command."""


def drop_places(result: AuditResult) -> AuditResult:
    """The result with names of files in the place of paths, and commands without their values."""
    energy = result.energy
    return replace(
        result,
        run=_run(result.run),
        question=replace(result.question, config=_question(result.question.config)),
        data=tuple(map(_part, result.data)),
        checks=tuple(map(_check, result.checks)),
        energy=None if energy is None else replace(energy, note=drop_path(energy.note)),
        epoch_notes=tuple(map(drop_path, result.epoch_notes)),
    )


def drop_path(text: str) -> str:
    """A text with the last parts of absolute paths alone.

    >>> drop_path("cannot write '/home/ada lovelace/x.csv' nor /srv/merger/y.csv; see https://example.org/a/b")
    "cannot write 'x.csv' nor y.csv; see https://example.org/a/b"
    """
    quoted = QUOTED.sub(lambda found: f"{found['quote']}{strip_folder(found['path'])}{found['quote']}", text)
    return BARE.sub("", quoted)


def _run(run: Run) -> Run:
    words, kept = run.command, TRACKED if run.command[1:2] == ("track",) else 2
    # What follows a command of our own are paths; what follows `audit track --` is anything.
    said = record_words(words[kept:]) if kept == TRACKED else tuple(map(strip_folder, words[kept:]))
    return replace(run, command=(*map(strip_folder, words[:kept]), *said), ended=drop_path(run.ended))


def _question(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The question; of where its data can be had, an address without what may be a secret."""
    said = (config.get("dataset") or {}).get("url")
    if not said:
        return config
    return {**config, "dataset": {**config["dataset"], "url": without_credentials(said)}}


def _part(part: Part) -> Part:
    return replace(part, source=strip_place(part.source))


def _check(check: Check) -> Check:
    return replace(
        check,
        title=drop_path(check.title),
        plain_title=drop_path(check.plain_title),
        detail=drop_path(check.detail),
        reason=drop_path(check.reason),
        mend=drop_path(check.mend),
    )
