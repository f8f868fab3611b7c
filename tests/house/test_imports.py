"""Imports point one way: every import counts, inside functions and for types too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from house.import_graph import draw_graph, find_circles, imported_names, read_sources

import audit

PACKAGE = Path(audit.__file__).parent
SOURCES = read_sources(PACKAGE)
GRAPH = draw_graph(SOURCES)
PUBLIC_FACE = {"audit", "audit.__main__"}
"""They name what users see, from wherever it comes."""
ROOMS = re.findall(
    r"\w+",
    """
    _version errors estimate axes cube system tables text items counting measurement record config gates
    faults energy edge checks report pipeline api compression mlflow pytest_plugin wrapping torch sklearn lightning transformers xgboost lightgbm
    conformance cli
    """,
)
"""A later room may import from an earlier one, never the reverse."""
INSIDE_MEASUREMENT = (
    ("inference",),
    ("metrics",),
    ("grouping", "scope", "comparisons"),
    ("rates",),
    ("scores",),
    ("regression",),
    ("ranking",),
    ("dataset",),
    ("estimates", "find", "measure", "own_metrics", "epochs"),
)
"""The same inside the largest room."""
POINT_UP = {
    ("audit.record.result", "audit.report.card.render"),
    ("audit.record.result", "audit.report.notebook.show"),
    ("audit.record.result", "audit.report.notebook.plot"),
    ("audit.record.compare", "audit.report.notebook.changes"),
}
"""The exceptions: a result and a comparison show themselves. One that is no longer needed fails."""


def rank(module: str) -> tuple[int, int]:
    """Return the place of a module's room, and its place in that room where the room has an order."""
    _, room, *rest = module.split(".")
    assert room in ROOMS, f"{module} stands in no room"
    if room != "measurement" or not rest:
        return ROOMS.index(room), 0
    places = [i for i, row in enumerate(INSIDE_MEASUREMENT) if rest[0] in row]
    assert places, f"{module} stands in no row of measurement"
    return ROOMS.index(room), places[0]


def imports_that_point_up(graph: dict[str, set[str]]) -> set[tuple[str, str]]:
    return {
        (module, other)
        for module in graph.keys() - PUBLIC_FACE
        for other in graph[module] - PUBLIC_FACE
        if rank(other) > rank(module)
    }


def test_imports_point_one_way():
    assert imports_that_point_up(GRAPH) == POINT_UP


def test_counting_and_measuring_do_not_know_each_other():
    """All that they share is the cube and the names of its axes."""
    measuring = [module for module in GRAPH if module.startswith("audit.measurement.")]
    assert measuring
    assert not {(m, o) for m in measuring for o in GRAPH[m] if o.startswith(("audit.counting", "audit.tables"))}


def test_no_module_imports_itself_by_way_of_others():
    graph = {module: {other for other in others if (module, other) not in POINT_UP} for module, others in GRAPH.items()}
    assert not find_circles(graph)


@pytest.mark.parametrize(
    ("module", "planted", "other"),
    [
        ("audit.axes", "\nif TYPE_CHECKING:\n    from audit.cube import Cube\n", "audit.cube"),
        ("audit.cube", "\ndef planted():\n    from audit.cli.app import main\n", "audit.cli.app"),
        ("audit.cube", "\nif TYPE_CHECKING:\n    from audit.gates.judge import judge\n", "audit.gates.judge"),
        (
            "audit.measurement.inference.auc",
            "\nfrom audit.measurement.metrics.rates import RATES\n",
            "audit.measurement.metrics.rates",
        ),
        ("audit.errors", "\nimport audit.config.read\n", "audit.config.read"),
        ("audit.measurement.rates.rate_table", "\nimport audit.measurement.measure\n", "audit.measurement.measure"),
    ],
)
def test_an_import_planted_anywhere_is_found(module, planted, other):
    graph = draw_graph(SOURCES | {module: SOURCES[module] + planted})
    assert imports_that_point_up(graph) - POINT_UP == {(module, other)}


def test_a_circle_planted_inside_a_function_is_found():
    planted = {"audit.estimate": SOURCES["audit.estimate"] + "\ndef planted():\n    import audit.estimate_user\n"}
    user = {"audit.estimate_user": "from audit.estimate import Estimate\n"}
    circles = find_circles(draw_graph(SOURCES | planted | user))
    assert any("audit.estimate_user" in circle for circle in circles)


def test_a_relative_import_is_refused():
    with pytest.raises(ValueError, match="relative"):
        list(imported_names("from .cube import Cube\n"))
