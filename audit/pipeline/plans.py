"""From the question of a user to what is counted and what is measured.

Must not: open a table.
"""

from __future__ import annotations

from collections.abc import Iterator

from audit.axes import CubeKind
from audit.config.options import CountedBy
from audit.config.schema import Config
from audit.config.sections import Predictions
from audit.counting.plan import Plan, Question
from audit.measurement.scope import Scope


def make_scope(config: Config) -> Scope:
    """Return what to measure."""
    data = config.data
    return Scope(
        groups=data.groups,
        intersections=data.intersections,
        reference=_name_references(config),
        population=data.reference,
        confidence=config.policy.confidence,
        compare_to=config.compared_to,
        harmful=data.is_benefit is False,
    )


def plan_data(config: Config) -> Plan:
    """Return what to count of the rows before training."""
    data = config.data
    return Plan(
        groups=data.groups,
        intersections=data.intersections,
        label=None if _has_numbers_as_labels(config) else data.label,
        classes=config.classes and data.label is not None,
        positive=data.positive,
        favourable=data.favourable,
        weight=data.weight,
        unit=config.unit,
        bins=data.bins,
        strata=data.strata if data.label is not None else (),
    )


def plan_predictions(config: Config) -> Plan:
    """Return what to count of the predictions."""
    data, asked = config.data, config.predictions
    if asked is None:
        return plan_data(config)
    return Plan(
        groups=data.groups,
        task=asked.task,
        classes=config.classes,
        intersections=data.intersections,
        label=config.predictions_label,
        positive=data.positive,
        favourable=data.favourable,
        prediction=asked.prediction,
        score=asked.score,
        threshold=asked.threshold,
        weight=data.weight,
        unit=config.unit,
        bins=data.bins,
        kinds=_ask_kinds(config, asked),
    )


def list_prediction_columns(config: Config) -> tuple[str, ...]:
    """List the columns that the table of predictions must have, those of every compressed model and seed among them."""
    edge, asked = config.edge, config.predictions
    if edge is None or asked is None:
        return plan_predictions(config).columns
    names = dict.fromkeys((asked.prediction, *edge.candidates, *edge.seeds))
    about = (config.model_copy(update={"predictions": asked.model_copy(update={"prediction": n})}) for n in names)
    read = [column for one in about for column in plan_predictions(one).columns]
    return tuple(dict.fromkeys((*(column for column in read if column not in edge.computed), *edge.inputs)))


def list_data_columns(config: Config) -> tuple[str, ...]:
    """List the columns that the rows before training must have."""
    return tuple(dict.fromkeys((*plan_data(config).columns, *config.data.strata)))


def list_required_columns(config: Config) -> tuple[str, ...]:
    """List the columns that predictions must have: those that are counted, and what names a row."""
    key = () if config.data.key is None else (config.data.key,)
    return (*list_prediction_columns(config), *key)


def _ask_kinds(config: Config, asked: Predictions) -> dict[CubeKind, Question]:
    """Return what is asked of further kinds of count; what they are is loaded only where there are some."""
    names = tuple(_find_kinds(asked))
    if not names:
        return {}
    from audit.counting.kinds.kind import ask_kinds

    return ask_kinds(names, {**dict(config.data), **dict(asked), "reference_group": _name_references(config)})


def _find_kinds(asked: Predictions) -> Iterator[str]:
    """Yield the files of the kinds of count for which some field asks."""
    for name, field in type(asked).model_fields.items():
        if getattr(asked, name):
            yield from (mark.kind for mark in field.metadata if isinstance(mark, CountedBy))


def _has_numbers_as_labels(config: Config) -> bool:
    """Return whether labels are numbers, of which no class is counted."""
    return config.predictions is not None and config.predictions.task in {"regression", "ranking"}


def _name_references(config: Config) -> dict[str, str]:
    """Return the level that the others are compared with, by group column, where one is named."""
    from audit.axes import name_level

    return {c: str(name_level(v)) for c, v in config.data.reference_group.items()}
