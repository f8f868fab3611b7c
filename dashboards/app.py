"""The audit dashboard: one run's verdict first, then what it rests on.

It draws a result; every number, sentence and table comes from `audit`. Started by `audit dashboard`, which names the
store in the environment. Names from the data pass through `escape`, because most of Streamlit reads Markdown.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import altair as alt
import pandas as pd
import streamlit as st

from audit.errors import AuditError, printable
from audit.estimate import Estimate, Stage
from audit.measurement.metrics.catalogue import figure_of
from audit.record.energy import EnergyComponent
from audit.record.heads import Entry, find_gate_figure
from audit.record.reader import read_result
from audit.record.result import DOCUMENT, AuditResult, Energy
from audit.record.store import Store
from audit.report.card.accounts import list_checks, make_part_view
from audit.report.card.charts import Flow
from audit.report.card.dataset import make_data_groupings
from audit.report.card.energy import make_energy_view
from audit.report.card.groups import find_limit_lines, make_model_groupings
from audit.report.card.limits import LimitView, make_limit_views
from audit.report.card.lookup import By, EstimateIndex
from audit.report.card.shapes import GroupingView, Table
from audit.report.card.tables.models import make_models_view
from audit.report.card.view import describe_tally, write_headline
from audit.report.card.words import (
    BADGES,
    Cell,
    make_estimate_cell,
    make_title,
    name_group,
    name_grouping,
)
from audit.report.resources import find_judged
from audit.system import environment

STORE = Path(os.environ.get(environment.STORE, environment.DEFAULT_STORE))
ICON = Path(__file__).with_name("icon.svg")
TONES = {
    "pass": "green",
    "known": "blue",
    "waived": "blue",
    "fail": "red",
    "incomplete": "red",
    "insufficient": "orange",
    "undefined": "violet",
    "withheld": "violet",
    "not judged": "gray",
    "damaged": "red",
}
BOXES = {
    "pass": st.success,
    "fail": st.error,
    "incomplete": st.error,
    "insufficient": st.warning,
    "undefined": st.warning,
    "withheld": st.warning,
    "known": st.warning,
    "waived": st.info,
    "not judged": st.info,
}
SHAPES = {kind: badge.shape for kind, badge in BADGES.items()} | {"damaged": "!"}
WORDS = {kind: badge.word for kind, badge in BADGES.items()} | {"damaged": "Damaged"}
NOT_AUDITED = {
    "model": "No predictions were audited in this run.",
    "data": "The training data were not audited in this run.",
}
INK, LIMIT = "#1f5c6e", "#b3261e"
METHODS = {"counter": INK, "sampled": "#7fb0bf", "model": "#c9b458", "constant": "#b0702c", "declared": "#8a8f98"}
UNNAMED = {"complete": "Unnamed model", "incomplete": "No result yet", "damaged": "No result"}
NO_BREAK, SHORT_NOTE = "\u00a0", 32
MARKUP = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]()<>#+-.!|~$:^=&@/"})
LINKED = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
# It joins words without being seen: Markdown makes a link of whatever looks like an address, escaped or not. No text
# stands by itself in this file, because Streamlit writes one onto the page (its "magic").
NOT_LINKED = "\u2060"
AXES, LEAST = {"share": ".0%", "points": ".1%"}, {"points": 0.0}
MOST_DRAWN, MOST_RUNS = 40, 200
ROW_PX, BAR_PX, LABEL_PX, AXIS_PX = 46, 30, 16, 44
PAGE = """<style>
.stMainBlockContainer { max-width: 70rem; padding-top: 3.5rem; }
section[data-testid="stSidebar"] [data-testid="stRadio"] label { padding-bottom: .35rem; }
[data-testid="stCaptionContainer"] { color: #454b54 !important; opacity: 1 !important; }
[data-testid="stCaptionContainer"] p { color: #454b54 !important; }
@media (max-width: 40rem) {
  .st-key-gates table { table-layout: fixed; width: 100%; font-size: .78rem; }
  .st-key-gates th, .st-key-gates td { padding: .3rem .2rem !important; overflow-wrap: anywhere; white-space: normal; }
}
</style>"""


def escape(text: object, limit: int = 1200) -> str:
    """Return text that Markdown shows as it stands."""
    return LINKED.sub(NOT_LINKED, printable(text, limit)).translate(MARKUP)


def main() -> None:
    """Draw the page."""
    st.set_page_config(page_title="Evenhand", page_icon=str(ICON), layout="wide")
    st.html(PAGE)
    # A page that is open needs the token no more, and addresses stand in histories.
    st.query_params.pop("token", None)
    try:
        entries = Store(STORE).runs(MOST_RUNS)
    except AuditError as error:
        show_notice("The store cannot be read", escape(error))
        return
    if not entries:
        show_notice(
            "No runs yet",
            f"There are no runs in {escape(STORE)}. Create one with `audit run DIR`, or try `audit demo`; "
            "then load this page again.",
        )
        return
    entry = choose(entries)
    if entry.state != "complete":
        show_unfinished(entry)
        return
    try:
        result = read_once(entry.path, (entry.path / DOCUMENT).stat().st_mtime_ns)
    except (AuditError, OSError) as error:
        show_notice("This run cannot be read", escape(error))
        return
    draw_run(result, entry.path)


@st.cache_resource(max_entries=8, show_spinner=False)  # type: ignore[untyped-decorator] # streamlit is not followed
def read_once(folder: Path, _changed_ns: int) -> AuditResult:
    """Return the result of a run, read once; a result is immutable."""
    return read_result(folder)


def show_notice(title: str, text: str) -> None:
    """Show a page with nothing to draw."""
    st.title(title, anchor=False)
    st.markdown(text)


def show_unfinished(entry: Entry) -> None:
    """Show a run that has no result."""
    word = "Incomplete" if entry.state == "incomplete" else "Damaged"
    st.title(f":red[{escape(SHAPES[entry.state])}] {word}", anchor=False)
    st.caption(f"Run {escape(entry.id)}, started {escape(format_moment(entry.started))}")
    st.error(f"Nothing was judged: {escape(entry.reason)}.")
    st.markdown(f"The record so far is in {escape(entry.path)}. Run the audit again for a verdict.")


def choose(entries: Sequence[Entry]) -> Entry:
    """Return the run picked in the sidebar; the address names it, so a link leads to it."""
    ids, by_id = [e.id for e in entries], {e.id: e for e in entries}
    asked = st.query_params.get("run")
    if asked is not None and asked not in by_id:
        st.warning(f"There is no run {escape(asked, 60)} in this store; the newest one is shown.")

    def label(run_id: str) -> str:
        entry = by_id[run_id]
        state = entry.verdict or entry.state
        # Two equal labels would be one option to the browser, which then marks the wrong run.
        return f":{TONES[state]}[{escape(SHAPES[state])}] **{escape(WORDS[state])}** {escape(run_id[-6:])}"

    with st.sidebar:
        st.subheader("Runs", anchor=False)
        captions = [f"{escape(name_model(e), 40)}  \n{escape(describe_entry(e))}" for e in entries]
        index = ids.index(asked) if asked in by_id else 0
        picked = st.radio("Run", ids, index=index, format_func=label, captions=captions, label_visibility="collapsed")
        newest = "The newest " if len(ids) == MOST_RUNS else ""
        noun = "run" if len(ids) == 1 else "runs"
        st.caption(f"{newest}{len(ids)} {noun} in {escape(STORE.name)}. Visible on this machine only.")
    st.query_params["run"] = picked
    return by_id[picked]


def name_model(entry: Entry) -> str:
    """Return model and version of a run."""
    named = " ".join(text for text in (entry.model, entry.model_version) if text)
    return named or UNNAMED[entry.state]


def describe_entry(entry: Entry) -> str:
    """Return what decided a run, and when it was: race 0.74, 2026-11-30 02:01 UTC."""
    figure = find_gate_figure(entry.path, entry.verdict)
    return ", ".join(text for text in (figure, format_moment(entry.started)) if text)


def format_moment(text: str | None) -> str:
    """Return UTC time to the minute."""
    return f"{(text or 'unknown')[:16].replace('T', ' ')} UTC"


def draw_run(result: AuditResult, folder: Path) -> None:
    """Draw one run."""
    model, badge = result.question.config.get("model") or {}, BADGES[result.verdict]
    name = escape(" ".join(str(model[key]) for key in ("name", "version") if model.get(key)) or "Unnamed model", 120)
    st.caption(f"{name} · {escape(format_moment(result.run.started))} · run {escape(result.run.id)}")
    st.title(f":{TONES[result.verdict]}[{escape(badge.shape)}] {badge.word}", anchor=False)
    counted = describe_tally(result)
    BOXES[result.verdict](f"**{escape(write_headline(result))}**" + (f"\n\n{escape(counted)}" if counted else ""))
    with st.container(key="gates"):
        show_limits(make_limit_views(result))
    model_tab, data_tab, checks_tab, energy_tab = st.tabs(["Model", "Data", "Checks", "Energy"])
    with model_tab:
        show_compressed(result)
        show_stage(result, "model", make_model_groupings(result), "selection_rate")
    with data_tab:
        for part in map(make_part_view, result.data):
            st.markdown(f"**{escape(part.title)}.** {escape(f'{part.sentence} {part.missing}'.strip())}")
        show_stage(result, "data", make_data_groupings(result), "base_rate")
    with checks_tab:
        show_checks(result)
    with energy_tab:
        show_energy(result.energy)
    card = folder / "card.html"
    if card.is_file():
        st.download_button("Save the card", card.read_bytes(), f"card-{result.run.id}.html", "text/html")


def show_limits(limits: Sequence[LimitView]) -> None:
    """Show every limit with its verdict and what was found."""
    rows = [
        {
            "Verdict": f":{TONES[v.badge.kind]}[{escape(v.badge.shape)}] {v.badge.word}",
            "Limit on": escape(v.name),
            "Found": escape(f"{v.found} {v.interval}".strip()),
            "Limit": escape(v.limit),
            "Rows needed": escape(v.needed.removesuffix(" rows would decide")) if v.needed else "",
        }
        for v in limits
    ]
    show_rows(rows)


def show_stage(result: AuditResult, stage: Stage, views: Sequence[GroupingView], first: str) -> None:
    """Show one rate per group as a drawing with the line of its gate, then all rates and gaps as tables."""
    found = EstimateIndex(result, stage)
    groupings = found.groupings()
    if not groupings:
        st.info(NOT_AUDITED[stage])
        return
    left, right = st.columns(2)
    by = left.selectbox("Groups", groupings, key=f"{stage}-by", format_func=name_grouping)
    metrics = list_drawable(found, by)
    index = metrics.index(first) if first in metrics else 0
    metric = right.selectbox("Rate", metrics, index=index, key=f"{stage}-rate", format_func=make_title)
    view = views[groupings.index(by)]
    if metric is not None:
        rates = [e for g in found.groups(by) if (e := found.rate(metric, by, g)) is not None]
        draw_chart(rates, find_limit_lines(metric, rates, found.gates(by), found.result.question.config))
    if view.flow is not None:
        draw_flow(view.flow)
    for drawn in view.tables:
        show_table(drawn)
    for note in view.notes:
        st.caption(escape(note))
    st.caption("All counts are shown here; the card withholds small ones.")


def show_compressed(result: AuditResult) -> None:
    """Show what compressed models cost and change, as the report has it; nothing where there are none."""
    if result.edge is None:
        return
    view = make_models_view(result.edge, find_judged(result))
    st.markdown(f"**Compressed models.** {escape(view.sentence)}")
    for drawn in view.tables:
        show_table(drawn)
    for note in view.notes:
        st.caption(escape(note))


def list_drawable(found: EstimateIndex, by: By) -> list[str]:
    """Return the rates of groups, and other numbers of one group."""
    rates = (
        e for e in found.result.estimates if (e.stage, e.by, e.compare, e.reference) == (found.stage, by, None, None)
    )
    return list(dict.fromkeys(e.metric for e in rates if e.group is not None and not e.of_one_class))


def draw_chart(rates: Sequence[Estimate], limits: Sequence[tuple[float, str]]) -> None:
    """Draw dot and interval of each group, its number in words beside it, and each limit as a dashed line."""
    shown = [e for e in rates if e.value is not None or len(rates) <= MOST_DRAWN][:MOST_DRAWN]
    if all(e.value is None for e in shown):
        st.info("No group has a value to draw.")
        return
    frame = pd.DataFrame([describe_dot(i, e) for i, e in enumerate(shown)])
    lines = chain.from_iterable(draw_limit(value, text, i) for i, (value, text) in enumerate(limits))
    height = 8 + LABEL_PX * len(limits) + ROW_PX * len(shown) + AXIS_PX
    figure = figure_of(shown[0].metric)
    picture = alt.layer(*lines, *draw_dots(frame, AXES.get(figure, ".1f"), least=LEAST.get(figure, 1.0)))
    picture = picture.properties(height=height)
    st.altair_chart(picture.configure_view(stroke=None), width="stretch")
    if len(rates) > len(shown):
        st.caption(f"{len(shown)} of {len(rates):,} groups are drawn.")
    if frame.few.any():
        st.caption("Hollow dot: too few rows to judge alone.")


def draw_flow(flow: Flow) -> None:
    """Draw how many decisions of each group changed either way: bars to the left and to the right of one line."""
    rows = [
        {
            "group": f"{row.name}\n{row.said}; {flow.net} {row.net} {row.interval}".rstrip(),
            "row": i,
            "way": way,
            "size": size,
        }
        for i, row in enumerate(flow.rows)
        for way, size in zip(flow.sides, (-row.lost, row.gained), strict=True)
    ]
    st.markdown(f"**{escape(flow.title)}**")
    names = alt.Axis(title=None, labelExpr="split(datum.label, '\\n')", labelLimit=420, labelFontSize=13, ticks=False)
    picture = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar(height=14)
        .encode(
            x=alt.X("size:Q", axis=make_share_axis(flow), scale=alt.Scale(domain=[-50, 50])),
            y=alt.Y("group:N", sort=alt.SortField("row"), axis=names),
            color=alt.Color("way:N", title=None, scale=alt.Scale(domain=list(flow.sides), range=[LIMIT, INK])),
            tooltip=[alt.Tooltip("group:N", title="changed")],
        )
        .properties(height=8 + ROW_PX * len(flow.rows) + AXIS_PX)
    )
    st.altair_chart(picture.configure_view(stroke=None), width="stretch")


def make_share_axis(flow: Flow) -> alt.Axis:
    """Return the axis of bars that grow to both sides from its middle, with the words that the card has there."""
    places = {round(tick.x - 50, 2): tick.text for tick in flow.ticks}
    words = json.dumps({f"{place:g}": text for place, text in places.items()})
    expression = f"{words}[datum.value]"
    return alt.Axis(title="share of the group", values=list(places), labelExpr=expression, labelFontSize=12)


def describe_dot(row: int, e: Estimate) -> dict[str, object]:
    """Return one group of a drawing: its name and number in words, and the places of dot and interval."""
    return {
        "group": f"{name_group(e.by, e.group)}\n{format_cell(make_estimate_cell(e))}",
        "rate": e.value,
        "low": e.low,
        "high": e.high,
        "few": "small_group" in e.flags,
        "row": row,
    }


def draw_dots(frame: pd.DataFrame, numbers: str, *, least: float = 1.0) -> tuple[alt.Chart, alt.Chart]:
    """Return the intervals of groups and the dots upon them; a dot of few rows is hollow."""
    names = alt.Axis(
        title=None,
        labelExpr="split(datum.label, '\\n')",
        labelLimit=260,
        labelFontSize=13,
        labelPadding=12,
        labelOverlap=False,
        labelOffset=-7,
        ticks=False,
        domain=False,
        grid=False,
    )
    base = alt.Chart(frame).encode(
        y=alt.Y("group:N", sort=alt.SortField("row"), axis=names), tooltip=[alt.Tooltip("group:N", title="value")]
    )
    axis = alt.Axis(title=None, tickCount=5, format=numbers, labelFontSize=12)
    ends = frame[["rate", "low", "high"]].astype(float)
    domain = [min(0.0, float(ends.min().min())), max(least, float(ends.max().max()))]
    x = alt.X("low:Q", scale=alt.Scale(domain=domain), axis=axis)
    fill = alt.condition("datum.few", alt.value("white"), alt.value(INK))
    dot = base.mark_point(size=90, opacity=1, stroke=INK, strokeWidth=2).encode(x="rate:Q", fill=fill)
    return base.mark_rule(color=INK, strokeWidth=2).encode(x=x, x2="high:Q"), dot


def draw_limit(value: float, text: str, i: int) -> tuple[alt.Chart, alt.Chart]:
    """Return a dashed line and its name above it."""
    base = alt.Chart(pd.DataFrame([{"limit": value, "text": text}])).encode(x="limit:Q")
    name = base.mark_text(
        align="left" if value < 0.5 else "right",
        y=-10 - LABEL_PX * i,
        dx=4 if value < 0.5 else -4,
        color=LIMIT,
        fontSize=12,
    ).encode(text="text:N")
    return base.mark_rule(color=LIMIT, strokeDash=[6, 4], strokeWidth=1.5), name


def show_table(drawn: Table | None) -> None:
    """Show a table as the card has it."""
    if drawn is None or not drawn.rows:
        return
    st.markdown(f"**{escape(drawn.caption)}**")
    named = [escape(c) for c in drawn.columns]
    # Two classes may have one name once it is shortened, or that of the first column.
    columns = [c + NO_BREAK * named[:i].count(c) for i, c in enumerate(named)]
    rows = ([escape(row.header), *map(mark_up_cell, row.cells)] for row in drawn.rows)
    show_rows([dict(zip(columns, row, strict=True)) for row in rows])
    if drawn.note:
        st.caption(escape(drawn.note))


def format_cell(cell: Cell) -> str:
    """Return one place of a table in a line."""
    said = f"{cell.text} {cell.interval}".strip()
    if cell.note:
        return f"{said} ({cell.note})"
    return said


def mark_up_cell(cell: Cell) -> str:
    """Return a cell for a narrow column: number, interval and note stay whole on several lines."""
    note = f"({escape(cell.note)})" if cell.note else ""
    parts = (escape(cell.text), escape(cell.interval) if cell.interval else "", note)
    short = (p.replace(" ", NO_BREAK) if len(p) < SHORT_NOTE and p[:1] != "u" else p for p in parts)
    return " ".join(p for p in short if p)


def show_rows(rows: Sequence[dict[str, str]]) -> None:
    """Show rows as a table of text; columns that say nothing are left out."""
    frame = pd.DataFrame(rows)
    if len(frame):
        kept_columns = [c for c in frame.columns if (frame[c] != "").any()]
        st.table(frame[kept_columns], border="horizontal", hide_index=True)


def show_checks(result: AuditResult) -> None:
    """Show every check with its outcome."""
    if not result.checks:
        st.info("No checks were run.")
        return
    columns = ("Outcome", "Code", "Check", "Detail", "What to do")
    rows = ((f"{badge.shape} {badge.word}", *texts) for badge, *texts in list_checks(result.checks))
    show_rows([dict(zip(columns, (escape(t) if t else "" for t in row), strict=True)) for row in rows])


def show_energy(energy: Energy | None) -> None:
    """Show energy by component and method."""
    view = make_energy_view(energy)
    st.markdown(f"**{escape(view.sentence)}**")
    if view.largest:
        st.markdown(escape(view.largest))
    known = [c for c in energy.components if c.energy_j is not None] if energy is not None else []
    if known:
        height = BAR_PX * len(known) + 3 * AXIS_PX
        st.altair_chart(draw_bars(known).properties(height=height), width="stretch")
    for drawn in view.tables:
        show_table(drawn)
    if view.note:
        st.caption(escape(view.note))


def draw_bars(known: Sequence[EnergyComponent]) -> alt.Chart:
    """Return a bar of joules for each component and phase, in the colour of its method."""
    frame = pd.DataFrame(
        [
            {
                "where": f"{printable(c.phase, 30)}, {printable(c.component, 30)}",
                "energy": c.energy_j,
                "method": c.method,
                "row": i,
            }
            for i, c in enumerate(known)
        ]
    )
    names = alt.Axis(title=None, labelFontSize=13, labelLimit=240, labelOverlap=False)
    bars = alt.Chart(frame).mark_bar(height=16, cornerRadiusEnd=2)
    return bars.encode(
        x=alt.X("energy:Q", axis=alt.Axis(title="joules", tickCount=5, labelFontSize=12)),
        y=alt.Y("where:N", sort=alt.SortField("row"), axis=names),
        color=alt.Color(
            "method:N",
            title=None,
            scale=alt.Scale(domain=list(METHODS), range=list(METHODS.values())),
            legend=alt.Legend(orient="top", labelFontSize=12),
        ),
        tooltip=["where:N", "method:N", alt.Tooltip("energy:Q", format=",.4~g")],
    )


main()
