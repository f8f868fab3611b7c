"""The stages of a run: what is read, what is counted, what is found.

Must not: judge, print, or start a process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from audit.checks.codes import make_strata_check, require_codes
from audit.checks.groups import check_declared, check_groups, check_missing_words, check_scores, check_threshold
from audit.config.merging import merge_declared
from audit.config.schema import Config
from audit.counting.backends.choose import count, open_source
from audit.counting.count import write_names_as_text
from audit.counting.plan import Counted, Plan
from audit.counting.refusals import no_rows
from audit.errors import QuestionError, ValuesError, printable
from audit.gates.four_fifths import check_four_fifths
from audit.measurement.estimates import Estimates
from audit.measurement.measure import of_data, of_predictions
from audit.pipeline.plans import list_data_columns, list_required_columns, make_scope, plan_data, plan_predictions
from audit.pipeline.records import record_part, remeasure_from
from audit.record.cubes import CubeRecord, record_part_cube
from audit.record.edge import Edge
from audit.record.epochs import Epoch
from audit.record.result import Check, Part
from audit.tables.table import Table

if TYPE_CHECKING:
    from audit.checks.part import OpenPart

Step = Callable[[str], AbstractContextManager[object]]


@dataclass(slots=True)
class Findings:
    """What the stages have found so far."""

    data: list[Part] = field(default_factory=list)
    cubes: list[CubeRecord] = field(default_factory=list)
    estimates: Estimates = field(default_factory=Estimates)
    checks: list[Check] = field(default_factory=list)
    exit_codes: dict[str, int] = field(default_factory=dict)
    stopped_by: tuple[str, ...] = ()
    """Gates on the data that kept training from starting."""
    continued: tuple[str, ...] = ()
    """Gates on the data that failed and were overridden."""
    interrupted: str = ""
    """Signal that stopped the run from outside while training went on."""
    epochs: tuple[Epoch, ...] = ()
    """What training said of its groups."""
    epoch_notes: tuple[str, ...] = ()
    edge: Edge | None = None
    """What compressed models cost and change."""


@dataclass(slots=True)
class OpenTables:
    """Tables that were opened before the run, each handed on once: a text is parsed when it is opened."""

    config: Config
    folder: Path
    tables: dict[str, Table] = field(default_factory=dict)

    def require(self, source: str, columns: tuple[str, ...], *, keep: bool) -> None:
        """Open a table and refuse what is not in it; it is kept where nothing will write it anew before it is read."""
        table = self.tables.get(source) or self._open(source)
        table.require(columns)
        if keep:
            self.tables[source] = table

    def take(self, source: str) -> Table:
        """Return the table, opened now if it was not before."""
        return self.tables.pop(source, None) or self._open(source)

    def _open(self, source: str) -> Table:
        """Open a file or a pattern of files; a cluster's files are not read whole on this machine for a digest."""
        engine = self.config.data.engine
        dialect = self.config.dialect(source)
        return open_source(source, folder=self.folder, digested=engine != "spark", engine=engine, dialect=dialect)


def require_inputs(config: Config, folder: Path, store: Path | None = None) -> OpenTables:
    """Refuse before any work what is already known to be wrong: grid, suite, tables and columns that are not there."""
    if config.data.source is None and config.predictions is None:
        raise QuestionError("nothing to audit; set [data] source or [predictions] source")
    if config.energy.country is not None:
        from audit.energy.carbon import find_grid

        find_grid(config.energy.country)
    opened, settled = OpenTables(config, folder), config.data.prepare is None
    if config.train is not None:
        from audit.pipeline.earlier_predictions import require_apart

        require_inside(folder, config.train.predictions)
        require_apart(config, folder, store)
    for source in (config.data.source, *config.data.tests.values()) if settled else ():
        if source is not None:
            opened.require(source, list_data_columns(config), keep=True)
    if config.predictions is not None and config.predictions.source is not None:
        opened.require(config.predictions.source, list_required_columns(config), keep=settled)
    if config.checks is not None and config.checks.suite is not None:
        from audit.checks.expectations.suite import read_suite, require_groups

        require_groups(read_suite(folder / config.checks.suite), config.data.groups)
    return opened


def require_left(config: Config, opened: OpenTables) -> None:
    """Refuse what training has left where that is no table of predictions: those of before are kept until one stands.

    Raises
    ------
    InputError
        When it cannot be read, lacks a column, or has no rows.
    """
    source = config.predictions_source
    if source is None:
        return
    opened.require(source, list_required_columns(config), keep=True)
    table = opened.tables[source]
    if table.rows == 0:
        raise no_rows(table.name)


def require_inside(folder: Path, name: str) -> Path:
    """Return the path in the pipeline's folder, where training writes.

    Raises
    ------
    QuestionError
        When a link leads out of the folder.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise QuestionError(
            f"[train] predictions '{printable(name)}' leads out of the pipeline's folder by a link; name a "
            "path inside the folder"
        )
    return path


def check_data(config: Config, opened: OpenTables, found: Findings, step: Step) -> None:
    """Validate the data and measure its bias, before any model exists."""
    if config.data.source is None:
        return
    with step("Reading the data"):
        table = opened.take(config.data.source)
    audit_parts(table, {part: opened.take(source) for part, source in config.data.tests.items()}, config, found, step)
    if config.checks is not None and config.checks.suite is not None:
        found.checks += _check_expectations(opened.folder / config.checks.suite, table, config, step)


def audit_parts(train: Table, held_out: Mapping[str, Table], config: Config, found: Findings, step: Step) -> None:
    """Measure the bias of what is learned from, and check every part of the data."""
    require_codes(config)
    plan = plan_data(config)
    names = replace(plan, strata=config.data.strata)
    parts = {part: _read_names(table, names, config, part) for part, table in {"train": train, **held_out}.items()}
    counts = {"train": _audit_table(parts["train"], config, found, step)}
    for part, table in list(parts.items())[1:]:
        with _naming_part(part):
            table.require(plan.columns)
            counts[part] = _count(config, table, plan, f"Counting the {part} part", step)
        found.data.append(record_part(part, table, counts[part], _find_columns_read(table, config)))
        found.checks += check_groups(counts[part], plan, part)
    for part, table in {"train": train, **held_out}.items():
        found.checks += check_declared(counts[part], plan, part, _find_declared(table, plan, config))
    found.checks += check_rows(parts, config, counts, step)


def _read_names(table: Table, plan: Plan, config: Config, part: str) -> Table:
    """Return a table whose names are written as in its file, with those joined that the configuration joins."""
    named, data = write_names_as_text(table, plan), config.data
    if not data.merged:
        return named
    from audit.counting.backends.merge import merge_levels

    # A level may be missing where another table of the run has it.
    whole = part == "train" or (part == "predictions" and data.source is None)
    return merge_levels(named, data.merged, data.engine, data.master, whole=whole)


def _find_declared(table: Table, plan: Plan, config: Config) -> Mapping[str, tuple[str, ...]]:
    return merge_declared(table.declared(plan.columns), config.data.merged)


@contextmanager
def _naming_part(part: str) -> Iterator[None]:
    """Name the part in what is wrong with its values: labels of held-out rows are read as those that are learned."""
    try:
        yield
    except ValuesError as error:
        raise ValuesError(f"{part} data: {error}") from None


def check_rows(
    parts: Mapping[str, Table], config: Config, counts: Mapping[str, Counted], step: Step
) -> tuple[Check, ...]:
    """Check the rows themselves; nothing where only counts were kept, or another machine reads the rows."""
    if not all(_has_rows(table, config) for table in parts.values()):
        return ()
    from audit.checks.part import open_parts

    with open_parts(parts, config, plan_data(config), make_scope(config), counts) as looked:
        each = [_check_part(part, step) for part in looked]
    return tuple(check for of_parts in zip(*each, strict=True) for checks in of_parts for check in checks)


def _check_part(part: OpenPart, step: Step) -> list[list[Check]]:
    """Return checks of one part, by kind; what no question named may be damaged too, and is then this table's fault."""
    from audit.checks.registry import kinds

    found, columns = [], f"{len(part.columns):,} columns"
    with part.table.reading():
        for at, kind in enumerate(kinds(), 1):
            with step(f"Checking {part.part}, check {at} of {len(kinds())}, {columns}"):
                found.append(list(kind.find(part)))
    return found


def _has_rows(table: Table, config: Config) -> bool:
    """Return whether rows can be looked at, and not only counts or another machine's."""
    return config.data.engine != "spark" and table.rows_here


def _find_columns_read(table: Table, config: Config) -> tuple[str, ...]:
    """Return the columns that are read: all of plain values where rows are looked at, else those that are counted."""
    asked = plan_data(config).columns
    if not _has_rows(table, config):
        return asked
    from audit.checks.part import readable

    return readable(table, asked)


def _audit_table(table: Table, config: Config, found: Findings, step: Step) -> Counted:
    """Count one table before training and measure its bias."""
    table.require(list_data_columns(config))
    plan = plan_data(config)
    counted = _count(config, table, plan, "Counting the data", step)
    found.data.append(record_part("train", table, counted, _find_columns_read(table, config)))
    found.cubes += _make_records("train", counted)
    found.checks += check_groups(counted, plan, "train")
    labelled = plan.label is not None
    found.estimates += of_data(counted.by_kind, make_scope(config), labelled=labelled, classes=plan.classes)
    return counted


def audit_predictions(config: Config, opened: OpenTables, found: Findings, step: Step) -> None:
    """Count the predictions once, and compute every rate of every group."""
    source = config.predictions_source
    if source is None:
        return
    audit_model(take_predictions(config, opened, source), config, found, step)
    measure_all(found, step)


def take_predictions(config: Config, opened: OpenTables, source: str) -> Table:
    """Return the table of predictions, which training may have failed to leave."""
    if config.train is not None and not (opened.folder / source).exists():
        from audit.pipeline.earlier_predictions import make_left_none_error

        raise make_left_none_error(source)
    return opened.take(source)


def audit_model(table: Table, config: Config, found: Findings, step: Step) -> None:
    """Count one table of predictions and measure every rate."""
    plan = plan_predictions(config)
    absent = [c for c in config.data.strata if c not in table.columns]
    if config.data.strata and not absent:
        plan = replace(plan, strata=config.data.strata)
    declared = _find_declared(table, plan, config)
    table = _read_names(table, plan, config, "predictions")
    counted = _count(config, table, plan, "Counting the predictions", step)
    found.checks += check_declared(counted, plan, "predictions", declared)
    found.data.append(record_part("predictions", table, counted, plan.columns))
    measure_model(counted, plan, config, found, step)
    if absent:
        found.checks.append(make_strata_check(absent))


def measure_model(counted: Counted, plan: Plan, config: Config, found: Findings, step: Step) -> None:
    """Measure every rate of predictions that were counted."""
    found.cubes += _make_records("predictions", counted)
    found.checks += (*check_threshold(counted, config), *check_missing_words(counted, plan, "predictions"))
    found.checks += (*check_groups(counted, plan, "predictions"), *check_scores(counted, plan))
    with step("Computing metrics"):
        found.estimates += of_predictions(plan.task, counted.by_kind, make_scope(config))
    found.checks += check_four_fifths(found.estimates, config, remeasure_from(config, found.cubes))
    if plan.strata:
        found.checks.append(make_strata_check(()))


def measure_all(found: Findings, step: Step) -> None:
    """Ask for every number, so that an error in one lies where it is measured, and not where it is written."""
    with step("Computing metrics"):
        tuple(found.estimates)


def _count(config: Config, table: Table, plan: Plan, what: str, step: Step) -> Counted:
    with step(what):
        return count(table, plan, config.data.engine, config.data.master)


def _make_records(part: str, counted: Counted) -> list[CubeRecord]:
    return [record_part_cube(part, kind, cube) for kind, cubes in counted.by_kind.items() for cube in cubes]


def _check_expectations(path: Path, table: Table, config: Config, step: Step) -> tuple[Check, ...]:
    from audit.checks.expectations.checks import answer_suite, read_suite

    suite = read_suite(path)
    with step("Checking expectations"):
        return answer_suite(suite, table, config.checks.per_group if config.checks else (), config.data.bins)
