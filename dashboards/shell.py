"""What all pages share: the store, the run and what is looked at of it, and how a piece of a page is drawn.

The choices are drawn before the page, so that they stay when the page changes, and stand in the address, so that a link
leads to what is seen. A value that the address has wrong gives way to the default.

Must not: compute; every number, sentence and table comes from `audit`.
"""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from audit.errors import printable
from audit.record.heads import Entry, read_entry
from audit.record.reader import read_result
from audit.record.result import DOCUMENT, AuditResult
from audit.record.store import Store
from audit.report.card.render import make_environment
from audit.report.card.view import Card, make_report_view
from audit.report.dashboard.choices import Choices, list_choices
from audit.report.dashboard.runs import name_run
from audit.system import environment

SHOWN, LISTED = "shown", "listed"
"""Where a session keeps what its pages show, and the runs of the store."""
MOST_OFFERED = 200
"""Runs that the list of runs offers; the page of all runs finds every other."""
MARKUP = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]()<>#+-.!|~$:^=&@/"})
LINKED = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
NOT_LINKED = "\u2060"
"""It joins words without being seen: Markdown makes a link of whatever looks like an address, escaped or not."""
BLANK_LINES = re.compile(r"\n\s*\n+")
FRESH_S = 1.0
"""How long one look at the store serves all sessions; a new run is seen after it."""
MOST_RESULTS = 32
"""Results that are kept in memory; each session reads the same ones, which nothing changes."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the pages of a session show."""

    entry: Entry
    entries: tuple[Entry, ...]
    result: AuditResult
    choices: Choices
    by: tuple[str, ...]
    metric: str


def escape(text: object, limit: int = 1200) -> str:
    """Return text that Markdown shows as it stands, for the labels of Streamlit's own widgets."""
    return LINKED.sub(NOT_LINKED, printable(text, limit)).translate(MARKUP)


def get_store() -> Store:
    """Return the store that the command named."""
    return Store(Path(os.environ.get(environment.STORE, environment.DEFAULT_STORE)))


def list_entries() -> tuple[Entry, ...]:
    """Return every run of the store, newest first; a run is read again only where its document changed.

    Raises
    ------
    StoreError
        When the store cannot be read.
    """
    entries: tuple[Entry, ...] = _list_once(get_store().folder)
    return entries


@st.cache_resource(max_entries=4, ttl=FRESH_S, show_spinner=False)  # type: ignore[untyped-decorator]
def _list_once(folder: Path) -> tuple[Entry, ...]:
    return tuple(_read_entry_once(folder, stamp_document(folder)) for folder in Store(folder).folders())


def stamp_document(folder: Path, name: str = DOCUMENT) -> tuple[int, int]:
    """Return when the document of a run, or another file of it, was changed, and its size; zeros where it has none."""
    try:
        found = os.stat(f"{folder}/{name}")  # noqa: PTH116 - a thousand paths cost more than their files
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


@cache
def _read_entry_once(folder: Path, _stamp: tuple[int, int]) -> Entry:
    from audit.record.heads import make_unfinished_entry

    return make_unfinished_entry(folder) if folder.name.startswith(".") else read_entry(folder)


@st.cache_resource(max_entries=MOST_RESULTS, show_spinner="Reading the run")  # type: ignore[untyped-decorator]
def _read_once(folder: Path, stamp: tuple[int, int]) -> AuditResult:
    del stamp  # Part of the key by which it is kept; Streamlit leaves out what begins with an underscore.
    result = read_result(folder)
    # Streamlit collects garbage after every run of a page; what stays for good is taken out of its way, or each click
    # would pay for all modules and results that are in memory.
    gc.collect()
    gc.freeze()
    return result


def read_run(entry: Entry) -> AuditResult:
    """Return the result of a run, read once for all sessions.

    Raises
    ------
    AuditError
        When its document is damaged.
    """
    result: AuditResult = _read_once(entry.path, stamp_document(entry.path))
    return result


def make_page_view(shown: Shown) -> Card:
    """Return the view of the internal report, made once for all sessions."""
    card: Card = _make_card_once(shown.entry.path, stamp_document(shown.entry.path), shown.result)
    return card


@st.cache_resource(max_entries=MOST_RESULTS, show_spinner=False)  # type: ignore[untyped-decorator]
def _make_card_once(folder: Path, stamp: tuple[int, int], _result: AuditResult) -> Card:
    del folder, stamp
    return make_report_view(_result, 1)


def remember(key: str, options: Sequence[str], default: str) -> None:
    """Put a choice into the session where it holds none: that of the address, else the default.

    Where the session holds what is no option any more, the default takes its place.
    """
    if st.session_state.get(key) not in options:
        asked = st.query_params.get(key) if key not in st.session_state else None
        st.session_state[key] = asked if asked in options else default


def choose(
    label: str,
    key: str,
    options: Sequence[str],
    default: str,
    format_func: Callable[[str], str] = str,
    **more: Any,
) -> str:
    """Return what is chosen of a list; the address says it, so that a link leads to it."""
    remember(key, options, default)
    picked: str = st.selectbox(label, options, key=key, format_func=lambda o: printable(format_func(o), 120), **more)
    if st.query_params.get_all(key) != [picked]:
        st.query_params[key] = picked
    return picked


def show_run_choice(entries: Sequence[Entry]) -> Entry:
    """Draw the list of runs and return the one that is shown; the newest complete one where none is asked for."""
    by_id = {entry.id: entry for entry in entries}
    asked = st.session_state.get("run") or st.query_params.get("run")
    if asked is not None and asked not in by_id:
        st.warning(f"There is no run {escape(asked, 60)} in this store; the newest complete one is shown.")
    default = next((entry.id for entry in entries if entry.state == "complete"), entries[0].id)
    offered = [entry.id for entry in entries[:MOST_OFFERED]]
    offered += [one for one in dict.fromkeys((asked, default)) if one in by_id and one not in offered]
    return by_id[choose("Run", "run", offered, default, lambda run_id: name_run(by_id[run_id]))]


def show_choices(result: AuditResult, run_id: str) -> tuple[Choices, tuple[str, ...], str]:
    """Draw the attribute and the metric, and return them; a run opens on what decided it, until a person chooses."""
    choices = list_choices(result)
    if st.session_state.get("of_run", run_id) != run_id:
        for key in ("by", "metric"):
            if not st.session_state.get(f"{key}_is_chosen"):
                st.session_state.pop(key, None)
                st.query_params.pop(key, None)
    st.session_state["of_run"] = run_id
    if not choices.groupings:
        return choices, (), ""
    by = choose("Attribute", "by", list(choices.groupings), choices.by, on_change=_note, args=("by",))
    metrics = choices.metrics[by]
    first = choices.metric if choices.metric in metrics else metrics[0]
    metric = choose("Metric", "metric", metrics, first, choices.titles.__getitem__, on_change=_note, args=("metric",))
    return choices, choices.groupings[by], metric


def _note(key: str) -> None:
    """Note that a person chose, so that another run keeps the choice."""
    st.session_state[f"{key}_is_chosen"] = True


def get_shown() -> Shown:
    """Return what this session shows; the entry script puts it there before it draws the page."""
    shown: Shown = st.session_state[SHOWN]
    return shown


def get_listed() -> tuple[Entry, tuple[Entry, ...]]:
    """Return the run that is chosen, whatever its state, and all runs."""
    listed: tuple[Entry, tuple[Entry, ...]] = st.session_state[LISTED]
    return listed


def list_kept() -> dict[str, str]:
    """Return the choices of the reader that a link to another run takes along."""
    return {key: str(st.session_state[key]) for key in ("by", "metric") if st.session_state.get(f"{key}_is_chosen")}


def draw(template: str, *, linked: bool = False, **view: object) -> None:
    """Draw a piece of a page from a template of `reports/templates/dashboard`, which escapes every value.

    Parameters
    ----------
    template
        Name of the file without its ending.
    linked
        Whether it has links to pages of the dashboard and no drawing: they open in the same tab.
    view
        What the template shows.
    """
    made = _render(template, **view)
    if linked:
        st.html(f"<div class='evenhand'>{made}</div>")
    else:
        # A blank line ends HTML in Markdown (CommonMark 4.6), and what comes after it is read as Markdown.
        whole = LINKED.sub(NOT_LINKED, BLANK_LINES.sub("\n", made).strip())
        st.markdown(f"<div class='evenhand'>{whole}</div>", unsafe_allow_html=True)


def _render(template: str, **view: object) -> str:
    made: str = make_environment("html").get_template(f"dashboard/{template}.html.j2").render(view)
    return made


def show_notice(title: str, text: str) -> None:
    """Show a page with nothing to draw."""
    st.title(title, anchor=False)
    st.markdown(text)


def offer(label: str, file: Path, name: str, kind: str) -> None:
    """Offer a file of a run, where it is there."""
    if file.is_file():
        st.download_button(label, file.read_bytes, name, kind, on_click="ignore")


def dress() -> None:
    """Give the pages the style of the card, in the theme that the reader has chosen."""
    st.html(_render("style", theme=st.context.theme.type or "light"))
