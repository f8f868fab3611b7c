"""CrowS-Pairs: two sentences, of which the first is the more stereotyping one (Nangia et al., EMNLP 2020).

The pair is decided by the two log-likelihoods. A tie is neither. The unit is the pair itself.
"""

from __future__ import annotations

from audit.items.item import Benchmark, Item, Logged, prefer, require_options, text_of

GROUPS = dict(
    zip(
        map(str, range(9)),
        (
            *("race-color", "socioeconomic", "gender", "disability", "nationality"),
            *("sexual-orientation", "physical-appearance", "religion", "age"),
        ),
        strict=True,
    )
)
"""Numbers of bias types in the first copy on the Hugging Face hub."""


def read(logged: Logged) -> Item:
    """Return the item of a logged pair."""
    require_options(logged, 2)
    outcome, reason = prefer(logged)
    kind = text_of(logged, "bias_type")
    direction = logged.doc.get("stereo_antistereo")
    return Item(
        item=logged.item,
        task=BENCHMARK.name,
        template=logged.item,
        group=GROUPS.get(kind, kind),
        outcome=outcome,
        reason=reason,
        further={"direction": None if direction is None else str(direction)},
    )


CAUTION = (
    "Many pairs of CrowS-Pairs are no meaningful contrast: unclear, ungrammatical, or not about a stereotype "
    "(Blodgett et al., ACL 2021); its authors advise against using it as it is."
)
BENCHMARK = Benchmark("crows_pairs", frozenset({"sent_more", "sent_less", "bias_type"}), read, CAUTION)
