"""What may be published of a result: the same document without small counts and without what gives them away.

An estimate that is left out keeps its place with status ``suppressed`` and a reason. A gate keeps its verdict and its
limit; where its numbers rest on a group that is left out, the sentence says so instead of naming them. The cubes are
left out whole. Protected are counts, against subtraction along the totals that are published here; not against
somebody who knows members of a group, nor against two documents about overlapping rows.

Must not: change a number that stays, or decide a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from audit.catalogue import Family
from audit.errors import QuestionError, printable
from audit.metrics import CATALOGUE
from audit.publish.cells import Counts, Key, family_cells, group_counts, hidden, safe
from audit.result import AuditResult, CubeRecord, Gate
from audit.value import Estimate, Group, Stage

K = 10
"""Smallest count that is published by default."""
PARTS: Mapping[Stage, str] = {"data": "train", "model": "predictions"}
"""Part of the data that the counts of a stage come from; it begins the name of its cubes."""
OF_ALL = frozenset(
    {
        "lowest",
        "highest",
        "largest",
        "noise_floor",
        "noise_corrected_difference",
        "between_group_variance",
        "between_groups",
    }
)
"""Comparisons that rest on every group, not only on the pair that they name."""


class _Shield:
    """What is hidden in one stage."""

    def __init__(self, records: Sequence[CubeRecord], estimates: Sequence[Estimate], k: int) -> None:
        self.k = k
        self.counts: Counts = group_counts(records, dict.fromkeys(e.by for e in estimates))
        self.hidden = hidden(self.counts, k)
        self.touched = {f: {by for by, group in keys if None not in group} for f, keys in self.hidden.items()}

    def shown(self, estimate: Estimate) -> Estimate:
        """The estimate, or its empty place."""
        reason = self._why(estimate)
        if reason is None:
            return estimate
        rows_shown = estimate.compare is None and self._key(estimate.by, estimate.group) not in self.hidden["rows"]
        return Estimate(
            stage=estimate.stage,
            metric=estimate.metric,
            compare=estimate.compare,
            by=estimate.by,
            group=estimate.group,
            reference=estimate.reference,
            n=estimate.n if rows_shown and estimate.by in self.counts else None,
            status="suppressed",
            reason=reason,
        )

    def _why(self, estimate: Estimate) -> str | None:
        """Why an estimate is left out; None where it is not."""
        family = _family(estimate.metric)
        if estimate.by not in self.counts:
            return "the counts behind it are not in the record"
        if estimate.compare is None and estimate.reference is None:
            key = self._key(estimate.by, estimate.group)
            return self._why_hidden(key, family) if key in self.hidden[family] else None
        if self._names_hidden(estimate, family):
            return "would give away a group that is left out"
        return None

    def _names_hidden(self, estimate: Estimate, family: Family) -> bool:
        """Whether a comparison rests on a hidden group, or may: extremes and reasons speak of all groups."""
        gone = self.hidden[family]
        over_all = estimate.group is None and (estimate.value is None or estimate.compare in OF_ALL)
        if over_all:
            return estimate.by in self.touched[family]
        pairs = (estimate.pair, estimate.low_pair, estimate.high_pair)
        named = (estimate.group, estimate.reference, *(g for pair in pairs if pair for g in pair))
        return any((estimate.by, group) in gone for group in named if group is not None)

    def _why_hidden(self, key: Key, family: Family) -> str:
        four = self.counts[key[0]][key[1]]
        if 0 < sum(four) < self.k:
            return f"fewer than {self.k} rows"
        own = [c for c in family_cells(four, family) if 0 < c < self.k]
        if own or not safe(four, family, self.k):
            return f"a count behind it is under {self.k}"
        return f"protects a count under {self.k}"

    @staticmethod
    def _key(by: tuple[str, ...], group: Group | None) -> Key:
        return (by, group or ())


def _family(metric: str) -> Family:
    """Counts that a metric gives away; what the catalogue does not know gives away all."""
    return CATALOGUE[metric].gives_away if metric in CATALOGUE else "confusion"


def publishable(result: AuditResult, k: int = K) -> AuditResult:
    """The result without what must not be published.

    Parameters
    ----------
    result
        The private record, with its cubes.
    k
        Smallest count that is published; 1 publishes all.

    Raises
    ------
    QuestionError
        When ``k`` is not at least 1.
    """
    if k < 1:
        raise QuestionError(f"k must be at least 1, not {k}; 1 leaves nothing out")
    shields = {stage: _shield(result, stage, k) for stage in PARTS}
    estimates = tuple(shields[e.stage].shown(e) if e.stage in shields else e for e in result.estimates)
    gates = tuple(_gate(gate, shields, k) for gate in result.gates)
    return replace(result, estimates=estimates, gates=gates, cubes=())


def _shield(result: AuditResult, stage: Stage, k: int) -> _Shield:
    records = [c for c in result.cubes if c.name.split(":")[0] == PARTS[stage]]
    return _Shield(records, [e for e in result.estimates if e.stage == stage], k)


def _gate(gate: Gate, shields: Mapping[Stage, _Shield], k: int) -> Gate:
    estimate = gate.estimate
    # An estimate that the run did not make stands in no grouping and has nothing to hide.
    if estimate is None or estimate.stage not in shields or estimate.by not in shields[estimate.stage].counts:
        return gate
    shown = shields[estimate.stage].shown(estimate)
    if shown is estimate:
        return gate
    bare = replace(gate, low=None, high=None, needed_n=None, p_value=None, p_holm=None, p_benjamini_hochberg=None)
    return replace(bare, estimate=shown, sentence=_sentence(gate, estimate, k))


def _sentence(gate: Gate, estimate: Estimate, k: int) -> str:
    """Sentence of a gate whose numbers are left out."""
    subject = estimate.metric.replace("_", " ").capitalize()
    by = " x ".join(printable(b) for b in estimate.by)
    limit = f"at most {gate.max:g}" if gate.max is not None else f"at least {gate.min:g}"
    waived = (
        f" Waived by {gate.waiver.owner} until {gate.waiver.expires}: {gate.waiver.reason}."
        if gate.waiver and gate.verdict == "waived"
        else ""
    )
    return (
        f"{subject} by {by}: judged on the full record; the numbers are left out here because they would give away "
        f"counts under {k}; the limit is {limit}.{waived}"
    )
