"""Sentences of a limit on how far groups lie apart: two groups, or one beside overall or all other groups.

Must not: decide anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from audit.errors import capitalise
from audit.estimate import Estimate, Figure, Group, count_rows, figure_text, limit_text
from audit.gates.decisive_groups import Deciding, End, Settled
from audit.gates.words.voice import (
    SMALL,
    Side,
    Voice,
    describe_few,
    describe_rows_rested_on,
    name_limited,
    write_times,
)
from audit.gates.words.wording import OVERALL, REST, describe_opening, is_worse_high, name_metric
from audit.measurement.metrics.catalogue import CATALOGUE, figure_of

EXPOSURE = "exposure"
LEAST_ROWS = 30
"""Rows from which a group may stand for what the data say where they do not decide."""


class PairSentence(Voice):
    """Words for one limit on a difference, a ratio, or another single value."""

    def write(self, settled: Settled) -> str:
        """Return the whole sentence."""
        said = self._write_closest(settled)
        if not said:
            said = [self._compare(), self.place_limit(settled), self._write_extremes(), self._write_small()]
        return " ".join(part for part in (*said, *self.list_beside()) if part)

    def write_pair_alone(self) -> str:
        """Return the pair that decides with its own numbers, and nothing of any other group."""
        return f"{self._compare(alone=True)} {self.place_limit(Settled())}"

    def _compare(self, *, alone: bool = False) -> str:
        found = self.found
        if found is None:
            return self._write_one_value()
        if self.kind not in {"difference", "ratio"}:
            return self._write_largest(found)
        worse, better = self._order(found)
        if worse.value is None or better.value is None:
            return self._write_without_rates(found)
        e = self.estimate
        if self.covers_all and not alone:
            gap = self._write_gap(e.value, e.low, e.high, whole=True)
        else:
            gap = self._write_gap(self._subtract(worse, better), *self._find_end(found), whole=False)
        return self._write_pair(found, worse, better, gap)

    def _find_end(self, found: Deciding) -> tuple[float | None, float | None]:
        """Return the end of the interval that a pair set, and nothing in the place of the other."""
        if found.end == "low":
            return (self.estimate.low, None)
        return (None, self.estimate.high)

    def _order(self, found: Deciding) -> tuple[Side, Side]:
        """Return both sides, the one that fares worse first; a group stands before overall and all other groups."""
        if found.pair[0] == found.pair[1]:
            return self._find_side(found.pair[0]), self._find_everybody(found.pair[0])
        sides = [self._find_side(group) for group in found.pair]
        low, high = sorted(sides, key=lambda side: -math.inf if side.value is None else side.value)
        if is_worse_high(self.metric, self.wording):
            return (high, low)
        return (low, high)

    def _find_side(self, group: Group) -> Side:
        rate = self.around.rate(self.like, group)
        if rate is None:
            return Side(self.name(group), None, "")
        return Side(self.name(group), rate.value, self.write_rows(rate))

    def _find_everybody(self, group: Group) -> Side:
        """Return overall, or all other groups, as a side of the comparison of one group."""
        own, rate = self.around.rate(self.like, group, self.estimate.compare), self.around.rate(self.like, group)
        name = OVERALL if self.everybody == "overall" else REST
        if own is None or own.value is None or rate is None or rate.value is None:
            return Side(name, None, "")
        value = own.denominator if self.kind == "ratio" else rate.value - own.value
        each = self.around.each(self.like)
        rows = sum(count_rows(e) for e in each if name == OVERALL or e.group != group)
        return Side(name, value, f"n {rows:,.0f}")

    def _write_pair(self, found: Deciding, worse: Side, better: Side, gap: str) -> str:
        figure = figure_of(self.metric)
        first = f"{figure_text(worse.value, figure)} ({worse.rows})"
        second = f"{figure_text(better.value, figure)} ({better.rows})"
        name = name_metric(self.metric)
        if self.like.outcome is not None:
            sides = " v. ".join(self._write_side(side, figure) for side in (worse, better))
            return f"{capitalise(self.by + self._name_class(found))}: {name} {sides}, {gap}."
        if figure == "amount":
            sides = " and ".join(self._write_side(side, figure) for side in (worse, better))
            return f"{capitalise(self.by + 'the ' + name)} is {sides}, {gap}{self.unit}."
        return f"{capitalise(self.by + self._open(worse, better))}: {first} v. {second}, {gap}."

    @staticmethod
    def _write_side(side: Side, figure: Figure) -> str:
        return f"{figure_text(side.value, figure)} for {side.name} ({side.rows})"

    def _name_class(self, found: Deciding) -> str:
        classes, which = len(self.around.parts(self.estimate)), f"{self.kind} that decides"
        if found.extreme:
            which = "smallest ratio" if self.kind == "ratio" else "largest gap"
        return f"the {which} among {classes} classes is{self.in_class}"

    def _open(self, worse: Side, better: Side) -> str:
        name = name_metric(self.metric)
        if worse.value == better.value:
            return f"{worse.name} and {better.name} have the same {name}{self.place}"
        higher = (worse.value or 0.0) > (better.value or 0.0)
        entry = CATALOGUE.find(self.metric)
        if entry is None or entry.task != "ranking":
            return describe_opening(
                self.metric, worse.name, better.name, self.wording, higher=higher, stage=self.estimate.stage
            )
        other = {REST: REST, OVERALL: "all items"}.get(better.name, f"items of {better.name}")
        has = f"have a {'higher' if higher else 'lower'} {name}"
        if self.metric == EXPOSURE:
            has = f"get {'more' if higher else 'less'} {name}"
        return f"items of {worse.name} {has} than {other}"

    def _write_gap(self, value: float | None, low: float | None, high: float | None, *, whole: bool) -> str:
        text = self.write_figure(value)
        if self.figure == "amount":
            text = f"{text} apart"
        elif self.kind == "ratio":
            text = f"ratio {text}"
        elif self.like.outcome is None:
            text = f"a difference of {text}"
        interval = self.write_interval(low, high, value)
        if whole and high is None and low is not None:
            interval += ", with no upper limit"
        if self.like.outcome is not None and interval:
            interval += ", allowing for all classes and pairs"
        return f"{text} ({interval})" if interval else text

    def _subtract(self, worse: Side, better: Side) -> float | None:
        """Return the gap of the pair itself."""
        low, high = sorted((worse.value or 0.0, better.value or 0.0))
        if self.kind == "ratio":
            return low / high if high else None
        return high - low

    def _write_without_rates(self, found: Deciding) -> str:
        e = self.estimate
        pair = f" between {self.name(found.pair[0])} and {self.name(found.pair[1])}"
        beside = self.write_interval(e.low, e.high, e.value)
        name = capitalise(self.by + name_limited(self.rule))
        return f"{name} is {self.write_figure(e.value)}{pair}{f' ({beside})' if beside else ''}."

    def _write_largest(self, found: Deciding) -> str:
        """Return the largest of the values of all groups, or the one that decides, with the ends that it sets."""
        e, group = self.estimate, found.pair[1]
        rate = self.around.rate(self.like, group)
        of = self.name(group) if rate is None else f"{self.name(group)}, {self.write_rows(rate)}"
        low = e.low if (e.low_pair or e.pair) == found.pair else None
        high = e.high if (e.high_pair or e.pair) == found.pair else None
        beside = "; ".join(part for part in (of, self.write_interval(low, high, e.value)) if part)
        if found.pair == e.pair:
            name = f"the largest {name_metric(e.metric)}{self.place}"
            return f"{capitalise(self.by + name)} is {self.write_figure(e.value)} ({beside})."
        name = f"the {name_metric(e.metric)}{self.place} that decides"
        if rate is None or rate.value is None:
            return f"{capitalise(self.by + name)} is that of {of} ({self.write_interval(low, high, e.value)})."
        return f"{capitalise(self.by + name)} is {self.write_figure(abs(rate.value))} ({beside})."

    def _write_one_value(self) -> str:
        """Return a value that is of no pair of groups."""
        e = self.estimate
        interval = self.write_interval(e.low, e.high, e.value)
        beside = "; ".join(part for part in ("" if e.by else self.write_rows(e), interval) if part)
        name = f"the {name_metric(e.metric)}" if e.compare in {None, "between_groups"} else name_limited(self.rule)
        text = f"{self.write_figure(e.value)}{f' ({beside})' if beside else ''}"
        return f"{capitalise(self.by + name)}{self.place} is {text}."

    # What is said of groups that do not decide.

    def _write_closest(self, settled: Settled) -> list[str]:
        """Return the pair of larger groups that comes closest, where a small group keeps a limit open by itself.

        Five people prove nothing, so that they are no headline; nothing is returned where they are not in the way.
        """
        found = self.found
        if (
            self.verdict != "insufficient"
            or found is None
            or self.everybody is not None
            or self.like.outcome is not None
        ):
            return []
        small = [g for g in dict.fromkeys(found.pair) if self._is_small(g)]
        if found.pair[0] == found.pair[1]:
            nearest = self._write_nearest_group(found)
            return [*nearest, *self._list_blocking(found, small), self._would(settled)] if small and nearest else []
        closest = self._find_closest(found)
        if not small or closest is None:
            return []
        return [*self._list_closest(*closest), *self._list_blocking(found, small), self._would(settled)]

    def _find_closest(self, found: Deciding) -> tuple[Deciding, bool] | None:
        """Return the pair without small groups that comes closest to failing, and whether it set an end."""
        e = self.estimate
        end: End = "low" if found.end == "high" else "high"
        pair, bound = (e.low_pair, e.low) if end == "low" else (e.high_pair, e.high)
        if pair is not None and bound not in {None, 0.0, 1.0} and not any(self._is_small(g) for g in pair):
            return Deciding(self.like, pair, end, extreme=False), True
        large = [r for r in self.around.each(self.like) if r.value is not None and not self._is_small(r.group or ())]
        if len(large) < 2:
            return None
        by_value = sorted(large, key=lambda r: r.value or 0.0)
        pair = by_value[0].group or (), by_value[-1].group or ()
        return Deciding(self.like, pair, end, extreme=False), False

    def _write_nearest_group(self, found: Deciding) -> list[str]:
        """Return the larger group whose own value comes closest to the limit on the largest of all; nothing without."""
        large = [r for r in self.around.each(self.like) if r.value is not None and not self._is_small(r.group or ())]
        if not large:
            return []
        e, nearest = self.estimate, max(large, key=lambda r: abs(r.value or 0.0))
        set_by = e.low_pair or e.pair
        if found.end == "high" and e.low and set_by is not None and set_by[1] in [r.group for r in large]:
            nearest = next(r for r in large if r.group == set_by[1])
        interval = self.write_interval(nearest.low, nearest.high, nearest.value)
        beside = "; ".join(part for part in (self.write_rows(nearest), interval) if part)
        side, name = "above" if self.rule.max is not None else "below", name_metric(self.metric)
        value = figure_text(nearest.value, figure_of(self.metric))
        return [
            f"{capitalise(self.by)}no group is shown to be {side} the limit of {limit_text(self.limit, self.figure)}.",
            f"The closest is {self.name(nearest.group or ())}, with a {name}{self.place} of {value} ({beside}).",
        ]

    def _is_small(self, group: Group) -> bool:
        rate = self.around.rate(self.like, group)
        return rate is not None and (SMALL in rate.flags or count_rows(rate) < LEAST_ROWS)

    def _list_closest(self, closest: Deciding, bounded: bool) -> Iterator[str]:
        side, figure = "above" if self.rule.max is not None else "below", figure_of(self.metric)
        yield f"{capitalise(self.by)}no pair is shown to be {side} the limit of {limit_text(self.limit, self.figure)}."
        worse, better = self._order(closest)
        each = " v. ".join(f"{s.name} {figure_text(s.value, figure)} ({s.rows})" for s in (worse, better))
        low, high = self._find_end(closest) if bounded else (None, None)
        gap = self._write_gap(self._subtract(worse, better), low, high, whole=False)
        by = "" if figure == "share" else f" by {name_metric(self.metric)}"
        which = (
            f"The closest{by} is" if bounded else f"Of groups with {LEAST_ROWS} rows or more, furthest apart{by} are"
        )
        yield f"{which} {each}, {gap}{self.unit}."

    def _list_blocking(self, found: Deciding, small: list[Group]) -> Iterator[str]:
        """Yield which small group keeps the limit open whatever the others do."""
        rate = self.around.rate(self.like, small[0])
        if rate is None:
            return
        end = self.estimate.high if found.end == "high" else self.estimate.low
        verb = "reaches" if found.end == "high" else "starts at"
        far = f"{verb} {self.write_figure(end) if end else '0'}"
        far = "has no upper limit" if end is None else far
        yield f"{self.name(small[0])} ({self.write_rows(rate)}) would keep this open by itself: its interval {far}."

    def _would(self, settled: Settled) -> str:
        if settled.needed is None:
            return ""
        return f"About {write_times(settled.needed)} as many rows would decide."

    def _write_extremes(self) -> str:
        """Return groups with a more extreme value than the pair that decides, and why they do not."""
        found = self.found
        if found is None or found.extreme or self.everybody is not None:
            return ""
        each = sorted((e for e in self.around.each(self.like) if e.value is not None), key=lambda e: e.value or 0.0)
        ends = [("lowest", e) for e in each[:1]] + [("highest", e) for e in each[-1:]]
        ends = ends[::-1] if is_worse_high(self.metric, self.wording) else ends
        return " ".join(self._write_extreme(which, rate) for which, rate in ends if rate.group not in found.pair)

    def _write_extreme(self, which: str, rate: Estimate) -> str:
        group = rate.group or ()
        few = f": {describe_few(rate)}" if SMALL in rate.flags else ""
        what = "rate" if figure_of(self.metric) == "share" else name_metric(self.metric)
        return f"The {which} {what} is that of {self.name(group)}, {self.write_number(group)}{few}."

    def _write_small(self) -> str:
        """Return on how few rows a verdict rests, where a group of the deciding pair is small."""
        pair = () if self.found is None else self.found.pair
        rates = [(self.name(group), self.around.rate(self.like, group)) for group in dict.fromkeys(pair)]
        return describe_rows_rested_on([(name, r) for name, r in rates if r is not None and SMALL in r.flags])
