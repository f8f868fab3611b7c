"""A run that audits compressed models: answers made here, every candidate counted, judged and sized.

Every candidate is one audit of the same rows against the same full model. The result is about one of them, and says of
all what they change, what they cost, and which is the smallest that passes. Must not: open a model, or decide a limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from audit.config.schema import Config, EdgeSection
from audit.config.sections import Predictions
from audit.edge.retraining import Flips, rank_among_seeds
from audit.errors import QuestionError, printable
from audit.estimate import FEWEST_CHANGED, Estimate, Group
from audit.gates.compressed import find_edge_limits, judge_candidate
from audit.gates.judge import Evidence, judge
from audit.gates.verdicts import choose_smallest, combine_verdicts
from audit.measurement.estimates import Estimates
from audit.pipeline.plans import list_prediction_columns
from audit.pipeline.records import remeasure_from
from audit.pipeline.stages import Findings, Step, audit_model, measure_all
from audit.record.edge import Candidate, Edge, GroupFlips, ModelResources
from audit.system.environment import today

if TYPE_CHECKING:
    from audit.tables.table import Table

UNKNOWN = Estimate(stage="model", metric="net_change", status="undefined", reason="not measured")


@dataclass(slots=True)
class _Evaluated:
    """All candidates as they were measured and judged."""

    edge: Edge
    findings: dict[str, Findings] = field(default_factory=dict)


def audit_compressed(table: Table, folder: Path, config: Config, found: Findings, step: Step) -> Config:
    """Audit every candidate, and keep what was found of the one that the result is about.

    Parameters
    ----------
    table
        Predictions, or rows for the models to answer.
    folder
        What the files of models are relative to.
    config
        The question.
    found
        What the stages have found so far; what this one finds is added to it.
    step
        Tells people what goes on.

    Returns
    -------
    Config
        The question about the candidate that the result is about.
    """
    edge = _require_edge(config)
    table.require(list_prediction_columns(config))
    table, resources = _answer(table, folder, edge, step)
    evaluated = _evaluate(table, config, _make_edge(config, edge, resources), step)
    chosen = str(_require_predictions(config).prediction)
    if edge.ship == "smallest" and evaluated.edge.smallest is not None:
        chosen = evaluated.edge.smallest
    own = evaluated.findings[chosen]
    found.data += own.data
    found.cubes += own.cubes
    found.estimates += own.estimates
    found.checks += own.checks
    found.edge = evaluated.edge
    return _about(config, chosen)


def _require_edge(config: Config) -> EdgeSection:
    if config.edge is None:
        raise QuestionError("[edge] is missing; name the candidates and their models there")
    return config.edge


def _require_predictions(config: Config) -> Predictions:
    if config.predictions is None:
        raise QuestionError("[predictions] is missing; name the full model in against and a candidate in prediction")
    return config.predictions


def _list_candidates(config: Config) -> tuple[str, ...]:
    return _require_edge(config).candidates or (str(_require_predictions(config).prediction),)


def _about(config: Config, name: str) -> Config:
    """Return the question about the decisions of one model."""
    asked = _require_predictions(config).model_copy(update={"prediction": name})
    return config.model_copy(update={"predictions": asked})


def _answer(table: Table, folder: Path, edge: EdgeSection, step: Step) -> tuple[Table, dict[str, ModelResources]]:
    """Run the models where their features are named; else describe their files."""
    from audit.edge.resources import Calls, describe_file, run_models

    paths = {name: folder / path for name, path in edge.models.items()}
    if not edge.inputs:
        return table, {name: describe_file(name, path) for name, path in paths.items()}
    taken = next((name for name in paths if name in table.columns), None)
    if taken is not None:
        raise QuestionError(
            f"edge.models: the table has a column '{printable(taken)}' already; give the model's file another name"
        )
    import pyarrow as pa

    from audit.edge.features import read_features
    from audit.tables.table import make_held_table

    with step("Running the models"):
        held = table.to_arrow()
        features = read_features(held, edge.inputs)
        calls = Calls(
            batch=edge.batch,
            threads=edge.threads,
            repetitions=edge.repetitions,
            seconds=edge.seconds,
            cutoff=edge.cutoff,
        )
        answers, resources = run_models(paths, features, calls)
    for name, answer in answers.items():
        held = held.append_column(name, pa.array(answer))
    return make_held_table(table.name, held, table.digest), resources


def _make_edge(config: Config, edge: EdgeSection, resources: Mapping[str, ModelResources]) -> Edge:
    """Return the record of all models, the full one first, before any is judged."""
    from audit.edge.resources import NO_FILE

    full = str(_require_predictions(config).against)
    names = dict.fromkeys((full, *_list_candidates(config), *resources))
    models = tuple(resources.get(name, ModelResources(name=name, reason=NO_FILE)) for name in names)
    made = Edge(full=full, models=models, candidates=(), largest_loss=edge.largest_loss)
    if not edge.inputs:
        return made
    from audit.edge.engine import name_engine, name_processor

    return replace(made, engine=name_engine(), processor=name_processor(), batch=edge.batch, threads=edge.threads)


def _evaluate(table: Table, config: Config, edge: Edge, step: Step) -> _Evaluated:
    """Count and judge every candidate, and find the smallest that passes."""
    asked, evaluated = _require_edge(config), _Evaluated(edge)
    seeds = {name: _count_flips(table, _about(config, name)) for name in asked.seeds}
    _refuse_copies(table, config, seeds)
    candidates = []
    for name in _list_candidates(config):
        with step(f"Auditing {name}"):
            own = evaluated.findings[name] = _measure(table, _about(config, name))
        again = asked.retrained is None or name in asked.retrained
        candidates.append(_judge(_make_candidate(name, own, config, seeds if again else {}), edge, own, config))
    edge = replace(edge, candidates=tuple(candidates))
    smallest, reason = choose_smallest(edge, config.policy.insufficient)
    evaluated.edge = replace(edge, smallest=smallest, smallest_reason=reason)
    return evaluated


def _measure(table: Table, config: Config) -> Findings:
    """Count and measure one candidate."""
    found = Findings()
    audit_model(table, config, found, nullcontext)
    measure_all(found, nullcontext)
    return found


def _count_flips(table: Table, config: Config) -> Flips:
    """Return the right answers that another seed lost and gained."""
    own = _measure(table, config)
    overall = next(_read_flips(own.estimates, ()))
    return Flips(overall.lost, overall.gained)


def _refuse_copies(table: Table, config: Config, seeds: Mapping[str, Flips]) -> None:
    """Refuse seeds of the same answers in every row, which are one seed; few changes may be alike by chance."""
    for first, second in combinations(seeds, 2):
        if seeds[first] != seeds[second] or seeds[first].churn < FEWEST_CHANGED:
            continue
        asked = _require_predictions(config).model_copy(update={"prediction": second, "against": first})
        between = _count_flips(table, config.model_copy(update={"predictions": asked}))
        if not between.churn:
            raise QuestionError(
                f"edge: seeds '{printable(first)}' and '{printable(second)}' give the same answer in every row, as "
                "copies of one file do; name each seed of the full recipe once"
            )


def _make_candidate(name: str, own: Findings, config: Config, seeds: Mapping[str, Flips]) -> Candidate:
    """Return what a candidate changes, with its rank among seeds where there are some."""
    flips = _list_flips(own.estimates, config)
    overall = Flips(flips[0].lost, flips[0].gained)
    return Candidate(
        name=name,
        flips=flips,
        rows=flips[0].n,
        changed=overall.churn,
        net_loss=overall.net_loss,
        retraining=rank_among_seeds(overall, seeds) if seeds else None,
    )


def _list_flips(estimates: Estimates, config: Config) -> tuple[GroupFlips, ...]:
    """Return what changed overall and in every group of every column, p-values corrected for all that are judged."""
    from audit.gates.p_values import correct_flips

    by = ((), *((column,) for column in config.data.groups))
    each = [flips for grouping in by for flips in _read_flips(estimates, grouping)]
    return correct_flips(each, find_edge_limits(config).least_rows)


def follow_flips(edge: Edge, config: Config, estimates: Estimates) -> Edge:
    """Return the record with the changed answers of the judged candidate as they follow from the counts.

    Parameters
    ----------
    edge
        As it is recorded.
    config
        The question, which names the candidate.
    estimates
        What follows from the counts of the predictions.
    """
    name, flips = _require_predictions(config).prediction, _list_flips(estimates, config)
    overall = Flips(flips[0].lost, flips[0].gained)
    candidates = list(edge.candidates)
    for at, told in enumerate(candidates):
        if told.name == name:
            candidates[at] = replace(
                told, flips=flips, rows=flips[0].n, changed=overall.churn, net_loss=overall.net_loss
            )
    return replace(edge, candidates=tuple(candidates))


def _read_flips(estimates: Estimates, by: tuple[str, ...]) -> Iterator[GroupFlips]:
    """Yield what changed in every known group of one grouping, rows that are counted once whatever their weight."""
    for lost in estimates.of("model", "negative_flips", by):
        if lost.compare is not None or lost.group is None or None in lost.group:
            continue
        gained = _find_estimate(estimates, "positive_flips", by, lost.group)
        net = _find_estimate(estimates, "net_change", by, lost.group)
        test = _find_estimate(estimates, "net_change", by, lost.group, "p_value")
        yield GroupFlips(
            by=by,
            group=lost.group,
            n=_read_count(lost.denominator),
            lost=_read_count(lost.numerator),
            gained=_read_count(gained.numerator),
            low=net.low,
            high=net.high,
            p_value=test.value,
        )


def _read_count(counted: float | None) -> int:
    """Return rows; a group without any has no share, and so no numerator."""
    return 0 if counted is None else int(counted)


def _find_estimate(
    estimates: Estimates, metric: str, by: tuple[str, ...], group: Group, compare: str | None = None
) -> Estimate:
    """Return an estimate of a group, or its test; one without a value where there is none."""
    each = estimates.of("model", metric, by)
    return next((e for e in each if (e.group, e.compare) == (group, compare)), UNKNOWN)


def _judge(candidate: Candidate, edge: Edge, own: Findings, config: Config) -> Candidate:
    """Return a candidate with its verdicts."""
    about = _about(config, candidate.name)
    evidence = Evidence(estimates=own.estimates, checks=own.checks, remeasure=remeasure_from(about, own.cubes))
    model_limits = tuple(g for g in judge(about, evidence, today()) if g.name.startswith("model."))
    judged = judge_candidate(candidate, edge, find_edge_limits(config))
    limits = combine_verdicts([g.verdict for g in model_limits])
    verdict = combine_verdicts([limits, *(j.verdict for j in judged)])
    return replace(candidate, limits=limits, verdict=verdict, sentences=tuple(j.sentence for j in judged))
