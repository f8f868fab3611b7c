"""The one versioned document that everything else reads.

A result is immutable and plain: strings, numbers, lists. It holds counts, never rows. `audit.json` is this
document, its JSON Schema is generated from these classes, and card, dashboard, gates and comparison read
nothing else. Field order is part of the contract and fixed by a test.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from audit.errors import printable
from audit.estimate import Estimate, Group, grouping_text
from audit.measurement.estimates import Estimates
from audit.record.baseline import Adoption, Baseline, Change
from audit.record.cubes import Axis, CubeRecord
from audit.record.edge import Edge, GateVerdict, Verdict
from audit.record.energy import CarbonPerUnit, Energy, EnergyComponent, EnergyMethod, Factor
from audit.record.epochs import Epoch
from audit.record.serialize import to_lines, to_plain

__all__ = [
    "SCHEMA",
    "AuditResult",
    "Axis",
    "CarbonPerUnit",
    "Check",
    "CheckOutcome",
    "Code",
    "Column",
    "CubeRecord",
    "Edge",
    "Energy",
    "EnergyComponent",
    "EnergyMethod",
    "ExcludedGroup",
    "Factor",
    "Gate",
    "GateVerdict",
    "Part",
    "Question",
    "Run",
    "Verdict",
    "Waiver",
]

DOCUMENT = "audit.json"
# When it began, in UTC, so that ids sort by time; then six digits by chance, so that no two runs share one.
RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}")
"""Name of a run, and of the folder in which it lies."""
SCHEMA: Final = "audit-result/1"
# ``withheld`` stands in what is published alone, for an outcome or a verdict that would tell what is left out there.
CheckOutcome = Literal[
    "pass", "warn", "fail", "error", "insufficient", "undefined", "not applicable", "waived", "withheld"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Where the code that ran came from; the commit is of the folder audited, not of this package."""

    commit: str
    dirty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Who ran what, when, and how each child process ended."""

    id: str
    started: str
    """UTC, ISO 8601."""
    finished: str
    version: str
    """Of evenhand."""
    command: tuple[str, ...] = ()
    code: Code | None = None
    exit_codes: Mapping[str, int] = field(default_factory=dict)
    """Exit code of each child process by phase; negative for a signal."""
    stopped_by: tuple[str, ...] = ()
    """Gates that failed on the data, so that training was not started."""
    continued: tuple[str, ...] = ()
    """Gates that failed on the data before training, which was started all the same, as somebody asked."""
    ended: str = ""
    """Why the audit is not whole, where it is not: how training ended, or what of the audit failed beside it."""
    interrupted: str = ""
    """Signal that stopped the run from outside while training went on, such as SIGINT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The resolved configuration and its SHA-256."""

    digest: str
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column that was read."""

    name: str
    kind: str
    """text, integer, float, boolean, date, time or other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One table that was read: train, test or predictions. read = used + the sum of excluded."""

    part: str
    source: str
    digest: str | None
    rows_read: int
    rows_used: int
    rows_excluded: Mapping[str, int] = field(default_factory=dict)
    """Rows by the named reason for which they entered no group."""
    rows_without_group: Mapping[str, int] = field(default_factory=dict)
    """Rows whose value is missing, by group column."""
    columns: tuple[Column, ...] = ()
    score_median: float | None = None
    """Median of all scores, where that was asked for as the threshold; a score above it is a positive prediction."""
    undigested: str | None = None
    """Why there is no digest, where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Outcome of one check. ``error`` means that the check itself broke, never that the data failed."""

    code: str
    title: str
    outcome: CheckOutcome
    severity: str = "critical"
    detail: str = ""
    answered_by: str = "evenhand"
    mend: str = ""
    """What to do about it; empty where no fault was found."""
    part: str = ""
    """Table that it is about, such as ``train`` or ``predictions``; empty for the model, and in older documents."""
    columns: tuple[str, ...] = ()
    """Columns that it is about, such as the group column whose label rates it compares; empty where it names none."""
    name: str = ""
    """What is checked, whatever was found; empty in older documents."""
    reason: str = ""
    """Why there is no answer, of a check that is undefined or not applicable."""
    plain_title: str = ""
    """The title without groups and numbers, for pages that may not show them; empty where the title has none."""

    @property
    def heading(self) -> str:
        """What was checked of which columns and table, whatever was found."""
        about = f", {grouping_text(self.columns)}" if self.columns else ""
        told = self.part in {"", "train"} or f"{self.part} data" in self.name
        table = "" if told else f" ({printable(self.part)})"
        return f"{self.name}{about}{table}" if self.name else self.title


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A documented exception: an owner accepts a limit that did not pass."""

    gate: str
    owner: str
    reason: str
    expires: str
    max_gap: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedGroup:
    """A group that the policy leaves out of a limit, because too few rows stand behind what the limit reads."""

    group: Group
    n: float | None
    """Rows behind it; null in what is published."""


class Limit(Protocol):
    """What a limit says, whatever was found: a rule, a gate, a limit of a baseline, one that was drilled."""

    @property
    def name(self) -> str:
        """As audit.toml and a waiver call it."""

    @property
    def min(self) -> float | None:
        """Lowest value that passes."""

    @property
    def max(self) -> float | None:
        """Highest value that passes."""


LimitKey = tuple[str, float | None, float | None]


def identify_limit(limit: Limit) -> LimitKey:
    """Return what makes limits of two results, or a rule and what came of it, the same: name and bound."""
    return limit.name, limit.min, limit.max


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A limit, what was found, and the verdict. The interval here is the one the verdict rests on."""

    name: str
    verdict: GateVerdict
    sentence: str
    """One plain sentence: who against whom, the gap, its interval, both n, the limit."""
    min: float | None = None
    max: float | None = None
    low: float | None = None
    high: float | None = None
    estimate: Estimate | None = None
    needed_n: float | None = None
    """How many times the present data would settle it if the present estimates were exact; None if settled
    or not settleable with 100 times the data."""
    p_value: float | None = None
    """One-sided: the smallest error per side at which this rule says fail; None where no closed form gives it."""
    p_holm: float | None = None
    """The same, corrected by Holm for all gates of the policy."""
    p_benjamini_hochberg: float | None = None
    """Share of false alarms among the gates that fail at this level, by Benjamini and Hochberg."""
    waiver: Waiver | None = None
    excluded: tuple[ExcludedGroup, ...] = ()
    """Groups that `[policy] least_rows` leaves out; the estimate here is then of the others alone."""
    change: Change | None = None
    """How it stands against the baseline; None where there is none."""

    @property
    def alone(self) -> GateVerdict:
        """The verdict by the limit alone, whatever the baseline says."""
        return self.verdict if self.change is None else self.change.alone

    @property
    def is_worse(self) -> bool:
        """Whether it is worse than in the baseline beyond chance."""
        return self.change is not None and self.change.moved == "worse"

    @property
    def limit(self) -> float | None:
        """The one bound that there is: a limit has a min or a max."""
        return self.max if self.max is not None else self.min


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AuditResult:
    """The full record of one audit, from which every page is made; it holds counts, never rows."""

    run: Run
    question: Question
    verdict: Verdict
    data: tuple[Part, ...] = ()
    cubes: tuple[CubeRecord, ...] = ()
    estimates: Estimates = field(default_factory=Estimates)
    checks: tuple[Check, ...] = ()
    energy: Energy | None = None
    gates: tuple[Gate, ...] = ()
    epochs: tuple[Epoch, ...] = ()
    epoch_notes: tuple[str, ...] = ()
    edge: Edge | None = None
    baseline: Baseline | None = None
    """The earlier result that limits were compared with; None where there was none."""
    adopted: Adoption | None = None
    """Who made this result the baseline of later ones; None where nobody did."""
    schema: Literal["audit-result/1"] = SCHEMA

    def __post_init__(self) -> None:
        object.__setattr__(self, "estimates", Estimates.listed(self.estimates))

    def to_dict(self) -> dict[str, Any]:
        """Return the document as plain dicts and lists, ``schema`` first."""
        plain = to_plain(self)
        return {"schema": plain.pop("schema"), **plain}

    def to_json(self) -> str:
        """Return strict JSON: no NaN, no Infinity, keys in the contract's order, a line for each estimate."""
        return "\n".join(to_lines(self.to_dict()))

    def find(
        self,
        metric: Any = None,
        compare: str | None = None,
        *,
        by: str | Sequence[str] | None = None,
        group: Any = None,
        stage: str | None = None,
        outcome: Any = None,
    ) -> tuple[Estimate, ...]:
        """Return estimates of one metric, in the document's order; ``outcome`` names one of several classes.

        The names of other libraries are known too. One column and one level need no list. A metric that was not asked
        for gives nothing.

        Raises
        ------
        QuestionError
            When there is no such metric, comparison, column, group or class; it names the nearest.
        """
        from audit.measurement.find import Wanted, found

        wanted = Wanted(metric=metric, compare=compare, by=by, group=group, stage=stage, outcome=outcome)
        return found(self.estimates, self._group_columns, wanted)

    @property
    def _group_columns(self) -> tuple[str, ...]:
        data = self.question.config.get("data") or {}
        return tuple(data.get("groups") or ())

    def to_frame(self) -> Any:
        """Return the estimates as a pandas frame, one row each, in plain text and numbers.

        ``by`` and ``group`` name the group, ``race x sex`` and ``black x female``; each group column also has a column
        of its own. The overall row has the group ``overall`` and an empty ``by``; a comparison of all groups has
        none, and names the lowest and the highest group in ``pair``. An undefined number is NaN, with its ``reason``.

        Examples
        --------
        >>> import audit
        >>> races = {"race": ["black", "white"] * 2}
        >>> frame = audit.measure([1, 1, 0, 0], [1, 1, 0, 1], groups=races).to_frame()
        >>> chosen = frame.query("metric == 'selection_rate' and by == 'race' and compare.isna()")
        >>> [(row.race, row.value) for row in chosen.itertuples()]
        [('black', 0.5), ('white', 1.0)]
        """
        from audit.record.frame import make_frame

        return make_frame(self.estimates)

    def plot(
        self,
        metric: str,
        *,
        by: str | Sequence[str] | None = None,
        stage: str | None = None,
        outcome: Any = None,
    ) -> Any:
        """Return an Altair chart of one metric: a dot and an interval for each group, and a line for overall.

        Needs altair: ``pip install 'evenhand[plot]'``.

        Parameters
        ----------
        metric
            Name of what has a value for each group, such as ``selection_rate``.
        by
            Group column, or columns that are crossed; may be left out where there is one.
        stage
            ``model`` or ``data``; the model where both have the metric.
        outcome
            Class, for a metric of one of several classes.

        Returns
        -------
        altair.LayerChart
            With a title and a text alternative (``description``). A hollow dot is a group with too few rows to judge
            alone; a group whose value is undefined is named without a dot.

        Raises
        ------
        QuestionError
            When there is no such metric, column or class, or the metric has no value for each group.
        MissingExtraError
            When altair is not installed.
        """
        from audit.report.notebook.plot import plot_metric

        return plot_metric(self, metric, by=by, stage=stage, outcome=outcome)

    def __repr__(self) -> str:
        from audit.report.notebook.show import write_line

        return write_line(self)

    def __str__(self) -> str:
        from audit.report.notebook.show import write_screen

        return write_screen(self)

    def report(self, path: str | PathLike[str]) -> Path:
        """Write the internal report: one page with every number and every count, not to be published.

        An earlier report is overwritten, and no other file.

        Raises
        ------
        QuestionError
            When the file does not end in .html.
        StoreError
            When another file has the name, or the disk refuses.
        """
        from audit.report.card.render import write_report

        return write_report(self, Path(path))

    def card(self, path: str | PathLike[str], *, k: int | None = None) -> Path:
        """Write the card to be published, as HTML or Markdown: ``.html`` or ``.md``, with small counts withheld.

        An earlier card is overwritten, and no other file.

        Parameters
        ----------
        path
            File to write.
        k
            Smallest count that is published; ``[publish] k`` of the configuration, or 10, where none is given.

        Raises
        ------
        QuestionError
            When the file ends otherwise, or ``k`` is not at least 1.
        StoreError
            When another file has the name, or the disk refuses.
        """
        from audit.report.card.render import write_card

        return write_card(self, Path(path), k)

    def _repr_html_(self) -> str:
        from audit.report.notebook.show import render_result

        return render_result(self)


# Words of a verdict as people read it; the keys of audit.json stay as they are.
WORDS = {"insufficient": "inconclusive"}
"""Words that differ from the key."""


def name_verdict(verdict: str, *, interrupted: bool = False) -> str:
    """Return the word of a verdict in capital letters.

    Parameters
    ----------
    verdict
        As audit.json has it.
    interrupted
        Whether the run was stopped from outside.

    >>> name_verdict("insufficient"), name_verdict("not judged"), name_verdict("incomplete", interrupted=True)
    ('INCONCLUSIVE', 'NOT JUDGED', 'INTERRUPTED')
    """
    if verdict == "incomplete" and interrupted:
        return "INTERRUPTED"
    return WORDS.get(verdict, verdict).upper()
