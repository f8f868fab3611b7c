"""Every section and key of audit.toml. An unknown key is an error: a setting that is not read must not look as if.

Must not: open a table, or import numpy; ``audit gate`` and ``--help`` pay for this module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from audit.axes import TEMPLATE, Task
from audit.config.energy import EnergySection
from audit.config.limits import check_classes, check_earlier, check_label, check_limits, check_task, translate_metric
from audit.config.options import Day, Names, Number, Section, Text
from audit.config.sections import SMALLEST_PUBLISHED, BaselineSection, Checks, Data, Policy, Predictions, Train
from audit.errors import no_such, printable
from audit.estimate import Stage
from audit.measurement.metrics.kinds import EVERYBODY, Compare, Everybody, at_k, split_comparison
from audit.tables.formats.dialect import UNSAID, Dialect


class GateRule(Section):
    """One limit."""

    stage: Stage = "model"
    """What is judged: the model's results, the training data, the checks of the data, or the energy of the run."""
    metric: Text
    """Name of the metric (`audit metrics` lists them), or of a check by its code."""
    compare: Compare | None = None
    """How groups are compared; what the metric is usually judged by where it is not given."""
    by: Names | None = None
    """Columns that are crossed and compared; every group column in turn where not named."""
    min: Number | None = None
    """Lowest value that passes."""
    max: Number | None = None
    """Highest value that passes."""

    @model_validator(mode="before")
    @classmethod
    def _require_limit(cls, raw: Any) -> Any:
        known = isinstance(raw, dict) and set(raw) <= {*cls.model_fields}
        if known and raw.get("min") is None and raw.get("max") is None:
            raise ValueError("has no limit; give a number as min or max")
        return translate_metric(raw) if isinstance(raw, dict) else raw

    @model_validator(mode="after")
    def _require_possible(self) -> Self:
        compare = check_limits(self.stage, self.metric, self.compare, self.min, self.max, self.by)
        object.__setattr__(self, "compare", compare)
        return self

    @property
    def name(self) -> str:
        """Stage, metric, comparison and grouping, as the estimate it judges is called."""
        parts = [self.stage, self.metric, self.compare, "*".join(self.by or ())]
        return ".".join(p for p in parts if p)


class WaiverRule(Section):
    """A documented exception: an owner accepts a limit that did not pass, until a date and up to a worst value."""

    gate: Text
    """Name of the limit, as the report prints it."""
    owner: Text
    """Who accepts that it did not pass."""
    reason: Text
    """Why it is accepted."""
    expires: Day
    """Last day on which it holds, at most a year away."""
    max_gap: Number
    """Worst value that is let pass: the lowest where the gate has a min, the highest where it has a max."""

    @model_validator(mode="before")
    @classmethod
    def _require_worst_value(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and raw.get("max_gap") is None and set(raw) <= {*cls.model_fields}:
            gate = printable(raw.get("gate", "no gate"))
            raise ValueError(f"of '{gate}' has no max_gap; give the worst value that is accepted")
        return raw


def _refuse_one_table(section: str) -> Callable[[Any], Any]:
    """Refuse one table where a file has a list of them."""

    def check(raw: Any) -> Any:
        if isinstance(raw, dict):
            raise ValueError(f"[{section}] is a single table; write [[{section}]], with two brackets, above each")  # noqa: TRY004
        return raw

    return check


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


class Config(Section):
    """The whole question."""

    model: ModelInfo | None = None
    dataset: DatasetInfo | None = None
    data: Data = Data()
    checks: Checks | None = None
    train: Train | None = None
    predictions: Predictions | None = None
    energy: EnergySection = EnergySection()
    edge: EdgeSection | None = None
    ll144: LocalLaw144 | None = None
    publish: Publish | None = None
    policy: Policy = Policy()
    baseline: BaselineSection | None = None
    gates: Annotated[tuple[GateRule, ...], BeforeValidator(_refuse_one_table("gates"))] | None = None
    waivers: Annotated[tuple[WaiverRule, ...], BeforeValidator(_refuse_one_table("waivers"))] = ()

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        if self.gates is not None and not self.gates:
            raise ValueError("gates: the list is empty, so nothing would be judged; add a limit, or remove the key")
        _check_predictions(self)
        _check_favourable(self)
        _check_median(self)
        _check_four_fifths(self)
        _check_checks(self)
        _check_edge(self)
        if self.classes:
            _check_classes(self)
        _check_gates(self)
        _check_waivers(self)
        return self

    def allowing_inconclusive(self) -> Config:
        """Return the same question, in which inconclusive limits only warn."""
        return self.model_copy(update={"policy": self.policy.model_copy(update={"insufficient": "warn"})})

    @property
    def predictions_source(self) -> str | None:
        """Table of predictions, wherever it is named."""
        if self.predictions is None:
            return None
        if self.train is not None:
            return self.train.predictions
        return self.predictions.source

    def dialect(self, source: str) -> Dialect:
        """Return how a table of the question is written, where it is a CSV."""
        of_predictions = source == self.predictions_source and self.predictions is not None
        said = self.predictions.csv if of_predictions and self.predictions is not None else self.data.csv
        if said is None and source == self.data.source:
            said = self.data.csv
        return UNSAID if said is None else said.dialect

    @property
    def predictions_label(self) -> str | None:
        """Label column of the predictions table."""
        if self.predictions is None:
            return None
        return self.predictions.label or self.data.label

    @property
    def classes(self) -> bool:
        """Whether labels are one of several classes, none of which is the positive one."""
        return bool(self.data.classes) or (self.predictions is not None and self.predictions.task == "multiclass")

    @property
    def unit(self) -> str | None:
        """Column that names whom a row belongs to; None where every row is its own."""
        if self.data.unit != "row":
            return self.data.unit
        # Items of one template are not independent; who holds them for so names the column of items as unit.
        return TEMPLATE if self.predictions is not None and self.predictions.task == "items" else None

    @property
    def compared_to(self) -> tuple[Everybody, ...]:
        """Whom each group is compared with: as asked, or because a limit speaks of it."""
        gated = {split_comparison(g.compare)[1] for g in self.gates or ()}
        return tuple(who for who in EVERYBODY if who in self.data.compare_to or who in gated)


def _check_predictions(config: Config) -> None:
    asked = config.predictions
    if config.train is not None and asked is None:
        raise ValueError("train: [predictions] is missing; name there the columns of the table that training writes")
    if asked is None:
        return
    if config.train is not None and asked.source is not None:
        raise ValueError("predictions.source: [train] predictions names the table too; remove one of them")
    if config.predictions_source is None:
        raise ValueError("predictions: no table is named; set [predictions] source or [train] predictions")
    if config.predictions_label is None:
        _check_without_label(asked)
    if asked.task != "items" and asked.outcome is not None:
        raise ValueError('predictions.outcome: it is for items of a benchmark; set task = "items", or remove outcome')
    _check_task(config, asked.task)
    _check_earlier(asked)
    if config.predictions_label in {asked.prediction, asked.score, asked.rank} - {None}:
        raise ValueError(
            f"predictions: '{config.predictions_label}' is both label and prediction; name two different columns"
        )


def _check_without_label(asked: Predictions) -> None:
    """Refuse what compares decisions with what really happened, where no label says it."""
    if asked.task in {"regression", "multiclass"}:
        raise ValueError(f"predictions: a {asked.task} task needs a label; name its column ([data] label)")
    needing = next((k for k in ("exact_auc", "features") if getattr(asked, k)), None)
    if needing is not None and asked.task == "classification":
        raise ValueError(f"predictions.{needing}: needs a label; name its column ([data] label), or remove {needing}")


def _check_earlier(asked: Predictions) -> None:
    """Refuse earlier decisions where there are none of two classes, or that are the new ones."""
    if asked.against is None:
        return
    if asked.task != "classification":
        one_class = "compare one class at a time, as columns of 1 for it and 0 for all others, or remove it"
        mend = one_class if asked.task == "multiclass" else "remove it"
        raise ValueError(f"predictions.against: needs decisions of two classes, and the task is {asked.task}; {mend}")
    if asked.against in {asked.prediction, asked.score}:
        raise ValueError(
            f"predictions: '{asked.against}' is both the new and the earlier decision; name two different columns"
        )


def _check_task(config: Config, task: Task) -> None:
    if task == "regression":
        _check_regression(config)
    if task == "ranking":
        _check_ranking(config)
    if task == "items":
        _check_items(config)


def _check_regression(config: Config) -> None:
    if config.data.positive is not None:
        raise ValueError("data.positive: a regression has no positive class; remove positive")
    if config.data.strata:
        raise ValueError("data.strata: a regression cannot be compared within strata; remove strata")


def _check_favourable(config: Config) -> None:
    """Refuse a favourable class where no class is the positive one."""
    task: str = "classification" if config.predictions is None else config.predictions.task
    task = "several classes" if config.classes else task
    if config.data.favourable is not None and task != "classification":
        raise ValueError(f"data.favourable: it says what the positive class is, and {task} has none; remove it")


def _check_median(config: Config) -> None:
    if config.predictions is not None and config.predictions.threshold == "median" and config.data.weight is not None:
        raise ValueError('predictions.threshold = "median" cannot be combined with data.weight; remove one of them')


def _check_four_fifths(config: Config) -> None:
    if not config.policy.four_fifths:
        return
    if config.predictions is None or config.predictions.task != "classification":
        raise ValueError("policy.four_fifths needs selections; add [predictions] of classes, or remove it")
    if not config.data.groups:
        raise ValueError("policy.four_fifths needs groups; name their columns in [data] groups")


def _check_checks(config: Config) -> None:
    for column in config.checks.per_group if config.checks is not None else ():
        if column in config.data.merge:
            raise ValueError(
                f"checks.per_group: levels of '{column}' are joined, and a suite reads the table as it is; write the "
                "joined levels into a column of their own, and name that one in groups and per_group"
            )
        if column not in config.data.groups:
            raise ValueError(f"checks.per_group: {no_such('group column', column, config.data.groups)}")


def _check_edge(config: Config) -> None:
    """Refuse compressed models beside no full one."""
    edge, asked = config.edge, config.predictions
    if edge is None:
        return
    if asked is None or asked.against is None or asked.prediction is None:
        raise ValueError("edge: name the full model in [predictions] against and a candidate in prediction")
    if edge.candidates and asked.prediction not in edge.candidates:
        raise ValueError(f"edge.candidates: '{asked.prediction}' of [predictions] prediction is missing; add it")
    if asked.against in {*edge.candidates, *edge.seeds}:
        raise ValueError(f"edge: '{asked.against}' is the full model; remove it from candidates and seeds")
    if config.predictions_label is None:
        raise ValueError("edge: needs a label, because a changed answer is right or wrong by it; name its column")
    if config.predictions_label in edge.inputs:
        raise ValueError(f"edge.inputs: '{config.predictions_label}' is the label, which no model may see; remove it")
    if config.data.weight is not None:
        raise ValueError("data.weight: lost and gained answers of compressed models are counted in rows; remove weight")


def _check_classes(config: Config) -> None:
    if config.data.label is None and config.predictions_label is None:
        raise ValueError("data.classes: needs a label; name its column ([data] label)")
    if config.data.positive is not None:
        raise ValueError("data.positive: a label of several classes has no positive class; remove positive")
    if config.data.strata:
        raise ValueError("data.strata: several classes cannot be compared within strata; remove strata")
    if config.predictions is not None and config.predictions.task != "multiclass":
        raise ValueError(
            f"data.classes: [predictions] task is {config.predictions.task}; set it to multiclass, or remove classes"
        )


def _check_ranking(config: Config) -> None:
    if config.data.positive is not None:
        raise ValueError("data.positive: a ranking has no positive class; remove positive")
    if config.data.strata:
        raise ValueError("data.strata: a ranking is compared within its lists; remove strata")
    if config.data.weight is not None:
        raise ValueError("data.weight: ranks have no weights; remove weight")


def _check_items(config: Config) -> None:
    for key in ("label", "prediction", "score"):
        if config.predictions is not None and getattr(config.predictions, key) is not None:
            raise ValueError(f"predictions.{key}: items have outcomes and no {key}; remove {key}")
    for key in ("label", "positive", "weight"):
        if getattr(config.data, key) is not None:
            raise ValueError(f"data.{key}: items of a benchmark have no {key}; remove {key}")
    if config.data.strata:
        raise ValueError("data.strata: items are compared within their condition; remove strata")


def _check_places(config: Config, where: str, gate: GateRule) -> None:
    """Refuse a limit on places, or on relevance, of which nothing is counted."""
    asked = config.predictions
    if asked is None or asked.task != "ranking":
        return
    k = at_k(gate.metric)
    if k is not None and k not in (asked.top or ()):
        raise ValueError(f"{where}: {gate.metric} needs k = {k}; add {k} to [predictions] top {list(asked.top or ())}")
    if gate.metric in {"ndcg", "exposure_over_relevance"} and config.predictions_label is None:
        raise ValueError(f"{where}: {gate.metric} needs relevance; name its column ([predictions] label)")


def _check_gates(config: Config) -> None:
    for at, gate in enumerate(config.gates or ()):
        where = f"gates[{at}] ({gate.name})"
        if gate.stage == "model" and config.predictions is None:
            raise ValueError(f"{where} needs predictions; add [predictions]")
        if gate.stage == "model" and config.predictions is not None:
            check_task(gate.metric, config.predictions.task, where)
            check_label("model", gate.metric, where, labelled=config.predictions_label is not None)
            if gate.metric.startswith("flip_") and not config.predictions.features:
                raise ValueError(f"{where} needs the flip test; name the feature columns in [predictions] features")
            check_earlier(gate.metric, where, named=config.predictions.against is not None)
            _check_places(config, where, gate)
        if gate.stage == "data":
            check_label("data", gate.metric, where, labelled=config.data.label is not None)
            check_classes(gate.metric, where, several=config.classes)
        if gate.stage in {"data", "checks"} and config.data.source is None:
            raise ValueError(f"{where} needs data; set [data] source")
        _check_grouping(config, where, gate)


def _check_waivers(config: Config) -> None:
    """Refuse two waivers of one gate, of which only one would be shown."""
    names = [waiver.gate for waiver in config.waivers]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"waivers: '{printable(twice)}' has two waivers; remove one of them")


def _check_grouping(config: Config, where: str, gate: GateRule) -> None:
    if gate.stage in {"energy", "checks"}:
        return
    if gate.by is None and not config.data.groups:
        raise ValueError(f"{where} needs groups; name their columns in [data] groups")
    if gate.metric.startswith("conditional_demographic_") and not config.data.strata:
        raise ValueError(f"{where} needs strata; name their columns in [data] strata")
    for column in gate.by or ():
        if column not in config.data.groups:
            raise ValueError(f"{where}: {no_such('group column', column, config.data.groups)}")
    if len(gate.by or ()) > config.data.intersections:
        raise ValueError(
            f"{where}: by combines {len(gate.by or ())} columns; set [data] intersections to that number, at least"
        )


# What only an owner can say of a model and of its data. None of it changes a number.
# Must not: be needed to judge.
class ModelInfo(Section):
    """Who answers for the model; printed on the card."""

    name: Text | None = None
    """Name of the model."""
    version: Text | None = None
    """Version of the model."""
    owner: Text | None = None
    """Who answers for the model, and how to reach them."""
    intended_use: Text | None = None
    """What the model is meant to decide."""
    out_of_scope: Text | None = None
    """What the model must not be used for."""
    description: Text | None = None
    """What the model is, in a sentence."""
    licence: Text | None = None
    """Licence of the model, such as Apache-2.0."""


class DatasetInfo(Section):
    """Who answers for the data; printed on the data card and in croissant.json."""

    name: Text | None = None
    """Name of the dataset."""
    version: Text | None = None
    """Version of the dataset."""
    owner: Text | None = None
    """Who answers for the data, and how to reach them."""
    description: Text | None = None
    """What the data are, in a sentence."""
    url: Text | None = None
    """Where the data can be downloaded."""
    collected: Text | None = None
    """How the data were collected."""
    period: Text | None = None
    """When the data were collected."""
    intended_use: Text | None = None
    """What the data are meant for."""
    out_of_scope: Text | None = None
    """What the data must not be used for."""
    licence: Text | None = None
    """Licence of the data."""


class LocalLaw144(Section):
    """What only the owner and the auditor know of a bias audit by NYC Local Law 144; printed on its report."""

    auditor: Text | None = None
    """Independent auditor who made the audit."""
    data_explanation: Text | None = None
    """Where the data come from, and why they were used."""
    data_from: Day | None = None
    """First day of the data."""
    data_to: Day | None = None
    """Last day of the data."""
    distribution_date: Day | None = None
    """Since when the tool is in use."""
    justification: Text | None = None
    """Why categories under 2% would be left out of the impact ratios."""


class Publish(Section):
    """What is withheld from what strangers read."""

    k: Annotated[int, Field(strict=True, ge=1)] = SMALLEST_PUBLISHED
    """Smallest count that is published; 1 withholds nothing."""
    terminal: Literal["show", "withhold"] = "show"
    """Whether commands withhold on a terminal, and so in the log of a CI, what the card withholds."""
