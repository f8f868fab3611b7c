"""How to read a card: what the intervals are, what is independent of what, what each number means.

Everything is read from the result and from the catalogue; nothing here states a formula of its own.

Must not: promise what the estimates themselves do not say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from audit.axes import TEMPLATE
from audit.errors import capitalise
from audit.estimate import Estimate
from audit.measurement.inference.effective import THIN_EVENTS, THIN_FOLDS
from audit.measurement.metrics.adverse import TABLE
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.measurement.metrics.kinds import Criterion, Metric, Rate
from audit.record.result import AuditResult
from audit.report.card.tables.comparisons import is_adverse_impact_shown
from audit.report.card.words import clean_text, make_title
from audit.report.disclosure.small_cells import ALIKE

DATA_SHOWN = ("representation", "class_imbalance", "difference_in_proportions_of_labels")
AUTHORS = (
    ("wilson", "Wilson"),
    ("newcombe", "Newcombe"),
    ("clopper-pearson", "Clopper-Pearson"),
    ("mover-r", "MOVER-R"),
)


@dataclass(frozen=True, slots=True)
class Term:
    """One metric with its formula and source."""

    title: str
    formula: str
    ideal: str
    source: str


def explain_method(result: AuditResult, k: int) -> tuple[str, ...]:
    """Return how the numbers were made, in paragraphs."""
    notes = [
        _explain_intervals(result),
        _explain_classes(result),
        _explain_gaps(result),
        _explain_units(result),
        _explain_small(),
        _explain_missing(),
        _explain_simulations(),
        _explain_protection(k, of_items=(result.question.config.get("predictions") or {}).get("task") == "items"),
    ]
    return tuple(n for n in notes if n)


def define_metrics(result: AuditResult) -> tuple[Term, ...]:
    """Return formula and source of the metrics of this card."""
    present = {e.metric for e in result.estimates}
    gated = {g.estimate.metric for g in result.gates if g.estimate}
    shown = (
        m.name
        for m in CATALOGUE.among(present)
        if (m.table and (m.table != TABLE or is_adverse_impact_shown(result))) or m.judged == ("between_groups",)
    )
    wanted = [m for m in dict.fromkeys((*shown, *DATA_SHOWN, *sorted(gated))) if m in present]
    several = any(e.outcome is not None for e in result.estimates)
    return tuple(define_metric(CATALOGUE[m], several=several) for m in wanted if m in CATALOGUE)


def define_metric(metric: Metric, *, several: bool = False) -> Term:
    """Return formula and source of one metric; ``several`` where it is of more than two classes."""
    caveat = ""
    if metric.caveat:
        caveat = f" {capitalise(metric.caveat)}."
    # A rate whose event is its condition is a share; its words say what no mask of label and prediction can.
    is_share = isinstance(metric, Rate) and metric.event is metric.given
    # The cells of a rate over all classes are not the four of one.
    once = several and "multiclass" in metric.also
    formula = metric.formula.rpartition(" = ")[0] if once and isinstance(metric, Rate) else metric.formula
    return Term(
        title=f"{make_title(metric.name)}{' (criterion)' if isinstance(metric, Criterion) else ''}",
        formula=metric.caveat if is_share else formula,
        ideal=f"Ideal: {metric.ideal}.{'' if is_share else caveat}",
        source=metric.source,
    )


def _explain_intervals(result: AuditResult) -> str:
    confidences = sorted({e.confidence for e in result.estimates if e.confidence is not None})
    if not confidences:
        return ""
    rates = (e for e in result.estimates if e.compare is None and e.numerator is not None)
    methods = dict.fromkeys(e.method for e in rates if e.method)
    said = "; ".join(_spell_authors(m) for m in methods) or "with each number in audit.json"
    return (
        f"Numbers in brackets are {confidences[0] * 100:g}% confidence intervals of the number before them "
        f"(method: {said}). A narrow interval means more data, not a better result."
    )


def _explain_classes(result: AuditResult) -> str:
    if not any(e.outcome is not None for e in result.estimates):
        return ""
    return (
        "Labels and predictions are one of several classes. A rate of one class counts that class against all others: "
        "read 1 in its formula as the class, and 0 as any other."
    )


def _explain_gaps(result: AuditResult) -> str:
    methods = dict.fromkeys(
        e.method for e in result.estimates if e.compare in {"difference", "ratio"} and e.pair and e.method
    )
    if not methods:
        return ""
    said = "; ".join(_spell_authors(m) for m in list(methods)[:2])
    return (
        "A gap compares the lowest with the highest group. Its interval allows for comparing all pairs of groups, so "
        f"it can be wider than that of the two groups alone (method: {said})."
    )


def _explain_units(result: AuditResult) -> str:
    data = result.question.config.get("data") or {}
    if (result.question.config.get("predictions") or {}).get("task") == "ranking":
        return _explain_lists(result)
    if (result.question.config.get("predictions") or {}).get("task") == "items":
        return _explain_items(data.get("unit") or "row")
    unit, weight = data.get("unit") or "row", data.get("weight")
    said = "Rows are treated as independent."
    if unit != "row":
        said = (
            f"Rows with the same {clean_text(unit)} are not independent; they were counted together in 100 random "
            f"groups (folds), and the intervals allow for it. Rates are shares of rows: a {clean_text(unit)} with more "
            "rows counts more."
        )
    if weight:
        return f"{said} Rows are weighted by {clean_text(weight)}; {_explain_weights(result.estimates)}"
    return said


def _explain_weights(estimates: Iterable[Estimate]) -> str:
    """Return what n counts; also where weights look as if each row stood for several people, it counts rows."""
    weighted = [e for e in estimates if e.rows and e.denominator and e.compare is None]
    totals = [t for t in chain.from_iterable((e.numerator, e.denominator) for e in weighted) if t is not None]
    mean = max((e.denominator / e.rows for e in weighted if not e.by and e.denominator and e.rows), default=0.0)
    if mean <= 1 or not all(float(total).is_integer() for total in totals):
        return "n counts rows."
    return (
        f"n counts rows. All sums of weights are whole numbers, {mean:.3g} a row in the mean: if a weight says for how "
        "many people a row stands, n and the intervals still count rows, so intervals are wider than those of so many "
        "people."
    )


def _explain_lists(result: AuditResult) -> str:
    unit = (result.question.config.get("data") or {}).get("unit") or "row"
    whose = ""
    if unit != "row":
        whose = f" Lists with the same {clean_text(unit)} are not independent either."
    return (
        f"Items of one list are not independent: a place that one item gets is not free for another.{whose} Whole "
        "lists were counted together in 100 random groups (folds), and the intervals allow for it; one list alone has "
        "no interval."
    )


def _explain_items(unit: str) -> str:
    named = TEMPLATE if unit == "row" else unit
    return (
        f"Items with the same {clean_text(named)} are not independent; where items share one, they were counted "
        "together in 100 random groups (folds), and the intervals allow for it. Items without a valid answer are in no "
        "score and have a rate of their own."
    )


def _explain_small() -> str:
    events, folds = f"{THIN_EVENTS:g}", f"{THIN_FOLDS:g}"
    return (
        f"“Too few rows to judge alone” marks a rate that rests on fewer than {events} events or {events} non-events "
        f"(or on fewer than {folds} folds). The group stays in every comparison and widens its interval."
    )


def _explain_simulations() -> str:
    return (
        "How often these intervals miss the true value, and how often these verdicts are wrong, was measured by "
        "simulation: see docs/inference.md of evenhand (`make simulate` repeats it). Where several limits are judged, "
        "audit.json has p-values corrected for all of them (Holm; Benjamini and Hochberg)."
    )


def _explain_missing() -> str:
    return "Rows whose group is missing are listed separately; they count in the overall figures but in no comparison."


def _explain_protection(k: int, *, of_items: bool) -> str:
    if k <= 1:
        return ""
    if of_items:
        return (
            "Counts of items are not withheld: an item is no person. Only the number of rows of a "
            f"group is withheld, where it is under {k}."
        )
    return (
        f"Counts under {k}, and numbers from which they could be derived, are withheld (□). A group of "
        f"fewer than {ALIKE * k} people is protected in the same way if all of them have the same label; "
        f"so are fewer than {ALIKE * k} people of a group with the same prediction, if all of them have "
        "the same label. Numbers of rows without a group may follow by subtraction: a missing value "
        "identifies no person. Verdicts rest on the full record. Not protected: two cards of overlapping "
        "data can be subtracted from each other, and a member of a group who knows the others can work "
        "out more than a stranger."
    )


def _spell_authors(text: str) -> str:
    """Return a method with the names of its authors spelled as names of people."""
    for plain, spelled in AUTHORS:
        text = text.replace(plain, spelled)
    return clean_text(text)
