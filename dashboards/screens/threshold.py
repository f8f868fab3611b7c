"""What other thresholds would give."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from audit.pipeline.drill.thresholds import Scored, find_scored, suppose
from audit.record.result import AuditResult
from audit.report.dashboard import threshold as of
from dashboards import shell

SAME = "one threshold for all"
WAYS = {
    SAME: "",
    "same selection rate": "selection_rate",
    "same true positive rate": "true_positive_rate",
    "same false positive rate": "false_positive_rate",
    "lowest cost": "cost",
}


def main() -> None:
    """Draw the page."""
    st.title("Threshold", anchor=False)
    shown = shell.get_shown()
    folder = shown.entry.path
    scored = find_once(folder, shell.stamp_document(folder), shown.by, shown.result)
    if scored is None:
        st.info(shell.escape(of.explain_no_scores(shown.result, shown.by)))
        return
    places = of.name_cuts(scored.thresholds)
    names = list(places)
    start = names[scored.thresholds.find_nearest(0.5 if scored.threshold is None else scored.threshold)]
    picked = places[
        st.select_slider("Select from this score on", names, value=start, key="threshold", bind="query-params")
    ]
    way, positive, negative = st.columns(3)
    chosen = way.selectbox("Thresholds of groups", list(WAYS), key="way", bind="query-params")
    costs = [
        float(place.number_input(label, 0.0, 1e6, 1.0, key=key, bind="query-params"))
        for place, label, key in (
            (positive, "Cost of a false positive", "fp"),
            (negative, "Cost of a false negative", "fn"),
        )
    ]
    show_supposed(scored, shown.metric, picked, WAYS[chosen], costs, of.describe_start(scored.threshold, start))


@st.cache_resource(max_entries=32, show_spinner=False)  # type: ignore[untyped-decorator] # streamlit is not followed
def find_once(folder: Path, stamp: tuple[int, int], by: tuple[str, ...], _result: AuditResult) -> Scored | None:
    """Return the scores of a run by one attribute, laid out once for all sessions."""
    del folder, stamp
    return find_scored(_result, by)


def show_supposed(scored: Scored, metric: str, picked: int, rule: str, costs: list[float], start: str) -> None:
    """Draw what the chosen thresholds would give."""
    found = scored.thresholds
    cuts = find_cuts(scored, picked, rule, costs)
    supposed = suppose(scored, cuts, float(found.at[picked]))
    view = of.make_threshold_view(scored.by, metric, supposed.rates, supposed.gates, cuts)
    shell.draw("threshold", view=view, start=start)
    shell.draw("tables", tables=[view.rates, view.limits, *([view.cuts] if cuts else [])], id="supposed")
    if not supposed.gates:
        st.markdown("No limit on this attribute follows from labels and predictions alone.")
    frontier = of.make_frontier(found, metric if metric in of.GAPS else of.GAPS[0], picked)
    if frontier is not None:
        shell.draw("frontier", view=frontier)
    shell.draw("tables", tables=[of.describe_costs(found, scored.by, *costs)], id="costs")
    st.markdown(
        "Scores were counted in bins; the thresholds offered, lower edges of bins, are those whose counts are exact. "
        "Accuracy against the difference, and costs, are of rows whose group is known."
    )


def find_cuts(scored: Scored, picked: int, rule: str, costs: list[float]) -> dict[tuple[str | None, ...], float]:
    """Return the threshold of each group; none where all have the one of the slider."""
    found = scored.thresholds
    if not rule:
        return {}
    places = found.choose_cheapest(*costs)[1] if rule == "cost" else found.choose_like_all(rule, picked)
    return {group: float(found.at[at]) for group, at in zip(found.groups, places, strict=True)}


main()
