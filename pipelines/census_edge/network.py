"""The network, how it is trained, and how it is pruned and distilled; the same seed gives the same weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

FOLDER = Path(__file__).resolve().parent
LABEL, GROUP = "worked", "ethnicity"
WIDE, NARROW = 128, 8
BATCH, EPOCHS, TUNING_EPOCHS = 256, 12, 3
LEARNING_RATE = 0.003
PRUNED = 0.9
"""Share of the weights that pruning sets to zero."""


class Network(nn.Module):
    """Features on one scale, through two hidden layers, to the scores of the two classes."""

    def __init__(self, mean: Tensor, spread: Tensor, hidden: int) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread)
        self.layers = nn.Sequential(
            nn.Linear(len(mean), hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scores of both classes, shape (N, 2), of features, shape (N, F)."""
        return self.layers((x - self.mean) / self.spread)


def features_of(table: pd.DataFrame) -> Tensor:
    """Return the features, shape (N, F): every column but label and group."""
    return torch.tensor(table.drop(columns=[LABEL, GROUP]).to_numpy("float32"))


def new_network(x: Tensor, seed: int, hidden: int = WIDE) -> Network:
    """Return a network with weights of a seed, and the scale of the features."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Network(x.mean(0), x.std(0), hidden)


def fit(model: Network, x: Tensor, target: Tensor, seed: int, epochs: int = EPOCHS) -> Network:
    """Train on classes, shape (N,), or on the probabilities of a teacher, shape (N, 2)."""
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    shuffle = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for rows in torch.randperm(len(x), generator=shuffle).split(BATCH):
            loss = nn.functional.cross_entropy(model(x[rows]), target[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()


def fit_full(x: Tensor, y: Tensor, seed: int) -> Network:
    """The full recipe with a seed."""
    return fit(new_network(x, seed), x, y, seed)


def prune_network(full: Network, x: Tensor, y: Tensor) -> Network:
    """Set the smallest weights to zero, and tune what is left."""
    pruned = new_network(x, 0)
    pruned.load_state_dict(full.state_dict())
    weights = [(layer, "weight") for layer in pruned.layers if isinstance(layer, nn.Linear)]
    prune.global_unstructured(weights, pruning_method=prune.L1Unstructured, amount=PRUNED)
    fit(pruned, x, y, 0, TUNING_EPOCHS)
    for layer, name in weights:
        prune.remove(layer, name)
    return pruned


def distil(full: Network, x: Tensor) -> Network:
    """Teach a narrow network what the full one says."""
    with torch.inference_mode():
        taught = full(x).softmax(1)
    return fit(new_network(x, 0, NARROW), x, taught.clone(), 0)


@torch.inference_mode()
def decide(model: Network, x: Tensor) -> np.ndarray:
    """Return the class of every row, shape (N,)."""
    return model(x).argmax(1).numpy()
