"""Group differences in the training data: how large groups are, and how labels differ between them.

Must not: leave a group out without saying so, or format anything that `words` does not.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.estimate import Group, cell_text, p_text
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.record.result import AuditResult
from audit.report.card.groups import choose_groups, divide_rows, draw_charts, make_rows_cell
from audit.report.card.shapes import By, EstimateIndex, GroupingView, Table, TableRow, choose_kind, make_table
from audit.report.card.tables.classes import make_label_tables
from audit.report.card.words import Cell, make_estimate_cell, name_group, name_grouping, name_in_text


def make_data_groupings(result: AuditResult, k: int = 1) -> tuple[GroupingView, ...]:
    """Return the group differences in the training data, one view a grouping."""
    found = EstimateIndex(result, "data", k)
    every = found.groupings()
    room = divide_rows(len(every))
    return tuple(_make_grouping(found, by, f"d{i}", room) for i, by in enumerate(every))


def _make_grouping(found: EstimateIndex, by: By, id_: str, room: int) -> GroupingView:
    groups, note = choose_groups(found, by, room)
    present = {metric for metric, *_ in found.index}
    drawn = [m for m in ("representation", "base_rate") if m in present]
    return GroupingView(
        id=id_,
        title=f"By {name_grouping(by)}",
        by=by,
        charts=draw_charts(found, by, drawn, groups, found.gates(by)) if len(by) == 1 else (),
        tables=(_make_bias_table(found, by, groups, present), *make_label_tables(found, by, groups)),
        notes=tuple(n for n in (note,) if n),
    )


def _make_bias_table(found: EstimateIndex, by: By, groups: Sequence[Group], present: set[str]) -> Table:
    columns: list[tuple[str, str, str | None]] = [("Share of rows", "representation", None)]
    if found.gap("representation", "ratio", by) and any(
        e.reference == ("population",) for e in found.result.estimates if e.by == by and e.metric == "representation"
    ):
        columns.append(("Share / share of the population", "representation", "ratio"))
    columns += [("Positive labels", "base_rate", None)] if "base_rate" in present else []
    columns.append(("Class imbalance", "class_imbalance", ""))
    apart = "difference_in_proportions_of_labels"
    if found.classes():
        apart = "total_variation_distance"
    columns += [(CATALOGUE[apart].title, apart, "")] if apart in present else []
    if any(m == "conditional_demographic_disparity" and b == by for m, _, b, _ in found.index):
        columns.append(("Disparity within strata", "conditional_demographic_disparity", None))
    rows = []
    for group in groups:
        cells = tuple(_make_bias_cell(found, by, group, metric, compare) for _, metric, compare in columns)
        rows.append(
            TableRow(
                name_group(by, group),
                (make_rows_cell(found, by, group), *cells),
                choose_kind(group),
            )
        )
    caption = f"Training data by {name_grouping(by)}"
    notes = (_explain_reference(found, by), _explain_population(found, by))
    return make_table(caption, ("Group", "Rows", *(c[0] for c in columns)), rows, found.k, *notes)


def _make_bias_cell(found: EstimateIndex, by: By, group: Group, metric: str, compare: str | None) -> Cell:
    if None in group and metric != "base_rate":
        return Cell("–", mark="none")
    e = found.index.get((metric, compare or None, by, group))
    if e is None and compare == "":
        return Cell("reference", mark="none")
    return make_estimate_cell(e, with_n=metric == "base_rate")


def _explain_reference(found: EstimateIndex, by: By) -> str:
    e = next(
        (e for (m, _, b, g), e in found.index.items() if m == "class_imbalance" and b == by and g and e.reference), None
    )
    if e is None or e.reference is None:
        return ""
    labelled = any(m == "difference_in_proportions_of_labels" and b == by for m, _, b, _ in found.index)
    said = "Class imbalance compares"
    if labelled:
        said = "Class imbalance and difference in proportions of labels compare"
    return (
        f"{said} {name_in_text(by, e.reference)} (the reference group) with each group; positive values favour the "
        "reference group."
    )


def _explain_population(found: EstimateIndex, by: By) -> str:
    """Return how far the shares of all groups lie from those of the population."""
    distance = found.gap("population_total_variation", "to_population", by)
    if distance is None or distance.value is None:
        return ""
    tested = found.gap("population_chi_square", "to_population", by)
    p = found.gap("population_chi_square", "p_value", by)
    said = f"Compared with the population: total variation {cell_text(distance.value, 'score')}"
    if tested is None or p is None or tested.value is None or p.value is None:
        return f"{said}."
    freedom = f"{tested.degrees_of_freedom:.3g} degrees of freedom"
    return f"{said}, chi-square {tested.value:,.1f} on {freedom} (p-value {p_text(p.value)})."
