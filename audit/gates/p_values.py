"""How surprising each failing gate is, alone and in the family that the policy names.

Must not: change a verdict.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from audit.estimate import Estimate, Group
from audit.measurement.estimates import Estimates
from audit.measurement.inference.corrections import benjamini_hochberg, gap_p_value, holm
from audit.measurement.inference.effective import Sample
from audit.measurement.inference.pairs import Kind
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.measurement.metrics.kinds import Criterion, WorstClass
from audit.record.edge import GroupFlips
from audit.record.result import Gate


def add_p_values(gates: Sequence[Gate], estimates: Estimates) -> list[Gate]:
    """Return gates with their p-values, and with those corrected for the whole family.

    Only gaps of rates have one, and only where rows are not shared by units: there the correlation of the groups
    is not in the document. A gate without one counts in the family all the same.
    """
    raw = [_compute_p_value(g, estimates) for g in gates]
    corrected = zip(holm(raw), benjamini_hochberg(raw), strict=True)
    return [
        replace(g, p_value=p, p_holm=h, p_benjamini_hochberg=b)
        for g, p, (h, b) in zip(gates, raw, corrected, strict=True)
    ]


def correct_flips(flips: Sequence[GroupFlips], least_rows: int) -> tuple[GroupFlips, ...]:
    """Return changed answers with p-values that Holm corrects for everybody and the groups that are judged.

    A group under ``least_rows`` is not judged and has no corrected p-value.
    """
    from audit.gates.compressed import is_judged

    family = [at for at, f in enumerate(flips) if is_judged(f, least_rows)]
    adjusted = dict(zip(family, holm([flips[at].p_value for at in family]), strict=True))
    return tuple(replace(f, p_holm=adjusted.get(at)) for at, f in enumerate(flips))


def _compute_p_value(gate: Gate, estimates: Estimates) -> float | None:
    estimate = gate.estimate
    limit = gate.limit
    if estimate is None or limit is None or estimate.compare not in {"difference", "ratio"} or estimate.reference:
        return None
    kind: Kind = "ratio" if estimate.compare == "ratio" else "difference"
    entry = CATALOGUE[estimate.metric]
    if isinstance(entry, Criterion) and entry.aggregate == "mean":
        return None  # its interval is made of those of the gaps, and has no rule of its own to invert
    own = entry.rate if isinstance(entry, WorstClass) else estimate.metric
    rates = entry.rates if isinstance(entry, Criterion) else (own,)
    without = {e.group for e in gate.excluded}
    each = list(chain.from_iterable(_find_samples(rate, estimate, estimates, without) for rate in rates))
    found = [None if s is None else gap_p_value(s, kind, limit, looks=len(each)) for s in each]
    known = [p for p in found if p is not None]
    return min(known) if known else None


def _find_samples(metric: str, like: Estimate, estimates: Estimates, without: Collection[Group]) -> list[Sample | None]:
    """Return the rates of the groups behind a gap, as the document holds them; one sample a class of several."""
    rates = [
        e
        for e in estimates.of(like.stage, metric, like.by)
        if e.compare is None and e.group is not None and None not in e.group and e.reference is None
        if e.group not in without
    ]
    classes = dict.fromkeys(e.outcome for e in rates) or (None,)
    return [sample_of([e for e in rates if e.outcome == outcome]) for outcome in classes]


def sample_of(rates: Sequence[Estimate]) -> Sample | None:
    """Return rates of the groups as a sample; None where the document does not hold what is needed."""
    if not rates or any("fold" in (e.method or "") for e in rates) or any(e.numerator is None for e in rates):
        return None
    p = np.array([math.nan if e.value is None else e.value for e in rates])
    n = np.array([e.effective_n or 0.0 for e in rates])
    df = np.array([math.inf if e.degrees_of_freedom is None else e.degrees_of_freedom for e in rates])
    total = np.array([e.denominator or 0.0 for e in rates])
    return Sample(p, n, df, p * total, total)
