"""A table of group x label x prediction that a training loop adds to, and the results that follow from it.

All rates of all groups follow from the table, and so does the same `AuditResult` that `audit.measure` gives for the
same rows. Must not: keep a row, make the host wait for the device in `GroupTally.update`, or use a count that is not
whole.

>>> tally = GroupTally({"sex": ["female", "male"]})
>>> sex, label = torch.tensor([0, 0, 1, 1]), torch.tensor([1, 0, 1, 0])
>>> tally.update({"sex": sex}, label, probability=torch.tensor([0.9, 0.2, 0.8, 0.7]))
>>> tally.cube().keep("sex", "prediction")["n"].tolist()
[[1, 1], [0, 2], [0, 0]]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, distributed

from audit.axes import AGAINST
from audit.counting.cells import Account, Cells, read_cuts
from audit.cube import Cube
from audit.errors import QuestionError, ValuesError, printable
from audit.pipeline.from_counts import result_of
from audit.record.epochs import Epoch, log_epoch, make_epoch
from audit.record.result import AuditResult
from audit.torch.places import Batch, Places

__all__ = ["GroupTally"]
VERSION = 1
STEPS_WAITING, MOST_WAITING = 32, 2**20
"""Steps, and numbers of their predictions, that are copied and counted together: right after a step, when nothing of it
is in the processor's caches, an operation costs the more the fewer rows it is for."""


class GroupTally:
    """Rows by group, label and prediction, counted where the batch lies.

    It is no ``nn.Module`` on purpose: a module wrapped for several ranks has the buffers of rank 0 copied over its own.

    Parameters
    ----------
    groups
        Names of the codes of each attribute: ``{"sex": ["female", "male"]}`` reads code 0 as female. Code -1 is a row
        whose group is not known; any other code has a cell of its own and is reported.
    classes
        How many classes, or their names in the order of their codes; of two, the second is the positive one.
    threshold
        Probability from which on a prediction is positive, where scores are given.
    bins
        Number of equal score bins, or where scores are cut, between 0 and 1; the threshold is always a cut.
    against
        Whether every row comes with the class that an earlier model predicted, so that `result` says what changed, and
        who lost by it.
    every
        Count only the first of so many steps; the account says how many rows were passed over.
    process_group
        Ranks whose tables are added; all ranks where ``torch.distributed`` is initialised.
    device
        Where the table lies; it follows the first batch.

    Raises
    ------
    QuestionError
        When the groups, classes or cuts make no table.
    """

    def __init__(
        self,
        groups: Mapping[str, Sequence[str]],
        *,
        classes: int | Sequence[str] = 2,
        threshold: float = 0.5,
        bins: int | Sequence[float] | None = None,
        against: bool = False,
        every: int = 1,
        process_group: Any = None,
        device: torch.device | str | None = None,
    ) -> None:
        two = (classes if isinstance(classes, int) else len(classes)) == 2
        if bins is not None and not two:
            raise QuestionError("bins are for scores of two classes; remove bins")
        if type(every) is not int or every < 1:
            raise QuestionError(f"every is {printable(every)}; give a whole number of steps, 1 to count all")
        if against and not two:
            raise QuestionError("against is for two classes; remove against")
        cuts = read_cuts(threshold, bins) if two else ()
        self.cells = Cells(groups, classes, cuts, threshold if two else None, against=against)
        self.every, self.process_group = every, process_group
        self._steps = self._passed_over = 0
        # A table that is made in inference mode could not be added to outside of it.
        with torch.inference_mode(mode=False):
            self._table = torch.zeros(self.cells.padded + 1, dtype=torch.int64, device=device)
            self._one = torch.ones(1, dtype=torch.int64, device=device)
        self._places = Places(self.cells)
        self._waiting: list[Batch] = []
        self._likeness: tuple[object, ...] = ()

    def update(
        self,
        groups: Mapping[str, Tensor],
        label: Tensor,
        *,
        logits: Tensor | None = None,
        probability: Tensor | None = None,
        prediction: Tensor | None = None,
        against: Tensor | None = None,
        valid: Tensor | None = None,
    ) -> None:
        """Count a batch, of which a copy is taken; nothing waits for the device.

        Parameters
        ----------
        groups
            Codes of each attribute, whole numbers, shape (N,).
        label
            Codes of the classes, shape (N,).
        logits
            Shape (N,) or (N, 1): the sigmoid in float32 is cut at the threshold. Shape (N, C): the largest is the
            prediction, the first of several.
        probability
            Of the positive class, shape (N,).
        prediction
            Codes of the predicted classes, shape (N,).
        against
            Codes of the classes that the earlier model predicted, shape (N,), where the tally counts them.
        valid
            0 or False for rows that only fill up a batch, as `DistributedSampler` adds them; shape (N,).

        Raises
        ------
        QuestionError
            When not exactly one of logits, probability and prediction is given, or an attribute is missing.
        ValuesError
            When shapes or types do not fit; what the values are is never asked here.
        """
        if (logits is None) + (probability is None) + (prediction is None) != 2:
            raise QuestionError("give exactly one of logits, probability and prediction")
        named = {"logits": logits, "probability": probability, "prediction": prediction}
        kind, given = next((kind, tensor) for kind, tensor in named.items() if tensor is not None)
        batch = self._places.batch(groups, label, (kind, given), valid, against)
        if (likeness := batch.describe_likeness()) != self._likeness:
            self._places.refuse(batch)
            self._settle()
            self._likeness = likeness
        self._steps += 1
        if (self._steps - 1) % self.every:
            self._passed_over += label.numel()
            return
        self._waiting.append(batch.copy())
        if len(self._waiting) * given.numel() >= MOST_WAITING or len(self._waiting) >= STEPS_WAITING:
            self._settle()

    @property
    def table(self) -> Tensor:
        """Counts of this rank, one a cell, with every batch that was given."""
        self._settle()
        return self._table

    def _settle(self) -> None:
        """Count the batches that wait, all in one go."""
        if not self._waiting:
            return
        columns = zip(*(batch.tensors for batch in self._waiting), strict=True)
        key = self._places.of(self._waiting[0].of([torch.cat(column) for column in columns]))
        self._waiting.clear()
        if key.device != self._table.device:
            self._move(key.device)
        self._table.scatter_add_(0, key, self._one.expand(len(key)))

    def to(self, device: torch.device | str) -> Self:
        """Move the table."""
        self._settle()
        self._move(device)
        return self

    def _move(self, device: torch.device | str) -> None:
        with torch.inference_mode(mode=False):
            self._table, self._one = self._table.to(device), self._one.to(device)

    def reset(self) -> None:
        """Begin anew."""
        self._waiting.clear()
        self._table.zero_()
        self._steps = self._passed_over = 0

    def cube(self, outcome: str = "prediction") -> Cube:
        """Return counts of all ranks as the cube that all rates are computed from.

        Every rank must call it, as all of them are added. What could not be read is not in it; `account` says how much.
        ``outcome`` is ``prediction``, or ``score`` for groups x label x score bin.
        """
        found = self.account().cube
        if outcome == "score" and not self.cells.binned:
            raise QuestionError("no score bins were counted; give bins when the tally is made")
        return found if outcome == "score" else self.cells.decided(found)

    def account(self) -> Account:
        """Return counts of all ranks, and where every row went. Every rank must call it."""
        whole = self._merge()
        passed_over = {f"in a step that was not sampled (1 of {self.every} is)": int(whole[-1])}
        return self.cells.account(whole[:-1], passed_over if whole[-1] else None)

    def result(self, *, incomplete: bool = False, **asked: Any) -> AuditResult:
        """Return the same result as that of `audit.measure` for the same rows; every rank must call it.

        Parameters
        ----------
        incomplete
            Leave out rows whose group code, label or prediction could not be read, each under its reason.
        **asked
            Arguments of `audit.measure` that say what to measure and judge: ``intersections``, ``gates``, ….

        Raises
        ------
        ValuesError
            When nothing was counted; when rows could not be read, as by `audit.measure`.
        """
        account = self.account()
        if account.unread and not incomplete:
            reasons = ", ".join(f"{what}: {n:,}" for what, n in account.rows_excluded.items())
            raise ValuesError(
                f"{account.unread:,} of {account.rows_read:,} rows could not be read ({reasons}); correct the "
                "codes or the model, or use result(incomplete=True), which excludes them and says so"
            )
        return result_of(account, self.cells.decided(account.cube), **asked)

    def epoch(self, number: int, part: str = "validation") -> Epoch:
        """End an epoch and begin anew; its counts over all ranks are kept with the run that is being audited.

        Every rank must call it; the first one writes, and only within an audit. ``part`` says which rows were counted.
        """
        account = self.account()
        # The course of an epoch is that of the rates; what changed from an earlier model is for `result`.
        cube = account.cube.over(AGAINST) if self.cells.against else account.cube
        found = make_epoch(
            number,
            part,
            self.cells.decided(cube),
            rows_read=account.rows_read,
            rows_excluded=account.rows_excluded,
            every=self.every,
        )
        if not self._together or distributed.get_rank(self.process_group) == 0:
            log_epoch(found)
        self.reset()
        return found

    def state_dict(self, *, merged: bool = False) -> dict[str, Any]:
        """Return tensors and plain values, which ``torch.load(weights_only=True)`` takes.

        With ``merged``, the tables of all ranks are added, which every rank must then call; loaded, rank 0 goes on with
        the sum and the others from nothing, so that the number of ranks may differ.
        """
        rank, ranks = self._rank
        state = {
            "version": VERSION,
            "cells": self.cells.plain(),
            "every": self.every,
            "merged": merged,
            "steps": self._steps,
        }
        if not merged:
            kept = {"table": self.table.clone(), "passed_over": self._passed_over}
            return state | kept | {"rank": rank, "ranks": ranks}
        whole = self._merge()
        return state | {"table": torch.from_numpy(whole[:-1].copy()), "passed_over": int(whole[-1])}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint.

        Raises
        ------
        QuestionError
            When the state was counted with other groups, classes or cuts, or on another rank: rows would count twice.
        """
        mine = self.cells.plain() | {"every": self.every, "version": VERSION}
        theirs = {**state.get("cells", {}), "every": state.get("every"), "version": state.get("version")}
        other = next((k for k in {**mine, **theirs} if theirs.get(k) != mine.get(k)), None)
        if other is not None:
            raise QuestionError(
                f"the state was counted with {other} = {printable(theirs.get(other))}, this tally has "
                f"{printable(mine.get(other))}; make the tally with the same arguments"
            )
        rank, ranks = self._rank
        if not state["merged"] and (state["rank"], state["ranks"]) != (rank, ranks):
            raise QuestionError(
                f"the state is of rank {state['rank']} of {state['ranks']}, this is rank {rank} of {ranks}, so "
                "rows would be counted twice or not at all; keep one state for each rank, or "
                "state_dict(merged=True)"
            )
        self.reset()
        self._steps = int(state["steps"])
        if not state["merged"] or rank == 0:
            self._passed_over = int(state["passed_over"])
            self._table.copy_(state["table"])

    @property
    def _together(self) -> bool:
        return bool(distributed.is_available() and distributed.is_initialized())

    @property
    def _rank(self) -> tuple[int, int]:
        """Number of this rank, and how many there are."""
        if not self._together:
            return 0, 1
        return distributed.get_rank(self.process_group), distributed.get_world_size(self.process_group)

    def _merge(self) -> np.ndarray:
        """Return the table of all ranks and, last, the rows that were passed over.

        This rank's own table stays as it is.
        """
        whole = torch.cat([self.table, self.table.new_tensor([self._passed_over])])
        if self._together:
            if distributed.get_backend(self.process_group) == "nccl":
                # A rank without rows has a table that never followed a batch onto its device.
                whole = whole.to(torch.device("cuda", torch.cuda.current_device()))
            distributed.all_reduce(whole, group=self.process_group)
        counts: np.ndarray = whole.cpu().numpy()
        return counts
