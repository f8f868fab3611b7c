"""Counts of a confusion table: those of each class against all others, and which others follow from these.

What is published of several classes is the right answers of each class, its rows by label and its rows by prediction.
From these a wrong answer follows wherever only one way is left to fill its cell in: where the cell lies on no cycle of
rows and columns that still have wrong answers. Such a cell is given away like any other count.

Must not: know what an estimate or a page is.

References
----------
Gusfield (1988), SIAM Journal on Computing 17:552 (a cell of a table follows from its margins where it is a bridge).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isqrt

Cells = tuple[int, ...]
"""Rows by label and prediction, K x K in one line; for two classes TN, FP, FN, TP."""
Node = tuple[str, int]


def by_label(cells: Cells) -> Cells:
    """Rows of each label."""
    width = isqrt(len(cells))
    return tuple(sum(cells[i * width : (i + 1) * width]) for i in range(width))


def by_prediction(cells: Cells) -> Cells:
    """Rows of each prediction."""
    width = isqrt(len(cells))
    return tuple(sum(cells[j::width]) for j in range(width))


def given_away(cells: Cells) -> Cells:
    """Counts of each class against all others, and the wrong answers that follow from them."""
    width, whole = isqrt(len(cells)), sum(cells)
    if width == 2:
        return cells
    found: list[int] = []
    for at, (label, prediction) in enumerate(zip(by_label(cells), by_prediction(cells), strict=True)):
        hit = cells[at * width + at]
        found += [hit, label - hit, prediction - hit, whole - label - prediction + hit]
    return (*found, *(cells[i * width + j] for i, j in _following(cells, width)))


def functionals(cells: Cells) -> tuple[Cells, ...]:
    """For each of `given_away`, 1 where a cell is part of it."""
    width = isqrt(len(cells))
    places = [divmod(i, width) for i in range(len(cells))]
    if width == 2:
        return tuple(tuple(int(a == b) for b in places) for a in places)
    found: list[Cells] = []
    for at in range(width):
        for label, prediction in ((True, True), (True, False), (False, True), (False, False)):
            found.append(tuple(int((i == at) == label and (j == at) == prediction) for i, j in places))
    return (*found, *(tuple(int(a == b) for b in places) for a in _following(cells, width)))


def _following(cells: Cells, width: int) -> Iterator[tuple[int, int]]:
    """Label and prediction of each wrong cell that its row and column sums determine."""
    hits = cells[:: width + 1]
    rows = [i for i, (n, hit) in enumerate(zip(by_label(cells), hits, strict=True)) if n > hit]
    columns = [j for j, (n, hit) in enumerate(zip(by_prediction(cells), hits, strict=True)) if n > hit]
    near: dict[Node, list[Node]] = {("row", i): [("column", j) for j in columns if j != i] for i in rows}
    near |= {("column", j): [("row", i) for i in rows if i != j] for j in columns}
    for one, other in _bridges(near):
        row, column = (one, other) if one[0] == "row" else (other, one)
        yield row[1], column[1]


def _bridges(near: Mapping[Node, list[Node]]) -> Iterator[tuple[Node, Node]]:
    """Edges of a graph that lie on no cycle."""
    seen: dict[Node, int] = {}
    lowest: dict[Node, int] = {}
    for start in near:
        if start in seen:
            continue
        seen[start] = lowest[start] = len(seen)
        stack: list[tuple[Node, Node | None, Iterator[Node]]] = [(start, None, iter(near[start]))]
        while stack:
            node, before, rest = stack[-1]
            after = next(rest, None)
            if after is None:
                stack.pop()
                if before is not None:
                    lowest[before] = min(lowest[before], lowest[node])
                    if lowest[node] > seen[before]:
                        yield before, node
            elif after in seen:
                lowest[node] = min(lowest[node], seen[after]) if after != before else lowest[node]
            else:
                seen[after] = lowest[after] = len(seen)
                stack.append((after, node, iter(near[after])))
