"""Limits drilled from recorded counts: copies are drawn, faults planted, and each copy judged as the run was.

Must not: read rows, or judge otherwise than `audit gate`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, product

import numpy as np

from audit.axes import FOLD, LABEL, ORIGIN, PREDICTION, SCORE, CubeKind
from audit.config.schema import Config, GateRule
from audit.counting.labels import refuse_missing
from audit.cube import Cube
from audit.errors import InputError
from audit.estimate import WORST_CLASS, Group, Stage, join_words
from audit.faults.fault import Fault
from audit.faults.found import REFUSED, Ruling
from audit.faults.means import find_spread
from audit.faults.plant import Planting, can_be_copied, draw_with, find_lost, resample, take_expected
from audit.gates.judge import Evidence, decide, expand_rules
from audit.measurement.estimates import Estimates
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.measurement.metrics.kinds import Criterion
from audit.pipeline.records import PARTS, measure_grouping
from audit.record.cubes import to_cube
from audit.record.result import AuditResult, Gate, identify_limit

Kinds = Mapping[CubeKind, tuple[Cube, ...]]
MOST_PLACES = 4
"""Groups of one grouping in which faults are planted: from the largest to the smallest, evenly by rank."""
TASKS = ("classification", "multiclass", "regression")
REGRESSION = ("mean_error", "mean_prediction")
"""Metrics of a regression that are means of sums, so that copies and shifts of them follow."""
CLOSE = 1e-9
NO_COUNTS = "its numbers do not follow from recorded counts of groups, labels and predictions alone"
NO_ROWS_HERE = "it needs the rows; drill the audit.toml instead"
NO_METER = "it is on energy, in which no fault is planted"
NO_ROWS = "the recorded counts have no rows"


@dataclass(frozen=True, kw_only=True)
class Looked:
    """The limits that look at one grouping of one stage, and the counts that they rest on."""

    config: Config
    stage: Stage
    by: tuple[str, ...]
    rules: tuple[GateRule, ...]
    kinds: Kinds
    scores: Cube | None = None
    """Rows by group, label and bin of the score, where predictions are made from scores."""

    @property
    def place(self) -> str:
        """Return the name of the grouping, for seeds and for what is kept."""
        return f"{self.stage}|{'|'.join(self.by)}"

    @cached_property
    def metrics(self) -> frozenset[str]:
        """Return the rates that the limits rest on."""
        named = {rule.metric.removeprefix(WORST_CLASS) for rule in self.rules}
        entries = [CATALOGUE.find(name) for name in named]
        parts = chain.from_iterable(entry.rates for entry in entries if isinstance(entry, Criterion))
        return frozenset((*named, *parts))

    @cached_property
    def compares(self) -> frozenset[str]:
        """Return the comparisons that the limits rest on; that of a limit on everybody's own value has no name."""
        return frozenset(rule.compare or "" for rule in self.rules)

    def judge(self, kinds: Kinds) -> list[Gate]:
        """Return the verdict on each limit, by the way of `audit gate`: counts, estimates, limits.

        Raises
        ------
        InputError
            When the audit refuses the counts, as those of rows without a label.
        """
        _refuse_missing(kinds[CubeKind.CROSSINGS][0])

        def measure(stage: Stage, by: tuple[str, ...], without: frozenset[Group]) -> Estimates:
            return measure_grouping(self.config, stage, kinds, by, without, self.metrics, self.compares)

        estimates = measure(self.stage, self.by, frozenset())
        evidence = Evidence(estimates=estimates, remeasure=measure)
        return [decide(rule, evidence, self.config.policy.least_rows) for rule in self.rules]

    def rule_on(self, kinds: Kinds) -> list[Ruling]:
        """Return what becomes of each limit; where the audit refuses the counts with an error, of all the same."""
        try:
            return [Ruling.of(gate) for gate in self.judge(kinds)]
        except InputError:
            return [Ruling(REFUSED) for _ in self.rules]

    def draw(self, seed: int, copy: int) -> Kinds:
        """Return another sample of the same counts."""
        return _change_each(
            self.kinds, lambda at, cube: resample(cube, make_generator(seed, copy, f"{self.place}|{at}"))
        )

    def places(self, fault: Fault) -> tuple[Group, ...]:
        """Return the groups in which a fault is planted, the largest first; all rows are the group of no column."""
        if fault.everywhere or not self.by:
            return ((),)
        cube = self.kinds[CubeKind.CROSSINGS][0].keep(*self.by)
        groups = dict(zip(product(*(axis.levels for axis in cube.axes)), cube["n"].ravel().tolist(), strict=True))
        named = [group for group, rows in groups.items() if rows and None not in group]
        known = sorted(named, key=lambda group: (-groups[group], str(group)))
        if len(known) <= MOST_PLACES:
            return tuple(known)
        ranks = [round(i * (len(known) - 1) / (MOST_PLACES - 1)) for i in range(MOST_PLACES)]
        return tuple(known[rank] for rank in ranks)

    def takes(self, fault: Fault) -> bool:
        """Return whether a fault can be planted in these counts, and some limit reads what it changes."""
        if not fault.in_counts or not any(reads(rule, fault) for rule in self.rules):
            return False
        if (fault.renames and not self.by) or (fault.of_two_classes and self.config.classes):
            return False
        if self.stage == "model" and _is_regression(self.config):
            # Sums have no axis of labels, predictions or scores.
            return not fault.reads and not fault.of_scores
        if fault.of_means:
            return False
        return not fault.of_scores or self.scores is not None or CubeKind.SCORES in self.kinds

    def planting(self, fault: Fault, group: Group, size: float) -> Planting:
        """Return a fault in its place."""
        by = self.by if group else ()
        lost, amount = None, 0.0
        if fault.of_means:
            amount = size * find_spread(self.kinds[CubeKind.CROSSINGS][0])
        if fault.of_scores and self.scores is not None and self.config.predictions is not None:
            threshold = float(self.config.predictions.threshold)
            lost = find_lost(self.scores, by, group, size, threshold)
        return Planting(fault=fault.name, by=by, group=group, size=size, lost=lost, amount=amount)

    def plant(self, kinds: Kinds, planting: Planting, rng: np.random.Generator | None) -> Kinds:
        """Return the counts with a fault in them; on average where nothing is drawn."""
        take = take_expected if rng is None else draw_with(rng)
        return _change_each(kinds, lambda _, cube: planting.plant(cube, take))


def _refuse_missing(cube: Cube) -> None:
    """Refuse a missing label or prediction as the count of rows does, by the same rule."""
    for role in (LABEL, PREDICTION):
        if role in cube.names and None in cube.axis(role).levels:
            refuse_missing(dict(zip(cube.axis(role).levels, cube.keep(role)["n"].tolist(), strict=True)), role)


def _change_each(kinds: Kinds, change: Callable[[str, Cube], Cube]) -> Kinds:
    """Return all cubes, each changed; a change is told the cube's place."""
    return {kind: tuple(change(f"{kind}{at}", cube) for at, cube in enumerate(cubes)) for kind, cubes in kinds.items()}


def reads(rule: GateRule, fault: Fault) -> bool:
    """Return whether a limit reads what a fault changes of a row: labels, or predictions."""
    entry = CATALOGUE.find(rule.metric.removeprefix(WORST_CLASS))
    return entry is None or not fault.reads or fault.reads in entry.needs


def make_generator(*words: int | str) -> np.random.Generator:
    """Return a generator of its own for each seed, copy and place, on every machine the same."""
    return np.random.default_rng([zlib.crc32(word.encode()) if isinstance(word, str) else word for word in words])


def judge_copies(looked: Looked, copies: Sequence[Kinds], seed: int, planting: Planting | None) -> list[list[Ruling]]:
    """Return the verdicts on each copy of the counts, with a fault in it where one is given."""
    found = []
    for copy, kinds in enumerate(copies):
        planted = kinds
        if planting is not None:
            # One stream for all sizes of a fault, so that a larger one hits the rows of a smaller one and more.
            words = (looked.place, planting.fault, "|".join(map(str, planting.group)))
            planted = looked.plant(kinds, planting, make_generator(seed, copy, *words))
        found.append(looked.rule_on(planted))
    return found


def find_looked(result: AuditResult, config: Config) -> tuple[list[Looked], dict[GateRule, str]]:
    """Return the limits on groups by what they look at, and why each of the others cannot be drilled from counts."""
    grouped: dict[tuple[Stage, tuple[str, ...]], list[GateRule]] = {}
    refused: dict[GateRule, str] = {}
    for rule in expand_rules(config):
        if rule.stage in PARTS:
            grouped.setdefault((rule.stage, rule.by or ()), []).append(rule)
        else:
            refused[rule] = NO_ROWS_HERE if rule.stage == "checks" else NO_METER
    looked: list[Looked] = []
    for (stage, by), rules in grouped.items():
        looked += _look(result, config, stage, by, rules)
        drilled = {rule for one in looked for rule in one.rules}
        refused |= {rule: _reason_against(result, config, stage) for rule in rules if rule not in drilled}
    return looked, refused


def _is_regression(config: Config) -> bool:
    return config.predictions is not None and config.predictions.task == "regression"


def _reason_against(result: AuditResult, config: Config, stage: Stage) -> str:
    if stage == "model" and config.predictions is not None and config.predictions.task not in TASKS:
        return f"no copies are drawn of the sums that a {config.predictions.task} is counted by"
    if stage == "model" and _is_regression(config):
        return f"no copies are drawn of its sums; of a regression {join_words(REGRESSION)} are drilled"
    if not any(record.part == PARTS[stage] for record in result.cubes):
        return NO_ROWS
    return NO_COUNTS


def _look(
    result: AuditResult, config: Config, stage: Stage, by: tuple[str, ...], rules: Sequence[GateRule]
) -> Iterator[Looked]:
    """Yield the limits that follow from the crossings alone, then those that need further counts."""
    if stage == "model" and (config.predictions is None or config.predictions.task not in TASKS):
        return
    left = [rule for rule in rules if stage != "model" or not _is_regression(config) or rule.metric in REGRESSION]
    for kinds in _choose_kinds(result, stage, by):
        looked = Looked(
            config=config, stage=stage, by=by, rules=tuple(left), kinds=kinds, scores=_find_scores(result, config, by)
        )
        same = [rule for rule, gate in zip(left, looked.judge(kinds), strict=True) if _is_recorded(gate, result)]
        if same:
            yield replace(looked, rules=tuple(same))
        left = [rule for rule in left if rule not in same]
        if not left:
            return


def _choose_kinds(result: AuditResult, stage: Stage, by: tuple[str, ...]) -> Iterator[Kinds]:
    """Yield the least counts that hold a grouping, then all of which copies can be drawn."""
    kinds: dict[CubeKind, list[Cube]] = {}
    for record in result.cubes:
        if record.part == PARTS[stage] and record.kind is not None:
            kinds.setdefault(record.kind, []).append(to_cube(record))
    holding = [cube for cube in kinds.get(CubeKind.CROSSINGS, []) if set(by) <= set(cube.names)]
    if not holding or not can_be_copied(holding[0]):
        return
    least = min(holding, key=lambda cube: cube["n"].size)
    axes = (*by, *(name for name in (LABEL, PREDICTION, FOLD, ORIGIN) if name in least.names))
    crossed = (least.keep(*axes),)
    yield {CubeKind.CROSSINGS: crossed}
    further = {
        kind: tuple(c for c in cubes if set(by) <= set(c.names) and can_be_copied(c)) for kind, cubes in kinds.items()
    }
    yield {**{kind: cubes for kind, cubes in further.items() if cubes}, CubeKind.CROSSINGS: crossed}


def _find_scores(result: AuditResult, config: Config, by: tuple[str, ...]) -> Cube | None:
    """Return rows by bin of the score where the threshold makes the predictions; None where they are given."""
    asked = config.predictions
    if asked is None or asked.score is None or asked.prediction is not None or asked.threshold == "median":
        return None
    return find_score_counts(result, by)


def find_score_counts(result: AuditResult, by: tuple[str, ...]) -> Cube | None:
    """Return rows by groups, label and bin of the score; None where none were counted by these columns."""
    for record in result.cubes:
        if record.kind is CubeKind.SCORES and {*by, LABEL, SCORE} <= {axis.name for axis in record.axes}:
            return to_cube(record)
    return None


def _is_recorded(gate: Gate, result: AuditResult) -> bool:
    """Return whether counts alone give a limit what the record has for it."""
    known = next((g for g in result.gates if identify_limit(g) == identify_limit(gate)), None)
    if known is None or known.estimate is None or gate.estimate is None:
        return False
    pairs = ((known.estimate.value, gate.estimate.value), (known.low, gate.low), (known.high, gate.high))
    return all(one == other or _are_close(one, other) for one, other in pairs)


def _are_close(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and abs(one - other) <= CLOSE * max(1.0, abs(one))
