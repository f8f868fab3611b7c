"""The faults that a drill plants: what each is called, what it needs, and in which sizes it comes.

Must not: draw, count or judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from audit.errors import QuestionError, no_such

SHARES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
ROWS = (0.5, 1.0)
COPIES = (0.05, 0.2, 0.5, 1.0)
SHIFTS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
SPREADS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
MOST_SIZES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of fault."""

    name: str
    title: str
    """What is done, with a place for the group."""
    sized: str
    """What is done in how many rows, with places for the size and the group."""
    of: str
    """What a size is a share of; empty where it is an amount in the units of the score."""
    sizes: tuple[float, ...]
    everywhere: bool = False
    """Whether it is planted in all rows, and not in those of one group."""
    moves: bool = False
    """Whether it moves what a limit compares, so that what the limit reads says how large the fault is."""
    reads: str = ""
    """What of a row it changes, so that a limit that does not read it cannot see it."""
    renames: bool = False
    """Whether it changes the name of a group, so that there has to be one."""
    of_two_classes: bool = False
    """Whether it makes a decision its opposite, which more than two classes do not have."""
    of_means: bool = False
    """Whether it moves the mean of a numeric prediction; a size is then a share of a spread, and not of rows."""
    in_counts: bool = True
    """Whether recorded counts suffice to plant it."""
    in_rows: bool = False
    """Whether the data checks may find it, which look at rows."""

    @property
    def of_scores(self) -> bool:
        """Whether it moves scores, so that they have to be counted."""
        return not self.of


WITHHELD = Fault(
    name="withheld",
    title="selections withheld from {group}",
    sized="{size} selections of {group} withheld",
    of="its selections",
    sizes=SHARES,
    moves=True,
    reads="prediction",
    of_two_classes=True,
)
FLIPPED = Fault(
    name="flipped",
    title="labels flipped in {group}",
    sized="{size} labels of {group} flipped",
    of="its labels",
    sizes=SHARES,
    moves=True,
    reads="label",
)
SCORES = Fault(
    name="scores",
    title="scores of {group} lowered",
    sized="scores of {group} lowered by {size}",
    of="",
    sizes=SHIFTS,
    moves=True,
)
RAISED = Fault(
    name="raised",
    title="predictions for {group} raised",
    sized="predictions for {group} raised by {size} standard deviation of all errors",
    of="the standard deviation of all errors",
    sizes=SPREADS,
    moves=True,
    of_means=True,
)
DROPPED = Fault(
    name="dropped", title="{group} dropped", sized="{size} rows of {group} dropped", of="its rows", sizes=ROWS
)
RENAMED = Fault(
    name="renamed",
    title="{group} renamed",
    sized="{size} rows of {group} renamed",
    of="its rows",
    sizes=ROWS,
    renames=True,
    in_rows=True,
)
MISSING = Fault(
    name="missing",
    title="group name of {group} missing",
    sized="{size} rows of {group} without their group name",
    of="its rows",
    sizes=ROWS,
    renames=True,
    in_rows=True,
)
UNLABELLED = Fault(
    name="unlabelled",
    title="labels of {group} missing",
    sized="{size} labels of {group} missing",
    of="its labels",
    sizes=ROWS,
    reads="label",
)
UNPREDICTED = Fault(
    name="unpredicted",
    title="predictions for {group} missing",
    sized="{size} predictions for {group} missing",
    of="its predictions",
    sizes=ROWS,
    reads="prediction",
)
DUPLICATED = Fault(
    name="duplicated",
    title="rows duplicated",
    sized="{size} rows duplicated",
    of="all rows",
    sizes=COPIES,
    everywhere=True,
    in_rows=True,
)
LEAKED = Fault(
    name="leaked",
    title="test rows leaked into the training data",
    sized="{size} test rows leaked into the training data",
    of="the test rows",
    sizes=COPIES,
    everywhere=True,
    in_counts=False,
    in_rows=True,
)
FAULTS = {
    f.name: f
    for f in (WITHHELD, FLIPPED, SCORES, RAISED, DROPPED, RENAMED, MISSING, UNLABELLED, UNPREDICTED, DUPLICATED, LEAKED)
}
"""Every fault by its name, in the order in which they are planted."""


def choose_faults(names: Sequence[str], sizes: Sequence[float] = ()) -> tuple[Fault, ...]:
    """Return the faults of some names, or all; each with the sizes that are asked for.

    Raises
    ------
    QuestionError
        When there is no such fault, a name stands twice, or a size is not above 0 and at most 1.
    """
    for name in names:
        if name not in FAULTS:
            raise QuestionError(no_such("fault", name, FAULTS))
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise QuestionError(f"--faults names '{twice}' twice; name each fault once")
    wrong = next((size for size in sizes if not 0 < size <= 1), None)
    if wrong is not None:
        raise QuestionError(f"--sizes has {wrong:g}; a size is above 0 and at most 1, such as 0.05 for 5%")
    if len(sizes) > MOST_SIZES:
        raise QuestionError(f"--sizes has {len(sizes)} sizes, and at most {MOST_SIZES} are planted; name fewer")
    chosen = [fault for name, fault in FAULTS.items() if not names or name in names]
    asked = tuple(sorted(set(sizes)))
    return tuple(_with_sizes(fault, asked) for fault in chosen)


def _with_sizes(fault: Fault, sizes: tuple[float, ...]) -> Fault:
    return replace(fault, sizes=sizes) if sizes else fault
