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
    _version errors credentials estimate group_names row_totals cube axes system tables counting measurement record config gates
    energy checks report pipeline api mlflow wrapping torch sklearn lightning transformers xgboost lightgbm conformance cli
    """,
)
"""A later room may import from an earlier one, never the reverse."""
INSIDE_MEASUREMENT = (
    ("inference",),
    ("metrics",),
    ("grouping", "scope", "estimates", "find", "beside", "comparisons"),
    ("rates",),
    ("scores",),
    ("regression",),
    ("ranking",),
    ("dataset",),
    ("measure", "own_metrics", "epochs"),
)
"""The same inside the largest room."""
POINT_UP = {
    ("audit.checks.expectations.sure_arguments", "audit.report.assets"),
    ("audit.checks.part", "audit.pipeline.plans"),
    ("audit.checks.rules.composition", "audit.pipeline.plans"),
    ("audit.checks.rules.coverage", "audit.pipeline.plans"),
    ("audit.checks.rules.drift", "audit.pipeline.plans"),
    ("audit.checks.rules.label_leakage", "audit.pipeline.plans"),
    ("audit.checks.rules.labels", "audit.pipeline.plans"),
    ("audit.checks.rules.missing", "audit.pipeline.plans"),
    ("audit.checks.rules.same_label", "audit.pipeline.plans"),
    ("audit.checks.rules.small_crossings", "audit.pipeline.plans"),
    ("audit.counting.as_written", "audit.measurement.grouping"),
    ("audit.counting.budget", "audit.measurement.grouping"),
    ("audit.counting.cells", "audit.measurement.grouping"),
    ("audit.counting.count", "audit.measurement.grouping"),
    ("audit.counting.cubes", "audit.measurement.grouping"),
    ("audit.counting.keys", "audit.measurement.grouping"),
    ("audit.counting.kinds.exact_auc", "audit.measurement.grouping"),
    ("audit.counting.kinds.flips", "audit.measurement.grouping"),
    ("audit.counting.kinds.ranking", "audit.measurement.grouping"),
    ("audit.counting.kinds.regression", "audit.measurement.grouping"),
    ("audit.counting.kinds.score_bins", "audit.measurement.grouping"),
    ("audit.counting.kinds.scores", "audit.measurement.grouping"),
    ("audit.counting.plan", "audit.measurement.grouping"),
    ("audit.counting.plan", "audit.measurement.metrics.kinds"),
    ("audit.counting.refusals", "audit.measurement.grouping"),
    ("audit.errors", "audit.credentials"),
    ("audit.measurement.rates.neighbours", "audit.measurement.dataset.representation"),
    ("audit.measurement.rates.strata", "audit.measurement.dataset.representation"),
    ("audit.record.compare", "audit.gates.sentences"),
    ("audit.record.cubes", "audit.config.schema"),
    ("audit.record.reader", "audit.config.read"),
    ("audit.record.reader", "audit.config.schema"),
    ("audit.record.result", "audit.report.card.notebook"),
    ("audit.system.command", "audit.energy.meter"),
    ("audit.tables.formats.parquet", "audit.counting.backends.sql"),
    ("audit.tables.remote", "audit.counting.backends.duckdb"),
    ("audit.tables.remote", "audit.counting.backends.sql"),
    ("audit.tables.table", "audit.counting.backends.sql"),
    ("audit.tables.table", "audit.counting.parts"),
}
"""What points up today. An exception that is no longer needed fails, so that the list only shrinks."""
CIRCLES_OF = [42, 24, 5, 3, 3, 2, 2, 2]
"""Modules in each circle of today."""
LONGEST_FILE = 500


def rank(module: str) -> tuple[int, int]:
    """Return the place of a module's room, and its place in that room where the room has an order."""
    _, room, *rest = module.split(".")
    assert room in ROOMS, f"{module} stands in no room"
    inside = rest[0] if room == "measurement" and rest else ""
    return ROOMS.index(room), next((i for i, row in enumerate(INSIDE_MEASUREMENT) if inside in row), 0)


def imports_that_point_up(graph: dict[str, set[str]]) -> set[tuple[str, str]]:
    return {
        (module, other)
        for module in graph.keys() - PUBLIC_FACE
        for other in graph[module] - PUBLIC_FACE
        if rank(other) > rank(module)
    }


def test_imports_point_one_way():
    assert imports_that_point_up(GRAPH) == POINT_UP


def test_no_more_circles_than_are_known():
    assert [len(circle) for circle in find_circles(GRAPH)] == CIRCLES_OF


@pytest.mark.parametrize(
    ("module", "planted", "other"),
    [
        ("audit.cube", "\ndef planted():\n    from audit.cli.app import main\n", "audit.cli.app"),
        ("audit.cube", "\nif TYPE_CHECKING:\n    from audit.gates.judge import judge\n", "audit.gates.judge"),
        (
            "audit.measurement.inference.auc",
            "\nfrom audit.measurement.metrics.rates import RATES\n",
            "audit.measurement.metrics.rates",
        ),
        ("audit.errors", "\nimport audit.config.read\n", "audit.config.read"),
    ],
)
def test_an_import_planted_anywhere_is_found(module, planted, other):
    graph = draw_graph(SOURCES | {module: SOURCES[module] + planted})
    assert imports_that_point_up(graph) - POINT_UP == {(module, other)}


def test_a_circle_planted_inside_a_function_is_found():
    planted = {"audit.estimate": SOURCES["audit.estimate"] + "\ndef planted():\n    import audit.value_user\n"}
    user = {"audit.value_user": "from audit.estimate import Estimate\n"}
    circles = find_circles(draw_graph(SOURCES | planted | user))
    assert any("audit.value_user" in circle for circle in circles)


def test_a_relative_import_is_refused():
    with pytest.raises(ValueError, match="relative"):
        list(imported_names("from .cube import Cube\n"))


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_file_is_one_subject(name):
    assert len(SOURCES[name].splitlines()) <= LONGEST_FILE
