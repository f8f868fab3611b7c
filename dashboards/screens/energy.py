"""What one run drew, by phase and component, what is measured of it, and what earlier runs drew."""

from __future__ import annotations

import streamlit as st

from audit.report.card.energy import make_energy_view
from audit.report.dashboard.energy import compare_energy
from dashboards import shell


def main() -> None:
    """Draw the page."""
    st.title("Energy", anchor=False)
    shown = shell.get_shown()
    view = make_energy_view(shown.result.energy)
    shell.draw("energy", view=view)
    shell.draw("earlier", view=compare_energy(shown.entry, shown.entries))
    shell.draw("tables", tables=view.tables, id="energy")


main()
