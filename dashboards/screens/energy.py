"""What one run drew, by phase and component, and what is measured of it."""

from __future__ import annotations

import streamlit as st

from audit.report.card.energy import make_energy_view
from dashboards import shell


def main() -> None:
    """Draw the page."""
    st.title("Energy", anchor=False)
    view = make_energy_view(shell.get_shown().result.energy)
    shell.draw("energy", view=view)
    shell.draw("tables", tables=view.tables, id="energy")


main()
