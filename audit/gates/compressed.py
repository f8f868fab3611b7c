"""Two verdicts on a compressed model: whether it changes more than training again would, and whether it loses accuracy.

Churn is judged by its rank among other seeds of the full recipe; without them it is not judged. Net loss fails where
an exact test shows that some group lost right answers, and passes where no test does and the whole interval of every
group lies within the largest loss that is accepted. Must not: count, test, or import numpy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, Literal, NamedTuple

from audit.config.schema import Config
from audit.errors import printable
from audit.estimate import (
    FEWEST_CHANGED,
    Group,
    figure_text,
    interval_words,
    join_first,
    limit_text,
    named_group,
    p_text,
    p_words,
)
from audit.measurement.estimates import Estimates
from audit.record.edge import EDGE, Candidate, Edge, GroupFlips
from audit.record.result import Gate, GateVerdict

CHURN: Final = "churn"
NET_LOSS: Final = "net_loss"
FEWEST_SEEDS = 5
"""Seeds under which the range of retraining is not known: three seeds of one recipe changed 4.9% to 7.4%."""
TOO_FEW = "At least five seeds are needed to know what training again changes"
MOST_NAMED = 3
MOST_LEFT_OUT = 20


class EdgeLimits(NamedTuple):
    """How compressed models are judged."""

    error: float
    """Largest p-value that shows a loss."""
    least_rows: int
    """Rows under which a group is not judged by itself."""


def find_edge_limits(config: Config) -> EdgeLimits:
    """Return how the policy judges compressed models."""
    return EdgeLimits(config.policy.error, config.policy.least_rows)


class Judged(NamedTuple):
    """One of the two verdicts, with the group that decides it."""

    kind: Literal["churn", "net_loss"]
    verdict: GateVerdict
    sentence: str
    limit: float
    named: tuple[GroupFlips, ...] = ()
    """Groups that the sentence gives numbers of, the deciding one first; none where it is about everybody together."""

    @property
    def by(self) -> tuple[str, ...]:
        """Column of the deciding group; none overall."""
        return next((f.by for f in self.named), ())

    @property
    def group(self) -> Group:
        """The deciding group."""
        return next((f.group for f in self.named), ())


def judge_candidate(candidate: Candidate, edge: Edge, limits: EdgeLimits) -> tuple[Judged, ...]:
    """Return the verdicts on one candidate: churn where there are seeds, and net loss."""
    left_out = say_left_out(candidate, limits)
    lost = (j._replace(sentence=j.sentence + left_out) for j in _judge_net_loss(candidate, edge, limits))
    return (*_judge_churn(candidate, limits), *lost)


def say_left_out(candidate: Candidate, limits: EdgeLimits, *, counts: bool = True) -> str:
    """Return whom the policy leaves out of the verdict on lost answers, after a blank; empty where that is nobody.

    Parameters
    ----------
    candidate
        Whose groups are judged.
    limits
        Rows under which a group is not judged by itself.
    counts
        Whether the rows of these groups are told, which are few.
    """
    small = sorted((f for f in candidate.flips if f.by and 0 < f.n < limits.least_rows), key=lambda f: -f.n)
    if not small:
        return ""
    named = [f"{_name(f)}{f' (n {f.n:,})' if counts else ''}" for f in small[:MOST_LEFT_OUT]]
    who = join_first(named, len(small))
    return f" Excluded, fewer than {limits.least_rows:,} rows ([policy] least_rows): {who}. Nothing is known of them."


def judge_edge(edge: Edge, estimates: Estimates, name: str, limits: EdgeLimits) -> tuple[Gate, ...]:
    """Return the gates of the candidate that a result is about.

    Parameters
    ----------
    edge
        All candidates.
    estimates
        What was measured of the one that is judged.
    name
        Which one that is.
    limits
        How sure a failure has to be, and which groups are too small to judge.
    """
    candidate = next((c for c in edge.candidates if c.name == name), None)
    if candidate is None:
        return ()
    return tuple(_make_gate(judged, name, estimates) for judged in judge_candidate(candidate, edge, limits))


def _make_gate(judged: Judged, name: str, estimates: Estimates) -> Gate:
    metric = "churn" if judged.kind == CHURN else "net_change"
    each = estimates.of("model", metric, judged.by)
    estimate = next((e for e in each if (e.group, e.compare) == (judged.group, None)), None)
    gate = Gate(
        name=f"{EDGE}{judged.kind}.{name}",
        verdict=judged.verdict,
        sentence=judged.sentence,
        max=_round_up(judged.limit),
        estimate=estimate,
    )
    return gate if estimate is None else replace(gate, low=estimate.low, high=estimate.high)


def _round_up(limit: float) -> float:
    """Return a limit that follows from counts with four decimals, never under it.

    >>> _round_up(1898 / 15928), _round_up(0.02)
    (0.1192, 0.02)
    """
    return math.ceil(round(limit * 1e4, 6)) / 1e4


def _judge_churn(candidate: Candidate, limits: EdgeLimits) -> Iterator[Judged]:
    """Yield whether a candidate changes more answers than other seeds of the full recipe do."""
    null = candidate.retraining
    if null is None or candidate.changed is None:
        return
    churns = [churn for churn, _ in null.seeds.values()]
    seeds, rows, most = len(churns), candidate.rows, max(churns)
    told = f"{printable(candidate.name)} changes {_share_of(candidate.changed, rows)}"
    of_seeds = f"{min(churns):,} to {most:,}" if min(churns) < most else f"{most:,}"
    limit = f" The limit is the seed that changed most ({most:,} of {rows:,})." if seeds > 1 else ""
    few = "" if seeds >= FEWEST_SEEDS else f" {TOO_FEW} ({seeds} named)."
    if candidate.changed <= most:
        than = "fewer than every" if candidate.changed < min(churns) else "no more than another"
        said = f"{told}, {than} seed of the full recipe changes ({of_seeds} of {rows:,}).{limit}{few}"
        yield Judged(CHURN, "pass", said, most / rows)
        return
    decided = null.churn_p <= limits.error
    rank = f"The p-value of a rank among m seeds is at least 1/(m + 1), here {p_text(null.churn_p)}"
    more = "" if decided else f", which cannot decide at {limits.error:g}"
    said = (
        f"{told}, more than every seed of the full recipe changes ({of_seeds} of {rows:,}).{limit} {rank}{more}.{few}"
    )
    yield Judged(CHURN, "fail" if decided else "insufficient", said, most / rows)


def _judge_net_loss(candidate: Candidate, edge: Edge, limits: EdgeLimits) -> Iterator[Judged]:
    """Yield whether a candidate loses right answers, overall or in a group."""
    judged = [f for f in candidate.flips if is_judged(f, limits.least_rows)]
    if not judged:
        return
    lost = sorted((f for f in judged if _is_shown_to_lose(f, limits.error)), key=lambda f: (bool(f.by), _read_p(f)))
    if lost:
        yield _name_losers(candidate, edge, lost, judged)
        return
    widest = max(judged, key=lambda f: 1.0 if f.high is None else f.high)
    within = _is_within(widest, edge.largest_loss)
    advice = "" if within else _advise(judged, edge.largest_loss)
    said = f"{_say_unshown(candidate, edge, judged)}, {_say_allowed(widest, edge.largest_loss, within=within)}{advice}"
    yield Judged(NET_LOSS, "pass" if within else "insufficient", said, edge.largest_loss, (widest,))


def is_judged(f: GroupFlips, least_rows: int) -> bool:
    """Return whether a group is judged by itself, and so counts where p-values are corrected for all."""
    return f.n > 0 and (not f.by or f.n >= least_rows)


def _say_unshown(candidate: Candidate, edge: Edge, judged: Sequence[GroupFlips]) -> str:
    """Say that no group is shown to lose, with the smallest p-value."""
    smallest = min((f.p_value for f in judged if f.p_value is not None), default=None)
    sure = "" if smallest is None else f" (smallest p-value {p_text(smallest)})"
    named = f"{printable(candidate.name)} is not shown to lose accuracy against {printable(edge.full)}"
    return f"{named} overall or in any group{sure}"


def _say_allowed(widest: GroupFlips, largest: float, *, within: bool) -> str:
    """Say which loss the data allow, in the group where it is the most."""
    limit = f"the largest accepted loss is {limit_text(largest, 'points')}"
    most = "any loss" if widest.high is None else f"a loss of up to {figure_text(widest.high, 'points', limit=largest)}"
    where = f"{_name(widest)} (n {widest.n:,})"
    return f"{'and' if within else 'but'} the data allow {most}, {where}; {limit}."


def _is_within(f: GroupFlips, largest: float) -> bool:
    return f.high is not None and f.high <= largest


def _advise(judged: Sequence[GroupFlips], largest: float) -> str:
    """Return what would decide: more rows, or only the groups of which enough is known where some are."""
    wide = [f for f in judged if not _is_within(f, largest)]
    least = _round_rows(max(f.n for f in wide) + 1)
    if not all(f.by for f in wide):
        return " Audit more rows."
    join = "join them (--merge, [data.merge])"
    if not any(f.by and f.n >= least for f in judged):
        return f" Audit more rows, or take the small groups together: {join}."
    return f" Audit more rows, exclude small groups (--least-rows {least}, [policy] least_rows), or {join}."


def _round_rows(n: int) -> int:
    """Return rows rounded up to two digits, at least to tens, so that they give no count of a group away.

    >>> _round_rows(5), _round_rows(95), _round_rows(1509)
    (10, 100, 1600)
    """
    step: int = 10 ** max(1, len(str(n)) - 2)
    return math.ceil(n / step) * step


def _is_shown_to_lose(f: GroupFlips, error: float) -> bool:
    """Return whether a group lost right answers: by the corrected test, or by its interval where no test holds."""
    if f.lost <= f.gained or f.lost + f.gained < FEWEST_CHANGED:
        return False
    if f.p_holm is not None:
        return f.p_holm <= error
    return f.low is not None and f.low > 0


def _read_p(f: GroupFlips) -> float:
    return 1.0 if f.p_value is None else f.p_value


def _name_losers(candidate: Candidate, edge: Edge, lost: Sequence[GroupFlips], judged: Sequence[GroupFlips]) -> Judged:
    each = "; ".join(_describe_loss(f) for f in lost[:MOST_NAMED])
    more = f"; and {len(lost) - MOST_NAMED} more" if len(lost) > MOST_NAMED else ""
    family = f" p-values are corrected by Holm for {len(judged)} tests, overall and by group."
    tested = family if lost[0].p_holm is not None and len(judged) > 1 else ""
    accepted = limit_text(edge.largest_loss, "points")
    rule = f" A loss that is shown fails at any size; up to {accepted} is accepted where none is shown."
    said = f"{printable(candidate.name)} loses accuracy against {printable(edge.full)}: {each}{more}.{tested}{rule}"
    return Judged(NET_LOSS, "fail", said, edge.largest_loss, tuple(lost[:MOST_NAMED]))


def _describe_loss(f: GroupFlips) -> str:
    """Return how much one group lost, and how sure that is."""
    loss = (f.lost - f.gained) / f.n
    sure = p_words(f.p_holm) if f.p_holm is not None else interval_words(f.low, f.high, "points")
    flips = f"{f.lost:,} right answers lost and {f.gained:,} gained, n {f.n:,}"
    return f"{_name(f)} {figure_text(loss, 'points')} ({flips}; {sure})"


def _name(f: GroupFlips) -> str:
    return named_group(f.group, f.by) if f.by else "overall"


def _share_of(changed: int, rows: int) -> str:
    return f"{changed:,} of {rows:,} answers ({figure_text(changed / rows, 'share')})"
