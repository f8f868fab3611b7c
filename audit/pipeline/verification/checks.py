"""Checks of a document again: those of counts from the counts, those of rows as they stand.

Must not: say that a check of rows is right; nothing but the rows could.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, combinations

from audit.checks.codes import COUNTED, DECLARED, SUITE, THRESHOLD, codes, make_strata_check
from audit.checks.groups import check_groups, check_scores
from audit.config.schema import Config
from audit.counting.plan import Counted, Plan
from audit.errors import no_such
from audit.gates.four_fifths import check_four_fifths
from audit.measurement.estimates import Estimates
from audit.pipeline.records import remeasure_from
from audit.record.cubes import COUNTED_PARTS
from audit.record.result import AuditResult, Check, Part

FOLLOWING = frozenset(c.code for c in COUNTED) - {SUITE, DECLARED, THRESHOLD}
"""Codes of checks that follow from counts and accounts."""
MENDS = {c.code: c.mend for c in COUNTED}
ROWS, STRATA = "DV001", "DV005"
MOST_STRATA = 8
"""Strata of which every choice is tried for what the predictions lacked."""


def of_rows(checks: Sequence[Check]) -> list[Check]:
    """Return checks of the rows themselves, and expectations."""
    return [c for c in checks if c.code not in FOLLOWING]


def codes_amiss(result: AuditResult) -> Iterator[str]:
    """Yield checks of a code that does not exist."""
    known = {c.code for c in codes()}
    for code in dict.fromkeys(c.code for c in result.checks if c.code not in known):
        yield f"checks: {no_such('check', code, sorted(known))}"


def held_out_parts(result: AuditResult) -> list[Part]:
    """Return parts of which a document holds no counts."""
    return [p for p in result.data if p.part not in COUNTED_PARTS]


def of_held_out(result: AuditResult) -> list[Check]:
    """Return checks of counts that a document does not hold, and the one that names strata which predictions lacked."""
    held_out = {p.part for p in held_out_parts(result)}
    strata = [c for c in result.checks if c.code == STRATA]
    return [*strata, *(c for c in result.checks if c.code in FOLLOWING and c.part in held_out)]


def before_training(given: AuditResult, train: Counted | None, plan: Plan) -> list[Check]:
    """Return checks of every part of the data, in the order of a run."""
    found: list[Check] = []
    if train is not None:
        found += check_groups(train, plan, "train")
        for part in held_out_parts(given):
            found += _select_checks_of_part(part, given, train, plan)
    return [*found, *of_rows(given.checks)]


def of_predictions(
    given: AuditResult, counted: Counted, plan: Plan, estimates: Estimates, config: Config
) -> list[Check]:
    """Return checks of the predictions, in the order of a run."""
    found = [*check_groups(counted, plan, "predictions"), *check_scores(counted, plan)]
    found += check_four_fifths(estimates, config, remeasure_from(config, given.cubes))
    if config.data.strata:
        found.append(make_strata_check(()) if plan.strata else _check_strata(given, config))
    return found


def _select_checks_of_part(part: Part, given: AuditResult, train: Counted, plan: Plan) -> Iterator[Check]:
    """Yield the checks of a held-out part: those of the training data, with what the document says was found."""
    account = replace(
        train, rows_read=part.rows_read, rows_excluded=part.rows_excluded, rows_without_group=part.rows_without_group
    )
    kept = {(c.code, c.part, c.columns): c for c in of_held_out(given)}
    for made in check_groups(account, plan, part.part):
        there = kept.get((made.code, made.part, made.columns))
        if there is None or made.code == ROWS:
            yield made
        else:
            mend = MENDS[made.code] if there.outcome in {"warn", "fail"} else ""
            yield replace(there, name=made.name, severity=made.severity, mend=mend)


def _check_strata(given: AuditResult, config: Config) -> Check:
    """Return the check that names the strata which the predictions did not have; some of them, or all."""
    strata = config.data.strata[:MOST_STRATA]
    choices = chain.from_iterable(combinations(strata, k) for k in range(1, len(strata) + 1))
    possible = [make_strata_check(list(choice)) for choice in choices]
    there = [c for c in given.checks if c.code == STRATA]
    return next((c for c in possible if c in there), possible[-1])
