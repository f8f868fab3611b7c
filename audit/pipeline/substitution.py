"""Swapped texts: written from prompts, and measured once each arm has its decision."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from audit.errors import QuestionError, SourceError, ValuesError, no_such, printable
from audit.text.swap import ARMS, Left, exchange_rows
from audit.text.terms import read_terms

if TYPE_CHECKING:
    from audit.measurement.rates.substitution import Effect

OWN = ("item", "template", "group", "arm", "to")
"""Columns that are written beside those of the prompts."""
TRUE, FALSE = {"1", "true", "yes"}, {"0", "false", "no"}
WORDS = {"true", "yes", "false", "no"}


class Written(NamedTuple):
    """What became of the texts of a table."""

    texts: int
    exchanged: int
    templates: int
    rows: int
    left: Sequence[Left]


class Compared(NamedTuple):
    """The effect of exchanging the words of one group for those of another."""

    group: str
    to: str
    effect: Effect
    shares: bool
    """Whether every decision is yes or no, so that means are shares."""


def write_swapped(prompts: Path, terms: Path, into: Path, text: str = "text", template: str | None = None) -> Written:
    """Write the texts of a table with identities exchanged, an arm a row.

    Raises
    ------
    QuestionError
        When a name is taken, or nothing could be exchanged.
    SourceError
        When the table has no such column.
    """
    _require_new(into)
    words, rows = read_terms(terms), _read_rows(prompts)
    _require_columns(rows, prompts, text, template)
    left, made = [], []
    for found in exchange_rows(rows, words, text, template):
        if isinstance(found, Left):
            left.append(found)
        else:
            made.append(found)
    if not made:
        most = printable(left[0].reason) if left else "no text"
        raise QuestionError(f"{printable(prompts, 200)}: none of {len(rows):,} texts could be exchanged ({most})")
    _write(made, into)
    exchanged = len({row["item"] for row in made})
    return Written(len(rows), exchanged, len({row["template"] for row in made}), len(made), left)


def _require_new(into: Path) -> None:
    """Refuse a name that is taken, or that says no format, before anything is read."""
    if into.exists():
        raise QuestionError(f"'{printable(into, 200)}' exists and is not overwritten; choose another name")
    if into.suffix not in {".parquet", ".csv"}:
        raise QuestionError(f"--into {printable(into, 200)}: give a name that ends in .parquet or .csv")


def _read_rows(table: Path) -> list[dict[str, Any]]:
    from audit.items.formats.plain import read_rows

    return list(read_rows(table))


def _require_columns(rows: Sequence[Mapping[str, Any]], table: Path, text: str, template: str | None) -> None:
    if not rows:
        raise SourceError(f"{printable(table, 200)} has no rows")
    for name in (text, template):
        if name is not None and name not in rows[0]:
            raise SourceError(f"{printable(table, 200)}: {no_such('column', name, rows[0])}")
    empty = next((at for at, row in enumerate(rows, 1) if template is not None and row[template] in {None, ""}), None)
    if empty is not None:
        raise SourceError(f"{printable(table, 200)}: row {empty:,} has no template ({printable(template)}); name it")
    taken = next((name for name in OWN if name in rows[0] and name != template), None)
    if taken is not None:
        mend = ", or add --template template" if taken == "template" and template is None else ""
        raise SourceError(f"{printable(table, 200)}: column '{taken}' is one that audit swap writes; rename it{mend}")


def _write(rows: Sequence[Mapping[str, Any]], into: Path) -> None:
    import pyarrow as pa

    from audit.system.atomic import write_bytes

    table = pa.Table.from_pylist([dict(row) for row in rows])
    sink = pa.BufferOutputStream()
    if into.suffix == ".parquet":
        import pyarrow.parquet as pq

        pq.write_table(table, sink)
    else:
        from pyarrow import csv

        csv.write_csv(table, sink)
    write_bytes(into, sink.getvalue().to_pybytes())


def measure_swapped(table: Path, decision: str, confidence: float = 0.95) -> tuple[Compared, ...]:
    """Return the effect of each exchange, from a table with the decision on every arm.

    Raises
    ------
    SourceError
        When a column is missing.
    ValuesError
        When a decision is missing, or a text lacks an arm.
    """
    found = _read_exchanges(table, decision)
    return tuple(_compare(group, to, texts, confidence) for (group, to), texts in sorted(found.items()))


def write_exchanges(table: Path, decision: str, into: Path) -> int:
    """Write a row for each exchange of each text, with the decisions on its arms, and return how many there are.

    Two decisions about the same text stand in one row then: those with another identity (``between``) and with another
    word of the same one (``within``), and whether either changed the decision. So `audit pairs` can record and judge
    them.

    Raises
    ------
    QuestionError
        When a name is taken.
    SourceError, ValuesError
        As of `measure_swapped`, and where decisions are numbers.
    """
    _require_new(into)
    rows = []
    for (group, to), texts in sorted(_read_exchanges(table, decision).items()):
        for text in texts:
            if not {text.original, text.between, text.within} <= {0.0, 1.0}:
                raise ValuesError(
                    f"{printable(table, 200)}: decision '{printable(decision)}' holds numbers; audit pairs compares "
                    "decisions of yes and no (1, 0), so ask without --into, or cut them at a threshold first"
                )
            rows.append(_to_row(text, group, to))
    _write(rows, into)
    return len(rows)


def _to_row(text: Text, group: str, to: str) -> dict[str, Any]:
    named = {"item": text.item, "template": text.template, "group": group, "to": to, "exchange": f"{group} to {to}"}
    arms = {"original": text.original, "between": text.between, "within": text.within}
    decisions = {arm: int(decision) for arm, decision in arms.items()}
    changed = {f"changed_{arm}": int(arms[arm] != text.original) for arm in ("between", "within")}
    return {**named, **decisions, **changed}


class Text(NamedTuple):
    """A text with the decision on each of its arms."""

    original: float
    between: float
    within: float
    template: str
    item: str


def _read_exchanges(table: Path, decision: str) -> dict[tuple[str, str], list[Text]]:
    """Return texts with their decisions, by the group of their words and the one that these were exchanged for."""
    rows = _read_rows(table)
    shown = printable(table, 200)
    for name in (*OWN, decision):
        if rows and name not in rows[0]:
            raise SourceError(f"{shown}: {no_such('column', name, rows[0])}; audit swap writes item, template, arm …")
    if not rows:
        raise SourceError(f"{shown} has no rows")
    arms = _gather(rows, decision, shown)
    _refuse_mixture(rows, decision, arms, shown)
    found: dict[tuple[str, str], list[Text]] = {}
    for (item, arm, to), (value, row) in arms.items():
        if arm == "between":
            original = _get(arms, item, "original", row, shown)
            within = _get(arms, item, "within", row, shown)
            text = Text(original, value, within, str(row["template"]), item)
            found.setdefault((str(row["group"]), to), []).append(text)
    if not found:
        raise ValuesError(f"{shown} has no row whose arm is between; audit swap writes them")
    _require_between(arms, found, shown)
    return found


Key = tuple[str, str, str]


def _refuse_mixture(rows: Sequence[Mapping[str, Any]], decision: str, arms: Arms, shown: str) -> None:
    """Refuse words among numbers that are no decisions of yes and no: yes is no 1 beside 300."""
    word = next((row[decision] for row in rows if str(row[decision]).lower() in WORDS), None)
    number = next((value for value, _ in arms.values() if value not in {0.0, 1.0}), None)
    if word is not None and number is not None:
        raise ValuesError(
            f"{shown}: decision '{printable(decision)}' holds '{printable(word)}' and the number {number:g}; write all "
            "as yes and no, or all as numbers"
        )


def _require_between(arms: Arms, compared: Iterable[tuple[str, str]], shown: str) -> None:
    """Refuse a text that lacks an exchange which other texts of its group have; without it the effect is of fewer."""
    pairs = sorted(compared)
    for (item, arm, _), (_, row) in arms.items():
        if arm != "original":
            continue
        tos = [to for group, to in pairs if group == str(row["group"])]
        lacking = next((to for to in tos if (item, "between", to) not in arms), None)
        if lacking is not None or not tos:
            to = f" to {printable(lacking)}" if lacking is not None else ""
            raise ValuesError(f"{shown}: item {printable(item)} has no row whose arm is between{to}; decide every arm")


Arms = Mapping[Key, tuple[float, Mapping[str, Any]]]


def _gather(rows: Sequence[Mapping[str, Any]], decision: str, shown: str) -> Arms:
    """Return decisions by item, arm and group."""
    found: dict[Key, tuple[float, Mapping[str, Any]]] = {}
    for at, row in enumerate(rows, 1):
        arm = str(row["arm"])
        if arm not in ARMS:
            raise ValuesError(f"{shown}: row {at}: {no_such('arm', arm, ARMS)}")
        key = str(row["item"]), arm, str(row["to"])
        if key in found:
            raise ValuesError(f"{shown}: row {at}: item {printable(row['item'])} has the arm {arm} twice")
        found[key] = _read_decision(row[decision], f"{shown}: row {at}"), row
    return found


def _read_decision(value: Any, where: str) -> float:
    said = str(value).lower()
    if said in TRUE | FALSE:
        return float(said in TRUE)
    try:
        number = float(said)
    except ValueError:
        number = float("nan")
    if not math.isfinite(number):
        raise ValuesError(f"{where}: decision '{printable(value)}' is neither yes or no (1, 0) nor a number")
    return number


def _get(arms: Arms, item: str, arm: str, row: Mapping[str, Any], shown: str) -> float:
    found = arms.get((item, arm, str(row["group"])))
    if found is None:
        raise ValuesError(f"{shown}: item {printable(item)} has no row whose arm is {arm}; decide every arm")
    return found[0]


def _compare(group: str, to: str, texts: Sequence[Text], confidence: float) -> Compared:
    import numpy as np

    from audit.measurement.rates.substitution import measure_effect

    decisions = np.array([text[:3] for text in texts], dtype=float)
    _, template = np.unique([text.template for text in texts], return_inverse=True)
    tail = (1 - confidence) / 2
    effect = measure_effect(decisions[:, 0], decisions[:, 1], decisions[:, 2], template.astype(np.intp), tail)
    return Compared(group, to, effect, bool(np.isin(decisions, (0.0, 1.0)).all()))
