"""A page as plain data: what a template draws, in the order in which it is read.

The view is made of a result that is already fit for its readers. Templates compute nothing; every sentence, number and
place in a drawing is decided here or in the other files of this room.

Must not: read a private count, judge, or know a format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.gates import headline
from audit.gates.words.wording import COUNTED, count_outcomes, select_run
from audit.record.result import AuditResult, Check
from audit.report.card.accounts import (
    SENTENCE_LENGTH,
    CheckView,
    OwnerWords,
    PartView,
    collect_owner_words,
    list_codes,
    list_provenance,
    make_check_views,
    make_part_view,
)
from audit.report.card.groups import make_model_groupings
from audit.report.card.limits import LimitView, make_limit_views
from audit.report.card.method import Term, define_metrics, explain_method
from audit.report.card.results import Front, Overview, make_front, make_overview
from audit.report.card.shapes import EnergyView, GroupingView, Table, TableRow
from audit.report.card.words import BADGES, Badge, clean_text, make_text_cell

if TYPE_CHECKING:
    from audit.report.card.drill import DrillView
    from audit.report.card.epochs import EpochsView
    from audit.report.card.tables.models import ModelsView

ALONE = {
    "fail": "it fails",
    "withheld": "its verdict is withheld",
    "undefined": "it is undefined",
    "insufficient": "it is inconclusive",
    "known": "it is known from the baseline",
    "waived": "it is waived",
    "pass": "it passes",
}
"""How the one limit of a page ended."""
OUTCOMES = {**COUNTED, "pass": ("check passes", "checks pass")}
QUIET = ("pass", "withheld", "not applicable")
"""Outcomes of checks that ask nothing of a reader."""
FEW_FINDINGS = 3
"""Findings up to which what to do stands on the page at once."""


@dataclass(frozen=True, slots=True)
class Checks:
    """The checks of a page: what was found, and what was not."""

    line: str
    findings: tuple[CheckView, ...]
    quiet_line: str
    quiet: tuple[CheckView, ...]
    codes: Table | None
    """What the codes mean."""
    is_short: bool
    """Whether findings are so few that what to do about each is not folded."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a page: those that did not pass, and those that did."""

    open: tuple[LimitView, ...]
    passed_line: str
    passed: tuple[LimitView, ...]

    @property
    def every(self) -> tuple[LimitView, ...]:
        """Return all of them, worst first."""
        return (*self.open, *self.passed)


@dataclass(frozen=True, slots=True)
class Card:
    """The whole page."""

    internal: bool
    kind: str
    """What the page is: Internal report, Audit card."""
    badge: Badge
    headline: str
    tally: str
    owner: OwnerWords
    front: Front
    contents: tuple[tuple[str, str], ...]
    limits: Limits
    overview: Overview | None
    model: tuple[GroupingView, ...]
    epochs: tuple[EpochsView, ...]
    epoch_notes: tuple[str, ...]
    models: ModelsView | None
    data: tuple[PartView, ...]
    data_overview: Overview | None
    bias: tuple[GroupingView, ...]
    checks: Checks
    energy: EnergyView
    verdicts: tuple[tuple[Badge, str], ...]
    method: tuple[str, ...]
    definitions: tuple[Term, ...]
    withheld: str
    provenance: tuple[tuple[str, str], ...]
    drill: DrillView | None = None


def make_report_view(result: AuditResult, k: int) -> Card:
    """Return the view of the internal report."""
    return _make_view(result, k, internal=True)


def make_card_view(result: AuditResult, k: int) -> Card:
    """Return the view of a result that `disclosure.publishable` has gone over with the same ``k``."""
    return _make_view(result, k, internal=False)


def _make_view(result: AuditResult, k: int, *, internal: bool) -> Card:
    owner = collect_owner_words(result)
    model, bias, epochs = make_model_groupings(result, k), _make_bias_views(result, k), _make_epochs_views(result, k)
    return Card(
        internal=internal,
        kind="Internal report" if internal else owner.eyebrow,
        badge=BADGES[result.verdict],
        headline=write_headline(result),
        tally=describe_tally(result),
        owner=owner,
        front=make_front(result, owner, k),
        contents=tuple(_list_contents(has_model=bool(model), has_models=result.edge is not None)),
        limits=_make_limits(result),
        overview=make_overview(result, "model", k),
        model=model,
        epochs=epochs,
        epoch_notes=tuple(f"{clean_text(note, SENTENCE_LENGTH)}." for note in result.epoch_notes),
        models=_make_models_view(result),
        data=tuple(make_part_view(p) for p in result.data),
        data_overview=make_overview(result, "data", k),
        bias=bias,
        checks=_make_checks(result),
        energy=_make_energy_view(result),
        verdicts=tuple(_explain_verdicts(result)),
        method=explain_method(result, k),
        definitions=define_metrics(result),
        withheld=_explain_withheld(result, k, internal=internal),
        provenance=list_provenance(result),
    )


def _list_contents(*, has_model: bool, has_models: bool) -> Iterator[tuple[str, str]]:
    yield ("limits", "Limits")
    if has_model:
        yield ("model", "Results")
    if has_models:
        yield ("models", "Models")
    yield from (
        ("data", "Data"),
        ("checks", "Checks"),
        ("energy", "Energy"),
        ("method", "Method"),
        ("record", "Record"),
    )


def _make_bias_views(result: AuditResult, k: int) -> tuple[GroupingView, ...]:
    """Return the group differences of the data by grouping; nothing where no data were measured before training."""
    if "data" not in {e.stage for e in result.estimates}:
        return ()
    from audit.report.card.dataset import make_data_groupings

    return make_data_groupings(result, k)


def _make_epochs_views(result: AuditResult, k: int) -> tuple[EpochsView, ...]:
    """Return the curves of training; nothing where it said nothing of its groups."""
    if not result.epochs:
        return ()
    from audit.report.card.epochs import make_epochs_views

    return make_epochs_views(result, k)


def _make_models_view(result: AuditResult) -> ModelsView | None:
    """Return compressed models; None where none was audited."""
    if result.edge is None:
        return None
    from audit.report.card.tables.models import make_models_view
    from audit.report.resources import find_judged

    return make_models_view(result.edge, find_judged(result))


def _make_energy_view(result: AuditResult) -> EnergyView:
    """Return what the run drew; one sentence where nothing was metered."""
    if result.energy is None:
        return EnergyView()
    from audit.report.card.energy import make_energy_view

    return make_energy_view(result.energy)


def write_headline(result: AuditResult) -> str:
    """Return the verdict in one sentence: that of the gate that decides."""
    if result.verdict == "incomplete":
        return clean_text(headline.write_headline(result), SENTENCE_LENGTH)
    said = (
        headline.write_headline(result),
        *headline.list_notes(result),
        *headline.list_baseline_notes(result),
    )
    return " ".join(clean_text(s, SENTENCE_LENGTH) for s in said)


def describe_tally(result: AuditResult) -> str:
    """Return how many limits ended how."""
    if not result.gates:
        return ""
    if len(result.gates) == 1:
        return f"1 limit: {ALONE[result.gates[0].verdict]}."
    return headline.count_limits(result.gates)


def _make_limits(result: AuditResult) -> Limits:
    every = make_limit_views(result)
    passed = tuple(view for view in every if not view.is_open)
    line = f"{len(passed)} {'limit passes' if len(passed) == 1 else 'limits pass'}"
    return Limits(tuple(view for view in every if view.is_open), line if passed else "", passed)


def _make_checks(result: AuditResult) -> Checks:
    every = make_check_views(result.checks)
    found = tuple(view for view in every if view.badge.kind not in QUIET)
    quiet = tuple(view for view in every if view.badge.kind in QUIET)
    if not every:
        return Checks("No check was run.", (), "", (), None, is_short=True)
    line = _count_outcomes(found) or _count_run(result.checks)
    codes = _tabulate_codes(result)
    quiet_line = _count_outcomes(quiet)
    return Checks(f"{line}.", found, quiet_line, quiet, codes, is_short=len(found) <= FEW_FINDINGS)


def _count_run(checks: Sequence[Check]) -> str:
    n = len(select_run(checks))
    return f"{n:,} {'check' if n == 1 else 'checks'} run, no finding"


def _count_outcomes(views: Sequence[CheckView]) -> str:
    """Return how many checks ended how."""
    return count_outcomes((view.badge.kind for view in views), OUTCOMES)


def _tabulate_codes(result: AuditResult) -> Table | None:
    """Return what each code looks for, why, and by which source."""
    rows = tuple(
        TableRow(c.code, tuple(map(make_text_cell, (c.title, c.reason, c.reference))))
        for c in list_codes(result.checks)
    )
    if not rows:
        return None
    return Table("About these checks", ("Code", "Check", "Why it matters", "Source"), rows, wide=True)


def _explain_verdicts(result: AuditResult) -> Iterator[tuple[Badge, str]]:
    meaning = {
        "pass": "The whole interval of the limit is within it.",
        "fail": "The whole interval of the limit is beyond it.",
        "insufficient": "The limit lies inside the interval, so the data cannot decide. It is never a pass.",
        "undefined": "There is no number to judge; the reason is given. It is never a pass.",
        "waived": "It did not pass, and a named owner accepts it until a date.",
        "not judged": "No limit on groups was set, so no difference between groups was judged.",
    }
    if result.baseline is not None:
        meaning["fail"] += " Or it is worse than in the baseline, beyond chance."
        meaning["known"] = "It did not pass in the baseline either, and is not worse beyond chance. It warns only."
    if any(g.verdict == "withheld" for g in result.gates):
        meaning["withheld"] = (
            "The verdict would reveal what is withheld; the internal report has it. It is never a pass."
        )
    yield from ((BADGES[kind], text) for kind, text in meaning.items())


def _explain_withheld(result: AuditResult, k: int, *, internal: bool) -> str:
    """Return how much of the record the page shows."""
    if internal:
        return "Every count is shown."
    gone, total = sum(e.status == "suppressed" for e in result.estimates), len(result.estimates)
    if not gone:
        if k <= 1:
            return "Nothing is withheld ([publish] k = 1)."
        return f"Nothing had to be withheld (k = {k})."
    return f"{gone:,} of {total:,} numbers are withheld to protect groups under {k}; verdicts rest on the full record."
