"""DV012: names of categories that look alike, in any column of text and over both parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from audit.checks.check import CheckKind
from audit.checks.code import NAME_LENGTH, fill
from audit.checks.part import OpenPart, several
from audit.errors import printable
from audit.record.result import Check
from audit.tables.kinds import Twins, find_near_twins

MOST_CATEGORIES = 500
"""Different texts beyond which a column is no list of categories."""
RECURRING = 2
"""Rows that a category has at least on average; names of people have fewer."""
ALIKE = "{column} has {count} [sets|set] of names that differ only in {why} ({rows}){in_part}"


def _find_lookalikes(looked: OpenPart) -> Iterator[Check]:
    names = {c: _count_names(looked, c) for c in looked.profiles if _has_few_texts(looked, c)}
    if not names:
        yield CHECK.unanswered(looked.part, "not applicable", "no column of text has few categories")
        return
    found = {c: twins for c, rows in names.items() if (twins := _find_twins(looked, c, rows))}
    if not found:
        yield CHECK.passed(looked.part, several(len(names), "column"))
        return
    first, *further = found
    said = [_list_names(looked, first, found[first])]
    said += [f"{_describe_twins(c, found[c], names[c])}{_list_names(looked, c, found[c], ': ')}" for c in further[:2]]
    said += [several(len(further) - 2, "more column")] if len(further) > 2 else []
    title = _describe_twins(first, found[first], names[first], looked.part)
    yield CHECK.found(looked.part, "; ".join(filter(None, said)), title=title)


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


def _describe_twins(column: str, twins: tuple[Twins, ...], names: Mapping[str, int], part: str = "") -> str:
    """Say how many there are, how they differ, and their rows but for the commonest."""
    rows = sum(min(names.get(n, 0) for n in t.names if n in names) for t in twins)
    return fill(
        ALIKE,
        part,
        count=len(twins),
        column=printable(column, NAME_LENGTH),
        why=" and ".join(dict.fromkeys(t.why for t in twins)),
        rows=several(rows, "row"),
    )


def _list_names(looked: OpenPart, column: str, twins: tuple[Twins, ...], before: str = "") -> str:
    """Return some names that look alike; only those of groups or strata, which are shown anyway."""
    if column not in {*looked.config.data.groups, *looked.config.data.strata}:
        return ""
    return f"{before}{', '.join(repr(printable(n, NAME_LENGTH)) for n in twins[0].names[:3])}"


CHECK = CheckKind(
    code="DV012",
    name="Similar category names",
    passes=("The category names of {part} are distinct",),
    finds=(ALIKE,),
    plain="Some category names of {part} differ only in spelling",
    reason="a category under two names is two categories to a model, and each looks rarer than it is",
    reference="Unicode Technical Standard 39, section 4 (confusable detection); Unicode Annex 15 (normal forms)",
    mend="Merge them: trim spaces, normalise Unicode and case, then look at what is left.",
    find=_find_lookalikes,
)
