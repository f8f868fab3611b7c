"""What a check of the data is: a code that is never reused, its titles, why it matters, its source, what to do.

A title is a template. Braces are places for what was found; of ``[columns|column]`` the first stands for several and
the second for one. See docs/decisions/0058.

Must not: look at a row, or import what does; every audit of arrays pays for this module.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from audit.errors import capitalise, printable
from audit.estimate import grouping_text
from audit.record.cubes import PREDICTIONS, TRAIN
from audit.record.result import Check

DISGUISE, SAME_LABEL, TOLD = "DV003", "DP002", "DL003"
OUTCOME_TELLS = (DISGUISE, SAME_LABEL, TOLD)
"""Codes of checks whose very outcome tells labels of groups: cards leave such outcomes out."""
TABLES = {TRAIN: "the training data", PREDICTIONS: "the predictions"}
MANY_OR_ONE = re.compile(r"\[([^|\]]*)\|([^|\]]*)\]")
"""What stands for several, and what stands for one."""
NAME_LENGTH = 40
NO_GROUPS, NO_LABEL = "no groups are set ([data] groups)", "no label is set ([data] label)"
NO_CLASSES = "the label is a number without classes"
"""Why checks of groups and labels do not apply."""


def name_table(part: str) -> str:
    """Return a part of the data as people read it.

    >>> name_table("train"), name_table("test")
    ('the training data', 'the test data')
    """
    return TABLES.get(part) or f"the {printable(part, NAME_LENGTH)} data"


def fill(template: str, part: str, **said: object) -> str:
    """Return a title with what was found in its places.

    Parameters
    ----------
    template
        May have the places ``part``, ``Part``, ``test`` (the name of the part), ``Test`` and ``in_part``, which is
        empty for the training data.
    part
        Part of the data that it is about.
    **said
        What stands in the other places; by ``count`` one or several is chosen.

    >>> fill("{count} [columns|column] of {part} [are|is] empty", "train", count=1)
    '1 column of the training data is empty'
    """
    table, test, count = name_table(part), printable(part, NAME_LENGTH), said.get("count", 0)
    chosen = MANY_OR_ONE.sub(lambda found: found[2 if count == 1 else 1], template)
    return chosen.format(
        part=table,
        Part=capitalise(table),
        test=test,
        Test=capitalise(test),
        in_part="" if part in {"", TRAIN} else f" in {table}",
        **(said | {"count": f"{count:,}" if isinstance(count, int) else count}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One check: what it is called, why it matters, and what to do about what it finds."""

    code: str
    """``DV`` validity, ``DB`` bias, ``DL`` leakage, ``DP`` privacy, ``FM`` model, and three digits."""
    name: str
    """Neutral, for lists and headings."""
    passes: tuple[str, ...]
    """Titles when it finds nothing, the usual one first."""
    finds: tuple[str, ...]
    """Titles when it finds something, the usual one first."""
    plain: str
    """Title of a finding that names no group and no number, where a page may not show them."""
    reason: str
    """Why it matters to anybody."""
    reference: str
    mend: str
    """What to do, in one sentence."""
    severity: str = "warning"

    def passed(
        self, part: str, detail: str = "", *, columns: Sequence[str] = (), title: str | None = None, **said: object
    ) -> Check:
        """Return that nothing was found.

        Parameters
        ----------
        part
            Part of the data that was looked at.
        detail
            In numbers, without a value of anybody's row.
        columns
            Columns that it is about.
        title
            A template of `passes`; the first where none is given.
        **said
            What stands in its places.
        """
        return Check(
            code=self.code,
            name=self.name,
            title=fill(title or self.passes[0], part, columns=grouping_text(columns), **said),
            outcome="pass",
            severity=self.severity,
            detail=detail,
            part=part,
            columns=tuple(columns),
        )

    def found(
        self,
        part: str,
        detail: str = "",
        *,
        columns: Sequence[str] = (),
        title: str = "",
        mend: str = "",
        **said: object,
    ) -> Check:
        """Return that something was found.

        Parameters
        ----------
        part, detail, columns
            As of `passed`; the detail says nothing again that the title says.
        title
            The whole title, where it is not the first of `finds`.
        mend
            What to do, where it is not `mend` of the kind.
        **said
            What stands in the places of the title; by ``count`` one or several is chosen.
        """
        said = {"columns": grouping_text(columns), **said}
        title = title or fill(self.finds[0], part, **said)
        plain = fill(self.plain, part, **said)
        return Check(
            code=self.code,
            name=self.name,
            title=title,
            outcome="warn",
            severity=self.severity,
            detail=detail,
            mend=mend or self.mend,
            part=part,
            columns=tuple(columns),
            plain_title="" if plain == title else plain,
        )

    def unanswered(
        self,
        part: str,
        outcome: Literal["not applicable", "undefined", "error"],
        reason: str,
        *,
        columns: Sequence[str] = (),
    ) -> Check:
        """Return that there is no answer, and why.

        Parameters
        ----------
        part, columns
            As of `passed`.
        outcome
            Whether the question has no object here, or the data cannot answer it.
        reason
            Why, to stand after a comma.
        """
        made = Check(
            code=self.code,
            name=self.name,
            title="",
            outcome=outcome,
            severity=self.severity,
            part=part,
            columns=tuple(columns),
            reason=reason,
        )
        if outcome == "error":
            return replace(made, title=f"{made.heading}: could not be run", detail=reason)
        return replace(made, title=f"{made.heading}: {outcome}, {reason}")


def tells_labels(check: Check, hidden: Collection[tuple[str, ...]]) -> bool:
    """Return whether the outcome of a check tells labels of groups whose labels are hidden.

    A check of an older document says neither its part nor its columns, and may speak of any.

    Parameters
    ----------
    check
        Of any code.
    hidden
        Columns of each grouping of which labels are hidden.

    Examples
    --------
    >>> of = Check(code="DP002", title="", outcome="pass", part="train", columns=("race", "sex"))
    >>> tells_labels(of, [("sex",)]), tells_labels(of, [("race", "sex")])
    (False, True)
    """
    if check.code not in OUTCOME_TELLS or not hidden:
        return False
    if not check.part:
        return True
    if check.code == SAME_LABEL:
        return check.columns in hidden
    return any((column,) in hidden for column in check.columns)
