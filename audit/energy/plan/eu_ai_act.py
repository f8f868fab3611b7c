"""What the EU AI Act asks about the computation of a training, and whether a plan reaches its presumption.

The text is Regulation (EU) 2024/1689, OJ L, 2024/1689, 12.7.2024. A plan is no legal advice: a delegated act
(Article 51(3)) may move the threshold, and the computation of every earlier training of the same model counts too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from audit.energy.plan.ranges import Range

THRESHOLD_FLOP = 1e25
GUIDELINE_FLOP = 1e23
TEXT = "Regulation (EU) 2024/1689, OJ L, 2024/1689, 12.7.2024"
GUIDELINE = (
    "European Commission, Guidelines on the scope of obligations for providers of general-purpose AI models, 18.7.2025"
)
Answer = Literal["yes", "no", "straddles", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Duty:
    """What asks for a number of this plan."""

    article: str
    asks: str


DUTIES = (
    _Duty(
        article="Article 53(1)(a) with Annex XI, section 1, point 2(d)",
        asks="computational resources used to train, such as the number of FLOPs, and training time",
    ),
    _Duty(
        article="Article 53(1)(a) with Annex XI, section 1, point 2(e)",
        asks="known or estimated energy consumption; where unknown, it may rest on the computational resources used",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presumption:
    """Whether high-impact capabilities, and so systemic risk, are presumed from the computation alone."""

    answer: Answer
    """Yes where even the low end is greater than the threshold, no where even the high end is not."""
    sentence: str
    threshold_flop: float = THRESHOLD_FLOP
    article: str = "Article 51(2)"
    text: str = TEXT
    duties: tuple[_Duty, ...] = DUTIES
    guideline: Answer = "unknown"
    """Whether the indication that a model is of general purpose is reached; a guideline, not the law."""
    guideline_flop: float = GUIDELINE_FLOP
    guideline_source: str = GUIDELINE


def judge_presumption(flops: Range | None) -> Presumption:
    """Return the presumption of Article 51(2): the computation used for training is greater than 1e25 FLOP in all."""
    answer = _compare_with(flops, THRESHOLD_FLOP)
    return Presumption(
        answer=answer, sentence=_describe_answer(answer, flops), guideline=_compare_with(flops, GUIDELINE_FLOP)
    )


def _compare_with(flops: Range | None, threshold: float) -> Answer:
    if flops is None:
        return "unknown"
    if flops.low > threshold:
        return "yes"
    return "straddles" if flops.high > threshold else "no"


def _describe_answer(answer: Answer, flops: Range | None) -> str:
    if flops is None:
        return "No FLOPs are known, so neither is whether systemic risk is presumed"
    ends = f" ({_write_power(flops.low)} to {_write_power(flops.high)})" if flops.low < flops.high else ""
    span = f"{_write_power(flops.value)} FLOP{ends}"
    return {
        "yes": f"Systemic risk is presumed: {span} is greater than 1e25",
        "no": f"Systemic risk is not presumed: {span} is not greater than 1e25",
        "straddles": f"Systemic risk may be presumed: 1e25 lies within the range of {span}",
        "unknown": "",
    }[answer]


def _write_power(flops: float) -> str:
    return f"{flops:.3g}".replace("e+", "e")
