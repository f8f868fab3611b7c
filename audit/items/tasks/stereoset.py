"""StereoSet, intrasentence: three sentences about a target term (Nadeem, Bethke, Reddy, ACL 2021).

Toward: the stereotype is likelier than the anti-stereotype. Related: of these two, how many are likelier than the
unrelated one; ties are not. The unit is the target term, over which the published scores are means.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from audit.errors import SourceError
from audit.items.item import Benchmark, Item, Logged, prefer, require_options, text_of

LABELS = ("anti-stereotype", "stereotype", "unrelated")
"""In the order of the numbers that the copy on the Hugging Face hub has for them."""
FEW_VOTES = 3


class _Sentence(NamedTuple):
    label: str
    votes: Sequence[str]
    """Labels that the annotators gave; empty where they are not known."""


def read(logged: Logged) -> Item:
    """Return the item of a logged cluster of sentences, in the order of the cluster."""
    require_options(logged, 3)
    sentences = list(_read_sentences(logged))
    at = {sentence.label: i for i, sentence in enumerate(sentences)}
    if set(at) != set(LABELS) or len(sentences) != len(LABELS):
        raise SourceError(
            f"{logged.where}: the sentences are not one stereotype, one anti-stereotype and one unrelated"
        )
    outcome, reason = prefer(logged, at["stereotype"], at["anti-stereotype"])
    pair = [logged.likelihoods[at[label]] for label in LABELS[:2]]
    unrelated = logged.likelihoods[at["unrelated"]]
    if reason is None and math.isnan(unrelated):
        outcome, reason = "neither", "unreadable"
    known = [sentence for sentence in sentences if sentence.label != "unrelated" and sentence.votes]
    return Item(
        item=logged.item,
        task=BENCHMARK.name,
        template=text_of(logged, "target"),
        group=text_of(logged, "bias_type"),
        outcome=outcome,
        reason=reason,
        related=0 if reason else sum(x > unrelated for x in pair),
        votes=(sum(s.votes.count(s.label) <= FEW_VOTES for s in known), len(known)) if known else None,
    )


def _read_sentences(logged: Logged) -> Sequence[_Sentence]:
    """Return sentences from a list of them (the authors' file), or from lists of their fields (the hub's copy)."""
    found = logged.doc.get("sentences")
    if isinstance(found, Mapping):
        gold = list(found.get("gold_label") or ())
        rows = zip(gold, found.get("labels") or [None] * len(gold), strict=False)
        return [_Sentence(_name_label(label, logged), _read_votes(votes, logged)) for label, votes in rows]
    if isinstance(found, Sequence) and all(isinstance(s, Mapping) for s in found):
        return [
            _Sentence(_name_label(s.get("gold_label"), logged), _read_votes(s.get("labels"), logged)) for s in found
        ]
    raise SourceError(f"{logged.where}: the item has no sentences")


def _name_label(label: Any, logged: Logged) -> str:
    if isinstance(label, int) and not isinstance(label, bool) and 0 <= label < len(LABELS):
        return LABELS[label]
    if label in {*LABELS, "related"}:
        return str(label)
    raise SourceError(f"{logged.where}: a sentence has no label that StereoSet knows (gold_label)")


def _read_votes(votes: Any, logged: Logged) -> list[str]:
    """Return labels by annotator; none where they are not there."""
    if isinstance(votes, Mapping):
        votes = [{"label": label} for label in votes.get("label", ())]
    if not isinstance(votes, Sequence) or isinstance(votes, str):
        return []
    given = [vote.get("label") if isinstance(vote, Mapping) else vote for vote in votes]
    # The hub's copy numbers the annotators' labels as it does gold labels, and has 3 for "related".
    return [("related" if label == len(LABELS) else _name_label(label, logged)) for label in given]


CAUTION = (
    "Many pairs of StereoSet are no meaningful contrast: unclear, ungrammatical, or not about a stereotype "
    "(Blodgett et al., ACL 2021)."
)
BENCHMARK = Benchmark("stereoset", frozenset({"target", "bias_type", "sentences"}), read, CAUTION)
