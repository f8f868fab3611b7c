"""Metrics of two decisions about the same rows: what changed, who lost by it, and what became of every rate and gap.

The change of a rate is the new rate less the earlier one, so that its difference between two groups is the change of
the gap between them. The net loss of accuracy alone is earlier less new: above 0, the group lost. Adding a change of a
rate means adding its record here; what each of them counts, its masks over label, new and earlier decision say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from audit.estimate import FEWEST_CHANGED
from audit.measurement.metrics.kinds import EVERYBODY, Everybody, Family, Metric

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Holds = Callable[[bool, bool, bool], bool]
"""Whether a row of this label, new decision and earlier decision is counted."""
_BOTH = ("label", "prediction", "against")
_TABLE = "Changed decisions"
_FARD = "Milani Fard, Cormier, Canini and Gupta (2016), NIPS, Launch and iterate: reducing prediction churn"
_YAN = "Yan et al. (2021), CVPR, Positive-congruent training (negative flip rate)"
_PREDICTIVE = "Moskowitz and Pepe (2006), Clinical Trials 3:272 (predictive values of two tests of the same people)"
_MCNEMAR = "McNemar (1947), Psychometrika 12:153 (discordant pairs)"
_FEW = f"with fewer than {FEWEST_CHANGED} changed decisions no direction is claimed, so that no limit fails"


def _anybody(_label: bool, _new: bool, _earlier: bool) -> bool:
    return True


def _mask(holds: Holds) -> npt.NDArray[np.bool_]:
    import numpy as np

    return np.array([[[holds(bool(y), bool(d), bool(e)) for e in (0, 1)] for d in (0, 1)] for y in (0, 1)])


@dataclass(frozen=True, slots=True, kw_only=True)
class PairMetric(Metric):
    """A share of rows whose decision changed, or one such share less another that excludes it."""

    gives_away: Family = "flips_by_label"
    table: str = _TABLE
    against: tuple[Everybody, ...] = EVERYBODY
    more: Holds
    """Rows that count."""
    less: Holds | None = None
    """Rows that count against them; None where it is a plain share."""
    given: Holds = _anybody
    """Rows that it is a share of."""
    text: str
    empty: str = "0/0: no rows"
    """Why it is undefined where it is a share of no rows."""

    @property
    def formula(self) -> str:
        """Formula in the words of its source."""
        return self.text

    @property
    def masks(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_] | None, npt.NDArray[np.bool_]]:
        """Masks of shape (2, 2, 2), label by new by earlier decision: rows that count, against, and all."""
        return _mask(self.more), None if self.less is None else _mask(self.less), _mask(self.given)


@dataclass(frozen=True, slots=True, kw_only=True)
class PickedMetric(PairMetric):
    """The change of a share whose rows the decision itself picks, so that both decisions rest on other rows."""

    label: bool
    """Label of the rows that count."""
    picks: bool
    """Decision whose rows it is a share of."""
    empty_earlier: str
    """Why it is undefined where the earlier decision alone picks no row."""

    @property
    def cells(self) -> npt.NDArray[np.bool_]:
        """Masks (6, 2, 2, 2): rows that both decisions pick, the new one alone, the earlier one; each hit and miss."""
        import numpy as np

        label, new, earlier = np.indices((2, 2, 2))
        hit, now, before = label == self.label, new == self.picks, earlier == self.picks
        both, came, went = now & before, now & ~before, before & ~now
        return np.stack([both & hit, both & ~hit, came & hit, came & ~hit, went & hit, went & ~hit])


def _changed(_label: bool, new: bool, earlier: bool) -> bool:
    return new != earlier


def _lost(label: bool, new: bool, earlier: bool) -> bool:
    return earlier == label != new


def _gained(label: bool, new: bool, earlier: bool) -> bool:
    return new == label != earlier


def _up(_label: bool, new: bool, earlier: bool) -> bool:
    return new and not earlier


def _down(_label: bool, new: bool, earlier: bool) -> bool:
    return earlier and not new


def _positive(label: bool, _new: bool, _earlier: bool) -> bool:
    return label


def _negative(label: bool, _new: bool, _earlier: bool) -> bool:
    return not label


def _among(holds: Holds, given: Holds) -> Holds:
    return lambda y, d, e: holds(y, d, e) and given(y, d, e)


_share = partial(
    PairMetric, stage="model", judged=("difference", "ratio", "highest"), figure="share", worse="high", ideal="0"
)
CHURN = _share(
    name="churn",
    gives_away="changed",
    title="Churn",
    needs=("prediction", "against"),
    headline=True,
    more=_changed,
    text="share of rows whose decision changed = P(prediction ≠ earlier prediction)",
    source=_FARD,
    caveat=f"says nothing of better or worse; {_FEW}",
)
NEGATIVE_FLIPS = _share(
    name="negative_flips",
    gives_away="lost_gained",
    title="Negative flip rate",
    needs=_BOTH,
    headline=True,
    more=_lost,
    text="share of rows that were right before and are wrong now = P(earlier prediction = label, prediction ≠ label)",
    source=_YAN,
    caveat=_FEW,
)
POSITIVE_FLIPS = _share(
    name="positive_flips",
    gives_away="lost_gained",
    title="Positive flip rate",
    needs=_BOTH,
    worse="low",
    headline=True,
    more=_gained,
    text="share of rows that were wrong before and are right now = P(earlier prediction ≠ label, prediction = label)",
    source=_YAN,
    caveat=_FEW,
)
FLIPS_UP = _share(
    name="flips_up",
    gives_away="up_down",
    title="Upward flip rate",
    needs=("prediction", "against"),
    more=_up,
    text="share of rows that were negative before and are positive now = P(earlier prediction = 0, prediction = 1)",
    source=_MCNEMAR,
    caveat=_FEW,
)
FLIPS_DOWN = _share(
    name="flips_down",
    gives_away="up_down",
    title="Downward flip rate",
    needs=("prediction", "against"),
    more=_down,
    text="share of rows that were positive before and are negative now = P(earlier prediction = 1, prediction = 0)",
    source=_MCNEMAR,
    caveat=_FEW,
)
NET_CHANGE = PairMetric(
    name="net_change",
    gives_away="lost_gained",
    title="Net loss of accuracy",
    stage="model",
    needs=_BOTH,
    judged=("difference", "highest"),
    headline=True,
    range=(-1.0, 1.0),
    figure="points",
    worse="high",
    ideal="0",
    more=_lost,
    less=_gained,
    text="negative flips less positive flips, over n = accuracy of the earlier decisions less accuracy of the new ones",
    source=_MCNEMAR,
    caveat=f"above 0: the group lost accuracy, below 0 it gained; {_FEW}",
)
_change = partial(
    PairMetric,
    stage="model",
    judged=("largest", "difference"),
    range=(-1.0, 1.0),
    figure="points",
    ideal="0",
    source=_MCNEMAR,
    caveat=f"its difference between groups is the change of their gap; {_FEW}",
)
SELECTION_RATE_CHANGE = _change(
    name="selection_rate_change",
    gives_away="up_down",
    title="Change of the selection rate",
    needs=("prediction", "against"),
    headline=True,
    more=_up,
    less=_down,
    text="selection rate of the new decisions less that of the earlier ones = upward less downward flips, over n",
)
TRUE_POSITIVE_RATE_CHANGE = _change(
    name="true_positive_rate_change",
    title="Change of the true positive rate",
    needs=_BOTH,
    more=_among(_up, _positive),
    less=_among(_down, _positive),
    given=_positive,
    empty="0/0: no rows with label = 1",
    text="true positive rate of the new decisions less that of the earlier ones",
)
FALSE_POSITIVE_RATE_CHANGE = _change(
    name="false_positive_rate_change",
    title="Change of the false positive rate",
    needs=_BOTH,
    worse="high",
    more=_among(_up, _negative),
    less=_among(_down, _negative),
    given=_negative,
    empty="0/0: no rows with label = 0",
    text="false positive rate of the new decisions less that of the earlier ones",
)
TRUE_NEGATIVE_RATE_CHANGE = _change(
    name="true_negative_rate_change",
    title="Change of the true negative rate",
    needs=_BOTH,
    table="",
    more=_among(_down, _negative),
    less=_among(_up, _negative),
    given=_negative,
    empty="0/0: no rows with label = 0",
    text="true negative rate of the new decisions less that of the earlier ones",
)
FALSE_NEGATIVE_RATE_CHANGE = _change(
    name="false_negative_rate_change",
    title="Change of the false negative rate",
    needs=_BOTH,
    table="",
    worse="high",
    more=_among(_down, _positive),
    less=_among(_up, _positive),
    given=_positive,
    empty="0/0: no rows with label = 1",
    text="false negative rate of the new decisions less that of the earlier ones",
)


def _picked(rate: str, title: str, *, label: bool, picks: bool, **more: Any) -> PickedMetric:
    """Return the change of a rate whose rows the decision picks; what picks a row more raises or lowers it."""

    def raises(y: bool, new: bool, earlier: bool) -> bool:
        return new != earlier and (new == picks) == (y == label)

    def lowers(y: bool, new: bool, earlier: bool) -> bool:
        return new != earlier and (new == picks) != (y == label)

    return PickedMetric(
        name=f"{rate}_change",
        title=f"Change of {title}",
        stage="model",
        needs=_BOTH,
        judged=("largest", "difference"),
        range=(-1.0, 1.0),
        figure="points",
        ideal="0",
        source=_PREDICTIVE,
        caveat=f"each decision picks its own rows; its difference between groups is the change of their gap; {_FEW}",
        more=raises,
        less=lowers,
        given=lambda _label, new, earlier: picks in (new, earlier),
        empty=f"0/0: no rows with prediction = {picks:d}",
        empty_earlier=f"0/0: no rows with earlier prediction = {picks:d}",
        text=f"{title.removeprefix('the ')} of the new decisions less that of the earlier ones",
        label=label,
        picks=picks,
        **more,
    )


PRECISION_CHANGE = _picked("precision", "precision", label=True, picks=True)
NEGATIVE_PREDICTIVE_VALUE_CHANGE = _picked(
    "negative_predictive_value", "the negative predictive value", label=False, picks=False, table=""
)
FALSE_DISCOVERY_RATE_CHANGE = _picked(
    "false_discovery_rate", "the false discovery rate", label=False, picks=True, table="", worse="high"
)
FALSE_OMISSION_RATE_CHANGE = _picked(
    "false_omission_rate", "the false omission rate", label=True, picks=False, table="", worse="high"
)
PAIRS: tuple[PairMetric, ...] = (
    NET_CHANGE,
    CHURN,
    NEGATIVE_FLIPS,
    POSITIVE_FLIPS,
    FLIPS_UP,
    FLIPS_DOWN,
    SELECTION_RATE_CHANGE,
    TRUE_POSITIVE_RATE_CHANGE,
    FALSE_POSITIVE_RATE_CHANGE,
    TRUE_NEGATIVE_RATE_CHANGE,
    FALSE_NEGATIVE_RATE_CHANGE,
    PRECISION_CHANGE,
    NEGATIVE_PREDICTIVE_VALUE_CHANGE,
    FALSE_DISCOVERY_RATE_CHANGE,
    FALSE_OMISSION_RATE_CHANGE,
)
METRICS: tuple[Metric, ...] = PAIRS
