"""A judged run as continuous integration may read it: its limits, the worst first, and where each is written.

A log, a comment and a file of CI are read by more people than the record, so every format is made of what the card
publishes: counts under `[publish] k` and what would give them away are withheld.

Must not: measure, judge, or know a format.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

from audit.errors import printable
from audit.estimate import Estimate, Stage
from audit.gates.headline import (
    NO_LIMIT,
    count_waived,
    describe_training,
    list_baseline_notes,
    warn_of_waivers,
    write_headline,
)
from audit.gates.verdicts import exit_code, order_worst_first
from audit.record.result import AuditResult, Gate, name_verdict
from audit.report.card.words import name_group, name_grouping
from audit.report.ci.places import Place, find_limit_places, name_in_checkout
from audit.report.ci.plain_text import to_line
from audit.report.disclosure.publishable import find_k, publishable
from audit.report.disclosure.searches import Searches

Standing = Literal["failed", "undecided", "allowed", "known", "waived", "passed"]
"""What CI makes of a limit. Undecided is what is inconclusive, undefined or withheld, and no policy lets pass; known is
what failed in the baseline already."""
STANDINGS: tuple[Standing, ...] = ("failed", "undecided", "allowed", "known", "waived", "passed")
OF_VERDICTS: Mapping[str, Standing] = {
    "fail": "failed",
    "known": "known",
    "waived": "waived",
    "pass": "passed",
}
RAN = "audit.run"
"""Name of the finding about a run that has no verdict."""
NO_NUMBERS = "No limit was set, so nothing passed. The card of the run has the measurements."
ACTED_ON: frozenset[Standing] = frozenset({"failed", "undecided"})


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedLimit:
    """One limit of a report."""

    gate: Gate
    key: str
    """Its name, and a number behind it where several limits have one name; never its value, which changes."""
    standing: Standing
    place: Place | None
    """Where it is written; None where no file says it."""

    @property
    def word(self) -> str:
        """The verdict as people read it."""
        return name_verdict(self.gate.verdict)

    @property
    def numbers(self) -> dict[str, float | None]:
        """What was found, its interval, and the limit; None where it is undefined, withheld, or not set."""
        gate = self.gate
        value = None if gate.estimate is None else gate.estimate.value
        return {"value": value, "low": gate.low, "high": gate.high, "min": gate.min, "max": gate.max}

    @property
    def stage(self) -> str:
        """What is judged: model, data, checks, energy or edge."""
        return self.gate.name.split(".", maxsplit=1)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class CiReport:
    """What a format is made of."""

    result: AuditResult
    """As it may be published."""
    k: int
    """Smallest count that is published."""
    code: int
    """Exit code of the verdict, whatever ``--exit-zero`` makes of it."""
    limits: tuple[JudgedLimit, ...]
    """The worst first."""
    waivers: tuple[str, ...] = ()
    """How many limits are waived, and which waivers end soon; empty where none is."""
    table: Place | None
    """The table that was audited, for limits that no file sets; None where it does not lie in the checkout."""
    table_name: str
    """The same by its name alone, wherever it lies."""
    card: str = ""
    """Path of the card of the run, where it has one."""

    @property
    def word(self) -> str:
        """The verdict as people read it."""
        return name_verdict(self.result.verdict, interrupted=bool(self.result.run.interrupted))

    @property
    def headline(self) -> str:
        """The sentence after the word."""
        said = write_headline(self.result)
        # No format for CI has numbers where no limit asks for them.
        return NO_NUMBERS if said == NO_LIMIT else said

    @property
    def notes(self) -> tuple[str, ...]:
        """What became of the training and of the audit, and with which run limits were compared."""
        return (*describe_training(self.result.run), *list_baseline_notes(self.result))

    @property
    def account(self) -> str:
        """Verdict, sentence and notes in one line: all that there is to say of a run without judged limits."""
        return " ".join((f"{self.word}: {self.headline}", *self.notes))

    @property
    def model(self) -> str:
        """Name of the model, as audit.toml has it; empty where it has none."""
        return str((self.result.question.config.get("model") or {}).get("name") or "")

    @property
    def decisions(self) -> str:
        """Which decisions are compared with which earlier ones; empty where none are."""
        asked = self.result.question.config.get("predictions") or {}
        if not asked.get("against"):
            return ""
        return f"{printable(asked.get('prediction') or asked.get('score') or '')} against {printable(asked['against'])}"

    @property
    def is_judged(self) -> bool:
        """Whether there is a verdict on any limit."""
        return bool(self.limits) and self.result.verdict != "incomplete"

    def count(self, standing: Standing) -> int:
        """Return how many limits stand so."""
        return sum(limit.standing == standing for limit in self.limits)

    @property
    def acted_on(self) -> tuple[JudgedLimit, ...]:
        """Limits that somebody has to do something about."""
        return tuple(limit for limit in self.limits if limit.standing in ACTED_ON)

    def list_groups(self) -> Iterator[tuple[tuple[Stage, str, str], tuple[Estimate, ...]]]:
        """Yield the values of groups, by stage, metric and name of the grouping, where a limit is on groups."""
        asked: dict[tuple[Stage, str, tuple[str, ...]], None] = {}
        for limit in self.limits:
            estimate = limit.gate.estimate
            if estimate is not None and estimate.stage in {"model", "data"} and estimate.by:
                asked[estimate.stage, estimate.metric, estimate.by] = None
        groupings = list(dict.fromkeys(by for _, _, by in asked))
        names = dict(zip(groupings, number_apart(list(map(name_grouping, groupings))), strict=True))
        for stage, metric, by in asked:
            if groups := tuple(e for e in self.result.estimates.of(stage, metric, by) if _is_of_one_group(e)):
                yield (stage, metric, names[by]), groups


def _is_of_one_group(estimate: Estimate) -> bool:
    return estimate.group is not None and (estimate.compare, estimate.reference, estimate.outcome) == (None,) * 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One way to write a report."""

    name: str
    file: str
    """Name of the file where none is given; empty where the text belongs into the log."""
    write: Callable[[CiReport], str]
    ours: re.Pattern[str] = field(default_factory=lambda: re.compile("evenhand"))
    """What a file of it holds, so that it may be written anew; no other file is overwritten."""
    only_on_change: bool = False
    """Whether it tells of changes against a baseline alone; without one it is refused, without a change it is empty."""


def make_ci_report(
    result: AuditResult,
    today: dt.date,
    *,
    config: Path | None = None,
    card: Path | None = None,
    searches: Searches | None = None,
) -> CiReport:
    """Return the report of a result.

    Parameters
    ----------
    result
        The record, whole.
    today
        Day on which it is read; waivers that end soon are named.
    config
        The audit.toml that set the limits; None where options did.
    card
        The card of the run.
    searches
        What earlier searches for what to hide came to.
    """
    shown = publishable(result, searches=searches)
    policy = shown.question.config.get("policy") or {}
    insufficient = str(policy.get("insufficient", "fail"))
    gates = order_worst_first(shown.gates)
    waived = any(gate.verdict == "waived" for gate in gates)
    table = name_in_checkout(Path(result.data[-1].source)) if result.data else None
    places = find_limit_places(gates, config)
    limits = (
        JudgedLimit(gate=gate, key=key, standing=_find_standing(gate, insufficient), place=place)
        for gate, key, place in zip(gates, _name_apart(shown.gates, gates), places, strict=True)
    )
    return CiReport(
        result=shown,
        k=find_k(result),
        code=exit_code(result.verdict, insufficient),
        limits=tuple(limits),
        table=None if table is None else Place(file=table),
        table_name=shown.data[-1].source if shown.data else "memory",
        waivers=(f"{count_waived(gates)}.", *warn_of_waivers(gates, today)) if waived else (),
        card="" if card is None else str(card),
    )


def _find_standing(gate: Gate, insufficient: str) -> Standing:
    if gate.verdict == "insufficient" and insufficient == "warn":
        return "allowed"
    return OF_VERDICTS.get(gate.verdict, "undecided")


def _name_apart(written: Sequence[Gate], ordered: Sequence[Gate]) -> list[str]:
    """Return names of limits in the order of ``ordered``; a further limit of the same name has a number.

    Numbers follow the order of the policy, because that of the verdicts changes.
    """
    keys = dict(zip(map(id, written), number_apart([gate.name for gate in written]), strict=True))
    return [keys[id(gate)] for gate in ordered]


def make_fingerprint(key: str) -> str:
    """Return what makes a finding the same in two runs: the name of its limit, and never its value."""
    return sha256(f"evenhand/1 {key}".encode("utf-8", "surrogatepass")).hexdigest()


def name_groups(groups: Sequence[Estimate]) -> list[str]:
    """Return names of groups, each once: two that look alike where they are shortened are numbered."""
    return number_apart([name_group(e.by, e.group) for e in groups])


def number_apart(names: Sequence[str]) -> list[str]:
    """Return names, where a further one that reads the same has a number behind it.

    >>> number_apart(["a", "b", "a", "b (2)", "b"])
    ['a', 'b', 'a (2)', 'b (2)', 'b (3)']
    """
    # A number never makes a name that another one has already.
    lines, numbers, apart = [to_line(name) for name in names], Counter[str](), list[str]()
    taken = set(lines)
    for name, line in zip(names, lines, strict=True):
        numbers[line] += 1
        while numbers[line] > 1 and f"{line} ({numbers[line]})" in taken:
            numbers[line] += 1
        apart.append(name if numbers[line] == 1 else f"{name} ({numbers[line]})")
    return apart
