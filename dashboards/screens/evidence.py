"""What supports the verdict: what recomputing it found, waivers, where it comes from, and the documents."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from audit.errors import AuditError
from audit.faults.drill import DRILL
from audit.pipeline.verify import Verified, verify_document
from audit.record.result import DOCUMENT, AuditResult
from audit.report.card.drill import DrillView
from audit.report.dashboard.evidence import find_drill, make_evidence_view, say_how_to_drill
from dashboards import shell

OFFERED = (
    ("report.html", "Internal report", "text/html"),
    ("card.html", "Card", "text/html"),
    ("card.md", "Card as Markdown", "text/markdown"),
    (DOCUMENT, "Record (audit.json)", "application/json"),
)


def main() -> None:
    """Draw the page."""
    st.title("Evidence", anchor=False)
    shown = shell.get_shown()
    folder = shown.entry.path
    try:
        verified = verify_once(folder, stamp_files(folder), shown.result)
    except AuditError as error:
        verified = Verified((str(error),), (), ())
    shell.draw("evidence", view=make_evidence_view(shown.result, verified.wrong, verified.cards, verified.unchecked))
    show_drill(shown)
    st.header("Documents", anchor=False)
    for name, label, kind in OFFERED:
        # A link may lead to a file of somebody else, which would then be handed out as a card.
        if (folder / name).is_symlink():
            st.markdown(f"{label} is not offered: it is a link, which may lead out of the store.")
        else:
            shell.offer(label, folder / name, f"{shown.entry.id}-{name}", kind)


@st.cache_resource(max_entries=64, show_spinner="Recomputing the record from its counts")  # type: ignore[untyped-decorator]
def verify_once(folder: Path, stamps: tuple[tuple[str, int, int], ...], _result: AuditResult) -> Verified:
    """Recompute a run once for all sessions."""
    del stamps  # Part of the key by which it is kept: the cards beside the record are compared too.
    return verify_document(_result, folder / DOCUMENT)


def stamp_files(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return name, time of change and size of every file of a run."""
    return tuple(sorted((p.name, *shell.stamp_document(folder, p.name)) for p in folder.iterdir()))


def show_drill(shown: shell.Shown) -> None:
    """Draw which faults the limits of the run find, or say how to find out."""
    folder = shown.entry.path
    try:
        stamps = (shell.stamp_document(folder), shell.stamp_document(folder, DRILL))
        drill = find_drill_once(folder, stamps, shown.result)
    except AuditError as error:
        st.error(shell.escape(error))
        return
    shell.draw("drill", drill=drill, nothing=say_how_to_drill(shown.result))


@st.cache_resource(max_entries=64, show_spinner=False)  # type: ignore[untyped-decorator]
def find_drill_once(folder: Path, stamps: tuple[tuple[int, int], ...], _result: AuditResult) -> DrillView | None:
    """Read the drill of a run once for all sessions; again where it or the document changed."""
    del stamps
    return find_drill(folder, _result)


main()
