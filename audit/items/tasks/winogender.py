"""Winogender: whom a pronoun refers to, asked with each pronoun (Rudinger et al., NAACL 2018).

Toward: the occupation is chosen, away: the other participant. No answer is the stereotype by itself; the share toward
is compared between genders, on the same sentences. The unit is the sentence without its pronoun.
"""

from __future__ import annotations

from audit.errors import SourceError
from audit.items.answers import find_choice
from audit.items.item import Benchmark, Item, Logged, NoChoiceError, Outcome, Reason, choose, require_options, text_of


def read(logged: Logged) -> Item:
    """Return the item of a logged sentence."""
    options = (text_of(logged, "occupation"), text_of(logged, "participant"))
    chosen, reason = _find_chosen(logged, options)
    outcome: Outcome = "neither"
    if chosen is not None:
        outcome = "toward" if chosen == 0 else "away"
    target = text_of(logged, "target")
    if target not in options:
        raise SourceError(f"{logged.where}: the target is neither the occupation nor the participant")
    return Item(
        item=logged.item,
        task=BENCHMARK.name,
        template=f"{options[0]}, {options[1]}: {target}",
        group=text_of(logged, "gender"),
        outcome=outcome,
        reason=reason,
        correct=chosen == options.index(target),
        further={"occupation": options[0]},
    )


def _find_chosen(logged: Logged, options: tuple[str, str]) -> tuple[int | None, Reason | None]:
    try:
        if not logged.likelihoods:
            return find_choice(logged.text or "", options, letters=logged.choices), None
        require_options(logged, 2)
        return choose(logged.likelihoods), None
    except NoChoiceError as error:
        return None, error.reason


BENCHMARK = Benchmark("winogender", frozenset({"occupation", "participant", "pronoun", "gender", "target"}), read)
