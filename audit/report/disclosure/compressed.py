"""What is published of compressed models: resources whole, counts of changed answers only where none is small.

Must not: judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from audit.config.read import read_question
from audit.estimate import Group
from audit.gates.compressed import CHURN, Judged, find_edge_limits, judge_candidate, say_left_out
from audit.measurement.estimates import Estimates
from audit.record.edge import EDGE, Candidate, Edge
from audit.record.result import AuditResult, Gate

COUNTED = ("net_change", "negative_flips", "positive_flips")
"""Metrics that rest on the counts of a group's changed answers."""


def hide_flips(result: AuditResult, shown: Estimates, k: int) -> Edge | None:
    """Return the record of compressed models without counts of groups, and without any that is withheld elsewhere.

    Parameters
    ----------
    result
        The private record; its ``edge`` is None where no compressed model was audited.
    shown
        Estimates as they are published, which are of the candidate that the result is about.
    k
        Smallest count that is published; 1 withholds nothing.
    """
    edge = result.edge
    if edge is None or k <= 1:
        return edge
    judged = (result.question.config.get("predictions") or {}).get("prediction")
    told = _is_shown((), (), shown)
    return replace(
        edge, candidates=tuple(_hide_candidate(c, k, told=told or c.name != judged) for c in edge.candidates)
    )


def _hide_candidate(candidate: Candidate, k: int, *, told: bool) -> Candidate:
    """Return a candidate without the counts of its groups; overall ones stay where they are told and all are large."""
    bare = replace(candidate, flips=(), sentences=())
    if told and all(n == 0 or n >= k for n in (*_list_counts(candidate), *_list_counts_of_seeds(candidate))):
        return bare
    return replace(bare, changed=None, net_loss=None, retraining=None)


def _list_counts(candidate: Candidate) -> Iterator[int]:
    """Yield how many answers were lost, gained and neither, of everybody."""
    for f in candidate.flips[:1]:
        yield from (f.lost, f.gained, f.n - f.lost - f.gained)


def _list_counts_of_seeds(candidate: Candidate) -> Iterator[int]:
    """Yield the same of every seed, which follow from its churn and its net loss."""
    seeds = {} if candidate.retraining is None else candidate.retraining.seeds
    for churn, net_loss in seeds.values():
        yield from ((churn + net_loss) // 2, (churn - net_loss) // 2, candidate.rows - churn)


def hide_numbers(gate: Gate, result: AuditResult, shown: Estimates, k: int) -> Gate:
    """Return a verdict on a compressed model whose sentence gives only numbers that are shown anyway.

    Parameters
    ----------
    gate
        The verdict.
    result
        The private record.
    shown
        Estimates as they are published.
    k
        Smallest count that is published.
    """
    if k <= 1:
        return gate
    kind, _, name = gate.name.removeprefix(EDGE).partition(".")
    judged, counted, bare = next((j for j in _judge_again(result) if j[0].sentence == gate.sentence), (None, "", ""))
    named = judged is not None and all(_is_shown(by, group, shown) for by, group in _list_named(judged))
    if named and (kind != CHURN or _shows_seeds(hide_flips(result, shown, k), name)):
        return replace(gate, sentence=gate.sentence.removesuffix(counted) + bare) if counted else gate
    why = f"the numbers that decide are withheld to protect groups under {k}, and the internal report has them"
    said = f"{name}: {kind.replace('_', ' ')} was judged; {why}.{bare}"
    limit = None if kind == CHURN else gate.max  # the most that a seed changes is a count too
    return replace(gate, sentence=said, estimate=None, low=None, high=None, max=limit)


def _shows_seeds(published: Edge | None, name: str) -> bool:
    """Return whether the counts of a candidate and of the seeds beside it are published."""
    return published is not None and any(c.name == name and c.changed is not None for c in published.candidates)


def _judge_again(result: AuditResult) -> Iterator[tuple[Judged, str, str]]:
    """Yield the verdicts of the private record, with the end that names who is left out: with rows, and without."""
    if result.edge is None:
        return
    limits = find_edge_limits(read_question(result))
    for candidate in result.edge.candidates:
        ends = say_left_out(candidate, limits), say_left_out(candidate, limits, counts=False)
        for judged in judge_candidate(candidate, result.edge, limits):
            yield judged, *(ends if judged.kind == "net_loss" else ("", ""))


def _list_named(judged: Judged) -> list[tuple[tuple[str, ...], Group]]:
    """List the groups that a sentence gives numbers of; overall where it names none."""
    return [(f.by, f.group) for f in judged.named] or [((), ())]


def _is_shown(by: tuple[str, ...], group: Group, shown: Estimates) -> bool:
    """Return whether every number that rests on a group's changed answers is published."""
    found = [e for m in COUNTED for e in shown.of("model", m, by) if (e.group, e.compare) == (group, None)]
    return bool(found) and all(e.status == "ok" for e in found)
