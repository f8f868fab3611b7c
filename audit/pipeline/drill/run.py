"""The drill of one run: each limit, each fault, each place, each size, in so many copies; what is finished is kept.

Must not: hold arithmetic, judge otherwise than `audit gate`, or change the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from audit._version import __version__
from audit.axes import FOLD
from audit.config.read import read_question
from audit.config.schema import Config, GateRule
from audit.errors import QuestionError, StoreError
from audit.estimate import Group, grouping_text, join_words
from audit.faults.drill import DRILL, Asked, Curve, Drill, DrilledGate, digest_document, read_drill
from audit.faults.fault import FAULTS, UNLABELLED, UNPREDICTED, Fault
from audit.faults.found import Tally, make_curve, make_drilled, make_refused, tally_rulings
from audit.faults.plant import Planting
from audit.gates.judge import expand_rules
from audit.pipeline.drill.counts import Kinds, Looked, find_looked, judge_copies, reads
from audit.pipeline.drill.keep import Kept
from audit.record.result import AuditResult, identify_limit
from audit.system.atomic import write_text

LEAST_SEEDS, MOST_SEEDS = 5, 10_000
WEIGHTED = "Weights within a cell of the counts are taken as equal when copies are drawn; their spread is not recorded."
FOLDED = "Copies are drawn by whole folds of the unit, so that rows of one unit stay together."
NO_BASELINE = "Copies are judged by the limits alone, without the baseline."
OWN_COLUMNS = "Each limit is tried by faults in its own groups, not in those of others."
NONE = Fault(name="", title="", sized="", of="", sizes=())


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillJob:
    """What to drill."""

    result: AuditResult
    folder: Path
    """Where the record lies, and the drill is written."""
    faults: Sequence[Fault]
    seeds: int = 100
    seed: int = 0
    place: Path | None = None
    """Folder of the audit.toml, where the tables before training lie; None where only counts are at hand."""
    say: Callable[[str], object] = str
    """Told what is being done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """One size of one fault in one place; of size 0 the copies as they were drawn."""

    looked: Looked
    fault: Fault = NONE
    group: Group = ()
    size: float = 0.0

    @property
    def planting(self) -> Planting | None:
        """Return the fault in its place, as counts have it; None where none is planted."""
        return self.looked.planting(self.fault, self.group, self.size) if self.size else None

    @property
    def key(self) -> str:
        """Return the name of the cell, the same in every drill of one question."""
        rules = ",".join(f"{rule.name} {rule.min} {rule.max}" for rule in self.looked.rules)
        return " | ".join((self.looked.place, rules, self.fault.name, *map(str, self.group), repr(self.size)))


def find_drill(job: DrillJob) -> Drill | None:
    """Return the drill that lies beside a record if another one would find the same; None where there is none.

    It has to be of the same record, version, faults, sizes, copies and seed. Where the tables before training are at
    hand, faults have to be planted in them.
    """
    try:
        found = read_drill(job.folder)
    except StoreError:
        # A file that cannot be read is replaced, as the error itself advises.
        return None
    asked = (__version__, job.seeds, job.seed, _list_asked(job))
    if found is None or (found.version, found.seeds, found.seed, found.faults) != asked:
        return None
    has_tables = job.place is not None and read_question(job.result).data.source is not None
    lacks_rows = any(gate.stage == "checks" and gate.without_fault is None for gate in found.gates)
    return None if has_tables and lacks_rows else found


def _list_asked(job: DrillJob) -> tuple[Asked, ...]:
    return tuple(Asked(fault=fault.name, sizes=fault.sizes) for fault in job.faults)


def drill(job: DrillJob) -> Drill:
    """Drill every limit of a run, write what was found beside its record, and return it.

    Cells that an earlier drill of the same record finished are taken from its folder; what comes of it is the same to
    the byte.

    Raises
    ------
    QuestionError
        When the run has no limits, or the number of seeds makes no sense.
    StoreError
        When the folder cannot be read or written.
    """
    if not LEAST_SEEDS <= job.seeds <= MOST_SEEDS:
        raise QuestionError(f"--seeds is {job.seeds}; ask for {LEAST_SEEDS} to {MOST_SEEDS:,} copies of each size")
    config = read_question(job.result).model_copy(update={"waivers": ()})
    rules = expand_rules(config)
    if not rules:
        raise QuestionError("this run has no limits to drill; set [[gates]] in audit.toml, and run again")
    digest = digest_document(job.folder)
    asked: dict[str, Any] = {"audit": digest, "seeds": job.seeds, "seed": job.seed, "version": __version__}
    kept = Kept.open(job.folder, asked)
    looked, refused = find_looked(job.result, config)
    try:
        found = _drill_counts(looked, job, kept)
        found |= _drill_rows(config, rules, job, kept)
    finally:
        kept.write()
    verdicts = {identify_limit(gate): gate.alone for gate in job.result.gates}
    gates = [found.get(rule) or make_refused(rule, verdicts[identify_limit(rule)], refused[rule]) for rule in rules]
    notes = (*_list_notes(looked, config), *_list_refused(gates))
    made = Drill(**asked, run=job.result.run.id, faults=_list_asked(job), gates=tuple(gates), notes=notes)
    write_text(job.folder / DRILL, made.to_json())
    kept.remove()
    return made


def _drill_rows(config: Config, rules: Sequence[GateRule], job: DrillJob, kept: Kept) -> dict[GateRule, DrilledGate]:
    """Return the limits on data checks, drilled in the tables where these are at hand."""
    asked = tuple(rule for rule in rules if rule.stage == "checks")
    if job.place is None or not asked or config.data.source is None:
        return {}
    from audit.pipeline.drill.rows import RowDrill, Rows

    rows = Rows(config=config, result=job.result, folder=job.place)
    return RowDrill(rows=rows, rules=asked, faults=tuple(job.faults), seed=job.seed).drill(kept, job.say)


def redraw_cards(result: AuditResult, folder: Path, drill: Drill) -> None:
    """Write the report and the cards of a run again, with the drill on them; only those that lie there."""
    from audit.report.card.render import FILES, render_several

    there = {style: folder / name for style, name in FILES.items() if (folder / name).is_file()}
    for style, text in render_several(result, tuple(there), drill=drill).items():
        write_text(there[style], text)


def _drill_counts(looked: Sequence[Looked], job: DrillJob, kept: Kept) -> dict[GateRule, DrilledGate]:
    """Return the limits that follow from counts, drilled."""
    found: dict[GateRule, DrilledGate] = {}
    planned = [_list_cells(one, job.faults) for one in looked]
    total, done = sum(map(len, planned)), 0
    for one, cells in zip(looked, planned, strict=True):
        copies = [one.draw(job.seed, copy) for copy in range(job.seeds)]
        zero = _judge(_Cell(looked=one), copies, job, kept)
        judged: dict[tuple[str, Group], list[tuple[float, list[Tally]]]] = {}
        for cell in cells if not all(tally.is_failing for tally in zero) else ():
            job.say(f"Drilling limits by {grouping_text(one.by) or 'overall'}, size {done + 1:,} of {total:,}")
            judged.setdefault((cell.fault.name, cell.group), []).append((cell.size, _judge(cell, copies, job, kept)))
            done += 1
        for at, rule in enumerate(one.rules):
            curves = () if zero[at].is_failing else tuple(_make_curves(rule, at, one, judged))
            verdict = one.judge(one.kinds)[at].verdict
            found[rule] = make_drilled(rule, verdict, zero[at], curves)
    return found


def _make_curves(
    rule: GateRule, at: int, one: Looked, judged: Mapping[tuple[str, Group], Sequence[tuple[float, Sequence[Tally]]]]
) -> Iterator[Curve]:
    """Yield the curve of every fault in every place, of one of several limits that were judged together."""
    for (name, group), sizes in judged.items():
        if not reads(rule, FAULTS[name]):
            continue
        by = one.by if group else ()
        yield make_curve(rule, FAULTS[name], by, group, [(size, tallies[at]) for size, tallies in sizes])


def _list_cells(one: Looked, faults: Sequence[Fault]) -> list[_Cell]:
    """Return every size of every fault in every place."""
    found = []
    for fault in faults:
        for group in one.places(fault) if one.takes(fault) else ():
            found += [_Cell(looked=one, fault=fault, group=group, size=size) for size in fault.sizes]
    return found


def _judge(cell: _Cell, copies: Sequence[Kinds], job: DrillJob, kept: Kept) -> list[Tally]:
    """Return how each limit was decided in the copies, which an earlier drill may have judged already."""
    if cell.key not in kept.cells:
        one, planting = cell.looked, cell.planting
        expected = one.rule_on(one.kinds if planting is None else one.plant(one.kinds, planting, None))
        kept.add(cell.key, tally_rulings(judge_copies(one, copies, job.seed, planting), expected))
    return kept.cells[cell.key]


def _list_refused(gates: Sequence[DrilledGate]) -> Iterator[str]:
    """Yield what the audit refuses before any limit is judged, if it did so in every copy."""
    curves = list(chain.from_iterable(gate.curves for gate in gates))
    named = []
    for fault in (UNLABELLED, UNPREDICTED):
        last = [curve.points[-1] for curve in curves if curve.fault == fault.name]
        if last and all(point.refused == point.copies for point in last):
            named.append(f"missing {fault.reads}s")
    if named:
        yield f"The audit refuses {join_words(named)} (exit code 2)."


def _list_notes(looked: Sequence[Looked], config: Config) -> Iterator[str]:
    """Yield what a reader has to know about how copies were drawn."""
    cubes = [cube for one in looked for cubes in one.kinds.values() for cube in cubes]
    if any(FOLD in cube.names for cube in cubes):
        yield FOLDED
    if any(cube.weighted for cube in cubes):
        yield WEIGHTED
    if len({one.by for one in looked}) > 1:
        yield OWN_COLUMNS
    if config.baseline is not None:
        yield NO_BASELINE
