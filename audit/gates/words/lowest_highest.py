"""Sentences of a limit that every group has to meet: the lowest or the highest of them.

Must not: decide anything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from audit.errors import capitalise
from audit.estimate import FEWEST_CHANGED, Group, figure_text, join_words, limit_text
from audit.gates.decisive_groups import Deciding, Held, Settled
from audit.gates.words.voice import (
    SMALL,
    Voice,
    describe_few,
    describe_rows_rested_on,
    round_up,
    write_times,
)
from audit.gates.words.wording import name_metric, with_article
from audit.measurement.scope import FEW_CHANGED

MOST_NAMED = 3


class LowestHighest(Voice):
    """Words for one limit on the lowest or the highest."""

    def write(self, settled: Settled) -> str:
        """Return the whole sentence."""
        found = self.found
        if found is None:
            name = f"the {self.kind} {name_metric(self.metric)}"
            value = self.write_figure(self.estimate.value)
            said = [f"{capitalise(self.by + name)} is {value}.", self.place_limit(settled)]
        elif self.verdict == "pass":
            said = [self._write_kept(found), self._write_small(found)]
        elif self.verdict == "fail":
            said = [self._write_broken(found), self._write_small(found), self._write_extreme(found)]
        else:
            said = self._list_open(settled.held)
        return " ".join(part for part in (*said, *self.list_beside()) if part)

    def write_pair_alone(self) -> str:
        """Return the group that decides with its own numbers, and nothing of any other group."""
        if self.found is None:
            return ""
        if self.verdict == "fail":
            return self._write_broken(self.found)
        group = self._pick(self.found.pair)
        if self.verdict == "pass":
            kept = f"{name_metric(self.metric)}{self.in_class}{self.place} is {self.write_limit()} in every group"
            nearest = f"the interval that comes closest is that of {self.name(group)}, {self._write_decided(group)}"
            return f"{capitalise(self.by + kept)}, those that are withheld included; {nearest}."
        has = (
            f"{self._name_against(group)} has {with_article(name_metric(self.metric))} of {self._write_decided(group)}"
        )
        return f"{capitalise(self.by + has) if self.by else has}. {self.place_limit(Settled())}"

    @property
    def limited(self) -> str:
        """Whom the limit is for."""
        return " for every group"

    def _pick(self, pair: tuple[Group, Group]) -> Group:
        return pair[self.kind == "highest"]

    def _name_against(self, group: Group) -> str:
        """Return a group, and the one that its value is a comparison with, if it is one."""
        rate = self.around.rate(self.like, group)
        reference = None if rate is None else rate.reference
        if reference is None:
            return self.name(group)
        return f"{self.name(group)} against {self.name(reference)}"

    def _write_broken(self, found: Deciding) -> str:
        group = self._pick(found.pair)
        has = f"{self._name_against(group)} has {with_article(name_metric(self.metric))} of"
        limit = f"The limit for every group is {self.write_limit()}."
        return f"{self.by}{has} {self._write_decided(group)}{self.in_class}{self.unit}{self.place}. {limit}"

    def _write_decided(self, group: Group) -> str:
        """Return 77.7% (n 197; 95% interval up to 83.9%): the value of a group with the end that decides."""
        e, rate = self.estimate, self.around.rate(self.like, group)
        low = self.found is not None and self.found.end == "low"
        interval = self.write_interval(e.low if low else None, None if low else e.high)
        if rate is None:
            return f"{self.write_figure(e.value)} ({interval})"
        rows = self.write_rows(rate) if rate.reference is None else ""
        return f"{self.write_figure(rate.value)} ({'; '.join(x for x in (rows, interval) if x)})"

    def _write_kept(self, found: Deciding) -> str:
        decides, pair = self._pick(found.pair), self.estimate.pair
        first = decides if pair is None else self._pick(pair)
        name = f"{name_metric(self.metric)}{self.in_class}{self.place}"
        bound = f"{capitalise(self.by + name)} is {self.write_limit()}{self.unit} in every group"
        if first == decides:
            return f"{bound}: the {self.kind} is {self._name_against(decides)}, {self._write_decided(decides)}."
        verb = "starts lowest" if self.kind == "lowest" else "ends highest"
        other = f"the interval that {verb} is that of {self.name(decides)}, {self._write_decided(decides)}"
        return f"{bound}: the {self.kind} is {self.name(first)}, {self.write_number(first)}; {other}."

    def _write_small(self, found: Deciding) -> str:
        """Return on how few rows a verdict rests."""
        group = self._pick(found.pair)
        rate = self.around.rate(self.like, group)
        if rate is None or SMALL not in rate.flags:
            return ""
        return describe_rows_rested_on([(self.name(group), rate)])

    def _write_extreme(self, found: Deciding) -> str:
        """Return the lowest or highest, where another group decides."""
        pair = self.estimate.pair
        if pair is None or self._pick(pair) == self._pick(found.pair):
            return ""
        group = self._pick(pair)
        rate = self.around.rate(self.like, group)
        few = f": {describe_few(rate)}" if rate is not None and SMALL in rate.flags else ""
        return f"The {self.kind} is that of {self.name(group)}, {self.write_number(group)}{few}."

    def _list_open(self, held: Sequence[Held]) -> list[str]:
        """Return the lowest or highest, which groups keep the limit open, and the rows of them that would decide."""
        e = self.estimate
        first = () if e.pair is None else self._pick(e.pair)
        rate = self.around.rate(self.like, first)
        of = self.name(first) if rate is None else f"{self.name(first)}, {self.write_rows(rate)}"
        name = f"the {self.kind} {name_metric(self.metric)}{self.in_class}{self.place}"
        lead = f"{capitalise(self.by + name)} is {self.write_figure(e.value)} ({of})"
        shown = held[:MOST_NAMED]
        if not shown:
            return [f"{lead}.", self.place_limit(Settled())]
        needed = [text for text in (self._write_rows_needed(shown),) if text]
        if len(held) == 1 and shown[0].estimate.group == first:
            return [f"{lead}: {self._cross(shown[0])}, so the data cannot decide.", *needed]
        return [f"{lead}.", self._keep_open(held), *needed]

    def _keep_open(self, held: Sequence[Held]) -> str:
        each = [self._write_held(h) for h in held[:MOST_NAMED]]
        if len(held) == 1:
            return f"{each[0]} keeps this open: {self._cross(held[0])}."
        more = f" and {len(held) - MOST_NAMED} more" if len(held) > MOST_NAMED else ""
        who = "; ".join(each) + more if more else join_words(each)
        return f"{who} keep this open: the limit of {limit_text(self.limit, self.figure)} lies inside their intervals."

    def _write_held(self, held: Held) -> str:
        e = held.estimate
        return f"{self.name(e.group or ())} ({self.write_figure(e.value)}, {self.write_rows(e)})"

    def _cross(self, held: Held) -> str:
        """Return how the interval of a group that keeps a limit open crosses it."""
        e, floor = held.estimate, self.rule.min is not None
        limit = limit_text(self.limit, self.figure)
        keeps = e.value is not None and (e.value >= self.limit if floor else e.value <= self.limit)
        starts = floor == keeps
        end = e.low if starts else e.high
        if end is None or (end >= self.limit if starts else end <= self.limit):
            return f"it has too few rows to show on which side of the limit of {limit} it lies"
        verb, side = ("starts", "below") if starts else ("ends", "above")
        level = f"{100 * (self.estimate.confidence or 0.95):g}% interval"
        at = figure_text(end, self.figure, limit=self.limit)
        return f"its {level} {verb} at {at}, {side} the limit of {limit}"

    def _write_rows_needed(self, held: Sequence[Held]) -> str:
        """Return how many rows of whom would decide the limit, or that few changed decisions do not tell."""
        few = [h.estimate for h in held if FEW_CHANGED in h.estimate.flags]
        if few:
            who = join_words([self.name(e.group or ()) for e in few])
            how_many = f"how many cannot be planned from fewer than {FEWEST_CHANGED} changed decisions"
            return f"More rows of {who} would help; {how_many}."
        if any(not math.isfinite(h.rows) for h in held):
            return "It is so close to the limit that more than 100 times as many rows may be needed."
        what = "rate" if self.figure == "share" else "value"
        rows, factor = [f"{round_up(h.rows):,}" for h in held], write_times(max(h.factor for h in held))
        if len(rows) == 1:
            who = self.name(held[0].estimate.group or ())
            return f"About {rows[0]} rows of {who} would decide ({factor} as many), if its {what} stays as it is."
        each = join_words(rows)
        return f"About {each} rows of them would decide (up to {factor} as many), if their {what}s stay as they are."
