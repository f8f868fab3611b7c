"""Two to four runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from audit.errors import AuditError, printable
from audit.pipeline.two_runs.paired_runs import PairedRuns, can_be_paired, describe_pairing, pair_runs
from audit.record.heads import Entry
from audit.record.result import AuditResult
from audit.report.dashboard import compare as of
from audit.report.dashboard.runs import name_run
from dashboards import shell

# Runs beside the one that is shown.
MOST = 3
# Characters of a run's id that its name ends with.
END = 6


def main() -> None:
    """Draw the page."""
    st.title("Compare", anchor=False)
    shown = shell.get_shown()
    others = list_others(shown)
    if not others:
        st.info("There is no other complete run in this store to compare with.")
        return
    picked = st.multiselect(
        "Compare the run shown with",
        list(others),
        default=[find_before(shown)],
        format_func=lambda one: name_run(others[one]),
        max_selections=MOST,
        key="with",
        bind="query-params",
    )
    read = read_all([others[one] for one in picked])
    is_asked = any(can_be_paired(result, shown.result) for _, result in read) and st.toggle(
        "Show what changed row by row (reads the tables)", key="rows", bind="query-params"
    )
    for i, (entry, result) in enumerate(read):
        is_paired = is_asked and can_be_paired(result, shown.result)
        paired, reason = pair(shown, entry, result) if is_paired else (None, "")
        rows = None if paired is None else of.make_rows_view(paired.result, describe_pairing(paired))
        view = of.make_compare_view(result, shown.result, name_run(entry))
        shell.draw("compare", view=view, rows=rows, reason=reason, id=f"c{i}")
    if read:
        results = [(name_run(entry), result) for entry, result in ((shown.entry, shown.result), *read)]
        shell.draw("beside", view=of.make_limits_view(results))


def read_all(entries: Sequence[Entry]) -> list[tuple[Entry, AuditResult]]:
    """Return the results of some runs; of one that is damaged, that is said."""
    read = []
    for entry in entries:
        try:
            read.append((entry, shell.read_run(entry)))
        except AuditError as error:
            st.error(f"Run {shell.escape(entry.id)} cannot be read: {shell.escape(error)}")
    return read


def list_others(shown: shell.Shown) -> dict[str, Entry]:
    """Return the complete runs to compare with, by id: the newest, the one before, and those that the address names."""
    complete = {e.id: e for e in shown.entries if e.state == "complete" and e.id != shown.entry.id}
    offered = list(complete)[: shell.MOST_OFFERED]
    if complete:
        # A name of a run ends as its id does.
        ends = {named[-END:] for named in st.query_params.get_all("with")}
        offered += [find_before(shown), *(one for one in complete if one[-END:] in ends)]
    return {one: complete[one] for one in offered if one in complete}


def find_before(shown: shell.Shown) -> str:
    """Return the complete run before the one that is shown, of the same model where there is one."""
    # Looked for once: in a store of ten thousand runs, a look for the place of each one takes a quarter of a minute.
    at = shown.entries.index(shown.entry)
    older = [e for e in shown.entries[at + 1 :] if e.state == "complete"]
    older = older or [e for e in shown.entries[:at] if e.state == "complete"]
    return next((e for e in older if e.model == shown.entry.model), older[0]).id


def pair(shown: shell.Shown, other: Entry, result: AuditResult) -> tuple[PairedRuns | None, str]:
    """Return what changed row by row, or why it cannot be said."""
    sides = [(other, result), (shown.entry, shown.result)]
    (before, old), (after, new) = sorted(sides, key=lambda side: side[1].run.started)
    stamps = [shell.stamp_document(entry.path) for entry in (before, after)]
    try:
        paired: PairedRuns = pair_once(before.path, after.path, *stamps, old, new)
    except AuditError as error:
        return None, printable(f"Not compared row by row: {error}", 600)
    return paired, ""


@st.cache_resource(max_entries=16, show_spinner="Reading both tables")  # type: ignore[untyped-decorator]
def pair_once(
    before: Path,
    after: Path,
    stamp_before: tuple[int, int],
    stamp_after: tuple[int, int],
    _result: AuditResult,
    _shown: AuditResult,
) -> PairedRuns:
    """Compare two runs row by row once for all sessions; their tables lie beside the store, or in this folder."""
    del stamp_before, stamp_after
    return pair_runs(_result, _shown, (before.parent.parent, after.parent.parent))


main()
