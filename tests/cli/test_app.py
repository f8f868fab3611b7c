"""The command as a person meets it: real processes, real files, exit codes by the table."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import jsonschema
import pytest
from commands import audit, begin, only_run

TOML = """
[model]
name = "toy"
[data]
source = "train.csv"
label = "hired"
groups = ["sex"]
[train]
command = ["python", "train.py"]
predictions = "predictions.csv"
[predictions]
prediction = "predicted"
[energy]
country = "FRA"
"""
GATE = '[[gates]]\nmetric = "selection_rate"\ncompare = "ratio"\nby = ["sex"]\nmin = 0.8\n'


def rows(selected_f, selected_m, n=400):
    lines = ["sex,hired,predicted"]
    for sex, selected in (("f", selected_f), ("m", selected_m)):
        lines += [f"{sex},{i % 2},{int(i < selected * n)}" for i in range(n)]
    return "\n".join(lines) + "\n"


@pytest.fixture
def pipeline(tmp_path):
    """A pipeline whose training writes the predictions that lie beside it."""
    (tmp_path / "train.csv").write_text(rows(0.5, 0.5))
    (tmp_path / "made.csv").write_text(rows(0.2, 0.6))
    (tmp_path / "train.py").write_text("import shutil; shutil.copy('made.csv', 'predictions.csv'); print('trained')")
    (tmp_path / "audit.toml").write_text(TOML + GATE)
    return tmp_path


def test_a_run_leaves_a_valid_record_a_report_and_two_cards(pipeline, root):
    done = audit("run", ".", cwd=pipeline)
    assert done.returncode == 1, done.stderr
    assert "trained" in done.stderr
    run = only_run(pipeline)
    left = sorted(p.name for p in run.iterdir() if p.name != "energy.json")
    assert left == ["audit.json", "card.html", "card.md", "croissant.json", "report.html"]
    document = json.loads((run / "audit.json").read_text(), parse_constant=pytest.fail)
    jsonschema.validate(document, json.loads((root / "reports" / "schema" / "audit-result-1.schema.json").read_text()))
    assert document["verdict"] == "fail"
    assert {p["part"] for p in document["data"]} == {"train", "predictions"}
    assert document["energy"]["components"]
    assert document["run"]["exit_codes"] == {"train": 0}
    lines = done.stdout.splitlines()
    assert lines[0].startswith("FAIL: ")
    for word in ("FAIL", "20.0% (n 400)", "60.0% (n 400)", "0.8"):
        assert word in lines[0] + lines[1], done.stdout


@pytest.mark.parametrize(
    ("made", "extra", "code"),
    [
        (rows(0.5, 0.5), GATE, 0),
        (rows(0.2, 0.6), GATE, 1),
        (rows(0.48, 0.5, 40), GATE, 3),
        (rows(0.48, 0.5, 40), GATE + '[policy]\ninsufficient = "warn"\n', 0),
        (rows(0.0, 0.0), GATE, 3),
        (rows(0.2, 0.6), "", 0),
        ("sex,hired\nf,1\n", GATE, 2),
    ],
    ids=["pass", "fail", "insufficient", "insufficient allowed", "undefined", "not judged", "column missing"],
)
def test_exit_codes(pipeline, made, extra, code):
    (pipeline / "made.csv").write_text(made)
    (pipeline / "audit.toml").write_text(TOML + extra)
    done = audit("run", cwd=pipeline)
    assert done.returncode == code, done.stdout + done.stderr
    if not extra:
        assert "not judged" in done.stdout.splitlines()[0].lower()
    if code == 2:
        assert "no column 'predicted'" in done.stderr
        assert not list((pipeline / "audit-runs").iterdir())


def test_exit_zero_reports_but_does_not_fail_and_never_hides_bad_input(pipeline):
    excused = audit("run", "--exit-zero", cwd=pipeline)
    assert excused.returncode == 0
    assert "Exit code 0 (--exit-zero; otherwise 1: a limit failed)." in " ".join(excused.stdout.split())
    (pipeline / "audit.toml").write_text(TOML.replace('"sex"', '"sax"'))
    done = audit("run", "--exit-zero", cwd=pipeline)
    assert done.returncode == 2
    assert "did you mean 'sex'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_json_is_the_whole_document_on_stdout(pipeline):
    done = audit("run", "--json", cwd=pipeline)
    assert json.loads(done.stdout)["schema"] == "audit-result/1"
    assert "trained" in done.stderr


def test_a_typo_is_found_before_any_training(pipeline):
    (pipeline / "train.py").write_text("open('trained', 'w')")
    (pipeline / "audit.toml").write_text(TOML.replace('label = "hired"', 'label = "hird"'))
    done = audit("run", cwd=pipeline)
    assert done.returncode == 2
    assert "no column 'hird'; did you mean 'hired'?" in done.stderr
    assert not (pipeline / "trained").exists()
    assert not (pipeline / "audit-runs").exists() or not list((pipeline / "audit-runs").iterdir())


def test_an_unknown_country_is_refused_before_any_training(pipeline):
    (pipeline / "train.py").write_text("open('trained', 'w')")
    (pipeline / "audit.toml").write_text(TOML.replace("FRA", "FRX"))
    done = audit("run", cwd=pipeline)
    assert done.returncode == 2
    assert "FRX" in done.stderr
    assert not (pipeline / "trained").exists()


def test_predictions_of_an_earlier_run_are_never_audited(pipeline):
    (pipeline / "predictions.csv").write_text(rows(0.5, 0.5))
    (pipeline / "train.py").write_text("pass")
    done = audit("run", cwd=pipeline)
    assert done.returncode == 2
    assert "without writing 'predictions.csv'" in done.stderr


ENDS = {
    "exit 7": ("raise SystemExit(7)", 7, 7),
    "exception": ("raise ValueError('x')", 1, 1),
    "segfault": ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", -11, 139),
    "SIGTERM": ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -15, 143),
    "kill -9": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, 137),
}


@pytest.mark.parametrize(("body", "recorded", "passed_through"), ENDS.values(), ids=ENDS)
def test_a_training_that_fails_keeps_its_energy_and_its_code(pipeline, body, recorded, passed_through):
    (pipeline / "train.py").write_text(f"import time; time.sleep(0.3); {body}")
    done = audit("run", cwd=pipeline)
    assert done.returncode == 5, done.stdout + done.stderr
    document = json.loads((only_run(pipeline) / "audit.json").read_text())
    assert document["verdict"] == "incomplete"
    assert document["run"]["exit_codes"] == {"train": recorded}
    assert document["energy"]["components"]
    tracked = audit("track", "--store", "tracked", "--", "python", "train.py", cwd=pipeline)
    assert tracked.returncode == passed_through, tracked.stderr


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_stopped_keeps_its_energy(pipeline, number, code):
    (pipeline / "train.py").write_text("import time; open('started', 'w'); time.sleep(60)")
    process = begin("run", cwd=pipeline, session=True)
    deadline = time.monotonic() + 30
    while not (pipeline / "started").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(number)
    assert process.wait(30) == code
    document = json.loads((only_run(pipeline) / "audit.json").read_text())
    assert document["verdict"] == "incomplete"
    assert document["energy"]["components"]


def test_killing_the_audit_itself_leaves_the_last_flush(pipeline):
    (pipeline / "train.py").write_text("import time; time.sleep(30)")
    process = begin("run", cwd=pipeline, session=True)
    deadline = time.monotonic() + 40
    while not list((pipeline / "audit-runs").glob(".*/energy.json")) if (pipeline / "audit-runs").exists() else True:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    listed = audit("list", cwd=pipeline)
    assert "incomplete" in listed.stdout


def test_one_table_without_any_file(tmp_path):
    (tmp_path / "p.csv").write_text(rows(0.2, 0.6))
    arguments = ["model", "p.csv", "--label", "hired", "--prediction", "predicted", "--groups", "sex"]
    plain = audit(*arguments, cwd=tmp_path)
    assert plain.returncode == 0, plain.stderr
    assert "not judged" in plain.stdout.splitlines()[0].lower()
    judged = audit(*arguments, "--gate", "selection_rate ratio >= 0.8", "--write-config", "audit.toml", cwd=tmp_path)
    assert judged.returncode == 1
    again = audit("run", cwd=tmp_path)
    assert again.returncode == 1, again.stderr
    from_file = audit("model", "p.csv", "--config", "audit.toml", cwd=tmp_path)
    assert from_file.returncode == 1, from_file.stderr
    assert not list((tmp_path / "audit-runs").glob("*/energy.json"))[1:], "only `audit run` meters"


def test_a_data_check_alone(tmp_path):
    (tmp_path / "d.csv").write_text(rows(0.2, 0.6))
    done = audit(
        "data",
        "d.csv",
        "--label",
        "hired",
        "--groups",
        "sex",
        "--gate",
        "representation >= 0.9",
        "--json",
        cwd=tmp_path,
    )
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    assert {e["stage"] for e in document["estimates"]} == {"data"}
    assert document["gates"][0]["name"] == "data.representation.lowest.sex"


def test_the_gate_judges_the_document_again(pipeline):
    audit("run", cwd=pipeline)
    run = only_run(pipeline)
    assert audit("gate", run, cwd=pipeline).returncode == 1
    assert audit("gate", run, "--gate", "selection_rate ratio >= 0.1", cwd=pipeline).returncode == 0
    assert audit("gate", run, "--exit-zero", cwd=pipeline).returncode == 0
    (pipeline / "soft.toml").write_text(TOML + GATE.replace("0.8", "0.2"))
    assert audit("gate", run, "--config", "soft.toml", cwd=pipeline).returncode == 0


def test_verify_finds_a_number_that_does_not_follow_from_the_counts(pipeline):
    audit("run", cwd=pipeline)
    run = only_run(pipeline)
    assert audit("verify", run, cwd=pipeline).returncode == 0
    document = json.loads((run / "audit.json").read_text())
    estimate = next(
        e
        for e in document["estimates"]
        if e["metric"] == "selection_rate" and e["compare"] == "ratio" and e["group"] is None
    )
    estimate.update(value=0.95, low=0.9, high=1.0)
    (run / "audit.json").write_text(json.dumps(document))
    done = audit("verify", run, cwd=pipeline)
    assert done.returncode == 1
    assert "selection_rate" in done.stdout


def test_list_show_card_and_metrics(pipeline):
    audit("run", cwd=pipeline)
    run = only_run(pipeline)
    assert run.name in audit("list", cwd=pipeline).stdout
    assert "FAIL" in audit("show", cwd=pipeline).stdout
    assert audit("card", run, "--format", "html", cwd=pipeline).stdout.lower().startswith("<!doctype html>")
    wrong = audit("card", run, "--format", "pdf", cwd=pipeline)
    assert wrong.returncode == 2
    assert "TP / (TP + FN)" in audit("metrics", "true_positive_rate", cwd=pipeline).stdout
    assert "did you mean 'accuracy'" in audit("metrics", "acuracy", cwd=pipeline).stderr


def test_diff_tells_what_changed_and_what_moved_by_more_than_chance(pipeline):
    audit("run", cwd=pipeline)
    first = only_run(pipeline).name
    (pipeline / "made.csv").write_text(rows(0.58, 0.6))
    assert audit("run", cwd=pipeline).returncode in {0, 3}
    done = audit("diff", first, cwd=pipeline)
    assert done.returncode == 0, done.stderr
    assert "CHANGED  model.selection_rate.ratio.sex: FAIL (0.333)" in done.stdout
    assert "selection rate, sex f (model): 20.0% -> 58.0%, +38.0 points [" in done.stdout
    assert "selection rate, sex m" not in done.stdout
    same = audit("diff", first, first, cwd=pipeline)
    assert "CHANGED" not in same.stdout
    assert "0 of" in same.stdout
    assert "no run 'nothing'" in audit("diff", "nothing", cwd=pipeline).stderr


def test_init_says_every_group_that_it_writes_down(tmp_path):
    lines = rows(0.2, 0.6).splitlines()
    aged = [f"{line},{'age' if i == 0 else 18 + i % 60}" for i, line in enumerate(lines)]
    (tmp_path / "people.csv").write_text("\n".join(aged) + "\n")
    done = audit("init", "people.csv", cwd=tmp_path)
    assert "groups:     sex, age" in done.stdout
    assert 'groups = ["sex", "age"]' in (tmp_path / "audit.toml").read_text()


def test_init_proposes_and_never_overwrites(tmp_path):
    (tmp_path / "people.csv").write_text(rows(0.2, 0.6))
    done = audit("init", "people.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "audit.toml").read_text()
    assert 'label = "hired"' in text
    assert 'groups = ["sex"]' in text
    assert 'prediction = "predicted"' in text
    assert text.count("#") > 5
    assert audit("run", cwd=tmp_path).returncode == 1
    again = audit("init", "people.csv", cwd=tmp_path)
    assert again.returncode == 2
    assert "exists and is not overwritten; choose another name" in again.stderr
    assert (tmp_path / "audit.toml").read_text() == text


BANK = "age,default,housing,y\n" + "".join(
    f"{18 + i % 60},{'ny'[i % 9 == 0]},{'ny'[i % 2]},{'ny'[i % 5 == 0]}\n" for i in range(400)
)


def test_init_asks_for_the_label_in_a_terminal(tmp_path):
    (tmp_path / "bank.csv").write_text(BANK)
    said = in_a_terminal("init", "bank.csv", cwd=tmp_path, typed=["2", "2", "1"])
    assert "Which column is the true outcome (the label)?" in said
    assert "1  y" in said
    assert "Which value of default counts as positive?" in said
    assert "Which value of default is good for the person it is about?" in said
    text = (tmp_path / "audit.toml").read_text()
    assert 'label = "default"' in text
    assert 'favourable = "n"' in text
    said = in_a_terminal("init", "bank.csv", "--output", "b.toml", cwd=tmp_path, typed=["", "", ""])
    text = (tmp_path / "b.toml").read_text()
    assert 'label = "y"' in text
    assert "\n# favourable = …" in text


def in_a_terminal(*arguments, cwd, typed):
    """What a command says to a person who types these lines."""
    command = [sys.executable, "-m", "audit", *arguments]
    shown, ours = os.openpty()
    with subprocess.Popen(command, cwd=cwd, stdin=ours, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as p:
        os.close(ours)
        for line in typed:
            os.write(shown, f"{line}\n".encode())
        said, _ = p.communicate(timeout=60)
    os.close(shown)
    assert p.returncode == 0, said.decode()
    return said.decode()


def test_init_asks_nobody_without_a_terminal(tmp_path):
    (tmp_path / "t.csv").write_text("sex,approved,rejected,age\n" + "f,1,0,30\nm,0,1,40\n" * 99)
    done = audit("init", "t.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "label:      not certain; candidates: approved, rejected; name it with --label" in done.stdout
    assert audit("run", cwd=tmp_path).stdout.startswith("NOT JUDGED: ")
    (tmp_path / "audit.toml").unlink()
    named = ("--label", "approved", "--positive", "0", "--favourable", "1")
    assert audit("init", "t.csv", *named, cwd=tmp_path).returncode == 0
    text = (tmp_path / "audit.toml").read_text()
    assert "positive = 0" in text
    assert "favourable = 1" in text
    assert audit("run", cwd=tmp_path).returncode == 1


def test_a_user_folder_with_our_names_is_left_alone(pipeline):
    for name in ("pipelines", "reports", "dashboards"):
        (pipeline / name).mkdir()
        (pipeline / name / "__init__.py").write_text("raise RuntimeError('imported')")
    assert audit("run", cwd=pipeline).returncode == 1


@pytest.mark.parametrize("state", ["file", "read-only"])
def test_a_store_that_cannot_be_written_is_named(pipeline, state):
    store = pipeline / "kept"
    if state == "file":
        store.write_text("")
    else:
        if os.geteuid() == 0:
            pytest.skip("root may write anywhere")
        store.mkdir(mode=0o500)
    done = audit("run", "--store", "kept", cwd=pipeline)
    assert done.returncode == 2
    assert "kept" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_command_that_is_not_there(pipeline):
    (pipeline / "audit.toml").write_text(TOML.replace('["python", "train.py"]', '["no-such-trainer"]'))
    done = audit("run", cwd=pipeline)
    assert done.returncode == 2
    assert "no-such-trainer" in done.stderr


def test_track_passes_streams_and_code_through(tmp_path):
    code = textwrap.dedent(
        "import sys; print(sys.stdin.read().upper()); sys.stdout.buffer.write(bytes([255])); sys.exit(3)"
    )
    command = [sys.executable, "-m", "audit", "track", "--", "python", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, input=b"hello", capture_output=True, timeout=60)
    assert done.returncode == 3
    assert b"HELLO" in done.stdout
    assert b"\xff" in done.stdout


def test_help_of_every_command_exits_zero(tmp_path):
    for name in (
        "run",
        "data",
        "model",
        "track",
        "gate",
        "card",
        "list",
        "show",
        "diff",
        "verify",
        "conform",
        "dashboard",
        "init",
        "metrics",
        "plan",
        "demo",
    ):
        done = audit(name, "--help", cwd=tmp_path)
        assert done.returncode == 0, name
        assert name in done.stdout


def test_a_library_that_ends_the_program_is_no_pass(monkeypatch, capsys):
    import sys as system

    from audit.cli import app

    def ending(*_, **__):
        system.exit(0)

    monkeypatch.setattr(app, "app", ending)
    with pytest.raises(SystemExit) as ended:
        app.main([])
    assert ended.value.code == 4
    assert "nothing was judged" in capsys.readouterr().err


OPEN = '[[gates]]\nmetric = "selection_rate"\ncompare = "ratio"\nby = ["sex"]\nmin = 0.33\n'
"""A limit that lies inside the interval of the pipeline's predictions."""


def test_an_inconclusive_limit_is_allowed_on_request(pipeline):
    (pipeline / "audit.toml").write_text(TOML + OPEN)
    assert audit("run", cwd=pipeline).returncode == 3
    allowed = audit("gate", "latest", "--allow-inconclusive", cwd=pipeline)
    assert (allowed.returncode, "Exit code 0" in allowed.stdout) == (0, True), allowed.stdout
    run = audit("run", "--allow-inconclusive", cwd=pipeline)
    assert (run.returncode, "Exit code 0" in run.stdout) == (0, True), run.stdout
    asked = json.loads(audit("show", "latest", "--json", cwd=pipeline).stdout)
    assert (asked["verdict"], asked["question"]["config"]["policy"]["insufficient"]) == ("insufficient", "warn")
    assert asked["run"]["command"] == ["audit", "run", "audit.toml", "--allow-inconclusive"]
    model = ("model", "predictions.csv", "--label", "hired", "--prediction", "predicted", "--groups", "sex")
    rule = ("--gate", "selection_rate ratio >= 0.33")
    assert audit(*model, *rule, cwd=pipeline).returncode == 3
    assert audit(*model, *rule, "--allow-inconclusive", cwd=pipeline).returncode == 0


def test_an_undefined_limit_is_never_allowed(pipeline):
    model = ("model", "made.csv", "--label", "hired", "--prediction", "predicted", "--groups", "sex")
    rule = ("--gate", "selection_rate ratio >= 0.1", "--least-rows", "1000")
    done = audit(*model, *rule, "--allow-inconclusive", cwd=pipeline)
    assert done.returncode == 3
    assert "no group has at least 1000 rows ([policy] least_rows)" in " ".join(done.stdout.split())


def test_small_groups_are_excluded_by_an_option(pipeline):
    (pipeline / "made.csv").write_text(rows(0.5, 0.52) + "x,1,0\n" * 5)
    model = ("model", "made.csv", "--label", "hired", "--prediction", "predicted", "--groups", "sex")
    rule = ("--gate", "selection_rate ratio >= 0.8")
    assert audit(*model, *rule, cwd=pipeline).returncode == 3
    done = audit(*model, *rule, "--least-rows", "30", cwd=pipeline)
    assert done.returncode == 0, done.stdout
    said = "Groups with fewer than 30 rows are excluded by [policy] least_rows: 'x' (n 5)."
    assert said in " ".join(done.stdout.split())
    verified = audit("verify", "latest", cwd=pipeline)
    assert verified.returncode == 0, verified.stdout


WITHHELD = '[publish]\nk = 50\nterminal = "withhold"\n'


def test_a_terminal_that_withholds_says_no_number_of_a_small_group_anywhere(pipeline):
    """40 rows of a sex are fewer than k = 50; the sentence, the tables, the list, the comparison and the gate are silent."""
    small = rows(0.5, 0.5).splitlines() + [f"x,{i % 2},{int(i < 13)}" for i in range(40)]
    (pipeline / "made.csv").write_text("\n".join(small) + "\n")
    (pipeline / "audit.toml").write_text(TOML + GATE + WITHHELD)
    said = [audit("run", cwd=pipeline)]
    said += [audit(*words, cwd=pipeline) for words in (("list",), ("show", "--all"), ("gate", "latest"))]
    said += [audit("show", "latest", "--all", cwd=pipeline), audit("diff", "latest", "latest", cwd=pipeline)]
    assert "Withheld as on the card, to protect groups under 50" in " ".join(said[0].stdout.split())
    assert "  withheld  " in said[1].stdout
    for done in said:
        assert "32.5%" not in done.stdout + done.stderr
        assert "0.325" not in done.stdout + done.stderr
    (pipeline / "audit.toml").write_text(TOML + GATE)
    assert "32.5%" in audit("run", cwd=pipeline).stdout


def test_a_judgement_says_which_run_it_is_of(pipeline):
    audit("run", cwd=pipeline)
    audit("data", "train.csv", "--label", "hired", "--groups", "sex", cwd=pipeline)
    judged = audit("gate", "latest", cwd=pipeline)
    assert judged.stdout.rstrip().endswith(": audit data train.csv")
