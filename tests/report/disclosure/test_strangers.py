"""Nothing secret is written: values of commands, users and passwords, folders and whose they are."""

from __future__ import annotations

import hashlib
import json
import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sample_results as samples
from property_tests import some_now

from audit.cli import main
from audit.config.read import build, parse
from audit.config.write import to_toml
from audit.errors import AuditError, QuestionError, SourceError, without_credentials
from audit.gates.judge import judge_again
from audit.pipeline.records import record_question
from audit.record.reader import read_result
from audit.report.card.render import FORMATS, render
from audit.system.command import run_command
from audit.system.recorded_command import HIDDEN, drop_path, record_words
from audit.tables.addresses import strip_place

SECRET = "tulip-4411.under/bridge"
ROWS = "g,y\n" + "a,0\na,1\nb,0\nb,1\n" * 50
FORMS = (
    ["--token=S"], ["--password", "S"], ["-p", "S"], ["-pS"], ["S"], ["KEY=S"], ["--env", "KEY=S"], ["-e", "KEY=S"], ["-DKEY=S"],
    ["https://me:S@example.org/x"], ["s3://bucket/t.parquet?X-Amz-Signature=S"], ["-H", "Authorization: Bearer S"], ["--", "S"],
    ["--header=Authorization: Bearer S"], ["-c", "import os; token='S'"], ["+trainer.token=S"], ["--x.y=S"], ["/S"], ["@S"], ["--$S"],
    ["S=="], ["-m", "S"], ["-", "S"], ["--token:S"], ['{"token": "S"}'], ["-W", "S", "-m", "S"], ["S\nS"], ["-c", "S", "S.py"],
)  # fmt: skip
PROGRAMS = (
    ["python"], ["python", "train.py"], ["/usr/bin/python3.11", "-u", "src/train.py"], ["env", "A=S", "B=S", "python", "train.py"],
    ["sh", "-c", "KEY=S python train.py --token S"], ["torchrun", "--nproc_per_node", "2", "train.py"], ["./go"], ["KEY=S", "train"],
)  # fmt: skip


def ended(*words):
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    return caught.value.code or 0


def run_folder(store: Path) -> Path:
    (folder,) = (p for p in store.iterdir() if not p.name.startswith("."))
    return folder


# --- words of commands


@pytest.mark.parametrize("program", PROGRAMS, ids=" ".join)
@pytest.mark.parametrize(
    "secret", [SECRET, "hunter2", "c2VjcmV0LXRva2Vu", "p@ss:w0rd", "5f4dcc3b5aa765d61d8327deb882cf99", "tülip"]
)
def test_no_value_is_recorded_wherever_it_stands(program, secret):
    """Every pair of forms, in both orders: what a word may mean hangs on the one before it."""
    for one in FORMS:
        for other in (["--lr", "0.1"], ["-v"], *FORMS[:6]):
            for words in ((*program, *one, *other), (*program, *other, *one)):
                if words[0] == "python" and "-m" in words[1:3]:
                    continue  # the module is the program
                kept = record_words([word.replace("S", secret) for word in words])
                assert secret not in " ".join(kept), words
                assert record_words(kept) == kept
                assert kept[0] not in {HIDDEN, ""}


def test_random_commands_keep_names_of_options_and_nothing_else():
    draw = random.Random(11)
    for _ in range(3000):
        names = [f"--{draw.choice(['lr', 'batch-size', 'out_dir', 'model.depth'])}" for _ in range(draw.randint(0, 4))]
        values = [f"v{draw.randrange(10**9)}" for _ in names]
        words = ["python", "-u", f"folder/{draw.choice(['train', 'fit'])}.py"]
        for name, value in zip(names, values, strict=True):
            words += draw.choice([[name, value], [f"{name}={value}"], [name, value, value]])
        kept = record_words(words)
        assert [w.partition("=")[0] for w in kept if w.startswith("--")] == names
        assert kept[:3] == ("python", "-u", Path(words[2]).name)
        assert not any(value in word for value in values for word in kept)


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("python -m package.train --epochs 3", "python -m package.train --epochs …"),
        ("python -c print(1) -m tulip", "python -c … -m …"),
        ("Rscript fit.R data.csv", "Rscript fit.R …"),
        ("uv run train.py --x=1", "uv … train.py --x=…"),
        ("make train", "make …"),
        ("C:\\Users\\ada\\python.exe train.py", "python.exe train.py"),
        ("python train.py --script tulip.py other.py", "python train.py --script …"),
        ("python --config secret.py run.py", "python --config … run.py"),
        ("-x y", "-x …"),
        ("two words", "two …"),
        ("curl -p tulip.sh", "curl -p …"),
        ("python -W tulip.py train.py", "python -W … train.py"),
        ("python3 -OO -u src/train.py -k tulip.py", "python3 -O… -u train.py -k …"),
        ("bash -x run.sh tulip.sh", "bash -x run.sh …"),
        ("bash -o tulip.sh run.sh", "bash -o … run.sh"),
        ("mysql -p tulip.R", "mysql -p …"),
        ("uv run -p tulip.py train.py", "uv … -p … train.py"),
    ],
)
def test_what_is_kept(words, kept):
    assert " ".join(record_words(words.split(" "))) == kept


# --- the files of a run


@pytest.mark.parametrize("form", some_now(FORMS, 8), ids=" ".join)
def test_no_file_of_a_tracked_command_holds_a_value(tmp_path, form, capfd):
    words = [word.replace("S", SECRET) for word in form]
    assert ended("track", "--store", tmp_path, "--", sys.executable, "-c", "pass", *words) == 0
    for file in run_folder(tmp_path).iterdir():
        assert SECRET not in file.read_text(), file.name
        assert str(Path(sys.executable).parent) not in file.read_text(), file.name
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err


def test_values_of_a_tracked_command_are_in_the_record_where_asked_for_and_on_no_card(tmp_path):
    assert (
        ended("track", "--record-arguments", "--store", tmp_path, "--", sys.executable, "-c", "pass", "--lr", SECRET)
        == 0
    )
    folder = run_folder(tmp_path)
    assert read_result(folder).run.command[-2:] == ("--lr", SECRET)
    for name in ("card.md", "card.html"):
        assert SECRET not in (folder / name).read_text()
        assert "--lr" in (folder / name).read_text().replace("\\", "")


def pipeline(folder: Path, **train):
    (folder / "t.csv").write_text(ROWS)
    (folder / "prepare.py").write_text("pass")
    (folder / "train.py").write_text(
        "rows = open('t.csv').read().split()[1:]\n"
        "open('p.csv', 'w').write('g,y,p\\n' + ''.join(r + ',' + r[-1] + '\\n' for r in rows))\n"
    )
    raw = {
        "data": {
            "source": "t.csv",
            "label": "y",
            "groups": ["g"],
            "prepare": [sys.executable, "prepare.py", "--key", SECRET],
        },
        "dataset": {"url": f"https://ada:{SECRET}@example.org/t.csv"},
        "train": {"command": [sys.executable, "train.py", "--api-token", SECRET], "predictions": "p.csv", **train},
        "predictions": {"prediction": "p"},
    }
    (folder / "audit.toml").write_text(to_toml(raw))
    return raw


def test_no_file_of_a_trained_run_holds_a_value_and_its_question_is_still_one(tmp_path, capfd):
    pipeline(tmp_path)
    assert ended("run", tmp_path, "--store", tmp_path / "runs") == 0
    folder = run_folder(tmp_path / "runs")
    for file in folder.iterdir():
        assert SECRET not in file.read_text(), file.name
        assert "ada:" not in file.read_text(), file.name
    found, said = read_result(folder), capfd.readouterr()
    assert SECRET not in said.out + said.err
    assert found.question.config["train"]["command"][1:] == ["train.py", "--api-token", HIDDEN]
    assert found.question.config["data"]["prepare"][1:] == ["prepare.py", "--key", HIDDEN]
    # The digest is of what stands there, so that whoever has the document alone can check it.
    assert record_question(found.question.config).digest == found.question.digest
    written = json.loads((folder / "audit.json").read_text())["question"]
    text = json.dumps(written["config"], sort_keys=True, ensure_ascii=False)
    assert written["digest"] == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    assert ended("verify", folder) == 0
    assert judge_again(found, build(found.question.config), None).verdict == found.verdict


def test_arguments_of_a_training_are_recorded_where_asked_for_and_on_no_card(tmp_path):
    pipeline(tmp_path, record_arguments=True)
    assert ended("run", tmp_path, "--store", tmp_path / "runs") == 0
    folder = run_folder(tmp_path / "runs")
    assert read_result(folder).question.config["train"]["command"][-1] == SECRET
    for file in folder.iterdir():
        assert (SECRET in file.read_text()) == (file.name == "audit.json"), file.name


def test_the_question_changes_with_its_options_and_not_with_their_values(tmp_path):
    raw = pipeline(tmp_path)
    first = record_question(build(raw)).digest
    raw["train"]["command"][-1] = "another"
    assert record_question(build(raw)).digest == first
    raw["train"]["command"] += ["--more"]
    assert record_question(build(raw)).digest != first


def test_counts_that_are_handed_on_hold_no_command(tmp_path, monkeypatch):
    pipeline(tmp_path)
    monkeypatch.chdir(tmp_path)
    text = (tmp_path / "audit.toml").read_text()
    (tmp_path / "data.toml").write_text(text.partition("[dataset]")[0])
    assert ended("count", "t.csv", "--config", "data.toml", "--into", "kept") == 0
    for file in (tmp_path / "kept").iterdir():
        assert SECRET not in file.read_text(), file.name


@pytest.mark.parametrize(
    "text", [f"python train.py --token={SECRET}", f"TOKEN={SECRET} python train.py", f"TOKEN={SECRET}"]
)
def test_no_error_shows_the_values_of_a_command(tmp_path, text):
    for run in (
        lambda: run_command([text], folder=tmp_path),
        lambda: run_command(text, folder=tmp_path),
        lambda: run_command([text], folder=tmp_path / "none"),
        lambda: parse(
            f'[train]\ncommand = "{text}"\npredictions = "p.csv"\n[data]\nlabel = "y"\n[predictions]\nprediction = "p"\n'
        ),
    ):
        with pytest.raises(AuditError) as caught:
            run()
        assert SECRET not in str(caught.value)


def test_a_preparation_that_fails_is_named_without_its_values(tmp_path, capfd):
    pipeline(tmp_path)
    (tmp_path / "prepare.py").write_text("raise SystemExit(3)")
    assert ended("run", tmp_path, "--store", tmp_path / "runs") == 2
    said = capfd.readouterr().err
    assert "prepare.py --key …" in said
    assert SECRET not in said


# --- folders, users, hosts

HOME = "/home/ada_lovelace/secret_merger"
PLACES = (HOME, "C:\\Users\\ada_lovelace\\secret_merger", "~ada_lovelace/secret_merger", "../ada_lovelace/secret_merger",
          "s3://ada_lovelace-bucket/secret_merger", "https://ada_lovelace:pw@host/secret_merger")  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("style", sorted(FORMATS))
def test_no_published_format_says_where_a_file_lay(place, style):
    """Also of a document that an older evenhand wrote, which holds more of a path."""
    private = samples.boston()
    detail = f"the table '{HOME}/t.csv' changed; see {HOME}/notes.txt"
    private = replace(
        private,
        run=replace(private.run, command=("audit", "run", f"{place}/boston"), ended=f"cannot write '{HOME}/store'"),
        data=tuple(replace(p, source=f"{place}/{p.part}.parquet") for p in private.data),
        checks=tuple(replace(c, detail=detail) for c in private.checks),
        epoch_notes=(detail,),
    )
    try:
        text = render(private, style)
    except QuestionError:
        pytest.skip("this result has no such format")
    assert "ada_lovelace" not in text
    assert "secret_merger" not in text
    if style in {"md", "html", "croissant"}:
        assert "train.parquet" in text


def test_a_table_is_named_by_its_file_in_every_file_that_is_published(tmp_path, monkeypatch):
    home = tmp_path / "ada_lovelace" / "secret_merger"
    home.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for name in ("tr.csv", "te.csv"):
        (home / name).write_text(ROWS)
    assert ended("data", home / "tr.csv", home / "te.csv", "--label", "y", "--groups", "g") == 0
    assert ended("data", str(home / "t*.csv"), "--label", "y", "--groups", "g", "--store", "more") == 0
    for store in ("audit-runs", "more"):
        folder = run_folder(tmp_path / store)
        assert not any(w in read_result(folder).data[0].source for w in ("ada", "merger"))
        for name in ("card.md", "card.html", "croissant.json"):
            text = (folder / name).read_text()
            assert "ada_lovelace" not in text
            assert "secret_merger" not in text
    assert '"includes": "t*.csv"' in (run_folder(tmp_path / "more") / "croissant.json").read_text()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("12 of 200 rows (a/b, 1/2)", "12 of 200 rows (a/b, 1/2)"),
        ("see https://example.org/a/b/c.html", "see https://example.org/a/b/c.html"),
        (f"at {HOME}/t.csv, and", "at t.csv, and"),
        (f"in '{HOME}/my table.csv'", "in 'my table.csv'"),
        ('in "C:\\Users\\ada\\t.csv"', 'in "t.csv"'),
        ("~/merger/t.csv", "t.csv"),
        ("n/a or 3 km/h", "n/a or 3 km/h"),
        ("", ""),
    ],
)
def test_paths_in_a_text(text, shown):
    assert drop_path(text) == shown
    assert drop_path(shown) == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://openml.org/search?type=data&id=1590", "https://openml.org/search?type=data&id=1590"),
        ("https://u:p@example.org/t?id=1", "https://example.org/t"),
        ("https://x.blob.core.windows.net/c/t?sv=2024&sig=abc", "https://x.blob.core.windows.net/c/t"),
        ("https://example.org/t#access_token=abc", "https://example.org/t"),
        ("https://u:p/w@example.org/t", "https://…"),
        ("http://[::1]:8080/t", "http://[::1]:8080/t"),
        ("ask the owner", "ask the owner"),
        ("https://example.org/t?pw=tulip", "https://example.org/t"),
        ("https://example.org/t?id=1&k=tulip", "https://example.org/t"),
        ("https://example.org/t?id=https%3A%2F%2Fme%3Atulip%40h", "https://example.org/t"),
        ("https://example.org/t?id=1#tulip", "https://example.org/t?id=1"),
        ("https://example.org/t;jsessionid=tulip/u", "https://example.org/t/u"),
        ("https://example.org/#/tulip", "https://example.org/"),
        ("jdbc:postgresql://u:tulip@db/t", "jdbc:postgresql://db/t"),
        ("jdbc:postgresql://db/t?user=u&password=tulip", "jdbc:postgresql://db/t"),
        ("jdbc:sqlserver://db:1433;user=sa;password=tulip", "jdbc:sqlserver://…"),
        ("jdbc:mysql://address=(host=db)(password=tulip)/t", "jdbc:mysql://…"),
        ("jdbc:oracle:thin:scott/tulip@//db:1521/x", "jdbc:…"),
        ("from https://u:tulip@example.org/t, or ftp://u:tulip@h/t.", "from https://example.org/t, or ftp://h/t."),
        ("https://me:tu lip@host/t", "https://host/t"),
        ("https://me:1/tulip@host/t", "https://…"),
        ("https://me:tu\\lip@host/t", "https://host/t"),
        ("https://tu\\lip@host/t", "https://host/t"),
        ("me:tulip@host/t", "me:…"),
        ("host=db user=u password='tulip x' port=1", "host=db user=u password=… port=1"),
        ("hf://datasets/me/set@main/t.parquet", "hf://datasets/me/set@main/t.parquet"),
        ("doi:10.1234/abc, or mailto:ada@example.org", "doi:10.1234/abc, or mailto:ada@example.org"),
    ],
)
def test_an_address_to_be_published(url, shown):
    assert without_credentials(url) == shown
    assert without_credentials(shown) == shown


def test_names_of_sources():
    assert strip_place("t.csv") == "t.csv"
    assert strip_place("/home/ada/tree/") == "tree"
    assert strip_place("a/k=*/x.parquet") == "k=*/x.parquet"
    assert strip_place("memory") == "memory"


REFUSED = (
    "https://me:S@example.org/t.parquet", "s3://me:tu/S@bucket/t.csv", " https://me:S@example.org/t.csv", "https://me:1/S@h/t.csv",
    "jdbc:postgresql://me:S@db/t", "jdbc:oracle:thin:me/S@//db", "https://example.org/t.csv?pw=S", "https://example.org/t.csv#S",
    "me:S@host:t.csv", "host=db password=S", "https://me:S@[bad/t.parquet", "ftp://me:S@h/t.csv", "https://me:x S@h/t.parquet",
)  # fmt: skip
"""Sources that nothing can be read from, with a password."""
COMMANDS = (
    ("data", "X", "--label", "y", "--groups", "g"), ("model", "X", "--label", "y", "--prediction", "p", "--groups", "g"),
    ("data", "t.csv", "X", "--label", "y", "--groups", "g"), ("run", "X"), ("init", "X"), ("gate", "X"), ("verify", "X"), ("card", "X"),
    ("count", "X", "--into", "d", "--label", "y"), ("measure", "X"), ("list", "X"), ("list", "--store", "X"), ("diff", "X", "X"), ("X",),
    ("data", "t.csv", "--config", "X"), ("data", "t.csv", "--suite", "X", "--label", "y", "--groups", "g"), ("plan", "X"),
    ("data", "t.csv", "--label", "X"), ("track", "--config", "X", "--", "true"), ("show", "--store", "X"),
)  # fmt: skip


@pytest.mark.parametrize("source", REFUSED)
def test_no_refusal_repeats_a_password(source, tmp_path, monkeypatch, capfd):
    """On the terminal, which is often a log that others read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(ROWS)
    said = source.replace("S", "tulip4411")
    for words in COMMANDS:
        assert ended(*(word.replace("X", said) for word in words)) != 4, words
        heard = capfd.readouterr()
        assert "tulip4411" not in heard.out + heard.err, words


def test_no_error_in_python_repeats_a_password():
    for text in (source.replace("S", "tulip4411") for source in REFUSED):
        error = SourceError(f"'{text}' cannot be read: check it")
        assert "tulip4411" not in f"{error} {error!r}", text
