"""What only an owner can say of a model and of its data. None of it changes a number.

Must not: be needed to judge.
"""

from __future__ import annotations

from audit.config.sections import Section, Text


class ModelInfo(Section):
    """Who answers for the model; printed on the card."""

    name: Text | None = None
    version: Text | None = None
    owner: Text | None = None
    intended_use: Text | None = None
    out_of_scope: Text | None = None
    description: Text | None = None
    licence: Text | None = None


class DatasetInfo(Section):
    """Who answers for the data; printed on the data card and in croissant.json."""

    name: Text | None = None
    version: Text | None = None
    owner: Text | None = None
    description: Text | None = None
    url: Text | None = None
    """Where it can be had."""
    collected: Text | None = None
    """How it was collected."""
    period: Text | None = None
    """When it was collected."""
    intended_use: Text | None = None
    out_of_scope: Text | None = None
    licence: Text | None = None
