"""What a person reads when a command ends: the verdict, limits, results by group, data checks, energy, what to do next.

The short form fits a page of 40 lines of 80 columns wherever the groups allow it; the whole form leaves nothing out.
Every line is a head and a body; the body is wrapped, except what people copy (paths, commands).

Must not: judge, measure, or rely on colour or on a character that the terminal cannot show; every status is a word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING

from audit.config.merging import describe_merge, find_merge
from audit.errors import capitalise, printable
from audit.gates.headline import write_headline
from audit.gates.words.wording import count_outcomes
from audit.record.result import AuditResult, Check, Part, name_verdict
from audit.report.terminal.limits import MOST_LIMITS, list_limits
from audit.report.terminal.lines import Line, describe_withheld, lay_section, print_section, withhold
from audit.report.terminal.tables import MOST_GROUPS, Page, describe_data_gaps, make_short_table, make_whole_tables
from audit.report.terminal.verdict import (
    MOST_PATH,
    describe_energy,
    describe_verdict,
    explain_unmetered,
    find_exit_code,
    is_tracked,
    summarise_energy,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

MOST_FINDINGS = 3
LONGEST_TITLE, LONGEST_DETAIL = 400, 800
ORDER = ("fail", "error", "undefined", "insufficient", "warn", "waived")
"""Outcomes that are findings, the worst first."""
SAID = {
    "fail": "Failed: ",
    "error": "Could not run: ",
    "undefined": "Undefined: ",
    "insufficient": "Inconclusive: ",
    "waived": "Waived: ",
    "pass": "Pass: ",
    "withheld": "Withheld: ",
    "not applicable": "Not applicable: ",
}
"""What stands before a check that is no warning."""
FAMILIES = ("DL", "FM", "DB", "DV", "DP")
"""Warnings about leaks and about groups come before those about the shape of the tables and about small groups."""


MOST_LINES = 40
"""Lines of the short form, where limits and groups allow it."""
AROUND_GROUPS = 5
"""Lines of a table that are no group: an empty one, the head, overall, what a mark means, and what is not shown."""
FINDINGS = 5
"""Lines of the data checks for which groups leave room."""
PAGES = (
    Page(MOST_LIMITS, are_names_short=False),
    *(Page(most) for most in range(MOST_LIMITS, 2, -1)),
    *(Page(3, least) for least in (10, 8)),
)
"""Pages that are tried in this order until one fits: names are shortened first, then limits give way, then groups,
because a limit that is not shown is still counted by its verdict, and a group that is not shown is not named at all."""
WIDE = 80
"""Columns of a terminal from which a page fits; on a narrower one, nothing gives way."""
COUNTED_BY = (("model", "selection_rate"), ("data", "representation"))
"""Rates that every group has, by stage."""
NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
DOCUMENTS = (("Report  ", "report.html", "internal"), ("Card    ", "card.html", "to publish"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a command ends, beside what was found."""

    folder: Path | None = None
    """Of the run, to name its documents."""
    next_command: str | None = None
    """What to do next."""
    exit_zero: bool = False
    """Whether the command exits 0 whatever the verdict is."""
    code: int | None = None
    """Exit code of the command where it is not its verdict's, because it was interrupted."""
    more: str = ""
    """The command that shows everything; empty where there is none."""
    option: str = ""
    """Option with which the command itself shows everything."""


NOTHING_MORE = Ending()


def print_summary(result: AuditResult, console: Console, ending: Ending = NOTHING_MORE, *, whole: bool = False) -> None:
    """Print a result for people.

    Parameters
    ----------
    result
        The private record; what its configuration withholds on a terminal is withheld.
    console
        Where to; its width and encoding are kept.
    ending
        How the command ends.
    whole
        Every rate, check, source and digest, and not the short form alone.
    """
    shown = withhold(result, ending.folder)
    if is_tracked(result):
        _print_tracked(shown, console, ending)
        return
    code = find_exit_code(result, shown, ending.code)
    head = lay_section(console, describe_verdict(shown, exit_zero=ending.exit_zero, code=code), apart=False)
    head += lay_section(console, describe_withheld(result, shown), apart=False)
    after = lay_section(console, _make_tail(shown, ending, whole=whole))
    room = MOST_LINES - len(head) - len(after)
    middle = _lay_whole(shown, console) if whole else _lay_short(shown, console, ending, room)
    # Resources of models are what was asked for where there are some, and come on top of the page.
    models = [] if shown.edge is None else _lay_models(shown, console, whole=whole)
    for text in (*head, *middle, *models, *after):
        console.print(text, highlight=False, soft_wrap=True)


def _lay_models(result: AuditResult, console: Console, *, whole: bool) -> list[Text]:
    from audit.report.terminal.models import list_models

    return lay_section(console, list_models(result, whole=whole))


def _lay_short(result: AuditResult, console: Console, ending: Ending, room: int) -> list[Text]:
    """Return limits, groups and findings in so many lines; where all do not fit, names, limits and groups give way."""
    stage = "model" if any(e.stage == "model" for e in result.estimates) else "data"
    more = " or ".join(filter(None, (ending.more, ending.option)))
    first = len(lay_section(console, list_limits(result, console.width, more=more)))
    for_groups = room - first - AROUND_GROUPS - FINDINGS
    laid: list[Text] = []
    for page in PAGES if console.width >= WIDE else PAGES[:1]:
        limits = lay_section(console, list_limits(result, console.width, more=more, most=page.limits))
        table = make_short_table(result, stage, console, for_groups, ending.more, page)
        groups = lay_section(console, table)
        findings = lay_findings(console, result.checks, whole=False, room=room - len(limits) - len(groups))
        laid = [*limits, *groups, *findings]
        if len(laid) <= room:
            break
    return laid


def _lay_whole(result: AuditResult, console: Console) -> list[Text]:
    limits = lay_section(console, list_limits(result, console.width, whole=True))
    tables = [lay_section(console, make_whole_tables(result, stage, console)) for stage in ("model", "data")]
    gaps = lay_section(console, describe_data_gaps(result))
    return [*limits, *chain.from_iterable(tables), *gaps, *lay_findings(console, result.checks, whole=True)]


def _make_tail(result: AuditResult, ending: Ending, *, whole: bool) -> Iterator[Line]:
    """Yield rows, energy, documents and what to do next."""
    if whole:
        yield from _describe_rows(result.data)
    else:
        yield from _summarise_rows(result.data)
    yield from (Line("Joined  ", said) for said in describe_merge(find_merge(result.question.config)))
    yield from _suggest_bins(result)
    yield from _describe_threshold(result.checks)
    yield from describe_energy(result.energy) if whole else summarise_energy(result.energy)
    yield from explain_unmetered(result)
    if whole:
        yield from _list_digests(result)
    yield from _list_next_steps(ending)


def _print_tracked(result: AuditResult, console: Console, ending: Ending) -> None:
    """Print what a command drew, which is what was asked; how it ended, where that was not well."""
    drew = list(describe_energy(result.energy)) or [Line("Energy  ", "not recorded")]
    print_section(console, drew, apart=False)
    if result.verdict != "not judged":
        print_section(console, describe_verdict(result, code=ending.code))
    print_section(console, _list_next_steps(ending))


def describe_in_a_line(result: AuditResult, folder: Path | None) -> str:
    """Return verdict, energy and the place of a document in one line."""
    shown = withhold(result, folder)
    energy = " ".join(f"energy: {line.body}" for line in summarise_energy(shown.energy))
    where = [f"{head.strip().lower()}: {path}" for head, path, _ in _list_documents(folder)]
    word = name_verdict(shown.verdict, interrupted=bool(shown.run.interrupted))
    said = (f"{word}: {write_headline(shown)}", energy, *where)
    return " · ".join(part.rstrip(".") for part in said if part)


def _summarise_rows(parts: Sequence[Part]) -> Iterator[Line]:
    """Yield in one line how many rows of each part were read and used."""
    if parts:
        yield Line("Rows    ", "; ".join(f"{printable(p.part, 40)} {_describe_use(p, 'read')}" for p in parts))


def _describe_use(part: Part, read: str) -> str:
    excluded = ", ".join(f"{printable(reason)}: {rows:,}" for reason, rows in part.rows_excluded.items() if rows)
    used = f"{part.rows_used:,} used, excluded: {excluded}" if excluded else "all used"
    return f"{part.rows_read:,} {read}, {used}"


def _describe_rows(parts: Sequence[Part]) -> Iterator[Line]:
    """Yield of each part how many rows were read, used and excluded, and which groups are missing."""
    for part in parts:
        read = max(part.rows_read, 1)
        missing = "".join(
            f"; {printable(column, 40)} is missing in {rows:,} ({rows / read:.1%})"
            for column, rows in part.rows_without_group.items()
            if rows
        )
        yield Line("Rows    ", f"{printable(part.part, 40)}: {_describe_use(part, 'rows read')}{missing}")


def _suggest_bins(result: AuditResult) -> Iterator[Line]:
    """Yield how a group column of many numbers is cut into bands."""
    data = result.question.config.get("data") or {}
    for by in (by for by in result.estimates.groupings if len(by) == 1 and by[0] not in (data.get("bins") or {})):
        counted = (result.estimates.of(stage, rate, by) for stage, rate in COUNTED_BY)
        levels = {e.group[0] for e in chain.from_iterable(counted) if e.group} - {None}
        if len(levels) > MOST_GROUPS and all(NUMBER.fullmatch(level or "") for level in levels):
            column = printable(by[0], 40)
            said = f"{column} is a number with {len(levels):,} groups; --bins {column}=EDGE,EDGE cuts it into bands"
            yield Line("Bands   ", said)


def _describe_threshold(checks: Sequence[Check]) -> Iterator[Line]:
    """Yield at which score decisions begin, where no option named it."""
    for check in checks:
        if check.code == "FM003" and check.outcome == "pass":
            yield Line("Cutoff  ", printable(check.detail, 400))


def _list_digests(result: AuditResult) -> Iterator[Line]:
    """Yield what binds the record to its tables and its configuration."""
    for part in result.data:
        none = f"no digest: {part.undigested or 'data in memory'}"
        yield Line("Digest  ", f"{printable(part.part, 40)}: {printable(part.digest or none, 400)}")
    yield Line("Digest  ", f"configuration: {printable(result.question.digest, 100)}")


def _list_documents(folder: Path | None) -> list[tuple[str, str, str]]:
    """Return the documents that lie in the folder of a run, with whom they are for."""
    if folder is None:
        return []
    return [(h, printable(folder / name, MOST_PATH), who) for h, name, who in DOCUMENTS if (folder / name).is_file()]


def _list_next_steps(ending: Ending) -> Iterator[Line]:
    for head, path, who in _list_documents(ending.folder):
        yield Line(head, f"{path} ({who})", whole=True)
    if ending.next_command:
        yield Line("Next    ", printable(ending.next_command, MOST_PATH), whole=True)


# Data checks: what was found, first, and how much more there is; those that passed as a number.
def lay_findings(console: Console, checks: Sequence[Check], *, whole: bool, room: int = 0) -> list[Text]:
    """Return how many checks found something and what; what to do where the findings are few, or all is asked for.

    Parameters
    ----------
    console
        Where to.
    checks
        All of a run.
    whole
        Every finding with its numbers, and every check that passed.
    room
        Lines for which there is room; at least one finding is shown, and where they are few all of them.
    """
    written: list[Text] = []
    for most in range(MOST_FINDINGS, 0, -1):
        written = lay_section(console, _list_findings(checks, most, whole=whole))
        if whole or len(written) <= room:
            break
    return written


def _list_findings(checks: Sequence[Check], most: int, *, whole: bool) -> Iterator[Line]:
    if not checks:
        return
    found = sorted((c for c in checks if c.outcome in ORDER), key=_rank)
    shown = found if whole or len(found) <= MOST_FINDINGS else _choose(found, most)
    yield Line("Data checks: ", _count(checks, shown, [c for c in found if c not in shown]), hang=2)
    advise = whole or len(found) <= MOST_FINDINGS
    for _, alike in groupby(shown, key=lambda c: (c.outcome, c.code, c.mend)):
        yield from _list_alike(tuple(alike), advise=advise, detail=whole)
    if whole:
        for check in (c for c in checks if c.outcome not in ORDER):
            yield _describe(check, detail=True)


def _rank(check: Check) -> tuple[int, int, str]:
    family = check.code[:2]
    of_family = FAMILIES.index(family) if family in FAMILIES else len(FAMILIES)
    return ORDER.index(check.outcome), of_family, check.code


def _choose(found: Sequence[Check], most: int) -> list[Check]:
    """Return the findings of the short form: the worst, and among equals one of each code before a second one."""
    seen: Counter[tuple[str, str]] = Counter()
    ranked = []
    for check in found:
        again = seen[check.outcome, check.code]
        ranked.append(((ORDER.index(check.outcome), again, _rank(check)), check))
        seen[check.outcome, check.code] += 1
    ranked.sort(key=lambda pair: pair[0])
    return sorted((check for _, check in ranked[:most]), key=_rank)


def _count(checks: Sequence[Check], shown: Sequence[Check], hidden: Sequence[Check]) -> str:
    """Return how many checks ended how, and the codes of findings that are not shown; "more" where one of them is."""
    beside: dict[str, str] = {}
    alike = {(c.outcome, c.code) for c in shown}
    for outcome in dict.fromkeys(c.outcome for c in hidden):
        counts = Counter(c.code for c in hidden if c.outcome == outcome)
        codes = [
            f"{n} more {printable(c, 20)}" if (outcome, c) in alike else printable(c, 20) for c, n in counts.items()
        ]
        beside[outcome] = f" ({', '.join(codes)} not shown)"
    return count_outcomes((c.outcome for c in checks), beside=beside)


def _list_alike(checks: Sequence[Check], *, advise: bool, detail: bool) -> Iterator[Line]:
    """Yield findings of one code and outcome, and what to do about them once."""
    for check in checks:
        yield _describe(check, detail=detail)
    if advise and checks[0].mend:
        mend = printable(checks[0].mend, LONGEST_DETAIL)
        yield Line(" " * 9, f"What to do: {capitalise(mend.rstrip('.'))}.")


def _describe(check: Check, *, detail: bool) -> Line:
    head = f"  {printable(check.code, 20):<5}  "
    title = printable(check.title, LONGEST_TITLE)
    numbers = f": {printable(check.detail, LONGEST_DETAIL)}" if detail and check.detail else ""
    # A title that gives a reason for there being no answer says so itself.
    said = "" if check.reason else SAID.get(check.outcome, "")
    return Line(head, f"{said}{title}{numbers}", check.outcome)
