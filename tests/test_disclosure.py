from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
import sample_results as samples

import audit
from audit.errors import QuestionError
from audit.publish.cells import FAMILIES, NOBODY, family_cells, hidden, safe
from audit.publish.disclosure import publishable
from audit.sentences import number

K = 10


def by_group(result, metric, by, compare=None):
    return {
        e.group: e
        for e in result.estimates
        if e.metric == metric and e.by == by and e.compare == compare and e.stage == "model"
    }


def test_a_small_group_is_left_out_with_a_reason_and_without_its_n():
    few = by_group(publishable(samples.single_small_group(6)), "selection_rate", ("race",))[("few",)]
    assert (few.status, few.value, few.low, few.n, few.numerator) == ("suppressed", None, None, None, None)
    assert few.reason == "fewer than 10 rows"


@pytest.mark.parametrize("n", [4, 6, 9])
def test_one_hidden_group_takes_another_with_it_whose_choice_says_nothing_of_its_size(n):
    groups = by_group(publishable(samples.single_small_group(n)), "selection_rate", ("race",))
    gone = {g for g, e in groups.items() if e.status == "suppressed"}
    assert ("few",) in gone
    assert {groups[g].reason for g in gone - {("few",)}} == {"protects a count under 10"}


def test_a_comparison_that_names_a_hidden_group_and_its_gate_lose_their_numbers_but_not_the_verdict():
    private = samples.single_small_group(6)
    gate, before = publishable(private).gates[0], private.gates[0]
    assert gate.verdict == before.verdict
    assert (gate.low, gate.high, gate.needed_n, gate.estimate.value) == (None, None, None, None)
    for value in (before.low, before.high, before.estimate.value):
        assert number(value) not in gate.sentence
    assert "few" not in gate.sentence
    assert "at least 0.8" in gate.sentence


def test_a_cell_under_k_hides_the_rates_that_would_tell_it_and_keeps_the_others():
    public = publishable(samples.boston())
    hispanic = by_group(public, "selection_rate", ("race",))[("hispanic",)]
    assert (hispanic.value, hispanic.n) == (pytest.approx(77 / 111), 111)
    assert by_group(public, "true_positive_rate", ("race",))[("hispanic",)].status == "suppressed"


def test_rows_without_a_group_keep_their_count():
    public = publishable(
        samples.result_of(("sex",), {("f",): (40, 12, 15, 33), ("m",): (35, 20, 10, 55), (None,): (1, 1, 0, 1)})
    )
    missing = by_group(public, "selection_rate", ("sex",))[(None,)]
    assert (missing.status, missing.n) == ("suppressed", 3)
    assert by_group(public, "selection_rate", ("sex",))[("f",)].status == "ok"


def test_k_of_one_publishes_every_number_and_no_k_publishes_the_cubes():
    private = samples.boston()
    public = publishable(private, 1)
    assert public.estimates == private.estimates
    assert public.gates == private.gates
    assert public.cubes == ()


def test_what_stays_is_unchanged():
    private = samples.boston()
    public = publishable(private)
    for before, after in zip(private.estimates, public.estimates, strict=True):
        assert after is before or after.status == "suppressed"


def test_k_must_be_a_count():
    with pytest.raises(QuestionError, match="k must be at least 1, not 0"):
        publishable(samples.unjudged(), 0)


def test_estimates_without_counts_behind_them_are_left_out():
    from dataclasses import replace

    public = publishable(replace(samples.unjudged(), cubes=()))
    assert {e.status for e in public.estimates} == {"suppressed"}


def tables(seed, names):
    """Random crossing of attributes, sparse enough that many cells are small; every third has missing levels."""
    rng = np.random.default_rng(seed)
    levels = [[f"{name}{i}" for i in range(rng.integers(2, 5 if len(names) == 2 else 4))] for name in names]
    if seed % 3 == 0:
        levels[-1].append(None)
    finest = {}
    for group in itertools.product(*levels):
        scale = rng.choice([0, 4, 12, 40, 200], p=[0.05, 0.2, 0.25, 0.3, 0.2])
        finest[group] = tuple(int(x) for x in rng.poisson(scale, size=4))
    return finest


def counted(finest, names):
    """Every grouping of the finest counts."""
    counts = {}
    for size in range(len(names) + 1):
        for at in itertools.combinations(range(len(names)), size):
            groups = counts.setdefault(tuple(names[i] for i in at), {})
            for group, four in finest.items():
                key = tuple(group[i] for i in at)
                groups[key] = tuple(x + y for x, y in zip(groups.get(key, NOBODY), four, strict=True))
    return counts


def functional(by, group, finest, names, cell):
    """Row vector that sums one cell of a family over the finest counts; ``cell`` is a mask over TN, FP, FN, TP."""
    where = [names.index(name) for name in by]
    inside = [tuple(f[i] for i in where) == group for f in finest]
    return np.outer(inside, cell).ravel().astype(float)


MASKS = {
    "rows": ((1, 1, 1, 1),),
    "labels": ((1, 1, 0, 0), (0, 0, 1, 1)),
    "selection": ((1, 0, 1, 0), (0, 1, 0, 1)),
    "confusion": ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)),
}


@pytest.mark.parametrize(
    ("names", "seed"), [*((("a", "b"), s) for s in (*range(40), 104, 166)), *((("a", "b", "c"), s) for s in range(12))]
)
def test_no_small_count_follows_from_what_is_published(names, seed):
    """Linear algebra as the adversary: every published number is an equation over the finest counts.

    In 104 and 166 of two attributes no single total gives anything away, and several together do.
    """
    finest = tables(seed, names)
    counts, atoms = counted(finest, names), list(finest)
    flat = np.array([finest[a] for a in atoms], dtype=float).ravel()
    gone = hidden(counts, K)
    equations = []
    for family in FAMILIES:
        for by, groups in counts.items():
            for group in groups:
                unpublished_crossing = None in group and len(by) > 1
                if (by, group) not in gone[family] and not unpublished_crossing:
                    equations += [functional(by, group, atoms, names, mask) for mask in MASKS[family]]
    known = np.array(equations)
    # A published sum of 0 says that every part of it is 0.
    zero = {int(i) for row in known if row @ flat == 0 for i in np.flatnonzero(row)}
    known = np.vstack([known, *[np.eye(len(flat))[i] for i in zero]])
    _, sizes, directions = np.linalg.svd(known, full_matrices=False)
    space = directions[sizes > 1e-9]
    secrets = [
        (family, by, group, mask)
        for family in FAMILIES
        for by, groups in counts.items()
        for group, four in groups.items()
        for mask, cell in zip(MASKS[family], family_cells(four, family), strict=True)
        if 0 < cell < K and None not in group
    ]
    for family, by, group, mask in secrets:
        secret = functional(by, group, atoms, names, mask)
        unexplained = secret - space.T @ (space @ secret)
        assert np.abs(unexplained).max() > 1e-6, f"{family} of {by}={group} follows from the published numbers"


def test_the_adversary_of_that_test_can_win():
    """Without the second group hidden, subtraction finds the first: the test above is able to fail."""
    counts = {(): {(): (50, 50, 50, 50)}, ("a",): {("x",): (48, 48, 48, 48), ("y",): (2, 2, 2, 2)}}
    assert not safe(counts[("a",)][("y",)], "rows", K)
    known = np.vstack([np.kron([1, 1], np.eye(4)), np.kron([1, 0], np.eye(4))])
    secret = np.kron([0, 1], np.eye(4))
    assert np.linalg.matrix_rank(np.vstack([known, secret])) == np.linalg.matrix_rank(known)
    assert hidden(counts, K)["rows"] == {(("a",), ("x",)), (("a",), ("y",))}


@pytest.mark.parametrize("style", ["html", "md"])
def test_no_number_of_a_hidden_group_is_on_the_card(style):
    from audit.publish.card import render

    private = samples.single_small_group(7)
    text = render(private, style)
    row = next(line for line in text.splitlines() if re.search(r"(<th scope=\"row\">|\| )few\b", line))
    assert not re.search(r"\d", re.sub(r"<[^>]*>", "", row)), row


def test_a_distance_to_a_reference_that_is_left_out_is_left_out():
    """Base rate of m less the difference to s would be the base rate of s: 3 of 40."""
    import audit

    y = [1] * 3 + [0] * 37 + [1] * 50 + [0] * 50 + [1] * 30 + [0] * 70
    result = audit.measure(y, groups={"g": ["s"] * 40 + ["m"] * 100 + ["k"] * 100}, reference="s")
    shown = publishable(result)
    assert {shown.find("base_rate", by=["g"], group=[g])[0].status for g in "mk"} == {"ok", "suppressed"}
    assert shown.find("base_rate", by=["g"], group=["s"])[0].status == "suppressed"
    for metric in ("difference_in_proportions_of_labels", "kl_divergence", "lp_norm"):
        assert {e.status for e in shown.find(metric, by=["g"]) if e.group} == {"suppressed"}


@pytest.mark.parametrize("style", ["html", "md"])
def test_a_card_says_what_it_cannot_protect(style):
    from audit.publish.card import render

    said = " ".join(render(samples.boston(), style).split())
    assert "Two cards of overlapping data can be subtracted from each other" in said
    assert "no single card can protect against either" in said


FEWEST = 4
"""Smallest count shown in the attacks, so that every table can be tried."""


def card_of(sizes):
    """All that a card tells of the sizes of groups: the total, each size that is shown, and the largest by name."""
    counts = {
        (): {(): (sum(sizes), 0, 0, 0)},
        ("g",): {(name,): (n, 0, 0, 0) for name, n in zip("abcd", sizes, strict=False)},
    }
    gone = hidden(counts, FEWEST, labelled=False)["rows"]
    shown = tuple(None if (("g",), (name,)) in gone else n for name, n in zip("abcd", sizes, strict=False))
    # The group that others are compared with, where it is shown, and whether it is hidden where it is not.
    largest = max(range(len(sizes)), key=lambda i: (sizes[i], -i))
    return sum(sizes), shown, largest if shown[largest] is not None else None


@pytest.mark.parametrize(("groups", "most", "told"), [(3, 20, 0), (4, 13, 4)])
def test_one_small_count_does_not_follow_from_a_card_and_the_rule_of_hiding(groups, most, told):
    """Every table of sizes is tried: whoever knows the rule finds two small counts at least behind each card.

    Of 4 groups, 4 cards in ten thousand tell theirs still, where all other sizes lie within k of each other (decision 37).
    """
    tables = {}
    for sizes in itertools.product(range(1, most), repeat=groups):
        tables.setdefault(card_of(sizes), []).append(sizes)
    attacked, given_away = 0, []
    for (_, shown, _), behind in tables.items():
        for sizes in behind:
            small = [i for i, n in enumerate(sizes) if n < FEWEST]
            # Larger tables than were tried may stand behind the card of the largest ones.
            if len(small) == 1 and max(sizes) < most - FEWEST:
                attacked += 1
                if len({other[small[0]] for other in behind}) == 1:
                    given_away.append((shown, behind))
    assert attacked > 500
    assert len(given_away) <= told, given_away


def test_labels_of_a_small_group_that_are_all_one_are_left_out_and_of_a_large_one_shown():
    for rows, status in ((15, "suppressed"), (99, "suppressed"), (100, "ok")):
        y = [0, 1] * 150 + [0, 1, 1] * 100 + [1] * rows
        g = ["a"] * 300 + ["b"] * 300 + ["alike"] * rows
        shown = publishable(audit.measure(y, groups={"g": g}))
        assert shown.find("base_rate", by=["g"], group=["alike"])[0].status == status
