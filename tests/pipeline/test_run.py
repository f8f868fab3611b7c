"""What `audit run` opens, how often, and where predictions may lie."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from audit.config.options import is_outside
from audit.config.read import build
from audit.errors import QuestionError
from audit.measurement.rates.benefits import BenefitTable
from audit.pipeline.run import Job, run
from audit.record.store import Store
from audit.tables import open as opening

DATA = {"source": "d.csv", "test": "t.csv", "label": "y", "groups": ["g"]}
ROWS = pd.DataFrame({"y": [0, 1] * 20, "p": [1, 0, 0, 1] * 10, "g": list("aabb") * 10})


@pytest.fixture
def parsed(monkeypatch):
    """Names of the texts that were parsed, in order."""
    seen, real = [], opening._read_text
    monkeypatch.setattr(opening, "_read_text", lambda part, text: seen.append(part.path.name) or real(part, text))
    return seen


def audited(folder, raw):
    return run(Job(config=build(raw), folder=folder, store=Store(folder / "store"), metered=False)).result


def test_every_text_is_parsed_once(tmp_path, parsed):
    for name in "dtp":
        ROWS.to_csv(tmp_path / f"{name}.csv", index=False)
    result = audited(tmp_path, {"data": DATA, "predictions": {"source": "p.csv", "prediction": "p"}})
    assert sorted(parsed) == ["d.csv", "p.csv", "t.csv"]
    assert [p.rows_read for p in result.data] == [40, 40, 40]


def test_what_prepare_writes_anew_is_what_is_audited(tmp_path):
    for name in "dtp":
        ROWS.to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "prepare.py").write_text(
        "import pandas as pd\n"
        "for n in 'dp':\n f = pd.read_csv(f'{n}.csv')\n pd.concat([f, f]).to_csv(f'{n}.csv', index=False)\n"
    )
    data = DATA | {"prepare": [sys.executable, "prepare.py"]}
    result = audited(tmp_path, {"data": data, "predictions": {"source": "p.csv", "prediction": "p"}})
    assert {p.part: p.rows_read for p in result.data} == {"train": 80, "test": 40, "predictions": 80}


@pytest.mark.parametrize(
    "path",
    ["/tmp/p.csv", "../p.csv", "a/../../p.csv", "..", "C:\\p.csv", "..\\p.csv", "\\\\host\\p.csv", "./../p.csv"],
)
def test_a_table_of_predictions_outside_the_folder_is_refused(path):
    assert is_outside(path)
    with pytest.raises(QuestionError, match="is outside the pipeline's folder") as caught:
        build({"train": {"command": ["x"], "predictions": path}, "predictions": {"prediction": "p"}})
    assert "train" in str(caught.value)


@pytest.mark.parametrize("path", ["p.csv", "out/p.csv", "a/../p.csv", "./p.csv", "..p.csv", "a..b/p.csv"])
def test_a_path_inside_the_folder_is_taken(path):
    assert not is_outside(path)


def trained(folder: Path, predictions):
    (folder / "train.py").write_text(
        f"import pandas as pd, pathlib\npathlib.Path({predictions!r}).parent.mkdir(exist_ok=True)\n"
        f"pd.read_csv('d.csv').to_csv({predictions!r}, index=False)\n"
    )
    ROWS.to_csv(folder / "d.csv", index=False)
    return {
        "data": {"label": "y", "groups": ["g"]},
        "train": {"command": [sys.executable, "train.py"], "predictions": predictions},
        "predictions": {"prediction": "p"},
    }


@pytest.mark.parametrize("kind", ["a link to a folder", "a link to a file"])
def test_a_link_out_of_the_folder_is_refused_and_nothing_is_removed(tmp_path, kind):
    inside, outside = tmp_path / "pipeline", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "p.csv").write_text("precious")
    if kind == "a link to a folder":
        (inside / "out").symlink_to(outside)
        raw = trained(inside, "out/p.csv")
    else:
        (inside / "p.csv").symlink_to(outside / "p.csv")
        raw = trained(inside, "p.csv")
    with pytest.raises(QuestionError, match="leads out of the pipeline's folder by a link"):
        run(Job(config=build(raw), folder=inside, store=Store(tmp_path / "store")))
    assert (outside / "p.csv").read_text() == "precious"


def test_an_old_table_inside_the_folder_may_be_written_anew(tmp_path):
    raw = trained(tmp_path, "out/../p.csv")
    (tmp_path / "out").mkdir()
    (tmp_path / "p.csv").write_text("old")
    result = run(Job(config=build(raw), folder=tmp_path, store=Store(tmp_path / "store"))).result
    assert result.data[-1].rows_read == 40


def test_a_metric_that_raises_raises_while_it_is_measured(tmp_path, monkeypatch):
    """No limit asks for it, so that nothing else than the document would."""
    ROWS.to_csv(tmp_path / "p.csv", index=False)
    monkeypatch.setattr(BenefitTable, "estimates", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError) as caught:
        audited(
            tmp_path, {"data": {"label": "y", "groups": ["g"]}, "predictions": {"source": "p.csv", "prediction": "p"}}
        )
    passed = {entry.name for entry in caught.traceback}
    assert "measure_all" in passed
    assert not passed & {"write", "rendered", "to_json"}
