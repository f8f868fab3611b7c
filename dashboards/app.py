"""The audit dashboard: one run's verdict first, then what it rests on. It draws a result and computes nothing.

Started by `audit dashboard`, which names the store in the environment.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import altair as alt
import pandas as pd
import streamlit as st

from audit.errors import AuditError, printable
from audit.evidence.store import Entry, Store
from audit.gates import WORST_FIRST, deciding
from audit.publish.groups import limit_lines
from audit.result import AuditResult, Gate
from audit.sentences import group_text, interval_text, number
from audit.value import Estimate

STORE = Path(os.environ.get("EVENHAND_STORE", "audit-runs"))
SHAPES = {
    "pass": "✓",
    "fail": "✕",
    "insufficient": "◇",
    "undefined": "∅",
    "waived": "◐",
    "not judged": "○",
    "incomplete": "◌",
}
TONES = {"pass": "green", "waived": "blue", "fail": "red", "incomplete": "red", "insufficient": "orange",
         "undefined": "violet", "not judged": "gray"}  # fmt: skip
INK, LIMIT = "#1f5f8b", "#b3261e"
MARKUP = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]()<>#+-.!|~$:^="})
MOST_ROWS, MOST_RUNS = 200, 200


def plain(text: object, limit: int = 400) -> str:
    """Text that Markdown shows as it stands."""
    return printable(text, limit).translate(MARKUP)


def main() -> None:
    """Draw the page."""
    st.set_page_config(page_title="Evenhand", page_icon="⚖", layout="wide")
    entries = Store(STORE).runs(MOST_RUNS)
    if not entries:
        st.title("No runs yet")
        st.write("This store is empty. `audit run DIR` or `audit demo` makes the first run; then load this page again.")
        st.caption(f"Store: {plain(STORE)}")
        return
    entry = choose(entries)
    if entry.state != "complete":
        st.title(f"{SHAPES['incomplete']} {entry.state.capitalize()}")
        st.write(f"Run {plain(entry.id)}: {plain(entry.reason)}. Its record so far lies in {plain(entry.path)}.")
        return
    try:
        result = Store(STORE).load(entry.id)
    except AuditError as error:
        st.title("This run cannot be read")
        st.write(plain(error))
        return
    draw(result)


def choose(entries: Sequence[Entry]) -> Entry:
    """Run picked in the sidebar; the address names it, so a link leads to it."""
    ids = [e.id for e in entries]
    asked = st.query_params.get("run")
    if asked is not None and asked not in ids:
        st.warning(f"There is no run {plain(asked, 60)} in this store; the newest one is shown.")
    by_id = {e.id: e for e in entries}

    def label(run_id: str) -> str:
        e = by_id[run_id]
        state, when = e.verdict or e.state, (e.started or e.id)[:16].replace("T", " ")
        return f"{SHAPES.get(state, '◌')} {state} · {printable(e.model or 'unnamed', 30)} · {when}"

    with st.sidebar:
        st.subheader("Runs")
        picked = st.radio(
            "Run", ids, index=ids.index(asked) if asked in ids else 0, format_func=label, label_visibility="collapsed"
        )
        newest = "the newest " if len(ids) == MOST_RUNS else ""
        st.caption(f"{newest}{len(ids)} in {plain(STORE.name)}")
    st.query_params["run"] = picked
    return by_id[picked]


def draw(result: AuditResult) -> None:
    """One run."""
    model = result.question.config.get("model") or {}
    word = f"{SHAPES[result.verdict]} {result.verdict.capitalize()}"
    st.title(f":{TONES[result.verdict]}[{word}]", anchor=False)
    st.markdown(
        f"**{plain(model.get('name') or 'Unnamed model')}** {plain(model.get('version') or '')} · run {plain(result.run.id)}"
    )
    gate = deciding(result.gates)
    if result.verdict == "incomplete":
        codes = ", ".join(f"{k}: {v}" for k, v in result.run.exit_codes.items())
        st.markdown(f"#### The training did not end well ({plain(codes)}); what was recorded until then is kept.")
    elif gate is None:
        st.markdown("#### No gate was asked for, so nothing has passed.")
    else:
        st.markdown(f"#### {plain(gate.sentence)}")
    gates(result.gates)
    names = ["Model", "Data", "Checks", "Energy"]
    for tab, part in zip(st.tabs(names), (model_page, data_page, checks_page, energy_page), strict=True):
        with tab:
            part(result)


def gates(found: Sequence[Gate]) -> None:
    """Every gate with its verdict, what was found and the limit."""
    if not found:
        return
    rows = [
        {
            "verdict": f"{SHAPES[g.verdict]} {g.verdict}",
            "gate": printable(g.name),
            "found": "undefined" if g.estimate is None or g.estimate.value is None else number(g.estimate.value),
            "interval": "–" if g.low == g.high else interval_text(g.low, g.high).strip() or "–",
            "limit": f"at least {g.min:g}" if g.min is not None else f"at most {g.max:g}",
            "data needed": f"about {g.needed_n:.2g} times" if g.needed_n else "–",
        }
        for g in sorted(found, key=lambda g: WORST_FIRST.index(g.verdict))
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")


def model_page(result: AuditResult) -> None:
    """Rates of the model per group."""
    rates_page(result, "model", "selection_rate")


def data_page(result: AuditResult) -> None:
    """Bias in the data, and the account of rows."""
    rates_page(result, "data", "base_rate")
    for part in result.data:
        left = "; ".join(f"{rows:,} left out: {printable(why)}" for why, rows in part.rows_excluded.items())
        without = "; ".join(f"{rows:,} have no {printable(c)}" for c, rows in part.rows_without_group.items())
        tail = "".join(f"; {text}" for text in (without, left) if text)
        st.caption(plain(f"{part.part}: of {part.rows_read:,} rows read, {part.rows_used:,} used{tail}."))


def rates_page(result: AuditResult, stage: str, first: str) -> None:
    """One rate per group with intervals, and the gate's line."""
    here = [e for e in result.estimates if e.stage == stage and e.by]
    if not here:
        st.info(f"This run measured nothing of the {stage}.")
        return
    left, right = st.columns(2)
    metrics = list(
        dict.fromkeys(e.metric for e in here if e.compare is None and e.group is not None and e.reference is None)
    )
    groupings = list(dict.fromkeys(e.by for e in here))
    metric = left.selectbox("Rate", metrics, index=metrics.index(first) if first in metrics else 0, key=f"{stage}-rate",
                            format_func=lambda m: m.replace("_", " "))  # fmt: skip
    by = right.selectbox(
        "Groups", groupings, key=f"{stage}-by", format_func=lambda b: " × ".join(printable(x) for x in b)
    )
    rates = [
        e
        for e in here
        if e.metric == metric and e.by == by and e.compare is None and e.group is not None and e.reference is None
    ]
    lines = [g for g in result.gates if g.estimate is not None and g.estimate.stage == stage and g.estimate.metric == metric
             and g.estimate.by == by]  # fmt: skip
    chart(rates, lines)
    st.dataframe(table(rates), hide_index=True, width="stretch")
    gaps = [
        e
        for e in here
        if e.metric == metric and e.by == by and e.group is None and e.compare in {"difference", "ratio"}
    ]
    for gap in gaps:
        st.markdown(f"- {plain(gap_text(gap))}")
    for line in lines:
        st.markdown(f"- Gate: {plain(line.sentence)}")


def table(rates: Sequence[Estimate]) -> pd.DataFrame:
    """Groups down, with counts."""
    return pd.DataFrame(
        [
            {
                "group": group_text(e.group or ()),
                "rate": None if e.value is None else round(e.value, 4),
                "interval": interval_text(e.low, e.high).strip() or "–",
                "n": e.denominator if e.denominator is not None else e.n,
                "note": e.reason or ("too few to judge" if "small_group" in e.flags else ""),
            }
            for e in rates[:MOST_ROWS]
        ]
    )


def gap_text(gap: Estimate) -> str:
    """A gap over all groups in words."""
    if gap.value is None or gap.pair is None:
        return f"{gap.compare} over all groups: undefined, {gap.reason}"
    lower, higher = map(group_text, gap.pair)
    return f"{gap.compare} over all groups: {number(gap.value)}{interval_text(gap.low, gap.high)}, {lower} against {higher}"


def chart(rates: Sequence[Estimate], lines: Sequence[Gate]) -> None:
    """Dot and interval of each group; a gate on the lowest or highest group is a line in the same units."""
    rows = [
        {"group": group_text(e.group or ()), "rate": e.value, "low": e.low, "high": e.high, "n": e.n}
        for e in rates[:MOST_ROWS]
        if e.value is not None and e.low is not None
    ]
    if not rows:
        return
    order = [str(row["group"]) for row in rows]
    axis = alt.X("low:Q", title=rates[0].metric.replace("_", " "), scale=alt.Scale(domain=[0, 1]))
    base = alt.Chart(pd.DataFrame(rows)).encode(
        y=alt.Y("group:N", sort=order, title=None, axis=alt.Axis(labelLimit=260))
    )
    tips = [alt.Tooltip(c) for c in ("group:N", "n:Q")] + [
        alt.Tooltip(f"{c}:Q", format=".3f") for c in ("rate", "low", "high")
    ]
    whisker = base.mark_rule(color=INK, strokeWidth=2).encode(x=axis, x2="high:Q", tooltip=tips)
    dot = base.mark_circle(color=INK, size=90, opacity=1).encode(x="rate:Q", tooltip=tips)
    limits = [{"limit": value, "text": text} for value, text in limit_lines(rates[0].metric, rates, lines)]
    layers = [whisker, dot]
    if limits:
        drawn = alt.Chart(pd.DataFrame(limits)).encode(x="limit:Q", tooltip="text:N")
        layers.append(drawn.mark_rule(color=LIMIT, strokeDash=[6, 4], strokeWidth=2))
    st.altair_chart(alt.layer(*layers).properties(height=max(120, 34 * len(rows) + 60)), width="stretch")
    for limit in limits:
        st.caption(f"- - - {plain(limit['text'])}")


def checks_page(result: AuditResult) -> None:
    """Every check with its outcome."""
    if not result.checks:
        st.info("This run made no checks.")
        return
    order = ["fail", "error", "undefined", "warn", "waived", "pass", "not applicable"]
    rows = [
        {"outcome": c.outcome, "code": c.code, "check": printable(c.title, 160), "detail": printable(c.detail, 300), "answered by": c.answered_by}
        for c in sorted(result.checks, key=lambda c: order.index(c.outcome))
    ]  # fmt: skip
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")


def energy_page(result: AuditResult) -> None:
    """Energy by component and method."""
    energy = result.energy
    if energy is None or energy.energy_kwh is None:
        st.info("Energy was not measured." if energy is None else plain(energy.note or "Energy was not measured."))
        return
    columns = st.columns(3)
    columns[0].metric("Energy", f"{energy.energy_kwh:.3g} kWh")
    columns[1].metric("Carbon", "unknown grid" if energy.carbon_g is None else f"{energy.carbon_g:.3g} g CO₂e")
    columns[2].metric("Measured by a counter", f"{energy.measured_share or 0.0:.0%}")
    rows = [{"phase": c.phase, "component": c.component, "method": c.method, "energy_j": c.energy_j, "detail": c.detail,
             "coverage": c.coverage} for c in energy.components]  # fmt: skip
    frame = pd.DataFrame(rows)
    known = frame[frame.energy_j.notna()]
    if len(known):
        bars = alt.Chart(known).mark_bar().encode(
            x=alt.X("energy_j:Q", title="energy, J"), y=alt.Y("component:N", title=None),
            color=alt.Color("method:N", scale=alt.Scale(domain=["counter", "model", "constant"], range=[INK, "#6fa8c9", "#c9b458"])),
            tooltip=["phase", "component", "method", alt.Tooltip("energy_j:Q", format=".3g"), "detail"],
        )  # fmt: skip
        st.altair_chart(bars.properties(height=160), width="stretch")
    st.dataframe(frame, hide_index=True, width="stretch")
    for factor in energy.factors:
        st.caption(plain(f"{factor.name}: {factor.value:g} {factor.unit} ({factor.source}, {factor.date})"))


main()
