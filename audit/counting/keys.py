"""The keys and sums that several questions share.

Must not: know an engine.
"""

from __future__ import annotations

from audit.axes import FOLD, LABEL, PREDICTION, STRATUM
from audit.counting.plan import FOLDS, Plan
from audit.counting.terms import Band, Column, Fold, Key, Number, Passes, Rows, Sum, Test, Total

REACHED = "reached"


def keys(plan: Plan) -> dict[str, Key]:
    """Groups, strata, label, prediction and fold, where there are any."""
    found: dict[str, Key] = {c: group_key(c, plan) for c in plan.groups}
    found |= {f"{STRATUM}{i}": Column(c) for i, c in enumerate(plan.strata)}
    if plan.label is not None:
        found[LABEL] = Column(plan.label)
    if plan.prediction is not None:
        found[PREDICTION] = Column(plan.prediction)
    elif plan.score is not None:
        found[PREDICTION] = Passes(plan.score, float(plan.threshold))
    return found | fold_key(plan)


def group_key(name: str, plan: Plan) -> Key:
    """Key of one group column."""
    return Band(name, plan.bins[name]) if name in plan.bins else Column(name)


def fold_key(plan: Plan) -> dict[str, Key]:
    """Key of the unit's fold, where rows share units."""
    return {} if plan.unit is None else {FOLD: Fold(plan.unit, FOLDS)}


def weights(plan: Plan) -> dict[str, Sum]:
    """Rows, and sums of weights and of their squares."""
    if plan.weight is None:
        return {"n": Rows()}
    w = Number(plan.weight)
    return {"n": Rows(), "w": Total(w), "w2": Total(w * w)}


def decisions(plan: Plan) -> dict[str, Sum]:
    """Rows whose score reaches the threshold, where a prediction stands beside it."""
    if plan.score is None or plan.prediction is None:
        return {}
    return {REACHED: Rows(Test(Number(plan.score), "at least", float(plan.threshold)))}
