"""A result as Python shows it: HTML for a notebook, one line for ``repr``, a screen for ``print``.

Must not: need a stylesheet, a script or the network.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from audit.config.merging import describe_merge, find_merge
from audit.gates.small_groups import summarise_excluded
from audit.gates.words.wording import count_outcomes, select_run
from audit.report.card.accounts import list_checks
from audit.report.card.limits import LimitView, make_limit_views
from audit.report.card.render import make_environment
from audit.report.card.shapes import EstimateIndex
from audit.report.card.view import describe_tally, write_headline
from audit.report.card.words import BADGES, clean_text
from audit.report.notebook.cells import (
    FINDINGS,
    Gap,
    list_gaps,
    make_checks_table,
    make_flow_table,
    make_gaps_table,
    make_group_table,
    make_limits_table,
    make_models_tables,
    write_value,
)
from audit.report.resources import describe_smallest, find_judged, list_candidates

if TYPE_CHECKING:
    from audit.record.result import AuditResult

WIDTH = 80
MOST_GAPS, MOST_TABLES, MOST_LINES, MOST_CODES = 8, 6, 4, 3
HEADLINE_LINES, POLICY_LINES, LONGEST = 6, 2, 1200


def render_result(result: AuditResult) -> str:
    """Return a piece of HTML that stands on its own; names and reasons are escaped."""
    limits, found = make_limit_views(result), _index_stages(result)
    groups = [(by, make_group_table(f, by)) for f in found for by in f.groupings()]
    flows = [make_flow_table(f, by) for f in found[:1] for by in f.groupings() if len(by) == 1]
    first = [table for by, table in groups if len(by) == 1 and table.rows][: MOST_TABLES // 2]
    gaps = list(chain.from_iterable(map(list_gaps, found[:1])))
    single = [gap for gap in gaps if len(gap.apart.by) == 1]
    beside = [make_gaps_table(single[:MOST_GAPS]), make_checks_table(result.checks)]
    # Where data alone were looked at, their checks are what was asked.
    if not any(f.stage == "model" for f in found):
        beside.reverse()
    crossed = make_gaps_table([gap for gap in gaps if gap not in single][:MOST_GAPS])
    folded = (crossed, *(table for _, table in groups if table not in first))
    return (
        make_environment("html")
        .get_template("notebook.html.j2")
        .render(
            badge=BADGES[result.verdict],
            headline=write_headline(result),
            told=" ".join(filter(None, (describe_tally(result), _tell_checks(result), *_tell_joined(result)))),
            tables=[
                table
                for table in (
                    make_limits_table(limits, _tell_excluded(result)),
                    *make_models_tables(result),
                    *flows,
                    *beside,
                    *first,
                )
                if table.rows
            ],
            sentences=[f"{v.badge.word.upper()}: {v.sentence}" for v in limits],
            more=[table for table in folded if table.rows][:MOST_TABLES],
        )
    )


def _index_stages(result: AuditResult) -> list[EstimateIndex]:
    """Return the estimates of the model, where there are some, and of the data."""
    grouped = {e.stage for e in result.estimates if e.by}
    return [EstimateIndex(result, stage) for stage in ("model", "data") if stage in grouped]


def _tell_checks(result: AuditResult) -> str:
    """Return how all checks ended, the worst first."""
    counted = count_outcomes(c.outcome for c in result.checks)
    return counted and f"Data checks: {counted}."


def _tell_excluded(result: AuditResult) -> str:
    """Return whom the policy excludes from limits."""
    said = summarise_excluded(result.gates, result.question.config)
    return said and clean_text(said, LONGEST)


def _tell_joined(result: AuditResult) -> Iterator[str]:
    """Yield which levels of a group column are joined."""
    for said in describe_merge(find_merge(result.question.config)):
        yield f"Joined levels: {clean_text(said, LONGEST).rstrip('.')}."


def write_line(result: AuditResult) -> str:
    """Return a result in one line."""
    limits = describe_tally(result).rstrip(".") or "no limits"
    codes = list(dict.fromkeys(code for badge, code, *_ in list_checks(result.checks) if badge.kind in FINDINGS))
    listed = ", ".join((*codes[:MOST_CODES], *["…"] * (len(codes) > MOST_CODES)))
    run = len(select_run(result.checks))
    found = count_outcomes(c.outcome for c in result.checks if c.outcome in FINDINGS)
    noun = "check" if run == 1 else "checks"
    word, attention = BADGES[result.verdict].word.upper(), found and f" ({found}: {listed})"
    return f"AuditResult: {word}, {limits}, {len(result.estimates):,} estimates, {run} {noun}{attention}"


def write_screen(result: AuditResult) -> str:
    """Return a result in at most 25 lines of 80 columns."""
    return "\n".join(chain.from_iterable(_list_screen(result)))


def _list_screen(result: AuditResult) -> Iterator[list[str]]:
    said = f"{BADGES[result.verdict].word.upper()}: {write_headline(result)}"
    yield _wrap(said)
    limits = make_limit_views(result)
    if len(limits) > 1:
        yield [*_wrap(f"  {describe_tally(result)}"), "Limits"]
        yield _fit(list(map(_write_limit, limits)))
    if result.edge is not None:
        yield ["Compressed models"]
        yield _fit(list(_list_models(result)))
    for said in filter(None, (_tell_excluded(result), *_tell_joined(result))):
        yield _wrap(f"  {said}", POLICY_LINES, "    ")
    gaps = list(chain.from_iterable(map(list_gaps, _index_stages(result)[:1])))
    if gaps:
        yield ["Largest gaps between groups"]
        yield _fit(list(map(_write_gap, gaps)))
    if result.checks:
        yield [_tell_checks(result)]
        found = [row for row in list_checks(result.checks) if row[0].kind in FINDINGS]
        yield _fit([f"  {code}  {title}" for _, code, title, *_ in found])
    yield ["All numbers: result.to_frame(); pages: result.report(path), result.card(path)"]


def _list_models(result: AuditResult) -> Iterator[str]:
    """Yield the smallest candidate that passes, and a line for each."""
    if result.edge is None:
        return
    yield f"  {describe_smallest(result.edge, find_judged(result))}"
    for _, word, said in list_candidates(result.edge):
        yield f"  {word:<13} {said}"


def _write_limit(v: LimitView) -> str:
    """Return a limit with its numbers first, because that is what is compared."""
    said = f"{v.found} {v.interval}".strip()
    return f"  {v.badge.word.upper():<13} {f'{said}, {v.limit}':<38} {v.title}"


def _write_gap(gap: Gap) -> str:
    """Return a gap with its numbers first, because that is what is compared."""
    said, ends = write_value(gap.apart).text, " v. ".join(dict.fromkeys(gap.ends))
    if ends:
        return f"  {said:<25} {gap.title}: {ends}"
    return f"  {gap.title}: {said}"


def _wrap(text: str, most: int = HEADLINE_LINES, indent: str = "  ") -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, max_lines=most, placeholder=" …")


def _fit(entries: Sequence[str]) -> list[str]:
    """Return the first entries, each in full on as many lines as it takes, and how many more there are."""
    shown: list[str] = []
    left = len(entries)
    for entry in entries[:MOST_LINES]:
        lines = textwrap.wrap(entry, WIDTH, subsequent_indent="      ", break_on_hyphens=False)
        if shown and len(shown) + len(lines) > MOST_LINES + 1:
            break
        shown += lines
        left -= 1
    return [*shown, *_count_rest(left)]


def _count_rest(left: int) -> list[str]:
    return [f"  {left} more"] * (left > 0)
