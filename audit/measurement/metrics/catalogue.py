"""The catalogue of everything that can be measured, gathered from the modules that define it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Literal

from audit.errors import QuestionError, no_such, printable
from audit.estimate import WORST_CLASS, Figure
from audit.measurement import metrics
from audit.measurement.metrics.kinds import AT_K, OF_PAIRS, Metric, at_k, split_comparison
from audit.measurement.metrics.other_names import ABBREVIATIONS, OtherName

PRINTED = (
    "dataset",
    "rates",
    "confusion",
    "benefits",
    "scores",
    "neighbours",
    "pairs",
    "regression",
    "multiclass",
    "ranking",
    "adverse",
    "criteria",
)
"""Files in the order in which their records are printed; of any other file they come last."""


OFTEN = ("dataset", "rates", "confusion", "benefits", "adverse", "criteria")
"""Files that every audit of two classes needs; those of scores and of other tasks wait until a name is looked for."""
OF_DATA_TOO = ("base_rate", f"{WORST_CLASS}base_rate")
"""Metrics of the model that are measured of rows before training as well."""


CHANGE, NET_CHANGE = "_change", "net_change"
"""How the change of a rate between two decisions is named, and that of accuracy."""
OF_ACCURACY = ("accuracy", "error_rate")
"""Rates whose change is the net loss of accuracy, or its opposite."""
PEOPLE = frozenset({"Atkinson", "Brier", "Euclidean", "Matthews", "Theil", "Wasserstein"})
"""First words of titles that keep their capital letter within a sentence."""


def lower_title(title: str) -> str:
    """Return a title inside a sentence; names of people, initials and what has a digit keep their capitals.

    >>> lower_title("True positive rate"), lower_title("Brier score"), lower_title("F1"), lower_title("ROC AUC")
    ('true positive rate', 'Brier score', 'F1', 'ROC AUC')
    """
    first = title.split(" ", maxsplit=1)[0]
    named = first in PEOPLE or any(c.isupper() or c.isdigit() for c in first[1:])
    return title if named else f"{title[:1].lower()}{title[1:]}"


def _find_every_metric() -> Iterator[Metric]:
    """Return the records of every file beside this one that has some, in the order in which they are printed."""
    others = sorted(found.name for found in iter_modules(metrics.__path__) if found.name not in PRINTED)
    return _find_metrics((*PRINTED, *(name for name in others if name != __name__.rpartition(".")[2])))


def _by_name(entries: Iterable[Metric]) -> dict[str, Metric]:
    """Return records by name; one that stands twice, or has no source, is refused."""
    found: dict[str, Metric] = {}
    for entry in entries:
        if entry.name in found:
            raise QuestionError(f"metric '{entry.name}' is in the catalogue twice")
        if not entry.source:
            raise QuestionError(f"metric '{entry.name}' has no source")
        found[entry.name] = entry
    return found


class Catalogue(Mapping[str, Metric]):
    """All metrics by name; immutable. A name that stands twice, or has no source, is refused.

    A record whose name ends in _at_k answers to that name with any whole number in the place of k.

    Parameters
    ----------
    entries
        Records that nearly every audit needs.
    every
        Gives all records in order; it is asked once, when a name is looked for that is not among the first.
    """

    def __init__(self, entries: Iterable[Metric], every: Callable[[], Iterable[Metric]] | None = None) -> None:
        self._entries, self._every = _by_name(entries), every

    def __getitem__(self, name: str) -> Metric:
        if name in self._entries:
            return self._entries[name]
        every, found = self._all(), AT_K.fullmatch(name)
        if name in every:
            return every[name]
        if found is None or f"{found[1]}k" not in every:
            raise QuestionError(no_such("metric", name, every))
        entry = every[f"{found[1]}k"]
        return replace(entry, name=name, title=re.sub(r"\bk$", found[2], entry.title))

    def find(self, name: str) -> Metric | None:
        """Return the record of a name; None where the catalogue has none, as of a user's own metric."""
        if (known := self._entries.get(name)) is not None:
            return known
        if name not in self:
            return None
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __contains__(self, name: object) -> bool:
        if name in self._entries:
            return True
        found = AT_K.fullmatch(name) if isinstance(name, str) else None
        return name in self._all() or (found is not None and f"{found[1]}k" in self._all())

    def _all(self) -> dict[str, Metric]:
        """Return every record, in order."""
        if self._every is not None:
            self._entries, self._every = _by_name(self._every()), None
        return self._entries

    def among(self, names: Collection[str]) -> list[Metric]:
        """Return records of those names that are known, in the catalogue's order; those of the first k places by k."""
        entries = self._entries if self._entries.keys() >= set(names) else self._all()
        numbered = sorted([n for n in names if at_k(n) is not None], key=lambda n: at_k(n) or 0)
        if not numbered:
            return [entry for name, entry in entries.items() if name in names]
        found = []
        for name, entry in entries.items():
            own = [n for n in numbered if name.endswith("_at_k") and n.startswith(name[:-1])]
            found += [entry] if name in names else [self[n] for n in own]
        return found


def _find_metrics(names: Iterable[str]) -> Iterator[Metric]:
    """Yield the records of some files."""
    for name in names:
        yield from getattr(import_module(f"{metrics.__name__}.{name}"), "METRICS", ())


CATALOGUE = Catalogue(_find_metrics(OFTEN), _find_every_metric)


def compares_decisions(name: str) -> bool:
    """Return whether a metric is one of two decisions about the same rows."""
    entry = CATALOGUE.find(name)
    return entry is not None and entry.gives_away in OF_PAIRS


def is_of_stage(name: str, stage: str) -> bool:
    """Return whether a metric is one of a stage."""
    return name in CATALOGUE and (CATALOGUE[name].stage == stage or (stage == "data" and name in OF_DATA_TOO))


def metric_names(stage: Literal["data", "model"]) -> tuple[str, ...]:
    """Return the names of all metrics of a stage."""
    own = tuple(m.name for m in CATALOGUE.values() if m.stage == stage)
    return (*OF_DATA_TOO, *own) if stage == "data" else own


def figure_of(metric: str, compare: str | None = None) -> Figure:
    """Return how a metric, or a comparison of it, is written for people; one of a user's own is a score.

    >>> figure_of("selection_rate"), figure_of("selection_rate", "difference_to_rest"), figure_of("mean_error", "ratio")
    ('share', 'points', 'ratio')
    """
    entry = CATALOGUE.find(metric)
    own: Figure = "score" if entry is None else entry.figure
    kind = split_comparison(compare)[0]
    if kind in {"p_value", "corrected"}:
        return "p"
    if kind == "ratio":
        return "ratio"
    if kind == "between_group_variance":
        return "score"
    apart = kind in {"difference", "noise_floor", "noise_corrected_difference"}
    return "points" if apart and own == "share" else own


def no_such_metric(name: object, known: Iterable[str]) -> str:
    """Return the sentence for a metric that does not exist, with the one that an abbreviation or a slip means."""
    every, asked = tuple(known), str(name).strip().lower()
    if asked.endswith(CHANGE) and asked not in every:
        return _explain_change(name, asked.removesuffix(CHANGE), every)
    meant = ABBREVIATIONS.get(asked)
    if meant is None:
        return no_such("metric", name, every)
    return f"no metric '{printable(name)}'; did you mean {' or '.join(map(repr, meant))}?"


def _explain_change(name: object, of: str, known: Sequence[str]) -> str:
    """Return how the change of a rate between two decisions is called, or which changes are measured."""
    rates = ABBREVIATIONS.get(of, (of, of.removesuffix("_score")))
    measured = [metric for metric in known if metric.endswith(CHANGE)]
    if not measured or not any(rate in known for rate in (*rates, f"{of}_score")):
        return no_such("metric", name, known)
    called = {*(f"{rate}{CHANGE}" for rate in rates), *(NET_CHANGE for rate in rates if rate in OF_ACCURACY)}
    if found := sorted(called & set(measured)):
        return f"no metric '{printable(name)}'; did you mean {' or '.join(map(repr, found))}?"
    return (
        f"no metric '{printable(name)}': the change of {printable(of)} between two decisions is not measured; "
        f"measured: {', '.join(measured)}"
    )


def describe_metric(metric: Metric) -> dict[str, Any]:
    """Return the row of the catalogue as plain values."""
    return {
        "name": metric.name,
        "title": metric.title,
        "stage": metric.stage,
        "formula": metric.formula,
        "needs": list(metric.needs),
        "range": list(metric.range),
        "ideal": metric.ideal,
        "source": metric.source,
        "caveat": metric.caveat,
    }


def describe_other_name(other: OtherName) -> dict[str, Any]:
    """Return another library's name as plain values: the row of its metric, and what it asks of it."""
    return describe_metric(CATALOGUE[other.metric]) | {
        "name": other.name,
        "title": f"Other name for {other.meaning}",
        "source": other.source,
        "metric": other.metric,
        "compare": other.compare,
    }
