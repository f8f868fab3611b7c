"""The counts of a document, and the accounts of rows that follow from them.

Must not: measure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from audit.axes import CubeKind, nowhere
from audit.config.schema import Config
from audit.counting.plan import Counted, Plan
from audit.cube import Cube
from audit.errors import StoreError, printable
from audit.record.cubes import COUNTED_PARTS, PREDICTIONS, TRAIN, CubeRecord, record_cube, record_part_cube, to_cube
from audit.record.result import AuditResult, Part

Kinds = Mapping[CubeKind, Sequence[Cube]]


def kinds_of(result: AuditResult, part: str) -> Kinds:
    """Return cubes of one part by kind; none where the document holds nothing of it."""
    found: dict[CubeKind, list[Cube]] = {}
    for record in result.cubes:
        if record.part == part and record.kind is not None:
            found.setdefault(record.kind, []).append(to_cube(record))
    return found


def canonical(record: CubeRecord) -> CubeRecord:
    """Return the record as a run would have written these counts; the name tells part, kind and axes."""
    if record.part is None or record.kind is None:
        return record_cube(record.name, to_cube(record))
    return record_part_cube(record.part, record.kind, to_cube(record))


def counted_of(result: AuditResult, part: str, plan: Plan) -> Counted | None:
    """Return what was counted of a part; None where the document holds nothing of it.

    Raises
    ------
    StoreError
        When the counts are not of the crossings that the question asks for.
    """
    kinds = kinds_of(result, part)
    if not kinds:
        return None
    crossings = list(kinds.get(CubeKind.CROSSINGS, ()))
    _require_crossings(crossings, part, plan)
    account = next((p for p in result.data if p.part == part), None)
    excluded = _count_excluded({} if account is None else account.rows_excluded, crossings, plan)
    elsewhere = sum(n for reason, n in excluded.items() if reason != nowhere(plan.groups))
    return Counted(
        cubes=tuple(crossings),
        further={kind: tuple(cubes) for kind, cubes in kinds.items() if kind != CubeKind.CROSSINGS},
        rows_read=int(crossings[0]["n"].sum()) + elsewhere,
        rows_excluded=excluded,
        rows_without_group={c: n for c in plan.groups if (n := _count_without(crossings, c))},
        median=None if account is None else account.score_median,
    )


def _require_crossings(cubes: Sequence[Cube], part: str, plan: Plan) -> None:
    asked = [set(by) for by in plan.crossings]
    there = [set(cube.names) & set(plan.groups) for cube in cubes]
    if there != asked:
        wanted = ", ".join(" x ".join(map(printable, by)) or "everybody" for by in plan.crossings)
        raise StoreError(
            f"cubes: the counts of {part} differ from the configuration, which needs {wanted}; restore the "
            "original audit.json"
        )


def _count_excluded(there: Mapping[str, int], cubes: Sequence[Cube], plan: Plan) -> dict[str, int]:
    """Count rows in no group; those without any value stand in the counts where one crossing has all attributes."""
    cube, reason = cubes[0], nowhere(plan.groups)
    if not plan.groups or not set(plan.groups) <= set(cube.names):
        return dict(there)
    for name in plan.groups:
        if None not in cube.axis(name).levels:
            return {why: n for why, n in there.items() if why != reason}
        cube = cube.at(name, None)
    rows = int(cube["n"].sum())
    if rows:
        return {**there, reason: rows}
    return {why: n for why, n in there.items() if why != reason}


def _count_without(cubes: Sequence[Cube], column: str) -> int:
    cube = next(c for c in cubes if column in c.names)
    if None not in cube.axis(column).levels:
        return 0
    return int(cube.at(column, None)["n"].sum())


def part_of(part: Part, counted: Counted | None) -> Part:
    """Return the account of a part with the rows that its counts give; those of a held-out part must add up."""
    if counted is None:
        return replace(part, rows_read=part.rows_used + sum(part.rows_excluded.values()))
    return replace(
        part,
        rows_read=counted.rows_read,
        rows_used=counted.rows_used,
        rows_excluded=dict(counted.rows_excluded),
        rows_without_group=dict(counted.rows_without_group),
    )


def parts_amiss(result: AuditResult, config: Config, ended_well: bool) -> Iterator[str]:
    """Yield parts that the question asks for and the document does not account for, or the reverse."""
    there = [p.part for p in result.data]
    asked = [] if config.data.source is None else [TRAIN, *config.data.tests]
    for part in COUNTED_PARTS:
        if (part in there) != bool(kinds_of(result, part)):
            yield f"data: {part} has rows or counts, but not both"
    if len(set(there)) < len(there):
        yield "data: a part is listed twice"
    if ended_well:
        asked += [PREDICTIONS] if config.predictions is not None else []
        for part in (p for p in asked if p not in there):
            yield f"data: the configuration needs {part}, and the record does not account for it"


def sums_amiss(result: AuditResult) -> Iterator[str]:
    """Yield cubes of one part that do not hold the same rows."""
    for part in COUNTED_PARTS:
        cubes = kinds_of(result, part).get(CubeKind.CROSSINGS, ())
        totals = {int(cube["n"].sum()) for cube in cubes}
        if len(totals) > 1:
            yield f"cubes: the groupings of {part} hold {' and '.join(f'{t:,}' for t in sorted(totals))} rows"
    names = [record.name for record in result.cubes]
    for name in dict.fromkeys(n for n in names if names.count(n) > 1):
        yield f"cubes: '{printable(name)}' is listed twice"
    for record in (c for c in result.cubes if c.part not in COUNTED_PARTS or c.kind is None):
        yield f"cubes: '{printable(record.name)}' is not of a counted part"
