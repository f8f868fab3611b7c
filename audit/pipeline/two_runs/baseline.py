"""The baseline of a run: read, refused where it cannot be compared, and kept as far as limits need it.

Must not: judge, or compare with a record that is not as its run wrote it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from audit.axes import AGAINST, FOLD, LABEL, PREDICTION, CubeKind
from audit.config.read import read_question
from audit.config.schema import Config
from audit.errors import AuditError, InputError, QuestionError, StoreError, printable
from audit.estimate import Group, Stage
from audit.gates.baseline import keep_gates
from audit.gates.judge import expand_rules, judge_again
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.measurement.metrics.kinds import Rate
from audit.pipeline.records import remeasure_from
from audit.pipeline.two_runs.paired_runs import PairedRuns, can_be_paired, pair_runs
from audit.pipeline.verify import compare_writing, describe_differences
from audit.record.baseline import Baseline, BaselineGate, Sampling
from audit.record.cubes import PREDICTIONS, TRAIN, CubeRecord, to_cube
from audit.record.reader import read_result
from audit.record.result import DOCUMENT, AuditResult, Gate, LimitKey, identify_limit
from audit.record.store import LATEST, Store
from audit.report.disclosure.publishable import find_k, publishable

NONE = "none"
"""Names no baseline, where a file names one."""
AS_BEFORE = (
    ("model", "name"),
    *(("data", key) for key in ("label", "positive", "classes", "bins", "merge", "reference_group", "unit", "weight")),
    *(("predictions", key) for key in ("label", "task", "against")),
    *(("policy", key) for key in ("confidence", "least_rows")),
)
"""Keys of a configuration without which two runs answer different questions."""
PARTS: Mapping[Stage, str] = {"data": TRAIN, "model": PREDICTIONS}
MEND = "make a new one from a run that you accept: audit baseline update RUN"
RATES = ("base_rate", "selection_rate")
"""Rates whose counts tell whether the groups of two tables are the same people."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A baseline that was read, and holds what it says."""

    result: AuditResult
    digest: str
    source: str
    folder: Path
    """Where its record lies."""


def open_baseline(config: Config, folder: Path, store: Store) -> Earlier | None:
    """Return the baseline that a configuration names; None where it names none.

    Raises
    ------
    QuestionError
        When it cannot be read, was changed after its run, or answers another question.
    """
    if config.baseline is None:
        return None
    named = config.baseline.result
    shown = f"baseline '{printable(named, 200)}'"
    if named == LATEST and not (folder / named).exists():
        raise QuestionError(
            f"{shown} would move by itself, so that each failure is known one run later; name a file or the id of a run"
        )
    try:
        place = folder / named
        if not place.exists():
            place = store.find(named)
        result = read_result(place)
        file = place / DOCUMENT if place.is_dir() else place
        digest = f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
        _require_whole(result, file)
    except (StoreError, OSError) as error:
        raise QuestionError(f"{shown} cannot be used: {printable(error, 400)}; {MEND}") from error
    _require_comparable(result, config, shown)
    return Earlier(result, digest, named, file.parent)


def _require_whole(result: AuditResult, file: Path) -> None:
    """Refuse a record that is not as its run wrote it, or that is of no whole run."""
    amiss = (*describe_differences(result), *compare_writing(result, file))
    if amiss:
        raise StoreError(f"it was changed after the run, or written by another version: {printable(amiss[0], 240)}")
    if result.verdict == "incomplete":
        raise StoreError("its run is incomplete, so its limits were not judged")


def _require_comparable(result: AuditResult, config: Config, shown: str) -> None:
    """Refuse a baseline of another question: another model, label, outcome, grouping or confidence."""
    before = read_question(result)
    for section, key in AS_BEFORE:
        then, now = _read_key(before, section, key), _read_key(config, section, key)
        if then != now:
            raise QuestionError(
                f"{shown} is of another configuration: [{section}] {key} was {_show(then)} there and is {_show(now)} "
                f"here; use the baseline of this one, or {MEND}"
            )
    names = {gate.name for gate in result.gates}
    asked = {rule.name for rule in expand_rules(config)}
    if not asked:
        raise QuestionError(f"{shown} has nothing to be compared with: set a limit, such as [[gates]]")
    if names.isdisjoint(asked):
        there = ", ".join(sorted(map(printable, names))[:3]) or "none"
        raise QuestionError(f"{shown} has none of these limits (it has {there}); {MEND}")


def _read_key(config: Config, section: str, key: str) -> Any:
    return getattr(getattr(config, section), key, None)


def _show(value: Any) -> str:
    return "not set" if value in (None, (), {}, "") else printable(repr(value), 60)


def judge_beside(earlier: Earlier, result: AuditResult, config: Config, today: dt.date, folder: Path) -> AuditResult:
    """Return a result judged again beside a baseline, on a day; its tables are looked for from a folder."""
    # What was found beside another baseline is of no use here.
    bare = tuple(replace(gate, change=None) for gate in result.gates)
    with_baseline = replace(result, baseline=keep_baseline(earlier, result, folder), gates=bare)
    return judge_again(with_baseline, config, today, remeasure_from(config, result.cubes))


def keep_baseline(earlier: Earlier, new: AuditResult, folder: Path | None) -> Baseline:
    """Return what limits need of a baseline.

    Parameters
    ----------
    earlier, new
        The baseline, and the result beside it.
    folder
        From which the tables of both are named, so that rows are joined by their key; None where no model was audited
        yet, so that there are none to join.
    """
    joined, note = (None, "") if folder is None else _pair(earlier, new, folder)
    shown = {identify_limit(g): g for g in publishable(earlier.result, find_k(new)).gates}
    gates = []
    for gate in keep_gates(earlier.result):
        stage: Stage = "data" if gate.name.startswith("data.") else "model"
        own = replace(gate, sampling=_find_sampling(earlier.result, new, stage), published=_is_shown(shown, gate))
        by = _find_by(earlier.result, gate)
        if joined is not None and stage == "model" and by:
            own = _add_correlations(own, _correlate(joined, own, by))
        gates.append(own)
    return Baseline(
        run=earlier.result.run.id,
        finished=earlier.result.run.finished,
        digest=earlier.digest,
        source=earlier.source,
        gates=tuple(gates),
        rows=None if joined is None else joined.rows,
        independent=_find_sampling(earlier.result, new, "model") == "independent",
        note=note,
    )


def _is_shown(shown: Mapping[LimitKey, Gate], gate: BaselineGate) -> bool:
    """Return whether the baseline's own card shows the number of a limit."""
    published = shown.get(identify_limit(gate))
    return published is not None and published.estimate is not None and published.estimate.status == "ok"


def _find_by(result: AuditResult, gate: BaselineGate) -> tuple[str, ...]:
    return next((g.estimate.by for g in result.gates if g.name == gate.name and g.estimate is not None), ())


def _pair(earlier: Earlier, new: AuditResult, folder: Path) -> tuple[PairedRuns | None, str]:
    """Join the rows of both by their key; where that cannot be done, or rows are not the same in both, the reason.

    A row of another group or label is no longer the same: how decisions of one person hang together says nothing of the
    rates of two groups, and one row in a hundred made one run in four "worse".
    """
    if not can_be_paired(earlier.result, new):
        return None, ""
    try:
        joined = pair_runs(earlier.result, new, (folder, earlier.folder))
    except (InputError, AuditError) as error:
        return None, printable(error, 240)
    alone = joined.only_old + joined.only_new
    if alone:
        # The card says it too, and no small count.
        k = find_k(new)
        count = f"{alone:,}" if alone >= k else f"fewer than {k}"
        return None, f"{count} rows are in one of the two runs only"
    if joined.unlike:
        columns = " and ".join(map(printable, joined.unlike))
        return None, f"some rows have another {columns} than there"
    return joined, ""


def _add_correlations(gate: BaselineGate, found: Mapping[tuple[str, Group], float] | None) -> BaselineGate:
    """Return a limit of the baseline whose rows are paired, with the correlation of each group's rate with itself."""
    if found is None or not gate.rates:
        return gate
    rates = tuple(replace(r, r=found.get((r.metric, r.group))) for r in gate.rates)
    return replace(gate, sampling="paired", rates=rates)


def _correlate(joined: PairedRuns, gate: BaselineGate, by: tuple[str, ...]) -> dict[tuple[str, Group], float] | None:
    """Return the correlation of each rate behind a limit; None where one is on no rate of label and prediction."""
    from audit.measurement.rates.same_rows import correlate_rates

    entries = {rate.metric: CATALOGUE.find(rate.metric) for rate in gate.rates}
    cube = next((c for c in map(to_cube, _select_pairs(joined)) if _list_groups(c.names) == {*by}), None)
    found: dict[tuple[str, Group], float] = {}
    for metric, entry in entries.items():
        if cube is None or not isinstance(entry, Rate):
            return None
        found |= {(metric, group): r for group, r in correlate_rates(cube, entry, by).items()}
    return found


def _select_pairs(joined: PairedRuns) -> Iterator[CubeRecord]:
    return (record for record in joined.result.cubes if record.kind is CubeKind.PAIRS)


def _list_groups(names: Sequence[str]) -> set[str]:
    return {*names} - {LABEL, PREDICTION, AGAINST, FOLD}


def _find_sampling(old: AuditResult, new: AuditResult, stage: Stage) -> Sampling:
    """Return how the rows of both belong together: independent where they are known to be of different tables."""
    digests = [{p.digest for p in result.data if p.part == PARTS[stage]} for result in (old, new)]
    known = all(digests) and None not in digests[0] | digests[1] and digests[0].isdisjoint(digests[1])
    if not known or can_be_paired(old, new) or _have_same_groups(old, new, stage):
        return "dependent"
    return "independent"


def _have_same_groups(old: AuditResult, new: AuditResult, stage: Stage) -> bool:
    """Return whether all groups have as many rows, and as many positive labels where there are labels, in both."""
    counted = [dict(_count_groups(result, stage)) for result in (old, new)]
    return len(counted[0]) > 1 and counted[0] == counted[1]


def _count_groups(result: AuditResult, stage: Stage) -> Iterator[tuple[tuple[object, ...], tuple[object, ...]]]:
    metric = next((m for m in RATES if m in result.estimates.metrics), None)
    for e in result.estimates.about(metric) if metric is not None else ():
        if e.compare is None and e.stage == stage:
            yield (e.by, e.group), (e.n, e.numerator if metric == RATES[0] else None)
