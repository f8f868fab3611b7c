"""What may be published of a result: the same document without small counts and without what gives them away.

An estimate that is withheld keeps its place with status ``suppressed`` and a reason. A gate keeps its limit, and its
verdict unless that would tell what a check found of hidden labels (``withheld``); where its numbers rest on a group
that is withheld, the sentence says so instead of naming them. The cubes are withheld whole, but for confusion tables of
several classes in which nothing is small. Protected are counts, against whoever solves for them with all that is
published here and knows how it is chosen what is hidden; not against somebody who knows members of a group, nor against
two documents about overlapping rows.

Must not: change a number that stays, or decide a verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import cache
from itertools import chain, repeat

from audit.axes import CubeKind, crossings
from audit.checks.code import tells_labels
from audit.config.sections import SMALLEST_PUBLISHED
from audit.errors import QuestionError
from audit.estimate import Estimate, Stage
from audit.gates import four_fifths
from audit.gates.words.wording import Wording, read_wording
from audit.measurement.estimates import Estimates
from audit.measurement.find import Beside
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.measurement.metrics.kinds import OF_PAIRS, Criterion, Family, Metric, at_k, split_comparison
from audit.record.cubes import PREDICTIONS, TRAIN, Axis, CubeRecord
from audit.record.edge import EDGE
from audit.record.epochs import Epoch, choose_epochs, list_groups, measure_rates
from audit.record.result import AuditResult, CarbonPerUnit, Check, Energy, Gate, GateVerdict, Verdict
from audit.report.card.words import LEFT_OUT
from audit.report.disclosure.gates import (
    drop_findings,
    drop_names,
    drop_numbers,
    drop_places,
    find_deciding_groups,
    hide_counts,
    put_baseline_back,
    repeat_checks,
    rests_on_shown_groups,
    say_again,
    set_baseline_aside,
)
from audit.report.disclosure.hide import NOBODY, Spared, find_hidden, find_hidden_pairs
from audit.report.disclosure.searches import Searches
from audit.report.disclosure.small_cells import (
    EVERYBODY,
    FAMILIES,
    By,
    Counts,
    Key,
    families_within,
    find_classes,
    find_small_in_kind,
    group_counts,
    list_cells,
    make_law,
    pair_counts,
    split_into_bands,
)
from audit.report.disclosure.steady import is_steady

K = SMALLEST_PUBLISHED
"""Smallest count that is published by default."""
NEEDS: Mapping[GateVerdict, float] = {"fail": 4.0, "waived": 4.0, "insufficient": 2.0, "undefined": 2.0}
"""How much a limit needs the numbers of its groups, beside 1 where it passes: who reads FAIL asks who against whom."""
PARTS: Mapping[Stage, str] = {"data": TRAIN, "model": PREDICTIONS}
"""Part of the data that the counts of a stage come from."""
CONFUSIONS = "confusion: "
"""Begins the name of a published confusion table."""
TELL_LABELS = ("DB003", "DB004", "DB007")
"""Checks whose sentences say how often groups have a label."""
TELL_CROSSED = ("DB006",)
"""Checks whose sentences do so of crossings too."""
TELL_ALIKE = ("DP002",)
"""Checks whose sentences name groups in which everybody has one label."""
TELL_PREDICTIONS = ("DV011",)
"""Checks whose sentences say how many rows have a prediction."""
TOLD_AT_K = ("DL001", "DP001", "DP002")
"""Checks whose sentences name no count under `K`, but may name one under a larger k."""
UNTOLD = (
    "withheld here, because the result would reveal labels of groups whose labels are withheld to protect groups under "
    "{k}; the internal report has it"
)
MOST_TABLED = 8
"""Classes of a confusion table that is published; a larger one is for the record alone."""
OF_ALL = frozenset(
    {
        "lowest",
        "highest",
        "largest",
        "noise_floor",
        "noise_corrected_difference",
        "between_group_variance",
        "between_groups",
        "to_population",
        "p_value",
    }
)
"""Comparisons that rest on every group, not only on the pair that they name."""


class _Suppression:
    """What is hidden in one stage."""

    def __init__(
        self,
        records: Sequence[CubeRecord],
        estimates: Sequence[Estimate],
        k: int,
        further: Sequence[CubeRecord] = (),
        spared: Spared = NOBODY,
        *,
        total_known: bool = False,
        searches: Searches | None = None,
    ) -> None:
        self.k, self.searches = k, searches or Searches()
        by_kind: dict[CubeKind | None, list[CubeRecord]] = {}
        for record in further:
            by_kind.setdefault(record.kind, []).append(record)
        self.classes = find_classes(records)
        # The same for whoever is hidden: which of them is small is what must not be told.
        self.why = f"to protect groups under {k}"
        bands = split_into_bands(by_kind.get(CubeKind.PLACES, []))
        self.bands = tuple(_Suppression(band, estimates, k, total_known=True, searches=searches) for band in bands)
        """One shield a band of places: what is said of the first places speaks of every band among them."""
        self.counts: Counts = group_counts(records, dict.fromkeys(e.by for e in estimates))
        self.hidden: dict[Family | CubeKind, AbstractSet[Key]] = {}
        self.law = make_law(self.counts, k)
        found = find_hidden(self.counts, k, spared, total_known=total_known, searches=self.searches)
        self.hidden |= {family: keys for family, keys in found.items()}  # noqa: C416 - a narrower dict is no other type
        for family, gone in self._find_hidden_pairs(by_kind.get(CubeKind.PAIRS, []), spared).items():
            self.hidden[family] = gone
        for kind, bys in _groupings_by_kind(estimates).items():
            small = find_small_in_kind(by_kind.get(kind, []), bys, k)
            self.hidden[kind] = {*self.hidden["confusion"], *small}
        if k > 1:
            # With them shown, a total less its parts would give away what is hidden among these.
            missing = {(by, g) for by, groups in self.counts.items() if len(by) > 1 for g in groups if None in g}
            self.hidden = {family: {*keys, *missing} for family, keys in self.hidden.items()}
        self.rates = {
            (e.metric, e.by, e.group, e.outcome): e for e in estimates if e.compare is None and e.reference is None
        }
        self.touched = {f: {by for by, group in keys if None not in group} for f, keys in self.hidden.items()}

    def _find_hidden_pairs(self, records: Sequence[CubeRecord], spared: Spared) -> Mapping[Family, AbstractSet[Key]]:
        """Who is hidden of two decisions about the same rows; everybody where the cubes do not fit the crossings."""
        if not records:
            return {}
        counts = pair_counts(records, self.counts)
        if counts is None:
            everybody = {(by, group) for by, groups in self.counts.items() for group in groups}
            return dict.fromkeys(OF_PAIRS, everybody)
        gone = {family: self.hidden[family] for family in FAMILIES}
        return find_hidden_pairs(counts, self.k, gone, spared, self.searches)

    def suppress(self, estimate: Estimate) -> Estimate:
        """The estimate, or its empty place."""
        reason = self._reason_for_hiding(estimate)
        if reason is None:
            return estimate
        alone = estimate.compare is None and estimate.reference is None
        rows_shown = alone and (estimate.by, estimate.group or ()) not in self.hidden["rows"]
        return Estimate(
            stage=estimate.stage,
            metric=estimate.metric,
            compare=estimate.compare,
            by=estimate.by,
            group=estimate.group,
            # Who has the highest rate says something of those who are withheld.
            reference=None
            if (estimate.by, estimate.reference) in self.hidden[self._counts_behind(estimate.metric)]
            else estimate.reference,
            n=estimate.n if rows_shown and estimate.by in self.counts else None,
            outcome=estimate.outcome if estimate.of_one_class else None,
            status="suppressed",
            reason=reason,
        )

    def _reason_for_hiding(self, estimate: Estimate) -> str | None:
        """Why an estimate is withheld; None where it is not."""
        if estimate.by not in self.counts:
            return "the counts behind it are not in the record"
        if at_k(estimate.metric) is not None:
            reasons = (band._reason_by_counts(estimate) for band in (self, *self.bands))  # noqa: SLF001 - its own kind
            return next((r for r in reasons if r is not None), None)
        return self._reason_by_counts(estimate)

    def _reason_by_counts(self, estimate: Estimate) -> str | None:
        """Why it is withheld for the counts of this shield alone."""
        family = self._counts_behind(estimate.metric)
        if estimate.compare is None and estimate.reference is None:
            if (estimate.by, estimate.group or ()) not in self.hidden[family]:
                return None
            return self.why
        if self._names_hidden(estimate, family):
            return "it would reveal a withheld group"
        return None

    def _counts_behind(self, metric: str) -> Family | CubeKind:
        """Return the counts that a metric gives away; all of label and prediction where nothing else was told of."""
        given_away = _given_away(metric)
        return given_away if given_away in self.hidden else "confusion"

    def _names_hidden(self, estimate: Estimate, family: Family | CubeKind) -> bool:
        """Whether a comparison rests on a hidden group, or may: extremes and reasons speak of all groups."""
        gone = self.hidden[family]
        everybody = split_comparison(estimate.compare)[1] is not None
        if everybody and estimate.by in self.touched[family] and not self._everybody_is_known(estimate.by, family):
            return True
        over_all = estimate.group is None and (
            estimate.value is None or everybody or estimate.compare in OF_ALL or _is_mean(estimate.metric)
        )
        if over_all and not estimate.by and estimate.compare is not None:
            return any(self.touched[family])  # the largest of all crossings speaks of every one of them
        if over_all:
            return estimate.by in self.touched[family]
        if estimate.group is None and estimate.by in self.touched[family] and self._tells(estimate, family):
            return True
        named = (estimate.group, estimate.reference, *chain.from_iterable(estimate.pairs))
        return not gone.isdisjoint(zip(repeat(estimate.by), named))

    def _tells(self, estimate: Estimate, family: Family | CubeKind) -> bool:
        """Whether a comparison of all groups could tell a hidden count that lies between those it names."""
        metric = CATALOGUE.find(estimate.metric)
        if isinstance(metric, Metric) and isinstance(metric.gives_away, CubeKind):
            return False  # of scores, which give no count away by themselves
        if family in OF_PAIRS:
            return True  # the counts of two decisions are not varied together
        told: Family = "confusion" if isinstance(family, CubeKind) else family
        hidden = {f: self.hidden[f] for f in FAMILIES}
        return not is_steady(estimate, told, self.counts[estimate.by], hidden, self.law, self.searches)

    def _everybody_is_known(self, by: By, family: Family | CubeKind) -> bool:
        """Whether the total over the groups, rows without one excluded, is published anyway."""
        if EVERYBODY[0] not in self.counts or EVERYBODY in self.hidden[family]:
            return False
        return not any(None in group and any(four) for group, four in self.counts[by].items())

    def confusions(self) -> tuple[CubeRecord, ...]:
        """Confusion tables of several classes, a cube a grouping; none at all where one of their counts is small.

        With some tables of some groups more cells would follow than the counts of single classes tell.
        """
        small = any(0 < n < self.k for n in chain.from_iterable(list_cells(self.counts)))
        many = small or len(self.classes) > MOST_TABLED
        if len(self.classes) < 3 or many or self.touched["confusion"]:
            return ()
        return tuple(self._confusion(by) for by in self.counts)

    def _confusion(self, by: tuple[str, ...]) -> CubeRecord:
        groups, width = self.counts[by], len(self.classes)
        levels = [tuple(dict.fromkeys(group[i] for group in groups)) for i in range(len(by))]
        outcomes = tuple(Axis(name=name, levels=self.classes) for name in ("label", "prediction"))
        filled: dict[tuple[int, ...], int] = {}
        for group, counts in groups.items():
            own = [levels[i].index(level) for i, level in enumerate(group)]
            filled |= {(*own, *divmod(at, width)): n for at, n in enumerate(counts) if n}
        axes = (*(Axis(name=name, levels=found) for name, found in zip(by, levels, strict=True)), *outcomes)
        measures = {"n": tuple(float(n) for n in filled.values())}
        return CubeRecord(name=CONFUSIONS + " x ".join(by), axes=axes, cells=tuple(filled), measures=measures)


def _is_mean(metric: str) -> bool:
    """Whether a metric is the mean of several gaps, whose limits speak of more groups than it names."""
    entry = CATALOGUE.find(metric)
    return isinstance(entry, Criterion) and entry.aggregate == "mean"


def _groupings_by_kind(estimates: Sequence[Estimate]) -> dict[CubeKind, dict[By, None]]:
    """Return by which groupings estimates tell of each kind of cube beside the crossings."""
    given_away = {metric: _given_away(metric) for metric in dict.fromkeys(e.metric for e in estimates)}
    found: dict[CubeKind, dict[By, None]] = {}
    for estimate in estimates:
        kind = given_away[estimate.metric]
        if isinstance(kind, CubeKind):
            found.setdefault(kind, {})[estimate.by] = None
    return found


@cache
def _given_away(metric: str) -> Family | CubeKind:
    """Counts that a metric gives away; what the catalogue does not know gives away all."""
    entry = CATALOGUE.find(metric)
    return "confusion" if entry is None else entry.gives_away


def find_k(result: AuditResult) -> int:
    """Smallest count that the question of a result lets be published."""
    return int((result.question.config.get("publish") or {}).get("k", K))


def publishable(result: AuditResult, k: int | None = None, searches: Searches | None = None) -> AuditResult:
    """The result without what must not be published.

    Parameters
    ----------
    result
        The private record, with its cubes.
    k
        Smallest count that is published; 1 publishes all. That of the question where none is named.
    searches
        What earlier searches for what to hide came to; what is not among it is searched for.

    Raises
    ------
    QuestionError
        When ``k`` is not at least 1.
    """
    k = find_k(result) if k is None else k
    if type(k) is not int or k < 1:
        raise QuestionError(f"k must be a whole number of at least 1, not {k!r}; 1 withholds nothing")
    judged, result = result.gates, drop_places(result)
    result = replace(result, gates=tuple(map(set_baseline_aside, result.gates)))
    searches = searches or Searches()
    shields = {stage: _shield(result, stage, k, searches) for stage in PARTS}
    estimates = Estimates.listed([shields[e.stage].suppress(e) if e.stage in shields else e for e in result.estimates])
    wording, around = read_wording(result.question.config), (Beside(result.estimates), Beside(estimates))
    gates = tuple(_suppress_gate(gate, shields, around, k, wording) for gate in result.gates)
    checks = tuple(_checks(result.checks, estimates, shields, k))
    gates = tuple(hide_counts(repeat_checks(gate, result.checks, checks), result, k) for gate in gates)
    untold = [check for check in checks if check.detail == UNTOLD.format(k=k)]
    run, gates = drop_names(result.run, [drop_findings(gate, checks, untold, k) for gate in gates])
    if result.edge is not None:
        result, gates = _suppress_edge(result, gates, estimates, k)
    if result.baseline is not None:
        pairs = zip(gates, judged, strict=True)
        gates = tuple(put_baseline_back(shown, gate, result.baseline) for shown, gate in pairs)
        # Which limits there were tells nothing that the baseline's own card does not.
        bare = (replace(g, value=None, low=None, high=None, rates=(), findings=None) for g in result.baseline.gates)
        result = replace(result, baseline=replace(result.baseline, gates=tuple(bare), digest="", source=""))
    return replace(
        result,
        run=run,
        verdict=_verdict(result.verdict, gates),
        estimates=estimates,
        checks=checks,
        gates=gates,
        cubes=shields["model"].confusions(),
        epochs=tuple(_epochs(result, k, searches)),
        energy=_suppress_energy(result.energy, estimates),
    )


def _suppress_edge(
    result: AuditResult, gates: Sequence[Gate], shown: Estimates, k: int
) -> tuple[AuditResult, tuple[Gate, ...]]:
    """Return the result without small counts of changed answers, and gates that give only numbers that are shown."""
    from audit.report.disclosure.compressed import hide_flips, hide_numbers

    kept = tuple(hide_numbers(gate, result, shown, k) if gate.name.startswith(EDGE) else gate for gate in gates)
    return replace(result, edge=hide_flips(result, shown, k)), kept


def _verdict(verdict: Verdict, gates: Sequence[Gate]) -> Verdict:
    """Verdict of the whole; a withheld one of a gate would follow from it, unless another gate fails anyway."""
    found = {gate.verdict for gate in gates}
    if "withheld" in found and "fail" not in found and verdict != "incomplete":
        return "withheld"
    return verdict


def _epochs(result: AuditResult, k: int, searches: Searches) -> Iterator[Epoch]:
    """Epochs without their counts; those that are drawn have their rates instead, small cells withheld.

    Groups are hidden as if all crossings of the question were shown, because those of the predictions are.
    """
    asked = result.question.config
    order = int(asked.get("data", {}).get("intersections", 1))
    confidence = float(asked.get("policy", {}).get("confidence", 0.95))
    spared = _find_named_groups(result.gates)
    drawn = {id(epoch) for epoch in choose_epochs(result.epochs)}
    for epoch in result.epochs:
        rates: tuple[Estimate, ...] = ()
        if epoch.counts is not None and id(epoch) in drawn:
            bys = crossings(list_groups(epoch), max(order, 1))
            asked_for = [Estimate(stage="model", metric="", by=by) for by in bys]
            shield = _Suppression([epoch.counts], asked_for, k, spared=spared, searches=searches)
            rates = tuple(shield.suppress(e) for e in measure_rates(epoch, confidence))
        yield replace(epoch, counts=None, rates=rates or epoch.rates)


def _checks(
    checks: Sequence[Check], shown: Sequence[Estimate], shields: Mapping[Stage, _Suppression], k: int
) -> Iterator[Check]:
    """Checks without the numbers of groups that are withheld; the outcome stays where it tells no labels of theirs."""
    gone = {e.by for e in shown if e.status == "suppressed" and len(e.by) == 1 and four_fifths.rests_on(e)}
    bare = set(_bare_codes(shields, k))
    untold = _find_untold(shields)
    why = f"withheld here, because the numbers would reveal counts under {k}; the internal report has them"
    for check in checks:
        # A check of an older document names no columns, and may be about any.
        hidden_rule = check.code == four_fifths.CODE and bool(gone) and check.columns in {(), *gone}
        names_alike = check.code in TELL_ALIKE and check.outcome == "warn" and k > 1
        tells = check.code in bare and check.outcome != "not applicable"  # which says why, and no number
        if tells_labels(check, untold) and check.outcome != "not applicable":
            said = UNTOLD.format(k=k)
            yield replace(
                check, outcome="withheld", title=check.heading, plain_title="", detail=said, reason="", mend=""
            )
        elif hidden_rule or names_alike or tells:
            title = check.plain_title or (check.heading if hidden_rule else check.title)
            yield replace(check, title=title, plain_title="", detail=why, reason="")
        else:
            yield check


def _bare_codes(shields: Mapping[Stage, _Suppression], k: int) -> Iterator[str]:
    """Codes of checks whose sentences tell what is hidden."""
    if k > K:
        yield from TOLD_AT_K
    if any(len(by) < 2 for by in shields["data"].touched["labels"]):
        yield from TELL_LABELS
    if shields["data"].touched["labels"]:
        yield from TELL_CROSSED
    if EVERYBODY in shields["model"].hidden["selection"]:
        yield from TELL_PREDICTIONS


def _find_untold(shields: Mapping[Stage, _Suppression]) -> frozenset[By]:
    """Groupings with hidden labels, of which no outcome may tell whether all of a group have one label.

    Those of all parts, because these may be the same people.
    """
    return frozenset(by for shield in shields.values() for by in shield.touched["labels"] if by)


def _shield(result: AuditResult, stage: Stage, k: int, searches: Searches) -> _Suppression:
    of_part = [c for c in result.cubes if c.part == PARTS[stage]]
    records = [c for c in of_part if c.kind is CubeKind.CROSSINGS]
    estimates = [e for e in result.estimates if e.stage == stage]
    spared = _find_named_groups(result.gates)
    return _Suppression(records, estimates, k, of_part, spared=spared, searches=searches)


def _find_named_groups(gates: Sequence[Gate]) -> Spared:
    """Groups whose numbers a limit is about: the pair that decides a gate, by the families that its metric rests on.

    Those of all stages, which may be of the same people: where one page hid another group than the other does, they
    could be subtracted. Not the largest group, with which others are compared: which of two it is may depend on a count
    that is hidden. Verdicts, which say how much a limit needs its numbers, are published in any case.
    """
    found: dict[Family, dict[Key, float]] = {family: {} for family in (*FAMILIES, *OF_PAIRS)}
    for gate in gates:
        estimate = gate.estimate
        if estimate is None or estimate.stage not in PARTS:
            continue
        for family in families_within(_given_away(estimate.metric)):
            for group in find_deciding_groups(gate):
                key, need = (estimate.by, group), NEEDS.get(gate.verdict, 1.0)
                found[family][key] = max(need, found[family].get(key, 0.0))
    return found


def _suppress_gate(
    gate: Gate, shields: Mapping[Stage, _Suppression], around: tuple[Beside, Beside], k: int, wording: Wording
) -> Gate:
    estimate = gate.estimate
    if gate.name.startswith(EDGE):
        return gate  # its sentence is its own, and is gone over by itself
    # An estimate that the run did not make stands in no grouping and has nothing to hide.
    if estimate is None or estimate.stage not in shields or estimate.by not in shields[estimate.stage].counts:
        return gate
    shown = shields[estimate.stage].suppress(estimate)
    if rests_on_shown_groups(gate, estimate, around[1]):
        return gate
    if shown is estimate and not gate.excluded:
        return say_again(gate, estimate, *around, wording)
    return drop_numbers(gate, estimate, shown, around[1], k, wording)


# Carbon of a correct prediction, withheld wherever the accuracy is: one gives the other away.
def _suppress_energy(energy: Energy | None, shown: Estimates) -> Energy | None:
    """Energy without the carbon of a correct prediction of a group whose accuracy is withheld: it gives that away."""
    if energy is None or not energy.sci:
        return energy
    known = {row.by: shown.of("model", "accuracy", row.by) for row in energy.sci if row.by}
    return replace(energy, sci=tuple(_unit(row, known.get(row.by, ())) for row in energy.sci))


def _unit(row: CarbonPerUnit, accuracies: Sequence[Estimate]) -> CarbonPerUnit:
    if row.group is None:
        return row
    plain = (e for e in accuracies if e.group == row.group and (e.compare, e.reference, e.outcome) == (None,) * 3)
    accuracy = next(plain, None)
    if accuracy is not None and accuracy.status != "suppressed":
        return row
    why = accuracy.reason if accuracy is not None else "its accuracy is not in the record"
    return CarbonPerUnit(kind=row.kind, unit=row.unit, by=row.by, group=row.group, reason=f"{LEFT_OUT}: {why}")
