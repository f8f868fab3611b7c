"""The rooms of the package: what the root holds, how many doors a room has, and nothing in a room's own file but words."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from house.import_graph import draw_graph, read_sources

import audit

PACKAGE = Path(audit.__file__).parent
ROOT = {
    *("__init__.py", "__main__.py", "_version.py", "api.py", "compression.py", "py.typed"),
    *("errors.py", "estimate.py", "cube.py", "axes.py"),
    *("sklearn.py", "torch", "lightning.py", "transformers.py", "xgboost.py", "lightgbm.py", "mlflow.py", "cli"),
    "pytest_plugin.py",
    *(
        "system",
        "tables",
        "text",
        "items",
        "counting",
        "measurement",
        "record",
        "config",
        "gates",
        "faults",
        "energy",
        "edge",
    ),
    *("checks", "report", "pipeline", "wrapping", "conformance"),
}
MOST_ENTRIES = 16
FOUND_BY_FOLDER = {"checks/rules", "measurement/metrics"}
"""Rooms that may have more files, because they are found by their folder."""
SHORT_FILE = 80
SPEAKING = {"__init__.py", "cli/__init__.py", "torch/__init__.py"}
"""Files of rooms that hold more than a docstring, because users import from them."""
ROOMS = sorted(folder for folder in PACKAGE.rglob("*") if folder.is_dir() and folder.name != "__pycache__")


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def entries(folder: Path) -> set[str]:
    hidden = {"__init__.py", "__pycache__", "_assets"}
    return {path.name for path in folder.iterdir() if path.name not in hidden}


def test_the_root_holds_the_nouns_the_faces_and_the_rooms():
    assert entries(PACKAGE) | {"__init__.py"} == ROOT


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_a_room_has_few_doors(room):
    if name_of(room) not in FOUND_BY_FOLDER:
        assert len(entries(room)) <= MOST_ENTRIES


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_the_file_of_a_room_is_a_docstring(room):
    file = room / "__init__.py"
    assert file.exists(), "a room without an __init__.py is in no wheel"
    if name_of(file) not in SPEAKING:
        body = ast.parse(file.read_text()).body
        assert len(body) == 1, "code in the file of a room makes circles; put it into a module"
        assert ast.get_docstring(ast.parse(file.read_text()))


def test_no_room_is_called_like_a_public_function():
    assert not {room.name for room in ROOMS if room.parent == PACKAGE} & set(audit.__all__)


def splinters() -> set[str]:
    """Modules under 80 lines that one other module alone imports, and that would fit into it."""
    sources = read_sources(PACKAGE)
    graph = draw_graph(sources)
    lines = {name: len(text.splitlines()) for name, text in sources.items()}
    found = set()
    for name in sources.keys() - {f"audit.{name_of(room).replace('/', '.')}" for room in ROOMS}:
        importers = [other for other in sources if name in graph[other]]
        if (
            len(importers) == 1
            and lines[name] < SHORT_FILE
            and name.rpartition(".")[0] == importers[0].rpartition(".")[0]
        ):
            found.add(name)
    return found


APART = {
    "audit.gates.waivers": "judge would pass 500 lines with it",
    "audit.report.dashboard.choices": "every page of the dashboard begins with it",
}
"""Splinters that stay, each with its reason."""


def test_a_short_module_with_one_importer_is_part_of_it():
    assert splinters() == APART.keys()


def test_the_page_of_the_house_names_every_room(root):
    page = (root / "docs" / "ARCHITECTURE.md").read_text()
    assert len(page.splitlines()) <= 120
    for entry in sorted(entries(PACKAGE) - {"__main__.py", "_version.py", "py.typed"}):
        assert f"(../audit/{entry})" in page, f"{entry} stands on no line of docs/ARCHITECTURE.md"
    for link in re.findall(r"\(\.\./(audit/[a-z_./]*)\)", page):
        assert (root / link).exists(), link


def test_tests_lie_in_the_rooms_of_what_they_test(root):
    """Beside them: the nouns, the faces of frameworks, both pipelines, the dashboard, the house, and what is no test."""
    beside = {"nouns", "faces", "pipelines", "dashboards", "house", "support", "benchmarks", "simulations", "golden"}
    tests = root / "tests"
    assert {path.name for path in tests.glob("*.py")} == {"conftest.py"}
    for folder in {path.parent.relative_to(tests).as_posix() for path in tests.rglob("test_*.py")}:
        assert folder in beside or (PACKAGE / folder).is_dir(), f"tests/{folder} is no room of the package"
