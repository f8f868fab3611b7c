"""Who is in the training data beside a population, and gaps that change within strata, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from audit.axes import CubeKind
from audit.estimate import Estimate, cell_interval, cell_text
from audit.measurement.dataset.reversal import LEAST, PairWithin, compare_within_strata
from audit.record.cubes import TRAIN, to_cube
from audit.record.result import AuditResult
from audit.report.card.accounts import CheckView
from audit.report.card.charts import MOST_ROWS, Chart, Scale, Tick, draw_rates, list_ends, make_scale
from audit.report.card.shapes import By, EstimateIndex, Table, TableRow, make_table
from audit.report.card.view import Card
from audit.report.card.words import Cell, clean_text, name_group, name_grouping, name_in_text, shorten_label

POPULATION = ("population",)
MOST_SLOPES = 8
"""Lines of a drawing that can be told apart, those of the largest gaps."""


@dataclass(frozen=True, slots=True)
class _PopulationView:
    """The groups of one attribute beside a population."""

    title: str
    sentence: str
    chart: Chart | None
    note: str


def compare_with_population(result: AuditResult) -> tuple[_PopulationView, ...]:
    """Return the shares of groups divided by their shares in the population; nothing where no population is given."""
    found = EstimateIndex(result, "data")
    views = []
    for by in found.groupings():
        asked = ("data", "representation", "ratio", by, POPULATION)
        beside = [e for e in result.estimates if (e.stage, e.metric, e.compare, e.by, e.reference) == asked]
        if beside:
            views.append(_make_view(by, beside))
    return tuple(views)


def _make_view(by: By, beside: Sequence[Estimate]) -> _PopulationView:
    known = sorted((e for e in beside if e.group is not None and e.value is not None), key=lambda e: e.value or 0.0)
    whole = next((e for e in beside if e.group is None), None)
    said = []
    if whole is not None and whole.value is None and whole.reason:
        said.append(f"All groups together are not judged: {clean_text(whole.reason, 300)}.")
    if known:
        said.append(_describe_lowest(by, known[0]))
    drawn = known[:MOST_ROWS]
    title = f"Share of rows / share of the population, by {name_grouping(by)}"
    return _PopulationView(
        title=f"By {name_grouping(by)}, beside the population",
        sentence=" ".join(said),
        chart=_draw(title, drawn) if drawn else None,
        note=_describe_left_out(len(known), sum(e.group is not None and e.value is None for e in beside)),
    )


def _draw(title: str, drawn: Sequence[Estimate]) -> Chart:
    # A share ends at 100%, its ratio to another share does not.
    scale = make_scale([1.0, *list_ends(drawn)], "ratio")
    return draw_rates(title, drawn, [(1.0, "as in the population")], scale=scale)


def _describe_left_out(known: int, undefined: int) -> str:
    notes = []
    if known > MOST_ROWS:
        notes.append(f"The {MOST_ROWS} lowest of {known:,} groups are drawn.")
    if undefined:
        notes.append(f"Not drawn, because undefined: {undefined:,}; the table of the attribute says why.")
    return " ".join(notes)


def _describe_lowest(by: By, e: Estimate) -> str:
    """Return which group is rarest beside its share in the population, and how sure that is."""
    if e.group is None or e.value is None:
        return ""
    ends = cell_interval(e.low, e.high, "ratio")
    ratio = f"{cell_text(e.value, 'ratio')} {ends}".strip()
    return (
        f"Of the groups in the data, {name_in_text(by, e.group)} has the lowest ratio of its share of rows to its "
        f"share of the population: {ratio}."
    )


# Gaps over everybody beside the same within strata, as lines from the one to the other.
@dataclass(frozen=True, slots=True)
class _Slope:
    """One group: its demographic disparity against the reference, over everybody and within strata."""

    label: str
    overall: str
    within: str
    y_overall: float
    """Place from the top, in per cent of the height."""
    y_within: float
    turns: bool


@dataclass(frozen=True, slots=True)
class _SlopesView:
    """All groups of one attribute."""

    title: str
    sentence: str
    strata: str
    slopes: tuple[_Slope, ...]
    ticks: tuple[Tick, ...]
    zero: float
    table: Table


def draw_reversals(result: AuditResult) -> tuple[_SlopesView, ...]:
    """Return gaps in labels over everybody and within the declared strata; nothing where no strata are declared."""
    data = result.question.config.get("data") or {}
    strata = data.get("strata") or ()
    cubes = [to_cube(c) for c in result.cubes if c.kind is CubeKind.STRATA and c.part == TRAIN]
    references = {str(k): str(v) for k, v in (data.get("reference_group") or {}).items()}
    views = []
    for cube in cubes:
        pairs = list(compare_within_strata(cube, references)) if cube.names[0] not in strata else []
        if pairs:
            views.append(_make_slopes(cube.names[0], pairs, name_grouping(tuple(strata))))
    return tuple(views)


def _make_slopes(by: str, pairs: Sequence[PairWithin], strata: str) -> _SlopesView:
    ends = chain.from_iterable((p.found.marginal, p.found.within) for p in pairs)
    scale = make_scale([0.0, *ends], "points")
    shown = sorted(pairs, key=lambda p: -abs(p.found.marginal))[:MOST_SLOPES]
    turned = [p for p in pairs if p.found.turned]
    reference = name_in_text((by,), (pairs[0].reference,))
    said = f"{len(turned)} of {len(pairs)} gaps to {reference} change their sign within {strata}."
    if len(turned) == len(pairs) == 1:
        said = f"The gap to {reference} changes its sign within {strata}."
    if not turned:
        said = f"No gap to {reference} changes its sign within {strata}."
    rows = [
        TableRow(name_group((by,), (p.group,)), (Cell(_say(p.found.marginal)), Cell(_say(p.found.within))))
        for p in sorted(pairs, key=lambda p: -abs(p.found.marginal))
    ]
    drawn = f"; the {len(shown)} largest of {len(pairs)} gaps are drawn" if len(shown) < len(pairs) else ""
    return _SlopesView(
        title=f"Demographic disparity against {reference}, by {name_grouping((by,))}",
        sentence=f"{said} Whether that is more than chance, the check DB004 says. "
        f"Groups of fewer than {LEAST} rows, and those that are hardly ever in one stratum with the reference, are not "
        f"compared{drawn}.",
        strata=strata,
        slopes=tuple(_make_slope(by, p, scale) for p in shown),
        ticks=scale.make_ticks(),
        zero=round(100 - scale.at(0.0), 2),
        table=make_table(
            f"Demographic disparity by {name_grouping((by,))}", ("Group", "Overall", f"Within {strata}"), rows, 1
        ),
    )


def _make_slope(by: str, pair: PairWithin, scale: Scale) -> _Slope:
    return _Slope(
        label=shorten_label(name_group((by,), (pair.group,))),
        overall=_say(pair.found.marginal),
        within=_say(pair.found.within),
        y_overall=round(100 - scale.at(pair.found.marginal), 2),
        y_within=round(100 - scale.at(pair.found.within), 2),
        turns=pair.found.turned,
    )


def _say(gap: float) -> str:
    return cell_text(gap, "points")


def select_checks(page: Card, code: str) -> tuple[CheckView, ...]:
    """Return what one check found, or that it found nothing, on every table that it looked at."""
    return tuple(view for view in (*page.checks.findings, *page.checks.quiet) if view.code == code)
