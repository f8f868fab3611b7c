"""Who is in the data, who is missing, and what the checks found."""

from __future__ import annotations

import streamlit as st

from dashboards import shell


def main() -> None:
    """Draw the page."""
    st.title("Data", anchor=False)
    shown = shell.get_shown()
    card = shell.make_page_view(shown)
    shell.draw("data", card=card)
    shell.draw("checks", checks=card.checks)


main()
