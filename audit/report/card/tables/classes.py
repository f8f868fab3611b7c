"""Tables of several classes: the worst class of each rate, labels against predictions, and labels by group.

Must not: leave a class or a group out without saying so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audit.axes import CubeKind
from audit.estimate import WORST_CLASS, Estimate, Group
from audit.record.cubes import PREDICTIONS, CubeRecord
from audit.report.card.shapes import By, EstimateIndex, Table, TableRow, choose_kind, make_table
from audit.report.card.words import (
    LEVEL_LENGTH,
    Cell,
    clean_text,
    format_count,
    make_estimate_cell,
    make_text_cell,
    make_title,
    name_group,
    name_grouping,
    name_in_text,
)
from audit.report.disclosure.publishable import CONFUSIONS, MOST_TABLED

MOST_CONFUSIONS = 8
"""Confusion tables of one grouping; a reader compares no more."""
IN_RECORD = "audit.json has them"


def make_class_tables(found: EstimateIndex, by: By, groups: Sequence[Group]) -> Iterator[Table]:
    """Yield the worst classes and the confusion tables of one grouping; nothing where there are two classes."""
    classes = found.classes()
    if not classes:
        return
    yield _make_worst_table(found, by, len(classes))
    if len(by) == 1:
        yield from _make_confusion_tables(found, by, groups, classes)


def make_label_tables(found: EstimateIndex, by: By, groups: Sequence[Group]) -> Iterator[Table]:
    """Yield the share of each label in each group, and the worst gap; nothing where one label is the positive one."""
    classes = found.classes()
    if not classes:
        return
    yield _make_worst_table(found, by, len(classes))
    caption, cells = f"Share of each label by {name_grouping(by)}", found.of_classes("base_rate", by)
    if len(classes) > MOST_TABLED:
        yield Table(caption, (), (), f"There are {len(classes)} labels, too many for a table; {IN_RECORD}.")
        return
    shown = [(group, cells) for group in groups] + [((), found.of_classes("base_rate", ()))]
    yield make_table(
        caption,
        ("Group", *(clean_text(c, LEVEL_LENGTH) for c in classes)),
        [
            TableRow(
                name_group(by if group else (), group),
                tuple(make_estimate_cell(at.get((group or None, c)), with_n=False) for c in classes),
                choose_kind(group),
            )
            for group, at in shown
        ],
        found.k,
    )


def _make_worst_table(found: EstimateIndex, by: By, classes: int) -> Table:
    rows, names = [], dict.fromkeys(m for m, *_ in found.index if m.startswith(WORST_CLASS))
    for metric in sorted(names, key=list(dict.fromkeys(e.metric for e in found.result.estimates)).index):
        rate = make_title(metric.removeprefix(WORST_CLASS))
        difference = found.gap(metric, "difference", by)
        ratio = found.gap(metric, "ratio", by)
        rows.append(TableRow(rate, (*_make_worst_cells(difference), *_make_worst_cells(ratio))))
    return make_table(
        f"Worst of {classes} classes, each against all others, by {name_grouping(by)}",
        ("Rate", "Class of the difference", "Largest difference", "Class of the ratio", "Smallest ratio"),
        rows,
        found.k,
        f"Rates of every class in every group are too many for a page; {IN_RECORD}.",
    )


def _make_worst_cells(gap: Estimate | None) -> tuple[Cell, Cell]:
    """Return the class of a gap and the gap itself."""
    return _name_class(gap), make_estimate_cell(gap, with_n=False)


def _name_class(gap: Estimate | None) -> Cell:
    if gap is None or gap.value is None or gap.pair is None or gap.outcome is None:
        return Cell("–", mark="none", numeric=False)
    return make_text_cell(
        f"{clean_text(gap.outcome, LEVEL_LENGTH)}: {' v. '.join(name_in_text(gap.by, g) for g in gap.pair)}"
    )


def _make_confusion_tables(
    found: EstimateIndex, by: By, groups: Sequence[Group], classes: Sequence[str]
) -> Iterator[Table]:
    """Yield rows by label and prediction, a table a group; or a table that says why there is none."""
    caption = f"Confusion tables by {name_grouping(by)}"
    if len(classes) > MOST_TABLED:
        yield Table(caption, (), (), f"There are {len(classes)} classes, too many for tables of both; {IN_RECORD}.")
        return
    record = next((c for c in found.result.cubes if c.name == CONFUSIONS + by[0] or _is_private(c, by)), None)
    if record is None:
        why = "Withheld, because a count in one of them is small, and several tables together would reveal more"
        yield Table(caption, (), (), f"{why}; {IN_RECORD}.")
        return
    counts = _sum_counts(record, by[0])
    for group in groups[:MOST_CONFUSIONS]:
        yield _make_confusion_table(by, group, classes, counts)
    if len(groups) > MOST_CONFUSIONS:
        yield Table(caption, (), (), f"{MOST_CONFUSIONS} of {len(groups):,} groups are shown; {IN_RECORD}.")


def _is_private(record: CubeRecord, by: By) -> bool:
    """Return whether a cube of the private record holds label and prediction of an attribute."""
    names = {a.name for a in record.axes}
    of_rows = record.part == PREDICTIONS and record.kind is CubeKind.CROSSINGS
    return of_rows and {*by, "label", "prediction"} <= names


def _sum_counts(record: CubeRecord, attribute: str) -> dict[tuple[str | None, ...], float]:
    """Return rows by group, label and prediction."""
    at = [[a.name for a in record.axes].index(name) for name in (attribute, "label", "prediction")]
    found: dict[tuple[str | None, ...], float] = {}
    for cell, n in zip(record.cells, record.measures["n"], strict=True):
        key = tuple(record.axes[i].levels[cell[i]] for i in at)
        found[key] = found.get(key, 0.0) + n
    return found


def _make_confusion_table(
    by: By, group: Group, classes: Sequence[str], counts: dict[tuple[str | None, ...], float]
) -> Table:
    names = [clean_text(c, LEVEL_LENGTH) for c in classes]
    return Table(
        caption=f"Confusion table of {name_group(by, group)} (rows: labels; columns: predictions)",
        columns=("Label", *names),
        rows=tuple(
            TableRow(name, tuple(Cell(format_count(counts.get((group[0], label, p), 0.0))) for p in classes))
            for name, label in zip(names, classes, strict=True)
        ),
    )
