"""A card as plain data: what a template draws, in the order in which it is read.

The view is made of a result that is already fit to publish. Templates compute nothing; every sentence, number and
place in a drawing is decided here or in `groups`, `charts` and `words`.

Must not: read a private count, judge, or know a format.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.gates.judge import WORST_FIRST, find_deciding_gate
from audit.gates.sentences import describe_training, headline_of
from audit.record.result import AuditResult, Gate
from audit.report.card.accounts import (
    SENTENCE_LENGTH,
    CodeView,
    OwnerWords,
    PartView,
    collect_owner_words,
    list_checks,
    list_codes,
    list_provenance,
    make_part_view,
)
from audit.report.card.charts import Strip, draw_gate
from audit.report.card.energy import EnergyView, make_energy_view
from audit.report.card.groups import make_model_groupings
from audit.report.card.method import Term, define_metrics, explain_method
from audit.report.card.shapes import GroupingView
from audit.report.card.words import BADGES, Badge, clean_text, format_p

if TYPE_CHECKING:
    from audit.report.card.epochs import EpochsView

COUNTED = {
    "fail": ("is broken", "are broken"),
    "withheld": ("is withheld", "are withheld"),
    "undefined": ("is undefined", "are undefined"),
    "insufficient": ("cannot be told from this data", "cannot be told from this data"),
    "waived": ("is waived", "are waived"),
    "pass": ("is kept", "are kept"),
}


@dataclass(frozen=True, slots=True)
class LimitView:
    """One gate."""

    badge: Badge
    name: str
    sentence: str
    strip: Strip | None


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check."""

    badge: Badge
    code: str
    title: str
    detail: str
    mend: str
    """What to do; empty where no fault was found."""


@dataclass(frozen=True, slots=True)
class Card:
    """The whole page."""

    badge: Badge
    headline: str
    tally: str
    owner: OwnerWords
    limits: tuple[LimitView, ...]
    model: tuple[GroupingView, ...]
    epochs: tuple[EpochsView, ...]
    epoch_notes: tuple[str, ...]
    data: tuple[PartView, ...]
    bias: tuple[GroupingView, ...]
    checks: tuple[CheckView, ...]
    checks_line: str
    codes: tuple[CodeView, ...]
    energy: EnergyView
    verdicts: tuple[tuple[Badge, str], ...]
    method: tuple[str, ...]
    definitions: tuple[Term, ...]
    left_out: str
    provenance: tuple[tuple[str, str], ...]


def make_card_view(result: AuditResult, k: int) -> Card:
    """Return the view of a result that `disclosure.publishable` has gone over with the same ``k``."""
    gates = sorted(result.gates, key=lambda g: WORST_FIRST.index(g.verdict))
    model = make_model_groupings(result)
    bias = _make_bias_views(result)
    return Card(
        badge=BADGES[result.verdict],
        headline=write_headline(result),
        tally=describe_tally(result),
        owner=collect_owner_words(result),
        limits=tuple(_make_limit_view(g, i) for i, g in enumerate(gates)),
        model=model,
        epochs=_make_epochs_views(result),
        epoch_notes=tuple(f"Of the epochs: {clean_text(note, SENTENCE_LENGTH)}." for note in result.epoch_notes),
        data=tuple(make_part_view(p) for p in result.data),
        bias=bias,
        checks=tuple(CheckView(*row) for row in list_checks(result.checks)),
        checks_line=_count_checks(result),
        codes=list_codes(result.checks),
        energy=make_energy_view(result.energy),
        verdicts=_explain_verdicts(result),
        method=explain_method(result, k),
        definitions=define_metrics(result),
        left_out=_explain_left_out(result, k),
        provenance=list_provenance(result),
    )


def _make_bias_views(result: AuditResult) -> tuple[GroupingView, ...]:
    """Return the bias of the data by grouping; nothing where no data were measured before training."""
    if "data" not in {e.stage for e in result.estimates}:
        return ()
    from audit.report.card.dataset import make_data_groupings

    return make_data_groupings(result)


def _make_epochs_views(result: AuditResult) -> tuple[EpochsView, ...]:
    """Return the curves of training; nothing where it said nothing of its groups."""
    if not result.epochs:
        return ()
    from audit.report.card.epochs import make_epochs_views

    return make_epochs_views(result)


def write_headline(result: AuditResult) -> str:
    """Return the verdict in one sentence: that of the gate that decides."""
    if result.verdict == "incomplete":
        failed = ", ".join(f"{clean_text(p)}: exit code {c}" for p, c in result.run.exit_codes.items() if c != 0)
        return f"The run did not finish ({failed or 'no exit code was recorded'}), so it was not judged as a whole."
    gate = find_deciding_gate(result.gates)
    if gate is None:
        return (
            "No limit was asked for, so nothing was judged. What follows are measurements, and none of them is a pass."
        )
    said = (headline_of(result.verdict, gate.sentence), *describe_training(result.run))
    return " ".join(clean_text(s, SENTENCE_LENGTH) for s in said)


def describe_tally(result: AuditResult) -> str:
    """Return how many limits ended how."""
    if not result.gates:
        return ""
    counted = Counter(g.verdict for g in result.gates)
    parts = [f"{counted[v]} {COUNTED[v][counted[v] > 1]}" for v in WORST_FIRST if counted[v]]
    total = len(result.gates)
    if total == 1:
        return f"It is the only limit, and it {COUNTED[result.gates[0].verdict][0]}."
    return f"Of {total} limits, {_join_parts(parts)}."


def _join_parts(parts: list[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _make_limit_view(gate: Gate, i: int) -> LimitView:
    return LimitView(
        badge=BADGES[gate.verdict],
        name=clean_text(gate.name),
        sentence=clean_text(gate.sentence + _describe_surprise(gate), SENTENCE_LENGTH),
        strip=draw_gate(f"s{i}", gate),
    )


def _describe_surprise(gate: Gate) -> str:
    """Return how surprising a failure is, once all limits of the policy are taken into account."""
    if gate.verdict != "fail" or gate.p_holm is None or gate.estimate is None or gate.estimate.status != "ok":
        return ""
    return f" One-sided p after Holm’s correction for all limits: {format_p(gate.p_holm)}."


def _count_checks(result: AuditResult) -> str:
    if not result.checks:
        return "No check was run."
    counted = Counter(c.outcome for c in result.checks)
    said = [f"{n} {BADGES[o].word.lower()}" for o, n in counted.most_common()]
    return f"{len(result.checks)} {'check' if len(result.checks) == 1 else 'checks'}: {_join_parts(said)}."


def _explain_verdicts(result: AuditResult) -> tuple[tuple[Badge, str], ...]:
    meaning = {
        "pass": "the whole interval keeps the limit.",
        "fail": "the whole interval breaks the limit.",
        "insufficient": "the interval crosses the limit: this data cannot tell. It is not a pass.",
        "undefined": "there is no number to judge, and the reason is given. It never passes.",
        "waived": "it did not pass, and somebody named took responsibility until a date.",
        "not judged": "no limit on groups was set, so nothing was judged between them.",
    }
    if any(g.verdict == "withheld" for g in result.gates):
        meaning["withheld"] = "the verdict would tell what is left out here; the internal result has it. It is no pass."
    return tuple((BADGES[kind], text) for kind, text in meaning.items())


def _explain_left_out(result: AuditResult, k: int) -> str:
    gone = sum(e.status == "suppressed" for e in result.estimates)
    if not gone:
        if k > 1:
            return f"No number had to be left out to protect counts under {k}."
        return "No number was left out."
    return (
        f"{gone:,} of {len(result.estimates):,} numbers are left out, because they are counts under {k} or would give "
        "such counts away."
    )
