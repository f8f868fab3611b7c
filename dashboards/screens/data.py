"""Who is in the data, who is missing, and what the checks found."""

from __future__ import annotations

import streamlit as st

from audit.report.dashboard.data import compare_with_population, draw_reversals, select_checks
from dashboards import shell

SECTIONS = {"DB005": "Proxies of a group", "DB007": "Drift between parts"}


def main() -> None:
    """Draw the page."""
    st.title("Data", anchor=False)
    shown = shell.get_shown()
    card = shell.make_page_view(shown)
    shell.draw("data", card=card, chosen=shown.by)
    views = compare_with_population(shown.result)
    if views:
        shell.draw("population", views=views)
    slopes = draw_reversals(shown.result)
    if slopes:
        shell.draw("slopes", views=slopes)
    for code, title in SECTIONS.items():
        found = select_checks(card, code)
        if found:
            shell.draw("findings", checks=found, title=title, id=code.lower())
    shell.draw("checks", checks=card.checks)


main()
