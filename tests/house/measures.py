"""Measures of the code's style; ``python tests/house/measures.py`` prints them; their limits stand in `test_measures.py`."""

from __future__ import annotations

import ast
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median

VERBS = frozenset(
    re.findall(
        r"\w+",
        """
    accept add adjust advise align allow alternate annotate answer append apply approximate ask assemble assert attach audit
    await balance begin bind bisect bound break bring build bump calculate calibrate call can cap carry catch change check choose
    classify clean clear clip close collapse collect combine compare compile complete compose compute conclude connect contain
    continue convert copy correct count cover create cross cut decide declare decode define delete derive describe detect
    divide draw drop embed emit encode end ensure enter escape estimate exclude execute expand expect explain export extend
    extract fail fetch fill filter find finish fit flag flatten fold follow forget form format freeze gather generate get give
    go group guard guess halve handle has have hide hold ignore import include infer inspect install integrate interpolate
    invert invite is iterate join judge keep kill know label last lay leave lend let lift limit link list load locate lock
    log look lower make map mark mask match may measure merge mix model move multiply must name narrow need normalize note
    notify observe open order own pack pad pair parse part pass pick place plan plot point pool predict prepare preserve
    print probe project propose protect prove prune publish pull push put query quote raise range rank read rebuild
    recompute record recount reduce refuse register release remove rename render repair repeat replace report require reset
    resolve restore return round run sample save say scale scan score search see select send separate serialize set settle
    share shift shorten should show shrink sign skip sleep slice smooth solve sort speak spell split spread stand start state
    stop store stream strip subtract suggest sum summarize suppress switch take tally tell test tidy tie time total trace
    track train translate trim try turn unite unpack update use validate verify visit wait walk warn watch weigh widen
    withhold wrap write yield
    """,
    )
)
PARTICIPLE = re.compile(
    r"^_?(?!need|feed|seed|speed|embed|proceed|exceed|shed|red|bed)[a-z]+(?:ed|[^e]en|wn|ught|old|ade|ound|eft|aid|ept|ent|orn)$"
)
NOUNS_ARE_THE_FIELDS = ("measurement/inference/", "measurement/metrics/")


@dataclass(frozen=True)
class Source:
    """One file of a package and its syntax tree."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree: walked once, because a dozen measures ask for it."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def lines(self) -> int:
        return len(self.text.splitlines())

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        yield from (n for n in self.nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))

    def names_of_functions(self) -> Iterator[str]:
        """Yield functions of the module itself, where the names are the author's and not the field's."""
        if not self.name.startswith(NOUNS_ARE_THE_FIELDS):
            yield from (n.name for n in self.tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def read_package(package: Path) -> list[Source]:
    """Return the files of a package that hold more than five lines."""
    sources = [Source(p.relative_to(package).as_posix(), p.read_text()) for p in sorted(package.rglob("*.py"))]
    return [source for source in sources if source.lines > 5]


def quantile(values: list[int], share: float) -> int:
    """Return the smallest value that at least this share of the values does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function without its docstring."""
    has_docstring = ast.get_docstring(function) is not None and len(function.body) > 1
    start = function.body[1].lineno - 1 if has_docstring else function.lineno
    return (function.end_lineno or start) - start


NESTS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match, ast.AsyncFor, ast.AsyncWith)


def depth(node: ast.AST) -> int:
    """Return how deep blocks lie in each other; a function inside a function begins anew."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        is_elif = isinstance(node, ast.If) and node.orelse == [child] and isinstance(child, ast.If)
        deepest = max(deepest, depth(child) + (isinstance(child, NESTS) and not is_elif))
    return deepest


def _is_annotated(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    return function.returns is not None and all(a.annotation for a in arguments if a.arg not in {"self", "cls"})


def _public_items(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node


def _private_functions_used_once(sources: list[Source]) -> tuple[int, int]:
    """Return how many private functions of modules are named once besides their definition, and how many there are."""
    once = total = 0
    for source in sources:
        used = Counter(n.id for n in source.nodes if isinstance(n, ast.Name))
        names = [n.name for n in source.tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith("_")]
        once += sum(used[name] == 1 for name in names)
        total += len(names)
    return once, total


def _nested_conditionals(source: Source) -> int:
    return sum(
        any(isinstance(inner, ast.IfExp) for child in ast.iter_child_nodes(node) for inner in ast.walk(child))
        for node in source.nodes
        if isinstance(node, ast.IfExp)
    )


COMPREHENSIONS = (ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)


def _tuples_from_comprehensions(source: Source) -> int:
    return sum(
        isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Tuple)
        and isinstance(node.value, COMPREHENSIONS)
        for node in source.nodes
    )


def _double_comprehensions(source: Source) -> int:
    return sum(isinstance(node, COMPREHENSIONS) and len(node.generators) > 1 for node in source.nodes)


def _comment_lines(text: str) -> int:
    lines = [line.strip() for line in text.splitlines()]
    return sum(line.startswith("#") and not re.match(r"# (type|noqa|fmt|ruff|mypy)", line) for line in lines)


def _count_nodes(sources: list[Source], kind: type[ast.AST]) -> int:
    return sum(isinstance(node, kind) for source in sources for node in source.nodes)


def measure(package: Path) -> dict[str, float]:
    """Return every measure of a package by name."""
    sources = read_package(package)
    kloc = sum(source.lines for source in sources) / 1000
    files = [source.lines for source in sources]
    functions = [function for source in sources for function in source.functions()]
    lengths = [length(function) for function in functions]
    depths = [depth(function) for function in functions]
    names = [name for source in sources for name in source.names_of_functions()]
    public = [item for source in sources for item in _public_items(source)]
    used_once, private = _private_functions_used_once(sources)
    return {
        "files": len(sources),
        "kloc": kloc,
        "file lines, median": median(files),
        "file lines, p90": quantile(files, 0.9),
        "file lines, max": max(files),
        "function lines, median": median(lengths),
        "function lines, p90": quantile(lengths, 0.9),
        "function lines, p99": quantile(lengths, 0.99),
        "nesting, p99": quantile(depths, 0.99),
        "nesting, max": max(depths),
        "annotated functions, %": 100 * sum(map(_is_annotated, functions)) / len(functions),
        "public items documented, %": 100 * sum(bool(ast.get_docstring(item)) for item in public) / len(public),
        "module functions that begin with a verb, %": 100 * sum(map(_begins_with_verb, names)) / len(names),
        "module functions that are a past participle, %": 100 * sum(map(_is_participle, names)) / len(names),
        "public functions and classes per kloc": len(public) / kloc,
        "private functions used once, %": 100 * used_once / max(private, 1),
        "conditional expressions per kloc": _count_nodes(sources, ast.IfExp) / kloc,
        "nested conditional expressions": sum(_nested_conditionals(source) for source in sources),
        "tuples from comprehensions per kloc": sum(_tuples_from_comprehensions(s) for s in sources) / kloc,
        "double comprehensions per kloc": sum(_double_comprehensions(s) for s in sources) / kloc,
        "comment lines per kloc": sum(_comment_lines(source.text) for source in sources) / kloc,
        "fmt: skip": sum(source.text.count("# fmt: skip") for source in sources),
    }


def _begins_with_verb(name: str) -> bool:
    return name.lstrip("_").split("_")[0] in VERBS


def _is_participle(name: str) -> bool:
    return not _begins_with_verb(name) and bool(PARTICIPLE.match(name.split("_")[0] or name.lstrip("_").split("_")[0]))


def main(package: str = "audit") -> None:
    """Print the measures of a package."""
    for name, value in measure(Path(package)).items():
        sys.stdout.write(f"{name:<50}{value:10.1f}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
