"""DV013: columns that cannot be read exactly as they stand, of which no other check says anything."""

from __future__ import annotations

from collections.abc import Iterator

from audit.checks.check import CheckKind
from audit.checks.part import OpenPart, list_names, several
from audit.record.result import Check


def _find_unreadable_columns(looked: OpenPart) -> Iterator[Check]:
    if not looked.unread:
        yield CHECK.passed(looked.part, several(len(looked.columns), "column"))
        return
    some = [c for c in looked.unread if c in looked.table.lacking]
    detail = f"not in every file: {list_names(some)}" if some else ""
    yield CHECK.found(looked.part, detail, count=len(looked.unread), named=list_names(looked.unread))


CHECK = CheckKind(
    code="DV013",
    name="Columns that cannot be read exactly",
    passes=("Every column of {part} can be read exactly",),
    finds=("{count} [columns|column] of {part} cannot be read exactly and [were|was] not checked: {named}",),
    plain="Columns of {part} cannot be read exactly and were not checked",
    reason="programs read lists, very long numbers, and names that differ only in case in different ways",
    reference="IEEE 754-2019, section 5.12; ISO/IEC 9075-2, case of identifiers",
    mend="Write it as text or plain numbers, under a unique name.",
    find=_find_unreadable_columns,
)
