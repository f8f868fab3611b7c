"""The runs of the store, and one limit over the versions of a model."""

from __future__ import annotations

import streamlit as st

from audit.record.heads import Entry
from audit.report.dashboard import runs as of
from dashboards import shell


def main() -> None:
    """Draw the page."""
    st.title("Runs", anchor=False)
    entry, entries = shell.get_listed()
    search, verdicts, order = st.columns(3)
    by_id = {e.id: e for e in entries[: shell.MOST_OFFERED]}
    wanted = {
        "search": search.text_input("Search runs", key="find", bind="query-params", max_chars=100),
        "verdicts": verdicts.multiselect("Verdicts", of.list_verdicts(entries), key="verdict", bind="query-params"),
        "order": order.selectbox(
            "Order of runs", list(of.ORDERS), format_func=of.ORDERS.__getitem__, key="sort", bind="query-params"
        ),
        "pinned": st.multiselect(
            "Pinned runs, which stand first",
            list(by_id),
            format_func=lambda one: of.name_run(by_id[one]),
            key="pin",
            bind="query-params",
        ),
        "kept": shell.list_kept(),
    }
    view = of.make_runs_view(entries, **wanted)
    if view.pages > 1:
        number = st.number_input("Page of runs", 1, view.pages, key="page", bind="query-params")
        view = of.make_runs_view(entries, **wanted, page=int(number))
    shell.draw("runs", linked=True, view=view)
    show_trend(entry, entries)


def show_trend(entry: Entry, entries: tuple[Entry, ...]) -> None:
    """Draw one limit over the runs of the model that is shown."""
    limits = of.list_limits(entry) if entry.state == "complete" else {}
    if not limits:
        return
    st.header("One limit over versions", anchor=False)
    limit = st.selectbox("Limit", list(limits), format_func=limits.__getitem__, key="limit", bind="query-params")
    chart = of.draw_trend(entries, entry, limit)
    if chart is None:
        st.markdown(
            "No run of this model has a number for this limit. Runs without a model name are not drawn together."
        )
    else:
        shell.draw("chart", chart=chart)


main()
