"""All estimates of an audit, in the order of the document, made when they are asked for.

An audit of three attributes has ten thousand of them, a gate asks for one. So an audit holds blocks, each of which
knows the names of what it would make. Must not: know a metric.

>>> rate = Estimate(stage="model", metric="selection_rate", value=0.5, n=2)
>>> block = Block("model", frozenset({"selection_rate"}), (), lambda: [rate])
>>> found = Estimates([block])
>>> found.of("model", "selection_rate", ())[0].value
0.5
>>> found.of("model", "base_rate", ())
()
>>> len(found)
1
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, groupby
from typing import Any, overload

from audit.errors import QuestionError
from audit.estimate import Estimate
from audit.measurement.scope import Block


class Estimates(Sequence[Estimate]):
    """Estimates of several blocks, as one sequence that nothing changes."""

    def __init__(self, blocks: Iterable[Block] = ()) -> None:
        self._blocks = tuple(blocks)

    @classmethod
    def listed(cls, estimates: Iterable[Estimate]) -> Estimates:
        """Estimates that are there already; those of one metric and grouping are kept together."""
        if isinstance(estimates, Estimates):
            return estimates
        return cls(_blocks(estimates))

    def of(self, stage: str, metric: str, by: tuple[str, ...]) -> tuple[Estimate, ...]:
        """Estimates of one metric of one grouping with all its comparisons; only these are made."""
        blocks = self._by_name.get((stage, by, metric), ())
        return tuple(e for block in blocks for e in _estimates_of(block) if e.metric == metric)

    def about(self, metric: str) -> Iterator[Estimate]:
        """Estimates of one metric, of every stage and grouping, in order; only these are made."""
        return (e for b in self._blocks if metric in b.metrics for e in _estimates_of(b) if e.metric == metric)

    @property
    def metrics(self) -> frozenset[str]:
        """Names of all that is there; no estimate is made."""
        return frozenset().union(*(b.metrics for b in self._blocks))

    @property
    def groupings(self) -> tuple[tuple[str, ...], ...]:
        """Groupings by which something is there, each once; no estimate is made."""
        return tuple(dict.fromkeys(b.by for b in self._blocks))

    @cached_property
    def _by_name(self) -> Mapping[tuple[str, tuple[str, ...], str], Sequence[Block]]:
        found: dict[tuple[str, tuple[str, ...], str], list[Block]] = {}
        for block in self._blocks:
            for metric in block.metrics:
                found.setdefault((block.stage, block.by, metric), []).append(block)
        return found

    @cached_property
    def _all(self) -> tuple[Estimate, ...]:
        return tuple(chain.from_iterable(map(_estimates_of, self._blocks)))

    def __add__(self, other: Iterable[Estimate]) -> Estimates:
        return Estimates((*self._blocks, *Estimates.listed(other)._blocks))

    def __iter__(self) -> Iterator[Estimate]:
        return iter(self._all)

    def __reversed__(self) -> Iterator[Estimate]:
        return reversed(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @overload
    def __getitem__(self, at: int) -> Estimate: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Estimate, ...]: ...
    def __getitem__(self, at: int | slice) -> Estimate | tuple[Estimate, ...]:
        return self._all[at]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Estimates, tuple)):
            return NotImplemented
        return self._all == tuple(other)

    def __hash__(self) -> int:
        return hash(self._all)

    def __repr__(self) -> str:
        return f"Estimates({len(self):,})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """In a document they are a plain array."""
        del source
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(cls.listed, handler(tuple[Estimate, ...]))

    def __reduce__(self) -> tuple[Any, ...]:
        return Estimates.listed, (self._all,)


def _estimates_of(block: Block) -> Sequence[Estimate]:
    """Return the estimates of a block, which are made when they are first asked for.

    Raises
    ------
    QuestionError
        When it makes one that it did not name, which a limit would look for in vain.
    """
    if block.make is not None:
        block.made, block.make = block.make(), None
        for e in block.made:
            if e.metric not in block.metrics or e.by != block.by or e.stage != block.stage:
                raise QuestionError(f"{e.name} stands in a block of {', '.join(sorted(block.metrics))}")
    return block.made


def _blocks(estimates: Iterable[Estimate]) -> Iterator[Block]:
    for (stage, metric, by), same in groupby(estimates, key=lambda e: (e.stage, e.metric, e.by)):
        made = tuple(same)
        yield Block(stage, frozenset({metric}), by, lambda made=made: made)  # type: ignore[misc]
