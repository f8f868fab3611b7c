"""From a batch to the cell of each of its rows, on the device, with nothing that the host would wait for.

Every code is held within its places before it takes part in a sum, so that no value can point outside the table.
Must not: look at a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from audit.cells import FIRST_CLASS, FIRST_LEVEL, Cells
from audit.errors import QuestionError, ValuesError, no_such, printable

WHOLE = frozenset({torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool})
HALF = frozenset({torch.float16, torch.bfloat16})


class Places:
    """Cells of rows, for one kind of table."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self._bounds: dict[tuple[torch.device, torch.dtype], Tensor] = {}
        self._classes_there = len(cells.classes)
        self._attributes = [(n, len(cells.groups[n]), stride) for n, stride in cells.strides.items()]

    def of(self, groups: Mapping[str, Tensor], label: Tensor, kind: str, given: Tensor) -> Tensor:
        """Cell of each row, a new tensor of int64.

        What this costs is the number of operations, not of rows: after a step none of them is in the processor's cache.

        Parameters
        ----------
        groups, label
            As `audit.torch.GroupTally.update` has them.
        kind
            What is given: logits, probability or prediction.
        """
        rows = label.numel()
        key, first = self._predicted(kind, given, rows)
        device, shape = key.device, key.shape
        if label.dtype is not torch.int64 or label.shape != shape or label.device != device:
            key.add_(self._classes(label, device), alpha=self.cells.label_stride)
        else:
            key.add_(label.clamp(-1, self._classes_there), alpha=self.cells.label_stride)
        for name, last, stride in self._attributes:
            codes = groups.get(name)
            if codes is None:
                raise QuestionError(f"{no_such('group', name, groups)} among the groups of this batch; give its codes")
            if codes.dtype is not torch.int64 or codes.shape != shape or codes.device != device:
                codes = _codes(name, codes, key)
            key.add_(codes.clamp(-FIRST_LEVEL, last), alpha=stride)
        return key.add_(self.cells.offset + first)

    def _predicted(self, kind: str, given: Tensor, rows: int) -> tuple[Tensor, int]:
        """Each prediction as a new tensor of int64, and what is to be added to make it the place on its axis."""
        if kind == "prediction":
            if self.cells.binned:
                raise QuestionError("this tally counts score bins; give probability or logits, not prediction")
            codes = self._classes(flat(given, rows, kind), given.device, nan=self.cells.nan - FIRST_CLASS)
            return codes, FIRST_CLASS
        if given.dtype is not torch.float32:
            given = _exact(kind, given)
        if kind == "logits" and given.dim() == 2 and given.shape[1] > 1:
            return self._largest(given, rows), FIRST_CLASS
        if not self.cells.cuts:
            raise ValuesError(
                f"{kind} of shape {tuple(given.shape)} are of two classes; this tally has {self.cells.width}"
            )
        given = flat(given, rows, kind)
        score = given.sigmoid() if kind == "logits" else given
        return torch.bucketize(score, self._cut(score), right=True).masked_fill_(score.isnan(), self.cells.nan), 0

    def _largest(self, logits: Tensor, rows: int) -> Tensor:
        if self.cells.binned:
            raise QuestionError("this tally counts score bins; give logits[:, 1] - logits[:, 0], or probability")
        if logits.shape != (rows, self.cells.width):
            raise ValuesError(
                f"logits of shape {tuple(logits.shape)} for {rows:,} labels of {self.cells.width} classes; they "
                f"must be ({rows}, {self.cells.width})"
            )
        # The largest of logits with a NaN among them is NaN; its position would look like a class.
        largest, place = logits.max(dim=1)
        return place.masked_fill_(largest.isnan(), self.cells.nan - FIRST_CLASS)

    def _cut(self, score: Tensor) -> Tensor:
        """Bounds of the bins in the type of the scores, on their device; made once."""
        at = (score.device, score.dtype)
        if at not in self._bounds:
            bounds = [0.0, *self.cells.cuts, float(np.nextafter(1.0, 2.0))]
            self._bounds[at] = torch.tensor(_at_least(bounds, score.dtype), dtype=score.dtype, device=score.device)
        return self._bounds[at]

    def _classes(self, codes: Tensor, device: torch.device, nan: int = -1) -> Tensor:
        """Codes of classes as they are, and -1 or the number of classes for what is none."""
        last = len(self.cells.classes)
        codes = codes if codes.dim() == 1 else codes.reshape(-1)
        codes = codes if codes.device == device else codes.to(device, non_blocking=True)
        if codes.dtype is torch.int64:
            return codes.clamp(-1, last)
        if codes.dtype in WHOLE:
            return codes.to(torch.int64).clamp(-1, last)
        if not codes.is_floating_point():
            raise ValuesError(f"classes are {codes.dtype}; give codes, whole numbers from 0 on")
        whole = torch.where(codes == codes.floor(), codes.clamp(-1, last), -1.0)
        return torch.where(codes.isnan(), float(nan), whole).to(torch.int64)


def _exact(kind: str, given: Tensor) -> Tensor:
    """Numbers in a type that bounds can be written in; float16 and bfloat16 become float32 without loss."""
    if not given.is_floating_point():
        raise ValuesError(f"{kind} are {given.dtype}; give floating-point numbers, or prediction for class codes")
    return given.float() if given.dtype in HALF else given


def _codes(name: str, codes: Tensor, key: Tensor) -> Tensor:
    """Codes of an attribute in the type and the place of the key."""
    what = f"group '{printable(name)}'"
    codes = flat(codes, key.numel(), what)
    if codes.dtype not in WHOLE:
        raise ValuesError(f"{what} is {codes.dtype}; give codes, whole numbers, -1 for unknown")
    return codes.to(key.device, torch.int64, non_blocking=True)


def flat(values: Tensor, rows: int, what: str) -> Tensor:
    """Values as one row of tensors, as many as there are labels."""
    if values.numel() != rows:
        raise ValuesError(
            f"{what} has {values.numel():,} values and the labels {rows:,}; all must have the same length"
        )
    return values if values.dim() == 1 and values.is_contiguous() else values.reshape(-1).contiguous()


def _at_least(bounds: Sequence[float], dtype: torch.dtype) -> list[float]:
    """Smallest numbers of a type that are not below these: a score that reaches one has reached the bound itself.

    The nearest float32 of 0.7 lies below it; a score that equals it is no 0.7 to whoever reads the scores from a file.
    """
    if dtype == torch.float64:
        return list(bounds)
    near = np.array(bounds, dtype=np.float32)
    up = np.nextafter(near, np.float32(np.inf), dtype=np.float32)
    return [float(u) if float(n) < b else float(n) for n, u, b in zip(near, up, bounds, strict=True)]
