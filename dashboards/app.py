"""The audit dashboard: what all pages share, then the page that is asked for. Started by `audit dashboard`.

No text stands by itself in these files, because Streamlit writes one onto the page (its "magic").
"""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

HERE = Path(__file__).resolve().parent
# In a wheel this folder lies among the assets of `audit` and is no package that is installed.
if str(HERE.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent))

from audit.cli.named_runs import explain_defects  # noqa: E402
from audit.errors import AuditError, printable  # noqa: E402
from audit.record.heads import Entry  # noqa: E402
from dashboards import shell  # noqa: E402

# File and title of each page; a reader begins with the verdict of the newest run.
PAGES = {
    "run": "Run",
    "groups": "Groups",
    "threshold": "Threshold",
    "data": "Data",
    "compare": "Compare",
    "energy": "Energy",
    "evidence": "Evidence",
    "runs": "Runs",
}
# Pages of the store, which need no run that can be read.
OF_STORE = ("Runs",)


def main() -> None:
    """Draw what all pages share, then the page."""
    st.set_page_config(page_title="Evenhand", page_icon=str(HERE / "icon.svg"), layout="wide")
    shell.dress()
    # A page that is open needs the token no more, and addresses stand in histories.
    st.query_params.pop("token", None)
    page = st.navigation(list(map(make_page, PAGES)))
    try:
        entries = shell.list_entries()
    except AuditError as error:
        shell.show_notice("The store cannot be read", shell.escape(error))
        return
    if not entries:
        shell.show_notice(
            "No runs yet",
            f"There are no runs in {shell.escape(shell.get_store().folder)}. Create one with `audit run DIR`, "
            "or try `audit demo`; then load this page again.",
        )
        return
    with st.sidebar:
        entry = shell.show_run_choice(entries)
    st.session_state[shell.LISTED] = (entry, entries)
    if entry.state == "complete":
        show_run(page, entry, entries)
    elif page.title in OF_STORE:
        page.run()
    else:
        show_unfinished(entry)
    with st.sidebar:
        noun = "run" if len(entries) == 1 else "runs"
        place = shell.escape(shell.get_store().folder.name)
        st.markdown(f"{len(entries):,} {noun} in {place}. All counts are shown; visible on this machine only.")
    clean_address()


def clean_address() -> None:
    """Take out of the address what nothing on the page answers to: a choice of another page, or a word misspelt."""
    for name in set(st.query_params) - set(st.session_state):
        st.query_params.pop(name)


def make_page(file: str) -> StreamlitPage:
    """Return a page by the name of its file.

    Their folder must not be called "pages": Streamlit runs what lies in such a folder by itself, without this script.
    """
    return st.Page(HERE / "screens" / f"{file}.py", title=PAGES[file], url_path=file, default=file == next(iter(PAGES)))


def show_run(page: StreamlitPage, entry: Entry, entries: tuple[Entry, ...]) -> None:
    """Draw the choices of a run and the page; where its document is damaged, that is said instead."""
    try:
        result = shell.read_run(entry)
    except AuditError as error:
        if page.title in OF_STORE:
            page.run()
        else:
            shell.show_notice("This run cannot be read", shell.escape(error))
        return
    try:
        with explain_defects(result):
            with st.sidebar:
                choices, by, metric = shell.show_choices(result, entry.id)
            st.session_state[shell.SHOWN] = shell.Shown(entry, entries, result, choices, by, metric)
            page.run()
    except AuditError as error:
        shell.show_notice("This run cannot be shown", shell.escape(error))


def show_unfinished(entry: Entry) -> None:
    """Show a run that has no result."""
    st.title("Incomplete" if entry.state == "incomplete" else "Damaged", anchor=False)
    st.error(f"Nothing was judged: {shell.escape(entry.reason)}.")
    st.markdown(
        f"Run {shell.escape(entry.id)}. The record so far is in {shell.escape(printable(entry.path, 200))}. "
        "Run the audit again for a verdict."
    )


main()
