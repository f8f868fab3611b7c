"""A result and a comparison as Python shows them: HTML for a notebook, one line for ``repr``, a screen for ``print``.

Must not: need a stylesheet, a script or the network.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from audit.gates.judge import WORST_FIRST
from audit.report.card.accounts import list_checks
from audit.report.card.lookup import EstimateIndex
from audit.report.card.render import make_environment
from audit.report.card.view import describe_tally, write_headline
from audit.report.card.words import BADGES, Badge, clean_text
from audit.report.notebook.cells import (
    FINDINGS,
    Cell,
    Gap,
    Table,
    list_gaps,
    make_checks_table,
    make_gaps_table,
    make_group_table,
    make_limits_table,
    name_limit,
    write_found,
    write_limit,
    write_value,
)

if TYPE_CHECKING:
    from audit.record.compare import Comparison
    from audit.record.result import AuditResult, Gate

WIDTH = 80
MOST_GAPS, MOST_TABLES, MOST_LINES, MOST_CODES = 8, 6, 4, 3
HEADLINE_LINES = 6


@dataclass(frozen=True, slots=True)
class ResultView:
    """All that a notebook shows of a result, in the order in which it is read."""

    badge: Badge
    headline: str
    tally: str
    tables: tuple[Table, ...]
    sentences: tuple[str, ...]
    """Every limit in words."""
    checks: str
    """How many checks ended how."""
    more: tuple[Table, ...]
    """Tables that are folded."""


def render_result(result: AuditResult) -> str:
    """Return a piece of HTML that stands on its own; names and reasons are escaped."""
    return make_environment("html").get_template("notebook.html.j2").render(result=make_result_view(result))


def make_result_view(result: AuditResult) -> ResultView:
    """Return what a notebook shows of a result."""
    gates = _order(result.gates)
    found = _index_stages(result)
    gaps = list_gaps(found[0]) if found else []
    single = [gap for gap in gaps if len(gap.apart.by) == 1] or gaps
    groups = [(by, table) for f in found for by in f.groupings() if (table := make_group_table(f, by))]
    first = [table for by, table in groups if len(by) == 1][: MOST_TABLES // 2]
    folded = [make_gaps_table(gaps[:MOST_GAPS])] if len(gaps) > len(single) else []
    beside = [make_gaps_table(single[:MOST_GAPS])] if gaps else []
    beside += [make_checks_table(result.checks)] if count_findings(result) else []
    # Where data alone were looked at, their checks are what was asked.
    if found and found[0].stage == "data":
        beside.reverse()
    return ResultView(
        badge=BADGES[result.verdict],
        headline=write_headline(result),
        tally=describe_tally(result),
        tables=(*([make_limits_table(gates)] if gates else []), *beside, *first),
        sentences=tuple(f"{BADGES[g.verdict].word.upper()}: {clean_text(g.sentence, 1200)}" for g in gates),
        checks=f"Data checks: {', '.join(count_checks(result))}." if result.checks else "",
        more=tuple(chain(folded, (table for _, table in groups if table not in first)))[:MOST_TABLES],
    )


def _order(gates: Sequence[Gate]) -> list[Gate]:
    return sorted(gates, key=lambda g: WORST_FIRST.index(g.verdict))


def _index_stages(result: AuditResult) -> list[EstimateIndex]:
    """Return the estimates of the model, where there are some, and of the data."""
    grouped = {e.stage for e in result.estimates if e.by}
    return [EstimateIndex(result, stage) for stage in ("model", "data") if stage in grouped]


def count_findings(result: AuditResult) -> int:
    """Return how many checks need attention."""
    return sum(c.outcome in FINDINGS for c in result.checks)


def count_checks(result: AuditResult) -> Iterator[str]:
    """Yield how many checks ended how, the worst first."""
    counted = Counter(c.outcome for c in result.checks)
    for outcome in (*FINDINGS, "pass", "not applicable"):
        if counted[outcome]:
            yield f"{counted[outcome]} {_write_outcome(outcome, counted[outcome])}"


def _write_outcome(outcome: str, n: int) -> str:
    """Return an outcome of checks as it stands after their number."""
    words = {"fail": ("fails", "fail"), "warn": ("warning", "warnings"), "pass": ("passes", "pass")}
    return words.get(outcome, (BADGES[outcome].word.lower(),) * 2)[n > 1]


def write_line(result: AuditResult) -> str:
    """Return a result in one line."""
    limits = describe_tally(result).rstrip(".") if result.gates else "no limits"
    codes = [code for badge, code, *_ in list_checks(result.checks) if badge.kind in FINDINGS]
    named = list(dict.fromkeys(codes))
    listed = ", ".join((*named[:MOST_CODES], *(["…"] if len(named) > MOST_CODES else [])))
    found = [said for said in count_checks(result) if not said.endswith(("pass", "passes", "applicable"))]
    noun = "check" if len(result.checks) == 1 else "checks"
    attention = f" ({', '.join(found)}: {listed})" if codes else ""
    word = BADGES[result.verdict].word.upper()
    return f"AuditResult: {word}, {limits}, {len(result.estimates):,} estimates, {len(result.checks)} {noun}{attention}"


def write_screen(result: AuditResult) -> str:
    """Return a result in at most 25 lines of 80 columns."""
    return "\n".join(chain.from_iterable(_list_screen(result)))


def _list_screen(result: AuditResult) -> Iterator[list[str]]:
    said = f"{BADGES[result.verdict].word.upper()}: {write_headline(result)}"
    yield textwrap.wrap(said, WIDTH, subsequent_indent="  ", max_lines=HEADLINE_LINES, placeholder=" …")
    gates = _order(result.gates)
    if len(gates) > 1:
        yield [f"  {describe_tally(result)}", "Limits"]
        yield [_cut(_write_gate(g)) for g in gates[:MOST_LINES]] + _count_rest(len(gates) - MOST_LINES)
    gaps = [gap for found in _index_stages(result)[:1] for gap in list_gaps(found)]
    if gaps:
        yield ["Largest gaps between groups"]
        yield [*(_cut(_write_gap(g)) for g in gaps[:MOST_LINES]), *_count_rest(len(gaps) - MOST_LINES)]
    if result.checks:
        yield [f"Data checks: {', '.join(count_checks(result))}"]
        found = [row for row in list_checks(result.checks) if row[0].kind in FINDINGS]
        yield [*(_cut(f"  {code}  {title}") for _, code, title, *_ in found[:MOST_LINES])]
        yield _count_rest(len(found) - MOST_LINES)
    yield ["All numbers: result.to_frame(); every page: result.report(path), result.card(path)"]


def _write_gate(gate: Gate) -> str:
    word = BADGES[gate.verdict].word.upper()
    return f"  {word:<13} {f'{write_found(gate)}, {write_limit(gate)}':<38} {name_limit(gate)}"


def _write_gap(gap: Gap) -> str:
    """Return a gap with its numbers first, because a line is cut at its end."""
    return f"  {write_value(gap.apart).text:<25} {gap.title}: {' v. '.join(gap.ends)}"


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 2]} …"


def _count_rest(left: int) -> list[str]:
    return [f"  {left} more"] if left > 0 else []


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """All that a notebook shows of a comparison."""

    runs: str
    verdicts: str
    notes: tuple[str, ...]
    tables: tuple[Table, ...]


def render_comparison(found: Comparison) -> str:
    """Return a piece of HTML that stands on its own; names are escaped."""
    return make_environment("html").get_template("comparison.html.j2").render(found=make_comparison_view(found))


def make_comparison_view(found: Comparison) -> ComparisonView:
    """Return what a notebook shows of a comparison."""
    from audit.record import compare as of

    differ = (
        ""
        if of.have_same_question(found)
        else "The two have different configurations; only what both measured is compared."
    )
    left = len(found.beyond) - of.MOST_CHANGES
    gates = (
        (
            Cell(clean_text(g.name)),
            Cell(of.describe_gate(g.old)),
            Cell(of.describe_gate(g.new)),
            Cell("" if g.same else "changed"),
        )
        for g in found.gates
    )
    rates = (
        (
            Cell(of.describe_rate(c.old)),
            Cell(of.describe_value(c.old)),
            Cell(of.describe_value(c.new)),
            Cell(of.write_change(c)),
        )
        for c in found.beyond[: of.MOST_CHANGES]
    )
    tables = (
        Table("Limits", ("Limit", "First", "Second", ""), tuple(gates)),
        Table(
            "Rates that changed beyond chance, the largest change first",
            ("Rate", "First", "Second", "Change [interval]"),
            tuple(rates),
            f"{left} more; to_frame() has them all." if left > 0 else "",
        ),
    )
    counted = f"{'; '.join(of.count_changes(found))} ({of.explain_chance(found)})."
    return ComparisonView(
        runs=f"{clean_text(found.old.run.id)} -> {clean_text(found.new.run.id)}",
        verdicts=of.write_verdicts(found),
        notes=tuple(note for note in (differ, counted, *of.describe_unshared(found)) if note),
        tables=tuple(table for table in tables if table.rows),
    )
