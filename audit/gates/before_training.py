"""What gates on the data say before a single step of training: which refuse it, and which the data cannot decide.

Must not: start or stop anything.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from audit.config.schema import Config
from audit.gates.judge import Evidence, judge
from audit.gates.verdicts import exit_code
from audit.gates.words.sentences import describe_open_gate
from audit.record.result import Gate


class Standing(NamedTuple):
    """How the gates on the data and on its checks stand."""

    failed: tuple[str, ...]
    """Names of those that fail."""
    undecided: tuple[str, ...]
    """A sentence for each that is not passed and does not fail, so that training starts and the audit will not pass."""


def judge_before_training(config: Config, evidence: Evidence, today: dt.date) -> Standing:
    """Judge what there is before there is a model."""
    before = [g for g in judge(config, evidence, today) if g.name.startswith(("data.", "checks."))]
    if config.publish is not None and config.publish.terminal == "withhold":
        before = [replace(g, sentence="") for g in before]
    failed = tuple(g.name for g in before if g.verdict == "fail")
    return Standing(failed, describe_undecided(before, config.policy.insufficient))


def describe_undecided(gates: Sequence[Gate], insufficient: str = "fail") -> tuple[str, ...]:
    """Return a sentence for each gate that is undecided and that the policy does not let pass."""
    open_ = (g for g in gates if g.verdict in {"insufficient", "undefined"} and exit_code(g.verdict, insufficient))
    return tuple(describe_open_gate(g.name, g.verdict, g.sentence).rstrip() for g in open_)
