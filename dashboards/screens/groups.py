"""One metric of every group of one attribute."""

from __future__ import annotations

import streamlit as st

from audit.report.dashboard import groups as of
from dashboards import shell


def main() -> None:
    """Draw the page."""
    st.title("Groups", anchor=False)
    shown = shell.get_shown()
    if not shown.by:
        st.info("This run measured no groups. Name their columns in [data] groups of audit.toml.")
        return
    named = of.list_groups(shown.result, shown.choices, shown.by, shown.metric)
    order, search, reference = st.columns(3)
    orders = list(of.ORDERS)
    asked = of.Asked(
        order=order.selectbox("Order", orders, format_func=of.ORDERS.__getitem__, key="order", bind="query-params"),
        search=search.text_input("Search groups", key="search", bind="query-params", max_chars=100),
        reference=named.get(
            reference.selectbox(
                "Compare with", list(named), index=None, placeholder="no group", key="reference", bind="query-params"
            )
        ),
    )
    view = of.make_groups_view(shown.result, shown.choices, shown.by, shown.metric, asked)
    if view.pages > 1:
        number = st.number_input("Page of groups", 1, view.pages, key="page", bind="query-params")
        asked = of.Asked(asked.order, asked.search, int(number), asked.reference)
        view = of.make_groups_view(shown.result, shown.choices, shown.by, shown.metric, asked)
    shell.draw("groups", view=view)
    shell.draw("tables", tables=[view.table], id="rates")
    st.download_button("Download all groups as CSV", view.csv, "groups.csv", "text/csv", on_click="ignore")
    show_outcomes(shown, named)
    if st.toggle("All metrics and differences of this attribute", key="all", bind="query-params"):
        grouping = of.find_grouping(shell.make_page_view(shown), shown.choices, shown.by)
        if grouping is not None:
            shell.draw("grouping", grouping=grouping)


def show_outcomes(shown: shell.Shown, named: dict[str, tuple[str | None, ...]]) -> None:
    """Draw the confusion table of the group that is chosen."""
    first = next(iter(named), None)
    if first is None or of.tabulate_outcomes(shown.result, shown.by, named[first]) is None:
        return
    group = st.selectbox("Labels and predictions of", list(named), key="group", bind="query-params")
    table = of.tabulate_outcomes(shown.result, shown.by, named[group])
    shell.draw("tables", tables=[table] if table is not None else [], id="outcomes")


main()
