"""Identities are exchanged with the grammar kept, or the text is named."""

from __future__ import annotations

import re

import duckdb
import pytest
from logs import DATA

from audit.errors import QuestionError
from audit.text.grammar import fit_article
from audit.text.swap import Left, UnsureError, exchange, exchange_rows
from audit.text.terms import read_terms

GENDER = """
attribute = "gender"
[[slots]]
female = ["she"]
male = ["he"]
[[slots]]
female = ["her"]
male = ["him"]
[[slots]]
female = ["her"]
male = ["his"]
[[slots]]
female = ["hers"]
male = ["his"]
[[slots]]
female = ["herself"]
male = ["himself"]
[[slots]]
female = ["Mary", "Anna"]
male = ["John", "Paul"]
[[slots]]
female = ["woman", "lady"]
male = ["man", "guy"]
[[slots]]
female = ["actress", "heroine"]
male = ["actor", "hero"]
[[slots]]
female = ["aunt", "niece"]
male = ["uncle", "nephew"]
"""
RACE = """
attribute = "race"
[[slots]]
white = ["white", "European"]
black = ["black", "African American"]
asian = ["Asian", "East Asian"]
"""


@pytest.fixture
def gender(tmp_path):
    return read(tmp_path, GENDER)


def read(folder, text):
    file = folder / "terms.toml"
    file.write_text(text)
    return read_terms(file)


def arms(text, terms):
    return {variant.arm: variant.text for variant in exchange(text, terms).variants}


@pytest.mark.parametrize(
    ("text", "between", "within"),
    [
        ("Mary lost her keys.", "John lost his keys.", "Anna lost her keys."),
        ("John lost his keys.", "Mary lost her keys.", "Paul lost his keys."),
        ("Mary said it was hers.", "John said it was his.", "Anna said it was hers."),
        ("John said it was his.", "Mary said it was hers.", "Paul said it was his."),
        ("They saw Mary, and I thanked her.", "They saw John, and I thanked him.", "They saw Anna, and I thanked her."),
        ("Mary asked them to call her because she left.", "John asked them to call him because he left.", "Anna asked them to call her because she left."),
        ("She is an actress.", "He is an actor.", "She is a heroine."),
        ("A woman waved.", "A man waved.", "A lady waved."),
        ("She met an 'aunt'.", "He met an 'uncle'.", "She met a 'niece'."),
        ("An aunt of mine.", "An uncle of mine.", "A niece of mine."),
        ("THE WOMAN'S BAG", "THE MAN'S BAG", "THE LADY'S BAG"),
        ("The woman’s bag.", "The man’s bag.", "The lady’s bag."),
        ("Woman, 40, wants a man's job", None, None),
        ("Yes. She's a lady, herself.", "Yes. He's a guy, himself.", "Yes. She's a woman, herself."),
        ("Mary told the man", None, None),
    ],
)  # fmt: skip
def test_grammar_is_kept(gender, text, between, within):
    if between is None:
        with pytest.raises(UnsureError, match="words of several groups"):
            exchange(text, gender)
        return
    found = arms(text, gender)
    assert (found["original"], found["between"], found["within"]) == (text, between, within)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Mary gave her books.", "the use of 'her' is not certain"),
        ("Mary, take her home.", "the use of 'her' is not certain"),
        ("The woman-hater left.", "'woman' stands in a compound"),
        ("The manual is here.", "no word of the terms"),
        ("Her mother's shepherd", "no other word of the same group"),
        ("She left.", "no other word of the same group, so there is no placebo"),
        ("A actress left.", "the article before 'actress' cannot be fitted"),
        ("mcWOMAN WoMan", "the capitals of 'WoMan' cannot be fitted"),
        ("", "no text"),
        ("John graded papers; I john the work", "'john' is a name without its capital"),
        ("John the box.", "'John' may be a verb"),
        ("Mary saw her very own house", "the use of 'her' is not certain"),
        ("John saw his very own house", "the use of 'his' is not certain"),
        ("Mary: we elected her president", "the use of 'her' is not certain"),
    ],
)
def test_a_text_that_cannot_be_exchanged_surely_is_named(gender, text, reason):
    with pytest.raises(UnsureError, match=re.escape(reason)):
        exchange(text, gender)


POSSESSIVES = """attribute = "gender"
[[slots]]
female = ["ladies", "women"]
male = ["gentlemen", "lads"]
[[slots]]
female = ["Joan", "Mary"]
male = ["James", "Paul"]
[[slots]]
female = ["actress", "waitress", "woman"]
male = ["actor", "host", "man"]
"""


@pytest.mark.parametrize(
    ("text", "between", "within"),
    [
        ("The ladies' room.", "The gentlemen's room.", "The women's room."),
        ("the gentlemen’s room", "the ladies’ room", "the lads’ room"),
        ("The actress' role", "The actor's role", "The waitress' role"),
        ("THE ACTRESS' ROLE", "THE ACTOR'S ROLE", "THE WAITRESS' ROLE"),
        ("James' hat", "Joan's hat", "Paul's hat"),
        ("Joan's hat", "James's hat", "Mary's hat"),
        ("an 'actress' here", "an 'actor' here", "a 'waitress' here"),
        ("I'M A WOMAN", "I'M A MAN", "I'M AN ACTRESS"),
        ("They said 'the ladies' left", "apostrophe after 'ladies' may be", None),
        ("Mrs Joan left", "the terms have no 'Mrs', which would no longer fit", None),
        ("Mr. Paul left", "the terms have no 'Mr.', which would no longer fit", None),
        ("The d'Joan house", "'Joan' stands in a compound", None),
        ("I saw Wonder Woman there", "'Woman' may be part of a name", None),
        ("The woman\u0301 left", "no word of the terms", None),
    ],
)
def test_apostrophes_titles_and_capitals_follow_the_new_word_or_the_text_is_named(tmp_path, text, between, within):
    terms = read(tmp_path, POSSESSIVES)
    if within is None:
        with pytest.raises(UnsureError, match=re.escape(between)):
            exchange(text, terms)
        return
    found = arms(text, terms)
    assert (found["between"], found["within"]) == (between, within)


def test_a_text_in_capitals_has_the_template_of_its_like(tmp_path):
    terms = read(tmp_path, POSSESSIVES)
    assert exchange("AN ACTRESS", terms).template == exchange("A WOMAN", terms).template


@pytest.mark.parametrize(
    ("head", "text", "reason"),
    [
        ('attribute = "gender"', "Mary lost her keys.", "the terms have no 'her', which would no longer fit"),
        ('attribute = "gender"', "Mary said He left.", "the terms have no 'he'"),
        ('attribute = "who"', "Mary hurt herself.", "the terms have no 'herself'"),
        ('attribute = "race"', "Mary lost her keys.", None),
    ],
)
def test_a_pronoun_that_the_terms_lack_is_never_left_beside_another_gender(tmp_path, head, text, reason):
    """ "John lost her keys" would measure grammar; of a race, the pronoun stays right."""
    groups = ("white", "black") if "race" in head else ("female", "male")
    terms = read(tmp_path, f'{head}\n[[slots]]\n{groups[0]} = ["Mary", "Anna"]\n{groups[1]} = ["John", "Paul"]\n')
    if reason is None:
        assert exchange(text, terms).variants[1].text == "John lost her keys."
        return
    with pytest.raises(UnsureError, match=reason):
        exchange(text, terms)


def test_several_groups_give_one_variant_each_and_names_of_houses_are_none(tmp_path):
    terms = read(tmp_path, RACE)
    found = exchange("I met a black teacher and an African American nurse.", terms)
    assert [(v.arm, v.to, v.text) for v in found.variants] == [
        ("original", "black", "I met a black teacher and an African American nurse."),
        ("between", "white", "I met a white teacher and a European nurse."),
        ("between", "asian", "I met an Asian teacher and an East Asian nurse."),
        ("within", "black", "I met an African American teacher and a black nurse."),
    ]
    assert found.template == "I met a ___ teacher and a ___ nurse."
    with pytest.raises(UnsureError, match="may be part of a name"):
        exchange("He toured the White House.", terms)
    assert exchange("White teachers met.", terms).variants[1].text == "Black teachers met."


@pytest.mark.parametrize(
    ("before", "old", "new", "after"),
    [
        ("An ", "hour", "minute", "A "),
        ("a ", "European", "Asian", "an "),
        ("AN ", "ACTRESS", "HERO", "A "),
        ("the ", "aunt", "man", "the "),
        ("a ", "unicorn", "aunt", "an "),
        ("an ", "uninvited", "honest", "an "),
        ("banana ", "aunt", "man", "banana "),
    ],
)
def test_an_article_fits_the_word_that_follows(before, old, new, after):
    assert fit_article(before, old, new) == after


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ('attribute = "g"\n', "has no words; write"),
        (RACE.replace("[[slots]]", "[[slot]]"), "no key 'slot'; did you mean 'slots'"),
        (RACE.replace('"European"', '"black"'), "'black' names black and white"),
        (RACE.replace('"European"', '"white"'), "has a word twice"),
        (RACE.replace('"European"', '"a1"'), "'a1' is no word"),
        (RACE + '[[slots]]\nwhite = ["white"]\nblack = ["dark"]\n', "'white' stands in two slots"),
        ('attribute = "g"\n[[slots]]\na = ["b"]\n', "needs the words of at least two groups"),
    ],
)
def test_a_list_of_terms_that_is_ambiguous_is_refused(tmp_path, terms, said):
    with pytest.raises(QuestionError, match=re.escape(said)):
        read(tmp_path, terms)


SAME_USE = [{"she", "he"}, {"her", "him"}, {"her", "his"}]
"""Pronouns of one use; some lines of WinoBias were not only exchanged but written anew."""


def winobias(kind, part):
    name = DATA / "winobias" / f"{kind}_stereotyped_{part}"
    return [re.sub(r"^\d+ |[\[\]]", "", line.strip()) for line in name.read_text().splitlines() if line.strip()]


@pytest.mark.parametrize("part", ["type1.txt.dev", "type2.txt.dev", "type1.txt.test", "type2.txt.test"])
def test_pronouns_of_winobias_become_those_of_its_authors(tmp_path, part):
    """Each line of one file differs from that of the other in its pronoun alone: what is exchanged has to be the other."""
    if not (DATA / "winobias").exists():
        pytest.skip("needs ../shared/data/winobias")
    # A word that stands in every sentence makes the placebo.
    words = re.sub(r'"(woman|lady|man|guy)"', r'"q\1"', GENDER)
    terms = read(tmp_path, words + '[[slots]]\nfemale = ["qf", "qff"]\nmale = ["qm", "qmm"]\n')
    right = unsure = 0
    for one, other in zip(winobias("pro", part), winobias("anti", part), strict=True):
        apart = [pair for pair in zip(one.lower().split(), other.lower().split(), strict=False) if pair[0] != pair[1]]
        if len(one.split()) != len(other.split()) or len(apart) != 1 or set(apart[0]) not in SAME_USE:
            continue
        said = "qf " if apart[0][0] in {"she", "her"} else "qm "
        try:
            found = exchange(said + one, terms)
        except UnsureError:
            unsure += 1
            continue
        between = next(v.text for v in found.variants if v.arm == "between")
        assert between.split(maxsplit=1)[1].lower() == other.lower()
        right += 1
    assert right > 9 * unsure


def test_madlibs_are_exchanged_within_their_templates(tmp_path):
    if not (DATA / "madlibs").exists():
        pytest.skip("needs ../shared/data/madlibs")
    file = DATA / "madlibs" / "intersectional_madlibs.parquet"
    rows = duckdb.sql(
        f"SELECT template, toxicity, phrase FROM '{file}' WHERE phrase ILIKE 'I am %' LIMIT 2000"
    ).fetchall()
    terms = read(tmp_path, RACE)
    table = [dict(zip(("template", "toxicity", "phrase"), row, strict=True)) for row in rows]
    made = list(exchange_rows(table, terms, "phrase", "template"))
    kept = [row for row in made if not isinstance(row, Left)]
    left = [row for row in made if isinstance(row, Left)]
    assert len({row["item"] for row in kept}) + len(left) == len(table)
    assert kept
    for row in kept:
        assert row["toxicity"] in {"toxic", "nontoxic"}
        if row["arm"] == "between":
            assert not re.search(rf"\b{row['group']}\b", row["phrase"], re.IGNORECASE)
