"""Two to four runs side by side."""

from __future__ import annotations

import streamlit as st

from audit.errors import AuditError
from audit.report.dashboard import compare as of
from audit.report.dashboard.runs import name_run
from dashboards import shell

# Runs beside the one that is shown.
MOST = 3


def main() -> None:
    """Draw the page."""
    st.title("Compare", anchor=False)
    shown = shell.get_shown()
    others = {e.id: e for e in shown.entries[: shell.MOST_OFFERED] if e.state == "complete" and e.id != shown.entry.id}
    if not others:
        st.info("There is no other complete run in this store to compare with.")
        return
    picked = st.multiselect(
        "Compare the run shown with",
        list(others),
        default=[shell.find_before(shown)],
        format_func=lambda one: name_run(others[one]),
        max_selections=MOST,
        key="with",
        bind="query-params",
    )
    results = [(name_run(shown.entry), shown.result)]
    for i, one in enumerate(picked):
        try:
            result = shell.read_run(others[one])
        except AuditError as error:
            st.error(f"This run cannot be read: {shell.escape(error)}")
            continue
        results.append((name_run(others[one]), result))
        shell.draw("compare", view=of.make_compare_view(result, shown.result, results[-1][0]), id=f"c{i}")
    if len(results) > 1:
        shell.draw("tables", tables=[of.tabulate_limits(results)], id="limits")


main()
