"""The verdict in words that every page, terminal and notebook shares: the word, the headline, the next step.

Must not: decide anything, or import numpy; ``audit gate`` pays for this module.
"""

from __future__ import annotations

import datetime as dt
import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter

from audit.config.limits import CHECKS
from audit.errors import printable
from audit.estimate import grouping_text, join_words
from audit.gates.verdicts import WORST_FIRST, find_deciding_gate, judges_groups
from audit.gates.words.voice import write_times
from audit.record.edge import EDGE
from audit.record.result import AuditResult, Gate, Run, name_verdict

NO_LIMIT = "No limit was set. The numbers below are measurements, not passes."
CHANGED = "churn"
"""Metric that is there where two decisions about the same rows are compared."""
NO_GROUPS = "No limit on groups was set."
UNCOMPARED = "No limit on groups was set, so no difference between groups was judged."
KEPT = "The record so far is kept."
STOPPED = {"SIGINT": "Stopped with Ctrl-C", "SIGTERM": "Stopped with SIGTERM", "SIGHUP": "The terminal was closed"}
"""How a run was stopped from outside, by the name of the signal."""
NEXT: Mapping[str, str] = {
    "fail": "Find which step causes the difference (labels, features, threshold), change it and audit again, "
    "or record a waiver.",
    "incomplete": "Fix the error above and run again.",
    "pass": "Look at the groups: audit dashboard.",
    "known": "Remove the cause of what is known, and make the run that passes the baseline: audit baseline update.",
    "waived": "Look at the groups: audit dashboard.",
    "withheld": "Read the internal report, which has the verdict.",
}
EXAMPLES: Mapping[str, str] = {
    "stereotype_score": "stereotype_score highest <= 0.6",
    "exposure": "exposure ratio >= 0.8",
    "mean_error": "mean_error difference <= 1",
    "net_change": "net_change highest <= 0.01",
    "selection_rate_change": "selection_rate_change largest <= 0.01",
}
"""A limit that answers the question of a result, by the first metric that was measured for it."""
MORE_KNOWN = (
    "Audit more rows, exclude small groups (--least-rows, [policy] least_rows) or join them (--merge, [data.merge])",
    "Name more seeds of the full recipe (--seeds); 19 can show at 5% that a candidate changes more than they do",
)
"""What would decide whether a compressed model loses accuracy, and whether it changes too much. Neither is waived."""
RATIO = "ratio >= 0.8"
COUNTED = {"fail": ("fails", "fail"), "pass": ("passes", "pass")}
"""How limits of a verdict are counted, one and several; any other verdict is its word."""
SOON = 30
"""Days before the end of a waiver in which every page warns of it."""
LONGEST_NAME = 160
FAILED_TOTAL = "Change what the limit is on and run again, or record a waiver."


def write_headline(result: AuditResult) -> str:
    """Return the sentence after the word: what decides, and what was not judged."""
    if result.verdict == "incomplete":
        return describe_unfinished(result.run, tracked=result.run.command[1:2] == ("track",))
    said = _write_decisive(result, find_deciding_gate(result.gates))
    if CHANGED not in result.estimates.metrics:
        return said
    from audit.gates.words.changed import describe_change

    return f"{describe_change(result)} {said}".lstrip()


def _write_decisive(result: AuditResult, gate: Gate | None) -> str:
    """Return the sentence of the limit that decides, and what was not judged."""
    if gate is None:
        return NO_LIMIT
    if result.verdict == "not judged":
        return _write_not_judged(result, gate)
    beside = _name_unlimited(result) if result.verdict in {"pass", "known", "waived"} else ""
    return " ".join(part for part in (gate.sentence, beside) if part)


def count_limits(gates: Sequence[Gate]) -> str:
    """Return how many limits there are of each verdict, the worst first."""
    return f"{len(gates)} limits: {', '.join(_count_each(gates))}."


def count_rest(gates: Sequence[Gate]) -> str:
    """Return how many further limits there are of each verdict, the worst first: 5 more that fail, 1 inconclusive."""
    first, *others = _count_each(gates, that=True)
    n, _, how = first.partition(" ")
    return ", ".join([f"{n} more {how}", *others])


def _count_each(gates: Sequence[Gate], *, that: bool = False) -> list[str]:
    found = Counter(gate.verdict for gate in gates)
    told = []
    for verdict in sorted(found, key=WORST_FIRST.index):
        words = COUNTED.get(verdict)
        if words is None:
            words = (name_verdict(verdict).lower(),) * 2
        elif that:
            words = (f"that {words[0]}", f"that {words[1]}")
        told.append(f"{found[verdict]} {words[found[verdict] > 1]}")
    return told


def list_notes(result: AuditResult, today: dt.date | None = None) -> tuple[str, ...]:
    """Return what stands below a verdict: what became of the training, and which waivers end soon.

    Parameters
    ----------
    result
        What was judged.
    today
        Day on which it is read; that of the run where none is given, so that a record always reads the same.
    """
    day = dt.date.fromisoformat(result.run.finished[:10]) if today is None else today
    return (*describe_training(result.run), *warn_of_waivers(result.gates, day))


def list_baseline_notes(result: AuditResult) -> tuple[str, ...]:
    """Return with which run limits were compared, and which are better besides that of the headline; else nothing."""
    if result.baseline is None:
        return ()
    from audit.gates.words.against_baseline import describe_baseline, describe_gains

    first = find_deciding_gate(result.gates)
    return (*describe_baseline(result.baseline), *describe_gains([g for g in result.gates if g is not first]))


def count_waived(gates: Sequence[Gate]) -> str:
    """Return how many limits did not pass and are waived."""
    waived = sum(g.verdict == "waived" for g in gates)
    return f"{waived} of {len(gates)} limits did not pass and {'is' if waived == 1 else 'are'} waived"


def warn_of_waivers(gates: Sequence[Gate], today: dt.date) -> tuple[str, ...]:
    """Return which waivers end within `SOON` days or have ended, the first to end first.

    Parameters
    ----------
    gates
        Judged limits.
    today
        Day on which it is said.
    """
    ends = [(dt.date.fromisoformat(g.waiver.expires), g) for g in gates if g.verdict == "waived" and g.waiver]
    soon = sorted((end for end in ends if (end[0] - today).days <= SOON), key=itemgetter(0))
    return tuple(_warn_of_end(gate, end, (end - today).days) for end, gate in soon)


def _warn_of_end(gate: Gate, end: dt.date, days: int) -> str:
    owner = printable(gate.waiver.owner) if gate.waiver is not None else ""
    whose = f"The waiver of {printable(gate.name, LONGEST_NAME)} by {owner}"
    if days < 0:
        return f"{whose} ended on {end}; judge the run again (audit gate)."
    when = {0: "today", 1: f"tomorrow, on {end}"}.get(days, f"in {days} days, on {end}")
    return f"{whose} ends {when}: remove the cause, or decide again before then."


def _write_not_judged(result: AuditResult, gate: Gate) -> str:
    """Return what is said where limits were met, and none of them compares groups."""
    suite = (result.question.config.get("checks") or {}).get("suite")
    asked = [c for c in result.checks if c.answered_by != "evenhand"]
    only = all(g.name in {f"checks.{metric}" for metric in CHECKS} for g in result.gates)
    if suite and only and asked:
        held = f"All {len(asked)} expectations" if len(asked) > 1 else "The one expectation"
        name = printable(str(suite).replace("\\", "/").rpartition("/")[2])
        return f"{NO_GROUPS} {held} of {name} {'hold' if len(asked) > 1 else 'holds'}."
    return f"{gate.sentence} {UNCOMPARED}"


def _name_unlimited(result: AuditResult) -> str:
    """Return the group columns that were audited and on which no limit is."""
    config = result.question.config
    if (config.get("policy") or {}).get("four_fifths") or not judges_groups(result.gates):
        return ""
    if any(gate.name.startswith(EDGE) for gate in result.gates):
        return ""  # verdicts on a compressed model look at every group
    limited = set(chain.from_iterable(g.estimate.by for g in result.gates if g.estimate is not None))
    free = [c for c in (config.get("data") or {}).get("groups") or () if c not in limited]
    if not free:
        return ""
    return f"No limit was set on {join_words([grouping_text([column]) for column in free], 'or')}."


def describe_unfinished(run: Run, *, tracked: bool = False) -> str:
    """Return how a run ended that did not finish.

    Parameters
    ----------
    run
        What the record says of it.
    tracked
        Whether it is a command that was only metered.
    """
    what = "The command" if tracked else "Training"
    if run.interrupted:
        how = STOPPED.get(run.interrupted, f"Stopped with {printable(run.interrupted, 20)}")
        return f"{how}{'' if tracked else ' during training'}, so nothing was judged. {KEPT}"
    code = next((c for c in run.exit_codes.values() if c != 0), None)
    if code is not None and code < 0:
        memory = ", often out of memory" if -code == signal.SIGKILL else ""
        return f"{what} was killed ({_name_signal(-code)}{memory}), so nothing was judged. {KEPT}"
    if code is not None:
        return f"{what} ended with exit code {code}, so nothing was judged. {KEPT}"
    return f"The run is incomplete, so it was not judged. {KEPT}"


def _name_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def describe_training(run: Run) -> tuple[str, ...]:
    """Return what limits on the data did to training, and what kept the audit from being complete."""
    return tuple(_list_notes(run))


def _list_notes(run: Run) -> Iterator[str]:
    if run.stopped_by:
        yield f"Training was not started because {_list_limits(run.stopped_by)} on the data; --continue trains anyway."
    if run.continued:
        yield f"Training was started with --continue although {_list_limits(run.continued)} on the data."
    if run.ended:
        yield f"The audit is incomplete: {printable(run.ended, 600).rstrip('.')}."


def _list_limits(names: Sequence[str]) -> str:
    shown = join_words([printable(n) for n in names])
    if len(names) == 1:
        return f"limit {shown} failed"
    return f"limits {shown} failed"


def suggest_next(result: AuditResult) -> str:
    """Return what to do next, in one sentence."""
    gate = find_deciding_gate(result.gates)
    if result.verdict == "not judged":
        return f'To judge this, add --gate "{choose_example(result)}".'
    if gate is None or result.verdict not in {"fail", "insufficient", "undefined"}:
        return NEXT[result.verdict]
    if result.verdict == "fail":
        return NEXT["fail"] if judges_groups([gate]) else FAILED_TOTAL
    if result.verdict == "undefined":
        return "Add rows for the groups that have none, or set a limit on another metric."
    if gate.name.startswith(EDGE):
        return (
            f'{MORE_KNOWN[gate.name.startswith(f"{EDGE}churn.")]}; or accept it on the record: insufficient = "warn".'
        )
    many = f"about {write_times(gate.needed_n)} as many rows" if gate.needed_n is not None else "more rows"
    return f'Audit {many}, or accept it on the record: a waiver, or insufficient = "warn".'


def choose_example(result: AuditResult, *, of_data: bool = False) -> str:
    """Return a limit that would judge what a result measured, or its data alone, as it is written after --gate."""
    metrics = result.estimates.metrics
    rule = next((rule for metric, rule in EXAMPLES.items() if metric in metrics), "")
    if not rule:
        of_data = of_data or result.run.command[1:2] == ("data",)
        rule = f"{'base_rate' if of_data else 'selection_rate'} {RATIO}"
    return f"worst_class_{rule}" if any(e.outcome is not None for e in result.estimates) else rule
