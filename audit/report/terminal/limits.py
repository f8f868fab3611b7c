"""Limits on a terminal: a row each, the worst first, with what was found, its interval and the limit.

Must not: judge; hide that there are more limits than are shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from audit.errors import printable
from audit.estimate import Estimate, cell_interval, cell_text, grouping_text, join_words, limit_text, p_text
from audit.gates.headline import CHANGED, count_rest
from audit.gates.small_groups import summarise_excluded
from audit.gates.verdicts import order_worst_first
from audit.measurement.metrics.catalogue import CATALOGUE, figure_of, lower_title
from audit.measurement.metrics.kinds import split_comparison
from audit.record.energy_text import SUBJECTS, format_in_cell, format_limit
from audit.record.result import AuditResult, Gate, name_verdict
from audit.report.terminal.lines import Line

MOST_LIMITS = 12
WORD = 14
"""Columns of the word of a verdict."""
INDENT = 2 + WORD
LONGEST_REASON = 160
COUNTS = {"failed": "failed checks", "warned": "checks with findings"}
ENDS = ("lowest", "highest", "largest")
AGAINST = {"overall": ", against overall", "rest": ", against all other groups"}


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    gate: Gate
    name: str
    found: str
    limit: str


def list_limits(
    result: AuditResult, width: int, *, whole: bool = False, more: str = "", most: int = MOST_LIMITS
) -> Iterator[Line]:
    """Yield every limit: one line where the terminal is wide enough, otherwise the numbers under the name.

    Parameters
    ----------
    result
        What was judged.
    width
        Columns of the terminal.
    whole
        Every limit with its name, its sentence and its p-values.
    more
        The command that shows every limit.
    most
        How many are shown, the worst first; of the others it is said how many ended how.
    """
    ordered = order_worst_first(result.gates)
    shown = ordered if whole else ordered[:most]
    if not shown:
        return
    rows = [_Row(g, name_limit(g), _describe_found(g), _describe_limit(g)) for g in shown]
    confidence = 100 * float((result.question.config.get("policy") or {}).get("confidence", 0.95))
    yield from _lay_rows(rows, f"found [{confidence:g}% interval]", width, whole=whole)
    if len(ordered) > len(shown):
        yield Line("  ", f"and {count_rest(ordered[most:])}{f' ({more})' if more else ''}")
    # Two decisions have the same number in the first sentence, in the table and in the limit.
    ends = [end for end in ENDS if any(_reads_end(gate, end) for gate in shown)]
    if ends and (whole or CHANGED in result.estimates.metrics):
        yield Line(
            "  ", f"The interval of the {join_words(ends, 'or')} value allows for all groups, not for one alone."
        )
    if not whole and (said := summarise_excluded(ordered, result.question.config)):
        yield Line("  ", said)


def _lay_rows(rows: Sequence[_Row], head: str, width: int, *, whole: bool) -> Iterator[Line]:
    # Totals may be longer than an interval; they push their limit to the right.
    found = max((cell_len(head), *(cell_len(row.found) for row in rows if _is_rate(row.gate)))) + 1
    names, beside = _choose_name_width(rows, found, width)
    columns = f"{set_cell_size(head, found)}limit"
    yield Line(f"{'Limits':<{INDENT + names}}{columns}" if beside else "Limits", whole=True)
    for row in rows:
        start = f"  {name_verdict(row.gate.verdict):<{WORD}}"
        if row in beside:
            wide = max(cell_len(row.found) + 1, found)
            cells = set_cell_size(row.name, names) + set_cell_size(row.found, wide) + row.limit
            yield Line(start, cells, row.gate.verdict, whole=True)
        else:
            yield Line(start, row.name, row.gate.verdict)
            yield Line(" " * INDENT, f"{row.found}, {row.limit}")
        for said in _explain(row.gate, whole=whole):
            yield Line(" " * INDENT, said)


def _choose_name_width(rows: Sequence[_Row], found: int, width: int) -> tuple[int, list[_Row]]:
    """Return the columns of names with which most rows fit on one line, and these rows; none where most do not fit."""
    behind = {row: max(cell_len(row.found) + 1, found) + cell_len(row.limit) for row in rows}
    choices = {
        names: [row for row in rows if cell_len(row.name) < names and INDENT + names + behind[row] <= width]
        for names in {cell_len(row.name) + blanks for row in rows for blanks in (1, 2)}
    }
    names = max(choices, key=lambda names: (len(choices[names]), names))
    if 2 * len(choices[names]) > len(rows):
        return (names, choices[names])
    return (0, [])


def _is_rate(gate: Gate) -> bool:
    return gate.estimate is not None and gate.estimate.stage in {"model", "data"}


def _reads_end(gate: Gate, end: str) -> bool:
    """Return whether a limit has an interval of this end: beside that of the group it looks like a second one of it."""
    kind = None if gate.estimate is None else split_comparison(gate.estimate.compare)[0]
    return kind == end and (gate.low is not None or gate.high is not None)


def _explain(gate: Gate, *, whole: bool) -> Iterator[str]:
    """Yield why there is no number; where all is asked for, the sentence, the name for waivers, and p-values."""
    e = gate.estimate
    if not whole:
        if e is None or e.value is None:
            yield _name_absence(e)
        return
    yield gate.sentence
    told = [f"name: {printable(gate.name)}"]
    if gate.p_value is not None:
        told.append(f"one-sided p-value {p_text(gate.p_value)}")
    if gate.p_holm is not None:
        told.append(f"Holm-corrected {p_text(gate.p_holm)}")
    yield "; ".join(told)


def name_limit(gate: Gate) -> str:
    """Return what a limit is on, in words: lowest selection rate by race × sex."""
    e = gate.estimate
    if e is None:
        return printable(gate.name)
    if e.stage == "checks":
        return COUNTS.get(e.metric, f"findings of {printable(e.metric, 20)}")
    if e.stage == "energy":
        return lower_title(SUBJECTS[e.metric])
    kind, everybody = split_comparison(e.compare)
    extreme = f"{kind} " if kind in ENDS else ""
    by = f" by {grouping_text(e.by)}" if e.by else ""
    part = " (data)" if e.stage == "data" else ""
    return f"{extreme}{name_metric(e.metric)}{by}{AGAINST[everybody] if everybody else ''}{part}"


def name_metric(metric: str) -> str:
    """Return a metric as it stands within a line: its title, its first word in small letters unless it is initials."""
    entry = CATALOGUE.find(metric)
    if entry is None:
        return metric.replace("_", " ")
    return lower_title(entry.title)


def _describe_found(gate: Gate) -> str:
    """Return what was found with its interval; why there is nothing stands under it."""
    e = gate.estimate
    if e is None or e.value is None:
        if e is not None and e.status == "suppressed":
            return "withheld"
        return "undefined"
    if e.stage == "checks":
        return f"{e.value:,.0f} of {e.n or 0:,.0f}"
    if e.stage == "energy":
        return format_in_cell(e)
    figure, limit = figure_of(e.metric, e.compare), gate.limit
    # The unit of points stands beside the limit.
    value = cell_text(e.value, figure, limit=limit).removesuffix(" points")
    interval = "" if e.low is None and e.high is None else cell_interval(gate.low, gate.high, figure, limit=limit)
    return f"{value} {interval}".rstrip()


def _describe_limit(gate: Gate) -> str:
    e, limit = gate.estimate, gate.limit
    side = "min" if gate.min is not None else "max"
    if limit is None:
        return ""
    if e is None or e.stage == "checks":
        return f"{side} {limit:,g}"
    if e.stage == "energy":
        return f"{side} {format_limit(limit, e.metric)}"
    return f"{side} {limit_text(limit, figure_of(e.metric, e.compare))}"


def _name_absence(estimate: Estimate | None) -> str:
    """Return why there is no number."""
    if estimate is None:
        return "not measured"
    return printable((estimate.reason or "no reason was recorded").removeprefix("0/0: "), LONGEST_REASON)
