"""Limits on data checks, drilled from the rows before training: faults planted in a table that is checked again.

A table is taken as it is: another sample of its rows would hold rows twice, which is a fault itself. So without a fault
there is one copy, and seeds choose which rows a fault hits. Must not: write a table, or train.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from audit.config.schema import Config, GateRule
from audit.counting.backends.duckdb import DuckEngine
from audit.errors import InputError, printable
from audit.estimate import Group
from audit.faults.drill import DrilledGate
from audit.faults.fault import DUPLICATED, LEAKED, MISSING, Fault
from audit.faults.found import REFUSED, Ruling, Tally, make_curve, make_drilled, make_refused, tally_rulings
from audit.faults.plant import RENAMED as NEW_NAME
from audit.gates.judge import Evidence, decide
from audit.pipeline.drill.counts import make_generator
from audit.pipeline.drill.keep import Kept
from audit.pipeline.stages import Findings, OpenTables, check_data
from audit.record.result import AuditResult, Check, Gate, identify_limit
from audit.tables.open import open_frame
from audit.tables.table import Table, quote_identifier

COPIES = 5
"""Of each size; the data checks of one copy take as long as those of the run."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The tables before training, as a run checked them."""

    config: Config
    result: AuditResult
    folder: Path
    """Of the audit.toml."""

    @cached_property
    def tables(self) -> dict[str, Any]:
        """Return the rows of each table by its part, as Arrow tables.

        Raises
        ------
        InputError
            When a table is gone, or is not the one that was checked.
        """
        opened, digests = OpenTables(self.config, self.folder), {part.part: part.digest for part in self.result.data}
        found = {}
        for part, source in self._sources.items():
            table = opened.take(source)
            if table.digest != digests.get(part):
                raise InputError(f"{printable(source)} has changed since the run checked it")
            found[part] = _read(table)
        return found

    @property
    def _sources(self) -> dict[str, str]:
        train = {} if self.config.data.source is None else {"train": self.config.data.source}
        return {**train, **self.config.data.tests}

    def check(self, train: Any) -> tuple[Check, ...]:
        """Return what the data checks of a run find in these rows, before any model."""
        tables = {self._sources[part]: rows for part, rows in self.tables.items()}
        tables[self._sources["train"]] = train
        opened = OpenTables(self.config, self.folder, {name: open_frame(rows, name) for name, rows in tables.items()})
        found = Findings()
        check_data(self.config, opened, found, nullcontext)
        return tuple(found.checks)

    @cached_property
    def others(self) -> tuple[Check, ...]:
        """Return the checks of the run that are not of its tables before training."""
        fresh = Counter((check.code, check.part, check.columns) for check in self.check(self.tables["train"]))
        left = []
        for check in self.result.checks:
            key = (check.code, check.part, check.columns)
            if fresh[key]:
                fresh[key] -= 1
            else:
                left.append(check)
        return tuple(left)

    @cached_property
    def smallest(self) -> tuple[tuple[str, ...], Group]:
        """Return the smallest group of the first group column that has words for names; empty where none has."""
        for column in self.config.data.groups:
            values = self.tables["train"].column(column).to_pylist()
            rows = Counter(value for value in values if isinstance(value, str))
            if rows:
                return (column,), (min(sorted(rows), key=rows.__getitem__),)
        return (), ()

    def takes(self, fault: Fault) -> bool:
        """Return whether a fault can be planted in these tables."""
        if fault.name == LEAKED.name:
            return len(self.tables) > 1
        return fault.in_rows and (fault.everywhere or bool(self.smallest[0]))

    def plant(self, fault: Fault, size: float, rng: np.random.Generator) -> Any:
        """Return the rows that are learned from with a fault in them."""
        train = self.tables["train"]
        if fault.name in {DUPLICATED.name, LEAKED.name}:
            source = train if fault.name == DUPLICATED.name else list(self.tables.values())[1]
            return _add(train, source.take(np.flatnonzero(rng.random(source.num_rows) < size)))
        (column,), (name,) = self.smallest
        new = None if fault.name == MISSING.name else NEW_NAME.format(name)
        hit = rng.random(train.num_rows) < size
        values = zip(train.column(column).to_pylist(), hit.tolist(), strict=True)
        return _with_column(train, column, [new if value == name and at else value for value, at in values])


@dataclass(frozen=True, kw_only=True)
class RowDrill:
    """The limits on data checks of one run, and the tables in which faults are planted."""

    rows: Rows
    rules: tuple[GateRule, ...]
    faults: tuple[Fault, ...]
    seed: int

    def drill(self, kept: Kept, say: Callable[[str], object]) -> dict[GateRule, DrilledGate]:
        """Return every limit, drilled; where the rows are not at hand, why they are not."""
        say("Checking the data without a fault")
        try:
            self.rows.check(self.rows.tables["train"])
        except InputError as error:
            return {rule: make_refused(rule, self._recorded(rule).alone, str(error)) for rule in self.rules}
        now = self._rule_on(self.rows.tables["train"])
        judged = list(self._judge(kept, say))
        return {rule: self._describe(rule, at, now[at], judged) for at, rule in enumerate(self.rules)}

    def _describe(self, rule: GateRule, at: int, now: Ruling, judged: Sequence[_Sizes]) -> DrilledGate:
        gate = self._recorded(rule)
        if gate.estimate is None or now.value != gate.estimate.value:
            return make_refused(rule, gate.alone, "its checks do not come out of the table as the run had them")
        (zero,) = tally_rulings([[now]], [now])
        curves = [
            make_curve(
                rule, one.fault, one.by, one.group, [(size, tallies[at]) for size, tallies in one.tallies], "rows"
            )
            for one in judged
        ]
        return make_drilled(rule, gate.alone, zero, () if zero.is_failing else tuple(curves))

    def _judge(self, kept: Kept, say: Callable[[str], object]) -> Iterator[_Sizes]:
        """Yield every fault with its sizes, each judged in some copies of the table."""
        for fault in self.faults:
            if not self.rows.takes(fault):
                continue
            by, group = ((), ()) if fault.everywhere else self.rows.smallest
            sizes = fault.sizes if fault.everywhere else (fault.sizes[0], *fault.sizes[-1:])
            tallies = []
            for size in dict.fromkeys(sizes):
                say(f"Checking the data with {fault.name} rows, size {size:g}")
                tallies.append((size, self._judge_size(fault, size, kept)))
            yield _Sizes(fault, by, group, tallies)

    def _judge_size(self, fault: Fault, size: float, kept: Kept) -> list[Tally]:
        names = ",".join(f"{rule.name} {rule.min} {rule.max}" for rule in self.rules)
        key = " | ".join(("rows", names, fault.name, repr(size)))
        if key not in kept.cells:
            generators = [make_generator(self.seed, copy, "rows", fault.name) for copy in range(COPIES)]
            found = [self._rule_on(self.rows.plant(fault, size, rng)) for rng in generators]
            # What a check counts has no exact share; the middle copy says what the limit reads.
            middle = sorted(found, key=lambda rulings: [ruling.value or 0.0 for ruling in rulings])[COPIES // 2]
            kept.add(key, tally_rulings(found, middle))
        return kept.cells[key]

    def _rule_on(self, train: Any) -> list[Ruling]:
        """Return what becomes of each limit where these rows are learned from."""
        try:
            checks = (*self.rows.check(train), *self.rows.others)
        except InputError:
            return [Ruling(REFUSED) for _ in self.rules]
        evidence = Evidence(estimates=self.rows.result.estimates, checks=checks)
        return [Ruling.of(decide(rule, evidence)) for rule in self.rules]

    def _recorded(self, rule: GateRule) -> Gate:
        """Return a limit as the record has it."""
        gates = self.rows.result.gates
        return next(g for g in gates if identify_limit(g) == identify_limit(rule))


class _Sizes(NamedTuple):
    """One fault in one place, with the tally of each limit by size."""

    fault: Fault
    by: tuple[str, ...]
    group: Group
    tallies: list[tuple[float, list[Tally]]]


def _read(table: Table) -> Any:
    """Return all rows of a table as an Arrow table."""
    columns = tuple(table.columns)
    with DuckEngine().scan(table, columns) as scan:
        listed = ", ".join(map(quote_identifier, columns))
        return scan.con.sql(f"SELECT {listed} FROM {scan.source}").to_arrow_table()  # noqa: S608


def _add(rows: Any, more: Any) -> Any:
    """Return rows with others behind them, by the columns of the first."""
    import pyarrow as pa

    return pa.concat_tables([rows, more.select(rows.column_names).cast(rows.schema)])


def _with_column(rows: Any, column: str, values: Sequence[str | None]) -> Any:
    """Return rows with other values in one column of text."""
    import pyarrow as pa

    return rows.set_column(rows.column_names.index(column), column, pa.array(values, pa.string()))
