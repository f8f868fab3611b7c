"""From a batch to the cell of each of its rows, on the device, with nothing that the host would wait for.

Every code is held within its places before it takes part in a sum, so that no value can point outside the table.
Must not: look at a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from audit.counting.cells import FIRST_CLASS, FIRST_LEVEL, Cells
from audit.errors import QuestionError, ValuesError, no_such, printable

WHOLE = frozenset({torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool})
HALF = frozenset({torch.float16, torch.bfloat16})


class Batch(NamedTuple):
    """Rows as they were given."""

    kind: str
    """What is given: logits, probability or prediction."""
    given: Tensor
    label: Tensor
    groups: tuple[Tensor, ...]
    """Codes of each attribute, in the order of the cells."""
    valid: Tensor | None
    against: Tensor | None = None
    """Classes of the earlier predictions, where the cells have them."""

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All of them."""
        further = (t for t in (self.against, self.valid) if t is not None)
        return (self.given, self.label, *self.groups, *further)

    def describe_likeness(self) -> tuple[object, ...]:
        """Return what two batches have in common if they can be laid one under the other."""
        return (self.kind, *((t.dtype, t.shape, t.device) for t in self.tensors))

    def copy(self) -> Batch:
        """Return the same rows, whatever becomes of the tensors."""
        return self.of([t.detach().clone() if t.requires_grad else t.clone() for t in self.tensors])

    def of(self, tensors: Sequence[Tensor]) -> Batch:
        """Return a batch of the same kind with other tensors."""
        there = 2 + len(self.groups)
        groups, valid = tuple(tensors[2:there]), None if self.valid is None else tensors[-1]
        return Batch(self.kind, tensors[0], tensors[1], groups, valid, None if self.against is None else tensors[there])


class Places:
    """Cells of rows, for one kind of table."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self._bounds: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def batch(
        self,
        groups: Mapping[str, Tensor],
        label: Tensor,
        given: tuple[str, Tensor],
        valid: Tensor | None,
        against: Tensor | None,
    ) -> Batch:
        """Return the rows of a step.

        Raises
        ------
        QuestionError
            When an attribute is missing, or an earlier prediction that is counted, or one is given that is not.
        """
        if (against is None) == self.cells.against:
            mend = "give against" if against is None else "make the tally with against=True"
            raise QuestionError(f"this tally counts {'' if against is None else 'no '}earlier predictions; {mend}")
        try:
            kind, tensor = given
            codes = tuple([groups[name] for name in self.cells.groups])
            return Batch(kind, tensor, label, codes, valid, against)
        except KeyError as error:
            missing = no_such("group", error.args[0], groups)
            raise QuestionError(f"{missing} among the groups of this batch; give its codes") from None

    def refuse(self, batch: Batch) -> None:
        """Refuse shapes and types that do not fit; no value is looked at."""
        rows = batch.label.numel()
        for name, codes in zip(self.cells.groups, batch.groups, strict=True):
            what = f"group '{printable(name)}'"
            _refuse_length(codes, rows, what)
            if codes.dtype not in WHOLE:
                raise ValuesError(f"{what} is {codes.dtype}; give codes, whole numbers, -1 for unknown")
        _refuse_classes(batch)
        for what, values in (("against", batch.against), ("valid", batch.valid)):
            if values is not None:
                _refuse_length(values, rows, what)
        if batch.kind == "prediction":
            _refuse_length(batch.given, rows, batch.kind)
            if self.cells.binned:
                raise QuestionError("this tally counts score bins; give probability or logits, not prediction")
            return
        self._refuse_scores(batch.kind, batch.given, rows)

    def _refuse_scores(self, kind: str, given: Tensor, rows: int) -> None:
        shape, width = tuple(given.shape), self.cells.width
        if not given.is_floating_point():
            raise ValuesError(f"{kind} are {given.dtype}; give floating-point numbers, or prediction for class codes")
        if not _has_classes(kind, given):
            if not self.cells.cuts:
                raise ValuesError(f"{kind} of shape {shape} are for two classes; this tally has {width}")
            _refuse_length(given, rows, kind)
        elif self.cells.binned:
            raise QuestionError("this tally counts score bins; give logits[:, 1] - logits[:, 0], or probability")
        elif shape != (rows, width):
            raise ValuesError(
                f"logits of shape {shape} for {rows:,} labels of {width} classes; they must be ({rows}, {width})"
            )

    def of(self, batch: Batch) -> Tensor:
        """Return the cell of each row, a new tensor of int64."""
        key = self._place_predictions(batch.kind, batch.given)
        key.add_(self._place_classes(batch.label, key.device), alpha=self.cells.label_stride)
        for codes, (name, stride) in zip(batch.groups, self.cells.strides.items(), strict=True):
            there = codes.reshape(-1).to(key.device, torch.int64, non_blocking=True)
            key.add_(there.clamp(-FIRST_LEVEL, len(self.cells.groups[name])), alpha=stride)
        if batch.against is not None:
            key.add_(self._place_classes(batch.against, key.device), alpha=self.cells.against_stride)
        key.add_(self.cells.offset)
        if batch.valid is not None:
            filling = batch.valid.reshape(-1).to(key.device, non_blocking=True) == 0
            key.masked_fill_(filling, self.cells.padded)
        return key

    def _place_predictions(self, kind: str, given: Tensor) -> Tensor:
        """Return the place of each prediction or score bin."""
        if kind == "prediction":
            return self._place_classes(given, given.device, nan=self.cells.nan - FIRST_CLASS) + FIRST_CLASS
        given = given.float() if given.dtype in HALF else given
        if _has_classes(kind, given):
            # The largest of logits with a NaN among them is NaN; its position would look like a class.
            largest, place = given.max(dim=1)
            return place.add_(FIRST_CLASS).masked_fill_(largest.isnan(), self.cells.nan)
        score = given.reshape(-1).sigmoid() if kind == "logits" else given.reshape(-1).contiguous()
        return torch.bucketize(score, self._cut(score), right=True).masked_fill_(score.isnan(), self.cells.nan)

    def _cut(self, score: Tensor) -> Tensor:
        """Return bounds of the bins in the type of the scores, on their device; made once."""
        at = (score.device, score.dtype)
        if at not in self._bounds:
            bounds = [0.0, *self.cells.cuts, float(np.nextafter(1.0, 2.0))]
            self._bounds[at] = torch.tensor(_round_up(bounds, score.dtype), dtype=score.dtype, device=score.device)
        return self._bounds[at]

    def _place_classes(self, codes: Tensor, device: torch.device, nan: int = -1) -> Tensor:
        """Return codes of classes as they are, and -1 or the number of classes for what is none."""
        codes, last = codes.reshape(-1).to(device, non_blocking=True), len(self.cells.classes)
        if codes.dtype in WHOLE:
            return codes.to(torch.int64).clamp(-1, last)
        whole = torch.where(codes == codes.floor(), codes.clamp(-1, last), -1.0)
        return torch.where(codes.isnan(), float(nan), whole).to(torch.int64)


def _refuse_classes(batch: Batch) -> None:
    for codes in (batch.label, batch.given, batch.against):
        if codes is not None and codes.dtype not in WHOLE and not codes.is_floating_point():
            raise ValuesError(f"classes are {codes.dtype}; give codes, whole numbers from 0 on")


def _has_classes(kind: str, given: Tensor) -> bool:
    """Return whether there is a logit for each class."""
    return kind == "logits" and given.dim() == 2 and given.shape[1] > 1


def _refuse_length(values: Tensor, rows: int, what: str) -> None:
    if values.numel() != rows:
        raise ValuesError(
            f"{what} has {values.numel():,} values and the labels {rows:,}; all must have the same length"
        )


def _round_up(bounds: Sequence[float], dtype: torch.dtype) -> list[float]:
    """Return the smallest numbers of a type not below these: a score that reaches one has reached the bound itself.

    The nearest float32 of 0.7 lies below it; a score that equals it is no 0.7 to a reader of the scores in a file.
    """
    if dtype == torch.float64:
        return list(bounds)
    near = np.array(bounds, dtype=np.float32)
    up = np.nextafter(near, np.float32(np.inf), dtype=np.float32)
    return [float(u) if float(n) < b else float(n) for n, u, b in zip(near, up, bounds, strict=True)]
