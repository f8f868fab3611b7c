"""A number with its evidence, or no number with its reason.

Nothing in this package passes a bare float from the counts to a reader. An `Estimate` carries the value, the
interval, the counts it rests on and the method; when there is no number it carries the reason instead.

>>> Estimate(stage="model", metric="selection_rate", by=("sex",), group=("f",), status="undefined", reason="no rows")
Estimate(model.selection_rate[sex=f]: undefined, no rows)
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from audit.errors import printable

NAME_LENGTH = 40


Stage = Literal["data", "model", "energy", "checks"]
Status = Literal["ok", "undefined", "suppressed"]
Level = str | None
"""A group's name as text; None is the rows whose group is missing."""
Group = tuple[Level, ...]
Figure = Literal["share", "points", "ratio", "score", "amount", "p"]
"""How a number is written for people: a share of rows in percent, a difference of shares in points, a ratio, a score
without a unit, an amount in a unit that stands beside it, a p-value. Each metric of the catalogue says which it is."""
SAYS_NOTHING = "; so many scores share a bin that this says next to nothing"
"""Of a method: the bins of scores hide the value."""
WORST_CLASS = "worst_class_"
"""Begins the name of a comparison over classes."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Estimate:
    """One measured quantity.

    ``by`` and ``group`` have equal length. A comparison over all groups has no ``group``; ``pair`` then names
    the lowest and the highest group. ``low`` and ``high`` are the interval; an undefined gap may still carry
    them where the measured groups alone bound it.
    """

    stage: Stage
    metric: str
    """Field's standard name, as printed by ``audit metrics``."""
    compare: str | None = None
    """None for a rate itself; ``difference`` or ``ratio`` for a comparison."""
    by: tuple[str, ...] = ()
    """Columns that form the groups; empty for everybody."""
    group: Group | None = None
    reference: Group | None = None
    """Group that a comparison is made with; None where all groups are compared with each other."""
    outcome: str | None = None
    """Class that a one-versus-rest rate is of, or that is the worst one; None where there is none."""
    pair: tuple[Group, Group] | None = None
    """Lowest and highest group of a comparison over all groups."""
    low_pair: tuple[Group, Group] | None = None
    """Pair of groups that set ``low``, in the order (lower, higher)."""
    high_pair: tuple[Group, Group] | None = None
    """Pair of groups that set ``high``, in the order (lower, higher)."""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    method: str | None = None
    n: float | None = None
    """Rows that the denominator could draw on."""
    numerator: float | None = None
    denominator: float | None = None
    effective_n: float | None = None
    """Independent rows that carry the same information; equals the denominator for plain rows."""
    rows: float | None = None
    """Rows of the denominator, where it is a sum of weights."""
    degrees_of_freedom: float | None = None
    """Of the quantile used; None means the normal distribution."""
    status: Status = "ok"
    reason: str | None = None
    flags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Stage, metric, comparison and grouping joined by dots, as gates and waivers call it."""
        parts = [self.stage, self.metric, self.compare, "*".join(self.by)]
        return ".".join(p for p in parts if p)

    @property
    def pairs(self) -> tuple[tuple[Group, Group], ...]:
        """Pairs of groups that the value and its limits name."""
        return tuple(pair for pair in (self.pair, self.low_pair, self.high_pair) if pair is not None)

    @property
    def of_one_class(self) -> bool:
        """Whether it speaks of one class against all others; a gate asks for no such number."""
        return self.outcome is not None and not self.metric.startswith(WORST_CLASS)

    def __repr__(self) -> str:
        pairs = [*zip(self.by, self.group or (), strict=False), *([("class", self.outcome)] if self.outcome else ())]
        where = ",".join(f"{b}={g}" for b, g in pairs)
        head = ".".join(p for p in (self.stage, self.metric, self.compare) if p)
        if self.value is None:
            return f"Estimate({head}[{where}]: {self.status}, {self.reason})"
        bounds = "" if self.low is None or self.high is None else f" [{self.low:.4g}, {self.high:.4g}]"
        counted = "" if self.n is None else f", n={self.n:g}"
        return f"Estimate({head}[{where}]: {self.value:.4g}{bounds}{counted})"


def number(value: float | None) -> str:
    """Three decimals, or a dash; small numbers keep three significant digits."""
    if value is None:
        return "–"
    if 0 < abs(value) < 0.001:
        return f"{value:.3g}"
    return f"{value:,.3f}"


# Figures as people read them. What kind a figure is, `metrics.catalogue.figure_of` says.
#
# Must not: let a rounded number reach or cross 0%, 100%, or the limit that it is compared with.
SCALES: dict[Figure, float] = {"share": 100.0, "points": 100.0}
UNITS: dict[Figure, str] = {"share": "%", "points": " points"}
PLACES: dict[Figure, int] = {"share": 1, "points": 1, "ratio": 2, "score": 3, "p": 3}
"""Decimals of a sentence; a table has those of `CELL_PLACES`."""
CELL_PLACES = PLACES | {"ratio": 3}
NATURAL: dict[Figure, tuple[float, ...]] = {"share": (0.0, 100.0), "points": (0.0, 100.0), "p": (0.0, 1.0)}
"""Limits that no rounding may reach."""
WIDE = 5.0
"""Points from which the ends of an interval are whole numbers in a sentence."""
MOST_PLACES = 9
FEWEST_CHANGED = 6
"""Changed decisions from which an exact test at 5% can find a direction: 2 × 0.5^6 is 0.031, and 2 × 0.5^5 is 0.063."""
SMALL_P = 0.001
NO_FIGURE = "–"


def figure_text(value: float | None, figure: Figure, *, limit: float | None = None) -> str:
    """Return a figure as a sentence has it.

    Parameters
    ----------
    value
        The number; None is a dash.
    figure
        What kind of number it is.
    limit
        What it is compared with; decimals are added until it still lies on its side of it.

    >>> figure_text(0.6751, "share"), figure_text(0.2362, "points"), figure_text(0.741, "ratio")
    ('67.5%', '23.6 points', '0.74')
    >>> figure_text(0.7996, "ratio", limit=0.8), figure_text(0.0002, "share"), figure_text(-0.8, "amount")
    ('0.7996', '0.02%', '−0.800')
    """
    return _write(value, figure, PLACES, limit)


def cell_text(value: float | None, figure: Figure, *, limit: float | None = None) -> str:
    """Return a figure as a table has it: one decimal of a percent or a point, three of anything else.

    >>> cell_text(0.741, "ratio"), cell_text(0.236, "points"), cell_text(0.00004, "p"), cell_text(None, "share")
    ('0.741', '23.6 points', '< 0.001', '–')
    """
    return _write(value, figure, CELL_PLACES, limit)


def cell_interval(low: float | None, high: float | None, figure: Figure, *, limit: float | None = None) -> str:
    """Return an interval as a table has it, without its unit, which stands beside the value.

    >>> cell_interval(0.160, 0.306, "points"), cell_interval(0.665, 0.824, "ratio"), cell_interval(0.3, None, "ratio")
    ('[16.0, 30.6]', '[0.665, 0.824]', '[0.300, no upper limit]')
    """
    if low is None and high is None:
        return ""
    ends = [_round(end, figure, CELL_PLACES.get(figure), (limit,)) for end in (low, high) if end is not None]
    first = NO_FIGURE if low is None else ends[0]
    return f"[{first}, {'no upper limit' if high is None else ends[-1]}]"


def interval_words(
    low: float | None,
    high: float | None,
    figure: Figure,
    *,
    confidence: float | None = 0.95,
    limit: float | None = None,
    value: float | None = None,
) -> str:
    """Return an interval as a sentence has it; of one end alone it says up to, or from.

    Parameters
    ----------
    low, high
        The ends; None is an end that there is not, or that is not spoken of.
    figure
        What kind of number they are.
    confidence
        Of the interval; 0.95 where it is not known.
    limit
        What the ends are compared with.
    value
        The figure that stands beside it, which no end may seem to cross.

    >>> interval_words(0.160, 0.306, "points"), interval_words(0.0, 0.03, "points")
    ('95% interval 16 to 31 points', '95% interval 0.0 to 3.0 points')
    >>> interval_words(None, 0.63, "ratio"), interval_words(0.714, None, "share")
    ('95% interval up to 0.63', '95% interval from 71.4%')
    """
    name = f"{100 * (confidence or 0.95):g}% interval"
    if low is None and high is None:
        return ""
    if low is None or high is None:
        ends = f"up to {figure_text(high, figure, limit=limit)}", f"from {figure_text(low, figure, limit=limit)}"
        return f"{name} {ends[0] if low is None else ends[1]}"
    scale, places = SCALES.get(figure, 1.0), PLACES.get(figure)
    if figure in SCALES and (high - low) * scale > WIDE:
        places = 0
    # Both ends have the same decimals, as many as the one that comes nearer to the limit needs.
    texts = [_round(end, figure, places, (limit, value)) for end in (low, high)]
    if places is not None:
        most = max(len(text.partition(".")[2]) for text in texts)
        texts = [_round(end, figure, most, (limit, value)) for end in (low, high)]
    unit = UNITS.get(figure, "")
    return f"{name} {texts[0]}{unit if unit == '%' else ''} to {texts[1]}{unit}"


def limit_text(limit: float, figure: Figure) -> str:
    """Return a limit with all digits that it was given.

    >>> limit_text(0.1, "points"), limit_text(0.07, "share"), limit_text(0.8, "ratio")
    ('10 points', '7%', '0.8')
    """
    text = f"{SCALES.get(figure, 1.0) * limit:,.10g}".replace("-", MINUS)
    if (figure, text) == ("points", "1"):
        return f"{text} point"
    return f"{text}{UNITS.get(figure, '')}"


def p_text(p: float | None) -> str:
    """Return a p-value to three decimals.

    >>> p_text(0.0123), p_text(2e-12)
    ('0.012', '< 0.001')
    """
    if p is not None and 0 <= p < SMALL_P:
        return f"< {SMALL_P:g}"
    return figure_text(p, "p")


def p_words(p: float | None) -> str:
    """Return a p-value with its name: 'p = 0.012', 'p < 0.001'."""
    text = p_text(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


MINUS = "−"


def _write(value: float | None, figure: Figure, places: dict[Figure, int], limit: float | None) -> str:
    if value is None:
        return NO_FIGURE
    if figure == "p" and 0 <= value < SMALL_P:
        return f"< {SMALL_P:g}"
    return f"{_round(value, figure, places.get(figure), (limit,))}{UNITS.get(figure, '')}"


def _round(value: float, figure: Figure, places: int | None, stops: Sequence[float | None]) -> str:
    """Return digits on the figure's scale, as many as keep the number on its side of every stop; None: three digits."""
    scale = SCALES.get(figure, 1.0)
    exact = value * scale
    near = [*NATURAL.get(figure, (0.0,)), *(scale * stop for stop in stops if stop is not None)]
    if places is None:
        places = 0 if exact == 0 or abs(exact) >= 99.95 else max(0, 2 - math.floor(math.log10(abs(exact))))
    for more in range(places, places + MOST_PLACES):
        text = f"{exact:,.{more}f}"
        shown = float(text.replace(",", ""))
        if all(map(partial(_stays, exact, shown), near)):
            return text.replace("-", MINUS) if shown else text.lstrip("-")
    return f"{exact:.3g}".replace("-", MINUS)


def _stays(exact: float, shown: float, stop: float) -> bool:
    """Return whether a rounded number lies on the same side of a stop as the number; what equals it may show so."""
    # On the scale of percent, 0.07 * 100 and 7 differ in the last bit.
    if math.isclose(exact, stop, rel_tol=1e-12, abs_tol=1e-12):
        return True
    return not math.isclose(shown, stop, rel_tol=1e-12, abs_tol=1e-12) and (shown > stop) == (exact > stop)


Name = Callable[[Level], str]


# Names of groups as people read them: those that look alike are quoted, or spelled out.
#
# Must not: shorten two names to one.
SHORT = 3
"""Characters under which a name reads as a code, or as part of the sentence."""


CROSSED = " × "
BAND = re.compile(r"\[(?P<low>-inf|-?[0-9][0-9.e+-]*), (?P<high>inf|-?[0-9][0-9.e+-]*)\)")
"""Name of a band in the record, as `audit.tables.kinds.name_bands` makes it: its lower edge is in it."""
RESERVED = frozenset({"(missing)", "overall", "all other groups"})
"""Words of sentences that a level may be called too; it is quoted then."""


def counted_text(share: Estimate) -> str:
    """Return how many rows a share counts; of weighted rows the share itself."""
    if share.rows is not None or share.numerator is None:
        return figure_text(share.value, "share")
    return f"{share.numerator:,.0f}"


def group_text(group: Group, name: Name | None = None, sign: str = " x ") -> str:
    """Group's name as people read it; a level with a blank at its end is quoted."""
    return sign.join("(missing)" if level is None else (name or level_text)(level) for level in group) or "overall"


def level_text(level: Level, length: int = NAME_LENGTH) -> str:
    """Level as people read it, in so many characters."""
    shown = printable(band_text(level), length)
    if level is None or not level.strip() or level == level.strip():
        return shown
    return f"'{shown}'"


def band_text(level: Level) -> Level:
    """Band of a binned column as people read it; any other level as it is.

    >>> band_text("[-inf, 30)"), band_text("[30, 45)"), band_text("[65, inf)")
    ('under 30', '30 to under 45', '65 and over')
    """
    found = None if level is None else BAND.fullmatch(level)
    if found is None:
        return level
    low, high = found["low"], found["high"]
    if low == "-inf":
        return f"under {high}"
    if high == "inf":
        return f"{low} and over"
    # Not "30 to 44": a column of whole numbers and one with 44.7 look alike here.
    return f"{low} to under {high}"


def quoted_level(level: Level, length: int = NAME_LENGTH) -> str:
    """Level as a sentence has it, in so many characters: a number, and a name under 3 characters, stand in quotes.

    >>> quoted_level("2"), quoted_level("f"), quoted_level("black")
    ("'2'", "'f'", 'black')
    """
    if level is None or not (_is_code(level) or level in RESERVED or CROSSED in level):
        return level_text(level, length)
    return f"'{printable(level, length)}'"


def named_group(group: Group, by: Sequence[str]) -> str:
    """Group as a sentence has it that does not name its columns otherwise: a code and a band stand after their column.

    >>> named_group(("2",), ("SEX",)), named_group(("black", "[-inf, 40)"), ("race", "age"))
    ("SEX '2'", 'black × age under 40')
    """
    return CROSSED.join(_beside_column(*pair) for pair in zip(by, group, strict=True)) or "overall"


def grouping_text(by: Sequence[str]) -> str:
    """Columns that form groups, as people read them: race × sex."""
    return CROSSED.join(printable(column, NAME_LENGTH) for column in by)


def _beside_column(column: str, level: Level) -> str:
    if level is None:
        return "(missing)"
    if _is_code(level) or BAND.fullmatch(level):
        return f"{printable(column, NAME_LENGTH)} {quoted_level(level)}"
    return level_text(level)


def _is_code(level: str) -> bool:
    """Return whether a name is a number, or so short that a sentence would swallow it."""
    try:
        float(level.replace(",", ""))
    except ValueError:
        return len(level) < SHORT
    return True


def told_apart(
    groups: Sequence[Group], name: Name | None = None, sign: str = " x ", length: int = NAME_LENGTH
) -> Callable[[Group], str]:
    """How each of these groups is written, so that no two look alike.

    Parameters
    ----------
    groups
        All of them.
    name
        How a level is written that looks like no other; `level_text` where not given.
    sign
        What stands between the levels of a crossing.
    length
        Characters of a level; of names that begin alike, their ends or the place where they differ are kept. Only what
        differs in characters that no reader sees is longer.

    >>> write = told_apart([("Male",), (" Male",), ("female",)])
    >>> write((" Male",)), write(("Male",)), write(("female",))
    ("' Male'", "'Male'", 'female')
    """
    kin: dict[str, set[str]] = {}
    for level in {level for group in groups for level in group if level is not None}:
        kin.setdefault(_looks(level, length), set()).add(level)
    written: dict[Level, str] = {}
    for alike in (each for each in kin.values() if len(each) > 1):
        written.update(_write_apart(alike, length))
    plain = name or partial(level_text, length=length)
    return lambda group: group_text(group, lambda level: written.get(level) or plain(level), sign)


def _looks(level: str, length: int) -> str:
    """What is left of a name for a reader in a hurry: its start, without blanks, case and forms of one letter."""
    return "".join(unicodedata.normalize("NFKC", level).casefold().split())[: length - 2]


def _write_apart(alike: set[str], length: int) -> dict[str, str]:
    """Quotes where they tell names apart; otherwise every unusual character by its code."""
    quoted = _cut_apart({level: printable(level, len(level) + 1) for level in alike}, length)
    if quoted is not None:
        return {level: f"'{text}'" for level, text in quoted.items()}
    coded = {level: ascii(level) for level in alike}
    return _cut_apart(coded, length + 2) or coded


def _cut_apart(texts: dict[str, str], length: int) -> dict[str, str] | None:
    """Return texts cut so that no two read the same: after their start, in their middle, or around where they part."""
    low, high = min(texts.values()), max(texts.values())
    part = next((at for at, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))
    for cut in (_keep_start, _keep_ends, partial(_keep_place, place=part)):
        written = {level: cut(text, length) for level, text in texts.items()}
        if len({unicodedata.normalize("NFKC", text) for text in written.values()}) == len(texts):
            return written
    return None


def _keep_start(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _keep_ends(text: str, length: int) -> str:
    start = length // 3
    return text if len(text) <= length else f"{text[:start]}…{text[start + 1 - length :]}"


def _keep_place(text: str, length: int, *, place: int) -> str:
    """Return the start of a text and what stands around a place in it."""
    start = length // 3
    first, rest = max(place - start, start), length - start - 2
    return text if len(text) <= length else f"{text[:start]}…{text[first : first + rest]}…"


def join_words(words: Sequence[str], last: str = "and") -> str:
    """Return names as a sentence lists them.

    >>> join_words(["race"]), join_words(["race", "sex", "age"]), join_words(["race", "sex"], "or")
    ('race', 'race, sex and age', 'race or sex')
    """
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def join_first(first: Sequence[str], of: int) -> str:
    """Return the first of several names, and how many more there are.

    >>> join_first(["a", "b"], 3), join_first(["a", "b"], 2)
    ('a, b and 1 more', 'a, b')
    """
    more = f" and {of - len(first):,} more" if of > len(first) else ""
    return f"{', '.join(first)}{more}"


def count_rows(estimate: Estimate) -> float:
    """Return the rows that a value rests on, which are the n beside it; of weighted ones never their weight."""
    known = (estimate.rows, estimate.denominator, estimate.n)
    return next((rows for rows in known if rows is not None), 0.0)


# Rows and sums of weights in words, so that neither is taken for the other.
def rows_text(estimate: Estimate) -> str:
    """Rows that a value rests on, with the sum of their weights where they have any: n 200 rows, weighted total 1."""
    if estimate.rows is None:
        n = estimate.n if estimate.denominator is None else estimate.denominator
        return f"n {n or 0.0:,.0f}"
    return f"n {estimate.rows:,.0f} rows, weighted total {total_text(estimate.denominator or 0.0)}"


def total_text(total: float) -> str:
    """Sum of weights: whole where it is large, three significant digits where it is small or beyond reading."""
    if 999.5 <= total < 1e15:
        return f"{total:,.0f}"
    return f"{total:.3g}"
