"""[edge] of audit.toml: compressed models, how they are called, and what they are compared with.

Must not: open a model.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from audit.config.options import Names, Number, Section, Text

LARGEST_BATCH, MOST_THREADS, MOST_CALLS = 100_000, 1024, 100_000
LARGEST_LOSS = 0.01
"""One percentage point of accuracy."""


class EdgeSection(Section):
    """Compressed models, beside the full one whose decisions [predictions] against names."""

    candidates: Names = ()
    """Names of all models that may be shipped, [predictions] prediction among them; that one alone by default."""
    models: dict[Text, Text] = Field(default_factory=dict)
    """ONNX file of each model, by the name of its decisions."""
    inputs: Names = ()
    """Columns that the models see, in the order in which they were trained; with them every model is run."""
    seeds: Names = ()
    """Decisions of other seeds of the full recipe: what training again changes. At least five."""
    retrained: Names | None = None
    """Candidates that were trained again, such as a distilled one; all of them where not given."""
    batch: Annotated[int, Field(strict=True, ge=1, le=LARGEST_BATCH)] = 1
    """Rows a call, as on the device."""
    threads: Annotated[int, Field(strict=True, ge=1, le=MOST_THREADS)] = 1
    """Threads of a call."""
    repetitions: Annotated[int, Field(strict=True, ge=20, le=MOST_CALLS)] = 200
    """Calls of each model that are timed."""
    seconds: Annotated[Number, Field(ge=0, le=600)] = 3.0
    """Seconds for which each model is metered; 0 measures no energy."""
    cutoff: Number | None = None
    """From which number on the decision is 1, of models that give one number a row: 0 for logits."""
    ship: Literal["named", "smallest"] = "named"
    """What the verdict is about: the candidate of [predictions] prediction, or the smallest that passes."""
    largest_loss: Annotated[Number, Field(ge=0, le=1)] = LARGEST_LOSS
    """Loss of accuracy up to which a candidate passes: the whole interval of every group has to lie below it."""

    @model_validator(mode="after")
    def _require_distinct(self) -> Self:
        twice = next((name for name in self.seeds if name in self.candidates), None)
        if twice is not None:
            raise ValueError(f"'{twice}' is both a candidate and a seed; name it once")
        stray = next((name for name in self.retrained or () if name not in self.candidates), None)
        if stray is not None:
            raise ValueError(f"retrained names '{stray}', which is no candidate; add it to candidates")
        if self.inputs and not self.models:
            raise ValueError("inputs are for models that are run; name their files (models), or remove inputs")
        return self

    @property
    def computed(self) -> tuple[str, ...]:
        """Models whose decisions are made here; the decisions of all others are columns of the table."""
        return tuple(self.models) if self.inputs else ()
