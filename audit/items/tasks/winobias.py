"""WinoBias: one sentence with the pronoun of the stereotype and with the other one (Zhao et al., NAACL 2018).

Toward: the pro-stereotyped sentence is likelier. The unit is the two occupations, which several sentences share.
"""

from __future__ import annotations

from audit.items.item import Benchmark, Item, Logged, prefer, require_options, text_of


def read(logged: Logged) -> Item:
    """Return the item of a logged pair of sentences."""
    require_options(logged, 2)
    outcome, reason = prefer(logged)
    people = sorted((text_of(logged, "occupation"), text_of(logged, "other_occupation")))
    return Item(
        item=logged.item,
        task=BENCHMARK.name,
        template=", ".join(people),
        group=text_of(logged, "gender"),
        outcome=outcome,
        reason=reason,
        condition=text_of(logged, "type"),
        further={"occupation": text_of(logged, "occupation")},
    )


FIELDS = frozenset({"pro_stereotyped", "anti_stereotyped", "occupation", "other_occupation", "gender", "type"})
BENCHMARK = Benchmark("winobias", FIELDS, read)
