"""From logs to one table of items: whatever is torn, doubled or mixed is refused, and then nothing is written.

Must not: measure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from audit.axes import INVALID, UNDIRECTED
from audit.errors import QuestionError, SourceError, no_such, printable
from audit.items import tasks as folder
from audit.items.formats import harness, inspect_logs, plain
from audit.items.item import NO_DIRECTION, OUTCOMES, Benchmark, Item, Logged, shown_name
from audit.items.log_files import find_ending, is_packed

if TYPE_CHECKING:
    import pyarrow as pa

TABLES = (".csv", ".tsv", ".parquet", ".arrow", ".feather")
"""Files that can only be of the plain form."""


@dataclass(frozen=True, slots=True)
class ItemTable:
    """Items of one model, each once."""

    items: Sequence[Item]
    logs: tuple[str, ...]

    @property
    def templates(self) -> int:
        """How many templates the items were made from."""
        return len({(item.task, item.template) for item in self.items})

    @property
    def tasks(self) -> tuple[str, ...]:
        """Benchmarks, by name."""
        return tuple(sorted({item.task for item in self.items}))

    @property
    def votes(self) -> tuple[int, int]:
        """Related sentences of StereoSet that few annotators gave their label, and those with known votes."""
        given = [item.votes for item in self.items if item.votes is not None]
        return sum(few for few, _ in given), sum(votes for _, votes in given)

    def count_reasons(self) -> Mapping[str, int]:
        """Return how many items are in no bias score, by the reason; those of no direction have a valid answer."""
        return Counter(item.reason for item in self.items if item.reason is not None)

    def to_arrow(self) -> pa.Table:
        """Return one row an item: see docs/language-models.md for the columns."""
        import pyarrow as pa

        items = self.items
        columns = {
            "item": pa.array([item.item for item in items], pa.string()),
            "task": pa.array([item.task for item in items], pa.string()),
            "template": pa.array([item.template for item in items], pa.string()),
            "group": pa.array([item.group for item in items], pa.string()),
            "condition": pa.array([item.condition for item in items], pa.string()),
            "outcome": pa.array([_name_outcome(item) for item in items], pa.string()),
            "valid": pa.array([int(item.reason in {None, NO_DIRECTION}) for item in items], pa.int8()),
            "reason": pa.array([item.reason for item in items], pa.string()),
        }
        # An answer that is not valid is neither as well; what is counted here is 1 only where the answer is that one.
        for outcome in OUTCOMES:
            columns[outcome] = pa.array([int(i.outcome == outcome and i.reason is None) for i in items], pa.int8())
        columns["correct"] = pa.array([item.correct for item in items], pa.bool_()).cast(pa.int8())
        columns["related"] = pa.array([item.related for item in items], pa.int8())
        columns["few_votes"] = pa.array([item.votes and item.votes[0] for item in items], pa.int8())
        columns["votes"] = pa.array([item.votes and item.votes[1] for item in items], pa.int8())
        for name in sorted(set().union(*(item.further for item in items))):
            columns[name] = pa.array([item.further.get(name) for item in items], pa.string())
        return pa.table(columns)


def read_logs(logs: Sequence[Path], task: str | None = None, mapping: Path | None = None) -> ItemTable:
    """Return the items of some logs, which together hold each item once.

    Parameters
    ----------
    logs
        Of lm-evaluation-harness (.jsonl), of Inspect (.json, .eval), or tables in the plain form.
    task
        Name of the benchmark; found by the fields of its items where it is not given.
    mapping
        File that says where a benchmark that is not known here keeps what is needed.

    Raises
    ------
    SourceError
        Naming file and line of what is torn, doubled or of another task or version.
    QuestionError
        When no benchmark has that name, or both a task and a mapping are given.
    """
    if task is not None and mapping is not None:
        raise QuestionError("--task and --mapping both say what the log is; give one")
    chosen = _choose_benchmark(task, mapping)
    reading, found = _Reading(chosen), []
    seen: dict[tuple[str, str], str] = {}
    for log in logs:
        for where, item in reading.read(log):
            key = item.task, item.item
            if key in seen:
                raise SourceError(
                    f"{where}: item '{printable(item.item, 24)}' of {item.task} again, first at {seen[key]}; "
                    "one table holds the items of one model once"
                )
            seen[key] = where
            found.append(item)
    if not found:
        raise SourceError("the logs hold no item")
    return ItemTable(_name_across_tasks(found), tuple(map(shown_name, logs)))


def _name_across_tasks(items: Sequence[Item]) -> Sequence[Item]:
    """Return items whose names and templates differ between benchmarks, where there are several."""
    from dataclasses import replace

    if len({item.task for item in items}) < 2:
        return items
    return [replace(item, item=f"{item.task}/{item.item}", template=f"{item.task}/{item.template}") for item in items]


def _choose_benchmark(task: str | None, mapping: Path | None) -> Benchmark | None:
    if mapping is not None:
        from audit.items.mapping import read_mapping

        return read_mapping(mapping)
    if task is None:
        return None
    known = find_benchmarks()
    if task not in known:
        raise QuestionError(f"{no_such('task', task, known)}; others are read by a mapping (--mapping)")
    return known[task]


@cache
def find_benchmarks() -> Mapping[str, Benchmark]:
    """Return every benchmark that is known, by name: one file each."""
    names = sorted(module.name for module in iter_modules(folder.__path__))
    found = [import_module(f"{folder.__name__}.{name}").BENCHMARK for name in names]
    return {benchmark.name: benchmark for benchmark in found}


class _Reading:
    """Logs as they are read, one after the other: of one benchmark only one version, and in one file one benchmark."""

    def __init__(self, chosen: Benchmark | None) -> None:
        self._chosen = chosen
        self._versions: dict[str, tuple[str, str]] = {}
        self._fields: dict[str, tuple[str, frozenset[str]]] = {}

    def read(self, log: Path) -> Iterator[tuple[str, Item]]:
        """Yield the items of a log, each after its place."""
        if not log.is_file():
            kind = "is a folder; name its files" if log.is_dir() else "does not exist"
            raise SourceError(f"{shown_name(log)} {kind}")
        ending = find_ending(log)
        if ending in TABLES:
            _refuse_benchmark(log)
            yield from plain.read_plain(log)
        elif ending == ".jsonl":
            yield from self._read_lines(log)
        elif ending == ".json" or (ending == ".eval" and not is_packed(log)):
            yield from self._read_inspect(log, ending)
        else:
            raise SourceError(
                f"{shown_name(log)} is no log that is known: .jsonl of lm-evaluation-harness, .json or .eval of "
                "Inspect, or a table of items (docs/language-models.md); .jsonl and .json also with .gz"
            )

    def _read_lines(self, log: Path) -> Iterator[tuple[str, Item]]:
        lines = harness.read_lines(log)
        where, first = next(lines)
        if harness.is_sample(first):
            samples = harness.HarnessLog()
            logged = (samples.to_logged(at, line) for at, line in _put_back(where, first, lines))
            yield from self._to_items(logged, alike=True)
        elif plain.is_plain(list(first)):
            yield from plain.read_plain(log)
        elif self._chosen is not None:
            every = _put_back(where, first, lines)
            yield from self._to_items(Logged(where=at, item="", doc=line, line=line) for at, line in every)
        else:
            raise SourceError(
                f"{where} is no sample of lm-evaluation-harness (no 'doc' and 'filtered_resps') and no item of the "
                "plain form (no 'item' and 'outcome'); write a mapping (--mapping)"
            )

    def _read_inspect(self, log: Path, ending: str) -> Iterator[tuple[str, Item]]:
        if ending == ".eval":
            return self._to_items(inspect_logs.read_zip(log, self._require_version))
        return self._to_items(inspect_logs.read_json(log, self._require_version))

    def _require_version(self, header: inspect_logs.InspectHeader, shown: str) -> None:
        """Refuse logs of two versions of one task."""
        first, version = self._versions.setdefault(header.task, (shown, header.version))
        if version != header.version:
            raise SourceError(
                f"{shown}: version {printable(header.version)} of {printable(header.task)}, but {first} has version "
                f"{printable(version)}; read the logs of one version"
            )

    def _to_items(self, every: Iterator[Logged], *, alike: bool = False) -> Iterator[tuple[str, Item]]:
        """Yield the items of a log of one benchmark; ``alike`` where all of them have the same fields."""
        benchmark: Benchmark | None = self._chosen
        for logged in every:
            if benchmark is None:
                benchmark = _recognise(logged)
            lacking = min(benchmark.fields - set(logged.doc), default=None)
            if lacking is not None:
                raise SourceError(f"{logged.where}: the item has no '{lacking}', so it is none of {benchmark.name}")
            if alike:
                self._require_fields(benchmark, logged)
            yield logged.where, benchmark.read(logged)

    def _require_fields(self, benchmark: Benchmark, logged: Logged) -> None:
        """Refuse an item with other fields than the items of its benchmark before."""
        fields = frozenset(logged.doc)
        first, known = self._fields.setdefault(benchmark.name, (logged.where, fields))
        if fields != known:
            odd = min(fields ^ known)
            raise SourceError(
                f"{logged.where}: the item {'has' if odd in fields else 'lacks'} '{printable(odd)}', unlike {first}; "
                "the logs mix tasks or versions of one; read each by itself"
            )


def _refuse_benchmark(table: Path) -> None:
    """Refuse the items of a benchmark themselves, which hold no answer of a model."""
    from audit.tables.open import open_table

    columns = open_table(table).columns
    found = next((b.name for b in find_benchmarks().values() if b.fields <= set(columns)), None)
    if found is not None and not plain.is_plain(list(columns)):
        raise SourceError(
            f"{shown_name(table)} holds the items of {found} and no answers of a model; read the log of a model "
            "(lm-evaluation-harness, Inspect), or make one with audit score"
        )


def _put_back(where: str, first: dict[str, Any], rest: Iterator[tuple[str, dict[str, Any]]]) -> Iterator[Any]:
    yield where, first
    yield from rest


def _recognise(logged: Logged) -> Benchmark:
    """Return the benchmark whose fields an item has."""
    known = find_benchmarks().values()
    found = [benchmark for benchmark in known if benchmark.fields <= set(logged.doc)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(benchmark.name for benchmark in found or known)
    said = "can be of several tasks" if found else "is of no task that is known"
    raise SourceError(f"{logged.where}: the item {said} ({names}); name it (--task), or write a mapping (--mapping)")


def _name_outcome(item: Item) -> str:
    """Return how an item ended; an answer that can be read stays valid where the benchmark knows no stereotype."""
    if item.reason is None:
        return item.outcome
    return UNDIRECTED if item.reason == NO_DIRECTION else INVALID


def write_items(table: ItemTable, into: Path) -> None:
    """Write the table of items as Parquet, whole or not at all.

    Raises
    ------
    QuestionError
        When there is a file of that name, or the name does not end in .parquet.
    StoreError
        When it cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from audit.system.atomic import write_bytes

    require_new(into)
    try:
        held = table.to_arrow()
    except UnicodeEncodeError as error:
        # JSON may hold half a character (a lone surrogate), which is no text.
        raise SourceError(
            f"{', '.join(table.logs)}: '{printable(error.object)}' is no text (half a character); correct it in the log"
        ) from None
    sink = pa.BufferOutputStream()
    pq.write_table(held, sink)
    write_bytes(into, sink.getvalue().to_pybytes())


def require_new(into: Path) -> None:
    """Refuse a name that is taken, before anything is read."""
    if into.suffix != ".parquet":
        raise QuestionError(
            f"--into {shown_name(into)}: items are written as Parquet; give a name that ends in .parquet"
        )
    if into.exists():
        raise QuestionError(f"'{shown_name(into)}' exists and is not overwritten; choose another name")
