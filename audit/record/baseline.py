"""An earlier result that limits are compared with: what the comparison needs of it, and what came of it.

The numbers of the baseline stand in the record of the run that was compared with it, so that whoever reads the record
can judge again without the baseline's own file. They are the rates of groups with the rows that they are worth, never
rows.

Must not: judge, or compare anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from audit.estimate import Group
from audit.record.edge import GateVerdict, Verdict

Sampling = Literal["paired", "independent", "dependent"]
"""How the rows of both results belong together: the same ones, joined by their key; rows of two different tables; or
perhaps the same ones, so that what is compared allows for any dependence."""
Moved = Literal["worse", "better", "same", "not compared"]
"""``same``: no change beyond chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineRate:
    """One group's value in the baseline."""

    metric: str
    group: Group
    value: float
    effective_n: float
    """Independent rows that carry the same information."""
    degrees_of_freedom: float | None = None
    """Of the quantile used; None means the normal distribution."""
    outcome: str | None = None
    """Class that a one-versus-rest rate is of."""
    r: float | None = None
    """Correlation with the same group's value in the new result; None where the rows are not paired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineGate:
    """One limit as it stood in the baseline."""

    name: str
    verdict: Verdict
    min: float | None = None
    max: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    since: str | None = None
    """Day since when it is known not to pass; None where it passed."""
    sampling: Sampling = "dependent"
    rates: tuple[BaselineRate, ...] = ()
    """Values of the groups behind it; none where the limit is on no rates."""
    published: bool = False
    """Whether the baseline's own card shows its number, with the smallest count that this run publishes."""
    findings: tuple[str, ...] | None = None
    """Of a limit on checks: codes that counted against it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """An earlier result, as far as the limits of this one are compared with it."""

    run: str
    """Id of the run."""
    finished: str
    """When that run ended, UTC."""
    digest: str
    """SHA-256 of the text of its record."""
    source: str
    """As it was named."""
    gates: tuple[BaselineGate, ...]
    rows: int | None = None
    """Rows that both results have, where they are paired."""
    independent: bool = False
    """Whether the predictions of both come from different tables."""
    note: str = ""
    """Why rows are not paired, where both results name theirs by the same key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How a limit stands against the baseline."""

    alone: GateVerdict
    """Verdict by the limit alone."""
    sentence: str
    """What is said of the change; it begins the sentence of a limit that is worse, ends that of any other, and is empty
    where there is nothing to say."""
    plain_sentence: str = ""
    """The same without numbers of the baseline, for pages that may not show them."""
    before: Verdict | None = None
    """Verdict in the baseline; None where the baseline has no such limit."""
    moved: Moved = "not compared"
    reason: str = ""
    """Why nothing is compared, where nothing is."""
    value: float | None = None
    """In the baseline, with its interval."""
    low: float | None = None
    high: float | None = None
    p_worse: float | None = None
    """One-sided, of no worsening."""
    p_worse_holm: float | None = None
    """The same, corrected by Holm for all limits that are compared."""
    p_better: float | None = None
    """One-sided, of no improvement."""
    p_better_holm: float | None = None
    since: str | None = None
    """Day since when it is known not to pass; None where it passes, or passed in the baseline."""
    detectable: float | None = None
    """Fall of the lowest rate of the baseline, or rise of the highest where the limit reads that, which would be found
    9 times in 10; None where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """A decision to make a result the baseline of later ones."""

    by: str
    """Who made it the baseline."""
    at: str
    """When, UTC."""
    reason: str = ""
    """Why limits that are worse were accepted."""
    accepted: tuple[str, ...] = ()
    """Limits that are worse than in the baseline before; they were accepted."""
