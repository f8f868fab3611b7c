"""Who is in the data, who is missing, and what the checks found."""

from __future__ import annotations

import streamlit as st

from audit.report.card.view import make_report_view
from dashboards import shell


def main() -> None:
    """Draw the page."""
    st.title("Data", anchor=False)
    shown = shell.get_shown()
    card = make_report_view(shown.result, 1)
    shell.draw("data", card=card)
    shell.draw("checks", checks=card.checks)


main()
