"""The description of the data in Croissant with RAI fields, made of the document alone."""

from __future__ import annotations

import copy
import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from commands import audit as command

import audit as package
from audit.record.reader import read_result
from audit.report.card.render import render
from audit.report.croissant import find_missing_fields, is_describable

COLUMNS = {
    "sex": ["f", "m"] * 60,
    "y": [1, 0, 1, 1] * 30,
    "age at exam": range(120),
    "t": pd.date_range("2020", periods=120),
}


def audit(*arguments, cwd):
    done = command(*arguments, cwd=cwd)
    assert done.returncode in {0, 1, 3}, done.stderr
    (run,) = [p for p in (cwd / "audit-runs").iterdir() if not p.name.startswith(".") and p.name != "latest"]
    return run


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "clinic"
    folder.mkdir()
    pd.DataFrame(COLUMNS).to_parquet(folder / "exams.parquet")
    pd.DataFrame(COLUMNS).to_csv(folder / "part1.csv", index=False)
    pd.DataFrame(COLUMNS).to_csv(folder / "part2.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def run(place):
    return audit("data", "exams.parquet", "--label", "y", "--groups", "sex", cwd=place)


@pytest.fixture(scope="module")
def document(run):
    return json.loads((run / "croissant.json").read_text(), parse_constant=pytest.fail)


def test_an_audit_of_data_leaves_a_description(document, place):
    assert find_missing_fields(document) == ()
    assert document["name"] == "exams"
    assert document["conformsTo"] == ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]
    (file,) = document["distribution"]
    assert file["sha256"] == hashlib.sha256((place / "exams.parquet").read_bytes()).hexdigest()
    fields = {f["name"]: f["dataType"] for f in document["recordSet"][0]["field"]}
    assert fields == {"sex": "sc:Text", "y": "sc:Integer", "age at exam": "sc:Integer", "t": "sc:DateTime"}


def test_it_says_what_is_known_and_no_more(document):
    # All women have one label, which is not told of fewer than a hundred; the share of all is withheld with theirs.
    assert "Share of positive labels by sex: f withheld, m 50.0%." in document["rai:dataBiases"]
    assert "Share of rows by sex: f 50.0%, m 50.0%." in document["rai:dataBiases"]
    assert document["rai:personalSensitiveInformation"][0] == "Columns declared as groups of persons: sex."
    assert any("DP003, pass" in said for said in document["rai:personalSensitiveInformation"])
    assert document["rai:dataLimitations"][-1].startswith("How the data were collected")
    invented = {"rai:dataCollection", "rai:dataAnnotationProtocol", "rai:dataUseCases", "license", "url"}
    assert not invented & set(document)
    assert "The licence of the data is not in this record" in document["description"]


def test_the_same_description_comes_from_the_document_alone(run, document, tmp_path):
    shutil.copy(run / "audit.json", tmp_path)
    assert json.loads(render(read_result(tmp_path / "audit.json"), "croissant")) == document
    done = command("card", tmp_path / "audit.json", "--format", "croissant")
    assert json.loads(done.stdout) == document


def test_what_the_owner_tells_is_told(place, tmp_path):
    shutil.copy(place / "exams.parquet", tmp_path)
    (tmp_path / "audit.toml").write_text(
        '[model]\nintended_use = "triage"\nout_of_scope = "children"\n'
        '[data]\nsource = "exams.parquet"\nlabel = "y"\ngroups = ["sex"]\n'
        '[dataset]\nname = "Exams"\ncollected = "by the clinic"\nurl = "https://example.org/exams"\n'
        'licence = "https://spdx.org/licenses/CC-BY-4.0"\n'
    )
    found = json.loads((audit("run", ".", cwd=tmp_path) / "croissant.json").read_text())
    assert found["license"] == "https://spdx.org/licenses/CC-BY-4.0"
    assert found["url"] == "https://example.org/exams"
    assert (found["name"], found["rai:dataCollection"]) == ("Exams", "by the clinic")
    assert found["rai:dataUseCases"] == ["triage"]
    assert "Out of scope: children" in found["rai:dataLimitations"]
    assert "was not told" not in found["description"]


def test_small_counts_are_left_out(tmp_path):
    rows = pd.DataFrame({"g": ["a"] * 400 + ["b"] * 300 + ["c"] * 4, "y": [0, 1] * 352})
    rows.to_csv(tmp_path / "t.csv", index=False)
    found = json.loads(
        (audit("data", "t.csv", "--label", "y", "--groups", "g", cwd=tmp_path) / "croissant.json").read_text()
    )
    assert any("c withheld" in said for said in found["rai:dataBiases"])
    assert "0.6%" not in json.dumps(found)


@pytest.mark.parametrize("key", ["name", "description", "datePublished", "conformsTo", "distribution", "recordSet"])
def test_a_missing_field_is_named(document, key):
    assert any(key in said for said in find_missing_fields({k: v for k, v in document.items() if k != key}))


def test_missing_parts_of_fields_are_named(document):
    bare = copy.deepcopy(document)
    del bare["distribution"][0]["sha256"], bare["recordSet"][0]["field"][1]["dataType"]
    bare["conformsTo"] = bare["conformsTo"][:1]
    assert find_missing_fields(bare) == ("conformsTo http://mlcommons.org/croissant/RAI/1.0", "the sha256 of train-file",
                           "the dataType of train/1")  # fmt: skip


def test_rows_in_memory_have_no_file_to_describe():
    result = package.check(pd.DataFrame(COLUMNS), label="y", groups="sex")
    assert not is_describable(result)
    with pytest.raises(package.AuditError, match="needs the sha256 of train-file"):
        render(result, "croissant")


def test_predictions_alone_are_no_data():
    result = package.measure([1, 0, 1], [1, 0, 0], groups={"g": ["a", "b", "a"]})
    with pytest.raises(package.AuditError, match="audit data TABLE"):
        render(result, "croissant")


def of_mlcroissant(code, *arguments, cwd):
    if importlib.util.find_spec("mlcroissant") is None:
        pytest.skip("mlcroissant is not installed; it is in the dev extra")
    return subprocess.run([sys.executable, "-c", code, *arguments], cwd=cwd, capture_output=True, text=True)


READ = (
    "import sys, mlcroissant as mlc\n"
    "d = mlc.Dataset(jsonld=sys.argv[1])\n"
    "assert not d.metadata.ctx.issues.errors\n"
    "rows = list(d.records(record_set='train'))\n"
    "print(len(rows), len(d.metadata.data_biases), d.metadata.personal_sensitive_information[0])\n"
)


def test_mlcroissant_reads_the_rows_by_it(run, place, tmp_path):
    shutil.copytree(place, tmp_path / "clinic", ignore=shutil.ignore_patterns("audit-runs"))
    shutil.copy(run / "croissant.json", tmp_path)
    found = json.loads((tmp_path / "croissant.json").read_text())
    assert found["distribution"][0]["contentUrl"] in {"exams.parquet", "clinic/exams.parquet"}
    shutil.copy(place / "exams.parquet", tmp_path)
    done = of_mlcroissant(READ, "croissant.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("120 ")
    assert "Columns declared as groups of persons: sex." in done.stdout


def test_mlcroissant_accepts_several_files(place, tmp_path):
    for name in ("part1.csv", "part2.csv"):
        shutil.copy(place / name, tmp_path)
    folder = audit("data", "part*.csv", "--label", "y", "--groups", "sex", cwd=tmp_path)
    found = json.loads((folder / "croissant.json").read_text())
    assert found["distribution"][0]["includes"] == "part*.csv"
    assert "sha256 of all files" in found["distribution"][0]["description"]
    code = "import sys, mlcroissant as mlc; print(mlc.Dataset(jsonld=sys.argv[1]).metadata.ctx.issues.errors)"
    done = of_mlcroissant(code, str(folder / "croissant.json"), cwd=tmp_path)
    assert done.stdout.strip() in {"set()", "[]"}, done.stderr


def test_a_check_that_is_not_told_is_named_as_withheld(document):
    """A description that left it out would read as if it had not been run."""
    said = " ".join(document["rai:dataLimitations"])
    assert "DV003, withheld: Groups that equal the label, sex: withheld here" in said
