"""Imports point one way: every import counts, inside functions and for types too."""

from __future__ import annotations

from pathlib import Path

import pytest
from house.import_graph import draw_graph, find_circles, imported_names, read_sources

import audit

PACKAGE = Path(audit.__file__).parent
SOURCES = read_sources(PACKAGE)
GRAPH = draw_graph(SOURCES)
PUBLIC_FACE = {"audit", "audit.__main__"}
"""They name what users see, from wherever it comes."""
LAYERS = (
    ("credentials", "control", "own_streams"), ("errors", "surroundings"), ("innermost",), ("own_process", "command_words"), ("strict_json",), ("value",), ("estimates",), ("cube",), ("events",), ("catalogue",), ("document",), ("footprint",), ("result",), ("inference",), ("fairness",), ("metrics",),
    ("config",), ("grouping", "classes"), ("cells",), ("measurement",), ("own_metrics",), ("finding",), ("footprint_words",), ("group_names", "row_totals"), ("deciding",), ("sentences",), ("beside",), ("four_fifths",), ("checks_found",), ("family",), ("waivers",), ("gates",), ("before_training",), ("assets",), ("evidence", "energy"), ("planning",),
    ("data.twins",), ("engines",), ("plans",), ("data",), ("process",), ("records",), ("epochs",), ("publish",), ("writes",), ("earlier",), ("stages",), ("run", "parts"), ("tracking",), ("given",), ("arrays",),
    ("counted",), ("verification",), ("guard",), ("api", "verify", "compare", "starting", "dashboard"), ("mlflow",), ("wrapping",),
    ("vectors", "conform", "sklearn", "torch", "lightning", "transformers", "xgboost", "lightgbm"), ("cli",),
)  # fmt: skip
"""A later row may import from an earlier one, never the reverse."""
POINT_UP = {
    ("audit.finding", "audit.engines.levels"),
    ("audit.four_fifths", "audit.family"),
    ("audit.result", "audit.epochs"),
    ("audit.result", "audit.finding"),
    ("audit.result", "audit.publish.notebook"),
}
"""What points up today. An exception that is no longer needed fails, so that the list only shrinks."""
CIRCLES_OF = [42, 24, 12, 5, 3, 3, 2, 2, 2]
"""Modules in each circle of today."""
LONGEST_FILE = 500


def rank(module: str) -> int:
    name = module.removeprefix("audit.")
    ranks = [
        (len(prefix), i)
        for i, row in enumerate(LAYERS)
        for prefix in row
        if name == prefix or name.startswith(f"{prefix}.")
    ]
    assert ranks, f"{module} stands in no layer"
    return max(ranks)[1]


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
        ("audit.cube", "\ndef planted():\n    from audit.cli.front import main\n", "audit.cli.front"),
        ("audit.cube", "\nif TYPE_CHECKING:\n    from audit.gates import judge\n", "audit.gates"),
        ("audit.inference.auc", "\nfrom audit.fairness.rates import RATES\n", "audit.fairness.rates"),
        ("audit.errors", "\nimport audit.config.read\n", "audit.config.read"),
    ],
)
def test_an_import_planted_anywhere_is_found(module, planted, other):
    graph = draw_graph(SOURCES | {module: SOURCES[module] + planted})
    assert imports_that_point_up(graph) - POINT_UP == {(module, other)}


def test_a_circle_planted_inside_a_function_is_found():
    planted = {"audit.value": SOURCES["audit.value"] + "\ndef planted():\n    import audit.value_user\n"}
    user = {"audit.value_user": "from audit.value import Estimate\n"}
    circles = find_circles(draw_graph(SOURCES | planted | user))
    assert any("audit.value_user" in circle for circle in circles)


def test_a_relative_import_is_refused():
    with pytest.raises(ValueError, match="relative"):
        list(imported_names("from .cube import Cube\n"))


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_file_is_one_subject(name):
    assert len(SOURCES[name].splitlines()) <= LONGEST_FILE
