"""Whether `audit verify` finds every change of a recorded run, or says by name that it does not cover it."""

from __future__ import annotations

import hashlib
import json
import random
import re
from dataclasses import replace

import pytest
import recorded_runs as runs
from property_tests import some_now

from audit.cli import main
from audit.errors import StoreError
from audit.pipeline.verification.follows import select_given
from audit.pipeline.verification.uncovered import find_uncovered
from audit.pipeline.verify import (
    compare_writing,
    describe_differences,
    find_contradictions,
    find_unlike_leaves,
    follow_document,
)
from audit.record.reader import read_result, read_text, write_without_kinds

SEED = 20260113
EVERY = (*runs.QUESTIONS, runs.DEMO)
SMALL = ("numbers", "rows alone", "a ranking")
LARGEST = ("classes", runs.DEMO)
MOST_LEAVES = some_now([*(name for name in EVERY if name not in LARGEST), *LARGEST], len(EVERY) - len(LARGEST))
REMADE = 8
"""Changes of the given, a run, after which everything is measured again; the slow test makes all."""
ALIKE = 1
"""Places of one kind (the lower end of a gate's interval, say) that are changed in a large run; the slow test changes all."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Folder of a recorded run by the name of its question, made once."""
    made = {}

    def folder(name):
        if name not in made:
            made[name] = runs.recorded(name, tmp_path_factory.mktemp("run"))
        return made[name]

    return folder


class Watched:
    """A recorded run whose document is changed and put back, leaf by leaf."""

    def __init__(self, folder):
        self.base, self.document = read_result(folder), runs.document_of(folder)
        self.given, self.follows = select_given(self.base), follow_document(self.base)
        self.open = find_uncovered(self.base, named=True)

    def said(self):
        """What is said of the document as it now is; what is given is measured again where it was changed."""
        try:
            result = read_text(json.dumps(self.document), "changed")
            if result.run.id != self.base.run.id:
                return ["another run"]
            follows = self.follows if select_given(result) == self.given else follow_document(result)
            return [*map(str, find_unlike_leaves(result, follows)), *find_contradictions(result)]
        except StoreError as error:
            return [str(error)]

    def changed(self, path, value):
        restore = runs.set_at(self.document, path, value)
        said = self.said()
        restore()
        return said

    def missed(self, paths):
        """Places whose change nobody names."""
        listed = [p for p in paths if not runs.names(self.open, self.document, p)]
        return [p for p in listed if not self.changed(p, runs.another(runs.value_at(self.document, p)))]


@pytest.mark.parametrize("name", EVERY)
def test_an_untouched_run_follows(recorded, name):
    assert describe_differences(read_result(recorded(name))) == ()


@pytest.mark.parametrize("name", MOST_LEAVES)
def test_every_leaf_of_every_estimate(recorded, name):
    """One field of all estimates at a time: each of them must be named by its own place."""
    run = Watched(recorded(name))
    estimates = run.document["estimates"]
    for key in estimates[0]:
        old = [e[key] for e in estimates]
        for e in estimates:
            e[key] = runs.another(e[key])
        said = "\n".join(run.said())
        for e, value in zip(estimates, old, strict=True):
            e[key] = value
        named = set(map(int, re.findall(r"^estimates\.(\d+)", said, re.MULTILINE)))
        assert named == set(range(len(estimates))) or "is not a valid record: estimates." in said, key


def list_following(document):
    """Places of what follows from the rest of a document, but for its estimates."""
    return [p for p, _ in runs.leaves(document) if p[0] in {"gates", "verdict", "schema"} or "digest" in p]


@pytest.mark.parametrize("name", MOST_LEAVES)
def test_leaves_that_follow_one_by_one(recorded, name):
    run = Watched(recorded(name))
    kinds = {}
    for path in list_following(run.document):
        kinds.setdefault(runs.generic(path), []).append(path)
    draw = random.Random(SEED)
    most = max(map(len, kinds.values())) if name in SMALL else ALIKE
    assert not run.missed([p for alike in kinds.values() for p in draw.sample(alike, min(most, len(alike)))])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in EVERY if name not in SMALL])
def test_all_leaves_that_follow_one_by_one(recorded, name):
    run = Watched(recorded(name))
    assert not run.missed(list_following(run.document))


@pytest.mark.parametrize("name", MOST_LEAVES)
def test_leaves_that_everything_else_rests_on(recorded, name):
    run = Watched(recorded(name))
    rest = [p for p, _ in runs.leaves(run.document) if p[0] not in {"estimates", "gates", "verdict", "schema"}]
    kinds = {}
    for path in rest:
        kinds.setdefault(runs.generic(path), []).append(path)
    chosen = random.Random(SEED).sample(
        [random.Random(SEED).choice(p) for p in kinds.values()], min(REMADE, len(kinds))
    )
    assert not run.missed(chosen)


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_every_leaf_that_everything_else_rests_on(recorded, name):
    run = Watched(recorded(name))
    rest = [p for p, _ in runs.leaves(run.document) if p[0] not in {"estimates", "gates", "verdict", "schema"}]
    counts = [p for p in rest if p[0] == "cubes"]
    few = counts if name in SMALL else random.Random(SEED).sample(counts, 60)
    assert not run.missed([*few, *(p for p in rest if p[0] != "cubes")])


def drop(*keys):
    def change(d):
        for key in keys:
            d[key].pop()

    return change


def swap_waiver(d):
    d["gates"][0]["waiver"]["expires"] = "2029-01-01"


def forged(d):
    d["estimates"].append(d["estimates"][-1] | {"metric": "accuracy", "value": 1.0, "flags": ["own_metric"]})


FORGERIES = {
    "a gate removed": drop("gates"),
    "an estimate removed": drop("estimates"),
    "a check of counts removed": lambda d: d["checks"].remove(next(c for c in d["checks"] if c["code"] == "FM001")),
    "a part removed": drop("data"),
    "a cube removed": drop("cubes"),
    "a gate twice": lambda d: d["gates"].append(d["gates"][-1]),
    "a cube twice": lambda d: d["cubes"].append(d["cubes"][-1]),
    "an estimate twice": lambda d: d["estimates"].append(d["estimates"][0]),
    "an own metric under a known name": forged,
    "a check of no code": lambda d: d["checks"].append(d["checks"][0] | {"code": "ZZ001"}),
    "two estimates swapped": lambda d: d["estimates"].insert(0, d["estimates"].pop(3)),
    "a waiver that never expires": swap_waiver,
    "no gates at all": lambda d: (d["question"]["config"].pop("gates"), d["gates"].clear(), d.update(verdict="pass")),
    "more rows": lambda d: d["data"][0].update(rows_read=10**6, rows_excluded={"no reason": 10**6 - 600}),
    "it ended before it began": lambda d: d["run"].update(started="2031-01-01T00:00:00Z"),
    "no time": lambda d: d["run"].update(finished="yesterday"),
    "it did not end well": lambda d: d["run"].update(exit_codes={"train": 1}),
    "a question nobody asked": lambda d: d["question"]["config"].update(data={"groups": 7}),
    "rows moved between groups": lambda d: d["cubes"][-1]["cells"].reverse(),
}


@pytest.mark.parametrize("change", FORGERIES.values(), ids=FORGERIES)
def test_forgeries_of_several_leaves(recorded, change):
    run = Watched(recorded("decisions"))
    change(run.document)
    assert run.said()


def asked(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(a) for a in arguments])
    said = capsys.readouterr()
    return ended.value.code, f"{said.out}{said.err}"


def copied(folder, tmp_path, name=None):
    place = tmp_path / (name or folder.name)
    place.mkdir()
    for file in folder.iterdir():
        if file.is_file():
            (place / file.name).write_bytes(file.read_bytes())
    return place


@pytest.mark.parametrize("name", ["scores of a unit", "numbers of a unit", "sorted scores", "numbers"])
def test_sums_that_nothing_rests_on_are_named_and_the_others_compared(recorded, name):
    """One of each measure of each cube: intervals rest on other sums where rows share a unit."""
    run = Watched(recorded(name))
    draw, chosen = random.Random(SEED), []
    for at, cube in enumerate(run.document["cubes"]):
        cells = range(len(cube["cells"]))
        chosen += [("cubes", at, "measures", m, draw.choice(cells)) for m in cube["measures"]]
    assert not run.missed(chosen)


@pytest.mark.parametrize("label", [0, 1])
def test_ordered_pairs_are_all_pairs_of_a_group(recorded, label):
    run = Watched(recorded("sorted scores"))
    at = next(i for i, c in enumerate(run.document["cubes"]) if " ordered pairs: sex" in c["name"])
    place = ("cubes", at, "measures", "below", label)
    assert any("ordered pairs" in said for said in run.changed(place, runs.value_at(run.document, place) * 0.99))


def test_a_sum_for_an_interval_that_is_far_off_is_found(recorded):
    """What is listed as covered as far as digits rest on it is compared so far."""
    run = Watched(recorded("numbers"))
    place = ("cubes", 0, "measures", "absolute_w2x", 1)
    assert any("low" in said for said in run.changed(place, runs.value_at(run.document, place) * 1.1))


def test_a_sound_run_says_what_is_not_covered(recorded, capsys):
    code, said = asked(capsys, "verify", recorded("decisions"))
    assert code == 0
    assert "report.html, card.html, card.md, croissant.json: match the record" in said
    for place in ("run.started", "run.command", "data.digest", "data.source", "checks of DB001", "checks.detail"):
        assert place in said.split("Not checked")[1]
    assert "run.id" not in said
    assert "Counts that were forged" in said


def test_a_renamed_folder_is_not_borne_out_by_its_name(recorded, capsys, tmp_path):
    code, said = asked(capsys, "verify", copied(recorded("numbers"), tmp_path, "artefact"))
    assert code == 0
    assert "run.id: no folder of that name confirms it" in said


@pytest.mark.parametrize("card", ["card.md", "card.html", "report.html", "croissant.json"])
@pytest.mark.parametrize("change", ["changed", "gone", "no text"])
def test_cards_belong_to_the_run(recorded, capsys, tmp_path, card, change):
    file = copied(recorded("decisions"), tmp_path) / card
    text = file.read_text()
    if change == "gone":
        file.unlink()
    else:
        file.write_bytes(text.replace("600", "700", 1).encode() if change == "changed" else b"\xff\xfe")
    code, said = asked(capsys, "verify", file.parent)
    assert code == 1
    assert f"card: {card}" in said


def test_a_document_alone_needs_no_cards(recorded, capsys, tmp_path):
    (tmp_path / "audit.json").write_bytes((recorded("numbers") / "audit.json").read_bytes())
    code, said = asked(capsys, "verify", tmp_path)
    assert code == 0
    assert "No card beside it" in said


def test_tables_are_compared_by_their_digest(recorded, capsys, tmp_path):
    folder = recorded("decisions")
    table = folder.parent.parent / "t.csv"
    code, said = asked(capsys, "verify", folder, "--data", table)
    assert code == 0
    assert "data.columns of test: give the table" in said
    other = tmp_path / "t.csv"
    other.write_text(table.read_text().replace("white", "White", 1))
    code, said = asked(capsys, "verify", folder, "--data", table, "--data", other)
    assert code == 1
    assert f"sha256:{hashlib.sha256(other.read_bytes()).hexdigest()}, which is not a table of this run" in said


def test_a_run_of_another_version_says_so(recorded, capsys, tmp_path):
    folder = copied(recorded("numbers"), tmp_path)
    document = runs.document_of(folder)
    document["run"]["version"] = "0.0.1"
    document["gates"][0]["sentence"] += "!"
    (folder / "audit.json").write_text(json.dumps(document))
    code, said = asked(capsys, "verify", folder)
    assert code == 1
    assert "by evenhand 0.0.1" in said


HOSTILE = (None, [], {}, "x", "", -1, 2**70, 1e308, 0.5, True, [[[]]], {"x": None})
COMMANDS = ("gate", "verify", "card", "show", "list", "diff")


def broken(run, path, value):
    """The text of the document with a value at a place."""
    restore = runs.set_at(run.document, path, value)
    text = json.dumps(run.document)
    restore()
    return text


def shapes(text):
    """A document that is cut, doubled or nested, as text."""
    yield text[: len(text) // 2]
    yield text[:-1]
    yield text.replace('"verdict":', '"verdict": "pass", "verdict":', 1)
    yield text.replace('"question":', f'"question": {"[" * 5000}', 1)
    yield text.replace('"run":', '"more": 1, "run":', 1)
    yield "[" * 100_000
    yield ""


def never_crashes(folder, command, texts, capsys):
    """Whatever the document of a folder is, a command refuses it or goes on."""
    arguments = [folder] if command in {"gate", "verify", "card"} else ["--store", folder.parent]
    arguments = [*arguments, folder.name] if command == "diff" else arguments
    for text in texts:
        (folder / "audit.json").write_text(text)
        code, said = asked(capsys, command, *arguments)
        assert code in {0, 1, 2, 3, 5}, said
        assert "internal error" not in said


def malformed(run, draw):
    """The document with one leaf of each kind replaced by something hostile, as texts."""
    kinds = {}
    for path, _ in runs.leaves(run.document):
        kinds.setdefault(runs.generic(path), []).append(path)
    return [broken(run, draw.choice(paths), draw.choice(HOSTILE)) for paths in kinds.values()]


@pytest.mark.parametrize("name", some_now(["a ranking", "numbers"], 1))
def test_a_malformed_document_is_refused_and_never_crashes(recorded, capsys, tmp_path, name):
    """Every kind of leaf once, by the commands in turn, and every shape by each of them; the slow test makes all of both."""
    run, folder = Watched(recorded(name)), copied(recorded(name), tmp_path)
    texts = malformed(run, random.Random(name))
    for at, command in enumerate(COMMANDS):
        never_crashes(folder, command, [*texts[at :: len(COMMANDS)], *shapes(json.dumps(run.document))], capsys)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["numbers", "a ranking"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_kind_of_malformed_document_by_every_command(recorded, capsys, tmp_path, name, command):
    run, folder = Watched(recorded(name)), copied(recorded(name), tmp_path)
    never_crashes(folder, command, malformed(run, random.Random(f"{name} {command}")), capsys)


def test_a_defect_of_ours_is_never_called_damage(recorded, monkeypatch, capsys):
    import audit.report.card.render

    def fail(*_):
        raise KeyError("ours")

    monkeypatch.setattr(audit.report.card.render, "publishable", fail)
    code, said = asked(capsys, "card", recorded("numbers"))
    assert code == 4
    assert "this is a bug in evenhand" in said


def test_the_digest_of_a_question_can_be_computed_from_the_document_alone(recorded):
    asked_for = runs.document_of(recorded("numbers"))["question"]
    text = json.dumps(asked_for["config"], sort_keys=True, ensure_ascii=False)
    assert asked_for["digest"] == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def test_waivers_are_judged_by_the_day_that_is_on_record(recorded):
    result = read_result(recorded("decisions"))
    late = replace(result, run=replace(result.run, finished="2027-03-02T00:00:00Z"))
    assert any("waived" in said for said in describe_differences(late))


def test_a_document_that_something_else_has_written_is_named(recorded, capsys):
    """Nothing in it is changed, but what nothing binds could have been: a run is not written so."""
    file = recorded("numbers") / "audit.json"
    written = file.read_text()
    try:
        for text, told in ((written, False), (written + "\n", False), (json.dumps(json.loads(written)), True)):
            file.write_text(text)
            with pytest.raises(SystemExit) as ended:
                main(["verify", str(file.parent)])
            said = capsys.readouterr().out
            assert (ended.value.code, "was changed after the run" in said) == (int(told), told)
    finally:
        file.write_text(written)


@pytest.mark.parametrize("name", EVERY)
def test_every_run_is_written_as_its_document_would_be(recorded, name):
    assert compare_writing(read_result(recorded(name)), recorded(name) / "audit.json") == ()


def test_a_document_of_before_cubes_said_their_part_and_kind(recorded):
    """It is read as what it says, verified, and its text is still that of a run; a kind that lies is named."""
    folder = recorded("numbers")
    document = runs.document_of(folder)
    result = read_result(folder)
    assert {c["part"] for c in document["cubes"]} <= {"train", "predictions"}
    lying = [{**c, "kind": "flips"} if c["kind"] == "" else c for c in document["cubes"]]
    for cube in document["cubes"]:
        del cube["part"], cube["kind"]
    assert read_text(json.dumps(document), "before") == result
    file = folder.parent / "before.json"
    file.write_text(write_without_kinds(result) + "\n")
    assert compare_writing(read_result(file), file) == ()
    changed = read_text(json.dumps({**document, "cubes": lying}), "lying")
    with pytest.raises(
        StoreError, match="the counts of predictions differ from the configuration, which needs race; restore"
    ):
        follow_document(changed)
