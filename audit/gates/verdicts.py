"""Verdicts among each other: which is the worst, which limit decides, in which order limits are shown, the exit code.

Must not: judge, or load numpy; ``audit gate`` pays for this module.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from audit.errors import printable
from audit.estimate import Estimate
from audit.gates.four_fifths import CODE
from audit.record.edge import EDGE, Edge
from audit.record.result import Gate, GateVerdict, Verdict

WORST_FIRST: tuple[GateVerdict, ...] = ("fail", "withheld", "undefined", "insufficient", "known", "waived", "pass")


def combine_verdicts(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the worst of several verdicts; one that judged nothing counts only where all did."""
    return next((verdict for verdict in WORST_FIRST if verdict in verdicts), "not judged")


def worst_verdict(gates: Sequence[Gate], *, four_fifths: bool = False) -> Verdict:
    """Return the worst of the verdicts; ``not judged`` where all limits that were kept compare no groups.

    Parameters
    ----------
    gates
        All gates of a policy, judged.
    four_fifths
        Whether the policy judges adverse impact, which no gate of its own stands for.
    """
    worst: Verdict = min((g.verdict for g in gates), key=WORST_FIRST.index) if gates else "not judged"
    if worst == "pass" and not (four_fifths or judges_groups(gates)):
        return "not judged"
    return worst


def judges_groups(gates: Sequence[Gate]) -> bool:
    """Return whether any limit is on groups; one on energy, on checks or on everybody judges nothing between them."""
    return any(g.name == f"checks.{CODE}" or _is_on_groups(g) for g in gates)


def _is_on_groups(gate: Gate) -> bool:
    """Return whether a gate is on groups; the verdicts on a compressed model look at every group."""
    return gate.name.startswith(EDGE) or (gate.estimate is not None and _is_of_groups(gate.estimate))


def _is_of_groups(estimate: Estimate) -> bool:
    return estimate.stage in {"model", "data"} and (bool(estimate.by) or estimate.compare is not None)


def find_deciding_gate(gates: Sequence[Gate]) -> Gate | None:
    """Return the gate whose sentence is the headline: the worst, and among equals one on the model.

    Of one limit on several columns it is the column whose interval lies furthest beyond.
    """
    first = min(gates, key=_rank_gate, default=None)
    if first is None or first.verdict != "fail" or first.is_worse:
        return first
    alike = (g for g in gates if g.verdict == "fail" and _read_limit(g) == _read_limit(first))
    return max(alike, key=_measure_beyond)


def _rank_gate(gate: Gate) -> tuple[int, bool, int, bool]:
    """Return how early a gate is told: the worst verdict, then what is worse than before, then what is on the model.

    Of what is known from the baseline, a failure comes before what cannot be decided.
    """
    alone = WORST_FIRST.index(gate.alone)
    return *_rank_verdict(gate), alone, not gate.name.startswith("model.")


def order_worst_first(gates: Sequence[Gate]) -> list[Gate]:
    """Return gates as every list of them is shown: the worst verdict first, of equal ones what is worse than before."""
    return sorted(gates, key=_rank_verdict)


def _rank_verdict(gate: Gate) -> tuple[int, bool]:
    return WORST_FIRST.index(gate.verdict), not gate.is_worse


def _read_limit(gate: Gate) -> tuple[object, ...]:
    """Return what a limit says, whatever the columns that it is about."""
    e = gate.estimate
    return (gate.min, gate.max, *((e.stage, e.metric, e.compare) if e is not None else ()))


def _measure_beyond(gate: Gate) -> float:
    """Return how far the nearest end of the interval lies beyond the limit; -inf where it is withheld or not known."""
    if gate.max is not None and gate.low is not None:
        return gate.low - gate.max
    if gate.min is not None and gate.high is not None:
        return gate.min - gate.high
    return -math.inf


def exit_code(verdict: Verdict, insufficient: str = "fail") -> int:
    """Return the exit code of a command by the table of the contract."""
    if verdict == "insufficient" and insufficient == "warn":
        return 0
    codes: dict[Verdict, int] = {
        "pass": 0,
        "known": 0,
        "waived": 0,
        "not judged": 0,
        "fail": 1,
        "undefined": 3,
        "insufficient": 3,
        "withheld": 3,
        "incomplete": 5,
    }
    return codes[verdict]


def choose_smallest(edge: Edge, insufficient: str) -> tuple[str | None, str]:
    """Return the smallest candidate that passes; where none does, why.

    Parameters
    ----------
    edge
        Judged candidates, with the resources of their models.
    insufficient
        What the policy does with what is inconclusive: ``fail`` or ``warn``.
    """
    passing = [c.name for c in edge.candidates if c.verdict != "not judged" and exit_code(c.verdict, insufficient) == 0]
    if not passing:
        return None, "none, because no candidate passes"
    if len(passing) == 1:
        return passing[0], ""
    known = {m.name: m.file_bytes for m in edge.models if m.file_bytes is not None}
    unknown = next((name for name in passing if name not in known), None)
    if unknown is not None:
        return None, f"not known, because no file of {printable(unknown)} is named, which passes"
    return min(passing, key=lambda name: (known[name], passing.index(name))), ""
