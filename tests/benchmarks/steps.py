"""What counting groups adds to a training step of about 20 ms."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from benchmarks.page import Absent, AtMost, Benchmark, Scale, Section, Sides, Within, table

STEP_S = 0.020
BATCH, FEATURES, CLASSES = 256, 64, 10
WIDTHS = (64, 128, 256, 384, 512, 640, 768, 832, 896, 960, 1024, 1152, 1280, 1536, 2048)
STEPS = 320
"""Of each kind in a go; steps with and without the tally take turns."""
STEPS_WAITING = 32
"""Batches that the tally counts together."""
SEX, RACE = ("female", "male"), tuple(f"race {i}" for i in range(9))


@dataclass
class Loop:
    """A training loop of which every other step counts its groups."""

    width: int
    steps: int
    update_s: list[float] = field(default_factory=list)
    with_s: list[float] = field(default_factory=list)
    without_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        import torch

        from audit.torch import GroupTally

        draw = torch.Generator().manual_seed(0)
        self.x = torch.randn(BATCH, FEATURES, generator=draw)
        self.label = torch.randint(0, CLASSES, (BATCH,), generator=draw)
        self.groups = {
            "sex": torch.randint(0, len(SEX), (BATCH,), generator=draw),
            "race": torch.randint(-1, len(RACE), (BATCH,), generator=draw),
        }
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.model = torch.nn.Sequential(
                torch.nn.Linear(FEATURES, self.width), torch.nn.ReLU(),
                torch.nn.Linear(self.width, self.width), torch.nn.ReLU(), torch.nn.Linear(self.width, CLASSES),
            )  # fmt: skip
        self.optimizer = torch.optim.Adam(self.model.parameters())
        self.tally = GroupTally({"sex": SEX, "race": RACE}, classes=CLASSES)

    def step(self, *, counted: bool) -> None:
        """One step, timed into its list; groups are counted where logits are first known, as one writes it."""
        import torch

        begun = time.perf_counter()
        logits = self.model(self.x)
        if counted:
            before = time.perf_counter()
            self.tally.update(self.groups, self.label, logits=logits)
            self.update_s.append(time.perf_counter() - before)
        loss = torch.nn.functional.cross_entropy(logits, self.label)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        (self.with_s if counted else self.without_s).append(time.perf_counter() - begun)

    def go(self) -> None:
        """Steps of both kinds in turn; which comes first changes, so that neither always follows the other."""
        for at in range(self.steps):
            for counted in (at % 2 == 0, at % 2 == 1):
                self.step(counted=counted)


def tenth(values: list[float]) -> float:
    """10th percentile: what a step takes when the machine does nothing else."""
    return float(np.percentile(values, 10))


def settled(update_s: list[float]) -> list[float]:
    """Mean of as many updates as are counted together, so that none goes without its share of the counting."""
    every = len(update_s) // STEPS_WAITING * STEPS_WAITING
    return np.mean(np.reshape(update_s[:every], (-1, STEPS_WAITING)), axis=1).tolist() or [float(np.mean(update_s))]


def width_of(seconds: float) -> int:
    """Widest network whose step is not longer."""
    fits = WIDTHS[0]
    for width in WIDTHS:
        loop = Loop(width, 60)
        loop.go()
        if min(loop.without_s) > seconds:
            break
        fits = width
    return fits


@contextmanager
def _sides(scale: Scale, rows: int) -> Iterator[Sides]:
    try:
        import torch
    except ImportError:
        raise Absent("PyTorch is not installed; pip install 'evenhand[torch]'") from None
    del rows
    threads = torch.get_num_threads()
    # Several threads wait for each other, and on a machine with other work that is most of what a step takes.
    torch.set_num_threads(1)
    try:
        yield _ready(scale)
    finally:
        torch.set_num_threads(threads)


def _ready(scale: Scale) -> Sides:
    import torch

    loop = Loop(WIDTHS[0] if scale.quick else width_of(STEP_S), 5 if scale.quick else STEPS)
    logits = loop.model(loop.x)
    loop.tally.update(loop.groups, loop.label, logits=logits)
    key = (loop.groups["sex"] * 10 + loop.groups["race"] + 1) * 100 + loop.label * 10 + logits.argmax(1)
    one = torch.bincount(key, minlength=2000).view(2, 10, 10, 10)
    cube = loop.tally.cube().keep("sex", "race", "label", "prediction")["n"]
    if not np.array_equal(np.roll(cube[:2], 1, axis=1), one.numpy()):
        raise ArithmeticError("the table is not that of one bincount: other work")

    def ours() -> float:
        loop.update_s.clear()
        loop.with_s.clear()
        loop.without_s.clear()
        loop.go()
        kept.append((loop.update_s[:], loop.with_s[:], loop.without_s[:]))
        return tenth(settled(loop.update_s))

    def theirs() -> float:
        return tenth(loop.without_s)

    kept: list[tuple[list[float], list[float], list[float]]] = []
    return Sides(ours, theirs, f"{BATCH} rows in 2 x 10 groups of 10 x 10 cells, the same as one bincount",
                lambda: _told(kept, loop.width, 1))  # fmt: skip


def _told(kept: list[tuple[list[float], list[float], list[float]]], width: int, threads: int) -> str:
    lists = [sum((go[i] for go in kept), []) for i in range(3)]
    lists[0] = settled(lists[0])
    rows = [
        (name, tenth(values) * 1e6, float(np.median(values)) * 1e6)
        for name, values in zip(
            (f"update alone, mean of {STEPS_WAITING}", "step with it", "step without"), lists, strict=True
        )
    ]
    share = [rows[0][i] / rows[2][i] for i in (1, 2)]
    return (
        f"Microseconds over {len(lists[1]):,} steps of each kind in turn, {threads} thread, batch of {BATCH}, network "
        f"{FEATURES}-{width}-{width}-{CLASSES}, Adam. The update is {share[0]:.2%} of a step at the 10th percentile and "
        f"{share[1]:.2%} at the median; a step with it is {rows[1][1] - rows[2][1]:+.0f} and {rows[1][2] - rows[2][2]:+.0f} from one without.\n\n"
        + table(("", "10th percentile", "median"), rows)
    )


def _benchmark(name: str, demand: Within | AtMost) -> Benchmark:
    return Benchmark(
        name=name,
        ours="`GroupTally.update`: 20 groups x 10 classes, two attributes",
        theirs="the step that it is part of: forward, backward, Adam",
        rows=BATCH,
        sides=_sides,
        demand=demand,
    )


SECTION = Section(
    heading="Counting groups in a training loop",
    text=(
        "A PyTorch step of about 20 ms on this machine's processors; 10th percentiles of steps with and without the tally, in turn. "
        "On a device the update is queued and nothing waits for it. Of a step much shorter than 10 ms it is more than 1%: count "
        "every k-th step (`every=k`), which the result then says."
    ),
    benchmarks=(_benchmark("tally-share", Within(0.005)), _benchmark("tally-absolute", AtMost(120e-6, "s"))),
)
