"""Rates of one grouping: every group, every comparison, each with its interval or its reason.

Must not: read rows, know a limit, or leave a group out without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from statistics import fmean
from typing import Any

import numpy as np

from audit.estimate import Estimate
from audit.measurement.comparisons import CORRECTED, ENDS, PAIRS_RULE, End, join_flags
from audit.measurement.inference.effective import Sample
from audit.measurement.inference.intervals import Limits
from audit.measurement.inference.pairs import Extreme, Gap, Kind, extreme, gap, noise_of
from audit.measurement.metrics.criteria import CRITERIA
from audit.measurement.metrics.kinds import Criterion, Rate
from audit.measurement.rates.group_table import FEW, KINDS, Figures, GroupTable, Measured, bounds_over, on_scale
from audit.measurement.scope import SMALL, Block


class RateTable(GroupTable):
    """Estimates of one grouping with all comparisons over its groups."""

    def rates(self, metrics: Sequence[Measured]) -> list[Estimate]:
        """Return each metric: every group's rate, gaps, comparisons with the reference, extremes, named criteria."""
        return list(chain.from_iterable(make() for make in self._makers(metrics).values()))

    def blocks(self, metrics: Sequence[Measured]) -> list[Block]:
        """Return the same, a block a metric, each made when it is asked for."""
        made = self._makers(metrics)
        return [Block(self.stage, frozenset({name}), self.g.by, make) for name, make in made.items()]

    def _makers(self, metrics: Sequence[Measured]) -> dict[str, Callable[[], list[Estimate]]]:
        """Return what makes the estimates of each metric, and of each criterion whose rates are all among them."""
        figures = Figures(self.g, tuple(metrics), self.scope.tail)
        position = {m.name: at for at, m in enumerate(metrics)}
        found: dict[str, Callable[[], list[Estimate]]] = {
            name: partial(self._all, figures, at) for name, at in position.items()
        }
        if not self.comparable or self.stage != "model" or self.outcome is not None:
            return found
        named = [c for c in CRITERIA if set(c.rates) <= set(position)]
        return found | {c.name: partial(self._criterion, c, figures, [position[r] for r in c.rates]) for c in named}

    def _all(self, figures: Figures, at: int) -> list[Estimate]:
        metric, sample = figures.metrics[at], figures.samples[at]
        own = Limits(figures.single.low[at], figures.single.high[at])
        found = list(self._estimate_groups(metric, sample, own))
        if not self.comparable:
            return found
        found += self._over_groups(metric, sample, figures, at)
        return found + [on_scale(e, metric) for e in self._against_everybody(metric)]

    def _over_groups(self, metric: Measured, sample: Sample, figures: Figures, at: int) -> Iterator[Estimate]:
        """Gaps over groups, comparisons with the reference, noise and extremes."""
        wide = partial(on_scale, metric=metric)
        for kind in KINDS if metric.range[0] >= 0 and "ratio" in metric.judged else KINDS[:1]:
            if len(self.g.groups) < 2:
                yield wide(self.too_few(metric.name, kind))
                continue
            yield wide(self._gap_of(metric, sample, kind, figures.gaps(kind)[at]))
            limits = figures.against(kind)
            shown = Limits(limits.low[at], limits.high[at])
            yield from self._to_reference(metric, sample, kind, shown, figures.exact_beside[at])
        if isinstance(metric, Rate):
            for noise in noise_of(sample, self.g.groups):
                yield self.base(metric.name, n=self.n, flags=self.flags, **noise)
        if not self.g.groups:
            yield from (wide(self.too_few(metric.name, which)) for which in ENDS)
            return
        for which, found in zip(ENDS, (figures.lowest[at], figures.highest[at]), strict=True):
            yield wide(self._extreme_of(metric, sample, which, found))

    def _against_everybody(self, metric: Measured) -> list[Estimate]:
        """Comparisons with everybody and with the rest; see `audit.measurement.rates.to_everybody`."""
        del metric
        return []

    def _gap(self, metric: Measured, sample: Sample, kind: Kind, looks: int = 1) -> Estimate:
        if len(self.g.groups) < 2:
            return self.too_few(metric.name, kind)
        return self._gap_of(metric, sample, kind, gap(sample, kind, self.scope.tail, looks))

    def _gap_of(self, metric: Measured, sample: Sample, kind: Kind, found: Gap) -> Estimate:
        flags = self.flags + ((SMALL,) if sample.thin.any() else ())
        bounded = found.value is not None or found.low > 0 or found.high < 1
        if found.value is None:
            reason = self.reason_for_comparison(metric, sample)
            return self.gap_estimate(metric.name, kind, found, bounded=bounded, method="", reason=reason, flags=flags)
        sides: dict[str, Any] = {}
        if kind == "ratio":
            sides = {"numerator": float(sample.p[found.pair[0]]), "denominator": float(sample.p[found.pair[1]])}
        how = f"{'newcombe' if kind == 'difference' else 'mover-r'} on {self._method()}{FEW if found.exact else ''}"
        method = PAIRS_RULE.format(how)
        return self.gap_estimate(
            metric.name, kind, found, bounded=bounded, method=method, reason="", flags=flags, **sides
        )

    def _extreme(self, metric: Measured, sample: Sample, which: End) -> Estimate:
        if not self.g.groups:
            return self.too_few(metric.name, which)
        return self._extreme_of(metric, sample, which, extreme(sample, which, self.scope.tail))

    def _extreme_of(self, metric: Measured, sample: Sample, which: End, found: Extreme) -> Estimate:
        flags = self.flags + ((SMALL,) if sample.thin.any() else ())
        if found.value is None:
            reason = self.reason_for_comparison(metric, sample)
            return self.end_estimate(metric.name, which, found, reason=reason, flags=flags)
        ends = int(np.argmin(sample.p)), int(np.argmax(sample.p))
        method = f"{self._method(found.exact)}, {CORRECTED.format(len(self.g.groups))}"
        return self.end_estimate(metric.name, which, found, ends, method=method, flags=flags)

    def _criterion(self, criterion: Criterion, figures: Figures, positions: Sequence[int]) -> list[Estimate]:
        """Worst of several gaps, or their mean; the failing side is corrected for having looked at all of them."""
        kind = criterion.compare
        own = [(figures.metrics[at], figures.samples[at]) for at in positions]
        if len(own) == 1 and len(self.g.groups) > 1:
            parts = [self._gap_of(*own[0], kind, figures.gaps(kind)[positions[0]])]
        else:
            parts = [self._gap(metric, sample, kind, looks=len(own)) for metric, sample in own]
        return [self._worst(criterion, parts)]

    def _worst(self, criterion: Criterion, parts: Sequence[Estimate]) -> Estimate:
        undefined = next((p for p in parts if p.value is None), None)
        flags = join_flags(parts)
        common: dict[str, Any] = {"compare": criterion.compare, "n": parts[0].n, "flags": flags}
        bounds = bounds_over(parts, criterion)
        if undefined is not None:
            return self.base(
                criterion.name, **common, **bounds, status="undefined", reason=f"{undefined.metric}: {undefined.reason}"
            )
        pick = max if criterion.compare == "difference" else min
        worst = pick(parts, key=lambda p: float(p.value or 0.0))
        method = worst.method if len(parts) == 1 else f"{worst.method}; worst of {' and '.join(criterion.rates)}"
        value = worst.value
        if criterion.aggregate == "mean":
            value = fmean(float(p.value or 0.0) for p in parts)
            method = f"{worst.method}; mean of the values and of the limits of {' and '.join(criterion.rates)}"
        return self.base(criterion.name, **common, **bounds, value=value, pair=worst.pair, method=method)
