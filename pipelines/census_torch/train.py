"""Train a network on incomes and leave ``predictions.parquet`` for the audit.

A plain PyTorch loop. A `GroupTally` counts the validation rows of every epoch by sex and race, so that the card shows
how each group fared while the model learned, and what is counted last is, row for row, what the audit finds in
``predictions.parquet``. The same seed gives the same model; ``--resume`` goes on from the checkpoint of the last whole
epoch, and ends where an unbroken run would have ended.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, Sampler, SequentialSampler, TensorDataset

from audit.torch import GroupTally

FOLDER = Path(__file__).resolve().parent
CHECKPOINT = FOLDER / "checkpoint.pt"
PREDICTIONS = FOLDER / "predictions.parquet"

GROUPS = ["sex", "race"]
LABEL = "over_50k"
NUMBERS = {"age_years": 100.0, "hours_a_week": 100.0, "schooling": 24.0}
"""Features that are numbers, with what they are divided by."""
CODES = {"occupation": 1024, "place_of_birth": 256, "class_of_worker": 16, "marital_status": 8}
"""Features that are codes, with the size of their tables; a code falls into the row of its remainder."""
WIDTH, HIDDEN = 8, 64
BATCH, EPOCHS = 2048, 6
LEARNING_RATE = 0.003
SEED = 2018
THRESHOLD = 0.5


class Network(nn.Module):
    """A vector for every code, beside the numbers, through one hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        self.codes = nn.ModuleList(nn.Embedding(size, WIDTH) for size in CODES.values())
        wide = len(NUMBERS) + WIDTH * len(CODES)
        self.decide = nn.Sequential(nn.Linear(wide, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        """Logits, shape (N,)."""
        known = [table(codes[:, i]) for i, table in enumerate(self.codes)]
        return self.decide(torch.cat([numbers, *known], dim=1)).squeeze(1)


def tensors(people: pd.DataFrame, levels: dict[str, list[str]]) -> TensorDataset:
    """Numbers, codes and label of every row, and the codes of its groups, -1 where one is missing."""
    numbers = people[list(NUMBERS)].to_numpy("float32") / np.array(list(NUMBERS.values()), dtype="float32")
    codes = people[list(CODES)].to_numpy("int64") % np.array(list(CODES.values()))
    groups = [pd.Categorical(people[g], categories=levels[g]).codes.astype("int64") for g in GROUPS]
    columns = (numbers, codes, people[LABEL].to_numpy("int64"), *groups)
    return TensorDataset(*map(torch.tensor, columns))


def batches_of(people: TensorDataset, order: Sampler[int]) -> DataLoader[tuple[Tensor, ...]]:
    """Batches that are taken from the tensors whole, not row by row; the last one is short."""
    return DataLoader(people, sampler=BatchSampler(order, BATCH, drop_last=False), batch_size=None)


def trained(model: Network, optimizer: torch.optim.Optimizer, batches: DataLoader[tuple[Tensor, ...]]) -> float:
    """One pass over the training rows; mean loss."""
    model.train()
    losses = []
    for numbers, codes, label, *_ in batches:
        loss = nn.functional.binary_cross_entropy_with_logits(model(numbers, codes), label.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses))


@torch.inference_mode()
def scores(model: Network, batches: DataLoader[tuple[Tensor, ...]], tally: GroupTally) -> Iterator[Tensor]:
    """Score of every validation row, each batch counted by group on the way."""
    model.eval()
    for numbers, codes, label, *groups in batches:
        score = model(numbers, codes).sigmoid()
        tally.update(dict(zip(GROUPS, groups, strict=True)), label, probability=score)
        yield score


def saved(epoch: int, model: Network, optimizer: torch.optim.Optimizer, shuffle: torch.Generator) -> None:
    """Keep what the next epoch begins with, whole or not at all."""
    state = {"epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict()}
    spare = CHECKPOINT.with_suffix(".tmp")
    torch.save(state | {"shuffle": shuffle.get_state()}, spare)
    spare.replace(CHECKPOINT)


def resumed(model: Network, optimizer: torch.optim.Optimizer, shuffle: torch.Generator) -> int:
    """First epoch that is still to do."""
    state = torch.load(CHECKPOINT, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    shuffle.set_state(state["shuffle"])
    return int(state["epoch"]) + 1


def write(validation: pd.DataFrame, score: Tensor) -> None:
    """Groups and label of every held-out person beside score and decision."""
    exact = score.numpy().astype("float64")
    decided = (exact >= THRESHOLD).astype("int64")
    spare = PREDICTIONS.with_suffix(".tmp")
    validation[[*GROUPS, LABEL]].assign(prediction=decided, score=exact).to_parquet(spare, index=False)
    spare.replace(PREDICTIONS)


def arguments() -> argparse.Namespace:
    """What the command line asks."""
    asked = argparse.ArgumentParser(description="Train on train.parquet, predict validation.parquet.")
    asked.add_argument("--epochs", type=int, default=EPOCHS, help=f"passes over the training rows; {EPOCHS} by default")
    asked.add_argument("--resume", action="store_true", help="go on from checkpoint.pt")
    return asked.parse_args()


def main() -> None:
    """Train, count, write, say what came out."""
    asked = arguments()
    train, validation = (pd.read_parquet(FOLDER / f"{part}.parquet") for part in ("train", "validation"))
    levels = {g: sorted({*train[g].dropna(), *validation[g].dropna()}) for g in GROUPS}
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        model = Network()
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    shuffle = torch.Generator().manual_seed(SEED)
    learned, held_out = tensors(train, levels), tensors(validation, levels)
    learning = batches_of(learned, RandomSampler(learned, generator=shuffle))
    judging = batches_of(held_out, SequentialSampler(held_out))
    tally = GroupTally(levels, threshold=THRESHOLD)
    first = resumed(model, optimizer, shuffle) if asked.resume else 1
    for epoch in range(first, asked.epochs + 1):
        loss = trained(model, optimizer, learning)
        score = torch.cat(list(scores(model, judging, tally)))
        curve = tally.epoch(epoch).measured()
        right = {e.group: e.value for e in curve if e.metric == "accuracy" and e.by in {(), ("sex",)}}
        said = ", ".join(f"{group[0] if group else 'overall'} {value:.1%}" for group, value in right.items())
        print(f"Epoch {epoch}: loss {loss:.4f}; accuracy {said}", file=sys.stderr)
        saved(epoch, model, optimizer, shuffle)
    write(validation, score)
    print(f"Predictions of {len(validation):,} people: {PREDICTIONS.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
