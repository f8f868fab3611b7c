"""Results to render, judge and store in tests: made from real counts by the real measuring and judging code.

`boston` is a whole run on the Boston mortgage applications of 1990 (Munnell et al. 1996): the counts are those of a
cross-validated logistic regression without race and sex. `unjudged` is what `audit.measure` returns without limits.
`single_small_group` and `hostile` are for disclosure and escaping.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from audit.axes import CubeKind
from audit.checks.code import Code as CheckCode
from audit.checks.codes import EXPECTATION, SAME_AS_LABEL, SIMILAR_GROUPS, WITHOUT_GROUP
from audit.config.read import build
from audit.cube import Cube, from_cells
from audit.energy.carbon import Grid
from audit.energy.sci import with_units
from audit.energy.site import make_site
from audit.energy.totals import total_footprint
from audit.estimate import Estimate, Level
from audit.gates.judge import Evidence, judge
from audit.gates.verdicts import worst_verdict
from audit.measurement.estimates import Estimates
from audit.measurement.measure import Scope, data_estimates, model_estimates
from audit.record.cubes import Axis, CubeRecord
from audit.record.result import AuditResult, Check, Code, Column, Energy, EnergyComponent, Factor, Part, Question, Run

TODAY = dt.date(2026, 11, 24)
BOSTON = {
    # race, sex: label 0 and prediction 0, 0 and 1, 1 and 0, 1 and 1
    ("black", "female"): (16, 4, 8, 23),
    ("black", "male"): (32, 12, 40, 60),
    ("black", None): (0, 0, 0, 2),
    ("hispanic", "female"): (4, 1, 5, 12),
    ("hispanic", "male"): (13, 8, 12, 54),
    ("hispanic", None): (0, 0, 0, 2),
    ("white", "female"): (13, 12, 48, 223),
    ("white", "male"): (73, 56, 207, 1038),
    ("white", None): (0, 0, 1, 10),
}
Counts = Mapping[tuple[Level, ...], tuple[int, int, int, int]]


def cube_of_counts(names: Sequence[str], counts: Counts) -> Cube:
    """Cube over groups, label and prediction."""
    cells, n = [], []
    for group, four in counts.items():
        for at, count in enumerate(four):
            if count:
                cells.append((*group, str(at // 2), str(at % 2)))
                n.append(count)
    return from_cells((*names, "label", "prediction"), cells, {"n": np.array(n)})


def record_of(part: str, cube: Cube) -> CubeRecord:
    at = np.argwhere(cube["n"] > 0)
    return CubeRecord(
        name=f"{part}: {' x '.join(cube.names)}",
        part=part,
        kind=CubeKind.CROSSINGS,
        axes=tuple(Axis(name=a.name, levels=a.levels) for a in cube.axes),
        cells=tuple(tuple(int(i) for i in cell) for cell in at),
        measures={k: tuple(float(x) for x in v[tuple(at.T)]) for k, v in cube.measures.items()},
    )


def result_of(
    names: Sequence[str],
    counts: Counts,
    *,
    config: Mapping[str, Any] | None = None,
    intersections: int = 1,
    stages: Sequence[str] = ("model",),
    population: Mapping[str, Mapping[str, float]] | None = None,
    checks: Sequence[Check] = (),
    energy: Energy | None = None,
    run: Run | None = None,
    compare_to: Sequence[str] = (),
) -> AuditResult:
    """Result of an audit of these counts: measured and judged by the code that measures and judges runs."""
    cube = cube_of_counts(names, counts)
    scope = Scope(
        groups=tuple(names), intersections=intersections, population=population or {}, compare_to=tuple(compare_to)
    )
    estimates: list[Estimate] = []
    records: list[CubeRecord] = []
    if "data" in stages:
        train = cube.over("prediction")
        estimates += data_estimates([train], scope)
        records.append(record_of("train", train))
    if "model" in stages:
        estimates += model_estimates([cube], scope)
        records.append(record_of("predictions", cube))
    resolved = build(dict(config or plain_config(names)))
    parts = {"data": "train", "model": "predictions"}
    data = tuple(_part(parts[s], names, cube) for s in stages)
    if energy is not None:
        listed = Estimates.listed(estimates)
        energy = with_units(energy, unit=resolved.energy.unit, data=data, estimates=listed, groups=names)
    gates = judge(resolved, Evidence(estimates=estimates, checks=checks, energy=energy), TODAY)
    plain = resolved.model_dump(mode="json", exclude_none=True)
    return AuditResult(
        run=run
        or Run(id="memory-0badcafe", started="2026-11-24T09:00:00Z", finished="2026-11-24T09:00:01Z", version="0.1.0"),
        question=Question(digest="sha256:" + "5eed" * 16, config=plain),
        verdict=worst_verdict(gates),
        data=data,
        cubes=tuple(records),
        estimates=tuple(estimates),
        checks=tuple(checks),
        energy=energy,
        gates=gates,
    )


def plain_config(names: Sequence[str]) -> dict[str, Any]:
    """What `audit.measure` asks."""
    return {
        "data": {"label": "y_true", "groups": list(names), "unit": "row"},
        "predictions": {"source": "memory", "prediction": "y_pred"},
    }


def _part(part: str, names: Sequence[str], cube: Cube) -> Part:
    rows = int(cube["n"].sum())
    missing = {name: int(cube.keep(name).at(name, None)["n"]) for name in names if None in cube.axis(name).levels}
    label = ("approve", "prediction") if part == "predictions" else ("approve",)
    return Part(
        part=part,
        source="memory" if len(names) == 1 else f"boston/{part}.parquet",
        digest=None if len(names) == 1 else "sha256:" + {"train": "a1b2c3d4", "predictions": "e5f60718"}[part] * 8,
        rows_read=rows + 4 if len(names) > 1 else rows,
        rows_used=rows,
        rows_excluded={"label is missing": 3, "weight is zero": 1} if len(names) > 1 else {},
        rows_without_group=missing,
        columns=tuple(Column(name=n, kind="text") for n in (*names, *label)),
    )


def boston() -> AuditResult:
    """Whole run: every verdict, small and missing groups, checks, energy of three methods."""
    return result_of(
        ("race", "sex"),
        BOSTON,
        config=boston_config(),
        intersections=2,
        stages=("data", "model"),
        population={"race": {"white": 0.81, "black": 0.10, "hispanic": 0.05, "asian": 0.04}},
        checks=boston_checks(),
        energy=boston_energy(),
        run=Run(
            id="20261124-091203-7f3a",
            started="2026-11-24T09:12:03Z",
            finished="2026-11-24T09:12:31Z",
            version="0.1.0",
            command=("audit", "run", "pipelines/boston"),
            code=Code(commit="4c1d0e9a7b3f5d2c8e6a1b0f9d8c7e6a5b4f3d2c", dirty=True),
            exit_codes={"train": 0},
        ),
    )


def boston_config() -> dict[str, Any]:
    """The audit.toml of that run, as plain tables."""
    return {
        "model": {
            "name": "boston-mortgages",
            "version": "1.0",
            "owner": "credit-risk@example.org",
            "intended_use": "Second reading of mortgage applications before a person decides.",
        },
        "data": {
            "source": "train.parquet",
            "label": "approve",
            "positive": 1,
            "groups": ["race", "sex"],
            "intersections": 2,
            "reference": {"race": {"white": 0.81, "black": 0.10, "hispanic": 0.05, "asian": 0.04}},
        },
        "train": {"command": ["python", "train.py"], "predictions": "predictions.parquet"},
        "predictions": {"prediction": "prediction"},
        "energy": {
            "country": "USA",
            "pue": 1.2,
            "market_g_per_kwh": 0,
            "market_source": "guarantees of origin of the supplier",
            "market_date": "2026-01-01",
            "water_l_per_kwh": 1.8,
            "water_source": "report of the site",
            "water_date": "2025",
            "functional_unit": "application",
            "functional_units": 10_000,
            "embodied": {
                "total_g": 1_500_000,
                "lifetime_years": 4,
                "reserved_share": 0.125,
                "source": "maker's product sheet",
                "date": "2023",
            },
        },
        "gates": [
            {"stage": "model", "metric": "selection_rate", "compare": "ratio", "by": ["race"], "min": 0.8},
            {"stage": "model", "metric": "selection_rate", "compare": "ratio", "by": ["sex"], "min": 0.8},
            {"stage": "model", "metric": "selection_rate", "compare": "lowest", "by": ["race"], "min": 0.45},
            {"stage": "model", "metric": "equal_opportunity_difference", "by": ["race"], "max": 0.2},
            {"stage": "model", "metric": "base_rate", "compare": "difference", "by": ["race"], "max": 0.15},
            {"stage": "data", "metric": "representation", "compare": "ratio", "by": ["race"], "min": 0.5},
            {"stage": "energy", "metric": "energy_kwh", "max": 0.01},
            {"stage": "checks", "metric": "failed", "max": 0},
        ],
        "waivers": [
            {
                "gate": "model.base_rate.difference.race",
                "owner": "credit-risk@example.org",
                "reason": "past decisions; this model only reorders the queue",
                "expires": dt.date(2027, 3, 1),
                "max_gap": 0.3,
            }
        ],
    }


EXPECTED = (
    "expect loanprc to be between 0 and 3",
    "expect approve to be in the set 0, 1",
    "expect month to match a date format",
)


def expected(at: int) -> CheckCode:
    """One expectation of a suite."""
    return replace(EXPECTATION, name=EXPECTED[at])


def boston_checks() -> tuple[Check, ...]:
    """Checks of several outcomes."""
    great = {"answered_by": "Great Expectations 1.24.0"}
    return (
        WITHOUT_GROUP.found("train", "they are listed separately and not compared", columns=("sex",), count=15,
                            all="1,993", share="0.8%"),
        SIMILAR_GROUPS.passed("train", "3 names", columns=("race",)),
        SAME_AS_LABEL.passed("train", "3 groups", columns=("race",)),
        replace(expected(0).passed("train", "1,993 values", expectation=EXPECTED[0]), **great),
        replace(expected(1).passed("train", "1,993 values", expectation=EXPECTED[1]), **great),
        replace(expected(2).unanswered("train", "not applicable", "there is no such column"), **great),
    )  # fmt: skip


def boston_energy() -> Energy:
    """Energy by counter, by model, by constant, and one component that was not measured, with all that it means."""
    shared = {"attribution": "whole machine, all processes, idle power included"}
    rows = (
        EnergyComponent(component="cpu", phase="validate", energy_j=212.4, method="counter", idle_share=0.71,
                        detail="RAPL package counter", device="Xeon Gold 6338", coverage=0.97, **shared),
        EnergyComponent(component="cpu", phase="train", energy_j=1830.25, method="counter", idle_share=0.38,
                        detail="RAPL package counter", device="Xeon Gold 6338", coverage=0.991, **shared),
        EnergyComponent(component="ram", phase="train", energy_j=141.0, method="constant",
                        detail="3 W for each 8 GB module", coverage=0.991, **shared),
        EnergyComponent(component="gpu", phase="train", energy_j=None, method="none",
                        detail="the driver offers no counter", coverage=0.0),
        EnergyComponent(component="cpu", phase="audit", energy_j=96.0, method="model",
                        detail="load times the thermal design power of 65 W", coverage=0.9, **shared),
    )  # fmt: skip
    factor = Factor(name="grid carbon intensity", value=369.473, unit="gCO2e/kWh",
                    source="codecarbon 3.3.2, global_energy_mix.json, USA (United States), location based", date="2023")  # fmt: skip
    site = replace(
        make_site(build(boston_config()).energy), grid=Grid(country="USA", g_per_kwh=factor.value, factor=factor)
    )
    return total_footprint(rows, 27.4, site, "codecarbon 3.3.2, whole machine with all its processes")


def unjudged() -> AuditResult:
    """What `audit.measure` returns when no limit was given."""
    return result_of(("sex",), {("f",): (40, 12, 15, 33), ("m",): (35, 20, 10, 55)})


def undefined_rates() -> AuditResult:
    """A group in which nobody has the negative label, so that its false positive rate is 0/0."""
    return result_of(
        ("region",), {("north",): (40, 20, 15, 45), ("south",): (0, 0, 12, 30), ("west",): (30, 15, 20, 60)}
    )


def single_small_group(n: int = 6) -> AuditResult:
    """Four groups, one of them of ``n`` people: a total minus the others would give it away."""
    counts = {("a",): (60, 30, 25, 85), ("b",): (70, 30, 30, 70), ("c",): (20, 12, 14, 24), ("few",): (1, 0, 2, n - 3)}
    config = plain_config(("race",)) | {
        "gates": [{"stage": "model", "metric": "selection_rate", "compare": "ratio", "by": ["race"], "min": 0.8}]
    }
    return result_of(("race",), counts, config=config)


HOSTILE = "<script>alert(1)</script>\u202egnirts|\n# x `y` </svg>"


def hostile() -> AuditResult:
    """Names that try to leave their place on a page."""
    counts = {(HOSTILE,): (40, 12, 15, 33), ("a|b\r\n| c",): (35, 20, 10, 55), ("=1+1",): (30, 20, 10, 40)}
    config = plain_config(("group",)) | {
        "model": {"name": HOSTILE, "owner": "\u2066<img src=x onerror=alert(1)>"},
        "gates": [
            {"stage": "model", "metric": "selection_rate", "compare": "difference", "by": ["group"], "max": 0.01}
        ],
    }
    checks = (
        Check(
            code="DV100", title=HOSTILE, outcome="fail", detail="<b>bold</b> | \u200f and [link](javascript:alert(1))"
        ),
    )
    return result_of(("group",), counts, config=config, checks=checks)
