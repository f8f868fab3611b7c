"""DV012: names of categories that look alike, in any column of text and over both parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from audit.checks.check import CheckKind
from audit.checks.part import OpenPart, list_names, several
from audit.record.result import Check
from audit.tables.lookalikes import Twins, find_near_twins

MOST_CATEGORIES = 500
"""Different texts beyond which a column is no list of categories."""
RECURRING = 2
"""Rows that a category has at least on average; names of people have fewer."""


def _find_lookalikes(looked: OpenPart) -> Iterator[Check]:
    names = {c: _count_names(looked, c) for c in looked.profiles if _has_few_texts(looked, c)}
    about = f"no two categories of one column look alike in {looked.part}"
    if not names:
        yield CHECK.outcome("not applicable", "no column of text with few categories", about=about)
        return
    found = {c: twins for c, rows in names.items() if (twins := _find_twins(looked, c, rows))}
    if not found:
        yield CHECK.outcome("pass", several(len(names), "column"), about=about)
        return
    said = [_describe_twins(looked, c, twins, names[c]) for c, twins in found.items()]
    yield CHECK.outcome(
        "warn", f"{'; '.join(said[:3])}{f'; {len(said) - 3} more columns' * (len(said) > 3)}", about=about
    )


def _has_few_texts(looked: OpenPart, column: str) -> bool:
    profile = looked.profiles[column]
    return profile.kind == "text" and 0 < profile.distinct <= min(MOST_CATEGORIES, profile.present / RECURRING)


def _count_names(looked: OpenPart, column: str) -> Mapping[str, int]:
    """Return the rows of each text that is not blank."""
    joint = looked.joint(column)
    if joint is None:
        return {}
    pairs = zip(joint.level(column), joint.n, strict=True)
    return {name: int(n) for name, n in pairs if isinstance(name, str) and name.strip()}


def _find_twins(looked: OpenPart, column: str, names: Mapping[str, int]) -> tuple[Twins, ...]:
    """Look-alikes here, or here and in train; those inside one group column are DV002's, those of train are its own."""
    train, group = looked.train, column in looked.config.data.groups
    if train is None or column not in train.profiles or train.profiles[column].kind != "text":
        return () if group else find_near_twins(names)
    before = _count_names(train, column) if _has_few_texts(train, column) else {}
    each = find_near_twins({*names, *before})
    return tuple(t for t in each if (not group or set(t.names) - set(names)) and set(t.names) - set(before))


def _describe_twins(looked: OpenPart, column: str, twins: tuple[Twins, ...], names: Mapping[str, int]) -> str:
    """Say how many there are, how they differ, and their rows but for the commonest; names only of groups or strata."""
    shown = column in {*looked.config.data.groups, *looked.config.data.strata}
    named = f": {' / '.join(repr(n) for n in twins[0].names[:3])}" if shown else ""
    sets = f"{several(len(twins), 'set')} of names"
    rows = sum(min(names.get(n, 0) for n in t.names if n in names) for t in twins)
    why = " and ".join(dict.fromkeys(t.why for t in twins))
    return f"{list_names([column])} has {sets} that differ only in {why} ({several(rows, 'row')} of the rarest){named}"


CHECK = CheckKind(
    code="DV012",
    title="no two categories of one column look alike",
    reason="one category under two names is two to a model, and each looks rarer than it is",
    reference="Unicode Technical Standard 39, section 4 (confusable detection); Unicode Annex 15 (normal forms)",
    mend="make similar names one: trim, normalise and fold case, and look at what is left",
    find=_find_lookalikes,
)
