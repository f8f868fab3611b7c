"""DV013: columns that cannot be read exactly as they stand, of which no other check says anything."""

from __future__ import annotations

from collections.abc import Iterator

from audit.checks.check import CheckKind
from audit.checks.part import OpenPart, list_names
from audit.record.result import Check


def _find_unreadable_columns(looked: OpenPart) -> Iterator[Check]:
    about = f"every column of {looked.part} can be read exactly"
    if not looked.unread:
        yield CHECK.outcome("pass", f"{len(looked.columns)} columns", about=about)
        return
    some = [c for c in looked.unread if c in looked.table.lacking]
    why = f" ({list_names(some)}: not in every file)" if some else ""
    yield CHECK.outcome("warn", f"{list_names(looked.unread)}: nothing was looked for there{why}", about=about)


CHECK = CheckKind(
    code="DV013",
    title="every column can be read exactly",
    reason="lists, numbers of more digits than a double holds, and names that differ only in case are read by "
    "one program so and by another otherwise",
    reference="IEEE 754-2019, section 5.12; ISO/IEC 9075-2, case of identifiers",
    mend="write such columns as text or plain numbers, each under a name of its own",
    find=_find_unreadable_columns,
)
