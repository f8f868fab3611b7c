"""Whether the amount of data that is named settles the gate as often as it says."""

from __future__ import annotations

import numpy as np
from simulations.gaps import GROUPS, LIMITS, rates_of, verdicts
from simulations.page import Scale, Section, at_least, generator, table, watched

from audit.measurement.inference.sample_size import needed

PRESENT = 100
POWER = 0.8


def power(scale: Scale) -> Section:
    """Achieved power at the factor that ``needed`` names, with the present estimates as truth."""
    reps, rows = scale.replicates(10_000), []
    cells = [
        (kind, g, name, truth)
        for kind in LIMITS
        for g in scale.some(GROUPS, (2, 8))
        for name, truth in _truths(kind, g)
    ]
    for i, (kind, g, name, truth) in enumerate(watched("needed", cells)):
        named = needed(truth, np.full(g, float(PRESENT)), LIMITS[kind], kind)
        n = int(np.ceil(PRESENT * named.factor))
        found = verdicts(truth, (n,), kind, LIMITS[kind], reps, generator(10, i))
        achieved, wrong = (found.fails, found.passes) if named.verdict == "fail" else (found.passes, found.fails)
        rows.append((kind, g, name, named.verdict, f"{named.factor:.2f}", n, achieved, wrong))
    text = (
        "**Method.** All groups grow by one factor; the smallest factor up to 100 at which the limits of "
        "[gaps over groups](#gaps-over-groups) would settle the gate with power .8 is named, with the side on which it settles. Beyond 100 it is called unsettleable.\n\n"
        "**Assumes that the present estimates are exact**, and is to be read so: from a noisy pilot the named factor is optimistic, and for an "
        "estimate at the limit no amount of data settles the gate.\n\n"
        f"**How it does.** {PRESENT} rows a group at present; true rates as named; {reps:,} replicates at the size that is named. For an uneven spread that "
        "passes the factor is larger than necessary.\n\n"
        + table(("gate", "groups", "truth", "settles as", "factor", "rows each", "power", "opposite verdict"), rows)
    )
    return Section("Needed data", text, [at_least("power at the needed size", min(r[6] for r in rows), POWER, reps)])


def _truths(kind: str, groups: int) -> list[tuple[str, np.ndarray]]:
    if kind == "difference":
        return [
            ("gap .2, one low", rates_of("one low", groups, 0.3, kind, 0.2)),
            ("gap .2, midway", rates_of("midway", groups, 0.3, kind, 0.2)),
            ("equal at .3", np.full(groups, 0.3)),
            ("gap .05, midway", rates_of("midway", groups, 0.3, kind, 0.05)),
        ]
    return [
        ("ratio .6, one low", rates_of("one low", groups, 0.5, kind, 0.6)),
        ("ratio .6, midway", rates_of("midway", groups, 0.5, kind, 0.6)),
        ("equal at .5", np.full(groups, 0.5)),
        ("ratio .9, midway", rates_of("midway", groups, 0.5, kind, 0.9)),
    ]
