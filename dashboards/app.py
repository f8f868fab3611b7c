"""The audit dashboard: one run's verdict first, then what it rests on.

It draws a result; every number, sentence and table comes from `audit`. Started by `audit dashboard`, which names the
store in the environment. Names from the data pass through `plain`, because most of Streamlit reads Markdown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import altair as alt
import pandas as pd
import streamlit as st

from audit.errors import AuditError, printable
from audit.estimate import Estimate, Stage
from audit.gates.judge import WORST_FIRST
from audit.record.energy_text import energy_text
from audit.record.reader import DOCUMENT, read_result
from audit.record.result import AuditResult, Energy, Gate
from audit.record.store import Entry, Store
from audit.report.card.accounts import check_rows, part_view
from audit.report.card.dataset import data_groupings
from audit.report.card.energy import energy_view
from audit.report.card.groups import limit_lines, model_groupings
from audit.report.card.lookup import By, Grouped
from audit.report.card.shapes import GroupingView, Table
from audit.report.card.view import headline, tally
from audit.report.card.words import (
    BADGES,
    Cell,
    bounds_text,
    estimate_cell,
    group_name,
    grouping_name,
    rate_text,
    title_of,
)
from audit.system import environment

STORE = Path(os.environ.get(environment.STORE, environment.DEFAULT_STORE))
ICON = Path(__file__).with_name("icon.svg")
TONES = {"pass": "green", "waived": "blue", "fail": "red", "incomplete": "red", "insufficient": "orange",
         "undefined": "violet", "withheld": "violet", "not judged": "gray", "damaged": "red"}  # fmt: skip
BOXES = {"pass": st.success, "fail": st.error, "incomplete": st.error, "insufficient": st.warning,
         "undefined": st.warning, "withheld": st.warning, "waived": st.info, "not judged": st.info}  # fmt: skip
SHAPES = {kind: badge.shape for kind, badge in BADGES.items()} | {"damaged": "!"}
INK, LIMIT = "#1f5c6e", "#b3261e"
METHODS = {"counter": INK, "sampled": "#7fb0bf", "model": "#c9b458", "constant": "#b0702c", "declared": "#8a8f98"}
UNNAMED = {"complete": "Unnamed model", "incomplete": "No result yet", "damaged": "No result"}
NO_BREAK, SHORT_NOTE = "\u00a0", 32
MARKUP = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]()<>#+-.!|~$:^=&@/"})
LINKED = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
# It joins words without being seen: Markdown makes a link of whatever looks like an address, escaped or not. No text
# stands by itself in this file, because Streamlit writes one onto the page (its "magic").
NOT_LINKED = "\u2060"
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


def plain(text: object, limit: int = 1200) -> str:
    """Text that Markdown shows as it stands."""
    return LINKED.sub(NOT_LINKED, printable(text, limit)).translate(MARKUP)


def main() -> None:
    """Draw the page."""
    st.set_page_config(page_title="Evenhand", page_icon=str(ICON), layout="wide")
    st.html(PAGE)
    # Whoever sees this page has no need of the token any more, and addresses stand in histories.
    st.query_params.pop("token", None)
    try:
        entries = Store(STORE).runs(MOST_RUNS)
    except AuditError as error:
        notice("The store cannot be read", plain(error))
        return
    if not entries:
        notice("No runs yet", f"Nothing lies in {plain(STORE)}. `audit run DIR` makes a run from your own pipeline, "
               "`audit demo` from the one that is shipped; then load this page again.")  # fmt: skip
        return
    entry = choose(entries)
    if entry.state != "complete":
        unfinished(entry)
        return
    try:
        result = kept(entry.path, (entry.path / DOCUMENT).stat().st_mtime_ns)
    except (AuditError, OSError) as error:
        notice("This run cannot be read", plain(error))
        return
    draw(result, entry.path)


@st.cache_resource(max_entries=8, show_spinner=False)  # type: ignore[untyped-decorator] # streamlit is not followed
def kept(folder: Path, _changed_ns: int) -> AuditResult:
    """Result of a run, read once; a result is immutable."""
    return read_result(folder)


def notice(title: str, text: str) -> None:
    """A page with nothing to draw."""
    st.title(title, anchor=False)
    st.markdown(text)


def unfinished(entry: Entry) -> None:
    """A run that has no result."""
    word = "Incomplete" if entry.state == "incomplete" else "Damaged"
    st.title(f":red[{plain(SHAPES[entry.state])}] {word}", anchor=False)
    st.caption(f"Run {plain(entry.id)}, begun {plain(moment(entry.started))}")
    st.error(f"Nothing was judged: {plain(entry.reason)}.")
    st.markdown(f"What was recorded lies in {plain(entry.path)}. Run the audit again for a verdict.")


def choose(entries: Sequence[Entry]) -> Entry:
    """Run picked in the sidebar; the address names it, so a link leads to it."""
    ids, by_id = [e.id for e in entries], {e.id: e for e in entries}
    asked = st.query_params.get("run")
    if asked is not None and asked not in by_id:
        st.warning(f"There is no run {plain(asked, 60)} in this store; the newest one is shown.")

    def label(run_id: str) -> str:
        entry = by_id[run_id]
        state = entry.verdict or entry.state
        # Two equal labels would be one option to the browser, which then marks the wrong run.
        return f":{TONES[state]}[{plain(SHAPES[state])}] **{plain(state.capitalize())}** {plain(run_id[-6:])}"

    with st.sidebar:
        st.subheader("Runs", anchor=False)
        captions = [f"{plain(e.model or UNNAMED[e.state], 30)}  \n{plain(moment(e.started))}" for e in entries]
        index = ids.index(asked) if asked in by_id else 0
        picked = st.radio("Run", ids, index=index, format_func=label, captions=captions, label_visibility="collapsed")
        newest = "The newest " if len(ids) == MOST_RUNS else ""
        st.caption(f"{newest}{len(ids)} in {plain(STORE.name)}. Only this machine can see this page.")
    st.query_params["run"] = picked
    return by_id[picked]


def moment(text: str | None) -> str:
    """UTC time to the minute."""
    return f"{(text or 'unknown')[:16].replace('T', ' ')} UTC"


def draw(result: AuditResult, folder: Path) -> None:
    """One run."""
    model, badge = result.question.config.get("model") or {}, BADGES[result.verdict]
    name = plain(" ".join(str(model[key]) for key in ("name", "version") if model.get(key)) or "Unnamed model", 120)
    st.caption(f"{name} · {plain(moment(result.run.started))} · run {plain(result.run.id)}")
    st.title(f":{TONES[result.verdict]}[{plain(badge.shape)}] {badge.word}", anchor=False)
    counted = tally(result)
    BOXES[result.verdict](f"**{plain(headline(result))}**" + (f"\n\n{plain(counted)}" if counted else ""))
    with st.container(key="gates"):
        gates(result.gates)
    model_tab, data_tab, checks_tab, energy_tab = st.tabs(["Model", "Data", "Checks", "Energy"])
    with model_tab:
        stage_page(result, "model", model_groupings(result), "selection_rate")
    with data_tab:
        for part in map(part_view, result.data):
            st.markdown(f"**{plain(part.title)}.** {plain(f'{part.sentence} {part.missing}'.strip())}")
        stage_page(result, "data", data_groupings(result), "base_rate")
    with checks_tab:
        checks_page(result)
    with energy_tab:
        energy_page(result.energy)
    card = folder / "card.html"
    if card.is_file():
        st.download_button("Save the card", card.read_bytes(), f"card-{result.run.id}.html", "text/html")


def gates(found: Sequence[Gate]) -> None:
    """Every gate with its verdict, what was found and the limit."""
    rows = [
        {
            "Verdict": f":{TONES[g.verdict]}[{plain(BADGES[g.verdict].shape)}] {BADGES[g.verdict].word}",
            "Gate": plain(g.name),
            "Found": plain(found_text(g)),
            "Limit": f"at least {g.min:g}" if g.min is not None else f"at most {g.max:g}",
            "Data needed": f"about {g.needed_n:.2g} times as much" if g.needed_n else "",
        }
        for g in sorted(found, key=lambda g: WORST_FIRST.index(g.verdict))
    ]
    show(rows)


def found_text(gate: Gate) -> str:
    """Value and the interval that the verdict rests on."""
    e = gate.estimate
    if e is None or e.value is None:
        return f"undefined: {e.reason}" if e is not None else "not measured"
    if e.stage in {"energy", "checks"}:
        return energy_text(e) if e.stage == "energy" else f"{e.value:g}"
    return f"{rate_text(e.value)} {bounds_text(gate.low, gate.high)}"


def stage_page(result: AuditResult, stage: Stage, views: Sequence[GroupingView], first: str) -> None:
    """One rate per group as a drawing with the gate's line, then all rates and gaps as tables."""
    found = Grouped(result, stage)
    groupings = found.groupings()
    if not groupings:
        st.info(f"This run measured nothing of the {stage}.")
        return
    left, right = st.columns(2)
    by = left.selectbox("Groups", groupings, key=f"{stage}-by", format_func=grouping_name)
    metrics = drawable(found, by)
    index = metrics.index(first) if first in metrics else 0
    metric = right.selectbox("Rate", metrics, index=index, key=f"{stage}-rate", format_func=title_of)
    view = views[groupings.index(by)]
    if metric is not None:
        rates = [e for g in found.groups(by) if (e := found.rate(metric, by, g)) is not None]
        chart(rates, limit_lines(metric, rates, found.gates(by)))
    for drawn in view.tables:
        table(drawn)
    for note in view.notes:
        st.caption(plain(note))
    st.caption("Counts are shown in full here; the card leaves small ones out.")


def drawable(found: Grouped, by: By) -> list[str]:
    """Rates of groups, and other numbers of one group."""
    rates = (
        e for e in found.result.estimates if (e.stage, e.by, e.compare, e.reference) == (found.stage, by, None, None)
    )
    return list(dict.fromkeys(e.metric for e in rates if e.group is not None and not e.of_one_class))


def chart(rates: Sequence[Estimate], limits: Sequence[tuple[float, str]]) -> None:
    """Dot and interval of each group, its number in words beside it, and each limit as a dashed line."""
    shown = [e for e in rates if e.value is not None or len(rates) <= MOST_DRAWN][:MOST_DRAWN]
    if all(e.value is None for e in shown):
        st.info("No group has a value to draw.")
        return
    frame = pd.DataFrame([{"group": f"{group_name(e.by, e.group)}\n{cell_text(estimate_cell(e))}", "rate": e.value,
                           "low": e.low, "high": e.high, "few": "small_group" in e.flags, "row": i}
                          for i, e in enumerate(shown)])  # fmt: skip
    names = alt.Axis(title=None, labelExpr="split(datum.label, '\\n')", labelLimit=260, labelFontSize=13,
                     labelPadding=12, labelOverlap=False, labelOffset=-7, ticks=False, domain=False,
                     grid=False)  # fmt: skip
    base = alt.Chart(frame).encode(
        y=alt.Y("group:N", sort=alt.SortField("row"), axis=names), tooltip=[alt.Tooltip("group:N", title="value")]
    )
    axis = alt.Axis(title=None, tickCount=5, format=".1f", labelFontSize=12)
    ends = frame[["rate", "low", "high"]].astype(float)
    domain = [min(0.0, float(ends.min().min())), max(1.0, float(ends.max().max()))]
    x = alt.X("low:Q", scale=alt.Scale(domain=domain), axis=axis)
    whisker = base.mark_rule(color=INK, strokeWidth=2).encode(x=x, x2="high:Q")
    fill = alt.condition("datum.few", alt.value("white"), alt.value(INK))
    dot = base.mark_point(size=90, opacity=1, stroke=INK, strokeWidth=2).encode(x="rate:Q", fill=fill)
    lines = [layer for i, (value, text) in enumerate(limits) for layer in limit_layers(value, text, i)]
    top = 8 + LABEL_PX * len(limits)
    height = ROW_PX * len(shown) + top + AXIS_PX
    picture = alt.layer(*lines, whisker, dot).properties(height=height)
    st.altair_chart(picture.configure_view(stroke=None), width="stretch")
    if len(rates) > len(shown):
        st.caption(f"{len(shown)} of {len(rates):,} groups are drawn.")
    if frame.few.any():
        st.caption("A hollow dot: too few rows, or too few of the rarer outcome, to judge by itself.")


def limit_layers(value: float, text: str, i: int) -> tuple[alt.Chart, alt.Chart]:
    """A dashed line and its name above it."""
    base = alt.Chart(pd.DataFrame([{"limit": value, "text": text}])).encode(x="limit:Q")
    name = base.mark_text(align="left" if value < 0.5 else "right", y=-10 - LABEL_PX * i, dx=4 if value < 0.5 else -4,
                          color=LIMIT, fontSize=12).encode(text="text:N")  # fmt: skip
    return base.mark_rule(color=LIMIT, strokeDash=[6, 4], strokeWidth=1.5), name


def table(drawn: Table | None) -> None:
    """A table as the card has it."""
    if drawn is None or not drawn.rows:
        return
    st.markdown(f"**{plain(drawn.caption)}**")
    named = [plain(c) for c in drawn.columns]
    # Two classes may have one name once it is shortened, or that of the first column.
    columns = [c + NO_BREAK * named[:i].count(c) for i, c in enumerate(named)]
    rows = ([plain(row.header), *map(cell_markup, row.cells)] for row in drawn.rows)
    show([dict(zip(columns, row, strict=True)) for row in rows])
    if drawn.note:
        st.caption(plain(drawn.note))


def cell_text(cell: Cell) -> str:
    """One place of a table in a line."""
    said = f"{cell.text} {cell.interval}".strip()
    return f"{said} ({cell.note})" if cell.note else said


def cell_markup(cell: Cell) -> str:
    """The same for a narrow column: number, interval and note stay whole when they come to stand on several lines."""
    note = f"({plain(cell.note)})" if cell.note else ""
    parts = (plain(cell.text), plain(cell.interval) if cell.interval else "", note)
    short = (p.replace(" ", NO_BREAK) if len(p) < SHORT_NOTE and p[:1] != "u" else p for p in parts)
    return " ".join(p for p in short if p)


def show(rows: Sequence[dict[str, str]]) -> None:
    """Rows as a table of text; columns that say nothing are left out."""
    frame = pd.DataFrame(rows)
    if len(frame):
        kept_columns = [c for c in frame.columns if (frame[c] != "").any()]
        st.table(frame[kept_columns], border="horizontal", hide_index=True)


def checks_page(result: AuditResult) -> None:
    """Every check with its outcome."""
    if not result.checks:
        st.info("This run made no checks.")
        return
    columns = ("Outcome", "Code", "Check", "Detail", "To mend")
    rows = ((f"{badge.shape} {badge.word}", *texts) for badge, *texts in check_rows(result.checks))
    show([dict(zip(columns, (plain(t) if t else "" for t in row), strict=True)) for row in rows])


def energy_page(energy: Energy | None) -> None:
    """Energy by component and method."""
    view = energy_view(energy)
    st.markdown(f"**{plain(view.sentence)}**")
    if view.largest:
        st.markdown(plain(view.largest))
    known = [c for c in energy.components if c.energy_j is not None] if energy is not None else []
    if known:
        frame = pd.DataFrame([{"where": f"{printable(c.phase, 30)}, {printable(c.component, 30)}", "energy": c.energy_j,
                               "method": c.method, "row": i} for i, c in enumerate(known)])  # fmt: skip
        colour = alt.Color("method:N", title=None, scale=alt.Scale(domain=list(METHODS), range=list(METHODS.values())),
                           legend=alt.Legend(orient="top", labelFontSize=12))  # fmt: skip
        names = alt.Axis(title=None, labelFontSize=13, labelLimit=240, labelOverlap=False)
        bars = alt.Chart(frame).mark_bar(height=16, cornerRadiusEnd=2).encode(
            x=alt.X("energy:Q", axis=alt.Axis(title="joules", tickCount=5, labelFontSize=12)),
            y=alt.Y("where:N", sort=alt.SortField("row"), axis=names),
            color=colour, tooltip=["where:N", "method:N", alt.Tooltip("energy:Q", format=",.4~g")],
        )  # fmt: skip
        st.altair_chart(bars.properties(height=BAR_PX * len(known) + 3 * AXIS_PX), width="stretch")
    for drawn in view.tables:
        table(drawn)
    if view.note:
        st.caption(plain(view.note))


main()
