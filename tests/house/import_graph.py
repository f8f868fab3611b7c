"""The graph of imports between the modules of a package, every import counted: inside functions and for types too."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path


def read_sources(package: Path) -> dict[str, str]:
    """Return the text of each module under its dotted name; a package stands under its own name."""
    sources = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        sources[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text()
    return sources


@cache
def imported_names(text: str) -> tuple[str, ...]:
    """Return what a module imports, as dotted names; a relative import is refused, because it hides its target."""
    names: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level or not node.module:
                raise ValueError("a relative import: write the whole name")
            names += (f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(names)


def draw_graph(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Return, for each module, the modules of the same package that it imports."""
    return {
        name: {found for imported in imported_names(text) if (found := _module_of(imported, sources))} - {name}
        for name, text in sources.items()
    }


def _module_of(imported: str, sources: Mapping[str, str]) -> str | None:
    """Return the module that an imported name is, or lies in; None where it is of another package."""
    while imported:
        if imported in sources:
            return imported
        imported = imported.rpartition(".")[0]
    return None


def find_circles(graph: Mapping[str, set[str]]) -> list[frozenset[str]]:
    """Return the strongly connected components of more than one module (Tarjan 1972), the largest first."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    circles: list[frozenset[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in sorted(graph[module]):
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            component = frozenset(stack[stack.index(module) :])
            del stack[stack.index(module) :]
            if len(component) > 1:
                circles.append(component)

    for module in sorted(graph):
        if module not in index:
            visit(module)
    return sorted(circles, key=lambda circle: (-len(circle), sorted(circle)))
